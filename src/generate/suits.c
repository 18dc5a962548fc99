/* suits.c - what a person would make of a picture, as confidences that can be compared.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * What is certain is said here: several pictures are views, outlines are extruded, 16 bits of
 * grey are heights or distances, and without a cut-out there is no body. All else is the score
 * of look-score.c, fitted to labelled pictures of many sources; the reasons in words are kept
 * beside it. The rules of thumb below are numbers among the others there. */
#include <string.h>

#include "generate/generate-priv.h"

#define TOOL_DEPTH 0.5 /* of a key or a spanner, share of its widest part */

static OrfFit fit(double confidence, const char *format, ...) G_GNUC_PRINTF(2, 3);

static OrfFit
fit(double confidence, const char *format, ...)
{
    OrfFit result = { .confidence = CLAMP(confidence, 0, 1) };
    va_list args;
    va_start(args, format);
    g_vsnprintf(result.reason, sizeof result.reason, format, args);
    va_end(args);
    return result;
}

double
orf_look_subject(const OrfLook *look)
{
    const OrfCutout *cut = &look->cutout;
    if (cut->method == ORF_CUTOUT_NONE || look->shape.area <= 0)
        return 0;
    if (cut->method == ORF_CUTOUT_ALPHA || cut->method == ORF_CUTOUT_GIVEN)
        return 1;
    double sure = cut->method == ORF_CUTOUT_GRABCUT ? orf_ramp(cut->confidence, 0.4, 0.8)
                                                    : orf_ramp(cut->confidence, 0.3, 0.7);
    return sure * orf_ramp(look->framed, 0.06, 0.01) * orf_ramp(cut->coverage, 0.015, 0.03) *
           orf_ramp(look->shape.solidity, 0.12, 0.25);
}

/* Strokes round light paper: the body is the paper inside them. */
double
orf_look_drawn(const OrfLook *look)
{
    return orf_ramp(look->ink, 0.005, 0.015) * orf_ramp(look->ink, 0.25, 0.18) *
           orf_ramp(look->lightness, 55, 70) * orf_ramp(look->chroma, 14, 8);
}

/* Few colours without any shading. */
double
orf_look_flat_art(const OrfLook *look)
{
    double art = orf_ramp(look->colors, 8, 5) * orf_ramp(look->flat, 0.4, 0.6);
    return look->info.vector ? MAX(art, 0.8) : art;
}

/* Grey, smooth everywhere, reaching the frame on all sides. */
double
orf_look_terrain(const OrfLook *look)
{
    if (!look->grey)
        return 0;
    return orf_ramp(look->texture, 0.022, 0.008) * orf_ramp(look->midtones, 0.4, 0.6) *
           orf_ramp(look->border, 0.02, 0.1);
}

double
orf_look_turned(const OrfLook *look)
{
    const OrfSubjectShape *s = &look->shape;
    double turned = orf_ramp(s->lathe, 0.94, 0.975) * orf_ramp(s->mirror, 0.93, 0.97) *
                    orf_ramp(s->aspect, 0.7, 0.85) * orf_ramp(s->runs, 1.7, 1.55) *
                    orf_ramp(s->split, 0.1, 0.04) * orf_ramp(s->solidity, 0.4, 0.55) *
                    orf_ramp(s->elongation, 9, 7);
    double looks = orf_ramp(s->shade, 0.05, 0.12) * orf_ramp(s->banded, 0.25, 0.5);
    return turned * looks * orf_ramp(orf_look_subject(look), 0, 0.5);
}

double
orf_look_strokes(const OrfLook *look)
{
    return look->ink > 0.005 && look->grey && look->cutout.coverage < 1.4 * look->ink;
}

/* --- What is certain ---------------------------------------------------------------------- */

/* Something was cut out, so that a body can be made at all. */
static bool
has_body(const OrfLook *look)
{
    return look->cutout.method != ORF_CUTOUT_NONE && look->shape.area > 0;
}

/* No photograph, drawing or logo is stored so. */
static bool
is_measured(const OrfLook *look)
{
    return look->info.bits > 8 && look->grey && look->cutout.method != ORF_CUTOUT_ALPHA;
}

/* A line drawing whose outline closes round paper: too rare in the labelled pictures to be
 * learned. Print is level and straight. */
static bool
is_outlined(const OrfLook *look)
{
    return look->cutout.method == ORF_CUTOUT_INK && look->cutout.confidence > 0.5 &&
           orf_look_drawn(look) > 0.5 && look->shape.level < 0.5;
}

/* Several tones that darken towards a rim: a shaded thing, whatever else speaks for flat art.
 */
