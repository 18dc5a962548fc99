/* derived.c - what was made of blobs, by source and name.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "store/store-priv.h"

#include <string.h>

typedef struct {
    const char *source, *what;
    OrfDerived derived;
} Row;

static bool
put(OrfSql *sql, void *data, GError **error)
{
    const Row *row = data;
    return orf_sql_run(sql, error,
                       "INSERT INTO derived(source, what, digest, type, extension) "
                       "VALUES($1, $2, $3, $4, $5) ON CONFLICT(source, what) DO UPDATE SET "
                       "digest = excluded.digest, type = excluded.type, "
                       "extension = excluded.extension",
                       "sssss", row->source, row->what, row->derived.digest, row->derived.type,
                       row->derived.extension);
}

bool
orf_blob_put_derived(OrfStore *store, const char *source, const char *what,
                     const OrfDerived *derived, GError **error)
{
    Row row = { source, what, *derived };
    return orf_store_write(store, false, put, &row, error);
}

/* Of rows that an earlier version wrote the type is not known: made again, it is. */
static bool
get(OrfSql *sql, void *data, GError **error)
{
    Row *row = data;
    g_autoptr(OrfStmt) stmt =
        orf_sql_bind(sql, error,
                     "SELECT digest, type, extension FROM derived WHERE source = $1 AND "
                     "what = $2 AND type IS NOT NULL",
                     "ss", row->source, row->what);
    if (stmt && orf_sql_next(stmt, NULL)) { /* failure: nothing is known */
        g_strlcpy(row->derived.digest, orf_sql_text(stmt, 0), sizeof row->derived.digest);
        g_strlcpy(row->derived.type, orf_sql_text(stmt, 1), sizeof row->derived.type);
        g_strlcpy(row->derived.extension, orf_sql_text(stmt, 2), sizeof row->derived.extension);
    }
    return stmt != NULL;
}

bool
orf_blob_get_derived(OrfStore *store, const char *source, const char *what, OrfDerived *ret)
{
    Row row = { .source = source, .what = what };
    if (!orf_store_read(store, get, &row, NULL) || !orf_blob_has(store, row.derived.digest))
        return false;
    *ret = row.derived;
    return true;
}
