/* family.c - which published network a checkpoint is, by the names in it, and its licence.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "net/net.h"

#include <string.h>

typedef struct {
    OrfNetFamily about;
    const char *has[3], *lacks; /* names of arrays */
} Known;

#define TENCENT "Tencent Hunyuan community licence (over a million users a month: ask)"
#define TENCENT_VOID "void in the European Union, the United Kingdom and South Korea"

/* The first that fits. */
static const Known known[] = {
    { { "hunyuan3d-2.1", "Hunyuan3D 2.1", "shape", TENCENT, TENCENT_VOID,
        "config.yaml, model.fp16.ckpt" },
      { "model.x_embedder.weight", "model.blocks.0.attn1.q_norm.weight" },
      NULL },
    { { "hunyuan3d-2.0-guided", "Hunyuan3D 2.0 fast or turbo (also mini, multi-view)", "shape",
        TENCENT, TENCENT_VOID, "config.yaml, model.fp16.safetensors" },
      { "model.latent_in.weight", "model.guidance_in.in_layer.weight" },
      NULL },
    { { "hunyuan3d-2.0", "Hunyuan3D 2.0 (also mini, multi-view)", "shape", TENCENT,
        TENCENT_VOID, "config.yaml, model.fp16.safetensors" },
      { "model.latent_in.weight" },
      NULL },
    { { "hunyuan3d-vae", "Hunyuan3D shape decoder", "field", TENCENT, TENCENT_VOID,
        "config.yaml, model.fp16.safetensors" },
      { "geo_decoder.query_proj.weight", "geo_decoder.ln_post.weight" },
      NULL },
    { { "hunyuan3d-vae-turbo", "Hunyuan3D shape decoder, small (FlashVDM)", "field", TENCENT,
        TENCENT_VOID, "config.yaml, model.fp16.safetensors" },
      { "geo_decoder.query_proj.weight" },
      NULL },
    { { "triposr", "TripoSR", "coloured shape", "MIT", "", "config.yaml, model.ckpt" },
      { "tokenizer.embeddings", "backbone.proj_in.weight" },
      NULL },
    { { "triposg-transformer", "TripoSG, denoiser", "shape", "MIT", "",
        "config.json, diffusion_pytorch_model.safetensors" },
      { "time_proj.linear_1.weight", "blocks.0.attn1.norm_q.weight" },
      NULL },
    { { "triposg-vae", "TripoSG, decoder", "field", "MIT", "",
        "config.json, diffusion_pytorch_model.safetensors" },
      { "decoder.proj_query.weight" },
      NULL },
    { { "isnet", "IS-Net (DIS)", "mask", "Apache-2.0 (code; ask where the weights come from)",
        "", "one .onnx or .pth" },
      { "conv_in.weight", "stage1.rebnconvin.conv_s1.weight" },
      NULL },
    { { "u2net", "U2-Net or U2-Netp", "mask", "Apache-2.0", "", "one .onnx or .pth" },
      { "stage1.rebnconvin.conv_s1.weight", "outconv.weight" },
      "conv_in.weight" },
    { { "dinov2", "DINOv2 picture encoder", "features", "Apache-2.0", "",
        "config.json, model.safetensors" },
      { "embeddings.cls_token", "encoder.layer.0.layer_scale1.lambda1" },
      NULL },
};

const OrfNetFamily *const *
orf_net_families(void)
{
    static const OrfNetFamily *const table[] = {
        &known[0].about, &known[1].about, &known[2].about,  &known[3].about,
        &known[4].about, &known[5].about, &known[6].about,  &known[7].about,
        &known[8].about, &known[9].about, &known[10].about, NULL,
    };
    G_STATIC_ASSERT(G_N_ELEMENTS(table) == G_N_ELEMENTS(known) + 1);
    return table;
}

