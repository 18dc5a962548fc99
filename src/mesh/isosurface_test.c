/* SPDX-License-Identifier: Apache-2.0 */
#include "isosurface-priv.h"
#include "mesh.h"

#include <math.h>
#include <string.h>

/* --- The slow, obvious version: truth for the fast one
 * --------------------------------------------- Walks every cell of the padded lattice, follows
 * the faces of one patch from crossing to crossing, and looks up nothing but signs. */

typedef struct {
    const OrfField *field;
    int n[3]; /* cells along each axis */
} Slow;

static bool
slow_inside(const Slow *slow, int x, int y, int z)
{
    const OrfField *f = slow->field;
    if (x < 1 || y < 1 || z < 1 || x > (int)f->nx || y > (int)f->ny || z > (int)f->nz)
        return false;
    return f->field[((size_t)(z - 1) * f->ny + (size_t)(y - 1)) * f->nx + (size_t)(x - 1)] > 0;
}

typedef struct {
    int low[3], axis; /* a lattice edge */
} Edge;

static bool
slow_crossed(const Slow *slow, const Edge *edge)
{
    int to[3] = { edge->low[0], edge->low[1], edge->low[2] };
    to[edge->axis]++;
    return slow_inside(slow, edge->low[0], edge->low[1], edge->low[2]) !=
           slow_inside(slow, to[0], to[1], to[2]);
}

/* The four edges of the face of `cell` at `side` of `axis`, in a round. */
static void
slow_face(const int cell[3], int axis, int side, Edge edges[4])
{
    int b = (axis + 1) % 3, c = (axis + 2) % 3;
    for (int i = 0; i < 4; i++) {
        memcpy(edges[i].low, cell, sizeof edges[i].low);
        edges[i].low[axis] += side;
        edges[i].axis = i % 2 ? c : b;
    }
    edges[1].low[b]++;
    edges[2].low[c]++;
}

static bool
slow_face_ambiguous(const Slow *slow, const int cell[3], int axis, int side)
{
    Edge edges[4];
    slow_face(cell, axis, side, edges);
    for (int i = 0; i < 4; i++)
        if (!slow_crossed(slow, &edges[i]))
            return false;
    return true;
}

/* Labels the 12 edges of a cell by patch, numbered by first edge; 255 uncrossed. `other` is the
 * face (2 axis + side) to resolve the other way, -1 none. */
static unsigned
slow_patches(const Slow *slow, const int cell[3], int other, uint8_t label[12])
{
    for (unsigned e = 0; e < 12; e++) {
        unsigned low, high;
        orf_cell_edge(e, &low, &high);
        Edge edge = { { cell[0] + (int)(low & 1), cell[1] + (int)(low >> 1 & 1),
                        cell[2] + (int)(low >> 2) },
                      (int)e / 4 };
        label[e] = slow_crossed(slow, &edge) ? (uint8_t)(100 + e) : 255;
    }
    for (int face = 0; face < 6; face++) {
        Edge edges[4];
        unsigned id[4], n = 0;
        slow_face(cell, face / 2, face % 2, edges);
        for (int i = 0; i < 4; i++)
            if (slow_crossed(slow, &edges[i])) {
                int b = (edges[i].axis + 1) % 3, c = (edges[i].axis + 2) % 3;
                id[n++] = (unsigned)(4 * edges[i].axis + (edges[i].low[b] - cell[b]) +
                                     2 * (edges[i].low[c] - cell[c]));
            }
        /* edges 3 and 0 meet at corner 0 of the round: cut it off when inside, else corner 1 */
        bool corner0 = slow_inside(slow, edges[0].low[0], edges[0].low[1], edges[0].low[2]) !=
                       (face == other);
        static const int cuts[2][4] = { { 0, 1, 2, 3 }, { 3, 0, 1, 2 } };
        for (unsigned k = 0; k + 1 < n; k += 2) {
            unsigned p = n == 4 ? id[cuts[corner0][k]] : id[0];
            unsigned q = n == 4 ? id[cuts[corner0][k + 1]] : id[1];
            uint8_t from = label[p], to = label[q];
            for (unsigned e = 0; e < 12; e++)
                if (label[e] == from)
                    label[e] = to;
        }
    }
    unsigned n = 0;
    for (unsigned e = 0; e < 12; e++)
        if (label[e] >= 100 && label[e] != 255) {
            uint8_t old = label[e];
            for (unsigned k = e; k < 12; k++)
                if (label[k] == old)
                    label[k] = (uint8_t)n;
            n++;
        }
    return n;
}

