/* distance.c - signed distance to the 0.5 outline of a mask, exact to a small part of a pixel.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * The outline is that of marching squares: a straight piece, or two, in each cell between four
 * pixel centres whose values lie on both sides of 0.5. A pixel at a corner of such a cell is an
 * edge pixel. Felzenszwalb and Huttenlocher's lower envelopes give every pixel its nearest edge
 * pixel (two passes, O(n)). From the pieces around it the nearest point moves along the outline
 * as long as it comes nearer, which takes a step or two; where neighbours ended on different
 * outlines, both are tried. Outside the frame the mask counts as 0: a
 * subject that is cut by the frame has an edge there. */
#include "image-priv.h"

#include <math.h>

#define LEVEL 0.5f
#define GRAIN 16

typedef struct {
    float x, y, dx, dy; /* from where, and on to */
    float per_length2;  /* 1 / (dx^2 + dy^2) */
} Piece;

/* Four pieces side by side: measured at once. */
#define LANES 4
typedef float Floats __attribute__((vector_size(16)));
typedef int32_t Flags __attribute__((vector_size(16))); /* -1 or 0; also indices */
typedef struct {
    Floats x, y, dx, dy, per_length2;
} Block;

/* A cell that the outline crosses. */
typedef struct {
    int32_t x, y;
    uint32_t first, n;         /* its own pieces */
    uint32_t around, n_around; /* blocks: those of the 5 x 5 cells around it */
} Cell;

typedef struct {
    OrfTask *task;
    const float *mask;
    int width, height;
    OrfVec pieces;   /* Piece */
    OrfVec around;   /* Block */
    OrfVec cells;    /* Cell; index 0 is unused */
    int32_t *slot;   /* [height + 1][width + 1] index in cells; 0: not crossed */
    int32_t *near;   /* [height][width] row of the nearest edge pixel of the column; -1: none */
    int32_t *column; /* scratch of the row pass, by piece of work */
    float *envelope;
    int32_t *foot;  /* [height][width] cell of the nearest point; 0: none */
    float *squares; /* [height][width] of the first round */
    OrfImage *out;
} Field;

static void
field_clear(Field *field)
{
    orf_vec_clear(&field->pieces);
    orf_vec_clear(&field->around);
    orf_vec_clear(&field->cells);
    orf_free(field->slot);
    orf_free(field->near);
    orf_free(field->foot);
    orf_free(field->squares);
    orf_free(field->column);
    orf_free(field->envelope);
    orf_image_unref(field->out);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Field, field_clear)

static float
value_at(const Field *field, int x, int y)
{
    if (x < 0 || y < 0 || x >= field->width || y >= field->height)
        return 0;
    return field->mask[(size_t)y * (size_t)field->width + (size_t)x];
}

/* --- Pieces of outline -------------------------------------------------------------------- */

typedef struct {
    float v[4]; /* values at (x, y), (x + 1, y), (x + 1, y + 1), (x, y + 1) */
    unsigned inside;
} Corners;

static Corners
corners_of(const Field *field, int x, int y)
{
    Corners corners = { { value_at(field, x, y), value_at(field, x + 1, y),
                          value_at(field, x + 1, y + 1), value_at(field, x, y + 1) },
                        0 };
    for (unsigned i = 0; i < 4; i++)
        corners.inside |= (unsigned)(corners.v[i] >= LEVEL) << i;
    return corners;
}

/* Where the outline crosses side `i`, which runs from corner i to corner i + 1. */
static void
crossing(const Corners *corners, unsigned i, int x, int y, float *ret_x, float *ret_y)
{
    static const float corner[5][2] = { { 0, 0 }, { 1, 0 }, { 1, 1 }, { 0, 1 }, { 0, 0 } };
    float a = corners->v[i], b = corners->v[(i + 1) % 4];
    float t = (LEVEL - a) / (b - a);
    *ret_x = (float)x + corner[i][0] + t * (corner[i + 1][0] - corner[i][0]);
    *ret_y = (float)y + corner[i][1] + t * (corner[i + 1][1] - corner[i][1]);
}

static bool
add_piece(Field *field, const Corners *corners, int x, int y, unsigned from, unsigned to,
          GError **error)
{
    Piece *piece = orf_vec_add(field->task, &field->pieces, 1, "distance", error);
    if (!piece)
        return false;
    float x1, y1;
    crossing(corners, from, x, y, &piece->x, &piece->y);
    crossing(corners, to, x, y, &x1, &y1);
    piece->dx = x1 - piece->x;
    piece->dy = y1 - piece->y;
    float length2 = piece->dx * piece->dx + piece->dy * piece->dy;
    piece->per_length2 = length2 > 0 ? 1 / length2 : 0;
    return true;
}

