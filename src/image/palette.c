/* palette.c - a picture in a few flat colours.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 *     flat pixels -> 4096 bins -> k-means++ in Lab, k by the elbow -> labels -> antialias
 *
 * Only flat pixels (little change to their neighbours) vote for colours, so the mixed colours
 * of smooth edges never become colours of their own. Afterwards a pixel between two flat
 * regions whose colour is a mixture of theirs goes to the nearer of the two, although a third
 * colour of the palette may resemble the mixture: the grey between black and white is neither
 * grey nor a line. */
#include "image-priv.h"

#include <math.h>

#define BINS 4096
#define MOST_COLORS 16
#define MOST_BY_ELBOW 8
#define FLAT 6.f   /* dE to the neighbours */
#define MERGE 6.f  /* dE below which two colours are one */
#define GOOD 4.0   /* mean squared dE that is good enough */
#define MIXED 24.f /* distance from the line between two colours, sRGB codes */
#define ROUNDS 24
#define STARTS 3

typedef struct {
    double lab[3], rgb[3]; /* sums, then means */
    double count;
} Bin;

typedef struct {
    double lab[3], rgb[3], count;
} Color;

typedef struct {
    OrfTask *task;
    const OrfImage *image; /* RGB or RGBA, ORF_U8 */
    OrfImage *lab;
    OrfImage *labels;
    uint8_t *flat; /* [n] */
    Bin *bins;     /* compacted */
    size_t n_bins;
    double total; /* votes */
    Color colors[MOST_COLORS];
    unsigned n_colors;
    uint64_t random;
} Palette;

static void
palette_clear(Palette *palette)
{
    orf_image_unref(palette->lab);
    orf_image_unref(palette->labels);
    orf_free(palette->flat);
    orf_free(palette->bins);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Palette, palette_clear)

