/* planar_test.h - random outlines for the tests of the planar files: marching squares over
 * noise.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ORF_PLANAR_TEST_H
#define ORF_PLANAR_TEST_H

#include "planar-priv.h"

#include <math.h>

typedef struct {
    float *points;
    uint32_t *loop_start;
    size_t n_points, n_loops;
} Outline;

static inline void
outline_clear(Outline *outline)
{
    g_free(outline->points);
    g_free(outline->loop_start);
}

/* Smooth noise on a grid of side x side, 0 along the border. */
static inline float *
noise_field(GRand *random, int side)
{
    float *field = g_new0(float, (gsize)(side * side)),
          *blur = g_new0(float, (gsize)(side * side));
    for (int i = 0; i < side * side; i++)
        blur[i] = (float)g_rand_double(random);
    for (int y = 1; y + 1 < side; y++)
        for (int x = 1; x + 1 < side; x++) {
            const float *b = blur + y * side + x;
            field[y * side + x] = (4 * b[0] + b[-1] + b[1] + b[-side] + b[side]) / 8 * 0.999f;
        }
    g_free(blur);
    return field;
}

/* Ends of the contour in the cell whose lower left sample is (x, y), inside on the left; edges
 * are named 0 bottom, 1 right, 2 top, 3 left. Saddles are cut apart. */
static inline int
cell_arcs(const float *f, int side, float level, int ret_from[2], int ret_to[2])
{
    static const int arcs[16][4] = { { -1 },       { 0, 3, -1 },   { 1, 0, -1 },   { 1, 3, -1 },
                                     { 2, 1, -1 }, { 0, 3, 2, 1 }, { 2, 0, -1 },   { 2, 3, -1 },
                                     { 3, 2, -1 }, { 0, 2, -1 },   { 1, 0, 3, 2 }, { 1, 2, -1 },
                                     { 3, 1, -1 }, { 0, 1, -1 },   { 3, 0, -1 },   { -1 } };
    int code = (f[0] > level) | (f[1] > level) << 1 | (f[side + 1] > level) << 2 |
               (f[side] > level) << 3;
    const int *arc = arcs[code];
    int n = 0;
    for (; n < 2 && arc[2 * n] >= 0; n++) {
        ret_from[n] = arc[2 * n];
        ret_to[n] = arc[2 * n + 1];
    }
    return n;
}

static inline void
crossing_point(const float *field, int side, float level, int x, int y, int edge, float ret[2])
{
    int ax = x + (edge == 1), ay = y + (edge == 2), bx = ax + (edge == 0 || edge == 2);
    int by = ay + (edge == 1 || edge == 3);
    float a = field[ay * side + ax], b = field[by * side + bx];
    float t = CLAMP((level - a) / (b - a), 0.01f, 0.99f);
    ret[0] = (float)ax + t * (float)(bx - ax);
    ret[1] = (float)ay + t * (float)(by - ay);
}

/* Follows one contour; marks visited arcs in `seen` (2 bits a cell). */
static inline void
follow(const float *field, int side, float level, int x, int y, int arc, guint8 *seen,
       GArray *points)
{
    static const int step_x[4] = { 0, 1, 0, -1 }, step_y[4] = { -1, 0, 1, 0 };
    for (;;) {
        int from[2], to[2];
        int n = cell_arcs(field + y * side + x, side, level, from, to);
        g_assert_true(arc < n);
        if (seen[y * side + x] >> arc & 1)
            return;
        seen[y * side + x] |= (guint8)(1 << arc);
        float p[2];
        crossing_point(field, side, level, x, y, from[arc], p);
        g_array_append_vals(points, p, 2);
        int leave = to[arc], enter = (leave + 2) % 4;
        x += step_x[leave];
        y += step_y[leave];
        n = cell_arcs(field + y * side + x, side, level, from, to);
        for (arc = 0; arc < n && from[arc] != enter;)
            arc++;
    }
}

/* Outlines of the places where noise exceeds `level`: outer loops counter-clockwise, holes
 * clockwise, no two points equal. */
static inline Outline
outline_of_noise(GRand *random, int side, double level)
{
    g_autofree float *field = noise_field(random, side);
    g_autofree guint8 *seen = g_new0(guint8, (gsize)(side * side));
    GArray *points = g_array_new(FALSE, FALSE, sizeof(float));
    GArray *starts = g_array_new(FALSE, TRUE, sizeof(uint32_t));
    uint32_t start = 0;
    g_array_append_val(starts, start);
    for (int y = 0; y + 1 < side; y++)
        for (int x = 0; x + 1 < side; x++) {
            int from[2], to[2];
            int n = cell_arcs(field + y * side + x, side, (float)level, from, to);
            for (int arc = 0; arc < n; arc++) {
                if (seen[y * side + x] >> arc & 1)
                    continue;
                follow(field, side, (float)level, x, y, arc, seen, points);
                start = points->len / 2;
                g_array_append_val(starts, start);
            }
        }
    Outline outline = { .n_points = points->len / 2, .n_loops = starts->len - 1 };
    outline.points = (float *)(void *)g_array_free(points, FALSE);
    outline.loop_start = (uint32_t *)(void *)g_array_free(starts, FALSE);
    return outline;
}

static inline void
scatter_free_points(Outline *outline, GRand *random, int n)
{
    float high = 0;
    for (size_t i = 0; i < 2 * outline->n_points; i++)
        high = MAX(high, outline->points[i]);
    outline->points = g_renew(float, outline->points, 2 * (outline->n_points + (gsize)n));
    for (int i = 0; i < 2 * n; i++)
        outline->points[2 * outline->n_points + (size_t)i] =
            (float)g_rand_double_range(random, 0, high);
    outline->n_points += (size_t)n;
}

#endif
