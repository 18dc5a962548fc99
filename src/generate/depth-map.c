/* depth-map.c - a picture of distances, read.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * What a value means differs from program to program. With near and far (or the size of one
 * level) the picture is metric. Without, the range is taken to span the sphere that just fills
 * the field of view, as renderers of single objects set it; a subject that alone uses the whole
 * range was stretched to it, and gets half its width as relief. Whether bright is far is read
 * from the rim: bodies recede there. */
#include "generate/depth-priv.h"

#include <math.h>
#include <string.h>

#define MARGIN 3
#define BACKGROUND 0.005f /* share of zero pixels from which zero means "nothing here" */
#define HOLE 0.002f       /* enclosed gaps smaller than this share of the subject are filled */
#define STRETCHED 0.9f    /* share of all values that a subject uses if it was stretched */
#define RELIEF 0.5f       /* its relief then, in widths */
#define FLAT_RIM 2e-4f    /* a smaller mean rise of values towards the rim says nothing */

void
orf_depth_map_clear(OrfDepthMap *map)
{
    g_clear_pointer(&map->alpha, orf_image_unref);
    g_clear_pointer(&map->distance, orf_image_unref);
    g_clear_pointer(&map->z, orf_free);
}

/* --- Values: the whole picture as 0..1 ---------------------------------------------------- */

typedef struct {
    unsigned width, height;
    float *value; /* 0..1 as stored, 0 where nothing is */
    bool *covered;
    float level; /* size of one step of the file, of 0..1 */
    int box[4];  /* x0, y0, x1, y1 of what is covered */
    bool framed;
} Values;

static void
values_clear(Values *values)
{
    g_clear_pointer(&values->value, orf_free);
    g_clear_pointer(&values->covered, orf_free);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Values, values_clear)

static void
copy_values(const OrfImage *image, Values *values)
{
    size_t step = orf_image_channels(image), n = (size_t)values->width * values->height;
    const uint16_t *wide = orf_image_u16(image);
    const uint8_t *narrow = orf_image_u8(image);
    bool alpha = step % 2 == 0;
    values->level = wide ? 1 / 65535.0f : 1 / 255.0f;
    for (size_t i = 0; i < n; i++) {
        float sum = 0;
        size_t colors = step - alpha;
        for (size_t k = 0; k < colors; k++)
            sum += wide ? wide[i * step + k] : narrow[i * step + k];
        values->value[i] = sum / (float)colors * values->level;
        unsigned a = wide ? wide[i * step + step - 1] >> 8 : narrow[i * step + step - 1];
        values->covered[i] = !alpha || a > 127;
    }
}

/* A mask the user gave: light, or opaque, is subject. */
static bool
apply_mask(OrfTask *task, const OrfRecipe *recipe, Values *values, GError **error)
{
    if (!recipe->mask)
        return true;
    g_autoptr(OrfImage) mask =
        orf_image_load(task, recipe->mask, recipe->mask_name, &(OrfImageLoad){ 0 }, error);
    if (!mask)
        return false;
    g_autoptr(OrfImage) grey = orf_image_channels(mask) % 2 == 0
                                   ? orf_image_alpha(task, mask, error)
                                   : orf_image_luminance(task, mask, false, error);
    g_autoptr(OrfImage) same =
        grey ? orf_image_resize(task, grey, values->width, values->height, error) : NULL;
    if (!same)
        return false;
    const float *m = orf_image_f32(same);
    for (size_t i = 0; i < (size_t)values->width * values->height; i++)
        values->covered[i] = values->covered[i] && m[i] > 0.5f;
    return true;
}

static bool
find_cover(const OrfRecipe *recipe, Values *values, GError **error)
{
    size_t n = (size_t)values->width * values->height, zeros = 0, covered = 0;
    for (size_t i = 0; i < n; i++)
        zeros += values->value[i] <= 0;
    bool background = (float)zeros > BACKGROUND * (float)n;
    for (size_t i = 0; i < n; i++) {
        values->covered[i] = values->covered[i] && (!background || values->value[i] > 0);
        covered += values->covered[i];
    }
    if (covered < 16)
        return ORF_FALSE(error, BAD_INPUT,
                         "%s: no pixel has a distance (all are 0 or transparent); "
                         "give a picture of distances, 0 where nothing is",
                         orf_recipe_picture(recipe, 0)->name);
    values->framed = covered == n;
    return true;
}

