/* mesh.c - orfeas mesh: look at a model file, convert it, draw it.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "cli/cli.h"
#include "cli/output.h"

#include <jansson.h>
#include <string.h>
#include <unistd.h>

#define MESH_LIMIT ((size_t)2 << 30)

static OrfShow
how_to_show(bool quiet)
{
    return quiet || !isatty(STDERR_FILENO) ? ORF_SHOW_NOTHING : ORF_SHOW_BAR;
}

typedef struct {
    const char *path;  /* of the model */
    OrfOutput *output; /* of the run that reads it, or NULL */
} Beside;

/* A file in the folder of the model; NULL: not there. */
static GBytes *
read_beside(const char *name, void *data)
{
    const Beside *model = data;
    g_autofree char *beside = orf_cli_beside(model->path, name);
    if (!beside)
        return NULL;
    if (model->output)
        orf_output_protect(model->output, beside);
    return orf_cli_read(beside, MESH_LIMIT, NULL); /* the loader notes what is missing */
}

/* `output` (or NULL) hears of the files that are read with it. */
static OrfAsset *
load(OrfRun *run, const char *path, OrfOutput *output, GError **error)
{
    g_autoptr(GBytes) bytes = orf_cli_read(path, MESH_LIMIT, error);
    if (!bytes)
        return NULL;
    OrfSiblingFn sibling = g_str_equal(path, "-") ? NULL : read_beside;
    Beside beside = { path, output };
    GError *problem = NULL;
    OrfAsset *asset =
        orf_asset_import(orf_run_task(run), bytes, path, sibling, &beside, &problem);
    if (problem && !g_str_has_prefix(problem->message, path))
        g_prefix_error(&problem, "%s: ", path);
    if (problem)
        g_propagate_error(error, problem);
    g_auto(GStrv) notes = orf_task_notes(orf_run_task(run));
    for (char **note = notes; *note; note++)
        isatty(STDERR_FILENO) ? orf_run_say(run, "%s", *note) : g_printerr("%s\n", *note);
    return asset;
}

/* --- info --------------------------------------------------------------------------------- */

static double
number(const json_t *m, const char *name)
{
    return json_number_value(json_object_get(m, name));
}

static bool
yes(const json_t *m, const char *name)
{
    return json_is_true(json_object_get(m, name));
}

static void
print_size(const json_t *m)
{
    const json_t *size = json_object_get(m, "size_mm");
    g_print("  size         %.4g x %.4g x %.4g mm (width, height, depth)\n",
            json_number_value(json_array_get(size, 0)),
            json_number_value(json_array_get(size, 1)),
            json_number_value(json_array_get(size, 2)));
}

static void
print_defects(const json_t *m)
{
    static const struct {
        const char *name, *says;
    } defects[] = {
        { "boundary_edges", "open edges: holes" },
        { "nonmanifold_edges", "edges with more than two faces" },
        { "nonmanifold_vertices", "corners where parts touch in a point" },
        { "misoriented_edges", "edges between faces that disagree about outside" },
        { "degenerate", "faces without area" },
        { "duplicate", "faces that are there twice" },
        { "self_intersections", "pairs of faces that cross" },
    };
    for (size_t i = 0; i < G_N_ELEMENTS(defects); i++)
        if (number(m, defects[i].name) > 0)
            g_print("  defect       %.0f %s\n", number(m, defects[i].name), defects[i].says);
}

static void
print_info(const char *path, const json_t *m)
{
    g_print("%s: %s\n", path,
            !yes(m, "solid")                      ? "not a solid"
            : number(m, "self_intersections") > 0 ? "a closed solid that crosses itself"
                                                  : "a printable solid");
    g_print("  triangles    %.0f (%.0f vertices, %.0f shell%s)\n", number(m, "triangles"),
            number(m, "vertices"), number(m, "shells"), number(m, "shells") == 1 ? "" : "s");
    print_size(m);
    g_print("  volume       %.4g cm3\n  area         %.4g cm2\n", number(m, "volume_mm3") / 1e3,
            number(m, "area_mm2") / 1e2);
    g_print("  closed       %s\n  manifold     %s\n  oriented     %s\n",
            yes(m, "closed") ? "yes" : "no", yes(m, "manifold") ? "yes" : "no",
            yes(m, "oriented") ? "yes" : "no");
    print_defects(m);
}

