/* matting.c - U2-Net (Qin et al. 2020) and IS-Net (Qin et al. 2022): a U of small Us.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Every unit is a 3 x 3 convolution with BatchNorm folded in, and ReLU. A stage of kind L goes
 * down L - 2 times, dilates once at the bottom, comes up joining what it passed (the deeper
 * part first), and adds its input. The small stages of kind 4F dilate instead of going down. */
#include "net/matting.h"

#include <math.h>
#include <string.h>

enum { N_STAGES = 11, MOST_UNITS = 14 };

typedef struct {
    const char *name;
    unsigned levels; /* 7, 6, 5, 4; 0: the dilated kind */
} StageKind;

static const StageKind kinds[N_STAGES] = {
    { "stage1", 7 },  { "stage2", 6 },  { "stage3", 5 },  { "stage4", 4 },
    { "stage5", 0 },  { "stage6", 0 },  { "stage5d", 0 }, { "stage4d", 4 },
    { "stage3d", 5 }, { "stage2d", 6 }, { "stage1d", 7 },
};

typedef struct {
    OrfWeight *weight;
    unsigned dilation;
    char name[32]; /* "stage1.rebnconv3d" */
} Unit;

/* units[0] is rebnconvin, then down in order, then up in the order they run. */
typedef struct {
    Unit units[MOST_UNITS];
    unsigned n;
} Stage;

struct OrfMatting {
    GPtrArray *keep;
    OrfWeight *conv_in, *sides[6], *out;
    Stage stages[N_STAGES];
};

void
orf_matting_free(OrfMatting *matting)
{
    if (!matting)
        return;
    g_clear_pointer(&matting->keep, g_ptr_array_unref);
    g_free(matting);
}

bool
orf_matting_is_isnet(const OrfMatting *matting)
{
    return matting->conv_in != NULL;
}

/* --- Loading ------------------------------------------------------------------------------ */

/* w *= gamma / sqrt(var + eps) and b = (b - mean) * that + beta, output by output. */
static void
fold(OrfNetLoad *load, const char *name, float *w, float *b, size_t n_out, size_t each)
{
    OrfShape n = ORF_SHAPE(n_out);
    orf_autofree float *gamma = orf_load_values(load, n, "%s.weight", name);
    orf_autofree float *beta = orf_load_values(load, n, "%s.bias", name);
    orf_autofree float *mean = orf_load_values(load, n, "%s.running_mean", name);
    orf_autofree float *var = orf_load_values(load, n, "%s.running_var", name);
    if (!gamma || !beta || !mean || !var)
        return;
    for (size_t o = 0; o < n_out; o++) {
        double scale = gamma[o] / sqrt((double)var[o] + 1e-5);
        for (size_t i = 0; i < each; i++)
            w[o * each + i] = (float)(w[o * each + i] * scale);
        b[o] = (float)((b[o] - (double)mean[o]) * scale + beta[o]);
    }
}

static OrfWeight *
load_conv(OrfNetLoad *load, const char *name, size_t k, const char *norm)
{
    size_t n_out = orf_load_dim(load, 0, "%s.weight", name);
    size_t n_in = orf_load_dim(load, 1, "%s.weight", name);
    orf_autofree float *w =
        orf_load_values(load, ORF_SHAPE(n_out, n_in, k, k), "%s.weight", name);
    orf_autofree float *b = orf_load_values(load, ORF_SHAPE(n_out), "%s.bias", name);
    if (!w || !b)
        return NULL;
    if (norm && orf_load_has(load, "%s.weight", norm))
        fold(load, norm, w, b, n_out, n_in * k * k);
    return orf_load_keep_weight(load, orf_weight_new_conv(load->c, w, n_out, n_in, k, b));
}

