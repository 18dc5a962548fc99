/* SPDX-License-Identifier: Apache-2.0 */
#include "planar_test.h"

#include <string.h>

/* --- The plain check: each directed edge once and with its mirror, one umbrella per vertex ---
 */

static gint64
edge_key(const uint32_t *triangles, size_t e)
{
    return (gint64)triangles[e] << 32 | triangles[e % 3 == 2 ? e - 2 : e + 1];
}

static void
check_solid(const OrfMesh *mesh)
{
    const uint32_t *triangles = orf_mesh_triangles(mesh);
    size_t n = 3 * orf_mesh_n_triangles(mesh), n_vertices = orf_mesh_n_vertices(mesh);
    g_autoptr(GHashTable) edges = g_hash_table_new(g_int64_hash, g_int64_equal);
    g_autofree gint64 *keys = g_new(gint64, n);
    g_autofree uint32_t *valence = g_new0(uint32_t, n_vertices);
    g_autofree uint32_t *some = g_new0(uint32_t, n_vertices);
    for (size_t e = 0; e < n; e++) {
        keys[e] = edge_key(triangles, e);
        g_assert_true(g_hash_table_insert(edges, &keys[e], GSIZE_TO_POINTER(e + 1)));
        valence[triangles[e]]++;
        some[triangles[e]] = (uint32_t)e;
    }
    for (size_t v = 0; v < n_vertices; v++) {
        size_t e = some[v], steps = 0;
        g_assert_cmpuint(valence[v], >, 0);
        do { /* from v->b to c->v, then to its mirror v->c */
            gint64 back = keys[e % 3 == 0 ? e + 2 : e - 1];
            gint64 mirror = (gint64)((guint64)back << 32 | (guint64)back >> 32);
            e = GPOINTER_TO_SIZE(g_hash_table_lookup(edges, &mirror));
            g_assert_cmpuint(e--, >, 0);
            steps++;
        } while (e != some[v]);
        g_assert_cmpuint(steps, ==, valence[v]);
    }
}

/* The plain check and the room's own measures must agree. */
static double
volume_of(const OrfMesh *mesh)
{
    OrfMeasures measures;
    g_assert_true(orf_mesh_measure(NULL, mesh, false, &measures, NULL));
    g_assert_true(orf_measures_solid(&measures));
    return measures.volume;
}

/* --- Fixtures ----------------------------------------------------------------------------- */

static const float square[] = { 0, 0, 10, 0, 10, 10, 0, 10 };
static const uint32_t square_loop[] = { 0, 4 };

/* Triangles of an outline, as a planar mesh that may be changed. */
static OrfPlanarMesh
planar_of(const float *points, size_t n_points, const uint32_t *loop_start, size_t n_loops)
{
    OrfPlanarMesh planar = { .n_points = n_points, .n_loops = n_loops };
    g_autoptr(GError) error = NULL;
    planar.points = ORF_ALLOC(NULL, float, 2 * n_points, "test", NULL);
    memcpy(planar.points, points, 2 * n_points * sizeof *points);
    planar.loop_start = ORF_ALLOC(NULL, uint32_t, n_loops + 1, "test", NULL);
    memcpy(planar.loop_start, loop_start, (n_loops + 1) * sizeof *loop_start);
    planar.triangles =
        orf_triangulate(NULL, &(OrfPlanar){ points, n_points, loop_start, n_loops, NULL, 0 },
                        &planar.n_triangles, &error);
    g_assert_no_error(error);
    return planar;
}

static OrfMesh *
lift(const OrfPlanarMesh *planar, const float *front, const float *back, float thinnest,
     const float *uvs, GError **error)
{
    OrfSheets sheets = {
        planar->points, planar->n_points, planar->triangles, planar->n_triangles, front,
        back,           thinnest
    };
    return orf_mesh_lift(NULL, &sheets, uvs, uvs != NULL, error);
}

/* --- Cases -------------------------------------------------------------------------------- */

