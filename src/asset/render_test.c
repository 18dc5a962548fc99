/* render_test.c - SPDX-License-Identifier: Apache-2.0 */
#include "asset/bodies_test.h"

static OrfAsset *
plain_asset(OrfMesh *mesh)
{
    return orf_asset_new(mesh, NULL, 0);
}

static const uint8_t *
pixel(const OrfImage *image, unsigned x, unsigned y)
{
    return orf_image_u8(image) + 4 * ((size_t)y * orf_image_width(image) + x);
}

static void
same_on_cores(void)
{
    static const OrfView views[] = {
        { .width = 160, .height = 120, .yaw = 20, .pitch = 30, .bed = true },
        { .width = 97, .height = 131, .yaw = 200, .fov = 40 },
        { .width = 64, .height = 64, .unlit = true, .transparent = true },
    };
    g_autoptr(OrfMesh) mesh = ball(64, 32, 30);
    g_autoptr(OrfAsset) asset = plain_asset(mesh);
    g_autoptr(OrfTask) three = orf_task_new(&(OrfTaskOptions){ .cores = 3 });
    for (unsigned i = 0; i < G_N_ELEMENTS(views); i++) {
        g_autoptr(OrfImage) a = orf_asset_render(NULL, asset, &views[i], NULL);
        g_autoptr(OrfImage) b = orf_asset_render(three, asset, &views[i], NULL);
        size_t bytes = 4 * (size_t)views[i].width * views[i].height;
        g_assert_true(memcmp(orf_image_u8(a), orf_image_u8(b), bytes) == 0);
    }
}

static void
covers_the_disc(void)
{
    g_autoptr(OrfMesh) mesh = ball(128, 64, 30);
    g_autoptr(OrfAsset) asset = plain_asset(mesh);
    OrfView view = { .width = 200, .height = 200, .margin = 0.1f, .transparent = true };
    g_autoptr(OrfImage) image = orf_asset_render(NULL, asset, &view, NULL);
    double area = 0;
    for (size_t i = 0; i < 40000; i++)
        area += orf_image_u8(image)[4 * i + 3] / 255.0;
    g_assert_cmpfloat_with_epsilon(area, G_PI * 80 * 80, 60);
    g_assert_cmpint(pixel(image, 19, 100)[3], ==, 0);
    g_assert_cmpint(pixel(image, 21, 100)[3], ==, 255);
    g_assert_cmpint(pixel(image, 178, 100)[3], ==, 255);
}

/* A box whose front shows a 64 x 64 picture. */
static OrfAsset *
pictured_box(OrfImage *texture)
{
    g_autoptr(OrfMesh) plain = box(32, 32, 5);
    OrfMeshParts parts = { 0 };
    g_assert_true(orf_mesh_copy_parts(NULL, plain, &parts, NULL));
    parts.n_uvs = 8;
    parts.uvs = ORF_ALLOC(NULL, float, 16, "test", NULL);
    parts.uv_triangles = ORF_ALLOC(NULL, uint32_t, 36, "test", NULL);
    for (unsigned i = 0; i < 8; i++) {
        parts.uvs[2 * i] = i & 1 ? 1.0f : 0.0f;
        parts.uvs[2 * i + 1] = i & 2 ? 0.0f : 1.0f;
    }
    memcpy(parts.uv_triangles, parts.triangles, 36 * sizeof *parts.triangles);
    g_autoptr(OrfMesh) mesh = orf_mesh_new_take(&parts, NULL);
    OrfMaterial material;
    orf_material_init(&material, "picture");
    material.texture = orf_image_ref(texture);
    OrfAsset *asset = orf_asset_new(mesh, &material, 1);
    orf_material_clear(&material);
    return asset;
}

static void
unlit_is_exact(void)
{
    g_autoptr(GRand) random = g_rand_new_with_seed(2);
    uint8_t *noise = ORF_ALLOC(NULL, uint8_t, 64 * 64 * 3, "test", NULL);
    for (size_t i = 0; i < 64 * 64 * 3; i++)
        noise[i] = (uint8_t)g_rand_int_range(random, 0, 256);
    g_autoptr(OrfImage) texture = orf_image_new_take(64, 64, 3, ORF_U8, noise);
    g_autoptr(OrfAsset) asset = pictured_box(texture);
    OrfProjection like = { .picture = texture, .center = { 32, 32 }, .scale = 1 };
    g_autoptr(OrfImage) image = orf_asset_render_like(NULL, asset, &like, NULL);
    for (unsigned y = 0; y < 64; y++)
        for (unsigned x = 0; x < 64; x++)
            for (int k = 0; k < 3; k++)
                g_assert_cmpint(ABS(pixel(image, x, y)[k] -
                                    orf_image_u8(texture)[3 * (64 * y + x) + (unsigned)k]),
                                <=, 1);
}