static void
find_box(Values *values)
{
    int width = (int)values->width, height = (int)values->height;
    int box[4] = { width, height, 0, 0 };
    for (int y = 0, i = 0; y < height; y++)
        for (int x = 0; x < width; x++, i++)
            if (values->covered[i]) {
                box[0] = MIN(box[0], x);
                box[1] = MIN(box[1], y);
                box[2] = MAX(box[2], x + 1);
                box[3] = MAX(box[3], y + 1);
            }
    memcpy(values->box, box, sizeof box);
}

static bool
values_init(OrfTask *task, const OrfRecipe *recipe, Values *values, GError **error)
{
    OrfImageLoad load = { .keep_16 = true, .keep_grey = true };
    g_autoptr(OrfImage) image = orf_recipe_load(task, recipe, 0, &load, error);
    if (!image)
        return false;
    values->width = orf_image_width(image);
    values->height = orf_image_height(image);
    size_t n = (size_t)values->width * values->height;
    values->value = ORF_ALLOC(task, float, n, "distances", error);
    values->covered = ORF_ALLOC(task, bool, n, "cover", error);
    if (!values->value || !values->covered)
        return false;
    copy_values(image, values);
    if (!apply_mask(task, recipe, values, error) || !find_cover(recipe, values, error))
        return false;
    find_box(values);
    return true;
}

/* --- Crop and shrink: nearest pixels, never means across an edge -------------------------- */

typedef struct {
    unsigned width, height;
    float scale;     /* px of the picture per px here */
    float offset[2]; /* of the top left here, in px of the picture */
    float *value;
    bool *covered;
} Crop;

static void
crop_clear(Crop *crop)
{
    g_clear_pointer(&crop->value, orf_free);
    g_clear_pointer(&crop->covered, orf_free);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Crop, crop_clear)

static bool
crop_init(OrfTask *task, const Values *values, unsigned side, Crop *crop, GError **error)
{
    int wide = values->box[2] - values->box[0], tall = values->box[3] - values->box[1];
    crop->scale = MAX(1, (float)MAX(wide, tall) / (float)side);
    crop->width = (unsigned)ceilf((float)wide / crop->scale) + 2 * MARGIN;
    crop->height = (unsigned)ceilf((float)tall / crop->scale) + 2 * MARGIN;
    crop->offset[0] = (float)values->box[0] - MARGIN * crop->scale;
    crop->offset[1] = (float)values->box[1] - MARGIN * crop->scale;
    size_t n = (size_t)crop->width * crop->height;
    crop->value = ORF_ALLOC(task, float, n, "distances", error);
    crop->covered = ORF_ALLOC(task, bool, n, "cover", error);
    if (!crop->value || !crop->covered)
        return false;
    for (unsigned y = 0; y < crop->height; y++)
        for (unsigned x = 0; x < crop->width; x++) {
            int fx = (int)floorf(crop->offset[0] + ((float)x + 0.5f) * crop->scale);
            int fy = (int)floorf(crop->offset[1] + ((float)y + 0.5f) * crop->scale);
            if (fx < 0 || fy < 0 || fx >= (int)values->width || fy >= (int)values->height)
                continue;
            size_t from = (size_t)fy * values->width + (size_t)fx;
            crop->value[(size_t)y * crop->width + x] = values->value[from];
            crop->covered[(size_t)y * crop->width + x] = values->covered[from];
        }
    return true;
}

/* --- Holes -------------------------------------------------------------------------------- */

