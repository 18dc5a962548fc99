/* SPDX-License-Identifier: Apache-2.0 */
#include "job/rows.h"
#include "store/folder_test.h"

#define LIVE (1u << ORF_JOB_QUEUED | 1u << ORF_JOB_RUNNING)
#define HOUR ((int64_t)3600 * 1000000)
#define DIGEST "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

static OrfStore *
open_store(const char *dir)
{
    g_autoptr(GError) error = NULL;
    OrfStore *store = orf_store_open(dir, &error);
    g_assert_no_error(error);
    orf_store_migrate(store, &orf_job_schema, &error);
    g_assert_no_error(error);
    return store;
}

/* A job as it is accepted; caller clears. */
static OrfJobRow
row_of(const char *id)
{
    return (OrfJobRow){ .id = g_strdup(id),
                        .tenant = g_strdup("local"),
                        .kind = g_strdup("generate/inflate"),
                        .request = orf_job_request_new("generate"),
                        .created = 1000 };
}

static void
add_input(OrfJobRequest *request, const char *digest)
{
    OrfJobInput *input = g_new0(OrfJobInput, 1);
    input->digest = g_strdup(digest);
    input->name = g_strdup("cup.jpg");
    input->yaw = 90;
    g_ptr_array_add(request->inputs, input);
}

static void
add(OrfStore *store, const OrfJobRow *row)
{
    g_autoptr(GError) error = NULL;
    orf_job_row_add(store, row, NULL, NULL, NULL, NULL, &error);
    g_assert_no_error(error);
}

static bool
move(OrfStore *store, const OrfJobRow *to, int attempt)
{
    g_autoptr(GError) error = NULL;
    OrfJobMove one = { .to = to, .attempt = attempt };
    orf_job_rows_move(store, &one, 1, &(OrfMoveOptions){ .from = LIVE, .durable = true },
                      &error);
    g_assert_no_error(error);
    return one.moved;
}

static void
a_job_comes_back_as_it_was(void)
{
    g_autoptr(Folder) dir = folder_new();
    g_autoptr(OrfStore) store = open_store(dir);
    g_auto(OrfJobRow) row = row_of("job_1");
    row.priority = 2;
    row.key = g_strdup("key");
    row.no_cache = row.coalesced = true;
    row.webhook_url = g_strdup("https://example.com/h");
    row.webhook_events = 6;
    row.leader = g_strdup("job_0");
    row.deadline = INT64_MAX - 1;
    row.cost_s = 1.25;
    row.events = (uint64_t)7 << 20;
    add_input(row.request, DIGEST);
    row.request->seed = 7;
    row.request->parameters = g_strdup("{\"size\":80}");
    OrfJobSetting *setting = g_new0(OrfJobSetting, 1);
    *setting = (OrfJobSetting){ g_strdup("size"), g_strdup("80"), NULL };
    g_ptr_array_add(row.request->settings, setting);
    add(store, &row);
    orf_store_close(g_steal_pointer(&store));
    store = open_store(dir);
    g_assert_cmpint(orf_store_openings(store), ==, 2);
    g_autoptr(OrfJobRow) back = orf_job_row_get(store, "local", "job_1", NULL);
    g_assert_nonnull(back);
    g_assert_cmpstr(back->leader, ==, row.leader);
    g_assert_cmpstr(back->webhook_url, ==, row.webhook_url);
    g_assert_cmpuint(back->webhook_events, ==, 6);
    g_assert_true(back->no_cache && back->coalesced && !back->cached);
    g_assert_cmpint(back->priority, ==, 2);
    g_assert_cmpint(back->deadline, ==, row.deadline);
    g_assert_cmpuint(back->events, ==, row.events);
    g_assert_true(!back->result && !back->stages && !back->error.code);
    g_assert_cmpfloat(back->cost_s, ==, 1.25);
    g_assert_cmpstr(back->request->operation, ==, "generate");
    g_assert_cmpstr(back->request->parameters, ==, "{\"size\":80}");
    g_assert_cmpint(back->request->seed, ==, 7);
    g_assert_cmpstr(orf_job_request_setting(back->request, "size", NULL), ==, "80");
    const OrfJobInput *input = back->request->inputs->pdata[0];
    g_assert_cmpstr(input->name, ==, "cup.jpg");
    g_assert_cmpfloat(input->yaw, ==, 90);
    g_assert_null(orf_job_row_get(store, "other", "job_1", NULL));
}

