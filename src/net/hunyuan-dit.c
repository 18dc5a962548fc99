/* hunyuan-dit.c - the denoiser of Hunyuan3D 2.0 and its kin: double-stream blocks, then single-
 * stream blocks, modulated by time.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Traps of the published weights: time is multiplied by 1000 and its longest period is 1000,
 * not 10000; cosines come first; the packed projection is [Q | K | V]; norms of q and k are RMS
 * over a head; GELU is the tanh form; context tokens come first. Nothing depends on position,
 * so equal context tokens stay equal: one of them, with ln(count) added to its score, stands
 * for all (the unconditional branch). */
#include "net/hunyuan.h"

#include <math.h>

enum { TIME = 256 };

typedef struct {
    OrfWeight *mod, *qkv, *proj, *up, *down;
    OrfTensor *q_norm, *k_norm;
} Stream;

typedef struct {
    OrfWeight *mod, *in, *out;
    OrfTensor *q_norm, *k_norm;
} Single;

typedef struct {
    OrfWeight *in, *out;
} Embedder;

struct OrfFlux {
    GPtrArray *keep;
    size_t width, channels, context, hidden, head;
    unsigned n_double, n_single;
    bool guided;
    OrfWeight *latent_in, *cond_in, *final_mod, *final;
    Embedder time, guidance;
    Stream (*doubles)[2]; /* context, latents */
    Single *singles;
};

void
orf_flux_free(OrfFlux *flux)
{
    if (!flux)
        return;
    g_clear_pointer(&flux->keep, g_ptr_array_unref);
    g_free(flux->doubles);
    g_free(flux->singles);
    g_free(flux);
}

size_t
orf_flux_channels(const OrfFlux *flux)
{
    return flux->channels;
}

bool
orf_flux_has_guidance(const OrfFlux *flux)
{
    return flux->guided;
}

/* --- Loading ------------------------------------------------------------------------------ */

static bool
read_sizes(OrfNetLoad *load, OrfFlux *flux)
{
    flux->width = orf_load_dim(load, 0, "latent_in.weight");
    flux->channels = orf_load_dim(load, 1, "latent_in.weight");
    flux->context = orf_load_dim(load, 1, "cond_in.weight");
    flux->head = orf_load_dim(load, 0, "double_blocks.0.img_attn.norm.query_norm.scale");
    flux->hidden = orf_load_dim(load, 0, "double_blocks.0.img_mlp.0.weight");
    flux->n_double = orf_load_count(load, "double_blocks.%u.img_mod.lin.weight");
    flux->n_single = orf_load_count(load, "single_blocks.%u.modulation.lin.weight");
    flux->guided = orf_load_has(load, "guidance_in.in_layer.weight");
    if (flux->width && flux->head && flux->hidden && flux->width % flux->head == 0)
        return true;
    orf_load_fail(load, "no denoiser of the Hunyuan3D 2.0 family under \"%s\"", load->prefix);
    return false;
}

static void
load_stream(OrfNetLoad *load, const OrfFlux *flux, unsigned i, const char *name, Stream *stream)
{
    size_t h = flux->width;
    stream->mod = orf_load_linear(load, 6 * h, h, true, "double_blocks.%u.%s_mod.lin", i, name);
    stream->qkv = orf_load_linear(
        load, 3 * h, h, orf_load_has(load, "double_blocks.%u.%s_attn.qkv.bias", i, name),
        "double_blocks.%u.%s_attn.qkv", i, name);
    stream->q_norm = orf_load_tensor(load, ORF_SHAPE(flux->head),
                                     "double_blocks.%u.%s_attn.norm.query_norm.scale", i, name);
    stream->k_norm = orf_load_tensor(load, ORF_SHAPE(flux->head),
                                     "double_blocks.%u.%s_attn.norm.key_norm.scale", i, name);
    stream->proj = orf_load_linear(load, h, h, true, "double_blocks.%u.%s_attn.proj", i, name);
    stream->up =
        orf_load_linear(load, flux->hidden, h, true, "double_blocks.%u.%s_mlp.0", i, name);
    stream->down =
        orf_load_linear(load, h, flux->hidden, true, "double_blocks.%u.%s_mlp.2", i, name);
}

static void
load_single(OrfNetLoad *load, const OrfFlux *flux, unsigned i, Single *block)
{
    size_t h = flux->width, m = flux->hidden;
    block->mod = orf_load_linear(load, 3 * h, h, true, "single_blocks.%u.modulation.lin", i);
    block->in = orf_load_linear(load, 3 * h + m, h, true, "single_blocks.%u.linear1", i);
    block->out = orf_load_linear(load, h, h + m, true, "single_blocks.%u.linear2", i);
    block->q_norm = orf_load_tensor(load, ORF_SHAPE(flux->head),
                                    "single_blocks.%u.norm.query_norm.scale", i);
    block->k_norm =
        orf_load_tensor(load, ORF_SHAPE(flux->head), "single_blocks.%u.norm.key_norm.scale", i);
}

