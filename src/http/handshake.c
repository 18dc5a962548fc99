/* handshake.c - from a request to a WebSocket (RFC 6455, section 4).
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * A browser lets any page open a WebSocket to any server and sends the user's cookies along;
 * only Origin tells. Programs send none and are let in. */
#include "http/http-priv.h"

#include <string.h>

#define KEY_BYTES 16

static bool
has_token(const char *list, const char *token)
{
    g_auto(GStrv) items = g_strsplit(list ? list : "", ",", -1);
    for (size_t i = 0; items[i]; i++)
        if (g_ascii_strcasecmp(g_strstrip(items[i]), token) == 0)
            return true;
    return false;
}

static bool
is_key(const char *key)
{
    if (!key || strlen(key) != 24)
        return false;
    size_t size = 0;
    g_autofree guchar *bytes = g_base64_decode(key, &size);
    return size == KEY_BYTES;
}

static bool
is_origin_welcome(const OrfRequest *request, const char *const *origins)
{
    const char *origin = orf_request_header(request, "Origin");
    if (!origin)
        return true;
    if (origins && g_strv_contains(origins, origin))
        return true;
    const char *host = orf_request_header(request, "Host");
    const char *authority = strstr(origin, "://");
    return host && authority && g_ascii_strcasecmp(authority + 3, host) == 0;
}

OrfVerdict
orf_handshake_check(const OrfRequest *request, const char *const *origins)
{
    const char *version = orf_request_header(request, "Sec-WebSocket-Version");
    if (strcmp(request->method, "GET") != 0 || request->has_body)
        return (OrfVerdict){ 400, "A WebSocket starts with GET and no body." };
    if (!has_token(orf_request_header(request, "Upgrade"), "websocket") ||
        !has_token(orf_request_header(request, "Connection"), "upgrade"))
        return (OrfVerdict){ 426, "Ask for Upgrade: websocket." };
    if (!version || strcmp(version, "13") != 0)
        return (OrfVerdict){ 426, "The only WebSocket version known here is 13." };
    if (!is_key(orf_request_header(request, "Sec-WebSocket-Key")))
        return (OrfVerdict){ 400, "Sec-WebSocket-Key is not 16 bytes in base64." };
    if (!is_origin_welcome(request, origins))
        return (OrfVerdict){ 403, "Pages of this origin may not connect." };
    return (OrfVerdict){ 0, NULL };
}

int
orf_request_upgrade_refusal(const OrfRequest *request, const char *const *origins,
                            const char **ret_why)
{
    OrfVerdict verdict = orf_handshake_check(request, origins);
    *ret_why = verdict.why;
    return verdict.status;
}

char *
orf_handshake_accept(const char *key)
{
    guint8 digest[20];
    gsize size = sizeof digest;
    g_autoptr(GChecksum) sha1 = g_checksum_new(G_CHECKSUM_SHA1);
    g_checksum_update(sha1, (const guchar *)key, -1);
    g_checksum_update(sha1, (const guchar *)"258EAFA5-E914-47DA-95CA-C5AB0DC85B11", -1);
    g_checksum_get_digest(sha1, digest, &size);
    return g_base64_encode(digest, size);
}

static void
refuse(OrfRequest *request, const OrfVerdict *verdict)
{
    g_autoptr(GBytes) body = orf_problem(verdict->status, verdict->why);
    const char *const headers[] = {
        "Content-Type", "application/problem+json", "Upgrade", "websocket", "Connection",
        "upgrade",      "Sec-WebSocket-Version",    "13",      NULL,
    };
    const char *const plain[] = { headers[0], headers[1], NULL };
    orf_request_reply(request, &(OrfReply){ .status = verdict->status,
                                            .headers = verdict->status == 426 ? headers : plain,
                                            .body = body });
}

bool
orf_request_upgrade(OrfRequest *request, const OrfSocketApp *app, const char *const *origins)
{
    OrfVerdict verdict = orf_handshake_check(request, origins);
    if (!verdict.status && atomic_load(&request->http->draining))
        verdict = (OrfVerdict){ 503, "The server is stopping; connect again." };
    if (verdict.status) {
        refuse(request, &verdict);
        return false;
    }
    OrfSocket *socket = orf_socket_new(request->http->sockets, request, app);
    struct MHD_Response *response =
        MHD_create_response_for_upgrade(orf_socket_upgraded, socket);
    g_autofree char *accept =
        orf_handshake_accept(orf_request_header(request, "Sec-WebSocket-Key"));
    MHD_add_response_header(response, "Upgrade", "websocket");
    MHD_add_response_header(response, "Sec-WebSocket-Accept", accept);
    g_mutex_lock(&request->lock);
    bool offered = orf_request_offer(request, MHD_HTTP_SWITCHING_PROTOCOLS, response);
    if (offered)
        request->socket = socket;
    g_mutex_unlock(&request->lock);
    if (!offered)
        orf_socket_unref(socket);
    return offered;
}
