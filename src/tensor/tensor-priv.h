/* tensor-priv.h - what the files of this room share.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ORF_TENSOR_PRIV_H
#define ORF_TENSOR_PRIV_H

#include "tensor/tensor.h"

/* --- Reading containers: each reader fills a checkpoint in the making ----------------------
 */

#define ORF_MAX_TENSORS 65536u
#define ORF_MAX_NAME 1024u
#define ORF_MAX_DIM ((uint64_t)1 << 40)
#define ORF_MAX_HEADER ((uint64_t)64 << 20) /* bytes of metadata, without the tensors */
#define ORF_MAX_SHARDS 1024u

typedef struct {
    OrfTask *task;
    const char *name; /* of the file, for messages */
    const uint8_t *bytes;
    uint64_t size;
    const OrfCheckpointOpen *options; /* never NULL */
    OrfCheckpoint *checkpoint;
} OrfReader;

/* Fails with BAD_INPUT and the place: "weights.pt: byte 17: ..." */
#define ORF_REFUSE(reader, at, error, ...)                                                     \
    (orf_reader_refuse((reader), (uint64_t)(at), (error), __VA_ARGS__), false)
void orf_reader_refuse(const OrfReader *reader, uint64_t at, GError **error, const char *format,
                       ...) G_GNUC_PRINTF(4, 5);
/* Valid UTF-8 without control characters, not longer than ORF_MAX_NAME. */
bool orf_reader_name_ok(const char *name, size_t length);
bool orf_reader_utf8_ok(const uint8_t *text, size_t length); /* NUL and controls are fine */

/* Adds one entry: `at` is where it is told, for messages. Refuses what breaks a limit or lies
 * outside the file. Strides may be NULL: row-major. */
typedef struct {
    const char *name;
    size_t name_length;
    OrfDtype dtype;
    unsigned rank;
    const uint64_t *shape, *stride;
    uint64_t begin, size; /* bytes of the file */
    unsigned dilation, step;
} OrfEntryToAdd;
bool orf_reader_add(OrfReader *reader, uint64_t at, const OrfEntryToAdd *entry, GError **error);
/* Elements of the shape; false when a dimension or the product breaks its limit. */
bool orf_shape_count(unsigned rank, const uint64_t *shape, uint64_t *ret_count);
void
orf_checkpoint_warn(OrfCheckpoint *checkpoint, const char *format, ...) G_GNUC_PRINTF(2, 3);

bool orf_read_safetensors(OrfReader *reader, GError **error);
bool orf_read_torch(OrfReader *reader, GError **error);
bool orf_read_gguf(OrfReader *reader, GError **error);
bool orf_read_onnx(OrfReader *reader, GError **error);
/* {"weight_map": {name: file}}: calls `each` for every pair. */
typedef bool (*OrfShardFn)(const char *name, const char *file, void *data, GError **error);
bool orf_read_index(OrfReader *reader, OrfShardFn each, void *data, uint64_t *ret_total,
                    GError **error);

/* --- The pickle inside a PyTorch archive: tensor/pickle.c --------------------------------- */

typedef struct {
    uint64_t begin, size;
    int used_as;       /* OrfDtype of its first use, -1 before */
    uint64_t elements; /* of its first use */
} OrfRecord;
/* The record "data/<key>", or NULL. */
typedef OrfRecord *(*OrfRecordFn)(const char *key, void *data);
bool orf_read_pickle(OrfReader *reader, uint64_t begin, uint64_t size, OrfRecordFn find,
                     void *data, GError **error);

/* --- Block formats of GGUF: tensor/blocks.c ----------------------------------------------- */

void orf_blocks_q8_0(const uint8_t *in, float *out, size_t n);
void orf_blocks_q4_0(const uint8_t *in, float *out, size_t n);
void orf_blocks_q4_k(const uint8_t *in, float *out, size_t n);
void orf_blocks_q5_k(const uint8_t *in, float *out, size_t n);
void orf_blocks_q6_k(const uint8_t *in, float *out, size_t n);

/* --- Small numbers at any address --------------------------------------------------------- */

static inline uint16_t
orf_le16(const uint8_t *at)
{
    return (uint16_t)(at[0] | at[1] << 8);
}

static inline uint32_t
orf_le32(const uint8_t *at)
{
    return (uint32_t)orf_le16(at) | (uint32_t)orf_le16(at + 2) << 16;
}

static inline uint64_t
orf_le64(const uint8_t *at)
{
    return (uint64_t)orf_le32(at) | (uint64_t)orf_le32(at + 4) << 32;
}

#endif
