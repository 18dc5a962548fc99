/* transfer_test.c - colours of one surface on another.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "asset/asset.h"
#include "bodies_test.h"

#include <math.h>

#define SIDE 256

static void
paint(const float p[3], float ret[3])
{
    for (int k = 0; k < 3; k++)
        ret[k] = 128 + 90 * sinf(p[k] / 6 + (float)k);
}

/* A ball whose texture is the function above, over UVs of our own. */
static OrfAsset *
painted_ball(void)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(OrfMesh) body = ball(48, 32, 20);
    g_autoptr(OrfMesh) wrapped = orf_mesh_unwrap(NULL, body, NULL, &error);
    g_assert_no_error(error);
    uint8_t *pixels = ORF_ALLOC(NULL, uint8_t, SIDE * SIDE * 3, "test", NULL);
    const float *uvs = orf_mesh_uvs(wrapped), *positions = orf_mesh_positions(wrapped);
    const uint32_t *t = orf_mesh_triangles(wrapped), *uv = orf_mesh_uv_triangles(wrapped);
    for (size_t i = 0; i < orf_mesh_n_triangles(wrapped); i++)
        for (int a = 0; a <= 48; a++)
            for (int b = 0; b <= 48 - a; b++) {
                float w[3] = { (float)a / 48, (float)b / 48, 0 }, p[3] = { 0 }, at[2] = { 0 },
                      rgb[3];
                w[2] = 1 - w[0] - w[1];
                for (size_t c = 0; c < 3; c++) {
                    for (size_t k = 0; k < 3; k++)
                        p[k] += w[c] * positions[3 * t[3 * i + c] + k];
                    for (size_t k = 0; k < 2; k++)
                        at[k] += w[c] * uvs[2 * uv[3 * i + c] + k];
                }
                paint(p, rgb);
                size_t x = MIN((size_t)(at[0] * SIDE), SIDE - 1);
                size_t y = MIN((size_t)(at[1] * SIDE), SIDE - 1);
                for (size_t k = 0; k < 3; k++)
                    pixels[3 * (y * SIDE + x) + k] = (uint8_t)rgb[k];
            }
    OrfMaterial material;
    orf_material_init(&material, "painted");
    material.texture = orf_image_new_take(SIDE, SIDE, 3, ORF_U8, pixels);
    OrfAsset *asset = orf_asset_new(wrapped, &material, 1);
    orf_material_clear(&material);
    return asset;
}

static void
new_surface_wears_the_old_texture(void)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(OrfAsset) old = painted_ball();
    g_autoptr(OrfMesh) surface =
        orf_mesh_repair(NULL, orf_asset_mesh(old),
                        &(OrfRepair){ .level = ORF_REPAIR_REMESH, .cells = 80 }, NULL, &error);
    g_assert_no_error(error);
    orf_asset_set_metres(old, true);
    g_autoptr(OrfAsset) new = orf_asset_transfer(NULL, old, surface, &error);
    g_assert_no_error(error);
    g_assert_nonnull(orf_asset_material(new, 0)->texture);
    g_assert_nonnull(orf_mesh_uvs(orf_asset_mesh(new)));
    g_assert_true(orf_asset_metres(new));
    orf_autofree uint8_t *colors = orf_asset_vertex_colors(NULL, new, &error);
    size_t n = orf_mesh_n_vertices(orf_asset_mesh(new));
    double off = 0;
    for (size_t v = 0; v < n; v++) {
        float rgb[3];
        paint(orf_mesh_positions(orf_asset_mesh(new)) + 3 * v, rgb);
        for (size_t k = 0; k < 3; k++)
            off += fabs((double)colors[4 * v + k] - (double)rgb[k]) / (double)(3 * n);
    }
    g_test_message("mean difference %.2f of 255", off);
    g_assert_cmpfloat(off, <, 6);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    if (!orf_image_init(NULL))
        return 1;
    g_test_add_func("/asset/transfer/new-surface-wears-the-old-texture",
                    new_surface_wears_the_old_texture);
    return g_test_run();
}
