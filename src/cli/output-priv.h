/* output-priv.h - a plan from the inside: output.c makes it, output-write.c carries it out.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ORF_CLI_OUTPUT_PRIV_H
#define ORF_CLI_OUTPUT_PRIV_H

#include "cli/output.h"

#include <sys/stat.h>

#define ORF_SIDE_MOST ((size_t)1 << 30) /* bytes of a file that is compared with another */

typedef struct {
    dev_t device;
    ino_t inode;
} OrfFileIdentity;

struct OrfOutput {
    bool overwrite;
    GArray *inputs;    /* OrfFileIdentity */
    GHashTable *taken; /* names of this run, as folder and name without links */
};

typedef struct {
    char *path;
    char *wish;    /* its first name; not `path`, where that was taken; or NULL */
    char *stem;    /* of what it brings */
    bool named;    /* by the user */
    GBytes *bytes; /* put, not committed */
} OrfOutputPlace;

typedef struct {
    char *path;
    GBytes *bytes;
} OrfSide;

struct OrfResult {
    OrfOutput *output;
    char *folder;
    bool here; /* the folder is not part of what is shown */
    bool stream;
    GArray *places;   /* OrfOutputPlace */
    GArray *sides;    /* OrfSide, put and not committed */
    GHashTable *ours; /* paths of an earlier run of this result that may be replaced */
    GPtrArray *paths; /* written, and a NULL */
    GPtrArray *created;
};

bool orf_output_reads(const OrfOutput *output, const struct stat *about);
/* The file `name` is called as what a main file named after `stem` may bring. */
bool orf_output_goes_with(const char *name, const char *stem);
/* A file of the result's folder; caller owns. */
char *orf_result_path(const OrfResult *result, const char *name);
bool orf_output_refuse_brought(const char *named, GError **error);

#endif
