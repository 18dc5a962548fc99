/* SPDX-License-Identifier: Apache-2.0 */
#include "shapes_bench.h"

static bool
measure(OrfTask *task, const OrfMesh *mesh)
{
    OrfMeasures measures;
    return orf_mesh_measure(task, mesh, false, &measures, NULL) &&
           orf_measures_solid(&measures);
}

static bool
measure_crossings(OrfTask *task, const OrfMesh *mesh)
{
    OrfMeasures measures;
    return orf_mesh_measure(task, mesh, true, &measures, NULL) &&
           measures.self_intersections == 0;
}

int
main(int argc, char **argv)
{
    unsigned rounds = bench_rounds(argc, argv);
    for (size_t i = 0; i < G_N_ELEMENTS(bench_sizes); i++) {
        g_autoptr(OrfMesh) ring = bench_ring(bench_sizes[i]);
        bench_case("mesh/analyse", ring, rounds, measure);
        bench_case("mesh/analyse-crossings", ring, MIN(rounds, 5), measure_crossings);
    }
    g_autoptr(GRand) random = g_rand_new_with_seed(1);
    g_autoptr(OrfMesh) ring = bench_ring(1000000);
    g_autoptr(OrfMesh) soup = shape_soup(ring, random);
    g_autoptr(OrfMesh) shuffled = orf_mesh_weld(NULL, soup, 0, NULL);
    bench_case("mesh/analyse-shuffled", shuffled, rounds, measure);
    return 0;
}
