/* result_test.c - jobs as resources: polls, lists, downloads.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "api/jobs-stage_fixture.h"

#include <glib/gstdio.h>
#include <string.h>

typedef void (*TestFn)(JobsStage *stage);

static void
run_test(const void *data)
{
    JobsStage *stage = jobs_stage_start();
    (*(const TestFn *)data)(stage);
    jobs_stage_stop(stage);
}

static void
finished_job(JobsStage *stage)
{
    jobs_stage_add(stage, NULL);
    jobs_stage_finish(stage);
    jobs_stage_await(stage, "done");
}

static void
expect_header(const ApiAnswer *answer, const char *name, const char *value)
{
    g_autofree char *found = api_answer_header(answer, name);
    g_assert_cmpstr(found, ==, value);
}

static void
expect_problem(JobsStage *stage, const char *rest, const char *headers, int status,
               const char *code)
{
    g_auto(ApiAnswer) answer = jobs_get(stage, rest, headers);
    g_assert_cmpint(answer.status, ==, status);
    g_autofree char *found = api_answer_code(&answer);
    g_assert_cmpstr(found, ==, code);
}

/* --- Polls -------------------------------------------------------------------------------- */

static void
polls(JobsStage *stage)
{
    jobs_stage_add(stage, NULL);
    jobs_stage_tell_stage(stage, "preview", 0.25);
    jobs_stage_await(stage, "stage");
    g_auto(ApiAnswer) first = jobs_get(stage, "", "");
    g_assert_cmpint(first.status, ==, 200);
    g_autofree char *etag = api_answer_header(&first, "ETag");
    g_autofree char *after = api_answer_header(&first, "Retry-After");
    g_assert_true(g_str_has_prefix(etag, "W/\""));
    g_assert_nonnull(after);
    g_autofree char *condition = g_strdup_printf("If-None-Match: %s\r\n", etag);
    g_auto(ApiAnswer) same = jobs_get(stage, "", condition);
    g_assert_cmpint(same.status, ==, 304);
    g_assert_cmpuint(same.size, ==, 0);
    expect_header(&same, "ETag", etag);

    jobs_stage_finish(stage);
    jobs_stage_await(stage, "done");
    g_auto(ApiAnswer) other = jobs_get(stage, "", condition);
    g_assert_cmpint(other.status, ==, 200);
    expect_header(&other, "Retry-After", NULL);
    json_t *job = api_answer_json(&other);
    g_assert_cmpstr(json_string_value(json_object_get(job, "status")), ==, "succeeded");
    g_assert_cmpuint(json_array_size(json_object_get(job, "stages")), ==, 4);
    json_decref(job);
}

static void
polls_after_restart(JobsStage *stage)
{
    finished_job(stage);
    g_auto(ApiAnswer) before = jobs_get(stage, "", "");
    g_autofree char *etag = api_answer_header(&before, "ETag");
    jobs_stage_restart(stage);
    g_autofree char *condition = g_strdup_printf("If-None-Match: %s\r\n", etag);
    g_auto(ApiAnswer) after = jobs_get(stage, "", condition);
    g_assert_cmpint(after.status, ==,
                    200); /* versions begin again: another tag, never a wrong 304 */
    g_assert_cmpstr(after.body, ==, before.body);
    g_autofree char *fresh = api_answer_header(&after, "ETag");
    g_autofree char *again = g_strdup_printf("If-None-Match: %s\r\n", fresh);
    g_auto(ApiAnswer) same = jobs_get(stage, "", again);
    g_assert_cmpint(same.status, ==, 304);
}

static void
waits(JobsStage *stage)
{
    jobs_stage_add(stage, NULL);
    int fd = jobs_open(stage, "", "Prefer: wait=30\r\nConnection: close\r\n");
    jobs_stage_finish(stage);
    g_autofree char *reply = client_read_all(fd, NULL);
    g_assert_nonnull(strstr(reply, "Preference-Applied: wait=30"));
    g_assert_nonnull(strstr(reply, "\"status\":\"succeeded\""));
    client_reset(fd);
    jobs_stage_add(stage, NULL);
    int left = jobs_open(stage, "", "Prefer: wait=30\r\n");
    client_reset(left);
    jobs_stage_finish(stage);
    jobs_stage_await(stage, "done");
}

/* --- Lists -------------------------------------------------------------------------------- */

