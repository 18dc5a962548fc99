/* SPDX-License-Identifier: Apache-2.0 */
#include "format/samples_fixture.h"

#include <math.h>
#include <string.h>

#define FACET 50

/* A binary file of n facets; all corners of each lie apart. */
static void
write_binary(uint8_t *file, const char *header, uint32_t n)
{
    memset(file, 0, 84 + FACET * (size_t)n);
    memcpy(file, header, strlen(header));
    memcpy(file + 80, &n, 4);
    for (uint32_t i = 0; i < n; i++) {
        float corners[9] = { (float)i, 0, 0, (float)i + 1, 0, 0, (float)i, 2, 0 };
        memcpy(file + 84 + FACET * (size_t)i + 12, corners, sizeof corners);
    }
}

static void
binary_may_begin_with_solid(void)
{
    uint8_t file[84 + 2 * FACET];
    write_binary(file, "solid facet normal 0 0 1", 2);
    g_autoptr(OrfAsset) asset = load_file(NULL, NULL, file, sizeof file, NULL);
    g_assert_cmpuint(orf_mesh_n_triangles(orf_asset_mesh(asset)), ==, 2);
    assert_point(corner_of(asset, 1, 2), 1, 0, -2); /* Z up to Y up */
}

static void
binary_of_small_round_numbers_is_binary(void)
{
    static uint8_t file[84 + 40 * FACET]; /* no byte above 127, so it could pass for text */
    write_binary(file, "solid", 40);
    static const float corners[9] = { 0, 0, 0, 2, 0, 0, 0, 3, 0 };
    for (size_t i = 84 + 12; i < sizeof file; i += FACET)
        memcpy(file + i, corners, sizeof corners);
    for (size_t i = 84; i < sizeof file; i++)
        g_assert_cmpuint(file[i], <, 128);
    g_autoptr(GBytes) bytes = g_bytes_new_static(file, sizeof file);
    g_assert_cmpstr(orf_format_sniff(bytes)->name, ==, "stl");
    g_autoptr(OrfAsset) asset = load_file(NULL, NULL, file, sizeof file, NULL);
    g_assert_cmpuint(orf_mesh_n_triangles(orf_asset_mesh(asset)), ==, 40);
}

static void
bytes_after_the_end_are_noted(void)
{
    uint8_t file[84 + 2 * FACET] = { 0 };
    write_binary(file, "x", 1);
    g_autoptr(OrfTask) task = orf_task_new(NULL);
    g_autoptr(OrfAsset) asset = load_file(task, "stl", file, sizeof file, NULL);
    g_assert_cmpuint(orf_mesh_n_triangles(orf_asset_mesh(asset)), ==, 1);
    assert_noted(task, "bytes after the last triangle");
}

static void
facets_of_no_number_are_left_out(void)
{
    uint8_t file[84 + 3 * FACET];
    write_binary(file, "x", 3);
    memcpy(file + 84 + FACET + 16, &(float){ NAN }, 4);
    g_autoptr(OrfTask) task = orf_task_new(NULL);
    g_autoptr(OrfAsset) asset = load_file(task, "stl", file, sizeof file, NULL);
    g_assert_cmpuint(orf_mesh_n_triangles(orf_asset_mesh(asset)), ==, 2);
    assert_noted(task, "1 of 3 facets");
}

static void
a_count_left_open_is_known_from_the_size(void)
{
    static const uint32_t counts[] = { 0, UINT32_MAX };
    for (size_t i = 0; i < G_N_ELEMENTS(counts); i++) {
        uint8_t file[84 + 2 * FACET];
        write_binary(file, "x", 2);
        memcpy(file + 80, &counts[i], sizeof counts[i]);
        g_autoptr(OrfTask) task = orf_task_new(NULL);
        g_autoptr(OrfAsset) asset = load_file(task, NULL, file, sizeof file, NULL);
        g_assert_cmpuint(orf_mesh_n_triangles(orf_asset_mesh(asset)), ==, 2);
        assert_noted(task, "2 are there and were read");
    }
}

static void
facets_without_area_are_noted(void)
{
    uint8_t file[84 + 3 * FACET];
    write_binary(file, "x", 3);
    memcpy(file + 84 + 2 * FACET + 24, file + 84 + 2 * FACET + 12, 12);
    file[84 + FACET - 1] = 0x80;
    g_autoptr(OrfTask) task = orf_task_new(NULL);
    g_autoptr(OrfAsset) asset = load_file(task, "stl", file, sizeof file, NULL);
    g_assert_cmpuint(orf_mesh_n_triangles(orf_asset_mesh(asset)), ==, 2);
    assert_noted(task, "1 of 3 facets have no area");
    assert_noted(task, "colours of facets");
}

static void
any_line_end_and_mark_will_do(void)
{
    static const char text[] = "solid x\nfacet normal 0 0 1\nouter loop\nvertex 0 0 0\n"
                               "vertex 1 0 0\nvertex 0 1 0\nendloop\nendfacet\n"
                               "endsolid vertex\n";
    static const char *const ends[] = { "\n", "\r\n", "\r" };
    for (size_t i = 0; i < G_N_ELEMENTS(ends); i++) {
        g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
        g_autofree char *body = g_strjoinv(ends[i], lines);
        g_autofree char *marked = g_strconcat("\xef\xbb\xbf", body, NULL);
        g_autoptr(OrfAsset) plain = load_file(NULL, NULL, body, 0, NULL);
        g_autoptr(OrfAsset) asset = load_file(NULL, NULL, marked, 0, NULL);
        g_assert_cmpuint(orf_mesh_n_triangles(orf_asset_mesh(asset)), ==, 1);
        g_assert_cmpuint(orf_mesh_n_triangles(orf_asset_mesh(plain)), ==, 1);
    }
}

