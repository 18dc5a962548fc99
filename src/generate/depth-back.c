/* depth-back.c - the side that was not seen.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * A middle sheet is stretched through the rim of the body and the front is mirrored behind it.
 * Where a surface turns away from the eye, its rim lies in the middle of the body; where it
 * ends with a sharp edge, the rim says nothing. So each rim pixel counts by how steeply the
 * surface falls there, how deep it falls further in (the rim of a trunk beats the rounded edge
 * of a foot) and how upright the outline is (from tops and bottoms one sees the near edge). The
 * sheet minimises sum |grad e|^2 + w (e - rim)^2 + hold (e - mean)^2 A line of sight touches a
 * ball of radius r at r^2 / distance before its middle, which the mirror makes good. The back
 * is at least as thick as an inflated body, unless the relief is that of a plate. Bodies whose
 * rims are all sharp are boxes: they get a flat addition. */
#include "generate/depth-priv.h"

#include <math.h>
#include <stdlib.h>

#define CELLS 160 /* of the sheet, along the longer side */
#define HOLD 0.1f
#define UPRIGHT 0.9f     /* how much of a rim's weight depends on being upright */
#define LEAST_ROUND 0.7f /* least thickness behind the sheet, in half balls */
#define ROUND_WIDTH 0.7f /* radius of a round body at most, in half widths */
#define PLATE 0.25f      /* relief / half width below which a body is a plate ... */
#define BODY 0.42f       /* ... and from which it is none */
#define SHARP_ALL 0.3f   /* mean rim steepness of boxes ... */
#define SHARP_NONE 0.6f  /* ... and from which bodies are round */
#define BOX_DEPTH 0.7f   /* half widths added to boxes */
#define MAX_SLOPE 15     /* steeper is a step to something behind */

void
orf_depth_back_clear(OrfDepthBack *back)
{
    g_clear_pointer(&back->back, orf_free);
    g_clear_pointer(&back->touch, orf_free);
}

/* --- Rim ---------------------------------------------------------------------------------- */

typedef struct {
    uint32_t at;
    float steep;   /* 0..1 */
    float z;       /* of the rim itself, a little behind its outermost pixel */
    float drop;    /* how far it falls inwards */
    float upright; /* |x| of the outline's normal */
} Rim;

typedef struct {
    const OrfDepthMap *map;
    const OrfImage *soft; /* blurred distance: its gradient points inwards */
    GArray *rims;         /* of Rim */
    float reach;          /* px, how far inwards to look */
} Survey;

/* Distance at k px inwards from a pixel; NaN outside. */
static float
inwards(const Survey *survey, uint32_t at, const float normal[2], float k)
{
    const OrfDepthMap *map = survey->map;
    int x = (int)lroundf((float)(at % map->width) + normal[0] * k);
    int y = (int)lroundf((float)(at / map->width) + normal[1] * k);
    if (x < 0 || y < 0 || x >= (int)map->width || y >= (int)map->height)
        return NAN;
    size_t i = (size_t)y * map->width + (size_t)x;
    return orf_image_f32(map->distance)[i] > 0 ? map->z[i] : NAN;
}

static void
survey_pixel(Survey *survey, uint32_t at)
{
    const OrfDepthMap *map = survey->map;
    const float *soft = orf_image_f32(survey->soft);
    float gx = soft[at + 1] - soft[at - 1], gy = soft[at + map->width] - soft[at - map->width];
    float length = sqrtf(gx * gx + gy * gy) + 1e-9f;
    const float normal[2] = { gx / length, gy / length };
    float z = map->z[at], pixel = z / map->focal, third = inwards(survey, at, normal, 3);
    float slope = isnan(third) ? 0 : (z - third) / (3 * pixel);
    Rim rim = { .at = at, .upright = fabsf(normal[0]) };
    rim.steep = slope < MAX_SLOPE ? CLAMP((slope - 0.25f) / 0.65f, 0, 1) : 0;
    /* round rims fall like the root of the way; the pixel lies some 0.6 px inside */
    float root = isnan(third) ? 0 : MAX(z - third, 0) / (sqrtf(3.6f) - sqrtf(0.6f));
    rim.z = z + MIN(root * sqrtf(0.6f) * rim.steep, 4 * pixel);
    for (int k = 1; k <= 3; k++) {
        float drop = rim.z - inwards(survey, at, normal, MAX(3, survey->reach * (float)k / 3));
        if (drop < 3 * survey->reach * pixel)
            rim.drop = MAX(rim.drop, drop);
    }
    g_array_append_val(survey->rims, rim);
}

