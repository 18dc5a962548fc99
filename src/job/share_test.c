/* SPDX-License-Identifier: Apache-2.0 */
#include "job/fake_fixture.h"

static OrfQueueStats
stats_of(Bench *bench)
{
    OrfQueueStats stats;
    orf_queue_stats(bench->queue, NULL, &stats);
    return stats;
}

static OrfAccepted
add(Bench *bench, OrfWish wish)
{
    g_autoptr(GError) error = NULL;
    OrfAccepted accepted = { 0 };
    wish.kind = "k";
    orf_queue_add(bench->queue, &wish, &accepted, &error);
    g_assert_no_error(error);
    return accepted;
}

static void
a_key_sent_again_gives_the_same_job(void)
{
    Bench bench;
    bench_init(&bench, (OrfQueueOptions){ .workers = 1 });
    OrfWish wish = { .tenant = "local",
                     .request = script("p"),
                     .idempotency_key = "key",
                     .fingerprint = "one" };
    OrfAccepted first = add(&bench, wish), again = add(&bench, wish);
    g_assert_cmpstr(first.id, ==, again.id);
    g_assert_false(first.replayed);
    g_assert_true(again.replayed);
    g_autoptr(GError) error = NULL;
    OrfAccepted other = { 0 };
    wish.fingerprint = "two";
    wish.kind = "k";
    g_assert_false(orf_queue_add(bench.queue, &wish, &other, &error));
    g_assert_error(error, ORF_ERROR, ORF_ERROR_CONFLICT);
    bench_wait(&bench, first.id);
    g_assert_cmpuint(bench.fake.runs, ==, 1);
    g_free(first.id);
    g_free(again.id);
    bench_clear(&bench);
}

static void
twins_share_one_run(void)
{
    Bench bench;
    bench_init(&bench, (OrfQueueOptions){ .workers = 1 });
    OrfWish wish = { .tenant = "local", .request = script("pgmfd"), .key = "recipe" };
    OrfAccepted leader = add(&bench, wish);
    fake_wait_at_gate(&bench.fake, 1);
    OrfAccepted follower = add(&bench, wish);
    g_assert_false(leader.coalesced);
    g_assert_true(follower.coalesced);
    g_assert_cmpint(bench_status(&bench, follower.id), ==, ORF_JOB_RUNNING);
    wish.tenant = "other";
    OrfAccepted stranger = add(&bench, wish);
    g_assert_false(stranger.coalesced);
    fake_open(&bench.fake, 2);
    g_autofree char *events = bench_events(&bench, follower.id, 0);
    g_assert_cmpstr(events, ==,
                    "1:snapshot 2:progress 3:stage 4:stage 5:stage 6:stage 7:done ");
    g_assert_cmpint(bench_wait(&bench, leader.id), ==, ORF_JOB_SUCCEEDED);
    g_assert_cmpint(bench_wait(&bench, stranger.id), ==, ORF_JOB_SUCCEEDED);
    g_assert_cmpuint(bench.fake.runs, ==, 2);
    g_auto(OrfJobView) view = { 0 };
    g_assert_true(orf_queue_look(bench.queue, "local", follower.id, &view, NULL));
    g_assert_cmpstr(view.row.leader, ==, leader.id);
    g_assert_cmpuint(stats_of(&bench).coalesced, ==, 1);
    g_free(leader.id);
    g_free(follower.id);
    g_free(stranger.id);
    bench_clear(&bench);
}

static void
cancelling_one_of_many_leaves_the_run_to_the_others(void)
{
    Bench bench;
    bench_init(&bench, (OrfQueueOptions){ .workers = 1 });
    OrfWish wish = { .tenant = "local", .request = script("pgmfd"), .key = "recipe" };
    OrfAccepted leader = add(&bench, wish);
    fake_wait_at_gate(&bench.fake, 1);
    OrfAccepted second = add(&bench, wish), third = add(&bench, wish);
    g_assert_true(orf_queue_cancel(bench.queue, "local", leader.id, NULL));
    g_assert_true(orf_queue_cancel(bench.queue, "local", third.id, NULL));
    g_assert_cmpint(bench_status(&bench, leader.id), ==, ORF_JOB_CANCELED);
    g_assert_cmpint(bench_status(&bench, third.id), ==, ORF_JOB_CANCELED);
    fake_open(&bench.fake, 1);
    g_assert_cmpint(bench_wait(&bench, second.id), ==, ORF_JOB_SUCCEEDED);
    g_assert_cmpuint(bench.fake.runs, ==, 1);
    g_free(leader.id);
    g_free(second.id);
    g_free(third.id);
    bench_clear(&bench);
}

