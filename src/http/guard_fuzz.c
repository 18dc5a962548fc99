/* A head as lines: method, target, version, then name:value. What passes the guard must be
 * plain.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "http/http-priv.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static OrfPair
read_pair(const char *line)
{
    size_t name = strcspn(line, ":");
    const char *value = line[name] ? line + name + 1 : NULL;
    return (OrfPair){ line, value, name, value ? strlen(value) : 0 };
}

static void
check(const OrfHead *head)
{
    g_autofree char *path = orf_unescape(head->uri, strcspn(head->uri, "?"), false);
    g_assert_nonnull(path);
    g_assert_true(path[0] == '/' && !strstr(path, "/../") && !g_str_has_suffix(path, "/.."));
    g_assert_true(g_utf8_validate(path, -1, NULL));
    g_assert_cmpint(orf_head_length(head), >=, -1);
    if (orf_head_value(head, "Transfer-Encoding"))
        g_assert_cmpint(orf_head_length(head), ==, -1);
    for (size_t i = 0; i < head->n_headers; i++)
        g_assert_true(orf_is_token(head->headers[i].name, head->headers[i].name_size));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autofree char *text = g_strndup((const char *)data, size);
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    size_t n = g_strv_length(lines);
    if (n < 3)
        return 0;
    g_autofree OrfPair *pairs = g_new(OrfPair, n);
    for (size_t i = 3; i < n; i++)
        pairs[i - 3] = read_pair(lines[i]);
    OrfHead head = { lines[0], lines[2], lines[1], pairs, n - 3 };
    OrfVerdict verdict = orf_guard(&head);
    g_assert_true((verdict.status != 0) == (verdict.why != NULL));
    if (!verdict.status)
        check(&head);
    return 0;
}
