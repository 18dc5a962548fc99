/* draft-priv.h - the inside of a draft: draft.c collects, draft-check.c judges and hands over.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ORF_API_DRAFT_PRIV_H
#define ORF_API_DRAFT_PRIV_H

#include "api/wish.h"

#define MOST_FAULTS 32
#define MOST_SETTINGS 64
#define MOST_NAME 64
#define MOST_TEXT 8192
#define MOST_DEADLINE_S (7 * 24 * 3600)

typedef struct {
    OrfProblemCode code;
    char *pointer, *detail;
} Fault;

struct OrfDraft {
    OrfApi *api;
    char *tenant;
    const OrfOperation *operation;
    OrfJobRequest *request;
    OrfParams *fields;    /* orf_wish_fields */
    GHashTable *pointers; /* name -> pointer, of all that was given */
    char *default_mode;
    char *seed_said; /* "random"; NULL: a number or nothing */
    bool no_cache, checked;
    bool lost_picture;      /* one was sent and refused: it is not missing as well */
    char *kind;             /* of the wish, once made */
    char *key;              /* the recipe's digest */
    GArray *faults;         /* of Fault */
    GArray *problem_faults; /* of OrfFault */
};

/* Where the client gave this field. */
const char *orf_draft_pointer(const OrfDraft *draft, const char *name);
void orf_draft_read_views(OrfDraft *draft);
int orf_draft_priority(const OrfDraft *draft);
bool orf_draft_cancels_when_gone(const OrfDraft *draft);
/* Wall clock; 0: none, or a fault. */
int64_t orf_draft_deadline(OrfDraft *draft, int64_t now_us);
unsigned orf_draft_webhook_events(OrfDraft *draft);

#endif
