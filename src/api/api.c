/* api.c - the table of endpoints, and the API's life.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "api/endpoints.h"
#include "api/wish.h"

#define MAX_UPLOAD (64u << 20)
#define MAX_PIXELS 64000000u

/* clang-format off: one line each; docs/guide/api.md and GET /api/v1/openapi.json keep this order. */
static const OrfEndpoint *const table[] = {
    &orf_endpoint_generate_3d,
    &orf_endpoint_generate,
    &orf_endpoint_generate_progressive,
    &orf_endpoint_upload,
    &orf_endpoint_get_upload,
    &orf_endpoint_jobs,
    &orf_endpoint_job,
    &orf_endpoint_job_events,
    &orf_endpoint_job_result,
    &orf_endpoint_job_stage,
    &orf_endpoint_job_view,
    &orf_endpoint_job_cancel,
    &orf_endpoint_job_delete,
    &orf_endpoint_replay,
    &orf_endpoint_ws,
    &orf_endpoint_meshes_post,
    &orf_endpoint_mesh,
    &orf_endpoint_mesh_file,
    &orf_endpoint_mesh_view,
    &orf_endpoint_mesh_analysis,
    &orf_endpoint_mesh_convert,
    &orf_endpoint_mesh_delete,
    &orf_endpoint_operations,
    &orf_endpoint_operate,
    &orf_endpoint_generators,
    &orf_endpoint_gpu_stats,
    &orf_endpoint_cache_stats,
    &orf_endpoint_cache_clear,
    &orf_endpoint_performance,
    &orf_endpoint_recommendations,
    &orf_endpoint_index,
    &orf_endpoint_openapi,
    &orf_endpoint_problems,
    &orf_endpoint_problem,
    &orf_endpoint_livez,
    &orf_endpoint_readyz,
    &orf_endpoint_health,
    &orf_endpoint_metrics,
    &orf_endpoint_webhooks,
    &orf_endpoint_webhook_resend,
    &orf_endpoint_hunyuan_generate,
    &orf_endpoint_hunyuan_send,
    &orf_endpoint_hunyuan_status,
    &orf_endpoint_page,
    &orf_endpoint_page_file,
    NULL,
};
/* clang-format on */

const OrfEndpoint *const *
orf_endpoints(void)
{
    return table;
}

/* --- What rest asks and tells ------------------------------------------------------------- */

bool
orf_api_low_on_disk(const OrfApi *api)
{
    return atomic_load(&api->parts->low_on_disk);
}

static bool
check_state(OrfCall *call)
{
    const OrfApi *api = call->api;
    const OrfEndpoint *endpoint = call->endpoint;
    /* Cancelling and erasing are always welcome. */
    bool creates =
        endpoint->permit == ORF_PERMIT_CREATE && (endpoint->bodies || endpoint->cost);
    if (!endpoint->safe && endpoint->permit != ORF_PERMIT_OPEN &&
        (!api->options.store || !api->options.queue)) {
        g_autofree char *why = orf_problem_scrub(
            api->options.safe_mode ? api->options.safe_mode : "There is no storage.");
        orf_call_problem(call,
                         &(OrfProblem){ ORF_PROBLEM_STORAGE_UNAVAILABLE, why,
                                        "The server runs in safe mode; its operator finds the "
                                        "remedy in docs/guide/server.md.",
                                        .retry_after = 30 });
        return false;
    }
    if (creates && api->draining) {
        orf_call_problem(call,
                         &(OrfProblem){ ORF_PROBLEM_DRAINING, "The server is about to stop.",
                                        .retry_after = 5 });
        return false;
    }
    if (creates && orf_api_low_on_disk(api)) {
        orf_call_problem(call, &(OrfProblem){ ORF_PROBLEM_STORAGE_UNAVAILABLE,
                                              "The server's disk is almost full.",
                                              .retry_after = 30 });
        return false;
    }
    return true;
}

/* Without accounts everybody who may reach the server is its owner. */
static bool
identify_local(OrfCall *call, OrfIdentity *ret)
{
    (void)call;
    *ret = (OrfIdentity){ .tenant = "local", .name = "local", .permits = ORF_PERMITS_ALL };
    return true;
}

/* --- Life --------------------------------------------------------------------------------- */

static void
copy_options(OrfApi *api, const OrfApiOptions *options)
{
    OrfApiParts *parts = api->parts;
    api->options = *options;
    api->options.max_upload = options->max_upload ? options->max_upload : MAX_UPLOAD;
    api->options.max_pixels = options->max_pixels ? options->max_pixels : MAX_PIXELS;
    api->options.safe_mode = parts->safe_mode = g_strdup(options->safe_mode);
    parts->origins = g_strdupv((char **)options->origins);
    api->options.origins = (const char *const *)parts->origins;
}

OrfApi *
orf_api_new(const OrfApiOptions *options, GError **error)
{
    if (!options->meter)
        return ORF_FAIL(error, BUG, "api: no meter");
    if (options->store && !orf_store_migrate(options->store, &orf_file_schema, error))
        return NULL;
    OrfApi *api = g_new0(OrfApi, 1);
    OrfApiParts *parts = api->parts = g_new0(OrfApiParts, 1);
    copy_options(api, options);
    api->rest = orf_rest_new(&(OrfRestOptions){
        .table = table,
        .meter = options->meter,
        .api = api,
        .rate = options->rate,
        .loopback = options->loopback,
        .proxied = options->proxied,
        .max_upload = api->options.max_upload,
        .origins = options->origins,
        .ready = check_state,
        .identify = options->identify ? options->identify : identify_local,
        .verify = options->verify,
    });
    atomic_init(&parts->disk_free, G_MAXUINT64);
    parts->started_us = g_get_monotonic_time();
    parts->page = orf_page_load();
    parts->openapi = orf_document_take(orf_api_openapi(), "application/json");
    parts->generators = orf_generators_document(api);
    parts->operations = orf_operations_document();
    orf_metrics_begin(api);
    api->clock = orf_workers_new("clock", 1, 0);
    orf_feeds_init(api);
    return api;
}

const OrfHttpApp *
orf_api_app(OrfApi *api)
{
    return orf_rest_app(api->rest);
}

void
orf_api_set_http(OrfApi *api, OrfHttp *http)
{
    api->http = http;
}

void
orf_api_set_disk(OrfApi *api, uint64_t free_bytes)
{
    atomic_store(&api->parts->disk_free, free_bytes);
    atomic_store(&api->parts->low_on_disk, free_bytes < LEAST_DISK);
}

void
orf_api_drain(OrfApi *api)
{
    api->draining = true;
}

void
orf_api_end_streams(OrfApi *api)
{
    orf_api_drain(api);
    orf_feeds_drain(api);
}

void
orf_api_free(OrfApi *api)
{
    if (!api)
        return;
    OrfApiParts *parts = api->parts;
    orf_rest_stop(api->rest);
    orf_feeds_end(api);
    orf_workers_free(api->clock);
    orf_feeds_free(api);
    g_hash_table_unref(parts->page);
    orf_document_free(parts->generators);
    orf_document_free(parts->operations);
    orf_document_free(parts->openapi);
    orf_rest_free(api->rest);
    g_strfreev(parts->origins);
    g_free(parts->safe_mode);
    g_free(parts);
    g_free(api);
}
