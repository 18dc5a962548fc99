/* SPDX-License-Identifier: Apache-2.0 */
#include "format/samples_fixture.h"

#include <string.h>

#define XYZ "property float x\nproperty float y\nproperty float z\n"
#define FACES "property list uchar int vertex_indices\nend_header\n"

static void
what_is_unknown_is_passed_over(void)
{
    static const char text[] = "ply\r\nformat ascii 1.0\r\ncomment made by hand\r\n"
                               "obj_info nothing\r\nelement camera 1\r\n"
                               "property double focal\r\nproperty list int short pixels\r\n"
                               "element vertex 4\r\nproperty int id\r\nproperty double x\r\n"
                               "property double y\r\nproperty double z\r\n"
                               "property list uchar float weights\r\n"
                               "element face 1\r\nproperty uchar flags\r\n"
                               "property list ushort uint vertex_index\r\nend_header\r\n"
                               "50 3 1 2 3\r\n"
                               "1 0 0 0 2 9 9\r\n2 2 0 0 0\r\n3 2 0 2 1 5\r\n4 0 0 2 0\r\n"
                               "7 4 0 1 2 3\r\n";
    g_autoptr(OrfAsset) asset = load_file(NULL, NULL, text, 0, NULL);
    g_assert_cmpuint(orf_mesh_n_triangles(orf_asset_mesh(asset)), ==, 2);
    OrfMeasures measures;
    g_assert_true(orf_mesh_measure(NULL, orf_asset_mesh(asset), false, &measures, NULL));
    g_assert_cmpfloat_with_epsilon(measures.area, 4, 1e-6);
}

static void
strips_turn_every_second_triangle(void)
{
    static const char text[] =
        "ply\nformat ascii 1.0\nelement vertex 4\n" XYZ "element tristrips 1\n"
        "property list int int vertex_indices\nend_header\n"
        "0 0 0\n1 0 0\n0 1 0\n1 1 0\n"
        "10 0 1 2 3 -1 0 1 2 2 3\n";
    g_autoptr(OrfAsset) asset = load_file(NULL, NULL, text, 0, NULL);
    g_assert_cmpuint(orf_mesh_n_triangles(orf_asset_mesh(asset)), ==, 3);
    static const uint32_t expected[] = { 0, 1, 2, 1, 3, 2, 0, 1, 2 };
    g_assert_true(
        !memcmp(orf_mesh_triangles(orf_asset_mesh(asset)), expected, sizeof expected));
}

static void
colours_of_any_type_are_read(void)
{
    static const char text[] =
        "ply\nformat ascii 1.0\nelement vertex 3\n" XYZ
        "property float red\nproperty float green\nproperty float blue\n"
        "element face 1\n" FACES "0 0 0 1 0.5 0\n1 0 0 2 -1 nan\n0 1 0 0 0 0\n3 0 1 2\n";
    g_autoptr(OrfAsset) asset = load_file(NULL, NULL, text, 0, NULL);
    static const uint8_t expected[] = { 255, 128, 0, 255, 255, 0, 0, 255, 0, 0, 0, 255 };
    g_assert_true(!memcmp(orf_mesh_colors(orf_asset_mesh(asset)), expected, sizeof expected));
}

static void
faces_may_come_first_and_rows_may_be_longer(void)
{
    static const char *const ends[] = { "\n", "\r\n", "\r" };
    static const char text[] = "ply\nformat ascii 1.0\nelement face 2\n"
                               "property list uchar int vertex_indices\nelement vertex 4\n" XYZ
                               "end_header\n3 0 1 2 77 78\n3 0 2 3 79 80\n"
                               "0 0 0 5\n1 0 0 5\n1 1 0 5\n0 1 0 5\n";
    for (size_t i = 0; i < G_N_ELEMENTS(ends); i++) {
        g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
        g_autofree char *file = g_strjoinv(ends[i], lines);
        g_autoptr(OrfTask) task = orf_task_new(NULL);
        g_autoptr(OrfAsset) asset = load_file(task, NULL, file, 0, NULL);
        OrfMeasures measures;
        g_assert_true(orf_mesh_measure(NULL, orf_asset_mesh(asset), false, &measures, NULL));
        g_assert_cmpfloat_with_epsilon(measures.area, 1, 1e-6);
        assert_noted(task, "more values than the header declares");
    }
}

