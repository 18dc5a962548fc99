/* boolean_test.c - bodies joined, cut and shared: volumes add up, results are closed.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "shapes_test.h"

static OrfMesh *
combine(OrfMesh *const *meshes, size_t n, OrfBooleanKind kind, OrfBooleanReport *report)
{
    g_autoptr(GError) error = NULL;
    OrfMesh *result = orf_mesh_boolean(NULL, meshes, n, kind, report, &error);
    g_assert_no_error(error);
    g_assert_nonnull(result);
    OrfMeasures m;
    g_assert_true(orf_mesh_measure(NULL, result, true, &m, NULL));
    if (m.triangles > 0) {
        g_assert_true(orf_measures_solid(&m));
        g_assert_cmpint(m.self_intersections, ==, 0);
        g_assert_cmpfloat_with_epsilon(m.volume, report->volume, 1e-5 * report->volume);
    }
    return result;
}

static double
volume_of(OrfMesh *a, OrfMesh *b, OrfBooleanKind kind)
{
    OrfBooleanReport report;
    OrfMesh *both[] = { a, b };
    g_autoptr(OrfMesh) result = combine(both, 2, kind, &report);
    return report.volume;
}

static OrfMesh *
cube_at(float side, float x, float y, float z)
{
    return shape_cube(side, (float[]){ x, y, z });
}

/* Turned and moved at random. */
static OrfMesh *
thrown(const OrfMesh *mesh, GRand *random)
{
    OrfMeshParts parts = { 0 };
    g_assert_true(orf_mesh_copy_parts(NULL, mesh, &parts, NULL));
    double q[4], length = 0, by[3];
    for (int k = 0; k < 4; k++) {
        q[k] = g_rand_double_range(random, -1, 1);
        length += q[k] * q[k];
    }
    for (int k = 0; k < 4; k++)
        q[k] /= sqrt(length);
    for (int k = 0; k < 3; k++)
        by[k] = g_rand_double_range(random, -6, 6);
    for (size_t v = 0; v < parts.n_vertices; v++) {
        float *p = parts.positions + 3 * v;
        double x = p[0], y = p[1], z = p[2], w = q[0], i = q[1], j = q[2], k = q[3];
        p[0] = (float)((1 - 2 * (j * j + k * k)) * x + 2 * (i * j - k * w) * y +
                       2 * (i * k + j * w) * z + by[0]);
        p[1] = (float)(2 * (i * j + k * w) * x + (1 - 2 * (i * i + k * k)) * y +
                       2 * (j * k - i * w) * z + by[1]);
        p[2] = (float)(2 * (i * k - j * w) * x + 2 * (j * k + i * w) * y +
                       (1 - 2 * (i * i + j * j)) * z + by[2]);
    }
    return orf_mesh_new_take(&parts, NULL);
}

static double
own_volume(const OrfMesh *mesh)
{
    OrfMeasures m;
    g_assert_true(orf_mesh_measure(NULL, mesh, false, &m, NULL));
    return m.volume;
}

/* --- Sentences ---------------------------------------------------------------------------- */

static void
cubes_have_the_volumes_of_the_book(void)
{
    static const struct {
        float side, at[3];
        double both, all, rest; /* intersection, union, 1st without 2nd; the first is 2^3 */
    } cases[] = {
        { 2, { 1, 1, 1 }, 1, 15, 7 },      /* a corner in a corner */
        { 2, { 1, 0, 0 }, 4, 12, 4 },      /* four faces in the same planes */
        { 2, { 2, 0, 0 }, 0, 16, 8 },      /* a face on a face */
        { 1, { 2, 0.5, 0.5 }, 0, 9, 8 },   /* a smaller face on it */
        { 2, { 2, 2, 0 }, 0, 16, 8 },      /* an edge on an edge */
        { 2, { 2, 2, 2 }, 0, 16, 8 },      /* a corner on a corner */
        { 2, { 0, 0, 0 }, 8, 8, 0 },       /* the same */
        { 1, { 0.5, 0.5, 0.5 }, 1, 8, 7 }, /* within */
        { 1, { 0, 0.5, 0.5 }, 1, 8, 7 },   /* within, a face in the same plane */
        { 1, { 0, 0, 0 }, 1, 8, 7 },       /* within, in a corner */
        { 2, { 5, 0, 0 }, 0, 16, 8 },      /* apart */
    };
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        const float *at = cases[i].at;
        g_autoptr(OrfMesh) a = cube_at(2, 0, 0, 0),
                           b = cube_at(cases[i].side, at[0], at[1], at[2]);
        g_assert_cmpfloat(volume_of(a, b, ORF_INTERSECTION), ==, cases[i].both);
        g_assert_cmpfloat(volume_of(a, b, ORF_UNION), ==, cases[i].all);
        g_assert_cmpfloat(volume_of(a, b, ORF_DIFFERENCE), ==, cases[i].rest);
    }
}

