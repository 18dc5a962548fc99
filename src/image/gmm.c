/* gmm.c - a few Gaussians that describe the colours of a region.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * k-means++ on an even sample gives the parts, each part becomes a Gaussian with full
 * covariance. Units are those of Lab; REGULAR keeps flat colours from becoming needles. */
#include "image/cutout-priv.h"

#include <math.h>

enum { SAMPLE = 4096, ROUNDS = 6 };
static const float REGULAR = 4; /* dE^2 added to the diagonal */

typedef struct {
    unsigned n;
    float lab[SAMPLE][3];
    float far[SAMPLE]; /* squared distance to the nearest centre */
    uint8_t part[SAMPLE];
} Sample;

static uint64_t
next_random(uint64_t *state) /* SplitMix64, Steele 2014 */
{
    uint64_t z = (*state += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static void
take_sample(const OrfCutoutWork *work, const uint8_t *mask, Sample *sample)
{
    size_t count = orf_mask_count(mask, work->n), step = count / SAMPLE + 1, seen = 0;
    for (size_t i = 0; i < work->n && sample->n < SAMPLE; i++) {
        if (!mask[i] || seen++ % step)
            continue;
        memcpy(sample->lab[sample->n], work->lab + 3 * i, sizeof sample->lab[0]);
        sample->n++;
    }
}

static float
distance(const float a[3], const float b[3])
{
    float x = a[0] - b[0], y = a[1] - b[1], z = a[2] - b[2];
    return x * x + y * y + z * z;
}

/* The next centre: a sample, likelier the farther it is from the centres there are. */
static unsigned
pick_far(Sample *sample, const float newest[3], bool first, uint64_t *state)
{
    double all = 0;
    for (unsigned i = 0; i < sample->n; i++) {
        float d = distance(sample->lab[i], newest);
        sample->far[i] = first ? d : MIN(d, sample->far[i]);
        all += sample->far[i];
    }
    double at = (double)(next_random(state) >> 11) * 0x1p-53 * all;
    for (unsigned i = 0; i < sample->n; i++)
        if ((at -= sample->far[i]) < 0)
            return i;
    return sample->n - 1;
}

static void
assign(Sample *sample, unsigned k, const float centre[][3])
{
    for (unsigned i = 0; i < sample->n; i++) {
        float best = INFINITY;
        for (unsigned c = 0; c < k; c++) {
            float d = distance(sample->lab[i], centre[c]);
            if (d >= best)
                continue;
            best = d;
            sample->part[i] = (uint8_t)c;
        }
    }
}

static void
move_centres(const Sample *sample, unsigned k, float centre[][3])
{
    double sum[ORF_GMM_MAX][4] = { 0 };
    for (unsigned i = 0; i < sample->n; i++) {
        double *to = sum[sample->part[i]];
        for (int c = 0; c < 3; c++)
            to[c] += sample->lab[i][c];
        to[3]++;
    }
    for (unsigned p = 0; p < k; p++)
        for (int c = 0; c < 3 && sum[p][3] > 0; c++)
            centre[p][c] = (float)(sum[p][c] / sum[p][3]);
}

static unsigned
cluster(Sample *sample, uint64_t seed, float centre[][3])
{
    uint64_t state = seed;
    unsigned k = MIN(ORF_GMM_MAX, sample->n),
             first = (unsigned)(next_random(&state) % sample->n);
    memcpy(centre[0], sample->lab[first], sizeof centre[0]);
    for (unsigned c = 1; c < k; c++)
        memcpy(centre[c], sample->lab[pick_far(sample, centre[c - 1], c == 1, &state)],
               sizeof centre[0]);
    for (int round = 0; round < ROUNDS; round++) {
        assign(sample, k, centre);
        move_centres(sample, k, centre);
    }
    return k;
}

/* Six sums of products about the mean, averaged: xx xy xz yy yz zz; returns how many. */
static unsigned
covariance(const Sample *sample, unsigned part, const float mean[3], double ret[6])
{
    unsigned n = 0;
    for (unsigned i = 0; i < sample->n; i++) {
        if (sample->part[i] != part)
            continue;
        double x = sample->lab[i][0] - mean[0], y = sample->lab[i][1] - mean[1];
        double z = sample->lab[i][2] - mean[2];
        double product[6] = { x * x, x * y, x * z, y * y, y * z, z * z };
        for (int j = 0; j < 6; j++)
            ret[j] += product[j];
        n++;
    }
    for (int j = 0; j < 6; j++)
        ret[j] = ret[j] / MAX(n, 1u) + (j == 0 || j == 3 || j == 5 ? REGULAR : 0);
    return n;
}

static double
invert(const double s[6], float ret[6])
{
    double a = s[3] * s[5] - s[4] * s[4], b = s[2] * s[4] - s[1] * s[5];
    double c = s[1] * s[4] - s[2] * s[3], det = s[0] * a + s[1] * b + s[2] * c;
    double adjoint[6] = {
        a, b, c, s[0] * s[5] - s[2] * s[2], s[1] * s[2] - s[0] * s[4], s[0] * s[3] - s[1] * s[1]
    };
    for (int j = 0; j < 6; j++)
        ret[j] = (float)(adjoint[j] / det);
    return det;
}

void
orf_gmm_fit(const OrfCutoutWork *work, const uint8_t *mask, uint64_t seed, OrfGmm *ret_gmm)
{
    Sample sample = { 0 };
    float centre[ORF_GMM_MAX][3];
    take_sample(work, mask, &sample);
    ret_gmm->n = 0;
    unsigned k = sample.n ? cluster(&sample, seed, centre) : 0;
    for (unsigned c = 0; c < k; c++) {
        double s[6] = { 0 };
        unsigned n = covariance(&sample, c, centre[c], s);
        if (n < MIN(4u, sample.n))
            continue;
        unsigned at = ret_gmm->n++;
        memcpy(ret_gmm->part[at].mean, centre[c], sizeof centre[c]);
        double det = invert(s, ret_gmm->part[at].inverse);
        ret_gmm->part[at].offset =
            (float)(log((double)n / sample.n) - 0.5 * log(det) - 1.5 * log(2 * G_PI));
    }
}

float
orf_gmm_log(const OrfGmm *gmm, const float lab[3])
{
    float best = -1e9f;
    for (unsigned k = 0; k < gmm->n; k++) {
        const float *m = gmm->part[k].mean, *s = gmm->part[k].inverse;
        float x = lab[0] - m[0], y = lab[1] - m[1], z = lab[2] - m[2];
        float square = x * (s[0] * x + 2 * (s[1] * y + s[2] * z)) +
                       y * (s[3] * y + 2 * s[4] * z) + s[5] * z * z;
        best = MAX(best, gmm->part[k].offset - 0.5f * square);
    }
    return best;
}
