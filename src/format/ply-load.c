/* ply-load.c - the body of a PLY file.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * One reader for the three codings: every value passes through read_value as a double, which
 * holds all eight types exactly. Text is read a row at a time when it has as many lines as the
 * header promises items: then a row may hold more than was declared, and a short one does not
 * borrow from the next. Faces that come before the vertices are passed over and read later. */
#include "format/ply-priv.h"

#include <math.h>
#include <string.h>

#define COLORS_MOST 4096 /* of faces, each a material */

typedef struct {
    OrfAssetDraft *draft;
    const OrfPlyElement *element; /* the current one */
    OrfPlyCoding coding;
    OrfCursor at;
    const char *text;    /* start of the file */
    size_t item;         /* number of the current one */
    OrfVec corners;      /* int64_t: the current list of indices */
    OrfVec texcoords;    /* float: the current list */
    OrfVec polygon, uvs; /* uint32_t */
    const char *end;     /* of the file; at.end is nearer while a row is read */
    bool rows;           /* text: an item a line */
    bool noted;          /* that rows hold more than was declared */
    bool ragged;         /* text: an item ended where its line did not */
    GHashTable *groups;  /* colour of faces -> material + 1 */
    bool lost_colors;    /* there were too many of them */
} Body;

static bool
fail_item(const Body *body, const char *what, GError **error)
{
    return ORF_FALSE(error, BAD_INPUT, "%s: %s %zu at byte %zu: %s; export it again",
                     body->draft->options->name, body->element->name, body->item,
                     (size_t)(body->at.at - body->text), what);
}

/* --- Values ------------------------------------------------------------------------------- */

static double
decode(uint64_t bits, OrfPlyType type)
{
    uint32_t low = (uint32_t)bits;
    float single;
    double number;
    switch (type) {
    case PLY_I8:
        return (int8_t)bits;
    case PLY_U8:
        return (uint8_t)bits;
    case PLY_I16:
        return (int16_t)bits;
    case PLY_U16:
        return (uint16_t)bits;
    case PLY_I32:
        return (int32_t)low;
    case PLY_U32:
        return low;
    case PLY_F32:
        memcpy(&single, &low, sizeof single);
        return (double)single;
    case PLY_F64:
        break;
    }
    memcpy(&number, &bits, sizeof number);
    return number;
}

static bool
read_value(Body *body, OrfPlyType type, double *ret, GError **error)
{
    if (body->coding == PLY_ASCII) {
        orf_cursor_space(&body->at);
        if (orf_cursor_number(&body->at, ret))
            return true;
        bool over = body->at.at == body->at.end;
        return fail_item(body,
                         over && body->rows ? "the row ends here, values are missing"
                         : over             ? "the file ends here"
                                            : "not a number",
                         error);
    }
    size_t n = orf_ply_sizes[type];
    if ((size_t)(body->at.end - body->at.at) < n)
        return fail_item(body, "the file ends here", error);
    uint64_t bits = 0;
    const uint8_t *bytes = (const uint8_t *)body->at.at;
    for (size_t i = 0; i < n; i++)
        bits |= (uint64_t)bytes[i] << 8 * (body->coding == PLY_BIG ? n - 1 - i : i);
    body->at.at += n;
    *ret = decode(bits, type);
    return true;
}

static bool
read_count(Body *body, const OrfPlyProperty *property, size_t *ret, GError **error)
{
    double count;
    if (!read_value(body, property->count_type, &count, error))
        return false;
    size_t left = (size_t)(body->at.end - body->at.at);
    size_t least = body->coding == PLY_ASCII ? 1 : orf_ply_sizes[property->type];
    if (!(count >= 0 && count <= (double)(left / least)))
        return fail_item(body, "a list is longer than the rest of the file", error);
    *ret = (size_t)count;
    return true;
}

/* --- Lists -------------------------------------------------------------------------------- */

