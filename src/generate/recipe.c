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
    ORF_CHOICE("cutout", "auto|alpha|flat|scene|ink|grabcut|none", "auto",
               "How the subject is cut out of the picture; none takes the whole frame."),
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
    g_bytes_unref(picture->bytes);
    g_free(picture->name);
    g_free(picture);
}

static OrfPicture *
picture_copy(const OrfPicture *from)
{
    OrfPicture *picture = g_memdup2(from, sizeof *from);
    picture->bytes = g_bytes_ref(from->bytes);
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

OrfRecipe *
orf_recipe_for(OrfTask *task, const OrfRecipe *recipe, const OrfGenerator *generator,
               GError **error)
{
    g_autoptr(OrfRecipe) other = recipe_new(generator);
    if (!apply_settings(task, recipe->settings, other, error))
        return NULL;
    for (guint i = 0; i < recipe->pictures->len; i++)
        g_ptr_array_add(other->pictures, picture_copy(recipe->pictures->pdata[i]));
    other->mask = recipe->mask ? g_bytes_ref(recipe->mask) : NULL;
    other->mask_name = g_strdup(recipe->mask_name);
    return g_steal_pointer(&other);
}

/* --- Inputs ------------------------------------------------------------------------------- */

bool
orf_recipe_add_picture(OrfRecipe *recipe, GBytes *bytes, const char *name, double yaw,
                       GError **error)
{
    OrfImageInfo info;
    if (!orf_image_init(error) || !orf_image_probe(bytes, name, &info, error))
        return false;
    OrfPicture *picture = g_new0(OrfPicture, 1);
    *picture = (OrfPicture){ .bytes = g_bytes_ref(bytes),
                             .name = g_strdup(name),
                             .yaw = yaw,
                             .info = info,
                             .size = g_bytes_get_size(bytes) };
    g_ptr_array_add(recipe->pictures, picture);
    return true;
}

void
orf_recipe_set_mask(OrfRecipe *recipe, GBytes *bytes, const char *name)
{
    g_clear_pointer(&recipe->mask, g_bytes_unref);
    g_free(recipe->mask_name);
    recipe->mask = g_bytes_ref(bytes);
    recipe->mask_name = g_strdup(name);
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
add_input(OrfJson *json, const OrfPicture *picture)
{
    g_autofree char *digest = orf_digest_bytes(picture->bytes);
    orf_json_begin_object(json, NULL);
    orf_json_add_text(json, "sha256", digest);
    orf_json_add_number(json, "yaw", picture->yaw);
    orf_json_end(json);
}

char *
orf_recipe_digest(const OrfRecipe *recipe)
{
    g_autofree char *mask = recipe->mask ? orf_digest_bytes(recipe->mask) : g_strdup("");
    g_autofree char *params = orf_recipe_parameters(recipe);
    g_autoptr(OrfJson) json = orf_json_new();
    orf_json_begin_object(json, NULL);
    orf_json_add_text(json, "engine", orf_version());
    orf_json_add_text(json, "generator", recipe->generator->name);
    orf_json_begin_array(json, "inputs");
    for (guint i = 0; i < recipe->pictures->len; i++)
        add_input(json, recipe->pictures->pdata[i]);
    orf_json_end(json);
    orf_json_add_text(json, "mask", mask);
    orf_json_add_raw(json, "params", params);
    orf_json_end(json);
    g_autofree char *text = orf_json_steal(json);
    char hex[ORF_DIGEST_SIZE];
    orf_digest(text, strlen(text), hex);
    return g_strdup(hex);
}
