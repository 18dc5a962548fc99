/* SPDX-License-Identifier: Apache-2.0 */
#include "format/3mf-priv.h"
#include "format/samples_fixture.h"

#include <string.h>

#define HEAD(attributes)                                                                       \
    "<?xml version=\"1.0\"?><model xmlns=\"" ORF_3MF_CORE "\" xmlns:m=\"" ORF_3MF_MATERIAL     \
    "\" xmlns:p=\"" ORF_3MF_PRODUCTION "\" " attributes ">"
#define VERTICES                                                                               \
    "<vertices><vertex x=\"0\" y=\"0\" z=\"0\"/><vertex x=\"1\" y=\"0\" z=\"0\"/>"             \
    "<vertex x=\"0\" y=\"1\" z=\"0\"/></vertices>"
#define OBJECT(id, look)                                                                       \
    "<object id=\"" id "\" type=\"model\"><mesh>" VERTICES                                     \
    "<triangles><triangle v1=\"0\" v2=\"1\" v3=\"2\" " look "/></triangles></mesh></object>"
#define TAIL(items) "<build>" items "</build></model>"
#define ITEM(id) "<item objectid=\"" id "\"/>"
#define MODEL(attributes, resources, items)                                                    \
    HEAD(attributes) "<resources>" resources "</resources>" TAIL(items)

typedef struct {
    const char *name, *text;
} Entry;

static GBytes *
container(const Entry *entries, size_t n)
{
    OrfZipEntry zipped[4];
    for (size_t i = 0; i < n; i++)
        zipped[i] =
            (OrfZipEntry){ (char *)entries[i].name,
                           g_bytes_new(entries[i].text, strlen(entries[i].text)), false };
    GBytes *bytes = orf_zip_write(NULL, zipped, n, NULL);
    for (size_t i = 0; i < n; i++)
        g_bytes_unref(zipped[i].bytes);
    return bytes;
}

static OrfAsset *
load_bytes(OrfTask *task, GBytes *bytes)
{
    size_t size;
    const void *data = g_bytes_get_data(bytes, &size);
    return load_file(task, NULL, data, size, NULL);
}

static OrfAsset *
load_model(OrfTask *task, const char *text)
{
    Entry entry = { "3D/3dmodel.model", text };
    g_autoptr(GBytes) bytes = container(&entry, 1);
    return load_bytes(task, bytes);
}

/* --- Units and places --------------------------------------------------------------------- */

static void
units_become_millimetres(void)
{
    static const struct {
        const char *text;
        float size;
    } cases[] = {
        { MODEL("unit=\"micron\"", OBJECT("1", ""), ITEM("1")), 0.001f },
        { MODEL("unit=\"millimeter\"", OBJECT("1", ""), ITEM("1")), 1 },
        { MODEL("", OBJECT("1", ""), ITEM("1")), 1 },
        { MODEL("unit=\"centimeter\"", OBJECT("1", ""), ITEM("1")), 10 },
        { MODEL("unit=\"inch\"", OBJECT("1", ""), ITEM("1")), 25.4f },
        { MODEL("unit=\"foot\"", OBJECT("1", ""), ITEM("1")), 304.8f },
        { MODEL("unit=\"meter\"", OBJECT("1", ""), ITEM("1")), 1000 },
    };
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(OrfAsset) asset = load_model(NULL, cases[i].text);
        assert_point(corner_of(asset, 0, 1), cases[i].size, 0, 0);
        assert_point(corner_of(asset, 0, 2), 0, 0, -cases[i].size);
    }
}

static void
components_are_placed_in_their_parents(void)
{
    static const char text[] = MODEL(
        "unit=\"centimeter\"",
        OBJECT("1", "") "<object id=\"2\"><components>"
                        "<component objectid=\"1\" transform=\"2 0 0 0 2 0 0 0 2 1 0 0\"/>"
                        "<component objectid=\"1\"/></components></object>",
        "<item objectid=\"2\" transform=\"0 1 0 -1 0 0 0 0 1 0 0 5\"/>");
    g_autoptr(OrfAsset) asset = load_model(NULL, text);
    g_assert_cmpuint(orf_mesh_n_triangles(orf_asset_mesh(asset)), ==, 2);
    /* x: doubled, moved by 1 cm, turned to y; lifted by 5 cm. Z up to Y up */
    assert_point(corner_of(asset, 0, 1), 0, 50, -30);
    assert_point(corner_of(asset, 1, 1), 0, 50, -10);
}

