/* run.c - what a run tells while it goes on: progress, stages, remarks.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "job/job-priv.h"

#include <math.h>
#include <string.h>

#define PROGRESS_US (50 * G_TIME_SPAN_MILLISECOND) /* between two progress events of a step */
#define BANDS 8
#define MAX_LOG 2000

/* --- Progress ----------------------------------------------------------------------------- */

/* With the lock held; takes what is told. */
static void
publish_all(OrfQueue *queue, OrfLiveWork *work, const char *type, OrfTold *told)
{
    for (guint i = 0; i < work->jobs->len; i++) {
        OrfLiveJob *job = work->jobs->pdata[i];
        if (job->joined)
            orf_publish(queue, job, type, told);
    }
    orf_told_unref(told);
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
    publish_all(queue, work, "progress", orf_told_progress(work->step, work->progress));
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
        orf_work_write(queue, work, &(OrfWriting){ .from = SIZE_MAX }, NULL);
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
    g_mutex_lock(&queue->lock);
    publish_all(queue, work_of(run), "log", orf_told_log(cut));
    g_mutex_unlock(&queue->lock);
    orf_deliver(queue);
}

/* --- Stages ------------------------------------------------------------------------------- */

/* Tells the jobs that take part; `news` NULL: they know the stage. With the lock held. */
static void
tell_stage(OrfQueue *queue, OrfLiveWork *work, const OrfStageRow *news, double progress)
{
    work->progress = MAX(work->progress, MIN(progress, work->ceiling));
    for (guint i = 0; i < work->jobs->len; i++) {
        OrfLiveJob *job = work->jobs->pdata[i];
        if (!job->joined)
            continue;
        job->row.progress = MAX(job->row.progress, work->progress);
        job->version++;
        orf_stages_unref(job->row.stages);
        job->row.stages = orf_stages_ref(work->stages);
        if (news)
            orf_publish_take(queue, job, "stage", orf_told_stage(news));
    }
}

/* A later attempt tells its stages again: they take the place of the old ones and are not
 * announced twice. */
static void
take_stage(OrfQueue *queue, OrfLiveWork *work, const OrfStageRow *stage)
{
    size_t at;
    g_mutex_lock(&queue->lock);
    OrfStages *stages = orf_stages_with(work->stages, stage, &at);
    bool known = at < orf_stages_n(work->stages);
    work->next_ceiling = MAX(work->next_ceiling, orf_progress_ceiling(stage->progress));
    g_mutex_unlock(&queue->lock);
    g_autoptr(GError) error = NULL;
    OrfWriting what = { .stages = stages, .from = at, .hook = known ? 0 : ORF_HOOK_STAGE };
    if (!orf_work_write(queue, work, &what, &error))
        orf_log_warning("a stage cannot be written, going on: %s", error->message);
    g_mutex_lock(&queue->lock);
    orf_stages_unref(work->stages);
    work->stages = stages;
    tell_stage(queue, work, known ? NULL : stage, stage->progress);
    g_mutex_unlock(&queue->lock);
    orf_deliver(queue);
}

void
orf_job_run_stage(OrfJobRun *run, const OrfStageRow *stage)
{
    OrfQueue *queue = run->private;
    OrfLiveWork *work = work_of(run);
    take_stage(queue, work, stage);
    g_mutex_lock(&queue->lock);
    bool first = !work->told_first;
    work->told_first = true;
    if (first && --work->batch->untold == 0)
        orf_batch_park(queue, work->batch);
    g_mutex_unlock(&queue->lock);
}
