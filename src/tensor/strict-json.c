/* strict-json.c - the small, strict part of JSON that checkpoint headers use.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Lenient readers disagree about duplicate keys, numbers like 1.0 and lone surrogates; two
 * programs that read one header differently are how a checked file becomes another one. So
 * everything doubtful is refused, with its place. */
#include "tensor/strict-json.h"

#include <string.h>

bool
orf_strict_fail(OrfStrictJson *json, const char *why, GError **error)
{
    return ORF_REFUSE(json->reader, json->at, error, "%s", why);
}

static int
peek(const OrfStrictJson *json)
{
    return json->at < json->end ? json->reader->bytes[json->at] : -1;
}

void
orf_strict_space(OrfStrictJson *json)
{
    while (peek(json) == ' ' || peek(json) == '\n' || peek(json) == '\r' || peek(json) == '\t')
        json->at++;
}

bool
orf_strict_take(OrfStrictJson *json, char c)
{
    orf_strict_space(json);
    bool there = peek(json) == c;
    json->at += there;
    return there;
}

bool
orf_strict_expect(OrfStrictJson *json, char c, GError **error)
{
    if (orf_strict_take(json, c))
        return true;
    return ORF_REFUSE(json->reader, json->at, error, "'%c' expected", c);
}

static bool
read_hex4(OrfStrictJson *json, gunichar *ret, GError **error)
{
    gunichar value = 0;
    for (int i = 0; i < 4; i++, json->at++) {
        int digit = peek(json) < 0 ? -1 : g_ascii_xdigit_value((char)peek(json));
        if (digit < 0)
            return orf_strict_fail(json, "four hex digits expected after \\u", error);
        value = value << 4 | (gunichar)digit;
    }
    *ret = value;
    return true;
}

static bool
read_unicode(OrfStrictJson *json, GError **error)
{
    gunichar code, low;
    if (!read_hex4(json, &code, error))
        return false;
    if (code >= 0xd800 && code < 0xdc00 && peek(json) == '\\') {
        json->at++;
        if (peek(json) != 'u')
            return orf_strict_fail(json, "a lone surrogate", error);
        json->at++;
        if (!read_hex4(json, &low, error))
            return false;
        if (low < 0xdc00 || low > 0xdfff)
            return orf_strict_fail(json, "a lone surrogate", error);
        code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
    }
    if (code >= 0xd800 && code <= 0xdfff)
        return orf_strict_fail(json, "a lone surrogate", error);
    if (code) {
        g_string_append_unichar(json->text, code);
        return true;
    }
    g_string_append_c(json->text, '\0');
    return true;
}

static bool
read_escape(OrfStrictJson *json, GError **error)
{
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    int c = peek(json);
    json->at += c >= 0;
    if (c == 'u')
        return read_unicode(json, error);
    const char *found = c > 0 ? strchr(from, c) : NULL;
    if (!found)
        return orf_strict_fail(json, "an unknown escape", error);
    g_string_append_c(json->text, to[found - from]);
    return true;
}

bool
orf_strict_string(OrfStrictJson *json, GError **error)
{
    if (!orf_strict_expect(json, '"', error))
        return false;
    g_string_truncate(json->text, 0);
    uint64_t begin = json->at;
    for (;;) {
        int c = peek(json);
        if (c < 0x20)
            return orf_strict_fail(json, "a string that does not end", error);
        json->at++;
        if (c == '"')
            break;
        if (c != '\\')
            g_string_append_c(json->text, (char)c);
        else if (!read_escape(json, error))
            return false;
    }
    if (orf_reader_utf8_ok((const uint8_t *)json->text->str, json->text->len))
        return true;
    return ORF_REFUSE(json->reader, begin, error, "a string that is not UTF-8");
}

bool
orf_strict_uint(OrfStrictJson *json, uint64_t *ret, GError **error)
{
    orf_strict_space(json);
    uint64_t begin = json->at, value = 0;
    while (peek(json) >= '0' && peek(json) <= '9') {
        uint64_t digit = (uint64_t)(peek(json) - '0');
        if (value > ((uint64_t)INT64_MAX - digit) / 10)
            return orf_strict_fail(json, "a number above 2^63-1", error);
        value = value * 10 + digit;
        json->at++;
    }
    uint64_t digits = json->at - begin;
    int next = peek(json);
    if (!digits || (digits > 1 && json->reader->bytes[begin] == '0') || next == '.' ||
        next == 'e' || next == 'E')
        return orf_strict_fail(json, "a non-negative integer expected", error);
    *ret = value;
    return true;
}

/* A number, true, false or null: the characters they are made of. */
static bool
skip_word(OrfStrictJson *json, GError **error)
{
    uint64_t begin = json->at;
    while (peek(json) > 0 && (g_ascii_isalnum((char)peek(json)) || strchr("+-.", peek(json))))
        json->at++;
    return json->at > begin || orf_strict_fail(json, "a value expected", error);
}

static bool
skip_list(OrfStrictJson *json, bool object, unsigned depth, GError **error)
{
    char close = object ? '}' : ']';
    if (orf_strict_take(json, close))
        return true;
    do {
        if (object && (!orf_strict_string(json, error) || !orf_strict_expect(json, ':', error)))
            return false;
        if (!orf_strict_skip(json, depth - 1, error))
            return false;
    } while (orf_strict_take(json, ','));
    return orf_strict_expect(json, close, error);
}

bool
orf_strict_skip(OrfStrictJson *json, unsigned depth, GError **error)
{
    if (!depth)
        return orf_strict_fail(json, "nested too deep", error);
    orf_strict_space(json);
    if (peek(json) == '"')
        return orf_strict_string(json, error);
    if (orf_strict_take(json, '{'))
        return skip_list(json, true, depth, error);
    if (orf_strict_take(json, '['))
        return skip_list(json, false, depth, error);
    return skip_word(json, error);
}

static guint
hash_bytes(gconstpointer bytes)
{
    return g_bytes_hash(bytes);
}

bool
orf_strict_object(OrfStrictJson *json, OrfStrictKeyFn each, void *data, GError **error)
{
    if (!orf_strict_expect(json, '{', error))
        return false;
    if (orf_strict_take(json, '}'))
        return true;
    g_autoptr(GHashTable) seen =
        g_hash_table_new_full(hash_bytes, g_bytes_equal, (GDestroyNotify)g_bytes_unref, NULL);
    do {
        if (!orf_strict_string(json, error))
            return false;
        GBytes *key = g_bytes_new(json->text->str, json->text->len); /* the table owns it */
        if (!g_hash_table_add(seen, key))
            return orf_strict_fail(json, "a key that occurs twice", error);
        gsize length;
        g_autofree char *name = g_strndup(json->text->str, json->text->len);
        g_bytes_get_data(key, &length);
        if (!orf_strict_expect(json, ':', error) || !each(json, name, length, data, error))
            return false;
    } while (orf_strict_take(json, ','));
    return orf_strict_expect(json, '}', error);
}
