/* runners.c - processes: started, listened to, watched, reaped.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "work/supervisor-priv.h"

#include <signal.h>
#include <string.h>

#define TICK_US (100 * G_TIME_SPAN_MILLISECOND)
#define LATE_US (30 * G_USEC_PER_SEC) /* for a start */
#define MOST_PAUSE_S 5                /* between starts that come to nothing */

OrfChild *
orf_child_ref(OrfChild *child)
{
    child->refs++;
    return child;
}

void
orf_child_unref(OrfChild *child)
{
    if (!child || --child->refs > 0)
        return;
    g_ptr_array_unref(child->rides);
    orf_channel_free(child->channel);
    g_free(child->confined);
    g_free(child);
}

OrfChild *
orf_child_want(OrfSupervisor *supervisor, bool alone)
{
    OrfChild *child = g_new0(OrfChild, 1);
    child->refs = 1; /* of `children` */
    child->supervisor = supervisor;
    child->alone = alone;
    child->rides = g_ptr_array_new();
    int64_t pause = MIN(supervisor->failures, MOST_PAUSE_S) * G_TIME_SPAN_SECOND;
    child->wanted_at = g_get_monotonic_time() + pause;
    g_ptr_array_add(supervisor->children, child);
    g_cond_signal(&supervisor->mind);
    return child;
}

void
orf_child_end(OrfChild *child, OrfEndedFor why)
{
    if (child->ended_for == ORF_ENDED_NOT)
        child->ended_for = why;
    if (child->state == ORF_CHILD_STARTING || child->state == ORF_CHILD_READY)
        kill(child->process.pid, SIGKILL);
    if (child->supervisor->main == child)
        child->supervisor->main = NULL;
    g_cond_signal(&child->supervisor->mind);
}

void
orf_child_retire(OrfChild *child)
{
    OrfSupervisor *supervisor = child->supervisor;
    if (!child->retire_at)
        child->retire_at = g_get_monotonic_time() + supervisor->options.grace_us;
    if (supervisor->main == child)
        supervisor->main = NULL;
    g_cond_signal(&supervisor->mind);
}

/* --- Listening ---------------------------------------------------------------------------- */

static OrfRide *
find_ride(const OrfChild *child, uint64_t number)
{
    for (guint i = 0; i < child->rides->len; i++) {
        OrfRide *ride = child->rides->pdata[i];
        if (ride->number == number)
            return ride;
    }
    return NULL;
}

/* A runner that floods a run's mail is not to be trusted. False: no more of it. */
static bool
deliver(OrfRide *ride, OrfMessage *message)
{
    const OrfMessage *last = g_queue_peek_tail(&ride->mail);
    if (message->type == ORF_MESSAGE_PROGRESS) {
        g_free(ride->step);
        ride->step = g_strdup(message->step);
        if (last && last->type == ORF_MESSAGE_PROGRESS &&
            g_strcmp0(last->step, message->step) == 0)
            orf_message_free(g_queue_pop_tail(&ride->mail)); /* the newest says it all */
    }
    g_queue_push_tail(&ride->mail, message);
    g_cond_signal(&ride->came);
    return ride->mail.length <= ORF_MOST_MAIL;
}

/* Takes it. */
static bool
hear(OrfChild *child, OrfMessage *message)
{
    OrfSupervisor *supervisor = child->supervisor;
    OrfRide *ride = NULL;
    bool good = true;
    switch (message->type) {
    case ORF_MESSAGE_HELLO:
        child->confined = g_steal_pointer(&message->text);
        good = child->state == ORF_CHILD_STARTING;
        child->state = ORF_CHILD_READY;
        supervisor->failures = 0;
        *supervisor->stats.failing = '\0';
        if (!*supervisor->stats.confined)
            orf_log_note("runs are confined: %s", child->confined ? child->confined : "none");
        g_strlcpy(supervisor->stats.confined, child->confined ? child->confined : "none",
                  sizeof supervisor->stats.confined);
        g_cond_broadcast(&supervisor->changed);
        break;
    case ORF_MESSAGE_BEAT:
        break;
    case ORF_MESSAGE_PROGRESS:
    case ORF_MESSAGE_STAGE:
    case ORF_MESSAGE_RESULT:
    case ORF_MESSAGE_FAILED:
        ride = find_ride(child, message->run);
        good = ride == NULL || deliver(ride, message);
        break;
    default:
        good = false; /* a server says this, no runner */
    }
    if (!ride) /* or of a run that was given up */
        orf_message_free(message);
    return good;
}

