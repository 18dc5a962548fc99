/* message_test.c - requests say how long they are, and counters change nothing but digits.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "load.h"

#include <glib/gstdio.h>
#include <string.h>

#define FILE_SIZE 9000

static GString *
letter_text(const LoadMessage *message, uint64_t counter)
{
    LoadLetter letter;
    load_letter_init(&letter, message, counter);
    GString *text = g_string_new(NULL);
    for (size_t i = 0; i < G_N_ELEMENTS(letter.part); i++)
        g_string_append_len(text, letter.part[i].iov_base, (gssize)letter.part[i].iov_len);
    load_letter_clear(&letter);
    return text;
}

/* A file of letters with a counter near its start. */
static char *
write_file(void)
{
    g_autoptr(GString) content = g_string_new("{counter}");
    while (content->len < FILE_SIZE)
        g_string_append_c(content, (char)('a' + content->len % 26));
    char *path = NULL;
    g_autoptr(GError) error = NULL;
    int fd = g_file_open_tmp("load-XXXXXX", &path, &error);
    g_assert_no_error(error);
    g_assert_true(g_close(fd, NULL));
    g_assert_true(g_file_set_contents(path, content->str, (gssize)content->len, NULL));
    return path;
}

static size_t
declared_length(const char *text)
{
    const char *header = strstr(text, "Content-Length: ");
    g_assert_nonnull(header);
    return (size_t)g_ascii_strtoull(header + 16, NULL, 10);
}

static void
test_length(void)
{
    static const char *const fields[] = { "generator=inflate", "seed={counter}", NULL };
    g_autofree char *path = write_file();
    const LoadWish wishes[] = {
        { .request = "POST /a", .fields = fields, .file = path },
        { .request = "POST /b", .fields = fields },
        { .request = "POST /c", .body = path },
        { .request = "POST /d", .text = "{\"seed\":{counter}}" },
        { .request = "POST /e" },
    };
    for (size_t i = 0; i < G_N_ELEMENTS(wishes); i++) {
        LoadWish wish = wishes[i];
        wish.host = "127.0.0.1:1";
        g_autoptr(GError) error = NULL;
        g_autoptr(LoadMessage) message = load_message_new(&wish, &error);
        g_assert_no_error(error);
        g_autoptr(GString) text = letter_text(message, i);
        const char *body = strstr(text->str, "\r\n\r\n") + 4;
        g_assert_cmpuint(declared_length(text->str), ==,
                         text->len - (size_t)(body - text->str));
        g_assert_null(strstr(text->str, "{counter}"));
    }
    g_remove(path);
}

static void
test_counters(void)
{
    static const char *const headers[] = { "If-None-Match: \"{counter}\"", NULL };
    g_autoptr(LoadMessage) message = load_message_new(
        &(LoadWish){
            .request = "GET /{counter}?a={counter}", .host = "h:1", .headers = headers },
        NULL);
    g_autoptr(GString) one = letter_text(message, 1);
    g_autoptr(GString) two = letter_text(message, 2);
    g_assert_cmpstr(one->str, ==,
                    "GET /100000001?a=100000001 HTTP/1.1\r\nHost: h:1\r\n"
                    "If-None-Match: \"100000001\"\r\n\r\n");
    g_assert_nonnull(strstr(two->str, "/100000002?a=100000002 "));
}

static void
test_missing_file(void)
{
    g_autoptr(GError) error = NULL;
    g_assert_null(load_message_new(
        &(LoadWish){ .request = "POST /", .host = "h", .file = "/nowhere/at/all" }, &error));
    g_assert_error(error, G_FILE_ERROR, G_FILE_ERROR_NOENT);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/load/message/length-is-that-of-the-body", test_length);
    g_test_add_func("/load/message/counters-become-digits-everywhere", test_counters);
    g_test_add_func("/load/message/missing-file-is-an-error", test_missing_file);
    return g_test_run();
}
