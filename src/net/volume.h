/* volume.h - a field sampled where its surface is: from a coarse grid to a fine one.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ORF_NET_VOLUME_H
#define ORF_NET_VOLUME_H

#include "base/base.h"

enum { ORF_VOLUME_LEVELS = 8 };

/* Cells a side of each level, coarse first, for a wish of `cells`: halved while at least
 * `least` (0: 63) is left. `flash`: the coarsest is rounded to a multiple of four less one and
 * doubled from there. Returns how many. */
unsigned orf_volume_levels(unsigned cells, unsigned least, bool flash,
                           unsigned ret_levels[ORF_VOLUME_LEVELS]);

/* Values at points[n][3]. */
typedef bool (*OrfFieldFn)(const float *points, size_t n, float *ret_values, void *data,
                           GError **error);

typedef struct {
    unsigned levels[ORF_VOLUME_LEVELS], n_levels;
    double low, high; /* the box, the same on each axis */
    double band;      /* samples with |value| below it are refined too; 0: 0.95 */
    bool swap;        /* grids lie with x slowest (the reference's order); else x fastest */
    OrfFieldFn field;
    void *data;
    size_t chunk; /* points at a call; 0: 8192 */
} OrfVolume;

/* The finest grid, (cells + 1)^3 values, NAN where nobody looked (orf_free). Near the surface,
 * and around it, every sample is there. Errors: CANCELLED, TOO_LARGE, those of `field`. */
float *orf_volume_sample(OrfTask *task, const OrfVolume *volume, GError **error);
/* For tests: the grid after each level. */
typedef void (*OrfVolumeSeenFn)(unsigned level, const float *grid, size_t side, void *data);
float *orf_volume_sample_seen(OrfTask *task, const OrfVolume *volume, OrfVolumeSeenFn seen,
                              void *seen_data, GError **error);

#endif