static void
stages_and_result_come_back_as_they_were(void)
{
    g_autoptr(Folder) dir = folder_new();
    g_autoptr(OrfStore) store = open_store(dir);
    g_auto(OrfJobRow) row = row_of("job_1");
    add(store, &row);
    OrfStageRow stages[] = { { "preview", 0.25, DIGEST, 10, 3, 1, 0.5 },
                             { "finished", 1, DIGEST, 20, 4, 2, 1.5 } };
    row.stages = orf_stages_new(stages, 2);
    row.status = ORF_JOB_SUCCEEDED;
    row.result = orf_job_result_new();
    row.result->generator = g_strdup("inflate");
    row.result->confidence = 0.8;
    row.result->measures = g_strdup("{\"closed\":true}");
    row.result->warnings = g_strsplit("thin|small", "|", 0);
    row.result->peak_bytes = (uint64_t)5 << 32;
    g_assert_true(move(store, &row, -1));
    g_autoptr(OrfJobRow) back = orf_job_row_get(store, NULL, "job_1", NULL);
    g_assert_cmpuint(back->stages->n, ==, 2);
    g_assert_cmpmem(&back->stages->rows[1].took_s, sizeof(double), &stages[1].took_s,
                    sizeof(double));
    g_assert_cmpstr(back->stages->rows[1].name, ==, "finished");
    g_assert_cmpstr(back->stages->rows[0].digest, ==, DIGEST);
    g_assert_cmpuint(back->stages->rows[0].vertices, ==, 3);
    g_assert_cmpstr(back->result->generator, ==, "inflate");
    g_assert_cmpfloat(back->result->confidence, ==, 0.8);
    g_assert_cmpstr(back->result->measures, ==, "{\"closed\":true}");
    g_assert_cmpuint(g_strv_length(back->result->warnings), ==, 2);
    g_assert_cmpstr(back->result->warnings[1], ==, "small");
    g_assert_cmpuint(back->result->peak_bytes, ==, (uint64_t)5 << 32);
    uint64_t jobs, bytes;
    g_assert_true(orf_job_rows_total(store, &jobs, &bytes, NULL));
    g_assert_cmpuint(jobs, ==, 0); /* it has no time to expire: it is not counted */
}

static void
a_key_used_twice_gives_the_same_job(void)
{
    g_autoptr(Folder) dir = folder_new();
    g_autoptr(OrfStore) store = open_store(dir);
    g_autoptr(GError) error = NULL;
    g_autofree char *none = NULL, *again = NULL, *late = NULL, *found = NULL;
    g_auto(OrfJobRow) first = row_of("job_1");
    g_auto(OrfJobRow) second = row_of("job_2");
    g_auto(OrfJobRow) third = row_of("job_3");
    g_assert_true(orf_job_row_add(store, &first, "key", "print", NULL, &none, &error));
    g_assert_null(none);
    g_assert_true(orf_job_row_add(store, &second, "key", "print", NULL, &again, &error));
    g_assert_cmpstr(again, ==, "job_1");
    g_assert_null(orf_job_row_get(store, NULL, "job_2", NULL));
    found = orf_claim_find(store, "local", "key", "print", 2000, &error);
    g_assert_cmpstr(found, ==, "job_1");
    g_assert_false(orf_job_row_add(store, &second, "key", "another", NULL, NULL, &error));
    g_assert_error(error, ORF_ERROR, ORF_ERROR_CONFLICT);
    third.created = 25 * HOUR;
    g_assert_true(orf_job_row_add(store, &third, "key", "another", NULL, &late, NULL));
    g_assert_null(late);
}

