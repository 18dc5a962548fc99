/* api-priv.h - what the endpoints share: the table's row, a call, answers, problems, drafts of
 * jobs.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * An endpoint is a const OrfEndpoint in the file of its resource and one line in api.c. Its
 * functions run on a transport thread and must not block, unless the row says `desk`: then
 * `handle` runs on one of the API's own threads. */
#ifndef ORF_API_PRIV_H
#define ORF_API_PRIV_H

#include "api/api.h"

#include <jansson.h>

/* --- The table ---------------------------------------------------------------------------- */

typedef struct OrfCall OrfCall;
struct OrfProblem;

typedef enum {
    ORF_PERMIT_OPEN,   /* anybody: probes, the page, the description */
    ORF_PERMIT_READ,   /* jobs:read */
    ORF_PERMIT_CREATE, /* jobs:create */
    ORF_PERMIT_ADMIN,  /* admin */
} OrfPermit;

typedef enum { ORF_IN_PATH, ORF_IN_QUERY, ORF_IN_HEADER } OrfWhere;

/* One parameter: its place and the same row that tables of generators have. Path parameters are
 * required, the others are not. An empty `fallback` means: none. */
typedef struct {
    OrfWhere in;
    OrfParam param;
} OrfArgument;

/* One possible answer. `schema` names a component of schemas.json; NULL: no body or a binary of
 * `type`. Problems (4xx, 5xx) that every endpoint can give are added by themselves. */
typedef struct {
    int status;
    const char *type; /* "application/json" */
    const char *schema;
    const char *help;
} OrfAnswer;

/* One kind of body. `schema` as above. */
typedef struct {
    const char
        *type; /* "multipart/form-data", "application/json", "application/octet-stream" */
    const char *schema;
} OrfBodyKind;

typedef struct {
    const char *method, *path; /* "/api/v1/jobs/{id}/stages/{stage}" */
    const char *name;          /* operationId: "getStage" */
    const char *group;         /* tag: "jobs" */
    const char *summary, *help;
    OrfPermit permit;
    unsigned cost; /* taken from the client's rate; 0: free */
    bool desk;     /* `handle` may block: files, rows, conversions */
    bool safe;     /* works without store and queue; rows that are ORF_PERMIT_OPEN always do */
    bool deprecated;
    const OrfArgument *arguments; /* ends with a NULL name; or NULL */
    const OrfBodyKind *bodies;    /* ends with a NULL type; NULL: a body is refused */
    const OrfAnswer *answers;     /* ends with status 0 */
    /* Headers are here, validated. NULL: bodies are kept in memory (orf_call_json_body). May
     * set a sink, or reply. */
    void (*begin)(OrfCall *call);
    void (*handle)(OrfCall *call); /* the body is complete: reply now or later */
    /* Or NULL; once after `begin`, last: while the desk works on the call it waits. A call that
     * was refused before `begin` has none. */
    void (*gone)(OrfCall *call, bool early);
    /* Adds members (",\"text\":...") to the problems of this endpoint; or NULL. */
    void (*problem)(GString *out, const struct OrfProblem *problem);
} OrfEndpoint;

/* In api.c: one line each. NULL-terminated. */
const OrfEndpoint *const *orf_endpoints(void);

/* --- A call: one request on its way; lives as long as its request ------------------------- */

struct OrfCall {
    OrfApi *api;
    OrfRequest *request; /* orf_request_ref it to answer later */
    const OrfEndpoint *endpoint;
    const char *tenant; /* "local" */
    char trace_id[33];  /* of traceparent, or new */
    char *path_values[4];
    int64_t began_us; /* monotonic */
    void *data;       /* the endpoint's own; freed by free_data when the call goes */
    GDestroyNotify free_data;
    void *feed; /* feed.c: what follows a job for this call; NULL: nothing */
    void *private;
};

/* Validated arguments by name; the fallback, or NULL, when the client gave none. */
const char *orf_call_text(const OrfCall *call, const char *name);
int64_t orf_call_int(const OrfCall *call, const char *name);
/* The JSON body: an object without duplicate keys, at most 64 levels deep. NULL: it has
 * replied. */
json_t *orf_call_json_body(OrfCall *call);
/* Which of `types` (NULL-terminated) Accept likes best, the earlier of equals; -1: none fits.
 */
int orf_call_accepts(const OrfCall *call, const char *const *types);
/* "wait" seconds of Prefer, 0: respond-async, -1: not said. */
int orf_call_prefer_wait(const OrfCall *call);
/* One more header of the answer, whichever it will be ("Idempotency-Replayed"); both are
 * copied. */
void orf_call_add_header(OrfCall *call, const char *name, const char *value);
/* Runs `work` on the API's own threads; the request is kept until it returns. When too much
 * waits it replies 503. */