static void
inside_is_red(void)
{
    g_autoptr(OrfMesh) outward = ball(32, 16, 30);
    OrfMeshParts parts = { 0 };
    g_assert_true(orf_mesh_copy_parts(NULL, outward, &parts, NULL));
    for (size_t t = 0; t < parts.n_triangles; t++) {
        uint32_t swap = parts.triangles[3 * t];
        parts.triangles[3 * t] = parts.triangles[3 * t + 1];
        parts.triangles[3 * t + 1] = swap;
    }
    g_autoptr(OrfMesh) turned = orf_mesh_new_take(&parts, NULL);
    g_autoptr(OrfAsset) good = plain_asset(outward), bad = plain_asset(turned);
    OrfView view = { .width = 40, .height = 40, .yaw = 10, .pitch = 15 };
    g_autoptr(OrfImage) a = orf_asset_render(NULL, good, &view, NULL);
    g_autoptr(OrfImage) b = orf_asset_render(NULL, bad, &view, NULL);
    const uint8_t *p = pixel(a, 20, 20), *q = pixel(b, 20, 20);
    g_assert_cmpint(p[0] - p[2], <, 30);
    g_assert_cmpint(q[0] - q[1], >, 80);
}

/* The light comes from above left and follows the camera. */
static void
shading_shows_shape(void)
{
    g_autoptr(OrfMesh) mesh = ball(64, 32, 30);
    g_autoptr(OrfAsset) asset = plain_asset(mesh);
    OrfView view = { .width = 100, .height = 100 };
    g_autoptr(OrfImage) image = orf_asset_render(NULL, asset, &view, NULL);
    int high = pixel(image, 35, 30)[1], middle = pixel(image, 50, 50)[1];
    int low = pixel(image, 66, 82)[1];
    g_assert_cmpint(high, >, middle);
    g_assert_cmpint(middle, >, low + 30);
    g_assert_cmpint(pixel(image, 2, 2)[1], >, 200); /* light behind */
}

static void
bed_has_shadow(void)
{
    g_autoptr(OrfMesh) mesh = box(10, 20, 10);
    g_autoptr(OrfAsset) asset = plain_asset(mesh);
    OrfView view = { .width = 120, .height = 120, .pitch = 35, .margin = 0.2f };
    g_autoptr(OrfImage) without = orf_asset_render(NULL, asset, &view, NULL);
    view.bed = true;
    g_autoptr(OrfImage) with = orf_asset_render(NULL, asset, &view, NULL);
    g_assert_cmpint(pixel(with, 60, 98)[1] + 15, <, pixel(without, 60, 98)[1]);
    g_assert_cmpint(pixel(with, 1, 1)[1], ==, pixel(without, 1, 1)[1]);
}

static void
odd_meshes(void)
{
    OrfMeshParts none = { 0 };
    none.positions = ORF_ALLOC(NULL, float, 0, "test", NULL);
    none.triangles = ORF_ALLOC(NULL, uint32_t, 0, "test", NULL);
    g_autoptr(OrfMesh) empty = orf_mesh_new_take(&none, NULL);
    g_autoptr(OrfMesh) flat = box(10, 10, 0);
    g_autoptr(OrfMesh) point = box(0, 0, 0);
    OrfMesh *meshes[] = { empty, flat, point };
    for (unsigned i = 0; i < G_N_ELEMENTS(meshes); i++) {
        g_autoptr(OrfAsset) asset = plain_asset(meshes[i]);
        for (float yaw = 0; yaw < 100; yaw += 90) {
            OrfView view = { .width = 33, .height = 17, .yaw = yaw, .pitch = 20, .bed = true };
            g_autoptr(OrfImage) image = orf_asset_render(NULL, asset, &view, NULL);
            g_assert_nonnull(image);
            g_assert_cmpint(pixel(image, 0, 0)[3], ==, 255);
        }
    }
}

static void
bad_sizes(void)
{
    g_autoptr(OrfMesh) mesh = box(1, 1, 1);
    g_autoptr(OrfAsset) asset = plain_asset(mesh);
    static const OrfView views[] = { { .width = 0, .height = 9 },
                                     { .width = 9, .height = 70000 } };
    for (unsigned i = 0; i < 2; i++) {
        g_autoptr(GError) error = NULL;
        g_assert_null(orf_asset_render(NULL, asset, &views[i], &error));
        g_assert_error(error, ORF_ERROR, ORF_ERROR_BAD_INPUT);
    }
}

static void
small_budget(void)
{
    g_autoptr(OrfTask) task = orf_task_new(&(OrfTaskOptions){ .memory = 20000 });
    g_autoptr(OrfMesh) mesh = ball(32, 16, 30);
    g_autoptr(OrfAsset) asset = plain_asset(mesh);
    g_autoptr(GError) error = NULL;
    OrfView view = { .width = 512, .height = 512 };
    g_assert_null(orf_asset_render(task, asset, &view, &error));
    g_assert_error(error, ORF_ERROR, ORF_ERROR_TOO_LARGE);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    if (!orf_image_init(NULL))
        return 1;
    g_test_add_func("/asset/render/is-the-same-on-any-number-of-cores", same_on_cores);
    g_test_add_func("/asset/render/covers-what-the-shape-covers", covers_the_disc);
    g_test_add_func("/asset/render/unlit-shows-the-texture-itself", unlit_is_exact);
    g_test_add_func("/asset/render/paints-the-inside-red", inside_is_red);
    g_test_add_func("/asset/render/shading-shows-shape", shading_shows_shape);
    g_test_add_func("/asset/render/bed-takes-a-shadow", bed_has_shadow);
    g_test_add_func("/asset/render/draws-empty-flat-and-tiny-meshes", odd_meshes);
    g_test_add_func("/asset/render/refuses-impossible-sizes", bad_sizes);
    g_test_add_func("/asset/render/says-when-the-budget-is-too-small", small_budget);
    return g_test_run();
}
