/* problem.c - what goes wrong, in one table (RFC 9457).
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * 429 is the caller's limit, 503 is ours. No answer names a path of the machine. */
#include "rest/rest-priv.h"

#include <string.h>

/* In order of status. The http room's own refusals (400, 413, 431, 503) are here for the
 * reference. */
static const OrfProblemKind table[ORF_N_PROBLEMS] = {
    [ORF_PROBLEM_INVALID_JSON] = { "invalid_json", 400, false, "The body is no JSON object" },
    [ORF_PROBLEM_INVALID_MULTIPART] = { "invalid_multipart", 400, false,
                                        "The multipart body is malformed" },
    [ORF_PROBLEM_REQUEST_REFUSED] = { "request_refused", 400, false,
                                      "The request is malformed" },
    [ORF_PROBLEM_INSUFFICIENT_SCOPE] = { "insufficient_scope", 403, false,
                                         "This is not permitted" },
    [ORF_PROBLEM_ORIGIN_NOT_ALLOWED] = { "origin_not_allowed", 403, false,
                                         "A page of another site may not do this" },
    [ORF_PROBLEM_NOT_FOUND] = { "not_found", 404, false, "There is no such thing" },
    [ORF_PROBLEM_METHOD_NOT_ALLOWED] = { "method_not_allowed", 405, false,
                                         "The resource does not know this method" },
    [ORF_PROBLEM_NOT_ACCEPTABLE] = { "not_acceptable", 406, false,
                                     "None of the forms asked for can be made" },
    [ORF_PROBLEM_CONFLICT] = { "conflict", 409, false, "The state of the resource forbids it" },
    [ORF_PROBLEM_NO_RESULT] = { "no_result", 409, false, "The job ended without it" },
    [ORF_PROBLEM_NOT_READY] = { "not_ready", 409, true, "The job has not come that far yet" },
    [ORF_PROBLEM_JOB_EXPIRED] = { "job_expired", 410, false, "The job's files are gone" },
    [ORF_PROBLEM_PRECONDITION_FAILED] = { "precondition_failed", 412, false,
                                          "The resource has changed" },
    [ORF_PROBLEM_BODY_TOO_LARGE] = { "body_too_large", 413, false, "The body is too large" },
    [ORF_PROBLEM_IMAGE_TOO_LARGE] = { "image_too_large", 413, false,
                                      "The picture is too large" },
    [ORF_PROBLEM_TOO_LARGE] = { "too_large", 413, false, "Over a limit" },
    [ORF_PROBLEM_UNSUPPORTED_MEDIA_TYPE] = { "unsupported_media_type", 415, false,
                                             "The body is of another kind" },
    [ORF_PROBLEM_UNSUPPORTED] = { "unsupported", 415, false, "This server cannot do it" },
    [ORF_PROBLEM_RANGE_NOT_SATISFIABLE] = { "range_not_satisfiable", 416, false,
                                            "The range lies outside the file" },
    [ORF_PROBLEM_HOST_NOT_ALLOWED] = { "host_not_allowed", 421, false,
                                       "The request names another host" },
    [ORF_PROBLEM_IDEMPOTENCY_CONFLICT] = { "idempotency_conflict", 422, false,
                                           "The key was used for something else" },
    [ORF_PROBLEM_IMAGE_UNDECODABLE] = { "image_undecodable", 422, false,
                                        "The picture cannot be read" },
    [ORF_PROBLEM_UPLOAD_UNKNOWN] = { "upload_unknown", 422, false,
                                     "No such picture was uploaded" },
    [ORF_PROBLEM_MESH_UNREADABLE] = { "mesh_unreadable", 422, false,
                                      "The model file cannot be read" },
    [ORF_PROBLEM_INVALID_PARAMS] = { "invalid_params", 422, false, "A parameter is wrong" },
    [ORF_PROBLEM_UPGRADE_REQUIRED] = { "upgrade_required", 426, false, "This is a WebSocket" },
    [ORF_PROBLEM_RATE_LIMITED] = { "rate_limited", 429, true, "Too many requests" },
    [ORF_PROBLEM_HEADERS_TOO_LARGE] = { "headers_too_large", 431, false,
                                        "The headers are too large" },
    [ORF_PROBLEM_CANCELED] = { "canceled", 499, false, "It was cancelled" },
    [ORF_PROBLEM_INTERNAL] = { "internal", 500, false, "A mistake in the server" },
    [ORF_PROBLEM_DRAINING] = { "draining", 503, true, "The server is about to stop" },
    [ORF_PROBLEM_MEMORY_FULL] = { "memory_full", 503, true, "The memory for bodies is full" },
    [ORF_PROBLEM_QUEUE_FULL] = { "queue_full", 503, true, "The queue is full" },
    [ORF_PROBLEM_SERVER_BUSY] = { "server_busy", 503, true, "Too much is waiting" },
    [ORF_PROBLEM_STORAGE_UNAVAILABLE] = { "storage_unavailable", 503, true,
                                          "Nothing can be stored" },
    [ORF_PROBLEM_UNAVAILABLE] = { "unavailable", 503, true,
                                  "Something the server needs is missing" },
    [ORF_PROBLEM_DEADLINE_EXCEEDED] = { "deadline_exceeded", 504, false,
                                        "The deadline passed" },
};

