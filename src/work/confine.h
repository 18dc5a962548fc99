/* confine.h - what a process gives up before it touches a stranger's bytes. Private to the
 * room.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 *     no new privileges   nothing it could start would gain any
 *     limits              no core files, few descriptors, bounded memory and files; the first
 *                         to go when the machine runs out of memory
 *     landlock            of the file system it sees fonts and libraries, read-only; no TCP, no
 *                         signals to others
 *     seccomp             a list of calls: no sockets, no programs, no processes, no files
 *                         opened for writing
 *
 * Each is taken when the kernel has it; what is missing is told, not hidden. What it needs from
 * outside comes as descriptors. */
#ifndef ORF_WORK_CONFINE_H
#define ORF_WORK_CONFINE_H

#include "base/base.h"

typedef struct {
    bool privileges, limits, seccomp;
    int landlock;  /* version in force; 0: none */
    char why[200]; /* why something is missing; "": all is there */
} OrfConfinement;

/* For ever, for this process and the threads it starts from now on: call it while there is one.
 * `memory`: bytes its runs may hold together; 0: no limit. `folders` (NULL-terminated, or NULL)
 * may be read besides. Needs no privilege. */
void orf_confine(uint64_t memory, const char *const *folders, OrfConfinement *ret);
/* "no new privileges, limits, landlock 6, seccomp"; caller owns. */
char *orf_confinement_text(const OrfConfinement *confinement);

#endif
