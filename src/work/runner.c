/* runner.c - stored jobs to assets: what the queue runs.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Pictures are mapped, not copied. Each stage becomes a GLB blob as soon as it exists, and then
 * an event. When two stages are the same asset (the finished one is the final one, checked)
 * there is one file. */
#include "work/work-priv.h"

#include <string.h>

/* --- Stages ------------------------------------------------------------------------------- */

static double
seconds_since(int64_t then_us)
{
    return (double)(g_get_monotonic_time() - then_us) / G_USEC_PER_SEC;
}

/* The asset as a blob; the one before when it is the same. */
static bool
store_stage(Run *run, OrfAsset *asset, GError **error)
{
    if (run->last == asset)
        return true;
    g_autoptr(GBytes) glb = orf_asset_save(run->job->task, asset, "glb", error);
    if (!glb || !orf_blob_put(run->runner->store, glb, run->digest, error))
        return false;
    run->bytes = g_bytes_get_size(glb);
    g_clear_pointer(&run->last, orf_asset_unref);
    run->last = orf_asset_ref(asset);
    return true;
}

static char *
stage_json(const Run *run, OrfStage stage, OrfAsset *asset, double seconds)
{
    size_t vertices, triangles;
    orf_engine_count(asset, &vertices, &triangles);
    GString *json = g_string_new(NULL);
    g_string_append_printf(json,
                           "{\"name\":\"%s\",\"progress\":%.2f,\"sha256\":\"%s\",\"bytes\":%zu,"
                           "\"vertices\":%zu,\"triangles\":%zu,\"took_s\":",
                           orf_stage_name(stage), (stage + 1) / (double)ORF_N_STAGES,
                           run->digest, run->bytes, vertices, triangles);
    orf_json_number(json, round(seconds * 1e4) / 1e4);
    return g_string_free(g_string_append_c(json, '}'), FALSE);
}

static void
measure_stage(Run *run, OrfStage stage, double seconds)
{
    OrfRunner *runner = run->runner;
    const char *generator = run->ran.generator ? run->ran.generator : run->request->generator;
    orf_series_observe(orf_series(runner->stages, orf_stage_name(stage), generator, NULL),
                       seconds, NULL);
    if (stage == ORF_PREVIEW && run->job->attempt <= 1)
        orf_series_observe(orf_series(runner->previews, NULL),
                           run->job->waited_s + seconds_since(run->began_us), NULL);
}

static bool
on_stage(OrfStage stage, OrfAsset *asset, void *data)
{
    Run *run = data;
    g_mutex_lock(&run->lock);
    if (run->trace)
        orf_trace_step(run->trace, "save");
    g_mutex_unlock(&run->lock);
    if (!store_stage(run, asset, &run->error))
        return false;
    double seconds = seconds_since(run->stage_us);
    g_autofree char *json = stage_json(run, stage, asset, seconds);
    g_string_append_printf(run->stages, "%s%s", run->stages->len ? "," : "", json);
    measure_stage(run, stage, seconds);
    /* Waits while jobs that have no stage yet go first: that time belongs to no stage. */
    orf_job_run_stage(run->job, json, (stage + 1) / (double)ORF_N_STAGES);
    run->stage_us = g_get_monotonic_time();
    return true;
}

/* --- Recipe ------------------------------------------------------------------------------- */

static bool
add_pictures(Run *run, OrfRecipe *recipe, GError **error)
{
    OrfStore *store = run->runner->store;
    for (guint i = 0; i < run->request->pictures->len; i++) {
        const OrfWishPicture *picture = run->request->pictures->pdata[i];
        g_autoptr(GBytes) bytes = orf_blob_get(store, picture->digest, error);
        if (!bytes ||
            !orf_recipe_add_picture(recipe, bytes, picture->name, picture->yaw, error))
            return false;
    }
    const OrfWishPicture *mask = run->request->mask;
    if (!mask)
        return true;
    g_autoptr(GBytes) bytes = orf_blob_get(store, mask->digest, error);
    if (bytes)
        orf_recipe_set_mask(recipe, bytes, mask->name);
    return bytes;
}

/* --- Result ------------------------------------------------------------------------------- */

static void
append_text(GString *json, const char *name, const char *text)
{
    g_string_append_printf(json, ",\"%s\":", name);
    orf_json_string(json, text);
}

