/* verify.c - runs a net on a recorded case and compares rung by rung.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * A case is a folder with published weights, their configuration and case.safetensors: inputs
 * ("in."), what came on the way ("mid.") and results ("out.") of the reference implementation.
 * The first rung that is off names the operation that is wrong. */
#include "net/verify.h"

#include <math.h>
#include <string.h>

/* --- The record --------------------------------------------------------------------------- */

bool
orf_case_has(const OrfCase *it, const char *name)
{
    return orf_checkpoint_find(it->record, name) != NULL;
}

float *
orf_case_values(OrfCase *it, const char *name, OrfShape *ret_shape)
{
    const OrfEntry *entry = orf_checkpoint_find(it->record, name);
    GError *error = NULL;
    if (!entry) {
        if (ret_shape)
            orf_compute_take_error(it->c, g_error_new(ORF_ERROR, ORF_ERROR_BAD_INPUT,
                                                      "%s: \"%s\" is missing",
                                                      orf_checkpoint_name(it->record), name));
        return NULL;
    }
    orf_autofree float *values =
        ORF_ALLOC(it->task, float, MAX(entry->count, 1), "recorded case", &error);
    if (!values || !orf_entry_read(entry, values, &error)) {
        orf_compute_take_error(it->c, error);
        return NULL;
    }
    for (unsigned i = 0; ret_shape && i < entry->rank; i++)
        ret_shape->dim[i] = entry->shape[i];
    if (ret_shape)
        ret_shape->rank = entry->rank;
    return g_steal_pointer(&values);
}

OrfTensor *
orf_case_tensor(OrfCase *it, const char *name)
{
    OrfShape shape = { 0 };
    orf_autofree float *values = orf_case_values(it, name, &shape);
    return values ? orf_tensor_from(it->c, shape, values) : NULL;
}

char *
orf_case_file(const OrfCase *it, const char *name)
{
    return g_build_filename(it->folder, name, NULL);
}

/* --- Comparing ---------------------------------------------------------------------------- */

void
orf_case_tell(OrfCase *it, const char *name, double error, double limit)
{
    OrfRung rung = { name, error, limit, error <= limit };
    it->bad |= !rung.good;
    if (it->each)
        it->each(&rung, it->data);
}

static double
distance(const float *a, const float *b, size_t n)
{
    double worst = 0, most = 1e-30;
    for (size_t i = 0; i < n; i++) {
        if (isnan(a[i]) && isnan(b[i]))
            continue;
        double off = fabs((double)a[i] - b[i]);
        worst = off <= worst ? worst : off; /* NaN counts */
        if (isnan(off))
            worst = INFINITY;
        most = MAX(most, fabs((double)b[i]));
    }
    return worst / most;
}

void
orf_case_compare_values(OrfCase *it, const char *name, const float *values, size_t n,
                        double limit)
{
    OrfShape shape = { 0 };
    orf_autofree float *want = orf_case_values(it, name, &shape);
    if (!want)
        return;
    bool same = orf_shape_size(&shape) == n;
    orf_case_tell(it, name, same ? distance(values, want, n) : INFINITY, limit);
}

void
orf_case_compare_bytes(OrfCase *it, const char *name, const uint8_t *bytes, size_t n,
                       unsigned slack, double limit)
{
    OrfShape shape = { 0 };
    orf_autofree float *want = orf_case_values(it, name, &shape);
    if (!want)
        return;
    size_t off = 0;
    for (size_t i = 0; i < n && orf_shape_size(&shape) == n; i++)
        off += fabsf((float)bytes[i] - want[i]) > (float)slack;
    double share = orf_shape_size(&shape) == n ? (double)off / (double)MAX(n, 1) : INFINITY;
    orf_case_tell(it, name, share, limit);
}

/* [batch, heads, tokens, dim] as recorded to [batch, tokens, heads * dim] as computed. */
static float *
heads_together(const float *from, const OrfShape *shape)
{
    size_t b = shape->dim[0], h = shape->dim[1], t = shape->dim[2], d = shape->dim[3];
    float *to = g_new(float, MAX(b * h * t * d, 1));
    for (size_t i = 0; i < b; i++)
        for (size_t j = 0; j < h; j++)
            for (size_t k = 0; k < t; k++)
                memcpy(to + ((i * t + k) * h + j) * d, from + ((i * h + j) * t + k) * d,
                       d * sizeof *to);
    return to;
}

static bool
by_heads(const OrfShape *want, const OrfTensor *have)
{
    unsigned r = orf_tensor_shape(have)->rank;
    return want->rank == 4 && r == 3 && want->dim[1] > 1 &&
           orf_tensor_dim(have, 1) == want->dim[2] &&
           orf_tensor_columns(have) == want->dim[1] * want->dim[3];
}

void
orf_case_compare(OrfCase *it, const char *name, const OrfTensor *tensor, double limit)
{
    OrfShape shape = { 0 };
    orf_autofree float *want = tensor ? orf_case_values(it, name, &shape) : NULL;
    if (!want)
        return;
    size_t n = orf_shape_size(orf_tensor_shape(tensor));
    g_autofree float *have = g_new(float, MAX(n, 1));
    if (!orf_tensor_read(it->c, tensor, have))
        return;
    if (orf_shape_size(&shape) != n) {
        orf_case_tell(it, name, INFINITY, limit);
        return;
    }
    g_autofree float *turned = by_heads(&shape, tensor) ? heads_together(want, &shape) : NULL;
    orf_case_tell(it, name, distance(have, turned ? turned : want, n), limit);
}

