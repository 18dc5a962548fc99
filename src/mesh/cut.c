/* cut.c - one triangle in pieces between the lines along which others meet it.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * A triangulation in the plane: the places are put in one by one (Lawson 1977), then each line
 * by turning the edges that it crosses (Sloan 1993). All sides are told exactly, so the lines
 * are there in the end whatever they look like; only which of two good diagonals is taken is
 * left to rounded numbers. */
#include "mesh/arrange-priv.h"

#include <math.h>
#include <string.h>

#define NONE UINT32_MAX

typedef struct {
    uint32_t v[3];    /* points, counter-clockwise */
    uint32_t next[3]; /* shard across the edge from corner k to k + 1, or NONE */
    uint8_t fixed;    /* bit k: that edge is part of a line */
} Shard;

typedef struct {
    OrfArrangement *all;
    OrfTask *task;
    const OrfPlate *plate;
    int way;       /* 1: the plate turns left seen against its axis */
    OrfVec points; /* of uint32_t: spots; the first three are the corners */
    OrfVec lines;  /* of uint32_t[2]: spots, then points */
    OrfVec shards;
    OrfVec shard_at; /* of uint32_t: a shard at each point */
    OrfVec crossed;  /* of uint32_t[2]: edges that a line crosses */
    GError **error;
} Cutter;

static void
cutter_clear(Cutter *cutter)
{
    orf_vec_clear(&cutter->points);
    orf_vec_clear(&cutter->lines);
    orf_vec_clear(&cutter->shards);
    orf_vec_clear(&cutter->shard_at);
    orf_vec_clear(&cutter->crossed);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Cutter, cutter_clear)

/* --- Looking ------------------------------------------------------------------------------ */

static Shard *
shard(const Cutter *cutter, uint32_t i)
{
    return (Shard *)cutter->shards.data + i;
}

static uint32_t
spot_at(const Cutter *cutter, uint32_t point)
{
    return ((const uint32_t *)cutter->points.data)[point];
}

static uint32_t *
shard_at(const Cutter *cutter, uint32_t point)
{
    return (uint32_t *)cutter->shard_at.data + point;
}

static int
turn(const Cutter *cutter, uint32_t a, uint32_t b, uint32_t c)
{
    return cutter->way * orf_spots_turn(&cutter->all->spots, spot_at(cutter, a),
                                        spot_at(cutter, b), spot_at(cutter, c),
                                        cutter->plate->axis);
}

static int
corner_of(const Shard *s, uint32_t point)
{
    return s->v[0] == point ? 0 : s->v[1] == point ? 1 : s->v[2] == point ? 2 : -1;
}

static int
edge_to(const Shard *s, uint32_t neighbour)
{
    return s->next[0] == neighbour ? 0 : s->next[1] == neighbour ? 1 : 2;
}

static bool
is_fixed(const Shard *s, int k)
{
    return s->fixed >> k & 1;
}

/* --- Changing ----------------------------------------------------------------------------- */

static void
relink(Cutter *cutter, uint32_t i, uint32_t from, uint32_t to)
{
    if (i != NONE)
        shard(cutter, i)->next[edge_to(shard(cutter, i), from)] = to;
}

static void
put_shard(Cutter *cutter, uint32_t i, Shard s)
{
    *shard(cutter, i) = s;
    for (int k = 0; k < 3; k++)
        *shard_at(cutter, s.v[k]) = i;
}

static uint8_t
bits(bool a, bool b, bool c)
{
    return (uint8_t)(a | b << 1 | c << 2);
}

/* Turns the edge k of shard i, which has a neighbour. */
static void
flip(Cutter *cutter, uint32_t i, int k)
{
    Shard f = *shard(cutter, i);
    uint32_t j = f.next[k];
    Shard g = *shard(cutter, j);
    int m = edge_to(&g, i), k1 = (k + 1) % 3, k2 = (k + 2) % 3, m1 = (m + 1) % 3,
        m2 = (m + 2) % 3;
    uint32_t a = f.v[k], b = f.v[k1], c = f.v[k2], d = g.v[m2];
    put_shard(cutter, i,
              (Shard){ { a, d, c },
                       { g.next[m1], j, f.next[k2] },
                       bits(is_fixed(&g, m1), false, is_fixed(&f, k2)) });
    put_shard(cutter, j,
              (Shard){ { d, b, c },
                       { g.next[m2], f.next[k1], i },
                       bits(is_fixed(&g, m2), is_fixed(&f, k1), false) });
    relink(cutter, g.next[m1], j, i);
    relink(cutter, f.next[k1], i, j);
}

