/* guard_test.c - the corpus of tests/data/http, direct and through nginx.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * A file: "# why", "direct: STATUSES -> PATHS", "proxied: STATUSES -> PATHS", an empty line,
 * the request with \r \n \xHH written out (line ends of the file do not count). STATUSES are
 * what the client gets until the end, PATHS what the application sees; a status that stands
 * twice is the transport repeating the head of a refusal of its own. Nobody but the plain cases
 * may reach /hidden. */
#include "http/client_fixture.h"

#include <arpa/inet.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

typedef struct {
    Stage *stage;
    GPid nginx; /* 0: not there */
    uint16_t proxy_port;
    int log;      /* nginx's; it dies when nobody can read it */
    char *prefix; /* nginx's folder */
} Setting;

typedef struct {
    Setting *setting;
    bool proxied;
    char *name, *expected;
    GString *request;
} Case;

/* --- Reading the corpus ------------------------------------------------------------------- */

static GString *
read_request(const char *text)
{
    GString *out = g_string_new(NULL);
    for (const char *c = text; *c; c++) {
        if (*c == '\n')
            continue;
        if (*c != '\\') {
            g_string_append_c(out, *c);
            continue;
        }
        c++;
        if (*c == 'x') {
            g_string_append_c(
                out, (char)(g_ascii_xdigit_value(c[1]) * 16 + g_ascii_xdigit_value(c[2])));
            c += 2;
        } else {
            g_assert_true(*c == 'r' || *c == 'n');
            g_string_append_c(out, *c == 'r' ? '\r' : '\n');
        }
    }
    return out;
}

static char *
read_line(const char *text, const char *name)
{
    const char *line = strstr(text, name);
    g_assert_nonnull(line);
    line += strlen(name);
    return g_strndup(line, strcspn(line, "\n"));
}

static Case *
read_case(Setting *setting, const char *path, bool proxied)
{
    g_autofree char *text = NULL;
    g_autoptr(GError) error = NULL;
    g_file_get_contents(path, &text, NULL, &error);
    g_assert_no_error(error);
    const char *request = strstr(text, "\n\n");
    g_assert_nonnull(request);
    Case *c = g_new0(Case, 1);
    c->setting = setting;
    c->proxied = proxied;
    c->name = g_path_get_basename(path);
    c->expected = read_line(text, proxied ? "\nproxied: " : "\ndirect: ");
    c->request = read_request(request + 2);
    *strrchr(c->name, '.') = '\0';
    return c;
}

static void
case_free(void *data)
{
    Case *c = data;
    g_free(c->name);
    g_free(c->expected);
    g_string_free(c->request, TRUE);
    g_free(c);
}

/* --- nginx -------------------------------------------------------------------------------- */

static const char config[] = "daemon off;\n"
                             "master_process off;\n"
                             "pid nginx.pid;\n"
                             "error_log stderr notice;\n"
                             "events { worker_connections 64; }\n"
                             "http {\n"
                             "  access_log off;\n"
                             "  client_body_temp_path body;\n"
                             "  proxy_temp_path proxy;\n"
                             "  fastcgi_temp_path fastcgi;\n"
                             "  uwsgi_temp_path uwsgi;\n"
                             "  scgi_temp_path scgi;\n"
                             "  upstream app { server 127.0.0.1:%u; keepalive 4; }\n"
                             "  server {\n"
                             "    listen 127.0.0.1:%u;\n"
                             "    location / {\n"
                             "      proxy_pass http://app;\n"
                             "      proxy_http_version 1.1;\n"
                             "      proxy_set_header Connection \"\";\n"
                             "      proxy_set_header Host $host;\n"
                             "      proxy_ignore_client_abort on;\n"
                             "      proxy_request_buffering off;\n"
                             "    }\n"
                             "  }\n"
                             "}\n";

