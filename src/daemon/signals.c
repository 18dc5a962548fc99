/* signals.c - serving until somebody asks for the end; asked twice, the end is now.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "daemon/daemon-priv.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#define ECHO_US (300 * G_TIME_SPAN_MILLISECOND) /* some send a signal twice; people do not */
#define MOST_CLOSING_US (10 * G_USEC_PER_SEC)   /* after the drain: replies, files, threads */

static int
open_signals(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    return signalfd(-1, &set, SFD_CLOEXEC);
}

static bool
wait_for_signal(int fd)
{
    struct signalfd_siginfo told;
    ssize_t n;
    do
        n = read(fd, &told, sizeof told);
    while (n < 0 && errno == EINTR);
    return n == sizeof told;
}

/* The last word: whatever does not come to its end, the program does. Jobs that were running
 * wait for the next start. */
static void
end_now(const char *why)
{
    orf_log_warning("stopping at once: %s", why);
    _exit(orf_error_info(ORF_ERROR_CANCELLED)->exit_code);
}

static void *
watch_for_second(void *data)
{
    const OrfEnding *ending = data;
    struct pollfd both[2] = { { .fd = ending->over, .events = POLLIN },
                              { .fd = ending->signals, .events = POLLIN } };
    for (;;) {
        int64_t left = (ending->until_us - g_get_monotonic_time()) / 1000;
        int n = poll(both, 2, (int)CLAMP(left, 0, G_MAXINT));
        if (n < 0 && errno != EINTR)
            return NULL;
        if (n > 0 && both[0].revents)
            return NULL;
        if (n > 0 && both[1].revents && wait_for_signal(ending->signals) &&
            g_get_monotonic_time() - ending->began_us > ECHO_US)
            end_now("a second signal came");
        if (n == 0)
            end_now("something does not end");
    }
}

void
orf_daemon_serve(OrfDaemon *daemon, unsigned drain_s)
{
    OrfEnding *ending = &daemon->ending;
    ending->signals = open_signals();
    ending->over = eventfd(0, EFD_CLOEXEC);
    if (ending->signals < 0 || !wait_for_signal(ending->signals))
        return;
    ending->began_us = g_get_monotonic_time();
    int64_t until = g_get_monotonic_time() + drain_s * G_USEC_PER_SEC;
    ending->until_us = until + MOST_CLOSING_US;
    ending->watch = g_thread_new("second signal", watch_for_second, ending);
    orf_daemon_drain(daemon, until);
}

void
orf_ending_clear(OrfEnding *ending)
{
    if (!ending->watch)
        return;
    eventfd_write(ending->over, 1);
    g_thread_join(ending->watch);
    close(ending->over);
    close(ending->signals);
}
