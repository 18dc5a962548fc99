/* wish.h - how a client's wish becomes a job: drafts, the stored request, intake. Private to
 * the room.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ORF_API_WISH_H
#define ORF_API_WISH_H

#include "api/api-priv.h"
#include "engine/engine.h"

#define ORF_MOST_PICTURES 8

/* --- Draft, beyond api-priv.h: draft.c ---------------------------------------------------- */

/* Fields of a request beside the generators' parameters: for the reference. */
extern const OrfParam orf_wish_fields[];
extern const size_t orf_n_wish_fields;
/* Those of wishes for an operation. Static. */
const OrfParam *orf_fields_of(const OrfOperation *operation, size_t *ret_n);

void orf_draft_fault(OrfDraft *draft, OrfProblemCode code, const char *pointer,
                     const char *format, ...) G_GNUC_PRINTF(4, 5);
void orf_draft_fault_error(OrfDraft *draft, const char *pointer, const GError *error);
bool orf_draft_has_faults(const OrfDraft *draft);
/* All faults as one problem; borrowed from the draft. */
OrfProblem orf_draft_problem(const OrfDraft *draft);
/* The mode when the client says none: "standard". */
void orf_draft_set_mode(OrfDraft *draft, const char *mode);
const char *orf_draft_mode(const OrfDraft *draft);
/* The angle of the picture added last: "front", "right", "back", "left" or degrees. */
void orf_draft_set_view(OrfDraft *draft, const char *pointer, const char *view);
size_t orf_draft_n_pictures(const OrfDraft *draft);
/* Wishes about the file that is fetched later. */
void orf_draft_set_file(OrfDraft *draft, const char *format, int64_t triangles);
const OrfOperation *orf_draft_operation(const OrfDraft *draft);
/* It takes so long that a job is made of it. Only after a check without faults. */
bool orf_draft_is_heavy(const OrfDraft *draft);
/* Takes all over from a stored request of the same operation. */
void orf_draft_load(OrfDraft *draft, const OrfJobRequest *request);
void orf_draft_set_no_cache(OrfDraft *draft);
/* Looks at everything; the request when nothing is wrong, borrowed. */
const OrfJobRequest *orf_draft_check(OrfDraft *draft);
/* Digest of all the client said, for idempotency keys. */
void orf_draft_fingerprint(const OrfDraft *draft, const char *route, char ret[ORF_DIGEST_SIZE]);
/* The wish as the queue takes it is in `ret`; strings are the draft's. Only after a check
 * without faults. */
void orf_draft_wish(OrfDraft *draft, OrfWish *ret);
/* Bytes of a client into a blob: base64, with or without "data:...;base64,". Faults are
 * collected; false then. */
bool orf_draft_store_base64(OrfDraft *draft, const char *pointer, const char *text, size_t size,
                            char ret_digest[ORF_DIGEST_SIZE]);

/* --- Intake: intake.c, intake-json.c ------------------------------------------------------ */

/* For the `begin` of an endpoint that takes wishes: multipart goes into blobs while it arrives.
 */
void orf_intake_begin(OrfCall *call);
/* The same when the queue has room, else the refusal: admit.c. */
void orf_wish_begin(OrfCall *call);
/* For its `handle`, on a desk: the draft; NULL: it has replied. Caller owns. */
OrfDraft *orf_intake_finish(OrfCall *call, const char *mode);
/* The job that was made: at once, or when it is over (Prefer: wait). `cancels`: a client that
 * leaves meanwhile cancels it. */
void orf_call_reply_accepted(OrfCall *call, const char *id, bool cancels);
/* The members of "parameters". */
void orf_intake_parameters(OrfDraft *draft, const char *parent, const json_t *object);
void orf_intake_refuse_url(OrfDraft *draft, const char *pointer);
/* Whether the body is of this media type. */
bool orf_call_is(const OrfCall *call, const char *type);
/* The JSON body of the client contract. */
void orf_intake_json(OrfDraft *draft, const json_t *body);
/* "#/parameters/texture-size"; caller owns. */
char *orf_pointer(const char *parent, const char *name);
/* A value as the text of a parameter; NULL: it is none. Caller owns. */
char *orf_json_value_text(const json_t *value);

#endif
