/* openapi.c - GET /api/v1/openapi.json: the table as an OpenAPI 3.1 document.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "api/endpoints.h"
#include "api/describe.h"
#include "engine/engine.h"

#include <string.h>

static const OrfGroup groups[] = {
    { "generate", "Pictures in, jobs out." },
    { "jobs", "How jobs stand, what they made, events on the way." },
    { "meshes", "Model files: measures, other formats, pictures." },
    { "tools", "Everything that can be done to meshes and pictures." },
    { "about", "What this server can do, and what its answers mean." },
    { "statistics", "Devices, the cache, where the time goes." },
    { "operations", "Probes and metrics." },
    { "hunyuan3d",
      "The paths of Hunyuan3D servers, so that their clients move by changing a URL." },
    { NULL, NULL },
};

const OrfGroup *
orf_groups(void)
{
    return groups;
}

bool
orf_endpoint_is_described(const OrfEndpoint *endpoint)
{
    return strcmp(endpoint->group, "page") != 0;
}

/* --- Parameters --------------------------------------------------------------------------- */

static const char *
where(OrfWhere in)
{
    return in == ORF_IN_PATH ? "path" : in == ORF_IN_QUERY ? "query" : "header";
}

/* What OpenAPI says elsewhere. */
static bool
is_implied(const OrfArgument *argument)
{
    static const char *const implied[] = { "Accept", "Content-Type", "Authorization", NULL };
    return argument->in == ORF_IN_HEADER && g_strv_contains(implied, argument->param.name);
}

static json_t *
parameters(const OrfEndpoint *endpoint)
{
    json_t *list = json_array();
    for (const OrfArgument *a = endpoint->arguments; a && a->param.name; a++) {
        if (is_implied(a) || strcmp(a->param.name, "*") == 0)
            continue;
        json_array_append_new(
            list, json_pack("{s:s,s:s,s:b,s:s,s:o}", "name", a->param.name, "in", where(a->in),
                            "required", a->in == ORF_IN_PATH, "description", a->param.help,
                            "schema", orf_schema_of_param(&a->param)));
    }
    return list;
}

/* --- Bodies and answers ------------------------------------------------------------------- */

static json_t *
schema_ref(const char *name)
{
    g_autofree char *path = g_strdup_printf("#/components/schemas/%s", name);
    return json_pack("{s:s}", "$ref", path);
}

/* Without a schema: an object, text, or bytes. */
static json_t *
media(const char *type, const char *schema)
{
    if (schema)
        return json_pack("{s:o}", "schema", schema_ref(schema));
    if (strcmp(type, "application/json") == 0)
        return json_pack("{s:{s:s}}", "schema", "type", "object");
    if (strcmp(type, "text/event-stream") == 0) /* 3.1 has no words for a stream of events */
        return json_pack("{s:{}}", "schema");
    if (strstr(type, "text") || g_str_has_suffix(type, "json"))
        return json_pack("{s:{s:s}}", "schema", "type", "string");
    /* 3.1 would say nothing at all; what makes clients goes by the word of 3.0. */
    return json_pack("{s:{s:s,s:s}}", "schema", "type", "string", "format", "binary");
}

static json_t *
request_body(const OrfEndpoint *endpoint)
{
    json_t *content = json_object();
    bool form = false;
    for (const OrfBodyKind *body = endpoint->bodies; body->type; body++) {
        form = form || strcmp(body->type, "multipart/form-data") == 0;
        if (body->also)
            continue;
        json_object_set_new(content, body->type, media(body->type, body->schema));
    }
    return json_pack("{s:b,s:o}", "required", form, "content", content);
}

#define BYTES "application/octet-stream" /* first: what clients take that look no further */

static void
add_model_types(json_t *content)
{
    json_object_set_new(content, BYTES, media(BYTES, NULL));
    json_object_set_new(content, "model/obj", media("model/obj", NULL)); /* without materials */
    for (const char *const *name = orf_format_names(); *name; name++) {
        const char *extension, *type = orf_engine_file_type(*name, &extension);
        json_object_set_new(content, type, media(type, NULL));
    }
}

static void
add_answer(json_t *answers, const OrfEndpoint *endpoint, const OrfAnswer *answer)
{
    char status[16];
    g_snprintf(status, sizeof status, "%d", answer->status);
    json_t *one = json_object_get(answers, status);
    if (!one) {
        json_t *headers =
            json_pack("{s:{s:s}}", "X-Request-Id", "$ref", "#/components/headers/X-Request-Id");
        if (endpoint->cost)
            json_object_set_new(headers, "RateLimit",
                                json_pack("{s:s}", "$ref", "#/components/headers/RateLimit"));
        if (answer->status == 202 || answer->status == 201)
            json_object_set_new(headers, "Location",
                                json_pack("{s:s}", "$ref", "#/components/headers/Location"));
        one = json_pack("{s:s,s:o}", "description", answer->help, "headers", headers);
        json_object_set_new(answers, status, one);
    }
    if (!answer->type)
        return;
    json_t *content = json_object_get(one, "content");
    if (!content) {
        content = json_object();
        json_object_set_new(one, "content", content);
    }
    if (strcmp(answer->type, "model/*") == 0)
        add_model_types(content);
    else if (strcmp(answer->type, "image/png") == 0)
        json_object_set_new(content, BYTES, media(BYTES, NULL));
    if (strcmp(answer->type, "model/*") != 0)
        json_object_set_new(content, answer->type, media(answer->type, answer->schema));
}

