/* SPDX-License-Identifier: Apache-2.0 */
#include "format/samples_fixture.h"

#include <math.h>
#include <meshoptimizer.h>
#include <string.h>

#define ASSET "\"asset\":{\"version\":\"2.0\"},"
#define SCENE "\"scenes\":[{\"nodes\":[0]}],"
/* Five positions: (0 0 0) (1 0 0) (0 1 0) (1 1 0) (0 0 1), as shorts a stride of 8 apart, then
 * bytes 0..5. */
#define BUFFER                                                                                 \
    "\"buffers\":[{\"byteLength\":46,\"uri\":\"data:application/octet-stream;base64,"          \
    "AAAAAAAAAAABAAAAAAAAAAAAAQAAAAAAAQABAAAAAAAAAAAAAQAAAAABAgMEBQ==\"}],"
#define VIEWS                                                                                  \
    "\"bufferViews\":[{\"buffer\":0,\"byteLength\":40,\"byteStride\":8},"                      \
    "{\"buffer\":0,\"byteOffset\":40,\"byteLength\":6}],"
#define ACCESSORS                                                                              \
    "\"accessors\":[{\"bufferView\":0,\"componentType\":5122,\"count\":5,\"type\":\"VEC3\"},"  \
    "{\"bufferView\":1,\"componentType\":5121,\"count\":3,\"type\":\"SCALAR\"},"               \
    "{\"bufferView\":1,\"componentType\":5121,\"count\":5,\"type\":\"SCALAR\"}],"
#define DATA BUFFER VIEWS ACCESSORS
#define PRIMITIVE "{\"attributes\":{\"POSITION\":0},\"indices\":1}"
#define MESHES "\"meshes\":[{\"primitives\":[" PRIMITIVE "]}]"
#define GLTF(middle, end) "{" ASSET middle DATA end "}"

/* --- Where things lie --------------------------------------------------------------------- */

static void
metres_become_millimetres(void)
{
    g_autoptr(OrfAsset) asset =
        load_file(NULL, NULL, GLTF(SCENE "\"nodes\":[{\"mesh\":0}],", MESHES), 0, NULL);
    g_assert_cmpuint(orf_mesh_n_triangles(orf_asset_mesh(asset)), ==, 1);
    assert_point(corner_of(asset, 0, 1), 1000, 0, 0);
}

static void
poses_of_nodes_add_up(void)
{
    static const char text[] = GLTF(
        SCENE "\"nodes\":[{\"children\":[1],\"translation\":[1,2,3],"
              "\"rotation\":[0,0,0.70710678118654757,0.70710678118654757],\"scale\":[2,2,2]},"
              "{\"children\":[2],\"matrix\":[1,0,0,0, 0,1,0,0, 0,0,1,0, 10,0,0,1]},"
              "{\"mesh\":0,\"scale\":[0.001,0.001,0.001]}],",
        MESHES);
    g_autoptr(OrfAsset) asset = load_file(NULL, NULL, text, 0, NULL);
    /* x turned to y, 10 m along it scaled by 2, then moved */
    g_assert_cmpfloat_with_epsilon(corner_of(asset, 0, 0)[1], 22000, 0.01f);
    g_assert_cmpfloat_with_epsilon(corner_of(asset, 0, 1)[1], 22002, 0.01f);
    g_assert_cmpfloat_with_epsilon(corner_of(asset, 0, 2)[0], 998, 0.01f);
    g_assert_cmpfloat_with_epsilon(corner_of(asset, 0, 2)[2], 3000, 0.01f);
}

static void
mirrored_nodes_keep_their_outside_out(void)
{
    static const char text[] =
        GLTF(SCENE "\"nodes\":[{\"mesh\":0,\"scale\":[-0.001,0.001,0.001]}],", MESHES);
    g_autoptr(OrfAsset) asset = load_file(NULL, NULL, text, 0, NULL);
    assert_point(corner_of(asset, 0, 1), 0, 1, 0);
    assert_point(corner_of(asset, 0, 2), -1, 0, 0);
}

