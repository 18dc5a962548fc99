/* SPDX-License-Identifier: Apache-2.0 */
#include "shapes_bench.h"

#include <meshoptimizer.h>

/* To a tenth of the triangles. */
static bool
simplify(OrfTask *task, const OrfMesh *mesh)
{
    OrfSimplify options = { .triangles = orf_mesh_n_triangles(mesh) / 10 };
    g_autoptr(OrfMesh) fewer = orf_mesh_simplify(task, mesh, &options, NULL);
    return fewer && orf_mesh_n_triangles(fewer) <= options.triangles;
}

static bool
simplify_by_error(OrfTask *task, const OrfMesh *mesh)
{
    OrfSimplify options = { .error = 0.02f };
    g_autoptr(OrfMesh) fewer = orf_mesh_simplify(task, mesh, &options, NULL);
    return fewer != NULL;
}

/* The peer: one core, and it may leave the body open or branching. */
static bool
simplify_by_meshoptimizer(OrfTask *task, const OrfMesh *mesh)
{
    size_t n = orf_mesh_n_triangles(mesh);
    orf_autofree uint32_t *out = ORF_ALLOC(task, uint32_t, 3 * n, "bench", NULL);
    meshopt_simplify(out, orf_mesh_triangles(mesh), 3 * n, orf_mesh_positions(mesh),
                     orf_mesh_n_vertices(mesh), 12, 3 * (n / 10), 1e30f, 0, NULL);
    return true;
}

int
main(int argc, char **argv)
{
    unsigned rounds = bench_rounds(argc, argv);
    for (size_t i = 0; i < G_N_ELEMENTS(bench_sizes); i++) {
        g_autoptr(OrfMesh) ring = bench_ring(bench_sizes[i]);
        bench_case("mesh/simplify", ring, MIN(rounds, 5), simplify);
    }
    g_autoptr(OrfMesh) ring = bench_ring(1000000);
    bench_case("mesh/simplify-by-error", ring, MIN(rounds, 5), simplify_by_error);
    bench_case("mesh/simplify-meshoptimizer", ring, MIN(rounds, 3), simplify_by_meshoptimizer);
    return 0;
}
