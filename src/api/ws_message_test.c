/* SPDX-License-Identifier: Apache-2.0 */
#include "api/jobs-priv.h"

#include <string.h>

static void
understands(void)
{
    static const struct {
        const char *text;
        OrfWsType type;
        const char *job;
        uint64_t after;
    } cases[] = {
        { "{\"type\":\"ping\"}", ORF_WS_PING, "", 0 },
        { "{\"type\":\"subscribe\",\"job\":\"job_1\"}", ORF_WS_SUBSCRIBE, "job_1", 0 },
        { "{\"job\":\"job_1\",\"last_event_id\":7,\"type\":\"subscribe\"}", ORF_WS_SUBSCRIBE,
          "job_1", 7 },
        { "{\"type\":\"subscribe\",\"job\":\"j\",\"last_event_id\":null}", ORF_WS_SUBSCRIBE,
          "j", 0 },
        { "{\"type\":\"unsubscribe\",\"job\":\"job_1\"}", ORF_WS_UNSUBSCRIBE, "job_1", 0 },
    };
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        OrfWsMessage message;
        g_assert_null(orf_ws_message_read(cases[i].text, strlen(cases[i].text), &message));
        g_assert_cmpint(message.type, ==, cases[i].type);
        g_assert_cmpstr(message.job, ==, cases[i].job);
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
    };
    OrfWsMessage message;
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_test_message("%s", cases[i]);
        g_assert_nonnull(orf_ws_message_read(cases[i], strlen(cases[i]), &message));
    }
    g_autofree char *brackets = g_strnfill(4096, '[');
    g_assert_nonnull(orf_ws_message_read(brackets, 4096, &message));
    g_autofree char *blanks = g_strnfill(5000, ' ');
    g_assert_nonnull(orf_ws_message_read(blanks, 5000, &message));
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/api/ws-message/what-is-said-is-understood", understands);
    g_test_add_func("/api/ws-message/what-is-wrong-is-refused", refuses);
    return g_test_run();
}
