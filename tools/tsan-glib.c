/* tsan-glib.c - what GLib's locks and queues mean, told to ThreadSanitizer.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * GLib is built without the sanitizer and its locks are futexes of its own, so that every
 * access under a GMutex would look like a race. Linked into everything when b_sanitize=thread,
 * this takes the place of the functions that programs call, tells the sanitizer what they do
 * and lets GLib do it. What GLib does inside itself stays unseen: things handed over through it
 * (queues, sources, pools) are told as a release by the giver and an acquire by the taker. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <glib.h>

/* The sanitizer's own interface (sanitizer/tsan_interface.h), which GCC does not always
 * install. */
void __tsan_acquire(void *at);
void __tsan_release(void *at);
void __tsan_mutex_create(void *at, unsigned flags);
void __tsan_mutex_destroy(void *at, unsigned flags);
void __tsan_mutex_pre_lock(void *at, unsigned flags);
void __tsan_mutex_post_lock(void *at, unsigned flags, int recursion);
int __tsan_mutex_pre_unlock(void *at, unsigned flags);
void __tsan_mutex_post_unlock(void *at, unsigned flags);

#define TRY_LOCK (1u << 4)
#define TRY_LOCK_FAILED (1u << 5)
#define READ_LOCK (1u << 3)
#define REENTRANT (1u << 1)

