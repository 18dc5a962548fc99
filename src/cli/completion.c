/* completion.c - orfeas completion: scripts for bash, zsh and fish, made from the tables.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "cli/cli.h"

#include <string.h>

static const char generate_options[] = "--output --directory --generator --size --quality "
                                       "--format --set --views --mask --seed --stages "
                                       "--sheet --json --quiet --cores --memory --help";

static char *
command_names(void)
{
    g_autoptr(GString) names = g_string_new(NULL);
    for (const OrfOperation *const *o = orf_operations(); *o; o++)
        if (!strchr((*o)->command, ' '))
            g_string_append_printf(names, "%s ", (*o)->command);
    for (const OrfCliGroup *group = orf_cli_groups(); group->name; group++)
        g_string_append_printf(names, "%s ", group->name);
    for (const OrfCommand *const *c = orf_commands(); *c; c++)
        if (!(*c)->hidden && !orf_cli_operation((*c)->name))
            g_string_append_printf(names, "%s ", (*c)->name);
    return g_string_free(g_steal_pointer(&names), FALSE);
}

static const char serve_options[] =
    "--listen --port --data --workers --memory --run-limit --rate --max-upload --cache-size --cache-ttl "
    "--keep --keep-jobs --keep-size --webhook-secret-file --allow-origin --behind-proxy --drain --describe --help";

static void
add_param_names(GString *out, const OrfParam *params, size_t n)
{
    for (size_t i = 0; i < n; i++)
        g_string_append_printf(out, "%s= ", params[i].name);
}

/* The names of all generators, and "name=" of every parameter. */
static void
table_names(char **ret_generators, char **ret_params)
{
    GString *names = g_string_new(NULL), *params = g_string_new(NULL);
    size_t n_common;
    const OrfParam *common = orf_engine_common_params(&n_common);
    add_param_names(params, common, n_common);
    OrfGeneratorInfo generator;
    for (size_t i = 0; orf_engine_generator(i, &generator); i++) {
        g_string_append_printf(names, "%s ", generator.name);
        add_param_names(params, generator.params, generator.n_params);
    }
    *ret_generators = g_string_free(names, FALSE);
    *ret_params = g_string_free(params, FALSE);
}

static char *
format_names(void)
{
    return g_strjoinv(" ", (char **)orf_format_names());
}

/* `    "mesh info") words='--fast --json' ;;`: a line for each operation. */
static char *
operation_cases(void)
{
    GString *out = g_string_new(NULL);
    for (const OrfOperation *const *o = orf_operations(); *o; o++) {
        bool grouped = strchr((*o)->command, ' ');
        g_autofree char *options = g_str_equal((*o)->name, "generate")
                                       ? g_strdup(generate_options)
                                       : orf_cli_options(*o);
        g_string_append_printf(out, "      \"%s%s\") words='%s' ;;\n", (*o)->command,
                               grouped ? "" : " \"*", options);
    }
    g_string_replace(out, " \"*\")", " \"*)", 0);
    return g_string_free(out, FALSE);
}

static char *
group_cases(void)
{
    GString *out = g_string_new(NULL);
    for (const OrfCliGroup *group = orf_cli_groups(); group->name; group++) {
        g_string_append_printf(out, "    %s) words='", group->name);
        g_autoptr(GString) verbs = g_string_new(NULL);
        orf_cli_verbs(group->name, verbs);
        g_string_append_printf(out, "%s' ;;\n", verbs->str);
    }
    return g_string_free(out, FALSE);
}

static void
print_bash(const char *commands, const char *generators, const char *params)
{
    g_autofree char *formats = format_names(), *groups = group_cases(),
                    *operations = operation_cases();
    g_print("_orfeas() {\n"
            "  local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]}\n"
            "  local words=\n"
            "  compopt +o nospace 2>/dev/null\n"
            "  if [ \"$COMP_CWORD\" = 1 ]; then words='%shelp --version'\n"
            "  else case $prev in\n"
            "    -g|--generator|generators) words='%s' ;;\n"
            "    -q|--quality) words='draft standard high' ;;\n"
            "    -f|--format) words='%s' ;;\n"
            "    --set) words='%s'; compopt -o nospace 2>/dev/null ;;\n"
            "    completion) words='bash zsh fish' ;;\n"
            "%s"
            "    *) case $cur in -*) case \"${COMP_WORDS[1]} ${COMP_WORDS[2]}\" in\n"
            "      \"serve \"*) words='%s' ;;\n"
            "%s"
            "    esac ;; esac ;;\n"
            "  esac; fi\n"
            "  if [ -n \"$words\" ]; then COMPREPLY=($(compgen -W \"$words\" -- \"$cur\"))\n"
            "  else COMPREPLY=($(compgen -f -- \"$cur\")); fi\n"
            "}\n"
            "complete -o filenames -F _orfeas orfeas\n",
            commands, generators, formats, params, groups, serve_options, operations);
}

static void
print_zsh(const char *commands, const char *generators, const char *params)
{
    g_print("#compdef orfeas\n"
            "autoload -U +X bashcompinit && bashcompinit\n");
    print_bash(commands, generators, params);
}

static void
print_fish_groups(void)
{
    for (const OrfCliGroup *group = orf_cli_groups(); group->name; group++) {
        g_autoptr(GString) verbs = g_string_new(NULL);
        orf_cli_verbs(group->name, verbs);
        g_print("complete -c orfeas -n '__fish_seen_subcommand_from %s' -f -a '%s'\n",
                group->name, verbs->str);
    }
}

static void
print_fish(const char *commands, const char *generators, const char *params)
{
    g_autofree char *formats = format_names();
    g_print(
        "complete -c orfeas -n __fish_use_subcommand -f -a '%s'\n"
        "complete -c orfeas -n '__fish_seen_subcommand_from generate' -s g -l generator -x -a "
        "'%s'\n"
        "complete -c orfeas -n '__fish_seen_subcommand_from generate' -s q -l quality -x -a "
        "'draft standard high'\n"
        "complete -c orfeas -n '__fish_seen_subcommand_from generate' -s f -l format -x -a "
        "'%s'\n"
        "complete -c orfeas -n '__fish_seen_subcommand_from generate' -l set -x -a '%s'\n"
        "for o in %s; complete -c orfeas -n '__fish_seen_subcommand_from serve' -l (string sub "
        "-s 3 -- $o); end\n",
        commands, generators, formats, params, serve_options);
    print_fish_groups();
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
