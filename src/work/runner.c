/* runner.c - stored jobs to assets: what the queue runs, seen from the server.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * The run happens in a runner process, or in this one; either way its inputs are opened here,
 * its stages are stored here before anybody hears of them, and its result is told here. */
#include "work/work-priv.h"

#include <string.h>
#include <unistd.h>

/* --- Stages ------------------------------------------------------------------------------- */

static double
seconds_since(int64_t then_us)
{
    return (double)(g_get_monotonic_time() - then_us) / G_USEC_PER_SEC;
}

static OrfStageRow
stage_row(const Run *run, const OrfMessage *stage)
{
    OrfStageRow row = { .progress = (double)(stage->stage + 1) / (double)ORF_N_STAGES,
                        .bytes = run->bytes,
                        .vertices = stage->vertices,
                        .triangles = stage->triangles,
                        .took_s = round(stage->took_s * 1e4) / 1e4 };
    g_strlcpy(row.name, orf_stage_name((OrfStage)stage->stage), sizeof row.name);
    g_strlcpy(row.digest, run->digest, sizeof row.digest);
    g_strlcpy(row.type, stage->media ? stage->media : "", sizeof row.type);
    g_strlcpy(row.extension, stage->extension ? stage->extension : "", sizeof row.extension);
    return row;
}

/* For metrics: "": nobody was chosen. */
static const char *
who_runs(const Run *run)
{
    const char *asked = run->request ? run->request->generator : NULL;
    return run->generator ? run->generator : asked ? asked : "";
}

static void
measure_stage(Run *run, const OrfMessage *stage)
{
    OrfRunner *runner = run->runner;
    orf_series_observe(orf_series(runner->stages, orf_stage_name((OrfStage)stage->stage),
                                  run->request->operation, who_runs(run), NULL),
                       stage->took_s, NULL);
    if (stage->stage == ORF_PREVIEW && run->job->attempt <= 1)
        orf_series_observe(orf_series(runner->previews, NULL),
                           run->job->waited_s + seconds_since(run->began_us), NULL);
}

static bool
take_stage(const OrfMessage *stage, GBytes *file, void *data, GError **error)
{
    Run *run = data;
    if (stage->stage >= ORF_N_STAGES || (!file && !run->bytes))
        return ORF_FALSE(error, BUG, "a run told of a stage that cannot be");
    g_mutex_lock(&run->lock);
    if (run->trace)
        orf_trace_step(run->trace, "save");
    g_mutex_unlock(&run->lock);
    if (file && !orf_blob_put(run->runner->store, file, run->digest, error))
        return false;
    if (file)
        run->bytes = g_bytes_get_size(file);
    g_free(run->generator);
    run->generator = g_strdup(stage->generator);
    OrfStageRow row = stage_row(run, stage);
    measure_stage(run, stage);
    /* Waits while jobs that have no stage yet go first. */
    orf_job_run_stage(run->job, &row);
    return true;
}

/* --- Result ------------------------------------------------------------------------------- */

static OrfJobResult *
result_of(const Run *run, const OrfMessage *told)
{
    OrfJobResult *result = orf_job_result_new();
    result->generator = g_strdup(told->generator);
    result->reason = g_strdup(told->reason);
    result->confidence = round(told->confidence * 100) / 100;
    result->runner_up = g_strdup(told->runner_up);
    result->runner_up_reason = g_strdup(told->runner_up_reason);
    result->seed = run->request->seed;
    result->measures = g_strdup(told->measures);
    result->facts = g_strdup(told->facts);
    result->warnings = g_strdupv(told->notes);
    result->took_s = round(seconds_since(run->began_us) * 1e4) / 1e4;
    result->peak_bytes = told->peak;
    result->engine = g_strdup(orf_version());
    return result;
}

/* --- Elsewhere ---------------------------------------------------------------------------- */