const OrfProblemKind *
orf_problem_kind(OrfProblemCode code)
{
    bool known = code > ORF_PROBLEM_NONE && code < ORF_N_PROBLEMS;
    return &table[known ? code : ORF_PROBLEM_INTERNAL];
}

OrfProblemCode
orf_problem_find(const char *name)
{
    for (OrfProblemCode code = ORF_PROBLEM_NONE + 1; code < ORF_N_PROBLEMS; code++)
        if (g_strcmp0(table[code].name, name) == 0)
            return code;
    return ORF_PROBLEM_NONE;
}

void
orf_problem_add_members(OrfJson *json, OrfProblemCode code)
{
    const OrfProblemKind *kind = orf_problem_kind(code);
    orf_json_add_text(json, "code", kind->name);
    orf_json_add_int(json, "status", kind->status);
    orf_json_add_text(json, "title", kind->title);
    orf_json_add_bool(json, "retryable", kind->retryable);
}

/* --- Errors of other rooms ---------------------------------------------------------------- */

OrfProblemCode
orf_problem_of(const GError *error)
{
    static const OrfProblemCode codes[ORF_N_ERRORS] = {
        [ORF_ERROR_BAD_INPUT] = ORF_PROBLEM_INVALID_PARAMS,
        [ORF_ERROR_UNSUPPORTED] = ORF_PROBLEM_UNSUPPORTED,
        [ORF_ERROR_NOT_FOUND] = ORF_PROBLEM_NOT_FOUND,
        [ORF_ERROR_DENIED] = ORF_PROBLEM_INSUFFICIENT_SCOPE,
        [ORF_ERROR_CONFLICT] = ORF_PROBLEM_CONFLICT,
        [ORF_ERROR_TOO_LARGE] = ORF_PROBLEM_TOO_LARGE,
        [ORF_ERROR_BUSY] = ORF_PROBLEM_QUEUE_FULL,
        [ORF_ERROR_CANCELLED] = ORF_PROBLEM_CANCELED,
        [ORF_ERROR_UNAVAILABLE] = ORF_PROBLEM_UNAVAILABLE,
        [ORF_ERROR_BUG] = ORF_PROBLEM_INTERNAL,
    };
    if (error->domain != ORF_ERROR || error->code < 0 || error->code >= ORF_N_ERRORS)
        return ORF_PROBLEM_INTERNAL;
    return codes[error->code];
}

/* Where in `text` a path of the machine begins: a slash that opens a word and is not the API's.
 */
static const char *
find_path(const char *text, const char *from)
{
    for (const char *at = from; (at = strchr(at, '/')); at++) {
        bool opens = at == text || strchr(" \"'(=:", at[-1]);
        bool goes_on = g_ascii_isalnum(at[1]) || at[1] == '.' || at[1] == '_';
        if (opens && goes_on && !g_str_has_prefix(at, "/api/"))
            return at;
    }
    return NULL;
}

char *
orf_problem_scrub(const char *text)
{
    GString *out = g_string_new(NULL);
    const char *rest = text, *path;
    while ((path = find_path(text, rest))) {
        g_string_append_len(out, rest, path - rest);
        g_string_append(out, "(file)");
        rest = path + strcspn(path, " \"');,:");
    }
    return g_string_free(g_string_append(out, rest), FALSE);
}

