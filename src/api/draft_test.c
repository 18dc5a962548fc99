/* SPDX-License-Identifier: Apache-2.0 */
#include "api/draft_test.h"

#include <math.h>
#include <string.h>

/* --- What is wrong ------------------------------------------------------------------------ */

typedef struct {
    const char *name, *json; /* $JPEG: a picture in base64 */
    const char *code;        /* of the problem */
    const char *pointer, *detail;
} Bad;

static const Bad bad[] = {
    { "no-picture", "{}", "invalid_params", "#/image", "needs a picture" },
    { "an-unknown-parameter", "{'image_b64':'$JPEG','siez':'80mm'}", "invalid_params", "#/siez",
      "did you mean \"size\"?" },
    { "an-unknown-parameter-inside", "{'image_b64':'$JPEG','parameters':{'wal':1}}",
      "invalid_params", "#/parameters/wal", "did you mean \"wall\"?" },
    { "a-name-that-resembles-nothing", "{'image_b64':'$JPEG','quetzalcoatl':1}",
      "invalid_params", "#/quetzalcoatl", "GET /api/v1/generators" },
    { "a-value-out-of-range", "{'image_b64':'$JPEG','parameters':{'size':9000}}",
      "invalid_params", "#/parameters/size", "1 to 5000 mm" },
    { "an-object-for-a-value", "{'image_b64':'$JPEG','parameters':{'size':{}}}",
      "invalid_params", "#/parameters/size", "neither text" },
    { "parameters-that-are-a-list", "{'image_b64':'$JPEG','parameters':[]}", "invalid_params",
      "#/parameters", "no JSON object" },
    { "a-parameter-given-twice", "{'image_b64':'$JPEG','size':80,'parameters':{'size':90}}",
      "invalid_params", "#/parameters/size", "twice" },
    { "an-unknown-generator", "{'image_b64':'$JPEG','generator':'inflat'}", "invalid_params",
      "#/generator", "inflate, lathe" },
    { "a-parameter-of-another-generator",
      "{'image_b64':'$JPEG','generator':'lithophane','roundness':1}", "invalid_params",
      "#/roundness", "no parameter" },
    { "too-few-pictures", "{'generator':'inflate'}", "invalid_params", "#/image",
      "send it as \"image\"" },
    { "too-many-pictures", "{'generator':'inflate','images':['$JPEG','$JPEG']}",
      "invalid_params", "#/images", "hull with views" },
    { "a-picture-for-text", "{'generator':'text','image_b64':'$JPEG'}", "invalid_params",
      "#/images", "takes no picture" },
    { "a-URL", "{'image_url':'http://10.0.0.1/'}", "invalid_params", "#/image_url",
      "fetches nothing" },
    { "no-base64", "{'image_b64':'\\u00e9!!'}", "image_undecodable", "#/image_b64",
      "not base64" },
    { "base64-of-a-text", "{'image_b64':'aGVsbG8gd29ybGQ='}", "unsupported_media_type",
      "#/image_b64", "not a picture format" },
    { "a-picture-cut-short", "{'image_b64':'/9j/4AAQSkZJRg=='}", "image_undecodable",
      "#/image_b64", "damaged or cut short" },
    { "an-upload-nobody-made",
      "{'upload_id':'0000000000000000000000000000000000000000000000000000000000000000'}",
      "upload_unknown", "#/upload_id", "no upload has this id" },
    { "an-upload-id-that-is-a-path", "{'upload_id':'../../etc/passwd'}", "upload_unknown",
      "#/upload_id", "no upload has this id" },
    { "a-picture-of-both-kinds", "{'images':[{'image_b64':'$JPEG','upload_id':'x'}]}",
      "invalid_params", "#/images/0", "either" },
    { "a-view-of-nowhere", "{'generator':'hull','images':[{'image_b64':'$JPEG','view':'up'}]}",
      "invalid_params", "#/images/0", "none of front" },
    { "views-that-do-not-fit", "{'generator':'hull','images':['$JPEG'],'views':[0,90]}",
      "invalid_params", "#/views", "2 angles for 1 pictures" },
    { "a-mask-without-a-picture", "{'generator':'text','mask':'$JPEG'}", "invalid_params",
      "#/mask", "without a picture" },
    { "an-unknown-priority", "{'image_b64':'$JPEG','priority':'now'}", "invalid_params",
      "#/priority", "interactive, normal, batch" },
    { "a-deadline-in-the-past", "{'image_b64':'$JPEG','deadline':'2001-01-01T00:00:00Z'}",
      "invalid_params", "#/deadline", "within a week" },
    { "a-webhook-of-another-scheme", "{'image_b64':'$JPEG','webhook':'file:///etc/passwd'}",
      "invalid_params", "#/webhook", "no http" },
    { "an-unknown-webhook-event",
      "{'image_b64':'$JPEG','webhook':{'url':'https://a.example','events':['born']}}",
      "invalid_params", "#/webhook/events", "started, stage, done" },
    { "modes-that-contradict", "{'image_b64':'$JPEG','mode':'preview','upto':'final'}",
      "invalid_params", "#/upto", "contradicts" },
    { "a-zero-byte-in-a-value", "{'image_b64':'$JPEG','size':'8\\u0000'}", "invalid_params",
      "#/size", "neither text" },
};

