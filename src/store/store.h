/* store.h - what outlives the process: a database for rows, a folder for blobs.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * This room knows no table but its own: rooms own their rows, register the steps that make
 * their tables, and say which columns name blobs. Thread-safe unless said otherwise. Times are
 * microseconds since 1970 UTC, given by the caller. */
#ifndef ORF_STORE_H
#define ORF_STORE_H

#include "base/base.h"

typedef struct OrfStore OrfStore;

/* Opens or makes DIR/orfeas.db, DIR/blobs/ and DIR/orfeas.lock, which is held until close.
 * Errors: BUSY (another process holds it: says which), UNAVAILABLE (disk, permission), CONFLICT
 * (the database is damaged or of a newer version: nothing is reset, the message says how to
 * look and where to copy it). A daemon that gets one of the last two can start without a store
 * and show its message (safe mode): nothing was changed. */
OrfStore *orf_store_open(const char *dir, GError **error);
void orf_store_close(OrfStore *store); /* checkpoints; NULL is fine */
/* True while the newest write went well and no damage was found; otherwise false with its error
 * (disk full, damaged). For readiness probes. */
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

/* --- Rows: sql.c is the one file that knows a driver ---------------------------------------
 *
 * Queries are in the dialect that SQLite and PostgreSQL share: values are $1, $2, ...; rows are
 * replaced with INSERT ... ON CONFLICT, given back with RETURNING. */

typedef struct OrfSql OrfSql;   /* a connection; of the thread it was handed to */
typedef struct OrfStmt OrfStmt; /* a statement in use; borrowed from its connection */

/* Runs inside a transaction on any thread; on false only what this call wrote is undone.
 * Outputs count only when the whole call returned true. */
typedef bool (*OrfSqlFn)(OrfSql *sql, void *data, GError **error);
/* Writers that come at one time share a transaction. `durable`: on the disk when it returns;
 * others may be lost in a power cut, in order. Errors: those of `fn`; UNAVAILABLE, CONFLICT. */
bool orf_store_write(OrfStore *store, bool durable, OrfSqlFn fn, void *data, GError **error);
/* On a connection of its own, beside the writers, in one transaction. */
bool orf_store_read(OrfStore *store, OrfSqlFn fn, void *data, GError **error);

/* Binds values; the statement is kept, hence `text` must outlive the store. `types`, one letter
 * a value: s: const char * (NULL: null), i: int64_t, d: double. Texts must live until the
 * statement is reset, which going out of scope does. */
OrfStmt *orf_sql_bind(OrfSql *sql, GError **error, const char *text, const char *types, ...);
void orf_stmt_reset(OrfStmt *stmt);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(OrfStmt, orf_stmt_reset)
/* The next row; false at the end, and on failure with error set: give it an error that is NULL
 * to tell the two apart. */
bool orf_sql_next(OrfStmt *stmt, GError **error);
/* Exactly one row is to come. Errors: CONFLICT when it does not. */
bool orf_sql_first(OrfStmt *stmt, GError **error);
/* Of the row at hand; null is 0, 0 and NULL. */
int64_t orf_sql_int(OrfStmt *stmt, int column);
double orf_sql_double(OrfStmt *stmt, int column);
const char *orf_sql_text(OrfStmt *stmt, int column); /* until the next row */
char *orf_sql_dup(OrfStmt *stmt, int column);        /* caller owns */
/* Binds, runs to the end, resets. */
bool orf_sql_run(OrfSql *sql, GError **error, const char *text, const char *types, ...);
int64_t orf_sql_changes(OrfSql *sql); /* rows that the last statement wrote */
/* `each` for every row, until it says false. */
typedef bool (*OrfSqlRowFn)(OrfStmt *stmt, void *data, GError **error);
bool orf_sql_each(OrfStmt *stmt, OrfSqlRowFn each, void *data, GError **error);

/* --- Schemas: migrate.c ------------------------------------------------------------------- */

/* One numbered step; once released it is never changed: add one. */
typedef struct {
    const char *script;                        /* or NULL */
    bool (*fill)(OrfSql *sql, GError **error); /* after it; or NULL */
} OrfMigration;
/* A row of `table` keeps the blob that its `column` names; the column is indexed. */
typedef struct {
    const char *table, *column;
} OrfBlobOwner;
typedef struct {
    const char *room; /* "job" */
    const OrfMigration *steps;
    size_t n_steps;
    const OrfBlobOwner *owners;
    size_t n_owners;
} OrfSchema;
/* Brings the room's tables up to date, each step in a transaction of its own, and remembers
 * `schema` (borrowed, outlives the store). Doing it twice does no harm. Errors: CONFLICT
 * (newer: nothing was changed), UNAVAILABLE. */
bool orf_store_migrate(OrfStore *store, const OrfSchema *schema, GError **error);

/* --- Blobs: written to a temporary name, fsynced, renamed --------------------------------- */

/* Stores the bytes; `ret_digest` is their name. Storing twice is storing once. */
bool
orf_blob_put(OrfStore *store, GBytes *bytes, char ret_digest[ORF_DIGEST_SIZE], GError **error);
/* A copy in memory, which nothing that happens to the file can change. NOT_FOUND when it is
 * gone; BUSY: no memory. */
GBytes *orf_blob_get(OrfStore *store, const char *digest, GError **error);
/* Renews its age: nobody takes it away before a row can name it. */
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

/* What was made of the blob `source` (`what` is the digest of the order) is itself a blob; it
 * goes with its source. False from get: nothing is known, or it has gone. */
typedef struct {
    char digest[ORF_DIGEST_SIZE];
    char type[64]; /* media type */
    char extension[16];
} OrfDerived;
bool orf_blob_put_derived(OrfStore *store, const char *source, const char *what,
                          const OrfDerived *derived, GError **error);
bool
orf_blob_get_derived(OrfStore *store, const char *source, const char *what, OrfDerived *ret);

/* Removes blobs that no row names and that were not renewed since `before`, and what was made
 * of them; how many bytes it freed. Memory does not grow with their number. Errors: CONFLICT (a
 * room that has rows here is not open: nothing was removed), UNAVAILABLE. */
uint64_t orf_blob_sweep(OrfStore *store, int64_t before, GError **error);
/* The same for these alone, at once: rows that named them have just gone. */
uint64_t orf_blob_drop(OrfStore *store, const char *const *digests, size_t n, int64_t before);

#endif
