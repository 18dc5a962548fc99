/* resident.c - what stays loaded between runs: weights, packed kernels, tables.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * A resident is found by key and device. It is loaded on the thread of the first run that asks,
 * outside the lock; others that want the same wait for it. In use it cannot go. Idle ones stand
 * in the order in which they were let go, and leave from the head when memory is wanted: least
 * recently used first. Nobody is called with the lock held. */
#include "base/base-priv.h"

#include <string.h>

#define PEEK_US 50000 /* between looks at the cancel flag while another run loads */

typedef enum { LOADING, READY, FAILED } State;

struct OrfResident {
    OrfEngine *engine; /* NULL: the caller's alone */
    char *key;
    unsigned device;
    size_t bytes;
    void *value;
    void (*unload)(void *value);
    /* Under the engine's lock. */
    State state;
    unsigned users;
    int64_t idle_us; /* when orf_engine_expire first saw it idle; 0: not yet */
};

static void
resident_free(OrfResident *resident)
{
    if (resident->state == READY && resident->unload)
        resident->unload(resident->value);
    g_free(resident->key);
    g_free(resident);
}

/* --- With the lock held ------------------------------------------------------------------- */

static OrfResident *
find(OrfEngine *engine, const char *key, unsigned device)
{
    for (GList *at = engine->residents.head; at; at = at->next) {
        OrfResident *resident = at->data;
        if (resident->device == device && g_str_equal(resident->key, key))
            return resident;
    }
    return NULL;
}

static void
add_user(OrfResident *resident)
{
    if (resident->users++ == 0)
        orf_engine_held(resident->engine, resident->device)->pinned += resident->bytes;
    resident->idle_us = 0;
}

static void
remove_user(OrfResident *resident)
{
    if (--resident->users == 0)
        orf_engine_held(resident->engine, resident->device)->pinned -= resident->bytes;
}

static void
take_out(OrfResident *resident)
{
    g_queue_remove(&resident->engine->residents, resident);
    orf_engine_held(resident->engine, resident->device)->resident -= resident->bytes;
}

/* --- Going -------------------------------------------------------------------------------- */

/* After it was taken out; without the lock. */
static void
unload(OrfResident *resident)
{
    OrfEngine *engine = resident->engine;
    unsigned device = resident->device;
    size_t bytes = resident->bytes;
    resident_free(resident);
    orf_engine_give_back(engine, device, bytes);
}

typedef bool (*ChooseFn)(OrfResident *resident, const void *data);

/* Unloads the idle ones that `choose` names, the longest idle first, at most `most`. */
static unsigned
unload_some(OrfEngine *engine, ChooseFn choose, const void *data, unsigned most)
{
    g_autoptr(GPtrArray) going = g_ptr_array_new();
    g_mutex_lock(&engine->lock);
    for (GList *at = engine->residents.head, *next; at && going->len < most; at = next) {
        next = at->next;
        OrfResident *resident = at->data;
        if (resident->users || resident->state != READY || !choose(resident, data))
            continue;
        take_out(resident);
        g_ptr_array_add(going, resident);
    }
    g_mutex_unlock(&engine->lock);
    for (guint i = 0; i < going->len; i++)
        unload(going->pdata[i]);
    return going->len;
}

static bool
is_of_device(OrfResident *resident, const void *device)
{
    return resident->device == *(const unsigned *)device;
}

bool
orf_engine_evict_one(OrfEngine *engine, unsigned device)
{
    return engine && unload_some(engine, is_of_device, &device, 1);
}

static bool
has_key(OrfResident *resident, const void *key)
{
    return !key || g_str_equal(resident->key, key);
}

unsigned
orf_engine_drop(OrfEngine *engine, const char *key)
{
    return engine ? unload_some(engine, has_key, key, G_MAXUINT) : 0;
}

typedef struct {
    int64_t now_us, keep_us;
} Expiry;

static bool
is_stale(OrfResident *resident, const void *data)
{
    const Expiry *expiry = data;
    if (!resident->idle_us)
        resident->idle_us = MAX(expiry->now_us, 1);
    return expiry->now_us - resident->idle_us >= expiry->keep_us;
}

unsigned
orf_engine_expire(OrfEngine *engine, int64_t now_us, int64_t keep_us)
{
    Expiry expiry = { now_us, keep_us };
    return engine ? unload_some(engine, is_stale, &expiry, G_MAXUINT) : 0;
}

void
orf_engine_unload_all(OrfEngine *engine)
{
    orf_engine_drop(engine, NULL);
    g_assert(g_queue_is_empty(&engine->residents)); /* users hold tasks, which hold us */
}

/* --- Coming ------------------------------------------------------------------------------- */

static OrfResident *
resident_new(OrfEngine *engine, const OrfResidentOptions *options)
{
    OrfResident *resident = g_new0(OrfResident, 1);
    resident->engine = engine;
    resident->key = g_strdup(options->key);
    resident->device = options->device;
    resident->bytes = options->bytes;
    resident->unload = options->unload;
    return resident;
}