/* The measures, and how to read them: whatever axes the file has, here Y is up. */
static void
print_json(const char *path, char **notes, const char *measures)
{
    const char *format = orf_format_of_path(path);
    g_autoptr(GString) line = g_string_new("{\"file\":");
    orf_json_string(line, path);
    g_string_append(line, ",\"unit\":\"mm\",\"axes\":\"x width, y height (up), z depth\","
                          "\"file_up\":");
    bool y_up = format && (g_str_equal(format, "glb") || g_str_equal(format, "gltf"));
    g_string_append(line, !format ? "null" : y_up ? "\"y\"" : "\"z\"");
    g_string_append(line, ",\"notes\":[");
    for (char **note = notes; *note; note++) {
        g_string_append(line, note == notes ? "" : ",");
        orf_json_string(line, *note);
    }
    g_print("%s],%s\n", line->str, measures + 1);
}

static bool
info_of(const char *path, bool json, bool fast, GError **error)
{
    g_autoptr(OrfRun) run = orf_run_new(how_to_show(json), 0, 0);
    g_autoptr(OrfAsset) asset = load(run, path, NULL, error);
    if (!asset)
        return false;
    g_autofree char *text = orf_asset_measures_json(orf_run_task(run), asset, !fast, error);
    if (!text)
        return false;
    g_auto(GStrv) notes = orf_task_notes(orf_run_task(run));
    g_clear_pointer(&run, orf_run_free); /* clears the bar */
    if (json) {
        print_json(path, notes, text);
        return true;
    }
    json_t *measures = json_loads(text, 0, NULL);
    print_info(path, measures);
    json_decref(measures);
    return true;
}

static int
run_info(int argc, char **argv)
{
    gboolean json = FALSE, fast = FALSE;
    g_auto(GStrv) paths = NULL;
    const GOptionEntry entries[] = {
        { "json", 0, 0, G_OPTION_ARG_NONE, &json, "One JSON object a line", NULL },
        { "fast", 0, 0, G_OPTION_ARG_NONE, &fast, "Do not count self-intersections", NULL },
        { G_OPTION_REMAINING, 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &paths, NULL, "FILE..." },
        { 0 },
    };
    int code = 0;
    if (!orf_cli_parse("mesh info", &argc, &argv, entries, "- is it a printable solid?", NULL,
                       &code))
        return code;
    if (!paths) {
        g_printerr("orfeas: no file given; see \"orfeas mesh info --help\"\n");
        return orf_error_info(ORF_ERROR_BAD_INPUT)->exit_code;
    }
    for (char **path = paths; *path; path++) {
        g_autoptr(GError) error = NULL;
        if (!info_of(*path, json, fast, &error)) {
            int failed = orf_cli_fail(error);
            code = code ? code : failed;
        }
    }
    return code;
}

/* --- convert ------------------------------------------------------------------------------ */

/* Planned before the model is read: a wish that cannot be met costs no work. */
static OrfResult *
plan_convert(OrfOutput *output, const char *from, const char *to, const char *format,
             GError **error)
{
    g_autofree char *ending = g_strconcat(".", format, NULL);
    const char *const endings[] = { ending, NULL };
    orf_output_protect(output, from);
    g_autofree char *stem = orf_cli_stem(from);
    OrfResultWish wish = { .named = to, .stem = stem, .endings = endings, .one_file = true };
    return orf_output_plan(output, &wish, error);
}

static bool
convert(const char *from, const char *to, const char *wished, const char *variant,
        GError **error)
{
    const char *format = orf_output_format(to, wished, NULL, error);
    g_autoptr(OrfOutput) output = orf_output_new(false);
    g_autoptr(OrfResult) result = format ? plan_convert(output, from, to, format, error) : NULL;
    if (!result)
        return false;
    g_autoptr(OrfRun) run = orf_run_new(how_to_show(false), 0, 0);
    g_autoptr(OrfAsset) asset = load(run, from, output, error);
    return asset &&
           orf_result_export(result, 0, orf_run_task(run), asset, format, variant, error) &&
           orf_result_commit(result, error);
}

static int
run_convert(int argc, char **argv)
{
    g_autofree char *output = NULL, *format = NULL, *variant = NULL;
    g_auto(GStrv) paths = NULL;
    const GOptionEntry entries[] = {
        { "output", 'o', 0, G_OPTION_ARG_FILENAME, &output,
          "File to write; - is standard output", "FILE" },
        { "format", 'f', 0, G_OPTION_ARG_STRING, &format,
          "glb, gltf, stl, obj, ply or 3mf (default: by the name)", "NAME" },
        { "variant", 0, 0, G_OPTION_ARG_STRING, &variant,
          "text, big-endian, plain; joined by commas", "WORDS" },
        { G_OPTION_REMAINING, 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &paths, NULL, "FILE" },
        { 0 },
    };
    int code = 0;
    if (!orf_cli_parse("mesh convert", &argc, &argv, entries, "- from one format to another",
                       "Example: orfeas mesh convert part.3mf -o part.glb", &code))
        return code;
    if (!paths || paths[1] || !output) {
        g_printerr("orfeas: give one file and -o FILE; see \"orfeas mesh convert --help\"\n");
        return orf_error_info(ORF_ERROR_BAD_INPUT)->exit_code;
    }
    g_autoptr(GError) error = NULL;
    return convert(paths[0], output, format, variant, &error) ? 0 : orf_cli_fail(error);
}

