/* store-priv.h - the store's inside: connections, the line of writers, names of blobs.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ORF_STORE_PRIV_H
#define ORF_STORE_PRIV_H

#include "store/store.h"

/* --- sql.c -------------------------------------------------------------------------------- */

OrfSql *orf_sql_open(const char *path, bool writer, GError **error);
void orf_sql_close(OrfSql *sql);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(OrfSql, orf_sql_close)
/* Several statements without values, not kept. */
bool orf_sql_script(OrfSql *sql, const char *text, GError **error);
bool orf_sql_in_transaction(OrfSql *sql);
/* Of a driver without rooms' schemas: how many steps the whole file has seen. */
bool orf_sql_version(OrfSql *sql, int *ret_version, GError **error);
/* Looks at every page. CONFLICT: damaged. */
bool orf_sql_check(OrfSql *sql, GError **error);
void orf_sql_interrupt(OrfSql *sql); /* any thread */
void orf_sql_checkpoint(OrfSql *sql);

/* --- migrate.c ---------------------------------------------------------------------------- */

/* The store's own tables. Errors as of orf_store_migrate. */
bool orf_store_prepare(OrfStore *store, GError **error);
/* Is every room open that has rows here? */
bool orf_store_is_whole(OrfStore *store, GError **error);

/* --- write.c ------------------------------------------------------------------------------ */

typedef struct OrfWriteOp OrfWriteOp;

struct OrfStore {
    char *dir, *db_path, *blob_dir;
    int lock_fd;
    int64_t openings;
    OrfSql *writer; /* of the thread that has `writing` */
    OrfSql *tidier; /* of the thread that has `tidying` */
    GThread *checker;
    OrfSql *checked;
    GPtrArray *schemas; /* OrfSchema, borrowed; complete before threads start */
    GPtrArray *queries; /* texts made of them: the last three, under the lock */
    guint queried;      /* of how many */

    GMutex lock; /* guards what follows */
    GCond wrote;
    bool writing, full_sync;
    OrfWriteOp *first, *last; /* waiting */
    GPtrArray *readers;       /* idle */
    GError *sick;             /* of the newest write; NULL: went well */
    GPtrArray *postponed;     /* digests of blobs to be dropped; or NULL */
    GError *damaged;          /* found while looking; stays */
    GMutex tidying;
    GMutex sweeping; /* a blob is looked at, renewed or removed */
};

/* --- sweep.c ------------------------------------------------------------------------------ */

void orf_blob_drop_postponed(OrfStore *store);

/* --- blob.c ------------------------------------------------------------------------------- */

bool orf_blob_is_name(const char *digest);
/* "blobs/ab/cd/abcd..."; caller owns. */
char *orf_blob_path(const OrfStore *store, const char *digest);
/* Of errno; `what` says what was tried. */
bool orf_file_fail(GError **error, const char *what, int code);
/* Brings the names in a folder to the disk: blob-writer.c. */
bool orf_folder_sync(const char *folder, GError **error);

#endif
