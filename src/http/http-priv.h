/* http-priv.h - what the files of this room share.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ORF_HTTP_PRIV_H
#define ORF_HTTP_PRIV_H

#include "http/http.h"

#include <arpa/inet.h>
#include <stdatomic.h>
#include <microhttpd.h>

/* --- Guard: guard.c, pure ----------------------------------------------------------------- */

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
/* Refuses heads that the transport has repaired: `raw` points into its buffer, where `size`
 * bytes of head lie and the target had `uri_size`. Of a head that the guard let pass. */
OrfVerdict orf_guard_layout(const OrfHead *raw, size_t uri_size, size_t size);
/* Value of the first header of that name, in any case; or NULL. */
const char *orf_head_value(const OrfHead *head, const char *name);
/* Declared length; -1: chunked or none. Of a head that the guard let pass. */
int64_t orf_head_length(const OrfHead *head);
/* Decodes %XX (and '+' when `form`); NULL: a broken escape, a control byte or no UTF-8. */
char *orf_unescape(const char *text, size_t size, bool form);
bool orf_is_token(const char *text, size_t size);

/* --- Server: server.c --------------------------------------------------------------------- */

typedef struct OrfLink OrfLink;       /* one TCP connection */
typedef struct OrfSockets OrfSockets; /* the thread of the WebSockets */

typedef struct {
    _Atomic uint64_t requests, refused, bytes_in, bytes_out, streams, sockets;
} OrfCounters;

/* Reference-counted inside: requests outlive orf_http_free. */
struct OrfHttp {
    gatomicrefcount refs;
    OrfHttpOptions options; /* defaults filled in */
    OrfHttpApp app;
    OrfTask *budget; /* of bodies in memory */
    struct MHD_Daemon *daemon;
    uint16_t port;
    int listener; /* belongs to the daemon */
    atomic_bool draining, stopping;
    OrfCounters counters;
    OrfSockets *sockets;

    int watch_epoll, watch_bell;
    GThread *watch_thread;
    GMutex lock; /* of the links */
    GCond empty;
    GHashTable *links; /* id -> OrfLink */
    uint64_t last_id;
};
OrfHttp *orf_http_ref(OrfHttp *http);
void orf_http_unref(OrfHttp *http);

/* --- Links: link.c
 * --------------------------------------------------------------------------------- A suspended
 * connection is blind: the transport reads nothing and knows no time. A thread of ours watches
 * it for the client's leaving, and every connection for its deadline. */

struct OrfLink {
    OrfHttp *http;
    uint64_t id;
    int fd;
    bool watched;                /* in watch_epoll; transport thread only */
    _Atomic int64_t deadline_us; /* 0: none */
    char peer[INET6_ADDRSTRLEN];
    bool ended; /* the client sends no more; under the lock of `http` */
    GMutex lock;
    OrfRequest *request; /* in progress, borrowed; under `lock` */
};
bool orf_links_start(OrfHttp *http, GError **error);
void orf_links_stop(OrfHttp *http); /* ends the thread */
void orf_link_notify(void *http, struct MHD_Connection *connection, void **link_at,
                     enum MHD_ConnectionNotificationCode code);
OrfLink *orf_link_of(struct MHD_Connection *connection);
void orf_link_set_request(OrfLink *link, OrfRequest *request);
void orf_link_deadline(OrfLink *link, int64_t after_us); /* 0: none */
void orf_link_watch(OrfLink *link);                      /* once: for the client's leaving */
void orf_links_close(OrfHttp *http, bool all);           /* idle ones, or all */

/* --- Requests: request.c, exchange.c, reply.c --------------------------------------------- */

struct OrfRequest {
    gatomicrefcount refs;
    OrfHttp *http;
    char *uri, *path, *text; /* text: what the pairs point to */
    const char *raw_uri;     /* in the transport's buffer, until the head is read */
    const char *method;
    OrfPair *headers;
    size_t n_headers;
    GPtrArray *query; /* name, value, ...; or NULL */
    char peer[INET6_ADDRSTRLEN];
    int64_t length;
    void *data;
    GDestroyNotify free_data;

