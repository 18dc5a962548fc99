/* rows.c - jobs as rows: add, read, list, move, delete, expire.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "job/rows.h"

#include <string.h>

#define COLUMNS                                                                                \
    "id, tenant, status, priority, kind, key, request, error_code, error_text, retryable, "    \
    "attempt, spared, progress, ceiling, cached, coalesced, no_cache, leader, webhook_url, "   \
    "webhook_events, events, created, started, finished, expires, deadline, not_before, "      \
    "cost_s"
#define CLAIM_US (24 * G_TIME_SPAN_HOUR)
#define REMEMBER_US (7 * G_TIME_SPAN_DAY)
#define MASK_PLACE 1000 /* of a mask among the inputs */

/* --- Reading ------------------------------------------------------------------------------ */

static bool
add_stage(OrfStmt *stmt, void *data, GError **error)
{
    (void)error;
    OrfStageRow row = {
        .progress = orf_sql_double(stmt, 1),
        .bytes = (uint64_t)orf_sql_int(stmt, 3),
        .vertices = (uint64_t)orf_sql_int(stmt, 4),
        .triangles = (uint64_t)orf_sql_int(stmt, 5),
        .took_s = orf_sql_double(stmt, 6),
    };
    g_strlcpy(row.name, orf_sql_text(stmt, 0), sizeof row.name);
    g_strlcpy(row.digest, orf_sql_text(stmt, 2), sizeof row.digest);
    g_strlcpy(row.type, orf_sql_text(stmt, 7), sizeof row.type);
    g_strlcpy(row.extension, orf_sql_text(stmt, 8), sizeof row.extension);
    g_array_append_val((GArray *)data, row);
    return true;
}

bool
orf_job_read_stages(OrfSql *sql, const char *id, OrfStages **ret, GError **error)
{
    g_autoptr(GArray) rows = g_array_new(false, false, sizeof(OrfStageRow));
    g_autoptr(OrfStmt) stmt =
        orf_sql_bind(sql, error,
                     "SELECT name, progress, digest, bytes, vertices, triangles, took_s, "
                     "type, extension FROM job_stage WHERE job = $1 ORDER BY place",
                     "s", id);
    if (!orf_sql_each(stmt, add_stage, rows, error))
        return false;
    *ret =
        rows->len ? orf_stages_new((const OrfStageRow *)(void *)rows->data, rows->len) : NULL;
    return true;
}

static bool
read_result(OrfStmt *stmt, void *data, GError **error)
{
    (void)error;
    OrfJobResult *result = orf_job_result_new();
    const char *warnings = orf_sql_text(stmt, 7);
    result->generator = orf_sql_dup(stmt, 0);
    result->reason = orf_sql_dup(stmt, 1);
    result->confidence = orf_sql_double(stmt, 2);
    result->runner_up = orf_sql_dup(stmt, 3);
    result->runner_up_reason = orf_sql_dup(stmt, 4);
    result->seed = orf_sql_int(stmt, 5);
    result->measures = orf_sql_dup(stmt, 6);
    result->warnings = warnings ? g_strsplit(warnings, "\n", -1) : NULL;
    result->took_s = orf_sql_double(stmt, 8);
    result->peak_bytes = (uint64_t)orf_sql_int(stmt, 9);
    result->engine = orf_sql_dup(stmt, 10);
    result->facts = orf_sql_dup(stmt, 11);
    *(OrfJobResult **)data = result;
    return true;
}

bool
orf_job_read_result(OrfSql *sql, const char *id, OrfJobResult **ret, GError **error)
{
    g_autoptr(OrfStmt) stmt =
        orf_sql_bind(sql, error,
                     "SELECT generator, reason, confidence, runner_up, runner_up_reason, seed, "
                     "measures, warnings, took_s, peak_bytes, engine, facts FROM job_result "
                     "WHERE job = $1",
                     "s", id);
    return orf_sql_each(stmt, read_result, ret, error);
}

/* A request of a version that nobody reads any more is as good as none. */
static OrfJobRequest *
read_request(const char *text)
{
    return text ? orf_job_request_parse(text, NULL) : NULL;
}

