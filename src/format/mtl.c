/* mtl.c - the material library that goes with OBJ.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Kd is taken for sRGB, as viewers show it; Pr and Pm are the roughness and metallic values of
 * the physically based extension. Everything else in an MTL has no counterpart here. */
#include "format/obj-priv.h"

#include <math.h>
#include <string.h>

/* --- Read --------------------------------------------------------------------------------- */

static float
to_linear(double c)
{
    c = CLAMP(c, 0, 1);
    return (float)(c <= 0.04045 ? c / 12.92 : pow((c + 0.055) / 1.055, 2.4));
}

static void
read_color(OrfCursor *cursor, OrfMaterial *material)
{
    double c[3];
    for (unsigned i = 0; i < 3; i++)
        if (!orf_cursor_number(cursor, &c[i]) || !isfinite(c[i]))
            return;
    for (unsigned i = 0; i < 3; i++)
        material->base_color[i] = to_linear(c[i]);
}

static void
read_share(OrfCursor *cursor, float *ret, bool opposite)
{
    double value;
    if (orf_cursor_number(cursor, &value) && isfinite(value))
        *ret = (float)CLAMP(opposite ? 1 - value : value, 0, 1);
}

static bool
is_option_value(OrfCursor word)
{
    double value;
    return orf_word_is(word, "on") || orf_word_is(word, "off") ||
           (orf_cursor_number(&word, &value) && word.at == word.end);
}

/* "-s 1 1 1 -clamp on name of file.png": what follows the options. */
static char *
read_file_name(OrfCursor *cursor)
{
    OrfCursor ahead = *cursor, word = orf_cursor_word(&ahead);
    while (word.end - word.at > 1 && *word.at == '-') {
        do {
            *cursor = ahead;
            word = orf_cursor_word(&ahead);
        } while (is_option_value(word));
    }
    return orf_cursor_rest(cursor);
}

static bool
read_picture(OrfAssetDraft *draft, OrfCursor *cursor, OrfMaterial *material, GError **error)
{
    g_autofree char *name = read_file_name(cursor);
    g_autoptr(GBytes) bytes = material->texture ? NULL : orf_asset_draft_sibling(draft, name);
    return !bytes || orf_asset_draft_picture(draft, material, bytes, name, error);
}

static OrfMaterial *
begin_material(OrfAssetDraft *draft, OrfCursor *cursor, GHashTable *names, GError **error)
{
    g_autofree char *name = orf_cursor_rest(cursor);
    OrfMaterial *material = orf_asset_draft_material(draft, name, error);
    if (material)
        g_hash_table_replace(names, g_steal_pointer(&name),
                             GSIZE_TO_POINTER(draft->materials->len));
    return material;
}

static bool
read_line(OrfAssetDraft *draft, OrfCursor *line, OrfMaterial *material, GError **error)
{
    OrfCursor word = orf_cursor_word(line);
    if (orf_word_is(word, "Kd"))
        read_color(line, material);
    else if (orf_word_is(word, "d"))
        read_share(line, &material->base_color[3], false);
    else if (orf_word_is(word, "Tr"))
        read_share(line, &material->base_color[3], true);
    else if (orf_word_is(word, "Pr"))
        read_share(line, &material->roughness, false);
    else if (orf_word_is(word, "Pm"))
        read_share(line, &material->metallic, false);
    else if (orf_word_is(word, "map_Kd"))
        return read_picture(draft, line, material, error);
    return true;
}

bool
orf_mtl_read(OrfAssetDraft *draft, GBytes *bytes, GHashTable *names, GError **error)
{
    size_t size;
    g_autoptr(GBytes) lines = orf_text_lines(draft->task, bytes, error);
    if (!lines)
        return false;
    const char *text = g_bytes_get_data(lines, &size);
    if (size >= 2 && ((uint8_t)text[0] ^ (uint8_t)text[1]) == 1 && (uint8_t)text[0] >= 0xfe)
        orf_task_note(draft->task, "%s: its MTL is text in UTF-16; save it as UTF-8",
                      draft->options->name);
    OrfCursor cursor = { text, text + size };
    OrfMaterial *material = NULL;
    while (cursor.at < cursor.end) {
        OrfCursor line = { cursor.at, cursor.at }, ahead;
        orf_cursor_next_line(&cursor);
        line.end = cursor.at;
        ahead = line;
        if (orf_word_is(orf_cursor_word(&ahead), "newmtl")) {
            if (!(material = begin_material(draft, &ahead, names, error)))
                return false;
        } else if (material && !read_line(draft, &line, material, error)) {
            return false;
        }
    }
    return orf_task_check(draft->task, error);
}

