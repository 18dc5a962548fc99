/* verify-chain.c - recorded cases of whole Hunyuan3D bundles, and of the picture's preparation.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "net/hunyuan-chain.h"
#include "net/hunyuan-image.h"
#include "net/verify.h"

#include <math.h>
#include <string.h>

/* --- The picture -------------------------------------------------------------------------- */

static uint8_t *
rgba_of(OrfCase *it, const char *name, size_t *ret_width, size_t *ret_height)
{
    OrfShape shape = { 0 };
    orf_autofree float *values = orf_case_values(it, name, &shape);
    if (!values || shape.rank != 3)
        return NULL;
    size_t n = shape.dim[0] * shape.dim[1], channels = shape.dim[2];
    uint8_t *rgba = g_new(uint8_t, n * 4);
    for (size_t i = 0; i < n * 4; i++)
        rgba[i] = i % 4 < channels ? (uint8_t)values[i / 4 * channels + i % 4] : 255;
    *ret_height = shape.dim[0];
    *ret_width = shape.dim[1];
    return rgba;
}

static void
prepare_one(OrfCase *it, const char *which)
{
    g_autofree char *in = g_strdup_printf("in.%s.pixels", which);
    g_autofree char *place_name = g_strdup_printf("mid.%s.geometry", which);
    g_autofree char *rgb_name = g_strdup_printf("out.%s.recenter_rgb", which);
    g_autofree char *small_name = g_strdup_printf("out.%s.p64", which);
    size_t width, height;
    if (!orf_case_has(it, in))
        return;
    int place[8];
    float told[8];
    g_autofree uint8_t *rgba = rgba_of(it, in, &width, &height);
    orf_autofree uint8_t *rgb =
        rgba ? orf_hunyuan_recentre(it->task, rgba, width, height, place, NULL) : NULL;
    if (!rgb)
        return;
    for (int i = 0; i < 8; i++)
        told[i] = (float)place[i];
    size_t side = (size_t)place[0];
    g_autofree uint8_t *small = g_new(uint8_t, 64 * 64 * 3);
    orf_hunyuan_cubic(rgb, side, small, 64);
    orf_case_compare_values(it, place_name, told, 8, 0);
    orf_case_compare_bytes(it, rgb_name, rgb, side * side * 3, 0, 0);
    orf_case_compare_bytes(it, small_name, small, 64 * 64 * 3, 1, 0);
}

static void
verify_preparation(OrfCase *it)
{
    static const char *const names[] = { "chair", "phonograph", "cup_noalpha",
                                         "thin",  "small",      "same" };
    for (size_t i = 0; i < G_N_ELEMENTS(names); i++)
        prepare_one(it, names[i]);
}

/* --- Picture to field --------------------------------------------------------------------- */

typedef struct {
    OrfCase *it;
    const char *name; /* of the recorded latents after each step */
    double limit;
} Steps;

static void
compare_step(OrfCompute *c, unsigned step, const OrfTensor *z, const OrfTensor *clean,
             void *data)
{
    const Steps *steps = data;
    (void)clean;
    OrfShape shape = { 0 };
    orf_autofree float *want = orf_case_values(steps->it, steps->name, &shape);
    size_t n = orf_shape_size(orf_tensor_shape(z));
    g_autofree float *have = g_new(float, n);
    g_autofree char *name = g_strdup_printf("%s[%u]", steps->name, step);
    if (!want || orf_shape_size(&shape) < (step + 1) * n || !orf_tensor_read(c, z, have))
        return;
    double worst = 0, most = 1e-30;
    for (size_t i = 0; i < n; i++) {
        worst = MAX(worst, fabs((double)have[i] - want[step * n + i]));
        most = MAX(most, fabs((double)want[step * n + i]));
    }
    orf_case_tell(steps->it, name, worst / most, steps->limit);
}

