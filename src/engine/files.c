/* files.c - model files that travel alone: recognised, named, saved in one piece.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "engine/engine.h"

#include "format/format.h"

#include <string.h>

const char *
orf_engine_sniff(GBytes *bytes)
{
    const OrfFormat *format = orf_format_sniff(bytes);
    return format ? format->name : NULL;
}

/* An OBJ brings its materials and pictures along. */
static bool
is_several(const char *format)
{
    return strcmp(format, "obj") == 0;
}

const char *
orf_engine_file_type(const char *name, const char **ret_extension)
{
    const OrfFormat *format = orf_format_by_name(name);
    if (!format)
        return NULL;
    bool zip = is_several(format->name);
    if (ret_extension)
        *ret_extension = zip ? "zip" : format->name;
    return zip ? "application/zip" : format->mime;
}

GBytes *
orf_engine_save(OrfTask *task, OrfAsset *asset, const char *format, const char *stem,
                GError **error)
{
    g_autoptr(GPtrArray) files =
        orf_format_save(task, asset, format, &(OrfSave){ .stem = stem }, error);
    if (!files)
        return NULL;
    if (is_several(format))
        return orf_files_zip(task, files, error);
    const OrfFile *first = files->pdata[0];
    return g_bytes_ref(first->bytes);
}
