/* guided.c - guided filter: a mask that follows the colours of a picture.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * In every window alpha is taken to be linear in colour; the models of all windows that see a
 * pixel are averaged (He, Sun, Tang 2010). Only the model is made, at working size; the caller
 * evaluates it at full size where needed (the fast variant, 2015). Thirteen means by running
 * sums. */
#include "image/cutout-priv.h"

/* What is averaged over windows: colour, mask, mask times colour, products of colours. */
enum { MEAN = 0, MASK = 3, CROSS = 4, SQUARE = 7, PLANES = 13 };

/* Sums over 2 r + 1 rows of n floats, by what enters and what leaves; ends are cut off. `row`
 * is scratch of n, `to` gets means. */
static void
box_down(const float *from, float *to, float *restrict row, size_t n, size_t rows,
         unsigned radius)
{
    size_t begin = 0, end = 0;
    memset(row, 0, n * sizeof *row);
    for (size_t y = 0; y < rows; y++) {
        for (; end < MIN(rows, y + radius + 1); end++)
            for (size_t i = 0; i < n; i++)
                row[i] += from[end * n + i];
        for (; begin + radius < y; begin++)
            for (size_t i = 0; i < n; i++)
                row[i] -= from[begin * n + i];
        float scale = 1 / (float)(end - begin);
        for (size_t i = 0; i < n; i++)
            to[y * n + i] = row[i] * scale;
    }
}

/* Means over windows of `planes` interleaved values, in place; `half` is scratch. A row is a
 * column of pixels to the same routine. */
static void
box(float *picture, float *half, float *row, size_t w, size_t h, unsigned radius,
    unsigned planes)
{
    for (size_t y = 0; y < h; y++)
        box_down(picture + y * w * planes, half + y * w * planes, row, planes, w, radius);
    box_down(half, picture, row, w * planes, h, radius);
}

static void
products(const OrfCutoutWork *work, const float *mask, float *ret)
{
    for (size_t i = 0; i < work->n; i++) {
        float g[3], *to = ret + PLANES * i;
        for (int c = 0; c < 3; c++)
            g[c] = work->lab[3 * i + (size_t)c] / 100;
        to[MASK] = mask[i];
        for (int c = 0, k = SQUARE; c < 3; c++) {
            to[MEAN + c] = g[c];
            to[CROSS + c] = mask[i] * g[c];
            for (int d = c; d < 3; d++)
                to[k++] = g[c] * g[d];
        }
    }
}

/* Solves (covariance + epsilon) a = cross covariance by Cramer's rule; b follows. */
static void
solve(const float *mean, float epsilon, float ret[4])
{
    const float *m = mean + MEAN, *s = mean + SQUARE;
    float xx = s[0] - m[0] * m[0] + epsilon, xy = s[1] - m[0] * m[1], xz = s[2] - m[0] * m[2];
    float yy = s[3] - m[1] * m[1] + epsilon, yz = s[4] - m[1] * m[2];
    float zz = s[5] - m[2] * m[2] + epsilon, cov[3];
    for (int c = 0; c < 3; c++)
        cov[c] = mean[CROSS + c] - mean[MASK] * m[c];
    float a = yy * zz - yz * yz, b = xz * yz - xy * zz, c = xy * yz - xz * yy;
    float d = xx * zz - xz * xz, e = xy * xz - xx * yz, f = xx * yy - xy * xy;
    float det = xx * a + xy * b + xz * c;
    ret[0] = (a * cov[0] + b * cov[1] + c * cov[2]) / det;
    ret[1] = (b * cov[0] + d * cov[1] + e * cov[2]) / det;
    ret[2] = (c * cov[0] + e * cov[1] + f * cov[2]) / det;
    ret[3] = mean[MASK] - ret[0] * m[0] - ret[1] * m[1] - ret[2] * m[2];
}

bool
orf_guided_model(OrfTask *task, const OrfCutoutWork *work, const float *mask, unsigned radius,
                 float epsilon, float *ret_model, GError **error)
{
    orf_autofree float *mean = ORF_ALLOC(task, float, (work->n * PLANES), "edges", error);
    orf_autofree float *half =
        mean ? ORF_ALLOC(task, float, (work->n * PLANES), "edges", error) : NULL;
    orf_autofree float *row =
        half ? ORF_ALLOC(task, float, ((size_t)work->width * PLANES), "edges", error) : NULL;
    if (!row)
        return false;
    products(work, mask, mean);
    box(mean, half, row, work->width, work->height, radius, PLANES);
    for (size_t i = 0; i < work->n; i++)
        solve(mean + PLANES * i, epsilon, ret_model + 4 * i);
    box(ret_model, half, row, work->width, work->height, radius, 4);
    return orf_task_check(task, error);
}
