/* isosurface.c - the zero surface of a field: closed and manifold whatever the field holds.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Dual marching cubes (Nielson 2004) with the manifold rule of Wenger (Isosurfaces,
 * 2013, 3.3.5): one vertex for each patch of surface in a cell, one quad round each lattice
 * edge whose ends differ. Two cells that share a face which each crosses twice with one patch
 * would share two edges; both then take the other resolution of that face and split in two.
 * docs/decisions/0010-isosurface.md argues why the result is closed and manifold.
 *
 * The lattice is the grid of samples with one layer of outside samples all round. Signs are
 * packed to bits first, so empty space is passed 64 cells at a time. Three sweeps over layers
 * of cells, each in parallel: count, place vertices, join quads. Only bits and two layers of
 * cell numbers are held beside the field and the result. */
#include "isosurface-priv.h"
#include "mesh.h"

#include <math.h>
#include <string.h>

#define MAX_SIDE 2048
/* Crossings keep this distance from lattice points, in cells: patches never collapse. */
#define SNAP 0.05f

typedef struct {
    uint32_t first; /* vertex of patch 0 */
    uint16_t kind;  /* row of the cell table */
} Slot;

typedef struct {
    OrfTask *task;
    const OrfField *field;
    size_t words;       /* 64-bit words in a row of signs */
    uint64_t *signs;    /* [nz + 2][ny + 2][words], bit x of a row is lattice point x */
    uint32_t *vertices; /* [nz + 2] number of the first vertex of a layer of cells */
    uint32_t *quads;    /* [nz + 2] the same for quads */
    float *positions;
    uint32_t *triangles;
    GError *failed; /* first allocation that did not succeed, under lock */
    GMutex lock;
    OrfCellTable table;
} Sweep;

/* --- Signs -------------------------------------------------------------------------------- */

static uint64_t *
sign_row(const Sweep *sweep, size_t y, size_t z)
{
    return sweep->signs + (z * (sweep->field->ny + 2) + y) * sweep->words;
}

static uint64_t
pack(const float *samples, size_t n)
{
    uint64_t word = 0;
    for (size_t i = 0; i < n; i++)
        word |= (uint64_t)(samples[i] > 0) << i;
    return word;
}

static uint64_t
pack_64(const float *samples)
{
    uint64_t word = 0;
    for (size_t i = 0; i < 64; i += 8) {
        uint32_t byte = 0;
        for (size_t k = 0; k < 8; k++)
            byte |= (uint32_t)(samples[i + k] > 0) << k;
        word |= (uint64_t)byte << i;
    }
    return word;
}

/* Lattice point x is sample x - 1: the row is shifted up by one bit. */
static void
pack_row(const float *samples, size_t n, uint64_t *row)
{
    uint64_t carry = 0;
    size_t word = 0;
    for (size_t x = 0; x < n; x += 64) {
        uint64_t bits = n - x >= 64 ? pack_64(samples + x) : pack(samples + x, n - x);
        row[word++] = bits << 1 | carry;
        carry = bits >> 63;
    }
    row[word] = carry;
}

static void
pack_layers(size_t begin, size_t end, void *data)
{
    const Sweep *sweep = data;
    const OrfField *field = sweep->field;
    for (size_t z = begin; z < end; z++)
        for (size_t y = 0; y < field->ny; y++)
            pack_row(field->field + (z * field->ny + y) * field->nx, field->nx,
                     sign_row(sweep, y + 1, z + 1));
}

/* --- Cells -------------------------------------------------------------------------------- */

/* Signs of lattice points x and x + 1. */
static inline unsigned
pair(const uint64_t *row, size_t x)
{
    size_t word = x >> 6, bit = x & 63;
    uint64_t high = bit == 63 ? row[word + 1] << 1 : 0;
    return (unsigned)((row[word] >> bit | high) & 3);
}

