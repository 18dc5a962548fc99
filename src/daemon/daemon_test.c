/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/daemon.h"

#include "api/stage_fixture.h"

#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#define LONG_US (60 * G_USEC_PER_SEC)
#define POLL_US 20000

/* --- A daemon in a folder of its own ------------------------------------------------------ */

typedef struct {
    char *dir;
    OrfDaemon *daemon;
    ApiStage stage; /* its port */
} House;

static void
open_house(House *house)
{
    g_autoptr(GError) error = NULL;
    house->daemon = orf_daemon_start(
        &(OrfDaemonOptions){ .dir = house->dir, .program = g_getenv("ORFEAS") }, &error);
    g_assert_no_error(error);
    house->stage.port = orf_daemon_port(house->daemon);
}

static void
remove_tree(const char *path)
{
    g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
    for (const char *name; dir && (name = g_dir_read_name(dir));) {
        g_autofree char *inside = g_build_filename(path, name, NULL);
        remove_tree(inside);
    }
    g_remove(path);
}

static House *
house_new(void)
{
    House *house = g_new0(House, 1);
    g_autoptr(GError) error = NULL;
    house->dir = g_dir_make_tmp("orfeas-XXXXXX", &error);
    g_assert_no_error(error);
    return house;
}

static void
house_free(House *house)
{
    orf_daemon_free(house->daemon);
    remove_tree(house->dir);
    g_free(house->dir);
    g_free(house);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(House, house_free)

static void
close_house(House *house)
{
    g_clear_pointer(&house->daemon, orf_daemon_free);
}

/* --- Talking ------------------------------------------------------------------------------ */

static GBytes *
sample(const char *name)
{
    g_autofree char *path =
        g_build_filename(g_getenv("G_TEST_SRCDIR"), "tests", "data", name, NULL);
    char *bytes;
    gsize size;
    g_autoptr(GError) error = NULL;
    g_file_get_contents(path, &bytes, &size, &error);
    g_assert_no_error(error);
    return g_bytes_new_take(bytes, size);
}

/* A form with the picture and one parameter. */
static ApiAnswer
create(const House *house, const char *target, const char *headers, const char *seed)
{
    g_autoptr(GBytes) picture = sample("gears.svg");
    g_autoptr(GByteArray) form = g_byte_array_new();
    g_autofree char *head = g_strdup_printf(
        "--xyz\r\nContent-Disposition: form-data; name=\"seed\"\r\n\r\n%s\r\n"
        "--xyz\r\nContent-Disposition: form-data; name=\"image\"; filename=\"gears.svg\"\r\n"
        "Content-Type: image/svg+xml\r\n\r\n",
        seed);
    g_byte_array_append(form, (const guint8 *)head, (guint)strlen(head));
    gsize size;
    const guint8 *bytes = g_bytes_get_data(picture, &size);
    g_byte_array_append(form, bytes, (guint)size);
    g_byte_array_append(form, (const guint8 *)"\r\n--xyz--\r\n", 11);
    g_autofree char *all =
        g_strconcat("Content-Type: multipart/form-data; boundary=xyz\r\n", headers, NULL);
    return api_ask_bytes(&house->stage, "POST", target, all, form->data, form->len);
}

static char *
member(const ApiAnswer *answer, const char *name)
{
    json_t *json = api_answer_json(answer);
    char *text = g_strdup(json_string_value(json_object_get(json, name)));
    json_decref(json);
    return text;
}

/* Asks until the job is over; its status. Caller owns. */
static char *
await(const House *house, const char *id)
{
    g_autofree char *path = g_strdup_printf("/api/v1/jobs/%s", id);
    for (int64_t end = g_get_monotonic_time() + LONG_US; g_get_monotonic_time() < end;) {
        g_auto(ApiAnswer) answer = api_get(&house->stage, path);
        g_assert_cmpint(answer.status, ==, 200);
        g_autofree char *status = member(&answer, "status");
        if (strcmp(status, "queued") != 0 && strcmp(status, "running") != 0)
            return g_steal_pointer(&status);
        g_usleep(POLL_US);
    }
    g_error("job %s does not end", id);
}

/* --- Sentences ---------------------------------------------------------------------------- */

static void
makes_a_model(void)
{
    g_autoptr(House) house = house_new();
    open_house(house);
    g_auto(ApiAnswer) made = create(house, "/api/v1/generate-3d", "Prefer: wait=60\r\n", "1");
    g_assert_cmpint(made.status, ==, 200);
    g_autofree char *id = member(&made, "id"), *status = member(&made, "status");
    g_assert_cmpstr(status, ==, "succeeded");

    g_autofree char *result = g_strdup_printf("/api/v1/jobs/%s/result", id);
    g_auto(ApiAnswer) model = api_get(&house->stage, result);
    g_assert_cmpint(model.status, ==, 200);
    g_assert_cmpmem(model.body, 4, "glTF", 4);

    g_autofree char *self = g_strdup_printf("/api/v1/jobs/%s", id);
    g_auto(ApiAnswer) job = api_get(&house->stage, self);
    g_autofree char *etag = api_answer_header(&job, "ETag");
    g_autofree char *condition = g_strdup_printf("If-None-Match: %s\r\n", etag);
    g_auto(ApiAnswer) again = api_ask(&house->stage, "GET", self, condition, NULL);
    g_assert_cmpint(again.status, ==, 304);
}

static void
survives_a_restart(void)
{
    g_autoptr(House) house = house_new();
    open_house(house);
    g_auto(ApiAnswer) first = create(house, "/api/v1/generate-3d", "", "1");
    g_auto(ApiAnswer) second = create(house, "/api/v1/generate-3d", "", "2");
    g_assert_cmpint(first.status, ==, 202);
    g_assert_cmpint(second.status, ==, 202);
    close_house(house); /* at once: nothing gets time to finish */
    open_house(house);
    g_autofree char *one = member(&first, "id"), *two = member(&second, "id");
    g_autofree char *how_one = await(house, one), *how_two = await(house, two);
    g_assert_cmpstr(how_one, ==, "succeeded");
    g_assert_cmpstr(how_two, ==, "succeeded");
}

static void
drains(void)
{
    g_autoptr(House) house = house_new();
    open_house(house);
    g_auto(ApiAnswer) made = create(house, "/api/v1/generate-3d", "", "1");
    g_autofree char *id = member(&made, "id");
    orf_daemon_drain(house->daemon, g_get_monotonic_time() + LONG_US);
    close_house(house);
    open_house(house);
    g_autofree char *status = await(house, id);
    g_assert_cmpstr(status, ==, "succeeded");
}

/* A stream of a job that is under way; the descriptor. */
static int
open_stream(const House *house, const char *id)
{
    int fd = client_connect(house->stage.port);
    g_autofree char *request = g_strdup_printf("GET /api/v1/jobs/%s/events HTTP/1.1\r\n"
                                               "Host: 127.0.0.1\r\n\r\n",
                                               id);
    client_send(fd, request);
    g_free(client_read_until(fd, "event: "));
    return fd;
}

/* A stream hears the end of its job, or that it should come back; the job lives on. */
static void
tells_streams(void)
{
    g_autoptr(House) house = house_new();
    open_house(house);
    g_auto(ApiAnswer) made = create(house, "/api/v1/generate-3d", "", "1");
    g_autofree char *id = member(&made, "id");
    int fd = open_stream(house, id);
    orf_daemon_drain(house->daemon, g_get_monotonic_time());
    g_autofree char *rest = client_read_all(fd, NULL);
    close(fd);
    g_assert_true(strstr(rest, "event: reconnect") || strstr(rest, "event: done"));
    close_house(house);
    open_house(house);
    g_autofree char *status = await(house, id);
    g_assert_cmpstr(status, ==, "succeeded");
}

static void
tells_two_apart(void)
{
    g_autoptr(House) house = house_new();
    open_house(house);
    g_autoptr(GError) error = NULL;
    g_assert_null(orf_daemon_start(
        &(OrfDaemonOptions){ .dir = house->dir, .program = g_getenv("ORFEAS") }, &error));
    g_assert_error(error, ORF_ERROR, ORF_ERROR_BUSY);
}

static void
refuses_bodies(void)
{
#define JSON "Content-Type: application/json\r\n"
    g_autofree char *deep = g_strconcat("{\"a\":", NULL);
    for (int i = 0; i < 7; i++) {
        char *twice = g_strconcat(deep, deep, NULL); /* 128 levels and more, never closed */
        g_free(deep);
        deep = twice;
    }
    const struct {
        const char *headers, *body;
        int status;
        const char *code;
    } cases[] = {
        { JSON, "{}", 200, NULL },
        { "Content-Type: Application/JSON; charset=utf-8\r\n", "{}", 200, NULL },
        { "", NULL, 200, NULL },
        { JSON, "{\"tenant\":\"local\"}", 200, NULL },
        { JSON, "{\"tenant\":\"other\"}", 422, "invalid_params" },
        { JSON, "{\"what\":1}", 422, "invalid_params" },
        { JSON, "[]", 400, "invalid_json" },
        { JSON, "{", 400, "invalid_json" },
        { JSON, "{\"a\":1,\"a\":2}", 400, "invalid_json" },
        { JSON, deep, 400, "invalid_json" },
        { "", "{}", 415, "unsupported_media_type" },
        { "Content-Type: text/plain\r\n", "{}", 415, "unsupported_media_type" },
    };
    g_autoptr(House) house = house_new();
    open_house(house);
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_test_message("%s%.40s", cases[i].headers, cases[i].body);
        g_auto(ApiAnswer) answer = api_ask(&house->stage, "POST", "/api/v1/cache/clear",
                                           cases[i].headers, cases[i].body);
        g_assert_cmpint(answer.status, ==, cases[i].status);
        g_autofree char *code = api_answer_code(&answer);
        g_assert_cmpstr(code, ==, cases[i].code);
    }
    g_autofree char *large = client_talk(
        house->stage.port, "POST /api/v1/cache/clear HTTP/1.1\r\nHost: 127.0.0.1\r\n" JSON
                           "Content-Length: 9999999999\r\n\r\n");
    g_assert_true(g_str_has_prefix(large, "HTTP/1.1 413 "));
#undef JSON
}

