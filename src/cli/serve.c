/* serve.c - orfeas serve: the server on this machine.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "cli/cli.h"

#include "daemon/daemon.h"

#include <malloc.h>
#include <stdio.h>
#include <string.h>

static const char about[] =
    "The page is at /, the API at /api/v1, its description at /api/v1/openapi.json. Jobs, "
    "results\n"
    "and the cache live in the data folder and survive a restart. SIGTERM or Ctrl-C lets "
    "running\n"
    "jobs finish for --drain seconds; the rest goes on at the next start.\n"
    "\n"
    "Only this machine can connect, unless --listen says otherwise. Put a proxy such as nginx "
    "in\n"
    "front before you open it to others; docs/guide/server.md has a configuration.\n"
    "\n"
    "Examples:\n"
    "  orfeas serve                                at http://127.0.0.1:8080/\n"
    "  orfeas serve --port 9000 --data ./models    another port, another folder\n"
    "  orfeas serve --workers 1 --memory 2G        gentle on a small machine\n"
    "  curl -F image=@cup.jpg -H 'Prefer: wait=60' http://127.0.0.1:8080/api/v1/generate-3d\n";

#define UNSAID G_MININT
#define STRANGERS_RATE 300u

typedef struct {
    char *address, *data, *memory, *cache_size, *cache_ttl, *keep, *keep_size, *max_upload,
        *secret_file, *run_limit;
    char **origins;
    char *describe;
    int port, workers, rate, drain, keep_jobs;
    gboolean behind_proxy;
} Wish;

static void
wish_clear(Wish *wish)
{
    char *texts[] = { wish->describe,    wish->address,   wish->data,     wish->memory,
                      wish->cache_size,  wish->cache_ttl, wish->keep,     wish->max_upload,
                      wish->secret_file, wish->keep_size, wish->run_limit };
    for (size_t i = 0; i < G_N_ELEMENTS(texts); i++)
        g_free(texts[i]);
    g_strfreev(wish->origins);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Wish, wish_clear)

/* --- Sizes and times ---------------------------------------------------------------------- */

typedef struct {
    char letter;
    double times;
} Unit;

static const Unit sizes[] = { { 'K', 1 << 10 }, { 'M', 1 << 20 }, { 'G', 1 << 30 } };
static const Unit times[] = { { 's', 1 }, { 'm', 60 }, { 'h', 3600 }, { 'd', 86400 } };

/* "512M" of `units`; 0: it is none. A number alone counts as `plain` of them. */
static double
read_amount(const char *text, const Unit *units, size_t n, double plain)
{
    const char *end;
    double value;
    if (!orf_read_number(text, &end, &value) || !(value > 0) || value > 1e12)
        return 0;
    if (!*end)
        return value * plain;
    for (size_t i = 0; i < n; i++)
        if (g_ascii_toupper(*end) == g_ascii_toupper(units[i].letter) && !end[1])
            return value * units[i].times;
    return 0;
}

static bool
read_size(const char *option, const char *text, uint64_t *ret, GError **error)
{
    if (!text)
        return true;
    double bytes = read_amount(text, sizes, G_N_ELEMENTS(sizes), 1);
    if (bytes < 1 << 20 || bytes > 1e15)
        return ORF_FALSE(error, BAD_INPUT,
                         "--%s %s: give a size such as 512M or 2G, at least 1M", option, text);
    *ret = (uint64_t)bytes;
    return true;
}

static bool
read_time(const char *option, const char *text, int64_t *ret, GError **error)
{
    if (!text)
        return true;
    double seconds = read_amount(text, times, G_N_ELEMENTS(times), 1);
    if (seconds < 1 || seconds > 1e9)
        return ORF_FALSE(error, BAD_INPUT, "--%s %s: give a time such as 90s, 30m, 24h or 7d",
                         option, text);
    *ret = (int64_t)(seconds * 1e6);
    return true;
}

/* --- The wish ----------------------------------------------------------------------------- */

static bool
in_range(const char *option, int value, int low, int high, GError **error)
{
    return (value >= low && value <= high) ||
           ORF_FALSE(error, BAD_INPUT, "--%s %d: give %d to %d", option, value, low, high);
}

/* An origin is what a browser sends: scheme, host, port if it is not the usual one. */
static bool
check_origins(char **origins, GError **error)
{
    for (; origins && *origins; origins++) {
        const char *host = strstr(*origins, "://");
        if (!host || !host[3] || strchr(host + 3, '/') || strchr(*origins, '*'))
            return ORF_FALSE(error, BAD_INPUT,
                             "--allow-origin %s: give scheme and host alone, such as "
                             "https://models.example",
                             *origins);
    }
    return true;
}

static bool
check_address(const char *address, GError **error)
{
    return !address || g_hostname_is_ip_address(address) ||
           ORF_FALSE(error, BAD_INPUT,
                     "--listen %s: give a numeric address: 127.0.0.1 or ::1 for this machine "
                     "alone, 0.0.0.0 or :: for everybody",
                     address);
}

