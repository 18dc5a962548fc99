/* reference.c - docs/guide/api.md: the table for people.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "api/endpoints.h"
#include "api/describe.h"

#include <string.h>

static const char intro[] =
    "# HTTP API\n\n"
    "<!-- Written by `orfeas serve --describe reference`; change the tables in src/api "
    "instead. -->\n\n"
    "All bodies are JSON unless said otherwise, in UTF-8. Times are RFC 3339 UTC, durations "
    "seconds, sizes bytes. Clients ignore\n"
    "members they do not know; the server refuses arguments and fields it does not know. `GET "
    "/api/v1/openapi.json` is the same as\n"
    "OpenAPI 3.1. [server.md](server.md) is about running it.\n\n"
    "    curl -F image=@cup.jpg -H 'Prefer: wait=60' http://127.0.0.1:8080/api/v1/generate-3d\n"
    "    curl -N -F image=@cup.jpg http://127.0.0.1:8080/api/v1/generate-progressive\n"
    "    curl -o cup.stl 'http://127.0.0.1:8080/api/v1/jobs/JOB/result?format=stl'\n\n"
    "Every answer carries `X-Request-Id` and `traceparent` (the trace of the request's own "
    "traceparent, or a new one). Where a rate\n"
    "applies it carries `RateLimit-Policy` and `RateLimit`. Wait as long as `Retry-After` says "
    "after 429 and 503.\n";

/* Text in a table's cell. */
static void
append_cell(GString *out, const char *text)
{
    for (; *text; text++)
        if (*text == '|')
            g_string_append(out, "\\|");
        else
            g_string_append_c(out, *text == '\n' ? ' ' : *text);
}

/* --- Endpoints ---------------------------------------------------------------------------- */

static void
append_number(GString *out, double value)
{
    char text[G_ASCII_DTOSTR_BUF_SIZE];
    g_string_append(out, g_ascii_formatd(text, sizeof text, "%.15g", value));
}

static void
append_range(GString *out, const OrfParam *param)
{
    const char *unit = orf_param_unit(param->type);
    switch (param->type) {
    case ORF_PARAM_CHOICE: {
        g_auto(GStrv) choices = g_strsplit(param->choices, "|", -1);
        g_autofree char *list = g_strjoinv(", ", choices);
        append_cell(out, list);
        break;
    }
    case ORF_PARAM_TEXT:
        g_string_append(out, "text");
        break;
    case ORF_PARAM_BOOL:
        g_string_append(out, "true, false");
        break;
    default:
        append_number(out, param->min);
        g_string_append(out, " to ");
        append_number(out, param->max);
        g_string_append_printf(out, "%s%s", *unit ? " " : "", unit);
    }
}

static void
append_arguments(GString *out, const OrfEndpoint *endpoint)
{
    static const char *const places[] = { "path", "query", "header" };
    if (!endpoint->arguments || !endpoint->arguments[0].param.name)
        return;
    g_string_append(
        out, "| argument | in | values | default | |\n| --- | --- | --- | --- | --- |\n");
    for (const OrfArgument *a = endpoint->arguments; a->param.name; a++) {
        g_string_append_printf(out, "| `%s` | %s | ", a->param.name, places[a->in]);
        append_range(out, &a->param);
        g_string_append_printf(out, " | %s | ", a->param.fallback);
        append_cell(out, a->param.help);
        g_string_append(out, " |\n");
    }
    g_string_append_c(out, '\n');
}

static void
append_schema_link(GString *out, const char *schema)
{
    if (!schema)
        return;
    g_autofree char *anchor = g_ascii_strdown(schema, -1);
    g_string_append_printf(out, " [%s](#%s)", schema, anchor);
}

static void
append_exchange(GString *out, const OrfEndpoint *endpoint)
{
    for (const OrfBodyKind *body = endpoint->bodies; body && body->type; body++) {
        g_string_append_printf(out, "- takes `%s`", body->type);
        append_schema_link(out, body->schema);
        g_string_append_c(out, '\n');
    }
    for (const OrfAnswer *answer = endpoint->answers; answer->status; answer++) {
        g_string_append_printf(out, "- **%d**", answer->status);
        if (answer->type)
            g_string_append_printf(out, " `%s`", answer->type);
        append_schema_link(out, answer->schema);
        g_string_append_printf(out, ": %s\n", answer->help);
    }
    g_string_append_c(out, '\n');
}

static void
append_endpoint(GString *out, const OrfEndpoint *endpoint)
{
    g_string_append_printf(out, "### %s %s\n\n%s. %s\n\n", endpoint->method, endpoint->path,
                           endpoint->summary, endpoint->help);
    append_arguments(out, endpoint);
    append_exchange(out, endpoint);
}

