/* hook-rows.c - messages to be delivered, the dead ones too, and what runs took.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "job/rows.h"

#define KEEP_DURATIONS 500
#define FEWEST_DURATIONS 3

void
orf_hook_row_free(OrfHookRow *row)
{
    if (!row)
        return;
    g_free(row->job);
    g_free(row->url);
    g_free(row->event);
    g_free(row->body);
    g_free(row->secret);
    g_free(row->last_error);
    g_free(row);
}

bool
orf_hook_row_insert(OrfSql *sql, const OrfHookRow *row, GError **error)
{
    return orf_sql_run(
        sql, error,
        "INSERT INTO hook(job, url, event, body, secret, attempts, next, last_error) "
        "VALUES($1, $2, $3, $4, $5, $6, $7, $8)",
        "sssssiis", row->job, row->url, row->event, row->body, row->secret,
        (int64_t)row->attempts, row->next, row->last_error);
}

static bool
move(OrfSql *sql, void *data, GError **error)
{
    const OrfHookRow *row = data;
    bool ok =
        row->next
            ? orf_sql_run(sql, error,
                          "UPDATE hook SET attempts = $2, next = $3, "
                          "last_error = $4 WHERE id = $1",
                          "iiis", row->id, (int64_t)row->attempts, row->next, row->last_error)
            : orf_sql_run(sql, error, "DELETE FROM hook WHERE id = $1", "i", row->id);
    if (ok && orf_sql_changes(sql) == 0)
        return ORF_FALSE(error, NOT_FOUND, "no such delivery");
    return ok;
}

bool
orf_hook_row_move(OrfStore *store, const OrfHookRow *row, GError **error)
{
    return orf_store_write(store, false, move, (void *)(uintptr_t)row, error);
}

/* --- Reading ------------------------------------------------------------------------------ */

typedef struct {
    const char *tenant; /* NULL: any */
    int64_t id, now;
    unsigned limit;
    bool dead;
    GPtrArray *rows;
} Query;

static bool
read_row(OrfStmt *stmt, void *data, GError **error)
{
    (void)error;
    OrfHookRow *row = g_new(OrfHookRow, 1);
    *row = (OrfHookRow){
        .id = orf_sql_int(stmt, 0),
        .job = orf_sql_dup(stmt, 1),
        .url = orf_sql_dup(stmt, 2),
        .event = orf_sql_dup(stmt, 3),
        .body = orf_sql_dup(stmt, 4),
        .secret = orf_sql_dup(stmt, 5),
        .attempts = (int)orf_sql_int(stmt, 6),
        .next = orf_sql_int(stmt, 7),
        .last_error = orf_sql_dup(stmt, 8),
    };
    g_ptr_array_add(data, row);
    return true;
}

static bool
find(OrfSql *sql, void *data, GError **error)
{
    const Query *query = data;
    g_autoptr(OrfStmt) stmt = orf_sql_bind(
        sql, error,
        "SELECT id, job, url, event, body, secret, attempts, next, last_error FROM hook "
        "WHERE CASE WHEN $1 > 0 THEN id = $1 WHEN $2 = 1 THEN next < 0 "
        "ELSE next > 0 AND next <= $3 END AND (CAST($5 AS TEXT) IS NULL OR EXISTS "
        "(SELECT 1 FROM job WHERE job.id = hook.job AND job.tenant = $5)) "
        "ORDER BY next, id LIMIT $4",
        "iiiis", query->id, (int64_t)query->dead, query->now, (int64_t)query->limit,
        query->tenant);
    return orf_sql_each(stmt, read_row, query->rows, error);
}

static GPtrArray *
run_query(OrfStore *store, Query query, GError **error)
{
    g_autoptr(GPtrArray) rows =
        g_ptr_array_new_with_free_func((GDestroyNotify)orf_hook_row_free);
    query.rows = rows;
    return orf_store_read(store, find, &query, error) ? g_steal_pointer(&rows) : NULL;
}

GPtrArray *
orf_hook_rows_due(OrfStore *store, int64_t now, unsigned limit, GError **error)
{
    return run_query(store, (Query){ .now = now, .limit = limit }, error);
}