static void
volumes_add_up(void)
{
    g_autoptr(GRand) random = g_rand_new_with_seed(11);
    g_autoptr(OrfMesh) ring = shape_torus(8, 3, 24, 12, 0.2f);
    g_autoptr(OrfMesh) ball = shape_ball(7, 20, 14);
    g_autoptr(OrfMesh) cube = cube_at(9, -4, -4, -4);
    OrfMesh *const shapes[] = { ring, ball, cube };
    for (int i = 0; i < 24; i++) {
        g_autoptr(OrfMesh) a = thrown(shapes[i % 3], random);
        g_autoptr(OrfMesh) b = thrown(shapes[i / 3 % 3], random);
        double both = volume_of(a, b, ORF_INTERSECTION), own = own_volume(a),
               other = own_volume(b);
        g_assert_cmpfloat_with_epsilon(volume_of(a, b, ORF_UNION), own + other - both,
                                       1e-8 * (own + other));
        g_assert_cmpfloat_with_epsilon(volume_of(a, b, ORF_DIFFERENCE), own - both, 1e-8 * own);
        g_assert_cmpfloat_with_epsilon(volume_of(b, a, ORF_INTERSECTION), both, 1e-8 * own);
    }
}

static void
many_bodies_are_joined_at_once(void)
{
    g_autoptr(GRand) random = g_rand_new_with_seed(5);
    g_autoptr(OrfMesh) cube = cube_at(4, -2, -2, -2);
    g_autoptr(GPtrArray) all = g_ptr_array_new_with_free_func((GDestroyNotify)orf_mesh_unref);
    OrfBooleanReport report, again;
    for (int i = 0; i < 24; i++)
        g_ptr_array_add(all, thrown(cube, random));
    g_autoptr(OrfMesh) result = combine((OrfMesh **)all->pdata, all->len, ORF_UNION, &report);
    g_assert_cmpfloat(report.volume, <, 24 * 64);
    g_assert_cmpfloat(report.volume, >, 64);
    for (guint i = 0; i < all->len / 2; i++) { /* in another order */
        void *kept = all->pdata[i];
        all->pdata[i] = all->pdata[all->len - 1 - i];
        all->pdata[all->len - 1 - i] = kept;
    }
    g_autoptr(OrfMesh) other = combine((OrfMesh **)all->pdata, all->len, ORF_UNION, &again);
    g_assert_cmpfloat_with_epsilon(again.volume, report.volume, 1e-9 * report.volume);
}

static void
a_body_that_crosses_itself_is_resolved(void)
{
    g_autoptr(OrfMesh) a = cube_at(2, 0, 0, 0), b = cube_at(2, 1, 1, 1);
    OrfMesh *const both[] = { a, b };
    g_autoptr(OrfMesh) body = orf_mesh_join(NULL, both, 2, false, NULL);
    OrfMesh *const one[] = { body };
    OrfBooleanReport report;
    g_autoptr(OrfMesh) result = combine(one, 1, ORF_UNION, &report);
    g_assert_cmpfloat(report.volume, ==, 15);
}

