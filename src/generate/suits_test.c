/* suits_test.c - which generator a look leads to.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <math.h>

#include "generate/generate-priv.h"

static const OrfCutout by_alpha = { .method = ORF_CUTOUT_ALPHA,
                                    .confidence = 1,
                                    .coverage = 0.4 };
static const OrfCutout by_flat = { .method = ORF_CUTOUT_FLAT,
                                   .confidence = 1,
                                   .coverage = 0.4 };
static const OrfCutout unsure = { .method = ORF_CUTOUT_GRABCUT,
                                  .confidence = 0.3,
                                  .coverage = 0.3 };

static const OrfSubjectShape animal = { .area = 0.57,
                                        .aspect = 0.6,
                                        .solidity = 0.7,
                                        .elongation = 2,
                                        .mirror = 0.55,
                                        .lathe = 0.6,
                                        .runs = 1.4,
                                        .split = 0.4,
                                        .girth = 0.35,
                                        .shade = 0.18,
                                        .banded = 1 };
static const OrfSubjectShape koala = { .area = 0.56,
                                       .aspect = 0.62,
                                       .solidity = 0.7,
                                       .elongation = 1.98,
                                       .mirror = 0.62,
                                       .lathe = 0.63,
                                       .runs = 1.36,
                                       .split = 0.45,
                                       .girth = 0.34,
                                       .straight = 0.76,
                                       .level = 0.34,
                                       .shade = 0.34,
                                       .even = 0.015,
                                       .banded = 1,
                                       .ring = 0.6 };
static const OrfSubjectShape vase = { .area = 0.75,
                                      .aspect = 1.6,
                                      .solidity = 0.85,
                                      .elongation = 1.8,
                                      .mirror = 0.99,
                                      .lathe = 0.99,
                                      .runs = 1,
                                      .girth = 0.6,
                                      .shade = 0.4,
                                      .banded = 0.9 };
static const OrfSubjectShape badge = { .area = 0.78,
                                       .aspect = 1,
                                       .solidity = 0.98,
                                       .elongation = 1,
                                       .mirror = 0.99,
                                       .lathe = 0.99,
                                       .runs = 1,
                                       .girth = 0.95,
                                       .straight = 0.3,
                                       .even = 1,
                                       .banded = 0.3 };
static const OrfSubjectShape person = { .area = 0.2,
                                        .aspect = 1,
                                        .solidity = 0.31,
                                        .elongation = 1.9,
                                        .mirror = 0.97,
                                        .lathe = 0.97,
                                        .runs = 1.5,
                                        .split = 0.4,
                                        .girth = 0.2,
                                        .shade = 0.3,
                                        .banded = 0.8 };

typedef struct {
    const char *name, *expected;
    OrfLook look;
} Case;

static const Case cases[] = {
    { "side-view-of-an-animal-is-inflated",
      "inflate",
      { .texture = 0.02,
        .colors = 12,
        .flat = 0.8,
        .chroma = 20,
        .lightness = 50,
        .cutout = by_alpha,
        .shape = animal } },
    { "grey-animal-in-nine-tones-is-no-flat-art",
      "inflate",
      { .grey = true,
        .midtones = 0.32,
        .texture = 0.02,
        .colors = 9,
        .flat = 0.81,
        .chroma = 4,
        .lightness = 48,
        .cutout = by_alpha,
        .shape = koala } },
    { "vase-on-white-is-turned",
      "lathe",
      { .texture = 0.01,
        .colors = 16,
        .flat = 0.9,
        .chroma = 30,
        .lightness = 50,
        .cutout = by_flat,
        .shape = vase } },
    { "person-with-legs-apart-is-not-turned",
      "inflate",
      { .texture = 0.01,
        .colors = 16,
        .flat = 0.6,
        .chroma = 30,
        .lightness = 50,
        .cutout = by_flat,
        .shape = person } },
    { "logo-of-two-colours-is-extruded",
      "extrude",
      { .texture = 0.1,
        .colors = 2,
        .flat = 0.9,
        .chroma = 50,
        .lightness = 40,
        .cutout = by_flat,
        .shape = badge } },
    { "drawing-made-of-outlines-is-extruded",
      "extrude",
      { .info = { .vector = true, .bits = 8 },
        .colors = 1,
        .flat = 0.9,
        .chroma = 40,
        .cutout = by_alpha,
        .shape = animal } },
    { "ink-drawing-of-an-animal-is-inflated",
      "inflate",
      { .grey = true,
        .ink = 0.04,
        .midtones = 0.05,
        .texture = 0.3,
        .colors = 1,
        .flat = 0.8,
        .lightness = 93,
        .cutout = { .method = ORF_CUTOUT_INK, .confidence = 0.8, .coverage = 0.3 },
        .shape = animal } },
    { "photograph-of-a-place-becomes-a-lithophane",
      "lithophane",
      { .texture = 0.05,
        .midtones = 0.8,
        .border = 0.9,
        .colors = 16,
        .flat = 0.1,
        .chroma = 20,
        .lightness = 50,
        .framed = 0.2,
        .cutout = unsure,
        .shape = animal } },
    { "smooth-grey-picture-becomes-a-relief",
      "relief",
      { .grey = true,
        .texture = 0.002,
        .midtones = 0.8,
        .border = 0.6,
        .colors = 8,
        .flat = 0.9,
        .lightness = 50,
        .info = { .bits = 16 } } },
    { "sixteen-bit-grey-with-a-thing-is-depth",
      "depth",
      { .grey = true,
        .texture = 0.01,
        .midtones = 0.4,
        .colors = 16,
        .flat = 0.9,
        .lightness = 50,
        .info = { .bits = 16 },
        .cutout = by_flat,
        .shape = vase } },
    { "several-views-make-a-hull",
      "hull",
      { .n_pictures = 4,
        .n_views = 4,
        .colors = 16,
        .flat = 0.5,
        .lightness = 50,
        .cutout = by_alpha,
        .shape = animal } },
};

static const struct {
    const char *name;
    OrfFit (*suits)(const OrfLook *look);
} rivals[] = {
    { "inflate", orf_suits_inflate },
    { "lathe", orf_suits_lathe },
    { "extrude", orf_suits_extrude },
    { "relief", orf_suits_relief },
    { "hull", orf_suits_hull },
    { "depth", orf_suits_depth },
    { "lithophane", orf_suits_lithophane },
};

/* In the user's words: no names of methods, no measured shares. */
static void
check_reason(const char *reason)
{
    g_assert_cmpuint(strlen(reason), >, 5);
    g_assert_null(strstr(reason, "0."));
    for (OrfCutoutMethod m = ORF_CUTOUT_ALPHA; m <= ORF_CUTOUT_GRABCUT; m++) {
        g_autofree char *name = g_strdup_printf("(%s)", orf_cutout_method_name(m));
        g_assert_null(strstr(reason, name));
    }
}

static void
check(const void *data)
{
    const Case *c = data;
    const char *best = NULL;
    double most = 0;
    for (size_t i = 0; i < G_N_ELEMENTS(rivals); i++) {
        OrfFit fit = rivals[i].suits(&c->look);
        g_assert_true(fit.confidence >= 0 && fit.confidence <= 1);
        if (fit.confidence <= most)
            continue;
        most = fit.confidence;
        best = rivals[i].name;
        check_reason(fit.reason);
    }
    g_assert_cmpstr(best, ==, c->expected);
}

static void
table_names_each_once(void)
{
    for (const OrfGenerator *const *g = orf_generators(); *g; g++)
        g_assert_true(orf_generator_by_name((*g)->name) == *g);
    for (const OrfGenerator *const *g = orf_generators(); *g; g++)
        for (const OrfGenerator *const *next = g + 1; *next; next++)
            g_assert_cmpstr((*g)->name, !=, (*next)->name);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/generate/table/names-each-generator-once", table_names_each_once);
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *path = g_strconcat("/generate/suits/", cases[i].name, NULL);
        g_test_add_data_func(path, &cases[i], check);
    }
    return g_test_run();
}
