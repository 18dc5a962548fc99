/* glb-load.c - walks the scene of a glTF document and gathers its triangles in millimetres.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Transforms are composed in double. When all that stands between a mesh and the world is our
 * own root scale, positions are taken bit for bit: they are millimetres already. */
#include "format/glb-priv.h"

#include <math.h>
#include <string.h>

#define DEEPEST 256 /* nodes above a node */

typedef OrfGltfPose Pose;

/* A mesh instance while its primitives are read. */
typedef struct {
    OrfGltf *gltf;
    const Pose *pose;
    const json_t *node;    /* that shows the mesh */
    const json_t *json;    /* of the mesh */
    const json_t *now;     /* primitive */
    size_t mesh;           /* index, for messages */
    size_t part;           /* primitive */
    GHashTable *positions; /* accessor and colour -> first vertex + 1 */
    GHashTable *uvs;       /* accessor and material -> first uv + 1 */
} Instance;

/* --- Poses -------------------------------------------------------------------------------- */

void
orf_gltf_multiply(const Pose *a, const Pose *b, Pose *ret)
{
    for (unsigned r = 0; r < 3; r++)
        for (unsigned c = 0; c < 4; c++) {
            double sum = c == 3 ? a->m[r][3] : 0;
            for (unsigned k = 0; k < 3; k++)
                sum += a->m[r][k] * b->m[k][c];
            ret->m[r][c] = sum;
        }
}

static Pose
turn_and_scale(const double t[3], const double q[4], const double s[3])
{
    double x = q[0], y = q[1], z = q[2], w = q[3];
    return (Pose){ {
        { (1 - 2 * (y * y + z * z)) * s[0], 2 * (x * y - z * w) * s[1],
          2 * (x * z + y * w) * s[2], t[0] },
        { 2 * (x * y + z * w) * s[0], (1 - 2 * (x * x + z * z)) * s[1],
          2 * (y * z - x * w) * s[2], t[1] },
        { 2 * (x * z - y * w) * s[0], 2 * (y * z + x * w) * s[1],
          (1 - 2 * (x * x + y * y)) * s[2], t[2] },
    } };
}

Pose
orf_gltf_pose(const json_t *node)
{
    double matrix[16];
    if (orf_gltf_numbers(node, "matrix", matrix, 16)) {
        Pose pose;
        for (unsigned r = 0; r < 3; r++)
            for (unsigned c = 0; c < 4; c++)
                pose.m[r][c] = matrix[4 * c + r];
        return pose;
    }
    double t[3] = { 0 }, q[4] = { 0, 0, 0, 1 }, s[3] = { 1, 1, 1 };
    orf_gltf_numbers(node, "translation", t, 3);
    orf_gltf_numbers(node, "rotation", q, 4);
    orf_gltf_numbers(node, "scale", s, 3);
    return turn_and_scale(t, q, s);
}

static bool
is_ours(const Pose *pose)
{
    for (unsigned r = 0; r < 3; r++)
        for (unsigned c = 0; c < 4; c++)
            if (pose->m[r][c] != (r == c ? ORF_GLB_SCALE : 0))
                return false;
    return true;
}

static bool
mirrors(const Pose *pose)
{
    const double(*m)[4] = pose->m;
    return m[0][0] * (m[1][1] * m[2][2] - m[1][2] * m[2][1]) -
               m[0][1] * (m[1][0] * m[2][2] - m[1][2] * m[2][0]) +
               m[0][2] * (m[1][0] * m[2][1] - m[1][1] * m[2][0]) <
           0;
}

/* Metres of the mesh to millimetres of the world. */
static void
place(const Pose *pose, float *positions, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        float *p = positions + 3 * i;
        double at[3] = { (double)p[0], (double)p[1], (double)p[2] };
        for (unsigned r = 0; r < 3; r++)
            p[r] = (float)((pose->m[r][0] * at[0] + pose->m[r][1] * at[1] +
                            pose->m[r][2] * at[2] + pose->m[r][3]) *
                           1000);
    }
}

/* --- Vertices ----------------------------------------------------------------------------- */

static bool
fail_part(const Instance *instance, const char *what, GError **error)
{
    return ORF_FALSE(error, BAD_INPUT, "%s: meshes[%zu].primitives[%zu] %s; export it again",
                     instance->gltf->name, instance->mesh, instance->part, what);
}

