/* thickness.c - how deep a body is that is seen from one side only.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Nothing in one picture says it for certain, so this is a prior with few parameters, fitted to
 * about 700 objects of 12 packs and judged on packs left out (the decision note on thickness
 * has the figures; tools/fit-thickness fits it again):
 *
 *   - one factor for all: fronts, sides and tools do not differ enough to be told apart;
 *   - rows of even light have a flat face, rows that darken towards a rim are round, and so are
 *     those that paint makes unreadable (`power`);
 *   - upright and the same on both sides: each row gets a round section of its own (`rows`);
 *   - a disc that darkens to its rim: a ball;
 *   - a compact outline with a border of another colour along its rim: a plate. */
#include <math.h>
#include <string.h>

#include "generate/generate-priv.h"

#define BODY_DEPTH 0.77
#define FLAT_POWER 0.35
#define ROUND_GAIN 0.55
#define TURNED_ROUND_POWER 0.6
#define BALL_POWER 0.9
#define PLATE_DEPTH 0.12
#define PLATE_POWER 0.35

static double
mix(double a, double b, double share)
{
    return a + (b - a) * share;
}

static const char *
reason(double plate, double ball, double turned, double round)
{
    if (plate > 0.5)
        return "a border follows the outline: a plate";
    if (ball > 0.5)
        return "a disc that darkens to its rim: a ball";
    if (turned > 0.5)
        return "upright and the same on both sides: round rows";
    return round > 0.5 ? "the light falls off to its sides: round"
                       : "the light is even: a flat face";
}

void
orf_thickness_guess(const OrfSubjectShape *shape, OrfThickness *ret_thickness)
{
    double turned = orf_ramp(shape->lathe, 0.92, 0.96) * orf_ramp(shape->runs, 1.2, 1.1) *
                    orf_ramp(shape->elongation, 5, 4);
    double plate = orf_ramp(shape->ring, 2.8, 4.8) * orf_ramp(shape->girth, 0.78, 0.83) *
                   orf_ramp(shape->solidity, 0.93, 0.96);
    double round = MAX(orf_ramp(shape->shade, 0.04, 0.2), orf_ramp(shape->even, 0.1, 0.02));
    double ball =
        turned * orf_ramp(shape->girth, 0.9, 0.97) * orf_ramp(shape->shade, 0.15, 0.3);
    double power = mix(FLAT_POWER + ROUND_GAIN * round, TURNED_ROUND_POWER, turned * round);
    *ret_thickness = (OrfThickness){
        .depth = (float)mix(mix(BODY_DEPTH, 1, ball), PLATE_DEPTH, plate),
        .power = (float)mix(mix(power, BALL_POWER, ball), PLATE_POWER, plate),
        .rows = (float)(turned * (1 - plate)),
    };
    g_strlcpy(ret_thickness->why, reason(plate, ball, turned, round),
              sizeof ret_thickness->why);
}
