/* verify-matting.c - recorded cases of the cut-out nets.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "net/matting.h"
#include "net/verify.h"

#include <string.h>

/* [b, n, h, w] to [b, h, w, n]. */
static OrfTensor *
channels_last(OrfCompute *c, const OrfTensor *x)
{
    size_t b = orf_tensor_dim(x, 0), n = orf_tensor_dim(x, 1), h = orf_tensor_dim(x, 2),
           w = orf_tensor_dim(x, 3);
    g_autoptr(OrfTensor) flat = x ? orf_tensor_reshape(c, x, ORF_SHAPE(b, n, h * w)) : NULL;
    g_autoptr(OrfTensor) turned = orf_tensor_transpose(c, flat);
    return turned ? orf_tensor_reshape(c, turned, ORF_SHAPE(b, h, w, n)) : NULL;
}

static OrfTensor *
channels_first(OrfCompute *c, const OrfTensor *x)
{
    size_t b = orf_tensor_dim(x, 0), h = orf_tensor_dim(x, 1), w = orf_tensor_dim(x, 2),
           n = orf_tensor_dim(x, 3);
    g_autoptr(OrfTensor) flat = x ? orf_tensor_reshape(c, x, ORF_SHAPE(b, h * w, n)) : NULL;
    g_autoptr(OrfTensor) turned = orf_tensor_transpose(c, flat);
    return turned ? orf_tensor_reshape(c, turned, ORF_SHAPE(b, n, h, w)) : NULL;
}

typedef struct {
    OrfCase *it;
    const char *format_prefix; /* "mid.odd_" */
} Watch;

static void
hear(OrfCompute *c, const char *rung, const OrfTensor *tensor, void *data)
{
    const Watch *watch = data;
    g_autofree char *name = g_strconcat(watch->format_prefix, rung, NULL);
    if (!orf_case_has(watch->it, name))
        return;
    g_autoptr(OrfTensor) first = orf_tensor_slice(c, tensor, 0, 0, 1);
    g_autoptr(OrfTensor) all = channels_first(c, tensor), one = channels_first(c, first);
    OrfShape shape = { 0 };
    orf_autofree float *want = orf_case_values(watch->it, name, &shape);
    bool whole = want && orf_shape_size(&shape) == orf_shape_size(orf_tensor_shape(tensor));
    orf_case_compare(watch->it, name, whole ? all : one, watch->it->block_limit * 2);
}

/* The first of the recorded maps is ours: the others are sides that nobody asks for. */
static void
run(OrfCase *it, const OrfMatting *matting, const OrfTensor *x, const char *out,
    const char *prefix)
{
    Watch watch = { it, prefix };
    orf_compute_set_rung(it->c, prefix ? hear : NULL, &watch);
    g_autoptr(OrfTensor) y = orf_matting_forward(it->c, matting, x);
    orf_compute_set_rung(it->c, NULL, NULL);
    g_autoptr(OrfTensor) want = orf_case_has(it, out) ? orf_case_tensor(it, out) : NULL;
    g_autoptr(OrfTensor) first = want ? orf_tensor_slice(it->c, want, 1, 0, 1) : NULL;
    size_t n = first ? orf_shape_size(orf_tensor_shape(first)) : 0;
    g_autofree float *a = g_new(float, MAX(n, 1)), *b = g_new(float, MAX(n, 1));
    if (!n || !orf_tensor_read(it->c, y, a) || !orf_tensor_read(it->c, first, b))
        return;
    double worst = 0;
    for (size_t i = 0; i < n; i++)
        worst = MAX(worst, ABS((double)a[i] - b[i]));
    orf_case_tell(it, out, worst, it->end_limit);
}

static uint8_t *
bytes_of(OrfCase *it, const char *name, OrfShape *ret_shape)
{
    orf_autofree float *values = orf_case_values(it, name, ret_shape);
    if (!values)
        return NULL;
    size_t n = orf_shape_size(ret_shape);
    uint8_t *bytes = g_new(uint8_t, MAX(n, 1));
    for (size_t i = 0; i < n; i++)
        bytes[i] = (uint8_t)values[i];
    return bytes;
}

