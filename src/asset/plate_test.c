/* plate_test.c - SPDX-License-Identifier: Apache-2.0 */
#include "asset/bodies_test.h"

#define N 64 /* cells of a side of the plates */

typedef float (*HeightFn)(float u, float v);

/* A closed plate of 60 x 60 mm: (across, up, out) are the axes of its picture; bare at out = 0
 * and `height` mm high before u (right), v (up), 0..1. */
static OrfMesh *
plate_of(HeightFn height, const int axes[3], const float signs[3])
{
    const unsigned side = N + 1;
    OrfMeshParts parts = { .n_vertices = 2 * side * side, .n_triangles = 4 * N * N + 8 * N };
    parts.positions = ORF_ALLOC(NULL, float, 3 * parts.n_vertices, "plate", NULL);
    parts.triangles = ORF_ALLOC(NULL, uint32_t, 3 * parts.n_triangles, "plate", NULL);
    for (unsigned i = 0; i < parts.n_vertices; i++) {
        unsigned x = i % side, y = i / side % side;
        float at[3] = { 60.0f * (float)x / N, 60.0f * (float)y / N, 0 };
        if (i < side * side)
            at[2] = height((float)x / N, (float)y / N);
        for (int k = 0; k < 3; k++)
            parts.positions[3 * i + (unsigned)axes[k]] = signs[k] * at[k];
    }
    uint32_t *t = parts.triangles, back = side * side;
    for (uint32_t y = 0; y < N; y++)
        for (uint32_t x = 0; x < N; x++) {
            uint32_t a = y * side + x, b = a + 1, c = a + side, d = c + 1;
            uint32_t quad[12] = { a,        b,        d,        a,        d,        c,
                                  back + a, back + d, back + b, back + a, back + c, back + d };
            memcpy(t, quad, sizeof quad);
            t += 12;
        }
    for (uint32_t i = 0; i < N; i++) {
        uint32_t edges[4][2] = { { i, i + 1 },
                                 { N * side + i + 1, N * side + i },
                                 { (i + 1) * side, i * side },
                                 { i * side + N, (i + 1) * side + N } };
        for (int e = 0; e < 4; e++) {
            uint32_t a = edges[e][0], b = edges[e][1];
            uint32_t quad[6] = { b, a, back + a, b, back + a, back + b };
            memcpy(t, quad, sizeof quad);
            t += 6;
        }
    }
    int turns = (axes[1] - axes[0] + 3) % 3 == 1 ? 1 : -1;
    if ((float)turns * signs[0] * signs[1] * signs[2] < 0) /* a mirrored frame */
        for (size_t i = 0; i < parts.n_triangles; i++) {
            uint32_t swap = parts.triangles[3 * i];
            parts.triangles[3 * i] = parts.triangles[3 * i + 1];
            parts.triangles[3 * i + 1] = swap;
        }
    return orf_mesh_new_take(&parts, NULL);
}

/* An L of 2 mm on 2 mm: upright at the left, foot to the right. */
static float
letter(float u, float v)
{
    bool upright = u > 0.2f && u < 0.36f && v > 0.15f && v < 0.85f;
    bool foot = u > 0.2f && u < 0.7f && v > 0.15f && v < 0.3f;
    return upright || foot ? 4 : 2;
}

static float
cut_letter(float u, float v)
{
    return 6 - letter(u, v);
}

/* Brighter to the right, brightest at the upper right: thickness 0.8 to 3.2 mm. */
static float
luminance(float u, float v)
{
    return 0.1f + 0.5f * u + 0.35f * u * v;
}

static float
lithophane(float u, float v)
{
    return 0.8f - logf(MAX(luminance(u, v), 0.0714f)) / 1.1f;
}

static const struct {
    const char *name;
    int axes[3];
    float signs[3];
    float yaw, pitch;
} stands[] = {
    { "front", { 0, 1, 2 }, { 1, 1, 1 }, 0, 0 },
    { "back", { 0, 1, 2 }, { -1, 1, -1 }, 180, 0 },
    { "top", { 0, 2, 1 }, { 1, -1, 1 }, 0, 90 },
    { "bottom", { 0, 2, 1 }, { 1, 1, -1 }, 0, -90 },
    { "side", { 2, 1, 0 }, { -1, 1, 1 }, 90, 0 },
    { "left side", { 2, 1, 0 }, { 1, 1, -1 }, -90, 0 },
};

static OrfAsset *
asset_of(HeightFn height, size_t stand)
{
    g_autoptr(OrfMesh) mesh = plate_of(height, stands[stand].axes, stands[stand].signs);
    return orf_asset_new(mesh, NULL, 0);
}

