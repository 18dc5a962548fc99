/* repair.c - from any triangles to a solid, changing as little as the defects ask for.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * A ladder, judged after each rung by our own measures:
 *   0. it is a solid, crosses nowhere and hides no room: nothing is touched;
 *   1. safe: weld what coincides, drop what has no area or stands there twice, close small
 * holes;
 *   2. full: drop what sees no outside (inner walls, junk, backs of double walls), turn the
 * rest outwards, close the holes. Vertices stay bit-equal;
 *   3. remesh: a new surface of what the kept triangles wind round. Always succeeds.
 * "Solid" is not enough: a net's hollow double shell passes every checker, so rungs 1 and 2
 * also have to fill the volume that the winding number of the seen triangles encloses. */
#include "mesh/repair-priv.h"

#include <math.h>
#include <string.h>

#define CELLS 250        /* along the diagonal */
#define LONGEST_LOOP 300 /* edges */
#define SMALL_LOOP 100   /* edges that `safe` closes */
#define CRUMB 0.002      /* of the largest shell's volume: what is left of a broken mesh */
#define DUST 0.0001      /* the same: what goes from a sound one, too */
#define HOLLOW 0.5       /* the same: a shell, whose holes are doors nobody meant */
#define EMPTY 0.02       /* share of the inside that may lie behind a narrow door */
#define VOLUME_OFF 0.03  /* how far the volume may be from that enclosed */
#define THIN 0.15        /* cells that every wall may lose on the grid */
#define ASTRAY 0.0005    /* of the diagonal: farther from what was seen, remesh is tried */
#define THIN 0.15        /* cells that every wall may lose on the grid */
#define TOLERANCE 0.0002 /* of the diagonal: what simplifying a new surface may move */
#define FOLLOWS 0.02     /* of the diagonal: a wall so thin is a net's double wall */

typedef struct {
    OrfTask *task;
    const OrfRepair *options;
    OrfRepairReport *report;
    OrfRepairGrid grid;
    double diagonal;
} Job;

static bool
is_sound(const OrfMeasures *m)
{
    return orf_measures_solid(m) && m->self_intersections == 0 && m->triangles > 0;
}

static bool
measure(Job *job, const OrfMesh *mesh, OrfMeasures *ret, GError **error)
{
    if (!orf_mesh_measure(job->task, mesh, false, ret, error))
        return false;
    return !orf_measures_solid(ret) || orf_mesh_measure(job->task, mesh, true, ret, error);
}

/* Nothing beyond this rung is wished. */
static bool
is_last_rung(const OrfRepair *options, OrfRepairLevel rung)
{
    return options->level == rung || (options->keep_open && rung == ORF_REPAIR_SAFE);
}

/* --- Hidden rooms ------------------------------------------------------------------------- */

static bool
find_hidden(Job *job, const OrfMesh *mesh, GError **error)
{
    OrfRepairReport *report = job->report;
    if (report->before.misoriented_edges > 0)
        return true; /* then winding says nothing yet */
    orf_autofree float *winding = orf_grid_wind(job->task, mesh, &job->grid, error);
    if (!winding)
        return false;
    report->hidden = orf_grid_hidden(&job->grid, winding, !report->before.closed);
    report->door = report->hidden > 0 ? 2 * job->grid.door : 0;
    return true;
}

static bool
feel(Job *job, const OrfMesh *mesh, GError **error)
{
    unsigned cells = job->options->cells ? job->options->cells : CELLS;
    orf_grid_clear(&job->grid);
    job->grid = (OrfRepairGrid){ 0 };
    return orf_grid_init(job->task, orf_mesh_positions(mesh), orf_mesh_triangles(mesh),
                         orf_mesh_n_triangles(mesh), cells, &job->grid, error) &&
           orf_grid_find_outside(job->task, &job->grid, false, error);
}

/* --- What is seen ------------------------------------------------------------------------- */

/* Shells that are the walls of a cavity somebody meant: whole, turned inwards, and not the
 * lining of a thin double wall. They see nothing and are kept as they are. */
