/* conditions.c - conditional requests, ranges, names of files: RFC 9110 sections 13 and 14, RFC
 * 6266, RFC 9530.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Pure. What is malformed is ignored, as the standards ask. */
#include "rest/rest.h"

#include <string.h>

/* --- Entity tags -------------------------------------------------------------------------- */

/* One tag at `at`: its opaque part with the quotes. Where it ends; NULL: no tag. */
static const char *
read_tag(const char *at, const char **ret_opaque, bool *ret_weak)
{
    *ret_weak = strncmp(at, "W/", 2) == 0;
    at += *ret_weak ? 2 : 0;
    const char *end = *at == '"' ? strchr(at + 1, '"') : NULL;
    *ret_opaque = at;
    return end ? end + 1 : NULL;
}

bool
orf_etag_listed(const char *list, const char *etag, bool weak)
{
    const char *wanted, *found;
    bool wanted_weak, found_weak;
    const char *wanted_end = read_tag(etag, &wanted, &wanted_weak);
    if (!list || !wanted_end)
        return false;
    size_t size = (size_t)(wanted_end - wanted);
    for (const char *at = list + strspn(list, " \t,"); *at; at += strspn(at, " \t,")) {
        if (*at == '*')
            return true;
        const char *end = read_tag(at, &found, &found_weak);
        if (!end)
            return false;
        if ((size_t)(end - found) == size && memcmp(found, wanted, size) == 0 &&
            (weak || (!wanted_weak && !found_weak)))
            return true;
        at = end;
    }
    return false;
}

/* --- Ranges ------------------------------------------------------------------------------- */

/* Digits at `at`; numbers too large for 64 bits are the largest. NULL: no digit. */
static const char *
read_number(const char *at, uint64_t *ret)
{
    uint64_t value = 0;
    const char *from = at;
    for (; g_ascii_isdigit(*at); at++)
        if (__builtin_mul_overflow(value, 10, &value) ||
            __builtin_add_overflow(value, (uint64_t)(*at - '0'), &value))
            value = UINT64_MAX / 10;
    *ret = value;
    return at > from ? at : NULL;
}

static OrfRange
suffix_range(const char *text, uint64_t size, uint64_t *ret_first, uint64_t *ret_length)
{
    uint64_t last;
    const char *end = read_number(text, &last);
    if (!end || end[strspn(end, " \t")])
        return ORF_RANGE_WHOLE;
    *ret_length = MIN(last, size);
    *ret_first = size - *ret_length;
    return *ret_length ? ORF_RANGE_PART : ORF_RANGE_NONE;
}

OrfRange
orf_range_read(const char *text, uint64_t size, uint64_t *ret_first, uint64_t *ret_length)
{
    uint64_t first, last = UINT64_MAX;
    if (!text || g_ascii_strncasecmp(text, "bytes=", 6) != 0 || strchr(text, ','))
        return ORF_RANGE_WHOLE;
    text += 6 + strspn(text + 6, " \t");
    if (*text == '-')
        return suffix_range(text + 1, size, ret_first, ret_length);
    const char *at = read_number(text, &first);
    if (!at || *at != '-')
        return ORF_RANGE_WHOLE;
    at++;
    const char *end = g_ascii_isdigit(*at) ? read_number(at, &last) : at;
    if (end[strspn(end, " \t")] || last < first)
        return ORF_RANGE_WHOLE;
    if (first >= size)
        return ORF_RANGE_NONE;
    *ret_first = first;
    *ret_length = MIN(last, size - 1) - first + 1;
    return ORF_RANGE_PART;
}

/* --- Names -------------------------------------------------------------------------------- */

static bool
is_plain(const char *stem)
{
    for (; *stem; stem++)
        if (!g_ascii_isalnum(*stem) && !strchr("-_.", *stem))
            return false;
    return true;
}

/* What old clients see: anything but letters and digits is '_'. */
static void
put_plain(GString *out, const char *stem)
{
    for (const char *at = stem; *at; at = g_utf8_next_char(at))
        g_string_append_c(out, g_ascii_isalnum(*at) || strchr("-_. ()", *at) ? *at : '_');
}

char *
orf_disposition(const char *how, const char *stem, const char *extension)
{
    g_autofree char *valid = g_utf8_make_valid(stem, -1);
    GString *out = g_string_new(how);
    g_string_append(out, "; filename=\"");
    put_plain(out, valid);
    g_string_append_printf(out, ".%s\"", extension);
    if (!is_plain(valid)) {
        g_string_append(out, "; filename*=UTF-8''");
        g_string_append_uri_escaped(out, valid, "", FALSE);
        g_string_append_printf(out, ".%s", extension);
    }
    return g_string_free(out, FALSE);
}

char *
orf_content_digest(const char *digest)
{
    guchar bytes[32] = { 0 };
    for (size_t i = 0; i < sizeof bytes && digest[2 * i] && digest[2 * i + 1]; i++)
        bytes[i] = (guchar)(g_ascii_xdigit_value(digest[2 * i]) << 4 |
                            g_ascii_xdigit_value(digest[2 * i + 1]));
    g_autofree char *text = g_base64_encode(bytes, sizeof bytes);
    return g_strdup_printf("sha-256=:%s:", text);
}
