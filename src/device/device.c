/* device.c - the devices, sampled by a thread; whoever asks gets the last sample.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Drivers are asked under the sampling lock, into copies; the lock that readers take is held
 * only to swap the copies in. A driver that hangs stops the samples and nothing else. */
#include "device/device-priv.h"

#include <limits.h>
#include <math.h>
#include <string.h>

#define NVML "libnvidia-ml.so.1"

const char *
orf_device_kind_name(OrfDeviceKind kind)
{
    return kind == ORF_DEVICE_CUDA ? "cuda" : "cpu";
}

const char *
orf_trend_name(OrfTrend trend)
{
    static const char *const names[] = { "stable", "rising", "falling" };
    return names[trend];
}

/* --- Reading ------------------------------------------------------------------------------ */

/* Share of what `machine` may use that was used since `device` was read; < 0: not known. */
static double
cpu_utilization(const Device *device, const OrfMachine *machine, int64_t now_us)
{
    double seconds = (double)(now_us - device->read_us) / 1e6;
    if (now_us < 0 || device->read_us < 0 || machine->busy_cores <= 0)
        return -1;
    if (seconds <= 0)
        return device->stats.utilization;
    double share = (machine->busy_s - device->busy_s) / (seconds * machine->busy_cores);
    return CLAMP(share, 0, 1);
}

static void
read_cpu(const OrfDevices *devices, Device *device, int64_t now_us)
{
    OrfMachine machine;
    orf_machine_read(devices->root, &machine);
    OrfDeviceStats *stats = &device->stats;
    stats->utilization = cpu_utilization(device, &machine, now_us);
    stats->cores = machine.cores;
    stats->memory_total = machine.memory_total;
    stats->memory_used = machine.memory_used;
    stats->memory_free = machine.memory_free;
    device->swap_total = machine.swap_total;
    device->swap_used = machine.swap_used;
    device->busy_s = machine.busy_s;
}

/* Everything but the history, which stays the reader's. `now_us` < 0: only to know what is
 * there. */
static void
read_device(const OrfDevices *devices, Device *device, int64_t now_us)
{
    OrfDeviceStats *stats = &device->stats;
    if (stats->kind == ORF_DEVICE_CPU)
        read_cpu(devices, device, now_us);
    else
        stats->lost = !nvml_read(devices->nvml, stats->index - 1, stats);
    device->read_us = now_us;
}

static void
keep(Device *device, const Device *read, int64_t now_us)
{
    History history = device->history;
    *device = *read;
    OrfDeviceStats *stats = &device->stats;
    if (!stats->lost)
        history_add(&history, (Sample){ now_us, stats->memory_used, device->swap_used,
                                        stats->utilization });
    stats->slope = history_slope(&history);
    stats->trend = trend_next(stats->trend, stats->slope, stats->memory_total);
    device->history = history;
}

void
orf_devices_sample(OrfDevices *devices, int64_t now_us)
{
    g_mutex_lock(&devices->sampling);
    for (size_t i = 0; i < devices->n; i++) {
        Device read = devices->devices[i]; /* only samplers write, and this is the one */
        read_device(devices, &read, now_us);
        g_mutex_lock(&devices->lock);
        keep(&devices->devices[i], &read, now_us);
        if (!i)
            budget_follow(&devices->budget, read.stats.memory_total);
        g_mutex_unlock(&devices->lock);
    }
    g_mutex_unlock(&devices->sampling);
}

/* --- The thread --------------------------------------------------------------------------- */

static void *
watch(void *data)
{
    OrfDevices *devices = data;
    int64_t next = g_get_monotonic_time();
    g_mutex_lock(&devices->lock);
    while (!devices->ending) {
        if (g_cond_wait_until(&devices->wake, &devices->lock, next))
            continue;
        g_mutex_unlock(&devices->lock);
        int64_t now = g_get_monotonic_time();
        orf_devices_sample(devices, now);
        next = MAX(next, now - 1000) + devices->period_ms * INT64_C(1000);
        g_mutex_lock(&devices->lock);
    }
    g_mutex_unlock(&devices->lock);
    return NULL;
}