static void
binary_faces_may_come_first(void)
{
    static const char head[] = "ply\rformat binary_little_endian 1.0\relement face 1\r"
                               "property list uchar uchar vertex_indices\relement vertex 3\r"
                               "property char x\rproperty char y\rproperty char z\r"
                               "end_header\r\3\0\1\2\0\0\0\n\0\0\0\n\0";
    g_autoptr(OrfAsset) asset = load_file(NULL, NULL, head, sizeof head - 1, NULL);
    assert_point(corner_of(asset, 0, 1), 10, 0, 0);
}

static void
colours_of_faces_become_materials(void)
{
    static const char text[] =
        "ply\nformat ascii 1.0\nelement vertex 3\n" XYZ "element face 3\n"
        "property list uchar int vertex_indices\nproperty uchar red\nproperty uchar green\n"
        "property uchar blue\nend_header\n0 0 0\n1 0 0\n0 1 0\n"
        "3 0 1 2 255 0 0\n3 0 2 1 0 0 255\n3 1 0 2 255 0 0\n";
    g_autoptr(OrfAsset) asset = load_file(NULL, NULL, text, 0, NULL);
    g_assert_cmpuint(orf_asset_n_materials(asset), ==, 2);
    g_assert_cmpfloat(orf_asset_material(asset, 0)->base_color[0], ==, 1);
    g_assert_cmpfloat(orf_asset_material(asset, 1)->base_color[2], ==, 1);
    static const uint16_t groups[] = { 0, 1, 0 };
    g_assert_true(!memcmp(orf_mesh_groups(orf_asset_mesh(asset)), groups, sizeof groups));
}

static void
pictures_and_uvs_of_faces_are_read(void)
{
    static const char text[] = "ply\nformat ascii 1.0\ncomment TextureFile asset-texture.png\n"
                               "element vertex 3\n" XYZ "element face 1\n"
                               "property list uchar float texcoord\n" FACES
                               "0 0 0\n1 0 0\n0 1 0\n6 0 0 1 0 0 1 3 0 1 2\n";
    g_autoptr(OrfAsset) torus = sample_torus();
    g_autoptr(GPtrArray) files = orf_format_save(NULL, torus, "obj", NULL, NULL);
    OrfLoad options = { .sibling = sample_sibling, .sibling_data = files };
    g_autoptr(OrfAsset) asset = load_file(NULL, NULL, text, 0, &options);
    g_assert_nonnull(orf_asset_material(asset, 0)->texture);
    static const float expected[] = { 0, 1, 1, 1, 0, 0 };
    g_assert_true(!memcmp(orf_mesh_uvs(orf_asset_mesh(asset)), expected, sizeof expected));
}

/* Exporters split vertices for normals; the mesh must come in closed all the same. */
static void
split_vertices_of_a_closed_mesh_are_joined(void)
{
    g_autoptr(OrfAsset) cube = sample_cube();
    g_autoptr(GString) text = g_string_new("ply\nformat ascii 1.0\nelement vertex 36\n" XYZ
                                           "element face 12\n" FACES);
    for (size_t i = 0; i < 36; i++) {
        const float *p = corner_of(cube, i / 3, i % 3);
        g_string_append_printf(text, "%.9g %.9g %.9g\n", (double)p[0], -(double)p[2],
                               (double)p[1]);
    }
    for (unsigned i = 0; i < 36; i += 3)
        g_string_append_printf(text, "3 %u %u %u\n", i, i + 1, i + 2);
    g_autoptr(OrfAsset) asset = load_file(NULL, NULL, text->str, 0, NULL);
    OrfMeasures measures;
    g_assert_true(orf_mesh_measure(NULL, orf_asset_mesh(asset), false, &measures, NULL));
    g_assert_true(orf_measures_solid(&measures));
}