static void
a_job_moves_only_from_where_it_is_said_to_be(void)
{
    g_autoptr(Folder) dir = folder_new();
    g_autoptr(OrfStore) store = open_store(dir);
    g_auto(OrfJobRow) row = row_of("job_1");
    add(store, &row);
    row.status = ORF_JOB_RUNNING;
    row.attempt = 1;
    g_assert_true(move(store, &row, 0));
    row.attempt = 2; /* an old worker that knows attempt 0 */
    g_assert_false(move(store, &row, 0));
    row.status = ORF_JOB_CANCELED;
    g_assert_true(move(store, &row, -1));
    row.status = ORF_JOB_SUCCEEDED;
    g_assert_false(move(store, &row, -1));
    g_autoptr(OrfJobRow) back = orf_job_row_get(store, NULL, "job_1", NULL);
    g_assert_cmpint(back->status, ==, ORF_JOB_CANCELED);
}

static OrfHookRow
hook_of(const char *job, int64_t next)
{
    return (OrfHookRow){ .job = (char *)(uintptr_t)job,
                         .url = (char *)(uintptr_t) "u",
                         .event = (char *)(uintptr_t) "done",
                         .body = (char *)(uintptr_t) "b",
                         .next = next };
}

/* A job that succeeded, whose cached result are these stages. */
static void
add_cached_stages(OrfStore *store, const char *tenant, const char *id, double cost,
                  const OrfStageRow *stages, size_t n)
{
    g_auto(OrfJobRow) row = row_of(id);
    g_free(row.tenant);
    row.tenant = g_strdup(tenant);
    add(store, &row);
    row.status = ORF_JOB_SUCCEEDED;
    row.expires = HOUR;
    row.result = orf_job_result_new();
    row.stages = orf_stages_new(stages, n);
    OrfCacheRow cache = { .tenant = row.tenant,
                          .key = row.id,
                          .bytes = orf_stages_bytes(row.stages),
                          .cost_s = cost,
                          .expires = 1000 };
    OrfHookRow hook = hook_of(id, 5);
    OrfJobMove one = { .to = &row, .attempt = -1, .hook = &hook };
    OrfMoveOptions options = { .from = LIVE, .cache = &cache, .durable = true };
    g_assert_true(orf_job_rows_move(store, &one, 1, &options, NULL));
    g_assert_true(one.moved);
    g_assert_true(orf_job_rows_move(store, &one, 1, &options, NULL));
    g_assert_false(one.moved);
}

/* Of 100 bytes that nobody else has. */
static void
add_cached(OrfStore *store, const char *tenant, const char *id, double cost)
{
    OrfStageRow stage = { "finished", 1, DIGEST, 100 };
    orf_digest(id, strlen(id), stage.digest);
    add_cached_stages(store, tenant, id, cost, &stage, 1);
}

static void
a_webhook_and_a_cache_entry_go_with_the_move_or_not_at_all(void)
{
    g_autoptr(Folder) dir = folder_new();
    g_autoptr(OrfStore) store = open_store(dir);
    add_cached(store, "local", "k", 1);
    g_autoptr(GPtrArray) due = orf_hook_rows_due(store, 10, 10, NULL);
    g_assert_cmpuint(due->len, ==, 1);
    g_assert_cmpint(orf_hook_rows_next(store), ==, 5);
    g_autoptr(OrfCacheRow) hit = orf_cache_row_get(store, "local", "k", 50, NULL);
    g_assert_cmpuint(orf_stages_n(hit->stages), ==, 1);
    g_assert_null(orf_cache_row_get(store, "local", "k", 1000, NULL));
    g_assert_null(orf_cache_row_get(store, "other", "k", 50, NULL));
}

