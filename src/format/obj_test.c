/* SPDX-License-Identifier: Apache-2.0 */
#include "format/samples_fixture.h"

#include <string.h>

#define SQUARE "v 0 0 0\nv 2 0 0\nv 2 0 2\nv 0 0 2\n"

static void
polygons_become_triangles(void)
{
    static const char text[] = SQUARE "f 1 2 3 4\n"
                                      "f -4// -3//9 \\\r\n -2//1\n"
                                      "f 1/ 3/ 4/ # the end\n"
                                      "f 1 2\n"; /* a line, passed over */
    g_autoptr(OrfAsset) asset = load_file(NULL, NULL, text, 0, NULL);
    g_assert_cmpuint(orf_mesh_n_triangles(orf_asset_mesh(asset)), ==, 4);
    assert_point(corner_of(asset, 2, 2), 2, 2, 0);
    assert_point(corner_of(asset, 3, 2), 0, 2, 0);
}

static void
concave_polygons_keep_their_area(void)
{
    static const char text[] =
        "v 0 0 0\nv 4 0 0\nv 4 0 4\nv 2 0 1\nv 0 0 4\nf 1 2 3 4 5\n"; /* a notch at the top */
    g_autoptr(OrfAsset) asset = load_file(NULL, NULL, text, 0, NULL);
    OrfMeasures measures;
    g_assert_true(orf_mesh_measure(NULL, orf_asset_mesh(asset), false, &measures, NULL));
    g_assert_cmpfloat_with_epsilon(measures.area, 10, 1e-5);
}

static void
colours_stand_behind_positions(void)
{
    static const char text[] = "v 0 0 0 1 0.5 0\nv 1 0 0 255 128 0\nv 0 0 1\nf 1 2 3\n";
    g_autoptr(OrfAsset) asset = load_file(NULL, NULL, text, 0, NULL);
    static const uint8_t expected[] = {
        255, 128, 0, 255, 255, 128, 0, 255, 255, 255, 255, 255
    };
    g_assert_true(!memcmp(orf_mesh_colors(orf_asset_mesh(asset)), expected, sizeof expected));
}

static void
corners_without_uv_get_one(void)
{
    static const char text[] =
        SQUARE "vt 0.25 0.75\nvt 1 nan\nf 1 2 3\nf 1/1 3/2 4/1\nf 1 2 4\n";
    g_autoptr(OrfAsset) asset = load_file(NULL, NULL, text, 0, NULL);
    const OrfMesh *mesh = orf_asset_mesh(asset);
    const float *uvs = orf_mesh_uvs(mesh);
    const uint32_t *corners = orf_mesh_uv_triangles(mesh);
    g_assert_cmpfloat(uvs[2 * corners[3]], ==, 0.25f);
    g_assert_cmpfloat(uvs[2 * corners[3] + 1], ==, 0.25f); /* the other way up */
    g_assert_cmpfloat(uvs[2 * corners[0]], ==, 0);
    g_assert_cmpfloat(uvs[2 * corners[4] + 1], ==, 0); /* what is no number is 0 */
}

static GPtrArray *
library(const char *mtl)
{
    g_autoptr(OrfAsset) torus = sample_torus();
    g_autoptr(GBytes) picture =
        orf_image_encode(NULL, orf_asset_material(torus, 0)->texture, "png", 0, NULL);
    GPtrArray *files = orf_files_new();
    orf_files_add_take(files, g_strdup("my colours.mtl"), g_bytes_new(mtl, strlen(mtl)));
    orf_files_add_take(files, g_strdup("maps/a b.png"), g_steal_pointer(&picture));
    return files;
}

