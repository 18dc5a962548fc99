/* text_test.c - lettering has the height asked for and says what is missing.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "image-priv.h"

#include <math.h>

static OrfImage *
text(OrfTask *task, const char *words, const char *font, unsigned height)
{
    g_autoptr(GError) error = NULL;
    OrfImage *image = orf_image_text(task, words, font, height, "center", &error);
    g_assert_no_error(error);
    return image;
}

static double
ink(const OrfImage *image)
{
    double sum = 0;
    for (size_t i = 0; i < (size_t)image->width * image->height; i++) {
        g_assert_cmpfloat(orf_image_f32(image)[i], >=, 0);
        g_assert_cmpfloat(orf_image_f32(image)[i], <=, 1);
        sum += orf_image_f32(image)[i];
    }
    return sum;
}

static void
lines_have_the_height_asked_for(void)
{
    static const unsigned heights[] = { 12, 40, 200 };
    for (size_t i = 0; i < G_N_ELEMENTS(heights); i++) {
        g_autoptr(OrfImage) low = text(NULL, "a", "DejaVu Sans Bold", heights[i]);
        g_autoptr(OrfImage) high = text(NULL, "Apg", "DejaVu Sans Bold", heights[i]);
        g_autoptr(OrfImage) two = text(NULL, "a\nb", "DejaVu Sans Bold", heights[i]);
        g_assert_cmpint(abs((int)low->height - (int)heights[i]), <=, 2);
        g_assert_cmpuint(low->height, ==, high->height);
        g_assert_cmpint(abs((int)two->height - 2 * (int)heights[i]), <=, 3);
        g_assert_cmpfloat(ink(low), >, heights[i] * heights[i] * 0.05);
    }
}

static void
letters_scale_without_change(void)
{
    g_autoptr(OrfImage) small = text(NULL, "Hello", "DejaVu Sans", 50);
    g_autoptr(OrfImage) large = text(NULL, "Hello", "DejaVu Sans", 400);
    g_assert_cmpfloat_with_epsilon(ink(large) / ink(small), 64, 2);
}

static void
unknown_fonts_are_noted(void)
{
    g_autoptr(OrfTask) task = orf_task_new(NULL);
    g_autoptr(OrfImage) image = text(task, "x", "No Such Font 7", 30);
    g_assert_cmpfloat(ink(image), >, 0);
    g_auto(GStrv) notes = orf_task_notes(task);
    g_assert_nonnull(notes[0]);
    g_assert_true(g_str_has_prefix(notes[0], "text: the font No Such Font"));
}

static void
bad_text_is_refused(void)
{
    g_autofree char *endless = g_strnfill(5000, 'x');
    g_autofree char *wide = g_strnfill(4000, 'W');
    static const char broken[] = { 'a', (char)0xff, 0 };
    const struct {
        const char *words;
        unsigned height;
        const char *align;
        int code;
    } cases[] = { { "", 40, "left", ORF_ERROR_BAD_INPUT },
                  { broken, 40, "left", ORF_ERROR_BAD_INPUT },
                  { endless, 40, "left", ORF_ERROR_BAD_INPUT },
                  { "a", 0, "left", ORF_ERROR_BAD_INPUT },
                  { "a", 40, "diagonal", ORF_ERROR_BAD_INPUT },
                  { wide, 2000, "left", ORF_ERROR_TOO_LARGE } };
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GError) error = NULL;
        g_assert_null(orf_image_text(NULL, cases[i].words, "DejaVu Sans", cases[i].height,
                                     cases[i].align, &error));
        g_assert_error(error, ORF_ERROR, cases[i].code);
    }
}

static void
blank_text_has_no_ink(void)
{
    g_autoptr(OrfImage) image = text(NULL, " ", "DejaVu Sans", 30);
    g_assert_cmpfloat(ink(image), ==, 0);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/image/text/lines-have-the-height-asked-for",
                    lines_have_the_height_asked_for);
    g_test_add_func("/image/text/letters-scale-without-change", letters_scale_without_change);
    g_test_add_func("/image/text/unknown-fonts-are-noted", unknown_fonts_are_noted);
    g_test_add_func("/image/text/bad-text-is-refused", bad_text_is_refused);
    g_test_add_func("/image/text/blank-text-has-no-ink", blank_text_has_no_ink);
    return g_test_run();
}
