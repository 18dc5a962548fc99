/* verify-volume.c - recorded grids of the coarse-to-fine decoder.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "net/hunyuan.h"
#include "net/verify.h"
#include "net/volume.h"

#include <math.h>

typedef struct {
    OrfCompute *c;
    const OrfShapeVae *vae;
    const OrfShapeKeys *keys;
} Field;

static bool
ask(const float *points, size_t n, float *ret_values, void *data, GError **error)
{
    const Field *field = data;
    g_autoptr(OrfTensor) logits =
        orf_shape_vae_query(field->c, field->vae, field->keys, points, n);
    orf_tensor_read(field->c, logits, ret_values);
    return orf_compute_end(field->c, error);
}

typedef struct {
    OrfCase *it;
    const char *run;
} Seen;

/* Marks: the share that differs. Values: of the samples both have, in order of the flat index.
 */
static void
compare_level(unsigned level, const float *grid, size_t side, void *data)
{
    const Seen *seen = data;
    OrfCase *it = seen->it;
    g_autofree char *mask_name = g_strdup_printf("out.%s.l%u.mask", seen->run, level);
    g_autofree char *value_name = g_strdup_printf("out.%s.l%u.values", seen->run, level);
    OrfShape bits = { 0 }, count = { 0 };
    orf_autofree float *mask = orf_case_values(it, mask_name, &bits);
    orf_autofree float *values = orf_case_values(it, value_name, &count);
    size_t n = side * side * side, at = 0, wrong = 0;
    double worst = 0, most = 1e-30;
    if (!mask || !values || orf_shape_size(&bits) * 8 < n)
        return;
    for (size_t i = 0; i < n; i++) {
        bool should = (unsigned)mask[i / 8] >> (i % 8) & 1;
        wrong += should == isnan(grid[i]);
        if (!should || at >= orf_shape_size(&count))
            continue;
        if (!isnan(grid[i]))
            worst = MAX(worst, fabs((double)grid[i] - values[at]));
        most = MAX(most, fabs((double)values[at]));
        at++;
    }
    orf_case_tell(it, mask_name, (double)wrong / (double)n, it->block_limit < 1e-3 ? 0 : 1e-2);
    orf_case_tell(it, value_name, worst / most, it->end_limit);
}

static void
run_levels(OrfCase *it, Field *field, const char *run, unsigned cells, unsigned least)
{
    g_autofree char *name = g_strdup_printf("out.%s.l0.mask", run);
    OrfVolume volume = {
        .low = -1.01, .high = 1.01, .swap = true, .field = ask, .data = field
    };
    volume.n_levels = orf_volume_levels(cells, least, false, volume.levels);
    if (!orf_case_has(it, name))
        return;
    Seen seen = { it, run };
    GError *error = NULL;
    orf_autofree float *grid =
        orf_volume_sample_seen(it->task, &volume, compare_level, &seen, &error);
    if (!grid)
        orf_compute_take_error(it->c, error);
}

/* Rows: wish, kind, then levels padded with -1. */
static void
compare_lists(OrfCase *it)
{
    OrfShape shape = { 0 };
    orf_autofree float *rows = orf_case_values(it, "out.levels", &shape);
    size_t wrong = 0;
    for (size_t r = 0; rows && r < shape.dim[0]; r++) {
        const float *row = rows + r * shape.dim[1];
        unsigned levels[ORF_VOLUME_LEVELS];
        unsigned n = orf_volume_levels((unsigned)row[0], 0, row[1] > 0, levels);
        for (size_t i = 2; i < shape.dim[1]; i++) {
            float have = i - 2 < n ? (float)levels[i - 2] : -1;
            wrong += have != row[i];
        }
    }
    if (rows)
        orf_case_tell(it, "out.levels", (double)wrong, 0);
}

static void
verify_volume(OrfCase *it)
{
    double scale = orf_config_number(it->config, "params.scale_factor", 1);
    g_autoptr(OrfShapeVae) vae = orf_shape_vae_new(it->c, it->weights, "", scale);
    compare_lists(it);
    if (!vae)
        return;
    g_autoptr(OrfTensor) z = orf_case_tensor(it, "in.z");
    g_autoptr(OrfTensor) features = orf_shape_vae_features(it->c, vae, z);
    orf_case_compare(it, "mid.features", features, it->end_limit);
    OrfShapeKeys keys = orf_shape_vae_keys(it->c, vae, features);
    Field field = { it->c, vae, &keys };
    OrfVolume dense = { .levels = { 28 },
                        .n_levels = 1,
                        .low = -1.01,
                        .high = 1.01,
                        .swap = true,
                        .field = ask,
                        .data = &field };
    GError *error = NULL;
    orf_autofree float *grid = orf_volume_sample(it->task, &dense, &error);
    if (grid)
        orf_case_compare_values(it, "out.vanilla.grid", grid, 29 * 29 * 29, it->end_limit);
    else
        orf_compute_take_error(it->c, error);
    run_levels(it, &field, "hier", 35, 7);
    orf_shape_keys_clear(&keys);
}

const OrfCaseKind orf_cases_volume[] = {
    { "out.vanilla.grid", "geo_decoder.query_proj.weight", verify_volume },
    { NULL, NULL, NULL },
};
