/* create.c - pictures in, a job out: POST /api/v1/generate-3d, /generate,
 * /generate-progressive.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * The three take the same bodies and differ in what they answer when the client does not say:
 * the job, or its stages as they come. */
#include "api/endpoints.h"
#include "api/wish.h"

#include <string.h>

/* --- Answers ------------------------------------------------------------------------------ */

static const char *const streams_first[] = { "text/event-stream", "application/x-ndjson",
                                             "application/json", NULL };
static const char *const json_first[] = { "application/json", "text/event-stream",
                                          "application/x-ndjson", NULL };

typedef enum { FORM_NONE, FORM_JSON, FORM_SSE, FORM_NDJSON } Form;

/* What the client takes; when it takes anything, `streams` decides. */
static Form
form_of(const OrfCall *call, bool streams)
{
    const char *const *types = streams ? streams_first : json_first;
    int best = orf_call_accepts(call, types);
    if (best < 0)
        return FORM_NONE;
    return types[best][0] == 't'                     ? FORM_SSE
           : g_str_equal(types[best], json_first[0]) ? FORM_JSON
                                                     : FORM_NDJSON;
}

void
orf_call_reply_accepted(OrfCall *call, const char *id, bool cancels)
{
    int wait = orf_call_prefer_wait(call);
    if (wait > 0) {
        orf_call_reply_job_when_done(call, id, (unsigned)wait, cancels);
        return;
    }
    orf_call_reply_job(call, id, true);
}

static void
answer(OrfCall *call, Form form, const char *id, bool cancels)
{
    bool async = orf_call_prefer_wait(call) == 0;
    if (form == FORM_JSON || async)
        orf_call_reply_accepted(call, id, cancels);
    else
        orf_call_stream_job(call, id, 0, form == FORM_SSE ? ORF_FEED_SSE : ORF_FEED_NDJSON,
                            cancels);
}

/* --- A trial: what would happen, without doing it ----------------------------------------- */

static void
append_eta(GString *json, OrfQueue *queue, const char *kind)
{
    double p50, p90;
    g_string_append(json, ",\"eta_s\":");
    if (!orf_queue_durations(queue, kind, &p50, &p90)) {
        g_string_append(json, "null");
        return;
    }
    g_string_append_printf(json, "{\"p50\":%.3f,\"p90\":%.3f}", p50, p90);
}

static void
reply_trial(OrfCall *call, OrfDraft *draft)
{
    if (!orf_draft_check(draft)) {
        OrfProblem problem = orf_draft_problem(draft);
        orf_call_problem(call, &problem);
        return;
    }
    OrfWish wish;
    orf_draft_wish(draft, &wish);
    const OrfApiOptions *options = &call->api->options;
    uint64_t memory = orf_runner_guess(wish.request);
    if (options->devices)
        memory = orf_devices_expect(options->devices, wish.kind, memory);
    GString *json = g_string_new("{\"dry_run\":true,\"kind\":");
    orf_json_string(json, wish.kind);
    g_string_append_printf(json, ",\"recipe\":\"%s\",\"memory_bytes\":%" G_GUINT64_FORMAT,
                           wish.key, memory);
    append_eta(json, options->queue, wish.kind);
    g_autofree char *request = orf_job_request_json(wish.request);
    g_string_append_printf(json, ",\"request\":%s}", request);
    orf_call_reply_json(call, 200, NULL, g_string_free(json, FALSE));
}

/* --- The endpoints ------------------------------------------------------------------------ */

/* `by_mode`: mode=progressive streams unasked. */
static void
create(OrfCall *call, const char *default_mode, bool by_mode)
{
    g_autoptr(OrfDraft) draft = orf_intake_finish(call, default_mode);
    if (!draft)
        return;
    if (g_strcmp0(orf_call_text(call, "dry_run"), "true") == 0) {
        reply_trial(call, draft);
        return;
    }
    bool streams = by_mode && g_str_equal(orf_draft_mode(draft), "progressive");
    Form form = form_of(call, streams);
    if (form == FORM_NONE) {
        orf_call_problem(call, &(OrfProblem){ .code = ORF_PROBLEM_NOT_ACCEPTABLE,
                                              .detail = "this answers application/json, "
                                                        "text/event-stream or "
                                                        "application/x-ndjson" });
        return;
    }
    OrfAccepted accepted = { 0 };
    bool cancels;
    if (orf_draft_submit(draft, call, &accepted, &cancels))
        answer(call, form, accepted.id, cancels);
    g_free(accepted.id);
}

static void
create_standard(OrfCall *call)
{
    create(call, "standard", false);
}

