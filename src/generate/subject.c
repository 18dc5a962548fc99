/* subject.c - the picture as the generators want it: loaded no larger than needed, cut out,
 * cropped.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Where the subject is cannot be known before the picture is decoded, and a picture should
 * never be decoded larger than its subject is worth. So a small copy is cut out first; when the
 * subject fills too little of the frame for the size asked, the picture is loaded again,
 * larger. */
#include "generate/generate-priv.h"

#include <math.h>
#include <string.h>

#define MARGIN 3       /* px round the subject box */
#define FIRST_SIDE 640 /* px: enough to see where the subject is */

void
orf_subject_clear(OrfSubject *subject)
{
    g_clear_pointer(&subject->picture, orf_image_unref);
    g_clear_pointer(&subject->alpha, orf_image_unref);
    memset(subject, 0, sizeof *subject);
}

/* --- Cutting out -------------------------------------------------------------------------- */

static const struct {
    const char *name;
    OrfCutoutMethod method;
} methods[] = {
    { "alpha", ORF_CUTOUT_ALPHA },     { "flat", ORF_CUTOUT_FLAT },
    { "scene", ORF_CUTOUT_SCENE },     { "ink", ORF_CUTOUT_INK },
    { "grabcut", ORF_CUTOUT_GRABCUT }, { "isnet", ORF_CUTOUT_NET },
    { "u2net", ORF_CUTOUT_NET },
};

static OrfCutoutMethod
forced_method(const OrfRecipe *recipe)
{
    const char *name = orf_params_text(recipe->params, "cutout");
    for (size_t i = 0; i < G_N_ELEMENTS(methods); i++)
        if (g_str_equal(name, methods[i].name))
            return methods[i].method;
    return ORF_CUTOUT_NONE;
}

static OrfImage *
solid_alpha(OrfTask *task, const OrfImage *picture, GError **error)
{
    unsigned width = orf_image_width(picture), height = orf_image_height(picture);
    float *pixels = ORF_ALLOC(task, float, ((size_t)width * height), "alpha", error);
    if (!pixels)
        return NULL;
    for (size_t i = 0; i < (size_t)width * height; i++)
        pixels[i] = 1;
    return orf_image_new_take(width, height, 1, ORF_F32, pixels);
}

static OrfImage *
load_mask(OrfTask *task, const OrfRecipe *recipe, const OrfImage *picture, GError **error)
{
    unsigned side = MAX(orf_image_width(picture), orf_image_height(picture));
    return orf_image_load(task, recipe->mask, recipe->mask_name,
                          &(OrfImageLoad){ .max_side = side }, error);
}

/* --- By a net ------------------------------------------------------------------------------
 */

static bool
is_family(const char *name)
{
    return g_str_equal(name, "isnet") || g_str_equal(name, "u2net");
}

typedef struct {
    const OrfRecipe *recipe;
    size_t index;
} Asked;

/* Always as large: the mask does not depend on the stage. */
static OrfImage *
picture_for_net(OrfTask *task, void *data, GError **error)
{
    const Asked *asked = data;
    return orf_recipe_load(task, asked->recipe, asked->index,
                           &(OrfImageLoad){ .max_side = ORF_CUTOUT_NET_SIDE }, error);
}

static OrfImage *
ask_net(OrfTask *task, const OrfImage *image, OrfCutout *how, void *data, GError **error)
{
    Asked *asked = data;
    const OrfCutoutNets *nets = orf_engine_offered(orf_task_engine(task), ORF_CUTOUT_OFFER);
    const OrfPicture *picture = orf_recipe_picture(asked->recipe, asked->index);
    const char *name = orf_params_text(asked->recipe->params, "cutout");
    if (!nets && is_family(name))
        return ORF_FAIL(error, NOT_FOUND, "cut out: no nets are installed here");
    if (!nets)
        return NULL;
    g_autofree char *key =
        *picture->digest ? g_strdup(picture->digest) : orf_digest_bytes(picture->bytes);
    OrfCutoutWish wish = { .net = is_family(name) ? name : "",
                           .key = key,
                           .picture = picture_for_net,
                           .data = asked };
    return nets->cut(task, image, how, &wish, error);
}

void
orf_subject_identify(OrfEngine *engine, const OrfRecipe *recipe, OrfDigester *digester)
{
    const OrfCutoutNets *nets = orf_engine_offered(engine, ORF_CUTOUT_OFFER);
    const char *name = orf_params_text(recipe->params, "cutout");
    if (nets && (is_family(name) || g_str_equal(name, "auto")))
        nets->identify(engine, is_family(name) ? name : "", digester);
}

