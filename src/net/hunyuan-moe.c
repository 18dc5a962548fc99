/* hunyuan-moe.c - the denoisers of Hunyuan3D 2.1 and of TripoSG: a transformer with skips like
 * a U, the first with experts in its last blocks.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Traps of the published weights: projections are made apart, laid side by side and then split
 * by head, so heads mix rows of Q, K and V; stacking the matrices gives a packed projection.
 * Time is not scaled, sines come first, and it enters as one more token. A skip is joined in
 * front, and the norm follows the product. The two best experts are weighed by their
 * probabilities as they are, and a shared expert is added. TripoSG is the same construction
 * with other names, another eps and no experts; its time runs from 1000 to 0. */
#include "net/hunyuan.h"

#include <math.h>

typedef struct {
    OrfTensor *w, *b;
} Affine;

typedef struct {
    OrfWeight *up, *down;
} Mlp;

typedef struct {
    Affine norm1, norm2, norm3, skip_norm;
    OrfWeight *qkv, *out1, *q, *kv, *out2, *skip;
    OrfTensor *q_norm1, *k_norm1, *q_norm2, *k_norm2;
    OrfWeight *gate; /* NULL: `shared` is the one feed-forward */
    Mlp shared, *experts;
} Block;

/* What the two call their parameters. */
typedef struct {
    const char *x_embed, *time_up, *time_down, *out, *q_norm, *k_norm, *up, *down, *norm_final,
        *final;
    double eps;
} Style;

static const Style hunyuan = {
    "x_embedder",
    "t_embedder.mlp.0",
    "t_embedder.mlp.2",
    "out_proj",
    "q_norm",
    "k_norm",
    "mlp.fc1",
    "mlp.fc2",
    "final_layer.norm_final",
    "final_layer.linear",
    1e-6,
};
static const Style triposg = {
    "proj_in",       "time_proj.linear_1", "time_proj.linear_2", "to_out.0", "norm_q", "norm_k",
    "ff.net.0.proj", "ff.net.2",           "norm_out",           "proj_out", 1e-5,
};

struct OrfMoe {
    const Style *style;
    GPtrArray *keep;
    size_t width, channels, context, head;
    unsigned depth, n_experts, top_k;
    OrfWeight *x_embed, *final;
    Mlp time;
    Affine norm_final;
    Block *blocks;
};

void
orf_moe_free(OrfMoe *moe)
{
    if (!moe)
        return;
    g_clear_pointer(&moe->keep, g_ptr_array_unref);
    for (unsigned i = 0; moe->blocks && i < moe->depth; i++)
        g_free(moe->blocks[i].experts);
    g_free(moe->blocks);
    g_free(moe);
}

size_t
orf_moe_channels(const OrfMoe *moe)
{
    return moe->channels;
}

/* --- Loading ------------------------------------------------------------------------------ */

static Affine
affine(OrfNetLoad *load, size_t n, unsigned i, const char *name)
{
    return (Affine){ orf_load_tensor(load, ORF_SHAPE(n), "blocks.%u.%s.weight", i, name),
                     orf_load_tensor(load, ORF_SHAPE(n), "blocks.%u.%s.bias", i, name) };
}

static void
load_attention(OrfNetLoad *load, const OrfMoe *moe, unsigned i, Block *block)
{
    static const char *const qkv[] = { "to_q", "to_k", "to_v" };
    size_t h = moe->width, d = moe->head;
    block->qkv = orf_load_stack(load, h, h, false, qkv, 3, "blocks.%u.attn1.", i);
    block->out1 = orf_load_linear(load, h, h, true, "blocks.%u.attn1.%s", i, moe->style->out);
    block->q = orf_load_linear(load, h, h, false, "blocks.%u.attn2.to_q", i);
    block->kv = orf_load_stack(load, h, moe->context, false, qkv + 1, 2, "blocks.%u.attn2.", i);
    block->out2 = orf_load_linear(load, h, h, true, "blocks.%u.attn2.%s", i, moe->style->out);
    OrfShape one = ORF_SHAPE(d);
    block->q_norm1 =
        orf_load_tensor(load, one, "blocks.%u.attn1.%s.weight", i, moe->style->q_norm);
    block->k_norm1 =
        orf_load_tensor(load, one, "blocks.%u.attn1.%s.weight", i, moe->style->k_norm);
    block->q_norm2 =
        orf_load_tensor(load, one, "blocks.%u.attn2.%s.weight", i, moe->style->q_norm);
    block->k_norm2 =
        orf_load_tensor(load, one, "blocks.%u.attn2.%s.weight", i, moe->style->k_norm);
}

