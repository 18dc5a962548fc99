/* supervisor.c - runs: put into a runner, followed, started again, given up.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "work/supervisor-priv.h"

#include <string.h>

#define LOOK_US (20 * G_TIME_SPAN_MILLISECOND) /* at the task, which tells nobody */
#define MOST_OUTSIDE 10                        /* ends by others that one run may see */
#define MOST_DISPLACED 2                       /* by neighbours that did not stop */
#define MOST_DEATHS 2                          /* of a runner with this run alone in it */
#define MOST_FAILURES 3                        /* starts that come to nothing */

/* One run through all its runners. */
typedef struct {
    OrfSupervisor *supervisor;
    OrfTask *task;
    OrfMessage *run;
    const OrfRideHost *host;
    bool alone; /* from now on */
    unsigned deaths, outside, displaced;
    int64_t spent_us, deaf_since; /* deaf_since: monotonic, when it was told to stop; 0: not */
    bool late;                    /* told to stop since its time is over */
    GError *stop;                 /* of the host: why it was told to stop */
    OrfMessage *last;             /* RESULT or FAILED */
} Journey;

typedef enum { ARRIVED, DIED, GIVEN_UP } Outcome;

/* --- Into a runner ------------------------------------------------------------------------ */

static bool
is_ready(const OrfChild *child)
{
    return child && child->state == ORF_CHILD_READY && !child->retire_at &&
           child->ended_for == ORF_ENDED_NOT;
}

/* A ready runner with the ride in it and a reference; NULL sets error. */
static OrfChild *
board(Journey *journey, OrfRide *ride, GError **error)
{
    OrfSupervisor *supervisor = journey->supervisor;
    OrfChild *own = NULL, *child = NULL;
    bool good = true;
    while (good && !child) {
        if (journey->alone && (!own || own->state == ORF_CHILD_DEAD)) {
            orf_child_unref(own);
            own = orf_child_ref(orf_child_want(supervisor, true));
        }
        OrfChild *wish = journey->alone ? own : supervisor->main;
        if (orf_task_cancelled(journey->task))
            good = ORF_FALSE(error, CANCELLED, "cancelled");
        else if (supervisor->failures >= MOST_FAILURES || supervisor->closing)
            good = ORF_FALSE(error, UNAVAILABLE, "no runner can be started: %s",
                             supervisor->stats.failing);
        else if (is_ready(wish))
            child = orf_child_ref(wish);
        else
            g_cond_wait_until(&supervisor->changed, &supervisor->lock,
                              g_get_monotonic_time() + LOOK_US);
    }
    if (own)
        own->taken = true; /* also when nobody came: it ends */
    if (child) {
        ride->number = ++supervisor->next_number;
        g_ptr_array_add(child->rides, ride);
        child->silent_us = 0;
        g_cond_signal(&supervisor->mind);
    }
    orf_child_unref(own);
    return child;
}

static void
leave(OrfChild *child, OrfRide *ride, Outcome outcome)
{
    OrfSupervisor *supervisor = child->supervisor;
    g_ptr_array_remove(child->rides, ride);
    if (outcome == GIVEN_UP && child->state != ORF_CHILD_DEAD) {
        child->stuck++;
        supervisor->stats.given_up++;
        orf_child_retire(child);
    }
    g_cond_signal(&supervisor->mind);
    orf_child_unref(child);
}

static void
ride_clear(OrfRide *ride)
{
    g_queue_clear_full(&ride->mail, (GDestroyNotify)orf_message_free);
    g_cond_clear(&ride->came);
    g_free(ride->step);
}

/* --- Following ---------------------------------------------------------------------------- */

/* Answers to a runner that is gone are lost; its death will be seen. */
static void
say(OrfChild *child, OrfMessageType type, uint64_t number)
{
    orf_channel_send(child->channel, &(OrfMessage){ .type = type, .run = number }, NULL);
}

static void
tell_to_stop(Journey *journey, OrfChild *child, const OrfRide *ride)
{
    if (journey->deaf_since)
        return;
    journey->deaf_since = g_get_monotonic_time();
    say(child, ORF_MESSAGE_CANCEL, ride->number);
}

static void
take_stage(Journey *journey, OrfChild *child, const OrfRide *ride, const OrfMessage *stage)
{
    g_autoptr(GBytes) file = NULL;
    if (journey->stop || journey->deaf_since)
        return;
    bool good = stage->same ||
                (stage->n_fds == 1 && (file = orf_descriptor_map(stage->fds[0], true, NULL)));
    if (!good) {
        g_mutex_lock(&journey->supervisor->lock);
        orf_child_end(child, ORF_ENDED_NONSENSE);
        g_mutex_unlock(&journey->supervisor->lock);
        return;
    }
    if (journey->host->stage(stage, file, journey->host->data, &journey->stop))
        say(child, ORF_MESSAGE_GO, ride->number);
    else
        tell_to_stop(journey, child, ride);
}

