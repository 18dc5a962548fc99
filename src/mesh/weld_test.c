/* weld_test.c - the fast weld against a plain hash table.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "shapes_test.h"

/* --- The plain weld: the truth ------------------------------------------------------------ */

static guint
hash_position(gconstpointer key)
{
    const float *p = key;
    guint h = 0;
    for (int k = 0; k < 3; k++) {
        float value = p[k] + 0.0f;
        guint bits;
        memcpy(&bits, &value, 4);
        h = h * 31 + bits;
    }
    return h;
}

static gboolean
equal_positions(gconstpointer a, gconstpointer b)
{
    const float *p = a, *q = b;
    return p[0] == q[0] && p[1] == q[1] && p[2] == q[2];
}

/* Triangles of the welded mesh, and for each of its vertices where it came from. */
static void
weld_plainly(const OrfMesh *mesh, GArray *triangles, GArray *sources)
{
    const float *positions = orf_mesh_positions(mesh);
    g_autoptr(GHashTable) first = g_hash_table_new(hash_position, equal_positions);
    g_autoptr(GHashTable) number = g_hash_table_new(hash_position, equal_positions);
    for (size_t t = 0; t < orf_mesh_n_triangles(mesh); t++) {
        const uint32_t *corner = orf_mesh_triangles(mesh) + 3 * t;
        const float *p[3];
        for (int k = 0; k < 3; k++)
            p[k] = positions + 3 * (size_t)corner[k];
        if (equal_positions(p[0], p[1]) || equal_positions(p[1], p[2]) ||
            equal_positions(p[2], p[0]))
            continue;
        for (int k = 0; k < 3; k++) {
            if (!g_hash_table_contains(number, p[k])) {
                g_hash_table_insert(number, (void *)p[k], GUINT_TO_POINTER(sources->len));
                g_array_append_val(sources, corner[k]);
            }
            uint32_t v = GPOINTER_TO_UINT(g_hash_table_lookup(number, p[k]));
            g_array_append_val(triangles, v);
        }
    }
}

static void
check_against_plain(OrfTask *task, const OrfMesh *mesh)
{
    g_autoptr(GArray) triangles = g_array_new(false, false, 4);
    g_autoptr(GArray) sources = g_array_new(false, false, 4);
    weld_plainly(mesh, triangles, sources);
    g_autoptr(GError) error = NULL;
    g_autoptr(OrfMesh) welded = orf_mesh_weld(task, mesh, 0, &error);
    g_assert_no_error(error);
    g_assert_cmpuint(orf_mesh_n_vertices(welded), ==, sources->len);
    g_assert_cmpuint(3 * orf_mesh_n_triangles(welded), ==, triangles->len);
    if (triangles->len)
        g_assert_cmpmem(orf_mesh_triangles(welded), 4 * triangles->len, triangles->data,
                        4 * triangles->len);
    for (size_t v = 0; v < sources->len; v++) {
        uint32_t source = g_array_index(sources, uint32_t, v);
        g_assert_true(equal_positions(orf_mesh_positions(welded) + 3 * v,
                                      orf_mesh_positions(mesh) + 3 * (size_t)source));
    }
}

/* --- Exactly equal ------------------------------------------------------------------------ */

/* `n` triangles over so few places that many corners and whole triangles coincide. */
static OrfMesh *
random_soup(GRand *random, size_t n, int places)
{
    size_t n_vertices = MAX(n, 1) * 3;
    g_autofree float *positions = g_new(float, 3 * n_vertices);
    g_autofree uint32_t *triangles = g_new(uint32_t, 3 * n + 1);
    for (size_t i = 0; i < 3 * n_vertices; i++) {
        int at = g_rand_int_range(random, -places, places + 1);
        positions[i] = at == 0 && g_rand_boolean(random) ? -0.0f : (float)at * 0.25f;
    }
    for (size_t c = 0; c < 3 * n; c++)
        triangles[c] = (uint32_t)g_rand_int_range(random, 0, (int)n_vertices);
    return shape_new(positions, n_vertices, triangles, n);
}

static void
equals_the_plain_weld(void)
{
    static const size_t sizes[] = { 0, 1, 2, 7, 100, 4095, 4097, 30000, 70001 };
    g_autoptr(OrfTask) two = orf_task_new(&(OrfTaskOptions){ .cores = 2 });
    g_autoptr(GRand) random = g_rand_new_with_seed(3);
    for (size_t i = 0; i < G_N_ELEMENTS(sizes); i++)
        for (int places = 1; places < 200; places = places * 5 + 1) {
            g_autoptr(OrfMesh) soup = random_soup(random, sizes[i], places);
            check_against_plain(NULL, soup);
            check_against_plain(two, soup);
        }
}