static Embedder
load_embedder(OrfNetLoad *load, size_t h, const char *name)
{
    Embedder embedder;
    embedder.in = orf_load_linear(load, h, TIME, true, "%s.in_layer", name);
    embedder.out = orf_load_linear(load, h, h, true, "%s.out_layer", name);
    return embedder;
}

static void
load_all(OrfNetLoad *load, OrfFlux *flux)
{
    size_t h = flux->width;
    flux->latent_in = orf_load_linear(load, h, flux->channels, true, "latent_in");
    flux->cond_in = orf_load_linear(load, h, flux->context, true, "cond_in");
    flux->time = load_embedder(load, h, "time_in");
    if (flux->guided)
        flux->guidance = load_embedder(load, h, "guidance_in");
    flux->doubles = g_malloc0_n(flux->n_double, sizeof *flux->doubles);
    flux->singles = g_new0(Single, flux->n_single);
    for (unsigned i = 0; i < flux->n_double && orf_compute_ok(load->c); i++) {
        load_stream(load, flux, i, "txt", &flux->doubles[i][0]);
        load_stream(load, flux, i, "img", &flux->doubles[i][1]);
    }
    for (unsigned i = 0; i < flux->n_single && orf_compute_ok(load->c); i++)
        load_single(load, flux, i, &flux->singles[i]);
    flux->final_mod = orf_load_linear(load, 2 * h, h, true, "final_layer.adaLN_modulation.1");
    flux->final = orf_load_linear(load, flux->channels, h, true, "final_layer.linear");
}

OrfFlux *
orf_flux_new(OrfCompute *c, const OrfCheckpoint *checkpoint, const char *prefix)
{
    g_autoptr(OrfFlux) flux = g_new0(OrfFlux, 1);
    OrfNetLoad load;
    orf_load_init(&load, c, checkpoint, prefix);
    if (read_sizes(&load, flux))
        load_all(&load, flux);
    flux->keep = orf_load_steal_keep(&load);
    orf_load_clear(&load);
    return orf_compute_ok(c) ? g_steal_pointer(&flux) : NULL;
}

/* --- Time --------------------------------------------------------------------------------- */

/* Arguments reach thousands: double, then rounded. */
static OrfTensor *
waves(OrfCompute *c, const double *t, size_t batch)
{
    g_autofree float *e = g_new(float, (batch * TIME));
    for (size_t b = 0; b < batch; b++)
        for (size_t k = 0; k < TIME / 2; k++) {
            double angle = 1000 * t[b] * exp(-log(1000) * (double)k / (TIME / 2));
            e[b * TIME + k] = (float)cos(angle);
            e[b * TIME + TIME / 2 + k] = (float)sin(angle);
        }
    return orf_tensor_from(c, ORF_SHAPE(batch, TIME), e);
}

static OrfTensor *
embed_number(OrfCompute *c, const Embedder *embedder, const double *t, size_t batch,
             const char *rung, const OrfTensor *add)
{
    g_autoptr(OrfTensor) e = waves(c, t, batch);
    orf_compute_rung(c, e, "%s", rung);
    g_autoptr(OrfTensor) h =
        orf_tensor_linear(c, e, embedder->in, &(OrfLinear){ ORF_ACT_SILU });
    return orf_tensor_linear(c, h, embedder->out, &(OrfLinear){ .add = add });
}

/* The vector that modulates everything, after its SiLU. */
static OrfTensor *
time_vector(OrfCompute *c, const OrfFlux *flux, const OrfFluxInput *in)
{
    size_t batch = orf_tensor_dim(in->z, 0);
    g_autoptr(OrfTensor) vec = embed_number(c, &flux->time, in->t, batch, "temb", NULL);
    orf_compute_rung(c, vec, "vec_time");
    if (flux->guided && in->guidance)
        orf_tensor_set(&vec,
                       embed_number(c, &flux->guidance, in->guidance, batch, "gemb", vec));
    return orf_tensor_act(c, vec, ORF_ACT_SILU);
}

/* --- Blocks ------------------------------------------------------------------------------- */

/* Part `i` of a modulation, [batch, width]. */
static OrfTensor *
part(OrfCompute *c, const OrfFlux *flux, const OrfTensor *mod, size_t i)
{
    return orf_tensor_slice(c, mod, 1, i * flux->width, flux->width);
}

