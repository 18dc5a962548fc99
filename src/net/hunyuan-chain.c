/* hunyuan-chain.c - a whole Hunyuan3D bundle: encoder, denoiser, decoder in one file.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Classifier-free guidance runs the denoiser twice, with the picture and with zeros; the
 * unconditional run of 2.0 needs one context token only (see hunyuan-dit.c). Nets with a
 * guidance embedding were distilled and run once. */
#include "net/hunyuan-chain.h"
#include "net/vit.h"

#include <math.h>
#include <string.h>

struct OrfHunyuan {
    OrfVit *vit;
    OrfFlux *flux; /* 2.0, or */
    OrfMoe *moe;   /* 2.1 */
    OrfShapeVae *vae;
    unsigned encoder_side, picture_side;
    size_t n_latents;
    bool consistency;
    double shift;
};

void
orf_hunyuan_free(OrfHunyuan *net)
{
    if (!net)
        return;
    orf_vit_free(net->vit);
    orf_flux_free(net->flux);
    orf_moe_free(net->moe);
    orf_shape_vae_free(net->vae);
    g_free(net);
}

#define KWARGS "conditioner.params.main_image_encoder.kwargs."

static void
load_parts(OrfHunyuan *net, OrfCompute *c, const OrfCheckpoint *checkpoint,
           const OrfConfig *config)
{
    OrfVitOptions vit = {
        .heads = (unsigned)orf_config_number(config, KWARGS "config.num_attention_heads", 0),
        .eps = orf_config_number(config, KWARGS "config.layer_norm_eps", 1e-6),
    };
    net->vit = orf_vit_new(c, checkpoint, "conditioner.main_image_encoder.model.", &vit);
    if (orf_checkpoint_find(checkpoint, "model.x_embedder.weight"))
        net->moe =
            orf_moe_new(c, checkpoint, "model.",
                        (unsigned)orf_config_number(config, "model.params.moe_top_k", 2));
    else
        net->flux = orf_flux_new(c, checkpoint, "model.");
    net->vae = orf_shape_vae_new(c, checkpoint, "vae.",
                                 orf_config_number(config, "vae.params.scale_factor", 1));
}

OrfHunyuan *
orf_hunyuan_new(OrfCompute *c, const OrfCheckpoint *checkpoint, const OrfConfig *config)
{
    g_autoptr(OrfHunyuan) net = g_new0(OrfHunyuan, 1);
    const char *scheduler = orf_config_text(config, "scheduler.target");
    net->consistency = scheduler && strstr(scheduler, "Consistency");
    net->shift = orf_config_number(config, "scheduler.params.shift", 1);
    net->encoder_side = (unsigned)orf_config_number(config, KWARGS "image_size", 518);
    net->picture_side = (unsigned)orf_config_number(config, "image_processor.params.size", 512);
    net->n_latents = (size_t)orf_config_number(config, "vae.params.num_latents", 3072);
    load_parts(net, c, checkpoint, config);
    return orf_compute_ok(c) ? g_steal_pointer(&net) : NULL;
}

unsigned
orf_hunyuan_picture_side(const OrfHunyuan *net)
{
    return net->picture_side;
}

size_t
orf_hunyuan_n_latents(const OrfHunyuan *net)
{
    return net->n_latents;
}

size_t
orf_hunyuan_channels(const OrfHunyuan *net)
{
    return net->flux ? orf_flux_channels(net->flux) : orf_moe_channels(net->moe);
}

bool
orf_hunyuan_is_turbo(const OrfHunyuan *net)
{
    return net->consistency;
}

const OrfShapeVae *
orf_hunyuan_vae(const OrfHunyuan *net)
{
    return net->vae;
}

/* --- Picture ------------------------------------------------------------------------------ */