static bool
read_secret(const Wish *wish, char **ret, GError **error)
{
    if (!wish->secret_file)
        return true;
    g_autoptr(GBytes) bytes = orf_cli_read(wish->secret_file, 4096, error);
    if (!bytes)
        return false;
    size_t size;
    const char *text = g_bytes_get_data(bytes, &size);
    *ret = g_strstrip(g_strndup(text, size));
    return true;
}

/* Only programs of this machine ask. */
static bool
is_private(const Wish *wish)
{
    bool loopback = !wish->address || g_str_has_prefix(wish->address, "127.") ||
                    g_str_equal(wish->address, "::1");
    return loopback && !wish->behind_proxy;
}

static bool
fill_options(const Wish *wish, OrfDaemonOptions *options, GError **error)
{
    options->address = wish->address;
    options->port = (uint16_t)wish->port;
    options->dir = wish->data;
    options->workers = (unsigned)wish->workers;
    options->rate = wish->rate != UNSAID ? (unsigned)wish->rate
                    : is_private(wish)   ? 0
                                         : STRANGERS_RATE;
    options->keep_jobs = (uint64_t)MAX(wish->keep_jobs, 0);
    options->origins = (const char *const *)wish->origins;
    options->proxied = wish->behind_proxy;
    return check_address(wish->address, error) &&
           in_range("port", wish->port, 0, 65535, error) &&
           in_range("workers", wish->workers, 0, 256, error) &&
           (wish->rate == UNSAID || in_range("rate", wish->rate, 0, 1000000, error)) &&
           in_range("drain", wish->drain, 0, 3600, error) &&
           in_range("keep-jobs", wish->keep_jobs, 0, 10000000, error) &&
           check_origins(wish->origins, error) &&
           read_size("memory", wish->memory, &options->memory, error) &&
           read_size("max-upload", wish->max_upload, &options->max_upload, error) &&
           read_size("cache-size", wish->cache_size, &options->cache_bytes, error) &&
           read_time("cache-ttl", wish->cache_ttl, &options->cache_ttl_us, error) &&
           read_size("keep-size", wish->keep_size, &options->keep_bytes, error) &&
           read_time("run-limit", wish->run_limit, &options->run_limit_us, error) &&
           read_time("keep", wish->keep, &options->keep_us, error);
}

/* --- Serving ------------------------------------------------------------------------------ */

/* Warnings of every room, one line each. */
static GLogWriterOutput
write_log(GLogLevelFlags level, const GLogField *fields, gsize n, gpointer data)
{
    (void)data;
    if (level > G_LOG_LEVEL_MESSAGE && !g_getenv("G_MESSAGES_DEBUG"))
        return G_LOG_WRITER_HANDLED;
    char time[ORF_TIME_SIZE];
    orf_time_text(g_get_real_time(), time);
    for (gsize i = 0; i < n; i++)
        if (g_str_equal(fields[i].key, "MESSAGE"))
            fprintf(stderr, "%s %s: %s\n", time,
                    level <= G_LOG_LEVEL_CRITICAL  ? "error"
                    : level <= G_LOG_LEVEL_WARNING ? "warning"
                    : level <= G_LOG_LEVEL_MESSAGE ? "note"
                                                   : "debug",
                    (const char *)fields[i].value);
    return G_LOG_WRITER_HANDLED;
}

static void
say_hello(const OrfDaemon *daemon, const Wish *wish)
{
    g_autofree char *url = orf_daemon_url(daemon);
    printf("orfeas: listening on %s\n", url);
    fflush(stdout);
    const char *why = orf_daemon_safe_mode(daemon);
    if (why)
        g_printerr("orfeas: safe mode, no jobs are taken and nothing was changed: %s\n", why);
    else
        g_printerr("orfeas: data in %s; Ctrl-C stops\n", wish->data);
    if (!orf_daemon_is_loopback(daemon) && !wish->behind_proxy)
        g_printerr(
            "orfeas: warning: everybody who reaches this address can use the server, without "
            "encryption; put a proxy in front and say --behind-proxy (docs/guide/server.md)\n");
    if (wish->behind_proxy && !wish->origins)
        g_printerr("orfeas: note: any Host name is taken, also of a page on this machine that "
                   "goes past the proxy; --allow-origin https://NAME takes that name alone\n");
}

/* The allocator keeps what was freed in as many places as eight for each core; what one run
 * leaves behind the next finds only when there are few. Before any thread starts. */
static void
keep_memory_together(void)
{
    mallopt(M_ARENA_MAX, MAX(2, (int)g_get_num_processors()));
}