static bool
read_list(Body *body, const OrfPlyProperty *property, GError **error)
{
    size_t n;
    if (!read_count(body, property, &n, error))
        return false;
    OrfTask *task = body->draft->task;
    int64_t *corners = NULL;
    float *texcoords = NULL;
    if (property->role == PLY_INDICES &&
        !(corners = orf_vec_add(task, &body->corners, n, "list", error)))
        return false;
    if (property->role == PLY_TEXCOORDS &&
        !(texcoords = orf_vec_add(task, &body->texcoords, n, "list", error)))
        return false;
    for (size_t i = 0; i < n; i++) {
        double value;
        if (!read_value(body, property->type, &value, error))
            return false;
        if (corners)
            corners[i] = fabs(value) < 1e15 ? (int64_t)value : -2;
        if (texcoords)
            texcoords[i] = (float)value;
    }
    return true;
}

/* --- Rows of text ------------------------------------------------------------------------- */

static const char *
find_row_end(const char *at, const char *end)
{
    const char *feed = memchr(at, '\n', (size_t)(end - at));
    return feed ? feed : end;
}

/* Lines that hold something. */
static uint64_t
count_rows(OrfCursor text)
{
    uint64_t rows = 0;
    while (orf_cursor_space(&text), text.at < text.end) {
        text.at = find_row_end(text.at, text.end);
        rows++;
    }
    return rows;
}

static void
begin_row(Body *body)
{
    if (!body->rows)
        return;
    body->at.end = body->end;
    orf_cursor_space(&body->at);
    body->at.end = find_row_end(body->at.at, body->end);
}

static void
end_row(Body *body)
{
    if (body->coding != PLY_ASCII)
        return;
    OrfCursor rest = body->at;
    orf_cursor_blanks(&rest);
    bool more = rest.at < rest.end && *rest.at != '\n';
    body->ragged |= more;
    if (!body->rows)
        return;
    if (more && !body->noted)
        orf_task_note(body->draft->task,
                      "%s: rows of %s hold more values than the header declares; the rest of "
                      "each row was left out",
                      body->draft->options->name, body->element->name);
    body->noted |= more;
    body->at = (OrfCursor){ body->at.end, body->end };
}

/* One item: single values by role, lists into body. */
static bool
read_values(Body *body, double single[PLY_OTHER + 1], GError **error)
{
    const OrfPlyElement *element = body->element;
    for (size_t i = 0; i < element->n_properties; i++) {
        const OrfPlyProperty *property = &element->properties[i];
        if (property->list ? !read_list(body, property, error)
                           : !read_value(body, property->type, &single[property->role], error))
            return false;
    }
    return true;
}

static bool
read_item(Body *body, double single[PLY_OTHER + 1], GError **error)
{
    body->corners.n = body->texcoords.n = 0;
    begin_row(body);
    if (!read_values(body, single, error))
        return false;
    end_row(body);
    return true;
}

/* --- Vertices ----------------------------------------------------------------------------- */

static uint8_t
color_of(double value, OrfPlyType type)
{
    double unit = type >= PLY_F32 ? 255 : type == PLY_U16 ? 255.0 / 65535 : 1;
    return value > 0 ? (uint8_t)(MIN(value * unit, 255) + 0.5) : 0;
}

typedef struct {
    bool colors, uvs;
    OrfPlyType color_type;
} Holds;

static Holds
look_at(const OrfPlyElement *element)
{
    bool has[PLY_OTHER + 1] = { 0 };
    Holds holds = { 0 };
    for (size_t i = 0; i < element->n_properties; i++) {
        const OrfPlyProperty *property = &element->properties[i];
        has[property->role] = true;
        if (property->role == PLY_RED)
            holds.color_type = property->type;
    }
    holds.colors = has[PLY_RED] && has[PLY_GREEN] && has[PLY_BLUE];
    holds.uvs = has[PLY_U] && has[PLY_V];
    return holds;
}

