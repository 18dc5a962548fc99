/* budget.c - memory is promised to a job before it starts: learned peaks, tickets, how much at
 * one time.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Promises are made from the budget, not from what happens to be free: a job that has just
 * started has not taken what it will need. What is free counts as well when the number of jobs
 * is chosen, for others use the machine too. */
#include "device/device-priv.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define PEAKS 64
#define MAX_KINDS 256
#define LEAST_PEAKS 3

typedef struct {
    uint64_t peaks[PEAKS]; /* a ring */
    size_t n, next;
    uint64_t runs;
} Kind;

/* --- Peaks -------------------------------------------------------------------------------- */

void
orf_devices_learn(OrfDevices *devices, const char *kind, uint64_t peak)
{
    g_mutex_lock(&devices->lock);
    GHashTable *kinds = devices->budget.kinds;
    Kind *known = g_hash_table_lookup(kinds, kind);
    if (!known && g_hash_table_size(kinds) < MAX_KINDS) {
        known = g_new0(Kind, 1);
        g_hash_table_insert(kinds, g_strdup(kind), known);
    }
    if (known) {
        known->peaks[known->next] = peak;
        known->next = (known->next + 1) % PEAKS;
        known->n = MIN(known->n + 1, PEAKS);
        known->runs++;
    }
    g_mutex_unlock(&devices->lock);
}

static int
compare_bytes(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static uint64_t
expect(const Kind *kind, uint64_t fallback)
{
    if (!kind || kind->n < LEAST_PEAKS)
        return fallback;
    uint64_t sorted[PEAKS];
    memcpy(sorted, kind->peaks, kind->n * sizeof sorted[0]);
    qsort(sorted, kind->n, sizeof sorted[0], compare_bytes);
    double p90 = (double)sorted[(kind->n * 9 + 9) / 10 - 1];
    return (uint64_t)MIN(p90 * 1.2, 9e18);
}

uint64_t
orf_devices_expect(OrfDevices *devices, const char *kind, uint64_t fallback)
{
    g_mutex_lock(&devices->lock);
    uint64_t bytes = expect(g_hash_table_lookup(devices->budget.kinds, kind), fallback);
    g_mutex_unlock(&devices->lock);
    return bytes;
}

/* --- Tickets ------------------------------------------------------------------------------ */

static uint64_t
budget_free(const Budget *budget)
{
    return budget->total - MIN(budget->total, budget->reserved);
}

uint64_t
orf_devices_reserve(OrfDevices *devices, uint64_t bytes)
{
    Budget *budget = &devices->budget;
    uint64_t ticket = 0;
    g_mutex_lock(&devices->lock);
    if (bytes <= budget_free(budget) || g_hash_table_size(budget->tickets) == 0) {
        ticket = ++budget->next_ticket;
        budget->reserved += bytes;
        g_hash_table_insert(budget->tickets, g_memdup2(&ticket, sizeof ticket),
                            g_memdup2(&bytes, sizeof bytes));
    }
    g_mutex_unlock(&devices->lock);
    return ticket;
}

void
orf_devices_release(OrfDevices *devices, uint64_t ticket)
{
    Budget *budget = &devices->budget;
    g_mutex_lock(&devices->lock);
    const uint64_t *bytes = g_hash_table_lookup(budget->tickets, &ticket);
    if (bytes) {
        budget->reserved -= *bytes;
        g_hash_table_remove(budget->tickets, &ticket);
    }
    g_mutex_unlock(&devices->lock);
}

/* --- How many ----------------------------------------------------------------------------- */

/* Jobs of `typical` bytes that would fit beside those that run. */
static uint64_t
room_for(const OrfDevices *devices, uint64_t typical)
{
    const OrfDeviceStats *cpu = &devices->devices[0].stats;
    uint64_t left = MIN(budget_free(&devices->budget), cpu->memory_free);
    return typical ? left / typical : G_MAXUINT32;
}

unsigned
orf_devices_concurrency(OrfDevices *devices, uint64_t queued, uint64_t typical)
{
    g_mutex_lock(&devices->lock);
    const OrfDeviceStats *cpu = &devices->devices[0].stats;
    devices->budget.queued = queued;
    uint64_t running = g_hash_table_size(devices->budget.tickets), n = 1;
    double full = seconds_to_full(cpu);
    if (cpu->memory_free >= typical && (full < 0 || full > FULL_SOON_S))
        n = running + MIN(queued, room_for(devices, typical));
    n = CLAMP(n, 1, MAX(cpu->cores, 1));
    g_mutex_unlock(&devices->lock);
    return (unsigned)n;
}

unsigned
orf_devices_batch(OrfDevices *devices, uint64_t queued, uint64_t typical, unsigned most)
{
    g_mutex_lock(&devices->lock);
    devices->budget.queued = queued;
    double full = seconds_to_full(&devices->devices[0].stats);
    uint64_t fits = MIN(queued, room_for(devices, typical)), n = 1;
    if (full >= 0 && full <= FULL_SOON_S)
        fits = 1;
    g_mutex_unlock(&devices->lock);
    while (n * 2 <= fits && n * 2 <= most)
        n *= 2;
    return (unsigned)n;
}

/* --- JSON --------------------------------------------------------------------------------- */

static int
compare_names(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void
add_kinds(OrfJson *json, GHashTable *kinds)
{
    unsigned n;
    g_autofree const char **names = (const char **)g_hash_table_get_keys_as_array(kinds, &n);
    qsort(names, n, sizeof *names, compare_names);
    orf_json_begin_array(json, "kinds");
    for (unsigned i = 0; i < n; i++) {
        const Kind *kind = g_hash_table_lookup(kinds, names[i]);
        orf_json_begin_object(json, NULL);
        orf_json_add_text(json, "kind", names[i]);
        orf_json_add_int(json, "runs", kind->runs);
        if (kind->n < LEAST_PEAKS)
            orf_json_add_null(json, "expect");
        else
            orf_json_add_int(json, "expect", expect(kind, 0));
        orf_json_end(json);
    }
    orf_json_end(json);
}

char *
orf_devices_budget_json(OrfDevices *devices)
{
    const Budget *budget = &devices->budget;
    g_autoptr(OrfJson) json = orf_json_new();
    orf_json_begin_object(json, NULL);
    g_mutex_lock(&devices->lock);
    orf_json_add_int(json, "total", budget->total);
    orf_json_add_int(json, "reserved", budget->reserved);
    orf_json_add_int(json, "free", budget_free(budget));
    orf_json_add_int(json, "tickets", g_hash_table_size(budget->tickets));
    add_kinds(json, budget->kinds);
    g_mutex_unlock(&devices->lock);
    orf_json_end(json);
    return orf_json_steal(json);
}

/* --- Life --------------------------------------------------------------------------------- */

void
budget_init(Budget *budget, uint64_t total)
{
    budget->total = total;
    budget->follows = !total;
    budget->tickets = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, g_free);
    budget->kinds = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
}

void
budget_clear(Budget *budget)
{
    g_hash_table_unref(budget->tickets);
    g_hash_table_unref(budget->kinds);
}

void
budget_follow(Budget *budget, uint64_t limit)
{
    if (budget->follows)
        budget->total = limit / 4 * 3;
}