/* Collects the uncovered pixels that hang together with `from`; their number. */
static size_t
flood(const Crop *crop, uint8_t *seen, uint32_t *stack, uint32_t from)
{
    size_t n = 1;
    stack[0] = from;
    seen[from] = 1;
    for (size_t at = 0; at < n; at++) {
        uint32_t x = stack[at] % crop->width, y = stack[at] / crop->width;
        const uint32_t near[4] = { x > 0 ? stack[at] - 1 : from,
                                   x + 1 < crop->width ? stack[at] + 1 : from,
                                   y > 0 ? stack[at] - crop->width : from,
                                   y + 1 < crop->height ? stack[at] + crop->width : from };
        for (unsigned k = 0; k < 4; k++)
            if (!seen[near[k]] && !crop->covered[near[k]]) {
                seen[near[k]] = 1;
                stack[n++] = near[k];
            }
    }
    return n;
}

/* Spreads values into the listed pixels from their covered neighbours, ring by ring. */
static void
heal(Crop *crop, const uint32_t *list, size_t n)
{
    for (size_t left = n, round = 0; left > 0 && round < n + 1; round++)
        for (size_t i = 0; i < n; i++) {
            if (crop->covered[list[i]])
                continue;
            const uint32_t near[4] = { list[i] - 1, list[i] + 1, list[i] - crop->width,
                                       list[i] + crop->width };
            float sum = 0, count = 0;
            for (unsigned k = 0; k < 4; k++)
                if (crop->covered[near[k]]) {
                    sum += crop->value[near[k]];
                    count++;
                }
            if (count == 0)
                continue;
            crop->value[list[i]] = sum / count;
            crop->covered[list[i]] = true;
            left--;
        }
}

/* Small gaps are lost measurements, large ones are holes of the subject. */
static bool
fill_holes(OrfTask *task, Crop *crop, GError **error)
{
    size_t n = (size_t)crop->width * crop->height, covered = 0, filled = 0;
    orf_autofree uint8_t *seen = ORF_ALLOC(task, uint8_t, n, "holes", error);
    orf_autofree uint32_t *stack = ORF_ALLOC(task, uint32_t, n, "holes", error);
    if (!seen || !stack)
        return false;
    for (size_t i = 0; i < n; i++)
        covered += crop->covered[i];
    flood(crop, seen, stack, 0); /* the margin: outside */
    for (uint32_t i = 0; i < n; i++) {
        if (crop->covered[i] || seen[i])
            continue;
        size_t size = flood(crop, seen, stack, i);
        if ((float)size > HOLE * (float)covered)
            continue;
        heal(crop, stack, size);
        filled += size;
    }
    if (filled)
        orf_task_note(task,
                      "depth: %zu pixels without a distance inside the subject were filled",
                      filled);
    return true;
}

/* --- Terraces of eight bits --------------------------------------------------------------- */

/* Diffuses within half a level of what was stored; steps of more than two levels are edges. */
static bool
smooth_terraces(OrfTask *task, Crop *crop, float level, GError **error)
{
    size_t n = (size_t)crop->width * crop->height;
    orf_autofree float *stored = ORF_ALLOC(task, float, n, "terraces", error);
    if (!stored)
        return false;
    memcpy(stored, crop->value, n * sizeof *stored);
    for (unsigned round = 0; round < 60 && orf_task_check(task, NULL); round++)
        for (unsigned y = 1; y + 1 < crop->height; y++)
            for (unsigned x = 1; x + 1 < crop->width; x++) {
                size_t i = (size_t)y * crop->width + x;
                if (!crop->covered[i])
                    continue;
                const size_t near[4] = { i - 1, i + 1, i - crop->width, i + crop->width };
                float sum = 0, count = 0;
                for (unsigned k = 0; k < 4; k++)
                    if (crop->covered[near[k]] &&
                        fabsf(stored[near[k]] - stored[i]) < 2.5f * level) {
                        sum += crop->value[near[k]];
                        count++;
                    }
                if (count > 0)
                    crop->value[i] =
                        CLAMP(sum / count, stored[i] - 0.5f * level, stored[i] + 0.5f * level);
            }
    return orf_task_check(task, error);
}

/* --- Meaning ------------------------------------------------------------------------------ */

typedef enum { FAR_BRIGHT, NEAR_BRIGHT, DISPARITY } Meaning;

#define INWARDS 3 /* px */