static void
end_thread(OrfDevices *devices)
{
    if (!devices->thread)
        return;
    g_mutex_lock(&devices->lock);
    devices->ending = true;
    g_cond_signal(&devices->wake);
    g_mutex_unlock(&devices->lock);
    g_thread_join(devices->thread);
}

/* --- Life --------------------------------------------------------------------------------- */

static void
describe_cpu(const OrfDevices *devices, OrfDeviceStats *stats)
{
    g_autofree char *name = orf_machine_cpu_name(devices->root);
    g_strlcpy(stats->name, name, sizeof stats->name);
    g_strlcpy(stats->id, "cpu", sizeof stats->id);
    stats->kind = ORF_DEVICE_CPU;
}

static void
add_devices(OrfDevices *devices, size_t history)
{
    devices->n = 1 + nvml_count(devices->nvml);
    devices->devices = g_new0(Device, devices->n);
    for (unsigned i = 0; i < devices->n; i++) {
        Device *device = &devices->devices[i];
        OrfDeviceStats *stats = &device->stats;
        *stats = (OrfDeviceStats){ .index = i,
                                   .kind = i ? ORF_DEVICE_CUDA : ORF_DEVICE_CPU,
                                   .utilization = -1,
                                   .temperature_c = NAN,
                                   .power_w = NAN };
        if (i)
            nvml_describe(devices->nvml, i - 1, stats);
        else
            describe_cpu(devices, stats);
        device->history.samples = g_new0(Sample, history);
        device->history.room = history;
        read_device(devices, device, -1);
    }
}

OrfDevices *
orf_devices_new(const OrfDevicesOptions *options, GError **error)
{
    OrfDevicesOptions wish = options ? *options : (OrfDevicesOptions){ 0 };
    OrfDevices *devices = g_new0(OrfDevices, 1);
    g_mutex_init(&devices->sampling);
    g_mutex_init(&devices->lock);
    g_cond_init(&devices->wake);
    devices->root = g_strdup(wish.root ? wish.root : "/");
    devices->nvml = nvml_new(wish.nvml ? wish.nvml : NVML, &devices->nvml_error);
    add_devices(devices, wish.history ? wish.history : 300);
    budget_init(&devices->budget, wish.memory);
    budget_follow(&devices->budget, devices->devices[0].stats.memory_total);
    devices->period_ms = wish.period_ms ? wish.period_ms : 1000;
    if (devices->period_ms == UINT_MAX)
        return devices;
    devices->thread = g_thread_try_new("devices", watch, devices, NULL);
    if (devices->thread)
        return devices;
    orf_devices_free(devices);
    return ORF_FAIL(error, UNAVAILABLE,
                    "devices: the system gives no thread; raise its limit of processes");
}

void
orf_devices_free(OrfDevices *devices)
{
    if (!devices)
        return;
    end_thread(devices);
    for (size_t i = 0; i < devices->n; i++)
        g_free(devices->devices[i].history.samples);
    g_free(devices->devices);
    nvml_free(devices->nvml);
    budget_clear(&devices->budget);
    g_free(devices->nvml_error);
    g_free(devices->root);
    g_cond_clear(&devices->wake);
    g_mutex_clear(&devices->lock);
    g_mutex_clear(&devices->sampling);
    g_free(devices);
}

/* --- Asking ------------------------------------------------------------------------------- */

size_t
orf_devices_count(OrfDevices *devices)
{
    return devices->n;
}

bool
orf_devices_stats(OrfDevices *devices, size_t index, OrfDeviceStats *ret)
{
    if (index >= devices->n)
        return false;
    g_mutex_lock(&devices->lock);
    *ret = devices->devices[index].stats;
    ret->reserved = index ? 0 : devices->budget.reserved;
    g_mutex_unlock(&devices->lock);
    return true;
}

const char *
orf_devices_nvml_error(OrfDevices *devices)
{
    return devices->nvml_error ? devices->nvml_error : "";
}
