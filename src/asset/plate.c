/* plate.c - is this a flat thing, on which of its faces is something to see, and is it meant to
 * be held against light?
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * A face of a plate is what looks along its thin axis. Its heights, weighted by the area that
 * is seen, tell relief: a bare face has one height, lettering has a few, a picture in thickness
 * has all of them over a smooth other face. */
#include "asset/asset-priv.h"

#include <math.h>
#include <string.h>

#define FLAT 0.5f      /* as deep as that share of both other sides, or less */
#define FACING 0.17f   /* least cosine to the axis of what belongs to a face */
#define BARE 0.01f     /* relief below this share of the thickness is none */
#define N_HEIGHTS 64   /* bins of a face's heights */
#define TONES 28       /* of them in use: a picture, not a few terraces */
#define THINNEST 2.0f  /* mm: light comes through what is thinner */
#define THICKEST 10.0f /* mm: none comes through what is thicker */
#define LIT_NAME "white plastic"

typedef struct {
    double area, sum, squares;
    double bins[N_HEIGHTS]; /* over the thickness of the plate */
} Face;

static int
thin_axis(const float size[3])
{
    int axis = size[0] < size[1] ? (size[0] < size[2] ? 0 : 2) : (size[1] < size[2] ? 1 : 2);
    float a = size[(axis + 1) % 3], b = size[(axis + 2) % 3];
    return size[axis] > 0 && size[axis] < FLAT * MIN(a, b) ? axis : -1;
}

/* Heights are shares of the thickness, 0 at the low face. */
static void
gather_faces(const OrfMesh *mesh, int axis, float low, float thickness, Face faces[2])
{
    const float *positions = orf_mesh_positions(mesh);
    const uint32_t *corner = orf_mesh_triangles(mesh);
    for (size_t t = 0; t < orf_mesh_n_triangles(mesh); t++, corner += 3) {
        float normal[3];
        orf_face_vector(positions, corner, normal);
        float along = normal[axis];
        if (along * along <= FACING * FACING * orf_dot3(normal, normal))
            continue;
        Face *face = &faces[along > 0];
        double weight = fabsf(along) / 2, height = 0;
        for (int i = 0; i < 3; i++)
            height += (positions[3 * (size_t)corner[i] + (size_t)axis] - low) / thickness / 3;
        face->area += weight;
        face->sum += weight * height;
        face->squares += weight * height * height;
        face->bins[(int)CLAMP(height * N_HEIGHTS, 0, N_HEIGHTS - 1)] += weight;
    }
}

static double
deviation(const Face *face)
{
    double mean = face->area > 0 ? face->sum / face->area : 0;
    return face->area > 0 ? sqrt(MAX(face->squares / face->area - mean * mean, 0)) : 0;
}

/* The height below which `share` of the face lies, 0..1. */
static double
quantile(const Face *face, double share)
{
    double sum = 0;
    for (int i = 0; i < N_HEIGHTS; i++) {
        sum += face->bins[i];
        if (sum > share * face->area)
            return (i + 0.5) / N_HEIGHTS;
    }
    return 1;
}

static bool
shows_tones(const Face *face)
{
    int used = 0;
    for (int i = 0; i < N_HEIGHTS; i++)
        used += face->bins[i] > 0.002 * face->area;
    return used >= TONES;
}

/* By its material, or by its form: tones over a bare back, thin enough for light. */
static bool
is_lithophane(const OrfAsset *asset, const Face faces[2], const OrfAssetPlate *plate)
{
    if (orf_asset_n_materials(asset) == 1) {
        const char *name = orf_asset_material(asset, 0)->name;
        if (name && g_str_equal(name, LIT_NAME))
            return true;
    }
    if (plate->axis < 0 || plate->both || plate->relief <= 0)
        return false;
    const Face *face = &faces[plate->up];
    double thin = plate->up ? quantile(face, 0.01) : 1 - quantile(face, 0.99);
    return plate->thickness <= THICKEST && thin * plate->thickness <= THINNEST &&
           shows_tones(face);
}

void
orf_asset_plate_look(const OrfAsset *asset, OrfAssetPlate *ret_plate)
{
    *ret_plate = (OrfAssetPlate){ .axis = -1, .up = true };
    OrfMesh *mesh = orf_asset_mesh(asset);
    float low[3], high[3], size[3];
    orf_mesh_bounds(mesh, low, high);
    for (int i = 0; i < 3; i++)
        size[i] = high[i] - low[i];
    Face faces[2];
    memset(faces, 0, sizeof faces);
    int axis = ret_plate->axis = thin_axis(size);
    if (axis >= 0) {
        gather_faces(mesh, axis, low[axis], size[axis], faces);
        double below = deviation(&faces[0]), above = deviation(&faces[1]);
        ret_plate->thickness = size[axis];
        ret_plate->up = above >= 0.5 * below;
        double relief = MAX(above, below);
        ret_plate->both = MIN(above, below) > MAX(BARE, 0.25 * relief);
        ret_plate->relief = relief > BARE ? (float)(relief * size[axis]) : 0;
    }
    ret_plate->lithophane = is_lithophane(asset, faces, ret_plate);
}