static void
equal_corners_become_one_vertex(void)
{
    uint8_t file[84 + 3 * FACET];
    write_binary(file, "x", 3);
    memcpy(file + 84 + 2 * FACET + 12, file + 84 + 2 * FACET + 24,
           12); /* the third collapses */
    g_autoptr(OrfAsset) asset = load_file(NULL, "stl", file, sizeof file, NULL);
    g_assert_cmpuint(orf_mesh_n_triangles(orf_asset_mesh(asset)), ==, 2);
    /* (1 0 0) belongs to both that are left */
    g_assert_true(corner_of(asset, 0, 1) == corner_of(asset, 1, 0));
}

static void
ascii_is_read_generously(void)
{
    static const char text[] =
        "\t SOLID with a name\r\n"
        "FACET NORMAL nan nan nan\r\n\tOUTER LOOP\r\n"
        "VERTEX 0 0 0\r\nVertex +1.0E0 0 -0.0 vertex 0 1e0 .0\r\n"
        "ENDLOOP ENDFACET\r\nENDSOLID with a name\r\n"
        "solid\nfacet normal 0 0 1\nouter loop\nvertex 5 0 0\nvertex 6 0 0\nvertex 5 1 0\n"
        "endloop\nendfacet\nendsolid";
    g_autoptr(OrfAsset) asset = load_file(NULL, NULL, text, 0, NULL);
    g_assert_cmpuint(orf_mesh_n_triangles(orf_asset_mesh(asset)), ==, 2);
    assert_point(corner_of(asset, 0, 2), 0, 0, -1);
    assert_point(corner_of(asset, 1, 0), 5, 0, 0);
}

static void
bad_text_is_refused(void)
{
    static const BadFile cases[] = {
        { "nothing in it", "solid x\nendsolid x\n", 0,
          "bad: holds no triangles; export it as a mesh" },
        { "cut within a facet", "solid x\nfacet normal 0 0 1\nouter loop\nvertex 0 0 0\n", 0,
          "bad: line 5: the file ends within a facet; export it again" },
        { "two corners",
          "solid x\nfacet\nouter loop\nvertex 0 0 0\nvertex 1 0 0\nendloop\nendfacet\n", 0,
          "bad: line 6: a facet with fewer than three corners; export it again" },
        { "four corners",
          "solid x\nfacet\nouter loop\nvertex 0 0 0\nvertex 1 0 0\nvertex 1 1 0\nvertex 0 1 "
          "0\n",
          0, "bad: line 7: a facet with more than three corners; export it again" },
        { "two numbers", "solid x\nfacet\nouter loop\nvertex 0 0\nvertex 1 0 0\n", 0,
          "bad: line 4: three numbers must follow 'vertex'; export it again" },
        { "not finite", "solid x\nfacet\nouter loop\nvertex 0 nan 0\n", 0,
          "bad: line 4: a coordinate is not a finite number; export it again" },
        { "beyond float", "solid x\nfacet\nouter loop\nvertex 0 1e39 0\n", 0,
          "bad: line 4: a coordinate is not a finite number; export it again" },
        { "some other text", "solid x\nfacet\nwhatever this is\n", 0,
          "bad: line 3: unknown word in ASCII STL; export it again" },
    };
    assert_refused("stl", cases, G_N_ELEMENTS(cases));
}

static void
bad_binaries_are_refused(void)
{
    static uint8_t cut[84 + 3 * FACET - 1], wild[84 + FACET], none[84];
    write_binary(wild, "x", 1);
    memcpy(wild + 84 + 16, &(float){ INFINITY }, 4);
    uint8_t whole[84 + 3 * FACET];
    write_binary(whole, "x", 3);
    memcpy(cut, whole, sizeof cut);
    const BadFile cases[] = {
        { "cut", (char *)cut, sizeof cut,
          "bad: the header promises 3 triangles but the file holds 2; it is cut short or not "
          "STL, export it again" },
        { "infinite", (char *)wild, sizeof wild,
          "bad: no facet has coordinates that are finite numbers; export it again" },
        { "empty", (char *)none, sizeof none, "bad: holds no triangles; export it as a mesh" },
        { "too small", "x", 1, "bad: 1 bytes are too few for an STL file; export it again" },
    };
    assert_refused("stl", cases, G_N_ELEMENTS(cases));
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/format/stl/binary-may-begin-with-solid", binary_may_begin_with_solid);
    g_test_add_func("/format/stl/binary-of-small-round-numbers-is-binary",
                    binary_of_small_round_numbers_is_binary);
    g_test_add_func("/format/stl/bytes-after-the-end-are-noted", bytes_after_the_end_are_noted);
    g_test_add_func("/format/stl/facets-of-no-number-are-left-out",
                    facets_of_no_number_are_left_out);
    g_test_add_func("/format/stl/a-count-left-open-is-known-from-the-size",
                    a_count_left_open_is_known_from_the_size);
    g_test_add_func("/format/stl/facets-without-area-are-noted", facets_without_area_are_noted);
    g_test_add_func("/format/stl/any-line-end-and-mark-will-do", any_line_end_and_mark_will_do);
    g_test_add_func("/format/stl/equal-corners-become-one-vertex",
                    equal_corners_become_one_vertex);
    g_test_add_func("/format/stl/ascii-is-read-generously", ascii_is_read_generously);
    g_test_add_func("/format/stl/bad-text-is-refused", bad_text_is_refused);
    g_test_add_func("/format/stl/bad-binaries-are-refused", bad_binaries_are_refused);
    return g_test_run();
}