/* May the edge be turned: do the four corners bulge at both its ends? */
static bool
is_convex(const Cutter *cutter, uint32_t i, int k)
{
    const Shard *f = shard(cutter, i), *g = shard(cutter, f->next[k]);
    uint32_t c = f->v[(k + 2) % 3], d = g->v[(edge_to(g, i) + 2) % 3];
    return turn(cutter, c, f->v[k], d) > 0 && turn(cutter, d, f->v[(k + 1) % 3], c) > 0;
}

/* Roughly: does the point across lie well inside the circle through the shard? */
static bool
is_better_turned(const Cutter *cutter, uint32_t i, int k)
{
    const Shard *f = shard(cutter, i), *g = shard(cutter, f->next[k]);
    uint32_t corner[3] = { f->v[k], f->v[(k + 1) % 3], f->v[(k + 2) % 3] };
    const double *d =
        orf_spot(&cutter->all->spots, spot_at(cutter, g->v[(edge_to(g, i) + 2) % 3]))->at;
    int x = (cutter->plate->axis + 1) % 3, y = (cutter->plate->axis + 2) % 3;
    double u[3], v[3], w[3], sum = 0, size = 0;
    for (int m = 0; m < 3; m++) {
        const double *p = orf_spot(&cutter->all->spots, spot_at(cutter, corner[m]))->at;
        u[m] = p[x] - d[x];
        v[m] = p[y] - d[y];
        w[m] = u[m] * u[m] + v[m] * v[m];
    }
    for (int m = 0; m < 3; m++) {
        int n = (m + 1) % 3, o = (m + 2) % 3;
        sum += w[m] * (u[n] * v[o] - v[n] * u[o]);
        size += w[m] * (fabs(u[n] * v[o]) + fabs(v[n] * u[o]));
    }
    return cutter->way * sum > 1e-9 * size;
}

/* Turns the edges across from a point just put in, as long as that makes better shards. */
static void
improve(Cutter *cutter, uint32_t point, uint32_t first)
{
    uint32_t stack[64], n = 0;
    stack[n++] = first;
    for (unsigned round = 0; n > 0 && round < 256; round++) {
        uint32_t i = stack[--n];
        int corner = corner_of(shard(cutter, i), point), k = (corner + 1) % 3;
        uint32_t j = corner < 0 ? NONE : shard(cutter, i)->next[k];
        if (j == NONE || !is_better_turned(cutter, i, k) || !is_convex(cutter, i, k))
            continue;
        flip(cutter, i, k);
        if (n + 2 <= G_N_ELEMENTS(stack)) {
            stack[n++] = i;
            stack[n++] = j;
        }
    }
}

/* --- Points ------------------------------------------------------------------------------- */

static uint32_t
add_shard(Cutter *cutter)
{
    return orf_vec_add(cutter->task, &cutter->shards, 1, "cuts", cutter->error)
               ? (uint32_t)cutter->shards.n - 1
               : NONE;
}

static bool
split_inside(Cutter *cutter, uint32_t i, uint32_t p)
{
    uint32_t j = add_shard(cutter), l = j == NONE ? NONE : add_shard(cutter);
    if (l == NONE)
        return false;
    Shard f = *shard(cutter, i);
    put_shard(cutter, i, (Shard){ { f.v[0], f.v[1], p }, { f.next[0], j, l }, f.fixed & 1 });
    put_shard(cutter, j,
              (Shard){ { f.v[1], f.v[2], p }, { f.next[1], l, i }, f.fixed >> 1 & 1 });
    put_shard(cutter, l,
              (Shard){ { f.v[2], f.v[0], p }, { f.next[2], i, j }, f.fixed >> 2 & 1 });
    relink(cutter, f.next[1], i, j);
    relink(cutter, f.next[2], i, l);
    improve(cutter, p, i);
    improve(cutter, p, j);
    improve(cutter, p, l);
    return true;
}

