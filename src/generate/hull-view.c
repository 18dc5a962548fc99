/* hull-view.c - what the hull needs to know of one cut-out.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "generate/hull-priv.h"

#include <math.h>
#include <string.h>

#define EVEN 20 /* thousandths of the longer side over which half widths are evened out */

void
orf_hull_view_clear(OrfHullView *view)
{
    g_clear_pointer(&view->distance, orf_image_unref);
    g_clear_pointer(&view->runs, orf_free);
}

void
orf_hull_clear(OrfHull *hull)
{
    for (unsigned i = 0; i < hull->n_views; i++)
        orf_hull_view_clear(&hull->views[i]);
    hull->n_views = 0;
}

void
orf_hull_aim(OrfHullView *view, double yaw, const float center[2], float focal)
{
    double turn = yaw * G_PI / 180;
    view->yaw = yaw;
    view->right[0] = (float)cos(turn);
    view->right[1] = (float)-sin(turn);
    view->toward[0] = (float)sin(turn);
    view->toward[1] = (float)cos(turn);
    view->center[0] = center[0];
    view->center[1] = center[1];
    view->focal = focal;
}

/* --- Thin parts --------------------------------------------------------------------------- */

/* No neighbour lies deeper: the pixel is on the ridge of the distance. */
static bool
on_ridge(const float *distance, unsigned width, size_t at)
{
    const ptrdiff_t step[4] = { 1, width, (ptrdiff_t)width + 1, (ptrdiff_t)width - 1 };
    for (unsigned i = 0; i < 4; i++)
        if (distance[(ptrdiff_t)at - step[i]] <= distance[at] &&
            distance[(ptrdiff_t)at + step[i]] <= distance[at])
            return true;
    return false;
}

static void
stamp(float *distance, unsigned width, unsigned height, unsigned x, unsigned y, float radius)
{
    int reach = (int)radius + 2;
    for (int dy = MAX(-reach, -(int)y); dy <= MIN(reach, (int)(height - 1 - y)); dy++)
        for (int dx = MAX(-reach, -(int)x); dx <= MIN(reach, (int)(width - 1 - x)); dx++) {
            float *to = distance + (size_t)((int)y + dy) * width + (size_t)((int)x + dx);
            *to = MAX(*to, radius - sqrtf((float)(dx * dx + dy * dy)));
        }
}

/* Signed distance to the part of the inside that is `depth` px or deeper; positive within. */
static OrfImage *
distance_to_deep(OrfTask *task, const OrfImage *distance, float depth, GError **error)
{
    unsigned width = orf_image_width(distance), height = orf_image_height(distance);
    size_t n = (size_t)width * height;
    const float *from = orf_image_f32(distance);
    float *deep = ORF_ALLOC(task, float, n, "thin parts", error);
    if (!deep)
        return NULL;
    for (size_t i = 0; i < n; i++)
        deep[i] = from[i] >= depth;
    g_autoptr(OrfImage) mask = orf_image_new_take(width, height, 1, ORF_F32, deep);
    return orf_image_distance(task, mask, error);
}

/* Balls of radius wall / 2 along the middle of everything thinner. The tips of corners are thin
 * as well, but near to something thick: they stay. */
static void
thicken(const float *distance, const float *deep, unsigned width, unsigned height, float wall,
        float *out)
{
    for (unsigned y = 1; y + 1 < height; y++)
        for (unsigned x = 1; x + 1 < width; x++) {
            size_t at = (size_t)y * width + x;
            if (distance[at] > 0 && distance[at] < wall / 2 && deep[at] < -wall &&
                on_ridge(distance, width, at))
                stamp(out, width, height, x, y, wall / 2);
        }
}

static OrfImage *
thick_distance(OrfTask *task, const OrfImage *alpha, float wall, GError **error)
{
    g_autoptr(OrfImage) thin = orf_image_distance(task, alpha, error);
    if (!thin || wall < 1)
        return g_steal_pointer(&thin);
    g_autoptr(OrfImage) deep = distance_to_deep(task, thin, wall / 2, error);
    if (!deep)
        return NULL;
    unsigned width = orf_image_width(thin), height = orf_image_height(thin);
    size_t n = (size_t)width * height;
    float *pixels = ORF_ALLOC(task, float, n, "outline", error);
    if (!pixels)
        return NULL;
    memcpy(pixels, orf_image_f32(thin), n * sizeof *pixels);
    thicken(orf_image_f32(thin), orf_image_f32(deep), width, height, wall, pixels);
    return orf_image_new_take(width, height, 1, ORF_F32, pixels);
}

/* --- Runs --------------------------------------------------------------------------------- */

/* Zero crossing between two neighbouring samples, in pixels from the centre of the first. */
static float
cross(float a, float b)
{
    float t = a / (a - b);
    return isfinite(t) ? CLAMP(t, 0, 1) : 0.5f;
}

