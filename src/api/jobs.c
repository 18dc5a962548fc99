/* jobs.c - GET /api/v1/jobs, GET and DELETE /api/v1/jobs/{id}, POST /api/v1/jobs/{id}/cancel.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * A poll of a live job is answered on the transport's thread: from the version alone when the
 * client has it, else from the picture of that version. Only what must look at the disk goes to
 * the desk. */
#include "api/jobs-priv.h"

#include <string.h>

static const OrfArgument id_arguments[] = {
    { ORF_IN_PATH, ORF_TEXT("id", 0, 64, "", "The job.") },
    { 0 },
};

/* --- One job ------------------------------------------------------------------------------ */

static void
reply_job(OrfCall *call)
{
    const char *id = call->path_values[0];
    int wait = orf_call_prefer_wait(call);
    if (wait > 0)
        orf_call_reply_job_when_done(call, id, (unsigned)wait, false);
    else
        orf_call_reply_job(call, id, false);
}

static void
get_job(OrfCall *call)
{
    bool quick = orf_call_prefer_wait(call) <= 0 &&
                 orf_show_is_quick(call->api, call->who.tenant, call->path_values[0]);
    if (quick)
        reply_job(call);
    else
        orf_call_desk(call, reply_job);
}

const OrfEndpoint orf_endpoint_job = {
    .method = "GET",
    .path = "/api/v1/jobs/{id}",
    .name = "getJob",
    .group = "jobs",
    .summary = "How a job is doing",
    .help = "The whole job. Send the ETag back in If-None-Match and nothing new costs 304 and "
            "nothing else. "
            "Retry-After says when to ask again; `Prefer: wait=30` answers as soon as the job "
            "is over. Better: "
            "follow /events.",
    .permit = ORF_PERMIT_READ,
    .arguments = id_arguments,
    .answers =
        (const OrfAnswer[]){
            { 200, "application/json", "Job", "The job" },
            { 304, NULL, NULL, "Nothing has changed" },
            { 404, "application/problem+json", "Problem", "No job has this id" },
            { 410, "application/problem+json", "Problem", "job_expired" },
            { 0 },
        },
    .handle = get_job,
};

static void
cancel_job(OrfCall *call)
{
    g_autoptr(GError) error = NULL;
    const char *id = call->path_values[0];
    g_autoptr(OrfShown) shown = orf_call_show(call, id);
    if (!shown)
        return;
    if (orf_queue_cancel(call->api->options.queue, call->who.tenant, id, &error))
        orf_call_reply_job(call, id, false);
    else
        orf_call_error(call, error);
}

const OrfEndpoint orf_endpoint_job_cancel = {
    .method = "POST",
    .path = "/api/v1/jobs/{id}/cancel",
    .name = "cancelJob",
    .group = "jobs",
    .summary = "Cancel a job",
    .help = "The work stops within a second; finished stages stay. A job that shares the run "
            "of others only lets go of "
            "it. Cancelling what is over changes nothing and is no error.",
    .permit = ORF_PERMIT_CREATE,
    .desk = true,
    .arguments = id_arguments,
    .answers =
        (const OrfAnswer[]){
            { 200, "application/json", "Job", "The job as it is now" },
            { 404, "application/problem+json", "Problem", "No job has this id" },
            { 0 },
        },
    .handle = cancel_job,
};

static void
delete_job(OrfCall *call)
{
    g_autoptr(GError) error = NULL;
    const char *id = call->path_values[0];
    OrfApi *api = call->api;
    g_autoptr(OrfShown) shown = orf_call_show(call, id);
    if (!shown)
        return;
    bool deleted = orf_queue_delete(api->options.queue, call->who.tenant, id, &error);
    orf_show_forget(api, id);
    if (deleted)
        orf_call_reply(call, &(OrfReply){ .status = 204 });
    else
        orf_call_error(call, error);
}

const OrfEndpoint orf_endpoint_job_delete = {
    .method = "DELETE",
    .path = "/api/v1/jobs/{id}",
    .name = "deleteJob",
    .group = "jobs",
    .summary = "Erase a job and its files",
    .help = "At once: with files that no other job uses, what was made of them, its cached "
            "result and its messages. A job that still runs is cancelled first.",
    .permit = ORF_PERMIT_CREATE,
    .desk = true,
    .arguments = id_arguments,
    .answers =
        (const OrfAnswer[]){
            { 204, NULL, NULL, "It is gone" },
            { 404, "application/problem+json", "Problem", "No job has this id" },
            { 0 },
        },
    .handle = delete_job,
};

