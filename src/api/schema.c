/* schema.c - JSON schemas out of tables of parameters, and those of schemas.json.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * The schemas of a wish are made from the generators' own tables: what the engine takes is what
 * the description says. */
#include "api/describe.h"

#include "engine/engine.h"

#include <math.h>
#include <string.h>

/* --- One parameter ------------------------------------------------------------------------ */

static json_t *
choices_of(const char *choices)
{
    json_t *list = json_array();
    g_auto(GStrv) each = g_strsplit(choices, "|", -1);
    for (char **choice = each; *choice; choice++)
        json_array_append_new(list, json_string(*choice));
    return list;
}

/* Whole numbers without a decimal point. */
json_t *
orf_schema_number(double value)
{
    bool whole = fabs(value) <= 9007199254740992.0 && value == (double)(json_int_t)value;
    return whole ? json_integer((json_int_t)value) : json_real(value);
}

static void
set_range(json_t *schema, const OrfParam *param)
{
    json_object_set_new(schema, "minimum", orf_schema_number(param->min));
    json_object_set_new(schema, "maximum", orf_schema_number(param->max));
    if (*param->fallback)
        json_object_set_new(schema, "default",
                            orf_schema_number(g_ascii_strtod(param->fallback, NULL)));
}

static void
set_text(json_t *schema, const OrfParam *param)
{
    json_object_set_new(schema, "type", json_string("string"));
    if (param->type == ORF_PARAM_TEXT && param->min > 0)
        json_object_set_new(schema, "minLength", orf_schema_number(param->min));
    if (param->type == ORF_PARAM_TEXT && param->max > 0)
        json_object_set_new(schema, "maxLength", orf_schema_number(param->max));
    if (param->choices)
        json_object_set_new(schema, "enum", choices_of(param->choices));
    if (*param->fallback)
        json_object_set_new(schema, "default", json_string(param->fallback));
}

json_t *
orf_schema_of_param(const OrfParam *param)
{
    json_t *schema = json_object();
    switch (param->type) {
    case ORF_PARAM_BOOL:
        json_object_set_new(schema, "type", json_string("boolean"));
        if (*param->fallback)
            json_object_set_new(schema, "default",
                                json_boolean(strcmp(param->fallback, "true") == 0));
        break;
    case ORF_PARAM_INT:
        json_object_set_new(schema, "type", json_string("integer"));
        set_range(schema, param);
        break;
    case ORF_PARAM_NUMBER:
    case ORF_PARAM_LENGTH:
    case ORF_PARAM_ANGLE:
        json_object_set_new(schema, "type", json_string("number"));
        set_range(schema, param);
        break;
    default:
        set_text(schema, param);
    }
    return schema;
}

/* --- Parameters of the generators --------------------------------------------------------- */

static bool
has_range(const OrfParam *param)
{
    return param->type != ORF_PARAM_BOOL && param->type != ORF_PARAM_CHOICE &&
           param->type != ORF_PARAM_TEXT;
}

static json_t *
bounded_number(const OrfParam *param)
{
    return json_pack("{s:s,s:o,s:o}", "type",
                     param->type == ORF_PARAM_INT ? "integer" : "number", "minimum",
                     orf_schema_number(param->min), "maximum", orf_schema_number(param->max));
}

/* Numbers may also come as text with a unit ("80mm"). */
static json_t *
number_schema(const OrfParam *param)
{
    json_t *number = bounded_number(param);
    if (!*orf_param_unit(param->type))
        return number;
    return json_pack("{s:[o,{s:s,s:i}]}", "anyOf", number, "type", "string", "maxLength", 40);
}

static json_t *
list_schema(const OrfParam *param)
{
    return json_pack("{s:[{s:s,s:o,s:i},{s:s}]}", "anyOf", "type", "array", "items",
                     bounded_number(param), "maxItems", 64, "type", "string");
}

