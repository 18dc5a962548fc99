/* poisson.c - the round body over an outline: -lap u = 4 inside, u = 0 on the edge.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * The edge runs between pixel centres, where alpha crosses 0.5. An arm that is cut there at the
 * share theta of its length counts 1/theta in the diagonal (Gibou et al. 2002): second order
 * like Shortley and Weller 1938, but symmetric, so conjugate gradients may be used. They are
 * preconditioned by one V-cycle on cell-centred grids: a coarse cell stands for 2 x 2 finer
 * ones, its arms are half the sum of theirs, values travel by bilinear weights and residuals by
 * the transpose. Any mask works, however ragged; about ten rounds whatever the size.
 *
 * All arrays have a border of one inactive cell: inner cells are 1..width, 1..height. */
#include <math.h>
#include <string.h>

#include "generate/generate-priv.h"

#define MAX_LEVELS 14
#define MAX_ROUNDS 40
#define TOLERANCE 1e-4 /* of the residual at the start */
#define THETA_MIN 0.1f

typedef struct {
    size_t width, height, stride, size;
    float *right, *down; /* weight of the arm to the next cell; 0: no arm */
    float *relax;        /* damping / diagonal; 0: inactive cell */
    float *diagonal;
    float *x, *b, *r;
} Level;

typedef struct {
    Level levels[MAX_LEVELS];
    unsigned n_levels;
    float *memory;
} Grids;

static void
grids_clear(Grids *grids)
{
    orf_free(grids->memory);
    grids->memory = NULL;
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Grids, grids_clear)

/* --- Building the levels ------------------------------------------------------------------ */

static void
plan(Grids *grids, size_t width, size_t height)
{
    while (grids->n_levels < MAX_LEVELS) {
        Level *level = &grids->levels[grids->n_levels++];
        *level = (Level){ .width = width, .height = height, .stride = width + 2 };
        level->size = level->stride * (height + 2);
        if (MAX(width, height) <= 3)
            break;
        width = (width + 1) / 2;
        height = (height + 1) / 2;
    }
}

static bool
reserve(OrfTask *task, Grids *grids, GError **error)
{
    size_t total = 0;
    for (unsigned i = 0; i < grids->n_levels; i++)
        total += 7 * grids->levels[i].size;
    grids->memory = ORF_ALLOC(task, float, total, "inflate: grids", error);
    if (!grids->memory)
        return false;
    float *next = grids->memory;
    for (unsigned i = 0; i < grids->n_levels; i++) {
        Level *level = &grids->levels[i];
        float **arrays[] = { &level->right, &level->down, &level->relax, &level->diagonal,
                             &level->x,     &level->b,    &level->r };
        for (size_t k = 0; k < G_N_ELEMENTS(arrays); k++, next += level->size)
            *arrays[k] = next;
    }
    return true;
}

/* Weight of the arm from an inside value to a neighbour: 1, or 1/theta when the edge cuts it.
 */
static inline float
cut_arm(float inside, float neighbour)
{
    float theta = (inside - 0.5f) / MAX(inside - neighbour, 1e-6f);
    return 1 / CLAMP(theta, THETA_MIN, 1);
}

static inline float
alpha_at(const float *alpha, size_t width, size_t height, size_t x, size_t y)
{
    return x - 1 < width && y - 1 < height ? alpha[(y - 1) * width + x - 1] : 0;
}

static void
fill_finest(Level *level, const float *alpha)
{
    size_t w = level->width, h = level->height;
    for (size_t y = 1; y <= h; y++)
        for (size_t x = 1; x <= w; x++) {
            float a = alpha_at(alpha, w, h, x, y), sum = 0;
            if (!(a > 0.5f))
                continue;
            float near[4] = { alpha_at(alpha, w, h, x + 1, y), alpha_at(alpha, w, h, x - 1, y),
                              alpha_at(alpha, w, h, x, y + 1),
                              alpha_at(alpha, w, h, x, y - 1) };
            for (unsigned k = 0; k < 4; k++)
                sum += near[k] > 0.5f ? 1 : cut_arm(a, near[k]);
            size_t i = y * level->stride + x;
            level->diagonal[i] = sum;
            level->right[i] = near[0] > 0.5f ? 1 : 0;
            level->down[i] = near[2] > 0.5f ? 1 : 0;
            level->b[i] = 4;
        }
}

/* What a cell's diagonal has beyond its arms: the pull of the edge. */
static inline float
edge_pull(const Level *l, size_t i)
{
    return l->diagonal[i] - l->right[i] - l->down[i] - l->right[i - 1] - l->down[i - l->stride];
}

