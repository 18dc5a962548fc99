/* triposr.c - TripoSR (Tochilkin et al. 2024): ViT tokens, a transformer over triplane tokens,
 * and a small network that reads the planes.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Traps of the published weights: the ViT's eps is 1e-12 and its position table is stretched by
 * (grid + 0.1) / table; the first half of GEGLU is the value, the second the gate; the residual
 * around the backbone is the embedding before its norm; planes fade at the box's border because
 * samples outside count as zero; density passes through exp before the surface is placed. */
#include "net/triposr.h"
#include "net/vit.h"

#include <math.h>
#include <string.h>

typedef struct {
    OrfTensor *w, *b;
} Affine;

typedef struct {
    Affine norm1, norm2, norm3;
    OrfWeight *qkv, *out1, *q, *kv, *out2, *up, *down;
} Block;

enum { MAX_LAYERS = 32 };

struct OrfTripoSr {
    GPtrArray *keep;
    OrfVit *vit;
    OrfTripoSrOptions options;
    size_t width, side, context, hidden, channels; /* side: of a plane before it is enlarged */
    unsigned depth, n_layers;
    OrfTensor *embeddings; /* [3 * side * side, width] */
    Affine norm;
    OrfWeight *proj_in, *proj_out, *upsample, *layers[MAX_LAYERS];
    Block *blocks;
};

void
orf_triposr_free(OrfTripoSr *net)
{
    if (!net)
        return;
    g_clear_pointer(&net->keep, g_ptr_array_unref);
    orf_vit_free(net->vit);
    g_free(net->blocks);
    g_free(net);
}

double
orf_triposr_radius(const OrfTripoSr *net)
{
    return net->options.radius;
}

unsigned
orf_triposr_image_side(const OrfTripoSr *net)
{
    return net->options.image_side;
}

/* --- Loading ------------------------------------------------------------------------------ */

#define BLOCK "backbone.transformer_blocks.%u."

static Affine
affine(OrfNetLoad *load, size_t n, unsigned i, const char *name)
{
    return (Affine){ orf_load_tensor(load, ORF_SHAPE(n), BLOCK "%s.weight", i, name),
                     orf_load_tensor(load, ORF_SHAPE(n), BLOCK "%s.bias", i, name) };
}

static void
load_block(OrfNetLoad *load, OrfTripoSr *net, unsigned i)
{
    static const char *const qkv[] = { "to_q", "to_k", "to_v" };
    Block *block = &net->blocks[i];
    size_t d = net->width;
    block->norm1 = affine(load, d, i, "norm1");
    block->norm2 = affine(load, d, i, "norm2");
    block->norm3 = affine(load, d, i, "norm3");
    block->qkv = orf_load_stack(load, d, d, false, qkv, 3, BLOCK "attn1.", i);
    block->out1 = orf_load_linear(load, d, d, true, BLOCK "attn1.to_out.0", i);
    block->q = orf_load_linear(load, d, d, false, BLOCK "attn2.to_q", i);
    block->kv = orf_load_stack(load, d, net->context, false, qkv + 1, 2, BLOCK "attn2.", i);
    block->out2 = orf_load_linear(load, d, d, true, BLOCK "attn2.to_out.0", i);
    block->up = orf_load_linear(load, 2 * net->hidden, d, true, BLOCK "ff.net.0.proj", i);
    block->down = orf_load_linear(load, d, net->hidden, true, BLOCK "ff.net.2", i);
}

/* Stored [3, width, side, side]; used with the channels last. */
static void
load_embeddings(OrfNetLoad *load, OrfTripoSr *net)
{
    size_t d = net->width, s = net->side;
    orf_autofree float *values =
        orf_load_values(load, ORF_SHAPE(3, d, s, s), "tokenizer.embeddings");
    if (!values)
        return;
    g_autoptr(OrfTensor) stored = orf_tensor_from(load->c, ORF_SHAPE(3, d, s * s), values);
    g_autoptr(OrfTensor) turned = orf_tensor_transpose(load->c, stored);
    if (turned)
        net->embeddings = orf_load_keep_tensor(
            load, orf_tensor_reshape(load->c, turned, ORF_SHAPE(3 * s * s, d)));
}

