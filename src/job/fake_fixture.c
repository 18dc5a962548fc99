/* fake_fixture.c - an engine for tests.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "job/fake_fixture.h"

/* --- The engine --------------------------------------------------------------------------- */

void
fake_init(Fake *fake)
{
    *fake = (Fake){ .batch = 1 };
    g_mutex_init(&fake->lock);
    g_cond_init(&fake->changed);
    fake->log = g_string_new(NULL);
}

void
fake_clear(Fake *fake)
{
    g_mutex_clear(&fake->lock);
    g_cond_clear(&fake->changed);
    g_string_free(fake->log, true);
}

static void
note(Fake *fake, const OrfJobRun *run, const char *what)
{
    g_string_append_printf(fake->log, "%s:%s ", run->kind, what);
}

/* A gate that a cancel opens, too: looks every 5 ms, like an engine's loop. */
static bool
pass_gate(Fake *fake, const OrfJobRun *run)
{
    g_mutex_lock(&fake->lock);
    fake->at_gate++;
    g_cond_broadcast(&fake->changed);
    while (!fake->open && !orf_task_cancelled(run->task)) {
        g_cond_wait_until(&fake->changed, &fake->lock, g_get_monotonic_time() + 5000);
    }
    bool passed = fake->open > 0 && !orf_task_cancelled(run->task);
    fake->open -= passed;
    fake->at_gate--;
    g_cond_broadcast(&fake->changed);
    g_mutex_unlock(&fake->lock);
    return passed;
}

static OrfStageRow
stage_of(char letter, double progress)
{
    const char *name = letter == 'p'   ? "preview"
                       : letter == 'm' ? "medium"
                       : letter == 'f' ? "final"
                                       : "finished";
    OrfStageRow stage = { .progress = progress, .bytes = 1000 };
    g_strlcpy(stage.name, name, sizeof stage.name);
    orf_digest(name, strlen(name), stage.digest);
    return stage;
}

OrfJobRequest *
script(const char *text)
{
    static GHashTable *kept;
    static GMutex lock;
    g_mutex_lock(&lock);
    if (!kept)
        kept = g_hash_table_new(g_str_hash, g_str_equal);
    OrfJobRequest *request = g_hash_table_lookup(kept, text);
    if (!request) {
        request = orf_job_request_new(text);
        g_hash_table_insert(kept, request->operation, request);
    }
    g_mutex_unlock(&lock);
    return request;
}

static bool
fail_as(char letter, int attempt, GError **error)
{
    switch (letter) {
    case 'B':
        return attempt > 1 || ORF_FALSE(error, BUSY, "busy");
    case 'b':
        return ORF_FALSE(error, BUSY, "busy");
    case 'u':
        return ORF_FALSE(error, UNAVAILABLE, "unavailable");
    case 'x':
        return ORF_FALSE(error, BAD_INPUT, "bad input");
    default:
        return true;
    }
}

static bool
step(Fake *fake, OrfJobRun *run, char letter, GError **error)
{
    static const char order[] = "pmfd";
    bool own = letter == 'P'; /* bytes that no other run makes */
    const char *at = strchr(order, own ? 'p' : letter);
    if (at) {
        OrfStageRow stage = stage_of(*at, (double)(at - order + 1) / 4);
        g_autofree char *text =
            own ? g_strdup_printf("%s %u", stage.name, fake->runs) : g_strdup(stage.name);
        g_autoptr(GBytes) bytes = g_bytes_new(text, strlen(text));
        orf_blob_put(fake->store, bytes, stage.digest, NULL);
        orf_job_run_stage(run, &stage);
    } else if (letter == 'o') {
        orf_task_progress(run->task, 0.5);
    } else if (letter == 'l') {
        orf_job_run_log(run, "a remark");
    } else if (letter == 'g' && !pass_gate(fake, run)) {
        return orf_task_check(run->task, error);
    }
    return orf_task_check(run->task, error) && fail_as(letter, run->attempt, error);
}

