/* tree.c - a tree of boxes over triangles.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Split at the median of the centres along the longest side, four triangles a leaf. Children
 * are neighbours, so a node names one. Each node also holds its dipole for winding numbers. */
#include "mesh/mesh-priv.h"

#include <math.h>
#include <string.h>

#define LEAF 4
#define DEPTH 64
#define BETA 2.0

typedef struct {
    float low[3], high[3];
    uint32_t first; /* leaf: triangle; else: the left child */
    uint32_t n;     /* triangles of a leaf; 0: a branch */
} Node;

typedef struct {
    double centre[3], normal[3]; /* of area; sum of area * normal */
    double reach;                /* distance from the centre to the farthest corner */
} Dipole;

typedef struct {
    float p[3][3];
    uint32_t index; /* as given */
} Facet;

struct OrfTree {
    Facet *facets;
    Node *nodes;
    Dipole *dipoles;
    size_t n, n_nodes;
};

/* --- Vectors ------------------------------------------------------------------------------ */

static void
minus(const float a[3], const float b[3], double ret[3])
{
    for (int k = 0; k < 3; k++)
        ret[k] = (double)a[k] - (double)b[k];
}

static double
dot(const double a[3], const double b[3])
{
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
}

static void
cross(const double a[3], const double b[3], double ret[3])
{
    ret[0] = a[1] * b[2] - a[2] * b[1];
    ret[1] = a[2] * b[0] - a[0] * b[2];
    ret[2] = a[0] * b[1] - a[1] * b[0];
}

/* --- Building ----------------------------------------------------------------------------- */

static double
centre_of(const Facet *f, int axis)
{
    return (double)f->p[0][axis] + (double)f->p[1][axis] + (double)f->p[2][axis];
}

/* Puts the facet of rank `middle` by centre in its place (Hoare 1961). */
static void
select_middle(Facet *facets, size_t n, size_t middle, int axis)
{
    size_t low = 0, high = n;
    while (high - low > 1) {
        double pivot = centre_of(&facets[low + (high - low) / 2], axis);
        size_t i = low, j = high - 1;
        for (;;) {
            while (centre_of(&facets[i], axis) < pivot)
                i++;
            while (centre_of(&facets[j], axis) > pivot)
                j--;
            if (i >= j)
                break;
            Facet kept = facets[i];
            facets[i++] = facets[j];
            facets[j--] = kept;
        }
        size_t split = i > j ? i : j + 1;
        if (split <= low || split >= high)
            return; /* all equal */
        if (middle < split)
            high = split;
        else
            low = split;
    }
}

static void
bound(const Facet *facets, size_t n, Node *node)
{
    for (int k = 0; k < 3; k++) {
        node->low[k] = INFINITY;
        node->high[k] = -INFINITY;
    }
    for (size_t i = 0; i < n; i++)
        for (int c = 0; c < 3; c++)
            for (int k = 0; k < 3; k++) {
                node->low[k] = MIN(node->low[k], facets[i].p[c][k]);
                node->high[k] = MAX(node->high[k], facets[i].p[c][k]);
            }
}

static void
find_dipole(const Facet *facets, size_t n, Dipole *dipole)
{
    double area = 0;
    for (size_t i = 0; i < n; i++) {
        double u[3], v[3], normal[3];
        minus(facets[i].p[1], facets[i].p[0], u);
        minus(facets[i].p[2], facets[i].p[0], v);
        cross(u, v, normal);
        double weight = sqrt(dot(normal, normal)) / 2;
        area += weight;
        for (int k = 0; k < 3; k++) {
            dipole->normal[k] += normal[k] / 2;
            dipole->centre[k] += weight * centre_of(&facets[i], k) / 3;
        }
    }
    for (int k = 0; k < 3; k++)
        dipole->centre[k] /= MAX(area, 1e-300);
    for (size_t i = 0; i < n; i++)
        for (int c = 0; c < 3; c++) {
            double sum = 0;
            for (int k = 0; k < 3; k++) {
                double off = (double)facets[i].p[c][k] - dipole->centre[k];
                sum += off * off;
            }
            dipole->reach = MAX(dipole->reach, sqrt(sum));
        }
}

static int
longest_axis(const Node *node)
{
    int axis = 0;
    for (int k = 1; k < 3; k++)
        if (node->high[k] - node->low[k] > node->high[axis] - node->low[axis])
            axis = k;
    return axis;
}

static bool
build(OrfTask *task, OrfTree *tree, GError **error)
{
    struct {
        uint32_t node;
        size_t first, n;
    } stack[DEPTH];
    size_t top = 0;
    stack[top].node = 0;
    stack[top].first = 0;
    stack[top++].n = tree->n;
    tree->n_nodes = 1;
    while (top > 0) {
        top--;
        uint32_t me = stack[top].node;
        size_t first = stack[top].first, n = stack[top].n, half = n / 2;
        Node *node = &tree->nodes[me];
        bound(tree->facets + first, n, node);
        find_dipole(tree->facets + first, n, &tree->dipoles[me]);
        node->first = (uint32_t)first;
        node->n = (uint32_t)n;
        if (n <= LEAF)
            continue;
        if (n > ORF_MESH_BLOCK && !orf_task_check(task, error))
            return false;
        select_middle(tree->facets + first, n, half, longest_axis(node));
        node->first = (uint32_t)tree->n_nodes;
        node->n = 0;
        tree->n_nodes += 2;
        stack[top].node = node->first + 1;
        stack[top].first = first + half;
        stack[top++].n = n - half;
        stack[top].node = node->first;
        stack[top].first = first;
        stack[top++].n = half;
    }
    return orf_task_check(task, error);
}

