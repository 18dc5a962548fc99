/* supervisor.h - keeps runner processes, and hands them runs. Private to the room.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * One runner holds the engine and takes what comes. When it dies of its own, everything that
 * was in it is suspect, and runs again alone, each in a fresh runner; when a runner dies with
 * one run alone in it for the second time, that run has failed. A runner that somebody else
 * ended or stopped is replaced, and nobody is blamed. A run that does not hear that it is
 * cancelled, or takes longer than it may, is given up: its runner gets no more work, its other
 * runs may finish for a while and then start again elsewhere. Thread-safe. */
#ifndef ORF_WORK_SUPERVISOR_H
#define ORF_WORK_SUPERVISOR_H

#include "work/message.h"
#include "work/work.h"

typedef struct OrfSupervisor OrfSupervisor;

/* Zero: the default of each. */
typedef struct {
    const char *const *argv; /* of a runner; borrowed until the supervisor is freed */
    int64_t limit_us;        /* of one run, waits between stages left out; 10 min */
    int64_t deaf_us;         /* a run that does not hear that it is cancelled; 0.5 s */
    int64_t silent_us;       /* a runner that gives no sign of life; 3 s */
    int64_t grace_us;        /* for the other runs of one that was given up; 5 s */
} OrfSupervisorOptions;

/* Starts its first runner and returns at once. */
OrfSupervisor *orf_supervisor_new(const OrfSupervisorOptions *options);
/* After all runs have come back. */
void orf_supervisor_free(OrfSupervisor *supervisor);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(OrfSupervisor, orf_supervisor_free)

/* Whom a run tells; called on the thread that waits for it. */
typedef struct {
    void (*progress)(const char *step, double fraction, void *data);
    /* Returns when the run may go on; `file` NULL: the same asset as before. False ends it. A
     * run that starts again tells its stages again. */
    bool (*stage)(const OrfMessage *stage, GBytes *file, void *data, GError **error);
    void (*log)(const char *text, void *data);
    void *data;
} OrfRideHost;

/* Runs `run` (its number is filled in; descriptors are borrowed) until it has ended, however
 * often it has to be started. Heard: cancelling `task`. The last message: RESULT; or NULL, with
 * in `ret_failed` (may be NULL) the FAILED that said why. Errors: what the run failed with;
 * CANCELLED; UNSUPPORTED: it takes runners down; TOO_LARGE: its time or the memory is over;
 * UNAVAILABLE: no runner can be had. */
OrfMessage *
orf_supervisor_run(OrfSupervisor *supervisor, OrfTask *task, OrfMessage *run,
                   const OrfRideHost *host, OrfMessage **ret_failed, GError **error);

void orf_supervisor_stats(OrfSupervisor *supervisor, OrfIsolationStats *ret);

#endif
