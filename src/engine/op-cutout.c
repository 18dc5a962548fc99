/* op-cutout.c - cutout: the subject of a picture without its background.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "engine/operation-priv.h"

static const OrfParam params[] = {
    ORF_CHOICE("method", "auto|classic|isnet|u2net|alpha|flat|scene|ink|grabcut", "auto",
               "How it is found: auto asks a matting net where one is installed."),
    ORF_BOOL("mask", "false", "The grey mask, not the picture."),
    ORF_INT("side", 0, 16384, "0", "Longer side of the result in pixels; 0: as the picture."),
    ORF_INT("seed", 0, 9007199254740991, "0", "Same seed, same result."),
};

static bool
is_net(const OrfParams *given)
{
    const char *name = orf_params_text(given, "method");
    return g_str_equal(name, "isnet") || g_str_equal(name, "u2net");
}

/* ORF_CUTOUT_NONE: whichever fits. */
static OrfCutoutMethod
method_of(const OrfParams *given)
{
    const char *name = orf_params_text(given, "method");
    for (OrfCutoutMethod method = ORF_CUTOUT_ALPHA; method <= ORF_CUTOUT_GRABCUT; method++)
        if (g_str_equal(name, orf_cutout_method_name(method)))
            return method;
    return is_net(given) ? ORF_CUTOUT_NET : ORF_CUTOUT_NONE;
}

static OrfImage *
ask_net(OrfTask *task, const OrfImage *image, OrfCutout *how, void *data, GError **error)
{
    const OrfCutoutNets *nets = orf_engine_offered(orf_task_engine(task), ORF_CUTOUT_OFFER);
    const OrfParams *given = data;
    const char *net = is_net(given) ? orf_params_text(given, "method") : "";
    if (!nets && *net)
        return ORF_FAIL(error, NOT_FOUND, "cut out: no nets are installed here");
    return nets ? nets->cut(task, image, how, &(OrfCutoutWish){ .net = net }, error) : NULL;
}

static void
tell(OrfOutcome *outcome, const OrfImage *picture, const OrfCutout *how)
{
    const char *method = orf_cutout_method_name(how->method);
    g_autoptr(OrfJson) json = orf_json_new();
    orf_json_begin_object(json, NULL);
    orf_json_add_text(json, "method", method);
    orf_json_add_fixed(json, "confidence", how->confidence, 3);
    orf_json_add_fixed(json, "coverage", how->coverage, 4);
    orf_json_add_int(json, "width", orf_image_width(picture));
    orf_json_add_int(json, "height", orf_image_height(picture));
    orf_json_add_text(json, "reason", how->reason);
    orf_json_end(json);
    outcome->facts = orf_json_steal(json);
    outcome->text =
        g_strdup_printf("%s, confidence %.2f: %s", method, how->confidence, how->reason);
}

static GBytes *
encode(OrfTask *task, const OrfImage *picture, const OrfImage *alpha, bool mask_only,
       GError **error)
{
    if (mask_only)
        return orf_image_encode(task, alpha, "png", 0, error);
    g_autoptr(OrfImage) rgba = orf_image_with_alpha(task, picture, alpha, error);
    return rgba ? orf_image_encode(task, rgba, "png", 0, error) : NULL;
}

static bool
run(OrfTask *task, const OrfOrder *order, OrfOutcome *outcome, GError **error)
{
    const OrfOrderInput *input = orf_order_input(order, 0);
    OrfCutoutOptions options = { .force = method_of(order->params),
                                 .seed = (uint64_t)orf_params_int(order->params, "seed"),
                                 .net = ask_net,
                                 .net_data = order->params };
    OrfImageLoad load = { .max_side = (unsigned)orf_params_int(order->params, "side") };
    if (!input->bytes)
        return ORF_FALSE(error, BUG, "%s: only its digest is here", input->name);
    g_autoptr(OrfImage) picture = orf_image_load(task, input->bytes, input->name, &load, error);
    if (!picture)
        return false;
    OrfCutout how = { 0 };
    if (g_str_equal(orf_params_text(order->params, "method"), "classic"))
        options.net = NULL;
    g_autoptr(OrfImage) alpha = orf_image_cut_out(task, picture, &options, &how, error);
    if (!alpha) {
        g_prefix_error(error, "%s: ", input->name);
        return false;
    }
    if (how.method == ORF_CUTOUT_NONE)
        return ORF_FALSE(error, BAD_INPUT, "%s: nothing to cut out: %s", input->name,
                         how.reason);
    GBytes *png = encode(task, picture, alpha, orf_params_bool(order->params, "mask"), error);
    if (!png)
        return false;
    orf_outcome_take_file(outcome, g_strdup("cutout.png"), "image/png", png);
    tell(outcome, picture, &how);
    return true;
}

const OrfOperation orf_operation_cutout = {
    .name = "cutout",
    .command = "cutout",
    .title = "the subject of a picture without its background",
    .help =
        "Writes a PNG with the background transparent, or with --mask the grey mask alone.\n"
        "Correct the mask in any paint program and hand it back: orfeas generate --mask MASK.",
    .params = params,
    .n_params = G_N_ELEMENTS(params),
    .letters = "m",
    .takes = ORF_TAKES_PICTURES,
    .least = 1,
    .most = 1,
    .makes = ORF_MAKES_FILES,
    .suffix = "-cutout.png",
    .run = run,
};