static void
without_a_scene_roots_are_shown(void)
{
    static const char text[] =
        GLTF("\"nodes\":[{\"mesh\":0},{\"children\":[0]},{\"mesh\":0}],", MESHES);
    g_autoptr(OrfAsset) asset = load_file(NULL, NULL, text, 0, NULL);
    g_assert_cmpuint(orf_mesh_n_triangles(orf_asset_mesh(asset)), ==, 2);
}

/* --- What triangles are made of ----------------------------------------------------------- */

static void
strips_and_fans_are_triangles(void)
{
    static const char text[] =
        GLTF(SCENE "\"nodes\":[{\"mesh\":0}],",
             "\"meshes\":[{\"primitives\":["
             "{\"attributes\":{\"POSITION\":0},\"indices\":2,\"mode\":5},"
             "{\"attributes\":{\"POSITION\":0},\"mode\":6},"
             "{\"attributes\":{\"POSITION\":0},\"mode\":0}]}]");
    g_autoptr(OrfTask) task = orf_task_new(NULL);
    g_autoptr(OrfAsset) asset = load_file(task, NULL, text, 0, NULL);
    static const uint32_t expected[] = { 0, 1, 2, 1, 3, 2, 2, 3, 4, 0, 1, 2, 0, 2, 3, 0, 3, 4 };
    const OrfMesh *mesh = orf_asset_mesh(asset);
    g_assert_cmpuint(orf_mesh_n_vertices(mesh), ==, 5); /* primitives share them */
    g_assert_cmpuint(orf_mesh_n_triangles(mesh), ==, 6);
    g_assert_true(!memcmp(orf_mesh_triangles(mesh), expected, sizeof expected));
    assert_noted(task, "points and lines");
}

static void
sparse_and_normalised_values_are_read(void)
{
    static const char text[] =
        "{" ASSET SCENE "\"nodes\":[{\"mesh\":0,\"scale\":[0.001,0.001,0.001]}]," BUFFER VIEWS
        "\"accessors\":[{\"componentType\":5121,\"normalized\":true,\"count\":3,"
        "\"type\":\"VEC3\",\"sparse\":{\"count\":2,"
        "\"indices\":{\"bufferView\":1,\"byteOffset\":1,\"componentType\":5121},"
        "\"values\":{\"bufferView\":1}}},"
        "{\"bufferView\":1,\"componentType\":5121,\"count\":3,\"type\":\"SCALAR\"}]," MESHES
        "}";
    g_autoptr(OrfAsset) asset = load_file(NULL, NULL, text, 0, NULL);
    assert_point(corner_of(asset, 0, 0), 0, 0, 0);
    assert_point(corner_of(asset, 0, 1), 0, 1 / 255.0f, 2 / 255.0f);
    assert_point(corner_of(asset, 0, 2), 3 / 255.0f, 4 / 255.0f, 5 / 255.0f);
}

static GBytes *
outside_bytes(const char *name, void *data)
{
    (void)data;
    static const uint8_t bytes[46] = { [8] = 1, [18] = 1, [41] = 1, [42] = 2 };
    return g_str_equal(name, "the data.bin") ? g_bytes_new_static(bytes, sizeof bytes) : NULL;
}

static void
buffers_may_lie_beside_the_file(void)
{
    static const char text[] =
        "{" ASSET SCENE "\"nodes\":[{\"mesh\":0}],"
        "\"buffers\":[{\"byteLength\":46,\"uri\":\"the%20data.bin\"}]," VIEWS ACCESSORS MESHES
        "}";
    OrfLoad options = { .sibling = outside_bytes };
    g_autoptr(OrfAsset) asset = load_file(NULL, NULL, text, 0, &options);
    assert_point(corner_of(asset, 0, 1), 1000, 0, 0);
}

/* --- Our own files ------------------------------------------------------------------------ */

static size_t
n_vertices_in_file(const OrfAsset *asset)
{
    g_autoptr(GPtrArray) files = orf_format_save(NULL, asset, "glb", NULL, NULL);
    const OrfFile *file = files->pdata[0];
    const char *text = g_bytes_get_data(file->bytes, NULL);
    const char *count = g_strstr_len(text + 20, 4000, "\"count\":");
    return g_ascii_strtoull(count + 8, NULL, 10);
}