static void
mirrored_items_keep_their_outside_out(void)
{
    g_autoptr(OrfAsset) asset = load_model(
        NULL, MODEL("", OBJECT("1", ""),
                    "<item objectid=\"1\" transform=\"-1 0 0 0 1 0 0 0 1 0 0 0\"/>"));
    assert_point(corner_of(asset, 0, 1), 0, 0, -1);
    assert_point(corner_of(asset, 0, 2), -1, 0, 0);
}

static void
parts_in_other_files_are_found(void)
{
    static const Entry entries[] = {
        { "_rels/.rels", "<Relationships xmlns=\"" ORF_3MF_RELATIONS
                         "\"><Relationship Id=\"a\" Target=\"/3D/main.model\" "
                         "Type=\"" ORF_3MF_IS_MODEL "\"/></Relationships>" },
        { "3D/a.model", MODEL("", OBJECT("7", ""), "") },
        { "3D/main.model",
          MODEL("requiredextensions=\"p m\"",
                "<object id=\"1\"><components><component p:path=\"/3D/a.model\" "
                "objectid=\"7\"/></components></object>",
                ITEM("1")) },
    };
    g_autoptr(GBytes) bytes = container(entries, 3);
    g_autoptr(OrfAsset) asset = load_bytes(NULL, bytes);
    g_assert_cmpuint(orf_mesh_n_triangles(orf_asset_mesh(asset)), ==, 1);
}

static void
supports_are_left_out(void)
{
    g_autoptr(OrfAsset) asset = load_model(
        NULL, MODEL("",
                    OBJECT("1", "") "<object id=\"2\" type=\"support\"><mesh>" VERTICES
                                    "<triangles><triangle v1=\"0\" v2=\"1\" v3=\"2\"/>"
                                    "</triangles></mesh></object>",
                    ITEM("1") ITEM("2")));
    g_assert_cmpuint(orf_mesh_n_triangles(orf_asset_mesh(asset)), ==, 1);
}

/* --- Looks -------------------------------------------------------------------------------- */

#define COLORS                                                                                 \
    "<basematerials id=\"8\"><base name=\"Red PLA\" displaycolor=\"#FF0000\"/>"                \
    "</basematerials><m:colorgroup id=\"9\"><m:color color=\"#00FF00\"/>"                      \
    "<m:color color=\"#0000FF80\"/></m:colorgroup>"

static void
colours_of_triangles_become_materials(void)
{
    g_autoptr(OrfAsset) asset =
        load_model(NULL, MODEL("",
                               COLORS OBJECT("1", "pid=\"8\" p1=\"0\"")
                                   OBJECT("2", "pid=\"9\" p1=\"1\"") OBJECT("3", ""),
                               ITEM("1") ITEM("2") ITEM("3")));
    const uint16_t *groups = orf_mesh_groups(orf_asset_mesh(asset));
    const OrfMaterial *red = orf_asset_material(asset, groups[0]);
    const OrfMaterial *blue = orf_asset_material(asset, groups[1]);
    g_assert_cmpstr(red->name, ==, "Red PLA");
    g_assert_cmpfloat(red->base_color[1], ==, 0);
    g_assert_cmpstr(blue->name, ==, "#0000ff");
    g_assert_cmpfloat_with_epsilon(blue->base_color[3], 0.502f, 0.001f);
    g_assert_cmpstr(orf_asset_material(asset, groups[2])->name, ==, "plain");
    g_assert_null(orf_mesh_colors(orf_asset_mesh(asset)));
}

