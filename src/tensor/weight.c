/* weight.c - matrices and convolution kernels, packed once by their backend.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "tensor/backend.h"

#include <string.h>

static bool
keep_bias(OrfCompute *c, OrfWeight *weight, const float *bias)
{
    if (!bias)
        return true;
    weight->bias =
        ORF_ALLOC(orf_compute_task(c), float, weight->n_out, "bias", orf_compute_error(c));
    if (weight->bias)
        memcpy(weight->bias, bias, weight->n_out * sizeof *bias);
    return weight->bias != NULL;
}

static OrfWeight *
weight_new(OrfCompute *c, const float *values, size_t n_out, size_t n_in, size_t k,
           const float *bias)
{
    if (!values || !orf_compute_go(c))
        return NULL;
    g_autoptr(OrfWeight) weight = g_new0(OrfWeight, 1);
    weight->backend = orf_compute_backend(c);
    weight->n_out = n_out;
    weight->n_in = n_in;
    weight->k = k;
    weight->precision = orf_compute_precision(c);
    if (!keep_bias(c, weight, bias) ||
        !weight->backend->pack(orf_compute_task(c), orf_compute_state(c), weight, values,
                               orf_compute_error(c)))
        return NULL;
    return g_steal_pointer(&weight);
}

OrfWeight *
orf_weight_new(OrfCompute *c, const float *values, size_t n_out, size_t n_in, const float *bias)
{
    return weight_new(c, values, n_out, n_in, 0, bias);
}

OrfWeight *
orf_weight_new_conv(OrfCompute *c, const float *values, size_t n_out, size_t n_in, size_t k,
                    const float *bias)
{
    return weight_new(c, values, n_out, n_in, k, bias);
}

void
orf_weight_free(OrfWeight *weight)
{
    if (!weight)
        return;
    if (weight->packed)
        weight->backend->unpack(weight);
    orf_free(weight->bias);
    g_free(weight);
}

size_t
orf_weight_n_out(const OrfWeight *weight)
{
    return weight->n_out;
}

size_t
orf_weight_n_in(const OrfWeight *weight)
{
    return weight->n_in;
}

size_t
orf_weight_bytes(const OrfWeight *weight)
{
    return weight->bytes;
}

const float *
orf_weight_bias(const OrfWeight *weight)
{
    return weight->bias;
}
