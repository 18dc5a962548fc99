/* charts.c - cuts a surface into charts that can be seen whole from one side.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * All charts grow at once from the faces that look most squarely along one of a few fixed axes;
 * the face that fits its neighbouring chart best joins next. A new chart begins only where no
 * growing one fits better by a margin, so plains tilted between two axes do not crumble. The
 * six axes of a box see every face at 55 degrees or less; a narrow cone takes edges and corners
 * of the box as well. Fits are judged by normals averaged over a few neighbours, because noise
 * would make crumbs; whether a face may join is judged by its own. */
#include "unwrap-priv.h"

#include <math.h>
#include <string.h>

#define AVERAGINGS 3
#define MARGIN 0.3f    /* of fit that a new chart must be better by */
#define LEVELS 1024    /* of the bucket queue */
#define SIX_AXES 0.57f /* a cone (cosine) below which six axes are enough */

typedef struct {
    uint32_t face, chart, next; /* chart ORF_NO_CHART: begin a new one */
} Wish;

typedef struct {
    OrfAtlas *atlas;
    float *smooth; /* [n_faces][3] averaged normals */
    float axes[26][3];
    unsigned n_axes;
    Wish *wishes;
    uint32_t n_wishes, top[LEVELS];
    int level; /* no wish lies above */
} Growth;

static void
growth_clear(Growth *growth)
{
    orf_free(growth->smooth);
    orf_free(growth->wishes);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Growth, growth_clear)

static void
normalise(float v[3])
{
    float length = sqrtf(orf_dot3(v, v));
    for (int k = 0; k < 3 && length > 0; k++)
        v[k] /= length;
}

/* The axes of a box, then those of its edges and corners. */
static void
list_axes(Growth *growth)
{
    for (int set = 1; set <= 3; set++) {
        for (int i = 26; i >= 0; i--) {
            float axis[3] = { (float)(i % 3 - 1), (float)(i / 3 % 3 - 1), (float)(i / 9 - 1) };
            if ((int)orf_dot3(axis, axis) != set)
                continue;
            normalise(axis);
            memcpy(growth->axes[growth->n_axes++], axis, sizeof axis);
        }
        if (set == 1 && growth->atlas->cone < SIX_AXES)
            return;
    }
}

/* --- Averaged normals --------------------------------------------------------------------- */

typedef struct {
    const OrfAtlas *atlas;
    const float *from;
    float *to;
} Averaging;

static void
average(size_t begin, size_t end, void *data)
{
    const Averaging *averaging = data;
    const OrfAtlas *atlas = averaging->atlas;
    for (size_t f = begin; f < end; f++) {
        float sum[3];
        for (int k = 0; k < 3; k++)
            sum[k] = averaging->from[3 * f + (size_t)k] * (atlas->areas[f] + 1e-20f);
        for (size_t h = 3 * f; h < 3 * f + 3; h++) {
            if (atlas->across[h] == ORF_NO_HALF)
                continue;
            size_t g = atlas->across[h] / 3;
            const float *other = averaging->from + 3 * g;
            if (orf_dot3(other, averaging->from + 3 * f) < 0.5f) /* a real edge stays one */
                continue;
            for (int k = 0; k < 3; k++)
                sum[k] += other[k] * atlas->areas[g];
        }
        normalise(sum);
        memcpy(averaging->to + 3 * f, sum, sizeof sum);
    }
}

static bool
average_normals(Growth *growth, GError **error)
{
    OrfAtlas *atlas = growth->atlas;
    size_t n = atlas->n_faces;
    growth->smooth = ORF_ALLOC(atlas->task, float, 3 * n, "unwrapping", error);
    orf_autofree float *other =
        growth->smooth ? ORF_ALLOC(atlas->task, float, 3 * n, "unwrapping", error) : NULL;
    if (!other)
        return false;
    memcpy(other, atlas->normals, 3 * n * sizeof *other);
    for (int i = 0; i < AVERAGINGS; i++) {
        Averaging averaging = { atlas, other, growth->smooth };
        if (!orf_task_parallel(atlas->task, n, ORF_MESH_BLOCK, average, &averaging))
            return orf_task_check(atlas->task, error);
        if (i + 1 < AVERAGINGS)
            memcpy(other, growth->smooth, 3 * n * sizeof *other);
    }
    return true;
}

