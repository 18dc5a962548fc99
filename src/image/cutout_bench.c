/* SPDX-License-Identifier: Apache-2.0 */
#include "image/cutout-priv.h"
#include "image/scenes_test.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { MOST = 64 };

/* Time of this process in milliseconds: it does not count what else the machine does. */
static double
cpu_ms(void)
{
    return (double)clock() * 1000 / CLOCKS_PER_SEC;
}

static int
compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* name, pixels, median ms, p95 ms, peak bytes, CPU ms a run */
static void
bench(const char *name, const OrfImage *image, const OrfCutoutOptions *options, unsigned rounds)
{
    double ms[MOST], cpu = cpu_ms();
    size_t peak = 0;
    for (unsigned i = 0; i < rounds; i++) {
        g_autoptr(OrfTask) task = orf_task_new(&(OrfTaskOptions){ .cores = 2 });
        int64_t begin = g_get_monotonic_time();
        g_autoptr(OrfImage) alpha = orf_image_cut_out(task, image, options, NULL, NULL);
        ms[i] = (double)(g_get_monotonic_time() - begin) / 1000;
        g_assert_nonnull(alpha);
        peak = MAX(peak, orf_task_peak_memory(task));
    }
    cpu = (cpu_ms() - cpu) / rounds;
    qsort(ms, rounds, sizeof ms[0], compare);
    printf("%s\t%ux%u\t%.2f\t%.2f\t%zu\t%.2f ms of CPU\n", name, orf_image_width(image),
           orf_image_height(image), ms[rounds / 2], ms[(rounds * 95 - 1) / 100], peak, cpu);
    fflush(stdout);
}

int
main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*ground)(double u, double v, double rgb[3]);
        OrfCutoutMethod force;
    } cases[] = {
        { "flat", even_ground, ORF_CUTOUT_FLAT },
        { "scene", table_and_wall, ORF_CUTOUT_SCENE },
        { "grabcut", checks, ORF_CUTOUT_GRABCUT },
    };
    static const unsigned pictures[] = { 256, 640, 4000 }, sides[] = { 160, 256 };
    unsigned rounds = argc > 1 && !strcmp(argv[1], "--quick") ? 3 : 21;
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        for (size_t p = 0; p < G_N_ELEMENTS(pictures); p++) {
            g_autoptr(OrfImage) image = paint(pictures[p], ring, cases[i].ground);
            for (size_t s = 0; s < G_N_ELEMENTS(sides); s++) {
                g_autofree char *name =
                    g_strdup_printf("image/cutout-%s-at-%u", cases[i].name, sides[s]);
                OrfCutoutOptions options = { .force = cases[i].force, .work_side = sides[s] };
                bench(name, image, &options, rounds);
            }
        }
    }
    return 0;
}
