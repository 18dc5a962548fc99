/* device.h - devices and their memory: inventory, statistics, trend, recommendations,
 * reservations.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * CUDA devices come from NVML, which is loaded at run time when the machine has it; the CPU is
 * always there, with the memory limit that counts (cgroup v1 or v2, or the machine's). A
 * background thread samples once a second. Thread-safe. No call but orf_devices_new,
 * orf_devices_sample and orf_devices_free waits for a driver. */
#ifndef ORF_DEVICE_H
#define ORF_DEVICE_H

#include "base/base.h"

typedef struct OrfDevices OrfDevices;

typedef enum { ORF_DEVICE_CPU, ORF_DEVICE_CUDA } OrfDeviceKind;
typedef enum { ORF_TREND_STABLE, ORF_TREND_RISING, ORF_TREND_FALLING } OrfTrend;
const char *orf_device_kind_name(OrfDeviceKind kind); /* "cpu", "cuda" */
const char *orf_trend_name(OrfTrend trend);           /* "stable", "rising", "falling" */

typedef struct {
    unsigned index; /* 0: the CPU */
    OrfDeviceKind kind;
    char name[96], id[96], driver[80]; /* id: UUID or "cpu"; driver: "" for the CPU */
    unsigned cores; /* CPU: usable here (affinity and quota); CUDA: its cores, 0: not known */
    uint64_t memory_total, memory_used, memory_free; /* bytes; of the limit that counts */
    uint64_t reserved;                               /* bytes promised to running jobs */
    double utilization;                              /* 0..1; < 0: not known */
    double temperature_c, power_w;                   /* NAN: not known */
    OrfTrend trend; /* of memory in use: over 3 % of the total a minute, until under 1.5 % */
    double slope;   /* bytes a second, least squares over the last 60 samples */
    bool lost;      /* the driver answers no more; the numbers are the last ones */
} OrfDeviceStats;

typedef struct {
    const char
        *nvml; /* library to load; NULL: "libnvidia-ml.so.1"; tests give a double of it */
    const char *root;   /* where /proc and /sys are; NULL: "/"; tests give a folder */
    uint64_t memory;    /* bytes the CPU's jobs may use together; 0: 3/4 of the limit */
    unsigned period_ms; /* 0: 1000; UINT_MAX: no thread, only orf_devices_sample */
    unsigned history;   /* samples kept; 0: 300 */
} OrfDevicesOptions;

/* `options` NULL: all defaults. A driver that is absent or fails leaves the CPU alone; it is no
 * error. */
OrfDevices *orf_devices_new(const OrfDevicesOptions *options, GError **error);
void orf_devices_free(OrfDevices *devices);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(OrfDevices, orf_devices_free)
size_t orf_devices_count(OrfDevices *devices);
bool orf_devices_stats(OrfDevices *devices, size_t index, OrfDeviceStats *ret);
/* Why there are no CUDA devices ("libnvidia-ml.so.1: cannot open ..."); "" when NVML works.
 * Borrowed. */
const char *orf_devices_nvml_error(OrfDevices *devices);
/* Takes one sample now, as the background thread does; tests drive time by it. `now_us` is
 * monotonic. */
void orf_devices_sample(OrfDevices *devices, int64_t now_us);

/* JSON (caller owns):
 * {"devices":[{"index","kind","name","id","driver","cores","memory_total","memory_used",
 * "memory_free","reserved","utilization","temperature_c","power_w","trend","slope","lost",
 * "history":[{"t","used","utilization"}]}],"recommendations":[{"code","severity":"info|warning|critical","device",
 * "text"}]}; units as above, null: not known; `history`: with samples, t in seconds before the
 * last one (0, -1, ...), oldest first. */
char *orf_devices_json(OrfDevices *devices, bool history);
/* The objects of one kind, into an array. */
void orf_devices_add_kind(OrfDevices *devices, OrfDeviceKind kind, OrfJson *json);
/* The recommendations alone, into an array, each with "source":"devices". */
void orf_devices_add_advice(OrfDevices *devices, OrfJson *json);

/* --- Budget: what a run needs is set aside before it starts ------------------------------- */

/* Learns: `peak` bytes of a run that ended. The last 64 of a kind count, of at most 256 kinds.
 */
void orf_devices_learn(OrfDevices *devices, const char *kind, uint64_t peak);
/* What the next run of this kind will need: the p90 of measured peaks with 20 % on top, or
 * `fallback` when fewer than 3 are known. */
uint64_t orf_devices_expect(OrfDevices *devices, const char *kind, uint64_t fallback);
/* Sets `bytes` of the CPU's budget aside; a ticket > 0, or 0: not now. A wish larger than the
 * whole budget is granted when nothing else is reserved. */
uint64_t orf_devices_reserve(OrfDevices *devices, uint64_t bytes);
void orf_devices_release(OrfDevices *devices, uint64_t ticket); /* unknown tickets: nothing */
/* How many jobs should run at one time now, those that hold tickets counted in, when `queued`
 * wait and one needs `typical` bytes: grows with the queue to the cores and to what memory
 * holds; 1 when less memory is free than one job needs, or it will be full within a minute. */
unsigned orf_devices_concurrency(OrfDevices *devices, uint64_t queued, uint64_t typical);
/* How many jobs of one kind a batch should hold now: powers of two up to `most`. */
unsigned
orf_devices_batch(OrfDevices *devices, uint64_t queued, uint64_t typical, unsigned most);
/* {"total","reserved","free","tickets","kinds":[{"kind","runs","expect"}]}; kinds by name;
 * caller owns. */
char *orf_devices_budget_json(OrfDevices *devices);

#endif