/* Cuts shard i from corner k + 2 to a point on its edge k; the half that begins at the point is
 * shard j. */
static void
halve(Cutter *cutter, uint32_t i, int k, uint32_t p, uint32_t j)
{
    Shard f = *shard(cutter, i);
    int k1 = (k + 1) % 3, k2 = (k + 2) % 3;
    bool fixed = is_fixed(&f, k);
    put_shard(cutter, i,
              (Shard){ { f.v[k], p, f.v[k2] },
                       { f.next[k], j, f.next[k2] },
                       bits(fixed, false, is_fixed(&f, k2)) });
    put_shard(cutter, j,
              (Shard){ { p, f.v[k1], f.v[k2] },
                       { f.next[k], f.next[k1], i },
                       bits(fixed, is_fixed(&f, k1), false) });
    relink(cutter, f.next[k1], i, j);
}

static bool
split_edge(Cutter *cutter, uint32_t i, int k, uint32_t p)
{
    uint32_t other = shard(cutter, i)->next[k], j = add_shard(cutter), l = NONE;
    if (j == NONE || (other != NONE && (l = add_shard(cutter)) == NONE))
        return false;
    int m = other == NONE ? 0 : edge_to(shard(cutter, other), i);
    halve(cutter, i, k, p, j);
    if (other != NONE) {
        halve(cutter, other, m, p, l); /* runs the other way: its far half is by i */
        shard(cutter, i)->next[0] = l;
        shard(cutter, l)->next[0] = i;
        shard(cutter, j)->next[0] = other;
        shard(cutter, other)->next[0] = j;
        improve(cutter, p, other);
        improve(cutter, p, l);
    }
    improve(cutter, p, i);
    improve(cutter, p, j);
    return true;
}

/* Sides of a point as seen from the edges of a shard; false: it is outside, past `ret_edge`. */
static bool
is_in(const Cutter *cutter, uint32_t i, uint32_t p, unsigned first, int *ret_edge)
{
    const Shard *s = shard(cutter, i);
    *ret_edge = -1;
    for (unsigned m = 0; m < 3; m++) {
        int k = (int)((first + m) % 3), side = turn(cutter, s->v[k], s->v[(k + 1) % 3], p);
        if (side < 0) {
            *ret_edge = k;
            return false;
        }
        if (side == 0)
            *ret_edge = k;
    }
    return true;
}

/* The shard with the point; `ret_edge` on which edge, or -1. NONE: nowhere. */
static uint32_t
find_shard(const Cutter *cutter, uint32_t p, int *ret_edge)
{
    uint32_t n = (uint32_t)cutter->shards.n, at = n - 1;
    for (unsigned step = 0; step < 2 * n && at != NONE; step++) {
        if (is_in(cutter, at, p, step * 2654435761u >> 16, ret_edge))
            return at;
        at = shard(cutter, at)->next[*ret_edge];
    }
    for (at = 0; at < n; at++) /* walked in circles */
        if (is_in(cutter, at, p, 0, ret_edge))
            return at;
    return NONE;
}

static bool
insert(Cutter *cutter, uint32_t p)
{
    int edge;
    uint32_t i = find_shard(cutter, p, &edge);
    if (i == NONE)
        return ORF_FALSE(cutter->error, BUG, "a place to cut lies outside its triangle");
    return edge < 0 ? split_inside(cutter, i, p) : split_edge(cutter, i, edge, p);
}

/* --- Lines -------------------------------------------------------------------------------- */

/* The next shard round a point, against the clock, or NONE at the border. */
static uint32_t
round_left(const Cutter *cutter, uint32_t i, uint32_t point)
{
    const Shard *s = shard(cutter, i);
    return s->next[(corner_of(s, point) + 2) % 3];
}

static uint32_t
round_right(const Cutter *cutter, uint32_t i, uint32_t point)
{
    const Shard *s = shard(cutter, i);
    return s->next[corner_of(s, point)];
}

/* The rightmost shard at a point; any, when it lies inside. */
static uint32_t
first_round(const Cutter *cutter, uint32_t point)
{
    uint32_t start = *shard_at(cutter, point), i = start;
    for (;;) {
        uint32_t right = round_right(cutter, i, point);
        if (right == NONE || right == start)
            return i;
        i = right;
    }
}

