/* workers.c - threads for what happens later: a line, and calls at a time.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Threads are started when there is more to do than idle threads, up to the number agreed, and
 * stay. They are nobody else's: threads of shared pools may have worked for a job, and be as
 * gentle as that. What falls due goes before what waits in line. */
#include "base/base.h"

typedef struct {
    void (*work)(void *data);
    void *data;
} Item;

typedef struct {
    Item item;
    uint64_t id;
    int64_t due_us; /* monotonic */
    GSequenceIter *place;
} Timer;

struct OrfWorkers {
    char *name;
    unsigned most, room;
    GMutex lock; /* of the rest */
    GCond wake;
    GQueue line;       /* Item */
    GSequence *timers; /* Timer, next first */
    GHashTable *by_id; /* Timer.id -> Timer, borrowed */
    uint64_t last_id;
    GPtrArray *threads; /* GThread */
    unsigned idle;
    bool ending;
};

/* --- On the threads ----------------------------------------------------------------------- */

static Timer *
first_timer(const OrfWorkers *workers)
{
    GSequenceIter *first = g_sequence_get_begin_iter(workers->timers);
    return g_sequence_iter_is_end(first) ? NULL : g_sequence_get(first);
}

/* With the lock. */
static Item
take_timer(OrfWorkers *workers, Timer *timer)
{
    Item item = timer->item;
    g_hash_table_remove(workers->by_id, &timer->id);
    g_sequence_remove(timer->place);
    return item;
}

/* With the lock; false: nothing is to be done now. */
static bool
take_next(OrfWorkers *workers, Item *ret)
{
    Timer *timer = workers->ending ? NULL : first_timer(workers);
    if (timer && timer->due_us <= g_get_monotonic_time()) {
        *ret = take_timer(workers, timer);
        return true;
    }
    Item *item = g_queue_pop_head(&workers->line);
    if (!item)
        return false;
    *ret = *item;
    g_free(item);
    return true;
}

static void
wait_for_work(OrfWorkers *workers)
{
    const Timer *timer = first_timer(workers);
    workers->idle++;
    if (timer)
        g_cond_wait_until(&workers->wake, &workers->lock, timer->due_us);
    else
        g_cond_wait(&workers->wake, &workers->lock);
    workers->idle--;
}

static gpointer
serve_line(gpointer data)
{
    OrfWorkers *workers = data;
    Item item;
    g_mutex_lock(&workers->lock);
    for (;;) {
        if (take_next(workers, &item)) {
            g_mutex_unlock(&workers->lock);
            item.work(item.data);
            g_mutex_lock(&workers->lock);
        } else if (workers->ending) {
            break;
        } else {
            wait_for_work(workers);
        }
    }
    g_mutex_unlock(&workers->lock);
    return NULL;
}

/* With the lock. When no thread can be made now, those that are there do the work. */
static void
call_somebody(OrfWorkers *workers)
{
    if (workers->idle && workers->line.length <= workers->idle) {
        g_cond_signal(&workers->wake);
    } else if (workers->threads->len < workers->most) {
        GThread *thread = g_thread_try_new(workers->name, serve_line, workers, NULL);
        if (thread)
            g_ptr_array_add(workers->threads, thread);
    }
}

/* --- From outside ------------------------------------------------------------------------- */

bool
orf_workers_add(OrfWorkers *workers, void (*work)(void *data), void *data)
{
    g_mutex_lock(&workers->lock);
    bool fits = !workers->room || workers->line.length < workers->room;
    if (fits) {
        Item *item = g_new(Item, 1);
        *item = (Item){ work, data };
        g_queue_push_tail(&workers->line, item);
        call_somebody(workers);
    }
    g_mutex_unlock(&workers->lock);
    return fits;
}

static int
by_due(const void *a, const void *b, void *unused)
{
    (void)unused;
    const Timer *x = a, *y = b;
    if (x->due_us != y->due_us)
        return x->due_us < y->due_us ? -1 : 1;
    return x->id < y->id ? -1 : x->id > y->id;
}

uint64_t
orf_workers_after(OrfWorkers *workers, int64_t delay_us, void (*work)(void *data), void *data)
{
    Timer *timer = g_new0(Timer, 1);
    timer->item = (Item){ work, data };
    timer->due_us = g_get_monotonic_time() + MAX(delay_us, 0);
    g_mutex_lock(&workers->lock);
    uint64_t id = timer->id = ++workers->last_id;
    timer->place = g_sequence_insert_sorted(workers->timers, timer, by_due, NULL);
    g_hash_table_insert(workers->by_id, &timer->id, timer);
    if (first_timer(workers) == timer)
        call_somebody(workers); /* to wait for it, or not as long as it meant to */
    g_mutex_unlock(&workers->lock);
    return id;
}

bool
orf_workers_cancel(OrfWorkers *workers, uint64_t id)
{
    g_mutex_lock(&workers->lock);
    Timer *timer = g_hash_table_lookup(workers->by_id, &id);
    if (timer)
        take_timer(workers, timer);
    g_mutex_unlock(&workers->lock);
    return timer;
}

/* --- Life --------------------------------------------------------------------------------- */

OrfWorkers *
orf_workers_new(const char *name, unsigned threads, unsigned room)
{
    OrfWorkers *workers = g_new0(OrfWorkers, 1);
    workers->name = g_strdup(name);
    workers->most = MAX(threads, 1);
    workers->room = room;
    g_mutex_init(&workers->lock);
    g_cond_init(&workers->wake);
    g_queue_init(&workers->line);
    workers->timers = g_sequence_new(g_free);
    workers->by_id = g_hash_table_new(g_int64_hash, g_int64_equal);
    workers->threads = g_ptr_array_new();
    /* One there is, whatever the system says later. */
    g_ptr_array_add(workers->threads, g_thread_new(name, serve_line, workers));
    return workers;
}

void
orf_workers_free(OrfWorkers *workers)
{
    if (!workers)
        return;
    g_mutex_lock(&workers->lock);
    workers->ending = true;
    g_cond_broadcast(&workers->wake);
    g_mutex_unlock(&workers->lock);
    /* What runs may still add work, and with it threads. */
    for (guint i = 0;; i++) {
        g_mutex_lock(&workers->lock);
        GThread *thread = i < workers->threads->len ? workers->threads->pdata[i] : NULL;
        g_mutex_unlock(&workers->lock);
        if (!thread)
            break;
        g_thread_join(thread);
    }
    g_ptr_array_unref(workers->threads);
    g_hash_table_unref(workers->by_id);
    g_sequence_free(workers->timers);
    g_cond_clear(&workers->wake);
    g_mutex_clear(&workers->lock);
    g_free(workers->name);
    g_free(workers);
}
