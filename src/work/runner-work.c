/* runner-work.c - the runner's share of the machine: batches, memory, how many at one time; its
 * metrics.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "work/work-priv.h"

#include <string.h>

#define MIB ((uint64_t)1 << 20)
#define MOST_BATCH 8

/* --- Metrics ------------------------------------------------------------------------------ */

static const double stage_buckets[] = { .01, .025, .05, .1, .25, .5, 1,   2,   3,
                                        5,   8,    13,  20, 30,  60, 120, 300, 0 };
static const double preview_buckets[] = { .05, .1, .2, .3, .4, .5, .75, 1, 2, 5, 0 };
static const double wait_buckets[] = { .005, .01, .025, .05, .1,  .25, .5,  1, 2.5,
                                       5,    10,  30,   60,  120, 300, 900, 0 };
static const double estimate_buckets[] = { .25, .5, .75, .9, 1, 1.1, 1.25, 1.5, 2, 4, 0 };
static const double batch_buckets[] = { 1, 2, 4, 8, 16, 32, 0 };

static const OrfMetricInfo jobs_info = { "orfeas_jobs_total", ORF_COUNTER,
                                         "Runs that ended, by operation and outcome.",
                                         "operation,generator,outcome,reason", NULL };
static const OrfMetricInfo stages_info = { "orfeas_stage_duration_seconds", ORF_HISTOGRAM,
                                           "Time one stage took, saving included.",
                                           "stage,operation,generator", stage_buckets };
static const OrfMetricInfo previews_info = { "orfeas_first_preview_seconds", ORF_HISTOGRAM,
                                             "From a job's acceptance to its first stage.",
                                             NULL, preview_buckets };
static const OrfMetricInfo waits_info = { "orfeas_queue_wait_seconds", ORF_HISTOGRAM,
                                          "From a job's acceptance to the start of a run.",
                                          NULL, wait_buckets };
static const OrfMetricInfo batches_info = { "orfeas_batch_size", ORF_HISTOGRAM,
                                            "Jobs run together.", NULL, batch_buckets };

static const OrfMetricInfo estimates_info = {
    "orfeas_memory_estimate_ratio", ORF_HISTOGRAM,
    "Peak memory of a run as a share of what was expected of its kind; over 1: too little.",
    NULL, estimate_buckets
};

/* By the names of the engine's steps, and what the runner adds. */
static const OrfAdvice advice[] = {
    { "look", "auto looks at the picture first; name the generator to skip it." },
    { "load", "Smaller pictures load faster; 2000 px on the longer side lose nothing." },
    { "prepare",
      "Loading and cutting out: send at most 2000 px on the longer side, or pictures "
      "with an alpha channel or a mask." },
    { "shape",
      "quality=draft makes a coarser mesh in a fraction of the time; upto=medium stops "
      "before the fine one." },
    { "dress", "A smaller texture-size bakes faster; texture=false leaves the colours out." },
    { "finished", "It proves that the model prints; upto=final leaves that to you." },
    { "carve", "quality=draft makes a coarser grid." },
    { "charts", "texture=false leaves out the unwrapping, for models that are only printed." },
    { "flatten", "texture=false leaves out the unwrapping, for models that are only printed." },
    { "pack", "texture=false leaves out the unwrapping, for models that are only printed." },
    { "save", "A smaller texture-size makes smaller files; look at the disk, too." },
};

/* --- Batches ------------------------------------------------------------------------------ */

typedef struct {
    OrfRunner *runner;
    OrfJobRun *job;
    OrfJobResult **ret_result;
    GError **ret_error;
} One;

static gpointer
run_one(gpointer data)
{
    One *one = data;
    *one->ret_result = orf_runner_run_one(one->runner, one->job, one->ret_error);
    return NULL;
}

