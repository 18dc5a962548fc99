/* obj.c - Wavefront OBJ: lines of vertices and polygons; Z up, millimetres.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Read: v (with the colour extension x y z r g b), vt, f, usemtl, mtllib; normals, groups,
 * curves are passed over. Texture coordinates have their origin at the lower left, ours at the
 * upper. */
#include "format/obj-priv.h"

#include <math.h>
#include <string.h>

typedef struct {
    OrfAssetDraft *draft;
    const char *text;
    const char *line;  /* where the current one begins */
    GHashTable *names; /* of materials: index + 1 */
    size_t group;
    bool lost_uvs;       /* noted: faces name texture coordinates that are not there */
    OrfVec corners, uvs; /* of the current face: uint32_t */
} Obj;

static bool
sniff(const uint8_t *data, size_t size)
{
    OrfCursor cursor = { (const char *)data, (const char *)data + MIN(size, 4096) };
    if (memchr(data, 0, MIN(size, 4096)))
        return false;
    while (cursor.at < cursor.end) {
        orf_cursor_space(&cursor);
        OrfCursor word = orf_cursor_word(&cursor);
        double number;
        if (orf_word_is(word, "v"))
            return orf_cursor_number(&cursor, &number);
        if (orf_word_is(word, "mtllib"))
            return true;
        if (word.at < word.end && *word.at != '#' && !orf_word_is(word, "o") &&
            !orf_word_is(word, "g") && !orf_word_is(word, "s") && !orf_word_is(word, "usemtl"))
            return false;
        orf_cursor_next_line(&cursor);
    }
    return false;
}

static bool
fail_line(const Obj *obj, const char *what, GError **error)
{
    return ORF_FALSE(error, BAD_INPUT, "%s: line %zu: %s; export it again",
                     obj->draft->options->name, orf_line_number(obj->text, obj->line), what);
}

/* --- Vertices ----------------------------------------------------------------------------- */

static bool
add_color(Obj *obj, const double rgb[3], GError **error)
{
    uint8_t *color = orf_asset_draft_colors(obj->draft, 1, error);
    if (!color)
        return false;
    double unit = rgb[0] > 1 || rgb[1] > 1 || rgb[2] > 1 ? 1 : 255;
    for (unsigned c = 0; c < 3; c++)
        color[c] = isfinite(rgb[c]) ? (uint8_t)(CLAMP(rgb[c] * unit, 0, 255) + 0.5) : 255;
    color[3] = 255;
    return true;
}

static bool
read_vertex(Obj *obj, OrfCursor *line, GError **error)
{
    double value[6];
    unsigned n = 0;
    while (n < 6 && orf_cursor_number(line, &value[n]))
        n++;
    if (n < 3)
        return fail_line(obj, "a vertex needs three numbers", error);
    float p[3] = { (float)value[0], (float)value[1], (float)value[2] };
    if (!orf_finite3(p))
        return fail_line(obj, "a coordinate is not a finite number", error);
    if (n == 6 && !add_color(obj, value + 3, error))
        return false;
    float *position = orf_asset_draft_positions(obj->draft, 1, error);
    if (!position)
        return false;
    orf_from_z_up(p, position);
    return true;
}

static bool
read_uv(Obj *obj, OrfCursor *line, GError **error)
{
    double u, v = 0;
    if (!orf_cursor_number(line, &u))
        return fail_line(obj, "a texture coordinate needs two numbers", error);
    orf_cursor_number(line, &v);
    float *uv = orf_asset_draft_uvs(obj->draft, 1, error);
    if (!uv)
        return false;
    uv[0] = (float)u;
    uv[1] = (float)(1 - v);
    return true;
}

/* --- Faces -------------------------------------------------------------------------------- */

