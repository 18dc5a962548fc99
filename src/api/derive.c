/* derive.c - what is made of a blob: other formats, measures, pictures of it.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Made once: clients that ask for the same thing meanwhile wait for the one that is being made,
 * those who ask later get the blob. It goes when its source goes. Making takes a thread of its
 * own for seconds, so that neither the transport nor the API's desk waits for it; when the last
 * client has left it stops. What is new costs the client one of its rate, and is refused when
 * the disk is almost full: nobody can fill it by asking. */
#include "api/jobs-priv.h"
#include "engine/engine.h"

#include <string.h>

#define THREADS 2
#define LINE 64                     /* that may wait for a thread */
#define MEMORY ((size_t)1536 << 20) /* one making may hold */

struct OrfMakers {
    OrfStore *store;
    OrfWorkers *pool;
    GMutex lock;
    GHashTable *running; /* "source what" -> Making, borrowed */
    GPtrArray *all;      /* Making, borrowed: to cancel at the end */
};

typedef struct {
    OrfMakers *makers;
    OrfTask *task;
    char *key, *source, *what;
    GPtrArray *waiters; /* under the makers' lock */
} Making;

/* The call and the making hold it. */
typedef struct {
    OrfFollower follower;
    gatomicrefcount refs;
    OrfMakers *makers;
    OrfCall *call; /* of `request` */
    OrfRequest *request;
    OrfDerivedFn ready;
    Making *making; /* under the makers' lock; NULL: answered */
} Waiter;

static void
waiter_unref(void *data)
{
    Waiter *waiter = data;
    if (!g_atomic_ref_count_dec(&waiter->refs))
        return;
    orf_request_unref(waiter->request);
    g_free(waiter);
}

static void
making_free(Making *making)
{
    g_ptr_array_unref(making->waiters);
    orf_task_unref(making->task);
    g_free(making->key);
    g_free(making->source);
    g_free(making->what);
    g_free(making);
}

/* --- What can be made --------------------------------------------------------------------- */

/* Of a model's facts there is a row, no blob. */
static bool
make_facts(OrfTask *task, OrfStore *store, OrfAsset *asset, const char *digest, GBytes *source,
           GError **error)
{
    OrfAssetFacts facts;
    g_autofree char *measures = orf_engine_measure(task, asset, &facts, error);
    if (!measures)
        return false;
    const char *format = orf_engine_sniff(source);
    g_auto(GStrv) notes = orf_task_notes(task);
    OrfModelRow row = { .digest = (char *)(uintptr_t)digest,
                        .format = (char *)(uintptr_t)(format ? format
                                                             : "obj"), /* it has no sure sign */
                        .vertices = facts.vertices,
                        .triangles = facts.triangles,
                        .size_mm = { facts.size_mm[0], facts.size_mm[1], facts.size_mm[2] },
                        .solid = facts.solid,
                        .measures = measures,
                        .warnings = notes,
                        .made = g_get_real_time() };
    return orf_model_row_put(store, &row, error);
}

static bool
are_facts(const char *what)
{
    return strcmp(what, "facts") == 0;
}

/* Is it there already? Facts are told under the name of their source. */
static bool
find_made(OrfStore *store, const char *source, const char *what,
          char ret_digest[ORF_DIGEST_SIZE])
{
    if (!are_facts(what))
        return orf_blob_get_derived(store, source, what, ret_digest);
    g_autoptr(OrfModelRow) row = orf_model_row_get(store, source, NULL);
    if (row)
        g_strlcpy(ret_digest, source, ORF_DIGEST_SIZE);
    return row;
}

static GBytes *
make_crossings(OrfTask *task, OrfAsset *asset, GError **error)
{
    char *measures = orf_asset_measures_json(task, asset, true, error);
    return measures ? g_bytes_new_take(measures, strlen(measures)) : NULL;
}

static bool
keep_first(const char *name, GBytes *bytes, void *data, GError **error)
{
    (void)name, (void)error;
    GBytes **first = data;
    if (!*first)
        *first = g_bytes_ref(bytes);
    return true;
}

