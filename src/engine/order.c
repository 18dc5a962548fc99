/* order.c - an operation with its settings and inputs: checked, named by a digest, run.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Of most operations the row's table of parameters says all. Those with a recipe hand
 * everything to it: which parameters there are depends on the generator, and so "generator" may
 * come after the others. */
#include "engine/operation-priv.h"

#include <math.h>
#include <string.h>

#define MIB ((uint64_t)1 << 20)
#define HEAVY_S 1.0

/* --- Life --------------------------------------------------------------------------------- */

static void
input_free(void *data)
{
    OrfOrderInput *input = data;
    g_free(input->name);
    g_clear_pointer(&input->bytes, g_bytes_unref);
    orf_asset_unref(input->asset);
    g_free(input);
}

static void
fail_unknown(const char *name, GError **error)
{
    g_autoptr(GString) names = g_string_new(NULL);
    for (const OrfOperation *const *o = orf_operations(); *o; o++)
        g_string_append_printf(names, "%s%s", names->len ? ", " : "", (*o)->name);
    g_set_error(error, ORF_ERROR, ORF_ERROR_NOT_FOUND, "no operation \"%s\"; there are %s",
                name, names->str);
}

OrfOrder *
orf_order_new(const char *name, GError **error)
{
    const OrfOperation *operation = orf_operation_by_name(name);
    if (!operation) {
        fail_unknown(name, error);
        return NULL;
    }
    OrfOrder *order = g_new0(OrfOrder, 1);
    order->operation = operation;
    order->inputs = g_ptr_array_new_with_free_func(input_free);
    if (operation->recipe) {
        order->recipe = orf_recipe_new(orf_generators()[0]->name, NULL);
        return order;
    }
    order->params = orf_params_new();
    orf_params_add_table(order->params, operation->params, operation->n_params);
    return order;
}

void
orf_order_free(OrfOrder *order)
{
    if (!order)
        return;
    g_ptr_array_unref(order->inputs);
    orf_params_free(order->params);
    orf_recipe_unref(order->recipe);
    g_free(order);
}

const OrfOperation *
orf_order_operation(const OrfOrder *order)
{
    return order->operation;
}

/* --- Settings ----------------------------------------------------------------------------- */

/* The same wish for another generator. */
static bool
set_generator(OrfOrder *order, const char *name, GError **error)
{
    g_autoptr(OrfRecipe) other = orf_recipe_new(name, error);
    if (!other || !orf_recipe_copy(order->recipe, other, error))
        return false;
    orf_recipe_unref(order->recipe);
    order->recipe = g_steal_pointer(&other);
    return true;
}

bool
orf_order_set(OrfOrder *order, const char *name, const char *text, GError **error)
{
    if (!order->recipe)
        return orf_params_set(order->params, name, text, error);
    return g_str_equal(name, "generator") ? set_generator(order, text, error)
                                          : orf_recipe_set(order->recipe, name, text, error);
}

char *
orf_order_parameters(const OrfOrder *order)
{
    return order->recipe ? orf_recipe_parameters(order->recipe)
                         : orf_params_canonical(order->params);
}

/* --- Inputs ------------------------------------------------------------------------------- */

static bool
add_to_recipe(OrfRecipe *recipe, const OrfInput *input, GError **error)
{
    OrfPicture picture = { .bytes = input->bytes,
                           .name = (char *)input->name,
                           .yaw = input->yaw,
                           .size = input->size,
                           .info = { .width = input->width, .height = input->height } };
    if (input->digest)
        g_strlcpy(picture.digest, input->digest, sizeof picture.digest);
    if (!input->mask)
        return orf_recipe_add_input(recipe, &picture, error);
    orf_recipe_set_mask_input(recipe, &picture);
    return true;
}

bool
orf_order_add(OrfOrder *order, const OrfInput *input, GError **error)
{
    g_assert(input->bytes || input->asset || input->digest);
    if (order->recipe)
        return add_to_recipe(order->recipe, input, error);
    OrfOrderInput *added = g_new0(OrfOrderInput, 1);
    added->name = g_strdup(input->name);
    added->bytes = input->bytes ? g_bytes_ref(input->bytes) : NULL;
    added->asset = input->asset ? orf_asset_ref(input->asset) : NULL;
    added->size = input->bytes ? g_bytes_get_size(input->bytes) : input->size;
    added->sibling = input->sibling;
    added->sibling_data = input->sibling_data;
    if (input->digest)
        g_strlcpy(added->digest, input->digest, sizeof added->digest);
    g_ptr_array_add(order->inputs, added);
    return true;
}

const OrfOrderInput *
orf_order_input(const OrfOrder *order, size_t index)
{
    g_assert(index < order->inputs->len);
    return order->inputs->pdata[index];
}

bool
orf_order_check(const OrfOrder *order, GError **error)
{
    const OrfOperation *operation = order->operation;
    guint n = order->inputs->len;
    if (order->recipe)
        return orf_recipe_check(order->recipe, error);
    if (n >= operation->least && n <= operation->most)
        return true;
    const char *what = operation->takes == ORF_TAKES_PICTURES ? "picture" : "file";
    if (operation->least == operation->most)
        return ORF_FALSE(error, BAD_INPUT, "%s: takes %u %s%s, %u given", operation->name,
                         operation->most, what, operation->most == 1 ? "" : "s", n);
    return ORF_FALSE(error, BAD_INPUT, "%s: takes %u to %u %ss, %u given", operation->name,
                     operation->least, operation->most, what, n);
}

