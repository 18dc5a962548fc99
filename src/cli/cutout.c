/* cutout.c - orfeas cutout: the subject of a picture without its background.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "cli/cli.h"
#include "cli/output.h"

#include <unistd.h>

#define PICTURE_LIMIT ((size_t)256 << 20)

static void
print_json(const char *path, const char *output, const OrfCutoutTold *told)
{
    g_autoptr(OrfJson) json = orf_json_new();
    orf_json_begin_object(json, NULL);
    orf_json_add_text(json, "picture", path);
    orf_json_add_text(json, "file", output);
    orf_json_add_text(json, "method", told->method);
    orf_json_add_fixed(json, "confidence", told->confidence, 3);
    orf_json_add_fixed(json, "coverage", told->coverage, 4);
    orf_json_add_int(json, "width", told->width);
    orf_json_add_int(json, "height", told->height);
    orf_json_add_text(json, "reason", told->reason);
    orf_json_end(json);
    orf_cli_print(json);
}

static OrfResult *
plan(OrfOutput *output, const char *path, const char *named, GError **error)
{
    static const char *const endings[] = { "-cutout.png", NULL };
    if (named && !orf_output_named_as(named, ".png", error))
        return NULL;
    orf_output_protect(output, path);
    g_autofree char *stem = orf_cli_stem(path);
    return orf_output_plan(
        output, &(OrfResultWish){ .named = named, .stem = stem, .endings = endings }, error);
}

static bool
cut_out(const char *path, const char *named, const OrfCutoutWish *wish, bool json,
        GError **error)
{
    g_autoptr(OrfOutput) output = orf_output_new(false);
    g_autoptr(OrfResult) result = plan(output, path, named, error);
    if (!result)
        return false;
    g_autoptr(OrfRun) run =
        orf_run_new(!json && isatty(STDERR_FILENO) ? ORF_SHOW_BAR : ORF_SHOW_NOTHING, 0, 0);
    g_autoptr(GBytes) bytes = orf_cli_read(path, PICTURE_LIMIT, error);
    if (!bytes)
        return false;
    OrfCutoutTold told = { 0 };
    g_autoptr(GBytes) png =
        orf_engine_cut_out(orf_run_task(run), bytes, path, wish, &told, error);
    if (!png)
        return false;
    orf_result_put(result, 0, png);
    if (!orf_result_commit(result, error))
        return false;
    const char *file = orf_result_paths(result)[0];
    if (json)
        print_json(path, file, &told);
    else if (!orf_output_is_stream(file))
        g_print("%s: %s, confidence %.2f: %s\n", file, told.method, told.confidence,
                told.reason);
    return true;
}

static const char about[] =
    "Writes a PNG with the background transparent, or with --mask the grey mask alone.\n"
    "Correct the mask in any paint program and hand it back: orfeas generate --mask MASK.\n"
    "\n"
    "Example: orfeas cutout cup.jpg -o cup.png";

static int
run(int argc, char **argv)
{
    g_autofree char *output = NULL, *method = NULL;
    g_auto(GStrv) paths = NULL;
    gboolean json = FALSE, mask = FALSE;
    int side = 0;
    const GOptionEntry entries[] = {
        { "output", 'o', 0, G_OPTION_ARG_FILENAME, &output,
          "PNG to write (default: NAME-cutout.png, here)", "PNG" },
        { "method", 'm', 0, G_OPTION_ARG_STRING, &method,
          "auto, alpha, flat, scene, ink or grabcut (default: auto)", "NAME" },
        { "mask", 0, 0, G_OPTION_ARG_NONE, &mask, "Write the mask, not the picture", NULL },
        { "side", 0, 0, G_OPTION_ARG_INT, &side,
          "Longer side of the result in pixels (default: as the picture)", "N" },
        { "json", 0, 0, G_OPTION_ARG_NONE, &json, "Tell method, confidence and reason as JSON",
          NULL },
        { G_OPTION_REMAINING, 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &paths, NULL, "PICTURE" },
        { 0 },
    };
    int code = 0;
    if (!orf_cli_parse("cutout", &argc, &argv, entries, "- the subject without its background",
                       about, &code))
        return code;
    if (!paths || paths[1]) {
        g_printerr("orfeas: give one picture; see \"orfeas cutout --help\"\n");
        return orf_error_info(ORF_ERROR_BAD_INPUT)->exit_code;
    }
    if (json && output && orf_output_is_stream(output)) {
        g_printerr("orfeas: --json and the picture would share one stream; name a file\n");
        return orf_error_info(ORF_ERROR_BAD_INPUT)->exit_code;
    }
    OrfCutoutWish wish = { .method = method,
                           .max_side = (unsigned)MAX(side, 0),
                           .mask_only = mask };
    g_autoptr(GError) error = NULL;
    return cut_out(paths[0], output, &wish, json, &error) ? 0 : orf_cli_fail(error);
}

const OrfCommand orf_command_cutout = {
    .name = "cutout",
    .summary = "the subject of a picture without its background",
    .run = run,
};
