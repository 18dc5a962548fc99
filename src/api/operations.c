/* operations.c - /api/v1/operations: everything that can be done, each by its row of the
 * engine's table.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * What takes a second or more becomes a job; the rest is answered at once, from what was made
 * before when somebody asked for the same. Which it is the row says, and how large the inputs
 * are. */
#include "api/endpoints.h"
#include "api/file-rows.h"
#include "api/jobs-priv.h"
#include "api/wish.h"

#include <string.h>

#define KEEP "private, max-age=86400, immutable" /* it is named by what it was made of */

OrfDocument *
orf_operations_document(void)
{
    return orf_document_take(orf_operations_json(), "application/json");
}

static void
list(OrfCall *call)
{
    orf_call_reply_document(call, call->api->parts->operations, NULL);
}

/* --- Inputs ------------------------------------------------------------------------------- */

/* A blob of this client's, and what it is called. */
typedef struct {
    char *digest, *name;
} Found;

static void
found_clear(Found *found)
{
    g_free(found->digest);
    g_free(found->name);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Found, found_clear)

static void
find_file(OrfCall *call, const char *id, Found *ret)
{
    g_autoptr(OrfFileRow) row = orf_file_row_get(call->api->options.store, call->who.tenant, id,
                                                 g_get_real_time(), NULL);
    if (!row)
        return;
    ret->digest = g_strdup(row->digest);
    ret->name = g_strdup(row->name);
}

/* The named stage, or the last there is. */
static void
find_stage(OrfCall *call, const char *id, const char *name, Found *ret)
{
    g_autoptr(OrfShown) shown = orf_show_job(call->api, call->who.tenant, id, NULL);
    for (size_t i = shown ? orf_stages_n(shown->stages) : 0; i-- > 0;) {
        const OrfStageRow *stage = &shown->stages->rows[i];
        if (name && !g_str_equal(stage->name, name))
            continue;
        ret->digest = g_strdup(stage->digest);
        ret->name = g_strdup_printf("%s.%s", shown->stem, stage->extension);
        return;
    }
}

static void
find_input(OrfCall *call, const json_t *input, Found *ret)
{
    const char *job = json_string_value(json_object_get(input, "job"));
    const char *stage = json_string_value(json_object_get(input, "stage"));
    const char *mesh = json_string_value(json_object_get(input, "mesh"));
    const char *upload = json_string_value(json_object_get(input, "upload"));
    if (json_object_size(input) != (stage ? 2u : 1u) || (stage && !job))
        return;
    if (job)
        find_stage(call, job, stage, ret);
    else if (mesh || upload)
        find_file(call, mesh ? mesh : upload, ret);
}

static void
read_inputs(OrfCall *call, OrfDraft *draft, const json_t *inputs)
{
    size_t i, most = orf_draft_operation(draft)->most;
    json_t *input;
    if (!json_is_array(inputs) || json_array_size(inputs) > most) {
        orf_draft_fault(draft, ORF_PROBLEM_INVALID_PARAMS, "#/inputs",
                        "inputs is a list of at most %zu", most);
        return;
    }
    json_array_foreach((json_t *)inputs, i, input)
    {
        g_auto(Found) found = { 0 };
        g_autofree char *pointer = g_strdup_printf("#/inputs/%zu", i);
        find_input(call, input, &found);
        if (found.digest)
            orf_draft_add_picture(draft, pointer, found.digest, found.name);
        else
            orf_draft_fault(draft, ORF_PROBLEM_INVALID_PARAMS, pointer,
                            "an input is {\"mesh\":ID}, {\"job\":ID,\"stage\":NAME} or "
                            "{\"upload\":ID} of what is here");
    }
}

/* NULL: it has replied. */
static OrfDraft *
read_draft(OrfCall *call, json_t *body)
{
    const char *name = orf_call_text(call, "name");
    if (!orf_operation_by_name(name)) {
        orf_call_problem(call, &(OrfProblem){ .code = ORF_PROBLEM_NOT_FOUND,
                                              .detail = "There is no such operation.",
                                              .hint = "GET /api/v1/operations lists them." });
        return NULL;
    }
    g_autoptr(OrfDraft) draft = orf_draft_new(call->api, call->who.tenant, name);
    json_t *inputs = json_object_get(body, "inputs");
    if (inputs && !json_is_null(inputs))
        read_inputs(call, draft, inputs);
    json_object_del(body, "inputs");
    orf_intake_json(draft, body);
    if (orf_draft_check(draft))
        return g_steal_pointer(&draft);
    OrfProblem problem = orf_draft_problem(draft);
    orf_call_problem(call, &problem);
    return NULL;
}

