/* ws_fuzz.c - whatever a WebSocket client says is understood or refused.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "api/jobs-priv.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    OrfWsMessage message;
    const char *wrong = orf_ws_message_read((const char *)data, size, &message);
    if (!wrong && message.type != ORF_WS_PING)
        g_assert(*message.job && !strpbrk(message.job, "\"\\/ "));
    return 0;
}
