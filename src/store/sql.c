/* sql.c - one SQLite connection and its prepared statements.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "store/store-priv.h"

#define BUSY_MS 5000

/* --- Errors ------------------------------------------------------------------------------- */

bool
orf_sql_fail(OrfSql *sql, int code, GError **error)
{
    switch (code & 0xff) {
    case SQLITE_FULL:
        return ORF_FALSE(
            error, UNAVAILABLE,
            "store: the disk is full; nothing was changed; free space, then try again");
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return ORF_FALSE(
            error, CONFLICT,
            "store: the database is damaged (%s); nothing was reset; stop the server, copy "
            "the data folder, then try: sqlite3 orfeas.db .recover",
            sqlite3_errstr(code));
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return ORF_FALSE(
            error, UNAVAILABLE,
            "store: the database is locked by another program; end it, then try again");
    case SQLITE_IOERR:
    case SQLITE_CANTOPEN:
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_NOMEM:
    case SQLITE_NOLFS:
        return ORF_FALSE(
            error, UNAVAILABLE,
            "store: the disk refuses (%s); nothing was changed; check space and permissions",
            sqlite3_errstr(code));
    default:
        return ORF_FALSE(error, BUG, "store: %s", sql ? sqlite3_errmsg(sql->db) : "?");
    }
}

/* --- Connections -------------------------------------------------------------------------- */

static void
finalize(void *stmt)
{
    sqlite3_finalize(stmt);
}

static bool
set_up(OrfSql *sql, bool writer, GError **error)
{
    sqlite3_busy_timeout(sql->db, BUSY_MS);
    sqlite3_extended_result_codes(sql->db, 1);
    const char *script = writer ? "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"
                                  "PRAGMA foreign_keys=ON; PRAGMA wal_autocheckpoint=16384;"
                                : "PRAGMA query_only=ON;";
    return orf_sql_script(sql, script, error);
}

OrfSql *
orf_sql_open(const char *path, bool writer, GError **error)
{
    g_autoptr(OrfSql) sql = g_new0(OrfSql, 1);
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | (writer ? SQLITE_OPEN_CREATE : 0);
    int code = sqlite3_open_v2(path, &sql->db, flags, NULL);
    sql->statements = g_hash_table_new_full(NULL, NULL, NULL, finalize);
    if (code != SQLITE_OK) {
        orf_sql_fail(sql, code, error);
        return NULL;
    }
    return set_up(sql, writer, error) ? g_steal_pointer(&sql) : NULL;
}

void
orf_sql_close(OrfSql *sql)
{
    if (!sql)
        return;
    if (sql->statements)
        g_hash_table_unref(sql->statements);
    sqlite3_close(sql->db);
    g_free(sql);
}

bool
orf_sql_script(OrfSql *sql, const char *text, GError **error)
{
    int code = sqlite3_exec(sql->db, text, NULL, NULL, NULL);
    return code == SQLITE_OK || orf_sql_fail(sql, code, error);
}

/* --- Statements --------------------------------------------------------------------------- */

void
orf_stmt_reset(OrfStmt stmt)
{
    sqlite3_reset(stmt);
    sqlite3_clear_bindings(stmt);
}

static OrfStmt
prepare(OrfSql *sql, const char *text, GError **error)
{
    OrfStmt stmt = g_hash_table_lookup(sql->statements, text);
    if (stmt)
        return stmt;
    int code = sqlite3_prepare_v3(sql->db, text, -1, SQLITE_PREPARE_PERSISTENT, &stmt, NULL);
    if (code != SQLITE_OK) {
        orf_sql_fail(sql, code, error);
        return NULL;
    }
    g_hash_table_insert(sql->statements, (void *)(uintptr_t)text, stmt);
    return stmt;
}

static int
bind_one(OrfStmt stmt, int at, char type, va_list *values)
{
    switch (type) {
    case 's':
        return sqlite3_bind_text(stmt, at, va_arg(*values, const char *), -1, SQLITE_STATIC);
    case 'i':
        return sqlite3_bind_int64(stmt, at, va_arg(*values, int64_t));
    case 'd':
        return sqlite3_bind_double(stmt, at, va_arg(*values, double));
    default:
        g_assert_not_reached();
    }
}

static OrfStmt
bind_all(OrfSql *sql, GError **error, const char *text, const char *types, va_list *values)
{
    OrfStmt stmt = prepare(sql, text, error);
    for (int i = 0; stmt && types[i]; i++) {
        int code = bind_one(stmt, i + 1, types[i], values);
        if (code == SQLITE_OK)
            continue;
        orf_sql_fail(sql, code, error);
        orf_stmt_reset(stmt);
        return NULL;
    }
    return stmt;
}

OrfStmt
orf_sql_bind(OrfSql *sql, GError **error, const char *text, const char *types, ...)
{
    va_list values;
    va_start(values, types);
    OrfStmt stmt = bind_all(sql, error, text, types, &values);
    va_end(values);
    return stmt;
}

bool
orf_sql_next(OrfSql *sql, OrfStmt stmt, GError **error)
{
    int code = sqlite3_step(stmt);
    if (code == SQLITE_ROW)
        return true;
    return code == SQLITE_DONE ? false : orf_sql_fail(sql, code, error);
}

bool
orf_sql_run(OrfSql *sql, GError **error, const char *text, const char *types, ...)
{
    va_list values;
    va_start(values, types);
    g_auto(OrfStmt) stmt = bind_all(sql, error, text, types, &values);
    va_end(values);
    if (!stmt)
        return false;
    int code;
    while ((code = sqlite3_step(stmt)) == SQLITE_ROW)
        continue;
    return code == SQLITE_DONE || orf_sql_fail(sql, code, error);
}

char *
orf_sql_text(OrfStmt stmt, int column)
{
    return g_strdup((const char *)sqlite3_column_text(stmt, column));
}
