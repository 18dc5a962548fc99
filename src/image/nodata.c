/* nodata.c - which number of an elevation model means that nothing is known.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * GDAL writes it as text into the private TIFF tag 42113. Without the tag it shows: one of the
 * values that everybody uses, or an absurd one, far beyond all the others. One such pixel left
 * in would squeeze the whole relief into a few layers. */
#include "image/image-priv.h"

#include <math.h>
#include <string.h>

#define GDAL_NODATA 42113
#define TEXT_MOST 32
#define ABSURD 1e30f
#define FAR 20.0f /* ranges of all other values, from an unusual number to count as none */
#define REPEATS 4 /* of an unusual number, at least */

typedef struct {
    const uint8_t *data;
    size_t size;
    bool big;
} Tiff;

static uint64_t
number(const Tiff *tiff, size_t at, unsigned n)
{
    uint64_t value = 0;
    if (at > tiff->size || tiff->size - at < n)
        return 0;
    for (unsigned i = 0; i < n; i++)
        value |= (uint64_t)tiff->data[at + i] << 8 * (tiff->big ? n - 1 - i : i);
    return value;
}

/* `at` is the entry of the tag; text of up to `inside` bytes lies in the entry itself. */
static bool
read_text(const Tiff *tiff, size_t at, unsigned wide, double *ret)
{
    unsigned word = wide ? 8 : 4;
    uint64_t n = number(tiff, at + 4, word), where = number(tiff, at + 4 + word, word);
    size_t from = n <= word ? at + 4 + word : (size_t)where;
    if (number(tiff, at + 2, 2) != 2 || !n || n > TEXT_MOST || from > tiff->size ||
        tiff->size - from < n)
        return false;
    g_autofree char *text = g_strndup((const char *)tiff->data + from, (size_t)n);
    char *end;
    *ret = g_ascii_strtod(text, &end);
    return end > text;
}

bool
orf_image_nodata_tag(GBytes *bytes, double *ret_value)
{
    Tiff tiff = { 0 };
    tiff.data = g_bytes_get_data(bytes, &tiff.size);
    if (tiff.size < 16 || (memcmp(tiff.data, "II", 2) && memcmp(tiff.data, "MM", 2)))
        return false;
    tiff.big = *tiff.data == 'M';
    uint64_t version = number(&tiff, 2, 2);
    unsigned wide = version == 43;
    if (version != 42 && version != 43)
        return false;
    size_t at = (size_t)number(&tiff, wide ? 8 : 4, wide ? 8 : 4);
    uint64_t n = MIN(number(&tiff, at, wide ? 8 : 2), 4096);
    at = MIN(at, tiff.size) + (wide ? 8 : 2);
    for (uint64_t i = 0; i < n && at < tiff.size; i++, at += wide ? 20 : 12)
        if (number(&tiff, at, 2) == GDAL_NODATA)
            return read_text(&tiff, at, wide, ret_value);
    return false;
}

/* --- By the numbers ----------------------------------------------------------------------- */

typedef struct {
    float low, high;           /* the extremes */
    float next_low, next_high; /* the values next to them */
    size_t n_low, n_high;
} Ends;

static Ends
find_ends(const float *values, size_t n)
{
    Ends e = { INFINITY, -INFINITY, INFINITY, -INFINITY, 0, 0 };
    for (size_t i = 0; i < n; i++)
        if (isfinite(values[i])) {
            e.low = MIN(e.low, values[i]);
            e.high = MAX(e.high, values[i]);
        }
    for (size_t i = 0; i < n; i++)
        if (isfinite(values[i])) {
            e.n_low += values[i] == e.low;
            e.n_high += values[i] == e.high;
            if (values[i] > e.low)
                e.next_low = MIN(e.next_low, values[i]);
            if (values[i] < e.high)
                e.next_high = MAX(e.next_high, values[i]);
        }
    return e;
}

static bool
is_usual(float value)
{
    static const float usual[] = { -9999, -99999, -999999, -32768, -32767, 32767,
                                   -9998, 9999,   99999,   -999,   65535,  -2147483648.0f };
    for (size_t i = 0; i < G_N_ELEMENTS(usual); i++)
        if (value == usual[i])
            return true;
    return false;
}

static bool
stands_apart(float value, size_t repeats, float gap, float range)
{
    if (fabsf(value) >= ABSURD)
        return true;
    return is_usual(value) ? gap > range / 2 : repeats >= REPEATS && gap > FAR * range;
}

bool
orf_image_nodata_guess(const float *values, size_t n, float *ret_value)
{
    Ends e = find_ends(values, n);
    if (!(e.low < e.high))
        return false;
    /* a picture of two values is a mask, whatever they are, unless one is absurd */
    bool two = e.next_low == e.high;
    float above = e.high - e.next_low, below = e.next_high - e.low;
    if (fabsf(e.low) >= ABSURD ||
        (!two && stands_apart(e.low, e.n_low, e.next_low - e.low, above)))
        return *ret_value = e.low, true;
    if (fabsf(e.high) >= ABSURD ||
        (!two && stands_apart(e.high, e.n_high, e.high - e.next_high, below)))
        return *ret_value = e.high, true;
    return false;
}
