/* SPDX-License-Identifier: Apache-2.0 */
#include "rest/rest.h"

#include <string.h>

static void
ranges(void)
{
    static const struct {
        const char *text;
        uint64_t size;
        OrfRange range;
        uint64_t first, length;
    } cases[] = {
        { NULL, 100, ORF_RANGE_WHOLE, 0, 0 },
        { "bytes=0-0", 100, ORF_RANGE_PART, 0, 1 },
        { "bytes=0-99", 100, ORF_RANGE_PART, 0, 100 },
        { "bytes=10-", 100, ORF_RANGE_PART, 10, 90 },
        { "bytes=10-5000", 100, ORF_RANGE_PART, 10, 90 },
        { "Bytes= 10-19 ", 100, ORF_RANGE_PART, 10, 10 },
        { "bytes=-1", 100, ORF_RANGE_PART, 99, 1 },
        { "bytes=-500", 100, ORF_RANGE_PART, 0, 100 },
        { "bytes=-0", 100, ORF_RANGE_NONE, 0, 0 },
        { "bytes=100-", 100, ORF_RANGE_NONE, 0, 0 },
        { "bytes=100-200", 100, ORF_RANGE_NONE, 0, 0 },
        { "bytes=99999999999999999999999-", 100, ORF_RANGE_NONE, 0, 0 },
        { "bytes=0-99999999999999999999999", 100, ORF_RANGE_PART, 0, 100 },
        { "bytes=0-", 0, ORF_RANGE_NONE, 0, 0 },
        { "bytes=-5", 0, ORF_RANGE_NONE, 0, 0 },
        { "bytes=5-4", 100, ORF_RANGE_WHOLE, 0, 0 },
        { "bytes=0-1,5-6", 100, ORF_RANGE_WHOLE, 0, 0 },
        { "bytes=", 100, ORF_RANGE_WHOLE, 0, 0 },
        { "bytes=-", 100, ORF_RANGE_WHOLE, 0, 0 },
        { "bytes=a-b", 100, ORF_RANGE_WHOLE, 0, 0 },
        { "bytes=1-2x", 100, ORF_RANGE_WHOLE, 0, 0 },
        { "bytes=1", 100, ORF_RANGE_WHOLE, 0, 0 },
        { "bytes=--1", 100, ORF_RANGE_WHOLE, 0, 0 },
        { "lines=1-2", 100, ORF_RANGE_WHOLE, 0, 0 },
        { "", 100, ORF_RANGE_WHOLE, 0, 0 },
    };
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        uint64_t first = 0, length = 0;
        g_test_message("%s of %d", cases[i].text, (int)cases[i].size);
        g_assert_cmpint(orf_range_read(cases[i].text, cases[i].size, &first, &length), ==,
                        cases[i].range);
        if (cases[i].range == ORF_RANGE_PART) {
            g_assert_cmpuint(first, ==, cases[i].first);
            g_assert_cmpuint(length, ==, cases[i].length);
        }
    }
}

static void
tags(void)
{
    static const struct {
        const char *list, *etag;
        bool weakly, strongly;
    } cases[] = {
        { NULL, "\"a\"", false, false },
        { "", "\"a\"", false, false },
        { "\"a\"", "\"a\"", true, true },
        { "W/\"a\"", "\"a\"", true, false },
        { "\"a\"", "W/\"a\"", true, false },
        { "\"b\", \"a\"", "\"a\"", true, true },
        { "\"b\" ,\t, \"a\"", "\"a\"", true, true },
        { "*", "\"a\"", true, true },
        { "\"aa\"", "\"a\"", false, false },
        { "\"b,\"a\"", "\"a\"", false, false },
        { "a", "\"a\"", false, false },
        { "\"a", "\"a\"", false, false },
        { "W/", "\"a\"", false, false },
    };
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_test_message("%s in %s", cases[i].etag, cases[i].list);
        g_assert_cmpint(orf_etag_listed(cases[i].list, cases[i].etag, true), ==,
                        cases[i].weakly);
        g_assert_cmpint(orf_etag_listed(cases[i].list, cases[i].etag, false), ==,
                        cases[i].strongly);
    }
}

static void
names(void)
{
    static const struct {
        const char *stem, *header;
    } cases[] = {
        { "cup", "attachment; filename=\"cup.glb\"" },
        { "my cup", "attachment; filename=\"my cup.glb\"; filename*=UTF-8''my%20cup.glb" },
        { "Täss", "attachment; filename=\"T_ss.glb\"; filename*=UTF-8''T%C3%A4ss.glb" },
        { "a\"b\r\n", "attachment; filename=\"a_b__.glb\"; filename*=UTF-8''a%22b%0D%0A.glb" },
    };
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *header = orf_disposition("attachment", cases[i].stem, "glb");
        g_assert_cmpstr(header, ==, cases[i].header);
    }
}

static void
digests(void)
{
    char hex[ORF_DIGEST_SIZE];
    orf_digest("", 0, hex);
    g_autofree char *header = orf_content_digest(hex);
    g_assert_cmpstr(header, ==, "sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:");
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/rest/conditions/one-range-or-the-whole", ranges);
    g_test_add_func("/rest/conditions/tags-are-found-in-lists", tags);
    g_test_add_func("/rest/conditions/names-are-safe-and-whole", names);
    g_test_add_func("/rest/conditions/digests-are-base64", digests);
    return g_test_run();
}