static bool
is_shaded(const OrfLook *look)
{
    return look->colors >= 4 && look->shape.shade > 0.1;
}

static double
score_of(const OrfLook *look, OrfLookScore which)
{
    double scores[ORF_LOOK_N_SCORES];
    bool flat = which == ORF_SCORE_RELIEF || which == ORF_SCORE_LITHOPHANE;
    if (!flat && !has_body(look))
        return 0;
    if (is_measured(look) != (which == ORF_SCORE_RELIEF || which == ORF_SCORE_DEPTH) &&
        (is_measured(look) || which == ORF_SCORE_DEPTH))
        return 0;
    orf_look_scores(look, scores);
    return scores[which];
}

/* --- One by one --------------------------------------------------------------------------- */

OrfFit
orf_suits_inflate(const OrfLook *look)
{
    double score = score_of(look, ORF_SCORE_INFLATE);
    if (!has_body(look))
        return fit(0, "nothing stands free");
    if (is_outlined(look))
        return fit(MAX(score, 0.6), "a drawing: its outline filled, rounded");
    OrfThickness thickness;
    orf_thickness_guess(&look->shape, &thickness);
    return fit(score, "one thing stands free; %s", thickness.why);
}

/* The same on both sides, upright, shaded round and not flat art: the labelled pictures hold a
 * dozen of these, too few to teach it. */
static double
surely_turned(const OrfLook *look)
{
    bool round = orf_look_flat_art(look) < 0.3 && !is_measured(look) && has_body(look);
    return round ? 0.75 * orf_ramp(orf_look_turned(look), 0.5, 0.9) : 0;
}

OrfFit
orf_suits_lathe(const OrfLook *look)
{
    return fit(MAX(score_of(look, ORF_SCORE_LATHE), surely_turned(look)),
               "upright, the same on both sides (%.0f %%), shaded round: turned",
               100 * look->shape.lathe);
}

/* A key or a spanner is as thick as one of its size, not as thick as a sign. The largest circle
 * inside an outline is about 0.8 times as wide as the body is at its thickest. */
static void
thick_as_a_tool(const OrfLook *look, OrfFit *fit)
{
    if (look->shape.elongation < 3 || look->shape.runs > 2 || look->info.vector)
        return;
    fit->sets = "height";
    fit->share = TOOL_DEPTH * look->shape.girth / 0.8;
}

static OrfFit
extrude_fits(const OrfLook *look)
{
    if (look->info.vector && has_body(look))
        return fit(0.9, "a drawing made of outlines");
    double score = score_of(look, ORF_SCORE_EXTRUDE);
    if (is_outlined(look))
        return fit(MIN(score, 0.5), "a drawing: its strokes as a solid");
    if (orf_look_drawn(look) > 0.5 || orf_look_strokes(look) > 0)
        return fit(score, "strokes on paper: as a solid");
    if (is_shaded(look))
        return fit(MIN(score, 0.05), "its outline as a solid");
    return fit(score, "%u flat colour%s with hardly any shading: a logo, an icon or lettering",
               look->colors, look->colors == 1 ? "" : "s");
}

OrfFit
orf_suits_extrude(const OrfLook *look)
{
    OrfFit fit = extrude_fits(look);
    thick_as_a_tool(look, &fit);
    return fit;
}

OrfFit
orf_suits_relief(const OrfLook *look)
{
    double score = score_of(look, ORF_SCORE_RELIEF);
    if (orf_look_terrain(look) > 0.3)
        return fit(score, "grey and smooth all over: a height map");
    if (look->shape.ring > 3 && look->shape.girth > 0.8)
        return fit(score, "a plate with a border");
    return fit(score, "a picture as a raised plate");
}

OrfFit
orf_suits_lithophane(const OrfLook *look)
{
    return fit(score_of(look, ORF_SCORE_LITHOPHANE),
               orf_look_subject(look) > 0.5 ? "the picture as a plate to be lit from behind"
                                            : "a picture that fills its frame: a plate to "
                                              "be lit from behind");
}

OrfFit
orf_suits_hull(const OrfLook *look)
{
    if (look->n_pictures < 2)
        return fit(0, "one picture");
    return fit(look->n_views == look->n_pictures ? 0.95 : 0.8, "%u pictures of one thing",
               look->n_pictures);
}

OrfFit
orf_suits_depth(const OrfLook *look)
{
    double free = is_measured(look) ? orf_ramp(orf_look_subject(look), 0.2, 0.6) : 0;
    return fit(MAX(score_of(look, ORF_SCORE_DEPTH), 0.94 * free),
               "16-bit grey with a thing that stands free: distances");
}
