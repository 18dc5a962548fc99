/* simplify_test.c - closed bodies stay closed bodies, and stay where they were.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "shapes_test.h"

static OrfMeasures
measure(const OrfMesh *mesh)
{
    OrfMeasures measures;
    g_assert_true(orf_mesh_measure(NULL, mesh, false, &measures, NULL));
    return measures;
}

static OrfMesh *
simplify(const OrfMesh *mesh, size_t triangles, float error)
{
    g_autoptr(GError) failed = NULL;
    OrfMesh *fewer = orf_mesh_simplify(
        NULL, mesh, &(OrfSimplify){ .triangles = triangles, .error = error }, &failed);
    g_assert_no_error(failed);
    return fewer;
}

/* --- How far ------------------------------------------------------------------------------ */

static void
subtract(const double a[3], const float *b, double ret[3])
{
    for (int k = 0; k < 3; k++)
        ret[k] = a[k] - b[k];
}

static double
dot(const double a[3], const double b[3])
{
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
}

static double
segment_distance(const double p[3], const float *a, const float *b)
{
    double d[3], ap[3], bd[3] = { b[0], b[1], b[2] };
    subtract(bd, a, d);
    subtract(p, a, ap);
    double t = dot(d, d) > 0 ? CLAMP(dot(ap, d) / dot(d, d), 0, 1) : 0, sum = 0;
    for (int k = 0; k < 3; k++)
        sum += (ap[k] - t * d[k]) * (ap[k] - t * d[k]);
    return sqrt(sum);
}

static double
triangle_distance(const double p[3], const float *a, const float *b, const float *c)
{
    double u[3], v[3], w[3], bd[3] = { b[0], b[1], b[2] }, cd[3] = { c[0], c[1], c[2] };
    subtract(bd, a, u);
    subtract(cd, a, v);
    subtract(p, a, w);
    double uu = dot(u, u), uv = dot(u, v), vv = dot(v, v), wu = dot(w, u), wv = dot(w, v);
    double det = uu * vv - uv * uv, s = uv * wv - vv * wu, t = uv * wu - uu * wv;
    s = det > 0 ? -s / det : -1;
    t = det > 0 ? -t / det : -1;
    if (s >= 0 && t >= 0 && s + t <= 1) {
        double sum = 0;
        for (int k = 0; k < 3; k++)
            sum += (w[k] - s * u[k] - t * v[k]) * (w[k] - s * u[k] - t * v[k]);
        return sqrt(sum);
    }
    return MIN(segment_distance(p, a, b),
               MIN(segment_distance(p, b, c), segment_distance(p, c, a)));
}

/* Greatest distance of a vertex of `from` (every `skip`-th) from the surface of `to`. */
static double
deviation(const OrfMesh *from, const OrfMesh *to, size_t skip)
{
    double worst = 0;
    const float *positions = orf_mesh_positions(to);
    for (size_t v = 0; v < orf_mesh_n_vertices(from); v += skip) {
        const float *at = orf_mesh_positions(from) + 3 * v;
        double p[3] = { at[0], at[1], at[2] }, least = INFINITY;
        for (size_t t = 0; t < orf_mesh_n_triangles(to); t++) {
            const uint32_t *corner = orf_mesh_triangles(to) + 3 * t;
            least = MIN(least, triangle_distance(p, positions + 3 * (size_t)corner[0],
                                                 positions + 3 * (size_t)corner[1],
                                                 positions + 3 * (size_t)corner[2]));
        }
        worst = MAX(worst, least);
    }
    return worst;
}

/* --- Bodies ------------------------------------------------------------------------------- */

/* A handful of balls and rods, some inside out (holes), some far apart (shells). */
static OrfMesh *
random_blob(GRand *random, uint32_t n)
{
    enum { BALLS = 12 };
    double ball[BALLS][4];
    for (int i = 0; i < BALLS; i++) {
        for (int k = 0; k < 3; k++)
            ball[i][k] = g_rand_double_range(random, 0.1, 0.9) * n;
        ball[i][3] = g_rand_double_range(random, 0.03, 0.25) * n;
    }
    orf_autofree float *field = ORF_ALLOC(NULL, float, ((size_t)n * n * n), "test", NULL);
    for (uint32_t z = 0; z < n; z++)
        for (uint32_t y = 0; y < n; y++)
            for (uint32_t x = 0; x < n; x++) {
                double value = -1;
                for (int i = 0; i < BALLS; i++) {
                    double dx = x - ball[i][0], dy = y - ball[i][1], dz = z - ball[i][2];
                    double near = ball[i][3] - sqrt(dx * dx + dy * dy + dz * dz);
                    value = i % 4 == 3 ? MIN(value, -near) : MAX(value, near);
                }
                field[((size_t)z * n + y) * n + x] =
                    (float)(value + g_rand_double_range(random, -0.3, 0.3));
            }
    OrfField grid = { .field = field, .nx = n, .ny = n, .nz = n, .cell = 1 };
    return orf_mesh_isosurface(NULL, &grid, NULL);
}

