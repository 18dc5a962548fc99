/* hook-priv.h - messages about jobs: their keys, their ways.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ORF_JOB_HOOK_PRIV_H
#define ORF_JOB_HOOK_PRIV_H

#include "job/job-priv.h"

#include <sys/socket.h>

struct OrfHooks {
    OrfQueue *queue;
    GBytes *key;
    GThread *thread;
    void *multi; /* CURLM; waking it is thread-safe */
    atomic_bool stopping;
};

bool orf_address_is_public(const struct sockaddr *address);
bool orf_address_is_ours(const struct sockaddr *address); /* of this machine */
/* Public, and none of this machine. */
bool orf_address_is_foreign(const struct sockaddr *address);
/* "v1,BASE64" of id.timestamp.body; caller owns. */
char *orf_hook_sign(GBytes *key, const char *id, int64_t timestamp, const char *body);
/* "msg_JOB_ROW": the same in every try. */
char *orf_hook_message_id(const OrfHookRow *row);
/* How long to wait after so many tries; 0: no more. */
int64_t orf_hook_pause(int attempts);
void *orf_hook_send_thread(void *hooks);

#endif
