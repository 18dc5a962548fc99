/* device.h - devices and their memory: inventory, statistics, trend, recommendations, reservations.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * CUDA devices come from NVML, which is loaded at run time when the machine has it; the CPU is always there, with the
 * memory limit that counts (cgroup v1 or v2, or the machine's). A background thread samples once a second.
 * Thread-safe. */
#ifndef ORF_DEVICE_H
#define ORF_DEVICE_H

#include "base/base.h"

typedef struct OrfDevices OrfDevices;

typedef enum { ORF_DEVICE_CPU, ORF_DEVICE_CUDA } OrfDeviceKind;
typedef enum { ORF_TREND_STABLE, ORF_TREND_RISING, ORF_TREND_FALLING } OrfTrend;
const char *orf_trend_name(OrfTrend trend);

typedef struct {
    unsigned index; /* 0: the CPU */
    OrfDeviceKind kind;
    char name[96], id[64], driver[32]; /* id: UUID or "cpu" */
    unsigned cores; /* CPU: usable here (affinity and quota); CUDA: multiprocessors or 0 */
    uint64_t memory_total, memory_used, memory_free; /* bytes; of the limit that counts */
    uint64_t reserved;                               /* bytes promised to running jobs */
    double utilization;                              /* 0..1; < 0: not known */
    double temperature_c, power_w;                   /* NAN: not known */
    OrfTrend trend;                                  /* of memory in use */
    double slope; /* bytes a second, least squares over the history */
} OrfDeviceStats;

typedef struct {
    const char
        *nvml; /* library to load; NULL: "libnvidia-ml.so.1"; tests give a double of it */
    const char *root;   /* where /proc and /sys are; NULL: "/"; tests give a folder */
    uint64_t memory;    /* bytes the CPU's jobs may use together; 0: 3/4 of the limit */
    unsigned period_ms; /* 0: 1000 */
    unsigned history;   /* samples kept; 0: 300 */
} OrfDevicesOptions;

OrfDevices *orf_devices_new(const OrfDevicesOptions *options, GError **error);
void orf_devices_free(OrfDevices *devices);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(OrfDevices, orf_devices_free)
size_t orf_devices_count(OrfDevices *devices);
bool orf_devices_stats(OrfDevices *devices, size_t index, OrfDeviceStats *ret);
/* Takes one sample now, as the background thread does; tests drive time by it. `now_us` is monotonic. */
void orf_devices_sample(OrfDevices *devices, int64_t now_us);

/* JSON (caller owns): {"devices":[{..., "history":[{"t","used","utilization"}]}],"recommendations":[{"code",
 * "severity","text"}]}; `history`: with samples. */
char *orf_devices_json(OrfDevices *devices, bool history);

/* --- Budget: what a run needs is set aside before it starts ------------------------------------------------- */

/* Learns: `peak` bytes of a run that ended. */
void orf_devices_learn(OrfDevices *devices, const char *kind, uint64_t peak);
/* What the next run of this kind will need: the p90 of measured peaks with 20 % on top, or `fallback` when fewer than 3
 * are known. */
uint64_t orf_devices_expect(OrfDevices *devices, const char *kind, uint64_t fallback);
/* Sets `bytes` of the CPU's budget aside; a ticket > 0, or 0: not now. A wish larger than the whole budget is granted when
 * nothing else is reserved. */
uint64_t orf_devices_reserve(OrfDevices *devices, uint64_t bytes);
void orf_devices_release(OrfDevices *devices, uint64_t ticket);
/* How many jobs should run at one time now: falls to 1 as free memory goes under what one job needs or rises fast,
 * grows with the queue to the cores. */
unsigned orf_devices_concurrency(OrfDevices *devices, uint64_t queued, uint64_t typical);
/* How many jobs of one kind a batch should hold now: powers of two up to `most`. */
unsigned
orf_devices_batch(OrfDevices *devices, uint64_t queued, uint64_t typical, unsigned most);
/* {"total","reserved","free","tickets","kinds":[{"kind","runs","expect"}]}; caller owns. */
char *orf_devices_budget_json(OrfDevices *devices);

#endif
