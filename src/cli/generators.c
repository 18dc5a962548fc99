/* generators.c - orfeas generators: what there is, and every parameter.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Printed from the tables that the JSON for programs is made of. */
#include "cli/cli.h"

#include "engine/engine.h"

#include <string.h>

static void
print_range(const OrfParam *param)
{
    const char *unit = orf_param_unit(param->type);
    if (param->choices) {
        g_auto(GStrv) choices = g_strsplit(param->choices, "|", -1);
        g_autofree char *list = g_strjoinv(", ", choices);
        g_print(" (%s)", list);
    } else if (param->type != ORF_PARAM_BOOL && param->type != ORF_PARAM_TEXT) {
        g_print(" (%g to %g%s%s)", param->min, param->max, *unit ? " " : "", unit);
    }
}

static void
print_params(const OrfParam *params, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const char *fallback = params[i].fallback;
        g_print("  %-14s %s", params[i].name, params[i].help);
        print_range(&params[i]);
        g_print("%s%s%s\n", *fallback ? " [" : "", fallback, *fallback ? "]" : "");
    }
}

static void
print_generator(const OrfGeneratorInfo *generator, bool with_params)
{
    g_print("%-11s %s\n", generator->name, generator->title);
    if (!with_params)
        return;
    g_print("  %s\n", generator->help);
    print_params(generator->params, generator->n_params);
    g_print("\n");
}

static int
print_named(char **names)
{
    for (char **name = names; *name; name++) {
        OrfGeneratorInfo info;
        size_t i = 0;
        while (orf_engine_generator(i, &info) && !g_str_equal(info.name, *name))
            i++;
        if (!orf_engine_generator(i, &info)) {
            g_printerr("orfeas: no generator \"%s\"; \"orfeas generators\" lists them\n",
                       *name);
            return orf_error_info(ORF_ERROR_NOT_FOUND)->exit_code;
        }
        print_generator(&info, true);
    }
    return 0;
}

static int
print_all(bool with_params)
{
    OrfGeneratorInfo info;
    for (size_t i = 0; orf_engine_generator(i, &info); i++)
        print_generator(&info, with_params);
    if (with_params) {
        size_t n;
        const OrfParam *common = orf_engine_common_params(&n);
        g_print("every generator\n");
        print_params(common, n);
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
    if (!json)
        return names ? print_named(names) : print_all(every);
    g_autofree char *text = orf_generators_json();
    g_print("%s\n", text);
    return 0;
}

const OrfCommand orf_command_generators = {
    .name = "generators",
    .summary = "the ways from a picture to a model, and their parameters",
    .run = run,
};
