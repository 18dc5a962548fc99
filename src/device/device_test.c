/* SPDX-License-Identifier: Apache-2.0 */
#include "device/devices_fixture.h"
#include "device/nvml-double.h"

#include <dlfcn.h>
#include <math.h>
#include <string.h>

/* --- The double of NVML ------------------------------------------------------------------- */

static char *
double_path(void)
{
    g_autofree char *build = g_path_get_dirname(g_getenv("ORFEAS"));
    return g_build_filename(build, "src", "device", "libnvml-double.so", NULL);
}

/* The table of the library, as of a machine with two healthy devices; the library stays loaded.
 */
static NvmlDouble *
two_devices(void)
{
    g_autofree char *path = double_path();
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    g_assert_nonnull(library);
    NvmlDouble *table = dlsym(library, "nvml_double");
    g_assert_nonnull(table);
    *table = (NvmlDouble){ .count = 2 };
    table->devices[0] = (NvmlDoubleDevice){ .name = "Fast 80GB",
                                            .uuid = "GPU-1",
                                            .total = 80000 * MB,
                                            .used = 8000 * MB,
                                            .percent = 50,
                                            .celsius = 60,
                                            .milliwatts = 250500,
                                            .cores = 16896 };
    table->devices[1] = (NvmlDoubleDevice){ .name = "Small 8GB",
                                            .uuid = "GPU-2",
                                            .total = 8000 * MB,
                                            .used = 7800 * MB,
                                            .celsius = 91 };
    return table;
}

static void
cuda_devices_stand_behind_the_cpu(void)
{
    NvmlDouble *table = two_devices();
    g_autofree char *path = double_path();
    g_auto(Fixture) fixture;
    fixture_init(&fixture, 4000 * MB, 0, path);
    g_assert_cmpuint(orf_devices_count(fixture.devices), ==, 3);
    OrfDeviceStats stats = fixture_stats(&fixture, 1);
    g_assert_cmpint(stats.kind, ==, ORF_DEVICE_CUDA);
    g_assert_cmpstr(stats.name, ==, "Fast 80GB");
    g_assert_cmpstr(stats.id, ==, "GPU-1");
    g_assert_cmpstr(stats.driver, ==, "535.1");
    g_assert_cmpuint(stats.cores, ==, 16896);
    g_assert_cmpuint(stats.memory_total, ==, 80000 * MB);
    g_assert_cmpuint(stats.memory_free, ==, 72000 * MB);
    g_assert_cmpfloat(stats.utilization, ==, 0.5);
    g_assert_cmpfloat(stats.temperature_c, ==, 60);
    g_assert_cmpfloat(stats.power_w, ==, 250.5);
    g_assert_cmpstr(orf_devices_nvml_error(fixture.devices), ==, "");
    table->devices[0].used = 9000 * MB;
    fixture_sample(&fixture, 1);
    g_assert_cmpuint(fixture_stats(&fixture, 1).memory_used, ==, 9000 * MB);
    fixture_clear(&fixture);
    g_assert_cmpuint(table->shutdowns, ==, 1);
}

static void
a_lost_device_keeps_its_last_numbers(void)
{
    NvmlDouble *table = two_devices();
    g_autofree char *path = double_path();
    g_auto(Fixture) fixture;
    fixture_init(&fixture, 4000 * MB, 0, path);
    fixture_sample(&fixture, 1);
    table->devices[0].memory_code = 15; /* GPU is lost */
    fixture_sample(&fixture, 1);
    OrfDeviceStats stats = fixture_stats(&fixture, 1);
    g_assert_true(stats.lost);
    g_assert_cmpuint(stats.memory_used, ==, 8000 * MB);
    g_assert_false(fixture_stats(&fixture, 2).lost);
    json_t *json = fixture_json(&fixture, false);
    json_t *advice = fixture_advice(json, "device-lost");
    g_assert_cmpint(json_integer_value(json_object_get(advice, "device")), ==, 1);
    json_decref(json);
    table->devices[0].memory_code = 0;
    fixture_sample(&fixture, 1);
    g_assert_false(fixture_stats(&fixture, 1).lost);
}

