/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/engine.h"

#include <jansson.h>
#include <math.h>
#include <string.h>

static GBytes *
sample(const char *name)
{
    g_autofree char *path =
        g_build_filename(g_getenv("G_TEST_SRCDIR"), "tests", "data", name, NULL);
    char *data;
    gsize size;
    g_assert_true(g_file_get_contents(path, &data, &size, NULL));
    return g_bytes_new_take(data, size);
}

static OrfOrder *
order_of(const char *operation, const char *const *settings, GBytes *input, const char *name)
{
    OrfOrder *order = orf_order_new(operation, NULL);
    g_assert_nonnull(order);
    for (; settings && *settings; settings += 2)
        g_assert_true(orf_order_set(order, settings[0], settings[1], NULL));
    if (input)
        g_assert_true(orf_order_add(
            order, &(OrfInput){ .name = name, .bytes = input, .yaw = NAN }, NULL));
    return order;
}

/* A flat piece, as a GLB. */
static GBytes *
model(void)
{
    static const char *const settings[] = { "generator", "extrude", "upto", "preview",
                                            "texture",   "false",   NULL };
    g_autoptr(GBytes) picture = sample("gears.svg");
    g_autoptr(OrfOrder) order = order_of("generate", settings, picture, "gears.svg");
    g_autoptr(GError) error = NULL;
    g_autoptr(OrfOutcome) outcome = orf_order_run(NULL, order, NULL, NULL, &error);
    g_assert_no_error(error);
    g_assert_cmpstr(orf_outcome_ran(outcome)->generator, ==, "extrude");
    return orf_asset_save(NULL, orf_outcome_asset(outcome, 0), "glb", NULL);
}

/* --- The table ---------------------------------------------------------------------------- */

static void
every_row_is_complete_and_alone(void)
{
    g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);
    for (const OrfOperation *const *o = orf_operations(); *o; o++) {
        g_assert_true((*o)->name && (*o)->command && (*o)->title && (*o)->help && (*o)->run);
        g_assert_true(g_hash_table_add(seen, (char *)(*o)->name));
        if (!g_str_equal((*o)->name, (*o)->command))
            g_assert_true(g_hash_table_add(seen, (char *)(*o)->command));
        g_assert_cmpuint((*o)->least, <=, (*o)->most);
        g_assert_true((*o)->takes == ORF_TAKES_NOTHING || (*o)->most > 0);
        g_autoptr(OrfParams) params = orf_params_new();
        orf_params_add_table(params, (*o)->params, (*o)->n_params);
        g_assert_true(orf_operation_by_name((*o)->name) == *o);
    }
    g_autofree char *text = orf_operations_json();
    json_t *json = json_loads(text, 0, NULL);
    g_assert_cmpuint(json_array_size(json_object_get(json, "operations")), >=, 5);
    json_decref(json);
}

static void
every_row_refuses_no_input_or_rubbish_politely(void)
{
    g_autoptr(GBytes) rubbish = g_bytes_new_static("rubbish", 7);
    for (const OrfOperation *const *o = orf_operations(); *o; o++)
        for (int with = 0; with < 2; with++) {
            if ((*o)->takes == ORF_TAKES_NOTHING)
                continue;
            g_autoptr(GError) error = NULL;
            g_autoptr(OrfOrder) order = orf_order_new((*o)->name, NULL);
            OrfInput input = { .name = "x", .bytes = rubbish, .yaw = NAN };
            bool added = !with || orf_order_add(order, &input, &error);
            if (added)
                g_assert_null(orf_order_run(NULL, order, NULL, NULL, &error));
            g_assert_nonnull(error);
            g_assert_true(error->code == ORF_ERROR_BAD_INPUT ||
                          error->code == ORF_ERROR_UNSUPPORTED);
        }
}