static int
serve(const Wish *wish)
{
    keep_memory_together();
    OrfDaemonOptions options = { 0 };
    g_autofree char *secret = NULL;
    g_autoptr(GError) error = NULL;
    if (!fill_options(wish, &options, &error) || !read_secret(wish, &secret, &error))
        return orf_cli_fail(error);
    options.webhook_secret = secret;
    g_auto(GStrv) nets = orf_cli_net_folders();
    options.nets = (const char *const *)nets;
    g_log_set_writer_func(write_log, NULL, NULL);
    g_autoptr(OrfDaemon) daemon = orf_daemon_start(&options, &error);
    if (!daemon)
        return orf_cli_fail(error);
    say_hello(daemon, wish);
    orf_daemon_serve(daemon, (unsigned)wish->drain);
    g_printerr("orfeas: stopped\n");
    return 0;
}

static int
describe(const char *what)
{
    g_autofree char *text = orf_daemon_describe(what);
    if (!text) {
        g_printerr("orfeas: --describe %s: give openapi or reference\n", what);
        return orf_error_info(ORF_ERROR_BAD_INPUT)->exit_code;
    }
    fputs(text, stdout);
    return 0;
}

static int
run(int argc, char **argv)
{
    g_auto(Wish) w = { .port = 8080, .drain = 30, .rate = UNSAID };
    const GOptionEntry entries[] = {
        { "listen", 'l', 0, G_OPTION_ARG_STRING, &w.address,
          "Address to listen at (default: 127.0.0.1)", "ADDRESS" },
        { "port", 'p', 0, G_OPTION_ARG_INT, &w.port, "Port; 0 takes any (default: 8080)", "N" },
        { "data", 'd', 0, G_OPTION_ARG_FILENAME, &w.data,
          "Folder of jobs and results (default: ~/.local/share/orfeas)", "DIR" },
        { "workers", 'w', 0, G_OPTION_ARG_INT, &w.workers,
          "Jobs at one time (default: one a core)", "N" },
        { "memory", 'm', 0, G_OPTION_ARG_STRING, &w.memory,
          "Memory of all jobs together (default: 3/4 of the machine's)", "SIZE" },
        { "run-limit", 0, 0, G_OPTION_ARG_STRING, &w.run_limit,
          "Longest time one job may run (default: 10m)", "TIME" },
        { "rate", 0, 0, G_OPTION_ARG_INT, &w.rate,
          "Jobs and uploads of one address in a minute; 0: any (default: any on this machine, "
          "else 300)",
          "N" },
        { "max-upload", 0, 0, G_OPTION_ARG_STRING, &w.max_upload, "Largest body (default: 64M)",
          "SIZE" },
        { "cache-size", 0, 0, G_OPTION_ARG_STRING, &w.cache_size,
          "Finished work kept for whoever asks again (default: 1G)", "SIZE" },
        { "cache-ttl", 0, 0, G_OPTION_ARG_STRING, &w.cache_ttl, "How long (default: 1h)",
          "TIME" },
        { "keep", 0, 0, G_OPTION_ARG_STRING, &w.keep,
          "Finished jobs and their files are kept this long (default: 24h)", "TIME" },
        { "keep-jobs", 0, 0, G_OPTION_ARG_INT, &w.keep_jobs,
          "And at most so many; the oldest go first (default: 100000)", "N" },
        { "keep-size", 0, 0, G_OPTION_ARG_STRING, &w.keep_size,
          "With files of at most this size together (default: 16G)", "SIZE" },
        { "webhook-secret-file", 0, 0, G_OPTION_ARG_FILENAME, &w.secret_file,
          "Signs webhooks: whsec_ and base64; without it they are refused", "FILE" },
        { "allow-origin", 0, 0, G_OPTION_ARG_STRING_ARRAY, &w.origins,
          "Lets pages of this site use the server; repeat for more", "ORIGIN" },
        { "behind-proxy", 0, 0, G_OPTION_ARG_NONE, &w.behind_proxy,
          "Clients are told apart by the proxy's X-Forwarded-For", NULL },
        { "drain", 0, 0, G_OPTION_ARG_INT, &w.drain,
          "Seconds that running jobs get when it stops (default: 30)", "N" },
        { "describe", 0, 0, G_OPTION_ARG_STRING, &w.describe,
          "Print the API as openapi (JSON) or reference (Markdown), and stop", "FORM" },
        { 0 },
    };
    int code = 0;
    if (!orf_cli_parse("serve", &argc, &argv, entries, "- the server: API, progress, page",
                       about, &code))
        return code;
    if (argc > 1) {
        g_printerr("orfeas: serve takes no \"%s\"; see \"orfeas serve --help\"\n", argv[1]);
        return orf_error_info(ORF_ERROR_BAD_INPUT)->exit_code;
    }
    if (w.describe)
        return describe(w.describe);
    if (!w.data)
        w.data = g_build_filename(g_get_user_data_dir(), "orfeas", NULL);
    return serve(&w);
}

const OrfCommand orf_command_serve = {
    .name = "serve",
    .summary = "the server: HTTP API with progressive results, and the page",
    .run = run,
};
