/* json_test.c - JSON that is written: leaves as RFC 8785 prints them, commas by themselves.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/base.h"

#include <math.h>
#include <string.h>

static char *
number(double value)
{
    GString *out = g_string_new(NULL);
    orf_json_number(out, value);
    return g_string_free(out, FALSE);
}

static double
from_bits(uint64_t bits)
{
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* The samples of RFC 8785, appendix B. */
static void
numbers_are_those_of_rfc_8785(void)
{
    static const struct {
        uint64_t bits;
        const char *text;
    } samples[] = {
        { 0x0000000000000000, "0" },
        { 0x8000000000000000, "0" },
        { 0x0000000000000001, "5e-324" },
        { 0x8000000000000001, "-5e-324" },
        { 0x7fefffffffffffff, "1.7976931348623157e+308" },
        { 0xffefffffffffffff, "-1.7976931348623157e+308" },
        { 0x4340000000000000, "9007199254740992" },
        { 0xc340000000000000, "-9007199254740992" },
        { 0x4430000000000000, "295147905179352830000" },
        { 0x44b52d02c7e14af5, "9.999999999999997e+22" },
        { 0x44b52d02c7e14af6, "1e+23" },
        { 0x44b52d02c7e14af7, "1.0000000000000001e+23" },
        { 0x444b1ae4d6e2ef4e, "999999999999999700000" },
        { 0x444b1ae4d6e2ef4f, "999999999999999900000" },
        { 0x444b1ae4d6e2ef50, "1e+21" },
        { 0x3eb0c6f7a0b5ed8c, "9.999999999999997e-7" },
        { 0x3eb0c6f7a0b5ed8d, "0.000001" },
        { 0x41b3de4355555553, "333333333.3333332" },
        { 0x41b3de4355555554, "333333333.33333325" },
        { 0x41b3de4355555555, "333333333.3333333" },
        { 0x41b3de4355555556, "333333333.3333334" },
        { 0x41b3de4355555557, "333333333.33333343" },
        { 0xbecbf647612f3696, "-0.0000033333333333333333" },
        { 0x43143ff3c1cb0959, "1424953923781206.2" },
    };
    for (size_t i = 0; i < G_N_ELEMENTS(samples); i++) {
        g_autofree char *text = number(from_bits(samples[i].bits));
        g_assert_cmpstr(text, ==, samples[i].text);
    }
}

static void
what_is_no_number_is_null(void)
{
    const double none[] = { NAN, INFINITY, -INFINITY };
    for (size_t i = 0; i < G_N_ELEMENTS(none); i++) {
        g_autofree char *text = number(none[i]);
        g_assert_cmpstr(text, ==, "null");
    }
}

static void
every_number_reads_back_as_itself(void)
{
    g_autoptr(GRand) rand = g_rand_new_with_seed(8785);
    for (int i = 0; i < 20000; i++) {
        uint64_t bits = (uint64_t)g_rand_int(rand) << 32 | g_rand_int(rand);
        double value = from_bits(bits);
        if (!isfinite(value))
            continue;
        g_autofree char *text = number(value);
        g_assert_true(g_ascii_strtod(text, NULL) == value);
    }
}

static void
strings_are_escaped_and_mended(void)
{
    static const struct {
        const char *text, *json;
    } cases[] = {
        { "", "\"\"" },
        { "a\"b\\c", "\"a\\\"b\\\\c\"" },
        { "\b\t\n\f\r\x01\x1f", "\"\\b\\t\\n\\f\\r\\u0001\\u001f\"" },
        { "K\xc3\xa4se", "\"K\xc3\xa4se\"" },
        { "cut \xc3", "\"cut \xef\xbf\xbd\"" },
    };
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GString) out = g_string_new(NULL);
        orf_json_string(out, cases[i].text);
        g_assert_cmpstr(out->str, ==, cases[i].json);
    }
}

