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

const char orf_engine_formats[] = "|" ORF_FORMAT_CHOICES;

bool
orf_engine_format(size_t index, OrfFormatInfo *ret)
{
    size_t n = 0;
    while (orf_formats()[n])
        n++;
    if (index >= n)
        return false;
    const OrfFormat *format = orf_formats()[index];
    *ret = (OrfFormatInfo){ .name = format->name,
                            .title = format->title,
                            .use = format->use,
                            .mime = format->mime,
                            .extensions = format->extensions,
                            .variants = format->variants ? format->variants : "" };
    ret->alone = orf_engine_file_type(format->name, &ret->alone_extension);
    return true;
}

const char *
orf_engine_file_type(const char *name, const char **ret_extension)
{
    const OrfFormat *format = orf_format_by_name(name);
    if (!format)
        return NULL;
    if (ret_extension)
        *ret_extension = format->several ? "zip" : format->name;
    return format->several ? "application/zip" : format->mime;
}

GBytes *
orf_engine_save(OrfTask *task, OrfAsset *asset, const char *format, const char *stem,
                GError **error)
{
    g_autoptr(GPtrArray) files =
        orf_format_save(task, asset, format, &(OrfSave){ .stem = stem, .alone = true }, error);
    if (!files)
        return NULL;
    if (orf_format_by_name(format)->several)
        return orf_files_zip(task, files, error);
    const OrfFile *first = files->pdata[0];
    return g_bytes_ref(first->bytes);
}