/* Takes it. True: it was the last. */
static bool
open_letter(Journey *journey, OrfChild *child, const OrfRide *ride, OrfMessage *letter)
{
    const OrfRideHost *host = journey->host;
    if (letter->type == ORF_MESSAGE_RESULT || letter->type == ORF_MESSAGE_FAILED) {
        journey->last = letter;
        return true;
    }
    if (letter->type == ORF_MESSAGE_PROGRESS)
        host->progress(letter->step ? letter->step : "", CLAMP(letter->fraction, 0, 1),
                       host->data);
    else
        take_stage(journey, child, ride, letter);
    orf_message_free(letter);
    return false;
}

/* The next letter, without the lock; NULL: look around. */
static OrfMessage *
await_letter(Journey *journey, OrfChild *child, OrfRide *ride, bool *ret_dead)
{
    GMutex *lock = &journey->supervisor->lock;
    g_mutex_lock(lock);
    if (g_queue_is_empty(&ride->mail) && child->state != ORF_CHILD_DEAD)
        g_cond_wait_until(&ride->came, lock, g_get_monotonic_time() + LOOK_US);
    OrfMessage *letter = g_queue_pop_head(&ride->mail);
    *ret_dead = !letter && child->state == ORF_CHILD_DEAD;
    g_mutex_unlock(lock);
    return letter;
}

static Outcome
follow(Journey *journey, OrfChild *child, OrfRide *ride)
{
    const OrfSupervisorOptions *options = &journey->supervisor->options;
    journey->run->run = ride->number;
    journey->deaf_since = 0;
    journey->spent_us = 0;
    g_autoptr(GError) error = NULL;
    if (!orf_channel_send(child->channel, journey->run, &error) &&
        !g_error_matches(error, ORF_ERROR, ORF_ERROR_UNAVAILABLE)) {
        g_propagate_error(&journey->stop, g_steal_pointer(&error));
        return ARRIVED;
    }
    for (;;) {
        bool dead;
        int64_t since = g_get_monotonic_time();
        OrfMessage *letter = await_letter(journey, child, ride, &dead);
        int64_t now = g_get_monotonic_time();
        journey->spent_us +=
            MIN(now - since, 2 * LOOK_US); /* unless this process stood still */
        if (dead)
            return DIED;
        if (letter && open_letter(journey, child, ride, letter))
            return ARRIVED;
        if (journey->spent_us > options->limit_us)
            journey->late = true;
        if (journey->late || orf_task_cancelled(journey->task))
            tell_to_stop(journey, child, ride);
        if (journey->deaf_since && now - journey->deaf_since > options->deaf_us)
            return GIVEN_UP;
    }
}

/* --- After a death ------------------------------------------------------------------------ */

/* With the lock held. False: it is not started again. */
static bool
may_start_again(Journey *journey, const OrfChild *child, const OrfRide *ride, GError **error)
{
    const char *step = ride->step ? ride->step : "start";
    bool own = child->death.kind == ORF_DEATH_OWN, lone = child->inside <= 1;
    if (own)
        journey->alone = true;
    journey->deaths += own && lone;
    journey->outside += !own && child->ended_for != ORF_ENDED_RETIRED;
    journey->displaced += child->ended_for == ORF_ENDED_RETIRED;
    if (journey->displaced >= MOST_DISPLACED || journey->outside > MOST_OUTSIDE / 2)
        journey->alone = true;
    if (journey->deaths >= MOST_DEATHS && child->death.memory)
        return ORF_FALSE(
            error, TOO_LARGE,
            "it needs more memory than there is (in \"%s\"): lower the quality, or "
            "send a smaller picture",
            step);
    if (journey->deaths >= MOST_DEATHS)
        return ORF_FALSE(error, UNSUPPORTED,
                         "the program crashed on this input twice (%s in \"%s\"), so it is not "
                         "tried again; others are not harmed",
                         child->death.how, step);
    if (journey->outside > MOST_OUTSIDE)
        return ORF_FALSE(error, UNAVAILABLE, "its runner was ended from outside %u times",
                         journey->outside);
    return true;
}

static void
tell_again(const Journey *journey, const OrfChild *child)
{
    const char *why = child->ended_for == ORF_ENDED_SILENT    ? "it gave no sign of life"
                      : child->ended_for == ORF_ENDED_RETIRED ? "another run in it did not stop"
                                                              : child->death.how;
    g_autofree char *text =
        g_strdup_printf("the runner had to be replaced (%s); starting again%s", why,
                        journey->alone ? ", alone" : "");
    journey->host->log(text, journey->host->data);
}