static void
fill_coarser(const Level *fine, Level *coarse)
{
    size_t s = fine->stride;
    for (size_t y = 1; y <= coarse->height; y++)
        for (size_t x = 1; x <= coarse->width; x++) {
            size_t a = (2 * y - 1) * s + 2 * x - 1, c = y * coarse->stride + x;
            bool wide = 2 * x <= fine->width, tall = 2 * y <= fine->height;
            size_t children[4] = { a, wide ? a + 1 : 0, tall ? a + s : 0,
                                   wide && tall ? a + s + 1 : 0 };
            float pull = 0;
            for (unsigned k = 0; k < 4; k++)
                if (children[k] && fine->diagonal[children[k]] > 0)
                    pull += edge_pull(fine, children[k]);
            coarse->diagonal[c] = pull / 2;
            coarse->right[c] = ((wide ? fine->right[a + 1] : 0) +
                                (wide && tall ? fine->right[a + s + 1] : 0)) /
                               2;
            coarse->down[c] =
                ((tall ? fine->down[a + s] : 0) + (wide && tall ? fine->down[a + s + 1] : 0)) /
                2;
        }
    for (size_t y = 1; y <= coarse->height; y++)
        for (size_t x = 1; x <= coarse->width; x++) {
            size_t c = y * coarse->stride + x;
            coarse->diagonal[c] += coarse->right[c] + coarse->down[c] + coarse->right[c - 1] +
                                   coarse->down[c - coarse->stride];
        }
}

static void
fill_relax(Level *level)
{
    for (size_t i = 0; i < level->size; i++)
        level->relax[i] = level->diagonal[i] > 1e-6f ? 0.8f / level->diagonal[i] : 0;
}

/* --- One V-cycle -------------------------------------------------------------------------- */

/* r = b - A x */
static void
residual(const Level *l, const float *restrict x, const float *restrict b, float *restrict r)
{
    const float *restrict right = l->right, *restrict down = l->down, *restrict d = l->diagonal;
    size_t s = l->stride;
    for (size_t y = 1; y <= l->height; y++)
        for (size_t i = y * s + 1; i <= y * s + l->width; i++)
            r[i] = b[i] - d[i] * x[i] + right[i] * x[i + 1] + right[i - 1] * x[i - 1] +
                   down[i] * x[i + s] + down[i - s] * x[i - s];
}

static void
add_relaxed(Level *l)
{
    const float *restrict relax = l->relax, *restrict r = l->r;
    float *restrict x = l->x;
    for (size_t i = 0; i < l->size; i++)
        x[i] += relax[i] * r[i];
}

static void
smooth(Level *l, unsigned rounds)
{
    for (unsigned k = 0; k < rounds; k++) {
        residual(l, l->x, l->b, l->r);
        add_relaxed(l);
    }
}

/* The bilinear weights: each finer cell takes 9/16 of its parent, 3/16 of the two parents
 * beside it on its side, 1/16 of the one across. `dx`, `dy` point to that side. */
static void
add_coarse(Level *fine, const Level *coarse)
{
    for (size_t y = 1; y <= fine->height; y++) {
        ptrdiff_t dy = y % 2 ? -(ptrdiff_t)coarse->stride : (ptrdiff_t)coarse->stride;
        const float *row = coarse->x + (y + 1) / 2 * coarse->stride;
        for (size_t x = 1; x <= fine->width; x++) {
            size_t i = y * fine->stride + x;
            if (fine->relax[i] == 0)
                continue;
            const float *p = row + (x + 1) / 2;
            ptrdiff_t dx = x % 2 ? -1 : 1;
            fine->x[i] += (9 * p[0] + 3 * (p[dx] + p[dy]) + p[dx + dy]) / 16;
        }
    }
}

static void
restrict_residual(const Level *fine, Level *coarse)
{
    memset(coarse->b, 0, coarse->size * sizeof *coarse->b);
    memset(coarse->x, 0, coarse->size * sizeof *coarse->x);
    for (size_t y = 1; y <= fine->height; y++) {
        ptrdiff_t dy = y % 2 ? -(ptrdiff_t)coarse->stride : (ptrdiff_t)coarse->stride;
        float *row = coarse->b + (y + 1) / 2 * coarse->stride;
        for (size_t x = 1; x <= fine->width; x++) {
            float r = fine->r[y * fine->stride + x] / 16, *p = row + (x + 1) / 2;
            ptrdiff_t dx = x % 2 ? -1 : 1;
            p[0] += 9 * r;
            p[dx] += 3 * r;
            p[dy] += 3 * r;
            p[dx + dy] += r;
        }
    }
    for (size_t i = 0; i < coarse->size; i++)
        if (coarse->relax[i] == 0)
            coarse->b[i] = 0;
}

