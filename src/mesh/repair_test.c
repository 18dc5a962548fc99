/* repair_test.c - defects made on purpose, and what must come back.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "shapes_test.h"

#define BALL 25.0 /* mm */

static OrfMesh *
ball(void)
{
    return shape_ball((float)BALL, 64, 48);
}

static OrfMesh *
mend(OrfMesh *mesh, OrfRepairReport *report)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(OrfTask) task = orf_task_new(&(OrfTaskOptions){ .cores = 2 });
    OrfMesh *result = orf_mesh_repair(task, mesh, &(OrfRepair){ .cells = 120 }, report, &error);
    g_assert_no_error(error);
    g_assert_nonnull(result);
    g_assert_true(orf_measures_solid(&report->after));
    g_assert_cmpint(report->after.self_intersections, ==, 0);
    return result;
}

static OrfMesh *
joined(OrfMesh *a, OrfMesh *b)
{
    OrfMesh *both[] = { a, b };
    return orf_mesh_join(NULL, both, 2, false, NULL);
}

static OrfMesh *
scaled(const OrfMesh *mesh, float scale, bool turned)
{
    OrfMeshParts parts = { 0 };
    g_assert_true(orf_mesh_copy_parts(NULL, mesh, &parts, NULL));
    for (size_t i = 0; i < 3 * parts.n_vertices; i++)
        parts.positions[i] *= scale;
    for (size_t t = 0; turned && t < parts.n_triangles; t++) {
        uint32_t kept = parts.triangles[3 * t];
        parts.triangles[3 * t] = parts.triangles[3 * t + 1];
        parts.triangles[3 * t + 1] = kept;
    }
    return orf_mesh_new_take(&parts, NULL);
}

/* Without the triangles that `drop` names, those that `turn` names turned over. */
static OrfMesh *
damaged(const OrfMesh *mesh, bool (*drop)(size_t t), bool (*turn)(size_t t))
{
    OrfMeshParts parts = { 0 };
    g_assert_true(orf_mesh_copy_parts(NULL, mesh, &parts, NULL));
    size_t kept = 0;
    for (size_t t = 0; t < parts.n_triangles; t++) {
        uint32_t *from = parts.triangles + 3 * t;
        uint32_t triangle[3] = { from[0], from[1], from[2] };
        if (drop && drop(t))
            continue;
        if (turn && turn(t)) {
            triangle[0] = from[1];
            triangle[1] = from[0];
        }
        memcpy(parts.triangles + 3 * kept++, triangle, sizeof triangle);
    }
    parts.n_triangles = kept;
    return orf_mesh_new_take(&parts, NULL);
}

static bool
every_ninth(size_t t)
{
    return t % 9 == 4;
}

static bool
every_third(size_t t)
{
    return t % 3 == 1;
}

static bool
pin_holes(size_t t)
{
    return t % 700 == 350;
}

static double
volume_of(const OrfMesh *mesh)
{
    OrfMeasures m;
    g_assert_true(orf_mesh_measure(NULL, mesh, false, &m, NULL));
    return m.volume;
}

/* Every vertex of `part` is one of `whole`, bit by bit. */
static void
assert_vertices_kept(const OrfMesh *part, const OrfMesh *whole)
{
    g_autoptr(GHashTable) known = g_hash_table_new(g_bytes_hash, g_bytes_equal);
    g_autoptr(GPtrArray) keys = g_ptr_array_new_with_free_func((GDestroyNotify)g_bytes_unref);
    for (size_t v = 0; v < orf_mesh_n_vertices(whole); v++) {
        GBytes *key = g_bytes_new(orf_mesh_positions(whole) + 3 * v, 12);
        g_ptr_array_add(keys, key);
        g_hash_table_add(known, key);
    }
    for (size_t v = 0; v < orf_mesh_n_vertices(part); v++) {
        g_autoptr(GBytes) key = g_bytes_new(orf_mesh_positions(part) + 3 * v, 12);
        g_assert_true(g_hash_table_contains(known, key));
    }
}

/* --- Sound -------------------------------------------------------------------------------- */

