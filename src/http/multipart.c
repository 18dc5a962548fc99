/* multipart.c - multipart/form-data in pieces of any size.
 *
 *     preamble --boundary headers CRLF CRLF bytes CRLF --boundary ... CRLF --boundary--
 * epilogue
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Bytes go through a small buffer, at most PIECE at a time; a step looks at the buffer, takes
 * what it is sure of from the front and says whether it moved. What may be the start of a
 * delimiter stays until more comes. */
#define _GNU_SOURCE /* memmem */
#include "http/multipart-priv.h"

#include <string.h>

#define PIECE (16u << 10)
#define MAX_HEADERS (8u << 10)
#define MAX_PARTS 128
#define MAX_PADDING 64 /* blanks between a boundary and its line's end */

typedef enum {
    PREAMBLE,
    AFTER_DELIMITER,
    HEADERS,
    BYTES,
    EPILOGUE,
} State;

typedef enum {
    STUCK, /* needs more bytes */
    MOVED,
    WRONG, /* error set */
} Step;

struct OrfMultipart {
    OrfPartApp app;
    State state;
    GByteArray *buffer;
    char *delimiter; /* CRLF "--" boundary */
    size_t delimiter_size;
    unsigned n_parts;
    bool failed;
};

OrfMultipart *
orf_multipart_new(const char *content_type, const OrfPartApp *app, GError **error)
{
    g_autofree char *boundary = orf_multipart_boundary(content_type, error);
    if (!boundary)
        return NULL;
    OrfMultipart *parser = g_new0(OrfMultipart, 1);
    parser->app = *app;
    parser->delimiter = g_strconcat("\r\n--", boundary, NULL);
    parser->delimiter_size = strlen(parser->delimiter);
    parser->buffer = g_byte_array_new();
    /* The first boundary may stand at the very start, without a line before it. */
    g_byte_array_append(parser->buffer, (const guint8 *)"\r\n", 2);
    return parser;
}

void
orf_multipart_free(OrfMultipart *parser)
{
    if (!parser)
        return;
    g_byte_array_unref(parser->buffer);
    g_free(parser->delimiter);
    g_free(parser);
}

static void
drop(OrfMultipart *parser, size_t n)
{
    g_byte_array_remove_range(parser->buffer, 0, (guint)n);
}

static const guint8 *
find(const OrfMultipart *parser, const char *what, size_t size)
{
    return memmem(parser->buffer->data, parser->buffer->len, what, size);
}

/* Bytes at the front that no delimiter can begin in. */
static size_t
sure(const OrfMultipart *parser)
{
    size_t keep = parser->delimiter_size - 1;
    return parser->buffer->len > keep ? parser->buffer->len - keep : 0;
}

static Step
skip_preamble(OrfMultipart *parser)
{
    const guint8 *at = find(parser, parser->delimiter, parser->delimiter_size);
    drop(parser,
         at ? (size_t)(at - parser->buffer->data) + parser->delimiter_size : sure(parser));
    if (at)
        parser->state = AFTER_DELIMITER;
    return at ? MOVED : STUCK;
}

static Step
read_delimiter_end(OrfMultipart *parser, GError **error)
{
    const guint8 *bytes = parser->buffer->data;
    size_t n = parser->buffer->len;
    if (n >= 2 && memcmp(bytes, "--", 2) == 0) {
        parser->state = EPILOGUE;
        return MOVED;
    }
    size_t blank = 0;
    while (blank < n && (bytes[blank] == ' ' || bytes[blank] == '\t'))
        blank++;
    if (blank > MAX_PADDING || (n > blank && bytes[blank] != '\r' && bytes[blank] != '-') ||
        (n > blank + 1 && bytes[blank + 1] != '\n' && bytes[blank] == '\r') ||
        (n > blank + 1 && bytes[blank] == '-')) {
        (void)ORF_FALSE(error, BAD_INPUT, "multipart: no line end after a boundary");
        return WRONG;
    }
    if (n < blank + 2)
        return STUCK;
    drop(parser, blank); /* the line's end stays: it may be followed by the empty line */
    parser->state = HEADERS;
    return MOVED;
}

static Step
begin_part(OrfMultipart *parser, const OrfPartHead *head, GError **error)
{
    if (++parser->n_parts > MAX_PARTS) {
        (void)ORF_FALSE(error, BAD_INPUT, "multipart: more than %d parts", MAX_PARTS);
        return WRONG;
    }
    bool ok = parser->app.part(head->name, head->filename, head->type, parser->app.data, error);
    parser->state = BYTES;
    return ok ? MOVED : WRONG;
}

static Step
read_headers(OrfMultipart *parser, GError **error)
{
    const guint8 *end = find(parser, "\r\n\r\n", 4);
    size_t size = end ? (size_t)(end - parser->buffer->data) : parser->buffer->len;
    if (size > MAX_HEADERS) {
        (void)ORF_FALSE(error, BAD_INPUT, "multipart: the headers of a part exceed %u bytes",
                        MAX_HEADERS);
        return WRONG;
    }
    if (!end)
        return STUCK;
    g_auto(OrfPartHead) head = { 0 };
    if (!orf_part_head_read((const char *)parser->buffer->data, size, &head, error))
        return WRONG;
    drop(parser, size + 4);
    return begin_part(parser, &head, error);
}

static Step
pass_bytes(OrfMultipart *parser, GError **error)
{
    const guint8 *at = find(parser, parser->delimiter, parser->delimiter_size);
    size_t n = at ? (size_t)(at - parser->buffer->data) : sure(parser);
    if (n && !parser->app.bytes(parser->buffer->data, n, parser->app.data, error))
        return WRONG;
    drop(parser, n);
    if (!at)
        return STUCK;
    drop(parser, parser->delimiter_size);
    parser->state = AFTER_DELIMITER;
    return parser->app.end(parser->app.data, error) ? MOVED : WRONG;
}

static Step
step(OrfMultipart *parser, GError **error)
{
    switch (parser->state) {
    case PREAMBLE:
        return skip_preamble(parser);
    case AFTER_DELIMITER:
        return read_delimiter_end(parser, error);
    case HEADERS:
        return read_headers(parser, error);
    case BYTES:
        return pass_bytes(parser, error);
    case EPILOGUE:
        break;
    }
    g_byte_array_set_size(parser->buffer, 0);
    return STUCK;
}

bool
orf_multipart_feed(OrfMultipart *parser, const void *data, size_t size, GError **error)
{
    const guint8 *bytes = data;
    while (size && !parser->failed) {
        size_t n = MIN(size, PIECE);
        g_byte_array_append(parser->buffer, bytes, (guint)n);
        bytes += n;
        size -= n;
        Step moved = MOVED;
        while (moved == MOVED)
            moved = step(parser, error);
        if (moved == WRONG) {
            parser->failed = true;
            return false;
        }
    }
    if (parser->failed)
        return ORF_FALSE(error, BAD_INPUT, "multipart: it has failed before");
    return true;
}

bool
orf_multipart_finish(OrfMultipart *parser, GError **error)
{
    if (parser->failed || parser->state != EPILOGUE)
        return ORF_FALSE(error, BAD_INPUT,
                         "multipart: the body ends before its last boundary; send it again");
    return true;
}
