/* look-score.c - one linear score per generator over the numbers of look.c.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Multinomial logistic regression: p(g) = exp(b_g + w_g . x) / sum over the generators, x
 * clamped and scaled to about 0..1 here, so that an odd picture cannot carry a score away. The
 * weights (look-weights.h) are written by tools/fit-auto; docs/decisions/0024-auto-score.md has
 * how they were judged. What is certain (outlines, several views) is not scored: suits.c. */
#include <math.h>

#include "generate/generate-priv.h"
#include "generate/look-weights.h"

#define NUMBER(name, ...)                                                                      \
    static double number_##name(const OrfLook *look)                                           \
    {                                                                                          \
        return (__VA_ARGS__);                                                                  \
    }

/* log(value) from `low` to `high` as 0..1. */
static double
log_ramp(double value, double low, double high)
{
    return CLAMP(log(MAX(value, low) / low) / log(high / low), 0, 1);
}

static bool
cut_by(const OrfLook *look, OrfCutoutMethod method)
{
    return look->cutout.method == method;
}

NUMBER(deep, look->info.bits > 8)
NUMBER(grey, look->grey)
NUMBER(midtones, look->midtones)
NUMBER(texture, log_ramp(look->texture, 0.002, 0.5))
NUMBER(border, look->border)
NUMBER(colors, look->colors / 16.0)
NUMBER(flat, look->flat)
NUMBER(ink, sqrt(look->ink))
NUMBER(chroma, CLAMP(look->chroma / 60, 0, 1))
NUMBER(lightness, look->lightness / 100)
NUMBER(sure, look->cutout.confidence)
NUMBER(coverage, sqrt(look->cutout.coverage))
NUMBER(framed, CLAMP(look->framed / 0.2, 0, 1))
NUMBER(subject, orf_look_subject(look))
NUMBER(area, look->shape.area)
NUMBER(aspect, log_ramp(look->shape.aspect, 0.25, 4))
NUMBER(solidity, look->shape.solidity)
NUMBER(elongation, log_ramp(look->shape.elongation, 1, 8))
NUMBER(mirror, look->shape.mirror)
NUMBER(lathe, CLAMP(look->shape.lathe * 2 - 1, 0, 1))
NUMBER(runs, log_ramp(look->shape.runs, 1, 8))
NUMBER(split, look->shape.split)
NUMBER(girth, look->shape.girth)
NUMBER(straight, look->shape.straight)
NUMBER(level, look->shape.level)
NUMBER(shade, CLAMP(look->shape.shade / 0.5, 0, 1))
NUMBER(even, look->shape.even)
NUMBER(banded, look->shape.banded)
NUMBER(ring, CLAMP(look->shape.ring / 10, 0, 1))
NUMBER(holes, log_ramp(1.0 + look->shape.holes, 1, 32))
NUMBER(by_none, cut_by(look, ORF_CUTOUT_NONE))
NUMBER(by_alpha, cut_by(look, ORF_CUTOUT_ALPHA) || cut_by(look, ORF_CUTOUT_GIVEN))
NUMBER(by_flat, cut_by(look, ORF_CUTOUT_FLAT))
NUMBER(by_scene, cut_by(look, ORF_CUTOUT_SCENE))
NUMBER(by_ink, cut_by(look, ORF_CUTOUT_INK))
NUMBER(by_grabcut, cut_by(look, ORF_CUTOUT_GRABCUT))
NUMBER(turned, orf_look_turned(look))
NUMBER(drawn, orf_look_drawn(look))
NUMBER(art, orf_look_flat_art(look))
NUMBER(terrain, orf_look_terrain(look))
NUMBER(strokes, orf_look_strokes(look))

static const struct {
    const char *name;
    double (*get)(const OrfLook *look);
} numbers[] = {
    { "deep", number_deep },         { "grey", number_grey },
    { "midtones", number_midtones }, { "texture", number_texture },
    { "border", number_border },     { "colors", number_colors },
    { "flat", number_flat },         { "ink", number_ink },
    { "chroma", number_chroma },     { "lightness", number_lightness },
    { "sure", number_sure },         { "coverage", number_coverage },
    { "framed", number_framed },     { "subject", number_subject },
    { "area", number_area },         { "aspect", number_aspect },
    { "solidity", number_solidity }, { "elongation", number_elongation },
    { "mirror", number_mirror },     { "lathe", number_lathe },
    { "runs", number_runs },         { "split", number_split },
    { "girth", number_girth },       { "straight", number_straight },
    { "level", number_level },       { "shade", number_shade },
    { "even", number_even },         { "banded", number_banded },
    { "ring", number_ring },         { "holes", number_holes },
    { "by-none", number_by_none },   { "by-alpha", number_by_alpha },
    { "by-flat", number_by_flat },   { "by-scene", number_by_scene },
    { "by-ink", number_by_ink },     { "by-grabcut", number_by_grabcut },
    { "turned", number_turned },     { "drawn", number_drawn },
    { "art", number_art },           { "terrain", number_terrain },
    { "strokes", number_strokes },
};
G_STATIC_ASSERT(G_N_ELEMENTS(numbers) == ORF_LOOK_NUMBERS);

const char *
orf_look_number_name(size_t index)
{
    return numbers[index].name;
}

void
orf_look_numbers(const OrfLook *look, double ret_numbers[ORF_LOOK_NUMBERS])
{
    for (size_t i = 0; i < ORF_LOOK_NUMBERS; i++)
        ret_numbers[i] = numbers[i].get(look);
}

void
orf_look_scores(const OrfLook *look, double ret_scores[ORF_LOOK_N_SCORES])
{
    double x[ORF_LOOK_NUMBERS], top = -G_MAXDOUBLE, sum = 0;
    orf_look_numbers(look, x);
    for (size_t g = 0; g < ORF_LOOK_N_SCORES; g++) {
        ret_scores[g] = look_bias[g];
        for (size_t i = 0; i < ORF_LOOK_NUMBERS; i++)
            ret_scores[g] += look_weights[g][i] * x[i];
        top = MAX(top, ret_scores[g]);
    }
    for (size_t g = 0; g < ORF_LOOK_N_SCORES; g++)
        sum += ret_scores[g] = exp(ret_scores[g] - top);
    for (size_t g = 0; g < ORF_LOOK_N_SCORES; g++)
        ret_scores[g] /= sum;
}