static void
create_by_mode(OrfCall *call)
{
    create(call, "standard", true);
}

static void
create_progressive(OrfCall *call)
{
    create(call, "progressive", true);
}

static const OrfArgument arguments[] = {
    { ORF_IN_QUERY,
      ORF_BOOL("dry_run", "false",
               "Only say what would be done: the parameters that count, time, memory.") },
    { ORF_IN_HEADER,
      ORF_TEXT(
          "Idempotency-Key", 1, 202, "",
          "The same key and wish give the same job for 24 hours, however often it is sent.") },
    { ORF_IN_HEADER,
      ORF_TEXT("Prefer", 0, 1000, "",
               "wait=N (at most 60): answer when the job is over or after N seconds; "
               "respond-async: at once.") },
    { ORF_IN_HEADER,
      ORF_TEXT("Cache-Control", 0, 1000, "",
               "no-cache runs the job although the result of an equal one is known.") },
    { 0 },
};

static const OrfBodyKind forms[] = { { "multipart/form-data", "WishForm" },
                                     { "application/json", "Wish", .also = true },
                                     { 0 } };
static const OrfBodyKind objects[] = { { "application/json", "Wish" },
                                       { "multipart/form-data", "WishForm", .also = true },
                                       { 0 } };

static const OrfAnswer job_answers[] = {
    { 200, "application/json", "JobOrTrial",
      "the job is over (Prefer: wait, or its result is known)" },
    { 202, "application/json", "Job", "the job is queued; Location says where to ask" },
    { 0 },
};

static const OrfAnswer mode_answers[] = {
    { 200, "application/json", "JobOrTrial",
      "the job is over (Prefer: wait, or its result is known)" },
    { 200, "text/event-stream", NULL, "the events, with mode=progressive or by Accept" },
    { 200, "application/x-ndjson", NULL, "the same events, one a line, by Accept" },
    { 202, "application/json", "Job", "the job is queued; Location says where to ask" },
    { 0 },
};

static const OrfAnswer stream_answers[] = {
    { 200, "text/event-stream", NULL,
      "snapshot, progress, stage, log, and at last done or error" },
    { 200, "application/x-ndjson", NULL, "the same objects, one a line, with event and seq" },
    { 200, "application/json", "JobOrTrial", "the job is over, or what would be done" },
    { 202, "application/json", "Job", "the job is queued (Prefer: respond-async, or Accept)" },
    { 0 },
};

#define WISH_HELP                                                                                                          \
    "Multipart: the pictures as image or images (or front, right, back, left), a mask, "                                   \
    "params as one JSON object, every other part a parameter under its table name. JSON: "                                 \
    "image_b64, upload_id or images, and parameters. All three paths take both; this description gives each one. Unknown " \
    "parameters are errors."

const OrfEndpoint orf_endpoint_generate_3d = {
    .method = "POST",
    .path = "/api/v1/generate-3d",
    .name = "generate3d",
    .group = "generate",
    .summary = "Make a printable model of pictures",
    .help = "Answers with the job at once, or when it is over (Prefer: wait=N). " WISH_HELP,
    .permit = ORF_PERMIT_CREATE,
    .cost = 1,
    .desk = true,
    .arguments = arguments,
    .bodies = forms,
    .answers = job_answers,
    .begin = orf_wish_begin,
    .handle = create_standard,
};

const OrfEndpoint orf_endpoint_generate = {
    .method = "POST",
    .path = "/api/v1/generate",
    .name = "generateByMode",
    .group = "generate",
    .summary = "The same, by mode",
    .help = "mode=preview stops after the first stage, standard makes all four, progressive "
            "streams them. " WISH_HELP,
    .permit = ORF_PERMIT_CREATE,
    .cost = 1,
    .desk = true,
    .arguments = arguments,
    .bodies = objects,
    .answers = mode_answers,
    .begin = orf_wish_begin,
    .handle = create_by_mode,
};

const OrfEndpoint orf_endpoint_generate_progressive = {
    .method = "POST",
    .path = "/api/v1/generate-progressive",
    .name = "generateProgressive",
    .group = "generate",
    .summary = "The same, stage by stage",
    .help = "Accept chooses: text/event-stream (resumable at the job's events), "
            "application/x-ndjson, or application/json for the job. A client that leaves the "
            "stream cancels the job unless it said client_gone=keep. " WISH_HELP,
    .permit = ORF_PERMIT_CREATE,
    .cost = 1,
    .desk = true,
    .arguments = arguments,
    .bodies = forms,
    .answers = stream_answers,
    .begin = orf_wish_begin,
    .handle = create_progressive,
};
