/* work.h - what a job does: the stored request, and the runner that turns it into assets. Knows
 * no HTTP.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ORF_WORK_H
#define ORF_WORK_H

#include "device/device.h"
#include "engine/engine.h"
#include "job/job.h"
#include "meter/meter.h"
#include "store/store.h"

/* --- Runner: what the queue runs (runner.c) ------------------------------------------- */

typedef struct OrfRunner OrfRunner;
/* Everything is borrowed and outlives the runner. */
OrfRunner *orf_runner_new(OrfStore *store, OrfMeter *meter, OrfDevices *devices);
/* `describe`: how an error is told in a job, see OrfWork; NULL: by the table of errors. */
typedef void (*OrfDescribeFn)(const GError *error, OrfJobError *ret, void *data);
OrfWork orf_runner_work(OrfRunner *runner, OrfDescribeFn describe);
void orf_runner_free(OrfRunner *runner);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(OrfRunner, orf_runner_free)

/* Bytes that a run of this stored request may need, before any was measured. */
uint64_t orf_runner_guess(const OrfJobRequest *request);

/* --- At once: for who waits, and is no job (at-once.c) --------------------------------------
 */

typedef struct {
    OrfDerived file;     /* what came of it, stored */
    char *measures;      /* JSON; of the model that was made or looked at; or NULL */
    OrfAssetFacts facts; /* of the same */
    char **notes;
    char *format; /* the facts' */
    size_t peak;  /* bytes it drew at most */
} OrfMade;
void orf_made_clear(OrfMade *made);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(OrfMade, orf_made_clear)
/* Runs the request where jobs run, with so many bytes of memory. Heard: cancelling `task`.
 * `keep` false: the file is not stored. Errors: the operation's; UNSUPPORTED: it takes runners
 * down; UNAVAILABLE: there is none, or no disk. */
bool orf_runner_make(OrfRunner *runner, OrfTask *task, const OrfJobRequest *request,
                     uint64_t memory, bool keep, OrfMade *ret, GError **error);

/* --- Runner process: runs in a process of their own (supervisor.c, run-jobs.c) ------------ */

typedef struct {
    const char *const *argv; /* of a runner: its program, and what makes it call orf_run_jobs */
    uint64_t memory;         /* bytes one run may hold; 0: no limit */
    int64_t limit_us;        /* of one run, waits between stages left out; 0: 10 min */
} OrfIsolation;
/* From now on runs happen there; without it in this process. Before the queue begins. */
void orf_runner_isolate(OrfRunner *runner, const OrfIsolation *isolation);

typedef struct {
    int pid;            /* of the process that takes new runs; 0: none is ready */
    char confined[400]; /* by what; "": not known yet */
    char failing[200];  /* why none can be started; "": all is well */
    unsigned runners;   /* alive */
    unsigned inside;    /* runs in them */
    unsigned stuck;     /* runs that were given up and still go on */
    uint64_t started, crashed, ended, replaced; /* runners: of their own, by others, by us */
    uint64_t repeated, given_up;                /* runs */
} OrfIsolationStats;
/* False: runs happen in this process. */
bool orf_runner_isolation(OrfRunner *runner, OrfIsolationStats *ret);

/* The runner process; returns only when nobody has started it as one. `memory`: bytes that runs
 * may hold together. `hook` (NULL but in builds for tests) hears of each step of a run, and the
 * name of its first picture. */
typedef void (*OrfRunHook)(const char *picture, const char *step);
int orf_run_jobs(uint64_t memory, const char *const *nets, OrfRunHook hook);
/* Confines the calling process for ever, and says what is in force; caller owns. */
char *orf_confinement_here(uint64_t memory);

/* --- Requests as orders of the engine: request.c ------------------------------------------ */

/* The order without its inputs. Faults of settings are handed to `fault` (may be NULL: the
 * first becomes the error). Errors: NOT_FOUND: no such operation, or generator. */
typedef void (*OrfRequestFaultFn)(const char *pointer, const GError *error, void *data);
OrfOrder *orf_request_order(const OrfJobRequest *request, OrfRequestFaultFn fault, void *data,
                            GError **error);
/* With inputs that are known by digest and size: for digests, kinds and estimates. */
OrfOrder *orf_request_known(const OrfJobRequest *request, GError **error);
/* Fills in `parameters` and `seed` from the order. */
void orf_request_settle(OrfJobRequest *request, const OrfOrder *order);

/* Fields into a digest: each is preceded by its length, so no two lists of fields are alike. */
typedef struct OrfFields OrfFields;
OrfFields *orf_fields_new(const char *scheme);
void orf_fields_add(OrfFields *fields, const char *text);          /* NULL differs from "" */
void orf_fields_end(OrfFields *fields, char ret[ORF_DIGEST_SIZE]); /* frees */

#endif
