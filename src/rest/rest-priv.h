/* rest-priv.h - the inside of the room: router, calls, counts, limits. Endpoints do not need
 * it.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ORF_REST_PRIV_H
#define ORF_REST_PRIV_H

#include "rest/rest.h"

#include <stdatomic.h>

/* --- Router: router.c. Immutable ---------------------------------------------------------- */

typedef enum { METHOD_GET, METHOD_POST, METHOD_PUT, METHOD_DELETE, N_METHODS } Method;

typedef struct {
    int index;        /* into the table; -1: no such path, or not by this method */
    unsigned methods; /* bits 1 << Method that the path has; 0: no such path */
    const char *values[ORF_PATH_VALUES];
} OrfRoute;

typedef struct OrfRouter OrfRouter;
OrfRouter *orf_router_new(const OrfEndpoint *const *table);
void orf_router_free(OrfRouter *router);
/* `path` is copied into `cut`, where the values live. HEAD goes where GET goes. */
OrfRoute orf_router_find(const OrfRouter *router, const char *method, const char *path,
                         char cut[ORF_PATH_ROOM]);
/* "GET, HEAD, OPTIONS"; caller owns. */
char *orf_router_allow(unsigned methods);

/* --- Limits: limit.c. Thread-safe --------------------------------------------------------- */

/* Counts by key: whatever text names who is limited. */
typedef struct OrfLimiter OrfLimiter;
OrfLimiter *orf_limiter_new(void);
void orf_limiter_free(OrfLimiter *limiter);
/* Takes `cost` from the `quota` (> 0) a minute of `key`, or nothing when that is too much.
 * `now_us` is monotonic. */
OrfLimitTold orf_limiter_take(OrfLimiter *limiter, const char *key, unsigned quota,
                              unsigned cost, int64_t now_us);
#define ORF_ADDRESS_KEY 32
/* The key of a client's address: IPv4 as a whole, also when mapped into IPv6; of IPv6 its /64.
 */
void orf_limit_address(const char *address, char ret_key[ORF_ADDRESS_KEY]);

/* --- Clients: client.c -------------------------------------------------------------------- */

/* The last address of X-Forwarded-For, without port or brackets; false: it is none. */
bool orf_client_forwarded(const char *list, char *ret_address, size_t size);
void orf_client_key(const OrfCall *call, char ret_key[ORF_ADDRESS_KEY]);
typedef struct OrfArrivals OrfArrivals;
OrfArrivals *orf_arrivals_new(void);
void orf_arrivals_free(OrfArrivals *arrivals);
/* Takes the client's share of bodies on their way, until the body is here or the call over.
 * False: it has replied. */
bool orf_client_may_send(OrfCall *call);
void orf_client_has_sent(OrfCall *call);

/* --- Origins: origin.c -------------------------------------------------------------------- */

/* Whether the Host may be ours: a page of another site whose name was pointed at this machine
 * says another one. */
bool orf_host_is_ours(const char *host, const char *const *origins);
/* Whether a page that may use this server sent it; programs send neither header. */
bool orf_origin_is_ours(const OrfRequest *request, const char *const *origins);
/* Origin, when it is one of `origins`. */
const char *orf_origin_listed(const OrfRequest *request, const char *const *origins);

/* --- Trace context: traceparent.c --------------------------------------------------------- */

#define TRACEPARENT_SIZE 56
/* Takes the trace id of a valid traceparent (W3C), else makes one. `seed` rises by itself. */
void orf_traceparent_read(const char *traceparent, _Atomic uint64_t *seed, char ret_id[33]);
void orf_traceparent_write(const char *id, _Atomic uint64_t *seed, char ret[TRACEPARENT_SIZE]);

/* --- A call's inside: call.c, arguments.c, answer.c --------------------------------------- */

void orf_call_begin(OrfRequest *request, void *rest);
void orf_call_complete(OrfRequest *request, void *rest);
void orf_call_gone(OrfRequest *request, bool early, void *rest);
OrfCall *orf_call_new(OrfRest *rest, OrfRequest *request);
/* False: it has replied. */
bool orf_call_read_arguments(OrfCall *call);
void orf_call_busy(OrfCall *call);
/* Once for every call: metrics. */
void orf_call_count(OrfCall *call, int status);

/* --- Problems: problem.c ------------------------------------------------------------------ */

/* With one header more. */
void orf_call_problem_with(OrfCall *call, const OrfProblem *problem, const char *name,
                           const char *value);

/* --- Counts: tally.c ---------------------------------------------------------------------- */

typedef struct OrfTallies OrfTallies;
OrfTallies *orf_tallies_new(OrfMeter *meter, const OrfEndpoint *const *table);
void orf_tallies_free(OrfTallies *tallies);
/* `index` -1: no endpoint. Takes no lock and allocates nothing after the first time. */
void orf_tallies_count(OrfTallies *tallies, int index, int status, double seconds,
                       const char *trace_id);
void orf_tallies_limited(OrfTallies *tallies, const char *limit); /* "address", "key" */

/* Does Accept-Encoding allow gzip? */
bool orf_call_takes_gzip(const OrfCall *call);

/* --- Words of WebSocket clients: topic-message.c. Pure ------------------------------------ */

#define ORF_TOPIC_ID 64
typedef enum { ORF_TOPIC_PING, ORF_TOPIC_SUBSCRIBE, ORF_TOPIC_UNSUBSCRIBE } OrfTopicType;
typedef struct {
    OrfTopicType type;
    const OrfTopic *topic;
    char id[ORF_TOPIC_ID];
    uint64_t after;
} OrfTopicMessage;
/* NULL, or what is wrong with it (static). */
const char *orf_topic_message_read(const char *text, size_t size, const OrfTopic *const *topics,
                                   OrfTopicMessage *ret);

/* --- The room itself: rest.c -------------------------------------------------------------- */

struct OrfRest {
    OrfRestOptions options; /* copied */
    OrfHttpApp app;
    OrfRouter *router;
    OrfLimiter *limiter;
    OrfArrivals *arrivals;
    OrfWorkers *desk;
    OrfWorkers *listeners; /* obey what clients of WebSockets say */
    OrfTallies *tallies;
    _Atomic uint64_t seed;
    char **origins;
};

#endif
