/* SPDX-License-Identifier: Apache-2.0 */
#include "api/endpoints.h"
#include "api/describe.h"

#include "engine/engine.h"

#include <string.h>

/* Every "$ref" leads somewhere. */
static void
check_refs(json_t *root, json_t *node)
{
    const char *key;
    json_t *value;
    size_t i;
    json_array_foreach(node, i, value) check_refs(root, value);
    json_object_foreach(node, key, value)
    {
        check_refs(root, value);
        if (strcmp(key, "$ref") != 0)
            continue;
        g_auto(GStrv) path = g_strsplit(json_string_value(value), "/", -1);
        json_t *at = root;
        for (char **part = path + 1; *part; part++)
            at = json_object_get(at, *part);
        if (!at)
            g_error("%s leads nowhere: add it to schemas.json", json_string_value(value));
    }
}

static json_t *
document(void)
{
    g_autofree char *text = orf_api_openapi();
    json_t *all = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
    g_assert_nonnull(all);
    return all;
}

static void
refs_lead_somewhere(void)
{
    json_t *all = document();
    check_refs(all, all);
    json_decref(all);
}

static bool
is_group(const char *name)
{
    for (const OrfGroup *group = orf_groups(); group->name; group++)
        if (strcmp(group->name, name) == 0)
            return true;
    return false;
}

static void
every_endpoint_is_there(void)
{
    json_t *all = document();
    for (const OrfEndpoint *const *at = orf_endpoints(); *at; at++) {
        if (!orf_endpoint_is_described(*at))
            continue;
        g_autofree char *method = g_ascii_strdown((*at)->method, -1);
        json_t *path = json_object_get(json_object_get(all, "paths"), (*at)->path);
        json_t *operation = json_object_get(path, method);
        g_test_message("%s %s: %s", (*at)->method, (*at)->path, (*at)->group);
        g_assert_cmpstr(json_string_value(json_object_get(operation, "operationId")), ==,
                        (*at)->name);
        g_assert_true(is_group((*at)->group));
    }
    json_decref(all);
}

static void
wishes_have_every_parameter(void)
{
    json_t *schemas = orf_schemas();
    g_autofree char *text = orf_generators_json();
    json_t *told = json_loads(text, 0, NULL), *generator, *parameter;
    json_t *form = json_object_get(json_object_get(schemas, "WishForm"), "properties");
    size_t i, j;
    json_array_foreach(json_object_get(told, "generators"), i, generator)
    {
        json_array_foreach(json_object_get(generator, "parameters"), j, parameter)
        {
            const char *name = json_string_value(json_object_get(parameter, "name"));
            g_assert_nonnull(json_object_get(form, name));
        }
    }
    g_assert_nonnull(json_object_get(form, "image"));
    g_assert_nonnull(json_object_get(form, "size"));
    json_decref(told);
    json_decref(schemas);
}

/* ORFEAS_GOLDEN=1 rewrites it. */
static void
reference_is_as_the_table(void)
{
    g_autofree char *path =
        g_build_filename(g_getenv("G_TEST_SRCDIR"), "docs", "guide", "api.md", NULL);
    g_autofree char *text = orf_api_reference(), *kept = NULL;
    if (g_getenv("ORFEAS_GOLDEN"))
        g_assert_true(g_file_set_contents(path, text, -1, NULL));
    g_file_get_contents(path, &kept, NULL, NULL);
    if (g_strcmp0(kept, text) != 0)
        g_error("docs/guide/api.md is out of date: ORFEAS_GOLDEN=1 build/test-api-openapi, or "
                "orfeas serve --describe reference");
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/api/openapi/references-lead-somewhere", refs_lead_somewhere);
    g_test_add_func("/api/openapi/every-endpoint-is-described", every_endpoint_is_there);
    g_test_add_func("/api/openapi/wishes-have-every-parameter", wishes_have_every_parameter);
    g_test_add_func("/api/openapi/the-reference-is-as-the-table", reference_is_as_the_table);
    return g_test_run();
}
