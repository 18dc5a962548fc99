/* sql.c - one connection and its prepared statements: the driver for SQLite.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * The only file that knows which database it is. A second driver is a second file with these
 * functions. */
#include "store/store-priv.h"

#include <sqlite3.h>
#include <string.h>

#define BUSY_MS 5000
#define MOST_VALUES 40

struct OrfSql {
    sqlite3 *db;
    GHashTable *statements; /* OrfStmt, by the address of their text */
};

struct OrfStmt {
    OrfSql *sql;
    sqlite3_stmt *stmt;
    guint8 place[MOST_VALUES]; /* of $1, $2, ...: SQLite numbers names as they come; 0: none */
};

/* --- Errors ------------------------------------------------------------------------------- */

static bool
fail(OrfSql *sql, int code, GError **error)
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
        return ORF_FALSE(error, BUG, "store: %s", sqlite3_errmsg(sql->db));
    }
}

/* --- Connections -------------------------------------------------------------------------- */

static void
stmt_free(void *data)
{
    OrfStmt *stmt = data;
    sqlite3_finalize(stmt->stmt);
    g_free(stmt);
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
    sql->statements = g_hash_table_new_full(NULL, NULL, NULL, stmt_free);
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX;
    int code = sqlite3_open_v2(path, &sql->db, flags, NULL);
    if (code != SQLITE_OK) {
        fail(sql, code, error);
        return NULL;
    }
    return set_up(sql, writer, error) ? g_steal_pointer(&sql) : NULL;
}

void
orf_sql_close(OrfSql *sql)
{
    if (!sql)
        return;
    g_hash_table_unref(sql->statements);
    sqlite3_close(sql->db);
    g_free(sql);
}

bool
orf_sql_script(OrfSql *sql, const char *text, GError **error)
{
    int code = sqlite3_exec(sql->db, text, NULL, NULL, NULL);
    return code == SQLITE_OK || fail(sql, code, error);
}

bool
orf_sql_in_transaction(OrfSql *sql)
{
    return !sqlite3_get_autocommit(sql->db);
}

bool
orf_sql_version(OrfSql *sql, int *ret_version, GError **error)
{
    g_autoptr(OrfStmt) stmt = orf_sql_bind(sql, error, "PRAGMA user_version", "");
    if (!stmt || !orf_sql_first(stmt, error))
        return false;
    *ret_version = (int)orf_sql_int(stmt, 0);
    return true;
}

bool
orf_sql_check(OrfSql *sql, GError **error)
{
    g_autoptr(OrfStmt) stmt = orf_sql_bind(sql, error, "PRAGMA quick_check(1)", "");
    if (!stmt || !orf_sql_first(stmt, error))
        return false;
    return g_strcmp0(orf_sql_text(stmt, 0), "ok") == 0 || fail(sql, SQLITE_CORRUPT, error);
}

void
orf_sql_interrupt(OrfSql *sql)
{
    sqlite3_interrupt(sql->db);
}