static void
check_stays_solid(const OrfMesh *mesh, size_t triangles, float error)
{
    OrfMeasures before = measure(mesh);
    g_autoptr(OrfMesh) fewer = simplify(mesh, triangles, error);
    OrfMeasures after = measure(fewer);
    g_assert_true(after.closed && after.manifold && after.oriented);
    g_assert_cmpuint(after.degenerate, ==, 0);
    g_assert_cmpuint(after.duplicate, ==, 0);
    g_assert_cmpint(after.euler, ==, before.euler);
    g_assert_cmpuint(after.shells, ==, before.shells);
    g_assert_cmpuint(after.unreferenced, ==, 0);
    g_assert_cmpfloat(after.volume / before.volume, >, 0.2);
    g_autoptr(OrfMesh) welded = orf_mesh_weld(NULL, fewer, 0, NULL);
    g_assert_cmpuint(orf_mesh_n_vertices(welded), ==, after.vertices);
}

/* --- Solid in, solid out ------------------------------------------------------------------ */

static void
random_bodies_stay_solid(void)
{
    g_autoptr(GRand) random = g_rand_new_with_seed(31);
    for (int round = 0; round < 60; round++) {
        g_autoptr(OrfMesh) blob = random_blob(random, 24 + 4 * (uint32_t)(round % 5));
        size_t n = orf_mesh_n_triangles(blob);
        if (n == 0 || !measure(blob).manifold)
            continue;
        check_stays_solid(blob, n / 2, 0);
        check_stays_solid(blob, n / 10, 0);
        check_stays_solid(blob, 4, 0);
        check_stays_solid(blob, 0, 0.3f);
    }
}

static void
thin_bodies_stay_solid(void)
{
    g_autoptr(OrfMesh) ring = shape_torus(30, 10, 200, 100, 0.25f);
    g_autoptr(OrfMesh) wire = shape_torus(30, 0.05f, 400, 5, 0);
    g_autoptr(OrfMesh) ball = shape_ball(10, 100, 50);
    g_autoptr(OrfMesh) pole = shape_ball(10, 1000, 10);
    g_autoptr(OrfMesh) disc =
        orf_mesh_scale_move(NULL, ball, (float[3]){ 1, 0.01f, 1 }, (float[3]){ 0, 0, 0 }, NULL);
    g_autoptr(OrfMesh) cube = shape_cube(1, (float[3]){ 0, 0, 0 });
    const OrfMesh *bodies[] = { ring, wire, ball, pole, disc, cube };
    static const size_t parts[] = { 2, 5, 20, 100, 1000000 };
    for (size_t i = 0; i < G_N_ELEMENTS(bodies); i++)
        for (size_t k = 0; k < G_N_ELEMENTS(parts); k++)
            check_stays_solid(bodies[i], MAX(orf_mesh_n_triangles(bodies[i]) / parts[k], 1), 0);
}

static void
flattened_bodies_do_not_turn_inside_out(void)
{
    g_autoptr(GRand) random = g_rand_new_with_seed(34);
    for (int round = 0; round < 100; round++) {
        g_autoptr(OrfMesh) ball =
            shape_ball(10, 8 + 3 * (unsigned)round, 4 + (unsigned)round / 2);
        float thin = (float)pow(10, g_rand_double_range(random, -3, 0));
        g_autoptr(OrfMesh) disc = orf_mesh_scale_move(NULL, ball, (float[3]){ 1, thin, 1 },
                                                      (float[3]){ 0, 0, 0 }, NULL);
        check_stays_solid(disc, 1, 0);
        check_stays_solid(disc, orf_mesh_n_triangles(disc) / 30, 0);
    }
}

