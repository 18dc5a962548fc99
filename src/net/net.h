/* net.h - published networks that turn pictures into masks and shapes.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * A family is recognised by the names and shapes in its checkpoint. Nothing here knows a
 * device: nets are written against tensor/tensor.h. */
#ifndef ORF_NET_H
#define ORF_NET_H

#include "tensor/tensor.h"

/* --- What there is: net/family.c ---------------------------------------------------------- */

typedef struct {
    const char *name;      /* "hunyuan3d-2.0" */
    const char *title;     /* "Hunyuan3D 2.0 (also mini, fast, turbo, multi-view)" */
    const char *makes;     /* "shape" or "mask" */
    const char *licence;   /* of the published weights */
    const char *territory; /* where that licence is void; "" */
    const char *files;     /* what its folder holds */
} OrfNetFamily;
const OrfNetFamily *const *orf_net_families(void); /* NULL-terminated */

typedef struct {
    const OrfNetFamily *family; /* NULL: not known */
    uint64_t parameters, bytes; /* of all arrays; on disk */
    size_t arrays;
    char *format, *dtypes, *parts; /* "safetensors", "f16 x 183", "model 652, vae 266" */
} OrfNetInfo;
/* Of a file, or a folder with one. */
bool orf_net_inspect(OrfTask *task, const char *path, OrfNetInfo *ret, GError **error);
void orf_net_info_clear(OrfNetInfo *info);

/* --- Proof: net/verify.c ------------------------------------------------------------------ */

typedef struct {
    const char *name; /* of the recorded array: "mid.d0.q" */
    double error; /* largest difference over largest number; for bytes the share that differ */
    double limit;
    bool good;
} OrfRung;
typedef void (*OrfVerifyFn)(const OrfRung *rung, void *data);

/* Runs the recorded case that lies in `folder` beside its weights. Calls `each` in order of the
 * computation. True when every rung is within its limit; false without error: one is not.
 * Errors: NOT_FOUND (no case there), UNSUPPORTED (a kind that is not known), ... */
bool orf_net_verify(OrfTask *task, const char *folder, const OrfComputeOptions *options,
                    OrfVerifyFn each, void *data, GError **error);

#endif