static void
colours_of_corners_become_colours_of_vertices(void)
{
    g_autoptr(OrfAsset) asset = load_model(
        NULL, MODEL("", COLORS OBJECT("1", "pid=\"9\" p1=\"0\" p2=\"1\" p3=\"0\""), ITEM("1")));
    static const uint8_t expected[] = { 0, 255, 0, 255, 0, 0, 255, 128, 0, 255, 0, 255 };
    g_assert_true(!memcmp(orf_mesh_colors(orf_asset_mesh(asset)), expected, sizeof expected));
}

static void
looks_that_are_not_there_are_plain(void)
{
    g_autoptr(OrfTask) task = orf_task_new(NULL);
    g_autoptr(OrfAsset) asset = load_model(
        task,
        MODEL("",
              COLORS "<m:texture2d id=\"10\" path=\"/3D/no.png\" contenttype=\"image/png\"/>"
                     "<m:texture2dgroup id=\"11\" texid=\"10\"><m:tex2coord u=\"0\" v=\"1\"/>"
                     "</m:texture2dgroup>" OBJECT("1", "pid=\"77\" p1=\"0\"")
                         OBJECT("2", "pid=\"8\" p1=\"5\"") OBJECT("3", "pid=\"11\" p1=\"0\""),
              ITEM("1") ITEM("2") ITEM("3")));
    assert_noted(task, "a picture is missing");
    g_assert_cmpfloat(orf_asset_material(asset, 0)->base_color[1], ==, 1);
    g_assert_cmpuint(orf_mesh_groups(orf_asset_mesh(asset))[1], ==, 0);
    const float *uvs = orf_mesh_uvs(orf_asset_mesh(asset));
    g_assert_cmpfloat(uvs[2 * orf_mesh_uv_triangles(orf_asset_mesh(asset))[6] + 1], ==, 0);
}

/* --- Our own files ------------------------------------------------------------------------ */

static char *
model_text(const OrfAsset *asset)
{
    OrfSave options = { .stem = "<cup> & \"saucer\"" };
    g_autoptr(GPtrArray) files = orf_format_save(NULL, asset, "3mf", &options, NULL);
    const OrfFile *file = files->pdata[0];
    g_autoptr(OrfZip) zip = orf_zip_open(NULL, file->bytes, "test", NULL);
    g_autoptr(GBytes) text = orf_zip_load(zip, "/3D/3dmodel.model", 1 << 20, NULL);
    return g_strndup(g_bytes_get_data(text, NULL), g_bytes_get_size(text));
}

static void
bodies_of_their_own_become_objects(void)
{
    g_autoptr(OrfAsset) bodies = sample_bodies(), faces = sample_faces();
    g_autofree char *two = model_text(bodies), *one = model_text(faces);
    g_assert_nonnull(strstr(two, "<component objectid=\"4\"/>"));
    g_assert_nonnull(strstr(two, "name=\"steel blue\" type=\"model\" pid=\"1\" pindex=\"1\""));
    g_assert_null(
        strstr(one, "<component")); /* its groups are open: cut apart they would leak */
    g_assert_nonnull(strstr(one, "pid=\"1\" p1=\"2\""));
}

static void
pictures_are_kept_in_the_container(void)
{
    g_autoptr(OrfAsset) torus = sample_torus();
    g_autofree char *text = model_text(torus);
    g_assert_nonnull(
        strstr(text, "path=\"/3D/Textures/texture-1.png\" contenttype=\"image/png\""));
    g_assert_nonnull(
        strstr(text, "name=\"&lt;cup&gt; &amp; &quot;saucer&quot;\" type=\"model\""));
}

/* --- What is refused ---------------------------------------------------------------------- */

typedef struct {
    const char *text, *message;
} BadModel;

static void
assert_container_refused(GBytes *bytes, const char *message)
{
    size_t size;
    const char *data = g_bytes_get_data(bytes, &size);
    BadFile file = { message, data, size, message };
    assert_refused("3mf", &file, 1);
}

