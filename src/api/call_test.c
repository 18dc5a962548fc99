/* SPDX-License-Identifier: Apache-2.0 */
#include "api/stage_fixture.h"

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

/* --- What the server says of itself ------------------------------------------------------- */

static void
expect_members(const ApiStage *stage, const char *target, const char *names)
{
    g_test_message("%s", target);
    g_auto(ApiAnswer) answer = api_get(stage, target);
    g_assert_cmpint(answer.status, ==, 200);
    json_t *json = api_answer_json(&answer);
    g_auto(GStrv) each = g_strsplit(names, " ", -1);
    for (char **name = each; *name; name++)
        if (!json_object_get(json, *name))
            g_error("no %s in %s", *name, answer.body);
    json_decref(json);
}

static void
describes_itself(void)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(OrfDevices) devices = orf_devices_new(NULL, &error);
    g_assert_no_error(error);
    g_autoptr(ApiStage) stage = api_stage_start(&(OrfApiOptions){ .devices = devices });
    expect_members(stage, "/api/v1", "name version links");
    expect_members(stage, "/api/v1/generators", "generators common formats stages limits");
    expect_members(stage, "/api/v1/openapi.json", "openapi info paths components tags");
    expect_members(stage, "/api/v1/gpu/stats?history=yes", "devices recommendations budget");
    expect_members(stage, "/api/performance/summary", "uptime_s profile");
    expect_members(stage, "/api/performance/recommendations", "recommendations");
    expect_members(stage, "/api/v1/problems", "problems");
    expect(stage, "GET", "/api/v1/gpu/stats?history=maybe", "", NULL, 422, "invalid_params");
    expect(stage, "GET", "/api/v1/cache/stats", "", NULL, 503, "storage_unavailable");
    expect(stage, "GET", "/", "", NULL, 200, NULL);
    expect(stage, "GET", "/no-such-file.js", "", NULL, 404, "not_found");
}

static void
keeps_documents(void)
{
    g_autoptr(ApiStage) stage = api_stage_start(NULL);
    g_auto(ApiAnswer) first = api_get(stage, "/api/v1/openapi.json");
    g_autofree char *etag = api_answer_header(&first, "ETag");
    g_autofree char *condition = g_strdup_printf("If-None-Match: %s\r\n", etag);
    g_auto(ApiAnswer) again = api_ask(stage, "GET", "/api/v1/openapi.json", condition, NULL);
    g_assert_cmpint(again.status, ==, 304);
    g_assert_cmpuint(again.size, ==, 0);
}

static void
packs_the_page(void)
{
    g_autoptr(ApiStage) stage = api_stage_start(NULL);
    g_auto(ApiAnswer) plain = api_get(stage, "/viewer.js");
    if (plain.status == 404) {
        g_test_skip("needs the page");
        return;
    }
    g_autofree char *etag = api_answer_header(&plain, "ETag");
    g_auto(ApiAnswer) packed =
        api_ask(stage, "GET", "/viewer.js", "Accept-Encoding: br, gzip\r\n", NULL);
    g_autofree char *packed_etag = api_answer_header(&packed, "ETag");
    g_autofree char *coding = api_answer_header(&packed, "Content-Encoding");
    g_assert_cmpstr(coding, ==, "gzip");
    g_assert_cmpstr(etag, !=, packed_etag);
    g_assert_cmpuint(packed.size, <, plain.size / 3);
    g_auto(ApiAnswer) no =
        api_ask(stage, "GET", "/viewer.js", "Accept-Encoding: gzip;q=0\r\n", NULL);
    g_assert_cmpuint(no.size, ==, plain.size);
}

static void
shows_metrics(void)
{
    g_autoptr(ApiStage) stage = api_stage_start(NULL);
    g_auto(ApiAnswer) text = api_get(stage, "/metrics");
    g_assert_nonnull(strstr(text.body, "orfeas_build_info{version="));
    g_assert_nonnull(strstr(text.body, "\norfeas_ready 0\n"));
    g_assert_nonnull(strstr(text.body, "process_cpu_seconds_total"));
    g_auto(ApiAnswer) open = api_ask(
        stage, "GET", "/metrics",
        "Accept: application/openmetrics-text;version=1.0.0,text/plain;q=0.5\r\n", NULL);
    g_autofree char *type = api_answer_header(&open, "Content-Type");
    g_assert_true(g_str_has_prefix(type, "application/openmetrics-text"));
    g_assert_true(g_str_has_suffix(open.body, "# EOF\n"));
}

static void
reads_accept(void)
{
    static const struct {
        const char *accept;
        bool openmetrics;
    } cases[] = {
        { "", false },
        { "*/*", false },
        { "text/*", false },
        { "application/*", true },
        { "application/openmetrics-text", true },
        { "APPLICATION/OpenMetrics-Text ; version=1.0.0", true },
        { "text/plain;q=0.2, application/openmetrics-text;q=0.3", true },
        { "text/plain;q=0.3,application/openmetrics-text;version=1.0.0;q=0.2", false },
        { "*/*;q=0.1, text/plain;q=0", true },
        { "image/png", false },
        { ",,;;q=", false },
    };
    g_autoptr(ApiStage) stage = api_stage_start(NULL);
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_test_message("%s", cases[i].accept);
        g_autofree char *header = g_strdup_printf("Accept: %s\r\n", cases[i].accept);
        g_auto(ApiAnswer) answer = api_ask(stage, "GET", "/metrics", header, NULL);
        g_autofree char *type = api_answer_header(&answer, "Content-Type");
        g_assert_cmpint(g_str_has_prefix(type, "application/openmetrics-text"), ==,
                        cases[i].openmetrics);
    }
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
    g_test_add_func("/api/about/the-server-describes-itself", describes_itself);
    g_test_add_func("/api/about/documents-are-known-by-their-etag", keeps_documents);
    g_test_add_func("/api/about/the-page-comes-packed-to-who-takes-it", packs_the_page);
    g_test_add_func("/api/about/metrics-come-as-text-or-openmetrics", shows_metrics);
    g_test_add_func("/api/call/accept-is-weighed", reads_accept);
    return g_test_run();
}
