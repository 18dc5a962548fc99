/* ops.c - operations on tensors: shapes are checked and results made here, numbers in the
 * backend's kernels.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * A wrong shape is our mistake, not the user's (nets check their checkpoints when they load),
 * so it is an assertion. */
#include "tensor/backend.h"

#include <math.h>
#include <string.h>

/* Rows of `rows` that share one row of a [n] or [batch, n] tensor. */
static size_t
rows_each(size_t rows, const OrfTensor *shared)
{
    size_t n = orf_tensor_rows(shared);
    g_assert(n && rows % n == 0);
    return rows / n;
}

static OrfTensor *
new_like(OrfCompute *c, const OrfTensor *x, size_t columns)
{
    OrfShape shape = x->shape;
    shape.dim[shape.rank - 1] = columns;
    return orf_tensor_new(c, shape);
}

OrfTensor *
orf_tensor_linear(OrfCompute *c, const OrfTensor *x, const OrfWeight *weight,
                  const OrfLinear *how)
{
    static const OrfLinear plain = { 0 };
    how = how ? how : &plain;
    if (!x || !weight)
        return NULL;
    g_assert(orf_tensor_columns(x) == weight->n_in && weight->k == 0);
    OrfTensor *y = new_like(c, x, weight->n_out);
    if (!y)
        return NULL;
    OrfLinearCall call = {
        .x = orf_tensor_matrix(x), .y = orf_tensor_matrix(y), .weight = weight, .act = how->act
    };
    if (how->gate) {
        g_assert(orf_tensor_columns(how->gate) == weight->n_out);
        call.gate = how->gate->data;
        call.gate_ld = how->gate->ld;
        call.gate_rows = rows_each(call.y.rows, how->gate);
    }
    if (how->add) {
        g_assert(orf_tensor_rows(how->add) == call.y.rows);
        g_assert(orf_tensor_columns(how->add) == weight->n_out);
        call.add = how->add->data;
        call.add_ld = how->add->ld;
    }
    orf_compute_backend(c)->linear(orf_compute_task(c), orf_compute_state(c), &call,
                                   orf_compute_error(c));
    return y;
}

static const float *
vector_of(const OrfTensor *tensor, size_t n)
{
    g_assert(!tensor || (orf_tensor_rows(tensor) == 1 && orf_tensor_columns(tensor) == n));
    return tensor ? tensor->data : NULL;
}

OrfTensor *
orf_tensor_norm(OrfCompute *c, const OrfTensor *x, const OrfNorm *how)
{
    if (!x || !orf_compute_go(c))
        return NULL;
    size_t heads = MAX(how->heads, 1), dim = how->heads ? how->dim : orf_tensor_columns(x);
    OrfTensor *y = new_like(c, x, heads * dim);
    if (!y)
        return NULL;
    OrfNormCall call = {
        .x = orf_tensor_matrix(x),
        .y = orf_tensor_matrix(y),
        .rms = how->rms,
        .eps = how->eps,
        .weight = vector_of(how->weight, dim),
        .bias = vector_of(how->bias, dim),
        .heads = heads,
        .dim = dim,
        .stride = how->stride ? how->stride : dim,
    };
    g_assert((heads - 1) * call.stride + dim <= call.x.columns);
    if (how->scale) {
        g_assert(how->shift && how->scale->ld == how->shift->ld && heads == 1);
        call.scale = how->scale->data;
        call.shift = how->shift->data;
        call.scale_ld = how->scale->ld;
        call.scale_rows = rows_each(call.y.rows, how->scale);
    }
    orf_compute_backend(c)->norm(orf_compute_task(c), orf_compute_state(c), &call,
                                 orf_compute_error(c));
    return y;
}