static uint8_t
to_srgb(float linear)
{
    double c = (double)CLAMP(linear, 0, 1);
    c = c <= 0.0031308 ? c * 12.92 : 1.055 * pow(c, 1 / 2.4) - 0.055;
    return (uint8_t)(c * 255 + 0.5);
}

static bool
add_colors(Instance *instance, size_t accessor, size_t n, GError **error)
{
    OrfGltf *gltf = instance->gltf;
    size_t count;
    orf_autofree float *colors = orf_gltf_floats(gltf, accessor, 3, 4, &count, error);
    if (!colors)
        return false;
    if (count != n)
        return fail_part(instance, "has more or fewer colours than positions", error);
    uint8_t *ret = orf_asset_draft_colors(gltf->draft, n, error);
    for (size_t i = 0; ret && i < n; i++) {
        for (unsigned c = 0; c < 3; c++)
            ret[4 * i + c] = to_srgb(colors[4 * i + c]);
        ret[4 * i + 3] = (uint8_t)(CLAMP(colors[4 * i + 3], 0, 1) * 255 + 0.5f);
    }
    return ret != NULL;
}

/* Which vertex each copy comes from; see ORF_GLB_SOURCE. */
static bool
add_sources(Instance *instance, size_t accessor, size_t first, size_t n, GError **error)
{
    OrfAssetDraft *draft = instance->gltf->draft;
    size_t count;
    orf_autofree uint32_t *halves = orf_gltf_wholes(instance->gltf, accessor, 2, &count, error);
    if (!halves)
        return false;
    if (count != n || draft->sources.n != first)
        return true; /* not ours: places decide */
    uint32_t *sources = orf_vec_add(draft->task, &draft->sources, n, "vertices", error);
    for (size_t i = 0; sources && i < n; i++)
        sources[i] = (uint32_t)first + (halves[2 * i] | halves[2 * i + 1] << 16);
    return sources != NULL;
}

static bool
check_finite(const Instance *instance, const float *positions, size_t n, GError **error)
{
    for (size_t i = 0; i < n; i++)
        if (!orf_finite3(positions + 3 * i)) {
            g_autofree char *what =
                g_strdup_printf("has a position that is not finite, of vertex %zu", i);
            return fail_part(instance, what, error);
        }
    return true;
}

/* A skinned mesh is where its joints are, whatever its node says (glTF 2.0, 3.7.3.3). */
static bool
move_positions(Instance *instance, const json_t *attributes, float *positions, size_t n,
               GError **error)
{
    static const Pose still = { { { 1, 0, 0, 0 }, { 0, 1, 0, 0 }, { 0, 0, 1, 0 } } };
    OrfGltf *gltf = instance->gltf;
    int64_t skin = orf_gltf_whole(instance->node, "skin", -1);
    bool skinned = false;
    if (!orf_gltf_morph(gltf, instance->now, instance->json, instance->node, positions, n,
                        error) ||
        (skin >= 0 && !orf_gltf_skin(gltf, skin, attributes, positions, n, &skinned, error)))
        return false;
    const Pose *pose = skin >= 0 ? &still : instance->pose;
    bool plain = memcmp(pose, &still, sizeof still) == 0;
    gltf->draft->metres = gltf->draft->metres || plain;
    gltf->draft->moved = gltf->draft->moved || !plain;
    if (!is_ours(pose))
        place(pose, positions, n);
    return true;
}

static bool
read_positions(Instance *instance, const json_t *attributes, size_t accessor, int64_t color,
               GError **error)
{
    OrfAssetDraft *draft = instance->gltf->draft;
    size_t n, first = draft->positions.n;
    orf_autofree float *positions = orf_gltf_floats(instance->gltf, accessor, 3, 3, &n, error);
    if (!positions)
        return false;
    if (!move_positions(instance, attributes, positions, n, error))
        return false;
    if (!check_finite(instance, positions, n, error))
        return false;
    if (color >= 0 && !add_colors(instance, (size_t)color, n, error))
        return false;
    int64_t source = orf_gltf_whole(attributes, ORF_GLB_SOURCE, -1);
    if (source >= 0 && !add_sources(instance, (size_t)source, first, n, error))
        return false;
    float *ret = orf_asset_draft_positions(draft, n, error);
    if (ret && n)
        memcpy(ret, positions, n * 3 * sizeof *ret);
    return ret != NULL;
}

static gint64 *
key_of(size_t accessor, int64_t other)
{
    return g_memdup2(&(gint64){ (gint64)((uint64_t)accessor << 32 ^ (uint64_t)(other + 1)) },
                     sizeof(gint64));
}

