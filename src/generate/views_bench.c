/* views_bench.c - hull of four 1 MP pictures and depth of one, every stage.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 *     name<TAB>pixels<TAB>median_ms<TAB>p95_ms<TAB>peak_bytes<TAB>note */
#include <stdio.h>
#include <stdlib.h>

#include "generate/scene_test.h"

enum { SIDE = 1000 };

static GBytes *
distances(SceneFn scene)
{
    uint16_t *pixels = ORF_ALLOC(NULL, uint16_t, (size_t)SIDE * SIDE, "bench", NULL);
    SceneCamera camera = scene_camera(0);
    for (unsigned i = 0; i < SIDE * SIDE; i++) {
        double hit[3];
        double z = scene_march(scene, &camera, SIDE, i % SIDE + 0.5, i / SIDE + 0.5, hit);
        pixels[i] = z > 0 ? (uint16_t)(1 + lround((z - 2) / 2 * 65534)) : 0;
    }
    g_autoptr(OrfImage) image = orf_image_new_take(SIDE, SIDE, 1, ORF_U16, pixels);
    return orf_image_encode(NULL, image, "png", 0, NULL);
}

typedef struct {
    int64_t begin;
    double ms[ORF_N_STAGES];
} Watch;

static bool
note_time(OrfStage stage, OrfAsset *asset, void *data)
{
    (void)asset;
    Watch *watch = data;
    int64_t now = g_get_monotonic_time();
    watch->ms[stage] = (double)(now - watch->begin) / 1000;
    watch->begin = now;
    return true;
}

static int
compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void
bench(const char *name, const OrfRecipe *recipe, unsigned rounds)
{
    double ms[ORF_N_STAGES][16];
    size_t peak = 0;
    for (unsigned i = 0; i < rounds; i++) {
        g_autoptr(GError) error = NULL;
        g_autoptr(OrfTask) task = orf_task_new(&(OrfTaskOptions){ .cores = 2 });
        Watch watch = { .begin = g_get_monotonic_time() };
        g_autoptr(OrfAsset) asset =
            orf_recipe_run(task, recipe, note_time, &watch, NULL, &error);
        g_assert_no_error(error);
        for (unsigned s = 0; s < ORF_N_STAGES; s++)
            ms[s][i] = watch.ms[s];
        peak = MAX(peak, orf_task_peak_memory(task));
    }
    for (OrfStage s = ORF_PREVIEW; s < ORF_N_STAGES; s++) {
        qsort(ms[s], rounds, sizeof ms[s][0], compare);
        printf("generate/%s-%s\t%d\t%.1f\t%.1f\t%zu\tstage alone, 2 cores\n", name,
               orf_stage_name(s), SIDE * SIDE, ms[s][rounds / 2],
               ms[s][(rounds * 95 - 1) / 100], peak);
    }
    fflush(stdout);
}

int
main(int argc, char **argv)
{
    unsigned rounds = argc > 1 && strcmp(argv[1], "--quick") == 0 ? 1 : 7;
    g_assert_true(orf_image_init(NULL));
    g_autoptr(OrfRecipe) hull = orf_recipe_new("hull", NULL);
    for (unsigned i = 0; i < 4; i++) {
        g_autoptr(GBytes) png = scene_picture(scene_rod, SIDE, 90 * i);
        orf_recipe_add_picture(hull, png, "view.png", 90 * i, NULL);
    }
    bench("hull-4x1mp", hull, rounds);
    g_autoptr(OrfRecipe) depth = orf_recipe_new("depth", NULL);
    g_autoptr(GBytes) far = distances(scene_rod);
    orf_recipe_add_picture(depth, far, "far.png", NAN, NULL);
    bench("depth-1mp", depth, rounds);
    return 0;
}