static const OrfNetFamily *
recognise(const OrfCheckpoint *checkpoint)
{
    for (size_t i = 0; i < G_N_ELEMENTS(known); i++) {
        bool fits = !known[i].lacks || !orf_checkpoint_find(checkpoint, known[i].lacks);
        for (size_t k = 0; k < G_N_ELEMENTS(known[i].has) && known[i].has[k]; k++)
            fits &= orf_checkpoint_find(checkpoint, known[i].has[k]) != NULL;
        if (fits)
            return &known[i].about;
    }
    return NULL;
}

/* The one checkpoint of a folder, by the names that are published. */
static char *
file_in(const char *path, GError **error)
{
    static const char *const names[] = {
        "model.fp16.safetensors",
        "model.safetensors",
        "model.fp16.ckpt",
        "model.ckpt",
        "weights.safetensors",
        "diffusion_pytorch_model.safetensors",
        "model.safetensors.index.json",
        "diffusion_pytorch_model.safetensors.index.json",
    };
    if (!g_file_test(path, G_FILE_TEST_IS_DIR))
        return g_strdup(path);
    for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
        g_autofree char *file = g_build_filename(path, names[i], NULL);
        if (g_file_test(file, G_FILE_TEST_EXISTS))
            return g_steal_pointer(&file);
    }
    return ORF_FAIL(
        error, NOT_FOUND,
        "%s: no checkpoint there (model.safetensors, model.fp16.ckpt, ...); name the "
        "file itself",
        path);
}

static void
count_word(GHashTable *words, const char *word)
{
    guint n = GPOINTER_TO_UINT(g_hash_table_lookup(words, word));
    g_hash_table_insert(words, g_strdup(word), GUINT_TO_POINTER(n + 1));
}

/* "bf16 12, f16 3", most first. */
static char *
tally_of(GHashTable *words)
{
    g_autoptr(GString) text = g_string_new(NULL);
    while (g_hash_table_size(words)) {
        GHashTableIter iter;
        gpointer word, n;
        const char *best = NULL;
        guint most = 0;
        g_hash_table_iter_init(&iter, words);
        while (g_hash_table_iter_next(&iter, &word, &n)) {
            guint count = GPOINTER_TO_UINT(n);
            if (count > most || (count == most && best && strcmp(word, best) < 0)) {
                best = word;
                most = count;
            }
        }
        g_string_append_printf(text, "%s%s %u", text->len ? ", " : "", best, most);
        g_hash_table_remove(words, best);
    }
    return g_strdup(text->str);
}

bool
orf_net_inspect(OrfTask *task, const char *path, OrfNetInfo *ret, GError **error)
{
    g_autofree char *file = file_in(path, error);
    g_autoptr(OrfCheckpoint) checkpoint =
        file ? orf_checkpoint_open(task, file, NULL, error) : NULL;
    if (!checkpoint)
        return false;
    g_autoptr(GHashTable) dtypes = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    g_autoptr(GHashTable) parts = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    *ret = (OrfNetInfo){ .family = recognise(checkpoint),
                         .bytes = orf_checkpoint_bytes(checkpoint),
                         .arrays = orf_checkpoint_n(checkpoint),
                         .format = g_strdup(orf_checkpoint_format(checkpoint)) };
    for (size_t i = 0; i < ret->arrays; i++) {
        const OrfEntry *entry = orf_checkpoint_entry(checkpoint, i);
        size_t dot = strcspn(entry->name, ".");
        g_autofree char *part = g_strndup(entry->name, dot);
        ret->parameters += entry->count;
        count_word(dtypes, orf_dtype_info(entry->dtype)->name);
        count_word(parts, part);
    }
    ret->dtypes = tally_of(dtypes);
    ret->parts = tally_of(parts);
    return true;
}

void
orf_net_info_clear(OrfNetInfo *info)
{
    g_clear_pointer(&info->format, g_free);
    g_clear_pointer(&info->dtypes, g_free);
    g_clear_pointer(&info->parts, g_free);
}
