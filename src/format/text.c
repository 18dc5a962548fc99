/* text.c - numbers and words in text, fast both ways.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Reading: digits gather in a 64-bit integer; when it stays below 2^53 and the power of ten is
 * at most 22, one multiplication or division of exact doubles rounds correctly (Clinger 1990);
 * anything else goes to g_ascii_strtod. Writing: the shortest of 6 to 9 digits that reads back
 * by the same division is the text, so a float always survives. */
#include "format/format-priv.h"

#include <math.h>
#include <string.h>

static const double powers[] = { 1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                 1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22 };
#define MAX_POWER 22

/* --- Line ends ---------------------------------------------------------------------------- */

static bool
is_lone_return(const char *at, const char *end)
{
    const char *next = at + 1;
    while (next < end && *next == '\r')
        next++;
    return next == end || *next != '\n';
}

static bool
has_lone_return(const char *text, size_t size)
{
    const char *end = text + size;
    for (const char *at = text; at < end && (at = memchr(at, '\r', (size_t)(end - at))); at++)
        if (is_lone_return(at, end))
            return true;
    return false;
}

GBytes *
orf_text_lines(OrfTask *task, GBytes *bytes, GError **error)
{
    size_t size;
    const char *text = g_bytes_get_data(bytes, &size);
    size_t skip = size >= 3 && !memcmp(text, ORF_UTF8_MARK, 3) ? 3 : 0;
    if (!has_lone_return(text, size))
        return skip ? g_bytes_new_from_bytes(bytes, skip, size - skip) : g_bytes_ref(bytes);
    orf_autofree char *copy = ORF_ALLOC(task, char, size, "text", error);
    if (!copy)
        return NULL;
    memcpy(copy, text + skip, size - skip);
    bool lone = true;
    for (size_t i = size - skip; i-- > 0;) { /* backwards: what follows is known */
        if (copy[i] == '\r' && lone)
            copy[i] = '\n';
        else if (copy[i] != '\r')
            lone = copy[i] != '\n';
    }
    return orf_bytes_take(g_steal_pointer(&copy), size - skip);
}

/* --- Words and lines ---------------------------------------------------------------------- */

static bool
is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

void
orf_cursor_space(OrfCursor *cursor)
{
    while (cursor->at < cursor->end && is_space(*cursor->at))
        cursor->at++;
}

void
orf_cursor_next_line(OrfCursor *cursor)
{
    while (cursor->at < cursor->end)
        if (*cursor->at++ == '\n')
            return;
}

OrfCursor
orf_cursor_word(OrfCursor *cursor)
{
    orf_cursor_blanks(cursor);
    OrfCursor word = { cursor->at, cursor->at };
    while (word.end < cursor->end && !is_space(*word.end))
        word.end++;
    cursor->at = word.end;
    return word;
}

char *
orf_cursor_rest(OrfCursor *cursor)
{
    orf_cursor_blanks(cursor);
    const char *from = cursor->at;
    orf_cursor_next_line(cursor);
    const char *to = cursor->at;
    while (to > from && is_space(to[-1]))
        to--;
    return g_strndup(from, (size_t)(to - from));
}

bool
orf_word_is(OrfCursor word, const char *text)
{
    size_t n = strlen(text);
    return (size_t)(word.end - word.at) == n && memcmp(word.at, text, n) == 0;
}

size_t
orf_line_number(const char *text, const char *at)
{
    size_t line = 1;
    while ((text = memchr(text, '\n', (size_t)(at - text)))) {
        line++;
        text++;
    }
    return line;
}

/* --- Numbers in --------------------------------------------------------------------------- */

typedef struct {
    uint64_t digits;
    int exponent; /* of ten */
    bool any, exact;
} Decimal;

static const char *
read_digits(const char *at, const char *end, Decimal *number, bool fraction)
{
    const char *from = at;
    for (; at < end && (unsigned char)(*at - '0') < 10; at++) {
        if (number->digits < UINT64_C(100000000000000000)) {
            number->digits = number->digits * 10 + (unsigned char)(*at - '0');
            number->exponent -= fraction;
        } else {
            number->exact &= *at == '0';
            number->exponent += !fraction;
        }
    }
    number->any |= at > from;
    return at;
}

static const char *
read_exponent(const char *at, const char *end, Decimal *number)
{
    const char *from = at++;
    bool negative = at < end && *at == '-';
    if (at < end && (*at == '-' || *at == '+'))
        at++;
    if (at == end || (unsigned char)(*at - '0') >= 10)
        return from;
    int power = 0;
    for (; at < end && (unsigned char)(*at - '0') < 10; at++)
        power = power < 100000 ? power * 10 + (*at - '0') : power;
    number->exponent += negative ? -power : power;
    return at;
}

/* The slow way, for long or extreme numbers; what is beyond 400 characters is not looked at. */
static double
read_slowly(const char *at, const char *end)
{
    char copy[401];
    size_t n = MIN((size_t)(end - at), sizeof copy - 1);
    memcpy(copy, at, n);
    copy[n] = 0;
    return g_ascii_strtod(copy, NULL);
}

static bool
read_word_number(OrfCursor *cursor, const char *at, bool negative, double *ret)
{
    static const struct {
        const char *word;
        double value;
    } words[] = { { "nan", NAN }, { "infinity", INFINITY }, { "inf", INFINITY } };
    for (size_t i = 0; i < G_N_ELEMENTS(words); i++) {
        size_t n = strlen(words[i].word);
        if ((size_t)(cursor->end - at) >= n && !g_ascii_strncasecmp(at, words[i].word, n)) {
            *ret = negative ? -words[i].value : words[i].value;
            cursor->at = at + n;
            return true;
        }
    }
    return false;
}

