/* SPDX-License-Identifier: Apache-2.0 */
#include "job/fake_fixture.h"

#include <signal.h>
#include <sys/resource.h>

static void
look(Bench *bench, const char *id, OrfJobView *ret)
{
    g_autoptr(GError) error = NULL;
    orf_job_view_clear(ret);
    orf_queue_look(bench->queue, "local", id, ret, &error);
    g_assert_no_error(error);
}

static void
what_ran_when_the_process_died_runs_again(void)
{
    Bench bench;
    bench_init(&bench, (OrfQueueOptions){ .workers = 1 });
    g_autofree char *id = bench_add(&bench, "pmgfd", NULL);
    fake_wait_at_gate(&bench.fake, 1);
    g_auto(OrfJobView) before = { 0 }, after = { 0 };
    look(&bench, id, &before);
    bench_crash(&bench);
    look(&bench, id, &after);
    g_assert_cmpint(after.row.status, ==, ORF_JOB_RUNNING);
    g_assert_cmpfloat(after.row.progress, >=, before.row.progress);
    g_assert_cmpuint(after.version, >, before.version);
    g_assert_cmpuint(after.events, >, before.events);
    fake_wait_at_gate(&bench.fake, 1);
    fake_open(&bench.fake, 1);
    g_autofree char *events = bench_events(&bench, id, before.events);
    g_assert_nonnull(strstr(events, ":snapshot "));
    look(&bench, id, &after);
    g_assert_cmpint(after.row.status, ==, ORF_JOB_SUCCEEDED);
    g_assert_cmpint(after.row.attempt, ==, 2);
    bench_clear(&bench);
}

/* Whoever kills the server says nothing about its jobs. */
static void
a_server_that_is_killed_blames_nobody(void)
{
    Bench bench;
    bench_init(&bench, (OrfQueueOptions){ .workers = 1 });
    g_autofree char *id = bench_add(&bench, "pg", NULL);
    for (int i = 0; i < 25; i++) {
        fake_wait_at_gate(&bench.fake, 1);
        g_assert_cmpint(bench_status(&bench, id), ==, ORF_JOB_RUNNING);
        bench_crash(&bench);
    }
    fake_wait_at_gate(&bench.fake, 1);
    fake_open(&bench.fake, 1);
    g_assert_cmpint(bench_wait(&bench, id), ==, ORF_JOB_SUCCEEDED);
    g_auto(OrfJobView) view = { 0 };
    look(&bench, id, &view);
    g_assert_cmpint(view.row.attempt, ==, 26);
    bench_clear(&bench);
}

/* A planned stop is no try: ten of them in a row do no harm. */
static void
a_drain_puts_runs_back_and_does_not_count_them(void)
{
    Bench bench;
    bench_init(&bench, (OrfQueueOptions){ .workers = 1 });
    g_autofree char *id = bench_add(&bench, "pg", NULL);
    for (int i = 0; i < 10; i++) {
        fake_wait_at_gate(&bench.fake, 1);
        orf_queue_drain(bench.queue, g_get_monotonic_time());
        g_assert_cmpuint(bench.fake.now, ==, 0);
        g_autoptr(GError) error = NULL;
        OrfAccepted accepted = { 0 };
        OrfWish wish = { .tenant = "local", .kind = "k", .request = script("") };
        g_assert_false(orf_queue_add(bench.queue, &wish, &accepted, &error));
        g_assert_error(error, ORF_ERROR, ORF_ERROR_BUSY);
        bench_reopen(&bench);
    }
    fake_wait_at_gate(&bench.fake, 1);
    fake_open(&bench.fake, 1);
    g_assert_cmpint(bench_wait(&bench, id), ==, ORF_JOB_SUCCEEDED);
    bench_clear(&bench);
}

static void
a_drain_waits_for_what_ends_in_time(void)
{
    Bench bench;
    bench_init(&bench, (OrfQueueOptions){ .workers = 1 });
    g_autofree char *a = bench_add(&bench, "pmfd", NULL), *b = bench_add(&bench, "g", NULL);
    fake_open(&bench.fake, 1);
    fake_wait_at_gate(&bench.fake, 0);
    bench_wait_status(&bench, a, ORF_JOB_SUCCEEDED);
    orf_queue_drain(bench.queue, g_get_monotonic_time() + G_TIME_SPAN_MINUTE);
    OrfJobStatus status = bench_status(&bench, b);
    g_assert_true(status == ORF_JOB_SUCCEEDED || status == ORF_JOB_QUEUED);
    bench_clear(&bench);
}

static void
a_drain_puts_parked_runs_back_too(void)
{
    Bench bench;
    bench_init(&bench, (OrfQueueOptions){ .workers = 1 });
    g_autofree char *runs = bench_add(&bench, "pg", NULL);
    fake_wait_at_gate(&bench.fake, 1);
    g_autofree char *parked = bench_add(&bench, "pm", NULL);
    g_auto(OrfJobView) view = { 0 };
    while (!bench_shows(&view, "preview"))
        look(&bench, parked, &view);
    orf_queue_drain(bench.queue, g_get_monotonic_time());
    g_assert_cmpint(bench_status(&bench, parked), ==, ORF_JOB_RUNNING);
    bench_reopen(&bench);
    fake_open(&bench.fake, 1);
    g_assert_cmpint(bench_wait(&bench, runs), ==, ORF_JOB_SUCCEEDED);
    g_assert_cmpint(bench_wait(&bench, parked), ==, ORF_JOB_SUCCEEDED);
    bench_clear(&bench);
}

