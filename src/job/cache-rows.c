/* cache-rows.c - results of finished work, by recipe.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "job/rows.h"

void
orf_cache_row_free(OrfCacheRow *row)
{
    if (!row)
        return;
    g_free(row->tenant);
    g_free(row->key);
    g_free(row->job);
    orf_stages_unref(row->stages);
    orf_job_result_unref(row->result);
    g_free(row);
}

bool
orf_cache_row_insert(OrfSql *sql, const OrfCacheRow *row, const char *job, GError **error)
{
    return orf_sql_run(sql, error,
                       "INSERT INTO cache(tenant, key, job, bytes, cost_s, stored, used, "
                       "expires, hits) VALUES($1, $2, $3, $4, $5, $6, $7, $8, 0) "
                       "ON CONFLICT(tenant, key) DO UPDATE SET job = $3, bytes = $4, "
                       "cost_s = $5, stored = $6, used = $7, expires = $8",
                       "sssidiii", row->tenant, row->key, job, (int64_t)row->bytes, row->cost_s,
                       row->stored, row->used, row->expires);
}

/* --- Look --------------------------------------------------------------------------------- */

typedef struct {
    const char *tenant, *key;
    int64_t now;
    OrfCacheRow *row;
} Look;

static bool
read_row(OrfStmt *stmt, void *data, GError **error)
{
    (void)error;
    Look *look = data;
    look->row = g_new0(OrfCacheRow, 1);
    *look->row = (OrfCacheRow){
        .tenant = g_strdup(look->tenant),
        .key = g_strdup(look->key),
        .job = orf_sql_dup(stmt, 0),
        .bytes = (uint64_t)orf_sql_int(stmt, 1),
        .cost_s = orf_sql_double(stmt, 2),
        .stored = orf_sql_int(stmt, 3),
        .used = orf_sql_int(stmt, 4),
        .expires = orf_sql_int(stmt, 5),
        .hits = orf_sql_int(stmt, 6),
    };
    return true;
}

static bool
get(OrfSql *sql, void *data, GError **error)
{
    Look *look = data;
    g_autoptr(OrfStmt) stmt =
        orf_sql_bind(sql, error,
                     "SELECT job, bytes, cost_s, stored, used, expires, hits FROM cache "
                     "WHERE tenant = $1 AND key = $2 AND expires > $3",
                     "ssi", look->tenant, look->key, look->now);
    if (!orf_sql_each(stmt, read_row, look, error))
        return false;
    OrfCacheRow *row = look->row;
    return !row || (orf_job_read_stages(sql, row->job, &row->stages, error) &&
                    orf_job_read_result(sql, row->job, &row->result, error));
}

OrfCacheRow *
orf_cache_row_get(OrfStore *store, const char *tenant, const char *key, int64_t now,
                  GError **error)
{
    Look look = { tenant, key, now, NULL };
    bool ok = orf_store_read(store, get, &look, error);
    if (!ok || (look.row && !look.row->result))
        g_clear_pointer(&look.row, orf_cache_row_free);
    return look.row;
}

static bool
hit(OrfSql *sql, void *data, GError **error)
{
    const Look *look = data;
    return orf_sql_run(
        sql, error,
        "UPDATE cache SET hits = hits + 1, used = $3 WHERE tenant = $1 AND key = $2", "ssi",
        look->tenant, look->key, look->now);
}

bool
orf_cache_row_hit(OrfStore *store, const char *tenant, const char *key, int64_t now,
                  GError **error)
{
    return orf_store_write(store, false, hit, &(Look){ tenant, key, now, NULL }, error);
}

/* --- Room --------------------------------------------------------------------------------- */

typedef struct {
    uint64_t max_bytes;
    int64_t now, evicted;
} Trim;

/* Those that save the least engine time for each byte go first; of equals the one used longest
 * ago. A blob that several name is on the disk once, and counts for the first of them. */
