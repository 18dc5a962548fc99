/* ply-load.c - the body of a PLY file.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * One reader for the three codings: every value passes through read_value as a double, which
 * holds all eight types exactly. */
#include "format/ply-priv.h"

#include <math.h>
#include <string.h>

#define N_SINGLE PLY_INDICES /* roles that hold one value */

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
        return fail_item(
            body, body->at.at == body->at.end ? "the file ends here" : "not a number", error);
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

/* One item: single values by role, lists into body. */
static bool
read_item(Body *body, double single[PLY_OTHER + 1], GError **error)
{
    body->corners.n = body->texcoords.n = 0;
    const OrfPlyElement *element = body->element;
    for (size_t i = 0; i < element->n_properties; i++) {
        const OrfPlyProperty *property = &element->properties[i];
        if (property->list ? !read_list(body, property, error)
                           : !read_value(body, property->type, &single[property->role], error))
            return false;
    }
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
add_polygon(Body *body, bool vertex_uvs, GError **error)
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
                                   0, error);
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
    double single[PLY_OTHER + 1];
    for (body->item = 0; body->item < body->element->count; body->item++) {
        if (body->item % (1 << 14) == 0 && !orf_task_check(body->draft->task, error))
            return false;
        if (!read_item(body, single, error) || !check_corners(body, strips, error))
            return false;
        if (strips ? !add_strips(body, vertex_uvs, error)
                   : !add_polygon(body, vertex_uvs, error))
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

bool
orf_ply_read_body(OrfAssetDraft *draft, const OrfPlyHeader *header, const char *text,
                  GError **error)
{
    Body body = {
        .draft = draft,
        .coding = header->coding,
        .at = header->body,
        .text = text,
        .corners.item = sizeof(int64_t),
        .texcoords.item = sizeof(float),
        .polygon.item = sizeof(uint32_t),
        .uvs.item = sizeof(uint32_t),
    };
    bool read = true;
    for (size_t i = 0; read && i < header->n_elements; i++) {
        body.element = &header->elements[i];
        read = read_element(&body, error);
        orf_task_progress(draft->task, (double)(i + 1) / (double)header->n_elements);
    }
    orf_vec_clear(&body.corners);
    orf_vec_clear(&body.texcoords);
    orf_vec_clear(&body.polygon);
    orf_vec_clear(&body.uvs);
    return read;
}
