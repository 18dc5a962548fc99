/* SPDX-License-Identifier: Apache-2.0 */
#include "job/fake_fixture.h"

/* Two runs fill the machine past their first stage; a third still shows its preview, then
 * waits. */
static void
a_preview_never_waits_behind_a_final(void)
{
    Bench bench;
    bench_init(&bench, (OrfQueueOptions){ .workers = 1, .preview_workers = 1 });
    g_autofree char *a = bench_add(&bench, "pgmfd", NULL);
    fake_wait_at_gate(&bench.fake, 1);
    g_auto(GStrv) ids = g_new0(char *, 6);
    for (int i = 0; i < 5; i++) {
        ids[i] = bench_add(&bench, "pmfd", NULL);
        g_auto(OrfJobView) view = { 0 };
        do { /* its preview comes although the only normal place is taken */
            orf_job_view_clear(&view);
            g_assert_true(orf_queue_look(bench.queue, "local", ids[i], &view, NULL));
            g_thread_yield();
        } while (!bench_shows(&view, "preview"));
        g_assert_false(bench_shows(&view, "medium"));
    }
    g_assert_cmpint(bench_status(&bench, a), ==, ORF_JOB_RUNNING);
    fake_open(&bench.fake, 1);
    for (int i = 0; i < 5; i++)
        g_assert_cmpint(bench_wait(&bench, ids[i]), ==, ORF_JOB_SUCCEEDED);
    bench_clear(&bench);
}

static void
parked_runs_have_a_bound(void)
{
    Bench bench;
    bench_init(&bench,
               (OrfQueueOptions){ .workers = 1, .preview_workers = 1, .max_parked = 2 });
    g_autofree char *a = bench_add(&bench, "pg", NULL);
    fake_wait_at_gate(&bench.fake, 1);
    g_autofree char *b = bench_add(&bench, "pg", NULL), *c = bench_add(&bench, "pg", NULL),
                    *d = bench_add(&bench, "pg", NULL);
    bench_wait_status(&bench, c, ORF_JOB_RUNNING);
    g_assert_cmpint(bench_status(&bench, d), ==, ORF_JOB_QUEUED);
    g_assert_true(orf_queue_cancel(bench.queue, "local", b,
                                   NULL)); /* one that is parked or about to be */
    bench_wait_status(&bench, d, ORF_JOB_RUNNING);
    fake_open(&bench.fake, 3);
    g_assert_cmpint(bench_wait(&bench, d), ==, ORF_JOB_SUCCEEDED);
    g_assert_cmpint(bench_wait(&bench, a), ==, ORF_JOB_SUCCEEDED);
    g_assert_cmpint(bench_wait(&bench, c), ==, ORF_JOB_SUCCEEDED);
    bench_clear(&bench);
}

/* Fills both places, so that what comes later stands in line. */
static void
fill_places(Bench *bench, char *ids[2])
{
    ids[0] = bench_wish(bench, (OrfWish){ .kind = "fill-1", .request = script("g") });
    ids[1] = bench_wish(bench, (OrfWish){ .kind = "fill-2", .request = script("g") });
    fake_wait_at_gate(&bench->fake, 2);
}

static void
empty_places(Bench *bench, char *ids[2])
{
    fake_open(&bench->fake, 2);
    for (int i = 0; i < 2; i++) {
        g_assert_cmpint(bench_wait(bench, ids[i]), ==, ORF_JOB_SUCCEEDED);
        g_free(ids[i]);
    }
}

static char *
add_named(Bench *bench, const char *kind, int priority)
{
    return bench_wish(bench,
                      (OrfWish){ .kind = kind, .request = script(""), .priority = priority });
}

static unsigned
position(Bench *bench, const char *id)
{
    g_auto(OrfJobView) view = { 0 };
    g_assert_true(orf_queue_look(bench->queue, "local", id, &view, NULL));
    return view.position;
}

static void
priorities_order_the_line_and_age_wins_in_the_end(void)
{
    Bench bench;
    bench_init(&bench, (OrfQueueOptions){ .workers = 1, .max_parked = 1 });
    char *fill[2];
    fill_places(&bench, fill);
    g_autofree char *batch = add_named(&bench, "batch", 2), *normal = add_named(&bench, "n", 1),
                    *hasty = add_named(&bench, "hasty", 0);
    g_assert_cmpuint(position(&bench, hasty), ==, 0);
    g_assert_cmpuint(position(&bench, normal), ==, 1);
    g_assert_cmpuint(position(&bench, batch), ==, 2);
    orf_queue_turn_clocks(bench.queue, 61 * G_TIME_SPAN_SECOND, 0);
    g_autofree char *late = add_named(&bench, "late", 0);
    g_assert_cmpuint(position(&bench, late), ==, 3);
    empty_places(&bench, fill);
    g_assert_cmpint(bench_wait(&bench, late), ==, ORF_JOB_SUCCEEDED);
    bench_clear(&bench);
}