static void *
read_child(void *data)
{
    OrfChild *child = data;
    OrfSupervisor *supervisor = child->supervisor;
    g_autoptr(GError) error = NULL;
    bool good = true;
    while (good) {
        OrfMessage *message = orf_channel_receive(child->channel, &error);
        if (!message)
            break;
        g_mutex_lock(&supervisor->lock);
        child->silent_us = 0;
        good = hear(child, message);
        g_mutex_unlock(&supervisor->lock);
    }
    g_mutex_lock(&supervisor->lock);
    if (!good || g_error_matches(error, ORF_ERROR, ORF_ERROR_BAD_INPUT))
        orf_child_end(child, ORF_ENDED_NONSENSE);
    child->state = ORF_CHILD_GONE;
    if (supervisor->main == child)
        supervisor->main = NULL;
    g_cond_signal(&supervisor->mind);
    g_mutex_unlock(&supervisor->lock);
    return NULL;
}

/* --- Minding ------------------------------------------------------------------------------ */

static void
failed_to_start(OrfChild *child, const char *why)
{
    OrfSupervisor *supervisor = child->supervisor;
    supervisor->failures++;
    g_strlcpy(supervisor->stats.failing, why, sizeof supervisor->stats.failing);
    orf_log_warning("no runner: %s", why);
}

/* Leaves the lock. */
static void
start(OrfChild *child)
{
    OrfSupervisor *supervisor = child->supervisor;
    g_autoptr(GError) error = NULL;
    int socket = -1;
    g_mutex_unlock(&supervisor->lock);
    bool started = orf_child_start(supervisor->options.argv, &child->process, &socket, &error);
    g_mutex_lock(&supervisor->lock);
    if (!started) {
        failed_to_start(child, error->message);
        child->state = ORF_CHILD_DEAD;
        if (supervisor->main == child)
            supervisor->main = NULL;
        return;
    }
    supervisor->stats.started++;
    child->state = ORF_CHILD_STARTING;
    child->wanted_at = g_get_monotonic_time();
    child->channel = orf_channel_new(socket);
    child->reader = g_thread_new("orfeas-hear", read_child, child);
}

static const char *
describe_end(const OrfChild *child)
{
    switch (child->ended_for) {
    case ORF_ENDED_SILENT:
        return "gave no sign of life";
    case ORF_ENDED_NONSENSE:
        return "talked nonsense";
    case ORF_ENDED_LATE:
        return "did not start in time";
    case ORF_ENDED_RETIRED:
        return "held a run that did not stop";
    default:
        return child->death.memory ? "took too much memory" : child->death.how;
    }
}

/* Whom to blame; the count. */
static void
judge(OrfChild *child, bool was_ready)
{
    OrfIsolationStats *stats = &child->supervisor->stats;
    switch (child->ended_for) {
    case ORF_ENDED_NOT:
        break;
    case ORF_ENDED_NONSENSE:
    case ORF_ENDED_LATE:
        child->death.kind = ORF_DEATH_OWN;
        g_strlcpy(child->death.how, "nonsense", sizeof child->death.how);
        break;
    default:
        child->death.kind = ORF_DEATH_OUTSIDE;
    }
    bool closing = child->supervisor->closing;
    if (child->ended_for == ORF_ENDED_USED || closing)
        return;
    stats->replaced +=
        child->ended_for == ORF_ENDED_SILENT || child->ended_for == ORF_ENDED_RETIRED;
    stats->ended += child->ended_for == ORF_ENDED_NOT && child->death.kind == ORF_DEATH_OUTSIDE;
    stats->crashed += child->death.kind == ORF_DEATH_OWN;
    if (!was_ready && child->death.kind == ORF_DEATH_OWN)
        failed_to_start(child, describe_end(child));
    else
        orf_log_warning("a runner is replaced: %s; %u runs were in it", describe_end(child),
                        child->inside);
}

