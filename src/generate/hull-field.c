/* hull-field.c - the body that several outlines agree on.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * The plain visual hull (Laurentini 1994) has two faults with few views. Its sections are boxes
 * even where the object is round; and every flat face becomes a low pyramid, because a
 * perspective view bounds a face only by its nearest edge. So the field is the least of three:
 *
 *   hull     signed distance to each outline, at the point's own depth: never left;
 *   contact  the same, but at the depth where the outline touches the body. Outlines of round
 *            sections touch at the side, those of boxes at the edge nearest to the eye; tops
 *            and bottoms are taken as nearly flat and touch there in both cases;
 *   round    1 - |section|_p: superellipses between box (large p) and ellipse (p = 2), where
 * the section is not much longer than wide.
 *
 * Where a section lies and how far it reaches along the line of sight is read from the views at
 * right angles to it, in two rounds, because reading it needs the depth. */
#include "generate/hull-priv.h"

#include <math.h>
#include <string.h>

/* A contact lies no further off the middle of its section than these times the half width and,
 * at tops and bottoms, the half height. Boxes may be longer. */
#define REACH 2.5f
#define END_REACH 2.0f
#define BOX_REACH 9.0f
#define RIGHT_ANGLE 0.85f /* sine of the least angle between views that see a section */
#define ROUND_FROM 0.05f  /* sections thinner than this share of their length stay boxes */
#define ROUND_FULL 0.20f
#define BLOCK 2          /* cells a side that are skipped together at least */
#define FAR_OUTSIDE 1.3f /* half diagonals off the plain hull: no surface in a block */
#define FAR_INSIDE 1.7f  /* the same for the field, which may be steeper */
#define COARSE 40        /* samples a side to find the box */

typedef struct {
    float middle, half;
    float even, tall; /* half, evened out over rows; half height at the place */
} Span;

typedef struct {
    const OrfHull *hull;
    unsigned n_same[ORF_HULL_MAX_VIEWS], n_across[ORF_HULL_MAX_VIEWS];
    uint8_t same[ORF_HULL_MAX_VIEWS][ORF_HULL_MAX_VIEWS];   /* from the same or opposite side */
    uint8_t across[ORF_HULL_MAX_VIEWS][ORF_HULL_MAX_VIEWS]; /* at about right angles */
    float sign[ORF_HULL_MAX_VIEWS][ORF_HULL_MAX_VIEWS];
    float power, side_contact, end_contact, reach, end_reach;
} Carver;

static void
carver_init(Carver *carver, const OrfHull *hull)
{
    *carver = (Carver){ .hull = hull };
    float box = hull->shape.box;
    carver->power = 2 / MAX(1 - box, 0.02f);
    carver->side_contact = 0.15f + 0.85f * box;
    carver->end_contact = 0.85f + 0.15f * box;
    carver->reach = REACH + BOX_REACH * box;
    carver->end_reach = END_REACH + BOX_REACH * box;
    for (unsigned v = 0; v < hull->n_views; v++)
        for (unsigned k = 0; k < hull->n_views; k++) {
            const OrfHullView *a = &hull->views[v], *b = &hull->views[k];
            float along = a->toward[0] * b->right[0] + a->toward[1] * b->right[1];
            float beside = a->right[0] * b->right[0] + a->right[1] * b->right[1];
            if (fabsf(along) >= RIGHT_ANGLE) {
                carver->across[v][carver->n_across[v]++] = (uint8_t)k;
                carver->sign[v][k] = along > 0 ? 1 : -1;
            } else if (fabsf(beside) >= 0.99f) {
                carver->same[v][carver->n_same[v]++] = (uint8_t)k;
                carver->sign[v][k] = beside > 0 ? 1 : -1;
            }
        }
}

/* --- Looking things up in a view ---------------------------------------------------------- */

/* Signed distance in pixels; beyond the crop it goes on falling. */
static float
distance_at(const OrfHullView *view, float x, float y)
{
    float cx = CLAMP(x - 0.5f, 0, (float)(view->width - 1)),
          cy = CLAMP(y - 0.5f, 0, (float)(view->height - 1));
    unsigned ix = MIN((unsigned)cx, view->width - 2), iy = MIN((unsigned)cy, view->height - 2);
    const float *p = view->signed_px + (size_t)iy * view->width + ix;
    float tx = cx - (float)ix, ty = cy - (float)iy;
    float top = p[0] + tx * (p[1] - p[0]);
    float bottom = p[view->width] + tx * (p[view->width + 1] - p[view->width]);
    return top + ty * (bottom - top) - fabsf(x - 0.5f - cx) - fabsf(y - 0.5f - cy);
}

