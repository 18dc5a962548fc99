/* unwrap-priv.h - an atlas under construction, shared by the unwrap files of this room.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ORF_UNWRAP_PRIV_H
#define ORF_UNWRAP_PRIV_H

#include "mesh-priv.h"

#define ORF_NO_CHART UINT32_MAX
#define ORF_NO_HALF UINT32_MAX
#define ORF_NO_JOIN UINT32_MAX

typedef struct {
    float axis[3];     /* unit: seen from there all faces face us, unless `bent` */
    uint32_t first, n; /* its faces in OrfAtlas.order; set by orf_atlas_list_faces */
    bool bent;         /* no axis sees all faces: flattened by least squares instead */
    bool flat;         /* `uv` of its faces is final */
    uint32_t join;     /* in OrfAtlas.joins: how it came about; ORF_NO_JOIN: grown whole */
} OrfChart;

/* Two charts that became one, so that they can part again. */
typedef struct {
    struct {
        float axis[3];
        bool bent;
        uint32_t join;
    } was[2];
    uint32_t into; /* the join that took this one up, or ORF_NO_JOIN */
} OrfJoin;

/* One thread at a time. A half is 3 * face + k and runs from corner k to the next. */
typedef struct {
    OrfTask *task;
    const float *positions;    /* borrowed */
    const uint32_t *triangles; /* borrowed */
    size_t n_vertices, n_faces;
    float cone; /* cosine of the greatest angle between a face and its chart's axis */

    uint32_t *across; /* [3 n_faces] the half beyond each half, ORF_NO_HALF at borders */
    float *normals;   /* [n_faces][3] unit, 0 when the face has no area */
    float *areas;     /* [n_faces] mm^2 */

    uint32_t *chart; /* [n_faces] or ORF_NO_CHART: no area and no neighbours */
    OrfVec charts;   /* OrfChart */
    OrfVec joins;    /* OrfJoin */
    uint32_t
        *side; /* [n_faces] twice the first join of the face plus its side, or ORF_NO_JOIN */
    uint32_t *order; /* [n_faces] faces chart by chart */
    float *uv;       /* [3 n_faces][2] mm in the plane of the chart, y up, one per corner */
} OrfAtlas;

static inline OrfChart *
orf_atlas_chart(const OrfAtlas *atlas, uint32_t chart)
{
    return (OrfChart *)atlas->charts.data + chart;
}

static inline float
orf_dot3(const float *a, const float *b)
{
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
}

/* --- mesh/atlas.c: neighbours, growing and merging of charts ------------------------------ */

bool
orf_atlas_init(OrfAtlas *atlas, OrfTask *task, const OrfMesh *mesh, float cone, GError **error);
void orf_atlas_clear(OrfAtlas *atlas);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(OrfAtlas, orf_atlas_clear)
/* ORF_NO_CHART on error. */
uint32_t orf_atlas_add_chart(OrfAtlas *atlas, const float axis[3], bool bent, GError **error);
/* Drops empty charts, numbers the others anew, sorts the faces by chart. */
bool orf_atlas_list_faces(OrfAtlas *atlas, GError **error);

/* Adds area times normal of each face of a chart. */
void orf_atlas_add_normals(const OrfAtlas *atlas, uint32_t chart, double sum[3]);
/* Sets `axis` to the mean normal of a chart; leaves it where there is none. */
void orf_atlas_mean_normal(const OrfAtlas *atlas, uint32_t chart, float axis[3]);

/* mesh/charts.c: gives every face with an area a chart whose axis is within the cone. */
bool orf_atlas_grow(OrfAtlas *atlas, GError **error);
/* mesh/charts-merge.c: small charts join a neighbour; any chart does while there are more than
 * `limit`, and may become bent. */
bool orf_atlas_merge(OrfAtlas *atlas, size_t limit, GError **error);

/* `guest` becomes a part of `host`; the lists of faces stay as they were. */
bool orf_atlas_join(OrfAtlas *atlas, uint32_t host, uint32_t guest, GError **error);
/* Parts a chart into the two that it was joined from; the second becomes a new chart. False
 * without an error: it was grown whole. */
bool orf_atlas_part(OrfAtlas *atlas, uint32_t chart, GError **error);

/* --- mesh/overlap.c ----------------------------------------------------------------------- */

/* Two items (faces, or halves as edges) cover a common part of the plane. */
typedef bool (*OrfMeets)(const OrfAtlas *atlas, uint32_t item, uint32_t other);

/* What lies flat already of one chart. One thread at a time; zero-initialise it. */
typedef struct {
    const OrfAtlas *atlas;
    OrfMeets meets;
    double low[2], cell; /* mm */
    int nx, ny;
    OrfVec cells;      /* uint32_t: first entry of the list, plus 1 */
    OrfVec listed;     /* entries of the lists */
    size_t tests_left; /* when none is left everything is refused */
} OrfFlatGrid;

/* Whether the border of a chart whose `uv` are set, all faces upright, proves that it covers
 * nothing twice. `leaving` is scratch of [n_vertices], ORF_NO_HALF all over before and after.
 */
bool orf_flat_border_is_simple(OrfFlatGrid *grid, const OrfAtlas *atlas, const OrfChart *chart,
                               uint32_t *leaving, bool *ret_simple, GError **error);
/* Else: an empty grid for its faces. */
bool orf_flat_grid_begin(OrfFlatGrid *grid, const OrfAtlas *atlas, const OrfChart *chart,
                         GError **error);
/* Places a counter-clockwise face unless it covers a part of one placed before. */
bool orf_flat_grid_place(OrfFlatGrid *grid, uint32_t face, bool *ret_placed, GError **error);
void orf_flat_grid_clear(OrfFlatGrid *grid);

/* --- mesh/flatten.c, lscm.c, pack.c ------------------------------------------------------- */

/* Sets `uv` of every chart; splits charts until none has a flipped face or overlaps itself. */
bool orf_atlas_flatten(OrfAtlas *atlas, GError **error);
/* Least squares conformal map of one bent chart into `uv`, which may still be flipped here and
 * there. `local` is scratch of [n_vertices]. */
bool orf_atlas_conform(OrfAtlas *atlas, uint32_t chart, uint32_t *local, GError **error);
/* Lays the charts out in the unit square, v down. */
bool orf_atlas_pack(OrfAtlas *atlas, double gutter, GError **error);

#endif
