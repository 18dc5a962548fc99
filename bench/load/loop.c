/* loop.c - one thread: timers, and connections that carry calls.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "loop.h"

#include <arpa/inet.h>
#include <errno.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#define EVENTS 256
#define SWEEP_US 100000
#define TIMEOUT_US (30 * G_USEC_PER_SEC)

typedef struct {
    int64_t due_us;
    void (*tick)(void *data, int64_t now_us);
    void *data;
} Timer;

/* --- Timers: a binary heap ---------------------------------------------------------------- */

void
load_loop_at(LoadLoop *loop, int64_t due_us, void (*tick)(void *data, int64_t now_us),
             void *data)
{
    Timer timer = { due_us, tick, data };
    g_array_append_val(loop->timers, timer);
    Timer *t = (Timer *)(void *)loop->timers->data;
    size_t i = loop->timers->len - 1;
    for (; i && t[(i - 1) / 2].due_us > due_us; i = (i - 1) / 2)
        t[i] = t[(i - 1) / 2];
    t[i] = timer;
}

static Timer
pop_timer(GArray *timers)
{
    Timer *t = (Timer *)(void *)timers->data;
    Timer first = t[0], last = t[timers->len - 1];
    g_array_set_size(timers, timers->len - 1);
    size_t n = timers->len, i = 0;
    for (size_t child; (child = 2 * i + 1) < n; i = child) {
        if (child + 1 < n && t[child + 1].due_us < t[child].due_us)
            child++;
        if (t[child].due_us >= last.due_us)
            break;
        t[i] = t[child];
    }
    if (n)
        t[i] = last;
    return first;
}

static int64_t
run_timers(LoadLoop *loop)
{
    int64_t now = g_get_monotonic_time();
    while (loop->timers->len && !loop->stop) {
        int64_t due = g_array_index(loop->timers, Timer, 0).due_us;
        if (due > now)
            return due - now;
        Timer timer = pop_timer(loop->timers);
        timer.tick(timer.data, now);
    }
    return SWEEP_US;
}

/* --- Calls -------------------------------------------------------------------------------- */

void
load_loop_spare(LoadLoop *loop, LoadLink *link)
{
    g_ptr_array_add(loop->idle, link);
}

void
load_loop_drop(LoadLoop *loop, LoadLink *link)
{
    close(link->fd);
    link->fd = -1;
    g_ptr_array_remove_fast(loop->links, link);
    g_ptr_array_remove_fast(loop->idle, link);
    g_ptr_array_add(loop->dead, link);
}

static void
refused(void *data, int64_t now_us)
{
    LoadCall *call = data;
    call->fault = LOAD_NO_CONNECTION;
    call->sent_us = call->done_us = now_us;
    call->done(call);
}

static LoadLink *
find_link(LoadLoop *loop)
{
    if (loop->idle->len)
        return g_ptr_array_steal_index_fast(loop->idle, loop->idle->len - 1);
    LoadLink *link = load_link_new(loop);
    if (link)
        g_ptr_array_add(loop->links, link);
    return link;
}

static void
start(LoadLoop *loop, LoadCall *call)
{
    int64_t now = g_get_monotonic_time();
    load_histogram_add(&loop->stats.lag, (uint64_t)MAX(now - call->due_us, 0));
    LoadLink *link = find_link(loop);
    if (link)
        load_link_start(link, call);
    else /* from the loop, never from inside the caller */
        load_loop_at(loop, now + 1000, refused, call);
}

static bool
has_room(const LoadLoop *loop)
{
    return loop->idle->len || loop->links->len < loop->most;
}

void
load_loop_next(LoadLoop *loop)
{
    while (!g_queue_is_empty(&loop->waiting) && has_room(loop))
        start(loop, g_queue_pop_head(&loop->waiting));
}

void
load_loop_call(LoadLoop *loop, LoadCall *call)
{
    call->fault = LOAD_FINE;
    call->left = false;
    call->link = NULL;
    if (has_room(loop) && g_queue_is_empty(&loop->waiting))
        start(loop, call);
    else
        g_queue_push_tail(&loop->waiting, call);
}

void
load_loop_retry(LoadLoop *loop, LoadCall *call)
{
    loop->stats.reconnects++;
    call->link = NULL;
    g_queue_push_head(&loop->waiting, call);
    load_loop_next(loop);
}

