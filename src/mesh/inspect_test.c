/* inspect_test.c - defects made on purpose, and what is said of them.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "shapes_test.h"

static OrfMesh *
joined(OrfMesh *a, OrfMesh *b)
{
    OrfMesh *both[] = { a, b };
    return orf_mesh_join(NULL, both, 2, false, NULL);
}

/* Scaled; `turned`: inside out; without every `skip`th triangle (0: with all). */
static OrfMesh *
changed(const OrfMesh *mesh, float scale, bool turned, size_t skip)
{
    OrfMeshParts parts = { 0 };
    size_t kept = 0;
    g_assert_true(orf_mesh_copy_parts(NULL, mesh, &parts, NULL));
    for (size_t i = 0; i < 3 * parts.n_vertices; i++)
        parts.positions[i] *= scale;
    for (size_t t = 0; t < parts.n_triangles; t++) {
        const uint32_t *from = parts.triangles + 3 * t;
        uint32_t triangle[3] = { from[turned], from[!turned], from[2] };
        if (skip && t % skip == skip / 2)
            continue;
        memcpy(parts.triangles + 3 * kept++, triangle, sizeof triangle);
    }
    parts.n_triangles = kept;
    return orf_mesh_new_take(&parts, NULL);
}

static void
inspect(const OrfMesh *mesh, OrfInspection *ret)
{
    g_autoptr(GError) error = NULL;
    OrfMeasures m;
    g_assert_true(orf_mesh_inspect(NULL, mesh, false, ret, &error));
    g_assert_no_error(error);
    g_assert_true(orf_mesh_measure(NULL, mesh, true, &m, &error)); /* one word for one fact */
    g_assert_cmpuint(m.boundary_edges, ==, ret->count[ORF_DEFECT_OPEN]);
    g_assert_cmpint(m.self_intersections, ==, ret->measures.self_intersections);
    g_assert_true(orf_measures_solid(&m) || !orf_inspection_printable(ret));
    g_assert_cmpuint(ret->score, <=, 100);
}

static size_t
n_marked(const uint16_t *map, size_t n, OrfDefect defect)
{
    size_t count = 0;
    for (size_t i = 0; i < n; i++)
        count += map[i] >> defect & 1;
    return count;
}

static size_t
n_faces(const OrfInspection *in, OrfDefect defect)
{
    return n_marked(in->faces, in->measures.triangles, defect);
}

static void
sound_mesh_has_a_hundred(void)
{
    g_autoptr(OrfMesh) ball = shape_ball(25, 64, 48);
    g_auto(OrfInspection) in = { 0 };
    inspect(ball, &in);
    g_assert_cmpuint(in.score, ==, 100);
    g_assert_true(orf_inspection_printable(&in));
    g_assert_cmpstr(orf_inspection_verdict(&in), ==, "a printable solid");
    for (int d = 0; d < ORF_N_DEFECTS; d++)
        g_assert_cmpuint(in.count[d], ==, 0);
    for (size_t t = 0; t < in.measures.triangles; t++)
        g_assert_cmpuint(in.faces[t], ==, 0);
}

/* Each wall would go through the whole grid again: minutes for a file of 12 MB. */
static void
heap_of_walls_is_not_searched_for_rooms(void)
{
    OrfMesh *heap = shape_ball(25, 16, 12);
    for (int i = 0; i < 9; i++) {
        OrfMesh *twice = joined(heap, heap);
        orf_mesh_unref(heap);
        heap = twice;
    }
    g_autoptr(GError) error = NULL;
    g_auto(OrfInspection) in = { 0 };
    g_assert_true(orf_mesh_inspect(NULL, heap, false, &in, &error));
    orf_mesh_unref(heap);
    g_assert_false(in.looked);
    g_assert_false(orf_inspection_printable(&in));
}

