/* heat_test.c - what colours say of a mesh.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "bodies_test.h"

static size_t
count_red(const OrfMesh *mesh)
{
    size_t n = 0;
    for (size_t v = 0; v < orf_mesh_n_vertices(mesh); v++) {
        const uint8_t *c = orf_mesh_colors(mesh) + 4 * v;
        n += c[0] > 190 && c[1] < 60 && c[2] < 60;
    }
    return n;
}

static OrfAsset *
heat_of(OrfMesh *mesh, OrfHeat what)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *legend = NULL;
    OrfAsset *asset = orf_asset_heat(NULL, mesh, what, &legend, &error);
    g_assert_no_error(error);
    g_assert_cmpuint(strlen(legend), >, 0);
    return asset;
}

static void
holes_are_red_and_sound_faces_are_not(void)
{
    g_autoptr(OrfMesh) whole = ball(48, 32, 20);
    OrfMeshParts parts = { 0 };
    g_assert_true(orf_mesh_copy_parts(NULL, whole, &parts, NULL));
    parts.n_triangles--;
    g_autoptr(OrfMesh) holed = orf_mesh_new_take(&parts, NULL);
    g_autoptr(OrfAsset) sound = heat_of(whole, ORF_HEAT_DEFECTS);
    g_autoptr(OrfAsset) torn = heat_of(holed, ORF_HEAT_DEFECTS);
    g_assert_cmpuint(count_red(orf_asset_mesh(sound)), ==, 0);
    g_assert_cmpuint(count_red(orf_asset_mesh(torn)), >=, 9);
    g_assert_cmpuint(count_red(orf_asset_mesh(torn)), <, 400);
}

static void
thin_walls_are_red_and_the_front_goes(void)
{
    g_autoptr(OrfMesh) plate = box(20, 20, 0.1f);
    g_autoptr(OrfMesh) body = ball(48, 32, 20);
    g_autoptr(OrfAsset) thin = heat_of(plate, ORF_HEAT_THICKNESS);
    g_autoptr(OrfAsset) thick = heat_of(body, ORF_HEAT_THICKNESS);
    g_autoptr(OrfAsset) half = heat_of(body, ORF_HEAT_INSIDE);
    g_autoptr(OrfAsset) bent = heat_of(body, ORF_HEAT_CURVATURE);
    g_assert_cmpuint(count_red(orf_asset_mesh(thin)), >=, 12);
    g_assert_cmpuint(count_red(orf_asset_mesh(thick)), ==, 0);
    g_assert_cmpuint(orf_mesh_n_triangles(orf_asset_mesh(bent)), ==,
                     orf_mesh_n_triangles(body));
    double share =
        (double)orf_mesh_n_triangles(orf_asset_mesh(half)) / (double)orf_mesh_n_triangles(body);
    g_assert_cmpfloat_with_epsilon(share, 0.5, 0.1);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/asset/heat/holes-are-red-and-sound-faces-are-not",
                    holes_are_red_and_sound_faces_are_not);
    g_test_add_func("/asset/heat/thin-walls-are-red-and-the-front-goes",
                    thin_walls_are_red_and_the_front_goes);
    return g_test_run();
}