static unsigned
pattern_at(const Sweep *sweep, size_t x, size_t y, size_t z)
{
    return pair(sign_row(sweep, y, z), x) | pair(sign_row(sweep, y + 1, z), x) << 2 |
           pair(sign_row(sweep, y, z + 1), x) << 4 |
           pair(sign_row(sweep, y + 1, z + 1), x) << 6;
}

/* The row of the table for a pattern, looking across a twisted face at the neighbour. A face on
 * the border of the lattice is never ambiguous, so the neighbour exists. */
static unsigned
kind_of(const Sweep *sweep, unsigned pattern, size_t x, size_t y, size_t z)
{
    int face = sweep->table.cells[pattern].twisted;
    if (face < 0)
        return pattern;
    size_t at[3] = { x, y, z };
    at[face / 2] += (face & 1) ? 1 : (size_t)-1;
    unsigned other = pattern_at(sweep, at[0], at[1], at[2]);
    return sweep->table.cells[other].twisted == (face ^ 1) ? 256 + pattern : pattern;
}

typedef struct {
    const uint64_t *rows[4]; /* (y, z), (y+1, z), (y, z+1), (y+1, z+1) */
    size_t y, z;
} CellRow;

static CellRow
cell_row(const Sweep *sweep, size_t y, size_t z)
{
    return (CellRow){ { sign_row(sweep, y, z), sign_row(sweep, y + 1, z),
                        sign_row(sweep, y, z + 1), sign_row(sweep, y + 1, z + 1) },
                      y,
                      z };
}

/* Which of the cells 64 word .. 64 word + 63 the surface crosses. The last word of a row is
 * always 0 in its upper half and has none after it. */
static inline uint64_t
crossed_cells(const Sweep *sweep, const CellRow *row, size_t word)
{
    const uint64_t *const *r = row->rows;
    uint64_t some = r[0][word] | r[1][word] | r[2][word] | r[3][word];
    uint64_t all = r[0][word] & r[1][word] & r[2][word] & r[3][word];
    uint64_t next_some = 0, next_all = 0;
    if (word + 1 < sweep->words) {
        next_some = r[0][word + 1] | r[1][word + 1] | r[2][word + 1] | r[3][word + 1];
        next_all = r[0][word + 1] & r[1][word + 1] & r[2][word + 1] & r[3][word + 1];
    }
    some |= some >> 1 | next_some << 63;
    all &= all >> 1 | next_all << 63;
    return some & ~all;
}

static inline unsigned
row_kind(const Sweep *sweep, const CellRow *row, size_t x)
{
    unsigned pattern = pair(row->rows[0], x) | pair(row->rows[1], x) << 2 |
                       pair(row->rows[2], x) << 4 | pair(row->rows[3], x) << 6;
    return kind_of(sweep, pattern, x, row->y, row->z);
}

/* --- Count -------------------------------------------------------------------------------- */

/* Bit a: the edge from corner 0 along axis a is crossed. */
static inline unsigned
crossed_edges(unsigned kind)
{
    unsigned here = kind & 1;
    return (((kind >> 1) & 1) != here) | (((kind >> 2) & 1) != here) << 1 |
           (((kind >> 4) & 1) != here) << 2;
}

static void
count_layers(size_t begin, size_t end, void *data)
{
    Sweep *sweep = data;
    for (size_t z = begin; z < end; z++) {
        uint32_t vertices = 0, quads = 0;
        for (size_t y = 0; y <= sweep->field->ny; y++) {
            CellRow row = cell_row(sweep, y, z);
            for (size_t word = 0; word < sweep->words; word++)
                for (uint64_t left = crossed_cells(sweep, &row, word); left; left &= left - 1) {
                    unsigned kind =
                        row_kind(sweep, &row, 64 * word + (size_t)__builtin_ctzll(left));
                    vertices += sweep->table.cells[kind].n_patches;
                    quads += (unsigned)__builtin_popcount(crossed_edges(kind));
                }
        }
        sweep->vertices[z + 1] = vertices;
        sweep->quads[z + 1] = quads;
    }
}

