/* triangulate_bench.c - constrained Delaunay triangles: time and memory against the point
 * count.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "mesh/mesh.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

typedef struct {
    const char *name;
    double share_on_outline;
    int grid; /* 1: free points on a grid, full of ties */
} Case;

static const Case cases[] = {
    { "triangulate-random", 0.02, 0 },
    { "triangulate-outline", 1, 0 },
    { "triangulate-grid", 0.02, 1 },
};

/* A wavy ring of `outline` points round `n - outline` free ones. */
static float *
make_points(const Case *what, size_t n, size_t outline)
{
    g_autoptr(GRand) random = g_rand_new_with_seed(1);
    float *points = g_new(float, 2 * n);
    size_t side = (size_t)ceil(sqrt((double)(n - outline) + 1));
    for (size_t i = 0; i < n; i++) {
        double angle = 2 * G_PI * (double)i / (double)outline;
        double radius = 80 + 10 * sin(40 * angle) +
                        (what->share_on_outline == 1 ? 2 * sin(700 * angle) : 0);
        double x = radius * cos(angle), y = radius * sin(angle);
        if (i >= outline && what->grid) {
            x = 90 * ((double)((i - outline) % side) / (double)side - 0.5);
            y = 90 * ((double)((i - outline) / side) / (double)side - 0.5);
        } else if (i >= outline) {
            x = g_rand_double_range(random, -48, 48);
            y = g_rand_double_range(random, -48, 48);
        }
        points[2 * i] = (float)x;
        points[2 * i + 1] = (float)y;
    }
    return points;
}

static int
by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void
run(const Case *what, size_t n, int rounds)
{
    size_t outline = MAX(3, (size_t)((double)n * what->share_on_outline)), triangles = 0,
           peak = 0;
    g_autofree float *points = make_points(what, n, outline);
    uint32_t starts[] = { 0, (uint32_t)outline };
    OrfPlanar planar = { points, n, starts, 1, NULL, 0 };
    double ms[32];
    for (int i = 0; i < rounds; i++) {
        OrfTask *task = orf_task_new(NULL);
        gint64 begin = g_get_monotonic_time();
        g_autoptr(GError) error = NULL;
        uint32_t *list = orf_triangulate(task, &planar, &triangles, &error);
        ms[i] = (double)(g_get_monotonic_time() - begin) / 1e3;
        if (!list)
            g_error("%s", error->message);
        orf_free(list);
        peak = orf_task_peak_memory(task);
        orf_task_unref(task);
    }
    qsort(ms, (size_t)rounds, sizeof *ms, by_value);
    printf("%s\t%zu\t%.2f\t%.2f\t%zu\t%.2f Mpoints/s\n", what->name, n, ms[rounds / 2],
           ms[(rounds * 19) / 20], peak, (double)n / ms[rounds / 2] / 1e3);
}

int
main(int argc, char **argv)
{
    bool quick = argc > 1 && strcmp(argv[1], "--quick") == 0;
    for (size_t c = 0; c < G_N_ELEMENTS(cases); c++) {
        run(&cases[c], 10000, quick ? 3 : 15);
        run(&cases[c], 100000, quick ? 3 : 9);
        run(&cases[c], 1000000, quick ? 1 : 3);
    }
    return 0;
}