/* Stored [in, out, 2, 2]; as a matrix whose outputs are [i][j][o]. */
static void
load_upsample(OrfNetLoad *load, OrfTripoSr *net)
{
    size_t d = net->width, n = net->channels;
    orf_autofree float *w =
        orf_load_values(load, ORF_SHAPE(d, n, 2, 2), "post_processor.upsample.weight");
    orf_autofree float *b = orf_load_values(load, ORF_SHAPE(n), "post_processor.upsample.bias");
    GError *error = NULL;
    orf_autofree float *turned = w && b ? ORF_ALLOC(orf_compute_task(load->c), float,
                                                    4 * n * d + 4 * n, "parameters", &error)
                                        : NULL;
    if (!turned) {
        if (error)
            orf_compute_take_error(load->c, error);
        return;
    }
    for (size_t k = 0; k < 4; k++)
        for (size_t o = 0; o < n; o++) {
            turned[4 * n * d + k * n + o] = b[o];
            for (size_t i = 0; i < d; i++)
                turned[(k * n + o) * d + i] = w[(i * n + o) * 4 + k];
        }
    net->upsample = orf_load_keep_weight(
        load, orf_weight_new(load->c, turned, 4 * n, d, turned + 4 * n * d));
}

/* The field's network is small and its answer passes through exp: exact in every precision. */
static void
load_layers(OrfNetLoad *load, OrfTripoSr *net)
{
    OrfPrecision precision = orf_compute_precision(load->c);
    orf_compute_set_precision(load->c, ORF_PRECISION_F32);
    size_t n_in = 3 * net->channels;
    for (unsigned i = 0; i < MAX_LAYERS; i++) {
        size_t n_out = orf_load_dim(load, 0, "decoder.layers.%u.weight", 2 * i);
        if (!n_out)
            break;
        net->layers[net->n_layers++] =
            orf_load_linear(load, n_out, n_in, true, "decoder.layers.%u", 2 * i);
        n_in = n_out;
    }
    orf_compute_set_precision(load->c, precision);
    if (net->n_layers < 2 || n_in != 4)
        orf_load_fail(load, "no field network of TripoSR");
}

static bool
read_sizes(OrfNetLoad *load, OrfTripoSr *net)
{
    net->width = orf_load_dim(load, 1, "tokenizer.embeddings");
    net->side = orf_load_dim(load, 2, "tokenizer.embeddings");
    net->channels = orf_load_dim(load, 1, "post_processor.upsample.weight");
    net->context = orf_load_dim(load, 1, BLOCK "attn2.to_k.weight", 0u);
    net->hidden = orf_load_dim(load, 1, BLOCK "ff.net.2.weight", 0u);
    net->depth = orf_load_count(load, BLOCK "norm1.weight");
    if (!net->options.heads)
        net->options.heads = (unsigned)(net->width / 64);
    if (net->width && net->side && net->channels && net->context && net->hidden && net->depth &&
        net->options.heads && net->width % net->options.heads == 0)
        return true;
    orf_load_fail(load, "no TripoSR net");
    return false;
}

static void
load_all(OrfNetLoad *load, OrfTripoSr *net)
{
    size_t d = net->width;
    load_embeddings(load, net);
    net->norm.w = orf_load_tensor(load, ORF_SHAPE(d), "backbone.norm.weight");
    net->norm.b = orf_load_tensor(load, ORF_SHAPE(d), "backbone.norm.bias");
    net->proj_in = orf_load_linear(load, d, d, true, "backbone.proj_in");
    net->blocks = g_new0(Block, net->depth);
    for (unsigned i = 0; i < net->depth && orf_compute_ok(load->c); i++)
        load_block(load, net, i);
    net->proj_out = orf_load_linear(load, d, d, true, "backbone.proj_out");
    load_upsample(load, net);
    load_layers(load, net);
}

