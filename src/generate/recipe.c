/* recipe.c - a wish: generator, parameters, inputs; and its digest.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "generate/generate-priv.h"

#include <math.h>
#include <string.h>

const OrfParam orf_common_params[] = {
    ORF_LENGTH("size", 1, 5000, "100", "Longest side of the result."),
    ORF_CHOICE("quality", "draft|standard|high", "standard",
               "More detail costs time: draft, standard or high."),
    ORF_INT("seed", 0, 9007199254740991, "0",
            "Same seed, same result; only methods that draw lots use it."),
    ORF_LENGTH("wall", 0, 50, "0.8",
               "No part of the result is thinner than this: two lines of a 0.4 mm nozzle."),
    ORF_BOOL("texture", "true", "Put the picture's colours on the result."),
    ORF_INT("texture-size", 64, 4096, "1024", "Side of the texture in pixels."),
    ORF_CHOICE(
        "cutout", "auto|classic|isnet|u2net|alpha|flat|scene|ink|grabcut|none", "auto",
        "How the subject is cut out of the picture: auto asks a matting net where one is "
        "installed, classic none; none takes the whole frame."),
    ORF_CHOICE(
        "back", "auto|mirror|plain", "auto",
        "What the unseen back shows: the front mirrored, or plain colours grown from the rim."),
    ORF_CHOICE("pose", "stand|lie", "stand",
               "Stand upright, or lie on the back: plates print best lying."),
    ORF_CHOICE("upto", "preview|medium|final|finished", "finished", "Stop after this stage."),
};
const size_t orf_n_common_params = G_N_ELEMENTS(orf_common_params);

/* --- Make, share -------------------------------------------------------------------------- */

static void
picture_free(void *data)
{
    OrfPicture *picture = data;
    g_clear_pointer(&picture->bytes, g_bytes_unref);
    g_free(picture->name);
    g_free(picture);
}

static OrfPicture *
picture_copy(const OrfPicture *from)
{
    OrfPicture *picture = g_memdup2(from, sizeof *from);
    picture->bytes = from->bytes ? g_bytes_ref(from->bytes) : NULL;
    picture->name = g_strdup(from->name);
    return picture;
}

static OrfRecipe *
recipe_new(const OrfGenerator *generator)
{
    OrfRecipe *recipe = g_new0(OrfRecipe, 1);
    g_atomic_ref_count_init(&recipe->refs);
    recipe->generator = generator;
    recipe->settings = g_ptr_array_new_with_free_func(g_free);
    recipe->pictures = g_ptr_array_new_with_free_func(picture_free);
    recipe->params = orf_params_new();
    orf_params_add_table(recipe->params, orf_common_params, orf_n_common_params);
    orf_params_add_table(recipe->params, generator->params, generator->n_params);
    return recipe;
}

OrfRecipe *
orf_recipe_new(const char *generator, GError **error)
{
    const OrfGenerator *found = orf_generator_by_name(generator);
    if (!found)
        return ORF_FAIL(error, NOT_FOUND, "no generator \"%s\"", generator);
    return recipe_new(found);
}

OrfRecipe *
orf_recipe_ref(OrfRecipe *recipe)
{
    g_atomic_ref_count_inc(&recipe->refs);
    return recipe;
}

void
orf_recipe_unref(OrfRecipe *recipe)
{
    if (!recipe || !g_atomic_ref_count_dec(&recipe->refs))
        return;
    orf_params_free(recipe->params);
    g_ptr_array_unref(recipe->settings);
    g_ptr_array_unref(recipe->pictures);
    g_clear_pointer(&recipe->mask, g_bytes_unref);
    g_free(recipe->mask_name);
    g_free(recipe);
}

/* --- Parameters --------------------------------------------------------------------------- */

/* With auto the generator is not known yet: a setting is right when it is right for some
 * generator, and a name is known that is one of any generator's. */
static bool
some_generator_takes(const char *name, const char *text, GError **error)
{
    g_autoptr(GError) wrong = NULL;
    g_autoptr(OrfParams) all = orf_params_new();
    for (const OrfGenerator *const *g = orf_generators(); *g; g++) {
        g_autoptr(OrfParams) params = orf_params_new();
        orf_params_add_table(params, orf_common_params, orf_n_common_params);
        orf_params_add_table(params, (*g)->params, (*g)->n_params);
        orf_params_add_table(all, orf_common_params, orf_n_common_params);
        orf_params_add_table(all, (*g)->params, (*g)->n_params);
        g_autoptr(GError) why = NULL;
        if (orf_params_set(params, name, text, &why))
            return true;
        if (why->code == ORF_ERROR_NOT_FOUND)
            continue;
        g_clear_error(&wrong);
        wrong = g_steal_pointer(&why);
    }
    if (!wrong)
        return orf_params_set(all, name, text, error); /* fails, with the nearest name */
    g_propagate_error(error, g_steal_pointer(&wrong));
    return false;
}