/* One runner. True: again, in another. */
static bool
travel(Journey *journey, GError **error)
{
    OrfSupervisor *supervisor = journey->supervisor;
    OrfRide ride = { .mail = G_QUEUE_INIT };
    g_cond_init(&ride.came);
    g_mutex_lock(&supervisor->lock);
    OrfChild *child = board(journey, &ride, error);
    g_mutex_unlock(&supervisor->lock);
    bool again = false;
    if (child) {
        Outcome outcome = follow(journey, child, &ride);
        g_mutex_lock(&supervisor->lock);
        again = outcome == DIED && !journey->stop && !journey->late &&
                may_start_again(journey, child, &ride, error);
        supervisor->stats.repeated += again;
        g_mutex_unlock(&supervisor->lock);
        if (again)
            tell_again(journey, child);
        g_mutex_lock(&supervisor->lock);
        leave(child, &ride, outcome);
        g_mutex_unlock(&supervisor->lock);
    }
    ride_clear(&ride);
    return again;
}

/* --- A run -------------------------------------------------------------------------------- */

static OrfMessage *
conclude(Journey *journey, OrfMessage **ret_failed, GError **error)
{
    OrfMessage *last = journey->last;
    if (last && last->type == ORF_MESSAGE_RESULT && !journey->stop)
        return last;
    if (journey->stop)
        g_propagate_error(error, g_steal_pointer(&journey->stop));
    else if (journey->late)
        g_set_error(
            error, ORF_ERROR, ORF_ERROR_TOO_LARGE,
            "it took longer than the %.0f s that one run may take: lower the quality, or send "
            "a smaller picture",
            (double)journey->supervisor->options.limit_us / G_USEC_PER_SEC);
    else if (last && !orf_task_cancelled(journey->task))
        g_set_error_literal(error, ORF_ERROR, (int)MIN(last->code, ORF_ERROR_BUG),
                            last->text ? last->text : "it failed");
    else
        g_set_error_literal(error, ORF_ERROR, ORF_ERROR_CANCELLED, "cancelled");
    if (ret_failed && last && last->type == ORF_MESSAGE_FAILED)
        *ret_failed = last;
    else
        orf_message_free(last);
    return NULL;
}

OrfMessage *
orf_supervisor_run(OrfSupervisor *supervisor, OrfTask *task, OrfMessage *run,
                   const OrfRideHost *host, OrfMessage **ret_failed, GError **error)
{
    Journey journey = { .supervisor = supervisor, .task = task, .run = run, .host = host };
    g_autoptr(GError) why = NULL;
    while (travel(&journey, &why))
        continue;
    if (!why)
        return conclude(&journey, ret_failed, error);
    g_clear_error(&journey.stop);
    orf_message_free(journey.last);
    g_propagate_error(error, g_steal_pointer(&why));
    return NULL;
}

/* --- Life --------------------------------------------------------------------------------- */

OrfSupervisor *
orf_supervisor_new(const OrfSupervisorOptions *options)
{
    OrfSupervisor *supervisor = g_new0(OrfSupervisor, 1);
    OrfSupervisorOptions *o = &supervisor->options;
    *o = *options;
    o->limit_us = o->limit_us ? o->limit_us : 10 * G_TIME_SPAN_MINUTE;
    o->deaf_us = o->deaf_us ? o->deaf_us : G_TIME_SPAN_SECOND / 2;
    o->silent_us = o->silent_us ? o->silent_us : 3 * G_TIME_SPAN_SECOND;
    o->grace_us = o->grace_us ? o->grace_us : 5 * G_TIME_SPAN_SECOND;
    g_mutex_init(&supervisor->lock);
    g_cond_init(&supervisor->changed);
    g_cond_init(&supervisor->mind);
    supervisor->children = g_ptr_array_new();
    supervisor->minder = g_thread_new("orfeas-mind", orf_supervisor_mind, supervisor);
    return supervisor;
}

void
orf_supervisor_free(OrfSupervisor *supervisor)
{
    if (!supervisor)
        return;
    g_mutex_lock(&supervisor->lock);
    supervisor->closing = true;
    g_cond_signal(&supervisor->mind);
    g_mutex_unlock(&supervisor->lock);
    g_thread_join(supervisor->minder);
    g_ptr_array_unref(supervisor->children);
    g_mutex_clear(&supervisor->lock);
    g_cond_clear(&supervisor->changed);
    g_cond_clear(&supervisor->mind);
    g_free(supervisor);
}

void
orf_supervisor_stats(OrfSupervisor *supervisor, OrfIsolationStats *ret)
{
    g_mutex_lock(&supervisor->lock);
    *ret = supervisor->stats;
    ret->pid = is_ready(supervisor->main) ? (int)supervisor->main->process.pid : 0;
    for (guint i = 0; i < supervisor->children->len; i++) {
        const OrfChild *child = supervisor->children->pdata[i];
        ret->runners += child->state == ORF_CHILD_STARTING || child->state == ORF_CHILD_READY;
        ret->inside += child->rides->len;
        ret->stuck += child->stuck;
    }
    g_mutex_unlock(&supervisor->lock);
}
