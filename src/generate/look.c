/* look.c - what a picture is like, in numbers, before anything is made of it.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * One small copy is looked at: as a whole (grey? paper? detail?), and the subject in it (flat
 * colours? its outline, shape.c). What the numbers mean is for the generators' suits() to say.
 */
#include <math.h>
#include <string.h>

#include "generate/generate-priv.h"

#define SIDE 256
#define MIN_SIDE 8
#define MAX_COLORS 16
#define LEADERS 64

typedef struct {
    const uint8_t *rgb;
    const float *lab;
    long width, height, channels;
    size_t n;
} Frame;

/* --- The whole frame ---------------------------------------------------------------------- */

static void
measure_grey(const Frame *f, OrfLook *look)
{
    size_t colored = 0, middle = 0;
    for (size_t i = 0; i < f->n; i++) {
        const uint8_t *p = f->rgb + i * (size_t)f->channels;
        int high = MAX(p[0], MAX(p[1], p[2])), low = MIN(p[0], MIN(p[1], p[2]));
        colored += high - low > 10;
        middle += f->lab[3 * i] > 20 && f->lab[3 * i] < 85;
    }
    look->grey = (double)colored < 0.005 * (double)f->n;
    look->midtones = (double)middle / (double)f->n;
}

/* Energy of the difference from the mean of the eight neighbours / variance of lightness. */
static void
measure_texture(const Frame *f, OrfLook *look)
{
    double sum = 0, squares = 0, fine = 0, n = 0;
    for (long y = 1; y < f->height - 1; y++)
        for (long x = 1; x < f->width - 1; x++) {
            const float *p = f->lab + 3 * (y * f->width + x);
            float around = 0;
            for (long dy = -1; dy <= 1; dy++)
                for (long dx = -1; dx <= 1; dx++)
                    around += p[3 * (dy * f->width + dx)];
            double off = (double)(p[0] - around / 9), value = (double)p[0];
            sum += value;
            squares += value * value;
            fine += off * off;
            n++;
        }
    double variance = n > 0 ? squares - sum * sum / n : 0;
    look->texture = variance > 1 ? fine / variance : 0;
}