static void
flat_sheets_make_a_box(void)
{
    static const float front[] = { 3, 3, 3, 3 }, back[] = { 1, 1, 1, 1 };
    g_auto(OrfPlanarMesh) planar = planar_of(square, 4, square_loop, 1);
    g_autoptr(OrfMesh) mesh = lift(&planar, front, back, 0, square, NULL);
    check_solid(mesh);
    g_assert_cmpuint(orf_mesh_n_vertices(mesh), ==, 8);
    g_assert_cmpuint(orf_mesh_n_triangles(mesh), ==, 12);
    g_assert_cmpuint(orf_mesh_n_uvs(mesh), ==, 4);
    g_assert_cmpuint(orf_mesh_n_groups(mesh), ==, 3);
    g_assert_cmpfloat_with_epsilon(volume_of(mesh), 200, 1e-4);
}

static void
a_wedge_has_walls_where_the_sheets_part(void)
{
    static const float front[] = { 4, 4, 0, 0 }, back[] = { 0, 0, 0, 0 };
    g_auto(OrfPlanarMesh) planar = planar_of(square, 4, square_loop, 1);
    g_autoptr(OrfMesh) mesh = lift(&planar, front, back, 0, NULL, NULL);
    check_solid(mesh);
    g_assert_cmpuint(orf_mesh_n_vertices(mesh), ==, 6);
    g_assert_cmpuint(orf_mesh_n_triangles(mesh), ==, 8);
    g_assert_cmpfloat_with_epsilon(volume_of(mesh), 200, 1e-4);
}

static void
chords_between_seams_are_refused_and_can_be_split(void)
{
    float front[5] = { 0, 0, 0, 0, 2 }, back[5] = { 0, 0, 0, 0, -2 };
    g_auto(OrfPlanarMesh) planar = planar_of(square, 4, square_loop, 1);
    g_autoptr(GError) error = NULL;
    g_assert_null(lift(&planar, front, back, 0, NULL, &error));
    g_assert_error(error, ORF_ERROR, ORF_ERROR_BAD_INPUT);
    g_assert_nonnull(strstr(error->message, "orf_planar_split_chords"));
    g_assert_true(orf_planar_split_chords(NULL, &planar, NULL));
    g_assert_cmpuint(planar.n_points, ==, 5);
    g_autoptr(OrfMesh) mesh = lift(&planar, front, back, 0, NULL, NULL);
    check_solid(mesh);
    g_assert_cmpfloat_with_epsilon(volume_of(mesh), 400.0 / 3, 1e-3);
}

static void
a_lone_triangle_gets_a_centre(void)
{
    static const float points[] = { 0, 0, 6, 0, 0, 6 };
    static const uint32_t starts[] = { 0, 3 };
    static const float front[] = { 0, 0, 0, 1 }, back[4] = { 0 };
    g_auto(OrfPlanarMesh) planar = planar_of(points, 3, starts, 1);
    g_assert_true(orf_planar_split_chords(NULL, &planar, NULL));
    g_assert_cmpuint(planar.n_points, ==, 4);
    g_autoptr(OrfMesh) mesh = lift(&planar, front, back, 0, NULL, NULL);
    check_solid(mesh);
}

static void
a_touching_hole_stays_manifold(void)
{
    static const float points[] = { 0, 0, 10, 0, 10, 10, 0, 10, 5, 0, 3, 5, 7, 5 };
    static const uint32_t starts[] = { 0, 4, 7 };
    g_auto(OrfPlanarMesh) planar = planar_of(points, 7, starts, 2);
    g_assert_true(orf_planar_split_chords(NULL, &planar, NULL));
    for (int walls = 0; walls < 2; walls++) {
        g_autofree float *front = g_new(float, planar.n_points);
        g_autofree float *back = g_new(float, planar.n_points);
        for (size_t i = 0; i < planar.n_points; i++) {
            front[i] = i < 7 && !walls ? 0 : 1;
            back[i] = 0;
        }
        g_autoptr(OrfMesh) mesh = lift(&planar, front, back, 0, NULL, NULL);
        check_solid(mesh);
    }
}

