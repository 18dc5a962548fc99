/* bundle.c - several files as one.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "format/3mf-priv.h"

GBytes *
orf_files_zip(OrfTask *task, const GPtrArray *files, GError **error)
{
    g_autofree OrfZipEntry *entries = g_new0(OrfZipEntry, files->len);
    for (guint i = 0; i < files->len; i++) {
        const OrfFile *file = files->pdata[i];
        bool pressed = orf_picture_type(file->bytes) != NULL;
        entries[i] = (OrfZipEntry){ file->name, file->bytes, pressed };
    }
    return orf_zip_write(task, entries, files->len, error);
}
