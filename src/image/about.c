/* about.c - which library reads our pictures, and which formats it was built with.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "image/image.h"

#include <vips/vips.h>

const char *
orf_image_library(void)
{
    static char text[32];
    static gsize once;
    if (g_once_init_enter(&once)) {
        g_snprintf(text, sizeof text, "libvips %d.%d.%d", vips_version(0), vips_version(1),
                   vips_version(2));
        g_once_init_leave(&once, 1);
    }
    return text;
}

bool
orf_image_reads(const char *format)
{
    g_autofree char *operation = g_strconcat(format, "load_buffer", NULL);
    return vips_type_find("VipsForeignLoad", operation) != 0;
}