static OrfAsset *
load_one(OrfTask *task, const OrfOrderInput *input, GError **error)
{
    if (input->asset)
        return orf_asset_ref(input->asset);
    if (!input->bytes)
        return ORF_FAIL(error, BUG, "%s: only its digest is here", input->name);
    OrfLoad options = { .name = input->name,
                        .sibling = input->sibling,
                        .sibling_data = input->sibling_data };
    GError *why = NULL;
    OrfAsset *asset = orf_format_load(task, input->bytes, NULL, &options, &why);
    if (why && input->name && !g_str_has_prefix(why->message, input->name))
        g_prefix_error(&why, "%s: ", input->name);
    if (why)
        g_propagate_error(error, why);
    return asset;
}

static void
asset_unref(void *asset)
{
    orf_asset_unref(asset);
}

GPtrArray *
orf_order_load(OrfTask *task, const OrfOrder *order, GError **error)
{
    g_autoptr(GPtrArray) assets = g_ptr_array_new_with_free_func(asset_unref);
    for (guint i = 0; i < order->inputs->len; i++) {
        OrfAsset *asset = load_one(task, order->inputs->pdata[i], error);
        if (!asset)
            return NULL;
        g_ptr_array_add(assets, asset);
        orf_task_progress(task, (double)(i + 1) / order->inputs->len);
    }
    return g_steal_pointer(&assets);
}

/* --- Digest, estimate, kind --------------------------------------------------------------- */

static void
add_input(OrfJson *json, const OrfOrderInput *input)
{
    g_autofree char *taken =
        *input->digest || !input->bytes ? NULL : orf_digest_bytes(input->bytes);
    orf_json_begin_object(json, NULL);
    orf_json_add_text(json, "sha256", taken ? taken : input->digest);
    orf_json_end(json);
}

/* Names sorted throughout, as RFC 8785 wants them. */
char *
orf_order_digest(OrfEngine *engine, const OrfOrder *order)
{
    if (order->recipe)
        return orf_recipe_digest(engine, order->recipe);
    g_autofree char *params = orf_params_canonical(order->params);
    g_autoptr(OrfJson) json = orf_json_new();
    orf_json_begin_object(json, NULL);
    orf_json_add_text(json, "engine", orf_version());
    orf_json_begin_array(json, "inputs");
    for (guint i = 0; i < order->inputs->len; i++)
        add_input(json, order->inputs->pdata[i]);
    orf_json_end(json);
    orf_json_add_text(json, "operation", order->operation->name);
    orf_json_add_raw(json, "params", params);
    orf_json_end(json);
    g_autofree char *text = orf_json_steal(json);
    char hex[ORF_DIGEST_SIZE];
    orf_digest(text, strlen(text), hex);
    return g_strdup(hex);
}

OrfNeed
orf_order_estimate(OrfEngine *engine, const OrfOrder *order)
{
    if (order->operation->estimate)
        return order->operation->estimate(engine, order);
    OrfNeed need = { .bytes = 64 * MIB };
    for (guint i = 0; i < order->inputs->len; i++) {
        uint64_t size = orf_order_input(order, i)->size;
        need.bytes += 4 * size;
        need.seconds += order->operation->effort * (double)size / 1e6;
    }
    return need;
}

bool
orf_order_is_heavy(OrfEngine *engine, const OrfOrder *order)
{
    return order->operation->heavy || orf_order_estimate(engine, order).seconds >= HEAVY_S;
}

char *
orf_order_kind(const OrfOrder *order)
{
    g_autofree char *recipe = order->recipe ? orf_recipe_kind(order->recipe) : NULL;
    return recipe ? g_strconcat(order->operation->name, "/", recipe, NULL)
                  : g_strdup(order->operation->name);
}

/* --- Run ---------------------------------------------------------------------------------- */

static void
tell_end(const OrfOrder *order, const OrfOutcome *outcome)
{
    OrfAsset *asset = orf_outcome_asset(outcome, 0);
    if (order->stage && asset && !order->recipe) /* a recipe tells its own */
        order->stage(ORF_FINISHED, asset, order->stage_data);
}

OrfOutcome *
orf_order_run_told(OrfTask *task, const OrfOrder *order, OrfStageFn stage, void *data,
                   OrfRan *ret_ran, GError **error)
{
    OrfOrder running = *order;
    running.stage = stage;
    running.stage_data = data;
    running.ran = ret_ran;
    g_autoptr(OrfOutcome) outcome = orf_outcome_new();
    if (!orf_order_check(order, error) || !orf_image_init(error) ||
        !order->operation->run(task, &running, outcome, error))
        return NULL;
    tell_end(&running, outcome);
    return g_steal_pointer(&outcome);
}

OrfOutcome *
orf_order_run(OrfTask *task, const OrfOrder *order, OrfStageFn stage, void *data,
              GError **error)
{
    OrfRan ran = { 0 };
    return orf_order_run_told(task, order, stage, data, &ran, error);
}
