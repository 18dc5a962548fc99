/* The runner is this program, called again: it does what a run's operation says, letter by
 * letter.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "work/child.h"
#include "work/supervisor.h"

#include <signal.h>
#include <string.h>
#include <unistd.h>

#define FAKE "--fake-runner"
#define MUTE "--mute-runner"
#define BEAT_US 20000

/* --- The runner --------------------------------------------------------------------------- */

typedef struct {
    OrfChannel *channel;
    GMutex lock;
    GCond changed;
    GHashTable *runs; /* number -> Played */
} Fake;

typedef struct {
    Fake *fake;
    OrfMessage *order;
    unsigned go;
    bool cancelled;
} Played;

static void
fake_say(Played *run, OrfMessage message)
{
    message.run = run->order->run;
    orf_channel_send(run->fake->channel, &message, NULL);
}

/* Until it may go on, or is cancelled. */
static bool
fake_wait(Played *run)
{
    g_mutex_lock(&run->fake->lock);
    while (!run->go && !run->cancelled)
        g_cond_wait(&run->fake->changed, &run->fake->lock);
    run->go -= run->go > 0;
    bool on = !run->cancelled;
    g_mutex_unlock(&run->fake->lock);
    if (!on)
        fake_say(run, (OrfMessage){ .type = ORF_MESSAGE_FAILED,
                                    .code = ORF_ERROR_CANCELLED,
                                    .text = "cancelled" });
    return on;
}

static bool
fake_stage(Played *run)
{
    g_autoptr(GBytes) bytes = g_bytes_new("asset", 5);
    OrfMessage stage = { .type = ORF_MESSAGE_STAGE, .generator = "fake", .n_fds = 1 };
    stage.fds[0] = orf_sealed_new(bytes, NULL);
    fake_say(run, stage);
    close(stage.fds[0]);
    return fake_wait(run);
}

static void
fake_hang(void)
{
    for (;;)
        pause();
}

/* False: the run is over. */
static bool
fake_act(Played *run, char what)
{
    switch (what) {
    case 'p':
        fake_say(run, (OrfMessage){ .type = ORF_MESSAGE_PROGRESS, .step = "work" });
        return true;
    case 's':
        return fake_stage(run);
    case 'w': /* until it is cancelled */
        return fake_wait(run);
    case 'h': /* whether it is cancelled or not */
        fake_hang();
        return true;
    case 'K':
        raise(SIGSEGV);
        return true;
    case 'x':
        _exit(3);
    case 'n':
        return write(ORF_CHILD_SOCKET, "nonsense, and more of it", 24) == 24;
    case 'g': /* what only a server says */
        fake_say(run, (OrfMessage){ .type = ORF_MESSAGE_GO });
        return true;
    case 'f':
        fake_say(run, (OrfMessage){ .type = ORF_MESSAGE_FAILED,
                                    .code = ORF_ERROR_BAD_INPUT,
                                    .text = "bad",
                                    .generator = "fake" });
        return false;
    default:
        fake_say(run, (OrfMessage){ .type = ORF_MESSAGE_RESULT, .measures = "{}", .peak = 7 });
        return false;
    }
}

static void *
fake_run(void *data)
{
    Played *run = data;
    const char *what = run->order->operation;
    while (fake_act(run, *what))
        what++;
    return NULL;
}

static void *
fake_beat(void *data)
{
    Fake *fake = data;
    for (;; g_usleep(BEAT_US))
        orf_channel_send(fake->channel, &(OrfMessage){ .type = ORF_MESSAGE_BEAT }, NULL);
    return NULL;
}

static void
fake_hear(Fake *fake, OrfMessage *message)
{
    g_mutex_lock(&fake->lock);
    Played *run = g_hash_table_lookup(fake->runs, &message->run);
    if (message->type == ORF_MESSAGE_RUN) {
        run = g_new0(Played, 1);
        *run = (Played){ .fake = fake, .order = message };
        g_hash_table_insert(fake->runs, &message->run, run);
        g_thread_new("run", fake_run, run);
    } else if (run) {
        run->go += message->type == ORF_MESSAGE_GO;
        run->cancelled |= message->type == ORF_MESSAGE_CANCEL;
    }
    g_cond_broadcast(&fake->changed);
    g_mutex_unlock(&fake->lock);
}

