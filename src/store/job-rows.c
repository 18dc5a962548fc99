/* job-rows.c - jobs as rows: add, read, list, move, delete, expire.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "store/store-priv.h"

#define COLUMNS                                                                                \
    "id, tenant, status, priority, kind, key, request, result, error, attempt, spared, "       \
    "progress, "                                                                               \
    "cached, coalesced, no_cache, leader, webhook_url, webhook_events, events, created, "      \
    "started, "                                                                                \
    "finished, expires, deadline, not_before, cost_s, ceiling"
#define TERMINAL 2 /* the first of the terminal states */
#define CLAIM_US (24 * G_TIME_SPAN_HOUR)
#define REMEMBER_US (7 * G_TIME_SPAN_DAY)

static const char *const names[] = {
    [ORF_JOB_QUEUED] = "queued",       [ORF_JOB_RUNNING] = "running",
    [ORF_JOB_SUCCEEDED] = "succeeded", [ORF_JOB_FAILED] = "failed",
    [ORF_JOB_CANCELED] = "canceled",   [ORF_JOB_EXPIRED] = "expired",
};

const char *
orf_job_status_name(OrfJobStatus status)
{
    return names[status];
}

bool
orf_job_status_is_terminal(OrfJobStatus status)
{
    return status >= TERMINAL;
}

void
orf_job_row_clear(OrfJobRow *row)
{
    g_free(row->id);
    g_free(row->tenant);
    g_free(row->kind);
    g_free(row->key);
    g_free(row->request);
    g_free(row->result);
    g_free(row->error);
    g_free(row->leader);
    g_free(row->webhook_url);
    *row = (OrfJobRow){ 0 };
}

void
orf_job_row_free(OrfJobRow *row)
{
    if (!row)
        return;
    orf_job_row_clear(row);
    g_free(row);
}

static OrfJobRow *
read_row(OrfStmt stmt)
{
    OrfJobRow *row = g_new(OrfJobRow, 1);
    *row = (OrfJobRow){
        .id = orf_sql_text(stmt, 0),
        .tenant = orf_sql_text(stmt, 1),
        .status = (OrfJobStatus)CLAMP(sqlite3_column_int(stmt, 2), 0, ORF_JOB_EXPIRED),
        .priority = sqlite3_column_int(stmt, 3),
        .kind = orf_sql_text(stmt, 4),
        .key = orf_sql_text(stmt, 5),
        .request = orf_sql_text(stmt, 6),
        .result = orf_sql_text(stmt, 7),
        .error = orf_sql_text(stmt, 8),
        .attempt = sqlite3_column_int(stmt, 9),
        .spared = sqlite3_column_int(stmt, 10),
        .progress = sqlite3_column_double(stmt, 11),
        .cached = sqlite3_column_int(stmt, 12),
        .coalesced = sqlite3_column_int(stmt, 13),
        .no_cache = sqlite3_column_int(stmt, 14),
        .leader = orf_sql_text(stmt, 15),
        .webhook_url = orf_sql_text(stmt, 16),
        .webhook_events = (unsigned)sqlite3_column_int(stmt, 17),
        .events = (uint64_t)sqlite3_column_int64(stmt, 18),
        .created = sqlite3_column_int64(stmt, 19),
        .started = sqlite3_column_int64(stmt, 20),
        .finished = sqlite3_column_int64(stmt, 21),
        .expires = sqlite3_column_int64(stmt, 22),
        .deadline = sqlite3_column_int64(stmt, 23),
        .not_before = sqlite3_column_int64(stmt, 24),
        .cost_s = sqlite3_column_double(stmt, 25),
        .ceiling = sqlite3_column_double(stmt, 26),
    };
    return row;
}

/* --- Idempotency keys --------------------------------------------------------------------- */

typedef struct {
    const char *tenant, *key, *fingerprint;
    int64_t now;
    char *job;
} Claim;

