/* SPDX-License-Identifier: Apache-2.0 */
#include "meter/meter-priv.h"

#include <jansson.h>
#include <string.h>

static int64_t
read_clock(void *data)
{
    return *(int64_t *)data;
}

static OrfMeter *
meter_with_clock(int64_t *clock_us)
{
    OrfMeter *meter = orf_meter_new();
    meter->now_us = read_clock;
    meter->now_data = clock_us;
    return meter;
}

static json_t *
profile_of(OrfMeter *meter)
{
    g_autofree char *text = orf_profile_json(meter);
    json_t *json = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
    g_assert_nonnull(json);
    return json;
}

/* The entry of `list` with this path; NULL when there is none. */
static json_t *
entry(json_t *json, const char *list, const char *path)
{
    size_t i;
    json_t *one;
    json_array_foreach(json_object_get(json, list), i,
                       one) if (strcmp(json_string_value(json_object_get(one, "path")), path) ==
                                0) return one;
    return NULL;
}

static double
number(json_t *json, const char *path, const char *field)
{
    json_t *stage = entry(json, "stages", path);
    g_assert_nonnull(stage);
    return json_number_value(json_object_get(stage, field));
}

typedef struct {
    const char *path;
    int64_t ms;
} Spent;

static void
run_through(OrfMeter *meter, int64_t *clock_us, const char *root, const Spent *steps, size_t n)
{
    g_autoptr(OrfTrace) trace = orf_trace_new(meter, root);
    for (size_t i = 0; i < n; i++) {
        orf_trace_step(trace, steps[i].path);
        *clock_us += steps[i].ms * 1000;
    }
}
#define RUN(meter, clock, root, ...)                                                           \
    run_through(meter, clock, root, (const Spent[]){ __VA_ARGS__ },                            \
                G_N_ELEMENTS(((const Spent[]){ __VA_ARGS__ })))

static void
stages_nest_by_path(void)
{
    int64_t clock_us = 0;
    g_autoptr(OrfMeter) meter = meter_with_clock(&clock_us);
    RUN(meter, &clock_us, "run", { "look", 10 }, { "final", 5 }, { "final: mesh", 50 },
        { "final: mesh: weld", 20 }, { "final: bake", 10 }, { "final", 5 });
    json_t *json = profile_of(meter);
    g_assert_cmpfloat(number(json, "run", "avg_s"), ==, 0.1);
    g_assert_cmpfloat(number(json, "run: look", "avg_s"), ==, 0.01);
    g_assert_cmpfloat(number(json, "run: final", "avg_s"), ==, 0.09);
    g_assert_cmpfloat(number(json, "run: final", "own_share"), ==, 0.1);
    g_assert_cmpfloat(number(json, "run: final: mesh", "avg_s"), ==, 0.07);
    g_assert_cmpfloat(number(json, "run: final: mesh", "depth"), ==, 2);
    g_assert_cmpfloat(number(json, "run: final: mesh: weld", "share"), ==, 0.2);
    const char *order[] = { "run",
                            "run: look",
                            "run: final",
                            "run: final: mesh",
                            "run: final: mesh: weld",
                            "run: final: bake" };
    for (size_t i = 0; i < G_N_ELEMENTS(order); i++)
        g_assert_true(json_array_get(json_object_get(json, "stages"), i) ==
                      entry(json, "stages", order[i]));
    json_decref(json);
}

static void
statistics_are_over_runs(void)
{
    int64_t clock_us = 0;
    g_autoptr(OrfMeter) meter = meter_with_clock(&clock_us);
    for (int64_t ms = 1; ms <= 100; ms++)
        RUN(meter, &clock_us, "run", { "work", ms });
    json_t *json = profile_of(meter);
    g_assert_cmpfloat(number(json, "run: work", "count"), ==, 100);
    g_assert_cmpfloat(number(json, "run: work", "min_s"), ==, 0.001);
    g_assert_cmpfloat(number(json, "run: work", "max_s"), ==, 0.1);
    g_assert_cmpfloat(number(json, "run: work", "avg_s"), ==, 0.0505);
    g_assert_cmpfloat(number(json, "run: work", "p95_s"), ==, 0.095);
    g_assert_cmpfloat(number(json, "run: work", "total_s"), ==, 5.05);
    json_decref(json);
}

