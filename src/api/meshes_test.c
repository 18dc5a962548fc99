/* meshes_test.c - model files that clients bring.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "api/jobs-stage_fixture.h"

#include <string.h>

#define MESHES "/api/v1/meshes"
#define RAW "Content-Type: application/octet-stream\r\n"
#define FORM "Content-Type: multipart/form-data; boundary=cut\r\n"
#define OBJ "v 0 0 0\nv 10 0 0\nv 0 10 0\nv 0 0 10\nf 1 3 2\nf 1 2 4\nf 2 3 4\nf 1 4 3\n"

typedef void (*TestFn)(JobsStage *stage);

static void
run_test(const void *data)
{
    JobsStage *stage = jobs_stage_start();
    (*(const TestFn *)data)(stage);
    jobs_stage_stop(stage);
}

static char *
text_of(const ApiAnswer *answer, const char *name)
{
    json_t *json = api_answer_json(answer);
    char *text = g_strdup(json_string_value(json_object_get(json, name)));
    json_decref(json);
    return text;
}

/* Uploads the tetrahedron; its id. */
static char *
upload(JobsStage *stage)
{
    g_auto(ApiAnswer) answer =
        api_ask(stage->api, "POST", MESHES "?name=my%20cup.obj", RAW, OBJ);
    g_assert_cmpint(answer.status, ==, 201);
    return text_of(&answer, "id");
}

static ApiAnswer
get(JobsStage *stage, const char *id, const char *rest)
{
    g_autofree char *target = g_strconcat(MESHES "/", id, rest, NULL);
    return api_get(stage->api, target);
}

static void
takes_files(JobsStage *stage)
{
    static const char form[] = "--cut\r\nContent-Disposition: form-data; name=\"mesh\"; "
                               "filename=\"a/cup.obj\"\r\n\r\n" OBJ "\r\n--cut--\r\n";
    g_auto(ApiAnswer) raw = api_ask(stage->api, "POST", MESHES "?name=cup.obj", RAW, OBJ);
    g_auto(ApiAnswer) formed = api_ask(stage->api, "POST", MESHES, FORM, form);
    g_assert_cmpint(raw.status, ==, 201);
    g_assert_cmpint(formed.status, ==, 201);
    json_t *mesh = api_answer_json(&formed);
    const char *id = json_string_value(json_object_get(mesh, "id"));
    g_assert_true(g_str_has_prefix(id, "mesh_"));
    g_autofree char *location = api_answer_header(&formed, "Location");
    g_assert_true(g_str_has_suffix(location, id));
    g_assert_cmpstr(json_string_value(json_object_get(mesh, "format")), ==, "obj");
    g_assert_cmpstr(json_string_value(json_object_get(mesh, "name")), ==, "cup.obj");
    g_assert_cmpint(json_integer_value(json_object_get(mesh, "bytes")), ==, sizeof OBJ - 1);
    g_assert_cmpint(json_integer_value(json_object_get(mesh, "triangles")), ==, 4);
    g_assert_true(json_is_true(json_object_get(mesh, "solid")));
    g_autofree char *same = text_of(&raw, "id");
    g_assert_cmpstr(same, ==, id);
    json_decref(mesh);
}

static void
refuses_files(JobsStage *stage)
{
    static const struct {
        const char *headers, *body;
        int status;
        const char *code;
    } cases[] = {
        { RAW, "", 422, "mesh_unreadable" },
        { RAW, "hello, I am no mesh at all", 422, "mesh_unreadable" },
        { RAW, "glTF\2\0\0\0", 422, "mesh_unreadable" },
        { RAW, "v 0 0 0\nf 1 2 3\n", 422, "mesh_unreadable" },
        { RAW, "PK\3\4 not a zip", 422, "mesh_unreadable" },
        { "Content-Type: text/html\r\n", OBJ, 415, "unsupported_media_type" },
        { FORM, "--cut\r\nContent-Disposition: form-data; name=\"mesh\"\r\n\r\n" OBJ, 400,
          "invalid_multipart" },
        { FORM, "--cut\r\nContent-Disposition: form-data; name=\"x\"\r\n\r\ny\r\n--cut--\r\n",
          400, "invalid_multipart" },
        { FORM, "--cut--\r\n", 422, "mesh_unreadable" },
    };
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_auto(ApiAnswer) answer =
            api_ask(stage->api, "POST", MESHES, cases[i].headers, cases[i].body);
        g_autofree char *code = api_answer_code(&answer);
        g_test_message("%zu: %s", i, answer.body);
        g_assert_cmpint(answer.status, ==, cases[i].status);
        g_assert_cmpstr(code, ==, cases[i].code);
    }
    g_autofree char *large = g_strnfill(2u << 20, 'x');
    g_auto(ApiAnswer) answer = api_ask(stage->api, "POST", MESHES, RAW, large);
    g_assert_cmpint(answer.status, ==, 413);
}

