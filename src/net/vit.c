/* vit.c - vision transformers as DINO and DINOv2 publish them (Caron et al. 2021, Oquab et al.
 * 2023).
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 *     x = [class ; patches] + positions
 *     x += scale1 * dense(attention(norm1 x));  x += scale2 * ffn(norm2 x)
 *     norm
 *
 * The two generations differ in names, in LayerScale, and in the feed-forward: GELU (erf) or
 * SwiGLU whose first half is the gate. */
#include "net/vit.h"

typedef struct {
    OrfTensor *norm1_w, *norm1_b, *norm2_w, *norm2_b, *scale1, *scale2;
    OrfWeight *qkv, *out, *up, *down;
} Block;

struct OrfVit {
    GPtrArray *keep;
    size_t width, hidden, table; /* table: side of the stored grid of positions */
    unsigned patch, depth, heads;
    double eps;
    bool gated, stretched_grid;
    OrfWeight *embed;
    OrfTensor *class_token, *positions, *norm_w, *norm_b;
    Block *blocks;
};

void
orf_vit_free(OrfVit *vit)
{
    if (!vit)
        return;
    g_clear_pointer(&vit->keep, g_ptr_array_unref);
    g_free(vit->blocks);
    g_free(vit);
}

size_t
orf_vit_width(const OrfVit *vit)
{
    return vit->width;
}

unsigned
orf_vit_patch(const OrfVit *vit)
{
    return vit->patch;
}

static const char *const qkv_names[] = { "query", "key", "value" };

static void
load_block(OrfNetLoad *load, OrfVit *vit, unsigned i)
{
    Block *block = &vit->blocks[i];
    size_t d = vit->width;
    bool v2 = orf_load_has(load, "encoder.layer.%u.norm1.weight", i);
    const char *norm1 = v2 ? "norm1" : "layernorm_before";
    const char *norm2 = v2 ? "norm2" : "layernorm_after";
    block->norm1_w =
        orf_load_tensor(load, ORF_SHAPE(d), "encoder.layer.%u.%s.weight", i, norm1);
    block->norm1_b = orf_load_tensor(load, ORF_SHAPE(d), "encoder.layer.%u.%s.bias", i, norm1);
    block->norm2_w =
        orf_load_tensor(load, ORF_SHAPE(d), "encoder.layer.%u.%s.weight", i, norm2);
    block->norm2_b = orf_load_tensor(load, ORF_SHAPE(d), "encoder.layer.%u.%s.bias", i, norm2);
    block->qkv = orf_load_stack(load, d, d, true, qkv_names, 3,
                                "encoder.layer.%u.attention.attention.", i);
    block->out =
        orf_load_linear(load, d, d, true, "encoder.layer.%u.attention.output.dense", i);
    const char *up = vit->gated ? "mlp.weights_in" : v2 ? "mlp.fc1" : "intermediate.dense";
    const char *down = vit->gated ? "mlp.weights_out" : v2 ? "mlp.fc2" : "output.dense";
    size_t hidden = vit->hidden;
    block->up = orf_load_linear(load, vit->gated ? 2 * hidden : hidden, d, true,
                                "encoder.layer.%u.%s", i, up);
    block->down = orf_load_linear(load, d, hidden, true, "encoder.layer.%u.%s", i, down);
    if (!v2)
        return;
    block->scale1 =
        orf_load_tensor(load, ORF_SHAPE(d), "encoder.layer.%u.layer_scale1.lambda1", i);
    block->scale2 =
        orf_load_tensor(load, ORF_SHAPE(d), "encoder.layer.%u.layer_scale2.lambda1", i);
}

