/* derive.c - what is made of a blob by an operation: other formats, measures, pictures of it.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Made once: it is kept under the digest of the order, clients that ask for the same thing
 * meanwhile wait for the one that is being made, those who ask later get the blob. It goes when
 * its source goes. Making takes a thread of its own for seconds, so that neither the transport
 * nor the desk waits for it, and its memory is set aside in the same book as that of jobs; when
 * the last client has left it stops. What is new costs the client one of its rate, and is
 * refused when the disk is almost full: nobody can fill it by asking. */
#include "api/file-rows.h"
#include "api/jobs-priv.h"

#include <math.h>
#include <string.h>

#define THREADS 2
#define LINE 64                          /* that may wait for a thread */
#define PATIENCE_US (100 * 1000)         /* until memory is asked for again */
#define MORE 4                           /* times, when the first guess was too little */
#define MODEL_TIMES 4                    /* a model's bytes, and so many more, */
#define MODEL_LEAST ((uint64_t)64 << 20) /* are what measuring it is guessed to need */
#define INPUT "model"                    /* for messages: clients know no file's name */

struct OrfMakers {
    OrfStore *store;
    OrfDevices *devices; /* or NULL */
    OrfWorkers *pool;
    GMutex lock;
    GHashTable *running; /* order's digest -> Making, borrowed */
    GPtrArray *all;      /* Making, borrowed: to stop at the end */
    bool ending;
};

typedef struct {
    OrfMakers *makers;
    const char *operation; /* static; NULL: the facts of a model */
    char **settings;       /* name, value, ... */
    char **sources;        /* digests; it goes with the first */
    char key[ORF_DIGEST_SIZE];
    OrfTask *task; /* while it runs; under the makers' lock, as the rest */
    bool stopped;  /* nobody waits any more */
    GPtrArray *waiters;
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
    g_strfreev(making->settings);
    g_strfreev(making->sources);
    g_free(making);
}

/* --- Making ------------------------------------------------------------------------------- */

/* `store`: the inputs' bytes come from there; NULL: their digests will do. */
static OrfOrder *
order_of(OrfStore *store, const char *operation, const char *const *settings,
         const char *const *sources, GError **error)
{
    g_autoptr(OrfOrder) order = orf_order_new(operation, error);
    bool ok = order;
    for (; ok && settings && settings[0]; settings += 2)
        ok = orf_order_set(order, settings[0], settings[1], error);
    for (; ok && sources[0]; sources++) {
        g_autoptr(GBytes) bytes = store ? orf_blob_get(store, sources[0], error) : NULL;
        OrfInput input = { .name = INPUT, .bytes = bytes, .digest = sources[0], .yaw = NAN };
        ok = (bytes || !store) && orf_order_add(order, &input, error);
    }
    return ok && orf_order_check(order, error) ? g_steal_pointer(&order) : NULL;
}

static GBytes *
result_of(OrfTask *task, const OrfOutcome *outcome, GError **error)
{
    const char *type, *extension, *facts = orf_outcome_facts(outcome);
    OrfAsset *asset = orf_outcome_asset(outcome, 0);
    GError *why = NULL;
    GBytes *packed = orf_outcome_pack(task, outcome, &type, &extension, &why);
    if (packed || why) {
        if (why)
            g_propagate_error(error, why);
        return packed;
    }
    return asset ? orf_asset_save(task, asset, "glb", error)
                 : g_bytes_new(facts, strlen(facts));
}

static bool
make(Making *making, OrfTask *task, const OrfOrder *order, char ret_digest[ORF_DIGEST_SIZE],
     GError **error)
{
    OrfStore *store = making->makers->store;
    g_autoptr(OrfOutcome) outcome = orf_order_run(task, order, NULL, NULL, error);
    if (!outcome)
        return false;
    g_autoptr(GBytes) made = result_of(task, outcome, error);
    return made && orf_blob_put(store, made, ret_digest, error) &&
           orf_blob_put_derived(store, making->sources[0], making->key, ret_digest, error);
}

static const OrfStep steps[] = { { "load", 40 }, { "measure", 60 } };

/* Of a model's facts there is a row, no blob: they are told under the name of their source. */
static bool
make_facts(Making *making, OrfTask *task, GBytes *source, char ret_digest[ORF_DIGEST_SIZE],
           GError **error)
{
    OrfAssetFacts facts;
    orf_task_plan(task, steps, G_N_ELEMENTS(steps));
    g_autoptr(OrfAsset) asset = orf_asset_load(orf_task_step(task), source, NULL, error);
    g_autofree char *measures =
        asset ? orf_engine_measure(orf_task_step(task), asset, &facts, error) : NULL;
    if (!measures)
        return false;
    const char *format = orf_engine_sniff(source);
    g_auto(GStrv) notes = orf_task_notes(task);
    OrfModelRow row = { .digest = making->sources[0],
                        .format = (char *)(uintptr_t)(format ? format
                                                             : "obj"), /* it has no sure sign */
                        .vertices = facts.vertices,
                        .triangles = facts.triangles,
                        .size_mm = { facts.size_mm[0], facts.size_mm[1], facts.size_mm[2] },
                        .solid = facts.solid,
                        .measures = measures,
                        .warnings = notes,
                        .made = g_get_real_time() };
    g_strlcpy(ret_digest, making->sources[0], ORF_DIGEST_SIZE);
    return orf_model_row_put(making->makers->store, &row, error);
}