static OrfJobRow *
read_columns(OrfStmt *stmt)
{
    OrfJobRow *row = g_new(OrfJobRow, 1);
    *row = (OrfJobRow){
        .id = orf_sql_dup(stmt, 0),
        .tenant = orf_sql_dup(stmt, 1),
        .status = (OrfJobStatus)CLAMP(orf_sql_int(stmt, 2), 0, ORF_JOB_EXPIRED),
        .priority = (int)orf_sql_int(stmt, 3),
        .kind = orf_sql_dup(stmt, 4),
        .key = orf_sql_dup(stmt, 5),
        .request = read_request(orf_sql_text(stmt, 6)),
        .error = { orf_sql_dup(stmt, 7), orf_sql_dup(stmt, 8), orf_sql_int(stmt, 9) },
        .attempt = (int)orf_sql_int(stmt, 10),
        .spared = (int)orf_sql_int(stmt, 11),
        .progress = orf_sql_double(stmt, 12),
        .ceiling = orf_sql_double(stmt, 13),
        .cached = orf_sql_int(stmt, 14),
        .coalesced = orf_sql_int(stmt, 15),
        .no_cache = orf_sql_int(stmt, 16),
        .leader = orf_sql_dup(stmt, 17),
        .webhook_url = orf_sql_dup(stmt, 18),
        .webhook_events = (unsigned)orf_sql_int(stmt, 19),
        .events = (uint64_t)orf_sql_int(stmt, 20),
        .created = orf_sql_int(stmt, 21),
        .started = orf_sql_int(stmt, 22),
        .finished = orf_sql_int(stmt, 23),
        .expires = orf_sql_int(stmt, 24),
        .deadline = orf_sql_int(stmt, 25),
        .not_before = orf_sql_int(stmt, 26),
        .cost_s = orf_sql_double(stmt, 27),
    };
    return row;
}

static bool
add_row(OrfStmt *stmt, void *data, GError **error)
{
    (void)error;
    g_ptr_array_add(data, read_columns(stmt));
    return true;
}

static bool
read_rows(OrfSql *sql, OrfStmt *stmt, GPtrArray *rows, GError **error)
{
    if (!orf_sql_each(stmt, add_row, rows, error))
        return false;
    for (guint i = 0; i < rows->len; i++) {
        OrfJobRow *row = rows->pdata[i];
        if (!orf_job_read_stages(sql, row->id, &row->stages, error) ||
            !orf_job_read_result(sql, row->id, &row->result, error))
            return false;
    }
    return true;
}

typedef struct {
    const char *id, *tenant;
    OrfJobQuery query;
    GPtrArray *rows;
} Reading;

static bool
fail_unknown(GError **error)
{
    return ORF_FALSE(error, NOT_FOUND, "no such job; it may have expired");
}

static bool
get_job(OrfSql *sql, void *data, GError **error)
{
    const Reading *reading = data;
    g_autoptr(OrfStmt) stmt =
        orf_sql_bind(sql, error,
                     "SELECT " COLUMNS
                     " FROM job WHERE id = $1 AND (CAST($2 AS TEXT) IS NULL OR tenant = $2)",
                     "ss", reading->id, reading->tenant);
    return read_rows(sql, stmt, reading->rows, error);
}

static GPtrArray *
rows_new(void)
{
    return g_ptr_array_new_with_free_func((GDestroyNotify)orf_job_row_free);
}

OrfJobRow *
orf_job_row_get(OrfStore *store, const char *tenant, const char *id, GError **error)
{
    g_autoptr(GPtrArray) rows = rows_new();
    Reading reading = { .id = id, .tenant = tenant, .rows = rows };
    if (!orf_store_read(store, get_job, &reading, error))
        return NULL;
    if (rows->len == 0) {
        fail_unknown(error);
        return NULL;
    }
    return g_ptr_array_steal_index(rows, 0);
}

/* `beyond`: on which side of the cursor; statements are kept by their text's address. */
#define LIST(beyond, order)                                                                    \
    "SELECT " COLUMNS " FROM job WHERE (CAST($1 AS TEXT) IS NULL OR tenant = $1) AND "         \
    "($2 < 0 OR status = $2) AND (CAST($3 AS TEXT) IS NULL OR id " beyond " $3) "              \
    "ORDER BY id" order " LIMIT $4"

