/* offset_test.c - grown, shrunk, thickened, hollowed and cut bodies against the book.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "shapes_test.h"

static OrfMeasures
measure(const OrfMesh *mesh)
{
    OrfMeasures m;
    g_assert_true(orf_mesh_measure(NULL, mesh, true, &m, NULL));
    return m;
}

static void
assert_solid(const OrfMesh *mesh)
{
    OrfMeasures m = measure(mesh);
    if (!orf_measures_solid(&m))
        g_test_message("%zu open, %zu branching, %zu flat, %zu double", m.boundary_edges,
                       m.nonmanifold_edges, m.degenerate, m.duplicate);
    g_assert_true(orf_measures_solid(&m));
    g_assert_cmpint(m.self_intersections, ==, 0);
}

static OrfMesh *
offset(const OrfMesh *mesh, OrfOffsetKind kind, double distance)
{
    g_autoptr(GError) error = NULL;
    OrfMesh *made = orf_mesh_offset(NULL, mesh, kind, distance, &error);
    g_assert_no_error(error);
    return made;
}

static OrfMesh *
cube(float side)
{
    return shape_cube(side, (float[]){ 0, 0, 0 });
}

/* Distances from the middles of the triangles of `from` to `to`. */
static void
distances(const OrfMesh *from, const OrfMesh *to, double *ret_least, double *ret_most)
{
    g_autoptr(OrfTree) tree = orf_tree_new(NULL, orf_mesh_positions(to), orf_mesh_triangles(to),
                                           orf_mesh_n_triangles(to), NULL);
    *ret_least = INFINITY;
    *ret_most = 0;
    for (size_t t = 0; t < orf_mesh_n_triangles(from); t++) {
        double middle[3] = { 0 };
        for (size_t c = 0; c < 3; c++)
            for (size_t k = 0; k < 3; k++)
                middle[k] += (double)orf_mesh_positions(
                                 from)[3 * (size_t)orf_mesh_triangles(from)[3 * t + c] + k] /
                             3;
        double d = orf_tree_nearest(tree, middle, INFINITY, NULL, NULL);
        *ret_least = MIN(*ret_least, d);
        *ret_most = MAX(*ret_most, d);
    }
}

/* --- Offset ------------------------------------------------------------------------------- */

static void
a_ball_grows_and_shrinks(void)
{
    g_autoptr(OrfMesh) ball = shape_ball(10, 64, 48);
    double own = measure(ball).volume;
    static const struct {
        OrfOffsetKind kind;
        double distance, radius;
    } cases[] = { { ORF_OFFSET_OUTWARDS, 2, 12 }, { ORF_OFFSET_INWARDS, 3, 7 } };
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(OrfMesh) made = offset(ball, cases[i].kind, cases[i].distance);
        double wanted = own * pow(cases[i].radius / 10, 3), least, most;
        assert_solid(made);
        g_assert_cmpfloat_with_epsilon(measure(made).volume, wanted, 0.01 * wanted);
        distances(made, ball, &least, &most);
        g_assert_cmpfloat(least, >, 0.98 * cases[i].distance);
        g_assert_cmpfloat(most, <, 1.02 * cases[i].distance);
    }
}

static void
a_cube_shrinks_to_a_cube(void)
{
    g_autoptr(OrfMesh) body = cube(20), made = offset(body, ORF_OFFSET_INWARDS, 3);
    assert_solid(made);
    g_assert_cmpfloat_with_epsilon(measure(made).volume, 14 * 14 * 14, 30);
    g_autoptr(OrfMesh) nothing = offset(body, ORF_OFFSET_INWARDS, 11);
    g_assert_cmpuint(orf_mesh_n_triangles(nothing), ==, 0);
}

static void
an_open_sheet_becomes_a_plate(void)
{
    static const float corners[] = { 0, 0, 0, 30, 0, 0, 30, 0, 20, 0, 0, 20 };
    static const uint32_t triangles[] = { 0, 1, 2, 0, 2, 3 };
    g_autoptr(OrfMesh) sheet = shape_new(corners, 4, triangles, 2);
    g_autoptr(OrfMesh) plate = offset(sheet, ORF_OFFSET_BOTH, 1);
    double wanted = 30 * 20 * 2 + G_PI / 2 * 100 + 4 * G_PI / 3; /* a rounded rim */
    assert_solid(plate);
    g_assert_cmpfloat_with_epsilon(measure(plate).volume, wanted, 0.02 * wanted);
}

