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

/* --- Compute: tensor/compute.c ------------------------------------------------------------
 * What a forward pass runs on: a backend with its kernels, a precision for the matrices, the
 * task's budget and cores, and a pool from which tensors are made. One thread at a time.
 *
 * Errors stick: the first call that fails keeps its error here and returns NULL; calls that get
 * a NULL tensor, or come later, return NULL too. A forward pass reads without a check after
 * every line and ends in orf_compute_end. Every call looks at cancel. */

typedef struct OrfCompute OrfCompute;
typedef struct OrfTensor OrfTensor;

typedef enum { ORF_PRECISION_F32, ORF_PRECISION_BF16, ORF_PRECISION_INT8 } OrfPrecision;
const char *orf_precision_name(OrfPrecision precision); /* "f32" */

/* Called with every rung a net names on its way: "d0.q". */
typedef void (*OrfRungFn)(OrfCompute *compute, const char *name, const OrfTensor *tensor,
                          void *data);

typedef struct {
    const char *backend;    /* "cpu" (NULL) or "plain", the slow and obvious truth */
    OrfPrecision precision; /* of matrices; all else is f32 */
    OrfRungFn rung;         /* may be NULL */
    void *rung_data;
} OrfComputeOptions;

OrfCompute *orf_compute_new(OrfTask *task, const OrfComputeOptions *options, GError **error);
void orf_compute_free(OrfCompute *compute);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(OrfCompute, orf_compute_free)
OrfTask *orf_compute_task(const OrfCompute *compute);
OrfPrecision orf_compute_precision(const OrfCompute *compute);
/* For what is packed from now on: a matrix that must stay exact in a net that is not. */
void orf_compute_set_precision(OrfCompute *compute, OrfPrecision precision);
void orf_compute_set_rung(OrfCompute *compute, OrfRungFn rung, void *data);
bool orf_compute_ok(const OrfCompute *compute);
/* For code beside the kernels that fails: keeps the error unless one is there. */
void orf_compute_take_error(OrfCompute *compute, GError *error);
/* True when all went well since the last time; else hands out the error that stuck. */
bool orf_compute_end(OrfCompute *compute, GError **error);
void orf_compute_rung(OrfCompute *compute, const OrfTensor *tensor, const char *format, ...)
    G_GNUC_PRINTF(3, 4);

/* --- Tensors: tensor/array.c --------------------------------------------------------------
 * Row-major f32 on the compute's device. A tensor keeps its memory as long as it lives; views
 * share it. Rows (runs of the last dimension) may lie further apart than they are long. */

typedef struct {
    unsigned rank;
    size_t dim[ORF_MAX_RANK];
} OrfShape;
#define ORF_SHAPE(...)                                                                         \
    ((OrfShape){ (unsigned)(sizeof((size_t[]){ __VA_ARGS__ }) / sizeof(size_t)),               \
                 { __VA_ARGS__ } })
size_t orf_shape_size(const OrfShape *shape); /* elements */

OrfTensor *orf_tensor_new(OrfCompute *c, OrfShape shape); /* contents undefined */
OrfTensor *orf_tensor_from(OrfCompute *c, OrfShape shape, const float *values);
OrfTensor *orf_tensor_ref(OrfTensor *tensor); /* NULL is fine */
void orf_tensor_unref(OrfTensor *tensor);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(OrfTensor, orf_tensor_unref)
/* Lets go of what *at held and puts `tensor` there (taken). */
void orf_tensor_set(OrfTensor **at, OrfTensor *tensor);

const OrfShape *orf_tensor_shape(const OrfTensor *tensor);
size_t orf_tensor_dim(const OrfTensor *tensor, unsigned i);
size_t orf_tensor_rows(const OrfTensor *tensor); /* product of all dimensions but the last */
size_t orf_tensor_columns(const OrfTensor *tensor);
/* Copies all elements to `out`, row-major, from wherever they are. */
bool orf_tensor_read(OrfCompute *c, const OrfTensor *tensor, float *out);
bool orf_tensor_write(OrfCompute *c, OrfTensor *tensor, const float *values);

OrfTensor *orf_tensor_reshape(OrfCompute *c, const OrfTensor *tensor, OrfShape shape);
/* Part of one axis: a view when it can be one, else a copy. */
OrfTensor *
orf_tensor_slice(OrfCompute *c, const OrfTensor *tensor, unsigned axis, size_t begin, size_t n);
OrfTensor *
orf_tensor_concat(OrfCompute *c, unsigned axis, const OrfTensor *const *parts, size_t n);
/* [..., rows, columns] to [..., columns, rows]. */
OrfTensor *orf_tensor_transpose(OrfCompute *c, const OrfTensor *tensor);
/* The tensor n times along a new first axis. */
OrfTensor *orf_tensor_repeat(OrfCompute *c, const OrfTensor *tensor, size_t n);

/* --- Weights: tensor/weight.c -------------------------------------------------------------
 * A matrix in the form its backend's kernel likes, packed once. Immutable. */

typedef struct OrfWeight OrfWeight;
/* values[n_out][n_in], bias[n_out] or NULL. NULL when something failed (sticks). */
OrfWeight *orf_weight_new(OrfCompute *c, const float *values, size_t n_out, size_t n_in,
                          const float *bias);
