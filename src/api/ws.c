/* ws.c - WS /api/v1/ws: the events of many jobs on one socket.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * What can be followed is a table of topics; what is said of a job are the objects of its
 * NDJSON stream. */
#include "api/jobs-priv.h"

/* --- The topic "job/ID" ------------------------------------------------------------------- */

static bool
find_job(OrfApi *api, const OrfIdentity *who, const char *id, GError **error)
{
    g_autoptr(OrfShown) shown = orf_show_job(api, who->tenant, id, error);
    return shown;
}

static bool
say(const char *text, size_t size, void *data)
{
    return orf_subscription_say(data, text, size);
}

static size_t
backlog(void *data)
{
    return orf_subscription_backlog(data);
}

static void
let_go(void *data)
{
    orf_subscription_let_go(data);
}

static void
end(void *data)
{
    orf_subscription_end(data);
}

static void *
follow_job(OrfApi *api, const OrfIdentity *who, const char *id, uint64_t after,
           OrfSubscription *subscription, GError **error)
{
    OrfFeedSink sink = { .send = say,
                         .backlog = backlog,
                         .last = let_go,
                         .end = end,
                         .data = subscription,
                         .bare = true };
    return orf_feed_new(api, who->tenant, id, after, &sink, error);
}

static void
stop(void *feed)
{
    orf_feed_stop(feed);
}

static void
unref(void *feed)
{
    orf_feed_unref(feed);
}

static const OrfTopic job_topic = {
    .name = "job",
    .missing = "No job has this id.",
    .permit = ORF_PERMIT_READ,
    .find = find_job,
    .open = follow_job,
    .stop = stop,
    .unref = unref,
};

/* --- The endpoint ------------------------------------------------------------------------- */

static const OrfTopic *const topics[] = { &job_topic, NULL };

static void
open_socket(OrfCall *call)
{
    orf_call_topics(call, topics);
}

const OrfEndpoint orf_endpoint_ws = {
    .method = "GET",
    .path = "/api/v1/ws",
    .name = "openSocket",
    .group = "jobs",
    .summary = "Follow many jobs on one WebSocket",
    .help = "Upgrades to a WebSocket (RFC 6455). Send "
            "`{\"type\":\"subscribe\",\"topic\":\"job/ID\",\"last_event_id\":N}`, "
            "`{\"type\":\"unsubscribe\",\"topic\":\"job/ID\"}` or `{\"type\":\"ping\"}`; "
            "`\"job\":ID` is short for the topic. The server sends the objects of the NDJSON "
            "stream, and `subscribed`, `unsubscribed`, `pong` and `problem`. Messages are "
            "answered in their order. One socket follows at most 256 things; a job that is "
            "over is let go by itself. Pages of other origins are refused.",
    .permit = ORF_PERMIT_READ,
    .answers =
        (const OrfAnswer[]){
            { 101, NULL, NULL, "The connection is a WebSocket from here on" },
            { 426, "application/problem+json", "Problem", "The request asks for no WebSocket" },
            { 0 },
        },
    .handle = open_socket,
};
