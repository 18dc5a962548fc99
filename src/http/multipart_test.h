/* multipart_test.h - a multipart body as a line of text: "[name|filename|type] bytes ." for
 * each part.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ORF_HTTP_MULTIPART_TEST_H
#define ORF_HTTP_MULTIPART_TEST_H

#include "http/http.h"

static inline bool
note_part(const char *name, const char *filename, const char *type, void *data, GError **error)
{
    (void)error;
    g_string_append_printf(data, "[%s|%s|%s] ", name, filename ? filename : "",
                           type ? type : "");
    return true;
}

static inline bool
note_bytes(const void *piece, size_t size, void *data, GError **error)
{
    (void)error;
    g_assert_cmpuint(size, >, 0);
    g_string_append_len(data, piece, (gssize)size);
    return true;
}

static inline bool
note_end(void *data, GError **error)
{
    (void)error;
    g_string_append(data, " .");
    return true;
}

/* NULL: refused, error set. */
static inline char *
parse_in_pieces(const char *type, const char *body, size_t size, size_t piece, GError **error)
{
    g_autoptr(GString) events = g_string_new(NULL);
    OrfPartApp app = { note_part, note_bytes, note_end, events };
    g_autoptr(OrfMultipart) parser = orf_multipart_new(type, &app, error);
    for (size_t at = 0; at < size; at += piece)
        if (!orf_multipart_feed(parser, body + at, MIN(piece, size - at), error))
            return NULL;
    if (!orf_multipart_finish(parser, error))
        return NULL;
    return g_string_free(g_steal_pointer(&events), FALSE);
}

#endif
