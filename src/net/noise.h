/* noise.h - the noise that sampling begins with, the same numbers as PyTorch's on a CPU.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ORF_NET_NOISE_H
#define ORF_NET_NOISE_H

#include "base/base.h"

/* Fills out[n], n >= 16, with normal numbers of mean 0 and deviation 1: those of
 * torch.manual_seed(seed); torch.randn(n) in f32, up to the rounding of log, sin and cos. Like
 * there, the low 32 bits of the seed count. */
void orf_noise_normal(uint64_t seed, float *out, size_t n);

#endif
