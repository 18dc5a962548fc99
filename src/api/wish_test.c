/* SPDX-License-Identifier: Apache-2.0 */
#include "api/draft_test.h"
#include "api/stage_fixture.h"

#include <string.h>
#include <unistd.h>

/* --- A server with everything behind it --------------------------------------------------- */

typedef struct {
    Desk *desk;
    OrfMeter *meter;
    OrfDevices *devices;
    OrfRunner *runner;
    OrfQueue *queue;
    ApiStage *stage;
} House;

static House *
house_open(void)
{
    House *house = g_new0(House, 1);
    g_autoptr(GError) error = NULL;
    house->desk = desk_open();
    OrfStore *store = house->desk->api.options.store;
    house->meter = orf_meter_new();
    house->devices = orf_devices_new(&(OrfDevicesOptions){ 0 }, &error);
    g_assert_no_error(error);
    house->runner = orf_runner_new(store, house->meter, house->devices);
    house->queue = orf_queue_new(
        &(OrfQueueOptions){ .store = store, .work = orf_runner_work(house->runner, NULL) },
        &error);
    g_assert_no_error(error);
    house->stage = api_stage_start(&(OrfApiOptions){ .store = store,
                                                     .queue = house->queue,
                                                     .meter = house->meter,
                                                     .runner = house->runner,
                                                     .devices = house->devices });
    return house;
}

