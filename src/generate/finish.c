/* finish.c - stages, pose and the promise every result keeps.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "generate/generate-priv.h"

#include <math.h>

#define JOIN_TOLERANCE 3e-6f /* of the size: what slicers and checkers take for one point */

/* --- Stages ------------------------------------------------------------------------------- */

static int
quality_of(const OrfRecipe *recipe)
{
    const char *quality = orf_params_text(recipe->params, "quality");
    return g_str_equal(quality, "draft") ? 0 : g_str_equal(quality, "standard") ? 1 : 2;
}

unsigned
orf_stage_side(const OrfRecipe *recipe, OrfStage stage)
{
    static const unsigned sides[3][ORF_N_STAGES] = {
        { 128, 192, 320, 320 },
        { 160, 320, 640, 640 },
        { 160, 480, 1024, 1024 },
    };
    return sides[quality_of(recipe)][stage];
}

unsigned
orf_stage_picture_side(const OrfRecipe *recipe, OrfStage stage)
{
    unsigned side = orf_stage_side(recipe, stage);
    unsigned texture = (unsigned)orf_params_int(recipe->params, "texture-size");
    if (stage == ORF_PREVIEW || !orf_params_bool(recipe->params, "texture"))
        return side;
    return MAX(side, stage == ORF_MEDIUM ? MIN(texture, 2 * side) : texture);
}

const char *
orf_stage_name(OrfStage stage)
{
    static const char *const names[ORF_N_STAGES] = { "preview", "medium", "final", "finished" };
    return names[stage];
}

OrfStage
orf_stage_last(const OrfRecipe *recipe)
{
    const char *upto = orf_params_text(recipe->params, "upto");
    for (OrfStage stage = ORF_PREVIEW; stage < ORF_FINISHED; stage++)
        if (g_str_equal(upto, orf_stage_name(stage)))
            return stage;
    return ORF_FINISHED;
}

bool
orf_stage_emit(const OrfBatchItem *item, OrfStage stage, OrfAsset *asset)
{
    bool more = !item->emit || item->emit(stage, asset, item->data);
    return more && stage < orf_stage_last(item->recipe);
}

/* --- Pose --------------------------------------------------------------------------------- */

/* Six times the signed volume about the mesh's centre; the sign is what matters. */
static double
signed_volume(const OrfMesh *mesh, const float low[3], const float high[3])
{
    const float *p = orf_mesh_positions(mesh);
    const uint32_t *t = orf_mesh_triangles(mesh);
    double center[3], volume = 0;
    for (int k = 0; k < 3; k++)
        center[k] = (low[k] + high[k]) / 2;
    for (size_t i = 0; i < orf_mesh_n_triangles(mesh); i++, t += 3) {
        double c[3][3];
        for (int j = 0; j < 3; j++)
            for (int k = 0; k < 3; k++)
                c[j][k] = p[3 * (size_t)t[j] + k] - center[k];
        volume += c[0][0] * (c[1][1] * c[2][2] - c[1][2] * c[2][1]) -
                  c[0][1] * (c[1][0] * c[2][2] - c[1][2] * c[2][0]) +
                  c[0][2] * (c[1][0] * c[2][1] - c[1][1] * c[2][0]);
    }
    return volume;
}

static OrfMesh *
turned_outward(OrfTask *task, OrfMesh *mesh, double volume, GError **error)
{
    if (volume >= 0)
        return orf_mesh_ref(mesh);
    OrfMeshParts parts = { 0 };
    if (!orf_mesh_copy_parts(task, mesh, &parts, error))
        return NULL;
    for (size_t i = 0; i < parts.n_triangles; i++) {
        uint32_t swap = parts.triangles[3 * i + 1];
        parts.triangles[3 * i + 1] = parts.triangles[3 * i + 2];
        parts.triangles[3 * i + 2] = swap;
        if (parts.uv_triangles) {
            swap = parts.uv_triangles[3 * i + 1];
            parts.uv_triangles[3 * i + 1] = parts.uv_triangles[3 * i + 2];
            parts.uv_triangles[3 * i + 2] = swap;
        }
    }
    return orf_mesh_new_take(&parts, error);
}

OrfMesh *
orf_finish_pose(OrfTask *task, const OrfRecipe *recipe, const OrfMesh *mesh, float *ret_scale,
                float ret_offset[3], GError **error)
{
    float low[3], high[3];
    orf_mesh_bounds(mesh, low, high);
    float longest = MAX(MAX(high[0] - low[0], high[1] - low[1]), high[2] - low[2]);
    if (orf_mesh_n_triangles(mesh) == 0 || !(longest > 0))
        return ORF_FAIL(error, BAD_INPUT,
                        "%s: the shape came out empty; the picture shows too little "
                        "to build on",
                        recipe->generator->name);
    float scale = (float)orf_params_number(recipe->params, "size") / longest;
    float offset[3] = { -scale * (low[0] + high[0]) / 2, -scale * low[1],
                        -scale * (low[2] + high[2]) / 2 };
    double volume = signed_volume(mesh, low, high);
    g_autoptr(OrfMesh) sized =
        orf_mesh_scale_move(task, mesh, (float[]){ scale, scale, scale }, offset, error);
    if (!sized)
        return NULL;
    if (ret_scale)
        *ret_scale = scale;
    for (int k = 0; ret_offset && k < 3; k++)
        ret_offset[k] = offset[k];
    g_autoptr(OrfMesh) apart =
        orf_mesh_keep_apart(task, sized, JOIN_TOLERANCE * scale * longest, error);
    return apart ? turned_outward(task, apart, volume, error) : NULL;
}

/* --- The promise -------------------------------------------------------------------------- */

bool
orf_finish_verify(OrfTask *task, const OrfRecipe *recipe, const OrfAsset *asset, GError **error)
{
    OrfMeasures m;
    if (!orf_mesh_measure(task, orf_asset_mesh(asset), false, &m, error))
        return false;
    float longest = MAX(MAX(m.high[0] - m.low[0], m.high[1] - m.low[1]), m.high[2] - m.low[2]);
    double size = orf_params_number(recipe->params, "size");
    bool sized = fabs(longest - size) <= 1e-3 * size,
         stands = fabsf(m.low[1]) <= 1e-3f * longest;
    if (orf_measures_solid(&m) && m.volume > 0 && sized && stands)
        return true;
    return ORF_FALSE(
        error, BUG,
        "%s: the result is not printable (open edges %zu, non-manifold edges %zu and "
        "vertices %zu, misoriented %zu, degenerate %zu, duplicate %zu, volume %.3g mm3, "
        "longest side %.3g mm of %.3g, lowest %.3g mm); please report the picture",
        recipe->generator->name, m.boundary_edges, m.nonmanifold_edges, m.nonmanifold_vertices,
        m.misoriented_edges, m.degenerate, m.duplicate, m.volume, (double)longest, size,
        (double)m.low[1]);
}
