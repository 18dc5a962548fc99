/* SPDX-License-Identifier: Apache-2.0 */
#include "base/base.h"

#include <string.h>

static void
knows_the_digests_of_the_standard(void)
{
    char hex[ORF_DIGEST_SIZE];
    orf_digest("", 0, hex);
    g_assert_cmpstr(hex, ==,
                    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    orf_digest("abc", 3, hex);
    g_assert_cmpstr(hex, ==,
                    "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

/* GLib's own SHA-256 is the slow twin. */
static void
agrees_with_the_slow_twin_in_pieces_of_any_size(void)
{
    guint8 bytes[3000];
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (guint8)(i * i >> 3);
    for (size_t size = 0; size <= sizeof bytes; size += 1 + size / 7) {
        g_autofree char *slow = g_compute_checksum_for_data(G_CHECKSUM_SHA256, bytes, size);
        g_autoptr(OrfDigester) digester = orf_digester_new();
        for (size_t at = 0; at < size; at += MIN(size - at, 1 + size / 3))
            orf_digester_add(digester, bytes + at, MIN(size - at, 1 + size / 3));
        char hex[ORF_DIGEST_SIZE];
        orf_digester_end(digester, hex);
        g_assert_cmpstr(hex, ==, slow);
        orf_digest(bytes, size, hex);
        g_assert_cmpstr(hex, ==, slow);
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/base/digest/knows-the-digests-of-the-standard",
                    knows_the_digests_of_the_standard);
    g_test_add_func("/base/digest/agrees-with-the-slow-twin-in-pieces-of-any-size",
                    agrees_with_the_slow_twin_in_pieces_of_any_size);
    return g_test_run();
}