static void
refuses(const void *data)
{
    const Bad *it = data;
    g_autoptr(Desk) desk = desk_open();
    g_autoptr(OrfDraft) draft = desk_read(desk, it->json);
    g_assert_null(orf_draft_check(draft));
    OrfProblem problem = orf_draft_problem(draft);
    g_assert_cmpstr(orf_problem_kind(problem.code)->name, ==, it->code);
    bool told = false;
    for (size_t i = 0; i < problem.n_faults; i++)
        told |= g_str_equal(problem.faults[i].pointer, it->pointer) &&
                strstr(problem.faults[i].detail, it->detail);
    if (!told)
        g_error("%s: %s is not among the faults; the first is %s: %s", it->json, it->detail,
                problem.faults[0].pointer, problem.faults[0].detail);
}

static void
all_faults_at_once(void)
{
    g_autoptr(Desk) desk = desk_open();
    g_autoptr(OrfDraft) draft =
        desk_read(desk, "{'siez':1,'priority':'now','image_url':'x','parameters':{'wall':99}}");
    g_assert_null(orf_draft_check(draft));
    OrfProblem problem = orf_draft_problem(draft);
    g_assert_cmpuint(problem.n_faults, ==, 4);
}

static void
too_many_pixels(void)
{
    g_autoptr(Desk) desk = desk_open();
    desk->api.options.max_pixels = 1000;
    g_autoptr(OrfDraft) draft = desk_read(desk, "{'image_b64':'$JPEG'}");
    g_assert_null(orf_draft_check(draft));
    g_assert_cmpstr(orf_problem_kind(orf_draft_problem(draft).code)->name, ==,
                    "image_too_large");
}

static void
endless_faults(void)
{
    g_autoptr(Desk) desk = desk_open();
    g_autoptr(OrfDraft) draft = orf_draft_new(&desk->api, "local", "generate");
    for (int i = 0; i < 1000; i++) {
        g_autofree char *name = g_strdup_printf("p%d", i);
        orf_draft_set(draft, "#", name, "1");
    }
    g_assert_null(orf_draft_check(draft));
    g_assert_cmpuint(orf_draft_problem(draft).n_faults, <=, 32);
}

/* --- What is right ------------------------------------------------------------------------ */