static void
every_row_knows_its_settings(void)
{
    for (const OrfOperation *const *o = orf_operations(); *o; o++) {
        g_autoptr(GError) error = NULL;
        g_autoptr(OrfOrder) order = orf_order_new((*o)->name, NULL);
        g_assert_false(orf_order_set(order, "no-such-thing", "1", &error));
        g_assert_error(error, ORF_ERROR, ORF_ERROR_NOT_FOUND);
        for (size_t i = 0; i < (*o)->n_params; i++)
            if (*(*o)->params[i].fallback)
                g_assert_true(
                    orf_order_set(order, (*o)->params[i].name, (*o)->params[i].fallback, NULL));
    }
    g_autoptr(GError) error = NULL;
    g_assert_null(orf_order_new("dance", &error));
    g_assert_error(error, ORF_ERROR, ORF_ERROR_NOT_FOUND);
}

/* --- Digests ------------------------------------------------------------------------------ */

static void
the_digest_of_generate_is_the_recipes(void)
{
    g_autoptr(GBytes) picture = sample("gears.svg");
    static const char *const settings[] = { "size", "60mm", "generator", "relief", NULL };
    g_autoptr(OrfOrder) order = order_of("generate", settings, picture, "a.svg");
    g_autoptr(OrfRecipe) recipe = orf_recipe_new("relief", NULL);
    g_assert_true(orf_recipe_set(recipe, "size", "6cm", NULL));
    g_assert_true(orf_recipe_add_picture(recipe, picture, "b.svg", NAN, NULL));
    g_autofree char *a = orf_order_digest(NULL, order), *b = orf_recipe_digest(NULL, recipe);
    g_assert_cmpstr(a, ==, b);
    g_autofree char *kind = orf_order_kind(order);
    g_assert_cmpstr(kind, ==, "generate/relief");
}

static void
the_digest_needs_no_bytes_and_knows_the_settings(void)
{
    static const char *const settings[] = { "width", "512", NULL };
    g_autoptr(GBytes) bytes = g_bytes_new_static("solid", 5);
    g_autofree char *sha = orf_digest_bytes(bytes);
    g_autoptr(OrfOrder) here = order_of("view", settings, bytes, "a.stl");
    g_autoptr(OrfOrder) other = order_of("view", NULL, bytes, "a.stl");
    g_autoptr(OrfOrder) elsewhere = order_of("view", settings, NULL, NULL);
    OrfInput known = { .name = "b.stl", .digest = sha, .size = 5 };
    g_assert_true(orf_order_add(elsewhere, &known, NULL));
    g_autofree char *a = orf_order_digest(NULL, here), *b = orf_order_digest(NULL, elsewhere),
                    *c = orf_order_digest(NULL, other);
    g_assert_cmpstr(a, ==, b);
    g_assert_cmpstr(a, !=, c);
    g_assert_cmpuint(orf_order_estimate(NULL, here).bytes, ==,
                     orf_order_estimate(NULL, elsewhere).bytes);
    g_autoptr(GError) error = NULL;
    g_assert_null(orf_order_run(NULL, elsewhere, NULL, NULL, &error));
    g_assert_error(error, ORF_ERROR, ORF_ERROR_BUG);
}

/* --- What there is ------------------------------------------------------------------------ */

static bool
count_stage(OrfStage stage, OrfAsset *asset, void *data)
{
    (void)stage;
    g_assert_nonnull(asset);
    (*(unsigned *)data)++;
    return true;
}

static void
generate_tells_its_stages(void)
{
    static const char *const settings[] = { "generator", "text",   "text", "A",
                                            "upto",      "medium", NULL };
    g_autoptr(OrfOrder) order = order_of("generate", settings, NULL, NULL);
    unsigned stages = 0;
    g_autoptr(OrfOutcome) outcome = orf_order_run(NULL, order, count_stage, &stages, NULL);
    g_assert_nonnull(outcome);
    g_assert_cmpuint(stages, ==, 2);
    g_assert_cmpuint(orf_outcome_n_assets(outcome), ==, 1);
}

