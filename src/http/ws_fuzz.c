/* The first byte is the size of the pieces, the rest what a client sends. However it is cut,
 * the messages are the same. What goes back may differ in order: a close overtakes what waits.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "http/http-priv.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
note(const void *bytes, size_t size, void *data)
{
    const char *text = bytes;
    for (size_t at = 0; at < size;
         at += strnlen(text + at, size - at) + 1) /* a zero byte is UTF-8 too */
        g_assert_true(g_utf8_validate(text + at, (gssize)strnlen(text + at, size - at), NULL));
    g_string_append_printf(data, "[%zu]", size);
    g_string_append_len(data, text, (gssize)size);
}

static GString *
talk(const uint8_t *bytes, size_t size, size_t piece)
{
    GString *said = g_string_new(NULL);
    OrfWs *ws = orf_ws_new(note, NULL, said);
    for (size_t at = 0; at < size && !orf_ws_over(ws); at += piece) {
        orf_ws_feed(ws, bytes + at, MIN(piece, size - at));
        if (orf_ws_closing(ws))
            break;
    }
    orf_ws_free(ws);
    return said;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2)
        return 0;
    GString *whole = talk(data + 1, size - 1, size);
    GString *pieces = talk(data + 1, size - 1, data[0] + 1u);
    g_assert_true(g_string_equal(whole, pieces));
    g_string_free(whole, TRUE);
    g_string_free(pieces, TRUE);
    return 0;
}