/* Fixes the edge between two points; false: there is none. */
static bool
fix_edge(Cutter *cutter, uint32_t a, uint32_t b)
{
    uint32_t start = first_round(cutter, a), i = start;
    do {
        Shard *s = shard(cutter, i);
        for (int k = 0; k < 3; k++)
            if ((s->v[k] == a && s->v[(k + 1) % 3] == b) ||
                (s->v[k] == b && s->v[(k + 1) % 3] == a)) {
                s->fixed |= (uint8_t)(1 << k);
                if (s->next[k] != NONE) {
                    Shard *other = shard(cutter, s->next[k]);
                    other->fixed |= (uint8_t)(1 << edge_to(other, i));
                }
                return true;
            }
        i = round_left(cutter, i, a);
    } while (i != NONE && i != start);
    return false;
}

/* Shard and edge between two points as seen from one side: the shard has a -> b. */
static uint32_t
find_edge(const Cutter *cutter, uint32_t a, uint32_t b, int *ret_k)
{
    uint32_t start = first_round(cutter, a), i = start;
    do {
        const Shard *s = shard(cutter, i);
        int k = corner_of(s, a);
        if (s->v[(k + 1) % 3] == b) {
            *ret_k = k;
            return i;
        }
        i = round_left(cutter, i, a);
    } while (i != NONE && i != start);
    return NONE;
}

/* Is c on the ray from a through b, which are different, when it is on the line? */
static bool
is_ahead(const Cutter *cutter, uint32_t a, uint32_t b, uint32_t c)
{
    OrfSpots *spots = &cutter->all->spots;
    for (int m = 1; m < 3; m++) {
        int axis = (cutter->plate->axis + m) % 3;
        int way = orf_spots_compare(spots, spot_at(cutter, b), spot_at(cutter, a), axis);
        if (way != 0)
            return way ==
                   orf_spots_compare(spots, spot_at(cutter, c), spot_at(cutter, a), axis);
    }
    return false;
}

/* The first shard at `a` that the ray to `b` enters; or a point next to `a` on the ray. */
static uint32_t
find_way(const Cutter *cutter, uint32_t a, uint32_t b, uint32_t *ret_point)
{
    uint32_t start = first_round(cutter, a), i = start;
    *ret_point = NONE;
    do {
        const Shard *s = shard(cutter, i);
        int k = corner_of(s, a);
        uint32_t right = s->v[(k + 1) % 3], left = s->v[(k + 2) % 3];
        int r = turn(cutter, a, b, right), l = turn(cutter, a, b, left);
        if (r == 0 && is_ahead(cutter, a, b, right))
            *ret_point = right;
        if (l == 0 && is_ahead(cutter, a, b, left))
            *ret_point = left;
        if (*ret_point != NONE || (r < 0 && l > 0))
            return i;
        i = round_left(cutter, i, a);
    } while (i != NONE && i != start);
    return NONE;
}

static bool
cross_edge(Cutter *cutter, uint32_t right, uint32_t left)
{
    uint32_t *edge = orf_vec_add(cutter->task, &cutter->crossed, 1, "cuts", cutter->error);
    if (!edge)
        return false;
    edge[0] = right;
    edge[1] = left;
    return true;
}

/* Lists the edges that the way from `a` towards `b` crosses, up to the first point on it. */
static bool
list_crossed(Cutter *cutter, uint32_t a, uint32_t b, uint32_t i, uint32_t *ret_end)
{
    const Shard *s = shard(cutter, i);
    int k = corner_of(s, a);
    uint32_t right = s->v[(k + 1) % 3], left = s->v[(k + 2) % 3];
    cutter->crossed.n = 0;
    for (int edge = (k + 1) % 3;;) {
        if (!cross_edge(cutter, right, left))
            return false;
        uint32_t j = shard(cutter, i)->next[edge];
        if (j == NONE || is_fixed(shard(cutter, i), edge))
            return ORF_FALSE(cutter->error, BUG, "two lines cross where no place was found");
        s = shard(cutter, j);
        int m = edge_to(s, i);
        uint32_t apex = s->v[(m + 2) % 3];
        int side = turn(cutter, a, b, apex);
        if (side == 0) {
            *ret_end = apex;
            return true;
        }
        edge = side > 0 ? (m + 1) % 3 : (m + 2) % 3; /* right -> apex, or apex -> left */
        if (side > 0)
            left = apex;
        else
            right = apex;
        i = j;
    }
}