GPtrArray *
orf_hook_rows_dead(OrfStore *store, const char *tenant, unsigned limit, GError **error)
{
    return run_query(store, (Query){ .tenant = tenant, .dead = true, .limit = limit }, error);
}

OrfHookRow *
orf_hook_row_get(OrfStore *store, const char *tenant, int64_t id, GError **error)
{
    g_autoptr(GPtrArray) rows =
        run_query(store, (Query){ .tenant = tenant, .id = id, .limit = 1 }, error);
    if (rows && rows->len == 0)
        return ORF_FAIL(error, NOT_FOUND, "no such delivery");
    return rows ? g_ptr_array_steal_index(rows, 0) : NULL;
}

static bool
next(OrfSql *sql, void *data, GError **error)
{
    g_autoptr(OrfStmt) stmt =
        orf_sql_bind(sql, error, "SELECT COALESCE(MIN(next), 0) FROM hook WHERE next > 0", "");
    if (!stmt || !orf_sql_first(stmt, error))
        return false;
    *(int64_t *)data = orf_sql_int(stmt, 0);
    return true;
}

int64_t
orf_hook_rows_next(OrfStore *store)
{
    int64_t when = 0;
    return orf_store_read(store, next, &when, NULL) ? when : 0;
}

/* --- Durations ---------------------------------------------------------------------------- */

typedef struct {
    const char *kind;
    double seconds;
    uint64_t peak;
    int64_t when;
} Duration;

static bool
add_duration(OrfSql *sql, void *data, GError **error)
{
    Duration *took = data;
    return orf_sql_run(
               sql, error,
               "INSERT INTO duration(kind, seconds, peak, happened) VALUES($1, $2, $3, $4)",
               "sdii", took->kind, took->seconds, (int64_t)took->peak, took->when) &&
           orf_sql_run(
               sql, error,
               "DELETE FROM duration WHERE kind = $1 AND id <= (SELECT id FROM duration "
               "WHERE kind = $1 ORDER BY id DESC LIMIT 1 OFFSET $2)",
               "si", took->kind, (int64_t)KEEP_DURATIONS);
}

bool
orf_duration_add(OrfStore *store, const char *kind, double seconds, uint64_t peak_bytes,
                 int64_t when, GError **error)
{
    Duration took = { kind, seconds, peak_bytes, when };
    return orf_store_write(store, false, add_duration, &took, error);
}

typedef struct {
    const char *kind;
    GArray *seconds, *peaks;
} Measured;

static bool
read_durations(OrfSql *sql, void *data, GError **error)
{
    Measured *measured = data;
    g_autoptr(OrfStmt) stmt = orf_sql_bind(
        sql, error, "SELECT seconds, CAST(peak AS REAL) FROM duration WHERE kind = $1", "s",
        measured->kind);
    while (stmt && orf_sql_next(stmt, error)) {
        double seconds = orf_sql_double(stmt, 0), peak = orf_sql_double(stmt, 1);
        g_array_append_val(measured->seconds, seconds);
        g_array_append_val(measured->peaks, peak);
    }
    return stmt != NULL;
}

static int
compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* The smallest value that a share of `p` does not exceed. */
static double
quantile(const GArray *sorted, double p)
{
    guint at = (guint)(p * sorted->len);
    return g_array_index(sorted, double, MIN(at, sorted->len - 1));
}

bool
orf_durations(OrfStore *store, const char *kind, double *ret_p50, double *ret_p90,
              uint64_t *ret_peak)
{
    g_autoptr(GArray) seconds = g_array_new(false, false, sizeof(double));
    g_autoptr(GArray) peaks = g_array_new(false, false, sizeof(double));
    Measured measured = { kind, seconds, peaks };
    if (!orf_store_read(store, read_durations, &measured, NULL) ||
        seconds->len < FEWEST_DURATIONS)
        return false;
    g_array_sort(seconds, compare);
    g_array_sort(peaks, compare);
    *ret_p50 = quantile(seconds, 0.5);
    *ret_p90 = quantile(seconds, 0.9);
    *ret_peak = (uint64_t)quantile(peaks, 0.9);
    return true;
}