static bool
has_area(const Facet *f)
{
    double u[3], v[3], normal[3];
    minus(f->p[1], f->p[0], u);
    minus(f->p[2], f->p[0], v);
    cross(u, v, normal);
    return dot(normal, normal) > 0;
}

OrfTree *
orf_tree_new(OrfTask *task, const float *positions, const uint32_t *triangles, size_t n,
             GError **error)
{
    g_autoptr(OrfTree) tree = g_new0(OrfTree, 1);
    size_t room = MAX(2 * n, 1);
    if (!(tree->facets = ORF_ALLOC(task, Facet, MAX(n, 1), "tree of triangles", error)) ||
        !(tree->nodes = ORF_ALLOC(task, Node, room, "tree of triangles", error)) ||
        !(tree->dipoles = ORF_ALLOC(task, Dipole, room, "tree of triangles", error)))
        return NULL;
    for (size_t t = 0; t < n; t++) {
        Facet *facet = &tree->facets[tree->n];
        for (int c = 0; c < 3; c++)
            memcpy(facet->p[c], positions + 3 * (size_t)triangles[3 * t + c],
                   sizeof facet->p[c]);
        facet->index = (uint32_t)t;
        tree->n += has_area(facet);
    }
    if (tree->n > 0 && !build(task, tree, error))
        return NULL;
    return g_steal_pointer(&tree);
}

void
orf_tree_free(OrfTree *tree)
{
    if (!tree)
        return;
    orf_free(tree->facets);
    orf_free(tree->nodes);
    orf_free(tree->dipoles);
    g_free(tree);
}

/* --- Nearest ------------------------------------------------------------------------------ */

/* The place of a triangle nearest to p: by the Voronoi region p lies in. */
static double
near_facet(const Facet *f, const double p[3], double ret[3])
{
    double ab[3], ac[3], ap[3], bp[3], cp[3];
    minus(f->p[1], f->p[0], ab);
    minus(f->p[2], f->p[0], ac);
    for (int k = 0; k < 3; k++) {
        ap[k] = p[k] - (double)f->p[0][k];
        bp[k] = p[k] - (double)f->p[1][k];
        cp[k] = p[k] - (double)f->p[2][k];
    }
    double d1 = dot(ab, ap), d2 = dot(ac, ap), d3 = dot(ab, bp), d4 = dot(ac, bp),
           d5 = dot(ab, cp), d6 = dot(ac, cp), s, t;
    double va = d3 * d6 - d5 * d4, vb = d5 * d2 - d1 * d6, vc = d1 * d4 - d3 * d2;
    if (d1 <= 0 && d2 <= 0)
        s = t = 0;
    else if (d3 >= 0 && d4 <= d3)
        s = 1, t = 0;
    else if (d6 >= 0 && d5 <= d6)
        s = 0, t = 1;
    else if (vc <= 0 && d1 >= 0 && d3 <= 0)
        s = d1 / (d1 - d3), t = 0;
    else if (vb <= 0 && d2 >= 0 && d6 <= 0)
        s = 0, t = d2 / (d2 - d6);
    else if (va <= 0 && d4 - d3 >= 0 && d5 - d6 >= 0)
        t = (d4 - d3) / ((d4 - d3) + (d5 - d6)), s = 1 - t;
    else
        s = vb / (va + vb + vc), t = vc / (va + vb + vc);
    double sum = 0;
    for (int k = 0; k < 3; k++) {
        ret[k] = (double)f->p[0][k] + s * ab[k] + t * ac[k];
        sum += (ret[k] - p[k]) * (ret[k] - p[k]);
    }
    return sum;
}

static double
box_distance(const Node *node, const double p[3])
{
    double sum = 0;
    for (int k = 0; k < 3; k++) {
        double off = MAX(MAX((double)node->low[k] - p[k], p[k] - (double)node->high[k]), 0);
        sum += off * off;
    }
    return sum;
}

double
orf_tree_nearest(const OrfTree *tree, const double point[3], double most, double ret_point[3],
                 uint32_t *ret_triangle)
{
    uint32_t stack[DEPTH];
    size_t top = 0;
    double best = most < INFINITY ? most * most : INFINITY, at[3];
    bool found = false;
    if (tree->n > 0)
        stack[top++] = 0;
    while (top > 0) {
        const Node *node = &tree->nodes[stack[--top]];
        if (box_distance(node, point) >= best)
            continue;
        for (uint32_t i = 0; i < node->n; i++) {
            const Facet *facet = &tree->facets[node->first + i];
            double distance = near_facet(facet, point, at);
            if (!(distance < best))
                continue;
            best = distance;
            found = true;
            if (ret_point)
                memcpy(ret_point, at, sizeof at);
            if (ret_triangle)
                *ret_triangle = facet->index;
        }
        if (node->n > 0)
            continue;
        bool left_first = box_distance(&tree->nodes[node->first], point) <=
                          box_distance(&tree->nodes[node->first + 1], point);
        stack[top++] = node->first + left_first;
        stack[top++] = node->first + !left_first;
    }
    return found ? sqrt(best) : INFINITY;
}

