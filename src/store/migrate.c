/* migrate.c - the schema, one numbered step after the other, counted for each room.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * The table schema_step tells how many steps of each room a database has seen. A database of
 * the first version counted none: its tables are step 1 of the rooms that own them now. */
#include "store/store-priv.h"

#include <string.h>
#include <sys/stat.h>

#define FORMAT 2 /* of the file as a whole: 1 counted the steps of no room */

static const OrfMigration own_steps[] = {
    { .script =
          "CREATE TABLE meta(name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;"
          "INSERT INTO meta VALUES('openings', 0);"
          "CREATE TABLE derived(source TEXT NOT NULL, what TEXT NOT NULL, digest TEXT NOT "
          "NULL, PRIMARY KEY(source, what)) WITHOUT ROWID;" },
    { .script = "CREATE INDEX derived_digest ON derived(digest);" },
    { .script = "ALTER TABLE derived ADD COLUMN type TEXT;"
                "ALTER TABLE derived ADD COLUMN extension TEXT;" },
};
static const OrfSchema own = { .room = "store",
                               .steps = own_steps,
                               .n_steps = G_N_ELEMENTS(own_steps) };

static const char *
begin_script(int version)
{
    static const char count[] =
        "BEGIN IMMEDIATE;"
        "CREATE TABLE schema_step(room TEXT PRIMARY KEY, step INTEGER NOT NULL) WITHOUT ROWID;"
        "PRAGMA user_version=2; COMMIT;";
    static const char count_first_version[] =
        "BEGIN IMMEDIATE;"
        "CREATE TABLE schema_step(room TEXT PRIMARY KEY, step INTEGER NOT NULL) WITHOUT ROWID;"
        "INSERT INTO schema_step VALUES('store', 1), ('job', 1), ('api', 1);"
        "PRAGMA user_version=2; COMMIT;";
    return version == 0 ? count : version == 1 ? count_first_version : NULL;
}

static bool
fail_newer(const char *what, int version, int newest, GError **error)
{
    return ORF_FALSE(
        error, CONFLICT,
        "store: the database is of a newer program (schema %s%d, this one knows %d); "
        "nothing was changed; start the newer program, or choose another data folder",
        what, version, newest);
}

bool
orf_store_prepare(OrfStore *store, GError **error)
{
    int version;
    if (!orf_sql_version(store->writer, &version, error))
        return false;
    if (version > FORMAT)
        return fail_newer("", version, FORMAT, error);
    const char *script = begin_script(version);
    if (script && !orf_sql_script(store->writer, script, error)) {
        if (orf_sql_in_transaction(store->writer))
            orf_sql_script(store->writer, "ROLLBACK", NULL); /* what failed has been told */
        return false;
    }
    return orf_store_migrate(store, &own, error);
}

/* --- A room's steps ----------------------------------------------------------------------- */

typedef struct {
    const OrfSchema *schema;
    size_t step; /* the next */
} Progress;

static bool
read_step(OrfSql *sql, void *data, GError **error)
{
    Progress *progress = data;
    g_autoptr(GError) why = NULL;
    g_autoptr(OrfStmt) stmt =
        orf_sql_bind(sql, error, "SELECT step FROM schema_step WHERE room = $1", "s",
                     progress->schema->room);
    if (!stmt)
        return false;
    progress->step = orf_sql_next(stmt, &why) ? (size_t)orf_sql_int(stmt, 0) : 0;
    if (why)
        g_propagate_error(error, g_steal_pointer(&why));
    return !error || !*error;
}

static bool
take_step(OrfSql *sql, void *data, GError **error)
{
    const Progress *progress = data;
    const OrfMigration *step = &progress->schema->steps[progress->step];
    return (!step->script || orf_sql_script(sql, step->script, error)) &&
           (!step->fill || step->fill(sql, error)) &&
           orf_sql_run(sql, error,
                       "INSERT INTO schema_step(room, step) VALUES($1, $2) "
                       "ON CONFLICT(room) DO UPDATE SET step = excluded.step",
                       "si", progress->schema->room, (int64_t)progress->step + 1);
}

bool
orf_store_migrate(OrfStore *store, const OrfSchema *schema, GError **error)
{
    Progress progress = { schema, 0 };
    if (!orf_store_read(store, read_step, &progress, error))
        return false;
    if (progress.step > schema->n_steps)
        return fail_newer(schema->room, (int)progress.step, (int)schema->n_steps, error);
    for (; progress.step < schema->n_steps; progress.step++)
        if (!orf_store_write(store, true, take_step, &progress, error))
            return false;
    if (!g_ptr_array_find(store->schemas, schema, NULL))
        g_ptr_array_add(store->schemas, (void *)(uintptr_t)schema);
    return true;
}

/* --- Who is here -------------------------------------------------------------------------- */

static bool
check_room(OrfStmt *stmt, void *data, GError **error)
{
    const OrfStore *store = data;
    const char *room = orf_sql_text(stmt, 0);
    for (guint i = 0; i < store->schemas->len; i++)
        if (g_strcmp0(((const OrfSchema *)store->schemas->pdata[i])->room, room) == 0)
            return true;
    return ORF_FALSE(
        error, CONFLICT,
        "store: the rows of %s are not open, so nobody knows which blobs they name", room);
}

static bool
check_rooms(OrfSql *sql, void *data, GError **error)
{
    g_autoptr(OrfStmt) stmt = orf_sql_bind(sql, error, "SELECT room FROM schema_step", "");
    return orf_sql_each(stmt, check_room, data, error);
}

bool
orf_store_is_whole(OrfStore *store, GError **error)
{
    return orf_store_read(store, check_rooms, store, error);
}
