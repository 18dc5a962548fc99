/* http.h - sockets to requests, replies, streams and WebSockets; knows no endpoint.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * A narrow interface on libmicrohttpd (epoll, threads) and wslay, so that another transport can
 * take its place. The request guard refuses what two parsers could read differently (RFC 9112,
 * sections 3, 5, 6 and 11) before the application sees it. Application callbacks run on
 * transport threads and must not block: they reply at once, or take the request away and reply
 * later from any thread. */
#ifndef ORF_HTTP_H
#define ORF_HTTP_H

#include "base/base.h"

typedef struct OrfHttp OrfHttp;
typedef struct OrfRequest
    OrfRequest; /* reference-counted; the reply may come from any thread */

/* --- Server ------------------------------------------------------------------------------- */

typedef struct {
    /* The headers are here. Reply to refuse before the body is read; else set a sink
     * (orf_request_set_sink) or take the body in memory (orf_request_body) up to the limit. */
    void (*begin)(OrfRequest *request, void *data);
    /* The body is complete. Reply now or later. */
    void (*complete)(OrfRequest *request, void *data);
    /* The request is over. Once for every `begin`, last. `early`: the client left before the
     * reply ended. A client that closes its sending half while it waits counts as gone. May
     * come on any transport thread. */
    void (*gone)(OrfRequest *request, bool early, void *data);
    void *data;
} OrfHttpApp;

typedef struct {
    const char *address; /* NULL: 127.0.0.1 */
    uint16_t port;       /* 0: any free one, see orf_http_port */
    unsigned threads;    /* 0: one a core */
    size_t max_header;   /* bytes; 0: 16 KiB; beyond: 431 */
    uint64_t
        max_body; /* bytes; 0: 64 MiB; beyond: 413 before it is read, unless `begin` replied */
    size_t max_memory; /* bytes of all bodies in memory; 0: 256 MiB; beyond: 503 */
    unsigned max_connections, max_per_address; /* 0: 4096, 1024 */
    unsigned idle_timeout_s, header_timeout_s; /* 0: 60, 10 */
    unsigned body_timeout_s; /* of a whole body, however it trickles; 0: 600 */
} OrfHttpOptions;

/* Errors: UNAVAILABLE (the port is taken, the address is not ours), BAD_INPUT (no numeric
 * address). */
OrfHttp *orf_http_start(const OrfHttpOptions *options, const OrfHttpApp *app, GError **error);
uint16_t orf_http_port(const OrfHttp *http);
/* Stops accepting, closes idle connections, sends 1001 to WebSockets; the application ends its
 * streams (with a last word) before or meanwhile. Returns when all connections are gone, or
 * cuts the rest at the monotonic time `deadline_us`. */
void orf_http_drain(OrfHttp *http, int64_t deadline_us);
/* Cuts what is left; requests, streams and sockets that the application still holds stay valid
 * and dead. */
void orf_http_free(OrfHttp *http);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(OrfHttp, orf_http_free)

typedef struct {
    uint64_t requests, refused_by_guard, bytes_in, bytes_out; /* since the start */
    uint64_t connections, streams, sockets;                   /* now */
} OrfHttpStats;
void orf_http_stats(const OrfHttp *http, OrfHttpStats *ret);

/* --- Request: valid until `gone`, longer with a reference --------------------------------- */

OrfRequest *orf_request_ref(OrfRequest *request);
void orf_request_unref(OrfRequest *request);
const char *orf_request_method(const OrfRequest *request);
/* Decoded, without query; valid UTF-8, never with control bytes, "." or ".." segments, or "//".
 */
const char *orf_request_path(const OrfRequest *request);
const char *orf_request_header(const OrfRequest *request, const char *name); /* or NULL */
/* Of several lines the last, which a proxy has added. */
const char *orf_request_last_header(const OrfRequest *request, const char *name);
const char *
orf_request_query(const OrfRequest *request, const char *name); /* decoded, or NULL */
/* Calls `each` for every query argument, in order. */
void orf_request_each_query(const OrfRequest *request,
                            void (*each)(const char *name, const char *value, void *data),
                            void *data);
const char *orf_request_peer(const OrfRequest *request); /* "127.0.0.1" */
/* Why it cannot become a WebSocket, and the status that says so; 0: it can. */
int orf_request_upgrade_refusal(const OrfRequest *request, const char *const *origins,
                                const char **ret_why);
int64_t orf_request_length(const OrfRequest *request); /* Content-Length; -1: chunked or none */
/* The application's own pointer. */
void orf_request_set_data(OrfRequest *request, void *data, GDestroyNotify free_data);
void *orf_request_data(const OrfRequest *request);