/* splitmix64, 0..1 */
static double
random_double(Palette *palette)
{
    uint64_t z = (palette->random += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return (double)((z ^ (z >> 31)) >> 11) * 0x1p-53;
}

static const uint8_t *
pixel_at(const Palette *palette, size_t at)
{
    return (const uint8_t *)palette->image->pixels + at * palette->image->channels;
}

static bool
is_seen(const Palette *palette, size_t at)
{
    return palette->image->channels < 4 || pixel_at(palette, at)[3] >= 128;
}

static double
apart2(const double a[3], const double b[3])
{
    double sum = 0;
    for (int c = 0; c < 3; c++)
        sum += (a[c] - b[c]) * (a[c] - b[c]);
    return sum;
}

/* --- Flat pixels vote --------------------------------------------------------------------- */

static bool
resembles(const Palette *palette, size_t a, size_t b)
{
    const float *p = (const float *)palette->lab->pixels + 3 * a;
    const float *q = (const float *)palette->lab->pixels + 3 * b;
    float x = p[0] - q[0], y = p[1] - q[1], z = p[2] - q[2];
    return is_seen(palette, b) && x * x + y * y + z * z < FLAT * FLAT;
}

static bool
is_flat(const Palette *palette, unsigned x, unsigned y)
{
    unsigned width = palette->image->width, height = palette->image->height;
    size_t at = (size_t)y * width + x;
    return is_seen(palette, at) && (x == 0 || resembles(palette, at, at - 1)) &&
           (x + 1 == width || resembles(palette, at, at + 1)) &&
           (y == 0 || resembles(palette, at, at - width)) &&
           (y + 1 == height || resembles(palette, at, at + width));
}

static void
vote(Palette *palette, size_t at)
{
    const uint8_t *rgb = pixel_at(palette, at);
    Bin *bin = &palette->bins[(rgb[0] >> 4) << 8 | (rgb[1] >> 4) << 4 | rgb[2] >> 4];
    for (int c = 0; c < 3; c++) {
        bin->lab[c] += orf_image_f32(palette->lab)[3 * at + (size_t)c];
        bin->rgb[c] += rgb[c];
    }
    bin->count++;
    palette->total++;
}

static void
compact_bins(Palette *palette)
{
    for (size_t i = 0; i < BINS; i++) {
        Bin bin = palette->bins[i];
        for (int c = 0; c < 3 && bin.count > 0; c++) {
            bin.lab[c] /= bin.count;
            bin.rgb[c] /= bin.count;
        }
        if (bin.count > 0)
            palette->bins[palette->n_bins++] = bin;
    }
}

/* Pictures without flat places (photographs, noise) let every visible pixel vote. */
static bool
collect(Palette *palette, GError **error)
{
    size_t width = palette->image->width, n = width * palette->image->height;
    size_t flat = 0, seen = 0;
    for (size_t at = 0; at < n; at++) {
        if (at % (width * 64) == 0 && !orf_task_check(palette->task, error))
            return false;
        palette->flat[at] = is_flat(palette, (unsigned)(at % width), (unsigned)(at / width));
        flat += palette->flat[at];
        seen += is_seen(palette, at);
    }
    if (!seen)
        return ORF_FALSE(error, BAD_INPUT,
                         "palette: the picture is fully transparent; nothing to colour");
    for (size_t at = 0; at < n; at++)
        if (flat * 20 >= seen ? palette->flat[at] : is_seen(palette, at))
            vote(palette, at);
    compact_bins(palette);
    return true;
}

/* --- k-means ------------------------------------------------------------------------------ */

static unsigned
nearest_color(const Color *colors, unsigned n, const double lab[3], double *ret_distance2)
{
    unsigned best = 0;
    double least = INFINITY;
    for (unsigned k = 0; k < n; k++) {
        double distance2 = apart2(colors[k].lab, lab);
        if (distance2 < least) {
            least = distance2;
            best = k;
        }
    }
    *ret_distance2 = least;
    return best;
}

/* One more centre, drawn with the chance of its squared distance to those there are. */
static void
draw_center(Palette *palette, Color *colors, unsigned n)
{
    double total = 0, distance2;
    for (size_t i = 0; i < palette->n_bins; i++) {
        nearest_color(colors, n, palette->bins[i].lab, &distance2);
        total += palette->bins[i].count * (n ? distance2 : 1);
    }
    double left = random_double(palette) * total;
    size_t chosen = 0;
    for (size_t i = 0; i < palette->n_bins && left >= 0; i++) {
        nearest_color(colors, n, palette->bins[i].lab, &distance2);
        left -= palette->bins[i].count * (n ? distance2 : 1);
        chosen = i;
    }
    colors[n] = (Color){ .count = 0 };
    for (int c = 0; c < 3; c++)
        colors[n].lab[c] = palette->bins[chosen].lab[c];
}

/* Moves centres to the means of their bins; yields the mean squared error before. */
static double
settle(const Palette *palette, Color *colors, unsigned n)
{
    Color sum[MOST_COLORS] = { 0 };
    double error = 0, distance2;
    for (size_t i = 0; i < palette->n_bins; i++) {
        const Bin *bin = &palette->bins[i];
        Color *to = &sum[nearest_color(colors, n, bin->lab, &distance2)];
        error += bin->count * distance2;
        to->count += bin->count;
        for (int c = 0; c < 3; c++) {
            to->lab[c] += bin->count * bin->lab[c];
            to->rgb[c] += bin->count * bin->rgb[c];
        }
    }
    for (unsigned k = 0; k < n; k++)
        for (int c = 0; c < 3 && sum[k].count > 0; c++) {
            colors[k].lab[c] = sum[k].lab[c] / sum[k].count;
            colors[k].rgb[c] = sum[k].rgb[c] / sum[k].count;
            colors[k].count = sum[k].count;
        }
    return error / palette->total;
}

static double
cluster(Palette *palette, unsigned n, Color *ret_colors)
{
    double best = INFINITY;
    for (int start = 0; start < STARTS; start++) {
        Color colors[MOST_COLORS];
        for (unsigned k = 0; k < n; k++)
            draw_center(palette, colors, k);
        double error = INFINITY;
        for (int round = 0; round < ROUNDS; round++) {
            double before = error;
            error = settle(palette, colors, n);
            if (error >= before * 0.9999)
                break;
        }
        if (error >= best)
            continue;
        best = error;
        memcpy(ret_colors, colors, n * sizeof *colors);
    }
    return best;
}

/* The elbow: the fewest colours that leave a small error, or 3 % of that of one colour. */
static bool
choose_colors(Palette *palette, unsigned max_colors, GError **error)
{
    double one = 0;
    unsigned most = max_colors ? MIN(max_colors, MOST_COLORS) : MOST_BY_ELBOW;
    for (unsigned n = max_colors ? most : 1; n <= most; n++) {
        palette->n_colors = (unsigned)MIN(n, palette->n_bins);
        double left = cluster(palette, palette->n_colors, palette->colors);
        if (!orf_task_check(palette->task, error))
            return false;
        one = n == 1 ? left : one;
        if (left <= MAX(GOOD, 0.03 * one))
            break;
    }
    return true;
}

/* --- Tidying: no twins, largest first ----------------------------------------------------- */

static void
merge_into(Color *to, const Color *from)
{
    double count = to->count + from->count;
    for (int c = 0; c < 3; c++) {
        to->lab[c] = (to->lab[c] * to->count + from->lab[c] * from->count) / count;
        to->rgb[c] = (to->rgb[c] * to->count + from->rgb[c] * from->count) / count;
    }
    to->count = count;
}

static int
by_count(const void *a, const void *b)
{
    double x = ((const Color *)a)->count, y = ((const Color *)b)->count;
    return (x < y) - (x > y);
}

static void
tidy(Palette *palette)
{
    Color *colors = palette->colors;
    qsort(colors, palette->n_colors, sizeof *colors, by_count);
    unsigned kept = 0;
    for (unsigned k = 0; k < palette->n_colors; k++) {
        double distance2;
        unsigned near = nearest_color(colors, kept, colors[k].lab, &distance2);
        if (colors[k].count <= 0)
            continue;
        if (kept && distance2 < (double)MERGE * MERGE)
            merge_into(&colors[near], &colors[k]);
        else
            colors[kept++] = colors[k];
    }
    palette->n_colors = kept;
    qsort(colors, kept, sizeof *colors, by_count);
}

/* --- Labels ------------------------------------------------------------------------------- */

static uint8_t
label_by_color(const Palette *palette, size_t at)
{
    const float *lab = orf_image_f32(palette->lab) + 3 * at;
    double place[3] = { lab[0], lab[1], lab[2] }, distance2;
    return (uint8_t)(1 + nearest_color(palette->colors, palette->n_colors, place, &distance2));
}

/* Distance of a pixel's colour from the line between two colours, in sRGB codes, where
 * antialias mixes; the share of the second in `ret_share`. */
static double
from_mixture(const uint8_t *rgb, const Color *a, const Color *b, double *ret_share)
{
    double along = 0, length2 = 0, away2 = 0;
    for (int c = 0; c < 3; c++) {
        along += (rgb[c] - a->rgb[c]) * (b->rgb[c] - a->rgb[c]);
        length2 += (b->rgb[c] - a->rgb[c]) * (b->rgb[c] - a->rgb[c]);
    }
    double share = length2 > 0 ? CLAMP(along / length2, 0, 1) : 0;
    for (int c = 0; c < 3; c++) {
        double mixed = a->rgb[c] + share * (b->rgb[c] - a->rgb[c]);
        away2 += (rgb[c] - mixed) * (rgb[c] - mixed);
    }
    *ret_share = share;
    return sqrt(away2);
}

/* Labels of flat pixels within two pixels, as a set of bits. */
static unsigned
labels_around(const Palette *palette, const uint8_t *labels, unsigned x, unsigned y)
{
    unsigned width = palette->image->width, height = palette->image->height, set = 0;
    for (unsigned v = y > 2 ? y - 2 : 0; v <= MIN(y + 2, height - 1); v++)
        for (unsigned u = x > 2 ? x - 2 : 0; u <= MIN(x + 2, width - 1); u++)
            if (palette->flat[(size_t)v * width + u])
                set |= 1u << labels[(size_t)v * width + u];
    return set;
}

/* The label of a mixed pixel, or the one it has. */
static uint8_t
unmix(const Palette *palette, unsigned set, size_t at, uint8_t label)
{
    double least = MIXED;
    for (unsigned a = 1; a <= palette->n_colors; a++)
        for (unsigned b = a + 1; b <= palette->n_colors; b++) {
            double share, away;
            if (!(set >> a & 1) || !(set >> b & 1))
                continue;
            away = from_mixture(pixel_at(palette, at), &palette->colors[a - 1],
                                &palette->colors[b - 1], &share);
            if (away >= least)
                continue;
            least = away;
            label = (uint8_t)(share < 0.5 ? a : b);
        }
    return label;
}

typedef struct {
    const Palette *palette;
    uint8_t *labels; /* of flat pixels while the others are decided */
} Labelling;

static void
label_rows(size_t begin, size_t end, void *data)
{
    const Labelling *job = data;
    size_t width = job->palette->image->width;
    for (size_t at = begin * width; at < end * width; at++)
        job->labels[at] = is_seen(job->palette, at) ? label_by_color(job->palette, at) : 0;
}

static void
unmix_rows(size_t begin, size_t end, void *data)
{
    const Labelling *job = data;
    const Palette *palette = job->palette;
    size_t width = palette->image->width;
    for (size_t at = begin * width; at < end * width; at++) {
        if (palette->flat[at] || !job->labels[at])
            continue; /* only others are written, only flat ones are read */
        unsigned set =
            labels_around(palette, job->labels, (unsigned)(at % width), (unsigned)(at / width));
        job->labels[at] = unmix(palette, set, at, job->labels[at]);
    }
}

static bool
label(Palette *palette, GError **error)
{
    unsigned width = palette->image->width, height = palette->image->height;
    palette->labels =
        orf_image_blank(palette->task, width, height, 1, ORF_U8, "palette", error);
    if (!palette->labels)
        return false;
    Labelling job = { palette, palette->labels->pixels };
    if (orf_task_parallel(palette->task, height, 16, label_rows, &job) &&
        orf_task_parallel(palette->task, height, 16, unmix_rows, &job))
        return true;
    return orf_task_check(palette->task, error);
}

/* --- Together ----------------------------------------------------------------------------- */

static bool
prepare(Palette *palette, GError **error)
{
    size_t n = (size_t)palette->image->width * palette->image->height;
    return (palette->lab = orf_image_lab(palette->task, palette->image, error)) &&
           (palette->flat = ORF_ALLOC(palette->task, uint8_t, n, "palette", error)) &&
           (palette->bins = ORF_ALLOC(palette->task, Bin, BINS, "palette", error));
}

OrfImage *
orf_image_palette(OrfTask *task, const OrfImage *image, unsigned max_colors, uint64_t seed,
                  uint8_t (*ret_palette)[3], unsigned *ret_n, GError **error)
{
    g_assert(image->sample == ORF_U8 && image->channels >= 3);
    g_auto(Palette) palette = { .task = task, .image = image, .random = seed };
    if (!prepare(&palette, error) || !collect(&palette, error) ||
        !choose_colors(&palette, max_colors, error))
        return NULL;
    tidy(&palette);
    if (!label(&palette, error))
        return NULL;
    for (unsigned k = 0; k < palette.n_colors; k++)
        for (int c = 0; c < 3; c++)
            ret_palette[k][c] = (uint8_t)lround(CLAMP(palette.colors[k].rgb[c], 0, 255));
    *ret_n = palette.n_colors;
    return g_steal_pointer(&palette.labels);
}