bool
orf_cursor_number(OrfCursor *cursor, double *ret)
{
    orf_cursor_blanks(cursor);
    const char *at = cursor->at, *end = cursor->end;
    bool negative = at < end && *at == '-';
    if (at < end && (*at == '-' || *at == '+'))
        at++;
    Decimal number = { .exact = true };
    const char *from = at;
    at = read_digits(at, end, &number, false);
    if (at < end && *at == '.')
        at = read_digits(at + 1, end, &number, true);
    if (!number.any)
        return read_word_number(cursor, from, negative, ret);
    if (at < end && (*at == 'e' || *at == 'E'))
        at = read_exponent(at, end, &number);
    double value;
    if (!number.exact || number.digits > UINT64_C(1) << 53 || number.exponent < -MAX_POWER ||
        number.exponent > MAX_POWER)
        value = read_slowly(from, at);
    else if (number.exponent < 0)
        value = (double)number.digits / powers[-number.exponent];
    else
        value = (double)number.digits * powers[number.exponent];
    *ret = negative ? -value : value;
    cursor->at = at;
    return true;
}

bool
orf_cursor_integer(OrfCursor *cursor, int64_t *ret)
{
    orf_cursor_blanks(cursor);
    const char *at = cursor->at;
    bool negative = at < cursor->end && *at == '-';
    if (at < cursor->end && (*at == '-' || *at == '+'))
        at++;
    int64_t value = 0;
    const char *from = at;
    for (; at < cursor->end && (unsigned char)(*at - '0') < 10; at++)
        value = value < INT64_C(100000000000000000) ? value * 10 + (*at - '0') : value;
    if (at == from)
        return false;
    *ret = negative ? -value : value;
    cursor->at = at;
    return true;
}

/* --- Numbers out -------------------------------------------------------------------------- */

char *
orf_put_text(char *at, const char *text)
{
    size_t n = strlen(text);
    memcpy(at, text, n);
    return at + n;
}

/* At least `width` digits, zeros in front. */
static char *
put_digits(char *at, uint64_t value, int width)
{
    char digits[20];
    int n = 0;
    do {
        digits[n++] = (char)('0' + value % 10);
        value /= 10;
    } while (value || n < width);
    while (n)
        *at++ = digits[--n];
    return at;
}

char *
orf_put_uint(char *at, uint32_t value)
{
    return put_digits(at, value, 1);
}

static char *
put_scientific(char *at, float value)
{
    char text[G_ASCII_DTOSTR_BUF_SIZE];
    g_ascii_formatd(text, sizeof text, "%.9g", (double)value);
    return orf_put_text(at, text);
}

/* value * 10^decimals as an integer that divides back to the same float; -1: needs more digits.
 */
static int64_t
scaled(float value, int decimals)
{
    double digits = nearbyint((double)value * powers[decimals]);
    return (float)(digits / powers[decimals]) == value ? (int64_t)digits : -1;
}

/* The digits of value * 10^decimals, as few as read back; `before`: of them stand before the
 * point. */
static int64_t
shortest(float value, int before, int *ret_decimals)
{
    int decimals = MAX(6 - before, 0), most = MIN(9 - before, MAX_POWER);
    int64_t digits = scaled(value, decimals);
    while (digits < 0 && decimals < most)
        digits = scaled(value, ++decimals);
    for (; digits > 0 && decimals && digits % 10 == 0; decimals--)
        digits /= 10;
    *ret_decimals = decimals;
    return digits;
}

char *
orf_put_float(char *at, float value)
{
    if (signbit(value)) {
        *at++ = '-';
        value = -value;
    }
    if (value < 1e9f && value == (float)(uint32_t)value)
        return orf_put_uint(at, (uint32_t)value);
    if (!(value >= 1e-13f && value < 1e9f))
        return put_scientific(at, value);
    int before = 0, decimals; /* before: -1, -2: zeros after the point */
    while (before < 9 && (double)value >= powers[before])
        before++;
    if (!before)
        while ((double)value * powers[1 - before] < 1)
            before--;
    int64_t digits = shortest(value, before, &decimals);
    if (digits < 0)
        return put_scientific(at, value);
    if (before < -2) {
        at = put_digits(at, (uint64_t)digits, 1);
        *at++ = 'e';
        *at++ = '-';
        return put_digits(at, (uint64_t)decimals, 1);
    }
    int64_t unit = (int64_t)powers[decimals];
    at = put_digits(at, (uint64_t)(digits / unit), 1);
    if (!decimals)
        return at;
    *at++ = '.';
    return put_digits(at, (uint64_t)(digits % unit), decimals);
}

/* --- Text that grows ---------------------------------------------------------------------- */

void
orf_text_init(OrfText *text, OrfTask *task)
{
    *text = (OrfText){ .task = task, .bytes = { .item = 1 } };
}

void
orf_text_clear(OrfText *text)
{
    orf_vec_clear(&text->bytes);
}

char *
orf_text_room(OrfText *text, size_t n, GError **error)
{
    char *at = orf_vec_add(text->task, &text->bytes, n, "text of the file", error);
    if (at)
        text->bytes.n -= n;
    return at;
}

void
orf_text_end(OrfText *text, const char *end)
{
    text->bytes.n = (size_t)(end - (const char *)text->bytes.data);
}

bool
orf_text_add(OrfText *text, GError **error, const char *format, ...)
{
    va_list list;
    va_start(list, format);
    g_autofree char *line = g_strdup_vprintf(format, list);
    va_end(list);
    char *at = orf_text_room(text, strlen(line), error);
    if (!at)
        return false;
    orf_text_end(text, orf_put_text(at, line));
    return true;
}

GBytes *
orf_text_steal(OrfText *text)
{
    size_t size = text->bytes.n;
    return orf_bytes_take(orf_vec_steal(&text->bytes), size);
}