static void
many_shells_stay(void)
{
    OrfMesh *cubes[200];
    for (int i = 0; i < 200; i++) {
        g_autoptr(OrfMesh) ball = shape_ball(1, 12, 6);
        cubes[i] = orf_mesh_scale_move(NULL, ball, (float[3]){ 1, 1, 1 },
                                       (float[3]){ (float)(3 * i), 0, 0 }, NULL);
    }
    g_autoptr(OrfMesh) all = orf_mesh_join(NULL, cubes, 200, false, NULL);
    for (int i = 0; i < 200; i++)
        orf_mesh_unref(cubes[i]);
    check_stays_solid(all, 1000, 0);
    check_stays_solid(all, 1, 0);
}

static void
reaches_the_target(void)
{
    g_autoptr(OrfMesh) ring = shape_torus(30, 10, 200, 100, 0.25f);
    for (size_t target = 30000; target > 100; target /= 3) {
        g_autoptr(OrfMesh) fewer = simplify(ring, target, 0);
        g_assert_cmpuint(orf_mesh_n_triangles(fewer), <=, target);
        g_assert_cmpuint(orf_mesh_n_triangles(fewer), >=, target - 2);
    }
    g_autoptr(OrfMesh) same = simplify(ring, 50000, 0);
    g_assert_cmpuint(orf_mesh_n_triangles(same), ==, orf_mesh_n_triangles(ring));
}

static void
does_not_depend_on_the_cores(void)
{
    g_autoptr(OrfMesh) ring = shape_torus(30, 10, 300, 200, 0.25f);
    g_autoptr(OrfTask) task = orf_task_new(&(OrfTaskOptions){ .cores = 3 });
    g_autoptr(OrfMesh) one = simplify(ring, 5000, 0);
    g_autoptr(OrfMesh) three =
        orf_mesh_simplify(task, ring, &(OrfSimplify){ .triangles = 5000 }, NULL);
    g_assert_cmpuint(orf_mesh_n_vertices(one), ==, orf_mesh_n_vertices(three));
    g_assert_cmpint(memcmp(orf_mesh_triangles(one), orf_mesh_triangles(three),
                           12 * orf_mesh_n_triangles(one)),
                    ==, 0);
    g_assert_cmpint(memcmp(orf_mesh_positions(one), orf_mesh_positions(three),
                           12 * orf_mesh_n_vertices(one)),
                    ==, 0);
}

/* --- By error ----------------------------------------------------------------------------- */

static void
stays_near_the_error(void)
{
    g_autoptr(GRand) random = g_rand_new_with_seed(32);
    g_autoptr(OrfMesh) ring = shape_torus(30, 10, 120, 60, 0.25f);
    g_autoptr(OrfMesh) ball = shape_ball(20, 100, 50);
    g_autoptr(OrfMesh) blob = random_blob(random, 32);
    const OrfMesh *bodies[] = { ring, ball, blob };
    static const float errors[] = { 0.5f, 0.1f, 0.02f };
    for (size_t i = 0; i < G_N_ELEMENTS(bodies); i++)
        for (size_t k = 0; k < G_N_ELEMENTS(errors); k++) {
            g_autoptr(OrfMesh) fewer = simplify(bodies[i], 0, errors[k]);
            double out = deviation(bodies[i], fewer, 13),
                   back = deviation(fewer, bodies[i], 13);
            g_test_message("%zu of %zu triangles for %g mm: off by %g, %g",
                           orf_mesh_n_triangles(fewer), orf_mesh_n_triangles(bodies[i]),
                           (double)errors[k], out, back);
            g_assert_cmpfloat(MAX(out, back), <=, 1.25 * errors[k]);
        }
}

static void
flat_faces_need_few_triangles(void)
{
    enum { N = 24 };
    orf_autofree float *field = ORF_ALLOC(NULL, float, (N * N * N), "test", NULL);
    for (int i = 0; i < N * N * N; i++) {
        int x = i % N, y = i / N % N, z = i / N / N;
        field[i] = MIN(MIN(x, y), z) >= 4 && MAX(MAX(x, y), z) < 20 ? 1 : -1;
    }
    OrfField grid = { .field = field, .nx = N, .ny = N, .nz = N, .cell = 1 };
    g_autoptr(OrfMesh) block = orf_mesh_isosurface(NULL, &grid, NULL);
    g_autoptr(OrfMesh) fewer = simplify(block, 0, 0.01f);
    g_assert_cmpuint(orf_mesh_n_triangles(fewer), <, orf_mesh_n_triangles(block) / 5);
    g_assert_cmpfloat_with_epsilon(measure(fewer).volume, measure(block).volume, 1);
}

