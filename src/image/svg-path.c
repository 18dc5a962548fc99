/* svg-path.c - points, length and crossings of a path.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * What makes a path slow to fill is not its points but how often its pieces cross: 200 000
 * little steps are drawn in a second, 20 000 long random ones in minutes. Crossings are counted
 * on a sample of pairs, whose choice is the same every time; curves count as the lines between
 * their control points. */
#include "image/svg-priv.h"

#include <math.h>
#include <string.h>

#define MOST_POINTS 2000000u
#define FEW 700 /* lines that may all cross each other */
#define SAMPLES 100000u

typedef struct {
    double x, y;
} Point;

typedef struct {
    Point from, to;
} Line;

typedef struct {
    const char *at;
    GArray *lines;
    Point now, start;
    OrfSvgPath *path;
} Pen;

static bool
number(Pen *pen, double *ret)
{
    pen->at += strspn(pen->at, " \t\r\n,");
    char *end;
    if (!g_ascii_isdigit(*pen->at) && !(*pen->at && strchr("+-.", *pen->at)))
        return false;
    *ret = g_ascii_strtod(pen->at, &end);
    if (end == pen->at)
        return false;
    pen->at = end;
    return isfinite(*ret);
}

/* Flags of arcs need nothing between them: "a1 1 0 0110 10". */
static bool
flag(Pen *pen)
{
    pen->at += strspn(pen->at, " \t\r\n,");
    if (*pen->at != '0' && *pen->at != '1')
        return false;
    pen->at++;
    return true;
}

static void
go(Pen *pen, Point to, bool draws)
{
    pen->path->points++;
    if (draws) {
        Line line = { pen->now, to };
        pen->path->length += hypot(to.x - pen->now.x, to.y - pen->now.y);
        g_array_append_val(pen->lines, line);
    }
    pen->now = to;
}

static bool
pair(Pen *pen, bool relative, Point base, Point *ret)
{
    if (!number(pen, &ret->x) || !number(pen, &ret->y))
        return false;
    ret->x += relative ? base.x : 0;
    ret->y += relative ? base.y : 0;
    return true;
}

/* One set of a command's numbers; false: there is none. */
static bool
step(Pen *pen, char command)
{
    char kind = g_ascii_toupper(command);
    bool relative = kind != command;
    Point base = pen->now, to = base;
    double skipped;
    if (kind == 'H' || kind == 'V') {
        double *axis = kind == 'H' ? &to.x : &to.y, from = *axis;
        if (!number(pen, axis))
            return false;
        *axis += relative ? from : 0;
        go(pen, to, true);
        return true;
    }
    if (kind == 'A') {
        bool ok = number(pen, &skipped) && number(pen, &skipped) && number(pen, &skipped) &&
                  flag(pen) && flag(pen) && pair(pen, relative, base, &to);
        if (ok)
            go(pen, to, true);
        return ok;
    }
    unsigned pairs = kind == 'C' ? 3 : kind == 'S' || kind == 'Q' ? 2 : 1;
    for (unsigned i = 0; i < pairs; i++) {
        if (!pair(pen, relative, base, &to))
            return false;
        go(pen, to, kind != 'M');
    }
    if (kind == 'M')
        pen->start = to;
    return true;
}

static double
side(Point a, Point b, Point c)
{
    return (b.x - a.x) * (c.y - a.y) - (b.y - a.y) * (c.x - a.x);
}

static bool
do_cross(const Line *a, const Line *b)
{
    return side(a->from, a->to, b->from) * side(a->from, a->to, b->to) < 0 &&
           side(b->from, b->to, a->from) * side(b->from, b->to, a->to) < 0;
}

static double
count_crossings(const GArray *lines)
{
    const Line *line = (const Line *)(const void *)lines->data;
    uint64_t n = lines->len, seed = 1, hits = 0;
    if (n < FEW)
        return 0;
    for (size_t i = 0; i < SAMPLES; i++) {
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        uint64_t first = (seed >> 33) % n;
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        hits += do_cross(&line[first], &line[(seed >> 33) % n]);
    }
    return (double)n * (double)n / 2 * (double)hits / SAMPLES;
}

void
orf_svg_path_read(const char *data, bool polygon, OrfSvgPath *ret_path)
{
    static const char commands[] = "MmLlHhVvCcSsQqTtAaZz";
    *ret_path = (OrfSvgPath){ 0 };
    Pen pen = { .at = data,
                .lines = g_array_new(FALSE, FALSE, sizeof(Line)),
                .path = ret_path };
    char command = polygon ? 'L' : '\0';
    while (*pen.at && ret_path->points < MOST_POINTS) {
        pen.at += strspn(pen.at, " \t\r\n,");
        if (*pen.at && strchr(commands, *pen.at)) {
            command = *pen.at++;
            if (g_ascii_toupper(command) == 'Z')
                go(&pen, pen.start, true);
        } else if (!command || strchr("Zz", command) || !step(&pen, command)) {
            pen.at += *pen.at != '\0';
        } else if (strchr("Mm", command)) {
            command = command == 'M' ? 'L' : 'l';
        }
    }
    ret_path->crossings = count_crossings(pen.lines);
    g_array_unref(pen.lines);
}
