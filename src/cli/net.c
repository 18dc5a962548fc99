/* net.c - orfeas net: what a checkpoint is, whether this machine computes it right.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "cli/cli.h"
#include "cli/net-pull.h"

#include "net/net.h"

#include <string.h>
#include <unistd.h>

static int
wrong_use(const char *why)
{
    g_printerr("orfeas: %s; see \"orfeas net --help\"\n", why);
    return orf_error_info(ORF_ERROR_BAD_INPUT)->exit_code;
}

/* --- info --------------------------------------------------------------------------------- */

/* Weights in memory: packed once in each format; int8 has one scale an output beside it. */
static void
print_info(const char *path, const OrfNetInfo *info)
{
    const OrfNetFamily *family = info->family;
    double mega = (double)info->parameters / 1e6;
    g_print("%s\n", path);
    g_print("  net         %s\n", family ? family->title : "none that is known here");
    if (family) {
        g_print("  makes       a %s\n", family->makes);
        g_print("  licence     %s%s%s\n", family->licence, *family->territory ? "; " : "",
                family->territory);
    }
    g_print("  file        %s, %.1f MB\n", info->format, (double)info->bytes / 1e6);
    g_print("  arrays      %zu: %s\n", info->arrays, info->parts);
    g_print("  stored as   %s\n", info->dtypes);
    g_print("  parameters  %.2f million\n", mega);
    g_print("  in memory   f32 %.1f MB, bf16 %.1f MB, int8 %.1f MB\n", 4 * mega, 2 * mega,
            mega);
}

static void
print_info_json(const char *path, const OrfNetInfo *info)
{
    const OrfNetFamily *family = info->family;
    g_autoptr(OrfJson) json = orf_json_new();
    orf_json_begin_object(json, NULL);
    orf_json_add_text(json, "path", path);
    orf_json_add_text(json, "net", family ? family->name : NULL);
    orf_json_add_text(json, "licence", family ? family->licence : NULL);
    orf_json_add_text(json, "territory", family ? family->territory : NULL);
    orf_json_add_text(json, "format", info->format);
    orf_json_add_int(json, "bytes", (int64_t)info->bytes);
    orf_json_add_int(json, "arrays", (int64_t)info->arrays);
    orf_json_add_int(json, "parameters", (int64_t)info->parameters);
    orf_json_add_text(json, "parts", info->parts);
    orf_json_add_text(json, "dtypes", info->dtypes);
    orf_json_end(json);
    orf_cli_print(json);
}

static int
run_info(OrfTask *task, char **paths, bool json)
{
    for (size_t i = 0; paths[i]; i++) {
        g_autoptr(GError) error = NULL;
        OrfNetInfo info = { 0 };
        if (!orf_net_inspect(task, paths[i], &info, &error))
            return orf_cli_fail(error);
        if (json)
            print_info_json(paths[i], &info);
        else
            print_info(paths[i], &info);
        orf_net_info_clear(&info);
    }
    return 0;
}

/* --- verify ------------------------------------------------------------------------------- */

typedef struct {
    bool json;
    unsigned rungs, wrong;
    char *first; /* the first rung that is wrong */
} Report;

static void
report(const OrfRung *rung, void *data)
{
    Report *to = data;
    to->rungs++;
    to->wrong += !rung->good;
    if (!rung->good && !to->first)
        to->first = g_strdup(rung->name);
    if (!to->json) {
        g_print("  %-44s %.1e  %s\n", rung->name, rung->error, rung->good ? "" : "WRONG");
        return;
    }
    g_autoptr(OrfJson) json = orf_json_new();
    orf_json_begin_object(json, NULL);
    orf_json_add_text(json, "rung", rung->name);
    orf_json_add_number(json, "error", rung->error);
    orf_json_add_number(json, "limit", rung->limit);
    orf_json_add_bool(json, "good", rung->good);
    orf_json_end(json);
    orf_cli_print(json);
}

static int
verify_one(OrfTask *task, const char *path, const OrfComputeOptions *options, bool json)
{
    g_autoptr(GError) error = NULL;
    Report to = { .json = json };
    if (!json)
        g_print("%s, %s on %s\n", path, orf_precision_name(options->precision),
                options->backend ? options->backend : "cpu");
    bool good = orf_net_verify(task, path, options, report, &to, &error);
    g_autofree char *first = to.first;
    if (error)
        return orf_cli_fail(error);
    if (!json && good)
        g_print("right: %u rungs within their limits\n", to.rungs);
    else if (!json)
        g_print("wrong: %u of %u rungs, the first is %s\n", to.wrong, to.rungs, first);
    return good ? 0 : 1;
}

static bool
precision_of(const char *name, OrfPrecision *ret)
{
    for (int i = 0; i <= ORF_PRECISION_INT8; i++)
        if (g_str_equal(orf_precision_name((OrfPrecision)i), name)) {
            *ret = (OrfPrecision)i;
            return true;
        }
    return false;
}

/* --- list --------------------------------------------------------------------------------- */

