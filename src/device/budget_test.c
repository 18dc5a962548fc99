/* SPDX-License-Identifier: Apache-2.0 */
#include "device/devices_fixture.h"

#include <string.h>

static void
peaks_are_expected_after_three_runs(void)
{
    g_auto(Fixture) fixture;
    fixture_init(&fixture, 4000 * MB, 0, NULL);
    g_assert_cmpuint(orf_devices_expect(fixture.devices, "final", 500), ==, 500);
    orf_devices_learn(fixture.devices, "final", 100 * MB);
    orf_devices_learn(fixture.devices, "final", 200 * MB);
    g_assert_cmpuint(orf_devices_expect(fixture.devices, "final", 500), ==, 500);
    orf_devices_learn(fixture.devices, "final", 150 * MB);
    g_assert_cmpuint(orf_devices_expect(fixture.devices, "final", 500), ==, 240 * MB);
    g_assert_cmpuint(orf_devices_expect(fixture.devices, "preview", 500), ==, 500);
}

static void
one_odd_peak_in_many_is_left_out(void)
{
    g_auto(Fixture) fixture;
    fixture_init(&fixture, 4000 * MB, 0, NULL);
    orf_devices_learn(fixture.devices, "final", 3000 * MB);
    for (unsigned i = 0; i < 19; i++)
        orf_devices_learn(fixture.devices, "final", 100 * MB);
    g_assert_cmpuint(orf_devices_expect(fixture.devices, "final", 0), ==, 120 * MB);
}

static void
old_peaks_are_forgotten(void)
{
    g_auto(Fixture) fixture;
    fixture_init(&fixture, 4000 * MB, 0, NULL);
    for (unsigned i = 0; i < 64; i++)
        orf_devices_learn(fixture.devices, "final", 1000 * MB);
    for (unsigned i = 0; i < 64; i++)
        orf_devices_learn(fixture.devices, "final", 10 * MB);
    g_assert_cmpuint(orf_devices_expect(fixture.devices, "final", 0), ==, 12 * MB);
}

static void
kinds_are_bounded(void)
{
    g_auto(Fixture) fixture;
    fixture_init(&fixture, 4000 * MB, 0, NULL);
    for (unsigned i = 0; i < 300 * 3; i++) {
        g_autofree char *kind = g_strdup_printf("kind %u", i / 3);
        orf_devices_learn(fixture.devices, kind, G_MAXUINT64);
    }
    g_assert_cmpuint(orf_devices_expect(fixture.devices, "kind 255", 1), >, 1);
    g_assert_cmpuint(orf_devices_expect(fixture.devices, "kind 256", 1), ==, 1);
}

static void
reservations_stay_within_the_budget(void)
{
    g_auto(Fixture) fixture;
    fixture_init(&fixture, 4000 * MB, 1000 * MB, NULL);
    uint64_t first = orf_devices_reserve(fixture.devices, 600 * MB);
    g_assert_cmpuint(first, >, 0);
    g_assert_cmpuint(orf_devices_reserve(fixture.devices, 500 * MB), ==, 0);
    uint64_t second = orf_devices_reserve(fixture.devices, 400 * MB);
    g_assert_cmpuint(second, >, first);
    g_assert_cmpuint(fixture_stats(&fixture, 0).reserved, ==, 1000 * MB);
    orf_devices_release(fixture.devices, first);
    orf_devices_release(fixture.devices, first); /* twice: nothing */
    orf_devices_release(fixture.devices, 12345);
    g_assert_cmpuint(fixture_stats(&fixture, 0).reserved, ==, 400 * MB);
    g_assert_cmpuint(orf_devices_reserve(fixture.devices, 600 * MB), >, 0);
}

static void
a_giant_runs_alone(void)
{
    g_auto(Fixture) fixture;
    fixture_init(&fixture, 4000 * MB, 1000 * MB, NULL);
    uint64_t small = orf_devices_reserve(fixture.devices, 1);
    g_assert_cmpuint(orf_devices_reserve(fixture.devices, 2000 * MB), ==, 0);
    orf_devices_release(fixture.devices, small);
    uint64_t giant = orf_devices_reserve(fixture.devices, 2000 * MB);
    g_assert_cmpuint(giant, >, 0);
    g_assert_cmpuint(orf_devices_reserve(fixture.devices, 1), ==, 0);
    orf_devices_release(fixture.devices, giant);
    g_assert_cmpuint(orf_devices_reserve(fixture.devices, 1), >, 0);
}