static void
everything(void)
{
    g_autoptr(Desk) desk = desk_open();
    g_autoptr(OrfDraft) draft = desk_read(
        desk, "{'generator':'hull','images':[{'image_b64':'$JPEG','view':'front','name':"
              "'/home/me/cup.jpg'},{'image_b64':'data:image/jpeg;base64,$JPEG','yaw':270}],"
              "'mask':'$JPEG','parameters':{'size':'8cm','resolution':64,'texture':false},"
              "'priority':'batch','deadline':90,'client_gone':'keep','webhook':{'url':"
              "'https://a.example/hook','events':['stage','done']},'mode':'preview'}");
    const OrfJobRequest *request = orf_draft_check(draft);
    if (!request)
        g_error("%s", orf_draft_problem(draft).detail);
    const OrfJobInput *front = request->inputs->pdata[0], *left = request->inputs->pdata[1];
    g_assert_cmpstr(front->name, ==, "cup.jpg");
    g_assert_cmpstr(left->name, ==, "picture 2");
    g_assert_cmpfloat(front->yaw, ==, 0);
    g_assert_cmpfloat(left->yaw, ==, 270);
    g_assert_cmpstr(front->digest, ==, left->digest);
    g_assert_cmpuint(front->width, ==, 600);
    g_assert_cmpstr(front->format, ==, "jpeg");
    OrfWish wish;
    orf_draft_wish(draft, &wish);
    g_assert_cmpstr(wish.kind, ==, "generate/hull/preview");
    g_assert_cmpint(wish.priority, ==, 2);
    g_assert_cmpuint(wish.webhook_events, ==, 2 | 4);
    g_assert_cmpstr(wish.webhook_url, ==, "https://a.example/hook");
    int64_t left_us = wish.deadline_us - g_get_real_time();
    g_assert_true(left_us > 0 && left_us <= 90 * G_USEC_PER_SEC);
}

static void
the_stored_request_is_read_back(void)
{
    g_autoptr(Desk) desk = desk_open();
    g_autoptr(OrfDraft) draft =
        desk_read(desk, "{'generator':'hull','images':[{'image_b64':'$JPEG','view':'left'}],"
                        "'mask':'$JPEG','size':'8cm','quality':'high'}");
    g_assert_nonnull(orf_draft_check(draft));
    OrfWish wish, again;
    orf_draft_wish(draft, &wish);
    g_autoptr(GError) error = NULL;
    g_autofree char *stored = orf_job_request_json(wish.request);
    g_autoptr(OrfJobRequest) request = orf_job_request_parse(stored, &error);
    g_assert_no_error(error);
    g_autofree char *json = orf_job_request_json(request);
    g_assert_cmpstr(json, ==, stored);
    g_autoptr(OrfDraft) replay = orf_draft_new(&desk->api, "local", "generate");
    orf_draft_load(replay, request);
    g_assert_nonnull(orf_draft_check(replay));
    orf_draft_wish(replay, &again);
    g_autofree char *replayed = orf_job_request_json(again.request);
    g_assert_cmpstr(replayed, ==, stored);
    g_assert_cmpstr(again.key, ==, wish.key);
}

static char *
key_with(Desk *desk, OrfEngine *engine)
{
    desk->api.options.engine = engine;
    g_autoptr(OrfDraft) draft = desk_read(desk, "{'generator':'inflate','image_b64':'$JPEG'}");
    g_assert_nonnull(orf_draft_check(draft));
    OrfWish wish;
    orf_draft_wish(draft, &wish);
    return g_strdup(wish.key);
}

/* Else results that were made without it would be found after it was installed. */
static void
an_installed_net_gives_other_keys(void)
{
    g_autofree char *folder = g_build_filename(g_getenv("G_TEST_SRCDIR"), "tests", "data",
                                               "nets", "matting-isnet", NULL);
    const char *folders[] = { folder, NULL };
    g_autoptr(OrfEngine) engine = orf_engine_new(&(OrfEngineOptions){ .nets = folders }, NULL);
    g_autoptr(Desk) desk = desk_open();
    g_autofree char *without = key_with(desk, NULL), *with = key_with(desk, engine);
    g_assert_cmpstr(without, !=, with);
    g_autofree char *again = key_with(desk, engine);
    g_assert_cmpstr(again, ==, with);
    desk->api.options.engine = NULL;
}

static void
stored_requests_of_others(void)
{
    static const char *const texts[] = {
        "",
        "[]",
        "{}",
        "{\"v\":3,\"operation\":\"generate\",\"parameters\":{}}",
        "{\"v\":2,\"parameters\":{}}",
        "{\"v\":1,\"generator\":\"auto\",\"parameters\":{},"
        "\"pictures\":[{\"sha256\":\"x\"}]}"
    };
    for (size_t i = 0; i < G_N_ELEMENTS(texts); i++) {
        g_autoptr(GError) error = NULL;
        g_assert_null(orf_job_request_parse(texts[i], &error));
        g_assert_error(error, ORF_ERROR, ORF_ERROR_BAD_INPUT);
    }
}