static bool
add_up(Sweep *sweep, GError **error)
{
    uint64_t vertices = 0, quads = 0;
    for (size_t z = 0; z <= sweep->field->nz; z++) {
        vertices += sweep->vertices[z + 1];
        quads += sweep->quads[z + 1];
        if (vertices > INT32_MAX || 2 * quads > INT32_MAX)
            return ORF_FALSE(error, TOO_LARGE,
                             "iso-surface: more than 2^31 triangles; use a coarser grid");
        sweep->vertices[z + 1] = (uint32_t)vertices;
        sweep->quads[z + 1] = (uint32_t)quads;
    }
    return true;
}

/* --- Place -------------------------------------------------------------------------------- */

/* Lattice point (x, y, z); NaN outside the grid. */
static inline float
value_at(const OrfField *field, size_t x, size_t y, size_t z)
{
    if (x - 1 >= field->nx || y - 1 >= field->ny || z - 1 >= field->nz)
        return NAN;
    return field->field[((z - 1) * field->ny + y - 1) * field->nx + x - 1];
}

/* Where the edge is crossed, 0..1 from its low end. One end is inside; where the other has no
 * value, half way. */
static float
crossing(const OrfField *field, const size_t at[3], unsigned low, unsigned high)
{
    size_t x = at[0], y = at[1], z = at[2];
    float a = value_at(field, x + (low & 1), y + ((low >> 1) & 1), z + (low >> 2));
    float b = value_at(field, x + (high & 1), y + ((high >> 1) & 1), z + (high >> 2));
    if (isnan(a) || isnan(b))
        return 0.5f;
    float t = a / (a - b);
    return t >= SNAP ? MIN(t, 1 - SNAP) : SNAP; /* NaN of two infinities goes low */
}

/* The vertex of a patch is the mean of its crossings. */
static void
place_cell(const Sweep *sweep, unsigned kind, const size_t at[3], float *out)
{
    const OrfCell *cell = &sweep->table.cells[kind];
    float sum[4][4] = { 0 };
    for (unsigned e = 0; e < 12; e++) {
        unsigned patch = cell->patch[e], low, high;
        if (patch == ORF_CELL_NO_PATCH)
            continue;
        orf_cell_edge(e, &low, &high);
        for (unsigned a = 0; a < 3; a++)
            sum[patch][a] += (float)((low >> a) & 1);
        sum[patch][e / 4] += crossing(sweep->field, at, low, high);
        sum[patch][3]++;
    }
    for (unsigned p = 0; p < cell->n_patches; p++)
        for (unsigned a = 0; a < 3; a++) {
            float lattice = (float)at[a] - 1 + sum[p][a] / sum[p][3];
            out[3 * p + a] = sweep->field->origin[a] + lattice * sweep->field->cell;
        }
}

static void
place_layers(size_t begin, size_t end, void *data)
{
    const Sweep *sweep = data;
    for (size_t z = begin; z < end; z++) {
        uint32_t vertex = sweep->vertices[z];
        for (size_t y = 0; y <= sweep->field->ny; y++) {
            CellRow row = cell_row(sweep, y, z);
            for (size_t word = 0; word < sweep->words; word++)
                for (uint64_t left = crossed_cells(sweep, &row, word); left; left &= left - 1) {
                    size_t x = 64 * word + (size_t)__builtin_ctzll(left);
                    unsigned kind = row_kind(sweep, &row, x);
                    place_cell(sweep, kind, (size_t[3]){ x, y, z },
                               sweep->positions + 3 * (size_t)vertex);
                    vertex += sweep->table.cells[kind].n_patches;
                }
        }
    }
}

/* --- Join --------------------------------------------------------------------------------- */

