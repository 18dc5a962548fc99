/* completion.c - orfeas completion: scripts for bash, zsh and fish, made from the tables.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "cli/cli.h"

#include <jansson.h>

static const char generate_options[] = "--output --directory --generator --size --quality "
                                       "--format --set --views --mask --seed --stages "
                                       "--sheet --json --quiet --cores --memory --help";

static char *
command_names(void)
{
    g_autoptr(GString) names = g_string_new(NULL);
    for (const OrfCommand *const *c = orf_commands(); *c; c++)
        if (!(*c)->hidden)
            g_string_append_printf(names, "%s ", (*c)->name);
    return g_string_free(g_steal_pointer(&names), FALSE);
}

static const char serve_options[] =
    "--listen --port --data --workers --memory --run-limit --rate --max-upload --cache-size --cache-ttl "
    "--keep --keep-jobs --keep-size --webhook-secret-file --allow-origin --behind-proxy --drain --describe --help";

static void
add_param_names(GString *out, const json_t *params)
{
    size_t i;
    json_t *param;
    json_array_foreach((json_t *)params, i, param)
        g_string_append_printf(out, "%s= ", json_string_value(json_object_get(param, "name")));
}

/* The names of all generators, and "name=" of every parameter. */
static void
table_names(char **ret_generators, char **ret_params)
{
    g_autofree char *text = orf_generators_json();
    json_t *all = json_loads(text, 0, NULL), *generator;
    GString *names = g_string_new(NULL), *params = g_string_new(NULL);
    size_t i;
    add_param_names(params, json_object_get(all, "common"));
    json_array_foreach(json_object_get(all, "generators"), i, generator)
    {
        g_string_append_printf(names, "%s ",
                               json_string_value(json_object_get(generator, "name")));
        add_param_names(params, json_object_get(generator, "parameters"));
    }
    json_decref(all);
    *ret_generators = g_string_free(names, FALSE);
    *ret_params = g_string_free(params, FALSE);
}

static void
print_bash(const char *commands, const char *generators, const char *params)
{
    g_print("_orfeas() {\n"
            "  local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]}\n"
            "  local words=\n"
            "  compopt +o nospace 2>/dev/null\n"
            "  if [ \"$COMP_CWORD\" = 1 ]; then words='%shelp --version'\n"
            "  else case $prev in\n"
            "    -g|--generator|generators) words='%s' ;;\n"
            "    -q|--quality) words='draft standard high' ;;\n"
            "    -f|--format) words='glb stl obj ply 3mf' ;;\n"
            "    --set) words='%s'; compopt -o nospace 2>/dev/null ;;\n"
            "    mesh) words='info convert view' ;;\n"
            "    completion) words='bash zsh fish' ;;\n"
            "    *) case ${COMP_WORDS[1]}:$cur in serve:-*) words='%s' ;; *:-*) words='%s' ;; "
            "esac ;;\n"
            "  esac; fi\n"
            "  if [ -n \"$words\" ]; then COMPREPLY=($(compgen -W \"$words\" -- \"$cur\"))\n"
            "  else COMPREPLY=($(compgen -f -- \"$cur\")); fi\n"
            "}\n"
            "complete -o filenames -F _orfeas orfeas\n",
            commands, generators, params, serve_options, generate_options);
}

static void
print_zsh(const char *commands, const char *generators, const char *params)
{
    g_print("#compdef orfeas\n"
            "autoload -U +X bashcompinit && bashcompinit\n");
    print_bash(commands, generators, params);
}

static void
print_fish(const char *commands, const char *generators, const char *params)
{
    g_print(
        "complete -c orfeas -n __fish_use_subcommand -f -a '%s'\n"
        "complete -c orfeas -n '__fish_seen_subcommand_from generate' -s g -l generator -x -a "
        "'%s'\n"
        "complete -c orfeas -n '__fish_seen_subcommand_from generate' -s q -l quality -x -a "
        "'draft standard high'\n"
        "complete -c orfeas -n '__fish_seen_subcommand_from generate' -s f -l format -x -a "
        "'glb stl obj ply 3mf'\n"
        "complete -c orfeas -n '__fish_seen_subcommand_from generate' -l set -x -a '%s'\n"
        "for o in %s; complete -c orfeas -n '__fish_seen_subcommand_from serve' -l (string sub "
        "-s 3 -- $o); end\n"
        "complete -c orfeas -n '__fish_seen_subcommand_from mesh' -f -a 'info convert view'\n",
        commands, generators, params, serve_options);
}

static int
run(int argc, char **argv)
{
    g_autofree char *commands = command_names(), *generators = NULL, *params = NULL;
    const char *shell = argc > 1 ? argv[1] : "";
    table_names(&generators, &params);
    if (g_str_equal(shell, "bash"))
        print_bash(commands, generators, params);
    else if (g_str_equal(shell, "zsh"))
        print_zsh(commands, generators, params);
    else if (g_str_equal(shell, "fish"))
        print_fish(commands, generators, params);
    else {
        g_print("Usage: orfeas completion bash|zsh|fish\n\n"
                "  bash: source <(orfeas completion bash)\n"
                "  zsh:  source <(orfeas completion zsh)\n"
                "  fish: orfeas completion fish | source\n");
        bool help = g_str_equal(shell, "--help");
        return help ? 0 : orf_error_info(ORF_ERROR_BAD_INPUT)->exit_code;
    }
    return 0;
}

const OrfCommand orf_command_completion = {
    .name = "completion",
    .summary = "completion for bash, zsh or fish",
    .run = run,
};
