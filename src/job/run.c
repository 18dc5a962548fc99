/* run.c - what a run tells while it goes on: progress, stages, remarks.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "job/job-priv.h"

#include <jansson.h>
#include <math.h>
#include <string.h>

#define PROGRESS_US (50 * G_TIME_SPAN_MILLISECOND) /* between two progress events of a step */
#define BANDS 8
#define MAX_LOG 2000

/* --- Progress ----------------------------------------------------------------------------- */

static char *
progress_json(const OrfLiveWork *work)
{
    g_autoptr(GString) json = g_string_new("{\"stage\":");
    orf_json_string(json, work->step);
    g_string_append(json, ",\"progress\":");
    orf_json_number(json, work->progress);
    g_string_append_c(json, '}');
    return g_string_free(g_steal_pointer(&json), false);
}

/* With the lock held. */
static void
publish_all(OrfQueue *queue, OrfLiveWork *work, const char *type, const char *json)
{
    OrfText *text = orf_text_new(json);
    for (guint i = 0; i < work->jobs->len; i++) {
        OrfLiveJob *job = work->jobs->pdata[i];
        if (job->joined)
            orf_publish(queue, job, type, text);
    }
    orf_text_unref(text);
}

static void
advance(OrfQueue *queue, OrfLiveWork *work, const char *step, double fraction)
{
    bool changed = g_strcmp0(work->step, step) != 0;
    if (changed) {
        g_free(work->step);
        work->step = g_strdup(step);
    }
    work->progress = MAX(work->progress, MIN(fraction, work->ceiling));
    for (guint i = 0; i < work->jobs->len; i++) {
        OrfLiveJob *job = work->jobs->pdata[i];
        if (!job->joined)
            continue;
        job->row.progress = MAX(job->row.progress, work->progress);
        job->version++;
    }
    int64_t now = orf_queue_now(queue);
    if (!changed && now - work->told < PROGRESS_US)
        return;
    work->told = now;
    g_autofree char *json = progress_json(work);
    publish_all(queue, work, "progress", json);
}

double
orf_progress_ceiling(double progress)
{
    return MIN(1, (floor(progress * BANDS) + 1) / BANDS);
}

/* Progress must not fall, not even when the process dies: before more is told than the store
 * knows of, the store is told of all that can come for a while. */
static void
raise_ceiling(OrfQueue *queue, OrfLiveWork *work, double fraction)
{
    g_mutex_lock(&queue->lock);
    bool higher = fraction >= work->ceiling && work->ceiling < 1;
    if (higher)
        work->next_ceiling = MAX(work->next_ceiling, orf_progress_ceiling(fraction));
    g_mutex_unlock(&queue->lock);
    if (higher) /* when the store refuses, progress stands still */
        orf_work_write(queue, work, NULL, NULL, 0, NULL);
}

void
orf_work_progress(const char *step, double fraction, void *data)
{
    OrfLiveWork *work = data;
    OrfQueue *queue = work->run.private;
    raise_ceiling(queue, work, fraction);
    g_mutex_lock(&queue->lock);
    advance(queue, work, step, fraction);
    g_mutex_unlock(&queue->lock);
    orf_deliver(queue);
    if (queue->work.progress)
        queue->work.progress(&work->run, step, fraction, queue->work.data);
}

static OrfLiveWork *
work_of(OrfJobRun *run)
{
    return (OrfLiveWork *)(void *)((char *)run - G_STRUCT_OFFSET(OrfLiveWork, run));
}

void
orf_job_run_progress(OrfJobRun *run, const char *step, double fraction)
{
    orf_work_progress(step, fraction, work_of(run));
}

void
orf_job_run_log(OrfJobRun *run, const char *message)
{
    OrfQueue *queue = run->private;
    g_autofree char *cut = g_strndup(message, MAX_LOG);
    g_autoptr(GString) json = g_string_new("{\"message\":");
    orf_json_string(json, cut);
    g_string_append_c(json, '}');
    g_mutex_lock(&queue->lock);
    publish_all(queue, work_of(run), "log", json->str);
    g_mutex_unlock(&queue->lock);
    orf_deliver(queue);
}

/* --- Stages ------------------------------------------------------------------------------- */