OrfImage *
orf_subject_alpha(OrfTask *task, const OrfRecipe *recipe, size_t index, const OrfImage *picture,
                  unsigned work_side, OrfCutout *ret_how, GError **error)
{
    bool given = index == 0 && recipe->mask;
    if (!given && g_str_equal(orf_params_text(recipe->params, "cutout"), "none")) {
        *ret_how = (OrfCutout){ .method = ORF_CUTOUT_NONE,
                                .confidence = 1,
                                .coverage = 1,
                                .reason = "the whole frame, as asked" };
        return solid_alpha(task, picture, error);
    }
    g_autoptr(OrfImage) mask = NULL;
    if (given && !(mask = load_mask(task, recipe, picture, error)))
        return NULL;
    Asked asked = { recipe, index };
    bool classic = g_str_equal(orf_params_text(recipe->params, "cutout"), "classic");
    OrfCutoutOptions options = { .force = forced_method(recipe),
                                 .net = classic ? NULL : ask_net,
                                 .net_data = &asked,
                                 .work_side = work_side,
                                 .seed = (uint64_t)orf_params_int(recipe->params, "seed"),
                                 .mask = mask };
    g_autoptr(OrfImage) alpha = orf_image_cut_out(task, picture, &options, ret_how, error);
    if (!alpha)
        g_prefix_error(error, "%s: ", orf_recipe_picture(recipe, index)->name);
    else if (ret_how->method == ORF_CUTOUT_NET)
        orf_task_note(task, "cut out %s", ret_how->reason);
    return g_steal_pointer(&alpha);
}

/* --- The subject box ---------------------------------------------------------------------- */

/* Bounds of alpha > 0.5, px; false when there is none. */
static bool
find_box(const OrfImage *alpha, int ret_box[4])
{
    int width = (int)orf_image_width(alpha), height = (int)orf_image_height(alpha);
    const float *pixel = orf_image_f32(alpha);
    int box[4] = { width, height, -1, -1 };
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++, pixel++)
            if (*pixel > 0.5f) {
                box[0] = MIN(box[0], x);
                box[1] = MIN(box[1], y);
                box[2] = MAX(box[2], x);
                box[3] = MAX(box[3], y);
            }
    ret_box[0] = box[0];
    ret_box[1] = box[1];
    ret_box[2] = box[2] + 1;
    ret_box[3] = box[3] + 1;
    return box[2] >= 0;
}

static bool
fail_no_subject(const OrfRecipe *recipe, size_t index, const OrfCutout *how, GError **error)
{
    const OrfPicture *picture = orf_recipe_picture(recipe, index);
    if (picture->info.vector)
        return ORF_FALSE(error, BAD_INPUT,
                         "%s: its lines are thinner than the finest that is drawn, a "
                         "thousandth of its width, and nothing of it is solid; give the "
                         "strokes more width, or fill them",
                         picture->name);
    if (how->method == ORF_CUTOUT_ALPHA)
        return ORF_FALSE(error, BAD_INPUT,
                         "%s: every part of it is more than half transparent; make the subject "
                         "opaque, or give a cut-out with --mask",
                         picture->name);
    return ORF_FALSE(
        error, BAD_INPUT,
        "%s: nothing stands out as the subject (%s); give a cut-out with --mask, or take "
        "the whole frame with --set cutout=none",
        orf_recipe_picture(recipe, index)->name, how->reason);
}

/* Crops picture and alpha to the box plus a margin. */
static bool
crop_to_box(OrfTask *task, const OrfImage *picture, const OrfImage *alpha, const int box[4],
            OrfSubject *subject, GError **error)
{
    int x = box[0] - MARGIN, y = box[1] - MARGIN;
    unsigned width = (unsigned)(box[2] - box[0] + 2 * MARGIN);
    unsigned height = (unsigned)(box[3] - box[1] + 2 * MARGIN);
    g_autoptr(OrfImage) rgba = orf_image_with_alpha(task, picture, alpha, error);
    if (!rgba)
        return false;
    subject->picture = orf_image_crop(task, rgba, x, y, width, height, error);
    subject->alpha = orf_image_crop(task, alpha, x, y, width, height, error);
    for (int k = 0; k < 4; k++)
        subject->box[k] = (float)(box[k] - (k % 2 ? y : x));
    subject->frame[0] = orf_image_width(picture);
    subject->frame[1] = orf_image_height(picture);
    subject->offset[0] = x;
    subject->offset[1] = y;
    return subject->picture && subject->alpha;
}

/* --- The whole way ------------------------------------------------------------------------ */

/* Loads picture `index` at `max_side`, cuts it out. `ret_reach` is the longer side of the box.
 */
