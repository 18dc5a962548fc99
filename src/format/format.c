/* format.c - the table of formats, and what is the same for all of them.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "format/format-priv.h"

#include <string.h>

#define ROW(name) &orf_format_##name,
static const OrfFormat *const formats[] = { ORF_FORMATS(ROW, ROW) NULL };

const OrfFormat *const *
orf_formats(void)
{
    return formats;
}

const OrfFormat *
orf_format_by_name(const char *name)
{
    for (size_t i = 0; formats[i]; i++)
        if (g_str_equal(formats[i]->name, name))
            return formats[i];
    return NULL;
}

const OrfFormat *
orf_format_by_path(const char *path)
{
    const char *slash = strrchr(path, '/'), *dot = strrchr(slash ? slash : path, '.');
    if (!dot)
        return NULL;
    g_autofree char *extension = g_ascii_strdown(dot + 1, -1);
    for (size_t i = 0; formats[i]; i++) {
        g_auto(GStrv) known = g_strsplit(formats[i]->extensions, "|", -1);
        if (g_strv_contains((const char *const *)known, extension))
            return formats[i];
    }
    return NULL;
}

const OrfFormat *
orf_format_sniff(GBytes *bytes)
{
    size_t size;
    const uint8_t *data = g_bytes_get_data(bytes, &size);
    for (size_t i = 0; size && formats[i]; i++)
        if (formats[i]->sniff(data, size))
            return formats[i];
    return NULL;
}

static char *
names_of_formats(void)
{
    GString *names = g_string_new(NULL);
    for (size_t i = 0; formats[i]; i++)
        g_string_append_printf(names, "%s%s", i ? ", " : "", formats[i]->name);
    return g_string_free(names, false);
}

/* --- Load --------------------------------------------------------------------------------- */

static const OrfFormat *
choose(GBytes *bytes, const char *format, const char *name, GError **error)
{
    g_autofree char *names = names_of_formats();
    const OrfFormat *found = format ? orf_format_by_name(format) : orf_format_sniff(bytes);
    if (!found && !format && name)
        found = orf_format_by_path(name);
    if (found)
        return found;
    if (format)
        return ORF_FAIL(error, NOT_FOUND, "no format is called '%s'; there are %s", format,
                        names);
    return ORF_FAIL(error, UNSUPPORTED,
                    "%s: not a model file that is known here; export it as one of %s",
                    name ? name : "the file", names);
}

/* Text may begin with a byte-order mark; the one of UTF-8 is passed over. A binary STL whose
 * size agrees with its count is no text, whatever it begins with. Returns a reference; NULL:
 * UTF-16.
 */
static GBytes *
without_mark(GBytes *bytes, const char *name, GError **error)
{
    size_t size;
    const uint8_t *data = g_bytes_get_data(bytes, &size);
    bool wide = size >= 2 &&
                ((data[0] == 0xff && data[1] == 0xfe) || (data[0] == 0xfe && data[1] == 0xff));
    bool mark = size >= 3 && !memcmp(data, ORF_UTF8_MARK, 3);
    if ((!wide && !mark) || orf_format_stl.sniff(data, size))
        return g_bytes_ref(bytes);
    if (wide)
        return ORF_FAIL(error, BAD_INPUT, "%s: is text in UTF-16; save it as UTF-8", name);
    return g_bytes_new_from_bytes(bytes, 3, size - 3);
}

static OrfAsset *
load_plain(OrfTask *task, GBytes *bytes, const char *format, OrfLoad *load, GError **error)
{
    const OrfFormat *found = choose(bytes, format, load->name, error);
    if (!found)
        return NULL;
    if (!load->name)
        load->name = found->name;
    return found->load(task, bytes, load, error);
}

OrfAsset *
orf_format_load(OrfTask *task, GBytes *bytes, const char *format, const OrfLoad *options,
                GError **error)
{
    OrfLoad load = options ? *options : (OrfLoad){ 0 };
    size_t size = g_bytes_get_size(bytes);
    if (!size)
        return ORF_FAIL(error, BAD_INPUT, "%s: the file is empty; export it again",
                        load.name ? load.name : "model");
    if (size > ORF_FORMAT_MAX_BYTES)
        return ORF_FAIL(error, TOO_LARGE,
                        "%s: has %zu bytes, at most %zu can be read; reduce the model first",
                        load.name ? load.name : "model", size, ORF_FORMAT_MAX_BYTES);
    g_autoptr(GBytes) plain = without_mark(bytes, load.name ? load.name : "model", error);
    return plain ? load_plain(task, plain, format, &load, error) : NULL;
}

/* --- Save --------------------------------------------------------------------------------- */

GPtrArray *
orf_format_save(OrfTask *task, const OrfAsset *asset, const char *format,
                const OrfSave *options, GError **error)
{
    OrfSave save = options ? *options : (OrfSave){ 0 };
    if (!save.stem || !*save.stem)
        save.stem = "asset";
    const OrfFormat *found = orf_format_by_name(format);
    if (!found) {
        g_autofree char *names = names_of_formats();
        return ORF_FAIL(error, NOT_FOUND, "no format is called '%s'; there are %s", format,
                        names);
    }
    if (!orf_mesh_n_triangles(orf_asset_mesh(asset)))
        return ORF_FAIL(error, BAD_INPUT,
                        "%s: the mesh has no triangles to save; "
                        "make or load one that has",
                        found->name);
    return found->save(task, asset, &save, error);
}

static void
free_file(gpointer data)
{
    OrfFile *file = data;
    g_free(file->name);
    g_bytes_unref(file->bytes);
    g_free(file);
}

GPtrArray *
orf_files_new(void)
{
    return g_ptr_array_new_with_free_func(free_file);
}

void
orf_files_add_take(GPtrArray *files, char *name, GBytes *bytes)
{
    OrfFile *file = g_new(OrfFile, 1);
    *file = (OrfFile){ name, bytes };
    g_ptr_array_add(files, file);
}

char *
orf_plain_stem(const char *stem)
{
    char *plain = g_utf8_make_valid(stem, -1);
    for (char *c = plain; *c; c++)
        if (!g_ascii_isalnum(*c) && !strchr("-_.", *c) && !((unsigned char)*c & 128))
            *c = '_';
    return plain;
}

GBytes *
orf_bytes_take(void *block, size_t size)
{
    return g_bytes_new_with_free_func(block, size, orf_free, block);
}

/* --- Pictures ----------------------------------------------------------------------------- */

const char *
orf_picture_type(GBytes *bytes)
{
    size_t size;
    const char *data = g_bytes_get_data(bytes, &size);
    if (size > 12 && !memcmp(data, "\211PNG\r\n\032\n", 8))
        return "png";
    if (size > 12 && !memcmp(data, "\377\330\377", 3))
        return "jpg";
    if (size > 12 && !memcmp(data, "RIFF", 4) && !memcmp(data + 8, "WEBP", 4))
        return "webp";
    return NULL;
}

GBytes *
orf_picture_bytes(OrfTask *task, const OrfMaterial *material, bool webp, GError **error)
{
    const char *type = material->encoded ? orf_picture_type(material->encoded) : NULL;
    if (type && (webp || !g_str_equal(type, "webp")))
        return g_bytes_ref(material->encoded);
    return orf_image_encode(task, material->texture, "png", 0, error);
}