/* False: it was stopped. */
static bool
begin_task(Making *making, uint64_t bytes)
{
    OrfMakers *makers = making->makers;
    OrfTask *task = orf_task_new(&(OrfTaskOptions){ .cores = 1, .memory = (size_t)bytes });
    g_mutex_lock(&makers->lock);
    bool stopped = making->stopped || makers->ending;
    orf_task_unref(making->task); /* of the try before */
    making->task = task;
    if (stopped)
        orf_task_cancel(task);
    g_mutex_unlock(&makers->lock);
    return !stopped;
}

typedef enum { MADE, FAILED, LATER } End;

/* What is to be made, and for how much; `order` NULL: the facts of `source`. */
typedef struct {
    OrfOrder *order;
    GBytes *source;
    char *kind;
    uint64_t bytes;
} Wanted;

static void
wanted_clear(Wanted *wanted)
{
    orf_order_free(wanted->order);
    g_bytes_unref(wanted->source);
    g_free(wanted->kind);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Wanted, wanted_clear)

/* With so much memory, when it can be had. */
static End
try_with(Making *making, const Wanted *wanted, uint64_t bytes, char ret_digest[ORF_DIGEST_SIZE],
         GError **error)
{
    OrfDevices *devices = making->makers->devices;
    uint64_t ticket = devices ? orf_devices_reserve(devices, bytes) : 0;
    if (devices && !ticket)
        return LATER;
    bool made = false;
    if (!begin_task(making, bytes))
        (void)orf_task_check(making->task, error);
    else if (wanted->order)
        made = make(making, making->task, wanted->order, ret_digest, error);
    else
        made = make_facts(making, making->task, wanted->source, ret_digest, error);
    if (devices)
        orf_devices_release(devices, ticket);
    if (made && devices)
        orf_devices_learn(devices, wanted->kind, orf_task_peak_memory(making->task));
    return made ? MADE : FAILED;
}

static bool
prepare(Making *making, Wanted *ret, GError **error)
{
    OrfStore *store = making->makers->store;
    OrfDevices *devices = making->makers->devices;
    ret->source = orf_blob_get(store, making->sources[0], error);
    if (!ret->source)
        return false;
    ret->bytes = MODEL_TIMES * g_bytes_get_size(ret->source) + MODEL_LEAST;
    ret->kind = g_strdup("facts");
    if (making->operation) {
        ret->order = order_of(store, making->operation, (const char *const *)making->settings,
                              (const char *const *)making->sources, error);
        if (!ret->order)
            return false;
        ret->bytes = orf_order_estimate(NULL, ret->order).bytes;
        g_free(ret->kind);
        ret->kind = orf_order_kind(ret->order);
    }
    if (devices)
        ret->bytes = MAX(ret->bytes, orf_devices_expect(devices, ret->kind, ret->bytes));
    return true;
}

static End
work_on(Making *making, char ret_digest[ORF_DIGEST_SIZE], GError **error)
{
    g_auto(Wanted) wanted = { 0 };
    g_autoptr(GError) little = NULL;
    if (!prepare(making, &wanted, error))
        return FAILED;
    End end = try_with(making, &wanted, wanted.bytes, ret_digest, &little);
    if (end == FAILED && g_error_matches(little, ORF_ERROR, ORF_ERROR_TOO_LARGE)) {
        g_clear_error(&little);
        end = try_with(making, &wanted, wanted.bytes * MORE, ret_digest, &little);
    }
    if (little)
        g_propagate_error(error, g_steal_pointer(&little));
    return end;
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

static void run(void *data);

/* False: nobody waits for it any more. */
static bool
put_off(Making *making)
{
    OrfMakers *makers = making->makers;
    g_mutex_lock(&makers->lock);
    bool wanted = !making->stopped && !makers->ending;
    if (wanted)
        orf_workers_after(makers->pool, PATIENCE_US, run, making);
    g_mutex_unlock(&makers->lock);
    return wanted;
}

static void
run(void *data)
{
    Making *making = data;
    g_autoptr(GError) error = NULL;
    char digest[ORF_DIGEST_SIZE];
    End end = work_on(making, digest, &error);
    if (end == LATER && put_off(making))
        return;
    g_autoptr(GPtrArray) waiters = close_making(making);
    for (size_t i = 0; i < waiters->len; i++) {
        Waiter *waiter = waiters->pdata[i];
        if (end == MADE)
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
            making->stopped = true;
            if (making->task)
                orf_task_cancel(making->task);
        }
    }
    g_mutex_unlock(&makers->lock);
    waiter_unref(waiter);
}