static void
a_cavity_stays_empty(void)
{
    g_autoptr(OrfMesh) outer = cube_at(4, 0, 0, 0), inner = cube_at(2, 1, 1, 1);
    g_autoptr(OrfMesh) bar = cube_at(1, 3.5f, 1.5f, 1.5f);
    OrfMesh *const pair[] = { outer, inner };
    OrfBooleanReport report;
    g_autoptr(OrfMesh) hollow = combine(pair, 2, ORF_DIFFERENCE, &report);
    g_assert_cmpfloat(report.volume, ==, 56);
    g_assert_cmpfloat(volume_of(hollow, bar, ORF_UNION), ==, 56.5);
    g_assert_cmpfloat(volume_of(hollow, inner, ORF_INTERSECTION), ==, 0);
    g_assert_cmpfloat(volume_of(hollow, inner, ORF_UNION), ==, 64);
}

static void
vertices_that_stay_are_bit_equal(void)
{
    g_autoptr(OrfMesh) a = shape_ball(7.3f, 24, 16), b = cube_at(6, 1, 1, 1);
    OrfMesh *const both[] = { a, b };
    OrfBooleanReport report;
    g_autoptr(OrfMesh) result = combine(both, 2, ORF_UNION, &report);
    const float *p = orf_mesh_positions(result), *q = orf_mesh_positions(a);
    for (size_t v = 0; v < orf_mesh_n_vertices(a); v++, q += 3) {
        bool within = q[0] > 1 && q[1] > 1 && q[2] > 1, found = false;
        for (size_t i = 0; i < orf_mesh_n_vertices(result) && !found; i++)
            found = memcmp(p + 3 * i, q, 12) == 0;
        g_assert_true(found || within);
    }
}

static OrfMesh *
painted(const OrfMesh *mesh, uint8_t red)
{
    OrfMeshParts parts = { 0 };
    g_assert_true(orf_mesh_copy_parts(NULL, mesh, &parts, NULL));
    parts.colors = ORF_ALLOC(NULL, uint8_t, 4 * parts.n_vertices, "test", NULL);
    parts.uvs = ORF_ALLOC(NULL, float, 2 * parts.n_vertices, "test", NULL);
    parts.uv_triangles = ORF_ALLOC(NULL, uint32_t, 3 * parts.n_triangles, "test", NULL);
    parts.n_uvs = parts.n_vertices;
    memcpy(parts.uv_triangles, parts.triangles, 12 * parts.n_triangles);
    for (size_t v = 0; v < parts.n_vertices; v++) {
        memcpy(parts.colors + 4 * v, (uint8_t[]){ red, 0, 0, 255 }, 4);
        parts.uvs[2 * v] = parts.positions[3 * v]; /* (x, y) */
        parts.uvs[2 * v + 1] = parts.positions[3 * v + 1];
    }
    return orf_mesh_new_take(&parts, NULL);
}

static void
colours_uvs_and_groups_go_along(void)
{
    g_autoptr(OrfMesh) plain_a = cube_at(2, 0, 0, 0), plain_b = cube_at(2, 1, 1, 1);
    g_autoptr(OrfMesh) a = painted(plain_a, 10), b = painted(plain_b, 200);
    OrfMesh *const both[] = { a, b };
    OrfBooleanReport report;
    g_autoptr(OrfMesh) result = combine(both, 2, ORF_DIFFERENCE, &report);
    const uint32_t *t = orf_mesh_triangles(result), *u = orf_mesh_uv_triangles(result);
    bool from[2] = { false, false };
    g_assert_nonnull(u);
    for (size_t c = 0; c < 3 * orf_mesh_n_triangles(result); c++) {
        const float *p = orf_mesh_positions(result) + 3 * (size_t)t[c];
        const float *uv = orf_mesh_uvs(result) + 2 * (size_t)u[c];
        g_assert_cmpfloat_with_epsilon(p[0], uv[0], 1e-6);
        g_assert_cmpfloat_with_epsilon(p[1], uv[1], 1e-6);
        from[orf_mesh_groups(result)[c / 3]] = true;
    }
    g_assert_true(from[0] && from[1]);
    g_assert_nonnull(orf_mesh_colors(result));
}

