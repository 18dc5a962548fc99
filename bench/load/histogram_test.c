/* histogram_test.c - quantiles against a sorted list.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "load.h"

#include <stdlib.h>

static int
compare(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static void
test_quantiles(void)
{
    enum { N = 20000 };
    g_autofree uint64_t *values = g_new(uint64_t, N);
    g_autofree LoadHistogram *h = g_new0(LoadHistogram, 1);
    uint64_t state = 42;
    for (size_t i = 0; i < N; i++) {
        state = state * 6364136223846793005u + 1442695040888963407u;
        values[i] = state >> (24 + i % 38);
        load_histogram_add(h, values[i]);
    }
    qsort(values, N, sizeof *values, compare);
    const double quantiles[] = { 0.001, 0.1, 0.5, 0.9, 0.95, 0.99, 0.999, 1 };
    for (size_t i = 0; i < G_N_ELEMENTS(quantiles); i++) {
        uint64_t truth = values[(size_t)(quantiles[i] * N) - 1];
        uint64_t told = load_histogram_at(h, quantiles[i]);
        g_assert_cmpuint(told, >=, truth);
        g_assert_cmpfloat((double)(told - truth), <=, (double)truth * 0.008);
    }
    g_assert_cmpuint(h->min, ==, values[0]);
    g_assert_cmpuint(load_histogram_at(h, 1), ==, values[N - 1]);
}

static void
test_small_values(void)
{
    g_autofree LoadHistogram *h = g_new0(LoadHistogram, 1);
    for (uint64_t i = 1; i <= 100; i++)
        load_histogram_add(h, i);
    g_assert_cmpuint(load_histogram_at(h, 0), ==, 1);
    g_assert_cmpuint(load_histogram_at(h, 0.5), ==, 50);
    g_assert_cmpuint(load_histogram_at(h, 0.99), ==, 99);
    g_assert_cmpuint(load_histogram_at(h, 0.991), ==, 100);
}

static void
test_empty_and_huge(void)
{
    g_autofree LoadHistogram *h = g_new0(LoadHistogram, 1);
    g_assert_cmpuint(load_histogram_at(h, 0.5), ==, 0);
    load_histogram_add(h, UINT64_MAX / 2);
    g_assert_cmpuint(h->counts[LOAD_BUCKETS - 1], ==, 1);
    load_histogram_add(h, 0);
    g_assert_cmpuint(load_histogram_at(h, 0.5), ==, 0);
}

static void
test_merge(void)
{
    g_autofree LoadHistogram *both = g_new0(LoadHistogram, 1);
    g_autofree LoadHistogram *odd = g_new0(LoadHistogram, 1);
    g_autofree LoadHistogram *even = g_new0(LoadHistogram, 1);
    for (uint64_t i = 1; i <= 1000; i++) {
        load_histogram_add(both, i * i);
        load_histogram_add(i % 2 ? odd : even, i * i);
    }
    load_histogram_merge(even, odd);
    g_assert_cmpmem(even, sizeof *even, both, sizeof *both);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/load/histogram/quantiles-are-at-most-0.8-percent-high", test_quantiles);
    g_test_add_func("/load/histogram/small-values-are-exact", test_small_values);
    g_test_add_func("/load/histogram/empty-and-huge-values-are-safe", test_empty_and_huge);
    g_test_add_func("/load/histogram/merging-equals-adding-all", test_merge);
    return g_test_run();
}