static json_t *
wished_schema(const OrfParam *param)
{
    json_t *schema = param->type == ORF_PARAM_BOOL   ? json_pack("{s:s}", "type", "boolean")
                     : param->type == ORF_PARAM_LIST ? list_schema(param)
                     : has_range(param)              ? number_schema(param)
                                                     : json_pack("{s:s}", "type", "string");
    if (param->choices)
        json_object_set_new(schema, "enum", choices_of(param->choices));
    const char *fallback = param->fallback, *unit = orf_param_unit(param->type);
    g_autofree char *text = g_strdup_printf(
        "%s%s%s%s%s%s", param->help, *fallback ? " Default: " : "", fallback,
        *fallback && *unit ? " " : "", *fallback ? unit : "", *fallback ? "." : "");
    json_object_set_new(schema, "description", json_string(text));
    return schema;
}

/* A name that several generators have, with ranges of their own, takes any of them. */
static void
add_wished(json_t *properties, const OrfParam *param)
{
    json_t *schema = wished_schema(param), *known = json_object_get(properties, param->name);
    if (!known) {
        json_object_set_new(properties, param->name, schema);
        return;
    }
    json_t *any = json_object_get(known, "anyOf");
    bool same = json_equal(known, schema);
    for (size_t i = 0; !same && any && i < json_array_size(any); i++)
        same = json_equal(json_array_get(any, i), schema);
    if (same)
        json_decref(schema);
    else if (any && !json_object_get(known, "description"))
        json_array_append_new(any, schema);
    else
        json_object_set_new(properties, param->name,
                            json_pack("{s:[O,o]}", "anyOf", known, schema));
}

static json_t *
parameters_of_generators(void)
{
    json_t *properties = json_object();
    size_t n;
    const OrfParam *common = orf_engine_common_params(&n);
    for (size_t i = 0; i < n; i++)
        add_wished(properties, &common[i]);
    OrfGeneratorInfo info;
    for (size_t i = 0; orf_engine_generator(i, &info); i++)
        for (size_t k = 0; k < info.n_params; k++)
            add_wished(properties, &info.params[k]);
    return properties;
}

static json_t *
names_of_generators(void)
{
    json_t *names = json_array();
    OrfGeneratorInfo info;
    for (size_t i = 0; orf_engine_generator(i, &info); i++)
        json_array_append_new(names, json_string(info.name));
    return names;
}

/* --- Wishes ------------------------------------------------------------------------------- */

static json_t *
described(json_t *schema, const char *text)
{
    json_object_set_new(schema, "description", json_string(text));
    return schema;
}

static json_t *
ref(const char *name)
{
    g_autofree char *path = g_strdup_printf("#/components/schemas/%s", name);
    return json_pack("{s:s}", "$ref", path);
}

static json_t *
file(const char *text)
{
    return described(json_pack("{s:s,s:s}", "type", "string", "format", "binary"), text);
}

static void
add_fields(json_t *properties)
{
    for (size_t i = 0; i < orf_n_wish_fields; i++) {
        const OrfParam *field = &orf_wish_fields[i];
        json_object_set_new(properties, field->name,
                            described(orf_schema_of_param(field), field->help));
    }
    json_t *generator = json_object_get(properties, "generator");
    json_object_set_new(generator, "enum", names_of_generators());
    json_object_del(generator, "maxLength");
}

static json_t *
object_of(json_t *properties, const char *text)
{
    json_t *schema = json_pack("{s:s,s:b,s:o}", "type", "object", "additionalProperties", 0,
                               "properties", properties);
    return described(schema, text);
}

static json_t *
wish_form(void)
{
    json_t *properties = parameters_of_generators();
    add_fields(properties);
    json_object_set_new(properties, "image", file("The picture."));
    json_object_set_new(properties, "images",
                        json_pack("{s:s,s:i,s:o}", "type", "array", "maxItems", 8, "items",
                                  file("One of several pictures, in order.")));
    json_object_set_new(properties, "mask",
                        file("Cut-out of the first picture: light or opaque is subject."));
    json_object_set_new(properties, "params",
                        described(json_pack("{s:s}", "type", "string"),
                                  "Parameters as one JSON object, instead of fields."));
    return object_of(properties, "A form: pictures as files, parameters as fields.");
}

