/* stage_fixture.h - an API on a free port, for the tests of this room.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ORF_API_STAGE_FIXTURE_H
#define ORF_API_STAGE_FIXTURE_H

#include "api/api-priv.h"

#include "http/client_fixture.h"

typedef struct {
    OrfMeter *meter;
    OrfApi *api;
    OrfHttp *http;
    uint16_t port;
} ApiStage;

/* `options` may bring store, queue and devices, which outlive the stage; NULL: none, which is
 * safe mode. */
ApiStage *api_stage_start(const OrfApiOptions *options);
void api_stage_stop(ApiStage *stage);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(ApiStage, api_stage_stop)

typedef struct {
    int status;
    char *head; /* status line and headers, as they came */
    char *body;
    size_t size;
} ApiAnswer;
void api_answer_clear(ApiAnswer *answer);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(ApiAnswer, api_answer_clear)
char *
api_answer_header(const ApiAnswer *answer, const char *name); /* caller owns; NULL: none */
/* The body as JSON; fails the test when it is none. Caller owns. */
json_t *api_answer_json(const ApiAnswer *answer);
/* "code" of a problem; caller owns. */
char *api_answer_code(const ApiAnswer *answer);

/* One request on a connection of its own; only the stage's port counts. `headers`: "Name:
 * value\r\n..." or ""; `body` may be NULL. */
ApiAnswer api_ask(const ApiStage *stage, const char *method, const char *target,
                  const char *headers, const char *body);
ApiAnswer api_ask_bytes(const ApiStage *stage, const char *method, const char *target,
                        const char *headers, const void *body, size_t size);
ApiAnswer api_get(const ApiStage *stage, const char *target);

#endif