static void
cancelling_all_ends_the_run_and_the_next_begins_anew(void)
{
    Bench bench;
    bench_init(&bench, (OrfQueueOptions){ .workers = 1 });
    OrfWish wish = { .tenant = "local", .request = script("pgmfd"), .key = "recipe" };
    OrfAccepted first = add(&bench, wish);
    fake_wait_at_gate(&bench.fake, 1);
    OrfAccepted second = add(&bench, wish);
    g_assert_true(orf_queue_cancel(bench.queue, "local", first.id, NULL));
    g_assert_true(orf_queue_cancel(bench.queue, "local", second.id, NULL));
    OrfAccepted anew = add(&bench, wish);
    g_assert_false(anew.coalesced);
    fake_open(&bench.fake, 1);
    g_assert_cmpint(bench_wait(&bench, anew.id), ==, ORF_JOB_SUCCEEDED);
    g_assert_cmpuint(bench.fake.runs, ==, 2);
    g_free(first.id);
    g_free(second.id);
    g_free(anew.id);
    bench_clear(&bench);
}

static void
finished_work_is_not_done_again_not_even_after_a_restart(void)
{
    Bench bench;
    bench_init(&bench, (OrfQueueOptions){ .workers = 1 });
    OrfWish wish = { .tenant = "local", .request = script("pmfd"), .key = "recipe" };
    OrfAccepted first = add(&bench, wish);
    bench_wait(&bench, first.id);
    OrfAccepted hit = add(&bench, wish);
    g_assert_true(hit.cached);
    g_autofree char *events = bench_events(&bench, hit.id, 0);
    g_assert_cmpstr(events, ==, "1:snapshot 2:stage 3:stage 4:stage 5:stage 6:done ");
    bench_reopen(&bench);
    OrfAccepted later = add(&bench, wish);
    g_assert_true(later.cached);
    g_auto(OrfJobView) view = { 0 };
    g_assert_true(orf_queue_look(bench.queue, "local", later.id, &view, NULL));
    g_assert_cmpint(view.row.status, ==, ORF_JOB_SUCCEEDED);
    g_assert_true(bench_shows(&view, "finished"));
    g_assert_nonnull(view.row.result);
    g_autofree char *old = bench_events(&bench, hit.id, 2),
                    *end = bench_events(&bench, hit.id, 6);
    g_assert_cmpstr(old, ==, "5:snapshot 6:done ");
    g_assert_cmpstr(end, ==, "6:done ");
    g_assert_cmpuint(bench.fake.runs, ==, 1);
    OrfQueueStats stats = stats_of(&bench);
    g_assert_cmpuint(stats.hits, ==, 1);
    g_assert_cmpuint(stats.cache_entries, ==, 1);
    g_assert_cmpuint(stats.cache_bytes, ==, 4000);
    g_free(first.id);
    g_free(hit.id);
    g_free(later.id);
    bench_clear(&bench);
}

static void
no_cache_runs_again_and_its_result_replaces_the_old(void)
{
    Bench bench;
    bench_init(&bench, (OrfQueueOptions){ .workers = 2 });
    OrfWish wish = { .tenant = "local", .request = script("pg"), .key = "recipe" },
            fresh = wish;
    fresh.no_cache = true;
    OrfAccepted first = add(&bench, wish);
    fake_wait_at_gate(&bench.fake, 1);
    OrfAccepted bypass = add(&bench, fresh);
    g_assert_false(bypass.coalesced);
    fake_wait_at_gate(&bench.fake, 2);
    fake_open(&bench.fake, 2);
    bench_wait(&bench, first.id);
    bench_wait(&bench, bypass.id);
    OrfAccepted again = add(&bench, fresh);
    fake_open(&bench.fake, 1);
    g_assert_cmpint(bench_wait(&bench, again.id), ==, ORF_JOB_SUCCEEDED);
    g_assert_cmpuint(bench.fake.runs, ==, 3);
    OrfQueueStats stats = stats_of(&bench);
    g_assert_cmpuint(stats.bypassed, ==, 2);
    g_assert_cmpuint(stats.misses, ==, 1);
    g_assert_cmpuint(stats.cache_entries, ==, 1);
    g_free(first.id);
    g_free(bypass.id);
    g_free(again.id);
    bench_clear(&bench);
}

