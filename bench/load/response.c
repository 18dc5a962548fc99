/* response.c - HTTP/1.1 responses as they come: head, then a body by length, by chunks or to
 * the end.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "load.h"

#include <string.h>
#include <strings.h>

#define HEAD_MOST 16384
#define LINE_MOST 256

typedef enum { HEAD, BODY, CHUNK_SIZE, CHUNK, CHUNK_END, TRAILER, TO_END, OVER, BROKEN } State;

struct LoadParser {
    State state;
    LoadPieceFn piece;
    void *data;
    GString *line; /* the head, or a line of the chunked framing, until it is complete */
    uint64_t left; /* of the body or the chunk */
    bool chunked, sized;
    LoadResponse response;
};

LoadParser *
load_parser_new(LoadPieceFn piece, void *data)
{
    LoadParser *parser = g_new0(LoadParser, 1);
    parser->line = g_string_sized_new(1024);
    load_parser_reset(parser, piece, data);
    return parser;
}

void
load_parser_free(LoadParser *parser)
{
    if (!parser)
        return;
    g_string_free(parser->line, TRUE);
    g_free(parser);
}

void
load_parser_reset(LoadParser *parser, LoadPieceFn piece, void *data)
{
    GString *line = parser->line;
    g_string_truncate(line, 0);
    *parser =
        (LoadParser){ .line = line, .piece = piece, .data = data, .response.retry_after = -1 };
}

void
load_parser_mute(LoadParser *parser)
{
    parser->piece = NULL;
}

const LoadResponse *
load_parser_response(const LoadParser *parser)
{
    return &parser->response;
}

bool
load_parser_headed(const LoadParser *parser)
{
    return parser->state != HEAD && parser->state != BROKEN;
}

bool
load_parser_began(const LoadParser *parser)
{
    return parser->state != HEAD || parser->line->len;
}

/* --- Head --------------------------------------------------------------------------------- */

static void
copy(char *to, size_t room, const char *value, size_t size)
{
    size = MIN(size, room - 1);
    memcpy(to, value, size);
    to[size] = '\0';
}

static bool
is(const char *name, size_t size, const char *wanted)
{
    return size == strlen(wanted) && strncasecmp(name, wanted, size) == 0;
}

static void
read_header(LoadParser *parser, const char *name, size_t name_size, const char *value,
            size_t size)
{
    LoadResponse *r = &parser->response;
    if (is(name, name_size, "content-length")) {
        parser->left = g_ascii_strtoull(value, NULL, 10);
        parser->sized = true;
    } else if (is(name, name_size, "transfer-encoding")) {
        parser->chunked = is(value, size, "chunked");
    } else if (is(name, name_size, "connection")) {
        r->close = is(value, size, "close");
    } else if (is(name, name_size, "retry-after")) {
        r->retry_after = (int)g_ascii_strtoull(value, NULL, 10);
    } else if (is(name, name_size, "content-type")) {
        copy(r->type, sizeof r->type, value, size);
    } else if (is(name, name_size, "etag")) {
        copy(r->etag, sizeof r->etag, value, size);
    } else if (is(name, name_size, "location")) {
        copy(r->location, sizeof r->location, value, size);
    }
}

static bool
read_header_line(LoadParser *parser, const char *line, const char *end)
{
    const char *colon = memchr(line, ':', (size_t)(end - line));
    if (!colon || colon == line)
        return false;
    const char *value = colon + 1;
    while (value < end && (*value == ' ' || *value == '\t'))
        value++;
    while (end > value && (end[-1] == ' ' || end[-1] == '\t'))
        end--;
    read_header(parser, line, (size_t)(colon - line), value, (size_t)(end - value));
    return true;
}

static State
state_after_head(const LoadParser *parser)
{
    int status = parser->response.status;
    if (status == 204 || status == 304)
        return OVER;
    if (parser->chunked)
        return CHUNK_SIZE;
    if (!parser->sized)
        return TO_END;
    return parser->left ? BODY : OVER;
}

/* `head` ends with an empty line. */
static bool
read_head(LoadParser *parser, const char *head, size_t size)
{
    static const char version[] = "HTTP/1.";
    const char *end = head + size - 2;
    const char *line_end = memchr(head, '\r', size);
    if (size < 17 || memcmp(head, version, sizeof version - 1) != 0 || head[8] != ' ')
        return false;
    parser->response.status = (int)g_ascii_strtoull(head + 9, NULL, 10);
    parser->response.close = head[7] == '0';
    for (const char *line = line_end + 2; line < end; line = line_end + 2) {
        line_end = memchr(line, '\r', (size_t)(end + 1 - line));
        if (!line_end || line_end[1] != '\n' || !read_header_line(parser, line, line_end))
            return false;
    }
    if (parser->response.status / 100 == 1) /* 100 Continue: another head follows */
        parser->left = 0, parser->sized = parser->chunked = false;
    else
        parser->state = state_after_head(parser);
    return parser->response.status >= 100 && parser->response.status <= 599;
}

