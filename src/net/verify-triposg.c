/* verify-triposg.c - recorded cases of TripoSG's denoiser and decoder.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "net/hunyuan.h"
#include "net/triposg.h"
#include "net/verify.h"

/* The recorded frequencies carry the noise of an f32 argument of 1000. */
static void
verify_dit(OrfCase *it)
{
    static const char *const names[][2] = {
        { "t_freq", "tfreq" },
        { "b0.norm1", "b0_norm1" },
        { "b0.attn1.q", "b0_self_q" },
        { "b0.attn1.k", "b0_self_k" },
        { "b0.attn2.q", "b0_cross_q" },
        { "b0.attn2.k", "b0_cross_k" },
        { "blocks[0]", "block0" },
        { "blocks[1]", "block1" },
        { "blocks[2]", "block2" },
        { "blocks[3]", "block3" },
        { "blocks[4]", "block4" },
        { "b3.skip_linear", "b3_skiplin" },
        { "b3.skip_norm", "b3_skip" },
        { "norm_final", "norm_out" },
        { NULL, NULL },
    };
    g_autoptr(OrfMoe) net = orf_moe_new(it->c, it->weights, "", 1);
    g_autoptr(OrfTensor) x = orf_case_tensor(it, "in.x"),
                         context = orf_case_tensor(it, "in.cond");
    OrfShape shape = { 0 };
    orf_autofree float *times = orf_case_values(it, "in.timestep", &shape);
    if (!net || !times || shape.dim[0] > 8 || !context)
        return;
    double t[8];
    for (size_t i = 0; i < shape.dim[0]; i++)
        t[i] = times[i];
    it->names = names;
    it->block_limit = MAX(it->block_limit, 6e-5);
    orf_case_watch(it, "mid.");
    g_autoptr(OrfTensor) v = orf_moe_forward(it->c, net, x, context, t);
    orf_case_watch(it, NULL);
    orf_case_compare(it, "out.v", v, it->end_limit);
    size_t n = orf_shape_size(orf_tensor_shape(context));
    g_autofree float *zeros = g_new0(float, n);
    g_autoptr(OrfTensor) nothing = orf_tensor_from(it->c, *orf_tensor_shape(context), zeros);
    g_autoptr(OrfTensor) u = orf_moe_forward(it->c, net, x, nothing, t);
    orf_case_compare(it, "out.v_uncond", u, it->end_limit);
}

static void
verify_decoder(OrfCase *it)
{
    unsigned heads = (unsigned)orf_config_number(it->config, "num_attention_heads", 8);
    g_autoptr(OrfTripoSgVae) vae = orf_triposg_vae_new(it->c, it->weights, heads);
    g_autoptr(OrfTensor) z = orf_case_tensor(it, "in.latents");
    OrfShape shape = { 0 };
    orf_autofree float *points = orf_case_values(it, "in.points", &shape);
    if (!vae || !points)
        return;
    orf_case_watch(it, "mid.");
    g_autoptr(OrfTensor) keys = orf_triposg_vae_keys(it->c, vae, z);
    orf_case_watch(it, NULL);
    g_autoptr(OrfTensor) f = orf_triposg_vae_query(it->c, vae, keys, points, shape.dim[1]);
    orf_case_compare(it, "out.F", f, it->end_limit);
}

const OrfCaseKind orf_cases_triposg[] = {
    { "out.v_uncond", "time_proj.linear_1.weight", verify_dit },
    { "out.F", "decoder.proj_query.weight", verify_decoder },
    { NULL, NULL, NULL },
};