static void
materials_come_from_the_library(void)
{
    static const char mtl[] =
        "newmtl red\nKd 1 0 0.5\nd 0.25\nPr 0.5\nPm 1\n\n"
        "newmtl skin\nmap_Kd -s 2 2 -1 -clamp on maps\\a b.png\nTr 0.75\n";
    static const char text[] =
        "mtllib other.mtl my colours.mtl\n" SQUARE
        "usemtl red\nf 1 2 3\nusemtl skin\nf 1 3 4\nusemtl new\nf 1 2 4\n";
    g_autoptr(GPtrArray) files = library(mtl);
    g_autoptr(OrfTask) task = orf_task_new(NULL);
    OrfLoad options = { .sibling = sample_sibling, .sibling_data = files };
    g_autoptr(OrfAsset) asset = load_file(task, "obj", text, 0, &options);
    g_assert_cmpuint(orf_asset_n_materials(asset), ==, 3);
    const OrfMaterial *red = orf_asset_material(asset, 0), *skin = orf_asset_material(asset, 1);
    g_assert_cmpfloat_with_epsilon(red->base_color[2], 0.21404114f, 1e-5f); /* sRGB one half */
    g_assert_cmpfloat(red->base_color[3], ==, 0.25f);
    g_assert_cmpfloat(red->metallic, ==, 1);
    g_assert_nonnull(skin->texture);
    g_assert_nonnull(skin->encoded);
    g_assert_cmpfloat(skin->base_color[3], ==, 0.25f);
    g_assert_cmpstr(orf_asset_material(asset, 2)->name, ==, "new");
    g_assert_cmpuint(orf_mesh_groups(orf_asset_mesh(asset))[2], ==, 2);
    assert_noted(task, "'other.mtl' is missing");
}

static void
names_that_leave_the_folder_are_not_looked_up(void)
{
    static const char *const names[] = { "../x.mtl",  "/etc/x.mtl",       "a/../../x.mtl",
                                         "C:\\x.mtl", "a\\..\\..\\x.mtl", "http://x/x.mtl" };
    g_autoptr(GPtrArray) files = library("");
    for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
        g_autofree char *text = g_strdup_printf("mtllib %s\n" SQUARE "f 1 2 3\n", names[i]);
        g_autoptr(OrfTask) task = orf_task_new(NULL);
        OrfLoad options = { .sibling = sample_sibling, .sibling_data = files };
        g_autoptr(OrfAsset) asset = load_file(task, "obj", text, 0, &options);
        assert_noted(task, "outside its folder");
    }
}

static void
what_is_named_elsewhere_is_looked_up_beside(void)
{
    static const char *const names[] = { "C:\\Users\\joe\\x.mtl",
                                         "C:x.mtl",
                                         "/home/joe/x.mtl",
                                         "..\\x.mtl",
                                         "\"x.mtl\"",
                                         "gone\\x.mtl" };
    g_autoptr(GPtrArray) files = orf_files_new();
    static const char mtl[] = "\xef\xbb\xbfnewmtl red\rKd 1 0 0\r";
    orf_files_add_take(files, g_strdup("x.mtl"), g_bytes_new_static(mtl, sizeof mtl - 1));
    for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
        g_autofree char *text =
            g_strdup_printf("mtllib %s\r"
                            "v 0 0 0\rv 1 0 0\rv 0 1 0\rusemtl red\rf 1 2 3\r",
                            names[i]);
        g_autoptr(OrfTask) task = orf_task_new(NULL);
        OrfLoad options = { .sibling = sample_sibling, .sibling_data = files };
        g_autoptr(OrfAsset) asset = load_file(task, NULL, text, 0, &options);
        const OrfMaterial *red = orf_asset_material(asset, 0);
        g_assert_cmpfloat(red->base_color[0], ==, 1);
        g_assert_cmpfloat(red->base_color[1], ==, 0);
        g_auto(GStrv) notes = orf_task_notes(task);
        g_assert_null(notes[0]);
    }
}

static void
texture_coordinates_that_are_not_there_are_left_out(void)
{
    g_autoptr(OrfTask) task = orf_task_new(NULL);
    g_autoptr(OrfAsset) asset =
        load_file(task, "obj", SQUARE "vt 0 0\nf 1/1 2/1 3/-9\nf 1/7/3 3/8 4\n", 0, NULL);
    g_assert_cmpuint(orf_mesh_n_triangles(orf_asset_mesh(asset)), ==, 2);
    assert_noted(task, "texture coordinate -9");
}

static void
wide_text_is_told(void)
{
    static const BadFile wide[] = { { "UTF-16", "\xff\xfev\0 \0", 6,
                                      "bad: is text in UTF-16; save it as UTF-8" } };
    assert_refused("obj", wide, 1);
}

