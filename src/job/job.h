/* job.h - the durable queue: priority, batches, cancel, retry, progress, cache, webhooks.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * This room runs functions it was handed and has never heard of a mesh. Everything is
 * thread-safe. Invariants (tests/fault_test.py): every accepted job ends in exactly one
 * terminal state; at most one result is committed; states never go back; event numbers of a job
 * rise without gaps; no work goes on 1 s after a cancel. */
#ifndef ORF_JOB_H
#define ORF_JOB_H

#include "base/base.h"
#include "store/store.h"

typedef struct OrfQueue OrfQueue;

/* --- Requests: what is to be done, stored with the job: request.c ------------------------- */

/* A picture or asset that goes in: a blob. */
typedef struct {
    char *digest, *name;
    char *pointer; /* where a client said it: for messages, not stored */
    double yaw;    /* degrees; NAN: not a view */
    char *format;  /* "jpeg" */
    unsigned width, height;
    uint64_t bytes;
} OrfJobInput;
void orf_job_input_free(OrfJobInput *input);

typedef struct {
    char *name, *text;
    char *pointer; /* as above */
} OrfJobSetting;

/* Whatever can be done is a request; who runs it looks the operation up. Immutable once it was
 * handed to a queue; shared by reference. */
typedef struct {
    gatomicrefcount refs;
    char *operation;     /* "generate" */
    char *generator;     /* who makes it, where there is a choice; else NULL */
    char *mode;          /* "preview", "standard", "progressive"; or NULL */
    GPtrArray *settings; /* OrfJobSetting, names sorted */
    GPtrArray *inputs;   /* OrfJobInput */
    OrfJobInput *mask;   /* of the first input; or NULL */
    char *parameters;    /* JSON of all that count, as clients are shown it; never read here */
    int64_t seed;
    char *format;      /* of the file that the client wants in the end; NULL: as it is made */
    int64_t triangles; /* at most, in that file; 0: as they are */
} OrfJobRequest;
OrfJobRequest *orf_job_request_new(const char *operation);
OrfJobRequest *orf_job_request_ref(OrfJobRequest *request);
void orf_job_request_unref(OrfJobRequest *request); /* NULL is fine */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(OrfJobRequest, orf_job_request_unref)
/* The text of a setting, or `fallback`. */
const char *
orf_job_request_setting(const OrfJobRequest *request, const char *name, const char *fallback);
/* As it is stored: the one writer and the one reader. Errors: BAD_INPUT: of another version. */
char *orf_job_request_json(const OrfJobRequest *request);
OrfJobRequest *orf_job_request_parse(const char *json, GError **error);

/* --- What comes out: result.c ------------------------------------------------------------- */

#define ORF_STAGE_NAME_SIZE 24
#define ORF_STAGE_TYPE_SIZE 64
#define ORF_STAGE_EXTENSION_SIZE 16

/* A finished stage; plain values. */
typedef struct {
    char name[ORF_STAGE_NAME_SIZE];
    double progress; /* of the job, when it is there */
    char digest[ORF_DIGEST_SIZE];
    uint64_t bytes, vertices, triangles;
    double took_s;
    char type[ORF_STAGE_TYPE_SIZE]; /* media type of the file; "": not told */
    char extension[ORF_STAGE_EXTENSION_SIZE];
} OrfStageRow;
/* Members "name" (or as `name` says) to "took_s", as clients are shown them. */
void orf_stage_json(OrfJson *json, const OrfStageRow *stage, const char *name);

/* Stages in order. Immutable, shared by reference; NULL is the empty list. */
typedef struct {
    gatomicrefcount refs;
    size_t n;
    OrfStageRow rows[];
} OrfStages;
OrfStages *orf_stages_new(const OrfStageRow *rows, size_t n);
OrfStages *orf_stages_ref(OrfStages *stages);
void orf_stages_unref(OrfStages *stages);
/* Takes the place of the one of its name, or comes last; `ret_at`: where. Caller owns. */
OrfStages *orf_stages_with(const OrfStages *stages, const OrfStageRow *stage, size_t *ret_at);
size_t orf_stages_n(const OrfStages *stages);
uint64_t orf_stages_bytes(const OrfStages *stages);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(OrfStages, orf_stages_unref)

/* What a run that succeeded tells beside its stages. Immutable, shared by reference. */
typedef struct {
    gatomicrefcount refs;
    char *generator, *reason; /* who made it, and why that one; or NULL */
    double confidence;
    char *runner_up, *runner_up_reason;
    int64_t seed;
    char *measures;  /* JSON, as clients are shown it; never read here; or NULL */
    char *facts;     /* the same of what the operation found out */
    char **warnings; /* NULL: none */
    double took_s;
    uint64_t peak_bytes;
    char *engine; /* version */
} OrfJobResult;
OrfJobResult *orf_job_result_new(void);
OrfJobResult *orf_job_result_ref(OrfJobResult *result);
void orf_job_result_unref(OrfJobResult *result);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(OrfJobResult, orf_job_result_unref)

