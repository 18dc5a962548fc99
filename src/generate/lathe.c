/* lathe.c - a thing turned on a lathe, from its outline: vases, bottles, bowls, chess pieces.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * The axis is the outline's best upright mirror line. Each row gives a radius; what sticks out
 * to the sides of it, with a gap between, is a handle: rows with gaps and their neighbours take
 * the radius from above and below, and the handle becomes a round body of its own that reaches
 * into the turned one. The profile is smoothed where it is smooth, kept where it breaks,
 * thinned, and turned from pole to pole, so the surface is closed by construction. */
#include <math.h>
#include <string.h>

#include "generate/generate-priv.h"

static const OrfParam params[] = {
    ORF_BOOL("hollow", "false",
             "Open at the top, with walls and a floor as thick as `wall` says."),
    ORF_BOOL("handles", "true", "Keep what sticks out to the sides: handles, spouts, ears."),
};

typedef enum {
    ALONE,
    GAPPED,   /* more than one run: a handle with a gap */
    JOINED,   /* a handle on both sides, without a gap: the radius was mended */
    ONE_SIDED /* more on one side than on the other */
} Beside;

typedef struct {
    float *radius;   /* px, of each row */
    uint8_t *beside; /* row has more than one run, or was mended */
    size_t n;
    float axis, top, bottom; /* px; top and bottom at the outline */
    size_t first;            /* row of radius[0] */
    size_t n_beside;
} Profile;

static void
profile_clear(Profile *profile)
{
    g_clear_pointer(&profile->radius, orf_free);
    g_clear_pointer(&profile->beside, orf_free);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Profile, profile_clear)

/* --- Reading the profile ------------------------------------------------------------------ */

static float
crossing(float outer, float inner)
{
    float share = fabsf(inner - outer) > 1e-6f ? (0.5f - outer) / (inner - outer) : 0.5f;
    return CLAMP(share, 0, 1);
}

static bool
has_gap(const float *row, long width)
{
    unsigned runs = 0;
    for (long x = 0; x < width; x++)
        runs += row[x] > 0.5f && (x == 0 || !(row[x - 1] > 0.5f));
    return runs > 1;
}

/* Ends of the run of `row` that holds the axis; false when the axis is outside. */
static bool
find_run(const float *row, long width, float axis, float *ret_from, float *ret_to)
{
    long middle = CLAMP((long)axis, 0, width - 1), left = middle, right = middle;
    if (!(row[middle] > 0.5f))
        return false;
    while (left > 0 && row[left - 1] > 0.5f)
        left--;
    while (right < width - 1 && row[right + 1] > 0.5f)
        right++;
    float before = left > 0 ? row[left - 1] : 0, after = right < width - 1 ? row[right + 1] : 0;
    *ret_from = (float)left - 0.5f + crossing(before, row[left]);
    *ret_to = (float)right + 1.5f - crossing(after, row[right]);
    return true;
}

/* Half width of the run at the axis: the smaller side when they differ. */
static float
read_row(const float *row, long width, float axis, uint8_t *ret_beside)
{
    float from, to;
    *ret_beside = has_gap(row, width) ? GAPPED : ALONE;
    if (!find_run(row, width, axis, &from, &to))
        return 0;
    float a = axis - from, b = to - axis;
    if (fabsf(a - b) < 0.02f * (a + b) + 1)
        return (a + b) / 2;
    *ret_beside = *ret_beside == GAPPED ? GAPPED : ONE_SIDED;
    return MAX(MIN(a, b), 0);
}