static bool
survey_rims(OrfTask *task, Survey *survey, GError **error)
{
    const OrfDepthMap *map = survey->map;
    g_autoptr(OrfImage) soft = orf_image_blur(task, map->distance, 1.5, error);
    if (!soft)
        return false;
    survey->soft = soft;
    const float *distance = orf_image_f32(map->distance);
    for (unsigned y = 1; y + 1 < map->height; y++)
        for (unsigned x = 1; x + 1 < map->width; x++) {
            uint32_t at = y * map->width + x;
            if (distance[at] > 0 && distance[at] <= 1)
                survey_pixel(survey, at);
        }
    survey->soft = NULL;
    return true;
}

static int
compare(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

/* The value below which `share` of them lie; sorts them. */
static float
percentile(float *values, size_t n, float share)
{
    if (n == 0)
        return 0;
    qsort(values, n, sizeof *values, compare);
    return values[(size_t)(share * (float)(n - 1))];
}

static float
typical_drop(const GArray *rims)
{
    g_autofree float *drops = g_new(float, MAX(rims->len, 1));
    for (guint i = 0; i < rims->len; i++)
        drops[i] = g_array_index(rims, Rim, i).drop;
    return percentile(drops, rims->len, 0.9f) + 1e-9f;
}

/* --- The sheet ---------------------------------------------------------------------------- */

typedef struct {
    unsigned width, height;
    float step; /* px of the map per cell */
    float *e, *weight, *target;
    uint8_t *inside;
} Sheet;

static void
sheet_clear(Sheet *sheet)
{
    orf_free(sheet->e);
    orf_free(sheet->inside);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Sheet, sheet_clear)

static size_t
cell_of(const Sheet *sheet, const OrfDepthMap *map, size_t pixel)
{
    unsigned x = (unsigned)((float)(pixel % map->width) / sheet->step) + 1;
    unsigned y = (unsigned)((float)(pixel / map->width) / sheet->step) + 1;
    return (size_t)y * sheet->width + x;
}

/* One cell of border all round. */
static bool
sheet_init(OrfTask *task, const OrfDepthMap *map, Sheet *sheet, GError **error)
{
    sheet->step = MAX(1, (float)MAX(map->width, map->height) / CELLS);
    sheet->width = (unsigned)((float)map->width / sheet->step) + 3;
    sheet->height = (unsigned)((float)map->height / sheet->step) + 3;
    size_t n = (size_t)sheet->width * sheet->height;
    sheet->e = ORF_ALLOC(task, float, 3 * n, "middle sheet", error);
    sheet->inside = ORF_ALLOC(task, uint8_t, n, "middle sheet", error);
    if (!sheet->e || !sheet->inside)
        return false;
    sheet->weight = sheet->e + n;
    sheet->target = sheet->weight + n;
    const float *distance = orf_image_f32(map->distance);
    for (size_t i = 0; i < (size_t)map->width * map->height; i++)
        if (distance[i] > -1.5f)
            sheet->inside[cell_of(sheet, map, i)] = 1;
    return true;
}

/* Gauss-Seidel with over-relaxation. `target` holds weighted sums. */
static void
sheet_solve(Sheet *sheet, float mean, float hold)
{
    size_t n = (size_t)sheet->width * sheet->height;
    for (size_t i = 0; i < n; i++)
        sheet->e[i] = mean;
    for (unsigned round = 0; round < 240; round++)
        for (size_t i = sheet->width; i < n - sheet->width; i++) {
            if (!sheet->inside[i])
                continue;
            const size_t near[4] = { i - 1, i + 1, i - sheet->width, i + sheet->width };
            float sum = sheet->target[i] + hold * mean, all = sheet->weight[i] + hold;
            for (unsigned k = 0; k < 4; k++)
                if (sheet->inside[near[k]]) {
                    sum += sheet->e[near[k]];
                    all++;
                }
            sheet->e[i] += 1.8f * (sum / all - sheet->e[i]);
        }
}

static float
sheet_at(const Sheet *sheet, size_t x, size_t y)
{
    float cx = ((float)x + 0.5f) / sheet->step + 0.5f,
          cy = ((float)y + 0.5f) / sheet->step + 0.5f;
    unsigned ix = (unsigned)cx, iy = (unsigned)cy;
    float tx = cx - (float)ix, ty = cy - (float)iy, sum = 0, all = 0;
    for (unsigned k = 0; k < 4; k++) {
        size_t i = (size_t)(iy + k / 2) * sheet->width + ix + k % 2;
        float w = (k % 2 ? tx : 1 - tx) * (k / 2 ? ty : 1 - ty) + 1e-6f;
        if (sheet->inside[i]) {
            sum += w * sheet->e[i];
            all += w;
        }
    }
    return all > 0 ? sum / all : sheet->e[(size_t)iy * sheet->width + ix];
}

/* --- Middle, touch, steepness ------------------------------------------------------------- */

static float
far_front(const OrfDepthMap *map, float share)
{
    size_t n = 0, all = (size_t)map->width * map->height;
    g_autofree float *z = g_new(float, all);
    for (size_t i = 0; i < all; i++)
        if (orf_image_f32(map->distance)[i] > 0)
            z[n++] = map->z[i];
    return percentile(z, n, share);
}

static float
rim_weight(const Rim *rim, float typical)
{
    return rim->steep * rim->steep * MIN(rim->drop / typical, 1) *
           (1 - UPRIGHT + UPRIGHT * rim->upright * rim->upright);
}

/* Solves the middle sheet, writes it into `out`. */
static bool
middle_sheet(OrfTask *task, const Survey *survey, float *out, GError **error)
{
    const OrfDepthMap *map = survey->map;
    g_auto(Sheet) sheet = { 0 };
    if (!sheet_init(task, map, &sheet, error))
        return false;
    float typical = typical_drop(survey->rims);
    double sum = 0, all = 0;
    for (guint i = 0; i < survey->rims->len; i++) {
        const Rim *rim = &g_array_index(survey->rims, Rim, i);
        float w = rim_weight(rim, typical);
        size_t cell = cell_of(&sheet, map, rim->at);
        sheet.weight[cell] += w;
        sheet.target[cell] += w * rim->z;
        sum += (double)(w * rim->z);
        all += (double)w;
    }
    sheet_solve(&sheet, all > 1e-3 ? (float)(sum / all) : far_front(map, 0.95f), HOLD);
    for (unsigned y = 0; y < map->height; y++)
        for (unsigned x = 0; x < map->width; x++)
            out[(size_t)y * map->width + x] = sheet_at(&sheet, x, y);
    return true;
}

/* The depth of the rim itself, spread inwards: there the lines of sight touch. */
static bool
touch_sheet(OrfTask *task, const Survey *survey, float *out, GError **error)
{
    const OrfDepthMap *map = survey->map;
    g_auto(Sheet) sheet = { 0 };
    if (!sheet_init(task, map, &sheet, error))
        return false;
    double sum = 0;
    for (guint i = 0; i < survey->rims->len; i++) {
        const Rim *rim = &g_array_index(survey->rims, Rim, i);
        size_t cell = cell_of(&sheet, map, rim->at);
        sheet.weight[cell] += 1;
        sheet.target[cell] += rim->z;
        sum += (double)rim->z;
    }
    float mean = survey->rims->len ? (float)(sum / survey->rims->len) : far_front(map, 0.5f);
    sheet_solve(&sheet, mean, 1e-4f);
    for (unsigned y = 0; y < map->height; y++)
        for (unsigned x = 0; x < map->width; x++)
            out[(size_t)y * map->width + x] = sheet_at(&sheet, x, y);
    return true;
}

static float
mean_steepness(const GArray *rims)
{
    float sum = 0;
    for (guint i = 0; i < rims->len; i++)
        sum += g_array_index(rims, Rim, i).steep;
    return rims->len ? sum / (float)rims->len : 0;
}

/* --- The back ----------------------------------------------------------------------------- */

/* 90th percentile of (sheet - front) and of the half widths, as their ratio. */
static float
relief_ratio(const OrfDepthMap *map, const float *middle, const float *half)
{
    size_t n = 0, all = (size_t)map->width * map->height;
    g_autofree float *relief = g_new(float, all), *width = g_new(float, all);
    for (size_t i = 0; i < all; i++)
        if (half[i] > 0) {
            relief[n] = MAX(middle[i] - map->z[i], 0);
            width[n++] = half[i];
        }
    return percentile(relief, n, 0.9f) / MAX(percentile(width, n, 0.9f), 1e-9f);
}

static void
mirror_front(const OrfDepthMap *map, const OrfDepthBackOptions *options, const Survey *survey,
             const float *half, float widest, OrfDepthBack *back)
{
    float ratio = relief_ratio(map, back->back, half);
    float body = CLAMP((ratio - PLATE) / (BODY - PLATE), 0, 1);
    float steep = mean_steepness(survey->rims);
    float box = CLAMP((SHARP_NONE - steep) / (SHARP_NONE - SHARP_ALL), 0, 1);
    float depth = options->depth > 0 ? options->depth : 1;
    for (size_t i = 0; i < (size_t)map->width * map->height; i++) {
        float middle = MAX(back->back[i], map->z[i]);
        float relief = middle - map->z[i];
        float radius = MIN(relief, ROUND_WIDTH * half[i]);
        float round = relief + 2 * radius * radius / middle;
        float behind =
            MAX(round, body * LEAST_ROUND * half[i]) + box * BOX_DEPTH * (half[i] + widest) / 2;
        back->back[i] = middle + depth * behind + options->wall;
    }
    g_snprintf(back->why, sizeof back->why,
               "%s back (rims %.0f %% round, relief %.2f of the width)",
               box > 0.5f    ? "box-like"
               : body < 0.5f ? "plate-like"
                             : "mirrored",
               (double)(100 * steep), (double)ratio);
}

/* Half widths of the inflated outline, in the unit of z; returns the widest. */
static float
half_widths(const OrfDepthMap *map, const OrfImage *inflated, float *out)
{
    const float *u = orf_image_f32(inflated);
    float pixel = far_front(map, 0.5f) / map->focal, widest = 0;
    for (size_t i = 0; i < (size_t)map->width * map->height; i++) {
        out[i] = sqrtf(MAX(u[i], 0)) * pixel;
        widest = MAX(widest, out[i]);
    }
    return widest;
}

static void
flat_back(const OrfDepthMap *map, float wall, OrfDepthBack *back)
{
    float far = far_front(map, 1);
    for (size_t i = 0; i < (size_t)map->width * map->height; i++)
        back->back[i] = far + wall;
    g_strlcpy(back->why, "one flat back", sizeof back->why);
}

bool
orf_depth_back_init(OrfTask *task, const OrfDepthMap *map, const OrfDepthBackOptions *options,
                    OrfDepthBack *ret_back, GError **error)
{
    size_t n = (size_t)map->width * map->height;
    g_auto(OrfDepthBack) back = { .back = ORF_ALLOC(task, float, n, "back", error) };
    back.touch = back.back ? ORF_ALLOC(task, float, n, "back", error) : NULL;
    orf_autofree float *half = ORF_ALLOC(task, float, n, "half widths", error);
    g_autoptr(OrfImage) inflated =
        back.touch && half ? orf_poisson_inflate(task, map->alpha, error) : NULL;
    if (!inflated)
        return false;
    float widest = half_widths(map, inflated, half);
    g_autoptr(GArray) rims = g_array_new(false, false, sizeof(Rim));
    Survey survey = { .map = map, .rims = rims };
    survey.reach = 0.35f * widest * map->focal / far_front(map, 0.5f);
    if (!survey_rims(task, &survey, error) || !touch_sheet(task, &survey, back.touch, error))
        return false;
    if (options->plate)
        flat_back(map, options->wall, &back);
    else if (!middle_sheet(task, &survey, back.back, error))
        return false;
    else
        mirror_front(map, options, &survey, half, widest, &back);
    *ret_back = back;
    back = (OrfDepthBack){ 0 };
    return orf_task_check(task, error);
}
