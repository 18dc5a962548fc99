/* triposg.c - the decoder of TripoSG (Li et al. 2025): self attention over latents, then one
 * cross attention from every point.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Projections are laid side by side and split by head, as in hunyuan-moe.c; nothing normalises
 * q and k. Frequencies are 2^0..2^7 without pi, points stay f32, and the answer's sign is
 * turned: positive outside. */
#include "net/triposg.h"

#include <math.h>

enum { N_FREQS = 8, N_EMBED = 3 + 6 * N_FREQS };

typedef struct {
    OrfTensor *w, *b;
} Affine;

typedef struct {
    Affine norm1, norm3;
    OrfWeight *qkv, *out, *up, *down;
} Block;

struct OrfTripoSgVae {
    GPtrArray *keep;
    size_t width, channels, hidden, heads;
    unsigned depth; /* self blocks; the cross block follows */
    OrfWeight *post_quant, *query, *q, *kv, *out, *up, *down, *output;
    Affine norm2, norm3, norm_cross, norm_out;
    Block *blocks;
};

void
orf_triposg_vae_free(OrfTripoSgVae *vae)
{
    if (!vae)
        return;
    g_clear_pointer(&vae->keep, g_ptr_array_unref);
    g_free(vae->blocks);
    g_free(vae);
}

/* --- Loading ------------------------------------------------------------------------------ */

static Affine
affine(OrfNetLoad *load, size_t n, unsigned i, const char *name)
{
    return (
        Affine){ orf_load_tensor(load, ORF_SHAPE(n), "decoder.blocks.%u.%s.weight", i, name),
                 orf_load_tensor(load, ORF_SHAPE(n), "decoder.blocks.%u.%s.bias", i, name) };
}

static const char *const qkv[] = { "to_q", "to_k", "to_v" };

static void
load_self(OrfNetLoad *load, const OrfTripoSgVae *vae, unsigned i, Block *block)
{
    size_t w = vae->width;
    block->norm1 = affine(load, w, i, "norm1");
    block->norm3 = affine(load, w, i, "norm3");
    block->qkv = orf_load_stack(load, w, w, false, qkv, 3, "decoder.blocks.%u.attn1.", i);
    block->out = orf_load_linear(load, w, w, true, "decoder.blocks.%u.attn1.to_out.0", i);
    block->up =
        orf_load_linear(load, vae->hidden, w, true, "decoder.blocks.%u.ff.net.0.proj", i);
    block->down = orf_load_linear(load, w, vae->hidden, true, "decoder.blocks.%u.ff.net.2", i);
}

static void
load_cross(OrfNetLoad *load, OrfTripoSgVae *vae)
{
    size_t w = vae->width;
    unsigned i = vae->depth;
    OrfPrecision precision = orf_compute_precision(load->c);
    vae->norm2 = affine(load, w, i, "norm2");
    vae->norm3 = affine(load, w, i, "norm3");
    vae->norm_cross = affine(load, w, i, "attn2.norm_cross");
    vae->q = orf_load_linear(load, w, w, false, "decoder.blocks.%u.attn2.to_q", i);
    vae->kv = orf_load_stack(load, w, w, false, qkv + 1, 2, "decoder.blocks.%u.attn2.", i);
    vae->out = orf_load_linear(load, w, w, true, "decoder.blocks.%u.attn2.to_out.0", i);
    vae->up = orf_load_linear(load, vae->hidden, w, true, "decoder.blocks.%u.ff.net.0.proj", i);
    vae->down = orf_load_linear(load, w, vae->hidden, true, "decoder.blocks.%u.ff.net.2", i);
    orf_compute_set_precision(load->c, ORF_PRECISION_F32); /* coordinates are not rounded */
    vae->query = orf_load_linear(load, w, N_EMBED, true, "decoder.proj_query");
    orf_compute_set_precision(load->c, precision);
    vae->norm_out.w = orf_load_tensor(load, ORF_SHAPE(w), "decoder.norm_out.weight");
    vae->norm_out.b = orf_load_tensor(load, ORF_SHAPE(w), "decoder.norm_out.bias");
    vae->output = orf_load_linear(load, 1, w, true, "decoder.proj_out");
}

OrfTripoSgVae *
orf_triposg_vae_new(OrfCompute *c, const OrfCheckpoint *checkpoint, unsigned heads)
{
    g_autoptr(OrfTripoSgVae) vae = g_new0(OrfTripoSgVae, 1);
    OrfNetLoad load;
    orf_load_init(&load, c, checkpoint, "");
    vae->width = orf_load_dim(&load, 0, "post_quant.weight");
    vae->channels = orf_load_dim(&load, 1, "post_quant.weight");
    vae->hidden = orf_load_dim(&load, 0, "decoder.blocks.0.ff.net.0.proj.weight");
    vae->depth = orf_load_count(&load, "decoder.blocks.%u.norm1.weight");
    vae->heads = heads;
    if (!vae->width || !vae->hidden || !vae->depth || !heads || vae->width % heads)
        orf_load_fail(&load, "no decoder of TripoSG");
    else {
        vae->post_quant = orf_load_linear(&load, vae->width, vae->channels, true, "post_quant");
        vae->blocks = g_new0(Block, vae->depth);
        for (unsigned i = 0; i < vae->depth && orf_compute_ok(c); i++)
            load_self(&load, vae, i, &vae->blocks[i]);
        load_cross(&load, vae);
    }
    vae->keep = orf_load_steal_keep(&load);
    orf_load_clear(&load);
    return orf_compute_ok(c) ? g_steal_pointer(&vae) : NULL;
}