/* "obj" or "obj-40000": one file, of at most so many triangles. */
static GBytes *
make_single(OrfTask *task, OrfAsset *asset, const char *what, GError **error)
{
    g_auto(GStrv) words = g_strsplit(what, "-", 2);
    size_t most = words[1] ? g_ascii_strtoull(words[1], NULL, 10) : SIZE_MAX;
    g_autoptr(OrfAsset) fewer = orf_engine_simplify(task, asset, most, error);
    if (!fewer || strcmp(words[0], "obj") != 0)
        return fewer ? orf_asset_save(task, fewer, words[0], error) : NULL;
    GBytes *first = NULL; /* plain: it names no other file */
    bool done =
        orf_asset_export(task, fewer, "obj", "model", "plain", keep_first, &first, error);
    if (!done)
        g_clear_pointer(&first, g_bytes_unref);
    return first;
}

static GBytes *
make_of_asset(OrfTask *task, OrfAsset *asset, const char *what, GError **error)
{
    if (strcmp(what, "crossings") == 0)
        return make_crossings(task, asset, error);
    if (g_str_has_prefix(what, "view-"))
        return orf_asset_view(task, &asset, 1, (unsigned)g_ascii_strtoull(what + 5, NULL, 10),
                              error);
    if (g_str_has_prefix(what, "single-"))
        return make_single(task, asset, what + strlen("single-"), error);
    return orf_engine_save(task, asset, what, "model", error);
}

static const OrfStep steps[] = { { "load", 40 }, { "make", 60 } };

static bool
make(Making *making, char ret_digest[ORF_DIGEST_SIZE], GError **error)
{
    OrfStore *store = making->makers->store;
    g_autoptr(GBytes) source = orf_blob_get(store, making->source, error);
    if (!source)
        return false;
    orf_task_plan(making->task, steps, G_N_ELEMENTS(steps));
    g_autoptr(OrfAsset) asset =
        orf_asset_load(orf_task_step(making->task), source, NULL, error);
    if (!asset)
        return false;
    OrfTask *task = orf_task_step(making->task);
    if (are_facts(making->what)) {
        g_strlcpy(ret_digest, making->source, ORF_DIGEST_SIZE);
        return make_facts(task, store, asset, making->source, source, error);
    }
    g_autoptr(GBytes) made = make_of_asset(task, asset, making->what, error);
    return made && orf_blob_put(store, made, ret_digest, error) &&
           orf_blob_put_derived(store, making->source, making->what, ret_digest, error);
}

/* --- Answers ------------------------------------------------------------------------------ */

static void
answer_error(OrfCall *call, const GError *error)
{
    if (g_error_matches(error, ORF_ERROR, ORF_ERROR_NOT_FOUND))
        orf_call_problem(call, &(OrfProblem){ .code = ORF_PROBLEM_JOB_EXPIRED,
                                              .detail = "The file has been removed.",
                                              .hint = "Make or upload it again." });
    else if (g_error_matches(error, ORF_ERROR, ORF_ERROR_BAD_INPUT) ||
             g_error_matches(error, ORF_ERROR, ORF_ERROR_UNSUPPORTED))
        orf_call_problem(call, &(OrfProblem){ .code = ORF_PROBLEM_MESH_UNREADABLE,
                                              .detail = error->message,
                                              .hint = "Send an STL, OBJ, GLB, PLY or 3MF." });
    else
        orf_call_error(call, error);
}

/* From now on nobody joins, and those who leave need not be asked. */
static GPtrArray *
close_making(Making *making)
{
    OrfMakers *makers = making->makers;
    g_mutex_lock(&makers->lock);
    if (g_hash_table_lookup(makers->running, making->key) == making)
        g_hash_table_remove(makers->running, making->key);
    g_ptr_array_remove_fast(makers->all, making);
    GPtrArray *waiters = making->waiters;
    making->waiters = g_ptr_array_new();
    for (size_t i = 0; i < waiters->len; i++)
        ((Waiter *)waiters->pdata[i])->making = NULL;
    g_mutex_unlock(&makers->lock);
    return waiters;
}

static void
run(void *data)
{
    Making *making = data;
    g_autoptr(GError) error = NULL;
    char digest[ORF_DIGEST_SIZE];
    bool made = orf_task_check(making->task, &error) && make(making, digest, &error);
    g_autoptr(GPtrArray) waiters = close_making(making);
    for (size_t i = 0; i < waiters->len; i++) {
        Waiter *waiter = waiters->pdata[i];
        if (made)
            waiter->ready(waiter->call, digest);
        else
            answer_error(waiter->call, error);
    }
    making_free(making);
}

/* --- Clients ------------------------------------------------------------------------------ */

