/* charts-merge.c - fewer charts: small ones join a neighbour.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Rounds over all charts from small to large. A small chart joins the neighbour with the
 * longest common border that sees all its faces, if at a slant; a budget keeps the faces that
 * suffer few. While there are too many charts the budget does not count, and any may join a
 * neighbour that does not see it: if no common axis is found the two become bent, which suits
 * strips of walls round an outline best. */
#include "unwrap-priv.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define ROUNDS 48
#define SLANT 0.14f      /* cosine: faces beyond that show nothing of themselves */
#define COMMON_AXIS 0.3f /* the same for two charts that look for an axis in common */
#define SMALL_SHARE 500  /* a chart with less than 1 / SMALL_SHARE of the faces is small */
#define SLANTED_SHARE 50 /* share of the faces that may be seen at a slant */
#define HINGE 0.9f       /* straightness of a border that charts may unfold along */
#define SMOOTH 0.7f      /* cosine between the axes of charts that join without a hinge */
#define CLEARLY 0.08f    /* cosine */
#define MOST_BENT 5000   /* faces: least squares get slow beyond */

typedef struct {
    uint32_t chart, other;
    float length;
    float way[3]; /* from where it begins to where it ends: as long as `length` when straight */
} Border;

typedef enum { FREE, PINNED, TAKEN } State; /* PINNED: others joined it in this round */

typedef struct {
    OrfAtlas *atlas;
    Border *borders; /* sorted by chart, each pair once from either side */
    uint32_t *start; /* [n_charts + 1] into borders */
    uint32_t *by_size;
    uint8_t *state;
    uint32_t *seen; /* [n_vertices] last count of chains that met the vertex */
    uint32_t counts;
    bool strict; /* only joins that cost nothing or little */
    size_t merged, needed, slanted, most_slanted;
} Merging;

static void
merging_clear(Merging *merging)
{
    orf_free(merging->borders);
    orf_free(merging->start);
    orf_free(merging->by_size);
    orf_free(merging->state);
    orf_free(merging->seen);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Merging, merging_clear)

/* --- Borders ------------------------------------------------------------------------------ */

static int
by_charts(const void *a, const void *b)
{
    const Border *x = a, *y = b;
    if (x->chart != y->chart)
        return x->chart < y->chart ? -1 : 1;
    return (x->other > y->other) - (x->other < y->other);
}

static Border
border_of_half(const OrfAtlas *atlas, uint32_t h, uint32_t other)
{
    const float *p = atlas->positions + 3 * (size_t)atlas->triangles[h];
    const float *q = atlas->positions + 3 * (size_t)atlas->triangles[orf_next_corner(h)];
    Border border = {
        atlas->chart[h / 3], other, 0, { q[0] - p[0], q[1] - p[1], q[2] - p[2] }
    };
    border.length = sqrtf(orf_dot3(border.way, border.way));
    return border;
}

/* The chart beyond a half, or ORF_NO_CHART when it is the same or none. */
static uint32_t
chart_beyond(const OrfAtlas *atlas, uint32_t h)
{
    uint32_t across = atlas->across[h];
    if (across == ORF_NO_HALF || atlas->chart[across / 3] == atlas->chart[h / 3])
        return ORF_NO_CHART;
    return atlas->chart[across / 3];
}

static bool
list_borders(Merging *merging, GError **error)
{
    const OrfAtlas *atlas = merging->atlas;
    size_t n = 0, kept = 0, n_charts = atlas->charts.n;
    for (uint32_t h = 0; h < 3 * atlas->n_faces; h++)
        n += chart_beyond(atlas, h) != ORF_NO_CHART;
    merging->borders = ORF_ALLOC(atlas->task, Border, n, "unwrapping", error);
    merging->start = ORF_ALLOC(atlas->task, uint32_t, n_charts + 1, "unwrapping", error);
    if (!merging->borders || !merging->start)
        return false;
    n = 0;
    for (uint32_t h = 0; h < 3 * atlas->n_faces; h++)
        if (chart_beyond(atlas, h) != ORF_NO_CHART)
            merging->borders[n++] = border_of_half(atlas, h, chart_beyond(atlas, h));
    qsort(merging->borders, n, sizeof *merging->borders, by_charts);
    for (size_t i = 0; i < n; i++) {
        Border *last = &merging->borders[kept ? kept - 1 : 0], *here = &merging->borders[i];
        if (!kept || by_charts(last, here) != 0) {
            merging->borders[kept++] = *here;
            continue;
        }
        last->length += here->length;
        for (int k = 0; k < 3; k++)
            last->way[k] += here->way[k];
    }
    for (size_t i = 0; i < kept; i++)
        merging->start[merging->borders[i].chart + 1] = (uint32_t)i + 1;
    for (size_t c = 0; c < n_charts; c++)
        merging->start[c + 1] = MAX(merging->start[c + 1], merging->start[c]);
    return orf_task_check(atlas->task, error);
}

/* --- Who may join whom -------------------------------------------------------------------- */

/* Faces of chart c that `axis` sees worse than the cone allows; SIZE_MAX when one is seen worse
 * than `least`. */
