/* shapes_test.h - small bodies for the tests and benches of this room; not part of the library.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ORF_MESH_SHAPES_TEST_H
#define ORF_MESH_SHAPES_TEST_H

#include "mesh-priv.h"

#include <math.h>
#include <string.h>

/* A mesh of its own from plain arrays. */
static inline OrfMesh *
shape_new(const float *positions, size_t n_vertices, const uint32_t *triangles,
          size_t n_triangles)
{
    OrfMeshParts parts = { .positions = ORF_ALLOC(NULL, float, 3 * n_vertices, "test", NULL),
                           .triangles =
                               ORF_ALLOC(NULL, uint32_t, 3 * n_triangles, "test", NULL),
                           .n_vertices = n_vertices,
                           .n_triangles = n_triangles };
    if (n_vertices)
        memcpy(parts.positions, positions, n_vertices * 12);
    if (n_triangles)
        memcpy(parts.triangles, triangles, n_triangles * 12);
    return orf_mesh_new_take(&parts, NULL);
}

static const uint32_t shape_cube_triangles[36] = { 0, 1, 3, 0, 3, 2, 4, 6, 7, 4, 7, 5,
                                                   0, 4, 5, 0, 5, 1, 2, 3, 7, 2, 7, 6,
                                                   0, 2, 6, 0, 6, 4, 1, 5, 7, 1, 7, 3 };

static inline OrfMesh *
shape_cube(float side, const float at[3])
{
    float positions[24];
    for (int v = 0; v < 8; v++) {
        positions[3 * v] = at[0] + (v & 4 ? side : 0);
        positions[3 * v + 1] = at[1] + (v & 2 ? side : 0);
        positions[3 * v + 2] = at[2] + (v & 1 ? side : 0);
    }
    return shape_new(positions, 8, shape_cube_triangles, 12);
}

/* A ring with `around` x `across` vertices and twice as many triangles; `bumps` > 0 makes the
 * tube wavy. */
static inline OrfMesh *
shape_torus(float radius, float tube, unsigned around, unsigned across, float bumps)
{
    size_t n = (size_t)around * across;
    OrfMeshParts parts = { .positions = ORF_ALLOC(NULL, float, 3 * n, "test", NULL),
                           .triangles = ORF_ALLOC(NULL, uint32_t, 6 * n, "test", NULL),
                           .n_vertices = n,
                           .n_triangles = 2 * n };
    uint32_t *t = parts.triangles;
    for (unsigned i = 0; i < around; i++)
        for (unsigned j = 0; j < across; j++) {
            double u = 2 * G_PI * i / around, v = 2 * G_PI * j / across;
            double r = tube * (1 + bumps * sin(7 * u) * cos(5 * v));
            float *p = parts.positions + 3 * ((size_t)i * across + j);
            p[0] = (float)((radius + r * cos(v)) * cos(u));
            p[1] = (float)(r * sin(v));
            p[2] = (float)(-(radius + r * cos(v)) * sin(u));
            uint32_t a = i * across + j, b = (i + 1) % around * across + j;
            uint32_t c = (i + 1) % around * across + (j + 1) % across,
                     d = i * across + (j + 1) % across;
            memcpy(t, (uint32_t[]){ a, b, c, a, c, d }, 24);
            t += 6;
        }
    return orf_mesh_new_take(&parts, NULL);
}

/* A ball with poles: 2 * around * (rings - 1) triangles. */
static inline OrfMesh *
shape_ball(float radius, unsigned around, unsigned rings)
{
    size_t n = (size_t)around * (rings - 1) + 2;
    OrfMeshParts parts = { .positions = ORF_ALLOC(NULL, float, 3 * n, "test", NULL),
                           .triangles = ORF_ALLOC(NULL, uint32_t, 6 * around * (rings - 1),
                                                  "test", NULL),
                           .n_vertices = n,
                           .n_triangles = 2 * (size_t)around * (rings - 1) };
    uint32_t *t = parts.triangles, north = (uint32_t)n - 2, south = (uint32_t)n - 1;
    parts.positions[3 * north + 1] = radius;
    parts.positions[3 * south + 1] = -radius;
    for (unsigned j = 0; j + 1 < rings; j++)
        for (unsigned i = 0; i < around; i++) {
            double u = 2 * G_PI * i / around, v = G_PI * (j + 1) / rings;
            float *p = parts.positions + 3 * ((size_t)j * around + i);
            p[0] = (float)(radius * sin(v) * cos(u));
            p[1] = (float)(radius * cos(v));
            p[2] = (float)(-radius * sin(v) * sin(u));
            uint32_t a = j * around + i, b = j * around + (i + 1) % around;
            if (j == 0)
                memcpy(t, (uint32_t[]){ north, a, b }, 12), t += 3;
            if (j + 2 == rings) {
                memcpy(t, (uint32_t[]){ a, south, b }, 12), t += 3;
                continue;
            }
            memcpy(t, (uint32_t[]){ a, a + around, b + around, a, b + around, b }, 24);
            t += 6;
        }
    return orf_mesh_new_take(&parts, NULL);
}

/* Every triangle with three vertices of its own, as an STL file holds them. `random` (optional)
 * also shuffles the triangles. */
static inline OrfMesh *
shape_soup(const OrfMesh *mesh, GRand *random)
{
    size_t n = orf_mesh_n_triangles(mesh);
    OrfMeshParts parts = { .positions = ORF_ALLOC(NULL, float, 9 * n, "test", NULL),
                           .triangles = ORF_ALLOC(NULL, uint32_t, 3 * n, "test", NULL),
                           .n_vertices = 3 * n,
                           .n_triangles = n };
    for (size_t c = 0; c < 3 * n; c++) {
        memcpy(parts.positions + 3 * c,
               orf_mesh_positions(mesh) + 3 * (size_t)orf_mesh_triangles(mesh)[c], 12);
        parts.triangles[c] = (uint32_t)c;
    }
    for (size_t i = n; random && i > 1; i--) {
        float held[9], *a = parts.positions + 9 * (i - 1),
                       *b = parts.positions + 9 * (size_t)g_rand_int_range(random, 0, (int)i);
        memcpy(held, a, 36);
        memmove(a, b, 36);
        memcpy(b, held, 36);
    }
    return orf_mesh_new_take(&parts, NULL);
}

#endif
