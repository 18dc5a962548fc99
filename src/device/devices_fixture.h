/* devices_fixture.h - a machine made of files, with as much memory and work as a test says.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ORF_DEVICE_DEVICES_FIXTURE_H
#define ORF_DEVICE_DEVICES_FIXTURE_H

#include "device/device.h"

#include <jansson.h>

#define MB 1000000ull
#define SECOND INT64_C(1000000)
#define NO_NVML "/nowhere/libnvidia-ml.so.1"

typedef struct {
    char *root; /* a folder of its own */
    OrfDevices *devices;
    int64_t now_us;
} Fixture;

/* A group limited to `total` bytes and 4 cores, nothing in use; no thread. `nvml` NULL: none.
 */
void fixture_init(Fixture *fixture, uint64_t total, uint64_t budget, const char *nvml);
void fixture_clear(Fixture *fixture);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Fixture, fixture_clear)

void
fixture_write(Fixture *fixture, const char *name, const char *format, ...) G_GNUC_PRINTF(3, 4);
void fixture_use(Fixture *fixture, uint64_t bytes);    /* of the group's memory, from now on */
void fixture_sample(Fixture *fixture, unsigned times); /* once a second */
/* `from` to `to` bytes in use, a step a second. */
void fixture_ramp(Fixture *fixture, uint64_t from, uint64_t to, unsigned seconds);
OrfDeviceStats fixture_stats(const Fixture *fixture, size_t device);
json_t *fixture_json(const Fixture *fixture, bool history); /* caller unrefs */
/* The recommendation with this code, or NULL; borrowed from `json`. */
json_t *fixture_advice(json_t *json, const char *code);

#endif