static void
measure_says_it_to_people_and_to_programs(void)
{
    g_autoptr(GBytes) glb = model();
    g_autoptr(OrfOrder) order = order_of("measure", NULL, glb, "part.glb");
    g_autoptr(OrfOutcome) outcome = orf_order_run(NULL, order, NULL, NULL, NULL);
    json_t *facts = json_loads(orf_outcome_facts(outcome), 0, NULL);
    g_assert_true(json_is_true(json_object_get(facts, "solid")));
    g_assert_true(json_is_integer(json_object_get(facts, "self_intersections")));
    json_decref(facts);
    g_assert_true(g_str_has_prefix(orf_outcome_text(outcome), "a printable solid\n"));
    const char *type, *extension;
    g_autoptr(GError) error = NULL;
    g_assert_null(orf_outcome_pack(NULL, outcome, &type, &extension, &error));
    g_assert_no_error(error);
}

static void
convert_makes_every_format(void)
{
    g_autoptr(GBytes) glb = model();
    OrfFormatInfo format;
    for (size_t i = 0; orf_engine_format(i, &format); i++) {
        bool alone = strstr(format.variants, "alone");
        const char *const settings[] = { "format",  format.name,          "triangles", "60",
                                         "variant", alone ? "alone" : "", NULL };
        g_autoptr(OrfOrder) order = order_of("convert", settings, glb, "part.glb");
        g_autoptr(GError) error = NULL;
        g_autoptr(OrfOutcome) outcome = orf_order_run(NULL, order, NULL, NULL, &error);
        g_assert_no_error(error);
        const char *type, *extension;
        g_autoptr(GBytes) file = orf_outcome_pack(NULL, outcome, &type, &extension, &error);
        g_assert_no_error(error);
        bool one = g_str_equal(type, format.mime);
        g_assert_true(one || g_str_equal(type, format.alone));
        if (!one)
            continue;
        g_autoptr(OrfAsset) back = orf_asset_load(NULL, file, format.name, &error);
        g_assert_no_error(error);
        size_t vertices, triangles;
        orf_engine_count(back, &vertices, &triangles);
        g_assert_cmpuint(triangles, >, 0);
    }
}

static void
view_draws_several(void)
{
    g_autoptr(GBytes) glb = model();
    static const char *const settings[] = { "width", "256", NULL };
    g_autoptr(OrfOrder) order = order_of("view", settings, glb, "part.glb");
    g_assert_true(orf_order_add(order, &(OrfInput){ .name = "b.glb", .bytes = glb }, NULL));
    g_autoptr(OrfOutcome) outcome = orf_order_run(NULL, order, NULL, NULL, NULL);
    const char *type, *extension;
    g_autoptr(GBytes) png = orf_outcome_pack(NULL, outcome, &type, &extension, NULL);
    g_assert_cmpstr(type, ==, "image/png");
    g_assert_cmpstr(extension, ==, "png");
    g_assert_true(memcmp(g_bytes_get_data(png, NULL), "\211PNG", 4) == 0);
}

static void
cutout_makes_a_picture_and_says_how(void)
{
    g_autoptr(GBytes) picture = sample("cup.jpg");
    static const char *const settings[] = { "side", "200", "mask", "true", NULL };
    g_autoptr(OrfOrder) order = order_of("cutout", settings, picture, "cup.jpg");
    g_autoptr(OrfOutcome) outcome = orf_order_run(NULL, order, NULL, NULL, NULL);
    json_t *facts = json_loads(orf_outcome_facts(outcome), 0, NULL);
    g_assert_true(json_is_string(json_object_get(facts, "method")));
    json_decref(facts);
    const char *type, *extension;
    g_autoptr(GBytes) png = orf_outcome_pack(NULL, outcome, &type, &extension, NULL);
    OrfPictureInfo info;
    g_assert_true(orf_engine_probe(png, "mask", &info, NULL));
    g_assert_cmpuint(MAX(info.width, info.height), ==, 200);
}

