/* weld.c - merges vertices that lie in one place.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Exactly equal positions: the vertices are dealt by hash into parts small enough for the
 * cache, copied along with their positions so that each part is read in one stream, and every
 * part is settled by a hash table of its own, on any core: each vertex learns the first vertex
 * at its place. The deal keeps the order of the vertices (counts per block, then offsets), so
 * the result does not depend on the number of cores.
 *
 * Within a distance: the vertices that are left go, in order, into a grid of cells twice as
 * wide as the distance (Teschner et al. 2003). A vertex joins the nearest kept vertex in reach,
 * which can only lie in 8 cells, or is kept itself. So no vertex moves further than the
 * distance, and kept vertices are further apart than that. */
#include "mesh-priv.h"

#include <math.h>
#include <string.h>

/* Vertices in a part, about: table and entries fit in a 256 KiB cache. */
#define PART_SIZE 4096
#define MAX_PARTS 4096
#define DEAL_BLOCK ((size_t)1 << 16)
#define NONE UINT32_MAX

/* --- Exactly equal positions -------------------------------------------------------------- */

typedef struct {
    uint32_t key[3]; /* bits of the position, -0 as 0 */
    uint32_t vertex;
} Entry;

typedef struct {
    OrfTask *task;
    const float *positions;
    size_t n_vertices, n_parts;
    unsigned shift;       /* hash >> shift is the part */
    uint32_t *next;       /* [n_blocks][n_parts] where a block puts its next entry of a part */
    uint32_t *part_start; /* [n_parts + 1] */
    Entry *entries;       /* [n_vertices], part after part, each in order of vertices */
    uint32_t *first;      /* [n_vertices] the first vertex in the same place */
    _Atomic bool failed;  /* a part found no memory */
} Deal;

static void
deal_clear(Deal *deal)
{
    orf_free(deal->next);
    orf_free(deal->part_start);
    orf_free(deal->entries);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Deal, deal_clear)

static Entry
entry_of(const float *position, size_t vertex)
{
    float p[3] = { position[0] + 0.0f, position[1] + 0.0f, position[2] + 0.0f };
    Entry entry;
    memcpy(entry.key, p, sizeof p);
    entry.vertex = (uint32_t)vertex;
    return entry;
}

static uint32_t
hash_of(const uint32_t key[3])
{
    uint64_t h = (key[0] | (uint64_t)key[1] << 32) * 0x9e3779b97f4a7c15u;
    h = ((h ^ h >> 32) + key[2]) * 0xd6e8feb86659fd93u;
    return (uint32_t)((h ^ h >> 29) * 0x9e3779b97f4a7c15u >> 32);
}

static void
count_block(size_t begin, size_t end, void *data)
{
    Deal *deal = data;
    uint32_t *count = deal->next + begin / DEAL_BLOCK * deal->n_parts;
    for (size_t v = begin; v < end; v++) {
        Entry entry = entry_of(deal->positions + 3 * v, v);
        count[(uint64_t)hash_of(entry.key) >> deal->shift]++;
    }
}

static void
deal_block(size_t begin, size_t end, void *data)
{
    Deal *deal = data;
    uint32_t *next = deal->next + begin / DEAL_BLOCK * deal->n_parts;
    for (size_t v = begin; v < end; v++) {
        Entry entry = entry_of(deal->positions + 3 * v, v);
        deal->entries[next[(uint64_t)hash_of(entry.key) >> deal->shift]++] = entry;
    }
}

/* Turns the counts of each block into the places where it deals to. */
static void
place_parts(Deal *deal)
{
    size_t n_blocks = (deal->n_vertices + DEAL_BLOCK - 1) / DEAL_BLOCK;
    uint32_t place = 0;
    for (size_t part = 0; part < deal->n_parts; part++) {
        deal->part_start[part] = place;
        for (size_t block = 0; block < n_blocks; block++) {
            uint32_t *next = &deal->next[block * deal->n_parts + part], count = *next;
            *next = place;
            place += count;
        }
    }
    deal->part_start[deal->n_parts] = place;
}

static bool
same_place(const Entry *a, const Entry *b)
{
    return a->key[0] == b->key[0] && a->key[1] == b->key[1] && a->key[2] == b->key[2];
}

