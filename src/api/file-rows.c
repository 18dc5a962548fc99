/* file-rows.c - files that clients brought: a row keeps its blob until it expires.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "api/file-rows.h"

#define YOUNG_US G_TIME_SPAN_DAY /* what was measured waits so long for its file's row */

static const OrfMigration steps[] = {
    { .script =
          "CREATE TABLE file(tenant TEXT NOT NULL, id TEXT NOT NULL, digest TEXT NOT NULL,"
          " facts TEXT, created INTEGER NOT NULL, expires INTEGER NOT NULL,"
          " PRIMARY KEY(tenant, id)) WITHOUT ROWID;" },
    { .script = "CREATE INDEX file_digest ON file(digest);"
                "CREATE INDEX file_expires ON file(expires);" },
    /* 3: facts are columns; those of a model are a table */
    { .script =
          "ALTER TABLE file ADD COLUMN name TEXT;"
          "ALTER TABLE file ADD COLUMN bytes INTEGER NOT NULL DEFAULT 0;"
          "ALTER TABLE file ADD COLUMN format TEXT;"
          "ALTER TABLE file ADD COLUMN width INTEGER NOT NULL DEFAULT 0;"
          "ALTER TABLE file ADD COLUMN height INTEGER NOT NULL DEFAULT 0;"
          "UPDATE file SET name = json_extract(facts, '$.name'),"
          " bytes = COALESCE(json_extract(facts, '$.bytes'), 0),"
          " format = json_extract(facts, '$.format'),"
          " width = COALESCE(json_extract(facts, '$.width'), 0),"
          " height = COALESCE(json_extract(facts, '$.height'), 0) WHERE facts IS NOT NULL;"
          "CREATE TABLE model(digest TEXT PRIMARY KEY, format TEXT NOT NULL,"
          " vertices INTEGER NOT NULL, triangles INTEGER NOT NULL, size_x REAL NOT NULL,"
          " size_y REAL NOT NULL, size_z REAL NOT NULL, solid INTEGER NOT NULL,"
          " measures TEXT NOT NULL, warnings TEXT, made INTEGER NOT NULL) WITHOUT ROWID;"
          "INSERT INTO model SELECT digest, json_extract(facts, '$.format'),"
          " json_extract(facts, '$.measures.vertices'),"
          " json_extract(facts, '$.measures.triangles'),"
          " json_extract(facts, '$.measures.size_mm[0]'),"
          " json_extract(facts, '$.measures.size_mm[1]'),"
          " json_extract(facts, '$.measures.size_mm[2]'),"
          " json_extract(facts, '$.measures.solid'), json_extract(facts, '$.measures'),"
          " (SELECT group_concat(value, char(10)) FROM json_each(file.facts, '$.warnings')),"
          " MAX(created) FROM file WHERE json_extract(facts, '$.measures') IS NOT NULL"
          " GROUP BY digest;"
          "CREATE INDEX model_made ON model(made);"
          "DELETE FROM derived WHERE what = 'facts';"
          "ALTER TABLE file DROP COLUMN facts;" },
};
static const OrfBlobOwner owners[] = { { "file", "digest" } };
const OrfSchema orf_file_schema = { "api", steps, G_N_ELEMENTS(steps), owners,
                                    G_N_ELEMENTS(owners) };

/* --- Files -------------------------------------------------------------------------------- */

void
orf_file_row_free(OrfFileRow *row)
{
    if (!row)
        return;
    g_free(row->id);
    g_free(row->tenant);
    g_free(row->digest);
    g_free(row->name);
    g_free(row->format);
    g_free(row);
}

static bool
put(OrfSql *sql, void *data, GError **error)
{
    const OrfFileRow *row = data;
    return orf_sql_run(
               sql, error,
               "INSERT INTO file(tenant, id, digest, name, bytes, format, width, height, "
               "created, expires) VALUES($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) "
               "ON CONFLICT(tenant, id) DO UPDATE SET digest = $3, name = $4, bytes = $5, "
               "format = $6, width = $7, height = $8, created = $9, expires = $10",
               "ssssisiiii", row->tenant, row->id, row->digest, row->name, (int64_t)row->bytes,
               row->format, (int64_t)row->width, (int64_t)row->height, row->created,
               row->expires) &&
           orf_sql_run(sql, error, "DELETE FROM file WHERE expires <= $1", "i", row->created) &&
           orf_sql_run(sql, error,
                       "DELETE FROM model WHERE made <= $1 AND NOT EXISTS "
                       "(SELECT 1 FROM file WHERE file.digest = model.digest)",
                       "i", row->created - YOUNG_US);
}

bool
orf_file_row_put(OrfStore *store, const OrfFileRow *row, GError **error)
{
    return orf_store_write(store, true, put, (void *)(uintptr_t)row, error);
}

typedef struct {
    const char *tenant, *id;
    int64_t now;
    OrfFileRow *row;
} Query;

static bool
read_file(OrfStmt *stmt, void *data, GError **error)
{
    (void)error;
    OrfFileRow *row = g_new(OrfFileRow, 1);
    *row = (OrfFileRow){
        .id = orf_sql_dup(stmt, 0),
        .tenant = orf_sql_dup(stmt, 1),
        .digest = orf_sql_dup(stmt, 2),
        .name = orf_sql_dup(stmt, 3),
        .bytes = (uint64_t)orf_sql_int(stmt, 4),
        .format = orf_sql_dup(stmt, 5),
        .width = (unsigned)orf_sql_int(stmt, 6),
        .height = (unsigned)orf_sql_int(stmt, 7),
        .created = orf_sql_int(stmt, 8),
        .expires = orf_sql_int(stmt, 9),
    };
    ((Query *)data)->row = row;
    return true;
}

