/* topic_message_fuzz.c - whatever a WebSocket client says is understood or refused.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "rest/rest-priv.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const OrfTopic job = { .name = "job" };
    static const OrfTopic *const topics[] = { &job, NULL };
    OrfTopicMessage message;
    const char *wrong = orf_topic_message_read((const char *)data, size, topics, &message);
    if (!wrong && message.type != ORF_TOPIC_PING)
        g_assert(*message.id && !strpbrk(message.id, "\"\\/ "));
    return 0;
}
