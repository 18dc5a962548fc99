/* SPDX-License-Identifier: Apache-2.0 */
#include "shapes_bench.h"

static bool
weld(OrfTask *task, const OrfMesh *mesh)
{
    g_autoptr(OrfMesh) welded = orf_mesh_weld(task, mesh, 0, NULL);
    return welded != NULL;
}

static bool
weld_near(OrfTask *task, const OrfMesh *mesh)
{
    g_autoptr(OrfMesh) welded = orf_mesh_weld(task, mesh, 0.001f, NULL);
    return welded != NULL;
}

int
main(int argc, char **argv)
{
    unsigned rounds = bench_rounds(argc, argv);
    for (size_t i = 0; i < G_N_ELEMENTS(bench_sizes); i++) {
        g_autoptr(OrfMesh) ring = bench_ring(bench_sizes[i]);
        g_autoptr(OrfMesh) soup = shape_soup(ring, NULL);
        bench_case("mesh/weld", soup, rounds, weld);
    }
    g_autoptr(GRand) random = g_rand_new_with_seed(1);
    g_autoptr(OrfMesh) ring = bench_ring(1000000);
    g_autoptr(OrfMesh) shuffled = shape_soup(ring, random);
    bench_case("mesh/weld-shuffled", shuffled, rounds, weld);
    bench_case("mesh/weld-within-distance", shuffled, rounds, weld_near);
    return 0;
}
