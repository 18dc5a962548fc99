/* memory.c - blocks whose size the input decides: counted against the task's budget.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Each block carries a 64-byte header (its ledger and size), so that orf_free needs no task and
 * a block may outlive the task that drew it. Large zeroed blocks come from calloc, that is from
 * fresh pages: untouched parts cost nothing. */
#include "base-priv.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define ALIGN 64

typedef struct {
    OrfBudget *budget; /* NULL: drawn without a task */
    size_t size;       /* bytes the caller asked for */
    void *base;        /* what calloc gave */
} Header;

G_STATIC_ASSERT(sizeof(Header) <= ALIGN);

OrfBudget *
orf_budget_new(size_t limit, OrfBudget *parent)
{
    OrfBudget *budget = g_new0(OrfBudget, 1);
    g_atomic_ref_count_init(&budget->refs);
    budget->limit = limit;
    budget->parent = parent ? orf_budget_ref(parent) : NULL;
    return budget;
}

OrfBudget *
orf_budget_ref(OrfBudget *budget)
{
    g_atomic_ref_count_inc(&budget->refs);
    return budget;
}

void
orf_budget_unref(OrfBudget *budget)
{
    if (!budget || !g_atomic_ref_count_dec(&budget->refs))
        return;
    orf_budget_unref(budget->parent);
    g_free(budget);
}

bool
orf_budget_draw(OrfBudget *budget, size_t size)
{
    size_t used = atomic_fetch_add(&budget->used, size) + size;
    if (budget->limit && used > budget->limit) {
        budget->used -= size;
        return false;
    }
    size_t peak = budget->peak;
    while (used > peak && !atomic_compare_exchange_weak(&budget->peak, &peak, used))
        continue;
    return true;
}

/* From the task's ledger and its device's, where idle residents make way. `ret_short` is the
 * one that has too little. */
static bool
draw(OrfTask *task, size_t size, const OrfBudget **ret_short)
{
    OrfBudget *budget = orf_task_budget(task);
    *ret_short = budget;
    if (!budget)
        return true;
    if (!orf_budget_draw(budget, size))
        return false;
    OrfBudget *device = budget->parent;
    while (device && !orf_budget_draw(device, size))
        if (!orf_engine_evict_one(orf_task_engine(task), 0)) {
            budget->used -= size;
            *ret_short = device;
            return false;
        }
    return true;
}

static void
give_back(OrfBudget *budget, size_t size)
{
    for (; budget; budget = budget->parent)
        budget->used -= size;
}

static Header *
header_of(const void *block)
{
    return (Header *)((char *)block - ALIGN);
}

static void *
fail_too_large(const OrfBudget *budget, size_t size, const char *what, GError **error)
{
    g_autofree char *asked = g_format_size_full(size, G_FORMAT_SIZE_IEC_UNITS);
    if (!budget || !budget->limit)
        return ORF_FAIL(error, TOO_LARGE,
                        "%s: needs %s, more than this machine can give; "
                        "use a lower quality or a smaller input",
                        what, asked);
    size_t left = budget->limit - MIN(budget->limit, budget->used);
    g_autofree char *free_text = g_format_size_full(left, G_FORMAT_SIZE_IEC_UNITS);
    return ORF_FAIL(error, TOO_LARGE,
                    "%s: needs %s, %s of the memory budget is left; use a lower "
                    "quality, a smaller input or a larger --memory",
                    what, asked, free_text);
}

void *
orf_task_alloc(OrfTask *task, size_t count, size_t size, const char *what, GError **error)
{
    const OrfBudget *short_of;
    size_t bytes;
    if (__builtin_mul_overflow(count, size, &bytes) || bytes > SIZE_MAX / 2)
        return fail_too_large(orf_task_budget(task), SIZE_MAX / 2, what, error);
    OrfBudget *budget = orf_task_budget(task);
    if (!draw(task, bytes, &short_of)) {
        if (short_of == budget)
            return fail_too_large(budget, bytes, what, error);
        orf_engine_fail_short(orf_task_engine(task), 0, bytes, budget->used, what, error);
        return NULL;
    }
    char *base = calloc(1, bytes + 2 * ALIGN);
    if (!base) {
        give_back(budget, bytes);
        return fail_too_large(budget, bytes, what, error);
    }
    char *block = (char *)(((uintptr_t)base + 2 * ALIGN - 1) & ~(uintptr_t)(ALIGN - 1));
    if (budget)
        g_atomic_ref_count_inc(&budget->refs);
    *header_of(block) = (Header){ budget, bytes, base };
    return block;
}

size_t
orf_block_size(const void *block)
{
    return block ? header_of(block)->size : 0;
}

void
orf_free(void *block)
{
    if (!block)
        return;
    Header header = *header_of(block);
    free(header.base);
    if (header.budget) {
        give_back(header.budget, header.size);
        orf_budget_unref(header.budget);
    }
}

void *
orf_task_realloc(OrfTask *task, void *block, size_t count, size_t size, const char *what,
                 GError **error)
{
    void *grown = orf_task_alloc(task, count, size, what, error);
    if (!grown)
        return NULL;
    if (block)
        memcpy(grown, block, MIN(orf_block_size(block), orf_block_size(grown)));
    orf_free(block);
    return grown;
}

/* --- Growing arrays ----------------------------------------------------------------------- */

void *
orf_vec_add(OrfTask *task, OrfVec *vec, size_t n, const char *what, GError **error)
{
    if (vec->n + n > vec->room || !vec->data) { /* NULL means failure, for n = 0 too */
        size_t room = MAX(MAX(vec->room + vec->room / 2, vec->n + n), 16);
        void *data = orf_task_realloc(task, vec->data, room, vec->item, what, error);
        if (!data)
            return NULL;
        vec->data = data;
        vec->room = room;
    }
    void *added = (char *)vec->data + vec->n * vec->item;
    vec->n += n;
    return added;
}

void *
orf_vec_steal(OrfVec *vec)
{
    void *data = g_steal_pointer(&vec->data);
    vec->n = vec->room = 0;
    return data;
}

void
orf_vec_clear(OrfVec *vec)
{
    orf_free(orf_vec_steal(vec));
}
