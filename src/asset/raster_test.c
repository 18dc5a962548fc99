/* raster_test.c - SPDX-License-Identifier: Apache-2.0 */
#include "asset/bodies_test.h"

#define CELLS 9

typedef struct {
    uint32_t *owner; /* [height][stride] */
    float *near;
    size_t stride;
} Kept;

static void
keep(const OrfBand *band, void *data)
{
    Kept *kept = data;
    size_t at = band->y0 * band->stride, n = (band->y1 - band->y0) * band->stride;
    memcpy(kept->owner + at, band->triangle, n * sizeof *kept->owner);
    memcpy(kept->near + at, band->near, n * sizeof *kept->near);
}

static Kept
draw(OrfTask *task, const OrfRaster *raster)
{
    size_t stride = raster->samples == 4 ? raster->width * 4 : (raster->width + 3) / 4 * 4;
    Kept kept = { ORF_ALLOC(NULL, uint32_t, stride * raster->height, "test", NULL),
                  ORF_ALLOC(NULL, float, stride * raster->height, "test", NULL), stride };
    g_assert_true(orf_raster(task, raster, keep, &kept, NULL));
    return kept;
}

static void
kept_clear(Kept *kept)
{
    orf_free(kept->owner);
    orf_free(kept->near);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Kept, kept_clear)

/* A square of the picture from (3, 3) to (97, 97), cut into jittered triangles. */
typedef struct {
    OrfSpot spots[(CELLS + 1) * (CELLS + 1)];
    uint32_t corners[2 * CELLS * CELLS][3];
} Quilt;

static void
fill_quilt(Quilt *quilt, GRand *random)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(quilt->spots); i++) {
        unsigned column = i % (CELLS + 1), row = i / (CELLS + 1);
        bool inner_x = column % CELLS != 0, inner_y = row % CELLS != 0;
        float jitter_x = inner_x ? (float)g_rand_double_range(random, -3, 3) : 0;
        float jitter_y = inner_y ? (float)g_rand_double_range(random, -3, 3) : 0;
        quilt->spots[i] =
            (OrfSpot){ 3 + 94 * (float)column / CELLS + jitter_x,
                       3 + 94 * (float)row / CELLS + jitter_y, (float)g_rand_double(random) };
    }
    for (unsigned i = 0; i < CELLS * CELLS; i++) {
        uint32_t a = i / CELLS * (CELLS + 1) + i % CELLS, c = a + CELLS + 1;
        uint32_t first[3] = { a, a + 1, c }, second[3] = { c + 1, c, a + 1 };
        memcpy(quilt->corners[2 * i], first, sizeof first);
        memcpy(quilt->corners[2 * i + 1], second, sizeof second);
    }
}

static void
shared_edges(void)
{
    g_autoptr(GRand) random = g_rand_new_with_seed(4);
    for (unsigned round = 0; round < 20; round++) {
        Quilt quilt, turned;
        fill_quilt(&quilt, random);
        turned = quilt;
        unsigned n = G_N_ELEMENTS(quilt.corners), samples = round % 2 ? 4 : 1;
        for (unsigned i = 0; i < n; i++)
            memcpy(turned.corners[i], quilt.corners[n - 1 - i], sizeof quilt.corners[i]);
        for (unsigned i = 0; i < G_N_ELEMENTS(quilt.spots); i++)
            quilt.spots[i].near = turned.spots[i].near = 1; /* only order decides overlaps */
        OrfRaster one = { quilt.spots, quilt.corners[0], n, 100, 100, samples };
        OrfRaster two = { turned.spots, turned.corners[0], n, 100, 100, samples };
        g_auto(Kept) a = draw(NULL, &one), b = draw(NULL, &two);
        for (unsigned y = 4; y < 96; y++)
            for (unsigned x = 4 * samples; x < 96 * samples; x++) {
                uint32_t owner = a.owner[y * a.stride + x], other = b.owner[y * b.stride + x];
                g_assert_cmpuint(owner, !=, ORF_NO_TRIANGLE);
                g_assert_cmpuint(owner, ==, n - 1 - other);
            }
    }
}

