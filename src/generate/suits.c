/* suits.c - what a person would make of a picture, as confidences that can be compared.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * One rule per generator, read together because they compete: a thing that stands free becomes
 * a body (round, turned, or extruded when it has few flat colours); a grey picture that is
 * smooth all over is a height map; any other picture becomes a plate. The numbers were set on a
 * hundred pictures of nine kinds; docs/decisions has the counts. */
#include <string.h>

#include "generate/generate-priv.h"

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
static double
drawn(const OrfLook *look)
{
    return orf_ramp(look->ink, 0.005, 0.015) * orf_ramp(look->ink, 0.25, 0.18) *
           orf_ramp(look->lightness, 55, 70) * orf_ramp(look->chroma, 14, 8);
}

/* Few colours without any shading. */
static double
flat_art(const OrfLook *look)
{
    double art = orf_ramp(look->colors, 8, 5) * orf_ramp(look->flat, 0.4, 0.6);
    return look->info.vector ? MAX(art, 0.8) : art;
}

/* Grey, smooth everywhere, reaching the frame on all sides. */
static double
terrain(const OrfLook *look)
{
    if (!look->grey)
        return 0;
    return orf_ramp(look->texture, 0.022, 0.008) * orf_ramp(look->midtones, 0.4, 0.6) *
           orf_ramp(look->border, 0.02, 0.1);
}

OrfFit
orf_suits_inflate(const OrfLook *look)
{
    double subject = orf_look_subject(look);
    if (drawn(look) > 0.5 && look->cutout.method != ORF_CUTOUT_NONE)
        return fit(0.72, "a drawing: its outline filled, rounded");
    if (subject <= 0)
        return fit(0, "nothing stands free");
    OrfThickness thickness;
    orf_thickness_guess(&look->shape, &thickness);
    return fit(0.8 * orf_ramp(subject, 0.05, 0.55) * (0.75 + 0.25 * subject),
               "one thing stands free (%s); %s", orf_cutout_method_name(look->cutout.method),
               thickness.why);
}

OrfFit
orf_suits_lathe(const OrfLook *look)
{
    const OrfShape *s = &look->shape;
    double turned = orf_ramp(s->lathe, 0.94, 0.975) * orf_ramp(s->mirror, 0.93, 0.97) *
                    orf_ramp(s->aspect, 0.7, 0.85) * orf_ramp(s->runs, 1.7, 1.55) *
                    orf_ramp(s->split, 0.1, 0.04) * orf_ramp(s->solidity, 0.4, 0.55) *
                    orf_ramp(s->elongation, 9, 7);
    double looks = orf_ramp(s->shade, 0.05, 0.12) * orf_ramp(s->banded, 0.25, 0.5);
    double level = turned * looks * orf_ramp(orf_look_subject(look), 0, 0.5);
    return fit(0.9 * level, "upright, the same on both sides (%.0f %%), shaded round: turned",
               100 * s->lathe);
}

OrfFit
orf_suits_extrude(const OrfLook *look)
{
    if (drawn(look) > 0.5)
        return fit(0.5, "a drawing: its strokes as a solid");
    bool strokes = look->ink > 0.005 && look->grey && look->cutout.coverage < 1.4 * look->ink;
    if (strokes)
        return fit(0.65, "strokes on paper: as a solid");
    double art = flat_art(look) * orf_ramp(orf_look_subject(look), 0, 0.4);
    if (look->info.vector)
        return fit(0.85, "a drawing made of outlines");
    return fit(0.88 * art, "%u flat colour%s without shading: a logo or an icon", look->colors,
               look->colors == 1 ? "" : "s");
}

OrfFit
orf_suits_relief(const OrfLook *look)
{
    double subject = orf_look_subject(look), land = terrain(look) * (1 - subject);
    if (land > 0.3)
        return fit(0.6 + (look->info.bits > 8 ? 0.25 : 0.15) * land,
                   "grey and smooth all over: a height map");
    if (look->shape.ring > 3 && look->shape.girth > 0.8 && subject > 0.5)
        return fit(0.6, "a plate with a border");
    return fit(look->grey ? 0.5 : 0.35, "a picture as a raised plate");
}

OrfFit
orf_suits_lithophane(const OrfLook *look)
{
    double subject = orf_look_subject(look);
    return fit(0.6 - 0.25 * subject, subject > 0.5
                                         ? "the picture as a plate to be lit from behind"
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
    if (look->info.bits < 16 || !look->grey)
        return fit(0, "no depth in it");
    return fit(0.94 * orf_ramp(orf_look_subject(look), 0.2, 0.6),
               "16-bit grey with a thing that stands free: distances");
}
