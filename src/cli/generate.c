/* generate.c - orfeas generate: pictures in, assets out.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "cli/cli.h"
#include "cli/output.h"

#include <math.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PICTURE_LIMIT ((size_t)256 << 20)

typedef struct {
    char **pictures, **settings;
    char *output, *folder, *generator, *size, *quality, *formats, *seed, *views, *mask, *memory;
    gboolean json, quiet, stages, sheet, overwrite;
    int cores;
} Options;

/* One result in the making. */
typedef struct {
    const Options *options;
    OrfRun *run;
    OrfResult *result;          /* the files; borrowed */
    const char *const *formats; /* the first files of the result, one each */
    const char *label;          /* for messages */
    double stage_seconds[ORF_N_STAGES];
    int n_stages;
    OrfRan ran;
    OrfAsset *posed; /* as it is in the main file */
    char *digest;    /* of the main file */
    GError *error;   /* of a stage that could not be written */
} Job;

/* --- Output ------------------------------------------------------------------------------- */

/* "stl, GLB" and "-o cup.stl" as names of formats, the one of the named file first. */
static char **
wanted_formats(const Options *options, GError **error)
{
    const char *named = options->output;
    g_auto(GStrv) words = g_strsplit(options->formats ? options->formats : "", ",", -1);
    g_autoptr(GStrvBuilder) formats = g_strv_builder_new();
    const char *says = named ? orf_format_of_path(named) : NULL;
    for (char **word = words; *word; word++) {
        g_autofree char *lower = g_ascii_strdown(g_strstrip(*word), -1);
        g_free(*word);
        *word = g_steal_pointer(&lower);
    }
    bool several = words[0] && words[1];
    const char *first =
        several && says && g_strv_contains((const char *const *)words, says) ? says : words[0];
    if (!(first = orf_output_format(named, first, "glb", error)))
        return NULL;
    g_strv_builder_add(formats, first);
    for (char **word = words; *word; word++) {
        if (!orf_output_format(NULL, *word, NULL, error))
            return NULL;
        bool again = g_str_equal(*word, first);
        for (char **before = words; before < word; before++)
            again |= g_str_equal(*before, *word);
        if (!again)
            g_strv_builder_add(formats, *word);
    }
    return g_strv_builder_end(formats);
}

/* The files of one result, in this order: formats, stages of the first format, sheet. */
static char **
list_endings(const Options *options, const char *const *formats)
{
    g_autoptr(GStrvBuilder) endings = g_strv_builder_new();
    for (size_t i = 0; formats[i]; i++) {
        g_autofree char *ending = g_strconcat(".", formats[i], NULL);
        g_strv_builder_add(endings, ending);
    }
    for (OrfStage stage = 0; options->stages && stage < ORF_FINISHED; stage++) {
        g_autofree char *ending =
            g_strconcat(".", orf_stage_name(stage), ".", formats[0], NULL);
        g_strv_builder_add(endings, ending);
    }
    if (options->sheet)
        g_strv_builder_add(endings, "-sheet.png");
    return g_strv_builder_end(endings);
}

static OrfResult *
plan_result(const Options *options, OrfOutput *output, const char *const *formats,
            const char *picture, GError **error)
{
    g_autofree char *stem = picture ? orf_cli_stem(picture) : g_strdup("text");
    g_auto(GStrv) endings = list_endings(options, formats);
    OrfResultWish wish = { .named = options->output,
                           .folder = options->folder,
                           .stem = stem,
                           .endings = (const char *const *)endings };
    return orf_output_plan(output, &wish, error);
}

static bool
is_pose_named(const Options *options)
{
    for (char **setting = options->settings; setting && *setting; setting++)
        if (g_str_has_prefix(*setting, "pose="))
            return true;
    return false;
}

/* As it goes into file `i` of a format: laid down for the printer, unless a pose was named. */
static OrfAsset *
for_format(Job *job, OrfAsset *asset, const char *format, GError **error)
{
    if (is_pose_named(job->options))
        return orf_asset_ref(asset);
    return orf_engine_for_print(orf_run_task(job->run), asset, job->ran.generator, format,
                                error);
}