/* [rows, groups * n]: each group's columns of all rows are one long row of n * rows values. */
OrfTensor *
orf_tensor_group_norm(OrfCompute *c, const OrfTensor *x, size_t groups, double eps,
                      const OrfTensor *weight, const OrfTensor *bias)
{
    if (!x || !orf_compute_go(c))
        return NULL;
    size_t rows = orf_tensor_rows(x), columns = orf_tensor_columns(x);
    g_assert(columns % groups == 0);
    orf_autofree float *host = ORF_ALLOC(orf_compute_task(c), float, rows *columns,
                                         "group norm", orf_compute_error(c));
    orf_autofree float *affine =
        ORF_ALLOC(orf_compute_task(c), float, 2 * columns, "group norm", orf_compute_error(c));
    if (!host || !affine || !orf_tensor_read(c, x, host) ||
        !orf_tensor_read(c, weight, affine) || !orf_tensor_read(c, bias, affine + columns))
        return NULL;
    size_t width = columns / groups;
    for (size_t g = 0; g < groups; g++) {
        double sum = 0, squares = 0, n = (double)(rows * width);
        for (size_t r = 0; r < rows; r++)
            for (size_t i = g * width; i < (g + 1) * width; i++)
                sum += host[r * columns + i];
        for (size_t r = 0; r < rows; r++)
            for (size_t i = g * width; i < (g + 1) * width; i++) {
                double off = host[r * columns + i] - sum / n;
                squares += off * off;
            }
        double mean = sum / n, scale = 1 / sqrt(squares / n + eps);
        for (size_t r = 0; r < rows; r++)
            for (size_t i = g * width; i < (g + 1) * width; i++) {
                float *at = &host[r * columns + i];
                *at = (float)((*at - mean) * scale * affine[i] + affine[columns + i]);
            }
    }
    return orf_tensor_from(c, x->shape, host);
}

OrfTensor *
orf_tensor_attention(OrfCompute *c, const OrfTensor *q, const OrfTensor *k, const OrfTensor *v,
                     const OrfAttention *how)
{
    if (!q || !k || !v || !orf_compute_go(c))
        return NULL;
    g_assert(q->shape.rank == 3 && k->shape.rank == 3 && v->shape.rank == 3);
    size_t batch = q->shape.dim[0], n = q->shape.dim[1], m = k->shape.dim[1];
    g_assert(k->shape.dim[0] == batch && v->shape.dim[0] == batch && v->shape.dim[1] == m);
    OrfTensor *y = orf_tensor_new(c, ORF_SHAPE(batch, n, how->heads * how->dim));
    if (!y)
        return NULL;
    OrfAttentionCall call = {
        .q = orf_tensor_matrix(q),
        .k = orf_tensor_matrix(k),
        .v = orf_tensor_matrix(v),
        .y = orf_tensor_matrix(y),
        .batch = batch,
        .n = n,
        .m = m,
        .heads = how->heads,
        .dim = how->dim,
        .q_stride = how->q_stride ? how->q_stride : how->dim,
        .k_stride = how->k_stride ? how->k_stride : how->dim,
        .v_stride = how->v_stride ? how->v_stride : how->dim,
        .first_key = (float)how->first_key,
        .precision = orf_compute_precision(c),
    };
    g_assert((call.heads - 1) * call.q_stride + call.dim <= call.q.columns);
    g_assert((call.heads - 1) * call.k_stride + call.dim <= call.k.columns);
    g_assert((call.heads - 1) * call.v_stride + call.dim <= call.v.columns);
    orf_compute_backend(c)->attention(orf_compute_task(c), orf_compute_state(c), &call,
                                      orf_compute_error(c));
    return y;
}

static OrfTensor *
map(OrfCompute *c, OrfMapCall *call, const OrfTensor *x, size_t columns)
{
    OrfTensor *y = new_like(c, x, columns);
    if (!y)
        return NULL;
    call->x = orf_tensor_matrix(x);
    call->y = orf_tensor_matrix(y);
    orf_compute_backend(c)->map(orf_compute_task(c), orf_compute_state(c), call,
                                orf_compute_error(c));
    return y;
}

OrfTensor *
orf_tensor_act(OrfCompute *c, const OrfTensor *x, OrfAct act)
{
    OrfMapCall call = { .kind = ORF_MAP_ACT, .act = act };
    return x ? map(c, &call, x, orf_tensor_columns(x)) : NULL;
}

