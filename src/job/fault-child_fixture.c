/* fault-child_fixture.c - clients and an engine, both unreliable.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "job/fault-child_fixture.h"

#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

#define CLIENTS 3
#define KEYS 8
#define IDEMPOTENCY_KEYS 40

typedef struct {
    OrfStore *store;
    OrfQueue *queue;
    GMutex lock; /* guards ids */
    GPtrArray *ids;
    GPtrArray *ears;
    GHashTable *told; /* id -> seq, of an earlier life */
} Child;

/* One line in one write: the parent never reads half of it. */
static void G_GNUC_PRINTF(1, 2) say(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    g_autofree char *line = g_strdup_vprintf(format, args);
    va_end(args);
    if (write(STDOUT_FILENO, line, strlen(line)) < 0)
        _exit(3);
}

/* --- The engine --------------------------------------------------------------------------- */

/* Some work, 2 ms unless cancelled. */
static bool
labour(OrfTask *task, GError **error)
{
    int64_t end = g_get_monotonic_time() + 2000;
    while (g_get_monotonic_time() < end && !orf_task_cancelled(task))
        g_usleep(200);
    return orf_task_check(task, error);
}

static bool
fail_sometimes(const OrfJobRun *run, GError **error)
{
    const char *script = run->request->operation;
    if (strchr(script, 'K') && run->attempt <= 4) /* and each time nobody blames it */
        raise(SIGKILL);
    if (strchr(script, 'x'))
        return ORF_FALSE(error, BAD_INPUT, "bad input");
    if (strchr(script, 'b') || (strchr(script, 'B') && run->attempt == 1))
        return ORF_FALSE(error, BUSY, "busy");
    return true;
}

static void
run_one(OrfJobRun *run, OrfJobResult **ret_result, GError **ret_error)
{
    static const char *const names[] = { "preview", "medium", "final", "finished" };
    for (int i = 0; i < 4; i++) {
        OrfStageRow stage = { .progress = (i + 1) / 4.0, .bytes = 10 };
        g_strlcpy(stage.name, names[i], sizeof stage.name);
        for (int step = 0; step < 4; step++)
            orf_task_progress(run->task, (i + step / 4.0) / 4);
        if (!labour(run->task, ret_error) || (i == 2 && !fail_sometimes(run, ret_error)))
            return;
        orf_job_run_stage(run, &stage);
    }
    *ret_result = orf_job_result_new();
    (*ret_result)->reason =
        g_strdup_printf("%s, attempt %d, luck %u", run->id, run->attempt, g_random_int());
}

static void
run_batch(OrfJobRun *const *runs, size_t n, OrfJobResult **ret_results, GError **ret_errors,
          void *data)
{
    (void)data;
    for (size_t i = 0; i < n; i++)
        run_one(runs[i], &ret_results[i], &ret_errors[i]);
}

static unsigned
batch(const char *kind, uint64_t queued, void *data)
{
    (void)queued, (void)data;
    return g_str_equal(kind, "batched") ? 3 : 1;
}

/* --- Ears: what a client of one job is told ----------------------------------------------- */

typedef struct {
    Child *child;
    char *id;
    OrfListener *listener;
    atomic_bool over;
} Ear;

static void
hear(const OrfJobEvent *event, void *data)
{
    Ear *ear = data;
    g_auto(OrfJobView) view = { 0 };
    if (!orf_queue_look(ear->child->queue, "local", ear->id, &view, NULL))
        return;
    bool end = g_str_equal(event->type, "done") || g_str_equal(event->type, "error");
    char digest[ORF_DIGEST_SIZE] = "-";
    if (end && view.row.status == ORF_JOB_SUCCEEDED)
        orf_digest(view.row.result->reason, strlen(view.row.result->reason), digest);
    say("E %s %" G_GUINT64_FORMAT " %s %d %.4f %d %s\n", ear->id, event->seq, event->type,
        view.row.status, view.row.progress, view.row.attempt, digest);
    ear->over = end;
}

