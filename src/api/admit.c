/* admit.c - whether a wish may arrive at all.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * A full queue says so before the pictures come: a refusal costs next to nothing then, and what
 * the disk can take is left to the wishes that have a place. Those that are on their way count,
 * too: a place is held from the headers to the queue's answer. */
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

/* A place that a wish holds while it arrives. */
typedef struct {
    OrfFollower follower;
    OrfApi *api;
} Place;

static void
give_back(OrfFollower *self, OrfCall *call, bool early)
{
    (void)call, (void)early;
    Place *place = (Place *)self;
    atomic_fetch_sub(&place->api->parts->arriving, 1);
    g_free(place);
}

static bool
take_place(OrfCall *call)
{
    atomic_uint *arriving = &call->api->parts->arriving;
    unsigned room = orf_queue_room(call->api->options.queue);
    if (atomic_fetch_add(arriving, 1) >= room) {
        atomic_fetch_sub(arriving, 1);
        return false;
    }
    Place *place = g_new(Place, 1);
    *place = (Place){ .follower.gone = give_back, .api = call->api };
    orf_call_follow(call, &place->follower);
    return true;
}

void
orf_wish_leave_place(OrfCall *call)
{
    orf_call_release(call, give_back);
}

void
orf_wish_begin(OrfCall *call)
{
    OrfQueue *queue = call->api->options.queue;
    if (needs_place(call) && !take_place(call))
        orf_call_problem(call, &(OrfProblem){ .code = ORF_PROBLEM_QUEUE_FULL,
                                              .detail = "There is no room for another job now.",
                                              .hint = "Send it again after Retry-After.",
                                              .retry_after = orf_queue_retry_after(queue) });
    else
        orf_intake_begin(call);
}