static void
holes_are_where_they_are(void)
{
    g_autoptr(OrfMesh) ball = shape_ball(25, 64, 48);
    g_autoptr(OrfMesh) holed = changed(ball, 1, false, 500);
    g_auto(OrfInspection) in = { 0 };
    inspect(holed, &in);
    size_t gone = orf_mesh_n_triangles(ball) - orf_mesh_n_triangles(holed);
    g_assert_cmpuint(in.count[ORF_DEFECT_OPEN], ==, 3 * gone);
    g_assert_cmpuint(n_faces(&in, ORF_DEFECT_OPEN), ==, 3 * gone);
    g_assert_cmpuint(n_marked(in.corners, in.measures.vertices, ORF_DEFECT_OPEN), ==, 3 * gone);
    g_assert_cmpuint(in.score, <, 81);
    g_assert_cmpstr(orf_inspection_verdict(&in), ==, "not a solid");
}

static void
shells_inside_are_told_from_cavities(void)
{
    g_autoptr(OrfMesh) ball = shape_ball(25, 64, 48);
    g_autoptr(OrfMesh) core = changed(ball, 0.5f, false, 0);    /* junk: turned outwards */
    g_autoptr(OrfMesh) cave = changed(ball, 0.5f, true, 0);     /* a cavity: turned inwards */
    g_autoptr(OrfMesh) lining = changed(ball, 0.985f, true, 0); /* a double wall */
    g_autoptr(OrfMesh) junk = joined(ball, core);
    g_autoptr(OrfMesh) hollow = joined(ball, cave);
    g_autoptr(OrfMesh) twin = joined(ball, lining);
    g_auto(OrfInspection) a = { 0 };
    g_auto(OrfInspection) b = { 0 };
    g_auto(OrfInspection) c = { 0 };
    inspect(junk, &a);
    inspect(hollow, &b);
    inspect(twin, &c);
    g_assert_cmpuint(a.count[ORF_DEFECT_INNER], ==, 1);
    g_assert_cmpuint(a.count[ORF_DEFECT_DOUBLE], ==, 0);
    g_assert_cmpuint(n_faces(&a, ORF_DEFECT_INNER), ==, orf_mesh_n_triangles(core));
    g_assert_cmpstr(orf_inspection_verdict(&a), ==, "closed, but with shells inside");
    g_assert_cmpuint(b.count[ORF_DEFECT_INNER], ==, 0);
    g_assert_cmpuint(b.cavities, ==, 1);
    g_assert_true(orf_inspection_printable(&b));
    g_assert_cmpuint(c.count[ORF_DEFECT_DOUBLE], ==, 1);
    g_assert_false(orf_inspection_printable(&c));
}

static void
rooms_behind_pin_holes_are_named(void)
{
    g_autoptr(OrfMesh) ball = shape_ball(25, 64, 48);
    g_autoptr(OrfMesh) inner = changed(ball, 0.95f, true, 0);
    g_autoptr(OrfMesh) skins = joined(ball, inner);
    g_autoptr(OrfMesh) holed = changed(skins, 1, false, 900);
    g_auto(OrfInspection) in = { 0 };
    inspect(holed, &in);
    g_assert_cmpfloat(in.hidden, >, 0.8);
    g_assert_cmpuint(n_faces(&in, ORF_DEFECT_HIDDEN), >, orf_mesh_n_triangles(inner) / 2);
    g_assert_false(orf_inspection_printable(&in));
}

static void
crossing_pairs_are_listed(void)
{
    g_autoptr(OrfMesh) a = shape_cube(20, (float[3]){ 0, 0, 0 });
    g_autoptr(OrfMesh) b = shape_cube(20, (float[3]){ 11.3f, 7.7f, 5.1f });
    g_autoptr(OrfMesh) both = joined(a, b);
    g_auto(OrfInspection) in = { 0 };
    inspect(both, &in);
    g_assert_cmpuint(in.n_pairs, >, 0);
    g_assert_cmpuint(in.n_pairs, ==, in.count[ORF_DEFECT_CROSSING]);
    for (size_t i = 0; i < in.n_pairs; i++) /* of one cube and of the other */
        g_assert_true((in.pairs[2 * i] < 12) != (in.pairs[2 * i + 1] < 12));
    g_assert_cmpstr(orf_inspection_verdict(&in), ==, "closed, but it crosses itself");
    g_assert_false(orf_measures_solid(&in.measures));
}