OrfTensor *
orf_hunyuan_tokens(OrfCompute *c, const OrfHunyuan *net, const float *values, size_t side)
{
    static const float mean[] = { 0.485f, 0.456f, 0.406f }, dev[] = { 0.229f, 0.224f, 0.225f };
    size_t e = net->encoder_side, most = MAX(side, e) * MAX(side, e) * 3;
    GError *error = NULL;
    orf_autofree float *host = ORF_ALLOC(orf_compute_task(c), float, most, "picture", &error);
    if (!host) {
        orf_compute_take_error(c, error);
        return NULL;
    }
    for (size_t i = 0; i < side * side * 3; i++)
        host[i] = (values[i] + 1) / 2;
    g_autoptr(OrfTensor) picture = orf_tensor_from(c, ORF_SHAPE(1, side, side, 3), host);
    g_autoptr(OrfTensor) sized = orf_tensor_resize(c, picture, e, e, NULL);
    if (!orf_tensor_read(c, sized, host))
        return NULL;
    for (size_t i = 0; i < e * e * 3; i++)
        host[i] = (host[i] - mean[i % 3]) / dev[i % 3];
    g_autoptr(OrfTensor) normal = orf_tensor_from(c, ORF_SHAPE(1, e * e, 3), host);
    g_autoptr(OrfTensor) turned = orf_tensor_transpose(c, normal);
    g_autoptr(OrfTensor) pixels =
        turned ? orf_tensor_reshape(c, turned, ORF_SHAPE(1, 3, e, e)) : NULL;
    orf_compute_rung(c, pixels, "dino_input");
    return orf_vit_forward(c, net->vit, pixels);
}

/* --- Sampling ----------------------------------------------------------------------------- */

/* Zeros in the place of the picture: one token stands for all. 2.0 weighs it by their number;
 * in 2.1 keys and values of zeros are zeros, so their number does not matter. */
static OrfTensor *
nothing_for(OrfCompute *c, const OrfTensor *context)
{
    if (!context)
        return NULL;
    size_t width = orf_tensor_columns(context);
    g_autofree float *zeros = g_new0(float, width);
    return orf_tensor_from(c, ORF_SHAPE(1, 1, width), zeros);
}

static OrfTensor *
forward(OrfCompute *c, const OrfHunyuan *net, const OrfTensor *z, const OrfTensor *context,
        size_t stands_for, double t, double guidance)
{
    if (net->moe)
        return orf_moe_forward(c, net->moe, z, context, &t);
    OrfFluxInput in = { .z = z,
                        .context = context,
                        .t = &t,
                        .guidance = orf_flux_has_guidance(net->flux) ? &guidance : NULL,
                        .stands_for = stands_for };
    return orf_flux_forward(c, net->flux, &in);
}

/* v_none + guidance * (v_picture - v_none); one run when guidance is embedded. */
static OrfTensor *
velocity(OrfCompute *c, const OrfHunyuan *net, const OrfTensor *z, const OrfTensor *context,
         const OrfTensor *nothing, double t, double guidance)
{
    g_autoptr(OrfTensor) with = forward(c, net, z, context, 0, t, guidance);
    orf_compute_rung(c, with, "v_cond");
    if (guidance < 0 || (net->flux && orf_flux_has_guidance(net->flux)))
        return g_steal_pointer(&with);
    g_autoptr(OrfTensor) without =
        forward(c, net, z, nothing, orf_tensor_dim(context, 1), t, guidance);
    orf_compute_rung(c, without, "v_uncond");
    return orf_tensor_mix(c, guidance, with, 1 - guidance, without);
}

static void
tell(OrfCompute *c, const OrfHunyuanSample *how, unsigned step, const OrfTensor *z,
     const OrfTensor *v, double left)
{
    if (!how->each)
        return;
    g_autoptr(OrfTensor) clean = orf_tensor_mix(c, 1, z, left, v);
    how->each(c, step, z, clean, how->data);
}

OrfTensor *
orf_hunyuan_sample(OrfCompute *c, const OrfHunyuan *net, const OrfTensor *context,
                   const OrfTensor *noise, const OrfHunyuanSample *how)
{
    static const OrfHunyuanSample usual = { 0 };
    how = how ? how : &usual;
    unsigned steps = how->steps ? how->steps : net->consistency ? 5 : 30;
    double guidance = how->guidance != 0 ? how->guidance : 5;
    g_autofree double *sigmas = g_new(double, steps + 1);
    orf_flow_sigmas(net->consistency, net->shift, steps, sigmas);
    g_autoptr(OrfTensor) nothing = nothing_for(c, context);
    g_autoptr(OrfTensor) z = orf_tensor_ref((OrfTensor *)noise);
    OrfTask *task = orf_compute_task(c);
    for (unsigned i = 0; i < steps && orf_compute_ok(c); i++) {
        double move = sigmas[i + 1] - sigmas[i];
        if (move == 0)
            continue;
        g_autoptr(OrfTensor) v = velocity(c, net, z, context, nothing, sigmas[i], guidance);
        orf_tensor_set(&z, orf_tensor_mix(c, 1, z, move, v));
        tell(c, how, i, z, v, 1 - sigmas[i + 1]);
        orf_task_progress(task, (i + 1.0) / steps);
    }
    return g_steal_pointer(&z);
}