static void
listen_to(Child *child, const char *id)
{
    Ear *ear = g_new0(Ear, 1);
    ear->child = child;
    ear->id = g_strdup(id);
    uint64_t *after = g_hash_table_lookup(child->told, id);
    ear->listener =
        orf_queue_listen(child->queue, "local", id, after ? *after : 0, hear, ear, NULL);
    g_mutex_lock(&child->lock);
    g_ptr_array_add(child->ids, g_strdup(id));
    g_ptr_array_add(child->ears, ear);
    g_mutex_unlock(&child->lock);
}

/* --- Clients ------------------------------------------------------------------------------ */

static void
add_one(Child *child, GRand *chance)
{
    static const char *const scripts[] = { "", "", "", "", "", "", "x", "b", "B", "B" };
    bool kills = g_rand_int_range(chance, 0, 200) == 0, keyed = g_rand_boolean(chance);
    g_autofree char *key = g_strdup_printf("key-%d", g_rand_int_range(chance, 0, KEYS));
    int n = g_rand_int_range(chance, 0, IDEMPOTENCY_KEYS);
    g_autofree char *once = n % 2 ? g_strdup_printf("once-%d", n) : NULL;
    int script = once ? n % 10 : g_rand_int_range(chance, 0, G_N_ELEMENTS(scripts));
    int64_t now = g_get_real_time();
    g_autoptr(OrfJobRequest) request = orf_job_request_new(kills            ? "K"
                                                           : keyed && !once ? ""
                                                                            : scripts[script]);
    OrfWish wish = {
        .kind = g_rand_boolean(chance) ? "batched" : "single",
        .key = keyed && !once ? key : NULL,
        .tenant = "local",
        .request = request,
        .priority = g_rand_int_range(chance, 0, 3),
        .idempotency_key = once,
        .fingerprint = once,
        .no_cache = g_rand_int_range(chance, 0, 5) == 0,
        .deadline_us = g_rand_int_range(chance, 0, 10) ? 0 : now + 20000,
    };
    OrfAccepted accepted = { 0 };
    g_autoptr(GError) error = NULL;
    if (!orf_queue_add(child->queue, &wish, &accepted, &error)) {
        if (error->code != ORF_ERROR_BUSY && error->code != ORF_ERROR_UNAVAILABLE)
            say("! %s\n", error->message);
        return;
    }
    say("A %s %s %s\n", accepted.id, wish.key ? key : "-", once ? once : "-");
    if (!accepted.replayed)
        listen_to(child, accepted.id);
    g_free(accepted.id);
}

static void
cancel_one(Child *child, GRand *chance)
{
    g_autofree char *id = NULL;
    g_mutex_lock(&child->lock);
    if (child->ids->len) {
        guint last = MIN(child->ids->len, 10);
        guint back = (guint)g_rand_int_range(chance, 0, (int)last) + 1;
        id = g_strdup(child->ids->pdata[child->ids->len - back]);
    }
    g_mutex_unlock(&child->lock);
    if (id && orf_queue_cancel(child->queue, "local", id, NULL))
        say("C %s\n", id);
}

/* For everybody in this process, for a few milliseconds. */
static void
fill_disk(void)
{
    struct rlimit limit;
    getrlimit(RLIMIT_FSIZE, &limit);
    limit.rlim_cur = 0;
    setrlimit(RLIMIT_FSIZE, &limit);
    g_usleep(3000);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_FSIZE, &limit);
}

typedef struct {
    Child *child;
    unsigned seed;
} Client;

static void *
be_client(void *data)
{
    Client *client = data;
    g_autoptr(GRand) chance = g_rand_new_with_seed(client->seed);
    for (;;) {
        int dice = g_rand_int_range(chance, 0, 200);
        if (dice < 120)
            add_one(client->child, chance);
        else if (dice < 160)
            cancel_one(client->child, chance);
        else if (dice == 160)
            fill_disk();
        else if (dice == 161)
            orf_queue_turn_clocks(client->child->queue, G_TIME_SPAN_SECOND, 0);
        else
            g_usleep(500);
    }
    return NULL;
}

/* --- A life ------------------------------------------------------------------------------- */