/* --- Doing it ----------------------------------------------------------------------------- */

static void
reply_made(OrfCall *call, const OrfDerived *made)
{
    const OrfOperation *operation = call->data;
    OrfBlobAnswer answer = { .digest = made->digest,
                             .type = made->type,
                             .how =
                                 operation->makes == ORF_MAKES_FACTS ? "inline" : "attachment",
                             .stem = operation->name,
                             .extension = made->extension,
                             .cache = KEEP };
    orf_call_reply_blob(call, &answer, ORF_PROBLEM_NOT_FOUND);
}

static void
make_now(OrfCall *call, OrfDraft *draft)
{
    call->data = (void *)(uintptr_t)orf_draft_operation(draft); /* static */
    orf_call_derive_request(call, orf_draft_check(draft), reply_made);
}

static void
make_later(OrfCall *call, OrfDraft *draft)
{
    bool cancels;
    OrfAccepted accepted = { 0 };
    if (orf_call_charge(call, 1) && orf_draft_submit(draft, call, &accepted, &cancels))
        orf_call_reply_accepted(call, accepted.id, cancels);
    g_free(accepted.id);
}

static void
operate(OrfCall *call)
{
    json_t *body = orf_call_json_body(call);
    if (!body)
        return;
    g_autoptr(OrfDraft) draft = read_draft(call, body);
    json_decref(body);
    /* What is made at once is kept with its first input. */
    bool later = orf_call_prefer_wait(call) == 0 || (draft && !orf_draft_n_pictures(draft));
    if (draft && (later || orf_draft_is_heavy(draft)))
        make_later(call, draft);
    else if (draft)
        make_now(call, draft);
}

/* --- The endpoints ------------------------------------------------------------------------ */

const OrfEndpoint orf_endpoint_operations = {
    .method = "GET",
    .path = "/api/v1/operations",
    .name = "listOperations",
    .group = "tools",
    .summary = "Everything that can be done",
    .help = "Each with its parameters, what it takes and what it makes.",
    .safe = true,
    .permit = ORF_PERMIT_READ,
    .answers =
        (const OrfAnswer[]){
            { 200, "application/json", "Operations", "The table" },
            { 304, NULL, NULL, "The client has it" },
            { 0 },
        },
    .handle = list,
};

const OrfEndpoint orf_endpoint_operate = {
    .method = "POST",
    .path = "/api/v1/operations/{name}",
    .name = "operate",
    .group = "tools",
    .summary = "Do one of them",
    .help =
        "`{\"inputs\":[{\"mesh\":ID}],\"parameters\":{...}}`; inputs are meshes, stages of "
        "jobs or uploaded pictures. What takes a second or more becomes a job, and so does "
        "everything with `Prefer: respond-async`; the rest is answered at once with the "
        "file, or with what was found out as JSON. The same order gives the same file, made "
        "once. Beside inputs and parameters a job's `priority`, `deadline`, `webhook` and "
        "`client_gone` are taken, as for generate.",
    .permit = ORF_PERMIT_CREATE,
    .desk = true,
    .arguments =
        (const OrfArgument[]){
            { ORF_IN_PATH, ORF_TEXT("name", 1, 64, "", "Its name in the table.") },
            { ORF_IN_HEADER,
              ORF_TEXT("Idempotency-Key", 1, 202, "",
                       "The same key and order give the same job for 24 hours.") },
            { ORF_IN_HEADER,
              ORF_TEXT("Prefer", 0, 1000, "",
                       "wait=N (at most 60): a job is answered when it is over or after N "
                       "seconds; respond-async: make a job of it in any case.") },
            { ORF_IN_HEADER,
              ORF_TEXT("Cache-Control", 0, 1000, "",
                       "no-cache runs the job although the result of an equal one is known.") },
            { 0 },
        },
    .bodies = (const OrfBodyKind[]){ { "application/json", "OperationOrder" }, { 0 } },
    .answers =
        (const OrfAnswer[]){
            { 200, "application/json", "OperationFacts", "What was found out" },
            { 200, "model/*", NULL, "The file, under its own media type" },
            { 200, "image/png", NULL, "The picture" },
            { 200, "application/zip", NULL, "An obj with its materials and pictures" },
            { 202, "application/json", "Job", "The job is queued" },
            { 404, "application/problem+json", "Problem", "There is no such operation" },
            { 422, "application/problem+json", "Problem", "invalid_params, mesh_unreadable" },
            { 0 },
        },
    .handle = operate,
};