static void
makes_a_file_soup_whole_again(void)
{
    g_autoptr(GRand) random = g_rand_new_with_seed(5);
    g_autoptr(OrfMesh) torus = shape_torus(30, 10, 300, 200, 0.2f);
    g_autoptr(OrfMesh) soup = shape_soup(torus, random);
    g_autoptr(OrfMesh) welded = orf_mesh_weld(NULL, soup, 0, NULL);
    OrfMeasures measures;
    g_assert_true(orf_mesh_measure(NULL, welded, false, &measures, NULL));
    g_assert_true(orf_measures_solid(&measures));
    g_assert_cmpuint(measures.vertices, ==, 60000);
    g_assert_cmpint(measures.euler, ==, 0);
    check_against_plain(NULL, soup);
}

static void
check_same(const OrfMesh *a, const OrfMesh *b)
{
    size_t n = orf_mesh_n_triangles(a), n_vertices = orf_mesh_n_vertices(a);
    g_assert_cmpuint(n, ==, orf_mesh_n_triangles(b));
    g_assert_cmpuint(n_vertices, ==, orf_mesh_n_vertices(b));
    g_assert_cmpint(memcmp(orf_mesh_triangles(a), orf_mesh_triangles(b), 12 * n), ==, 0);
    g_assert_cmpint(memcmp(orf_mesh_positions(a), orf_mesh_positions(b), 12 * n_vertices), ==,
                    0);
}

static void
does_not_depend_on_the_cores(void)
{
    g_autoptr(GRand) random = g_rand_new_with_seed(8);
    g_autoptr(OrfMesh) soup = random_soup(random, 100000, 20);
    g_autoptr(OrfMesh) one = orf_mesh_weld(NULL, soup, 0.3f, NULL);
    for (unsigned cores = 2; cores < 6; cores++) {
        g_autoptr(OrfTask) task = orf_task_new(&(OrfTaskOptions){ .cores = cores });
        g_autoptr(OrfMesh) more = orf_mesh_weld(task, soup, 0.3f, NULL);
        check_same(one, more);
    }
}

static void
keeps_seam_colours_and_groups(void)
{
    float positions[] = { 0, 0, 0, 1, 0, 0, 0, 1, 0, 1, 0, 0, 1, 1, 0, 0, 1, 0, 0, 0, 0 };
    uint32_t triangles[] = { 0, 1, 2, 0, 6, 1, 3, 4, 5 };
    g_autoptr(OrfMesh) plain = shape_new(positions, 7, triangles, 3);
    OrfMeshParts parts;
    g_assert_true(orf_mesh_copy_parts(NULL, plain, &parts, NULL));
    parts.n_uvs = 6;
    parts.uvs = ORF_ALLOC(NULL, float, 12, "test", NULL);
    parts.uv_triangles = ORF_ALLOC(NULL, uint32_t, 9, "test", NULL);
    parts.groups = ORF_ALLOC(NULL, uint16_t, 3, "test", NULL);
    parts.colors = ORF_ALLOC(NULL, uint8_t, 28, "test", NULL);
    memcpy(parts.uv_triangles, (uint32_t[]){ 0, 1, 2, 0, 0, 0, 3, 4, 5 }, 36);
    memcpy(parts.groups, (uint16_t[]){ 4, 5, 6 }, 6);
    for (uint8_t i = 0; i < 28; i++)
        parts.colors[i] = i;
    g_autoptr(OrfMesh) mesh = orf_mesh_new_take(&parts, NULL);
    g_autoptr(OrfMesh) welded = orf_mesh_weld(NULL, mesh, 0, NULL);
    g_assert_cmpuint(orf_mesh_n_vertices(welded), ==, 4);
    g_assert_cmpmem(orf_mesh_triangles(welded), 24, ((uint32_t[]){ 0, 1, 2, 1, 3, 2 }), 24);
    g_assert_cmpmem(orf_mesh_uv_triangles(welded), 24, ((uint32_t[]){ 0, 1, 2, 3, 4, 5 }), 24);
    g_assert_cmpmem(orf_mesh_groups(welded), 4, ((uint16_t[]){ 4, 6 }), 4);
    g_assert_cmpmem(orf_mesh_colors(welded) + 12, 4, ((uint8_t[]){ 16, 17, 18, 19 }), 4);
}

