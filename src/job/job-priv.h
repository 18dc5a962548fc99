/* job-priv.h - the inside of the queue.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * A job is one accepted wish; a work is one run that is to be made, for one job or for several
 * twins that wished the same. Works stand in line, are claimed in batches, run, and settle:
 * their jobs' ends are written, then announced.
 *
 *     add -> [line] -> claimed -> running -> (parked) -> running -> settling -> over
 *               ^------ waiting (retry) <-------'
 *
 * One lock guards everything in memory; nobody holds it while writing to the store or calling
 * back. Who changes a job's fate marks it `decided` under the lock, so that exactly one thread
 * does. */
#ifndef ORF_JOB_PRIV_H
#define ORF_JOB_PRIV_H

#include "job/rows.h"

#include <stdatomic.h>

#define ORF_LIVE (1u << ORF_JOB_QUEUED | 1u << ORF_JOB_RUNNING)
#define ORF_MAX_TRIES 3

typedef struct OrfLiveJob OrfLiveJob;
typedef struct OrfLiveWork OrfLiveWork;
typedef struct OrfJobBatch OrfJobBatch;
typedef struct OrfHooks OrfHooks;

/* --- Events: events.c --------------------------------------------------------------------- */

/* What several events say; counted under the queue's lock. */
typedef struct {
    unsigned refs;
    size_t size;
    double progress;
    char *text; /* step or remark; or NULL */
    OrfStageRow stage;
} OrfTold;
OrfTold *orf_told_progress(const char *step, double progress);
OrfTold *orf_told_stage(const OrfStageRow *stage);
OrfTold *orf_told_log(const char *message);
void orf_told_unref(OrfTold *told); /* NULL is fine */

typedef struct {
    OrfTold *told; /* NULL: look */
    const char *type;
    int64_t time;
} OrfKept; /* its number follows from its place */

typedef struct {
    GArray *kept;   /* OrfKept */
    uint64_t first; /* number of kept[0] */
    uint64_t last;  /* 0: none yet */
    size_t bytes;
} OrfEvents;

/* Appends an event for its listeners; with the lock held. Nothing after a decided end, but that
 * end. */
void orf_publish(OrfQueue *queue, OrfLiveJob *job, const char *type, OrfTold *told);
/* The same, and gives `told` away. */
void orf_publish_take(OrfQueue *queue, OrfLiveJob *job, const char *type, OrfTold *told);
/* Calls the listeners of what was published; without the lock. */
void orf_deliver(OrfQueue *queue);
void orf_events_clear(OrfEvents *events);

/* --- Jobs and works: live.c --------------------------------------------------------------- */

struct OrfLiveJob {
    unsigned refs; /* the table's, the work's, each listener's */
    OrfJobRow row;
    OrfLiveWork *work; /* NULL: over, or not in line yet */
    bool decided;      /* its end is decided, and perhaps not yet written */
    bool
        joined; /* its row in the store tells that it runs: what its work tells is told to it */
    OrfEvents events;
    GPtrArray *listeners; /* borrowed */
    int64_t deadline;     /* monotonic; 0: none */
    uint64_t version;
    GList *remembered; /* its link among those that are over */
    size_t weight;     /* bytes, as counted there */
};

typedef enum {
    ORF_WORK_LINED,
    ORF_WORK_WAITING, /* until not_before */
    ORF_WORK_CLAIMED, /* taken out of the line, not yet running */
    ORF_WORK_RUNNING,
    ORF_WORK_SETTLING,
} OrfWorkState;

/* Measured runs of a kind. */
typedef struct {
    double p50, p90; /* s; < 0: not known */
} OrfPace;

struct OrfLiveWork {
    unsigned refs;
    OrfWorkState state;
    GPtrArray *jobs; /* its living jobs, the oldest first */
    char *id;        /* of the first */
    char *tenant, *kind, *key;
    OrfJobRequest *request;
    char *twin_key; /* tenant/key; NULL: not shared */
    OrfPace *pace;
    int64_t order;     /* smaller runs first: time of joining the line, later by its priority */
    GSequenceIter *at; /* in line */
    int64_t not_before; /* monotonic */
    int attempt, spared;
    bool started; /* its jobs' rows are being told that they run */