static void
what_is_a_jobs_goes_with_it(void)
{
    g_autoptr(Folder) dir = folder_new();
    g_autoptr(OrfStore) store = open_store(dir);
    add_cached(store, "local", "k", 1);
    g_autoptr(GPtrArray) digests = NULL, none = NULL;
    g_autoptr(GError) error = NULL;
    const char *id = "k";
    g_assert_true(orf_job_rows_delete(store, &id, 1, true, &digests, NULL));
    g_assert_cmpuint(digests->len, ==, 1);
    g_assert_null(orf_cache_row_get(store, "local", "k", 50, NULL));
    g_assert_cmpint(orf_hook_rows_next(store), ==, 0);
    g_assert_false(orf_job_rows_delete(store, &id, 1, true, &none, &error));
    g_assert_error(error, ORF_ERROR, ORF_ERROR_NOT_FOUND);
}

static void
lists_go_both_ways_in_pages(void)
{
    g_autoptr(Folder) dir = folder_new();
    g_autoptr(OrfStore) store = open_store(dir);
    for (int i = 0; i < 5; i++) {
        g_autofree char *id = g_strdup_printf("job_%d", i);
        g_auto(OrfJobRow) row = row_of(id);
        add(store, &row);
    }
    static const struct {
        OrfJobQuery query;
        guint n;
        const char *first;
    } cases[] = {
        { { "local", -1, "job_1", 2, false }, 2, "job_2" },
        { { NULL, ORF_JOB_QUEUED, NULL, 2, true }, 2, "job_4" },
        { { NULL, ORF_JOB_QUEUED, "job_3", 9, true }, 3, "job_2" },
        { { "other", -1, NULL, 9, false }, 0, NULL },
    };
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GPtrArray) page = orf_job_rows_list(store, &cases[i].query, NULL);
        g_assert_cmpuint(page->len, ==, cases[i].n);
        if (page->len)
            g_assert_cmpstr(((OrfJobRow *)page->pdata[0])->id, ==, cases[i].first);
    }
}

static void
old_jobs_lose_their_results_then_go(void)
{
    g_autoptr(Folder) dir = folder_new();
    g_autoptr(OrfStore) store = open_store(dir);
    g_auto(OrfJobRow) live = row_of("job_2");
    add_cached(store, "local", "job_1", 1);
    add(store, &live);
    g_assert_cmpint(orf_job_rows_expire(store, HOUR - 1, NULL), ==, 0);
    g_assert_cmpint(orf_job_rows_expire(store, HOUR, NULL), ==, 1);
    g_autoptr(OrfJobRow) bare = orf_job_row_get(store, NULL, "job_1", NULL);
    g_assert_cmpint(bare->status, ==, ORF_JOB_SUCCEEDED);
    g_assert_true(!bare->result && !bare->stages && !bare->request);
    g_assert_null(orf_cache_row_get(store, "local", "job_1", 50, NULL));
    g_assert_cmpint(orf_hook_rows_next(store), ==, 5);
    g_assert_cmpint(orf_job_rows_expire(store, 200 * HOUR, NULL), ==, 1);
    g_assert_null(orf_job_row_get(store, NULL, "job_1", NULL));
    g_assert_cmpint(orf_hook_rows_next(store), ==, 0);
    g_autoptr(OrfJobRow) still = orf_job_row_get(store, NULL, "job_2", NULL);
    g_assert_nonnull(still);
}

