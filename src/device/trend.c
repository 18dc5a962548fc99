/* trend.c - the history of a device, and where its memory is going.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * A straight line by least squares through the last minute or so. The trend changes only when
 * the line leaves a wide band and comes back when it enters a narrow one, so it does not
 * flutter. */
#include "device/device-priv.h"

#include <math.h>

#define LEAST_SAMPLES 5
#define LEAVE 0.0005 /* of the total a second: 3 % a minute */
#define RETURN 0.00025

const Sample *
history_at(const History *history, size_t i)
{
    size_t oldest = history->n < history->room ? 0 : history->next;
    return &history->samples[(oldest + i) % history->room];
}

void
history_add(History *history, Sample sample)
{
    history->samples[history->next] = sample;
    history->next = (history->next + 1) % history->room;
    history->n = MIN(history->n + 1, history->room);
}

/* Times and sizes relative to the first sample: differences stay exact in double. */
double
history_slope(const History *history)
{
    size_t n = MIN(history->n, TREND_SAMPLES), begin = history->n - n;
    if (n < LEAST_SAMPLES)
        return 0;
    const Sample *first = history_at(history, begin);
    double t_sum = 0, u_sum = 0, tt_sum = 0, tu_sum = 0;
    for (size_t i = 0; i < n; i++) {
        const Sample *sample = history_at(history, begin + i);
        double t = (double)(sample->t_us - first->t_us) / 1e6;
        double u = (double)(int64_t)(sample->used - first->used);
        t_sum += t;
        u_sum += u;
        tt_sum += t * t;
        tu_sum += t * u;
    }
    double spread = tt_sum * (double)n - t_sum * t_sum;
    return spread > 0 ? (tu_sum * (double)n - t_sum * u_sum) / spread : 0;
}

double
history_utilization(const History *history, size_t n)
{
    double sum = 0;
    size_t known = 0;
    for (size_t i = history->n - MIN(history->n, n); i < history->n; i++) {
        double utilization = history_at(history, i)->utilization;
        sum += MAX(utilization, 0);
        known += utilization >= 0;
    }
    return known ? sum / (double)known : -1;
}

OrfTrend
trend_next(OrfTrend now, double slope, uint64_t total)
{
    double relative = total ? slope / (double)total : 0;
    double up = now == ORF_TREND_RISING ? RETURN : LEAVE;
    double down = now == ORF_TREND_FALLING ? RETURN : LEAVE;
    return relative > up      ? ORF_TREND_RISING
           : relative < -down ? ORF_TREND_FALLING
                              : ORF_TREND_STABLE;
}

double
seconds_to_full(const OrfDeviceStats *stats)
{
    if (stats->trend != ORF_TREND_RISING || stats->slope <= 0)
        return -1;
    return (double)stats->memory_free / stats->slope;
}