    OrfJobBatch *batch;
    OrfTask *task;
    OrfJobRun run;
    uint64_t ticket;
    double progress;
    double ceiling, next_ceiling; /* progress up to which the store was told; is being told */
    char *step;
    int64_t told; /* when progress was last published */
    OrfStages *stages;
    bool told_first;
    bool early;               /* it tells a stage early: it may begin in a place for previews */
    bool put_back;            /* stopped by a drain */
    int64_t begun, parked_us; /* monotonic */
    OrfJobResult *result;     /* of the settled run: for twins that come while it settles */
    double cost_s;
};

typedef enum { ORF_PLACE_NONE, ORF_PLACE_PREVIEW, ORF_PLACE_NORMAL } OrfPlace;

struct OrfJobBatch {
    OrfLiveWork **works; /* [n] */
    size_t n, untold;    /* works that have not told their first stage */
    OrfPlace place;
    int64_t order; /* smallest of its works */
};

OrfLiveJob *orf_live_job_new(OrfJobRow *row); /* takes what is in the row */
OrfLiveJob *orf_live_job_ref(OrfLiveJob *job);
void orf_live_job_unref(OrfLiveJob *job);
OrfLiveWork *orf_live_work_new(OrfQueue *queue, OrfLiveJob *job, OrfPace *pace);
OrfLiveWork *orf_live_work_ref(OrfLiveWork *work);
void orf_live_work_unref(OrfLiveWork *work);
/* The job shares the work from now on. */
void orf_live_work_join(OrfQueue *queue, OrfLiveWork *work, OrfLiveJob *job);
/* The job leaves; a work without jobs is stopped, and gone when it does not run. */
void orf_live_work_leave(OrfQueue *queue, OrfLiveJob *job);
void orf_live_work_forget_twins(OrfQueue *queue, OrfLiveWork *work);
void orf_job_set_status(OrfQueue *queue, OrfLiveJob *job, OrfJobStatus status);
void orf_line_up(OrfQueue *queue, OrfLiveWork *work);
void orf_line_take(OrfQueue *queue, OrfLiveWork *work);  /* claims it */
void orf_work_stops(OrfQueue *queue, OrfLiveWork *work); /* is no longer among the running */
void orf_line_wait(OrfQueue *queue, OrfLiveWork *work, int64_t delay_us);
uint64_t orf_job_version(const OrfQueue *queue, const OrfLiveJob *job);

/* --- The queue ---------------------------------------------------------------------------- */

typedef struct OrfSettlement OrfSettlement;

struct OrfQueue {
    OrfStore *store;
    OrfWork work;
    OrfQueueOptions options; /* defaults filled in */
    uint64_t first_number;   /* of events of jobs that an earlier process accepted */
    uint64_t base_version;   /* of this process: greater than any before */
    int64_t start_wall, start_mono;
    _Atomic int64_t skew_mono, skew_wall; /* tests turn the clocks */

    GMutex lock; /* guards what follows */
    GCond work_ready, place_free, delivered, keep, quiet;
    bool draining, halting, stopping; /* no new runs; no runs at all; no threads */
    GHashTable *jobs;                 /* id -> OrfLiveJob, living and remembered */
    GHashTable *twins;                /* tenant/key -> OrfLiveWork */
    GHashTable *paces;                /* kind -> OrfPace, kept for ever */
    GHashTable *deadlines;            /* OrfLiveJob set */
    GSequence *line;
    GPtrArray *waiting; /* works until their not_before */
    GPtrArray *running; /* works that run or settle */
    GPtrArray *parked;  /* batches that wait for a normal place */
    GHashTable *full;   /* kinds that no memory was left for, until a run ends */
    GPtrArray *unsettled;
    GQueue remembered; /* jobs that are over, in order of their ends */
    size_t remembered_bytes;
    uint64_t turns;     /* of the line: for versions */
    uint64_t forgotten; /* jobs deleted: what was read before may be stale */
    uint64_t finished;  /* works that succeeded */
    uint64_t kept;      /* jobs in the store that are over: as counted last, and since */
    bool crowded;       /* they are too many: the keeper is to look */
    unsigned n_queued[3];
    unsigned normal_used, preview_used, limit, idle, starting;
    GPtrArray *threads;
    GThread *keeper;
    GQueue dirty; /* listeners with something to hear */
    double line_p50, line_spread;
    int64_t line_measured;
    OrfQueueStats stats;
    uint64_t cache_shared; /* bytes that more than one cached result names */
    int64_t id_ms;         /* of the newest id */
    guint8 id_random[10];

