/* doctor.c - orfeas doctor: what is here, what is missing, how to get it.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "cli/cli.h"

#include "daemon/daemon.h"

#include <string.h>

typedef struct {
    const char *name, *what; /* "heif", "HEIC and AVIF pictures" */
    const char *remedy;      /* NULL: nothing can be done without a new build */
} Need;

/* --- The parts ---------------------------------------------------------------------------- */

static const Need pictures[] = {
    { "jpeg", "JPEG", "a libvips with libjpeg" },
    { "png", "PNG", "a libvips with libpng" },
    { "webp", "WebP", "a libvips with libwebp" },
    { "tiff", "TIFF", "a libvips with libtiff" },
    { "gif", "GIF", "a libvips with nsgif" },
    { "svg", "SVG drawings", "apt install librsvg2-2, and a libvips with librsvg" },
    { "heif", "HEIC and AVIF",
      "apt install libheif1 libheif-plugin-libde265, and a libvips with libheif" },
};

static const Need tools[] = {
    { "prusa-slicer", "slices models to G-code", "apt install prusa-slicer" },
    { "admesh", "a second opinion on STL files", "apt install admesh" },
};

static bool
has_tool(const char *name)
{
    g_autofree char *path = g_find_program_in_path(name);
    return path != NULL;
}

static bool
has_font(void)
{
    static const char *const folders[] = { "/usr/share/fonts", "/usr/local/share/fonts" };
    for (size_t i = 0; i < G_N_ELEMENTS(folders); i++) {
        g_autoptr(GDir) dir = g_dir_open(folders[i], 0, NULL);
        if (dir && g_dir_read_name(dir))
            return true;
    }
    return false;
}

/* --- For people --------------------------------------------------------------------------- */

static void
print_need(const Need *need, bool there, const char *kind)
{
    g_print("  %-4s %-13s %s\n", there ? "yes" : "NO", need->name, need->what);
    if (!there && need->remedy)
        g_print("       %-13s %s: %s\n", "", kind, need->remedy);
}

static void
print_cuda(const char *name, const char *driver, uint64_t total, uint64_t free)
{
    g_print("  cuda %s: %.1f GiB of memory, %.1f free; driver %s\n", name,
            (double)total / (1 << 30), (double)free / (1 << 30), driver);
}

static void
print_cudas(void)
{
    bool any = orf_daemon_each_cuda(print_cuda) > 0;
    if (!any && g_file_test("/proc/driver/nvidia/version", G_FILE_TEST_EXISTS))
        g_print("  cuda a driver is loaded, but libnvidia-ml.so.1 does not answer\n");
    else if (!any)
        g_print("  cuda none; the built-in generators do not need one\n");
}

/* What runs of the server give up on this machine: tried by a process that gives it up. Caller
 * owns; NULL: it cannot be told. */
static char *
confinement(void)
{
    char *argv[] = { "/proc/self/exe", "run-jobs", "--confinement", NULL };
    g_autofree char *self = g_file_read_link(argv[0], NULL);
    char *told = NULL;
    int status = 1;
    argv[0] = self;
    if (!self || !g_spawn_sync(NULL, argv, NULL, G_SPAWN_STDERR_TO_DEV_NULL, NULL, NULL, &told,
                               NULL, &status, NULL))
        return NULL;
    if (status == 0)
        return g_strchomp(told);
    g_free(told);
    return NULL;
}

static void
print_confinement(void)
{
    g_autofree char *told = confinement();
    g_print("\nconfinement of the server's runs\n  %s\n", told ? told : "cannot be told");
}

static unsigned
print_report(void)
{
    g_autofree char *cpu = orf_machine_cpu_name(NULL);
    OrfMachine machine;
    orf_machine_read(NULL, &machine);
    unsigned missing = 0;
    g_print("orfeas %s, %s\n\ndevices\n", orf_version(), orf_engine_picture_library());
    g_print("  cpu  %s: %u core%s, %.1f GiB of memory\n", cpu, machine.cores,
            machine.cores == 1 ? "" : "s", (double)machine.memory_total / (1 << 30));
    print_cudas();
    g_print("\npictures it reads\n");
    for (size_t i = 0; i < G_N_ELEMENTS(pictures); i++) {
        bool there = orf_engine_reads_pictures(pictures[i].name);
        missing += !there;
        print_need(&pictures[i], there, "to get it");
    }
    g_print("\nlettering\n");
    print_need(&(Need){ "fonts", "for the generator text", "apt install fonts-dejavu-core" },
               has_font(), "to get it");
    missing += !has_font();
    print_confinement();
    g_print("\nprograms that go well with it\n");
    for (size_t i = 0; i < G_N_ELEMENTS(tools); i++)
        print_need(&tools[i], has_tool(tools[i].name), "optional");
    g_print("\n%s\n",
            missing ? "Some things are missing; see NO above." : "Everything needed is here.");
    return missing;
}

/* --- For programs ------------------------------------------------------------------------- */

static void
add_flags(OrfJson *json, const char *key, const Need *needs, size_t n,
          bool (*there)(const char *))
{
    orf_json_begin_object(json, key);
    for (size_t i = 0; i < n; i++)
        orf_json_add_bool(json, needs[i].name, there(needs[i].name));
    orf_json_end(json);
}

static void
print_json(void)
{
    g_autofree char *cpu = orf_machine_cpu_name(NULL);
    OrfMachine machine;
    orf_machine_read(NULL, &machine);
    g_autoptr(OrfJson) json = orf_json_new();
    orf_json_begin_object(json, NULL);
    orf_json_add_text(json, "version", orf_version());
    orf_json_add_texts(json, "libraries", (const char *[]){ orf_engine_picture_library() }, 1);
    orf_json_begin_object(json, "cpu");
    orf_json_add_text(json, "name", cpu);
    orf_json_add_int(json, "cores", machine.cores);
    orf_json_add_int(json, "memory_bytes", machine.memory_total);
    orf_json_end(json);
    orf_daemon_add_cuda(json, "cuda");
    add_flags(json, "pictures", pictures, G_N_ELEMENTS(pictures), orf_engine_reads_pictures);
    add_flags(json, "tools", tools, G_N_ELEMENTS(tools), has_tool);
    orf_json_add_bool(json, "fonts", has_font());
    g_autofree char *told = confinement();
    orf_json_add_text(json, "confinement", told);
    orf_json_end(json);
    orf_cli_print(json);
}

static int
run(int argc, char **argv)
{
    gboolean json = FALSE;
    const GOptionEntry entries[] = {
        { "json", 0, 0, G_OPTION_ARG_NONE, &json, "As one JSON object", NULL },
        { 0 },
    };
    int code = 0;
    if (!orf_cli_parse("doctor", &argc, &argv, entries, "- what is here and what is missing",
                       NULL, &code))
        return code;
    if (!json)
        return print_report() ? orf_error_info(ORF_ERROR_UNAVAILABLE)->exit_code : 0;
    print_json();
    return 0;
}

const OrfCommand orf_command_doctor = {
    .name = "doctor",
    .summary = "what is installed, which devices there are, what is missing",
    .run = run,
};