static void
sound_mesh_comes_back(void)
{
    g_autoptr(OrfMesh) whole = ball();
    g_autoptr(OrfMesh) torus = shape_torus(20, 6, 40, 20, 0.2f);
    g_autoptr(OrfMesh) cube = shape_cube(10, (float[3]){ 60, 0, 0 });
    g_autoptr(OrfMesh) apart = joined(torus, cube);
    OrfMesh *meshes[] = { whole, torus, cube, apart };
    for (size_t i = 0; i < G_N_ELEMENTS(meshes); i++) {
        OrfRepairReport report;
        g_autoptr(OrfMesh) result = mend(meshes[i], &report);
        g_assert_true(result == meshes[i]);
        g_assert_cmpint(report.way, ==, ORF_REPAIR_NOTHING);
    }
}

static void
cavity_stays(void)
{
    g_autoptr(OrfMesh) outer = ball();
    g_autoptr(OrfMesh) inner = scaled(outer, 0.5f, true);
    g_autoptr(OrfMesh) hollow = joined(outer, inner);
    OrfRepairReport report;
    g_autoptr(OrfMesh) result = mend(hollow, &report);
    g_assert_true(result == hollow);
}

/* --- Defects ------------------------------------------------------------------------------ */

static void
lining_is_filled(void)
{
    g_autoptr(OrfMesh) outer = ball();
    g_autoptr(OrfMesh) inner = scaled(outer, 0.97f, false); /* a second skin, also outwards */
    g_autoptr(OrfMesh) skins = joined(outer, inner);
    OrfRepairReport report;
    g_autoptr(OrfMesh) result = mend(skins, &report);
    g_assert_cmpuint(report.after.shells, ==, 1);
    g_assert_cmpfloat_with_epsilon(report.after.volume, volume_of(outer),
                                   0.01 * volume_of(outer));
    assert_vertices_kept(result, outer);
}

static void
hidden_room_is_named_and_filled(void)
{
    g_autoptr(OrfMesh) outer = ball();
    g_autoptr(OrfMesh) inner = scaled(outer, 0.97f, true);
    g_autoptr(OrfMesh) skins = joined(outer, inner);
    g_autoptr(OrfMesh) holed = damaged(skins, pin_holes, NULL);
    OrfRepairReport report;
    g_autoptr(OrfMesh) result = mend(holed, &report);
    g_assert_cmpfloat(report.hidden, >, 0.8);
    g_assert_cmpfloat_with_epsilon(report.after.volume, volume_of(outer),
                                   0.02 * volume_of(outer));
}

static void
turned_triangles_are_turned_back(void)
{
    g_autoptr(OrfMesh) whole = ball();
    g_autoptr(OrfMesh) mixed = damaged(whole, NULL, every_third);
    OrfRepairReport report;
    g_autoptr(OrfMesh) result = mend(mixed, &report);
    g_assert_cmpint(report.way, ==, ORF_REPAIR_FULL);
    g_assert_cmpuint(report.turned, >, 0);
    g_assert_cmpuint(report.after.triangles, ==, orf_mesh_n_triangles(whole));
    g_assert_cmpfloat_with_epsilon(report.after.volume, volume_of(whole), 1);
    assert_vertices_kept(result, whole);
}

static void
inside_out_is_turned(void)
{
    g_autoptr(OrfMesh) whole = ball();
    g_autoptr(OrfMesh) inverted = scaled(whole, 1, true);
    OrfRepairReport report;
    g_autoptr(OrfMesh) result = mend(inverted, &report);
    g_assert_cmpfloat_with_epsilon(report.after.volume, volume_of(whole), 1);
    assert_vertices_kept(result, whole);
}

static void
holes_are_closed(void)
{
    g_autoptr(OrfMesh) whole = ball();
    g_autoptr(OrfMesh) holed = damaged(whole, every_ninth, NULL);
    OrfRepairReport report;
    g_autoptr(OrfMesh) result = mend(holed, &report);
    g_assert_cmpuint(report.holes, >, 100);
    g_assert_cmpfloat_with_epsilon(report.after.volume, volume_of(whole),
                                   0.01 * volume_of(whole));
    assert_vertices_kept(result, whole);
}