static float
distance2(const float *positions, uint32_t a, uint32_t b)
{
    float sum = 0;
    for (unsigned i = 0; i < 3; i++) {
        float d = positions[3 * (size_t)a + i] - positions[3 * (size_t)b + i];
        sum += d * d;
    }
    return sum;
}

/* Two triangles, cut along the shorter diagonal. */
static void
emit_quad(const Sweep *sweep, const uint32_t quad[4], uint32_t *out)
{
    unsigned s = distance2(sweep->positions, quad[0], quad[2]) >
                 distance2(sweep->positions, quad[1], quad[3]);
    const unsigned order[6] = { s, s + 1, s + 2, s + 2, (s + 3) & 3, s };
    for (unsigned i = 0; i < 6; i++)
        out[i] = quad[order[i] & 3];
}

/* The four cells round the edge from corner 0 of `at` along `axis`, counter-clockwise seen from
 * outside. `layers` are the slots of layers z - 1 and z. */
static void
join_edge(const Sweep *sweep, Slot *const layers[2], const size_t at[3], unsigned axis,
          bool inside, uint32_t *out)
{
    unsigned b = (axis + 1) % 3, c = (axis + 2) % 3;
    uint32_t quad[4];
    for (unsigned i = 0; i < 4; i++) {
        unsigned back_b = i == 0 || i == 3, back_c = i < 2;
        size_t to[3] = { at[0], at[1], at[2] };
        to[b] -= back_b;
        to[c] -= back_c;
        const Slot *slot = &layers[to[2] == at[2]][to[1] * (sweep->field->nx + 1) + to[0]];
        unsigned patch = sweep->table.cells[slot->kind].patch[4 * axis + back_b + 2 * back_c];
        quad[inside ? i : 3 - i] = slot->first + patch;
    }
    emit_quad(sweep, quad, out);
}

/* Numbers the cells of a layer. */
static void
fill_slots(const Sweep *sweep, size_t z, Slot *slots)
{
    uint32_t vertex = sweep->vertices[z];
    for (size_t y = 0; y <= sweep->field->ny; y++) {
        CellRow row = cell_row(sweep, y, z);
        Slot *line = slots + y * (sweep->field->nx + 1);
        for (size_t word = 0; word < sweep->words; word++)
            for (uint64_t left = crossed_cells(sweep, &row, word); left; left &= left - 1) {
                size_t x = 64 * word + (size_t)__builtin_ctzll(left);
                unsigned kind = row_kind(sweep, &row, x);
                line[x] = (Slot){ vertex, (uint16_t)kind };
                vertex += sweep->table.cells[kind].n_patches;
            }
    }
}

static void
join_layer(const Sweep *sweep, size_t z, Slot *const layers[2])
{
    uint32_t *out = sweep->triangles + 6 * (size_t)sweep->quads[z];
    for (size_t y = 0; y <= sweep->field->ny; y++) {
        CellRow row = cell_row(sweep, y, z);
        for (size_t word = 0; word < sweep->words; word++)
            for (uint64_t left = crossed_cells(sweep, &row, word); left; left &= left - 1) {
                size_t at[3] = { 64 * word + (size_t)__builtin_ctzll(left), y, z };
                unsigned kind = layers[1][y * (sweep->field->nx + 1) + at[0]].kind;
                for (unsigned e = crossed_edges(kind); e; e &= e - 1) {
                    join_edge(sweep, layers, at, (unsigned)__builtin_ctz(e), kind & 1, out);
                    out += 6;
                }
            }
    }
}

static void
fail(Sweep *sweep, GError *error)
{
    g_mutex_lock(&sweep->lock);
    if (sweep->failed)
        g_error_free(error);
    else
        sweep->failed = error;
    g_mutex_unlock(&sweep->lock);
}