static void
a_stage_entered_twice_counts_once_a_run(void)
{
    int64_t clock_us = 0;
    g_autoptr(OrfMeter) meter = meter_with_clock(&clock_us);
    RUN(meter, &clock_us, "run", { "a", 10 }, { "b", 10 }, { "a", 30 });
    json_t *json = profile_of(meter);
    g_assert_cmpfloat(number(json, "run: a", "count"), ==, 1);
    g_assert_cmpfloat(number(json, "run: a", "max_s"), ==, 0.04);
    json_decref(json);
}

static void
bottlenecks_have_classes_and_advice(void)
{
    static const OrfAdvice table[] = { { "bake", "Bake fewer texels." } };
    int64_t clock_us = 0;
    g_autoptr(OrfMeter) meter = meter_with_clock(&clock_us);
    orf_profile_set_advice(meter, table, 1);
    RUN(meter, &clock_us, "run", { "a", 5 }, { "final: bake", 41 }, { "b", 31 }, { "c", 23 });
    json_t *json = profile_of(meter);
    static const struct {
        const char *path, *severity;
    } found[] = { { "run: final: bake", "critical" },
                  { "run: b", "high" },
                  { "run: c", "medium" } };
    json_t *bottlenecks = json_object_get(json, "bottlenecks");
    g_assert_cmpuint(json_array_size(bottlenecks), ==, 3); /* "final" has no time of its own */
    for (size_t i = 0; i < G_N_ELEMENTS(found); i++) {
        json_t *one = json_array_get(bottlenecks, i);
        g_assert_true(one == entry(json, "bottlenecks", found[i].path));
        g_assert_cmpstr(json_string_value(json_object_get(one, "severity")), ==,
                        found[i].severity);
    }
    json_t *bake = json_array_get(bottlenecks, 0);
    g_assert_cmpstr(json_string_value(json_object_get(bake, "advice")), ==,
                    "Bake fewer texels.");
    json_decref(json);
}

static void
time_outside_named_stages_is_a_bottleneck_too(void)
{
    int64_t clock_us = 0;
    g_autoptr(OrfMeter) meter = meter_with_clock(&clock_us);
    RUN(meter, &clock_us, "run", { "", 50 }, { "a", 50 });
    json_t *json = profile_of(meter);
    json_t *root = entry(json, "bottlenecks", "run");
    g_assert_nonnull(root);
    g_assert_nonnull(strstr(json_string_value(json_object_get(root, "advice")), "a name"));
    json_decref(json);
}

static void
shares_are_of_their_own_root(void)
{
    int64_t clock_us = 0;
    g_autoptr(OrfMeter) meter = meter_with_clock(&clock_us);
    RUN(meter, &clock_us, "small", { "a", 5 }, { "b", 5 });
    RUN(meter, &clock_us, "large", { "a", 1000 });
    json_t *json = profile_of(meter);
    g_assert_cmpfloat(number(json, "small: a", "share"), ==, 0.5);
    g_assert_cmpfloat(number(json, "large: a", "share"), ==, 1);
    g_assert_cmpfloat(json_number_value(json_object_get(json, "total_s")), ==, 1.01);
    json_decref(json);
}

static void
only_the_last_thousand_runs_count(void)
{
    int64_t clock_us = 0;
    g_autoptr(OrfMeter) meter = meter_with_clock(&clock_us);
    RUN(meter, &clock_us, "run", { "old", 100 });
    for (int i = 0; i < PROFILE_RUNS; i++)
        RUN(meter, &clock_us, "run", { "new", 1 });
    json_t *json = profile_of(meter);
    g_assert_cmpint(json_integer_value(json_object_get(json, "runs")), ==, PROFILE_RUNS);
    g_assert_null(entry(json, "stages", "run: old"));
    json_decref(json);
}