/* (1 + scale) * norm(x) + shift with shift and scale from parts `i` and `i + 1`. */
static OrfTensor *
modulated(OrfCompute *c, const OrfFlux *flux, const OrfTensor *x, const OrfTensor *mod,
          size_t i)
{
    g_autoptr(OrfTensor) shift = part(c, flux, mod, i);
    g_autoptr(OrfTensor) scale = part(c, flux, mod, i + 1);
    if (!scale || !x)
        return NULL;
    return orf_tensor_norm(c, x, &(OrfNorm){ .eps = 1e-6, .scale = scale, .shift = shift });
}

typedef struct {
    OrfTensor *q, *k, *v;
} Heads;

static void
heads_clear(Heads *heads)
{
    orf_tensor_unref(heads->q);
    orf_tensor_unref(heads->k);
    orf_tensor_unref(heads->v);
}

/* Thirds of the packed projection; q and k normalised by head. */
static Heads
split_heads(OrfCompute *c, const OrfFlux *flux, const OrfTensor *qkv, OrfTensor *q_norm,
            OrfTensor *k_norm)
{
    size_t h = flux->width;
    OrfNorm rms = {
        .rms = true, .eps = 1e-6, .heads = h / flux->head, .dim = flux->head, .weight = q_norm
    };
    g_autoptr(OrfTensor) q = orf_tensor_slice(c, qkv, 2, 0, h);
    g_autoptr(OrfTensor) k = orf_tensor_slice(c, qkv, 2, h, h);
    Heads heads = { .q = orf_tensor_norm(c, q, &rms) };
    rms.weight = k_norm;
    heads.k = orf_tensor_norm(c, k, &rms);
    heads.v = orf_tensor_slice(c, qkv, 2, 2 * h, h);
    return heads;
}

static OrfTensor *
attend(OrfCompute *c, const OrfFlux *flux, const Heads *heads, double first_key)
{
    OrfAttention how = { .heads = flux->width / flux->head,
                         .dim = flux->head,
                         .first_key = first_key };
    return orf_tensor_attention(c, heads->q, heads->k, heads->v, &how);
}

/* q, k, v of one stream of a double block. */
static Heads
stream_heads(OrfCompute *c, const OrfFlux *flux, const Stream *stream, const OrfTensor *x,
             const OrfTensor *mod)
{
    g_autoptr(OrfTensor) u = modulated(c, flux, x, mod, 0);
    g_autoptr(OrfTensor) qkv = orf_tensor_linear(c, u, stream->qkv, NULL);
    return split_heads(c, flux, qkv, stream->q_norm, stream->k_norm);
}

static Heads
joined(OrfCompute *c, const Heads *a, const Heads *b)
{
    return (Heads){
        orf_tensor_concat(c, 1, (const OrfTensor *[]){ a->q, b->q }, 2),
        orf_tensor_concat(c, 1, (const OrfTensor *[]){ a->k, b->k }, 2),
        orf_tensor_concat(c, 1, (const OrfTensor *[]){ a->v, b->v }, 2),
    };
}

/* Residuals of one stream: attention's rows, then the feed-forward. */
static OrfTensor *
finish_stream(OrfCompute *c, const OrfFlux *flux, const Stream *stream, const OrfTensor *x,
              const OrfTensor *attended, const OrfTensor *mod)
{
    g_autoptr(OrfTensor) gate1 = part(c, flux, mod, 2);
    g_autoptr(OrfTensor) gate2 = part(c, flux, mod, 5);
    g_autoptr(OrfTensor) y =
        orf_tensor_linear(c, attended, stream->proj, &(OrfLinear){ .gate = gate1, .add = x });
    g_autoptr(OrfTensor) u = modulated(c, flux, y, mod, 3);
    g_autoptr(OrfTensor) m =
        orf_tensor_linear(c, u, stream->up, &(OrfLinear){ ORF_ACT_GELU_TANH });
    return orf_tensor_linear(c, m, stream->down, &(OrfLinear){ .gate = gate2, .add = y });
}