/* Turns crossed edges until none is left (Sloan 1993). */
static bool
clear_way(Cutter *cutter, uint32_t a, uint32_t b)
{
    OrfVec *crossed = &cutter->crossed;
    size_t most = 1000 + 100 * crossed->n * crossed->n, turns = 0;
    for (size_t at = 0; at < crossed->n; at++) {
        uint32_t edge[2], ends[2];
        memcpy(edge, (uint32_t *)crossed->data + 2 * at, sizeof edge);
        int k;
        uint32_t i = find_edge(cutter, edge[0], edge[1], &k);
        if (i == NONE || turns++ > most)
            return ORF_FALSE(cutter->error, BUG, "a line could not be cut");
        if (!is_convex(cutter, i, k)) {
            if (!cross_edge(cutter, edge[0], edge[1]))
                return false;
            continue;
        }
        const Shard *s = shard(cutter, i), *other = shard(cutter, s->next[k]);
        ends[0] = s->v[(k + 2) % 3];
        ends[1] = other->v[(edge_to(other, i) + 2) % 3];
        flip(cutter, i, k);
        bool at_end = ends[0] == a || ends[0] == b || ends[1] == a || ends[1] == b;
        if (!at_end && turn(cutter, a, b, ends[0]) * turn(cutter, a, b, ends[1]) < 0 &&
            !cross_edge(cutter, ends[0], ends[1]))
            return false;
    }
    return true;
}

static bool
draw_line(Cutter *cutter, uint32_t a, uint32_t b)
{
    while (a != b) {
        uint32_t next, way = find_way(cutter, a, b, &next);
        if (way == NONE)
            return ORF_FALSE(cutter->error, BUG, "a line leaves its triangle");
        if (next == NONE) {
            if (!list_crossed(cutter, a, b, way, &next) || !clear_way(cutter, a, next))
                return false;
        }
        if (!fix_edge(cutter, a, next))
            return ORF_FALSE(cutter->error, BUG, "a line was cut and is not there");
        a = next;
    }
    return true;
}

/* --- Where lines cross -------------------------------------------------------------------- */

static bool
add_point(Cutter *cutter, uint32_t spot)
{
    uint32_t *point = orf_vec_add(cutter->task, &cutter->points, 1, "cuts", cutter->error);
    if (point)
        *point = spot;
    return point;
}

static bool
boxes_miss(const Cutter *cutter, const uint32_t a[2], const uint32_t b[2])
{
    for (int k = 0; k < 3; k++) {
        double p = orf_spot(&cutter->all->spots, a[0])->at[k],
               q = orf_spot(&cutter->all->spots, a[1])->at[k],
               r = orf_spot(&cutter->all->spots, b[0])->at[k],
               s = orf_spot(&cutter->all->spots, b[1])->at[k];
        if (MAX(p, q) + 1 < MIN(r, s) || MAX(r, s) + 1 < MIN(p, q))
            return true;
    }
    return false;
}

static bool
cross_lines(Cutter *cutter, const uint32_t a[2], const uint32_t b[2])
{
    OrfSpots *spots = &cutter->all->spots;
    int axis = cutter->plate->axis;
    if (a[0] == b[0] || a[0] == b[1] || a[1] == b[0] || a[1] == b[1] ||
        boxes_miss(cutter, a, b) ||
        orf_spots_turn(spots, a[0], a[1], b[0], axis) *
                orf_spots_turn(spots, a[0], a[1], b[1], axis) >=
            0 ||
        orf_spots_turn(spots, b[0], b[1], a[0], axis) *
                orf_spots_turn(spots, b[0], b[1], a[1], axis) >=
            0)
        return true;
    uint32_t spot = orf_spots_add_crossing(spots, a, b, axis, cutter->plate->normal,
                                           cutter->plate->offset, cutter->error);
    return spot != ORF_NO_SPOT && add_point(cutter, spot);
}

