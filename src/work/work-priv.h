/* work-priv.h - the server's half of a run: runner.c keeps what it tells, at-once.c hands it to
 * who waits, runner-work.c shares the machine.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ORF_WORK_PRIV_H
#define ORF_WORK_PRIV_H

#include "work/make.h"
#include "work/supervisor.h"
#include "work/work.h"

#include <math.h>
#include <stdatomic.h>

struct OrfRunner {
    OrfStore *store;
    OrfMeter *meter;
    OrfDevices *devices;
    OrfSupervisor *supervisor; /* NULL: runs happen in this process */
    uint64_t memory;           /* bytes one run there may hold; 0: no limit */
    OrfMetric *jobs, *stages, *previews, *waits, *batches, *estimates;
    _Atomic uint64_t typical; /* bytes the last reserved run was expected to need */
};

/* One job being run. Its own thread, save `trace`, which is under the lock. */
typedef struct {
    OrfRunner *runner;
    OrfJobRun *job;
    const OrfJobRequest *request;
    char *generator; /* that ran; NULL: not known yet */
    GMutex lock;
    OrfTrace *trace;
    int64_t began_us;             /* monotonic */
    char digest[ORF_DIGEST_SIZE]; /* of the stage stored last, and its bytes */
    size_t bytes;
} Run;

/* The order of a request with its inputs open. Errors: TOO_LARGE, and the store's. */
OrfMessage *orf_runner_order(OrfRunner *runner, const OrfJobRequest *request, GError **error);
/* Errors: the engine's and the store's. */
OrfJobResult *orf_runner_run_one(OrfRunner *runner, OrfJobRun *job, GError **error);
void orf_runner_progress(OrfJobRun *job, const char *step, double fraction, void *data);
#endif