static void
lists(JobsStage *stage)
{
    for (size_t i = 0; i < 5; i++)
        jobs_stage_add(stage, NULL);
    g_autofree char *target = g_strdup("/api/v1/jobs?limit=2&status=");
    size_t n = 0, pages = 0;
    g_autofree char *previous = NULL;
    while (target) {
        g_auto(ApiAnswer) answer = api_get(stage->api, target);
        g_assert_cmpint(answer.status, ==, 200);
        json_t *page = api_answer_json(&answer), *jobs = json_object_get(page, "jobs");
        for (size_t i = 0; i < json_array_size(jobs); i++, n++) {
            const char *id = json_string_value(json_object_get(json_array_get(jobs, i), "id"));
            g_assert_cmpstr(id, !=, previous);
            g_assert_true(!previous || strcmp(id, previous) < 0);
            g_free(previous);
            previous = g_strdup(id);
        }
        g_free(target);
        target = g_strdup(
            json_string_value(json_object_get(json_object_get(page, "links"), "next")));
        json_decref(page);
        pages++;
    }
    g_assert_cmpuint(n, ==, 5);
    g_assert_cmpuint(pages, ==, 3);
    g_auto(ApiAnswer) none = api_get(stage->api, "/api/v1/jobs?status=failed");
    g_assert_nonnull(strstr(none.body, "\"jobs\":[]"));
    g_auto(ApiAnswer) wrong = api_get(stage->api, "/api/v1/jobs?status=lost");
    g_assert_cmpint(wrong.status, ==, 422);
}

static void
cancels_and_deletes(JobsStage *stage)
{
    jobs_stage_add(stage, NULL);
    jobs_stage_tell_stage(stage, "preview", 0.25);
    jobs_stage_await(stage, "stage");
    g_autofree char *target = g_strconcat(stage->job, "/cancel", NULL);
    for (size_t i = 0; i < 2; i++) {
        g_auto(ApiAnswer) answer = api_ask(stage->api, "POST", target, "", "");
        g_assert_cmpint(answer.status, ==, 200);
        jobs_stage_await(stage, "error");
    }
    g_auto(ApiAnswer) job = jobs_get(stage, "", "");
    g_assert_nonnull(strstr(job.body, "\"canceled\""));
    expect_problem(stage, "/result", "", 409, "no_result");
    g_auto(ApiAnswer) stays = jobs_get(stage, "/stages/preview", "");
    g_assert_cmpint(stays.status, ==, 200);

    g_auto(ApiAnswer) deleted = api_ask(stage->api, "DELETE", stage->job, "", NULL);
    g_assert_cmpint(deleted.status, ==, 204);
    expect_problem(stage, "", "", 404, "not_found");
    expect_problem(stage, "/stages/preview", "", 404, "not_found");
    g_auto(ApiAnswer) again = api_ask(stage->api, "DELETE", stage->job, "", NULL);
    g_assert_cmpint(again.status, ==, 404);
}

/* --- Downloads ---------------------------------------------------------------------------- */

static void
downloads(JobsStage *stage)
{
    finished_job(stage);
    g_auto(ApiAnswer) whole = jobs_get(stage, "/result", "");
    g_assert_cmpint(whole.status, ==, 200);
    g_assert_cmpuint(whole.size, ==, stage->glb_size);
    char digest[ORF_DIGEST_SIZE];
    orf_digest(whole.body, whole.size, digest);
    g_assert_cmpstr(digest, ==, stage->glb);
    g_autofree char *etag = g_strdup_printf("\"sha256-%s\"", digest);
    g_autofree char *content = orf_content_digest(digest);
    expect_header(&whole, "ETag", etag);
    expect_header(&whole, "Content-Type", "model/gltf-binary");
    expect_header(&whole, "Content-Digest", content);
    expect_header(&whole, "Accept-Ranges", "bytes");
    expect_header(&whole, "Content-Disposition",
                  "attachment; filename=\"my cup.glb\"; filename*=UTF-8''my%20cup.glb");

    g_autofree char *head_target = g_strconcat(stage->job, "/result", NULL);
    g_auto(ApiAnswer) head = api_ask(stage->api, "HEAD", head_target, "", NULL);
    g_autofree char *length = g_strdup_printf("%zu", stage->glb_size);
    g_assert_cmpint(head.status, ==, 200);
    g_assert_cmpuint(head.size, ==, 0);
    expect_header(&head, "Content-Length", length);

    g_autofree char *condition = g_strdup_printf("If-None-Match: \"x\", %s\r\n", etag);
    g_auto(ApiAnswer) same = jobs_get(stage, "/result", condition);
    g_assert_cmpint(same.status, ==, 304);
    expect_problem(stage, "/result", "If-Match: \"x\"\r\n", 412, "precondition_failed");
}