static bool
add_vertex(Body *body, Holds holds, const double *single, GError **error)
{
    OrfAssetDraft *draft = body->draft;
    float p[3] = { (float)single[PLY_X], (float)single[PLY_Y], (float)single[PLY_Z] };
    if (!orf_finite3(p))
        return fail_item(body, "a coordinate is not a finite number", error);
    if (holds.colors) {
        uint8_t *color = orf_asset_draft_colors(draft, 1, error);
        if (!color)
            return false;
        for (unsigned c = 0; c < 4; c++)
            color[c] = color_of(single[PLY_RED + c], holds.color_type);
    }
    float *position = orf_asset_draft_positions(draft, 1, error);
    float *uv = position && holds.uvs ? orf_asset_draft_uvs(draft, 1, error) : NULL;
    if (!position || (holds.uvs && !uv))
        return false;
    orf_from_z_up(p, position);
    if (uv)
        uv[0] = (float)single[PLY_U], uv[1] = (float)(1 - single[PLY_V]);
    return true;
}

static bool
read_vertices(Body *body, GError **error)
{
    Holds holds = look_at(body->element);
    double opaque = holds.color_type >= PLY_F32 ? 1 : holds.color_type == PLY_U16 ? 65535 : 255;
    double single[PLY_OTHER + 1] = { [PLY_ALPHA] = opaque };
    for (body->item = 0; body->item < body->element->count; body->item++) {
        if (body->item % (1 << 14) == 0 && !orf_task_check(body->draft->task, error))
            return false;
        if (!read_item(body, single, error) || !add_vertex(body, holds, single, error))
            return false;
    }
    return true;
}

/* --- Faces -------------------------------------------------------------------------------- */

static bool
check_corners(Body *body, bool strips, GError **error)
{
    int64_t n_vertices = (int64_t)body->draft->positions.n;
    const int64_t *corners = body->corners.data;
    for (size_t i = 0; i < body->corners.n; i++)
        if ((corners[i] < 0 && !(strips && corners[i] == -1)) || corners[i] >= n_vertices) {
            g_autofree char *what =
                g_strdup_printf("names vertex %" G_GINT64_FORMAT " of %" G_GINT64_FORMAT,
                                corners[i], n_vertices);
            return fail_item(body, what, error);
        }
    return true;
}

/* Fills body->uvs: of the face's own list, or the vertices'. */
static bool
list_uvs(Body *body, bool vertex_uvs, GError **error)
{
    OrfAssetDraft *draft = body->draft;
    size_t n = body->corners.n, first = draft->uvs.n;
    bool own = n && body->texcoords.n == 2 * n && !vertex_uvs;
    uint32_t *uvs = orf_vec_add(draft->task, &body->uvs, n, "face", error);
    float *texcoords = uvs && own ? orf_asset_draft_uvs(draft, n, error) : NULL;
    if (!uvs || (own && !texcoords))
        return false;
    for (size_t i = 0; i < n; i++) {
        uvs[i] = own ? (uint32_t)(first + i) : ((uint32_t *)body->polygon.data)[i];
        if (own) {
            texcoords[2 * i] = ((float *)body->texcoords.data)[2 * i];
            texcoords[2 * i + 1] = 1 - ((float *)body->texcoords.data)[2 * i + 1];
        }
    }
    if (!own && !vertex_uvs)
        body->uvs.n = 0;
    return true;
}

static bool
add_polygon(Body *body, bool vertex_uvs, size_t group, GError **error)
{
    size_t n = body->corners.n;
    body->polygon.n = body->uvs.n = 0;
    uint32_t *polygon = orf_vec_add(body->draft->task, &body->polygon, n, "face", error);
    if (!polygon)
        return false;
    for (size_t i = 0; i < n; i++)
        polygon[i] = (uint32_t)((int64_t *)body->corners.data)[i];
    if (!list_uvs(body, vertex_uvs, error))
        return false;
    return orf_asset_draft_polygon(body->draft, polygon, body->uvs.n ? body->uvs.data : NULL, n,
                                   group, error);
}

/* --- Colours of faces: a material each ---------------------------------------------------- */

static float
to_linear(uint8_t srgb)
{
    double c = srgb / 255.0;
    return (float)(c <= 0.04045 ? c / 12.92 : pow((c + 0.055) / 1.055, 2.4));
}

