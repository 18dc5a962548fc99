/* flatten.c - lays each chart flat without flips and without overlap.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * A chart is projected along its axis, or mapped by least squares when it is bent. If its
 * border does not prove that it lies flat (overlap.c), it is laid out face by face, from the
 * largest outwards: a face that is flipped, or covers one that lies there already, is left out,
 * and so is what can only be reached through it. What was left out makes new charts in the next
 * round. After many rounds the rest, which then is rubble, is laid out as polygons of a few
 * dozen faces inscribed in circles: a tree of faces, cut along all other edges, always fits
 * there. */
#include "unwrap-priv.h"

#include <math.h>
#include <string.h>

#define ROUNDS 24
#define REGROW 0.35f    /* cosine: what was left out joins charts whose axis sees it so */
#define REGROWN 64      /* faces, at least, that such a chart may have */
#define LEAST_SEEN 0.05 /* of its area, for a face not to count as flipped */
#define FLAT 1e-4       /* area over the square of the longest side */
#define MOST_SCALED 4.0 /* in area, for a face of a bent chart */
#define EFFORT 15.0     /* of least squares, per face of the surface: about 6 us */
#define LEAST_EFFORT 1e6
#define CIRCLE_FACES 96

typedef enum { UNSEEN, WAITING, PLACED } Mark;

typedef struct {
    OrfAtlas *atlas;
    uint8_t *mark;   /* [n_faces] */
    uint32_t *queue; /* [n_faces] */
    uint32_t *local; /* [n_vertices] for orf_atlas_conform */
    OrfFlatGrid grid;
    double effort; /* that least squares may still cost, in faces to the power of 1.5 */
    size_t left_out, placed, cut; /* faces of the charts that were cut, and their count */
} Layout;

static void
layout_clear(Layout *layout)
{
    orf_free(layout->mark);
    orf_free(layout->queue);
    orf_free(layout->local);
    orf_flat_grid_clear(&layout->grid);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Layout, layout_clear)

/* --- Projection --------------------------------------------------------------------------- */

/* x to the right and y up as seen from the axis, up being +Y where that is possible. */
static void
frame_of(const float axis[3], float right[3], float up[3])
{
    bool steep = fabsf(axis[1]) > 0.9f;
    const float hint[3] = { 0, steep ? 0 : 1, steep ? (axis[1] > 0 ? -1.0f : 1.0f) : 0 };
    for (int k = 0; k < 3; k++)
        right[k] =
            hint[(k + 1) % 3] * axis[(k + 2) % 3] - hint[(k + 2) % 3] * axis[(k + 1) % 3];
    float length = sqrtf(orf_dot3(right, right));
    for (int k = 0; k < 3; k++)
        right[k] /= length;
    for (int k = 0; k < 3; k++)
        up[k] = axis[(k + 1) % 3] * right[(k + 2) % 3] - axis[(k + 2) % 3] * right[(k + 1) % 3];
}

static void
project(OrfAtlas *atlas, const OrfChart *chart)
{
    float right[3], up[3];
    frame_of(chart->axis, right, up);
    for (uint32_t i = chart->first; i < chart->first + chart->n; i++)
        for (size_t c = 3 * (size_t)atlas->order[i]; c < 3 * (size_t)atlas->order[i] + 3; c++) {
            const float *p = atlas->positions + 3 * (size_t)atlas->triangles[c];
            atlas->uv[2 * c] = orf_dot3(p, right);
            atlas->uv[2 * c + 1] = orf_dot3(p, up);
        }
}

/* --- Laying out --------------------------------------------------------------------------- */

static double
mapped_area(const OrfAtlas *atlas, uint32_t face)
{
    const float *uv = atlas->uv + 6 * (size_t)face;
    return (((double)uv[2] - uv[0]) * ((double)uv[5] - uv[1]) -
            ((double)uv[3] - uv[1]) * ((double)uv[4] - uv[0])) /
           2;
}