static bool
list_jobs(OrfSql *sql, void *data, GError **error)
{
    static const char up[] = LIST(">", ""), down[] = LIST("<", " DESC");
    const Reading *reading = data;
    const OrfJobQuery *query = &reading->query;
    g_autoptr(OrfStmt) stmt =
        orf_sql_bind(sql, error, query->newest_first ? down : up, "sisi", query->tenant,
                     (int64_t)query->status, query->cursor, (int64_t)query->limit);
    return read_rows(sql, stmt, reading->rows, error);
}

GPtrArray *
orf_job_rows_list(OrfStore *store, const OrfJobQuery *query, GError **error)
{
    g_autoptr(GPtrArray) rows = rows_new();
    Reading reading = { .query = *query, .rows = rows };
    return orf_store_read(store, list_jobs, &reading, error) ? g_steal_pointer(&rows) : NULL;
}

/* --- Idempotency keys --------------------------------------------------------------------- */

typedef struct {
    const char *tenant, *key, *fingerprint;
    int64_t now;
    char *job;
} Claim;

static bool
check_claim(OrfStmt *stmt, void *data, GError **error)
{
    Claim *claim = data;
    if (g_strcmp0(orf_sql_text(stmt, 0), claim->fingerprint) != 0)
        return ORF_FALSE(error, CONFLICT,
                         "this idempotency key was used for another request; "
                         "use a new key for a new request");
    claim->job = orf_sql_dup(stmt, 1);
    return true;
}

static bool
find_claim(OrfSql *sql, void *data, GError **error)
{
    Claim *claim = data;
    g_autoptr(OrfStmt) stmt =
        orf_sql_bind(sql, error,
                     "SELECT fingerprint, job FROM claim WHERE tenant = $1 "
                     "AND key = $2 AND created > $3",
                     "ssi", claim->tenant, claim->key, claim->now - CLAIM_US);
    return orf_sql_each(stmt, check_claim, claim, error);
}

char *
orf_claim_find(OrfStore *store, const char *tenant, const char *idempotency_key,
               const char *fingerprint, int64_t now, GError **error)
{
    Claim claim = { tenant, idempotency_key, fingerprint ? fingerprint : "", now, NULL };
    return orf_store_read(store, find_claim, &claim, error) ? claim.job : NULL;
}

/* --- Writing ------------------------------------------------------------------------------ */

static bool
write_input(OrfSql *sql, const char *id, int64_t place, const OrfJobInput *input,
            GError **error)
{
    return orf_sql_run(sql, error,
                       "INSERT INTO job_input(job, place, digest) VALUES($1, $2, $3)", "sis",
                       id, place, input->digest);
}

static bool
write_inputs(OrfSql *sql, const OrfJobRow *row, GError **error)
{
    const OrfJobRequest *request = row->request;
    for (guint i = 0; request && i < request->inputs->len; i++)
        if (!write_input(sql, row->id, i, request->inputs->pdata[i], error))
            return false;
    return !request || !request->mask ||
           write_input(sql, row->id, MASK_PLACE, request->mask, error);
}

static bool
write_stages(OrfSql *sql, const OrfJobRow *row, size_t first, GError **error)
{
    for (size_t i = first; i < orf_stages_n(row->stages); i++) {
        const OrfStageRow *stage = &row->stages->rows[i];
        if (!orf_sql_run(sql, error,
                         "INSERT INTO job_stage(job, place, name, progress, digest, bytes, "
                         "vertices, triangles, took_s, type, extension) VALUES($1, $2, $3, $4, "
                         "$5, $6, $7, $8, $9, $10, $11) ON CONFLICT(job, place) DO UPDATE SET "
                         "name = $3, progress = $4, digest = $5, bytes = $6, vertices = $7, "
                         "triangles = $8, took_s = $9, type = $10, extension = $11",
                         "sisdsiiidss", row->id, (int64_t)i, stage->name, stage->progress,
                         stage->digest, (int64_t)stage->bytes, (int64_t)stage->vertices,
                         (int64_t)stage->triangles, stage->took_s, stage->type,
                         stage->extension))
            return false;
    }
    return true;
}

