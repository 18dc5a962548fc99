/* backend.h - the seam between nets and devices: one const table of kernels per kind of device.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * A kernel gets addresses on its device and plain numbers; shapes have been checked. A backend
 * that is loaded at run time fills the same table. Kernels of sparse arrays will be a table of
 * their own beside this one, so that a backend may have one without the other. */
#ifndef ORF_TENSOR_BACKEND_H
#define ORF_TENSOR_BACKEND_H

#include "tensor/tensor-priv.h"

/* rows * columns f32; row r begins at data + r * ld. */
typedef struct {
    float *data;
    size_t rows, columns, ld;
} OrfMatrix;

/* Shared by a compute's calls: caches of what was made for the shapes seen. */
typedef struct OrfBackendState OrfBackendState;

struct OrfWeight {
    const struct OrfBackend *backend;
    size_t n_out, n_in, k; /* k: side of a convolution's kernel; 0: a matrix */
    OrfPrecision precision;
    float *bias;  /* host, [n_out], or NULL */
    void *packed; /* the backend's */
    size_t bytes;
};

typedef struct {
    OrfMatrix x, y;
    const OrfWeight *weight;
    OrfAct act;
    const float *gate;         /* [rows / gate_rows], gate_ld apart */
    size_t gate_rows, gate_ld; /* rows of y that share one row of the gate */
    const float *add;          /* like y, add_ld apart */
    size_t add_ld;
} OrfLinearCall;

typedef struct {
    OrfMatrix x, y; /* y: heads * dim columns */
    bool rms;
    double eps;
    const float *weight, *bias, *scale, *shift;
    size_t scale_rows, scale_ld; /* rows that share one row of scale and shift */
    size_t heads, dim, stride;   /* always set */
} OrfNormCall;

typedef struct {
    OrfMatrix q, k, v, y; /* of all batches, one below the other */
    size_t batch, n, m, heads, dim, q_stride, k_stride, v_stride;
    float first_key;
    OrfPrecision precision;
} OrfAttentionCall;

typedef enum { ORF_MAP_ACT, ORF_MAP_GLU, ORF_MAP_MIX, ORF_MAP_SOFTMAX } OrfMapKind;
typedef struct {
    OrfMapKind kind;
    OrfMatrix x, y, z; /* z: the second operand of MIX */
    OrfAct act;
    bool gate_first;
    float a, b;
} OrfMapCall;

typedef struct {
    size_t batch, h, w, n_in, n_out, oh, ow, k, step, dilation, pad;
    const float *x;
    float *y;
    const OrfWeight *weight;
    bool relu;
} OrfConvCall;

typedef struct {
    size_t batch, h, w, channels;
    const float *x;
    float *y; /* [batch, (h + 1) / 2, (w + 1) / 2, channels] */
} OrfPoolCall;

/* Taps of one axis: sample i is the sum over weights[first[i] .. first[i + 1]) of source sample
 * from[i] and those after it, clamped to the edge. */
typedef struct {
    size_t n, n_source;
    const uint32_t *first;
    const int32_t *from;
    const float *weights;
} OrfTaps;

typedef struct {
    size_t batch, channels;
    const float *x;
    float *y;
    OrfTaps down, across;
} OrfResizeCall;

typedef struct OrfBackend {
    const char *name;
    bool (*open)(OrfTask *task, OrfBackendState **ret, GError **error);
    void (*close)(OrfBackendState *state);
    /* 64-byte aligned, contents undefined. */
    void *(*alloc)(OrfTask *task, size_t bytes, GError **error);
    void (*free)(void *block);
    bool (*upload)(OrfBackendState *state, OrfMatrix to, const float *from);
    bool (*download)(OrfBackendState *state, OrfMatrix from, float *to);
    bool (*copy)(OrfTask *task, OrfMatrix from,
                 OrfMatrix to); /* all rows and columns of `to` */
    bool (*transpose)(OrfTask *task, OrfMatrix from, OrfMatrix to);
    bool (*pack)(OrfTask *task, OrfBackendState *state, OrfWeight *weight, const float *values,
                 GError **error);
    void (*unpack)(OrfWeight *weight);
    bool (*linear)(OrfTask *, OrfBackendState *, const OrfLinearCall *, GError **);
    bool (*norm)(OrfTask *, OrfBackendState *, const OrfNormCall *, GError **);
    bool (*attention)(OrfTask *, OrfBackendState *, const OrfAttentionCall *, GError **);
    bool (*map)(OrfTask *, OrfBackendState *, const OrfMapCall *, GError **);
    bool (*conv)(OrfTask *, OrfBackendState *, const OrfConvCall *, GError **);
    bool (*max_pool)(OrfTask *, const OrfPoolCall *);
    bool (*resize)(OrfTask *, OrfBackendState *, const OrfResizeCall *, GError **);
} OrfBackend;

extern const OrfBackend orf_backend_plain, orf_backend_cpu;

/* --- Inside of compute, tensors and weights ----------------------------------------------- */

typedef struct OrfBlock OrfBlock; /* memory that tensors share */

struct OrfTensor {
    gatomicrefcount refs;
    OrfShape shape;
    OrfBlock *block;
    float *data;
    size_t ld; /* elements from row to row */
};

const OrfBackend *orf_compute_backend(const OrfCompute *c);
OrfBackendState *orf_compute_state(const OrfCompute *c);
/* False when an error has stuck or the task was cancelled (which then sticks). */
bool orf_compute_go(OrfCompute *c);
/* Where a call puts its error: NULL-initialised storage that sticks. */
GError **orf_compute_error(OrfCompute *c);
OrfBlock *orf_block_new(OrfCompute *c, size_t bytes);
OrfBlock *orf_block_ref(OrfBlock *block);
void orf_block_unref(OrfBlock *block);
float *orf_block_data(OrfBlock *block);

OrfMatrix orf_tensor_matrix(const OrfTensor *tensor);
bool orf_tensor_is_dense(const OrfTensor *tensor);

#endif