static void
seeds(void)
{
    g_autoptr(Desk) desk = desk_open();
    g_autoptr(OrfDraft) none = desk_read(desk, "{'image_b64':'$JPEG'}");
    g_autoptr(OrfDraft) given = desk_read(desk, "{'image_b64':'$JPEG','seed':7}");
    g_autoptr(OrfDraft) drawn = desk_read(desk, "{'image_b64':'$JPEG','seed':'random'}");
    g_assert_cmpint(orf_draft_check(none)->seed, ==, 0);
    g_assert_cmpint(orf_draft_check(given)->seed, ==, 7);
    const OrfJobRequest *request = orf_draft_check(drawn);
    g_autofree char *seed = g_strdup_printf("\"seed\":%" G_GINT64_FORMAT, request->seed);
    g_assert_nonnull(strstr(request->parameters, seed));
}

/* --- Keys --------------------------------------------------------------------------------- */

typedef struct {
    const char *name, *a, *b;
    bool same;
} Pair;

static const Pair pairs[] = {
    { "defaults-that-are-said", "{'image_b64':'$JPEG'}",
      "{'image_b64':'$JPEG','generator':'auto','seed':0,'quality':'standard','size':100}",
      true },
    { "units", "{'image_b64':'$JPEG','size':'8cm'}", "{'image_b64':'$JPEG','size':80.0}",
      true },
    { "order", "{'image_b64':'$JPEG','depth':1,'roundness':1}",
      "{'roundness':1,'depth':1,'image_b64':'$JPEG'}", true },
    { "the-way-it-is-sent", "{'image_b64':'$JPEG','mode':'progressive','priority':'batch'}",
      "{'images':[{'image_b64':'$JPEG','name':'other.jpg'}],'client_gone':'keep'}", true },
    { "a-parameter", "{'image_b64':'$JPEG'}", "{'image_b64':'$JPEG','size':99}", false },
    { "a-parameter-auto-may-hand-on", "{'image_b64':'$JPEG'}",
      "{'image_b64':'$JPEG','depth':1}", false },
    { "a-seed", "{'image_b64':'$JPEG'}", "{'image_b64':'$JPEG','seed':1}", false },
    { "a-generator", "{'image_b64':'$JPEG','generator':'inflate'}",
      "{'image_b64':'$JPEG','generator':'lathe'}", false },
    { "a-mask", "{'image_b64':'$JPEG'}", "{'image_b64':'$JPEG','mask':'$JPEG'}", false },
    { "a-view", "{'generator':'hull','images':['$JPEG','$JPEG'],'views':'0,90'}",
      "{'generator':'hull','images':['$JPEG','$JPEG'],'views':'0,180'}", false },
    { "a-picture-more", "{'generator':'hull','images':['$JPEG']}",
      "{'generator':'hull','images':['$JPEG','$JPEG']}", false },
    { "how-far-it-goes", "{'image_b64':'$JPEG'}", "{'image_b64':'$JPEG','mode':'preview'}",
      false },
};

static char *
key_of(Desk *desk, const char *json, const char *tenant)
{
    g_autoptr(OrfDraft) draft = desk_read_as(desk, json, tenant);
    if (!orf_draft_check(draft))
        g_error("%s: %s", json, orf_draft_problem(draft).detail);
    OrfWish wish;
    orf_draft_wish(draft, &wish);
    return g_strdup(wish.key);
}

static void
keys(const void *data)
{
    const Pair *pair = data;
    g_autoptr(Desk) desk = desk_open();
    g_autofree char *a = key_of(desk, pair->a, "local"), *b = key_of(desk, pair->b, "local");
    g_assert_true(g_str_equal(a, b) == pair->same);
}

