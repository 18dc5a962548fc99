/* SPDX-License-Identifier: Apache-2.0 */
#include "api/jobs-priv.h"

#include <string.h>

#define ID "job_01J00000000000000000000000"
#define DIGEST "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
static const OrfStageRow preview = { "preview", 0.25, DIGEST, 81234, 2050, 4096, 0.08 };

static OrfJobRequest *
request_of(const char *picture)
{
    OrfJobRequest *request = orf_job_request_new("generate");
    request->generator = g_strdup("auto");
    request->parameters = g_strdup("{\"size\":80}");
    request->seed = 7;
    OrfJobInput *input = g_new0(OrfJobInput, 1);
    input->digest = g_strdup(DIGEST);
    input->name = g_strdup(picture);
    g_ptr_array_add(request->inputs, input);
    return request;
}

/* A running job as the queue shows it; caller clears. */
static OrfJobView
running(void)
{
    return (OrfJobView){ .row = { .id = g_strdup(ID),
                                  .tenant = g_strdup("local"),
                                  .status = ORF_JOB_RUNNING,
                                  .kind = g_strdup("generate/auto"),
                                  .key = g_strdup(DIGEST),
                                  .request = request_of("my cup.jpg"),
                                  .stages = orf_stages_new(&preview, 1),
                                  .attempt = 1,
                                  .progress = 0.4217,
                                  .created = 1748779200123456,
                                  .started = 1748779201000000 },
                         .step = g_strdup("make: medium: mesh"),
                         .eta_p50 = 6.123456,
                         .eta_p90 = 9,
                         .version = 3,
                         .events = 5 };
}

static json_t *
shown(const OrfJobView *view)
{
    g_autoptr(GString) out = g_string_new(NULL);
    json_error_t why;
    orf_job_json(out, view);
    json_t *job = json_loads(out->str, JSON_REJECT_DUPLICATES, &why);
    if (!job)
        g_error("%s in %s", why.text, out->str);
    return job;
}

static void
expect(const json_t *object, const char *name, const char *json)
{
    g_autofree char *found = json_dumps(
        json_object_get(object, name), JSON_ENCODE_ANY | JSON_COMPACT | JSON_REAL_PRECISION(9));
    g_assert_cmpstr(found, ==, json);
}

static void
shows_running(void)
{
    g_auto(OrfJobView) view = running();
    json_t *job = shown(&view);
    static const char *const expected[][2] = {
        { "id", "\"" ID "\"" },
        { "status", "\"running\"" },
        { "stage", "\"medium\"" },
        { "step", "\"make: medium: mesh\"" },
        { "progress", "0.4217" },
        { "queue_position", "0" },
        { "eta_s", "{\"p50\":6.123,\"p90\":9}" },
        { "priority", "\"interactive\"" },
        { "created_at", "\"2025-06-01T12:00:00.123Z\"" },
        { "started_at", "\"2025-06-01T12:00:01.000Z\"" },
        { "finished_at", "null" },
        { "expires_at", "null" },
        { "generator", "null" },
        { "seed", "7" },
        { "attempt", "1" },
        { "cached", "false" },
        { "coalesced", "false" },
        { "recipe", "\"" DIGEST "\"" },
        { "parameters", "{\"size\":80}" },
        { "warnings", "[]" },
        { "measures", "null" },
        { "error", "null" },
    };
    for (size_t i = 0; i < G_N_ELEMENTS(expected); i++)
        expect(job, expected[i][0], expected[i][1]);
    const json_t *links = json_object_get(job, "links");
    expect(links, "self", "\"/api/v1/jobs/" ID "\"");
    expect(links, "events", "\"/api/v1/jobs/" ID "/events\"");
    expect(links, "cancel", "\"/api/v1/jobs/" ID "/cancel\"");
    expect(links, "result", "null");
    const json_t *stage = json_array_get(json_object_get(job, "stages"), 0);
    expect(stage, "url", "\"/api/v1/jobs/" ID "/stages/preview\"");
    expect(stage, "took_s", "0.08");
    json_decref(job);
}

static void
shows_end(void)
{
    g_auto(OrfJobView) view = running();
    view.row.status = ORF_JOB_SUCCEEDED;
    view.row.progress = 0.99;
    view.row.finished = 1748779207000000;
    view.row.result = orf_job_result_new();
    view.row.result->generator = g_strdup("inflate");
    view.row.result->reason = g_strdup("flat and round");
    view.row.result->confidence = 0.8;
    view.row.result->measures = g_strdup("{\"closed\":true}");
    view.row.result->warnings = g_strsplit("thin", "\n", 0);
    json_t *job = shown(&view);
    expect(job, "progress", "1");
    expect(job, "stage", "null");
    expect(job, "eta_s", "null");
    expect(job, "generator", "\"inflate\"");
    expect(job, "reason", "\"flat and round\"");
    expect(job, "confidence", "0.8");
    expect(job, "measures", "{\"closed\":true}");
    expect(job, "warnings", "[\"thin\"]");
    g_assert_cmpuint(json_array_size(json_object_get(job, "stages")), ==, 1);
    expect(json_object_get(job, "links"), "cancel", "null");
    expect(json_object_get(job, "links"), "result", "\"/api/v1/jobs/" ID "/result\"");
    json_decref(job);
}