/* The function that this one hides. */
#define REAL(name)                                                                             \
    static __typeof__(name) *real;                                                             \
    if (!__atomic_load_n(&real, __ATOMIC_ACQUIRE))                                             \
    __atomic_store_n(&real, (__typeof__(name) *)dlsym(RTLD_NEXT, #name), __ATOMIC_RELEASE)

/* --- Locks -------------------------------------------------------------------------------- */

#define LOCK(name, type, flags)                                                                \
    __attribute__((visibility("default"))) void name(type *lock)                               \
    {                                                                                          \
        REAL(name);                                                                            \
        __tsan_mutex_pre_lock(lock, flags);                                                    \
        real(lock);                                                                            \
        __tsan_mutex_post_lock(lock, flags, 1);                                                \
    }
#define UNLOCK(name, type, flags)                                                              \
    __attribute__((visibility("default"))) void name(type *lock)                               \
    {                                                                                          \
        REAL(name);                                                                            \
        __tsan_mutex_pre_unlock(lock, flags);                                                  \
        real(lock);                                                                            \
        __tsan_mutex_post_unlock(lock, flags);                                                 \
    }
#define TRY(name, type, flags)                                                                 \
    __attribute__((visibility("default"))) gboolean name(type *lock)                           \
    {                                                                                          \
        REAL(name);                                                                            \
        __tsan_mutex_pre_lock(lock, (flags) | TRY_LOCK);                                       \
        gboolean got = real(lock);                                                             \
        __tsan_mutex_post_lock(lock, (flags) | TRY_LOCK | (got ? 0 : TRY_LOCK_FAILED), 1);     \
        return got;                                                                            \
    }
#define CLEAR(name, type)                                                                      \
    __attribute__((visibility("default"))) void name(type *lock)                               \
    {                                                                                          \
        REAL(name);                                                                            \
        __tsan_mutex_destroy(lock, 0);                                                         \
        real(lock);                                                                            \
    }

LOCK(g_mutex_lock, GMutex, 0)
TRY(g_mutex_trylock, GMutex, 0)
UNLOCK(g_mutex_unlock, GMutex, 0)
CLEAR(g_mutex_clear, GMutex)
LOCK(g_rec_mutex_lock, GRecMutex, REENTRANT)
TRY(g_rec_mutex_trylock, GRecMutex, REENTRANT)
UNLOCK(g_rec_mutex_unlock, GRecMutex, REENTRANT)
CLEAR(g_rec_mutex_clear, GRecMutex)
LOCK(g_rw_lock_writer_lock, GRWLock, 0)
TRY(g_rw_lock_writer_trylock, GRWLock, 0)
UNLOCK(g_rw_lock_writer_unlock, GRWLock, 0)
LOCK(g_rw_lock_reader_lock, GRWLock, READ_LOCK)
TRY(g_rw_lock_reader_trylock, GRWLock, READ_LOCK)
UNLOCK(g_rw_lock_reader_unlock, GRWLock, READ_LOCK)
CLEAR(g_rw_lock_clear, GRWLock)

/* --- Conditions: the lock is let go while they wait --------------------------------------- */

__attribute__((visibility("default"))) void
g_cond_wait(GCond *cond, GMutex *mutex)
{
    REAL(g_cond_wait);
    __tsan_mutex_pre_unlock(mutex, 0);
    __tsan_mutex_post_unlock(mutex, 0);
    real(cond, mutex);
    __tsan_mutex_pre_lock(mutex, 0);
    __tsan_mutex_post_lock(mutex, 0, 1);
}

__attribute__((visibility("default"))) gboolean
g_cond_wait_until(GCond *cond, GMutex *mutex, gint64 end)
{
    REAL(g_cond_wait_until);
    __tsan_mutex_pre_unlock(mutex, 0);
    __tsan_mutex_post_unlock(mutex, 0);
    gboolean told = real(cond, mutex, end);
    __tsan_mutex_pre_lock(mutex, 0);
    __tsan_mutex_post_lock(mutex, 0, 1);
    return told;
}

/* --- Things handed over ------------------------------------------------------------------- */

#define GIVE(name, type)                                                                       \
    __attribute__((visibility("default"))) void name(type *queue, gpointer data)               \
    {                                                                                          \
        REAL(name);                                                                            \
        __tsan_release(queue);                                                                 \
        real(queue, data);                                                                     \
    }
#define TAKE(name, ...)                                                                        \
    {                                                                                          \
        REAL(name);                                                                            \
        gpointer data = real(__VA_ARGS__);                                                     \
        __tsan_acquire(queue);                                                                 \
        return data;                                                                           \
    }

GIVE(g_async_queue_push, GAsyncQueue)
GIVE(g_async_queue_push_front, GAsyncQueue)
GIVE(g_async_queue_push_unlocked, GAsyncQueue)
__attribute__((visibility("default"))) gpointer
g_async_queue_pop(GAsyncQueue *queue) TAKE(g_async_queue_pop, queue)
    __attribute__((visibility("default"))) gpointer g_async_queue_try_pop(GAsyncQueue *queue)
        TAKE(g_async_queue_try_pop, queue) __attribute__((visibility("default"))) gpointer
    g_async_queue_timeout_pop(GAsyncQueue *queue, guint64 us)
        TAKE(g_async_queue_timeout_pop, queue, us)

    /* --- Counts of references: whoever lets go last has seen what the others did
       -------------------------------------------- */

    __attribute__((visibility("default")))
    gboolean(g_atomic_ref_count_dec)(gatomicrefcount *count)
{
    REAL(g_atomic_ref_count_dec);
    __tsan_release(count);
    gboolean last = real(count);
    if (last)
        __tsan_acquire(count);
    return last;
}

__attribute__((visibility("default"))) void(g_once_init_leave)(volatile void *at, gsize result)
{
    REAL(g_once_init_leave);
    __tsan_release((void *)at);
    real(at, result);
}

/* --- Pools and sources: their functions are called by way of a box ------------------------ */

typedef void (*OrfAny)(void);
typedef struct {
    OrfAny function;
    gpointer data;
    GDestroyNotify free_data;
    void *token; /* released by the giver */
} Box;

static Box *
box_new(OrfAny function, gpointer data, GDestroyNotify free_data, void *token)
{
    Box *box = g_new(Box, 1);
    *box = (Box){ function, data, free_data, token };
    return box;
}

static void
box_free(gpointer data)
{
    Box *box = data;
    if (box->free_data)
        box->free_data(box->data);
    g_free(box);
}

static void
work(gpointer task, gpointer data)
{
    Box *box = data;
    __tsan_acquire(task);
    ((GFunc)(void *)box->function)(task, box->data);
    __tsan_release(box);
}

__attribute__((visibility("default"))) GThreadPool *
g_thread_pool_new(GFunc function, gpointer data, gint most, gboolean exclusive, GError **error)
{
    REAL(g_thread_pool_new);
    return real(work, box_new((OrfAny)(void *)function, data, NULL, NULL), most, exclusive,
                error);
}

__attribute__((visibility("default"))) gboolean
g_thread_pool_push(GThreadPool *pool, gpointer task, GError **error)
{
    REAL(g_thread_pool_push);
    __tsan_release(task);
    return real(pool, task, error);
}

__attribute__((visibility("default"))) void
g_thread_pool_free(GThreadPool *pool, gboolean immediate, gboolean wait)
{
    REAL(g_thread_pool_free);
    gpointer box = pool->user_data; /* stays: threads of the pool may still look at it */
    real(pool, immediate, wait);
    __tsan_acquire(box);
}

static gboolean
dispatch(gpointer data)
{
    Box *box = data;
    __tsan_acquire(box);
    __tsan_acquire(box->token);
    return ((GSourceFunc)(void *)box->function)(box->data);
}

__attribute__((visibility("default"))) void
g_source_set_callback(GSource *source, GSourceFunc function, gpointer data,
                      GDestroyNotify free_data)
{
    REAL(g_source_set_callback);
    Box *box = box_new((OrfAny)(void *)function, data, free_data, source);
    __tsan_release(box);
    real(source, dispatch, box, box_free);
}

__attribute__((visibility("default"))) guint
g_source_attach(GSource *source, GMainContext *context)
{
    REAL(g_source_attach);
    __tsan_release(source);
    return real(source, context);
}
