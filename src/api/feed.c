/* feed.c - clients that follow jobs: one feed for each stream, subscription and wait.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * The queue calls with each event on whatever thread it happened; the feed writes it at once. A
 * client that reads slower than its job makes progress gets the newest progress only: the rest
 * is dropped while its backlog is long, and what was held back follows when it has read. Stages
 * and last words are never dropped.
 *
 * A listener cannot be freed from inside its own event, and a cancel may wait for the disk:
 * such things are chores, done by threads that nobody waits for. Order of locks: feed->lock,
 * then a sink's, then the transport's. */
#include "api/jobs-priv.h"

#include <string.h>

#define SLOW (16u << 10)       /* bytes unsent, from which on progress is held back */
#define TICK_US G_USEC_PER_SEC /* what was held back is looked at */
#define RETRY "2000"           /* ms */

struct OrfFeed {
    gatomicrefcount refs;
    OrfApi *api;
    char *tenant, *id;
    unsigned slot; /* which tick is its beat */
    _Atomic bool over;
    _Atomic bool holds; /* `held` is not empty */
    GMutex lock;        /* of the rest */
    OrfFeedSink sink;
    OrfListener *listener;
    GString *held; /* a progress event, or empty */
    bool disposed;
};

static OrfFeeds *
feeds_of(const OrfFeed *feed)
{
    return feed->api->feeds;
}

OrfFeed *
orf_feed_ref(OrfFeed *feed)
{
    g_atomic_ref_count_inc(&feed->refs);
    return feed;
}

void
orf_feed_unref(OrfFeed *feed)
{
    if (!feed || !g_atomic_ref_count_dec(&feed->refs))
        return;
    g_assert(!feed->listener);
    g_string_free(feed->held, TRUE);
    g_mutex_clear(&feed->lock);
    g_free(feed->tenant);
    g_free(feed->id);
    g_free(feed);
}

bool
orf_feed_over(OrfFeed *feed)
{
    return feed->over;
}

/* --- Ending ------------------------------------------------------------------------------- */

static void
forget(OrfFeed *feed)
{
    OrfFeeds *feeds = feeds_of(feed);
    g_mutex_lock(&feeds->lock);
    g_hash_table_remove(feeds->open, feed);
    if (!g_hash_table_size(feeds->open))
        g_cond_broadcast(&feeds->empty);
    g_mutex_unlock(&feeds->lock);
}

static void
dispose(void *data)
{
    OrfFeed *feed = data;
    g_mutex_lock(&feed->lock);
    OrfListener *listener = g_steal_pointer(&feed->listener);
    feed->disposed = true;
    g_mutex_unlock(&feed->lock);
    orf_listener_free(listener);
    forget(feed);
    orf_feed_unref(feed);
}

/* With the lock. */
static void
end(OrfFeed *feed)
{
    if (feed->over)
        return;
    feed->over = true;
    feed->sink.end(feed->sink.data);
    orf_feeds_chore(feed->api, dispose, orf_feed_ref(feed));
}

void
orf_feed_stop(OrfFeed *feed)
{
    if (orf_feed_over(feed)) /* perhaps from inside its own end */
        return;
    g_mutex_lock(&feed->lock);
    end(feed);
    g_mutex_unlock(&feed->lock);
}

/* --- Words -------------------------------------------------------------------------------- */

/* With the lock. */
static void
say(OrfFeed *feed, const char *text, size_t size)
{
    if (!feed->over && !feed->sink.send(text, size, feed->sink.data))
        end(feed);
}

static void
frame(const OrfFeed *feed, GString *out, const OrfJobEvent *event, const char *job)
{
    const OrfFeedSink *sink = &feed->sink;
    if (sink->sse)
        g_string_append_printf(out, "id: %" G_GUINT64_FORMAT "\nevent: %s\ndata: ", event->seq,
                               event->type);
    orf_event_json(out, feed->id, event, job, !sink->sse);
    if (!sink->bare)
        g_string_append(out, sink->sse ? "\n\n" : "\n");
}

static bool
is_last(const OrfJobEvent *event)
{
    return strcmp(event->type, "done") == 0 || strcmp(event->type, "error") == 0;
}

/* With the lock; NULL: nothing. */
static void
hold(OrfFeed *feed, const GString *text)
{
    g_string_truncate(feed->held, 0);
    if (text)
        g_string_append_len(feed->held, text->str, (gssize)text->len);
    feed->holds = text != NULL;
}

/* A progress that was held back is news no more, except before a line of the log. */
static void
settle_held(OrfFeed *feed, const OrfJobEvent *event)
{
    if (feed->held->len && strcmp(event->type, "log") == 0)
        say(feed, feed->held->str, feed->held->len);
    if (feed->held->len)
        hold(feed, NULL);
}

