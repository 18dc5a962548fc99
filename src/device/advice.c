/* advice.c - what an operator should know now: one rule a row.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "device/device-priv.h"

#include <math.h>

#define RECENT 30 /* samples that say how busy a device is */
#define MIB (1024.0 * 1024)

typedef enum { FINE, INFO, WARNING, CRITICAL } Severity;
static const char *const severities[] = { "fine", "info", "warning", "critical" };

typedef struct {
    const OrfDeviceStats *stats;
    const Device *device;
    const Budget *budget;
    double full;        /* share of memory in use */
    double utilization; /* of late; < 0: not known */
} View;

/* Each yields how bad it is and, unless FINE, says so. */
typedef Severity (*Rule)(const View *view, GString *text);

static Severity
lost(const View *view, GString *text)
{
    if (!view->stats->lost)
        return FINE;
    g_string_append_printf(text,
                           "%s does not answer its driver; see the kernel log, restart it.",
                           view->stats->name);
    return CRITICAL;
}

static Severity
memory_high(const View *view, GString *text)
{
    if (view->full < 0.85)
        return FINE;
    g_string_append_printf(
        text, "%.0f %% of memory is in use; run fewer jobs at a time, or give it more.",
        view->full * 100);
    return view->full < 0.95 ? WARNING : CRITICAL;
}

static Severity
memory_filling(const View *view, GString *text)
{
    double seconds = seconds_to_full(view->stats);
    if (seconds < 0 || seconds > 300)
        return FINE;
    g_string_append_printf(
        text, "memory in use rises by %.0f MiB a second and will be full in %.0f s.",
        view->stats->slope / MIB, seconds);
    return seconds > FULL_SOON_S ? WARNING : CRITICAL;
}

static Severity
swapping(const View *view, GString *text)
{
    const History *history = &view->device->history;
    if (!history->n)
        return FINE;
    double grown = (double)view->device->swap_used - (double)history_at(history, 0)->swap_used;
    if (grown < 16 * MIB)
        return FINE;
    g_string_append_printf(text, "swap grew by %.0f MiB; jobs slow down, lower their memory.",
                           grown / MIB);
    return WARNING;
}

static Severity
utilization_low(const View *view, GString *text)
{
    if (view->utilization < 0 || view->utilization > 0.3 || !view->budget->queued ||
        view->device->history.n < 10)
        return FINE;
    g_string_append_printf(text,
                           "%" G_GUINT64_FORMAT
                           " jobs wait while %.0f %% of the device is used; "
                           "let more run at a time, or larger batches.",
                           view->budget->queued, view->utilization * 100);
    return INFO;
}

static Severity
cores_busy(const View *view, GString *text)
{
    if (view->stats->kind != ORF_DEVICE_CPU || view->utilization < 0.95 ||
        view->budget->queued < 4 * (uint64_t)view->stats->cores)
        return FINE;
    g_string_append_printf(text,
                           "every core is busy and %" G_GUINT64_FORMAT " jobs wait; more cores "
                           "would shorten the queue.",
                           view->budget->queued);
    return INFO;
}

static Severity
budget_full(const View *view, GString *text)
{
    const Budget *budget = view->budget;
    if (view->stats->kind != ORF_DEVICE_CPU || !budget->queued ||
        (double)budget->reserved < 0.95 * (double)budget->total)
        return FINE;
    g_string_append(text,
                    "jobs wait for memory that is promised to others; a larger memory budget "
                    "would let more run.");
    return INFO;
}

static Severity
temperature_high(const View *view, GString *text)
{
    double celsius = view->stats->temperature_c;
    if (!(celsius >= 83)) /* NAN is not */
        return FINE;
    g_string_append_printf(text, "%.0f degrees; it slows down to cool, look at the fans.",
                           celsius);
    return celsius < 90 ? WARNING : CRITICAL;
}

static const struct {
    const char *code;
    Rule rule;
} rules[] = {
    { "device-lost", lost },
    { "memory-high", memory_high },
    { "memory-filling", memory_filling },
    { "swapping", swapping },
    { "utilization-low", utilization_low },
    { "cores-busy", cores_busy },
    { "budget-full", budget_full },
    { "temperature-high", temperature_high },
};

void
add_recommendations(OrfJson *json, const OrfDevices *devices, const Device *device,
                    const char *source)
{
    const OrfDeviceStats *stats = &device->stats;
    double total = (double)stats->memory_total;
    View view = { stats, device, &devices->budget,
                  total > 0 ? 1 - (double)stats->memory_free / total : 0,
                  history_utilization(&device->history, RECENT) };
    for (size_t i = 0; i < G_N_ELEMENTS(rules); i++) {
        g_autoptr(GString) text = g_string_new(NULL);
        Severity severity = rules[i].rule(&view, text);
        if (severity == FINE || (stats->lost && i))
            continue;
        orf_json_begin_object(json, NULL);
        orf_json_add_text(json, "code", rules[i].code);
        orf_json_add_text(json, "severity", severities[severity]);
        orf_json_add_int(json, "device", stats->index);
        orf_json_add_text(json, "text", text->str);
        if (source)
            orf_json_add_text(json, "source", source);
        orf_json_end(json);
    }
}