static bool
export_as(Job *job, size_t i, OrfAsset *asset, const char *format, GError **error)
{
    g_autoptr(OrfAsset) posed = for_format(job, asset, format, error);
    if (posed && i == 0) {
        g_clear_pointer(&job->posed, orf_asset_unref);
        job->posed = orf_asset_ref(posed);
    }
    return posed && orf_result_export(job->result, i, orf_run_task(job->run), posed, format,
                                      NULL, error);
}

static bool
write_results(Job *job, OrfAsset *asset, GError **error)
{
    OrfTask *task = orf_run_task(job->run);
    size_t i = 0;
    for (; job->formats[i]; i++)
        if (!export_as(job, i, asset, job->formats[i], error))
            return false;
    job->digest = orf_result_digest(job->result, 0);
    if (job->options->sheet) {
        size_t sheet = i + (job->options->stages ? ORF_FINISHED : 0);
        g_autoptr(GBytes) png = orf_asset_view(task, &asset, 1, 1600, error);
        if (!png)
            return false;
        orf_result_put(job->result, sheet, png);
    }
    return orf_result_commit(job->result, error);
}

/* --- Stages ------------------------------------------------------------------------------- */

static void
print_stage_json(const Job *job, OrfStage stage)
{
    g_autoptr(OrfJson) json = orf_json_new();
    orf_json_begin_object(json, NULL);
    orf_json_add_text(json, "event", "stage");
    orf_json_add_text(json, "picture", job->label);
    orf_json_add_text(json, "stage", orf_stage_name(stage));
    orf_json_add_fixed(json, "seconds", job->stage_seconds[stage], 3);
    orf_json_end(json);
    orf_cli_print(json);
}

static bool
on_stage(OrfStage stage, OrfAsset *asset, void *data)
{
    Job *job = data;
    job->stage_seconds[stage] = orf_run_seconds(job->run);
    job->n_stages = (int)stage + 1;
    if (job->options->json)
        print_stage_json(job, stage);
    else
        orf_run_say(job->run, "%s: %s after %.2f s", job->label, orf_stage_name(stage),
                    job->stage_seconds[stage]);
    if (!job->options->stages || stage == ORF_FINISHED)
        return true;
    size_t place = g_strv_length((char **)job->formats) + (size_t)stage;
    return orf_result_export(job->result, place, orf_run_task(job->run), asset, job->formats[0],
                             NULL, &job->error) &&
           orf_result_commit(job->result, &job->error);
}

/* --- The recipe --------------------------------------------------------------------------- */

/* False, for the caller to return: another command lists the names there are. */
static bool
name_the_list(GError **error)
{
    if (g_error_matches(*error, ORF_ERROR, ORF_ERROR_NOT_FOUND)) {
        g_autofree char *message = g_steal_pointer(&(*error)->message);
        (*error)->message = g_strconcat(message, "; \"orfeas generators\" lists them", NULL);
    }
    return false;
}

static bool
set_option(OrfRecipe *recipe, const char *name, const char *text, GError **error)
{
    return !text || orf_recipe_set(recipe, name, text, error);
}

static bool
set_setting(OrfRecipe *recipe, const char *setting, GError **error)
{
    const char *equals = strchr(setting, '=');
    if (!equals)
        return ORF_FALSE(error, BAD_INPUT, "--set %s: write it as name=value", setting);
    g_autofree char *name = g_strndup(setting, (size_t)(equals - setting));
    return orf_recipe_set(recipe, name, equals + 1, error) || name_the_list(error);
}

