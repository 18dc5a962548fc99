/* operate.c - every operation as a command: options, help and files from its row.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * A row says where it is found ("mesh info"), what it takes, what it makes and which settings
 * it knows; that is a command. What is special to one operation has no place here. */
#include "cli/cli.h"
#include "cli/output.h"

#include <math.h>
#include <string.h>
#include <unistd.h>

#define INPUT_LIMIT ((size_t)2 << 30)
#define MOST_OPTIONS 64

/* One call of a command, from its options to its end. */
typedef struct {
    const OrfOperation *operation;
    OrfParam shown[MOST_OPTIONS]; /* parameters that are options here */
    size_t n_shown;
    char *texts[MOST_OPTIONS]; /* as given; NULL: not */
    gboolean flags[MOST_OPTIONS];
    char *output, *memory;
    char **paths;
    gboolean json;
    bool failed; /* the answer was no */
    int cores;
} Call;

static void
call_clear(Call *call)
{
    for (size_t i = 0; i < call->n_shown; i++)
        g_free(call->texts[i]);
    g_free(call->output);
    g_free(call->memory);
    g_strfreev(call->paths);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Call, call_clear)

/* --- Options ------------------------------------------------------------------------------ */

static const char *
word_for(const OrfParam *param)
{
    switch (param->type) {
    case ORF_PARAM_LENGTH:
        return "LENGTH";
    case ORF_PARAM_CHOICE:
        return "NAME";
    case ORF_PARAM_TEXT:
        return "TEXT";
    default:
        return "N";
    }
}

/* "Pixels from left to right: 256 to 4096 (default: 1600)"; lives as long as the program. */
static const char *
describe(const OrfParam *param)
{
    g_autoptr(GString) text = g_string_new(param->help);
    if (text->len && text->str[text->len - 1] == '.')
        g_string_truncate(text, text->len - 1);
    if (param->type == ORF_PARAM_BOOL)
        return g_intern_string(text->str);
    if (param->choices) {
        g_auto(GStrv) choices = g_strsplit(param->choices, "|", -1);
        g_autofree char *list = g_strjoinv(", ", choices);
        g_string_append_printf(text, ": %s", list);
    } else if (param->type != ORF_PARAM_TEXT) {
        g_string_append_printf(text, ": %.9g to %.9g", param->min, param->max);
    }
    if (*param->fallback)
        g_string_append_printf(text, " (default: %s)", param->fallback);
    return g_intern_string(text->str);
}

/* Names of files come from the output, and its format unless told. */
static bool
is_hidden(const OrfParam *param)
{
    return g_str_equal(param->name, "stem");
}

static bool
is_format(const OrfParam *param)
{
    return g_str_equal(param->name, "format");
}

static const OrfParam *
find_param(const OrfOperation *operation, const char *name)
{
    for (size_t i = 0; i < operation->n_params; i++)
        if (g_str_equal(operation->params[i].name, name))
            return &operation->params[i];
    return NULL;
}

static void
show_param(Call *call, const OrfParam *param)
{
    g_assert(call->n_shown < MOST_OPTIONS);
    OrfParam shown = *param;
    if (is_format(param))
        shown.fallback = "by the name";
    call->shown[call->n_shown++] = shown;
}

/* What is made as an asset is saved as convert would. */
static void
choose_params(Call *call)
{
    const OrfOperation *operation = call->operation;
    for (size_t i = 0; i < operation->n_params; i++)
        if (!is_hidden(&operation->params[i]))
            show_param(call, &operation->params[i]);
    const OrfOperation *convert = orf_operation_by_name("convert");
    static const char *const borrowed[] = { "format", "variant" };
    for (size_t i = 0; operation->makes == ORF_MAKES_ASSET && i < G_N_ELEMENTS(borrowed); i++)
        if (!find_param(operation, borrowed[i]))
            show_param(call, find_param(convert, borrowed[i]));
}