static void
overlapping_bodies_become_one(void)
{
    g_autoptr(OrfMesh) a = shape_cube(20, (float[3]){ 0, 0, 0 });
    g_autoptr(OrfMesh) b = shape_cube(20, (float[3]){ 11.3f, 7.7f, 5.1f });
    g_autoptr(OrfMesh) both = joined(a, b);
    OrfRepairReport report;
    g_autoptr(OrfMesh) result = mend(both, &report);
    double shared = (20 - 11.3) * (20 - 7.7) * (20 - 5.1), sum = 2 * 8000 - shared;
    g_assert_cmpuint(report.after.shells, ==, 1);
    g_assert_cmpfloat_with_epsilon(report.after.volume, sum, 0.01 * sum);
}

static void
dust_goes(void)
{
    g_autoptr(OrfMesh) whole = ball();
    g_autoptr(OrfMesh) crumb = shape_cube(0.4f, (float[3]){ 30, 0, 0 });
    g_autoptr(OrfMesh) both = joined(whole, crumb);
    OrfRepairReport report;
    g_autoptr(OrfMesh) result = mend(both, &report);
    g_assert_cmpuint(report.crumbs, ==, 1);
    g_assert_cmpuint(report.after.shells, ==, 1);
    g_assert_cmpuint(report.after.triangles, ==, orf_mesh_n_triangles(whole));
}

static void
doubled_triangles_go(void)
{
    g_autoptr(OrfMesh) whole = ball();
    g_autoptr(OrfMesh) twice = joined(whole, whole);
    OrfRepairReport report;
    g_autoptr(OrfMesh) result = mend(twice, &report);
    g_assert_cmpuint(report.duplicate, ==, orf_mesh_n_triangles(whole));
    g_assert_cmpint(report.way, ==, ORF_REPAIR_SAFE);
    assert_vertices_kept(result, whole);
}

static void
a_cup_stays_open(void)
{
    g_autoptr(OrfMesh) outer = ball();
    g_autoptr(OrfMesh) inner = scaled(outer, 0.8f, true);
    g_autoptr(OrfMesh) skins = joined(outer, inner);
    OrfMeshParts parts = { 0 };
    g_assert_true(orf_mesh_copy_parts(NULL, skins, &parts, NULL));
    for (size_t v = 0; v < parts.n_vertices; v++) /* the upper half folds down to a rim */
        if (parts.positions[3 * v + 1] > 5)
            parts.positions[3 * v + 1] = 5;
    g_autoptr(OrfMesh) cup = orf_mesh_new_take(&parts, NULL);
    OrfRepairReport report;
    g_autoptr(OrfMesh) result = mend(cup, &report);
    g_assert_cmpfloat(report.hidden, <, 0.02);
}

/* Two skins without what lies below -18 mm: a bust as networks make them. */
static OrfMesh *
bust(void)
{
    g_autoptr(OrfMesh) outer = ball();
    g_autoptr(OrfMesh) inner = scaled(outer, 0.97f, true);
    g_autoptr(OrfMesh) skins = joined(outer, inner);
    OrfMeshParts parts = { 0 };
    g_assert_true(orf_mesh_copy_parts(NULL, skins, &parts, NULL));
    size_t kept = 0;
    for (size_t t = 0; t < parts.n_triangles; t++) {
        const uint32_t *corner = parts.triangles + 3 * t;
        bool above = true;
        for (int c = 0; c < 3; c++)
            above = above && parts.positions[3 * corner[c] + 1] > -18;
        if (above)
            memmove(parts.triangles + 3 * kept++, corner, 12);
    }
    parts.n_triangles = kept;
    return orf_mesh_new_take(&parts, NULL);
}

static void
open_bottom_is_closed(void)
{
    g_autoptr(OrfMesh) open = bust();
    OrfRepairReport report;
    g_autoptr(OrfMesh) result = mend(open, &report);
    double height = 25 + 17.3, cap = G_PI * height * height * (25 - height / 3);
    g_assert_true(report.bottom);
    g_assert_cmpfloat_with_epsilon(report.after.volume, cap, 0.03 * cap);
}

