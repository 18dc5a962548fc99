/* engine.c - what lasts longer than a run: devices with a budget each, promises, threads.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Two ledgers a device. What is *held* is counted where it is drawn, by every block of every
 * task of this engine, and bounds what the process takes. What is *promised* is set aside
 * before a run starts, by whoever decides what runs when, which may be another process: it
 * draws nothing and needs no device. Both know of residents: those in use cannot be promised to
 * others, those that idle make way. */
#include "base/base-priv.h"

#include <string.h>

/* A ticket. */
typedef struct {
    unsigned device;
    uint64_t bytes;
} Promise;

/* --- Life --------------------------------------------------------------------------------- */

OrfEngine *
orf_engine_new_bare(const OrfEngineOptions *options)
{
    static const OrfEngineOptions none = { 0 };
    options = options ? options : &none;
    OrfEngine *engine = g_new0(OrfEngine, 1);
    g_atomic_ref_count_init(&engine->refs);
    engine->cores = MAX(1, options->cores);
    engine->nets = options->nets ? g_strdupv((char **)options->nets) : g_new0(char *, 1);
    engine->offers = g_hash_table_new(g_str_hash, g_str_equal);
    engine->pool = orf_pool_new(engine->cores);
    engine->devices = g_array_new(FALSE, TRUE, sizeof(OrfHeldDevice));
    engine->promises = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, g_free);
    g_mutex_init(&engine->lock);
    g_cond_init(&engine->loaded);
    g_queue_init(&engine->residents);
    orf_engine_add_device(engine,
                          &(OrfEngineDevice){ .name = "cpu", .memory = options->memory });
    return engine;
}

OrfEngine *
orf_engine_ref(OrfEngine *engine)
{
    g_atomic_ref_count_inc(&engine->refs);
    return engine;
}

static void
close_devices(OrfEngine *engine)
{
    for (guint i = engine->devices->len; i-- > 0;) {
        OrfHeldDevice *device = &g_array_index(engine->devices, OrfHeldDevice, i);
        if (device->is.close)
            device->is.close(device->is.backend);
        orf_budget_unref(device->budget);
        g_free((char *)device->is.name);
    }
    g_array_unref(engine->devices);
}

void
orf_engine_unref(OrfEngine *engine)
{
    if (!engine || !g_atomic_ref_count_dec(&engine->refs))
        return;
    g_thread_pool_free(engine->pool, FALSE, TRUE);
    orf_engine_unload_all(engine);
    close_devices(engine);
    g_hash_table_unref(engine->promises);
    g_strfreev(engine->nets);
    g_hash_table_unref(engine->offers);
    g_mutex_clear(&engine->lock);
    g_cond_clear(&engine->loaded);
    g_free(engine);
}

/* --- Devices ------------------------------------------------------------------------------ */

unsigned
orf_engine_add_device(OrfEngine *engine, const OrfEngineDevice *device)
{
    OrfHeldDevice held = { .is = *device, .budget = orf_budget_new(device->memory, NULL) };
    held.is.name = g_strdup(device->name);
    g_array_append_val(engine->devices, held);
    return engine->devices->len - 1;
}

OrfHeldDevice *
orf_engine_held(const OrfEngine *engine, unsigned device)
{
    g_assert(device < engine->devices->len);
    return &g_array_index(engine->devices, OrfHeldDevice, device);
}

unsigned
orf_engine_n_devices(const OrfEngine *engine)
{
    return engine ? engine->devices->len : 1;
}

const char *
orf_engine_device_name(const OrfEngine *engine, unsigned device)
{
    return engine ? orf_engine_held(engine, device)->is.name : "cpu";
}

void *
orf_engine_device_backend(const OrfEngine *engine, unsigned device)
{
    return engine ? orf_engine_held(engine, device)->is.backend : NULL;
}

const char *const *
orf_engine_net_folders(const OrfEngine *engine)
{
    static const char *const none[] = { NULL };
    return engine ? (const char *const *)engine->nets : none;
}

void
orf_engine_offer(OrfEngine *engine, const char *name, const void *table)
{
    g_hash_table_insert(engine->offers, (char *)name, (void *)table);
}