static void
add_param_entries(Call *call, GArray *entries)
{
    const char *letters = call->operation->letters ? call->operation->letters : "";
    for (size_t i = 0; i < call->n_shown; i++) {
        const OrfParam *param = &call->shown[i];
        bool flag = param->type == ORF_PARAM_BOOL;
        GOptionEntry entry = {
            .long_name = param->name,
            .short_name = i < strlen(letters) && letters[i] != ' ' ? letters[i] : 0,
            .arg = flag ? G_OPTION_ARG_NONE : G_OPTION_ARG_STRING,
            .arg_data = flag ? (void *)&call->flags[i] : (void *)&call->texts[i],
            .description = describe(param),
            .arg_description = flag ? NULL : word_for(param),
        };
        g_array_append_val(entries, entry);
    }
}

static const char *
describe_output(const OrfOperation *operation)
{
    if (!operation->suffix)
        return "File to write; - is standard output";
    g_autofree char *text =
        g_strdup_printf("File to write (default: NAME%s, here)", operation->suffix);
    return g_intern_string(text);
}

static const char *
usage_of(const OrfOperation *operation)
{
    const char *what = operation->takes == ORF_TAKES_PICTURES ? "PICTURE"
                       : operation->takes == ORF_TAKES_ASSETS ? "FILE"
                                                              : "";
    bool many = operation->most > 1 || operation->makes == ORF_MAKES_FACTS;
    g_autofree char *text = g_strconcat(what, many && *what ? "..." : "", NULL);
    return g_intern_string(text);
}

static bool
parse(Call *call, int *argc, char ***argv, int *ret_code)
{
    const OrfOperation *operation = call->operation;
    g_autoptr(GArray) entries = g_array_new(TRUE, TRUE, sizeof(GOptionEntry));
    choose_params(call);
    if (operation->makes != ORF_MAKES_FACTS) {
        GOptionEntry output = {
            "output", 'o', 0, G_OPTION_ARG_FILENAME, &call->output, describe_output(operation),
            "FILE"
        };
        g_array_append_val(entries, output);
    }
    add_param_entries(call, entries);
    const GOptionEntry rest[] = {
        { "json", 0, 0, G_OPTION_ARG_NONE, &call->json, "One JSON object a line", NULL },
        { "cores", 0, 0, G_OPTION_ARG_INT, &call->cores, "Cores to use (default: all)", "N" },
        { "memory", 0, 0, G_OPTION_ARG_STRING, &call->memory, "Memory to use at most: 512M, 2G",
          "SIZE" },
        { G_OPTION_REMAINING, 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &call->paths, NULL,
          usage_of(operation) },
    };
    g_array_append_vals(entries, rest, G_N_ELEMENTS(rest));
    g_autofree char *usage = g_strconcat("- ", operation->title, NULL);
    return orf_cli_parse(operation->command, argc, argv, (GOptionEntry *)entries->data, usage,
                         operation->help, ret_code);
}

static const char *
given(const Call *call, const char *name)
{
    for (size_t i = 0; i < call->n_shown; i++)
        if (g_str_equal(call->shown[i].name, name))
            return call->texts[i];
    return NULL;
}

/* --- The order ---------------------------------------------------------------------------- */

static bool
set_all(const Call *call, OrfOrder *order, GError **error)
{
    for (size_t i = 0; i < call->n_shown; i++) {
        const OrfParam *param = &call->shown[i];
        const char *text = call->flags[i] ? "true" : call->texts[i];
        if (text && find_param(call->operation, param->name) &&
            !orf_order_set(order, param->name, text, error))
            return false;
    }
    return true;
}

/* Of convert: the format, and the name by which its files name each other. */
static bool
set_by_target(OrfOrder *order, const char *format, const OrfResult *result, GError **error)
{
    if (!format || !find_param(orf_order_operation(order), "format"))
        return true;
    return orf_order_set(order, "format", format, error) &&
           orf_order_set(order, "stem", orf_result_stem(result, 0), error);
}

typedef struct {
    const char *path; /* of the model */
    OrfOutput *output;
} Beside;