static void
read_told(Child *child, const char *dir)
{
    g_autofree char *path = g_build_filename(dir, FAULT_TOLD, NULL), *text = NULL;
    child->told = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    if (!g_file_get_contents(path, &text, NULL, NULL))
        return;
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    for (char **line = lines; *line; line++) {
        g_auto(GStrv) words = g_strsplit(*line, " ", 2);
        if (!words[0] || !words[1])
            continue;
        uint64_t *seq = g_new(uint64_t, 1);
        *seq = g_ascii_strtoull(words[1], NULL, 10);
        g_hash_table_insert(child->told, g_strdup(words[0]), seq);
    }
}

static GPtrArray *
all_rows(Child *child)
{
    GPtrArray *rows =
        orf_job_rows_list(child->store, &(OrfJobQuery){ .status = -1, .limit = 1000000 }, NULL);
    g_assert_nonnull(rows);
    return rows;
}

/* Waits until every ear has heard an end. Retries wait on the queue's clock, which is turned.
 */
static void
finish(Child *child)
{
    for (guint i = 0; i < child->ears->len; i++) {
        Ear *ear = child->ears->pdata[i];
        while (!ear->over) {
            orf_queue_turn_clocks(child->queue, G_TIME_SPAN_SECOND, 0);
            g_usleep(1000);
        }
    }
    OrfQueueStats stats;
    orf_queue_stats(child->queue, NULL, &stats);
    g_autoptr(GPtrArray) rows = all_rows(child);
    guint live = 0;
    for (guint i = 0; i < rows->len; i++)
        live += !orf_job_status_is_terminal(((OrfJobRow *)rows->pdata[i])->status);
    say("Q %u %u %u\n", rows->len, live,
        (unsigned)(stats.queued[0] + stats.queued[1] + stats.queued[2] + stats.running));
}

static void
open_queue(Child *child, const char *dir, bool all)
{
    GError *error = NULL;
    child->store = orf_store_open(dir, &error);
    if (!child->store)
        g_error("%s", error->message);
    g_assert_true(orf_store_migrate(child->store, &orf_job_schema, NULL));
    OrfQueueOptions options = { .store = child->store,
                                .work = { .run = run_batch, .batch = batch },
                                .workers = 2,
                                .max_parked = 2,
                                .cores = 1,
                                .max_queued = 60 };
    g_autoptr(GPtrArray) rows = all_rows(child);
    child->queue = orf_queue_new(&options, &error);
    if (!child->queue)
        g_error("%s", error->message);
    for (guint i = 0; i < rows->len; i++) {
        const OrfJobRow *row = rows->pdata[i];
        if (all || !orf_job_status_is_terminal(row->status))
            listen_to(child, row->id);
    }
}

static void
close_queue(Child *child)
{
    for (guint i = 0; i < child->ears->len; i++) {
        Ear *ear = child->ears->pdata[i];
        orf_listener_free(ear->listener);
        g_free(ear->id);
        g_free(ear);
    }
    orf_queue_free(child->queue);
    orf_store_close(child->store);
    g_ptr_array_set_free_func(child->ids, g_free);
    g_ptr_array_unref(child->ids);
    g_ptr_array_unref(child->ears);
    g_hash_table_unref(child->told);
}

/* Warnings of a full disk are what is wanted here. */
static void
be_quiet(const char *domain, GLogLevelFlags level, const char *message, void *data)
{
    (void)domain, (void)level, (void)message, (void)data;
}

int
fault_child(const char *dir, unsigned seed, const char *mode)
{
    signal(SIGXFSZ, SIG_IGN);
    g_log_set_handler("orfeas", G_LOG_LEVEL_WARNING, be_quiet, NULL);
    Child child = { .ids = g_ptr_array_new(), .ears = g_ptr_array_new() };
    g_mutex_init(&child.lock);
    read_told(&child, dir);
    bool last = g_str_equal(mode, FAULT_FINISH);
    open_queue(&child, dir, last);
    if (last) {
        finish(&child);
        close_queue(&child);
        return 0;
    }
    Client clients[CLIENTS];
    for (unsigned i = 0; i < CLIENTS; i++) {
        clients[i] = (Client){ &child, seed * CLIENTS + i };
        g_thread_new("client", be_client, &clients[i]);
    }
    for (;;)
        g_usleep(G_USEC_PER_SEC);
}
