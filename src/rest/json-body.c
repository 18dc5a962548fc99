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

json_t *
orf_json_read_object(const char *text, size_t size, char **ret_why)
{
    if (size >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) { /* RFC 8259, section 8.1 */
        text += 3;
        size -= 3;
    }
    json_error_t where = { .line = -1 };
    bool deep = size && is_too_deep(text, size);
    json_t *json =
        size && !deep ? json_loadb(text, size, JSON_REJECT_DUPLICATES, &where) : NULL;
    if (json_is_object(json))
        return json;
    *ret_why = !size  ? g_strdup("it is empty; send a JSON object")
               : deep ? g_strdup("it is nested more than 64 levels deep")
               : json ? g_strdup("it is JSON, but no object")
                      : g_strdup_printf("line %d, column %d: %s", where.line, where.column,
                                        where.text);
    json_decref(json);
    return NULL;
}

json_t *
orf_call_json_body(OrfCall *call)
{
    GBytes *body = orf_request_body(call->request);
    size_t size = 0;
    g_autofree char *why = NULL;
    const char *text = body ? g_bytes_get_data(body, &size) : NULL;
    json_t *json = orf_json_read_object(text, size, &why);
    if (json)
        return json;
    g_autofree char *detail = g_strdup_printf("The body cannot be read: %s.", why);
    orf_call_problem(call, &(OrfProblem){ ORF_PROBLEM_INVALID_JSON, detail });
    return NULL;
}