/* --- Write -------------------------------------------------------------------------------- */

static double
to_srgb(float linear)
{
    double c = (double)CLAMP(linear, 0, 1);
    return c <= 0.0031308 ? c * 12.92 : 1.055 * pow(c, 1 / 2.4) - 0.055;
}

/* No blanks or control characters, no backslash (at the end it would join the next line), and
 * no name twice. */
static char **
choose_names(const OrfAsset *asset)
{
    size_t n = orf_asset_n_materials(asset);
    char **names = g_new0(char *, n + 1);
    g_autoptr(GHashTable) taken = g_hash_table_new(g_str_hash, g_str_equal);
    for (size_t i = 0; i < n; i++) {
        char *name = g_utf8_make_valid(orf_asset_material(asset, i)->name, -1);
        for (char *c = name; *c; c++)
            if ((unsigned char)*c <= ' ' || *c == 127 || *c == '\\')
                *c = '_';
        if (!*name || g_hash_table_contains(taken, name)) {
            g_free(name);
            name = g_strdup_printf("material-%zu", i + 1);
        }
        g_hash_table_add(taken, name);
        names[i] = name;
    }
    return names;
}

static void
describe(GString *text, const OrfMaterial *material, const char *name, const char *picture)
{
    const float *c = material->base_color;
    g_string_append_printf(text, "newmtl %s\nKd", name);
    for (unsigned i = 0; i < 3; i++) {
        g_string_append_c(text, ' ');
        orf_json_number(text, (double)(float)round(to_srgb(c[i]) * 1e6) / 1e6);
    }
    struct {
        const char *key;
        float value;
    } shares[] = { { "d", c[3] }, { "Pr", material->roughness }, { "Pm", material->metallic } };
    for (size_t i = 0; i < G_N_ELEMENTS(shares); i++) {
        char number[ORF_FLOAT_TEXT];
        char *end = orf_put_float(number, CLAMP(shares[i].value, 0, 1));
        g_string_append_printf(text, "\n%s %.*s", shares[i].key, (int)(end - number), number);
    }
    g_string_append(text, "\nillum 1\n");
    if (picture)
        g_string_append_printf(text, "map_Kd %s\n", picture);
    g_string_append_c(text, '\n');
}

/* Adds the picture to files; its name, caller owns. A picture two materials share is written
 * once. */
static char *
write_picture(OrfTask *task, const OrfAsset *asset, size_t i, const char *stem,
              GPtrArray *files, GPtrArray *pictures, GError **error)
{
    const OrfMaterial *material = orf_asset_material(asset, i);
    for (size_t k = 0; k < i; k++)
        if (orf_asset_material(asset, k)->texture == material->texture)
            return g_strdup(pictures->pdata[k]);
    g_autoptr(GBytes) bytes = orf_picture_bytes(task, material, false, error);
    if (!bytes)
        return NULL;
    const char *type = orf_picture_type(bytes);
    char *name = orf_asset_n_materials(asset) > 1
                     ? g_strdup_printf("%s-texture-%zu.%s", stem, i + 1, type)
                     : g_strdup_printf("%s-texture.%s", stem, type);
    orf_files_add_take(files, g_strdup(name), g_steal_pointer(&bytes));
    return name;
}

bool
orf_mtl_write(OrfTask *task, const OrfAsset *asset, const char *stem, GPtrArray *files,
              char ***ret_names, GError **error)
{
    g_auto(GStrv) names = choose_names(asset);
    g_autoptr(GPtrArray) pictures = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(GPtrArray) written = orf_files_new();
    g_autoptr(GString) text = g_string_new("# ORFEAS " ORF_VERSION "\n\n");
    for (size_t i = 0; i < orf_asset_n_materials(asset); i++) {
        const OrfMaterial *material = orf_asset_material(asset, i);
        char *picture = NULL;
        if (material->texture &&
            !(picture = write_picture(task, asset, i, stem, written, pictures, error)))
            return false;
        g_ptr_array_add(pictures, picture);
        describe(text, material, names[i], picture);
    }
    GBytes *library = g_string_free_to_bytes(g_steal_pointer(&text));
    orf_files_add_take(files, g_strconcat(stem, ".mtl", NULL), library);
    g_ptr_array_extend_and_steal(files, g_steal_pointer(&written));
    *ret_names = g_steal_pointer(&names);
    return true;
}