static bool
new_group(Body *body, const uint8_t rgb[3], gpointer key, size_t *ret, GError **error)
{
    g_autofree char *name = g_strdup_printf("#%02x%02x%02x", rgb[0], rgb[1], rgb[2]);
    OrfMaterial *material = orf_asset_draft_material(body->draft, name, error);
    if (!material)
        return false;
    for (unsigned c = 0; c < 3; c++)
        material->base_color[c] = to_linear(rgb[c]);
    *ret = body->draft->materials->len - 1;
    g_hash_table_insert(body->groups, key, GSIZE_TO_POINTER(*ret + 1));
    return true;
}

static bool
group_of(Body *body, Holds holds, const double *single, size_t *ret, GError **error)
{
    uint8_t rgb[3];
    for (unsigned c = 0; c < 3; c++)
        rgb[c] = color_of(single[PLY_RED + c], holds.color_type);
    gpointer key = GUINT_TO_POINTER(rgb[0] << 16 | rgb[1] << 8 | rgb[2]);
    size_t known = GPOINTER_TO_SIZE(g_hash_table_lookup(body->groups, key));
    *ret = known ? known - 1 : 0;
    if (known)
        return true;
    if (body->draft->materials->len < COLORS_MOST)
        return new_group(body, rgb, key, ret, error);
    if (!body->lost_colors)
        orf_task_note(body->draft->task,
                      "%s: faces have more than %d colours; the others were left out",
                      body->draft->options->name, COLORS_MOST);
    body->lost_colors = true;
    return true;
}

/* Triangle strips of Stanford's scans: -1 begins a new strip, every second triangle is turned.
 */
static bool
add_strips(Body *body, bool vertex_uvs, GError **error)
{
    const int64_t *corners = body->corners.data;
    for (size_t i = 0, in_strip = 0; i < body->corners.n; i++) {
        in_strip = corners[i] < 0 ? 0 : in_strip + 1;
        if (in_strip < 3)
            continue;
        bool turned = in_strip % 2 == 0;
        uint32_t t[] = { (uint32_t)corners[i - 2], (uint32_t)corners[i - 1 + turned],
                         (uint32_t)corners[i - turned] };
        if (t[0] != t[1] && t[1] != t[2] && t[2] != t[0] &&
            !orf_asset_draft_polygon(body->draft, t, vertex_uvs ? t : NULL, 3, 0, error))
            return false;
    }
    return true;
}

static bool
read_faces(Body *body, bool strips, GError **error)
{
    bool vertex_uvs = body->draft->uvs.n && body->draft->uvs.n == body->draft->positions.n;
    Holds holds = look_at(body->element);
    bool colored = holds.colors && !strips && !body->draft->colors.n;
    double single[PLY_OTHER + 1] = { 0 };
    for (body->item = 0; body->item < body->element->count; body->item++) {
        size_t group = 0;
        if (body->item % (1 << 14) == 0 && !orf_task_check(body->draft->task, error))
            return false;
        if (!read_item(body, single, error) || !check_corners(body, strips, error) ||
            (colored && !group_of(body, holds, single, &group, error)))
            return false;
        if (strips ? !add_strips(body, vertex_uvs, error)
                   : !add_polygon(body, vertex_uvs, group, error))
            return false;
    }
    return true;
}

static bool
pass_over(Body *body, GError **error)
{
    double single[PLY_OTHER + 1];
    for (body->item = 0; body->item < body->element->count; body->item++) {
        if (body->item % (1 << 14) == 0 && !orf_task_check(body->draft->task, error))
            return false;
        if (!read_item(body, single, error))
            return false;
    }
    return true;
}

/* --- The body ----------------------------------------------------------------------------- */

static bool
check_count(Body *body, GError **error)
{
    const OrfPlyElement *element = body->element;
    size_t least = 0, left = (size_t)(body->at.end - body->at.at);
    for (size_t i = 0; i < element->n_properties; i++) {
        const OrfPlyProperty *property = &element->properties[i];
        OrfPlyType first = property->list ? property->count_type : property->type;
        least += body->coding == PLY_ASCII ? 1 : orf_ply_sizes[first];
    }
    if (!least || element->count <= left / least)
        return true;
    return ORF_FALSE(error, BAD_INPUT,
                     "%s: the header promises %" G_GUINT64_FORMAT " of '%s', %zu bytes are "
                     "left for them; the file is cut short, export it again",
                     body->draft->options->name, element->count, element->name, left);
}

