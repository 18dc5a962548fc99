/* conditions_fuzz.c - ranges stay inside the file, names inside their header, whatever is
 * asked.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "rest/rest.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autofree char *text = g_strndup((const char *)data, size);
    uint64_t first, length;
    for (uint64_t whole = 0; whole < 1000; whole = whole * 3 + 1)
        if (orf_range_read(text, whole, &first, &length) == ORF_RANGE_PART)
            g_assert(length > 0 && first < whole && length <= whole - first);
    orf_etag_listed(text, "\"sha256-00\"", true);
    orf_etag_listed(text, "\"sha256-00\"", false);
    g_autofree char *name = orf_disposition("attachment", text, "glb");
    g_assert(!strpbrk(name, "\r\n") && g_str_has_prefix(name, "attachment; filename=\""));
    return 0;
}
