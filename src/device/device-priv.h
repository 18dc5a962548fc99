/* device-priv.h - what the files of this room share.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ORF_DEVICE_PRIV_H
#define ORF_DEVICE_PRIV_H

#include "device/device.h"

#define TREND_SAMPLES 60
#define FULL_SOON_S 60

/* --- NVML: nvml.c. One thread at a time --------------------------------------------------- */

typedef struct Nvml Nvml;
/* NULL: not to be had; `ret_why` says why. */
Nvml *nvml_new(const char *library, char **ret_why);
void nvml_free(Nvml *nvml);
unsigned nvml_count(const Nvml *nvml);
/* Name, id, driver, cores. False: the device does not answer; what is known of it is filled in.
 */
bool nvml_describe(const Nvml *nvml, unsigned at, OrfDeviceStats *ret);
/* Memory, utilisation, temperature, power. False: the device does not answer; nothing is
 * changed. */
bool nvml_read(const Nvml *nvml, unsigned at, OrfDeviceStats *ret);

/* --- Trend: trend.c ----------------------------------------------------------------------- */

typedef struct {
    int64_t t_us;
    uint64_t used, swap_used;
    double utilization; /* < 0: not known */
} Sample;

/* A ring; sample 0 is the oldest. */
typedef struct {
    Sample *samples;
    size_t n, room, next;
} History;

const Sample *history_at(const History *history, size_t i);
void history_add(History *history, Sample sample);
/* Bytes a second over the last TREND_SAMPLES; 0 when there are fewer than 5. */
double history_slope(const History *history);
/* Mean of the last `n` known utilisations; < 0: none is known. */
double history_utilization(const History *history, size_t n);
OrfTrend trend_next(OrfTrend now, double slope, uint64_t total);

/* --- The devices -------------------------------------------------------------------------- */

typedef struct {
    OrfDeviceStats stats;
    History history;
    uint64_t swap_total, swap_used; /* of the CPU */
    double busy_s;                  /* at the last sample */
    int64_t read_us;                /* of the last sample; < 0: none */
} Device;

typedef struct {
    uint64_t total; /* bytes */
    bool follows;   /* 3/4 of the limit, whatever that is now */
    uint64_t reserved, next_ticket;
    GHashTable *tickets; /* uint64_t * to uint64_t *: bytes */
    GHashTable *kinds;   /* name to Kind */
    uint64_t queued;     /* as last told */
} Budget;

struct OrfDevices {
    char *root, *nvml_error;
    Nvml *nvml;
    GMutex sampling; /* held over a whole sample, drivers included */
    GMutex lock;     /* everything below; never held while a driver is asked */
    Device *devices;
    size_t n;
    Budget budget;
    GThread *thread; /* NULL: none */
    GCond wake;
    bool ending;
    unsigned period_ms;
};

void budget_init(Budget *budget, uint64_t total);
void budget_clear(Budget *budget);
void budget_follow(Budget *budget, uint64_t limit); /* the limit may have changed */

/* Seconds until memory is full; < 0: it does not rise. */
double seconds_to_full(const OrfDeviceStats *stats);

/* Appends {"code",...},... for one device: advice.c. `source`: a member; NULL: none. */
void add_recommendations(OrfJson *json, const OrfDevices *devices, const Device *device,
                         const char *source);

#endif
