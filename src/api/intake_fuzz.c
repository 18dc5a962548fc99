/* intake_fuzz.c - any JSON body becomes a draft: a wish that survives being stored, or faults
 * that point into it.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * There is no store: pictures are decoded as far as base64 goes, and then refused. */
#include "api/wish.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_faults(const OrfDraft *draft)
{
    OrfProblem problem = orf_draft_problem(draft);
    g_assert_true(problem.n_faults > 0 && problem.n_faults <= 32);
    for (size_t i = 0; i < problem.n_faults; i++) {
        g_assert_true(problem.faults[i].pointer[0] == '#');
        g_assert_true(g_utf8_validate(problem.faults[i].pointer, -1, NULL));
        g_assert_nonnull(problem.faults[i].detail);
    }
}

static void
check_wish(OrfDraft *draft)
{
    OrfWish wish;
    orf_draft_wish(draft, &wish);
    g_autofree char *stored = orf_job_request_json(wish.request);
    g_autoptr(OrfJobRequest) request = orf_job_request_parse(stored, NULL);
    g_assert_nonnull(request);
    g_autoptr(OrfOrder) order = orf_request_known(request, NULL);
    g_assert_nonnull(order);
    g_autofree char *kind = orf_order_kind(order);
    g_assert_cmpstr(kind, ==, wish.kind);
    char fingerprint[ORF_DIGEST_SIZE];
    orf_draft_fingerprint(draft, "/", fingerprint);
}

static void
read_stored(const char *text)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(OrfJobRequest) request = orf_job_request_parse(text, &error);
    g_assert_true((request != NULL) == (error == NULL));
}

/* A row of the table; generate unless the body names another. */
static const char *
operation_of(const json_t *body)
{
    const char *name = json_string_value(json_object_get(body, "operation"));
    return name && orf_operation_by_name(name) ? name : "generate";
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autofree char *text = g_strndup((const char *)data, size);
    read_stored(text);
    json_t *body = json_loadb((const char *)data, size, JSON_REJECT_DUPLICATES, NULL);
    if (json_is_object(body)) {
        OrfApi api = { .options = { .max_upload = 1 << 20, .max_pixels = 1 << 20 } };
        g_autoptr(OrfDraft) draft = orf_draft_new(&api, "local", operation_of(body));
        json_object_del(body, "operation");
        orf_intake_json(draft, body);
        if (orf_draft_check(draft))
            check_wish(draft);
        else
            check_faults(draft);
    }
    json_decref(body);
    return 0;
}