bool
orf_recipe_set(OrfRecipe *recipe, const char *name, const char *text, GError **error)
{
    g_autoptr(GError) why = NULL;
    bool known = orf_params_set(recipe->params, name, text, &why);
    if (!known && recipe->generator == &orf_generator_auto) {
        if (!some_generator_takes(name, text, error))
            return false;
    } else if (!known) {
        g_propagate_error(error, g_steal_pointer(&why));
        return false;
    }
    g_ptr_array_add(recipe->settings, g_strdup(name));
    g_ptr_array_add(recipe->settings, g_strdup(text));
    return true;
}

static bool
declares(const OrfGenerator *generator, const char *name)
{
    for (size_t i = 0; i < orf_n_common_params; i++)
        if (g_str_equal(orf_common_params[i].name, name))
            return true;
    for (size_t i = 0; i < generator->n_params; i++)
        if (g_str_equal(generator->params[i].name, name))
            return true;
    return false;
}

static bool
apply_settings(OrfTask *task, const GPtrArray *settings, OrfRecipe *to, GError **error)
{
    for (guint i = 0; i + 1 < settings->len; i += 2) {
        const char *name = settings->pdata[i], *text = settings->pdata[i + 1];
        if (!declares(to->generator, name))
            orf_task_note(task, "%s does not apply to %s and was left out", name,
                          to->generator->name);
        else if (!orf_recipe_set(to, name, text, error))
            return false;
    }
    return true;
}

static void
copy_inputs(const OrfRecipe *from, OrfRecipe *to)
{
    for (guint i = 0; i < from->pictures->len; i++)
        g_ptr_array_add(to->pictures, picture_copy(from->pictures->pdata[i]));
    to->mask = from->mask ? g_bytes_ref(from->mask) : NULL;
    to->mask_name = g_strdup(from->mask_name);
    memcpy(to->mask_digest, from->mask_digest, sizeof to->mask_digest);
}

OrfRecipe *
orf_recipe_for(OrfTask *task, const OrfRecipe *recipe, const OrfGenerator *generator,
               GError **error)
{
    g_autoptr(OrfRecipe) other = recipe_new(generator);
    if (!apply_settings(task, recipe->settings, other, error))
        return NULL;
    copy_inputs(recipe, other);
    return g_steal_pointer(&other);
}

bool
orf_recipe_copy(const OrfRecipe *from, OrfRecipe *to, GError **error)
{
    for (guint i = 0; i + 1 < from->settings->len; i += 2)
        if (!orf_recipe_set(to, from->settings->pdata[i], from->settings->pdata[i + 1], error))
            return false;
    copy_inputs(from, to);
    return true;
}

char *
orf_recipe_kind(const OrfRecipe *recipe)
{
    GString *kind = g_string_new(recipe->generator->name);
    static const char *const decide[] = { "quality", "upto" };
    for (size_t i = 0; i < G_N_ELEMENTS(decide); i++) {
        const char *text = orf_params_text(recipe->params, decide[i]);
        if (!g_str_equal(text, orf_params_declared(recipe->params, decide[i])->fallback))
            g_string_append_printf(kind, "/%s", text);
    }
    return g_string_free(kind, FALSE);
}

/* --- Inputs ------------------------------------------------------------------------------- */

bool
orf_recipe_add_input(OrfRecipe *recipe, const OrfPicture *from, GError **error)
{
    OrfPicture all = *from;
    if (all.bytes) {
        if (!orf_image_init(error) || !orf_image_probe(all.bytes, all.name, &all.info, error))
            return false;
        all.size = g_bytes_get_size(all.bytes);
    }
    g_ptr_array_add(recipe->pictures, picture_copy(&all));
    return true;
}

bool
orf_recipe_add_picture(OrfRecipe *recipe, GBytes *bytes, const char *name, double yaw,
                       GError **error)
{
    return orf_recipe_add_input(
        recipe, &(OrfPicture){ .bytes = bytes, .name = (char *)name, .yaw = yaw }, error);
}

void
orf_recipe_set_mask_input(OrfRecipe *recipe, const OrfPicture *mask)
{
    g_clear_pointer(&recipe->mask, g_bytes_unref);
    g_free(recipe->mask_name);
    recipe->mask = mask->bytes ? g_bytes_ref(mask->bytes) : NULL;
    recipe->mask_name = g_strdup(mask->name);
    g_strlcpy(recipe->mask_digest, mask->digest, sizeof recipe->mask_digest);
}

void
orf_recipe_set_mask(OrfRecipe *recipe, GBytes *bytes, const char *name)
{
    orf_recipe_set_mask_input(recipe, &(OrfPicture){ .bytes = bytes, .name = (char *)name });
}

const OrfPicture *
orf_recipe_picture(const OrfRecipe *recipe, size_t index)
{
    g_assert(index < recipe->pictures->len);
    return recipe->pictures->pdata[index];
}