static void
append_ran(GString *json, const OrfRan *ran)
{
    g_string_append(json, "\"generator\":");
    orf_json_string(json, ran->generator);
    append_text(json, "reason", ran->reason);
    g_string_append(json, ",\"confidence\":");
    orf_json_number(json, round(ran->confidence * 100) / 100);
    if (!ran->runner_up) {
        g_string_append(json, ",\"runner_up\":null");
        return;
    }
    g_string_append(json, ",\"runner_up\":{\"generator\":");
    orf_json_string(json, ran->runner_up);
    append_text(json, "reason", ran->runner_up_reason);
    g_string_append_c(json, '}');
}

static void
append_notes(GString *json, OrfTask *task)
{
    g_auto(GStrv) notes = orf_task_notes(task);
    g_string_append(json, ",\"warnings\":[");
    for (char **note = notes; *note; note++) {
        if (note != notes)
            g_string_append_c(json, ',');
        orf_json_string(json, *note);
    }
    g_string_append_c(json, ']');
}

static char *
result_json(Run *run, OrfAsset *asset, GError **error)
{
    OrfTask *task = run->job->task;
    g_autofree char *measures = orf_asset_measures_json(task, asset, false, error);
    if (!measures)
        return NULL;
    GString *json = g_string_new("{");
    append_ran(json, &run->ran);
    g_string_append_printf(json, ",\"seed\":%" G_GINT64_FORMAT ",\"stages\":[%s]",
                           run->request->seed, run->stages->str);
    g_string_append_printf(json, ",\"measures\":%s", measures);
    append_notes(json, task);
    g_string_append_printf(json, ",\"took_s\":%.4f,\"peak_bytes\":%zu",
                           seconds_since(run->began_us), orf_task_peak_memory(task));
    append_text(json, "engine", orf_version());
    g_string_append_c(json, '}');
    return g_string_free(json, FALSE);
}

/* --- One run ------------------------------------------------------------------------------ */

static char *
make(Run *run, GError **error)
{
    run->request = orf_wish_request_parse(run->job->request, error);
    if (!run->request)
        return NULL;
    g_autoptr(OrfRecipe) recipe = orf_wish_recipe(run->request, NULL, NULL, error);
    if (!recipe || !add_pictures(run, recipe, error))
        return NULL;
    g_autoptr(OrfAsset) asset =
        orf_generate(run->job->task, recipe, on_stage, run, &run->ran, error);
    if (run->error) { /* of a stage that could not be stored: it stopped the engine */
        g_clear_error(error);
        g_propagate_error(error, g_steal_pointer(&run->error));
        return NULL;
    }
    return asset ? result_json(run, asset, error) : NULL;
}

static const char *
outcome_of(const OrfJobRun *job, const GError *error)
{
    if (!error)
        return "succeeded";
    if (g_error_matches(error, ORF_ERROR, ORF_ERROR_CANCELLED) || orf_task_cancelled(job->task))
        return "canceled";
    return "failed";
}

static void
count_run(Run *run, const GError *error)
{
    const char *generator = run->ran.generator ? run->ran.generator : "none";
    int code = error && error->domain == ORF_ERROR ? error->code : ORF_ERROR_UNAVAILABLE;
    orf_series_add(orf_series(run->runner->jobs, generator, outcome_of(run->job, error),
                              error ? orf_error_info(code)->name : "", NULL),
                   1);
}

static void
run_clear(Run *run)
{
    g_clear_pointer(&run->trace, orf_trace_free);
    g_clear_pointer(&run->request, orf_wish_request_free);
    g_clear_pointer(&run->last, orf_asset_unref);
    g_clear_error(&run->error);
    g_string_free(run->stages, TRUE);
    g_mutex_clear(&run->lock);
}

char *
orf_runner_run_one(OrfRunner *runner, OrfJobRun *job, GError **error)
{
    Run run = { .runner = runner, .job = job, .began_us = g_get_monotonic_time() };
    run.stage_us = run.began_us;
    run.stages = g_string_new(NULL);
    run.trace = orf_trace_new(runner->meter, job->kind);
    g_mutex_init(&run.lock);
    job->user = &run;
    orf_series_observe(orf_series(runner->waits, NULL), job->waited_s, NULL);
    GError *why = NULL;
    char *result = make(&run, &why);
    job->user = NULL;
    count_run(&run, why);
    run_clear(&run);
    if (why)
        g_propagate_error(error, why);
    return result;
}

/* The engine's threads tell of progress, too. */
void
orf_runner_progress(OrfJobRun *job, const char *step, double fraction, void *data)
{
    (void)fraction, (void)data;
    Run *run = job->user;
    if (!run)
        return;
    g_mutex_lock(&run->lock);
    orf_trace_step(run->trace, step);
    g_mutex_unlock(&run->lock);
}
