/* Every fast kernel against the plain one, on random shapes.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "tensor/tensor.h"

#include <math.h>

typedef struct {
    GRand *rand;
    OrfTask *task;
    OrfCompute *fast, *plain;
} Twins;

static float *
numbers(Twins *twins, size_t n)
{
    float *values = g_new(float, MAX(n, 1));
    for (size_t i = 0; i < n; i++)
        values[i] = (float)g_rand_double_range(twins->rand, -2, 2);
    return values;
}

static Twins
twins_new(OrfPrecision precision)
{
    Twins twins = { .rand = g_rand_new_with_seed(7),
                    .task = orf_task_new(&(OrfTaskOptions){ .cores = 2 }) };
    twins.fast =
        orf_compute_new(twins.task, &(OrfComputeOptions){ .precision = precision }, NULL);
    twins.plain = orf_compute_new(twins.task, &(OrfComputeOptions){ .backend = "plain" }, NULL);
    return twins;
}

static void
twins_clear(Twins *twins)
{
    orf_compute_free(twins->fast);
    orf_compute_free(twins->plain);
    orf_task_unref(twins->task);
    g_rand_free(twins->rand);
}

/* Largest difference over the largest number. */
static double
distance(OrfCompute *a, const OrfTensor *x, OrfCompute *b, const OrfTensor *y)
{
    size_t n = orf_shape_size(orf_tensor_shape(x));
    g_assert_cmpuint(n, ==, orf_shape_size(orf_tensor_shape(y)));
    g_autofree float *p = g_new(float, MAX(n, 1)), *q = g_new(float, MAX(n, 1));
    g_assert_true(orf_tensor_read(a, x, p) && orf_tensor_read(b, y, q));
    double worst = 0, most = 1e-30;
    for (size_t i = 0; i < n; i++) {
        g_assert_true(isfinite(p[i]));
        worst = MAX(worst, fabs((double)p[i] - q[i]));
        most = MAX(most, fabs((double)q[i]));
    }
    return worst / most;
}

static OrfTensor *
run_pair(Twins *twins, OrfTensor *(*make)(OrfCompute *c, void *data), void *data,
         double tolerance, const char *what)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(OrfTensor) fast = make(twins->fast, data);
    g_autoptr(OrfTensor) plain = make(twins->plain, data);
    orf_compute_end(twins->fast, &error);
    g_assert_no_error(error);
    orf_compute_end(twins->plain, &error);
    g_assert_no_error(error);
    double off = distance(twins->fast, fast, twins->plain, plain);
    if (off > tolerance)
        g_error("%s: off by %g, at most %g", what, off, tolerance);
    return NULL;
}

/* --- Linear ------------------------------------------------------------------------------- */

typedef struct {
    size_t rows, n_in, n_out;
    const float *x, *w, *bias, *gate, *add;
    OrfAct act;
} Linear;

static OrfTensor *
linear(OrfCompute *c, void *data)
{
    const Linear *in = data;
    g_autoptr(OrfTensor) x = orf_tensor_from(c, ORF_SHAPE(1, in->rows, in->n_in), in->x);
    g_autoptr(OrfTensor) gate =
        in->gate ? orf_tensor_from(c, ORF_SHAPE(1, in->n_out), in->gate) : NULL;
    g_autoptr(OrfTensor) add =
        in->add ? orf_tensor_from(c, ORF_SHAPE(1, in->rows, in->n_out), in->add) : NULL;
    g_autoptr(OrfWeight) weight = orf_weight_new(c, in->w, in->n_out, in->n_in, in->bias);
    return orf_tensor_linear(c, x, weight,
                             &(OrfLinear){ .act = in->act, .gate = gate, .add = add });
}

