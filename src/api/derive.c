/* derive.c - what is made of blobs by an operation, for who waits: other formats, measures,
 * pictures, repaired models.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Made once: it is kept under the digest of the order, clients that ask for the same thing
 * meanwhile wait for the one that is being made, those who ask later get the blob. It goes when
 * its first source goes. The making happens where jobs run, in the runner process; a thread
 * here waits for it, so that neither the transport nor the desk does. Its memory is set aside
 * in the same book as that of jobs; when the last client has left it stops. What is new costs
 * the client one of its rate, and is refused when the disk is almost full: nobody can fill it
 * by asking. */
#include "api/file-rows.h"
#include "api/jobs-priv.h"

#include <math.h>
#include <string.h>
#include <unistd.h>

#define THREADS 2
#define LINE 64                              /* that may wait for a thread */
#define PATIENCE_US (100 * 1000)             /* until memory is asked for again */
#define MORE 4                               /* times, when the first guess was too little */
#define MOST_REFUSED 256                     /* orders that are remembered, */
#define REFUSED_US (10 * G_TIME_SPAN_MINUTE) /* and for how long */

struct OrfMakers {
    OrfStore *store;
    OrfRunner *runner;   /* NULL: nothing can be made */
    OrfDevices *devices; /* or NULL */
    OrfWorkers *pool;
    GMutex lock;
    GHashTable *running; /* order's digest -> Making, borrowed */
    GPtrArray *all;      /* Making, borrowed: to stop at the end */
    GHashTable
        *refused; /* order's digest -> Refused: asking again takes no runner down again */
    bool ending;
};

typedef struct {
    OrfMakers *makers;
    OrfJobRequest *request; /* what is made goes with its first input */
    bool learning;          /* what is known of a model gets a row; no file is kept */
    char key[ORF_DIGEST_SIZE];
    OrfTask *task; /* while it runs; under the makers' lock, as the rest */
    bool stopped;  /* nobody waits any more */
    GPtrArray *waiters;
} Making;

typedef struct {
    char *why;
    int64_t until; /* monotonic */
} Refused;

static void
refused_free(void *data)
{
    Refused *refused = data;
    g_free(refused->why);
    g_free(refused);
}

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
    orf_job_request_unref(making->request);
    g_free(making);
}

/* --- Requests ----------------------------------------------------------------------------- */

/* Files have no names of their clients here: others may wait for the same. */
static const char *
name_of(const char *operation)
{
    const OrfOperation *row = orf_operation_by_name(operation);
    return row && row->takes == ORF_TAKES_PICTURES ? "picture" : "model";
}

static void
add_setting(OrfJobRequest *request, const char *name, const char *text)
{
    OrfJobSetting *setting = g_new0(OrfJobSetting, 1);
    *setting = (OrfJobSetting){ .name = g_strdup(name), .text = g_strdup(text) };
    g_ptr_array_add(request->settings, setting);
}

static void
add_source(OrfJobRequest *request, const char *digest, uint64_t bytes)
{
    OrfJobInput *input = g_new0(OrfJobInput, 1);
    *input = (OrfJobInput){ .digest = g_strdup(digest),
                            .name = g_strdup(name_of(request->operation)),
                            .yaw = NAN,
                            .bytes = bytes };
    g_ptr_array_add(request->inputs, input);
}

static OrfJobRequest *
request_of(const char *source, const OrfDerivation *how)
{
    OrfJobRequest *request = orf_job_request_new(how->operation);
    for (const char *const *at = how->settings; at && at[0]; at += 2)
        add_setting(request, at[0], at[1]);
    add_source(request, source, 0);
    return request;
}

/* The same without what tells of its client. */
static OrfJobRequest *
anonymous(const OrfJobRequest *from)
{
    OrfJobRequest *request = orf_job_request_new(from->operation);
    request->generator = g_strdup(from->generator);
    for (guint i = 0; i < from->settings->len; i++) {
        const OrfJobSetting *setting = from->settings->pdata[i];
        add_setting(request, setting->name, setting->text);
    }
    for (guint i = 0; i < from->inputs->len; i++) {
        const OrfJobInput *input = from->inputs->pdata[i];
        add_source(request, input->digest, input->bytes);
    }
    return request;
}

static const char *
first_source(const OrfJobRequest *request)
{
    return ((const OrfJobInput *)request->inputs->pdata[0])->digest;
}

/* --- Making ------------------------------------------------------------------------------- */

/* Of a model's facts there is a row, no blob: they are told under the name of their source. */
static bool
keep_facts(const Making *making, const OrfMade *made, OrfDerived *ret, GError **error)
{
    const char *source = first_source(making->request);
    const OrfAssetFacts *facts = &made->facts;
    OrfModelRow row = { .digest = (char *)(uintptr_t)source,
                        .format =
                            made->format ? made->format : (char *)"obj", /* no sure sign */
                        .vertices = facts->vertices,
                        .triangles = facts->triangles,
                        .size_mm = { facts->size_mm[0], facts->size_mm[1], facts->size_mm[2] },
                        .solid = facts->solid,
                        .measures = made->measures,
                        .warnings = made->notes,
                        .made = g_get_real_time() };
    g_strlcpy(ret->digest, source, sizeof ret->digest);
    return orf_model_row_put(making->makers->store, &row, error);
}

