/* supervisor-priv.h - what supervisor.c (runs) and runners.c (processes) share.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 *     WANTED -> STARTING -> READY -> GONE -> DEAD
 *
 * One lock guards everything; nobody holds it while talking to a process. A thread of its own,
 * the minder, starts and reaps processes; each has a reader that puts what it says into the
 * mail of the run it is about. */
#ifndef ORF_WORK_SUPERVISOR_PRIV_H
#define ORF_WORK_SUPERVISOR_PRIV_H

#include "work/child.h"
#include "work/supervisor.h"

#define ORF_MOST_MAIL 64

typedef enum {
    ORF_CHILD_WANTED,
    ORF_CHILD_STARTING,
    ORF_CHILD_READY,
    ORF_CHILD_GONE, /* hung up, not reaped yet */
    ORF_CHILD_DEAD,
} OrfChildState;

/* Why we ended one. */
typedef enum {
    ORF_ENDED_NOT,
    ORF_ENDED_SILENT,
    ORF_ENDED_RETIRED,
    ORF_ENDED_USED, /* was for one run, which is over */
    ORF_ENDED_NONSENSE,
    ORF_ENDED_LATE, /* its start took too long */
} OrfEndedFor;

typedef struct OrfRide OrfRide;

typedef struct {
    unsigned refs;
    OrfSupervisor *supervisor;
    OrfChildState state;
    OrfChildProcess process;
    OrfChannel *channel;
    GThread *reader;
    GPtrArray *rides;             /* OrfRide, borrowed: inside */
    bool alone;                   /* for one run */
    bool taken;                   /* by that run */
    unsigned stuck;               /* runs that were given up in it */
    int64_t silent_us, retire_at; /* retire_at: monotonic; 0: it goes on */
    int64_t wanted_at;            /* when it is to be started */
    OrfEndedFor ended_for;
    OrfDeath death;  /* DEAD */
    unsigned inside; /* DEAD: runs that it died with */
    char *confined;
} OrfChild;

/* One run in one runner. */
struct OrfRide {
    uint64_t number;
    GQueue mail; /* OrfMessage */
    GCond came;
    char *step; /* that it told last */
};

struct OrfSupervisor {
    OrfSupervisorOptions options; /* defaults filled in */
    GMutex lock;
    GCond changed; /* a runner's state */
    GCond mind;    /* the minder has something to do */
    GThread *minder;
    GPtrArray *children; /* OrfChild; all that are not reaped */
    OrfChild *main;      /* takes what comes; NULL: the minder makes one */
    bool closing;
    unsigned failures; /* starts that came to nothing, in a row */
    uint64_t next_number;
    OrfIsolationStats stats;
};

/* --- runners.c: with the lock held -------------------------------------------------------- */

OrfChild *orf_child_want(OrfSupervisor *supervisor, bool alone);
OrfChild *orf_child_ref(OrfChild *child);
void orf_child_unref(OrfChild *child);
void orf_child_end(OrfChild *child, OrfEndedFor why);
/* No more runs for it; it ends when it is empty, at the latest after the grace. */
void orf_child_retire(OrfChild *child);

void *orf_supervisor_mind(void *supervisor); /* the minder's thread */

#endif