static void
stays_safe(void)
{
    g_autoptr(House) house = house_new();
    g_autofree char *database = g_build_filename(house->dir, "orfeas.db", NULL);
    static const char rubbish[] = "this is no database, and it is not short either ..........";
    g_assert_true(g_file_set_contents(database, rubbish, -1, NULL));
    open_house(house);
    g_assert_nonnull(orf_daemon_safe_mode(house->daemon));
    g_auto(ApiAnswer) ready = api_get(&house->stage, "/readyz");
    g_assert_cmpint(ready.status, ==, 503);
    g_assert_null(strstr(ready.body, house->dir));
    g_auto(ApiAnswer) made = create(house, "/api/v1/generate-3d", "", "1");
    g_assert_cmpint(made.status, ==, 503);
    g_autofree char *code = api_answer_code(&made), *left = NULL;
    g_assert_cmpstr(code, ==, "storage_unavailable");
    g_auto(ApiAnswer) told = api_get(&house->stage, "/api/v1/generators");
    g_assert_cmpint(told.status, ==, 200);
    g_assert_true(g_file_get_contents(database, &left, NULL, NULL));
    g_assert_cmpstr(left, ==, rubbish);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/daemon/makes-a-model-of-a-picture", makes_a_model);
    g_test_add_func("/daemon/accepted-jobs-survive-a-restart", survives_a_restart);
    g_test_add_func("/daemon/running-jobs-may-finish-before-it-stops", drains);
    g_test_add_func("/daemon/streams-are-told-when-it-stops", tells_streams);
    g_test_add_func("/daemon/a-folder-belongs-to-one-server", tells_two_apart);
    g_test_add_func("/daemon/bodies-that-do-not-fit-are-refused", refuses_bodies);
    g_test_add_func("/daemon/a-broken-database-is-told-and-left-alone", stays_safe);
    return g_test_run();
}
