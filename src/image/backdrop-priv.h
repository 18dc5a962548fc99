/* backdrop-priv.h - small tools of the background model: surfaces fitted to Lab, medians, blur.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ORF_BACKDROP_PRIV_H
#define ORF_BACKDROP_PRIV_H

#include "image/cutout-priv.h"

/* A quadric in picture coordinates -0.5..0.5: 1, x, y, xx, xy, yy. */
typedef struct {
    float term[6][3];
} OrfBackdropSurface;

void orf_surface_at(const OrfBackdropSurface *surface, const OrfCutoutWork *work, unsigned x,
                    unsigned y, float ret_lab[3]);

/* Least squares with weights; `terms` is 3 (plane) or 6. */
typedef struct {
    int terms;
    size_t n;
    double normal[6][6], right[6][3];
} OrfBackdropFit;

void orf_fit_add(OrfBackdropFit *fit, const OrfCutoutWork *work, unsigned x, unsigned y,
                 double weight);
/* Leaves `surface` alone when the pixels do not determine it. */
void orf_fit_solve(const OrfBackdropFit *fit, OrfBackdropSurface *surface);

/* Median of numbers 0..64 to 1/16. */
enum { ORF_HISTOGRAM = 1024 };
typedef struct {
    uint32_t n, bin[ORF_HISTOGRAM];
} OrfHistogram;

static inline void
orf_histogram_add(OrfHistogram *histogram, float value)
{
    float at = value * 16;
    histogram->bin[at < ORF_HISTOGRAM - 1 ? (unsigned)at : ORF_HISTOGRAM - 1]++;
    histogram->n++;
}

float orf_histogram_median(const OrfHistogram *histogram);

/* Blurs a [h][w][3] picture by 1 4 6 4 1 both ways, in place; `half` is scratch of that size.
 */
void orf_binomial(float *picture, float *half, size_t width, size_t height);

#endif
