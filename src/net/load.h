/* load.h - a net's parameters out of a checkpoint: each by name, with the shape the net needs.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ORF_NET_LOAD_H
#define ORF_NET_LOAD_H

#include "tensor/tensor.h"

/* Names are prefix + name. Errors stick in the compute: the caller looks once, at the end. What
 * is loaded belongs to `keep`. */
typedef struct {
    OrfCompute *c;
    const OrfCheckpoint *checkpoint;
    char *prefix;
    GHashTable *used; /* names; set */
    GPtrArray *keep;  /* OrfWeight and OrfTensor, freed with the net */
} OrfNetLoad;

void orf_load_init(OrfNetLoad *load, OrfCompute *c, const OrfCheckpoint *checkpoint,
                   const char *prefix);
void orf_load_clear(OrfNetLoad *load);
GPtrArray *orf_load_steal_keep(OrfNetLoad *load);

bool orf_load_has(const OrfNetLoad *load, const char *format, ...) G_GNUC_PRINTF(2, 3);
/* Dimension i of a parameter; 0 when it is missing or has none. */
size_t
orf_load_dim(const OrfNetLoad *load, unsigned i, const char *format, ...) G_GNUC_PRINTF(3, 4);
/* How many of "blocks.%u.norm" follow one another from 0. */
unsigned orf_load_count(const OrfNetLoad *load, const char *format);

/* Values in host memory (orf_free), NULL when missing or of another shape. */
float *
orf_load_values(OrfNetLoad *load, OrfShape shape, const char *format, ...) G_GNUC_PRINTF(3, 4);
/* NAME.weight [n_out, n_in] and, when wanted, NAME.bias [n_out]. */
OrfWeight *orf_load_linear(OrfNetLoad *load, size_t n_out, size_t n_in, bool bias,
                           const char *format, ...) G_GNUC_PRINTF(5, 6);
/* Several matrices of one input as one: their outputs one after the other. NAME/a,b,c. */
OrfWeight *orf_load_stack(OrfNetLoad *load, size_t n_each, size_t n_in, bool bias,
                          const char *const *names, size_t n_names, const char *format, ...)
    G_GNUC_PRINTF(7, 8);
OrfTensor *
orf_load_tensor(OrfNetLoad *load, OrfShape shape, const char *format, ...) G_GNUC_PRINTF(3, 4);
/* Takes a weight or tensor made elsewhere. */
OrfWeight *orf_load_keep_weight(OrfNetLoad *load, OrfWeight *weight);
OrfTensor *orf_load_keep_tensor(OrfNetLoad *load, OrfTensor *tensor);
/* Keeps BAD_INPUT with this message. */
void orf_load_fail(OrfNetLoad *load, const char *format, ...) G_GNUC_PRINTF(2, 3);

#endif
