/* generators.c - orfeas generators: what there is, and every parameter.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Printed from the same JSON that programs get, so that the two cannot differ. */
#include "cli/cli.h"

#include <jansson.h>

static void
print_range(const json_t *param)
{
    const json_t *choices = json_object_get(param, "choices"), *choice;
    const json_t *low = json_object_get(param, "minimum"),
                 *high = json_object_get(param, "maximum");
    const char *unit = json_string_value(json_object_get(param, "unit"));
    size_t i;
    if (choices) {
        g_print(" (");
        json_array_foreach((json_t *)choices, i, choice)
            g_print("%s%s", i ? ", " : "", json_string_value(choice));
        g_print(")");
    } else if (low) {
        g_print(" (%g to %g%s%s)", json_number_value(low), json_number_value(high),
                unit ? " " : "", unit ? unit : "");
    }
}

static void
print_params(const json_t *params, const char *indent)
{
    size_t i;
    json_t *param;
    json_array_foreach((json_t *)params, i, param)
    {
        g_print("%s%-14s %s", indent, json_string_value(json_object_get(param, "name")),
                json_string_value(json_object_get(param, "help")));
        print_range(param);
        const char *fallback = json_string_value(json_object_get(param, "default"));
        g_print("%s%s%s\n", *fallback ? " [" : "", fallback, *fallback ? "]" : "");
    }
}

static void
print_generator(const json_t *generator, bool with_params)
{
    g_print("%-11s %s\n", json_string_value(json_object_get(generator, "name")),
            json_string_value(json_object_get(generator, "title")));
    if (!with_params)
        return;
    g_print("  %s\n", json_string_value(json_object_get(generator, "help")));
    print_params(json_object_get(generator, "parameters"), "  ");
    g_print("\n");
}

static int
print_named(const json_t *all, char **names)
{
    for (char **name = names; *name; name++) {
        size_t i;
        json_t *generator, *found = NULL;
        json_array_foreach(
            json_object_get(all, "generators"), i,
            generator) if (g_str_equal(json_string_value(json_object_get(generator, "name")),
                                       *name)) found = generator;
        if (!found) {
            g_printerr("orfeas: no generator \"%s\"; \"orfeas generators\" lists them\n",
                       *name);
            return orf_error_info(ORF_ERROR_NOT_FOUND)->exit_code;
        }
        print_generator(found, true);
    }
    return 0;
}

static int
print_all(const json_t *all, bool with_params)
{
    size_t i;
    json_t *generator;
    json_array_foreach(json_object_get(all, "generators"), i, generator)
        print_generator(generator, with_params);
    if (with_params) {
        g_print("every generator\n");
        print_params(json_object_get(all, "common"), "  ");
    } else {
        g_print("\n\"orfeas generators NAME\" shows its parameters, --all those of all.\n");
    }
    return 0;
}

static int
run(int argc, char **argv)
{
    gboolean json = FALSE, every = FALSE;
    g_auto(GStrv) names = NULL;
    const GOptionEntry entries[] = {
        { "json", 0, 0, G_OPTION_ARG_NONE, &json, "All of it as JSON", NULL },
        { "all", 'a', 0, G_OPTION_ARG_NONE, &every, "With every parameter", NULL },
        { G_OPTION_REMAINING, 0, 0, G_OPTION_ARG_STRING_ARRAY, &names, NULL, "[NAME...]" },
        { 0 },
    };
    int code = 0;
    if (!orf_cli_parse("generators", &argc, &argv, entries, "- ways from a picture to a model",
                       "Parameters are set with: orfeas generate --set NAME=VALUE\n"
                       "In brackets: the default.",
                       &code))
        return code;
    g_autofree char *text = orf_generators_json();
    if (json) {
        g_print("%s\n", text);
        return 0;
    }
    json_t *all = json_loads(text, 0, NULL);
    code = names ? print_named(all, names) : print_all(all, every);
    json_decref(all);
    return code;
}

const OrfCommand orf_command_generators = {
    .name = "generators",
    .summary = "the ways from a picture to a model, and their parameters",
    .run = run,
};
