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
    ORF_N_PERMITS
} OrfPermit;
const char *orf_permit_name(OrfPermit permit); /* "jobs:read"; "none" of OPEN */

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
    bool also; /* taken, but the description names another: clients that are made from it send
                  one */
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

/* --- Who asks ----------------------------------------------------------------------------- */

typedef struct {
    char tenant[64];  /* whose jobs, files and events it sees; never empty */
    char name[64];    /* for the log: no secret */
    unsigned permits; /* bits 1u << OrfPermit */
    char key[64];     /* what its own limit is counted under */
    unsigned quota;   /* cost a minute under that key; 0: no limit beside its address's */
    bool signs_body;  /* OrfRestOptions.verify is asked before `handle` */
} OrfIdentity;
#define ORF_PERMITS_ALL ((1u << ORF_N_PERMITS) - 1)

/* How much is left of a quota: limit.c. */
typedef struct {
    bool allowed;
    unsigned quota, remaining, reset_s, retry_after_s; /* quota 0: none applies */
} OrfLimitTold;

/* --- A call: one request on its way; lives as long as its request ------------------------- */

/* What goes on for a call and must hear when its client is gone: first member of streams,
 * waits, makings, places in a queue. */
typedef struct OrfFollower OrfFollower;
struct OrfFollower {
    void (*gone)(OrfFollower *self, OrfCall *call, bool early); /* once; may free it */
    OrfFollower *next;                                          /* of rest */
};

#define ORF_MOST_ARGUMENTS 16
#define ORF_PATH_VALUES 4
#define ORF_PATH_ROOM 512 /* longer paths are not found */

struct OrfCall {
    OrfRest *rest;
    OrfApi *api;         /* OrfRestOptions.api */
    OrfRequest *request; /* orf_request_ref it to answer later */
    const OrfEndpoint *endpoint;
    OrfIdentity who;   /* known once `begin` is called; without name where anybody may ask */
    char trace_id[33]; /* of traceparent, or new */
    char *path_values[ORF_PATH_VALUES];
    int64_t began_us; /* monotonic */
    void *data;       /* the endpoint's own; freed by free_data when the call goes */
    GDestroyNotify free_data;

    /* Of rest alone. */
    int index; /* of the endpoint; -1: none was found */
    unsigned methods;
    const char *values[ORF_MOST_ARGUMENTS]; /* as the endpoint's arguments; NULL: not given */
    GPtrArray *made;                        /* values that validation wrote anew; or NULL */
    GPtrArray *added;                       /* headers: name, value, ...; or NULL */
    OrfLimitTold of_address, of_key;
    atomic_bool counted;
    GMutex lock; /* of the rest */
    OrfFollower *followers;
    unsigned works; /* at the desk */
    bool begun, over, early, told;
    char cut[ORF_PATH_ROOM];
};

/* Validated arguments by name; the fallback, or NULL, when the client gave none. */
const char *orf_call_text(const OrfCall *call, const char *name);
int64_t orf_call_int(const OrfCall *call, const char *name);
/* The JSON body: an object without duplicate keys, at most 64 levels deep. NULL: it has
 * replied. */
json_t *orf_call_json_body(OrfCall *call);
/* A client's text: at most 64 levels, no name twice, a byte order mark is skipped. NULL: why
 * not is in `ret_why`, caller owns both. */
json_t *orf_json_read_object(const char *text, size_t size, char **ret_why);
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
/* Takes what this call turned out to cost beside its row's; false: it has replied 429. */
bool orf_call_charge(OrfCall *call, unsigned cost);
/* Before the endpoint's `gone`, the newest first. */
void orf_call_follow(OrfCall *call, OrfFollower *follower);
/* Ends what follows by this function now, as if the client had stayed to the end. */
void
orf_call_release(OrfCall *call, void (*gone)(OrfFollower *self, OrfCall *call, bool early));
/* Whether whoever asks may do this, too. */
bool orf_identity_may(const OrfIdentity *who, OrfPermit permit);

/* --- Answers: every one carries X-Request-Id, traceparent, RateLimit where it applies, and is
 * counted --- */

/* `headers`: name, value, ... NULL; or NULL. `json` is taken. */
void orf_call_reply_json(OrfCall *call, int status, const char *const *headers, char *json);
/* The same of a writer whose outermost object is still open: it ends here. */
void orf_call_reply_object(OrfCall *call, int status, OrfJson *json);
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
/* What a job's error says to its client; caller owns. */
char *orf_problem_job_message(const GError *error, OrfProblemCode *ret_code);
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

/* --- Topics: what a client of a WebSocket can follow: topics.c ---------------------------- */

/* One client that follows one thing. Thread-safe. */
typedef struct OrfSubscription OrfSubscription;
/* False: the client has gone. One that does not read is closed, and resumes. */
bool orf_subscription_say(OrfSubscription *subscription, const char *text, size_t size);
size_t orf_subscription_backlog(const OrfSubscription *subscription); /* bytes not sent yet */
/* Before a last word: from here on the client may follow the same thing again. */
void orf_subscription_let_go(OrfSubscription *subscription);
/* Once, last: nothing more will be said. */
void orf_subscription_end(OrfSubscription *subscription);

/* A kind of thing that can be followed: "job/ID". Its functions may block. */
typedef struct {
    const char *name;    /* "job" */
    const char *missing; /* "No job has this id." */
    OrfPermit permit;
    bool (*find)(OrfApi *api, const OrfIdentity *who, const char *id, GError **error);
    /* Says what is newer than `after`, then what happens, until `stop` or its own end. The
     * subscription is taken, even on failure: orf_subscription_end. NOT_FOUND. */
    void *(*open)(OrfApi *api, const OrfIdentity *who, const char *id, uint64_t after,
                  OrfSubscription *subscription, GError **error);
    void (*stop)(void *following); /* the client wants no more */
    void (*unref)(void *following);
} OrfTopic;
/* Answers with a WebSocket that follows these (NULL-terminated, static). Messages of a client
 * are obeyed in order, on threads of this room. */
void orf_call_topics(OrfCall *call, const OrfTopic *const *topics);

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
    /* Who asks, of rows that are not ORF_PERMIT_OPEN: on a transport thread, after the limit of
     * the address, before a byte of the body. False: it has replied. */
    bool (*identify)(OrfCall *call, OrfIdentity *ret);
    /* The body is complete, and this is the SHA-256 in hex of its bytes; false: it has replied.
     * NULL when no identity signs bodies. */
    bool (*verify)(OrfCall *call, const char *body_digest);
    /* Whether the server can take this call now; false: it has replied. After the arguments and
     * the body's kind, before the limits. Or NULL. */
    bool (*ready)(OrfCall *call);
} OrfRestOptions;

OrfRest *orf_rest_new(const OrfRestOptions *options);
const OrfHttpApp *orf_rest_app(OrfRest *rest);
void orf_rest_stop(OrfRest *rest); /* after what waits at the desk has run */
void orf_rest_free(OrfRest *rest);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(OrfRest, orf_rest_free)

#endif
