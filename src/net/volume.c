/* volume.c - a field sampled where its surface is: from a coarse grid to a fine one.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Level 0 is dense. A sample is refined when one of its six neighbours has another sign or its
 * value is small; the marks are widened, doubled onto the next grid, widened again, and the
 * field is asked at those places only. The cost follows the surface: at 256 cells about one
 * sample in thirty is computed. The marking rule is that of the published decoders, so that
 * their grids can be compared sample by sample. */
#include "net/volume.h"

#include <math.h>
#include <string.h>

unsigned
orf_volume_levels(unsigned cells, unsigned least, bool flash,
                  unsigned ret_levels[ORF_VOLUME_LEVELS])
{
    unsigned halves[ORF_VOLUME_LEVELS], n = 0;
    least = least ? least : 63;
    do {
        halves[n++] = cells;
        cells /= 2;
    } while (cells >= least && n < ORF_VOLUME_LEVELS);
    for (unsigned i = 0; i < n; i++)
        ret_levels[i] = halves[n - 1 - i];
    if (!flash)
        return n;
    ret_levels[0] = (unsigned)MAX(lrint((double)ret_levels[0] / 4) * 4 - 1, 1);
    for (unsigned i = 1; i < n; i++)
        ret_levels[i] = 2 * ret_levels[i - 1];
    return n;
}

typedef struct {
    OrfTask *task;
    const OrfVolume *volume;
    size_t done, total; /* levels, for progress */
} Work;

/* --- Asking the field --------------------------------------------------------------------- */

static void
point_of(const OrfVolume *volume, size_t side, size_t i, float point[3])
{
    size_t slow = i / (side * side), mid = i / side % side, fast = i % side;
    size_t at[3] = { volume->swap ? slow : fast, mid, volume->swap ? fast : slow };
    float step = (float)((volume->high - volume->low) / (double)(side - 1));
    for (int a = 0; a < 3; a++)
        point[a] = (float)at[a] * step + (float)volume->low;
}

/* Values where `mark` is set (NULL: everywhere); the rest stays as it is. */
static bool
ask(Work *work, size_t side, const uint8_t *mark, float *grid, GError **error)
{
    const OrfVolume *volume = work->volume;
    size_t chunk = volume->chunk ? volume->chunk : 8192, n = side * side * side, filled = 0;
    orf_autofree float *points = ORF_ALLOC(work->task, float, 3 * chunk, "points", error);
    orf_autofree float *values =
        points ? ORF_ALLOC(work->task, float, chunk, "points", error) : NULL;
    orf_autofree uint32_t *places =
        values ? ORF_ALLOC(work->task, uint32_t, chunk, "points", error) : NULL;
    if (!places)
        return false;
    for (size_t i = 0; i <= n; i++) {
        if (filled == chunk || (i == n && filled)) {
            if (!orf_task_check(work->task, error) ||
                !volume->field(points, filled, values, volume->data, error))
                return false;
            for (size_t k = 0; k < filled; k++)
                grid[places[k]] = values[k];
            filled = 0;
            orf_task_progress(work->task, ((double)work->done + (double)i / (double)n) /
                                              (double)work->total);
        }
        if (i == n || (mark && !mark[i]))
            continue;
        places[filled] = (uint32_t)i;
        point_of(volume, side, i, points + 3 * filled++);
    }
    return true;
}

/* --- Marks -------------------------------------------------------------------------------- */

static int
sign_of(float v)
{
    return (v > 0) - (v < 0);
}

/* One of six neighbours has another sign; what is outside or unknown counts as itself. */
static bool
changes(const float *grid, size_t side, size_t i)
{
    size_t at[] = { i / (side * side), i / side % side, i % side };
    size_t step[] = { side * side, side, 1 };
    int own = sign_of(grid[i]);
    for (int a = 0; a < 3; a++) {
        if (at[a] > 0 && !isnan(grid[i - step[a]]) && sign_of(grid[i - step[a]]) != own)
            return true;
        if (at[a] + 1 < side && !isnan(grid[i + step[a]]) && sign_of(grid[i + step[a]]) != own)
            return true;
    }
    return false;
}

typedef struct {
    const float *grid;
    uint8_t *mark;
    size_t side;
    double band;
} Marking;

static void
mark_planes(size_t begin, size_t end, void *data)
{
    const Marking *it = data;
    size_t plane = it->side * it->side;
    for (size_t i = begin * plane; i < end * plane; i++)
        it->mark[i] = !isnan(it->grid[i]) &&
                      (fabsf(it->grid[i]) < (float)it->band || changes(it->grid, it->side, i));
}

