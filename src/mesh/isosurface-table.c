/* isosurface-table.c - the patches of each sign pattern, worked out from one rule.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * On each face of a cell the crossings are joined in pairs by what the face's four corners say
 * alone, so both cells at a face agree. Crossings joined over any face belong to one patch, a
 * closed loop round the cell. The table is computed when needed (some 20 us) rather than
 * written down: there is nothing to mistype. */
#include "isosurface-priv.h"

#include <stdbool.h>
#include <string.h>

static unsigned
edge_between(unsigned low, unsigned axis)
{
    unsigned b = (axis + 1) % 3, c = (axis + 2) % 3;
    return 4 * axis + ((low >> b) & 1) + 2 * ((low >> c) & 1);
}

void
orf_cell_edge(unsigned edge, unsigned *ret_low, unsigned *ret_high)
{
    unsigned axis = edge / 4, b = (axis + 1) % 3, c = (axis + 2) % 3;
    *ret_low = ((edge & 1) << b) | (((edge >> 1) & 1) << c);
    *ret_high = *ret_low | (1u << axis);
}

/* Corners of a face going round, and the edge from each to the next. */
static void
face_round(unsigned face, unsigned corners[4], unsigned edges[4])
{
    unsigned axis = face / 2, side = (face & 1) << axis;
    unsigned b = (axis + 1) % 3, c = (axis + 2) % 3;
    corners[0] = side;
    corners[1] = side | (1u << b);
    corners[2] = side | (1u << b) | (1u << c);
    corners[3] = side | (1u << c);
    edges[0] = edge_between(corners[0], b);
    edges[1] = edge_between(corners[1], c);
    edges[2] = edge_between(corners[3], b);
    edges[3] = edge_between(corners[0], c);
}

static void
join(uint8_t root[12], unsigned a, unsigned b)
{
    uint8_t from = root[a], to = root[b];
    for (unsigned e = 0; e < 12; e++)
        if (root[e] == from)
            root[e] = to;
}

static bool
ambiguous(unsigned pattern, const unsigned corners[4])
{
    unsigned s[4];
    for (unsigned i = 0; i < 4; i++)
        s[i] = (pattern >> corners[i]) & 1;
    return s[0] != s[1] && s[1] != s[2] && s[2] != s[3];
}

/* Joins the crossings of one face; on an ambiguous one each inside corner (outside when
 * `other`) is cut off by itself. */
static void
join_face(unsigned pattern, unsigned face, bool other, uint8_t root[12])
{
    unsigned corners[4], edges[4], crossed[4], n = 0;
    face_round(face, corners, edges);
    if (ambiguous(pattern, corners)) {
        for (unsigned i = 0; i < 4; i++)
            if (((pattern >> corners[i]) & 1) != other)
                join(root, edges[i], edges[(i + 3) % 4]);
        return;
    }
    for (unsigned i = 0; i < 4; i++)
        if (((pattern >> corners[i]) & 1) != ((pattern >> corners[(i + 1) % 4]) & 1))
            crossed[n++] = edges[i];
    if (n == 2)
        join(root, crossed[0], crossed[1]);
}

static void
number_patches(unsigned pattern, const uint8_t root[12], OrfCell *cell)
{
    uint8_t number[12];
    memset(number, ORF_CELL_NO_PATCH, sizeof number);
    memset(cell->patch, ORF_CELL_NO_PATCH, sizeof cell->patch);
    cell->n_patches = 0;
    for (unsigned e = 0; e < 12; e++) {
        unsigned low, high;
        orf_cell_edge(e, &low, &high);
        if (((pattern >> low) & 1) == ((pattern >> high) & 1))
            continue;
        if (number[root[e]] == ORF_CELL_NO_PATCH)
            number[root[e]] = cell->n_patches++;
        cell->patch[e] = number[root[e]];
    }
}

static int8_t
twisted_face(unsigned pattern, const OrfCell *cell)
{
    for (unsigned face = 0; face < 6; face++) {
        unsigned corners[4], edges[4];
        face_round(face, corners, edges);
        if (ambiguous(pattern, corners) && cell->patch[edges[0]] == cell->patch[edges[1]] &&
            cell->patch[edges[1]] == cell->patch[edges[2]])
            return (int8_t)face;
    }
    return -1;
}

static void
fill(unsigned pattern, int other_face, OrfCell *cell)
{
    uint8_t root[12];
    for (uint8_t e = 0; e < 12; e++)
        root[e] = e;
    for (unsigned face = 0; face < 6; face++)
        join_face(pattern, face, (int)face == other_face, root);
    number_patches(pattern, root, cell);
    cell->twisted = twisted_face(pattern, cell);
}

void
orf_cell_table_init(OrfCellTable *table)
{
    for (unsigned pattern = 0; pattern < 256; pattern++) {
        OrfCell *cell = &table->cells[pattern];
        fill(pattern, -1, cell);
        fill(pattern, cell->twisted, &table->cells[256 + pattern]);
    }
}
