/* result.c - what comes out of jobs: stages, results, errors. Values, shared by reference.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "job/job.h"

#include <string.h>

/* --- Stages ------------------------------------------------------------------------------- */

void
orf_stage_json(OrfJson *json, const OrfStageRow *stage, const char *name)
{
    orf_json_add_text(json, name, stage->name);
    orf_json_add_rounded(json, "progress", stage->progress, 4);
    orf_json_add_text(json, "sha256", stage->digest);
    orf_json_add_text(json, "type", *stage->type ? stage->type : NULL);
    orf_json_add_int(json, "bytes", (int64_t)stage->bytes);
    orf_json_add_int(json, "vertices", (int64_t)stage->vertices);
    orf_json_add_int(json, "triangles", (int64_t)stage->triangles);
    orf_json_add_number(json, "took_s", stage->took_s);
}

OrfStages *
orf_stages_new(const OrfStageRow *rows, size_t n)
{
    OrfStages *stages = g_malloc(sizeof *stages + n * sizeof *rows);
    g_atomic_ref_count_init(&stages->refs);
    stages->n = n;
    if (n)
        memcpy(stages->rows, rows, n * sizeof *rows);
    return stages;
}

OrfStages *
orf_stages_ref(OrfStages *stages)
{
    if (stages)
        g_atomic_ref_count_inc(&stages->refs);
    return stages;
}

void
orf_stages_unref(OrfStages *stages)
{
    if (stages && g_atomic_ref_count_dec(&stages->refs))
        g_free(stages);
}

size_t
orf_stages_n(const OrfStages *stages)
{
    return stages ? stages->n : 0;
}

OrfStages *
orf_stages_with(const OrfStages *stages, const OrfStageRow *stage, size_t *ret_at)
{
    size_t n = orf_stages_n(stages), at = 0;
    while (at < n && strcmp(stages->rows[at].name, stage->name) != 0)
        at++;
    g_autofree OrfStageRow *rows = g_new(OrfStageRow, n + 1);
    if (n)
        memcpy(rows, stages->rows, n * sizeof *rows);
    rows[at] = *stage;
    *ret_at = at;
    return orf_stages_new(rows, MAX(n, at + 1));
}

uint64_t
orf_stages_bytes(const OrfStages *stages)
{
    uint64_t bytes = 0;
    for (size_t i = 0; i < orf_stages_n(stages); i++)
        bytes += stages->rows[i].bytes;
    return bytes;
}

/* --- Results and errors ------------------------------------------------------------------- */

OrfJobResult *
orf_job_result_new(void)
{
    OrfJobResult *result = g_new0(OrfJobResult, 1);
    g_atomic_ref_count_init(&result->refs);
    return result;
}

OrfJobResult *
orf_job_result_ref(OrfJobResult *result)
{
    if (result)
        g_atomic_ref_count_inc(&result->refs);
    return result;
}

void
orf_job_result_unref(OrfJobResult *result)
{
    if (!result || !g_atomic_ref_count_dec(&result->refs))
        return;
    g_free(result->generator);
    g_free(result->reason);
    g_free(result->runner_up);
    g_free(result->runner_up_reason);
    g_free(result->measures);
    g_free(result->facts);
    g_strfreev(result->warnings);
    g_free(result->engine);
    g_free(result);
}

void
orf_job_error_clear(OrfJobError *error)
{
    g_free(error->code);
    g_free(error->message);
    *error = (OrfJobError){ 0 };
}

/* --- Rows --------------------------------------------------------------------------------- */

static const char *const names[] = {
    [ORF_JOB_QUEUED] = "queued",       [ORF_JOB_RUNNING] = "running",
    [ORF_JOB_SUCCEEDED] = "succeeded", [ORF_JOB_FAILED] = "failed",
    [ORF_JOB_CANCELED] = "canceled",   [ORF_JOB_EXPIRED] = "expired",
};

const char *
orf_job_status_name(OrfJobStatus status)
{
    return names[status];
}

bool
orf_job_status_is_terminal(OrfJobStatus status)
{
    return status >= ORF_JOB_SUCCEEDED;
}

void
orf_job_row_clear(OrfJobRow *row)
{
    g_free(row->id);
    g_free(row->tenant);
    g_free(row->kind);
    g_free(row->key);
    orf_job_request_unref(row->request);
    orf_stages_unref(row->stages);
    orf_job_result_unref(row->result);
    orf_job_error_clear(&row->error);
    g_free(row->leader);
    g_free(row->webhook_url);
    *row = (OrfJobRow){ 0 };
}

void
orf_job_row_free(OrfJobRow *row)
{
    if (!row)
        return;
    orf_job_row_clear(row);
    g_free(row);
}

OrfJobRow *
orf_job_row_copy(const OrfJobRow *row)
{
    OrfJobRow *copy = g_new(OrfJobRow, 1);
    *copy = *row;
    copy->id = g_strdup(row->id);
    copy->tenant = g_strdup(row->tenant);
    copy->kind = g_strdup(row->kind);
    copy->key = g_strdup(row->key);
    orf_job_request_ref(row->request);
    orf_stages_ref(row->stages);
    orf_job_result_ref(row->result);
    copy->error.code = g_strdup(row->error.code);
    copy->error.message = g_strdup(row->error.message);
    copy->leader = g_strdup(row->leader);
    copy->webhook_url = g_strdup(row->webhook_url);
    return copy;
}
