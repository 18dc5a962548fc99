/* The contract of every format in the table: what is saved comes back.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "format/samples_fixture.h"

#include <math.h>
#include <string.h>

static const OrfSave variants[] = {
    { 0 },
    { .text = true },
    { .big_endian = true },
    { .plain = true },
};

static void
assert_bytes(const void *a, size_t n_a, const void *b, size_t n_b)
{
    g_assert_cmpuint(n_a, ==, n_b);
    g_assert_true(!memcmp(a, b, n_a));
}

static const float *
corner(const OrfMesh *mesh, size_t i)
{
    return orf_mesh_positions(mesh) + 3 * (size_t)orf_mesh_triangles(mesh)[i];
}

/* Every corner at the same place, bit for bit. */
static void
assert_same_corners(const OrfMesh *a, const OrfMesh *b)
{
    g_assert_cmpuint(orf_mesh_n_triangles(a), ==, orf_mesh_n_triangles(b));
    for (size_t i = 0; i < 3 * orf_mesh_n_triangles(a); i++)
        assert_bytes(corner(a, i), 12, corner(b, i), 12);
}

/* The same vertices in the same order too. */
static void
assert_same_indices(const OrfMesh *a, const OrfMesh *b)
{
    assert_bytes(orf_mesh_positions(a), orf_mesh_n_vertices(a) * 12, orf_mesh_positions(b),
                 orf_mesh_n_vertices(b) * 12);
    assert_bytes(orf_mesh_triangles(a), orf_mesh_n_triangles(a) * 12, orf_mesh_triangles(b),
                 orf_mesh_n_triangles(b) * 12);
}

static void
assert_same_uvs(const OrfMesh *a, const OrfMesh *b)
{
    if (!orf_mesh_uvs(a) || !orf_mesh_uvs(b)) {
        g_assert_true(!orf_mesh_uvs(a) && !orf_mesh_uvs(b));
        return;
    }
    for (size_t i = 0; i < 3 * orf_mesh_n_triangles(a); i++) {
        const float *p = orf_mesh_uvs(a) + 2 * (size_t)orf_mesh_uv_triangles(a)[i];
        const float *q = orf_mesh_uvs(b) + 2 * (size_t)orf_mesh_uv_triangles(b)[i];
        g_assert_cmpfloat_with_epsilon(p[0], q[0], 1e-6f);
        g_assert_cmpfloat_with_epsilon(p[1], q[1], 1e-6f);
    }
}

static const OrfMaterial *
material_of(const OrfAsset *asset, size_t triangle)
{
    const uint16_t *groups = orf_mesh_groups(orf_asset_mesh(asset));
    return orf_asset_material(asset, groups ? groups[triangle] : 0);
}

static void
assert_same_materials(const OrfAsset *a, const OrfAsset *b)
{
    for (size_t i = 0; i < orf_mesh_n_triangles(orf_asset_mesh(a)); i++) {
        const OrfMaterial *p = material_of(a, i), *q = material_of(b, i);
        g_assert_true((p->texture != NULL) == (q->texture != NULL));
        for (unsigned c = 0; c < 4 && !p->texture; c++)
            g_assert_cmpfloat_with_epsilon(p->base_color[c], q->base_color[c], 0.004f);
        if (p->texture)
            assert_bytes(orf_image_u8(p->texture), 32 * 32 * 3, orf_image_u8(q->texture),
                         32 * 32 * 3);
    }
}

static void
assert_same_solid(const OrfMesh *a, const OrfMesh *b)
{
    OrfMeasures p, q;
    g_assert_true(orf_mesh_measure(NULL, a, false, &p, NULL));
    g_assert_true(orf_mesh_measure(NULL, b, false, &q, NULL));
    g_assert_true(orf_measures_solid(&p));
    g_assert_true(orf_measures_solid(&q));
    g_assert_cmpuint(p.shells, ==, q.shells);
    g_assert_cmpfloat_with_epsilon(p.volume, q.volume, 1e-6 * fabs(p.volume));
}

/* What a format can hold beside geometry. */
static bool
holds(const char *format, const char *what)
{
    static const char *const table[][2] = {
        { "indices", "obj ply glb 3mf" },
        { "colors", "obj ply glb 3mf" },
        { "uvs", "obj glb 3mf" },
        { "materials", "obj glb 3mf" },
    };
    for (size_t i = 0; i < G_N_ELEMENTS(table); i++)
        if (g_str_equal(table[i][0], what))
            return strstr(table[i][1], format) != NULL;
    return false;
}

