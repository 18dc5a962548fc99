/* write.c - many writers, one transaction; readers beside them.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * A commit that must survive a power cut waits for the disk. So that a hundred clients do not
 * wait one after the other, whoever comes while a commit is on its way joins a line; the first
 * of the line then commits for all of them in one transaction, each in a savepoint of its own,
 * so that one may fail without the others. No thread is needed: the leader is a caller. */
#include "store/store-priv.h"

#define MAX_IDLE_READERS 4

struct OrfWriteOp {
    OrfWriteOp *next;
    OrfSqlFn fn;
    void *data;
    GError *error;
    bool durable, ok, done;
};

/* --- A transaction for a line of writers -------------------------------------------------- */

/* The whole transaction is lost: nobody's writing counts. */
static void
fail_all(OrfWriteOp *line, const GError *why)
{
    for (OrfWriteOp *op = line; op; op = op->next) {
        if (!op->ok)
            continue;
        op->ok = false;
        op->error = g_error_copy(why);
    }
}

/* False when SQLite gave up the whole transaction. */
static bool
run_one(OrfSql *sql, OrfWriteOp *op)
{
    op->ok =
        orf_sql_run(sql, &op->error, "SAVEPOINT one", "") && op->fn(sql, op->data, &op->error);
    if (!orf_sql_in_transaction(sql))
        return false;
    if (!op->ok && !orf_sql_run(sql, NULL, "ROLLBACK TO one", ""))
        return false;
    return orf_sql_run(sql, op->error ? NULL : &op->error, "RELEASE one", "");
}

static bool
run_line(OrfSql *sql, OrfWriteOp *line, GError **error)
{
    if (!orf_sql_run(sql, error, "BEGIN IMMEDIATE", ""))
        return false;
    for (OrfWriteOp *op = line; op; op = op->next)
        if (!run_one(sql, op))
            return ORF_FALSE(error, UNAVAILABLE, "%s",
                             op->error ? op->error->message
                                       : "store: the transaction was lost");
    return orf_sql_run(sql, error, "COMMIT", "");
}

static bool
needs_disk(const OrfWriteOp *line)
{
    for (; line; line = line->next)
        if (line->durable)
            return true;
    return false;
}

/* The pragma costs a statement: only when it changes. */
static bool
set_sync(OrfStore *store, bool full, GError **error)
{
    if (store->full_sync == full)
        return true;
    const char *text = full ? "PRAGMA synchronous=FULL" : "PRAGMA synchronous=NORMAL";
    if (!orf_sql_script(store->writer, text, error))
        return false;
    store->full_sync = full;
    return true;
}

/* Returns why the line as a whole failed, NULL when it did not. */
static GError *
commit_line(OrfStore *store, OrfWriteOp *line)
{
    GError *error = NULL;
    if (set_sync(store, needs_disk(line), &error) && run_line(store->writer, line, &error))
        return NULL;
    if (orf_sql_in_transaction(store->writer))
        orf_sql_run(store->writer, NULL, "ROLLBACK", ""); /* the reason is in error */
    for (OrfWriteOp *op = line; op; op = op->next)
        op->ok |= !op->error;
    fail_all(line, error);
    return error;
}

/* --- The line ----------------------------------------------------------------------------- */

static void
join(OrfStore *store, OrfWriteOp *op)
{
    if (store->last)
        store->last->next = op;
    else
        store->first = op;
    store->last = op;
}

/* Commits everything that waits now; called and left with the lock held. */
static void
lead(OrfStore *store)
{
    OrfWriteOp *line = store->first;
    store->first = store->last = NULL;
    store->writing = true;
    g_mutex_unlock(&store->lock);
    GError *error = commit_line(store, line);
    g_mutex_lock(&store->lock);
    g_clear_error(&store->sick);
    store->sick = error;
    store->writing = false;
    for (OrfWriteOp *op = line, *next; op; op = next) {
        next = op->next; /* once done it belongs to its thread again */
        op->done = true;
    }
    g_cond_broadcast(&store->wrote);
}

bool
orf_store_write(OrfStore *store, bool durable, OrfSqlFn fn, void *data, GError **error)
{
    OrfWriteOp op = { .fn = fn, .data = data, .durable = durable };
    g_mutex_lock(&store->lock);
    join(store, &op);
    while (!op.done && store->writing)
        g_cond_wait(&store->wrote, &store->lock);
    if (!op.done)
        lead(store);
    g_mutex_unlock(&store->lock);
    if (!op.ok)
        g_propagate_error(error, op.error);
    return op.ok;
}

/* --- Reading ------------------------------------------------------------------------------ */

static OrfSql *
take_reader(OrfStore *store, GError **error)
{
    OrfSql *reader = NULL;
    g_mutex_lock(&store->lock);
    if (store->readers->len)
        reader = g_ptr_array_steal_index(store->readers, store->readers->len - 1);
    g_mutex_unlock(&store->lock);
    return reader ? reader : orf_sql_open(store->db_path, false, error);
}

static void
give_reader(OrfStore *store, OrfSql *reader)
{
    g_mutex_lock(&store->lock);
    bool keep = store->readers->len < MAX_IDLE_READERS;
    if (keep)
        g_ptr_array_add(store->readers, reader);
    g_mutex_unlock(&store->lock);
    if (!keep)
        orf_sql_close(reader);
}

bool
orf_store_read(OrfStore *store, OrfSqlFn fn, void *data, GError **error)
{
    OrfSql *reader = take_reader(store, error);
    if (!reader)
        return false;
    bool ok = orf_sql_run(reader, error, "BEGIN", "") && fn(reader, data, error);
    if (orf_sql_in_transaction(reader))
        orf_sql_run(reader, NULL, "ROLLBACK", ""); /* nothing was written */
    give_reader(store, reader);
    return ok;
}
