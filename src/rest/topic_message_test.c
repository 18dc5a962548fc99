/* SPDX-License-Identifier: Apache-2.0 */
#include "rest/rest-priv.h"

#include <string.h>

static const OrfTopic job = { .name = "job" }, scene = { .name = "scene" };
static const OrfTopic *const topics[] = { &job, &scene, NULL };

static void
understands(void)
{
    static const struct {
        const char *text;
        OrfTopicType type;
        const char *topic, *id;
        uint64_t after;
    } cases[] = {
        { "{\"type\":\"ping\"}", ORF_TOPIC_PING, NULL, "", 0 },
        { "{\"type\":\"subscribe\",\"job\":\"job_1\"}", ORF_TOPIC_SUBSCRIBE, "job", "job_1",
          0 },
        { "{\"job\":\"job_1\",\"last_event_id\":7,\"type\":\"subscribe\"}", ORF_TOPIC_SUBSCRIBE,
          "job", "job_1", 7 },
        { "{\"type\":\"subscribe\",\"job\":\"j\",\"last_event_id\":null}", ORF_TOPIC_SUBSCRIBE,
          "job", "j", 0 },
        { "{\"type\":\"unsubscribe\",\"job\":\"job_1\"}", ORF_TOPIC_UNSUBSCRIBE, "job", "job_1",
          0 },
        { "{\"type\":\"subscribe\",\"topic\":\"scene/s-1\",\"last_event_id\":2}",
          ORF_TOPIC_SUBSCRIBE, "scene", "s-1", 2 },
    };
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        OrfTopicMessage message;
        g_assert_null(
            orf_topic_message_read(cases[i].text, strlen(cases[i].text), topics, &message));
        g_assert_cmpint(message.type, ==, cases[i].type);
        g_assert_cmpstr(message.topic ? message.topic->name : NULL, ==, cases[i].topic);
        g_assert_cmpstr(message.id, ==, cases[i].id);
        g_assert_cmpuint(message.after, ==, cases[i].after);
    }
}

static void
refuses(void)
{
    static const char *const cases[] = {
        "",
        "ping",
        "[]",
        "{}",
        "{\"type\":7}",
        "{\"type\":\"shout\"}",
        "{\"type\":\"ping\",\"type\":\"ping\"}",
        "{\"type\":\"ping\",\"job\":\"a\"}",
        "{\"type\":\"subscribe\"}",
        "{\"type\":\"subscribe\",\"job\":\"\"}",
        "{\"type\":\"subscribe\",\"job\":[]}",
        "{\"type\":\"subscribe\",\"job\":\"a\\\"b\"}",
        "{\"type\":\"subscribe\",\"job\":\"../x\"}",
        "{\"type\":\"subscribe\",\"job\":\"a\",\"last_event_id\":-1}",
        "{\"type\":\"subscribe\",\"job\":\"a\",\"last_event_id\":\"3\"}",
        "{\"type\":\"subscribe\",\"job\":\"a\",\"lastEventId\":3}",
        "{\"type\":\"unsubscribe\",\"job\":\"a\",\"last_event_id\":3}",
        "{\"type\":\"subscribe\",\"job\":\"a\",\"scene\":\"b\"}",
        "{\"type\":\"subscribe\",\"job\":\"a\",\"topic\":\"job/a\"}",
        "{\"type\":\"subscribe\",\"topic\":\"room/a\"}",
        "{\"type\":\"subscribe\",\"topic\":\"job\"}",
        "{\"type\":\"subscribe\",\"topic\":\"job/\"}",
        "{\"type\":\"subscribe\",\"topic\":\"job/a/b\"}",
    };
    OrfTopicMessage message;
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_test_message("%s", cases[i]);
        g_assert_nonnull(orf_topic_message_read(cases[i], strlen(cases[i]), topics, &message));
    }
    g_autofree char *brackets = g_strnfill(4096, '[');
    g_assert_nonnull(orf_topic_message_read(brackets, 4096, topics, &message));
    g_autofree char *blanks = g_strnfill(5000, ' ');
    g_assert_nonnull(orf_topic_message_read(blanks, 5000, topics, &message));
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/rest/topic-message/what-is-said-is-understood", understands);
    g_test_add_func("/rest/topic-message/what-is-wrong-is-refused", refuses);
    return g_test_run();
}
