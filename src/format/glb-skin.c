/* glb-skin.c - morph targets and skins: where the vertices of a glTF mesh stand at rest.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * A file shows a mesh at its default weights and in the pose of its nodes, and so it is read
 * here; animations are left out, and noted. glTF 2.0, sections 3.7.2.2 and 3.7.3. */
#include "format/glb-priv.h"

#include <string.h>

#define DEEPEST 256 /* nodes above a joint */

/* --- Morph targets ------------------------------------------------------------------------ */

static bool
add_target(OrfGltf *gltf, size_t accessor, float weight, float *positions, size_t n,
           GError **error)
{
    size_t count;
    orf_autofree float *moves = orf_gltf_floats(gltf, accessor, 3, 3, &count, error);
    if (!moves)
        return false;
    for (size_t i = 0; i < 3 * MIN(count, n); i++)
        positions[i] += weight * moves[i];
    return true;
}

bool
orf_gltf_morph(OrfGltf *gltf, const json_t *part, const json_t *mesh, const json_t *node,
               float *positions, size_t n, GError **error)
{
    const json_t *weights = json_object_get(node, "weights");
    if (!json_is_array(weights))
        weights = json_object_get(mesh, "weights");
    size_t i;
    json_t *target;
    json_array_foreach(json_object_get(part, "targets"), i, target)
    {
        double weight = json_number_value(json_array_get(weights, i));
        int64_t accessor = orf_gltf_whole(target, "POSITION", -1);
        if (weight != 0 && accessor >= 0 &&
            !add_target(gltf, (size_t)accessor, (float)weight, positions, n, error))
            return false;
    }
    return true;
}

/* --- Skins -------------------------------------------------------------------------------- */

typedef struct {
    OrfGltfPose *joints; /* [n]: from the mesh to the world */
    size_t n;
    const float *weights;    /* [n_vertices][4] */
    const uint32_t *indices; /* [n_vertices][4] */
} Skin;

/* [n_nodes] the node above each, + 1; 0: none. */
static uint32_t *
find_parents(OrfGltf *gltf, size_t n, GError **error)
{
    uint32_t *parents = ORF_ALLOC(gltf->draft->task, uint32_t, n, "nodes", error);
    size_t i, k;
    json_t *node, *child;
    if (!parents)
        return NULL;
    json_array_foreach(json_object_get(gltf->root, "nodes"), i, node)
        json_array_foreach(json_object_get(node, "children"), k, child)
    {
        json_int_t at = json_integer_value(child);
        if (at >= 0 && (size_t)at < n)
            parents[at] = (uint32_t)i + 1;
    }
    return parents;
}

static bool
pose_in_world(OrfGltf *gltf, const uint32_t *parents, size_t n_nodes, size_t node,
              OrfGltfPose *ret, GError **error)
{
    const json_t *nodes = json_object_get(gltf->root, "nodes");
    if (node >= n_nodes)
        return ORF_FALSE(error, BAD_INPUT, "%s: a joint is node %zu of %zu; export it again",
                         gltf->name, node, n_nodes);
    *ret = orf_gltf_pose(json_array_get(nodes, node));
    for (unsigned depth = 0; parents[node]; depth++) {
        if (depth > DEEPEST)
            return ORF_FALSE(error, BAD_INPUT,
                             "%s: joints lie under more than %d nodes, or in a circle; export "
                             "it again",
                             gltf->name, DEEPEST);
        node = parents[node] - 1;
        OrfGltfPose above = orf_gltf_pose(json_array_get(nodes, node)), sum;
        orf_gltf_multiply(&above, ret, &sum);
        *ret = sum;
    }
    return true;
}

/* Inverse bind matrices lie column by column, 16 numbers each; none: the identity. */
static OrfGltfPose
bind_of(const float *binds, size_t count, size_t i)
{
    OrfGltfPose pose = { { { 1, 0, 0, 0 }, { 0, 1, 0, 0 }, { 0, 0, 1, 0 } } };
    for (unsigned r = 0; binds && i < count && r < 3; r++)
        for (unsigned c = 0; c < 4; c++)
            pose.m[r][c] = (double)binds[16 * i + 4 * c + r];
    return pose;
}