static void
run_one(Fake *fake, OrfJobRun *run, OrfJobResult **ret_result, GError **ret_error)
{
    g_mutex_lock(&fake->lock);
    fake->runs++;
    fake->now++;
    fake->most = MAX(fake->most, fake->now);
    note(fake, run, "begin");
    g_mutex_unlock(&fake->lock);
    bool ok = true;
    for (const char *p = run->request->operation; ok && *p; p++)
        ok = step(fake, run, *p, ret_error);
    if (ok)
        *ret_result = orf_job_result_new();
    g_mutex_lock(&fake->lock);
    fake->now--;
    note(fake, run, ok ? "ok" : "failed");
    g_mutex_unlock(&fake->lock);
}

static void
run_batch(OrfJobRun *const *runs, size_t n, OrfJobResult **ret_results, GError **ret_errors,
          void *data)
{
    Fake *fake = data;
    g_mutex_lock(&fake->lock);
    fake->largest_batch = MAX(fake->largest_batch, n);
    g_mutex_unlock(&fake->lock);
    for (size_t i = 0; i < n; i++)
        run_one(fake, runs[i], &ret_results[i], &ret_errors[i]);
}

static uint64_t
reserve(const char *kind, const OrfJobRequest *request, void *data)
{
    (void)kind, (void)request;
    Fake *fake = data;
    g_mutex_lock(&fake->lock);
    bool room = !fake->memory || fake->reserved < fake->memory;
    fake->reserved += room;
    g_mutex_unlock(&fake->lock);
    return room;
}

static void
release(uint64_t ticket, const char *kind, size_t peak, double seconds, void *data)
{
    (void)kind, (void)peak, (void)seconds;
    Fake *fake = data;
    g_mutex_lock(&fake->lock);
    fake->reserved -= (unsigned)ticket;
    g_mutex_unlock(&fake->lock);
}

static unsigned
batch(const char *kind, uint64_t queued, void *data)
{
    (void)kind, (void)queued;
    return ((const Fake *)data)->batch;
}

OrfWork
fake_work(Fake *fake)
{
    return (OrfWork){
        .run = run_batch, .reserve = reserve, .release = release, .batch = batch, .data = fake
    };
}

void
fake_open(Fake *fake, unsigned n)
{
    g_mutex_lock(&fake->lock);
    fake->open += n;
    g_cond_broadcast(&fake->changed);
    g_mutex_unlock(&fake->lock);
}

void
fake_wait_at_gate(Fake *fake, unsigned n)
{
    g_mutex_lock(&fake->lock);
    while (fake->at_gate != n)
        g_cond_wait(&fake->changed, &fake->lock);
    g_mutex_unlock(&fake->lock);
}

char *
fake_log(Fake *fake)
{
    g_mutex_lock(&fake->lock);
    char *log = g_strdup(fake->log->str);
    g_mutex_unlock(&fake->lock);
    return log;
}

/* --- The bench ---------------------------------------------------------------------------- */

static void
open_all(Bench *bench)
{
    g_autoptr(GError) error = NULL;
    bench->store = orf_store_open(bench->dir, &error);
    g_assert_no_error(error);
    bench->options.store = bench->store;
    bench->fake.store = bench->store;
    bench->options.work = fake_work(&bench->fake);
    bench->queue = orf_queue_new(&bench->options, &error);
    g_assert_no_error(error);
}

void
bench_init(Bench *bench, OrfQueueOptions options)
{
    bench->dir = folder_new();
    bench->options = options;
    fake_init(&bench->fake);
    open_all(bench);
}

void
bench_reopen(Bench *bench)
{
    orf_queue_free(bench->queue);
    orf_store_close(bench->store);
    open_all(bench);
}

/* The folder as it is now, copied: what a killed process leaves. */
void
bench_crash(Bench *bench)
{
    g_autofree char *copy = folder_new();
    g_autofree char *command = g_strdup_printf("cp -r '%s/.' '%s'", bench->dir, copy);
    g_assert_true(g_spawn_command_line_sync(command, NULL, NULL, NULL, NULL));
    orf_queue_free(bench->queue);
    orf_store_close(bench->store);
    folder_remove(bench->dir);
    g_free(bench->dir);
    bench->dir = g_steal_pointer(&copy);
    open_all(bench);
}