static void
ranges(JobsStage *stage)
{
    finished_job(stage);
    g_auto(ApiAnswer) whole = jobs_get(stage, "/result", "");
    static const struct {
        const char *headers;
        int status;
        size_t first, length;
    } cases[] = {
        { "Range: bytes=0-3\r\n", 206, 0, 4 },
        { "Range: bytes=8-\r\n", 206, 8, 0 },
        { "Range: bytes=-4\r\n", 206, 0, 4 },
        { "Range: bytes=0-1,4-5\r\n", 200, 0, 0 },
        { "Range: bytes=0-3\r\nIf-Range: \"other\"\r\n", 200, 0, 0 },
        { "Range: bytes=0-3\r\nIf-Range: Sat, 01 Jan 2022 00:00:00 GMT\r\n", 200, 0, 0 },
    };
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_auto(ApiAnswer) part = jobs_get(stage, "/stages/finished", cases[i].headers);
        bool last = strstr(cases[i].headers, "=-4") != NULL;
        size_t first = last ? whole.size - 4 : cases[i].first;
        size_t length = cases[i].length ? cases[i].length : whole.size - first;
        g_assert_cmpint(part.status, ==, cases[i].status);
        jobs_expect_body(&part, whole.body + first, length);
        g_autofree char *range =
            g_strdup_printf("bytes %zu-%zu/%zu", first, first + length - 1, whole.size);
        expect_header(&part, "Content-Range", part.status == 206 ? range : NULL);
    }
    expect_problem(stage, "/result", "Range: bytes=999999-\r\n", 416, "range_not_satisfiable");
    g_autofree char *etag = api_answer_header(&whole, "ETag");
    g_autofree char *resume = g_strdup_printf("Range: bytes=4-\r\nIf-Range: %s\r\n", etag);
    g_auto(ApiAnswer) rest = jobs_get(stage, "/result", resume);
    g_assert_cmpint(rest.status, ==, 206);
}

/* What was made of the result by "convert", under the digest of that order. */
static bool
find_derived(const JobsStage *stage, const char *format, OrfDerived *ret)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(OrfOrder) order = orf_order_new("convert", &error);
    g_assert_true(orf_order_set(order, "format", format, &error));
    g_assert_true(
        orf_order_add(order, &(OrfInput){ .name = "x", .digest = stage->glb }, &error));
    g_autofree char *key = orf_order_digest(NULL, order);
    return orf_blob_get_derived(stage->store, stage->glb, key, ret);
}

static void
other_formats(JobsStage *stage)
{
    static const char *const formats[][3] = { { "stl", "model/stl", "cup.stl" },
                                              { "ply", NULL, "cup.ply" },
                                              { "3mf", "model/3mf", "cup.3mf" },
                                              { "obj", "application/zip", "cup.zip" } };
    finished_job(stage);
    for (size_t i = 0; i < G_N_ELEMENTS(formats); i++) {
        g_autofree char *rest = g_strdup_printf("/result?format=%s", formats[i][0]);
        g_auto(ApiAnswer) one = jobs_get(stage, rest, "");
        g_auto(ApiAnswer) two = jobs_get(stage, rest, "");
        g_assert_cmpint(one.status, ==, 200);
        jobs_expect_body(&one, two.body, two.size);
        g_autofree char *name = api_answer_header(&one, "Content-Disposition");
        g_assert_nonnull(strstr(name, formats[i][2]));
        if (formats[i][1])
            expect_header(&one, "Content-Type", formats[i][1]);
        OrfDerived derived;
        g_assert_true(find_derived(stage, formats[i][0], &derived));
        g_assert_cmpstr(derived.extension, ==, strrchr(formats[i][2], '.') + 1);
    }
    expect_problem(stage, "/result?format=fbx", "", 422, "invalid_params");
}

/* What was made of a result stays while the job stays, and goes with it. */
static void
derived_lives_with_its_source(JobsStage *stage)
{
    g_autoptr(GError) error = NULL;
    OrfDerived derived;
    finished_job(stage);
    g_auto(ApiAnswer) stl = jobs_get(stage, "/result?format=stl", "");
    g_assert_true(find_derived(stage, "stl", &derived));
    orf_blob_sweep(stage->store, g_get_real_time() + G_USEC_PER_SEC, &error);
    g_assert_no_error(error);
    g_assert_true(orf_blob_has(stage->store, derived.digest));
    g_auto(ApiAnswer) deleted = api_ask(stage->api, "DELETE", stage->job, "", NULL);
    orf_blob_sweep(stage->store, g_get_real_time() + G_USEC_PER_SEC, &error);
    g_assert_no_error(error);
    g_assert_false(orf_blob_has(stage->store, derived.digest));
    g_assert_false(orf_blob_has(stage->store, stage->glb));
    g_assert_false(find_derived(stage, "stl", &derived));
}