static void
round_trip(const OrfFormat *format, const Sample *sample, const OrfSave *options)
{
    g_test_message("%s, %s%s%s%s", format->name, sample->name, options->text ? ", text" : "",
                   options->big_endian ? ", big" : "", options->plain ? ", plain" : "");
    g_autoptr(OrfAsset) asset = sample->make();
    g_autoptr(OrfAsset) loaded = through(asset, format->name, options);
    const OrfMesh *a = orf_asset_mesh(asset), *b = orf_asset_mesh(loaded);
    assert_same_corners(a, b);
    if (holds(format->name, "indices"))
        assert_same_indices(a, b);
    if (sample->solid &&
        !(g_str_equal(sample->name, "touching") && !holds(format->name, "indices")))
        assert_same_solid(a, b);
    if (options->plain) {
        g_assert_null(orf_mesh_colors(b));
        g_assert_null(orf_mesh_uvs(b));
        return;
    }
    if (holds(format->name, "colors") && orf_mesh_colors(a))
        assert_bytes(orf_mesh_colors(a), orf_mesh_n_vertices(a) * 4, orf_mesh_colors(b),
                     orf_mesh_n_vertices(b) * 4);
    if (holds(format->name, "uvs"))
        assert_same_uvs(a, b);
    if (holds(format->name, "materials"))
        assert_same_materials(asset, loaded);
}

static void
what_is_saved_comes_back(gconstpointer data)
{
    const OrfFormat *format = data;
    for (size_t i = 0; i < n_samples; i++)
        for (size_t k = 0; k < G_N_ELEMENTS(variants); k++)
            round_trip(format, &samples[i], &variants[k]);
}

static void
saving_twice_gives_the_same_bytes(gconstpointer data)
{
    const OrfFormat *format = data;
    for (size_t i = 0; i < n_samples; i++) {
        g_autoptr(OrfAsset) asset = samples[i].make();
        g_autoptr(OrfTask) two = orf_task_new(&(OrfTaskOptions){ .cores = 2 });
        g_autoptr(GPtrArray) a = orf_format_save(NULL, asset, format->name, NULL, NULL);
        g_autoptr(GPtrArray) b = orf_format_save(two, asset, format->name, NULL, NULL);
        g_assert_cmpuint(a->len, ==, b->len);
        for (guint k = 0; k < a->len; k++)
            g_assert_true(g_bytes_equal(((OrfFile *)a->pdata[k])->bytes,
                                        ((OrfFile *)b->pdata[k])->bytes));
    }
}

static void
files_are_named_after_the_stem(gconstpointer data)
{
    const OrfFormat *format = data;
    g_autoptr(OrfAsset) asset = sample_torus();
    OrfSave options = { .stem = "my cup" };
    g_autoptr(GPtrArray) files = orf_format_save(NULL, asset, format->name, &options, NULL);
    g_autofree char *name = g_strconcat("my cup.", format->name, NULL);
    g_assert_cmpstr(((OrfFile *)files->pdata[0])->name, ==, name);
    g_assert_true(orf_format_by_path(name) == format);
    for (guint i = 1; i < files->len; i++)
        g_assert_null(strchr(((OrfFile *)files->pdata[i])->name, ' '));
}

static OrfMesh *
empty_mesh(void)
{
    OrfMeshParts parts = { .positions = ORF_ALLOC(NULL, float, 3, "test", NULL),
                           .triangles = ORF_ALLOC(NULL, uint32_t, 3, "test", NULL),
                           .n_vertices = 1 };
    return orf_mesh_new_take(&parts, NULL);
}

static void
empty_meshes_are_not_saved(gconstpointer data)
{
    const OrfFormat *format = data;
    g_autoptr(GError) error = NULL;
    g_autoptr(OrfMesh) mesh = empty_mesh();
    g_autoptr(OrfAsset) asset = orf_asset_new(mesh, NULL, 0);
    g_assert_null(orf_format_save(NULL, asset, format->name, NULL, &error));
    g_assert_error(error, ORF_ERROR, ORF_ERROR_BAD_INPUT);
}

static void
cancelling_stops_both_ways(gconstpointer data)
{
    const OrfFormat *format = data;
    g_autoptr(OrfAsset) asset = sample_colored();
    g_autoptr(GPtrArray) files =
        orf_format_save(NULL, asset, format->name, &(OrfSave){ .alone = true }, NULL);
    g_autoptr(OrfTask) task = orf_task_new(NULL);
    orf_task_cancel(task);
    g_autoptr(GError) load_error = NULL, save_error = NULL;
    g_assert_null(orf_format_save(task, asset, format->name, NULL, &save_error));
    g_assert_error(save_error, ORF_ERROR, ORF_ERROR_CANCELLED);
    GBytes *bytes = ((OrfFile *)files->pdata[0])->bytes;
    g_assert_null(orf_format_load(task, bytes, NULL, NULL, &load_error));
    g_assert_error(load_error, ORF_ERROR, ORF_ERROR_CANCELLED);
}

/* With every budget from nothing upwards: an error that says so, or success; never a crash or a
 * leak of the budget. */
