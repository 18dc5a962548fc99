/* multipart-priv.h - what the two files of the multipart parser share.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ORF_HTTP_MULTIPART_PRIV_H
#define ORF_HTTP_MULTIPART_PRIV_H

#include "http/http-priv.h"

typedef struct {
    char *name, *filename, *type; /* filename and type may be NULL */
} OrfPartHead;
void orf_part_head_clear(OrfPartHead *head);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(OrfPartHead, orf_part_head_clear)

/* Reads the header lines of a part, without the empty line behind them. Errors: BAD_INPUT. */
bool orf_part_head_read(const char *bytes, size_t size, OrfPartHead *ret, GError **error);
/* The boundary in a Content-Type. Errors: UNSUPPORTED (another type), BAD_INPUT. */
char *orf_multipart_boundary(const char *content_type, GError **error);
/* Parameter `name` of "word; name=value; ...", NULL when absent; false: malformed or twice. */
bool orf_multipart_param(const char *value, const char *name, char **ret);

#endif