static bool
add_pieces(Field *field, int x, int y, const Corners *corners, GError **error)
{
    unsigned side[4], n = 0;
    for (unsigned i = 0; i < 4; i++)
        if ((corners->inside >> i & 1) != (corners->inside >> (i + 1) % 4 & 1))
            side[n++] = i;
    if (n == 2)
        return add_piece(field, corners, x, y, side[0], side[1], error);
    /* A saddle: its middle joins the corners of its own kind; the others are cut off. */
    const float *v = corners->v;
    bool middle = v[0] + v[1] + v[2] + v[3] >= 4 * LEVEL;
    bool even = (corners->inside & 1) != middle; /* corners 0 and 2 are cut off */
    return add_piece(field, corners, x, y, even ? 3 : 0, even ? 0 : 1, error) &&
           add_piece(field, corners, x, y, even ? 1 : 2, even ? 2 : 3, error);
}

static int32_t *
slot_at(const Field *field, int x, int y)
{
    return field->slot + (size_t)(y + 1) * (size_t)(field->width + 1) + (size_t)(x + 1);
}

static bool
add_cell(Field *field, int x, int y, const Corners *corners, GError **error)
{
    Cell *cell = orf_vec_add(field->task, &field->cells, 1, "distance", error);
    if (!cell)
        return false;
    *cell = (Cell){ .x = x, .y = y, .first = (uint32_t)field->pieces.n };
    *slot_at(field, x, y) = (int32_t)field->cells.n - 1;
    if (!add_pieces(field, x, y, corners, error))
        return false;
    cell->n = (uint32_t)field->pieces.n - cell->first;
    return true;
}

static bool
add_row(Field *field, int y, GError **error)
{
    for (int x = -1; x < field->width; x++) {
        Corners corners = corners_of(field, x, y);
        if (corners.inside != 0 && corners.inside != 15 &&
            !add_cell(field, x, y, &corners, error))
            return false;
    }
    return orf_task_check(field->task, error);
}

static void
put_lane(Block *block, unsigned lane, const Piece *piece)
{
    block->x[lane] = piece->x;
    block->y[lane] = piece->y;
    block->dx[lane] = piece->dx;
    block->dy[lane] = piece->dy;
    block->per_length2[lane] = piece->per_length2;
}

/* Lane `n` of the blocks that begin at `first`; a new block is filled with pieces far away. */
static bool
add_lane(Field *field, size_t first, size_t n, const Piece *piece, GError **error)
{
    static const Piece nowhere = { 1e18f, 1e18f, 0, 0, 0 };
    if (n % LANES == 0) {
        Block *block = orf_vec_add(field->task, &field->around, 1, "distance", error);
        if (!block)
            return false;
        for (unsigned lane = 0; lane < LANES; lane++)
            put_lane(block, lane, &nowhere);
    }
    put_lane((Block *)field->around.data + first + n / LANES, n % LANES, piece);
    return true;
}

static bool
gather_around(Field *field, Cell *cell, GError **error)
{
    size_t first = field->around.n, n = 0;
    for (int y = MAX(cell->y - 2, -1); y <= MIN(cell->y + 2, field->height - 1); y++)
        for (int x = MAX(cell->x - 2, -1); x <= MIN(cell->x + 2, field->width - 1); x++) {
            const Cell *from = (const Cell *)field->cells.data + *slot_at(field, x, y);
            const Piece *piece = (const Piece *)field->pieces.data + from->first;
            for (uint32_t i = 0; i < from->n; i++, n++) /* none in slot 0 */
                if (!add_lane(field, first, n, piece + i, error))
                    return false;
        }
    cell->around = (uint32_t)first;
    cell->n_around = (uint32_t)(field->around.n - first);
    return true;
}

static bool
find_outline(Field *field, GError **error)
{
    for (int y = -1; y < field->height; y++)
        if (!add_row(field, y, error))
            return false;
    for (size_t i = 1; i < field->cells.n; i++) {
        if (!gather_around(field, (Cell *)field->cells.data + i, error))
            return false;
        if (i % 4096 == 0 && !orf_task_check(field->task, error))
            return false;
    }
    return true;
}

/* --- Nearest edge pixel ------------------------------------------------------------------- */

static bool
is_edge(const Field *field, int x, int y)
{
    const int32_t *above = slot_at(field, x - 1, y - 1), *below = slot_at(field, x - 1, y);
    return above[0] || above[1] || below[0] || below[1];
}

