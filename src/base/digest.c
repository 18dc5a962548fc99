/* digest.c - SHA-256, the name of bytes.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/base.h"

#include <string.h>

void
orf_digest(const void *data, size_t size, char ret_hex[ORF_DIGEST_SIZE])
{
    g_autoptr(GChecksum) sum = g_checksum_new(G_CHECKSUM_SHA256);
    const uint8_t *at = data;
    while (size > 0) {
        size_t piece = MIN(size, (size_t)1 << 30); /* g_checksum_update takes a signed length */
        g_checksum_update(sum, at, (gssize)piece);
        at += piece;
        size -= piece;
    }
    memcpy(ret_hex, g_checksum_get_string(sum), ORF_DIGEST_SIZE);
}

char *
orf_digest_bytes(GBytes *bytes)
{
    char hex[ORF_DIGEST_SIZE];
    size_t size;
    const void *data = g_bytes_get_data(bytes, &size);
    orf_digest(data, size, hex);
    return g_strdup(hex);
}