static uint16_t
free_port(void)
{
    struct sockaddr_in address = { .sin_family = AF_INET,
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t size = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    g_assert_cmpint(bind(fd, (struct sockaddr *)&address, sizeof address), ==, 0);
    g_assert_cmpint(getsockname(fd, (struct sockaddr *)&address, &size), ==, 0);
    close(fd);
    return ntohs(address.sin_port);
}

/* nginx names its event method once it listens. */
static void
wait_for_nginx(int log)
{
    g_autoptr(GString) text = g_string_new(NULL);
    char byte;
    while (!strstr(text->str, "event method")) {
        if (read(log, &byte, 1) != 1)
            g_error("nginx does not start: %s", text->str);
        g_string_append_c(text, byte);
    }
}

static char *
find_nginx(void)
{
    char *path = g_find_program_in_path("nginx");
    return path || !g_file_test("/usr/sbin/nginx", G_FILE_TEST_IS_EXECUTABLE)
               ? path
               : g_strdup("/usr/sbin/nginx");
}

/* In the child: an aborted test takes nginx with it. */
static void
die_with_parent(void *data)
{
    (void)data;
    prctl(PR_SET_PDEATHSIG, SIGTERM);
}

static void
start_nginx(Setting *setting)
{
    g_autofree char *program = find_nginx();
    if (!program)
        return;
    g_autoptr(GError) error = NULL;
    setting->proxy_port = free_port();
    setting->prefix = g_dir_make_tmp("orfeas-nginx-XXXXXX", &error);
    g_assert_no_error(error);
    g_autofree char *file = g_build_filename(setting->prefix, "nginx.conf", NULL);
    g_autofree char *text =
        g_strdup_printf(config, stage_port(setting->stage), setting->proxy_port);
    g_file_set_contents(file, text, -1, &error);
    g_assert_no_error(error);
    const char *const args[] = { program, "-p", setting->prefix, "-c",
                                 file,    "-e", "stderr",        NULL };
    g_spawn_async_with_pipes(NULL, (char **)args, NULL, G_SPAWN_DO_NOT_REAP_CHILD,
                             die_with_parent, NULL, &setting->nginx, NULL, NULL, &setting->log,
                             &error);
    g_assert_no_error(error);
    wait_for_nginx(setting->log);
}

static void
stop_nginx(Setting *setting)
{
    if (!setting->nginx)
        return;
    const char *const args[] = { "rm", "-rf", setting->prefix, NULL };
    kill(setting->nginx, SIGTERM);
    waitpid(setting->nginx, NULL, 0);
    close(setting->log);
    g_spawn_sync(NULL, (char **)args, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, NULL, NULL, NULL,
                 NULL);
    g_free(setting->prefix);
}

/* --- Running ------------------------------------------------------------------------------ */

static void
run(const void *data)
{
    const Case *c = data;
    if (c->proxied && !c->setting->nginx) {
        g_test_skip("needs nginx");
        return;
    }
    Stage *stage = c->setting->stage;
    int fd = client_connect(c->proxied ? c->setting->proxy_port : stage_port(stage));
    client_send_bytes(fd, c->request->str, c->request->len);
    shutdown(fd, SHUT_WR);
    g_autofree char *reply = client_read_all(fd, NULL);
    close(fd);
    g_autofree char *statuses = client_statuses(reply);
    g_autofree char *reached = stage_reached(stage);
    g_autofree char *outcome = g_strdup_printf("%s -> %s", statuses, reached);
    g_assert_cmpstr(g_strstrip(outcome), ==, c->expected);
    bool meant = g_str_has_prefix(c->name, "plain");
    g_assert_true(meant || !strstr(reached, "/hidden"));
}

static void
add_cases(Setting *setting, const char *folder, bool proxied)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GDir) dir = g_dir_open(folder, 0, &error);
    g_assert_no_error(error);
    for (const char *name; (name = g_dir_read_name(dir));) {
        g_autofree char *file = g_build_filename(folder, name, NULL);
        if (!g_str_has_suffix(name, ".txt"))
            continue;
        Case *c = read_case(setting, file, proxied);
        g_autofree char *path =
            g_strdup_printf("/http/guard/%s/%s", proxied ? "through-nginx" : "direct", c->name);
        g_test_add_data_func_full(path, c, run, case_free);
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_set_nonfatal_assertions(); /* one run tells of every case */
    Setting setting = { .stage = stage_start(NULL) };
    start_nginx(&setting);
    g_autofree char *folder = g_test_build_filename(G_TEST_DIST, "tests", "data", "http", NULL);
    add_cases(&setting, folder, false);
    add_cases(&setting, folder, true);
    int status = g_test_run();
    stop_nginx(&setting);
    stage_stop(setting.stage);
    return status;
}
