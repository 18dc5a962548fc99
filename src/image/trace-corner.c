/* trace-corner.c - stair-steps out, corners kept, tips of corners put back.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Smoothing: every crossing may slide along its own grid edge and nowhere else, so whatever it
 * does, the outline passes the same cells in the same order and loops cannot meet. A step back
 * after each step forth, as Taubin's but shorter, keeps small discs from shrinking.
 *
 * A corner is where the outline turns by more than the given angle between the points 2.5 px
 * before and after, more than anywhere near. Marching squares cuts its tip off; the tip is put
 * back where lines through the two sides meet, but only inside a cell that the outline passes
 * there, and that holds no other piece: so again nothing can touch. */
#include "trace-priv.h"

#include <math.h>
#include <string.h>

#define REACH 2.5 /* px along the outline over which turning is measured */
#define NEAR 1.2  /* a side's line is fitted between these distances from the corner */
#define FAR 4.0
#define SAMPLES 6
#define SHORTEST 10 /* px: a loop below has no corners worth the name */

typedef struct {
    double x, y; /* pixels */
} Place;

typedef struct {
    const OrfTraced *traced;
    OrfKnot *knots;
    size_t n;
    double perimeter;
    float *turn; /* [n] radians, signed */
} Loop;

static double
apart(const OrfKnot *a, const OrfKnot *b)
{
    double x = b->x - a->x, y = b->y - a->y;
    return sqrt(x * x + y * y) / ORF_KNOT_ONE;
}

static size_t
step(const Loop *loop, size_t i, int direction)
{
    if (direction > 0)
        return i + 1 < loop->n ? i + 1 : 0;
    return i > 0 ? i - 1 : loop->n - 1;
}

/* The place `distance` px along the outline from knot i. */
static Place
along(const Loop *loop, size_t i, int direction, double distance)
{
    for (size_t k = 0; k < loop->n; k++) {
        size_t j = step(loop, i, direction);
        double length = apart(&loop->knots[i], &loop->knots[j]);
        if (distance <= length) {
            double t = length > 0 ? distance / length : 0;
            return (Place){
                (loop->knots[i].x + t * (loop->knots[j].x - loop->knots[i].x)) / ORF_KNOT_ONE,
                (loop->knots[i].y + t * (loop->knots[j].y - loop->knots[i].y)) / ORF_KNOT_ONE
            };
        }
        distance -= length;
        i = j;
    }
    return (Place){ (double)loop->knots[i].x / ORF_KNOT_ONE,
                    (double)loop->knots[i].y / ORF_KNOT_ONE };
}

/* --- Smoothing ---------------------------------------------------------------------------- */

/* One step of weight `lambda` for all knots, by what they are now; `to` gets the new
 * coordinates. */
static void
relax(const Loop *loop, double lambda, int32_t *to)
{
    for (size_t i = 0; i < loop->n; i++) {
        const OrfKnot *knot = &loop->knots[i];
        const OrfKnot *a = &loop->knots[step(loop, i, -1)];
        const OrfKnot *b = &loop->knots[step(loop, i, 1)];
        int32_t at = knot->slides_x ? knot->x : knot->y;
        double mean =
            knot->slides_x ? 0.5 * ((double)a->x + b->x) : 0.5 * ((double)a->y + b->y);
        int32_t base = orf_knot_cell(at) * ORF_KNOT_ONE + ORF_KNOT_ONE / 2;
        int32_t moved = (int32_t)lround(at + lambda * (mean - at));
        to[i] = CLAMP(moved, base + 1, base + ORF_KNOT_ONE - 1);
    }
}

static void
move(Loop *loop, const int32_t *to)
{
    for (size_t i = 0; i < loop->n; i++)
        if (loop->knots[i].slides_x)
            loop->knots[i].x = to[i];
        else
            loop->knots[i].y = to[i];
}

static bool
smooth(Loop *loop, unsigned rounds, int32_t *scratch, GError **error)
{
    for (unsigned round = 0; round < rounds; round++) {
        relax(loop, 0.5, scratch);
        move(loop, scratch);
        relax(loop, -0.3, scratch);
        move(loop, scratch);
        if (!orf_task_check(loop->traced->task, error))
            return false;
    }
    return true;
}

/* --- Corners ------------------------------------------------------------------------------ */

static void
measure_turns(Loop *loop)
{
    for (size_t i = 0; i < loop->n; i++) {
        Place at = { (double)loop->knots[i].x / ORF_KNOT_ONE,
                     (double)loop->knots[i].y / ORF_KNOT_ONE };
        Place a = along(loop, i, -1, REACH), b = along(loop, i, 1, REACH);
        double ux = at.x - a.x, uy = at.y - a.y, vx = b.x - at.x, vy = b.y - at.y;
        loop->turn[i] = (float)atan2(ux * vy - uy * vx, ux * vx + uy * vy);
    }
}