/* 1 is the first, -1 the latest so far. */
static bool
resolve(const Obj *obj, int64_t given, size_t n, uint32_t *ret, GError **error)
{
    int64_t index = given < 0 ? (int64_t)n + given : given - 1;
    if (given && index >= 0 && index < (int64_t)n) {
        *ret = (uint32_t)index;
        return true;
    }
    g_autofree char *message = g_strdup_printf(
        "a face names vertex %" G_GINT64_FORMAT ", %zu are known so far", given, n);
    return fail_line(obj, message, error);
}

/* A face without its texture is worth more than none: what is missing is noted, once. */
static uint32_t
find_uv(Obj *obj, int64_t given)
{
    int64_t n = (int64_t)obj->draft->uvs.n, index = given < 0 ? n + given : given - 1;
    if (given && index >= 0 && index < n)
        return (uint32_t)index;
    if (given && !obj->lost_uvs) {
        orf_task_note(obj->draft->task,
                      "%s: line %zu: a face names texture coordinate %" G_GINT64_FORMAT
                      ", %" G_GINT64_FORMAT " are known so far: left out here and wherever "
                      "else they are missing",
                      obj->draft->options->name, orf_line_number(obj->text, obj->line), given,
                      n);
        obj->lost_uvs = true;
    }
    return ORF_NO_UV;
}

/* A number that stands right here: "7/ 8" has none after the slash. */
static bool
has_number(const OrfCursor *line)
{
    return line->at<line->end && * line->at> ' ' && *line->at != '/';
}

static bool
skip_slash(OrfCursor *line)
{
    bool slash = line->at < line->end && *line->at == '/';
    line->at += slash;
    return slash;
}

/* "7", "7/3", "7//5" or "7/3/5". */
static bool
read_corner(Obj *obj, OrfCursor *line, GError **error)
{
    int64_t vertex, uv = 0, normal;
    bool fine = orf_cursor_integer(line, &vertex);
    if (fine && skip_slash(line)) {
        if (has_number(line))
            fine = orf_cursor_integer(line, &uv);
        if (fine && skip_slash(line) && has_number(line))
            fine = orf_cursor_integer(line, &normal);
    }
    if (!fine)
        return fail_line(obj, "a face holds something that is not a number", error);
    const OrfAssetDraft *draft = obj->draft;
    uint32_t *corner = orf_vec_add(draft->task, &obj->corners, 1, "face", error);
    uint32_t *at = corner ? orf_vec_add(draft->task, &obj->uvs, 1, "face", error) : NULL;
    if (!at || !resolve(obj, vertex, draft->positions.n, corner, error))
        return false;
    *at = find_uv(obj, uv);
    return true;
}

static bool
read_face(Obj *obj, OrfCursor *line, GError **error)
{
    obj->corners.n = obj->uvs.n = 0;
    bool textured = false;
    for (orf_cursor_blanks(line); line->at < line->end; orf_cursor_blanks(line)) {
        if (*line->at == '\n' || *line->at == '\\') {
            line->at++; /* a backslash carries the face over to the next line */
            continue;
        }
        if (*line->at == '#')
            break;
        if (!read_corner(obj, line, error))
            return false;
        textured |= ((uint32_t *)obj->uvs.data)[obj->uvs.n - 1] != ORF_NO_UV;
    }
    return orf_asset_draft_polygon(obj->draft, obj->corners.data,
                                   textured ? obj->uvs.data : NULL, obj->corners.n, obj->group,
                                   error);
}

/* --- Materials ---------------------------------------------------------------------------- */

static bool
use_material(Obj *obj, OrfCursor *line, GError **error)
{
    g_autofree char *name = orf_cursor_rest(line);
    size_t index = GPOINTER_TO_SIZE(g_hash_table_lookup(obj->names, name));
    if (!index) {
        if (!orf_asset_draft_material(obj->draft, name, error))
            return false;
        index = obj->draft->materials->len;
        g_hash_table_insert(obj->names, g_steal_pointer(&name), GSIZE_TO_POINTER(index));
    }
    obj->group = index - 1;
    return true;
}

