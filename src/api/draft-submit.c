/* draft-submit.c - drafts become jobs: keys, idempotency, the queue's answer.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "api/draft-priv.h"

#include <string.h>

#define MOST_KEY 200

/* The draft of an Idempotency-Key is a quoted string; most clients send it bare. */
static bool
read_key(OrfCall *call, char **ret_key)
{
    const char *header = orf_request_header(call->request, "Idempotency-Key");
    *ret_key = NULL;
    if (!header)
        return true;
    size_t size = strlen(header);
    bool quoted = size >= 2 && header[0] == '"' && header[size - 1] == '"';
    g_autofree char *key = quoted ? g_strndup(header + 1, size - 2) : g_strdup(header);
    bool plain = *key && strlen(key) <= MOST_KEY;
    for (const char *at = key; plain && *at; at++)
        plain = *at > ' ' && *at <= '~';
    if (plain)
        *ret_key = g_strconcat(call->endpoint->name, ":", key, NULL);
    else
        orf_call_problem(call, &(OrfProblem){ .code = ORF_PROBLEM_INVALID_PARAMS,
                                              .detail = "Idempotency-Key: give 1 to 200 "
                                                        "printable characters without blanks",
                                              .hint = "A UUID does well." });
    return plain;
}

static bool
wants_no_cache(const OrfCall *call)
{
    const char *header = orf_request_header(call->request, "Cache-Control");
    g_auto(GStrv) words = g_strsplit(header ? header : "", ",", 16);
    for (char **word = words; *word; word++) {
        const char *text = g_strstrip(*word);
        if (g_ascii_strcasecmp(text, "no-cache") == 0 ||
            g_ascii_strcasecmp(text, "no-store") == 0)
            return true;
    }
    return false;
}

/* Webhooks are off, or point to where they may not. */
static bool
is_of_webhook(const OrfWish *wish, const GError *error)
{
    return wish->webhook_url && (g_error_matches(error, ORF_ERROR, ORF_ERROR_BAD_INPUT) ||
                                 g_error_matches(error, ORF_ERROR, ORF_ERROR_UNSUPPORTED) ||
                                 g_error_matches(error, ORF_ERROR, ORF_ERROR_DENIED));
}

static void
reply_refused(OrfCall *call, const OrfWish *wish, const GError *error)
{
    if (wish->idempotency_key && g_error_matches(error, ORF_ERROR, ORF_ERROR_CONFLICT))
        orf_call_problem(
            call, &(OrfProblem){ .code = ORF_PROBLEM_IDEMPOTENCY_CONFLICT,
                                 .detail = "this Idempotency-Key came with another wish before",
                                 .hint = "Use a new key for a new wish." });
    else if (is_of_webhook(wish, error))
        orf_call_problem(call,
                         &(OrfProblem){ .code = ORF_PROBLEM_INVALID_PARAMS,
                                        .detail = error->message,
                                        .faults = &(OrfFault){ "#/webhook", error->message },
                                        .n_faults = 1 });
    else if (g_error_matches(error, ORF_ERROR, ORF_ERROR_BUSY))
        orf_call_error_after(call, error, orf_queue_retry_after(call->api->options.queue));
    else
        orf_call_error(call, error);
}

bool
orf_draft_submit(OrfDraft *draft, OrfCall *call, OrfAccepted *ret,
                 bool *ret_client_gone_cancels)
{
    g_autofree char *key = NULL;
    g_autoptr(GError) error = NULL;
    char fingerprint[ORF_DIGEST_SIZE];
    if (!orf_draft_check(draft)) {
        OrfProblem problem = orf_draft_problem(draft);
        orf_call_problem(call, &problem);
        return false;
    }
    if (!read_key(call, &key))
        return false;
    OrfWish wish;
    orf_draft_wish(draft, &wish);
    orf_draft_fingerprint(draft, orf_request_path(call->request), fingerprint);
    wish.idempotency_key = key;
    wish.fingerprint = key ? fingerprint : NULL;
    wish.no_cache |= wants_no_cache(call);
    if (!orf_queue_add(draft->api->options.queue, &wish, ret, &error)) {
        reply_refused(call, &wish, error);
        return false;
    }
    if (ret->replayed)
        orf_call_add_header(call, "Idempotency-Replayed", "true");
    if (ret_client_gone_cancels)
        *ret_client_gone_cancels = orf_draft_cancels_when_gone(draft);
    return true;
}
