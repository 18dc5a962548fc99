/* tensor.h - shaped arrays, checkpoints, and the kernels that nets are made of.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Nets see three things: a checkpoint (names, shapes, bytes on disk), tensors (shaped arrays on
 * a device), and calls that make one tensor of others. Which device, in which precision and
 * with which kernels is the business of an OrfCompute; a net never asks. */
#ifndef ORF_TENSOR_H
#define ORF_TENSOR_H

#include "base/base.h"

#define ORF_MAX_RANK 8

/* --- Number formats: tensor/dtype.c ------------------------------------------------------- */

typedef enum {
    ORF_DTYPE_F32,
    ORF_DTYPE_F16,
    ORF_DTYPE_BF16,
    ORF_DTYPE_F64,
    ORF_DTYPE_I8,
    ORF_DTYPE_U8,
    ORF_DTYPE_BOOL,
    ORF_DTYPE_I16,
    ORF_DTYPE_U16,
    ORF_DTYPE_I32,
    ORF_DTYPE_U32,
    ORF_DTYPE_I64,
    ORF_DTYPE_U64,
    ORF_DTYPE_F8_E4M3,
    ORF_DTYPE_F8_E5M2,
    ORF_DTYPE_Q8_0,
    ORF_DTYPE_Q4_0,
    ORF_DTYPE_Q4_K,
    ORF_DTYPE_Q5_K,
    ORF_DTYPE_Q6_K,
    ORF_DTYPE_OTHER, /* a valid container may hold it; reading it is UNSUPPORTED */
    ORF_N_DTYPES
} OrfDtype;

typedef struct {
    const char *name;    /* "bf16" */
    unsigned block;      /* elements in one block: 1, 32 or 256 */
    unsigned block_size; /* bytes of one block; 0: cannot be read */
    /* n elements, a multiple of the block; `in` may lie at any address. */
    void (*to_f32)(const uint8_t *in, float *out, size_t n);
} OrfDtypeInfo;
const OrfDtypeInfo *orf_dtype_info(OrfDtype dtype);

/* Rounds to nearest even; NaN stays NaN. */
void orf_dtype_f32_to_bf16(const float *in, uint16_t *out, size_t n);
void orf_dtype_f32_to_f16(const float *in, uint16_t *out, size_t n);
float orf_dtype_f16(uint16_t bits);

/* --- Checkpoints: tensor/checkpoint.c -----------------------------------------------------
 * safetensors (one file or a sharded set by its index), PyTorch zip archives, GGUF, and the
 * weights of ONNX. Hostile until proved otherwise: nothing is executed, every length, offset,
 * count and name is checked before it is used. Immutable, thread-safe; files stay mapped. */

typedef struct {
    const char *name; /* UTF-8, no control characters */
    OrfDtype dtype;
    unsigned rank;
    uint64_t shape[ORF_MAX_RANK];  /* slowest dimension first */
    uint64_t stride[ORF_MAX_RANK]; /* in elements */
    uint64_t count;                /* elements */
    const uint8_t *data;           /* at any address */
    uint64_t size;                 /* bytes that the elements span in the file */
    unsigned dilation;             /* of an ONNX convolution's weight; 0: not told */
    unsigned step;                 /* its stride; 0: not told */
} OrfEntry;

typedef struct OrfCheckpoint OrfCheckpoint;

typedef struct {
    bool
        check; /* also verifies the checksums of zip archives and that every weight is finite */
    uint64_t max_bytes; /* of all entries when expanded; 0: 64 GiB */
} OrfCheckpointOpen;

/* Opens and maps a file, or the set that a "….safetensors.index.json" names. `options` may be
 * NULL. Errors: NOT_FOUND, BAD_INPUT (says which byte and why), UNSUPPORTED (names what it is),
 * TOO_LARGE. */
OrfCheckpoint *orf_checkpoint_open(OrfTask *task, const char *path,
                                   const OrfCheckpointOpen *options, GError **error);
/* The same from memory; `name` is for messages. Keeps a reference to `bytes`. */
OrfCheckpoint *orf_checkpoint_parse(OrfTask *task, GBytes *bytes, const char *name,
                                    const OrfCheckpointOpen *options, GError **error);
OrfCheckpoint *orf_checkpoint_ref(OrfCheckpoint *checkpoint);
void orf_checkpoint_unref(OrfCheckpoint *checkpoint);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(OrfCheckpoint, orf_checkpoint_unref)

const char *orf_checkpoint_name(const OrfCheckpoint *checkpoint);   /* of the file */
const char *orf_checkpoint_format(const OrfCheckpoint *checkpoint); /* "safetensors"; static */
uint64_t orf_checkpoint_bytes(const OrfCheckpoint *checkpoint);     /* of all its files */
size_t orf_checkpoint_n(const OrfCheckpoint *checkpoint);
const OrfEntry *orf_checkpoint_entry(const OrfCheckpoint *checkpoint, size_t i);
const OrfEntry *orf_checkpoint_find(const OrfCheckpoint *checkpoint, const char *name);
/* What a container says about itself in passing ("total_size is wrong"); NULL when nothing. */
const char *orf_checkpoint_warning(const OrfCheckpoint *checkpoint);

/* All elements as f32, row-major, into out[entry->count]. UNSUPPORTED names the type. */
bool orf_entry_read(const OrfEntry *entry, float *out, GError **error);
/* Elements begin..begin+n-1 of a contiguous entry; both multiples of its block. */
bool orf_entry_read_part(const OrfEntry *entry, uint64_t begin, uint64_t n, float *out,
                         GError **error);

#endif