static void
small_budgets_are_refused_politely(gconstpointer data)
{
    const OrfFormat *format = data;
    g_autoptr(OrfAsset) asset = sample_torus();
    g_autoptr(GPtrArray) files =
        orf_format_save(NULL, asset, format->name, &(OrfSave){ .alone = true }, NULL);
    GBytes *bytes = ((OrfFile *)files->pdata[0])->bytes;
    for (size_t memory = 1; memory < 2 << 20; memory += memory / 16 + 64) {
        g_autoptr(OrfTask) task = orf_task_new(&(OrfTaskOptions){ .memory = memory });
        g_autoptr(GError) load_error = NULL, save_error = NULL;
        g_autoptr(OrfAsset) loaded = orf_format_load(task, bytes, NULL, NULL, &load_error);
        g_autoptr(GPtrArray) saved =
            orf_format_save(task, asset, format->name, NULL, &save_error);
        g_assert_true((loaded != NULL) == (load_error == NULL));
        g_assert_true((saved != NULL) == (save_error == NULL));
        if (load_error)
            g_assert_error(load_error, ORF_ERROR, ORF_ERROR_TOO_LARGE);
        if (save_error)
            g_assert_error(save_error, ORF_ERROR, ORF_ERROR_TOO_LARGE);
    }
}

/* Cut anywhere, or with any byte changed: an error with a message, or an asset that is in
 * order. */
static void
damaged_files_never_crash(gconstpointer data)
{
    const OrfFormat *format = data;
    g_autoptr(OrfAsset) asset = sample_faces();
    g_autoptr(GPtrArray) files =
        orf_format_save(NULL, asset, format->name, &(OrfSave){ .alone = true }, NULL);
    GBytes *bytes = ((OrfFile *)files->pdata[0])->bytes;
    size_t size;
    const uint8_t *whole = g_bytes_get_data(bytes, &size);
    g_autoptr(GRand) dice = g_rand_new_with_seed(3);
    for (size_t i = 0; i < 2 * size; i += 1 + size / 700) {
        size_t n = i < size ? i : size;
        g_autofree uint8_t *copy = g_memdup2(whole, MAX(n, 1));
        if (i >= size)
            copy[i - size] = (uint8_t)g_rand_int(dice);
        g_autoptr(GBytes) cut = g_bytes_new(copy, n);
        g_autoptr(GError) error = NULL;
        g_autoptr(OrfTask) task = orf_task_new(&(OrfTaskOptions){ .memory = 64 << 20 });
        g_autoptr(OrfAsset) loaded = orf_format_load(task, cut, format->name, NULL, &error);
        g_assert_true((loaded != NULL) == (error == NULL));
        if (error)
            g_assert_cmpint(error->code, !=, ORF_ERROR_BUG);
    }
}

/* --- The table ---------------------------------------------------------------------------- */

static void
formats_are_found(void)
{
    g_assert_cmpstr(orf_format_by_path("a.b/Cup.GLTF")->name, ==, "gltf");
    g_assert_cmpstr(orf_format_by_path("cup.stl.PLY")->name, ==, "ply");
    g_assert_null(orf_format_by_path("folder.stl/cup"));
    g_assert_null(orf_format_by_path("cup.step"));
    g_assert_null(orf_format_by_name("step"));
    g_autoptr(GBytes) text = g_bytes_new_static("hello", 5);
    g_assert_null(orf_format_sniff(text));
}

static void
unknown_files_are_refused(void)
{
    static const struct {
        const char *text, *format, *name, *message;
    } cases[] = {
        { "", NULL, "a.stl", "a.stl: the file is empty; export it again" },
        { "hello", NULL, "a.txt",
          "a.txt: not a model file that is known here; export it as one of "
          "glb, gltf, 3mf, ply, stl, obj" },
        { "hello", "step", NULL,
          "no format is called 'step'; there are glb, gltf, 3mf, ply, stl, obj" },
        { "hello", NULL, "a.stl",
          "a.stl: 5 bytes are too few for an STL file; export it again" },
    };
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GBytes) bytes = g_bytes_new_static(cases[i].text, strlen(cases[i].text));
        g_autoptr(GError) error = NULL;
        OrfLoad options = { .name = cases[i].name };
        g_assert_null(orf_format_load(NULL, bytes, cases[i].format, &options, &error));
        g_assert_cmpstr(error->message, ==, cases[i].message);
    }
}

static void
add(const OrfFormat *format, const char *sentence, GTestDataFunc test)
{
    g_autofree char *path = g_strdup_printf("/format/%s/%s", format->name, sentence);
    g_test_add_data_func(path, format, test);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_assert_true(orf_image_init(NULL));
    g_test_add_func("/format/table/formats-are-found", formats_are_found);
    g_test_add_func("/format/table/unknown-files-are-refused", unknown_files_are_refused);
    for (const OrfFormat *const *format = orf_formats(); *format; format++) {
        add(*format, "what-is-saved-comes-back", what_is_saved_comes_back);
        add(*format, "saving-twice-gives-the-same-bytes", saving_twice_gives_the_same_bytes);
        add(*format, "files-are-named-after-the-stem", files_are_named_after_the_stem);
        add(*format, "empty-meshes-are-not-saved", empty_meshes_are_not_saved);
        add(*format, "cancelling-stops-both-ways", cancelling_stops_both_ways);
        add(*format, "small-budgets-are-refused-politely", small_budgets_are_refused_politely);
        add(*format, "damaged-files-never-crash", damaged_files_never_crash);
    }
    return g_test_run();
}
