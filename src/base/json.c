/* json.c - JSON text, written only.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Two leaves, strings and numbers, as RFC 8785 (JCS) wants them: what is hashed is printed by
 * the same two functions as what is answered. Around them a writer that remembers how deep it
 * is and whether a comma is due, so that nobody else counts commas. */
#include "base/base.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* --- Strings ------------------------------------------------------------------------------ */

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

/* --- Numbers ------------------------------------------------------------------------------
 * The fewest digits that read back as the same number, laid out as ECMAScript does (ECMA-262,
 * Number::toString): plain from 1e-6 up to 1e21, with an exponent outside. */

#define MOST_DIGITS 17 /* enough for any double */

typedef struct {
    char digits[MOST_DIGITS + 1]; /* "125" for 0.00125, without trailing zeros */
    int n;                        /* how many */
    int point;                    /* the value is 0.digits times ten to this: -2 */
} Decimal;

/* "-1.25e-03" taken apart; the sign is left to the caller. */
static Decimal
take_apart(const char *text)
{
    Decimal ret = { .point = 1 };
    const char *p = text;
    for (; *p && *p != 'e'; p++)
        if (g_ascii_isdigit(*p))
            ret.digits[ret.n++] = *p;
    while (ret.n > 1 && ret.digits[ret.n - 1] == '0')
        ret.n--;
    ret.digits[ret.n] = '\0';
    ret.point += *p == 'e' ? atoi(p + 1) : 0;
    return ret;
}

/* Fifteen digits are right whenever so few suffice, but not for subnormal numbers, which have
 * fewer bits: there every length is tried. */
static Decimal
shortest(double value)
{
    char text[G_ASCII_DTOSTR_BUF_SIZE];
    for (int digits = fabs(value) < DBL_MIN ? 1 : 15; digits <= MOST_DIGITS; digits++) {
        char format[8];
        g_snprintf(format, sizeof format, "%%.%de", digits - 1);
        g_ascii_formatd(text, sizeof text, format, value);
        if (g_ascii_strtod(text, NULL) == value)
            break;
    }
    return take_apart(text);
}

static void
append_zeros(GString *out, int n)
{
    for (int i = 0; i < n; i++)
        g_string_append_c(out, '0');
}

static void
append_plain(GString *out, const Decimal *decimal)
{
    int whole = decimal->point;
    if (whole <= 0) {
        g_string_append(out, "0.");
        append_zeros(out, -whole);
        g_string_append(out, decimal->digits);
    } else if (whole >= decimal->n) {
        g_string_append(out, decimal->digits);
        append_zeros(out, whole - decimal->n);
    } else {
        g_string_append_len(out, decimal->digits, whole);
        g_string_append_c(out, '.');
        g_string_append(out, decimal->digits + whole);
    }
}

static void
append_with_exponent(GString *out, const Decimal *decimal)
{
    g_string_append_c(out, decimal->digits[0]);
    if (decimal->n > 1)
        g_string_append_printf(out, ".%s", decimal->digits + 1);
    g_string_append_printf(out, "e%+d", decimal->point - 1);
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
    Decimal decimal = shortest(value);
    if (value < 0)
        g_string_append_c(out, '-');
    if (decimal.point > -6 && decimal.point <= 21)
        append_plain(out, &decimal);
    else
        append_with_exponent(out, &decimal);
}

/* --- The writer --------------------------------------------------------------------------- */

#define MOST_DEEP 64

struct OrfJson {
    GString *text;
    bool borrowed;     /* by orf_json_onto */
    bool comma;        /* something stands before the next value at this depth */
    unsigned depth;    /* how many objects and arrays are open */
    uint64_t is_array; /* one bit for each of them, the innermost lowest */
};

static OrfJson *
writer_of(GString *text, bool borrowed)
{
    OrfJson *json = g_new0(OrfJson, 1);
    json->text = text;
    json->borrowed = borrowed;
    return json;
}

OrfJson *
orf_json_new(void)
{
    return writer_of(g_string_new(NULL), false);
}