OrfTripoSr *
orf_triposr_new(OrfCompute *c, const OrfCheckpoint *checkpoint,
                const OrfTripoSrOptions *options)
{
    g_autoptr(OrfTripoSr) net = g_new0(OrfTripoSr, 1);
    OrfNetLoad load;
    if (options)
        net->options = *options;
    if (!net->options.image_side)
        net->options.image_side = 512;
    if (!(net->options.radius > 0))
        net->options.radius = 0.87;
    if (!(net->options.density_bias < 0))
        net->options.density_bias = -1;
    net->vit = orf_vit_new(
        c, checkpoint, "image_tokenizer.model.",
        &(OrfVitOptions){ net->options.vit_heads, .eps = 1e-12, .stretched_grid = true });
    orf_load_init(&load, c, checkpoint, "");
    if (net->vit && read_sizes(&load, net))
        load_all(&load, net);
    net->keep = orf_load_steal_keep(&load);
    orf_load_clear(&load);
    return orf_compute_ok(c) ? g_steal_pointer(&net) : NULL;
}

/* --- The picture -------------------------------------------------------------------------- */

typedef struct {
    size_t x0, y0, x1, y1; /* inclusive extremes of what alpha shows */
} Box;

static bool
find_box(const uint8_t *rgba, size_t width, size_t height, Box *ret)
{
    *ret = (Box){ width, height, 0, 0 };
    for (size_t y = 0; y < height; y++)
        for (size_t x = 0; x < width; x++)
            if (rgba[(y * width + x) * 4 + 3]) {
                ret->x0 = MIN(ret->x0, x);
                ret->y0 = MIN(ret->y0, y);
                ret->x1 = MAX(ret->x1, x);
                ret->y1 = MAX(ret->y1, y);
            }
    return ret->x0 < ret->x1 && ret->y0 < ret->y1;
}

uint8_t *
orf_triposr_crop(OrfTask *task, const uint8_t *rgba, size_t width, size_t height, double ratio,
                 size_t *ret_side, GError **error)
{
    Box box;
    if (!find_box(rgba, width, height, &box))
        return ORF_FAIL(error, BAD_INPUT,
                        "nothing is left of the picture: its alpha hides everything");
    size_t w = box.x1 - box.x0, h = box.y1 - box.y0, s = MAX(w, h);
    size_t n = (size_t)((double)s / (ratio > 0 ? ratio : 0.85)), p = (n - s) / 2;
    uint8_t *out = ORF_ALLOC(task, uint8_t, n * n * 4, "picture", error);
    if (!out)
        return NULL;
    size_t left = p + (s - w) / 2, top = p + (s - h) / 2;
    for (size_t y = 0; y < h; y++)
        memcpy(out + ((top + y) * n + left) * 4, rgba + ((box.y0 + y) * width + box.x0) * 4,
               w * 4);
    *ret_side = n;
    return out;
}

void
orf_triposr_composite(const uint8_t *rgba, size_t pixels, uint8_t *rgb)
{
    for (size_t i = 0; i < pixels * 3; i++) {
        float v = (float)rgba[i / 3 * 4 + i % 3] / 255.0f,
              a = (float)rgba[i / 3 * 4 + 3] / 255.0f;
        rgb[i] = (uint8_t)((v * a + (1 - a) * 0.5f) * 255.0f);
    }
}

OrfTensor *
orf_triposr_pixels(OrfCompute *c, const OrfTripoSr *net, const uint8_t *rgb, size_t width,
                   size_t height)
{
    static const float mean[] = { 0.485f, 0.456f, 0.406f }, dev[] = { 0.229f, 0.224f, 0.225f };
    size_t s = net->options.image_side, n = MAX(width * height, s * s) * 3;
    GError *error = NULL;
    orf_autofree float *values = ORF_ALLOC(orf_compute_task(c), float, n, "picture", &error);
    if (!values) {
        orf_compute_take_error(c, error);
        return NULL;
    }
    for (size_t i = 0; i < width * height * 3; i++)
        values[i] = (float)rgb[i] / 255.0f;
    g_autoptr(OrfTensor) picture = orf_tensor_from(c, ORF_SHAPE(1, height, width, 3), values);
    g_autoptr(OrfTensor) sized =
        orf_tensor_resize(c, picture, s, s, &(OrfResize){ .antialias = true });
    if (!orf_tensor_read(c, sized, values))
        return NULL;
    for (size_t i = 0; i < s * s * 3; i++)
        values[i] = (values[i] - mean[i % 3]) / dev[i % 3];
    g_autoptr(OrfTensor) normal = orf_tensor_from(c, ORF_SHAPE(1, s * s, 3), values);
    g_autoptr(OrfTensor) planes = orf_tensor_transpose(c, normal);
    return planes ? orf_tensor_reshape(c, planes, ORF_SHAPE(1, 3, s, s)) : NULL;
}

