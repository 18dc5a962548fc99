/* SPDX-License-Identifier: Apache-2.0 */
#include "http/multipart_test.h"

#include <string.h>

#define TYPE "multipart/form-data; boundary=XX"
#define PART(headers, body)                                                                    \
    "--XX\r\nContent-Disposition: form-data; " headers "\r\n\r\n" body "\r\n"

typedef struct {
    const char *name, *body, *events;
} Case;

static const Case good[] = {
    { "one-field", PART("name=\"size\"", "40mm") "--XX--\r\n", "[size||] 40mm ." },
    { "two-parts",
      PART("name=\"a\"", "1")
          PART("name=\"image\"; filename=\"cup.png\"\r\nContent-Type: image/png",
               "\x89PNG") "--XX--",
      "[a||] 1 .[image|cup.png|image/png] \x89PNG ." },
    { "an-empty-part", PART("name=\"a\"", "") "--XX--", "[a||]  ." },
    { "preamble-and-epilogue", "hello\r\n" PART("name=a", "1") "--XX--\r\nbye", "[a||] 1 ." },
    { "no-parts", "--XX--", "" },
    { "a-line-break-before-the-boundary", PART("name=a", "1\r\n\r\n") "--XX--",
      "[a||] 1\r\n\r\n ." },
    { "half-a-boundary-in-the-bytes", PART("name=a", "\r\n--X\r\n--") "--XX--",
      "[a||] \r\n--X\r\n-- ." },
    { "blanks-after-a-boundary",
      "--XX \t\r\nContent-Disposition: form-data; name=a\r\n\r\n1\r\n--XX--", "[a||] 1 ." },
    { "quotes-in-a-name", PART("name=\"a\\\"b\"; filename=\"C:\\dir\\x.png\"", "1") "--XX--",
      "[a\"b|C:\\dir\\x.png|] 1 ." },
    { "header-names-in-any-case",
      "--XX\r\nCONTENT-DISPOSITION: Form-Data; NAME=a\r\n\r\n1\r\n--XX--", "[a||] 1 ." },
};

static const Case bad[] = {
    { "nothing", "", "ends before" },
    { "cut-in-the-bytes", "--XX\r\nContent-Disposition: form-data; name=a\r\n\r\n1",
      "ends before" },
    { "cut-in-the-last-boundary", PART("name=a", "1") "--XX-", "ends before" },
    { "no-name", "--XX\r\nContent-Type: a/b\r\n\r\n1\r\n--XX--", "no Content-Disposition" },
    { "no-headers", "--XX\r\n\r\n1\r\n--XX--", "no Content-Disposition" },
    { "two-names", PART("name=a; name=b", "1") "--XX--", "not form-data" },
    { "an-attachment", "--XX\r\nContent-Disposition: attachment; name=a\r\n\r\n1\r\n--XX--",
      "not form-data" },
    { "two-dispositions",
      PART("name=a\r\nContent-Disposition: form-data; name=b", "1") "--XX--", "two Content" },
    { "a-folded-header", PART("name=a;\r\n filename=b", "1") "--XX--", "not form-data" },
    { "an-open-quote", PART("name=\"a", "1") "--XX--", "not form-data" },
    { "a-name-that-is-not-utf8", PART("name=\"\xff\"", "1") "--XX--", "UTF-8" },
    { "base64", PART("name=a\r\nContent-Transfer-Encoding: base64", "MQ==") "--XX--",
      "of mail" },
    { "text-after-a-boundary", PART("name=a", "1") "--XX.\r\n", "no line end" },
};

static void
reads(const void *data)
{
    const Case *c = data;
    for (size_t piece = 1; piece <= strlen(c->body); piece += piece < 9 ? 1 : 13) {
        g_autoptr(GError) error = NULL;
        g_autofree char *events =
            parse_in_pieces(TYPE, c->body, strlen(c->body), piece, &error);
        g_assert_no_error(error);
        g_assert_cmpstr(events, ==, c->events);
    }
}

