/* cpu.h - the files of the CPU backend among themselves.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ORF_TENSOR_CPU_H
#define ORF_TENSOR_CPU_H

#include "tensor/backend.h"

#include <oneapi/dnnl/dnnl.h>

/* A few versions of one function, the processor chooses. */
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) &&                         \
    !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define ORF_CLONES __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define ORF_CLONES
#endif

/* --- oneDNN, one thread at a call: cpu/dnnl.c ---------------------------------------------
 * The task's threads split the work; every primitive runs on the thread that calls it. */

typedef struct {
    dnnl_data_type_t type;   /* of x and w; y is f32 */
    size_t m, n, k;          /* y[m, n] = x[m, k] w[k, n] */
    size_t x_ld, y_ld;       /* elements from row to row */
    size_t w_ld;             /* 0: packed, else w is w_ld apart */
    bool w_rows_are_outputs; /* w lies as [n, k] (with w_ld) */
    bool add;                /* y += */
} OrfMatmul;

bool orf_cpu_matmul(OrfBackendState *state, const OrfMatmul *shape, const void *x,
                    const void *w, float *y, GError **error);
/* Bytes of w in packed form, 0 on failure; and the way there from [n, k] of the same type. */
size_t orf_cpu_packed_size(OrfBackendState *state, const OrfMatmul *shape, GError **error);
bool orf_cpu_pack(OrfBackendState *state, const OrfMatmul *shape, const void *w, void *packed,
                  GError **error);

typedef struct {
    dnnl_data_type_t type;
    size_t h, w, n_in, n_out, oh, ow, k, step, dilation, pad_top, pad_bottom, pad_left,
        pad_right;
    bool relu, bias;
} OrfConvShape;
bool orf_cpu_conv(OrfBackendState *state, const OrfConvShape *shape, const void *x,
                  const void *w, const float *bias, float *y, GError **error);
size_t
orf_cpu_conv_packed_size(OrfBackendState *state, const OrfConvShape *shape, GError **error);
bool orf_cpu_conv_pack(OrfBackendState *state, const OrfConvShape *shape, const float *w,
                       void *packed, GError **error);

bool orf_cpu_open(OrfTask *task, OrfBackendState **ret, GError **error);
void orf_cpu_close(OrfBackendState *state);
bool orf_cpu_sums_bytes(void); /* in hardware: VNNI or tiles */
bool orf_cpu_has_bf16(void);   /* in hardware: 512-bit dot products or tiles */

/* --- Kernels ------------------------------------------------------------------------------ */

bool orf_cpu_pack_weight(OrfTask *, OrfBackendState *, OrfWeight *, const float *, GError **);
void orf_cpu_unpack_weight(OrfWeight *weight);
bool orf_cpu_linear(OrfTask *, OrfBackendState *, const OrfLinearCall *, GError **);
bool orf_cpu_attention(OrfTask *, OrfBackendState *, const OrfAttentionCall *, GError **);
bool orf_cpu_norm(OrfTask *, OrfBackendState *, const OrfNormCall *, GError **);
bool orf_cpu_map(OrfTask *, OrfBackendState *, const OrfMapCall *, GError **);
bool orf_cpu_pack_conv(OrfTask *, OrfBackendState *, OrfWeight *, const float *, GError **);
bool orf_cpu_conv_call(OrfTask *, OrfBackendState *, const OrfConvCall *, GError **);
bool orf_cpu_max_pool(OrfTask *, const OrfPoolCall *);
bool orf_cpu_resize(OrfTask *, OrfBackendState *, const OrfResizeCall *, GError **);
bool orf_cpu_copy(OrfTask *task, OrfMatrix from, OrfMatrix to);
bool orf_cpu_transpose(OrfTask *task, OrfMatrix from, OrfMatrix to);

/* y = act(y * row_scale * scales + bias) * gate + add, over n columns; NULL: not there. */
typedef struct {
    OrfAct act;
    float row_scale;
    const float *scales, *bias, *gate, *add;
} OrfEpilogue;
void orf_cpu_act(OrfAct act, const float *x, float *y, size_t n); /* cpu/rows.c; x may be y */
void orf_cpu_to_bf16(const float *x, uint16_t *y, size_t n);
void orf_cpu_epilogue(const OrfEpilogue *how, float *y, size_t n);

#endif