OrfImage *
orf_recipe_load(OrfTask *task, const OrfRecipe *recipe, size_t index,
                const OrfImageLoad *options, GError **error)
{
    const OrfPicture *picture = orf_recipe_picture(recipe, index);
    if (!picture->bytes)
        return ORF_FAIL(error, BUG, "%s: only its digest is here", picture->name);
    return orf_image_load(task, picture->bytes, picture->name, options, error);
}

/* --- Parameters as JSON, digest ----------------------------------------------------------- */

/* Set again later? The last one counts. */
static bool
set_again(const GPtrArray *settings, guint at)
{
    for (guint i = at + 2; i + 1 < settings->len; i += 2)
        if (g_str_equal(settings->pdata[i], settings->pdata[at]))
            return true;
    return false;
}

char *
orf_recipe_parameters(const OrfRecipe *recipe)
{
    g_autofree char *own = orf_params_canonical(recipe->params);
    g_autoptr(GString) json = g_string_new(own);
    g_string_truncate(json, json->len - 1); /* the closing brace */
    const GPtrArray *settings = recipe->settings;
    for (guint i = 0; i + 1 < settings->len; i += 2) {
        if (declares(recipe->generator, settings->pdata[i]) || set_again(settings, i))
            continue;
        g_string_append_c(json, ',');
        orf_json_string(json, settings->pdata[i]);
        g_string_append_c(json, ':');
        orf_json_string(json, settings->pdata[i + 1]);
    }
    g_string_append_c(json, '}');
    return g_string_free(g_steal_pointer(&json), FALSE);
}

static void
add_digest(OrfJson *json, const char *key, GBytes *bytes, const char *known)
{
    g_autofree char *taken = *known || !bytes ? g_strdup(known) : orf_digest_bytes(bytes);
    orf_json_add_text(json, key, taken);
}

static void
add_input(OrfJson *json, const OrfPicture *picture)
{
    orf_json_begin_object(json, NULL);
    add_digest(json, "sha256", picture->bytes, picture->digest);
    orf_json_add_number(json, "yaw", picture->yaw);
    orf_json_end(json);
}

/* What the generator says decides the result, too. */
static void
add_identity(OrfJson *json, OrfEngine *engine, const OrfRecipe *recipe)
{
    char hex[ORF_DIGEST_SIZE], nothing[ORF_DIGEST_SIZE];
    g_autoptr(OrfDigester) digester = orf_digester_new();
    if (recipe->generator->identify)
        recipe->generator->identify(engine, recipe, digester);
    if (recipe->pictures->len)
        orf_subject_identify(engine, recipe, digester);
    orf_digester_end(digester, hex);
    orf_digest("", 0, nothing);
    if (recipe->generator->identify || !g_str_equal(hex, nothing))
        orf_json_add_text(json, "identity", hex);
}

static int
by_setting_name(const void *a, const void *b, void *settings)
{
    const GPtrArray *all = settings;
    return strcmp(all->pdata[*(const guint *)a], all->pdata[*(const guint *)b]);
}

/* What was set for generators that auto may choose: as text, names sorted. */
static void
add_others(OrfJson *json, const OrfRecipe *recipe)
{
    GPtrArray *settings = recipe->settings;
    g_autoptr(GArray) order = g_array_new(FALSE, FALSE, sizeof(guint));
    for (guint i = 0; i + 1 < settings->len; i += 2)
        if (!declares(recipe->generator, settings->pdata[i]) && !set_again(settings, i))
            g_array_append_val(order, i);
    g_array_sort_with_data(order, by_setting_name, settings);
    orf_json_begin_object(json, "others");
    for (guint k = 0; k < order->len; k++) {
        guint at = g_array_index(order, guint, k);
        orf_json_add_text(json, settings->pdata[at], settings->pdata[at + 1]);
    }
    orf_json_end(json);
}

/* Names sorted throughout, as RFC 8785 wants them. */
char *
orf_recipe_digest(OrfEngine *engine, const OrfRecipe *recipe)
{
    g_autofree char *params = orf_params_canonical(recipe->params);
    g_autoptr(OrfJson) json = orf_json_new();
    orf_json_begin_object(json, NULL);
    orf_json_add_text(json, "engine", orf_version());
    orf_json_add_text(json, "generator", recipe->generator->name);
    add_identity(json, engine, recipe);
    orf_json_begin_array(json, "inputs");
    for (guint i = 0; i < recipe->pictures->len; i++)
        add_input(json, recipe->pictures->pdata[i]);
    orf_json_end(json);
    add_digest(json, "mask", recipe->mask, recipe->mask_digest);
    orf_json_add_text(json, "operation", "generate");
    add_others(json, recipe);
    orf_json_add_raw(json, "params", params);
    orf_json_end(json);
    g_autofree char *text = orf_json_steal(json);
    char hex[ORF_DIGEST_SIZE];
    orf_digest(text, strlen(text), hex);
    return g_strdup(hex);
}
