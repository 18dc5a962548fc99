/* rest.h - HTTP semantics that knows no resource: a table of endpoints is routed, checked,
 * limited, counted and answered.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * An endpoint is a const OrfEndpoint in the file of its resource. Its functions run on a
 * transport thread and must not block, unless the row says `desk`: then `handle` runs on one of
 * the threads of this room. */
#ifndef ORF_REST_H
#define ORF_REST_H

#include "base/base.h"
#include "http/http.h"
#include "meter/meter.h"

#include <jansson.h>
#include <stdatomic.h>

typedef struct OrfRest OrfRest;
typedef struct OrfApi OrfApi; /* whoever serves the resources: this room only hands it on */
typedef struct OrfCall OrfCall;

/* --- The table ---------------------------------------------------------------------------- */

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
    /* Adds members to the problems of this endpoint; or NULL. */
    void (*problem)(OrfJson *json, const struct OrfProblem *problem);
} OrfEndpoint;

/* --- A call: one request on its way; lives as long as its request ------------------------- */

struct OrfCall {
    OrfRest *rest;
    OrfApi *api;         /* OrfRestOptions.api */
    OrfRequest *request; /* orf_request_ref it to answer later */
    const OrfEndpoint *endpoint;
    const char *tenant; /* "local" */
    char trace_id[33];  /* of traceparent, or new */
    char *path_values[4];
    int64_t began_us; /* monotonic */
    void *data;       /* the endpoint's own; freed by free_data when the call goes */
    GDestroyNotify free_data;
    void *feed;            /* what follows a job for this call; NULL: nothing */
    atomic_bool has_place; /* it holds a place for a job while it arrives */
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

/* --- Problems (RFC 9457): one table in problem.c gives text, status, title and retryable -- */

typedef enum {
    ORF_PROBLEM_NONE,
    ORF_PROBLEM_INVALID_JSON,
    ORF_PROBLEM_INVALID_MULTIPART,
    ORF_PROBLEM_REQUEST_REFUSED,
    ORF_PROBLEM_INSUFFICIENT_SCOPE,
    ORF_PROBLEM_ORIGIN_NOT_ALLOWED,
    ORF_PROBLEM_NOT_FOUND,
    ORF_PROBLEM_METHOD_NOT_ALLOWED,
    ORF_PROBLEM_NOT_ACCEPTABLE,
    ORF_PROBLEM_CONFLICT,
    ORF_PROBLEM_NO_RESULT,
    ORF_PROBLEM_NOT_READY,
    ORF_PROBLEM_JOB_EXPIRED,
    ORF_PROBLEM_PRECONDITION_FAILED,
    ORF_PROBLEM_BODY_TOO_LARGE,
    ORF_PROBLEM_IMAGE_TOO_LARGE,
    ORF_PROBLEM_TOO_LARGE,
    ORF_PROBLEM_UNSUPPORTED_MEDIA_TYPE,
    ORF_PROBLEM_UNSUPPORTED,
    ORF_PROBLEM_RANGE_NOT_SATISFIABLE,
    ORF_PROBLEM_HOST_NOT_ALLOWED,
    ORF_PROBLEM_IDEMPOTENCY_CONFLICT,
    ORF_PROBLEM_IMAGE_UNDECODABLE,
    ORF_PROBLEM_UPLOAD_UNKNOWN,
    ORF_PROBLEM_MESH_UNREADABLE,
    ORF_PROBLEM_INVALID_PARAMS,
    ORF_PROBLEM_UPGRADE_REQUIRED,
    ORF_PROBLEM_RATE_LIMITED,
    ORF_PROBLEM_HEADERS_TOO_LARGE,
    ORF_PROBLEM_CANCELED,
    ORF_PROBLEM_INTERNAL,
    ORF_PROBLEM_DRAINING,
    ORF_PROBLEM_MEMORY_FULL,
    ORF_PROBLEM_QUEUE_FULL,
    ORF_PROBLEM_SERVER_BUSY,
    ORF_PROBLEM_STORAGE_UNAVAILABLE,
    ORF_PROBLEM_UNAVAILABLE,
    ORF_PROBLEM_DEADLINE_EXCEEDED,
    ORF_N_PROBLEMS
} OrfProblemCode;

typedef struct {
    const char
        *pointer; /* JSON pointer into the body ("#/parameters/size"), or the argument's name */
    const char *detail;
} OrfFault;
typedef struct OrfProblem {
    OrfProblemCode code;
    const char *detail;   /* what is wrong here */
    const char *hint;     /* what to do; NULL: none */
    unsigned retry_after; /* s; 0: none */
    const OrfFault *faults;
    size_t n_faults;
} OrfProblem;
void orf_call_problem(OrfCall *call, const OrfProblem *problem);
/* From an error of a room: code by its OrfErrorCode, detail its message, no paths in it. */
void orf_call_error(OrfCall *call, const GError *error);
/* The same by who knows when to come back. */
void orf_call_error_after(OrfCall *call, const GError *error, unsigned retry_after);

/* A row of the table. */
typedef struct {
    const char *name; /* "queue_full": the "code" member, the end of "type" */
    int status;
    bool retryable;
    const char *title;
} OrfProblemKind;
const OrfProblemKind *orf_problem_kind(OrfProblemCode code);
OrfProblemCode orf_problem_find(const char *name); /* NONE: no such */
OrfProblemCode orf_problem_of(const GError *error);
/* The row as members of an object. */
void orf_problem_add_members(OrfJson *json, OrfProblemCode code);
/* {"code","message","retryable"} of a job; the same table. Caller owns. */
char *orf_problem_job_error(const GError *error, void *data);
/* Paths of the machine become "(file)"; caller owns. */
char *orf_problem_scrub(const char *text);

/* --- Documents: document.c. Immutable ------------------------------- */

typedef struct {
    GBytes *body, *packed; /* packed: the same by gzip, or NULL */
    const char *type;      /* static */
    char etag[48], packed_etag[48];
} OrfDocument;
OrfDocument *orf_document_new(GBytes *body, const char *type);
OrfDocument *orf_document_take(char *text, const char *type);
void orf_document_free(void *document);
/* For clients that take gzip. */
void orf_document_pack(OrfDocument *document, GBytes *packed);
/* 200 or 304. `headers`: further ones, or NULL. */
void
orf_call_reply_document(OrfCall *call, const OrfDocument *document, const char *const *headers);

/* --- Conditions and ranges: conditions.c. Pure -------------------------------------------- */

/* Does the list of If-None-Match (or If-Match) name `etag`? "W/" counts for nothing when
 * `weak`. */
bool orf_etag_listed(const char *list, const char *etag, bool weak);
typedef enum { ORF_RANGE_WHOLE, ORF_RANGE_PART, ORF_RANGE_NONE } OrfRange;
/* The one range of a Range header, RFC 9110 section 14. What is malformed or several ranges is:
 * the whole. */
OrfRange
orf_range_read(const char *text, uint64_t size, uint64_t *ret_first, uint64_t *ret_length);
/* `attachment; filename="cup.glb"`, with filename* when the name needs it. Caller owns. */
char *orf_disposition(const char *how, const char *stem, const char *extension);
/* "sha-256=:base64:" of a digest in hex. Caller owns. */
char *orf_content_digest(const char *digest);

/* --- The room's life ---------------------------------------------------------------------- */

typedef struct {
    const OrfEndpoint *const *table; /* NULL-terminated, lives as long as the room */
    OrfMeter *meter;                 /* borrowed */
    OrfApi *api;                     /* handed to every call */
    unsigned rate;              /* cost a client address may cause in a minute; 0: no limit */
    bool loopback;              /* a Host that names another machine is refused */
    bool proxied;               /* the client's address is the last of X-Forwarded-For */
    uint64_t max_upload;        /* bytes of one body */
    const char *const *origins; /* further sites whose pages may use it; or NULL. Copied */
    /* Whether the server can take this call now; false: it has replied. After the arguments and
     * the body's kind, before the limit. Or NULL. */
    bool (*ready)(OrfCall *call);
    /* Before the endpoint's own `gone`; or NULL. */
    void (*gone)(OrfCall *call, bool early);
} OrfRestOptions;

OrfRest *orf_rest_new(const OrfRestOptions *options);
const OrfHttpApp *orf_rest_app(OrfRest *rest);
void orf_rest_stop(OrfRest *rest); /* after what waits at the desk has run */
void orf_rest_free(OrfRest *rest);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(OrfRest, orf_rest_free)

#endif
