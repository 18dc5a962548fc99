/* thickness.c - how deep a body is that is seen from one side only.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Nothing in one picture says it for certain, so this is a prior with few parameters, fitted by
 * leave-one-out to objects of known shape (the decision note on thickness has the figures):
 *
 *   - upright and the same on both sides: turned, or at least as deep as wide; each row gets a
 *     round section of its own (`rows`);
 *   - not mirrored: a side view, less deep than high; long and thin: a tool, flatter still;
 *   - rows of even light have a flat face, rows that darken towards a rim are round, and so are
 *     those that paint makes unreadable (`power`);
 *   - a compact outline with a border of another colour along its rim: a plate; so is one that
 * fills its box and whose sides are not quite the same: a tile of terrain, where a crate is
 * symmetric. */
#include <math.h>
#include <string.h>

#include "generate/generate-priv.h"

/* Logarithms of depth; the fit moved by less than 0.05 when any one object was left out. */
#define SIDE_DEPTH (-0.37)
#define FRONT_GAIN 0.35
#define TOOL_LOSS 0.31
#define TURNED_DEPTH (-0.15)
#define TURNED_ROUND_GAIN 0.20
#define TURNED_ROUND_POWER 0.85
#define FLAT_POWER 0.13
#define ROUND_GAIN 0.47
#define PLATE_DEPTH 0.12
#define PLATE_POWER 0.35
#define TILE_DEPTH 0.22

static double
mix(double a, double b, double share)
{
    return a + (b - a) * share;
}

static const char *
reason(double plate, double turned, double front, double tool)
{
    if (plate > 0.5)
        return "a border follows the outline: a plate";
    if (turned > 0.5)
        return "upright and the same on both sides: round rows";
    if (tool > 0.6)
        return "long and thin: flatter than wide";
    return front > 0.5 ? "the same on both sides: a front view"
                       : "the two sides differ: a side view";
}

void
orf_thickness_guess(const OrfSubjectShape *shape, OrfThickness *ret_thickness)
{
    double front = orf_ramp(shape->lathe, 0.82, 0.92) * orf_ramp(shape->solidity, 0.4, 0.6) *
                   orf_ramp(shape->elongation, 4.5, 3.5);
    double tool = orf_ramp(log(MAX(shape->elongation, 1)), log(1.6), log(4));
    double turned = orf_ramp(shape->lathe, 0.92, 0.96) * orf_ramp(shape->runs, 1.2, 1.1) *
                    orf_ramp(shape->elongation, 5, 4);
    double plate = orf_ramp(shape->ring, 2.8, 4.8) * orf_ramp(shape->girth, 0.78, 0.83) *
                   orf_ramp(shape->solidity, 0.93, 0.96);
    double tile = orf_ramp(shape->area, 0.88, 0.93) * orf_ramp(shape->girth, 0.86, 0.92) *
                  orf_ramp(shape->mirror, 0.985, 0.975);
    double round = MAX(orf_ramp(shape->shade, 0.04, 0.2), orf_ramp(shape->even, 0.1, 0.02));

    double body = exp(SIDE_DEPTH + FRONT_GAIN * front - TOOL_LOSS * tool);
    double depth = mix(body, exp(TURNED_DEPTH + TURNED_ROUND_GAIN * round), turned);
    double power = mix(FLAT_POWER + ROUND_GAIN * round, TURNED_ROUND_POWER, turned * round);
    *ret_thickness = (OrfThickness){
        .depth = (float)mix(depth, plate > tile ? PLATE_DEPTH : TILE_DEPTH, MAX(plate, tile)),
        .power = (float)mix(power, PLATE_POWER, MAX(plate, tile)),
        .rows = (float)(turned * (1 - MAX(plate, tile))),
    };
    g_strlcpy(ret_thickness->why,
              tile > 0.5 ? "fills its box unevenly: a tile"
                         : reason(plate, turned, front, tool),
              sizeof ret_thickness->why);
}
