/* store.h - rows and blobs: what outlives the process.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Rows live in SQLite (WAL, synchronous FULL for what was promised to a client), blobs in a
 * folder named by their SHA-256. Thread-safe: one writer connection behind a lock, readers of
 * their own. SQL is written in this room only. Times are microseconds since 1970 UTC, given by
 * the caller. */
#ifndef ORF_STORE_H
#define ORF_STORE_H

#include "base/base.h"

typedef struct OrfStore OrfStore;

/* Opens or makes DIR/orfeas.db, DIR/blobs/ and DIR/orfeas.lock, which is held until close.
 * Migrations are numbered and run on opening. Errors: BUSY (another process holds it: says
 * which), UNAVAILABLE (disk, permission), CONFLICT (the database is corrupt or of a newer
 * version: nothing is reset, the message says how to look and where to copy it). A daemon that
 * gets one of the last two can start without a store and show its message (safe mode): nothing
 * was changed. */
OrfStore *orf_store_open(const char *dir, GError **error);
void orf_store_close(OrfStore *store); /* checkpoints; NULL is fine */
/* True while the newest write went well; otherwise false with its error (disk full, corrupt).
 * For readiness probes. */
bool orf_store_healthy(OrfStore *store, GError **error);
/* Writes something without meaning: whether a disk that refused takes it again. A server that
 * says it is not ready gets no work, and would never find out. */
bool orf_store_try(OrfStore *store, GError **error);
/* Moves what was written from the log into the database, beside the writers. Call it every few
 * seconds; without it the log is moved by the writer that makes it exceed 64 MiB. */
void orf_store_tidy(OrfStore *store);
/* How often the store was opened, this time included: for numbers that must rise over restarts.
 */
int64_t orf_store_openings(const OrfStore *store);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(OrfStore, orf_store_close)

/* --- Blobs: written to a temporary name, fsynced, renamed --------------------------------- */

/* Stores the bytes; `ret_digest` is their name. Storing twice is storing once. */
bool
orf_blob_put(OrfStore *store, GBytes *bytes, char ret_digest[ORF_DIGEST_SIZE], GError **error);
/* Mapped, not copied. NOT_FOUND when it is gone. */
GBytes *orf_blob_get(OrfStore *store, const char *digest, GError **error);
/* Renews its age: a sweep will not take it before a row can name it. */
bool orf_blob_has(OrfStore *store, const char *digest);
/* An open descriptor for sendfile, and the size; -1: NOT_FOUND. */
int orf_blob_open(OrfStore *store, const char *digest, uint64_t *ret_size, GError **error);
/* A blob in the making, for uploads that are hashed while they arrive. */
typedef struct OrfBlobWriter OrfBlobWriter;
OrfBlobWriter *orf_blob_writer_new(OrfStore *store, uint64_t limit, GError **error);
bool orf_blob_writer_add(OrfBlobWriter *writer, const void *data, size_t size, GError **error);
bool
orf_blob_writer_finish(OrfBlobWriter *writer, char ret_digest[ORF_DIGEST_SIZE], GError **error);
void orf_blob_writer_free(OrfBlobWriter *writer); /* unfinished ones leave nothing */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(OrfBlobWriter, orf_blob_writer_free)
/* Removes blobs that no row names and that are older than `before`; how many bytes it freed. */
uint64_t orf_blob_sweep(OrfStore *store, int64_t before, GError **error);

/* --- Jobs --------------------------------------------------------------------------------- */

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

