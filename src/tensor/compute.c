/* compute.c - what a forward pass runs on: backend, precision, the error that stuck, and a pool
 * of blocks.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Blocks that tensors let go of wait in lists by size class (powers of two with three steps
 * between), so a second block of a net allocates nothing. What waits is counted in the task's
 * budget: when the budget says no, the lists are emptied and the call tries once more. */
#include "tensor/backend.h"

#include <stdarg.h>

enum { N_CLASSES = 4 * 48 };

struct OrfBlock {
    gatomicrefcount refs;
    OrfCompute *compute; /* outlives its blocks: it counts them */
    OrfBlock *next;      /* in its list */
    void *data;
    unsigned class;
};

struct OrfCompute {
    gatomicrefcount refs; /* the owner and every block */
    OrfTask *task;
    const OrfBackend *backend;
    OrfBackendState *state;
    OrfPrecision precision;
    OrfRungFn rung;
    void *rung_data;
    GError *error;
    OrfBlock *waiting[N_CLASSES];
};

static const OrfBackend *const backends[] = { &orf_backend_cpu, &orf_backend_plain };

const char *
orf_precision_name(OrfPrecision precision)
{
    static const char *const names[] = { "f32", "bf16", "int8" };
    return names[precision];
}

static const OrfBackend *
find_backend(const char *name)
{
    for (size_t i = 0; i < G_N_ELEMENTS(backends); i++)
        if (!name || g_str_equal(backends[i]->name, name))
            return backends[i];
    return NULL;
}

OrfCompute *
orf_compute_new(OrfTask *task, const OrfComputeOptions *options, GError **error)
{
    static const OrfComputeOptions none = { 0 };
    options = options ? options : &none;
    const OrfBackend *backend = find_backend(options->backend);
    OrfBackendState *state = NULL;
    if (!backend)
        return ORF_FAIL(error, NOT_FOUND, "no backend \"%s\"; there are cpu and plain",
                        options->backend);
    if (backend->open && !backend->open(task, &state, error))
        return NULL;
    OrfCompute *compute = g_new0(OrfCompute, 1);
    g_atomic_ref_count_init(&compute->refs);
    compute->task = task ? orf_task_ref(task) : NULL;
    compute->backend = backend;
    compute->state = state;
    compute->precision = options->precision;
    compute->rung = options->rung;
    compute->rung_data = options->rung_data;
    return compute;
}

static void
empty_lists(OrfCompute *compute)
{
    for (unsigned i = 0; i < N_CLASSES; i++)
        while (compute->waiting[i]) {
            OrfBlock *block = compute->waiting[i];
            compute->waiting[i] = block->next;
            compute->backend->free(block->data);
            g_free(block);
        }
}

static void
compute_unref(OrfCompute *compute)
{
    if (!g_atomic_ref_count_dec(&compute->refs))
        return;
    empty_lists(compute);
    if (compute->backend->close)
        compute->backend->close(compute->state);
    orf_task_unref(compute->task);
    g_clear_error(&compute->error);
    g_free(compute);
}

void
orf_compute_free(OrfCompute *compute)
{
    if (compute)
        compute_unref(compute);
}

OrfTask *
orf_compute_task(const OrfCompute *compute)
{
    return compute->task;
}

OrfPrecision
orf_compute_precision(const OrfCompute *compute)
{
    return compute->precision;
}

void
orf_compute_set_precision(OrfCompute *compute, OrfPrecision precision)
{
    compute->precision = precision;
}

void
orf_compute_set_rung(OrfCompute *compute, OrfRungFn rung, void *data)
{
    compute->rung = rung;
    compute->rung_data = data;
}

const OrfBackend *
orf_compute_backend(const OrfCompute *compute)
{
    return compute->backend;
}

OrfBackendState *
orf_compute_state(const OrfCompute *compute)
{
    return compute->state;
}

bool
orf_compute_ok(const OrfCompute *compute)
{
    return !compute->error;
}

GError **
orf_compute_error(OrfCompute *compute)
{
    return compute->error ? NULL : &compute->error;
}

bool
orf_compute_go(OrfCompute *compute)
{
    return !compute->error && orf_task_check(compute->task, &compute->error);
}

void
orf_compute_take_error(OrfCompute *compute, GError *error)
{
    if (compute->error)
        g_clear_error(&error);
    else
        compute->error = error;
}

bool
orf_compute_end(OrfCompute *compute, GError **error)
{
    if (!compute->error)
        return true;
    g_propagate_error(error, g_steal_pointer(&compute->error));
    return false;
}

void
orf_compute_rung(OrfCompute *compute, const OrfTensor *tensor, const char *format, ...)
{
    if (!compute->rung || !tensor || compute->error)
        return;
    va_list args;
    va_start(args, format);
    g_autofree char *name = g_strdup_vprintf(format, args);
    va_end(args);
    compute->rung(compute, name, tensor, compute->rung_data);
}

/* --- The pool ----------------------------------------------------------------------------- */

/* Smallest class that holds `bytes`: (4 + step) << (order - 2). */
static unsigned
class_of(size_t bytes, size_t *ret_size)
{
    for (unsigned i = 0; i < N_CLASSES; i++) {
        size_t size = (size_t)(4 + i % 4) << (6 + i / 4);
        if (size >= bytes) {
            *ret_size = size;
            return i;
        }
    }
    *ret_size = SIZE_MAX;
    return N_CLASSES - 1;
}

static void *
alloc_or_empty(OrfCompute *compute, size_t size)
{
    void *data = compute->backend->alloc(compute->task, size, NULL);
    if (data)
        return data;
    empty_lists(compute);
    return compute->backend->alloc(compute->task, size, &compute->error);
}

OrfBlock *
orf_block_new(OrfCompute *compute, size_t bytes)
{
    size_t size;
    unsigned class = class_of(MAX(bytes, 1), &size);
    OrfBlock *block = compute->waiting[class];
    if (block) {
        compute->waiting[class] = block->next;
    } else {
        void *data = alloc_or_empty(compute, size);
        if (!data)
            return NULL;
        block = g_new0(OrfBlock, 1);
        block->data = data;
        block->class = class;
        block->compute = compute;
    }
    g_atomic_ref_count_init(&block->refs);
    g_atomic_ref_count_inc(&compute->refs);
    return block;
}

OrfBlock *
orf_block_ref(OrfBlock *block)
{
    g_atomic_ref_count_inc(&block->refs);
    return block;
}

void
orf_block_unref(OrfBlock *block)
{
    if (!g_atomic_ref_count_dec(&block->refs))
        return;
    OrfCompute *compute = block->compute;
    block->next = compute->waiting[block->class];
    compute->waiting[block->class] = block;
    compute_unref(compute);
}

float *
orf_block_data(OrfBlock *block)
{
    return block->data;
}
