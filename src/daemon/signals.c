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

typedef struct {
    int signals, over; /* signalfd, eventfd */
} Watch;

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

static void *
watch_for_second(void *data)
{
    const Watch *watch = data;
    struct pollfd both[2] = { { .fd = watch->over, .events = POLLIN },
                              { .fd = watch->signals, .events = POLLIN } };
    while (poll(both, 2, -1) >= 0 || errno == EINTR) {
        if (both[0].revents)
            return NULL;
        if (both[1].revents)
            _exit(orf_error_info(ORF_ERROR_CANCELLED)->exit_code);
    }
    return NULL;
}

void
orf_daemon_serve(OrfDaemon *daemon, unsigned drain_s)
{
    Watch watch = { open_signals(), eventfd(0, EFD_CLOEXEC) };
    if (watch.signals >= 0 && wait_for_signal(watch.signals)) {
        GThread *second = g_thread_new("second signal", watch_for_second, &watch);
        orf_daemon_drain(daemon, g_get_monotonic_time() + drain_s * G_USEC_PER_SEC);
        eventfd_write(watch.over, 1);
        g_thread_join(second);
    }
    close(watch.over);
    close(watch.signals);
}
