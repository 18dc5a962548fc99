/* job.h - the durable queue: priority, batches, cancel, retry, progress, cache, webhooks.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * This room runs functions it was handed and has never heard of a mesh. Everything is
 * thread-safe. Invariants (tests/server/fault): every accepted job ends in exactly one terminal
 * state; at most one result is committed; states never go back; event numbers of a job rise
 * without gaps; no work goes on 1 s after a cancel. */
#ifndef ORF_JOB_H
#define ORF_JOB_H

#include "base/base.h"
#include "store/store.h"

typedef struct OrfQueue OrfQueue;

/* --- What runs ---------------------------------------------------------------------------- */

/* One job as the worker sees it. */
typedef struct {
    const char *id, *tenant, *kind, *request; /* request: JSON as stored */
    int attempt;
    double waited_s; /* from acceptance to the start of this attempt */
    OrfTask *task;   /* cancel, progress and budget; progress becomes events by itself */
    size_t peak;     /* bytes it drew at most, when that was not from `task`: set by `run` */
    void *user;      /* of the callbacks below: NULL before `run`, free it there */
    void *private;   /* of the queue */
} OrfJobRun;

/* Tells a finished stage: JSON of one entry of "stages". Kept in the row, announced once.
 * Returns when the job may go on: after its first stage a job gives its place to those who
 * still wait for their first, and waits for a place among the rest. At once when it was
 * cancelled. */
void orf_job_run_stage(OrfJobRun *run, const char *stage_json, double progress);
/* Tells how far it is, when it does not happen on its task. */
void orf_job_run_progress(OrfJobRun *run, const char *step, double fraction);
void orf_job_run_log(OrfJobRun *run, const char *message);

/* What the daemon hands in. Called without locks held, on worker threads; all but `run` return
 * quickly and may be NULL. */
typedef struct {
    /* Runs `n` jobs of one kind as a batch. For each sets ret_results[i] (JSON, g_free) or
     * ret_errors[i]. BUSY and UNAVAILABLE are transient: tried again. */
    void (*run)(OrfJobRun *const *runs, size_t n, char **ret_results, GError **ret_errors,
                void *data);
    /* The running step of a run changed or went on; `step` is its path ("final: mesh"). */
    void (*progress)(OrfJobRun *run, const char *step, double fraction, void *data);
    /* Sets memory aside for one more run of this kind: a ticket > 0, or 0: not now. Asked again
     * whenever a run ends; when nothing runs the queue starts the job without a ticket. */
    uint64_t (*reserve)(const char *kind, const char *request, void *data);
    /* Gives it back; `peak` is what the task drew at most, in bytes. */
    void (*release)(uint64_t ticket, const char *kind, size_t peak, double seconds, void *data);
    /* How many jobs may run at one time now; at least 1. NULL: options.workers. */
    unsigned (*concurrency)(uint64_t queued, void *data);
    /* How many jobs of this kind one batch may hold now; at least 1. NULL: 1. */
    unsigned (*batch)(const char *kind, uint64_t queued, void *data);
    /* The row's error JSON {"code","message","retryable"} of an error; caller owns. NULL: by
     * the table of errors. */
    char *(*describe)(const GError *error, void *data);
    void *data;
} OrfWork;

typedef struct {
    OrfStore *store; /* borrowed, outlives the queue */
    OrfWork work;
    unsigned workers; /* jobs that run at one time past their first stage; 0: one a core */
    unsigned preview_workers;   /* more places, for jobs before their first stage; 0: 1 */
    unsigned max_parked;        /* jobs past their first stage that wait for a place; 0: 32 */
    unsigned cores;             /* of each task; 0: all */
    uint64_t memory;            /* bytes one task may hold; 0: no limit */
    unsigned max_queued;        /* 0: 1000; beyond: BUSY with retry-after */
    int64_t cache_ttl_us;       /* 0: one hour */
    uint64_t cache_bytes;       /* 0: 1 GiB */
    int64_t keep_us;            /* terminal jobs are kept this long; 0: 24 h */
    const char *webhook_secret; /* "whsec_..." base64; NULL: webhooks are refused */
    bool webhooks_may_be_local; /* tests only: allow loopback targets */
} OrfQueueOptions;

/* Opens the queue: jobs that were running when the last process died wait for their next run
 * (attempt + 1). That run is no try: who kills the server says nothing about its jobs. Their
 * status stays "running": states never go back. */
OrfQueue *orf_queue_new(const OrfQueueOptions *options, GError **error);
/* Stops taking jobs, lets running ones finish until `deadline_us` (monotonic), then puts them
 * back: that run does not count as a try. Accepting again needs a new queue. */
void orf_queue_drain(OrfQueue *queue, int64_t deadline_us);
void orf_queue_free(OrfQueue *queue);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(OrfQueue, orf_queue_free)

/* --- Wishes ------------------------------------------------------------------------------- */

typedef struct {
    const char *tenant;                        /* NULL: "local" */
    const char *kind;                          /* "generate/inflate" */
    const char *key;                           /* recipe digest; NULL: never cached or shared */
    const char *request;                       /* JSON */
    int priority;                              /* 0 interactive, 1 normal, 2 batch */
    int64_t deadline_us;                       /* wall clock; 0: none */
    const char *idempotency_key, *fingerprint; /* NULL: none */
    const char *webhook_url;                   /* NULL: none */
    unsigned webhook_events;                   /* bits: 1 started, 2 stage, 4 done */
    bool no_cache; /* run although a result is known; the result replaces it */
} OrfWish;

