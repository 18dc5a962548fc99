/* verify-triposr.c - recorded cases of TripoSR.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "net/triposr.h"
#include "net/verify.h"
#include "net/vit.h"

#include <math.h>
#include <string.h>

/* --- The encoder alone -------------------------------------------------------------------- */

static const char *const encoder_names[][2] = {
    { "patch", "112_patch" },   { "embed", "112_embed" },   { "l0.norm1", "112_ln1" },
    { "l0.q", "112_q" },        { "l0.k", "112_k" },        { "l0.v", "112_v" },
    { "l0.attn", "112_attn" },  { "l0.mid", "112_x_attn" }, { "l0.out", "112_block0" },
    { "l1.out", "112_block1" }, { "pos", "pos_112" },       { NULL, NULL },
};

static OrfVit *
open_encoder(OrfCase *it, bool stretched)
{
    return orf_vit_new(
        it->c, it->weights, "image_tokenizer.model.",
        &(OrfVitOptions){ (unsigned)orf_config_number(it->config, "num_attention_heads", 12),
                          1e-12, stretched });
}

static void
run_encoder(OrfCase *it, const OrfVit *vit, unsigned side, const char *ending)
{
    g_autofree char *in = g_strdup_printf("in.pixels_%u", side);
    g_autofree char *out = g_strdup_printf("out.tokens_%u%s", side, ending);
    if (!orf_case_has(it, in) || !orf_case_has(it, out))
        return;
    g_autoptr(OrfTensor) pixels = orf_case_tensor(it, in);
    orf_case_watch(it, side == 112 && !*ending ? "mid." : NULL);
    g_autoptr(OrfTensor) tokens = orf_vit_forward(it->c, vit, pixels);
    orf_case_watch(it, NULL);
    orf_case_compare(it, out, tokens, it->end_limit);
}

static void
verify_encoder(OrfCase *it)
{
    static const unsigned sides[] = { 112, 48, 64 };
    g_autoptr(OrfVit) stretched = open_encoder(it, true), sized = open_encoder(it, false);
    if (!stretched || !sized)
        return;
    it->names = encoder_names;
    for (size_t i = 0; i < G_N_ELEMENTS(sides); i++) {
        run_encoder(it, stretched, sides[i], "");
        run_encoder(it, sized, sides[i], "_sizebased");
    }
}

/* --- The whole chain ---------------------------------------------------------------------- */

static uint8_t *
bytes_of(OrfCase *it, const char *name, OrfShape *ret_shape)
{
    orf_autofree float *values = orf_case_values(it, name, ret_shape);
    if (!values)
        return NULL;
    size_t n = orf_shape_size(ret_shape);
    uint8_t *bytes = g_new(uint8_t, MAX(n, 1));
    for (size_t i = 0; i < n; i++)
        bytes[i] = (uint8_t)values[i];
    return bytes;
}

static OrfTensor *
prepare_a(OrfCase *it, const OrfTripoSr *net)
{
    OrfShape shape = { 0 };
    size_t side = 0;
    g_autofree uint8_t *rgba = bytes_of(it, "in.a_rgba", &shape);
    orf_autofree uint8_t *crop =
        rgba ? orf_triposr_crop(it->task, rgba, shape.dim[1], shape.dim[0], 0, &side, NULL)
             : NULL;
    if (!crop)
        return NULL;
    orf_case_compare_bytes(it, "mid.a_crop_rgba", crop, side * side * 4, 0, 0);
    g_autofree uint8_t *rgb = g_new(uint8_t, side * side * 3);
    orf_triposr_composite(crop, side * side, rgb);
    orf_case_compare_bytes(it, "mid.a_composited", rgb, side * side * 3, 0, 0);
    return orf_triposr_pixels(it->c, net, rgb, side, side);
}

static OrfTensor *
prepare_b(OrfCase *it, const OrfTripoSr *net)
{
    OrfShape shape = { 0 };
    g_autofree uint8_t *rgb = bytes_of(it, "in.b_rgb", &shape);
    return rgb ? orf_triposr_pixels(it->c, net, rgb, shape.dim[1], shape.dim[0]) : NULL;
}

/* Element `i` of a recorded array whose first axis is the scene. */
static void
compare_scene(OrfCase *it, const char *name, unsigned scene, const float *have, size_t n,
              double limit)
{
    OrfShape shape = { 0 };
    orf_autofree float *want = orf_case_values(it, name, &shape);
    g_autofree char *full = g_strdup_printf("%s[%u]", name, scene);
    if (!want)
        return;
    double worst = 0, most = 1e-30;
    bool same = orf_shape_size(&shape) == 2 * n;
    for (size_t i = 0; i < n && same; i++) {
        worst = MAX(worst, fabs((double)have[i] - want[scene * n + i]));
        most = MAX(most, fabs((double)want[scene * n + i]));
    }
    orf_case_tell(it, full, same ? worst / most : INFINITY, limit);
}

