/* json.c - devices, their history and what to do, as JSON.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "device/device-priv.h"

#include <math.h>

static void
append_text(GString *json, const char *name, const char *text)
{
    g_string_append_printf(json, ",\"%s\":", name);
    orf_json_string(json, text);
}

static void
append_bytes(GString *json, const char *name, uint64_t bytes)
{
    g_string_append_printf(json, ",\"%s\":%" G_GUINT64_FORMAT, name, bytes);
}

/* NAN is null; `digits` behind the point are enough. */
static void
append_number(GString *json, const char *name, double value, double digits)
{
    g_string_append_printf(json, ",\"%s\":", name);
    orf_json_number(json, rint(value * pow(10, digits)) / pow(10, digits));
}

static void
append_history(GString *json, const History *history)
{
    g_string_append(json, ",\"history\":[");
    for (size_t i = 0; i < history->n; i++) {
        const Sample *sample = history_at(history, i);
        int64_t last = history_at(history, history->n - 1)->t_us;
        g_string_append(json, i ? ",{\"t\":" : "{\"t\":");
        orf_json_number(json, (double)((sample->t_us - last) / 1000) / 1000);
        append_bytes(json, "used", sample->used);
        append_number(json, "utilization", sample->utilization < 0 ? NAN : sample->utilization,
                      3);
        g_string_append_c(json, '}');
    }
    g_string_append_c(json, ']');
}

static void
append_device(GString *json, const OrfDevices *devices, const Device *device, bool history)
{
    const OrfDeviceStats *stats = &device->stats;
    g_string_append_printf(json, "{\"index\":%u", stats->index);
    append_text(json, "kind", orf_device_kind_name(stats->kind));
    append_text(json, "name", stats->name);
    append_text(json, "id", stats->id);
    append_text(json, "driver", stats->driver);
    append_bytes(json, "cores", stats->cores);
    append_bytes(json, "memory_total", stats->memory_total);
    append_bytes(json, "memory_used", stats->memory_used);
    append_bytes(json, "memory_free", stats->memory_free);
    append_bytes(json, "reserved", stats->index ? 0 : devices->budget.reserved);
    append_number(json, "utilization", stats->utilization < 0 ? NAN : stats->utilization, 3);
    append_number(json, "temperature_c", stats->temperature_c, 1);
    append_number(json, "power_w", stats->power_w, 1);
    append_text(json, "trend", orf_trend_name(stats->trend));
    append_number(json, "slope", stats->slope, 0);
    g_string_append_printf(json, ",\"lost\":%s", stats->lost ? "true" : "false");
    if (history)
        append_history(json, &device->history);
    g_string_append_c(json, '}');
}

char *
orf_devices_json(OrfDevices *devices, bool history)
{
    g_autoptr(GString) json = g_string_new("{\"devices\":[");
    g_mutex_lock(&devices->lock);
    for (size_t i = 0; i < devices->n; i++) {
        if (i)
            g_string_append_c(json, ',');
        append_device(json, devices, &devices->devices[i], history);
    }
    g_string_append(json, "],\"recommendations\":[");
    for (size_t i = 0; i < devices->n; i++)
        append_recommendations(json, devices, &devices->devices[i]);
    g_mutex_unlock(&devices->lock);
    g_string_append(json, "]}");
    return g_string_free(g_steal_pointer(&json), FALSE);
}
