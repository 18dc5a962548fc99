/* client_fixture.h - a raw client and an application for the tests of this room.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * The client writes bytes and reads what comes, with a limit of ten seconds on every wait. */
#ifndef ORF_HTTP_CLIENT_FIXTURE_H
#define ORF_HTTP_CLIENT_FIXTURE_H

#include "http/http.h"

/* --- Client ------------------------------------------------------------------------------- */

int client_connect(uint16_t port);
void client_send(int fd, const char *text);
void client_send_bytes(int fd, const void *bytes, size_t size);
/* Everything until the server closes. */
char *client_read_all(int fd, size_t *ret_size);
/* Reads until `text` has come; what was read. Fails the test when the server closes before. */
char *client_read_until(int fd, const char *text);
void client_read_exactly(int fd, void *bytes, size_t size);
bool client_is_closed(int fd); /* waits for the server to close */
void client_reset(int fd);     /* closes with RST */
/* Sends, reads until the end, closes. */
char *client_talk(uint16_t port, const char *request);
/* "200 404": statuses of the replies in `text`, in order. */
char *client_statuses(const char *text);

/* --- Application -------------------------------------------------------------------------- */

/* Paths: /hello replies at once; /echo sends the body back; /later waits for test_reply;
 * /stream waits for test_stream; /file sends a file; /ws upgrades, /ws-binary
 * also for binary messages; /digest says that of the body; /refuse answers 403 in
 * `begin`; /sink counts the body in pieces and refuses it after 100 000 bytes; everything else
 * 404. */
typedef struct {
    OrfHttp *http;
    GMutex lock;
    GCond changed;
    GPtrArray *reached; /* paths, in order */
    OrfRequest *waiting;
    OrfStream *stream;
    OrfSocket *socket; /* opened and not closed */
    GString *messages;
    unsigned n_gone, n_early, n_begun, n_closed;
    uint64_t sunk;
    char *file; /* path of /file */
} Stage;

Stage *stage_start(const OrfHttpOptions *options);
void stage_stop(Stage *stage);
uint16_t stage_port(const Stage *stage);
OrfRequest *stage_wait_request(Stage *stage);   /* of /later; borrowed */
OrfStream *stage_wait_stream(Stage *stage);     /* of /stream; the caller ends it */
void stage_wait_gone(Stage *stage, unsigned n); /* until n requests are over */
OrfSocket *stage_wait_socket(Stage *stage);
void stage_wait_closed(Stage *stage, unsigned n);
char *stage_wait_messages(Stage *stage, size_t size);
char *stage_reached(Stage *stage); /* "/a /b" */
void stage_reply(OrfRequest *request, int status, const char *text);

#endif
