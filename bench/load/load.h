/* load.h - the load generator: histogram, response parser, event parser, loop, messages,
 * processes, reports.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * One thread, epoll, HTTP/1.1 with kept connections. Calls have a due time and latency counts
 * from it, so a server that stalls is charged for every request that should have begun
 * meanwhile (no coordinated omission). Times are monotonic microseconds. Nothing here is
 * thread-safe. */
#ifndef LOAD_H
#define LOAD_H

#include <glib.h>
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

/* --- Histogram: histogram.c
 * ------------------------------------------------------------------------------ Buckets grow
 * with the value: 128 for each doubling, so a quantile is at most 0.8 % above the truth. */

#define LOAD_BUCKETS (42 * 128)

typedef struct {
    uint64_t n, sum, min, max;
    uint64_t counts[LOAD_BUCKETS];
} LoadHistogram; /* zero-initialise it */

void
load_histogram_add(LoadHistogram *histogram, uint64_t value); /* beyond 2^48: the last bucket */
void load_histogram_merge(LoadHistogram *histogram, const LoadHistogram *more);
/* The smallest bucket's top that `quantile` (0..1) of the values do not exceed; 0 when empty.
 */
uint64_t load_histogram_at(const LoadHistogram *histogram, double quantile);

/* --- Responses: response.c ---------------------------------------------------------------- */

typedef struct {
    int status;
    int retry_after;                        /* s; -1: none */
    uint64_t bytes;                         /* of the body */
    bool close;                             /* the connection ends after it */
    char type[64], etag[96], location[160]; /* "" when missing */
} LoadResponse;

typedef enum { LOAD_MORE, LOAD_WHOLE, LOAD_BROKEN } LoadProgress;
typedef void (*LoadPieceFn)(const char *piece, size_t size, void *data);
typedef struct LoadParser LoadParser;

/* `piece` (or NULL) gets the body without its framing. */
LoadParser *load_parser_new(LoadPieceFn piece, void *data);
void load_parser_free(LoadParser *parser);
void load_parser_reset(LoadParser *parser, LoadPieceFn piece, void *data);
/* What comes from now on is shown to nobody; may be called by `piece`. */
void load_parser_mute(LoadParser *parser);
/* Takes bytes up to the end of the head, or from there up to the end of the response;
 * `ret_used` of them. */
LoadProgress
load_parser_feed(LoadParser *parser, const char *bytes, size_t size, size_t *ret_used);
/* The connection has ended: LOAD_WHOLE when that is how this response ends. */
LoadProgress load_parser_end(LoadParser *parser);
/* Body bytes that nobody wants to see and that may be thrown away unread; 0: feed it. */
uint64_t load_parser_skippable(const LoadParser *parser);
LoadProgress load_parser_skip(LoadParser *parser, uint64_t size);
bool load_parser_headed(const LoadParser *parser); /* the head is complete */
bool load_parser_began(const LoadParser *parser);  /* any byte came */
const LoadResponse *load_parser_response(const LoadParser *parser);

/* --- Server-sent events: events.c --------------------------------------------------------- */

typedef struct {
    const char *name; /* "message" when not said */
    const char *id;   /* "" when not said */
    const char *data;
} LoadEvent;
typedef void (*LoadEventFn)(const LoadEvent *event, void *data);
typedef struct LoadEvents LoadEvents;
LoadEvents *load_events_new(LoadEventFn event, void *data);
void load_events_feed(LoadEvents *events, const char *bytes, size_t size);
void load_events_free(LoadEvents *events);
/* Wall clock, microseconds, of the member "time" (RFC 3339) of an event's JSON; 0: it has none.
 */
int64_t load_event_time(const char *json);

/* --- Messages: message.c
 * ------------------------------------------------------------------------------------------
 * "{counter}" in the target, a field or the first 4 KiB of a file becomes nine digits, new with
 * every sending. */

typedef struct LoadMessage LoadMessage;
typedef struct {
    const char *request;        /* "GET /path" */
    const char *host;           /* "127.0.0.1:8080" */
    const char *const *headers; /* "Name: value", NULL-terminated; or NULL */
    const char *const *fields;  /* multipart fields "name=value", NULL-terminated; or NULL */
    const char *file;           /* multipart part `image` from this file; or NULL */
    const char *body;           /* the whole body from this file; or NULL */
    const char *text;           /* the whole body; or NULL */
} LoadWish;
LoadMessage *load_message_new(const LoadWish *wish, GError **error);
void load_message_free(LoadMessage *message);

/* One sending of a message. */
typedef struct {
    struct iovec part[3];
    char *own; /* the first part, when it differs from sending to sending */
} LoadLetter;
void load_letter_init(LoadLetter *letter, const LoadMessage *message, uint64_t counter);
void load_letter_clear(LoadLetter *letter);