/* --- view --------------------------------------------------------------------------------- */

static bool
load_all(OrfRun *run, char **paths, OrfOutput *output, GPtrArray *assets, GError **error)
{
    for (char **path = paths; *path; path++) {
        OrfAsset *asset = load(run, *path, output, error);
        if (!asset)
            return false;
        g_ptr_array_add(assets, asset);
    }
    return true;
}

static OrfResult *
plan_view(OrfOutput *output, char **paths, const char *named, GError **error)
{
    static const char *const endings[] = { "-view.png", NULL };
    if (named && !orf_output_named_as(named, ".png", error))
        return NULL;
    orf_output_protect_all(output, paths);
    g_autofree char *stem = orf_cli_stem(paths[0]);
    return orf_output_plan(
        output, &(OrfResultWish){ .named = named, .stem = stem, .endings = endings }, error);
}

static bool
view(char **paths, const char *named, int width, GError **error)
{
    g_autoptr(OrfOutput) output = orf_output_new(false);
    g_autoptr(OrfResult) result = plan_view(output, paths, named, error);
    if (!result)
        return false;
    g_autoptr(OrfRun) run = orf_run_new(how_to_show(false), 0, 0);
    g_autoptr(GPtrArray) assets =
        g_ptr_array_new_with_free_func((GDestroyNotify)orf_asset_unref);
    if (!load_all(run, paths, output, assets, error))
        return false;
    g_autoptr(GBytes) png = orf_asset_view(orf_run_task(run), (OrfAsset **)assets->pdata,
                                           assets->len, (unsigned)MAX(width, 0), error);
    if (!png)
        return false;
    orf_result_put(result, 0, png);
    if (!orf_result_commit(result, error))
        return false;
    if (!orf_output_is_stream(orf_result_paths(result)[0]))
        g_print("%s\n", orf_result_paths(result)[0]);
    return true;
}

static int
run_view(int argc, char **argv)
{
    g_autofree char *output = NULL;
    g_auto(GStrv) paths = NULL;
    int width = 1600;
    const GOptionEntry entries[] = {
        { "output", 'o', 0, G_OPTION_ARG_FILENAME, &output,
          "PNG to write (default: NAME-view.png, here)", "PNG" },
        { "width", 'w', 0, G_OPTION_ARG_INT, &width, "256 to 4096 pixels (default: 1600)",
          "N" },
        { G_OPTION_REMAINING, 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &paths, NULL, "FILE" },
        { 0 },
    };
    int code = 0;
    if (!orf_cli_parse(
            "mesh view", &argc, &argv, entries,
            "- a picture: front, side, top, three-quarter; a row for each file",
            "Faces seen from inside are drawn red: the model is open or inside out there.",
            &code))
        return code;
    if (!paths) {
        g_printerr("orfeas: no file given; see \"orfeas mesh view --help\"\n");
        return orf_error_info(ORF_ERROR_BAD_INPUT)->exit_code;
    }
    g_autoptr(GError) error = NULL;
    return view(paths, output, width, &error) ? 0 : orf_cli_fail(error);
}

/* --- The three ---------------------------------------------------------------------------- */

static int
run(int argc, char **argv)
{
    static const struct {
        const char *name, *summary;
        int (*run)(int, char **);
    } verbs[] = {
        { "info", "is it a printable solid? size, volume, defects", run_info },
        { "convert", "from one format to another", run_convert },
        { "view", "a picture: front, side, top, three-quarter", run_view },
    };
    for (size_t i = 0; argc > 1 && i < G_N_ELEMENTS(verbs); i++)
        if (g_str_equal(argv[1], verbs[i].name))
            return verbs[i].run(argc - 1, argv + 1);
    bool help = argc > 1 && (g_str_equal(argv[1], "--help") || g_str_equal(argv[1], "-h"));
    g_print("Usage: orfeas mesh VERB FILE [OPTION...]\n\n");
    for (size_t i = 0; i < G_N_ELEMENTS(verbs); i++)
        g_print("  %-8s %s\n", verbs[i].name, verbs[i].summary);
    g_print("\nSTL, OBJ, GLB, PLY and 3MF are read; \"orfeas mesh VERB --help\" tells more.\n");
    return help ? 0 : orf_error_info(ORF_ERROR_BAD_INPUT)->exit_code;
}

const OrfCommand orf_command_mesh = {
    .name = "mesh",
    .summary = "info, convert, view: look at model files",
    .run = run,
};
