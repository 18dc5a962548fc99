/* SPDX-License-Identifier: Apache-2.0 */
#include "rest/rest-priv.h"

#include <string.h>

static const OrfEndpoint rows[] = {
    { .method = "GET", .path = "/" },
    { .method = "GET", .path = "/{file*}" },
    { .method = "GET", .path = "/api/v1/jobs" },
    { .method = "POST", .path = "/api/v1/jobs" },
    { .method = "GET", .path = "/api/v1/jobs/{id}" },
    { .method = "DELETE", .path = "/api/v1/jobs/{id}" },
    { .method = "GET", .path = "/api/v1/jobs/{id}/stages/{stage}" },
    { .method = "GET", .path = "/api/v1/jobs/all/stages" },
    { .method = "GET", .path = "/status/{uid}" },
};
static const OrfEndpoint *const table[] = { &rows[0], &rows[1], &rows[2], &rows[3], &rows[4],
                                            &rows[5], &rows[6], &rows[7], &rows[8], NULL };

static void
finds(void)
{
    static const struct {
        const char *method, *path;
        int index;
        const char *values[2];
    } cases[] = {
        { "GET", "/", 0 },
        { "HEAD", "/", 0 },
        { "GET", "/app.js", 1, { "app.js" } },
        { "GET", "/a/b/c.js", 1, { "a/b/c.js" } },
        { "GET", "/api/v1/jobs/", 1, { "api/v1/jobs/" } },
        { "POST", "/app.js", -1 },
        { "GET", "/api/v1/jobs", 2 },
        { "POST", "/api/v1/jobs", 3 },
        { "GET", "/api/v1/jobs/7", 4, { "7" } },
        { "DELETE", "/api/v1/jobs/7", 5, { "7" } },
        { "PUT", "/api/v1/jobs/7", -1, { "7" } },
        { "GET", "/api/v1/jobs/all", 4, { "all" } },
        { "GET", "/api/v1/jobs/all/stages", 7 },
        { "GET", "/api/v1/jobs/all/stages/final", 6, { "all", "final" } },
        { "GET", "/api/v1/jobs/7/stages/final", 6, { "7", "final" } },
        { "GET", "/status/x", 8, { "x" } },
    };
    OrfRouter *router = orf_router_new(table);
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        char cut[ORF_PATH_ROOM];
        OrfRoute route = orf_router_find(router, cases[i].method, cases[i].path, cut);
        g_test_message("%s %s", cases[i].method, cases[i].path);
        g_assert_cmpint(route.index, ==, cases[i].index);
        for (size_t v = 0; v < 2; v++)
            g_assert_cmpstr(route.values[v], ==, cases[i].values[v]);
    }
    orf_router_free(router);
}

static void
tells_methods(void)
{
    OrfRouter *router = orf_router_new(table);
    char cut[ORF_PATH_ROOM];
    OrfRoute route = orf_router_find(router, "PATCH", "/api/v1/jobs/7", cut);
    g_autofree char *allow = orf_router_allow(route.methods);
    g_assert_cmpstr(allow, ==, "GET, HEAD, DELETE, OPTIONS");
    g_assert_cmpint(orf_router_find(router, "POST", "/nowhere", cut).methods, ==, 0);
    orf_router_free(router);
}

static void
bears_anything(void)
{
    OrfRouter *router = orf_router_new(table);
    char cut[ORF_PATH_ROOM];
    g_autofree char *endless = g_strnfill(5000, '/');
    g_autofree char *word = g_strnfill(600, 'a');
    word[0] = '/';
    g_assert_cmpint(orf_router_find(router, "GET", endless, cut).index, ==, -1);
    g_assert_cmpint(orf_router_find(router, "GET", word, cut).index, ==, -1);
    g_assert_cmpint(orf_router_find(router, "GET", "", cut).index, ==, -1);
    g_assert_cmpint(orf_router_find(router, "GET", "*", cut).index, ==, -1);
    orf_router_free(router);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/rest/router/words-win-over-names-and-names-over-tails", finds);
    g_test_add_func("/rest/router/tells-the-methods-of-a-path", tells_methods);
    g_test_add_func("/rest/router/bears-long-and-odd-paths", bears_anything);
    return g_test_run();
}