/* The first vertex of the positions; primitives that share them share vertices. */
static bool
find_vertices(Instance *instance, const json_t *attributes, size_t *ret_first, size_t *ret_n,
              GError **error)
{
    OrfAssetDraft *draft = instance->gltf->draft;
    int64_t accessor = orf_gltf_whole(attributes, "POSITION", -1);
    int64_t color = orf_gltf_whole(attributes, "COLOR_0", -1);
    if (accessor < 0)
        return fail_part(instance, "has no positions", error);
    g_autofree gint64 *key = key_of((size_t)accessor, color);
    /* targets and weights may differ where positions do not: such parts share nothing */
    bool alone =
        json_object_get(instance->now, "targets") || json_object_get(attributes, "JOINTS_0");
    const size_t *known = alone ? NULL : g_hash_table_lookup(instance->positions, key);
    if (known) {
        *ret_first = known[0];
        *ret_n = known[1];
        return true;
    }
    size_t first = draft->positions.n;
    if (!read_positions(instance, attributes, (size_t)accessor, color, error))
        return false;
    *ret_first = first;
    *ret_n = draft->positions.n - first;
    g_hash_table_replace(instance->positions, g_steal_pointer(&key),
                         g_memdup2((size_t[]){ *ret_first, *ret_n }, 2 * sizeof(size_t)));
    return true;
}

/* --- Texture coordinates ------------------------------------------------------------------ */

/* KHR_texture_transform: scale, then rotate, then move. */
static void
place_uvs(const OrfGltfPlacing *placing, float *uvs, size_t n)
{
    double c = cos(placing->angle), s = sin(placing->angle);
    for (size_t i = 0; i < n; i++) {
        double u = (double)uvs[2 * i] * placing->scale[0];
        double v = (double)uvs[2 * i + 1] * placing->scale[1];
        uvs[2 * i] = (float)(c * u + s * v + placing->offset[0]);
        uvs[2 * i + 1] = (float)(-s * u + c * v + placing->offset[1]);
    }
}

static bool
read_uvs(Instance *instance, size_t accessor, const OrfGltfPlacing *placing, size_t n,
         GError **error)
{
    size_t count;
    orf_autofree float *uvs = orf_gltf_floats(instance->gltf, accessor, 2, 2, &count, error);
    if (!uvs)
        return false;
    if (count != n)
        return fail_part(instance, "has more or fewer texture coordinates than positions",
                         error);
    if (placing->angle != 0 || placing->scale[0] != 1 || placing->scale[1] != 1 ||
        placing->offset[0] != 0 || placing->offset[1] != 0)
        place_uvs(placing, uvs, n);
    float *ret = orf_asset_draft_uvs(instance->gltf->draft, n, error);
    if (ret && n)
        memcpy(ret, uvs, n * 2 * sizeof *ret);
    return ret != NULL;
}

/* First uv of the primitive's vertices; ORF_NO_UV when it has none. */
static bool
find_uvs(Instance *instance, const json_t *attributes, int64_t material, size_t n,
         uint32_t *ret_first, GError **error)
{
    OrfGltfPlacing placing = orf_gltf_placing(instance->gltf, material);
    g_autofree char *name = g_strdup_printf("TEXCOORD_%" G_GINT64_FORMAT, MAX(placing.set, 0));
    int64_t accessor = orf_gltf_whole(attributes, name, -1);
    *ret_first = ORF_NO_UV;
    if (accessor < 0)
        return true;
    g_autofree gint64 *key = key_of((size_t)accessor, material);
    size_t known = GPOINTER_TO_SIZE(g_hash_table_lookup(instance->uvs, key));
    if (known) {
        *ret_first = (uint32_t)(known - 1);
        return true;
    }
    size_t first = instance->gltf->draft->uvs.n;
    if (!read_uvs(instance, (size_t)accessor, &placing, n, error))
        return false;
    *ret_first = (uint32_t)first;
    g_hash_table_insert(instance->uvs, g_steal_pointer(&key), GSIZE_TO_POINTER(first + 1));
    return true;
}

/* --- Triangles ---------------------------------------------------------------------------- */

typedef enum { TRIANGLES = 4, STRIP, FAN } Mode;

typedef struct {
    Mode mode;
    const uint32_t *indices; /* NULL: 0, 1, 2, ... */
    size_t n;                /* of indices */
    size_t first, n_vertices;
    uint32_t first_uv;
    bool mirrored;
} Run;

