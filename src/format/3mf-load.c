/* 3mf-load.c - builds the items of a 3MF model: objects, components, colours, pictures.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Components may use components, so a few lines can ask for any number of copies: depth and the
 * number of placements are bounded, and what they hold comes out of the budget. */
#include "format/3mf-priv.h"

#include <math.h>
#include <string.h>

#define DEEPEST 16
#define PLACEMENTS_MOST 100000
#define COLORS_MOST 1024 /* of a group, as materials; more become colours of vertices */

typedef struct {
    OrfAssetDraft *draft;
    OrfZip *zip;
    const char *name;
    GHashTable *parts; /* path -> Orf3mfPart */
    size_t placements;
    bool varied; /* colours belong to corners: they become colours of vertices */
} Build;

/* An object where it goes. */
typedef struct {
    const Orf3mfPart *part;
    const Orf3mfObject *object;
    const Orf3mfPose *pose;
    size_t first; /* vertex of the draft */
} Place;

/* --- Poses -------------------------------------------------------------------------------- */

static void
multiply(const Orf3mfPose *a, const Orf3mfPose *b, Orf3mfPose *ret)
{
    for (unsigned r = 0; r < 4; r++)
        for (unsigned c = 0; c < 3; c++) {
            ret->m[r][c] = r == 3 ? b->m[3][c] : 0;
            for (unsigned k = 0; k < 3; k++)
                ret->m[r][c] += a->m[r][k] * b->m[k][c];
        }
}

static bool
is_identity(const Orf3mfPose *pose)
{
    for (unsigned i = 0; i < 12; i++)
        if (pose->m[i / 3][i % 3] != (i / 3 == i % 3 ? 1 : 0))
            return false;
    return true;
}

static bool
mirrors(const Orf3mfPose *pose)
{
    const double(*m)[3] = pose->m;
    return m[0][0] * (m[1][1] * m[2][2] - m[1][2] * m[2][1]) -
               m[0][1] * (m[1][0] * m[2][2] - m[1][2] * m[2][0]) +
               m[0][2] * (m[1][0] * m[2][1] - m[1][1] * m[2][0]) <
           0;
}

static bool
place_vertices(Build *build, Place *place, GError **error)
{
    const OrfVec *from = &place->object->positions;
    place->first = build->draft->positions.n;
    float *to = orf_asset_draft_positions(build->draft, from->n, error);
    if (!to)
        return false;
    bool still = is_identity(place->pose);
    const double(*m)[3] = place->pose->m;
    for (size_t i = 0; i < from->n; i++) {
        const float *p = (const float *)from->data + 3 * i;
        float moved[3] = { p[0], p[1], p[2] };
        for (unsigned c = 0; !still && c < 3; c++)
            moved[c] = (float)((double)p[0] * m[0][c] + (double)p[1] * m[1][c] +
                               (double)p[2] * m[2][c] + m[3][c]);
        orf_from_z_up(moved, to + 3 * i);
    }
    return true;
}

/* --- Looks -------------------------------------------------------------------------------- */

static float
to_linear(uint8_t srgb)
{
    double c = srgb / 255.0;
    return (float)(c <= 0.04045 ? c / 12.92 : pow((c + 0.055) / 1.055, 2.4));
}

/* A material for each colour, in order; the property remembers the first. */
static bool
add_materials(Build *build, Orf3mfProperty *property, GError **error)
{
    const uint8_t(*colors)[4] = property->colors.data;
    property->index = build->draft->materials->len + 1;
    for (size_t i = 0; i < property->colors.n; i++) {
        g_autofree char *code =
            g_strdup_printf("#%02x%02x%02x", colors[i][0], colors[i][1], colors[i][2]);
        const char *name = i < property->names->len ? property->names->pdata[i] : code;
        OrfMaterial *material = orf_asset_draft_material(build->draft, name, error);
        if (!material)
            return false;
        for (unsigned c = 0; c < 3; c++)
            material->base_color[c] = to_linear(colors[i][c]);
        material->base_color[3] = (float)colors[i][3] / 255;
    }
    return true;
}

/* The material of a texture2dgroup, with its picture, and its uvs into the draft. */
static bool
add_picture(Build *build, const Orf3mfPart *part, Orf3mfProperty *property, GError **error)
{
    OrfAssetDraft *draft = build->draft;
    property->index = draft->uvs.n + 1;
    float *uvs = orf_asset_draft_uvs(draft, property->uvs.n, error);
    OrfMaterial *material = uvs ? orf_asset_draft_material(draft, "picture", error) : NULL;
    if (!material)
        return false;
    if (property->uvs.n)
        memcpy(uvs, property->uvs.data, property->uvs.n * property->uvs.item);
    property->material = draft->materials->len;
    const Orf3mfProperty *picture =
        g_hash_table_lookup(part->properties, GUINT_TO_POINTER(property->picture));
    const char *path = picture && picture->kind == ORF_3MF_PICTURE ? picture->path : NULL;
    if (!path || !orf_zip_has(build->zip, path)) {
        orf_task_note(draft->task, "%s: a picture is missing: loaded without it", build->name);
        return true;
    }
    g_autoptr(GBytes) bytes = orf_zip_load(build->zip, path, ORF_IMAGE_MAX_BYTES, error);
    return bytes && orf_asset_draft_picture(draft, material, bytes, path, error);
}