static void
bad_models_are_refused(void)
{
    static const BadModel cases[] = {
        { MODEL("", "", ""), "bad: holds no triangles; export it as a mesh" },
        { MODEL("unit=\"parsec\"", "", ""),
          "bad: 3D/3dmodel.model line 1: the unit 'parsec' is unknown; export it again" },
        { "<?xml version=\"1.0\"?>\n<!DOCTYPE a [<!ENTITY b \"boom\">]><model>&b;</model>",
          "bad: 3D/3dmodel.model line 2: holds a document type, which 3MF forbids; "
          "do not trust this file; export it again" },
        { "<!DOCTYPE a SYSTEM \"file:///etc/passwd\"><model/>",
          "bad: 3D/3dmodel.model line 1: holds a document type, which 3MF forbids; "
          "do not trust this file; export it again" },
        { "<model>", "bad: 3D/3dmodel.model line 1: broken XML: no element found; "
                     "export it again" },
        { MODEL("xmlns:b=\"urn:beams\" requiredextensions=\"b\"", "", ""),
          "bad: needs the 3MF extension urn:beams, which cannot be read here; "
          "export it as a plain mesh" },
        { MODEL("", OBJECT("1", ""), ITEM("2")),
          "bad: object 2 is built but not there; export it again" },
        { MODEL(
              "",
              "<object id=\"1\"><mesh>" VERTICES
              "<triangles>\n<triangle v1=\"0\" v2=\"1\" v3=\"3\"/></triangles></mesh></object>",
              ITEM("1")),
          "bad: 3D/3dmodel.model line 2: triangle 0 names vertex 3 of 3; export it again" },
        { MODEL("",
                "<object id=\"1\"><mesh>" VERTICES
                "<triangles><triangle v1=\"0\" v2=\"-1\"/></triangles></mesh></object>",
                ITEM("1")),
          "bad: 3D/3dmodel.model line 1: triangle 0 lacks a corner; export it again" },
        { MODEL("",
                "<object id=\"1\"><mesh><vertices><vertex x=\"0\" y=\"nan\" z=\"0\"/>"
                "</vertices></mesh></object>",
                ""),
          "bad: 3D/3dmodel.model line 1: vertex 0 is not finite; export it again" },
        { MODEL("", "<object id=\"1\"><mesh><vertices><vertex x=\"0\"/>", ""),
          "bad: 3D/3dmodel.model line 1: vertex 0 has no number 'y'; export it again" },
        { MODEL("", OBJECT("1", ""), "<item objectid=\"1\" transform=\"1 0 0\"/>"),
          "bad: 3D/3dmodel.model line 1: a transform does not hold twelve numbers; "
          "export it again" },
        { MODEL(
              "",
              "<object id=\"1\"><components><component objectid=\"2\"/></components></object>"
              "<object id=\"2\"><components><component objectid=\"1\"/></components></object>",
              ITEM("1")),
          "bad: object 2: components lie deeper than 16, or in a circle; export it again" },
        { MODEL("", "<basematerials id=\"1\"><base name=\"a\" displaycolor=\"red\"/>", ""),
          "bad: 3D/3dmodel.model line 1: a colour is not written as #RRGGBB or #RRGGBBAA; "
          "export it again" },
    };
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        Entry entry = { "3D/3dmodel.model", cases[i].text };
        g_autoptr(GBytes) bytes = container(&entry, 1);
        assert_container_refused(bytes, cases[i].message);
    }
}

static void
floods_of_components_are_refused(void)
{
    g_autoptr(GString) text = g_string_new(HEAD("") "<resources>" OBJECT("1", ""));
    for (unsigned i = 2; i < 15; i++) { /* ten times as many each */
        g_string_append_printf(text, "<object id=\"%u\"><components>", i);
        for (unsigned k = 0; k < 10; k++)
            g_string_append_printf(text, "<component objectid=\"%u\"/>", i - 1);
        g_string_append(text, "</components></object>");
    }
    g_string_append(text, "</resources>" TAIL(ITEM("14")));
    Entry entry = { "3D/3dmodel.model", text->str };
    g_autoptr(GBytes) bytes = container(&entry, 1);
    assert_container_refused(bytes,
                             "bad: asks for more than 100000 copies of its objects; split it");
}