/* A row. Strings are owned by the row; NULL where nothing is known. */
typedef struct {
    char *id;     /* "job_" + ULID */
    char *tenant; /* "local" */
    OrfJobStatus status;
    int priority;    /* 0 interactive, 1 normal, 2 batch */
    char *kind;      /* what batches with what: "generate/inflate" */
    char *key;       /* recipe digest: cache key within the tenant */
    char *request;   /* JSON: everything needed to run it again; blobs by digest */
    char *result;    /* JSON: stages with digests, generator, reason, measures, warnings */
    char *error;     /* JSON {code,message,retryable} */
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
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(OrfJobRow, orf_job_row_clear)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(OrfJobRow, orf_job_row_free)

struct OrfHookRow;
/* Inserts the row and, when given, its idempotency key's claim and a message, in one
 * transaction. When the key was used before with the same `fingerprint`, `ret_existing` gets
 * that job's id and nothing is inserted; with another fingerprint: CONFLICT. Durable, but for a
 * cached job without key and message: a power cut may lose it, and whoever sends the wish again
 * has its result at once. */
bool orf_store_add_job(OrfStore *store, const OrfJobRow *row, const char *idempotency_key,
                       const char *fingerprint, const struct OrfHookRow *hook,
                       char **ret_existing, GError **error);
OrfJobRow *orf_store_get_job(OrfStore *store, const char *id, GError **error); /* NOT_FOUND */
/* The id of the job that used the key in the last 24 h before `now`, NULL without error when
 * there is none; CONFLICT as above. Caller owns. */
char *orf_store_find_claim(OrfStore *store, const char *tenant, const char *idempotency_key,
                           const char *fingerprint, int64_t now, GError **error);
/* Moves a job on; only from one of the states in `from` (bit 1 << status) and, when `attempt`
 * >= 0, only when the row knows of no later attempt: the fence that stops a late worker.
 * Progress, ceiling and attempt never fall. `ret_moved` says whether it did. Fields that
 * change: status, result, error, progress, ceiling, attempt, spared, events, started, finished,
 * expires, not_before, cached, coalesced, cost_s, leader. */
bool orf_store_move_job(OrfStore *store, const OrfJobRow *to, unsigned from, int attempt,
                        bool *ret_moved, GError **error);

/* Several moves in one transaction, with what comes of them. */
typedef struct {
    const OrfJobRow *to;
    int attempt;                   /* not when the row has a later one; < 0: in any */
    const struct OrfHookRow *hook; /* added when the job moved; NULL: none */
    bool moved;                    /* out */
} OrfJobMove;
typedef struct {
    unsigned from;
    const struct OrfCacheRow *cache; /* put when at least one job moved; NULL: none */
    bool durable;                    /* told to a client: on the disk when the call returns */
} OrfMoveOptions;
bool orf_store_move_jobs(OrfStore *store, OrfJobMove *moves, size_t n,
                         const OrfMoveOptions *options, GError **error);
/* Jobs in a state, oldest first, after `cursor` (an id, or NULL). */
GPtrArray *orf_store_list_jobs(OrfStore *store, const char *tenant, int status /* -1: any */,
                               const char *cursor, unsigned limit, GError **error);
/* The same for people: newest first, older than `cursor`. */
GPtrArray *orf_store_recent_jobs(OrfStore *store, const char *tenant, int status,
                                 const char *cursor, unsigned limit, GError **error);
bool orf_store_delete_job(OrfStore *store, const char *id, GError **error);
/* Terminal jobs whose `expires` has passed become rows without result and request, and go a
 * week later; also forgets idempotency keys after 24 h. How many changed, -1 on error. */
int64_t orf_store_expire_jobs(OrfStore *store, int64_t now, GError **error);

/* --- Files that clients brought, and what was made of blobs: store/files.c ---------------- */

/* Its blob is kept until `expires`. */
typedef struct {
    char *id, *tenant, *digest;
    char *facts; /* JSON: what was found in it */
    int64_t created, expires;
} OrfFileRow;
void orf_file_row_free(OrfFileRow *row);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(OrfFileRow, orf_file_row_free)
bool orf_store_put_file(OrfStore *store, const OrfFileRow *row, GError **error); /* replaces */
/* NOT_FOUND; also when it has expired. */
OrfFileRow *orf_store_get_file(OrfStore *store, const char *tenant, const char *id, int64_t now,
                               GError **error);
bool orf_store_delete_file(OrfStore *store, const char *tenant, const char *id, GError **error);

/* What was made of the blob `source` ("stl", "measures", ...) is itself a blob; a sweep keeps
 * it as long as its source. False from get: nothing is known, or it has gone. */
bool orf_store_put_derived(OrfStore *store, const char *source, const char *what,
                           const char *digest, GError **error);
bool orf_store_get_derived(OrfStore *store, const char *source, const char *what,
                           char ret_digest[ORF_DIGEST_SIZE]);

/* --- Cache of finished work --------------------------------------------------------------- */

typedef struct OrfCacheRow {
    char *key;    /* tenant "/" recipe digest */
    char *result; /* JSON as in the job */
    uint64_t bytes;
    double cost_s; /* engine seconds a hit saves */
    int64_t stored, used, expires;
    int64_t hits;
} OrfCacheRow;
void orf_cache_row_free(OrfCacheRow *row);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(OrfCacheRow, orf_cache_row_free)
bool orf_store_cache_put(OrfStore *store, const OrfCacheRow *row, GError **error);
OrfCacheRow *orf_store_cache_get(OrfStore *store, const char *key, int64_t now,
                                 GError **error); /* NULL without error: a miss */
/* Counts a use. */
bool orf_store_cache_hit(OrfStore *store, const char *key, int64_t now, GError **error);
/* Evicts the least cost saved per byte until at most `max_bytes` remain, and what has expired.
 */
bool orf_store_cache_trim(OrfStore *store, uint64_t max_bytes, int64_t now,
                          int64_t *ret_evicted, GError **error);
bool orf_store_cache_clear(OrfStore *store, const char *tenant, int64_t *ret_entries,
                           uint64_t *ret_bytes, GError **error);
bool orf_store_cache_totals(OrfStore *store, int64_t *ret_entries, uint64_t *ret_bytes,
                            GError **error);

/* --- Webhooks and history ----------------------------------------------------------------- */

typedef struct OrfHookRow {
    int64_t id; /* given by the store */
    char *job, *url, *event, *body, *secret;
    int attempts;
    int64_t next; /* when to try again; 0: done; -1: dead */
    char *last_error;
} OrfHookRow;
void orf_hook_row_free(OrfHookRow *row);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(OrfHookRow, orf_hook_row_free)
bool orf_store_add_hook(OrfStore *store, const OrfHookRow *row, GError **error);
GPtrArray *orf_store_due_hooks(OrfStore *store, int64_t now, unsigned limit, GError **error);
/* Sets attempts, next and last_error; with next 0 the row goes. NOT_FOUND. */
bool orf_store_move_hook(OrfStore *store, const OrfHookRow *row, GError **error);
OrfHookRow *orf_store_get_hook(OrfStore *store, int64_t id, GError **error); /* NOT_FOUND */
/* When the next one is due; 0: none waits. */
int64_t orf_store_next_hook(OrfStore *store);
GPtrArray *orf_store_dead_hooks(OrfStore *store, unsigned limit, GError **error);

/* What runs of a kind took, for ETAs: appended after each run, the newest 500 a kind are kept.
 */
bool orf_store_add_duration(OrfStore *store, const char *kind, double seconds,
                            uint64_t peak_bytes, int64_t when, GError **error);
/* p50 and p90 in seconds, and the p90 of peak memory; false when fewer than 3 are known. */
bool orf_store_durations(OrfStore *store, const char *kind, double *ret_p50, double *ret_p90,
                         uint64_t *ret_peak);

#endif
