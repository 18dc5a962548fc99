/* Walks the table of formats: the first byte chooses the format, or sniffing; the rest is the
 * file. The files it names are the file itself. What loads must save and load again. One more
 * choice takes the rest for the model of a 3MF and wraps it, because no mutation keeps a
 * checksum right.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "format/3mf-priv.h"

#define MEMORY ((size_t)256 << 20)

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc, (void)argv;
    g_assert_true(orf_image_init(NULL));
    return 0;
}

static GBytes *
same_file(const char *name, void *data)
{
    (void)name;
    return g_bytes_ref(data);
}

static unsigned
count_formats(void)
{
    unsigned n = 0;
    while (orf_formats()[n])
        n++;
    return n;
}

static GBytes *
wrap(GBytes *model)
{
    OrfZipEntry entry = { (char *)"3D/3dmodel.model", model, true };
    return orf_zip_write(NULL, &entry, 1, NULL);
}

/* a .bin or texture that was written beside the file */
static GBytes *
written_file(const char *name, void *data)
{
    GPtrArray *files = data;
    for (unsigned i = 0; i < files->len; i++) {
        const OrfFile *file = files->pdata[i];
        if (g_str_equal(file->name, name))
            return g_bytes_ref(file->bytes);
    }
    return NULL;
}

static void
save_and_load(OrfTask *task, const OrfAsset *asset, const char *format)
{
    static const OrfSave variants[] = { { 0 }, { .text = true, .big_endian = true } };
    for (size_t i = 0; i < G_N_ELEMENTS(variants); i++) {
        g_autoptr(GError) error = NULL;
        g_autoptr(GPtrArray) files = orf_format_save(task, asset, format, &variants[i], &error);
        if (!files)
            continue; /* over the budget */
        GBytes *bytes = ((OrfFile *)files->pdata[0])->bytes;
        OrfLoad options = { .sibling = written_file, .sibling_data = files };
        g_autoptr(OrfAsset) again = orf_format_load(task, bytes, format, &options, &error);
        bool drops = g_str_equal(format, "stl"); /* triangles whose corners lie at one place */
        size_t n = orf_mesh_n_triangles(orf_asset_mesh(asset));
        if (again)
            g_assert_true(orf_mesh_n_triangles(orf_asset_mesh(again)) == n || drops);
        else if (!drops && !g_error_matches(error, ORF_ERROR, ORF_ERROR_TOO_LARGE))
            g_error("%s: %s", format, error->message);
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!size)
        return 0;
    unsigned n = count_formats(), choice = data[0] % (n + 2);
    const char *format = choice < n ? orf_formats()[choice]->name : NULL;
    g_autoptr(GBytes) rest = g_bytes_new(data + 1, size - 1);
    g_autoptr(GBytes) bytes = choice == n + 1 ? wrap(rest) : g_bytes_ref(rest);
    g_autoptr(OrfTask) task = orf_task_new(&(OrfTaskOptions){ .memory = MEMORY });
    g_autoptr(GError) error = NULL;
    OrfLoad options = { .sibling = same_file, .sibling_data = bytes };
    g_autoptr(OrfAsset) asset = orf_format_load(task, bytes, format, &options, &error);
    g_assert_true((asset != NULL) == (error == NULL));
    if (error)
        g_assert_cmpint(error->code, !=, ORF_ERROR_BUG);
    if (asset && size < 20000)
        save_and_load(task, asset, format ? format : orf_formats()[data[0] % n]->name);
    return 0;
}
