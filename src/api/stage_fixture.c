/* SPDX-License-Identifier: Apache-2.0 */
#include "api/stage_fixture.h"

#include <string.h>
#include <unistd.h>

ApiStage *
api_stage_start(const OrfApiOptions *given)
{
    ApiStage *stage = g_new0(ApiStage, 1);
    OrfApiOptions options = given ? *given : (OrfApiOptions){ 0 };
    g_autoptr(GError) error = NULL;
    stage->meter = orf_meter_new();
    if (!options.meter)
        options.meter = stage->meter;
    stage->api = orf_api_new(&options, &error);
    g_assert_no_error(error);
    stage->http = orf_http_start(NULL, orf_api_app(stage->api), &error);
    g_assert_no_error(error);
    orf_api_set_http(stage->api, stage->http);
    stage->port = orf_http_port(stage->http);
    return stage;
}

void
api_stage_stop(ApiStage *stage)
{
    orf_api_end_streams(stage->api);
    orf_http_drain(stage->http, g_get_monotonic_time() + G_USEC_PER_SEC);
    orf_http_free(stage->http);
    orf_api_free(stage->api);
    orf_meter_free(stage->meter);
    g_free(stage);
}

void
api_answer_clear(ApiAnswer *answer)
{
    g_free(answer->head);
    g_free(answer->body);
}

char *
api_answer_header(const ApiAnswer *answer, const char *name)
{
    g_auto(GStrv) lines = g_strsplit(answer->head, "\r\n", -1);
    size_t size = strlen(name);
    for (char **line = lines; *line; line++)
        if (g_ascii_strncasecmp(*line, name, size) == 0 && (*line)[size] == ':')
            return g_strdup(g_strstrip(*line + size + 1));
    return NULL;
}

json_t *
api_answer_json(const ApiAnswer *answer)
{
    json_error_t error;
    json_t *json = json_loadb(answer->body, answer->size, JSON_REJECT_DUPLICATES, &error);
    if (!json)
        g_error("no JSON (%s): %s", error.text, answer->body);
    return json;
}

char *
api_answer_code(const ApiAnswer *answer)
{
    json_t *json = api_answer_json(answer);
    char *code = g_strdup(json_string_value(json_object_get(json, "code")));
    json_decref(json);
    return code;
}

/* What came in chunks becomes one piece. */
static void
join_chunks(ApiAnswer *answer)
{
    GByteArray *whole = g_byte_array_new();
    const char *at = answer->body;
    for (;;) {
        char *data;
        guint size = (guint)g_ascii_strtoull(at, &data, 16);
        data = strstr(data, "\r\n") + 2;
        if (!size)
            break;
        g_byte_array_append(whole, (const guint8 *)data, size);
        at = data + size + 2;
    }
    answer->size = whole->len;
    g_byte_array_append(whole, (const guint8 *)"", 1);
    g_free(answer->body);
    answer->body = (char *)g_byte_array_free(whole, FALSE);
}

ApiAnswer
api_ask_bytes(const ApiStage *stage, const char *method, const char *target,
              const char *headers, const void *body, size_t body_size)
{
    g_autoptr(GString) text = g_string_new(NULL);
    g_string_printf(text, "%s %s HTTP/1.1\r\nConnection: close\r\n%s", method, target, headers);
    if (!strstr(headers, "Host:"))
        g_string_append_printf(text, "Host: 127.0.0.1:%u\r\n", stage->port);
    if (body)
        g_string_append_printf(text, "Content-Length: %zu\r\n", body_size);
    g_string_append(text, "\r\n");
    g_string_append_len(text, body, (gssize)body_size);
    int fd = client_connect(stage->port);
    client_send_bytes(fd, text->str, text->len);
    size_t size;
    g_autofree char *all = client_read_all(fd, &size);
    close(fd);
    char *end = strstr(all, "\r\n\r\n");
    g_assert_nonnull(end);
    ApiAnswer answer = { .head = g_strndup(all, (size_t)(end - all)) };
    answer.size = size - (size_t)(end + 4 - all);
    answer.body = g_memdup2(end + 4, answer.size + 1);
    answer.status = (int)g_ascii_strtoll(all + strlen("HTTP/1.1 "), NULL, 10);
    g_autofree char *coding = api_answer_header(&answer, "Transfer-Encoding");
    if (coding)
        join_chunks(&answer);
    return answer;
}

ApiAnswer
api_ask(const ApiStage *stage, const char *method, const char *target, const char *headers,
        const char *body)
{
    return api_ask_bytes(stage, method, target, headers, body, body ? strlen(body) : 0);
}

ApiAnswer
api_get(const ApiStage *stage, const char *target)
{
    return api_ask(stage, "GET", target, "", NULL);
}