static void
names_without_end_are_bounded(void)
{
    int64_t clock_us = 0;
    g_autoptr(OrfMeter) meter = meter_with_clock(&clock_us);
    for (unsigned run = 0; run < 30; run++) {
        g_autoptr(OrfTrace) trace = orf_trace_new(meter, "run");
        for (unsigned i = 0; i < 200; i++) {
            g_autofree char *path = g_strdup_printf("stage %u: %u", run, i);
            orf_trace_step(trace, path);
            clock_us += 10;
        }
    }
    g_autofree char *path = g_strdup("d");
    for (unsigned i = 0; i < 8; i++) {
        g_autofree char *twice = g_strconcat(path, ": ", path, NULL);
        g_free(path);
        path = g_steal_pointer(&twice);
    }
    RUN(meter, &clock_us, "run", { path, 1 });
    json_t *json = profile_of(meter);
    g_assert_cmpuint(json_array_size(json_object_get(json, "stages")), <=, PROFILE_STAGES);
    g_assert_cmpfloat(number(json, "run", "count"), ==, 31);
    g_assert_cmpfloat(number(json, "run", "total_s"), ==, 0.061);
    json_decref(json);
}

static void *
many_runs(void *data)
{
    for (unsigned i = 0; i < 200; i++) {
        g_autoptr(OrfTrace) trace = orf_trace_new(data, i % 2 ? "odd" : "even");
        orf_trace_step(trace, "a");
        orf_trace_step(trace, "a: b");
        if (i % 50 == 0)
            g_free(orf_profile_json(data));
    }
    return NULL;
}

static void
traces_of_many_threads_meet_in_one_profile(void)
{
    g_autoptr(OrfMeter) meter = orf_meter_new();
    GThread *threads[4];
    for (size_t i = 0; i < G_N_ELEMENTS(threads); i++)
        threads[i] = g_thread_new("run", many_runs, meter);
    for (size_t i = 0; i < G_N_ELEMENTS(threads); i++)
        g_thread_join(threads[i]);
    json_t *json = profile_of(meter);
    g_assert_cmpfloat(number(json, "odd: a: b", "count"), ==, 400);
    g_assert_cmpfloat(number(json, "even: a", "count"), ==, 400);
    json_decref(json);
}

static void
an_empty_profile_is_json(void)
{
    g_autoptr(OrfMeter) meter = orf_meter_new();
    g_autofree char *text = orf_profile_json(meter);
    g_assert_cmpstr(text, ==, "{\"runs\":0,\"total_s\":0,\"stages\":[],\"bottlenecks\":[]}");
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define TEST(name, function) g_test_add_func("/meter/profile/" name, function)
    TEST("stages-nest-by-path", stages_nest_by_path);
    TEST("statistics-are-over-runs", statistics_are_over_runs);
    TEST("a-stage-entered-twice-counts-once-a-run", a_stage_entered_twice_counts_once_a_run);
    TEST("bottlenecks-have-classes-and-advice", bottlenecks_have_classes_and_advice);
    TEST("time-outside-named-stages-is-a-bottleneck-too",
         time_outside_named_stages_is_a_bottleneck_too);
    TEST("shares-are-of-their-own-root", shares_are_of_their_own_root);
    TEST("only-the-last-thousand-runs-count", only_the_last_thousand_runs_count);
    TEST("names-without-end-are-bounded", names_without_end_are_bounded);
    TEST("traces-of-many-threads-meet-in-one-profile",
         traces_of_many_threads_meet_in_one_profile);
    TEST("an-empty-profile-is-json", an_empty_profile_is_json);
    return g_test_run();
}
