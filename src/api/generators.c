/* generators.c - what can be made, and where everything is.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "api/endpoints.h"

#include "engine/engine.h"

#include <string.h>

static const OrfAnswer answers[] = {
    { 200, "application/json", "Generators", "generators, formats, stages and limits" },
    { 304, NULL, NULL, "nothing has changed" },
    { 0 },
};

/* The engine's own description, and what this server adds. */
OrfDocument *
orf_generators_document(const OrfApi *api)
{
    g_autofree char *engine = orf_generators_json();
    g_autoptr(GString) own = g_string_new(NULL);
    g_autoptr(OrfJson) json = orf_json_onto(own);
    const char *stages[ORF_N_STAGES];
    for (OrfStage i = 0; i < ORF_N_STAGES; i++)
        stages[i] = orf_stage_name(i);
    orf_json_begin_object(json, NULL);
    orf_json_add_texts(json, "formats", orf_format_names(),
                       g_strv_length((char **)orf_format_names()));
    orf_json_begin_array(json, "files");
    OrfFormatInfo format;
    for (size_t i = 0; orf_engine_format(i, &format); i++) {
        orf_json_begin_object(json, NULL);
        orf_json_add_text(json, "format", format.name);
        orf_json_add_text(json, "title", format.title);
        orf_json_add_text(json, "use", format.use);
        orf_json_add_text(json, "type", format.alone);
        orf_json_add_text(json, "extension", format.alone_extension);
        orf_json_end(json);
    }
    orf_json_end(json);
    orf_json_add_texts(json, "stages", stages, ORF_N_STAGES);
    orf_json_begin_object(json, "limits");
    orf_json_add_int(json, "max_upload_bytes", (int64_t)api->options.max_upload);
    orf_json_add_int(json, "max_pixels", (int64_t)api->options.max_pixels);
    orf_json_add_int(json, "max_wait_s", 60);
    orf_json_end(json);
    orf_json_add_text(json, "version", orf_version());
    orf_json_end(json);
    /* Two objects become one. */
    char *whole = g_strdup_printf("%.*s,%s", (int)strlen(engine) - 1, engine, own->str + 1);
    return orf_document_take(whole, "application/json");
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