/* No knot within REACH turns more; of equals the first wins. */
static bool
turns_most(const Loop *loop, size_t i)
{
    for (int direction = -1; direction <= 1; direction += 2) {
        double gone = 0;
        for (size_t j = i;;) {
            size_t k = step(loop, j, direction);
            gone += apart(&loop->knots[j], &loop->knots[k]);
            if (gone > REACH || k == i)
                break;
            float mine = fabsf(loop->turn[i]), other = fabsf(loop->turn[k]);
            if (other > mine || (other == mine && k < i))
                return false;
            j = k;
        }
    }
    return true;
}

static void
find_corners(Loop *loop, double angle)
{
    measure_turns(loop);
    for (size_t i = 0; i < loop->n; i++)
        loop->knots[i].corner = fabsf(loop->turn[i]) > angle && turns_most(loop, i);
}

/* --- Tips --------------------------------------------------------------------------------- */

typedef struct {
    Place at;
    double dx, dy;
} Line;

/* How far a side may be followed: half the way to the next corner. */
static double
side_length(const Loop *loop, size_t corner, int direction)
{
    double length = 0;
    for (size_t i = corner; length < 2 * FAR;) {
        size_t j = step(loop, i, direction);
        length += apart(&loop->knots[i], &loop->knots[j]);
        if (loop->knots[j].corner)
            break;
        i = j;
    }
    return MIN(FAR, length / 2);
}

/* The line through a side, by its main axis; false for a side too short to have one. */
static bool
fit_side(const Loop *loop, size_t corner, int direction, Line *ret_line)
{
    double far = side_length(loop, corner, direction);
    double near = MIN(NEAR, far / 2); /* the middle of a short side has its direction */
    if (far < 0.7)
        return false;
    Place place[SAMPLES], mean = { 0, 0 };
    for (int k = 0; k < SAMPLES; k++) {
        place[k] = along(loop, corner, direction, near + (far - near) * k / (SAMPLES - 1));
        mean.x += place[k].x / SAMPLES;
        mean.y += place[k].y / SAMPLES;
    }
    double xx = 0, xy = 0, yy = 0;
    for (int k = 0; k < SAMPLES; k++) {
        double dx = place[k].x - mean.x, dy = place[k].y - mean.y;
        xx += dx * dx;
        xy += dx * dy;
        yy += dy * dy;
    }
    double angle = 0.5 * atan2(2 * xy, xx - yy);
    *ret_line = (Line){ mean, cos(angle), sin(angle) };
    return true;
}

static bool
meet(const Line *a, const Line *b, Place *ret_place)
{
    double cross = a->dx * b->dy - a->dy * b->dx;
    if (fabs(cross) < 0.3) /* sides nearly in line: no tip to speak of */
        return false;
    double t = ((b->at.x - a->at.x) * b->dy - (b->at.y - a->at.y) * b->dx) / cross;
    *ret_place = (Place){ a->at.x + t * a->dx, a->at.y + t * a->dy };
    return true;
}

static bool
is_saddle(const OrfTraced *traced, int x, int y)
{
    bool a = orf_traced_value(traced, x, y) >= traced->level;
    bool b = orf_traced_value(traced, x + 1, y) >= traced->level;
    bool c = orf_traced_value(traced, x + 1, y + 1) >= traced->level;
    bool d = orf_traced_value(traced, x, y + 1) >= traced->level;
    return a == c && b == d && a != b;
}

/* The tip, moved into the cell that the outline passes between knots i and i + 1. Yields how
 * far it had to move in px, INFINITY when the cell is shared. */
static double
tip_in_cell(const Loop *loop, size_t i, const Place *tip, OrfKnot *ret_knot)
{
    const OrfKnot *a = &loop->knots[i], *b = &loop->knots[step(loop, i, 1)];
    int x = orf_knot_cell((a->x + b->x) >> 1), y = orf_knot_cell((a->y + b->y) >> 1);
    if (is_saddle(loop->traced, x, y))
        return INFINITY;
    int32_t left = x * ORF_KNOT_ONE + ORF_KNOT_ONE / 2;
    int32_t top = y * ORF_KNOT_ONE + ORF_KNOT_ONE / 2;
    double px = CLAMP(tip->x * ORF_KNOT_ONE, left + 1, left + ORF_KNOT_ONE - 1);
    double py = CLAMP(tip->y * ORF_KNOT_ONE, top + 1, top + ORF_KNOT_ONE - 1);
    *ret_knot = (OrfKnot){ (int32_t)lround(px), (int32_t)lround(py), false, true, true };
    return hypot(px / ORF_KNOT_ONE - tip->x, py / ORF_KNOT_ONE - tip->y);
}

