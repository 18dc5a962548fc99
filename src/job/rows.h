/* rows.h - the queue's rows: jobs, idempotency keys, cache, messages, durations. Private to the
 * room.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 *     job        what is to be done (the request is JSON), how far it is, when what happened
 *     job_input  place, digest: blobs that go in
 *     job_stage  place, name, digest, measures: blobs that came out
 *     job_result what a run that succeeded told
 *     claim      idempotency keys
 *     cache      key -> the job whose result is given again; goes with that job
 *     hook       messages to be delivered; go with their job
 *     duration   what runs took */
#ifndef ORF_JOB_ROWS_H
#define ORF_JOB_ROWS_H

#include "job/job.h"

extern const OrfSchema orf_job_schema; /* schema.c */

/* --- Jobs: rows.c ------------------------------------------------------------------------- */

/* Inserts the row and, when given, its idempotency key's claim and a message, in one
 * transaction. When the key was used before with the same `fingerprint`, `ret_existing` gets
 * that job's id and nothing is inserted; with another fingerprint: CONFLICT. Durable, but for a
 * cached job without key and message: a power cut may lose it, and whoever sends the wish again
 * has its result at once. */
bool orf_job_row_add(OrfStore *store, const OrfJobRow *row, const char *idempotency_key,
                     const char *fingerprint, const OrfHookRow *hook, char **ret_existing,
                     GError **error);
/* Of any tenant when `tenant` is NULL. NOT_FOUND. */
OrfJobRow *orf_job_row_get(OrfStore *store, const char *tenant, const char *id, GError **error);
/* The id of the job that used the key in the last 24 h before `now`, NULL without error when
 * there is none; CONFLICT as above. Caller owns. */
char *orf_claim_find(OrfStore *store, const char *tenant, const char *idempotency_key,
                     const char *fingerprint, int64_t now, GError **error);

/* A cached result is that of a job. */
typedef struct {
    char *tenant, *key, *job;
    uint64_t bytes;
    double cost_s; /* engine seconds a hit saves */
    int64_t stored, used, expires, hits;
    OrfStages *stages; /* of the job: read only */
    OrfJobResult *result;
} OrfCacheRow;
void orf_cache_row_free(OrfCacheRow *row);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(OrfCacheRow, orf_cache_row_free)

/* Moves a job on; only from one of the states in `from` (bit 1 << status) and, when `attempt`
 * >= 0, only when the row knows of no later attempt: the fence that stops a late worker.
 * Progress, ceiling and attempt never fall. Fields that change: status, result, stages from
 * `first_stage` on, error, progress, ceiling, attempt, spared, events, started, finished,
 * expires, not_before, cached, coalesced, cost_s, leader. */
typedef struct {
    const OrfJobRow *to;
    int attempt;            /* not when the row has a later one; < 0: in any */
    size_t first_stage;     /* SIZE_MAX: none is written */
    const OrfHookRow *hook; /* added when the job moved; NULL: none */
    bool moved;             /* out */
} OrfJobMove;
typedef struct {
    unsigned from;
    const OrfCacheRow *cache; /* put when a job moved, as that job's; NULL: none */
    bool durable;             /* told to a client: on the disk when the call returns */
} OrfMoveOptions;
/* Several moves in one transaction, with what comes of them. */
bool orf_job_rows_move(OrfStore *store, OrfJobMove *moves, size_t n,
                       const OrfMoveOptions *options, GError **error);

typedef struct {
    const char *tenant; /* NULL: any */
    int status;         /* -1: any */
    const char *cursor; /* an id that is not in it; NULL: none */
    unsigned limit;
    bool newest_first;
} OrfJobQuery;
GPtrArray *orf_job_rows_list(OrfStore *store, const OrfJobQuery *query, GError **error);

/* With all that is theirs: stages, cached results, messages. NOT_FOUND: none was there.
 * `ret_digests`: what they named; caller owns. */