/* Why a job failed. */
typedef struct {
    char *code, *message; /* NULL: it did not */
    bool retryable;
} OrfJobError;
void orf_job_error_clear(OrfJobError *error);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(OrfJobError, orf_job_error_clear)

/* --- Rows --------------------------------------------------------------------------------- */

typedef enum {
    ORF_JOB_QUEUED,
    ORF_JOB_RUNNING,
    ORF_JOB_SUCCEEDED,
    ORF_JOB_FAILED,
    ORF_JOB_CANCELED,
    ORF_JOB_EXPIRED,
} OrfJobStatus;
const char *orf_job_status_name(OrfJobStatus status);
bool orf_job_status_is_terminal(OrfJobStatus status);

/* A job. What it points to is its own; NULL where nothing is known. */
typedef struct {
    char *id; /* "job_" + ULID */
    char *tenant;
    OrfJobStatus status;
    int priority;           /* 0 interactive, 1 normal, 2 batch */
    char *kind;             /* what batches with what: "generate/inflate" */
    char *key;              /* recipe digest: cache key within the tenant */
    OrfJobRequest *request; /* NULL: it has expired */
    OrfStages *stages;
    OrfJobResult *result;
    OrfJobError error;
    int attempt;     /* of how many runs, counting from 1 when it first runs */
    double progress; /* 0..1 */
    double ceiling; /* progress that may have been told before the next write: a restart goes on
                      from it */
    bool cached, coalesced;
    bool no_cache;
    char *leader;            /* id of the job whose run it shares */
    char *webhook_url;       /* NULL: none */
    unsigned webhook_events; /* as in OrfWish */
    int spared;      /* runs cut short by the end of the server: they do not count as tries */
    uint64_t events; /* number of its newest event when it was over */
    int64_t created, started, finished, expires, deadline, not_before; /* 0: none */
    double cost_s; /* engine seconds its run took */
} OrfJobRow;
void orf_job_row_clear(OrfJobRow *row);
void orf_job_row_free(OrfJobRow *row);
OrfJobRow *orf_job_row_copy(const OrfJobRow *row);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(OrfJobRow, orf_job_row_clear)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(OrfJobRow, orf_job_row_free)

/* --- What runs ---------------------------------------------------------------------------- */

/* One job as the worker sees it. */
typedef struct {
    const char *id, *tenant, *kind;
    const OrfJobRequest *request;
    int attempt;
    double waited_s; /* from acceptance to the start of this attempt */
    OrfTask *task;   /* cancel, progress and budget; progress becomes events by itself */
    size_t peak;     /* bytes it drew at most, when that was not from `task`: set by `run` */
    void *user;      /* of the callbacks below: NULL before `run`, free it there */
    void *private;   /* of the queue */
} OrfJobRun;

/* Tells a finished stage: kept in the row, announced once. Returns when the job may go on:
 * after its first stage a job gives its place to those who still wait for their first, and
 * waits for a place among the rest. At once when it was cancelled. */
void orf_job_run_stage(OrfJobRun *run, const OrfStageRow *stage);
/* Tells how far it is, when it does not happen on its task. */
void orf_job_run_progress(OrfJobRun *run, const char *step, double fraction);
void orf_job_run_log(OrfJobRun *run, const char *message);

/* What the daemon hands in. Called without locks held, on worker threads; all but `run` return
 * quickly and may be NULL. */