/* How much values rise towards the outline within its last pixels, on average. */
static float
rim_rise(const Crop *crop)
{
    double rise = 0, n = 0;
    for (unsigned y = INWARDS; y + INWARDS < crop->height; y++)
        for (unsigned x = INWARDS; x + INWARDS < crop->width; x++) {
            ptrdiff_t i = (ptrdiff_t)y * crop->width + x;
            const ptrdiff_t step[4] = { 1, -1, crop->width, -(ptrdiff_t)crop->width };
            for (unsigned k = 0; k < 4 && crop->covered[i]; k++) {
                ptrdiff_t inner = i + INWARDS * step[k];
                if (crop->covered[i - step[k]] || !crop->covered[inner])
                    continue;
                rise += (double)(crop->value[i] - crop->value[inner]);
                n++;
            }
        }
    return (float)(rise / MAX(n, 1));
}

static Meaning
meaning_of(const OrfRecipe *recipe, const Values *values, const Crop *crop)
{
    const char *meaning = orf_params_text(recipe->params, "meaning");
    if (g_str_equal(meaning, "disparity"))
        return DISPARITY;
    if (g_str_equal(meaning, "near-bright"))
        return NEAR_BRIGHT;
    bool metric = orf_params_number(recipe->params, "far") > 0 ||
                  orf_params_number(recipe->params, "level") > 0;
    if (g_str_equal(meaning, "far-bright") || metric)
        return FAR_BRIGHT;
    float rise = values->framed ? 0 : rim_rise(crop);
    if (fabsf(rise) < FLAT_RIM)
        return values->level < 0.001f ? FAR_BRIGHT : NEAR_BRIGHT;
    return rise > 0 ? FAR_BRIGHT : NEAR_BRIGHT;
}

static double
field_of_view(const OrfRecipe *recipe)
{
    double asked = orf_params_number(recipe->params, "fov");
    double focal = orf_recipe_picture(recipe, 0)->info.focal_35mm;
    if (asked > 0)
        return asked;
    return focal > 0 ? 2 * atan(18 / focal) * 180 / G_PI : 30;
}

/* Turns values into distances, in place. `field` is the half angle in radians; `share` the
 * longer side of the subject in frames. */
static bool
to_distance(OrfTask *task, const OrfRecipe *recipe, const Values *values, Crop *crop,
            double field, float share, GError **error)
{
    float near = (float)orf_params_number(recipe->params, "near");
    float far = (float)orf_params_number(recipe->params, "far");
    float unit = (float)orf_params_number(recipe->params, "level");
    Meaning meaning = meaning_of(recipe, values, crop);
    float low = INFINITY, high = 0;
    size_t n = (size_t)crop->width * crop->height;
    for (size_t i = 0; i < n; i++)
        if (crop->covered[i]) {
            low = MIN(low, crop->value[i]);
            high = MAX(high, crop->value[i]);
        }
    float base = 0, range = 1; /* value -> 0..1 between near and far */
    if (far > 0 && !(near > 0 && near < far))
        return ORF_FALSE(error, BAD_INPUT,
                         "depth: near is %g and far %g; near must be above 0 and below far",
                         (double)near, (double)far);
    if (unit > 0) {
        near = 0;
        far = unit / values->level;
    } else if (!(far > 0) && high - low > STRETCHED && !values->framed) {
        float relief = RELIEF * share * (float)tan(field) * 2;
        near = 1 - relief / 2;
        far = 1 + relief / 2;
        base = low;
        range = high - low;
        orf_task_note(task,
                      "depth: the range was stretched to the subject; took half its size as "
                      "relief (set near and far to change it)");
    } else if (!(far > 0)) {
        near = 1 - (float)sin(field);
        far = 1 + (float)sin(field);
        orf_task_note(task,
                      "depth: no near and far given; took the range to span the sphere that "
                      "fills the view, %s is far",
                      meaning == FAR_BRIGHT ? "bright" : "dark");
    }
    /* a background of zero leaves the levels from 1 on */
    float first = values->framed || unit > 0 ? 0 : values->level;
    for (size_t i = 0; i < n; i++) {
        float v =
            base > 0 ? (crop->value[i] - base) / range : (crop->value[i] - first) / (1 - first);
        v = meaning == FAR_BRIGHT ? v : 1 - v;
        if (meaning == DISPARITY)
            crop->value[i] = 1 / (1 / near + MAX(v, 0) * (1 / far - 1 / near));
        else
            crop->value[i] = MAX(near + v * (far - near), 1e-3f * far);
    }
    return true;
}

