/* SPDX-License-Identifier: Apache-2.0 */
#include "job/fake_fixture.h"

static void
look(Bench *bench, const char *id, OrfJobView *ret)
{
    g_autoptr(GError) error = NULL;
    orf_queue_look(bench->queue, "local", id, ret, &error);
    g_assert_no_error(error);
}

static void
a_job_runs_through_its_stages_to_its_end(void)
{
    Bench bench;
    bench_init(&bench, (OrfQueueOptions){ .workers = 1 });
    g_autofree char *id = bench_add(&bench, "pomfd", NULL);
    g_assert_true(g_str_has_prefix(id, "job_"));
    g_assert_cmpuint(strlen(id), ==, 30);
    g_autofree char *events = bench_events(&bench, id, 0);
    g_assert_cmpstr(events, ==,
                    "1:snapshot 2:progress 3:stage 4:progress 5:stage 6:stage 7:stage 8:done ");
    g_auto(OrfJobView) view = { 0 };
    look(&bench, id, &view);
    g_assert_cmpint(view.row.status, ==, ORF_JOB_SUCCEEDED);
    g_assert_cmpfloat(view.row.progress, ==, 1);
    g_assert_cmpint(view.row.attempt, ==, 1);
    g_assert_cmpuint(view.events, ==, 8);
    g_assert_true(bench_shows(&view, "medium"));
    g_assert_cmpint(view.row.finished, >=, view.row.started);
    g_assert_cmpint(view.row.expires, >, view.row.finished);
    bench_clear(&bench);
}

static void
events_resume_where_a_listener_left(void)
{
    Bench bench;
    bench_init(&bench, (OrfQueueOptions){ .workers = 1 });
    g_autofree char *id = bench_add(&bench, "pmfd", NULL);
    bench_wait(&bench, id);
    g_autofree char *later = bench_events(&bench, id, 4), *end = bench_events(&bench, id, 7),
                    *bogus = bench_events(&bench, id, 99);
    g_assert_cmpstr(later, ==, "5:stage 6:stage 7:done ");
    g_assert_cmpstr(end, ==, "7:done ");
    g_assert_cmpstr(bogus, ==, "6:snapshot 7:done ");
    bench_clear(&bench);
}

static void
a_bad_job_fails_with_a_reason(void)
{
    Bench bench;
    bench_init(&bench, (OrfQueueOptions){ .workers = 1 });
    g_autofree char *id = bench_add(&bench, "px", NULL);
    g_assert_cmpint(bench_wait(&bench, id), ==, ORF_JOB_FAILED);
    g_auto(OrfJobView) view = { 0 };
    look(&bench, id, &view);
    g_assert_cmpstr(view.row.error.code, ==, "bad-input");
    g_assert_cmpstr(view.row.error.message, ==, "bad input");
    g_assert_false(view.row.error.retryable);
    g_assert_true(bench_shows(&view, "preview"));
    bench_clear(&bench);
}

static void
a_busy_engine_is_asked_again(void)
{
    Bench bench;
    bench_init(&bench, (OrfQueueOptions){ .workers = 1 });
    g_autofree char *id = bench_add(&bench, "pBmfd", NULL);
    bench_wait_status(&bench, id, ORF_JOB_RUNNING);
    g_autofree char *never = bench_add(&bench, "b", NULL);
    for (int i = 0; i < 100 && bench_status(&bench, never) != ORF_JOB_FAILED; i++) {
        orf_queue_turn_clocks(bench.queue, G_TIME_SPAN_MINUTE, 0);
        g_thread_yield();
    }
    g_assert_cmpint(bench_wait(&bench, id), ==, ORF_JOB_SUCCEEDED);
    g_auto(OrfJobView) view = { 0 }, failed = { 0 };
    look(&bench, id, &view);
    g_assert_cmpint(view.row.attempt, ==, 2);
    g_assert_cmpint(bench_wait(&bench, never), ==, ORF_JOB_FAILED);
    look(&bench, never, &failed);
    g_assert_cmpint(failed.row.attempt, ==, 3);
    g_assert_true(failed.row.error.retryable);
    bench_clear(&bench);
}