static void
join_layers(size_t begin, size_t end, void *data)
{
    Sweep *sweep = data;
    GError *error = NULL;
    size_t area = (size_t)(sweep->field->nx + 1) * (sweep->field->ny + 1);
    orf_autofree Slot *slots =
        ORF_ALLOC(sweep->task, Slot, 2 * area, "iso-surface layers", &error);
    if (!slots) {
        fail(sweep, error);
        return;
    }
    Slot *layers[2] = { slots, slots + area };
    if (begin > 0)
        fill_slots(sweep, begin - 1, layers[0]);
    for (size_t z = begin; z < end && !orf_task_cancelled(sweep->task); z++) {
        fill_slots(sweep, z, layers[1]);
        join_layer(sweep, z, layers);
        Slot *done = layers[0];
        layers[0] = layers[1];
        layers[1] = done;
    }
}

/* --- All together ------------------------------------------------------------------------- */

static bool
sweep_layers(Sweep *sweep, size_t n, OrfRangeFn body, GError **error)
{
    size_t grain = MAX(1, n / (4 * (size_t)orf_task_cores(sweep->task)));
    orf_task_parallel(sweep->task, n, MIN(grain, 32), body, sweep);
    if (sweep->failed) {
        g_propagate_error(error, g_steal_pointer(&sweep->failed));
        return false;
    }
    return orf_task_check(sweep->task, error);
}

static bool
find_cells(Sweep *sweep, GError **error)
{
    const OrfField *field = sweep->field;
    sweep->words = field->nx / 64 + 2;
    sweep->signs = ORF_ALLOC(sweep->task, uint64_t,
                             sweep->words * (field->ny + 2) * (size_t)(field->nz + 2),
                             "iso-surface signs", error);
    if (!sweep->signs)
        return false;
    sweep->vertices = ORF_ALLOC(sweep->task, uint32_t, 2 * (size_t)(field->nz + 2),
                                "iso-surface counts", error);
    if (!sweep->vertices)
        return false;
    sweep->quads = sweep->vertices + field->nz + 2;
    return sweep_layers(sweep, field->nz, pack_layers, error) &&
           sweep_layers(sweep, field->nz + 1, count_layers, error) && add_up(sweep, error);
}

static bool
make_parts(Sweep *sweep, OrfMeshParts *parts, GError **error)
{
    size_t nz = sweep->field->nz;
    parts->n_vertices = sweep->vertices[nz + 1];
    parts->n_triangles = 2 * (size_t)sweep->quads[nz + 1];
    parts->positions = sweep->positions =
        ORF_ALLOC(sweep->task, float, 3 * parts->n_vertices, "iso-surface vertices", error);
    if (!parts->positions || !sweep_layers(sweep, nz + 1, place_layers, error))
        return false;
    parts->triangles = sweep->triangles = ORF_ALLOC(
        sweep->task, uint32_t, 3 * parts->n_triangles, "iso-surface triangles", error);
    return parts->triangles && sweep_layers(sweep, nz + 1, join_layers, error);
}

static bool
check_field(const OrfField *field, GError **error)
{
    if (field->nx < 2 || field->ny < 2 || field->nz < 2 || field->nx > MAX_SIDE ||
        field->ny > MAX_SIDE || field->nz > MAX_SIDE)
        return ORF_FALSE(error, BAD_INPUT,
                         "iso-surface: a field of %u x %u x %u; each side must be 2 to %d",
                         field->nx, field->ny, field->nz, MAX_SIDE);
    return true;
}

OrfMesh *
orf_mesh_isosurface(OrfTask *task, const OrfField *field, GError **error)
{
    if (!check_field(field, error))
        return NULL;
    Sweep sweep = { .task = task, .field = field };
    g_mutex_init(&sweep.lock);
    orf_cell_table_init(&sweep.table);
    g_auto(OrfMeshParts) parts = { 0 };
    bool done = find_cells(&sweep, error) && make_parts(&sweep, &parts, error);
    orf_free(sweep.signs);
    orf_free(sweep.vertices);
    g_mutex_clear(&sweep.lock);
    return done ? orf_mesh_new_take(&parts, error) : NULL;
}