static void
tell(OrfFeed *feed, const OrfJobEvent *event, const char *job)
{
    g_autoptr(GString) text = g_string_sized_new(job ? 2048 : 256);
    frame(feed, text, event, job);
    g_mutex_lock(&feed->lock);
    settle_held(feed, event);
    if (is_last(event) && feed->sink.last && !feed->over)
        feed->sink.last(feed->sink.data);
    if (strcmp(event->type, "progress") == 0 && !feed->over &&
        feed->sink.backlog(feed->sink.data) > SLOW)
        hold(feed, text);
    else
        say(feed, text->str, text->len);
    if (is_last(event))
        end(feed);
    g_mutex_unlock(&feed->lock);
}

static void
on_event(const OrfJobEvent *event, void *data)
{
    OrfFeed *feed = data;
    bool last = is_last(event);
    if (feed->over || (feed->sink.quiet && !last))
        return;
    g_autoptr(OrfShown) shown = NULL;
    if (last || strcmp(event->type, "snapshot") == 0)
        shown = orf_show_job(feed->api, feed->tenant, feed->id,
                             NULL); /* deleted meanwhile: bare words */
    tell(feed, event, shown ? g_bytes_get_data(shown->json, NULL) : NULL);
}

static void
say_reconnect(OrfFeed *feed)
{
    char time[ORF_TIME_SIZE];
    orf_time_text(g_get_real_time(), time);
    g_autoptr(GString) text = g_string_new(feed->sink.sse ? "event: reconnect\ndata: {" : "{");
    g_string_append_printf(text, "%s\"job\":\"%s\",\"time\":\"%s\",\"retry_ms\":" RETRY "}",
                           feed->sink.sse ? "" : "\"event\":\"reconnect\",", feed->id, time);
    if (!feed->sink.bare)
        g_string_append(text, feed->sink.sse ? "\n\n" : "\n");
    g_mutex_lock(&feed->lock);
    if (!feed->sink.quiet)
        say(feed, text->str, text->len);
    end(feed);
    g_mutex_unlock(&feed->lock);
}

/* --- Beginning ---------------------------------------------------------------------------- */

static OrfFeed *
feed_new(OrfApi *api, const char *tenant, const char *id, const OrfFeedSink *sink)
{
    OrfFeed *feed = g_new0(OrfFeed, 1);
    g_atomic_ref_count_init(&feed->refs);
    feed->api = api;
    feed->tenant = g_strdup(tenant);
    feed->id = g_strdup(id);
    feed->sink = *sink;
    feed->held = g_string_new(NULL);
    g_mutex_init(&feed->lock);
    OrfFeeds *feeds = api->feeds;
    g_mutex_lock(&feeds->lock);
    feed->slot = feeds->turn++ % BEAT_TICKS;
    g_hash_table_add(feeds->open, orf_feed_ref(feed));
    g_mutex_unlock(&feeds->lock);
    return feed;
}

/* It may have ended while the queue replayed. */
static void
adopt(OrfFeed *feed, OrfListener *listener)
{
    g_mutex_lock(&feed->lock);
    if (!feed->disposed)
        feed->listener = g_steal_pointer(&listener);
    g_mutex_unlock(&feed->lock);
    orf_listener_free(listener);
}

OrfFeed *
orf_feed_new(OrfApi *api, const char *tenant, const char *id, uint64_t after,
             const OrfFeedSink *sink, GError **error)
{
    OrfFeeds *feeds = api->feeds;
    OrfFeed *feed = feed_new(api, tenant, id, sink);
    OrfListener *listener =
        orf_queue_listen(api->options.queue, tenant, id, after, on_event, feed, error);
    if (!listener) {
        orf_feed_stop(feed);
        g_clear_pointer(&feed, orf_feed_unref);
        return NULL;
    }
    adopt(feed, listener);
    g_mutex_lock(&feeds->lock);
    bool draining = feeds->draining;
    g_mutex_unlock(&feeds->lock);
    if (draining)
        say_reconnect(feed);
    return feed;
}

/* --- All of them -------------------------------------------------------------------------- */

/* Those whose turn it is, or all; each with a reference. */
static GPtrArray *
collect(OrfFeeds *feeds, int slot)
{
    GPtrArray *some = g_ptr_array_new_with_free_func((GDestroyNotify)orf_feed_unref);
    GHashTableIter open;
    void *at;
    g_mutex_lock(&feeds->lock);
    g_hash_table_iter_init(&open, feeds->open);
    while (g_hash_table_iter_next(&open, &at, NULL)) {
        OrfFeed *feed = at;
        if (slot < 0 || feed->slot == (unsigned)slot || feed->holds)
            g_ptr_array_add(some, orf_feed_ref(feed));
    }
    g_mutex_unlock(&feeds->lock);
    return some;
}