/* --- All together ------------------------------------------------------------------------- */

/* Uncovered pixels take the value of the nearest covered one, up to `rounds` px off; the rest
 * the mean. */
static void
spread_outside(const Crop *crop, float *z, uint8_t *done, unsigned rounds)
{
    size_t n = (size_t)crop->width * crop->height, count = 0;
    double sum = 0;
    for (size_t i = 0; i < n; i++) {
        done[i] = crop->covered[i];
        count += done[i];
        sum += done[i] ? (double)z[i] : 0;
    }
    for (size_t i = 0; i < n; i++)
        if (!done[i])
            z[i] = (float)(sum / (double)MAX(count, 1));
    for (uint8_t round = 1; round <= rounds; round++)
        for (unsigned y = 1; y + 1 < crop->height; y++)
            for (unsigned x = 1; x + 1 < crop->width; x++) {
                size_t i = (size_t)y * crop->width + x;
                if (done[i])
                    continue;
                const size_t near[4] = { i - 1, i + 1, i - crop->width, i + crop->width };
                float total = 0, found = 0;
                for (unsigned k = 0; k < 4; k++)
                    if (done[near[k]] && done[near[k]] <= round) {
                        total += z[near[k]];
                        found++;
                    }
                if (found > 0) {
                    z[i] = total / found;
                    done[i] = (uint8_t)(round + 1);
                }
            }
}

static bool
make_outline(OrfTask *task, const Crop *crop, OrfDepthMap *map, GError **error)
{
    size_t n = (size_t)crop->width * crop->height;
    float *alpha = ORF_ALLOC(task, float, n, "cover", error);
    orf_autofree uint8_t *done = ORF_ALLOC(task, uint8_t, n, "cover", error);
    if (!alpha || !done) {
        orf_free(alpha);
        return false;
    }
    for (size_t i = 0; i < n; i++)
        alpha[i] = crop->covered[i];
    g_autoptr(OrfImage) hard = orf_image_new_take(crop->width, crop->height, 1, ORF_F32, alpha);
    /* a hard mask has stairs: half a pixel of blur gives its 0.5 level back without them */
    map->alpha = orf_image_blur(task, hard, 0.7, error);
    map->distance = map->alpha ? orf_image_distance(task, map->alpha, error) : NULL;
    if (!map->distance)
        return false;
    spread_outside(crop, map->z, done, MARGIN);
    return true;
}

bool
orf_depth_map_init(OrfTask *task, const OrfRecipe *recipe, unsigned side, OrfDepthMap *ret_map,
                   GError **error)
{
    g_auto(Values) values = { 0 };
    g_auto(Crop) crop = { 0 };
    if (!values_init(task, recipe, &values, error) ||
        !crop_init(task, &values, side, &crop, error) || !fill_holes(task, &crop, error) ||
        (values.level > 0.001f && !smooth_terraces(task, &crop, values.level, error)))
        return false;
    double field = field_of_view(recipe) * G_PI / 360;
    float frame = (float)MAX(values.width, values.height);
    float share =
        (float)MAX(values.box[2] - values.box[0], values.box[3] - values.box[1]) / frame;
    if (!to_distance(task, recipe, &values, &crop, field, share, error))
        return false;
    g_auto(OrfDepthMap) map = { .width = crop.width, .height = crop.height };
    map.framed = values.framed;
    map.z = g_steal_pointer(&crop.value);
    map.frame = frame / crop.scale;
    map.focal = frame / 2 / (float)tan(field) / crop.scale;
    map.center[0] = ((float)values.width / 2 - crop.offset[0]) / crop.scale;
    map.center[1] = ((float)values.height / 2 - crop.offset[1]) / crop.scale;
    if (!make_outline(task, &crop, &map, error))
        return false;
    *ret_map = map;
    memset(&map, 0, sizeof map);
    return true;
}