/* Takes the body in pieces; false refuses the rest (the sink has replied). Set it in `begin`.
 */
typedef bool (*OrfSinkFn)(OrfRequest *request, const void *data, size_t size, void *sink_data);
void orf_request_set_sink(OrfRequest *request, OrfSinkFn sink, void *sink_data);
GBytes *orf_request_body(const OrfRequest *request); /* without a sink; borrowed, NULL: empty */
/* Takes the digest of the body while it arrives, whoever reads it. Ask for it in `begin`. */
void orf_request_digest_body(OrfRequest *request);
/* In `complete`, when it was asked for: SHA-256 in hex of all bytes, an empty body's too. */
const char *orf_request_body_digest(const OrfRequest *request);

/* --- Reply: once, from any thread --------------------------------------------------------- */

/* A reply that comes while more than 64 KiB of the body are still to come is sent at once and
 * closes the connection; a file is left out of it. A reply to a client that has gone is
 * dropped. */
typedef struct {
    int status;
    const char *const *headers; /* name, value, ... NULL; or NULL */
    GBytes *body;               /* or NULL */
    int fd; /* > 0: sendfile of `length` bytes from `offset`; closed after */
    uint64_t offset, length;
} OrfReply;
void orf_request_reply(OrfRequest *request, const OrfReply *reply);

/* A reply that grows: SSE, NDJSON. Written from any thread, sent by the transport; more than
 * `backlog` bytes unsent closes the connection (the client resumes). Never NULL; thread-safe
 * until orf_stream_end. */
typedef struct OrfStream OrfStream;
OrfStream *
orf_request_stream(OrfRequest *request, int status, const char *const *headers, size_t backlog);
bool orf_stream_write(OrfStream *stream, const void *data, size_t size); /* false: gone */
size_t
orf_stream_backlog(const OrfStream *stream); /* bytes not sent yet: coalesce when it grows */
void orf_stream_end(OrfStream *stream);      /* sends the rest, then closes; frees */

/* --- WebSocket (RFC 6455) ----------------------------------------------------------------- */

typedef struct OrfSocket OrfSocket;
typedef struct {
    void (*opened)(OrfSocket *socket, void *data); /* first; may be NULL */
    void (*message)(OrfSocket *socket, const char *text, size_t size, void *data);
    /* Binary messages; NULL: a client that sends one is closed with 1003. */
    void (*binary)(OrfSocket *socket, const void *bytes, size_t size, void *data);
    void (*closed)(OrfSocket *socket, void *data); /* once, last; then `gone` of its request */
    void *data;
} OrfSocketApp; /* called on one thread, which must not block */
OrfSocket *
orf_socket_ref(OrfSocket *socket); /* valid until `closed`, longer with a reference */
void orf_socket_unref(OrfSocket *socket);
/* Answers the upgrade with 101; false (and a reply was sent) when the request is no proper
 * upgrade or its Origin is neither this host nor among `origins` (NULL: none). Messages up to 8
 * KiB; ping every 20 s. A client that does not read is not read either. Without `opened` there
 * is no `closed`: the client left before the 101, which `gone` tells. */
bool
orf_request_upgrade(OrfRequest *request, const OrfSocketApp *app, const char *const *origins);
/* Any thread; false: gone, or more than 4 MiB unsent, or than 64 KiB while all sockets have 64
 * MiB unsent (the socket is cut). */
bool orf_socket_send(OrfSocket *socket, const char *text, size_t size);
bool orf_socket_send_binary(OrfSocket *socket, const void *bytes, size_t size);
size_t orf_socket_backlog(const OrfSocket *socket);
void orf_socket_close(OrfSocket *socket, unsigned code, const char *reason);

/* --- Multipart (RFC 7578), streaming: http/multipart.c ------------------------------------ */

typedef struct {
    /* A part begins. `filename` NULL for plain fields. False refuses (error set by the
     * callback). */
    bool (*part)(const char *name, const char *filename, const char *type, void *data,
                 GError **error);
    bool (*bytes)(const void *piece, size_t size, void *data, GError **error);
    bool (*end)(void *data, GError **error);
    void *data;
} OrfPartApp;
typedef struct OrfMultipart OrfMultipart;
/* `content_type` is the header's value. Boundary at most 70 bytes, part headers 8 KiB, 128
 * parts. */
OrfMultipart *
orf_multipart_new(const char *content_type, const OrfPartApp *app, GError **error);
bool orf_multipart_feed(OrfMultipart *parser, const void *data, size_t size, GError **error);
bool orf_multipart_finish(OrfMultipart *parser, GError **error); /* BAD_INPUT when cut short */
void orf_multipart_free(OrfMultipart *parser);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(OrfMultipart, orf_multipart_free)

#endif
