/* run-jobs.c - the runner process: confined, it takes runs over a socket and tells of them.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * The first thread listens; each run of a job has a thread of its own, what somebody waits for
 * takes turns on threads that stay: libraries prepare each thread, which takes as long as
 * drawing a small model. One more says twice a second that the process is alive while something
 * runs. It ends when the server hangs up, and with the thread of the server that started it. */
#define _GNU_SOURCE /* close_range */
#include "work/child.h"
#include "work/confine.h"
#include "work/make.h"

#include <errno.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define GENTLE 10 /* nice value of threads that run jobs */
#define POLITE 5  /* of the others: starting takes nothing from who answers clients */
#define BEAT_US (500 * G_TIME_SPAN_MILLISECOND)
#define PROGRESS_US (50 * G_TIME_SPAN_MILLISECOND)
#define MOST_ERROR 1000 /* bytes of a message */
#define LIGHT_THREADS 4

typedef struct {
    OrfChannel *channel;
    OrfEngine *engine; /* all runs share it */
    OrfRunHook hook;
    OrfWorkers *light; /* for what somebody waits for */
    GMutex lock;       /* of the rest */
    GCond changed;     /* a run may go on, or is over, or has begun */
    GHashTable *runs;  /* number -> Inside, borrowed */
} Room;

typedef struct {
    Room *room;
    OrfMessage *order; /* RUN */
    OrfTask *task;
    /* Under the room's lock: */
    unsigned go; /* how often it was told to go on */
    char *step;  /* told last, and when: monotonic */
    int64_t told_us;
} Inside;

static void
tell(Room *room, const OrfMessage *message)
{
    /* A server that is gone will be seen by who listens; a message too long is a lesser one. */
    orf_channel_send(room->channel, message, NULL);
}

/* --- One run ------------------------------------------------------------------------------ */

static GBytes *
input(const char *digest, void *data, GError **error)
{
    const OrfMessage *order = ((Inside *)data)->order;
    for (size_t i = 0; i < order->n_fds; i++)
        if (order->inputs && order->inputs[i] && strcmp(order->inputs[i], digest) == 0)
            return orf_descriptor_map(order->fds[i], false, error);
    return ORF_FAIL(error, BUG, "an input did not come with its run");
}

/* Waits until the server has kept the stage and has a place for what follows. */
static bool
may_go_on(Inside *inside, GError **error)
{
    Room *room = inside->room;
    g_mutex_lock(&room->lock);
    while (!inside->go && !orf_task_cancelled(inside->task))
        g_cond_wait(&room->changed, &room->lock);
    if (inside->go)
        inside->go--;
    g_mutex_unlock(&room->lock);
    return orf_task_check(inside->task, error);
}

static bool
stage(const OrfMessage *stage, GBytes *file, void *data, GError **error)
{
    Inside *inside = data;
    OrfMessage told = *stage;
    told.run = inside->order->run;
    if (file) {
        told.fds[0] = orf_sealed_new(file, error);
        if (told.fds[0] < 0)
            return false;
        told.n_fds = 1;
    }
    bool sent = orf_channel_send(inside->room->channel, &told, error);
    if (file)
        close(told.fds[0]);
    return sent && may_go_on(inside, error);
}

/* Each step is told, and how far it is now and then: nobody hears of more. */
static bool
is_news(Inside *inside, const char *step)
{
    int64_t now = g_get_monotonic_time();
    g_mutex_lock(&inside->room->lock);
    bool changed = g_strcmp0(inside->step, step) != 0;
    bool news = changed || now - inside->told_us >= PROGRESS_US;
    if (changed) {
        g_free(inside->step);
        inside->step = g_strdup(step);
    }
    if (news)
        inside->told_us = now;
    g_mutex_unlock(&inside->room->lock);
    return news;
}

static void
progress(const char *step, double fraction, void *data)
{
    Inside *inside = data;
    if (!is_news(inside, step))
        return;
    tell(inside->room, &(OrfMessage){ .type = ORF_MESSAGE_PROGRESS,
                                      .run = inside->order->run,
                                      .step = (char *)(uintptr_t)step,
                                      .fraction = fraction });
    char **names = inside->order->input_names;
    if (inside->room->hook && names && *names)
        inside->room->hook(*names, step);
}

static void
tell_failure(Inside *inside, const char *generator, const GError *why)
{
    g_autofree char *text = g_strndup(why->message, MOST_ERROR);
    int code = why->domain == ORF_ERROR ? why->code : ORF_ERROR_UNAVAILABLE;
    tell(inside->room, &(OrfMessage){ .type = ORF_MESSAGE_FAILED,
                                      .run = inside->order->run,
                                      .code = (uint64_t)code,
                                      .text = text,
                                      .generator = (char *)(uintptr_t)generator,
                                      .peak = orf_task_peak_memory(inside->task) });
}

static void
run(Inside *inside)
{
    const char *generator = NULL;
    g_autoptr(GError) error = NULL;
    g_autoptr(OrfJobRequest) request = orf_message_request(inside->order, &error);
    OrfMakeHost host = { .input = input, .stage = stage, .data = inside };
    g_autoptr(OrfMessage) result =
        request ? orf_make(inside->task, request, &host, &generator, &error) : NULL;
    if (result) {
        result->run = inside->order->run;
        if (orf_channel_send(inside->room->channel, result, &error))
            return;
    }
    tell_failure(inside, generator, error);
}