static bool
fill_joints(OrfGltf *gltf, const json_t *json, Skin *skin, GError **error)
{
    size_t n_nodes = json_array_size(json_object_get(gltf->root, "nodes")), count = 0;
    int64_t accessor = orf_gltf_whole(json, "inverseBindMatrices", -1);
    orf_autofree float *binds = NULL;
    orf_autofree uint32_t *parents = find_parents(gltf, n_nodes, error);
    if (!parents || (accessor >= 0 &&
                     !(binds = orf_gltf_floats(gltf, (size_t)accessor, 16, 16, &count, error))))
        return false;
    const json_t *joints = json_object_get(json, "joints");
    for (size_t i = 0; i < skin->n; i++) {
        json_int_t node = json_integer_value(json_array_get(joints, i));
        OrfGltfPose world, bind = bind_of(binds, count, i);
        if (!pose_in_world(gltf, parents, n_nodes, (size_t)node, &world, error))
            return false;
        orf_gltf_multiply(&world, &bind, &skin->joints[i]);
    }
    return true;
}

static void
put_vertex(const Skin *skin, size_t vertex, float *p)
{
    double at[3] = { (double)p[0], (double)p[1], (double)p[2] }, sum[3] = { 0 }, all = 0;
    for (unsigned k = 0; k < 4; k++) {
        double weight = (double)skin->weights[4 * vertex + k];
        uint32_t joint = skin->indices[4 * vertex + k];
        if (!(weight > 0) || joint >= skin->n)
            continue;
        const double(*m)[4] = skin->joints[joint].m;
        for (unsigned r = 0; r < 3; r++)
            sum[r] += weight * (m[r][0] * at[0] + m[r][1] * at[1] + m[r][2] * at[2] + m[r][3]);
        all += weight;
    }
    for (unsigned r = 0; all > 0 && r < 3; r++)
        p[r] = (float)(sum[r] / all);
}

static bool
put_vertices(OrfGltf *gltf, const json_t *json, const json_t *attributes, Skin *skin,
             float *positions, size_t n, GError **error)
{
    size_t n_weights, n_indices;
    orf_autofree float *weights = orf_gltf_floats(
        gltf, (size_t)orf_gltf_whole(attributes, "WEIGHTS_0", -1), 4, 4, &n_weights, error);
    orf_autofree uint32_t *indices =
        weights ? orf_gltf_wholes(gltf, (size_t)orf_gltf_whole(attributes, "JOINTS_0", -1), 4,
                                  &n_indices, error)
                : NULL;
    skin->joints =
        indices ? ORF_ALLOC(gltf->draft->task, OrfGltfPose, skin->n, "joints", error) : NULL;
    bool done = skin->joints && fill_joints(gltf, json, skin, error);
    skin->weights = weights;
    skin->indices = indices;
    for (size_t i = 0; done && i < MIN(n, MIN(n_weights, n_indices)); i++)
        put_vertex(skin, i, positions + 3 * i);
    orf_free(skin->joints);
    return done;
}

bool
orf_gltf_skin(OrfGltf *gltf, int64_t index, const json_t *attributes, float *positions,
              size_t n, bool *ret_done, GError **error)
{
    json_t *json = orf_gltf_item(gltf, "skins", (size_t)index, error);
    if (!json)
        return false;
    Skin skin = { .n = json_array_size(json_object_get(json, "joints")) };
    *ret_done = skin.n && json_object_get(attributes, "WEIGHTS_0") &&
                json_object_get(attributes, "JOINTS_0");
    if (*ret_done)
        return put_vertices(gltf, json, attributes, &skin, positions, n, error);
    if (!gltf->baseless)
        orf_task_note(gltf->draft->task, "%s: a skin has no weights; the mesh stays as it is",
                      gltf->name);
    gltf->baseless = true;
    return true;
}
