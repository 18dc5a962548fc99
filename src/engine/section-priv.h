/* section-priv.h - what operations share that cut a model and join it by pegs.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ORF_ENGINE_SECTION_PRIV_H
#define ORF_ENGINE_SECTION_PRIV_H

#include "engine/operation-priv.h"

#define ORF_SECTION_PEGS                                                                       \
    ORF_INT("pegs", 0, 64, "0", "At most so many round pegs on a cut, and holes for them."),   \
        ORF_BOOL("dowels", "false", "Holes on both sides instead, for pins."),                 \
        ORF_LENGTH("peg-diameter", 0.2, 1000, "5", "How thick a peg is."),                     \
        ORF_LENGTH("peg-depth", 0.2, 1000, "6", "How deep it goes."),                          \
        ORF_LENGTH("clearance", 0, 10, "0.15", "Play between a peg and its hole, all round.")

/* Fills in all but the plane. */
void orf_section_pegs(const OrfParams *params, OrfSection *ret);
/* The materials, and a plain one for cuts when the mesh has a group more. */
OrfAsset *orf_section_dress(const OrfAsset *asset, OrfMesh *mesh);
/* What was done: facts and text. */
void orf_section_tell(OrfOutcome *outcome, size_t cuts, size_t pegs, const OrfSection *options);

#endif