static void
jobs_of_one_kind_run_as_a_batch(void)
{
    Bench bench;
    bench_init(&bench, (OrfQueueOptions){ .workers = 1, .max_parked = 1 });
    bench.fake.batch = 4;
    char *fill[2];
    fill_places(&bench, fill);
    g_auto(GStrv) ids = g_new0(char *, 7);
    for (int i = 0; i < 6; i++)
        ids[i] = bench_wish(&bench,
                            (OrfWish){ .kind = i == 2 ? "b" : "a", .request = script("pmfd") });
    g_assert_true(orf_queue_cancel(bench.queue, "local", ids[1], NULL));
    empty_places(&bench, fill);
    for (int i = 0; i < 6; i++)
        g_assert_cmpint(bench_wait(&bench, ids[i]), ==,
                        i == 1 ? ORF_JOB_CANCELED : ORF_JOB_SUCCEEDED);
    g_assert_cmpuint(bench.fake.largest_batch, ==, 4);
    OrfQueueStats stats;
    orf_queue_stats(bench.queue, NULL, &stats);
    g_assert_cmpuint(stats.batched_jobs, ==, 7);
    g_assert_cmpuint(stats.batches, <=, 5);
    bench_clear(&bench);
}

/* One member of a batch fails, one is cancelled while it runs: the others do not mind. */
static void
members_of_a_batch_end_for_themselves(void)
{
    Bench bench;
    bench_init(&bench, (OrfQueueOptions){ .workers = 1, .max_parked = 1 });
    bench.fake.batch = 4;
    char *fill[2];
    fill_places(&bench, fill);
    static const char *const scripts[] = { "pm", "px", "pg", "pmfd" };
    g_auto(GStrv) ids = g_new0(char *, 5);
    for (int i = 0; i < 4; i++)
        ids[i] = bench_wish(&bench, (OrfWish){ .kind = "a", .request = script(scripts[i]) });
    fake_open(&bench.fake, 2);
    bench_wait(&bench, fill[0]);
    bench_wait(&bench, fill[1]);
    fake_wait_at_gate(&bench.fake, 1);
    g_assert_true(orf_queue_cancel(bench.queue, "local", ids[2], NULL));
    static const OrfJobStatus ends[] = { ORF_JOB_SUCCEEDED, ORF_JOB_FAILED, ORF_JOB_CANCELED,
                                         ORF_JOB_SUCCEEDED };
    for (int i = 0; i < 4; i++)
        g_assert_cmpint(bench_wait(&bench, ids[i]), ==, ends[i]);
    g_free(fill[0]);
    g_free(fill[1]);
    bench_clear(&bench);
}

static void
memory_that_is_not_there_is_waited_for(void)
{
    Bench bench;
    bench_init(&bench, (OrfQueueOptions){ .workers = 4 });
    bench.fake.memory = 1;
    g_autofree char *a = bench_add(&bench, "pg", NULL);
    fake_wait_at_gate(&bench.fake, 1);
    g_autofree char *b = bench_add(&bench, "p", NULL), *c = bench_add(&bench, "p", NULL);
    fake_open(&bench.fake, 1);
    g_assert_cmpint(bench_wait(&bench, a), ==, ORF_JOB_SUCCEEDED);
    g_assert_cmpint(bench_wait(&bench, b), ==, ORF_JOB_SUCCEEDED);
    g_assert_cmpint(bench_wait(&bench, c), ==, ORF_JOB_SUCCEEDED);
    g_assert_cmpuint(bench.fake.most, ==, 1);
    g_assert_cmpuint(bench.fake.reserved, ==, 0);
    bench_clear(&bench);
}

static void
an_eta_follows_what_runs_took_and_the_line(void)
{
    Bench bench;
    bench_init(&bench, (OrfQueueOptions){ .workers = 1, .max_parked = 1 });
    for (int i = 0; i < 10; i++)
        g_assert_true(orf_duration_add(bench.store, "slow", 10 + i % 2 * 4, 1, 0, NULL));
    char *fill[2];
    fill_places(&bench, fill);
    g_autofree char *first = add_named(&bench, "slow", 1),
                    *second = add_named(&bench, "slow", 1),
                    *unknown = add_named(&bench, "unknown", 1);
    g_auto(OrfJobView) one = { 0 }, two = { 0 }, none = { 0 };
    g_assert_true(orf_queue_look(bench.queue, "local", first, &one, NULL));
    g_assert_true(orf_queue_look(bench.queue, "local", second, &two, NULL));
    g_assert_true(orf_queue_look(bench.queue, "local", unknown, &none, NULL));
    g_assert_cmpfloat(one.eta_p50, >=, 10);
    g_assert_cmpfloat(one.eta_p90, >=, one.eta_p50);
    g_assert_cmpfloat(two.eta_p50, >=, one.eta_p50 + 10);
    g_assert_cmpfloat(none.eta_p50, <, 0);
    empty_places(&bench, fill);
    bench_wait(&bench, unknown);
    bench_clear(&bench);
}

#define TEST(name, fn) g_test_add_func("/job/places/" name, fn)

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    TEST("a-preview-never-waits-behind-a-final", a_preview_never_waits_behind_a_final);
    TEST("parked-runs-have-a-bound", parked_runs_have_a_bound);
    TEST("priorities-order-the-line-and-age-wins-in-the-end",
         priorities_order_the_line_and_age_wins_in_the_end);
    TEST("jobs-of-one-kind-run-as-a-batch", jobs_of_one_kind_run_as_a_batch);
    TEST("members-of-a-batch-end-for-themselves", members_of_a_batch_end_for_themselves);
    TEST("memory-that-is-not-there-is-waited-for", memory_that_is_not_there_is_waited_for);
    TEST("an-eta-follows-what-runs-took-and-the-line",
         an_eta_follows_what_runs_took_and_the_line);
    return g_test_run();
}