/* values[n_out][n_in][k][k], for orf_tensor_conv. */
OrfWeight *orf_weight_new_conv(OrfCompute *c, const float *values, size_t n_out, size_t n_in,
                               size_t k, const float *bias);
void orf_weight_free(OrfWeight *weight);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(OrfWeight, orf_weight_free)
size_t orf_weight_n_out(const OrfWeight *weight);
size_t orf_weight_n_in(const OrfWeight *weight);
size_t orf_weight_bytes(const OrfWeight *weight); /* as packed */
const float *orf_weight_bias(const OrfWeight *weight);

/* --- Operations: tensor/ops.c ------------------------------------------------------------- */

typedef enum {
    ORF_ACT_NONE,
    ORF_ACT_RELU,
    ORF_ACT_SILU,
    ORF_ACT_GELU,      /* with erf */
    ORF_ACT_GELU_TANH, /* the tanh form */
    ORF_ACT_SIGMOID,
} OrfAct;

typedef struct {
    OrfAct act;            /* after the bias */
    const OrfTensor *gate; /* [n_out] or [batch, n_out]: then multiplied by this */
    const OrfTensor *add;  /* of the result's shape: then added */
} OrfLinear;
/* x[..., n_in] to [..., n_out]. */
OrfTensor *orf_tensor_linear(OrfCompute *c, const OrfTensor *x, const OrfWeight *weight,
                             const OrfLinear *how);

typedef struct {
    bool rms; /* divide by the root mean square; else mean and deviation (LayerNorm) */
    double eps;
    const OrfTensor *weight, *bias; /* [columns] or NULL */
    const OrfTensor *scale, *shift; /* [batch, columns] or NULL: then * (1 + scale) + shift */
    /* Per head: the row is `heads` groups of `dim`, `stride` apart; 0: the row is one. */
    size_t heads, dim, stride;
} OrfNorm;
OrfTensor *orf_tensor_norm(OrfCompute *c, const OrfTensor *x, const OrfNorm *how);
/* Statistics over rows and `columns / groups` neighbouring columns of x[rows, columns]. */
OrfTensor *orf_tensor_group_norm(OrfCompute *c, const OrfTensor *x, size_t groups, double eps,
                                 const OrfTensor *weight, const OrfTensor *bias);

typedef struct {
    size_t heads, dim;
    size_t q_stride, k_stride, v_stride; /* columns between heads; 0: dim */
    double first_key; /* added to the scaled score of key 0: ln(M) when it stands for M keys */
} OrfAttention;
/* q[batch, n, ...], k and v[batch, m, ...] to [batch, n, heads * dim]: softmax(q k' /
 * sqrt(dim)) v, in tiles: the matrix of scores never exists. */
OrfTensor *orf_tensor_attention(OrfCompute *c, const OrfTensor *q, const OrfTensor *k,
                                const OrfTensor *v, const OrfAttention *how);

OrfTensor *orf_tensor_act(OrfCompute *c, const OrfTensor *x, OrfAct act);
/* x[..., 2n] to act(gate half) * other half: GEGLU with ORF_ACT_GELU and the gate second,
 * SwiGLU with ORF_ACT_SILU and the gate first. */
OrfTensor *orf_tensor_glu(OrfCompute *c, const OrfTensor *x, OrfAct act, bool gate_first);
/* a * x + b * y; y may have fewer rows: they repeat. */
OrfTensor *
orf_tensor_mix(OrfCompute *c, double a, const OrfTensor *x, double b, const OrfTensor *y);
OrfTensor *orf_tensor_softmax(OrfCompute *c, const OrfTensor *x); /* over the last axis */

/* Rows of x[n, columns] by number. */
OrfTensor *orf_tensor_gather(OrfCompute *c, const OrfTensor *x, const uint32_t *rows, size_t n);
/* y[rows[i]] += weights[i] * x[i], in place. */
void orf_tensor_add_rows(OrfCompute *c, OrfTensor *y, const OrfTensor *x, const uint32_t *rows,
                         const float *weights);

/* Pictures are [batch, height, width, channels]. */
typedef struct {
    size_t step, dilation; /* 0: 1 */
    size_t pad;            /* on every side */
    bool relu;
} OrfConv;
OrfTensor *
orf_tensor_conv(OrfCompute *c, const OrfTensor *x, const OrfWeight *weight, const OrfConv *how);
/* Kernel = step = k, so that nothing overlaps. weight: k * k * n_out outputs, [i][j][o]. */
OrfTensor *
orf_tensor_conv_up(OrfCompute *c, const OrfTensor *x, const OrfWeight *weight, size_t k);
/* 2 x 2, step 2; a last odd row or column is a window of its own. */
OrfTensor *orf_tensor_max_pool(OrfCompute *c, const OrfTensor *x);
/* [batch, 3, h, w] to [batch, (h / p) * (w / p), 3 * p * p]: what a patch embedding multiplies.
 */
OrfTensor *orf_tensor_patches(OrfCompute *c, const OrfTensor *x, size_t p);

typedef struct {
    bool cubic;     /* A = -0.75 (Keys 1981), else linear */
    bool antialias; /* widen the filter when shrinking (linear only) */
    double step;    /* source samples a target sample; 0: from the sizes */
} OrfResize;
/* Half-pixel centres, edges repeat. */
OrfTensor *orf_tensor_resize(OrfCompute *c, const OrfTensor *x, size_t height, size_t width,
                             const OrfResize *how);

#endif