/* x = M b on `level`, from x = 0. */
static void
v_cycle(Grids *grids, unsigned k)
{
    Level *level = &grids->levels[k];
    if (k + 1 == grids->n_levels) {
        smooth(level, 20);
        return;
    }
    smooth(level, 2);
    residual(level, level->x, level->b, level->r);
    restrict_residual(level, &grids->levels[k + 1]);
    v_cycle(grids, k + 1);
    add_coarse(level, &grids->levels[k + 1]);
    smooth(level, 2);
}

/* --- Conjugate gradients ------------------------------------------------------------------ */

typedef struct {
    float *u, *r, *p, *q; /* solution, residual, direction, A p */
} Vectors;

static double
dot(const float *a, const float *b, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i += 4096) {
        float part = 0;
        for (size_t k = i; k < MIN(i + 4096, n); k++)
            part += a[k] * b[k];
        sum += (double)part;
    }
    return sum;
}

/* z = M r, left in the finest level's x; gives r . z */
static double
precondition(Grids *grids, const Vectors *v)
{
    Level *l = &grids->levels[0];
    memcpy(l->b, v->r, l->size * sizeof *l->b);
    memset(l->x, 0, l->size * sizeof *l->x);
    v_cycle(grids, 0);
    return dot(l->x, v->r, l->size);
}

static void
step(const Level *l, const Vectors *v, float length)
{
    for (size_t i = 0; i < l->size; i++) {
        v->u[i] += length * v->p[i];
        v->r[i] += length * v->q[i];
    }
}

/* `v->r` holds the right-hand side on entry; q is -A p. */
static bool
solve(OrfTask *task, Grids *grids, const Vectors *v, const float *zero, GError **error)
{
    const Level *l = &grids->levels[0];
    double first = dot(v->r, v->r, l->size), rz = precondition(grids, v);
    memcpy(v->p, l->x, l->size * sizeof *v->p);
    for (unsigned round = 0; round < MAX_ROUNDS; round++) {
        if (!orf_task_check(task, error))
            return false;
        residual(l, v->p, zero, v->q);
        double pq = -dot(v->p, v->q, l->size);
        if (!(pq > 0))
            return true;
        step(l, v, (float)(rz / pq));
        if (dot(v->r, v->r, l->size) <= TOLERANCE * TOLERANCE * first)
            return true;
        double next = precondition(grids, v);
        float beta = (float)(next / rz);
        rz = next;
        for (size_t i = 0; i < l->size; i++)
            v->p[i] = l->x[i] + beta * v->p[i];
    }
    return true;
}

static OrfImage *
to_image(OrfTask *task, const Level *l, const float *u, GError **error)
{
    float *out = ORF_ALLOC(task, float, l->width * l->height, "inflate: height", error);
    if (!out)
        return NULL;
    for (size_t y = 0; y < l->height; y++)
        for (size_t x = 0; x < l->width; x++)
            out[y * l->width + x] = MAX(u[(y + 1) * l->stride + x + 1], 0);
    return orf_image_new_take((unsigned)l->width, (unsigned)l->height, 1, ORF_F32, out);
}

OrfImage *
orf_poisson_inflate(OrfTask *task, const OrfImage *alpha, GError **error)
{
    g_auto(Grids) grids = { 0 };
    plan(&grids, orf_image_width(alpha), orf_image_height(alpha));
    if (!reserve(task, &grids, error))
        return NULL;
    fill_finest(&grids.levels[0], orf_image_f32(alpha));
    for (unsigned i = 1; i < grids.n_levels; i++)
        fill_coarser(&grids.levels[i - 1], &grids.levels[i]);
    for (unsigned i = 0; i < grids.n_levels; i++)
        fill_relax(&grids.levels[i]);

    size_t n = grids.levels[0].size;
    orf_autofree float *memory = ORF_ALLOC(task, float, 5 * n, "inflate: vectors", error);
    if (!memory)
        return NULL;
    Vectors v = { memory, memory + n, memory + 2 * n, memory + 3 * n };
    memcpy(v.r, grids.levels[0].b, n * sizeof *v.r);
    if (!solve(task, &grids, &v, memory + 4 * n, error))
        return NULL;
    return to_image(task, &grids.levels[0], v.u, error);
}