static void
a_queued_job_is_cancelled_at_once_a_running_one_soon(void)
{
    Bench bench;
    bench_init(&bench,
               (OrfQueueOptions){ .workers = 1, .preview_workers = 1, .max_parked = 1 });
    g_autofree char *runs = bench_add(&bench, "g", NULL), *also = bench_add(&bench, "g", NULL);
    fake_wait_at_gate(&bench.fake, 2);
    g_autofree char *waits = bench_add(&bench, "pmfd", NULL);
    g_assert_true(orf_queue_cancel(bench.queue, "local", waits, NULL));
    g_assert_cmpint(bench_status(&bench, waits), ==, ORF_JOB_CANCELED);
    g_assert_true(orf_queue_cancel(bench.queue, "local", runs, NULL));
    g_assert_cmpint(bench_status(&bench, runs), ==, ORF_JOB_CANCELED);
    fake_wait_at_gate(&bench.fake, 1);
    fake_open(&bench.fake, 1);
    g_assert_cmpint(bench_wait(&bench, also), ==, ORF_JOB_SUCCEEDED);
    g_assert_true(orf_queue_cancel(bench.queue, "local", also, NULL));
    g_assert_cmpint(bench_status(&bench, also), ==, ORF_JOB_SUCCEEDED);
    g_autoptr(GError) error = NULL;
    g_assert_false(orf_queue_cancel(bench.queue, "local", "job_none", &error));
    g_assert_error(error, ORF_ERROR, ORF_ERROR_NOT_FOUND);
    bench_clear(&bench);
}

static void
a_deleted_job_is_gone(void)
{
    Bench bench;
    bench_init(&bench, (OrfQueueOptions){ .workers = 1 });
    g_autofree char *id = bench_add(&bench, "g", NULL);
    fake_wait_at_gate(&bench.fake, 1);
    g_assert_true(orf_queue_delete(bench.queue, "local", id, NULL));
    g_auto(OrfJobView) view = { 0 };
    g_autoptr(GError) error = NULL;
    g_assert_false(orf_queue_look(bench.queue, "local", id, &view, &error));
    g_assert_error(error, ORF_ERROR, ORF_ERROR_NOT_FOUND);
    g_assert_cmpuint(orf_queue_version(bench.queue, "local", id), ==, 0);
    bench_clear(&bench);
}

static void
a_full_queue_says_when_to_come_back(void)
{
    Bench bench;
    bench_init(&bench, (OrfQueueOptions){ .workers = 1, .max_queued = 2, .max_parked = 1 });
    g_autofree char *a = bench_add(&bench, "g", NULL), *b = bench_add(&bench, "g", NULL);
    fake_wait_at_gate(&bench.fake, 2);
    g_autofree char *c = bench_wish(
        &bench, (OrfWish){ .request = script(""), .idempotency_key = "c", .fingerprint = "f" });
    g_autofree char *d = bench_add(&bench, "", NULL);
    g_autoptr(GError) error = NULL;
    OrfAccepted accepted = { 0 };
    OrfWish wish = { .tenant = "local", .kind = "k", .request = script("") };
    g_assert_false(orf_queue_add(bench.queue, &wish, &accepted, &error));
    g_assert_error(error, ORF_ERROR, ORF_ERROR_BUSY);
    g_assert_cmpuint(orf_queue_retry_after(bench.queue), >=, 1);
    /* What was accepted is still told. */
    g_autofree char *again = bench_wish(
        &bench, (OrfWish){ .request = script(""), .idempotency_key = "c", .fingerprint = "f" });
    g_assert_cmpstr(again, ==, c);
    fake_open(&bench.fake, 2);
    g_assert_cmpint(bench_wait(&bench, d), ==, ORF_JOB_SUCCEEDED);
    bench_clear(&bench);
}

static void
a_deadline_ends_what_waits_and_what_runs(void)
{
    Bench bench;
    bench_init(&bench, (OrfQueueOptions){ .workers = 1, .max_parked = 1 });
    int64_t soon = g_get_real_time() + G_TIME_SPAN_MINUTE;
    OrfWish wish = { .request = script("g"), .deadline_us = soon };
    g_autofree char *a = bench_wish(&bench, wish), *b = bench_wish(&bench, wish);
    fake_wait_at_gate(&bench.fake, 2);
    g_autofree char *c = bench_wish(&bench, wish);
    /* A wall clock that jumps ends nothing. */
    orf_queue_turn_clocks(bench.queue, 0, 24 * G_TIME_SPAN_HOUR);
    g_autofree char *d = bench_add(&bench, "", NULL);
    g_assert_cmpint(bench_status(&bench, c), ==, ORF_JOB_QUEUED);
    orf_queue_turn_clocks(bench.queue, 2 * G_TIME_SPAN_MINUTE, 0);
    g_assert_cmpint(bench_wait(&bench, a), ==, ORF_JOB_EXPIRED);
    g_assert_cmpint(bench_wait(&bench, b), ==, ORF_JOB_EXPIRED);
    g_assert_cmpint(bench_wait(&bench, c), ==, ORF_JOB_EXPIRED);
    g_assert_cmpint(bench_wait(&bench, d), ==, ORF_JOB_SUCCEEDED);
    bench_clear(&bench);
}

