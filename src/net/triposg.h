/* triposg.h - the decoder of TripoSG: latents to a field, positive outside.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ORF_NET_TRIPOSG_H
#define ORF_NET_TRIPOSG_H

#include "net/load.h"

typedef struct OrfTripoSgVae OrfTripoSgVae;
OrfTripoSgVae *
orf_triposg_vae_new(OrfCompute *c, const OrfCheckpoint *checkpoint, unsigned heads);
void orf_triposg_vae_free(OrfTripoSgVae *vae);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(OrfTripoSgVae, orf_triposg_vae_free)
/* Latents [batch, n, channels] to keys and values of every head, [batch, n, 2 * width]. */
OrfTensor *orf_triposg_vae_keys(OrfCompute *c, const OrfTripoSgVae *vae, const OrfTensor *z);
/* points[batch][n][3] to [batch, n, 1]: below 0 inside. */
OrfTensor *orf_triposg_vae_query(OrfCompute *c, const OrfTripoSgVae *vae, const OrfTensor *keys,
                                 const float *points, size_t n);

#endif