static bool
prepare(Build *build, const Orf3mfPart *part, Orf3mfProperty *property, GError **error)
{
    if (property->index || property->kind == ORF_3MF_PICTURE)
        return true;
    if (property->kind == ORF_3MF_UVS)
        return add_picture(build, part, property, error);
    if (property->kind == ORF_3MF_COLORS && (build->varied || property->colors.n > COLORS_MOST))
        return true;
    return add_materials(build, property, error);
}

/* Group of triangle i, its uvs (or ORF_NO_UV) and the colours of its corners. */
typedef struct {
    size_t group; /* 0: plain; else material + 1 of the draft */
    uint32_t uvs[3];
    const uint8_t *colors[3]; /* NULL: none */
} Look;

static void
look_up(const Orf3mfProperty *property, const Orf3mfLook *look, Look *ret)
{
    size_t n = property->kind == ORF_3MF_UVS ? property->uvs.n : property->colors.n;
    for (unsigned k = 0; k < 3; k++)
        if (look->at[k] >= n)
            return; /* names what is not there: plain */
    if (property->kind == ORF_3MF_UVS) {
        ret->group = property->material;
        for (unsigned k = 0; k < 3; k++)
            ret->uvs[k] = (uint32_t)(property->index - 1 + look->at[k]);
    } else if (property->index) {
        ret->group = property->index + look->at[0];
    } else if (property->kind == ORF_3MF_COLORS) {
        for (unsigned k = 0; k < 3; k++)
            ret->colors[k] = (const uint8_t *)property->colors.data + 4 * (size_t)look->at[k];
    }
}

static bool
find_look(Build *build, const Place *place, size_t i, Look *ret, GError **error)
{
    *ret = (Look){ .uvs = { ORF_NO_UV, ORF_NO_UV, ORF_NO_UV } };
    if (i >= place->object->looks.n)
        return true;
    const Orf3mfLook *look = (const Orf3mfLook *)place->object->looks.data + i;
    Orf3mfProperty *property =
        g_hash_table_lookup(place->part->properties, GUINT_TO_POINTER(look->property));
    if (!look->property || !property)
        return true;
    if (!prepare(build, place->part, property, error))
        return false;
    look_up(property, look, ret);
    return true;
}

/* --- Triangles ---------------------------------------------------------------------------- */

static bool
paint_corners(Build *build, const uint32_t corners[3], const Look *look, GError **error)
{
    OrfAssetDraft *draft = build->draft;
    if (!look->colors[0])
        return true;
    if (draft->colors.n < draft->positions.n && !orf_asset_draft_colors(draft, 0, error))
        return false;
    for (unsigned k = 0; k < 3; k++)
        memcpy((uint8_t *)draft->colors.data + 4 * (size_t)corners[k], look->colors[k], 4);
    return true;
}

/* Turns the winding. */
static void
mirror(uint32_t corners[3], Look *look)
{
    uint32_t corner = corners[1], uv = look->uvs[1];
    const uint8_t *color = look->colors[1];
    corners[1] = corners[2], look->uvs[1] = look->uvs[2], look->colors[1] = look->colors[2];
    corners[2] = corner, look->uvs[2] = uv, look->colors[2] = color;
}

static bool
place_triangle(Build *build, const Place *place, size_t i, bool mirrored, GError **error)
{
    const uint32_t *from = (const uint32_t *)place->object->triangles.data + 3 * i;
    Look look;
    if (!find_look(build, place, i, &look, error))
        return false;
    uint32_t corners[3];
    for (unsigned k = 0; k < 3; k++)
        corners[k] = (uint32_t)place->first + from[k];
    if (mirrored)
        mirror(corners, &look);
    return paint_corners(build, corners, &look, error) &&
           orf_asset_draft_polygon(build->draft, corners,
                                   look.uvs[0] == ORF_NO_UV ? NULL : look.uvs, 3, look.group,
                                   error);
}

static bool
place_mesh(Build *build, Place *place, GError **error)
{
    bool mirrored = mirrors(place->pose);
    if (!place_vertices(build, place, error))
        return false;
    for (size_t i = 0; i < place->object->triangles.n; i++) {
        if (i % (1 << 14) == 0 && !orf_task_check(build->draft->task, error))
            return false;
        if (!place_triangle(build, place, i, mirrored, error))
            return false;
    }
    return true;
}

/* --- Objects ------------------------------------------------------------------------------ */

/* Borrowed; loads the part when it is first named. */
static Orf3mfPart *
find_part(Build *build, const char *path, GError **error)
{
    Orf3mfPart *part = g_hash_table_lookup(build->parts, path);
    if (part)
        return part;
    part = orf_3mf_part_load(build->draft->task, build->zip, path, build->name, error);
    if (part)
        g_hash_table_insert(build->parts, g_strdup(path), part);
    return part;
}

static bool place_use(Build *build, const char *path, const Orf3mfUse *use,
                      const Orf3mfPose *above, unsigned depth, GError **error);

