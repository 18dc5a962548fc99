/* plain.c - the obvious backend: loops in double precision, one thread. The truth that the
 * fast kernels are measured against.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "tensor/backend.h"

#include <math.h>
#include <string.h>

static void *
plain_alloc(OrfTask *task, size_t bytes, GError **error)
{
    return orf_task_alloc(task, bytes, 1, "tensor", error);
}

static bool
plain_upload(OrfBackendState *state, OrfMatrix to, const float *from)
{
    (void)state;
    for (size_t r = 0; r < to.rows; r++)
        memcpy(to.data + r * to.ld, from + r * to.columns, to.columns * sizeof *from);
    return true;
}

static bool
plain_download(OrfBackendState *state, OrfMatrix from, float *to)
{
    (void)state;
    for (size_t r = 0; r < from.rows; r++)
        memcpy(to + r * from.columns, from.data + r * from.ld, from.columns * sizeof *to);
    return true;
}

static bool
plain_copy(OrfTask *task, OrfMatrix from, OrfMatrix to)
{
    (void)task;
    for (size_t r = 0; r < to.rows; r++)
        memcpy(to.data + r * to.ld, from.data + r * from.ld, to.columns * sizeof *to.data);
    return true;
}

static bool
plain_transpose(OrfTask *task, OrfMatrix from, OrfMatrix to)
{
    (void)task;
    for (size_t r = 0; r < from.rows; r++)
        for (size_t i = 0; i < from.columns; i++)
            to.data[i * to.ld + r] = from.data[r * from.ld + i];
    return true;
}

static bool
plain_pack(OrfTask *task, OrfBackendState *state, OrfWeight *weight, const float *values,
           GError **error)
{
    (void)state;
    size_t count = weight->n_out * weight->n_in * MAX(weight->k * weight->k, 1);
    weight->packed = ORF_ALLOC(task, float, count, "weights", error);
    if (!weight->packed)
        return false;
    memcpy(weight->packed, values, count * sizeof *values);
    weight->bytes = count * sizeof *values;
    return true;
}

static void
plain_unpack(OrfWeight *weight)
{
    orf_free(weight->packed);
}

static double
act_of(OrfAct act, double x)
{
    switch (act) {
    case ORF_ACT_RELU:
        return MAX(x, 0);
    case ORF_ACT_SILU:
        return x / (1 + exp(-x));
    case ORF_ACT_GELU:
        return 0.5 * x * (1 + erf(x * M_SQRT1_2));
    case ORF_ACT_GELU_TANH:
        return 0.5 * x * (1 + tanh(sqrt(2 / M_PI) * (x + 0.044715 * x * x * x)));
    case ORF_ACT_SIGMOID:
        return 1 / (1 + exp(-x));
    case ORF_ACT_NONE:
        break;
    }
    return x;
}

static bool
plain_linear(OrfTask *task, OrfBackendState *state, const OrfLinearCall *call, GError **error)
{
    (void)task, (void)state, (void)error;
    const OrfWeight *weight = call->weight;
    const float *w = weight->packed;
    for (size_t r = 0; r < call->y.rows; r++)
        for (size_t o = 0; o < weight->n_out; o++) {
            double sum = weight->bias ? weight->bias[o] : 0;
            for (size_t i = 0; i < weight->n_in; i++)
                sum += (double)call->x.data[r * call->x.ld + i] * w[o * weight->n_in + i];
            sum = act_of(call->act, sum);
            if (call->gate)
                sum *= call->gate[r / call->gate_rows * call->gate_ld + o];
            if (call->add)
                sum += call->add[r * call->add_ld + o];
            call->y.data[r * call->y.ld + o] = (float)sum;
        }
    return true;
}

static void
norm_one(const OrfNormCall *call, const float *x, float *y, size_t row)
{
    size_t n = call->dim;
    double mean = 0, squares = 0;
    for (size_t i = 0; i < n && !call->rms; i++)
        mean += x[i] / (double)n;
    for (size_t i = 0; i < n; i++)
        squares += (x[i] - mean) * (x[i] - mean);
    double scale = 1 / sqrt(squares / (double)n + call->eps);
    for (size_t i = 0; i < n; i++) {
        double v = (x[i] - mean) * scale * (call->weight ? call->weight[i] : 1) +
                   (call->bias ? call->bias[i] : 0);
        if (call->scale) {
            size_t at = row / call->scale_rows * call->scale_ld + i;
            v = v * (1 + (double)call->scale[at]) + call->shift[at];
        }
        y[i] = (float)v;
    }
}

static bool
plain_norm(OrfTask *task, OrfBackendState *state, const OrfNormCall *call, GError **error)
{
    (void)task, (void)state, (void)error;
    for (size_t r = 0; r < call->x.rows; r++)
        for (size_t h = 0; h < call->heads; h++)
            norm_one(call, call->x.data + r * call->x.ld + h * call->stride,
                     call->y.data + r * call->y.ld + h * call->dim, r);
    return true;
}

/* One query of one head against all keys; `scores` has room for m. */
static void
attend(const OrfAttentionCall *call, const float *q, const float *k, const float *v, float *y,
       double *scores)
{
    double top = -INFINITY, sum = 0;
    for (size_t j = 0; j < call->m; j++) {
        double dot = 0;
        for (size_t i = 0; i < call->dim; i++)
            dot += (double)q[i] * k[j * call->k.ld + i];
        scores[j] = dot / sqrt((double)call->dim) + (j ? 0 : call->first_key);
        top = MAX(top, scores[j]);
    }
    for (size_t j = 0; j < call->m; j++)
        sum += scores[j] = exp(scores[j] - top);
    for (size_t i = 0; i < call->dim; i++) {
        double mean = 0;
        for (size_t j = 0; j < call->m; j++)
            mean += scores[j] / sum * v[j * call->v.ld + i];
        y[i] = (float)mean;
    }
}