static void
gone(OrfFollower *self, OrfCall *call, bool early)
{
    (void)call, (void)early;
    Waiter *waiter = (Waiter *)self;
    OrfMakers *makers = waiter->makers;
    g_mutex_lock(&makers->lock);
    Making *making = g_steal_pointer(&waiter->making);
    if (making) {
        g_ptr_array_remove_fast(making->waiters, waiter); /* and its reference */
        if (!making->waiters->len) {
            g_hash_table_remove(makers->running, making->key);
            orf_task_cancel(making->task);
        }
    }
    g_mutex_unlock(&makers->lock);
    waiter_unref(waiter);
}

static Making *
making_new(OrfMakers *makers, const char *source, const char *what, char *key)
{
    Making *making = g_new0(Making, 1);
    making->makers = makers;
    making->task = orf_task_new(&(OrfTaskOptions){ .cores = 1, .memory = MEMORY });
    making->key = key;
    making->source = g_strdup(source);
    making->what = g_strdup(what);
    making->waiters = g_ptr_array_new_with_free_func(waiter_unref);
    return making;
}

/* Joins what is being made, or begins it; with the lock. False: too much waits. */
static bool
join(OrfMakers *makers, Waiter *waiter, const char *source, const char *what)
{
    char *key = g_strdup_printf("%s %s", source, what);
    Making *making = g_hash_table_lookup(makers->running, key);
    if (making) {
        g_free(key);
    } else {
        making = making_new(makers, source, what, key);
        if (!orf_workers_add(makers->pool, run,
                             making)) { /* it waits for our lock at its end */
            making_free(making);
            return false;
        }
        g_hash_table_insert(makers->running, making->key, making);
        g_ptr_array_add(makers->all, making);
    }
    waiter->making = making;
    g_ptr_array_add(making->waiters, waiter);
    return true;
}

static Waiter *
waiter_new(OrfMakers *makers, OrfCall *call, OrfDerivedFn ready)
{
    Waiter *waiter = g_new0(Waiter, 1);
    waiter->follower.gone = gone;
    g_atomic_ref_count_init(&waiter->refs);
    g_atomic_ref_count_inc(&waiter->refs); /* the call's and the making's */
    waiter->makers = makers;
    waiter->call = call;
    waiter->request = orf_request_ref(call->request);
    waiter->ready = ready;
    return waiter;
}

void
orf_call_derive(OrfCall *call, const char *source, const char *what, OrfDerivedFn ready)
{
    char digest[ORF_DIGEST_SIZE];
    OrfMakers *makers = ((OrfFeeds *)call->api->feeds)->makers;
    if (find_made(makers->store, source, what, digest)) {
        ready(call, digest);
        return;
    }
    if (orf_api_low_on_disk(call->api)) {
        orf_call_problem(call, &(OrfProblem){ .code = ORF_PROBLEM_STORAGE_UNAVAILABLE,
                                              .detail = "The server's disk is almost full: "
                                                        "what was made before can be fetched.",
                                              .retry_after = 30 });
        return;
    }
    if (!call->endpoint->cost && !orf_call_charge(call, 1))
        return;
    Waiter *waiter = waiter_new(makers, call, ready);
    orf_call_follow(call, &waiter->follower);
    g_mutex_lock(&makers->lock);
    bool joined = join(makers, waiter, source, what);
    g_mutex_unlock(&makers->lock);
    if (joined)
        return;
    waiter_unref(waiter); /* the call keeps the other */
    orf_call_problem(call, &(OrfProblem){ .code = ORF_PROBLEM_SERVER_BUSY,
                                          .detail = "Too many files are being converted.",
                                          .retry_after = 5 });
}

/* --- Life --------------------------------------------------------------------------------- */

OrfMakers *
orf_makers_new(OrfStore *store)
{
    OrfMakers *makers = g_new0(OrfMakers, 1);
    makers->store = store;
    g_mutex_init(&makers->lock);
    makers->pool = orf_workers_new("makers", THREADS, LINE);
    makers->running = g_hash_table_new(g_str_hash, g_str_equal);
    makers->all = g_ptr_array_new();
    return makers;
}

void
orf_makers_free(OrfMakers *makers)
{
    if (!makers)
        return;
    g_mutex_lock(&makers->lock);
    for (size_t i = 0; i < makers->all->len; i++)
        orf_task_cancel(((Making *)makers->all->pdata[i])->task);
    g_mutex_unlock(&makers->lock);
    orf_workers_free(makers->pool);
    g_hash_table_unref(makers->running);
    g_ptr_array_unref(makers->all);
    g_mutex_clear(&makers->lock);
    g_free(makers);
}