static void
tenants_have_one_key(void)
{
    g_autoptr(Desk) desk = desk_open();
    g_autofree char *a = key_of(desk, "{'image_b64':'$JPEG'}", "local");
    g_autofree char *b = key_of(desk, "{'image_b64':'$JPEG'}", "other");
    g_assert_cmpstr(a, ==, b);
}

/* What the command line prints for the same picture and parameters. */
static void
the_key_is_the_recipes(void)
{
    g_autoptr(Desk) desk = desk_open();
    g_autoptr(OrfDraft) draft =
        desk_read(desk, "{'generator':'inflate','image_b64':'$JPEG','size':'8cm','seed':7}");
    g_assert_nonnull(orf_draft_check(draft));
    OrfWish wish;
    orf_draft_wish(draft, &wish);
    const OrfJobInput *input = wish.request->inputs->pdata[0];
    g_autoptr(GBytes) bytes = orf_blob_get(desk->api.options.store, input->digest, NULL);
    g_autoptr(OrfRecipe) recipe = orf_recipe_new("inflate", NULL);
    g_assert_true(orf_recipe_set(recipe, "size", "80", NULL));
    g_assert_true(orf_recipe_set(recipe, "seed", "7", NULL));
    g_assert_true(orf_recipe_add_picture(recipe, bytes, "another name", NAN, NULL));
    g_autofree char *digest = orf_recipe_digest(NULL, recipe);
    g_assert_cmpstr(wish.key, ==, digest);
}

/* "ab" + "c" is not "a" + "bc", and nothing is not the empty text. */
static void
fields_have_ends(void)
{
    static const char *const lists[][2] = {
        { "ab", "c" }, { "a", "bc" }, { "abc", "" }, { "", "abc" }, { "abc", NULL }
    };
    char digests[G_N_ELEMENTS(lists)][ORF_DIGEST_SIZE];
    for (size_t i = 0; i < G_N_ELEMENTS(lists); i++) {
        OrfFields *fields = orf_fields_new("test");
        orf_fields_add(fields, lists[i][0]);
        orf_fields_add(fields, lists[i][1]);
        orf_fields_end(fields, digests[i]);
        for (size_t j = 0; j < i; j++)
            g_assert_cmpstr(digests[i], !=, digests[j]);
    }
}

static void
fingerprints(void)
{
    static const struct {
        const char *json;
        bool same;
    } cases[] = { { "{'image_b64':'$JPEG','seed':'random','priority':'batch'}", true },
                  { "{'image_b64':'$JPEG','seed':'random'}", false },
                  { "{'image_b64':'$JPEG','seed':3,'priority':'batch'}", false },
                  { "{'image_b64':'$JPEG','priority':'batch'}", false } };
    g_autoptr(Desk) desk = desk_open();
    char first[ORF_DIGEST_SIZE], other[ORF_DIGEST_SIZE];
    g_autoptr(OrfDraft) draft = desk_read(desk, cases[0].json);
    g_assert_nonnull(orf_draft_check(draft));
    orf_draft_fingerprint(draft, "/a", first);
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(OrfDraft) again = desk_read(desk, cases[i].json);
        g_assert_nonnull(orf_draft_check(again));
        orf_draft_fingerprint(again, "/a", other);
        g_assert_true(g_str_equal(first, other) == cases[i].same);
        orf_draft_fingerprint(again, "/b", other);
        g_assert_cmpstr(first, !=, other);
    }
}

static void
hostile_names(void)
{
    g_autoptr(Desk) desk = desk_open();
    g_autoptr(OrfDraft) draft = orf_draft_new(&desk->api, "local", "generate");
    orf_draft_set(draft, "#", "generator", "hull");
    static const char *const names[] = { "..\\..\\x\n\x01y.jpg", "\xff\xfe", "", "/" };
    for (size_t i = 0; i < G_N_ELEMENTS(names); i++)
        orf_draft_add_picture(draft, "#", desk->digest, names[i]);
    const OrfJobRequest *request = orf_draft_check(draft);
    g_assert_nonnull(request);
    static const char *const told[] = { "xy.jpg", "\xef\xbf\xbd\xef\xbf\xbd", "picture 3",
                                        "picture 4" };
    for (size_t i = 0; i < G_N_ELEMENTS(told); i++)
        g_assert_cmpstr(((OrfJobInput *)request->inputs->pdata[i])->name, ==, told[i]);
}