static void
house_close(House *house)
{
    orf_queue_drain(house->queue, g_get_monotonic_time() + 5 * G_USEC_PER_SEC);
    api_stage_stop(house->stage);
    orf_queue_free(house->queue);
    orf_runner_free(house->runner);
    orf_devices_free(house->devices);
    orf_meter_free(house->meter);
    desk_close(house->desk);
    g_free(house);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(House, house_close)

/* JSON with single quotes; $JPEG is a picture, $ID its digest. */
static char *
spelled(House *house, const char *json)
{
    GString *text = g_string_new(json);
    g_strdelimit(text->str, "'", '"');
    g_string_replace(text, "$JPEG", house->desk->jpeg, 0);
    g_string_replace(text, "$ID", house->desk->digest, 0);
    return g_string_free(text, FALSE);
}

static ApiAnswer
post(House *house, const char *path, const char *headers, const char *json)
{
    g_autofree char *body = spelled(house, json);
    g_autofree char *all = g_strconcat("Content-Type: application/json\r\n", headers, NULL);
    return api_ask(house->stage, "POST", path, all, body);
}

static const char *
text_of(const json_t *json, const char *name)
{
    return json_string_value(json_object_get(json, name));
}

/* The job after it is over. */
static json_t *
made(House *house, const char *path, const char *headers, const char *json)
{
    g_autofree char *all = g_strconcat("Prefer: wait=60\r\n", headers, NULL);
    g_auto(ApiAnswer) answer = post(house, path, all, json);
    if (answer.status != 200)
        g_error("%s: %d %s", json, answer.status, answer.body);
    json_t *job = api_answer_json(&answer);
    g_assert_cmpstr(text_of(job, "status"), ==, "succeeded");
    return job;
}

static char *
last_digest(const json_t *job)
{
    const json_t *stages = json_object_get(job, "stages");
    return g_strdup(text_of(json_array_get(stages, json_array_size(stages) - 1), "sha256"));
}

#define WISH "{'image_b64':'$JPEG','generator':'lithophane','quality':'draft'"

/* --- Runs --------------------------------------------------------------------------------- */

static void
four_stages(void)
{
    g_autoptr(House) house = house_open();
    json_t *job = made(house, "/api/v1/generate-3d", "", WISH "}");
    json_t *stages = json_object_get(job, "stages"), *each;
    size_t i;
    g_assert_cmpuint(json_array_size(stages), ==, 4);
    json_array_foreach(stages, i, each)
    {
        g_assert_cmpstr(text_of(each, "name"), ==, orf_stage_name((OrfStage)i));
        const char *url = text_of(each, "url");
        g_auto(ApiAnswer) glb = api_get(house->stage, url);
        g_assert_cmpint(glb.status, ==, 200);
        g_assert_cmpmem(glb.body, 4, "glTF", 4);
        g_assert_cmpint(json_integer_value(json_object_get(each, "bytes")), ==, glb.size);
        g_assert_cmpint(json_integer_value(json_object_get(each, "triangles")), >, 0);
    }
    g_assert_cmpstr(text_of(job, "generator"), ==, "lithophane");
    g_assert_cmpint(json_integer_value(json_object_get(job, "seed")), ==, 0);
    g_assert_true(json_is_true(json_object_get(json_object_get(job, "measures"), "solid")));
    g_assert_true(json_is_array(json_object_get(job, "warnings")));
    json_decref(job);
}

static void
preview_alone(void)
{
    g_autoptr(House) house = house_open();
    json_t *job = made(house, "/api/v1/generate", "", WISH ",'mode':'preview'}");
    g_assert_cmpuint(json_array_size(json_object_get(job, "stages")), ==, 1);
    json_decref(job);
}

static void
auto_says_why(void)
{
    g_autoptr(House) house = house_open();
    json_t *job = made(house, "/api/v1/generate", "", "{'image_b64':'$JPEG','mode':'preview'}");
    g_assert_cmpstr(text_of(job, "generator"), !=, "auto");
    g_assert_cmpstr(text_of(job, "reason"), !=, "");
    json_decref(job);
}

static void
failures_are_told(void)
{
    g_autoptr(House) house = house_open();
    g_auto(ApiAnswer) answer = post(house, "/api/v1/generate-3d", "Prefer: wait=60\r\n",
                                    "{'image_b64':'$JPEG','generator':'hull'}");
    json_t *job = api_answer_json(&answer);
    g_assert_cmpstr(text_of(job, "status"), ==, "failed");
    g_assert_cmpstr(text_of(json_object_get(job, "error"), "message"), !=, "");
    json_decref(job);
}

static unsigned
occurrences(const char *text, const char *what)
{
    unsigned n = 0;
    for (const char *at = text; (at = strstr(at, what)); at += strlen(what))
        n++;
    return n;
}

static void
stages_are_streamed(void)
{
    static const struct {
        const char *accept, *type, *stage, *done;
    } forms[] = { { "", "text/event-stream", "event: stage\n", "event: done\n" },
                  { "Accept: application/x-ndjson\r\n", "application/x-ndjson",
                    "\"event\":\"stage\"", "\"event\":\"done\"" } };
    for (size_t i = 0; i < G_N_ELEMENTS(forms); i++) {
        g_autoptr(House) house = house_open();
        g_auto(ApiAnswer) answer =
            post(house, "/api/v1/generate-progressive", forms[i].accept, WISH "}");
        g_autofree char *type = api_answer_header(&answer, "Content-Type");
        g_assert_true(g_str_has_prefix(type, forms[i].type));
        g_assert_cmpuint(occurrences(answer.body, forms[i].stage), ==, 4);
        g_assert_cmpuint(occurrences(answer.body, forms[i].done), ==, 1);
    }
}

static void
progressive_as_json(void)
{
    g_autoptr(House) house = house_open();
    g_auto(ApiAnswer) answer =
        post(house, "/api/v1/generate-progressive", "Accept: application/json\r\n", WISH "}");
    g_assert_cmpint(answer.status, ==, 202);
    g_autofree char *location = api_answer_header(&answer, "Location");
    g_assert_true(g_str_has_prefix(location, "/api/v1/jobs/job_"));
    g_auto(ApiAnswer) picky =
        post(house, "/api/v1/generate-progressive", "Accept: image/png\r\n", WISH "}");
    g_assert_cmpint(picky.status, ==, 406);
}

/* --- The same thing twice ----------------------------------------------------------------- */

static void
known_results(void)
{
    g_autoptr(House) house = house_open();
    json_t *first = made(house, "/api/v1/generate-3d", "", WISH "}");
    json_t *again = made(house, "/api/v1/generate-progressive", "Accept: application/json\r\n",
                         WISH ",'seed':0}");
    json_t *anew = made(house, "/api/v1/generate-3d", "Cache-Control: no-cache\r\n", WISH "}");
    g_autofree char *a = last_digest(first), *b = last_digest(again), *c = last_digest(anew);
    g_assert_true(json_is_true(json_object_get(again, "cached")));
    g_assert_false(json_is_true(json_object_get(anew, "cached")));
    g_assert_cmpstr(a, ==, b);
    g_assert_cmpstr(a, ==, c);
    g_assert_cmpstr(text_of(first, "recipe"), ==, text_of(again, "recipe"));
    json_decref(first);
    json_decref(again);
    json_decref(anew);
}

static void
replay(void)
{
    g_autoptr(House) house = house_open();
    json_t *first =
        made(house, "/api/v1/generate-3d", "", WISH ",'mode':'preview','seed':'random'}");
    g_autofree char *path = g_strdup_printf("/api/v1/jobs/%s/replay", text_of(first, "id"));
    g_auto(ApiAnswer) answer = api_ask(house->stage, "POST", path, "", "");
    g_assert_cmpint(answer.status, ==, 202);
    json_t *second = api_answer_json(&answer);
    g_assert_cmpstr(text_of(second, "id"), !=, text_of(first, "id"));
    g_assert_false(json_is_true(json_object_get(second, "cached")));
    g_assert_cmpint(json_integer_value(json_object_get(second, "seed")), ==,
                    json_integer_value(json_object_get(first, "seed")));
    g_assert_cmpstr(text_of(first, "recipe"), ==, text_of(second, "recipe"));
    json_decref(first);
    json_decref(second);
    g_auto(ApiAnswer) nothing =
        api_ask(house->stage, "POST", "/api/v1/jobs/job_0/replay", "", "");
    g_assert_cmpint(nothing.status, ==, 404);
}

static void
idempotency(void)
{
    g_autoptr(House) house = house_open();
    const char *key = "Idempotency-Key: \"k-1\"\r\n";
    g_auto(ApiAnswer) a = post(house, "/api/v1/generate-3d", key, WISH ",'seed':'random'}");
    g_auto(ApiAnswer) b = post(house, "/api/v1/generate-3d", "Idempotency-Key: k-1\r\n",
                               WISH ",'seed':'random'}");
    json_t *first = api_answer_json(&a), *second = api_answer_json(&b);
    g_assert_cmpstr(text_of(first, "id"), ==, text_of(second, "id"));
    g_autofree char *none = api_answer_header(&a, "Idempotency-Replayed");
    g_autofree char *told = api_answer_header(&b, "Idempotency-Replayed");
    g_assert_null(none);
    g_assert_cmpstr(told, ==, "true");
    g_auto(ApiAnswer) other = post(house, "/api/v1/generate-3d", key, WISH ",'seed':1}");
    g_autofree char *code = api_answer_code(&other);
    g_assert_cmpint(other.status, ==, 422);
    g_assert_cmpstr(code, ==, "idempotency_conflict");
    g_auto(ApiAnswer) bad =
        post(house, "/api/v1/generate-3d", "Idempotency-Key: a b\r\n", WISH "}");
    g_assert_cmpint(bad.status, ==, 422);
    json_decref(first);
    json_decref(second);
}

static void
webhooks_are_off(void)
{
    g_autoptr(House) house = house_open();
    g_auto(ApiAnswer) answer =
        post(house, "/api/v1/generate-3d", "", WISH ",'webhook':'https://a.example'}");
    g_assert_cmpint(answer.status, ==, 422);
    g_assert_nonnull(strstr(answer.body, "\"pointer\":\"#/webhook\""));
}

/* More of a kind than there are cores, all at once. */
static void
many_at_once(void)
{
    enum { MANY = 12 };
    g_autoptr(House) house = house_open();
    char *ids[MANY];
    for (int i = 0; i < MANY; i++) {
        g_autofree char *json =
            g_strdup_printf(WISH ",'mode':'preview','seed':%d,'client_gone':'keep'}", i);
        g_auto(ApiAnswer) answer = post(house, "/api/v1/generate", "", json);
        g_assert_cmpint(answer.status, ==, 202);
        json_t *job = api_answer_json(&answer);
        ids[i] = g_strdup(text_of(job, "id"));
        json_decref(job);
    }
    for (int i = 0; i < MANY; i++) {
        g_autofree char *path = g_strdup_printf("/api/v1/jobs/%s/events", ids[i]);
        g_auto(ApiAnswer) events = api_get(house->stage, path); /* ends with the job */
        g_assert_nonnull(strstr(events.body, "event: done"));
        g_free(ids[i]);
    }
}

static void
trial(void)
{
    g_autoptr(House) house = house_open();
    g_auto(ApiAnswer) answer =
        post(house, "/api/v1/generate-3d?dry_run=true", "", WISH ",'size':'5cm'}");
    g_assert_cmpint(answer.status, ==, 200);
    json_t *json = api_answer_json(&answer);
    const json_t *request = json_object_get(json, "request");
    g_assert_cmpint(
        json_integer_value(json_object_get(json_object_get(request, "parameters"), "size")), ==,
        50);
    g_assert_cmpint(json_integer_value(json_object_get(json, "memory_bytes")), >, 1 << 20);
    json_decref(json);
    OrfQueueStats stats;
    orf_queue_stats(house->queue, NULL, &stats);
    g_assert_cmpuint(stats.queued[0] + stats.queued[1] + stats.queued[2] + stats.running, ==,
                     0);
}

/* --- Forms -------------------------------------------------------------------------------- */

#define PART(name, more)                                                                       \
    "--XX\r\nContent-Disposition: form-data; name=\"" name "\"" more "\r\n\r\n"

/* $FILE is the picture's bytes. Sent in small pieces when `slowly`. */
static ApiAnswer
post_form(House *house, const char *path, const char *form, bool slowly)
{
    g_autoptr(GString) body = g_string_new(NULL);
    gsize size;
    g_autofree guchar *jpeg = g_base64_decode(house->desk->jpeg, &size);
    const char *rest = form, *at;
    while ((at = strstr(rest, "$FILE"))) {
        g_string_append_len(body, rest, at - rest);
        g_string_append_len(body, (const char *)jpeg, (gssize)size);
        rest = at + strlen("$FILE");
    }
    g_string_append(body, rest);
    g_autofree char *head = g_strdup_printf(
        "POST %s HTTP/1.1\r\nHost: 127.0.0.1:%u\r\nConnection: close\r\nContent-Type: "
        "multipart/form-data; boundary=XX\r\nContent-Length: %zu\r\n\r\n",
        path, house->stage->port, body->len);
    int fd = client_connect(house->stage->port);
    client_send_bytes(fd, head, strlen(head));
    size_t piece = slowly ? 777 : body->len;
    for (size_t i = 0; i < body->len; i += piece)
        client_send_bytes(fd, body->str + i, MIN(piece, body->len - i));
    size_t all_size;
    g_autofree char *all = client_read_all(fd, &all_size);
    close(fd);
    char *end = strstr(all, "\r\n\r\n");
    g_assert_nonnull(end);
    ApiAnswer answer = { .head = g_strndup(all, (size_t)(end - all)) };
    answer.size = all_size - (size_t)(end + 4 - all);
    answer.body = g_memdup2(end + 4, answer.size + 1);
    answer.status = (int)g_ascii_strtoll(all + strlen("HTTP/1.1 "), NULL, 10);
    return answer;
}

static void
good_form(void)
{
    g_autoptr(House) house = house_open();
    for (int slowly = 0; slowly < 2; slowly++) {
        g_auto(ApiAnswer) answer = post_form(
            house, "/api/v1/generate-3d?dry_run=1",
            PART("front", "; filename=\"a.jpg\"") "$FILE\r\n" PART(
                "images",
                "; "
                "filename="
                "\"b."
                "jpg\"") "$FILE\r\n" PART("mask",
                                          "; filename=m") "$FILE\r\n" PART("params",
                                                                           "") "{\"resolution\""
                                                                               ":64,\"wall\":"
                                                                               "\"2mm\"}"
                                                                               "\r\n" PART(
                                                                                   "generator",
                                                                                   "") "hull\r"
                                                                                       "\n"
                                                                                       "--XX--"
                                                                                       "\r\n",
            slowly);
        json_t *json = api_answer_json(&answer);
        const json_t *request = json_object_get(json, "request");
        const json_t *pictures = json_object_get(request, "pictures");
        g_assert_cmpuint(json_array_size(pictures), ==, 2);
        g_assert_cmpstr(text_of(json_array_get(pictures, 0), "sha256"), ==,
                        house->desk->digest);
        g_assert_cmpstr(text_of(json_array_get(pictures, 1), "name"), ==, "b.jpg");
        g_assert_true(json_is_object(json_object_get(request, "mask")));
        g_assert_cmpstr(text_of(json, "kind"), ==, "generate/hull");
        json_decref(json);
    }
}

typedef struct {
    const char *name, *form, *code, *detail;
} BadForm;

static const BadForm bad_forms[] = {
    { "a-URL", PART("image_url", "") "http://x/\r\n--XX--\r\n", "invalid_params",
      "fetches nothing" },
    { "an-unknown-file", PART("file", "; filename=a.jpg") "$FILE\r\n--XX--\r\n",
      "invalid_params", "send a picture as" },
    { "an-empty-picture", PART("image", "; filename=a.jpg") "\r\n--XX--\r\n",
      "image_undecodable", "empty" },
    { "a-text-as-picture", PART("image", "; filename=a.jpg") "hello\r\n--XX--\r\n",
      "unsupported_media_type", "a.jpg: not a picture" },
    { "a-PDF", PART("image", "; filename=a.pdf") "%PDF-1.7 and more\r\n",
      "unsupported_media_type", "a.pdf: this is a PDF document" },
    { "params-that-are-no-JSON", PART("params", "") "{size\r\n--XX--\r\n", "invalid_params",
      "no JSON object" },
    { "a-body-cut-short", PART("image", "; filename=a.jpg") "$FILE", "invalid_multipart",
      "ends before" },
    { "a-value-with-a-zero-byte", PART("size", "") "\x01\r\n--XX--\r\n", "invalid_params", "" },
    { "an-unknown-field", PART("siez", "") "1\r\n--XX--\r\n", "invalid_params",
      "did you mean" },
};

static void
bad_form(const void *data)
{
    const BadForm *it = data;
    g_autoptr(House) house = house_open();
    g_auto(ApiAnswer) answer = post_form(house, "/api/v1/generate-3d", it->form, false);
    g_autofree char *code = api_answer_code(&answer);
    g_assert_cmpstr(code, ==, it->code);
    g_assert_nonnull(strstr(answer.body, it->detail));
}

static void
other_bodies(void)
{
    g_autoptr(House) house = house_open();
    g_auto(ApiAnswer) text = api_ask(house->stage, "POST", "/api/v1/generate-3d",
                                     "Content-Type: text/plain\r\n", "x");
    g_assert_cmpint(text.status, ==, 415);
    g_auto(ApiAnswer) list = post(house, "/api/v1/generate-3d", "", "[]");
    g_assert_cmpint(list.status, ==, 400);
    g_auto(ApiAnswer) twice = post(house, "/api/v1/generate-3d", "", "{'size':1,'size':2}");
    g_assert_cmpint(twice.status, ==, 400);
}

/* --- Uploads ------------------------------------------------------------------------------ */

static void
uploads(void)
{
    g_autoptr(House) house = house_open();
    g_autofree char *path = g_strconcat("/api/v1/uploads/", house->desk->digest, NULL);
    g_auto(ApiAnswer) before = api_get(house->stage, path);
    g_assert_cmpint(before.status, ==, 404);
    g_auto(ApiAnswer) unknown =
        post(house, "/api/v1/generate-3d?dry_run=1", "", "{'upload_id':'$ID'}");
    g_assert_cmpint(unknown.status, ==, 422);
    g_auto(ApiAnswer) sent =
        post_form(house, "/api/v1/uploads",
                  PART("image", "; filename=cup.jpg") "$FILE\r\n--XX--\r\n", false);
    g_assert_cmpint(sent.status, ==, 201);
    json_t *json = api_answer_json(&sent);
    g_assert_cmpstr(text_of(json, "id"), ==, house->desk->digest);
    g_assert_cmpstr(text_of(json, "name"), ==, "cup.jpg");
    g_assert_cmpint(json_integer_value(json_object_get(json, "width")), ==, 600);
    json_decref(json);
    g_auto(ApiAnswer) head = api_ask(house->stage, "HEAD", path, "", NULL);
    g_assert_cmpint(head.status, ==, 200);
    g_auto(ApiAnswer) used = post(house, "/api/v1/generate-3d?dry_run=1", "",
                                  "{'images':[{'upload_id':'$ID','view':'left'}]}");
    g_assert_cmpint(used.status, ==, 200);
}

static void
raw_uploads(void)
{
    g_autoptr(House) house = house_open();
    const char *svg = "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"9\" height=\"7\"/>";
    g_auto(ApiAnswer) sent = api_ask(house->stage, "POST", "/api/v1/uploads",
                                     "Content-Type: image/svg+xml\r\n", svg);
    g_assert_cmpint(sent.status, ==, 201);
    json_t *json = api_answer_json(&sent);
    g_assert_cmpstr(text_of(json, "format"), ==, "svg");
    json_decref(json);
    g_auto(ApiAnswer) pdf = api_ask(house->stage, "POST", "/api/v1/uploads",
                                    "Content-Type: application/octet-stream\r\n", "%PDF-1.7");
    g_assert_cmpint(pdf.status, ==, 415);
    g_auto(ApiAnswer) none =
        post_form(house, "/api/v1/uploads", PART("size", "") "1\r\n--XX--\r\n", false);
    g_assert_cmpint(none.status, ==, 422);
}

/* --- Clients of Hunyuan3D ----------------------------------------------------------------- */

static void
hunyuan_files(void)
{
    static const struct {
        const char *json, *begins;
    } cases[] = {
        { "{'remove_background':false,'octree_resolution':128,'image':'$JPEG'}", "glTF" },
        { "{'remove_background':false,'octree_resolution':128,'image':'data:image/"
          "jpeg;base64,$JPEG','texture':true,'mesh':null}",
          "glTF" },
        { "{'remove_background':false,'octree_resolution':128,'image':'$JPEG','type':'obj'}",
          "#" },
        { "{'remove_background':false,'octree_resolution':128,'image':'$JPEG','type':'ply'}",
          "ply" },
        { "{'remove_background':false,'octree_resolution':128,'image':'$JPEG','num_inference_"
          "steps':20,'guidance_scale':5.5,'box_v':1.01}",
          "glTF" },
    };
    g_autoptr(House) house = house_open();
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_auto(ApiAnswer) answer = post(house, "/generate", "", cases[i].json);
        if (answer.status != 200 ||
            memcmp(answer.body, cases[i].begins, strlen(cases[i].begins)) != 0)
            g_error("%s: %d %.300s", cases[i].json, answer.status, answer.body);
    }
    g_auto(ApiAnswer) whole = post(
        house, "/generate", "",
        "{'remove_background':false,'octree_resolution':128,'image':'$JPEG','type':'stl'}");
    g_auto(ApiAnswer) few = post(house, "/generate", "",
                                 "{'remove_background':false,'octree_resolution':128,'image':'$"
                                 "JPEG','type':'stl','face_count':1000}");
    g_assert_cmpint(few.status, ==, 200);
    g_assert_cmpuint(few.size, <=, 84 + 50 * 1100);
    g_assert_cmpuint(few.size, <, whole.size);
}

