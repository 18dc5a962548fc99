/* main.c - the load generator's command line.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 *     load rate   --url URL --get PATH | --mix FILE [--rate N] [--connections N] [--seconds S]
 *     load agents --url URL --picture FILE... [--agents N] [--seconds S]
 *     load herd   --url URL --get PATH [--agents N] [--seconds S]
 *
 * See README.md beside this file. */
#include "load.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

typedef struct {
    const char *name;
    json_t *(*run)(const LoadOptions *options, GError **error);
} Way;

static const Way ways[] = {
    { "rate", load_rate },
    { "agents", load_agents },
    { "herd", load_herd },
};

static void
raise_file_limit(void)
{
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        setrlimit(RLIMIT_NOFILE, &files);
    }
}

static bool
parse(LoadOptions *o, gboolean *json, int *argc, char ***argv, GError **error)
{
    const GOptionEntry entries[] = {
        { "url", 0, 0, G_OPTION_ARG_STRING, &o->url, "Server: http://127.0.0.1:8080", "URL" },
        { "get", 0, 0, G_OPTION_ARG_STRING, &o->get, "Path to GET", "PATH" },
        { "header", 0, 0, G_OPTION_ARG_STRING_ARRAY, &o->headers, "Header for --get",
          "NAME: VALUE" },
        { "mix", 0, 0, G_OPTION_ARG_FILENAME, &o->mix, "Kinds of request, see README.md",
          "FILE" },
        { "rate", 0, 0, G_OPTION_ARG_DOUBLE, &o->rate, "Calls a second (default: closed loop)",
          "N" },
        { "connections", 0, 0, G_OPTION_ARG_INT, &o->connections, "Connections at most", "N" },
        { "sources", 0, 0, G_OPTION_ARG_INT, &o->sources, "Loopback addresses to come from",
          "N" },
        { "seconds", 0, 0, G_OPTION_ARG_DOUBLE, &o->seconds, "How long to measure", "S" },
        { "warmup", 0, 0, G_OPTION_ARG_DOUBLE, &o->warmup, "How long before that", "S" },
        { "count", 0, 0, G_OPTION_ARG_INT, &o->count, "Stop after so many calls", "N" },
        { "ids", 0, 0, G_OPTION_ARG_FILENAME, &o->ids, "Write ids of created jobs here",
          "FILE" },
        { "pid", 0, 0, G_OPTION_ARG_INT, &o->pid, "Watch memory and time of this process",
          "PID" },
        { "agents", 0, 0, G_OPTION_ARG_INT, &o->agents, "Agents, or streams of a herd", "N" },
        { "picture", 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &o->pictures, "For agents to send",
          "FILE" },
        { "seed", 0, 0, G_OPTION_ARG_INT, &o->seed, "Start of counters and choices", "N" },
        { "name", 0, 0, G_OPTION_ARG_STRING, &o->name, "Print a line of the bench table, too",
          "NAME" },
        { "json", 0, 0, G_OPTION_ARG_NONE, json, "Report as JSON", NULL },
        { 0 },
    };
    g_autoptr(GOptionContext) context =
        g_option_context_new("rate|agents|herd - load for a server");
    g_option_context_add_main_entries(context, entries, NULL);
    return g_option_context_parse(context, argc, argv, error);
}

static const Way *
find_way(const char *name)
{
    for (size_t i = 0; name && i < G_N_ELEMENTS(ways); i++)
        if (strcmp(ways[i].name, name) == 0)
            return &ways[i];
    return NULL;
}

static int
fail(const char *why)
{
    fprintf(stderr, "load: %s\n", why);
    return EXIT_FAILURE;
}

int
main(int argc, char **argv)
{
    LoadOptions options = { .connections = 64, .seconds = 5, .agents = 100 };
    gboolean json = FALSE;
    g_autoptr(GError) error = NULL;
    if (!parse(&options, &json, &argc, &argv, &error))
        return fail(error->message);
    const Way *way = find_way(argc > 1 ? argv[1] : NULL);
    if (!way || !options.url)
        return fail("say rate, agents or herd, and --url; --help tells more");
    raise_file_limit();
    json_t *report = way->run(&options, &error);
    if (!report)
        return fail(error->message);
    if (json) {
        json_dumpf(report, stdout, JSON_INDENT(1) | JSON_REAL_PRECISION(9));
        printf("\n");
    } else {
        load_report_print(report);
    }
    if (options.name)
        load_report_line(options.name, report);
    json_decref(report);
    return EXIT_SUCCESS;
}
