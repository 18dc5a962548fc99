/* bodies_bench.h - one line per case for the benches of this room; not part of the library.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 *     name<TAB>size<TAB>median_ms<TAB>p95_ms<TAB>peak_bytes<TAB>rate unit */
#ifndef ORF_ASSET_BODIES_BENCH_H
#define ORF_ASSET_BODIES_BENCH_H

#include "asset/bodies_test.h"

#include <stdio.h>
#include <stdlib.h>

typedef struct {
    const char *name, *size, *unit;
    double work; /* units done by one run, in millions */
    unsigned repeats;
} BenchLine;

static inline int
bench_compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static inline void
bench_line(const BenchLine *line, void (*run)(OrfTask *task, const void *data),
           const void *data)
{
    double ms[64];
    size_t peak = 0;
    unsigned n = MIN(line->repeats, G_N_ELEMENTS(ms));
    for (unsigned i = 0; i < n; i++) {
        g_autoptr(OrfTask) task = orf_task_new(&(OrfTaskOptions){ .cores = 2 });
        int64_t begin = g_get_monotonic_time();
        run(task, data);
        ms[i] = (double)(g_get_monotonic_time() - begin) / 1000;
        peak = MAX(peak, orf_task_peak_memory(task));
    }
    qsort(ms, n, sizeof *ms, bench_compare);
    printf("%s\t%s\t%.2f\t%.2f\t%zu\t%.2f %s\n", line->name, line->size, ms[n / 2],
           ms[n - 1 - n / 20], peak, line->work / ms[n / 2] * 1000, line->unit);
}

#endif
