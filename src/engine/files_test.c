/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/engine.h"

#include <string.h>

static const char tetrahedron[] = "v 0 0 0\nv 10 0 0\nv 0 10 0\nv 0 0 10\n"
                                  "f 1 3 2\nf 1 2 4\nf 2 3 4\nf 1 4 3\n";

static OrfAsset *
load(void)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GBytes) bytes = g_bytes_new_static(tetrahedron, sizeof tetrahedron - 1);
    OrfAsset *asset = orf_asset_load(NULL, bytes, "obj", &error);
    g_assert_no_error(error);
    return asset;
}

static void
comes_in_one_piece(void)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(OrfAsset) asset = load();
    for (const char *const *format = orf_format_names(); *format; format++) {
        const char *extension = NULL;
        g_autoptr(GBytes) file = orf_engine_save(NULL, asset, *format, "cup", &error);
        g_assert_no_error(error);
        g_assert_nonnull(orf_engine_file_type(*format, &extension));
        bool zip = strcmp(*format, "obj") == 0;
        g_assert_cmpstr(extension, ==, zip ? "zip" : *format);
        if (!zip)
            g_assert_cmpstr(orf_engine_sniff(file), ==, *format);
    }
}

static void
obj_is_a_zip(void)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(OrfAsset) asset = load();
    g_autoptr(GBytes) one = orf_engine_save(NULL, asset, "obj", "cup", &error);
    g_autoptr(GBytes) two = orf_engine_save(NULL, asset, "obj", "cup", &error);
    g_assert_no_error(error);
    g_assert_true(g_bytes_equal(one, two));
    size_t size;
    const char *data = g_bytes_get_data(one, &size);
    g_assert_cmpmem(data, 4, "PK\3\4", 4);
    g_assert_nonnull(g_strstr_len(data + 30, 7, "cup.obj")); /* after the entry's head */
}

static void
unknown(void)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(OrfAsset) asset = load();
    g_autoptr(GBytes) noise = g_bytes_new_static("hello there", 11);
    g_assert_null(orf_engine_sniff(noise));
    g_assert_null(orf_engine_file_type("fbx", NULL));
    g_assert_null(orf_engine_save(NULL, asset, "fbx", "cup", &error));
    g_assert_error(error, ORF_ERROR, ORF_ERROR_NOT_FOUND);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/engine/files/every-format-comes-in-one-piece", comes_in_one_piece);
    g_test_add_func("/engine/files/obj-is-a-zip-the-same-every-time", obj_is_a_zip);
    g_test_add_func("/engine/files/what-is-not-known-is-said", unknown);
    return g_test_run();
}