static void
linear_twins(OrfPrecision precision, double tolerance)
{
    static const size_t shapes[][3] = { { 1, 1, 1 },     { 1, 64, 3072 },  { 7, 51, 5 },
                                        { 300, 33, 40 }, { 257, 128, 17 }, { 65, 96, 1025 } };
    Twins twins = twins_new(precision);
    for (size_t i = 0; i < G_N_ELEMENTS(shapes) * 6; i++) {
        const size_t *shape = shapes[i % G_N_ELEMENTS(shapes)];
        g_autofree float *x = numbers(&twins, shape[0] * shape[1]);
        g_autofree float *w = numbers(&twins, shape[1] * shape[2]);
        g_autofree float *v = numbers(&twins, shape[2] * (shape[0] + 2));
        Linear in = { shape[0], shape[1], shape[2], x, w, NULL, NULL, NULL, (OrfAct)(i % 6) };
        in.bias = i % 2 ? v : NULL;
        in.gate = i % 3 ? v + shape[2] : NULL;
        in.add = i % 4 ? v + 2 * shape[2] : NULL;
        run_pair(&twins, linear, &in, tolerance, "linear");
    }
    twins_clear(&twins);
}

static void
linear_f32(void)
{
    linear_twins(ORF_PRECISION_F32, 2e-6);
}

static void
linear_bf16(void)
{
    linear_twins(ORF_PRECISION_BF16, 2e-2);
}

static void
linear_int8(void)
{
    linear_twins(ORF_PRECISION_INT8, 4e-2);
}

/* --- Norms -------------------------------------------------------------------------------- */

typedef struct {
    size_t batch, tokens, columns, heads, stride;
    const float *x, *w;
    bool rms, modulate;
} Norm;

static OrfTensor *
norm(OrfCompute *c, void *data)
{
    const Norm *in = data;
    size_t dim = in->heads ? in->columns / in->heads / 3 : in->columns;
    g_autoptr(OrfTensor) x =
        orf_tensor_from(c, ORF_SHAPE(in->batch, in->tokens, in->columns), in->x);
    g_autoptr(OrfTensor) weight = orf_tensor_from(c, ORF_SHAPE(dim), in->w);
    g_autoptr(OrfTensor) bias = orf_tensor_from(c, ORF_SHAPE(dim), in->w + dim);
    g_autoptr(OrfTensor) scale = orf_tensor_from(c, ORF_SHAPE(in->batch, in->columns), in->x);
    g_autoptr(OrfTensor) shift =
        orf_tensor_from(c, ORF_SHAPE(in->batch, in->columns), in->x + 1);
    return orf_tensor_norm(c, x,
                           &(OrfNorm){ .rms = in->rms,
                                       .eps = 1e-6,
                                       .weight = weight,
                                       .bias = in->rms ? NULL : bias,
                                       .scale = in->modulate ? scale : NULL,
                                       .shift = in->modulate ? shift : NULL,
                                       .heads = in->heads,
                                       .dim = dim,
                                       .stride = in->heads ? 3 * dim : 0 });
}

static void
norms(void)
{
    static const Norm cases[] = {
        { 1, 1, 1, 0, 0, NULL, NULL, true, false },
        { 2, 5, 37, 0, 0, NULL, NULL, false, true },
        { 1, 300, 1024, 0, 0, NULL, NULL, false, false },
        { 2, 19, 3 * 64 * 4, 4, 0, NULL, NULL, true, false },
        { 2, 3, 3 * 33 * 2, 2, 0, NULL, NULL, false, false },
    };
    Twins twins = twins_new(ORF_PRECISION_F32);
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        Norm in = cases[i];
        g_autofree float *x = numbers(&twins, in.batch * (in.tokens + 1) * in.columns + 1);
        g_autofree float *w = numbers(&twins, 2 * in.columns);
        in.x = x;
        in.w = w;
        run_pair(&twins, norm, &in, 3e-6, "norm");
    }
    twins_clear(&twins);
}

/* --- Attention ---------------------------------------------------------------------------- */

typedef struct {
    size_t batch, n, m, heads, dim;
    const float *x;
    double first_key;
} Attend;

