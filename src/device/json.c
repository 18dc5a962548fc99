/* json.c - devices, their history and what to do, as JSON.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "device/device-priv.h"

#include <math.h>

/* `digits` behind the point are enough; NAN is null. */
static void
add_number(OrfJson *json, const char *key, double value, double digits)
{
    orf_json_add_number(json, key, rint(value * pow(10, digits)) / pow(10, digits));
}

static void
add_history(OrfJson *json, const History *history)
{
    orf_json_begin_array(json, "history");
    for (size_t i = 0; i < history->n; i++) {
        const Sample *sample = history_at(history, i);
        int64_t last = history_at(history, history->n - 1)->t_us;
        orf_json_begin_object(json, NULL);
        orf_json_add_number(json, "t", (double)((sample->t_us - last) / 1000) / 1000);
        orf_json_add_int(json, "used", sample->used);
        add_number(json, "utilization", sample->utilization < 0 ? NAN : sample->utilization, 3);
        orf_json_end(json);
    }
    orf_json_end(json);
}

static void
add_device(OrfJson *json, const OrfDevices *devices, const Device *device, bool history)
{
    const OrfDeviceStats *stats = &device->stats;
    orf_json_begin_object(json, NULL);
    orf_json_add_int(json, "index", stats->index);
    orf_json_add_text(json, "kind", orf_device_kind_name(stats->kind));
    orf_json_add_text(json, "name", stats->name);
    orf_json_add_text(json, "id", stats->id);
    orf_json_add_text(json, "driver", stats->driver);
    orf_json_add_int(json, "cores", stats->cores);
    orf_json_add_int(json, "memory_total", stats->memory_total);
    orf_json_add_int(json, "memory_used", stats->memory_used);
    orf_json_add_int(json, "memory_free", stats->memory_free);
    orf_json_add_int(json, "reserved", stats->index ? 0 : devices->budget.reserved);
    add_number(json, "utilization", stats->utilization < 0 ? NAN : stats->utilization, 3);
    add_number(json, "temperature_c", stats->temperature_c, 1);
    add_number(json, "power_w", stats->power_w, 1);
    orf_json_add_text(json, "trend", orf_trend_name(stats->trend));
    add_number(json, "slope", stats->slope, 0);
    orf_json_add_bool(json, "lost", stats->lost);
    if (history)
        add_history(json, &device->history);
    orf_json_end(json);
}

void
orf_devices_add_kind(OrfDevices *devices, OrfDeviceKind kind, OrfJson *json)
{
    g_mutex_lock(&devices->lock);
    for (size_t i = 0; i < devices->n; i++)
        if (devices->devices[i].stats.kind == kind)
            add_device(json, devices, &devices->devices[i], false);
    g_mutex_unlock(&devices->lock);
}

void
orf_devices_add_advice(OrfDevices *devices, OrfJson *json)
{
    g_mutex_lock(&devices->lock);
    for (size_t i = 0; i < devices->n; i++)
        add_recommendations(json, devices, &devices->devices[i], "devices");
    g_mutex_unlock(&devices->lock);
}

char *
orf_devices_json(OrfDevices *devices, bool history)
{
    g_autoptr(OrfJson) json = orf_json_new();
    orf_json_begin_object(json, NULL);
    orf_json_begin_array(json, "devices");
    g_mutex_lock(&devices->lock);
    for (size_t i = 0; i < devices->n; i++)
        add_device(json, devices, &devices->devices[i], history);
    orf_json_end(json);
    orf_json_begin_array(json, "recommendations");
    for (size_t i = 0; i < devices->n; i++)
        add_recommendations(json, devices, &devices->devices[i], NULL);
    g_mutex_unlock(&devices->lock);
    orf_json_end(json);
    orf_json_end(json);
    return orf_json_steal(json);
}
