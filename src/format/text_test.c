/* SPDX-License-Identifier: Apache-2.0 */
#include "format/format-priv.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static void
print(float value, char text[ORF_FLOAT_TEXT + 1])
{
    char *end = orf_put_float(text, value);
    g_assert_cmpint(end - text, <=, ORF_FLOAT_TEXT);
    *end = 0;
}

static bool
same_bits(float a, float b)
{
    return !memcmp(&a, &b, sizeof a);
}

static float
read_back(const char *text)
{
    OrfCursor cursor = { text, text + strlen(text) };
    double value;
    g_assert_true(orf_cursor_number(&cursor, &value));
    g_assert_true(cursor.at == cursor.end);
    return (float)value;
}

static void
floats_survive_text(void)
{
    g_autoptr(GRand) dice = g_rand_new_with_seed(1);
    for (unsigned i = 0; i < 400000; i++) {
        uint32_t bits = g_rand_int(dice);
        float value;
        if (i % 2)
            memcpy(&value, &bits, sizeof value);
        else
            value = (float)g_rand_double_range(dice, -200, 200);
        if (!isfinite(value))
            continue;
        char text[ORF_FLOAT_TEXT + 1];
        print(value, text);
        g_assert_true(same_bits(read_back(text), value));
        g_assert_true(same_bits(strtof(text, NULL), value));
    }
}

static void
text_of_floats_is_short(void)
{
    static const struct {
        float value;
        const char *text;
    } cases[] = {
        { 0, "0" },
        { -0.0f, "-0" },
        { 1, "1" },
        { -12.5f, "-12.5" },
        { 0.1f, "0.1" },
        { 0.001f, "0.001" },
        { 0.0001f, "1e-4" },
        { 123456792, "123456792" },
        { 1e-20f, "9.99999968e-21" },
        { 3.4028235e38f, "3.40282347e+38" },
        { 33.3333321f, "33.333332" },
        { 0.07f, "0.07" },
        { 99999.9f, "99999.9" },
    };
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        char text[ORF_FLOAT_TEXT + 1];
        print(cases[i].value, text);
        g_assert_cmpstr(text, ==, cases[i].text);
    }
}

static void
numbers_read_as_strtod_reads_them(void)
{
    static const char *const texts[] = {
        "0",
        "-0",
        "1",
        "+1",
        ".5",
        "5.",
        "1e5",
        "1E+5",
        "1e-5",
        "-12.25e2",
        "123456789012345678",
        "1234567890123456789012345",
        "0.1",
        "0.30000000000000004",
        "9007199254740993",
        "1e22",
        "1e23",
        "1e-22",
        "1e-23",
        "1e308",
        "1e309",
        "1e-320",
        "1e-400",
        "2.5e-310",
        "000000000000000000000000000000001.5",
        "0.000000000000000000000000000000015",
        "1.00000000000000000000000000000000000000000000000000001",
        "4.35",
        "8.5899973e9",
        "179769313486231570000000000000000000000e270",
    };
    for (size_t i = 0; i < G_N_ELEMENTS(texts); i++) {
        OrfCursor cursor = { texts[i], texts[i] + strlen(texts[i]) };
        double value, expected = g_ascii_strtod(texts[i], NULL);
        g_assert_true(orf_cursor_number(&cursor, &value));
        g_assert_true(!memcmp(&value, &expected, sizeof value));
        g_assert_true(cursor.at == cursor.end);
    }
}

static void
numbers_end_where_they_end(void)
{
    static const struct {
        const char *text;
        bool number;
        size_t length;
    } cases[] = {
        { "1.5abc", true, 3 }, { "1e", true, 1 },   { "1e+", true, 1 },   { "-", false, 0 },
        { ".", false, 0 },     { "", false, 0 },    { "abc", false, 0 },  { "1.2.3", true, 3 },
        { "NaN,", true, 3 },   { "-inf", true, 4 }, { "\t 7 ", true, 3 }, { "1/2", true, 1 },
        { "0x10", true, 1 },
    };
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        OrfCursor cursor = { cases[i].text, cases[i].text + strlen(cases[i].text) };
        double value;
        g_assert_cmpint(orf_cursor_number(&cursor, &value), ==, cases[i].number);
        if (cases[i].number)
            g_assert_cmpint(cursor.at - cases[i].text, ==, (gssize)cases[i].length);
    }
}

static void
the_end_of_the_text_is_respected(void)
{
    static const char text[] = "12345";
    OrfCursor cursor = { text, text + 2 };
    double value;
    g_assert_true(orf_cursor_number(&cursor, &value));
    g_assert_cmpfloat(value, ==, 12);
}

static void
closed_meshes_have_even_edges(void)
{
    static const uint32_t tetrahedron[] = { 0, 1, 2, 0, 3, 1, 1, 3, 2, 2, 3, 0 };
    g_assert_true(orf_edges_even(tetrahedron, 4));
    g_assert_false(orf_edges_even(tetrahedron, 3));
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/format/text/floats-survive-text", floats_survive_text);
    g_test_add_func("/format/text/text-of-floats-is-short", text_of_floats_is_short);
    g_test_add_func("/format/text/numbers-read-as-strtod-reads-them",
                    numbers_read_as_strtod_reads_them);
    g_test_add_func("/format/text/numbers-end-where-they-end", numbers_end_where_they_end);
    g_test_add_func("/format/text/the-end-of-the-text-is-respected",
                    the_end_of_the_text_is_respected);
    g_test_add_func("/format/seams/closed-meshes-have-even-edges",
                    closed_meshes_have_even_edges);
    return g_test_run();
}
