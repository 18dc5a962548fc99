/* traceparent.c - the trace that a request belongs to (W3C Trace Context, level 1).
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Ids need to be unique, not secret: a counter from a random start, mixed (splitmix64, Steele
 * et al. 2014). */
#include "rest/rest-priv.h"

#include <string.h>

static uint64_t
draw(_Atomic uint64_t *seed)
{
    uint64_t z = atomic_fetch_add_explicit(seed, 0x9e3779b97f4a7c15u, memory_order_relaxed);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static void
put_hex(char *to, uint64_t value)
{
    for (int i = 15; i >= 0; i--, value >>= 4)
        to[i] = "0123456789abcdef"[value & 15];
}

/* `n` lower-case hex digits that are not all 0. */
static bool
is_id(const char *text, size_t n)
{
    return strspn(text, "0123456789abcdef") >= n && strspn(text, "0") < n;
}

/* "00-" trace "-" parent "-" flags; later versions may go on after another "-". */
static bool
is_valid(const char *text)
{
    static const size_t dashes[] = { 2, 35, 52 };
    if (strnlen(text, 512) < 55 || strspn(text, "0123456789abcdef") != 2 ||
        strncmp(text, "ff", 2) == 0)
        return false;
    for (size_t i = 0; i < G_N_ELEMENTS(dashes); i++)
        if (text[dashes[i]] != '-')
            return false;
    bool ends = text[55] == '\0' || (text[55] == '-' && strncmp(text, "00", 2) != 0);
    return is_id(text + 3, 32) && is_id(text + 36, 16) &&
           strspn(text + 53, "0123456789abcdef") == 2 && ends;
}

void
orf_traceparent_read(const char *traceparent, _Atomic uint64_t *seed, char ret_id[33])
{
    if (traceparent && is_valid(traceparent)) {
        memcpy(ret_id, traceparent + 3, 32);
    } else {
        put_hex(ret_id, draw(seed));
        put_hex(ret_id + 16, draw(seed));
    }
    ret_id[32] = '\0';
}

void
orf_traceparent_write(const char *id, _Atomic uint64_t *seed, char ret[TRACEPARENT_SIZE])
{
    memcpy(ret, "00-", 3);
    memcpy(ret + 3, id, 32);
    ret[35] = '-';
    put_hex(ret + 36, draw(seed));
    memcpy(ret + 52, "-00", 4);
}