static OrfRecipe *
recipe_from_options(const Options *options, GError **error)
{
    g_autoptr(OrfRecipe) recipe =
        orf_recipe_new(options->generator ? options->generator : "auto", error);
    if (!recipe) {
        name_the_list(error);
        return NULL;
    }
    if (!set_option(recipe, "size", options->size, error) ||
        !set_option(recipe, "quality", options->quality, error) ||
        !set_option(recipe, "seed", options->seed, error))
        return NULL;
    for (char **setting = options->settings; setting && *setting; setting++)
        if (!set_setting(recipe, *setting, error))
            return NULL;
    if (!options->mask)
        return g_steal_pointer(&recipe);
    g_autoptr(GBytes) mask = orf_cli_read(options->mask, PICTURE_LIMIT, error);
    if (!mask)
        return NULL;
    orf_recipe_set_mask(recipe, mask, options->mask);
    return g_steal_pointer(&recipe);
}

static bool
add_picture(OrfRecipe *recipe, const char *path, double yaw, GError **error)
{
    g_autoptr(GBytes) bytes = orf_cli_read(path, PICTURE_LIMIT, error);
    return bytes && orf_recipe_add_picture(recipe, bytes, path, yaw, error);
}

/* --- What is said at the end -------------------------------------------------------------- */

static void
add_ran(OrfJson *json, const OrfRan *ran)
{
    orf_json_add_text(json, "generator", ran->generator);
    orf_json_add_text(json, "reason", ran->reason);
    orf_json_add_fixed(json, "confidence", ran->confidence, 2);
    orf_json_add_text(json, "runner_up", ran->runner_up);
}

static void
add_stages(OrfJson *json, const Job *job)
{
    orf_json_begin_array(json, "stages");
    for (int i = 0; i < job->n_stages; i++) {
        orf_json_begin_object(json, NULL);
        orf_json_add_text(json, "name", orf_stage_name((OrfStage)i));
        orf_json_add_fixed(json, "seconds", job->stage_seconds[i], 3);
        orf_json_end(json);
    }
    orf_json_end(json);
}

static bool
print_done_json(const Job *job, OrfRecipe *recipe, GError **error)
{
    OrfTask *task = orf_run_task(job->run);
    g_autofree char *measures = orf_asset_measures_json(task, job->posed, true, error);
    if (!measures)
        return false;
    g_autofree char *recipe_digest = orf_recipe_digest(orf_task_engine(task), recipe);
    g_auto(GStrv) notes = orf_task_notes(task);
    g_autoptr(OrfJson) json = orf_json_new();
    orf_json_begin_object(json, NULL);
    orf_json_add_text(json, "event", "done");
    orf_json_add_text(json, "picture", job->label);
    orf_json_add_text(json, "file", orf_result_main_path(job->result));
    char **files = orf_result_paths(job->result);
    orf_json_add_texts(json, "files", (const char *const *)files, g_strv_length(files));
    add_ran(json, &job->ran);
    add_stages(json, job);
    orf_json_add_fixed(json, "seconds", orf_run_seconds(job->run), 3);
    orf_json_add_text(json, "digest", job->digest);
    orf_json_add_text(json, "recipe", recipe_digest);
    orf_json_add_int(json, "peak_memory", orf_task_peak_memory(task));
    orf_json_add_texts(json, "notes", (const char *const *)notes, g_strv_length(notes));
    orf_json_add_raw(json, "measures", measures);
    orf_json_end(json);
    orf_cli_print(json);
    return true;
}

static void
print_done_lines(const Job *job)
{
    if (job->options->quiet)
        return;
    orf_run_say(job->run, "%s: %s (%s)", job->label, job->ran.generator, job->ran.reason);
    if (job->ran.runner_up && job->ran.confidence < 0.6)
        orf_run_say(job->run, "%s: if that is wrong, try --generator %s (%s)", job->label,
                    job->ran.runner_up, job->ran.runner_up_reason);
    g_auto(GStrv) notes = orf_task_notes(orf_run_task(job->run));
    for (char **note = notes; *note; note++)
        orf_run_say(job->run, "%s: note: %s", job->label, *note);
    for (char **file = orf_result_paths(job->result); *file; file++)
        if (!orf_output_is_stream(*file))
            g_print("%s\n", *file);
}