static void
inside_out_is_said(void)
{
    g_autoptr(OrfMesh) ball = shape_ball(25, 32, 24);
    g_autoptr(OrfMesh) inverted = changed(ball, 1, true, 0);
    g_auto(OrfInspection) in = { 0 };
    inspect(inverted, &in);
    g_assert_cmpuint(in.count[ORF_DEFECT_INVERTED], ==, orf_mesh_n_triangles(ball));
}

static void
bears_anything(void)
{
    const float line[9] = { 0, 0, 0, 1, 0, 0, 2, 0, 0 };
    const uint32_t t[3] = { 0, 1, 2 };
    for (size_t n = 0; n < 2; n++) {
        g_autoptr(OrfMesh) mesh = shape_new(line, 3, t, n);
        g_auto(OrfInspection) in = { 0 };
        inspect(mesh, &in);
        g_assert_false(orf_inspection_printable(&in));
    }
    for (uint32_t seed = 1; seed <= 10; seed++) {
        g_autoptr(GRand) random = g_rand_new_with_seed(seed);
        float positions[60];
        uint32_t triangles[120];
        for (size_t i = 0; i < G_N_ELEMENTS(positions); i++)
            positions[i] = (float)g_rand_double_range(random, -10, 10);
        for (size_t i = 0; i < G_N_ELEMENTS(triangles); i++)
            triangles[i] = (uint32_t)g_rand_int_range(random, 0, 20);
        g_autoptr(OrfMesh) soup = shape_new(positions, 20, triangles, 40);
        g_auto(OrfInspection) in = { 0 };
        inspect(soup, &in);
        g_assert_cmpuint(in.score, <, 100);
        g_assert_cmpuint(n_faces(&in, ORF_DEFECT_FLAT), ==, in.count[ORF_DEFECT_FLAT]);
        g_assert_cmpuint(n_marked(in.corners, in.measures.vertices, ORF_DEFECT_UNUSED), ==,
                         in.count[ORF_DEFECT_UNUSED]);
        g_assert_cmpuint(n_marked(in.corners, in.measures.vertices, ORF_DEFECT_PINCH), >=,
                         in.count[ORF_DEFECT_PINCH]);
    }
}

static void
cancelled_is_cancelled(void)
{
    g_autoptr(OrfMesh) ball = shape_ball(25, 32, 24);
    g_autoptr(OrfTask) task = orf_task_new(NULL);
    g_autoptr(GError) error = NULL;
    g_auto(OrfInspection) in = { 0 };
    orf_task_cancel(task);
    g_assert_false(orf_mesh_inspect(task, ball, false, &in, &error));
    g_assert_error(error, ORF_ERROR, ORF_ERROR_CANCELLED);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/mesh/inspect/a-sound-mesh-has-a-hundred", sound_mesh_has_a_hundred);
    g_test_add_func("/mesh/inspect/heap-of-walls-is-not-searched-for-rooms",
                    heap_of_walls_is_not_searched_for_rooms);
    g_test_add_func("/mesh/inspect/holes-are-marked-where-they-are", holes_are_where_they_are);
    g_test_add_func("/mesh/inspect/shells-inside-are-told-from-cavities",
                    shells_inside_are_told_from_cavities);
    g_test_add_func("/mesh/inspect/rooms-behind-pin-holes-are-named",
                    rooms_behind_pin_holes_are_named);
    g_test_add_func("/mesh/inspect/crossing-pairs-are-listed", crossing_pairs_are_listed);
    g_test_add_func("/mesh/inspect/inside-out-is-said", inside_out_is_said);
    g_test_add_func("/mesh/inspect/bears-anything", bears_anything);
    g_test_add_func("/mesh/inspect/cancelled-is-cancelled", cancelled_is_cancelled);
    return g_test_run();
}
