/* Matrix products of a denoiser, everything included that follows them, beside oneDNN alone on
 * the same thread; then attention, and one block of Hunyuan's width.
 * name, shape, precision: GFLOP in a second of one core, ours and oneDNN's own kernel, share.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "tensor/cpu/cpu.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static float *
numbers(size_t n)
{
    float *values = g_new(float, n);
    for (size_t i = 0; i < n; i++)
        values[i] = (float)(rand() % 2001 - 1000) / 1000;
    return values;
}

/* Time of this process's threads together: it does not count what else the machine does. */
static int64_t
now(void)
{
    return (int64_t)((double)clock() * 1e6 / CLOCKS_PER_SEC);
}

static double
seconds(int64_t begin)
{
    return (double)(now() - begin) / 1e6;
}

enum { ROUNDS = 3 };

/* oneDNN's kernel for a block of rows and a panel, nothing around it, on one thread. */
static double
peak(OrfCompute *c, OrfPrecision precision, size_t k, size_t n)
{
    static const dnnl_data_type_t types[] = { dnnl_f32, dnnl_bf16, dnnl_s8 };
    enum { ROWS = 256 };
    OrfMatmul shape = {
        .type = types[precision], .m = ROWS, .n = n, .k = k, .x_ld = k, .y_ld = n
    };
    OrfBackendState *state = orf_compute_state(c);
    size_t size = orf_cpu_packed_size(state, &shape, NULL);
    void *w = g_aligned_alloc0(1, size, 64), *x = g_aligned_alloc0(ROWS * k, 4, 64);
    float *y = g_aligned_alloc0(ROWS * n, 4, 64);
    double best = 1e9;
    for (int i = 0; i < 2 * ROUNDS; i++) {
        int64_t begin = now();
        for (int j = 0; j < 4; j++)
            g_assert_true(orf_cpu_matmul(state, &shape, x, w, y, NULL));
        best = MIN(best, seconds(begin) / 4);
    }
    g_aligned_free(w);
    g_aligned_free(x);
    g_aligned_free(y);
    return 2.0 * ROWS * (double)k * (double)n / best / 1e9;
}

static void
bench_linear(unsigned cores, OrfPrecision precision, size_t m, size_t k, size_t n, OrfAct act)
{
    g_autoptr(OrfTask) task = orf_task_new(&(OrfTaskOptions){ .cores = cores });
    g_autoptr(OrfCompute) c =
        orf_compute_new(task, &(OrfComputeOptions){ .precision = precision }, NULL);
    g_autofree float *xs = numbers(m * k), *ws = numbers(n * k), *bs = numbers(n);
    g_autoptr(OrfTensor) x = orf_tensor_from(c, ORF_SHAPE(1, m, k), xs);
    g_autoptr(OrfWeight) w = orf_weight_new(c, ws, n, k, bs);
    double best = 1e9;
    for (int i = 0; i < ROUNDS; i++) {
        int64_t begin = now();
        g_autoptr(OrfTensor) y = orf_tensor_linear(c, x, w, &(OrfLinear){ act });
        best = MIN(best, seconds(begin));
    }
    double ours = 2.0 * (double)m * (double)k * (double)n / best / 1e9;
    double theirs = peak(c, precision, k, MIN(n, 1024));
    printf("linear     %4zu x %4zu -> %4zu%s %-4s %u cores %7.0f of %7.0f GFLOP/s  %3.0f %%\n",
           m, k, n, act ? " gelu" : "     ", orf_precision_name(precision), cores, ours, theirs,
           100 * ours / theirs);
}

static void
bench_attention(unsigned cores, OrfPrecision precision, size_t n, size_t heads, size_t dim)
{
    g_autoptr(OrfTask) task = orf_task_new(&(OrfTaskOptions){ .cores = cores });
    g_autoptr(OrfCompute) c =
        orf_compute_new(task, &(OrfComputeOptions){ .precision = precision }, NULL);
    g_autofree float *xs = numbers(n * heads * dim);
    g_autoptr(OrfTensor) x = orf_tensor_from(c, ORF_SHAPE(1, n, heads * dim), xs);
    double best = 1e9;
    for (int i = 0; i < 2; i++) {
        int64_t begin = now();
        g_autoptr(OrfTensor) y =
            orf_tensor_attention(c, x, x, x, &(OrfAttention){ .heads = heads, .dim = dim });
        best = MIN(best, seconds(begin));
    }
    double flop = 4.0 * (double)n * (double)n * (double)(heads * dim);
    printf(
        "attention  %zu tokens, %zu x %zu, %-4s %u cores: %.3f s, %.0f GFLOP/s, peak %zu MB\n",
        n, heads, dim, orf_precision_name(precision), cores, best, flop / best / 1e9,
        orf_task_peak_memory(task) >> 20);
}

int
main(void)
{
    setlinebuf(stdout);
    for (unsigned cores = 1; cores <= 2; cores++)
        for (int p = 0; p <= ORF_PRECISION_INT8; p++) {
            OrfPrecision precision = (OrfPrecision)p;
            bench_linear(cores, precision, 4442, 1024, 3072, ORF_ACT_NONE);
            bench_linear(cores, precision, 4442, 1024, 4096, ORF_ACT_GELU_TANH);
            bench_linear(cores, precision, 4442, 4096, 1024, ORF_ACT_NONE);
            bench_linear(cores, precision, 1370, 1536, 8192, ORF_ACT_NONE);
            if (p < ORF_PRECISION_INT8)
                bench_attention(cores, precision, 4442, 16, 64);
        }
    return 0;
}
