/* profile.c - the last runs, added up by stage; where the time goes and what to do about it.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * A run is kept as the list of its stages and their times. Stages are numbered once and never
 * forgotten, so a run costs a few hundred bytes and all statistics are made when somebody asks,
 * from the times themselves: the p95 is exact. */
#include "meter/meter-priv.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    StageTime *times;
    size_t n;
} Run;

struct OrfProfile {
    GMutex lock;
    GPtrArray *stages; /* of Stage, in order of appearance */
    Run runs[PROFILE_RUNS];
    size_t n_runs, next; /* a ring */
    const OrfAdvice *advice;
    size_t n_advice;
};

/* --- Stages ------------------------------------------------------------------------------- */

static void
stage_free(void *data)
{
    Stage *stage = data;
    g_free(stage->path);
    g_free(stage->name);
    g_free(stage);
}

static Stage *
find_stage(const OrfProfile *profile, const Stage *parent, const char *name, size_t size)
{
    for (guint i = 0; i < profile->stages->len; i++) {
        Stage *stage = profile->stages->pdata[i];
        if (stage->parent == parent && strncmp(stage->name, name, size) == 0 &&
            !stage->name[size])
            return stage;
    }
    return NULL;
}

static Stage *
add_stage(OrfProfile *profile, const Stage *parent, const char *name, size_t size)
{
    Stage *stage = g_new0(Stage, 1);
    stage->name = g_strndup(name, size);
    stage->path =
        parent ? g_strconcat(parent->path, ": ", stage->name, NULL) : g_strdup(stage->name);
    stage->parent = (Stage *)parent;
    stage->root = parent ? parent->root : stage;
    stage->depth = parent ? parent->depth + 1 : 0;
    stage->index = profile->stages->len;
    g_ptr_array_add(profile->stages, stage);
    return stage;
}

/* Roots beyond the limit are all the first one that there was. */
const Stage *
orf_profile_stage(OrfProfile *profile, const Stage *parent, const char *name, size_t size)
{
    size = MIN(size, MAX_STAGE_NAME);
    g_mutex_lock(&profile->lock);
    const Stage *stage = find_stage(profile, parent, name, size);
    if (!stage && profile->stages->len < PROFILE_STAGES)
        stage = add_stage(profile, parent, name, size);
    if (!stage)
        stage = parent ? parent : profile->stages->pdata[0];
    g_mutex_unlock(&profile->lock);
    return stage;
}

/* --- Runs --------------------------------------------------------------------------------- */

void
orf_profile_add_run(OrfProfile *profile, const StageTime *times, size_t n)
{
    Run run = { g_memdup2(times, n * sizeof *times), n };
    g_mutex_lock(&profile->lock);
    Run *place = &profile->runs[profile->next];
    g_autofree StageTime *oldest = place->times;
    *place = run;
    profile->next = (profile->next + 1) % PROFILE_RUNS;
    profile->n_runs = MIN(profile->n_runs + 1, PROFILE_RUNS);
    g_mutex_unlock(&profile->lock);
}

static void
forget_runs(OrfProfile *profile)
{
    for (size_t i = 0; i < PROFILE_RUNS; i++)
        g_clear_pointer(&profile->runs[i].times, g_free);
    profile->n_runs = profile->next = 0;
}

OrfProfile *
orf_profile_new(void)
{
    OrfProfile *profile = g_new0(OrfProfile, 1);
    g_mutex_init(&profile->lock);
    profile->stages = g_ptr_array_new_with_free_func(stage_free);
    return profile;
}

void
orf_profile_free(OrfProfile *profile)
{
    forget_runs(profile);
    g_ptr_array_unref(profile->stages);
    g_mutex_clear(&profile->lock);
    g_free(profile);
}

void
orf_profile_set_advice(OrfMeter *meter, const OrfAdvice *table, size_t n)
{
    g_mutex_lock(&meter->profile->lock);
    meter->profile->advice = table;
    meter->profile->n_advice = n;
    g_mutex_unlock(&meter->profile->lock);
}

