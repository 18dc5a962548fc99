/* SPDX-License-Identifier: Apache-2.0 */
#include "base/base.h"

#include <math.h>
#include <string.h>

static const OrfParam table[] = {
    ORF_LENGTH("size", 1, 2000, "100", "longest side"),
    ORF_INT("seed", 0, 1e15, "0", "random seed"),
    ORF_CHOICE("shape", "flat|arc|cylinder", "flat", "form of the plate"),
    ORF_BOOL("mirror", "false", "mirrored"),
    ORF_LIST("heights", 0, 50, "1,2", "heights"),
    ORF_TEXT("text", 0, 10, "", "lettering"),
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
    } cases[] = { { "3inch", 76.2 },    { "2 Inches", 50.8 }, { "80MM", 80 },
                  { "100,5mm", 100.5 }, { "0,5 ft", 152.4 },  { " 8cm. ", 80 },
                  { "80", 80 },         { "80mm", 80 },       { "8cm", 80 },
                  { "8 cm", 80 },       { "0.08m", 80 },      { "2in", 50.8 },
                  { "1500um", 1.5 },    { "1e2", 100 } };
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
        { "size", "0x10", "not a number" },
        { "size", "1,000mm", "mm, cm, m, in or ft" },
        { "size", "1,2,3", "not a number" },
        { "size", "big", "not a number" },
        { "size", "0", "1 to 2000 mm" },
        { "size", "5 furlongs", "not a" },
        { "seed", "1.5", "whole number" },
        { "size", "nan", "not a number" },
        { "size", "inf", "not a number" },
        { "shape", "cube", "flat, arc" },
        { "shape", "flat|arc", "not one of" },
        { "shape", "", "not one of" },
        { "heights", "1,x", "not a number" },
        { "mirror", "maybe", "neither" },
        { "text", "far too long a text", "at most 10" },
        { "text", "\xff\xfe", "UTF-8" },
        { "size", "", "not a number" },
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
unknown_names_are_told_apart_by_code(void)
{
    static const struct {
        const char *name, *says;
    } cases[] = { { "sise", "did you mean \"size\"" },
                  { "quux-frobnicate", "no parameter \"quux-frobnicate\"" } };
    g_autoptr(OrfParams) params = fixture();
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GError) error = NULL;
        g_assert_false(orf_params_set(params, cases[i].name, "5", &error));
        g_assert_error(error, ORF_ERROR, ORF_ERROR_NOT_FOUND);
        g_assert_nonnull(strstr(error->message, cases[i].says));
    }
}

static void
one_value_is_checked_without_a_set(void)
{
    static const struct {
        OrfParam row;
        const char *text, *canonical; /* NULL: refused */
    } cases[] = {
        { ORF_INT("n", 1, 200, "", ""), "007", "7" },
        { ORF_INT("n", 1, 200, "", ""), "0", NULL },
        { ORF_LENGTH("wall", 0, 50, "", ""), "2 cm", "20" },
        { ORF_ANGLE("yaw", 0, 360, "", ""), "90deg", "90" },
        { ORF_BOOL("dry", "", ""), "yes", "true" },
        { ORF_BOOL("dry", "", ""), "", NULL },
        { ORF_LIST("heights", 0, 50, "", ""), "1, 2.50", "1,2.5" },
        { ORF_CHOICE("format", "|glb|stl", "", ""), "", "" },
        { ORF_CHOICE("format", "|glb|stl", "", ""), "stl", "stl" },
        { ORF_CHOICE("format", "|glb|stl", "", ""), "st", NULL },
        { ORF_TEXT("id", 2, 3, "", ""), "a", NULL },
        { ORF_TEXT("id", 2, 3, "", ""), "ab", "ab" },
        { ORF_TEXT("id", 2, 3, "", ""), "abcd", NULL },
        { ORF_TEXT("any", 0, 0, "", ""), "as long as it likes", "as long as it likes" },
    };
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *canonical = NULL;
        g_autoptr(GError) error = NULL;
        bool fits = orf_param_check(&cases[i].row, cases[i].text, &canonical, &error);
        g_assert_cmpint(fits, ==, cases[i].canonical != NULL);
        g_assert_cmpstr(canonical, ==, cases[i].canonical);
        g_assert_true(fits == !error);
        g_assert_true(fits || error->code == ORF_ERROR_BAD_INPUT);
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
    g_test_add_func("/base/params/unknown-names-are-told-apart-by-code",
                    unknown_names_are_told_apart_by_code);
    g_test_add_func("/base/params/one-value-is-checked-without-a-set",
                    one_value_is_checked_without_a_set);
    g_test_add_func("/base/params/canonical-form-is-sorted-and-complete",
                    canonical_form_is_sorted_and_complete);
    g_test_add_func("/base/params/lists-come-back-in-order", lists_come_back_in_order);
    g_test_add_func("/base/digest/matches-the-standard", digest_matches_the_standard);
    g_test_add_func("/base/error/every-error-has-a-row", every_error_has_a_row);
    return g_test_run();
}