/* --- What must survive -------------------------------------------------------------------- */

/* A square sheet of n x n cells in the plane, with UVs as drawn: two charts that meet at x =
 * half (a seam), in groups by quarter, colours by place. */
static OrfMesh *
painted_sheet(unsigned n)
{
    unsigned side = n + 1;
    OrfMeshParts parts = { .n_vertices = side * side, .n_triangles = 2 * n * n };
    parts.positions = ORF_ALLOC(NULL, float, 3 * parts.n_vertices, "test", NULL);
    parts.colors = ORF_ALLOC(NULL, uint8_t, 4 * parts.n_vertices, "test", NULL);
    parts.n_uvs = 2 * parts.n_vertices;
    parts.uvs = ORF_ALLOC(NULL, float, 2 * parts.n_uvs, "test", NULL);
    parts.triangles = ORF_ALLOC(NULL, uint32_t, 3 * parts.n_triangles, "test", NULL);
    parts.uv_triangles = ORF_ALLOC(NULL, uint32_t, 3 * parts.n_triangles, "test", NULL);
    parts.groups = ORF_ALLOC(NULL, uint16_t, parts.n_triangles, "test", NULL);
    for (unsigned v = 0; v < side * side; v++) {
        float x = (float)(v % side) / (float)n, y = (float)(v / side) / (float)n;
        memcpy(parts.positions + 3 * v, (float[]){ x, y, 0 }, 12);
        memcpy(parts.uvs + 2 * v, (float[]){ x / 2, y / 2 }, 8);
        memcpy(parts.uvs + 2 * (v + side * side), (float[]){ x / 2 + 0.5f, 1 - y / 2 }, 8);
        memcpy(parts.colors + 4 * v,
               (uint8_t[]){ (uint8_t)(255 * x), (uint8_t)(255 * y), 0, 255 }, 4);
    }
    for (unsigned i = 0; i < n * n; i++) {
        uint32_t a = i / n * side + i % n, right = i % n >= n / 2 ? side * side : 0;
        uint32_t t[6] = { a, a + 1, a + side + 1, a, a + side + 1, a + side };
        for (int k = 0; k < 6; k++) {
            parts.triangles[6 * i + k] = t[k];
            parts.uv_triangles[6 * i + k] = t[k] + right;
        }
        parts.groups[2 * i] = parts.groups[2 * i + 1] = i / n >= n / 2;
    }
    return orf_mesh_new_take(&parts, NULL);
}

/* Every corner shows the part of the picture that belongs to its place. */
static void
check_painting(const OrfMesh *mesh)
{
    for (size_t c = 0; c < 3 * orf_mesh_n_triangles(mesh); c++) {
        size_t v = orf_mesh_triangles(mesh)[c], w = orf_mesh_uv_triangles(mesh)[c];
        const float *p = orf_mesh_positions(mesh) + 3 * v, *uv = orf_mesh_uvs(mesh) + 2 * w;
        const uint8_t *color = orf_mesh_colors(mesh) + 4 * v;
        bool right = uv[0] >= 0.5f;
        g_assert_cmpfloat_with_epsilon(uv[0], p[0] / 2 + (right ? 0.5f : 0), 1e-3);
        g_assert_cmpfloat_with_epsilon(uv[1], right ? 1 - p[1] / 2 : p[1] / 2, 1e-3);
        g_assert_cmpfloat_with_epsilon(color[0], 255 * p[0], 3);
        g_assert_cmpfloat_with_epsilon(color[1], 255 * p[1], 3);
    }
}

static double
area_of_group(const OrfMesh *mesh, uint16_t group)
{
    double area = 0;
    for (size_t t = 0; t < orf_mesh_n_triangles(mesh); t++) {
        const uint32_t *corner = orf_mesh_triangles(mesh) + 3 * t;
        const float *a = orf_mesh_positions(mesh) + 3 * (size_t)corner[0],
                    *b = orf_mesh_positions(mesh) + 3 * (size_t)corner[1],
                    *c = orf_mesh_positions(mesh) + 3 * (size_t)corner[2];
        if (orf_mesh_groups(mesh)[t] == group)
            area += ((b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])) / 2;
    }
    return area;
}