typedef struct {
    char *id;       /* g_free */
    bool replayed;  /* the idempotency key was used before: `id` is that job */
    bool cached;    /* finished at once from the cache */
    bool coalesced; /* shares the run of a twin */
} OrfAccepted;

/* Durable when it returns. Errors: BUSY (queue full or draining: orf_queue_retry_after),
 * CONFLICT (idempotency key used for something else), BAD_INPUT (webhook_url), UNSUPPORTED
 * (webhooks are off), UNAVAILABLE (disk). */
bool orf_queue_add(OrfQueue *queue, const OrfWish *wish, OrfAccepted *ret, GError **error);
unsigned orf_queue_retry_after(OrfQueue *queue); /* seconds */
/* How many more jobs may wait now; 0 while it drains. For who wants to know before a wish has
 * arrived whole. */
unsigned orf_queue_room(OrfQueue *queue);
/* Cancels; a follower only detaches, and when the first of a shared run is cancelled the run
 * goes on for the others. True also when it was over already. NOT_FOUND. */
bool orf_queue_cancel(OrfQueue *queue, const char *id, GError **error);
/* Cancels and forgets it, its idempotency key too. NOT_FOUND, UNAVAILABLE. */
bool orf_queue_delete(OrfQueue *queue, const char *id, GError **error);

/* --- Looking ------------------------------------------------------------------------------ */

/* A row plus what only the queue knows. Fast: from memory for live jobs and those that ended
 * lately. */
typedef struct {
    OrfJobRow row;
    char *stage;             /* running step, or NULL */
    char *stages;            /* JSON array of stages told so far */
    unsigned position;       /* runs before it in the line; 0 when it runs */
    double eta_p50, eta_p90; /* s; < 0: not known */
    uint64_t version;        /* rises with every change: for weak ETags */
    uint64_t events;         /* number of its newest event */
} OrfJobView;
bool orf_queue_look(OrfQueue *queue, const char *id, OrfJobView *ret, GError **error);
void orf_job_view_clear(OrfJobView *view);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(OrfJobView, orf_job_view_clear)
/* Version alone, without allocation; 0: not known here. */
uint64_t orf_queue_version(OrfQueue *queue, const char *id);

/* --- Events: numbered from 1 for each job, the last 1000 kept
 * ------------------------------------------ After a restart the numbers of a living job go on
 * from a higher one. */

typedef struct {
    uint64_t seq;
    const char *type; /* "snapshot", "progress", "stage", "log", "done", "error"; static */
    int64_t time;     /* when it happened, wall clock */
    char *json; /* an object without these three; {} for "snapshot", "done", "error": look */
} OrfJobEvent;

/* Called on any thread, never under a lock of the caller; must not block. May call
 * orf_queue_look. */
typedef void (*OrfEventFn)(const OrfJobEvent *event, void *data);
typedef struct OrfListener OrfListener;
/* Replays what is newer than `after` (on the caller's thread, before it returns), then follows.
 * When `after` is too old or not a number of this job a snapshot comes instead of what is
 * missing. "done" (succeeded) or "error" (failed, canceled, expired) is the last, and comes
 * even when `after` is its number. NOT_FOUND. */
OrfListener *orf_queue_listen(OrfQueue *queue, const char *id, uint64_t after, OrfEventFn event,
                              void *data, GError **error);
/* After it returns, `event` is not running and will not be called. Not from inside `event`. */
void orf_listener_free(OrfListener *listener);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(OrfListener, orf_listener_free)

/* --- Statistics --------------------------------------------------------------------------- */

typedef struct {
    uint64_t queued[3], running, workers, batches, batched_jobs;
    uint64_t done[6]; /* by OrfJobStatus, since start */
    uint64_t hits, misses, coalesced, bypassed, cache_entries, cache_bytes, evicted;
    double seconds_saved, oldest_s; /* oldest_s: of the longest waiting job */
    uint64_t hooks_sent, hooks_failed, hooks_dead;
} OrfQueueStats;
void orf_queue_stats(OrfQueue *queue, OrfQueueStats *ret);
bool orf_queue_clear_cache(OrfQueue *queue, const char *tenant, int64_t *ret_entries,
                           uint64_t *ret_bytes, GError **error);

/* --- Webhooks: Standard Webhooks (webhook-id, webhook-timestamp, webhook-signature), at least
 * once -------- Body:
 * {"type":"job.started|job.stage|job.done","timestamp","data":{"id","status","progress","attempt","stages",
 * "error"}}. 15 s a try, 10 tries over 2 h, then the dead list. Only to public addresses, never
 * redirected. */

/* OrfHookRow, newest tries last. Caller owns. */
GPtrArray *orf_queue_dead_hooks(OrfQueue *queue, unsigned limit, GError **error);
bool orf_queue_resend_hook(OrfQueue *queue, int64_t id, GError **error); /* NOT_FOUND */

#endif