/* The face that one patch crosses four times, or -1. */
static int
slow_twisted(const Slow *slow, const int cell[3])
{
    uint8_t label[12];
    slow_patches(slow, cell, -1, label);
    for (int face = 0; face < 6; face++) {
        if (!slow_face_ambiguous(slow, cell, face / 2, face % 2))
            continue;
        int a = face / 2, b = (a + 1) % 3, c = (a + 2) % 3, s = face % 2;
        unsigned eb = (unsigned)(4 * b + 2 * s), ec = (unsigned)(4 * c + s);
        if (label[eb] == label[eb + 1] && label[ec] == label[ec + 2] && label[eb] == label[ec])
            return face;
    }
    return -1;
}

static unsigned
slow_cell(const Slow *slow, const int cell[3], uint8_t label[12])
{
    int face = slow_twisted(slow, cell), other = -1;
    if (face >= 0) {
        int beyond[3] = { cell[0], cell[1], cell[2] };
        beyond[face / 2] += face % 2 ? 1 : -1;
        if (slow_twisted(slow, beyond) == (face ^ 1))
            other = face;
    }
    return slow_patches(slow, cell, other, label);
}

/* Triangles as vertex numbers, in the order of cells; -1 ends. Returns their number. */
static size_t
slow_quads(const Slow *slow, GArray *quads, size_t *ret_vertices)
{
    int wx = slow->n[0], wy = slow->n[1], wz = slow->n[2];
    size_t cells = (size_t)wx * (size_t)wy * (size_t)wz;
    g_autofree uint8_t *labels = g_new(uint8_t, 12 * cells);
    g_autofree uint32_t *first = g_new(uint32_t, cells);
    uint32_t vertices = 0;
    for (int z = 0, i = 0; z < wz; z++)
        for (int y = 0; y < wy; y++)
            for (int x = 0; x < wx; x++, i++) {
                first[i] = vertices;
                vertices += slow_cell(slow, (int[3]){ x, y, z }, labels + 12 * (size_t)i);
            }
    *ret_vertices = vertices;
    for (int z = 0; z < wz; z++)
        for (int y = 0; y < wy; y++)
            for (int x = 0; x < wx; x++)
                for (int axis = 0; axis < 3; axis++) {
                    Edge edge = { { x, y, z }, axis };
                    if (!slow_crossed(slow, &edge))
                        continue;
                    int b = (axis + 1) % 3, c = (axis + 2) % 3;
                    bool inside = slow_inside(slow, x, y, z);
                    uint32_t quad[4];
                    for (int i = 0; i < 4; i++) {
                        int back_b = i == 0 || i == 3, back_c = i < 2;
                        int to[3] = { x, y, z };
                        to[b] -= back_b;
                        to[c] -= back_c;
                        size_t at = (size_t)((to[2] * wy + to[1]) * wx + to[0]);
                        quad[inside ? i : 3 - i] =
                            first[at] +
                            labels[12 * at + (size_t)(4 * axis + back_b + 2 * back_c)];
                    }
                    g_array_append_vals(quads, quad, 4);
                }
    return quads->len / 4;
}

/* A quad is the same whatever its diagonal: compare as sets of corners. */
static void
assert_same_quads(const OrfMesh *mesh, const GArray *quads)
{
    const uint32_t *t = orf_mesh_triangles(mesh);
    g_assert_cmpuint(orf_mesh_n_triangles(mesh), ==, quads->len / 2);
    for (size_t q = 0; q < quads->len / 4; q++) {
        uint64_t sum[2] = { 0 }, xor[2] = {
            0
        };
        const uint32_t *two = t + 6 * q, *slow = &g_array_index(quads, uint32_t, 4 * q);
        /* corners of the first triangle and the one of the second that is not on the diagonal
         */
        const uint32_t fast[4] = { two[0], two[1], two[2], two[4] };
        for (unsigned i = 0; i < 4; i++) {
            sum[0] += fast[i];
            sum[1] += slow[i];
            xor[0] ^= (uint64_t)fast[i] * 2654435761u;
            xor[1] ^= (uint64_t)slow[i] * 2654435761u;
        }
        g_assert_cmpuint(sum[0], ==, sum[1]);
        g_assert_cmpuint(xor[0], ==, xor[1]);
    }
}

/* --- Checks ------------------------------------------------------------------------------- */

