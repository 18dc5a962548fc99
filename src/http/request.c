/* request.c - what the application sees of a request.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * The head is copied into one block once the guard let it pass, so that a request may be read
 * from any thread and after its connection has closed. */
#include "http/http-priv.h"

#include <string.h>

OrfRequest *
orf_request_new(OrfLink *link, struct MHD_Connection *connection, const char *uri)
{
    OrfRequest *request = g_new0(OrfRequest, 1);
    g_atomic_ref_count_init(&request->refs);
    request->http = orf_http_ref(link->http);
    request->link = link;
    request->connection = connection;
    request->uri = g_strdup(uri);
    request->raw_uri = uri;
    request->length = -1;
    request->body.item = 1;
    g_strlcpy(request->peer, link->peer, sizeof request->peer);
    g_mutex_init(&request->lock);
    return request;
}

OrfRequest *
orf_request_ref(OrfRequest *request)
{
    g_atomic_ref_count_inc(&request->refs);
    return request;
}

void
orf_request_unref(OrfRequest *request)
{
    if (!request || !g_atomic_ref_count_dec(&request->refs))
        return;
    if (request->free_data)
        request->free_data(request->data);
    g_clear_pointer(&request->raw, g_bytes_unref);
    g_clear_pointer(&request->body_bytes, g_bytes_unref);
    g_clear_pointer(&request->query, g_ptr_array_unref);
    orf_vec_clear(&request->body);
    orf_digester_free(request->digester);
    g_mutex_clear(&request->lock);
    g_free(request->uri);
    g_free(request->path);
    g_free(request->text);
    g_free(request->headers);
    orf_http_unref(request->http);
    g_free(request);
}

/* --- The head ----------------------------------------------------------------------------- */

static char *
append(char *end, const char *text, size_t size)
{
    if (size)
        memcpy(end, text, size);
    end[size] = '\0';
    return end + size + 1;
}

static bool
is_blank(char c)
{
    return c == ' ' || c == '\t';
}

void
orf_request_keep_head(OrfRequest *request, const OrfHead *head)
{
    size_t room = strlen(head->method) + 1;
    for (size_t i = 0; i < head->n_headers; i++)
        room += head->headers[i].name_size + head->headers[i].value_size + 2;
    request->text = g_malloc(room);
    request->headers = g_new(OrfPair, head->n_headers);
    request->n_headers = head->n_headers;
    request->method = request->text;
    char *end = append(request->text, head->method, strlen(head->method));
    for (size_t i = 0; i < head->n_headers; i++) {
        OrfPair *to = &request->headers[i];
        *to = head->headers[i];
        to->name = end;
        end = append(end, head->headers[i].name, to->name_size);
        to->value = end;
        while (to->value_size && is_blank(head->headers[i].value[to->value_size - 1]))
            to->value_size--;
        end = append(end, head->headers[i].value, to->value_size);
    }
}

/* The guard has decoded the query already: every piece decodes again. */
static GPtrArray *
parse_query(const char *text)
{
    GPtrArray *query = g_ptr_array_new_with_free_func(g_free);
    while (*text) {
        size_t size = strcspn(text, "&");
        size_t name = MIN(size, strcspn(text, "="));
        size_t value = MIN(size, name + 1);
        char *decoded_name = orf_unescape(text, name, true);
        char *decoded_value = orf_unescape(text + value, size - value, true);
        if (size && decoded_name && decoded_value) {
            g_ptr_array_add(query, decoded_name);
            g_ptr_array_add(query, decoded_value);
        } else {
            g_free(decoded_name);
            g_free(decoded_value);
        }
        text += size + (text[size] == '&');
    }
    return query;
}

void
orf_request_read_head(OrfRequest *request, const OrfHead *head)
{
    size_t path = strcspn(request->uri, "?");
    request->path = orf_unescape(request->uri, path, false);
    if (request->uri[path] == '?')
        request->query = parse_query(request->uri + path + 1);
    request->length = orf_head_length(head);
    request->is_chunked = orf_head_value(head, "Transfer-Encoding") != NULL;
    request->has_body = request->length > 0 || request->is_chunked;
    request->expects_continue = orf_head_value(head, "Expect") != NULL;
}

/* --- Views -------------------------------------------------------------------------------- */

const char *
orf_request_method(const OrfRequest *request)
{
    return request->method;
}

const char *
orf_request_path(const OrfRequest *request)
{
    return request->path;
}

const char *
orf_request_header(const OrfRequest *request, const char *name)
{
    return orf_head_value(
        &(OrfHead){ .headers = request->headers, .n_headers = request->n_headers }, name);
}

const char *
orf_request_last_header(const OrfRequest *request, const char *name)
{
    OrfHead head = { .headers = request->headers, .n_headers = request->n_headers };
    const char *last = orf_head_value(&head, name);
    while (head.n_headers && orf_head_value(&head, name)) {
        last = orf_head_value(&head, name);
        head.headers++;
        head.n_headers--;
    }
    return last;
}

const char *
orf_request_query(const OrfRequest *request, const char *name)
{
    for (size_t i = 0; request->query && i < request->query->len; i += 2)
        if (strcmp(request->query->pdata[i], name) == 0)
            return request->query->pdata[i + 1];
    return NULL;
}

void
orf_request_each_query(const OrfRequest *request,
                       void (*each)(const char *name, const char *value, void *data),
                       void *data)
{
    for (size_t i = 0; request->query && i < request->query->len; i += 2)
        each(request->query->pdata[i], request->query->pdata[i + 1], data);
}

const char *
orf_request_peer(const OrfRequest *request)
{
    return request->peer;
}

int64_t
orf_request_length(const OrfRequest *request)
{
    return request->length;
}

void
orf_request_set_data(OrfRequest *request, void *data, GDestroyNotify free_data)
{
    if (request->free_data)
        request->free_data(request->data);
    request->data = data;
    request->free_data = free_data;
}

void *
orf_request_data(const OrfRequest *request)
{
    return request->data;
}

void
orf_request_set_sink(OrfRequest *request, OrfSinkFn sink, void *sink_data)
{
    request->sink = sink;
    request->sink_data = sink_data;
}

void
orf_request_digest_body(OrfRequest *request)
{
    if (!request->digester)
        request->digester = orf_digester_new();
}

const char *
orf_request_body_digest(const OrfRequest *request)
{
    return request->digester ? request->digest : NULL;
}

GBytes *
orf_request_body(const OrfRequest *request)
{
    return request->body_bytes;
}