/* --- Forward ------------------------------------------------------------------------------ */

static OrfTensor *
norm(OrfCompute *c, const OrfTensor *x, const Affine *a)
{
    return orf_tensor_norm(c, x, &(OrfNorm){ .eps = 1e-5, .weight = a->w, .bias = a->b });
}

static OrfTensor *
feed(OrfCompute *c, const OrfTensor *x, const Affine *a, const OrfWeight *up,
     const OrfWeight *down)
{
    g_autoptr(OrfTensor) h = norm(c, x, a);
    g_autoptr(OrfTensor) u = orf_tensor_linear(c, h, up, &(OrfLinear){ ORF_ACT_GELU });
    return orf_tensor_linear(c, u, down, &(OrfLinear){ .add = x });
}

/* Part `i` of `parts` of every head, heads apart. */
static OrfTensor *
part(OrfCompute *c, const OrfTripoSgVae *vae, const OrfTensor *packed, size_t i, size_t parts)
{
    size_t d = vae->width / vae->heads;
    return orf_tensor_slice(c, packed, 2, i * d, ((vae->heads - 1) * parts + 1) * d);
}

static OrfTensor *
self_block(OrfCompute *c, const OrfTripoSgVae *vae, const Block *block, const OrfTensor *x)
{
    size_t d = vae->width / vae->heads;
    g_autoptr(OrfTensor) h = norm(c, x, &block->norm1);
    g_autoptr(OrfTensor) packed = orf_tensor_linear(c, h, block->qkv, NULL);
    g_autoptr(OrfTensor) q = part(c, vae, packed, 0, 3);
    g_autoptr(OrfTensor) k = part(c, vae, packed, 1, 3);
    g_autoptr(OrfTensor) v = part(c, vae, packed, 2, 3);
    OrfAttention how = {
        .heads = vae->heads, .dim = d, .q_stride = 3 * d, .k_stride = 3 * d, .v_stride = 3 * d
    };
    g_autoptr(OrfTensor) a = orf_tensor_attention(c, q, k, v, &how);
    g_autoptr(OrfTensor) y = orf_tensor_linear(c, a, block->out, &(OrfLinear){ .add = x });
    return feed(c, y, &block->norm3, block->up, block->down);
}

OrfTensor *
orf_triposg_vae_keys(OrfCompute *c, const OrfTripoSgVae *vae, const OrfTensor *z)
{
    g_autoptr(OrfTensor) x = orf_tensor_linear(c, z, vae->post_quant, NULL);
    orf_compute_rung(c, x, "post_quant");
    for (unsigned i = 0; i < vae->depth && orf_compute_ok(c); i++) {
        orf_tensor_set(&x, self_block(c, vae, &vae->blocks[i], x));
        orf_compute_rung(c, x, "block%u", i);
    }
    g_autoptr(OrfTensor) m = norm(c, x, &vae->norm_cross);
    orf_compute_rung(c, m, "norm_cross");
    return orf_tensor_linear(c, m, vae->kv, NULL);
}

static OrfTensor *
embed(OrfCompute *c, const float *points, size_t batch, size_t n)
{
    GError *error = NULL;
    orf_autofree float *e =
        ORF_ALLOC(orf_compute_task(c), float, batch *n *N_EMBED, "points", &error);
    if (!e) {
        orf_compute_take_error(c, error);
        return NULL;
    }
    for (size_t i = 0; i < batch * n; i++)
        for (size_t a = 0; a < 3; a++) {
            float *row = e + i * N_EMBED;
            row[a] = points[3 * i + a];
            for (size_t f = 0; f < N_FREQS; f++) {
                float angle = points[3 * i + a] * (float)(1u << f);
                row[3 + a * N_FREQS + f] = sinf(angle);
                row[3 + (3 + a) * N_FREQS + f] = cosf(angle);
            }
        }
    return orf_tensor_from(c, ORF_SHAPE(batch, n, N_EMBED), e);
}

OrfTensor *
orf_triposg_vae_query(OrfCompute *c, const OrfTripoSgVae *vae, const OrfTensor *keys,
                      const float *points, size_t n)
{
    if (!keys)
        return NULL;
    size_t d = vae->width / vae->heads;
    g_autoptr(OrfTensor) e = embed(c, points, orf_tensor_dim(keys, 0), n);
    g_autoptr(OrfTensor) x = orf_tensor_linear(c, e, vae->query, NULL);
    g_autoptr(OrfTensor) h = norm(c, x, &vae->norm2);
    g_autoptr(OrfTensor) q = orf_tensor_linear(c, h, vae->q, NULL);
    g_autoptr(OrfTensor) k = part(c, vae, keys, 0, 2), v = part(c, vae, keys, 1, 2);
    OrfAttention how = { .heads = vae->heads, .dim = d, .k_stride = 2 * d, .v_stride = 2 * d };
    g_autoptr(OrfTensor) a = orf_tensor_attention(c, q, k, v, &how);
    orf_tensor_set(&x, orf_tensor_linear(c, a, vae->out, &(OrfLinear){ .add = x }));
    orf_tensor_set(&x, feed(c, x, &vae->norm3, vae->up, vae->down));
    g_autoptr(OrfTensor) last = norm(c, x, &vae->norm_out);
    g_autoptr(OrfTensor) f = orf_tensor_linear(c, last, vae->output, NULL);
    return orf_tensor_mix(c, -1, f, 0, f);
}
