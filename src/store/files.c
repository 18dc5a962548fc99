/* files.c - files that clients brought, and what was made of blobs.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "store/store-priv.h"

#include <string.h>

void
orf_file_row_free(OrfFileRow *row)
{
    if (!row)
        return;
    g_free(row->id);
    g_free(row->tenant);
    g_free(row->digest);
    g_free(row->facts);
    g_free(row);
}

static bool
put(OrfSql *sql, void *data, GError **error)
{
    const OrfFileRow *row = data;
    return orf_sql_run(
               sql, error,
               "INSERT OR REPLACE INTO file(tenant, id, digest, facts, created, expires) "
               "VALUES(?, ?, ?, ?, ?, ?)",
               "ssssii", row->tenant, row->id, row->digest, row->facts, row->created,
               row->expires) &&
           orf_sql_run(sql, error, "DELETE FROM file WHERE tenant = ?1 AND expires <= ?2", "si",
                       row->tenant, row->created);
}

bool
orf_store_put_file(OrfStore *store, const OrfFileRow *row, GError **error)
{
    return orf_store_write(store, true, put, (void *)(uintptr_t)row, error);
}

typedef struct {
    const char *tenant, *id;
    int64_t now;
    OrfFileRow *row;
} Query;

static bool
get(OrfSql *sql, void *data, GError **error)
{
    Query *query = data;
    g_autoptr(GError) why = NULL;
    g_auto(OrfStmt) stmt =
        orf_sql_bind(sql, error,
                     "SELECT id, tenant, digest, facts, created, expires FROM file "
                     "WHERE tenant = ?1 AND id = ?2 AND expires > ?3",
                     "ssi", query->tenant, query->id, query->now);
    if (!stmt)
        return false;
    if (!orf_sql_next(sql, stmt, &why)) {
        if (why)
            g_propagate_error(error, g_steal_pointer(&why));
        else
            return ORF_FALSE(error, NOT_FOUND,
                             "no such file; it may have expired: send it again");
        return false;
    }
    query->row = g_new(OrfFileRow, 1);
    *query->row = (OrfFileRow){
        .id = orf_sql_text(stmt, 0),
        .tenant = orf_sql_text(stmt, 1),
        .digest = orf_sql_text(stmt, 2),
        .facts = orf_sql_text(stmt, 3),
        .created = sqlite3_column_int64(stmt, 4),
        .expires = sqlite3_column_int64(stmt, 5),
    };
    return true;
}

OrfFileRow *
orf_store_get_file(OrfStore *store, const char *tenant, const char *id, int64_t now,
                   GError **error)
{
    Query query = { tenant, id, now, NULL };
    return orf_store_read(store, get, &query, error) ? query.row : NULL;
}

static bool delete (OrfSql *sql, void *data, GError **error)
{
    Query *query = data;
    if (!orf_sql_run(sql, error, "DELETE FROM file WHERE tenant = ? AND id = ?", "ss",
                     query->tenant, query->id))
        return false;
    if (sqlite3_changes(sql->db) == 0)
        return ORF_FALSE(error, NOT_FOUND, "no such file; it may have expired");
    return true;
}

bool
orf_store_delete_file(OrfStore *store, const char *tenant, const char *id, GError **error)
{
    return orf_store_write(store, true, delete, &(Query){ tenant, id, 0, NULL }, error);
}

/* --- What was made of blobs --------------------------------------------------------------- */

typedef struct {
    const char *source, *what;
    char digest[ORF_DIGEST_SIZE];
} Derived;

static bool
put_derived(OrfSql *sql, void *data, GError **error)
{
    Derived *derived = data;
    return orf_sql_run(sql, error, "INSERT OR REPLACE INTO derived VALUES(?, ?, ?)", "sss",
                       derived->source, derived->what, derived->digest);
}

bool
orf_store_put_derived(OrfStore *store, const char *source, const char *what, const char *digest,
                      GError **error)
{
    Derived derived = { source, what, "" };
    g_strlcpy(derived.digest, digest, sizeof derived.digest);
    return orf_store_write(store, false, put_derived, &derived, error);
}

static bool
get_derived(OrfSql *sql, void *data, GError **error)
{
    Derived *derived = data;
    g_auto(OrfStmt) stmt =
        orf_sql_bind(sql, error, "SELECT digest FROM derived WHERE source = ? AND what = ?",
                     "ss", derived->source, derived->what);
    if (stmt && orf_sql_next(sql, stmt, error))
        g_strlcpy(derived->digest, (const char *)sqlite3_column_text(stmt, 0),
                  sizeof derived->digest);
    return stmt != NULL;
}

bool
orf_store_get_derived(OrfStore *store, const char *source, const char *what,
                      char ret_digest[ORF_DIGEST_SIZE])
{
    Derived derived = { source, what, "" };
    if (!orf_store_read(store, get_derived, &derived, NULL) ||
        !orf_blob_has(store, derived.digest))
        return false;
    memcpy(ret_digest, derived.digest, ORF_DIGEST_SIZE);
    return true;
}
