/* problem.c - what goes wrong, in one table (RFC 9457).
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * 429 is the caller's limit, 503 is ours. No answer names a path of the machine. */
#include "rest/rest-priv.h"

#include <string.h>

typedef struct {
    const char *code;
    int status;
    bool retryable;
    const char *title;
} Row;

/* In order of status. The http room's own refusals (400, 413, 431, 503) are here for the
 * reference. */
static const Row table[] = {
    { "invalid_json", 400, false, "The body is no JSON object" },
    { "invalid_multipart", 400, false, "The multipart body is malformed" },
    { "request_refused", 400, false, "The request is malformed" },
    { "insufficient_scope", 403, false, "This is not permitted" },
    { "origin_not_allowed", 403, false, "A page of another site may not do this" },
    { "not_found", 404, false, "There is no such thing" },
    { "method_not_allowed", 405, false, "The resource does not know this method" },
    { "not_acceptable", 406, false, "None of the forms asked for can be made" },
    { "conflict", 409, false, "The state of the resource forbids it" },
    { "no_result", 409, false, "The job ended without it" },
    { "not_ready", 409, true, "The job has not come that far yet" },
    { "job_expired", 410, false, "The job's files are gone" },
    { "precondition_failed", 412, false, "The resource has changed" },
    { "body_too_large", 413, false, "The body is too large" },
    { "image_too_large", 413, false, "The picture is too large" },
    { "too_large", 413, false, "Over a limit" },
    { "unsupported_media_type", 415, false, "The body is of another kind" },
    { "unsupported", 415, false, "This server cannot do it" },
    { "range_not_satisfiable", 416, false, "The range lies outside the file" },
    { "host_not_allowed", 421, false, "The request names another host" },
    { "idempotency_conflict", 422, false, "The key was used for something else" },
    { "image_undecodable", 422, false, "The picture cannot be read" },
    { "upload_unknown", 422, false, "No such picture was uploaded" },
    { "mesh_unreadable", 422, false, "The model file cannot be read" },
    { "invalid_params", 422, false, "A parameter is wrong" },
    { "upgrade_required", 426, false, "This is a WebSocket" },
    { "rate_limited", 429, true, "Too many requests" },
    { "headers_too_large", 431, false, "The headers are too large" },
    { "canceled", 499, false, "It was cancelled" },
    { "internal", 500, false, "A mistake in the server" },
    { "draining", 503, true, "The server is about to stop" },
    { "memory_full", 503, true, "The memory for bodies is full" },
    { "queue_full", 503, true, "The queue is full" },
    { "server_busy", 503, true, "Too much is waiting" },
    { "storage_unavailable", 503, true, "Nothing can be stored" },
    { "unavailable", 503, true, "Something the server needs is missing" },
    { "deadline_exceeded", 504, false, "The deadline passed" },
};

const char *
orf_problem_code(size_t index, int *ret_status, const char **ret_title)
{
    if (index >= G_N_ELEMENTS(table))
        return NULL;
    if (ret_status)
        *ret_status = table[index].status;
    if (ret_title)
        *ret_title = table[index].title;
    return table[index].code;
}

static const Row *
find(const char *code)
{
    for (size_t i = 0; i < G_N_ELEMENTS(table); i++)
        if (strcmp(table[i].code, code) == 0)
            return &table[i];
    g_critical("api: no problem \"%s\" in problem.c", code);
    return find("internal");
}

bool
orf_problem_retryable(const char *code)
{
    return find(code)->retryable;
}

/* --- Errors of other rooms ---------------------------------------------------------------- */