static void
assert_solid(const OrfMesh *mesh)
{
    g_autoptr(GError) error = NULL;
    OrfMeasures m;
    orf_mesh_measure(NULL, mesh, false, &m, &error);
    g_assert_no_error(error);
    g_assert_cmpuint(m.boundary_edges, ==, 0);
    g_assert_cmpuint(m.nonmanifold_edges, ==, 0);
    g_assert_cmpuint(m.nonmanifold_vertices, ==, 0);
    g_assert_cmpuint(m.misoriented_edges, ==, 0);
    g_assert_cmpuint(m.degenerate, ==, 0);
    g_assert_cmpuint(m.duplicate, ==, 0);
    g_assert_cmpuint(m.unreferenced, ==, 0);
    if (m.triangles)
        g_assert_cmpfloat(m.volume, >, 0);
}

static OrfMesh *
surface(OrfTask *task, const OrfField *field)
{
    g_autoptr(GError) error = NULL;
    OrfMesh *mesh = orf_mesh_isosurface(task, field, &error);
    g_assert_no_error(error);
    return mesh;
}

static void
assert_matches_slow(const OrfField *field, OrfTask *task)
{
    g_autoptr(OrfMesh) mesh = surface(task, field);
    assert_solid(mesh);
    Slow slow = { field, { (int)field->nx + 1, (int)field->ny + 1, (int)field->nz + 1 } };
    g_autoptr(GArray) quads = g_array_new(false, false, sizeof(uint32_t));
    size_t vertices;
    slow_quads(&slow, quads, &vertices);
    g_assert_cmpuint(orf_mesh_n_vertices(mesh), ==, vertices);
    assert_same_quads(mesh, quads);
}

static void
random_field(GRand *random, float *values, size_t n, double share)
{
    for (size_t i = 0; i < n; i++) {
        float size = (float)g_rand_double(random);
        values[i] = g_rand_double(random) < share ? size : -size;
    }
}

static void
any_signs_give_a_solid(void)
{
    static float values[70 * 9 * 9];
    g_autoptr(GRand) random = g_rand_new_with_seed(7);
    g_autoptr(OrfTask) two = orf_task_new(&(OrfTaskOptions){ .cores = 2 });
    for (unsigned round = 0; round < 400; round++) {
        OrfField field = { .field = values, .cell = 1 };
        field.nx = round % 8 == 0 ? 62 + (uint32_t)g_rand_int_range(random, 0, 8)
                                  : 2 + (uint32_t)g_rand_int_range(random, 0, 8);
        field.ny = 2 + (uint32_t)g_rand_int_range(random, 0, 8);
        field.nz = 2 + (uint32_t)g_rand_int_range(random, 0, 8);
        double share = g_rand_double_range(random, 0.02, 0.98);
        random_field(random, values, (size_t)field.nx * field.ny * field.nz, share);
        assert_matches_slow(&field, round % 2 ? two : NULL);
    }
}

static void
every_pattern_of_two_cells_gives_a_solid(void)
{
    for (unsigned signs = 0; signs < 4096; signs++) {
        float values[12];
        for (unsigned i = 0; i < 12; i++)
            values[i] = (signs >> i) & 1 ? 1 : -1;
        assert_matches_slow(&(OrfField){ values, 2, 2, 3, { 0, 0, 0 }, 1 }, NULL);
    }
}

static float
ball_distance(float x, float y, float z, float radius)
{
    return radius - sqrtf(x * x + y * y + z * z);
}

static void
ball_has_its_volume_and_place(void)
{
    enum { N = 48 };
    static float values[N * N * N];
    OrfField field = { values, N, N, N, { -12, -10, -11.5f }, 0.5f };
    for (int z = 0; z < N; z++)
        for (int y = 0; y < N; y++)
            for (int x = 0; x < N; x++)
                values[(z * N + y) * N + x] =
                    ball_distance(-12 + 0.5f * (float)x - 1, -10 + 0.5f * (float)y - 2,
                                  -11.5f + 0.5f * (float)z, 8);
    g_autoptr(OrfMesh) mesh = surface(NULL, &field);
    assert_solid(mesh);
    OrfMeasures m;
    orf_mesh_measure(NULL, mesh, false, &m, NULL);
    g_assert_cmpfloat_with_epsilon(m.volume, 4.0 / 3 * G_PI * 512, 15);
    g_assert_cmpfloat_with_epsilon(m.low[0], -7, 0.1);
    g_assert_cmpfloat_with_epsilon(m.high[1], 10, 0.1);
    g_assert_cmpint(m.euler, ==, 2);
}