/* --- The backbone ------------------------------------------------------------------------- */

OrfTensor *
orf_triposr_encode(OrfCompute *c, const OrfTripoSr *net, const OrfTensor *pixels)
{
    return orf_vit_forward(c, net->vit, pixels);
}

static OrfTensor *
norm(OrfCompute *c, const OrfTensor *x, const Affine *a)
{
    return orf_tensor_norm(c, x, &(OrfNorm){ .eps = 1e-5, .weight = a->w, .bias = a->b });
}

static OrfTensor *
self_attention(OrfCompute *c, const OrfTripoSr *net, const Block *block, const OrfTensor *x)
{
    size_t d = net->width, heads = net->options.heads;
    g_autoptr(OrfTensor) h = norm(c, x, &block->norm1);
    g_autoptr(OrfTensor) qkv = orf_tensor_linear(c, h, block->qkv, NULL);
    g_autoptr(OrfTensor) q = orf_tensor_slice(c, qkv, 2, 0, d);
    g_autoptr(OrfTensor) k = orf_tensor_slice(c, qkv, 2, d, d);
    g_autoptr(OrfTensor) v = orf_tensor_slice(c, qkv, 2, 2 * d, d);
    OrfAttention how = { .heads = heads, .dim = d / heads };
    g_autoptr(OrfTensor) a = orf_tensor_attention(c, q, k, v, &how);
    return orf_tensor_linear(c, a, block->out1, &(OrfLinear){ .add = x });
}

static OrfTensor *
cross_attention(OrfCompute *c, const OrfTripoSr *net, const Block *block, const OrfTensor *x,
                const OrfTensor *tokens)
{
    size_t d = net->width, heads = net->options.heads;
    g_autoptr(OrfTensor) h = norm(c, x, &block->norm2);
    g_autoptr(OrfTensor) q = orf_tensor_linear(c, h, block->q, NULL);
    g_autoptr(OrfTensor) kv = orf_tensor_linear(c, tokens, block->kv, NULL);
    g_autoptr(OrfTensor) k = orf_tensor_slice(c, kv, 2, 0, d);
    g_autoptr(OrfTensor) v = orf_tensor_slice(c, kv, 2, d, d);
    OrfAttention how = { .heads = heads, .dim = d / heads };
    g_autoptr(OrfTensor) a = orf_tensor_attention(c, q, k, v, &how);
    return orf_tensor_linear(c, a, block->out2, &(OrfLinear){ .add = x });
}

static OrfTensor *
feed_forward(OrfCompute *c, const Block *block, const OrfTensor *x)
{
    g_autoptr(OrfTensor) h = norm(c, x, &block->norm3);
    g_autoptr(OrfTensor) u = orf_tensor_linear(c, h, block->up, NULL);
    g_autoptr(OrfTensor) g = orf_tensor_glu(c, u, ORF_ACT_GELU, false);
    return orf_tensor_linear(c, g, block->down, &(OrfLinear){ .add = x });
}