    /* Transport thread only. */
    bool headed, begun, has_body, is_chunked, expects_continue, lingering, delivered;
    int64_t body_since_us;
    OrfSinkFn sink;
    void *sink_data;
    OrfVec body;
    GBytes *body_bytes;
    OrfDigester *digester; /* of the body; NULL: nobody asked, or it is done */
    char digest[ORF_DIGEST_SIZE];
    OrfSocket *socket; /* offered to the client, or NULL */
    bool handed_over;  /* the socket's thread says when it is gone */

    GMutex lock;   /* of the rest */
    OrfLink *link; /* NULL once the exchange has ended */
    struct MHD_Connection *connection;
    uint64_t received;
    bool completed, replied, suspended, gone;
    struct MHD_Response *response;
    unsigned status;
    GBytes *raw; /* a reply that cannot wait for the end of the body */
};
OrfRequest *orf_request_new(OrfLink *link, struct MHD_Connection *connection, const char *uri);
void orf_request_keep_head(OrfRequest *request, const OrfHead *head); /* a copy, trimmed */
void
orf_request_read_head(OrfRequest *request, const OrfHead *head); /* the guard let it pass */
/* The client has left: ends a waiting request; one that is being answered only if `all`. */
void orf_request_lose(OrfRequest *request, bool all);

void *orf_exchange_uri(void *http, const char *uri, struct MHD_Connection *connection);
enum MHD_Result
orf_exchange(void *http, struct MHD_Connection *connection, const char *url, const char *method,
             const char *version, const char *upload, size_t *upload_size, void **request_at);
void orf_exchange_over(void *http, struct MHD_Connection *connection, void **request_at,
                       enum MHD_RequestTerminationCode code);

/* With request->lock held: */
bool orf_request_offer(OrfRequest *request, unsigned status, struct MHD_Response *response);
void orf_request_suspend(OrfRequest *request);
void orf_request_wake(OrfRequest *request);

struct MHD_Response *orf_response_of(OrfRequest *request, const OrfReply *reply);
void orf_response_headers(const OrfRequest *request, struct MHD_Response *response,
                          const char *const *headers);
GBytes *orf_reply_raw(const OrfRequest *request, const OrfReply *reply);
/* application/problem+json of this room's own refusals. */
GBytes *orf_problem(int status, const char *why);

/* --- WebSockets: handshake.c, socket.c; ws.c is pure -------------------------------------- */

/* Why the request is no proper upgrade (status and sentence), or status 0. */
OrfVerdict orf_handshake_check(const OrfRequest *request, const char *const *origins);
char *orf_handshake_accept(const char *key);

OrfSockets *orf_sockets_start(OrfHttp *http, GError **error);
void orf_sockets_drain(OrfSockets *sockets);
void orf_sockets_stop(OrfSockets *sockets); /* ends the thread; every socket is closed */
void orf_sockets_free(OrfSockets *sockets);
OrfSocket *orf_socket_new(OrfSockets *sockets, OrfRequest *request, const OrfSocketApp *app);
void orf_socket_upgraded(void *socket, struct MHD_Connection *connection, void *request,
                         const char *extra, size_t extra_size, int fd,
                         struct MHD_UpgradeResponseHandle *handle);

/* One side of a WebSocket as bytes in, bytes out. One thread at a time. */
typedef struct OrfWs OrfWs;
typedef void (*OrfWsFn)(const void *bytes, size_t size, void *data);
/* Without `binary` such a message closes. */
OrfWs *orf_ws_new(OrfWsFn text, OrfWsFn binary, void *data);
void orf_ws_free(OrfWs *ws);
void orf_ws_feed(OrfWs *ws, const void *bytes, size_t size);
void orf_ws_send(OrfWs *ws, const void *text, size_t size);
void orf_ws_send_binary(OrfWs *ws, const void *bytes, size_t size);
void orf_ws_ping(OrfWs *ws);
void orf_ws_close(OrfWs *ws, unsigned code, const char *reason);
/* What is to be sent; it grows with every ping that is fed: feed no more while it is long. */
const GByteArray *orf_ws_output(const OrfWs *ws);
void orf_ws_sent(OrfWs *ws, size_t size); /* off the front */
bool orf_ws_closing(const OrfWs *ws);     /* a close frame went out */
bool orf_ws_over(const OrfWs *ws);        /* nothing more comes or goes */

#endif
