/* keeper.c - housekeeping that the queue does not do: disk space, and blobs that nobody names
 * any more.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "daemon/daemon-priv.h"

#include <sys/statvfs.h>

#define GLANCE_US ((int64_t)2 * G_USEC_PER_SEC)      /* at the disk */
#define NAMELESS_US ((int64_t)3600 * G_USEC_PER_SEC) /* a blob may be on its way into a row */
#define SWEEP_US ((int64_t)60 * G_USEC_PER_SEC)

struct OrfKeeper {
    OrfDaemon *daemon;
    int64_t offset_us; /* of the wall clock to the monotonic one, at the start */
    GThread *thread;
    GMutex lock; /* of the rest */
    GCond over_changed;
    bool over;
};

static void
glance(OrfDaemon *daemon)
{
    struct statvfs disk;
    if (statvfs(daemon->dir, &disk) == 0)
        orf_api_set_disk(daemon->api, (uint64_t)disk.f_bavail * disk.f_frsize);
    if (daemon->store && !orf_store_healthy(daemon->store, NULL))
        orf_store_try(daemon->store, NULL); /* /readyz says what comes of it */
}

/* Tried again in a minute. A wall clock that was turned forward makes no blob older. */
static void
sweep(const OrfKeeper *keeper)
{
    g_autoptr(GError) error = NULL;
    int64_t steady = g_get_monotonic_time() + keeper->offset_us;
    orf_blob_sweep(keeper->daemon->store, MIN(steady, g_get_real_time()) - NAMELESS_US, &error);
    if (error)
        orf_log_warning("housekeeping: blobs: %s", error->message);
}

static void *
keep(void *data)
{
    OrfKeeper *keeper = data;
    int64_t next_sweep = g_get_monotonic_time() + SWEEP_US / 4;
    g_mutex_lock(&keeper->lock);
    while (!keeper->over) {
        g_mutex_unlock(&keeper->lock);
        int64_t now = g_get_monotonic_time();
        glance(keeper->daemon);
        if (keeper->daemon->store && now >= next_sweep) {
            sweep(keeper);
            next_sweep = now + SWEEP_US;
        }
        g_mutex_lock(&keeper->lock);
        if (!keeper->over)
            g_cond_wait_until(&keeper->over_changed, &keeper->lock, now + GLANCE_US);
    }
    g_mutex_unlock(&keeper->lock);
    return NULL;
}

OrfKeeper *
orf_keeper_start(OrfDaemon *daemon)
{
    OrfKeeper *keeper = g_new0(OrfKeeper, 1);
    keeper->daemon = daemon;
    keeper->offset_us = g_get_real_time() - g_get_monotonic_time();
    g_mutex_init(&keeper->lock);
    g_cond_init(&keeper->over_changed);
    keeper->thread = g_thread_new("keeper", keep, keeper);
    return keeper;
}

void
orf_keeper_stop(OrfKeeper *keeper)
{
    if (!keeper)
        return;
    g_mutex_lock(&keeper->lock);
    keeper->over = true;
    g_cond_signal(&keeper->over_changed);
    g_mutex_unlock(&keeper->lock);
    g_thread_join(keeper->thread);
    g_mutex_clear(&keeper->lock);
    g_cond_clear(&keeper->over_changed);
    g_free(keeper);
}
