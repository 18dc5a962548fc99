/* admit.c - whether a wish may arrive at all.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * A full queue says so before the pictures come: a refusal costs next to nothing then. A place
 * is taken when all is here: what never arrives holds none. */
#include "api/endpoints.h"
#include "api/wish.h"

#include <string.h>

/* A wish that was sent before, or that is only a trial, needs none. */
static bool
needs_place(const OrfCall *call)
{
    bool may_be_trial = call->endpoint->arguments != NULL; /* Hunyuan3D's paths have none */
    return !orf_request_header(call->request, "Idempotency-Key") &&
           !(may_be_trial && g_strcmp0(orf_call_text(call, "dry_run"), "true") == 0);
}

void
orf_wish_begin(OrfCall *call)
{
    OrfQueue *queue = call->api->options.queue;
    if (needs_place(call) && !orf_queue_room(queue))
        orf_call_problem(call, &(OrfProblem){ .code = ORF_PROBLEM_QUEUE_FULL,
                                              .detail = "There is no room for another job now.",
                                              .hint = "Send it again after Retry-After.",
                                              .retry_after = orf_queue_retry_after(queue) });
    else
        orf_intake_begin(call);
}
