/* make.h - a request becomes assets, files and facts: the part that knows the engine and
 * nothing else. Private to the room.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * It runs in a runner process, or in this one; what it tells is the same messages. */
#ifndef ORF_WORK_MAKE_H
#define ORF_WORK_MAKE_H

#include "work/message.h"
#include "work/work.h"

/* The order to run a request, without numbers and descriptors: order.c. Errors: TOO_LARGE. */
OrfMessage *orf_message_of_request(const OrfJobRequest *request, GError **error);
/* The request of an order, as far as a run has to know it. Errors: BUG. */
OrfJobRequest *orf_message_request(const OrfMessage *order, GError **error);

/* Who asks for it. Called on the thread of the run. */
typedef struct {
    GBytes *(*input)(const char *digest, void *data, GError **error);
    /* A stage, which is all there is of what makes no stages; `file` NULL: the same asset as
     * the one before. Returns when the run may go on; false ends it with the error. */
    bool (*stage)(const OrfMessage *stage, GBytes *file, void *data, GError **error);
    void *data;
} OrfMakeHost;

/* The RESULT; NULL sets error. `ret_generator` (static) is who ran, as soon as it is known.
 * Errors: the engine's and the host's. */
OrfMessage *orf_make(OrfTask *task, const OrfJobRequest *request, const OrfMakeHost *host,
                     const char **ret_generator, GError **error);

#endif
