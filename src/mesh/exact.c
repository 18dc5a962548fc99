/* exact.c - places in space as quotients of whole numbers, and on which side they lie.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Vertices lie on a grid, less than 2^29 + 2^10 steps from its middle, so an edge meets a plane
 * at a quotient of numbers of 128 bits; where two such lines cross they have some 530. GMP
 * holds them. Nearly all questions are answered by the places in doubles: those of the grid are
 * exact there, others are off by less than 2^-23 steps. */
#include "mesh/arrange-priv.h"

#include <gmp.h>
#include <math.h>
#include <string.h>

#define N_SCRATCH 24
#define OFF 0x1p-21 /* steps: more than the error of a difference of two coordinates */

struct OrfExact {
    mpz_t scratch[N_SCRATCH]; /* 0..11: three spots; 12..: results */
    mpz_t probe[4];
    double probe_at[3];
};

/* --- Life --------------------------------------------------------------------------------- */

bool
orf_spots_init(OrfSpots *spots, OrfTask *task, GError **error)
{
    *spots = (OrfSpots){ .task = task, .spots.item = sizeof(OrfExactSpot), .limbs.item = 8 };
    spots->exact = g_new(OrfExact, 1);
    for (int i = 0; i < N_SCRATCH; i++)
        mpz_init2(spots->exact->scratch[i], 1024);
    for (int i = 0; i < 4; i++)
        mpz_init2(spots->exact->probe[i], 1024);
    spots->mask = 1023;
    spots->slots = ORF_ALLOC(task, uint32_t, spots->mask + 1, "exact places", error);
    if (spots->slots)
        memset(spots->slots, 0xff, (spots->mask + 1) * sizeof *spots->slots);
    return spots->slots;
}

void
orf_spots_clear(OrfSpots *spots)
{
    for (int i = 0; spots->exact && i < N_SCRATCH; i++)
        mpz_clear(spots->exact->scratch[i]);
    for (int i = 0; spots->exact && i < 4; i++)
        mpz_clear(spots->exact->probe[i]);
    g_free(spots->exact);
    orf_free(spots->slots);
    orf_vec_clear(&spots->spots);
    orf_vec_clear(&spots->limbs);
    *spots = (OrfSpots){ 0 };
}

/* --- Numbers ------------------------------------------------------------------------------ */

static void
set_128(mpz_t to, __int128 value)
{
    unsigned __int128 size = value < 0 ? -(unsigned __int128)value : (unsigned __int128)value;
    uint64_t words[2] = { (uint64_t)size, (uint64_t)(size >> 64) };
    mpz_import(to, 2, -1, 8, 0, 0, words);
    if (value < 0)
        mpz_neg(to, to);
}

/* The numbers of a spot, in scratch from `first` on. */
static mpz_t *
load(OrfSpots *spots, uint32_t i, int first)
{
    const OrfExactSpot *spot = orf_spot(spots, i);
    mpz_t *to = spots->exact->scratch + first;
    if (i < spots->n_grid) {
        for (int k = 0; k < 3; k++)
            mpz_set_si(to[k], (long)spot->at[k]);
        mpz_set_si(to[3], 1);
        return to;
    }
    const mp_limb_t *limbs = (const mp_limb_t *)spots->limbs.data + spot->limbs;
    for (int k = 0; k < 4; k++) {
        mpz_t seen;
        mpz_set(to[k], mpz_roinit_n(seen, limbs, spot->size[k]));
        limbs += ABS(spot->size[k]);
    }
    return to;
}

/* Rounded towards 0: one value, one result, whatever the fraction was reduced by. */
static double
quotient(const mpz_t number, const mpz_t by)
{
    mpq_t fraction;
    *mpq_numref(fraction) = *number;
    *mpq_denref(fraction) = *by;
    return mpq_get_d(fraction);
}

/* --- One number a place ------------------------------------------------------------------- */

static uint32_t
hash_place(const double at[3])
{
    uint64_t h = 0;
    for (int k = 0; k < 3; k++) {
        uint64_t bits;
        double value = at[k] + 0.0; /* -0 is 0 */
        memcpy(&bits, &value, sizeof bits);
        h = (h ^ bits) * 0x9E3779B97F4A7C15u;
        h ^= h >> 29;
    }
    return (uint32_t)(h >> 16);
}