static void
not_ready(JobsStage *stage)
{
    jobs_stage_add(stage, NULL);
    expect_problem(stage, "/result", "", 409, "not_ready");
    expect_problem(stage, "/stages/preview", "", 409, "not_ready");
    expect_problem(stage, "/view", "", 409, "not_ready");
    expect_problem(stage, "/stages/nonsense", "", 404, "not_found");
    g_auto(ApiAnswer) answer = jobs_get(stage, "/result", "");
    g_autofree char *after = api_answer_header(&answer, "Retry-After");
    g_assert_nonnull(after);
    jobs_stage_tell_stage(stage, "preview", 0.25);
    jobs_stage_await(stage, "stage");
    g_auto(ApiAnswer) preview = jobs_get(stage, "/stages/preview", "");
    g_assert_cmpint(preview.status, ==, 200);
    expect_problem(stage, "/stages/medium", "", 409, "not_ready");
    jobs_stage_fail(stage);
    jobs_stage_await(stage, "error");
    expect_problem(stage, "/stages/medium", "", 409, "no_result");
    g_auto(ApiAnswer) failed = jobs_get(stage, "/result", "");
    g_assert_nonnull(strstr(failed.body, "the picture is empty"));
}

static void
is_seen(JobsStage *stage)
{
    finished_job(stage);
    g_auto(ApiAnswer) view = jobs_get(stage, "/view?width=256", "");
    g_assert_cmpint(view.status, ==, 200);
    expect_header(&view, "Content-Type", "image/png");
    g_assert_cmpmem(view.body, 4, "\211PNG", 4);
    expect_problem(stage, "/view?width=9", "", 422, "invalid_params");
}

/* Whoever asks for many widths gets few files, and none when the disk is almost full. */
static void
fills_no_disk(JobsStage *stage)
{
    finished_job(stage);
    g_auto(ApiAnswer) odd = jobs_get(stage, "/view?width=257", "");
    g_auto(ApiAnswer) even = jobs_get(stage, "/view?width=512", "");
    g_autofree char *first = api_answer_header(&odd, "ETag"),
                    *second = api_answer_header(&even, "ETag");
    g_assert_cmpstr(first, ==, second);
    orf_api_set_disk(stage->api->api, 1);
    expect_problem(stage, "/view?width=2048", "", 503, "storage_unavailable");
    expect_problem(stage, "/result?format=stl", "", 503, "storage_unavailable");
    g_auto(ApiAnswer) made = jobs_get(stage, "/view?width=300", "");
    g_assert_cmpint(made.status, ==, 200);
    g_auto(ApiAnswer) kept = jobs_get(stage, "/result", "");
    g_assert_cmpint(kept.status, ==, 200);
}

/* Files that the disk has lost are said to be gone. */
static void
lost_files(JobsStage *stage)
{
    finished_job(stage);
    g_autofree char *path = g_strdup_printf("%s/blobs/%.2s/%.2s/%s", stage->dir, stage->glb,
                                            stage->glb + 2, stage->glb);
    g_assert_cmpint(g_unlink(path), ==, 0);
    expect_problem(stage, "/result", "", 410, "job_expired");
    expect_problem(stage, "/result?format=stl", "", 410, "job_expired");
}

int
main(int argc, char **argv)
{
    static const struct {
        const char *name;
        TestFn test;
    } tests[] = {
        { "/api/jobs/a-poll-costs-304-until-something-changes", polls },
        { "/api/jobs/tags-of-an-earlier-process-are-never-taken", polls_after_restart },
        { "/api/jobs/prefer-wait-answers-when-the-job-is-over", waits },
        { "/api/jobs/lists-come-in-pages-newest-first", lists },
        { "/api/jobs/cancelled-and-deleted-jobs-are-so", cancels_and_deletes },
        { "/api/result/downloads-can-be-checked-and-kept", downloads },
        { "/api/result/ranges-resume-what-broke-off", ranges },
        { "/api/result/other-formats-are-made-once", other_formats },
        { "/api/result/what-was-made-goes-with-its-source", derived_lives_with_its_source },
        { "/api/result/what-is-not-there-yet-says-when", not_ready },
        { "/api/result/a-picture-shows-it", is_seen },
        { "/api/result/what-is-made-on-demand-cannot-fill-the-disk", fills_no_disk },
        { "/api/result/lost-files-are-gone-not-broken", lost_files },
    };
    g_test_init(&argc, &argv, NULL);
    for (size_t i = 0; i < G_N_ELEMENTS(tests); i++)
        g_test_add_data_func(tests[i].name, &tests[i].test, run_test);
    return g_test_run();
}