/* The grid of r + 1 samples a side, x slowest; the share of signs that differ too. */
static void
compare_grid(OrfCase *it, const OrfHunyuan *net, const OrfTensor *features, const char *name)
{
    OrfShape shape = { 0 };
    orf_autofree float *want = orf_case_values(it, name, &shape);
    if (!want)
        return;
    size_t r = shape.dim[0], n = r * r * r, wrong = 0;
    g_autofree float *points = g_new(float, 3 * n), *have = g_new(float, n);
    for (size_t i = 0; i < n; i++) {
        size_t at[] = { i / (r * r), i / r % r, i % r };
        for (size_t a = 0; a < 3; a++)
            points[3 * i + a] = (float)(2.02 * (double)at[a] / (double)(r - 1) - 1.01);
    }
    OrfShapeKeys keys = orf_shape_vae_keys(it->c, orf_hunyuan_vae(net), features);
    g_autoptr(OrfTensor) logits =
        orf_shape_vae_query(it->c, orf_hunyuan_vae(net), &keys, points, n);
    orf_shape_keys_clear(&keys);
    orf_case_compare(it, name, logits, it->end_limit);
    if (!orf_tensor_read(it->c, logits, have))
        return;
    for (size_t i = 0; i < n; i++)
        wrong += (have[i] > 0) != (want[i] > 0);
    g_autofree char *signs = g_strconcat(name, " (share of wrong signs)", NULL);
    orf_case_tell(it, signs, (double)wrong / (double)n, 1e-4);
}

typedef struct {
    const char *steps, *features, *grid;
} Recorded;

static void
run_chain(OrfCase *it, const OrfHunyuan *net, const float *values, size_t side,
          const Recorded *recorded)
{
    orf_case_watch(it, "mid.");
    g_autoptr(OrfTensor) tokens = orf_hunyuan_tokens(it->c, net, values, side);
    orf_case_watch(it, NULL);
    orf_case_compare(it, "mid.tokens", tokens, it->end_limit);
    g_autoptr(OrfTensor) noise = orf_case_tensor(it, "in.noise");
    Steps steps = { it, recorded->steps, it->end_limit };
    OrfHunyuanSample how = { .steps = 5, .guidance = 5, .each = compare_step, .data = &steps };
    g_autoptr(OrfTensor) z = orf_hunyuan_sample(it->c, net, tokens, noise, &how);
    g_autoptr(OrfTensor) features = orf_shape_vae_features(it->c, orf_hunyuan_vae(net), z);
    orf_case_compare(it, recorded->features, features, it->end_limit);
    compare_grid(it, net, features, recorded->grid);
}

static void
verify_picture(OrfCase *it)
{
    g_autoptr(OrfHunyuan) net = orf_hunyuan_new(it->c, it->weights, it->config);
    size_t width, height;
    g_autofree uint8_t *rgba = net ? rgba_of(it, "in.picture", &width, &height) : NULL;
    int place[8];
    orf_autofree uint8_t *rgb =
        rgba ? orf_hunyuan_recentre(it->task, rgba, width, height, place, NULL) : NULL;
    if (!rgb)
        return;
    size_t p = orf_hunyuan_picture_side(net);
    g_autofree uint8_t *small = g_new(uint8_t, p * p * 3);
    orf_hunyuan_cubic(rgb, (size_t)place[0], small, p);
    orf_case_compare_bytes(it, "mid.processed_u8", small, p * p * 3, 1, 0);
    OrfShape shape = { 0 }; /* then on with theirs: a byte may be one off */
    orf_autofree float *values = orf_case_values(it, "mid.processed_u8", &shape);
    for (size_t i = 0; values && i < p * p * 3; i++)
        values[i] = values[i] / 255 * 2 - 1;
    if (values)
        run_chain(it, net, values, p, &(Recorded){ "mid.z", "mid.set", "out.logits" });
}

static void
verify_prepared(OrfCase *it)
{
    g_autoptr(OrfHunyuan) net = orf_hunyuan_new(it->c, it->weights, it->config);
    OrfShape shape = { 0 };
    orf_autofree float *image = net ? orf_case_values(it, "in.image", &shape) : NULL;
    if (!image)
        return;
    size_t p = shape.dim[2];
    g_autofree float *values = g_new(float, p *p * 3);
    for (size_t i = 0; i < p * p * 3; i++)
        values[i] = image[i % 3 * p * p + i / 3];
    run_chain(it, net, values, p, &(Recorded){ "mid.latents", "mid.features", "out.grid" });
}

const OrfCaseKind orf_cases_chain[] = {
    { "in.picture", "model.latent_in.weight", verify_picture },
    { "in.image", "model.x_embedder.weight", verify_prepared },
    { "in.chair.pixels", NULL, verify_preparation },
    { NULL, NULL, NULL },
};