/* --- Rays --------------------------------------------------------------------------------- */

static double
hit_facet(const Facet *f, const double from[3], const double direction[3])
{
    double ab[3], ac[3], h[3], s[3], q[3];
    minus(f->p[1], f->p[0], ab);
    minus(f->p[2], f->p[0], ac);
    cross(direction, ac, h);
    double det = dot(ab, h);
    if (det == 0)
        return INFINITY;
    for (int k = 0; k < 3; k++)
        s[k] = from[k] - (double)f->p[0][k];
    double u = dot(s, h) / det;
    if (u < 0 || u > 1)
        return INFINITY;
    cross(s, ab, q);
    double v = dot(direction, q) / det;
    if (v < 0 || u + v > 1)
        return INFINITY;
    double distance = dot(ac, q) / det;
    return distance > 0 ? distance : INFINITY;
}

/* Where the ray enters the box; INFINITY: it misses it or comes later than `most`. */
static double
enter_box(const Node *node, const double from[3], const double inverse[3], double most)
{
    double first = 0, last = most;
    for (int k = 0; k < 3; k++) {
        double a = ((double)node->low[k] - from[k]) * inverse[k];
        double b = ((double)node->high[k] - from[k]) * inverse[k];
        first = MAX(first, MIN(a, b));
        last = MIN(last, MAX(a, b));
    }
    return first <= last * (1 + 1e-12) ? first : INFINITY;
}

double
orf_tree_first_hit(const OrfTree *tree, const double point[3], const double direction[3],
                   double most, uint32_t skip)
{
    uint32_t stack[DEPTH];
    size_t top = 0;
    double best = most, inverse[3];
    bool found = false;
    for (int k = 0; k < 3; k++)
        inverse[k] = 1 / (fabs(direction[k]) > 1e-30 ? direction[k] : 1e-30);
    if (tree->n > 0)
        stack[top++] = 0;
    while (top > 0) {
        const Node *node = &tree->nodes[stack[--top]];
        if (!(enter_box(node, point, inverse, best) < INFINITY))
            continue;
        for (uint32_t i = 0; i < node->n; i++) {
            const Facet *facet = &tree->facets[node->first + i];
            double distance =
                facet->index == skip ? INFINITY : hit_facet(facet, point, direction);
            if (distance < best) {
                best = distance;
                found = true;
            }
        }
        if (node->n > 0)
            continue;
        double left = enter_box(&tree->nodes[node->first], point, inverse, best);
        double right = enter_box(&tree->nodes[node->first + 1], point, inverse, best);
        bool left_first = left <= right;
        if (MAX(left, right) < INFINITY)
            stack[top++] = node->first + left_first;
        if (MIN(left, right) < INFINITY)
            stack[top++] = node->first + !left_first;
    }
    return found ? best : INFINITY;
}

/* --- Winding number ----------------------------------------------------------------------- */

/* Solid angle of a triangle (van Oosterom and Strackee 1983). */
static double
solid_angle(const Facet *f, const double p[3])
{
    double a[3], b[3], c[3], bc[3];
    for (int k = 0; k < 3; k++) {
        a[k] = (double)f->p[0][k] - p[k];
        b[k] = (double)f->p[1][k] - p[k];
        c[k] = (double)f->p[2][k] - p[k];
    }
    double la = sqrt(dot(a, a)), lb = sqrt(dot(b, b)), lc = sqrt(dot(c, c));
    cross(b, c, bc);
    double below = la * lb * lc + dot(a, b) * lc + dot(b, c) * la + dot(c, a) * lb;
    return 2 * atan2(dot(a, bc), below);
}

double
orf_tree_winding(const OrfTree *tree, const double point[3])
{
    uint32_t stack[DEPTH];
    size_t top = 0;
    double sum = 0;
    if (tree->n > 0)
        stack[top++] = 0;
    while (top > 0) {
        uint32_t me = stack[--top];
        const Node *node = &tree->nodes[me];
        const Dipole *dipole = &tree->dipoles[me];
        double off[3];
        for (int k = 0; k < 3; k++)
            off[k] = dipole->centre[k] - point[k];
        double distance = sqrt(dot(off, off));
        if (distance > BETA * dipole->reach) {
            sum += dot(off, dipole->normal) / (distance * distance * distance);
            continue;
        }
        for (uint32_t i = 0; i < node->n; i++)
            sum += solid_angle(&tree->facets[node->first + i], point);
        if (node->n == 0) {
            stack[top++] = node->first + 1;
            stack[top++] = node->first;
        }
    }
    return sum / (4 * G_PI);
}