static void
hunyuan_status(void)
{
    g_autoptr(House) house = house_open();
    g_auto(ApiAnswer) sent =
        post(house, "/send", "",
             "{'remove_background':false,'octree_resolution':128,'image':'$JPEG'}");
    g_assert_cmpint(sent.status, ==, 200);
    json_t *json = api_answer_json(&sent);
    g_autofree char *wait = g_strdup_printf("/api/v1/jobs/%s/events", text_of(json, "uid"));
    g_auto(ApiAnswer) events = api_get(house->stage, wait); /* ends with the job */
    g_autofree char *path = g_strconcat("/status/", text_of(json, "uid"), NULL);
    g_auto(ApiAnswer) answer = api_get(house->stage, path);
    json_t *told = api_answer_json(&answer);
    g_assert_cmpstr(text_of(told, "status"), ==, "completed");
    g_assert_true(g_str_has_prefix(text_of(told, "model_base64"), "Z2xURg"));
    json_decref(told);
    json_decref(json);
}

typedef struct {
    const char *name, *path, *json, *detail;
    int status;
} Refused;

static const Refused refused[] = {
    { "no-image", "/generate", "{}", "send \\\"image\\\"", 422 },
    { "a-text", "/send", "{'text':'a cat'}", "description", 422 },
    { "a-mesh", "/generate",
      "{'remove_background':false,'octree_resolution':128,'image':'$JPEG','mesh':'Z2xURg=='}",
      "textured", 422 },
    { "a-range", "/send",
      "{'remove_background':false,'image':'$JPEG','octree_resolution':4096}", "16 to 512",
      422 },
    { "a-type", "/send",
      "{'remove_background':false,'octree_resolution':128,'image':'$JPEG','type':'fbx'}",
      "is not one of glb, ", 422 },
    { "a-picture", "/generate", "{'image':'aGVsbG8gd29ybGQ='}", "not a picture", 415 },
    { "no-json", "/generate", "[", "JSON", 400 },
};