static void
edges_sharper_than_40_degrees_are_split(void)
{
    g_autoptr(OrfAsset) cube = sample_cube(), torus = sample_torus();
    g_autoptr(OrfMesh) mesh = sample_ball(4000);
    g_autoptr(OrfAsset) ball = orf_asset_new(mesh, NULL, 0);
    g_assert_cmpuint(n_vertices_in_file(cube), ==, 24);
    g_assert_cmpuint(n_vertices_in_file(ball), ==, orf_mesh_n_vertices(mesh));
    g_assert_cmpuint(n_vertices_in_file(torus), ==, 25 * 13); /* its uv seams */
}

static const float *
normals_of_file(GBytes *bytes)
{
    const char *data = g_bytes_get_data(bytes, NULL);
    uint32_t json;
    memcpy(&json, data + 12, 4);
    const char *view = g_strstr_len(data + 20, json, "\"bufferViews\":[");
    const char *offset = NULL;
    for (unsigned i = 0; i < 3; i++) /* indices, positions, normals */
        view = offset = strstr(offset ? offset + 1 : view, "\"byteOffset\":");
    return (const float *)(const void *)(data + 28 + json +
                                         g_ascii_strtoull(offset + 13, NULL, 10));
}

static void
normals_have_length_one_and_point_outwards(void)
{
    g_autoptr(OrfMesh) mesh = sample_ball(2000);
    g_autoptr(OrfAsset) ball = orf_asset_new(mesh, NULL, 0);
    g_autoptr(GPtrArray) files = orf_format_save(NULL, ball, "glb", NULL, NULL);
    const float *normals = normals_of_file(((OrfFile *)files->pdata[0])->bytes);
    for (size_t i = 0; i < orf_mesh_n_vertices(mesh); i++) {
        const float *q = normals + 3 * i, *p = orf_mesh_positions(mesh) + 3 * i;
        float length = sqrtf(q[0] * q[0] + q[1] * q[1] + q[2] * q[2]);
        g_assert_cmpfloat_with_epsilon(length, 1, 1e-5f);
        g_assert_cmpfloat(q[0] * p[0] + q[1] * (p[1] - 50) + q[2] * p[2], >, 20);
    }
}

static void
fans_of_many_triangles_take_no_square_time(void)
{
    size_t n = 60000; /* a flat cone: one vertex in every triangle, torn at its rim */
    OrfMeshParts parts = { .n_vertices = n + 2, .n_triangles = 2 * n };
    parts.positions = ORF_ALLOC(NULL, float, 3 * parts.n_vertices, "test", NULL);
    parts.triangles = ORF_ALLOC(NULL, uint32_t, 3 * parts.n_triangles, "test", NULL);
    parts.positions[1] = 90, parts.positions[4] = -1;
    for (size_t i = 0; i < n; i++) {
        double a = 2 * G_PI * (double)i / (double)n;
        parts.positions[6 + 3 * i] = (float)cos(a), parts.positions[8 + 3 * i] = (float)sin(a);
        uint32_t t[] = { 0, (uint32_t)(2 + (i + 1) % n), (uint32_t)(2 + i),
                         1, (uint32_t)(2 + i),           (uint32_t)(2 + (i + 1) % n) };
        memcpy(parts.triangles + 6 * i, t, sizeof t);
    }
    g_autoptr(OrfMesh) mesh = orf_mesh_new_take(&parts, NULL);
    g_autoptr(OrfAsset) cone = orf_asset_new(mesh, NULL, 0);
    g_autoptr(OrfAsset) loaded = through(cone, "glb", NULL);
    g_assert_cmpuint(orf_mesh_n_vertices(orf_asset_mesh(loaded)), ==, n + 2);
}

