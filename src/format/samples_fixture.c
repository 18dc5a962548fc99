/* SPDX-License-Identifier: Apache-2.0 */
#include "format/samples_fixture.h"

#include <math.h>
#include <string.h>

static const float cube_positions[8][3] = {
    { -10.1f, 0, -7.3f },  { 10.1f, 0, -7.3f },  { 10.1f, 0, 7.3f },  { -10.1f, 0, 7.3f },
    { -10.1f, 20, -7.3f }, { 10.1f, 20, -7.3f }, { 10.1f, 20, 7.3f }, { -10.1f, 20, 7.3f },
};
static const uint32_t cube_triangles[12][3] = {
    { 0, 1, 2 }, { 0, 2, 3 }, { 4, 6, 5 }, { 4, 7, 6 }, { 3, 2, 6 }, { 3, 6, 7 },
    { 1, 0, 4 }, { 1, 4, 5 }, { 2, 1, 5 }, { 2, 5, 6 }, { 0, 3, 7 }, { 0, 7, 4 },
};

static OrfMesh *
new_mesh(OrfMeshParts *parts)
{
    g_autoptr(GError) error = NULL;
    OrfMesh *mesh = orf_mesh_new_take(parts, &error);
    g_assert_no_error(error);
    return mesh;
}

static OrfAsset *
new_asset(OrfMeshParts *parts, const OrfMaterial *materials, size_t n)
{
    g_autoptr(OrfMesh) mesh = new_mesh(parts);
    return orf_asset_new(mesh, materials, n);
}

/* `n` cubes side by side, `apart` mm between them. */
static void
cubes(OrfMeshParts *parts, unsigned n, float apart)
{
    *parts = (OrfMeshParts){ .n_vertices = 8 * n, .n_triangles = 12 * n };
    parts->positions = ORF_ALLOC(NULL, float, 24 * n, "test", NULL);
    parts->triangles = ORF_ALLOC(NULL, uint32_t, 36 * n, "test", NULL);
    for (unsigned i = 0; i < n; i++) {
        for (unsigned k = 0; k < 24; k++)
            parts->positions[24 * i + k] = cube_positions[k / 3][k % 3];
        for (unsigned k = 0; k < 8; k++)
            parts->positions[24 * i + 3 * k] += (float)i * (20.2f + apart);
        for (unsigned k = 0; k < 36; k++)
            parts->triangles[36 * i + k] = cube_triangles[k / 3][k % 3] + 8 * i;
    }
}

static OrfImage *
checker(void)
{
    uint8_t *pixels = ORF_ALLOC(NULL, uint8_t, 32 * 32 * 3, "test", NULL);
    for (unsigned i = 0; i < 32 * 32; i++) {
        bool light = (i / 32 / 4 + i % 32 / 4) % 2;
        pixels[3 * i] = light ? 230 : 40;
        pixels[3 * i + 1] = (uint8_t)(i / 32 * 8);
        pixels[3 * i + 2] = (uint8_t)(i % 32 * 8);
    }
    return orf_image_new_take(32, 32, 3, ORF_U8, pixels);
}

OrfAsset *
sample_cube(void)
{
    OrfMeshParts parts;
    cubes(&parts, 1, 0);
    return new_asset(&parts, NULL, 0);
}

#define RINGS 24
#define SIDES 12

static void
torus_uvs(OrfMeshParts *parts)
{
    parts->n_uvs = (RINGS + 1) * (SIDES + 1);
    parts->uvs = ORF_ALLOC(NULL, float, 2 * parts->n_uvs, "test", NULL);
    parts->uv_triangles = ORF_ALLOC(NULL, uint32_t, 3 * parts->n_triangles, "test", NULL);
    for (unsigned i = 0; i <= RINGS; i++)
        for (unsigned k = 0; k <= SIDES; k++) {
            parts->uvs[2 * (i * (SIDES + 1) + k)] = (float)i / RINGS;
            parts->uvs[2 * (i * (SIDES + 1) + k) + 1] = (float)k / SIDES;
        }
}