/* The run at a place, in the object's units, measured along the picture's right. */
static Span
run_at(const OrfHullView *view, float right, float y, float depth)
{
    float scale = view->focal / depth;
    int ix = (int)floorf(view->center[0] + scale * right);
    int iy = (int)floorf(view->center[1] - scale * y);
    ix = CLAMP(ix, 0, (int)view->width - 1);
    iy = CLAMP(iy, 0, (int)view->height - 1);
    const float *run = view->runs + 4 * ((size_t)iy * view->width + (size_t)ix);
    return (Span){ (run[0] - view->center[0]) / scale, run[1] / scale, run[2] / scale,
                   run[3] / scale };
}

/* --- Sections ----------------------------------------------------------------------------- */

typedef struct {
    float right[ORF_HULL_MAX_VIEWS], toward[ORF_HULL_MAX_VIEWS]; /* of the point */
    Span wide[ORF_HULL_MAX_VIEWS], deep[ORF_HULL_MAX_VIEWS];     /* of its section */
} Section;

/* How much nearer than the middle of the section the outline of view v touches. */
static float
contact(const Carver *carver, const Section *section, unsigned v, float share)
{
    return share * MIN(section->deep[v].even, carver->reach * section->wide[v].even);
}

/* Extent along the line of sight of view v, from the views across. */
static Span
deep_span(const Carver *carver, const Span *run, unsigned v)
{
    unsigned n = carver->n_across[v];
    if (n == 0)
        return (Span){ 0 };
    Span span = { 0, INFINITY, INFINITY, 0 };
    for (unsigned i = 0; i < n; i++) {
        unsigned k = carver->across[v][i];
        span.middle += carver->sign[v][k] * run[k].middle / (float)n;
        span.half = MIN(span.half, run[k].half);
        span.even = MIN(span.even, run[k].even);
    }
    return span;
}

static Span
wide_span(const Carver *carver, const Span *run, unsigned v)
{
    unsigned n = carver->n_same[v];
    Span span = { 0, INFINITY, INFINITY, 0 };
    for (unsigned i = 0; i < n; i++) {
        unsigned k = carver->same[v][i];
        span.middle += carver->sign[v][k] * run[k].middle / (float)n;
        span.half = MIN(span.half, run[k].half);
        span.even = MIN(span.even, run[k].even);
        span.tall = MAX(span.tall, run[k].tall);
    }
    return span;
}

static void
find_section(const Carver *carver, float y, Section *section)
{
    unsigned n = carver->hull->n_views;
    for (unsigned v = 0; v < n; v++)
        section->wide[v] = section->deep[v] = (Span){ 0 };
    for (unsigned round = 0; round < 2; round++) {
        Span run[ORF_HULL_MAX_VIEWS];
        for (unsigned v = 0; v < n; v++) {
            float depth =
                1 - section->deep[v].middle - contact(carver, section, v, carver->side_contact);
            run[v] = run_at(&carver->hull->views[v], section->right[v], y, depth);
        }
        for (unsigned v = 0; v < n; v++) {
            section->wide[v] = wide_span(carver, run, v);
            section->deep[v] = deep_span(carver, run, v);
        }
    }
}

/* --- The field at a point ----------------------------------------------------------------- */

static float
outline(const OrfHullView *view, float right, float y, float depth_x, float depth_y)
{
    float x = view->center[0] + view->focal * right / depth_x;
    float down = view->center[1] - view->focal * y / depth_y;
    return distance_at(view, x, down) * depth_x / view->focal;
}

static float
plain_hull(const Carver *carver, const float at[3], Section *section)
{
    float least = INFINITY;
    for (unsigned v = 0; v < carver->hull->n_views; v++) {
        const OrfHullView *view = &carver->hull->views[v];
        section->right[v] = at[0] * view->right[0] + at[2] * view->right[1];
        section->toward[v] = at[0] * view->toward[0] + at[2] * view->toward[1];
        float depth = MAX(1 - section->toward[v], 0.05f);
        least = MIN(least, outline(view, section->right[v], at[1], depth, depth));
    }
    return least;
}