/* `table` has room for 2n slots, all 0: a slot holds the number of an entry + 1. */
static void
settle(const Deal *deal, const Entry *entries, size_t n, uint32_t *table)
{
    for (size_t i = 0; i < n; i++) {
        /* the part took the high bits of the hash: spread the low ones */
        uint32_t hash = hash_of(entries[i].key) * 0x9e3779b1u;
        size_t slot = (size_t)((uint64_t)hash * (2 * n) >> 32);
        while (table[slot] && !same_place(&entries[table[slot] - 1], &entries[i]))
            slot = slot + 1 == 2 * n ? 0 : slot + 1;
        if (!table[slot])
            table[slot] = (uint32_t)i + 1;
        deal->first[entries[i].vertex] = entries[table[slot] - 1].vertex;
        if (i % DEAL_BLOCK == DEAL_BLOCK - 1 && orf_task_cancelled(deal->task))
            return;
    }
}

static void
settle_parts(size_t begin, size_t end, void *data)
{
    Deal *deal = data;
    const uint32_t *start = deal->part_start;
    size_t largest = 0;
    for (size_t part = begin; part < end; part++)
        largest = MAX(largest, start[part + 1] - start[part]);
    orf_autofree uint32_t *table = ORF_ALLOC(deal->task, uint32_t, 2 * largest, "weld", NULL);
    if (!table) {
        deal->failed = true;
        return;
    }
    for (size_t part = begin; part < end; part++) {
        size_t n = start[part + 1] - start[part];
        memset(table, 0, 2 * n * sizeof *table);
        settle(deal, deal->entries + start[part], n, table);
    }
}

static bool
deal_init(OrfTask *task, const OrfMesh *mesh, uint32_t *first, Deal *deal, GError **error)
{
    deal->task = task;
    deal->first = first;
    deal->positions = orf_mesh_positions(mesh);
    deal->n_vertices = orf_mesh_n_vertices(mesh);
    deal->n_parts = 1;
    deal->shift = 32;
    while (deal->n_parts < MAX_PARTS && deal->n_parts * PART_SIZE < deal->n_vertices) {
        deal->n_parts *= 2;
        deal->shift--;
    }
    size_t n_blocks = (deal->n_vertices + DEAL_BLOCK - 1) / DEAL_BLOCK;
    return (deal->next = ORF_ALLOC(task, uint32_t, n_blocks * deal->n_parts, "weld", error)) &&
           (deal->part_start = ORF_ALLOC(task, uint32_t, deal->n_parts + 1, "weld", error)) &&
           (deal->entries = ORF_ALLOC(task, Entry, deal->n_vertices, "weld", error));
}

/* first[v] becomes the first vertex in the place of v. */
static bool
find_equal(OrfTask *task, const OrfMesh *mesh, uint32_t *first, GError **error)
{
    g_auto(Deal) deal = { 0 };
    if (!deal_init(task, mesh, first, &deal, error))
        return false;
    size_t n = deal.n_vertices;
    bool done = orf_task_parallel(task, n, DEAL_BLOCK, count_block, &deal);
    place_parts(&deal);
    done = done && orf_task_parallel(task, n, DEAL_BLOCK, deal_block, &deal);
    orf_task_progress(task, 0.4);
    done = done && orf_task_parallel(task, deal.n_parts, 16, settle_parts, &deal);
    if (deal.failed)
        return ORF_FALSE(error, TOO_LARGE,
                         "weld: the memory budget is used up; give it more or simplify first");
    return done || orf_task_check(task, error);
}

/* --- Within a distance -------------------------------------------------------------------- */

typedef struct {
    const float *positions;
    double distance, cell; /* cell = 2 * distance */
    uint32_t *table;       /* [size] last kept vertex of the cells that hash here */
    uint32_t *older;       /* [n_vertices] the one kept before it, or NONE */
    size_t size;           /* a power of two */
} Grid;

static void
grid_clear(Grid *grid)
{
    orf_free(grid->table);
    orf_free(grid->older);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Grid, grid_clear)

/* Cell numbers are whole doubles: no coordinate is too large for them. */
static size_t
grid_slot(const Grid *grid, const double cell[3])
{
    uint64_t h = 0;
    for (int k = 0; k < 3; k++) {
        double number = cell[k] + 0.0;
        uint64_t bits;
        memcpy(&bits, &number, sizeof bits);
        h = (h ^ bits) * 0x9e3779b97f4a7c15u;
        h ^= h >> 32;
    }
    return h & (grid->size - 1);
}

static double
squared_distance(const float *a, const float *b)
{
    double x = (double)a[0] - b[0], y = (double)a[1] - b[1], z = (double)a[2] - b[2];
    return x * x + y * y + z * z;
}