static void
what_a_driver_does_not_tell_is_not_known(void)
{
    NvmlDouble *table = two_devices();
    table->devices[0].other_code = 3; /* not supported */
    table->devices[1].handle_code = 15;
    table->driver_code = 999;
    g_autofree char *path = double_path();
    g_auto(Fixture) fixture;
    fixture_init(&fixture, 4000 * MB, 0, path);
    fixture_sample(&fixture, 1);
    OrfDeviceStats stats = fixture_stats(&fixture, 1);
    g_assert_cmpstr(stats.name, ==, "CUDA device");
    g_assert_cmpstr(stats.id, ==, "cuda:0");
    g_assert_cmpstr(stats.driver, ==, "");
    g_assert_cmpfloat(stats.utilization, <, 0);
    g_assert_true(isnan(stats.temperature_c) && isnan(stats.power_w));
    g_assert_cmpuint(stats.memory_used, ==, 8000 * MB);
    stats = fixture_stats(&fixture, 2);
    g_assert_true(stats.lost);
    g_assert_cmpstr(stats.id, ==, "cuda:1");
    json_decref(fixture_json(&fixture, true));
}

static void
a_driver_that_fails_leaves_the_cpu(void)
{
    g_autofree char *path = double_path();
    for (unsigned i = 0; i < 3; i++) {
        NvmlDouble *table = two_devices();
        table->init_code = i == 0 ? 9 : 0;  /* driver not loaded */
        table->count_code = i == 1 ? 1 : 0; /* not initialised */
        table->count = i == 2 ? 0 : 2;
        g_auto(Fixture) fixture;
        fixture_init(&fixture, 4000 * MB, 0, path);
        g_assert_cmpuint(orf_devices_count(fixture.devices), ==, 1);
        g_assert_cmpint(*orf_devices_nvml_error(fixture.devices) == 0, ==, i == 2);
        fixture_clear(&fixture);
        g_assert_cmpuint(table->shutdowns, ==, i ? 1 : 0);
    }
}

static void
no_driver_at_all_is_no_error(void)
{
    g_auto(Fixture) fixture;
    fixture_init(&fixture, 4000 * MB, 0, NO_NVML);
    g_assert_cmpuint(orf_devices_count(fixture.devices), ==, 1);
    g_assert_nonnull(strstr(orf_devices_nvml_error(fixture.devices), "libnvidia-ml"));
    OrfDeviceStats stats;
    g_assert_false(orf_devices_stats(fixture.devices, 1, &stats));
    g_autoptr(OrfDevices) other = orf_devices_new(
        &(OrfDevicesOptions){ .nvml = "libm.so.6", .period_ms = G_MAXUINT }, NULL);
    g_assert_cmpuint(orf_devices_count(other), ==, 1);
    g_assert_nonnull(strstr(orf_devices_nvml_error(other), "nvmlInit_v2"));
}

/* --- The CPU ------------------------------------------------------------------------------ */

static void
the_cpu_is_what_its_group_leaves(void)
{
    g_auto(Fixture) fixture;
    fixture_init(&fixture, 4000 * MB, 0, NULL);
    fixture_use(&fixture, 1000 * MB);
    fixture_sample(&fixture, 1);
    OrfDeviceStats stats = fixture_stats(&fixture, 0);
    g_assert_cmpstr(stats.name, ==, "Test CPU");
    g_assert_cmpstr(stats.id, ==, "cpu");
    g_assert_cmpuint(stats.cores, ==, 4);
    g_assert_cmpuint(stats.memory_total, ==, 4000 * MB);
    g_assert_cmpuint(stats.memory_free, ==, 3000 * MB);
    g_assert_cmpfloat(stats.utilization, <, 0);
    fixture_write(&fixture, "sys/fs/cgroup/box/cpu.stat", "usage_usec 3000000\n");
    fixture_sample(&fixture, 1);
    g_assert_cmpfloat(fixture_stats(&fixture, 0).utilization, ==, 0.75);
}

/* --- Trend -------------------------------------------------------------------------------- */

