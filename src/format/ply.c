/* ply.c - PLY: its header, and the format's line in the table. Z up, millimetres.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * The header names elements ("vertex", "face", anything) and the properties of each; the body
 * holds them in that order. Elements and properties that mean nothing here are passed over. */
#include "format/ply-priv.h"

#include <string.h>

#define HEADER_MOST ((size_t)1 << 18)

const uint8_t orf_ply_sizes[] = { 1, 1, 2, 2, 4, 4, 4, 8 };

typedef struct {
    OrfPlyHeader *header;
    const char *text, *name;
    bool returns; /* lines of the header end in a carriage return alone */
    bool done;
} Reader;

static bool
fail_line(const Reader *reader, const char *at, const char *what, GError **error)
{
    return ORF_FALSE(error, BAD_INPUT, "%s: line %zu of the header: %s; export it again",
                     reader->name, orf_line_number(reader->text, at), what);
}

static bool
read_type(OrfCursor *line, OrfPlyType *ret)
{
    static const struct {
        const char *names[2];
        OrfPlyType type;
    } types[] = {
        { { "char", "int8" }, PLY_I8 },      { { "uchar", "uint8" }, PLY_U8 },
        { { "short", "int16" }, PLY_I16 },   { { "ushort", "uint16" }, PLY_U16 },
        { { "int", "int32" }, PLY_I32 },     { { "uint", "uint32" }, PLY_U32 },
        { { "float", "float32" }, PLY_F32 }, { { "double", "float64" }, PLY_F64 },
    };
    OrfCursor word = orf_cursor_word(line);
    for (size_t i = 0; i < G_N_ELEMENTS(types); i++)
        if (orf_word_is(word, types[i].names[0]) || orf_word_is(word, types[i].names[1])) {
            *ret = types[i].type;
            return true;
        }
    return false;
}

static OrfPlyRole
role_of(OrfCursor name, bool list)
{
    static const struct {
        const char *name;
        OrfPlyRole role;
        bool list;
    } roles[] = {
        { "x", PLY_X, false },
        { "y", PLY_Y, false },
        { "z", PLY_Z, false },
        { "red", PLY_RED, false },
        { "green", PLY_GREEN, false },
        { "blue", PLY_BLUE, false },
        { "alpha", PLY_ALPHA, false },
        { "diffuse_red", PLY_RED, false },
        { "diffuse_green", PLY_GREEN, false },
        { "diffuse_blue", PLY_BLUE, false },
        { "r", PLY_RED, false },
        { "g", PLY_GREEN, false },
        { "b", PLY_BLUE, false },
        { "s", PLY_U, false },
        { "t", PLY_V, false },
        { "u", PLY_U, false },
        { "v", PLY_V, false },
        { "texture_u", PLY_U, false },
        { "texture_v", PLY_V, false },
        { "vertex_indices", PLY_INDICES, true },
        { "vertex_index", PLY_INDICES, true },
        { "texcoord", PLY_TEXCOORDS, true },
    };
    for (size_t i = 0; i < G_N_ELEMENTS(roles); i++)
        if (roles[i].list == list && orf_word_is(name, roles[i].name))
            return roles[i].role;
    return PLY_OTHER;
}

static bool
read_format(Reader *reader, OrfCursor *line, GError **error)
{
    static const char *const codings[] = { "ascii", "binary_little_endian",
                                           "binary_big_endian" };
    OrfCursor word = orf_cursor_word(line);
    for (size_t i = 0; i < G_N_ELEMENTS(codings); i++)
        if (orf_word_is(word, codings[i])) {
            reader->header->coding = (OrfPlyCoding)i;
            return true;
        }
    return fail_line(reader, word.at,
                     "the format is none of ascii, binary_little_endian, binary_big_endian",
                     error);
}

static bool
read_element(Reader *reader, OrfCursor *line, GError **error)
{
    OrfPlyHeader *header = reader->header;
    OrfCursor name = orf_cursor_word(line);
    int64_t count;
    if (header->n_elements == ORF_PLY_ELEMENTS)
        return fail_line(reader, name.at, "more than 32 elements", error);
    if (!orf_cursor_integer(line, &count) || count < 0)
        return fail_line(reader, name.at, "an element needs a count", error);
    OrfPlyElement *element = &header->elements[header->n_elements++];
    element->count = (uint64_t)count;
    size_t n = MIN((size_t)(name.end - name.at), sizeof element->name - 1);
    memcpy(element->name, name.at, n);
    return true;
}

static bool
read_property(Reader *reader, OrfCursor *line, GError **error)
{
    OrfPlyHeader *header = reader->header;
    if (!header->n_elements)
        return fail_line(reader, line->at, "a property before the first element", error);
    OrfPlyElement *element = &header->elements[header->n_elements - 1];
    if (element->n_properties == ORF_PLY_PROPERTIES)
        return fail_line(reader, line->at, "more than 64 properties", error);
    OrfPlyProperty property = { 0 };
    OrfCursor ahead = *line;
    if (orf_word_is(orf_cursor_word(&ahead), "list")) {
        *line = ahead;
        property.list = true;
        if (!read_type(line, &property.count_type) || property.count_type >= PLY_F32)
            return fail_line(reader, line->at, "a list needs an integer type for its count",
                             error);
    }
    if (!read_type(line, &property.type))
        return fail_line(reader, line->at, "unknown type of a property", error);
    property.role = role_of(orf_cursor_word(line), property.list);
    element->properties[element->n_properties++] = property;
    return true;
}