static const char *
code_of(const GError *error)
{
    static const char *const codes[ORF_N_ERRORS] = {
        [ORF_ERROR_BAD_INPUT] = "invalid_params", [ORF_ERROR_UNSUPPORTED] = "unsupported",
        [ORF_ERROR_NOT_FOUND] = "not_found",      [ORF_ERROR_DENIED] = "insufficient_scope",
        [ORF_ERROR_CONFLICT] = "conflict",        [ORF_ERROR_TOO_LARGE] = "too_large",
        [ORF_ERROR_BUSY] = "queue_full",          [ORF_ERROR_CANCELLED] = "canceled",
        [ORF_ERROR_UNAVAILABLE] = "unavailable",  [ORF_ERROR_BUG] = "internal",
    };
    if (error->domain != ORF_ERROR || error->code < 0 || error->code >= ORF_N_ERRORS)
        return "internal";
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
message_of(const GError *error, const char *code)
{
    if (strcmp(code, "internal") == 0)
        return g_strdup("Something went wrong that should not; the server's log says more "
                        "under this trace_id.");
    return orf_problem_scrub(error->message);
}

void
orf_call_error(OrfCall *call, const GError *error)
{
    const char *code = code_of(error);
    g_autofree char *detail = message_of(error, code);
    if (find(code)->status >= 500)
        orf_log_warning("%s %s: %s (trace %s)", orf_request_method(call->request),
                        orf_request_path(call->request), error->message, call->trace_id);
    const OrfRestOptions *options = &call->rest->options;
    bool full = strcmp(code, "queue_full") == 0 && options->retry_after;
    unsigned after = full ? options->retry_after(call->api) : find(code)->status == 503 ? 5 : 0;
    orf_call_problem(call, &(OrfProblem){ code, detail, .retry_after = after });
}

char *
orf_problem_job_error(const GError *error, void *data)
{
    (void)data;
    const char *code = code_of(error);
    bool ours = strcmp(code, "internal") == 0;
    if (ours)
        orf_log_warning("a job failed: %s", error->message);
    g_autofree char *message =
        ours ? g_strdup("Something went wrong that should not; the server's log says more.")
             : orf_problem_scrub(error->message);
    GString *out = g_string_new("{\"code\":");
    orf_json_string(out, code);
    g_string_append(out, ",\"message\":");
    orf_json_string(out, message);
    g_string_append_printf(out, ",\"retryable\":%s}", find(code)->retryable ? "true" : "false");
    return g_string_free(out, FALSE);
}

/* --- The answer --------------------------------------------------------------------------- */

static void
append_member(GString *out, const char *name, const char *text)
{
    if (!text)
        return;
    g_string_append_printf(out, ",\"%s\":", name);
    orf_json_string(out, text);
}

static void
append_faults(GString *out, const OrfProblem *problem)
{
    g_string_append(out, ",\"errors\":[");
    for (size_t i = 0; i < problem->n_faults; i++) {
        g_string_append_printf(out, "%s{\"pointer\":", i ? "," : "");
        orf_json_string(out, problem->faults[i].pointer);
        append_member(out, "detail", problem->faults[i].detail);
        g_string_append_c(out, '}');
    }
    g_string_append_c(out, ']');
}

static GBytes *
body_of(const OrfCall *call, const OrfProblem *problem, const Row *row)
{
    GString *out = g_string_new("{\"type\":\"/api/v1/problems/");
    g_string_append_printf(out, "%s\",\"title\":", row->code);
    orf_json_string(out, row->title);
    g_string_append_printf(out, ",\"status\":%d", row->status);
    append_member(out, "detail", problem->detail);
    append_member(out, "instance", orf_request_path(call->request));
    append_member(out, "code", row->code);
    g_string_append_printf(out, ",\"retryable\":%s", row->retryable ? "true" : "false");
    if (problem->retry_after)
        g_string_append_printf(out, ",\"retry_after_s\":%u", problem->retry_after);
    append_member(out, "trace_id", call->trace_id);
    append_faults(out, problem);
    append_member(out, "hint", problem->hint);
    if (call->endpoint && call->endpoint->problem)
        call->endpoint->problem(out, problem);
    g_string_append_c(out, '}');
    return g_string_free_to_bytes(out);
}

void
orf_call_problem_with(OrfCall *call, const OrfProblem *problem, const char *name,
                      const char *value)
{
    const Row *row = find(problem->code);
    g_autoptr(GBytes) body = body_of(call, problem, row);
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
    orf_call_reply(call, &(OrfReply){ row->status, headers, body });
}

void
orf_call_problem(OrfCall *call, const OrfProblem *problem)
{
    orf_call_problem_with(call, problem, NULL, NULL);
}