static bool
plain_attention(OrfTask *task, OrfBackendState *state, const OrfAttentionCall *call,
                GError **error)
{
    (void)state;
    orf_autofree double *scores = ORF_ALLOC(task, double, call->m, "scores", error);
    if (!scores)
        return false;
    for (size_t b = 0; b < call->batch; b++)
        for (size_t h = 0; h < call->heads; h++)
            for (size_t i = 0; i < call->n; i++) {
                size_t row = b * call->n + i;
                attend(call, call->q.data + row * call->q.ld + h * call->q_stride,
                       call->k.data + b * call->m * call->k.ld + h * call->k_stride,
                       call->v.data + b * call->m * call->v.ld + h * call->v_stride,
                       call->y.data + row * call->y.ld + h * call->dim, scores);
            }
    return true;
}

static void
softmax(const float *x, float *y, size_t n)
{
    double top = -INFINITY, sum = 0;
    for (size_t i = 0; i < n; i++)
        top = MAX(top, (double)x[i]);
    for (size_t i = 0; i < n; i++)
        sum += exp(x[i] - top);
    for (size_t i = 0; i < n; i++)
        y[i] = (float)(exp(x[i] - top) / sum);
}

static bool
plain_map(OrfTask *task, OrfBackendState *state, const OrfMapCall *call, GError **error)
{
    (void)task, (void)state, (void)error;
    size_t n = call->y.columns;
    for (size_t r = 0; r < call->y.rows; r++) {
        const float *x = call->x.data + r * call->x.ld;
        float *y = call->y.data + r * call->y.ld;
        const float *z =
            call->kind == ORF_MAP_MIX ? call->z.data + r % call->z.rows * call->z.ld : NULL;
        if (call->kind == ORF_MAP_SOFTMAX)
            softmax(x, y, n);
        for (size_t i = 0; i < n && call->kind != ORF_MAP_SOFTMAX; i++) {
            double v = x[i];
            if (call->kind == ORF_MAP_ACT)
                v = act_of(call->act, v);
            else if (call->kind == ORF_MAP_GLU)
                v = act_of(call->act, x[call->gate_first ? i : n + i]) *
                    x[call->gate_first ? n + i : i];
            else
                v = (double)call->a * x[i] + (double)call->b * z[i];
            y[i] = (float)v;
        }
    }
    return true;
}