void
orf_sql_checkpoint(OrfSql *sql)
{
    /* What cannot be moved now is moved the next time. */
    sqlite3_wal_checkpoint_v2(sql->db, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
}

/* --- Statements --------------------------------------------------------------------------- */

void
orf_stmt_reset(OrfStmt *stmt)
{
    if (!stmt)
        return;
    sqlite3_reset(stmt->stmt);
    sqlite3_clear_bindings(stmt->stmt);
}

static OrfStmt *
prepare(OrfSql *sql, const char *text, GError **error)
{
    OrfStmt *stmt = g_hash_table_lookup(sql->statements, text);
    if (stmt)
        return stmt;
    stmt = g_new0(OrfStmt, 1);
    stmt->sql = sql;
    int code =
        sqlite3_prepare_v3(sql->db, text, -1, SQLITE_PREPARE_PERSISTENT, &stmt->stmt, NULL);
    if (code != SQLITE_OK) {
        fail(sql, code, error);
        stmt_free(stmt);
        return NULL;
    }
    for (int i = 0; i < MOST_VALUES; i++) {
        char name[8];
        g_snprintf(name, sizeof name, "$%d", i + 1);
        stmt->place[i] = (guint8)sqlite3_bind_parameter_index(stmt->stmt, name);
    }
    g_hash_table_insert(sql->statements, (void *)(uintptr_t)text, stmt);
    return stmt;
}

static int
bind_one(const OrfStmt *stmt, int at, char type, va_list *values)
{
    int place = stmt->place[at];
    switch (type) {
    case 's':
        return sqlite3_bind_text(stmt->stmt, place, va_arg(*values, const char *), -1,
                                 SQLITE_STATIC);
    case 'i':
        return sqlite3_bind_int64(stmt->stmt, place, va_arg(*values, int64_t));
    case 'd':
        return sqlite3_bind_double(stmt->stmt, place, va_arg(*values, double));
    default:
        g_assert_not_reached();
    }
}

static OrfStmt *
bind_all(OrfSql *sql, GError **error, const char *text, const char *types, va_list *values)
{
    OrfStmt *stmt = prepare(sql, text, error);
    g_assert(strlen(types) <= MOST_VALUES);
    for (int i = 0; stmt && types[i]; i++) {
        int code = bind_one(stmt, i, types[i], values);
        if (code == SQLITE_OK)
            continue;
        fail(sql, code, error);
        orf_stmt_reset(stmt);
        return NULL;
    }
    return stmt;
}

OrfStmt *
orf_sql_bind(OrfSql *sql, GError **error, const char *text, const char *types, ...)
{
    va_list values;
    va_start(values, types);
    OrfStmt *stmt = bind_all(sql, error, text, types, &values);
    va_end(values);
    return stmt;
}

bool
orf_sql_next(OrfStmt *stmt, GError **error)
{
    int code = sqlite3_step(stmt->stmt);
    if (code == SQLITE_ROW)
        return true;
    return code == SQLITE_DONE ? false : fail(stmt->sql, code, error);
}

bool
orf_sql_first(OrfStmt *stmt, GError **error)
{
    int code = sqlite3_step(stmt->stmt);
    return code == SQLITE_ROW ||
           fail(stmt->sql, code == SQLITE_DONE ? SQLITE_CORRUPT : code, error);
}

bool
orf_sql_each(OrfStmt *stmt, OrfSqlRowFn each, void *data, GError **error)
{
    int code = SQLITE_DONE;
    while (stmt && (code = sqlite3_step(stmt->stmt)) == SQLITE_ROW)
        if (!each(stmt, data, error))
            return false;
    return stmt && (code == SQLITE_DONE || fail(stmt->sql, code, error));
}

bool
orf_sql_run(OrfSql *sql, GError **error, const char *text, const char *types, ...)
{
    va_list values;
    va_start(values, types);
    g_autoptr(OrfStmt) stmt = bind_all(sql, error, text, types, &values);
    va_end(values);
    if (!stmt)
        return false;
    int code;
    while ((code = sqlite3_step(stmt->stmt)) == SQLITE_ROW)
        continue;
    return code == SQLITE_DONE || fail(sql, code, error);
}

int64_t
orf_sql_changes(OrfSql *sql)
{
    return sqlite3_changes64(sql->db);
}

int64_t
orf_sql_int(OrfStmt *stmt, int column)
{
    return sqlite3_column_int64(stmt->stmt, column);
}

double
orf_sql_double(OrfStmt *stmt, int column)
{
    return sqlite3_column_double(stmt->stmt, column);
}

const char *
orf_sql_text(OrfStmt *stmt, int column)
{
    return (const char *)sqlite3_column_text(stmt->stmt, column);
}

char *
orf_sql_dup(OrfStmt *stmt, int column)
{
    return g_strdup(orf_sql_text(stmt, column));
}