void
bench_clear(Bench *bench)
{
    orf_queue_free(bench->queue);
    orf_store_close(bench->store);
    fake_clear(&bench->fake);
    folder_free(bench->dir);
}

char *
bench_wish(Bench *bench, OrfWish wish)
{
    g_autoptr(GError) error = NULL;
    OrfAccepted accepted;
    if (!wish.kind)
        wish.kind = "k";
    if (!wish.tenant)
        wish.tenant = "local";
    orf_queue_add(bench->queue, &wish, &accepted, &error);
    g_assert_no_error(error);
    return accepted.id;
}

char *
bench_add(Bench *bench, const char *what, const char *key)
{
    return bench_wish(bench, (OrfWish){ .request = script(what), .key = key });
}

OrfJobStatus
bench_status(Bench *bench, const char *id)
{
    g_auto(OrfJobView) view = { 0 };
    g_autoptr(GError) error = NULL;
    orf_queue_look(bench->queue, NULL, id, &view, &error);
    g_assert_no_error(error);
    return view.row.status;
}

bool
bench_shows(const OrfJobView *view, const char *stage)
{
    for (size_t i = 0; i < orf_stages_n(view->row.stages); i++)
        if (g_str_equal(view->row.stages->rows[i].name, stage))
            return true;
    return false;
}

/* --- Listening ---------------------------------------------------------------------------- */

typedef struct {
    GMutex lock;
    GCond heard;
    GString *text;
    uint64_t last;
    unsigned n;
    bool over;
} Ear;

static void
hear(const OrfJobEvent *event, void *data)
{
    Ear *ear = data;
    g_mutex_lock(&ear->lock);
    g_assert_false(ear->over);
    g_assert_cmpuint(event->seq, >, ear->n ? ear->last : 0);
    ear->last = event->seq;
    ear->n++;
    g_string_append_printf(ear->text, "%" G_GUINT64_FORMAT ":%s ", event->seq, event->type);
    ear->over = g_str_equal(event->type, "done") || g_str_equal(event->type, "error");
    g_cond_broadcast(&ear->heard);
    g_mutex_unlock(&ear->lock);
}

static void
ear_init(Ear *ear)
{
    *ear = (Ear){ .text = g_string_new(NULL) };
    g_mutex_init(&ear->lock);
    g_cond_init(&ear->heard);
}

static char *
ear_clear(Ear *ear)
{
    g_mutex_clear(&ear->lock);
    g_cond_clear(&ear->heard);
    return g_string_free(ear->text, false);
}

static OrfListener *
listen(Bench *bench, const char *id, uint64_t after, Ear *ear)
{
    g_autoptr(GError) error = NULL;
    OrfListener *listener = orf_queue_listen(bench->queue, NULL, id, after, hear, ear, &error);
    g_assert_no_error(error);
    return listener;
}

char *
bench_events(Bench *bench, const char *id, uint64_t after)
{
    Ear ear;
    ear_init(&ear);
    OrfListener *listener = listen(bench, id, after, &ear);
    g_mutex_lock(&ear.lock);
    while (!ear.over)
        g_cond_wait(&ear.heard, &ear.lock);
    g_mutex_unlock(&ear.lock);
    orf_listener_free(listener);
    return ear_clear(&ear);
}

OrfJobStatus
bench_wait(Bench *bench, const char *id)
{
    g_free(bench_events(bench, id, 0));
    return bench_status(bench, id);
}

void
bench_wait_status(Bench *bench, const char *id, OrfJobStatus status)
{
    Ear ear;
    ear_init(&ear);
    OrfListener *listener = listen(bench, id, 0, &ear);
    unsigned seen = 0;
    while (bench_status(bench, id) != status) {
        g_mutex_lock(&ear.lock);
        while (ear.n == seen)
            g_cond_wait(&ear.heard, &ear.lock);
        seen = ear.n;
        g_mutex_unlock(&ear.lock);
    }
    orf_listener_free(listener);
    g_free(ear_clear(&ear));
}
