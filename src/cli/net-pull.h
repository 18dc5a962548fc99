/* net-pull.h - fetching the files of a published net.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ORF_CLI_NET_PULL_H
#define ORF_CLI_NET_PULL_H

#include "base/base.h"

typedef struct {
    const char *from;   /* a hub or a mirror with its paths; NULL: huggingface.co */
    const char *folder; /* of nets: the net gets one of its name in it */
    bool yes;           /* agrees to the licence without being asked */
} OrfNetPull;

/* Fetches what is not there yet, after the licence was shown and agreed to. What came of a try
 * that ended stays as "….part", and the next goes on from there. Errors: NOT_FOUND, DENIED (the
 * licence, the server), UNAVAILABLE (server, disk, bytes that are not those published),
 * CANCELLED. */
bool orf_net_pull(OrfTask *task, const char *name, const OrfNetPull *how, GError **error);
void orf_net_pull_list(void); /* what can be fetched, printed */

#endif
