/* store-priv.h - one SQL connection, the store's inside, reads and writes.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ORF_STORE_PRIV_H
#define ORF_STORE_PRIV_H

#include "store/store.h"

#include <sqlite3.h>

/* --- sql.c: a connection and its prepared statements. One thread at a time ---------------- */

typedef struct {
    sqlite3 *db;
    GHashTable *statements; /* by the address of their text, which must be static */
} OrfSql;

/* A prepared statement in use; reset when it goes out of scope. */
typedef sqlite3_stmt *OrfStmt;
void orf_stmt_reset(OrfStmt stmt);
G_DEFINE_AUTO_CLEANUP_FREE_FUNC(OrfStmt, orf_stmt_reset, NULL)

OrfSql *orf_sql_open(const char *path, bool writer, GError **error);
void orf_sql_close(OrfSql *sql);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(OrfSql, orf_sql_close)
/* `text` is static. `types`, one letter a value: s: const char * (NULL: null), i: int64_t, d:
 * double. Strings must live until the statement is reset. */
OrfStmt orf_sql_bind(OrfSql *sql, GError **error, const char *text, const char *types, ...);
/* The next row; false at the end, and on failure with error set. */
bool orf_sql_next(OrfSql *sql, OrfStmt stmt, GError **error);
/* Bind, run to the end, reset. */
bool orf_sql_run(OrfSql *sql, GError **error, const char *text, const char *types, ...);
/* Several statements without values, not kept. */
bool orf_sql_script(OrfSql *sql, const char *text, GError **error);
char *orf_sql_text(OrfStmt stmt, int column); /* NULL for null; caller owns */
/* Turns what SQLite said last into an error; false. */
bool orf_sql_fail(OrfSql *sql, int code, GError **error);

/* --- migrate.c ---------------------------------------------------------------------------- */

/* Brings the schema up to date. Errors: CONFLICT (newer, corrupt), UNAVAILABLE. */
bool orf_store_migrate(OrfSql *sql, GError **error);

/* --- write.c: many writers, one transaction ----------------------------------------------- */

/* Runs inside a transaction on any thread; on false only what this call wrote is undone.
 * Outputs count only when the whole call returned true. */
typedef bool (*OrfSqlFn)(OrfSql *sql, void *data, GError **error);
/* `durable`: on the disk when it returns. */
bool orf_store_write(OrfStore *store, bool durable, OrfSqlFn fn, void *data, GError **error);
/* On a reader of its own, beside the writers, in one transaction. */
bool orf_store_read(OrfStore *store, OrfSqlFn fn, void *data, GError **error);

typedef struct OrfWriteOp OrfWriteOp;

struct OrfStore {
    char *dir, *db_path, *blob_dir;
    int lock_fd;
    int64_t openings;
    OrfSql *writer; /* of the thread that has `writing` */
    OrfSql *tidier; /* of the thread that has `tidying` */
    GMutex lock;    /* guards what follows */
    GCond wrote;
    bool writing, full_sync;
    OrfWriteOp *first, *last; /* waiting */
    GPtrArray *readers;       /* idle */
    GError *sick;             /* of the newest write; NULL: went well */
    GMutex tidying;
    GMutex sweeping; /* a blob is looked at, renewed or removed */
};

/* --- blob.c ------------------------------------------------------------------------------- */

bool orf_blob_is_name(const char *digest);
/* "blobs/ab/cd/abcd..."; caller owns. */
char *orf_blob_path(const OrfStore *store, const char *digest);
/* Of errno; `what` says what was tried. */
bool orf_file_fail(GError **error, const char *what, int code);

/* Cache rows inside a move's transaction. */
bool orf_cache_put_row(OrfSql *sql, const OrfCacheRow *row, GError **error);
bool orf_hook_add_row(OrfSql *sql, const OrfHookRow *row, GError **error);

#endif