static void
read_comment(Reader *reader, OrfCursor *line)
{
    if (orf_word_is(orf_cursor_word(line), "TextureFile") && !reader->header->picture)
        reader->header->picture = orf_cursor_rest(line);
}

static bool
read_line(Reader *reader, OrfCursor line, GError **error)
{
    OrfCursor word = orf_cursor_word(&line);
    if (orf_word_is(word, "format"))
        return read_format(reader, &line, error);
    if (orf_word_is(word, "element"))
        return read_element(reader, &line, error);
    if (orf_word_is(word, "property"))
        return read_property(reader, &line, error);
    if (orf_word_is(word, "comment"))
        read_comment(reader, &line);
    reader->done = orf_word_is(word, "end_header");
    if (reader->done || word.at == word.end || orf_word_is(word, "comment") ||
        orf_word_is(word, "obj_info"))
        return true;
    return fail_line(reader, word.at, "unknown word", error);
}

/* Decided by the first line: after a lone return the next byte may be a line feed that belongs
 * to a binary body. */
static void
next_line(const Reader *reader, OrfCursor *cursor)
{
    if (!reader->returns) {
        orf_cursor_next_line(cursor);
        return;
    }
    while (cursor->at < cursor->end)
        if (*cursor->at++ == '\r')
            return;
}

bool
orf_ply_read_header(OrfPlyHeader *header, GBytes *bytes, const char *name, GError **error)
{
    size_t size;
    const char *text = g_bytes_get_data(bytes, &size);
    Reader reader = { .header = header, .text = text, .name = name };
    OrfCursor cursor = { text, text + MIN(size, HEADER_MOST) };
    reader.returns = size > 4 && text[3] == '\r' && text[4] != '\n' && text[4] != '\r';
    next_line(&reader, &cursor); /* "ply" */
    while (!reader.done) {
        if (cursor.at == cursor.end)
            return fail_line(&reader, cursor.at, "the header has no end_header", error);
        OrfCursor line = { cursor.at, cursor.at };
        next_line(&reader, &cursor);
        line.end = cursor.at;
        if (!read_line(&reader, line, error))
            return false;
    }
    header->body = (OrfCursor){ cursor.at, text + size };
    return true;
}

/* --- The format --------------------------------------------------------------------------- */

static bool
sniff(const uint8_t *data, size_t size)
{
    return size >= 4 && !memcmp(data, "ply", 3) && (data[3] == '\n' || data[3] == '\r');
}

static bool
says_ascii(GBytes *bytes)
{
    size_t size;
    const char *text = g_bytes_get_data(bytes, &size);
    return g_strstr_len(text, (gssize)MIN(size, 4096), "format ascii") != NULL;
}

static bool
add_picture(OrfAssetDraft *draft, const char *name, GError **error)
{
    g_autoptr(GBytes) bytes = name ? orf_asset_draft_sibling(draft, name) : NULL;
    if (!bytes)
        return true;
    OrfMaterial *material = orf_asset_draft_material(draft, name, error);
    return material && orf_asset_draft_picture(draft, material, bytes, name, error);
}

static OrfAsset *
load(OrfTask *task, GBytes *bytes, const OrfLoad *options, GError **error)
{
    size_t size;
    g_autoptr(GBytes) lines =
        says_ascii(bytes) ? orf_text_lines(task, bytes, error) : g_bytes_ref(bytes);
    const uint8_t *data = lines ? g_bytes_get_data(lines, &size) : NULL;
    if (!lines)
        return NULL;
    if (!sniff(data, size))
        return ORF_FAIL(error, BAD_INPUT,
                        "%s: does not begin with 'ply'; it is not PLY, export it again",
                        options->name);
    g_auto(OrfAssetDraft) draft;
    orf_asset_draft_init(&draft, task, options);
    orf_autofree OrfPlyHeader *header = ORF_ALLOC(task, OrfPlyHeader, 1, "PLY header", error);
    if (!header)
        return NULL;
    bool read = orf_ply_read_header(header, lines, options->name, error) &&
                orf_ply_read_body(&draft, header, (const char *)data, error) &&
                add_picture(&draft, header->picture, error);
    g_free(header->picture);
    return read ? orf_asset_draft_finish(&draft, ORF_SEAMS_IF_CLOSES, error) : NULL;
}

const OrfFormat orf_format_ply = {
    .name = "ply",
    .title = "PLY, binary or ASCII, with vertex colours",
    .use = "vertex data",
    .mime = "model/ply",
    .extensions = "ply",
    .variants = "text|big-endian|plain",
    .sniff = sniff,
    .load = load,
    .save = orf_ply_save,
};
