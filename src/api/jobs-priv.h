/* jobs-priv.h - what the endpoints of jobs, results, streams and meshes share.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ORF_API_JOBS_PRIV_H
#define ORF_API_JOBS_PRIV_H

#include "api/api-priv.h"

/* --- Words: job-json.c. Pure -------------------------------------------------------------- */

/* An event's data: {"job","seq","time",...}, with "event" in front when `named`. `job` is the
 * job object that a snapshot or the last event carries, NULL for the others. */
void orf_event_json(GString *out, const char *id, const OrfJobEvent *event, const char *job,
                    bool named);
/* "cup" of the first picture's name "cup.jpg"; else the end of the id. Caller owns. */
char *orf_job_stem(const OrfJobView *view);

/* --- A job as it is shown, rendered once for each version: show.c. Immutable -------------- */

typedef struct {
    gatomicrefcount refs;
    char *id, *tenant;
    OrfJobStatus status;
    uint64_t version, events;
    int64_t expires, rendered_us; /* rendered_us: monotonic */
    char etag[48];
    unsigned retry_after; /* s; 0: it is over */
    GBytes *json;
    char *stem;  /* for names of files */
    char *error; /* why it failed, or NULL */
    OrfStages *stages;
} OrfShown;
void orf_shown_unref(OrfShown *shown);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(OrfShown, orf_shown_unref)
/* Of any tenant when `tenant` is NULL. NOT_FOUND. */
OrfShown *orf_show_job(OrfApi *api, const char *tenant, const char *id, GError **error);
/* Can it be shown without a look at the disk? */
bool orf_show_is_quick(OrfApi *api, const char *tenant, const char *id);
void orf_show_forget(OrfApi *api, const char *id);
/* The same with the problem replied: NULL. Also job_expired (410). */
OrfShown *orf_call_show(OrfCall *call, const char *id);
/* Answers with the job after a wait: 200 when it is over (or the call is a GET), else 202. */
void orf_call_reply_waited(OrfCall *call, const char *id);

/* Rendered jobs by id; one lock. */
typedef struct OrfShowcase OrfShowcase;
OrfShowcase *orf_showcase_new(void);
void orf_showcase_free(OrfShowcase *showcase);

/* --- Blobs as answers: blob.c ------------------------------------------------------------- */

typedef struct {
    const char *digest, *type;
    const char *how;              /* "attachment", "inline" */
    const char *stem, *extension; /* of the file's name */
    const char *cache;            /* Cache-Control */
} OrfBlobAnswer;
/* The blob by sendfile: ETag, 304, 412, ranges, Content-Digest, name. What has gone is
 * `missing`. */
void orf_call_reply_blob(OrfCall *call, const OrfBlobAnswer *answer, OrfProblemCode missing);

#define ORF_VIEW_WIDTH                                                                         \
    ORF_INT(                                                                                   \
        "width", 256, 4096, "1024",                                                            \
        "Width of the picture in pixels: 256, 512, 1024, 2048 or 4096; others get the next.")

/* --- What is made of a blob by an operation, once: derive.c ------------------------------- */

typedef struct OrfMakers OrfMakers;
/* Without a runner nothing new is made; `devices` may be NULL. */
OrfMakers *orf_makers_new(OrfStore *store, OrfRunner *runner, OrfDevices *devices);
void orf_makers_free(OrfMakers *makers); /* cancels what runs */

typedef struct {
    const char *operation;       /* "convert": a row of the engine's table */
    const char *const *settings; /* name, value, ... NULL; or NULL: all defaults */
} OrfDerivation;
typedef void (*OrfDerivedFn)(OrfCall *call, const OrfDerived *made);
/* Answers through `ready`, with what was made of the blob `source`, now or later, on any
 * thread; errors are replied. A file, or of operations that make facts their JSON. When the
 * last client that waits has left, the making stops. */
void orf_call_derive(OrfCall *call, const char *source, const OrfDerivation *how,
                     OrfDerivedFn ready);
/* The same of a request that was checked, with one input or more. */
void orf_call_derive_request(OrfCall *call, const OrfJobRequest *request, OrfDerivedFn ready);
/* The same for what is known of a model: it has a row, under `source`, and no file. */
void orf_call_learn(OrfCall *call, const char *source, OrfDerivedFn ready);
/* In this format; a picture as wide as the argument "width" or the next that is made. */
void
orf_call_derive_as(OrfCall *call, const char *source, const char *format, OrfDerivedFn ready);
void orf_call_derive_view(OrfCall *call, const char *source, OrfDerivedFn ready);

/* --- Feeds: a client that follows a job: feed.c ------------------------------------------- */

typedef struct OrfFeed OrfFeed;

/* How a feed reaches its client. Called under the feed's lock, on any thread. */
typedef struct {
    bool (*send)(const char *text, size_t size, void *data); /* false: the client has gone */
    size_t (*backlog)(void *data);                           /* bytes not sent yet */
    void (*end)(void *data); /* once, last: no word comes any more; frees `data` */
    void *data;
    bool sse;                 /* else JSON objects, one a line */
    bool bare;                /* without the line's end: messages of a WebSocket */
    bool quiet;               /* only the last event */
    void (*last)(void *data); /* the next word is the job's end; may be NULL */
} OrfFeedSink;

/* Follows the job's events after `after`. The sink is taken, even on failure. NOT_FOUND. */
OrfFeed *orf_feed_new(OrfApi *api, const char *tenant, const char *id, uint64_t after,
                      const OrfFeedSink *sink, GError **error);
/* Says no more; the sink ends soon. Any thread, also from inside the sink. */
void orf_feed_stop(OrfFeed *feed);
OrfFeed *orf_feed_ref(OrfFeed *feed);
void orf_feed_unref(OrfFeed *feed);
bool orf_feed_over(OrfFeed *feed);       /* it has said its last word, or lost its client */
bool orf_feed_alone(OrfFeed *feed);      /* nobody else follows this job now */
void orf_feed_cancel_job(OrfFeed *feed); /* soon, on another thread */

/* The feeds of one API, and what their endings leave to do. Thread-safe. */
struct OrfFeeds {
    OrfApi *api;
    OrfShowcase *showcase;
    OrfMakers *makers;
    OrfWorkers *chores; /* what may block and nobody waits for */
    _Atomic unsigned tick;
    GMutex lock; /* of the rest */
    GCond empty;
    GHashTable *open; /* OrfFeed -> itself, with a reference */
    unsigned turn;
    bool draining;
};
typedef struct OrfFeeds OrfFeeds;
/* What the clock does every second: what was held back goes out, and one feed in BEAT_TICKS
 * gives a sign of life. */
#define BEAT_TICKS 12
void orf_feeds_tick(OrfApi *api);
void orf_feeds_chore(OrfApi *api, void (*work)(void *data), void *data);

#endif