    OrfHooks *hooks;
};

int64_t orf_queue_now(OrfQueue *queue);    /* monotonic */
int64_t orf_queue_wall(OrfQueue *queue);   /* what clocks show: for what is stored and shown */
int64_t orf_queue_steady(OrfQueue *queue); /* wall clock that nobody turns: for what expires */
/* Turns the clocks on by so much; for tests. */
void orf_queue_turn_clocks(OrfQueue *queue, int64_t monotonic_us, int64_t wall_us);
/* "job_" + ULID, rising; with the lock held. Caller owns. */
char *orf_queue_new_id(OrfQueue *queue);
void orf_queue_describe(OrfQueue *queue, const GError *error, OrfJobError *ret);

/* --- Accepted jobs: add.c; with the lock held --------------------------------------------- */

void orf_queue_set_deadline(OrfQueue *queue, OrfLiveJob *job);
/* Joins a twin, or a line of its own. */
void orf_queue_start(OrfQueue *queue, OrfLiveJob *job, OrfPace *pace);

/* --- Places and runs: worker.c, run.c ----------------------------------------------------- */

/* Gives free places to who waits; with the lock held. */
void orf_queue_wake(OrfQueue *queue);
/* A run may go on only with a place; see orf_job_run_stage. With the lock held. */
void orf_batch_park(OrfQueue *queue, OrfJobBatch *batch);
/* The ceiling of so much progress: rows are written a few times a run, not with every step. */
double orf_progress_ceiling(double progress);
void orf_work_progress(const char *step, double fraction, void *work);

/* --- Ends: settle.c ----------------------------------------------------------------------- */

/* What is to be written at the end of jobs: built under the lock, written without. */
struct OrfSettlement {
    OrfLiveWork *work; /* NULL: the jobs have left theirs */
    GPtrArray *jobs;   /* OrfLiveJob */
    GPtrArray *rows;   /* OrfJobRow, as they are to be */
    GPtrArray *hooks;  /* OrfHookRow or NULL */
    OrfCacheRow *cache;
    int64_t again; /* monotonic: when it is tried next */
};
OrfSettlement *orf_settlement_new(OrfLiveWork *work);
/* How a job ends. NULL stages: as they are; NULL error: none. Borrowed. */
typedef struct {
    OrfJobStatus status;
    OrfStages *stages;
    OrfJobResult *result;
    const OrfJobError *error;
} OrfEnd;
/* Decides the end of a job; with the lock held. */
void orf_settlement_add(OrfQueue *queue, OrfSettlement *settlement, OrfLiveJob *job,
                        const OrfEnd *end);
/* Writes and announces; takes it. When the disk refuses the keeper tries again. */
void orf_settle(OrfQueue *queue, OrfSettlement *settlement);
/* When the queue closes before the disk came back; with nobody else left. */
void orf_settlement_drop(OrfSettlement *settlement);
/* What a work came to: `result` (taken) or `error`. Without the lock; the work is gone or in
 * line again afterwards. */