/* --- Statistics --------------------------------------------------------------------------- */

typedef struct {
    const Stage *stage;
    GArray *us; /* of double, one a run, rising once sorted */
    double total, own,
        share; /* microseconds; `own` without the stages within; share of the root */
    double own_share;
} Line;

typedef struct {
    size_t n_runs, n_lines;
    Line lines[PROFILE_STAGES]; /* by the stage's index */
    const OrfAdvice *advice;
    size_t n_advice;
} Report;

static void
report_free(Report *report)
{
    for (size_t i = 0; i < report->n_lines; i++)
        g_array_unref(report->lines[i].us);
    g_free(report);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Report, report_free)

static void
gather_run(Report *report, const Run *run)
{
    for (size_t i = 0; i < run->n; i++) {
        double us = (double)run->times[i].us;
        g_array_append_val(report->lines[run->times[i].stage->index].us, us);
    }
}

static Report *
gather(OrfProfile *profile)
{
    Report *report = g_new0(Report, 1);
    g_mutex_lock(&profile->lock);
    report->n_lines = profile->stages->len;
    for (size_t i = 0; i < report->n_lines; i++)
        report->lines[i] = (Line){ .stage = profile->stages->pdata[i],
                                   .us = g_array_new(FALSE, FALSE, sizeof(double)) };
    for (size_t i = 0; i < profile->n_runs; i++)
        gather_run(report, &profile->runs[i]);
    report->n_runs = profile->n_runs;
    report->advice = profile->advice;
    report->n_advice = profile->n_advice;
    g_mutex_unlock(&profile->lock);
    return report;
}