static void
torus_faces(OrfMeshParts *parts, unsigned i, unsigned k)
{
    unsigned next_i = (i + 1) % RINGS, next_k = (k + 1) % SIDES;
    uint32_t quad[] = { i * SIDES + k, next_i * SIDES + k, next_i * SIDES + next_k,
                        i * SIDES + next_k };
    uint32_t uvs[] = { i * (SIDES + 1) + k, (i + 1) * (SIDES + 1) + k,
                       (i + 1) * (SIDES + 1) + k + 1, i * (SIDES + 1) + k + 1 };
    static const unsigned corners[] = { 0, 2, 1, 0, 3, 2 };
    for (unsigned c = 0; c < 6; c++) {
        parts->triangles[6 * (i * SIDES + k) + c] = quad[corners[c]];
        parts->uv_triangles[6 * (i * SIDES + k) + c] = uvs[corners[c]];
    }
}

static OrfAsset *
torus(OrfMaterial *material)
{
    OrfMeshParts parts = { .n_vertices = RINGS * SIDES, .n_triangles = RINGS * SIDES * 2 };
    parts.positions = ORF_ALLOC(NULL, float, 3 * parts.n_vertices, "test", NULL);
    parts.triangles = ORF_ALLOC(NULL, uint32_t, 3 * parts.n_triangles, "test", NULL);
    torus_uvs(&parts);
    for (unsigned i = 0; i < RINGS; i++)
        for (unsigned k = 0; k < SIDES; k++) {
            double a = 2 * G_PI * i / RINGS, b = 2 * G_PI * k / SIDES, r = 30 + 8.7 * cos(b);
            float *p = parts.positions + 3 * (i * SIDES + k);
            p[0] = (float)(r * cos(a)), p[1] = (float)(9 + 8.7 * sin(b));
            p[2] = (float)(r * sin(a));
            torus_faces(&parts, i, k);
        }
    OrfAsset *asset = new_asset(&parts, material, 1);
    orf_material_clear(material);
    return asset;
}

OrfAsset *
sample_torus(void)
{
    OrfMaterial material;
    orf_material_init(&material, "painted \"ring\" & <more>");
    material.texture = checker();
    material.roughness = 0.7f;
    return torus(&material);
}

/* A torus whose picture is given encoded; the pixels are what that decodes to. */
static OrfAsset *
encoded_torus(const char *format)
{
    OrfMaterial material;
    orf_material_init(&material, format);
    g_autoptr(OrfImage) picture = checker();
    material.encoded = orf_image_encode(NULL, picture, format, 90, NULL);
    material.texture =
        orf_image_load(NULL, material.encoded, format, &(OrfImageLoad){ 0 }, NULL);
    g_assert_nonnull(material.texture);
    return torus(&material);
}

static OrfAsset *
sample_jpeg(void)
{
    return encoded_torus("jpeg");
}

static OrfAsset *
sample_webp(void)
{
    return encoded_torus("webp");
}

static void
three_materials(OrfMaterial materials[3])
{
    static const float colors[3][4] = { { 1, 0, 0, 1 },
                                        { 0.0331047666f, 0.212230757f, 0.6038274f, 1 },
                                        { 1, 1, 1, 0.501960814f } };
    static const char *const names[] = { "red", "steel blue", "glass" };
    for (unsigned i = 0; i < 3; i++) {
        orf_material_init(&materials[i], names[i]);
        memcpy(materials[i].base_color, colors[i], sizeof colors[i]);
    }
}

OrfAsset *
sample_bodies(void)
{
    OrfMeshParts parts;
    cubes(&parts, 2, 5);
    parts.groups = ORF_ALLOC(NULL, uint16_t, 24, "test", NULL);
    for (unsigned i = 12; i < 24; i++)
        parts.groups[i] = 1;
    OrfMaterial materials[3];
    three_materials(materials);
    return new_asset(&parts, materials, 2);
}

OrfAsset *
sample_faces(void)
{
    OrfMeshParts parts;
    cubes(&parts, 1, 0);
    parts.groups = ORF_ALLOC(NULL, uint16_t, 12, "test", NULL);
    for (unsigned i = 0; i < 12; i++)
        parts.groups[i] = (uint16_t)(i < 4 ? 0 : i < 6 ? 2 : 1);
    OrfMaterial materials[3];
    three_materials(materials);
    return new_asset(&parts, materials, 3);
}