static bool
load_and_cut(OrfTask *task, const OrfBatchItem *item, size_t index, unsigned max_side,
             bool fast, OrfSubject *subject, unsigned *ret_reach, GError **error)
{
    const OrfRecipe *recipe = item->recipe;
    OrfImageLoad load = { .max_side = max_side, .fast = fast };
    bool seen = fast && index == 0 && item->seen.alpha;
    g_autoptr(OrfImage) picture = seen ? orf_image_ref(item->seen.picture)
                                       : orf_recipe_load(task, recipe, index, &load, error);
    if (!picture)
        return false;
    g_autoptr(OrfImage) alpha =
        seen ? orf_image_ref(item->seen.alpha)
             : orf_subject_alpha(task, recipe, index, picture, fast ? ORF_FAST_CUTOUT : 0,
                                 &subject->how, error);
    if (!alpha)
        return false;
    if (seen)
        subject->how = item->seen.how;
    int box[4];
    if (!find_box(alpha, box))
        return fail_no_subject(recipe, index, &subject->how, error);
    *ret_reach = (unsigned)MAX(box[2] - box[0], box[3] - box[1]);
    return crop_to_box(task, picture, alpha, box, subject, error);
}

/* Greatest side worth loading: the source's own, unless it is a drawing that scales. */
static unsigned
source_side(const OrfPicture *picture)
{
    return picture->info.vector ? 4096 : MAX(picture->info.width, picture->info.height);
}

bool
orf_subject_init(OrfTask *task, const OrfBatchItem *item, size_t index, unsigned side,
                 OrfSubject *ret_subject, GError **error)
{
    const OrfRecipe *recipe = item->recipe;
    unsigned source = source_side(orf_recipe_picture(recipe, index));
    unsigned first = MIN(MIN(side + side / 2, FIRST_SIDE), source), reach = 0;
    bool preview = side <= orf_stage_side(recipe, ORF_PREVIEW);
    g_auto(OrfSubject) subject = { 0 };
    if (!load_and_cut(task, item, index, first, preview, &subject, &reach, error))
        return false;
    unsigned wanted = (unsigned)MIN((uint64_t)first * side / MAX(reach, 1), source);
    if (wanted > first + first / 4 && !preview) {
        orf_subject_clear(&subject);
        if (!load_and_cut(task, item, index, wanted, false, &subject, &reach, error))
            return false;
    }
    if (reach > side + side / 8) {
        g_auto(OrfSubject) small = { 0 };
        if (!orf_subject_shrink(task, &subject, side, &small, error))
            return false;
        orf_subject_clear(&subject);
        subject = small;
        memset(&small, 0, sizeof small);
    }
    *ret_subject = subject;
    memset(&subject, 0, sizeof subject);
    return true;
}

bool
orf_subject_shrink(OrfTask *task, const OrfSubject *subject, unsigned side,
                   OrfSubject *ret_subject, GError **error)
{
    double reach = MAX(subject->box[2] - subject->box[0], subject->box[3] - subject->box[1]);
    double scale = MIN(1, side / MAX(reach, 1));
    unsigned width = orf_image_width(subject->alpha), height = orf_image_height(subject->alpha);
    unsigned small_width = MAX(1u, (unsigned)lround(width * scale));
    unsigned small_height = MAX(1u, (unsigned)lround(height * scale));
    g_autoptr(OrfImage) picture =
        orf_image_resize(task, subject->picture, small_width, small_height, error);
    g_autoptr(OrfImage) alpha =
        picture ? orf_image_resize(task, subject->alpha, small_width, small_height, error)
                : NULL;
    if (!alpha)
        return false;
    double scale_x = (double)small_width / width, scale_y = (double)small_height / height;
    OrfSubject small = { .how = subject->how };
    for (int k = 0; k < 4; k++)
        small.box[k] = (float)(subject->box[k] * (k % 2 ? scale_y : scale_x));
    for (int k = 0; k < 2; k++) {
        small.frame[k] = subject->frame[k] * (k ? scale_y : scale_x);
        small.offset[k] = subject->offset[k] * (k ? scale_y : scale_x);
    }
    small.picture = g_steal_pointer(&picture);
    small.alpha = g_steal_pointer(&alpha);
    *ret_subject = small;
    return true;
}

bool
orf_subject_for_stage(OrfTask *task, const OrfBatchItem *item, OrfStage stage, OrfSubject *kept,
                      OrfSubject *ret_subject, GError **error)
{
    const OrfRecipe *recipe = item->recipe;
    unsigned side = orf_stage_picture_side(recipe, stage);
    if (stage == ORF_PREVIEW)
        return orf_subject_init(task, item, 0, side, ret_subject, error);
    OrfStage last = MIN(orf_stage_last(recipe), ORF_FINAL);
    unsigned most = orf_stage_picture_side(recipe, last);
    if (!kept->picture && !orf_subject_init(task, item, 0, most, kept, error))
        return false;
    if (stage < last)
        return orf_subject_shrink(task, kept, side, ret_subject, error);
    *ret_subject = *kept;
    memset(kept, 0, sizeof *kept);
    return true;
}