static Mlp
load_expert(OrfNetLoad *load, size_t h, unsigned i, const char *name)
{
    return (Mlp){
        orf_load_linear(load, 4 * h, h, true, "blocks.%u.moe.%s.net.0.proj", i, name),
        orf_load_linear(load, h, 4 * h, true, "blocks.%u.moe.%s.net.2", i, name),
    };
}

static void
load_feed_forward(OrfNetLoad *load, OrfMoe *moe, unsigned i, Block *block)
{
    size_t h = moe->width;
    if (!orf_load_has(load, "blocks.%u.moe.gate.weight", i)) {
        block->shared.up =
            orf_load_linear(load, 4 * h, h, true, "blocks.%u.%s", i, moe->style->up);
        block->shared.down =
            orf_load_linear(load, h, 4 * h, true, "blocks.%u.%s", i, moe->style->down);
        return;
    }
    OrfPrecision precision = orf_compute_precision(load->c);
    moe->n_experts = (unsigned)orf_load_dim(load, 0, "blocks.%u.moe.gate.weight", i);
    orf_compute_set_precision(load->c, ORF_PRECISION_F32); /* who gets a token is not rounded */
    block->gate = orf_load_linear(load, moe->n_experts, h, false, "blocks.%u.moe.gate", i);
    orf_compute_set_precision(load->c, precision);
    block->experts = g_new0(Mlp, moe->n_experts);
    for (unsigned e = 0; e < moe->n_experts && orf_compute_ok(load->c); e++) {
        g_autofree char *name = g_strdup_printf("experts.%u", e);
        block->experts[e] = load_expert(load, h, i, name);
    }
    block->shared = load_expert(load, h, i, "shared_experts");
}

static void
load_block(OrfNetLoad *load, OrfMoe *moe, unsigned i)
{
    Block *block = &moe->blocks[i];
    size_t h = moe->width;
    block->norm1 = affine(load, h, i, "norm1");
    block->norm2 = affine(load, h, i, "norm2");
    block->norm3 = affine(load, h, i, "norm3");
    load_attention(load, moe, i, block);
    load_feed_forward(load, moe, i, block);
    if (i <= moe->depth / 2)
        return;
    block->skip = orf_load_linear(load, h, 2 * h, true, "blocks.%u.skip_linear", i);
    block->skip_norm = affine(load, h, i, "skip_norm");
}

static bool
read_sizes(OrfNetLoad *load, OrfMoe *moe)
{
    moe->style = orf_load_has(load, "x_embedder.weight") ? &hunyuan : &triposg;
    moe->width = orf_load_dim(load, 0, "%s.weight", moe->style->x_embed);
    moe->channels = orf_load_dim(load, 1, "%s.weight", moe->style->x_embed);
    moe->context = orf_load_dim(load, 1, "blocks.0.attn2.to_k.weight");
    moe->head = orf_load_dim(load, 0, "blocks.0.attn1.%s.weight", moe->style->q_norm);
    moe->depth = orf_load_count(load, "blocks.%u.norm1.weight");
    if (moe->width && moe->context && moe->head && moe->width % moe->head == 0)
        return true;
    orf_load_fail(load, "no denoiser of Hunyuan3D 2.1 or TripoSG under \"%s\"", load->prefix);
    return false;
}

