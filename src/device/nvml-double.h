/* nvml-double.h - what the tests tell the double of NVML to say.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ORF_NVML_DOUBLE_H
#define ORF_NVML_DOUBLE_H

#define DOUBLE_DEVICES 2

typedef struct {
    int handle_code, memory_code;
    int other_code; /* of everything but handle and memory */
    const char *name, *uuid;
    unsigned long long total, used;
    unsigned percent, celsius, milliwatts, cores;
} NvmlDoubleDevice;

/* Exported by the library as `nvml_double`. Codes are what the calls yield; 0: they work. */
typedef struct {
    int init_code, count_code, driver_code;
    unsigned inits, shutdowns; /* calls so far */
    unsigned count;
    NvmlDoubleDevice devices[DOUBLE_DEVICES];
} NvmlDouble;

#endif