/* Each job of a batch has a thread, and its share of the cores. */
static void
run_all(OrfJobRun *const *jobs, size_t n, OrfJobResult **ret_results, GError **ret_errors,
        void *data)
{
    OrfRunner *runner = data;
    GThread *threads[MOST_BATCH] = { 0 };
    One ones[MOST_BATCH];
    orf_series_observe(orf_series(runner->batches, NULL), (double)n, NULL);
    for (size_t begin = 0; begin < n; begin += MOST_BATCH) {
        size_t count = MIN(n - begin, MOST_BATCH);
        for (size_t i = 0; i < count; i++) {
            size_t at = begin + i;
            ones[i] = (One){ runner, jobs[at], &ret_results[at], &ret_errors[at] };
            orf_task_limit_cores(jobs[at]->task,
                                 orf_task_cores(jobs[at]->task) / (unsigned)count);
            if (i)
                threads[i] = g_thread_new("orfeas-run", run_one, &ones[i]);
        }
        run_one(&ones[0]);
        for (size_t i = 1; i < count; i++)
            g_thread_join(threads[i]);
    }
}

/* --- Memory ------------------------------------------------------------------------------- */

static uint64_t
reserve(const char *kind, const OrfJobRequest *request, void *data)
{
    OrfRunner *runner = data;
    uint64_t bytes = orf_devices_expect(runner->devices, kind, orf_runner_guess(request));
    runner->typical = bytes;
    return orf_devices_reserve(runner->devices, bytes);
}

static void
release(uint64_t ticket, const char *kind, size_t peak, double seconds, void *data)
{
    (void)seconds;
    OrfRunner *runner = data;
    if (ticket)
        orf_devices_release(runner->devices, ticket);
    if (!peak)
        return;
    uint64_t expected = orf_devices_expect(runner->devices, kind, 0);
    if (expected)
        orf_series_observe(orf_series(runner->estimates, NULL), (double)peak / (double)expected,
                           NULL);
    orf_devices_learn(runner->devices, kind, peak);
}

static unsigned
concurrency(uint64_t queued, void *data)
{
    OrfRunner *runner = data;
    return MAX(1, orf_devices_concurrency(runner->devices, queued, runner->typical));
}

static unsigned
batch(const char *kind, uint64_t queued, void *data)
{
    OrfRunner *runner = data;
    uint64_t typical = orf_devices_expect(runner->devices, kind, runner->typical);
    /* Each has a core at least: more at one time would only make every first stage later. */
    unsigned most = MIN(g_get_num_processors(), MOST_BATCH);
    return MAX(1, orf_devices_batch(runner->devices, queued, typical, most));
}

/* What has no recipe tells nothing before its end. */
static bool
early(const OrfJobRequest *request, void *data)
{
    (void)data;
    const OrfOperation *operation = orf_operation_by_name(request->operation);
    return operation && operation->recipe;
}

/* --- The runner --------------------------------------------------------------------------- */

OrfRunner *
orf_runner_new(OrfStore *store, OrfMeter *meter, OrfDevices *devices)
{
    OrfRunner *runner = g_new0(OrfRunner, 1);
    runner->store = store;
    runner->meter = meter;
    runner->devices = devices;
    runner->typical = 64 * MIB;
    runner->jobs = orf_metric(meter, &jobs_info);
    runner->stages = orf_metric(meter, &stages_info);
    runner->previews = orf_metric(meter, &previews_info);
    runner->waits = orf_metric(meter, &waits_info);
    runner->batches = orf_metric(meter, &batches_info);
    runner->estimates = orf_metric(meter, &estimates_info);
    orf_profile_set_advice(meter, advice, G_N_ELEMENTS(advice));
    return runner;
}

OrfWork
orf_runner_work(OrfRunner *runner, OrfDescribeFn describe)
{
    return (OrfWork){
        .run = run_all,
        .progress = orf_runner_progress,
        .reserve = reserve,
        .release = release,
        .concurrency = concurrency,
        .batch = batch,
        .early = early,
        .describe = describe,
        .data = runner,
    };
}

void
orf_runner_isolate(OrfRunner *runner, const OrfIsolation *isolation)
{
    runner->memory = isolation->memory;
    runner->supervisor = orf_supervisor_new(
        &(OrfSupervisorOptions){ .argv = isolation->argv, .limit_us = isolation->limit_us });
}

bool
orf_runner_isolation(OrfRunner *runner, OrfIsolationStats *ret)
{
    if (!runner->supervisor)
        return false;
    orf_supervisor_stats(runner->supervisor, ret);
    return true;
}

void
orf_runner_free(OrfRunner *runner)
{
    if (!runner)
        return;
    orf_supervisor_free(runner->supervisor);
    g_free(runner);
}