/* The nearest kept vertex in the list of one slot that is nearer than *nearest. */
static void
search_slot(const Grid *grid, size_t slot, const float *p, uint32_t *found, double *nearest)
{
    for (uint32_t v = grid->table[slot]; v != NONE; v = grid->older[v]) {
        double d = squared_distance(p, grid->positions + 3 * (size_t)v);
        if (d < *nearest || (d == *nearest && v < *found)) {
            *nearest = d;
            *found = v;
        }
    }
}

/* The nearest kept vertex within the distance, or NONE. */
static uint32_t
search_grid(const Grid *grid, const float *p)
{
    double low[3];
    for (int k = 0; k < 3; k++)
        low[k] = floor((p[k] - grid->distance) / grid->cell);
    uint32_t found = NONE;
    double nearest = grid->distance * grid->distance;
    for (int corner = 0; corner < 8; corner++) {
        double cell[3] = { low[0] + (corner & 1), low[1] + (corner >> 1 & 1),
                           low[2] + (corner >> 2) };
        search_slot(grid, grid_slot(grid, cell), p, &found, &nearest);
    }
    return found;
}

static void
keep_vertex(Grid *grid, uint32_t v)
{
    double cell[3];
    for (int k = 0; k < 3; k++)
        cell[k] = floor(grid->positions[3 * (size_t)v + k] / grid->cell);
    size_t slot = grid_slot(grid, cell);
    grid->older[v] = grid->table[slot];
    grid->table[slot] = v;
}

static bool
grid_init(OrfTask *task, const OrfMesh *mesh, double distance, Grid *grid, GError **error)
{
    size_t n = orf_mesh_n_vertices(mesh);
    *grid = (Grid){ .positions = orf_mesh_positions(mesh),
                    .distance = distance,
                    .cell = 2 * distance,
                    .size = 64 };
    while (grid->size < n)
        grid->size *= 2;
    if (!(grid->table = ORF_ALLOC(task, uint32_t, grid->size, "weld", error)) ||
        !(grid->older = ORF_ALLOC(task, uint32_t, n, "weld", error)))
        return false;
    memset(grid->table, 0xff, grid->size * sizeof *grid->table);
    return true;
}

/* Points first[v] further, to the kept vertex that v joins; looks at vertices in order of use.
 */
static bool
find_near(OrfTask *task, const OrfMesh *mesh, double distance, uint32_t *first, GError **error)
{
    g_auto(Grid) grid = { 0 };
    size_t n = orf_mesh_n_vertices(mesh), n_corners = 3 * orf_mesh_n_triangles(mesh);
    const uint32_t *triangles = orf_mesh_triangles(mesh);
    orf_autofree uint32_t *joins = ORF_ALLOC(task, uint32_t, n, "weld", error);
    if (!joins || !grid_init(task, mesh, distance, &grid, error))
        return false;
    memset(joins, 0xff, n * sizeof *joins);
    for (size_t c = 0; c < n_corners; c++) {
        if (c % 4096 == 0 && !orf_task_check(task, error))
            return false;
        uint32_t v = first[triangles[c]];
        if (joins[v] != NONE)
            continue;
        uint32_t near = search_grid(&grid, grid.positions + 3 * (size_t)v);
        joins[v] = near == NONE ? v : near;
        if (near == NONE)
            keep_vertex(&grid, v);
    }
    for (size_t v = 0; v < n; v++) {
        if (v % DEAL_BLOCK == 0 && !orf_task_check(task, error))
            return false;
        first[v] = joins[first[v]] == NONE ? first[v] : joins[first[v]];
    }
    return true;
}

/* --- The welded mesh ---------------------------------------------------------------------- */

typedef struct {
    const OrfMesh *mesh;
    const uint32_t *first; /* [n_vertices] vertex that stands for each vertex */
    uint32_t *number; /* [n_vertices] new number + 1 of those that stand for some, else 0 */
    OrfMeshParts parts;
} Build;

static void
build_clear(Build *build)
{
    orf_free(build->number);
    orf_mesh_parts_clear(&build->parts);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Build, build_clear)