static void
thin_places_are_thickened_or_refused(void)
{
    float front[5] = { 0 }, back[5] = { 0 };
    g_auto(OrfPlanarMesh) planar = planar_of(square, 4, square_loop, 1);
    g_assert_true(orf_planar_split_chords(NULL, &planar, NULL));
    g_autoptr(GError) error = NULL;
    g_assert_null(lift(&planar, front, back, 0, NULL, &error));
    g_assert_error(error, ORF_ERROR, ORF_ERROR_BAD_INPUT);
    g_autoptr(OrfMesh) mesh = lift(&planar, front, back, 3, NULL, NULL);
    check_solid(mesh);
    g_assert_cmpfloat_with_epsilon(volume_of(mesh), 100, 1e-3);
    g_clear_error(&error);
    back[4] = 1;
    g_assert_null(lift(&planar, front, back, 3, NULL, &error));
    g_assert_nonnull(strstr(error->message, "behind back"));
}

/* Any mask, any heights: some rims meet, some have walls, some both. */
static void
random_masks_and_heights_make_solids(void)
{
    size_t solids = 0, seams = 0;
    for (uint32_t seed = 1; seed <= 80; seed++) {
        g_autoptr(GRand) random = g_rand_new_with_seed(seed);
        Outline outline = outline_of_noise(random, 10 + (int)seed / 2, 0.38 + 0.003 * seed);
        if (outline.n_loops) {
            scatter_free_points(&outline, random, (int)(seed % 3) * 100);
            g_auto(OrfPlanarMesh) planar = planar_of(outline.points, outline.n_points,
                                                     outline.loop_start, outline.n_loops);
            g_assert_true(orf_planar_split_chords(NULL, &planar, NULL));
            g_autofree float *front = g_new(float, planar.n_points);
            g_autofree float *back = g_new(float, planar.n_points);
            double meeting = (seed % 5) / 4.0; /* share of outline points where sheets meet */
            for (size_t i = 0; i < planar.n_points; i++) {
                bool meets =
                    i < outline.loop_start[outline.n_loops] && g_rand_double(random) < meeting;
                back[i] = (float)g_rand_double_range(random, -3, 3);
                front[i] = back[i] + (meets ? 0 : (float)g_rand_double_range(random, 0.01, 5));
                seams += meets;
            }
            g_autoptr(GError) error = NULL;
            g_autoptr(OrfMesh) mesh = lift(&planar, front, back, 0, planar.points, &error);
            g_assert_no_error(error);
            check_solid(mesh);
            g_assert_cmpfloat(volume_of(mesh), >, 0);
            solids++;
        }
        outline_clear(&outline);
    }
    g_assert_cmpuint(solids, >, 70);
    g_assert_cmpuint(seams, >, 1000);
}

static void
overlapping_triangles_are_refused(void)
{
    static const uint32_t twice[] = { 0, 1, 2, 0, 1, 3 }, far[] = { 0, 1, 9 };
    static const float front[] = { 1, 1, 1, 1 }, back[] = { 0, 0, 0, 0 };
    g_autoptr(GError) error = NULL;
    OrfSheets sheets = { square, 4, twice, 2, front, back, 0 };
    g_assert_null(orf_mesh_lift(NULL, &sheets, NULL, false, &error));
    g_assert_error(error, ORF_ERROR, ORF_ERROR_BAD_INPUT);
    g_clear_error(&error);
    sheets.triangles = far;
    sheets.n_triangles = 1;
    g_assert_null(orf_mesh_lift(NULL, &sheets, NULL, false, &error));
    g_assert_error(error, ORF_ERROR, ORF_ERROR_BAD_INPUT);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/mesh/lift/flat-sheets-make-a-box", flat_sheets_make_a_box);
    g_test_add_func("/mesh/lift/a-wedge-has-walls-where-the-sheets-part",
                    a_wedge_has_walls_where_the_sheets_part);
    g_test_add_func("/mesh/lift/chords-between-seams-are-refused-and-can-be-split",
                    chords_between_seams_are_refused_and_can_be_split);
    g_test_add_func("/mesh/lift/a-lone-triangle-gets-a-centre", a_lone_triangle_gets_a_centre);
    g_test_add_func("/mesh/lift/a-touching-hole-stays-manifold",
                    a_touching_hole_stays_manifold);
    g_test_add_func("/mesh/lift/thin-places-are-thickened-or-refused",
                    thin_places_are_thickened_or_refused);
    g_test_add_func("/mesh/lift/random-masks-and-heights-make-solids",
                    random_masks_and_heights_make_solids);
    g_test_add_func("/mesh/lift/overlapping-triangles-are-refused",
                    overlapping_triangles_are_refused);
    return g_test_run();
}