static void
load_unit(OrfNetLoad *load, const char *stage, const char *unit, unsigned dilation, Stage *to)
{
    g_autofree char *conv = g_strdup_printf("%s.%s.conv_s1", stage, unit);
    g_autofree char *norm = g_strdup_printf("%s.%s.bn_s1", stage, unit);
    g_autofree char *weight = g_strdup_printf("%s.weight", conv);
    const OrfEntry *entry = orf_checkpoint_find(load->checkpoint, weight);
    if (entry && entry->dilation && entry->dilation != dilation)
        orf_load_fail(load, "\"%s\" has dilation %u, should be %u", weight, entry->dilation,
                      dilation);
    Unit *new = &to->units[to->n++];
    g_snprintf(new->name, sizeof new->name, "%s.%s", stage, unit);
    new->dilation = dilation;
    new->weight = load_conv(load, conv, 3, norm);
}

static void
load_stage(OrfNetLoad *load, const StageKind *kind, Stage *to)
{
    unsigned levels = kind->levels ? kind->levels : 4;
    char name[16];
    load_unit(load, kind->name, "rebnconvin", 1, to);
    for (unsigned i = 1; i <= levels; i++) {
        g_snprintf(name, sizeof name, "rebnconv%u", i);
        unsigned dilation = kind->levels ? (i == levels ? 2 : 1) : 1u << (i - 1);
        load_unit(load, kind->name, name, dilation, to);
    }
    for (unsigned i = levels - 1; i >= 1; i--) {
        g_snprintf(name, sizeof name, "rebnconv%ud", i);
        load_unit(load, kind->name, name, kind->levels ? 1 : 1u << (i - 1), to);
    }
}

/* What joins must fit: a wrong checkpoint is told at load, not found in the forward pass. */
static bool
widths_fit(const Stage *stage)
{
    for (unsigned i = 0; i < stage->n; i++)
        if (!stage->units[i].weight)
            return false;
    size_t out = orf_weight_n_out(stage->units[0].weight);
    unsigned levels = stage->n / 2;
    bool good = orf_weight_n_out(stage->units[stage->n - 1].weight) == out;
    for (unsigned i = 1; i <= levels; i++)
        good &= orf_weight_n_in(stage->units[i].weight) ==
                orf_weight_n_out(stage->units[i - 1].weight);
    for (unsigned i = levels + 1; i < stage->n; i++)
        good &= orf_weight_n_in(stage->units[i].weight) ==
                orf_weight_n_out(stage->units[i - 1].weight) +
                    orf_weight_n_out(stage->units[2 * levels - i].weight);
    return good;
}

static void
load_all(OrfNetLoad *load, OrfMatting *matting)
{
    if (orf_load_has(load, "conv_in.weight"))
        matting->conv_in = load_conv(load, "conv_in", 3, NULL);
    for (unsigned i = 0; i < N_STAGES && orf_compute_ok(load->c); i++) {
        load_stage(load, &kinds[i], &matting->stages[i]);
        if (orf_compute_ok(load->c) && !widths_fit(&matting->stages[i]))
            orf_load_fail(load, "the widths of %s do not fit each other", kinds[i].name);
    }
    for (unsigned i = 0; i < 6 && orf_compute_ok(load->c); i++) {
        g_autofree char *name = g_strdup_printf("side%u", i + 1);
        if (i == 0 || orf_load_has(load, "%s.weight", name))
            matting->sides[i] = load_conv(load, name, 3, NULL);
    }
    if (!matting->conv_in)
        matting->out = load_conv(load, "outconv", 1, NULL);
}

OrfMatting *
orf_matting_new(OrfCompute *c, const OrfCheckpoint *checkpoint)
{
    g_autoptr(OrfMatting) matting = g_new0(OrfMatting, 1);
    OrfNetLoad load;
    orf_load_init(&load, c, checkpoint, "");
    load_all(&load, matting);
    matting->keep = orf_load_steal_keep(&load);
    orf_load_clear(&load);
    return orf_compute_ok(c) ? g_steal_pointer(&matting) : NULL;
}

/* --- Forward ------------------------------------------------------------------------------ */

