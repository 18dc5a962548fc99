/* unwrap_bench.c - time of unwrapping against the number of triangles, with what it yields.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "shapes_bench.h"
#include "unwrap-check.h"

static bool
unwrap(OrfTask *task, const OrfMesh *mesh)
{
    g_autoptr(OrfMesh) mapped = orf_mesh_unwrap(task, mesh, NULL, NULL);
    return mapped != NULL;
}

int
main(int argc, char **argv)
{
    static const size_t sizes[] = { 10000, 100000, 400000, 1000000 };
    unsigned rounds = MIN(bench_rounds(argc, argv), 5);
    for (size_t i = 0; i < G_N_ELEMENTS(sizes); i++) {
        g_autoptr(OrfMesh) ring = bench_ring(sizes[i]);
        bench_case("unwrap-ring", ring, rounds, unwrap);
    }
    g_autoptr(OrfMesh) ring = bench_ring(100000);
    g_autoptr(OrfMesh) mapped = orf_mesh_unwrap(NULL, ring, NULL, NULL);
    UnwrapReport report = unwrap_report(mapped);
    fprintf(stderr,
            "ring of 100 k: %zu charts, %zu flipped, %zu overlap, stretch %.2f, %.0f %%\n",
            report.charts, report.flipped, report.overlap, report.stretch, 100 * report.used);
    return 0;
}
