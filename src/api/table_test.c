/* SPDX-License-Identifier: Apache-2.0 */
#include "api/endpoints.h"

#include <string.h>

#define MOST_ARGUMENTS 16 /* as rest takes them */

static void
table_fits(void)
{
    g_autoptr(GHashTable) names = g_hash_table_new(g_str_hash, g_str_equal);
    for (const OrfEndpoint *const *at = orf_endpoints(); *at; at++) {
        const OrfEndpoint *endpoint = *at;
        size_t n = 0, in_path = 0;
        g_test_message("%s %s", endpoint->method, endpoint->path);
        g_assert_true(g_hash_table_add(names, (char *)endpoint->name));
        g_assert_true(endpoint->handle && endpoint->answers && endpoint->group);
        g_assert_true(endpoint->summary && endpoint->help);
        for (const char *c = endpoint->path; *c; c++)
            in_path += *c == '{';
        const char *from = endpoint->path;
        for (const OrfArgument *a = endpoint->arguments; a && a->param.name; a++, n++) {
            if (a->in != ORF_IN_PATH)
                continue;
            g_autofree char *braced = g_strdup_printf("{%s", a->param.name);
            from = strstr(from, braced); /* in the template's order */
            g_assert_nonnull(from);
            in_path--;
        }
        g_assert_cmpuint(in_path, ==, 0);
        g_assert_cmpuint(n, <=, MOST_ARGUMENTS);
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/api/table/every-row-is-complete", table_fits);
    return g_test_run();
}