static void
interleaved_groups_are_sorted(void)
{
    g_autoptr(OrfAsset) faces = sample_faces();
    OrfMeshParts parts;
    g_assert_true(orf_mesh_copy_parts(NULL, orf_asset_mesh(faces), &parts, NULL));
    for (size_t i = 0; i < 12; i++)
        parts.groups[i] = i % 2;
    g_autoptr(OrfMesh) mesh = orf_mesh_new_take(&parts, NULL);
    g_autoptr(OrfAsset) asset = orf_asset_with_mesh(faces, mesh);
    g_autoptr(OrfAsset) loaded = through(asset, "glb", NULL);
    for (size_t i = 0; i < 12; i++) {
        g_assert_cmpuint(orf_mesh_groups(orf_asset_mesh(loaded))[i], ==, i / 6);
        const float *p = corner_of(asset, i < 6 ? 2 * i : 2 * (i - 6) + 1, 0);
        g_assert_true(!memcmp(corner_of(loaded, i, 0), p, 12));
    }
}

/* --- What is refused ---------------------------------------------------------------------- */

/* --- Packed by meshopt -------------------------------------------------------------------- */

/* A pyramid whose views are streams of meshopt; `damage` byte of the vertices is spoilt
 * (SIZE_MAX: none), the view claims `count` vertices. */
static char *
packed_document(size_t damage, unsigned count, const char *filter)
{
    static const float corners[15] = { 0, 0, 0, 1, 0, 0, 0, 1, 0, 1, 1, 0, 0, 0, 1 };
    static const uint32_t triangles[18] = {
        0, 2, 1, 1, 2, 3, 0, 1, 4, 1, 3, 4, 3, 2, 4, 2, 0, 4
    };
    uint8_t bytes[1024] = { 0 };
    size_t size = meshopt_encodeVertexBuffer(bytes, 512, corners, 5, 12);
    size_t second = meshopt_encodeIndexBuffer(bytes + 512, 512, triangles, 18);
    g_assert_true(size && second);
    if (damage < size)
        bytes[damage] ^= 0x55;
    g_autofree char *data = g_base64_encode(bytes, sizeof bytes);
    return g_strdup_printf(
        "{" ASSET SCENE "\"nodes\":[{\"mesh\":0}]," MESHES
        ",\"extensionsRequired\":[\"EXT_meshopt_compression\"],"
        "\"buffers\":[{\"byteLength\":1024,\"uri\":\"data:;base64,%s\"},{\"byteLength\":132}],"
        "\"bufferViews\":[{\"buffer\":1,\"byteLength\":60,\"byteStride\":12,\"extensions\":{"
        "\"EXT_meshopt_compression\":{\"buffer\":0,\"byteLength\":%zu,\"byteStride\":12,"
        "\"count\":%u,\"mode\":\"ATTRIBUTES\"%s}}},"
        "{\"buffer\":1,\"byteOffset\":60,\"byteLength\":72,\"extensions\":{"
        "\"EXT_meshopt_compression\":{\"buffer\":0,\"byteOffset\":512,\"byteLength\":%zu,"
        "\"byteStride\":4,\"count\":18,\"mode\":\"TRIANGLES\"}}}],"
        "\"accessors\":[{\"bufferView\":0,\"componentType\":5126,\"count\":5,"
        "\"type\":\"VEC3\"},{\"bufferView\":1,\"componentType\":5125,\"count\":18,"
        "\"type\":\"SCALAR\"}]}",
        data, size, count, filter, second);
}

static void
meshopt_streams_are_unpacked(void)
{
    g_autofree char *text = packed_document(SIZE_MAX, 5, "");
    g_autoptr(OrfAsset) asset = load_file(NULL, NULL, text, 0, NULL);
    OrfMeasures m;
    g_assert_true(orf_mesh_measure(NULL, orf_asset_mesh(asset), false, &m, NULL));
    g_assert_true(orf_measures_solid(&m));
    g_assert_cmpfloat_with_epsilon(m.volume, 1e9 / 3, 1e3);
}

static void
broken_meshopt_streams_are_refused(void)
{
    static const struct {
        size_t damage;
        unsigned count;
        const char *filter, *says;
    } cases[] = {
        { 0, 5, "", "is packed by meshopt and is damaged" },
        { SIZE_MAX, 4000000, "", "claims more than its bytes can hold" },
        { SIZE_MAX, 5, ",\"filter\":\"OCTAHEDRAL\"", "has a filter that does not suit it" },
    };
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *text =
            packed_document(cases[i].damage, cases[i].count, cases[i].filter);
        g_autoptr(GError) error = NULL;
        g_autoptr(GBytes) bytes = g_bytes_new(text, strlen(text));
        g_assert_null(orf_format_load(NULL, bytes, "glb", &(OrfLoad){ .name = "bad" }, &error));
        g_assert_error(error, ORF_ERROR, ORF_ERROR_BAD_INPUT);
        g_assert_nonnull(strstr(error->message, cases[i].says));
    }
}