static bool
grow_slots(OrfSpots *spots, GError **error)
{
    uint32_t mask = 2 * spots->mask + 1;
    uint32_t *slots = ORF_ALLOC(spots->task, uint32_t, (size_t)mask + 1, "exact places", error);
    if (!slots)
        return false;
    memset(slots, 0xff, ((size_t)mask + 1) * sizeof *slots);
    for (uint32_t i = 0; i < spots->spots.n; i++) {
        uint32_t s = hash_place(orf_spot(spots, i)->at) & mask;
        while (slots[s] != ORF_NO_SPOT)
            s = (s + 1) & mask;
        slots[s] = i;
    }
    orf_free(spots->slots);
    spots->slots = slots;
    spots->mask = mask;
    return true;
}

static bool
is_same(OrfSpots *spots, uint32_t i, mpz_t *number)
{
    mpz_t *known = load(spots, i, 0), *product = spots->exact->scratch + 4;
    for (int k = 0; k < 3; k++) {
        mpz_mul(product[0], known[k], number[3]);
        mpz_mul(product[1], number[k], known[3]);
        if (mpz_cmp(product[0], product[1]) != 0)
            return false;
    }
    return true;
}

static bool
store(OrfSpots *spots, OrfExactSpot *spot, mpz_t *number, GError **error)
{
    spot->limbs = (uint32_t)spots->limbs.n;
    if (spots->limbs.n > UINT32_MAX - 256)
        return ORF_FALSE(error, TOO_LARGE, "the surfaces cross too often; simplify them first");
    for (int k = 0; k < 4; k++) {
        size_t n = mpz_size(number[k]);
        spot->size[k] = (int16_t)(mpz_sgn(number[k]) < 0 ? -(int)n : (int)n);
        uint64_t *to = orf_vec_add(spots->task, &spots->limbs, n, "exact places", error);
        if (!to)
            return false;
        if (n)
            memcpy(to, mpz_limbs_read(number[k]), n * 8);
    }
    return true;
}

/* `number` NULL: it is on the grid, and `at` says all. */
static uint32_t
intern(OrfSpots *spots, const double at[3], mpz_t *number, GError **error)
{
    uint32_t s = hash_place(at) & spots->mask;
    for (; spots->slots[s] != ORF_NO_SPOT; s = (s + 1) & spots->mask) {
        const OrfExactSpot *known = orf_spot(spots, spots->slots[s]);
        if (known->at[0] == at[0] && known->at[1] == at[1] && known->at[2] == at[2] &&
            (!number || is_same(spots, spots->slots[s], number)))
            return spots->slots[s];
    }
    OrfExactSpot spot = { .at = { at[0] + 0.0, at[1] + 0.0, at[2] + 0.0 } };
    if (number && !store(spots, &spot, number, error))
        return ORF_NO_SPOT;
    OrfExactSpot *added = orf_vec_add(spots->task, &spots->spots, 1, "exact places", error);
    if (!added)
        return ORF_NO_SPOT;
    *added = spot;
    uint32_t i = (uint32_t)spots->spots.n - 1;
    spots->slots[s] = i;
    if (spots->spots.n > spots->mask / 2 && !grow_slots(spots, error))
        return ORF_NO_SPOT;
    return i;
}

/* Scratch 12..15 as a spot. */
static uint32_t
intern_result(OrfSpots *spots, GError **error)
{
    mpz_t *number = spots->exact->scratch + 12;
    if (mpz_sgn(number[3]) < 0)
        for (int k = 0; k < 4; k++)
            mpz_neg(number[k], number[k]);
    double at[3];
    for (int k = 0; k < 3; k++)
        at[k] = quotient(number[k], number[3]);
    return intern(spots, at, number, error);
}

uint32_t
orf_spots_add_grid(OrfSpots *spots, const int32_t at[3], GError **error)
{
    g_assert(spots->n_grid == spots->spots.n);
    uint32_t i = intern(spots, (double[]){ at[0], at[1], at[2] }, NULL, error);
    spots->n_grid = (uint32_t)spots->spots.n;
    return i;
}

uint32_t
orf_spots_add_between(OrfSpots *spots, uint32_t from, uint32_t to, __int128 part,
                      __int128 whole, GError **error)
{
    const OrfExactSpot *a = orf_spot(spots, from), *b = orf_spot(spots, to);
    mpz_t *number = spots->exact->scratch + 12;
    for (int k = 0; k < 3; k++) {
        __int128 begin = (__int128)a->at[k], step = (__int128)b->at[k] - begin;
        set_128(number[k], begin * whole + step * part);
    }
    set_128(number[3], whole);
    return intern_result(spots, error);
}