static double
conv_at(const OrfConvCall *call, size_t image, size_t oy, size_t ox, size_t o)
{
    const float *w = call->weight->packed;
    double sum = call->weight->bias ? call->weight->bias[o] : 0;
    for (size_t i = 0; i < call->k; i++)
        for (size_t j = 0; j < call->k; j++) {
            size_t y = oy * call->step + i * call->dilation; /* + pad */
            size_t x = ox * call->step + j * call->dilation;
            if (y < call->pad || y - call->pad >= call->h || x < call->pad ||
                x - call->pad >= call->w)
                continue;
            const float *at =
                call->x +
                ((image * call->h + y - call->pad) * call->w + x - call->pad) * call->n_in;
            for (size_t n = 0; n < call->n_in; n++)
                sum += (double)at[n] * w[((o * call->n_in + n) * call->k + i) * call->k + j];
        }
    return call->relu ? MAX(sum, 0) : sum;
}

static bool
plain_conv(OrfTask *task, OrfBackendState *state, const OrfConvCall *call, GError **error)
{
    (void)task, (void)state, (void)error;
    float *out = call->y;
    for (size_t image = 0; image < call->batch; image++)
        for (size_t y = 0; y < call->oh; y++)
            for (size_t x = 0; x < call->ow; x++)
                for (size_t o = 0; o < call->n_out; o++)
                    *out++ = (float)conv_at(call, image, y, x, o);
    return true;
}

static bool
plain_max_pool(OrfTask *task, const OrfPoolCall *call)
{
    (void)task;
    size_t oh = (call->h + 1) / 2, ow = (call->w + 1) / 2, n = call->channels;
    for (size_t i = 0; i < call->batch * oh * ow * n; i++)
        call->y[i] = -INFINITY;
    for (size_t row = 0; row < call->batch * call->h; row++)
        for (size_t x = 0; x < call->w; x++)
            for (size_t i = 0; i < n; i++) {
                size_t up = row / call->h * oh + row % call->h / 2;
                float *best = &call->y[(up * ow + x / 2) * n + i];
                *best = MAX(*best, call->x[(row * call->w + x) * n + i]);
            }
    return true;
}

static size_t
clamped(int64_t at, size_t n)
{
    return (size_t)CLAMP(at, 0, (int64_t)n - 1);
}

static bool
plain_resize(OrfTask *task, OrfBackendState *state, const OrfResizeCall *call, GError **error)
{
    (void)task, (void)state, (void)error;
    const OrfTaps *down = &call->down, *across = &call->across;
    float *out = call->y;
    for (size_t image = 0; image < call->batch; image++)
        for (size_t y = 0; y < down->n; y++)
            for (size_t x = 0; x < across->n; x++)
                for (size_t n = 0; n < call->channels; n++) {
                    double sum = 0;
                    for (uint32_t i = down->first[y]; i < down->first[y + 1]; i++)
                        for (uint32_t j = across->first[x]; j < across->first[x + 1]; j++) {
                            size_t sy = clamped(down->from[y] + (int64_t)(i - down->first[y]),
                                                down->n_source);
                            size_t sx =
                                clamped(across->from[x] + (int64_t)(j - across->first[x]),
                                        across->n_source);
                            size_t at = (image * down->n_source + sy) * across->n_source + sx;
                            sum += (double)down->weights[i] * across->weights[j] *
                                   call->x[at * call->channels + n];
                        }
                    *out++ = (float)sum;
                }
    return true;
}

const OrfBackend orf_backend_plain = {
    .name = "plain",
    .alloc = plain_alloc,
    .free = orf_free,
    .upload = plain_upload,
    .download = plain_download,
    .copy = plain_copy,
    .transpose = plain_transpose,
    .pack = plain_pack,
    .unpack = plain_unpack,
    .linear = plain_linear,
    .norm = plain_norm,
    .attention = plain_attention,
    .map = plain_map,
    .conv = plain_conv,
    .max_pool = plain_max_pool,
    .resize = plain_resize,
};