/* The key is of the recipe alone: the tenant stands beside it. */
static void
tenants_share_neither_runs_nor_results(void)
{
    Bench bench;
    bench_init(&bench, (OrfQueueOptions){ .workers = 2 });
    OrfWish wish = { .tenant = "one", .request = script("pg"), .key = "recipe" }, other = wish;
    other.tenant = "two";
    OrfAccepted first = add(&bench, wish);
    fake_wait_at_gate(&bench.fake, 1);
    OrfAccepted beside = add(&bench, other);
    g_assert_false(beside.coalesced);
    fake_wait_at_gate(&bench.fake, 2);
    fake_open(&bench.fake, 2);
    bench_wait(&bench, first.id);
    bench_wait(&bench, beside.id);
    other.tenant = "three";
    OrfAccepted later = add(&bench, other);
    g_assert_false(later.cached);
    fake_open(&bench.fake, 1);
    bench_wait(&bench, later.id);
    OrfAccepted hit = add(&bench, wish);
    g_assert_true(hit.cached);
    OrfQueueStats stats;
    orf_queue_stats(bench.queue, "one", &stats);
    g_assert_cmpuint(stats.cache_entries, ==, 1);
    g_free(first.id);
    g_free(beside.id);
    g_free(later.id);
    g_free(hit.id);
    bench_clear(&bench);
}

/* Whoever knows the id of another tenant's job knows nothing else. */
static void
a_job_of_another_tenant_is_not_there(void)
{
    Bench bench;
    bench_init(&bench, (OrfQueueOptions){ .workers = 1 });
    OrfWish wish = { .tenant = "one", .request = script("p"), .key = "recipe" };
    OrfAccepted mine = add(&bench, wish);
    bench_wait(&bench, mine.id);
    for (int restarted = 0; restarted < 2; restarted++) {
        g_auto(OrfJobView) view = { 0 };
        g_autoptr(GError) error = NULL;
        g_assert_false(orf_queue_look(bench.queue, "two", mine.id, &view, &error));
        g_assert_error(error, ORF_ERROR, ORF_ERROR_NOT_FOUND);
        g_assert_false(orf_queue_cancel(bench.queue, "two", mine.id, NULL));
        g_assert_false(orf_queue_delete(bench.queue, "two", mine.id, NULL));
        g_assert_null(orf_queue_listen(bench.queue, "two", mine.id, 0, NULL, NULL, NULL));
        g_assert_cmpuint(orf_queue_version(bench.queue, "two", mine.id), ==, 0);
        g_autoptr(GPtrArray) rows = orf_queue_recent(bench.queue, "two", -1, NULL, 10, NULL);
        g_assert_cmpuint(rows->len, ==, 0);
        g_assert_true(orf_queue_look(bench.queue, "one", mine.id, &view, NULL));
        bench_reopen(&bench);
    }
    g_free(mine.id);
    bench_clear(&bench);
}

static bool
is_there(Bench *bench, const char *stage)
{
    char digest[ORF_DIGEST_SIZE];
    orf_digest(stage, strlen(stage), digest);
    g_autofree char *path =
        g_strdup_printf("%s/blobs/%.2s/%.2s/%s", bench->dir, digest, digest + 2, digest);
    return g_file_test(path, G_FILE_TEST_EXISTS);
}

static void
what_is_erased_is_gone_at_once(void)
{
    Bench bench;
    bench_init(&bench, (OrfQueueOptions){ .workers = 1 });
    OrfWish wish = { .tenant = "local", .request = script("pm"), .key = "recipe" };
    OrfAccepted first = add(&bench, wish);
    bench_wait(&bench, first.id);
    g_autofree char *other = bench_add(&bench, "p", NULL);
    bench_wait(&bench, other);
    g_assert_true(orf_queue_delete(bench.queue, "local", first.id, NULL));
    g_assert_true(is_there(&bench, "preview")); /* the other job's, too */
    g_assert_false(is_there(&bench, "medium"));
    OrfAccepted again = add(&bench, wish);
    g_assert_false(again.cached);
    bench_wait(&bench, again.id);
    g_free(first.id);
    g_free(again.id);
    bench_clear(&bench);
}

static void
the_oldest_finished_jobs_make_room(void)
{
    Bench bench;
    bench_init(&bench, (OrfQueueOptions){ .workers = 1, .keep_jobs = 3 });
    g_auto(GStrv) ids = g_new0(char *, 7);
    for (int i = 0; i < 6; i++) {
        ids[i] = bench_add(&bench, "p", NULL);
        bench_wait(&bench, ids[i]);
    }
    bench_reopen(&bench);
    g_autoptr(GPtrArray) rows = orf_queue_recent(bench.queue, NULL, -1, NULL, 10, NULL);
    g_assert_cmpuint(rows->len, ==, 3);
    g_assert_cmpstr(((OrfJobRow *)rows->pdata[2])->id, ==, ids[3]);
    g_assert_true(is_there(&bench, "preview"));
    bench_clear(&bench);
}

