/* replay.c - POST /api/v1/jobs/{id}/replay: the same wish again, run anew.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "api/endpoints.h"
#include "api/wish.h"

static OrfJobRequest *
request_of(OrfCall *call, const char *id, GError **error)
{
    g_auto(OrfJobView) view = { 0 };
    if (!orf_queue_look(call->api->options.queue, call->who.tenant, id, &view, error))
        return NULL;
    if (!view.row.request)
        return ORF_FAIL(error, NOT_FOUND, "the job %s has expired; send the picture again", id);
    return orf_job_request_ref(view.row.request);
}

/* Its pictures may have gone with it. */
static bool
check(OrfCall *call, OrfDraft *draft)
{
    if (orf_draft_check(draft))
        return true;
    OrfProblem why = orf_draft_problem(draft);
    orf_call_problem(call, &(OrfProblem){ .code = ORF_PROBLEM_JOB_EXPIRED,
                                          .detail = why.detail,
                                          .hint = "Send the pictures again." });
    return false;
}

static void
replay(OrfCall *call)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(OrfJobRequest) request = request_of(call, orf_call_text(call, "id"), &error);
    if (!request) {
        orf_call_error(call, error);
        return;
    }
    if (!orf_operation_by_name(request->operation)) {
        orf_call_problem(call,
                         &(OrfProblem){ .code = ORF_PROBLEM_JOB_EXPIRED,
                                        .detail = "This server no longer does what it asks.",
                                        .hint = "GET /api/v1/operations lists what it does." });
        return;
    }
    g_autoptr(OrfDraft) draft = orf_draft_new(call->api, call->who.tenant, request->operation);
    orf_draft_load(draft, request);
    orf_draft_set_no_cache(draft);
    OrfAccepted accepted = { 0 };
    if (check(call, draft) && orf_draft_submit(draft, call, &accepted, NULL))
        orf_call_reply_job(call, accepted.id, true);
    g_free(accepted.id);
}

const OrfEndpoint orf_endpoint_replay = {
    .method = "POST",
    .path = "/api/v1/jobs/{id}/replay",
    .name = "replayJob",
    .group = "jobs",
    .summary = "Run a job's wish again",
    .help =
        "The same pictures, parameters and seed as a new job, past the cache: equal results "
        "show that nothing has changed.",
    .permit = ORF_PERMIT_CREATE,
    .cost = 1,
    .desk = true,
    .arguments =
        (const OrfArgument[]){
            { ORF_IN_PATH, ORF_TEXT("id", 1, 64, "", "The job.") },
            { ORF_IN_HEADER,
              ORF_TEXT("Idempotency-Key", 1, 202, "", "The same key gives the same new job.") },
            { 0 },
        },
    .answers = (const OrfAnswer[]){ { 202, "application/json", "Job", "the new job" }, { 0 } },
    .handle = replay,
};
