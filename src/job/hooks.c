/* hooks.c - messages about jobs: what they say, how they are signed, when they are tried again.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * A message is a row that is written together with the change it tells of; so none is lost, and
 * none tells of what did not happen. */
#include "job/hook-priv.h"

#include <curl/curl.h>
#include <string.h>

#define SECRET_PREFIX "whsec_"
#define MIN_SECRET 16 /* bytes */

/* --- The message -------------------------------------------------------------------------- */

static const char *
event_name(unsigned event)
{
    return event == ORF_HOOK_STARTED ? "job.started"
           : event == ORF_HOOK_STAGE ? "job.stage"
                                     : "job.done";
}

static void
add_error(OrfJson *json, const OrfJobError *error)
{
    if (!error->code) {
        orf_json_add_null(json, "error");
        return;
    }
    orf_json_begin_object(json, "error");
    orf_json_add_text(json, "code", error->code);
    orf_json_add_text(json, "message", error->message);
    orf_json_add_bool(json, "retryable", error->retryable);
    orf_json_end(json);
}

static char *
body_of(OrfQueue *queue, const OrfJobRow *row, const char *event)
{
    char time[ORF_TIME_SIZE];
    orf_time_text(orf_queue_wall(queue), time);
    g_autoptr(OrfJson) json = orf_json_new();
    orf_json_begin_object(json, NULL);
    orf_json_add_text(json, "type", event);
    orf_json_add_text(json, "timestamp", time);
    orf_json_begin_object(json, "data");
    orf_json_add_text(json, "id", row->id);
    orf_json_add_text(json, "status", orf_job_status_name(row->status));
    orf_json_add_number(json, "progress", row->progress);
    orf_json_add_int(json, "attempt", row->attempt);
    orf_json_begin_array(json, "stages");
    for (size_t i = 0; i < orf_stages_n(row->stages); i++) {
        orf_json_begin_object(json, NULL);
        orf_stage_json(json, &row->stages->rows[i], "name");
        orf_json_end(json);
    }
    orf_json_end(json);
    add_error(json, &row->error);
    orf_json_end(json);
    orf_json_end(json);
    return orf_json_steal(json);
}

OrfHookRow *
orf_hook_for(OrfQueue *queue, const OrfLiveJob *job, const OrfJobRow *row, unsigned event)
{
    if (!queue->hooks || !job->row.webhook_url || !(job->row.webhook_events & event))
        return NULL;
    const char *name = event_name(event);
    OrfHookRow *hook = g_new0(OrfHookRow, 1);
    hook->job = g_strdup(row->id);
    hook->url = g_strdup(row->webhook_url);
    hook->event = g_strdup(name);
    hook->body = body_of(queue, row, name);
    hook->next = orf_queue_steady(queue);
    return hook;
}

char *
orf_hook_message_id(const OrfHookRow *row)
{
    return g_strdup_printf("msg_%s_%" G_GINT64_FORMAT, row->job, row->id);
}

char *
orf_hook_sign(GBytes *key, const char *id, int64_t timestamp, const char *body)
{
    size_t size;
    const guint8 *bytes = g_bytes_get_data(key, &size);
    g_autofree char *text = g_strdup_printf("%s.%" G_GINT64_FORMAT ".%s", id, timestamp, body);
    guint8 digest[32];
    gsize digest_size = sizeof digest;
    GHmac *hmac = g_hmac_new(G_CHECKSUM_SHA256, bytes, size);
    g_hmac_update(hmac, (const guchar *)text, -1);
    g_hmac_get_digest(hmac, digest, &digest_size);
    g_hmac_unref(hmac);
    g_autofree char *base64 = g_base64_encode(digest, digest_size);
    return g_strconcat("v1,", base64, NULL);
}

/* Ten tries in two hours. */
int64_t
orf_hook_pause(int attempts)
{
    static const int seconds[] = { 5, 15, 30, 60, 120, 300, 720, 1800, 4200 };
    if (attempts < 1 || attempts > (int)G_N_ELEMENTS(seconds))
        return 0;
    double jitter = 0.9 + 0.2 * g_random_double();
    return (int64_t)(seconds[attempts - 1] * jitter * G_TIME_SPAN_SECOND);
}

/* --- Open and close ----------------------------------------------------------------------- */

static GBytes *
read_secret(const char *secret, GError **error)
{
    const char *text =
        g_str_has_prefix(secret, SECRET_PREFIX) ? secret + strlen(SECRET_PREFIX) : secret;
    gsize size = 0;
    g_autofree guint8 *bytes = g_base64_decode(text, &size);
    if (size < MIN_SECRET)
        return ORF_FAIL(error, BAD_INPUT,
                        "the webhook secret is too short; make one with: "
                        "echo whsec_$(head -c 32 /dev/urandom | base64)");
    return g_bytes_new_take(g_steal_pointer(&bytes), size);
}

OrfHooks *
orf_hooks_new(OrfQueue *queue, const char *secret, GError **error)
{
    GBytes *key = read_secret(secret, error);
    if (!key)
        return NULL;
    curl_global_init(CURL_GLOBAL_DEFAULT); /* counted: once more does no harm */
    OrfHooks *hooks = g_new0(OrfHooks, 1);
    hooks->queue = queue;
    hooks->key = key;
    hooks->multi = curl_multi_init();
    hooks->thread = g_thread_new("orfeas-hooks", orf_hook_send_thread, hooks);
    return hooks;
}

void
orf_hooks_wake(OrfHooks *hooks)
{
    if (hooks)
        curl_multi_wakeup(hooks->multi);
}

void
orf_hooks_free(OrfHooks *hooks)
{
    if (!hooks)
        return;
    hooks->stopping = true;
    curl_multi_wakeup(hooks->multi);
    g_thread_join(hooks->thread);
    curl_multi_cleanup(hooks->multi);
    g_bytes_unref(hooks->key);
    g_free(hooks);
}

/* --- The dead list ------------------------------------------------------------------------ */

GPtrArray *
orf_queue_dead_hooks(OrfQueue *queue, const char *tenant, unsigned limit, GError **error)
{
    return orf_hook_rows_dead(queue->store, tenant, limit, error);
}

bool
orf_queue_resend_hook(OrfQueue *queue, const char *tenant, int64_t id, GError **error)
{
    g_autoptr(OrfHookRow) row = orf_hook_row_get(queue->store, tenant, id, error);
    if (!row)
        return false;
    row->attempts = 0;
    row->next = orf_queue_steady(queue);
    if (!orf_hook_row_move(queue->store, row, error))
        return false;
    orf_hooks_wake(queue->hooks);
    return true;
}