static void
bad_files_are_refused(void)
{
    static const BadFile cases[] = {
        { "no ply", "plx\n", 0,
          "bad: does not begin with 'ply'; it is not PLY, export it again" },
        { "no end", "ply\nformat ascii 1.0\n", 0,
          "bad: line 3 of the header: the header has no end_header; export it again" },
        { "coding", "ply\nformat morse 1.0\n", 0,
          "bad: line 2 of the header: the format is none of ascii, binary_little_endian, "
          "binary_big_endian; export it again" },
        { "type", "ply\nelement vertex 1\nproperty quad x\n", 0,
          "bad: line 3 of the header: unknown type of a property; export it again" },
        { "count type", "ply\nelement vertex 1\nproperty list float int x\n", 0,
          "bad: line 3 of the header: a list needs an integer type for its count; "
          "export it again" },
        { "stray property", "ply\nproperty float x\n", 0,
          "bad: line 2 of the header: a property before the first element; export it again" },
        { "negative count", "ply\nelement vertex -1\n", 0,
          "bad: line 2 of the header: an element needs a count; export it again" },
        { "unknown word", "ply\nelephant\n", 0,
          "bad: line 2 of the header: unknown word; export it again" },
        { "lying count",
          "ply\nformat binary_little_endian 1.0\nelement vertex 4000000000\n" XYZ
          "end_header\n1234",
          0,
          "bad: the header promises 4000000000 of 'vertex', 4 bytes are left for them; "
          "the file is cut short, export it again" },
        { "long list",
          "ply\nformat ascii 1.0\nelement vertex 1\n" XYZ "element face 1\n" FACES
          "0 0 0\n999 0 0 0\n",
          0,
          "bad: face 0 at byte 163: a list is longer than the rest of the file; "
          "export it again" },
        { "negative list",
          "ply\nformat ascii 1.0\nelement vertex 1\n" XYZ "element face 1\n" FACES
          "0 0 0\n-3 0 0 0\n",
          0,
          "bad: face 0 at byte 162: a list is longer than the rest of the file; "
          "export it again" },
        { "bad index",
          "ply\nformat ascii 1.0\nelement vertex 1\n" XYZ "element face 1\n" FACES
          "0 0 0\n3 0 0 1\n",
          0, "bad: face 0 at byte 167: names vertex 1 of 1; export it again" },
        { "face first, of nothing",
          "ply\nformat ascii 1.0\nelement face 1\nproperty list uchar int vertex_indices\n"
          "element vertex 1\n" XYZ "end_header\n3 0 0 7\n0 0 0\n",
          0, "bad: face 0 at byte 161: names vertex 7 of 1; export it again" },
        { "short row",
          "ply\nformat ascii 1.0\nelement vertex 2\n" XYZ "end_header\n0 0\n0 0 0\n", 0,
          "bad: vertex 0 at byte 103: the row ends here, values are missing; export it again" },
        { "left over",
          "ply\nformat ascii 1.0\nelement vertex 1\n" XYZ "end_header\n0 0 0 9\n9 9\n9\n", 0,
          "bad: values are left over at byte 106: the rows hold more than the header declares; "
          "export it again" },
        { "not a number",
          "ply\nformat ascii 1.0\nelement vertex 1\n" XYZ "end_header\n0 x 0 0 0 0\n", 0,
          "bad: vertex 0 at byte 102: not a number; export it again" },
        { "not finite",
          "ply\nformat ascii 1.0\nelement vertex 1\n" XYZ "end_header\n0 0 1e99\n", 0,
          "bad: vertex 0 at byte 108: a coordinate is not a finite number; export it again" },
        { "cut",
          "ply\nformat binary_big_endian 1.0\nelement vertex 1\n" XYZ "element face 1\n" FACES
          "123456789012\003",
          0,
          "bad: face 0 at byte 179: a list is longer than the rest of the file; "
          "export it again" },
    };
    assert_refused("ply", cases, G_N_ELEMENTS(cases));
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_assert_true(orf_image_init(NULL));
    g_test_add_func("/format/ply/what-is-unknown-is-passed-over",
                    what_is_unknown_is_passed_over);
    g_test_add_func("/format/ply/strips-turn-every-second-triangle",
                    strips_turn_every_second_triangle);
    g_test_add_func("/format/ply/colours-of-any-type-are-read", colours_of_any_type_are_read);
    g_test_add_func("/format/ply/faces-may-come-first-and-rows-may-be-longer",
                    faces_may_come_first_and_rows_may_be_longer);
    g_test_add_func("/format/ply/binary-faces-may-come-first", binary_faces_may_come_first);
    g_test_add_func("/format/ply/colours-of-faces-become-materials",
                    colours_of_faces_become_materials);
    g_test_add_func("/format/ply/pictures-and-uvs-of-faces-are-read",
                    pictures_and_uvs_of_faces_are_read);
    g_test_add_func("/format/ply/split-vertices-of-a-closed-mesh-are-joined",
                    split_vertices_of_a_closed_mesh_are_joined);
    g_test_add_func("/format/ply/bad-files-are-refused", bad_files_are_refused);
    return g_test_run();
}
