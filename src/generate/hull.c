/* hull.c - two to eight pictures of one object from known sides become the body they bound.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Where the pictures have one frame size and the subject sits alike in all of them, they are
 * taken as one camera going round: the frame's middle looks at the object's, and the field of
 * view gives the distance. Otherwise each subject box is brought to one height. hull-field.c
 * carves. */
#include "generate/carved.h"
#include "generate/hull-priv.h"

#include <math.h>
#include <string.h>

#define SAME_PLACE                                                                             \
    0.15f /* tops or bottoms that differ more, in heights, are not of one framing */
#define SAME_MIDDLE 0.06f
#define FILLS 0.8f /* share of the frame that a subject of unknown framing would fill */

static const OrfParam params[] = {
    ORF_ANGLE(
        "fov", 1, 120, "30",
        "Field of view of the camera over the longer side of a picture: wide lenses have more."),
    ORF_NUMBER(
        "roundness", 0, 1, "0",
        "1 makes sections round, towards 0 box-like; 0 guesses from the pictures' shading."),
    ORF_CHOICE("framing", "auto|shared|box", "auto",
               "shared: one camera going round; box: each picture was cropped by itself."),
    ORF_INT("resolution", 0, 512, "0",
            "Cells along the longest side of the final grid; 0 follows the quality."),
};

typedef struct {
    const OrfBatchItem *item;
    const OrfRecipe *recipe; /* the item's */
    double yaws[ORF_HULL_MAX_VIEWS];
    OrfSubject subjects[ORF_HULL_MAX_VIEWS];
    unsigned n;
    unsigned side; /* for which the subjects were loaded, 0: not yet */
    bool guessed;
    OrfHullShape shape;
} Maker;

static void
maker_clear(Maker *maker)
{
    for (unsigned i = 0; i < maker->n; i++)
        orf_subject_clear(&maker->subjects[i]);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Maker, maker_clear)

/* --- Angles ------------------------------------------------------------------------------- */

static double
angle_between(double a, double b)
{
    double d = fmod(fabs(a - b), 360);
    return MIN(d, 360 - d);
}

static void
default_yaws(OrfTask *task, Maker *maker)
{
    double step = maker->n <= 4 ? 90 : 360.0 / maker->n;
    bool given = false;
    for (unsigned i = 0; i < maker->n; i++) {
        maker->yaws[i] = orf_recipe_picture(maker->recipe, i)->yaw;
        given |= !isnan(maker->yaws[i]);
    }
    for (unsigned i = 0; i < maker->n; i++)
        if (isnan(maker->yaws[i]))
            maker->yaws[i] = i * step;
    if (!given)
        orf_task_note(
            task, "no --views given: took the pictures as seen from 0, %g, ... degrees", step);
}

static bool
check_yaws(const Maker *maker, GError **error)
{
    double widest = 0;
    for (unsigned i = 0; i < maker->n; i++)
        for (unsigned k = 0; k < i; k++) {
            double between = angle_between(maker->yaws[i], maker->yaws[k]);
            if (between < 5)
                return ORF_FALSE(error, BAD_INPUT,
                                 "hull: %s and %s are both seen from %g degrees; give each "
                                 "picture its own angle with --views",
                                 orf_recipe_picture(maker->recipe, k)->name,
                                 orf_recipe_picture(maker->recipe, i)->name, maker->yaws[i]);
            widest = MAX(widest, MIN(between, 180 - between));
        }
    if (widest < 25)
        return ORF_FALSE(error, BAD_INPUT,
                         "hull: all pictures look along one line, so nothing bounds the depth; "
                         "add one from the side, or use --generator inflate with the front");
    return true;
}

/* --- Cameras ------------------------------------------------------------------------------ */

typedef struct {
    float center[2], focal; /* px of the subject's picture */
} Camera;

static float
half_field(const Maker *maker)
{
    return (float)tan(orf_params_number(maker->recipe->params, "fov") * G_PI / 360);
}

static Camera
shared_camera(const Maker *maker, const OrfSubject *subject)
{
    return (Camera){ { (float)(subject->frame[0] / 2 - subject->offset[0]),
                       (float)(subject->frame[1] / 2 - subject->offset[1]) },
                     (float)MAX(subject->frame[0], subject->frame[1]) / 2 / half_field(maker) };
}

static float
box_side(const OrfSubject *subject, unsigned axis)
{
    return MAX(subject->box[axis + 2] - subject->box[axis], 1);
}

