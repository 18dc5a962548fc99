/* points.c - equal points found by hashing.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Open addressing; a slot holds half of the hash and the index of its point, so that most
 * misses are settled without touching the points. Hashes of a batch are computed first and
 * their slots prefetched, because at a million points every slot is a cache miss. */
#include "mesh-priv.h"

#include <string.h>

#define BATCH 32
#define EMPTY UINT64_MAX /* no point has index 2^32 - 1 */
#define FIRST_SLOTS ((size_t)1 << 12)

void
orf_points_init(OrfPoints *points, OrfTask *task)
{
    *points = (OrfPoints){ .task = task, .found = { .item = 3 * sizeof(float) } };
}

void
orf_points_clear(OrfPoints *points)
{
    orf_vec_clear(&points->found);
    orf_free(points->slots);
    points->slots = NULL;
}

static uint64_t
mix(uint64_t h)
{
    h ^= h >> 32;
    h *= UINT64_C(0xd6e8feb86659fd93);
    h ^= h >> 29;
    h *= UINT64_C(0xa0761d6478bd642f);
    return h ^ h >> 32;
}

static uint64_t
hash_point(const float p[3])
{
    float plain[3] = { p[0] + 0.0f, p[1] + 0.0f, p[2] + 0.0f }; /* -0 becomes 0 */
    uint32_t bits[3];
    memcpy(bits, plain, sizeof bits);
    return mix((bits[0] | (uint64_t)bits[1] << 32) * UINT64_C(0x9e3779b97f4a7c15) + bits[2]);
}

static bool
grow(OrfPoints *points, GError **error)
{
    size_t n = points->slots ? 2 * (points->mask + 1) : FIRST_SLOTS;
    uint64_t *slots = ORF_ALLOC(points->task, uint64_t, n, "index of equal points", error);
    if (!slots)
        return false;
    memset(slots, 255, n * sizeof *slots);
    const float(*found)[3] = points->found.data;
    for (size_t i = 0; i < points->found.n; i++) {
        uint64_t hash = hash_point(found[i]);
        size_t at = hash & (n - 1);
        while (slots[at] != EMPTY)
            at = (at + 1) & (n - 1);
        slots[at] = (hash >> 32 << 32) | i;
    }
    orf_free(points->slots);
    points->slots = slots;
    points->mask = n - 1;
    return true;
}

/* The slot of the point, or the empty one where it belongs. */
static size_t
probe(const OrfPoints *points, const float p[3], uint64_t hash)
{
    const float(*found)[3] = points->found.data;
    for (size_t at = hash & points->mask;; at = (at + 1) & points->mask) {
        uint64_t slot = points->slots[at];
        if (slot == EMPTY)
            return at;
        if (slot >> 32 != hash >> 32)
            continue;
        const float *q = found[(uint32_t)slot];
        if (q[0] == p[0] && q[1] == p[1] && q[2] == p[2])
            return at;
    }
}

/* There is room in the table and the array for all of them. */
static void
add_batch(OrfPoints *points, const float (*items)[3], size_t n, uint32_t *ret_indices)
{
    uint64_t hashes[BATCH];
    for (size_t i = 0; i < n; i++) {
        hashes[i] = hash_point(items[i]);
        __builtin_prefetch(&points->slots[hashes[i] & points->mask], 1);
    }
    float(*found)[3] = points->found.data;
    for (size_t i = 0; i < n; i++) {
        size_t at = probe(points, items[i], hashes[i]);
        if (points->slots[at] == EMPTY) {
            memcpy(found[points->found.n], items[i], sizeof found[0]);
            points->slots[at] = (hashes[i] >> 32 << 32) | points->found.n++;
        }
        ret_indices[i] = (uint32_t)points->slots[at];
    }
}

bool
orf_points_add(OrfPoints *points, const float (*items)[3], size_t n, uint32_t *ret_indices,
               GError **error)
{
    if (points->found.n + n >= UINT32_MAX)
        return ORF_FALSE(error, TOO_LARGE, "more than 4294967294 points; split the model");
    for (size_t i = 0; i < n; i += BATCH) {
        size_t count = MIN(BATCH, n - i);
        if ((points->found.n + count) * 2 > points->mask && !grow(points, error))
            return false;
        if (!orf_vec_add(points->task, &points->found, count, "vertices", error))
            return false;
        points->found.n -= count;
        add_batch(points, items + i, count, ret_indices + i);
        if (i % (BATCH << 11) == 0 && !orf_task_check(points->task, error))
            return false;
    }
    return true;
}