typedef struct {
    const uint8_t *in;
    uint8_t *out;
    size_t side, step;
} Widening;

/* The largest of three along one axis. */
static void
widen_axis(size_t begin, size_t end, void *data)
{
    const Widening *it = data;
    size_t n = it->side, plane = n * n;
    for (size_t i = begin * plane; i < end * plane; i++) {
        size_t at = i / it->step % n;
        it->out[i] = it->in[i] | (at > 0 ? it->in[i - it->step] : 0) |
                     (at + 1 < n ? it->in[i + it->step] : 0);
    }
}

/* A 3 x 3 x 3 box; the result ends in `mark`. */
static void
widen(OrfTask *task, uint8_t *mark, uint8_t *room, size_t side)
{
    size_t steps[] = { 1, side, side * side };
    uint8_t *from = mark, *to = room;
    for (int a = 0; a < 3; a++) {
        Widening it = { from, to, side, steps[a] };
        orf_task_parallel(task, side, 4, widen_axis, &it);
        uint8_t *swap = from;
        from = to;
        to = swap;
    }
    memcpy(mark, from, side * side * side);
}

/* Marks of the coarse grid at twice their index on the fine one. */
static void
double_marks(const uint8_t *coarse, size_t side, uint8_t *fine, size_t fine_side)
{
    for (size_t i = 0; i < side * side * side; i++) {
        size_t a = 2 * (i / (side * side)), b = 2 * (i / side % side), c = 2 * (i % side);
        if (coarse[i] && a < fine_side && b < fine_side && c < fine_side)
            fine[(a * fine_side + b) * fine_side + c] = 1;
    }
}

static uint8_t *
marks_for(Work *work, const float *grid, size_t side, size_t fine_side, bool last,
          GError **error)
{
    size_t n = side * side * side, fine_n = fine_side * fine_side * fine_side;
    orf_autofree uint8_t *coarse = ORF_ALLOC(work->task, uint8_t, n, "marks", error);
    orf_autofree uint8_t *room =
        coarse ? ORF_ALLOC(work->task, uint8_t, fine_n, "marks", error) : NULL;
    orf_autofree uint8_t *fine =
        room ? ORF_ALLOC(work->task, uint8_t, fine_n, "marks", error) : NULL;
    if (!fine)
        return NULL;
    Marking it = { grid, coarse, side, work->volume->band > 0 ? work->volume->band : 0.95 };
    orf_task_parallel(work->task, side, 4, mark_planes, &it);
    if (!last)
        widen(work->task, coarse, room, side);
    double_marks(coarse, side, fine, fine_side);
    widen(work->task, fine, room, fine_side);
    if (last)
        widen(work->task, fine, room, fine_side);
    return g_steal_pointer(&fine);
}

/* --- All levels --------------------------------------------------------------------------- */

static float *
new_grid(Work *work, size_t side, GError **error)
{
    float *grid =
        ORF_ALLOC(work->task, float, (side * side * side), "grid of the field", error);
    for (size_t i = 0; grid && i < side * side * side; i++)
        grid[i] = NAN;
    return grid;
}

float *
orf_volume_sample_seen(OrfTask *task, const OrfVolume *volume, OrfVolumeSeenFn seen,
                       void *seen_data, GError **error)
{
    Work work = { task, volume, 0, volume->n_levels };
    orf_autofree float *grid = NULL;
    size_t side = 0;
    for (unsigned i = 0; i < volume->n_levels; i++) {
        size_t fine_side = volume->levels[i] + 1u;
        bool last = i + 1 == volume->n_levels;
        if (fine_side < 2 || fine_side > 1024)
            return ORF_FAIL(error, BAD_INPUT, "a grid of %zu samples a side; 2 to 1024",
                            fine_side);
        orf_autofree uint8_t *mark =
            grid ? marks_for(&work, grid, side, fine_side, last, error) : NULL;
        if (grid && !mark)
            return NULL;
        orf_autofree float *fine = new_grid(&work, fine_side, error);
        if (!fine || !ask(&work, fine_side, mark, fine, error))
            return NULL;
        orf_free(grid);
        grid = g_steal_pointer(&fine);
        side = fine_side;
        work.done++;
        if (seen)
            seen(i, grid, side, seen_data);
    }
    return g_steal_pointer(&grid);
}

float *
orf_volume_sample(OrfTask *task, const OrfVolume *volume, GError **error)
{
    return orf_volume_sample_seen(task, volume, NULL, NULL, error);
}