/* A file in the folder of the model; NULL: not there. */
static GBytes *
read_beside(const char *name, void *data)
{
    const Beside *model = data;
    g_autofree char *beside = orf_cli_beside(model->path, name);
    if (!beside)
        return NULL;
    orf_output_protect(model->output, beside);
    return orf_cli_read(beside, INPUT_LIMIT, NULL); /* the loader notes what is missing */
}

/* `beside` lives as long as the order. */
static bool
add_file(OrfOrder *order, const char *path, Beside *beside, GError **error)
{
    g_autoptr(GBytes) bytes = orf_cli_read(path, INPUT_LIMIT, error);
    if (!bytes)
        return false;
    OrfInput input = { .name = path, .bytes = bytes, .yaw = NAN, .sibling_data = beside };
    if (!g_str_equal(path, "-"))
        input.sibling = read_beside;
    return orf_order_add(order, &input, error);
}

/* --- The result --------------------------------------------------------------------------- */

/* Planned before anything is read: a wish that cannot be met costs no work. `ret_format` is
 * NULL when the operation says it. */
static OrfResult *
plan(const Call *call, OrfOutput *output, const char **ret_format, GError **error)
{
    const char *suffix = call->operation->suffix, *stem_path = call->paths[0];
    g_autofree char *ending = g_strdup(suffix);
    if (suffix) {
        if (call->output && !orf_output_named_as(call->output, strrchr(suffix, '.'), error))
            return NULL;
    } else {
        *ret_format = orf_output_format(call->output, given(call, "format"), NULL, error);
        if (!*ret_format)
            return NULL;
        ending = g_strconcat(".", *ret_format, NULL);
    }
    const char *const endings[] = { ending, NULL };
    g_autofree char *stem = orf_cli_stem(stem_path);
    orf_output_protect_all(output, call->paths);
    OrfResultWish wish = {
        .named = call->output, .stem = stem, .endings = endings, .one_file = !suffix
    };
    return orf_output_plan(output, &wish, error);
}

/* A file that stands alone, in the format wanted already. */
static bool
is_kept(const Call *call, const OrfOutcome *outcome, const char *format)
{
    const char *own = orf_format_of_path(call->paths[0]);
    bool alone = own && !g_str_equal(own, "obj") && !g_str_equal(own, "gltf");
    return orf_outcome_unchanged(outcome) && alone && g_strcmp0(own, format) == 0 &&
           !given(call, "variant");
}

static bool
put_kept(const Call *call, OrfResult *result, GError **error)
{
    g_autoptr(GBytes) bytes = orf_cli_read(call->paths[0], INPUT_LIMIT, error);
    if (bytes)
        orf_result_put(result, 0, bytes);
    return bytes != NULL;
}

static bool
write_result(const Call *call, OrfTask *task, const OrfOutcome *outcome, const char *format,
             OrfResult *result, GError **error)
{
    bool put = is_kept(call, outcome, format) ? put_kept(call, result, error)
               : call->operation->makes == ORF_MAKES_FILES
                   ? orf_result_take(result, 0, outcome, error)
                   : orf_result_export(result, 0, task, orf_outcome_asset(outcome, 0), format,
                                       given(call, "variant"), error);
    return put && orf_result_commit(result, error);
}

static void
print_json(const Call *call, const char *path, const char *target, const char *facts)
{
    bool picture = call->operation->takes == ORF_TAKES_PICTURES;
    g_autoptr(OrfJson) json = orf_json_new();
    orf_json_begin_object(json, NULL);
    if (target)
        orf_json_add_text(json, picture ? "picture" : "input", path);
    orf_json_add_text(json, "file", target ? target : path);
    orf_json_end(json);
    g_autofree char *head = orf_json_steal(json);
    if (!facts) {
        g_print("%s\n", head);
        return;
    }
    head[strlen(head) - 1] = '\0'; /* the facts are members of the same object */
    g_print("%s,%s\n", head, facts + 1);
}

