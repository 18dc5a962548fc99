/* Bytes of a runner: what is taken as a message is written again byte for byte.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "work/message.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(OrfMessage) message = orf_message_decode(data, size, &error);
    g_assert_true((message != NULL) == (error == NULL));
    if (!message)
        return 0;
    g_autoptr(GBytes) bytes = orf_message_encode(message, &error);
    g_assert_no_error(error);
    size_t n;
    const uint8_t *again = g_bytes_get_data(bytes, &n);
    g_assert_cmpuint(n, ==, size);
    g_assert_cmpmem(again + 8, n - 8, data + 8, size - 8); /* descriptors are not decoded */
    return 0;
}