static bool
read_sizes(OrfNetLoad *load, OrfVit *vit, const OrfVitOptions *options)
{
    vit->width = orf_load_dim(load, 0, "embeddings.patch_embeddings.projection.weight");
    vit->patch =
        (unsigned)orf_load_dim(load, 2, "embeddings.patch_embeddings.projection.weight");
    vit->depth = orf_load_count(load, "encoder.layer.%u.attention.output.dense.weight");
    size_t rows = orf_load_dim(load, 1, "embeddings.position_embeddings");
    while ((vit->table + 1) * (vit->table + 1) + 1 <= rows)
        vit->table++;
    vit->gated = orf_load_has(load, "encoder.layer.0.mlp.weights_in.weight");
    vit->hidden = vit->gated ? orf_load_dim(load, 1, "encoder.layer.0.mlp.weights_out.weight")
                  : orf_load_has(load, "encoder.layer.0.mlp.fc1.weight")
                      ? orf_load_dim(load, 0, "encoder.layer.0.mlp.fc1.weight")
                      : orf_load_dim(load, 0, "encoder.layer.0.intermediate.dense.weight");
    vit->heads = options->heads ? options->heads : (unsigned)(vit->width / 64);
    vit->eps = options->eps;
    vit->stretched_grid = options->stretched_grid;
    if (vit->width && vit->patch && vit->depth && vit->table && vit->hidden && vit->heads &&
        vit->width % vit->heads == 0 && vit->table * vit->table + 1 == rows)
        return true;
    orf_load_fail(load, "no picture encoder of the DINO family under \"%s\"", load->prefix);
    return false;
}

static void
load_all(OrfNetLoad *load, OrfVit *vit)
{
    size_t d = vit->width, p = vit->patch, rows = vit->table * vit->table + 1;
    orf_autofree float *kernel = orf_load_values(
        load, ORF_SHAPE(d, 3, p, p), "embeddings.patch_embeddings.projection.weight");
    orf_autofree float *bias =
        orf_load_values(load, ORF_SHAPE(d), "embeddings.patch_embeddings.projection.bias");
    vit->embed =
        orf_load_keep_weight(load, orf_weight_new(load->c, kernel, d, 3 * p * p, bias));
    vit->class_token = orf_load_tensor(load, ORF_SHAPE(1, 1, d), "embeddings.cls_token");
    vit->positions =
        orf_load_tensor(load, ORF_SHAPE(1, rows, d), "embeddings.position_embeddings");
    vit->blocks = g_new0(Block, vit->depth);
    for (unsigned i = 0; i < vit->depth && orf_compute_ok(load->c); i++)
        load_block(load, vit, i);
    vit->norm_w = orf_load_tensor(load, ORF_SHAPE(d), "layernorm.weight");
    vit->norm_b = orf_load_tensor(load, ORF_SHAPE(d), "layernorm.bias");
}

OrfVit *
orf_vit_new(OrfCompute *c, const OrfCheckpoint *checkpoint, const char *prefix,
            const OrfVitOptions *options)
{
    g_autoptr(OrfVit) vit = g_new0(OrfVit, 1);
    OrfNetLoad load;
    orf_load_init(&load, c, checkpoint, prefix);
    if (read_sizes(&load, vit, options))
        load_all(&load, vit);
    vit->keep = orf_load_steal_keep(&load);
    orf_load_clear(&load);
    return orf_compute_ok(c) ? g_steal_pointer(&vit) : NULL;
}

/* --- Forward ------------------------------------------------------------------------------ */

/* The stored grid stretched to h x w by a cubic; a grid that fits is used as it is. */
static OrfTensor *
positions_for(OrfCompute *c, const OrfVit *vit, size_t h, size_t w)
{
    size_t t = vit->table;
    if (h == t && w == t)
        return orf_tensor_ref(vit->positions);
    g_autoptr(OrfTensor) first = orf_tensor_slice(c, vit->positions, 1, 0, 1);
    g_autoptr(OrfTensor) rest = orf_tensor_slice(c, vit->positions, 1, 1, t * t);
    g_autoptr(OrfTensor) grid = orf_tensor_reshape(c, rest, ORF_SHAPE(1, t, t, vit->width));
    OrfResize how = { .cubic = true };
    if (vit->stretched_grid)
        how.step = (double)t / ((double)h + 0.1);
    g_autoptr(OrfTensor) large = orf_tensor_resize(c, grid, h, w, &how);
    g_autoptr(OrfTensor) rows = orf_tensor_reshape(c, large, ORF_SHAPE(1, h * w, vit->width));
    return orf_tensor_concat(c, 1, (const OrfTensor *[]){ first, rows }, 2);
}

