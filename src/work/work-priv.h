/* work-priv.h - the inside of the runner: runner.c makes assets, runner-work.c shares the
 * machine.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ORF_WORK_PRIV_H
#define ORF_WORK_PRIV_H

#include "work/work.h"

#include <math.h>
#include <stdatomic.h>

struct OrfRunner {
    OrfStore *store;
    OrfMeter *meter;
    OrfDevices *devices;
    OrfMetric *jobs, *stages, *previews, *waits, *batches, *estimates;
    _Atomic uint64_t typical; /* bytes the last reserved run was expected to need */
};

/* One job being run. Its own thread, save `trace`, which is under the lock. */
typedef struct {
    OrfRunner *runner;
    OrfJobRun *job;
    OrfWishRequest *request;
    OrfRan ran;
    GMutex lock;
    OrfTrace *trace;
    int64_t began_us, stage_us; /* monotonic; of the running stage */
    GString *stages;            /* JSON of those told, joined by commas */
    OrfAsset *last;             /* the stage stored last, and its file */
    char digest[ORF_DIGEST_SIZE];
    size_t bytes;
    GError *error; /* of a stage that could not be stored */
} Run;

/* The result's JSON. Errors: the engine's and the store's. */
char *orf_runner_run_one(OrfRunner *runner, OrfJobRun *job, GError **error);
void orf_runner_progress(OrfJobRun *job, const char *step, double fraction, void *data);
#endif
