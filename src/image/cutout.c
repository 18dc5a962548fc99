/* cutout.c - the cascade: which way to cut the subject out, and how sure that is.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 *     the user's mask > the picture's own alpha > smooth background(s) > lines on paper >
 * GrabCut
 *
 * A network, where one is installed, comes before two smooth backgrounds and GrabCut; one
 * smooth background that is sure, and lines on paper, are cut out better without it.
 *
 * All but the first two work on a small copy and end in one matte at full size. A smooth
 * background that is sure enough ends the search; else GrabCut has its say and the surer of
 * both counts. */
#include "image/cutout-priv.h"

#include <math.h>

enum { WORK_SIDE = 256, LEAST_SIDE = 8, MOST_SIDE = 1024 };
static const double SURE = 0.5;
static const double NET_SURE = 0.35; /* a net, that it saw a subject */
static const double PLAIN = 0.9;     /* so sure of one background that no network does better */
static const float SAME = 2;         /* dE: a picture that varies less is of one colour */

const char *
orf_cutout_method_name(OrfCutoutMethod method)
{
    static const char *const names[] = { "none",  "given", "alpha",   "flat",
                                         "scene", "ink",   "grabcut", "net" };
    return (unsigned)method < G_N_ELEMENTS(names) ? names[method] : "unknown";
}

/* --- Alpha that is already there ---------------------------------------------------------- */

/* One channel of a picture as 0..1, or the mean of its colours (`channel` -1), bilinear. */
typedef struct {
    const OrfImage *from;
    int channel;
    unsigned width, height;
    float *alpha;
} Fetch;

static float
value_at(const Fetch *fetch, size_t x, size_t y)
{
    size_t channels = orf_image_channels(fetch->from);
    size_t at = (y * orf_image_width(fetch->from) + x) * channels;
    size_t first = fetch->channel < 0 ? 0 : (size_t)fetch->channel;
    size_t n = fetch->channel < 0 && channels >= 3 ? 3 : 1;
    const uint8_t *bytes = orf_image_u8(fetch->from);
    const float *floats = orf_image_f32(fetch->from);
    float sum = 0;
    for (size_t c = first; c < first + n; c++)
        sum += bytes ? (float)bytes[at + c] / 255 : floats[at + c];
    sum /= (float)n;
    return sum > 0 ? MIN(sum, 1) : 0; /* NaN is 0 */
}

static void
fetch_rows(size_t begin, size_t end, void *data)
{
    const Fetch *fetch = data;
    unsigned w = orf_image_width(fetch->from), h = orf_image_height(fetch->from);
    float across = (float)w / (float)fetch->width, down = (float)h / (float)fetch->height;
    for (size_t y = begin; y < end; y++) {
        float v = CLAMP(((float)y + 0.5f) * down - 0.5f, 0, (float)(h - 1));
        size_t y0 = (size_t)v, y1 = MIN(y0 + 1, h - 1);
        for (size_t x = 0; x < fetch->width; x++) {
            float u = CLAMP(((float)x + 0.5f) * across - 0.5f, 0, (float)(w - 1));
            size_t x0 = (size_t)u, x1 = MIN(x0 + 1, w - 1);
            float fx = u - (float)x0, fy = v - (float)y0;
            float up = value_at(fetch, x0, y0) * (1 - fx) + value_at(fetch, x1, y0) * fx;
            float low = value_at(fetch, x0, y1) * (1 - fx) + value_at(fetch, x1, y1) * fx;
            fetch->alpha[y * fetch->width + x] = up * (1 - fy) + low * fy;
        }
    }
}

/* That channel at the size of `image`. */
static OrfImage *
fetch(OrfTask *task, const OrfImage *image, const OrfImage *from, int channel, GError **error)
{
    Fetch fetch = { from, channel, orf_image_width(image), orf_image_height(image), NULL };
    orf_autofree float *alpha =
        ORF_ALLOC(task, float, ((size_t)fetch.width * fetch.height), "alpha", error);
    if (!alpha)
        return NULL;
    fetch.alpha = alpha;
    if (!orf_task_parallel(task, fetch.height, 16, fetch_rows, &fetch)) {
        orf_task_check(task, error);
        return NULL;
    }
    return orf_image_new_take(fetch.width, fetch.height, 1, ORF_F32, g_steal_pointer(&alpha));
}

/* Share of the frame, weighted by alpha. */
static double
coverage(const OrfImage *alpha)
{
    const float *a = orf_image_f32(alpha);
    size_t n = (size_t)orf_image_width(alpha) * orf_image_height(alpha);
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += a[i];
    return sum / (double)n;
}

static bool
shows_anything(const OrfImage *alpha)
{
    const float *a = orf_image_f32(alpha);
    size_t n = (size_t)orf_image_width(alpha) * orf_image_height(alpha), i = 0;
    while (i < n && a[i] < 0.5f)
        i++;
    return i < n;
}

/* True when alpha says something: neither all shown nor all hidden. */
static bool
alpha_speaks(const OrfCutoutWork *work)
{
    return work->alpha && work->opaque < 0.995 && work->transparent > 0.005;
}