static void
tells_about_it(JobsStage *stage)
{
    g_autofree char *id = upload(stage);
    g_auto(ApiAnswer) mesh = get(stage, id, "");
    g_assert_cmpint(mesh.status, ==, 200);
    g_auto(ApiAnswer) quick = get(stage, id, "/analysis");
    json_t *json = api_answer_json(&quick), *measures = json_object_get(json, "measures");
    g_assert_true(json_is_true(json_object_get(measures, "closed")));
    g_assert_cmpint(json_integer_value(json_object_get(measures, "self_intersections")), ==, 0);
    json_decref(json);
    for (size_t i = 0; i < 2; i++) {
        g_auto(ApiAnswer) slow = get(stage, id, "/analysis?crossings=true");
        json = api_answer_json(&slow);
        measures = json_object_get(json, "measures");
        g_assert_cmpint(json_integer_value(json_object_get(measures, "self_intersections")), ==,
                        0);
        json_decref(json);
    }
    g_auto(ApiAnswer) view = get(stage, id, "/view?width=256");
    g_assert_cmpint(view.status, ==, 200);
    g_assert_cmpmem(view.body, 4, "\211PNG", 4);
}

static void
converts(JobsStage *stage)
{
    g_autofree char *id = upload(stage);
    g_autofree char *target = g_strconcat(MESHES "/", id, "/convert", NULL);
    static const char json[] = "Content-Type: application/json\r\n";
    g_auto(ApiAnswer) glb = api_ask(stage->api, "POST", target, json, "{\"format\":\"glb\"}");
    g_assert_cmpint(glb.status, ==, 200);
    g_assert_cmpmem(glb.body, 4, "glTF", 4);
    g_auto(ApiAnswer) link =
        api_ask(stage->api, "POST", target,
                "Content-Type: application/json\r\nAccept: application/json\r\n",
                "{\"format\":\"glb\"}");
    g_autofree char *url = text_of(&link, "url");
    g_auto(ApiAnswer) linked = api_get(stage->api, url);
    jobs_expect_body(&linked, glb.body, glb.size);
    g_autofree char *name = api_answer_header(&linked, "Content-Disposition");
    g_assert_nonnull(strstr(name, "my cup.glb"));

    g_auto(ApiAnswer) own = get(stage, id, "/file");
    jobs_expect_body(&own, OBJ, sizeof OBJ - 1);
    static const char *const wrong[] = { "{}", "{\"format\":\"fbx\"}", "{\"format\":7}",
                                         "{\"format\":\"stl\",\"size\":3}" };
    for (size_t i = 0; i < G_N_ELEMENTS(wrong); i++) {
        g_auto(ApiAnswer) answer = api_ask(stage->api, "POST", target, json, wrong[i]);
        g_assert_cmpint(answer.status, ==, 422);
    }
}

static void
forgets(JobsStage *stage)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *id = upload(stage);
    g_autofree char *target = g_strconcat(MESHES "/", id, NULL);
    g_auto(ApiAnswer) before = get(stage, id, "");
    g_autofree char *digest = text_of(&before, "sha256");
    g_auto(ApiAnswer) deleted = api_ask(stage->api, "DELETE", target, "", NULL);
    g_assert_cmpint(deleted.status, ==, 204);
    static const char *const rest[] = { "", "/file", "/analysis", "/view" };
    for (size_t i = 0; i < G_N_ELEMENTS(rest); i++) {
        g_auto(ApiAnswer) answer = get(stage, id, rest[i]);
        g_assert_cmpint(answer.status, ==, 404);
    }
    orf_blob_sweep(stage->store, g_get_real_time() + G_USEC_PER_SEC, &error);
    g_assert_no_error(error);
    g_assert_false(orf_blob_has(stage->store, digest));
}

/* Those that ask for the same thing at one time get the same. */
static void
is_made_once(JobsStage *stage)
{
    enum { N = 16 };
    int fds[N];
    g_autofree char *id = upload(stage);
    g_free(stage->job);
    stage->job = g_strconcat(MESHES "/", id, NULL);
    for (size_t i = 0; i < N; i++)
        fds[i] = jobs_open(stage, "/view?width=1024", "Connection: close\r\n");
    for (size_t i = 0; i < N; i++) {
        if (i % 4 == 0) {
            client_reset(fds[i]); /* some do not wait for it */
            continue;
        }
        size_t size;
        g_autofree char *reply = client_read_all(fds[i], &size);
        g_assert_true(g_str_has_prefix(reply, "HTTP/1.1 200 "));
        client_reset(fds[i]);
    }
}

int
main(int argc, char **argv)
{
    static const struct {
        const char *name;
        TestFn test;
    } tests[] = {
        { "/api/meshes/files-come-raw-or-in-a-form", takes_files },
        { "/api/meshes/what-is-no-model-is-refused", refuses_files },
        { "/api/meshes/measures-and-pictures-tell-about-it", tells_about_it },
        { "/api/meshes/other-formats-are-a-file-or-an-address", converts },
        { "/api/meshes/what-is-deleted-is-gone", forgets },
        { "/api/meshes/what-many-want-is-made-once", is_made_once },
    };
    g_test_init(&argc, &argv, NULL);
    for (size_t i = 0; i < G_N_ELEMENTS(tests); i++)
        g_test_add_data_func(tests[i].name, &tests[i].test, run_test);
    return g_test_run();
}