/* The whole recipe: at most one level off where value * 255 is next to an integer. */
static void
run_mask(OrfCase *it, const OrfMatting *matting, unsigned picture, unsigned side)
{
    g_autofree char *in = g_strdup_printf("in.picture%u", picture);
    g_autofree char *out = g_strdup_printf("out.p%u_mask_S%u", picture, side);
    if (!orf_case_has(it, in) || !orf_case_has(it, out))
        return;
    OrfShape shape = { 0 };
    g_autofree uint8_t *rgb = bytes_of(it, in, &shape);
    if (!rgb)
        return;
    orf_autofree uint8_t *mask =
        orf_matting_mask(it->c, matting, rgb, shape.dim[1], shape.dim[0], side, NULL);
    if (!mask)
        return;
    bool exact = it->end_limit < 1e-3;
    orf_case_compare_bytes(it, out, mask, shape.dim[0] * shape.dim[1], exact ? 1 : 12,
                           exact ? 0 : 0.01);
}

static void
verify_resample(OrfCase *it)
{
    static const char *const names[] = { "bilinear", "bicubic", "lanczos" };
    static const size_t sizes[][2] = { { 61, 40 }, { 200, 57 }, { 157, 31 } };
    OrfShape shape = { 0 };
    g_autofree uint8_t *rgb = bytes_of(it, "in.picture1", &shape);
    for (size_t f = 0; f < 3 && rgb; f++)
        for (size_t s = 0; s < G_N_ELEMENTS(sizes); s++) {
            size_t w = sizes[s][0], h = sizes[s][1];
            g_autofree char *name = g_strdup_printf("mid.resize_%s_%zux%zu", names[f], w, h);
            g_autofree uint8_t *out = g_new(uint8_t, w * h * 3);
            if (orf_case_has(it, name) &&
                orf_resample_u8(it->task, (OrfResample)f, rgb, shape.dim[1], shape.dim[0], 3,
                                out, w, h, NULL))
                orf_case_compare_bytes(it, name, out, w * h * 3, 0, 0);
        }
}

/* Picture 1 at 96 pixels, by the wrapper's own preparation. */
static void
run_small(OrfCase *it, const OrfMatting *matting, const char *out, const char *prefix)
{
    OrfShape shape = { 0 };
    g_autofree uint8_t *rgb = bytes_of(it, "mid.p1_resized96", &shape);
    if (!rgb || !orf_case_has(it, out))
        return;
    static const double u2_mean[] = { 0.485, 0.456, 0.406 }, u2_dev[] = { 0.229, 0.224, 0.225 };
    bool isnet = orf_matting_is_isnet(matting);
    size_t n = orf_shape_size(&shape);
    double most = 1;
    g_autofree float *x = g_new(float, n);
    for (size_t i = 0; i < n; i++)
        most = MAX(most, rgb[i]);
    for (size_t i = 0; i < n; i++)
        x[i] = (float)(isnet ? rgb[i] / most - 0.5
                             : (rgb[i] / most - u2_mean[i % 3]) / u2_dev[i % 3]);
    g_autoptr(OrfTensor) input =
        orf_tensor_from(it->c, ORF_SHAPE(1, shape.dim[0], shape.dim[1], 3), x);
    run(it, matting, input, out, prefix);
}

static void
run_recorded(OrfCase *it, const OrfMatting *matting, const char *which)
{
    g_autofree char *in = g_strconcat("in.", which, NULL);
    g_autofree char *out = g_strconcat("out.", which, NULL);
    g_autofree char *prefix = g_strconcat("mid.", which, "_", NULL);
    if (!orf_case_has(it, in))
        return;
    g_autoptr(OrfTensor) picture = orf_case_tensor(it, in);
    g_autoptr(OrfTensor) x = channels_last(it->c, picture);
    run(it, matting, x, out, prefix);
}

static void
verify_onnx(OrfCase *it)
{
    g_autofree char *path = orf_case_file(it, "isnet_tiny_fp16.onnx");
    g_autoptr(OrfCheckpoint) onnx = orf_checkpoint_open(it->task, path, NULL, NULL);
    g_autoptr(OrfMatting) matting = onnx ? orf_matting_new(it->c, onnx) : NULL;
    if (matting)
        run_small(it, matting, "out.a_fp16_weights_f32math", NULL);
}

static void
verify_matting(OrfCase *it)
{
    g_autoptr(OrfMatting) matting = orf_matting_new(it->c, it->weights);
    if (!matting)
        return;
    verify_resample(it);
    run_recorded(it, matting, "min");
    run_recorded(it, matting, "odd");
    run_small(it, matting, "out.a", "mid.a_");
    unsigned side = orf_matting_is_isnet(matting) ? 1024 : 320;
    run_mask(it, matting, 1, side);
    run_mask(it, matting, 2, side);
    verify_onnx(it);
}

const OrfCaseKind orf_cases_matting[] = {
    { "out.odd", "stage1.rebnconvin.conv_s1.weight", verify_matting },
    { NULL, NULL, NULL },
};