static void
bad_documents_are_refused(void)
{
    static char deep[40 << 10];
    memset(deep, '[', sizeof deep - 1);
    memcpy(deep, "{\"asset\":", 9);
    static const BadFile cases[] = {
        { "version 1", "{\"asset\":{\"version\":\"1.0\"}}", 0,
          "bad: is glTF version 1.0; only 2.x can be read, export it as glTF 2.0" },
        { "no version", "{}", 0,
          "bad: is glTF version unknown; only 2.x can be read, export it as glTF 2.0" },
        { "no JSON", "{\"asset\":", 0,
          "bad: its JSON is broken at line 1: unexpected token near end of file; export it "
          "again" },
        { "deep JSON", deep, sizeof deep - 1,
          "bad: its JSON is broken at line 1: maximum parsing depth reached near '['; "
          "export it again" },
        { "an array", "[1]", 0,
          "bad: its JSON is broken at line 1: the top is not an object; export it again" },
        { "Draco", "{" ASSET "\"extensionsRequired\":[\"KHR_draco_mesh_compression\"]}", 0,
          "bad: needs the extension KHR_draco_mesh_compression, which cannot be read here; "
          "export it without compression or that extension" },
        { "nothing", "{" ASSET "\"scenes\":[{}]}", 0,
          "bad: holds no triangles; export it as a mesh" },
        { "scene that is not there", "{" ASSET "\"scene\":3,\"scenes\":[{}]}", 0,
          "bad: names scenes[3], there are 1; export it again" },
        { "circle", "{" ASSET SCENE "\"nodes\":[{\"children\":[1]},{\"children\":[0]}]}", 0,
          "bad: nodes[0] is reached twice: nodes must form a tree; export it again" },
        { "node that is not there", "{" ASSET SCENE "\"nodes\":[{\"children\":[-1]}]}", 0,
          "bad: a list of nodes holds something else; export it again" },
        { "mesh that is not there", "{" ASSET SCENE "\"nodes\":[{\"mesh\":7}]}", 0,
          "bad: names meshes[7], there are 0; export it again" },
        { "no positions",
          GLTF(SCENE "\"nodes\":[{\"mesh\":0}],",
               "\"meshes\":[{\"primitives\":[{\"attributes\":{}}]}]"),
          0, "bad: meshes[0].primitives[0] has no positions; export it again" },
        { "index out of range",
          GLTF(SCENE "\"nodes\":[{\"mesh\":0}],",
               "\"meshes\":[{\"primitives\":[{\"attributes\":{\"POSITION\":3},"
               "\"indices\":2}]}],\"accessors\":[0,0,{\"bufferView\":1,\"componentType\":5121,"
               "\"count\":6,\"type\":\"SCALAR\"},{\"bufferView\":0,\"componentType\":5122,"
               "\"count\":5,\"type\":\"VEC3\"}]"),
          0,
          "bad: meshes[0].primitives[0] has index 5 at place 5 but only 5 vertices; "
          "export it again" },
        { "accessor past its view",
          GLTF(SCENE "\"nodes\":[{\"mesh\":0}],",
               MESHES ",\"accessors\":[{\"bufferView\":0,\"componentType\":5126,\"count\":5,"
                      "\"type\":\"VEC3\"}]"),
          0, "bad: accessors[0] reaches outside its bufferView; export it again" },
        { "huge count",
          GLTF(SCENE "\"nodes\":[{\"mesh\":0}],",
               MESHES ",\"accessors\":[{\"componentType\":5126,\"count\":4000000000,"
                      "\"type\":\"VEC3\",\"sparse\":{\"count\":0}}]"),
          0, "bad: accessors[0] has no bytes; export it again" },
        { "view past its buffer",
          GLTF(SCENE "\"nodes\":[{\"mesh\":0}],",
               MESHES ",\"bufferViews\":[{\"buffer\":0,\"byteOffset\":40,\"byteLength\":40}]"),
          0,
          "bad: bufferViews[0] (byte 40, length 40) reaches outside its buffer of 46 bytes; "
          "export it again" },
        { "lying buffer",
          GLTF(SCENE "\"nodes\":[{\"mesh\":0}],",
               MESHES ",\"buffers\":[{\"byteLength\":99,\"uri\":\"data:;base64,AAAA\"}]"),
          0,
          "bad: buffers[0] claims 99 bytes but has 3; the file is cut short, export it again" },
        { "missing buffer",
          GLTF(SCENE "\"nodes\":[{\"mesh\":0}],",
               MESHES ",\"buffers\":[{\"byteLength\":9,\"uri\":\"a.bin\"}]"),
          0,
          "bad: buffers[0] is not in the file nor beside it; keep its .bin file in the same "
          "folder, or export as GLB" },
        { "not finite",
          "{" ASSET SCENE "\"nodes\":[{\"mesh\":0}],\"buffers\":[{\"byteLength\":36,\"uri\":"
          "\"data:;base64,AAAAAAAAAAAAAAAAAADAfwAAAAAAAAAAAAAAAAAAwH8AAAAA\"}],"
          "\"bufferViews\":[{\"buffer\":0,\"byteLength\":36}],\"accessors\":[{\"bufferView\":0,"
          "\"componentType\":5126,\"count\":3,\"type\":\"VEC3\"}],\"meshes\":[{\"primitives\":["
          "{\"attributes\":{\"POSITION\":0}}]}]}",
          0,
          "bad: meshes[0].primitives[0] has a position that is not finite, of vertex 1; export "
          "it again" },
    };
    assert_refused("glb", cases, G_N_ELEMENTS(cases));
}

