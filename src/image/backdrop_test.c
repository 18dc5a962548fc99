/* SPDX-License-Identifier: Apache-2.0 */
#include "image/cutout-priv.h"
#include "image/scenes_test.h"

enum { SIDE = 240 };

static void
tilted(double u, double v, double rgb[3])
{
    table_and_wall(0.5, v > 0.5 + 0.1 * u ? 0.7 : 0.2, rgb);
}

static void
work_of(Shape shape, void (*ground)(double u, double v, double rgb[3]), OrfCutoutWork *work)
{
    g_autoptr(OrfImage) image = paint(SIDE, shape, ground);
    g_assert_true(orf_work_init(NULL, image, SIDE, work, NULL));
}

static void
line_is_where_the_table_ends(void)
{
    static const struct {
        void (*ground)(double u, double v, double rgb[3]);
        double left, right; /* of the height */
    } cases[] = { { table_and_wall, 0.6, 0.6 }, { tilted, 0.5, 0.6 } };
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_auto(OrfCutoutWork) work = { 0 };
        g_auto(OrfBackdrop) back = { 0 };
        work_of(disc, cases[i].ground, &work);
        g_assert_true(orf_backdrop_init(NULL, &work, true, &back, NULL));
        g_assert_true(back.split);
        g_assert_cmpfloat_with_epsilon(back.line[0], cases[i].left * work.height, 2);
        g_assert_cmpfloat_with_epsilon(back.line[1], cases[i].right * work.height, 2);
        g_assert_cmpfloat(back.share, >, 0.97);
        g_assert_cmpuint(back.sides, ==, 4);
    }
}

static void
even_ground_has_no_line(void)
{
    g_auto(OrfCutoutWork) work = { 0 };
    g_auto(OrfBackdrop) back = { 0 };
    work_of(disc, even_ground, &work);
    g_assert_true(orf_backdrop_init(NULL, &work, true, &back, NULL));
    g_assert_false(back.split);
    g_assert_cmpfloat(back.share, >, 0.99);
}

static void
clutter_does_not_fit(void)
{
    g_auto(OrfCutoutWork) work = { 0 };
    g_auto(OrfBackdrop) back = { 0 };
    work_of(disc, checks, &work);
    g_assert_true(orf_backdrop_init(NULL, &work, true, &back, NULL));
    g_assert_cmpfloat(back.share, <, 0.5);
}

/* The colour behind the subject is that of the picture without it. */
static void
model_sees_through_the_subject(void)
{
    g_auto(OrfCutoutWork) with = { 0 }, without = { 0 };
    g_auto(OrfBackdrop) back = { 0 };
    work_of(disc, even_ground, &with);
    work_of(NULL, even_ground, &without);
    g_assert_true(orf_backdrop_init(NULL, &with, true, &back, NULL));
    double sum = 0;
    for (size_t i = 0; i < 3 * with.n; i++)
        sum += fabsf(back.colour[i] - without.lab[i]);
    g_assert_cmpfloat(sum / (double)(3 * with.n), <, 1); /* most of it grain */
    size_t known = orf_mask_count(back.known, back.known ? with.n : 0);
    g_assert_cmpfloat((double)known / (double)with.n, >, 0.6);
}

/* What no path from the frame reaches over even colours. */
static void
saliency_is_least_at_the_frame_and_most_in_the_subject(void)
{
    g_auto(OrfCutoutWork) work = { 0 };
    work_of(disc, even_ground, &work);
    orf_autofree float *saliency = ORF_ALLOC(NULL, float, work.n, "test", NULL);
    g_assert_true(orf_saliency(NULL, &work, saliency, NULL));
    float most = 0;
    for (unsigned x = 0; x < work.width; x++)
        g_assert_cmpfloat(saliency[x], <, 0.1);
    for (size_t i = 0; i < work.n; i++)
        most = MAX(most, saliency[i]);
    g_assert_cmpfloat(most, ==, 1);
    g_assert_cmpfloat(saliency[(size_t)(work.height * 0.55) * work.width + work.width / 2], >,
                      0.8);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/image/backdrop/line-is-where-the-table-ends",
                    line_is_where_the_table_ends);
    g_test_add_func("/image/backdrop/even-ground-has-no-line", even_ground_has_no_line);
    g_test_add_func("/image/backdrop/clutter-does-not-fit", clutter_does_not_fit);
    g_test_add_func("/image/backdrop/model-sees-through-the-subject",
                    model_sees_through_the_subject);
    g_test_add_func("/image/saliency/is-least-at-the-frame-and-most-in-the-subject",
                    saliency_is_least_at_the_frame_and_most_in_the_subject);
    return g_test_run();
}
