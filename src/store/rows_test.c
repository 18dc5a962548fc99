/* SPDX-License-Identifier: Apache-2.0 */
#include "store/folder_test.h"
#include "store/store.h"

#define LIVE (1u << ORF_JOB_QUEUED | 1u << ORF_JOB_RUNNING)
#define HOUR ((int64_t)3600 * 1000000)

static OrfStore *
open_store(const char *dir)
{
    g_autoptr(GError) error = NULL;
    OrfStore *store = orf_store_open(dir, &error);
    g_assert_no_error(error);
    return store;
}

static OrfJobRow
row_of(const char *id)
{
    static char tenant[] = "local", kind[] = "generate/inflate", request[] = "{}";
    return (OrfJobRow){ .id = (char *)(uintptr_t)id,
                        .tenant = tenant,
                        .kind = kind,
                        .request = request,
                        .created = 1000 };
}

static void
add(OrfStore *store, const OrfJobRow *row)
{
    g_autoptr(GError) error = NULL;
    orf_store_add_job(store, row, NULL, NULL, NULL, NULL, &error);
    g_assert_no_error(error);
}

static void
a_job_comes_back_as_it_was(void)
{
    g_autoptr(Folder) dir = folder_new();
    g_autoptr(OrfStore) store = open_store(dir);
    OrfJobRow row = { (char[]){ "job_1" }, (char[]){ "local" }, ORF_JOB_QUEUED,         2,
                      (char[]){ "kind" },  (char[]){ "key" },   (char[]){ "{\"a\":1}" } };
    row.no_cache = row.coalesced = true;
    row.webhook_url = (char[]){ "https://example.com/h" };
    row.webhook_events = 6;
    row.leader = (char[]){ "job_0" };
    row.created = 123456789;
    row.deadline = INT64_MAX - 1;
    row.cost_s = 1.25;
    row.events = (uint64_t)7 << 20;
    add(store, &row);
    orf_store_close(g_steal_pointer(&store));
    store = open_store(dir);
    g_assert_cmpint(orf_store_openings(store), ==, 2);
    g_autoptr(OrfJobRow) back = orf_store_get_job(store, "job_1", NULL);
    g_assert_nonnull(back);
    g_assert_cmpstr(back->request, ==, row.request);
    g_assert_cmpstr(back->leader, ==, row.leader);
    g_assert_cmpstr(back->webhook_url, ==, row.webhook_url);
    g_assert_cmpuint(back->webhook_events, ==, 6);
    g_assert_true(back->no_cache && back->coalesced && !back->cached);
    g_assert_cmpint(back->priority, ==, 2);
    g_assert_cmpint(back->deadline, ==, row.deadline);
    g_assert_cmpuint(back->events, ==, row.events);
    g_assert_null(back->result);
    g_assert_cmpfloat(back->cost_s, ==, 1.25);
}

static void
a_key_used_twice_gives_the_same_job(void)
{
    g_autoptr(Folder) dir = folder_new();
    g_autoptr(OrfStore) store = open_store(dir);
    g_autoptr(GError) error = NULL;
    g_autofree char *none = NULL, *again = NULL, *late = NULL, *found = NULL;
    OrfJobRow first = row_of("job_1"), second = row_of("job_2"), third = row_of("job_3");
    g_assert_true(orf_store_add_job(store, &first, "key", "print", NULL, &none, &error));
    g_assert_null(none);
    g_assert_true(orf_store_add_job(store, &second, "key", "print", NULL, &again, &error));
    g_assert_cmpstr(again, ==, "job_1");
    g_assert_null(orf_store_get_job(store, "job_2", NULL));
    found = orf_store_find_claim(store, "local", "key", "print", 2000, &error);
    g_assert_cmpstr(found, ==, "job_1");
    g_assert_false(orf_store_add_job(store, &second, "key", "another", NULL, NULL, &error));
    g_assert_error(error, ORF_ERROR, ORF_ERROR_CONFLICT);
    third.created = 25 * HOUR;
    g_assert_true(orf_store_add_job(store, &third, "key", "another", NULL, &late, NULL));
    g_assert_null(late);
}

