/* page.c - the page at "/" and its files, out of the program itself.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "api/endpoints.h"

#include <gio/gio.h>
#include <string.h>

#define FOLDER "/orfeas/page/"

/* The page talks to this server only, runs no script but its own, and nobody may frame it.
 * blob: is how the 3D view reads textures. */
static const char *const page_headers[] = {
    "Content-Security-Policy",
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; "
    "connect-src 'self' blob:; font-src 'self'; worker-src 'self' blob:; manifest-src 'self'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
    "Referrer-Policy",
    "no-referrer",
    "Cross-Origin-Opener-Policy",
    "same-origin",
    "Cross-Origin-Resource-Policy",
    "same-origin",
    "X-Frame-Options",
    "DENY",
    NULL,
};

static const char plain_page[] =
    "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>ORFEAS</title>\n"
    "<h1>ORFEAS</h1>\n"
    "<p>The server runs. This build has no page; the API is at <a "
    "href=\"/api/v1\">/api/v1</a>, "
    "its description at <a href=\"/api/v1/openapi.json\">/api/v1/openapi.json</a>.</p>\n"
    "<pre>curl -F image=@cup.jpg -H 'Prefer: wait=60' "
    "http://THIS-HOST/api/v1/generate-3d</pre>\n";

static const char *
type_of(const char *name)
{
    static const char *const types[][2] = {
        { ".html", "text/html; charset=utf-8" },
        { ".js", "text/javascript; charset=utf-8" },
        { ".css", "text/css; charset=utf-8" },
        { ".svg", "image/svg+xml" },
        { ".png", "image/png" },
        { ".jpg", "image/jpeg" },
        { ".webp", "image/webp" },
        { ".woff2", "font/woff2" },
        { ".json", "application/json" },
        { ".glb", "model/gltf-binary" },
        { ".txt", "text/plain; charset=utf-8" },
    };
    for (size_t i = 0; i < G_N_ELEMENTS(types); i++)
        if (g_str_has_suffix(name, types[i][0]))
            return types[i][1];
    return "application/octet-stream";
}

static GBytes *
page_file(const char *name, const char *ending)
{
    g_autofree char *path = g_strconcat(FOLDER, name, ending, NULL);
    return g_resources_lookup_data(path, 0, NULL);
}

GHashTable *
orf_page_load(void)
{
    GHashTable *files =
        g_hash_table_new_full(g_str_hash, g_str_equal, g_free, orf_document_free);
    g_auto(GStrv) names = g_resources_enumerate_children(FOLDER, 0, NULL); /* NULL: no page */
    for (char **name = names; name && *name; name++) {
        g_autoptr(GBytes) body = page_file(*name, "");
        if (!body || g_str_has_suffix(*name, ".gz")) /* a folder has no bytes */
            continue;
        OrfDocument *file = orf_document_new(body, type_of(*name));
        g_autoptr(GBytes) packed = page_file(*name, ".gz");
        if (packed)
            orf_document_pack(file, packed);
        g_hash_table_insert(files, g_strdup(*name), file);
    }
    if (!g_hash_table_contains(files, "index.html"))
        g_hash_table_insert(files, g_strdup("index.html"),
                            orf_document_take(g_strdup(plain_page), type_of("index.html")));
    return files;
}

static const OrfAnswer answers[] = {
    { 200, "text/html", NULL, "the page, or one of its files" },
    { 304, NULL, NULL, "it is as you know it" },
    { 0 },
};

static void
show_index(OrfCall *call)
{
    const OrfDocument *index = g_hash_table_lookup(call->api->parts->page, "index.html");
    orf_call_reply_document(call, index, page_headers);
}

/* The page keeps its state in the query. */
const OrfEndpoint orf_endpoint_page = {
    .method = "GET",
    .path = "/",
    .name = "getPage",
    .group = "page",
    .summary = "The page",
    .help = "Drop a picture, watch the model grow.",
    .arguments =
        (const OrfArgument[]){ { ORF_IN_QUERY, ORF_TEXT("*", 0, 0, "", "Anything.") }, { 0 } },
    .answers = answers,
    .handle = show_index,
};

static void
show_file(OrfCall *call)
{
    const OrfDocument *file = g_hash_table_lookup(call->api->parts->page, call->path_values[0]);
    if (file)
        orf_call_reply_document(call, file, page_headers);
    else
        orf_call_problem(call,
                         &(OrfProblem){ ORF_PROBLEM_NOT_FOUND, "There is nothing at this path.",
                                        "GET /api/v1/openapi.json lists the paths." });
}

const OrfEndpoint orf_endpoint_page_file = {
    .method = "GET",
    .path = "/{file*}",
    .name = "getPageFile",
    .group = "page",
    .summary = "A file of the page",
    .help = "Scripts, styles and pictures of the page.",
    .arguments =
        (const OrfArgument[]){ { ORF_IN_PATH, ORF_TEXT("file", 0, 0, "", "Its name.") },
                               { ORF_IN_QUERY, ORF_TEXT("*", 0, 0, "", "Anything.") },
                               { 0 } },
    .answers = answers,
    .handle = show_file,
};
