/* engine.c - the front door: include/orfeas.h on top of the rooms.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "engine/engine.h"

#include "engine/cutout-net.h"

#include "format/format.h"
#include "generate/generate.h"

#include <string.h>

/* --- Engine ------------------------------------------------------------------------------- */

static bool
open_device(OrfEngine *engine, const char *name, GError **error)
{
    if (g_str_equal(name, orf_engine_device_name(engine, 0)))
        return true;
    return ORF_FALSE(error, UNAVAILABLE,
                     "no device \"%s\" here; this build computes on \"cpu\" only", name);
}

OrfEngine *
orf_engine_new(const OrfEngineOptions *options, GError **error)
{
    g_autoptr(OrfEngine) engine = orf_engine_new_bare(options);
    orf_engine_offer_cutout(engine);
    const char *const *names = options ? options->devices : NULL;
    for (; names && *names; names++)
        if (!open_device(engine, *names, error))
            return NULL;
    return g_steal_pointer(&engine);
}

OrfAsset *
orf_generate(OrfTask *task, const OrfRecipe *recipe, OrfStageFn stage, void *data,
             OrfRan *ret_ran, GError **error)
{
    if (!orf_image_init(error))
        return NULL;
    return orf_recipe_run(task, recipe, stage, data, ret_ran, error);
}

void
orf_generate_batch(OrfEngine *engine, OrfGenerateItem *items, size_t n)
{
    g_autoptr(GError) error = NULL;
    if (orf_image_init(&error)) {
        orf_recipe_run_batch(engine, items, n);
        return;
    }
    for (size_t i = 0; i < n; i++)
        items[i].error = g_error_copy(error);
}

/* --- Files -------------------------------------------------------------------------------- */

OrfAsset *
orf_asset_load(OrfTask *task, GBytes *bytes, const char *format, GError **error)
{
    if (!orf_image_init(error))
        return NULL;
    return orf_format_load(task, bytes, format, &(OrfLoad){ 0 }, error);
}

OrfAsset *
orf_asset_import(OrfTask *task, GBytes *bytes, const char *name, OrfSiblingFn sibling,
                 void *data, GError **error)
{
    if (!orf_image_init(error))
        return NULL;
    OrfLoad options = { .name = name, .sibling = sibling, .sibling_data = data };
    return orf_format_load(task, bytes, NULL, &options, error);
}

GBytes *
orf_asset_save(OrfTask *task, OrfAsset *asset, const char *format, GError **error)
{
    g_autoptr(GPtrArray) files =
        orf_format_save(task, asset, format, &(OrfSave){ .alone = true }, error);
    if (!files)
        return NULL;
    const OrfFile *first = files->pdata[0];
    return g_bytes_ref(first->bytes);
}

static bool
read_variant(const char *variant, OrfSave *save, GError **error)
{
    g_auto(GStrv) words = g_strsplit(variant ? variant : "", ",", -1);
    for (char **word = words; *word; word++) {
        if (g_str_equal(*word, "text"))
            save->text = true;
        else if (g_str_equal(*word, "big-endian"))
            save->big_endian = true;
        else if (g_str_equal(*word, "plain"))
            save->plain = true;
        else if (g_str_equal(*word, "alone"))
            save->alone = true;
        else
            return ORF_FALSE(error, BAD_INPUT,
                             "variant \"%s\" is none of text, big-endian, plain, alone", *word);
    }
    return true;
}

bool
orf_asset_export(OrfTask *task, OrfAsset *asset, const char *format, const char *stem,
                 const char *variant, OrfFileFn file, void *data, GError **error)
{
    OrfSave save = { .stem = stem };
    if (!read_variant(variant, &save, error))
        return false;
    g_autoptr(GPtrArray) files = orf_format_save(task, asset, format, &save, error);
    if (!files)
        return false;
    for (guint i = 0; i < files->len; i++) {
        const OrfFile *each = files->pdata[i];
        if (!file(each->name, each->bytes, data, error))
            return false;
    }
    return true;
}

const char *const *
orf_format_names(void)
{
    static const char *names[16];
    static gsize once;
    if (g_once_init_enter(&once)) {
        for (size_t i = 0; orf_formats()[i] && i + 1 < G_N_ELEMENTS(names); i++)
            names[i] = orf_formats()[i]->name;
        g_once_init_leave(&once, 1);
    }
    return names;
}

const char *
orf_format_of_path(const char *path)
{
    const OrfFormat *format = orf_format_by_path(path);
    return format ? format->name : NULL;
}

/* --- For the printer ---------------------------------------------------------------------- */

/* Lithophanes print best standing: layers then follow the light, not the steps of grey. */
static bool
is_flat(const OrfAsset *asset, const char *generator)
{
    static const char *const flat[] = { "extrude", "relief", "text", NULL };
    float low[3], high[3];
    orf_mesh_bounds(orf_asset_mesh(asset), low, high);
    float across = MAX(high[0] - low[0], high[1] - low[1]);
    return g_strv_contains(flat, generator) && high[2] - low[2] < across / 2;
}

OrfAsset *
orf_engine_for_print(OrfTask *task, OrfAsset *asset, const char *generator, const char *format,
                     GError **error)
{
    bool print = g_str_equal(format, "stl") || g_str_equal(format, "3mf");
    if (!print || !is_flat(asset, generator))
        return orf_asset_ref(asset);
    orf_task_note(task,
                  "%s: it lies on its back, as it prints best; --set pose=stand keeps it "
                  "upright",
                  format);
    return orf_lay_down(task, asset, error);
}

/* --- Look at it --------------------------------------------------------------------------- */

static GPtrArray *
contact_rows(OrfTask *task, OrfAsset *const *assets, size_t n, unsigned width, GError **error)
{
    g_autoptr(GPtrArray) rows = g_ptr_array_new_with_free_func((GDestroyNotify)orf_image_unref);
    for (size_t i = 0; i < n; i++) {
        OrfImage *row = orf_asset_contact_sheet(task, assets[i], width, error);
        if (!row)
            return NULL;
        g_ptr_array_add(rows, row);
        orf_task_progress(task, (double)(i + 1) / (double)n);
    }
    return g_steal_pointer(&rows);
}

GBytes *
orf_asset_view(OrfTask *task, OrfAsset *const *assets, size_t n, unsigned width, GError **error)
{
    if (width < 256 || width > 4096)
        return ORF_FAIL(error, BAD_INPUT, "width: %u is out of range; give 256 to 4096", width);
    if (n < 1 || n > 64)
        return ORF_FAIL(error, BAD_INPUT, "%zu files on one sheet; give 1 to 64", n);
    if (!orf_image_init(error))
        return NULL;
    g_autoptr(GPtrArray) rows = contact_rows(task, assets, n, width, error);
    if (!rows)
        return NULL;
    g_autoptr(OrfImage) sheet =
        orf_image_stack(task, (OrfImage **)rows->pdata, rows->len, error);
    return sheet ? orf_image_encode(task, sheet, "png", 0, error) : NULL;
}

/* --- About -------------------------------------------------------------------------------- */

const char *
orf_engine_picture_library(void)
{
    return orf_image_library();
}

bool
orf_engine_reads_pictures(const char *format)
{
    return orf_image_init(NULL) && orf_image_reads(format);
}
