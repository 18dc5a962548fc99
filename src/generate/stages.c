/* stages.c - what most generators do alike: stage after stage, pose, the picture put on.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "generate/generate-priv.h"

OrfAsset *
orf_stages_run(OrfTask *task, const OrfBatchItem *item, OrfMakeStageFn make, void *make_data,
               GError **error)
{
    static const OrfStep steps[ORF_N_STAGES] = {
        { "preview", 5 }, { "medium", 20 }, { "final", 65 }, { "finished", 10 }
    };
    static const OrfStep parts[] = { { "prepare", 30 }, { "shape", 40 }, { "dress", 30 } };
    orf_task_plan(task, steps, G_N_ELEMENTS(steps));
    g_autoptr(OrfAsset) asset = NULL;
    bool more = true;
    for (OrfStage stage = ORF_PREVIEW; more && stage < ORF_N_STAGES; stage++) {
        OrfTask *step = orf_task_step(task);
        if (stage == ORF_FINISHED) {
            if (!orf_finish_verify(step, item->recipe, asset, error))
                return NULL;
        } else {
            g_clear_pointer(&asset, orf_asset_unref);
            orf_task_plan(step, parts, G_N_ELEMENTS(parts));
            asset = make(step, item, stage, make_data, error);
            if (!asset)
                return NULL;
        }
        more = orf_stage_emit(item, stage, asset);
    }
    return g_steal_pointer(&asset);
}

OrfAsset *
orf_stages_dress(OrfTask *task, const OrfRecipe *recipe, const OrfSubject *subject,
                 unsigned width, const OrfMesh *shape, OrfBack back, GError **error)
{
    float scale, offset[3];
    g_autoptr(OrfMesh) posed = orf_finish_pose(task, recipe, shape, &scale, offset, error);
    if (!posed)
        return NULL;
    if (!orf_params_bool(recipe->params, "texture"))
        return orf_asset_new(posed, NULL, 0);
    float finer = (float)orf_image_width(subject->picture) / (float)width;
    OrfProjection front = { .picture = subject->picture,
                            .scale = finer / scale,
                            .target = { offset[0], offset[1], offset[2] } };
    OrfDress how = { .side = (unsigned)orf_params_int(recipe->params, "texture-size"),
                     .back = back };
    return orf_asset_dress_front(task, posed, &front, &how, error);
}

float
orf_stages_half_wall(const OrfRecipe *recipe, const OrfSubject *subject)
{
    float side = MAX(subject->box[2] - subject->box[0], subject->box[3] - subject->box[1]);
    return (float)(orf_params_number(recipe->params, "wall") / 2 /
                   orf_params_number(recipe->params, "size")) *
           side;
}