/* The picture itself, or where it is. */
static json_t *
picture_or_bytes(const char *text)
{
    json_t *schema = json_pack("{s:[{s:s,s:s},o]}", "anyOf", "type", "string",
                               "contentEncoding", "base64", ref("Picture"));
    return described(schema, text);
}

static json_t *
wish_json(void)
{
    json_t *properties = json_object();
    add_fields(properties);
    json_object_set_new(
        properties, "image_b64",
        described(json_pack("{s:s,s:s}", "type", "string", "contentEncoding", "base64"),
                  "The picture."));
    json_object_set_new(
        properties, "upload_id",
        described(json_pack("{s:s}", "type", "string"), "A picture that is here already."));
    json_object_set_new(properties, "images",
                        json_pack("{s:s,s:i,s:o}", "type", "array", "maxItems", 8, "items",
                                  picture_or_bytes("One of several pictures, in order.")));
    json_object_set_new(properties, "mask", picture_or_bytes("Cut-out of the first picture."));
    json_object_set_new(properties, "parameters",
                        object_of(parameters_of_generators(), "Of the generator."));
    json_t *url = json_pack("{s:s}", "type", "string");
    json_t *webhook = json_pack("{s:[o,{s:s,s:{s:{s:s},s:{s:s,s:{s:s}}}}]}", "anyOf", url,
                                "type", "object", "properties", "url", "type", "string",
                                "events", "type", "array", "items", "type", "string");
    json_object_set_new(properties, "webhook",
                        described(webhook, "Who is told: a URL, or {url, events}."));
    return object_of(properties, "The same as JSON.");
}

/* --- Operations --------------------------------------------------------------------------- */

static json_t *
parameters_of_operation(const OrfOperation *operation)
{
    json_t *properties = operation->recipe ? parameters_of_generators() : json_object();
    for (size_t i = 0; i < operation->n_params; i++) {
        const OrfParam *param = &operation->params[i];
        json_object_set_new(properties, param->name,
                            described(orf_schema_of_param(param), param->help));
    }
    if (operation->recipe)
        add_fields(properties);
    json_t *schema = object_of(properties, operation->title);
    json_object_set_new(schema, "title", json_string(operation->name));
    return schema;
}

static json_t *
operation_order(void)
{
    json_t *any = json_array(), *properties = json_object();
    add_fields(properties);
    for (const OrfOperation *const *at = orf_operations(); *at; at++)
        json_array_append_new(any, parameters_of_operation(*at));
    json_object_set_new(properties, "inputs",
                        json_pack("{s:s,s:i,s:o}", "type", "array", "maxItems", 64, "items",
                                  ref("OperationInput")));
    json_object_set_new(properties, "parameters",
                        described(json_pack("{s:o}", "anyOf", any), "Of the operation."));
    return object_of(properties, "What is to be done, and to what.");
}

/* The engine's formats are the only list there is. */
static void
set_formats(json_t *schemas, const char *name, const char *member)
{
    json_t *list = json_array(), *schema = json_object_get(schemas, name);
    OrfFormatInfo info;
    for (size_t i = 0; orf_engine_format(i, &info); i++)
        json_array_append_new(list, json_string(info.name));
    json_object_set_new(json_object_get(json_object_get(schema, "properties"), member), "enum",
                        list);
}

/* --- All of them -------------------------------------------------------------------------- */

json_t *
orf_schemas(void)
{
    g_autoptr(GBytes) text =
        g_resource_lookup_data(orf_api_get_resource(), "/orfeas/api/schemas.json", 0, NULL);
    json_error_t error;
    json_t *schemas =
        json_loadb(g_bytes_get_data(text, NULL), g_bytes_get_size(text), 0, &error);
    if (!schemas)
        g_error("schemas.json, line %d: %s", error.line, error.text);
    json_object_set_new(schemas, "WishForm", wish_form());
    json_object_set_new(schemas, "Wish", wish_json());
    json_object_set_new(schemas, "OperationOrder", operation_order());
    set_formats(schemas, "MeshConversion", "format");
    return schemas;
}