static bool
find_claim(OrfSql *sql, void *data, GError **error)
{
    Claim *claim = data;
    g_autoptr(GError) why = NULL;
    g_auto(OrfStmt) stmt =
        orf_sql_bind(sql, error,
                     "SELECT fingerprint, job FROM claim WHERE tenant = ?1 "
                     "AND key = ?2 AND created > ?3",
                     "ssi", claim->tenant, claim->key, claim->now - CLAIM_US);
    if (!stmt)
        return false;
    if (!orf_sql_next(sql, stmt, &why)) {
        bool failed = why != NULL;
        if (failed)
            g_propagate_error(error, g_steal_pointer(&why));
        return !failed;
    }
    if (g_strcmp0((const char *)sqlite3_column_text(stmt, 0), claim->fingerprint) != 0)
        return ORF_FALSE(error, CONFLICT,
                         "this idempotency key was used for another request; "
                         "use a new key for a new request");
    claim->job = orf_sql_text(stmt, 1);
    return true;
}

char *
orf_store_find_claim(OrfStore *store, const char *tenant, const char *idempotency_key,
                     const char *fingerprint, int64_t now, GError **error)
{
    Claim claim = { tenant, idempotency_key, fingerprint ? fingerprint : "", now, NULL };
    return orf_store_read(store, find_claim, &claim, error) ? claim.job : NULL;
}

/* --- Add ---------------------------------------------------------------------------------- */

typedef struct {
    const OrfJobRow *row;
    const OrfHookRow *hook;
    Claim claim; /* key NULL: none */
} Addition;

static bool
insert(OrfSql *sql, const OrfJobRow *row, GError **error)
{
    return orf_sql_run(
        sql, error,
        "INSERT INTO job(" COLUMNS
        ") VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
        "ssiisssssiidiiissiiiiiiiidd", row->id, row->tenant, (int64_t)row->status,
        (int64_t)row->priority, row->kind, row->key, row->request, row->result, row->error,
        (int64_t)row->attempt, (int64_t)row->spared, row->progress, (int64_t)row->cached,
        (int64_t)row->coalesced, (int64_t)row->no_cache, row->leader, row->webhook_url,
        (int64_t)row->webhook_events, (int64_t)row->events, row->created, row->started,
        row->finished, row->expires, row->deadline, row->not_before, row->cost_s, row->ceiling);
}

static bool
add_job(OrfSql *sql, void *data, GError **error)
{
    Addition *addition = data;
    Claim *claim = &addition->claim;
    if (claim->key && !find_claim(sql, claim, error))
        return false;
    if (claim->job)
        return true;
    if (claim->key &&
        !orf_sql_run(sql, error, "INSERT OR REPLACE INTO claim VALUES(?, ?, ?, ?, ?)", "ssssi",
                     claim->tenant, claim->key, claim->fingerprint, addition->row->id,
                     claim->now))
        return false;
    return insert(sql, addition->row, error) &&
           (!addition->hook || orf_hook_add_row(sql, addition->hook, error));
}

bool
orf_store_add_job(OrfStore *store, const OrfJobRow *row, const char *idempotency_key,
                  const char *fingerprint, const OrfHookRow *hook, char **ret_existing,
                  GError **error)
{
    Addition addition = { row,
                          hook,
                          { .tenant = row->tenant,
                            .key = idempotency_key,
                            .fingerprint = fingerprint ? fingerprint : "",
                            .now = row->created } };
    bool durable = !row->cached || idempotency_key || hook;
    if (!orf_store_write(store, durable, add_job, &addition, error)) {
        g_free(addition.claim.job);
        return false;
    }
    if (ret_existing)
        *ret_existing = g_steal_pointer(&addition.claim.job);
    g_free(addition.claim.job);
    return true;
}

/* --- Read --------------------------------------------------------------------------------- */

typedef struct {
    const char *id, *tenant, *cursor;
    int status;
    unsigned limit;
    GPtrArray *rows;
} Query;