static int
compare_float(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

/* The mirror line gives way to one handle; the median of the rows' middles does not. `scratch`
 * is as long as the profile. */
static float
median_axis(const float *alpha, long width, const Profile *p, float *scratch)
{
    size_t n = 0;
    for (size_t i = 0; i < p->n; i++) {
        float from, to;
        const float *row = alpha + (long)(p->first + i) * width;
        if (find_run(row, width, p->axis, &from, &to))
            scratch[n++] = (from + to) / 2;
    }
    if (n == 0)
        return p->axis;
    qsort(scratch, n, sizeof *scratch, compare_float);
    return scratch[n / 2];
}

static bool
read_profile(OrfTask *task, const OrfSubject *subject, double axis, Profile *p, GError **error)
{
    long width = orf_image_width(subject->alpha);
    const float *alpha = orf_image_f32(subject->alpha), *box = subject->box;
    p->axis = box[0] + (float)axis * (box[2] - box[0]);
    p->first = (size_t)MAX(box[1], 0);
    p->n = (size_t)box[3] - p->first;
    p->radius = ORF_ALLOC(task, float, p->n, "lathe: profile", error);
    p->beside = p->radius ? ORF_ALLOC(task, uint8_t, p->n, "lathe: profile", error) : NULL;
    if (!p->beside)
        return false;
    p->axis = median_axis(alpha, width, p, p->radius);
    for (size_t i = 0; i < p->n; i++)
        p->radius[i] =
            read_row(alpha + (long)(p->first + i) * width, width, p->axis, &p->beside[i]);
    p->top = (float)p->first;
    p->bottom = (float)(p->first + p->n);
    return true;
}

/* --- Handles out of the profile ----------------------------------------------------------- */

/* Where a handle runs into the body the row jumps outwards next to a row with a gap, and comes
 * back as the handle leaves: marks from the jump to where the body grows again. */
static void
mark_join(Profile *p, size_t at, int side)
{
    size_t i = at, reach = p->n / 8;
    for (size_t step = 0; step < reach; step++) {
        p->beside[i] = JOINED;
        size_t next = (size_t)((long)i + side);
        if (next >= p->n || p->radius[next] > p->radius[i] + 0.05f)
            return;
        i = next;
    }
}

static void
mark_joins(Profile *p)
{
    for (int side = -1; side <= 1; side += 2)
        for (size_t k = 1; k < p->n; k++) {
            size_t i = side > 0 ? k : p->n - 1 - k, before = (size_t)((long)i - side);
            bool gap = p->beside[before] == GAPPED ||
                       (p->beside[i] == GAPPED && p->beside[before] != JOINED);
            if (gap && p->radius[i] > 1.2f * p->radius[before])
                mark_join(p, i, side);
        }
}

/* Joins get the line between the radii above and below. */
static void
bridge_joins(Profile *p)
{
    for (size_t i = 0; i < p->n; i++) {
        if (p->beside[i] != JOINED)
            continue;
        size_t end = i;
        while (end < p->n && p->beside[end] == JOINED)
            end++;
        float above = i > 0 ? p->radius[i - 1] : 0, below = end < p->n ? p->radius[end] : above;
        above = i > 0 ? above : below;
        for (size_t k = i; k < end; k++) {
            float share = (float)(k - i + 1) / (float)(end - i + 1);
            p->radius[k] = MIN(p->radius[k], above + share * (below - above));
        }
        i = end;
    }
    for (size_t i = 0; i < p->n; i++)
        p->n_beside += p->beside[i] != ALONE;
}

/* --- Smoothing and thinning --------------------------------------------------------------- */

/* Mean of neighbours that differ by less than 2 px: jitter goes, steps stay. */
static bool
smooth(OrfTask *task, Profile *p, GError **error)
{
    orf_autofree float *from = ORF_ALLOC(task, float, p->n, "lathe: profile", error);
    if (!from)
        return false;
    long reach = 2;
    for (int round = 0; round < 2; round++) {
        memcpy(from, p->radius, p->n * sizeof *from);
        for (long i = 0; i < (long)p->n; i++) {
            float sum = 0, weight = 0;
            for (long k = -reach; k <= reach; k++) {
                if (i - k < 0 || i + k < 0 || i - k >= (long)p->n || i + k >= (long)p->n ||
                    fabsf(from[i + k] - from[i]) > 2 || fabsf(from[i - k] - from[i]) > 2)
                    continue;
                float w = (float)(reach + 1 - labs(k));
                sum += w * from[i + k];
                weight += w;
            }
            p->radius[i] = sum / weight;
        }
    }
    return true;
}

/* Distance of b from the line a c. */
static float
off_line(OrfPoint a, OrfPoint b, OrfPoint c)
{
    float dx = c.x - a.x, dy = c.y - a.y, length = hypotf(dx, dy);
    return length > 0 ? fabsf((b.x - a.x) * dy - (b.y - a.y) * dx) / length
                      : hypotf(b.x - a.x, b.y - a.y);
}

/* Douglas and Peucker 1973: marks the points to keep between first and last. The depth of the
 * recursion is bounded by halving where nothing else decides. */
static void
thin(const OrfPoint *points, size_t first, size_t last, float tolerance, uint8_t *keep)
{
    while (last > first + 1) {
        size_t worst = first;
        float most = tolerance;
        for (size_t i = first + 1; i < last; i++) {
            float off = off_line(points[first], points[i], points[last]);
            if (off > most) {
                most = off;
                worst = i;
            }
        }
        if (worst == first)
            return;
        keep[worst] = 1;
        bool left_shorter = worst - first < last - worst;
        thin(points, left_shorter ? first : worst, left_shorter ? worst : last, tolerance,
             keep);
        first = left_shorter ? worst : first;
        last = left_shorter ? last : worst;
    }
}

/* --- The path that is turned: (radius, height up), from the bottom pole to the last pole ---
 */

static bool
add(OrfTask *task, OrfVec *path, float radius, float up, GError **error)
{
    OrfPoint *point = orf_vec_add(task, path, 1, "lathe: path", error);
    if (point)
        *point = (OrfPoint){ radius, up };
    return point != NULL;
}

static bool
outer_path(OrfTask *task, const Profile *p, OrfVec *path, GError **error)
{
    const float least = 0.3f; /* px: a needle, not a second pole */
    if (!add(task, path, MAX(p->radius[p->n - 1], least), -p->bottom, error))
        return false;
    for (size_t k = p->n; k-- > 0;)
        if (!add(task, path, MAX(p->radius[k], least), -((float)(p->first + k) + 0.5f), error))
            return false;
    return add(task, path, MAX(p->radius[0], least), -p->top, error);
}

/* Down the inside: as far from the outside as the wall is thick, measured across the slope. */
static bool
inner_path(OrfTask *task, const Profile *p, float wall, OrfVec *path, GError **error)
{
    float floor_up = -p->bottom + wall, last = 0;
    for (size_t k = 0; k < p->n; k++) {
        float up = -((float)(p->first + k) + 0.5f);
        float slope = (p->radius[MIN(k + 1, p->n - 1)] - p->radius[k > 0 ? k - 1 : 0]) / 2;
        float inside = p->radius[k] - wall * MIN(sqrtf(1 + slope * slope), 3);
        if (up < floor_up || inside < wall / 2)
            break;
        if (!add(task, path, inside, k == 0 ? -p->top : up, error))
            return false;
        last = up;
    }
    return last == 0 || add(task, path, 0, last, error);
}

static bool
thin_path(OrfTask *task, OrfVec *path, float tolerance, GError **error)
{
    orf_autofree uint8_t *keep = ORF_ALLOC(task, uint8_t, path->n, "lathe: path", error);
    if (!keep)
        return false;
    OrfPoint *p = path->data;
    keep[0] = keep[path->n - 1] = 1;
    thin(p, 0, path->n - 1, tolerance, keep);
    size_t n = 0;
    for (size_t i = 0; i < path->n; i++)
        if (keep[i])
            p[n++] = p[i];
    path->n = n;
    return true;
}

static bool
make_path(OrfTask *task, const OrfRecipe *recipe, const Profile *p, float wall, float tolerance,
          OrfVec *path, GError **error)
{
    if (!outer_path(task, p, path, error))
        return false;
    size_t n_outer = path->n;
    if (orf_params_bool(recipe->params, "hollow") && !inner_path(task, p, wall, path, error))
        return false;
    if (path->n > n_outer && path->n < n_outer + 3) /* too narrow to be hollow */
        path->n = n_outer;
    return thin_path(task, path, tolerance, error);
}

/* --- Turning ------------------------------------------------------------------------------ */

typedef struct {
    uint32_t *triangles;
    size_t n;
} Faces;

static void
face(Faces *faces, size_t a, size_t b, size_t c)
{
    uint32_t *t = faces->triangles + 3 * faces->n++;
    t[0] = (uint32_t)a;
    t[1] = (uint32_t)b;
    t[2] = (uint32_t)c;
}

static void
put_rings(const OrfPoint *path, size_t n_rings, size_t segments, float axis, float *positions)
{
    for (size_t i = 0; i < n_rings; i++)
        for (size_t k = 0; k < segments; k++) {
            double angle = 2 * G_PI * (double)k / (double)segments;
            float *p = positions + 3 * (i * segments + k);
            p[0] = axis + path[i].x * (float)sin(angle);
            p[1] = path[i].y;
            p[2] = path[i].x * (float)cos(angle);
        }
}

/* Rings from the bottom up: quads between them, a fan to the pole at either end. */
static void
put_faces(size_t n_rings, size_t segments, Faces *faces)
{
    size_t low = n_rings * segments, high = low + 1, last = (n_rings - 1) * segments;
    for (size_t k = 0; k < segments; k++) {
        size_t next = (k + 1) % segments;
        face(faces, low, next, k);
        face(faces, high, last + k, last + next);
        for (size_t i = 0; i + 1 < n_rings; i++) {
            size_t a = i * segments + k, b = i * segments + next;
            face(faces, a, b, b + segments);
            face(faces, a, b + segments, a + segments);
        }
    }
}

/* The last point may lie on the axis itself: then it is the pole. */
static OrfMesh *
turn(OrfTask *task, const OrfVec *path, float axis, size_t segments, GError **error)
{
    const OrfPoint *points = path->data;
    size_t n_rings = path->n;
    float high = points[path->n - 1].y;
    if (points[path->n - 1].x == 0)
        n_rings--;
    g_auto(OrfMeshParts)
        parts = { .n_vertices = n_rings * segments + 2, .n_triangles = 2 * n_rings * segments };
    parts.positions = ORF_ALLOC(task, float, 3 * parts.n_vertices, "lathe: mesh", error);
    parts.triangles =
        parts.positions ? ORF_ALLOC(task, uint32_t, 3 * parts.n_triangles, "lathe: mesh", error)
                        : NULL;
    if (!parts.triangles)
        return NULL;
    put_rings(points, n_rings, segments, axis, parts.positions);
    float *poles = parts.positions + 3 * n_rings * segments;
    poles[0] = poles[3] = axis;
    poles[1] = points[0].y;
    poles[4] = high;
    Faces faces = { .triangles = parts.triangles };
    put_faces(n_rings, segments, &faces);
    return orf_mesh_new_take(&parts, error);
}

/* --- Handles as bodies of their own ------------------------------------------------------- */

typedef struct {
    OrfRound round;
    float rim;
} Handle;

static void
handle_heights(float x, float y, float *ret_front, float *ret_back, void *data)
{
    const Handle *handle = data;
    float z = orf_round_height(&handle->round, x, y);
    *ret_front = sqrtf(z * z + handle->rim * handle->rim);
    *ret_back = -*ret_front;
}

/* Keeps of one side of a row what lies beyond `reach`, when something lies beyond the radius.
 */
static void
keep_side(const float *alpha, long width, float axis, float radius, float reach, int side,
          float *out)
{
    bool handle = false;
    for (long x = 0; x < width; x++)
        handle |= alpha[x] > 0.5f && (float)side * ((float)x + 0.5f - axis) > radius + 2;
    for (long x = 0; handle && x < width; x++) {
        float beyond = (float)side * ((float)x + 0.5f - axis) - reach;
        if (beyond > -0.5f)
            out[x] = alpha[x] * MIN(beyond + 0.5f, 1);
    }
}

/* What the turned body does not cover in the rows of handles, and a little of what it does. */
static OrfImage *
handle_alpha(OrfTask *task, const OrfSubject *subject, const Profile *p, GError **error)
{
    size_t width = orf_image_width(subject->alpha), height = orf_image_height(subject->alpha);
    float *left = ORF_ALLOC(task, float, (width * height), "lathe: handles", error);
    if (!left)
        return NULL;
    const float *alpha = orf_image_f32(subject->alpha);
    for (size_t i = 0; i < p->n; i++) {
        size_t row = (p->first + i) * width;
        float reach = p->radius[i] - MAX(2, 0.15f * p->radius[i]);
        for (int side = -1; p->beside[i] != ALONE && side <= 1; side += 2)
            keep_side(alpha + row, (long)width, p->axis, p->radius[i], reach, side, left + row);
    }
    return orf_image_new_take((unsigned)width, (unsigned)height, 1, ORF_F32, left);
}

static OrfMesh *
with_handles(OrfTask *task, const OrfRecipe *recipe, const OrfSubject *subject,
             const Profile *p, OrfMesh *turned, GError **error)
{
    if (!orf_params_bool(recipe->params, "handles") || p->n_beside < MAX(p->n / 30, 3))
        return orf_mesh_ref(turned);
    g_autoptr(OrfImage) alpha = handle_alpha(task, subject, p, error);
    if (!alpha)
        return NULL;
    OrfThickness thickness = { .depth = 0.8f, .power = 1 };
    Handle handle = { .rim = orf_stages_half_wall(recipe, subject) };
    if (!orf_round_init(task, alpha, &thickness, &handle.round, error))
        return NULL;
    OrfSheetOptions options = { .rim = handle.rim,
                                .min_area = 0.005f * (float)(p->n * p->n),
                                .heights = handle_heights,
                                .data = &handle };
    g_autoptr(GError) none = NULL; /* no island is large enough to be a handle */
    g_autoptr(OrfMesh) handles = orf_sheets_mesh(task, alpha, &options, &none);
    orf_round_clear(&handle.round);
    if (!handles && !g_error_matches(none, ORF_ERROR, ORF_ERROR_BAD_INPUT)) {
        g_propagate_error(error, g_steal_pointer(&none));
        return NULL;
    }
    return handles ? orf_mesh_join(task, (OrfMesh *[]){ turned, handles }, 2, false, error)
                   : orf_mesh_ref(turned);
}

/* --- Stages ------------------------------------------------------------------------------- */

/* Chords stay within a quarter of a pixel of the circle. */
static size_t
segments_for(const Profile *p, OrfStage stage)
{
    float widest = 1;
    for (size_t i = 0; i < p->n; i++)
        widest = MAX(widest, p->radius[i]);
    double tolerance = stage == ORF_PREVIEW ? 0.25 : 0.12;
    double n = G_PI / acos(1 - MIN(tolerance / (double)widest, 0.5));
    return (size_t)CLAMP(ceil(n / 4) * 4, 24, 160);
}

static OrfMesh *
make_shape(OrfTask *task, const OrfRecipe *recipe, OrfStage stage, const OrfSubject *subject,
           double axis, GError **error)
{
    g_auto(Profile) p = { 0 };
    if (!read_profile(task, subject, axis, &p, error))
        return NULL;
    mark_joins(&p);
    bridge_joins(&p);
    if (!smooth(task, &p, error))
        return NULL;
    g_auto(OrfVec) path = { .item = sizeof(OrfPoint) };
    float wall = 2 * orf_stages_half_wall(recipe, subject);
    if (!make_path(task, recipe, &p, wall, stage == ORF_PREVIEW ? 0.3f : 0.15f, &path, error))
        return NULL;
    g_autoptr(OrfMesh) turned = turn(task, &path, p.axis, segments_for(&p, stage), error);
    return turned ? with_handles(task, recipe, subject, &p, turned, error) : NULL;
}

typedef struct {
    double axis; /* share of the box; read at the first stage */
    bool known;
    OrfSubject kept; /* of the final picture, from medium on */
} Lathe;

static bool
find_axis(OrfTask *task, Lathe *lathe, const OrfSubject *small, GError **error)
{
    OrfSubjectShape shape;
    if (lathe->known)
        return true;
    if (!orf_shape_init(task, small->picture, small->alpha, &shape, error))
        return false;
    lathe->axis = shape.axis;
    lathe->known = true;
    return true;
}

static OrfAsset *
make_stage(OrfTask *task, const OrfBatchItem *item, OrfStage stage, void *data, GError **error)
{
    const OrfRecipe *recipe = item->recipe;
    Lathe *lathe = data;
    g_auto(OrfSubject) subject = { 0 };
    g_auto(OrfSubject) small = { 0 };
    OrfTask *part = orf_task_step(task);
    if (!orf_subject_for_stage(part, item, stage, &lathe->kept, &subject, error) ||
        !orf_subject_shrink(part, &subject, orf_stage_side(recipe, stage), &small, error) ||
        !find_axis(part, lathe, &small, error))
        return NULL;
    g_autoptr(OrfMesh) shape =
        make_shape(orf_task_step(task), recipe, stage, &small, lathe->axis, error);
    if (!shape || !orf_task_check(task, error))
        return NULL;
    bool plain = g_str_equal(orf_params_text(recipe->params, "back"), "plain");
    return orf_stages_dress(orf_task_step(task), recipe, &subject, orf_image_width(small.alpha),
                            shape, plain ? ORF_BACK_PLAIN : ORF_BACK_MIRROR, error);
}

static OrfAsset *
make_asset(const OrfBatchItem *item, GError **error)
{
    Lathe lathe = { 0 };
    OrfAsset *asset = orf_stages_run(item->task, item, make_stage, &lathe, error);
    orf_subject_clear(&lathe.kept);
    return asset;
}

static void
run(OrfBatch *batch)
{
    orf_batch_each(batch, make_asset);
}

const OrfGenerator orf_generator_lathe = {
    .name = "lathe",
    .title = "turned body",
    .help = "Turns the outline about its upright axis: vases, bottles, bowls, chess pieces.",
    .params = params,
    .n_params = G_N_ELEMENTS(params),
    .min_pictures = 1,
    .max_pictures = 1,
    .suits = orf_suits_lathe,
    .run = run,
};
