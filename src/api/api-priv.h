/* api-priv.h - what the endpoints share: the API's inside, jobs as they are shown, drafts of
 * jobs.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * An endpoint is a const OrfEndpoint in the file of its resource and one line in api.c. */
#ifndef ORF_API_PRIV_H
#define ORF_API_PRIV_H

#include "api/api.h"
#include "api/file-rows.h"
#include "rest/rest.h"
#include "work/work.h"

#include <jansson.h>
#include <stdatomic.h>

/* In api.c: one line each. NULL-terminated. */
const OrfEndpoint *const *orf_endpoints(void);

/* --- The API's inside that endpoints use -------------------------------------------------- */

struct OrfApi {
    OrfApiOptions options; /* copied; defaults filled in */
    OrfRest *rest;
    _Atomic(OrfHttp *) http;
    OrfWorkers *clock; /* one thread for what comes at a time: it must not block */
    GMutex looking;    /* one picture at a time is in memory to be looked at: draft-check.c */
    _Atomic bool draining;
    struct OrfApiParts *parts; /* api.c */
    void *feeds; /* events.c: open streams and sockets, for heartbeats and drain */
};
void orf_feeds_init(OrfApi *api); /* events.c, called by orf_api_new */
void orf_feeds_drain(OrfApi *api);
void orf_feeds_end(OrfApi *api);  /* returns when the last has said its last word */
void orf_feeds_free(OrfApi *api); /* the clock is gone by then */

/* --- Jobs: job-json.c, events.c, wait.c --------------------------------------------------- */

/* Appends the job object of the client contract. */
void orf_job_json(GString *out, const OrfJobView *view);
/* Answers with the job: ETag W/"ID-VERSION", 304 when the client has it, Retry-After while it
 * is not over; `created`: 202 with Location. */
void orf_call_reply_job(OrfCall *call, const char *id, bool created);
/* Answers 200 when the job ends within `seconds`, else as above with 202; Preference-Applied.
 * `cancel_when_gone`: a client that leaves meanwhile cancels the job. */
void orf_call_reply_job_when_done(OrfCall *call, const char *id, unsigned seconds,
                                  bool cancel_when_gone);
/* Calls `ready` on any thread when the job is over, or after `seconds`. It may not take long;
 * before the call waits for something else it calls orf_call_stop_waiting. */
void orf_call_when_done(OrfCall *call, const char *id, unsigned seconds, bool cancel_when_gone,
                        void (*ready)(OrfCall *call, const char *id));
void orf_call_stop_waiting(OrfCall *call);
typedef enum { ORF_FEED_SSE, ORF_FEED_NDJSON } OrfFeedForm;
/* Streams the job's events after `after`. `cancel_when_gone`: a client that leaves early
 * cancels the job. */
void orf_call_stream_job(OrfCall *call, const char *id, uint64_t after, OrfFeedForm form,
                         bool cancel_when_gone);

/* --- Drafts: a client's wish being read (draft.c) ----------------------------------------- */

/* Collected by intake.c (multipart, JSON), operations.c, hunyuan.c and replay; ends as a job in
 * the queue, or is answered at once. One thread at a time. */
typedef struct OrfDraft OrfDraft;
/* `operation` is a row of the engine's table. */
OrfDraft *orf_draft_new(OrfApi *api, const char *tenant, const char *operation);
void orf_draft_free(OrfDraft *draft);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(OrfDraft, orf_draft_free)
/* `pointer` names the field in messages. Each collects faults rather than stopping at the
 * first. */
void orf_draft_set(OrfDraft *draft, const char *pointer, const char *name, const char *text);
void orf_draft_add_picture(OrfDraft *draft, const char *pointer, const char *digest,
                           const char *name);
void
orf_draft_set_mask(OrfDraft *draft, const char *pointer, const char *digest, const char *name);
/* Hands the job to the queue. False: it has replied with the problem.
 * `ret_client_gone_cancels`: the wish of the client about leaving a stream. */
bool orf_draft_submit(OrfDraft *draft, OrfCall *call, OrfAccepted *ret,
                      bool *ret_client_gone_cancels);

/* --- Probes and metrics: probes.c, metrics.c ---------------------------------------------- */

bool orf_api_is_ready(const OrfApi *api);
void orf_metrics_begin(OrfApi *api);
GHashTable *orf_page_load(void); /* name -> OrfDocument */
OrfDocument *orf_generators_document(const OrfApi *api);
OrfDocument *orf_operations_document(void);

/* --- The API's parts ---------------------------------------------------------------------- */

typedef struct OrfApiParts {
    GHashTable *page;
    OrfDocument *generators, *operations, *openapi;
    char **origins;
    char *safe_mode;
    int64_t started_us;
    _Atomic int64_t tick_us;    /* of the clock thread, monotonic */
    _Atomic uint64_t disk_free; /* G_MAXUINT64: not known */
    atomic_bool low_on_disk;
} OrfApiParts;

bool orf_api_low_on_disk(const OrfApi *api);

#define LEAST_DISK (256u << 20)
#define STUCK_US (5 * G_USEC_PER_SEC)

#endif