/* Faults of ours are told in the log; the client hears what it can do. */
static char *
message_of(const GError *error, OrfProblemCode code)
{
    if (code == ORF_PROBLEM_INTERNAL)
        return g_strdup("Something went wrong that should not; the server's log says more "
                        "under this trace_id.");
    return orf_problem_scrub(error->message);
}

void
orf_call_error_after(OrfCall *call, const GError *error, unsigned retry_after)
{
    OrfProblemCode code = orf_problem_of(error);
    g_autofree char *detail = message_of(error, code);
    if (orf_problem_kind(code)->status >= 500)
        orf_log_warning("%s %s: %s (trace %s)", orf_request_method(call->request),
                        orf_request_path(call->request), error->message, call->trace_id);
    orf_call_problem(
        call, &(OrfProblem){ .code = code, .detail = detail, .retry_after = retry_after });
}

void
orf_call_error(OrfCall *call, const GError *error)
{
    bool ours = orf_problem_kind(orf_problem_of(error))->status == 503;
    orf_call_error_after(call, error, ours ? 5 : 0);
}

char *
orf_problem_job_message(const GError *error, OrfProblemCode *ret_code)
{
    *ret_code = orf_problem_of(error);
    if (*ret_code != ORF_PROBLEM_INTERNAL)
        return orf_problem_scrub(error->message);
    orf_log_warning("a job failed: %s", error->message);
    return g_strdup("Something went wrong that should not; the server's log says more.");
}

/* --- The answer --------------------------------------------------------------------------- */

static void
add_given(OrfJson *json, const char *name, const char *text)
{
    if (text)
        orf_json_add_text(json, name, text);
}

static void
add_faults(OrfJson *json, const OrfProblem *problem)
{
    orf_json_begin_array(json, "errors");
    for (size_t i = 0; i < problem->n_faults; i++) {
        orf_json_begin_object(json, NULL);
        orf_json_add_text(json, "pointer", problem->faults[i].pointer);
        add_given(json, "detail", problem->faults[i].detail);
        orf_json_end(json);
    }
    orf_json_end(json);
}

static GBytes *
body_of(const OrfCall *call, const OrfProblem *problem, const OrfProblemKind *kind)
{
    char type[96];
    g_autoptr(OrfJson) json = orf_json_new();
    g_snprintf(type, sizeof type, "/api/v1/problems/%s", kind->name);
    orf_json_begin_object(json, NULL);
    orf_json_add_text(json, "type", type);
    orf_json_add_text(json, "title", kind->title);
    orf_json_add_int(json, "status", kind->status);
    add_given(json, "detail", problem->detail);
    orf_json_add_text(json, "instance", orf_request_path(call->request));
    orf_json_add_text(json, "code", kind->name);
    orf_json_add_bool(json, "retryable", kind->retryable);
    if (problem->retry_after)
        orf_json_add_int(json, "retry_after_s", problem->retry_after);
    orf_json_add_text(json, "trace_id", call->trace_id);
    add_faults(json, problem);
    add_given(json, "hint", problem->hint);
    if (call->endpoint && call->endpoint->problem)
        call->endpoint->problem(json, problem);
    orf_json_end(json);
    return orf_json_steal_bytes(json);
}

void
orf_call_problem_with(OrfCall *call, const OrfProblem *problem, const char *name,
                      const char *value)
{
    const OrfProblemKind *kind = orf_problem_kind(problem->code);
    g_autoptr(GBytes) body = body_of(call, problem, kind);
    char after[16];
    const char *headers[7] = { "Content-Type", "application/problem+json" };
    size_t n = 2;
    if (problem->retry_after) {
        g_snprintf(after, sizeof after, "%u", problem->retry_after);
        headers[n++] = "Retry-After";
        headers[n++] = after;
    }
    if (name) {
        headers[n++] = name;
        headers[n++] = value;
    }
    orf_call_reply(call, &(OrfReply){ kind->status, headers, body });
}

void
orf_call_problem(OrfCall *call, const OrfProblem *problem)
{
    orf_call_problem_with(call, problem, NULL, NULL);
}