OrfMoe *
orf_moe_new(OrfCompute *c, const OrfCheckpoint *checkpoint, const char *prefix, unsigned top_k)
{
    g_autoptr(OrfMoe) moe = g_new0(OrfMoe, 1);
    OrfNetLoad load;
    moe->top_k = MAX(top_k, 1);
    orf_load_init(&load, c, checkpoint, prefix);
    if (read_sizes(&load, moe)) {
        size_t h = moe->width;
        const Style *style = moe->style;
        moe->x_embed = orf_load_linear(&load, h, moe->channels, true, "%s", style->x_embed);
        moe->time.up = orf_load_linear(&load, 4 * h, h, true, "%s", style->time_up);
        moe->time.down = orf_load_linear(&load, h, 4 * h, true, "%s", style->time_down);
        moe->blocks = g_new0(Block, moe->depth);
        for (unsigned i = 0; i < moe->depth && orf_compute_ok(c); i++)
            load_block(&load, moe, i);
        moe->norm_final.w =
            orf_load_tensor(&load, ORF_SHAPE(h), "%s.weight", style->norm_final);
        moe->norm_final.b = orf_load_tensor(&load, ORF_SHAPE(h), "%s.bias", style->norm_final);
        moe->final = orf_load_linear(&load, moe->channels, h, true, "%s", style->final);
    }
    moe->top_k = MIN(moe->top_k, MAX(moe->n_experts, 1));
    moe->keep = orf_load_steal_keep(&load);
    orf_load_clear(&load);
    return orf_compute_ok(c) ? g_steal_pointer(&moe) : NULL;
}

/* --- Forward ------------------------------------------------------------------------------ */

static OrfTensor *
norm(OrfCompute *c, const OrfMoe *moe, const OrfTensor *x, const Affine *a)
{
    return orf_tensor_norm(c, x,
                           &(OrfNorm){ .eps = moe->style->eps, .weight = a->w, .bias = a->b });
}

static OrfTensor *
mlp(OrfCompute *c, const Mlp *mlp_, const OrfTensor *x, const OrfTensor *add)
{
    g_autoptr(OrfTensor) u = orf_tensor_linear(c, x, mlp_->up, &(OrfLinear){ ORF_ACT_GELU });
    return orf_tensor_linear(c, u, mlp_->down, &(OrfLinear){ .add = add });
}

/* Part `i` of `parts` of every head, normalised by its weight; heads lie together then. */
static OrfTensor *
head_rms(OrfCompute *c, const OrfMoe *moe, const OrfTensor *packed, size_t i, size_t parts,
         OrfTensor *weight)
{
    size_t d = moe->head, heads = moe->width / d;
    g_autoptr(OrfTensor) columns =
        orf_tensor_slice(c, packed, 2, i * d, ((heads - 1) * parts + 1) * d);
    return orf_tensor_norm(c, columns,
                           &(OrfNorm){ .rms = true,
                                       .eps = 1e-6,
                                       .weight = weight,
                                       .heads = heads,
                                       .dim = d,
                                       .stride = parts * d });
}

static OrfTensor *
self_attention(OrfCompute *c, const OrfMoe *moe, unsigned i, const OrfTensor *h,
               const OrfTensor *add)
{
    const Block *block = &moe->blocks[i];
    size_t d = moe->head, heads = moe->width / d;
    g_autoptr(OrfTensor) qkv = orf_tensor_linear(c, h, block->qkv, NULL);
    g_autoptr(OrfTensor) q = head_rms(c, moe, qkv, 0, 3, block->q_norm1);
    g_autoptr(OrfTensor) k = head_rms(c, moe, qkv, 1, 3, block->k_norm1);
    g_autoptr(OrfTensor) v = orf_tensor_slice(c, qkv, 2, 2 * d, ((heads - 1) * 3 + 1) * d);
    orf_compute_rung(c, q, "b%u.attn1.q", i);
    orf_compute_rung(c, k, "b%u.attn1.k", i);
    OrfAttention how = { .heads = heads, .dim = d, .v_stride = 3 * d };
    g_autoptr(OrfTensor) a = orf_tensor_attention(c, q, k, v, &how);
    return orf_tensor_linear(c, a, block->out1, &(OrfLinear){ .add = add });
}