static void
deep_and_endless_xml_is_refused(void)
{
    g_autoptr(GString) deep = g_string_new("<a>"), text = g_string_new(HEAD("") "<resources>");
    for (unsigned i = 0; i < 6; i++)
        g_string_append(deep, deep->str);
    g_string_append(text, deep->str);
    Entry entry = { "3D/3dmodel.model", text->str };
    g_autoptr(GBytes) bytes = container(&entry, 1);
    assert_container_refused(bytes,
                             "bad: 3D/3dmodel.model line 1: elements lie deeper than 32; "
                             "export it again");
    g_string_assign(text, HEAD("") "<resources><object id=\"");
    g_string_set_size(deep, 6 << 20);
    for (size_t i = 0; i < deep->len; i++) /* noise, which does not look like a bomb */
        deep->str[i] = (char)('a' + (i * i / 7 + i / 3) % 26);
    g_string_append(text, deep->str);
    entry.text = text->str;
    g_autoptr(GBytes) endless = container(&entry, 1);
    assert_container_refused(endless, "bad: 3D/3dmodel.model line 1: an element or a text has "
                                      "over 4 MiB; export it again");
}

/* Replaces bytes of the container wherever they stand. */
static GBytes *
patched(GBytes *bytes, const void *from, const void *to, size_t n)
{
    size_t size;
    const char *data = g_bytes_get_data(bytes, &size);
    char *copy = g_memdup2(data, size);
    unsigned count = 0;
    for (size_t i = 0; i + n <= size; i++)
        if (!memcmp(copy + i, from, n)) {
            memcpy(copy + i, to, n);
            count++;
        }
    g_assert_cmpuint(count, >, 0);
    return g_bytes_new_take(copy, size);
}

static void
names_that_climb_out_are_refused(void)
{
    static const struct {
        const char *name, *shown;
    } names[] = { { "../../x.model", "../../x.model" },
                  { "3D/../../a.model", "3D/../../a.model" },
                  { "/3D/../../a.model", "/3D/../../a.model" },
                  { "C:/a.model", "C:/a.model" },
                  { "3D\\..\\a.model", "3D\\..\\a.model" } };
    for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
        Entry entry = { names[i].name, MODEL("", OBJECT("1", ""), ITEM("1")) };
        g_autoptr(GBytes) bytes = container(&entry, 1);
        g_autofree char *message = g_strdup_printf(
            "bad: the entry '%s' points outside the container; do not trust this file",
            names[i].shown);
        assert_container_refused(bytes, message);
    }
}

static void
names_of_other_systems_are_the_same_entries(void)
{
    static const char relations[] =
        "<Relationships xmlns=\"http://schemas.openxmlformats.org/package/2006/relationships\">"
        "<Relationship Target=\"/3D/3dmodel.model\" Id=\"r\" Type=\"" ORF_3MF_IS_MODEL "\"/>"
        "</Relationships>";
    static const char *const names[][2] = {
        { "_rels\\.rels", "3D\\3dmodel.model" },
        { "/_rels/.rels", "/3D/3dmodel.model" },
        { "_RELS/.rels", "3d/3DModel.model" },
    };
    for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
        Entry entries[] = { { names[i][0], relations },
                            { names[i][1], MODEL("", OBJECT("1", ""), ITEM("1")) } };
        g_autoptr(GBytes) bytes = container(entries, 2);
        g_autoptr(OrfAsset) asset = load_bytes(NULL, bytes);
        g_assert_cmpuint(orf_mesh_n_triangles(orf_asset_mesh(asset)), ==, 1);
    }
}

static void
an_empty_plate_shows_every_object(void)
{
    g_autoptr(OrfTask) task = orf_task_new(NULL);
    g_autoptr(OrfAsset) asset = load_model(
        task, MODEL("",
                    OBJECT("1", "") OBJECT(
                        "2", "") "<object id=\"3\"><components><component objectid=\"1\"/>"
                                 "</components></object>",
                    ""));
    g_assert_cmpuint(orf_mesh_n_triangles(orf_asset_mesh(asset)), ==, 2);
    assert_noted(task, "nothing is on its build plate");
}