static bool
write_result(OrfSql *sql, const OrfJobRow *row, GError **error)
{
    const OrfJobResult *r = row->result;
    if (!r)
        return true;
    g_autofree char *warnings =
        r->warnings && r->warnings[0] ? g_strjoinv("\n", r->warnings) : NULL;
    return orf_sql_run(
        sql, error,
        "INSERT INTO job_result(job, generator, reason, confidence, runner_up, "
        "runner_up_reason, seed, measures, warnings, took_s, peak_bytes, engine, facts) "
        "VALUES($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13) "
        "ON CONFLICT(job) DO NOTHING",
        "sssdssissdiss", row->id, r->generator, r->reason, r->confidence, r->runner_up,
        r->runner_up_reason, r->seed, r->measures, warnings, r->took_s, (int64_t)r->peak_bytes,
        r->engine, r->facts);
}

/* Stages that it shares with another job count there. */
static int64_t
bytes_of(const OrfJobRow *row)
{
    return row->cached || row->coalesced ? 0 : (int64_t)orf_stages_bytes(row->stages);
}

static bool
write_job(OrfSql *sql, const OrfJobRow *row, GError **error)
{
    g_autofree char *request = row->request ? orf_job_request_json(row->request) : NULL;
    return orf_sql_run(sql, error,
                       "INSERT INTO job(" COLUMNS ", bytes) VALUES($1, $2, $3, $4, $5, $6, $7, "
                       "$8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, "
                       "$22, $23, $24, $25, $26, $27, $28, $29)",
                       "ssiisssssiiiddiiissiiiiiiiidi", row->id, row->tenant,
                       (int64_t)row->status, (int64_t)row->priority, row->kind, row->key,
                       request, row->error.code, row->error.message,
                       (int64_t)row->error.retryable, (int64_t)row->attempt,
                       (int64_t)row->spared, row->progress, row->ceiling, (int64_t)row->cached,
                       (int64_t)row->coalesced, (int64_t)row->no_cache, row->leader,
                       row->webhook_url, (int64_t)row->webhook_events, (int64_t)row->events,
                       row->created, row->started, row->finished, row->expires, row->deadline,
                       row->not_before, row->cost_s, bytes_of(row));
}

/* --- Add ---------------------------------------------------------------------------------- */

typedef struct {
    const OrfJobRow *row;
    const OrfHookRow *hook;
    Claim claim; /* key NULL: none */
} Addition;

static bool
add_job(OrfSql *sql, void *data, GError **error)
{
    Addition *addition = data;
    const OrfJobRow *row = addition->row;
    Claim *claim = &addition->claim;
    if (claim->key && !find_claim(sql, claim, error))
        return false;
    if (claim->job)
        return true;
    if (claim->key &&
        !orf_sql_run(sql, error,
                     "INSERT INTO claim(tenant, key, fingerprint, job, created) "
                     "VALUES($1, $2, $3, $4, $5) ON CONFLICT(tenant, key) DO UPDATE SET "
                     "fingerprint = $3, job = $4, created = $5",
                     "ssssi", claim->tenant, claim->key, claim->fingerprint, row->id,
                     claim->now))
        return false;
    return write_job(sql, row, error) && write_inputs(sql, row, error) &&
           write_stages(sql, row, 0, error) && write_result(sql, row, error) &&
           (!addition->hook || orf_hook_row_insert(sql, addition->hook, error));
}

bool
orf_job_row_add(OrfStore *store, const OrfJobRow *row, const char *idempotency_key,
                const char *fingerprint, const OrfHookRow *hook, char **ret_existing,
                GError **error)
{
    Addition addition = { row,
                          hook,
                          { .tenant = row->tenant,
                            .key = idempotency_key,
                            .fingerprint = fingerprint ? fingerprint : "",
                            .now = row->created } };
    bool ok = orf_store_write(store, true, add_job, &addition, error);
    if (ok && ret_existing)
        *ret_existing = g_steal_pointer(&addition.claim.job);
    g_free(addition.claim.job);
    return ok;
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
    if (!orf_sql_run(
            sql, error,
            "UPDATE job SET status = $1, error_code = $2, error_text = $3, "
            "retryable = $4, progress = CASE WHEN $5 > progress THEN $5 ELSE progress "
            "END, ceiling = CASE WHEN $6 > ceiling THEN $6 ELSE ceiling END, attempt = "
            "CASE WHEN $7 > attempt THEN $7 ELSE attempt END, spared = $8, "
            "events = $9, started = $10, finished = $11, expires = $12, "
            "not_before = $13, cached = $14, coalesced = $15, cost_s = $16, "
            "leader = $17, bytes = $18 WHERE id = $19 AND ($20 >> status) & 1 = 1 "
            "AND ($21 < 0 OR attempt <= $21)",
            "issiddiiiiiiiiidsisii", (int64_t)to->status, to->error.code, to->error.message,
            (int64_t)to->error.retryable, to->progress, to->ceiling, (int64_t)to->attempt,
            (int64_t)to->spared, (int64_t)to->events, to->started, to->finished, to->expires,
            to->not_before, (int64_t)to->cached, (int64_t)to->coalesced, to->cost_s, to->leader,
            bytes_of(to), to->id, (int64_t)options->from, (int64_t)move->attempt))
        return false;
    move->moved = orf_sql_changes(sql) > 0;
    if (!move->moved)
        return true;
    return write_stages(sql, to, move->first_stage, error) && write_result(sql, to, error) &&
           (!move->hook || orf_hook_row_insert(sql, move->hook, error));
}

