/* repair-wind_test.c - winding numbers by rows of cells against solid angles one by one.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "mesh/repair-priv.h"
#include "shapes_test.h"

/* Van Oosterom and Strackee 1983, as the tree has it for near triangles; here for all. */
static double
solid_angle(const float *const corner[3], const double point[3])
{
    double p[3][3], length[3] = { 0 }, ab = 0, bc = 0, ca = 0, triple = 0;
    for (int c = 0; c < 3; c++)
        for (int k = 0; k < 3; k++) {
            p[c][k] = (double)corner[c][k] - point[k];
            length[c] += p[c][k] * p[c][k];
        }
    for (int k = 0; k < 3; k++) {
        int i = (k + 1) % 3, j = (k + 2) % 3;
        length[k] = sqrt(length[k]);
        ab += p[0][k] * p[1][k];
        bc += p[1][k] * p[2][k];
        ca += p[2][k] * p[0][k];
        triple += p[0][k] * (p[1][i] * p[2][j] - p[1][j] * p[2][i]);
    }
    return 2 * atan2(triple, length[0] * length[1] * length[2] + ab * length[2] +
                                 bc * length[0] + ca * length[1]);
}

static double
winding_of(const OrfMesh *mesh, const double point[3])
{
    const float *positions = orf_mesh_positions(mesh);
    const uint32_t *t = orf_mesh_triangles(mesh);
    double sum = 0;
    for (size_t i = 0; i < orf_mesh_n_triangles(mesh); i++, t += 3) {
        const float *corner[3];
        for (int c = 0; c < 3; c++)
            corner[c] = positions + 3 * (size_t)t[c];
        sum += solid_angle(corner, point);
    }
    return sum / (4 * G_PI);
}

/* At `step`th cells, not nearer to a triangle than one cell: there left-out caps may count.
 * Returns the greatest difference. */
static double
worst_off(const OrfMesh *mesh, unsigned cells, size_t step)
{
    g_autoptr(GError) error = NULL;
    g_auto(OrfRepairGrid) grid = { 0 };
    g_assert_true(orf_grid_init(NULL, orf_mesh_positions(mesh), orf_mesh_triangles(mesh),
                                orf_mesh_n_triangles(mesh), cells, &grid, &error));
    orf_autofree float *winding = orf_grid_wind(NULL, mesh, &grid, &error);
    g_assert_no_error(error);
    double worst = 0;
    for (size_t i = 0; i < grid.total; i += step) {
        double middle[3];
        orf_grid_middle(&grid, i, middle);
        if ((double)grid.distance[i] >= grid.cell)
            worst = MAX(worst, fabs((double)winding[i] - winding_of(mesh, middle)));
    }
    return worst;
}

static OrfMesh *
without(const OrfMesh *mesh, size_t every)
{
    OrfMeshParts parts = { 0 };
    g_assert_true(orf_mesh_copy_parts(NULL, mesh, &parts, NULL));
    size_t kept = 0;
    for (size_t t = 0; t < parts.n_triangles; t++)
        if (t % every != every / 2)
            memmove(parts.triangles + 3 * kept++, parts.triangles + 3 * t, 12);
    parts.n_triangles = kept;
    return orf_mesh_new_take(&parts, NULL);
}

static void
agrees_where_closed(void)
{
    g_autoptr(OrfMesh) ball = shape_ball(10, 40, 30);
    g_autoptr(OrfMesh) torus = shape_torus(10, 4, 40, 20, 0.3f);
    g_autoptr(OrfMesh) cube = shape_cube(8, (float[3]){ 0, 0, 0 }); /* rows through its edges */
    g_assert_cmpfloat(worst_off(ball, 40, 53), <, 1e-4);
    g_assert_cmpfloat(worst_off(torus, 50, 53), <, 1e-4);
    g_assert_cmpfloat(worst_off(cube, 32, 1), <, 1e-4);
}

static void
agrees_where_torn(void)
{
    g_autoptr(OrfMesh) ball = shape_ball(10, 40, 30);
    for (size_t every = 2; every < 200; every *= 3) {
        g_autoptr(OrfMesh) torn = without(ball, every);
        double worst = worst_off(torn, 40, 53);
        g_test_message("every %zuth missing: %.3f", every, worst);
        g_assert_cmpfloat(worst, <, 0.05);
    }
}

static void
agrees_on_a_half(void)
{
    g_autoptr(OrfMesh) ball = shape_ball(10, 40, 30);
    OrfMeshParts parts = { 0 };
    g_assert_true(orf_mesh_copy_parts(NULL, ball, &parts, NULL));
    parts.n_triangles /= 2;
    g_autoptr(OrfMesh) half = orf_mesh_new_take(&parts, NULL);
    g_assert_cmpfloat(worst_off(half, 40, 53), <, 0.05);
}

/* Edges with any number of triangles either way: the loops are no holes any more. */
static void
agrees_on_any_soup(void)
{
    for (uint32_t seed = 1; seed <= 8; seed++) {
        g_autoptr(GRand) random = g_rand_new_with_seed(seed);
        enum { POINTS = 12, TRIANGLES = 60 };
        float positions[3 * POINTS];
        uint32_t triangles[3 * TRIANGLES];
        for (size_t i = 0; i < G_N_ELEMENTS(positions); i++)
            positions[i] = (float)g_rand_double_range(random, -10, 10);
        for (size_t i = 0; i < G_N_ELEMENTS(triangles); i++)
            triangles[i] = (uint32_t)g_rand_int_range(random, 0, POINTS);
        g_autoptr(OrfMesh) mesh = shape_new(positions, POINTS, triangles, TRIANGLES);
        g_autoptr(OrfMesh) soup = orf_mesh_weld(NULL, mesh, 0, NULL);
        double worst = worst_off(soup, 40, 3);
        g_test_message("seed %u: %.3f", seed, worst);
        g_assert_cmpfloat(worst, <, 0.1);
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/mesh/repair-wind/agrees-with-solid-angles-where-closed",
                    agrees_where_closed);
    g_test_add_func("/mesh/repair-wind/agrees-with-solid-angles-where-torn", agrees_where_torn);
    g_test_add_func("/mesh/repair-wind/agrees-with-solid-angles-on-a-half", agrees_on_a_half);
    g_test_add_func("/mesh/repair-wind/agrees-with-solid-angles-on-any-soup",
                    agrees_on_any_soup);
    return g_test_run();
}