static int
compare_float(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

static float
median(float *values, size_t n)
{
    qsort(values, n, sizeof *values, compare_float);
    return n ? values[n / 2] : 0;
}

/* Index into the frame of the i-th pixel along its edge. */
static size_t
edge_pixel(const Frame *f, long i)
{
    long w = f->width, h = f->height;
    if (i < 2 * w)
        return (size_t)(i < w ? i : (h - 1) * w + i - w);
    i -= 2 * w;
    return (size_t)(i < h ? i * w : (i - h) * w + w - 1);
}

static bool
measure_border(OrfTask *task, const Frame *f, OrfLook *look, GError **error)
{
    long n = 2 * (f->width + f->height);
    orf_autofree float *values = ORF_ALLOC(task, float, (size_t)n, "look: border", error);
    if (!values)
        return false;
    float main[3];
    for (int k = 0; k < 3; k++) {
        for (long i = 0; i < n; i++)
            values[i] = f->lab[3 * edge_pixel(f, i) + (size_t)k];
        main[k] = median(values, (size_t)n);
    }
    long other = 0;
    for (long i = 0; i < n; i++) {
        const float *p = f->lab + 3 * edge_pixel(f, i);
        other += hypotf(hypotf(p[0] - main[0], p[1] - main[1]), p[2] - main[2]) > 10;
    }
    look->border = (double)other / (double)n;
    return true;
}

/* Light paper of little colour with dark strokes: their share. */
static bool
measure_ink(OrfTask *task, const Frame *f, OrfLook *look, GError **error)
{
    orf_autofree float *values = ORF_ALLOC(task, float, f->n, "look: ink", error);
    if (!values)
        return false;
    double chroma = 0;
    for (size_t i = 0; i < f->n; i++) {
        values[i] = f->lab[3 * i];
        chroma += (double)hypotf(f->lab[3 * i + 1], f->lab[3 * i + 2]);
    }
    float paper = median(values, f->n);
    size_t dark = 0, between = 0;
    for (size_t i = 0; i < f->n; i++) {
        dark += values[i] < paper - 25;
        between += values[i] >= paper - 25 && values[i] < paper - 8;
    }
    bool drawn = paper > 70 && chroma / (double)f->n < 12 && between < dark + f->n / 20;
    look->ink = drawn ? (double)dark / (double)f->n : 0;
    return true;
}

/* --- The subject's colours ---------------------------------------------------------------- */

typedef struct {
    uint8_t rgb[3];
    size_t count;
} Leader;

static int
compare_leader(const void *a, const void *b)
{
    size_t x = ((const Leader *)a)->count, y = ((const Leader *)b)->count;
    return (x < y) - (x > y);
}

static void
count_color(Leader *leaders, size_t *n, const uint8_t *p)
{
    for (size_t k = 0; k < *n; k++) {
        const uint8_t *c = leaders[k].rgb;
        if (abs(c[0] - p[0]) + abs(c[1] - p[1]) + abs(c[2] - p[2]) <= 14) {
            leaders[k].count++;
            return;
        }
    }
    if (*n < LEADERS) {
        memcpy(leaders[*n].rgb, p, 3);
        leaders[(*n)++].count = 1;
    }
}

/* No step of more than 4 codes to the right or down. */
static bool
is_flat(const Frame *f, long x, long y)
{
    const uint8_t *p = f->rgb + (y * f->width + x) * f->channels;
    for (long k = 0; k < 3; k++)
        if (abs(p[k] - p[f->channels + k]) > 4 || abs(p[k] - p[f->width * f->channels + k]) > 4)
            return false;
    return true;
}

static void
measure_colors(const Frame *f, const float *alpha, OrfLook *look)
{
    Leader leaders[LEADERS];
    size_t n = 0, flat = 0, total = 0;
    double chroma = 0, light = 0;
    for (long y = 0; y + 1 < f->height; y++)
        for (long x = 0; x + 1 < f->width; x++) {
            size_t i = (size_t)(y * f->width + x);
            if (alpha[i] < 0.98f)
                continue;
            total++;
            light += (double)f->lab[3 * i];
            chroma += (double)hypotf(f->lab[3 * i + 1], f->lab[3 * i + 2]);
            if (!is_flat(f, x, y))
                continue;
            flat++;
            count_color(leaders, &n, f->rgb + i * (size_t)f->channels);
        }
    qsort(leaders, n, sizeof *leaders, compare_leader);
    size_t sum = 0;
    for (look->colors = 0; look->colors < n && (double)sum < 0.9 * (double)flat; look->colors++)
        sum += leaders[look->colors].count;
    look->colors = MIN(look->colors, MAX_COLORS);
    look->flat = total ? (double)flat / (double)total : 0;
    look->chroma = total ? chroma / (double)total : 0;
    look->lightness = total ? light / (double)total : 0;
}

/* --- The subject's place ------------------------------------------------------------------ */

/* Share of the subject's outline that the frame cuts off. */
static void
measure_framed(const Frame *f, const float *alpha, OrfLook *look)
{
    size_t cut = 0, rim = 0;
    for (long y = 0; y < f->height; y++)
        for (long x = 0; x < f->width; x++) {
            if (!(alpha[y * f->width + x] > 0.5f))
                continue;
            bool at_frame = x == 0 || y == 0 || x == f->width - 1 || y == f->height - 1;
            bool at_rim = at_frame || !(alpha[y * f->width + x - 1] > 0.5f) ||
                          !(alpha[y * f->width + x + 1] > 0.5f) ||
                          !(alpha[(y - 1) * f->width + x] > 0.5f) ||
                          !(alpha[(y + 1) * f->width + x] > 0.5f);
            cut += at_frame;
            rim += at_rim;
        }
    look->framed = rim ? (double)cut / (double)rim : 0;
}

static bool
measure_subject(OrfTask *task, const OrfImage *picture, const Frame *f, const OrfRecipe *recipe,
                OrfLook *look, GError **error)
{
    g_autoptr(OrfImage) alpha =
        orf_subject_alpha(task, recipe, 0, picture, ORF_FAST_CUTOUT, &look->cutout, error);
    if (!alpha)
        return false;
    measure_colors(f, orf_image_f32(alpha), look);
    measure_framed(f, orf_image_f32(alpha), look);
    if (look->cutout.method == ORF_CUTOUT_NONE)
        return true;
    g_autoptr(OrfImage) rgba = orf_image_with_alpha(task, picture, alpha, error);
    if (!rgba || !orf_shape_init(task, rgba, alpha, &look->shape, error))
        return false;
    look->alpha = g_steal_pointer(&alpha);
    return true;
}

/* --- All of it ---------------------------------------------------------------------------- */

static void
count_views(const OrfRecipe *recipe, OrfLook *look)
{
    look->n_pictures = recipe->pictures->len;
    for (unsigned i = 0; i < look->n_pictures; i++)
        look->n_views += !isnan(orf_recipe_picture(recipe, i)->yaw);
    look->info = orf_recipe_picture(recipe, 0)->info;
}

static bool
check_size(const OrfRecipe *recipe, const OrfImage *picture, GError **error)
{
    unsigned width = orf_image_width(picture), height = orf_image_height(picture);
    if (MAX(width, height) >= MIN_SIDE && MIN(width, height) >= 2)
        return true;
    const OrfPicture *given = orf_recipe_picture(recipe, 0); /* `picture` may be smaller */
    bool narrow = MAX(given->info.width, given->info.height) >= MIN_SIDE;
    return ORF_FALSE(error, BAD_INPUT,
                     "%s: the picture is %u x %u pixels, too %s to make anything of; give "
                     "one of at least %d pixels%s",
                     given->name, given->info.width, given->info.height,
                     narrow ? "narrow" : "small", MIN_SIDE,
                     narrow ? " a side, or name the generator (-g extrude)" : "");
}

void
orf_look_clear(OrfLook *look)
{
    g_clear_pointer(&look->picture, orf_image_unref);
    g_clear_pointer(&look->alpha, orf_image_unref);
}

bool
orf_look_init(OrfTask *task, const OrfRecipe *recipe, OrfLook *ret_look, GError **error)
{
    g_auto(OrfLook) look = { 0 };
    count_views(recipe, &look);
    OrfImageLoad load = { .max_side = SIDE, .fast = true };
    g_autoptr(OrfImage) picture = orf_recipe_load(task, recipe, 0, &load, error);
    if (!picture || !check_size(recipe, picture, error))
        return false;
    g_autoptr(OrfImage) lab = orf_image_lab(task, picture, error);
    if (!lab)
        return false;
    Frame frame = { .rgb = orf_image_u8(picture),
                    .lab = orf_image_f32(lab),
                    .width = orf_image_width(picture),
                    .height = orf_image_height(picture),
                    .channels = orf_image_channels(picture) };
    frame.n = (size_t)(frame.width * frame.height);
    measure_grey(&frame, &look);
    measure_texture(&frame, &look);
    if (!measure_border(task, &frame, &look, error) ||
        !measure_ink(task, &frame, &look, error) ||
        !measure_subject(task, picture, &frame, recipe, &look, error))
        return false;
    look.picture = g_steal_pointer(&picture);
    *ret_look = look;
    memset(&look, 0, sizeof look);
    return true;
}