static void
append_groups(GString *out)
{
    for (const OrfGroup *group = orf_groups(); group->name; group++) {
        bool any = false;
        for (const OrfEndpoint *const *at = orf_endpoints(); *at; at++) {
            if (strcmp((*at)->group, group->name) != 0)
                continue;
            if (!any)
                g_string_append_printf(out, "\n## %c%s\n\n%s\n\n",
                                       g_ascii_toupper(group->name[0]), group->name + 1,
                                       group->help);
            any = true;
            append_endpoint(out, *at);
        }
    }
}

/* --- Objects ------------------------------------------------------------------------------ */

static void
append_type(GString *out, json_t *schema)
{
    json_t *type = json_object_get(schema, "type"), *one;
    const char *target = json_string_value(json_object_get(schema, "$ref"));
    size_t i;
    if (target) {
        append_schema_link(out, strrchr(target, '/') + 1);
    } else if (json_is_array(type)) {
        json_array_foreach(type, i, one)
            g_string_append_printf(out, "%s%s", i ? ", " : "", json_string_value(one));
    } else if (json_is_string(type)) {
        g_string_append(out, json_string_value(type));
    } else {
        g_string_append(out, "see the description");
    }
    json_t *items = json_object_get(schema, "items");
    if (items) {
        g_string_append(out, " of ");
        append_type(out, items);
    }
}

static void
append_property(GString *out, const char *name, json_t *schema)
{
    const char *text = json_string_value(json_object_get(schema, "description"));
    json_t *values = json_object_get(schema, "enum"), *one;
    size_t i;
    g_string_append_printf(out, "| `%s` | ", name);
    append_type(out, schema);
    g_string_append(out, " | ");
    json_array_foreach(values, i, one)
        g_string_append_printf(out, "%s`%s`", i ? ", " : "", json_string_value(one));
    if (values)
        g_string_append(out, text ? ". " : "");
    append_cell(out, text ? text : "");
    g_string_append(out, " |\n");
}

/* The parameters of generators have a page of their own. */
static bool
is_field(const char *name, const char *schema)
{
    static const char *const files[] = { "image", "images", "mask", "params", NULL };
    if (strcmp(schema, "WishForm") != 0 || g_strv_contains(files, name))
        return true;
    for (size_t i = 0; i < orf_n_wish_fields; i++)
        if (strcmp(orf_wish_fields[i].name, name) == 0)
            return true;
    return false;
}

static void
append_object(GString *out, const char *name, json_t *schema)
{
    const char *key;
    json_t *value, *properties = json_object_get(schema, "properties");
    g_string_append_printf(out, "### %s\n\n%s\n", name,
                           json_string_value(json_object_get(schema, "description")));
    if (g_str_has_prefix(name, "Wish"))
        g_string_append(out, "Parameters of the generators: [generators.md](generators.md), or "
                             "`GET /api/v1/generators`.\n");
    g_string_append(out, "\n| member | type | |\n| --- | --- | --- |\n");
    json_object_foreach(properties, key, value)
    {
        if (is_field(key, name))
            append_property(out, key, value);
    }
    g_string_append_c(out, '\n');
}

static int
by_name(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void
append_objects(GString *out)
{
    json_t *schemas = orf_schemas(), *schema;
    g_autoptr(GPtrArray) names = g_ptr_array_new();
    const char *name;
    json_object_foreach(schemas, name, schema) g_ptr_array_add(names, (char *)name);
    g_ptr_array_sort(names, by_name);
    g_string_append(out, "## Objects\n\n");
    for (guint i = 0; i < names->len; i++)
        append_object(out, names->pdata[i], json_object_get(schemas, names->pdata[i]));
    json_decref(schemas);
}

/* --- Problems ----------------------------------------------------------------------------- */

static void
append_problems(GString *out)
{
    g_string_append(out, "## Problems\n\n"
                         "Everything that goes wrong is an `application/problem+json` "
                         "([Problem](#problem)) with one of these codes. 429 is the\n"
                         "caller's limit, 503 the server's own trouble.\n\n"
                         "| code | status | again? | |\n| --- | --- | --- | --- |\n");
    for (OrfProblemCode code = ORF_PROBLEM_NONE + 1; code < ORF_N_PROBLEMS; code++) {
        const OrfProblemKind *kind = orf_problem_kind(code);
        g_string_append_printf(out, "| `%s` | %d | %s | %s |\n", kind->name, kind->status,
                               kind->retryable ? "yes" : "no", kind->title);
    }
}

char *
orf_api_reference(void)
{
    GString *out = g_string_new(intro);
    append_groups(out);
    append_objects(out);
    append_problems(out);
    return g_string_free(out, FALSE);
}
