/* cli.c - the orfeas command: one table of commands.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "cli/cli.h"

#include <locale.h>
#include <string.h>

#define ROW(name) &orf_command_##name,
static const OrfCommand *const table[] = { ORF_COMMANDS(ROW) NULL };

static const OrfCliGroup groups[] = {
    { "mesh", "look at model files and change them" },
    { NULL, NULL },
};

const OrfCliGroup *
orf_cli_groups(void)
{
    return groups;
}

const OrfCommand *const *
orf_commands(void)
{
    return table;
}

int
orf_cli_fail(const GError *error)
{
    g_printerr("orfeas: %s\n", error->message);
    return orf_error_exit_code(error);
}

void
orf_cli_print(OrfJson *json)
{
    g_autofree char *line = orf_json_steal(json);
    g_print("%s\n", line);
}

bool
orf_cli_parse(const char *command, int *argc, char ***argv, const GOptionEntry *entries,
              const char *usage, const char *about, int *ret_code)
{
    g_autofree char *line = g_strdup_printf("%s", usage);
    g_autoptr(GOptionContext) context = g_option_context_new(line);
    g_autofree char *name = g_strconcat("orfeas ", command, NULL);
    g_set_prgname(name);
    g_option_context_add_main_entries(context, entries, NULL);
    g_option_context_set_description(context, about);
    g_autoptr(GError) error = NULL;
    if (g_option_context_parse(context, argc, argv, &error))
        return true;
    bool bytes = error->domain == G_CONVERT_ERROR;
    g_printerr("orfeas: %s; see \"%s --help\"\n",
               bytes ? "an option holds bytes that are no UTF-8 text; write it in UTF-8"
                     : error->message,
               name);
    *ret_code =
        bytes ? orf_error_info(ORF_ERROR_BAD_INPUT)->exit_code : orf_error_exit_code(error);
    return false;
}

static void
print_exit_codes(void)
{
    g_print("\nExit codes:\n  %3d  done\n", 0);
    for (int code = 0; code < ORF_N_ERRORS; code++)
        g_print("  %3d  %s\n", orf_error_info(code)->exit_code, orf_error_info(code)->title);
}

/* "mesh        info, convert, view: look at model files and change them" */
static void
print_group(const OrfCliGroup *group)
{
    g_autoptr(GString) verbs = g_string_new(NULL);
    orf_cli_verbs(group->name, verbs);
    g_string_replace(verbs, " ", ", ", 0);
    if (verbs->len > 40) {
        g_string_truncate(verbs, 40);
        g_string_truncate(verbs, (gsize)(strrchr(verbs->str, ',') - verbs->str));
        g_string_append(verbs, " and more");
    }
    g_print("  %-11s %s: %s\n", group->name, verbs->str, group->summary);
}

/* The commands that make something, then the others. */
static void
print_commands(void)
{
    for (const OrfOperation *const *o = orf_operations(); *o; o++)
        if (!strchr((*o)->command, ' '))
            g_print("  %-11s %s\n", (*o)->command, (*o)->title);
    for (const OrfCliGroup *group = groups; group->name; group++)
        print_group(group);
    for (size_t i = 0; table[i]; i++)
        if (!table[i]->hidden && !orf_cli_operation(table[i]->name))
            g_print("  %-11s %s\n", table[i]->name, table[i]->summary);
}

static int
print_help(void)
{
    g_print("orfeas %s - a picture goes in, a textured, printable 3D model comes out\n\n"
            "Usage: orfeas COMMAND [OPTION...]\n\nCommands:\n",
            orf_version());
    print_commands();
    g_print("\nTry:\n"
            "  orfeas generate cup.jpg -o cup.glb         a 100 mm model, coloured\n"
            "  orfeas generate logo.svg -o logo.3mf --size 60mm\n"
            "  orfeas generate f.jpg r.jpg b.jpg l.jpg --views 0,90,180,270 -o toy.stl\n"
            "  orfeas mesh view cup.glb -o cup.png        a picture of the result\n"
            "  orfeas COMMAND --help                      everything about a command\n");
    print_exit_codes();
    return 0;
}

static int
unknown_command(const char *name)
{
    g_printerr("orfeas: no command \"%s\"; \"orfeas help\" lists them\n", name);
    return orf_error_info(ORF_ERROR_BAD_INPUT)->exit_code;
}

static const OrfCommand *
find_command(const char *name)
{
    for (size_t i = 0; table[i]; i++)
        if (g_str_equal(table[i]->name, name))
            return table[i];
    return NULL;
}

/* Commands with a file of their own come before what the operations' rows say. */
static int
run_command(int argc, char **argv)
{
    const OrfCommand *command = find_command(argv[0]);
    if (command)
        return command->run(argc, argv);
    const OrfOperation *operation = orf_cli_operation(argv[0]);
    if (operation)
        return orf_cli_run_operation(operation, argc, argv);
    for (const OrfCliGroup *group = groups; group->name; group++)
        if (g_str_equal(group->name, argv[0]))
            return orf_cli_run_group(group->name, argc, argv);
    return unknown_command(argv[0]);
}

int
main(int argc, char **argv)
{
    setlocale(LC_CTYPE, ""); /* names and messages; numbers keep the dot */
    orf_run_block_signals();
    if (argc < 2 || g_str_equal(argv[1], "help") || g_str_equal(argv[1], "--help") ||
        g_str_equal(argv[1], "-h"))
        return print_help();
    if (g_str_equal(argv[1], "--version") || g_str_equal(argv[1], "version")) {
        g_print("orfeas %s\n", orf_version());
        return 0;
    }
    return run_command(argc - 1, argv + 1);
}