static bool
cross_all(Cutter *cutter)
{
    const uint32_t(*lines)[2] = cutter->lines.data;
    for (size_t i = 0; i < cutter->lines.n; i++) {
        if (i % 64 == 0 && !orf_task_check(cutter->task, cutter->error))
            return false;
        for (size_t j = 0; j < i; j++)
            if (!cross_lines(cutter, lines[i], lines[j]))
                return false;
    }
    return true;
}

/* --- All ---------------------------------------------------------------------------------- */

static int
by_number(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

static bool
list_lines(Cutter *cutter, const OrfCut *cuts, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (!add_point(cutter, cuts[i].ends[0]))
            return false;
        if (cuts[i].ends[0] == cuts[i].ends[1])
            continue;
        uint32_t *line = orf_vec_add(cutter->task, &cutter->lines, 1, "cuts", cutter->error);
        if (!line || !add_point(cutter, cuts[i].ends[1]))
            return false;
        memcpy(line, cuts[i].ends, sizeof cuts[i].ends);
    }
    return true;
}

/* Points: the corners, then every other place once, by its number. */
static bool
settle_points(Cutter *cutter)
{
    uint32_t *list = cutter->points.data;
    const uint32_t *v = cutter->plate->v;
    size_t n = 3;
    qsort(list + 3, cutter->points.n - 3, sizeof *list, by_number);
    for (size_t i = 3; i < cutter->points.n; i++)
        if (list[i] != v[0] && list[i] != v[1] && list[i] != v[2] &&
            (n == 3 || list[i] != list[n - 1]))
            list[n++] = list[i];
    cutter->points.n = n;
    return orf_vec_add(cutter->task, &cutter->shard_at, n, "cuts", cutter->error);
}

static uint32_t
point_of(const Cutter *cutter, uint32_t spot)
{
    const uint32_t *list = cutter->points.data;
    for (uint32_t k = 0; k < 3; k++)
        if (list[k] == spot)
            return k;
    const uint32_t *found =
        bsearch(&spot, list + 3, cutter->points.n - 3, sizeof *list, by_number);
    return (uint32_t)(found - list);
}

static bool
triangulate(Cutter *cutter)
{
    if (add_shard(cutter) == NONE)
        return false;
    Shard whole = { { 0, 1, 2 }, { NONE, NONE, NONE }, 0 };
    put_shard(cutter, 0, whole);
    for (uint32_t p = 3; p < cutter->points.n; p++)
        if ((p % 256 == 0 && !orf_task_check(cutter->task, cutter->error)) ||
            !insert(cutter, p))
            return false;
    const uint32_t(*lines)[2] = cutter->lines.data;
    for (size_t i = 0; i < cutter->lines.n; i++)
        if (!draw_line(cutter, point_of(cutter, lines[i][0]), point_of(cutter, lines[i][1])))
            return false;
    return true;
}

static bool
keep_pieces(Cutter *cutter, uint32_t plate)
{
    OrfPiece *piece = orf_vec_add(cutter->task, &cutter->all->pieces, cutter->shards.n,
                                  "pieces", cutter->error);
    for (uint32_t i = 0; piece && i < cutter->shards.n; i++, piece++) {
        piece->plate = plate;
        for (int k = 0; k < 3; k++)
            piece->v[k] = spot_at(cutter, shard(cutter, i)->v[k]);
    }
    return piece;
}

bool
orf_plate_cut(OrfArrangement *all, uint32_t plate, const OrfCut *cuts, size_t n, GError **error)
{
    const OrfPlate *p = &all->plates[plate];
    g_auto(Cutter) cutter = { .all = all,
                              .task = all->task,
                              .plate = p,
                              .way = p->normal[p->axis] > 0 ? 1 : -1,
                              .points.item = sizeof(uint32_t),
                              .lines.item = 2 * sizeof(uint32_t),
                              .shards.item = sizeof(Shard),
                              .shard_at.item = sizeof(uint32_t),
                              .crossed.item = 2 * sizeof(uint32_t),
                              .error = error };
    for (int k = 0; k < 3; k++)
        if (!add_point(&cutter, p->v[k]))
            return false;
    return list_lines(&cutter, cuts, n) && cross_all(&cutter) && settle_points(&cutter) &&
           triangulate(&cutter) && keep_pieces(&cutter, plate);
}
