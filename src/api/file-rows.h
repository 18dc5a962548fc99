/* file-rows.h - files that clients brought.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ORF_API_FILE_ROWS_H
#define ORF_API_FILE_ROWS_H

#include "store/store.h"

extern const OrfSchema orf_file_schema;

/* Its blob is kept until `expires`. */
typedef struct {
    char *id, *tenant, *digest;
    char *facts; /* JSON: what was found in it */
    int64_t created, expires;
} OrfFileRow;
void orf_file_row_free(OrfFileRow *row);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(OrfFileRow, orf_file_row_free)
bool orf_file_row_put(OrfStore *store, const OrfFileRow *row, GError **error); /* replaces */
/* NOT_FOUND; also when it has expired. */
OrfFileRow *orf_file_row_get(OrfStore *store, const char *tenant, const char *id, int64_t now,
                             GError **error);
bool orf_file_row_delete(OrfStore *store, const char *tenant, const char *id, GError **error);

#endif
