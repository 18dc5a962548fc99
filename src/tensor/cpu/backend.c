/* backend.c - the CPU backend's table.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "tensor/cpu/cpu.h"

#include <string.h>

static void *
cpu_alloc(OrfTask *task, size_t bytes, GError **error)
{
    return orf_task_alloc(task, bytes, 1, "tensor", error);
}

static bool
cpu_upload(OrfBackendState *state, OrfMatrix to, const float *from)
{
    (void)state;
    for (size_t r = 0; r < to.rows; r++)
        memcpy(to.data + r * to.ld, from + r * to.columns, to.columns * sizeof *from);
    return true;
}

static bool
cpu_download(OrfBackendState *state, OrfMatrix from, float *to)
{
    (void)state;
    for (size_t r = 0; r < from.rows; r++)
        memcpy(to + r * from.columns, from.data + r * from.ld, from.columns * sizeof *to);
    return true;
}

const OrfBackend orf_backend_cpu = {
    .name = "cpu",
    .open = orf_cpu_open,
    .close = orf_cpu_close,
    .alloc = cpu_alloc,
    .free = orf_free,
    .upload = cpu_upload,
    .download = cpu_download,
    .copy = orf_cpu_copy,
    .transpose = orf_cpu_transpose,
    .pack = orf_cpu_pack_weight,
    .unpack = orf_cpu_unpack_weight,
    .linear = orf_cpu_linear,
    .norm = orf_cpu_norm,
    .attention = orf_cpu_attention,
    .map = orf_cpu_map,
    .conv = orf_cpu_conv_call,
    .max_pool = orf_cpu_max_pool,
    .resize = orf_cpu_resize,
};
