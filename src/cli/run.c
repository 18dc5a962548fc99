/* run.c - a task at the terminal: progress on the way, Ctrl-C at any time.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * SIGINT and SIGTERM are blocked in every thread; one listener reads them from a signalfd and
 * hears of the end through an eventfd. That needs no global state and no handler that may do
 * next to nothing. */
#include "cli/cli.h"

#include <errno.h>
#include <math.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#define GRACE_MS 80 /* from Ctrl-C to the end of the program, at most */
#define BAR 24      /* columns of the progress bar */

struct OrfRun {
    OrfTask *task;
    OrfShow show;
    gint64 began;
    GMutex lock; /* guards the terminal and what follows */
    gint64 last_shown;
    char last_step[64];
    bool bar_on_screen;
    GThread *listener;
    int signals, over; /* file descriptors: signalfd and eventfd */
};

static GMutex files_lock; /* the only global: held while a file is written */

void
orf_run_lock_files(void)
{
    g_mutex_lock(&files_lock);
}

void
orf_run_unlock_files(void)
{
    g_mutex_unlock(&files_lock);
}

/* --- Signals ------------------------------------------------------------------------------ */

static sigset_t
heard_signals(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    return set;
}

void
orf_run_block_signals(void)
{
    sigset_t set = heard_signals();
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN);
}

/* Waits until `fd` can be read; false when `timeout_ms` (-1: never) passed first. */
static bool
readable(int fd, int timeout_ms)
{
    struct pollfd one = { .fd = fd, .events = POLLIN };
    int n;
    do
        n = poll(&one, 1, timeout_ms);
    while (n < 0 && errno == EINTR);
    return n > 0;
}

/* Ends the program if the work does not stop by itself in time. */
static void
give_grace(OrfRun *run)
{
    if (readable(run->over, GRACE_MS))
        return;
    orf_run_lock_files(); /* a file in the making is finished or removed first */
    static const char text[] = "\r\033[Korfeas: cancelled\n";
    const char *from = run->show == ORF_SHOW_BAR ? text : strchr(text, 'o');
    (void)!write(STDERR_FILENO, from, strlen(from));
    _exit(orf_error_info(ORF_ERROR_CANCELLED)->exit_code);
}

static void *
hear(void *data)
{
    OrfRun *run = data;
    struct pollfd both[2] = { { .fd = run->over, .events = POLLIN },
                              { .fd = run->signals, .events = POLLIN } };
    while (poll(both, 2, -1) >= 0 || errno == EINTR) {
        if (both[0].revents)
            return NULL;
        if (!both[1].revents)
            continue;
        orf_task_cancel(run->task);
        give_grace(run);
        return NULL;
    }
    return NULL;
}

/* --- Progress ----------------------------------------------------------------------------- */

static void
show_bar(OrfRun *run, const char *step, double fraction, double seconds)
{
    char bar[BAR + 1], eta[32] = "";
    for (int i = 0; i < BAR; i++)
        bar[i] = i < (int)(fraction * BAR) ? '#' : '.';
    bar[BAR] = '\0';
    if (fraction > 0.02 && fraction < 1)
        g_snprintf(eta, sizeof eta, "  %.0f s left", ceil(seconds * (1 - fraction) / fraction));
    g_printerr("\r[%s] %3.0f %%  %s%s\033[K", bar, fraction * 100, step, eta);
    run->bar_on_screen = true;
}

static void
show_json(const char *step, double fraction, double seconds)
{
    g_autoptr(OrfJson) json = orf_json_new();
    orf_json_begin_object(json, NULL);
    orf_json_add_text(json, "event", "progress");
    orf_json_add_text(json, "step", step);
    orf_json_add_fixed(json, "fraction", fraction, 4);
    orf_json_add_fixed(json, "seconds", seconds, 3);
    orf_json_end(json);
    orf_cli_print(json);
}

static void
on_progress(const char *step, double fraction, void *data)
{
    OrfRun *run = data;
    gint64 now = g_get_monotonic_time();
    g_mutex_lock(&run->lock);
    bool due = now - run->last_shown > 100000 || !g_str_equal(step, run->last_step);
    if (due && run->show == ORF_SHOW_BAR)
        show_bar(run, step, fraction, (double)(now - run->began) / 1e6);
    else if (due && run->show == ORF_SHOW_JSON)
        show_json(step, fraction, (double)(now - run->began) / 1e6);
    if (due) {
        run->last_shown = now;
        g_strlcpy(run->last_step, step, sizeof run->last_step);
    }
    g_mutex_unlock(&run->lock);
}

static void
clear_bar(OrfRun *run)
{
    if (run->bar_on_screen)
        g_printerr("\r\033[K");
    run->bar_on_screen = false;
}

void
orf_run_say(OrfRun *run, const char *format, ...)
{
    if (run->show != ORF_SHOW_LINES && run->show != ORF_SHOW_BAR)
        return;
    va_list args;
    va_start(args, format);
    g_autofree char *text = g_strdup_vprintf(format, args);
    va_end(args);
    g_mutex_lock(&run->lock);
    clear_bar(run);
    g_printerr("%s\n", text);
    g_mutex_unlock(&run->lock);
}

/* --- Nets ------------------------------------------------------------------------------- */

char **
orf_cli_net_folders(void)
{
    const char *told = g_getenv("ORFEAS_NETS");
    if (told && *told)
        return g_strsplit(told, G_SEARCHPATH_SEPARATOR_S, -1);
    GStrvBuilder *list = g_strv_builder_new();
    g_autofree char *own = g_build_filename(g_get_user_data_dir(), "orfeas", "nets", NULL);
    g_strv_builder_add(list, own);
    char **folders = g_strv_builder_end(list);
    g_strv_builder_unref(list);
    return folders;
}

/* --- Life --------------------------------------------------------------------------------- */

OrfRun *
orf_run_new(OrfShow show, unsigned cores, size_t memory)
{
    OrfMachine machine;
    orf_machine_read(NULL, &machine);
    OrfRun *run = g_new0(OrfRun, 1);
    run->show = show;
    run->began = g_get_monotonic_time();
    g_mutex_init(&run->lock);
    cores = cores ? cores : machine.cores;
    g_auto(GStrv) nets = orf_cli_net_folders();
    g_autoptr(OrfEngine) engine = orf_engine_new(
        &(OrfEngineOptions){ .nets = (const char *const *)nets, .cores = cores }, NULL);
    run->task = orf_task_new(&(OrfTaskOptions){
        .cores = cores,
        .memory = memory ? memory : (size_t)(machine.memory_total / 4 * 3),
        .engine = engine,
        .progress = on_progress,
        .progress_data = run,
    });
    sigset_t set = heard_signals();
    run->signals = signalfd(-1, &set, SFD_CLOEXEC);
    run->over = eventfd(0, EFD_CLOEXEC);
    run->listener = g_thread_new("signals", hear, run);
    return run;
}

OrfTask *
orf_run_task(OrfRun *run)
{
    return run->task;
}

double
orf_run_seconds(const OrfRun *run)
{
    return (double)(g_get_monotonic_time() - run->began) / 1e6;
}

void
orf_run_free(OrfRun *run)
{
    if (!run)
        return;
    eventfd_write(run->over, 1);
    g_thread_join(run->listener);
    close(run->over);
    close(run->signals);
    g_mutex_lock(&run->lock);
    clear_bar(run);
    g_mutex_unlock(&run->lock);
    orf_task_unref(run->task);
    g_mutex_clear(&run->lock);
    g_free(run);
}
