/* keeper.c - housekeeping, on a thread of its own: disk space, old jobs, the cache, blobs that nobody names.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "daemon/daemon-priv.h"

#include <sys/statvfs.h>

#define GLANCE_US ((int64_t)2 * G_USEC_PER_SEC)      /* disk space, the database's log */
#define NAMELESS_US ((int64_t)3600 * G_USEC_PER_SEC) /* a blob may be on its way into a row */
#define ROUND_US ((int64_t)60 * G_USEC_PER_SEC)      /* everything else */

struct OrfKeeper {
    OrfDaemon *daemon;
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
    if (daemon->store)
        orf_store_tidy(daemon->store);
}

static void
report(const char *what, GError *error)
{
    if (error)
        orf_log_warning("housekeeping: %s: %s", what, error->message);
    g_clear_error(&error);
}

/* Each step is tried again in a minute. */
static void
go_round(OrfDaemon *daemon)
{
    int64_t now = g_get_real_time(), evicted;
    GError *error = NULL;
    orf_store_expire_jobs(daemon->store, now, &error);
    report("old jobs", g_steal_pointer(&error));
    orf_store_cache_trim(daemon->store, daemon->cache_bytes, now, &evicted, &error);
    report("cache", g_steal_pointer(&error));
    orf_blob_sweep(daemon->store, now - NAMELESS_US, &error);
    report("blobs", g_steal_pointer(&error));
}

static void *
keep(void *data)
{
    OrfKeeper *keeper = data;
    int64_t next_round = g_get_monotonic_time() + ROUND_US / 4;
    g_mutex_lock(&keeper->lock);
    while (!keeper->over) {
        g_mutex_unlock(&keeper->lock);
        int64_t now = g_get_monotonic_time();
        glance(keeper->daemon);
        if (keeper->daemon->store && now >= next_round) {
            go_round(keeper->daemon);
            next_round = now + ROUND_US;
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