static void
the_budget_follows_a_limit_that_moves(void)
{
    g_auto(Fixture) fixture;
    fixture_init(&fixture, 4000 * MB, 0, NULL);
    g_autofree char *before = orf_devices_budget_json(fixture.devices);
    g_assert_nonnull(strstr(before, "\"total\":3000000000,"));
    fixture_write(&fixture, "sys/fs/cgroup/box/memory.max", "2000000000");
    fixture_sample(&fixture, 1);
    g_autofree char *after = orf_devices_budget_json(fixture.devices);
    g_assert_nonnull(strstr(after, "\"total\":1500000000,"));
}

static void
concurrency_grows_with_the_queue_to_the_cores(void)
{
    g_auto(Fixture) fixture;
    fixture_init(&fixture, 4000 * MB, 0, NULL);
    static const unsigned expected[] = { 1, 1, 2, 3, 4, 4, 4 };
    for (unsigned queued = 0; queued < G_N_ELEMENTS(expected); queued++)
        g_assert_cmpuint(orf_devices_concurrency(fixture.devices, queued, 10 * MB), ==,
                         expected[queued]);
}

static void
concurrency_counts_those_that_run(void)
{
    g_auto(Fixture) fixture;
    fixture_init(&fixture, 4000 * MB, 0, NULL);
    orf_devices_reserve(fixture.devices, 1000 * MB);
    g_assert_cmpuint(orf_devices_concurrency(fixture.devices, 1, 1000 * MB), ==, 2);
    g_assert_cmpuint(orf_devices_concurrency(fixture.devices, 9, 1000 * MB), ==, 3);
    orf_devices_reserve(fixture.devices, 2000 * MB);
    g_assert_cmpuint(orf_devices_concurrency(fixture.devices, 9, 1000 * MB), ==, 2);
}

static void
concurrency_falls_to_one_as_memory_goes(void)
{
    g_auto(Fixture) fixture;
    fixture_init(&fixture, 4000 * MB, 0, NULL);
    orf_devices_reserve(fixture.devices, 10 * MB);
    fixture_use(&fixture, 3500 * MB);
    fixture_sample(&fixture, 1);
    g_assert_cmpuint(orf_devices_concurrency(fixture.devices, 9, 200 * MB), ==, 3);
    g_assert_cmpuint(orf_devices_concurrency(fixture.devices, 9, 600 * MB), ==, 1);
}

static void
concurrency_falls_to_one_as_memory_fills_fast(void)
{
    g_auto(Fixture) fixture;
    fixture_init(&fixture, 4000 * MB, 0, NULL);
    fixture_ramp(&fixture, 1000 * MB, 2000 * MB, 10); /* 100 MB/s: full in 20 s */
    g_assert_cmpuint(orf_devices_concurrency(fixture.devices, 9, 10 * MB), ==, 1);
    g_assert_cmpuint(orf_devices_batch(fixture.devices, 9, 10 * MB, 8), ==, 1);
    fixture_sample(&fixture, 120);
    g_assert_cmpuint(orf_devices_concurrency(fixture.devices, 9, 10 * MB), ==, 4);
}

static void
batches_are_powers_of_two_that_fit(void)
{
    static const struct {
        uint64_t queued, typical;
        unsigned most, batch;
    } cases[] = {
        { 0, 10 * MB, 8, 1 }, { 1, 10 * MB, 8, 1 },   { 3, 10 * MB, 8, 2 },
        { 9, 10 * MB, 8, 8 }, { 9, 10 * MB, 6, 4 },   { 9, 700 * MB, 8, 4 },
        { 9, 0, 8, 8 },       { 9, 5000 * MB, 8, 1 }, { 9, 10 * MB, 0, 1 },
    };
    g_auto(Fixture) fixture;
    fixture_init(&fixture, 4000 * MB, 0, NULL);
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++)
        g_assert_cmpuint(orf_devices_batch(fixture.devices, cases[i].queued, cases[i].typical,
                                           cases[i].most),
                         ==, cases[i].batch);
}