static bool
build_init(OrfTask *task, const OrfMesh *mesh, const uint32_t *first, Build *build,
           GError **error)
{
    OrfMeshParts *parts = &build->parts;
    size_t n = orf_mesh_n_triangles(mesh), n_uvs = orf_mesh_n_uvs(mesh);
    bool has_uvs = orf_mesh_uvs(mesh), has_groups = orf_mesh_groups(mesh);
    build->mesh = mesh;
    build->first = first;
    if (!(build->number =
              ORF_ALLOC(task, uint32_t, orf_mesh_n_vertices(mesh), "weld", error)) ||
        !(parts->triangles = ORF_ALLOC(task, uint32_t, 3 * n, "triangles", error)))
        return false;
    if (has_uvs && (!(parts->uvs = ORF_ALLOC(task, float, 2 * n_uvs, "UVs", error)) ||
                    !(parts->uv_triangles = ORF_ALLOC(task, uint32_t, 3 * n, "UVs", error))))
        return false;
    if (has_groups && !(parts->groups = ORF_ALLOC(task, uint16_t, n, "groups", error)))
        return false;
    parts->n_uvs = n_uvs;
    if (n_uvs)
        memcpy(parts->uvs, orf_mesh_uvs(mesh), 2 * n_uvs * sizeof(float));
    return true;
}

static uint32_t
number_vertex(Build *build, uint32_t v)
{
    if (!build->number[v])
        build->number[v] = (uint32_t)++build->parts.n_vertices;
    return build->number[v] - 1;
}

static void
add_triangle(Build *build, size_t t, const uint32_t corners[3])
{
    OrfMeshParts *parts = &build->parts;
    size_t to = parts->n_triangles++;
    for (int k = 0; k < 3; k++)
        parts->triangles[3 * to + k] = number_vertex(build, corners[k]);
    if (parts->uv_triangles)
        memcpy(parts->uv_triangles + 3 * to, orf_mesh_uv_triangles(build->mesh) + 3 * t, 12);
    if (parts->groups)
        parts->groups[to] = orf_mesh_groups(build->mesh)[t];
}

/* Numbers the vertices in order of first use; triangles that collapse are left out. */
static bool
build_triangles(OrfTask *task, Build *build, GError **error)
{
    size_t n = orf_mesh_n_triangles(build->mesh);
    const uint32_t *from = orf_mesh_triangles(build->mesh);
    for (size_t t = 0; t < n; t++, from += 3) {
        if (t % ORF_MESH_BLOCK == 0 && !orf_task_check(task, error))
            return false;
        uint32_t corners[3] = { build->first[from[0]], build->first[from[1]],
                                build->first[from[2]] };
        if (!orf_triangle_collapsed(corners))
            add_triangle(build, t, corners);
    }
    return true;
}

static void
build_vertices(size_t begin, size_t end, void *data)
{
    Build *build = data;
    const float *positions = orf_mesh_positions(build->mesh);
    const uint8_t *colors = orf_mesh_colors(build->mesh);
    for (size_t v = begin; v < end; v++) {
        if (!build->number[v])
            continue;
        size_t to = build->number[v] - 1;
        memcpy(build->parts.positions + 3 * to, positions + 3 * v, 12);
        if (colors)
            memcpy(build->parts.colors + 4 * to, colors + 4 * v, 4);
    }
}

static OrfMesh *
rebuild(OrfTask *task, const OrfMesh *mesh, const uint32_t *first, GError **error)
{
    g_auto(Build) build = { 0 };
    OrfMeshParts *parts = &build.parts;
    if (!build_init(task, mesh, first, &build, error) || !build_triangles(task, &build, error))
        return NULL;
    parts->positions = ORF_ALLOC(task, float, 3 * parts->n_vertices, "vertices", error);
    if (!parts->positions)
        return NULL;
    if (orf_mesh_colors(mesh)) {
        parts->colors = ORF_ALLOC(task, uint8_t, 4 * parts->n_vertices, "colours", error);
        if (!parts->colors)
            return NULL;
    }
    size_t n_vertices = orf_mesh_n_vertices(mesh);
    if (!orf_task_parallel(task, n_vertices, DEAL_BLOCK, build_vertices, &build)) {
        orf_task_check(task, error);
        return NULL;
    }
    return orf_mesh_new_take(parts, error);
}

OrfMesh *
orf_mesh_weld(OrfTask *task, const OrfMesh *mesh, float distance, GError **error)
{
    orf_autofree uint32_t *first =
        ORF_ALLOC(task, uint32_t, orf_mesh_n_vertices(mesh), "weld", error);
    if (!first || !find_equal(task, mesh, first, error))
        return NULL;
    orf_task_progress(task, 0.6);
    if (distance > 0 && !find_near(task, mesh, distance, first, error))
        return NULL;
    OrfMesh *welded = rebuild(task, mesh, first, error);
    orf_task_progress(task, 1);
    return welded;
}