/* "blocks[3]" is slice 3 of "blocks". */
static bool
compare_slice(OrfCase *it, const char *name, const OrfTensor *tensor)
{
    const char *bracket = strchr(name, '[');
    if (!bracket)
        return false;
    g_autofree char *base = g_strndup(name, (gsize)(bracket - name));
    size_t i = (size_t)g_ascii_strtoull(bracket + 1, NULL, 10);
    size_t n = orf_shape_size(orf_tensor_shape(tensor));
    OrfShape shape = { 0 };
    orf_autofree float *want =
        orf_case_has(it, base) ? orf_case_values(it, base, &shape) : NULL;
    if (!want || orf_shape_size(&shape) < (i + 1) * n ||
        shape.dim[0] * n != orf_shape_size(&shape))
        return true;
    g_autofree float *have = g_new(float, MAX(n, 1));
    if (orf_tensor_read(it->c, tensor, have))
        orf_case_tell(it, name, distance(have, want + i * n, n), it->block_limit);
    return true;
}

static const char *
recorded_name(const OrfCase *it, const char *rung)
{
    for (size_t i = 0; it->names && it->names[i][0]; i++)
        if (g_str_equal(it->names[i][0], rung))
            return it->names[i][1];
    return rung;
}

static void
hear(OrfCompute *c, const char *rung, const OrfTensor *tensor, void *data)
{
    (void)c;
    OrfCase *it = data;
    g_autofree char *name = g_strconcat(it->prefix, recorded_name(it, rung), NULL);
    if (compare_slice(it, name, tensor) || !orf_case_has(it, name))
        return;
    orf_case_compare(it, name, tensor, it->block_limit);
}

void
orf_case_watch(OrfCase *it, const char *prefix)
{
    it->prefix = prefix;
    orf_compute_set_rung(it->c, prefix ? hear : NULL, it);
}

/* --- Which kind of case ------------------------------------------------------------------- */

static const OrfCaseKind *const tables[] = { orf_cases_hunyuan, orf_cases_matting,
                                             orf_cases_triposr, orf_cases_chain,
                                             orf_cases_volume,  orf_cases_triposg };

static bool
fits(const OrfCase *it, const OrfCaseKind *kind)
{
    return orf_case_has(it, kind->needs) &&
           (!kind->weight || (it->weights && orf_checkpoint_find(it->weights, kind->weight)));
}

static const OrfCaseKind *
find_kind(const OrfCase *it)
{
    for (size_t t = 0; t < G_N_ELEMENTS(tables); t++)
        for (const OrfCaseKind *kind = tables[t]; kind->needs; kind++)
            if (fits(it, kind))
                return kind;
    return NULL;
}

static OrfCheckpoint *
open_first(OrfTask *task, const char *folder, const char *const *names, GError **error)
{
    for (size_t i = 0; names[i]; i++) {
        g_autofree char *path = g_build_filename(folder, names[i], NULL);
        if (g_file_test(path, G_FILE_TEST_EXISTS))
            return orf_checkpoint_open(task, path, NULL, error);
    }
    return NULL;
}

static bool
open_case(OrfCase *it, GError **error)
{
    static const char *const weights[] = { "weights.safetensors", "model.fp16.safetensors",
                                           "model.fp16.ckpt",     "model.ckpt",
                                           "model.safetensors",   NULL };
    static const char *const configs[] = { "config.yaml", "config.json", NULL };
    g_autofree char *record = orf_case_file(it, "case.safetensors");
    it->record = orf_checkpoint_open(it->task, record, NULL, error);
    if (!it->record)
        return false;
    GError *why = NULL;
    it->weights = open_first(it->task, it->folder, weights, &why);
    for (size_t i = 0; configs[i] && !it->config && !why; i++) {
        g_autofree char *path = orf_case_file(it, configs[i]);
        if (g_file_test(path, G_FILE_TEST_EXISTS))
            it->config = orf_config_load(path, &why);
    }
    if (!why)
        return true;
    g_propagate_error(error, why);
    return false;
}

static void
set_limits(OrfCase *it, OrfPrecision precision)
{
    static const double limits[][2] = { { 1e-5, 1e-4 }, { 3e-2, 3e-2 }, { 6e-2, 6e-2 } };
    it->block_limit = limits[precision][0];
    it->end_limit = limits[precision][1];
}

static void
case_clear(OrfCase *it)
{
    orf_checkpoint_unref(it->record);
    orf_checkpoint_unref(it->weights);
    orf_config_free(it->config);
    orf_compute_free(it->c);
}

static bool
run(OrfCase *it, GError **error)
{
    if (!it->c || !open_case(it, error))
        return false;
    const OrfCaseKind *kind = find_kind(it);
    if (!kind)
        return ORF_FALSE(error, UNSUPPORTED, "%s: no kind of recorded case that is known here",
                         it->folder);
    kind->run(it);
    return orf_compute_end(it->c, error) && !it->bad;
}

bool
orf_net_verify(OrfTask *task, const char *folder, const OrfComputeOptions *options,
               OrfVerifyFn each, void *data, GError **error)
{
    OrfCase it = { .task = task, .folder = folder, .each = each, .data = data };
    set_limits(&it, options ? options->precision : ORF_PRECISION_F32);
    it.c = orf_compute_new(task, options, error);
    bool good = run(&it, error);
    case_clear(&it);
    return good;
}
