/* strict-json.h - the small, strict part of JSON that checkpoint headers use.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ORF_STRICT_JSON_H
#define ORF_STRICT_JSON_H

#include "tensor/tensor-priv.h"

typedef struct {
    OrfReader *reader;
    uint64_t at, end; /* bytes of the file */
    GString *text;    /* the last string read; may hold NUL */
} OrfStrictJson;

void orf_strict_space(OrfStrictJson *json);
/* Skips white space, then takes `c` when it comes next. */
bool orf_strict_take(OrfStrictJson *json, char c);
bool orf_strict_expect(OrfStrictJson *json, char c, GError **error);
/* Into json->text: escapes undone, valid UTF-8, no lone surrogates. */
bool orf_strict_string(OrfStrictJson *json, GError **error);
/* A non-negative integer without sign, fraction, exponent or leading zeros; at most 2^63-1. */
bool orf_strict_uint(OrfStrictJson *json, uint64_t *ret, GError **error);
/* Any value, at most `depth` levels deep. */
bool orf_strict_skip(OrfStrictJson *json, unsigned depth, GError **error);
bool orf_strict_fail(OrfStrictJson *json, const char *why, GError **error);

/* Calls `each` with the reader standing before the value of every key; keys come once each. */
typedef bool (*OrfStrictKeyFn)(OrfStrictJson *json, const char *key, size_t length, void *data,
                               GError **error);
bool orf_strict_object(OrfStrictJson *json, OrfStrictKeyFn each, void *data, GError **error);

#endif
