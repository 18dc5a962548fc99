/* sheets_test.c - round bodies over drawn outlines: closed, of the right volume, on the
 * outline.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "generate/draw_test.h"

static float
disc(float x, float y)
{
    return 60.3f - hypotf(x - 70.2f, y - 69.6f);
}

static float
column(float x, float y)
{
    return draw_box(x, y, 30.4f, 10, 90.4f, 130);
}

static float
rings(float x, float y)
{
    float a = 30 - hypotf(x - 40, y - 70), b = 25 - hypotf(x - 105, y - 70);
    return MAX(MIN(a, -(14 - hypotf(x - 40, y - 70))), b);
}

static void
heights(float x, float y, float *ret_front, float *ret_back, void *data)
{
    *ret_front = orf_round_height(data, x, y);
    *ret_back = -*ret_front;
}

static OrfMesh *
body(DrawFn shape, OrfThickness thickness, OrfMeasures *ret_measures)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(OrfImage) alpha = draw_alpha(140, 140, shape);
    g_auto(OrfRound) round = { 0 };
    g_assert_true(orf_round_init(NULL, alpha, &thickness, &round, &error));
    OrfSheetOptions options = { .rim = 0.4f, .heights = heights, .data = &round };
    OrfMesh *mesh = orf_sheets_mesh(NULL, alpha, &options, &error);
    g_assert_no_error(error);
    g_assert_true(orf_mesh_measure(NULL, mesh, false, ret_measures, NULL));
    g_assert_true(orf_measures_solid(ret_measures));
    return mesh;
}

static void
disc_becomes_a_ball(void)
{
    OrfMeasures m;
    g_autoptr(OrfMesh) mesh = body(disc, (OrfThickness){ .depth = 1, .power = 1 }, &m);
    double truth = 4.0 / 3 * G_PI * pow(60.3, 3);
    g_assert_cmpfloat(fabs(m.volume / truth - 1), <, 0.02);
    g_assert_cmpfloat(fabs((double)(m.high[2] - m.low[2]) - 120.6), <, 1.5);
    g_assert_cmpfloat(fabs((double)(m.high[0] - m.low[0]) - 120.6), <, 0.5);
    g_assert_cmpint(m.euler, ==, 2);
}

static void
column_turns_into_a_cylinder(void)
{
    OrfMeasures m;
    g_autoptr(OrfMesh) mesh =
        body(column, (OrfThickness){ .depth = 1, .power = 1, .rows = 1 }, &m);
    g_assert_cmpfloat(fabs(m.volume / (G_PI * 900 * 120) - 1), <, 0.03);
}

static void
low_power_makes_a_slab(void)
{
    OrfMeasures m;
    g_autoptr(OrfMesh) mesh = body(column, (OrfThickness){ .depth = 0.5f, .power = 0.05f }, &m);
    double box = 60.0 * 120 * (double)(m.high[2] - m.low[2]);
    g_assert_cmpfloat(m.volume / box, >, 0.9);
}

static void
islands_and_holes_stay(void)
{
    OrfMeasures m;
    g_autoptr(OrfMesh) mesh = body(rings, (OrfThickness){ .depth = 1, .power = 1 }, &m);
    g_assert_cmpuint(m.shells, ==, 2);
    g_assert_cmpint(m.euler, ==, 2 + 0); /* a ball and a torus */
}

static void
rim_is_never_thinner_than_asked(void)
{
    g_autoptr(OrfImage) alpha = draw_alpha(140, 140, disc);
    OrfThickness flat = { .depth = 0.001f, .power = 1 };
    g_auto(OrfRound) round = { 0 };
    g_assert_true(orf_round_init(NULL, alpha, &flat, &round, NULL));
    OrfSheetOptions options = { .rim = 3, .heights = heights, .data = &round };
    g_autoptr(OrfMesh) mesh = orf_sheets_mesh(NULL, alpha, &options, NULL);
    g_assert_nonnull(mesh);
    const float *p = orf_mesh_positions(mesh);
    for (size_t i = 0; i < orf_mesh_n_vertices(mesh); i++)
        if (hypotf(p[3 * i] - 70.2f, p[3 * i + 1] + 69.6f) > 60)
            g_assert_cmpfloat(fabsf(p[3 * i + 2]), >=, 2.99f);
}

static float
hair_and_box(float x, float y)
{
    return MAX(draw_box(x, y, 20, 60, 80, 120), draw_box(x, y, 49.2f, 10, 50.6f, 70));
}

