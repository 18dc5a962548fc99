/* shape_test.c - numbers of drawn outlines, and the thickness they lead to.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "generate/draw_test.h"

enum { W = 160, H = 160 };

static float
disc(float x, float y)
{
    return 70 - hypotf(x - 80, y - 80);
}

static float
ring(float x, float y)
{
    return MIN(disc(x, y), hypotf(x - 80, y - 80) - 30);
}

static float
box(float x, float y)
{
    return draw_box(x, y, 20, 30, 140, 150);
}

static float
sword(float x, float y)
{
    return MAX(draw_box(x, y, 76, 4, 84, 156), draw_box(x, y, 60, 120, 100, 126));
}

static float
animal(float x, float y)
{
    float legs = MAX(draw_box(x, y, 30, 90, 45, 140), draw_box(x, y, 100, 90, 112, 140));
    return MAX(MAX(draw_box(x, y, 25, 60, 120, 100), legs), 22 - hypotf(x - 130, y - 60));
}

/* As a ball lit from the left looks. */
static float
ball_light(float x, float y)
{
    float dx = (x - 80) / 70, dy = (y - 80) / 70, z2 = 1 - dx * dx - dy * dy;
    return 0.25f + 0.65f * MAX(0, 0.8f * sqrtf(MAX(z2, 0)) - 0.5f * dx);
}

static float
bordered(float x, float y)
{
    return disc(x, y) < 10 ? 0.9f : 0.3f;
}

static OrfSubjectShape
measure(DrawFn shape, PaintFn paint)
{
    g_autoptr(OrfImage) alpha = draw_alpha(W, H, shape);
    g_autoptr(OrfImage) rgba = draw_rgba(W, H, shape, paint);
    OrfSubjectShape result = { 0 };
    g_assert_true(orf_shape_init(NULL, rgba, alpha, &result, NULL));
    return result;
}

static OrfThickness
guess(DrawFn shape, PaintFn paint)
{
    OrfSubjectShape measured = measure(shape, paint);
    OrfThickness thickness;
    orf_thickness_guess(&measured, &thickness);
    return thickness;
}

static void
disc_is_compact_and_mirrored(void)
{
    OrfSubjectShape s = measure(disc, draw_flat);
    g_assert_cmpfloat(fabs(s.aspect - 1), <, 0.01);
    g_assert_cmpfloat(fabs(s.area - G_PI / 4), <, 0.02);
    g_assert_cmpfloat(s.solidity, >, 0.98);
    g_assert_cmpfloat(s.elongation, <, 1.02);
    g_assert_cmpfloat(s.mirror, >, 0.99);
    g_assert_cmpfloat(s.lathe, >, 0.99);
    g_assert_cmpfloat(s.girth, >, 0.97);
    g_assert_cmpfloat(fabs(s.axis - 0.5), <, 0.01);
    g_assert_cmpuint(s.holes, ==, 0);
}

static void
holes_are_counted(void)
{
    g_assert_cmpuint(measure(ring, draw_flat).holes, ==, 1);
}

static void
box_is_straight_and_level(void)
{
    OrfSubjectShape s = measure(box, draw_flat);
    g_assert_cmpfloat(s.straight, >, 0.85);
    g_assert_cmpfloat(s.level, >, 0.85);
    g_assert_cmpfloat(measure(animal, draw_flat).mirror, <, 0.8);
}

static void
shading_is_seen_and_flat_paint_is_not(void)
{
    g_assert_cmpfloat(measure(disc, ball_light).shade, >, 0.2);
    g_assert_cmpfloat(measure(disc, draw_flat).shade, <, 0.01);
}

static void
a_border_along_the_rim_is_seen(void)
{
    g_assert_cmpfloat(measure(disc, bordered).ring, >, 15);
    g_assert_cmpfloat(measure(disc, ball_light).ring, <, 6);
}

static void
size_of_the_picture_does_not_matter(void)
{
    OrfSubjectShape s = measure(animal, draw_flat);
    g_autoptr(OrfImage) alpha = draw_alpha(W, H, animal);
    g_autoptr(OrfImage) rgba = draw_rgba(W, H, animal, draw_flat);
    g_autoptr(OrfImage) alpha2 = orf_image_resize(NULL, alpha, 2 * W, 2 * H, NULL);
    g_autoptr(OrfImage) rgba2 = orf_image_resize(NULL, rgba, 2 * W, 2 * H, NULL);
    OrfSubjectShape t;
    g_assert_true(orf_shape_init(NULL, rgba2, alpha2, &t, NULL));
    g_assert_cmpfloat(fabs(s.lathe - t.lathe), <, 0.02);
    g_assert_cmpfloat(fabs(s.solidity - t.solidity), <, 0.02);
    g_assert_cmpfloat(fabs(s.elongation - t.elongation), <, 0.03);
}

static float
nothing(float x, float y)
{
    (void)x, (void)y;
    return -1;
}

static void
empty_mask_gives_zeros(void)
{
    OrfSubjectShape s = measure(nothing, draw_flat);
    g_assert_cmpfloat(s.area, ==, 0);
    OrfThickness t;
    orf_thickness_guess(&s, &t);
    g_assert_true(isfinite(t.depth) && isfinite(t.power) && t.depth > 0 && t.power > 0);
}

static void
ball_is_as_deep_as_wide(void)
{
    OrfThickness t = guess(disc, ball_light);
    g_assert_cmpfloat(t.depth, >, 0.85);
    g_assert_cmpfloat(t.power, >, 0.6);
    g_assert_cmpfloat(t.rows, >, 0.9);
}

static void
what_cannot_be_told_apart_is_equally_deep(void)
{
    float side = guess(animal, draw_flat).depth;
    g_assert_cmpfloat(guess(sword, draw_flat).depth, ==, side);
    g_assert_cmpfloat(side, <, guess(disc, ball_light).depth - 0.1f);
}

static void
plate_is_thin_and_a_box_has_a_flatter_face_than_a_ball(void)
{
    g_assert_cmpfloat(guess(disc, bordered).depth, <, 0.2);
    g_assert_cmpfloat(guess(box, draw_flat).power, <, guess(disc, ball_light).power - 0.3f);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/generate/shape/disc-is-compact-and-mirrored",
                    disc_is_compact_and_mirrored);
    g_test_add_func("/generate/shape/holes-are-counted", holes_are_counted);
    g_test_add_func("/generate/shape/box-is-straight-and-level", box_is_straight_and_level);
    g_test_add_func("/generate/shape/shading-is-seen-and-flat-paint-is-not",
                    shading_is_seen_and_flat_paint_is_not);
    g_test_add_func("/generate/shape/a-border-along-the-rim-is-seen",
                    a_border_along_the_rim_is_seen);
    g_test_add_func("/generate/shape/size-of-the-picture-does-not-matter",
                    size_of_the_picture_does_not_matter);
    g_test_add_func("/generate/shape/empty-mask-gives-zeros", empty_mask_gives_zeros);
    g_test_add_func("/generate/thickness/ball-is-as-deep-as-wide", ball_is_as_deep_as_wide);
    g_test_add_func("/generate/thickness/what-cannot-be-told-apart-is-equally-deep",
                    what_cannot_be_told_apart_is_equally_deep);
    g_test_add_func(
        "/generate/thickness/plate-is-thin-and-a-box-has-a-flatter-face-than-a-ball",
        plate_is_thin_and_a_box_has_a_flatter_face_than_a_ball);
    return g_test_run();
}