OrfTensor *
orf_tensor_glu(OrfCompute *c, const OrfTensor *x, OrfAct act, bool gate_first)
{
    OrfMapCall call = { .kind = ORF_MAP_GLU, .act = act, .gate_first = gate_first };
    g_assert(!x || orf_tensor_columns(x) % 2 == 0);
    return x ? map(c, &call, x, orf_tensor_columns(x) / 2) : NULL;
}

OrfTensor *
orf_tensor_mix(OrfCompute *c, double a, const OrfTensor *x, double b, const OrfTensor *y)
{
    if (!x || !y)
        return NULL;
    g_assert(orf_tensor_columns(x) == orf_tensor_columns(y));
    g_assert(orf_tensor_rows(y) && orf_tensor_rows(x) % orf_tensor_rows(y) == 0);
    OrfMapCall call = {
        .kind = ORF_MAP_MIX, .a = (float)a, .b = (float)b, .z = orf_tensor_matrix(y)
    };
    return map(c, &call, x, orf_tensor_columns(x));
}

OrfTensor *
orf_tensor_softmax(OrfCompute *c, const OrfTensor *x)
{
    OrfMapCall call = { .kind = ORF_MAP_SOFTMAX };
    return x ? map(c, &call, x, orf_tensor_columns(x)) : NULL;
}

OrfTensor *
orf_tensor_gather(OrfCompute *c, const OrfTensor *x, const uint32_t *rows, size_t n)
{
    if (!x)
        return NULL;
    size_t columns = orf_tensor_columns(x);
    OrfTensor *y = orf_tensor_new(c, ORF_SHAPE(n, columns));
    for (size_t i = 0; y && i < n; i++) {
        g_assert(rows[i] < orf_tensor_rows(x));
        OrfMatrix from = { x->data + rows[i] * x->ld, 1, columns, columns };
        OrfMatrix to = { y->data + i * columns, 1, columns, columns };
        orf_compute_backend(c)->copy(NULL, from, to);
    }
    return y;
}

void
orf_tensor_add_rows(OrfCompute *c, OrfTensor *y, const OrfTensor *x, const uint32_t *rows,
                    const float *weights)
{
    if (!x || !y || !orf_compute_go(c))
        return;
    size_t columns = orf_tensor_columns(x);
    for (size_t i = 0; i < orf_tensor_rows(x); i++) {
        g_assert(rows[i] < orf_tensor_rows(y));
        OrfMatrix to = { y->data + rows[i] * y->ld, 1, columns, columns };
        OrfMapCall call = { .kind = ORF_MAP_MIX, .a = 1, .b = weights[i], .x = to, .y = to };
        call.z = (OrfMatrix){ x->data + i * x->ld, 1, columns, columns };
        orf_compute_backend(c)->map(NULL, orf_compute_state(c), &call, orf_compute_error(c));
    }
}

/* --- Pictures ----------------------------------------------------------------------------- */

OrfTensor *
orf_tensor_conv(OrfCompute *c, const OrfTensor *x, const OrfWeight *weight, const OrfConv *how)
{
    if (!x || !weight || !orf_compute_go(c))
        return NULL;
    g_assert(x->shape.rank == 4 && orf_tensor_is_dense(x) && weight->k);
    OrfConvCall call = {
        .batch = x->shape.dim[0],
        .h = x->shape.dim[1],
        .w = x->shape.dim[2],
        .n_in = x->shape.dim[3],
        .n_out = weight->n_out,
        .k = weight->k,
        .step = MAX(how->step, 1),
        .dilation = MAX(how->dilation, 1),
        .pad = how->pad,
        .x = x->data,
        .weight = weight,
        .relu = how->relu,
    };
    size_t reach = (call.k - 1) * call.dilation + 1;
    g_assert(call.n_in == weight->n_in && call.h + 2 * call.pad >= reach &&
             call.w + 2 * call.pad >= reach);
    call.oh = (call.h + 2 * call.pad - reach) / call.step + 1;
    call.ow = (call.w + 2 * call.pad - reach) / call.step + 1;
    OrfTensor *y = orf_tensor_new(c, ORF_SHAPE(call.batch, call.oh, call.ow, call.n_out));
    if (!y)
        return NULL;
    call.y = y->data;
    orf_compute_backend(c)->conv(orf_compute_task(c), orf_compute_state(c), &call,
                                 orf_compute_error(c));
    return y;
}