static void
shared_pictures_are_written_once(void)
{
    g_autoptr(OrfAsset) torus = sample_torus();
    OrfMaterial materials[] = { *orf_asset_material(torus, 0), *orf_asset_material(torus, 0) };
    g_autoptr(OrfAsset) asset = orf_asset_new(orf_asset_mesh(torus), materials, 2);
    g_autoptr(GPtrArray) files = orf_format_save(NULL, asset, "obj", NULL, NULL);
    g_assert_cmpuint(files->len, ==, 3);
    const OrfFile *mtl = files->pdata[1];
    g_assert_cmpstr(mtl->name, ==, "asset.mtl");
    g_autofree char *text =
        g_strndup(g_bytes_get_data(mtl->bytes, NULL), g_bytes_get_size(mtl->bytes));
    g_assert_nonnull(strstr(text, "newmtl painted_\"ring\"_&_<more>\n"));
    g_assert_nonnull(strstr(text, "newmtl material-2\n"));
}

static void
names_do_not_swallow_the_next_line(void)
{
    g_autoptr(OrfAsset) bodies = sample_bodies();
    OrfMaterial materials[] = { *orf_asset_material(bodies, 0),
                                *orf_asset_material(bodies, 1) };
    g_strlcpy(materials[0].name, "back\\slash\\", sizeof materials[0].name);
    g_strlcpy(materials[1].name, "two\nlines", sizeof materials[1].name);
    g_autoptr(OrfAsset) asset = orf_asset_new(orf_asset_mesh(bodies), materials, 2);
    g_autoptr(OrfAsset) loaded = through(asset, "obj", NULL);
    g_assert_cmpuint(orf_mesh_n_triangles(orf_asset_mesh(loaded)), ==, 24);
    g_assert_cmpstr(orf_asset_material(loaded, 0)->name, ==, "back_slash_");
    g_assert_cmpstr(orf_asset_material(loaded, 1)->name, ==, "two_lines");
}

static void
bad_files_are_refused(void)
{
    static const BadFile cases[] = {
        { "points only", SQUARE, 0, "bad: holds no triangles; export it as a mesh" },
        { "two numbers", "v 0 0 0\nv 1 2\n", 0,
          "bad: line 2: a vertex needs three numbers; export it again" },
        { "not finite", "v 0 0 inf\n", 0,
          "bad: line 1: a coordinate is not a finite number; export it again" },
        { "index 0", SQUARE "f 0 1 2\n", 0,
          "bad: line 5: a face names vertex 0, 4 are known so far; export it again" },
        { "too far", SQUARE "f 1 2 5\n", 0,
          "bad: line 5: a face names vertex 5, 4 are known so far; export it again" },
        { "too far back", SQUARE "f 1 2 -5\n", 0,
          "bad: line 5: a face names vertex -5, 4 are known so far; export it again" },
        { "far too far", SQUARE "f 1 2 99999999999999999999999\n", 0,
          "bad: line 5: a face names vertex 999999999999999999, 4 are known so far; "
          "export it again" },
        { "a word", SQUARE "f 1 2 three\n", 0,
          "bad: line 5: a face holds something that is not a number; export it again" },
    };
    assert_refused("obj", cases, G_N_ELEMENTS(cases));
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_assert_true(orf_image_init(NULL));
    g_test_add_func("/format/obj/polygons-become-triangles", polygons_become_triangles);
    g_test_add_func("/format/obj/concave-polygons-keep-their-area",
                    concave_polygons_keep_their_area);
    g_test_add_func("/format/obj/colours-stand-behind-positions",
                    colours_stand_behind_positions);
    g_test_add_func("/format/obj/corners-without-uv-get-one", corners_without_uv_get_one);
    g_test_add_func("/format/obj/materials-come-from-the-library",
                    materials_come_from_the_library);
    g_test_add_func("/format/obj/names-that-leave-the-folder-are-not-looked-up",
                    names_that_leave_the_folder_are_not_looked_up);
    g_test_add_func("/format/obj/what-is-named-elsewhere-is-looked-up-beside",
                    what_is_named_elsewhere_is_looked_up_beside);
    g_test_add_func("/format/obj/texture-coordinates-that-are-not-there-are-left-out",
                    texture_coordinates_that_are_not_there_are_left_out);
    g_test_add_func("/format/obj/wide-text-is-told", wide_text_is_told);
    g_test_add_func("/format/obj/shared-pictures-are-written-once",
                    shared_pictures_are_written_once);
    g_test_add_func("/format/obj/names-do-not-swallow-the-next-line",
                    names_do_not_swallow_the_next_line);
    g_test_add_func("/format/obj/bad-files-are-refused", bad_files_are_refused);
    return g_test_run();
}