static void
refuses(const void *data)
{
    const Case *c = data;
    for (size_t piece = 1; piece <= strlen(c->body) + 1; piece += 3) {
        g_autoptr(GError) error = NULL;
        g_autofree char *events =
            parse_in_pieces(TYPE, c->body, strlen(c->body), piece, &error);
        g_assert_null(events);
        g_assert_error(error, ORF_ERROR, ORF_ERROR_BAD_INPUT);
        g_assert_nonnull(strstr(error->message, c->events));
    }
}

static void
limits(void)
{
    g_autoptr(GString) many = g_string_new(NULL);
    for (unsigned i = 0; i < 129; i++)
        g_string_append(many, PART("name=a", "1"));
    g_autoptr(GError) error = NULL;
    g_assert_null(parse_in_pieces(TYPE, many->str, many->len, 1000, &error));
    g_assert_nonnull(strstr(error->message, "more than 128 parts"));
    g_clear_error(&error);

    g_autofree char *filler = g_strnfill(9000, 'x');
    g_autofree char *long_head = g_strconcat("--XX\r\nX: ", filler, "\r\n\r\n", NULL);
    g_assert_null(parse_in_pieces(TYPE, long_head, strlen(long_head), 100, &error));
    g_assert_nonnull(strstr(error->message, "exceed 8192 bytes"));
}

static void
large(void)
{
    size_t size = 3u << 20;
    g_autofree char *bytes = g_strnfill(size, '\r');
    g_autofree char *body = g_strconcat(
        "--XX\r\nContent-Disposition: form-data; name=a\r\n\r\n", bytes, "\r\n--XX--", NULL);
    g_autoptr(GError) error = NULL;
    g_autofree char *events = parse_in_pieces(TYPE, body, strlen(body), 100003, &error);
    g_assert_no_error(error);
    g_assert_cmpuint(strlen(events), ==, strlen("[a||]  .") + size);
}

static void
content_types(void)
{
    static const struct {
        const char *type;
        int code;
    } cases[] = {
        { NULL, ORF_ERROR_UNSUPPORTED },
        { "application/json", ORF_ERROR_UNSUPPORTED },
        { "multipart/form-data", ORF_ERROR_BAD_INPUT },
        { "multipart/form-data; boundary=", ORF_ERROR_BAD_INPUT },
        { "multipart/form-data; boundary=\"a\nb\"", ORF_ERROR_BAD_INPUT },
        { "multipart/form-data; boundary=\"a ", ORF_ERROR_BAD_INPUT },
        { "multipart/form-data; boundary=a; boundary=b", ORF_ERROR_BAD_INPUT },
        { "multipart/form-data; boundary="
          "0123456789012345678901234567890123456789012345678901234567890123456789x",
          ORF_ERROR_BAD_INPUT },
        { "multipart/form-data; boundary="
          "0123456789012345678901234567890123456789012345678901234567890123456789",
          -1 },
        { "Multipart/Form-Data; charset=utf-8; Boundary=\"a b\"", -1 },
    };
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GError) error = NULL;
        g_autoptr(OrfMultipart) parser =
            orf_multipart_new(cases[i].type, &(OrfPartApp){ 0 }, &error);
        g_assert_true((parser != NULL) == (cases[i].code < 0));
        if (!parser)
            g_assert_error(error, ORF_ERROR, cases[i].code);
    }
}

static void
add_cases(const char *group, const Case *cases, size_t n, GTestDataFunc test)
{
    for (size_t i = 0; i < n; i++) {
        g_autofree char *path = g_strdup_printf("/http/multipart/%s/%s", group, cases[i].name);
        g_test_add_data_func(path, &cases[i], test);
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    add_cases("reads-in-any-pieces", good, G_N_ELEMENTS(good), reads);
    add_cases("refuses", bad, G_N_ELEMENTS(bad), refuses);
    g_test_add_func("/http/multipart/limits-parts-and-their-headers", limits);
    g_test_add_func("/http/multipart/passes-megabytes-of-almost-delimiters", large);
    g_test_add_func("/http/multipart/knows-the-boundary-of-a-content-type", content_types);
    return g_test_run();
}