/* Not flipped, nor nearly; a face without an area must not have one in the map either. */
static bool
is_upright(const OrfAtlas *atlas, uint32_t face)
{
    double mapped = mapped_area(atlas, face), longest2 = 0;
    if (atlas->areas[face] > 0)
        return mapped > LEAST_SEEN * (double)atlas->areas[face];
    const float *uv = atlas->uv + 6 * (size_t)face;
    for (int k = 0; k < 3; k++) {
        const float *a = uv + 2 * k, *b = uv + 2 * ((k + 1) % 3);
        double dx = (double)b[0] - a[0], dy = (double)b[1] - a[1];
        longest2 = MAX(longest2, dx * dx + dy * dy);
    }
    return fabs(mapped) <= FLAT * longest2;
}

static uint32_t
largest_upright(const OrfAtlas *atlas, const OrfChart *chart)
{
    uint32_t best = ORF_NO_HALF;
    for (uint32_t i = chart->first; i < chart->first + chart->n; i++) {
        uint32_t f = atlas->order[i];
        if (is_upright(atlas, f) &&
            (best == ORF_NO_HALF || atlas->areas[f] > atlas->areas[best]))
            best = f;
    }
    return best;
}

/* A bent chart whose map blows up or shrinks many faces is better cut. */
static bool
is_even(const OrfAtlas *atlas, const OrfChart *chart)
{
    size_t uneven = 0;
    for (uint32_t i = chart->first; i < chart->first + chart->n; i++) {
        uint32_t face = atlas->order[i];
        double area = (double)atlas->areas[face], mapped = mapped_area(atlas, face);
        uneven += area > 0 && (mapped > MOST_SCALED * area || mapped * MOST_SCALED < area);
    }
    return uneven * 20 <= chart->n;
}

/* From the largest face outwards. */
static bool
place_faces(Layout *layout, uint32_t index, GError **error)
{
    OrfAtlas *atlas = layout->atlas;
    uint32_t begin = 0, end = 0, seed = largest_upright(atlas, orf_atlas_chart(atlas, index));
    if (seed != ORF_NO_HALF) {
        layout->queue[end++] = seed;
        layout->mark[seed] = WAITING;
    }
    while (begin < end) {
        uint32_t face = layout->queue[begin++];
        bool placed = is_upright(atlas, face);
        if (placed && atlas->areas[face] > 0 &&
            !orf_flat_grid_place(&layout->grid, face, &placed, error))
            return false;
        if (!placed)
            continue;
        layout->mark[face] = PLACED;
        for (uint32_t h = 3 * face; h < 3 * face + 3; h++) {
            uint32_t g = atlas->across[h] == ORF_NO_HALF ? face : atlas->across[h] / 3;
            if (atlas->chart[g] != index || layout->mark[g] != UNSEEN)
                continue;
            layout->mark[g] = WAITING;
            layout->queue[end++] = g;
        }
    }
    return orf_task_check(atlas->task, error);
}

/* Takes the faces that found no place out of the chart. */
static void
drop_others(Layout *layout, uint32_t index)
{
    OrfAtlas *atlas = layout->atlas;
    const OrfChart *chart = orf_atlas_chart(atlas, index);
    size_t placed = 0;
    for (uint32_t i = chart->first; i < chart->first + chart->n; i++) {
        uint32_t face = atlas->order[i];
        placed += layout->mark[face] == PLACED;
        if (layout->mark[face] != PLACED)
            atlas->chart[face] = ORF_NO_CHART;
        layout->mark[face] = UNSEEN;
    }
    layout->left_out += chart->n - placed;
    if (placed < chart->n) {
        layout->placed += placed;
        layout->cut++;
    }
}

static bool
all_upright(const OrfAtlas *atlas, const OrfChart *chart)
{
    for (uint32_t i = chart->first; i < chart->first + chart->n; i++)
        if (!is_upright(atlas, atlas->order[i]))
            return false;
    return true;
}

/* Sets `uv` of a chart and says whether it lies flat as a whole. When too much was spent on
 * least squares, bent charts are taken not to. */