/* Tops, bottoms and middles of all subjects agree under one camera going round. */
static bool
framed_alike(const Maker *maker)
{
    float low[3] = { INFINITY, INFINITY, INFINITY }, high[3] = { 0 }, tall = 0;
    high[0] = high[1] = high[2] = -INFINITY;
    for (unsigned i = 0; i < maker->n; i++) {
        const OrfSubject *subject = &maker->subjects[i];
        const OrfPicture *picture = orf_recipe_picture(maker->recipe, i);
        const OrfPicture *first = orf_recipe_picture(maker->recipe, 0);
        if (picture->info.width != first->info.width ||
            picture->info.height != first->info.height)
            return false;
        Camera camera = shared_camera(maker, subject);
        float at[3] = { (subject->box[1] - camera.center[1]) / camera.focal,
                        (subject->box[3] - camera.center[1]) / camera.focal, 0 };
        for (unsigned k = 0; k < 2; k++) {
            low[k] = MIN(low[k], at[k]);
            high[k] = MAX(high[k], at[k]);
        }
        tall = MAX(tall, at[1] - at[0]);
    }
    return high[0] - low[0] < SAME_PLACE * tall && high[1] - low[1] < SAME_PLACE * tall;
}

/* Opposite views see the body from both sides: their middles must mirror each other. */
static bool
centred_alike(const Maker *maker)
{
    for (unsigned i = 0; i < maker->n; i++)
        for (unsigned k = 0; k < i; k++) {
            if (angle_between(maker->yaws[i], maker->yaws[k]) < 175)
                continue;
            const OrfSubject *a = &maker->subjects[i], *b = &maker->subjects[k];
            Camera ca = shared_camera(maker, a), cb = shared_camera(maker, b);
            float middle_a = ((a->box[0] + a->box[2]) / 2 - ca.center[0]) / ca.focal;
            float middle_b = ((b->box[0] + b->box[2]) / 2 - cb.center[0]) / cb.focal;
            float wide = MAX(box_side(a, 0), box_side(a, 1)) / ca.focal;
            if (fabsf(middle_a + middle_b) > SAME_MIDDLE * wide)
                return false;
        }
    return true;
}

static bool
shares_framing(OrfTask *task, const Maker *maker)
{
    const char *framing = orf_params_text(maker->recipe->params, "framing");
    if (!g_str_equal(framing, "auto"))
        return g_str_equal(framing, "shared");
    if (framed_alike(maker) && centred_alike(maker))
        return true;
    orf_task_note(task, "the pictures are framed differently: each subject was brought to one "
                        "height; set framing=shared if one camera went round");
    return false;
}

static void
set_cameras(OrfTask *task, const Maker *maker, Camera *cameras)
{
    if (shares_framing(task, maker)) {
        for (unsigned i = 0; i < maker->n; i++)
            cameras[i] = shared_camera(maker, &maker->subjects[i]);
        return;
    }
    float longest = 1; /* side of any subject, in heights */
    for (unsigned i = 0; i < maker->n; i++)
        longest =
            MAX(longest, box_side(&maker->subjects[i], 0) / box_side(&maker->subjects[i], 1));
    float height = FILLS * 2 * half_field(maker) / longest;
    for (unsigned i = 0; i < maker->n; i++) {
        const float *box = maker->subjects[i].box;
        cameras[i] = (Camera){ { (box[0] + box[2]) / 2, (box[1] + box[3]) / 2 },
                               box_side(&maker->subjects[i], 1) / height };
    }
}

/* Longest side of the object, in the hull's units. */
static float
object_side(const Maker *maker, const Camera *cameras)
{
    float longest = 0;
    for (unsigned i = 0; i < maker->n; i++)
        for (unsigned axis = 0; axis < 2; axis++)
            longest = MAX(longest, box_side(&maker->subjects[i], axis) / cameras[i].focal);
    return longest;
}

/* --- Views -------------------------------------------------------------------------------- */

static unsigned
stage_cells(const OrfRecipe *recipe, OrfStage stage)
{
    static const unsigned cells[3][3] = { { 48, 96, 160 }, { 64, 128, 256 }, { 64, 192, 384 } };
    const char *quality = orf_params_text(recipe->params, "quality");
    unsigned row = g_str_equal(quality, "draft") ? 0 : g_str_equal(quality, "standard") ? 1 : 2;
    unsigned asked = (unsigned)orf_params_int(recipe->params, "resolution");
    unsigned usual = cells[row][MIN(stage, ORF_FINAL)];
    if (asked == 0)
        return usual;
    return MAX(16u, stage == ORF_FINAL ? asked : MIN(usual, asked));
}