/* near = row of the nearest edge pixel in the same column. */
static void
sweep_columns(Field *field)
{
    size_t width = (size_t)field->width;
    for (int y = 0; y < field->height; y++)
        for (size_t x = 0; x < width; x++) {
            int32_t *at = field->near + (size_t)y * width + x;
            *at = is_edge(field, (int)x, y) ? y : y > 0 ? at[-(ptrdiff_t)width] : -1;
        }
    for (int y = field->height - 2; y >= 0; y--)
        for (size_t x = 0; x < width; x++) {
            int32_t *at = field->near + (size_t)y * width + x, below = at[width];
            if (below >= 0 && (*at < 0 || below - y < y - *at))
                *at = below;
        }
}

/* Where the parabolas rooted at columns a < b meet. */
static float
meeting(float a, float fa, float b, float fb)
{
    return ((fb + b * b) - (fa + a * a)) / (2 * (b - a));
}

/* Lower envelope of the parabolas of one row: columns and where each begins to be the least. */
static int
build_envelope(const Field *field, int y, const int32_t *row, int32_t *column, float *begins)
{
    int n = 0;
    for (int x = 0; x < field->width; x++) {
        if (row[x] < 0)
            continue;
        float height = (float)(row[x] - y) * (float)(row[x] - y), at = -INFINITY;
        while (n > 0) {
            float below = (float)(row[column[n - 1]] - y);
            at = meeting((float)column[n - 1], below * below, (float)x, height);
            if (at > begins[n - 1])
                break;
            n--;
        }
        column[n] = x;
        begins[n] = n ? at : -INFINITY;
        n++;
    }
    return n;
}

/* --- Distance ----------------------------------------------------------------------------- */

/* The outline point that a pixel knows as its nearest so far, and the slot of its cell. */
typedef struct {
    float distance2, x, y;
    int32_t slot;
} Foot;

static inline Floats
pick(Flags where, Floats a, Floats b)
{
    return (Floats)((where & (Flags)a) | (~where & (Flags)b));
}

/* The places on four pieces nearest to (x, y), and their squared distances. */
static inline Floats
feet_on(const Block *block, float x, float y, Floats *ret_x, Floats *ret_y)
{
    static const Floats zero = { 0 }, one = { 1, 1, 1, 1 };
    Floats along = (x - block->x) * block->dx + (y - block->y) * block->dy;
    Floats t = along * block->per_length2;
    t = pick(t > zero, t, zero);
    t = pick(t < one, t, one);
    *ret_x = block->x + t * block->dx;
    *ret_y = block->y + t * block->dy;
    return (*ret_x - x) * (*ret_x - x) + (*ret_y - y) * (*ret_y - y);
}

static void
try_blocks(const Block *blocks, uint32_t n, float x, float y, Foot *foot)
{
    Floats least = { INFINITY, INFINITY, INFINITY, INFINITY }, at_x = { 0 }, at_y = { 0 };
    for (const Block *block = blocks; block < blocks + n; block++) {
        Floats u, v, distance2 = feet_on(block, x, y, &u, &v);
        Flags nearer = distance2 < least;
        least = pick(nearer, distance2, least);
        at_x = pick(nearer, u, at_x);
        at_y = pick(nearer, v, at_y);
    }
    for (unsigned lane = 0; lane < LANES; lane++)
        if (least[lane] < foot->distance2)
            *foot = (Foot){ least[lane], at_x[lane], at_y[lane], foot->slot };
}

/* From a cell along the outline, as long as the nearest point comes nearer. */
static void
walk(const Field *field, int x, int y, int32_t slot, Foot *foot)
{
    int32_t tried;
    do {
        const Cell *cell = (const Cell *)field->cells.data + slot;
        float before = foot->distance2;
        tried = slot;
        try_blocks((const Block *)field->around.data + cell->around, cell->n_around, (float)x,
                   (float)y, foot);
        if (foot->distance2 >= before)
            return;
        slot = *slot_at(field, (int)floorf(foot->x), (int)floorf(foot->y));
        foot->slot = slot ? slot : tried; /* a point on a side may round to the wrong cell */
    } while (slot && slot != tried);
}

/* A crossed cell at edge pixel (x, y). */
static int32_t
slot_of_edge(const Field *field, int x, int y)
{
    const int32_t *above = slot_at(field, x - 1, y - 1), *below = slot_at(field, x - 1, y);
    return below[1] ? below[1] : below[0] ? below[0] : above[1] ? above[1] : above[0];
}