static bool
try_chart(Layout *layout, uint32_t index, bool *ret_flat, GError **error)
{
    OrfAtlas *atlas = layout->atlas;
    const OrfChart *chart = orf_atlas_chart(atlas, index);
    double effort = chart->n * sqrt((double)chart->n);
    *ret_flat = false;
    if (chart->bent && layout->effort < effort)
        return true;
    layout->effort -= chart->bent ? effort : 0;
    project(atlas, chart);
    if (chart->bent && !orf_atlas_conform(atlas, index, layout->local, error))
        return false;
    *ret_flat = all_upright(atlas, chart) && (!chart->bent || is_even(atlas, chart));
    if (*ret_flat &&
        !orf_flat_border_is_simple(&layout->grid, atlas, chart, layout->local, ret_flat, error))
        return false;
    return orf_task_check(atlas->task, error);
}

/* Charts that were joined by force part again until they lie flat. */
static bool
flatten_chart(Layout *layout, uint32_t index, GError **error)
{
    OrfAtlas *atlas = layout->atlas;
    bool flat = false;
    if (!try_chart(layout, index, &flat, error))
        return false;
    while (!flat && orf_atlas_chart(atlas, index)->bent)
        if (!orf_atlas_part(atlas, index, error) || !try_chart(layout, index, &flat, error))
            return false;
    orf_atlas_chart(atlas, index)->flat = true;
    if (flat)
        return true;
    if (!orf_flat_grid_begin(&layout->grid, atlas, orf_atlas_chart(atlas, index), error) ||
        !place_faces(layout, index, error))
        return false;
    drop_others(layout, index);
    return true;
}

static bool
flatten_charts(Layout *layout, GError **error)
{
    layout->left_out = layout->cut = 0;
    layout->placed = 0;
    for (uint32_t c = 0; c < layout->atlas->charts.n; c++)
        if (!orf_atlas_chart(layout->atlas, c)->flat && !flatten_chart(layout, c, error))
            return false;
    return true;
}

/* --- What was left out -------------------------------------------------------------------- */

/* Faces without a chart that are connected to `seed`; with an axis, only those it sees. */
static uint32_t
collect(Layout *layout, uint32_t seed, const float *axis, uint32_t chart, uint32_t most)
{
    OrfAtlas *atlas = layout->atlas;
    uint32_t begin = 0, end = 0;
    layout->queue[end++] = seed;
    atlas->chart[seed] = chart;
    while (begin < end) {
        uint32_t face = layout->queue[begin++];
        for (uint32_t h = 3 * face; h < 3 * face + 3 && end < most; h++) {
            uint32_t g = atlas->across[h] == ORF_NO_HALF ? face : atlas->across[h] / 3;
            if (atlas->chart[g] != ORF_NO_CHART ||
                (axis && atlas->areas[g] > 0 &&
                 orf_dot3(axis, atlas->normals + 3 * (size_t)g) < REGROW))
                continue;
            atlas->chart[g] = chart;
            layout->queue[end++] = g;
        }
    }
    return end;
}

/* New charts are not much larger than what could be laid out of the last ones: a spiral comes
 * apart in two rounds, not one for each turn. */
static bool
regrow(Layout *layout, GError **error)
{
    OrfAtlas *atlas = layout->atlas;
    size_t most = MAX(REGROWN, 2 * layout->placed / MAX(layout->cut, 1));
    for (uint32_t f = 0; f < atlas->n_faces; f++) {
        if (atlas->chart[f] != ORF_NO_CHART || !(atlas->areas[f] > 0))
            continue;
        const float *axis = atlas->normals + 3 * (size_t)f;
        uint32_t chart = orf_atlas_add_chart(atlas, axis, false, error);
        if (chart == ORF_NO_CHART)
            return false;
        collect(layout, f, axis, chart, (uint32_t)MIN(most, atlas->n_faces));
    }
    return orf_atlas_list_faces(atlas, error);
}

/* Notes for the first n faces of the queue, a chart as collected, the half towards their
 * parent: the first in the queue that touches them. */
