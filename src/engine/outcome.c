/* outcome.c - what came of an order: assets, files, facts.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "engine/operation-priv.h"

#include <string.h>

static void
asset_unref(void *asset)
{
    orf_asset_unref(asset);
}

OrfOutcome *
orf_outcome_new(void)
{
    OrfOutcome *outcome = g_new0(OrfOutcome, 1);
    outcome->assets = g_ptr_array_new_with_free_func(asset_unref);
    outcome->files = orf_files_new();
    return outcome;
}

void
orf_outcome_free(OrfOutcome *outcome)
{
    if (!outcome)
        return;
    g_ptr_array_unref(outcome->assets);
    g_ptr_array_unref(outcome->files);
    g_free(outcome->facts);
    g_free(outcome->text);
    g_free(outcome->measures);
    g_free(outcome);
}

void
orf_outcome_take_asset(OrfOutcome *outcome, OrfAsset *asset)
{
    g_ptr_array_add(outcome->assets, asset);
}

void
orf_outcome_take_file(OrfOutcome *outcome, char *name, const char *type, GBytes *bytes)
{
    if (!outcome->files->len)
        outcome->type = type;
    orf_files_add_take(outcome->files, name, bytes);
}

size_t
orf_outcome_n_assets(const OrfOutcome *outcome)
{
    return outcome->assets->len;
}

bool
orf_outcome_unchanged(const OrfOutcome *outcome)
{
    return outcome->unchanged;
}

bool
orf_outcome_failed(const OrfOutcome *outcome)
{
    return outcome->failed;
}

OrfAsset *
orf_outcome_asset(const OrfOutcome *outcome, size_t index)
{
    return index < outcome->assets->len ? outcome->assets->pdata[index] : NULL;
}

bool
orf_outcome_files(const OrfOutcome *outcome, OrfFileFn file, void *data, GError **error)
{
    for (guint i = 0; i < outcome->files->len; i++) {
        const OrfFile *each = outcome->files->pdata[i];
        if (!file(each->name, each->bytes, data, error))
            return false;
    }
    return true;
}

GBytes *
orf_outcome_pack(OrfTask *task, const OrfOutcome *outcome, const char **ret_type,
                 const char **ret_extension, GError **error)
{
    if (!outcome->files->len)
        return NULL;
    const OrfFile *first = outcome->files->pdata[0];
    bool one = outcome->files->len == 1 && !outcome->several;
    const char *dot = strrchr(first->name, '.');
    *ret_type = one ? outcome->type : "application/zip";
    *ret_extension = !one ? "zip" : dot ? g_intern_string(dot + 1) : "";
    return one ? g_bytes_ref(first->bytes) : orf_files_zip(task, outcome->files, error);
}

/* "model-1.glb", ... */
static GBytes *
pack_assets(OrfTask *task, const OrfOutcome *outcome, GError **error)
{
    g_autoptr(GPtrArray) files = orf_files_new();
    for (guint i = 0; i < outcome->assets->len; i++) {
        GBytes *glb = orf_asset_save(task, outcome->assets->pdata[i], "glb", error);
        if (!glb)
            return NULL;
        orf_files_add_take(files, g_strdup_printf("model-%u.glb", i + 1), glb);
    }
    return orf_files_zip(task, files, error);
}

GBytes *
orf_outcome_deliver(OrfTask *task, const OrfOutcome *outcome, const char **ret_type,
                    const char **ret_extension, GError **error)
{
    bool one = outcome->assets->len == 1;
    if (outcome->files->len)
        return orf_outcome_pack(task, outcome, ret_type, ret_extension, error);
    if (outcome->assets->len) {
        *ret_type = one ? orf_engine_file_type("glb", ret_extension) : "application/zip";
        *ret_extension = one ? *ret_extension : "zip";
        return one ? orf_asset_save(task, outcome->assets->pdata[0], "glb", error)
                   : pack_assets(task, outcome, error);
    }
    const char *facts = outcome->facts ? outcome->facts : "{}";
    *ret_type = "application/json";
    *ret_extension = "json";
    return g_bytes_new(facts, strlen(facts));
}

const OrfAssetFacts *
orf_outcome_seen(const OrfOutcome *outcome, const char **ret_measures)
{
    *ret_measures = outcome->measures;
    return outcome->measures ? &outcome->seen : NULL;
}

const char *
orf_outcome_facts(const OrfOutcome *outcome)
{
    return outcome->facts;
}

const char *
orf_outcome_text(const OrfOutcome *outcome)
{
    return outcome->text;
}

const OrfRan *
orf_outcome_ran(const OrfOutcome *outcome)
{
    return outcome->ran.generator ? &outcome->ran : NULL;
}
