/* verify-hunyuan.c - recorded cases of the Hunyuan3D family.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * The recorded embeddings of time and guidance were made in f32 with arguments up to thousands;
 * ours are exact, so those rungs and what hangs on them get the recorded noise as their limit.
 */
#include "net/hunyuan.h"
#include "net/verify.h"
#include "net/vit.h"

#include <string.h>

static double *
numbers(OrfCase *it, const char *name)
{
    OrfShape shape = { 0 };
    orf_autofree float *values = orf_case_values(it, name, &shape);
    if (!values)
        return NULL;
    size_t n = orf_shape_size(&shape);
    double *all = g_new(double, MAX(n, 1));
    for (size_t i = 0; i < n; i++)
        all[i] = values[i];
    return all;
}

/* Rows first .. first + n of a recorded array. */
static OrfTensor *
rows_of(OrfCase *it, const char *name, size_t first, size_t n)
{
    g_autoptr(OrfTensor) all = orf_case_tensor(it, name);
    return all ? orf_tensor_slice(it->c, all, 0, first, n) : NULL;
}

/* --- 2.0 denoiser ------------------------------------------------------------------------- */

typedef struct {
    const char *name, *context;
    size_t batch;
    bool watch;
} FluxRun;

static void
run_flux(OrfCase *it, const OrfFlux *flux, const FluxRun *run, double limit)
{
    g_autofree char *t_name = g_strdup_printf("in.%s.t", run->name);
    g_autofree char *g_name = g_strdup_printf("in.%s.guidance", run->name);
    g_autofree char *v_name = g_strdup_printf("out.%s.v", run->name);
    if (!orf_case_has(it, v_name))
        return;
    g_autoptr(OrfTensor) z = rows_of(it, "in.z", 0, run->batch);
    g_autoptr(OrfTensor) context = rows_of(it, run->context, 0, run->batch);
    g_autofree double *t = numbers(it, t_name);
    g_autofree double *guidance = orf_case_has(it, g_name) ? numbers(it, g_name) : NULL;
    if (!t)
        return;
    orf_case_watch(it, run->watch ? "mid." : NULL);
    g_autoptr(OrfTensor) v = orf_flux_forward(
        it->c, flux,
        &(OrfFluxInput){ .z = z, .context = context, .t = t, .guidance = guidance });
    orf_case_watch(it, NULL);
    orf_case_compare(it, v_name, v, limit);
}

/* The unconditional element alone, by one token that stands for all. */
static void
run_flux_collapsed(OrfCase *it, const OrfFlux *flux, double limit)
{
    g_autoptr(OrfTensor) z = rows_of(it, "in.z", 1, 1);
    g_autoptr(OrfTensor) context = rows_of(it, "in.ctx", 1, 1);
    g_autoptr(OrfTensor) one = context ? orf_tensor_slice(it->c, context, 1, 0, 1) : NULL;
    g_autofree double *t = numbers(it, "in.cfg.t");
    g_autofree double *guidance =
        orf_case_has(it, "in.cfg.guidance") ? numbers(it, "in.cfg.guidance") : NULL;
    OrfShape shape = { 0 };
    orf_autofree float *want = orf_case_values(it, "out.cfg.v", &shape);
    if (!t || !want || !one)
        return;
    OrfFluxInput in = { .z = z,
                        .context = one,
                        .t = t + 1,
                        .guidance = guidance ? guidance + 1 : NULL,
                        .stands_for = orf_tensor_dim(context, 1) };
    g_autoptr(OrfTensor) v = orf_flux_forward(it->c, flux, &in);
    size_t n = orf_shape_size(&shape) / 2;
    g_autofree float *have = g_new(float, n);
    if (!orf_tensor_read(it->c, v, have))
        return;
    double worst = 0, most = 1e-30;
    for (size_t i = 0; i < n; i++) {
        worst = MAX(worst, ABS((double)have[i] - want[n + i]));
        most = MAX(most, ABS((double)want[n + i]));
    }
    orf_case_tell(it, "out.cfg.v[1] (one token for all)", worst / most, limit);
}