static void
corners_of(const Run *run, size_t i, uint32_t ret[3])
{
    size_t at[3] = { 3 * i, 3 * i + 1, 3 * i + 2 };
    if (run->mode == STRIP)
        at[0] = i, at[1] = i + 1 + i % 2, at[2] = i + 2 - i % 2;
    else if (run->mode == FAN)
        at[0] = 0, at[1] = i + 1, at[2] = i + 2;
    if (run->mirrored) {
        size_t last = at[2];
        at[2] = at[1];
        at[1] = last;
    }
    for (unsigned k = 0; k < 3; k++)
        ret[k] = run->indices ? run->indices[at[k]] : (uint32_t)at[k];
}

static size_t
write_triangles(const Run *run, size_t n, uint32_t *triangles, uint32_t *uvs)
{
    size_t kept = 0;
    for (size_t i = 0; i < n; i++) {
        uint32_t t[3];
        corners_of(run, i, t);
        if (run->mode != TRIANGLES && (t[0] == t[1] || t[1] == t[2] || t[2] == t[0]))
            continue; /* strips are stitched with such */
        for (unsigned k = 0; k < 3; k++) {
            triangles[3 * kept + k] = (uint32_t)run->first + t[k];
            if (uvs)
                uvs[3 * kept + k] =
                    run->first_uv == ORF_NO_UV ? ORF_NO_UV : run->first_uv + t[k];
        }
        kept++;
    }
    return kept;
}

static bool
add_triangles(Instance *instance, const Run *run, size_t group, GError **error)
{
    OrfAssetDraft *draft = instance->gltf->draft;
    size_t n = run->mode == TRIANGLES ? run->n / 3 : run->n < 3 ? 0 : run->n - 2;
    for (size_t i = 0; run->indices && i < run->n; i++)
        if (run->indices[i] >= run->n_vertices) {
            g_autofree char *what =
                g_strdup_printf("has index %u at place %zu but only %zu vertices",
                                run->indices[i], i, run->n_vertices);
            return fail_part(instance, what, error);
        }
    uint32_t *uvs = NULL;
    bool textured = run->first_uv != ORF_NO_UV || draft->uv_triangles.n;
    if (textured && !(uvs = orf_asset_draft_uv_triangles(draft, n, error)))
        return false;
    size_t before = draft->triangles.n;
    uint32_t *triangles = orf_asset_draft_triangles(draft, n, error);
    if (!triangles)
        return false;
    size_t kept = write_triangles(run, n, triangles, uvs);
    draft->triangles.n = before;
    if (textured)
        draft->uv_triangles.n -= n - kept;
    if (!orf_asset_draft_groups(draft, kept, group, error))
        return false;
    draft->triangles.n = before + kept;
    return orf_task_check(draft->task, error);
}

/* The draft's group of a glTF material; a primitive without gets the plain one, added last. */
static bool
group_of(Instance *instance, int64_t material, size_t *ret, GError **error)
{
    OrfGltf *gltf = instance->gltf;
    *ret = (size_t)material;
    if (material >= 0)
        return orf_gltf_item(gltf, "materials", (size_t)material, error) != NULL;
    *ret = gltf->n_materials;
    return gltf->draft->materials->len > gltf->n_materials ||
           orf_asset_draft_material(gltf->draft, "plain", error) != NULL;
}

static bool
read_part(Instance *instance, const json_t *part, GError **error)
{
    OrfGltf *gltf = instance->gltf;
    int64_t mode = orf_gltf_whole(part, "mode", TRIANGLES);
    int64_t material = orf_gltf_whole(part, "material", -1);
    int64_t indices = orf_gltf_whole(part, "indices", -1);
    const json_t *attributes = json_object_get(part, "attributes");
    bool skinned = orf_gltf_whole(instance->node, "skin", -1) >= 0;
    Run run = { .mode = (Mode)mode, .mirrored = !skinned && mirrors(instance->pose) };
    size_t group;
    if (mode < TRIANGLES || mode > FAN) {
        if (!gltf->left_out)
            orf_task_note(gltf->draft->task, "%s: points and lines were left out", gltf->name);
        gltf->left_out = true;
        return true;
    }
    if (!group_of(instance, material, &group, error) ||
        !find_vertices(instance, attributes, &run.first, &run.n_vertices, error) ||
        !find_uvs(instance, attributes, material, run.n_vertices, &run.first_uv, error))
        return false;
    run.n = run.n_vertices;
    orf_autofree uint32_t *listed = NULL;
    if (indices >= 0 && !(listed = orf_gltf_wholes(gltf, (size_t)indices, 1, &run.n, error)))
        return false;
    run.indices = listed;
    return add_triangles(instance, &run, group, error);
}

