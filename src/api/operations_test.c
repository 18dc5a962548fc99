/* operations_test.c - what can be done is a table, and every row of it is served.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "api/jobs-stage_fixture.h"

#include "engine/engine.h"

#include <string.h>

#define OPERATIONS "/api/v1/operations"
#define RAW "Content-Type: application/octet-stream\r\n"
#define JSON "Content-Type: application/json\r\n"
#define OBJ "v 0 0 0\nv 10 0 0\nv 0 10 0\nv 0 0 10\nf 1 3 2\nf 1 2 4\nf 2 3 4\nf 1 4 3\n"

typedef void (*TestFn)(JobsStage *stage, const char *mesh);

static char *
upload(JobsStage *stage)
{
    g_auto(ApiAnswer) answer =
        api_ask(stage->api, "POST", "/api/v1/meshes?name=cup.obj", RAW, OBJ);
    g_assert_cmpint(answer.status, ==, 201);
    json_t *json = api_answer_json(&answer);
    char *id = g_strdup(json_string_value(json_object_get(json, "id")));
    json_decref(json);
    return id;
}

static void
run_test(const void *data)
{
    JobsStage *stage = jobs_stage_start();
    g_autofree char *mesh = upload(stage);
    (*(const TestFn *)data)(stage, mesh);
    jobs_stage_stop(stage);
}

static ApiAnswer
operate(JobsStage *stage, const char *name, const char *mesh, const char *parameters)
{
    g_autofree char *target = g_strconcat(OPERATIONS "/", name, NULL);
    g_autofree char *body =
        g_strdup_printf("{\"inputs\":[{\"mesh\":\"%s\"}],\"parameters\":%s}", mesh, parameters);
    g_test_message("%s %s", name, body);
    return api_ask(stage->api, "POST", target, JSON, body);
}

static void
lists_all(JobsStage *stage, const char *mesh)
{
    (void)mesh;
    g_auto(ApiAnswer) answer = api_get(stage->api, OPERATIONS);
    json_t *json = api_answer_json(&answer), *list = json_object_get(json, "operations");
    size_t n = 0;
    while (orf_operations()[n])
        n++;
    g_assert_cmpuint(json_array_size(list), ==, n);
    json_decref(json);
}

/* A new row of the engine's table is served without a line here. */
static void
serves_every_row(JobsStage *stage, const char *mesh)
{
    for (const OrfOperation *const *at = orf_operations(); *at; at++) {
        const OrfOperation *operation = *at;
        if (operation->heavy || operation->takes != ORF_TAKES_ASSETS || operation->least > 1)
            continue;
        g_auto(ApiAnswer) first = operate(stage, operation->name, mesh, "{}");
        g_assert_cmpint(first.status, ==, 200);
        g_auto(ApiAnswer) second = operate(stage, operation->name, mesh, "{}");
        g_autofree char *etag = api_answer_header(&first, "ETag"),
                        *again = api_answer_header(&second, "ETag");
        g_assert_cmpstr(etag, ==, again);
    }
}

static void
tells_facts(JobsStage *stage, const char *mesh)
{
    g_auto(ApiAnswer) answer = operate(stage, "measure", mesh, "{\"fast\":true}");
    json_t *facts = api_answer_json(&answer);
    g_assert_cmpint(json_integer_value(json_object_get(facts, "triangles")), ==, 4);
    json_decref(facts);
}

static void
makes_files(JobsStage *stage, const char *mesh)
{
    static const struct {
        const char *operation, *parameters, *type, *begin;
    } cases[] = {
        { "convert", "{\"format\":\"glb\"}", "model/gltf-binary", "glTF" },
        { "convert", "{\"format\":\"ply\",\"triangles\":4}", "model/ply", "ply" },
        { "convert", "{\"format\":\"obj\"}", "application/zip", "PK" },
        { "view", "{\"width\":300}", "image/png", "\211PNG" },
    };
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_auto(ApiAnswer) answer =
            operate(stage, cases[i].operation, mesh, cases[i].parameters);
        g_autofree char *type = api_answer_header(&answer, "Content-Type");
        g_assert_cmpint(answer.status, ==, 200);
        g_assert_cmpstr(type, ==, cases[i].type);
        g_assert_true(strncmp(answer.body, cases[i].begin, strlen(cases[i].begin)) == 0);
    }
}

static void
refuses(JobsStage *stage, const char *mesh)
{
    g_autofree char *good = g_strdup_printf("{\"inputs\":[{\"mesh\":\"%s\"}]", mesh);
    const struct {
        const char *name, *head, *rest;
        int status;
    } cases[] = {
        { "levitate", good, "}", 404 },
        { "measure", "{\"inputs\":[]", "}", 422 },
        { "measure", "{", "}", 422 },
        { "measure", "{\"inputs\":[{\"mesh\":\"mesh_nobody\"}]", "}", 422 },
        { "measure", "{\"inputs\":[{\"job\":\"job_nobody\"}]", "}", 422 },
        { "measure", "{\"inputs\":[{}]", "}", 422 },
        { "measure", "{\"inputs\":\"all\"", "}", 422 },
        { "measure", good, ",\"parameters\":{\"speed\":9}}", 422 },
        { "measure", good, ",\"parameters\":{\"fast\":\"perhaps\"}}", 422 },
        { "measure", good, ",\"parameters\":{\"fast\":{}}}", 422 },
        { "measure", good, ",\"parameters\":7}", 422 },
        { "measure", good, ",\"more\":1}", 422 },
        { "convert", good, ",\"parameters\":{\"format\":\"doc\"}}", 422 },
        { "generate", "{\"inputs\":[]", "}", 422 },
    };
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *target = g_strconcat(OPERATIONS "/", cases[i].name, NULL);
        g_autofree char *body = g_strconcat(cases[i].head, cases[i].rest, NULL);
        g_auto(ApiAnswer) answer = api_ask(stage->api, "POST", target, JSON, body);
        g_test_message("%s %s: %s", cases[i].name, body, answer.body);
        g_assert_cmpint(answer.status, ==, cases[i].status);
    }
}

int
main(int argc, char **argv)
{
    static const struct {
        const char *name;
        TestFn test;
    } tests[] = {
        { "/api/operations/the-table-is-told", lists_all },
        { "/api/operations/every-row-is-served-and-made-once", serves_every_row },
        { "/api/operations/facts-come-as-json", tells_facts },
        { "/api/operations/files-come-under-their-type", makes_files },
        { "/api/operations/what-makes-no-sense-is-refused", refuses },
    };
    g_test_init(&argc, &argv, NULL);
    for (size_t i = 0; i < G_N_ELEMENTS(tests); i++)
        g_test_add_data_func(tests[i].name, &tests[i].test, run_test);
    return g_test_run();
}