void orf_call_desk(OrfCall *call, void (*work)(OrfCall *call));

/* --- Answers: every one carries X-Request-Id, traceparent, RateLimit where it applies, and is
 * counted --- */

/* `headers`: name, value, ... NULL; or NULL. `json` is taken. */
void orf_call_reply_json(OrfCall *call, int status, const char *const *headers, char *json);
void orf_call_reply(OrfCall *call, const OrfReply *reply); /* anything else */
OrfStream *orf_call_stream(OrfCall *call, const char *const *headers, size_t backlog); /* 200 */
bool orf_call_upgrade(OrfCall *call, const OrfSocketApp *app);

/* Problems (RFC 9457): one table of codes in problem.c gives status, title and retryable. */
typedef struct {
    const char
        *pointer; /* JSON pointer into the body ("#/parameters/size"), or the argument's name */
    const char *detail;
} OrfFault;
typedef struct OrfProblem {
    const char *code;     /* "invalid_params", "queue_full", "image_undecodable", ... */
    const char *detail;   /* what is wrong here */
    const char *hint;     /* what to do; NULL: none */
    unsigned retry_after; /* s; 0: none */
    const OrfFault *faults;
    size_t n_faults;
} OrfProblem;
void orf_call_problem(OrfCall *call, const OrfProblem *problem);
/* From an error of a room: code by its OrfErrorCode, detail its message, no paths in it. */
void orf_call_error(OrfCall *call, const GError *error);
/* {"code","message","retryable"} of a job; the same table. Caller owns. */
char *orf_problem_job_error(const GError *error);
/* The "type" member, and the table for the reference: index from 0, NULL after the last. */
const char *orf_problem_code(size_t index, int *ret_status, const char **ret_title);

/* --- The API's inside that endpoints use -------------------------------------------------- */

struct OrfApi {
    OrfApiOptions options; /* copied; defaults filled in */
    OrfHttp *http;
    GMainContext *
        clock; /* timers (heartbeats, waits): g_source_attach to it; callbacks must not block */
    int draining;              /* atomic */
    struct OrfApiParts *parts; /* api.c */
    void *feeds; /* events.c: open streams and sockets, for heartbeats and drain */
};
void orf_feeds_init(OrfApi *api); /* events.c, called by orf_api_new */
void orf_feeds_drain(OrfApi *api);
void orf_feeds_clear(OrfApi *api);
/* The core calls it before the endpoint's `gone`, when call->feed is set: a client that left a
 * stream or a wait early cancels its job when that was agreed. */
void orf_feed_gone(OrfCall *call, bool early);

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
 * before it gives the call to another feed it calls orf_feed_gone(call, false). */
void orf_call_when_done(OrfCall *call, const char *id, unsigned seconds, bool cancel_when_gone,
                        void (*ready)(OrfCall *call, const char *id));
typedef enum { ORF_FEED_SSE, ORF_FEED_NDJSON } OrfFeedForm;
/* Streams the job's events after `after`. `cancel_when_gone`: a client that leaves early
 * cancels the job. */
void orf_call_stream_job(OrfCall *call, const char *id, uint64_t after, OrfFeedForm form,
                         bool cancel_when_gone);

/* --- What a job's row holds
 * -----------------------------------------------------------------------------------------
 * kind     "generate/GENERATOR", "/QUALITY" unless standard, "/STAGE" when it stops earlier:
 * "generate/auto/high/preview" request
 * {"v":1,"generator":"auto","mode":"preview|standard|progressive","seed":0,
 *           "parameters":{"size":100,...},          all that count, defaults filled in: for the
 * job object "settings":[["size","100"],...],        what the client set: what the runner
 * applies
 *           "pictures":[{"sha256","name","yaw":0|null,"format","width","height","bytes"}],"mask":{"sha256","name"}|null,
 *           "format":"glb","triangles":0}           wishes of a Hunyuan3D client about the file
 * result
 * {"generator":"inflate","reason":"...","confidence":0.8,"runner_up":{"generator","reason"}|null,"seed":0,
 *           "stages":[as
 * told],"measures":{...},"warnings":["..."],"took_s":1.2,"peak_bytes":1,"engine":"0.1.0"} stage
 * {"name":"preview","progress":0.25,"sha256":"...","bytes":1,"vertices":1,"triangles":1,"took_s":0.08}
 *          A stage has no "url": twins and cache hits share it, whoever shows it adds the job's
 * own. */

/* --- Drafts: a client's wish being read (draft.c) ----------------------------------------- */

/* Collected by intake.c (multipart, JSON), hunyuan.c and replay; ends as a job in the queue.
 * One thread at a time. */
typedef struct OrfDraft OrfDraft;
OrfDraft *orf_draft_new(OrfApi *api, const char *tenant);
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

#endif