OrfTensor *
orf_triposr_planes(OrfCompute *c, const OrfTripoSr *net, const OrfTensor *tokens)
{
    size_t d = net->width, s = net->side, t = 3 * s * s;
    g_autoptr(OrfTensor) g =
        orf_tensor_group_norm(c, net->embeddings, 32, 1e-6, net->norm.w, net->norm.b);
    g_autoptr(OrfTensor) flat = orf_tensor_linear(c, g, net->proj_in, NULL);
    orf_compute_rung(c, flat, "proj_in");
    g_autoptr(OrfTensor) x = flat ? orf_tensor_reshape(c, flat, ORF_SHAPE(1, t, d)) : NULL;
    for (unsigned i = 0; i < net->depth && orf_compute_ok(c); i++) {
        const Block *block = &net->blocks[i];
        orf_tensor_set(&x, self_attention(c, net, block, x));
        orf_compute_rung(c, x, "b%u_self", i);
        orf_tensor_set(&x, cross_attention(c, net, block, x, tokens));
        orf_compute_rung(c, x, "b%u_cross", i);
        orf_tensor_set(&x, feed_forward(c, block, x));
        orf_compute_rung(c, x, "block%u", i);
    }
    g_autoptr(OrfTensor) residual = orf_tensor_reshape(c, net->embeddings, ORF_SHAPE(1, t, d));
    g_autoptr(OrfTensor) y =
        orf_tensor_linear(c, x, net->proj_out, &(OrfLinear){ .add = residual });
    g_autoptr(OrfTensor) pictures = y ? orf_tensor_reshape(c, y, ORF_SHAPE(3, s, s, d)) : NULL;
    return orf_tensor_conv_up(c, pictures, net->upsample, 2);
}

/* --- The field ---------------------------------------------------------------------------- */

typedef struct {
    const float *planes, *points;
    float *out;
    size_t side, channels;
    float radius;
} Sampling;

/* Bilinear with half-pixel centres; samples outside count as nothing. */
static void
sample_plane(const Sampling *s, size_t plane, float across, float down, float *out)
{
    float fx = ((across + 1) * (float)s->side - 1) / 2,
          fy = ((down + 1) * (float)s->side - 1) / 2;
    float x0 = floorf(fx), y0 = floorf(fy);
    memset(out, 0, s->channels * sizeof *out);
    for (int corner = 0; corner < 4; corner++) {
        float x = x0 + (float)(corner & 1), y = y0 + (float)(corner >> 1);
        float weight = (1 - fabsf(fx - x)) * (1 - fabsf(fy - y));
        if (!(x >= 0 && y >= 0 && x < (float)s->side && y < (float)s->side))
            continue;
        const float *from =
            s->planes + ((plane * s->side + (size_t)y) * s->side + (size_t)x) * s->channels;
        for (size_t i = 0; i < s->channels; i++)
            out[i] += weight * from[i];
    }
}

static void
sample_points(size_t begin, size_t end, void *data)
{
    static const unsigned axes[3][2] = { { 0, 1 }, { 0, 2 }, { 1, 2 } };
    const Sampling *s = data;
    for (size_t i = begin; i < end; i++)
        for (size_t plane = 0; plane < 3; plane++)
            sample_plane(s, plane, s->points[3 * i + axes[plane][0]] / s->radius,
                         s->points[3 * i + axes[plane][1]] / s->radius,
                         s->out + (3 * i + plane) * s->channels);
}

OrfTensor *
orf_triposr_query(OrfCompute *c, const OrfTripoSr *net, const float *planes,
                  const float *points, size_t n)
{
    GError *error = NULL;
    OrfTask *task = orf_compute_task(c);
    orf_autofree float *features =
        ORF_ALLOC(task, float, n * 3 * net->channels, "samples of the planes", &error);
    if (!features) {
        orf_compute_take_error(c, error);
        return NULL;
    }
    Sampling sampling = { planes,        points,        features,
                          2 * net->side, net->channels, (float)net->options.radius };
    orf_task_parallel(task, n, 1024, sample_points, &sampling);
    g_autoptr(OrfTensor) x = orf_tensor_from(c, ORF_SHAPE(n, 3 * net->channels), features);
    for (unsigned i = 0; i < net->n_layers; i++) {
        OrfLinear how = { i + 1 < net->n_layers ? ORF_ACT_SILU : ORF_ACT_NONE };
        orf_tensor_set(&x, orf_tensor_linear(c, x, net->layers[i], &how));
    }
    return g_steal_pointer(&x);
}

float
orf_triposr_density(const OrfTripoSr *net, float raw)
{
    return expf(MIN(raw + (float)net->options.density_bias, 80));
}