static bool
keep_cavities(Job *job, const OrfMesh *mesh, uint8_t *side, GError **error)
{
    g_auto(OrfShells) shells = { 0 };
    OrfMeasures m;
    if (!orf_shells_init(job->task, mesh, &shells, error) ||
        !orf_mesh_measure(job->task, mesh, false, &m, error))
        return false;
    if (shells.n < 2 || !m.closed)
        return true;
    size_t n = orf_mesh_n_triangles(mesh);
    g_autofree double *seen = g_new0(double, shells.n), *all = g_new0(double, shells.n),
                      *close = g_new0(double, shells.n);
    orf_autofree uint8_t *kept = ORF_ALLOC(job->task, uint8_t, n, "repair: cavities", error);
    if (!kept)
        return false;
    memcpy(kept, side, n);
    g_autoptr(OrfMesh) outer = orf_repair_keep(job->task, mesh, kept, error);
    if (!outer || orf_mesh_n_triangles(outer) == 0)
        return outer != NULL;
    g_autoptr(OrfTree) tree =
        orf_tree_new(job->task, orf_mesh_positions(outer), orf_mesh_triangles(outer),
                     orf_mesh_n_triangles(outer), error);
    if (!tree)
        return false;
    const float *p = orf_mesh_positions(mesh);
    const uint32_t *triangles = orf_mesh_triangles(mesh);
    for (size_t t = 0; t < n; t++) {
        uint32_t shell = shells.of[t];
        double middle[3];
        for (size_t k = 0; k < 3; k++)
            middle[k] = ((double)p[3 * (size_t)triangles[3 * t] + k] +
                         (double)p[3 * (size_t)triangles[3 * t + 1] + k] +
                         (double)p[3 * (size_t)triangles[3 * t + 2] + k]) /
                        3;
        all[shell]++;
        seen[shell] += side[t] != 0;
        if (!side[t] && shells.volume[shell] < 0)
            close[shell] +=
                orf_tree_nearest(tree, middle, FOLLOWS * job->diagonal, NULL, NULL) < INFINITY;
    }
    for (size_t t = 0; t < n; t++) {
        uint32_t s = shells.of[t];
        bool lining = close[s] > 0.8 * all[s] && !job->options->keep_voids;
        if (shells.volume[s] < 0 && seen[s] < 0.01 * all[s] && !lining)
            side[t] = 1;
    }
    return true;
}

static OrfMesh *
keep_seen(Job *job, const OrfMesh *mesh, GError **error)
{
    size_t n = orf_mesh_n_triangles(mesh);
    orf_autofree uint8_t *side = orf_repair_look(job->task, mesh, &job->grid, error);
    if (!side || !keep_cavities(job, mesh, side, error))
        return NULL;
    for (size_t t = 0; t < n; t++) {
        job->report->unseen += side[t] == 0;
        job->report->turned += side[t] == 2;
    }
    return orf_repair_keep(job->task, mesh, side, error);
}

/* --- Crumbs ------------------------------------------------------------------------------- */

static OrfMesh *
drop_crumbs(Job *job, const OrfMesh *mesh, double share, GError **error)
{
    g_auto(OrfShells) shells = { 0 };
    size_t n = orf_mesh_n_triangles(mesh);
    orf_autofree uint8_t *side = ORF_ALLOC(job->task, uint8_t, n, "repair: crumbs", error);
    if (!side || !orf_shells_init(job->task, mesh, &shells, error))
        return NULL;
    double largest = 0;
    size_t dropped = 0;
    for (size_t s = 0; s < shells.n; s++)
        largest = MAX(largest, fabs(shells.volume[s]));
    for (size_t s = 0; s < shells.n; s++)
        dropped += fabs(shells.volume[s]) < share * largest;
    for (size_t t = 0; t < n; t++)
        side[t] = !(fabs(shells.volume[shells.of[t]]) < share * largest);
    job->report->crumbs = dropped;
    return dropped ? orf_repair_keep(job->task, mesh, side, error)
                   : orf_mesh_ref((OrfMesh *)mesh);
}

/* --- Rungs -------------------------------------------------------------------------------- */

