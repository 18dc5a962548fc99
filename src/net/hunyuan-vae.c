/* hunyuan-vae.c - latents to a field: a transformer over the latent set, then one cross
 * attention from every queried point.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Projections are packed by head: head i owns q, k, v of its own, side by side. Norms of q and
 * k are LayerNorm with weight and bias. The small decoder (for FlashVDM) has half the width, no
 * norm after the block and none on its q and k. Frequencies are 2^0..2^7 without pi; points
 * stay in f32 (bf16 coordinates would shake the surface). */
#include "net/hunyuan.h"

#include <math.h>

enum { N_FREQS = 8, N_EMBED = 3 + 6 * N_FREQS };

typedef struct {
    OrfTensor *w, *b;
} Affine;

typedef struct {
    Affine ln_1, ln_2, q_norm, k_norm;
    OrfWeight *qkv, *proj, *up, *down;
} Block;

struct OrfShapeVae {
    GPtrArray *keep;
    size_t width, channels, head, hidden, geo, geo_hidden;
    unsigned depth;
    double scale_factor;
    OrfWeight *post_kl;
    Block *blocks;
    OrfWeight *latents_proj, *query_proj, *c_q, *c_kv, *geo_proj, *geo_up, *geo_down, *output;
    Affine geo_ln[3], geo_q_norm, geo_k_norm, ln_post; /* norms: NULL in the small decoder */
};

void
orf_shape_vae_free(OrfShapeVae *vae)
{
    if (!vae)
        return;
    g_clear_pointer(&vae->keep, g_ptr_array_unref);
    g_free(vae->blocks);
    g_free(vae);
}

/* --- Loading ------------------------------------------------------------------------------ */

static Affine
load_affine(OrfNetLoad *load, size_t n, const char *name)
{
    return (Affine){ orf_load_tensor(load, ORF_SHAPE(n), "%s.weight", name),
                     orf_load_tensor(load, ORF_SHAPE(n), "%s.bias", name) };
}

static Affine
load_affine_of(OrfNetLoad *load, size_t n, unsigned i, const char *name)
{
    g_autofree char *full = g_strdup_printf("transformer.resblocks.%u.%s", i, name);
    return load_affine(load, n, full);
}

static void
load_block(OrfNetLoad *load, const OrfShapeVae *vae, unsigned i, Block *block)
{
    size_t w = vae->width;
    block->ln_1 = load_affine_of(load, w, i, "ln_1");
    block->ln_2 = load_affine_of(load, w, i, "ln_2");
    block->q_norm = load_affine_of(load, vae->head, i, "attn.attention.q_norm");
    block->k_norm = load_affine_of(load, vae->head, i, "attn.attention.k_norm");
    block->qkv =
        orf_load_linear(load, 3 * w, w, false, "transformer.resblocks.%u.attn.c_qkv", i);
    block->proj = orf_load_linear(load, w, w, true, "transformer.resblocks.%u.attn.c_proj", i);
    block->up =
        orf_load_linear(load, vae->hidden, w, true, "transformer.resblocks.%u.mlp.c_fc", i);
    block->down =
        orf_load_linear(load, w, vae->hidden, true, "transformer.resblocks.%u.mlp.c_proj", i);
}

#define GEO "geo_decoder."
#define CROSS GEO "cross_attn_decoder."

static bool
read_sizes(OrfNetLoad *load, OrfShapeVae *vae)
{
    vae->width = orf_load_dim(load, 0, "post_kl.weight");
    vae->channels = orf_load_dim(load, 1, "post_kl.weight");
    vae->head = orf_load_dim(load, 0, "transformer.resblocks.0.attn.attention.q_norm.weight");
    vae->hidden = orf_load_dim(load, 0, "transformer.resblocks.0.mlp.c_fc.weight");
    vae->depth = orf_load_count(load, "transformer.resblocks.%u.ln_1.weight");
    vae->geo = orf_load_dim(load, 0, GEO "query_proj.weight");
    vae->geo_hidden = orf_load_dim(load, 0, CROSS "mlp.c_fc.weight");
    if (vae->width && vae->head && vae->hidden && vae->geo && vae->geo_hidden &&
        vae->width % vae->head == 0 && vae->geo % vae->head == 0)
        return true;
    orf_load_fail(load, "no shape decoder of the Hunyuan3D family under \"%s\"", load->prefix);
    return false;
}