static void
the_line_and_its_twins_survive_a_restart(void)
{
    Bench bench;
    bench_init(&bench, (OrfQueueOptions){ .workers = 1, .max_parked = 1 });
    g_autofree char *a = bench_add(&bench, "g", NULL), *b = bench_add(&bench, "g", NULL);
    fake_wait_at_gate(&bench.fake, 2);
    g_autofree char *first = bench_add(&bench, "p", "recipe"),
                    *batch =
                        bench_wish(&bench, (OrfWish){ .request = script("p"), .priority = 2 }),
                    *twin = bench_add(&bench, "p", "recipe"),
                    *last = bench_add(&bench, "p", NULL);
    unsigned before = bench.fake.runs;
    bench_crash(&bench);
    fake_wait_at_gate(&bench.fake, 2);
    g_auto(OrfJobView) view = { 0 };
    look(&bench, first, &view);
    g_assert_cmpuint(view.position, ==, 0);
    look(&bench, last, &view);
    g_assert_cmpuint(view.position, ==, 1);
    look(&bench, batch, &view);
    g_assert_cmpuint(view.position, ==, 2);
    look(&bench, twin, &view);
    g_assert_true(view.row.coalesced);
    g_assert_cmpstr(view.row.leader, ==, first);
    fake_open(&bench.fake, 2);
    const char *ids[] = { a, b, first, batch, twin, last };
    for (size_t i = 0; i < G_N_ELEMENTS(ids); i++)
        g_assert_cmpint(bench_wait(&bench, ids[i]), ==, ORF_JOB_SUCCEEDED);
    g_assert_cmpuint(bench.fake.runs, ==, before + 5);
    bench_clear(&bench);
}

/* --- A full disk -------------------------------------------------------------------------- */

static void
fill_disk(bool full)
{
    struct rlimit limit;
    signal(SIGXFSZ, SIG_IGN);
    g_assert_cmpint(getrlimit(RLIMIT_FSIZE, &limit), ==, 0);
    limit.rlim_cur = full ? 0 : limit.rlim_max;
    g_assert_cmpint(setrlimit(RLIMIT_FSIZE, &limit), ==, 0);
}

static void
an_end_that_the_disk_refuses_is_told_later(void)
{
    Bench bench;
    bench_init(&bench, (OrfQueueOptions){ .workers = 1 });
    g_autofree char *id = bench_add(&bench, "pmg", NULL),
                    *other = bench_add(&bench, "pmg", NULL);
    fake_wait_at_gate(&bench.fake, 1);
    fill_disk(true);
    g_autoptr(GError) error = NULL;
    OrfAccepted accepted = { 0 };
    OrfWish wish = { .tenant = "local", .kind = "k", .request = script("") };
    g_assert_false(orf_queue_add(bench.queue, &wish, &accepted, &error));
    g_assert_error(error, ORF_ERROR, ORF_ERROR_UNAVAILABLE);
    g_assert_false(orf_store_healthy(bench.store, NULL));
    g_assert_true(orf_queue_cancel(bench.queue, "local", id,
                                   NULL)); /* stops it; told when it is written */
    g_assert_cmpint(bench_status(&bench, id), ==, ORF_JOB_RUNNING);
    fill_disk(false);
    fake_open(&bench.fake, 1);
    while (bench_status(&bench, id) == ORF_JOB_RUNNING)
        orf_queue_turn_clocks(bench.queue, 2 * G_TIME_SPAN_SECOND, 0);
    g_assert_cmpint(bench_status(&bench, id), ==, ORF_JOB_CANCELED);
    while (bench_status(&bench, other) != ORF_JOB_SUCCEEDED)
        orf_queue_turn_clocks(bench.queue, 2 * G_TIME_SPAN_SECOND, 0);
    g_assert_cmpint(bench_wait(&bench, id), ==, ORF_JOB_CANCELED);
    bench_clear(&bench);
}

#define TEST(name, fn) g_test_add_func("/job/restart/" name, fn)

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    /* Warnings of a full disk are what is tested. */
    g_log_set_always_fatal(G_LOG_LEVEL_CRITICAL | G_LOG_LEVEL_ERROR);
    TEST("what-ran-when-the-process-died-runs-again",
         what_ran_when_the_process_died_runs_again);
    TEST("a-server-that-is-killed-blames-nobody", a_server_that_is_killed_blames_nobody);
    TEST("a-drain-puts-runs-back-and-does-not-count-them",
         a_drain_puts_runs_back_and_does_not_count_them);
    TEST("a-drain-waits-for-what-ends-in-time", a_drain_waits_for_what_ends_in_time);
    TEST("a-drain-puts-parked-runs-back-too", a_drain_puts_parked_runs_back_too);
    TEST("the-line-and-its-twins-survive-a-restart", the_line_and_its_twins_survive_a_restart);
    TEST("an-end-that-the-disk-refuses-is-told-later",
         an_end_that_the_disk_refuses_is_told_later);
    return g_test_run();
}
