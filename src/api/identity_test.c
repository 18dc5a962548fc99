/* identity_test.c - who asks, and may they: every row of the table, before a byte of a body.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "api/endpoints.h"
#include "api/jobs-stage_fixture.h"

#include <string.h>
#include <unistd.h>

/* "Authorization: PERMITS KEY QUOTA DIGEST", all as the test likes them; without it: 403. */
static bool
identify(OrfCall *call, OrfIdentity *ret)
{
    const char *header = orf_request_header(call->request, "Authorization");
    if (!header) {
        orf_call_problem(
            call, &(OrfProblem){ .code = ORF_PROBLEM_INSUFFICIENT_SCOPE, .detail = "nobody" });
        return false;
    }
    g_auto(GStrv) words = g_strsplit(header, " ", -1);
    g_assert_cmpuint(g_strv_length(words), ==, 4);
    *ret = (OrfIdentity){ .tenant = "local",
                          .permits = (unsigned)g_ascii_strtoull(words[0], NULL, 10),
                          .quota = (unsigned)g_ascii_strtoull(words[2], NULL, 10),
                          .signs_body = !g_str_equal(words[3], "-") };
    g_strlcpy(ret->key, words[1], sizeof ret->key);
    return true;
}

static bool
verify(OrfCall *call, const char *digest)
{
    if (strstr(orf_request_header(call->request, "Authorization"), digest))
        return true;
    orf_call_problem(call, &(OrfProblem){ .code = ORF_PROBLEM_INSUFFICIENT_SCOPE,
                                          .detail = "another body was signed" });
    return false;
}

typedef struct {
    JobsStage *jobs;
    ApiStage *api; /* with identities; `jobs` brings store and queue */
} Door;

static Door *
door_open(void)
{
    Door *door = g_new0(Door, 1);
    door->jobs = jobs_stage_start();
    door->api = api_stage_start(&(OrfApiOptions){ .store = door->jobs->store,
                                                  .queue = door->jobs->queue,
                                                  .identify = identify,
                                                  .verify = verify });
    return door;
}

static void
door_close(Door *door)
{
    api_stage_stop(door->api);
    jobs_stage_stop(door->jobs);
    g_free(door);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Door, door_close)

/* Every {name} is "x", as often as it must be, or 1. */
static char *
path_of(const OrfEndpoint *endpoint)
{
    g_autoptr(GString) path = g_string_new(NULL);
    const OrfArgument *argument = endpoint->arguments;
    for (const char *c = endpoint->path; *c; c++) {
        if (*c != '{') {
            g_string_append_c(path, *c);
            continue;
        }
        while (argument->in != ORF_IN_PATH)
            argument++;
        bool text = argument->param.type == ORF_PARAM_TEXT;
        double size = text ? MAX(argument->param.min, 1) : 1;
        g_autofree char *value = g_strnfill((gsize)size, text ? 'x' : '1');
        argument++;
        g_string_append(path, value);
        c = strchr(c, '}');
    }
    return g_string_free(g_steal_pointer(&path), FALSE);
}

/* A body is announced, and not a byte of it sent. */
static ApiAnswer
knock(const Door *door, const OrfEndpoint *endpoint, const char *authorization)
{
    g_autofree char *path = path_of(endpoint);
    const char *type = endpoint->bodies ? endpoint->bodies[0].type : NULL;
    g_autofree char *headers =
        type ? g_strdup_printf("%sContent-Type: %s\r\nContent-Length: 900000\r\n",
                               authorization, type)
             : g_strdup(authorization);
    g_test_message("%s %s", endpoint->method, path);
    return api_ask(door->api, endpoint->method, path, headers, NULL);
}