/* --- Loop: loop.c, link.c ----------------------------------------------------------------- */

typedef enum {
    LOAD_FINE,
    LOAD_NO_CONNECTION,
    LOAD_CUT,       /* ended in mid-response, or before it */
    LOAD_MALFORMED, /* not HTTP */
    LOAD_TIMEOUT,
    LOAD_FAULTS
} LoadFault;
extern const char *const load_fault_names[LOAD_FAULTS];

typedef struct LoadLoop LoadLoop;
typedef struct LoadCall LoadCall;

/* One request and its answer; the caller's storage until `done`. Zero-initialise it. */
struct LoadCall {
    const LoadMessage *message;
    uint64_t counter;
    int64_t due_us;                 /* when it should begin; latency counts from here */
    int64_t timeout_us;             /* 0: 30 s */
    LoadPieceFn piece;              /* of the body; or NULL: thrown away */
    void (*headed)(LoadCall *call); /* the head of the answer is here; or NULL */
    void (*done)(LoadCall *call);   /* once, last; may start the next call */
    void *data;                     /* handed to `piece`, too */

    LoadFault fault;
    bool left; /* we closed it: load_call_leave */
    LoadResponse response;
    int64_t sent_us, done_us;
    struct LoadLink *link; /* the loop's */
};

typedef struct {
    uint64_t connects,
        reconnects;    /* reconnects: a kept connection had gone; asked again on another */
    LoadHistogram lag; /* how late calls began, for want of a connection or of time */
} LoadLoopStats;

/* `url`: "http://127.0.0.1:8080", numeric address. Calls beyond `connections` wait. `sources`:
 * how many loopback addresses the connections come from; 0: the usual one. */
LoadLoop *
load_loop_new(const char *url, unsigned connections, unsigned sources, GError **error);
void load_loop_free(LoadLoop *loop); /* calls under way are dropped without `done` */
const char *load_loop_host(const LoadLoop *loop);
void load_loop_call(LoadLoop *loop, LoadCall *call);
/* Closes the connection under a call; `done` comes before it returns. */
void load_call_leave(LoadLoop *loop, LoadCall *call);
/* Calls `tick` once at `due_us`; it may ask for more. */
void load_loop_at(LoadLoop *loop, int64_t due_us, void (*tick)(void *data, int64_t now_us),
                  void *data);
void load_loop_run(LoadLoop *loop); /* until load_loop_stop */
void load_loop_stop(LoadLoop *loop);
unsigned load_loop_busy(const LoadLoop *loop); /* calls under way or waiting */
const LoadLoopStats *load_loop_stats(const LoadLoop *loop);

/* --- Processes: process.c ----------------------------------------------------------------- */

typedef struct {
    uint64_t resident; /* bytes */
    double cpu_s;      /* user and system, all threads */
    unsigned threads, files;
} LoadProcess;
bool load_process_look(int pid, LoadProcess *ret); /* false: it is gone */

/* Looks every 20 ms while the loop runs. */
typedef struct {
    int pid; /* 0: none */
    LoadProcess first, last;
    uint64_t most; /* resident bytes */
    LoadLoop *loop;
} LoadWatch;
void load_watch_start(LoadWatch *watch, LoadLoop *loop, int pid);
json_t *load_watch_report(LoadWatch *watch, double seconds); /* NULL: no process */

/* --- Reports: report.c -------------------------------------------------------------------- */

/* {"n","mean","p50","p90","p95","p99","p999","max"} in milliseconds. */
json_t *load_report_histogram(const LoadHistogram *histogram);
/* For people: nested members as lines. */
void load_report_print(const json_t *report);
/* A line of the bench table, name TAB size TAB median ms TAB p95 ms TAB peak bytes TAB rate
 * unit, from the members "size", "line_ms" (a histogram), "rate_per_s" and "server" of a
 * report. */
void load_report_line(const char *name, const json_t *report);

/* --- Ways to load: rate.c, agents.c, herd.c: each returns its report ---------------------- */

typedef struct {
    const char *url, *name, *mix, *get, *ids;
    char **headers;
    double rate; /* calls a second; 0: as many as `connections` can (closed loop) */
    double seconds, warmup;
    int connections, sources, count, pid, seed;
    /* agents, herd */
    char **pictures;
    int agents;
} LoadOptions;

json_t *load_rate(const LoadOptions *options, GError **error);
json_t *load_agents(const LoadOptions *options, GError **error);
json_t *load_herd(const LoadOptions *options, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(LoadParser, load_parser_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(LoadEvents, load_events_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(LoadMessage, load_message_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(LoadLoop, load_loop_free)

#endif