static void
a_job_moves_only_from_where_it_is_said_to_be(void)
{
    g_autoptr(Folder) dir = folder_new();
    g_autoptr(OrfStore) store = open_store(dir);
    OrfJobRow row = row_of("job_1");
    bool moved;
    add(store, &row);
    row.status = ORF_JOB_RUNNING;
    row.attempt = 1;
    g_assert_true(orf_store_move_job(store, &row, LIVE, 0, &moved, NULL));
    g_assert_true(moved);
    row.attempt = 2; /* an old worker that knows attempt 0 */
    g_assert_true(orf_store_move_job(store, &row, LIVE, 0, &moved, NULL));
    g_assert_false(moved);
    row.status = ORF_JOB_CANCELED;
    g_assert_true(orf_store_move_job(store, &row, LIVE, -1, &moved, NULL));
    g_assert_true(moved);
    row.status = ORF_JOB_SUCCEEDED;
    g_assert_true(orf_store_move_job(store, &row, LIVE, -1, &moved, NULL));
    g_assert_false(moved);
    g_autoptr(OrfJobRow) back = orf_store_get_job(store, "job_1", NULL);
    g_assert_cmpint(back->status, ==, ORF_JOB_CANCELED);
}

static void
a_webhook_and_a_cache_entry_go_with_the_move_or_not_at_all(void)
{
    g_autoptr(Folder) dir = folder_new();
    g_autoptr(OrfStore) store = open_store(dir);
    OrfJobRow row = row_of("job_1");
    add(store, &row);
    OrfHookRow hook = { .job = row.id,
                        .url = (char[]){ "u" },
                        .event = (char[]){ "e" },
                        .body = (char[]){ "b" },
                        .next = 5 };
    OrfCacheRow cache = {
        .key = (char[]){ "local/k" }, .result = (char[]){ "{}" }, .bytes = 3, .expires = 100
    };
    row.status = ORF_JOB_SUCCEEDED;
    OrfJobMove move = { .to = &row, .attempt = -1, .hook = &hook };
    OrfMoveOptions options = { .from = LIVE, .cache = &cache, .durable = true };
    g_assert_true(orf_store_move_jobs(store, &move, 1, &options, NULL));
    g_assert_true(move.moved);
    g_assert_true(orf_store_move_jobs(store, &move, 1, &options, NULL));
    g_assert_false(move.moved);
    g_autoptr(GPtrArray) due = orf_store_due_hooks(store, 10, 10, NULL);
    g_assert_cmpuint(due->len, ==, 1);
    g_assert_cmpint(orf_store_next_hook(store), ==, 5);
    g_autoptr(OrfCacheRow) hit = orf_store_cache_get(store, "local/k", 50, NULL);
    g_assert_nonnull(hit);
    g_assert_null(orf_store_cache_get(store, "local/k", 100, NULL));
}

static void
lists_go_both_ways_in_pages(void)
{
    g_autoptr(Folder) dir = folder_new();
    g_autoptr(OrfStore) store = open_store(dir);
    for (int i = 0; i < 5; i++) {
        g_autofree char *id = g_strdup_printf("job_%d", i);
        OrfJobRow row = row_of(id);
        add(store, &row);
    }
    g_autoptr(GPtrArray) page = orf_store_list_jobs(store, "local", -1, "job_1", 2, NULL);
    g_assert_cmpuint(page->len, ==, 2);
    g_assert_cmpstr(((OrfJobRow *)page->pdata[0])->id, ==, "job_2");
    g_autoptr(GPtrArray) recent =
        orf_store_recent_jobs(store, NULL, ORF_JOB_QUEUED, NULL, 2, NULL);
    g_assert_cmpstr(((OrfJobRow *)recent->pdata[0])->id, ==, "job_4");
    g_autoptr(GPtrArray) older =
        orf_store_recent_jobs(store, NULL, ORF_JOB_QUEUED, "job_3", 9, NULL);
    g_assert_cmpuint(older->len, ==, 3);
    g_autoptr(GPtrArray) nobody = orf_store_list_jobs(store, "other", -1, NULL, 9, NULL);
    g_assert_cmpuint(nobody->len, ==, 0);
}

