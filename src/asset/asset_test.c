/* SPDX-License-Identifier: Apache-2.0 */
#include "asset/asset.h"

#include <string.h>

/* Two triangles of a unit square; groups 0 and 1. */
static OrfMesh *
square(bool with_uvs, bool with_colors, bool with_groups)
{
    static const float positions[] = { 0, 0, 0, 1, 0, 0, 1, 1, 0, 0, 1, 0 };
    static const uint32_t triangles[] = { 0, 1, 2, 0, 2, 3 };
    static const float uvs[] = { 0, 1, 1, 1, 1, 0, 0, 0 };
    g_auto(OrfMeshParts) parts = { .n_vertices = 4, .n_triangles = 2 };
    parts.positions = ORF_ALLOC(NULL, float, 12, "test", NULL);
    parts.triangles = ORF_ALLOC(NULL, uint32_t, 6, "test", NULL);
    memcpy(parts.positions, positions, sizeof positions);
    memcpy(parts.triangles, triangles, sizeof triangles);
    if (with_uvs) {
        parts.n_uvs = 4;
        parts.uvs = ORF_ALLOC(NULL, float, 8, "test", NULL);
        parts.uv_triangles = ORF_ALLOC(NULL, uint32_t, 6, "test", NULL);
        memcpy(parts.uvs, uvs, sizeof uvs);
        memcpy(parts.uv_triangles, triangles, sizeof triangles);
    }
    if (with_colors) {
        parts.colors = ORF_ALLOC(NULL, uint8_t, 16, "test", NULL);
        memset(parts.colors, 77, 16);
    }
    if (with_groups) {
        parts.groups = ORF_ALLOC(NULL, uint16_t, 2, "test", NULL);
        parts.groups[1] = 1;
    }
    g_autoptr(GError) error = NULL;
    OrfMesh *mesh = orf_mesh_new_take(&parts, &error);
    g_assert_no_error(error);
    return mesh;
}

static OrfImage *
four_pixels(void)
{
    static const uint8_t rgb[] = { 255, 0, 0, 0, 255, 0, 0, 0, 255, 255, 255, 0 };
    uint8_t *pixels = ORF_ALLOC(NULL, uint8_t, sizeof rgb, "test", NULL);
    memcpy(pixels, rgb, sizeof rgb);
    return orf_image_new_take(2, 2, 3, ORF_U8, pixels);
}

static void
no_material_means_one_plain(void)
{
    g_autoptr(OrfMesh) mesh = square(false, false, false);
    g_autoptr(OrfAsset) asset = orf_asset_new(mesh, NULL, 0);
    g_assert_cmpuint(orf_asset_n_materials(asset), ==, 1);
    g_assert_cmpfloat(orf_asset_material(asset, 0)->base_color[1], ==, 1);
    g_assert_true(orf_asset_material(asset, 9) == orf_asset_material(asset, 0));
    g_assert_true(orf_asset_mesh(asset) == mesh);
}

static void
pictures_are_shared_by_copies(void)
{
    g_autoptr(OrfMesh) mesh = square(true, false, false);
    OrfMaterial material;
    orf_material_init(&material, "skin");
    material.texture = four_pixels();
    OrfAsset *first = orf_asset_new(mesh, &material, 1);
    orf_material_clear(&material);
    g_autoptr(OrfAsset) second = orf_asset_with_mesh(first, mesh);
    orf_asset_unref(first);
    g_assert_cmpuint(orf_image_width(orf_asset_material(second, 0)->texture), ==, 2);
    g_assert_cmpstr(orf_asset_material(second, 0)->name, ==, "skin");
}

static void
own_colours_win(void)
{
    g_autoptr(OrfMesh) mesh = square(false, true, false);
    g_autoptr(OrfAsset) asset = orf_asset_new(mesh, NULL, 0);
    orf_autofree uint8_t *colors = orf_asset_vertex_colors(NULL, asset, NULL);
    g_assert_cmpuint(colors[15], ==, 77);
}

static void
texture_is_sampled_at_uvs(void)
{
    g_autoptr(OrfMesh) mesh = square(true, false, false);
    OrfMaterial material;
    orf_material_init(&material, "skin");
    material.texture = four_pixels();
    g_autoptr(OrfAsset) asset = orf_asset_new(mesh, &material, 1);
    orf_material_clear(&material);
    orf_autofree uint8_t *colors = orf_asset_vertex_colors(NULL, asset, NULL);
    static const uint8_t expected[] = { 0, 0,   255, 255, 255, 255, 0, 255,
                                        0, 255, 0,   255, 255, 0,   0, 255 };
    g_assert_cmpmem(colors, 16, expected, 16);
}

static void
groups_take_the_colour_of_their_material(void)
{
    g_autoptr(OrfMesh) mesh = square(false, false, true);
    OrfMaterial materials[2];
    orf_material_init(&materials[0], "white");
    orf_material_init(&materials[1], "half");
    materials[1].base_color[0] = 0.21404114f; /* sRGB 0.5 */
    g_autoptr(OrfAsset) asset = orf_asset_new(mesh, materials, 2);
    orf_autofree uint8_t *colors = orf_asset_vertex_colors(NULL, asset, NULL);
    g_assert_cmpuint(colors[0], ==, 255);
    g_assert_cmpuint(colors[12], ==, 128);
    g_assert_cmpuint(colors[13], ==, 255);
}

/* The other surface has its vertices where the first one has texels: they take over what is
 * there. */
static void
colours_go_to_the_nearest_place(void)
{
    g_autoptr(OrfMesh) mesh = square(true, false, false);
    g_autoptr(OrfMesh) onto = square(false, false, false);
    g_autoptr(OrfImage) picture = four_pixels();
    OrfMaterial material;
    orf_material_init(&material, "picture");
    material.texture = picture;
    g_autoptr(OrfAsset) asset = orf_asset_new(mesh, &material, 1);
    const float scale[3] = { 0.5f, 0.5f, 1 }, offset[3] = { 0.25f, 0.25f, 0.1f };
    g_autoptr(OrfMesh) small = orf_mesh_scale_move(NULL, onto, scale, offset, NULL);
    g_autoptr(OrfAsset) other = orf_asset_transfer(NULL, asset, small, NULL);
    g_assert_nonnull(other);
    orf_autofree uint8_t *colors = orf_asset_vertex_colors(NULL, other, NULL);
    static const size_t texel_of[4] = { 2, 3, 1, 0 }; /* v = 0 is the top row */
    for (size_t v = 0; v < 4; v++)
        for (size_t k = 0; k < 3; k++) {
            int was = orf_image_u8(picture)[texel_of[v] * orf_image_channels(picture) + k];
            g_assert_cmpint(abs((int)colors[4 * v + k] - was), <=, 12); /* it became a JPEG */
        }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/asset/asset/no-material-means-one-plain", no_material_means_one_plain);
    g_test_add_func("/asset/asset/pictures-are-shared-by-copies",
                    pictures_are_shared_by_copies);
    g_test_add_func("/asset/vertex-colors/own-colours-win", own_colours_win);
    g_test_add_func("/asset/vertex-colors/texture-is-sampled-at-uvs",
                    texture_is_sampled_at_uvs);
    g_test_add_func("/asset/vertex-colors/groups-take-the-colour-of-their-material",
                    groups_take_the_colour_of_their_material);
    g_test_add_func("/asset/transfer/colours-go-to-the-nearest-place",
                    colours_go_to_the_nearest_place);
    return g_test_run();
}
