/* json.c - JSON text, written only: strings and numbers as RFC 8785 (JCS) wants them.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/base.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static void
append_escaped(GString *out, unsigned char c)
{
    static const char shorthand[] = "\b\t\n\f\r\"\\", letter[] = "btnfr\"\\";
    const char *at = c ? strchr(shorthand, c) : NULL;
    if (at)
        g_string_append_printf(out, "\\%c", letter[at - shorthand]);
    else if (c < 0x20)
        g_string_append_printf(out, "\\u%04x", c);
    else
        g_string_append_c(out, (char)c);
}

void
orf_json_string(GString *out, const char *text)
{
    g_autofree char *valid = g_utf8_make_valid(text ? text : "", -1);
    g_string_append_c(out, '"');
    for (const char *p = valid; *p; p++)
        append_escaped(out, (unsigned char)*p);
    g_string_append_c(out, '"');
}

/* Shortest of %.1g .. %.17g that reads back as the same number, so 0.1 stays 0.1. */
static void
shortest(double value, char text[G_ASCII_DTOSTR_BUF_SIZE])
{
    for (int digits = 1; digits <= 17; digits++) {
        char format[8];
        g_snprintf(format, sizeof format, "%%.%dg", digits);
        g_ascii_formatd(text, G_ASCII_DTOSTR_BUF_SIZE, format, value);
        if (g_ascii_strtod(text, NULL) == value)
            return;
    }
}

void
orf_json_number(GString *out, double value)
{
    if (!isfinite(value)) {
        g_string_append(out, "null");
        return;
    }
    if (value == floor(value) && fabs(value) < 1e15) {
        g_string_append_printf(out, "%" G_GINT64_FORMAT, (gint64)value);
        return;
    }
    char text[G_ASCII_DTOSTR_BUF_SIZE];
    shortest(value, text);
    g_string_append(out, text);
}
