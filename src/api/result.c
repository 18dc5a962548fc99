/* result.c - GET /api/v1/jobs/{id}/result, /stages/{stage}, /view: what a job has made.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Stages are kept as GLB and sent straight from the file. Other formats are made when somebody
 * asks for them, once. */
#include "api/jobs-priv.h"
#include "engine/engine.h"

#include <string.h>

#define FOREVER "private, max-age=86400, immutable"

/* What the file will be called and how it is sent; the call's data. */
typedef struct {
    char *stem;
    const char *type, *extension, *how; /* static */
} Naming;

static void
naming_free(void *data)
{
    Naming *naming = data;
    g_free(naming->stem);
    g_free(naming);
}

static void
reply_named(OrfCall *call, const OrfDerived *made)
{
    const Naming *naming = call->data;
    OrfBlobAnswer answer = { .digest = made->digest,
                             .type = naming->type,
                             .how = naming->how,
                             .stem = naming->stem,
                             .extension = naming->extension,
                             .cache = FOREVER };
    orf_call_reply_blob(call, &answer, ORF_PROBLEM_JOB_EXPIRED);
}

static void
name_file(OrfCall *call, const OrfShown *shown, const char *stage, const char *how)
{
    Naming *naming = g_new0(Naming, 1);
    naming->stem = stage ? g_strdup_printf("%s-%s", shown->stem, stage) : g_strdup(shown->stem);
    naming->how = how;
    call->data = naming;
    call->free_data = naming_free;
}

/* --- Which stage -------------------------------------------------------------------------- */

static const OrfStageRow *
find_stage(const OrfShown *shown, const char *name)
{
    for (size_t i = 0; i < orf_stages_n(shown->stages); i++)
        if (strcmp(shown->stages->rows[i].name, name) == 0)
            return &shown->stages->rows[i];
    return NULL;
}

static bool
is_stage(const char *name)
{
    for (OrfStage stage = 0; stage < ORF_N_STAGES; stage++)
        if (strcmp(name, orf_stage_name(stage)) == 0)
            return true;
    return false;
}

static void
say_not_ready(OrfCall *call, const OrfShown *shown)
{
    g_autofree char *detail =
        g_strdup_printf("The job is %s.", orf_job_status_name(shown->status));
    orf_call_problem(call,
                     &(OrfProblem){ .code = ORF_PROBLEM_NOT_READY,
                                    .detail = detail,
                                    .hint = "Follow /events, or ask again after Retry-After.",
                                    .retry_after = MAX(shown->retry_after, 1) });
}

/* The job is over and has not made it. */
static void
say_never(OrfCall *call, const OrfShown *shown)
{
    if (shown->status == ORF_JOB_EXPIRED) {
        orf_call_problem(call,
                         &(OrfProblem){ .code = ORF_PROBLEM_JOB_EXPIRED,
                                        .detail = "The job's time was over before it was done.",
                                        .hint = "Send the picture again." });
        return;
    }
    g_autofree char *detail = g_strdup_printf(
        "The job %s%s%s", orf_job_status_name(shown->status),
        shown->error ? ": " : " and made no such stage.", shown->error ? shown->error : "");
    orf_call_problem(call,
                     &(OrfProblem){ .code = ORF_PROBLEM_NO_RESULT,
                                    .detail = detail,
                                    .hint = "Stages that were finished can be fetched." });
}

/* NULL: it has replied. */
static const OrfStageRow *
choose_stage(OrfCall *call, const OrfShown *shown, const char *name)
{
    bool over = orf_job_status_is_terminal(shown->status);
    bool succeeded = shown->status == ORF_JOB_SUCCEEDED;
    const OrfStageRow *last =
        succeeded && shown->stages ? &shown->stages->rows[shown->stages->n - 1] : NULL;
    const OrfStageRow *found = name ? find_stage(shown, name) : last;
    if (found)
        return found;
    if (name && !is_stage(name))
        orf_call_problem(call, &(OrfProblem){ .code = ORF_PROBLEM_NOT_FOUND,
                                              .detail = "No stage has this name.",
                                              .hint = "Stages are preview, medium, final "
                                                      "and finished." });
    else if (!over)
        say_not_ready(call, shown);
    else
        say_never(call, shown);
    return NULL;
}

/* --- The endpoints ------------------------------------------------------------------------ */

/* A picture, a report or a model of another format comes as what it is. */
static void
send_as_made(OrfCall *call, const OrfStageRow *stage)
{
    Naming *naming = call->data;
    OrfDerived made = { 0 };
    g_strlcpy(made.digest, stage->digest, sizeof made.digest);
    if (*stage->type) {
        naming->type = g_intern_string(stage->type);
        naming->extension = g_intern_string(stage->extension);
    }
    reply_named(call, &made);
}