/* --- Within a distance -------------------------------------------------------------------- */

/* Triangles of which only the first corners matter: the others are far from everything. */
static OrfMesh *
far_triangles(const float (*corners)[3], size_t n)
{
    g_autofree float *positions = g_new(float, 9 * n);
    g_autofree uint32_t *triangles = g_new(uint32_t, 3 * n);
    for (size_t i = 0; i < n; i++) {
        float far = 1000.f * (float)(i + 1);
        float p[9] = { corners[i][0], corners[i][1], corners[i][2], far, 0, 50, 0, far, -50 };
        memcpy(positions + 9 * i, p, sizeof p);
        for (uint32_t k = 0; k < 3; k++)
            triangles[3 * i + k] = (uint32_t)(3 * i) + k;
    }
    return shape_new(positions, 3 * n, triangles, n);
}

static void
joins_at_the_very_distance(void)
{
    static const float pair[][3] = { { 0, 0, 0 }, { 0.5f, 0, 0 } };
    g_autoptr(OrfMesh) mesh = far_triangles(pair, 2);
    g_autoptr(OrfMesh) at = orf_mesh_weld(NULL, mesh, 0.5f, NULL);
    g_assert_cmpuint(orf_mesh_n_vertices(at), ==, 5);
    g_autoptr(OrfMesh) under = orf_mesh_weld(NULL, mesh, nextafterf(0.5f, 0), NULL);
    g_assert_cmpuint(orf_mesh_n_vertices(under), ==, 6);
}

/* Two kept vertices that are equally near, on all sides of the grid's cells. */
static void
of_two_as_near_the_first_is_joined(void)
{
    for (int axis = 0; axis < 3; axis++)
        for (int side = -1; side <= 1; side += 2) {
            float corners[3][3] = { { 0 } };
            corners[0][axis] = (float)-side;
            corners[1][axis] = (float)side;
            g_autoptr(OrfMesh) mesh = far_triangles((const float(*)[3])corners, 3);
            g_autoptr(OrfMesh) welded = orf_mesh_weld(NULL, mesh, 1.25f, NULL);
            g_assert_cmpuint(orf_mesh_n_vertices(welded), ==, 8);
            g_assert_cmpuint(orf_mesh_triangles(welded)[6], ==, 0);
        }
}

static void
leaves_no_two_vertices_in_reach(void)
{
    g_autoptr(GRand) random = g_rand_new_with_seed(11);
    for (int round = 0; round < 40; round++) {
        float scale = ldexpf(1, g_rand_int_range(random, -60, 60));
        float distance = scale * (float)g_rand_double_range(random, 0.01, 0.5);
        size_t n = 200;
        g_autofree float *positions = g_new(float, 9 * n);
        g_autofree uint32_t *triangles = g_new(uint32_t, 3 * n);
        for (size_t i = 0; i < 9 * n; i++)
            positions[i] = scale * (float)g_rand_double_range(random, -1, 1);
        for (size_t c = 0; c < 3 * n; c++)
            triangles[c] = (uint32_t)c;
        g_autoptr(OrfMesh) soup = shape_new(positions, 3 * n, triangles, n);
        g_autoptr(OrfMesh) welded = orf_mesh_weld(NULL, soup, distance, NULL);
        const float *p = orf_mesh_positions(welded);
        size_t n_left = orf_mesh_n_vertices(welded);
        for (size_t a = 0; a < n_left; a++)
            for (size_t b = 0; b < a; b++) {
                double x = (double)p[3 * a] - p[3 * b], y = (double)p[3 * a + 1] - p[3 * b + 1],
                       z = (double)p[3 * a + 2] - p[3 * b + 2];
                g_assert_cmpfloat(sqrt(x * x + y * y + z * z), >, distance * 0.999999);
            }
    }
}