static void
memory_that_rises_is_seen_and_will_be_full(void)
{
    g_auto(Fixture) fixture;
    fixture_init(&fixture, 4000 * MB, 0, NULL);
    fixture_ramp(&fixture, 1000 * MB, 2000 * MB, 20);
    OrfDeviceStats stats = fixture_stats(&fixture, 0);
    g_assert_cmpint(stats.trend, ==, ORF_TREND_RISING);
    g_assert_cmpfloat_with_epsilon(stats.slope, 50e6, 1);
    json_t *json = fixture_json(&fixture, false);
    json_t *advice = fixture_advice(json, "memory-filling"); /* 2000 MB at 50 MB/s: 40 s */
    g_assert_cmpstr(json_string_value(json_object_get(advice, "severity")), ==, "critical");
    g_assert_nonnull(strstr(json_string_value(json_object_get(advice, "text")), "in 40 s"));
    json_decref(json);
}

static void
memory_that_falls_is_seen(void)
{
    g_auto(Fixture) fixture;
    fixture_init(&fixture, 4000 * MB, 0, NULL);
    fixture_ramp(&fixture, 3000 * MB, 2000 * MB, 20);
    g_assert_cmpint(fixture_stats(&fixture, 0).trend, ==, ORF_TREND_FALLING);
    json_t *json = fixture_json(&fixture, false);
    g_assert_null(fixture_advice(json, "memory-filling"));
    json_decref(json);
}

/* Of 50 000 MB a trend begins over 25 MB/s and ends under 12.5 MB/s. */
static void
the_trend_has_hysteresis(void)
{
    static const struct {
        uint64_t mb_a_second;
        OrfTrend trend;
    } steps[] = {
        { 20, ORF_TREND_STABLE }, { 30, ORF_TREND_RISING }, { 20, ORF_TREND_RISING },
        { 10, ORF_TREND_STABLE }, { 20, ORF_TREND_STABLE },
    };
    g_auto(Fixture) fixture;
    fixture_init(&fixture, 50000 * MB, 0, NULL);
    uint64_t used = 1000 * MB;
    for (size_t i = 0; i < G_N_ELEMENTS(steps); i++) {
        uint64_t end = used + steps[i].mb_a_second * 80 * MB;
        fixture_ramp(&fixture, used, end, 80); /* long enough to fill the window */
        used = end;
        g_assert_cmpint(fixture_stats(&fixture, 0).trend, ==, steps[i].trend);
    }
}

static void
a_trend_needs_samples(void)
{
    g_auto(Fixture) fixture;
    fixture_init(&fixture, 4000 * MB, 0, NULL);
    fixture_ramp(&fixture, 0, 3000 * MB, 3);
    g_assert_cmpint(fixture_stats(&fixture, 0).trend, ==, ORF_TREND_STABLE);
}

/* --- Recommendations ---------------------------------------------------------------------- */

static void
full_and_hot_devices_are_told(void)
{
    two_devices();
    g_autofree char *path = double_path();
    g_auto(Fixture) fixture;
    fixture_init(&fixture, 4000 * MB, 0, path);
    fixture_use(&fixture, 3600 * MB);
    fixture_sample(&fixture, 1);
    json_t *json = fixture_json(&fixture, false);
    json_t *advice = fixture_advice(json, "memory-high");
    g_assert_cmpint(json_integer_value(json_object_get(advice, "device")), ==, 0);
    g_assert_cmpstr(json_string_value(json_object_get(advice, "severity")), ==, "warning");
    advice = fixture_advice(json, "temperature-high");
    g_assert_cmpint(json_integer_value(json_object_get(advice, "device")), ==, 2);
    g_assert_cmpstr(json_string_value(json_object_get(advice, "severity")), ==, "critical");
    json_decref(json);
}

static void
a_queue_before_an_idle_device_is_told(void)
{
    g_auto(Fixture) fixture;
    fixture_init(&fixture, 4000 * MB, 0, NULL);
    fixture_sample(&fixture, 12);
    json_t *json = fixture_json(&fixture, false);
    g_assert_null(fixture_advice(json, "utilization-low"));
    json_decref(json);
    orf_devices_concurrency(fixture.devices, 7, 100 * MB);
    json = fixture_json(&fixture, false);
    json_t *advice = fixture_advice(json, "utilization-low");
    g_assert_nonnull(strstr(json_string_value(json_object_get(advice, "text")), "7 jobs wait"));
    json_decref(json);
}

