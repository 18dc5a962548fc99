/* daemon-priv.h - what the files of this room share.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ORF_DAEMON_PRIV_H
#define ORF_DAEMON_PRIV_H

#include "daemon/daemon.h"

#include "api/api.h"
#include "rest/rest.h"
#include "work/work.h"

/* From the first signal until all is closed: signals.c. */
typedef struct {
    int signals, over; /* signalfd, eventfd */
    int64_t began_us;  /* monotonic */
    int64_t until_us;  /* then the program ends, whatever goes on */
    GThread *watch;    /* NULL: nobody has asked for the end */
} OrfEnding;
void orf_ending_clear(OrfEnding *ending);

struct OrfDaemon {
    char *dir, *address, *safe_mode;
    OrfMeter *meter;
    OrfDevices *devices;
    OrfStore *store; /* NULL in safe mode, as runner and queue */
    OrfRunner *runner;
    OrfEngine *engine;
    const char *runner_argv[5];
    char *program, *runs_memory; /* of it */
    OrfQueue *queue;
    OrfApi *api;
    OrfHttp *http;
    struct OrfKeeper *keeper;
    bool drained;
    OrfEnding ending;
};

/* --- Housekeeping: keeper.c --------------------------------------------------------------- */

/* A thread that looks at the disk and sweeps blobs. */
typedef struct OrfKeeper OrfKeeper;
OrfKeeper *orf_keeper_start(OrfDaemon *daemon);
void orf_keeper_stop(OrfKeeper *keeper);

#endif