static void
failures_are_not_cached(void)
{
    Bench bench;
    bench_init(&bench, (OrfQueueOptions){ .workers = 1 });
    OrfWish wish = { .tenant = "local", .request = script("x"), .key = "recipe" };
    OrfAccepted first = add(&bench, wish);
    bench_wait(&bench, first.id);
    OrfAccepted again = add(&bench, wish);
    g_assert_false(again.cached || again.coalesced);
    g_assert_cmpint(bench_wait(&bench, again.id), ==, ORF_JOB_FAILED);
    g_free(first.id);
    g_free(again.id);
    bench_clear(&bench);
}

static void
the_cache_forgets_in_time_and_on_demand(void)
{
    Bench bench;
    bench_init(&bench, (OrfQueueOptions){ .workers = 1 });
    OrfWish wish = { .tenant = "local", .request = script("p"), .key = "recipe" };
    OrfAccepted first = add(&bench, wish);
    bench_wait(&bench, first.id);
    orf_queue_turn_clocks(bench.queue, 0, 2 * G_TIME_SPAN_HOUR); /* the wall clock alone: no */
    OrfAccepted hit = add(&bench, wish);
    g_assert_true(hit.cached);
    orf_queue_turn_clocks(bench.queue, G_TIME_SPAN_HOUR, 0);
    OrfAccepted old = add(&bench, wish);
    g_assert_false(old.cached);
    bench_wait(&bench, old.id);
    int64_t entries;
    uint64_t bytes;
    g_assert_true(orf_queue_clear_cache(bench.queue, "local", &entries, &bytes, NULL));
    g_assert_cmpint(entries, ==, 1);
    OrfAccepted cleared = add(&bench, wish);
    g_assert_false(cleared.cached);
    bench_wait(&bench, cleared.id);
    g_free(first.id);
    g_free(hit.id);
    g_free(old.id);
    g_free(cleared.id);
    bench_clear(&bench);
}

static void
the_cache_keeps_within_its_bytes(void)
{
    Bench bench;
    bench_init(&bench, (OrfQueueOptions){ .workers = 1, .cache_bytes = 3500 });
    for (int i = 0; i < 6; i++) {
        char key[] = { (char)('a' + i), 0 };
        g_autofree char *id = bench_add(&bench, "P", key);
        bench_wait(&bench, id);
    }
    orf_queue_free(g_steal_pointer(&bench.queue)); /* all that was to be trimmed has been */
    OrfCacheTotal total;
    g_assert_true(orf_cache_rows_total(bench.store, NULL, &total, NULL));
    g_assert_cmpuint(total.bytes, <=, 3500);
    g_assert_cmpint(total.entries, ==, 3);
    bench_clear(&bench);
}

#define TEST(name, fn) g_test_add_func("/job/share/" name, fn)

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    TEST("a-key-sent-again-gives-the-same-job", a_key_sent_again_gives_the_same_job);
    TEST("twins-share-one-run", twins_share_one_run);
    TEST("cancelling-one-of-many-leaves-the-run-to-the-others",
         cancelling_one_of_many_leaves_the_run_to_the_others);
    TEST("cancelling-all-ends-the-run-and-the-next-begins-anew",
         cancelling_all_ends_the_run_and_the_next_begins_anew);
    TEST("finished-work-is-not-done-again-not-even-after-a-restart",
         finished_work_is_not_done_again_not_even_after_a_restart);
    TEST("no-cache-runs-again-and-its-result-replaces-the-old",
         no_cache_runs_again_and_its_result_replaces_the_old);
    TEST("tenants-share-neither-runs-nor-results", tenants_share_neither_runs_nor_results);
    TEST("a-job-of-another-tenant-is-not-there", a_job_of_another_tenant_is_not_there);
    TEST("what-is-erased-is-gone-at-once", what_is_erased_is_gone_at_once);
    TEST("the-oldest-finished-jobs-make-room", the_oldest_finished_jobs_make_room);
    TEST("failures-are-not-cached", failures_are_not_cached);
    TEST("the-cache-forgets-in-time-and-on-demand", the_cache_forgets_in_time_and_on_demand);
    TEST("the-cache-keeps-within-its-bytes", the_cache_keeps_within_its_bytes);
    return g_test_run();
}