/* The surface passes as near to a lattice point as floats allow, from inside and outside. */
static void
no_patch_collapses_at_a_lattice_point(void)
{
    for (int inside = 0; inside < 2; inside++) {
        float values[27];
        for (int i = 0; i < 27; i++)
            values[i] = inside ? -1 : 1;
        values[13] = inside ? 1e-30f : -1e-30f;
        OrfField field = { .field = values, .nx = 3, .ny = 3, .nz = 3, .cell = 1 };
        g_autoptr(OrfMesh) mesh = orf_mesh_isosurface(NULL, &field, NULL);
        OrfMeasures m;
        g_assert_true(orf_mesh_measure(NULL, mesh, false, &m, NULL));
        g_assert_true(m.closed && m.manifold && m.oriented);
        g_assert_cmpint(m.degenerate, ==, 0);
        double whole = inside ? 0 : 26; /* of the block around the cavity, about */
        g_assert_cmpfloat(m.volume, >, whole * 0.5 + 1e-6);
        const float *p = orf_mesh_positions(mesh);
        for (size_t a = 0; a < orf_mesh_n_vertices(mesh); a++)
            for (size_t b = 0; b < a; b++)
                g_assert_cmpfloat(hypot(hypot(p[3 * a] - p[3 * b], p[3 * a + 1] - p[3 * b + 1]),
                                        p[3 * a + 2] - p[3 * b + 2]),
                                  >, 0.01);
    }
}

static void
odd_values_are_outside(void)
{
    float values[27];
    for (unsigned i = 0; i < 27; i++)
        values[i] = i % 3 == 0 ? NAN : i % 3 == 1 ? 0.0f : -INFINITY;
    OrfField field = { values, 3, 3, 3, { 0, 0, 0 }, 1 };
    g_autoptr(OrfMesh) none = surface(NULL, &field);
    g_assert_cmpuint(orf_mesh_n_triangles(none), ==, 0);
    values[13] = INFINITY;
    g_autoptr(OrfMesh) one = surface(NULL, &field);
    g_assert_cmpuint(orf_mesh_n_triangles(one), ==, 12);
    assert_solid(one);
}

static void
full_field_is_closed_at_the_border(void)
{
    float values[8] = { 1, 1, 1, 1, 1, 1, 1, 1 };
    g_autoptr(OrfMesh) mesh = surface(NULL, &(OrfField){ values, 2, 2, 2, { 0, 0, 0 }, 1 });
    assert_solid(mesh);
    g_assert_cmpuint(orf_mesh_n_vertices(mesh), ==, 26);
}

static void
refuses_sizes_and_gives_up_politely(void)
{
    float values[8] = { 1, -1, 1, 1, 1, 1, 1, 1 };
    g_autoptr(GError) error = NULL;
    g_assert_null(orf_mesh_isosurface(NULL, &(OrfField){ values, 1, 2, 2, { 0 }, 1 }, &error));
    g_assert_error(error, ORF_ERROR, ORF_ERROR_BAD_INPUT);
    g_clear_error(&error);
    g_autoptr(OrfTask) poor = orf_task_new(&(OrfTaskOptions){ .memory = 64 });
    g_assert_null(orf_mesh_isosurface(poor, &(OrfField){ values, 2, 2, 2, { 0 }, 1 }, &error));
    g_assert_error(error, ORF_ERROR, ORF_ERROR_TOO_LARGE);
    g_clear_error(&error);
    g_autoptr(OrfTask) stopped = orf_task_new(NULL);
    orf_task_cancel(stopped);
    g_assert_null(
        orf_mesh_isosurface(stopped, &(OrfField){ values, 2, 2, 2, { 0 }, 1 }, &error));
    g_assert_error(error, ORF_ERROR, ORF_ERROR_CANCELLED);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/mesh/isosurface/any-signs-give-a-solid-equal-to-the-slow-version",
                    any_signs_give_a_solid);
    g_test_add_func("/mesh/isosurface/every-pattern-of-two-cells-gives-a-solid",
                    every_pattern_of_two_cells_gives_a_solid);
    g_test_add_func("/mesh/isosurface/ball-has-its-volume-and-place",
                    ball_has_its_volume_and_place);
    g_test_add_func("/mesh/isosurface/nan-zero-and-infinity-below-are-outside",
                    odd_values_are_outside);
    g_test_add_func("/mesh/isosurface/full-field-is-closed-at-the-border",
                    full_field_is_closed_at_the_border);
    g_test_add_func("/mesh/isosurface/refuses-sizes-and-gives-up-politely",
                    refuses_sizes_and_gives_up_politely);
    g_test_add_func("/mesh/isosurface/no-patch-collapses-at-a-lattice-point",
                    no_patch_collapses_at_a_lattice_point);
    return g_test_run();
}
