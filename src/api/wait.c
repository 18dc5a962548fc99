/* wait.c - Prefer: wait: an answer when the job is over, or when the client's patience is.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "api/jobs-priv.h"

#include <string.h>

/* The call, the feed's sink and the timer hold it. */
typedef struct {
    OrfFollower follower;
    gatomicrefcount refs;
    OrfCall *call; /* of `request` */
    OrfRequest *request;
    void (*ready)(OrfCall *call, const char *id);
    char *id;
    bool cancel;
    _Atomic bool left; /* nobody waits any more */
    GMutex lock;       /* of the rest */
    OrfFeed *feed;
    uint64_t timer; /* 0: none */
    bool ended;
} Waiting;

static void
waiting_unref(void *data)
{
    Waiting *waiting = data;
    if (!g_atomic_ref_count_dec(&waiting->refs))
        return;
    orf_request_unref(waiting->request);
    g_mutex_clear(&waiting->lock);
    g_free(waiting->id);
    g_free(waiting);
}

static Waiting *
waiting_ref(Waiting *waiting)
{
    g_atomic_ref_count_inc(&waiting->refs);
    return waiting;
}

/* --- The sink ----------------------------------------------------------------------------- */

/* The last event has come; the answer shows the job as it is now. */
static bool
hear(const char *text, size_t size, void *data)
{
    (void)text, (void)size, (void)data;
    return true;
}

static size_t
backlog(void *data)
{
    (void)data;
    return 0;
}

static void
end(void *data)
{
    Waiting *waiting = data;
    g_mutex_lock(&waiting->lock);
    waiting->ended = true;
    bool spared = orf_workers_cancel(waiting->call->api->clock, waiting->timer);
    g_mutex_unlock(&waiting->lock);
    if (spared)
        waiting_unref(waiting); /* the timer's */
    if (!waiting->left)
        waiting->ready(waiting->call, waiting->id);
    waiting_unref(waiting);
}

static void
gone(OrfFollower *self, OrfCall *call, bool early)
{
    (void)call;
    Waiting *waiting = (Waiting *)self;
    g_mutex_lock(&waiting->lock);
    waiting->left = true;
    OrfFeed *feed = g_steal_pointer(&waiting->feed);
    g_mutex_unlock(&waiting->lock);
    if (feed && early && waiting->cancel && !orf_feed_over(feed) && orf_feed_alone(feed))
        orf_feed_cancel_job(feed);
    if (feed)
        orf_feed_stop(feed);
    orf_feed_unref(feed);
    waiting_unref(waiting);
}

void
orf_call_stop_waiting(OrfCall *call)
{
    orf_call_release(call, gone);
}

/* --- Patience ----------------------------------------------------------------------------- */

static void
lose_patience(void *data)
{
    Waiting *waiting = data;
    g_mutex_lock(&waiting->lock);
    OrfFeed *feed = waiting->feed ? orf_feed_ref(waiting->feed) : NULL;
    g_mutex_unlock(&waiting->lock);
    if (feed)
        orf_feed_stop(feed);
    orf_feed_unref(feed);
    waiting_unref(waiting);
}

static void
set_timer(Waiting *waiting, unsigned seconds)
{
    g_mutex_lock(&waiting->lock);
    if (!waiting->ended && waiting->feed)
        waiting->timer =
            orf_workers_after(waiting->call->api->clock, (int64_t)seconds * G_USEC_PER_SEC,
                              lose_patience, waiting_ref(waiting));
    g_mutex_unlock(&waiting->lock);
}

/* The job may be over, and the call on to something else, before the feed is known here. */
static void
adopt(Waiting *waiting, OrfFeed *feed)
{
    g_mutex_lock(&waiting->lock);
    bool left = waiting->left;
    if (!left)
        waiting->feed = feed;
    g_mutex_unlock(&waiting->lock);
    if (left && feed) {
        orf_feed_stop(feed);
        orf_feed_unref(feed);
    }
}

static Waiting *
waiting_new(OrfCall *call, const char *id, bool cancel_when_gone)
{
    Waiting *waiting = g_new0(Waiting, 1);
    waiting->follower.gone = gone;
    g_atomic_ref_count_init(&waiting->refs);
    waiting->call = call;
    waiting->request = orf_request_ref(call->request);
    waiting->id = g_strdup(id);
    waiting->cancel = cancel_when_gone;
    g_mutex_init(&waiting->lock);
    return waiting;
}

void
orf_call_when_done(OrfCall *call, const char *id, unsigned seconds, bool cancel_when_gone,
                   void (*ready)(OrfCall *call, const char *id))
{
    g_autoptr(OrfShown) shown = orf_call_show(call, id);
    if (!shown)
        return;
    if (orf_job_status_is_terminal(shown->status) || !seconds) {
        ready(call, id);
        return;
    }
    Waiting *waiting = waiting_new(call, id, cancel_when_gone);
    waiting->ready = ready;
    OrfFeedSink sink = { .send = hear,
                         .backlog = backlog,
                         .end = end,
                         .data = waiting_ref(waiting),
                         .quiet = true };
    orf_call_follow(call, &waiting_ref(waiting)->follower);
    adopt(waiting, orf_feed_new(call->api, call->who.tenant, id, shown->events, &sink, NULL));
    set_timer(waiting, seconds);
    waiting_unref(waiting);
}

void
orf_call_reply_job_when_done(OrfCall *call, const char *id, unsigned seconds,
                             bool cancel_when_gone)
{
    orf_call_when_done(call, id, MIN(seconds, 60), cancel_when_gone, orf_call_reply_waited);
}