static void
remesh_keeps_the_shape(void)
{
    g_autoptr(OrfMesh) torus = shape_torus(20, 6, 80, 40, 0.1f);
    g_autoptr(GError) error = NULL;
    OrfRepairReport report;
    g_autoptr(OrfMesh) result = orf_mesh_repair(
        NULL, torus, &(OrfRepair){ .level = ORF_REPAIR_REMESH, .cells = 160 }, &report, &error);
    g_assert_no_error(error);
    g_assert_true(orf_measures_solid(&report.after));
    g_assert_cmpint(report.after.self_intersections, ==, 0);
    g_assert_cmpint(report.after.euler, ==, 0);
    g_assert_cmpfloat_with_epsilon(report.after.volume, volume_of(torus),
                                   0.005 * volume_of(torus));
}

/* --- Wishes ------------------------------------------------------------------------------- */

static OrfMesh *
mend_so(OrfMesh *mesh, const OrfRepair *how, OrfRepairReport *report)
{
    g_autoptr(GError) error = NULL;
    OrfMesh *result = orf_mesh_repair(NULL, mesh, how, report, &error);
    g_assert_no_error(error);
    return result;
}

static void
no_level_goes_further_than_wished(void)
{
    g_autoptr(OrfMesh) a = shape_cube(20, (float[3]){ 0, 0, 0 });
    g_autoptr(OrfMesh) b = shape_cube(20, (float[3]){ 11.3f, 7.7f, 5.1f });
    g_autoptr(OrfMesh) both = joined(a, b); /* a solid takes a new surface, or cutting */
    OrfRepairReport report;
    g_autoptr(OrfMesh) safe =
        mend_so(both, &(OrfRepair){ .level = ORF_REPAIR_SAFE, .cells = 80 }, &report);
    g_assert_cmpint(report.way, ==, ORF_REPAIR_NOTHING);
    g_assert_true(safe == both);
    g_autoptr(OrfMesh) full =
        mend_so(both, &(OrfRepair){ .level = ORF_REPAIR_FULL, .cells = 80 }, &report);
    g_assert_cmpint(report.way, ==, ORF_REPAIR_FULL);
    assert_vertices_kept(full, both);
}

static void
open_stays_open_when_wished(void)
{
    g_autoptr(OrfMesh) whole = ball();
    g_autoptr(OrfMesh) holed = damaged(whole, pin_holes, NULL);
    g_autoptr(OrfMesh) twice = joined(holed, holed);
    OrfRepairReport report;
    OrfRepair keep = { .keep_open = true, .cells = 80 };
    g_autoptr(OrfMesh) same = mend_so(holed, &keep, &report);
    g_assert_true(same == holed);
    g_autoptr(OrfMesh) once = mend_so(twice, &keep, &report);
    g_assert_cmpuint(orf_mesh_n_triangles(once), ==, orf_mesh_n_triangles(holed));
    g_assert_cmpuint(report.after.boundary_edges, ==, report.before.boundary_edges / 2);
    keep.level = ORF_REPAIR_REMESH;
    g_autoptr(GError) error = NULL;
    g_assert_null(orf_mesh_repair(NULL, holed, &keep, NULL, &error));
    g_assert_error(error, ORF_ERROR, ORF_ERROR_BAD_INPUT);
}

/* --- Bad input ---------------------------------------------------------------------------- */

static void
nothing_is_refused(void)
{
    const float positions[9] = { 0, 0, 0, 1, 0, 0, 2, 0, 0 };
    const uint32_t line[3] = { 0, 1, 2 };
    for (size_t n = 0; n < 2; n++) {
        g_autoptr(OrfMesh) mesh = shape_new(positions, 3, line, n);
        g_autoptr(GError) error = NULL;
        g_assert_null(orf_mesh_repair(NULL, mesh, NULL, NULL, &error));
        g_assert_error(error, ORF_ERROR, ORF_ERROR_BAD_INPUT);
    }
}

/* A strip whose ends are joined with a half turn; without a rim it is half of a Klein bottle.
 */
