/* document.c - answers that stay the same while the server runs: the page, the description, the
 * generators.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "rest/rest-priv.h"

#include <string.h>

OrfDocument *
orf_document_new(GBytes *body, const char *type)
{
    OrfDocument *document = g_new0(OrfDocument, 1);
    g_autofree char *digest = orf_digest_bytes(body);
    document->body = g_bytes_ref(body);
    document->type = type;
    g_snprintf(document->etag, sizeof document->etag, "\"sha256-%.32s\"", digest);
    return document;
}

OrfDocument *
orf_document_take(char *text, const char *type)
{
    g_autoptr(GBytes) body = g_bytes_new_take(text, strlen(text));
    return orf_document_new(body, type);
}

void
orf_document_free(void *data)
{
    OrfDocument *document = data;
    if (!document)
        return;
    g_bytes_unref(document->body);
    g_clear_pointer(&document->packed, g_bytes_unref);
    g_free(document);
}

void
orf_document_pack(OrfDocument *document, GBytes *packed)
{
    document->packed = g_bytes_ref(packed);
    g_snprintf(document->packed_etag, sizeof document->packed_etag, "%.*s-gzip\"",
               (int)strlen(document->etag) - 1, document->etag);
}

/* Clients keep it and ask whether it is still so. `headers`: further ones, or NULL. */
void
orf_call_reply_document(OrfCall *call, const OrfDocument *document, const char *const *headers)
{
    bool packed = document->packed && orf_call_takes_gzip(call);
    const char *etag = packed ? document->packed_etag : document->etag;
    const char *list[32] = { "ETag", etag, "Cache-Control", "no-cache" };
    size_t n = 4;
    if (document->packed) {
        list[n++] = "Vary";
        list[n++] = "Accept-Encoding";
    }
    for (; headers && headers[0]; headers += 2) {
        g_assert(n + 6 < G_N_ELEMENTS(list));
        list[n++] = headers[0];
        list[n++] = headers[1];
    }
    const char *known = orf_request_header(call->request, "If-None-Match");
    if (known && (strcmp(known, "*") == 0 || strstr(known, etag))) {
        orf_call_reply(call, &(OrfReply){ 304, list });
        return;
    }
    list[n++] = "Content-Type";
    list[n++] = document->type;
    if (packed) {
        list[n++] = "Content-Encoding";
        list[n++] = "gzip";
    }
    orf_call_reply(call, &(OrfReply){ 200, list, packed ? document->packed : document->body });
}
