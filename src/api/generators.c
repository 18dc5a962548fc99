/* generators.c - what can be made, and where everything is.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "api/endpoints.h"

#include "engine/engine.h"

static const OrfAnswer answers[] = {
    { 200, "application/json", "Generators", "generators, formats, stages and limits" },
    { 304, NULL, NULL, "nothing has changed" },
    { 0 },
};

static void
append_names(GString *out, const char *key, const char *const *names)
{
    g_string_append_printf(out, ",\"%s\":[", key);
    for (size_t i = 0; names[i]; i++) {
        if (i)
            g_string_append_c(out, ',');
        orf_json_string(out, names[i]);
    }
    g_string_append_c(out, ']');
}

/* The engine's own description, and what this server adds. */
OrfDocument *
orf_generators_document(const OrfApi *api)
{
    g_autofree char *engine = orf_generators_json();
    GString *out = g_string_new(engine);
    const char *stages[ORF_N_STAGES + 1] = { NULL };
    for (OrfStage i = 0; i < ORF_N_STAGES; i++)
        stages[i] = orf_stage_name(i);
    g_string_truncate(out, out->len - 1);
    append_names(out, "formats", orf_format_names());
    append_names(out, "stages", stages);
    g_string_append_printf(out,
                           ",\"limits\":{\"max_upload_bytes\":%" G_GUINT64_FORMAT
                           ",\"max_pixels\":%" G_GUINT64_FORMAT
                           ",\"max_wait_s\":60},\"version\":\"%s\"}",
                           api->options.max_upload, api->options.max_pixels, orf_version());
    return orf_document_take(g_string_free(out, FALSE), "application/json");
}

static void
list(OrfCall *call)
{
    orf_call_reply_document(call, call->api->parts->generators, NULL);
}

const OrfEndpoint orf_endpoint_generators = {
    .method = "GET",
    .path = "/api/v1/generators",
    .name = "listGenerators",
    .group = "about",
    .summary = "Every generator and parameter",
    .help = "Ranges, units and defaults are those that jobs are checked by. Parameters under "
            "`common` belong to "
            "every generator.",
    .safe = true,
    .permit = ORF_PERMIT_READ,
    .answers = answers,
    .handle = list,
};

static void
show_index(OrfCall *call)
{
    char *json = g_strdup_printf(
        "{\"name\":\"ORFEAS\",\"version\":\"%s\",\"links\":{\"description\":\"/api/v1/"
        "openapi.json\","
        "\"generators\":\"/api/v1/generators\",\"jobs\":\"/api/v1/jobs\","
        "\"generate\":\"/api/v1/generate-3d\",\"generate_progressive\":"
        "\"/api/v1/generate-progressive\",\"uploads\":\"/api/v1/uploads\","
        "\"problems\":\"/api/v1/problems\",\"health\":\"/health\",\"page\":\"/\"}}",
        orf_version());
    orf_call_reply_json(call, 200, NULL, json);
}

const OrfEndpoint orf_endpoint_index = {
    .method = "GET",
    .path = "/api/v1",
    .name = "getIndex",
    .group = "about",
    .summary = "Where everything is",
    .help = "Links to the other resources.",
    .answers = (const OrfAnswer[]){ { 200, "application/json", "Index", "links" }, { 0 } },
    .handle = show_index,
};