void
load_call_leave(LoadLoop *loop, LoadCall *call)
{
    call->left = true;
    if (call->link) {
        load_link_finish(call->link, LOAD_FINE);
    } else if (g_queue_remove(&loop->waiting, call)) {
        call->done_us = g_get_monotonic_time();
        call->done(call);
    }
}

/* --- Running ------------------------------------------------------------------------------ */

static void
sweep(void *data, int64_t now_us)
{
    LoadLoop *loop = data;
    for (size_t i = loop->links->len; i-- > 0;) {
        LoadLink *link = i < loop->links->len ? loop->links->pdata[i] : NULL;
        LoadCall *call = link ? link->call : NULL;
        if (call && now_us - call->sent_us > (call->timeout_us ? call->timeout_us : TIMEOUT_US))
            load_link_finish(link, LOAD_TIMEOUT);
    }
    load_loop_at(loop, now_us + SWEEP_US, sweep, loop);
}

static void
bury(LoadLoop *loop)
{
    for (size_t i = 0; i < loop->dead->len; i++)
        load_link_free(loop->dead->pdata[i]);
    g_ptr_array_set_size(loop->dead, 0);
}

void
load_loop_run(LoadLoop *loop)
{
    loop->stop = false;
    while (!loop->stop) {
        int64_t left = run_timers(loop);
        struct timespec wait = { left / G_USEC_PER_SEC, left % G_USEC_PER_SEC * 1000 };
        struct epoll_event events[EVENTS];
        int n = loop->stop ? 0 : epoll_pwait2(loop->epoll, events, EVENTS, &wait, NULL);
        for (int i = 0; i < n; i++) {
            LoadLink *link = events[i].data.ptr;
            if (link->fd >= 0)
                load_link_event(link, events[i].events);
        }
        bury(loop);
    }
}

void
load_loop_stop(LoadLoop *loop)
{
    loop->stop = true;
}

unsigned
load_loop_busy(const LoadLoop *loop)
{
    return loop->links->len - loop->idle->len + g_queue_get_length((GQueue *)&loop->waiting);
}

const LoadLoopStats *
load_loop_stats(const LoadLoop *loop)
{
    return &loop->stats;
}

const char *
load_loop_host(const LoadLoop *loop)
{
    return loop->host;
}

/* --- Life --------------------------------------------------------------------------------- */

LoadLoop *
load_loop_new(const char *url, unsigned connections, unsigned sources, GError **error)
{
    g_autoptr(GUri) uri = g_uri_parse(url, G_URI_FLAGS_NONE, error);
    if (!uri)
        return NULL;
    LoadLoop *loop = g_new0(LoadLoop, 1);
    int port = g_uri_get_port(uri) > 0 ? g_uri_get_port(uri) : 80;
    loop->peer.sin_family = AF_INET;
    loop->peer.sin_port = htons((uint16_t)port);
    loop->host = g_strdup_printf("%s:%d", g_uri_get_host(uri), port);
    loop->most = connections;
    loop->sources = sources;
    loop->links = g_ptr_array_new();
    loop->idle = g_ptr_array_new();
    loop->dead = g_ptr_array_new();
    loop->timers = g_array_new(FALSE, FALSE, sizeof(Timer));
    loop->buffer = g_malloc(LOAD_BUFFER);
    loop->epoll = epoll_create1(EPOLL_CLOEXEC);
    load_loop_at(loop, g_get_monotonic_time() + SWEEP_US, sweep, loop);
    if (inet_pton(AF_INET, g_uri_get_host(uri), &loop->peer.sin_addr) == 1 && loop->epoll >= 0)
        return loop;
    g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
                "load: \"%s\" has no numeric address; write http://127.0.0.1:8080", url);
    load_loop_free(loop);
    return NULL;
}

void
load_loop_free(LoadLoop *loop)
{
    if (!loop)
        return;
    bury(loop);
    for (size_t i = 0; i < loop->links->len; i++)
        load_link_free(loop->links->pdata[i]);
    g_ptr_array_unref(loop->links);
    g_ptr_array_unref(loop->idle);
    g_ptr_array_unref(loop->dead);
    g_array_unref(loop->timers);
    g_queue_clear(&loop->waiting);
    if (loop->epoll >= 0)
        close(loop->epoll);
    g_free(loop->buffer);
    g_free(loop->host);
    g_free(loop);
}