/* q, k and v as columns of one matrix, heads interleaved. */
static OrfTensor *
attend(OrfCompute *c, void *data)
{
    const Attend *in = data;
    size_t d = in->dim, most = MAX(in->n, in->m);
    g_autoptr(OrfTensor) all =
        orf_tensor_from(c, ORF_SHAPE(in->batch, most, in->heads * 3 * d), in->x);
    g_autoptr(OrfTensor) queries = orf_tensor_slice(c, all, 1, 0, in->n);
    g_autoptr(OrfTensor) keys = orf_tensor_slice(c, all, 1, 0, in->m);
    size_t span = (in->heads - 1) * 3 * d + d;
    g_autoptr(OrfTensor) q = orf_tensor_slice(c, queries, 2, 0, span);
    g_autoptr(OrfTensor) k = orf_tensor_slice(c, keys, 2, d, span);
    g_autoptr(OrfTensor) v = orf_tensor_slice(c, keys, 2, 2 * d, span);
    return orf_tensor_attention(c, q, k, v,
                                &(OrfAttention){ .heads = in->heads,
                                                 .dim = d,
                                                 .q_stride = 3 * d,
                                                 .k_stride = 3 * d,
                                                 .v_stride = 3 * d,
                                                 .first_key = in->first_key });
}

static void
attention_twins(OrfPrecision precision, double tolerance)
{
    static const Attend cases[] = {
        { 1, 1, 1, 1, 8, NULL, 0 },        { 2, 37, 21, 2, 32, NULL, 3.04 },
        { 1, 130, 515, 3, 64, NULL, 0 },   { 1, 5, 1030, 1, 128, NULL, -2 },
        { 1, 257, 513, 2, 40, NULL, 0.5 },
    };
    Twins twins = twins_new(precision);
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        Attend in = cases[i];
        g_autofree float *x =
            numbers(&twins, in.batch * MAX(in.n, in.m) * in.heads * 3 * in.dim);
        in.x = x;
        run_pair(&twins, attend, &in, tolerance, "attention");
    }
    twins_clear(&twins);
}

static void
attention_f32(void)
{
    attention_twins(ORF_PRECISION_F32, 3e-6);
}

static void
attention_bf16(void)
{
    attention_twins(ORF_PRECISION_BF16, 3e-2);
}

/* --- Maps and pictures -------------------------------------------------------------------- */

typedef struct {
    const float *x;
    int kind;
} Map;

static OrfTensor *
map(OrfCompute *c, void *data)
{
    const Map *in = data;
    g_autoptr(OrfTensor) x = orf_tensor_from(c, ORF_SHAPE(13, 74), in->x);
    g_autoptr(OrfTensor) few = orf_tensor_from(c, ORF_SHAPE(1, 74), in->x);
    if (in->kind < 6)
        return orf_tensor_act(c, x, (OrfAct)in->kind);
    if (in->kind < 8)
        return orf_tensor_glu(c, x, in->kind == 6 ? ORF_ACT_GELU : ORF_ACT_SILU, in->kind == 7);
    if (in->kind == 8)
        return orf_tensor_softmax(c, x);
    if (in->kind == 9)
        return orf_tensor_transpose(c, x);
    return orf_tensor_mix(c, 0.5, x, -3, few);
}

static void
maps(void)
{
    Twins twins = twins_new(ORF_PRECISION_F32);
    for (int kind = 0; kind <= 10; kind++) {
        g_autofree float *x = numbers(&twins, 13 * 74);
        x[0] = 90;
        x[1] = -90;
        x[2] = 0;
        for (size_t i = 3; i < 80; i++)
            x[i] *= 4;
        Map in = { x, kind };
        run_pair(&twins, map, &in, kind == 8 ? 1e-6 : 5e-7, "map");
    }
    twins_clear(&twins);
}

typedef struct {
    size_t batch, h, w, n_in, n_out, k, step, dilation, kind;
    const float *x, *v;
} Picture;

static OrfTensor *
picture(OrfCompute *c, void *data)
{
    const Picture *in = data;
    g_autoptr(OrfTensor) x =
        orf_tensor_from(c, ORF_SHAPE(in->batch, in->h, in->w, in->n_in), in->x);
    if (in->kind == 1)
        return orf_tensor_max_pool(c, x);
    if (in->kind >= 2)
        return orf_tensor_resize(
            c, x, in->n_out, in->k,
            &(OrfResize){ .cubic = in->kind == 3, .antialias = in->kind == 4 });
    g_autoptr(OrfWeight) weight = orf_weight_new_conv(
        c, in->v, in->n_out, in->n_in, in->k, in->v + in->n_out * in->n_in * in->k * in->k);
    return orf_tensor_conv(c, x, weight,
                           &(OrfConv){ .step = in->step,
                                       .dilation = in->dilation,
                                       .pad = (in->k - 1) / 2 * in->dilation,
                                       .relu = in->step == 1 });
}