/* --- Hollow ------------------------------------------------------------------------------- */

static void
walls_are_as_thick_as_asked(void)
{
    g_autoptr(OrfMesh) ring = shape_torus(20, 7, 64, 32, 0.15f), ball = shape_ball(12, 64, 48),
                       box = cube(20);
    OrfMesh *const bodies[] = { ring, ball, box };
    for (size_t i = 0; i < G_N_ELEMENTS(bodies); i++) {
        OrfHollowReport report;
        g_autoptr(OrfMesh) shell =
            orf_mesh_hollow(NULL, bodies[i], &(OrfHollow){ .wall = 2 }, &report, NULL);
        assert_solid(shell);
        g_assert_cmpuint(measure(shell).shells, ==, 2);
        g_assert_cmpuint(report.cavities, ==, 1);
        g_assert_cmpfloat(report.wall_least, >, 0.98 * 2);
        if (i < 2)
            g_assert_cmpfloat(report.wall_mean, <, 1.02 * 2);
        g_assert_true(memcmp(orf_mesh_positions(shell), orf_mesh_positions(bodies[i]),
                             12 * orf_mesh_n_vertices(bodies[i])) == 0);
        g_assert_cmpfloat(measure(shell).volume, <, 0.85 * measure(bodies[i]).volume);
    }
    g_autoptr(OrfMesh) shell =
        orf_mesh_hollow(NULL, box, &(OrfHollow){ .wall = 2 }, NULL, NULL);
    g_assert_cmpfloat_with_epsilon(measure(shell).volume, 8000 - 4096, 0.02 * 3904);
}

static void
drains_open_the_cavity(void)
{
    g_autoptr(OrfMesh) ball = shape_ball(12, 64, 48);
    for (unsigned n = 1; n <= 3; n++) {
        OrfHollow options = { .wall = 2, .n_drains = n, .drain_diameter = 2 };
        g_autoptr(OrfMesh) shell = orf_mesh_hollow(NULL, ball, &options, NULL, NULL);
        assert_solid(shell);
        g_assert_cmpuint(measure(shell).shells, ==, 1);
        g_assert_cmpint(measure(shell).euler, ==, 4 - 2 * (int)n); /* two balls, n tubes */
    }
}

static void
what_is_too_thin_is_said(void)
{
    g_autoptr(OrfMesh) box = cube(3);
    g_autoptr(GError) error = NULL;
    g_assert_null(orf_mesh_hollow(NULL, box, &(OrfHollow){ .wall = 2 }, NULL, &error));
    g_assert_error(error, ORF_ERROR, ORF_ERROR_BAD_INPUT);
    g_assert_nonnull(strstr(error->message, "thinner wall"));
}

static void
it_can_be_cancelled(void)
{
    g_autoptr(OrfMesh) box = cube(3);
    g_autoptr(OrfTask) task = orf_task_new(NULL);
    g_autoptr(GError) error = NULL;
    orf_task_cancel(task);
    g_assert_null(orf_mesh_offset(task, box, ORF_OFFSET_OUTWARDS, 1, &error));
    g_assert_error(error, ORF_ERROR, ORF_ERROR_CANCELLED);
}

/* --- Sections ----------------------------------------------------------------------------- */