static void
finds_the_face(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(stands); i++) {
        static const HeightFn heights[] = { letter, cut_letter, lithophane };
        for (size_t h = 0; h < G_N_ELEMENTS(heights); h++) {
            g_autoptr(OrfAsset) asset = asset_of(heights[h], i);
            OrfAssetPlate plate;
            orf_asset_plate_look(asset, &plate);
            g_test_message("%s, %zu", stands[i].name, h);
            g_assert_cmpint(plate.axis, ==, stands[i].axes[2]);
            g_assert_true(plate.up == (stands[i].signs[2] > 0));
            g_assert_false(plate.both);
            g_assert_cmpfloat(plate.relief, >, 0.3f);
            g_assert_true(plate.lithophane == (heights[h] == lithophane));
        }
    }
}

static void
bodies_are_no_plates(void)
{
    OrfMesh *meshes[] = { ball(32, 16, 20), box(20, 20, 2) };
    for (size_t i = 0; i < G_N_ELEMENTS(meshes); i++) {
        g_autoptr(OrfAsset) asset = orf_asset_new(meshes[i], NULL, 0);
        OrfAssetPlate plate;
        orf_asset_plate_look(asset, &plate);
        g_assert_cmpint(plate.axis, ==, i == 0 ? -1 : 2);
        g_assert_cmpfloat(plate.relief, ==, 0);
        g_assert_false(plate.lithophane);
        g_clear_pointer(&meshes[i], orf_mesh_unref);
    }
}

static const uint8_t *
pixel(const OrfImage *image, unsigned x, unsigned y)
{
    return orf_image_u8(image) + 4 * ((size_t)y * orf_image_width(image) + x);
}

static float
linear(uint8_t code)
{
    float c = (float)code / 255;
    return c <= 0.04045f ? c / 12.92f : powf((c + 0.055f) / 1.055f, 2.4f);
}

/* Red of the shot at u, v of the plate over the picture's own luminance: one factor for all
 * places, the right way round and not mirrored, from whichever side it is seen. */
static void
shows_the_picture(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(stands); i++) {
        g_autoptr(OrfAsset) asset = asset_of(lithophane, i);
        OrfShot shot = { .camera = orf_camera_at(stands[i].yaw, stands[i].pitch),
                         .width = 200,
                         .height = 200 };
        g_assert_true(orf_camera_fit(NULL, &shot.camera, orf_asset_mesh(asset), 0,
                                     (float[]){ 200, 200 }, 0.1f, NULL));
        g_autoptr(OrfImage) lit = orf_asset_shoot_lit(NULL, asset, &shot, NULL);
        float least = INFINITY, most = 0;
        for (unsigned y = 1; y < 8; y++)
            for (unsigned x = 1; x < 8; x++) {
                float u = (float)x / 8, v = (float)y / 8;
                float red = linear(*pixel(lit, 20 + x * 20, 180 - y * 20));
                least = MIN(least, red / luminance(u, v));
                most = MAX(most, red / luminance(u, v));
            }
        g_test_message("%s: %g to %g", stands[i].name, (double)least, (double)most);
        g_assert_cmpfloat(most, <, 1.08f * least);
        g_assert_cmpint(*pixel(lit, 5, 5), <, 40); /* the room is dark */
    }
}

/* The L, of one colour with its ground, can be read in the first cell: a shadow lies to the
 * right of the upright, none where a mirrored one would stand. */
static void
shows_what_is_written(void)
{
    static const HeightFn heights[] = { letter, cut_letter };
    for (size_t i = 0; i < G_N_ELEMENTS(stands); i++)
        for (size_t h = 0; h < G_N_ELEMENTS(heights); h++) {
            g_autoptr(OrfAsset) asset = asset_of(heights[h], i);
            g_autoptr(OrfImage) sheet = orf_asset_contact_sheet(NULL, asset, 1600, NULL);
            int left = 255, right = 255; /* darkest near the edges of the uprights */
            for (unsigned x = 0; x < 400; x++) {
                float u = ((float)x - 36) / 328;
                int red = *pixel(sheet, x, 160);
                if (fabsf(u - 0.28f) < 0.12f)
                    left = MIN(left, red);
                if (fabsf(u - 0.72f) < 0.12f)
                    right = MIN(right, red);
            }
            g_test_message("%s, %zu: %d and %d", stands[i].name, h, left, right);
            g_assert_cmpint(left, <, right - 25);
        }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    if (!orf_image_init(NULL))
        return 1;
    g_test_add_func("/asset/plate/finds-the-face-with-the-relief", finds_the_face);
    g_test_add_func("/asset/plate/bodies-and-bare-boxes-have-none", bodies_are_no_plates);
    g_test_add_func("/asset/plate/lithophane-shows-its-picture-lit", shows_the_picture);
    g_test_add_func("/asset/plate/lettering-of-one-colour-is-readable", shows_what_is_written);
    return g_test_run();
}