typedef struct {
    OrfTask *task;
    Maker *maker;
    unsigned side;
    GError *errors[ORF_HULL_MAX_VIEWS];
} Load;

static void
load_range(size_t begin, size_t end, void *data)
{
    Load *load = data;
    for (size_t i = begin; i < end; i++)
        orf_subject_init(load->task, load->maker->item, i, load->side,
                         &load->maker->subjects[i], &load->errors[i]);
}

/* The first error in the order of the pictures; the others are dropped. */
static bool
take_error(Load *load, GError **error)
{
    bool failed = false;
    for (unsigned i = 0; i < load->maker->n; i++) {
        if (!load->errors[i])
            continue;
        if (!failed)
            g_propagate_error(error, g_steal_pointer(&load->errors[i]));
        else
            g_clear_error(&load->errors[i]);
        failed = true;
    }
    return failed;
}

/* All pictures at once. The preview takes small, fast ones; all later stages share those of the
 * last. */
static bool
load_subjects(OrfTask *task, Maker *maker, OrfStage stage, GError **error)
{
    OrfStage last = MIN(orf_stage_last(maker->recipe), ORF_FINAL);
    unsigned side = orf_stage_picture_side(maker->recipe, stage == ORF_PREVIEW ? stage : last);
    if (maker->side == side)
        return true;
    maker_clear(maker);
    maker->guessed = false;
    Load load = { .task = task, .maker = maker, .side = side };
    bool done = orf_task_parallel(task, maker->n, 1, load_range, &load);
    if (take_error(&load, error) || (!done && !orf_task_check(task, error)))
        return false;
    maker->side = side;
    return true;
}

/* A view of subject i at about `side` px. `ret_picture` may be NULL. */
static bool
make_view(OrfTask *task, const Maker *maker, const Camera *cameras, unsigned i, unsigned side,
          OrfHullView *ret_view, OrfImage **ret_picture, GError **error)
{
    g_auto(OrfSubject) small = { 0 };
    const OrfSubject *subject = &maker->subjects[i];
    if (!orf_subject_shrink(task, subject, side, &small, error))
        return false;
    float scale[2] = {
        (float)orf_image_width(small.alpha) / (float)orf_image_width(subject->alpha),
        (float)orf_image_height(small.alpha) / (float)orf_image_height(subject->alpha)
    };
    float focal = cameras[i].focal * (scale[0] + scale[1]) / 2;
    float center[2] = { cameras[i].center[0] * scale[0], cameras[i].center[1] * scale[1] };
    float wall = (float)(orf_params_number(maker->recipe->params, "wall") /
                         orf_params_number(maker->recipe->params, "size")) *
                 object_side(maker, cameras) * focal;
    if (!orf_hull_view_init(task, small.alpha, wall, ret_view, error))
        return false;
    orf_hull_aim(ret_view, maker->yaws[i], center, focal);
    if (ret_picture)
        *ret_picture = g_steal_pointer(&small.picture);
    return true;
}

static bool
make_views(OrfTask *task, const Maker *maker, const Camera *cameras, unsigned side,
           OrfHull *hull, OrfImage **pictures, GError **error)
{
    for (unsigned i = 0; i < maker->n; i++) {
        if (!make_view(task, maker, cameras, i, side, &hull->views[i],
                       pictures ? &pictures[i] : NULL, error))
            return false;
        hull->n_views = i + 1;
    }
    return true;
}

#define GUESS_SIDE 480

static bool
guess_shape(OrfTask *task, Maker *maker, const Camera *cameras, OrfStage stage, GError **error)
{
    if (maker->guessed)
        return true;
    maker->guessed = true;
    double asked = orf_params_number(maker->recipe->params, "roundness");
    if (asked > 0) {
        maker->shape.box = (float)(1 - asked);
        return true;
    }
    g_auto(OrfHull) hull = { 0 };
    OrfImage *pictures[ORF_HULL_MAX_VIEWS] = { 0 };
    bool done = make_views(task, maker, cameras, GUESS_SIDE, &hull, pictures, error);
    if (done) {
        orf_hull_guess_shape(&hull, pictures, &maker->shape);
        if (stage != ORF_PREVIEW || orf_stage_last(maker->recipe) == ORF_PREVIEW)
            orf_task_note(task, "hull: %s", maker->shape.why);
    }
    for (unsigned i = 0; i < maker->n; i++)
        g_clear_pointer(&pictures[i], orf_image_unref);
    return done;
}

