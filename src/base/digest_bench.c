/* digest_bench.c - SHA-256 of a picture, against GLib's.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/base.h"

#include <stdio.h>
#include <string.h>

static int
compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void
measure(const char *name, const guint8 *bytes, size_t size, int runs, bool slow)
{
    double ms[101];
    for (int i = 0; i < runs; i++) {
        int64_t begun = g_get_monotonic_time();
        char hex[ORF_DIGEST_SIZE];
        if (slow)
            g_free(g_compute_checksum_for_data(G_CHECKSUM_SHA256, bytes, size));
        else
            orf_digest(bytes, size, hex);
        ms[i] = (double)(g_get_monotonic_time() - begun) / 1000;
    }
    qsort(ms, (size_t)runs, sizeof *ms, compare);
    printf("%s\t%zu\t%.3f\t%.3f\t0\t%.0f MB/s\n", name, size, ms[runs / 2], ms[runs * 95 / 100],
           (double)size / 1000 / ms[runs / 2]);
}

int
main(int argc, char **argv)
{
    int runs = argc > 1 && strcmp(argv[1], "--quick") == 0 ? 5 : 51;
    size_t size = (size_t)4 << 20;
    g_autofree guint8 *bytes = g_malloc0(size);
    measure("digest/libcrypto", bytes, size, runs, false);
    measure("digest/glib", bytes, size, runs, true);
    return 0;
}