static void
permits_are_kept(void)
{
    g_autoptr(Door) door = door_open();
    for (const OrfEndpoint *const *at = orf_endpoints(); *at; at++) {
        const OrfEndpoint *endpoint = *at;
        if (endpoint->permit == ORF_PERMIT_OPEN)
            continue;
        g_autofree char *all_but = g_strdup_printf("Authorization: %u k 0 -\r\n",
                                                   ORF_PERMITS_ALL & ~(1u << endpoint->permit));
        g_auto(ApiAnswer) answer = knock(door, endpoint, all_but);
        g_assert_cmpint(answer.status, ==, 403);
        g_autofree char *type = api_answer_header(&answer, "Content-Type"),
                        *code = api_answer_code(&answer);
        g_assert_cmpstr(type, ==, "application/problem+json");
        g_assert_cmpstr(code, ==, "insufficient_scope");
        g_assert_nonnull(strstr(answer.body, orf_permit_name(endpoint->permit)));
        g_auto(ApiAnswer) nobody = knock(door, endpoint, "");
        g_assert_cmpint(nobody.status, ==, 403);
        g_assert_nonnull(strstr(nobody.body, "nobody"));
    }
}

static void
one_permit_suffices(void)
{
    g_autoptr(Door) door = door_open();
    for (const OrfEndpoint *const *at = orf_endpoints(); *at; at++) {
        const OrfEndpoint *endpoint = *at;
        if (!g_str_equal(endpoint->method, "GET") || strchr(endpoint->path, '*'))
            continue;
        bool open = endpoint->permit == ORF_PERMIT_OPEN;
        g_autofree char *only =
            open ? g_strdup("")
                 : g_strdup_printf("Authorization: %u k 0 -\r\n", 1u << endpoint->permit);
        g_auto(ApiAnswer) answer = knock(door, endpoint, only);
        g_assert_cmpint(answer.status, !=, 403);
    }
}

static void
quota_is_of_the_key(void)
{
    g_autoptr(Door) door = door_open();
    static const struct {
        const char *key;
        int status;
    } asked[] = { { "a", 422 }, { "a", 422 }, { "a", 429 }, { "b", 422 }, { "a", 429 } };
    for (size_t i = 0; i < G_N_ELEMENTS(asked); i++) {
        g_autofree char *headers =
            g_strdup_printf("Content-Type: application/json\r\nAuthorization: %u %s 2 -\r\n",
                            ORF_PERMITS_ALL, asked[i].key);
        g_auto(ApiAnswer) answer =
            api_ask(door->api, "POST", "/api/v1/generate-3d", headers, "{}");
        g_assert_cmpint(answer.status, ==, asked[i].status);
        g_autofree char *policy = api_answer_header(&answer, "RateLimit-Policy");
        g_assert_cmpstr(policy, ==, "\"key\";q=2;w=60");
    }
}

static void
signature_comes_before_the_handler(void)
{
    g_autoptr(Door) door = door_open();
    static const char body[] = "{\"generator\":\"none\"}";
    char digest[ORF_DIGEST_SIZE];
    orf_digest(body, strlen(body), digest);
    for (size_t good = 0; good < 2; good++) {
        g_autofree char *headers =
            g_strdup_printf("Content-Type: application/json\r\nAuthorization: %u k 0 %s\r\n",
                            ORF_PERMITS_ALL, good ? digest : "0000");
        g_auto(ApiAnswer) answer =
            api_ask(door->api, "POST", "/api/v1/generate-3d", headers, body);
        g_assert_cmpint(answer.status, ==, good ? 422 : 403);
        g_assert_nonnull(strstr(answer.body, good ? "no generator" : "another body"));
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/api/identity/without-its-permit-no-row-answers-or-reads-a-body",
                    permits_are_kept);
    g_test_add_func("/api/identity/the-permit-of-a-row-suffices", one_permit_suffices);
    g_test_add_func("/api/identity/a-quota-is-of-the-key-not-of-the-address",
                    quota_is_of_the_key);
    g_test_add_func("/api/identity/a-body-is-verified-before-it-is-understood",
                    signature_comes_before_the_handler);
    return g_test_run();
}
