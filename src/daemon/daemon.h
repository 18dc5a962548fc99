/* daemon.h - orfeas serve: opens every part and wires them together.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Thread-safe, except that one thread starts, stops and frees. */
#ifndef ORF_DAEMON_H
#define ORF_DAEMON_H

#include "base/base.h"

typedef struct {
    const char *address;  /* NULL: 127.0.0.1 */
    uint16_t port;        /* 0: any free one */
    const char *dir;      /* of rows and blobs; made when it is missing */
    unsigned workers;     /* jobs at one time past their preview; 0: one a core */
    unsigned rate;        /* jobs and uploads of one address in a minute; 0: no limit */
    uint64_t memory;      /* bytes all jobs may hold together; 0: 3/4 of what the machine has */
    uint64_t max_upload;  /* bytes; 0: 64 MiB */
    uint64_t cache_bytes; /* 0: 1 GiB */
    int64_t cache_ttl_us, keep_us;  /* 0: an hour; 0: a day */
    uint64_t keep_jobs, keep_bytes; /* finished jobs: at most; 0: 100 000; 0: 16 GiB */
    const char *webhook_secret;     /* NULL: webhooks are refused */
    const char *const *origins;     /* further sites whose pages may use it; or NULL */
    int64_t run_limit_us;           /* of one run, waits left out; 0: 10 min */
    const char *program;            /* that knows run-jobs; NULL: this one */
    const char *const *nets;        /* folders where nets are installed; NULL: none */
    bool proxied;                   /* clients come through a proxy that adds X-Forwarded-For */
} OrfDaemonOptions;

typedef struct OrfDaemon OrfDaemon;

/* A folder that is corrupt or cannot be written gives a daemon in safe mode: it answers, says
 * why, and takes no jobs. Errors: BUSY (the folder belongs to a running server), UNAVAILABLE
 * (the port is taken), BAD_INPUT (address, secret). */
OrfDaemon *orf_daemon_start(const OrfDaemonOptions *options, GError **error);
char *orf_daemon_url(const OrfDaemon *daemon); /* "http://127.0.0.1:8080/"; caller owns */
uint16_t orf_daemon_port(const OrfDaemon *daemon);
const char *orf_daemon_safe_mode(const OrfDaemon *daemon); /* why; NULL: all is well */
bool orf_daemon_is_loopback(const OrfDaemon *daemon);

/* Takes no more jobs; running ones may finish until `deadline_us` (monotonic), the rest waits
 * for the next start. Then streams are told to come back, and connections close. */
void orf_daemon_drain(OrfDaemon *daemon, int64_t deadline_us);
void orf_daemon_free(OrfDaemon *daemon);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(OrfDaemon, orf_daemon_free)

/* The CUDA devices of this machine, without a server: how many, after `each` was told of every
 * one. `each` may be NULL. */
size_t orf_daemon_each_cuda(void (*each)(const char *name, const char *driver,
                                         uint64_t memory_total, uint64_t memory_free));
/* The same as objects of orf_devices_json, in an array named `key`. */
void orf_daemon_add_cuda(OrfJson *json, const char *key);

/* The API described: "openapi" (JSON) or "reference" (Markdown); NULL: neither. Caller owns. */
char *orf_daemon_describe(const char *what);

/* The process that runs jobs for a server: see orf_run_jobs. `nets`: folders where nets are
 * looked for; `hook` is NULL but in tests. */
int orf_daemon_run_jobs(uint64_t memory, const char *const *nets,
                        void (*hook)(const char *picture, const char *step));
/* Confines this process for ever and says how; caller owns. */
char *orf_daemon_confinement(void);

/* Waits for SIGINT or SIGTERM, which every thread has blocked, and drains for `drain_s` at
 * most. From then on until the daemon is freed a second signal ends the program at once, and
 * so does the time: 10 s after the drain at the latest. */
void orf_daemon_serve(OrfDaemon *daemon, unsigned drain_s);

#endif