static bool
move_rows(OrfSql *sql, void *data, GError **error)
{
    const Moves *moves = data;
    const char *moved = NULL;
    for (size_t i = 0; i < moves->n; i++) {
        if (!move_row(sql, &moves->moves[i], moves->options, error))
            return false;
        if (moves->moves[i].moved && !moved)
            moved = moves->moves[i].to->id;
    }
    const OrfCacheRow *cache = moved ? moves->options->cache : NULL;
    return !cache || orf_cache_row_insert(sql, cache, moved, error);
}

bool
orf_job_rows_move(OrfStore *store, OrfJobMove *moves, size_t n, const OrfMoveOptions *options,
                  GError **error)
{
    return orf_store_write(store, options->durable, move_rows, &(Moves){ moves, n, options },
                           error);
}

/* --- Delete ------------------------------------------------------------------------------- */

typedef struct {
    const char *const *ids;
    size_t n;
    GPtrArray *digests;
    int64_t gone;
} Deletion;

static bool
add_digest(OrfStmt *stmt, void *data, GError **error)
{
    (void)error;
    g_ptr_array_add(data, orf_sql_dup(stmt, 0));
    return true;
}

static bool
delete_job(OrfSql *sql, const char *id, Deletion *deletion, GError **error)
{
    static const char *const naming[] = {
        "DELETE FROM job_input WHERE job = $1 RETURNING digest",
        "DELETE FROM job_stage WHERE job = $1 RETURNING digest",
    };
    static const char *const others[] = {
        "DELETE FROM job_result WHERE job = $1", "DELETE FROM cache WHERE job = $1",
        "DELETE FROM hook WHERE job = $1",       "DELETE FROM claim WHERE job = $1",
        "DELETE FROM job WHERE id = $1",
    };
    for (size_t i = 0; i < G_N_ELEMENTS(naming); i++) {
        g_autoptr(OrfStmt) stmt = orf_sql_bind(sql, error, naming[i], "s", id);
        if (!orf_sql_each(stmt, add_digest, deletion->digests, error))
            return false;
    }
    for (size_t i = 0; i < G_N_ELEMENTS(others); i++)
        if (!orf_sql_run(sql, error, others[i], "s", id))
            return false;
    deletion->gone += orf_sql_changes(sql);
    return true;
}

static bool
delete_jobs(OrfSql *sql, void *data, GError **error)
{
    Deletion *deletion = data;
    for (size_t i = 0; i < deletion->n; i++)
        if (!delete_job(sql, deletion->ids[i], deletion, error))
            return false;
    return deletion->gone > 0 || fail_unknown(error);
}

bool
orf_job_rows_delete(OrfStore *store, const char *const *ids, size_t n, bool durable,
                    GPtrArray **ret_digests, GError **error)
{
    g_autoptr(GPtrArray) digests = g_ptr_array_new_with_free_func(g_free);
    Deletion deletion = { ids, n, digests, 0 };
    if (!orf_store_write(store, durable, delete_jobs, &deletion, error))
        return false;
    *ret_digests = g_steal_pointer(&digests);
    return true;
}

/* --- Age and number ----------------------------------------------------------------------- */

typedef struct {
    int64_t now, changed;
} Expiry;

#define OLD                                                                                    \
    " WHERE job IN (SELECT id FROM job WHERE expires > 0 AND expires <= $1 AND status >= 2"

