/* SPDX-License-Identifier: Apache-2.0 */
#include "device/devices_fixture.h"

#include <glib/gstdio.h>
#include <limits.h>
#include <stdarg.h>
#include <string.h>

#define GROUP "sys/fs/cgroup/box/"

void
fixture_write(Fixture *fixture, const char *name, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    g_autofree char *text = g_strdup_vprintf(format, arguments);
    va_end(arguments);
    g_autofree char *path = g_build_filename(fixture->root, name, NULL);
    g_autofree char *folder = g_path_get_dirname(path);
    g_assert_cmpint(g_mkdir_with_parents(folder, 0755), ==, 0);
    g_assert_true(g_file_set_contents(path, text, -1, NULL));
}

void
fixture_use(Fixture *fixture, uint64_t bytes)
{
    fixture_write(fixture, GROUP "memory.current", "%" G_GUINT64_FORMAT, bytes);
}

void
fixture_init(Fixture *fixture, uint64_t total, uint64_t budget, const char *nvml)
{
    *fixture = (Fixture){ .root = g_dir_make_tmp("devices-XXXXXX", NULL), .now_us = SECOND };
    fixture_write(fixture, "proc/meminfo",
                  "MemTotal: 64000000 kB\nMemAvailable: 60000000 kB\n"
                  "SwapTotal: 1000000 kB\nSwapFree: 1000000 kB\n");
    fixture_write(fixture, "proc/cpuinfo", "model name\t: Test CPU\n");
    fixture_write(fixture, "proc/self/status", "x\nCpus_allowed_list:\t0-7\n");
    fixture_write(fixture, "proc/self/cgroup", "0::/box\n");
    fixture_write(fixture, GROUP "cpu.max", "400000 100000\n");
    fixture_write(fixture, GROUP "cpu.stat", "usage_usec 0\n");
    fixture_write(fixture, GROUP "memory.max", "%" G_GUINT64_FORMAT, total);
    fixture_use(fixture, 0);
    g_autoptr(GError) error = NULL;
    fixture->devices = orf_devices_new(&(OrfDevicesOptions){ .nvml = nvml ? nvml : NO_NVML,
                                                             .root = fixture->root,
                                                             .memory = budget,
                                                             .period_ms = UINT_MAX },
                                       &error);
    g_assert_no_error(error);
}

static void
remove_all(const char *path)
{
    GDir *folder = g_dir_open(path, 0, NULL);
    for (const char *name; folder && (name = g_dir_read_name(folder));) {
        g_autofree char *inner = g_build_filename(path, name, NULL);
        remove_all(inner);
    }
    g_clear_pointer(&folder, g_dir_close);
    g_remove(path);
}

void
fixture_clear(Fixture *fixture)
{
    g_clear_pointer(&fixture->devices, orf_devices_free);
    if (fixture->root)
        remove_all(fixture->root);
    g_clear_pointer(&fixture->root, g_free);
}

void
fixture_sample(Fixture *fixture, unsigned times)
{
    for (unsigned i = 0; i < times; i++, fixture->now_us += SECOND)
        orf_devices_sample(fixture->devices, fixture->now_us);
}

void
fixture_ramp(Fixture *fixture, uint64_t from, uint64_t to, unsigned seconds)
{
    for (unsigned i = 0; i <= seconds; i++) {
        int64_t step = ((int64_t)to - (int64_t)from) * (int64_t)i / (int64_t)seconds;
        fixture_use(fixture, from + (uint64_t)step);
        fixture_sample(fixture, 1);
    }
}

OrfDeviceStats
fixture_stats(const Fixture *fixture, size_t device)
{
    OrfDeviceStats stats;
    g_assert_true(orf_devices_stats(fixture->devices, device, &stats));
    return stats;
}

json_t *
fixture_json(const Fixture *fixture, bool history)
{
    g_autofree char *text = orf_devices_json(fixture->devices, history);
    json_t *json = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
    g_assert_nonnull(json);
    return json;
}

json_t *
fixture_advice(json_t *json, const char *code)
{
    size_t i;
    json_t *one;
    json_array_foreach(json_object_get(json, "recommendations"), i,
                       one) if (strcmp(json_string_value(json_object_get(one, "code")), code) ==
                                0) return one;
    return NULL;
}