static bool
trim(OrfSql *sql, void *data, GError **error)
{
    Trim *state = data;
    if (!orf_sql_run(sql, error, "DELETE FROM cache WHERE expires <= $1", "i", state->now))
        return false;
    state->evicted = orf_sql_changes(sql);
    if (!orf_sql_run(
            sql, error,
            "WITH ranked AS (SELECT tenant, key, job, ROW_NUMBER() OVER (ORDER BY cost_s / "
            "(bytes + 1) DESC, used DESC, tenant, key) AS nth FROM cache), "
            "blobs AS (SELECT MIN(nth) AS nth, MAX(s.bytes) AS bytes FROM ranked "
            "JOIN job_stage s ON s.job = ranked.job GROUP BY s.digest), "
            "sizes AS (SELECT nth, SUM(bytes) AS bytes FROM blobs GROUP BY nth) "
            "DELETE FROM cache WHERE (tenant, key) IN (SELECT tenant, key FROM (SELECT "
            "ranked.tenant, ranked.key, SUM(COALESCE(sizes.bytes, 0)) OVER (ORDER BY "
            "ranked.nth) AS total FROM ranked LEFT JOIN sizes ON sizes.nth = ranked.nth) summed WHERE total > $1)",
            "i", (int64_t)MIN(state->max_bytes, INT64_MAX)))
        return false;
    state->evicted += orf_sql_changes(sql);
    return true;
}

bool
orf_cache_rows_trim(OrfStore *store, uint64_t max_bytes, int64_t now, int64_t *ret_evicted,
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
    OrfCacheTotal total;
} Count;

static bool
sum(OrfSql *sql, void *data, GError **error)
{
    Count *count = data;
    g_autoptr(OrfStmt) stmt =
        orf_sql_bind(sql, error,
                     "SELECT COUNT(*), COALESCE(SUM(bytes), 0) FROM cache "
                     "WHERE CAST($1 AS TEXT) IS NULL OR tenant = $1",
                     "s", count->tenant);
    if (!stmt || !orf_sql_first(stmt, error))
        return false;
    count->total.entries = orf_sql_int(stmt, 0);
    count->total.named = (uint64_t)orf_sql_int(stmt, 1);
    return true;
}

static bool
sum_blobs(OrfSql *sql, void *data, GError **error)
{
    Count *count = data;
    if (!sum(sql, data, error))
        return false;
    g_autoptr(OrfStmt) stmt = orf_sql_bind(
        sql, error,
        "SELECT COALESCE(SUM(bytes), 0) FROM (SELECT MAX(s.bytes) AS bytes FROM cache "
        "JOIN job_stage s ON s.job = cache.job WHERE CAST($1 AS TEXT) IS NULL OR "
        "cache.tenant = $1 GROUP BY s.digest) blobs",
        "s", count->tenant);
    if (!stmt || !orf_sql_first(stmt, error))
        return false;
    count->total.bytes = (uint64_t)orf_sql_int(stmt, 0);
    return true;
}

static bool
clear(OrfSql *sql, void *data, GError **error)
{
    const Count *count = data;
    return sum_blobs(sql, data, error) &&
           orf_sql_run(sql, error,
                       "DELETE FROM cache WHERE CAST($1 AS TEXT) IS NULL OR tenant = $1", "s",
                       count->tenant);
}

bool
orf_cache_rows_clear(OrfStore *store, const char *tenant, OrfCacheTotal *ret, GError **error)
{
    Count count = { .tenant = tenant };
    bool ok = orf_store_write(store, false, clear, &count, error);
    *ret = count.total;
    return ok;
}

bool
orf_cache_rows_total(OrfStore *store, const char *tenant, OrfCacheTotal *ret, GError **error)
{
    Count count = { .tenant = tenant };
    bool ok = orf_store_read(store, sum_blobs, &count, error);
    *ret = count.total;
    return ok;
}

bool
orf_cache_rows_named(OrfStore *store, OrfCacheTotal *ret, GError **error)
{
    Count count = { 0 };
    bool ok = orf_store_read(store, sum, &count, error);
    *ret = count.total;
    return ok;
}