static void
load_geo(OrfNetLoad *load, OrfShapeVae *vae)
{
    size_t g = vae->geo, w = vae->width;
    bool small = !orf_load_has(load, GEO "ln_post.weight");
    if (small && orf_load_has(load, GEO "latents_proj.weight"))
        vae->latents_proj = orf_load_linear(load, g, w, true, GEO "latents_proj");
    vae->query_proj = orf_load_linear(load, g, N_EMBED, true, GEO "query_proj");
    vae->geo_ln[0] = load_affine(load, g, CROSS "ln_1");
    vae->geo_ln[1] = load_affine(load, g, CROSS "ln_2");
    vae->geo_ln[2] = load_affine(load, g, CROSS "ln_3");
    vae->c_q = orf_load_linear(load, g, g, false, CROSS "attn.c_q");
    vae->c_kv = orf_load_linear(load, 2 * g, g, false, CROSS "attn.c_kv");
    vae->geo_proj = orf_load_linear(load, g, g, true, CROSS "attn.c_proj");
    vae->geo_up = orf_load_linear(load, vae->geo_hidden, g, true, CROSS "mlp.c_fc");
    vae->geo_down = orf_load_linear(load, g, vae->geo_hidden, true, CROSS "mlp.c_proj");
    vae->output = orf_load_linear(load, 1, g, true, GEO "output_proj");
    if (small)
        return;
    vae->geo_q_norm = load_affine(load, vae->head, CROSS "attn.attention.q_norm");
    vae->geo_k_norm = load_affine(load, vae->head, CROSS "attn.attention.k_norm");
    vae->ln_post = load_affine(load, g, GEO "ln_post");
}

OrfShapeVae *
orf_shape_vae_new(OrfCompute *c, const OrfCheckpoint *checkpoint, const char *prefix,
                  double scale_factor)
{
    g_autoptr(OrfShapeVae) vae = g_new0(OrfShapeVae, 1);
    OrfNetLoad load;
    vae->scale_factor = scale_factor;
    orf_load_init(&load, c, checkpoint, prefix);
    if (read_sizes(&load, vae)) {
        vae->post_kl = orf_load_linear(&load, vae->width, vae->channels, true, "post_kl");
        vae->blocks = g_new0(Block, vae->depth);
        for (unsigned i = 0; i < vae->depth && orf_compute_ok(c); i++)
            load_block(&load, vae, i, &vae->blocks[i]);
        load_geo(&load, vae);
    }
    vae->keep = orf_load_steal_keep(&load);
    orf_load_clear(&load);
    return orf_compute_ok(c) ? g_steal_pointer(&vae) : NULL;
}

/* --- Latents to features ------------------------------------------------------------------ */

static OrfTensor *
norm(OrfCompute *c, const OrfTensor *x, const Affine *affine, double eps)
{
    return orf_tensor_norm(c, x,
                           &(OrfNorm){ .eps = eps, .weight = affine->w, .bias = affine->b });
}

/* Part `i` of `parts` of every head, as columns with the heads apart. */
static OrfTensor *
head_part(OrfCompute *c, const OrfTensor *packed, size_t width, size_t head, size_t i,
          size_t parts)
{
    size_t heads = width / head;
    return orf_tensor_slice(c, packed, 2, i * head, ((heads - 1) * parts + 1) * head);
}