static OrfImage *
use_mask(OrfTask *task, const OrfImage *image, const OrfImage *mask, OrfCutout *how,
         GError **error)
{
    if (!orf_image_u8(mask) && !orf_image_f32(mask))
        return ORF_FAIL(error, BUG, "cut out: a mask has 8 bits or floats");
    int channels = (int)orf_image_channels(mask), last = -1;
    if (orf_image_u8(mask) && !(channels & 1)) {
        g_auto(OrfCutoutWork) work = { 0 };
        if (!orf_work_init(task, mask, WORK_SIDE, &work, error))
            return NULL;
        last = alpha_speaks(&work) ? channels - 1 : -1;
    }
    g_autoptr(OrfImage) alpha = fetch(task, image, mask, last, error);
    if (!alpha)
        return NULL;
    if (!shows_anything(alpha))
        return ORF_FAIL(error, BAD_INPUT,
                        "cut out: the mask is empty; paint the subject white, "
                        "or leave it opaque");
    how->method = ORF_CUTOUT_GIVEN;
    how->confidence = 1;
    g_strlcpy(how->reason, "the mask that was given", sizeof how->reason);
    return g_steal_pointer(&alpha);
}

static OrfImage *
use_alpha(OrfTask *task, const OrfImage *image, OrfCutout *how, GError **error)
{
    int channels = (int)orf_image_channels(image);
    if (channels & 1)
        return ORF_FAIL(error, BAD_INPUT,
                        "cut out: the picture has no transparency; "
                        "choose another method");
    how->method = ORF_CUTOUT_ALPHA;
    how->confidence = 1;
    g_strlcpy(how->reason, "the picture's own transparency", sizeof how->reason);
    return fetch(task, image, image, channels - 1, error);
}

/* --- Candidates --------------------------------------------------------------------------- */

typedef struct {
    OrfTask *task;
    const OrfCutoutWork *work;
    OrfCutoutHint hint;
    OrfCutoutMethod force;
    uint8_t *mask, *other; /* [n] the best so far, and a trial */
    OrfCutout how;
    const OrfImage *image;
    OrfCutoutFn ask; /* a network; NULL: none */
    void *ask_data;
    OrfImage *alpha; /* what it said, instead of a mask */
} Search;

/* Keeps the trial when it is surer than what there is. */
static void
offer(Search *search, OrfCutoutMethod method, const OrfCutout *how)
{
    bool any = orf_mask_count(search->other, search->work->n) > 0;
    if (!any || (search->how.method && how->confidence <= search->how.confidence))
        return;
    search->how = *how;
    search->how.method = method;
    uint8_t *swap = search->mask;
    search->mask = search->other;
    search->other = swap;
}

static bool
try_backdrop(Search *search, GError **error)
{
    g_auto(OrfBackdrop) backdrop = { 0 };
    OrfCutout how = { 0 };
    bool may_split = search->force != ORF_CUTOUT_FLAT && search->force != ORF_CUTOUT_INK;
    bool ink = false;
    if (!orf_backdrop_init(search->task, search->work, may_split, &backdrop, error) ||
        !orf_cutout_scene(search->task, search->work, &backdrop, &search->hint, search->other,
                          &how, error))
        return false;
    if (!backdrop.split && search->force != ORF_CUTOUT_FLAT &&
        !orf_cutout_ink(search->task, search->work, search->other, &how, &ink, error))
        return false;
    if (search->force == ORF_CUTOUT_INK && !ink)
        return true;
    offer(search,
          ink              ? ORF_CUTOUT_INK
          : backdrop.split ? ORF_CUTOUT_SCENE
                           : ORF_CUTOUT_FLAT,
          &how);
    return true;
}

static bool
try_grabcut(Search *search, GError **error)
{
    OrfCutout how = { 0 };
    if (!orf_cutout_grabcut(search->task, search->work, &search->hint, search->other, &how,
                            error))
        return false;
    offer(search, ORF_CUTOUT_GRABCUT, &how);
    return true;
}

/* Largest range of a channel. */
static float
variety(const OrfCutoutWork *work)
{
    float most = 0;
    for (size_t c = 0; c < 3; c++) {
        float low = INFINITY, high = -INFINITY;
        for (size_t i = 0; i < work->n; i++) {
            low = MIN(low, work->lab[3 * i + c]);
            high = MAX(high, work->lab[3 * i + c]);
        }
        most = MAX(most, high - low);
    }
    return most;
}

static const char *
why_hopeless(const OrfCutoutWork *work)
{
    if (MIN(work->width, work->height) < LEAST_SIDE)
        return "the picture is smaller than 8 pixels; use a larger one";
    if (variety(work) < SAME)
        return "the picture is of one colour all over; use one that shows a subject";
    return NULL;
}

/* Whether a network may know better than the smooth background that was found. */
static bool
may_ask(const Search *search)
{
    bool plain = search->how.method == ORF_CUTOUT_FLAT || search->how.method == ORF_CUTOUT_INK;
    return search->ask && search->force == ORF_CUTOUT_NONE &&
           !(plain && search->how.confidence >= PLAIN);
}