static void
old_jobs_lose_their_results_then_go(void)
{
    g_autoptr(Folder) dir = folder_new();
    g_autoptr(OrfStore) store = open_store(dir);
    OrfJobRow row = row_of("job_1"), live = row_of("job_2");
    bool moved;
    add(store, &row);
    add(store, &live);
    row.status = ORF_JOB_SUCCEEDED;
    row.result = (char[]){ "{}" };
    row.expires = HOUR;
    g_assert_true(orf_store_move_job(store, &row, LIVE, -1, &moved, NULL));
    g_assert_cmpint(orf_store_expire_jobs(store, HOUR - 1, NULL), ==, 0);
    g_assert_cmpint(orf_store_expire_jobs(store, HOUR, NULL), ==, 1);
    g_autoptr(OrfJobRow) bare = orf_store_get_job(store, "job_1", NULL);
    g_assert_cmpint(bare->status, ==, ORF_JOB_SUCCEEDED);
    g_assert_null(bare->result);
    g_assert_cmpint(orf_store_expire_jobs(store, 200 * HOUR, NULL), ==, 1);
    g_assert_null(orf_store_get_job(store, "job_1", NULL));
    g_assert_true(orf_store_delete_job(store, "job_2", NULL));
    g_autoptr(GError) error = NULL;
    g_assert_false(orf_store_delete_job(store, "job_2", &error));
    g_assert_error(error, ORF_ERROR, ORF_ERROR_NOT_FOUND);
}

/* Three entries of equal size: what took longest to make stays longest. */
static void
the_cache_keeps_what_saves_most_for_its_bytes(void)
{
    g_autoptr(Folder) dir = folder_new();
    g_autoptr(OrfStore) store = open_store(dir);
    static const double cost[] = { 3, 1, 2 };
    for (int i = 0; i < 3; i++) {
        char key[] = { 'a', '/', (char)('0' + i), 0 };
        OrfCacheRow row = { .key = key,
                            .result = (char[]){ "{}" },
                            .bytes = 100,
                            .cost_s = cost[i],
                            .expires = 1000 };
        g_assert_true(orf_store_cache_put(store, &row, NULL));
    }
    int64_t evicted, entries;
    uint64_t bytes;
    g_assert_true(orf_store_cache_hit(store, "a/0", 7, NULL));
    g_assert_true(orf_store_cache_trim(store, 250, 0, &evicted, NULL));
    g_assert_cmpint(evicted, ==, 1);
    g_assert_null(orf_store_cache_get(store, "a/1", 0, NULL));
    g_autoptr(OrfCacheRow) best = orf_store_cache_get(store, "a/0", 0, NULL);
    g_assert_cmpint(best->hits, ==, 1);
    g_assert_true(orf_store_cache_clear(store, "b", &entries, &bytes, NULL));
    g_assert_cmpint(entries, ==, 0);
    g_assert_true(orf_store_cache_totals(store, &entries, &bytes, NULL));
    g_assert_cmpuint(bytes, ==, 200);
    g_assert_true(orf_store_cache_clear(store, "a", &entries, &bytes, NULL));
    g_assert_cmpint(entries, ==, 2);
}

