/* round.c - half depth over an outline: round where limbs are round, turned where rows are.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Two fields, both squared half widths so that they are smooth across the rim:
 *   body    the Poisson solution: half a ball over a disc, blends limbs into trunks;
 *   turned  (x - left)(right - x) of each row: exact for what was made on a lathe.
 * Square roots are taken after interpolating, never before: the height itself is vertical at
 * the rim. Outside the outline the body field goes on below zero, by the slope it has inside.
 */
#include <math.h>
#include <string.h>

#include "generate/generate-priv.h"

#define GHOST_THETA 0.25f

void
orf_round_clear(OrfRound *round)
{
    g_clear_pointer(&round->body, orf_free);
    g_clear_pointer(&round->turned, orf_free);
}

/* --- Body --------------------------------------------------------------------------------- */

/* What the line through the inside value `u` and the 0 at the cut of the arm says one pixel on.
 */
static float
ghost(float u, float inside, float outside)
{
    float theta = (inside - 0.5f) / MAX(inside - outside, 1e-6f);
    theta = CLAMP(theta, GHOST_THETA, 1);
    return -u * (1 - theta) / theta;
}

static float
ghost_at(const float *alpha, const float *u, long width, long height, long x, long y)
{
    static const int step[4][2] = { { 1, 0 }, { -1, 0 }, { 0, 1 }, { 0, -1 } };
    float sum = 0, n = 0;
    for (int k = 0; k < 4; k++) {
        long px = x + step[k][0], py = y + step[k][1];
        if (px < 0 || py < 0 || px >= width || py >= height)
            continue;
        if (!(alpha[py * width + px] > 0.5f))
            continue;
        sum += ghost(u[py * width + px], alpha[py * width + px], alpha[y * width + x]);
        n++;
    }
    return n > 0 ? sum / n : 0;
}

static bool
fill_body(OrfTask *task, const OrfImage *alpha, OrfRound *round, GError **error)
{
    g_autoptr(OrfImage) solved = orf_poisson_inflate(task, alpha, error);
    if (!solved)
        return false;
    long width = round->width, height = round->height;
    round->body = ORF_ALLOC(task, float, (size_t)(width * height), "inflate: body", error);
    if (!round->body)
        return false;
    const float *a = orf_image_f32(alpha), *u = orf_image_f32(solved);
    for (long y = 0; y < height; y++)
        for (long x = 0; x < width; x++) {
            long i = y * width + x;
            round->body[i] = a[i] > 0.5f ? u[i] : ghost_at(a, u, width, height, x, y);
        }
    return true;
}

/* --- Rows --------------------------------------------------------------------------------- */

/* Where alpha crosses 0.5 between the centres of pixels x - 1 and x. */
static float
crossing(const float *row, long width, long x)
{
    float a = x > 0 ? row[x - 1] : 0, b = x < width ? row[x] : 0;
    float share = fabsf(b - a) > 1e-6f ? (0.5f - a) / (b - a) : 0.5f;
    return (float)x - 0.5f + CLAMP(share, 0, 1);
}

static void
fill_row(const float *row, long width, float *out)
{
    for (long x = 0; x < width;) {
        if (!(row[x] > 0.5f)) {
            x++;
            continue;
        }
        long end = x;
        while (end < width && row[end] > 0.5f)
            end++;
        float left = crossing(row, width, x), right = crossing(row, width, end);
        for (; x < end; x++)
            out[x] = ((float)x + 0.5f - left) * (right - (float)x - 0.5f);
    }
}

/* Mean of the unbroken stretch of column x within `reach` rows: the outline's jitter would
 * otherwise run across the body in streaks. */
static float
column_mean(const float *field, long width, long height, long x, long y, long reach)
{
    float sum = field[y * width + x], n = 1;
    for (int side = -1; side <= 1; side += 2)
        for (long k = 1; k <= reach; k++) {
            long row = y + side * k;
            if (row < 0 || row >= height || !(field[row * width + x] > 0))
                break;
            sum += field[row * width + x];
            n++;
        }
    return sum / n;
}

static bool
fill_turned(OrfTask *task, const OrfImage *alpha, OrfRound *round, GError **error)
{
    long width = round->width, height = round->height;
    size_t n = (size_t)(width * height);
    orf_autofree float *raw = ORF_ALLOC(task, float, n, "inflate: rows", error);
    round->turned = raw ? ORF_ALLOC(task, float, n, "inflate: rows", error) : NULL;
    if (!round->turned)
        return false;
    for (long y = 0; y < height; y++)
        fill_row(orf_image_f32(alpha) + y * width, width, raw + y * width);
    long reach = MAX(1, MAX(width, height) / 100);
    for (long y = 0; y < height; y++)
        for (long x = 0; x < width; x++)
            if (raw[y * width + x] > 0)
                round->turned[y * width + x] = column_mean(raw, width, height, x, y, reach);
    return true;
}

/* --- Both --------------------------------------------------------------------------------- */

static float
half_width(const OrfRound *round, float body, float turned)
{
    float w = sqrtf(MAX(body, 0));
    return round->turned ? w + round->thickness.rows * (sqrtf(MAX(turned, 0)) - w) : w;
}

bool
orf_round_init(OrfTask *task, const OrfImage *alpha, const OrfThickness *thickness,
               OrfRound *ret_round, GError **error)
{
    g_auto(OrfRound) round = { .width = orf_image_width(alpha),
                               .height = orf_image_height(alpha),
                               .thickness = *thickness };
    if (!fill_body(task, alpha, &round, error))
        return false;
    if (thickness->rows > 0 && !fill_turned(task, alpha, &round, error))
        return false;
    for (size_t i = 0; i < (size_t)round.width * round.height; i++)
        round.top = MAX(round.top,
                        half_width(&round, round.body[i], round.turned ? round.turned[i] : 0));
    *ret_round = round;
    memset(&round, 0, sizeof round);
    return true;
}

static float
bilinear(const float *field, long width, long height, float x, float y)
{
    float fx = CLAMP(x - 0.5f, 0, (float)(width - 1)),
          fy = CLAMP(y - 0.5f, 0, (float)(height - 1));
    long ix = MIN((long)fx, MAX(width - 2, 0)), iy = MIN((long)fy, MAX(height - 2, 0));
    float tx = fx - (float)ix, ty = fy - (float)iy;
    const float *p = field + iy * width + ix;
    long right = width > 1 ? 1 : 0, down = height > 1 ? width : 0;
    float upper = p[0] + tx * (p[right] - p[0]);
    float lower = p[down] + tx * (p[down + right] - p[down]);
    return upper + ty * (lower - upper);
}

float
orf_round_height(const OrfRound *round, float x, float y)
{
    float body = bilinear(round->body, round->width, round->height, x, y);
    float turned =
        round->turned ? bilinear(round->turned, round->width, round->height, x, y) : 0;
    float w = half_width(round, body, turned);
    if (!(w > 0) || !(round->top > 0))
        return 0;
    return round->thickness.depth * round->top *
           powf(MIN(w / round->top, 1), round->thickness.power);
}
