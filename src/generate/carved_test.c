/* carved_test.c - what is dropped on the way from a field to a body.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "generate/carved.h"

#include <math.h>

enum { N = 40 };

static float
ball(float x, float y, float z, float cx, float radius)
{
    return radius - sqrtf((x - cx) * (x - cx) + (y - 20) * (y - 20) + (z - 20) * (z - 20));
}

/* A hollow ball and a small one beside it. */
static void
fill(float *values)
{
    for (int z = 0; z < N; z++)
        for (int y = 0; y < N; y++)
            for (int x = 0; x < N; x++) {
                float fx = (float)x, fy = (float)y, fz = (float)z;
                float hollow = MIN(ball(fx, fy, fz, 15, 12), -ball(fx, fy, fz, 15, 5));
                values[(z * N + y) * N + x] = MAX(hollow, ball(fx, fy, fz, 34, 2.2f));
            }
}

static OrfMeasures
measures(const OrfCarved *options)
{
    static float values[N * N * N];
    g_autoptr(GError) error = NULL;
    OrfMeasures m;
    fill(values);
    OrfField field = { values, N, N, N, { 0, 0, 0 }, 1 };
    g_autoptr(OrfMesh) mesh = orf_carved_mesh(NULL, &field, options, &error);
    g_assert_no_error(error);
    g_assert_true(orf_mesh_measure(NULL, mesh, false, &m, NULL));
    g_assert_true(orf_measures_solid(&m));
    return m;
}

static void
cavities_go_and_crumbs_when_asked(void)
{
    OrfMeasures kept = measures(&(OrfCarved){ .crumb = 1e-4f });
    g_assert_cmpuint(kept.shells, ==, 2);
    g_assert_cmpfloat(kept.volume, >, 4.0 / 3 * G_PI * 1728 * 0.97);
    OrfMeasures one = measures(&(OrfCarved){ .crumb = 0.05f, .rounds = 3 });
    g_assert_cmpuint(one.shells, ==, 1);
}

static void
stretch(float *positions, size_t n, void *data)
{
    for (size_t i = 0; i < n; i++)
        positions[3 * i] *= *(float *)data;
}

static void
vertices_go_where_the_warp_says(void)
{
    float factor = 3;
    OrfMeasures plain = measures(&(OrfCarved){ .crumb = 0.05f });
    OrfMeasures wide =
        measures(&(OrfCarved){ .crumb = 0.05f, .warp = stretch, .data = &factor });
    g_assert_cmpfloat_with_epsilon(wide.volume / plain.volume, 3, 0.01);
}

/* The far half is pushed into the near one. */
static void
fold(float *positions, size_t n, void *data)
{
    (void)data;
    for (size_t i = 0; i < n; i++) {
        float *x = &positions[3 * i], *y = &positions[3 * i + 1];
        if (*x > 18) {
            *y += 0.3f * (*x - 18);
            *x = 18 - 0.6f * (*x - 18);
        }
    }
}

static void
folded_bodies_are_mended(void)
{
    static float values[N * N * N];
    fill(values);
    OrfField field = { values, N, N, N, { 0, 0, 0 }, 1 };
    OrfCarved how = { .crumb = 0.05f, .rounds = 3, .triangles = 4000, .warp = fold };
    g_autoptr(GError) error = NULL;
    g_autoptr(OrfMesh) mesh = orf_carved_mesh(NULL, &field, &how, &error);
    g_assert_no_error(error);
    OrfMeasures m;
    g_assert_true(orf_mesh_measure(NULL, mesh, true, &m, NULL));
    g_assert_true(orf_measures_solid(&m));
    g_assert_cmpint(m.self_intersections, ==, 0);
    g_assert_cmpfloat(m.volume, >, 2000);
}

static void
empty_field_is_refused(void)
{
    float values[8] = { -1, -1, -1, -1, -1, -1, -1, -1 };
    g_autoptr(GError) error = NULL;
    OrfField field = { values, 2, 2, 2, { 0, 0, 0 }, 1 };
    g_assert_null(orf_carved_mesh(NULL, &field, &(OrfCarved){ 0 }, &error));
    g_assert_error(error, ORF_ERROR, ORF_ERROR_BAD_INPUT);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/generate/carved/cavities-go-and-crumbs-when-asked",
                    cavities_go_and_crumbs_when_asked);
    g_test_add_func("/generate/carved/vertices-go-where-the-warp-says",
                    vertices_go_where_the_warp_says);
    g_test_add_func("/generate/carved/folded-bodies-are-mended", folded_bodies_are_mended);
    g_test_add_func("/generate/carved/empty-field-is-refused", empty_field_is_refused);
    return g_test_run();
}