static void
bad_containers_are_refused(void)
{
    Entry entry = { "3D/3dmodel.model", MODEL("", OBJECT("1", ""), ITEM("1")) };
    g_autoptr(GBytes) whole = container(&entry, 1);
    g_autoptr(GBytes) cut = g_bytes_new_from_bytes(whole, 0, g_bytes_get_size(whole) - 40);
    assert_container_refused(cut,
                             "bad: has no ZIP directory at its end; it is cut short or not "
                             "3MF, export it again");
    Entry other = { "word/document.xml", "<a/>" };
    g_autoptr(GBytes) text = container(&other, 1);
    assert_container_refused(text,
                             "bad: is a ZIP file without a 3D model in it; it is not 3MF");
    g_autoptr(GBytes) encrypted = patched(whole, "\24\0\0\0\10\0", "\24\0\1\0\10\0", 6);
    assert_container_refused(encrypted,
                             "bad: the entry '3D/3dmodel.model' is encrypted; save it "
                             "without a password");
}

static void
bombs_are_refused(void)
{
    g_autofree char *zeros = g_malloc(40 << 20);
    memset(zeros, ' ', (40 << 20) - 1);
    zeros[(40 << 20) - 1] = 0;
    Entry entry = { "3D/3dmodel.model", zeros };
    g_autoptr(GBytes) bomb = container(&entry, 1);
    g_assert_cmpuint(g_bytes_get_size(bomb), <, 1 << 20);
    assert_container_refused(bomb,
                             "bad: '3D/3dmodel.model' unpacks to far more than it should; "
                             "do not trust this file");
    /* declared as small as it should be: what comes out is counted */
    uint32_t real = (40 << 20) - 1, told = 4096;
    g_autoptr(GBytes) lying = patched(bomb, &real, &told, 4);
    assert_container_refused(lying,
                             "bad: '3D/3dmodel.model' unpacks to far more than it should; "
                             "do not trust this file");
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_assert_true(orf_image_init(NULL));
    g_test_add_func("/format/3mf/units-become-millimetres", units_become_millimetres);
    g_test_add_func("/format/3mf/components-are-placed-in-their-parents",
                    components_are_placed_in_their_parents);
    g_test_add_func("/format/3mf/mirrored-items-keep-their-outside-out",
                    mirrored_items_keep_their_outside_out);
    g_test_add_func("/format/3mf/parts-in-other-files-are-found",
                    parts_in_other_files_are_found);
    g_test_add_func("/format/3mf/supports-are-left-out", supports_are_left_out);
    g_test_add_func("/format/3mf/colours-of-triangles-become-materials",
                    colours_of_triangles_become_materials);
    g_test_add_func("/format/3mf/colours-of-corners-become-colours-of-vertices",
                    colours_of_corners_become_colours_of_vertices);
    g_test_add_func("/format/3mf/looks-that-are-not-there-are-plain",
                    looks_that_are_not_there_are_plain);
    g_test_add_func("/format/3mf/bodies-of-their-own-become-objects",
                    bodies_of_their_own_become_objects);
    g_test_add_func("/format/3mf/pictures-are-kept-in-the-container",
                    pictures_are_kept_in_the_container);
    g_test_add_func("/format/3mf/bad-models-are-refused", bad_models_are_refused);
    g_test_add_func("/format/3mf/floods-of-components-are-refused",
                    floods_of_components_are_refused);
    g_test_add_func("/format/3mf/deep-and-endless-xml-is-refused",
                    deep_and_endless_xml_is_refused);
    g_test_add_func("/format/3mf/names-of-other-systems-are-the-same-entries",
                    names_of_other_systems_are_the_same_entries);
    g_test_add_func("/format/3mf/an-empty-plate-shows-every-object",
                    an_empty_plate_shows_every_object);
    g_test_add_func("/format/3mf/names-that-climb-out-are-refused",
                    names_that_climb_out_are_refused);
    g_test_add_func("/format/3mf/bad-containers-are-refused", bad_containers_are_refused);
    g_test_add_func("/format/3mf/bombs-are-refused", bombs_are_refused);
    return g_test_run();
}