/* A narrow IS-Net with random weights, in a net folder. */
static OrfEngine *
engine_with_a_net(void)
{
    g_autofree char *folder = g_build_filename(g_getenv("G_TEST_SRCDIR"), "tests", "data",
                                               "nets", "matting-isnet", NULL);
    const char *folders[] = { folder, NULL };
    return orf_engine_new(&(OrfEngineOptions){ .nets = folders, .cores = 2 }, NULL);
}

static void
a_net_in_the_folder_cuts_out_and_is_named(void)
{
    g_autoptr(OrfEngine) engine = engine_with_a_net();
    g_autoptr(OrfTask) task = orf_task_new(&(OrfTaskOptions){ .engine = engine, .cores = 2 });
    g_autoptr(GBytes) picture = sample("cup.jpg");
    static const char *const asked[] = { "method", "isnet", "side", "160", NULL };
    g_autoptr(OrfOrder) order = order_of("cutout", asked, picture, "cup.jpg");
    g_autoptr(GError) error = NULL;
    g_autoptr(OrfOutcome) outcome = orf_order_run(task, order, NULL, NULL, &error);
    g_assert_no_error(error);
    g_assert_nonnull(strstr(orf_outcome_text(outcome), "net isnet"));
    g_autoptr(GArray) kept = orf_engine_residents(engine);
    g_assert_cmpuint(kept->len, ==, 1); /* the weights stay for the next picture */
    static const char *const other[] = { "method", "u2net", NULL };
    g_autoptr(OrfOrder) missing = order_of("cutout", other, picture, "cup.jpg");
    g_assert_null(orf_order_run(task, missing, NULL, NULL, &error));
    g_assert_error(error, ORF_ERROR, ORF_ERROR_NOT_FOUND);
}

static void
the_digest_knows_the_net_that_would_cut_out(void)
{
    g_autoptr(OrfEngine) engine = engine_with_a_net();
    g_autoptr(GBytes) picture = sample("cup.jpg");
    static const char *const plain[] = { "generator", "inflate", NULL };
    static const char *const classic[] = { "generator", "inflate", "cutout", "classic", NULL };
    g_autoptr(OrfOrder) by_net = order_of("generate", plain, picture, "cup.jpg");
    g_autoptr(OrfOrder) without = order_of("generate", classic, picture, "cup.jpg");
    g_autofree char *a = orf_order_digest(engine, by_net), *b = orf_order_digest(NULL, by_net);
    g_autofree char *c = orf_order_digest(engine, without);
    g_autofree char *d = orf_order_digest(NULL, without);
    g_assert_cmpstr(a, !=, b);
    g_assert_cmpstr(c, ==, d);
}

int
main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*run)(void);
    } tests[] = {
        { "every-row-is-complete-and-alone", every_row_is_complete_and_alone },
        { "every-row-refuses-no-input-or-rubbish-politely",
          every_row_refuses_no_input_or_rubbish_politely },
        { "every-row-knows-its-settings", every_row_knows_its_settings },
        { "the-digest-of-generate-is-the-recipes", the_digest_of_generate_is_the_recipes },
        { "the-digest-needs-no-bytes-and-knows-the-settings",
          the_digest_needs_no_bytes_and_knows_the_settings },
        { "generate-tells-its-stages", generate_tells_its_stages },
        { "measure-says-it-to-people-and-to-programs",
          measure_says_it_to_people_and_to_programs },
        { "convert-makes-every-format", convert_makes_every_format },
        { "view-draws-several", view_draws_several },
        { "cutout-makes-a-picture-and-says-how", cutout_makes_a_picture_and_says_how },
        { "a-net-in-the-folder-cuts-out-and-is-named",
          a_net_in_the_folder_cuts_out_and_is_named },
        { "the-digest-knows-the-net-that-would-cut-out",
          the_digest_knows_the_net_that_would_cut_out },
    };
    g_test_init(&argc, &argv, NULL);
    for (size_t i = 0; i < G_N_ELEMENTS(tests); i++) {
        g_autofree char *path = g_strconcat("/engine/operation/", tests[i].name, NULL);
        g_test_add_func(path, tests[i].run);
    }
    return g_test_run();
}
