/* SPDX-License-Identifier: Apache-2.0 */
#include "base/base.h"

#include <math.h>
#include <string.h>

static const OrfParam table[] = {
    { "size", ORF_PARAM_LENGTH, 1, 2000, "100", NULL, "longest side" },
    { "seed", ORF_PARAM_INT, 0, 1e15, "0", NULL, "random seed" },
    { "shape", ORF_PARAM_CHOICE, 0, 0, "flat", "flat|arc|cylinder", "form of the plate" },
    { "mirror", ORF_PARAM_BOOL, 0, 0, "false", NULL, "mirrored" },
    { "heights", ORF_PARAM_LIST, 0, 50, "1,2", NULL, "heights" },
    { "text", ORF_PARAM_TEXT, 0, 10, "", NULL, "lettering" },
};

static OrfParams *
fixture(void)
{
    OrfParams *params = orf_params_new();
    orf_params_add_table(params, table, G_N_ELEMENTS(table));
    return params;
}

static void
lengths_take_units(void)
{
    static const struct {
        const char *text;
        double mm;
    } cases[] = { { "80", 80 },    { "80mm", 80 },  { "8cm", 80 },     { "8 cm", 80 },
                  { "0.08m", 80 }, { "2in", 50.8 }, { "1500um", 1.5 }, { "1e2", 100 } };
    g_autoptr(OrfParams) params = fixture();
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_assert_true(orf_params_set(params, "size", cases[i].text, NULL));
        g_assert_cmpfloat_with_epsilon(orf_params_number(params, "size"), cases[i].mm, 1e-9);
    }
}

static void
wrong_values_name_the_remedy(void)
{
    static const struct {
        const char *name, *text, *says;
    } cases[] = {
        { "size", "big", "not a number" }, { "size", "0", "1 to 2000 mm" },
        { "size", "5 furlongs", "not a" }, { "seed", "1.5", "whole number" },
        { "size", "nan", "not a number" }, { "size", "inf", "not a number" },
        { "shape", "cube", "flat, arc" },  { "sise", "5", "did you mean \"size\"" },
        { "quux-frobnicate", "5", "see" }, { "heights", "1,x", "not a number" },
        { "mirror", "maybe", "neither" },  { "text", "far too long a text", "at most 10" },
        { "text", "\xff\xfe", "UTF-8" },   { "size", "", "not a number" },
    };
    g_autoptr(OrfParams) params = fixture();
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GError) error = NULL;
        g_assert_false(orf_params_set(params, cases[i].name, cases[i].text, &error));
        g_assert_error(error, ORF_ERROR, ORF_ERROR_BAD_INPUT);
        g_assert_nonnull(strstr(error->message, cases[i].says));
    }
}

static void
canonical_form_is_sorted_and_complete(void)
{
    g_autoptr(OrfParams) params = fixture();
    g_assert_true(orf_params_set(params, "size", "8cm", NULL));
    g_assert_true(orf_params_set(params, "heights", "0.1, 2.50", NULL));
    g_assert_true(orf_params_set(params, "text", "a\"b", NULL));
    g_autofree char *json = orf_params_canonical(params);
    g_assert_cmpstr(json, ==,
                    "{\"heights\":[0.1,2.5],\"mirror\":false,\"seed\":0,\"shape\":\"flat\","
                    "\"size\":80,\"text\":\"a\\\"b\"}");
    g_autoptr(OrfParams) copy = orf_params_copy(params);
    g_autofree char *again = orf_params_canonical(copy);
    g_assert_cmpstr(json, ==, again);
}

static void
lists_come_back_in_order(void)
{
    g_autoptr(OrfParams) params = fixture();
    double values[4];
    g_assert_cmpuint(orf_params_list(params, "heights", values, 4), ==, 2);
    g_assert_cmpfloat(values[1], ==, 2);
    g_assert_false(orf_params_is_set(params, "heights"));
    g_assert_true(orf_params_set(params, "heights", "3,4,5", NULL));
    g_assert_cmpuint(orf_params_list(params, "heights", values, 2), ==, 3);
    g_assert_true(orf_params_is_set(params, "heights"));
}

static void
numbers_print_shortest(void)
{
    static const struct {
        double value;
        const char *text;
    } cases[] = { { 0.1, "0.1" },   { 1, "1" },
                  { -2.5, "-2.5" }, { 1.0 / 3, "0.3333333333333333" },
                  { NAN, "null" },  { 1e21, "1e+21" } };
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GString) out = g_string_new(NULL);
        orf_json_number(out, cases[i].value);
        g_assert_cmpstr(out->str, ==, cases[i].text);
    }
}

static void
digest_matches_the_standard(void)
{
    char hex[ORF_DIGEST_SIZE];
    orf_digest("abc", 3, hex); /* FIPS 180-2, appendix B.1 */
    g_assert_cmpstr(hex, ==,
                    "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

static void
every_error_has_a_row(void)
{
    for (int code = 0; code < ORF_N_ERRORS; code++) {
        g_assert_nonnull(orf_error_info(code)->name);
        g_assert_cmpint(orf_error_info(code)->exit_code, >, 0);
        g_assert_cmpint(orf_error_info(code)->http_status, >=, 400);
    }
    g_autoptr(GError) missing = g_error_new(G_FILE_ERROR, G_FILE_ERROR_NOENT, "gone");
    g_assert_cmpint(orf_error_exit_code(missing), ==,
                    orf_error_info(ORF_ERROR_NOT_FOUND)->exit_code);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/base/params/lengths-take-units", lengths_take_units);
    g_test_add_func("/base/params/wrong-values-name-the-remedy", wrong_values_name_the_remedy);
    g_test_add_func("/base/params/canonical-form-is-sorted-and-complete",
                    canonical_form_is_sorted_and_complete);
    g_test_add_func("/base/params/lists-come-back-in-order", lists_come_back_in_order);
    g_test_add_func("/base/json/numbers-print-shortest", numbers_print_shortest);
    g_test_add_func("/base/digest/matches-the-standard", digest_matches_the_standard);
    g_test_add_func("/base/error/every-error-has-a-row", every_error_has_a_row);
    return g_test_run();
}