static void
a_full_budget_with_a_queue_is_told(void)
{
    g_auto(Fixture) fixture;
    fixture_init(&fixture, 4000 * MB, 1000 * MB, NULL);
    orf_devices_reserve(fixture.devices, 990 * MB);
    orf_devices_concurrency(fixture.devices, 2, 100 * MB);
    json_t *json = fixture_json(&fixture, false);
    g_assert_nonnull(fixture_advice(json, "budget-full"));
    json_decref(json);
}

static void
the_budget_is_json(void)
{
    g_auto(Fixture) fixture;
    fixture_init(&fixture, 4000 * MB, 1000 * MB, NULL);
    orf_devices_reserve(fixture.devices, 400 * MB);
    orf_devices_learn(fixture.devices, "b", 5);
    for (unsigned i = 0; i < 3; i++)
        orf_devices_learn(fixture.devices, "a", 100);
    g_autofree char *json = orf_devices_budget_json(fixture.devices);
    g_assert_cmpstr(
        json, ==,
        "{\"total\":1000000000,\"reserved\":400000000,\"free\":600000000,\"tickets\":1,"
        "\"kinds\":[{\"kind\":\"a\",\"runs\":3,\"expect\":120},"
        "{\"kind\":\"b\",\"runs\":1,\"expect\":null}]}");
}

static void *
reserve_and_release(void *data)
{
    for (unsigned i = 0; i < 2000; i++) {
        uint64_t ticket = orf_devices_reserve(data, 400 * MB);
        OrfDeviceStats stats;
        orf_devices_stats(data, 0, &stats);
        g_assert_cmpuint(stats.reserved, <=, 1000 * MB);
        orf_devices_release(data, ticket);
    }
    return NULL;
}

static void
many_threads_never_get_more_than_there_is(void)
{
    g_auto(Fixture) fixture;
    fixture_init(&fixture, 4000 * MB, 1000 * MB, NULL);
    GThread *threads[4];
    for (size_t i = 0; i < G_N_ELEMENTS(threads); i++)
        threads[i] = g_thread_new("reserve", reserve_and_release, fixture.devices);
    fixture_sample(&fixture, 20);
    for (size_t i = 0; i < G_N_ELEMENTS(threads); i++)
        g_thread_join(threads[i]);
    g_assert_cmpuint(fixture_stats(&fixture, 0).reserved, ==, 0);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define TEST(name, function) g_test_add_func("/device/budget/" name, function)
    TEST("peaks-are-expected-after-three-runs", peaks_are_expected_after_three_runs);
    TEST("one-odd-peak-in-many-is-left-out", one_odd_peak_in_many_is_left_out);
    TEST("old-peaks-are-forgotten", old_peaks_are_forgotten);
    TEST("kinds-are-bounded", kinds_are_bounded);
    TEST("reservations-stay-within-the-budget", reservations_stay_within_the_budget);
    TEST("a-giant-runs-alone", a_giant_runs_alone);
    TEST("the-budget-follows-a-limit-that-moves", the_budget_follows_a_limit_that_moves);
    TEST("concurrency-grows-with-the-queue-to-the-cores",
         concurrency_grows_with_the_queue_to_the_cores);
    TEST("concurrency-counts-those-that-run", concurrency_counts_those_that_run);
    TEST("concurrency-falls-to-one-as-memory-goes", concurrency_falls_to_one_as_memory_goes);
    TEST("concurrency-falls-to-one-as-memory-fills-fast",
         concurrency_falls_to_one_as_memory_fills_fast);
    TEST("batches-are-powers-of-two-that-fit", batches_are_powers_of_two_that_fit);
    TEST("a-full-budget-with-a-queue-is-told", a_full_budget_with_a_queue_is_told);
    TEST("the-budget-is-json", the_budget_is_json);
    TEST("many-threads-never-get-more-than-there-is",
         many_threads_never_get_more_than_there_is);
    return g_test_run();
}
