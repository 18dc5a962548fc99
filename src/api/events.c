/* events.c - GET /api/v1/jobs/{id}/events: a job's events as they happen, as server-sent events
 * or lines of JSON.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * A stream that breaks is resumed: the client says the last number it has seen (Last-Event-ID,
 * which browsers send by themselves) and gets what came after it. A client that reads too
 * slowly is closed and resumes the same way. */
#include "api/jobs-priv.h"

#include <string.h>

#define BACKLOG ((size_t)1 << 20) /* bytes unsent that close a stream */
#define RETRY "retry: 2000\n"

/* One stream; the call and the feed's sink hold it. */
typedef struct {
    OrfFollower follower;
    gatomicrefcount refs;
    OrfApi *api;
    OrfStream *stream; /* of the sink */
    OrfFeed *feed;     /* of the call; NULL: it never began */
    bool untold;       /* of SSE: when to come back, which goes with the first event */
    bool cancel;       /* a client that leaves cancels the job */
    _Atomic bool slow; /* it was we who closed */
} Streaming;

static void
streaming_unref(Streaming *streaming)
{
    if (g_atomic_ref_count_dec(&streaming->refs))
        g_free(streaming);
}

/* --- The sink ----------------------------------------------------------------------------- */

static bool
send_text(const char *text, size_t size, void *data)
{
    Streaming *streaming = data;
    if (orf_stream_backlog(streaming->stream) + size > BACKLOG)
        streaming->slow = true;
    /* Alone, or with a comment, it would be an event without data to some readers. */
    if (streaming->untold && text[0] != ':') {
        streaming->untold = false;
        if (!orf_stream_write(streaming->stream, RETRY, strlen(RETRY)))
            return false;
    }
    return orf_stream_write(streaming->stream, text, size);
}

static size_t
backlog(void *data)
{
    return orf_stream_backlog(((Streaming *)data)->stream);
}

static void
end(void *data)
{
    Streaming *streaming = data;
    orf_stream_end(g_steal_pointer(&streaming->stream));
    streaming_unref(streaming);
}

/* --- The client leaves -------------------------------------------------------------------- */

static void
gone(OrfFollower *self, OrfCall *call, bool early)
{
    (void)call;
    Streaming *streaming = (Streaming *)self;
    OrfFeed *feed = streaming->feed;
    if (feed) {
        if (early && streaming->cancel && !streaming->slow && !streaming->api->draining &&
            orf_feed_alone(feed))
            orf_feed_cancel_job(feed);
        orf_feed_stop(feed);
        orf_feed_unref(feed);
    }
    streaming_unref(streaming);
}

/* --- The stream --------------------------------------------------------------------------- */

static const char *const types[] = { "text/event-stream", "application/x-ndjson", NULL };

static bool
is_head(const OrfCall *call)
{
    return strcmp(orf_request_method(call->request), "HEAD") == 0;
}

static OrfStream *
open_stream(OrfCall *call, const OrfShown *shown, OrfFeedForm form)
{
    g_autofree char *location = g_strdup_printf("/api/v1/jobs/%s", shown->id);
    bool created = strcmp(orf_request_method(call->request), "POST") == 0;
    const char *const headers[] = {
        "Content-Type",
        types[form],
        "Cache-Control",
        "no-store",
        "X-Accel-Buffering",
        "no",
        created ? "Location" : NULL,
        location,
        NULL,
    };
    return orf_call_stream(call, headers, BACKLOG);
}