static void
halves_add_up(void)
{
    g_autoptr(OrfMesh) ring = shape_torus(20, 7, 48, 24, 0.15f);
    static const double normals[][3] = { { 0, 1, 0 }, { 1, 0, 0 }, { 0.3, -0.5, 0.8 } };
    for (size_t i = 0; i < G_N_ELEMENTS(normals); i++) {
        OrfSection plane = { .offset = 1.5 };
        OrfMesh *halves[2];
        double length = 0;
        for (int k = 0; k < 3; k++)
            length += normals[i][k] * normals[i][k];
        for (int k = 0; k < 3; k++)
            plane.normal[k] = normals[i][k] / sqrt(length);
        g_assert_true(orf_mesh_section(NULL, ring, &plane, halves, NULL, NULL));
        g_autoptr(OrfMesh) below = halves[0], above = halves[1];
        assert_solid(below);
        assert_solid(above);
        double whole = measure(ring).volume;
        g_assert_cmpfloat_with_epsilon(measure(below).volume + measure(above).volume, whole,
                                       1e-5 * whole);
    }
}

static double
shared(OrfMesh *a, OrfMesh *b)
{
    OrfMesh *const both[] = { a, b };
    OrfBooleanReport report;
    g_autoptr(OrfMesh) common =
        orf_mesh_boolean(NULL, both, 2, ORF_INTERSECTION, &report, NULL);
    g_assert_nonnull(common);
    return report.volume;
}

static void
pegs_fit_into_their_holes(void)
{
    g_autoptr(OrfMesh) box = cube(40);
    for (int dowels = 0; dowels < 2; dowels++) {
        OrfSection plane = { .normal = { 0, 1, 0 },
                             .offset = 20,
                             .n_pegs = 4,
                             .dowels = dowels,
                             .diameter = 5,
                             .depth = 6,
                             .clearance = 0.2 };
        OrfMesh *halves[2];
        unsigned pegs;
        g_assert_true(orf_mesh_section(NULL, box, &plane, halves, &pegs, NULL));
        g_autoptr(OrfMesh) below = halves[0], above = halves[1];
        g_assert_cmpuint(pegs, ==, 4);
        assert_solid(below);
        assert_solid(above);
        g_assert_cmpfloat(shared(below, above), ==, 0);
        double hole = 4 * G_PI * 2.7 * 2.7 * 6.2, peg = 4 * G_PI * 2.5 * 2.5 * 6;
        g_assert_cmpfloat_with_epsilon(measure(above).volume, 32000 - hole, 0.02 * hole);
        g_assert_cmpfloat_with_epsilon(measure(below).volume, 32000 + (dowels ? -hole : peg),
                                       0.02 * hole);
    }
}

static void
a_narrow_cut_has_no_pegs(void)
{
    g_autoptr(OrfMesh) box = cube(4);
    OrfSection plane = {
        .normal = { 0, 1, 0 }, .offset = 2, .n_pegs = 4, .diameter = 5, .depth = 6
    };
    OrfMesh *halves[2];
    unsigned pegs;
    g_assert_true(orf_mesh_section(NULL, box, &plane, halves, &pegs, NULL));
    g_autoptr(OrfMesh) below = halves[0], above = halves[1];
    g_assert_cmpuint(pegs, ==, 0);
    g_assert_cmpfloat(measure(below).volume, ==, 32);
}

int
main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*run)(void);
    } tests[] = {
        { "offset/a-ball-grows-and-shrinks", a_ball_grows_and_shrinks },
        { "offset/a-cube-shrinks-to-a-cube", a_cube_shrinks_to_a_cube },
        { "offset/an-open-sheet-becomes-a-plate", an_open_sheet_becomes_a_plate },
        { "offset/it-can-be-cancelled", it_can_be_cancelled },
        { "hollow/walls-are-as-thick-as-asked", walls_are_as_thick_as_asked },
        { "hollow/drains-open-the-cavity", drains_open_the_cavity },
        { "hollow/what-is-too-thin-is-said", what_is_too_thin_is_said },
        { "section/halves-add-up", halves_add_up },
        { "section/pegs-fit-into-their-holes", pegs_fit_into_their_holes },
        { "section/a-narrow-cut-has-no-pegs", a_narrow_cut_has_no_pegs },
    };
    g_test_init(&argc, &argv, NULL);
    for (size_t i = 0; i < G_N_ELEMENTS(tests); i++) {
        g_autofree char *path = g_strconcat("/mesh/", tests[i].name, NULL);
        g_test_add_func(path, tests[i].run);
    }
    return g_test_run();
}