/* Width of the alpha along a row. */
static float
row_width(const OrfImage *alpha, unsigned y)
{
    float sum = 0;
    for (unsigned x = 0; x < orf_image_width(alpha); x++)
        sum += orf_image_f32(alpha)[y * orf_image_width(alpha) + x];
    return sum;
}

static void
hairs_become_as_wide_as_a_wall_and_corners_stay(void)
{
    g_autoptr(OrfImage) alpha = draw_alpha(100, 140, hair_and_box);
    g_autoptr(OrfImage) thick = orf_thicken(NULL, alpha, 3, NULL);
    g_assert_cmpfloat(row_width(alpha, 30), <, 2);
    g_assert_cmpfloat(row_width(thick, 30), >, 5.5f);
    g_assert_cmpfloat(row_width(thick, 30), <, 8);
    for (unsigned y = 62; y < 121; y++)
        g_assert_cmpfloat(fabsf(row_width(thick, y) - row_width(alpha, y)), <, 0.01f);
    g_autoptr(OrfImage) box_only = draw_alpha(140, 140, column);
    g_autoptr(OrfImage) same = orf_thicken(NULL, box_only, 3, NULL);
    g_assert_true(same == box_only);
}

static void
empty_mask_is_refused(void)
{
    g_autoptr(GError) error = NULL;
    float *pixels = ORF_ALLOC(NULL, float, 100, "test", NULL);
    g_autoptr(OrfImage) alpha = orf_image_new_take(10, 10, 1, ORF_F32, pixels);
    OrfSheetOptions options = { .heights = heights };
    g_assert_null(orf_sheets_mesh(NULL, alpha, &options, &error));
    g_assert_error(error, ORF_ERROR, ORF_ERROR_BAD_INPUT);
}

/* Whatever the mask, the result is closed and manifold. */
static void
any_mask_gives_a_closed_manifold(void)
{
    GRand *random = g_rand_new_with_seed(11);
    for (int round_number = 0; round_number < 40; round_number++) {
        unsigned w = (unsigned)g_rand_int_range(random, 8, 70);
        unsigned h = (unsigned)g_rand_int_range(random, 8, 70);
        float *pixels = ORF_ALLOC(NULL, float, ((size_t)w * h), "test", NULL);
        for (size_t i = 0; i < (size_t)w * h; i++)
            pixels[i] = (float)g_rand_double(random);
        g_autoptr(OrfImage) noise = orf_image_new_take(w, h, 1, ORF_F32, pixels);
        g_autoptr(OrfImage) alpha = orf_image_blur(NULL, noise, round_number % 4 * 0.5, NULL);
        OrfThickness thickness = { .depth = 1, .power = 0.6f, .rows = 0.5f };
        g_auto(OrfRound) round = { 0 };
        g_assert_true(orf_round_init(NULL, alpha, &thickness, &round, NULL));
        OrfSheetOptions options = { .rim = 0.3f, .heights = heights, .data = &round };
        g_autoptr(GError) error = NULL;
        g_autoptr(OrfMesh) mesh = orf_sheets_mesh(NULL, alpha, &options, &error);
        if (!mesh) {
            g_assert_error(error, ORF_ERROR, ORF_ERROR_BAD_INPUT);
            continue;
        }
        OrfMeasures m;
        g_assert_true(orf_mesh_measure(NULL, mesh, false, &m, NULL));
        g_assert_true(m.closed && m.manifold && m.oriented && m.volume > 0);
    }
    g_rand_free(random);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/generate/sheets/disc-becomes-a-ball", disc_becomes_a_ball);
    g_test_add_func("/generate/sheets/column-turns-into-a-cylinder",
                    column_turns_into_a_cylinder);
    g_test_add_func("/generate/sheets/low-power-makes-a-slab", low_power_makes_a_slab);
    g_test_add_func("/generate/sheets/islands-and-holes-stay", islands_and_holes_stay);
    g_test_add_func("/generate/sheets/rim-is-never-thinner-than-asked",
                    rim_is_never_thinner_than_asked);
    g_test_add_func("/generate/thicken/hairs-become-as-wide-as-a-wall-and-corners-stay",
                    hairs_become_as_wide_as_a_wall_and_corners_stay);
    g_test_add_func("/generate/sheets/empty-mask-is-refused", empty_mask_is_refused);
    g_test_add_func("/generate/sheets/any-mask-gives-a-closed-manifold",
                    any_mask_gives_a_closed_manifold);
    return g_test_run();
}
