/* isosurface-priv.h - how the surface crosses one cell: patches of the 256 sign patterns.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Corners are numbered by bits (1: x, 2: y, 4: z). Edge 4a + i runs along axis a; bit 0 of i is
 * its place on axis a+1, bit 1 on axis a+2 (mod 3). Face 2a + s lies at side s of axis a. */
#ifndef ORF_ISOSURFACE_PRIV_H
#define ORF_ISOSURFACE_PRIV_H

#include <stdint.h>

#define ORF_CELL_NO_PATCH 0xff

/* One sign pattern; bit c of its number says that corner c is inside. */
typedef struct {
    uint8_t patch[12]; /* of the crossing on each edge, 0..n_patches-1; NO_PATCH: none there */
    uint8_t n_patches; /* 0..4 */
    int8_t twisted;    /* face that one patch crosses twice, or -1 */
} OrfCell;

/* [0..255] inside corners of an ambiguous face are kept apart; [256..511] the same patterns,
 * for twisted ones with that face resolved the other way. */
typedef struct {
    OrfCell cells[512];
} OrfCellTable;

void orf_cell_table_init(OrfCellTable *table);
/* The two corners of an edge. */
void orf_cell_edge(unsigned edge, unsigned *ret_low, unsigned *ret_high);

#endif