static OrfTensor *
cross_attention(OrfCompute *c, const OrfMoe *moe, unsigned i, const OrfTensor *h,
                const OrfTensor *context, const OrfTensor *add)
{
    const Block *block = &moe->blocks[i];
    size_t d = moe->head, heads = moe->width / d;
    g_autoptr(OrfTensor) raw = orf_tensor_linear(c, h, block->q, NULL);
    g_autoptr(OrfTensor) kv = orf_tensor_linear(c, context, block->kv, NULL);
    g_autoptr(OrfTensor) q = head_rms(c, moe, raw, 0, 1, block->q_norm2);
    g_autoptr(OrfTensor) k = head_rms(c, moe, kv, 0, 2, block->k_norm2);
    g_autoptr(OrfTensor) v = orf_tensor_slice(c, kv, 2, d, ((heads - 1) * 2 + 1) * d);
    orf_compute_rung(c, q, "b%u.attn2.q", i);
    orf_compute_rung(c, k, "b%u.attn2.k", i);
    OrfAttention how = { .heads = heads, .dim = d, .v_stride = 2 * d };
    g_autoptr(OrfTensor) a = orf_tensor_attention(c, q, k, v, &how);
    return orf_tensor_linear(c, a, block->out2, &(OrfLinear){ .add = add });
}

/* The experts of each token, best first, with their probabilities: [tokens][top_k]. */
static void
choose(const OrfMoe *moe, const float *p, size_t tokens, uint32_t *ret_expert,
       float *ret_weight)
{
    for (size_t t = 0; t < tokens; t++)
        for (unsigned k = 0; k < moe->top_k; k++) {
            int best = -1;
            for (unsigned e = 0; e < moe->n_experts; e++) {
                bool taken = false;
                for (unsigned j = 0; j < k; j++)
                    taken |= ret_expert[t * moe->top_k + j] == e;
                if (!taken && (best < 0 || p[t * moe->n_experts + e] >
                                               p[t * moe->n_experts + (unsigned)best]))
                    best = (int)e;
            }
            ret_expert[t * moe->top_k + k] = (uint32_t)best;
            ret_weight[t * moe->top_k + k] = p[t * moe->n_experts + (unsigned)best];
        }
}

static void
add_expert(OrfCompute *c, const OrfMoe *moe, const Block *block, unsigned e,
           const OrfTensor *rows, size_t tokens, const uint32_t *expert, const float *weight,
           OrfTensor *y)
{
    g_autofree uint32_t *mine = g_new(uint32_t, tokens);
    g_autofree float *weights = g_new(float, tokens);
    size_t n = 0;
    for (size_t i = 0; i < tokens * moe->top_k; i++)
        if (expert[i] == e) {
            mine[n] = (uint32_t)(i / moe->top_k);
            weights[n++] = weight[i];
        }
    if (!n)
        return;
    g_autoptr(OrfTensor) x = orf_tensor_gather(c, rows, mine, n);
    g_autoptr(OrfTensor) out = mlp(c, &block->experts[e], x, NULL);
    orf_tensor_add_rows(c, y, out, mine, weights);
}

static OrfTensor *
feed_forward(OrfCompute *c, const OrfMoe *moe, unsigned i, const OrfTensor *h,
             const OrfTensor *add)
{
    const Block *block = &moe->blocks[i];
    OrfTensor *y = mlp(c, &block->shared, h, add);
    if (!block->gate || !y)
        return y;
    size_t tokens = orf_tensor_rows(h);
    g_autoptr(OrfTensor) logits = orf_tensor_linear(c, h, block->gate, NULL);
    g_autoptr(OrfTensor) probabilities = orf_tensor_softmax(c, logits);
    g_autofree float *p = g_new(float, tokens * moe->n_experts);
    g_autofree uint32_t *expert = g_new(uint32_t, tokens * moe->top_k);
    g_autofree float *weight = g_new(float, tokens * moe->top_k);
    orf_compute_rung(c, logits, "b%u.moe.gate_logits", i);
    orf_compute_rung(c, probabilities, "b%u.moe.gate_probs", i);
    if (!orf_tensor_read(c, probabilities, p))
        return y;
    choose(moe, p, tokens, expert, weight);
    g_autoptr(OrfTensor) rows = orf_tensor_reshape(c, h, ORF_SHAPE(tokens, moe->width));
    g_autoptr(OrfTensor) flat = orf_tensor_reshape(c, y, ORF_SHAPE(tokens, moe->width));
    for (unsigned e = 0; e < moe->n_experts && orf_compute_ok(c); e++)
        add_expert(c, moe, block, e, rows, tokens, expert, weight, flat);
    return y;
}