/* --- Stages ------------------------------------------------------------------------------- */

static OrfAsset *
dress(OrfTask *task, const Maker *maker, const Camera *cameras, const OrfMesh *shape,
      OrfStage stage, GError **error)
{
    float scale, offset[3];
    g_autoptr(OrfMesh) posed =
        orf_finish_pose(task, maker->recipe, shape, &scale, offset, error);
    if (!posed)
        return NULL;
    if (!orf_params_bool(maker->recipe->params, "texture"))
        return orf_asset_new(posed, NULL, 0);
    OrfProjection views[ORF_HULL_MAX_VIEWS];
    for (unsigned i = 0; i < maker->n; i++)
        views[i] = (OrfProjection){ .picture = maker->subjects[i].picture,
                                    .yaw = (float)maker->yaws[i],
                                    .center = { cameras[i].center[0], cameras[i].center[1] },
                                    .scale = cameras[i].focal / scale,
                                    .target = { offset[0], offset[1], offset[2] },
                                    .distance = scale };
    unsigned side = (unsigned)orf_params_int(maker->recipe->params, "texture-size");
    OrfDress how = { .side = stage == ORF_PREVIEW ? MIN(side, 512) : side,
                     .back = ORF_BACK_PLAIN };
    return orf_asset_dress_views(task, posed, views, maker->n, &how, error);
}

static OrfAsset *
make_stage(OrfTask *task, const OrfBatchItem *item, OrfStage stage, void *data, GError **error)
{
    const OrfRecipe *recipe = item->recipe;
    static const size_t triangles[] = { 8000, 30000, 80000 };
    Maker *maker = data;
    Camera cameras[ORF_HULL_MAX_VIEWS];
    OrfTask *part = orf_task_step(task);
    if (!load_subjects(part, maker, stage, error))
        return NULL;
    set_cameras(stage == ORF_PREVIEW ? task : NULL, maker, cameras);
    g_auto(OrfHull) hull = { 0 };
    if (!guess_shape(part, maker, cameras, stage, error) ||
        !make_views(part, maker, cameras, orf_stage_side(recipe, stage), &hull, NULL, error))
        return NULL;
    hull.shape = maker->shape;
    part = orf_task_step(task);
    OrfField field = { 0 };
    if (!orf_hull_field(part, &hull, stage_cells(recipe, stage), &field, error))
        return NULL;
    OrfCarved how = { .crumb = 0.002f, .rounds = 8, .triangles = triangles[stage] };
    g_autoptr(OrfMesh) shape = orf_carved_mesh(part, &field, &how, error);
    orf_free((void *)field.field);
    return shape ? dress(orf_task_step(task), maker, cameras, shape, stage, error) : NULL;
}

static OrfAsset *
make_asset(const OrfBatchItem *item, GError **error)
{
    g_auto(Maker)
        maker = { .item = item, .recipe = item->recipe, .n = item->recipe->pictures->len };
    if (maker.n < 2)
        return ORF_FAIL(
            error, BAD_INPUT,
            "hull: needs at least 2 pictures from different sides, 1 given; for one "
            "picture use --generator inflate");
    default_yaws(item->task, &maker);
    if (!check_yaws(&maker, error))
        return NULL;
    return orf_stages_run(item->task, item, make_stage, &maker, error);
}

static void
run(OrfBatch *batch)
{
    orf_batch_each(batch, make_asset);
}

/* Several views share one grid; of one nothing is made. */
static OrfNeed
estimate(OrfEngine *engine, const OrfRecipe *recipe, OrfStage stage)
{
    (void)engine, (void)stage;
    return orf_need_of_grid(recipe, (uint64_t)(recipe->pictures->len < 2 ? 32 : 160) << 20);
}

const OrfGenerator orf_generator_hull = {
    .name = "hull",
    .title = "body from several sides",
    .help = "Carves the body that 2 to 8 pictures from known sides agree on.",
    .params = params,
    .n_params = G_N_ELEMENTS(params),
    .min_pictures = 1,
    .max_pictures = ORF_HULL_MAX_VIEWS,
    .suits = orf_suits_hull,
    .run = run,
    .estimate = estimate,
};
