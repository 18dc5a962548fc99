/* file-rows.c - files that clients brought: a row keeps its blob until it expires.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "api/file-rows.h"

static const OrfMigration steps[] = {
    { .script =
          "CREATE TABLE file(tenant TEXT NOT NULL, id TEXT NOT NULL, digest TEXT NOT NULL, facts "
          "TEXT, created INTEGER NOT NULL, expires INTEGER NOT NULL, PRIMARY KEY(tenant, id)) "
          "WITHOUT ROWID;" },
    { .script =
          "CREATE INDEX file_digest ON file(digest); CREATE INDEX file_expires ON file(expires);" },
};
static const OrfBlobOwner owners[] = { { "file", "digest" } };
const OrfSchema orf_file_schema = { "api", steps, G_N_ELEMENTS(steps), owners,
                                    G_N_ELEMENTS(owners) };

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
    return orf_sql_run(sql, error,
                       "INSERT INTO file(tenant, id, digest, facts, created, expires) "
                       "VALUES($1, $2, $3, $4, $5, $6) ON CONFLICT(tenant, id) DO UPDATE SET "
                       "digest = $3, facts = $4, created = $5, expires = $6",
                       "ssssii", row->tenant, row->id, row->digest, row->facts, row->created,
                       row->expires) &&
           orf_sql_run(sql, error, "DELETE FROM file WHERE expires <= $1", "i", row->created);
}

bool
orf_file_row_put(OrfStore *store, const OrfFileRow *row, GError **error)
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
    g_autoptr(OrfStmt) stmt =
        orf_sql_bind(sql, error,
                     "SELECT id, tenant, digest, facts, created, expires FROM file "
                     "WHERE tenant = $1 AND id = $2 AND expires > $3",
                     "ssi", query->tenant, query->id, query->now);
    if (!stmt)
        return false;
    if (!orf_sql_next(stmt, &why)) {
        if (why)
            g_propagate_error(error, g_steal_pointer(&why));
        else
            return ORF_FALSE(error, NOT_FOUND,
                             "no such file; it may have expired: send it again");
        return false;
    }
    query->row = g_new(OrfFileRow, 1);
    *query->row = (OrfFileRow){
        .id = orf_sql_dup(stmt, 0),
        .tenant = orf_sql_dup(stmt, 1),
        .digest = orf_sql_dup(stmt, 2),
        .facts = orf_sql_dup(stmt, 3),
        .created = orf_sql_int(stmt, 4),
        .expires = orf_sql_int(stmt, 5),
    };
    return true;
}

OrfFileRow *
orf_file_row_get(OrfStore *store, const char *tenant, const char *id, int64_t now,
                 GError **error)
{
    Query query = { tenant, id, now, NULL };
    return orf_store_read(store, get, &query, error) ? query.row : NULL;
}

static bool delete (OrfSql *sql, void *data, GError **error)
{
    Query *query = data;
    if (!orf_sql_run(sql, error, "DELETE FROM file WHERE tenant = $1 AND id = $2", "ss",
                     query->tenant, query->id))
        return false;
    if (orf_sql_changes(sql) == 0)
        return ORF_FALSE(error, NOT_FOUND, "no such file; it may have expired");
    return true;
}

bool
orf_file_row_delete(OrfStore *store, const char *tenant, const char *id, GError **error)
{
    return orf_store_write(store, true, delete, &(Query){ tenant, id, 0, NULL }, error);
}