static double
volume_of(const OrfRepairGrid *grid, const float *winding)
{
    size_t inside = 0;
    for (size_t i = 0; i < grid->total; i++)
        inside += winding[i] > 0.5f;
    return (double)inside * grid->cell * grid->cell * grid->cell;
}

static void
mark_corners(const uint32_t *triangle, uint8_t *near)
{
    for (int c = 0; c < 3; c++)
        near[triangle[c]] = 1;
}

/* Marks the ends of open edges and of those that more than two triangles use. */
static bool
mark_unclosed(Job *job, const OrfMesh *mesh, uint8_t *near, GError **error)
{
    g_auto(OrfEdges) edges = { 0 };
    if (!orf_edges_init(job->task, mesh, &edges, error))
        return false;
    for (size_t v = 0; v < orf_mesh_n_vertices(mesh); v++)
        for (uint32_t i = edges.start[v], end; i < edges.start[v + 1]; i = end) {
            end = orf_edge_end(edges.halves, i, edges.start[v + 1]);
            if (end - i != 2)
                near[v] = near[edges.halves[i].other] = 1;
        }
    return true;
}

/* Without the triangles that cross others, and without those round what did not close; `wide`:
 * without their neighbours, too. */
static OrfMesh *
without_faults(Job *job, const OrfMesh *mesh, bool wide, GError **error)
{
    size_t n = orf_mesh_n_triangles(mesh), n_vertices = orf_mesh_n_vertices(mesh);
    const uint32_t *triangles = orf_mesh_triangles(mesh);
    g_autoptr(GArray) pairs = g_array_new(FALSE, FALSE, sizeof(uint32_t));
    orf_autofree uint8_t *side = ORF_ALLOC(job->task, uint8_t, n, "repair: faults", error);
    orf_autofree uint8_t *near =
        ORF_ALLOC(job->task, uint8_t, n_vertices, "repair: faults", error);
    if (!side || !near || !orf_mesh_list_crossings(job->task, mesh, pairs, error) ||
        !mark_unclosed(job, mesh, near, error))
        return NULL;
    memset(side, 1, n);
    for (guint i = 0; i < pairs->len; i++) {
        uint32_t t = g_array_index(pairs, uint32_t, i);
        side[t] = 0;
        if (wide)
            mark_corners(triangles + 3 * (size_t)t, near);
    }
    for (size_t t = 0; t < n; t++)
        for (size_t c = 0; c < 3; c++)
            if (near[triangles[3 * t + c]])
                side[t] = 0;
    return orf_repair_keep(job->task, mesh, side, error);
}

#define CUTS 6

/* Closed also for who tells vertices by their place alone, as STL does: no edge there is shared
 * by more than two triangles. */
static bool
is_sound_by_place(const OrfMeasures *split, const OrfMeasures *welded)
{
    return is_sound(split) && welded->nonmanifold_edges == 0 && welded->boundary_edges == 0 &&
           welded->degenerate == 0;
}

/* Fills the holes of `mesh`, and those left by cutting out what crosses or does not close; NULL
 * with `error` unset: that gave no solid of the volume expected. */
static OrfMesh *
try_filled(Job *job, const OrfMesh *mesh, size_t longest, double volume, GError **error)
{
    g_autoptr(OrfMesh) now = orf_mesh_ref((OrfMesh *)mesh);
    for (int cut = 0;; cut++) {
        size_t filled = 0;
        g_autoptr(OrfMesh) apart = orf_repair_split(job->task, now, error);
        g_autoptr(OrfMesh) whole =
            apart ? orf_repair_fill(job->task, apart, longest, &filled, error) : NULL;
        g_autoptr(OrfMesh) clear = whole ? drop_crumbs(job, whole, CRUMB, error) : NULL;
        g_autoptr(OrfMesh) welded = clear ? orf_mesh_weld(job->task, clear, 0, error) : NULL;
        OrfMeasures m, by_place;
        if (!welded || !measure(job, clear, &m, error) ||
            !orf_mesh_measure(job->task, welded, false, &by_place, error))
            return NULL;
        double thin = THIN * job->grid.cell * m.area; /* what the grid does not see */
        if (fabs(m.volume - volume) > MAX(VOLUME_OFF * volume, thin))
            return NULL;
        job->report->holes += filled;
        job->report->after = m;
        if (is_sound_by_place(&m, &by_place))
            return g_steal_pointer(&clear);
        size_t faults = m.boundary_edges + (size_t)MAX(m.self_intersections, 0);
        if (cut == CUTS || faults > m.triangles / 10)
            return NULL;
        g_clear_pointer(&now, orf_mesh_unref);
        if (!(now = without_faults(job, welded, cut >= 2, error)))
            return NULL;
    }
}