static void
verify_flux(OrfCase *it)
{
    static const FluxRun runs[] = {
        { "t05", "in.ctx", 1, true },  { "t0", "in.ctx", 1, false },
        { "t1", "in.ctx", 1, false },  { "cfg", "in.ctx", 2, false },
        { "b2", "in.ctx2", 2, false },
    };
    g_autoptr(OrfFlux) flux = orf_flux_new(it->c, it->weights, "model.");
    if (!flux)
        return;
    bool guided = orf_flux_has_guidance(flux);
    double blocks = it->block_limit, end = it->end_limit;
    it->block_limit = MAX(blocks, guided ? 3e-4 : 2e-5);
    end = MAX(end, guided ? 4e-4 : 1e-4);
    for (size_t i = 0; i < G_N_ELEMENTS(runs); i++)
        run_flux(it, flux, &runs[i], end);
    it->block_limit = blocks;
    run_flux_collapsed(it, flux, end);
}

/* --- 2.1 denoiser ------------------------------------------------------------------------- */

static void
verify_moe(OrfCase *it)
{
    unsigned top_k = (unsigned)orf_config_number(it->config, "model.params.moe_top_k", 2);
    g_autoptr(OrfMoe) moe = orf_moe_new(it->c, it->weights, "model.", top_k);
    if (!moe)
        return;
    g_autoptr(OrfTensor) x = orf_case_tensor(it, "in.x"),
                         context = orf_case_tensor(it, "in.ctx");
    g_autoptr(OrfTensor) x2 = orf_case_tensor(it, "in.x2"),
                         ctx2 = orf_case_tensor(it, "in.ctx2");
    g_autofree double *t = numbers(it, "in.t"), *t2 = numbers(it, "in.t2");
    if (!t || !t2)
        return;
    orf_case_watch(it, "mid.");
    g_autoptr(OrfTensor) v = orf_moe_forward(it->c, moe, x, context, t);
    orf_case_watch(it, NULL);
    orf_case_compare(it, "out.v", v, it->end_limit);
    g_autoptr(OrfTensor) v2 = orf_moe_forward(it->c, moe, x2, ctx2, t2);
    orf_case_compare(it, "out.v2", v2, it->end_limit);
}

/* --- Picture encoder ---------------------------------------------------------------------- */

#define ENCODER "conditioner.main_image_encoder.model."
#define KWARGS "conditioner.params.main_image_encoder.kwargs."

static OrfVit *
open_encoder(OrfCase *it, const char *prefix)
{
    OrfVitOptions options = {
        .heads =
            (unsigned)orf_config_number(it->config, KWARGS "config.num_attention_heads", 0),
        .eps = orf_config_number(it->config, KWARGS "config.layer_norm_eps", 1e-6),
    };
    return orf_vit_new(it->c, it->weights, prefix, &options);
}

/* [-1, 1] at any size to what the encoder eats: resized, ImageNet mean and deviation. */
static OrfTensor *
pixels_of(OrfCase *it, const OrfTensor *image, size_t side)
{
    static const float mean[] = { 0.485f, 0.456f, 0.406f }, dev[] = { 0.229f, 0.224f, 0.225f };
    size_t b = orf_tensor_dim(image, 0), h = orf_tensor_dim(image, 2);
    size_t n = b * 3 * h * h;
    g_autofree float *in = g_new(float, MAX(n, 1)), *out = g_new(float, MAX(n, 1));
    if (!orf_tensor_read(it->c, image, in))
        return NULL;
    for (size_t i = 0; i < n; i++) /* to [batch, h, w, 3] in 0..1 */
        out[(i / (3 * h * h) * h * h + i % (h * h)) * 3 + i / (h * h) % 3] = (in[i] + 1) / 2;
    g_autoptr(OrfTensor) flat = orf_tensor_from(it->c, ORF_SHAPE(b, h, h, 3), out);
    g_autoptr(OrfTensor) large = orf_tensor_resize(it->c, flat, side, side, NULL);
    g_autofree float *sized = g_new(float, b *side *side * 3);
    g_autofree float *planes = g_new(float, b *side *side * 3);
    if (!orf_tensor_read(it->c, large, sized))
        return NULL;
    for (size_t i = 0; i < b * side * side * 3; i++) {
        size_t channel = i % 3, pixel = i / 3 % (side * side), picture = i / (3 * side * side);
        planes[(picture * 3 + channel) * side * side + pixel] =
            (sized[i] - mean[channel]) / dev[channel];
    }
    return orf_tensor_from(it->c, ORF_SHAPE(b, 3, side, side), planes);
}

