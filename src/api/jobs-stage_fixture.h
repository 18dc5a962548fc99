/* jobs-stage_fixture.h - store, queue and API with work that does what a test says.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ORF_API_JOBS_STAGE_FIXTURE_H
#define ORF_API_JOBS_STAGE_FIXTURE_H

#include "api/jobs-priv.h"
#include "api/stage_fixture.h"

typedef struct {
    char *dir;
    OrfStore *store;
    OrfQueue *queue;
    OrfMeter *meter;
    OrfRunner *runner; /* makes files at once, in this process */
    ApiStage *api;
    char *job; /* "/api/v1/jobs/ID" of the newest */
    char *id;
    GAsyncQueue *orders;       /* of the runs */
    char glb[ORF_DIGEST_SIZE]; /* a tetrahedron in the store */
    size_t glb_size;
} JobsStage;

JobsStage *jobs_stage_start(void);
void jobs_stage_stop(JobsStage *stage);
/* Stops everything but the files, and starts again on them. */
void jobs_stage_restart(JobsStage *stage);

/* Adds a job; it is the newest now. */
void jobs_stage_add(JobsStage *stage, const char *key);
/* What the run does next; any number, in order. */
void jobs_stage_tell_stage(JobsStage *stage, const char *name, double progress);
void jobs_stage_tell_log(JobsStage *stage, const char *text);
void jobs_stage_tell_log_times(JobsStage *stage, unsigned n, size_t size);
void jobs_stage_tell_progress(JobsStage *stage, unsigned n);
void jobs_stage_finish(JobsStage *stage); /* all stages, and the result */
void jobs_stage_fail(JobsStage *stage);
/* Waits until the job has come so far: by its event. */
void jobs_stage_await(JobsStage *stage, const char *event);

ApiAnswer jobs_get(JobsStage *stage, const char *rest, const char *headers);
/* The body is these bytes. */
void jobs_expect_body(const ApiAnswer *answer, const void *bytes, size_t size);
/* Sends GET for "/events" and so on, and leaves the connection open. */
int jobs_open(JobsStage *stage, const char *rest, const char *headers);
/* The chunks of a streamed body, put together. */
char *jobs_unchunk(const char *reply);

/* --- WebSocket ---------------------------------------------------------------------------- */

int jobs_ws_open(JobsStage *stage);
void jobs_ws_say(int fd, const char *text);
/* The next text message as JSON; NULL: the socket was closed. Caller owns. */
json_t *jobs_ws_hear(int fd);

#endif
