/* json-body.c - JSON bodies, bounded before they are read.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "rest/rest-priv.h"

#include <string.h>

#define MAX_DEPTH 64

static bool
is_too_deep(const char *text, size_t size)
{
    size_t depth = 0;
    bool quoted = false;
    for (size_t i = 0; i < size; i++) {
        char c = text[i];
        if (quoted) {
            i += c == '\\';
            quoted = c != '"';
        } else if (c == '"') {
            quoted = true;
        } else if (c == '[' || c == '{') {
            if (++depth > MAX_DEPTH)
                return true;
        } else if (c == ']' || c == '}') {
            depth -= depth > 0;
        }
    }
    return false;
}

static json_t *
refuse(OrfCall *call, const char *detail)
{
    orf_call_problem(call, &(OrfProblem){ ORF_PROBLEM_INVALID_JSON, detail });
    return NULL;
}

json_t *
orf_call_json_body(OrfCall *call)
{
    GBytes *body = orf_request_body(call->request);
    size_t size = 0;
    const char *text = body ? g_bytes_get_data(body, &size) : NULL;
    if (size >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) { /* RFC 8259, section 8.1 */
        text += 3;
        size -= 3;
    }
    if (!size)
        return refuse(call, "The body is empty; send a JSON object.");
    if (is_too_deep(text, size))
        return refuse(call, "The body is nested more than 64 levels deep.");
    json_error_t where;
    json_t *json = json_loadb(text, size, JSON_REJECT_DUPLICATES, &where);
    if (json && json_is_object(json))
        return json;
    if (json) {
        json_decref(json);
        return refuse(call, "The body is JSON, but no object.");
    }
    g_autofree char *detail =
        g_strdup_printf("Line %d, column %d: %s.", where.line, where.column, where.text);
    return refuse(call, detail);
}