static int
fake_runner(void)
{
    Fake fake = { .channel = orf_channel_new(ORF_CHILD_SOCKET) };
    g_mutex_init(&fake.lock);
    g_cond_init(&fake.changed);
    fake.runs = g_hash_table_new(g_int64_hash, g_int64_equal);
    orf_child_watch_signals();
    OrfMessage hello = { .type = ORF_MESSAGE_HELLO, .version = "fake", .text = "nothing" };
    orf_channel_send(fake.channel, &hello, NULL);
    g_thread_new("beat", fake_beat, &fake);
    for (OrfMessage *message; (message = orf_channel_receive(fake.channel, NULL));)
        fake_hear(&fake, message);
    _exit(0);
}

/* --- The stage ---------------------------------------------------------------------------- */

typedef struct {
    const char *argv[3];
    OrfSupervisor *supervisor;
} Bench;

static void
bench_open(Bench *bench, const char *how, OrfSupervisorOptions options)
{
    bench->argv[0] = "/proc/self/exe";
    bench->argv[1] = how;
    bench->argv[2] = NULL;
    options.argv = bench->argv;
    bench->supervisor = orf_supervisor_new(&options);
}

static void
bench_close(Bench *bench)
{
    orf_supervisor_free(bench->supervisor);
}

static OrfIsolationStats
stats_of(const Bench *bench)
{
    OrfIsolationStats stats;
    orf_supervisor_stats(bench->supervisor, &stats);
    return stats;
}

/* One run, and what the test does when it tells something. */
typedef struct {
    const Bench *bench;
    const char *script;
    OrfTask *task;
    GThread *thread;
    int signal;   /* sent to the runner with the first stage; 0: none */
    bool cancels; /* with the first progress */
    GMutex lock;
    GCond changed;
    bool open; /* stages may go on */
    unsigned stages, logs;
    OrfMessage *result;
    GError *error;
} Trip;

static void
on_progress(const char *step, double fraction, void *data)
{
    (void)fraction;
    Trip *trip = data;
    g_assert_cmpstr(step, ==, "work");
    if (trip->cancels)
        orf_task_cancel(trip->task);
}

static bool
on_stage(const OrfMessage *stage, GBytes *file, void *data, GError **error)
{
    (void)error;
    Trip *trip = data;
    g_assert_cmpstr(stage->generator, ==, "fake");
    g_assert_cmpuint(g_bytes_get_size(file), ==, 5);
    g_mutex_lock(&trip->lock);
    if (++trip->stages == 1 && trip->signal)
        kill(stats_of(trip->bench).pid, trip->signal);
    g_cond_broadcast(&trip->changed);
    while (!trip->open)
        g_cond_wait(&trip->changed, &trip->lock);
    g_mutex_unlock(&trip->lock);
    return true;
}

static void
on_log(const char *text, void *data)
{
    g_assert_nonnull(strstr(text, "starting again"));
    ((Trip *)data)->logs++;
}

static void *
trip_go(void *data)
{
    Trip *trip = data;
    OrfMessage order = { .type = ORF_MESSAGE_RUN,
                         .operation = (char *)(uintptr_t)trip->script };
    OrfRideHost host = { on_progress, on_stage, on_log, trip };
    trip->result = orf_supervisor_run(trip->bench->supervisor, trip->task, &order, &host, NULL,
                                      &trip->error);
    return NULL;
}

static Trip *
trip_start(const Bench *bench, const char *script, int signal, bool open)
{
    Trip *trip = g_new0(Trip, 1);
    *trip = (Trip){ .bench = bench,
                    .script = script,
                    .task = orf_task_new(NULL),
                    .signal = signal,
                    .cancels = strstr(script, "ph") || strstr(script, "pw"),
                    .open = open };
    g_mutex_init(&trip->lock);
    g_cond_init(&trip->changed);
    trip->thread = g_thread_new("trip", trip_go, trip);
    return trip;
}