/* --- One result --------------------------------------------------------------------------- */

static OrfShow
how_to_show(const Options *options)
{
    if (options->json)
        return ORF_SHOW_JSON;
    if (options->quiet)
        return ORF_SHOW_NOTHING;
    return isatty(STDERR_FILENO) ? ORF_SHOW_BAR : ORF_SHOW_LINES;
}

static void
job_clear(Job *job)
{
    g_free(job->digest);
    g_clear_pointer(&job->posed, orf_asset_unref);
    g_clear_error(&job->error);
    g_clear_pointer(&job->run, orf_run_free);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Job, job_clear)

static bool
run_job(Job *job, OrfRecipe *recipe, GError **error)
{
    OrfTask *task = orf_run_task(job->run);
    g_autoptr(OrfAsset) asset = orf_generate(task, recipe, on_stage, job, &job->ran, error);
    if (job->error) {
        g_clear_error(error);
        g_propagate_error(error, g_steal_pointer(&job->error));
        return false;
    }
    if (!asset || !write_results(job, asset, error))
        return false;
    if (!job->options->json)
        print_done_lines(job);
    return !job->options->json || print_done_json(job, recipe, error);
}

static int
report_failure(const Options *options, const char *label, const GError *error)
{
    if (options->json) {
        int code = error->domain == ORF_ERROR ? error->code : ORF_ERROR_UNAVAILABLE;
        g_autoptr(OrfJson) json = orf_json_new();
        orf_json_begin_object(json, NULL);
        orf_json_add_text(json, "event", "error");
        orf_json_add_text(json, "picture", label ? label : "");
        orf_json_add_text(json, "code", orf_error_info(code)->name);
        orf_json_add_int(json, "exit", orf_error_exit_code(error));
        orf_json_add_text(json, "message", error->message);
        orf_json_end(json);
        orf_cli_print(json);
    }
    return orf_cli_fail(error);
}

/* Pictures begin..end of the command line as one recipe. */
static bool
make_one(const Options *options, char **pictures, size_t n, const double *yaws,
         const char *label, const char *const *formats, OrfResult *result, GError **error)
{
    size_t memory = 0;
    if (options->memory && !orf_cli_memory(options->memory, &memory, error))
        return false;
    g_autoptr(OrfRecipe) recipe = recipe_from_options(options, error);
    if (!recipe)
        return false;
    for (size_t i = 0; i < n; i++)
        if (!add_picture(recipe, pictures[i], yaws ? yaws[i] : NAN, error))
            return false;
    g_auto(Job)
        job = { .options = options, .result = result, .formats = formats, .label = label };
    job.run = orf_run_new(how_to_show(options), (unsigned)MAX(options->cores, 0), memory);
    bool done = run_job(&job, recipe, error);
    if (!done)
        orf_result_undo(result); /* a failed run leaves nothing of its own behind */
    return done;
}

/* --- The command -------------------------------------------------------------------------- */

static bool
read_yaws(const Options *options, size_t n, double *yaws, GError **error)
{
    g_auto(GStrv) parts = g_strsplit(options->views, ",", -1);
    if (g_strv_length(parts) != n)
        return ORF_FALSE(error, BAD_INPUT,
                         "--views names %u angles for %zu pictures; give one each",
                         g_strv_length(parts), n);
    for (size_t i = 0; i < n; i++) {
        const char *end;
        if (!orf_read_number(parts[i], &end, &yaws[i]) || end[strspn(end, " ")])
            return ORF_FALSE(error, BAD_INPUT, "--views: \"%s\" is not an angle in degrees",
                             parts[i]);
    }
    return true;
}