static void
closes_small_gaps(void)
{
    g_autoptr(GRand) random = g_rand_new_with_seed(12);
    g_autoptr(OrfMesh) torus = shape_torus(30, 10, 60, 40, 0);
    g_autoptr(OrfMesh) soup = shape_soup(torus, random);
    OrfMeshParts parts;
    g_assert_true(orf_mesh_copy_parts(NULL, soup, &parts, NULL));
    for (size_t i = 0; i < 3 * parts.n_vertices; i++)
        parts.positions[i] += (float)g_rand_double_range(random, -1e-4, 1e-4);
    g_autoptr(OrfMesh) torn = orf_mesh_new_take(&parts, NULL);
    g_autoptr(OrfMesh) welded = orf_mesh_weld(NULL, torn, 1e-3f, NULL);
    OrfMeasures measures;
    g_assert_true(orf_mesh_measure(NULL, welded, false, &measures, NULL));
    g_assert_true(orf_measures_solid(&measures));
    g_assert_cmpuint(measures.vertices, ==, 2400);
}

static void
an_endless_distance_leaves_nothing(void)
{
    g_autoptr(OrfMesh) ball = shape_ball(10, 20, 10);
    g_autoptr(OrfMesh) welded = orf_mesh_weld(NULL, ball, 1e30f, NULL);
    g_assert_cmpuint(orf_mesh_n_triangles(welded), ==, 0);
    g_assert_cmpuint(orf_mesh_n_vertices(welded), ==, 0);
}

/* --- Limits ------------------------------------------------------------------------------- */

static void
stops_when_cancelled(void)
{
    g_autoptr(OrfMesh) ball = shape_ball(10, 200, 100);
    g_autoptr(OrfTask) task = orf_task_new(NULL);
    orf_task_cancel(task);
    g_autoptr(GError) error = NULL;
    g_assert_null(orf_mesh_weld(task, ball, 0, &error));
    g_assert_error(error, ORF_ERROR, ORF_ERROR_CANCELLED);
}

static void
stays_in_its_budget(void)
{
    g_autoptr(OrfMesh) ball = shape_ball(10, 200, 100);
    bool done = false;
    for (size_t memory = 100000; !done; memory = memory * 5 / 4) {
        g_autoptr(OrfTask) task = orf_task_new(&(OrfTaskOptions){ .memory = memory });
        g_autoptr(GError) error = NULL;
        g_autoptr(OrfMesh) welded = orf_mesh_weld(task, ball, 0, &error);
        done = welded != NULL;
        if (!done)
            g_assert_error(error, ORF_ERROR, ORF_ERROR_TOO_LARGE);
        g_assert_cmpuint(orf_task_peak_memory(task), <=, memory);
        g_assert_cmpuint(memory, <, 1 << 24);
    }
}

static void
equal_points_get_one_index(void)
{
    static const float items[][3] = { { 1, 2, 3 }, { 0, 0, 0 },   { 1, 2, 3 },  { -0.0f, 0, 0 },
                                      { 1, 2, 4 }, { NAN, 0, 0 }, { NAN, 0, 0 } };
    static const uint32_t expected[] = { 0, 1, 0, 1, 2, 3, 4 };
    g_auto(OrfPoints) points;
    orf_points_init(&points, NULL);
    uint32_t indices[G_N_ELEMENTS(items)];
    g_assert_true(orf_points_add(&points, items, G_N_ELEMENTS(items), indices, NULL));
    for (size_t i = 0; i < G_N_ELEMENTS(items); i++)
        g_assert_cmpuint(indices[i], ==, expected[i]);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/mesh/weld/equals-the-plain-weld", equals_the_plain_weld);
    g_test_add_func("/mesh/weld/makes-a-file-soup-whole-again", makes_a_file_soup_whole_again);
    g_test_add_func("/mesh/weld/does-not-depend-on-the-cores", does_not_depend_on_the_cores);
    g_test_add_func("/mesh/weld/keeps-seam-colours-and-groups", keeps_seam_colours_and_groups);
    g_test_add_func("/mesh/weld/leaves-no-two-vertices-in-reach",
                    leaves_no_two_vertices_in_reach);
    g_test_add_func("/mesh/weld/closes-small-gaps", closes_small_gaps);
    g_test_add_func("/mesh/weld/an-endless-distance-leaves-nothing",
                    an_endless_distance_leaves_nothing);
    g_test_add_func("/mesh/weld/stops-when-cancelled", stops_when_cancelled);
    g_test_add_func("/mesh/weld/stays-in-its-budget", stays_in_its_budget);
    g_test_add_func("/mesh/points/equal-points-get-one-index", equal_points_get_one_index);
    g_test_add_func("/mesh/weld/joins-at-the-very-distance", joins_at_the_very_distance);
    g_test_add_func("/mesh/weld/of-two-as-near-the-first-is-joined",
                    of_two_as_near_the_first_is_joined);
    return g_test_run();
}