/* Bytes taken; a head that comes in one piece is not copied. */
static size_t
feed_head(LoadParser *parser, const char *bytes, size_t size)
{
    size_t had = parser->line->len;
    const char *head = bytes;
    size_t head_size = size;
    if (had) {
        g_string_append_len(parser->line, bytes, (gssize)size);
        head = parser->line->str;
        head_size = parser->line->len;
    }
    const char *end = memmem(head, head_size, "\r\n\r\n", 4);
    if (!end) {
        if (!had)
            g_string_append_len(parser->line, bytes, (gssize)size);
        if (head_size > HEAD_MOST)
            parser->state = BROKEN;
        return size;
    }
    head_size = (size_t)(end + 4 - head);
    if (!read_head(parser, head, head_size))
        parser->state = BROKEN;
    g_string_truncate(parser->line, 0);
    return head_size - had;
}

/* --- Body --------------------------------------------------------------------------------- */

static size_t
feed_body(LoadParser *parser, const char *bytes, size_t size)
{
    size_t n = parser->state == TO_END ? size : (size_t)MIN(size, parser->left);
    parser->response.bytes += n;
    if (parser->state != TO_END)
        parser->left -= n;
    if (parser->piece)
        parser->piece(bytes, n, parser->data);
    if (parser->left == 0 && parser->state != TO_END)
        parser->state = parser->state == CHUNK ? CHUNK_END : OVER;
    return n;
}

static State
after_line(LoadParser *parser, const char *line)
{
    char *end;
    switch (parser->state) {
    case CHUNK_SIZE:
        parser->left = g_ascii_strtoull(line, &end, 16);
        if (end == line || (*end && *end != ';' && *end != ' '))
            return BROKEN;
        return parser->left ? CHUNK : TRAILER;
    case CHUNK_END:
        return *line ? BROKEN : CHUNK_SIZE;
    default:
        return *line ? TRAILER : OVER;
    }
}

/* A line of the chunked framing. */
static size_t
feed_line(LoadParser *parser, const char *bytes, size_t size)
{
    const char *end = memchr(bytes, '\n', size);
    size_t n = end ? (size_t)(end - bytes) + 1 : size;
    g_string_append_len(parser->line, bytes, (gssize)n);
    if (parser->line->len > LINE_MOST)
        parser->state = BROKEN;
    else if (end) {
        size_t length = parser->line->len - 1;
        if (length && parser->line->str[length - 1] == '\r')
            length--;
        g_string_truncate(parser->line, length);
        parser->state = after_line(parser, parser->line->str);
        g_string_truncate(parser->line, 0);
    }
    return n;
}

static LoadProgress
progress_of(const LoadParser *parser)
{
    return parser->state == OVER     ? LOAD_WHOLE
           : parser->state == BROKEN ? LOAD_BROKEN
                                     : LOAD_MORE;
}

LoadProgress
load_parser_feed(LoadParser *parser, const char *bytes, size_t size, size_t *ret_used)
{
    size_t used = 0;
    bool in_head = parser->state == HEAD;
    while (used < size && parser->state != OVER && parser->state != BROKEN &&
           in_head == (parser->state == HEAD)) {
        const char *from = bytes + used;
        if (parser->state == HEAD)
            used += feed_head(parser, from, size - used);
        else if (parser->state == BODY || parser->state == CHUNK || parser->state == TO_END)
            used += feed_body(parser, from, size - used);
        else
            used += feed_line(parser, from, size - used);
    }
    *ret_used = used;
    return progress_of(parser);
}

LoadProgress
load_parser_end(LoadParser *parser)
{
    if (parser->state == TO_END)
        parser->state = OVER;
    else if (parser->state != OVER)
        parser->state = BROKEN;
    parser->response.close = true;
    return progress_of(parser);
}

uint64_t
load_parser_skippable(const LoadParser *parser)
{
    return parser->state == BODY && !parser->piece ? parser->left : 0;
}

LoadProgress
load_parser_skip(LoadParser *parser, uint64_t size)
{
    g_assert(size <= load_parser_skippable(parser));
    parser->left -= size;
    parser->response.bytes += size;
    if (!parser->left)
        parser->state = OVER;
    return progress_of(parser);
}
