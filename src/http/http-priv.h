/* http-priv.h - what the files of this room share.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ORF_HTTP_PRIV_H
#define ORF_HTTP_PRIV_H

#include "http/http.h"

/* --- Guard: guard.c, pure ---------------------------------------------------------------------- */

typedef struct {
    const char *name, *value; /* NUL after them too */
    size_t name_size, value_size;
} OrfPair;

typedef struct {
    const char *method, *version;
    const char *uri; /* as it came, escapes and query included */
    const OrfPair *headers;
    size_t n_headers;
} OrfHead;

typedef struct {
    int status;      /* 0: let it pass; else what to answer before closing */
    const char *why; /* one sentence */
} OrfVerdict;

/* Refuses what two parsers could read differently (RFC 9112, sections 3, 5, 6 and 11). */
OrfVerdict orf_guard(const OrfHead *head);
/* Value of the first header of that name, in any case; or NULL. */
const char *orf_head_value(const OrfHead *head, const char *name);
/* Declared length; -1: chunked or none. Of a head that the guard let pass. */
int64_t orf_head_length(const OrfHead *head);
/* Decodes %XX (and '+' when `form`); NULL: a broken escape, a control byte or no UTF-8. */
char *orf_unescape(const char *text, size_t size, bool form);
bool orf_is_token(const char *text, size_t size);

#endif
