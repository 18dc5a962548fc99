/* shapes_bench.h - one line per case for the benches of this room; not part of the library.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 *     name<TAB>size<TAB>median_ms<TAB>p95_ms<TAB>peak_bytes<TAB>rate unit */
#ifndef ORF_MESH_SHAPES_BENCH_H
#define ORF_MESH_SHAPES_BENCH_H

#include "shapes_test.h"

#include <stdio.h>
#include <stdlib.h>

/* The mesh sizes of every bench here, in triangles. */
static const size_t bench_sizes[] = { 100000, 400000, 1000000, 4000000 };

typedef bool (*BenchFn)(OrfTask *task, const OrfMesh *mesh);

static inline int
bench_compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Runs `body` on two cores; the rate is in nanoseconds per triangle. */
static inline void
bench_case(const char *name, const OrfMesh *mesh, unsigned rounds, BenchFn body)
{
    double ms[64];
    size_t peak = 0, n = orf_mesh_n_triangles(mesh);
    rounds = MIN(rounds, G_N_ELEMENTS(ms));
    for (unsigned i = 0; i < rounds; i++) {
        g_autoptr(OrfTask) task = orf_task_new(&(OrfTaskOptions){ .cores = 2 });
        int64_t begin = g_get_monotonic_time();
        bool done = body(task, mesh);
        ms[i] = (double)(g_get_monotonic_time() - begin) / 1000;
        g_assert_true(done);
        peak = MAX(peak, orf_task_peak_memory(task));
    }
    qsort(ms, rounds, sizeof ms[0], bench_compare);
    double median = ms[rounds / 2];
    printf("%s\t%zu\t%.2f\t%.2f\t%zu\t%.1f ns/triangle\n", name, n, median,
           ms[(rounds * 95 - 1) / 100], peak, median * 1e6 / (double)n);
    fflush(stdout);
}

/* A wavy ring of about `n` triangles. */
static inline OrfMesh *
bench_ring(size_t n)
{
    unsigned across = (unsigned)sqrt((double)n / 4);
    return shape_torus(30, 10, 2 * across, across, 0.2f);
}

static inline unsigned
bench_rounds(int argc, char **argv)
{
    return argc > 1 && strcmp(argv[1], "--quick") == 0 ? 3 : 11;
}

#endif
