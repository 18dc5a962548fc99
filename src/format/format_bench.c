/* One line per case: name, triangles, median ms, p95 ms, peak bytes, rate.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "format/samples_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    const char *name, *format;
    OrfSave options;
} Case;

static const Case cases[] = {
    { "stl", "stl", { 0 } },
    { "stl-text", "stl", { .text = true } },
    { "glb", "glb", { 0 } },
    { "obj", "obj", { 0 } },
    { "ply", "ply", { 0 } },
    { "ply-big", "ply", { .big_endian = true } },
    { "ply-text", "ply", { .text = true } },
    { "3mf", "3mf", { 0 } },
};

static int
compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

typedef struct {
    double ms[32];
    unsigned n;
    size_t peak;
} Times;

static void
report(const char *what, const char *name, size_t triangles, size_t bytes, Times *times)
{
    qsort(times->ms, times->n, sizeof times->ms[0], compare);
    double median = times->ms[times->n / 2];
    printf("format/%s-%s\t%zu\t%.2f\t%.2f\t%zu\t%.0f MB/s\n", what, name, triangles, median,
           times->ms[(times->n * 95 - 1) / 100], times->peak, (double)bytes / median / 1000);
    fflush(stdout);
}

static GBytes *
bench_save(const Case *it, const OrfAsset *asset, unsigned rounds)
{
    Times times = { 0 };
    g_autoptr(GPtrArray) files = NULL;
    for (times.n = 0; times.n < rounds; times.n++) {
        g_clear_pointer(&files, g_ptr_array_unref);
        g_autoptr(OrfTask) task = orf_task_new(&(OrfTaskOptions){ .cores = 2 });
        int64_t begin = g_get_monotonic_time();
        files = orf_format_save(task, asset, it->format, &it->options, NULL);
        times.ms[times.n] = (double)(g_get_monotonic_time() - begin) / 1000;
        times.peak = MAX(times.peak, orf_task_peak_memory(task));
    }
    GBytes *bytes = ((OrfFile *)files->pdata[0])->bytes;
    report("save", it->name, orf_mesh_n_triangles(orf_asset_mesh(asset)),
           g_bytes_get_size(bytes), &times);
    return g_bytes_ref(bytes);
}

static void
bench_load(const Case *it, GBytes *bytes, size_t triangles, unsigned rounds)
{
    Times times = { 0 };
    for (times.n = 0; times.n < rounds; times.n++) {
        g_autoptr(OrfTask) task = orf_task_new(&(OrfTaskOptions){ .cores = 2 });
        int64_t begin = g_get_monotonic_time();
        g_autoptr(OrfAsset) asset = orf_format_load(task, bytes, it->format, NULL, NULL);
        times.ms[times.n] = (double)(g_get_monotonic_time() - begin) / 1000;
        times.peak = MAX(times.peak, orf_task_peak_memory(task));
        g_assert_nonnull(asset);
    }
    report("load", it->name, triangles, g_bytes_get_size(bytes), &times);
}

static void
bench(const Case *it, size_t triangles, unsigned rounds)
{
    g_autoptr(OrfMesh) mesh = sample_ball(triangles);
    g_autoptr(OrfAsset) asset = orf_asset_new(mesh, NULL, 0);
    g_autoptr(GBytes) bytes = bench_save(it, asset, rounds);
    bench_load(it, bytes, orf_mesh_n_triangles(mesh), rounds);
}

/* format_bench [--quick] [CASE]: every format at a million triangles, STL and GLB from 0.1
 * to 4. */
int
main(int argc, char **argv)
{
    static const size_t sizes[] = { 100000, 400000, 4000000 };
    unsigned rounds = argc > 1 && !strcmp(argv[1], "--quick") ? 3 : 11;
    const char *only = argc > 1 && argv[argc - 1][0] != '-' ? argv[argc - 1] : NULL;
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++)
        if (!only || g_str_equal(only, cases[i].name))
            bench(&cases[i], 1000000, cases[i].options.text ? MIN(rounds, 5) : rounds);
    for (size_t k = 0; !only && k < G_N_ELEMENTS(sizes); k++)
        for (size_t i = 0; i < 3; i += 2)
            bench(&cases[i], sizes[k], rounds);
    return 0;
}