static void
the_oldest_are_beyond_what_is_kept(void)
{
    g_autoptr(Folder) dir = folder_new();
    g_autoptr(OrfStore) store = open_store(dir);
    for (int i = 0; i < 5; i++) {
        char id[] = { 'a', (char)('0' + i), 0 };
        add_cached(store, "local", id, 1);
    }
    uint64_t jobs, bytes;
    g_assert_true(orf_job_rows_total(store, &jobs, &bytes, NULL));
    g_assert_cmpuint(jobs, ==, 5);
    g_assert_cmpuint(bytes, ==, 500);
    g_autoptr(GPtrArray) by_number = orf_job_rows_oldest(store, 2, 0, 9, NULL);
    g_assert_cmpuint(by_number->len, ==, 2);
    g_assert_cmpstr(by_number->pdata[0], ==, "a0");
    g_autoptr(GPtrArray) by_bytes = orf_job_rows_oldest(store, 0, 301, 9, NULL);
    g_assert_cmpuint(by_bytes->len, ==, 4);
    g_autoptr(GPtrArray) some = orf_job_rows_oldest(store, 5, 500, 2, NULL);
    g_assert_cmpuint(some->len, ==, 2);
    g_autoptr(GPtrArray) none = orf_job_rows_oldest(store, 0, 0, 9, NULL);
    g_assert_cmpuint(none->len, ==, 0);
}

/* Three entries of equal size: what took longest to make stays longest. */
static void
the_cache_keeps_what_saves_most_for_its_bytes(void)
{
    g_autoptr(Folder) dir = folder_new();
    g_autoptr(OrfStore) store = open_store(dir);
    add_cached(store, "a", "0", 3);
    add_cached(store, "a", "1", 1);
    add_cached(store, "a", "2", 2);
    int64_t evicted;
    OrfCacheTotal total;
    g_assert_true(orf_cache_row_hit(store, "a", "0", 7, NULL));
    g_assert_true(orf_cache_rows_trim(store, 250, 0, &evicted, NULL));
    g_assert_cmpint(evicted, ==, 1);
    g_assert_null(orf_cache_row_get(store, "a", "1", 0, NULL));
    g_autoptr(OrfCacheRow) best = orf_cache_row_get(store, "a", "0", 0, NULL);
    g_assert_cmpint(best->hits, ==, 1);
    g_assert_true(orf_cache_rows_clear(store, "b", &total, NULL));
    g_assert_cmpint(total.entries, ==, 0);
    g_assert_true(orf_cache_rows_total(store, "a", &total, NULL));
    g_assert_cmpuint(total.bytes, ==, 200);
    g_assert_true(orf_cache_rows_clear(store, "a", &total, NULL));
    g_assert_cmpint(total.entries, ==, 2);
}

/* Twenty results that share a large stage and have a byte each of their own. */
static void
what_cached_results_share_counts_once(void)
{
    g_autoptr(Folder) dir = folder_new();
    g_autoptr(OrfStore) store = open_store(dir);
    for (int i = 0; i < 20; i++) {
        g_autofree char *id = g_strdup_printf("job_%02d", i);
        OrfStageRow stages[] = { { "final", 0.9, DIGEST, 1000 }, { "finished", 1, DIGEST, 1 } };
        orf_digest(id, strlen(id), stages[1].digest);
        add_cached_stages(store, "a", id, 20 - i, stages, 2);
    }
    int64_t evicted;
    OrfCacheTotal total;
    g_assert_true(orf_cache_rows_total(store, NULL, &total, NULL));
    g_assert_cmpuint(total.bytes, ==, 1020);
    g_assert_cmpuint(total.named, ==, 20020);
    g_assert_true(orf_cache_rows_trim(store, 1020, 0, &evicted, NULL));
    g_assert_cmpint(evicted, ==, 0);
    g_assert_true(orf_cache_rows_trim(store, 1005, 0, &evicted, NULL));
    g_assert_cmpint(evicted, ==, 15);
    g_assert_true(orf_cache_rows_total(store, "a", &total, NULL));
    g_assert_cmpuint(total.bytes, ==, 1005);
}

