/* cache.c - results of finished work, by recipe.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "store/store-priv.h"

void
orf_cache_row_free(OrfCacheRow *row)
{
    if (!row)
        return;
    g_free(row->key);
    g_free(row->result);
    g_free(row);
}

bool
orf_cache_put_row(OrfSql *sql, const OrfCacheRow *row, GError **error)
{
    return orf_sql_run(sql, error,
                       "INSERT INTO cache VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) "
                       "ON CONFLICT(key) DO UPDATE SET result = ?2, bytes = ?3, cost_s = ?4, "
                       "stored = ?5, used = ?6, expires = ?7",
                       "ssidiiii", row->key, row->result, (int64_t)row->bytes, row->cost_s,
                       row->stored, row->used, row->expires, row->hits);
}

static bool
put(OrfSql *sql, void *data, GError **error)
{
    return orf_cache_put_row(sql, data, error);
}

bool
orf_store_cache_put(OrfStore *store, const OrfCacheRow *row, GError **error)
{
    return orf_store_write(store, false, put, (void *)(uintptr_t)row, error);
}

/* --- Look --------------------------------------------------------------------------------- */

typedef struct {
    const char *key;
    int64_t now;
    OrfCacheRow *row;
} Look;

static bool
get(OrfSql *sql, void *data, GError **error)
{
    Look *look = data;
    g_autoptr(GError) why = NULL;
    g_auto(OrfStmt) stmt =
        orf_sql_bind(sql, error,
                     "SELECT key, result, bytes, cost_s, stored, used, expires, hits "
                     "FROM cache WHERE key = ?1 AND expires > ?2",
                     "si", look->key, look->now);
    if (!stmt)
        return false;
    if (!orf_sql_next(sql, stmt, &why)) {
        bool failed = why != NULL;
        if (failed)
            g_propagate_error(error, g_steal_pointer(&why));
        return !failed;
    }
    look->row = g_new(OrfCacheRow, 1);
    *look->row = (OrfCacheRow){
        .key = orf_sql_text(stmt, 0),
        .result = orf_sql_text(stmt, 1),
        .bytes = (uint64_t)sqlite3_column_int64(stmt, 2),
        .cost_s = sqlite3_column_double(stmt, 3),
        .stored = sqlite3_column_int64(stmt, 4),
        .used = sqlite3_column_int64(stmt, 5),
        .expires = sqlite3_column_int64(stmt, 6),
        .hits = sqlite3_column_int64(stmt, 7),
    };
    return true;
}

OrfCacheRow *
orf_store_cache_get(OrfStore *store, const char *key, int64_t now, GError **error)
{
    Look look = { key, now, NULL };
    return orf_store_read(store, get, &look, error) ? look.row : NULL;
}

static bool
hit(OrfSql *sql, void *data, GError **error)
{
    Look *look = data;
    return orf_sql_run(sql, error, "UPDATE cache SET hits = hits + 1, used = ?2 WHERE key = ?1",
                       "si", look->key, look->now);
}

bool
orf_store_cache_hit(OrfStore *store, const char *key, int64_t now, GError **error)
{
    return orf_store_write(store, false, hit, &(Look){ key, now, NULL }, error);
}

/* --- Room --------------------------------------------------------------------------------- */

typedef struct {
    uint64_t max_bytes;
    int64_t now, evicted;
} Trim;

/* Those that save the least engine time for each byte go first; of equals the one used longest
 * ago. */
static bool
trim(OrfSql *sql, void *data, GError **error)
{
    Trim *state = data;
    if (!orf_sql_run(sql, error, "DELETE FROM cache WHERE expires <= ?", "i", state->now))
        return false;
    state->evicted = sqlite3_changes(sql->db);
    if (!orf_sql_run(
            sql, error,
            "DELETE FROM cache WHERE key IN (SELECT key FROM (SELECT key, "
            "SUM(bytes) OVER (ORDER BY cost_s / (bytes + 1) DESC, used DESC, key) AS total "
            "FROM cache) WHERE total > ?1)",
            "i", (int64_t)MIN(state->max_bytes, INT64_MAX)))
        return false;
    state->evicted += sqlite3_changes(sql->db);
    return true;
}

bool
orf_store_cache_trim(OrfStore *store, uint64_t max_bytes, int64_t now, int64_t *ret_evicted,
                     GError **error)
{
    Trim state = { max_bytes, now, 0 };
    if (!orf_store_write(store, false, trim, &state, error))
        return false;
    *ret_evicted = state.evicted;
    return true;
}

typedef struct {
    const char *tenant;
    int64_t entries;
    uint64_t bytes;
} Totals;

/* Of a tenant: every key that begins with its name and a slash ('0' follows '/'). */
static bool
count(OrfSql *sql, void *data, GError **error)
{
    Totals *totals = data;
    g_auto(OrfStmt) stmt =
        orf_sql_bind(sql, error,
                     "SELECT COUNT(*), COALESCE(SUM(bytes), 0) FROM cache WHERE ?1 IS NULL OR "
                     "(key >= ?1 || '/' AND key < ?1 || '0')",
                     "s", totals->tenant);
    if (!stmt || !orf_sql_next(sql, stmt, error))
        return false;
    totals->entries = sqlite3_column_int64(stmt, 0);
    totals->bytes = (uint64_t)sqlite3_column_int64(stmt, 1);
    return true;
}

static bool
clear(OrfSql *sql, void *data, GError **error)
{
    Totals *totals = data;
    return count(sql, data, error) &&
           orf_sql_run(
               sql, error,
               "DELETE FROM cache WHERE ?1 IS NULL OR (key >= ?1 || '/' AND key < ?1 || '0')",
               "s", totals->tenant);
}

bool
orf_store_cache_clear(OrfStore *store, const char *tenant, int64_t *ret_entries,
                      uint64_t *ret_bytes, GError **error)
{
    Totals totals = { .tenant = tenant };
    if (!orf_store_write(store, false, clear, &totals, error))
        return false;
    *ret_entries = totals.entries;
    *ret_bytes = totals.bytes;
    return true;
}

bool
orf_store_cache_totals(OrfStore *store, int64_t *ret_entries, uint64_t *ret_bytes,
                       GError **error)
{
    Totals totals = { 0 };
    if (!orf_store_read(store, count, &totals, error))
        return false;
    *ret_entries = totals.entries;
    *ret_bytes = totals.bytes;
    return true;
}