static void
print_result(const Call *call, const char *path, const char *target, const OrfOutcome *outcome)
{
    const char *text = orf_outcome_text(outcome);
    bool stream = target && orf_output_is_stream(target);
    if (call->json)
        print_json(call, path, target, orf_outcome_facts(outcome));
    else if (text && !stream)
        g_print("%s: %s\n", target ? target : path, text);
    else if (target && !stream)
        g_print("%s\n", target);
}

static void
print_notes(OrfRun *run)
{
    g_auto(GStrv) notes = orf_task_notes(orf_run_task(run));
    for (char **note = notes; *note; note++)
        isatty(STDERR_FILENO) ? orf_run_say(run, "%s", *note) : g_printerr("%s\n", *note);
}

/* --- Running ------------------------------------------------------------------------------ */

static OrfOrder *
order_of(const Call *call, char **paths, size_t n, Beside *beside, const char *format,
         const OrfResult *result, GError **error)
{
    g_autoptr(OrfOrder) order = orf_order_new(call->operation->name, error);
    if (!order || !set_all(call, order, error) || !set_by_target(order, format, result, error))
        return NULL;
    for (size_t i = 0; i < n; i++)
        if (!add_file(order, paths[i], &beside[i], error))
            return NULL;
    return g_steal_pointer(&order);
}

/* One order of the files `paths`; `result` NULL: it makes facts alone. */
static bool
run_order(Call *call, char **paths, size_t n, OrfOutput *output, const char *format,
          OrfResult *result, GError **error)
{
    size_t memory = 0;
    if (call->memory && !orf_cli_memory(call->memory, &memory, error))
        return false;
    OrfShow show = call->json || !isatty(STDERR_FILENO) ? ORF_SHOW_NOTHING : ORF_SHOW_BAR;
    g_autoptr(OrfRun) run = orf_run_new(show, (unsigned)MAX(call->cores, 0), memory);
    OrfTask *task = orf_run_task(run);
    g_autofree Beside *beside = g_new(Beside, n + 1);
    for (size_t i = 0; i < n; i++)
        beside[i] = (Beside){ paths[i], output };
    g_autoptr(OrfOrder) order = order_of(call, paths, n, beside, format, result, error);
    g_autoptr(OrfOutcome) outcome =
        order ? orf_order_run(task, order, NULL, NULL, error) : NULL;
    print_notes(run);
    if (!outcome || (result && !write_result(call, task, outcome, format, result, error)))
        return false;
    g_clear_pointer(&run, orf_run_free); /* clears the bar */
    call->failed = call->failed || orf_outcome_failed(outcome);
    print_result(call, n ? paths[0] : "", result ? orf_result_main_path(result) : NULL,
                 outcome);
    return true;
}

/* Facts of each file for itself; a failure does not stop the others. */
static int
run_each(Call *call, size_t n)
{
    g_autoptr(OrfOutput) output = orf_output_new(false);
    int code = 0;
    for (size_t i = 0; i < n; i++) {
        g_autoptr(GError) error = NULL;
        if (run_order(call, call->paths + i, 1, output, NULL, NULL, &error))
            continue;
        int failed = orf_cli_fail(error);
        code = code ? code : failed;
    }
    return code ? code : call->failed;
}

static bool
run_once(Call *call, size_t n, GError **error)
{
    const char *format = NULL;
    g_autoptr(OrfOutput) output = orf_output_new(false);
    if (call->operation->makes == ORF_MAKES_FACTS)
        return run_order(call, call->paths, n, output, NULL, NULL, error);
    g_autoptr(OrfResult) result = plan(call, output, &format, error);
    return result && run_order(call, call->paths, n, output, format, result, error);
}

static int
fail_usage(const OrfOperation *operation, bool needs_output)
{
    bool one = operation->least == 1 && operation->most == 1;
    const char *what = operation->takes == ORF_TAKES_PICTURES ? "picture" : "file";
    g_printerr("orfeas: give %s%s%s; see \"orfeas %s --help\"\n", one ? "one " : "a ", what,
               needs_output ? " and -o FILE" : "", operation->command);
    return orf_error_info(ORF_ERROR_BAD_INPUT)->exit_code;
}