static OrfTensor *
unit(OrfCompute *c, const Unit *it, const OrfTensor *x)
{
    OrfTensor *y = orf_tensor_conv(
        c, x, it->weight,
        &(OrfConv){ .dilation = it->dilation, .pad = it->dilation, .relu = true });
    orf_compute_rung(c, y, "%s", it->name);
    return y;
}

static OrfTensor *
join(OrfCompute *c, const OrfTensor *deep, const OrfTensor *passed)
{
    return orf_tensor_concat(c, 3, (const OrfTensor *[]){ deep, passed }, 2);
}

static OrfTensor *
enlarge(OrfCompute *c, const OrfTensor *x, const OrfTensor *to)
{
    return orf_tensor_resize(c, x, orf_tensor_dim(to, 1), orf_tensor_dim(to, 2), NULL);
}

static OrfTensor *
run_stage(OrfCompute *c, const OrfMatting *matting, unsigned which, const OrfTensor *x)
{
    const Stage *stage = &matting->stages[which];
    bool pools = kinds[which].levels > 0;
    unsigned levels = stage->n / 2;
    OrfTensor *passed[8] = { NULL }; /* [1..levels - 1] */
    g_autoptr(OrfTensor) in = unit(c, &stage->units[0], x);
    g_autoptr(OrfTensor) h = orf_tensor_ref(in);
    for (unsigned i = 1; i < levels; i++) {
        if (pools && i > 1)
            orf_tensor_set(&h, orf_tensor_max_pool(c, h));
        orf_tensor_set(&h, unit(c, &stage->units[i], h));
        passed[i] = orf_tensor_ref(h);
    }
    orf_tensor_set(&h, unit(c, &stage->units[levels], h));
    for (unsigned i = levels - 1, u = levels + 1; i >= 1; i--, u++) {
        if (pools && i < levels - 1)
            orf_tensor_set(&h, enlarge(c, h, passed[i]));
        orf_tensor_set(&h, join(c, h, passed[i]));
        orf_tensor_set(&h, unit(c, &stage->units[u], h));
        orf_tensor_unref(passed[i]);
    }
    return orf_tensor_mix(c, 1, h, 1, in);
}

static OrfTensor *
side(OrfCompute *c, const OrfMatting *matting, unsigned i, const OrfTensor *x)
{
    OrfTensor *y = orf_tensor_conv(c, x, matting->sides[i], &(OrfConv){ .pad = 1 });
    orf_compute_rung(c, y, "side%u", i + 1);
    return y;
}

/* U2-Net: all six sides, enlarged to the first and mixed. */
static OrfTensor *
fuse(OrfCompute *c, const OrfMatting *matting, OrfTensor *const maps[6])
{
    g_autoptr(OrfTensor) all = side(c, matting, 0, maps[0]);
    g_autoptr(OrfTensor) first = orf_tensor_ref(all);
    for (unsigned i = 1; i < 6 && orf_compute_ok(c); i++) {
        g_autoptr(OrfTensor) small = side(c, matting, i, maps[i]);
        g_autoptr(OrfTensor) large = enlarge(c, small, first);
        orf_tensor_set(&all, join(c, all, large));
    }
    return orf_tensor_conv(c, all, matting->out, &(OrfConv){ 0 });
}