OrfJson *
orf_json_onto(GString *out)
{
    return writer_of(out, true);
}

void
orf_json_free(OrfJson *json)
{
    if (!json)
        return;
    if (!json->borrowed && json->text)
        g_string_free(json->text, TRUE);
    g_free(json);
}

/* Comma and key; a value follows. */
static GString *
value_of(OrfJson *json, const char *key)
{
    bool in_object = json->depth && !(json->is_array & 1);
    g_assert(in_object == (key != NULL));
    g_assert(json->depth || !json->comma); /* one value is a document */
    if (json->comma)
        g_string_append_c(json->text, ',');
    json->comma = true;
    if (key) {
        orf_json_string(json->text, key);
        g_string_append_c(json->text, ':');
    }
    return json->text;
}

static void
begin(OrfJson *json, const char *key, bool is_array)
{
    g_string_append_c(value_of(json, key), is_array ? '[' : '{');
    g_assert(json->depth < MOST_DEEP);
    json->depth++;
    json->is_array = json->is_array << 1 | is_array;
    json->comma = false;
}

void
orf_json_begin_object(OrfJson *json, const char *key)
{
    begin(json, key, false);
}

void
orf_json_begin_array(OrfJson *json, const char *key)
{
    begin(json, key, true);
}

void
orf_json_end(OrfJson *json)
{
    g_assert(json->depth);
    g_string_append_c(json->text, json->is_array & 1 ? ']' : '}');
    json->depth--;
    json->is_array >>= 1;
    json->comma = true;
}

void
orf_json_add_text(OrfJson *json, const char *key, const char *text)
{
    GString *out = value_of(json, key);
    if (text)
        orf_json_string(out, text);
    else
        g_string_append(out, "null");
}

void
orf_json_add_texts(OrfJson *json, const char *key, const char *const *texts, size_t n)
{
    orf_json_begin_array(json, key);
    for (size_t i = 0; i < n; i++)
        orf_json_add_text(json, NULL, texts[i]);
    orf_json_end(json);
}

void
orf_json_add_int(OrfJson *json, const char *key, int64_t value)
{
    g_string_append_printf(value_of(json, key), "%" G_GINT64_FORMAT, (gint64)value);
}

void
orf_json_add_number(OrfJson *json, const char *key, double value)
{
    orf_json_number(value_of(json, key), value);
}

static void
add_formatted(OrfJson *json, const char *key, double value, int digits, char conversion)
{
    if (!isfinite(value)) {
        orf_json_add_null(json, key);
        return;
    }
    char format[16], text[400]; /* DBL_MAX has 309 digits before the point */
    g_snprintf(format, sizeof format, "%%.%d%c", CLAMP(digits, 0, 30), conversion);
    g_string_append(value_of(json, key), g_ascii_formatd(text, sizeof text, format, value));
}

void
orf_json_add_fixed(OrfJson *json, const char *key, double value, int digits)
{
    add_formatted(json, key, value, digits, 'f');
}

void
orf_json_add_rounded(OrfJson *json, const char *key, double value, int digits)
{
    add_formatted(json, key, value, digits, 'g');
}

void
orf_json_add_bool(OrfJson *json, const char *key, bool value)
{
    g_string_append(value_of(json, key), value ? "true" : "false");
}

void
orf_json_add_null(OrfJson *json, const char *key)
{
    g_string_append(value_of(json, key), "null");
}

void
orf_json_add_raw(OrfJson *json, const char *key, const char *value)
{
    g_string_append(value_of(json, key), value);
}

char *
orf_json_steal(OrfJson *json)
{
    g_assert(!json->depth && json->comma && !json->borrowed);
    return g_string_free(g_steal_pointer(&json->text), FALSE);
}

GBytes *
orf_json_steal_bytes(OrfJson *json)
{
    g_assert(!json->depth && json->comma && !json->borrowed);
    return g_string_free_to_bytes(g_steal_pointer(&json->text));
}
