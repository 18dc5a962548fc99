/* guard.c - refuses requests that two parsers could read differently.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Smuggling lives on disagreement: a proxy ends a message in one place, the server in another.
 * So nothing is repaired here; what is not plain is refused and the connection closed. The
 * transport swallows folded lines, bare LF and raw NUL: where its pieces lie in its buffer
 * tells. How it ends chunks cannot be seen from here, so a chunked body is the last thing that
 * is read from its connection: nobody can hide a second request behind it. */
#include "http/http-priv.h"

#include <string.h>

#define MAX_HEADERS 100
#define LENGTH_DIGITS 18 /* fits int64_t */

static const OrfVerdict pass = { 0, NULL };

static OrfVerdict
refuse(int status, const char *why)
{
    return (OrfVerdict){ status, why };
}

static bool
is_control(unsigned char c)
{
    return c < 0x20 || c == 0x7f;
}

bool
orf_is_token(const char *text, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (!g_ascii_isalnum(text[i]) && (!text[i] || !strchr("!#$%&'*+-.^_`|~", text[i])))
            return false;
    return size > 0;
}

static bool
is_name(const OrfPair *header, const char *name)
{
    return header->name_size == strlen(name) &&
           g_ascii_strncasecmp(header->name, name, header->name_size) == 0;
}

const char *
orf_head_value(const OrfHead *head, const char *name)
{
    for (size_t i = 0; i < head->n_headers; i++)
        if (is_name(&head->headers[i], name))
            return head->headers[i].value ? head->headers[i].value : "";
    return NULL;
}

static unsigned
count(const OrfHead *head, const char *name)
{
    unsigned n = 0;
    for (size_t i = 0; i < head->n_headers; i++)
        n += is_name(&head->headers[i], name);
    return n;
}

int64_t
orf_head_length(const OrfHead *head)
{
    const char *length = orf_head_value(head, "Content-Length");
    return length ? g_ascii_strtoll(length, NULL, 10) : -1;
}

char *
orf_unescape(const char *text, size_t size, bool form)
{
    g_autofree char *out = g_malloc(size + 1);
    size_t n = 0;
    for (size_t i = 0; i < size; i++) {
        int c = (unsigned char)text[i];
        if (c == '%') {
            if (i + 2 >= size || !g_ascii_isxdigit(text[i + 1]) ||
                !g_ascii_isxdigit(text[i + 2]))
                return NULL;
            c = g_ascii_xdigit_value(text[i + 1]) * 16 + g_ascii_xdigit_value(text[i + 2]);
            i += 2;
        } else if (c == '+' && form) {
            c = ' ';
        }
        if (is_control((unsigned char)c))
            return NULL;
        out[n++] = (char)c;
    }
    out[n] = '\0';
    return g_utf8_validate(out, (gssize)n, NULL) ? g_steal_pointer(&out) : NULL;
}

static OrfVerdict
guard_line(const OrfHead *head)
{
    /* TRACE, QUERY: no application here knows them, but it is the application that says which
     * it knows. */
    static const char *const methods[] = { "GET",     "HEAD",  "POST",  "PUT",   "DELETE",
                                           "OPTIONS", "PATCH", "TRACE", "QUERY", NULL };
    if (!orf_is_token(head->method, strlen(head->method)))
        return refuse(400, "The method is not a token.");
    if (!g_strv_contains(methods, head->method))
        return refuse(501, "This method is not known here; methods are upper case.");
    if (strcmp(head->version, "HTTP/1.1") != 0 && strcmp(head->version, "HTTP/1.0") != 0)
        return refuse(505, "Speak HTTP/1.1 or HTTP/1.0.");
    return pass;
}

/* ".", ".." and empty segments, and escapes that hide a separator, are read in several ways. */
static bool
is_plain_path(const char *uri, const char *decoded)
{
    size_t size = strcspn(uri, "?");
    for (size_t i = 0; i + 2 < size; i++)
        if (uri[i] == '%' && (g_ascii_strncasecmp(uri + i, "%2f", 3) == 0 ||
                              g_ascii_strncasecmp(uri + i, "%5c", 3) == 0))
            return false;
    if (strchr(decoded, '\\') || strstr(decoded, "//"))
        return false;
    g_auto(GStrv) segments = g_strsplit(decoded, "/", -1);
    return !g_strv_contains((const char *const *)segments, "..") &&
           !g_strv_contains((const char *const *)segments, ".");
}

static OrfVerdict
guard_uri(const char *uri)
{
    if (uri[0] != '/')
        return refuse(400, "The target must be a path; this server is no proxy.");
    for (const char *c = uri; *c; c++)
        if (is_control((unsigned char)*c) || (unsigned char)*c >= 0x80 ||
            strchr(" #\"<>\\^`{|}", *c))
            return refuse(400, "The target holds a byte that must be escaped.");
    size_t path_size = strcspn(uri, "?");
    g_autofree char *path = orf_unescape(uri, path_size, false);
    if (!path)
        return refuse(400, "The path holds a broken escape or an escaped control byte.");
    if (!is_plain_path(uri, path))
        return refuse(400, "The path holds '.', '..', an empty segment or a hidden separator.");
    g_autofree char *query = orf_unescape(uri + path_size, strlen(uri + path_size), true);
    if (!query)
        return refuse(400, "The query holds a broken escape or an escaped control byte.");
    return pass;
}