static void
textures_colours_and_groups_stay_in_place(void)
{
    g_autoptr(OrfMesh) sheet = painted_sheet(40);
    g_autoptr(OrfMesh) fewer = simplify(sheet, 500, 0);
    g_assert_cmpuint(orf_mesh_n_triangles(fewer), <=, 500);
    check_painting(fewer);
    for (uint16_t group = 0; group < 2; group++)
        g_assert_cmpfloat_with_epsilon(area_of_group(fewer, group), 0.5, 1e-4);
    OrfMeasures after = measure(fewer);
    g_assert_true(after.manifold);
    g_assert_cmpuint(after.shells, ==, 1);
    g_assert_cmpint(after.euler, ==, 1);
    g_assert_cmpfloat(after.low[0], ==, 0);
    g_assert_cmpfloat(after.high[1], ==, 1);
}

/* Triangles that lie face down in the texture, and the area of the others. */
static size_t
count_flipped(const OrfMesh *mesh, double *ret_area)
{
    size_t flipped = 0;
    *ret_area = 0;
    for (size_t t = 0; t < orf_mesh_n_triangles(mesh); t++) {
        const uint32_t *corner = orf_mesh_uv_triangles(mesh) + 3 * t;
        const float *a = orf_mesh_uvs(mesh) + 2 * (size_t)corner[0],
                    *b = orf_mesh_uvs(mesh) + 2 * (size_t)corner[1],
                    *c = orf_mesh_uvs(mesh) + 2 * (size_t)corner[2];
        double area = ((double)b[0] - a[0]) * ((double)c[1] - a[1]) -
                      ((double)b[1] - a[1]) * ((double)c[0] - a[0]);
        flipped += area < 0;
        *ret_area += area / 2;
    }
    return flipped;
}

static void
unwrapped_bodies_keep_their_charts(void)
{
    g_autoptr(GRand) random = g_rand_new_with_seed(35);
    for (int round = 0; round < 5; round++) {
        g_autoptr(OrfMesh) blob = random_blob(random, 24);
        g_autoptr(OrfMesh) smooth = orf_mesh_smooth(NULL, blob, NULL, NULL);
        g_autoptr(OrfMesh) unwrapped = orf_mesh_unwrap(NULL, smooth, NULL, NULL);
        g_assert_nonnull(unwrapped);
        double before, after;
        size_t n = orf_mesh_n_triangles(unwrapped), flipped = count_flipped(unwrapped, &before);
        g_autoptr(OrfMesh) fewer = simplify(unwrapped, n / 4, 0);
        g_assert_cmpuint(orf_mesh_n_triangles(fewer), <, n * 2 / 3);
        bool upside_down = flipped > n / 2;
        size_t flipped_after = count_flipped(fewer, &after);
        g_assert_cmpuint(upside_down ? orf_mesh_n_triangles(fewer) - flipped_after
                                     : flipped_after,
                         <=, upside_down ? n - flipped : flipped);
        g_assert_cmpfloat_with_epsilon(after / before, 1, 0.02);
        check_stays_solid(unwrapped, n / 4, 0);
    }
}

static void
borders_stay_when_asked(void)
{
    g_autoptr(OrfMesh) ball = shape_ball(10, 40, 20);
    g_autoptr(OrfMesh) open =
        shape_new(orf_mesh_positions(ball), orf_mesh_n_vertices(ball), orf_mesh_triangles(ball),
                  orf_mesh_n_triangles(ball) / 2);
    size_t border = measure(open).boundary_edges;
    OrfSimplify options = { .triangles = 100, .keep_borders = true };
    g_autoptr(OrfMesh) kept = orf_mesh_simplify(NULL, open, &options, NULL);
    g_assert_cmpuint(measure(kept).boundary_edges, ==, border);
    g_autoptr(OrfMesh) fewer = simplify(open, 100, 0);
    g_assert_cmpuint(measure(fewer).boundary_edges, <, border);
    g_assert_cmpuint(measure(fewer).shells, ==, 1);
    g_assert_true(measure(fewer).manifold);
}

