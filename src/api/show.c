/* show.c - jobs as they are shown, rendered once for each version.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Most requests of a busy server ask how a job is doing, and most of the time nothing has
 * changed. The queue tells the version of a live job without building anything; a job that is
 * over never changes, so its picture holds until it expires or is deleted. What moves without a
 * new version (the estimate) may be a moment old. */
#include "api/jobs-priv.h"

#include <string.h>

#define ROOM 4096
#define FRESH_US (250 * 1000) /* estimates older than this are made anew */

struct OrfShowcase {
    GMutex lock;
    GHashTable *shown; /* id -> OrfShown */
    GQueue order;      /* OrfShown, oldest first; each as in `shown` or replaced since */
    uint32_t boot;     /* versions start again with the process, its ETags do not */
};

/* --- One job ------------------------------------------------------------------------------ */

static OrfShown *
shown_ref(OrfShown *shown)
{
    g_atomic_ref_count_inc(&shown->refs);
    return shown;
}

void
orf_shown_unref(OrfShown *shown)
{
    if (!shown || !g_atomic_ref_count_dec(&shown->refs))
        return;
    g_free(shown->id);
    g_free(shown->tenant);
    g_free(shown->stem);
    g_free(shown->error);
    orf_stages_unref(shown->stages);
    g_bytes_unref(shown->json);
    g_free(shown);
}

/* Pollers come back when half of what is left should be over. */
static unsigned
retry_after(const OrfJobView *view)
{
    if (orf_job_status_is_terminal(view->row.status))
        return 0;
    return view->eta_p50 < 0 ? 1 : (unsigned)CLAMP(view->eta_p50 / 2, 1, 30);
}

static OrfShown *
render(const OrfShowcase *showcase, const OrfJobView *view)
{
    OrfShown *shown = g_new0(OrfShown, 1);
    g_atomic_ref_count_init(&shown->refs);
    shown->id = g_strdup(view->row.id);
    shown->tenant = g_strdup(view->row.tenant);
    shown->status = view->row.status;
    shown->version = view->version;
    shown->events = view->events;
    shown->expires = view->row.expires;
    shown->rendered_us = g_get_monotonic_time();
    shown->retry_after = retry_after(view);
    shown->stem = orf_job_stem(view);
    shown->error = g_strdup(view->row.error.message);
    shown->stages = orf_stages_ref(view->row.stages);
    g_snprintf(shown->etag, sizeof shown->etag, "W/\"%08x-%" G_GINT64_MODIFIER "x\"",
               showcase->boot, view->version);
    GString *json = g_string_sized_new(2048);
    orf_job_json(json, view);
    shown->json = g_string_free_to_bytes(json);
    return shown;
}

/* --- All of them -------------------------------------------------------------------------- */

OrfShowcase *
orf_showcase_new(void)
{
    OrfShowcase *showcase = g_new0(OrfShowcase, 1);
    g_mutex_init(&showcase->lock);
    showcase->shown = g_hash_table_new(g_str_hash, g_str_equal);
    g_queue_init(&showcase->order);
    showcase->boot = g_random_int();
    return showcase;
}

void
orf_showcase_free(OrfShowcase *showcase)
{
    if (!showcase)
        return;
    g_hash_table_unref(showcase->shown);
    g_queue_clear_full(&showcase->order, (GDestroyNotify)orf_shown_unref);
    g_mutex_clear(&showcase->lock);
    g_free(showcase);
}

static void
drop_oldest(OrfShowcase *showcase)
{
    OrfShown *oldest = g_queue_pop_head(&showcase->order);
    if (g_hash_table_lookup(showcase->shown, oldest->id) == oldest)
        g_hash_table_remove(showcase->shown, oldest->id);
    orf_shown_unref(oldest);
}

static void
keep(OrfShowcase *showcase, OrfShown *shown)
{
    g_mutex_lock(&showcase->lock);
    g_hash_table_replace(showcase->shown, shown->id, shown);
    g_queue_push_tail(&showcase->order, shown_ref(shown));
    if (showcase->order.length > ROOM)
        drop_oldest(showcase);
    g_mutex_unlock(&showcase->lock);
}

/* `version` 0: the queue has it in memory no more. */
static bool
holds(const OrfShown *shown, uint64_t version)
{
    if (orf_job_status_is_terminal(shown->status))
        return (!version || version == shown->version) &&
               (!shown->expires || shown->expires > g_get_real_time());
    return version == shown->version && g_get_monotonic_time() - shown->rendered_us < FRESH_US;
}

static OrfShown *
find(OrfShowcase *showcase, const char *id, uint64_t version)
{
    g_mutex_lock(&showcase->lock);
    OrfShown *shown = g_hash_table_lookup(showcase->shown, id);
    if (shown && holds(shown, version))
        shown_ref(shown);
    else
        shown = NULL;
    g_mutex_unlock(&showcase->lock);
    return shown;
}

static OrfShowcase *
showcase_of(OrfApi *api)
{
    return ((OrfFeeds *)api->feeds)->showcase;
}

