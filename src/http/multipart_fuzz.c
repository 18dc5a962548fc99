/* The first byte is the size of the pieces, 255 for the Content-Type itself; the rest is the
 * body. However it is cut, the parser must say the same.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "http/multipart_test.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
read_type(const char *bytes, size_t size)
{
    g_autofree char *type = g_strndup(bytes, size);
    g_autoptr(GError) error = NULL;
    g_autoptr(OrfMultipart) parser = orf_multipart_new(type, &(OrfPartApp){ 0 }, &error);
    g_assert_true((parser != NULL) == (error == NULL));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char type[] = "multipart/form-data; boundary=XX";
    if (!size)
        return 0;
    const char *body = (const char *)data + 1;
    size--;
    if (data[0] == 255) {
        read_type(body, size);
        return 0;
    }
    g_autoptr(GError) error = NULL, piece_error = NULL;
    g_autofree char *whole = parse_in_pieces(type, body, size, MAX(size, 1), &error);
    g_autofree char *pieces = parse_in_pieces(type, body, size, data[0] + 1u, &piece_error);
    g_assert_cmpstr(whole, ==, pieces);
    g_assert_true((whole != NULL) == (error == NULL));
    return 0;
}