static char *
name_of(const char *stage_json)
{
    json_t *stage = json_loads(stage_json, 0, NULL);
    const char *name = json_string_value(json_object_get(stage, "name"));
    char *copy = g_strdup(name ? name : "");
    json_decref(stage);
    return copy;
}

static bool
find_stage(const OrfLiveWork *work, const char *name, guint *ret_at)
{
    return g_ptr_array_find_with_equal_func(work->stage_ids, name, g_str_equal, ret_at);
}

/* "[{...},{...}]" with `extra` in its place; `at` beyond the last appends. */
static char *
join_stages(const OrfLiveWork *work, guint at, const char *extra)
{
    g_autoptr(GString) json = g_string_new("[");
    guint n = MAX(work->stages->len, at + 1);
    for (guint i = 0; i < n; i++) {
        g_string_append(json, i ? "," : "");
        g_string_append(json, i == at ? extra : work->stages->pdata[i]);
    }
    g_string_append_c(json, ']');
    return g_string_free(g_steal_pointer(&json), false);
}

static void
keep_stage(OrfLiveWork *work, guint at, const char *name, const char *stage_json)
{
    if (at < work->stages->len) {
        g_free(work->stages->pdata[at]);
        work->stages->pdata[at] = g_strdup(stage_json);
        return;
    }
    g_ptr_array_add(work->stages, g_strdup(stage_json));
    g_ptr_array_add(work->stage_ids, g_strdup(name));
}

void
orf_live_work_recall(OrfLiveWork *work, const char *result)
{
    g_autoptr(GPtrArray) stages = orf_result_stage_list(result);
    for (guint i = 0; i < stages->len; i++) {
        g_autofree char *name = name_of(stages->pdata[i]);
        keep_stage(work, i, name, stages->pdata[i]);
    }
    if (!stages->len)
        return;
    g_free(work->stages_json);
    work->stages_json = orf_result_stages(result);
}

static void
tell_stage(OrfQueue *queue, OrfLiveWork *work, const char *stage_json, double progress)
{
    work->progress = MAX(work->progress, MIN(progress, work->ceiling));
    for (guint i = 0; i < work->jobs->len; i++) {
        OrfLiveJob *job = work->jobs->pdata[i];
        if (!job->joined)
            continue;
        job->row.progress = MAX(job->row.progress, work->progress);
        job->version++;
        g_free(job->row.result);
        job->row.result = g_strdup_printf("{\"stages\":%s}", work->stages_json);
        if (stage_json)
            orf_publish_text(queue, job, "stage", stage_json);
    }
}

/* A later attempt tells its stages again: they take the place of the old ones and are not
 * announced twice. */
static void
take_stage(OrfQueue *queue, OrfLiveWork *work, const char *stage_json, double progress)
{
    g_autofree char *name = name_of(stage_json);
    guint at;
    g_mutex_lock(&queue->lock);
    bool known = find_stage(work, name, &at);
    if (!known)
        at = work->stages->len;
    g_autofree char *stages = join_stages(work, at, stage_json);
    work->next_ceiling = MAX(work->next_ceiling, orf_progress_ceiling(progress));
    g_mutex_unlock(&queue->lock);
    g_autoptr(GError) error = NULL;
    if (!orf_work_write(queue, work, NULL, stages, known ? 0 : ORF_HOOK_STAGE, &error))
        orf_log_warning("a stage cannot be written, going on: %s", error->message);
    g_mutex_lock(&queue->lock);
    keep_stage(work, at, name, stage_json);
    g_free(work->stages_json);
    work->stages_json = g_steal_pointer(&stages);
    tell_stage(queue, work, known ? NULL : stage_json, progress);
    g_mutex_unlock(&queue->lock);
    orf_deliver(queue);
}

void
orf_job_run_stage(OrfJobRun *run, const char *stage_json, double progress)
{
    OrfQueue *queue = run->private;
    OrfLiveWork *work = work_of(run);
    take_stage(queue, work, stage_json, progress);
    g_mutex_lock(&queue->lock);
    bool first = !work->told_first;
    work->told_first = true;
    if (first && --work->batch->untold == 0)
        orf_batch_park(queue, work->batch);
    g_mutex_unlock(&queue->lock);
}