static void
shows_failure(void)
{
    g_auto(OrfJobView) view = running();
    view.row.status = ORF_JOB_FAILED;
    view.row.error = (OrfJobError){ g_strdup("image_undecodable"), g_strdup("x"), false };
    json_t *job = shown(&view);
    expect(json_object_get(job, "error"), "code", "\"image_undecodable\"");
    g_assert_cmpuint(json_array_size(json_object_get(job, "stages")), ==, 1);
    json_decref(job);
}

static void
shows_what_is_left(void)
{
    OrfJobView view = { .row = { .id = (char *)ID }, .eta_p50 = -1 };
    json_t *job = shown(&view);
    expect(job, "parameters", "{}");
    expect(job, "seed", "null");
    expect(job, "stages", "[]");
    json_decref(job);
}

static void
times(void)
{
    static const struct {
        int64_t time;
        const char *text;
    } cases[] = {
        { 0, "1970-01-01T00:00:00.000Z" },
        { 951782399999999, "2000-02-28T23:59:59.999Z" },
        { 951782400000000, "2000-02-29T00:00:00.000Z" },
        { 1735689599000000, "2024-12-31T23:59:59.000Z" },
        { 4102444800000000, "2100-01-01T00:00:00.000Z" },
    };
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        char text[ORF_TIME_SIZE];
        orf_time_text(cases[i].time, text);
        g_assert_cmpstr(text, ==, cases[i].text);
    }
}

static void
names_files(void)
{
    static const struct {
        const char *name, *stem;
    } cases[] = {
        { "cup.jpg", "cup" },    { "../../etc/passwd", "passwd" },
        { "a.tar.gz", "a.tar" }, { "Tässchen.png", "Tässchen" },
        { ".jpg", ".jpg" },      { "a\"b\nc.png", "a_b_c" },
    };
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(OrfJobRequest) request = request_of(cases[i].name);
        OrfJobView view = { .row = { .id = (char *)ID, .request = request } };
        g_autofree char *stem = orf_job_stem(&view);
        g_assert_cmpstr(stem, ==, cases[i].stem);
    }
    OrfJobView view = { .row = { .id = (char *)"job_123456789" } };
    g_autofree char *stem = orf_job_stem(&view);
    g_assert_cmpstr(stem, ==, "orfeas-23456789");
}

static json_t *
event_json(const OrfJobEvent *event, const char *job, bool named)
{
    g_autoptr(GString) out = g_string_new(NULL);
    orf_event_json(out, ID, event, job, named);
    json_t *object = json_loads(out->str, JSON_REJECT_DUPLICATES, NULL);
    g_assert_nonnull(object);
    return object;
}

static void
tells_events(void)
{
    json_t *progress = event_json(
        &(OrfJobEvent){ 4, "progress", 1748779200123456, 0.5, "make: medium: mesh", NULL },
        NULL, true);
    expect(progress, "event", "\"progress\"");
    expect(progress, "job", "\"" ID "\"");
    expect(progress, "seq", "4");
    expect(progress, "time", "\"2025-06-01T12:00:00.123Z\"");
    expect(progress, "stage", "\"medium\"");
    expect(progress, "step", "\"make: medium: mesh\"");
    expect(progress, "progress", "0.5");
    json_decref(progress);

    json_t *stage = event_json(&(OrfJobEvent){ 5, "stage", 1, .stage = &preview }, NULL, false);
    expect(stage, "stage", "\"preview\"");
    expect(stage, "url", "\"/api/v1/jobs/" ID "/stages/preview\"");
    expect(stage, "seconds", "0.08");
    expect(stage, "sha256", "\"" DIGEST "\"");
    g_assert_null(json_object_get(stage, "event"));
    json_decref(stage);

    json_t *done = event_json(&(OrfJobEvent){ 6, "done", 1 },
                              "{\"id\":\"" ID "\",\"status\":\"succeeded\"}", true);
    expect(done, "status", "\"succeeded\"");
    expect(done, "seq", "6");
    json_decref(done);
    json_t *log = event_json(&(OrfJobEvent){ 7, "log", 1, .text = "a \"remark\"" }, NULL, true);
    expect(log, "message", "\"a \\\"remark\\\"\"");
    json_decref(log);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/api/job-json/a-running-job-shows-what-is-known", shows_running);
    g_test_add_func("/api/job-json/a-job-that-succeeded-shows-its-result", shows_end);
    g_test_add_func("/api/job-json/a-job-that-failed-keeps-its-stages", shows_failure);
    g_test_add_func("/api/job-json/a-job-that-has-expired-shows-what-is-left",
                    shows_what_is_left);
    g_test_add_func("/api/job-json/times-are-rfc-3339-with-milliseconds", times);
    g_test_add_func("/api/job-json/files-are-named-after-the-picture", names_files);
    g_test_add_func("/api/job-json/events-carry-job-number-and-time", tells_events);
    return g_test_run();
}