bool orf_job_rows_delete(OrfStore *store, const char *const *ids, size_t n, bool durable,
                         GPtrArray **ret_digests, GError **error);
/* Terminal jobs whose `expires` has passed become rows without result and request, and go a
 * week later; also forgets idempotency keys after 24 h. How many changed, -1 on error. */
int64_t orf_job_rows_expire(OrfStore *store, int64_t now, GError **error);
/* Terminal jobs and the bytes of their stages, those from the cache not counted. */
bool
orf_job_rows_total(OrfStore *store, uint64_t *ret_jobs, uint64_t *ret_bytes, GError **error);
/* Ids of the oldest terminal jobs: at least so many, with at least so many bytes, unless
 * `limit` comes first. */
GPtrArray *orf_job_rows_oldest(OrfStore *store, uint64_t jobs, uint64_t bytes, unsigned limit,
                               GError **error);

/* Stages and result of a job; inside a transaction. */
bool orf_job_read_stages(OrfSql *sql, const char *id, OrfStages **ret, GError **error);
bool orf_job_read_result(OrfSql *sql, const char *id, OrfJobResult **ret, GError **error);

/* --- Cache of finished work: cache-rows.c ------------------------------------------------- */

/* NULL without error: a miss. */
OrfCacheRow *orf_cache_row_get(OrfStore *store, const char *tenant, const char *key,
                               int64_t now, GError **error);
/* Counts a use. */
bool orf_cache_row_hit(OrfStore *store, const char *tenant, const char *key, int64_t now,
                       GError **error);
/* Evicts the least cost saved per byte until at most `max_bytes` remain on the disk, and what
 * has expired. */
bool orf_cache_rows_trim(OrfStore *store, uint64_t max_bytes, int64_t now, int64_t *ret_evicted,
                         GError **error);
/* `tenant` NULL: of all. `ret` is zero when they fail. */
typedef struct {
    int64_t entries;
    uint64_t bytes; /* on the disk: each blob once */
    uint64_t named; /* what the entries name, one by one: at least as much */
} OrfCacheTotal;
bool
orf_cache_rows_clear(OrfStore *store, const char *tenant, OrfCacheTotal *ret, GError **error);
bool
orf_cache_rows_total(OrfStore *store, const char *tenant, OrfCacheTotal *ret, GError **error);
/* Without `bytes`, in a tenth of the time. */
bool orf_cache_rows_named(OrfStore *store, OrfCacheTotal *ret, GError **error);
/* Inside a transaction. */
bool orf_cache_row_insert(OrfSql *sql, const OrfCacheRow *row, const char *job, GError **error);

/* --- Messages and history: hook-rows.c ---------------------------------------------------- */

GPtrArray *orf_hook_rows_due(OrfStore *store, int64_t now, unsigned limit, GError **error);
/* Sets attempts, next and last_error; with next 0 the row goes. NOT_FOUND. */
bool orf_hook_row_move(OrfStore *store, const OrfHookRow *row, GError **error);
/* `tenant` NULL: of any. NOT_FOUND. */
OrfHookRow *orf_hook_row_get(OrfStore *store, const char *tenant, int64_t id, GError **error);
/* When the next one is due; 0: none waits. */
int64_t orf_hook_rows_next(OrfStore *store);
GPtrArray *
orf_hook_rows_dead(OrfStore *store, const char *tenant, unsigned limit, GError **error);
/* Inside a transaction. */
bool orf_hook_row_insert(OrfSql *sql, const OrfHookRow *row, GError **error);

/* What runs of a kind took, for ETAs: appended after each run, the newest 500 a kind are kept.
 */
bool orf_duration_add(OrfStore *store, const char *kind, double seconds, uint64_t peak_bytes,
                      int64_t when, GError **error);
/* p50 and p90 in seconds, and the p90 of peak memory; false when fewer than 3 are known. */
bool orf_durations(OrfStore *store, const char *kind, double *ret_p50, double *ret_p90,
                   uint64_t *ret_peak);

#endif