OrfTensor *
orf_matting_forward(OrfCompute *c, const OrfMatting *matting, const OrfTensor *x)
{
    OrfTensor *maps[6] = { NULL }; /* h1..h5 then d5..d1 in their places, and h6 */
    g_autoptr(OrfTensor) t = orf_tensor_ref((OrfTensor *)x);
    if (matting->conv_in) {
        orf_tensor_set(
            &t, orf_tensor_conv(c, x, matting->conv_in, &(OrfConv){ .step = 2, .pad = 1 }));
        orf_compute_rung(c, t, "conv_in");
    }
    for (unsigned i = 0; i < 6; i++) {
        if (i)
            orf_tensor_set(&t, orf_tensor_max_pool(c, t));
        orf_tensor_set(&t, run_stage(c, matting, i, t));
        orf_compute_rung(c, t, "h%u", i + 1);
        maps[i] = orf_tensor_ref(t);
    }
    for (unsigned i = 5; i-- > 0;) {
        g_autoptr(OrfTensor) large = maps[i] ? enlarge(c, t, maps[i]) : NULL;
        g_autoptr(OrfTensor) both = join(c, large, maps[i]);
        orf_tensor_set(&t, run_stage(c, matting, 10 - i, both));
        orf_compute_rung(c, t, "d%u", i + 1);
        orf_tensor_set(&maps[i], orf_tensor_ref(t));
    }
    g_autoptr(OrfTensor) y = !t                 ? NULL
                             : matting->conv_in ? side(c, matting, 0, maps[0])
                                                : fuse(c, matting, maps);
    for (unsigned i = 0; i < 6; i++)
        orf_tensor_unref(maps[i]);
    if (matting->conv_in && y)
        orf_tensor_set(&y, enlarge(c, y, x));
    return orf_tensor_act(c, y, ORF_ACT_SIGMOID);
}

/* --- The whole recipe --------------------------------------------------------------------- */

static void
prepare(const OrfMatting *matting, const uint8_t *bytes, size_t n, float *out)
{
    static const double u2_mean[] = { 0.485, 0.456, 0.406 }, u2_dev[] = { 0.229, 0.224, 0.225 };
    bool isnet = orf_matting_is_isnet(matting);
    double most = 1e-6;
    for (size_t i = 0; i < 3 * n; i++)
        most = MAX(most, bytes[i]);
    for (size_t i = 0; i < 3 * n; i++) {
        double mean = isnet ? 0.5 : u2_mean[i % 3], dev = isnet ? 1 : u2_dev[i % 3];
        out[i] = (float)((bytes[i] / most - mean) / dev);
    }
}

/* Stretched to 0..1, times 255, truncated; all zero when the response is flat. */
static double
to_bytes(const float *y, size_t n, uint8_t *out)
{
    float low = y[0], high = y[0];
    for (size_t i = 0; i < n; i++) {
        low = MIN(low, y[i]);
        high = MAX(high, y[i]);
    }
    for (size_t i = 0; i < n; i++)
        out[i] = high > low ? (uint8_t)((y[i] - low) / (high - low) * 255) : 0;
    return (double)high - low;
}

uint8_t *
orf_matting_mask(OrfCompute *c, const OrfMatting *matting, const uint8_t *rgb, size_t width,
                 size_t height, size_t side_, double *ret_contrast)
{
    size_t s = side_ ? side_ : orf_matting_is_isnet(matting) ? 1024 : 320;
    OrfTask *task = orf_compute_task(c);
    GError *error = NULL;
    orf_autofree uint8_t *bytes = ORF_ALLOC(task, uint8_t, s * s * 3, "picture", &error);
    orf_autofree float *values =
        bytes ? ORF_ALLOC(task, float, s *s * 3, "picture", &error) : NULL;
    orf_autofree uint8_t *mask =
        values ? ORF_ALLOC(task, uint8_t, width * height, "mask", &error) : NULL;
    if (!mask || !orf_resample_u8(task, ORF_RESAMPLE_LANCZOS, rgb, width, height, 3, bytes, s,
                                  s, &error)) {
        orf_compute_take_error(c, error);
        return NULL;
    }
    prepare(matting, bytes, s * s, values);
    g_autoptr(OrfTensor) x = orf_tensor_from(c, ORF_SHAPE(1, s, s, 3), values);
    g_autoptr(OrfTensor) y = orf_matting_forward(c, matting, x);
    if (!orf_tensor_read(c, y, values))
        return NULL;
    double contrast = to_bytes(values, s * s, bytes);
    if (ret_contrast)
        *ret_contrast = contrast;
    if (!orf_resample_u8(task, ORF_RESAMPLE_LANCZOS, bytes, s, s, 1, mask, width, height,
                         &error)) {
        orf_compute_take_error(c, error);
        return NULL;
    }
    return g_steal_pointer(&mask);
}
