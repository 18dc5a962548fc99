/* webhooks.c - GET /api/v1/webhooks, POST /api/v1/webhooks/{id}/resend: messages that nobody
 * took.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * A message that failed ten times waits here until somebody has mended the receiver and sends
 * it again. The address may carry a secret of the receiver's in its query, which is left out.
 */
#include "api/endpoints.h"
#include "api/endpoints.h"

#include <string.h>

static void
add_message(OrfJson *json, const OrfHookRow *row)
{
    g_autofree char *url = g_strndup(row->url, strcspn(row->url, "?#"));
    orf_json_begin_object(json, NULL);
    orf_json_add_int(json, "id", row->id);
    orf_json_add_text(json, "job", row->job);
    orf_json_add_text(json, "event", row->event);
    orf_json_add_text(json, "url", url);
    orf_json_add_int(json, "attempts", row->attempts);
    orf_json_add_text(json, "last_error", row->last_error);
    orf_json_end(json);
}

static void
list_dead(OrfCall *call)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GPtrArray) rows =
        orf_queue_dead_hooks(call->api->options.queue, call->who.tenant,
                             (unsigned)orf_call_int(call, "limit"), &error);
    if (!rows) {
        orf_call_error(call, error);
        return;
    }
    g_autoptr(OrfJson) json = orf_json_new();
    orf_json_begin_object(json, NULL);
    orf_json_begin_array(json, "dead");
    for (guint i = 0; i < rows->len; i++)
        add_message(json, rows->pdata[i]);
    orf_json_end(json);
    orf_call_reply_object(call, 200, json);
}

const OrfEndpoint orf_endpoint_webhooks = {
    .method = "GET",
    .path = "/api/v1/webhooks",
    .name = "listDeadWebhooks",
    .group = "operations",
    .summary = "Messages that nobody took",
    .help = "Webhook messages that failed ten times in two hours, with the last reason.",
    .permit = ORF_PERMIT_ADMIN,
    .desk = true,
    .arguments =
        (const OrfArgument[]){
            { ORF_IN_QUERY, ORF_INT("limit", 1, 1000, "100", "At most so many.") },
            { 0 },
        },
    .answers = (const OrfAnswer[]){ { 200, "application/json", "DeadWebhooks", "The messages" },
                                    { 0 } },
    .handle = list_dead,
};

static void
resend(OrfCall *call)
{
    g_autoptr(GError) error = NULL;
    if (orf_queue_resend_hook(call->api->options.queue, call->who.tenant,
                              orf_call_int(call, "id"), &error))
        orf_call_reply(call, &(OrfReply){ .status = 204 });
    else
        orf_call_error(call, error);
}

const OrfEndpoint orf_endpoint_webhook_resend = {
    .method = "POST",
    .path = "/api/v1/webhooks/{id}/resend",
    .name = "resendWebhook",
    .group = "operations",
    .summary = "Send a message again",
    .help = "It gets ten more tries, the first at once.",
    .permit = ORF_PERMIT_ADMIN,
    .desk = true,
    .arguments =
        (const OrfArgument[]){
            { ORF_IN_PATH, ORF_INT("id", 1, 9007199254740991, "", "The message.") },
            { 0 },
        },
    .answers =
        (const OrfAnswer[]){
            { 204, NULL, NULL, "It is on its way" },
            { 404, "application/problem+json", "Problem", "No message has this id" },
            { 0 },
        },
    .handle = resend,
};