/* --- The list ----------------------------------------------------------------------------- */

static int
read_status(const char *name)
{
    for (int status = ORF_JOB_QUEUED; name && status <= ORF_JOB_EXPIRED; status++)
        if (strcmp(name, orf_job_status_name((OrfJobStatus)status)) == 0)
            return status;
    return -1;
}

/* Jobs that went away since the rows were read are left out. */
static void
append_jobs(OrfCall *call, GString *out, const GPtrArray *rows, size_t limit)
{
    const char *comma = "";
    for (size_t i = 0; i < MIN(rows->len, limit); i++) {
        const OrfJobRow *row = rows->pdata[i];
        g_autoptr(OrfShown) shown = orf_show_job(call->api, call->who.tenant, row->id, NULL);
        if (!shown)
            continue;
        size_t size;
        const char *json = g_bytes_get_data(shown->json, &size);
        g_string_append(out, comma);
        g_string_append_len(out, json, (gssize)size);
        comma = ",";
    }
}

/* Of a page that is not the last one. */
static const OrfJobRow *
last_of(const GPtrArray *rows, size_t limit)
{
    return rows->pdata[limit - 1];
}

/* "/api/v1/jobs?limit=20&cursor=ID"; caller owns. */
static char *
next_page(OrfCall *call, const GPtrArray *rows, size_t limit)
{
    if (rows->len <= limit)
        return NULL;
    const OrfJobRow *last = last_of(rows, limit);
    const char *status = orf_call_text(call, "status");
    bool any = !status || !*status;
    return g_strdup_printf("/api/v1/jobs?limit=%zu&cursor=%s%s%s", limit, last->id,
                           any ? "" : "&status=", any ? "" : status);
}

static void
reply_page(OrfCall *call, const GPtrArray *rows, size_t limit)
{
    g_autoptr(GString) list = g_string_sized_new(4096);
    g_autoptr(OrfJson) json = orf_json_new();
    g_autofree char *next = next_page(call, rows, limit);
    g_autofree char *link = next ? g_strdup_printf("<%s>; rel=\"next\"", next) : NULL;
    g_string_append_c(list, '[');
    append_jobs(call, list, rows, limit);
    g_string_append_c(list, ']');
    orf_json_begin_object(json, NULL);
    orf_json_add_raw(json, "jobs", list->str);
    orf_json_add_text(json, "next", next ? last_of(rows, limit)->id : NULL);
    orf_json_begin_object(json, "links");
    orf_json_add_text(json, "next", next);
    orf_json_end(json);
    orf_json_end(json);
    const char *const headers[] = { "Cache-Control", "private, no-cache", next ? "Link" : NULL,
                                    link, NULL };
    orf_call_reply_json(call, 200, headers, orf_json_steal(json));
}

static void
list_jobs(OrfCall *call)
{
    g_autoptr(GError) error = NULL;
    const char *cursor = orf_call_text(call, "cursor");
    size_t limit = (size_t)orf_call_int(call, "limit");
    g_autoptr(GPtrArray) rows = orf_queue_recent(
        call->api->options.queue, call->who.tenant, read_status(orf_call_text(call, "status")),
        cursor && *cursor ? cursor : NULL, (unsigned)limit + 1, &error);
    if (rows)
        reply_page(call, rows, limit);
    else
        orf_call_error(call, error);
}

const OrfEndpoint orf_endpoint_jobs = {
    .method = "GET",
    .path = "/api/v1/jobs",
    .name = "listJobs",
    .group = "jobs",
    .summary = "List jobs, newest first",
    .help = "`links.next` (and the Link header) is the address of the next page, null on the "
            "last one.",
    .permit = ORF_PERMIT_READ,
    .desk = true,
    .arguments =
        (const OrfArgument[]){
            { ORF_IN_QUERY,
              ORF_CHOICE("status", "|queued|running|succeeded|failed|canceled|expired", "",
                         "Only jobs in this state.") },
            { ORF_IN_QUERY, ORF_TEXT("cursor", 0, 64, "",
                                     "Only jobs older than this one; from `links.next`.") },
            { ORF_IN_QUERY, ORF_INT("limit", 1, 200, "50", "At most so many.") },
            { 0 },
        },
    .answers =
        (const OrfAnswer[]){
            { 200, "application/json", "JobList", "A page of jobs" },
            { 0 },
        },
    .handle = list_jobs,
};