static void
add_problem(json_t *answers, const char *status)
{
    if (!json_object_get(answers, status))
        json_object_set_new(answers, status,
                            json_pack("{s:s}", "$ref", "#/components/responses/Problem"));
}

static json_t *
responses(const OrfEndpoint *endpoint)
{
    json_t *answers = json_object();
    for (const OrfAnswer *answer = endpoint->answers; answer->status; answer++)
        add_answer(answers, endpoint, answer);
    if (strchr(endpoint->path, '{'))
        add_problem(answers, "404");
    if (endpoint->bodies) {
        add_problem(answers, "413");
        add_problem(answers, "415");
    }
    add_problem(answers, "422");
    if (endpoint->cost)
        add_problem(answers, "429");
    if (endpoint->permit == ORF_PERMIT_CREATE)
        add_problem(answers, "503");
    add_problem(answers, "default");
    return answers;
}

/* --- Operations --------------------------------------------------------------------------- */

static json_t *
operation(const OrfEndpoint *endpoint)
{
    json_t *one =
        json_pack("{s:s,s:[s],s:s,s:s,s:o,s:o,s:s}", "operationId", endpoint->name, "tags",
                  endpoint->group, "summary", endpoint->summary, "description", endpoint->help,
                  "parameters", parameters(endpoint), "responses", responses(endpoint),
                  "x-permission", orf_permit_name(endpoint->permit));
    if (endpoint->bodies)
        json_object_set_new(one, "requestBody", request_body(endpoint));
    if (endpoint->cost)
        json_object_set_new(one, "x-cost", json_integer(endpoint->cost));
    if (endpoint->deprecated)
        json_object_set_new(one, "deprecated", json_true());
    return one;
}

static json_t *
paths(void)
{
    json_t *all = json_object();
    for (const OrfEndpoint *const *at = orf_endpoints(); *at; at++) {
        if (!orf_endpoint_is_described(*at))
            continue;
        g_autofree char *method = g_ascii_strdown((*at)->method, -1);
        json_t *path = json_object_get(all, (*at)->path);
        if (!path) {
            path = json_object();
            json_object_set_new(all, (*at)->path, path);
        }
        json_object_set_new(path, method, operation(*at));
    }
    return all;
}

/* --- The document ------------------------------------------------------------------------- */

static json_t *
header(const char *text, const char *example)
{
    return json_pack("{s:s,s:{s:s},s:s}", "description", text, "schema", "type", "string",
                     "example", example);
}

static json_t *
components(void)
{
    json_t *headers = json_object();
    json_object_set_new(
        headers, "X-Request-Id",
        header("The trace that the request belongs to: of its traceparent, or a "
               "new one. The server's log has it.",
               "0af7651916cd43dd8448eb211c80319c"));
    json_object_set_new(headers, "RateLimit",
                        header("What is left of the quota of this address, when there is one.",
                               "\"address\";r=57;t=3"));
    json_object_set_new(headers, "Location",
                        header("Where what was created is.", "/api/v1/jobs/job_01J"));
    json_object_set_new(headers, "Retry-After",
                        header("Seconds to wait before the next try.", "2"));
    json_t *problem = json_pack("{s:s,s:{s:{s:s},s:{s:s}},s:{s:{s:o}}}", "description",
                                "A problem: its code says which.", "headers", "X-Request-Id",
                                "$ref", "#/components/headers/X-Request-Id", "Retry-After",
                                "$ref", "#/components/headers/Retry-After", "content",
                                "application/problem+json", "schema", schema_ref("Problem"));
    return json_pack("{s:o,s:{s:o},s:o}", "schemas", orf_schemas(), "responses", "Problem",
                     problem, "headers", headers);
}

static json_t *
tags(void)
{
    json_t *list = json_array();
    for (const OrfGroup *group = groups; group->name; group++)
        json_array_append_new(
            list, json_pack("{s:s,s:s}", "name", group->name, "description", group->help));
    return list;
}

char *
orf_api_openapi(void)
{
    json_t *document = json_pack(
        "{s:s,s:{s:s,s:s,s:s,s:{s:s,s:s}},s:[{s:s,s:s}],s:[],s:o,s:o,s:o}", "openapi", "3.1.0",
        "info", "title", "ORFEAS", "version", orf_version(), "description",
        "A picture goes in, a textured, printable 3D model comes out, in four stages.",
        "license", "name", "Apache-2.0", "identifier", "Apache-2.0", "servers", "url", "/",
        "description", "This server", "security", "tags", tags(), "paths", paths(),
        "components", components());
    char *text = json_dumps(document, JSON_COMPACT);
    json_decref(document);
    return text;
}

static void
show(OrfCall *call)
{
    orf_call_reply_document(call, call->api->parts->openapi, NULL);
}

const OrfEndpoint orf_endpoint_openapi = {
    .method = "GET",
    .path = "/api/v1/openapi.json",
    .name = "getDescription",
    .group = "about",
    .summary = "This description",
    .help = "OpenAPI 3.1, made from the table that the server works by.",
    .answers = (const OrfAnswer[]){ { 200, "application/json", NULL, "the document" },
                                    { 304, NULL, NULL, "nothing has changed" },
                                    { 0 } },
    .handle = show,
};