static bool
place_object(Build *build, const char *path, const Orf3mfPart *part, const Orf3mfUse *use,
             const Orf3mfPose *pose, unsigned depth, GError **error)
{
    const Orf3mfObject *object =
        g_hash_table_lookup(part->objects, GUINT_TO_POINTER(use->object));
    if (!object)
        return ORF_FALSE(error, BAD_INPUT,
                         "%s: object %u is built but not there; export it again", build->name,
                         use->object);
    if (object->left_out)
        return true;
    for (size_t i = 0; i < object->uses->len; i++)
        if (!place_use(build, path, &g_array_index(object->uses, Orf3mfUse, i), pose, depth + 1,
                       error))
            return false;
    Place place = { .part = part, .object = object, .pose = pose };
    return place_mesh(build, &place, error);
}

static bool
place_use(Build *build, const char *path, const Orf3mfUse *use, const Orf3mfPose *above,
          unsigned depth, GError **error)
{
    if (depth > DEEPEST)
        return ORF_FALSE(error, BAD_INPUT,
                         "%s: object %u: components lie deeper than %d, or in a circle; "
                         "export it again",
                         build->name, use->object, DEEPEST);
    if (++build->placements > PLACEMENTS_MOST)
        return ORF_FALSE(error, TOO_LARGE,
                         "%s: asks for more than %d copies of its objects; split it",
                         build->name, PLACEMENTS_MOST);
    const char *where = use->path ? use->path : path;
    Orf3mfPart *part = find_part(build, where, error);
    if (!part)
        return false;
    build->varied |= part->varied;
    Orf3mfPose pose;
    multiply(&use->pose, above, &pose);
    return place_object(build, where, part, use, &pose, depth, error);
}

/* Group 0 meant "no material" so far: it becomes one when a triangle needs it, else all move
 * up. */
static void
settle_groups(OrfAssetDraft *draft)
{
    uint16_t *groups = draft->groups.data;
    bool plain = draft->groups.n < draft->triangles.n;
    for (size_t i = 0; i < draft->groups.n; i++)
        plain |= !groups[i];
    for (size_t i = 0; !plain && i < draft->groups.n; i++)
        groups[i]--;
    if (!plain || !draft->materials->len)
        return;
    OrfMaterial material;
    orf_material_init(&material, "plain");
    g_array_prepend_val(draft->materials, material);
}

static void
free_part(gpointer part)
{
    orf_3mf_part_free(part);
}

static void
strike_uses(GHashTable *roots, const Orf3mfObject *object)
{
    for (size_t i = 0; i < object->uses->len; i++) {
        const Orf3mfUse *use = &g_array_index(object->uses, Orf3mfUse, i);
        if (!use->path)
            g_hash_table_remove(roots, GUINT_TO_POINTER(use->object));
    }
}

static gint
by_number(gconstpointer a, gconstpointer b)
{
    guint x = GPOINTER_TO_UINT(a), y = GPOINTER_TO_UINT(b);
    return (x > y) - (x < y);
}

/* Nothing is on the plate: all objects that are not parts of others are shown where they are.
 */
static bool
place_all(Build *build, const char *root, const Orf3mfPart *part, const Orf3mfPose *still,
          GError **error)
{
    g_autoptr(GHashTable) roots = g_hash_table_new(NULL, NULL);
    GHashTableIter each;
    gpointer id, object;
    g_hash_table_iter_init(&each, part->objects);
    while (g_hash_table_iter_next(&each, &id, NULL))
        g_hash_table_add(roots, id);
    g_hash_table_iter_init(&each, part->objects);
    while (g_hash_table_iter_next(&each, &id, &object))
        strike_uses(roots, object);
    if (g_hash_table_size(roots))
        orf_task_note(build->draft->task,
                      "%s: nothing is on its build plate; all its objects were taken",
                      build->name);
    g_autoptr(GList) ids = g_list_sort(g_hash_table_get_keys(roots), by_number);
    for (GList *at = ids; at; at = at->next) {
        Orf3mfUse use = { .object = GPOINTER_TO_UINT(at->data), .pose = *still };
        if (!place_use(build, root, &use, still, 0, error))
            return false;
    }
    return true;
}

bool
orf_3mf_build(OrfAssetDraft *draft, OrfZip *zip, const char *root, GError **error)
{
    static const Orf3mfPose still = { { { 1, 0, 0 }, { 0, 1, 0 }, { 0, 0, 1 } } };
    g_autoptr(GHashTable) parts =
        g_hash_table_new_full(g_str_hash, g_str_equal, g_free, free_part);
    Build build = { .draft = draft, .zip = zip, .name = draft->options->name, .parts = parts };
    const Orf3mfPart *part = find_part(&build, root, error);
    if (!part)
        return false;
    build.varied = part->varied;
    if (!part->items->len && !place_all(&build, root, part, &still, error))
        return false;
    for (size_t i = 0; i < part->items->len; i++)
        if (!place_use(&build, root, &g_array_index(part->items, Orf3mfUse, i), &still, 0,
                       error))
            return false;
    settle_groups(draft);
    return true;
}