/* --- Scene -------------------------------------------------------------------------------- */

static bool
read_parts(Instance *instance, const json_t *mesh, GError **error)
{
    json_t *part;
    json_array_foreach(json_object_get(mesh, "primitives"), instance->part, part)
    {
        instance->now = part;
        if (!read_part(instance, part, error))
            return false;
    }
    return true;
}

static bool
read_mesh(OrfGltf *gltf, const json_t *node, size_t index, const Pose *pose, GError **error)
{
    json_t *mesh = orf_gltf_item(gltf, "meshes", index, error);
    if (!mesh)
        return false;
    g_autoptr(GHashTable) positions =
        g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, g_free);
    g_autoptr(GHashTable) uvs =
        g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, NULL);
    Instance instance = { .gltf = gltf,
                          .pose = pose,
                          .node = node,
                          .json = mesh,
                          .mesh = index,
                          .positions = positions,
                          .uvs = uvs };
    return read_parts(&instance, mesh, error);
}

static bool
fail_node(const OrfGltf *gltf, size_t index, const char *what, GError **error)
{
    return ORF_FALSE(error, BAD_INPUT, "%s: nodes[%zu] %s; export it again", gltf->name, index,
                     what);
}

static bool
read_node(OrfGltf *gltf, size_t index, const Pose *above, unsigned depth, GError **error);

static bool
read_nodes(OrfGltf *gltf, const json_t *list, const Pose *above, unsigned depth, GError **error)
{
    size_t i;
    json_t *item;
    json_array_foreach(list, i, item)
    {
        double index = json_is_number(item) ? json_number_value(item) : -1;
        if (!(index >= 0 && index < 1e9))
            return ORF_FALSE(error, BAD_INPUT,
                             "%s: a list of nodes holds something else; export it again",
                             gltf->name);
        if (!read_node(gltf, (size_t)index, above, depth, error))
            return false;
    }
    return true;
}

static bool
read_node(OrfGltf *gltf, size_t index, const Pose *above, unsigned depth, GError **error)
{
    json_t *node = orf_gltf_item(gltf, "nodes", index, error);
    if (!node)
        return false;
    if (gltf->visited[index])
        return fail_node(gltf, index, "is reached twice: nodes must form a tree", error);
    gltf->visited[index] = 1;
    if (depth > DEEPEST)
        return fail_node(gltf, index, "lies under more than 256 others", error);
    Pose own = orf_gltf_pose(node), pose;
    orf_gltf_multiply(above, &own, &pose);
    int64_t mesh = orf_gltf_whole(node, "mesh", -2);
    if (mesh != -2 && !read_mesh(gltf, node, (size_t)mesh, &pose, error))
        return false;
    return read_nodes(gltf, json_object_get(node, "children"), &pose, depth + 1, error);
}

/* Without a scene, every node that is nobody's child is a root. */
static bool
read_roots(OrfGltf *gltf, const Pose *world, GError **error)
{
    size_t i, k, n = json_array_size(json_object_get(gltf->root, "nodes"));
    json_t *node, *child;
    orf_autofree uint8_t *is_child = ORF_ALLOC(gltf->draft->task, uint8_t, n, "nodes", error);
    if (!is_child)
        return false;
    json_array_foreach(json_object_get(gltf->root, "nodes"), i, node)
        json_array_foreach(json_object_get(node, "children"), k, child)
    {
        json_int_t at = json_integer_value(child);
        if (at >= 0 && (size_t)at < n)
            is_child[at] = 1;
    }
    for (i = 0; i < n; i++)
        if (!is_child[i] && !read_node(gltf, i, world, 0, error))
            return false;
    return true;
}

bool
orf_gltf_scene(OrfGltf *gltf, GError **error)
{
    static const Pose world = { { { 1, 0, 0, 0 }, { 0, 1, 0, 0 }, { 0, 0, 1, 0 } } };
    if (!json_array_size(json_object_get(gltf->root, "scenes")))
        return read_roots(gltf, &world, error);
    int64_t which = orf_gltf_whole(gltf->root, "scene", 0);
    json_t *scene = orf_gltf_item(gltf, "scenes", (size_t)which, error);
    return scene && read_nodes(gltf, json_object_get(scene, "nodes"), &world, 0, error);
}