typedef struct {
    /* Runs `n` jobs of one kind as a batch. For each sets ret_results[i] or ret_errors[i]. BUSY
     * and UNAVAILABLE are transient: tried again. */
    void (*run)(OrfJobRun *const *runs, size_t n, OrfJobResult **ret_results,
                GError **ret_errors, void *data);
    /* The running step of a run changed or went on; `step` is its path ("final: mesh"). */
    void (*progress)(OrfJobRun *run, const char *step, double fraction, void *data);
    /* Sets memory aside for one more run of this kind: a ticket > 0, or 0: not now. Asked again
     * whenever a run ends; when nothing runs the queue starts the job without a ticket. */
    uint64_t (*reserve)(const char *kind, const OrfJobRequest *request, void *data);
    /* Gives it back; `peak` is what the task drew at most, in bytes. */
    void (*release)(uint64_t ticket, const char *kind, size_t peak, double seconds, void *data);
    /* How many jobs may run at one time now; at least 1. NULL: options.workers. */
    unsigned (*concurrency)(uint64_t queued, void *data);
    /* How many jobs of this kind one batch may hold now; at least 1. NULL: 1. */
    unsigned (*batch)(const char *kind, uint64_t queued, void *data);
    /* Whether a run tells a first stage early: such may begin in a place for previews. NULL:
     * all do. Called under the lock. */
    bool (*early)(const OrfJobRequest *request, void *data);
    /* How an error is told in the job. NULL: by the table of errors. */
    void (*describe)(const GError *error, OrfJobError *ret, void *data);
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
    uint64_t keep_jobs;         /* and at most so many of them; 0: 100 000 */
    uint64_t keep_bytes;        /* with at most so many bytes of stages; 0: 16 GiB */
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
    const char *tenant;
    const char *kind;                          /* "generate/inflate" */
    const char *key;                           /* recipe digest; NULL: never cached or shared */
    OrfJobRequest *request;                    /* referenced */
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
bool orf_queue_cancel(OrfQueue *queue, const char *tenant, const char *id, GError **error);
/* Cancels and forgets it, its idempotency key too. NOT_FOUND, UNAVAILABLE. */
bool orf_queue_delete(OrfQueue *queue, const char *tenant, const char *id, GError **error);

/* --- Looking ------------------------------------------------------------------------------ */

/* A row plus what only the queue knows. Fast: from memory for live jobs and those that ended
 * lately. */
typedef struct {
    OrfJobRow row;           /* its stages: told so far */
    char *step;              /* running, or NULL */
    unsigned position;       /* runs before it in the line; 0 when it runs */
    double eta_p50, eta_p90; /* s; < 0: not known */
    uint64_t version;        /* rises with every change: for weak ETags */
    uint64_t events;         /* number of its newest event */
} OrfJobView;
bool orf_queue_look(OrfQueue *queue, const char *tenant, const char *id, OrfJobView *ret,
                    GError **error);
void orf_job_view_clear(OrfJobView *view);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(OrfJobView, orf_job_view_clear)
/* OrfJobRow of jobs in a state (-1: any), newest first, older than `cursor` (an id, or NULL).
 * Caller owns. */
GPtrArray *orf_queue_recent(OrfQueue *queue, const char *tenant, int status, const char *cursor,
                            unsigned limit, GError **error);
/* p50 and p90 of what runs of a kind took, in seconds; false when fewer than 3 are known. */
bool orf_queue_durations(OrfQueue *queue, const char *kind, double *ret_p50, double *ret_p90);
/* Version alone, without allocation; 0: not known here. */
uint64_t orf_queue_version(OrfQueue *queue, const char *tenant, const char *id);

/* --- Events: numbered from 1 for each job, the last 1000 kept
 * ------------------------------------------ After a restart the numbers of a living job go on
 * from a higher one. */

typedef struct {
    uint64_t seq;
    const char *type; /* "snapshot", "progress", "stage", "log", "done", "error"; static */
    int64_t time;     /* when it happened, wall clock */
    double progress;  /* of "progress" */
    const char *text; /* "progress": the running step, or NULL; "log": the remark */
    const OrfStageRow *stage; /* of "stage" */
} OrfJobEvent;                /* the others say: look */

/* Called on any thread, never under a lock of the caller; must not block. May call
 * orf_queue_look. */
typedef void (*OrfEventFn)(const OrfJobEvent *event, void *data);
typedef struct OrfListener OrfListener;
/* Replays what is newer than `after` (on the caller's thread, before it returns), then follows.
 * When `after` is too old or not a number of this job a snapshot comes instead of what is
 * missing. "done" (succeeded) or "error" (failed, canceled, expired) is the last, and comes
 * even when `after` is its number. NOT_FOUND. */
OrfListener *orf_queue_listen(OrfQueue *queue, const char *tenant, const char *id,
                              uint64_t after, OrfEventFn event, void *data, GError **error);
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
void orf_queue_stats(OrfQueue *queue, const char *tenant, OrfQueueStats *ret);
bool orf_queue_clear_cache(OrfQueue *queue, const char *tenant, int64_t *ret_entries,
                           uint64_t *ret_bytes, GError **error);

/* --- Webhooks: Standard Webhooks (webhook-id, webhook-timestamp, webhook-signature), at least
 * once -------- Body:
 * {"type":"job.started|job.stage|job.done","timestamp","data":{"id","status","progress","attempt","stages",
 * "error"}}. 15 s a try, 10 tries over 2 h, then the dead list. Only to public addresses, never
 * redirected. */

typedef struct OrfHookRow {
    int64_t id; /* given by the store */
    char *job, *url, *event, *body, *secret;
    int attempts;
    int64_t next; /* when to try again; 0: done; -1: dead */
    char *last_error;
} OrfHookRow;
void orf_hook_row_free(OrfHookRow *row);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(OrfHookRow, orf_hook_row_free)
/* OrfHookRow, newest tries last. Caller owns. */
GPtrArray *
orf_queue_dead_hooks(OrfQueue *queue, const char *tenant, unsigned limit, GError **error);
bool orf_queue_resend_hook(OrfQueue *queue, const char *tenant, int64_t id,
                           GError **error); /* NOT_FOUND */

#endif
