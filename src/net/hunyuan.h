/* hunyuan.h - the parts of Hunyuan3D-2.x: two denoisers, the decoder, time grids.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ORF_NET_HUNYUAN_H
#define ORF_NET_HUNYUAN_H

#include "net/load.h"

/* --- Denoiser 2.0 (also mini, fast, turbo, mv): net/hunyuan-dit.c ------------------------- */

typedef struct OrfFlux OrfFlux;
OrfFlux *orf_flux_new(OrfCompute *c, const OrfCheckpoint *checkpoint, const char *prefix);
void orf_flux_free(OrfFlux *flux);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(OrfFlux, orf_flux_free)
size_t orf_flux_channels(const OrfFlux *flux);
bool orf_flux_has_guidance(const OrfFlux *flux);
/* Velocity of z[batch, n, channels] at times t[batch] under context[batch, m, ...]; guidance
 * [batch] only when the net has it. `stands_for`: the context's one token means so many equal
 * ones (0: itself). Rungs: temb, vec_time, latent_in, cond_in, d0.img_mod, d0.q, ... */
typedef struct {
    const OrfTensor *z, *context;
    const double *t, *guidance;
    size_t stands_for;
} OrfFluxInput;
OrfTensor *orf_flux_forward(OrfCompute *c, const OrfFlux *flux, const OrfFluxInput *in);

/* --- Denoiser 2.1, and TripoSG's: net/hunyuan-moe.c --------------------------------------- */

typedef struct OrfMoe OrfMoe;
OrfMoe *
orf_moe_new(OrfCompute *c, const OrfCheckpoint *checkpoint, const char *prefix, unsigned top_k);
void orf_moe_free(OrfMoe *moe);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(OrfMoe, orf_moe_free)
size_t orf_moe_channels(const OrfMoe *moe);
OrfTensor *orf_moe_forward(OrfCompute *c, const OrfMoe *moe, const OrfTensor *z,
                           const OrfTensor *context, const double *t);

/* --- Decoder: net/hunyuan-vae.c ----------------------------------------------------------- */

typedef struct OrfShapeVae OrfShapeVae;
OrfShapeVae *orf_shape_vae_new(OrfCompute *c, const OrfCheckpoint *checkpoint,
                               const char *prefix, double scale_factor);
void orf_shape_vae_free(OrfShapeVae *vae);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(OrfShapeVae, orf_shape_vae_free)
/* Latents to the set of features. Rungs: z_scaled, post_kl, block0.q, ... */
OrfTensor *orf_shape_vae_features(OrfCompute *c, const OrfShapeVae *vae, const OrfTensor *z);
/* Keys and values of the features, once an object. */
typedef struct {
    OrfTensor *k, *v; /* columns of kv, interleaved by head */
    OrfTensor *kv;
} OrfShapeKeys;
OrfShapeKeys
orf_shape_vae_keys(OrfCompute *c, const OrfShapeVae *vae, const OrfTensor *features);
void orf_shape_keys_clear(OrfShapeKeys *keys);
/* points[n][3] to logits[n], positive inside. */
OrfTensor *orf_shape_vae_query(OrfCompute *c, const OrfShapeVae *vae, const OrfShapeKeys *keys,
                               const float *points, size_t n);

/* --- Time grids: net/hunyuan-time.c ------------------------------------------------------- */

/* sigmas[steps + 1]; consistency: the grid of the turbo nets, at most 100 steps. */
void orf_flow_sigmas(bool consistency, double shift, unsigned steps, double *ret_sigmas);

#endif