static size_t
count_slanted(const OrfAtlas *atlas, uint32_t c, const float axis[3], float least)
{
    const OrfChart *chart = orf_atlas_chart(atlas, c);
    size_t n = 0;
    for (uint32_t i = chart->first; i < chart->first + chart->n; i++) {
        uint32_t f = atlas->order[i];
        float seen = orf_dot3(atlas->normals + 3 * (size_t)f, axis);
        if (atlas->areas[f] > 0 && seen < least)
            return SIZE_MAX;
        n += atlas->areas[f] > 0 && seen < atlas->cone;
    }
    return n;
}

static float
straightness(const Border *border)
{
    return orf_dot3(border->way, border->way) / (border->length * border->length);
}

/* The neighbour that sees all of chart c, at most `most_slanted` faces of it beyond the cone,
 * and has the longest border with it; with `crooked` one that could not be a hinge. */
static uint32_t
host_of(const Merging *merging, uint32_t c, size_t most_slanted, bool crooked,
        size_t *ret_slanted)
{
    const OrfAtlas *atlas = merging->atlas;
    uint32_t best = ORF_NO_CHART;
    float longest = 0;
    for (uint32_t i = merging->start[c]; i < merging->start[c + 1]; i++) {
        const Border *border = &merging->borders[i];
        const OrfChart *host = orf_atlas_chart(atlas, border->other);
        if (border->length <= longest || host->bent || merging->state[border->other] == TAKEN ||
            (crooked && straightness(border) > HINGE))
            continue;
        size_t slanted = count_slanted(atlas, c, host->axis, crooked ? COMMON_AXIS : SLANT);
        if (slanted > most_slanted)
            continue;
        best = border->other;
        longest = border->length;
        *ret_slanted = slanted;
    }
    return best;
}

/* Their common border is one piece: joining them closes no ring, which no map can flatten. */
static bool
meet_once(Merging *merging, uint32_t c, uint32_t other)
{
    const OrfAtlas *atlas = merging->atlas;
    const OrfChart *chart = orf_atlas_chart(atlas, c);
    size_t n_edges = 0, n_points = 0;
    uint32_t count = ++merging->counts;
    for (uint32_t i = 3 * chart->first; i < 3 * (chart->first + chart->n); i++) {
        uint32_t h = 3 * atlas->order[i / 3] + i % 3;
        if (chart_beyond(atlas, h) != other)
            continue;
        const uint32_t ends[2] = { atlas->triangles[h], atlas->triangles[orf_next_corner(h)] };
        n_edges++;
        for (int k = 0; k < 2; k++) {
            n_points += merging->seen[ends[k]] != count;
            merging->seen[ends[k]] = count;
        }
    }
    return n_points <= n_edges + 1; /* each open chain has one point more than edges */
}

/* Border to any neighbour: rather a small one that looks the same way or is hinged to it, so
 * that the two unfold. NULL: there is none, or it is taken and will be there in the next round.
 */
static const Border *
partner_of(Merging *merging, uint32_t c)
{
    const OrfAtlas *atlas = merging->atlas;
    const OrfChart *chart = orf_atlas_chart(atlas, c);
    const Border *best = NULL;
    float best_score = 0;
    for (uint32_t i = merging->start[c]; i < merging->start[c + 1]; i++) {
        const Border *border = &merging->borders[i];
        const OrfChart *other = orf_atlas_chart(atlas, border->other);
        if (chart->n + other->n > MOST_BENT)
            continue;
        float straight = straightness(border);
        float even = MAX(0.1f, orf_dot3(chart->axis, other->axis));
        if (merging->strict && straight < HINGE && even < SMOOTH)
            continue;
        float score = border->length * MAX(straight * straight, even) / sqrtf((float)other->n);
        if (score > best_score && meet_once(merging, c, border->other)) {
            best_score = score;
            best = border;
        }
    }
    return best && merging->state[best->other] == FREE ? best : NULL;
}

/* --- Joining ------------------------------------------------------------------------------ */

/* An axis that sees all faces of both charts no worse than `least`; false when their mean
 * normal does not. */
static bool
common_axis(const OrfAtlas *atlas, uint32_t a, uint32_t b, float least, float ret_axis[3])
{
    double sum[3] = { 0 };
    orf_atlas_add_normals(atlas, a, sum);
    orf_atlas_add_normals(atlas, b, sum);
    double length = sqrt(sum[0] * sum[0] + sum[1] * sum[1] + sum[2] * sum[2]);
    if (!(length > 0))
        return false;
    for (int k = 0; k < 3; k++)
        ret_axis[k] = (float)(sum[k] / length);
    return count_slanted(atlas, a, ret_axis, least) != SIZE_MAX &&
           count_slanted(atlas, b, ret_axis, least) != SIZE_MAX;
}

static bool
move_faces(Merging *merging, uint32_t c, uint32_t host, GError **error)
{
    merging->state[c] = TAKEN;
    merging->state[host] = PINNED;
    merging->merged++;
    return orf_atlas_join(merging->atlas, host, c, error);
}