/* One matrix product gives every pixel its k * k * n_out values; rows of k pixels are then
 * moved to their places by copies of k * n_out values. */
OrfTensor *
orf_tensor_conv_up(OrfCompute *c, const OrfTensor *x, const OrfWeight *weight, size_t k)
{
    if (!x || !weight)
        return NULL;
    g_assert(x->shape.rank == 4 && weight->n_out % (k * k) == 0);
    size_t b = x->shape.dim[0], h = x->shape.dim[1], w = x->shape.dim[2];
    size_t n = weight->n_out / (k * k);
    g_autoptr(OrfTensor) all = orf_tensor_linear(c, x, weight, NULL);
    OrfTensor *y = orf_tensor_new(c, ORF_SHAPE(b, h * k, w * k, n));
    if (!all || !y)
        return y;
    for (size_t i = 0; i < k; i++)
        for (size_t row = 0; row < b * h; row++) {
            OrfMatrix from = { all->data + row * w * all->ld + i * k * n, w, k * n, all->ld };
            OrfMatrix to = { y->data + (row * k + i) * w * k * n, w, k * n, k * n };
            orf_compute_backend(c)->copy(orf_compute_task(c), from, to);
        }
    return y;
}

static OrfTensor *
read_picture(OrfCompute *c, const OrfTensor *x, OrfShape shape, float **ret_in, float **ret_out)
{
    OrfTensor *y = orf_tensor_new(c, shape);
    if (!y)
        return NULL;
    *ret_in = ORF_ALLOC(orf_compute_task(c), float, orf_shape_size(&x->shape), "picture",
                        orf_compute_error(c));
    *ret_out = ORF_ALLOC(orf_compute_task(c), float, orf_shape_size(&shape), "picture",
                         orf_compute_error(c));
    if (*ret_in && *ret_out)
        orf_tensor_read(c, x, *ret_in);
    return y;
}

OrfTensor *
orf_tensor_patches(OrfCompute *c, const OrfTensor *x, size_t p)
{
    if (!x || !orf_compute_go(c))
        return NULL;
    size_t b = x->shape.dim[0], n = x->shape.dim[1], h = x->shape.dim[2], w = x->shape.dim[3];
    g_assert(x->shape.rank == 4 && h >= p && w >= p);
    size_t gh = h / p, gw = w / p;
    orf_autofree float *in = NULL, *out = NULL;
    OrfTensor *y = read_picture(c, x, ORF_SHAPE(b, gh * gw, n * p * p), &in, &out);
    if (!y || !in || !out)
        return y;
    float *at = out;
    for (size_t image = 0; image < b; image++)
        for (size_t tile = 0; tile < gh * gw; tile++)
            for (size_t channel = 0; channel < n; channel++)
                for (size_t i = 0; i < p; i++, at += p) {
                    size_t row = (image * n + channel) * h + tile / gw * p + i;
                    memcpy(at, in + row * w + tile % gw * p, p * sizeof *at);
                }
    orf_tensor_write(c, y, out);
    return y;
}

OrfTensor *
orf_tensor_max_pool(OrfCompute *c, const OrfTensor *x)
{
    if (!x)
        return NULL;
    g_assert(x->shape.rank == 4 && orf_tensor_is_dense(x));
    size_t b = x->shape.dim[0], h = x->shape.dim[1], w = x->shape.dim[2], n = x->shape.dim[3];
    OrfTensor *y = orf_tensor_new(c, ORF_SHAPE(b, (h + 1) / 2, (w + 1) / 2, n));
    if (!y)
        return NULL;
    OrfPoolCall call = { b, h, w, n, x->data, y->data };
    orf_compute_backend(c)->max_pool(orf_compute_task(c), &call);
    return y;
}

/* --- Resizing: the filter of each axis as taps -------------------------------------------- */

typedef struct {
    uint32_t *first;
    int32_t *from;
    float *weights;
} Taps;

static void
taps_clear(Taps *taps)
{
    orf_free(taps->first);
    orf_free(taps->from);
    orf_free(taps->weights);
}

