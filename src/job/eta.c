/* eta.c - when will it be done? From what runs of the kind took, and the work ahead.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "job/job-priv.h"

#include <math.h>
#include <string.h>

#define MEASURE_US (100 * G_TIME_SPAN_MILLISECOND) /* between two looks at the whole line */
#define Z90 1.2816                                 /* of the normal distribution */

OrfPace *
orf_queue_pace(OrfQueue *queue, const char *kind, bool again)
{
    g_mutex_lock(&queue->lock);
    OrfPace *pace = g_hash_table_lookup(queue->paces, kind);
    g_mutex_unlock(&queue->lock);
    if (pace && !again)
        return pace;
    double p50, p90;
    uint64_t peak;
    if (!orf_durations(queue->store, kind, &p50, &p90, &peak))
        p50 = p90 = -1;
    g_mutex_lock(&queue->lock);
    pace = g_hash_table_lookup(queue->paces, kind);
    if (!pace) {
        pace = g_new(OrfPace, 1);
        g_hash_table_insert(queue->paces, g_strdup(kind), pace);
    }
    *pace = (OrfPace){ p50, p90 };
    g_mutex_unlock(&queue->lock);
    return pace;
}

/* Mean and spread of one place in line. */
static void
measure_line(OrfQueue *queue)
{
    int64_t now = orf_queue_now(queue);
    if (queue->line_measured && now - queue->line_measured < MEASURE_US)
        return;
    queue->line_measured = now;
    double p50 = 0, variance = 0;
    unsigned n = 0;
    GSequenceIter *at = g_sequence_get_begin_iter(queue->line);
    for (; !g_sequence_iter_is_end(at); at = g_sequence_iter_next(at)) {
        const OrfPace *pace = ((OrfLiveWork *)g_sequence_get(at))->pace;
        if (pace->p50 < 0)
            continue;
        double spread = (pace->p90 - pace->p50) / Z90;
        p50 += pace->p50;
        variance += spread * spread;
        n++;
    }
    queue->line_p50 = n ? p50 / n : 0;
    queue->line_spread = n ? sqrt(variance / n) : 0;
}

static double
elapsed(OrfQueue *queue, const OrfLiveWork *work)
{
    return (double)(orf_queue_now(queue) - work->begun - work->parked_us) / G_TIME_SPAN_SECOND;
}

/* What is left of a run: by what others took, once it takes longer by its own progress. */
static void
rest_of_run(OrfQueue *queue, const OrfLiveWork *work, double *ret_p50, double *ret_p90)
{
    const OrfPace *pace = work->pace;
    double so_far = elapsed(queue, work);
    double own = work->progress > 0.05 ? so_far * (1 - work->progress) / work->progress : -1;
    if (pace->p50 < 0) {
        *ret_p50 = own;
        *ret_p90 = own < 0 ? -1 : own * 2;
        return;
    }
    double left = pace->p50 - so_far;
    *ret_p50 = left > 0 ? left : MAX(0, MIN(own < 0 ? pace->p90 : own, pace->p90));
    *ret_p90 = MAX(pace->p90 - so_far, *ret_p50 * 1.5);
}

/* Seconds until the running works free a place, summed. */
static double
work_running(OrfQueue *queue)
{
    double sum = 0;
    for (guint i = 0; i < queue->running->len; i++) {
        double p50, p90;
        rest_of_run(queue, queue->running->pdata[i], &p50, &p90);
        sum += MAX(p50, 0);
    }
    return sum;
}

void
orf_queue_eta(OrfQueue *queue, OrfLiveJob *job, unsigned position, double *ret_p50,
              double *ret_p90)
{
    const OrfLiveWork *work = job->work;
    *ret_p50 = *ret_p90 = -1;
    if (!work || job->decided)
        return;
    if (work->state == ORF_WORK_RUNNING || work->state == ORF_WORK_SETTLING) {
        rest_of_run(queue, work, ret_p50, ret_p90);
        return;
    }
    if (work->pace->p50 < 0)
        return;
    measure_line(queue);
    double places = MAX(queue->limit, 1), wait = 0;
    if (position || queue->normal_used >= queue->limit)
        wait = (work_running(queue) + position * queue->line_p50) / places;
    double spread = Z90 * queue->line_spread * sqrt(position) / places;
    *ret_p50 = wait + work->pace->p50;
    *ret_p90 = wait + spread + work->pace->p90;
}