/* Leaves the lock. */
static void
reap(OrfChild *child)
{
    OrfSupervisor *supervisor = child->supervisor;
    bool was_ready = child->confined != NULL;
    g_mutex_unlock(&supervisor->lock);
    orf_child_reap(&child->process, &child->death);
    g_thread_join(child->reader);
    g_mutex_lock(&supervisor->lock);
    child->inside = child->rides->len + child->stuck;
    judge(child, was_ready);
    child->state = ORF_CHILD_DEAD;
    for (guint i = 0; i < child->rides->len; i++)
        g_cond_signal(&((OrfRide *)child->rides->pdata[i])->came);
}

static void
watch(OrfChild *child, int64_t now, int64_t passed)
{
    const OrfSupervisorOptions *options = &child->supervisor->options;
    bool busy = child->rides->len || child->stuck;
    child->silent_us = busy ? child->silent_us + passed : 0;
    if (child->silent_us > options->silent_us)
        orf_child_end(child, ORF_ENDED_SILENT);
    else if (child->retire_at && (!child->rides->len || now > child->retire_at))
        orf_child_end(child, ORF_ENDED_RETIRED);
    else if (child->alone && child->taken && !busy)
        orf_child_end(child, ORF_ENDED_USED);
}

/* One look at one; true: something came of it, look again. */
static bool
look_at(OrfChild *child, int64_t now, int64_t passed)
{
    switch (child->state) {
    case ORF_CHILD_WANTED:
        if (child->supervisor->closing)
            child->state = ORF_CHILD_DEAD;
        else if (now >= child->wanted_at)
            start(child);
        return child->state != ORF_CHILD_WANTED;
    case ORF_CHILD_STARTING:
        if (now - child->wanted_at > LATE_US || child->supervisor->closing)
            orf_child_end(child, ORF_ENDED_LATE);
        return false;
    case ORF_CHILD_READY:
        if (child->supervisor->closing)
            orf_child_end(child, ORF_ENDED_USED);
        else
            watch(child, now, passed);
        return false;
    case ORF_CHILD_GONE:
        reap(child);
        return true;
    case ORF_CHILD_DEAD:
        return false;
    }
    return false;
}

static void
look_at_all(OrfSupervisor *supervisor, int64_t passed)
{
    int64_t now = g_get_monotonic_time();
    bool changed = false;
    for (guint i = 0; i < supervisor->children->len; i++) {
        OrfChild *child = orf_child_ref(supervisor->children->pdata[i]);
        changed |= look_at(child, now, passed);
        bool dead = child->state == ORF_CHILD_DEAD;
        if (dead && g_ptr_array_remove(supervisor->children, child)) {
            orf_child_unref(child);
            i--;
        }
        orf_child_unref(child);
    }
    if (changed)
        g_cond_broadcast(&supervisor->changed);
}

/* Whether something may happen that nobody tells of. */
static bool
has_to_watch(const OrfSupervisor *supervisor)
{
    for (guint i = 0; i < supervisor->children->len; i++) {
        const OrfChild *child = supervisor->children->pdata[i];
        if (child->state != ORF_CHILD_READY || child->rides->len || child->stuck ||
            child->retire_at || (child->alone && child->taken) || supervisor->closing)
            return true;
    }
    return false;
}

void *
orf_supervisor_mind(void *data)
{
    OrfSupervisor *supervisor = data;
    g_mutex_lock(&supervisor->lock);
    int64_t before = g_get_monotonic_time();
    while (!supervisor->closing || supervisor->children->len) {
        if (!supervisor->main && !supervisor->closing)
            supervisor->main = orf_child_want(supervisor, false);
        int64_t now = g_get_monotonic_time();
        /* When this process stood still, it is not the runner that was silent. */
        look_at_all(supervisor, MIN(now - before, 2 * TICK_US));
        before = now;
        if (supervisor->main || supervisor->closing) {
            if (has_to_watch(supervisor))
                g_cond_wait_until(&supervisor->mind, &supervisor->lock,
                                  g_get_monotonic_time() + TICK_US);
            else if (!supervisor->closing)
                g_cond_wait(&supervisor->mind, &supervisor->lock);
        }
    }
    g_mutex_unlock(&supervisor->lock);
    return NULL;
}
