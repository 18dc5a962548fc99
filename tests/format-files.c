/* format-files.c - writes the samples of the format room for judges from outside: format_files
 * DIR.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Files are DIR/FORMAT[-VARIANT]/SAMPLE.EXTENSION, with the files that belong to them. */
#include "format/samples_fixture.h"

#include <glib/gstdio.h>

static const struct {
    const char *name;
    OrfSave options;
} variants[] = {
    { "", { 0 } },
    { "-text", { .text = true } },
    { "-big", { .big_endian = true } },
    { "-plain", { .plain = true } },
};

static void
write_sample(const char *directory, const OrfFormat *format, const Sample *sample,
             const OrfSave *variant)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(OrfAsset) asset = sample->make();
    OrfSave options = *variant;
    options.stem = sample->name;
    g_autoptr(GPtrArray) files = orf_format_save(NULL, asset, format->name, &options, &error);
    g_assert_no_error(error);
    for (guint i = 0; i < files->len; i++) {
        const OrfFile *file = files->pdata[i];
        g_autofree char *path = g_build_filename(directory, file->name, NULL);
        gsize size;
        const char *data = g_bytes_get_data(file->bytes, &size);
        g_file_set_contents(path, data, (gssize)size, &error);
        g_assert_no_error(error);
    }
}

/* More vertices than 16-bit indices can name. */
static OrfAsset *
large_ball(void)
{
    g_autoptr(OrfMesh) mesh = sample_ball(160000);
    return orf_asset_new(mesh, NULL, 0);
}

int
main(int argc, char **argv)
{
    g_assert_cmpint(argc, ==, 2);
    g_assert_true(orf_image_init(NULL));
    for (const OrfFormat *const *format = orf_formats(); *format; format++)
        for (size_t v = 0; v < G_N_ELEMENTS(variants); v++) {
            g_autofree char *folder = g_strconcat((*format)->name, variants[v].name, NULL);
            g_autofree char *directory = g_build_filename(argv[1], folder, NULL);
            g_mkdir_with_parents(directory, 0755);
            for (size_t i = 0; i < n_samples; i++)
                write_sample(directory, *format, &samples[i], &variants[v].options);
        }
    g_autofree char *directory = g_build_filename(argv[1], "glb-large", NULL);
    g_mkdir_with_parents(directory, 0755);
    static const Sample large = { "large", large_ball, true };
    write_sample(directory, orf_format_by_name("glb"), &large, &variants[0].options);
    return 0;
}
