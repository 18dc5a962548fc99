/* request.c - a stored request as a recipe of the engine; what batches with what, what is the
 * same.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Names of pictures are for messages only: they belong to no key. */
#include "work/work.h"

#include <string.h>

/* --- Recipe ------------------------------------------------------------------------------- */

OrfRecipe *
orf_wish_recipe(const OrfJobRequest *request, OrfWishFaultFn fault, void *data, GError **error)
{
    g_autoptr(OrfRecipe) recipe = orf_recipe_new(request->generator, error);
    if (!recipe)
        return NULL;
    for (guint i = 0; i < request->settings->len; i++) {
        const OrfJobSetting *setting = request->settings->pdata[i];
        g_autoptr(GError) why = NULL;
        if (orf_recipe_set(recipe, setting->name, setting->text, &why))
            continue;
        if (!fault) {
            g_propagate_error(error, g_steal_pointer(&why));
            return NULL;
        }
        fault(setting->pointer, why, data);
    }
    return g_steal_pointer(&recipe);
}

void
orf_wish_request_settle(OrfJobRequest *request, const OrfRecipe *recipe)
{
    g_free(request->parameters);
    request->parameters = orf_engine_parameters_json(recipe);
    request->seed = g_ascii_strtoll(orf_job_request_setting(request, "seed", "0"), NULL, 10);
}

/* --- Kind and key ------------------------------------------------------------------------- */

char *
orf_wish_kind(const OrfJobRequest *request)
{
    const char *quality = orf_job_request_setting(request, "quality", "standard");
    const char *upto = orf_job_request_setting(request, "upto", "finished");
    bool plain = g_str_equal(quality, "standard"), whole = g_str_equal(upto, "finished");
    return g_strconcat("generate/", request->generator, plain ? "" : "/", plain ? "" : quality,
                       whole ? "" : "/", whole ? "" : upto, NULL);
}

struct OrfFields {
    OrfDigester *digester;
};

OrfFields *
orf_fields_new(const char *scheme)
{
    OrfFields *fields = g_new(OrfFields, 1);
    fields->digester = orf_digester_new();
    orf_fields_add(fields, scheme);
    return fields;
}

void
orf_fields_add(OrfFields *fields, const char *text)
{
    uint64_t length = text ? strlen(text) : UINT64_MAX;
    uint64_t prefix = GUINT64_TO_BE(length);
    orf_digester_add(fields->digester, &prefix, sizeof prefix);
    if (text)
        orf_digester_add(fields->digester, text, length);
}

void
orf_fields_end(OrfFields *fields, char ret[ORF_DIGEST_SIZE])
{
    orf_digester_end(fields->digester, ret);
    orf_digester_free(fields->digester);
    g_free(fields);
}

static bool
add_known(OrfRecipe *recipe, const OrfJobInput *input, bool mask, GError **error)
{
    OrfKnownPicture known = { .digest = input->digest,
                              .name = input->name,
                              .yaw = input->yaw,
                              .width = input->width,
                              .height = input->height,
                              .bytes = input->bytes,
                              .mask = mask };
    return orf_engine_add_known(recipe, &known, error);
}

/* The recipe of pictures that are elsewhere: for digests and estimates. */
static OrfRecipe *
known_recipe(const OrfJobRequest *request, GError **error)
{
    g_autoptr(OrfRecipe) recipe = orf_wish_recipe(request, NULL, NULL, error);
    if (!recipe)
        return NULL;
    for (guint i = 0; i < request->inputs->len; i++)
        if (!add_known(recipe, request->inputs->pdata[i], false, error))
            return NULL;
    if (request->mask && !add_known(recipe, request->mask, true, error))
        return NULL;
    return g_steal_pointer(&recipe);
}

char *
orf_wish_digest(const OrfJobRequest *request, GError **error)
{
    g_autoptr(OrfRecipe) recipe = known_recipe(request, error);
    return recipe ? orf_recipe_digest(NULL, recipe) : NULL;
}

uint64_t
orf_runner_guess(const OrfJobRequest *request)
{
    g_autoptr(OrfRecipe) recipe =
        request && request->generator ? known_recipe(request, NULL) : NULL;
    return recipe ? orf_engine_estimate(NULL, recipe).bytes : (uint64_t)64 << 20;
}