/* A host that sees all of chart c, at any slant once there is no other way. */
static uint32_t
find_host(Merging *merging, uint32_t c)
{
    size_t slanted = 0;
    size_t most = merging->most_slanted - MIN(merging->slanted, merging->most_slanted);
    bool must = merging->merged < merging->needed && !merging->strict;
    uint32_t host = host_of(merging, c, most, false, &slanted);
    if (host == ORF_NO_CHART && must && !orf_atlas_chart(merging->atlas, c)->bent)
        host = host_of(merging, c, SIZE_MAX - 1, true, &slanted);
    merging->slanted += slanted;
    return host;
}

static bool
join_partner(Merging *merging, uint32_t c, GError **error)
{
    OrfAtlas *atlas = merging->atlas;
    const Border *border = partner_of(merging, c);
    if (!border)
        return true;
    float axis[3], least = straightness(border) > HINGE ? SMOOTH : COMMON_AXIS;
    OrfChart *host = orf_atlas_chart(atlas, border->other);
    bool found = common_axis(atlas, c, border->other, least, axis);
    bool bent = host->bent || orf_atlas_chart(atlas, c)->bent || !found;
    if (!move_faces(merging, c, border->other, error))
        return false;
    host->bent = bent;
    if (found)
        memcpy(host->axis, axis, sizeof axis);
    return true;
}

static bool
join(Merging *merging, uint32_t c, GError **error)
{
    uint32_t host = find_host(merging, c);
    if (host != ORF_NO_CHART)
        return move_faces(merging, c, host, error);
    return merging->merged >= merging->needed || join_partner(merging, c, error);
}

static int
by_size(const void *a, const void *b, void *data)
{
    const OrfChart *charts = ((const OrfAtlas *)data)->charts.data;
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    if (charts[x].n != charts[y].n)
        return charts[x].n < charts[y].n ? -1 : 1;
    return (x > y) - (x < y);
}

/* One round; `*slanted` goes on from round to round. */
static bool
merge_once(OrfAtlas *atlas, size_t limit, bool strict, size_t *slanted, size_t *ret_merged,
           GError **error)
{
    size_t n = atlas->charts.n, small = atlas->n_faces / SMALL_SHARE;
    g_auto(Merging) merging = { .atlas = atlas,
                                .strict = strict,
                                .needed = n > limit ? n - limit : 0,
                                .slanted = *slanted,
                                .most_slanted = atlas->n_faces / SLANTED_SHARE };
    merging.by_size = ORF_ALLOC(atlas->task, uint32_t, n, "unwrapping", error);
    merging.state = ORF_ALLOC(atlas->task, uint8_t, n, "unwrapping", error);
    merging.seen = ORF_ALLOC(atlas->task, uint32_t, atlas->n_vertices, "unwrapping", error);
    if (!merging.by_size || !merging.state || !merging.seen || !list_borders(&merging, error))
        return false;
    for (uint32_t c = 0; c < n; c++)
        merging.by_size[c] = c;
    g_qsort_with_data(merging.by_size, (gint)n, sizeof(uint32_t), by_size, atlas);
    for (size_t i = 0; i < n; i++) {
        uint32_t c = merging.by_size[i];
        if (orf_atlas_chart(atlas, c)->n >= small && merging.merged >= merging.needed)
            break;
        if (merging.state[c] == FREE && !join(&merging, c, error))
            return false;
    }
    *slanted = merging.slanted;
    *ret_merged = merging.merged;
    return orf_atlas_list_faces(atlas, error);
}

/* What `axis` shows of the face of chart c that it sees worst. */
static float
worst_seen(const OrfAtlas *atlas, uint32_t c, const float axis[3])
{
    const OrfChart *chart = orf_atlas_chart(atlas, c);
    float worst = 1;
    for (uint32_t i = chart->first; i < chart->first + chart->n; i++) {
        uint32_t f = atlas->order[i];
        if (atlas->areas[f] > 0)
            worst = MIN(worst, orf_dot3(atlas->normals + 3 * (size_t)f, axis));
    }
    return worst;
}

/* Charts that their mean normal sees clearly better than their axis take that instead. */
static void
settle_axes(OrfAtlas *atlas)
{
    for (uint32_t c = 0; c < atlas->charts.n; c++) {
        OrfChart *chart = orf_atlas_chart(atlas, c);
        float mean[3] = { chart->axis[0], chart->axis[1], chart->axis[2] };
        orf_atlas_mean_normal(atlas, c, mean);
        if (!chart->bent &&
            worst_seen(atlas, c, mean) > worst_seen(atlas, c, chart->axis) + CLEARLY)
            for (int k = 0; k < 3; k++)
                chart->axis[k] = mean[k];
    }
}

bool
orf_atlas_merge(OrfAtlas *atlas, size_t limit, GError **error)
{
    size_t slanted = 0, merged = 1;
    bool strict = true;
    for (int round = 0; round < ROUNDS && atlas->charts.n > 1 && (merged || strict); round++) {
        strict = strict && merged;
        if (!merge_once(atlas, limit, strict, &slanted, &merged, error))
            return false;
    }
    settle_axes(atlas);
    return true;
}
