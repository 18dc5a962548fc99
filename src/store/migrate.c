/* migrate.c - the schema, one numbered step after the other.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * PRAGMA user_version tells how many steps a database has seen. A step, once released, is never
 * changed: add one. */
#include "store/store-priv.h"

#include <string.h>

static const char *const steps[] = {
    /* 1: jobs, cache, webhooks, durations, files */
    "CREATE TABLE meta(name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;"
    "INSERT INTO meta VALUES('openings', 0);"
    "CREATE TABLE job(id TEXT PRIMARY KEY, tenant TEXT NOT NULL, status INTEGER NOT NULL,"
    " priority INTEGER NOT NULL, kind TEXT NOT NULL, key TEXT, request TEXT, result TEXT, "
    "error TEXT,"
    " attempt INTEGER NOT NULL, spared INTEGER NOT NULL, progress REAL NOT NULL, ceiling REAL "
    "NOT NULL, cached "
    "INTEGER NOT NULL,"
    " coalesced INTEGER NOT NULL, no_cache INTEGER NOT NULL, leader TEXT, webhook_url TEXT,"
    " webhook_events INTEGER NOT NULL, events INTEGER NOT NULL, created INTEGER NOT NULL,"
    " started INTEGER NOT NULL, finished INTEGER NOT NULL, expires INTEGER NOT NULL,"
    " deadline INTEGER NOT NULL, not_before INTEGER NOT NULL, cost_s REAL NOT NULL);"
    "CREATE INDEX job_status ON job(status, id);"
    "CREATE INDEX job_tenant ON job(tenant, id);"
    "CREATE INDEX job_expires ON job(expires) WHERE expires > 0;"
    "CREATE TABLE claim(tenant TEXT NOT NULL, key TEXT NOT NULL, fingerprint TEXT NOT NULL,"
    " job TEXT NOT NULL, created INTEGER NOT NULL, PRIMARY KEY(tenant, key)) WITHOUT ROWID;"
    "CREATE INDEX claim_job ON claim(job);"
    "CREATE INDEX claim_created ON claim(created);"
    "CREATE TABLE cache(key TEXT PRIMARY KEY, result TEXT NOT NULL, bytes INTEGER NOT NULL,"
    " cost_s REAL NOT NULL, stored INTEGER NOT NULL, used INTEGER NOT NULL, expires INTEGER "
    "NOT NULL,"
    " hits INTEGER NOT NULL);"
    "CREATE INDEX cache_expires ON cache(expires);"
    "CREATE INDEX cache_bytes ON cache(bytes);" /* sums without reading the results */
    "CREATE TABLE hook(id INTEGER PRIMARY KEY AUTOINCREMENT, job TEXT NOT NULL, url TEXT NOT "
    "NULL,"
    " event TEXT NOT NULL, body TEXT NOT NULL, secret TEXT, attempts INTEGER NOT NULL,"
    " next INTEGER NOT NULL, last_error TEXT);"
    "CREATE INDEX hook_next ON hook(next);"
    "CREATE TABLE duration(id INTEGER PRIMARY KEY, kind TEXT NOT NULL, seconds REAL NOT NULL,"
    " peak INTEGER NOT NULL, happened INTEGER NOT NULL);"
    "CREATE INDEX duration_kind ON duration(kind, id);"
    "CREATE TABLE file(tenant TEXT NOT NULL, id TEXT NOT NULL, digest TEXT NOT NULL, facts "
    "TEXT,"
    " created INTEGER NOT NULL, expires INTEGER NOT NULL, PRIMARY KEY(tenant, id)) WITHOUT "
    "ROWID;"
    "CREATE TABLE derived(source TEXT NOT NULL, what TEXT NOT NULL, digest TEXT NOT NULL,"
    " PRIMARY KEY(source, what)) WITHOUT ROWID;",
};

static bool
read_version(OrfSql *sql, int *ret_version, GError **error)
{
    sqlite3_stmt *stmt = NULL;
    int code = sqlite3_prepare_v2(sql->db, "PRAGMA user_version", -1, &stmt, NULL);
    if (code == SQLITE_OK)
        code = sqlite3_step(stmt);
    *ret_version = code == SQLITE_ROW ? sqlite3_column_int(stmt, 0) : 0;
    sqlite3_finalize(stmt);
    return code == SQLITE_ROW || orf_sql_fail(sql, code, error);
}

/* Damage that a first look at every page would find. */
static bool
check(OrfSql *sql, GError **error)
{
    sqlite3_stmt *stmt = NULL;
    int code = sqlite3_prepare_v2(sql->db, "PRAGMA quick_check(1)", -1, &stmt, NULL);
    if (code == SQLITE_OK)
        code = sqlite3_step(stmt);
    bool ok =
        code == SQLITE_ROW && g_strcmp0((const char *)sqlite3_column_text(stmt, 0), "ok") == 0;
    sqlite3_finalize(stmt);
    return ok || orf_sql_fail(sql, code == SQLITE_ROW ? SQLITE_CORRUPT : code, error);
}

static bool
take_step(OrfSql *sql, int step, GError **error)
{
    g_autofree char *script = g_strdup_printf(
        "BEGIN IMMEDIATE; %s PRAGMA user_version=%d; COMMIT;", steps[step], step + 1);
    if (orf_sql_script(sql, script, error))
        return true;
    sqlite3_exec(sql->db, "ROLLBACK", NULL, NULL, NULL); /* what failed has been told */
    return false;
}

bool
orf_store_migrate(OrfSql *sql, GError **error)
{
    int version, newest = G_N_ELEMENTS(steps);
    if (!read_version(sql, &version, error))
        return false;
    if (version > newest)
        return ORF_FALSE(
            error, CONFLICT,
            "store: the database is of a newer program (schema %d, this one knows %d); "
            "nothing was changed; start the newer program, or choose another data folder",
            version, newest);
    if (!check(sql, error))
        return false;
    for (; version < newest; version++)
        if (!take_step(sql, version, error))
            return false;
    return true;
}