static void
send_stage(OrfCall *call, const char *name)
{
    g_autoptr(OrfShown) shown = orf_call_show(call, call->path_values[0]);
    const OrfStageRow *stage = shown ? choose_stage(call, shown, name) : NULL;
    if (!stage)
        return;
    const char *format = orf_call_text(call, "format");
    name_file(call, shown, name, "attachment");
    Naming *naming = call->data;
    naming->type = orf_engine_file_type(format, &naming->extension);
    if (strcmp(format, "glb") == 0)
        send_as_made(call, stage);
    else
        orf_call_derive_as(call, stage->digest, format, reply_named);
}

static void
get_result(OrfCall *call)
{
    send_stage(call, NULL);
}

static void
get_stage(OrfCall *call)
{
    send_stage(call, call->path_values[1]);
}

/* The newest stage there is, unless one is named. */
static void
get_view(OrfCall *call)
{
    const char *name = orf_call_text(call, "stage");
    g_autoptr(OrfShown) shown = orf_call_show(call, call->path_values[0]);
    if (!shown)
        return;
    if ((!name || !*name) && shown->stages)
        name = shown->stages->rows[shown->stages->n - 1].name;
    const OrfStageRow *stage = choose_stage(call, shown, name && *name ? name : NULL);
    if (!stage)
        return;
    name_file(call, shown, NULL, "inline");
    ((Naming *)call->data)->type = "image/png";
    ((Naming *)call->data)->extension = "png";
    orf_call_derive_view(call, stage->digest, reply_named);
}

#define ID                                                                                     \
    {                                                                                          \
        ORF_IN_PATH, ORF_TEXT("id", 0, 64, "", "The job.")                                     \
    }
#define FORMAT                                                                                 \
    {                                                                                          \
        ORF_IN_QUERY,                                                                          \
            ORF_CHOICE(                                                                        \
                "format", orf_engine_formats + 1, "glb",                                       \
                "The file's format. An obj comes as a ZIP with its materials and pictures.")   \
    }

static const OrfArgument result_arguments[] = { ID, FORMAT, { 0 } };
static const OrfArgument stage_arguments[] = {
    ID,
    { ORF_IN_PATH, ORF_TEXT("stage", 0, 24, "", "preview, medium, final or finished.") },
    FORMAT,
    { 0 },
};
static const OrfArgument view_arguments[] = {
    ID,
    { ORF_IN_QUERY, ORF_CHOICE("stage", "|preview|medium|final|finished", "",
                               "Which stage; none: the newest there is.") },
    { ORF_IN_QUERY, ORF_VIEW_WIDTH },
    { 0 },
};

static const OrfAnswer file_answers[] = {
    { 200, "model/*", NULL, "The file, under its own media type" },
    { 200, "application/zip", NULL, "An obj with its materials and pictures" },
    { 206, "model/*", NULL, "The part of it that Range asks for" },
    { 206, "application/zip", NULL, "The same of an obj" },
    { 304, NULL, NULL, "The client has it" },
    { 409, "application/problem+json", "Problem",
      "not_ready: not made yet; no_result: the job ended without it" },
    { 410, "application/problem+json", "Problem", "job_expired: its files are gone" },
    { 416, "application/problem+json", "Problem", "The range lies outside the file" },
    { 0 },
};

#define FILE_HELP                                                                              \
    "A strong ETag, Range with If-Range for downloads that broke off, Content-Digest to "      \
    "check them, and a file "                                                                  \
    "name. Formats other than glb are made when they are first asked for, and kept as long "   \
    "as the job."

const OrfEndpoint orf_endpoint_job_result = {
    .method = "GET",
    .path = "/api/v1/jobs/{id}/result",
    .name = "getResult",
    .group = "jobs",
    .summary = "Download what a job made",
    .help = "The last stage of a job that succeeded. " FILE_HELP,
    .permit = ORF_PERMIT_READ,
    .desk = true,
    .arguments = result_arguments,
    .answers = file_answers,
    .handle = get_result,
};

const OrfEndpoint orf_endpoint_job_stage = {
    .method = "GET",
    .path = "/api/v1/jobs/{id}/stages/{stage}",
    .name = "getStage",
    .group = "jobs",
    .summary = "Download one stage",
    .help = "A stage can be fetched as soon as its event has come, also when the "
            "job failed or was cancelled later. " FILE_HELP,
    .permit = ORF_PERMIT_READ,
    .desk = true,
    .arguments = stage_arguments,
    .answers = file_answers,
    .handle = get_stage,
};

const OrfEndpoint orf_endpoint_job_view = {
    .method = "GET",
    .path = "/api/v1/jobs/{id}/view",
    .name = "viewJob",
    .group = "jobs",
    .summary = "See what a job made",
    .help =
        "A picture from the front, the side, above and three quarters, drawn by the server.",
    .permit = ORF_PERMIT_READ,
    .desk = true,
    .arguments = view_arguments,
    .answers =
        (const OrfAnswer[]){
            { 200, "image/png", NULL, "The picture" },
            { 304, NULL, NULL, "The client has it" },
            { 409, "application/problem+json", "Problem",
              "not_ready: no stage is finished yet" },
            { 0 },
        },
    .handle = get_view,
};