static OrfTensor *
embed(OrfCompute *c, const OrfVit *vit, const OrfTensor *pixels)
{
    size_t batch = orf_tensor_dim(pixels, 0);
    size_t h = orf_tensor_dim(pixels, 2) / vit->patch,
           w = orf_tensor_dim(pixels, 3) / vit->patch;
    g_autoptr(OrfTensor) patches = orf_tensor_patches(c, pixels, vit->patch);
    g_autoptr(OrfTensor) tokens = orf_tensor_linear(c, patches, vit->embed, NULL);
    orf_compute_rung(c, tokens, "patch");
    g_autoptr(OrfTensor) flat_class =
        orf_tensor_reshape(c, vit->class_token, ORF_SHAPE(1, vit->width));
    g_autoptr(OrfTensor) classes = orf_tensor_repeat(c, flat_class, batch);
    g_autoptr(OrfTensor) all =
        orf_tensor_concat(c, 1, (const OrfTensor *[]){ classes, tokens }, 2);
    g_autoptr(OrfTensor) positions = positions_for(c, vit, h, w);
    orf_compute_rung(c, positions, "pos");
    OrfTensor *x = orf_tensor_mix(c, 1, all, 1, positions);
    orf_compute_rung(c, x, "embed");
    return x;
}

static OrfTensor *
norm(OrfCompute *c, const OrfVit *vit, const OrfTensor *x, OrfTensor *weight, OrfTensor *bias)
{
    return orf_tensor_norm(c, x, &(OrfNorm){ .eps = vit->eps, .weight = weight, .bias = bias });
}

static OrfTensor *
attend(OrfCompute *c, const OrfVit *vit, unsigned i, const OrfTensor *x)
{
    const Block *block = &vit->blocks[i];
    size_t d = vit->width;
    g_autoptr(OrfTensor) h = norm(c, vit, x, block->norm1_w, block->norm1_b);
    orf_compute_rung(c, h, "l%u.norm1", i);
    g_autoptr(OrfTensor) qkv = orf_tensor_linear(c, h, block->qkv, NULL);
    g_autoptr(OrfTensor) q = orf_tensor_slice(c, qkv, 2, 0, d);
    g_autoptr(OrfTensor) k = orf_tensor_slice(c, qkv, 2, d, d);
    g_autoptr(OrfTensor) v = orf_tensor_slice(c, qkv, 2, 2 * d, d);
    orf_compute_rung(c, q, "l%u.q", i);
    orf_compute_rung(c, k, "l%u.k", i);
    orf_compute_rung(c, v, "l%u.v", i);
    OrfAttention how = { .heads = vit->heads, .dim = d / vit->heads };
    g_autoptr(OrfTensor) a = orf_tensor_attention(c, q, k, v, &how);
    orf_compute_rung(c, a, "l%u.attn", i);
    OrfTensor *y =
        orf_tensor_linear(c, a, block->out, &(OrfLinear){ .gate = block->scale1, .add = x });
    orf_compute_rung(c, y, "l%u.mid", i);
    return y;
}

static OrfTensor *
feed(OrfCompute *c, const OrfVit *vit, unsigned i, const OrfTensor *x)
{
    const Block *block = &vit->blocks[i];
    g_autoptr(OrfTensor) h = norm(c, vit, x, block->norm2_w, block->norm2_b);
    g_autoptr(OrfTensor) u = orf_tensor_linear(c, h, block->up, NULL);
    orf_compute_rung(c, u, "l%u.ffn_in", i);
    g_autoptr(OrfTensor) a = vit->gated ? orf_tensor_glu(c, u, ORF_ACT_SILU, true)
                                        : orf_tensor_act(c, u, ORF_ACT_GELU);
    orf_compute_rung(c, a, "l%u.ffn_act", i);
    OrfTensor *y =
        orf_tensor_linear(c, a, block->down, &(OrfLinear){ .gate = block->scale2, .add = x });
    orf_compute_rung(c, y, "l%u.out", i);
    return y;
}

OrfTensor *
orf_vit_forward(OrfCompute *c, const OrfVit *vit, const OrfTensor *pixels)
{
    if (!pixels)
        return NULL;
    g_autoptr(OrfTensor) x = embed(c, vit, pixels);
    for (unsigned i = 0; i < vit->depth && orf_compute_ok(c); i++) {
        orf_tensor_set(&x, attend(c, vit, i, x));
        orf_tensor_set(&x, feed(c, vit, i, x));
    }
    return norm(c, vit, x, vit->norm_w, vit->norm_b);
}