static OrfTensor *
run_block(OrfCompute *c, const OrfMoe *moe, unsigned i, const OrfTensor *x_in,
          const OrfTensor *context, OrfTensor *skip)
{
    const Block *block = &moe->blocks[i];
    g_autoptr(OrfTensor) x = orf_tensor_ref((OrfTensor *)x_in);
    if (block->skip) {
        g_autoptr(OrfTensor) both =
            orf_tensor_concat(c, 2, (const OrfTensor *[]){ skip, x }, 2);
        g_autoptr(OrfTensor) y = orf_tensor_linear(c, both, block->skip, NULL);
        orf_compute_rung(c, y, "b%u.skip_linear", i);
        orf_tensor_set(&x, norm(c, moe, y, &block->skip_norm));
        orf_compute_rung(c, x, "b%u.skip_norm", i);
    }
    g_autoptr(OrfTensor) h1 = norm(c, moe, x, &block->norm1);
    orf_compute_rung(c, h1, "b%u.norm1", i);
    orf_tensor_set(&x, self_attention(c, moe, i, h1, x));
    g_autoptr(OrfTensor) h2 = norm(c, moe, x, &block->norm2);
    orf_tensor_set(&x, cross_attention(c, moe, i, h2, context, x));
    g_autoptr(OrfTensor) h3 = norm(c, moe, x, &block->norm3);
    orf_compute_rung(c, h3, "b%u.norm3", i);
    orf_tensor_set(&x, feed_forward(c, moe, i, h3, x));
    orf_compute_rung(c, x, "blocks[%u]", i);
    return g_steal_pointer(&x);
}

static OrfTensor *
time_token(OrfCompute *c, const OrfMoe *moe, const double *t, size_t batch)
{
    size_t h = moe->width;
    g_autofree float *e = g_new(float, (batch * h));
    for (size_t b = 0; b < batch; b++)
        for (size_t k = 0; k < h / 2; k++) {
            double angle = t[b] * exp(-log(10000) * (double)k / (double)(h / 2));
            e[b * h + k] = (float)sin(angle);
            e[b * h + h / 2 + k] = (float)cos(angle);
        }
    g_autoptr(OrfTensor) waves = orf_tensor_from(c, ORF_SHAPE(batch, 1, h), e);
    orf_compute_rung(c, waves, "t_freq");
    OrfTensor *token = mlp(c, &moe->time, waves, NULL);
    orf_compute_rung(c, token, "t_token");
    return token;
}

OrfTensor *
orf_moe_forward(OrfCompute *c, const OrfMoe *moe, const OrfTensor *z, const OrfTensor *context,
                const double *t)
{
    if (!z || !context || !orf_compute_ok(c))
        return NULL;
    size_t batch = orf_tensor_dim(z, 0), n = orf_tensor_dim(z, 1);
    g_autoptr(GPtrArray) stack =
        g_ptr_array_new_with_free_func((GDestroyNotify)orf_tensor_unref);
    g_autoptr(OrfTensor) token = time_token(c, moe, t, batch);
    g_autoptr(OrfTensor) latents = orf_tensor_linear(c, z, moe->x_embed, NULL);
    orf_compute_rung(c, latents, "x_embed");
    g_autoptr(OrfTensor) x =
        orf_tensor_concat(c, 1, (const OrfTensor *[]){ token, latents }, 2);
    for (unsigned i = 0; i < moe->depth && orf_compute_ok(c); i++) {
        g_autoptr(OrfTensor) skip = i > moe->depth / 2 && stack->len
                                        ? g_ptr_array_steal_index(stack, stack->len - 1)
                                        : NULL;
        orf_tensor_set(&x, run_block(c, moe, i, x, context, skip));
        if (i < moe->depth / 2 && x)
            g_ptr_array_add(stack, orf_tensor_ref(x));
    }
    g_autoptr(OrfTensor) last = norm(c, moe, x, &moe->norm_final);
    orf_compute_rung(c, last, "norm_final");
    g_autoptr(OrfTensor) rows = last ? orf_tensor_slice(c, last, 1, 1, n) : NULL;
    return orf_tensor_linear(c, rows, moe->final, NULL);
}