/* The line through two spots as x * X + y * Y + w * W = 0, in scratch from `to` on. */
static mpz_t *
line_through(OrfSpots *spots, const uint32_t ends[2], int axis, int to)
{
    int x = (axis + 1) % 3, y = (axis + 2) % 3;
    mpz_t *p = load(spots, ends[0], 0), *q = load(spots, ends[1], 4);
    mpz_t *line = spots->exact->scratch + to;
    mpz_mul(line[0], p[y], q[3]);
    mpz_submul(line[0], p[3], q[y]);
    mpz_mul(line[1], p[3], q[x]);
    mpz_submul(line[1], p[x], q[3]);
    mpz_mul(line[2], p[x], q[y]);
    mpz_submul(line[2], p[y], q[x]);
    return line;
}

uint32_t
orf_spots_add_crossing(OrfSpots *spots, const uint32_t ab[2], const uint32_t cd[2], int axis,
                       const int64_t normal[3], __int128 offset, GError **error)
{
    int x = (axis + 1) % 3, y = (axis + 2) % 3;
    mpz_t *l = line_through(spots, ab, axis, 16), *m = line_through(spots, cd, axis, 19);
    mpz_t *r = spots->exact->scratch + 12, *height = &spots->exact->scratch[22];
    mpz_mul(r[x], l[1], m[2]);
    mpz_submul(r[x], l[2], m[1]);
    mpz_mul(r[y], l[2], m[0]);
    mpz_submul(r[y], l[0], m[2]);
    mpz_mul(r[3], l[0], m[1]);
    mpz_submul(r[3], l[1], m[0]);
    /* n_axis * z = offset * w - n_x * x - n_y * y */
    set_128(*height, offset);
    mpz_mul(r[axis], r[3], *height);
    mpz_set_si(*height, normal[x]);
    mpz_submul(r[axis], r[x], *height);
    mpz_set_si(*height, normal[y]);
    mpz_submul(r[axis], r[y], *height);
    mpz_set_si(*height, normal[axis]);
    mpz_mul(r[x], r[x], *height);
    mpz_mul(r[y], r[y], *height);
    mpz_mul(r[3], r[3], *height);
    return intern_result(spots, error);
}

/* --- Sides -------------------------------------------------------------------------------- */

/* Sign of det (p; q; r) of the numbers x, y, w: all w > 0. */
static int
exact_turn(OrfSpots *spots, mpz_t *p, mpz_t *q, mpz_t *r, int axis)
{
    int x = (axis + 1) % 3, y = (axis + 2) % 3;
    mpz_t *minor = &spots->exact->scratch[22], *sum = &spots->exact->scratch[23];
    mpz_mul(*minor, q[y], r[3]);
    mpz_submul(*minor, q[3], r[y]);
    mpz_mul(*sum, p[x], *minor);
    mpz_mul(*minor, q[3], r[x]);
    mpz_submul(*minor, q[x], r[3]);
    mpz_addmul(*sum, p[y], *minor);
    mpz_mul(*minor, q[x], r[y]);
    mpz_submul(*minor, q[y], r[x]);
    mpz_addmul(*sum, p[3], *minor);
    return mpz_sgn(*sum);
}

/* 2: too near to tell. */
static int
rough_turn(const double a[3], const double b[3], const double c[3], int axis)
{
    int x = (axis + 1) % 3, y = (axis + 2) % 3;
    double ux = a[x] - c[x], uy = a[y] - c[y], vx = b[x] - c[x], vy = b[y] - c[y];
    double left = ux * vy, right = uy * vx, det = left - right;
    double bound = 2 * OFF * (fabs(ux) + fabs(uy) + fabs(vx) + fabs(vy) + 1) +
                   0x1p-50 * (fabs(left) + fabs(right));
    return fabs(det) > bound ? (det > 0 ? 1 : -1) : 2;
}

static int
sign_64(int64_t value)
{
    return (value > 0) - (value < 0);
}

