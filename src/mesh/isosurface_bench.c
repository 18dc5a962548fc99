/* SPDX-License-Identifier: Apache-2.0 */
#include "mesh.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* One line per case: name, size (cells), median ms, p95 ms, peak bytes beyond the field, rate.
 */

static float *
wavy_ball(uint32_t n)
{
    float *values = ORF_ALLOC(NULL, float, ((size_t)n * n * n), "field", NULL);
    float middle = (float)(n - 1) / 2, radius = 0.36f * (float)n;
    for (uint32_t z = 0; z < n; z++)
        for (uint32_t y = 0; y < n; y++)
            for (uint32_t x = 0; x < n; x++) {
                float a = (float)x - middle, b = (float)y - middle, c = (float)z - middle;
                float wave = sinf(a * 0.2f) * sinf(b * 0.23f) * sinf(c * 0.17f);
                values[((size_t)z * n + y) * n + x] =
                    radius + 4 * wave - sqrtf(a * a + b * b + c * c);
            }
    return values;
}

static int
compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void
bench(const OrfField *field, unsigned cores, unsigned rounds)
{
    double ms[32];
    size_t peak = 0, out = 0, cells = (size_t)field->nx * field->ny * field->nz;
    for (unsigned i = 0; i < rounds; i++) {
        g_autoptr(OrfTask) task = orf_task_new(&(OrfTaskOptions){ .cores = cores });
        int64_t begin = g_get_monotonic_time();
        g_autoptr(OrfMesh) mesh = orf_mesh_isosurface(task, field, NULL);
        ms[i] = (double)(g_get_monotonic_time() - begin) / 1000;
        peak = MAX(peak, orf_task_peak_memory(task));
        out = 12 * (orf_mesh_n_vertices(mesh) + orf_mesh_n_triangles(mesh));
    }
    qsort(ms, rounds, sizeof ms[0], compare);
    double median = ms[rounds / 2];
    printf("mesh/isosurface-%u-core%s\t%zu\t%.2f\t%.2f\t%zu\t%.0f M cells/s a core, "
           "peak %.2f x output\n",
           cores, cores > 1 ? "s" : "", cells, median, ms[(rounds * 95 - 1) / 100], peak,
           (double)cells / median / 1e3 / cores, (double)peak / (double)out);
    fflush(stdout);
}

int
main(int argc, char **argv)
{
    unsigned rounds = argc > 1 && strcmp(argv[1], "--quick") == 0 ? 3 : 11;
    static const uint32_t sides[] = { 64, 128, 256, 384 };
    for (unsigned i = 0; i < G_N_ELEMENTS(sides); i++) {
        orf_autofree float *values = wavy_ball(sides[i]);
        OrfField field = { values, sides[i], sides[i], sides[i], { 0, 0, 0 }, 1 };
        bench(&field, 1, rounds);
        bench(&field, 2, rounds);
    }
    return 0;
}