void
orf_call_stream_job(OrfCall *call, const char *id, uint64_t after, OrfFeedForm form,
                    bool cancel_when_gone)
{
    g_autoptr(OrfShown) shown = orf_call_show(call, id);
    if (!shown)
        return;
    bool seen_all = after && after >= shown->events;
    if (seen_all && orf_job_status_is_terminal(shown->status)) {
        orf_call_reply(call, &(OrfReply){ .status = 204 }); /* browsers stop asking */
        return;
    }
    if (is_head(call)) {
        const char *const headers[] = { "Content-Type", types[form], NULL };
        orf_call_reply(call, &(OrfReply){ .status = 200, .headers = headers });
        return;
    }
    Streaming *streaming = g_new0(Streaming, 1);
    streaming->follower.gone = gone;
    g_atomic_ref_count_init(&streaming->refs);
    g_atomic_ref_count_inc(&streaming->refs);
    streaming->api = call->api;
    streaming->cancel = cancel_when_gone;
    streaming->untold = form == ORF_FEED_SSE;
    streaming->stream = open_stream(call, shown, form);
    OrfFeedSink sink = { .send = send_text,
                         .backlog = backlog,
                         .end = end,
                         .data = streaming,
                         .sse = form == ORF_FEED_SSE };
    orf_call_follow(call, &streaming->follower);
    /* Deleted since we looked: the stream ends without a word. */
    streaming->feed = orf_feed_new(call->api, call->who.tenant, id, after, &sink, NULL);
}

/* --- The endpoint ------------------------------------------------------------------------- */

/* The number that the client saw last; false: it is none, and the call has its reply. */
static bool
read_after(OrfCall *call, uint64_t *ret_after)
{
    const char *text = orf_call_text(call, "last_event_id");
    if (!text || !*text)
        text = orf_request_header(call->request, "Last-Event-ID");
    *ret_after = 0;
    if (!text || !*text || g_ascii_string_to_unsigned(text, 10, 0, G_MAXINT64, ret_after, NULL))
        return true;
    const OrfFault fault = { "last_event_id", "it is no number of an event" };
    orf_call_problem(call, &(OrfProblem){ .code = ORF_PROBLEM_INVALID_PARAMS,
                                          .detail = "Last-Event-ID is not a number.",
                                          .hint = "Send the id of the last event, or nothing.",
                                          .faults = &fault,
                                          .n_faults = 1 });
    return false;
}

static void
stream_events(OrfCall *call)
{
    uint64_t after;
    int form = orf_call_accepts(call, types);
    if (form < 0) {
        orf_call_problem(call, &(OrfProblem){ .code = ORF_PROBLEM_NOT_ACCEPTABLE,
                                              .detail = "Events come as text/event-stream or "
                                                        "application/x-ndjson.",
                                              .hint = "Send Accept: text/event-stream." });
        return;
    }
    if (read_after(call, &after))
        orf_call_stream_job(call, call->path_values[0], after, (OrfFeedForm)form, false);
}

static void
follow(OrfCall *call)
{
    if (orf_show_is_quick(call->api, call->who.tenant, call->path_values[0]))
        stream_events(call);
    else
        orf_call_desk(call, stream_events);
}

static const OrfArgument arguments[] = {
    { ORF_IN_PATH, ORF_TEXT("id", 0, 64, "", "The job.") },
    { ORF_IN_QUERY,
      ORF_TEXT("last_event_id", 0, 20, "",
               "Only events after this number; for clients that cannot send headers.") },
    { ORF_IN_HEADER,
      ORF_TEXT("Last-Event-ID", 0, 20, "",
               "Only events after this number; browsers send it when they come back.") },
    { 0 },
};

const OrfEndpoint orf_endpoint_job_events = {
    .method = "GET",
    .path = "/api/v1/jobs/{id}/events",
    .name = "streamJobEvents",
    .group = "jobs",
    .summary = "Follow a job",
    .help = "Streams what happens to a job: `progress`, `stage`, `log`, and last `done` or "
            "`error` with the whole job. Each event has a number that rises; a client that "
            "comes back says the last one it saw and misses nothing. When too much has been "
            "missed, or nothing is remembered, a `snapshot` of the job comes first. "
            "`reconnect` says that the server stops and that the client should come back. A "
            "comment (NDJSON: a `heartbeat`) comes at least every 12 s. A client that has "
            "seen the last event gets 204.",
    .permit = ORF_PERMIT_READ,
    .arguments = arguments,
    .answers =
        (const OrfAnswer[]){
            { 200, "text/event-stream", NULL, "Server-sent events" },
            { 200, "application/x-ndjson", "JobEvent", "One JSON object a line" },
            { 204, NULL, NULL, "The client has seen the last event" },
            { 0 },
        },
    .handle = follow,
};