static int
by_size(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

/* How far the middles of the kept triangles lie from the result, mm: 98 in 100 are nearer. */
static bool
find_astray(Job *job, const OrfMesh *kept, const OrfMesh *result, double *ret, GError **error)
{
    size_t n = orf_mesh_n_triangles(kept), step = n / 20000 + 1, count = 0;
    const float *p = orf_mesh_positions(kept);
    const uint32_t *triangles = orf_mesh_triangles(kept);
    g_autoptr(OrfTree) tree =
        orf_tree_new(job->task, orf_mesh_positions(result), orf_mesh_triangles(result),
                     orf_mesh_n_triangles(result), error);
    orf_autofree float *off =
        tree ? ORF_ALLOC(job->task, float, n / step + 1, "repair: distance", error) : NULL;
    if (!off)
        return false;
    for (size_t t = 0; t < n; t += step) {
        double middle[3];
        for (size_t k = 0; k < 3; k++)
            middle[k] = ((double)p[3 * (size_t)triangles[3 * t] + k] +
                         (double)p[3 * (size_t)triangles[3 * t + 1] + k] +
                         (double)p[3 * (size_t)triangles[3 * t + 2] + k]) /
                        3;
        off[count++] =
            (float)MIN(orf_tree_nearest(tree, middle, 0.1 * job->diagonal, NULL, NULL),
                       0.1 * job->diagonal);
    }
    qsort(off, count, sizeof *off, by_size);
    *ret = count ? (double)off[MIN(count * 98 / 100, count - 1)] : 0;
    return orf_task_check(job->task, error);
}

static bool
judge(Job *job, const OrfMesh *mesh, bool *ret_sound, GError **error)
{
    OrfMeasures by_place;
    g_autoptr(OrfMesh) welded = orf_mesh_weld(job->task, mesh, 0, error);
    if (!welded || !measure(job, mesh, &job->report->after, error) ||
        !orf_mesh_measure(job->task, welded, false, &by_place, error))
        return false;
    *ret_sound = is_sound_by_place(&job->report->after, &by_place);
    return true;
}

/* The new surface drawn to the triangles and simplified; if that broke it, only drawn; else as
 * it was extracted, which is sound by construction. */
static OrfMesh *
remesh(Job *job, const OrfMesh *kept, const float *winding, GError **error)
{
    g_autoptr(OrfTree) tree =
        orf_tree_new(job->task, orf_mesh_positions(kept), orf_mesh_triangles(kept),
                     orf_mesh_n_triangles(kept), error);
    orf_autofree float *field =
        tree ? orf_repair_field(job->task, tree, &job->grid, winding, error) : NULL;
    for (int plain = 0; plain < 2 && field; plain++) {
        bool sound;
        g_autoptr(OrfMesh) surface =
            orf_repair_surface(job->task, kept, tree, &job->grid, field, plain, error);
        g_autoptr(OrfMesh) clear = surface ? drop_crumbs(job, surface, CRUMB, error) : NULL;
        if (!clear)
            return NULL;
        if (orf_mesh_n_triangles(clear) == 0)
            return ORF_FAIL(
                error, BAD_INPUT,
                "repair: the triangles enclose nothing; thicken the sheet first, or "
                "give a finer grid");
        OrfSimplify simplify = { .error = (float)(TOLERANCE * job->diagonal) };
        g_autoptr(OrfMesh) fewer = orf_mesh_simplify(job->task, clear, &simplify, error);
        if (!fewer || !judge(job, fewer, &sound, error))
            return NULL;
        if (sound)
            return g_steal_pointer(&fewer);
        if (!judge(job, clear, &sound, error))
            return NULL;
        if (sound || plain)
            return g_steal_pointer(&clear);
    }
    return NULL;
}

/* Rung 2 as far as it goes, when no rung may follow: the holes that can be closed are. */
static OrfMesh *
close_what_can(Job *job, const OrfMesh *kept, GError **error)
{
    g_autoptr(OrfMesh) apart = orf_repair_split(job->task, kept, error);
    g_autoptr(OrfMesh) whole =
        apart ? orf_repair_fill(job->task, apart, LONGEST_LOOP, &job->report->holes, error)
              : NULL;
    return whole && measure(job, whole, &job->report->after, error) ? g_steal_pointer(&whole)
                                                                    : NULL;
}

/* A solid by closing the kept triangles and one by a new surface: the first, unless it went
 * astray and the second did less. */
static OrfMesh *
choose_rung(Job *job, const OrfMesh *kept, const float *winding, GError **error)
{
    double volume = volume_of(&job->grid, winding), filled_off = 0, new_off = 0;
    g_autoptr(OrfMesh) filled = NULL;
    if (job->options->level != ORF_REPAIR_REMESH) {
        g_autoptr(GError) why = NULL;
        filled = try_filled(job, kept, LONGEST_LOOP, volume, &why);
        if (filled)
            find_astray(job, kept, filled, &filled_off, &why);
        if (why) {
            g_propagate_error(error, g_steal_pointer(&why));
            return NULL;
        }
        job->report->way = ORF_REPAIR_FULL;
        if (filled && filled_off <= ASTRAY * job->diagonal)
            return g_steal_pointer(&filled);
    }
    if (is_last_rung(job->options, ORF_REPAIR_FULL))
        return filled ? g_steal_pointer(&filled) : close_what_can(job, kept, error);
    OrfRepairReport before = *job->report;
    g_autoptr(OrfMesh) new = remesh(job, kept, winding, error);
    if (!new || (filled && !find_astray(job, kept, new, &new_off, error)))
        return NULL;
    if (filled && (filled_off <= new_off || !is_sound(&job->report->after))) {
        *job->report = before;
        return g_steal_pointer(&filled);
    }
    job->report->way = ORF_REPAIR_REMESH;
    return g_steal_pointer(&new);
}

static OrfMesh *
climb(Job *job, const OrfMesh *clean, GError **error)
{
    job->report->holes = job->report->crumbs = 0;
    if (job->report->hidden > HOLLOW && !job->report->bottom &&
        !orf_grid_find_outside(job->task, &job->grid, true, error))
        return NULL;
    g_autoptr(OrfMesh) kept = keep_seen(job, clean, error);
    if (!kept)
        return NULL;
    if (orf_mesh_n_triangles(kept) == 0)
        return ORF_FAIL(error, BAD_INPUT, "repair: no triangle of it can be seen from outside");
    orf_autofree float *winding = orf_grid_wind(job->task, kept, &job->grid, error);
    return winding ? choose_rung(job, kept, winding, error) : NULL;
}

/* Does a whole shell lie where nothing outside is seen, other than the walls of a cavity? */
static bool
find_buried(Job *job, const OrfMesh *mesh, bool *ret_buried, GError **error)
{
    g_auto(OrfShells) shells = { 0 };
    *ret_buried = false;
    if (!orf_shells_init(job->task, mesh, &shells, error))
        return false;
    if (shells.n < 2)
        return true;
    orf_autofree uint8_t *side = orf_repair_look(job->task, mesh, &job->grid, error);
    if (!side || !keep_cavities(job, mesh, side, error))
        return false;
    g_autofree double *seen = g_new0(double, shells.n), *all = g_new0(double, shells.n);
    for (size_t t = 0; t < orf_mesh_n_triangles(mesh); t++) {
        all[shells.of[t]]++;
        seen[shells.of[t]] += side[t] != 0;
    }
    for (size_t s = 0; s < shells.n; s++)
        *ret_buried = *ret_buried || seen[s] < 0.1 * all[s];
    return true;
}

/* What came of it has the same triangles, and as many vertices. */
static bool
changed_nothing(const Job *job, const OrfMesh *mesh, const OrfMesh *result)
{
    size_t n = orf_mesh_n_triangles(mesh);
    return job->report->holes == 0 && job->report->crumbs == 0 &&
           orf_mesh_n_triangles(result) == n &&
           orf_mesh_n_vertices(result) == orf_mesh_n_vertices(mesh);
}

/* Rungs 0 and 1: what needs no look at the inside. NULL with `error` unset: climb. */
static OrfMesh *
try_safe(Job *job, OrfMesh *mesh, OrfMesh *clean, GError **error)
{
    OrfRepairReport *report = job->report;
    bool buried, last = is_last_rung(job->options, ORF_REPAIR_SAFE);
    if (!last && (report->hidden > EMPTY || report->bottom))
        return NULL;
    g_autoptr(OrfMesh) apart = orf_repair_split(job->task, clean, error);
    size_t longest = job->options->keep_open ? 0 : SMALL_LOOP;
    g_autoptr(OrfMesh) whole =
        apart ? orf_repair_fill(job->task, apart, longest, &report->holes, error) : NULL;
    g_autoptr(OrfMesh) clear = whole ? drop_crumbs(job, whole, DUST, error) : NULL;
    if (!clear || !measure(job, clear, &report->after, error))
        return NULL;
    if (!last &&
        (!is_sound(&report->after) || !find_buried(job, clear, &buried, error) || buried))
        return NULL;
    bool same =
        (is_sound(&report->before) && report->crumbs == 0) || changed_nothing(job, mesh, clear);
    report->way = same ? ORF_REPAIR_NOTHING : ORF_REPAIR_SAFE;
    return same ? orf_mesh_ref(mesh) : g_steal_pointer(&clear);
}

static double
diagonal_of(const OrfMesh *mesh)
{
    float low[3], high[3];
    double sum = 0;
    orf_mesh_bounds(mesh, low, high);
    for (int k = 0; k < 3; k++)
        sum += ((double)high[k] - low[k]) * ((double)high[k] - low[k]);
    return sqrt(sum);
}

static OrfMesh *
repair(Job *job, OrfMesh *mesh, GError **error)
{
    OrfRepairReport *report = job->report;
    if (job->options->keep_open && job->options->level == ORF_REPAIR_REMESH)
        return ORF_FAIL(error, BAD_INPUT,
                        "repair: a new surface is closed; keep what is open at another level");
    if (!measure(job, mesh, &report->before, error))
        return NULL;
    g_autoptr(OrfMesh) clean =
        orf_repair_clean(job->task, mesh, &report->degenerate, &report->duplicate, error);
    if (!clean)
        return NULL;
    if (orf_mesh_n_triangles(clean) == 0)
        return ORF_FAIL(error, BAD_INPUT, "repair: it has no triangle with an area");
    job->diagonal = diagonal_of(clean);
    if (!feel(job, clean, error) || !find_hidden(job, clean, error))
        return NULL;
    if (!job->options->keep_bottom &&
        !orf_grid_close_bottom(job->task, &job->grid, &report->bottom, error))
        return NULL;
    if (job->options->level != ORF_REPAIR_REMESH) {
        g_autoptr(GError) why = NULL;
        OrfMesh *safe = try_safe(job, mesh, clean, &why);
        if (safe)
            return safe;
        if (why) {
            g_propagate_error(error, g_steal_pointer(&why));
            return NULL;
        }
    }
    return climb(job, clean, error);
}

OrfMesh *
orf_mesh_repair(OrfTask *task, OrfMesh *mesh, const OrfRepair *options,
                OrfRepairReport *ret_report, GError **error)
{
    OrfRepair plain = { 0 };
    OrfRepairReport report = { 0 };
    Job job = { .task = task, .options = options ? options : &plain, .report = &report };
    OrfMesh *result = repair(&job, mesh, error);
    orf_grid_clear(&job.grid);
    if (ret_report)
        *ret_report = report;
    return result;
}