static OrfVerdict
guard_header(const OrfPair *header)
{
    if (!orf_is_token(header->name, header->name_size))
        return refuse(400, "A header name is not a token.");
    for (size_t i = 0; i < header->value_size; i++)
        if (is_control((unsigned char)header->value[i]) && header->value[i] != '\t')
            return refuse(400, "A header value holds a control byte.");
    return pass;
}

static OrfVerdict
guard_body(const OrfHead *head)
{
    unsigned lengths = count(head, "Content-Length");
    unsigned codings = count(head, "Transfer-Encoding");
    if (lengths > 1 || codings > 1 || (lengths && codings))
        return refuse(400, "The body's length is given more than once.");
    if (lengths) {
        const char *text = orf_head_value(head, "Content-Length");
        size_t size = strlen(text);
        if (!size || size != strspn(text, "0123456789"))
            return refuse(400, "Content-Length is not a plain number.");
        if (size > LENGTH_DIGITS)
            return refuse(413, "The body is too large.");
    }
    if (codings && g_ascii_strcasecmp(orf_head_value(head, "Transfer-Encoding"), "chunked"))
        return refuse(501, "The only transfer coding known here is chunked.");
    if (codings && strcmp(head->version, "HTTP/1.0") == 0)
        return refuse(400, "HTTP/1.0 has no chunked bodies.");
    return pass;
}

/* name, 1.2.3.4 or [v6 address], and perhaps ":port" (RFC 9110, section 7.2). */
static bool
is_host(const char *host)
{
    size_t size =
        strspn(host, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~");
    if (host[0] == '[') {
        size = strcspn(host, "]");
        g_autofree char *address = g_strndup(host + 1, size - 1);
        if (!host[size++] || !strchr(address, ':') || !g_hostname_is_ip_address(address))
            return false;
    }
    const char *port = host + size;
    return !*port || (*port == ':' && !port[1 + strspn(port + 1, "0123456789")]);
}

/* The only expectation there is (RFC 9110, section 10.1.1). */
static OrfVerdict
guard_expect(const OrfHead *head)
{
    const char *expect = orf_head_value(head, "Expect");
    if (count(head, "Expect") > 1 || (expect && g_ascii_strcasecmp(expect, "100-continue")))
        return refuse(417, "The only expectation known here is 100-continue.");
    return pass;
}

static OrfVerdict
guard_host(const OrfHead *head)
{
    unsigned hosts = count(head, "Host");
    if (hosts > 1)
        return refuse(400, "Host is given more than once.");
    if (!hosts)
        return strcmp(head->version, "HTTP/1.0") == 0 ? pass : refuse(400, "Host is missing.");
    if (!is_host(orf_head_value(head, "Host")))
        return refuse(400, "Host is not a name with an optional port.");
    return pass;
}

OrfVerdict
orf_guard(const OrfHead *head)
{
    OrfVerdict verdict = guard_line(head);
    if (!verdict.status)
        verdict = guard_uri(head->uri);
    if (!verdict.status && head->n_headers > MAX_HEADERS)
        verdict = refuse(431, "There are more than 100 headers.");
    for (size_t i = 0; i < head->n_headers && !verdict.status; i++)
        verdict = guard_header(&head->headers[i]);
    if (!verdict.status)
        verdict = guard_host(head);
    if (!verdict.status)
        verdict = guard_expect(head);
    return verdict.status ? verdict : guard_body(head);
}

/* --- What the transport made of the bytes ------------------------------------------------- */

/* It ends pieces by writing NUL over what stood behind them: ' ' and ':' become one, CRLF two.
 * A bare LF is one too few, a NUL that came stands where a piece should go on, and a folded
 * value lies elsewhere. */
OrfVerdict
orf_guard_layout(const OrfHead *raw, size_t uri_size, size_t size)
{
    static const OrfVerdict broken = { 400, "A line of the head is folded, ends without CR and "
                                            "LF, or holds a zero byte." };
    const char *at = raw->method + strlen(raw->method) + 1;
    if (at != raw->uri || at + uri_size + 1 != raw->version)
        return broken;
    at = raw->version + strlen(raw->version) + 2;
    for (size_t i = 0; i < raw->n_headers; i++) {
        const OrfPair *header = &raw->headers[i];
        if (header->name != at)
            return broken;
        at += header->name_size + 1;
        at += strspn(at, " \t");
        if (header->value && header->value != at)
            return broken;
        at += header->value_size + 2;
    }
    return at + 2 == raw->method + size ? pass : broken;
}