/* [3, s, s, c] to [3, c, s, s]. */
static float *
channels_first(const float *planes, size_t side, size_t channels)
{
    float *out = g_new(float, 3 * side * side * channels);
    for (size_t p = 0; p < 3; p++)
        for (size_t i = 0; i < side * side; i++)
            for (size_t o = 0; o < channels; o++)
                out[(p * channels + o) * side * side + i] =
                    planes[(p * side * side + i) * channels + o];
    return out;
}

static void
compare_field(OrfCase *it, const OrfTripoSr *net, const float *planes, unsigned scene)
{
    OrfShape shape = { 0 };
    orf_autofree float *points = orf_case_values(it, "in.points", &shape);
    g_autofree char *raw_name = g_strdup_printf("out.q_%c_raw", 'a' + scene);
    g_autofree char *grid_name = g_strdup_printf("out.%c_grid_density", 'a' + scene);
    if (!points)
        return;
    g_autoptr(OrfTensor) raw =
        orf_triposr_query(it->c, net, planes, points, orf_shape_size(&shape) / 3);
    orf_case_compare(it, raw_name, raw, it->end_limit);
    OrfShape grid = { 0 };
    orf_autofree float *want = orf_case_values(it, grid_name, &grid);
    if (!want)
        return;
    size_t r = grid.dim[0], n = r * r * r, wrong = 0;
    double radius = orf_triposr_radius(net);
    g_autofree float *places = g_new(float, 3 * n), *values = g_new(float, 4 * n);
    for (size_t i = 0; i < n; i++) {
        size_t at[] = { i / (r * r), i / r % r, i % r };
        for (size_t a = 0; a < 3; a++)
            places[3 * i + a] = (float)(2 * radius * (double)at[a] / (double)(r - 1) - radius);
    }
    g_autoptr(OrfTensor) all = orf_triposr_query(it->c, net, planes, places, n);
    if (!orf_tensor_read(it->c, all, values))
        return;
    for (size_t i = 0; i < n; i++)
        wrong += (orf_triposr_density(net, values[4 * i]) < 25) != (want[i] < 25);
    g_autofree char *sides = g_strconcat(grid_name, " (share on the wrong side)", NULL);
    orf_case_tell(it, sides, (double)wrong / (double)n, 1e-4);
}

static void
run_scene(OrfCase *it, const OrfTripoSr *net, unsigned scene, const OrfTensor *pixels)
{
    if (!pixels)
        return;
    g_autoptr(OrfTensor) tokens = orf_triposr_encode(it->c, net, pixels);
    size_t n = orf_shape_size(orf_tensor_shape(pixels));
    size_t m = tokens ? orf_shape_size(orf_tensor_shape(tokens)) : 0;
    g_autofree float *values = g_new(float, MAX(MAX(n, m), 1));
    if (orf_tensor_read(it->c, pixels, values))
        compare_scene(it, "mid.pixels", scene, values, n, it->block_limit);
    if (orf_tensor_read(it->c, tokens, values))
        compare_scene(it, "mid.tokens", scene, values, m, it->end_limit);
    orf_case_watch(it, scene == 0 ? "mid." : NULL);
    g_autoptr(OrfTensor) planes = orf_triposr_planes(it->c, net, tokens);
    orf_case_watch(it, NULL);
    size_t count = planes ? orf_shape_size(orf_tensor_shape(planes)) : 0;
    g_autofree float *host = g_new(float, MAX(count, 1));
    if (!orf_tensor_read(it->c, planes, host))
        return;
    g_autofree float *first =
        channels_first(host, orf_tensor_dim(planes, 1), orf_tensor_columns(planes));
    compare_scene(it, "out.planes", scene, first, count, it->end_limit);
    compare_field(it, net, host, scene);
}

static void
verify_chain(OrfCase *it)
{
    g_autofree char *vit_path = orf_case_file(it, "dino-tiny/config.json");
    g_autoptr(OrfConfig) vit = orf_config_load(vit_path, NULL);
    OrfTripoSrOptions options = {
        .image_side = (unsigned)orf_config_number(it->config, "cond_image_size", 512),
        .heads = (unsigned)orf_config_number(it->config, "backbone.num_attention_heads", 16),
        .vit_heads = (unsigned)orf_config_number(vit, "num_attention_heads", 12),
        .radius = orf_config_number(it->config, "renderer.radius", 0.87),
        .density_bias = orf_config_number(it->config, "renderer.density_bias", -1),
    };
    g_autoptr(OrfTripoSr) net = orf_triposr_new(it->c, it->weights, &options);
    if (!net)
        return;
    g_autoptr(OrfTensor) a = prepare_a(it, net), b = prepare_b(it, net);
    static const char *const names[][2] = { { "block1", "" }, { NULL, NULL } };
    it->names = names; /* block1 is recorded for both scenes */
    run_scene(it, net, 0, a);
    run_scene(it, net, 1, b);
}

const OrfCaseKind orf_cases_triposr[] = {
    { "in.pixels_112", "image_tokenizer.model.embeddings.cls_token", verify_encoder },
    { "out.q_a_raw", "tokenizer.embeddings", verify_chain },
    { NULL, NULL, NULL },
};
