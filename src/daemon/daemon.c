/* daemon.c - opening and closing, in this order and back.
 *
 *     meter, devices -> store -> runner -> queue -> API -> HTTP -> housekeeping
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "daemon/daemon-priv.h"

#include <limits.h>
#include <string.h>
#include <sys/resource.h>

#define MOST_CONNECTIONS 8192
#define OTHER_FILES 512 /* descriptors for everything but connections */
/* Beyond the largest file: the API says 413 first, and says it better. */
#define FORM_ROOM (1u << 20)
#define LARGEST ((uint64_t)64 << 20)
#define LAST_WORDS_US (5 * G_USEC_PER_SEC) /* for replies and streams after the jobs */

/* --- Opening ------------------------------------------------------------------------------ */

/* Storage that cannot be used is no reason to be silent: /readyz says why. A folder in use is.
 */
static bool
open_store(OrfDaemon *daemon, GError **error)
{
    g_autoptr(GError) why = NULL;
    daemon->store = orf_store_open(daemon->dir, &why);
    if (daemon->store)
        return true;
    if (g_error_matches(why, ORF_ERROR, ORF_ERROR_BUSY)) {
        g_propagate_error(error, g_steal_pointer(&why));
        return false;
    }
    daemon->safe_mode = g_strdup(why->message);
    return true;
}

/* This program again, as the process that runs jobs. */
static void
isolate(OrfDaemon *daemon, const OrfDaemonOptions *options)
{
    OrfMachine machine;
    orf_machine_read(NULL, &machine);
    uint64_t memory = options->memory ? options->memory : machine.memory_total / 4 * 3;
    daemon->runs_memory = g_strdup_printf("%" G_GUINT64_FORMAT, memory);
    daemon->program = g_strdup(options->program ? options->program : "/proc/self/exe");
    const char *const argv[] = { daemon->program, "run-jobs", "--memory", daemon->runs_memory,
                                 NULL };
    memcpy(daemon->runner_argv, argv, sizeof argv);
    orf_runner_isolate(daemon->runner, &(OrfIsolation){ .argv = daemon->runner_argv,
                                                        .memory = options->memory,
                                                        .limit_us = options->run_limit_us });
}

static bool
open_queue(OrfDaemon *daemon, const OrfDaemonOptions *options, GError **error)
{
    g_autoptr(GError) why = NULL;
    if (!daemon->store)
        return true;
    daemon->runner = orf_runner_new(daemon->store, daemon->meter, daemon->devices);
    isolate(daemon, options);
    daemon->queue = orf_queue_new(
        &(OrfQueueOptions){
            .store = daemon->store,
            .work = orf_runner_work(daemon->runner, orf_api_describe_error),
            .workers = options->workers,
            .memory = options->memory,
            .cache_ttl_us = options->cache_ttl_us,
            .cache_bytes = options->cache_bytes,
            .keep_us = options->keep_us,
            .keep_jobs = options->keep_jobs,
            .keep_bytes = options->keep_bytes,
            .webhook_secret = options->webhook_secret,
        },
        &why);
    if (daemon->queue)
        return true;
    if (!g_error_matches(why, ORF_ERROR, ORF_ERROR_CONFLICT) &&
        !g_error_matches(why, ORF_ERROR, ORF_ERROR_UNAVAILABLE)) {
        g_propagate_error(error, g_steal_pointer(&why));
        return false;
    }
    daemon->safe_mode = g_strdup(why->message);
    g_clear_pointer(&daemon->runner, orf_runner_free);
    g_clear_pointer(&daemon->store, orf_store_close);
    return true;
}

static bool
is_loopback(const char *address)
{
    return g_str_has_prefix(address, "127.") || g_str_equal(address, "::1");
}

/* As many as the descriptors that this process may have allow; it takes all it may. */
static unsigned
connections(void)
{
    struct rlimit files = { 0 };
    if (getrlimit(RLIMIT_NOFILE, &files) != 0)
        return 0;
    files.rlim_cur = files.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &files) != 0)
        getrlimit(RLIMIT_NOFILE, &files);
    return (unsigned)CLAMP(files.rlim_cur, 2 * OTHER_FILES, MOST_CONNECTIONS + OTHER_FILES) -
           OTHER_FILES;
}

static bool
open_front(OrfDaemon *daemon, const OrfDaemonOptions *options, GError **error)
{
    /* Nothing runs on it here: it knows which nets decide results, for their digests. */
    daemon->engine = orf_engine_new(&(OrfEngineOptions){ .nets = options->nets }, error);
    if (!daemon->engine)
        return false;
    daemon->api = orf_api_new(
        &(OrfApiOptions){
            .store = daemon->store,
            .queue = daemon->queue,
            .meter = daemon->meter,
            .devices = daemon->devices,
            .runner = daemon->runner,
            .engine = daemon->engine,
            .safe_mode = daemon->safe_mode,
            .rate = options->rate,
            /* Which names a proxy lets through is its business, unless sites are listed. */
            .loopback = is_loopback(daemon->address) && (!options->proxied || options->origins),
            .proxied = options->proxied,
            .max_upload = options->max_upload ? options->max_upload : LARGEST,
            .origins = options->origins,
        },
        error);
    if (!daemon->api)
        return false;
    /* Programs of this machine, and all clients of a proxy, come from one address. */
    bool one_address = is_loopback(daemon->address) || options->proxied;
    unsigned most = connections();
    daemon->http = orf_http_start(
        &(OrfHttpOptions){
            .address = daemon->address,
            .port = options->port,
            .max_body = (options->max_upload ? options->max_upload : LARGEST) + FORM_ROOM,
            .max_connections = most,
            .max_per_address = one_address ? most : 0,
        },
        orf_api_app(daemon->api), error);
    if (!daemon->http)
        return false;
    orf_api_set_http(daemon->api, daemon->http);
    return true;
}

