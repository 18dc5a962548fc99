/* inflate_bench.c - a round body by steps: measures, solve, mesh; time and memory against the
 * side.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "generate/draw_test.h"

static float side; /* of the picture being drawn */

/* Five rounded arms. */
static float
star(float x, float y)
{
    float dx = x - side / 2, dy = y - side / 2, angle = atan2f(dy, dx);
    return side * (0.37f + 0.1f * cosf(5 * angle)) - hypotf(dx, dy);
}

static void
heights(float x, float y, float *ret_front, float *ret_back, void *data)
{
    *ret_front = orf_round_height(data, x, y);
    *ret_back = -*ret_front;
}

static int
by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

typedef enum { MEASURE, SOLVE, MESH, N_STEPS } Step;
static const char *const names[N_STEPS] = { "inflate-measure", "inflate-solve",
                                            "inflate-mesh" };

typedef struct {
    OrfImage *rgba, *alpha;
    OrfRound round;
    size_t triangles;
} Work;

static void
run_step(OrfTask *task, Step step, Work *work)
{
    OrfThickness thickness = { .depth = 0.8f, .power = 0.6f, .rows = 0.5f };
    OrfSheetOptions options = { .rim = 1, .heights = heights, .data = &work->round };
    OrfSubjectShape shape;
    g_autoptr(OrfMesh) mesh = NULL;
    switch (step) {
    case MEASURE:
        orf_shape_init(task, work->rgba, work->alpha, &shape, NULL);
        break;
    case SOLVE:
        orf_round_clear(&work->round);
        orf_round_init(task, work->alpha, &thickness, &work->round, NULL);
        break;
    default:
        mesh = orf_sheets_mesh(task, work->alpha, &options, NULL);
        work->triangles = orf_mesh_n_triangles(mesh);
    }
}

static void
run(unsigned n, int rounds)
{
    side = (float)n;
    Work work = { .rgba = draw_rgba(n, n, star, draw_flat), .alpha = draw_alpha(n, n, star) };
    for (Step step = MEASURE; step < N_STEPS; step++) {
        double ms[32];
        size_t peak = 0;
        for (int i = 0; i < rounds; i++) {
            g_autoptr(OrfTask) task = orf_task_new(NULL);
            gint64 begin = g_get_monotonic_time();
            run_step(task, step, &work);
            ms[i] = (double)(g_get_monotonic_time() - begin) / 1e3;
            peak = orf_task_peak_memory(task);
        }
        qsort(ms, (size_t)rounds, sizeof *ms, by_value);
        printf("%s\t%u\t%.2f\t%.2f\t%zu\t%zu triangles\n", names[step], n, ms[rounds / 2],
               ms[(rounds * 19) / 20], peak, step == MESH ? work.triangles : 0);
    }
    orf_round_clear(&work.round);
    orf_image_unref(work.rgba);
    orf_image_unref(work.alpha);
}

int
main(int argc, char **argv)
{
    bool quick = argc > 1 && strcmp(argv[1], "--quick") == 0;
    orf_image_init(NULL);
    for (unsigned n = 160; n <= (quick ? 640u : 1280u); n *= 2)
        run(n, quick ? 3 : 15);
    return 0;
}
