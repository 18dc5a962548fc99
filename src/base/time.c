/* time.c - times as clients see them: RFC 3339, UTC, with milliseconds.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/base.h"

#include <time.h>

void
orf_time_text(int64_t time_us, char ret_text[ORF_TIME_SIZE])
{
    int64_t ms = time_us / 1000, rest = ms % 1000;
    time_t seconds = (time_t)(ms / 1000 - (rest < 0));
    struct tm date;
    gmtime_r(&seconds, &date);
    char day[sizeof "2025-06-01T12:00:00"] = "";
    strftime(day, sizeof day, "%FT%T", &date);
    g_snprintf(ret_text, ORF_TIME_SIZE, "%s.%03dZ", day, (int)(rest < 0 ? rest + 1000 : rest));
}