int
orf_spots_turn(OrfSpots *spots, uint32_t a, uint32_t b, uint32_t c, int axis)
{
    const double *p = orf_spot(spots, a)->at, *q = orf_spot(spots, b)->at,
                 *r = orf_spot(spots, c)->at;
    int sign = rough_turn(p, q, r, axis), x = (axis + 1) % 3, y = (axis + 2) % 3;
    if (sign != 2)
        return sign;
    if (MAX(MAX(a, b), c) < spots->n_grid)
        return sign_64((int64_t)(p[x] - r[x]) * (int64_t)(q[y] - r[y]) -
                       (int64_t)(p[y] - r[y]) * (int64_t)(q[x] - r[x]));
    return exact_turn(spots, load(spots, a, 0), load(spots, b, 4), load(spots, c, 8), axis);
}

int
orf_spots_compare(OrfSpots *spots, uint32_t a, uint32_t b, int axis)
{
    double gap = orf_spot(spots, a)->at[axis] - orf_spot(spots, b)->at[axis];
    if (a == b || fabs(gap) > OFF || MAX(a, b) < spots->n_grid)
        return a == b ? 0 : (gap > 0) - (gap < 0);
    mpz_t *p = load(spots, a, 0), *q = load(spots, b, 4), *product = spots->exact->scratch + 8;
    mpz_mul(product[0], p[axis], q[3]);
    mpz_mul(product[1], q[axis], p[3]);
    return mpz_cmp(product[0], product[1]);
}

/* --- The probe ---------------------------------------------------------------------------- */

void
orf_spots_set_probe(OrfSpots *spots, const uint32_t t[3], const unsigned weights[3])
{
    OrfExact *exact = spots->exact;
    mpz_t *p = load(spots, t[0], 0), *product = &exact->scratch[22];
    load(spots, t[1], 4);
    load(spots, t[2], 8);
    unsigned sum = weights[0] + weights[1] + weights[2];
    for (int k = 0; k < 3; k++) {
        mpz_set_ui(exact->probe[k], 0);
        for (int i = 0; i < 3; i++) {
            mpz_mul(*product, p[4 * i + k], p[4 * ((i + 1) % 3) + 3]);
            mpz_mul(*product, *product, p[4 * ((i + 2) % 3) + 3]);
            mpz_addmul_ui(exact->probe[k], *product, weights[i]);
        }
    }
    mpz_mul(exact->probe[3], p[3], p[7]);
    mpz_mul(exact->probe[3], exact->probe[3], p[11]);
    mpz_mul_ui(exact->probe[3], exact->probe[3], sum);
    for (int k = 0; k < 3; k++)
        exact->probe_at[k] = quotient(exact->probe[k], exact->probe[3]);
}

const double *
orf_spots_probe(const OrfSpots *spots)
{
    return spots->exact->probe_at;
}

int
orf_spots_turn_probe(OrfSpots *spots, uint32_t a, uint32_t b, int axis)
{
    int sign = rough_turn(orf_spot(spots, a)->at, orf_spot(spots, b)->at,
                          spots->exact->probe_at, axis);
    return sign != 2 ? sign
                     : exact_turn(spots, load(spots, a, 0), load(spots, b, 4),
                                  spots->exact->probe, axis);
}

/* |normal[axis]| * w * height of a plane at the probe. */
static void
set_height(OrfSpots *spots, int axis, const int64_t normal[3], __int128 offset, mpz_t ret)
{
    mpz_t *probe = spots->exact->probe, *factor = &spots->exact->scratch[22];
    int x = (axis + 1) % 3, y = (axis + 2) % 3;
    set_128(*factor, offset);
    mpz_mul(ret, probe[3], *factor);
    mpz_set_si(*factor, normal[x]);
    mpz_submul(ret, probe[x], *factor);
    mpz_set_si(*factor, normal[y]);
    mpz_submul(ret, probe[y], *factor);
    if (normal[axis] < 0)
        mpz_neg(ret, ret);
}

static void
times_size(mpz_t number, int64_t by)
{
    mpz_mul_ui(number, number, (unsigned long)ABS(by));
}

int
orf_spots_probe_heights(OrfSpots *spots, int axis, const int64_t a[3], __int128 a_offset,
                        const int64_t b[3], __int128 b_offset)
{
    mpz_t *height = spots->exact->scratch + 12;
    set_height(spots, axis, a, a_offset, height[0]);
    set_height(spots, axis, b, b_offset, height[1]);
    times_size(height[0], b[axis]);
    times_size(height[1], a[axis]);
    return mpz_cmp(height[0], height[1]);
}