static bool
expire_jobs(OrfSql *sql, void *data, GError **error)
{
    static const char *const bare[] = {
        "DELETE FROM job_input" OLD " AND request IS NOT NULL)",
        "DELETE FROM job_stage" OLD " AND request IS NOT NULL)",
        "DELETE FROM job_result" OLD " AND request IS NOT NULL)",
        "DELETE FROM cache" OLD " AND request IS NOT NULL)",
    };
    Expiry *expiry = data;
    int64_t remembered = expiry->now - REMEMBER_US;
    for (size_t i = 0; i < G_N_ELEMENTS(bare); i++)
        if (!orf_sql_run(sql, error, bare[i], "i", expiry->now))
            return false;
    if (!orf_sql_run(sql, error, "DELETE FROM hook" OLD " AND request IS NULL)", "i",
                     remembered) ||
        !orf_sql_run(sql, error,
                     "DELETE FROM job WHERE expires > 0 AND expires <= $1 AND status >= 2 "
                     "AND request IS NULL",
                     "i", remembered))
        return false;
    expiry->changed = orf_sql_changes(sql);
    if (!orf_sql_run(sql, error,
                     "UPDATE job SET request = NULL, bytes = 0 WHERE expires > 0 "
                     "AND expires <= $1 AND status >= 2 AND request IS NOT NULL",
                     "i", expiry->now))
        return false;
    expiry->changed += orf_sql_changes(sql);
    return orf_sql_run(sql, error, "DELETE FROM claim WHERE created <= $1", "i",
                       expiry->now - CLAIM_US);
}

int64_t
orf_job_rows_expire(OrfStore *store, int64_t now, GError **error)
{
    Expiry expiry = { .now = now };
    return orf_store_write(store, false, expire_jobs, &expiry, error) ? expiry.changed : -1;
}

typedef struct {
    uint64_t jobs, bytes;
    unsigned limit;
    GPtrArray *ids;
} Kept;

static bool
count_kept(OrfSql *sql, void *data, GError **error)
{
    Kept *kept = data;
    g_autoptr(OrfStmt) stmt = orf_sql_bind(
        sql, error, "SELECT COUNT(*), COALESCE(SUM(bytes), 0) FROM job WHERE expires > 0", "");
    if (!stmt || !orf_sql_first(stmt, error))
        return false;
    kept->jobs = (uint64_t)orf_sql_int(stmt, 0);
    kept->bytes = (uint64_t)orf_sql_int(stmt, 1);
    return true;
}

bool
orf_job_rows_total(OrfStore *store, uint64_t *ret_jobs, uint64_t *ret_bytes, GError **error)
{
    Kept kept = { 0 };
    if (!orf_store_read(store, count_kept, &kept, error))
        return false;
    *ret_jobs = kept.jobs;
    *ret_bytes = kept.bytes;
    return true;
}

/* By the index of expiry: the oldest until what is too much has been counted. */
static bool
list_oldest(OrfSql *sql, void *data, GError **error)
{
    Kept *kept = data;
    g_autoptr(GError) why = NULL;
    g_autoptr(OrfStmt) stmt = orf_sql_bind(
        sql, error, "SELECT id, bytes FROM job WHERE expires > 0 ORDER BY expires, id LIMIT $1",
        "i", (int64_t)kept->limit);
    if (!stmt)
        return false;
    while ((kept->jobs || kept->bytes) && orf_sql_next(stmt, &why)) {
        g_ptr_array_add(kept->ids, orf_sql_dup(stmt, 0));
        kept->jobs -= kept->jobs > 0;
        kept->bytes -= MIN(kept->bytes, (uint64_t)orf_sql_int(stmt, 1));
    }
    if (!why)
        return true;
    g_propagate_error(error, g_steal_pointer(&why));
    return false;
}

GPtrArray *
orf_job_rows_oldest(OrfStore *store, uint64_t jobs, uint64_t bytes, unsigned limit,
                    GError **error)
{
    g_autoptr(GPtrArray) ids = g_ptr_array_new_with_free_func(g_free);
    Kept kept = { jobs, bytes, limit, ids };
    return orf_store_read(store, list_oldest, &kept, error) ? g_steal_pointer(&ids) : NULL;
}
