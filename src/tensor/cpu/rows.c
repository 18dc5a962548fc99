/* rows.c - what is done row by row: norms, activations, gated units, softmax, copies.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Sums run in sixteen lanes, so that compilers use vectors and rounding errors stay small. */
#include "tensor/cpu/cpu.h"

#include "tensor/cpu/vector.h"

enum { LANES = 16 };

ORF_CLONES void
orf_cpu_to_bf16(const float *x, uint16_t *y, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        uint32_t bits;
        memcpy(&bits, &x[i], sizeof bits);
        bits += 0x7fff + (bits >> 16 & 1);
        y[i] = (uint16_t)(bits >> 16);
    }
}

/* --- Activations -------------------------------------------------------------------------- */

#define ACT(name, expression)                                                                  \
    ORF_CLONES static void act_##name(const float *x_, float *y, size_t n)                     \
    {                                                                                          \
        for (size_t i = 0; i < n; i++) {                                                       \
            float x = x_[i];                                                                   \
            y[i] = (expression);                                                               \
        }                                                                                      \
    }
ACT(relu, x > 0 ? x : 0)
ACT(silu, vec_silu(x))
ACT(gelu, vec_gelu(x))
ACT(gelu_tanh, vec_gelu_tanh(x))
ACT(sigmoid, vec_sigmoid(x))

void
orf_cpu_act(OrfAct act, const float *x, float *y, size_t n)
{
    static void (*const table[])(const float *, float *, size_t) = {
        [ORF_ACT_RELU] = act_relu,       [ORF_ACT_SILU] = act_silu,
        [ORF_ACT_GELU] = act_gelu,       [ORF_ACT_GELU_TANH] = act_gelu_tanh,
        [ORF_ACT_SIGMOID] = act_sigmoid,
    };
    if (act != ORF_ACT_NONE)
        table[act](x, y, n);
    else if (x != y)
        memcpy(y, x, n * sizeof *y);
}

/* --- Norms -------------------------------------------------------------------------------- */

ORF_CLONES static float
sum_of(const float *x, size_t n)
{
    float lanes[LANES] = { 0 }, sum = 0;
    size_t i = 0;
    for (; i + LANES <= n; i += LANES)
        for (size_t l = 0; l < LANES; l++)
            lanes[l] += x[i + l];
    for (; i < n; i++)
        sum += x[i];
    for (size_t l = 0; l < LANES; l++)
        sum += lanes[l];
    return sum;
}

ORF_CLONES static float
squares_of(const float *x, size_t n, float mean)
{
    float lanes[LANES] = { 0 }, sum = 0;
    size_t i = 0;
    for (; i + LANES <= n; i += LANES)
        for (size_t l = 0; l < LANES; l++)
            lanes[l] += (x[i + l] - mean) * (x[i + l] - mean);
    for (; i < n; i++)
        sum += (x[i] - mean) * (x[i] - mean);
    for (size_t l = 0; l < LANES; l++)
        sum += lanes[l];
    return sum;
}

ORF_CLONES static void
normalise(const float *x, float *y, size_t n, float mean, float scale, const float *weight,
          const float *bias)
{
    for (size_t i = 0; i < n; i++)
        y[i] = (x[i] - mean) * scale;
    if (weight)
        for (size_t i = 0; i < n; i++)
            y[i] *= weight[i];
    if (bias)
        for (size_t i = 0; i < n; i++)
            y[i] += bias[i];
}

ORF_CLONES static void
modulate(float *y, size_t n, const float *scale, const float *shift)
{
    for (size_t i = 0; i < n; i++)
        y[i] = y[i] * (1.0f + scale[i]) + shift[i];
}

static void
norm_row(const OrfNormCall *call, size_t row, size_t head)
{
    size_t n = call->dim;
    const float *x = call->x.data + row * call->x.ld + head * call->stride;
    float *y = call->y.data + row * call->y.ld + head * n;
    float mean = call->rms ? 0 : sum_of(x, n) / (float)n;
    float scale = (float)(1 / sqrt((double)squares_of(x, n, mean) / (double)n + call->eps));
    normalise(x, y, n, mean, scale, call->weight, call->bias);
    if (call->scale) {
        size_t at = row / call->scale_rows * call->scale_ld;
        modulate(y, n, call->scale + at, call->shift + at);
    }
}