static void
pictures(void)
{
    static const Picture cases[] = {
        { 1, 9, 7, 3, 5, 3, 1, 1, 0, 0, 0 },    { 2, 33, 47, 8, 16, 3, 2, 1, 0, 0, 0 },
        { 1, 40, 24, 20, 7, 3, 1, 8, 0, 0, 0 }, { 1, 2, 2, 5, 5, 3, 1, 4, 0, 0, 0 },
        { 1, 65, 64, 16, 1, 3, 1, 1, 0, 0, 0 }, { 1, 30, 31, 6, 1, 1, 1, 1, 0, 0, 0 },
        { 2, 7, 5, 9, 0, 0, 1, 1, 1, 0, 0 },    { 1, 8, 8, 16, 0, 0, 1, 1, 1, 0, 0 },
        { 2, 7, 5, 3, 15, 11, 1, 1, 2, 0, 0 },  { 1, 9, 14, 20, 4, 28, 1, 1, 2, 0, 0 },
        { 1, 5, 5, 16, 7, 3, 1, 1, 3, 0, 0 },   { 1, 40, 21, 3, 13, 50, 1, 1, 4, 0, 0 },
    };
    Twins twins = twins_new(ORF_PRECISION_F32);
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        Picture in = cases[i];
        g_autofree float *x = numbers(&twins, in.batch * in.h * in.w * in.n_in);
        g_autofree float *v = numbers(&twins, in.n_out * (in.n_in * in.k * in.k + 1));
        in.x = x;
        in.v = v;
        run_pair(&twins, picture, &in, 2e-6, "picture");
    }
    twins_clear(&twins);
}

static void
errors_stick_and_come_out_once(void)
{
    g_autoptr(OrfTask) task = orf_task_new(&(OrfTaskOptions){ .memory = 1 << 20 });
    g_autoptr(OrfCompute) c = orf_compute_new(task, NULL, NULL);
    g_autoptr(OrfTensor) big = orf_tensor_new(c, ORF_SHAPE(1024, 1024));
    g_autoptr(OrfTensor) small = orf_tensor_new(c, ORF_SHAPE(4));
    g_assert_null(big);
    g_assert_null(small);
    g_autoptr(GError) error = NULL;
    g_assert_false(orf_compute_end(c, &error));
    g_assert_error(error, ORF_ERROR, ORF_ERROR_TOO_LARGE);
    g_assert_true(orf_compute_end(c, NULL));
}

/* This program once more, with oneDNN held to older processors. */
static void
older_processors_agree_too(const void *data)
{
    static const char *const isas[] = { "AVX512_CORE", "AVX2", "SSE41" };
    for (size_t i = 0; i < G_N_ELEMENTS(isas) && !g_getenv("DNNL_MAX_CPU_ISA"); i++) {
        g_auto(GStrv) env =
            g_environ_setenv(g_get_environ(), "DNNL_MAX_CPU_ISA", isas[i], TRUE);
        const char *argv[] = { data, NULL };
        int status = -1;
        g_assert_true(g_spawn_sync(NULL, (char **)argv, env, G_SPAWN_STDOUT_TO_DEV_NULL, NULL,
                                   NULL, NULL, NULL, &status, NULL));
        g_test_message("%s", isas[i]);
        g_assert_true(g_spawn_check_wait_status(status, NULL));
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/tensor/twins/linear-f32", linear_f32);
    g_test_add_func("/tensor/twins/linear-bf16", linear_bf16);
    g_test_add_func("/tensor/twins/linear-int8", linear_int8);
    g_test_add_func("/tensor/twins/norms", norms);
    g_test_add_func("/tensor/twins/attention-f32", attention_f32);
    g_test_add_func("/tensor/twins/attention-bf16", attention_bf16);
    g_test_add_func("/tensor/twins/maps", maps);
    g_test_add_func("/tensor/twins/pictures", pictures);
    g_test_add_func("/tensor/twins/errors-stick-and-come-out-once",
                    errors_stick_and_come_out_once);
    g_test_add_data_func("/tensor/twins/older-processors-agree-too", argv[0],
                         older_processors_agree_too);
    return g_test_run();
}