/* Sets `alpha` when it is sure. `error` is not NULL. */
static bool
ask_net(Search *search, GError **error)
{
    OrfCutout how = { 0 };
    g_autoptr(OrfImage) alpha =
        search->ask(search->task, search->image, &how, search->ask_data, error);
    if (!alpha)
        return !*error;
    if (how.confidence < NET_SURE && search->force != ORF_CUTOUT_NET)
        return true;
    search->alpha = fetch(search->task, search->image, alpha, -1, error);
    search->how = how;
    search->how.method = ORF_CUTOUT_NET;
    return search->alpha != NULL;
}

static bool
look_for_subject(Search *search, GError **error)
{
    const char *hopeless = why_hopeless(search->work);
    if (hopeless) {
        g_strlcpy(search->how.reason, hopeless, sizeof search->how.reason);
        return true;
    }
    if (search->force == ORF_CUTOUT_NET)
        return ask_net(search, error);
    if (search->force != ORF_CUTOUT_GRABCUT && !try_backdrop(search, error))
        return false;
    if (may_ask(search) && !ask_net(search, error))
        return false;
    if (search->alpha)
        return true;
    bool open = search->force == ORF_CUTOUT_NONE && search->how.confidence < SURE;
    if ((open || search->force == ORF_CUTOUT_GRABCUT) && !try_grabcut(search, error))
        return false;
    if (!search->how.method)
        g_strlcpy(search->how.reason,
                  "no subject stands out from the background; "
                  "give a mask or a box",
                  sizeof search->how.reason);
    return true;
}

/* --- The whole ---------------------------------------------------------------------------- */

/* Nothing found: an error when a method was forced, else the whole frame. */
static OrfImage *
whole_frame(OrfTask *task, const OrfImage *image, const Search *search, GError **error)
{
    size_t n = (size_t)orf_image_width(image) * orf_image_height(image);
    if (search->force)
        return ORF_FAIL(error, BAD_INPUT, "cut out (%s): %s",
                        orf_cutout_method_name(search->force), search->how.reason);
    orf_autofree float *alpha = ORF_ALLOC(task, float, n, "alpha", error);
    for (size_t i = 0; i < n && alpha; i++)
        alpha[i] = 1;
    return alpha ? orf_image_new_take(orf_image_width(image), orf_image_height(image), 1,
                                      ORF_F32, g_steal_pointer(&alpha))
                 : NULL;
}

static OrfImage *
cut_picture(OrfTask *task, const OrfImage *image, const OrfCutoutWork *work,
            const OrfCutoutOptions *options, OrfCutout *how, GError **error)
{
    orf_autofree uint8_t *masks = ORF_ALLOC(task, uint8_t, 2 * work->n, "cut out", error);
    if (!masks)
        return NULL;
    Search search = { .task = task,
                      .work = work,
                      .hint = { options->seed, options->box },
                      .force = options->force,
                      .mask = masks,
                      .other = masks + work->n,
                      .image = image,
                      .ask = options->net,
                      .ask_data = options->net_data };
    GError *why = NULL;
    if (!look_for_subject(&search, &why)) {
        g_propagate_error(error, why);
        return NULL;
    }
    *how = search.how;
    if (search.alpha)
        return search.alpha;
    return how->method ? orf_matte(task, image, work, search.mask, error)
                       : whole_frame(task, image, &search, error);
}

static OrfImage *
choose(OrfTask *task, const OrfImage *image, const OrfCutoutOptions *options, OrfCutout *how,
       GError **error)
{
    if (options->mask && (!options->force || options->force == ORF_CUTOUT_GIVEN))
        return use_mask(task, image, options->mask, how, error);
    if (options->force == ORF_CUTOUT_GIVEN)
        return ORF_FAIL(error, BAD_INPUT,
                        "cut out: no mask was given; add one or choose "
                        "another method");
    g_auto(OrfCutoutWork) work = { 0 };
    unsigned side = options->work_side ? MIN(options->work_side, MOST_SIDE) : WORK_SIDE;
    if (!orf_work_init(task, image, side, &work, error))
        return NULL;
    if (work.alpha && work.transparent > 0.9999)
        return ORF_FAIL(error, BAD_INPUT,
                        "cut out: the picture is fully transparent; "
                        "export it again with its subject visible");
    if (options->force == ORF_CUTOUT_ALPHA || (!options->force && alpha_speaks(&work)))
        return use_alpha(task, image, how, error);
    return cut_picture(task, image, &work, options, how, error);
}

OrfImage *
orf_image_cut_out(OrfTask *task, const OrfImage *image, const OrfCutoutOptions *options,
                  OrfCutout *ret_how, GError **error)
{
    static const OrfCutoutOptions automatic = { 0 };
    OrfCutout how = { 0 };
    g_autoptr(OrfImage) alpha =
        choose(task, image, options ? options : &automatic, &how, error);
    if (!alpha)
        return NULL;
    how.coverage = coverage(alpha);
    if (ret_how)
        *ret_how = how;
    return g_steal_pointer(&alpha);
}