void
orf_work_ended(OrfQueue *queue, OrfLiveWork *work, OrfJobResult *result, const GError *error);
/* What of a running work is written. */
typedef struct {
    OrfLiveJob *only;  /* of its jobs; NULL: all */
    OrfStages *stages; /* as they will be told; NULL: as they are */
    size_t from;       /* the first of `stages` that is new */
    unsigned hook;     /* ORF_HOOK_... or 0 */
} OrfWriting;
/* Writes the rows of its jobs as running; then they join. Without the lock. */
bool orf_work_write(OrfQueue *queue, OrfLiveWork *work, const OrfWriting *what, GError **error);
/* Tells a job what its work has told before it joined; with the lock held. */
void orf_live_work_catch_up(OrfQueue *queue, OrfLiveWork *work, OrfLiveJob *job);
/* A job's row as it ends so; with the lock held. Caller owns. */
OrfJobRow *orf_end_row(OrfQueue *queue, const OrfLiveJob *job, const OrfEnd *end);
/* What was written is told; empties the row. Without the lock. */
void orf_announce(OrfQueue *queue, OrfLiveJob *job, OrfJobRow *row);

/* --- Looking: look.c ---------------------------------------------------------------------- */

/* With a reference, from memory or the store; without the lock. NOT_FOUND. */
OrfLiveJob *orf_queue_find(OrfQueue *queue, const char *tenant, const char *id, GError **error);
/* In memory alone, without a reference; NULL: it is not, or not of this tenant. With the lock
 * held. */
OrfLiveJob *orf_queue_lookup(OrfQueue *queue, const char *tenant, const char *id);
/* A job that is over is kept in memory for a while; with the lock held. */
void orf_queue_remember(OrfQueue *queue, OrfLiveJob *job);
void orf_queue_forget(OrfQueue *queue, OrfLiveJob *job);

/* --- Pace: eta.c -------------------------------------------------------------------------- */

/* Reads what runs of the kind took; without the lock. */
OrfPace *orf_queue_pace(OrfQueue *queue, const char *kind, bool again);
/* The mean of the line, measured again now and then; with the lock held. */
void orf_queue_eta(OrfQueue *queue, OrfLiveJob *job, unsigned position, double *ret_p50,
                   double *ret_p90);

/* --- Keeper: keeper.c --------------------------------------------------------------------- */

void *orf_queue_keep_thread(void *queue);

/* --- Erasing: erase.c --------------------------------------------------------------------- */

/* The row with all that is its, and blobs that nobody else names; memory forgets it. */
bool orf_queue_erase(OrfQueue *queue, const char *id, int64_t finished, GError **error);
/* Erases the oldest that are too many. Both without the lock. */
void orf_queue_trim_jobs(OrfQueue *queue);
/* One more is over; with the lock held. */
void orf_queue_count_kept(OrfQueue *queue);

/* --- Cache: cache.c ----------------------------------------------------------------------- */

bool orf_stages_are_whole(OrfStore *store, const OrfStages *stages); /* their blobs are there */
OrfCacheRow *orf_cache_row_of(OrfQueue *queue, const OrfLiveWork *work);
/* Evicts what has expired and what is too much. Both without the lock. */
void orf_queue_trim_cache(OrfQueue *queue);
void orf_queue_cache_grew(OrfQueue *queue); /* trims only when it is too large */

/* --- Webhooks: hooks.c, hook-send.c, hook-guard.c ----------------------------------------- */

OrfHooks *orf_hooks_new(OrfQueue *queue, const char *secret, GError **error);
void orf_hooks_free(OrfHooks *hooks); /* ends its thread; NULL is fine */
void orf_hooks_wake(OrfHooks *hooks); /* something was added; NULL is fine */
bool orf_hooks_check_url(const char *url, bool may_be_local, GError **error);
enum { ORF_HOOK_STARTED = 1, ORF_HOOK_STAGE = 2, ORF_HOOK_DONE = 4 };
/* The row of a message, or NULL when this job did not ask for it; with the lock held. */
OrfHookRow *
orf_hook_for(OrfQueue *queue, const OrfLiveJob *job, const OrfJobRow *row, unsigned event);

#endif