static bool
read_rows(OrfSql *sql, OrfStmt stmt, GPtrArray *rows, GError **error)
{
    g_autoptr(GError) why = NULL;
    while (stmt && orf_sql_next(sql, stmt, &why))
        g_ptr_array_add(rows, read_row(stmt));
    bool failed = why != NULL;
    if (failed)
        g_propagate_error(error, g_steal_pointer(&why));
    return stmt && !failed;
}

static bool
get_job(OrfSql *sql, void *data, GError **error)
{
    Query *query = data;
    g_auto(OrfStmt) stmt =
        orf_sql_bind(sql, error, "SELECT " COLUMNS " FROM job WHERE id = ?", "s", query->id);
    return read_rows(sql, stmt, query->rows, error);
}

OrfJobRow *
orf_store_get_job(OrfStore *store, const char *id, GError **error)
{
    g_autoptr(GPtrArray) rows =
        g_ptr_array_new_with_free_func((GDestroyNotify)orf_job_row_free);
    if (!orf_store_read(store, get_job, &(Query){ .id = id, .rows = rows }, error))
        return NULL;
    if (rows->len == 0)
        return ORF_FAIL(error, NOT_FOUND, "no such job; it may have expired");
    return g_ptr_array_steal_index(rows, 0);
}

static bool
list_jobs(OrfSql *sql, void *data, GError **error)
{
    Query *query = data;
    g_auto(OrfStmt) stmt = orf_sql_bind(
        sql, error,
        "SELECT " COLUMNS
        " FROM job WHERE (?1 IS NULL OR tenant = ?1) AND (?2 < 0 OR status = ?2)"
        " AND (?3 IS NULL OR id > ?3) ORDER BY id LIMIT ?4",
        "sisi", query->tenant, (int64_t)query->status, query->cursor, (int64_t)query->limit);
    return read_rows(sql, stmt, query->rows, error);
}

static bool
recent_jobs(OrfSql *sql, void *data, GError **error)
{
    Query *query = data;
    g_auto(OrfStmt) stmt = orf_sql_bind(
        sql, error,
        "SELECT " COLUMNS
        " FROM job WHERE (?1 IS NULL OR tenant = ?1) AND (?2 < 0 OR status = ?2)"
        " AND (?3 IS NULL OR id < ?3) ORDER BY id DESC LIMIT ?4",
        "sisi", query->tenant, (int64_t)query->status, query->cursor, (int64_t)query->limit);
    return read_rows(sql, stmt, query->rows, error);
}

static GPtrArray *
run_query(OrfStore *store, OrfSqlFn fn, Query query, GError **error)
{
    g_autoptr(GPtrArray) rows =
        g_ptr_array_new_with_free_func((GDestroyNotify)orf_job_row_free);
    query.rows = rows;
    return orf_store_read(store, fn, &query, error) ? g_steal_pointer(&rows) : NULL;
}

GPtrArray *
orf_store_list_jobs(OrfStore *store, const char *tenant, int status, const char *cursor,
                    unsigned limit, GError **error)
{
    Query query = { .tenant = tenant, .status = status, .cursor = cursor, .limit = limit };
    return run_query(store, list_jobs, query, error);
}

GPtrArray *
orf_store_recent_jobs(OrfStore *store, const char *tenant, int status, const char *cursor,
                      unsigned limit, GError **error)
{
    Query query = { .tenant = tenant, .status = status, .cursor = cursor, .limit = limit };
    return run_query(store, recent_jobs, query, error);
}

/* --- Move --------------------------------------------------------------------------------- */

typedef struct {
    OrfJobMove *moves;
    size_t n;
    const OrfMoveOptions *options;
} Moves;

