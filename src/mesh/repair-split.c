/* repair-split.c - vertices and edges at which more than one surface meets, taken apart.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * At each edge the triangles that use it one way are paired with those that use it the other
 * way: sorted round the edge, a pair bounds the solid between them (Guéziec, Taubin, Lazarus
 * and Horn 2001 call it cutting). Corners that hang together over pairs become one vertex,
 * others get one of their own at the same place. Nothing moves, no triangle goes; afterwards no
 * edge has more than two triangles and each open edge has one that follows it. */
#include "mesh/repair-priv.h"

#include <math.h>
#include <string.h>

typedef struct {
    uint32_t corner; /* where the side begins */
    bool forward;    /* it runs from the lower vertex to the higher */
    double angle;    /* of its triangle round the edge, 0 .. 2 pi */
} Side;

typedef struct {
    const float *positions;
    const uint32_t *triangles;
    uint32_t *parent; /* [3 * n_triangles] corners, union-find */
} Split;

static void
join_corners(Split *split, uint32_t a, uint32_t b)
{
    split->parent[orf_set_root(split->parent, a)] = orf_set_root(split->parent, b);
}

/* Two sides of one edge, run opposite ways: begin meets end. */
static void
join_sides(Split *split, uint32_t a, uint32_t b)
{
    join_corners(split, a, orf_next_corner(b));
    join_corners(split, orf_next_corner(a), b);
}

static int
by_angle(const void *a, const void *b)
{
    double x = ((const Side *)a)->angle, y = ((const Side *)b)->angle;
    return (x > y) - (x < y);
}

/* Angles of the third corners about the edge low -> high, seen along it. */
static void
find_angles(const Split *split, uint32_t low, uint32_t high, Side *sides, size_t n)
{
    double axis[3], first[3] = { 0 }, second[3], length = 0;
    const float *p = split->positions + 3 * (size_t)low;
    const float *q = split->positions + 3 * (size_t)high;
    for (int k = 0; k < 3; k++) {
        axis[k] = (double)q[k] - (double)p[k];
        length += axis[k] * axis[k];
    }
    for (size_t i = 0; i < n; i++) {
        uint32_t third = orf_next_corner(orf_next_corner(sides[i].corner));
        const float *c = split->positions + 3 * (size_t)split->triangles[third];
        double off[3], along = 0, x = 0, y = 0;
        for (int k = 0; k < 3; k++) {
            off[k] = (double)c[k] - (double)p[k];
            along += off[k] * axis[k] / length;
        }
        for (int k = 0; k < 3; k++)
            off[k] -= along * axis[k];
        if (i == 0) {
            memcpy(first, off, sizeof first);
            for (int k = 0; k < 3; k++)
                second[k] = (axis[(k + 1) % 3] * first[(k + 2) % 3] -
                             axis[(k + 2) % 3] * first[(k + 1) % 3]) /
                            sqrt(length);
        }
        for (int k = 0; k < 3; k++) {
            x += off[k] * first[k];
            y += off[k] * second[k];
        }
        sides[i].angle = i == 0 ? 0 : atan2(y, x) < 0 ? atan2(y, x) + 2 * G_PI : atan2(y, x);
    }
}

/* Going round counter-clockwise seen against the edge's direction, the solid lies before a
 * triangle that runs forward and behind one that runs backward: neighbours backward, forward
 * are a pair. */
static void
pair_sides(Split *split, Side *sides, size_t n)
{
    qsort(sides, n, sizeof *sides, by_angle);
    g_autofree bool *paired = g_new0(bool, n);
    for (size_t round = 0; round < n; round++)
        for (size_t i = 0; i < n; i++) {
            size_t j = (i + 1) % n;
            while (paired[j] && j != i)
                j = (j + 1) % n;
            if (paired[i] || j == i || sides[i].forward || !sides[j].forward)
                continue;
            join_sides(split, sides[i].corner, sides[j].corner);
            paired[i] = paired[j] = true;
        }
}

static void
pair_edge(Split *split, uint32_t low, const OrfHalf *halves, size_t n)
{
    g_autofree Side *sides = g_new(Side, n);
    size_t forward = 0;
    for (size_t i = 0; i < n; i++) {
        sides[i] = (Side){ halves[i].half, split->triangles[halves[i].half] == low, 0 };
        forward += sides[i].forward;
    }
    if (n == 2 && forward == 1) {
        join_sides(split, sides[0].corner, sides[1].corner);
    } else if (n > 2 && forward > 0 && forward < n) {
        find_angles(split, low, halves[0].other, sides, n);
        pair_sides(split, sides, n);
    }
}

static bool
number_vertices(OrfTask *task, const OrfMesh *mesh, Split *split, OrfMeshParts *parts,
                GError **error)
{
    size_t n = 3 * parts->n_triangles, n_vertices = 0;
    orf_autofree uint32_t *number = ORF_ALLOC(task, uint32_t, n, "repair: split", error);
    if (!number)
        return false;
    for (size_t c = 0; c < n; c++)
        n_vertices += orf_set_root(split->parent, (uint32_t)c) == c;
    float *positions = ORF_ALLOC(task, float, 3 * n_vertices, "repair: split", error);
    uint8_t *colors =
        parts->colors ? ORF_ALLOC(task, uint8_t, 4 * n_vertices, "repair: split", error) : NULL;
    if (!positions || (parts->colors && !colors)) {
        orf_free(positions);
        return false;
    }
    n_vertices = 0;
    for (size_t c = 0; c < n; c++) {
        uint32_t from = orf_mesh_triangles(mesh)[c];
        if (orf_set_root(split->parent, (uint32_t)c) != c)
            continue;
        number[c] = (uint32_t)n_vertices;
        memcpy(positions + 3 * n_vertices, parts->positions + 3 * (size_t)from,
               3 * sizeof *positions);
        if (colors)
            memcpy(colors + 4 * n_vertices, parts->colors + 4 * (size_t)from, 4);
        n_vertices++;
    }
    for (size_t c = 0; c < n; c++)
        parts->triangles[c] = number[orf_set_root(split->parent, (uint32_t)c)];
    orf_free(parts->positions);
    orf_free(parts->colors);
    parts->positions = positions;
    parts->colors = colors;
    parts->n_vertices = n_vertices;
    return true;
}

OrfMesh *
orf_repair_split(OrfTask *task, const OrfMesh *mesh, GError **error)
{
    size_t n = 3 * orf_mesh_n_triangles(mesh);
    g_auto(OrfEdges) edges = { 0 };
    g_auto(OrfMeshParts) parts = { 0 };
    orf_autofree uint32_t *parent = ORF_ALLOC(task, uint32_t, n, "repair: split", error);
    if (!parent || !orf_edges_init(task, mesh, &edges, error) ||
        !orf_mesh_copy_parts(task, mesh, &parts, error))
        return NULL;
    Split split = { orf_mesh_positions(mesh), orf_mesh_triangles(mesh), parent };
    for (size_t c = 0; c < n; c++)
        parent[c] = (uint32_t)c;
    for (size_t v = 0; v < orf_mesh_n_vertices(mesh); v++)
        for (uint32_t i = edges.start[v], end; i < edges.start[v + 1]; i = end) {
            end = orf_edge_end(edges.halves, i, edges.start[v + 1]);
            pair_edge(&split, (uint32_t)v, edges.halves + i, end - i);
        }
    if (!number_vertices(task, mesh, &split, &parts, error))
        return NULL;
    return orf_mesh_new_take(&parts, error);
}