static void
bad_containers_are_refused(void)
{
    static const BadFile cases[] = {
        { "too short", "glTF\2\0\0\0", 8, "bad: 8 bytes are too few for GLB; export it again" },
        { "version 1", "glTF\1\0\0\0\24\0\0\0\0\0\0\0JSON", 20,
          "bad: is glTF version 1; only 2 can be read, export it as glTF 2.0" },
        { "lying length", "glTF\2\0\0\0\377\0\0\0\0\0\0\0JSON", 20,
          "bad: the header claims 255 bytes but the file has 20; it is cut short, "
          "export it again" },
        { "lying chunk", "glTF\2\0\0\0\24\0\0\0\5\0\0\0JSON", 20,
          "bad: the chunk at byte 12 claims 5 bytes but 0 are left; the file is cut short, "
          "export it again" },
        { "no JSON", "glTF\2\0\0\0\24\0\0\0\0\0\0\0BIN\0", 20,
          "bad: has no JSON chunk; export it again" },
    };
    assert_refused("glb", cases, G_N_ELEMENTS(cases));
}

static void
deep_nodes_are_refused(void)
{
    g_autoptr(GString) text = g_string_new("{" ASSET SCENE "\"nodes\":[");
    for (unsigned i = 0; i < 400; i++)
        g_string_append_printf(text, "{\"children\":[%u]},", i + 1);
    g_string_append(text, "{}]}");
    BadFile deep = { "deep", text->str, 0,
                     "bad: nodes[257] lies under more than 256 others; export it again" };
    assert_refused("glb", &deep, 1);
}

static void
skinned_meshes_need_joints(void)
{
    static const char text[] = GLTF(
        SCENE "\"nodes\":[{\"mesh\":0,\"skin\":0,\"scale\":[7,7,7],\"translation\":[9,9,9],"
              "\"children\":[1]},{\"translation\":[0,0,5],\"scale\":[2,2,2]}],"
              "\"skins\":[{\"joints\":[1,1,1,1,1,1]}],",
        "\"meshes\":[{\"primitives\":[{\"attributes\":{\"POSITION\":0,\"JOINTS_0\":0,"
        "\"WEIGHTS_0\":0},\"indices\":1}]}]");
    g_autoptr(GError) error = NULL;
    g_autoptr(GBytes) bytes = g_bytes_new_static(text, sizeof text - 1);
    g_autoptr(OrfAsset) asset = orf_format_load(NULL, bytes, NULL, NULL, &error);
    g_assert_null(asset); /* three numbers a vertex are no joints */
    g_assert_error(error, ORF_ERROR, ORF_ERROR_BAD_INPUT);
}