static void
norm_rows(size_t begin, size_t end, void *data)
{
    const OrfNormCall *call = data;
    for (size_t row = begin; row < end; row++)
        for (size_t head = 0; head < call->heads; head++)
            norm_row(call, row, head);
}

/* Rows in one piece of about 64 K numbers. */
static size_t
grain_of(size_t columns)
{
    return MAX(1, 65536 / MAX(columns, 1));
}

bool
orf_cpu_norm(OrfTask *task, OrfBackendState *state, const OrfNormCall *call, GError **error)
{
    (void)state;
    return orf_task_parallel(task, call->x.rows, grain_of(call->x.columns), norm_rows,
                             (void *)call) ||
           orf_task_check(task, error);
}

/* --- Maps --------------------------------------------------------------------------------- */

ORF_CLONES static void
multiply(float *y, const float *x, size_t n)
{
    for (size_t i = 0; i < n; i++)
        y[i] *= x[i];
}

ORF_CLONES static void
mix(float a, const float *x, float b, const float *z, float *y, size_t n)
{
    for (size_t i = 0; i < n; i++)
        y[i] = a * x[i] + b * z[i];
}

ORF_CLONES static float
exp_row(const float *x, float *y, size_t n, float top)
{
    float lanes[LANES] = { 0 }, sum = 0;
    size_t i = 0;
    for (; i + LANES <= n; i += LANES)
        for (size_t l = 0; l < LANES; l++)
            lanes[l] += y[i + l] = vec_exp(x[i + l] - top);
    for (; i < n; i++)
        sum += y[i] = vec_exp(x[i] - top);
    for (size_t l = 0; l < LANES; l++)
        sum += lanes[l];
    return sum;
}

static void
softmax_row(const float *x, float *y, size_t n)
{
    float top = -INFINITY;
    for (size_t i = 0; i < n; i++)
        top = MAX(top, x[i]);
    float sum = exp_row(x, y, n, top);
    for (size_t i = 0; i < n; i++)
        y[i] /= sum;
}

static void
map_row(const OrfMapCall *call, size_t row)
{
    size_t n = call->y.columns;
    const float *x = call->x.data + row * call->x.ld;
    float *y = call->y.data + row * call->y.ld;
    switch (call->kind) {
    case ORF_MAP_ACT:
        orf_cpu_act(call->act, x, y, n);
        break;
    case ORF_MAP_GLU:
        orf_cpu_act(call->act, call->gate_first ? x : x + n, y, n);
        multiply(y, call->gate_first ? x + n : x, n);
        break;
    case ORF_MAP_MIX:
        mix(call->a, x, call->b, call->z.data + row % call->z.rows * call->z.ld, y, n);
        break;
    case ORF_MAP_SOFTMAX:
        softmax_row(x, y, n);
        break;
    }
}

static void
map_rows(size_t begin, size_t end, void *data)
{
    for (size_t row = begin; row < end; row++)
        map_row(data, row);
}

bool
orf_cpu_map(OrfTask *task, OrfBackendState *state, const OrfMapCall *call, GError **error)
{
    (void)state;
    return orf_task_parallel(task, call->y.rows, grain_of(call->x.columns), map_rows,
                             (void *)call) ||
           orf_task_check(task, error);
}

/* --- Copies ------------------------------------------------------------------------------- */

typedef struct {
    OrfMatrix from, to;
} Copy;

static void
copy_rows(size_t begin, size_t end, void *data)
{
    const Copy *copy = data;
    for (size_t r = begin; r < end; r++)
        memcpy(copy->to.data + r * copy->to.ld, copy->from.data + r * copy->from.ld,
               copy->to.columns * sizeof(float));
}

bool
orf_cpu_copy(OrfTask *task, OrfMatrix from, OrfMatrix to)
{
    Copy copy = { from, to };
    return orf_task_parallel(task, to.rows, grain_of(to.columns), copy_rows, &copy);
}

/* Sixteen columns at a time: a cache line of the source serves sixteen rows of the target. */
static void
turn_columns(size_t begin, size_t end, void *data)
{
    const Copy *copy = data;
    for (size_t r = 0; r < copy->from.rows; r++)
        for (size_t i = begin; i < end; i++)
            copy->to.data[i * copy->to.ld + r] = copy->from.data[r * copy->from.ld + i];
}

bool
orf_cpu_transpose(OrfTask *task, OrfMatrix from, OrfMatrix to)
{
    Copy copy = { from, to };
    return orf_task_parallel(task, from.columns, 16, turn_columns, &copy);
}