/* The same normalised: heads lie together afterwards. */
static OrfTensor *
head_norm(OrfCompute *c, const OrfTensor *part, size_t width, size_t head, size_t parts,
          const Affine *affine)
{
    OrfNorm how = { .eps = 1e-6,
                    .weight = affine->w,
                    .bias = affine->b,
                    .heads = width / head,
                    .dim = head,
                    .stride = parts * head };
    return orf_tensor_norm(c, part, &how);
}

static OrfTensor *
attend_block(OrfCompute *c, const OrfShapeVae *vae, unsigned i, const OrfTensor *x)
{
    const Block *block = &vae->blocks[i];
    size_t w = vae->width, d = vae->head;
    g_autoptr(OrfTensor) h = norm(c, x, &block->ln_1, 1e-6);
    g_autoptr(OrfTensor) qkv = orf_tensor_linear(c, h, block->qkv, NULL);
    g_autoptr(OrfTensor) q_part = head_part(c, qkv, w, d, 0, 3);
    g_autoptr(OrfTensor) k_part = head_part(c, qkv, w, d, 1, 3);
    g_autoptr(OrfTensor) v = head_part(c, qkv, w, d, 2, 3);
    g_autoptr(OrfTensor) q = head_norm(c, q_part, w, d, 3, &block->q_norm);
    g_autoptr(OrfTensor) k = head_norm(c, k_part, w, d, 3, &block->k_norm);
    orf_compute_rung(c, q, "block%u.q", i);
    orf_compute_rung(c, k, "block%u.k", i);
    OrfAttention how = { .heads = w / d, .dim = d, .v_stride = 3 * d };
    g_autoptr(OrfTensor) a = orf_tensor_attention(c, q, k, v, &how);
    return orf_tensor_linear(c, a, block->proj, &(OrfLinear){ .add = x });
}

OrfTensor *
orf_shape_vae_features(OrfCompute *c, const OrfShapeVae *vae, const OrfTensor *z)
{
    g_autoptr(OrfTensor) scaled = orf_tensor_mix(c, 1 / vae->scale_factor, z, 0, z);
    orf_compute_rung(c, scaled, "z_scaled");
    g_autoptr(OrfTensor) x = orf_tensor_linear(c, scaled, vae->post_kl, NULL);
    orf_compute_rung(c, x, "post_kl");
    for (unsigned i = 0; i < vae->depth && orf_compute_ok(c); i++) {
        const Block *block = &vae->blocks[i];
        orf_tensor_set(&x, attend_block(c, vae, i, x));
        g_autoptr(OrfTensor) h = norm(c, x, &block->ln_2, 1e-6);
        g_autoptr(OrfTensor) u =
            orf_tensor_linear(c, h, block->up, &(OrfLinear){ ORF_ACT_GELU });
        orf_tensor_set(&x, orf_tensor_linear(c, u, block->down, &(OrfLinear){ .add = x }));
        orf_compute_rung(c, x, "block%u", i);
    }
    return g_steal_pointer(&x);
}

/* --- Points to logits --------------------------------------------------------------------- */

OrfShapeKeys
orf_shape_vae_keys(OrfCompute *c, const OrfShapeVae *vae, const OrfTensor *features)
{
    OrfShapeKeys keys = { NULL };
    size_t g = vae->geo, d = vae->head;
    g_autoptr(OrfTensor) narrow =
        vae->latents_proj ? orf_tensor_linear(c, features, vae->latents_proj, NULL) : NULL;
    orf_compute_rung(c, narrow, "latents_proj");
    g_autoptr(OrfTensor) h =
        norm(c, vae->latents_proj ? narrow : features, &vae->geo_ln[1], 1e-6);
    keys.kv = orf_tensor_linear(c, h, vae->c_kv, NULL);
    keys.v = head_part(c, keys.kv, g, d, 1, 2);
    g_autoptr(OrfTensor) k = head_part(c, keys.kv, g, d, 0, 2);
    keys.k =
        vae->geo_k_norm.w ? head_norm(c, k, g, d, 2, &vae->geo_k_norm) : g_steal_pointer(&k);
    if (vae->geo_k_norm.w) /* else its heads lie apart */
        orf_compute_rung(c, keys.k, "geo.k");
    return keys;
}