/* Finds after which knot the tip of corner i belongs: the cell, of the five about it, that it
 * lies in or next to. */
static bool
place_tip(const Loop *loop, size_t i, size_t *ret_after, OrfKnot *ret_knot)
{
    Line back, ahead;
    Place tip;
    if (!fit_side(loop, i, -1, &back) || !fit_side(loop, i, 1, &ahead) ||
        !meet(&back, &ahead, &tip))
        return false;
    double least = 0.7;
    size_t at = step(loop, step(loop, i, -1), -1);
    for (int k = 0; k < 4; k++, at = step(loop, at, 1)) {
        OrfKnot knot = { 0 };
        double moved = tip_in_cell(loop, at, &tip, &knot);
        if (moved < least) {
            least = moved;
            *ret_after = at;
            *ret_knot = knot;
        }
    }
    return least < 0.7;
}

/* --- All loops ---------------------------------------------------------------------------- */

/* What becomes of knot i. */
typedef struct {
    OrfKnot tip;   /* goes after it, */
    bool has_tip;  /* if there is one */
    bool replaced; /* it was a corner, but its tip is one now */
} Change;

static void
place_tips(const Loop *loop, Change *change)
{
    memset(change, 0, loop->n * sizeof *change);
    for (size_t i = 0; i < loop->n; i++) {
        size_t after = 0;
        OrfKnot tip;
        if (!loop->knots[i].corner || !place_tip(loop, i, &after, &tip) ||
            change[after].has_tip)
            continue;
        change[after].tip = tip;
        change[after].has_tip = true;
        change[i].replaced = true;
    }
}

static bool
copy_with_tips(const Loop *loop, const Change *change, OrfVec *out, GError **error)
{
    for (size_t i = 0; i < loop->n; i++) {
        OrfKnot *to =
            orf_vec_add(loop->traced->task, out, 1 + change[i].has_tip, "outline", error);
        if (!to)
            return false;
        to[0] = loop->knots[i];
        to[0].corner &= !change[i].replaced;
        if (change[i].has_tip)
            to[1] = change[i].tip;
    }
    return true;
}

typedef struct {
    float *turn;
    int32_t *slide;
    Change *change;
    OrfVec knots;
} Scratch;

static void
scratch_clear(Scratch *scratch)
{
    orf_free(scratch->turn);
    orf_free(scratch->slide);
    orf_free(scratch->change);
    orf_vec_clear(&scratch->knots);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Scratch, scratch_clear)

static bool
treat_loop(Loop *loop, const OrfTraceOptions *options, Scratch *scratch, GError **error)
{
    double angle = (options->corner_angle > 0 ? options->corner_angle : 40) * G_PI / 180;
    if (!smooth(loop, (unsigned)MAX(options->smooth, 0), scratch->slide, error))
        return false;
    for (size_t i = 0; i < loop->n; i++)
        loop->perimeter += apart(&loop->knots[i], &loop->knots[step(loop, i, 1)]);
    if (loop->perimeter >= SHORTEST)
        find_corners(loop, angle);
    place_tips(loop, scratch->change);
    return copy_with_tips(loop, scratch->change, &scratch->knots, error);
}

static bool
prepare(const OrfTraced *traced, Scratch *scratch, GError **error)
{
    size_t longest = 0, n;
    for (size_t loop = 0; loop < orf_traced_n_loops(traced); loop++) {
        orf_traced_loop(traced, loop, &n);
        longest = MAX(longest, n);
    }
    scratch->knots.item = sizeof(OrfKnot);
    return (scratch->turn = ORF_ALLOC(traced->task, float, longest, "outline", error)) &&
           (scratch->slide = ORF_ALLOC(traced->task, int32_t, longest, "outline", error)) &&
           (scratch->change = ORF_ALLOC(traced->task, Change, longest, "outline", error));
}

bool
orf_trace_corners(OrfTraced *traced, const OrfTraceOptions *options, GError **error)
{
    g_auto(Scratch) scratch = { 0 };
    if (!prepare(traced, &scratch, error))
        return false;
    uint32_t *start = traced->starts.data, first = 0;
    for (size_t i = 0; i < orf_traced_n_loops(traced); i++) {
        Loop loop = { .traced = traced, .turn = scratch.turn };
        loop.knots = (OrfKnot *)traced->knots.data + first;
        loop.n = start[i + 1] - first;
        first = start[i + 1];
        if (!orf_task_check(traced->task, error) ||
            !treat_loop(&loop, options, &scratch, error))
            return false;
        start[i + 1] = (uint32_t)scratch.knots.n;
    }
    orf_vec_clear(&traced->knots);
    traced->knots = scratch.knots;
    scratch.knots = (OrfVec){ 0 };
    return true;
}