static int
run_call(const OrfOperation *operation, int argc, char **argv)
{
    g_auto(Call) call = { .operation = operation };
    int code = 0;
    if (!parse(&call, &argc, &argv, &code))
        return code;
    size_t n = call.paths ? g_strv_length(call.paths) : 0;
    bool each = operation->makes == ORF_MAKES_FACTS && operation->most == 1;
    bool needs_output = operation->makes != ORF_MAKES_FACTS && !operation->suffix;
    if (n < operation->least || (n > operation->most && !each) ||
        (needs_output && !call.output))
        return fail_usage(operation, needs_output);
    if (call.json && call.output && orf_output_is_stream(call.output)) {
        g_printerr("orfeas: --json and the result would share one stream; name a file\n");
        return orf_error_info(ORF_ERROR_BAD_INPUT)->exit_code;
    }
    if (each)
        return run_each(&call, n);
    g_autoptr(GError) error = NULL;
    return run_once(&call, n, &error) ? call.failed : orf_cli_fail(error);
}

/* --- Finding ------------------------------------------------------------------------------ */

/* The verb of "mesh info" in the group "mesh"; NULL: of another group. */
static const char *
verb_in(const OrfOperation *operation, const char *group)
{
    size_t length = strlen(group);
    bool inside =
        strncmp(operation->command, group, length) == 0 && operation->command[length] == ' ';
    return inside ? operation->command + length + 1 : NULL;
}

void
orf_cli_verbs(const char *group, GString *out)
{
    for (const OrfOperation *const *o = orf_operations(); *o; o++)
        if (verb_in(*o, group))
            g_string_append_printf(out, "%s%s", out->len ? " " : "", verb_in(*o, group));
}

static int
print_verbs(const char *group, bool help)
{
    g_print("Usage: orfeas %s VERB FILE [OPTION...]\n\n", group);
    for (const OrfOperation *const *o = orf_operations(); *o; o++)
        if (verb_in(*o, group))
            g_print("  %-8s %s\n", verb_in(*o, group), (*o)->title);
    g_autofree char *formats = orf_cli_formats(" and ");
    g_autofree char *capitals = g_ascii_strup(formats, -1);
    for (char *at = strstr(capitals, " AND "); at; at = NULL)
        memcpy(at, " and ", 5);
    g_print("\n%s are read; \"orfeas %s VERB --help\" tells more.\n", capitals, group);
    return help ? 0 : orf_error_info(ORF_ERROR_BAD_INPUT)->exit_code;
}

int
orf_cli_run_group(const char *group, int argc, char **argv)
{
    for (const OrfOperation *const *o = orf_operations(); argc > 1 && *o; o++) {
        const char *verb = verb_in(*o, group);
        if (verb && g_str_equal(verb, argv[1]))
            return run_call(*o, argc - 1, argv + 1);
    }
    bool help = argc > 1 && (g_str_equal(argv[1], "--help") || g_str_equal(argv[1], "-h"));
    return print_verbs(group, help);
}

const OrfOperation *
orf_cli_operation(const char *command)
{
    for (const OrfOperation *const *o = orf_operations(); *o; o++)
        if (g_str_equal((*o)->command, command))
            return *o;
    return NULL;
}

char *
orf_cli_options(const OrfOperation *operation)
{
    g_auto(Call) call = { .operation = operation };
    GString *out = g_string_new(operation->makes == ORF_MAKES_FACTS ? "" : "--output ");
    choose_params(&call);
    for (size_t i = 0; i < call.n_shown; i++)
        g_string_append_printf(out, "--%s ", call.shown[i].name);
    return g_string_free(g_string_append(out, "--json --cores --memory --help"), FALSE);
}

int
orf_cli_run_operation(const OrfOperation *operation, int argc, char **argv)
{
    return run_call(operation, argc, argv);
}