static float
at_contact(const Carver *carver, float y, const Section *section)
{
    float least = INFINITY;
    for (unsigned v = 0; v < carver->hull->n_views; v++) {
        if (carver->n_across[v] == 0)
            continue;
        float middle = 1 - section->deep[v].middle;
        float side = middle - contact(carver, section, v, carver->side_contact);
        float end = middle - MIN(contact(carver, section, v, carver->end_contact),
                                 carver->end_reach * section->wide[v].tall);
        least = MIN(least, outline(&carver->hull->views[v], section->right[v], y, side, end));
    }
    return least;
}

static float
smooth(float low, float high, float x)
{
    float t = CLAMP((x - low) / (high - low), 0, 1);
    return t * t * (3 - 2 * t);
}

static float
norm(float a, float b, float power)
{
    if (power < 2.05f)
        return sqrtf(a * a + b * b);
    float most = MAX(a, b);
    return most > 0 ? most * powf(1 + powf(MIN(a, b) / most, power), 1 / power) : 0;
}

static float
rounded(const Carver *carver, const Section *section)
{
    float least = INFINITY;
    for (unsigned v = 0; v < carver->hull->n_views; v++) {
        const Span *wide = &section->wide[v], *deep = &section->deep[v];
        float half_wide = MAX(wide->half, wide->even), half_deep = MAX(deep->half, deep->even);
        float thin = MIN(half_wide, half_deep), thick = MAX(half_wide, half_deep);
        if (carver->n_across[v] == 0 || !(thin > ROUND_FROM * thick))
            continue;
        float power = carver->power / smooth(ROUND_FROM, ROUND_FULL, thin / thick);
        if (power > 60)
            continue;
        float a = fabsf(section->right[v] - wide->middle) / half_wide;
        float b = fabsf(section->toward[v] - deep->middle) / half_deep;
        least = MIN(least, (1 - norm(a, b, power)) * thin);
    }
    return least;
}

/* `plain` is the value of the plain hull, whose gradient is bounded. */
static float
field_at(const Carver *carver, const float at[3], float give_up, float *ret_plain)
{
    Section section;
    float plain = plain_hull(carver, at, &section);
    *ret_plain = plain;
    if (plain < give_up)
        return plain;
    find_section(carver, at[1], &section);
    return MIN(plain, MIN(at_contact(carver, at[1], &section), rounded(carver, &section)));
}

/* --- The grid ----------------------------------------------------------------------------- */

typedef struct {
    const Carver *carver;
    OrfField *grid;
    float *values;
} Fill;

static void
fill_cells(const Fill *fill, const unsigned low[3], const unsigned high[3])
{
    const OrfField *grid = fill->grid;
    for (unsigned z = low[2]; z < high[2]; z++)
        for (unsigned y = low[1]; y < high[1]; y++)
            for (unsigned x = low[0]; x < high[0]; x++) {
                float at[3] = { grid->origin[0] + grid->cell * (float)x,
                                grid->origin[1] + grid->cell * (float)y,
                                grid->origin[2] + grid->cell * (float)z };
                float plain;
                fill->values[((size_t)z * grid->ny + y) * grid->nx + x] =
                    field_at(fill->carver, at, -2 * grid->cell, &plain);
            }
}

static void
fill_constant(const Fill *fill, const unsigned low[3], const unsigned high[3], float value)
{
    const OrfField *grid = fill->grid;
    for (unsigned z = low[2]; z < high[2]; z++)
        for (unsigned y = low[1]; y < high[1]; y++)
            for (unsigned x = low[0]; x < high[0]; x++)
                fill->values[((size_t)z * grid->ny + y) * grid->nx + x] = value;
}

/* Halves a block until its middle says that the surface is far, or it is small. */
static void
fill_block(const Fill *fill, const unsigned low[3], const unsigned high[3])
{
    const OrfField *grid = fill->grid;
    float at[3], radius = 0, plain;
    unsigned longest = 0, middle[3];
    for (unsigned a = 0; a < 3; a++) {
        if (low[a] >= high[a])
            return;
        unsigned size = high[a] - low[a];
        longest = MAX(longest, size);
        middle[a] = low[a] + (size + 1) / 2;
        at[a] = grid->origin[a] + grid->cell * ((float)low[a] + (float)(size - 1) / 2);
        radius += (float)(size * size);
    }
    radius = sqrtf(radius) / 2 * grid->cell;
    float value = field_at(fill->carver, at, -FAR_OUTSIDE * radius, &plain);
    if (plain < -FAR_OUTSIDE * radius || value < -2 * FAR_INSIDE * radius ||
        value > FAR_INSIDE * radius) {
        fill_constant(fill, low, high, value);
        return;
    }
    if (longest <= BLOCK) {
        fill_cells(fill, low, high);
        return;
    }
    for (unsigned part = 0; part < 8; part++) {
        unsigned from[3], to[3];
        for (unsigned a = 0; a < 3; a++) {
            from[a] = (part >> a) & 1 ? middle[a] : low[a];
            to[a] = (part >> a) & 1 ? high[a] : middle[a];
        }
        fill_block(fill, from, to);
    }
}