static bool
move_row(OrfSql *sql, OrfJobMove *move, const OrfMoveOptions *options, GError **error)
{
    const OrfJobRow *to = move->to;
    if (!orf_sql_run(sql, error,
                     "UPDATE job SET status = ?1, result = ?2, error = ?3, progress = "
                     "MAX(progress, ?4), "
                     "attempt = MAX(attempt, ?5), spared = ?6, events = ?7, started = ?8, "
                     "finished = ?9, "
                     "expires = ?10, not_before = ?11, cached = ?12, coalesced = ?13, "
                     "cost_s = ?14, leader = ?15, ceiling = MAX(ceiling, ?19) WHERE id = ?16 "
                     "AND (?17 >> status) & 1 "
                     "AND (?18 < 0 OR attempt <= ?18)",
                     "issdiiiiiiiiidssiid", (int64_t)to->status, to->result, to->error,
                     to->progress, (int64_t)to->attempt, (int64_t)to->spared,
                     (int64_t)to->events, to->started, to->finished, to->expires,
                     to->not_before, (int64_t)to->cached, (int64_t)to->coalesced, to->cost_s,
                     to->leader, to->id, (int64_t)options->from, (int64_t)move->attempt,
                     to->ceiling))
        return false;
    move->moved = sqlite3_changes(sql->db) > 0;
    return !move->moved || !move->hook || orf_hook_add_row(sql, move->hook, error);
}

static bool
move_rows(OrfSql *sql, void *data, GError **error)
{
    Moves *moves = data;
    bool any = false;
    for (size_t i = 0; i < moves->n; i++) {
        if (!move_row(sql, &moves->moves[i], moves->options, error))
            return false;
        any |= moves->moves[i].moved;
    }
    const OrfCacheRow *cache = any ? moves->options->cache : NULL;
    return !cache || orf_cache_put_row(sql, cache, error);
}

bool
orf_store_move_jobs(OrfStore *store, OrfJobMove *moves, size_t n, const OrfMoveOptions *options,
                    GError **error)
{
    return orf_store_write(store, options->durable, move_rows, &(Moves){ moves, n, options },
                           error);
}

bool
orf_store_move_job(OrfStore *store, const OrfJobRow *to, unsigned from, int attempt,
                   bool *ret_moved, GError **error)
{
    OrfJobMove move = { .to = to, .attempt = attempt };
    OrfMoveOptions options = { .from = from, .durable = true };
    if (!orf_store_move_jobs(store, &move, 1, &options, error))
        return false;
    *ret_moved = move.moved;
    return true;
}

/* --- Delete ------------------------------------------------------------------------------- */

static bool
delete_job(OrfSql *sql, void *data, GError **error)
{
    const char *id = data;
    if (!orf_sql_run(sql, error, "DELETE FROM claim WHERE job = ?", "s", id) ||
        !orf_sql_run(sql, error, "DELETE FROM job WHERE id = ?", "s", id))
        return false;
    if (sqlite3_changes(sql->db) == 0)
        return ORF_FALSE(error, NOT_FOUND, "no such job; it may have expired");
    return true;
}

bool
orf_store_delete_job(OrfStore *store, const char *id, GError **error)
{
    return orf_store_write(store, true, delete_job, (void *)(uintptr_t)id, error);
}

typedef struct {
    int64_t now, changed;
} Expiry;

static bool
expire_jobs(OrfSql *sql, void *data, GError **error)
{
    Expiry *expiry = data;
    if (!orf_sql_run(sql, error,
                     "DELETE FROM job WHERE expires > 0 AND expires <= ?1 AND status >= 2 "
                     "AND request IS NULL",
                     "i", expiry->now - REMEMBER_US))
        return false;
    expiry->changed = sqlite3_changes(sql->db);
    if (!orf_sql_run(sql, error,
                     "UPDATE job SET request = NULL, result = NULL WHERE expires > 0 "
                     "AND expires <= ?1 AND status >= 2 AND request IS NOT NULL",
                     "i", expiry->now))
        return false;
    expiry->changed += sqlite3_changes(sql->db);
    return orf_sql_run(sql, error, "DELETE FROM claim WHERE created <= ?", "i",
                       expiry->now - CLAIM_US);
}

int64_t
orf_store_expire_jobs(OrfStore *store, int64_t now, GError **error)
{
    Expiry expiry = { .now = now };
    return orf_store_write(store, false, expire_jobs, &expiry, error) ? expiry.changed : -1;
}
