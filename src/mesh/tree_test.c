/* tree_test.c - the tree against all triangles one by one.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "mesh/mesh-priv.h"
#include "shapes_test.h"

static OrfTree *
tree_over(const OrfMesh *mesh)
{
    g_autoptr(GError) error = NULL;
    OrfTree *tree = orf_tree_new(NULL, orf_mesh_positions(mesh), orf_mesh_triangles(mesh),
                                 orf_mesh_n_triangles(mesh), &error);
    g_assert_no_error(error);
    return tree;
}

static void
random_point(GRand *random, double size, double ret[3])
{
    for (int k = 0; k < 3; k++)
        ret[k] = g_rand_double_range(random, -size, size);
}

/* A tree over one triangle has no branches: the truth. */
static void
agrees_with_all(void)
{
    g_autoptr(GRand) random = g_rand_new_with_seed(7);
    g_autoptr(OrfMesh) torus = shape_torus(10, 4, 40, 20, 0.3f);
    g_autoptr(OrfTree) tree = tree_over(torus);
    size_t n = orf_mesh_n_triangles(torus), hits = 0;
    OrfTree **one = g_new(OrfTree *, n);
    for (size_t t = 0; t < n; t++)
        one[t] = orf_tree_new(NULL, orf_mesh_positions(torus),
                              orf_mesh_triangles(torus) + 3 * t, 1, NULL);
    for (int round = 0; round < 300; round++) {
        double point[3], direction[3], length = 0, nearest = INFINITY, first = INFINITY,
                                       sum = 0;
        random_point(random, 20, point);
        random_point(random, 1, direction);
        for (int k = 0; k < 3; k++)
            length += direction[k] * direction[k];
        for (int k = 0; k < 3; k++)
            direction[k] /= sqrt(length);
        for (size_t t = 0; t < n; t++) {
            nearest = MIN(nearest, orf_tree_nearest(one[t], point, INFINITY, NULL, NULL));
            first =
                MIN(first, orf_tree_first_hit(one[t], point, direction, INFINITY, UINT32_MAX));
            sum += orf_tree_winding(one[t], point);
        }
        hits += first < INFINITY;
        g_assert_cmpfloat(orf_tree_nearest(tree, point, INFINITY, NULL, NULL), ==, nearest);
        g_assert_cmpfloat(orf_tree_first_hit(tree, point, direction, INFINITY, UINT32_MAX), ==,
                          first);
        g_assert_cmpfloat_with_epsilon(orf_tree_winding(tree, point), sum, 0.1);
        g_assert_false(orf_tree_nearest(tree, point, nearest * 0.999, NULL, NULL) < INFINITY);
    }
    g_assert_cmpuint(hits, >, 20);
    for (size_t t = 0; t < n; t++)
        orf_tree_free(one[t]);
    g_free(one);
}

static void
nearest_point_lies_on_its_triangle(void)
{
    g_autoptr(GRand) random = g_rand_new_with_seed(8);
    g_autoptr(OrfMesh) ball = shape_ball(5, 24, 16);
    g_autoptr(OrfTree) tree = tree_over(ball);
    for (int round = 0; round < 200; round++) {
        double point[3], found[3], off = 0;
        uint32_t t = UINT32_MAX;
        random_point(random, 9, point);
        double distance = orf_tree_nearest(tree, point, INFINITY, found, &t);
        for (int k = 0; k < 3; k++)
            off += (point[k] - found[k]) * (point[k] - found[k]);
        g_assert_cmpfloat_with_epsilon(sqrt(off), distance, 1e-9);
        g_autoptr(OrfTree) own = orf_tree_new(
            NULL, orf_mesh_positions(ball), orf_mesh_triangles(ball) + 3 * (size_t)t, 1, NULL);
        g_assert_cmpfloat(orf_tree_nearest(own, found, INFINITY, NULL, NULL), <, 1e-6);
    }
}

static void
winds_once_round_the_inside(void)
{
    g_autoptr(GRand) random = g_rand_new_with_seed(9);
    g_autoptr(OrfMesh) ball = shape_ball(5, 48, 32);
    g_autoptr(OrfTree) tree = tree_over(ball);
    for (int round = 0; round < 300; round++) {
        double point[3], far = 0;
        random_point(random, 8, point);
        for (int k = 0; k < 3; k++)
            far += point[k] * point[k];
        if (fabs(sqrt(far) - 5) < 0.1)
            continue;
        g_assert_cmpfloat_with_epsilon(orf_tree_winding(tree, point), far < 25 ? 1 : 0, 0.05);
    }
}

static void
bears_nothing(void)
{
    g_autoptr(OrfTree) empty = orf_tree_new(NULL, NULL, NULL, 0, NULL);
    const float flat[9] = { 0, 0, 0, 1, 1, 1, 2, 2, 2 };
    const uint32_t line[3] = { 0, 1, 2 };
    g_autoptr(OrfTree) thin = orf_tree_new(NULL, flat, line, 1, NULL);
    const double point[3] = { 0 }, up[3] = { 0, 0, 1 };
    OrfTree *trees[] = { empty, thin };
    for (size_t i = 0; i < 2; i++) {
        g_assert_false(orf_tree_nearest(trees[i], point, INFINITY, NULL, NULL) < INFINITY);
        g_assert_false(orf_tree_first_hit(trees[i], point, up, INFINITY, UINT32_MAX) <
                       INFINITY);
        g_assert_cmpfloat(orf_tree_winding(trees[i], point), ==, 0);
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/mesh/tree/agrees-with-all-triangles-one-by-one", agrees_with_all);
    g_test_add_func("/mesh/tree/nearest-point-lies-on-its-triangle",
                    nearest_point_lies_on_its_triangle);
    g_test_add_func("/mesh/tree/winds-once-round-the-inside", winds_once_round_the_inside);
    g_test_add_func("/mesh/tree/bears-no-triangles-and-flat-ones", bears_nothing);
    return g_test_run();
}
