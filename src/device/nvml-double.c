/* nvml-double.c - stands in for libnvidia-ml.so.1 in tests: the same calls, answers from a
 * table.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "device/nvml-double.h"

#include <glib.h>

#define EXPORT __attribute__((visibility("default")))
#define INVALID_ARGUMENT 2
#define INSUFFICIENT_SIZE 7

EXPORT NvmlDouble nvml_double = {
    .count = 1,
    .devices = { { .name = "Double of a device",
                   .uuid = "GPU-0",
                   .total = 8ull << 30,
                   .used = 1ull << 30,
                   .percent = 5,
                   .celsius = 40,
                   .milliwatts = 30000 } },
};

typedef struct {
    unsigned long long total, free, used;
} Memory;
typedef struct {
    unsigned gpu, memory;
} Utilization;

EXPORT int nvmlInit_v2(void);
EXPORT int nvmlShutdown(void);
EXPORT int nvmlSystemGetDriverVersion(char *version, unsigned size);
EXPORT int nvmlDeviceGetCount_v2(unsigned *count);
EXPORT int nvmlDeviceGetHandleByIndex_v2(unsigned index, NvmlDoubleDevice **device);
EXPORT int nvmlDeviceGetName(const NvmlDoubleDevice *device, char *name, unsigned size);
EXPORT int nvmlDeviceGetUUID(const NvmlDoubleDevice *device, char *uuid, unsigned size);
EXPORT int nvmlDeviceGetMemoryInfo(const NvmlDoubleDevice *device, Memory *memory);
EXPORT int nvmlDeviceGetUtilizationRates(const NvmlDoubleDevice *device, Utilization *rates);
EXPORT int
nvmlDeviceGetTemperature(const NvmlDoubleDevice *device, int sensor, unsigned *celsius);
EXPORT int nvmlDeviceGetPowerUsage(const NvmlDoubleDevice *device, unsigned *milliwatts);
EXPORT int nvmlDeviceGetNumGpuCores(const NvmlDoubleDevice *device, unsigned *cores);

int
nvmlInit_v2(void)
{
    nvml_double.inits++;
    return nvml_double.init_code;
}

int
nvmlShutdown(void)
{
    nvml_double.shutdowns++;
    return 0;
}

static int
copy(char *to, const char *text, unsigned size)
{
    return g_strlcpy(to, text, size) < size ? 0 : INSUFFICIENT_SIZE;
}

int
nvmlSystemGetDriverVersion(char *version, unsigned size)
{
    return nvml_double.driver_code ? nvml_double.driver_code : copy(version, "535.1", size);
}

int
nvmlDeviceGetCount_v2(unsigned *count)
{
    *count = nvml_double.count;
    return nvml_double.count_code;
}

int
nvmlDeviceGetHandleByIndex_v2(unsigned index, NvmlDoubleDevice **device)
{
    if (index >= DOUBLE_DEVICES)
        return INVALID_ARGUMENT;
    *device = &nvml_double.devices[index];
    return (*device)->handle_code;
}

int
nvmlDeviceGetName(const NvmlDoubleDevice *device, char *name, unsigned size)
{
    return device->other_code ? device->other_code : copy(name, device->name, size);
}

int
nvmlDeviceGetUUID(const NvmlDoubleDevice *device, char *uuid, unsigned size)
{
    return device->other_code ? device->other_code : copy(uuid, device->uuid, size);
}

int
nvmlDeviceGetMemoryInfo(const NvmlDoubleDevice *device, Memory *memory)
{
    *memory = (Memory){ device->total, device->total - device->used, device->used };
    return device->memory_code;
}

int
nvmlDeviceGetUtilizationRates(const NvmlDoubleDevice *device, Utilization *rates)
{
    *rates = (Utilization){ device->percent, 1 };
    return device->other_code;
}

int
nvmlDeviceGetTemperature(const NvmlDoubleDevice *device, int sensor, unsigned *celsius)
{
    *celsius = device->celsius;
    return sensor ? INVALID_ARGUMENT : device->other_code;
}

int
nvmlDeviceGetPowerUsage(const NvmlDoubleDevice *device, unsigned *milliwatts)
{
    *milliwatts = device->milliwatts;
    return device->other_code;
}

int
nvmlDeviceGetNumGpuCores(const NvmlDoubleDevice *device, unsigned *cores)
{
    *cores = device->cores;
    return device->other_code;
}