static bool
check_options(const Options *options, size_t n, GError **error)
{
    unsigned least = 1, most;
    if (options->generator)
        orf_engine_pictures(options->generator, &least, &most, NULL); /* unknown: later */
    if (n < MIN(least, 1))
        return ORF_FALSE(error, BAD_INPUT, "no picture given; see \"orfeas generate --help\"");
    if (options->output && options->folder)
        return ORF_FALSE(error, BAD_INPUT, "-o and -d exclude each other: a file, or a folder");
    if (options->output && n > 1 && !options->views)
        return ORF_FALSE(error, BAD_INPUT,
                         "%zu pictures make %zu results; give a folder with -d, or "
                         "--views if they show one object",
                         n, n);
    if (options->json && options->output && orf_output_is_stream(options->output))
        return ORF_FALSE(error, BAD_INPUT,
                         "--json and the result would share one stream; name a file with -o");
    return true;
}

/* The names of all results: before any work, so that none is in the way of another. */
static GPtrArray *
plan_results(const Options *options, OrfOutput *output, const char *const *formats,
             char **pictures, size_t n_results, GError **error)
{
    g_autoptr(GPtrArray) results =
        g_ptr_array_new_with_free_func((GDestroyNotify)orf_result_free);
    orf_output_protect_all(output, pictures);
    orf_output_protect(output, options->mask);
    for (size_t i = 0; i < n_results; i++) {
        OrfResult *result =
            plan_result(options, output, formats, pictures ? pictures[i] : NULL, error);
        if (!result)
            return NULL;
        g_ptr_array_add(results, result);
    }
    return g_steal_pointer(&results);
}

static int
run_views(const Options *options, char **pictures, size_t n, const char *const *formats,
          OrfResult *result)
{
    g_autoptr(GError) error = NULL;
    g_autofree double *yaws = g_new0(double, n);
    if (!read_yaws(options, n, yaws, &error) ||
        !make_one(options, pictures, n, yaws, pictures[0], formats, result, &error))
        return report_failure(options, pictures[0], error);
    return 0;
}

/* Each picture for itself; a failure does not stop the others. */
static int
run_batch(const Options *options, char **pictures, size_t n, const char *const *formats,
          GPtrArray *results)
{
    int code = 0;
    for (size_t i = 0; i < MAX(n, 1); i++) {
        g_autoptr(GError) error = NULL;
        const char *label = n ? pictures[i] : "text";
        if (make_one(options, pictures + i, MIN(n, 1), NULL, label, formats, results->pdata[i],
                     &error))
            continue;
        int failed = report_failure(options, label, error);
        code = code ? code : failed;
        if (g_error_matches(error, ORF_ERROR, ORF_ERROR_CANCELLED))
            break;
    }
    return code;
}

static int
run_options(const Options *options, size_t n)
{
    char **pictures = options->pictures;
    g_autoptr(GError) error = NULL;
    g_autoptr(OrfOutput) output = orf_output_new(options->overwrite);
    g_autoptr(GPtrArray) results = NULL;
    g_auto(GStrv) names = NULL;
    if (check_options(options, n, &error))
        names = wanted_formats(options, &error);
    const char *const *formats = (const char *const *)names;
    if (formats)
        results = plan_results(options, output, formats, pictures,
                               options->views ? 1 : MAX(n, 1), &error);
    if (!results)
        return report_failure(options, n ? pictures[0] : "", error);
    return options->views ? run_views(options, pictures, n, formats, results->pdata[0])
                          : run_batch(options, pictures, n, formats, results);
}

static const char about[] =
    "Without --generator, auto looks at each picture, chooses and says why.\n"
    "Several pictures are a batch, one result each; with --views they are views of one "
    "object.\n"
    "Results are closed solids that stand on the bed, 100 mm on their longest side; flat ones\n"
    "(logos, reliefs, letters) lie on their back in STL and 3MF, unless --set pose=stand.\n"
    "A file that is there already stays: a second cup.glb becomes cup-2.glb. Only -o replaces\n"
    "the file it names, --overwrite those of the same names; no file that is read is replaced.\n"
    "\n"
    "Examples:\n"
    "  orfeas generate cup.jpg -o cup.glb\n"
    "  orfeas generate photo.jpg -g lithophane --set shape=cylinder -o lamp.stl\n"
    "  orfeas generate *.png -d models --format stl,glb --size 60mm\n"
    "  orfeas generate front.png right.png back.png left.png --views 0,90,180,270 -o toy.3mf\n"
    "  orfeas generate -g text --set text=ORFEAS -o sign.3mf\n"
    "\n"
    "\"orfeas generators\" lists the generators and every name for --set.";