const void *
orf_engine_offered(const OrfEngine *engine, const char *name)
{
    return engine ? g_hash_table_lookup(engine->offers, name) : NULL;
}

unsigned
orf_engine_cores(const OrfEngine *engine)
{
    return engine ? engine->cores : 1;
}

/* --- What is held ------------------------------------------------------------------------- */

void
orf_engine_memory(OrfEngine *engine, unsigned device, OrfEngineMemory *ret)
{
    *ret = (OrfEngineMemory){ 0 };
    if (!engine)
        return;
    OrfHeldDevice *held = orf_engine_held(engine, device);
    g_mutex_lock(&engine->lock);
    *ret = (OrfEngineMemory){ .total = held->budget->limit,
                              .reserved = held->reserved,
                              .held = held->budget->used,
                              .resident = held->resident,
                              .tickets = held->tickets };
    g_mutex_unlock(&engine->lock);
}

void
orf_engine_set_memory(OrfEngine *engine, unsigned device, uint64_t bytes)
{
    if (engine)
        orf_engine_held(engine, device)->budget->limit = (size_t)bytes;
}

bool
orf_engine_fail_short(const OrfEngine *engine, unsigned device, size_t bytes, size_t own,
                      const char *what, GError **error)
{
    const OrfHeldDevice *held = orf_engine_held(engine, device);
    size_t limit = held->budget->limit, left = limit - MIN(limit, held->budget->used);
    g_autofree char *asked = g_format_size_full(bytes, G_FORMAT_SIZE_IEC_UNITS);
    g_autofree char *all = g_format_size_full(limit, G_FORMAT_SIZE_IEC_UNITS);
    g_autofree char *free_text = g_format_size_full(left, G_FORMAT_SIZE_IEC_UNITS);
    if (bytes > limit - MIN(limit, own))
        return ORF_FALSE(error, TOO_LARGE,
                         "%s: needs %s, and all may hold %s on %s; use a lower quality, a "
                         "smaller input or a larger --memory",
                         what, asked, all, held->is.name);
    return ORF_FALSE(error, BUSY,
                     "%s: needs %s, other runs leave %s of the %s of %s; try again when they "
                     "are done",
                     what, asked, free_text, all, held->is.name);
}

bool
orf_engine_draw(OrfEngine *engine, unsigned device, size_t bytes, const char *what,
                GError **error)
{
    if (!engine)
        return true;
    OrfHeldDevice *held = orf_engine_held(engine, device);
    while (!orf_budget_draw(held->budget, bytes))
        if (!orf_engine_evict_one(engine, device))
            return orf_engine_fail_short(engine, device, bytes, 0, what, error);
    return true;
}

void
orf_engine_give_back(OrfEngine *engine, unsigned device, size_t bytes)
{
    if (engine)
        orf_engine_held(engine, device)->budget->used -= bytes;
}

/* --- What is promised --------------------------------------------------------------------- */

static bool
may_promise(const OrfHeldDevice *device, uint64_t bytes)
{
    uint64_t limit = device->budget->limit, taken = device->reserved + device->pinned;
    return !limit || !device->tickets || bytes <= limit - MIN(limit, taken);
}

uint64_t
orf_engine_reserve(OrfEngine *engine, unsigned device, uint64_t bytes)
{
    OrfHeldDevice *held = orf_engine_held(engine, device);
    uint64_t ticket = 0;
    g_mutex_lock(&engine->lock);
    if (may_promise(held, bytes)) {
        ticket = ++engine->next_ticket;
        held->reserved += bytes;
        held->tickets++;
        Promise promise = { device, bytes };
        g_hash_table_insert(engine->promises, g_memdup2(&ticket, sizeof ticket),
                            g_memdup2(&promise, sizeof promise));
    }
    g_mutex_unlock(&engine->lock);
    return ticket;
}

void
orf_engine_release(OrfEngine *engine, uint64_t ticket)
{
    g_mutex_lock(&engine->lock);
    const Promise *promise = g_hash_table_lookup(engine->promises, &ticket);
    if (promise) {
        OrfHeldDevice *held = orf_engine_held(engine, promise->device);
        held->reserved -= promise->bytes;
        held->tickets--;
        g_hash_table_remove(engine->promises, &ticket);
    }
    g_mutex_unlock(&engine->lock);
}