OrfAsset *
sample_colored(void)
{
    g_autoptr(OrfMesh) ball = sample_ball(600);
    OrfMeshParts parts;
    g_assert_true(orf_mesh_copy_parts(NULL, ball, &parts, NULL));
    parts.colors = ORF_ALLOC(NULL, uint8_t, 4 * parts.n_vertices, "test", NULL);
    for (size_t i = 0; i < parts.n_vertices; i++) {
        uint8_t *color = parts.colors + 4 * i;
        color[0] = (uint8_t)i, color[1] = (uint8_t)(i * 7), color[2] = (uint8_t)(255 - i);
        color[3] = 255;
    }
    return new_asset(&parts, NULL, 0);
}

/* A uv for each corner of a face, so that every vertex is torn. */
OrfAsset *
sample_touching(void)
{
    OrfMeshParts parts;
    cubes(&parts, 2, 0);
    parts.n_uvs = 3;
    parts.uvs = ORF_ALLOC(NULL, float, 6, "test", NULL);
    parts.uv_triangles = ORF_ALLOC(NULL, uint32_t, 72, "test", NULL);
    parts.uvs[2] = parts.uvs[5] = 1;
    for (unsigned i = 0; i < 72; i++)
        parts.uv_triangles[i] = i % 3;
    /* the wall between them at exactly equal places */
    for (unsigned k = 0; k < 24; k += 3)
        if (parts.positions[24 + k] < 10.2f)
            parts.positions[24 + k] = 10.1f;
    OrfMaterial material;
    orf_material_init(&material, "checker");
    material.texture = checker();
    OrfAsset *asset = new_asset(&parts, &material, 1);
    orf_material_clear(&material);
    return asset;
}

OrfAsset *
sample_soup(void)
{
    OrfMeshParts parts = { .n_vertices = 500, .n_triangles = 900 };
    g_autoptr(GRand) dice = g_rand_new_with_seed(7);
    parts.positions = ORF_ALLOC(NULL, float, 1500, "test", NULL);
    parts.triangles = ORF_ALLOC(NULL, uint32_t, 2700, "test", NULL);
    for (unsigned i = 0; i < 1500; i++)
        parts.positions[i] = (float)g_rand_double_range(dice, -1, 1) *
                             powf(10, (float)g_rand_double_range(dice, -12, 6));
    for (unsigned i = 0; i < 2700; i += 3) {
        uint32_t *t = parts.triangles + i;
        do
            for (unsigned k = 0; k < 3; k++)
                t[k] = (uint32_t)g_rand_int_range(dice, 0, 480);
        while (t[0] == t[1] || t[1] == t[2] || t[2] == t[0]);
    }
    return new_asset(&parts, NULL, 0);
}

const Sample samples[] = {
    { "cube", sample_cube, true },       { "torus", sample_torus, true },
    { "bodies", sample_bodies, true },   { "faces", sample_faces, true },
    { "colored", sample_colored, true }, { "touching", sample_touching, true },
    { "jpeg", sample_jpeg, true },       { "webp", sample_webp, true },
    { "soup", sample_soup, false },
};
const size_t n_samples = G_N_ELEMENTS(samples);

