/* nvml.c - NVIDIA's management library, loaded at run time.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * The functions are declared here from NVIDIA's public documentation (NVML API Reference); all
 * return 0 when they did what was asked. A missing function, a failing one, or a device that
 * fell off the bus leaves a gap in the numbers and nothing else. */
#include "device/device-priv.h"

#include <dlfcn.h>
#include <math.h>
#include <string.h>

#define MAX_DEVICES 64
#define TEMPERATURE_GPU 0

typedef void *NvmlDevice;
typedef struct {
    unsigned long long total, free, used;
} NvmlMemory;
typedef struct {
    unsigned gpu, memory; /* percent */
} NvmlUtilization;

typedef struct {
    int (*init)(void);
    int (*shutdown)(void);
    int (*driver)(char *version, unsigned size);
    int (*count)(unsigned *count);
    int (*handle)(unsigned index, NvmlDevice *device);
    int (*name)(NvmlDevice device, char *name, unsigned size);
    int (*uuid)(NvmlDevice device, char *uuid, unsigned size);
    int (*memory)(NvmlDevice device, NvmlMemory *memory);
    int (*utilization)(NvmlDevice device, NvmlUtilization *utilization);
    int (*temperature)(NvmlDevice device, int sensor, unsigned *celsius);
    int (*power)(NvmlDevice device, unsigned *milliwatts);
    int (*cores)(NvmlDevice device, unsigned *cores);
} NvmlCalls;

static const struct {
    const char *name;
    size_t offset;
    bool needed;
} symbols[] = {
    { "nvmlInit_v2", offsetof(NvmlCalls, init), true },
    { "nvmlShutdown", offsetof(NvmlCalls, shutdown), true },
    { "nvmlDeviceGetCount_v2", offsetof(NvmlCalls, count), true },
    { "nvmlDeviceGetHandleByIndex_v2", offsetof(NvmlCalls, handle), true },
    { "nvmlDeviceGetMemoryInfo", offsetof(NvmlCalls, memory), true },
    { "nvmlSystemGetDriverVersion", offsetof(NvmlCalls, driver), false },
    { "nvmlDeviceGetName", offsetof(NvmlCalls, name), false },
    { "nvmlDeviceGetUUID", offsetof(NvmlCalls, uuid), false },
    { "nvmlDeviceGetUtilizationRates", offsetof(NvmlCalls, utilization), false },
    { "nvmlDeviceGetTemperature", offsetof(NvmlCalls, temperature), false },
    { "nvmlDeviceGetPowerUsage", offsetof(NvmlCalls, power), false },
    { "nvmlDeviceGetNumGpuCores", offsetof(NvmlCalls, cores), false },
};

struct Nvml {
    void *library;
    NvmlCalls calls;
    unsigned count;
};

/* --- Loading ------------------------------------------------------------------------------ */

static bool
find_symbols(Nvml *nvml, char **ret_why)
{
    for (size_t i = 0; i < G_N_ELEMENTS(symbols); i++) {
        void *found = dlsym(nvml->library, symbols[i].name);
        if (!found && symbols[i].needed) {
            *ret_why =
                g_strdup_printf("NVML has no %s; the driver is too old", symbols[i].name);
            return false;
        }
        memcpy((char *)&nvml->calls + symbols[i].offset, &found, sizeof found);
    }
    return true;
}

static bool
begin(Nvml *nvml, char **ret_why)
{
    int code = nvml->calls.init();
    if (code) {
        *ret_why = g_strdup_printf("nvmlInit_v2 gives error %d", code);
        return false;
    }
    code = nvml->calls.count(&nvml->count);
    if (code) {
        *ret_why = g_strdup_printf("nvmlDeviceGetCount_v2 gives error %d", code);
        nvml->calls.shutdown();
        return false;
    }
    nvml->count = MIN(nvml->count, MAX_DEVICES);
    return true;
}

Nvml *
nvml_new(const char *library, char **ret_why)
{
    void *loaded = dlopen(library, RTLD_NOW | RTLD_LOCAL);
    if (!loaded) {
        *ret_why = g_strdup(dlerror());
        return NULL;
    }
    Nvml *nvml = g_new0(Nvml, 1);
    nvml->library = loaded;
    if (find_symbols(nvml, ret_why) && begin(nvml, ret_why))
        return nvml;
    dlclose(loaded);
    g_free(nvml);
    return NULL;
}

void
nvml_free(Nvml *nvml)
{
    if (!nvml)
        return;
    nvml->calls.shutdown();
    dlclose(nvml->library);
    g_free(nvml);
}

unsigned
nvml_count(const Nvml *nvml)
{
    return nvml ? nvml->count : 0;
}

/* --- Devices ------------------------------------------------------------------------------ */

/* The handle is asked for every time: after a reset the old one is no good. */
static bool
handle_of(const Nvml *nvml, unsigned at, NvmlDevice *ret)
{
    return nvml->calls.handle(at, ret) == 0;
}

/* `call` fills text as NVML does; what fails leaves `fallback`. */
#define TEXT(call, device, field, fallback)                                                    \
    do {                                                                                       \
        if (!(call) || (call)((device), (field), sizeof(field)) != 0)                          \
            g_strlcpy((field), (fallback), sizeof(field));                                     \
        (field)[sizeof(field) - 1] = 0;                                                        \
    } while (0)

bool
nvml_describe(const Nvml *nvml, unsigned at, OrfDeviceStats *ret)
{
    const NvmlCalls *calls = &nvml->calls;
    NvmlDevice device;
    g_strlcpy(ret->name, "CUDA device", sizeof ret->name);
    g_snprintf(ret->id, sizeof ret->id, "cuda:%u", at);
    if (!calls->driver || calls->driver(ret->driver, sizeof ret->driver) != 0)
        ret->driver[0] = 0;
    if (!handle_of(nvml, at, &device))
        return false;
    g_autofree char *id = g_strdup(ret->id);
    TEXT(calls->name, device, ret->name, "CUDA device");
    TEXT(calls->uuid, device, ret->id, id);
    if (!calls->cores || calls->cores(device, &ret->cores) != 0)
        ret->cores = 0;
    return true;
}

bool
nvml_read(const Nvml *nvml, unsigned at, OrfDeviceStats *ret)
{
    const NvmlCalls *calls = &nvml->calls;
    NvmlDevice device;
    NvmlMemory memory = { 0 };
    NvmlUtilization utilization;
    unsigned number;
    if (!handle_of(nvml, at, &device) || calls->memory(device, &memory) != 0)
        return false;
    ret->memory_total = memory.total;
    ret->memory_used = memory.used;
    ret->memory_free = memory.free;
    bool known = calls->utilization && calls->utilization(device, &utilization) == 0;
    ret->utilization = known ? MIN(utilization.gpu, 100) / 100.0 : -1;
    known = calls->temperature && calls->temperature(device, TEMPERATURE_GPU, &number) == 0;
    ret->temperature_c = known ? number : (double)NAN;
    known = calls->power && calls->power(device, &number) == 0;
    ret->power_w = known ? number / 1000.0 : (double)NAN;
    return true;
}