static int
compare_times(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double
share_of(double part, double whole)
{
    return whole > 0 ? part / whole : 0;
}

static void
add_up(Report *report)
{
    for (size_t i = 0; i < report->n_lines; i++) {
        Line *line = &report->lines[i];
        g_array_sort(line->us, compare_times);
        for (guint run = 0; run < line->us->len; run++)
            line->total += g_array_index(line->us, double, run);
        line->own += line->total;
        if (line->stage->parent)
            report->lines[line->stage->parent->index].own -= line->total;
    }
    for (size_t i = 0; i < report->n_lines; i++) {
        Line *line = &report->lines[i];
        double whole = report->lines[line->stage->root->index].total;
        line->share = share_of(line->total, whole);
        line->own_share = share_of(MAX(line->own, 0), whole);
    }
}

/* --- Bottlenecks -------------------------------------------------------------------------- */

/* NULL: none. */
static const char *
severity_of(double share)
{
    return share > 0.4 ? "critical" : share > 0.3 ? "high" : share > 0.2 ? "medium" : NULL;
}

static int
compare_lines(const void *a, const void *b)
{
    double x = (*(const Line *const *)a)->own_share, y = (*(const Line *const *)b)->own_share;
    return (x < y) - (x > y);
}

static const char *
advice_for(const Report *report, const Line *line)
{
    for (size_t i = 0; i < report->n_advice; i++)
        if (strcmp(report->advice[i].stage, line->stage->name) == 0)
            return report->advice[i].advice;
    if (line->own < line->total)
        return "Most of this is outside the stages within it: give what happens there a name.";
    return "No advice is written for this stage; a smaller picture or a lower quality shortens "
           "every stage.";
}

/* --- JSON --------------------------------------------------------------------------------- */

static double
seconds(double us)
{
    return rint(us) / 1e6;
}

static double
rounded(double share)
{
    return rint(share * 1e4) / 1e4;
}

static void
add_line(OrfJson *json, const Line *line)
{
    const double *us = (const double *)(const void *)line->us->data;
    guint n = line->us->len;
    orf_json_begin_object(json, NULL);
    orf_json_add_text(json, "path", line->stage->path);
    orf_json_add_text(json, "name", line->stage->name);
    orf_json_add_int(json, "depth", line->stage->depth);
    orf_json_add_int(json, "count", n);
    orf_json_add_number(json, "avg_s", seconds(line->total / n));
    orf_json_add_number(json, "min_s", seconds(us[0]));
    orf_json_add_number(json, "max_s", seconds(us[n - 1]));
    orf_json_add_number(json, "p95_s", seconds(us[(n * 95 + 99) / 100 - 1]));
    orf_json_add_number(json, "total_s", seconds(line->total));
    orf_json_add_number(json, "share", rounded(line->share));
    orf_json_add_number(json, "own_share", rounded(line->own_share));
    orf_json_end(json);
}

/* Depth first, as a reader expects a tree. */
static void
add_tree(OrfJson *json, const Report *report, const Stage *parent)
{
    for (size_t i = 0; i < report->n_lines; i++) {
        const Line *line = &report->lines[i];
        if (line->stage->parent != parent || !line->us->len)
            continue;
        add_line(json, line);
        add_tree(json, report, line->stage);
    }
}

static void
add_bottleneck(OrfJson *json, const Report *report, const Line *line)
{
    orf_json_begin_object(json, NULL);
    orf_json_add_text(json, "path", line->stage->path);
    orf_json_add_number(json, "share", rounded(line->own_share));
    orf_json_add_number(json, "avg_s", seconds(line->own / line->us->len));
    orf_json_add_text(json, "severity", severity_of(line->own_share));
    orf_json_add_text(json, "advice", advice_for(report, line));
    orf_json_end(json);
}

/* Line, the worst first; caller owns. */
static GPtrArray *
find_bottlenecks(const Report *report)
{
    GPtrArray *found = g_ptr_array_new();
    for (size_t i = 0; i < report->n_lines; i++)
        if (severity_of(report->lines[i].own_share))
            g_ptr_array_add(found, (Line *)&report->lines[i]);
    g_ptr_array_sort(found, compare_lines);
    return found;
}

static void
add_bottlenecks(OrfJson *json, const Report *report)
{
    g_autoptr(GPtrArray) found = find_bottlenecks(report);
    orf_json_begin_array(json, "bottlenecks");
    for (guint i = 0; i < found->len; i++)
        add_bottleneck(json, report, found->pdata[i]);
    orf_json_end(json);
}

void
orf_profile_add_advice(OrfMeter *meter, OrfJson *json)
{
    g_autoptr(Report) report = gather(meter->profile);
    add_up(report);
    g_autoptr(GPtrArray) found = find_bottlenecks(report);
    for (guint i = 0; i < found->len; i++) {
        const Line *line = found->pdata[i];
        orf_json_begin_object(json, NULL);
        orf_json_add_text(json, "source", "profile");
        orf_json_add_text(json, "code", "bottleneck");
        orf_json_add_text(json, "severity", severity_of(line->own_share));
        orf_json_add_text(json, "text", advice_for(report, line));
        orf_json_add_text(json, "stage", line->stage->path);
        orf_json_add_number(json, "share", rounded(line->own_share));
        orf_json_end(json);
    }
}

char *
orf_profile_json(OrfMeter *meter)
{
    g_autoptr(Report) report = gather(meter->profile);
    add_up(report);
    double total = 0;
    for (size_t i = 0; i < report->n_lines; i++)
        total += report->lines[i].stage->parent ? 0 : report->lines[i].total;
    g_autoptr(OrfJson) json = orf_json_new();
    orf_json_begin_object(json, NULL);
    orf_json_add_int(json, "runs", report->n_runs);
    orf_json_add_number(json, "total_s", seconds(total));
    orf_json_begin_array(json, "stages");
    add_tree(json, report, NULL);
    orf_json_end(json);
    add_bottlenecks(json, report);
    orf_json_end(json);
    return orf_json_steal(json);
}