static void
durations_give_quantiles_of_the_newest(void)
{
    g_autoptr(Folder) dir = folder_new();
    g_autoptr(OrfStore) store = open_store(dir);
    double p50, p90;
    uint64_t peak;
    for (int i = 0; i < 2; i++)
        orf_store_add_duration(store, "k", 1000, 1, 0, NULL);
    g_assert_false(orf_store_durations(store, "k", &p50, &p90, &peak));
    for (int i = 0; i < 500; i++)
        orf_store_add_duration(store, "k", i % 100, (uint64_t)i, 0, NULL);
    g_assert_true(orf_store_durations(store, "k", &p50, &p90, &peak));
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
    OrfHookRow row = { .job = (char[]){ "j" },
                       .url = (char[]){ "u" },
                       .event = (char[]){ "done" },
                       .body = (char[]){ "{}" },
                       .next = 10 };
    g_assert_true(orf_store_add_hook(store, &row, NULL));
    g_assert_true(orf_store_add_hook(store, &row, NULL));
    g_autoptr(GPtrArray) due = orf_store_due_hooks(store, 10, 9, NULL);
    g_assert_cmpuint(due->len, ==, 2);
    OrfHookRow *first = due->pdata[0], *second = due->pdata[1];
    first->next = 0;
    second->next = -1;
    g_assert_true(orf_store_move_hook(store, first, NULL));
    g_assert_true(orf_store_move_hook(store, second, NULL));
    g_assert_cmpint(orf_store_next_hook(store), ==, 0);
    g_autoptr(GPtrArray) dead = orf_store_dead_hooks(store, 9, NULL);
    g_assert_cmpuint(dead->len, ==, 1);
    g_autoptr(OrfHookRow) one = orf_store_get_hook(store, second->id, NULL);
    g_assert_cmpstr(one->event, ==, "done");
    g_assert_false(orf_store_move_hook(store, first, &error));
    g_assert_error(error, ORF_ERROR, ORF_ERROR_NOT_FOUND);
}

static void
files_live_until_they_expire(void)
{
    g_autoptr(Folder) dir = folder_new();
    g_autoptr(OrfStore) store = open_store(dir);
    g_autoptr(GError) error = NULL;
    OrfFileRow row = { .id = (char[]){ "f" },
                       .tenant = (char[]){ "local" },
                       .digest = (char[]){ "d" },
                       .facts = (char[]){ "{}" },
                       .expires = 10 };
    g_assert_true(orf_store_put_file(store, &row, NULL));
    g_autoptr(OrfFileRow) back = orf_store_get_file(store, "local", "f", 9, NULL);
    g_assert_cmpstr(back->facts, ==, "{}");
    g_assert_null(orf_store_get_file(store, "other", "f", 9, NULL));
    g_assert_null(orf_store_get_file(store, "local", "f", 10, &error));
    g_assert_error(error, ORF_ERROR, ORF_ERROR_NOT_FOUND);
    g_assert_true(orf_store_delete_file(store, "local", "f", NULL));
    g_assert_false(orf_store_delete_file(store, "local", "f", NULL));
}

#define TEST(name, fn) g_test_add_func("/store/rows/" name, fn)

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    TEST("a-job-comes-back-as-it-was", a_job_comes_back_as_it_was);
    TEST("a-key-used-twice-gives-the-same-job", a_key_used_twice_gives_the_same_job);
    TEST("a-job-moves-only-from-where-it-is-said-to-be",
         a_job_moves_only_from_where_it_is_said_to_be);
    TEST("a-webhook-and-a-cache-entry-go-with-the-move-or-not-at-all",
         a_webhook_and_a_cache_entry_go_with_the_move_or_not_at_all);
    TEST("lists-go-both-ways-in-pages", lists_go_both_ways_in_pages);
    TEST("old-jobs-lose-their-results-then-go", old_jobs_lose_their_results_then_go);
    TEST("the-cache-keeps-what-saves-most-for-its-bytes",
         the_cache_keeps_what_saves_most_for_its_bytes);
    TEST("durations-give-quantiles-of-the-newest", durations_give_quantiles_of_the_newest);
    TEST("a-delivery-is-done-dead-or-due", a_delivery_is_done_dead_or_due);
    TEST("files-live-until-they-expire", files_live_until_they_expire);
    return g_test_run();
}
