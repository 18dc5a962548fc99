/* child.h - one runner process: how it is started, and what it died of. Private to the room.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ORF_WORK_CHILD_H
#define ORF_WORK_CHILD_H

#include "work/message.h"

#include <sys/types.h>

/* Descriptors that a runner finds open. */
#define ORF_CHILD_SOCKET 3
#define ORF_CHILD_NOTE 4 /* a page for its last words */

/* --- Last words: written by the signal handler of a dying runner -------------------------- */

typedef struct {
    int signal, code, pid; /* as in siginfo_t */
} OrfLastWords;

/* In the runner: signals of the terminal and of service managers are the server's business;
 * those that end it are noted with their sender. */
void orf_child_watch_signals(void);

/* --- Starting, and the end ---------------------------------------------------------------- */

typedef struct {
    pid_t pid;
    OrfLastWords *words; /* shared with it; NULL: none */
    uint64_t ooms;       /* that the kernel had to end by then */
} OrfChildProcess;

typedef enum {
    ORF_DEATH_OWN,     /* it crashed, gave up, or took more memory than there is */
    ORF_DEATH_OUTSIDE, /* somebody ended it: says nothing about what ran in it */
} OrfDeathKind;

typedef struct {
    OrfDeathKind kind;
    bool memory;  /* for want of memory */
    char how[64]; /* "SIGSEGV", "exit code 1" */
} OrfDeath;

/* Starts `argv` with a socket, whose other end is in `ret_socket`. It ends when this thread
 * does. Errors: UNAVAILABLE. */
bool
orf_child_start(const char *const *argv, OrfChildProcess *ret, int *ret_socket, GError **error);
/* Waits for its end, and brings it about when it has not come after a second. */
void orf_child_reap(OrfChildProcess *process, OrfDeath *ret);

#endif
