/* make.c - a request becomes assets, files, facts: whatever its operation makes.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Stages become GLB as soon as they exist; when two are the same asset (the finished one is the
 * final one, checked) there is one file. An operation without stages has one, the last: what it
 * made as one file, or what it found out as JSON. */
#include "work/make.h"

#include <math.h>
#include <string.h>

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

/* --- Inputs ------------------------------------------------------------------------------- */

static bool
add_input(OrfOrder *order, const OrfJobInput *from, bool mask, const OrfMakeHost *host,
          GError **error)
{
    g_autoptr(GBytes) bytes = host->input(from->digest, host->data, error);
    OrfInput input = { .name = from->name,
                       .bytes = bytes,
                       .digest = from->digest,
                       .yaw = from->yaw,
                       .mask = mask };
    return bytes && orf_order_add(order, &input, error);
}

static OrfOrder *
whole_order(const OrfJobRequest *request, const OrfMakeHost *host, GError **error)
{
    g_autoptr(OrfOrder) order = orf_request_order(request, NULL, NULL, error);
    if (!order)
        return NULL;
    for (guint i = 0; i < request->inputs->len; i++)
        if (!add_input(order, request->inputs->pdata[i], false, host, error))
            return NULL;
    if (request->mask && !add_input(order, request->mask, true, host, error))
        return NULL;
    return g_steal_pointer(&order);
}

/* --- Stages ------------------------------------------------------------------------------- */

/* Waits until it may go on. */
static bool
tell_stage(Making *making, OrfMessage *stage, GBytes *file)
{
    stage->type = ORF_MESSAGE_STAGE;
    stage->took_s = seconds_since(making->stage_us);
    stage->generator = (char *)(uintptr_t)making->ran.generator;
    bool go = making->host->stage(stage, file, making->host->data, &making->error);
    making->stage_us = g_get_monotonic_time(); /* the wait belongs to no stage */
    return go;
}

static void
count(OrfMessage *stage, const OrfAsset *asset)
{
    size_t vertices, triangles;
    orf_engine_count(asset, &vertices, &triangles);
    stage->vertices = vertices;
    stage->triangles = triangles;
}

static bool
on_stage(OrfStage stage, OrfAsset *asset, void *data)
{
    Making *making = data;
    const char *extension, *type = orf_engine_file_type("glb", &extension);
    OrfMessage told = { .stage = stage,
                        .same = making->last == asset,
                        .media = (char *)(uintptr_t)type,
                        .extension = (char *)(uintptr_t)extension };
    g_autoptr(GBytes) file =
        told.same ? NULL : orf_asset_save(making->task, asset, "glb", &making->error);
    if (!file && !told.same)
        return false;
    g_clear_pointer(&making->last, orf_asset_unref);
    making->last = orf_asset_ref(asset);
    count(&told, asset);
    return tell_stage(making, &told, file);
}

/* All that an operation without stages has to show. */
static bool
deliver(Making *making, const OrfOutcome *outcome)
{
    const char *type, *extension;
    g_autoptr(GBytes) file =
        orf_outcome_deliver(making->task, outcome, &type, &extension, &making->error);
    if (!file)
        return false;
    OrfMessage told = { .stage = ORF_FINISHED,
                        .media = (char *)(uintptr_t)type,
                        .extension = (char *)(uintptr_t)extension };
    for (size_t i = 0; i < orf_outcome_n_assets(outcome); i++) {
        OrfMessage one = { 0 };
        count(&one, orf_outcome_asset(outcome, i));
        told.vertices += one.vertices;
        told.triangles += one.triangles;
    }
    return tell_stage(making, &told, file);
}

/* --- Result ------------------------------------------------------------------------------- */

static void
tell_ran(OrfMessage *result, const OrfRan *ran)
{
    if (!ran)
        return;
    result->generator = g_strdup(ran->generator);
    result->reason = g_strdup(ran->reason);
    result->confidence = ran->confidence;
    result->runner_up = g_strdup(ran->runner_up);
    result->runner_up_reason = ran->runner_up ? g_strdup(ran->runner_up_reason) : NULL;
}

/* Of the asset that was made, or of the model that was looked at. */
static bool
tell_measures(Making *making, OrfMessage *result, const OrfOutcome *outcome, GError **error)
{
    OrfAssetFacts made;
    const char *text;
    const OrfAssetFacts *facts = orf_outcome_seen(outcome, &text);
    result->measures = g_strdup(text);
    OrfAsset *asset = orf_outcome_n_assets(outcome) == 1 ? orf_outcome_asset(outcome, 0) : NULL;
    if (!facts && asset) {
        result->measures = orf_engine_measure(making->task, asset, &made, error);
        if (!result->measures)
            return false;
        facts = &made;
    }
    if (!facts)
        return true;
    result->vertices = facts->vertices;
    result->triangles = facts->triangles;
    memcpy(result->size_mm, facts->size_mm, sizeof result->size_mm);
    result->solid = facts->solid;
    result->format = g_strdup(facts->format);
    return true;
}

static OrfMessage *
result_of(Making *making, const OrfOutcome *outcome, GError **error)
{
    g_autoptr(OrfMessage) result = g_new0(OrfMessage, 1);
    result->type = ORF_MESSAGE_RESULT;
    if (!tell_measures(making, result, outcome, error))
        return NULL;
    tell_ran(result, orf_outcome_ran(outcome));
    result->facts = g_strdup(orf_outcome_facts(outcome));
    result->notes = orf_task_notes(making->task);
    result->took_s = seconds_since(making->began_us);
    result->peak = orf_task_peak_memory(making->task);
    return g_steal_pointer(&result);
}

/* --- A run -------------------------------------------------------------------------------- */

static OrfOutcome *
run(Making *making, const OrfJobRequest *request, GError **error)
{
    g_autoptr(OrfOrder) order = whole_order(request, making->host, error);
    if (!order)
        return NULL;
    bool stages = orf_order_operation(order)->recipe;
    GError *why = NULL;
    g_autoptr(OrfOutcome) outcome = orf_order_run_told(
        making->task, order, stages ? on_stage : NULL, making, &making->ran, &why);
    if (outcome && !stages)
        deliver(making, outcome);
    if (making->error) { /* of a stage that could not be kept: it stopped the engine */
        g_clear_error(&why);
        why = g_steal_pointer(&making->error);
    }
    if (!why)
        return g_steal_pointer(&outcome);
    g_propagate_error(error, why);
    return NULL;
}

OrfMessage *
orf_make(OrfTask *task, const OrfJobRequest *request, const OrfMakeHost *host,
         const char **ret_generator, GError **error)
{
    Making making = { .task = task, .host = host, .began_us = g_get_monotonic_time() };
    making.stage_us = making.began_us;
    g_autoptr(OrfOutcome) outcome = run(&making, request, error);
    *ret_generator = making.ran.generator;
    g_clear_pointer(&making.last, orf_asset_unref);
    return outcome ? result_of(&making, outcome, error) : NULL;
}