/* First round: each pixel walks from its nearest edge pixel. */
static void
measure_row(const Field *field, int y, int32_t *column, float *begins)
{
    size_t start = (size_t)y * (size_t)field->width;
    const int32_t *row = field->near + start;
    int n = build_envelope(field, y, row, column, begins), k = 0;
    for (int x = 0; x < field->width; x++) {
        while (k + 1 < n && begins[k + 1] < (float)x)
            k++;
        Foot foot = { INFINITY, 0, 0, 0 };
        if (n)
            walk(field, x, y, slot_of_edge(field, column[k], row[column[k]]), &foot);
        field->squares[start + (size_t)x] = foot.distance2;
        field->foot[start + (size_t)x] = foot.slot;
    }
}

static void
measure_rows(size_t begin, size_t end, void *data)
{
    const Field *field = data;
    size_t scratch = begin / GRAIN * (size_t)field->width;
    for (size_t y = begin; y < end; y++)
        measure_row(field, (int)y, field->column + scratch, field->envelope + scratch);
}

/* Second round: where a neighbour found an outline elsewhere, it may be nearer here too. */
static float
compare(const Field *field, int x, int y)
{
    static const int step[4][2] = { { -1, 0 }, { 1, 0 }, { 0, -1 }, { 0, 1 } };
    size_t width = (size_t)field->width, at = (size_t)y * width + (size_t)x;
    const Cell *cells = field->cells.data, *own = &cells[field->foot[at]];
    Foot foot = { field->squares[at], 0, 0, field->foot[at] };
    for (int i = 0; i < 4; i++) {
        int u = x + step[i][0], v = y + step[i][1];
        if (u < 0 || v < 0 || u >= field->width || v >= field->height)
            continue;
        int32_t slot = field->foot[(size_t)v * width + (size_t)u];
        if (abs(cells[slot].x - own->x) > 2 || abs(cells[slot].y - own->y) > 2)
            walk(field, x, y, slot, &foot);
    }
    return foot.distance2;
}

static void
settle_rows(size_t begin, size_t end, void *data)
{
    const Field *field = data;
    float none = (float)(field->width + field->height);
    for (int y = (int)begin; y < (int)end; y++)
        for (int x = 0; x < field->width; x++) {
            float distance2 = compare(field, x, y);
            float distance = isinf(distance2) ? none : sqrtf(distance2);
            size_t at = (size_t)y * (size_t)field->width + (size_t)x;
            ((float *)field->out->pixels)[at] =
                value_at(field, x, y) >= LEVEL ? distance : -distance;
        }
}

static bool
prepare(Field *field, GError **error)
{
    OrfTask *task = field->task;
    size_t width = (size_t)field->width, height = (size_t)field->height;
    size_t scratch = (height / GRAIN + 1) * width;
    field->pieces.item = sizeof(Piece);
    field->around.item = sizeof(Block);
    field->cells.item = sizeof(Cell);
    field->out =
        orf_image_blank(task, (unsigned)width, (unsigned)height, 1, ORF_F32, "distance", error);
    Cell *none = orf_vec_add(task, &field->cells, 1, "distance", error);
    if (!field->out || !none)
        return false;
    *none = (Cell){ 0 };
    return (field->slot =
                ORF_ALLOC(task, int32_t, (width + 1) * (height + 1), "distance", error)) &&
           (field->near = ORF_ALLOC(task, int32_t, width * height, "distance", error)) &&
           (field->foot = ORF_ALLOC(task, int32_t, width * height, "distance", error)) &&
           (field->squares = ORF_ALLOC(task, float, (width * height), "distance", error)) &&
           (field->column = ORF_ALLOC(task, int32_t, scratch, "distance", error)) &&
           (field->envelope = ORF_ALLOC(task, float, scratch, "distance", error));
}

OrfImage *
orf_image_distance(OrfTask *task, const OrfImage *mask, GError **error)
{
    g_assert(mask->sample == ORF_F32 && mask->channels == 1);
    g_auto(Field) field = { .task = task,
                            .mask = mask->pixels,
                            .width = (int)mask->width,
                            .height = (int)mask->height };
    if (!prepare(&field, error) || !find_outline(&field, error))
        return NULL;
    sweep_columns(&field);
    if (!orf_task_parallel(task, mask->height, GRAIN, measure_rows, &field) ||
        !orf_task_parallel(task, mask->height, GRAIN, settle_rows, &field)) {
        orf_task_check(task, error);
        return NULL;
    }
    return g_steal_pointer(&field.out);
}