/* A line of pixels: `step` from one to the next in the distance, 4 * step in the runs. */
typedef struct {
    const float *distance;
    float *run; /* [][4]: writes elements 0 and 1 */
    unsigned n;
    size_t step;
} Line;

static void
put_run(const Line *line, unsigned from, unsigned to, float middle, float half)
{
    for (unsigned i = from; i < to; i++) {
        line->run[4 * line->step * i] = middle;
        line->run[4 * line->step * i + 1] = half;
    }
}

/* Each pixel gets the run that covers it or is nearest in its line. False: the line is empty.
 */
static bool
fill_line(const Line *line)
{
    const float *d = line->distance;
    size_t step = line->step;
    unsigned written = 0;
    float end = 0, middle = 0, half = 0;
    bool any = false;
    for (unsigned i = 0; i < line->n; i++) {
        if (d[i * step] <= 0)
            continue;
        float begin = (float)i + 0.5f - (i > 0 ? cross(d[i * step], d[(i - 1) * step]) : 0.5f);
        unsigned border = any ? (unsigned)CLAMP((end + begin) / 2, 0, (float)line->n) : 0;
        if (any)
            put_run(line, written, border, middle, half);
        written = border;
        while (i + 1 < line->n && d[(i + 1) * step] > 0)
            i++;
        end =
            (float)i + 0.5f + (i + 1 < line->n ? cross(d[i * step], d[(i + 1) * step]) : 0.5f);
        middle = (begin + end) / 2;
        half = (end - begin) / 2;
        any = true;
    }
    put_run(line, written, line->n, middle, half);
    return any;
}

/* Copies the row run of row `from` into row `to`. */
static void
repeat_row(OrfHullView *view, int from, int to)
{
    const float *source = view->runs + 4 * (size_t)from * view->width;
    float *target = view->runs + 4 * (size_t)to * view->width;
    for (unsigned x = 0; x < view->width; x++) {
        target[4 * x] = source[4 * x];
        target[4 * x + 1] = source[4 * x + 1];
    }
}

/* Empty rows repeat the nearest one that is not. */
static void
fill_empty_rows(OrfHullView *view, const bool *any)
{
    int last = -1, height = (int)view->height;
    for (int y = 0; y < height; y++) {
        if (!any[y])
            continue;
        for (int k = last + 1; k < y; k++)
            repeat_row(view, last >= 0 && k - last < y - k ? last : y, k);
        last = y;
    }
    for (int k = last + 1; last >= 0 && k < height; k++)
        repeat_row(view, last, k);
}

/* Element 2 of the runs: half widths averaged over `reach` rows up and down, so that what is
 * read from them does not jump where a run does. */
static void
even_out(OrfHullView *view, unsigned reach)
{
    size_t line = 4 * (size_t)view->width;
    for (unsigned x = 0; x < view->width; x++) {
        float *column = view->runs + 4 * (size_t)x, sum = 0;
        unsigned low = 0, high = 0;
        for (unsigned y = 0; y < view->height; y++) {
            for (; high < MIN(y + reach + 1, view->height); high++)
                sum += column[high * line + 1];
            for (; low + reach < y; low++)
                sum -= column[low * line + 1];
            column[y * line + 2] = sum / (float)(high - low);
        }
    }
}

static void
fill_runs(OrfHullView *view, bool *any)
{
    const float *distance = view->signed_px;
    size_t width = view->width;
    for (unsigned y = 0; y < view->height; y++)
        any[y] = fill_line(
            &(Line){ distance + y * width, view->runs + 4 * y * width, view->width, 1 });
    for (unsigned x = 0; x < view->width; x++)
        fill_line(&(Line){ distance + x, view->runs + 4 * (size_t)x + 2, view->height, width });
    fill_empty_rows(view, any);
    even_out(view, MAX(1, MAX(view->width, view->height) * EVEN / 1000));
}

bool
orf_hull_view_init(OrfTask *task, const OrfImage *alpha, float wall, OrfHullView *ret_view,
                   GError **error)
{
    OrfHullView view = { .width = orf_image_width(alpha), .height = orf_image_height(alpha) };
    view.distance = thick_distance(task, alpha, wall, error);
    if (!view.distance)
        return false;
    view.signed_px = orf_image_f32(view.distance);
    view.runs = ORF_ALLOC(task, float, 4 * (size_t)view.width * view.height,
                          "runs of an outline", error);
    orf_autofree bool *any = ORF_ALLOC(task, bool, view.height, "rows", error);
    if (!view.runs || !any) {
        orf_hull_view_clear(&view);
        return false;
    }
    fill_runs(&view, any);
    *ret_view = view;
    return true;
}
