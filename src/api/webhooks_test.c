/* webhooks_test.c - messages that nobody took, seen and sent again.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "api/jobs-stage_fixture.h"

#include <string.h>

#define HOOKS "/api/v1/webhooks"

/* A message of the newest job that has given up. Returns its id. */
static bool
put_hook(OrfSql *sql, void *data, GError **error)
{
    const OrfHookRow *row = data;
    return orf_sql_run(sql, error,
                       "INSERT INTO hook(job, url, event, body, attempts, next, last_error) "
                       "VALUES($1, $2, $3, $4, $5, $6, $7)",
                       "ssssiis", row->job, row->url, row->event, row->body,
                       (int64_t)row->attempts, row->next, row->last_error);
}

static int64_t
add_dead(JobsStage *stage)
{
    g_autoptr(GError) error = NULL;
    OrfHookRow row = { .job = stage->id,
                       .url = "https://example.com/hook?token=secret",
                       .event = "job.done",
                       .body = "{}",
                       .attempts = 10,
                       .next = -1,
                       .last_error = "HTTP 500" };
    g_assert_true(orf_store_write(stage->store, true, put_hook, &row, &error));
    g_autoptr(GPtrArray) dead = orf_queue_dead_hooks(stage->queue, "local", 10, &error);
    g_assert_no_error(error);
    g_assert_cmpuint(dead->len, ==, 1);
    return ((const OrfHookRow *)dead->pdata[0])->id;
}

static void
dead_messages_are_listed_and_sent_again(void)
{
    JobsStage *stage = jobs_stage_start();
    jobs_stage_add(stage, "a");
    int64_t id = add_dead(stage);
    g_auto(ApiAnswer) before = api_get(stage->api, HOOKS);
    g_assert_cmpint(before.status, ==, 200);
    json_t *body = api_answer_json(&before);
    json_t *message = json_array_get(json_object_get(body, "dead"), 0);
    g_assert_cmpint(json_integer_value(json_object_get(message, "id")), ==, id);
    g_assert_cmpstr(json_string_value(json_object_get(message, "url")), ==,
                    "https://example.com/hook");
    g_assert_cmpstr(json_string_value(json_object_get(message, "last_error")), ==, "HTTP 500");
    json_decref(body);
    g_autofree char *path = g_strdup_printf(HOOKS "/%" G_GINT64_FORMAT "/resend", id);
    g_auto(ApiAnswer) sent = api_ask(stage->api, "POST", path, "", "");
    g_assert_cmpint(sent.status, ==, 204);
    g_auto(ApiAnswer) after = api_get(stage->api, HOOKS);
    g_assert_nonnull(strstr(after.body, "{\"dead\":[]}"));
    jobs_stage_finish(stage);
    jobs_stage_await(stage, "done");
    jobs_stage_stop(stage);
}

static void
an_unknown_message_is_not_found(void)
{
    JobsStage *stage = jobs_stage_start();
    g_auto(ApiAnswer) answer = api_ask(stage->api, "POST", HOOKS "/77/resend", "", "");
    g_assert_cmpint(answer.status, ==, 404);
    g_auto(ApiAnswer) wrong = api_ask(stage->api, "POST", HOOKS "/x/resend", "", "");
    g_assert_cmpint(wrong.status, ==, 404); /* a path that cannot be is not there */
    jobs_stage_stop(stage);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/api/webhooks/dead-messages-are-listed-and-sent-again",
                    dead_messages_are_listed_and_sent_again);
    g_test_add_func("/api/webhooks/an-unknown-message-is-not-found",
                    an_unknown_message_is_not_found);
    return g_test_run();
}
