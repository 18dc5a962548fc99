/* hunyuan-chain.h - a whole Hunyuan3D bundle: picture to latents to field.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ORF_NET_HUNYUAN_CHAIN_H
#define ORF_NET_HUNYUAN_CHAIN_H

#include "net/config.h"
#include "net/hunyuan.h"

typedef struct OrfHunyuan OrfHunyuan;
/* The published file and its config.yaml. NULL: see compute. */
OrfHunyuan *
orf_hunyuan_new(OrfCompute *c, const OrfCheckpoint *checkpoint, const OrfConfig *config);
void orf_hunyuan_free(OrfHunyuan *net);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(OrfHunyuan, orf_hunyuan_free)

unsigned orf_hunyuan_picture_side(const OrfHunyuan *net); /* what `tokens` takes */
size_t orf_hunyuan_n_latents(const OrfHunyuan *net);
size_t orf_hunyuan_channels(const OrfHunyuan *net);
bool orf_hunyuan_is_turbo(const OrfHunyuan *net); /* few steps are enough */
const OrfShapeVae *orf_hunyuan_vae(const OrfHunyuan *net);

/* values[side][side][3] in -1..1 to the context [1, tokens, width]. */
OrfTensor *
orf_hunyuan_tokens(OrfCompute *c, const OrfHunyuan *net, const float *values, size_t side);

/* After each step: the latents, and the net's estimate of where they lead. */
typedef void (*OrfLatentFn)(OrfCompute *c, unsigned step, const OrfTensor *z,
                            const OrfTensor *clean, void *data);
typedef struct {
    unsigned steps;  /* 0: 5 for turbo, else 30 */
    double guidance; /* 0: 5 */
    OrfLatentFn each;
    void *data;
} OrfHunyuanSample;
/* noise[1, n, channels] to latents. The last step of the even grid, which moves nothing, is not
 * computed. */
OrfTensor *orf_hunyuan_sample(OrfCompute *c, const OrfHunyuan *net, const OrfTensor *context,
                              const OrfTensor *noise, const OrfHunyuanSample *how);

#endif