static void
list_installed(OrfTask *task)
{
    g_auto(GStrv) folders = orf_cli_net_folders();
    g_autofree char *where = g_strjoinv(", ", folders);
    g_autoptr(GPtrArray) nets = orf_net_installed(task, (const char *const *)folders);
    g_print("Installed in %s:%s\n", where, nets->len ? "" : " none");
    for (guint i = 0; i < nets->len; i++) {
        const OrfNetInstalled *net = nets->pdata[i];
        g_print("  %-22s %s, %.1f MB: %s\n", net->name, net->family->title,
                (double)net->bytes / 1e6, net->path);
    }
}

static int
run_list(OrfTask *task)
{
    list_installed(task);
    orf_net_pull_list();
    g_print("Known:\n");
    for (const OrfNetFamily *const *family = orf_net_families(); *family; family++)
        g_print("  %-22s %s\n  %-22s makes a %s; %s%s%s\n  %-22s %s\n", (*family)->name,
                (*family)->title, "", (*family)->makes, (*family)->licence,
                *(*family)->territory ? "; " : "", (*family)->territory, "", (*family)->files);
    return 0;
}

/* --- pull --------------------------------------------------------------------------------- */

static int
run_pull(char **names, const char *from, bool yes)
{
    g_autoptr(OrfRun) run =
        orf_run_new(isatty(STDERR_FILENO) ? ORF_SHOW_BAR : ORF_SHOW_NOTHING, 0, 0);
    g_auto(GStrv) folders = orf_cli_net_folders();
    OrfNetPull how = { .from = from, .yes = yes, .folder = folders[0] };
    for (; *names; names++) {
        g_autoptr(GError) error = NULL;
        if (!orf_net_pull(orf_run_task(run), *names, &how, &error))
            return orf_cli_fail(error);
    }
    return 0;
}

static const char about[] =
    "  list              the nets that are installed, those that can be fetched, and the\n"
    "                    families that are known here, with their licences\n"
    "  pull NAME         fetches a published net after showing its licence and size; goes on\n"
    "                    where an earlier try ended, and keeps only what was published\n"
    "  info FILE|DIR     which net a checkpoint is, what it holds, what it needs in memory\n"
    "  verify DIR        runs the recorded case that lies beside a checkpoint and tells the\n"
    "                    error of every step: the first wrong one names what is broken\n"
    "\n"
    "Checkpoints are safetensors (one file or an index), PyTorch zip archives, GGUF or ONNX.\n"
    "Nothing in them is executed.\n"
    "\n"
    "Example: orfeas net info hunyuan3d-dit-v2-mini/";

static int
run(int argc, char **argv)
{
    g_autofree char *precision = NULL, *backend = NULL, *from = NULL;
    g_auto(GStrv) words = NULL;
    gboolean json = FALSE, yes = FALSE;
    const GOptionEntry entries[] = {
        { "precision", 0, 0, G_OPTION_ARG_STRING, &precision,
          "verify: f32, bf16 or int8 (default: f32)", "NAME" },
        { "backend", 0, 0, G_OPTION_ARG_STRING, &backend,
          "verify: cpu, or plain, the slow and obvious one (default: cpu)", "NAME" },
        { "json", 0, 0, G_OPTION_ARG_NONE, &json, "One JSON object a line", NULL },
        { G_OPTION_REMAINING, 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &words, NULL,
          "list|pull|info|verify [NAME|PATH...]" },
        { "from", 0, 0, G_OPTION_ARG_STRING, &from,
          "pull: another hub, or a mirror of one (default: https://huggingface.co)", "URL" },
        { "yes", 0, 0, G_OPTION_ARG_NONE, &yes, "pull: I agree to the licence", NULL },
        { 0 },
    };
    int code = 0;
    if (!orf_cli_parse("net", &argc, &argv, entries, "- neural networks on this machine", about,
                       &code))
        return code;
    if (!words)
        return wrong_use("say what to do: list, pull, info or verify");
    OrfComputeOptions options = { .backend = backend };
    if (precision && !precision_of(precision, &options.precision))
        return wrong_use("the precision is f32, bf16 or int8");
    bool lists = g_str_equal(words[0], "list");
    if (!lists && !words[1])
        return wrong_use("name a net, a file or a folder");
    if (g_str_equal(words[0], "pull"))
        return run_pull(words + 1, from, yes);
    g_autoptr(OrfRun) task = orf_run_new(ORF_SHOW_NOTHING, 0, 0);
    if (lists)
        return run_list(orf_run_task(task));
    if (g_str_equal(words[0], "info"))
        return run_info(orf_run_task(task), words + 1, json);
    if (!g_str_equal(words[0], "verify"))
        return wrong_use("list, pull, info and verify are what there is");
    for (size_t i = 1; words[i] && !code; i++)
        code = verify_one(orf_run_task(task), words[i], &options, json);
    return code;
}

const OrfCommand orf_command_net = {
    .name = "net",
    .summary =
        "neural networks: fetch them, what a checkpoint is, whether it is computed right",
    .run = run,
};