/* Rings of latitude, as many sides as rings; poles are single vertices. */
OrfMesh *
sample_ball(size_t n)
{
    size_t rings = MAX((size_t)sqrt((double)n / 4), 2), sides = 2 * rings;
    OrfMeshParts parts = { .n_vertices = (rings - 1) * sides + 2,
                           .n_triangles = 2 * sides * (rings - 1) };
    parts.positions = ORF_ALLOC(NULL, float, 3 * parts.n_vertices, "test", NULL);
    parts.triangles = ORF_ALLOC(NULL, uint32_t, 3 * parts.n_triangles, "test", NULL);
    uint32_t south = (uint32_t)parts.n_vertices - 1, *t = parts.triangles;
    parts.positions[1] = 100;
    for (size_t i = 0; i + 1 < rings; i++)
        for (size_t k = 0; k < sides; k++) {
            double a = G_PI * (double)(i + 1) / (double)rings;
            double b = 2 * G_PI * (double)k / (double)sides;
            double r = 50 * sin(a) * (1 + 0.1 * sin(5 * b));
            float *p = parts.positions + 3 * (1 + i * sides + k);
            p[0] = (float)(r * cos(b)), p[1] = (float)(50 + 50 * cos(a));
            p[2] = (float)(r * sin(b));
        }
    for (uint32_t i = 0; i < rings; i++)
        for (uint32_t k = 0; k < sides; k++) {
            uint32_t next = (uint32_t)((k + 1) % sides), row = (uint32_t)(1 + i * sides);
            uint32_t above = row - (uint32_t)sides;
            if (i + 1 < rings) {
                *t++ = i ? above + k : 0, *t++ = row + next, *t++ = row + k;
            }
            if (i) {
                *t++ = above + k, *t++ = above + next;
                *t++ = i + 1 < rings ? row + next : south;
            }
        }
    g_assert_true(t == parts.triangles + 3 * parts.n_triangles);
    return new_mesh(&parts);
}

GBytes *
sample_sibling(const char *name, void *files)
{
    GPtrArray *array = files;
    for (guint i = 0; i < array->len; i++) {
        const OrfFile *file = array->pdata[i];
        if (g_str_equal(file->name, name))
            return g_bytes_ref(file->bytes);
    }
    return NULL;
}

OrfAsset *
through(const OrfAsset *asset, const char *format, const OrfSave *options)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GPtrArray) files = orf_format_save(NULL, asset, format, options, &error);
    g_assert_no_error(error);
    const OrfFile *first = files->pdata[0];
    g_assert_cmpstr(orf_format_sniff(first->bytes)->name, ==, format);
    OrfLoad load = { .name = first->name, .sibling = sample_sibling, .sibling_data = files };
    OrfAsset *loaded = orf_format_load(NULL, first->bytes, NULL, &load, &error);
    g_assert_no_error(error);
    return loaded;
}

/* --- Files written by hand ---------------------------------------------------------------- */

void
assert_refused(const char *format, const BadFile *cases, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        g_test_message("%s", cases[i].what);
        size_t size = cases[i].size ? cases[i].size : strlen(cases[i].file);
        g_autoptr(GBytes) bytes = g_bytes_new(cases[i].file, size);
        g_autoptr(OrfTask) task = orf_task_new(&(OrfTaskOptions){ .memory = 64 << 20 });
        g_autoptr(GError) error = NULL;
        OrfLoad options = { .name = "bad" };
        g_assert_null(orf_format_load(task, bytes, format, &options, &error));
        g_assert_cmpstr(error->message, ==, cases[i].message);
    }
}

OrfAsset *
load_file(OrfTask *task, const char *format, const void *file, size_t size,
          const OrfLoad *options)
{
    g_autoptr(GBytes) bytes = g_bytes_new(file, size ? size : strlen(file));
    g_autoptr(GError) error = NULL;
    OrfAsset *asset = orf_format_load(task, bytes, format, options, &error);
    g_assert_no_error(error);
    return asset;
}

const float *
corner_of(const OrfAsset *asset, size_t triangle, size_t corner)
{
    const OrfMesh *mesh = orf_asset_mesh(asset);
    g_assert_cmpuint(triangle, <, orf_mesh_n_triangles(mesh));
    return orf_mesh_positions(mesh) +
           3 * (size_t)orf_mesh_triangles(mesh)[3 * triangle + corner];
}

void
assert_point(const float *point, float x, float y, float z)
{
    g_assert_cmpfloat_with_epsilon(point[0], x, 1e-5f);
    g_assert_cmpfloat_with_epsilon(point[1], y, 1e-5f);
    g_assert_cmpfloat_with_epsilon(point[2], z, 1e-5f);
}

void
assert_noted(OrfTask *task, const char *part)
{
    g_auto(GStrv) notes = orf_task_notes(task);
    for (char **note = notes; *note; note++)
        if (strstr(*note, part))
            return;
    g_error("no note holds '%s'", part);
}