static void
beat(OrfFeed *feed)
{
    char time[ORF_TIME_SIZE];
    if (feed->sink.sse) {
        say(feed, ":\n\n", 3);
    } else if (!feed->sink.bare && !feed->sink.quiet) {
        orf_time_text(g_get_real_time(), time);
        g_autofree char *text = g_strdup_printf(
            "{\"event\":\"heartbeat\",\"job\":\"%s\",\"time\":\"%s\"}\n", feed->id, time);
        say(feed, text, strlen(text));
    }
}

static void
look_after(OrfFeed *feed, unsigned slot)
{
    g_mutex_lock(&feed->lock);
    if (!feed->over && feed->held->len && feed->sink.backlog(feed->sink.data) <= SLOW) {
        say(feed, feed->held->str, feed->held->len);
        hold(feed, NULL);
    } else if (feed->slot == slot && !feed->over) {
        beat(feed);
    }
    g_mutex_unlock(&feed->lock);
}

void
orf_feeds_tick(OrfApi *api)
{
    OrfFeeds *feeds = api->feeds;
    unsigned slot = feeds->tick++ % BEAT_TICKS;
    g_autoptr(GPtrArray) some = collect(feeds, (int)slot);
    for (size_t i = 0; i < some->len; i++)
        look_after(some->pdata[i], slot);
}

static void
tick(void *data)
{
    OrfFeeds *feeds = data;
    orf_workers_after(feeds->api->clock, TICK_US, tick, feeds);
    atomic_store(&feeds->api->parts->tick_us, g_get_monotonic_time());
    orf_feeds_tick(feeds->api);
}

bool
orf_feed_alone(OrfFeed *feed)
{
    OrfFeeds *feeds = feeds_of(feed);
    bool alone = true;
    GHashTableIter open;
    void *at;
    g_mutex_lock(&feeds->lock);
    g_hash_table_iter_init(&open, feeds->open);
    while (alone && g_hash_table_iter_next(&open, &at, NULL)) {
        OrfFeed *other = at;
        alone = other == feed || orf_feed_over(other) || strcmp(other->id, feed->id) != 0;
    }
    g_mutex_unlock(&feeds->lock);
    return alone;
}

/* --- Chores ------------------------------------------------------------------------------- */

static void
cancel_job(void *data)
{
    g_autoptr(GError) error = NULL;
    OrfFeed *feed = data;
    if (!orf_queue_cancel(feed->api->options.queue, feed->tenant, feed->id, &error))
        orf_log_debug("feed: %s", error->message); /* it was deleted meanwhile */
    orf_feed_unref(feed);
}

void
orf_feed_cancel_job(OrfFeed *feed)
{
    orf_feeds_chore(feed->api, cancel_job, orf_feed_ref(feed));
}

void
orf_feeds_chore(OrfApi *api, void (*work)(void *data), void *data)
{
    orf_workers_add(((OrfFeeds *)api->feeds)->chores, work, data); /* it has no bound */
}

/* --- Life --------------------------------------------------------------------------------- */

void
orf_feeds_init(OrfApi *api)
{
    OrfFeeds *feeds = g_new0(OrfFeeds, 1);
    feeds->api = api;
    feeds->showcase = orf_showcase_new();
    feeds->makers =
        orf_makers_new(api->options.store, api->options.runner, api->options.devices);
    feeds->chores = orf_workers_new("chores", 2, 0);
    feeds->open = g_hash_table_new_full(NULL, NULL, (GDestroyNotify)orf_feed_unref, NULL);
    g_mutex_init(&feeds->lock);
    g_cond_init(&feeds->empty);
    api->feeds = feeds;
    tick(feeds);
}

void
orf_feeds_drain(OrfApi *api)
{
    OrfFeeds *feeds = api->feeds;
    g_mutex_lock(&feeds->lock);
    feeds->draining = true;
    g_mutex_unlock(&feeds->lock);
    g_autoptr(GPtrArray) all = collect(feeds, -1);
    for (size_t i = 0; i < all->len; i++)
        say_reconnect(all->pdata[i]);
}

void
orf_feeds_end(OrfApi *api)
{
    OrfFeeds *feeds = api->feeds;
    orf_feeds_drain(api);
    g_mutex_lock(&feeds->lock);
    while (g_hash_table_size(feeds->open))
        g_cond_wait(&feeds->empty, &feeds->lock);
    g_mutex_unlock(&feeds->lock);
}

void
orf_feeds_free(OrfApi *api)
{
    OrfFeeds *feeds = api->feeds; /* stays until the last chore, which looks for it */
    orf_workers_free(feeds->chores);
    orf_makers_free(feeds->makers);
    orf_showcase_free(feeds->showcase);
    g_hash_table_unref(feeds->open);
    g_cond_clear(&feeds->empty);
    g_mutex_clear(&feeds->lock);
    g_clear_pointer(&api->feeds, g_free);
}