#define SLAB 16

static void
fill_slabs(size_t begin, size_t end, void *data)
{
    const Fill *fill = data;
    for (size_t slab = begin; slab < end; slab++) {
        unsigned z = (unsigned)slab * SLAB;
        for (unsigned y = 0; y < fill->grid->ny; y += SLAB)
            for (unsigned x = 0; x < fill->grid->nx; x += SLAB) {
                const unsigned low[3] = { x, y, z };
                const unsigned high[3] = { MIN(x + SLAB, fill->grid->nx),
                                           MIN(y + SLAB, fill->grid->ny),
                                           MIN(z + SLAB, fill->grid->nz) };
                fill_block(fill, low, high);
            }
    }
}

/* Grid over a box, `side` cells along its longest axis, and its values. */
static bool
fill_grid(OrfTask *task, const Carver *carver, const float low[3], const float high[3],
          unsigned side, OrfField *ret_grid, GError **error)
{
    OrfField grid = { 0 };
    uint32_t *count[3] = { &grid.nx, &grid.ny, &grid.nz };
    float longest = MAX(MAX(high[0] - low[0], high[1] - low[1]), high[2] - low[2]);
    grid.cell = longest / (float)side;
    for (unsigned a = 0; a < 3; a++) {
        *count[a] = MAX(2u, (uint32_t)ceilf((high[a] - low[a]) / grid.cell) + 2);
        grid.origin[a] = (low[a] + high[a]) / 2 - grid.cell * (float)(*count[a] - 1) / 2;
    }
    Fill fill = { carver, &grid, NULL };
    fill.values =
        ORF_ALLOC(task, float, ((size_t)grid.nx * grid.ny * grid.nz), "hull field", error);
    if (!fill.values)
        return false;
    orf_task_parallel(task, (grid.nz + SLAB - 1) / SLAB, 1, fill_slabs, &fill);
    grid.field = fill.values;
    *ret_grid = grid;
    return orf_task_check(task, error);
}

/* Bounds of what is inside a grid, one cell wider; false when nothing is. */
static bool
inner_box(const OrfField *grid, float low[3], float high[3])
{
    bool any = false;
    size_t i = 0;
    for (uint32_t z = 0; z < grid->nz; z++)
        for (uint32_t y = 0; y < grid->ny; y++)
            for (uint32_t x = 0; x < grid->nx; x++, i++) {
                if (!(grid->field[i] > -grid->cell))
                    continue;
                const uint32_t cell[3] = { x, y, z };
                for (unsigned a = 0; a < 3; a++) {
                    float at = grid->origin[a] + grid->cell * (float)cell[a];
                    low[a] = any ? MIN(low[a], at - grid->cell) : at - grid->cell;
                    high[a] = any ? MAX(high[a], at + grid->cell) : at + grid->cell;
                }
                any = true;
            }
    return any;
}

/* A cube that certainly holds the body. */
static float
greatest_reach(const OrfHull *hull)
{
    float reach = 0;
    for (unsigned v = 0; v < hull->n_views; v++) {
        const OrfHullView *view = &hull->views[v];
        float x = MAX(view->center[0], (float)view->width - view->center[0]);
        float y = MAX(view->center[1], (float)view->height - view->center[1]);
        reach = MAX(reach, MAX(x, y) / view->focal);
    }
    return MIN(reach * 1.4f, 0.8f);
}

bool
orf_hull_field(OrfTask *task, const OrfHull *hull, unsigned side, OrfField *ret_field,
               GError **error)
{
    Carver carver;
    carver_init(&carver, hull);
    float reach = greatest_reach(hull);
    float low[3] = { -reach, -reach, -reach }, high[3] = { reach, reach, reach };
    OrfField coarse = { 0 };
    if (!fill_grid(task, &carver, low, high, COARSE, &coarse, error))
        return false;
    bool any = inner_box(&coarse, low, high);
    orf_free((void *)coarse.field);
    if (!any)
        return ORF_FALSE(error, BAD_INPUT,
                         "hull: the outlines have no body in common; check that the pictures "
                         "show one object and that --views names their angles in order");
    return fill_grid(task, &carver, low, high, side, ret_field, error);
}