static void
morph_targets_move_by_their_default_weights(void)
{
    static const char text[] =
        GLTF(SCENE "\"nodes\":[{\"mesh\":0}],",
             "\"meshes\":[{\"weights\":[0.5],\"primitives\":[{\"attributes\":{\"POSITION\":0},"
             "\"targets\":[{\"POSITION\":0}],\"indices\":1}]}]");
    g_autoptr(OrfTask) task = orf_task_new(NULL);
    g_autoptr(OrfAsset) asset = load_file(task, NULL, text, 0, NULL);
    assert_point(corner_of(asset, 0, 1), 1500, 0, 0);
    assert_noted(task, "default weights");
}

static void
what_is_required_and_left_out_is_noted(void)
{
    static const char text[] =
        GLTF("\"extensionsRequired\":[\"KHR_materials_transmission\"],"
             "\"animations\":[{}]," SCENE "\"nodes\":[{\"mesh\":0}],",
             "\"materials\":[{\"extensions\":{\"KHR_materials_pbrSpecularGlossiness\":"
             "{\"diffuseFactor\":[1,0,0,1]}}}],"
             "\"meshes\":[{\"primitives\":[{\"attributes\":{\"POSITION\":0},\"indices\":1,"
             "\"material\":0}]}]");
    g_autoptr(OrfTask) task = orf_task_new(NULL);
    g_autoptr(OrfAsset) asset = load_file(task, NULL, text, 0, NULL);
    assert_noted(task, "KHR_materials_transmission");
    assert_noted(task, "animations were left out");
    g_assert_cmpfloat(orf_asset_material(asset, 0)->base_color[1], ==, 0);
}

static void
json_has_its_bytes_beside_or_inside(void)
{
    g_autoptr(OrfAsset) torus = sample_torus();
    g_autoptr(OrfAsset) back = through(torus, "gltf", &(OrfSave){ .stem = "a torus" });
    g_assert_cmpuint(orf_mesh_n_triangles(orf_asset_mesh(back)), ==,
                     orf_mesh_n_triangles(orf_asset_mesh(torus)));
    g_assert_nonnull(orf_asset_material(back, 0)->texture);
    g_autoptr(GPtrArray) files = orf_format_save(NULL, torus, "gltf", NULL, NULL);
    g_assert_cmpuint(files->len, ==, 2);
    g_assert_cmpstr(((OrfFile *)files->pdata[1])->name, ==, "asset.bin");
    g_autoptr(GPtrArray) one =
        orf_format_save(NULL, torus, "gltf", &(OrfSave){ .alone = true }, NULL);
    g_assert_cmpuint(one->len, ==, 1);
    g_autoptr(OrfAsset) inside =
        orf_format_load(NULL, ((OrfFile *)one->pdata[0])->bytes, NULL, NULL, NULL);
    g_assert_nonnull(orf_asset_material(inside, 0)->texture);
}

/* What came in plain metres goes back so, for readers that know no nodes, and reads the same.
 */