static void
run_encoder(OrfCase *it, const OrfVit *vit, const char *which, size_t side)
{
    g_autofree char *in = g_strdup_printf("in.%s.image", which);
    g_autofree char *out = g_strdup_printf("out.%s.tokens", which);
    g_autofree char *mid = g_strdup_printf("mid.%s.", which);
    g_autofree char *resized = g_strconcat(mid, "pixels", NULL);
    if (!orf_case_has(it, in))
        return;
    g_autoptr(OrfTensor) image = orf_case_tensor(it, in);
    g_autoptr(OrfTensor) pixels = pixels_of(it, image, side);
    if (orf_case_has(it, resized)) { /* then go on with theirs: an f32 resize has its noise */
        orf_case_compare(it, resized, pixels, it->block_limit);
        orf_tensor_set(&pixels, orf_case_tensor(it, resized));
    }
    orf_case_watch(it, mid);
    g_autoptr(OrfTensor) tokens = orf_vit_forward(it->c, vit, pixels);
    orf_case_watch(it, NULL);
    orf_case_compare(it, out, tokens, it->end_limit);
}

static void
verify_encoder(OrfCase *it)
{
    g_autoptr(OrfVit) vit = open_encoder(it, ENCODER);
    double side = orf_config_number(it->config, KWARGS "image_size", 518);
    if (!vit)
        return;
    run_encoder(it, vit, "own", (size_t)side);
    g_autofree char *big = orf_case_file(it, "config_big.yaml");
    g_autoptr(OrfConfig) config = orf_config_load(big, NULL);
    if (config)
        run_encoder(it, vit, "big",
                    (size_t)orf_config_number(config, KWARGS "image_size", 518));
}

/* --- Decoder ------------------------------------------------------------------------------ */

static void
verify_vae(OrfCase *it)
{
    double scale = orf_config_number(it->config, "params.scale_factor", 1);
    g_autoptr(OrfShapeVae) vae = orf_shape_vae_new(it->c, it->weights, "", scale);
    if (!vae)
        return;
    g_autoptr(OrfTensor) z = orf_case_tensor(it, "in.z");
    OrfShape shape = { 0 };
    orf_autofree float *points = orf_case_values(it, "in.points", &shape);
    if (!points)
        return;
    orf_case_watch(it, "mid.");
    g_autoptr(OrfTensor) features = orf_shape_vae_features(it->c, vae, z);
    orf_case_compare(it, "out.features", features, it->end_limit);
    OrfShapeKeys keys = orf_shape_vae_keys(it->c, vae, features);
    size_t watched = MIN(orf_shape_size(&shape) / 3, 96); /* rungs hold the first 96 points */
    g_autoptr(OrfTensor) few = orf_shape_vae_query(it->c, vae, &keys, points, watched);
    orf_case_watch(it, NULL);
    g_autoptr(OrfTensor) logits =
        orf_shape_vae_query(it->c, vae, &keys, points, orf_shape_size(&shape) / 3);
    orf_shape_keys_clear(&keys);
    orf_case_compare(it, "out.logits", logits, it->end_limit);
}

/* --- Time grids --------------------------------------------------------------------------- */

static void
verify_schedulers(OrfCase *it)
{
    static const unsigned steps[] = { 1, 2, 4, 5, 8, 10, 30, 50 };
    for (size_t i = 0; i < 2 * G_N_ELEMENTS(steps); i++) {
        bool consistency = i % 2;
        unsigned n = steps[i / 2];
        g_autofree char *name =
            g_strdup_printf("out.%s.S%u.sigmas", consistency ? "consistency" : "euler", n);
        if (!orf_case_has(it, name))
            continue;
        double sigmas[64];
        float rounded[64];
        orf_flow_sigmas(consistency, 1, n, sigmas);
        for (unsigned k = 0; k <= n; k++)
            rounded[k] = (float)sigmas[k];
        orf_case_compare_values(it, name, rounded, n + 1, 1e-7);
    }
}

const OrfCaseKind orf_cases_hunyuan[] = {
    { "out.t05.v", "model.latent_in.weight", verify_flux },
    { "out.v2", "model.x_embedder.weight", verify_moe },
    { "in.own.image", ENCODER "embeddings.cls_token", verify_encoder },
    { "out.logits", "geo_decoder.query_proj.weight", verify_vae },
    { "out.euler.S5.sigmas", NULL, verify_schedulers },
    { NULL, NULL, NULL },
};
