/* refine_bench.c - a silhouette filled with points and lifted to a body.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "shapes_bench.h"

typedef struct {
    OrfPlanar outline;
    float edge;
} Silhouette;

/* A flower of 4 points a pixel-sized step, 100 mm wide. */
static float *
flower(size_t n)
{
    float *points = g_new(float, 2 * n);
    for (size_t i = 0; i < n; i++) {
        double angle = 2 * G_PI * (double)i / (double)n, radius = 40 + 10 * sin(7 * angle);
        points[2 * i] = (float)(radius * cos(angle));
        points[2 * i + 1] = (float)(radius * sin(angle));
    }
    return points;
}

static OrfMesh *
body(OrfTask *task, const Silhouette *want)
{
    g_auto(OrfPlanarMesh) planar = { 0 };
    g_autoptr(GError) error = NULL;
    if (!orf_planar_refine(task, &want->outline, &(OrfRefine){ .edge_rim = want->edge },
                           &planar, &error))
        g_error("%s", error->message);
    orf_autofree float *front = ORF_ALLOC(task, float, planar.n_points, "bench", &error);
    orf_autofree float *back = ORF_ALLOC(task, float, planar.n_points, "bench", &error);
    for (size_t i = planar.loop_start[planar.n_loops]; i < planar.n_points; i++)
        front[i] = -(back[i] = -1);
    OrfSheets sheets = {
        planar.points, planar.n_points, planar.triangles, planar.n_triangles, front, back, 0
    };
    OrfMesh *mesh = orf_mesh_lift(task, &sheets, planar.points, true, &error);
    if (!mesh)
        g_error("%s", error->message);
    return mesh;
}

int
main(int argc, char **argv)
{
    static const float edges[] = { 0.8f, 0.25f, 0.08f };
    unsigned rounds = bench_rounds(argc, argv);
    g_autofree float *points = flower(4000);
    uint32_t starts[] = { 0, 4000 };
    for (size_t e = 0; e < G_N_ELEMENTS(edges); e++) {
        Silhouette want = { { points, 4000, starts, 1, NULL, 0 }, edges[e] };
        double ms[64];
        size_t peak = 0, triangles = 0;
        for (unsigned i = 0; i < rounds; i++) {
            OrfTask *task = orf_task_new(NULL);
            int64_t begin = g_get_monotonic_time();
            g_autoptr(OrfMesh) mesh = body(task, &want);
            ms[i] = (double)(g_get_monotonic_time() - begin) / 1000;
            peak = MAX(peak, orf_task_peak_memory(task));
            triangles = orf_mesh_n_triangles(mesh);
            orf_task_unref(task);
        }
        qsort(ms, rounds, sizeof ms[0], bench_compare);
        printf("refine-lift\t%zu\t%.2f\t%.2f\t%zu\t%.1f ns/triangle\n", triangles,
               ms[rounds / 2], ms[(rounds * 95 - 1) / 100], peak,
               ms[rounds / 2] * 1e6 / (double)triangles);
    }
    return 0;
}
