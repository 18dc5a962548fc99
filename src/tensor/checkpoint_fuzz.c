/* Any bytes as a checkpoint: what is accepted lies in the file, can be read, and keeps the
 * limit.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "tensor/tensor-priv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
read_all(const OrfCheckpoint *checkpoint, const uint8_t *begin, size_t size)
{
    for (size_t i = 0; i < orf_checkpoint_n(checkpoint); i++) {
        const OrfEntry *entry = orf_checkpoint_entry(checkpoint, i);
        g_assert_true(entry->data >= begin && entry->data + entry->size <= begin + size);
        if (!entry->count || entry->count > 1 << 20 ||
            !orf_dtype_info(entry->dtype)->block_size)
            continue;
        g_autofree float *out = g_new(float, entry->count);
        g_assert_true(orf_entry_read(entry, out, NULL));
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autoptr(OrfTask) task = orf_task_new(&(OrfTaskOptions){ .memory = (size_t)256 << 20 });
    g_autoptr(GBytes) bytes = g_bytes_new_static(data, size);
    g_autoptr(OrfCheckpoint) checkpoint = orf_checkpoint_parse(
        task, bytes, "fuzz", &(OrfCheckpointOpen){ .max_bytes = (uint64_t)1 << 26 }, NULL);
    if (checkpoint)
        read_all(checkpoint, data, size);
    return 0;
}