void
orf_shape_keys_clear(OrfShapeKeys *keys)
{
    g_clear_pointer(&keys->k, orf_tensor_unref);
    g_clear_pointer(&keys->v, orf_tensor_unref);
    g_clear_pointer(&keys->kv, orf_tensor_unref);
}

/* x y z, then 24 sines and 24 cosines, coordinate by coordinate. */
static OrfTensor *
fourier(OrfCompute *c, const float *points, size_t n)
{
    GError *error = NULL;
    orf_autofree float *e =
        ORF_ALLOC(orf_compute_task(c), float, (n * N_EMBED), "points", &error);
    if (!e) {
        orf_compute_take_error(c, error);
        return NULL;
    }
    for (size_t i = 0; i < n; i++) {
        float *row = e + i * N_EMBED;
        for (size_t a = 0; a < 3; a++) {
            row[a] = points[3 * i + a];
            for (size_t f = 0; f < N_FREQS; f++) {
                float angle = points[3 * i + a] * (float)(1u << f);
                row[3 + a * N_FREQS + f] = sinf(angle);
                row[3 + (3 + a) * N_FREQS + f] = cosf(angle);
            }
        }
    }
    return orf_tensor_from(c, ORF_SHAPE(1, n, N_EMBED), e);
}

static OrfTensor *
ask(OrfCompute *c, const OrfShapeVae *vae, const OrfShapeKeys *keys, const OrfTensor *q0)
{
    size_t g = vae->geo, d = vae->head;
    g_autoptr(OrfTensor) h = norm(c, q0, &vae->geo_ln[0], 1e-6);
    g_autoptr(OrfTensor) raw = orf_tensor_linear(c, h, vae->c_q, NULL);
    g_autoptr(OrfTensor) q =
        vae->geo_q_norm.w ? head_norm(c, raw, g, d, 1, &vae->geo_q_norm) : orf_tensor_ref(raw);
    orf_compute_rung(c, q, "geo.q");
    OrfAttention how = {
        .heads = g / d, .dim = d, .k_stride = vae->geo_k_norm.w ? d : 2 * d, .v_stride = 2 * d
    };
    g_autoptr(OrfTensor) a = orf_tensor_attention(c, q, keys->k, keys->v, &how);
    return orf_tensor_linear(c, a, vae->geo_proj, &(OrfLinear){ .add = q0 });
}

OrfTensor *
orf_shape_vae_query(OrfCompute *c, const OrfShapeVae *vae, const OrfShapeKeys *keys,
                    const float *points, size_t n)
{
    g_autoptr(OrfTensor) e = fourier(c, points, n);
    orf_compute_rung(c, e, "fourier");
    g_autoptr(OrfTensor) q0 = orf_tensor_linear(c, e, vae->query_proj, NULL);
    orf_compute_rung(c, q0, "query_proj");
    g_autoptr(OrfTensor) x = ask(c, vae, keys, q0);
    g_autoptr(OrfTensor) h = norm(c, x, &vae->geo_ln[2], 1e-6);
    g_autoptr(OrfTensor) u = orf_tensor_linear(c, h, vae->geo_up, &(OrfLinear){ ORF_ACT_GELU });
    g_autoptr(OrfTensor) y = orf_tensor_linear(c, u, vae->geo_down, &(OrfLinear){ .add = x });
    orf_compute_rung(c, y, "geo.block");
    if (vae->ln_post.w)
        orf_tensor_set(&y, norm(c, y, &vae->ln_post, 1e-5));
    orf_compute_rung(c, y, "geo.ln_post");
    g_autoptr(OrfTensor) logits = orf_tensor_linear(c, y, vae->output, NULL);
    return logits ? orf_tensor_reshape(c, logits, ORF_SHAPE(n)) : NULL;
}