/* Frees it. */
static void
run_whole(void *data)
{
    Inside *inside = data;
    Room *room = inside->room;
    run(inside);
    g_mutex_lock(&room->lock);
    g_hash_table_remove(room->runs, &inside->order->run);
    g_mutex_unlock(&room->lock);
    orf_task_unref(inside->task);
    orf_message_free(inside->order);
    g_free(inside->step);
    g_free(inside);
}

static void *
run_thread(void *data)
{
    setpriority(PRIO_PROCESS, 0, GENTLE); /* of this thread: who waits goes first */
    run_whole(data);
    return NULL;
}

/* --- Listening ---------------------------------------------------------------------------- */

/* Takes the order. */
static void
begin(Room *room, OrfMessage *order)
{
    Inside *inside = g_new0(Inside, 1);
    *inside = (Inside){ .room = room, .order = order };
    inside->task =
        orf_task_new(&(OrfTaskOptions){ .cores = (unsigned)CLAMP(order->cores, 1, 1024),
                                        .memory = order->memory,
                                        .progress = progress,
                                        .progress_data = inside,
                                        .engine = room->engine });
    g_mutex_lock(&room->lock);
    g_hash_table_insert(room->runs, &order->run, inside);
    g_cond_broadcast(&room->changed);
    g_mutex_unlock(&room->lock);
    if (order->light)
        orf_workers_add(room->light, run_whole, inside);
    else
        g_thread_unref(g_thread_new("orfeas-run", run_thread, inside));
}

static void
signal_run(Room *room, const OrfMessage *message)
{
    g_mutex_lock(&room->lock);
    Inside *inside = g_hash_table_lookup(room->runs, &message->run);
    if (inside && message->type == ORF_MESSAGE_CANCEL)
        orf_task_cancel(inside->task);
    else if (inside)
        inside->go++;
    g_cond_broadcast(&room->changed);
    g_mutex_unlock(&room->lock);
}

/* Until the server hangs up. */
static void
listen_to(Room *room)
{
    OrfMessage *message;
    while ((message = orf_channel_receive(room->channel, NULL))) {
        if (message->type == ORF_MESSAGE_RUN) {
            begin(room, message);
            continue;
        }
        if (message->type == ORF_MESSAGE_GO || message->type == ORF_MESSAGE_CANCEL)
            signal_run(room, message);
        orf_message_free(message);
    }
}

static void *
beat(void *data)
{
    Room *room = data;
    g_mutex_lock(&room->lock);
    for (;;) {
        while (!g_hash_table_size(room->runs))
            g_cond_wait(&room->changed, &room->lock);
        g_mutex_unlock(&room->lock);
        tell(room, &(OrfMessage){ .type = ORF_MESSAGE_BEAT });
        g_usleep(BEAT_US);
        g_mutex_lock(&room->lock);
    }
    return NULL;
}

/* --- Start -------------------------------------------------------------------------------- */

static bool
has_a_server(void)
{
    struct stat about;
    return fstat(ORF_CHILD_SOCKET, &about) == 0 && S_ISSOCK(about.st_mode);
}

int
orf_run_jobs(uint64_t memory, const char *const *nets, OrfRunHook hook)
{
    if (!has_a_server()) {
        g_printerr("orfeas: run-jobs is started by \"orfeas serve\", which talks to it\n");
        return orf_error_info(ORF_ERROR_BAD_INPUT)->exit_code;
    }
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    setpriority(PRIO_PROCESS, 0, POLITE);
    close_range(ORF_CHILD_NOTE + 1, ~0u, 0);
    orf_child_watch_signals();
    /* Pictures that do not fit are refused by their budget; none is written to a file. */
    g_setenv("VIPS_DISC_THRESHOLD", "1000g", TRUE);
    OrfConfinement confinement;
    orf_confine(memory, nets, &confinement);
    orf_engine_reads_pictures("png"); /* what is opened once is opened now */
    g_autoptr(OrfEngine) engine = orf_engine_new(
        &(OrfEngineOptions){ .nets = nets, .memory = memory, .cores = g_get_num_processors() },
        NULL);
    Room room = { .engine = engine,
                  .light = orf_workers_new("orfeas-light", LIGHT_THREADS, 0),
                  .channel = orf_channel_new(ORF_CHILD_SOCKET),
                  .hook = hook };
    g_mutex_init(&room.lock);
    g_cond_init(&room.changed);
    room.runs = g_hash_table_new(g_int64_hash, g_int64_equal);
    g_autofree char *confined = orf_confinement_text(&confinement);
    tell(&room, &(OrfMessage){ .type = ORF_MESSAGE_HELLO,
                               .version = (char *)(uintptr_t)orf_version(),
                               .text = confined });
    g_thread_unref(g_thread_new("orfeas-beat", beat, &room));
    listen_to(&room);
    _exit(0); /* runs end with it: nobody waits for them */
}

char *
orf_confinement_here(uint64_t memory)
{
    OrfConfinement confinement;
    orf_confine(memory, NULL, &confinement);
    return orf_confinement_text(&confinement);
}