static Making *
making_new(OrfMakers *makers, const char *const *sources, const OrfDerivation *how,
           const char *key)
{
    Making *making = g_new0(Making, 1);
    making->makers = makers;
    making->operation = how ? orf_operation_by_name(how->operation)->name : NULL;
    making->settings = how ? g_strdupv((char **)how->settings) : NULL;
    making->sources = g_strdupv((char **)sources);
    g_strlcpy(making->key, key, sizeof making->key);
    making->waiters = g_ptr_array_new_with_free_func(waiter_unref);
    return making;
}

/* Joins what is being made, or begins it; with the lock. False: too much waits. */
static bool
join(OrfMakers *makers, Waiter *waiter, const char *const *sources, const OrfDerivation *how,
     const char *key)
{
    Making *making = g_hash_table_lookup(makers->running, key);
    if (!making) {
        making = making_new(makers, sources, how, key);
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

/* False: it has replied. */
static bool
may_make(OrfCall *call)
{
    if (!orf_api_low_on_disk(call->api))
        return call->endpoint->cost || orf_call_charge(call, 1);
    orf_call_problem(call, &(OrfProblem){ .code = ORF_PROBLEM_STORAGE_UNAVAILABLE,
                                          .detail = "The server's disk is almost full: what "
                                                    "was made before can be fetched.",
                                          .retry_after = 30 });
    return false;
}

static void
make_for(OrfCall *call, const char *const *sources, const OrfDerivation *how, const char *key,
         OrfDerivedFn ready)
{
    OrfMakers *makers = ((OrfFeeds *)call->api->feeds)->makers;
    Waiter *waiter = waiter_new(makers, call, ready);
    orf_call_follow(call, &waiter->follower);
    g_mutex_lock(&makers->lock);
    bool joined = join(makers, waiter, sources, how, key);
    g_mutex_unlock(&makers->lock);
    if (joined)
        return;
    waiter_unref(waiter); /* the call keeps the other */
    orf_call_problem(call, &(OrfProblem){ .code = ORF_PROBLEM_SERVER_BUSY,
                                          .detail = "Too many files are being made.",
                                          .retry_after = 5 });
}

void
orf_call_derive_all(OrfCall *call, const char *const *sources, const OrfDerivation *how,
                    OrfDerivedFn ready)
{
    char digest[ORF_DIGEST_SIZE];
    g_autoptr(GError) error = NULL;
    g_autoptr(OrfOrder) order = order_of(NULL, how->operation, how->settings, sources, &error);
    if (!order) {
        orf_call_error(call, error);
        return;
    }
    g_autofree char *key = orf_order_digest(NULL, order);
    if (orf_blob_get_derived(call->api->options.store, sources[0], key, digest))
        ready(call, digest);
    else if (may_make(call))
        make_for(call, sources, how, key, ready);
}

void
orf_call_learn(OrfCall *call, const char *source, OrfDerivedFn ready)
{
    g_autoptr(OrfModelRow) row = orf_model_row_get(call->api->options.store, source, NULL);
    if (row)
        ready(call, source);
    else if (may_make(call))
        make_for(call, (const char *const[]){ source, NULL }, NULL, source, ready);
}

void
orf_call_derive(OrfCall *call, const char *source, const OrfDerivation *how, OrfDerivedFn ready)
{
    orf_call_derive_all(call, (const char *const[]){ source, NULL }, how, ready);
}

void
orf_call_derive_as(OrfCall *call, const char *source, const char *format, OrfDerivedFn ready)
{
    const char *const settings[] = { "format", format, NULL };
    orf_call_derive(call, source, &(OrfDerivation){ "convert", settings }, ready);
}

void
orf_call_derive_view(OrfCall *call, const char *source, OrfDerivedFn ready)
{
    char width[16];
    unsigned made = 256; /* few widths are made: each is a file that is kept */
    while ((int64_t)made < orf_call_int(call, "width"))
        made *= 2;
    g_snprintf(width, sizeof width, "%u", made);
    const char *const settings[] = { "width", width, NULL };
    orf_call_derive(call, source, &(OrfDerivation){ "view", settings }, ready);
}

/* --- Life --------------------------------------------------------------------------------- */

OrfMakers *
orf_makers_new(OrfStore *store, OrfDevices *devices)
{
    OrfMakers *makers = g_new0(OrfMakers, 1);
    makers->store = store;
    makers->devices = devices;
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
    makers->ending = true;
    for (size_t i = 0; i < makers->all->len; i++) {
        Making *making = makers->all->pdata[i];
        if (making->task)
            orf_task_cancel(making->task);
    }
    g_mutex_unlock(&makers->lock);
    orf_workers_free(makers->pool);
    for (size_t i = 0; i < makers->all->len; i++)
        making_free(makers->all->pdata[i]); /* they waited for memory */
    g_hash_table_unref(makers->running);
    g_ptr_array_unref(makers->all);
    g_mutex_clear(&makers->lock);
    g_free(makers);
}
