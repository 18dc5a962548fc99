/* histogram.c - counts by value with a bounded relative error, as in HdrHistogram (Tene).
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Values below 128 have a bucket each. Above, a value is its exponent and its seven bits after
 * the leading one. */
#include "load.h"

#define BITS 7
#define ROW (1u << BITS)

static size_t
bucket_of(uint64_t value)
{
    if (value < ROW)
        return (size_t)value;
    unsigned shift = 63u - (unsigned)__builtin_clzll(value) - BITS;
    size_t bucket = (size_t)(shift + 1) * ROW + (size_t)((value >> shift) - ROW);
    return MIN(bucket, LOAD_BUCKETS - 1);
}

/* The greatest value of a bucket. */
static uint64_t
top_of(size_t bucket)
{
    if (bucket < ROW)
        return bucket;
    unsigned shift = (unsigned)(bucket / ROW) - 1;
    return ((ROW + bucket % ROW + 1) << shift) - 1;
}

void
load_histogram_add(LoadHistogram *histogram, uint64_t value)
{
    histogram->min = histogram->n ? MIN(histogram->min, value) : value;
    histogram->max = MAX(histogram->max, value);
    histogram->n++;
    histogram->sum += value;
    histogram->counts[bucket_of(value)]++;
}

void
load_histogram_merge(LoadHistogram *histogram, const LoadHistogram *more)
{
    if (!more->n)
        return;
    histogram->min = histogram->n ? MIN(histogram->min, more->min) : more->min;
    histogram->max = MAX(histogram->max, more->max);
    histogram->n += more->n;
    histogram->sum += more->sum;
    for (size_t i = 0; i < LOAD_BUCKETS; i++)
        histogram->counts[i] += more->counts[i];
}

uint64_t
load_histogram_at(const LoadHistogram *histogram, double quantile)
{
    if (!histogram->n)
        return 0;
    double exact = quantile * (double)histogram->n;
    uint64_t wanted = (uint64_t)exact + ((double)(uint64_t)exact < exact);
    wanted = CLAMP(wanted, 1, histogram->n);
    uint64_t seen = 0;
    for (size_t i = 0; i < LOAD_BUCKETS; i++) {
        seen += histogram->counts[i];
        if (seen >= wanted)
            return MIN(top_of(i), histogram->max);
    }
    return histogram->max;
}