static void
trip_await_stage(Trip *trip, unsigned n)
{
    g_mutex_lock(&trip->lock);
    while (trip->stages < n)
        g_cond_wait(&trip->changed, &trip->lock);
    g_mutex_unlock(&trip->lock);
}

static void
trip_open(Trip *trip)
{
    g_mutex_lock(&trip->lock);
    trip->open = true;
    g_cond_broadcast(&trip->changed);
    g_mutex_unlock(&trip->lock);
}

/* Waits for its end; `code` < 0: it has a result. `text` is in the error. */
static void
trip_ends(Trip *trip, int code, const char *text)
{
    g_thread_join(trip->thread);
    if (code < 0)
        g_assert_no_error(trip->error);
    else
        g_assert_error(trip->error, ORF_ERROR, code);
    g_assert_true((trip->result != NULL) == (code < 0));
    if (trip->result)
        g_assert_cmpuint(trip->result->peak, ==, 7);
    if (text)
        g_assert_nonnull(strstr(trip->error->message, text));
    orf_message_free(trip->result);
    g_clear_error(&trip->error);
    orf_task_unref(trip->task);
    g_free(trip);
}

static void
runs(const Bench *bench, const char *script, int code, const char *text)
{
    trip_ends(trip_start(bench, script, 0, true), code, text);
}

/* --- Sentences ---------------------------------------------------------------------------- */

#define QUICK                                                                                  \
    (OrfSupervisorOptions)                                                                     \
    {                                                                                          \
        .deaf_us = 50000, .silent_us = 400000, .grace_us = 50000                               \
    }

static void
a_run_tells_its_stages_and_its_end(void)
{
    Bench bench;
    bench_open(&bench, FAKE, QUICK);
    Trip *trip = trip_start(&bench, "pspsr", 0, true);
    trip_await_stage(trip, 2);
    trip_ends(trip, -1, NULL);
    runs(&bench, "f", ORF_ERROR_BAD_INPUT, "bad");
    runs(&bench, "pw", ORF_ERROR_CANCELLED, NULL);
    g_assert_cmpuint(stats_of(&bench).started, ==, 1);
    bench_close(&bench);
}

static void
who_is_alone_when_it_crashes_twice_has_failed(void)
{
    Bench bench;
    bench_open(&bench, FAKE, QUICK);
    runs(&bench, "pK", ORF_ERROR_UNSUPPORTED, "SIGSEGV in \"work\"");
    runs(&bench, "x", ORF_ERROR_UNSUPPORTED, "exit code 3");
    runs(&bench, "pr", -1, NULL);
    g_assert_cmpuint(stats_of(&bench).crashed, ==, 4);
    bench_close(&bench);
}

static void
neighbours_of_a_crash_start_again_and_succeed(void)
{
    Bench bench;
    bench_open(&bench, FAKE, QUICK);
    Trip *good[4];
    for (size_t i = 0; i < G_N_ELEMENTS(good); i++)
        good[i] = trip_start(&bench, "psr", 0, false);
    for (size_t i = 0; i < G_N_ELEMENTS(good); i++)
        trip_await_stage(good[i], 1);
    runs(&bench, "pK", ORF_ERROR_UNSUPPORTED, "SIGSEGV");
    for (size_t i = 0; i < G_N_ELEMENTS(good); i++) {
        trip_open(good[i]);
        trip_ends(good[i], -1, NULL);
    }
    OrfIsolationStats stats = stats_of(&bench);
    g_assert_cmpuint(stats.crashed, ==, 3); /* among others, and twice alone */
    g_assert_cmpuint(stats.repeated, ==, 4 + 2);
    bench_close(&bench);
}

