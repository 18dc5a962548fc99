/* bodies_test.h - small bodies and painted pictures for the tests and benches of this room.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ORF_ASSET_BODIES_TEST_H
#define ORF_ASSET_BODIES_TEST_H

#include "asset/asset-priv.h"

#include <math.h>
#include <string.h>

/* A closed ball around (0, 0, 0): `around` meridians, `down` rings of faces, single poles. */
static inline OrfMesh *
ball(unsigned around, unsigned down, float radius)
{
    OrfMeshParts parts = { .n_vertices = 2 + (size_t)around * (down - 1),
                           .n_triangles = 2 * (size_t)around * (down - 1) };
    parts.positions = ORF_ALLOC(NULL, float, 3 * parts.n_vertices, "ball", NULL);
    parts.triangles = ORF_ALLOC(NULL, uint32_t, 3 * parts.n_triangles, "ball", NULL);
    uint32_t south = (uint32_t)parts.n_vertices - 1, *t = parts.triangles;
    parts.positions[1] = radius;
    parts.positions[3 * south + 1] = -radius;
    for (unsigned v = 1; v < down; v++)
        for (unsigned u = 0; u < around; u++) {
            double turn = 2 * G_PI * u / around, tilt = G_PI * v / down;
            float *p = parts.positions + 3 * (1 + (size_t)(v - 1) * around + u);
            p[0] = (float)(radius * sin(tilt) * sin(turn));
            p[1] = (float)(radius * cos(tilt));
            p[2] = (float)(radius * sin(tilt) * cos(turn));
        }
    for (unsigned v = 0; v < down; v++)
        for (unsigned u = 0; u < around; u++) {
            uint32_t next = (u + 1) % around, row = 1 + (v ? v - 1 : 0) * around;
            uint32_t a = row + u, b = row + next, c = 1 + v * around + u,
                     d = 1 + v * around + next;
            uint32_t top[3] = { 0, 1 + u, 1 + next }, low[3] = { a, south, b };
            uint32_t quad[6] = { a, c, d, a, d, b };
            const uint32_t *use = v == 0 ? top : v == down - 1 ? low : quad;
            size_t n = v == 0 || v == down - 1 ? 3 : 6;
            memcpy(t, use, n * sizeof *t);
            t += n;
        }
    return orf_mesh_new_take(&parts, NULL);
}

/* A closed box from -half to +half. */
static inline OrfMesh *
box(float x, float y, float z)
{
    static const uint8_t faces[12][3] = {
        { 4, 5, 7 }, { 4, 7, 6 }, { 1, 0, 2 }, { 1, 2, 3 }, { 5, 1, 3 }, { 5, 3, 7 },
        { 0, 4, 6 }, { 0, 6, 2 }, { 6, 7, 3 }, { 6, 3, 2 }, { 0, 1, 5 }, { 0, 5, 4 },
    };
    OrfMeshParts parts = { .n_vertices = 8, .n_triangles = 12 };
    parts.positions = ORF_ALLOC(NULL, float, 24, "box", NULL);
    parts.triangles = ORF_ALLOC(NULL, uint32_t, 36, "box", NULL);
    for (unsigned i = 0; i < 8; i++) {
        parts.positions[3 * i] = i & 1 ? x : -x;
        parts.positions[3 * i + 1] = i & 2 ? y : -y;
        parts.positions[3 * i + 2] = i & 4 ? z : -z;
    }
    for (unsigned i = 0; i < 36; i++)
        parts.triangles[i] = faces[i / 3][i % 3];
    return orf_mesh_new_take(&parts, NULL);
}

typedef void (*PaintFn)(float u, float v, uint8_t rgb[3]); /* u, v -1..1 in the disc, v down */

/* A disc of `radius` px in the middle of a square picture; green outside and under a soft rim.
 */
static inline OrfImage *
disc_picture(unsigned side, float radius, PaintFn paint)
{
    uint8_t *pixels = ORF_ALLOC(NULL, uint8_t, 4 * (size_t)side * side, "picture", NULL);
    for (unsigned y = 0; y < side; y++)
        for (unsigned x = 0; x < side; x++) {
            float u = ((float)x + 0.5f - (float)side / 2) / radius;
            float v = ((float)y + 0.5f - (float)side / 2) / radius;
            float alpha = CLAMP((1 - sqrtf(u * u + v * v)) * radius + 0.5f, 0, 1);
            uint8_t *p = pixels + 4 * ((size_t)y * side + x), rgb[3];
            paint(u, v, rgb);
            for (int k = 0; k < 3; k++)
                p[k] = (uint8_t)((float)rgb[k] * alpha + (k == 1 ? 255 : 0) * (1 - alpha));
            p[3] = (uint8_t)(alpha * 255 + 0.5f);
        }
    return orf_image_new_take(side, side, 4, ORF_U8, pixels);
}

/* Soft stripes and waves, never green, never dark. */
static inline void
paint_waves(float u, float v, uint8_t rgb[3])
{
    rgb[0] = (uint8_t)(170 + 60 * sinf(9 * u + 2 * v));
    rgb[1] = (uint8_t)(90 + 30 * sinf(7 * v));
    rgb[2] = (uint8_t)(150 + 60 * cosf(8 * v - 3 * u));
}

/* The picture of a ball of `radius` mm about the origin, in a square of `side` pixels. */
static inline OrfProjection
ball_projection(OrfImage *picture, float radius, float pixels, float distance)
{
    float side = (float)orf_image_width(picture);
    float grown = distance > 0 ? distance / sqrtf(distance * distance - radius * radius) : 1;
    return (OrfProjection){ .picture = picture,
                            .center = { side / 2, side / 2 },
                            .scale = pixels / (radius * grown),
                            .distance = distance };
}

/* Peak signal to noise in dB over pixels that are opaque in both; the share of `a` in it. */
static inline double
psnr(const OrfImage *a, const OrfImage *b, double *ret_share)
{
    const uint8_t *p = orf_image_u8(a), *q = orf_image_u8(b);
    size_t n = (size_t)orf_image_width(a) * orf_image_height(a), opaque = 0, both = 0;
    double sum = 0;
    for (size_t i = 0; i < n; i++, p += 4, q += 4) {
        opaque += p[3] >= 128;
        if (p[3] < 128 || q[3] < 128)
            continue;
        both++;
        for (int k = 0; k < 3; k++)
            sum += (p[k] - q[k]) * (p[k] - q[k]);
    }
    *ret_share = (double)both / (double)MAX(opaque, 1);
    return 10 * log10(255 * 255 * 3 * (double)both / MAX(sum, 1e-9));
}

#endif