static void
damaged_bodies_get_no_worse(void)
{
    g_autoptr(GRand) random = g_rand_new_with_seed(33);
    float positions[90];
    for (int round = 0; round < 500; round++) {
        uint32_t triangles[180], n_vertices = (uint32_t)g_rand_int_range(random, 4, 31);
        size_t n = (size_t)g_rand_int_range(random, 1, 61);
        for (int i = 0; i < 90; i++)
            positions[i] = (float)g_rand_double(random);
        for (size_t c = 0; c < 3 * n; c++)
            triangles[c] = (uint32_t)g_rand_int_range(random, 0, (int)n_vertices);
        g_autoptr(OrfMesh) mess = shape_new(positions, n_vertices, triangles, n);
        g_autoptr(OrfMesh) fewer = simplify(mess, MAX(n / 2, 1), 0);
        OrfMeasures before = measure(mess), after = measure(fewer);
        g_assert_cmpuint(after.nonmanifold_edges, <=, before.nonmanifold_edges);
        g_assert_cmpuint(after.nonmanifold_vertices, <=, before.nonmanifold_vertices);
        g_assert_cmpuint(after.shells, ==, before.shells);
    }
}

/* --- Limits ------------------------------------------------------------------------------- */

static void
neither_target_nor_error_is_refused(void)
{
    g_autoptr(OrfMesh) cube = shape_cube(1, (float[3]){ 0, 0, 0 });
    g_autoptr(GError) error = NULL;
    g_assert_null(orf_mesh_simplify(NULL, cube, &(OrfSimplify){ 0 }, &error));
    g_assert_error(error, ORF_ERROR, ORF_ERROR_BAD_INPUT);
}

static void
stops_when_cancelled_and_stays_in_its_budget(void)
{
    g_autoptr(OrfMesh) ball = shape_ball(10, 200, 100);
    OrfSimplify options = { .triangles = 1000 };
    g_autoptr(OrfTask) task = orf_task_new(NULL);
    orf_task_cancel(task);
    g_autoptr(GError) error = NULL;
    g_assert_null(orf_mesh_simplify(task, ball, &options, &error));
    g_assert_error(error, ORF_ERROR, ORF_ERROR_CANCELLED);
    bool done = false;
    for (size_t memory = 100000; !done; memory = memory * 4 / 3) {
        g_clear_error(&error);
        g_autoptr(OrfTask) small = orf_task_new(&(OrfTaskOptions){ .memory = memory });
        g_autoptr(OrfMesh) fewer = orf_mesh_simplify(small, ball, &options, &error);
        done = fewer != NULL;
        if (!done)
            g_assert_error(error, ORF_ERROR, ORF_ERROR_TOO_LARGE);
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/mesh/simplify/random-bodies-stay-solid", random_bodies_stay_solid);
    g_test_add_func("/mesh/simplify/thin-bodies-stay-solid", thin_bodies_stay_solid);
    g_test_add_func("/mesh/simplify/flattened-bodies-do-not-turn-inside-out",
                    flattened_bodies_do_not_turn_inside_out);
    g_test_add_func("/mesh/simplify/many-shells-stay", many_shells_stay);
    g_test_add_func("/mesh/simplify/reaches-the-target", reaches_the_target);
    g_test_add_func("/mesh/simplify/does-not-depend-on-the-cores",
                    does_not_depend_on_the_cores);
    g_test_add_func("/mesh/simplify/flat-faces-need-few-triangles",
                    flat_faces_need_few_triangles);
    g_test_add_func("/mesh/simplify/textures-colours-and-groups-stay-in-place",
                    textures_colours_and_groups_stay_in_place);
    g_test_add_func("/mesh/simplify/unwrapped-bodies-keep-their-charts",
                    unwrapped_bodies_keep_their_charts);
    g_test_add_func("/mesh/simplify/borders-stay-when-asked", borders_stay_when_asked);
    g_test_add_func("/mesh/simplify/damaged-bodies-get-no-worse", damaged_bodies_get_no_worse);
    g_test_add_func("/mesh/simplify/neither-target-nor-error-is-refused",
                    neither_target_nor_error_is_refused);
    g_test_add_func("/mesh/simplify/stops-when-cancelled-and-stays-in-its-budget",
                    stops_when_cancelled_and_stays_in_its_budget);
    g_test_add_func("/mesh/simplify/stays-near-the-error-asked-for", stays_near_the_error);
    return g_test_run();
}