static void
nearest_wins(void)
{
    static const OrfSpot spots[] = { { 0, 0, 1 }, { 20, 0, 1 }, { 0, 20, 1 },
                                     { 0, 0, 0 }, { 20, 0, 3 }, { 0, 20, 0 } };
    static const uint32_t corners[] = { 0, 1, 2, 5, 4, 3 };
    OrfRaster raster = { spots, corners, 2, 20, 20, 1 };
    g_auto(Kept) kept = draw(NULL, &raster);
    g_assert_cmpuint(kept.owner[0], ==, 0);                /* 1 against 0.075 */
    g_assert_cmpuint(kept.owner[kept.stride + 15], ==, 1); /* 1 against 2.3 */
    g_assert_cmpuint(kept.owner[19 * kept.stride + 19], ==, ORF_NO_TRIANGLE);
    g_assert_cmpfloat_with_epsilon(kept.near[kept.stride + 15], 3 * 15.5f / 20, 1e-5f);
}

static void
same_on_cores(void)
{
    g_autoptr(OrfMesh) mesh = ball(60, 40, 40);
    g_autoptr(OrfTask) three = orf_task_new(&(OrfTaskOptions){ .cores = 3 });
    OrfCamera camera = orf_camera_at(33, 21);
    g_assert_true(orf_camera_fit(NULL, &camera, mesh, 40, (float[2]){ 201, 133 }, 0.1f, NULL));
    orf_autofree OrfSpot *spots = orf_camera_see_mesh(NULL, &camera, mesh, NULL);
    OrfRaster raster = { spots, orf_mesh_triangles(mesh), orf_mesh_n_triangles(mesh), 201, 133,
                         4 };
    g_auto(Kept) a = draw(NULL, &raster), b = draw(three, &raster);
    g_assert_true(memcmp(a.owner, b.owner, a.stride * 133 * 4) == 0);
    g_assert_true(memcmp(a.near, b.near, a.stride * 133 * 4) == 0);
}

static void
leaves_out(void)
{
    static const OrfSpot spots[] = { { NAN, NAN, 0 }, { 20, 0, 1 },    { 0, 20, 1 },
                                     { -1e9f, 0, 1 }, { 1e9f, 3, 1 },  { 2, 1e9f, 1 },
                                     { 5, 5, 1 },     { 5, 5, 1 },     { 15, 5, 1 },
                                     { -50, -50, 1 }, { -50, -40, 1 }, { -40, -50, 1 } };
    static const uint32_t corners[] = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11 };
    OrfRaster raster = { spots, corners, 4, 20, 20, 4 };
    g_auto(Kept) kept = draw(NULL, &raster);
    for (size_t i = 0; i < kept.stride * 20; i++)
        g_assert_cmpuint(kept.owner[i], ==, ORF_NO_TRIANGLE);
}

static void
perspective_weights(void)
{
    /* From 1 mm before the eye to 3: the middle of the screen is nearer to the near corner. */
    const OrfSpot a = { 0, 0, 1 }, b = { 10, 0, 1 / 3.0f }, c = { 0, 10, 1 };
    const OrfSpot *corners[3] = { &a, &b, &c };
    float w[3];
    float area = orf_raster_weights(corners, false, 5, 0, w);
    g_assert_cmpfloat(area, >, 0);
    g_assert_cmpfloat_with_epsilon(w[0], 0.75f, 1e-6f);
    g_assert_cmpfloat_with_epsilon(w[1], 0.25f, 1e-6f);
    orf_raster_weights(corners, true, 5, 0, w);
    g_assert_cmpfloat_with_epsilon(w[1], 0.5f, 1e-6f);
}

static void
cancels(void)
{
    g_autoptr(OrfTask) task = orf_task_new(NULL);
    g_autoptr(OrfMesh) mesh = ball(20, 10, 40);
    g_autoptr(GError) error = NULL;
    OrfCamera camera = orf_camera_at(0, 0);
    orf_autofree OrfSpot *spots = orf_camera_see_mesh(NULL, &camera, mesh, NULL);
    OrfRaster raster = {
        spots, orf_mesh_triangles(mesh), orf_mesh_n_triangles(mesh), 50, 50, 4
    };
    orf_task_cancel(task);
    g_assert_false(orf_raster(task, &raster, keep, NULL, &error));
    g_assert_error(error, ORF_ERROR, ORF_ERROR_CANCELLED);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/asset/raster/draws-each-sample-of-shared-edges-once", shared_edges);
    g_test_add_func("/asset/raster/keeps-the-nearest-triangle", nearest_wins);
    g_test_add_func("/asset/raster/is-the-same-on-any-number-of-cores", same_on_cores);
    g_test_add_func("/asset/raster/leaves-out-what-cannot-be-drawn", leaves_out);
    g_test_add_func("/asset/raster/weights-follow-perspective", perspective_weights);
    g_test_add_func("/asset/raster/stops-when-cancelled", cancels);
    return g_test_run();
}