static void
names_rise_even_when_the_clock_is_turned_back(void)
{
    Bench bench;
    bench_init(&bench, (OrfQueueOptions){ .workers = 1 });
    g_autofree char *last = g_strdup("");
    for (int i = 0; i < 50; i++) {
        char *id = bench_add(&bench, "", NULL);
        g_assert_cmpstr(id, >, last);
        g_free(last);
        last = id;
        if (i % 10 == 9)
            orf_queue_turn_clocks(bench.queue, 0, (i % 20 - 14) * G_TIME_SPAN_HOUR);
    }
    g_assert_cmpint(bench_wait(&bench, last), ==, ORF_JOB_SUCCEEDED);
    bench_clear(&bench);
}

static void
versions_rise_with_every_change(void)
{
    Bench bench;
    bench_init(&bench, (OrfQueueOptions){ .workers = 1, .max_parked = 1 });
    g_autofree char *a = bench_add(&bench, "g", NULL), *b = bench_add(&bench, "g", NULL);
    fake_wait_at_gate(&bench.fake, 2);
    g_autofree char *c = bench_add(&bench, "pg", NULL), *d = bench_add(&bench, "", NULL);
    uint64_t lined = orf_queue_version(bench.queue, "local", d);
    g_assert_cmpuint(lined, ==, orf_queue_version(bench.queue, "local", d));
    g_auto(OrfJobView) view = { 0 };
    look(&bench, d, &view);
    g_assert_cmpuint(view.version, ==, lined);
    g_assert_cmpuint(view.position, ==, 1);
    orf_queue_cancel(bench.queue, "local", c, NULL);
    uint64_t moved = orf_queue_version(bench.queue, "local", d);
    g_assert_cmpuint(moved, >, lined);
    bench_reopen(&bench);
    uint64_t reopened = orf_queue_version(bench.queue, "local", d);
    if (reopened) /* else it has run already and is not in memory */
        g_assert_cmpuint(reopened, >, moved);
    fake_open(&bench.fake, 3);
    bench_wait(&bench, d);
    g_assert_cmpuint(orf_queue_version(bench.queue, "local", d), >, reopened);
    bench_clear(&bench);
}

static unsigned
count_stages(Bench *bench, const char *id)
{
    g_auto(OrfJobView) view = { 0 };
    look(bench, id, &view);
    return (unsigned)orf_stages_n(view.row.stages);
}

static void
stages_that_were_shown_stay_shown(void)
{
    Bench bench;
    bench_init(&bench, (OrfQueueOptions){ .workers = 1 });
    g_autofree char *a = bench_add(&bench, "gpmg", NULL);
    fake_wait_at_gate(&bench.fake, 1);
    fake_open(&bench.fake, 1);
    while (count_stages(&bench, a) < 2)
        g_thread_yield();
    bench_crash(&bench);
    fake_wait_at_gate(&bench.fake, 1); /* before its first stage */
    g_assert_cmpuint(count_stages(&bench, a), ==, 2);
    orf_queue_cancel(bench.queue, "local", a, NULL);
    g_assert_cmpint(bench_wait(&bench, a), ==, ORF_JOB_CANCELED);
    g_assert_cmpuint(count_stages(&bench, a), ==, 2);
    bench_clear(&bench);
}

#define TEST(name, fn) g_test_add_func("/job/queue/" name, fn)

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    TEST("a-job-runs-through-its-stages-to-its-end", a_job_runs_through_its_stages_to_its_end);
    TEST("events-resume-where-a-listener-left", events_resume_where_a_listener_left);
    TEST("a-bad-job-fails-with-a-reason", a_bad_job_fails_with_a_reason);
    TEST("a-busy-engine-is-asked-again", a_busy_engine_is_asked_again);
    TEST("a-queued-job-is-cancelled-at-once-a-running-one-soon",
         a_queued_job_is_cancelled_at_once_a_running_one_soon);
    TEST("stages-that-were-shown-stay-shown", stages_that_were_shown_stay_shown);
    TEST("a-deleted-job-is-gone", a_deleted_job_is_gone);
    TEST("a-full-queue-says-when-to-come-back", a_full_queue_says_when_to_come_back);
    TEST("a-deadline-ends-what-waits-and-what-runs", a_deadline_ends_what_waits_and_what_runs);
    TEST("names-rise-even-when-the-clock-is-turned-back",
         names_rise_even_when_the_clock_is_turned_back);
    TEST("versions-rise-with-every-change", versions_rise_with_every_change);
    return g_test_run();
}