static void
plain_metres_go_back_as_they_were(void)
{
    enum { N = 3000 };
    g_autoptr(GRand) random = g_rand_new_with_seed(11);
    OrfMeshParts parts = { .n_vertices = N, .n_triangles = N / 3 };
    parts.positions = ORF_ALLOC(NULL, float, 3 * N, "test", NULL);
    parts.triangles = ORF_ALLOC(NULL, uint32_t, N, "test", NULL);
    for (size_t i = 0; i < 3 * N; i++)
        parts.positions[i] = (float)((double)(float)g_rand_double_range(random, -2, 2) * 1000);
    for (size_t i = 0; i < N; i++)
        parts.triangles[i] = (uint32_t)i;
    g_autoptr(OrfMesh) mesh = orf_mesh_new_take(&parts, NULL);
    g_autoptr(OrfAsset) asset = orf_asset_new(mesh, NULL, 0);
    orf_asset_set_metres(asset, true);
    g_autoptr(GPtrArray) files = orf_format_save(NULL, asset, "gltf", NULL, NULL);
    const OrfFile *json = files->pdata[0];
    size_t size;
    const uint8_t *text = g_bytes_get_data(json->bytes, &size);
    g_assert_null(g_strstr_len((const char *)text, (gssize)size, "scale"));
    g_autoptr(GPtrArray) one = orf_format_save(NULL, asset, "glb", NULL, NULL);
    g_autoptr(OrfAsset) back =
        orf_format_load(NULL, ((OrfFile *)one->pdata[0])->bytes, NULL, NULL, NULL);
    g_assert_true(orf_asset_metres(back));
    g_assert_true(!memcmp(orf_mesh_positions(orf_asset_mesh(back)), orf_mesh_positions(mesh),
                          3 * N * sizeof(float)));
    g_autoptr(OrfAsset) ours = orf_asset_new(mesh, NULL, 0);
    g_autoptr(GPtrArray) usual = orf_format_save(NULL, ours, "glb", NULL, NULL);
    g_autoptr(OrfAsset) again =
        orf_format_load(NULL, ((OrfFile *)usual->pdata[0])->bytes, NULL, NULL, NULL);
    g_assert_false(orf_asset_metres(again));
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_assert_true(orf_image_init(NULL));
    g_test_add_func("/format/glb/metres-become-millimetres", metres_become_millimetres);
    g_test_add_func("/format/glb/poses-of-nodes-add-up", poses_of_nodes_add_up);
    g_test_add_func("/format/glb/mirrored-nodes-keep-their-outside-out",
                    mirrored_nodes_keep_their_outside_out);
    g_test_add_func("/format/glb/without-a-scene-roots-are-shown",
                    without_a_scene_roots_are_shown);
    g_test_add_func("/format/glb/strips-and-fans-are-triangles", strips_and_fans_are_triangles);
    g_test_add_func("/format/glb/sparse-and-normalised-values-are-read",
                    sparse_and_normalised_values_are_read);
    g_test_add_func("/format/glb/buffers-may-lie-beside-the-file",
                    buffers_may_lie_beside_the_file);
    g_test_add_func("/format/glb/skinned-meshes-need-joints", skinned_meshes_need_joints);
    g_test_add_func("/format/glb/morph-targets-move-by-their-default-weights",
                    morph_targets_move_by_their_default_weights);
    g_test_add_func("/format/glb/what-is-required-and-left-out-is-noted",
                    what_is_required_and_left_out_is_noted);
    g_test_add_func("/format/glb/json-has-its-bytes-beside-or-inside",
                    json_has_its_bytes_beside_or_inside);
    g_test_add_func("/format/glb/edges-sharper-than-40-degrees-are-split",
                    edges_sharper_than_40_degrees_are_split);
    g_test_add_func("/format/glb/normals-have-length-one-and-point-outwards",
                    normals_have_length_one_and_point_outwards);
    g_test_add_func("/format/glb/fans-of-many-triangles-take-no-square-time",
                    fans_of_many_triangles_take_no_square_time);
    g_test_add_func("/format/glb/interleaved-groups-are-sorted", interleaved_groups_are_sorted);
    g_test_add_func("/format/glb/meshopt-streams-are-unpacked", meshopt_streams_are_unpacked);
    g_test_add_func("/format/glb/broken-meshopt-streams-are-refused",
                    broken_meshopt_streams_are_refused);
    g_test_add_func("/format/glb/bad-documents-are-refused", bad_documents_are_refused);
    g_test_add_func("/format/glb/bad-containers-are-refused", bad_containers_are_refused);
    g_test_add_func("/format/glb/deep-nodes-are-refused", deep_nodes_are_refused);
    g_test_add_func("/format/glb/plain-metres-go-back-as-they-were",
                    plain_metres_go_back_as_they_were);
    return g_test_run();
}