static void
an_end_from_outside_blames_nobody(void)
{
    static const int signals[] = { SIGKILL, SIGSEGV, SIGABRT };
    Bench bench;
    bench_open(&bench, FAKE, QUICK);
    for (size_t i = 0; i < G_N_ELEMENTS(signals); i++)
        trip_ends(trip_start(&bench, "psr", signals[i], true), -1, NULL);
    OrfIsolationStats stats = stats_of(&bench);
    g_assert_cmpuint(stats.ended, ==, 3);
    g_assert_cmpuint(stats.crashed, ==, 0);
    bench_close(&bench);
}

static void
a_runner_that_is_stopped_is_replaced(void)
{
    Bench bench;
    bench_open(&bench, FAKE, QUICK);
    trip_ends(trip_start(&bench, "psr", SIGSTOP, true), -1, NULL);
    g_assert_cmpuint(stats_of(&bench).replaced, ==, 1);
    bench_close(&bench);
}

static void
a_run_that_does_not_hear_is_given_up(void)
{
    Bench bench;
    bench_open(&bench, FAKE, QUICK);
    Trip *neighbour = trip_start(&bench, "psr", 0, false);
    trip_await_stage(neighbour, 1);
    runs(&bench, "ph", ORF_ERROR_CANCELLED, NULL);
    runs(&bench, "pr", -1, NULL); /* at once, elsewhere */
    trip_open(neighbour);
    trip_ends(neighbour, -1, NULL);
    g_assert_cmpuint(stats_of(&bench).given_up, ==, 1);
    bench_close(&bench);
}

static void
a_run_may_not_take_for_ever(void)
{
    OrfSupervisorOptions options = QUICK;
    options.limit_us = 100000;
    Bench bench;
    bench_open(&bench, FAKE, options);
    runs(&bench, "h", ORF_ERROR_TOO_LARGE, "longer than");
    runs(&bench, "pr", -1, NULL);
    bench_close(&bench);
}

static void
who_talks_nonsense_is_not_heard(void)
{
    Bench bench;
    bench_open(&bench, FAKE, QUICK);
    runs(&bench, "nh", ORF_ERROR_UNSUPPORTED, "nonsense");
    runs(&bench, "gh", ORF_ERROR_UNSUPPORTED, "nonsense");
    runs(&bench, "r", -1, NULL);
    bench_close(&bench);
}

static void
a_program_that_is_no_runner_is_told(void)
{
    Bench bench;
    bench_open(&bench, MUTE, QUICK);
    runs(&bench, "r", ORF_ERROR_UNAVAILABLE, "no runner can be started");
    g_assert_cmpuint(strlen(stats_of(&bench).failing), >, 0);
    bench_close(&bench);
}

#define TEST(name, fn) g_test_add_func("/work/supervisor/" name, fn)

int
main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], FAKE) == 0)
        return fake_runner();
    if (argc == 2 && strcmp(argv[1], MUTE) == 0)
        return 1;
    g_test_init(&argc, &argv, NULL);
    /* Warnings of runners that are replaced are what is tested. */
    g_log_set_always_fatal(G_LOG_LEVEL_CRITICAL | G_LOG_LEVEL_ERROR);
    TEST("a-run-tells-its-stages-and-its-end", a_run_tells_its_stages_and_its_end);
    TEST("who-is-alone-when-it-crashes-twice-has-failed",
         who_is_alone_when_it_crashes_twice_has_failed);
    TEST("neighbours-of-a-crash-start-again-and-succeed",
         neighbours_of_a_crash_start_again_and_succeed);
    TEST("an-end-from-outside-blames-nobody", an_end_from_outside_blames_nobody);
    TEST("a-runner-that-is-stopped-is-replaced", a_runner_that_is_stopped_is_replaced);
    TEST("a-run-that-does-not-hear-is-given-up", a_run_that_does_not_hear_is_given_up);
    TEST("a-run-may-not-take-for-ever", a_run_may_not_take_for_ever);
    TEST("who-talks-nonsense-is-not-heard", who_talks_nonsense_is_not_heard);
    TEST("a-program-that-is-no-runner-is-told", a_program_that_is_no_runner_is_told);
    return g_test_run();
}