static void
plant_tree(const Layout *layout, uint32_t n, uint32_t *up)
{
    const OrfAtlas *atlas = layout->atlas;
    uint32_t root = layout->queue[0];
    for (uint32_t i = 0; i < n; i++)
        up[layout->queue[i]] = ORF_NO_HALF;
    for (uint32_t i = 0; i < n; i++)
        for (uint32_t k = 0; k < 3; k++) {
            uint32_t across = atlas->across[3 * layout->queue[i] + k];
            if (across != ORF_NO_HALF && atlas->chart[across / 3] == atlas->chart[root] &&
                across / 3 != root && up[across / 3] == ORF_NO_HALF)
                up[across / 3] = across;
        }
}

/* Goes round the tree corner by corner, across its edges and along all others: these are the
 * n + 2 sides of one large polygon, which is laid on a circle. */
static void
inscribe(const Layout *layout, uint32_t n, const uint32_t *up)
{
    OrfAtlas *atlas = layout->atlas;
    double area = 0, side = 0, sides = n + 2.0;
    for (uint32_t i = 0; i < n; i++)
        area += (double)atlas->areas[layout->queue[i]];
    double radius = sqrt(area / G_PI);
    uint32_t start = 3 * layout->queue[0], h = start;
    do {
        atlas->uv[2 * (size_t)h] = (float)(radius * cos(2 * G_PI * side / sides));
        atlas->uv[2 * (size_t)h + 1] = (float)(radius * sin(2 * G_PI * side / sides));
        uint32_t across = atlas->across[h];
        bool is_tree = across != ORF_NO_HALF && (up[h / 3] == h || up[across / 3] == across);
        side += !is_tree;
        h = orf_next_corner(is_tree ? across : h);
    } while (h != start);
}

/* Faces without a chart, in trees of at most CIRCLE_FACES. */
static bool
lay_rubble(Layout *layout, GError **error)
{
    OrfAtlas *atlas = layout->atlas;
    static const float front[3] = { 0, 0, 1 };
    orf_autofree uint32_t *up =
        ORF_ALLOC(atlas->task, uint32_t, atlas->n_faces, "unwrapping", error);
    if (!up)
        return false;
    for (uint32_t f = 0; f < atlas->n_faces; f++) {
        if (atlas->chart[f] != ORF_NO_CHART || !(atlas->areas[f] > 0))
            continue;
        uint32_t chart = orf_atlas_add_chart(atlas, front, true, error);
        if (chart == ORF_NO_CHART)
            return false;
        orf_atlas_chart(atlas, chart)->flat = true;
        uint32_t n = collect(layout, f, NULL, chart, CIRCLE_FACES);
        plant_tree(layout, n, up);
        inscribe(layout, n, up);
    }
    return orf_atlas_list_faces(atlas, error);
}

bool
orf_atlas_flatten(OrfAtlas *atlas, GError **error)
{
    OrfTask *task = atlas->task;
    g_auto(Layout) layout = { .atlas = atlas };
    layout.effort = EFFORT * (double)atlas->n_faces + LEAST_EFFORT;
    layout.mark = ORF_ALLOC(task, uint8_t, atlas->n_faces, "unwrapping", error);
    layout.queue = ORF_ALLOC(task, uint32_t, atlas->n_faces, "unwrapping", error);
    layout.local = ORF_ALLOC(task, uint32_t, atlas->n_vertices, "unwrapping", error);
    if (!layout.mark || !layout.queue || !layout.local)
        return false;
    for (size_t v = 0; v < atlas->n_vertices; v++)
        layout.local[v] = ORF_NO_HALF;
    for (int round = 0; round < ROUNDS; round++) {
        if (!flatten_charts(&layout, error))
            return false;
        if (!layout.left_out)
            return orf_atlas_list_faces(atlas, error);
        if (round + 1 < ROUNDS && !regrow(&layout, error))
            return false;
    }
    return lay_rubble(&layout, error);
}