static bool
get(OrfSql *sql, void *data, GError **error)
{
    Query *query = data;
    g_autoptr(OrfStmt) stmt = orf_sql_bind(
        sql, error,
        "SELECT id, tenant, digest, name, bytes, format, width, height, created, expires "
        "FROM file WHERE tenant = $1 AND id = $2 AND expires > $3",
        "ssi", query->tenant, query->id, query->now);
    if (!orf_sql_each(stmt, read_file, query, error))
        return false;
    return query->row ||
           ORF_FALSE(error, NOT_FOUND, "no such file; it may have expired: send it again");
}

OrfFileRow *
orf_file_row_get(OrfStore *store, const char *tenant, const char *id, int64_t now,
                 GError **error)
{
    Query query = { tenant, id, now, NULL };
    return orf_store_read(store, get, &query, error) ? query.row : NULL;
}

static bool
take_digest(OrfStmt *stmt, void *data, GError **error)
{
    (void)error;
    *(char **)data = orf_sql_dup(stmt, 0);
    return true;
}

static bool
remove_file(OrfSql *sql, void *data, GError **error)
{
    const Query *query = data;
    g_autofree char *digest = NULL;
    g_autoptr(OrfStmt) stmt = orf_sql_bind(
        sql, error, "DELETE FROM file WHERE tenant = $1 AND id = $2 RETURNING digest", "ss",
        query->tenant, query->id);
    if (!orf_sql_each(stmt, take_digest, &digest, error))
        return false;
    if (!digest)
        return ORF_FALSE(error, NOT_FOUND, "no such file; it may have expired");
    return orf_sql_run(sql, error,
                       "DELETE FROM model WHERE digest = $1 AND NOT EXISTS "
                       "(SELECT 1 FROM file WHERE file.digest = $1)",
                       "s", digest);
}

bool
orf_file_row_delete(OrfStore *store, const char *tenant, const char *id, GError **error)
{
    return orf_store_write(store, true, remove_file, &(Query){ tenant, id, 0, NULL }, error);
}

/* --- Models ------------------------------------------------------------------------------- */

void
orf_model_row_free(OrfModelRow *row)
{
    if (!row)
        return;
    g_free(row->digest);
    g_free(row->format);
    g_free(row->measures);
    g_strfreev(row->warnings);
    g_free(row);
}

static bool
put_model(OrfSql *sql, void *data, GError **error)
{
    const OrfModelRow *row = data;
    g_autofree char *warnings =
        row->warnings && row->warnings[0] ? g_strjoinv("\n", row->warnings) : NULL;
    return orf_sql_run(
        sql, error,
        "INSERT INTO model(digest, format, vertices, triangles, size_x, size_y, size_z, solid, "
        "measures, warnings, made) VALUES($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) "
        "ON CONFLICT(digest) DO UPDATE SET format = $2, vertices = $3, triangles = $4, "
        "size_x = $5, size_y = $6, size_z = $7, solid = $8, measures = $9, warnings = $10, "
        "made = $11",
        "ssiidddissi", row->digest, row->format, (int64_t)row->vertices,
        (int64_t)row->triangles, row->size_mm[0], row->size_mm[1], row->size_mm[2],
        (int64_t)row->solid, row->measures, warnings, row->made);
}

bool
orf_model_row_put(OrfStore *store, const OrfModelRow *row, GError **error)
{
    return orf_store_write(store, false, put_model, (void *)(uintptr_t)row, error);
}

typedef struct {
    const char *digest;
    OrfModelRow *row;
} Model;

static bool
read_model(OrfStmt *stmt, void *data, GError **error)
{
    (void)error;
    Model *model = data;
    const char *warnings = orf_sql_text(stmt, 8);
    OrfModelRow *row = model->row = g_new(OrfModelRow, 1);
    *row = (OrfModelRow){
        .digest = g_strdup(model->digest),
        .format = orf_sql_dup(stmt, 0),
        .vertices = (uint64_t)orf_sql_int(stmt, 1),
        .triangles = (uint64_t)orf_sql_int(stmt, 2),
        .size_mm = { orf_sql_double(stmt, 3), orf_sql_double(stmt, 4),
                     orf_sql_double(stmt, 5) },
        .solid = orf_sql_int(stmt, 6),
        .measures = orf_sql_dup(stmt, 7),
        .warnings = warnings ? g_strsplit(warnings, "\n", -1) : NULL,
        .made = orf_sql_int(stmt, 9),
    };
    return true;
}

static bool
get_model(OrfSql *sql, void *data, GError **error)
{
    Model *model = data;
    g_autoptr(OrfStmt) stmt =
        orf_sql_bind(sql, error,
                     "SELECT format, vertices, triangles, size_x, size_y, size_z, solid, "
                     "measures, warnings, made FROM model WHERE digest = $1",
                     "s", model->digest);
    return orf_sql_each(stmt, read_model, model, error);
}

OrfModelRow *
orf_model_row_get(OrfStore *store, const char *digest, GError **error)
{
    Model model = { digest, NULL };
    return orf_store_read(store, get_model, &model, error) ? model.row : NULL;
}
