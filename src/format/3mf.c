/* 3mf.c - 3MF: finds the model in the container; the format's line in the table.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "format/3mf-priv.h"

#include <expat.h>
#include <string.h>

#define RELATIONS_MOST ((size_t)1 << 20)

static bool
sniff(const uint8_t *data, size_t size)
{
    return size >= 4 && (!memcmp(data, "PK\3\4", 4) || !memcmp(data, "PK\5\6", 4));
}

/* --- Which entry is the model ------------------------------------------------------------- */

typedef struct {
    XML_Parser parser;
    char *target; /* of the first relation to a model */
} Relations;

static void XMLCALL
on_relation(void *data, const char *name, const char **attributes)
{
    Relations *relations = data;
    const char *target = NULL, *type = NULL;
    for (; *attributes; attributes += 2) {
        if (!strcmp(attributes[0], "Target"))
            target = attributes[1];
        else if (!strcmp(attributes[0], "Type"))
            type = attributes[1];
    }
    if (g_str_has_suffix(name, "Relationship") && target && type &&
        !strcmp(type, ORF_3MF_IS_MODEL) && !relations->target)
        relations->target = g_strdup(target);
}

/* With the document type every entity trick is refused too. */
static void XMLCALL
on_doctype(void *data, const char *name, const char *system, const char *public, int internal)
{
    (void)name, (void)system, (void)public, (void)internal;
    XML_StopParser(((Relations *)data)->parser, XML_FALSE);
}

static char *
target_of(GBytes *relations)
{
    size_t size;
    const char *text = g_bytes_get_data(relations, &size);
    Relations found = { .parser = XML_ParserCreate(NULL) };
    XML_SetUserData(found.parser, &found);
    XML_SetStartDoctypeDeclHandler(found.parser, on_doctype);
    XML_SetStartElementHandler(found.parser, on_relation);
    bool parsed = XML_Parse(found.parser, text, (int)size, true) == XML_STATUS_OK;
    XML_ParserFree(found.parser);
    if (!parsed)
        g_clear_pointer(&found.target, g_free);
    return found.target;
}

/* The relation names it; files without one keep it where everybody does. */
static char *
find_root(OrfZip *zip)
{
    if (orf_zip_has(zip, "_rels/.rels")) {
        g_autoptr(GBytes) relations = orf_zip_load(zip, "_rels/.rels", RELATIONS_MOST, NULL);
        g_autofree char *target = relations ? target_of(relations) : NULL;
        if (target && orf_zip_has(zip, target))
            return g_steal_pointer(&target);
    }
    return g_strdup(orf_zip_find(zip, ".model"));
}

static OrfAsset *
load(OrfTask *task, GBytes *bytes, const OrfLoad *options, GError **error)
{
    g_autoptr(OrfZip) zip = orf_zip_open(task, bytes, options->name, error);
    if (!zip)
        return NULL;
    g_autofree char *root = find_root(zip);
    if (!root)
        return ORF_FAIL(error, BAD_INPUT,
                        "%s: is a ZIP file without a 3D model in it; it is not 3MF",
                        options->name);
    g_auto(OrfAssetDraft) draft;
    orf_asset_draft_init(&draft, task, options);
    if (!orf_3mf_build(&draft, zip, root, error))
        return NULL;
    return orf_asset_draft_finish(&draft, ORF_SEAMS_IF_CLOSES, error);
}

const OrfFormat orf_format_3mf = {
    .name = "3mf",
    .title = "3MF, with units, colours and pictures",
    .use = "with colour",
    .mime = "model/3mf",
    .extensions = "3mf",
    .variants = "plain",
    .sniff = sniff,
    .load = load,
    .save = orf_3mf_save,
};
