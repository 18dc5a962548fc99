/* predicates.c - on which side does a point lie? Exactly, for any floats.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Adaptive precision after Shewchuk 1997: the determinant in doubles, with his bound on its
 * error, settles nearly every case. The rest is summed without rounding: coordinates are
 * floats, so each product of three splits into two doubles exactly, and the sum is kept as an
 * expansion, a list of doubles that do not overlap, of which the last that is not 0 has the
 * sign of the whole. Products of three floats neither overflow nor underflow in doubles. */
#include "mesh-priv.h"

#include <math.h>
#include <string.h>

#define EPSILON 0x1p-53
#define BOUND_2D ((3 + 16 * EPSILON) * EPSILON)
#define BOUND_3D ((7 + 56 * EPSILON) * EPSILON)

/* --- Expansions --------------------------------------------------------------------------- */

typedef struct {
    double part[64]; /* growing in magnitude */
    int n;
} Expansion;

/* Adds x: Shewchuk's grow-expansion, leaving out zeros. */
static void
add(Expansion *sum, double x)
{
    int kept = 0;
    for (int i = 0; i < sum->n; i++) {
        double part = sum->part[i], total = x + part, virtual = total - x;
        double rest = (x - (total - virtual)) + (part - virtual);
        if (rest != 0)
            sum->part[kept++] = rest;
        x = total;
    }
    if (x != 0)
        sum->part[kept++] = x;
    sum->n = kept;
}

static int
sign_of(const Expansion *sum)
{
    if (sum->n == 0)
        return 0;
    return sum->part[sum->n - 1] > 0 ? 1 : -1;
}

/* Adds x * y * z, each of 24 bits: xy is exact in 48 bits, its halves times z in 51. */
static void
add_product(Expansion *sum, double x, double y, double z)
{
    double xy = x * y, high;
    uint64_t bits;
    memcpy(&bits, &xy, sizeof bits);
    bits &= ~(uint64_t)0x3ffffff;
    memcpy(&high, &bits, sizeof high);
    add(sum, high * z);
    add(sum, (xy - high) * z);
}

/* Adds sign * p . (q x r). */
static void
add_triple(Expansion *sum, double sign, const float *p, const float *q, const float *r)
{
    for (int k = 0; k < 3; k++) {
        int i = (k + 1) % 3, j = (k + 2) % 3;
        add_product(sum, sign * p[k], q[i], r[j]);
        add_product(sum, -sign * p[k], q[j], r[i]);
    }
}

/* --- Three dimensions --------------------------------------------------------------------- */

static int
exact_3d(const float a[3], const float b[3], const float c[3], const float d[3])
{
    Expansion sum = { .n = 0 };
    add_triple(&sum, 1, a, b, c);
    add_triple(&sum, -1, a, b, d);
    add_triple(&sum, 1, a, c, d);
    add_triple(&sum, -1, b, c, d);
    return sign_of(&sum);
}

int
orf_orient3d(const float a[3], const float b[3], const float c[3], const float d[3])
{
    double u[3], v[3], w[3], det = 0, permanent = 0;
    for (int k = 0; k < 3; k++) {
        u[k] = (double)a[k] - d[k];
        v[k] = (double)b[k] - d[k];
        w[k] = (double)c[k] - d[k];
    }
    for (int k = 0; k < 3; k++) {
        int i = (k + 1) % 3, j = (k + 2) % 3;
        double up = v[i] * w[j], down = v[j] * w[i];
        det += u[k] * (up - down);
        permanent += fabs(u[k]) * (fabs(up) + fabs(down));
    }
    if (fabs(det) > BOUND_3D * permanent)
        return det > 0 ? 1 : -1;
    return permanent == 0 ? 0 : exact_3d(a, b, c, d);
}

/* --- Two dimensions ----------------------------------------------------------------------- */

int
orf_orient2d(const float a[3], const float b[3], const float c[3], int axis)
{
    int x = (axis + 1) % 3, y = (axis + 2) % 3;
    double left = ((double)a[x] - c[x]) * ((double)b[y] - c[y]),
           right = ((double)a[y] - c[y]) * ((double)b[x] - c[x]);
    double det = left - right;
    if (fabs(det) > BOUND_2D * (fabs(left) + fabs(right)))
        return det > 0 ? 1 : -1;
    Expansion sum = { .n = 0 };
    add(&sum, (double)a[x] * b[y]);
    add(&sum, -(double)a[y] * b[x]);
    add(&sum, (double)b[x] * c[y]);
    add(&sum, -(double)b[y] * c[x]);
    add(&sum, (double)c[x] * a[y]);
    add(&sum, -(double)c[y] * a[x]);
    return sign_of(&sum);
}
