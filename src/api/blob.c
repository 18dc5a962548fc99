/* blob.c - a blob as the answer: straight from its file, with what caches and broken downloads
 * need.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Blobs are named by their SHA-256, so the strong ETag is that name and never lies. Conditions
 * come in the order of RFC 9110, section 13.2.2: If-Match, If-None-Match, then Range with
 * If-Range. */
#include "api/jobs-priv.h"

#include <unistd.h>

#define ETAG_SIZE (ORF_DIGEST_SIZE + 16)

typedef struct {
    const char *list[24];
    size_t n;
} Headers;

static void
add(Headers *headers, const char *name, const char *value)
{
    headers->list[headers->n++] = name;
    headers->list[headers->n++] = value;
}

static void
reply_bare(OrfCall *call, int status, Headers *headers)
{
    orf_call_reply(call, &(OrfReply){ .status = status, .headers = headers->list });
}

/* Does a condition end the matter? */
static bool
settle(OrfCall *call, const char *etag, Headers *headers)
{
    const char *match = orf_request_header(call->request, "If-Match");
    if (match && !orf_etag_listed(match, etag, false)) {
        orf_call_problem(call, &(OrfProblem){ .code = ORF_PROBLEM_PRECONDITION_FAILED,
                                              .detail = "The file is another one than If-Match "
                                                        "names." });
        return true;
    }
    if (!orf_etag_listed(orf_request_header(call->request, "If-None-Match"), etag, true))
        return false;
    reply_bare(call, 304, headers);
    return true;
}

/* A range counts only for the file that the client has a part of. */
static OrfRange
read_range(const OrfCall *call, const char *etag, uint64_t size, uint64_t *ret_first,
           uint64_t *ret_length)
{
    const char *only = orf_request_header(call->request, "If-Range");
    *ret_first = 0;
    *ret_length = size;
    if (only && !orf_etag_listed(only, etag, false))
        return ORF_RANGE_WHOLE;
    return orf_range_read(orf_request_header(call->request, "Range"), size, ret_first,
                          ret_length);
}

static void
refuse_range(OrfCall *call, uint64_t size)
{
    g_autofree char *whole = g_strdup_printf("bytes */%" G_GUINT64_FORMAT, size);
    g_autofree char *detail =
        g_strdup_printf("The file has %" G_GUINT64_FORMAT " bytes.", size);
    orf_call_add_header(call, "Content-Range", whole);
    orf_call_problem(
        call, &(OrfProblem){ .code = ORF_PROBLEM_RANGE_NOT_SATISFIABLE, .detail = detail });
}

/* `fd` is taken. */
static void
send_file(OrfCall *call, const OrfBlobAnswer *answer, const char *etag, Headers *headers,
          int fd, uint64_t size)
{
    uint64_t first, length;
    OrfRange range = read_range(call, etag, size, &first, &length);
    if (range == ORF_RANGE_NONE) {
        close(fd);
        refuse_range(call, size);
        return;
    }
    g_autofree char *digest = orf_content_digest(answer->digest);
    g_autofree char *name = orf_disposition(answer->how, answer->stem, answer->extension);
    g_autofree char *part =
        g_strdup_printf("bytes %" G_GUINT64_FORMAT "-%" G_GUINT64_FORMAT "/%" G_GUINT64_FORMAT,
                        first, first + length - 1, size);
    bool whole = range == ORF_RANGE_WHOLE;
    add(headers, "Content-Type", answer->type);
    add(headers, "Content-Disposition", name);
    add(headers, whole ? "Content-Digest" : "Repr-Digest", digest);
    if (!whole)
        add(headers, "Content-Range", part);
    orf_call_reply(call, &(OrfReply){ .status = whole ? 200 : 206,
                                      .headers = headers->list,
                                      .fd = fd,
                                      .offset = first,
                                      .length = length });
}

void
orf_call_reply_blob(OrfCall *call, const OrfBlobAnswer *answer, OrfProblemCode missing)
{
    uint64_t size;
    char etag[ETAG_SIZE];
    g_snprintf(etag, sizeof etag, "\"sha256-%s\"", answer->digest);
    Headers headers = { 0 };
    add(&headers, "ETag", etag);
    add(&headers, "Cache-Control", answer->cache);
    add(&headers, "Accept-Ranges", "bytes");
    if (settle(call, etag, &headers))
        return;
    int fd = orf_blob_open(call->api->options.store, answer->digest, &size, NULL);
    if (fd < 0)
        orf_call_problem(call, &(OrfProblem){ .code = missing,
                                              .detail = "The file has been removed.",
                                              .hint = "Make it again." });
    else
        send_file(call, answer, etag, &headers, fd, size);
}
