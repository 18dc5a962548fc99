/* cutout-net.c - the cut-out by a matting net that is installed: joins image and net.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * The net sees a picture once: its mask stays for a while under the picture's digest, so that
 * the look of `auto`, the preview and the final stage share one forward pass. Weights and masks
 * are residents of the engine: they go when memory is wanted. */
#include "engine/cutout-net.h"

#include "image/image.h"
#include "net/net.h"

#include <math.h>
#include <string.h>

static const double FLAT_RESPONSE = 0.5; /* a net that sees a subject spans more of 0..1 */

/* --- Which net ---------------------------------------------------------------------------- */

static bool
fits(const OrfNetInstalled *net, const char *wanted)
{
    return g_str_equal(net->family->makes, "mask") &&
           (!*wanted || g_str_equal(net->family->name, wanted));
}

/* IS-Net sees three times as much as U2-Net: it goes first. NULL: none. Caller owns. */
static OrfNetInstalled *
find_net(OrfEngine *engine, const char *wanted)
{
    g_autoptr(GPtrArray) all = orf_net_installed(NULL, orf_engine_net_folders(engine));
    guint best = G_MAXUINT;
    for (guint i = 0; i < all->len; i++) {
        const OrfNetInstalled *net = all->pdata[i];
        if (!fits(net, wanted))
            continue;
        if (best == G_MAXUINT || g_str_equal(net->family->name, "isnet"))
            best = i;
        if (g_str_equal(net->family->name, "isnet"))
            break;
    }
    return best == G_MAXUINT ? NULL : g_ptr_array_steal_index(all, best);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(OrfNetInstalled, orf_net_installed_free)

/* Another file of that name, or the same file changed, is another net. */
static char *
identity(const OrfNetInstalled *net)
{
    return g_strdup_printf("%s:%" G_GUINT64_FORMAT ":%" G_GINT64_FORMAT, net->path, net->bytes,
                           net->changed);
}

/* --- The net, loaded ---------------------------------------------------------------------- */

static void *
load_net(OrfTask *task, void *data, GError **error)
{
    const OrfNetInstalled *net = data;
    (void)task; /* its budget is the run's; the resident's bytes are drawn from the engine */
    g_autoptr(OrfTask) own = orf_task_new(NULL);
    g_autoptr(OrfCheckpoint) checkpoint = orf_checkpoint_open(own, net->path, NULL, error);
    g_autoptr(OrfCompute) c = checkpoint ? orf_compute_new(own, NULL, error) : NULL;
    if (!c)
        return NULL;
    g_autoptr(OrfMatting) matting = orf_matting_new(c, checkpoint);
    return orf_compute_end(c, error) ? g_steal_pointer(&matting) : NULL;
}

static void
unload_net(void *value)
{
    orf_matting_free(value);
}

/* --- A mask ------------------------------------------------------------------------------- */

typedef struct {
    unsigned width, height;
    uint8_t *bytes;
    double contrast;
} Mask;

static void
mask_free(void *value)
{
    Mask *mask = value;
    orf_free(mask->bytes);
    g_free(mask);
}

typedef struct {
    const OrfNetInstalled *net;
    const char *identity;
    const OrfCutoutWish *wish;
    const OrfImage *image;
} Job;

/* Packed RGB of a picture of three or four channels. */
static uint8_t *
rgb_of(OrfTask *task, const OrfImage *image, GError **error)
{
    size_t n = (size_t)orf_image_width(image) * orf_image_height(image);
    size_t channels = orf_image_channels(image);
    const uint8_t *from = orf_image_u8(image);
    if (!from || channels < 3)
        return ORF_FAIL(error, BUG, "cut out: a net wants RGB of 8 bits");
    uint8_t *rgb = ORF_ALLOC(task, uint8_t, n * 3, "picture", error);
    for (size_t i = 0; i < n && rgb; i++)
        memcpy(rgb + 3 * i, from + channels * i, 3);
    return rgb;
}

static Mask *
run_net(OrfTask *task, const OrfMatting *matting, const OrfImage *image, GError **error)
{
    unsigned width = orf_image_width(image), height = orf_image_height(image);
    orf_autofree uint8_t *rgb = rgb_of(task, image, error);
    g_autoptr(OrfCompute) c = rgb ? orf_compute_new(task, NULL, error) : NULL;
    if (!c)
        return NULL;
    Mask mask = { width, height, NULL, 0 };
    mask.bytes = orf_matting_mask(c, matting, rgb, width, height, 0, &mask.contrast);
    if (!orf_compute_end(c, error)) {
        orf_free(mask.bytes);
        return NULL;
    }
    return g_memdup2(&mask, sizeof mask);
}

static void *
make_mask(OrfTask *task, void *data, GError **error)
{
    const Job *job = data;
    g_autoptr(OrfImage) own = NULL;
    const OrfImage *image = job->image;
    if (job->wish->picture && !(image = own = job->wish->picture(task, job->wish->data, error)))
        return NULL;
    OrfResidentOptions options = { .key = job->identity,
                                   .bytes = (size_t)(job->net->parameters * sizeof(float)),
                                   .load = load_net,
                                   .unload = unload_net,
                                   .data = (void *)job->net };
    g_autoptr(OrfResident) net = orf_resident_get(task, &options, error);
    return net ? run_net(task, orf_resident_value(net), image, error) : NULL;
}

/* --- What it is worth --------------------------------------------------------------------- */

/* A mask that is neither here nor there over much of its subject is a guess. */
static double
confidence(const Mask *mask)
{
    size_t n = (size_t)mask->width * mask->height, inside = 0, torn = 0;
    for (size_t i = 0; i < n; i++) {
        inside += mask->bytes[i] >= 128;
        torn += mask->bytes[i] > 50 && mask->bytes[i] < 205;
    }
    double share = (double)inside / (double)n;
    if (mask->contrast < FLAT_RESPONSE || share < 0.002 || share > 0.98)
        return 0.2;
    return CLAMP(1 - (double)torn / (double)inside, 0.1, 0.97);
}

static OrfImage *
alpha_of(OrfTask *task, const Mask *mask, GError **error)
{
    size_t n = (size_t)mask->width * mask->height;
    float *alpha = ORF_ALLOC(task, float, n, "alpha", error);
    for (size_t i = 0; i < n && alpha; i++)
        alpha[i] = (float)mask->bytes[i] / 255;
    return alpha ? orf_image_new_take(mask->width, mask->height, 1, ORF_F32, alpha) : NULL;
}

static OrfImage *
cut_by(OrfTask *task, const Job *job, OrfCutout *how, GError **error)
{
    g_autofree char *key =
        job->wish->key ? g_strdup_printf("mask:%s:%s", job->wish->key, job->identity) : NULL;
    OrfResidentOptions options = { .key = key,
                                   .bytes = (size_t)1 << 20, /* 1024 x 1024 at most */
                                   .load = make_mask,
                                   .unload = mask_free,
                                   .data = (void *)job };
    g_autoptr(OrfResident) kept = key ? orf_resident_get(task, &options, error) : NULL;
    Mask *mask = kept ? orf_resident_value(kept) : NULL;
    if (!key)
        mask = make_mask(task, (void *)job, error);
    if (!mask)
        return NULL;
    how->confidence = confidence(mask);
    g_snprintf(how->reason, sizeof how->reason, "by the net %s (%s)", job->net->name,
               job->net->family->title);
    g_autoptr(OrfImage) alpha = alpha_of(task, mask, error);
    if (!key)
        mask_free(mask);
    return g_steal_pointer(&alpha);
}

static OrfImage *
cut(OrfTask *task, const OrfImage *image, OrfCutout *how, void *data, GError **error)
{
    const OrfCutoutWish *wish = data;
    g_autoptr(OrfNetInstalled) net = find_net(orf_task_engine(task), wish->net);
    if (!net && !*wish->net)
        return NULL;
    if (!net)
        return ORF_FAIL(error, NOT_FOUND,
                        "cut out: no net %s is installed; \"orfeas net list\" tells where nets "
                        "are looked for",
                        wish->net);
    g_autofree char *id = identity(net);
    g_autoptr(GError) why = NULL;
    OrfImage *alpha = cut_by(task, &(Job){ net, id, wish, image }, how, &why);
    if (!alpha && (*wish->net || why->code == ORF_ERROR_CANCELLED))
        g_propagate_error(error, g_steal_pointer(&why));
    else if (!alpha)
        orf_task_note(task, "cut out without the net %s: %s", net->name, why->message);
    return alpha;
}

static void
identify(OrfEngine *engine, const char *wanted, OrfDigester *digester)
{
    g_autoptr(OrfNetInstalled) net = find_net(engine, wanted);
    if (!net)
        return;
    g_autofree char *text = g_strdup_printf("%s:%" G_GUINT64_FORMAT ":%" G_GINT64_FORMAT,
                                            net->family->name, net->bytes, net->changed);
    orf_digester_add(digester, text, strlen(text) + 1);
}

static const OrfCutoutNets nets = { .cut = cut, .identify = identify };

void
orf_engine_offer_cutout(OrfEngine *engine)
{
    orf_engine_offer(engine, ORF_CUTOUT_OFFER, &nets);
}
