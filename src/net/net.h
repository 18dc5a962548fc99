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

/* --- What is installed: net/installed.c --------------------------------------------------- */

typedef struct {
    char *name; /* of its folder or file below the net folder: "isnet" */
    char *path; /* of the checkpoint */
    const OrfNetFamily *family;
    uint64_t bytes, parameters;
    int64_t changed; /* seconds since 1970 */
} OrfNetInstalled;
void orf_net_installed_free(OrfNetInstalled *net);
/* Checkpoints of families that are known, in and below those folders (NULL-terminated; a folder
 * that is not there holds none), by name. Caller owns. */
GPtrArray *orf_net_installed(OrfTask *task, const char *const *folders);

/* --- Cut-out: net/matting.c --------------------------------------------------------------- */

typedef struct OrfMatting OrfMatting;
/* Widths come from the checkpoint: PyTorch names with BatchNorm, or ONNX folded. */
OrfMatting *orf_matting_new(OrfCompute *c, const OrfCheckpoint *checkpoint);
void orf_matting_free(OrfMatting *matting);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(OrfMatting, orf_matting_free)

/* The whole recipe of the published wrapper: 8-bit Lanczos to side x side, divide by the
 * largest byte, mean and deviation, net, stretch to 0..1, truncate, Lanczos back. rgb[h][w][3]
 * to mask[h][w] (orf_free). `ret_contrast`: the response's range before it was stretched, low
 * when there is no subject. side 0: as published (320, 1024). */
uint8_t *orf_matting_mask(OrfCompute *c, const OrfMatting *matting, const uint8_t *rgb,
                          size_t width, size_t height, size_t side, double *ret_contrast);

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
