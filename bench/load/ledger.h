/* ledger.h - what a server promised and what it did: jobs accepted, how each ended, answers by
 * kind.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef LOAD_LEDGER_H
#define LOAD_LEDGER_H

#include "load.h"

typedef enum {
    LOAD_CREATE,
    LOAD_POLL,
    LOAD_RESULT,
    LOAD_STREAM,
    LOAD_PROGRESSIVE,
    LOAD_CANCEL,
    LOAD_LOOK,
    LOAD_SWEEP,
    LOAD_DEEDS
} LoadDeed;

typedef struct {
    uint64_t n, specified,
        refused;           /* refused: 429 and 503 with Retry-After, which is as specified */
    LoadHistogram latency; /* streams: to their head */
} LoadTally;

/* One accepted job. */
typedef struct {
    char *id;
    const char *ended;        /* its terminal state as first seen; or NULL */
    uint64_t last_seq;        /* of the stream being read */
    unsigned stages, endings; /* events seen in that stream */
    int64_t since_us;         /* wall clock: what is older is a replay */
} LoadJob;

typedef struct {
    LoadTally tallies[LOAD_DEEDS];
    GHashTable *jobs;      /* id -> LoadJob */
    GPtrArray *violations; /* the first few, as sentences */
    uint64_t n_violations;
    LoadHistogram delivery; /* stage events, from the time in the event to the client */
} LoadLedger;

LoadLedger *load_ledger_new(void);
void load_ledger_free(LoadLedger *ledger);
/* Counts an answer; says whether it was as specified: no fault, and a status of `fine`
 * (0-terminated), or a refusal with Retry-After where `may_refuse`. */
bool load_ledger_count(LoadLedger *ledger, LoadDeed deed, const LoadCall *call, const int *fine,
                       bool may_refuse);
void load_ledger_violation(LoadLedger *ledger, const char *format, ...) G_GNUC_PRINTF(2, 3);
LoadJob *load_ledger_job(LoadLedger *ledger, const char *id); /* known, or new */
/* Notes a status seen; a terminal one must stay as it is. True: it is terminal. */
bool load_ledger_status(LoadLedger *ledger, LoadJob *job, const char *status);
/* Notes an event of the job's stream. True: it is the last. */
bool load_ledger_event(LoadLedger *ledger, LoadJob *job, const LoadEvent *event);
/* The stream of the job has ended by itself. */
void load_ledger_stream_over(LoadLedger *ledger, LoadJob *job, uint64_t bytes);
json_t *load_ledger_report(const LoadLedger *ledger);

#endif