/* --- Growing ------------------------------------------------------------------------------ */

static void
wish(Growth *growth, uint32_t face, uint32_t chart, float fit)
{
    int level = (int)((CLAMP(fit, -1, 1) + 1) * 0.5f * (LEVELS - 1));
    growth->wishes[growth->n_wishes] = (Wish){ face, chart, growth->top[level] };
    growth->top[level] = ++growth->n_wishes; /* plus 1: 0 ends the list */
    growth->level = MAX(growth->level, level);
}

static const Wish *
best_wish(Growth *growth)
{
    while (growth->level >= 0 && !growth->top[growth->level])
        growth->level--;
    if (growth->level < 0)
        return NULL;
    const Wish *best = &growth->wishes[growth->top[growth->level] - 1];
    growth->top[growth->level] = best->next;
    return best;
}

static const float *
best_axis(const Growth *growth, const float *normal)
{
    unsigned best = 0;
    for (unsigned i = 1; i < growth->n_axes; i++)
        if (orf_dot3(normal, growth->axes[i]) > orf_dot3(normal, growth->axes[best]))
            best = i;
    return growth->axes[best];
}

static void
join(Growth *growth, uint32_t face, uint32_t chart)
{
    OrfAtlas *atlas = growth->atlas;
    const float *axis = orf_atlas_chart(atlas, chart)->axis;
    atlas->chart[face] = chart;
    for (uint32_t h = 3 * face; h < 3 * face + 3; h++) {
        uint32_t g = atlas->across[h] == ORF_NO_HALF ? face : atlas->across[h] / 3;
        if (atlas->chart[g] != ORF_NO_CHART)
            continue;
        if (!(atlas->areas[g] > 0)) /* fits anywhere */
            wish(growth, g, chart, 1);
        else if (orf_dot3(atlas->normals + 3 * (size_t)g, axis) >= atlas->cone)
            wish(growth, g, chart, orf_dot3(growth->smooth + 3 * (size_t)g, axis));
    }
}

static bool
grow(Growth *growth, GError **error)
{
    OrfAtlas *atlas = growth->atlas;
    const Wish *best;
    for (uint32_t f = 0; f < atlas->n_faces; f++) {
        const float *smooth = growth->smooth + 3 * (size_t)f;
        if (atlas->areas[f] > 0)
            wish(growth, f, ORF_NO_CHART, orf_dot3(smooth, best_axis(growth, smooth)) - MARGIN);
    }
    for (uint32_t done = 0; (best = best_wish(growth)); done++) {
        uint32_t face = best->face, chart = best->chart;
        if (done % ORF_MESH_BLOCK == 0 && !orf_task_check(atlas->task, error))
            return false;
        if (atlas->chart[face] != ORF_NO_CHART)
            continue;
        if (chart == ORF_NO_CHART) {
            const float *own = best_axis(growth, atlas->normals + 3 * (size_t)face);
            chart = orf_atlas_add_chart(atlas, own, false, error);
        }
        if (chart == ORF_NO_CHART)
            return false;
        join(growth, face, chart);
    }
    return true;
}

bool
orf_atlas_grow(OrfAtlas *atlas, GError **error)
{
    g_auto(Growth) growth = { .atlas = atlas };
    list_axes(&growth);
    if (!average_normals(&growth, error))
        return false;
    growth.wishes = ORF_ALLOC(atlas->task, Wish, 4 * atlas->n_faces, "unwrapping", error);
    return growth.wishes && grow(&growth, error) && orf_atlas_list_faces(atlas, error);
}