/* Draws and loads, on this thread and without the lock. */
static bool
load(OrfTask *task, OrfResident *resident, const OrfResidentOptions *options, GError **error)
{
    if (!orf_engine_draw(resident->engine, resident->device, resident->bytes, resident->key,
                         error))
        return false;
    resident->value = options->load(task, options->data, error);
    if (!resident->value)
        orf_engine_give_back(resident->engine, resident->device, resident->bytes);
    return resident->value != NULL;
}

/* The last of those who wait for one that could not be loaded takes it away. */
static void
forget(OrfResident *resident)
{
    remove_user(resident);
    if (!resident->users)
        resident_free(resident);
}

static OrfResident *
load_shared(OrfTask *task, OrfEngine *engine, const OrfResidentOptions *options, GError **error)
{
    OrfResident *resident = resident_new(engine, options);
    g_queue_push_tail(&engine->residents, resident);
    orf_engine_held(engine, options->device)->resident += options->bytes;
    add_user(resident);
    g_mutex_unlock(&engine->lock);
    bool done = load(task, resident, options, error);
    g_mutex_lock(&engine->lock);
    resident->state = done ? READY : FAILED;
    g_cond_broadcast(&engine->loaded);
    if (done)
        return resident;
    take_out(resident);
    forget(resident);
    return NULL;
}

typedef enum { WAIT_OVER, WAIT_AGAIN, WAIT_CANCELLED } Wait;

/* With the lock held, until another run has loaded it. When that run failed, or was cancelled,
 * this one tries itself. */
static Wait
wait_for(OrfTask *task, OrfResident *resident)
{
    OrfEngine *engine = resident->engine;
    add_user(resident);
    while (resident->state == LOADING && !orf_task_cancelled(task))
        g_cond_wait_until(&engine->loaded, &engine->lock, g_get_monotonic_time() + PEEK_US);
    if (resident->state == READY)
        return WAIT_OVER;
    Wait how = resident->state == FAILED ? WAIT_AGAIN : WAIT_CANCELLED;
    if (how == WAIT_AGAIN)
        forget(resident);
    else
        remove_user(resident); /* the loader has it still */
    return how;
}

static OrfResident *
get_shared(OrfTask *task, OrfEngine *engine, const OrfResidentOptions *options, GError **error)
{
    for (;;) {
        OrfResident *resident = find(engine, options->key, options->device);
        if (!resident)
            return load_shared(task, engine, options, error);
        Wait how = wait_for(task, resident);
        if (how == WAIT_OVER)
            return resident;
        if (how == WAIT_CANCELLED)
            return ORF_FAIL(error, CANCELLED, "cancelled");
    }
}

static OrfResident *
get_alone(OrfTask *task, const OrfResidentOptions *options, GError **error)
{
    OrfResident *resident = resident_new(NULL, options);
    if (load(task, resident, options, error))
        resident->state = READY;
    else
        g_clear_pointer(&resident, resident_free);
    return resident;
}

OrfResident *
orf_resident_get(OrfTask *task, const OrfResidentOptions *options, GError **error)
{
    OrfEngine *engine = orf_task_engine(task);
    if (!orf_task_check(task, error))
        return NULL;
    if (!engine)
        return get_alone(task, options, error);
    g_mutex_lock(&engine->lock);
    OrfResident *resident = get_shared(task, engine, options, error);
    g_mutex_unlock(&engine->lock);
    return resident;
}

void *
orf_resident_value(const OrfResident *resident)
{
    return resident->value;
}

void
orf_resident_let_go(OrfResident *resident)
{
    if (!resident)
        return;
    OrfEngine *engine = resident->engine;
    if (!engine) {
        resident_free(resident);
        return;
    }
    g_mutex_lock(&engine->lock);
    remove_user(resident);
    g_queue_remove(&engine->residents, resident);
    g_queue_push_tail(&engine->residents, resident);
    g_mutex_unlock(&engine->lock);
}

/* --- Looking ------------------------------------------------------------------------------ */

static void
info_clear(void *info)
{
    g_free(((OrfResidentInfo *)info)->key);
}

GArray *
orf_engine_residents(OrfEngine *engine)
{
    GArray *all = g_array_new(FALSE, FALSE, sizeof(OrfResidentInfo));
    g_array_set_clear_func(all, info_clear);
    if (!engine)
        return all;
    g_mutex_lock(&engine->lock);
    for (GList *at = engine->residents.head; at; at = at->next) {
        const OrfResident *resident = at->data;
        OrfResidentInfo info = { .key = g_strdup(resident->key),
                                 .device = resident->device,
                                 .users = resident->users,
                                 .bytes = resident->bytes };
        g_array_append_val(all, info);
    }
    g_mutex_unlock(&engine->lock);
    return all;
}