/* ".mtl " in any case; or NULL. */
static char *
find_library_end(char *names)
{
    for (char *at = names; (at = strchr(at, ' ')); at++)
        if (at - names >= 4 && !g_ascii_strncasecmp(at - 4, ".mtl", 4))
            return at - 4;
    return NULL;
}

/* One or more names; a name may hold blanks but ends in ".mtl" when another follows. */
static bool
read_libraries(Obj *obj, OrfCursor *line, GError **error)
{
    g_autofree char *rest = orf_cursor_rest(line);
    for (char *name = rest, *next; name; name = next) {
        next = find_library_end(name);
        if (next) {
            next[4] = 0;
            next += 5;
        }
        g_autoptr(GBytes) bytes = orf_asset_draft_sibling(obj->draft, name);
        if (bytes && !orf_mtl_read(obj->draft, bytes, obj->names, error))
            return false;
    }
    return true;
}

/* --- The file ----------------------------------------------------------------------------- */

static bool
read_line(Obj *obj, OrfCursor *line, GError **error)
{
    OrfCursor word = orf_cursor_word(line);
    size_t n = (size_t)(word.end - word.at);
    if (n == 1 && *word.at == 'v')
        return read_vertex(obj, line, error);
    if (n == 1 && *word.at == 'f')
        return read_face(obj, line, error);
    if (n == 2 && word.at[0] == 'v' && word.at[1] == 't')
        return read_uv(obj, line, error);
    if (orf_word_is(word, "usemtl"))
        return use_material(obj, line, error);
    if (orf_word_is(word, "mtllib"))
        return read_libraries(obj, line, error);
    return true;
}

/* The end of the line; a backslash before it joins the next. */
static const char *
line_end(const char *at, const char *end)
{
    const char *from = at;
    while ((at = memchr(at, '\n', (size_t)(end - at)))) {
        const char *last = at;
        while (last > from && last[-1] == '\r')
            last--;
        at++;
        if (last == from || last[-1] != '\\')
            return at;
    }
    return end;
}

static bool
read_lines(Obj *obj, const char *end, GError **error)
{
    size_t count = 0;
    for (const char *next; obj->line < end; obj->line = next) {
        next = line_end(obj->line, end);
        OrfCursor line = { obj->line, next };
        if (!read_line(obj, &line, error))
            return false;
        if (++count % (1 << 14) == 0 && !orf_task_check(obj->draft->task, error))
            return false;
        if (count % (1 << 14) == 0)
            orf_task_progress(obj->draft->task,
                              (double)(next - obj->text) / (double)(end - obj->text));
    }
    return true;
}

static OrfAsset *
load(OrfTask *task, GBytes *bytes, const OrfLoad *options, GError **error)
{
    size_t size;
    g_autoptr(GBytes) lines = orf_text_lines(task, bytes, error);
    if (!lines)
        return NULL;
    const char *text = g_bytes_get_data(lines, &size);
    g_auto(OrfAssetDraft) draft;
    orf_asset_draft_init(&draft, task, options);
    g_autoptr(GHashTable) names = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    Obj obj = {
        .draft = &draft,
        .text = text,
        .line = text,
        .names = names,
        .corners.item = sizeof(uint32_t),
        .uvs.item = sizeof(uint32_t),
    };
    bool read = read_lines(&obj, text + size, error);
    orf_vec_clear(&obj.corners);
    orf_vec_clear(&obj.uvs);
    return read ? orf_asset_draft_finish(&draft, ORF_SEAMS_IF_CLOSES, error) : NULL;
}

const OrfFormat orf_format_obj = {
    .name = "obj",
    .title = "Wavefront OBJ, with MTL and picture",
    .use = "zip, texture",
    .mime = "model/obj",
    .extensions = "obj",
    .variants = "plain",
    .several = true,
    .sniff = sniff,
    .load = load,
    .save = orf_obj_save,
};