static void
hunyuan_refuses(const void *data)
{
    const Refused *it = data;
    g_autoptr(House) house = house_open();
    g_auto(ApiAnswer) answer = post(house, it->path, "", it->json);
    g_assert_cmpint(answer.status, ==, it->status);
    json_t *json = api_answer_json(&answer);
    g_assert_cmpint(json_integer_value(json_object_get(json, "error_code")), ==, 1);
    g_assert_nonnull(text_of(json, "text"));
    g_assert_nonnull(text_of(json, "code"));
    json_decref(json);
    if (!strstr(answer.body, it->detail))
        g_error("%s", answer.body);
}

static void
hunyuan_failures(void)
{
    g_autoptr(House) house = house_open();
    g_auto(ApiAnswer) unknown = api_get(house->stage, "/status/nobody");
    g_assert_cmpint(unknown.status, ==, 404);
    g_auto(ApiAnswer) sent =
        post(house, "/send", "",
             "{'remove_background':false,'octree_resolution':128,'image':'$JPEG'}");
    json_t *json = api_answer_json(&sent);
    g_autoptr(GError) error = NULL;
    orf_queue_cancel(house->queue, "local", text_of(json, "uid"), &error);
    g_assert_no_error(error);
    g_autofree char *path = g_strconcat("/status/", text_of(json, "uid"), NULL);
    g_auto(ApiAnswer) answer = api_get(house->stage, path);
    json_t *told = api_answer_json(&answer);
    g_assert_cmpstr(text_of(told, "status"), ==, "failed");
    json_decref(told);
    json_decref(json);
}

