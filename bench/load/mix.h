/* mix.h - the kinds of request of a run, read from a small file, and what came of them.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef LOAD_MIX_H
#define LOAD_MIX_H

#include "load.h"

#define LOAD_STATUS_MOST 600
#define LOAD_EXPECT_MOST 8

typedef struct {
    char *name;
    LoadMessage *message;
    unsigned weight;
    int expect[LOAD_EXPECT_MOST]; /* ends with 0 */
    char *until; /* latency is taken at the first event of this name in the stream; or NULL */
    bool leave;  /* the client leaves there */
    bool ids;    /* write the "id" of the answer down */

    uint64_t sent, expected, bytes, unmarked, without_retry_after;
    uint64_t faults[LOAD_FAULTS];
    LoadHistogram latency;                      /* of what was answered as expected */
    LoadHistogram whole;                        /* to the end of the stream, with `until` */
    LoadHistogram delivery;                     /* from the time in an event to its arrival */
    LoadHistogram *by_status[LOAD_STATUS_MOST]; /* or NULL */
} LoadKind;

typedef struct {
    GPtrArray *kinds;
    unsigned weights; /* sum */
} LoadMix;

/* From a file (docs/guide of the format: bench/load/README.md), or one GET. */
LoadMix *load_mix_new(const LoadOptions *options, const char *host, GError **error);
void load_mix_free(LoadMix *mix);
/* The kind of call number `i`: in proportion to the weights, well mixed, the same in every run.
 */
LoadKind *load_mix_choose(const LoadMix *mix, uint64_t i);
bool load_kind_expects(const LoadKind *kind, int status);
json_t *load_kind_report(const LoadKind *kind);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(LoadMix, load_mix_free)

#endif
