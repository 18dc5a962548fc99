/* derived.c - what was made of blobs, by source and name.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "store/store-priv.h"

#include <string.h>

typedef struct {
    const char *source, *what;
    char digest[ORF_DIGEST_SIZE];
} Derived;

static bool
put(OrfSql *sql, void *data, GError **error)
{
    const Derived *derived = data;
    return orf_sql_run(sql, error,
                       "INSERT INTO derived(source, what, digest) VALUES($1, $2, $3) "
                       "ON CONFLICT(source, what) DO UPDATE SET digest = excluded.digest",
                       "sss", derived->source, derived->what, derived->digest);
}

bool
orf_blob_put_derived(OrfStore *store, const char *source, const char *what, const char *digest,
                     GError **error)
{
    Derived derived = { source, what, "" };
    g_strlcpy(derived.digest, digest, sizeof derived.digest);
    return orf_store_write(store, false, put, &derived, error);
}

static bool
get(OrfSql *sql, void *data, GError **error)
{
    Derived *derived = data;
    g_autoptr(OrfStmt) stmt =
        orf_sql_bind(sql, error, "SELECT digest FROM derived WHERE source = $1 AND what = $2",
                     "ss", derived->source, derived->what);
    if (stmt && orf_sql_next(stmt, NULL)) /* failure: nothing is known */
        g_strlcpy(derived->digest, orf_sql_text(stmt, 0), sizeof derived->digest);
    return stmt != NULL;
}

bool
orf_blob_get_derived(OrfStore *store, const char *source, const char *what,
                     char ret_digest[ORF_DIGEST_SIZE])
{
    Derived derived = { source, what, "" };
    if (!orf_store_read(store, get, &derived, NULL) || !orf_blob_has(store, derived.digest))
        return false;
    memcpy(ret_digest, derived.digest, ORF_DIGEST_SIZE);
    return true;
}