static void
busy_cores_and_swap_are_told(void)
{
    g_auto(Fixture) fixture;
    fixture_init(&fixture, 4000 * MB, 0, NULL);
    orf_devices_concurrency(fixture.devices, 50, 100 * MB);
    for (unsigned i = 0; i < 12; i++) {
        fixture_write(&fixture, "sys/fs/cgroup/box/cpu.stat", "usage_usec %u\n", i * 4000000);
        fixture_write(&fixture, "proc/meminfo",
                      "MemTotal: 64000000 kB\nMemAvailable: 60000000 kB\n"
                      "SwapTotal: 1000000 kB\nSwapFree: %u kB\n",
                      1000000 - i * 10000);
        fixture_sample(&fixture, 1);
    }
    json_t *json = fixture_json(&fixture, false);
    g_assert_nonnull(fixture_advice(json, "cores-busy"));
    g_assert_nonnull(fixture_advice(json, "swapping"));
    g_assert_null(fixture_advice(json, "utilization-low"));
    json_decref(json);
}

/* --- JSON and the thread ------------------------------------------------------------------ */

static void
history_is_a_ring(void)
{
    g_auto(Fixture) fixture;
    fixture_init(&fixture, 4000 * MB, 0, NULL);
    fixture_ramp(&fixture, 0, 350 * MB, 350);
    json_t *json = fixture_json(&fixture, true);
    json_t *device = json_array_get(json_object_get(json, "devices"), 0);
    json_t *history = json_object_get(device, "history");
    g_assert_cmpuint(json_array_size(history), ==, 300);
    json_t *first = json_array_get(history, 0), *last = json_array_get(history, 299);
    g_assert_cmpfloat(json_number_value(json_object_get(first, "t")), ==, -299);
    g_assert_cmpint(json_integer_value(json_object_get(first, "used")), ==, 51 * MB);
    g_assert_cmpfloat(json_number_value(json_object_get(last, "t")), ==, 0);
    g_assert_cmpint(json_integer_value(json_object_get(last, "used")), ==, 350 * MB);
    g_assert_true(json_is_null(json_object_get(device, "temperature_c")));
    json_decref(json);
    json = fixture_json(&fixture, false);
    device = json_array_get(json_object_get(json, "devices"), 0);
    g_assert_null(json_object_get(device, "history"));
    json_decref(json);
}

static void
the_thread_samples_and_ends_at_once(void)
{
    g_autoptr(OrfDevices) devices =
        orf_devices_new(&(OrfDevicesOptions){ .nvml = NO_NVML, .period_ms = 3600000 }, NULL);
    g_assert_nonnull(devices);
    bool sampled = false;
    while (!sampled) { /* the first sample is taken as the thread starts */
        g_autofree char *json = orf_devices_json(devices, true);
        sampled = !strstr(json, "\"history\":[]");
        g_thread_yield();
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define TEST(name, function) g_test_add_func("/device/device/" name, function)
    TEST("cuda-devices-stand-behind-the-cpu", cuda_devices_stand_behind_the_cpu);
    TEST("a-lost-device-keeps-its-last-numbers", a_lost_device_keeps_its_last_numbers);
    TEST("what-a-driver-does-not-tell-is-not-known", what_a_driver_does_not_tell_is_not_known);
    TEST("a-driver-that-fails-leaves-the-cpu", a_driver_that_fails_leaves_the_cpu);
    TEST("no-driver-at-all-is-no-error", no_driver_at_all_is_no_error);
    TEST("the-cpu-is-what-its-group-leaves", the_cpu_is_what_its_group_leaves);
    TEST("memory-that-rises-is-seen-and-will-be-full",
         memory_that_rises_is_seen_and_will_be_full);
    TEST("memory-that-falls-is-seen", memory_that_falls_is_seen);
    TEST("the-trend-has-hysteresis", the_trend_has_hysteresis);
    TEST("a-trend-needs-samples", a_trend_needs_samples);
    TEST("full-and-hot-devices-are-told", full_and_hot_devices_are_told);
    TEST("a-queue-before-an-idle-device-is-told", a_queue_before_an_idle_device_is_told);
    TEST("busy-cores-and-swap-are-told", busy_cores_and_swap_are_told);
    TEST("history-is-a-ring", history_is_a_ring);
    TEST("the-thread-samples-and-ends-at-once", the_thread_samples_and_ends_at_once);
    return g_test_run();
}