static void
commas_keep_themselves(void)
{
    g_autoptr(OrfJson) json = orf_json_new();
    orf_json_begin_object(json, NULL);
    orf_json_add_text(json, "name", "a \"cup\"");
    orf_json_begin_array(json, "none");
    orf_json_end(json);
    orf_json_begin_array(json, "list");
    orf_json_add_int(json, NULL, INT64_MAX);
    orf_json_begin_object(json, NULL);
    orf_json_end(json);
    orf_json_begin_object(json, NULL);
    orf_json_add_bool(json, "yes", true);
    orf_json_add_bool(json, "no", false);
    orf_json_end(json);
    orf_json_add_null(json, NULL);
    orf_json_end(json);
    orf_json_add_texts(json, "names", (const char *const[]){ "x", NULL }, 2);
    orf_json_add_text(json, "nothing", NULL);
    orf_json_add_raw(json, "raw", "{\"a\":[1]}");
    orf_json_add_number(json, "third", 1 / 3.0);
    orf_json_end(json);
    g_autofree char *text = orf_json_steal(json);
    g_assert_cmpstr(text, ==,
                    "{\"name\":\"a \\\"cup\\\"\",\"none\":[],"
                    "\"list\":[9223372036854775807,{},{\"yes\":true,\"no\":false},null],"
                    "\"names\":[\"x\",null],\"nothing\":null,\"raw\":{\"a\":[1]},"
                    "\"third\":0.3333333333333333}");
}

static void
digits_are_fixed_or_at_most(void)
{
    g_autoptr(OrfJson) json = orf_json_new();
    orf_json_begin_array(json, NULL);
    orf_json_add_fixed(json, NULL, 0.12, 3);
    orf_json_add_fixed(json, NULL, NAN, 3);
    orf_json_add_fixed(json, NULL, -1e300, 0);
    orf_json_add_rounded(json, NULL, 0.12, 6);
    orf_json_add_rounded(json, NULL, 1234567, 6);
    orf_json_add_rounded(json, NULL, INFINITY, 6);
    orf_json_end(json);
    g_autoptr(GBytes) bytes = orf_json_steal_bytes(json);
    g_autofree char *text = g_strndup(g_bytes_get_data(bytes, NULL), g_bytes_get_size(bytes));
    g_autofree char *large = g_strdup_printf("%.0f", -1e300);
    g_autofree char *wanted = g_strdup_printf("[0.120,null,%s,0.12,1.23457e+06,null]", large);
    g_assert_cmpstr(text, ==, wanted);
}

static void
it_nests_sixty_four_deep(void)
{
    g_autoptr(OrfJson) json = orf_json_new();
    for (int i = 0; i < 64; i++) {
        if (i % 3)
            orf_json_begin_array(json, (i - 1) % 3 ? NULL : "a");
        else
            orf_json_begin_object(json, NULL);
    }
    for (int i = 0; i < 64; i++)
        orf_json_end(json);
    g_autofree char *text = orf_json_steal(json);
    size_t n = strlen(text);
    g_assert_true(g_str_has_prefix(text, "{\"a\":[[{\"a\":[["));
    g_assert_true(g_str_has_suffix(text, "]]}]]}"));
    for (size_t i = 0, open = 0; i < n; i++) {
        open += text[i] == '[' || text[i] == '{';
        open -= text[i] == ']' || text[i] == '}';
        g_assert_true(open || i == n - 1);
    }
}

static void
it_appends_to_what_is_there(void)
{
    g_autoptr(GString) out = g_string_new("data: ");
    {
        g_autoptr(OrfJson) json = orf_json_onto(out);
        orf_json_begin_object(json, NULL);
        orf_json_add_int(json, "n", -1);
        orf_json_end(json);
    }
    g_string_append(out, "\n\n");
    g_assert_cmpstr(out->str, ==, "data: {\"n\":-1}\n\n");
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/base/json/numbers-are-those-of-rfc-8785", numbers_are_those_of_rfc_8785);
    g_test_add_func("/base/json/what-is-no-number-is-null", what_is_no_number_is_null);
    g_test_add_func("/base/json/every-number-reads-back-as-itself",
                    every_number_reads_back_as_itself);
    g_test_add_func("/base/json/strings-are-escaped-and-mended",
                    strings_are_escaped_and_mended);
    g_test_add_func("/base/json/commas-keep-themselves", commas_keep_themselves);
    g_test_add_func("/base/json/digits-are-fixed-or-at-most", digits_are_fixed_or_at_most);
    g_test_add_func("/base/json/it-nests-sixty-four-deep", it_nests_sixty_four_deep);
    g_test_add_func("/base/json/it-appends-to-what-is-there", it_appends_to_what_is_there);
    return g_test_run();
}
