/* SPDX-License-Identifier: Apache-2.0 */
#include "image/cutout-priv.h"

enum { W = 8, H = 6, N = W * H };

/* '#' is 1. */
static void
read_mask(const char *rows, uint8_t *mask)
{
    for (int i = 0; i < N; i++)
        mask[i] = rows[i] == '#';
}

static void
assert_mask(const uint8_t *mask, const char *rows)
{
    char got[N + 1] = { 0 };
    for (int i = 0; i < N; i++)
        got[i] = mask[i] ? '#' : '.';
    g_assert_cmpstr(got, ==, rows);
}

static void
clean_drops_specks_and_fills_pin_holes(void)
{
    uint8_t mask[N];
    read_mask("#......."
              "...####."
              "...#.##."
              "...####."
              "...####."
              "........",
              mask);
    g_assert_true(orf_mask_clean(NULL, W, H, mask, 0.2, 2, NULL));
    assert_mask(mask, "........"
                      "...####."
                      "...####."
                      "...####."
                      "...####."
                      "........");
}

static void
flood_passes_sides_not_corners(void)
{
    uint8_t mask[N];
    read_mask("..#....."
              "..##...."
              "....#..."
              "..##...."
              "..#....#"
              ".#..####",
              mask);
    g_assert_true(orf_mask_flood(NULL, W, H, mask, NULL));
    assert_mask(mask, "..#....."
                      "..##...."
                      "........"
                      "........"
                      ".......#"
                      ".#..####");
}

static void
grow_and_shrink_are_squares(void)
{
    uint8_t mask[N];
    read_mask("........"
              "........"
              "...#...."
              "........"
              "........"
              "#.......",
              mask);
    g_assert_true(orf_mask_grow(NULL, W, H, mask, 1, false, NULL));
    const char *grown = "........"
                        "..###..."
                        "..###..."
                        "..###..."
                        "##......"
                        "##......";
    assert_mask(mask, grown);
    g_assert_true(orf_mask_grow(NULL, W, H, mask, 1, true, NULL));
    assert_mask(mask, "........"
                      "........"
                      "...#...."
                      "........"
                      "........"
                      "#.......");
}

static void
labels_count_regions_and_their_pixels(void)
{
    uint8_t mask[N];
    int32_t label[N];
    for (int eight = 0; eight < 2; eight++) {
        orf_autofree uint32_t *area = NULL;
        unsigned count;
        read_mask("#......."
                  ".#......"
                  "........"
                  "...##..."
                  "...##..."
                  "........",
                  mask);
        g_assert_true(orf_mask_label(NULL, W, H, mask, eight, label, &area, &count, NULL));
        g_assert_cmpuint(count, ==, eight ? 2 : 3);
        g_assert_cmpuint(area[count], ==, 4);
        g_assert_cmpint(label[3 * W + 3], ==, (int)count);
        g_assert_cmpint(label[2], ==, 0);
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/image/mask/clean-drops-specks-and-fills-pin-holes",
                    clean_drops_specks_and_fills_pin_holes);
    g_test_add_func("/image/mask/flood-passes-sides-not-corners",
                    flood_passes_sides_not_corners);
    g_test_add_func("/image/mask/grow-and-shrink-are-squares", grow_and_shrink_are_squares);
    g_test_add_func("/image/mask/labels-count-regions-and-their-pixels",
                    labels_count_regions_and_their_pixels);
    return g_test_run();
}
