/* backdrop-fit.c - surfaces fitted to colours, medians, a small blur.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "image/backdrop-priv.h"

#include <math.h>

static inline void
terms_at(const OrfCutoutWork *work, unsigned x, unsigned y, double ret[6])
{
    double u = (double)x / work->width - 0.5, v = (double)y / work->height - 0.5;
    ret[0] = 1;
    ret[1] = u;
    ret[2] = v;
    ret[3] = u * u;
    ret[4] = u * v;
    ret[5] = v * v;
}

void
orf_surface_at(const OrfBackdropSurface *surface, const OrfCutoutWork *work, unsigned x,
               unsigned y, float ret_lab[3])
{
    float u = (float)x / (float)work->width - 0.5f, v = (float)y / (float)work->height - 0.5f;
    const float(*t)[3] = surface->term;
    for (int c = 0; c < 3; c++)
        ret_lab[c] =
            t[0][c] + u * (t[1][c] + u * t[3][c] + v * t[4][c]) + v * (t[2][c] + v * t[5][c]);
}

void
orf_fit_add(OrfBackdropFit *fit, const OrfCutoutWork *work, unsigned x, unsigned y,
            double weight)
{
    double t[6];
    terms_at(work, x, y, t);
    const float *lab = work->lab + 3 * ((size_t)y * work->width + x);
    for (int i = 0; i < fit->terms; i++) {
        for (int j = 0; j <= i; j++)
            fit->normal[i][j] += weight * t[i] * t[j];
        for (int c = 0; c < 3; c++)
            fit->right[i][c] += weight * t[i] * lab[c];
    }
    fit->n++;
}

/* In place: the lower triangle becomes L of L L^T. False when the matrix is singular. */
static bool
cholesky(double a[6][6], int n)
{
    for (int i = 0; i < n; i++) {
        for (int j = 0; j <= i; j++) {
            double sum = a[i][j];
            for (int k = 0; k < j; k++)
                sum -= a[i][k] * a[j][k];
            if (i == j && sum <= 1e-9 * a[i][i])
                return false;
            a[i][j] = i == j ? sqrt(sum) : sum / a[j][j];
        }
    }
    return true;
}

static void
substitute(const double l[6][6], int n, double x[6])
{
    for (int i = 0; i < n; i++) {
        for (int k = 0; k < i; k++)
            x[i] -= l[i][k] * x[k];
        x[i] /= l[i][i];
    }
    for (int i = n - 1; i >= 0; i--) {
        for (int k = i + 1; k < n; k++)
            x[i] -= l[k][i] * x[k];
        x[i] /= l[i][i];
    }
}

void
orf_fit_solve(const OrfBackdropFit *fit, OrfBackdropSurface *surface)
{
    double l[6][6];
    memcpy(l, fit->normal, sizeof l);
    if (fit->n < (size_t)fit->terms || !cholesky(l, fit->terms))
        return;
    *surface = (OrfBackdropSurface){ 0 };
    for (int c = 0; c < 3; c++) {
        double x[6] = { 0 };
        for (int k = 0; k < fit->terms; k++)
            x[k] = fit->right[k][c];
        substitute(l, fit->terms, x);
        for (int k = 0; k < fit->terms; k++)
            surface->term[k][c] = (float)x[k];
    }
}

float
orf_histogram_median(const OrfHistogram *histogram)
{
    uint64_t seen = 0;
    for (int i = 0; i < ORF_HISTOGRAM && histogram->n; i++)
        if ((seen += histogram->bin[i]) * 2 >= histogram->n)
            return ((float)i + 0.5f) / 16;
    return 0;
}

/* `to` is the sum of five rows of n floats with weights 1 4 6 4 1. */
static void
binomial_row(const float *const from[5], float *restrict to, size_t n)
{
    for (size_t i = 0; i < n; i++)
        to[i] = (from[0][i] + from[4][i] + 4 * (from[1][i] + from[3][i]) + 6 * from[2][i]) / 16;
}

/* The same along a row of n pixels; ends are repeated. */
static void
binomial_along(const float *from, float *to, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (i == 2 && n > 4) {
            const float *const at[5] = { from, from + 3, from + 6, from + 9, from + 12 };
            binomial_row(at, to + 6, 3 * (n - 4));
            i = n - 2;
        }
        size_t a = i > 1 ? i - 2 : 0, b = i ? i - 1 : 0, d = MIN(i + 1, n - 1),
               e = MIN(i + 2, n - 1);
        const float *const at[5] = { from + 3 * a, from + 3 * b, from + 3 * i, from + 3 * d,
                                     from + 3 * e };
        binomial_row(at, to + 3 * i, 3);
    }
}

void
orf_binomial(float *picture, float *half, size_t width, size_t height)
{
    size_t row = 3 * width, last = height - 1;
    for (size_t y = 0; y < height; y++)
        binomial_along(picture + y * row, half + y * row, width);
    for (size_t y = 0; y < height; y++) {
        const float *const at[5] = { half + (y > 1 ? y - 2 : 0) * row,
                                     half + (y ? y - 1 : 0) * row, half + y * row,
                                     half + MIN(y + 1, last) * row,
                                     half + MIN(y + 2, last) * row };
        binomial_row(at, picture + y * row, row);
    }
}
