/* make.c - a stored request becomes assets.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Each stage becomes a GLB as soon as it exists. When two stages are the same asset (the
 * finished one is the final one, checked) there is one file. */
#include "work/make.h"

#include <math.h>

typedef struct {
    OrfTask *task;
    const OrfMakeHost *host;
    OrfRan ran;
    int64_t began_us, stage_us; /* monotonic; of the running stage */
    OrfAsset *last;             /* of the stage before */
    GError *error;              /* of the host */
} Making;

static double
seconds_since(int64_t then_us)
{
    return (double)(g_get_monotonic_time() - then_us) / G_USEC_PER_SEC;
}

static bool
add_pictures(const OrfJobRequest *request, const OrfMakeHost *host, OrfRecipe *recipe,
             GError **error)
{
    for (guint i = 0; i < request->inputs->len; i++) {
        const OrfJobInput *picture = request->inputs->pdata[i];
        g_autoptr(GBytes) bytes = host->input(picture->digest, host->data, error);
        if (!bytes ||
            !orf_recipe_add_picture(recipe, bytes, picture->name, picture->yaw, error))
            return false;
    }
    if (!request->mask)
        return true;
    g_autoptr(GBytes) bytes = host->input(request->mask->digest, host->data, error);
    if (bytes)
        orf_recipe_set_mask(recipe, bytes, request->mask->name);
    return bytes;
}

static bool
on_stage(OrfStage stage, OrfAsset *asset, void *data)
{
    Making *making = data;
    bool same = making->last == asset;
    g_autoptr(GBytes) file =
        same ? NULL : orf_asset_save(making->task, asset, "glb", &making->error);
    if (!file && !same)
        return false;
    g_clear_pointer(&making->last, orf_asset_unref);
    making->last = orf_asset_ref(asset);
    size_t vertices, triangles;
    orf_engine_count(asset, &vertices, &triangles);
    OrfMessage told = { .type = ORF_MESSAGE_STAGE,
                        .stage = stage,
                        .same = same,
                        .vertices = vertices,
                        .triangles = triangles,
                        .took_s = seconds_since(making->stage_us),
                        .generator = (char *)(uintptr_t)making->ran.generator };
    bool go = making->host->stage(&told, file, making->host->data, &making->error);
    making->stage_us = g_get_monotonic_time(); /* the wait belongs to no stage */
    return go;
}

static OrfMessage *
result_of(Making *making, OrfAsset *asset, GError **error)
{
    const OrfRan *ran = &making->ran;
    char *measures = orf_asset_measures_json(making->task, asset, false, error);
    if (!measures)
        return NULL;
    OrfMessage *result = g_new0(OrfMessage, 1);
    *result = (OrfMessage){ .type = ORF_MESSAGE_RESULT,
                            .generator = g_strdup(ran->generator),
                            .reason = g_strdup(ran->reason),
                            .confidence = ran->confidence,
                            .runner_up = g_strdup(ran->runner_up),
                            .runner_up_reason =
                                ran->runner_up ? g_strdup(ran->runner_up_reason) : NULL,
                            .measures = measures,
                            .notes = orf_task_notes(making->task),
                            .took_s = seconds_since(making->began_us),
                            .peak = orf_task_peak_memory(making->task) };
    return result;
}

OrfMessage *
orf_make(OrfTask *task, const OrfJobRequest *request, const OrfMakeHost *host,
         const char **ret_generator, GError **error)
{
    Making making = { .task = task, .host = host, .began_us = g_get_monotonic_time() };
    making.stage_us = making.began_us;
    g_autoptr(OrfRecipe) recipe = orf_wish_recipe(request, NULL, NULL, error);
    if (!recipe || !add_pictures(request, host, recipe, error))
        return NULL;
    GError *why = NULL;
    g_autoptr(OrfAsset) asset =
        orf_generate(task, recipe, on_stage, &making, &making.ran, &why);
    *ret_generator = making.ran.generator;
    g_clear_pointer(&making.last, orf_asset_unref);
    if (making.error) { /* of a stage that could not be kept: it stopped the engine */
        g_clear_error(&why);
        why = making.error;
    }
    if (!why)
        return result_of(&making, asset, error);
    g_propagate_error(error, why);
    return NULL;
}