void
orf_show_forget(OrfApi *api, const char *id)
{
    OrfShowcase *showcase = showcase_of(api);
    g_mutex_lock(&showcase->lock);
    g_hash_table_remove(showcase->shown, id);
    g_mutex_unlock(&showcase->lock);
}

bool
orf_show_is_quick(OrfApi *api, const char *tenant, const char *id)
{
    uint64_t version = orf_queue_version(api->options.queue, tenant, id);
    g_autoptr(OrfShown) shown = version ? NULL : find(showcase_of(api), id, 0);
    return version || shown;
}

OrfShown *
orf_show_job(OrfApi *api, const char *tenant, const char *id, GError **error)
{
    OrfShowcase *showcase = showcase_of(api);
    g_autoptr(OrfShown) shown =
        find(showcase, id, orf_queue_version(api->options.queue, tenant, id));
    if (!shown) {
        g_auto(OrfJobView) view = { 0 };
        if (!orf_queue_look(api->options.queue, tenant, id, &view, error))
            return NULL;
        shown = render(showcase, &view);
        keep(showcase, shown);
    }
    if (tenant && shown->tenant && strcmp(tenant, shown->tenant) != 0)
        return ORF_FAIL(error, NOT_FOUND, "no job is called %.40s", id);
    return g_steal_pointer(&shown);
}

/* --- For a call --------------------------------------------------------------------------- */

OrfShown *
orf_call_show(OrfCall *call, const char *id)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(OrfShown) shown = orf_show_job(call->api, call->who.tenant, id, &error);
    if (!shown) {
        if (g_error_matches(error, ORF_ERROR, ORF_ERROR_NOT_FOUND))
            orf_call_problem(
                call, &(OrfProblem){ .code = ORF_PROBLEM_NOT_FOUND,
                                     .detail = "No job has this id.",
                                     .hint = "Jobs are kept for a day after they end." });
        else
            orf_call_error(call, error);
        return NULL;
    }
    if (shown->expires && shown->expires <= g_get_real_time()) {
        orf_call_problem(call, &(OrfProblem){ .code = ORF_PROBLEM_JOB_EXPIRED,
                                              .detail = "This job and its files have expired.",
                                              .hint = "Send the picture again." });
        return NULL;
    }
    return g_steal_pointer(&shown);
}

/* Without a look at the job: the client has the version that the queue is at. */
static bool
client_has(OrfCall *call, const char *id, const char *listed)
{
    OrfShowcase *showcase = showcase_of(call->api);
    uint64_t version =
        listed ? orf_queue_version(call->api->options.queue, call->who.tenant, id) : 0;
    char etag[48];
    if (!version)
        return false;
    g_snprintf(etag, sizeof etag, "W/\"%08x-%" G_GINT64_MODIFIER "x\"", showcase->boot,
               version);
    if (!orf_etag_listed(listed, etag, true))
        return false;
    const char *const headers[] = { "ETag", etag, "Cache-Control", "private, no-cache", NULL };
    orf_call_reply(call, &(OrfReply){ .status = 304, .headers = headers });
    return true;
}

static bool
is_post(const OrfCall *call)
{
    return strcmp(orf_request_method(call->request), "POST") == 0;
}

static void
reply_shown(OrfCall *call, const OrfShown *shown, int status)
{
    char after[16], location[96], applied[16];
    const char *headers[15] = { "Content-Type",  "application/json",
                                "Cache-Control", "private, no-cache",
                                "ETag",          shown->etag };
    size_t n = 6;
    int wait = orf_call_prefer_wait(call);
    if (shown->retry_after) {
        g_snprintf(after, sizeof after, "%u", shown->retry_after);
        headers[n++] = "Retry-After";
        headers[n++] = after;
    }
    if (is_post(call)) {
        g_snprintf(location, sizeof location, "/api/v1/jobs/%s", shown->id);
        headers[n++] = "Location";
        headers[n++] = location;
        if (status == 200) {
            headers[n++] = "Content-Location";
            headers[n++] = location;
        }
    }
    if (wait >= 0) {
        g_snprintf(applied, sizeof applied, wait ? "wait=%d" : "respond-async", wait);
        headers[n++] = "Preference-Applied";
        headers[n++] = applied;
    }
    orf_call_reply(call, &(OrfReply){ .status = status,
                                      .headers = headers,
                                      .body = status == 304 ? NULL : shown->json });
}

void
orf_call_reply_job(OrfCall *call, const char *id, bool created)
{
    const char *listed = created ? NULL : orf_request_header(call->request, "If-None-Match");
    if (client_has(call, id, listed))
        return;
    g_autoptr(OrfShown) shown = orf_call_show(call, id);
    if (!shown)
        return;
    bool same = listed && orf_etag_listed(listed, shown->etag, true);
    bool pending = created && !orf_job_status_is_terminal(shown->status);
    reply_shown(call, shown, pending ? 202 : same ? 304 : 200);
}

void
orf_call_reply_waited(OrfCall *call, const char *id)
{
    g_autoptr(OrfShown) shown = orf_call_show(call, id);
    if (shown)
        reply_shown(call, shown,
                    is_post(call) && !orf_job_status_is_terminal(shown->status) ? 202 : 200);
}
