/* SPDX-License-Identifier: Apache-2.0 */
#include "api/stage_test.h"

#include <string.h>

static void
expect(const ApiStage *stage, const char *method, const char *target, const char *headers,
       const char *body, int status, const char *code)
{
    g_test_message("%s %s %s", method, target, headers);
    g_auto(ApiAnswer) answer = api_ask(stage, method, target, headers, body);
    g_assert_cmpint(answer.status, ==, status);
    g_autofree char *id = api_answer_header(&answer, "X-Request-Id");
    g_assert_cmpuint(strlen(id), ==, 32);
    if (!code)
        return;
    g_autofree char *found = api_answer_code(&answer),
                    *type = api_answer_header(&answer, "Content-Type");
    g_assert_cmpstr(found, ==, code);
    g_assert_cmpstr(type, ==, "application/problem+json");
}

static void
refuses(void)
{
    g_autoptr(ApiStage) stage = api_stage_start(NULL);
    expect(stage, "GET", "/livez", "", NULL, 200, NULL);
    expect(stage, "HEAD", "/livez", "", NULL, 200, NULL);
    expect(stage, "OPTIONS", "/livez", "", NULL, 204, NULL);
    expect(stage, "POST", "/nowhere", "", NULL, 404, "not_found");
    expect(stage, "DELETE", "/livez", "", NULL, 405, "method_not_allowed");
    expect(stage, "PATCH", "/livez", "", NULL, 405, "method_not_allowed");
    expect(stage, "GET", "/livez?a=1", "", NULL, 422, "invalid_params");
    expect(stage, "GET", "/livez", "Content-Type: text/plain\r\n", "hello", 415,
           "unsupported_media_type");
    expect(stage, "GET", "/api/v1/problems/nothing", "", NULL, 404, "not_found");
    expect(stage, "GET", "/api/v1/problems/queue_full", "", NULL, 200, NULL);
}

static void
tells_problem(void)
{
    g_autoptr(ApiStage) stage = api_stage_start(NULL);
    g_auto(ApiAnswer) answer = api_ask(
        stage, "GET", "/livez?what=%2Fx&what=2&more=",
        "traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\n", NULL);
    json_t *problem = api_answer_json(&answer);
    g_assert_cmpint(json_integer_value(json_object_get(problem, "status")), ==, 422);
    g_assert_cmpstr(json_string_value(json_object_get(problem, "trace_id")), ==,
                    "0af7651916cd43dd8448eb211c80319c");
    g_assert_cmpstr(json_string_value(json_object_get(problem, "instance")), ==, "/livez");
    g_assert_cmpstr(json_string_value(json_object_get(problem, "type")), ==,
                    "/api/v1/problems/invalid_params");
    g_assert_true(json_is_false(json_object_get(problem, "retryable")));
    json_t *faults = json_object_get(problem, "errors");
    g_assert_cmpuint(json_array_size(faults), ==, 3);
    g_assert_cmpstr(json_string_value(json_object_get(json_array_get(faults, 2), "pointer")),
                    ==, "more");
    g_autofree char *trace = api_answer_header(&answer, "traceparent");
    g_assert_true(g_str_has_prefix(trace, "00-0af7651916cd43dd8448eb211c80319c-"));
    json_decref(problem);
}

static void
guards_place(void)
{
    static const char *const origins[] = { "https://models.example", NULL };
    g_autoptr(ApiStage) stage =
        api_stage_start(&(OrfApiOptions){ .loopback = true, .origins = origins });
    expect(stage, "GET", "/livez", "Host: evil.example\r\n", NULL, 421, "host_not_allowed");
    expect(stage, "GET", "/livez", "Host: models.example\r\n", NULL, 200, NULL);
    expect(stage, "GET", "/livez", "Origin: https://evil.example\r\n", NULL, 200, NULL);
    static const char *const evil[] = { "Origin: https://evil.example\r\n", "Origin: null\r\n",
                                        "Sec-Fetch-Site: cross-site\r\n",
                                        "Sec-Fetch-Site: same-site\r\n" };
    for (size_t i = 0; i < G_N_ELEMENTS(evil); i++)
        expect(stage, "POST", "/livez", evil[i], NULL, 403, "origin_not_allowed");
    static const char *const fine[] = { "", "Origin: https://models.example\r\n",
                                        "Sec-Fetch-Site: same-origin\r\n",
                                        "Host: a:1\r\nOrigin: http://a:1\r\n" };
    for (size_t i = 0; i < 3; i++)
        expect(stage, "POST", "/livez", fine[i], NULL, 405, "method_not_allowed");
    g_auto(ApiAnswer) listed =
        api_ask(stage, "GET", "/livez", "Origin: https://models.example\r\n", NULL);
    g_autofree char *allowed = api_answer_header(&listed, "Access-Control-Allow-Origin");
    g_assert_cmpstr(allowed, ==, "https://models.example");
}

static void
tells_readiness(void)
{
    g_autoptr(ApiStage) stage = api_stage_start(
        &(OrfApiOptions){ .safe_mode = "store: /var/lib/orfeas/orfeas.db is corrupt" });
    g_auto(ApiAnswer) ready = api_get(stage, "/readyz");
    g_assert_cmpint(ready.status, ==, 503);
    g_assert_nonnull(strstr(ready.body, "store: (file) is corrupt"));
    orf_api_drain(stage->api);
    g_auto(ApiAnswer) draining = api_get(stage, "/readyz");
    g_assert_nonnull(strstr(draining.body, "draining"));
    g_auto(ApiAnswer) alive = api_get(stage, "/livez");
    g_assert_cmpint(alive.status, ==, 200);
    g_auto(ApiAnswer) health = api_get(stage, "/health");
    g_assert_nonnull(strstr(health.body, "\"status\":\"draining\""));
}

static void
counts(void)
{
    g_autoptr(ApiStage) stage = api_stage_start(NULL);
    for (size_t i = 0; i < 3; i++)
        expect(stage, "GET", "/livez", "", NULL, 200, NULL);
    expect(stage, "GET", "/api/v1/problems/a", "", NULL, 404, NULL);
    expect(stage, "POST", "/nowhere", "", NULL, 404, NULL);
    g_autofree char *text = orf_meter_text(stage->meter, false);
    static const char *const lines[] = {
        "orfeas_http_requests_total{route=\"/livez\",method=\"GET\",code=\"200\"} 3\n",
        "orfeas_http_requests_total{route=\"/api/v1/problems/"
        "{code}\",method=\"GET\",code=\"404\"} 1\n",
        "orfeas_http_requests_total{route=\"none\",method=\"any\",code=\"404\"} 1\n",
        "orfeas_http_request_duration_seconds_count{route=\"/livez\",method=\"GET\"} 3\n",
    };
    for (size_t i = 0; i < G_N_ELEMENTS(lines); i++)
        if (!strstr(text, lines[i]))
            g_error("no %s in %s", lines[i], text);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/api/call/what-does-not-fit-is-refused-with-its-code", refuses);
    g_test_add_func("/api/call/a-problem-says-everything-and-keeps-the-trace", tells_problem);
    g_test_add_func("/api/call/pages-of-other-sites-are-kept-out", guards_place);
    g_test_add_func("/api/call/readiness-has-reasons-without-paths", tells_readiness);
    g_test_add_func("/api/call/requests-are-counted-by-template", counts);
    return g_test_run();
}
