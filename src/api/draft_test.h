/* draft_test.h - drafts on a store of their own, for tests and the fuzzer.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ORF_API_DRAFT_TEST_H
#define ORF_API_DRAFT_TEST_H

#include "api/wish.h"

#include <glib/gstdio.h>

typedef struct {
    char *dir;
    OrfApi api; /* nothing but a store and its limits */
    OrfApiParts parts;
    char *jpeg; /* a picture in base64 */
    char digest[ORF_DIGEST_SIZE];
} Desk;

static inline void
remove_all(const char *path)
{
    g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
    for (const char *name; dir && (name = g_dir_read_name(dir));) {
        g_autofree char *inner = g_build_filename(path, name, NULL);
        remove_all(inner);
    }
    g_remove(path);
}

static inline Desk *
desk_open(void)
{
    Desk *desk = g_new0(Desk, 1);
    g_autoptr(GError) error = NULL;
    desk->dir = g_dir_make_tmp("orfeas-draft-XXXXXX", &error);
    g_assert_no_error(error);
    desk->api.options.store = orf_store_open(desk->dir, &error);
    g_assert_no_error(error);
    desk->api.parts = &desk->parts;
    desk->api.options.max_upload = 64u << 20;
    desk->api.options.max_pixels = 64000000;
    const char *source = g_getenv("G_TEST_SRCDIR");
    g_autofree char *path =
        g_build_filename(source ? source : ".", "tests", "data", "cup.jpg", NULL);
    g_autofree char *data = NULL;
    gsize size;
    g_assert_true(g_file_get_contents(path, &data, &size, NULL));
    desk->jpeg = g_base64_encode((guchar *)data, size);
    g_autoptr(GBytes) bytes = g_bytes_new(data, size);
    g_assert_true(orf_blob_put(desk->api.options.store, bytes, desk->digest, &error));
    return desk;
}

static inline void
desk_close(Desk *desk)
{
    orf_store_close(desk->api.options.store);
    remove_all(desk->dir);
    g_free(desk->dir);
    g_free(desk->jpeg);
    g_free(desk);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Desk, desk_close)

/* JSON with single quotes; $JPEG is a picture. */
static inline OrfDraft *
desk_read_as(Desk *desk, const char *json, const char *tenant)
{
    g_autoptr(GString) text = g_string_new(json);
    g_strdelimit(text->str, "'", '"');
    g_string_replace(text, "$JPEG", desk->jpeg, 0);
    json_error_t why;
    json_t *body = json_loadb(text->str, text->len, JSON_ALLOW_NUL, &why);
    if (!body)
        g_error("%s: %s", json, why.text);
    OrfDraft *draft = orf_draft_new(&desk->api, tenant, "generate");
    orf_intake_json(draft, body);
    json_decref(body);
    return draft;
}

static inline OrfDraft *
desk_read(Desk *desk, const char *json)
{
    return desk_read_as(desk, json, "local");
}

#endif