static bool
make(Making *making, uint64_t bytes, size_t *ret_peak, OrfDerived *ret, GError **error)
{
    OrfMakers *makers = making->makers;
    g_auto(OrfMade) made = { 0 };
    if (!makers->runner)
        return ORF_FALSE(error, UNAVAILABLE, "nothing can be made here");
    if (!orf_runner_make(makers->runner, making->task, making->request, bytes,
                         !making->learning, &made, error))
        return false;
    *ret_peak = made.peak;
    if (making->learning)
        return keep_facts(making, &made, ret, error);
    *ret = made.file;
    return orf_blob_put_derived(makers->store, first_source(making->request), making->key, ret,
                                error);
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

/* With so much memory, when it can be had. */
static End
try_with(Making *making, const char *kind, uint64_t bytes, OrfDerived *ret, GError **error)
{
    OrfDevices *devices = making->makers->devices;
    uint64_t ticket = devices ? orf_devices_reserve(devices, bytes) : 0;
    if (devices && !ticket)
        return LATER;
    size_t peak = 0;
    bool made = false;
    if (begin_task(making, bytes))
        made = make(making, bytes, &peak, ret, error);
    else
        (void)orf_task_check(making->task, error);
    if (devices)
        orf_devices_release(devices, ticket);
    if (made && devices)
        orf_devices_learn(devices, kind, peak);
    return made ? MADE : FAILED;
}

/* What the inputs weigh; they may have gone meanwhile. */
static bool
weigh(const Making *making, GError **error)
{
    for (guint i = 0; i < making->request->inputs->len; i++) {
        OrfJobInput *input = making->request->inputs->pdata[i];
        int fd = orf_blob_open(making->makers->store, input->digest, &input->bytes, error);
        if (fd < 0)
            return false;
        close(fd);
    }
    return true;
}

static End
work_on(Making *making, OrfDerived *ret, GError **error)
{
    OrfDevices *devices = making->makers->devices;
    g_autoptr(OrfOrder) order =
        weigh(making, error) ? orf_request_known(making->request, error) : NULL;
    if (!order)
        return FAILED;
    g_autoptr(GError) little = NULL;
    g_autofree char *kind = orf_order_kind(order);
    uint64_t bytes = orf_order_estimate(NULL, order).bytes;
    if (devices)
        bytes = MAX(bytes, orf_devices_expect(devices, kind, bytes));
    End end = try_with(making, kind, bytes, ret, &little);
    if (end == FAILED && g_error_matches(little, ORF_ERROR, ORF_ERROR_TOO_LARGE)) {
        g_clear_error(&little);
        end = try_with(making, kind, bytes * MORE, ret, &little);
    }
    if (little)
        g_propagate_error(error, g_steal_pointer(&little));
    return end;
}

/* --- Answers ------------------------------------------------------------------------------ */

static void
answer_error(OrfCall *call, const GError *error, const char *operation)
{
    bool model = orf_operation_by_name(operation)->takes == ORF_TAKES_ASSETS;
    if (g_error_matches(error, ORF_ERROR, ORF_ERROR_NOT_FOUND))
        orf_call_problem(call, &(OrfProblem){ .code = ORF_PROBLEM_JOB_EXPIRED,
                                              .detail = "The file has been removed.",
                                              .hint = "Make or upload it again." });
    else if (g_error_matches(error, ORF_ERROR, ORF_ERROR_BAD_INPUT) ||
             g_error_matches(error, ORF_ERROR, ORF_ERROR_UNSUPPORTED))
        orf_call_problem(call, &(OrfProblem){ .code = model ? ORF_PROBLEM_MESH_UNREADABLE
                                                            : ORF_PROBLEM_IMAGE_UNDECODABLE,
                                              .detail = error->message,
                                              .hint = model ? "Send an STL, OBJ, GLB, PLY or "
                                                              "3MF."
                                                            : NULL });
    else
        orf_call_error(call, error);
}

/* What cannot be done, or takes runners down. */
static void
remember_refusal(Making *making, const GError *error)
{
    OrfMakers *makers = making->makers;
    Refused *refused = g_new(Refused, 1);
    *refused = (Refused){ g_strdup(error->message), g_get_monotonic_time() + REFUSED_US };
    g_mutex_lock(&makers->lock);
    if (g_hash_table_size(makers->refused) >= MOST_REFUSED)
        g_hash_table_remove_all(makers->refused);
    g_hash_table_replace(makers->refused, g_strdup(making->key), refused);
    g_mutex_unlock(&makers->lock);
}

/* True: it has replied. */
static bool
was_refused(OrfCall *call, const char *key, const char *operation)
{
    OrfMakers *makers = ((OrfFeeds *)call->api->feeds)->makers;
    g_autoptr(GError) error = NULL;
    g_mutex_lock(&makers->lock);
    const Refused *refused = g_hash_table_lookup(makers->refused, key);
    if (refused && refused->until > g_get_monotonic_time())
        error = g_error_new_literal(ORF_ERROR, ORF_ERROR_UNSUPPORTED, refused->why);
    g_mutex_unlock(&makers->lock);
    if (error)
        answer_error(call, error, operation);
    return error;
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
    OrfDerived made = { 0 };
    End end = work_on(making, &made, &error);
    if (end == LATER && put_off(making))
        return;
    if (end == FAILED && g_error_matches(error, ORF_ERROR, ORF_ERROR_UNSUPPORTED))
        remember_refusal(making, error);
    g_autoptr(GPtrArray) waiters = close_making(making);
    for (size_t i = 0; i < waiters->len; i++) {
        Waiter *waiter = waiters->pdata[i];
        if (end == MADE)
            waiter->ready(waiter->call, &made);
        else
            answer_error(waiter->call, error, making->request->operation);
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
making_new(OrfMakers *makers, OrfJobRequest *request, bool learning, const char *key)
{
    Making *making = g_new0(Making, 1);
    making->makers = makers;
    making->request = orf_job_request_ref(request);
    making->learning = learning;
    g_strlcpy(making->key, key, sizeof making->key);
    making->waiters = g_ptr_array_new_with_free_func(waiter_unref);
    return making;
}

/* Joins what is being made, or begins it; with the lock. False: too much waits. */
static bool
join(OrfMakers *makers, Waiter *waiter, OrfJobRequest *request, bool learning, const char *key)
{
    Making *making = g_hash_table_lookup(makers->running, key);
    if (!making) {
        making = making_new(makers, request, learning, key);
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
make_for(OrfCall *call, OrfJobRequest *request, bool learning, const char *key,
         OrfDerivedFn ready)
{
    OrfMakers *makers = ((OrfFeeds *)call->api->feeds)->makers;
    Waiter *waiter = waiter_new(makers, call, ready);
    orf_call_follow(call, &waiter->follower);
    g_mutex_lock(&makers->lock);
    bool joined = join(makers, waiter, request, learning, key);
    g_mutex_unlock(&makers->lock);
    if (joined)
        return;
    waiter_unref(waiter); /* the call keeps the other */
    orf_call_problem(call, &(OrfProblem){ .code = ORF_PROBLEM_SERVER_BUSY,
                                          .detail = "Too many files are being made.",
                                          .retry_after = 5 });
}

/* Takes the request, which is this call's alone. */
static void
derive_take(OrfCall *call, OrfJobRequest *request_in, OrfDerivedFn ready)
{
    OrfDerived made;
    g_autoptr(GError) error = NULL;
    g_autoptr(OrfJobRequest) request = request_in;
    g_autoptr(OrfOrder) order = orf_request_known(request, &error);
    if (!order || !orf_order_check(order, &error)) {
        orf_call_error(call, error);
        return;
    }
    g_autofree char *key = orf_order_digest(call->api->options.engine, order);
    if (orf_blob_get_derived(call->api->options.store, first_source(request), key, &made))
        ready(call, &made);
    else if (!was_refused(call, key, request->operation) && may_make(call))
        make_for(call, request, false, key, ready);
}

void
orf_call_derive_request(OrfCall *call, const OrfJobRequest *request, OrfDerivedFn ready)
{
    derive_take(call, anonymous(request), ready);
}

void
orf_call_derive(OrfCall *call, const char *source, const OrfDerivation *how, OrfDerivedFn ready)
{
    derive_take(call, request_of(source, how), ready);
}

void
orf_call_learn(OrfCall *call, const char *source, OrfDerivedFn ready)
{
    g_autoptr(OrfModelRow) row = orf_model_row_get(call->api->options.store, source, NULL);
    OrfDerived made = { 0 };
    g_strlcpy(made.digest, source, sizeof made.digest);
    g_autoptr(OrfJobRequest) request =
        request_of(source, &(OrfDerivation){ "measure", NULL }); /* "solid" needs crossings */
    if (row)
        ready(call, &made);
    else if (!was_refused(call, source, request->operation) && may_make(call))
        make_for(call, request, true, source, ready);
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
orf_makers_new(OrfStore *store, OrfRunner *runner, OrfDevices *devices)
{
    OrfMakers *makers = g_new0(OrfMakers, 1);
    makers->store = store;
    makers->runner = runner;
    makers->devices = devices;
    g_mutex_init(&makers->lock);
    makers->pool = orf_workers_new("makers", THREADS, LINE);
    makers->running = g_hash_table_new(g_str_hash, g_str_equal);
    makers->all = g_ptr_array_new();
    makers->refused = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, refused_free);
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
    g_hash_table_unref(makers->refused);
    g_mutex_clear(&makers->lock);
    g_free(makers);
}