static void
options_clear(Options *o)
{
    g_strfreev(o->pictures);
    g_strfreev(o->settings);
    char *texts[] = { o->output,  o->folder, o->generator, o->size, o->quality,
                      o->formats, o->seed,   o->views,     o->mask, o->memory };
    for (size_t i = 0; i < G_N_ELEMENTS(texts); i++)
        g_free(texts[i]);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Options, options_clear)

static int
run(int argc, char **argv)
{
    g_auto(Options) o = { 0 };
    g_autofree char *formats = orf_cli_formats(", ");
    g_autofree char *format_help =
        g_strconcat(formats, "; several joined by commas (default: glb)", NULL);
    const GOptionEntry entries[] = {
        { "output", 'o', 0, G_OPTION_ARG_FILENAME, &o.output,
          "Result; its ending names the format; - is standard output", "FILE" },
        { "directory", 'd', 0, G_OPTION_ARG_FILENAME, &o.folder,
          "Folder for the results (default: here)", "DIR" },
        { "generator", 'g', 0, G_OPTION_ARG_STRING, &o.generator,
          "How to make it (default: auto)", "NAME" },
        { "size", 's', 0, G_OPTION_ARG_STRING, &o.size,
          "Longest side: 80mm, 8cm, 3in (default: 100mm)", "LENGTH" },
        { "quality", 'q', 0, G_OPTION_ARG_STRING, &o.quality, "draft, standard or high",
          "NAME" },
        { "format", 'f', 0, G_OPTION_ARG_STRING, &o.formats, format_help, "LIST" },
        { "set", 0, 0, G_OPTION_ARG_STRING_ARRAY, &o.settings,
          "Sets a parameter; repeat for more", "NAME=VALUE" },
        { "views", 0, 0, G_OPTION_ARG_STRING, &o.views,
          "The pictures are views of one object, seen from these angles", "0,90,180,270" },
        { "mask", 0, 0, G_OPTION_ARG_FILENAME, &o.mask,
          "Cut-out of the first picture: light or opaque is subject", "FILE" },
        { "seed", 0, 0, G_OPTION_ARG_STRING, &o.seed, "Same seed, same result", "N" },
        { "stages", 0, 0, G_OPTION_ARG_NONE, &o.stages,
          "Also write every stage as NAME.preview.glb, ...", NULL },
        { "sheet", 0, 0, G_OPTION_ARG_NONE, &o.sheet,
          "Also write NAME-sheet.png, a picture of the result", NULL },
        { "overwrite", 0, 0, G_OPTION_ARG_NONE, &o.overwrite,
          "Replace files that have the names of results; never a file that is read", NULL },
        { "json", 0, 0, G_OPTION_ARG_NONE, &o.json, "One JSON object a line on standard output",
          NULL },
        { "quiet", 0, 0, G_OPTION_ARG_NONE, &o.quiet, "Say nothing but errors", NULL },
        { "cores", 0, 0, G_OPTION_ARG_INT, &o.cores, "Cores to use (default: all)", "N" },
        { "memory", 0, 0, G_OPTION_ARG_STRING, &o.memory, "Memory to use at most: 512M, 2G",
          "SIZE" },
        { G_OPTION_REMAINING, 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &o.pictures, NULL,
          "PICTURE..." },
        { 0 }
    };
    int code = 0;
    if (!orf_cli_parse("generate", &argc, &argv, entries, "- pictures to printable 3D models",
                       about, &code))
        return code;
    size_t n = o.pictures ? g_strv_length(o.pictures) : 0;
    return run_options(&o, n);
}

const OrfCommand orf_command_generate = {
    .name = "generate",
    .summary = "pictures to printable 3D models",
    .run = run,
};