static void
double_block(OrfCompute *c, const OrfFlux *flux, unsigned i, const OrfTensor *vec,
             double first_key, OrfTensor *x[2])
{
    static const char *const names[] = { "txt", "img" };
    const Stream *streams = flux->doubles[i];
    OrfTensor *mod[2] = { NULL };
    Heads each[2], all;
    for (int s = 0; s < 2; s++) {
        mod[s] = orf_tensor_linear(c, vec, streams[s].mod, NULL);
        orf_compute_rung(c, mod[s], "d%u.%s_mod", i, names[s]);
        each[s] = stream_heads(c, flux, &streams[s], x[s], mod[s]);
    }
    all = joined(c, &each[0], &each[1]);
    orf_compute_rung(c, all.q, "d%u.q", i);
    orf_compute_rung(c, all.k, "d%u.k", i);
    orf_compute_rung(c, all.v, "d%u.v", i);
    g_autoptr(OrfTensor) attended = attend(c, flux, &all, first_key);
    orf_compute_rung(c, attended, "d%u.attn", i);
    size_t m = orf_tensor_dim(x[0], 1), n = orf_tensor_dim(x[1], 1);
    for (int s = 0; s < 2; s++) {
        g_autoptr(OrfTensor) rows = orf_tensor_slice(c, attended, 1, s ? m : 0, s ? n : m);
        OrfTensor *y = finish_stream(c, flux, &streams[s], x[s], rows, mod[s]);
        orf_compute_rung(c, y, "d%u.%s", i, names[s]);
        orf_tensor_set(&x[s], y);
        orf_tensor_unref(mod[s]);
        heads_clear(&each[s]);
    }
    heads_clear(&all);
}

static OrfTensor *
single_block(OrfCompute *c, const OrfFlux *flux, unsigned i, const OrfTensor *vec,
             double first_key, const OrfTensor *y)
{
    const Single *block = &flux->singles[i];
    size_t h = flux->width;
    g_autoptr(OrfTensor) mod = orf_tensor_linear(c, vec, block->mod, NULL);
    orf_compute_rung(c, mod, "s%u.mod", i);
    g_autoptr(OrfTensor) gate = part(c, flux, mod, 2);
    g_autoptr(OrfTensor) u = modulated(c, flux, y, mod, 0);
    g_autoptr(OrfTensor) p = orf_tensor_linear(c, u, block->in, NULL);
    g_autoptr(OrfTensor) mlp = orf_tensor_slice(c, p, 2, 3 * h, flux->hidden);
    Heads heads = split_heads(c, flux, p, block->q_norm, block->k_norm);
    orf_compute_rung(c, heads.q, "s%u.q", i);
    orf_compute_rung(c, heads.k, "s%u.k", i);
    orf_compute_rung(c, heads.v, "s%u.v", i);
    g_autoptr(OrfTensor) attended = attend(c, flux, &heads, first_key);
    heads_clear(&heads);
    orf_compute_rung(c, attended, "s%u.attn", i);
    g_autoptr(OrfTensor) m = orf_tensor_act(c, mlp, ORF_ACT_GELU_TANH);
    orf_compute_rung(c, m, "s%u.mlp_act", i);
    g_autoptr(OrfTensor) both =
        orf_tensor_concat(c, 2, (const OrfTensor *[]){ attended, m }, 2);
    OrfTensor *out =
        orf_tensor_linear(c, both, block->out, &(OrfLinear){ .gate = gate, .add = y });
    orf_compute_rung(c, out, "s%u.out", i);
    return out;
}

OrfTensor *
orf_flux_forward(OrfCompute *c, const OrfFlux *flux, const OrfFluxInput *in)
{
    if (!in->z || !in->context || !orf_compute_ok(c))
        return NULL;
    double first_key = in->stands_for > 1 ? log((double)in->stands_for) : 0;
    g_autoptr(OrfTensor) vec = time_vector(c, flux, in);
    OrfTensor *x[2] = { orf_tensor_linear(c, in->context, flux->cond_in, NULL),
                        orf_tensor_linear(c, in->z, flux->latent_in, NULL) };
    orf_compute_rung(c, x[0], "cond_in");
    orf_compute_rung(c, x[1], "latent_in");
    for (unsigned i = 0; i < flux->n_double && orf_compute_ok(c); i++)
        double_block(c, flux, i, vec, first_key, x);
    size_t m = orf_tensor_dim(x[0], 1), n = orf_tensor_dim(x[1], 1);
    g_autoptr(OrfTensor) y = orf_tensor_concat(c, 1, (const OrfTensor *[]){ x[0], x[1] }, 2);
    orf_tensor_unref(x[0]);
    orf_tensor_unref(x[1]);
    for (unsigned i = 0; i < flux->n_single && orf_compute_ok(c); i++)
        orf_tensor_set(&y, single_block(c, flux, i, vec, first_key, y));
    if (!y)
        return NULL;
    g_autoptr(OrfTensor) latents = orf_tensor_slice(c, y, 1, m, n);
    g_autoptr(OrfTensor) mod = orf_tensor_linear(c, vec, flux->final_mod, NULL);
    orf_compute_rung(c, mod, "final_mod");
    g_autoptr(OrfTensor) u = modulated(c, flux, latents, mod, 0);
    return orf_tensor_linear(c, u, flux->final, NULL);
}