static OrfMesh *
moebius(float scale)
{
    enum { N = 60 };
    float positions[6 * N];
    uint32_t triangles[6 * N];
    for (size_t i = 0; i < N; i++) {
        float turn = 2 * (float)G_PI * (float)i / N;
        for (size_t side = 0; side < 2; side++) {
            float off = (side ? 4.0f : -4.0f), r = 20 + off * cosf(turn / 2);
            const float p[3] = { r * cosf(turn), off * sinf(turn / 2), r * sinf(turn) };
            for (size_t k = 0; k < 3; k++)
                positions[6 * i + 3 * side + k] = scale * p[k];
        }
        uint32_t a = (uint32_t)(2 * i), b = (uint32_t)(2 * ((i + 1) % N));
        bool last = i + 1 == N;
        const uint32_t quad[6] = { a, a + 1, b + last, a + 1, b + !last, b + last };
        memcpy(triangles + 6 * i, quad, sizeof quad);
    }
    return shape_new(positions, 2 * N, triangles, 2 * N);
}

/* What has no inside is made a solid of some kind, or it is said that none can be made: never
 * something worse, and never for long. */
static void
moebius_and_huge_and_tiny_are_borne(void)
{
    static const float scales[] = { 1, 1e-30f, 1e30f };
    for (size_t i = 0; i < G_N_ELEMENTS(scales); i++) {
        g_autoptr(OrfMesh) strip = moebius(scales[i]);
        g_autoptr(OrfMesh) whole = ball();
        g_autoptr(OrfMesh) sized = scaled(whole, scales[i], false);
        g_autoptr(OrfMesh) holed = damaged(sized, every_ninth, NULL);
        OrfMesh *meshes[] = { strip, sized, holed };
        for (size_t k = 0; k < G_N_ELEMENTS(meshes); k++) {
            g_autoptr(GError) error = NULL;
            OrfRepairReport report;
            g_autoptr(OrfMesh) result =
                orf_mesh_repair(NULL, meshes[k], &(OrfRepair){ .cells = 60 }, &report, &error);
            g_test_message("scale %g, mesh %zu: %s", (double)scales[i], k,
                           error ? error->message : "a solid");
            g_assert_true(result || g_error_matches(error, ORF_ERROR, ORF_ERROR_BAD_INPUT));
            if (result)
                g_assert_true(orf_measures_solid(&report.after));
        }
    }
}

static void
thousands_of_shells_are_borne(void)
{
    enum { N = 3000 };
    g_autoptr(GPtrArray) cubes = g_ptr_array_new_with_free_func((GDestroyNotify)orf_mesh_unref);
    for (int i = 0; i < N; i++)
        g_ptr_array_add(cubes, shape_cube(1, (float[3]){ 2.0f * (float)(i % 20),
                                                         2.0f * (float)(i / 20 % 20),
                                                         2.0f * (float)(i / 400) }));
    g_autoptr(OrfMesh) many = orf_mesh_join(NULL, (OrfMesh **)cubes->pdata, N, false, NULL);
    OrfRepairReport report;
    g_autoptr(OrfMesh) result = mend_so(many, &(OrfRepair){ .cells = 120 }, &report);
    g_assert_true(result == many);
    g_assert_cmpuint(report.after.shells, ==, N);
}

/* Whatever comes back of triangles at random is a solid, or it is said that none can be made.
 */
static void
any_soup_becomes_a_solid(void)
{
    for (uint32_t seed = 1; seed <= 12; seed++) {
        g_autoptr(GRand) random = g_rand_new_with_seed(seed);
        size_t n = (size_t)g_rand_int_range(random, 1, 120);
        g_autofree float *positions = g_new(float, 9 * n);
        g_autofree uint32_t *triangles = g_new(uint32_t, 3 * n);
        for (size_t i = 0; i < 9 * n; i++)
            positions[i] = (float)g_rand_double_range(random, -10, 10);
        for (size_t i = 0; i < 3 * n; i++)
            triangles[i] = (uint32_t)i;
        g_autoptr(OrfMesh) soup = shape_new(positions, 3 * n, triangles, n);
        g_autoptr(GError) error = NULL;
        OrfRepairReport report;
        g_autoptr(OrfMesh) result =
            orf_mesh_repair(NULL, soup, &(OrfRepair){ .cells = 60 }, &report, &error);
        g_test_message("seed %u: %s", seed, error ? error->message : "a solid");
        if (result) {
            g_assert_true(orf_measures_solid(&report.after));
            g_assert_cmpint(report.after.self_intersections, ==, 0);
        } else {
            g_assert_error(error, ORF_ERROR, ORF_ERROR_BAD_INPUT);
        }
    }
}

