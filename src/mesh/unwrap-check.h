/* unwrap-check.h - what an unwrapping promises, measured plainly; for the test and the bench.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ORF_UNWRAP_CHECK_H
#define ORF_UNWRAP_CHECK_H

#include "shapes_test.h"

#include <stdlib.h>

typedef struct {
    size_t charts;  /* components of faces that share UV indices along an edge or corner */
    size_t flipped; /* faces with an area that are mirrored or have none in the map */
    size_t overlap; /* pixels of 2048 x 2048 whose centre lies in two faces */
    size_t outside; /* UVs out of 0..1 */
    double
        stretch; /* 95 % of faces: how much longer or shorter than the average, the worst way */
    double used; /* share of the square that faces cover */
} UnwrapReport;

static inline uint32_t
unwrap_root(uint32_t *parent, uint32_t i)
{
    while (parent[i] != i)
        i = parent[i] = parent[parent[i]];
    return i;
}

static inline size_t
unwrap_count_charts(const OrfMesh *mesh)
{
    const uint32_t *t = orf_mesh_uv_triangles(mesh);
    size_t n = orf_mesh_n_uvs(mesh), charts = 0;
    g_autofree uint32_t *parent = g_new(uint32_t, n);
    for (uint32_t i = 0; i < n; i++)
        parent[i] = i;
    for (size_t f = 0; f < orf_mesh_n_triangles(mesh); f++)
        for (int k = 1; k < 3; k++)
            parent[unwrap_root(parent, t[3 * f + k])] = unwrap_root(parent, t[3 * f]);
    for (uint32_t i = 0; i < n; i++)
        charts += parent[i] == i;
    return charts;
}

/* Singular values of the map from a face (area `area`) to the square; false when it has no
 * area. */
static inline bool
unwrap_singular(const OrfMesh *mesh, size_t face, double ret_values[2], double *ret_area,
                double *ret_mapped)
{
    double p[3][3], q[3][2], u[3], v[3];
    for (int k = 0; k < 3; k++) {
        uint32_t corner = orf_mesh_triangles(mesh)[3 * face + k];
        uint32_t uv = orf_mesh_uv_triangles(mesh)[3 * face + k];
        for (int i = 0; i < 3; i++)
            p[k][i] = orf_mesh_positions(mesh)[3 * (size_t)corner + i];
        q[k][0] = orf_mesh_uvs(mesh)[2 * (size_t)uv];
        q[k][1] = -orf_mesh_uvs(mesh)[2 * (size_t)uv + 1];
    }
    double uu = 0, uv = 0, vv = 0;
    for (int i = 0; i < 3; i++) {
        u[i] = p[1][i] - p[0][i];
        v[i] = p[2][i] - p[0][i];
        uu += u[i] * u[i];
        uv += u[i] * v[i];
        vv += v[i] * v[i];
    }
    double area2 = sqrt(MAX(0, uu * vv - uv * uv));
    *ret_area = area2 / 2;
    *ret_mapped = ((q[1][0] - q[0][0]) * (q[2][1] - q[0][1]) -
                   (q[1][1] - q[0][1]) * (q[2][0] - q[0][0])) /
                  2;
    if (!(area2 > 2e-5 * MAX(uu, vv))) /* a line, but for rounding */
        return false;
    double length = sqrt(uu), x = uv / length, y = area2 / length, J[2][2];
    for (int i = 0; i < 2; i++) {
        J[i][0] = (q[1][i] - q[0][i]) / length;
        J[i][1] = (q[2][i] - q[0][i] - J[i][0] * x) / y;
    }
    double a = J[0][0] * J[0][0] + J[1][0] * J[1][0], c = J[0][1] * J[0][1] + J[1][1] * J[1][1];
    double b = J[0][0] * J[0][1] + J[1][0] * J[1][1];
    double root = sqrt((a - c) * (a - c) + 4 * b * b);
    ret_values[0] = sqrt((a + c + root) / 2);
    ret_values[1] = sqrt(MAX(0, (a + c - root) / 2));
    return true;
}

static inline int
unwrap_by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static inline size_t
unwrap_count_overlap(const OrfMesh *mesh, size_t side)
{
    g_autofree uint8_t *pixels = g_new0(uint8_t, side * side);
    size_t overlap = 0;
    for (size_t f = 0; f < orf_mesh_n_triangles(mesh); f++) {
        double p[3][2], low[2] = { 1e9, 1e9 }, high[2] = { -1e9, -1e9 };
        for (int k = 0; k < 3; k++)
            for (int i = 0; i < 2; i++) {
                uint32_t uv = orf_mesh_uv_triangles(mesh)[3 * f + k];
                p[k][i] = orf_mesh_uvs(mesh)[2 * (size_t)uv + i] * (double)side - 0.5;
                low[i] = MIN(low[i], p[k][i]);
                high[i] = MAX(high[i], p[k][i]);
            }
        for (int y = MAX(0, (int)ceil(low[1])); y <= high[1] && y < (int)side; y++)
            for (int x = MAX(0, (int)ceil(low[0])); x <= high[0] && x < (int)side; x++) {
                bool in = true;
                for (int k = 0; k < 3 && in; k++) { /* strictly inside, v down: turn reversed */
                    const double *a = p[(k + 1) % 3], *b = p[k];
                    double ex = b[0] - a[0], ey = b[1] - a[1];
                    in = ex * (y - a[1]) - ey * (x - a[0]) > 2e-3 * hypot(ex, ey);
                }
                if (in)
                    overlap += pixels[(size_t)y * side + (size_t)x]++ == 1;
            }
    }
    return overlap;
}

static inline UnwrapReport
unwrap_report(const OrfMesh *mesh)
{
    size_t n = orf_mesh_n_triangles(mesh), measured = 0;
    UnwrapReport report = { .charts = unwrap_count_charts(mesh),
                            .overlap = unwrap_count_overlap(mesh, 2048) };
    g_autofree double *stretch = g_new(double, n + 1);
    double area = 0, mapped = 0, values[2], face_area, face_mapped;
    for (size_t i = 0; i < 2 * orf_mesh_n_uvs(mesh); i++)
        report.outside += !(orf_mesh_uvs(mesh)[i] >= 0 && orf_mesh_uvs(mesh)[i] <= 1);
    for (size_t f = 0; f < n; f++)
        if (unwrap_singular(mesh, f, values, &face_area, &face_mapped)) {
            area += face_area;
            mapped += face_mapped;
            report.flipped += face_mapped <= 0;
        }
    double scale = sqrt(mapped / area);
    for (size_t f = 0; f < n; f++)
        if (unwrap_singular(mesh, f, values, &face_area, &face_mapped))
            stretch[measured++] = MAX(values[0] / scale, scale / values[1]);
    qsort(stretch, measured, sizeof *stretch, unwrap_by_value);
    report.stretch = measured ? stretch[measured * 95 / 100] : 1;
    report.used = mapped;
    return report;
}

#endif