static void
nothing_is_kept_when_the_disk_is_almost_full(void)
{
    char digest[ORF_DIGEST_SIZE];
    g_autoptr(Desk) desk = desk_open();
    g_autoptr(OrfDraft) draft = orf_draft_new(&desk->api, "local", "generate");
    atomic_store(&desk->parts.low_on_disk, true);
    g_assert_false(orf_draft_store_base64(draft, "#/image", "YWJj", 4, digest));
    g_assert_cmpint(orf_draft_problem(draft).code, ==, ORF_PROBLEM_STORAGE_UNAVAILABLE);
}

static void
base64_in_all_forms(void)
{
    static const struct {
        const char *text, *bytes; /* NULL: refused */
    } cases[] = {
        { "YWJj", "abc" },
        { "YWI=", "ab" },
        { "YWI", "ab" },
        { "YQ", "a" },
        { "YQ==", "a" },
        { "YW\r\nJj", "abc" },
        { "data:;base64,YQ==", "a" },
        { "YQ=", NULL },
        { "YQ==YQ==", NULL },
        { "Y", NULL },
        { "", NULL },
        { "data:image/png,abc", NULL },
        { "a-_b", NULL },
    };
    g_autoptr(Desk) desk = desk_open();
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(OrfDraft) draft = orf_draft_new(&desk->api, "local", "generate");
        char digest[ORF_DIGEST_SIZE], wanted[ORF_DIGEST_SIZE];
        bool ok =
            orf_draft_store_base64(draft, "#", cases[i].text, strlen(cases[i].text), digest);
        if (ok != (cases[i].bytes != NULL))
            g_error("base64 \"%s\"", cases[i].text);
        if (!ok)
            continue;
        orf_digest(cases[i].bytes, strlen(cases[i].bytes), wanted);
        g_assert_cmpstr(digest, ==, wanted);
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_autofree char *path = g_strconcat("/api/draft/refuses-", bad[i].name, NULL);
        g_test_add_data_func(path, &bad[i], refuses);
    }
    for (size_t i = 0; i < G_N_ELEMENTS(pairs); i++) {
        g_autofree char *path = g_strdup_printf(
            "/api/draft/the-key-%s-%s", pairs[i].same ? "ignores" : "holds", pairs[i].name);
        g_test_add_data_func(path, &pairs[i], keys);
    }
    g_test_add_func("/api/draft/tells-all-faults-at-once", all_faults_at_once);
    g_test_add_func("/api/draft/tells-a-bounded-number-of-faults", endless_faults);
    g_test_add_func("/api/draft/refuses-more-pixels-than-allowed", too_many_pixels);
    g_test_add_func("/api/draft/reads-everything-a-wish-can-say", everything);
    g_test_add_func("/api/draft/an-installed-net-gives-other-keys",
                    an_installed_net_gives_other_keys);
    g_test_add_func("/api/draft/a-stored-request-is-read-back-as-it-was",
                    the_stored_request_is_read_back);
    g_test_add_func("/api/draft/a-request-of-another-version-is-refused",
                    stored_requests_of_others);
    g_test_add_func("/api/draft/a-seed-is-told-whoever-chose-it", seeds);
    g_test_add_func("/api/draft/the-key-is-the-same-whoever-asks", tenants_have_one_key);
    g_test_add_func("/api/draft/the-key-is-the-digest-of-the-recipe", the_key_is_the_recipes);
    g_test_add_func("/api/draft/fields-of-a-key-do-not-run-together", fields_have_ends);
    g_test_add_func("/api/draft/a-fingerprint-is-of-what-the-client-said", fingerprints);
    g_test_add_func("/api/draft/names-of-files-are-made-harmless", hostile_names);
    g_test_add_func("/api/draft/nothing-is-kept-when-the-disk-is-almost-full",
                    nothing_is_kept_when_the_disk_is_almost_full);
    g_test_add_func("/api/draft/base64-comes-in-all-its-forms", base64_in_all_forms);
    return g_test_run();
}