static void
tell_progress(const char *step, double fraction, void *data)
{
    orf_job_run_progress(((Run *)data)->job, step, fraction);
}

static void
tell_log(const char *text, void *data)
{
    orf_job_run_log(((Run *)data)->job, text);
}

static bool
open_inputs(OrfStore *store, OrfMessage *order, GError **error)
{
    for (char **digest = order->inputs; *digest; digest++) {
        uint64_t size;
        int fd = orf_blob_open(store, *digest, &size, error);
        if (fd < 0)
            return false;
        order->fds[order->n_fds++] = fd;
    }
    return true;
}

OrfMessage *
orf_runner_order(OrfRunner *runner, const OrfJobRequest *request, GError **error)
{
    g_autoptr(OrfMessage) order = orf_message_of_request(request, error);
    return order && open_inputs(runner->store, order, error) ? g_steal_pointer(&order) : NULL;
}

static OrfMessage *
run_elsewhere(Run *run, GError **error)
{
    OrfJobRun *job = run->job;
    g_autoptr(OrfMessage) order = orf_runner_order(run->runner, job->request, error),
                          failed = NULL;
    if (!order)
        return NULL;
    order->id = g_strdup(job->id);
    order->kind = g_strdup(job->kind);
    order->attempt = (uint64_t)job->attempt;
    order->cores = orf_task_cores(job->task);
    order->memory = run->runner->memory;
    OrfRideHost host = {
        .progress = tell_progress, .stage = take_stage, .log = tell_log, .data = run
    };
    OrfMessage *result =
        orf_supervisor_run(run->runner->supervisor, job->task, order, &host, &failed, error);
    const OrfMessage *last = result ? result : failed;
    if (last) {
        job->peak = last->peak;
        g_free(run->generator);
        run->generator = g_strdup(last->generator);
    }
    return result;
}

/* --- Here --------------------------------------------------------------------------------- */

static GBytes *
get_input(const char *digest, void *data, GError **error)
{
    return orf_blob_get(((Run *)data)->runner->store, digest, error);
}

static OrfMessage *
run_here(Run *run, GError **error)
{
    const char *generator = NULL;
    OrfMakeHost host = { .input = get_input, .stage = take_stage, .data = run };
    OrfMessage *result = orf_make(run->job->task, run->request, &host, &generator, error);
    g_free(run->generator);
    run->generator = g_strdup(generator);
    return result;
}

/* --- One run ------------------------------------------------------------------------------ */

static OrfJobResult *
make(Run *run, GError **error)
{
    run->request = run->job->request;
    if (!run->request)
        return ORF_FAIL(error, BAD_INPUT,
                        "the stored request is of another version; send the wish again");
    g_autoptr(OrfMessage) result =
        run->runner->supervisor ? run_elsewhere(run, error) : run_here(run, error);
    return result ? result_of(run, result) : NULL;
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
    const char *operation = run->request ? run->request->operation : "";
    int code = error && error->domain == ORF_ERROR ? error->code : ORF_ERROR_UNAVAILABLE;
    orf_series_add(orf_series(run->runner->jobs, operation, who_runs(run),
                              outcome_of(run->job, error),
                              error ? orf_error_info(code)->name : "", NULL),
                   1);
}

static void
run_clear(Run *run)
{
    g_clear_pointer(&run->trace, orf_trace_free);
    g_free(run->generator);
    g_mutex_clear(&run->lock);
}

OrfJobResult *
orf_runner_run_one(OrfRunner *runner, OrfJobRun *job, GError **error)
{
    Run run = { .runner = runner, .job = job, .began_us = g_get_monotonic_time() };
    run.trace = orf_trace_new(runner->meter, job->kind);
    g_mutex_init(&run.lock);
    job->user = &run;
    orf_series_observe(orf_series(runner->waits, NULL), job->waited_s, NULL);
    GError *why = NULL;
    OrfJobResult *result = make(&run, &why);
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