static void
durations_give_quantiles_of_the_newest(void)
{
    g_autoptr(Folder) dir = folder_new();
    g_autoptr(OrfStore) store = open_store(dir);
    double p50, p90;
    uint64_t peak;
    for (int i = 0; i < 2; i++)
        orf_duration_add(store, "k", 1000, 1, 0, NULL);
    g_assert_false(orf_durations(store, "k", &p50, &p90, &peak));
    for (int i = 0; i < 500; i++)
        orf_duration_add(store, "k", i % 100, (uint64_t)i, 0, NULL);
    g_assert_true(orf_durations(store, "k", &p50, &p90, &peak));
    g_assert_cmpfloat(p50, ==, 50);
    g_assert_cmpfloat(p90, ==, 90);
    g_assert_cmpuint(peak, ==, 450);
}

static void
a_delivery_is_done_dead_or_due(void)
{
    g_autoptr(Folder) dir = folder_new();
    g_autoptr(OrfStore) store = open_store(dir);
    g_autoptr(GError) error = NULL;
    static const char *const ids[] = { "j1", "j2" };
    for (int i = 0; i < 2; i++) {
        g_auto(OrfJobRow) row = row_of(ids[i]);
        OrfHookRow hook = hook_of(ids[i], 10);
        g_assert_true(orf_job_row_add(store, &row, NULL, NULL, &hook, NULL, NULL));
    }
    g_autoptr(GPtrArray) due = orf_hook_rows_due(store, 10, 9, NULL);
    g_assert_cmpuint(due->len, ==, 2);
    OrfHookRow *first = due->pdata[0], *second = due->pdata[1];
    first->next = 0;
    second->next = -1;
    g_assert_true(orf_hook_row_move(store, first, NULL));
    g_assert_true(orf_hook_row_move(store, second, NULL));
    g_assert_cmpint(orf_hook_rows_next(store), ==, 0);
    g_autoptr(GPtrArray) dead = orf_hook_rows_dead(store, "local", 9, NULL);
    g_assert_cmpuint(dead->len, ==, 1);
    g_autoptr(GPtrArray) others = orf_hook_rows_dead(store, "other", 9, NULL);
    g_assert_cmpuint(others->len, ==, 0);
    g_autoptr(OrfHookRow) one = orf_hook_row_get(store, "local", second->id, NULL);
    g_assert_cmpstr(one->event, ==, "done");
    g_assert_null(orf_hook_row_get(store, "other", second->id, NULL));
    g_assert_false(orf_hook_row_move(store, first, &error));
    g_assert_error(error, ORF_ERROR, ORF_ERROR_NOT_FOUND);
}

#define TEST(name, fn) g_test_add_func("/job/rows/" name, fn)

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    TEST("a-job-comes-back-as-it-was", a_job_comes_back_as_it_was);
    TEST("stages-and-result-come-back-as-they-were", stages_and_result_come_back_as_they_were);
    TEST("a-key-used-twice-gives-the-same-job", a_key_used_twice_gives_the_same_job);
    TEST("a-job-moves-only-from-where-it-is-said-to-be",
         a_job_moves_only_from_where_it_is_said_to_be);
    TEST("a-webhook-and-a-cache-entry-go-with-the-move-or-not-at-all",
         a_webhook_and_a_cache_entry_go_with_the_move_or_not_at_all);
    TEST("what-is-a-jobs-goes-with-it", what_is_a_jobs_goes_with_it);
    TEST("lists-go-both-ways-in-pages", lists_go_both_ways_in_pages);
    TEST("old-jobs-lose-their-results-then-go", old_jobs_lose_their_results_then_go);
    TEST("the-oldest-are-beyond-what-is-kept", the_oldest_are_beyond_what_is_kept);
    TEST("the-cache-keeps-what-saves-most-for-its-bytes",
         the_cache_keeps_what_saves_most_for_its_bytes);
    TEST("what-cached-results-share-counts-once", what_cached_results_share_counts_once);
    TEST("durations-give-quantiles-of-the-newest", durations_give_quantiles_of_the_newest);
    TEST("a-delivery-is-done-dead-or-due", a_delivery_is_done_dead_or_due);
    return g_test_run();
}