static double
cubic(double x)
{
    const double a = -0.75;
    x = fabs(x);
    if (x <= 1)
        return ((a + 2) * x - (a + 3)) * x * x + 1;
    return x < 2 ? ((a * x - 5 * a) * x + 8 * a) * x - 4 * a : 0;
}

/* Four taps around the source place, or two. */
static size_t
point_taps(double place, bool is_cubic, float *weights, int32_t *ret_from)
{
    if (!is_cubic)
        place = MAX(place, 0);
    double floor_ = floor(place), t = place - floor_;
    size_t n = is_cubic ? 4 : 2;
    *ret_from = (int32_t)floor_ - (is_cubic ? 1 : 0);
    for (size_t j = 0; j < n; j++)
        weights[j] = (float)(is_cubic ? cubic(t + 1 - (double)j) : j ? t : 1 - t);
    return n;
}

/* A tent of the width of a target sample, cut at the picture's edges. */
static size_t
tent_taps(size_t i, size_t n_source, double step, float *weights, int32_t *ret_from)
{
    double wide = MAX(1, step), centre = step * ((double)i + 0.5), sum = 0;
    int64_t low = MAX(0, (int64_t)(centre - wide + 0.5));
    int64_t high = MIN((int64_t)n_source, (int64_t)(centre + wide + 0.5));
    for (int64_t j = low; j < high; j++)
        sum += MAX(0, 1 - fabs(((double)j - centre + 0.5) / wide));
    for (int64_t j = low; j < high; j++)
        weights[j - low] = (float)(MAX(0, 1 - fabs(((double)j - centre + 0.5) / wide)) / sum);
    *ret_from = (int32_t)low;
    return (size_t)(high - low);
}

static bool
make_taps(OrfCompute *c, size_t n_source, size_t n, const OrfResize *how, Taps *taps,
          OrfTaps *ret)
{
    double step = how->step > 0 ? how->step : (double)n_source / (double)n;
    size_t most = how->antialias ? (size_t)(2 * MAX(1, step)) + 3 : 4;
    OrfTask *task = orf_compute_task(c);
    taps->first = ORF_ALLOC(task, uint32_t, n + 1, "filter", orf_compute_error(c));
    taps->from = ORF_ALLOC(task, int32_t, n, "filter", orf_compute_error(c));
    taps->weights = ORF_ALLOC(task, float, (n * most), "filter", orf_compute_error(c));
    if (!taps->first || !taps->from || !taps->weights)
        return false;
    for (size_t i = 0; i < n; i++) {
        float *weights = taps->weights + taps->first[i];
        double place = ((double)i + 0.5) * step - 0.5;
        size_t count = how->antialias ? tent_taps(i, n_source, step, weights, &taps->from[i])
                                      : point_taps(place, how->cubic, weights, &taps->from[i]);
        taps->first[i + 1] = taps->first[i] + (uint32_t)count;
    }
    *ret = (OrfTaps){ n, n_source, taps->first, taps->from, taps->weights };
    return true;
}

OrfTensor *
orf_tensor_resize(OrfCompute *c, const OrfTensor *x, size_t height, size_t width,
                  const OrfResize *how)
{
    static const OrfResize linear = { 0 };
    how = how ? how : &linear;
    if (!x || !orf_compute_go(c))
        return NULL;
    g_assert(x->shape.rank == 4 && orf_tensor_is_dense(x));
    size_t b = x->shape.dim[0], n = x->shape.dim[3];
    OrfTensor *y = orf_tensor_new(c, ORF_SHAPE(b, height, width, n));
    Taps down = { 0 }, across = { 0 };
    OrfResizeCall call = { .batch = b, .channels = n, .x = x->data };
    if (y && make_taps(c, x->shape.dim[1], height, how, &down, &call.down) &&
        make_taps(c, x->shape.dim[2], width, how, &across, &call.across)) {
        call.y = y->data;
        orf_compute_backend(c)->resize(orf_compute_task(c), orf_compute_state(c), &call,
                                       orf_compute_error(c));
    }
    taps_clear(&down);
    taps_clear(&across);
    return y;
}
