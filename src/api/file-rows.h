/* file-rows.h - files that clients brought: pictures, models and what was measured of them.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ORF_API_FILE_ROWS_H
#define ORF_API_FILE_ROWS_H

#include "store/store.h"

extern const OrfSchema orf_file_schema;

/* Its blob is kept until `expires`. */
typedef struct {
    char *id, *tenant, *digest;
    char *name; /* as the client called it; or NULL */
    uint64_t bytes;
    char *format;           /* "png", "stl" */
    unsigned width, height; /* px; 0: no picture */
    int64_t created, expires;
} OrfFileRow;
void orf_file_row_free(OrfFileRow *row);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(OrfFileRow, orf_file_row_free)
bool orf_file_row_put(OrfStore *store, const OrfFileRow *row, GError **error); /* replaces */
/* NOT_FOUND; also when it has expired. */
OrfFileRow *orf_file_row_get(OrfStore *store, const char *tenant, const char *id, int64_t now,
                             GError **error);
bool orf_file_row_delete(OrfStore *store, const char *tenant, const char *id, GError **error);

/* What is known of the model in a blob; goes when no file has it any more. */
typedef struct {
    char *digest;
    char *format; /* "stl" */
    uint64_t vertices, triangles;
    double size_mm[3];
    bool solid;
    char *measures;  /* JSON, as clients are shown it; never read here */
    char **warnings; /* or NULL */
    int64_t made;
} OrfModelRow;
void orf_model_row_free(OrfModelRow *row);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(OrfModelRow, orf_model_row_free)
bool orf_model_row_put(OrfStore *store, const OrfModelRow *row, GError **error); /* replaces */
/* NULL without error: it is not known. */
OrfModelRow *orf_model_row_get(OrfStore *store, const char *digest, GError **error);

#endif