OrfDaemon *
orf_daemon_start(const OrfDaemonOptions *options, GError **error)
{
    g_autoptr(OrfDaemon) daemon = g_new0(OrfDaemon, 1);
    daemon->dir = g_strdup(options->dir);
    daemon->address = g_strdup(options->address ? options->address : "127.0.0.1");
    daemon->meter = orf_meter_new();
    daemon->devices = orf_devices_new(&(OrfDevicesOptions){ .memory = options->memory }, error);
    if (!daemon->devices || !open_store(daemon, error) || !open_queue(daemon, options, error) ||
        !open_front(daemon, options, error))
        return NULL;
    daemon->keeper = orf_keeper_start(daemon);
    return g_steal_pointer(&daemon);
}

/* --- Looking ------------------------------------------------------------------------------ */

char *
orf_daemon_url(const OrfDaemon *daemon)
{
    bool v6 = strchr(daemon->address, ':') != NULL;
    return g_strdup_printf("http://%s%s%s:%u/", v6 ? "[" : "", daemon->address, v6 ? "]" : "",
                           orf_daemon_port(daemon));
}

uint16_t
orf_daemon_port(const OrfDaemon *daemon)
{
    return orf_http_port(daemon->http);
}

const char *
orf_daemon_safe_mode(const OrfDaemon *daemon)
{
    return daemon->safe_mode;
}

bool
orf_daemon_is_loopback(const OrfDaemon *daemon)
{
    return is_loopback(daemon->address);
}

static OrfDevices *
look_once(void)
{
    return orf_devices_new(&(OrfDevicesOptions){ .period_ms = UINT_MAX },
                           NULL); /* NULL: none */
}

size_t
orf_daemon_each_cuda(void (*each)(const char *name, const char *driver, uint64_t memory_total,
                                  uint64_t memory_free))
{
    g_autoptr(OrfDevices) devices = look_once();
    OrfDeviceStats s;
    size_t n = 0;
    for (size_t i = 0; devices && orf_devices_stats(devices, i, &s); i++) {
        if (s.kind != ORF_DEVICE_CUDA)
            continue;
        n++;
        if (each)
            each(s.name, s.driver, s.memory_total, s.memory_free);
    }
    return n;
}

void
orf_daemon_add_cuda(OrfJson *json, const char *key)
{
    g_autoptr(OrfDevices) devices = look_once();
    orf_json_begin_array(json, key);
    if (devices)
        orf_devices_add_kind(devices, ORF_DEVICE_CUDA, json);
    orf_json_end(json);
}

int
orf_daemon_run_jobs(uint64_t memory, const char *const *nets, OrfRunHook hook)
{
    return orf_run_jobs(memory, nets, hook);
}

char *
orf_daemon_confinement(void)
{
    return orf_confinement_here(0);
}

char *
orf_daemon_describe(const char *what)
{
    return g_str_equal(what, "openapi")     ? orf_api_openapi()
           : g_str_equal(what, "reference") ? orf_api_reference()
                                            : NULL;
}

/* --- Closing ------------------------------------------------------------------------------ */

/* While jobs finish, clients are still answered: they see them end, and probes see 503. */
void
orf_daemon_drain(OrfDaemon *daemon, int64_t deadline_us)
{
    if (daemon->drained || !daemon->http)
        return;
    daemon->drained = true;
    orf_api_drain(daemon->api);
    if (daemon->queue)
        orf_queue_drain(daemon->queue, deadline_us);
    orf_api_end_streams(daemon->api);
    orf_http_drain(daemon->http, g_get_monotonic_time() + LAST_WORDS_US);
}

void
orf_daemon_free(OrfDaemon *daemon)
{
    if (!daemon)
        return;
    orf_daemon_drain(daemon, g_get_monotonic_time());
    orf_keeper_stop(daemon->keeper);
    orf_http_free(daemon->http);
    orf_api_free(daemon->api);
    orf_engine_unref(daemon->engine);
    orf_queue_free(daemon->queue);
    orf_runner_free(daemon->runner);
    orf_store_close(daemon->store);
    orf_devices_free(daemon->devices);
    orf_meter_free(daemon->meter);
    orf_ending_clear(&daemon->ending);
    g_free(daemon->safe_mode);
    g_free(daemon->runs_memory);
    g_free(daemon->program);
    g_free(daemon->address);
    g_free(daemon->dir);
    g_free(daemon);
}