static void
what_is_open_or_empty_is_refused(void)
{
    g_autoptr(OrfMesh) cube = cube_at(2, 0, 0, 0);
    g_autoptr(OrfMesh) open = shape_new(orf_mesh_positions(cube), 8, shape_cube_triangles, 11);
    g_autoptr(OrfMesh) empty = shape_new(NULL, 0, NULL, 0);
    OrfMesh *const bad[] = { open, empty };
    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
        OrfMesh *const both[] = { cube, bad[i] };
        g_autoptr(GError) error = NULL;
        g_assert_null(orf_mesh_boolean(NULL, both, 2, ORF_UNION, NULL, &error));
        g_assert_error(error, ORF_ERROR, ORF_ERROR_BAD_INPUT);
        g_assert_nonnull(strstr(error->message, "body 2"));
    }
}

static void
it_can_be_cancelled_and_has_a_budget(void)
{
    g_autoptr(OrfMesh) a = shape_ball(7, 64, 48), b = shape_ball(7, 60, 50);
    OrfMesh *const both[] = { a, b };
    g_autoptr(OrfTask) task = orf_task_new(NULL);
    g_autoptr(GError) error = NULL;
    orf_task_cancel(task);
    g_assert_null(orf_mesh_boolean(task, both, 2, ORF_UNION, NULL, &error));
    g_assert_error(error, ORF_ERROR, ORF_ERROR_CANCELLED);
    g_clear_error(&error);
    g_autoptr(OrfTask) small = orf_task_new(&(OrfTaskOptions){ .memory = 1 << 20 });
    g_assert_null(orf_mesh_boolean(small, both, 2, ORF_UNION, NULL, &error));
    g_assert_error(error, ORF_ERROR, ORF_ERROR_TOO_LARGE);
}

static void
any_scale_and_place_will_do(void)
{
    static const struct {
        float side, far;
    } cases[] = { { 1e-20f, 0 }, { 1e15f, 0 }, { 1, 1000 }, { 0.25f, 30000 } };
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        float s = cases[i].side, far = cases[i].far;
        g_autoptr(OrfMesh) a = cube_at(s, far, far, far),
                           b = cube_at(s, far + s / 2, far + s / 2, far + s / 2);
        OrfMesh *const both[] = { a, b };
        OrfBooleanReport report;
        g_autoptr(OrfMesh) result =
            orf_mesh_boolean(NULL, both, 2, ORF_INTERSECTION, &report, NULL);
        double cube = (double)s * (double)s * (double)s;
        g_assert_cmpfloat_with_epsilon(report.volume / cube, 0.125, 1e-6);
    }
}

int
main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*run)(void);
    } tests[] = {
        { "cubes-have-the-volumes-of-the-book", cubes_have_the_volumes_of_the_book },
        { "volumes-add-up", volumes_add_up },
        { "many-bodies-are-joined-at-once", many_bodies_are_joined_at_once },
        { "a-body-that-crosses-itself-is-resolved", a_body_that_crosses_itself_is_resolved },
        { "a-cavity-stays-empty", a_cavity_stays_empty },
        { "vertices-that-stay-are-bit-equal", vertices_that_stay_are_bit_equal },
        { "colours-uvs-and-groups-go-along", colours_uvs_and_groups_go_along },
        { "what-is-open-or-empty-is-refused", what_is_open_or_empty_is_refused },
        { "it-can-be-cancelled-and-has-a-budget", it_can_be_cancelled_and_has_a_budget },
        { "any-scale-and-place-will-do", any_scale_and_place_will_do },
    };
    g_test_init(&argc, &argv, NULL);
    for (size_t i = 0; i < G_N_ELEMENTS(tests); i++) {
        g_autofree char *path = g_strconcat("/mesh/boolean/", tests[i].name, NULL);
        g_test_add_func(path, tests[i].run);
    }
    return g_test_run();
}
