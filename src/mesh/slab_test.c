/* SPDX-License-Identifier: Apache-2.0 */
#include "mesh/mesh.h"

#include <math.h>

typedef enum { FLAT, ARC, TUBE } Shape;

/* A point of the sheet at depth `z` (outwards) over grid position u, v in 0..1. */
static void
place(Shape shape, double u, double v, double z, float ret[3])
{
    double angle = shape == TUBE ? 2 * G_PI * u : (u - 0.5) * 2;
    double radius = 30 + z;
    ret[0] = (float)(shape == FLAT ? 60 * (u - 0.5) : radius * sin(angle));
    ret[1] = (float)(40 * (1 - v));
    ret[2] = (float)(shape == FLAT ? z : radius * cos(angle));
}

static OrfMesh *
make(Shape shape, uint32_t nx, uint32_t ny, double bumps, float limit)
{
    size_t n = (size_t)nx * ny;
    orf_autofree float *outer = ORF_ALLOC(NULL, float, 3 * n, "outer", NULL);
    orf_autofree float *inner = ORF_ALLOC(NULL, float, 3 * n, "inner", NULL);
    g_autoptr(GRand) rand = g_rand_new_with_seed(7);
    for (uint32_t y = 0; y < ny; y++)
        for (uint32_t x = 0; x < nx; x++) {
            double u = (double)x / (nx - 1), v = (double)y / (ny - 1);
            double noise = g_rand_double(rand) * (x < nx / 2 ? bumps : 0);
            if (shape == TUBE && x == nx - 1)
                noise = 0;
            if (shape == TUBE && x == 0)
                noise = 0;
            place(shape, u, v, 2 + noise, outer + 3 * ((size_t)y * nx + x));
            place(shape, u, v, 0, inner + 3 * ((size_t)y * nx + x));
        }
    g_autoptr(GError) error = NULL;
    OrfMesh *mesh =
        orf_mesh_slab(NULL, &(OrfSlab){ outer, inner, nx, ny, shape == TUBE, limit }, &error);
    g_assert_no_error(error);
    return mesh;
}

static void
every_shape_is_a_solid(void)
{
    static const float limits[] = { 0, 0.001f, 0.02f, 0.5f, 100 };
    for (Shape shape = FLAT; shape <= TUBE; shape++)
        for (size_t i = 0; i < G_N_ELEMENTS(limits); i++) {
            if (shape == TUBE && limits[i] > 1)
                continue; /* a tube cannot be told from a line at any price */
            g_autoptr(OrfMesh) mesh = make(shape, 97, 65, 0.8, limits[i]);
            OrfMeasures m;
            g_assert_true(orf_mesh_measure(NULL, mesh, false, &m, NULL));
            g_assert_true(orf_measures_solid(&m));
            g_assert_cmpfloat(m.volume, >, 0);
            g_assert_cmpint(m.euler, ==, shape == TUBE ? 0 : 2);
            g_assert_cmpuint(m.shells, ==, 1);
        }
}

static void
flat_parts_cost_little(void)
{
    g_autoptr(OrfMesh) rough = make(FLAT, 129, 129, 0.8, 0.02f);
    g_autoptr(OrfMesh) smooth = make(FLAT, 129, 129, 0, 0.02f);
    g_autoptr(OrfMesh) every = make(FLAT, 129, 129, 0, 0);
    g_assert_cmpuint(orf_mesh_n_triangles(smooth), <, 200);
    g_assert_cmpuint(orf_mesh_n_triangles(every), ==, 4 * 128 * 128 + 8 * 128);
    g_assert_cmpuint(orf_mesh_n_triangles(rough), <, orf_mesh_n_triangles(every) * 2 / 3);
}

static void
volume_is_that_of_the_plate(void)
{
    g_autoptr(OrfMesh) mesh = make(FLAT, 65, 65, 0, 0.02f);
    OrfMeasures m;
    g_assert_true(orf_mesh_measure(NULL, mesh, false, &m, NULL));
    g_assert_cmpfloat_with_epsilon(m.volume, 60.0 * 40 * 2, 0.5);
}

static void
cancel_is_heard(void)
{
    g_autoptr(OrfTask) task = orf_task_new(NULL);
    orf_task_cancel(task);
    float sheet[33 * 33 * 3] = { 0 };
    g_autoptr(GError) error = NULL;
    g_assert_null(orf_mesh_slab(task, &(OrfSlab){ sheet, sheet, 33, 33, false, 0 }, &error));
    g_assert_error(error, ORF_ERROR, ORF_ERROR_CANCELLED);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/mesh/slab/every-shape-is-a-solid", every_shape_is_a_solid);
    g_test_add_func("/mesh/slab/flat-parts-cost-little", flat_parts_cost_little);
    g_test_add_func("/mesh/slab/volume-is-that-of-the-plate", volume_is_that_of_the_plate);
    g_test_add_func("/mesh/slab/cancel-is-heard", cancel_is_heard);
    return g_test_run();
}