static void
little_memory_is_said(void)
{
    g_autoptr(OrfMesh) whole = ball();
    g_autoptr(OrfMesh) holed = damaged(whole, every_ninth, every_third);
    bool done = false;
    for (size_t memory = 1 << 16; memory < (size_t)1 << 30 && !done; memory *= 2) {
        g_autoptr(OrfTask) task = orf_task_new(&(OrfTaskOptions){ .memory = memory });
        g_autoptr(GError) error = NULL;
        g_autoptr(OrfMesh) result =
            orf_mesh_repair(task, holed, &(OrfRepair){ .cells = 80 }, NULL, &error);
        done = result != NULL;
        if (!result)
            g_assert_error(error, ORF_ERROR, ORF_ERROR_TOO_LARGE);
    }
    g_assert_true(done);
}

static void
cancelled_is_cancelled(void)
{
    g_autoptr(OrfMesh) whole = ball();
    g_autoptr(OrfTask) task = orf_task_new(NULL);
    g_autoptr(GError) error = NULL;
    orf_task_cancel(task);
    g_assert_null(orf_mesh_repair(task, whole, NULL, NULL, &error));
    g_assert_error(error, ORF_ERROR, ORF_ERROR_CANCELLED);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/mesh/repair/sound-mesh-comes-back-as-it-is", sound_mesh_comes_back);
    g_test_add_func("/mesh/repair/cavity-somebody-meant-stays", cavity_stays);
    g_test_add_func("/mesh/repair/second-skin-is-filled", lining_is_filled);
    g_test_add_func("/mesh/repair/hidden-room-is-named-and-filled",
                    hidden_room_is_named_and_filled);
    g_test_add_func("/mesh/repair/turned-triangles-are-turned-back",
                    turned_triangles_are_turned_back);
    g_test_add_func("/mesh/repair/inside-out-is-turned", inside_out_is_turned);
    g_test_add_func("/mesh/repair/holes-are-closed-and-vertices-stay", holes_are_closed);
    g_test_add_func("/mesh/repair/overlapping-bodies-become-one",
                    overlapping_bodies_become_one);
    g_test_add_func("/mesh/repair/dust-goes", dust_goes);
    g_test_add_func("/mesh/repair/doubled-triangles-go", doubled_triangles_go);
    g_test_add_func("/mesh/repair/a-cup-stays-open", a_cup_stays_open);
    g_test_add_func("/mesh/repair/open-bottom-is-closed", open_bottom_is_closed);
    g_test_add_func("/mesh/repair/remesh-keeps-the-shape", remesh_keeps_the_shape);
    g_test_add_func("/mesh/repair/no-level-goes-further-than-wished",
                    no_level_goes_further_than_wished);
    g_test_add_func("/mesh/repair/open-stays-open-when-wished", open_stays_open_when_wished);
    g_test_add_func("/mesh/repair/moebius-and-huge-and-tiny-are-borne",
                    moebius_and_huge_and_tiny_are_borne);
    g_test_add_func("/mesh/repair/thousands-of-shells-are-borne",
                    thousands_of_shells_are_borne);
    g_test_add_func("/mesh/repair/nothing-with-an-area-is-refused", nothing_is_refused);
    g_test_add_func("/mesh/repair/any-soup-becomes-a-solid", any_soup_becomes_a_solid);
    g_test_add_func("/mesh/repair/little-memory-is-said", little_memory_is_said);
    g_test_add_func("/mesh/repair/cancelled-is-cancelled", cancelled_is_cancelled);
    return g_test_run();
}