static bool
read_element(Body *body, GError **error)
{
    if (!body->element->n_properties)
        return true;
    if (!check_count(body, error))
        return false;
    if (g_str_equal(body->element->name, "vertex"))
        return read_vertices(body, error);
    if (g_str_equal(body->element->name, "face"))
        return read_faces(body, false, error);
    if (g_str_equal(body->element->name, "tristrips"))
        return read_faces(body, true, error);
    return pass_over(body, error);
}

static bool
is_faces(const OrfPlyElement *element)
{
    return g_str_equal(element->name, "face") || g_str_equal(element->name, "tristrips");
}

static bool
vertices_follow(const OrfPlyHeader *header, size_t after)
{
    for (size_t i = after + 1; i < header->n_elements; i++)
        if (g_str_equal(header->elements[i].name, "vertex"))
            return true;
    return false;
}

static bool
pass_over_element(Body *body, GError **error)
{
    return !body->element->n_properties || (check_count(body, error) && pass_over(body, error));
}

/* Elements in order; faces whose vertices are not there yet are read at the end. */
static bool
read_elements(Body *body, const OrfPlyHeader *header, GError **error)
{
    OrfCursor later[ORF_PLY_ELEMENTS] = { { NULL, NULL } };
    for (size_t i = 0; i < header->n_elements; i++) {
        body->element = &header->elements[i];
        bool wait = is_faces(body->element) && vertices_follow(header, i);
        if (wait)
            later[i] = body->at;
        if (!(wait ? pass_over_element(body, error) : read_element(body, error)))
            return false;
        orf_task_progress(body->draft->task, (double)(i + 1) / (double)header->n_elements);
    }
    OrfCursor rest = { body->at.at, body->end };
    for (size_t i = 0; i < header->n_elements; i++) {
        if (!later[i].at)
            continue;
        body->element = &header->elements[i];
        body->at = later[i];
        if (!read_element(body, error))
            return false;
    }
    body->at = rest;
    return true;
}

/* Values that nobody declared may have shifted all that was read after them. */
static bool
check_rest(Body *body, GError **error)
{
    orf_cursor_space(&body->at);
    if (body->coding != PLY_ASCII || body->at.at == body->at.end)
        return true;
    if (body->ragged)
        return ORF_FALSE(error, BAD_INPUT,
                         "%s: values are left over at byte %zu: the rows hold more than the "
                         "header declares; export it again",
                         body->draft->options->name, (size_t)(body->at.at - body->text));
    orf_task_note(body->draft->task, "%s: text after the last row was left out",
                  body->draft->options->name);
    return true;
}

static uint64_t
count_items(const OrfPlyHeader *header)
{
    uint64_t n = 0;
    for (size_t i = 0; i < header->n_elements; i++)
        if (header->elements[i].n_properties)
            n += MIN(header->elements[i].count, UINT64_MAX / ORF_PLY_ELEMENTS);
    return n;
}

bool
orf_ply_read_body(OrfAssetDraft *draft, const OrfPlyHeader *header, const char *text,
                  GError **error)
{
    g_autoptr(GHashTable) groups = g_hash_table_new(NULL, NULL);
    Body body = {
        .draft = draft,
        .coding = header->coding,
        .at = header->body,
        .end = header->body.end,
        .text = text,
        .groups = groups,
        .corners.item = sizeof(int64_t),
        .texcoords.item = sizeof(float),
        .polygon.item = sizeof(uint32_t),
        .uvs.item = sizeof(uint32_t),
    };
    body.rows = header->coding == PLY_ASCII && count_rows(body.at) == count_items(header);
    bool read = read_elements(&body, header, error) && check_rest(&body, error);
    orf_vec_clear(&body.corners);
    orf_vec_clear(&body.texcoords);
    orf_vec_clear(&body.polygon);
    orf_vec_clear(&body.uvs);
    return read;
}