/* --- The runner's share of the machine ---------------------------------------------------- */

static void
metrics(void)
{
    g_autoptr(House) house = house_open();
    json_decref(made(house, "/api/v1/generate", "", WISH ",'mode':'preview'}"));
    g_autofree char *text = orf_meter_text(house->meter, false);
    static const char *const lines[] = {
        "orfeas_jobs_total{operation=\"generate\",generator=\"lithophane\",outcome=\"succeeded\",reason=\"\"} 1",
        "orfeas_stage_duration_seconds_count{stage=\"preview\",operation=\"generate\",generator=\"lithophane\"} 1",
        "orfeas_first_preview_seconds_count 1",
        "orfeas_queue_wait_seconds_count 1",
        "orfeas_batch_size_count 1",
    };
    for (size_t i = 0; i < G_N_ELEMENTS(lines); i++)
        if (!strstr(text, lines[i]))
            g_error("%s is not in\n%s", lines[i], text);
    g_autofree char *profile = orf_profile_json(house->meter);
    g_assert_nonnull(strstr(profile, "generate/lithophane/draft/preview"));
    g_assert_nonnull(strstr(profile, "save"));
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    /* libvips warns when a cancelled job stops its decoder. */
    g_log_set_always_fatal(G_LOG_FATAL_MASK | G_LOG_LEVEL_CRITICAL);
    g_test_add_func("/api/wish/makes-four-stages-that-can-be-fetched", four_stages);
    g_test_add_func("/api/wish/mode-preview-stops-after-the-first-stage", preview_alone);
    g_test_add_func("/api/wish/auto-says-what-it-chose-and-why", auto_says_why);
    g_test_add_func("/api/wish/a-job-that-fails-says-why", failures_are_told);
    g_test_add_func("/api/wish/stages-are-streamed-as-the-client-likes", stages_are_streamed);
    g_test_add_func("/api/wish/a-progressive-job-can-be-left-alone", progressive_as_json);
    g_test_add_func("/api/wish/an-equal-wish-gets-the-known-result", known_results);
    g_test_add_func("/api/wish/replay-runs-the-same-wish-anew", replay);
    g_test_add_func("/api/wish/an-idempotency-key-gives-the-same-job", idempotency);
    g_test_add_func("/api/wish/a-webhook-that-cannot-be-is-refused", webhooks_are_off);
    g_test_add_func("/api/wish/many-at-once-all-get-their-first-stage", many_at_once);
    g_test_add_func("/api/wish/a-dry-run-does-nothing", trial);
    g_test_add_func("/api/wish/forms-come-in-pieces-of-any-size", good_form);
    g_test_add_func("/api/wish/bodies-of-other-kinds-are-refused", other_bodies);
    g_test_add_func("/api/wish/a-picture-is-uploaded-once", uploads);
    g_test_add_func("/api/wish/uploads-are-pictures", raw_uploads);
    for (size_t i = 0; i < G_N_ELEMENTS(bad_forms); i++) {
        g_autofree char *path =
            g_strconcat("/api/wish/forms-are-refused-with-", bad_forms[i].name, NULL);
        g_test_add_data_func(path, &bad_forms[i], bad_form);
    }
    g_test_add_func("/api/hunyuan/answers-with-one-file-of-the-type-asked-for", hunyuan_files);
    g_test_add_func("/api/hunyuan/status-brings-the-file", hunyuan_status);
    g_test_add_func("/api/hunyuan/a-job-that-failed-says-so", hunyuan_failures);
    for (size_t i = 0; i < G_N_ELEMENTS(refused); i++) {
        g_autofree char *path = g_strconcat("/api/hunyuan/refuses-", refused[i].name, NULL);
        g_test_add_data_func(path, &refused[i], hunyuan_refuses);
    }
    g_test_add_func("/api/runner/runs-are-measured", metrics);
    return g_test_run();
}
