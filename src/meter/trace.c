/* trace.c - one run: the stack of stages it is in, and the time each has had.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * A step is compared with the step before; only where they differ do stages end and begin. The
 * clock is read once a change, so stages touch without gaps and the children of a stage never
 * add up to more than it. */
#include "meter/meter-priv.h"

#include <string.h>

typedef struct {
    const Stage *stage;
    int64_t begun;
} Span;

struct OrfTrace {
    OrfMeter *meter;
    GString *path; /* of the last step */
    Span spans[RUN_DEPTH];
    size_t depth, n_times;
    StageTime times[RUN_STAGES];
};

static int64_t
now(const OrfTrace *trace)
{
    return trace->meter->now_us(trace->meter->now_data);
}

/* Where the time of `stage` is kept, made when new; NULL: the run has too many stages. */
static StageTime *
time_of(OrfTrace *trace, const Stage *stage)
{
    size_t i = 0;
    while (i < trace->n_times && trace->times[i].stage != stage)
        i++;
    if (i == RUN_STAGES)
        return NULL;
    if (i == trace->n_times)
        trace->times[trace->n_times++] = (StageTime){ stage, 0 };
    return &trace->times[i];
}

/* False when there is no place for it: then it counts for the stage around it. */
static bool
begin(OrfTrace *trace, const char *name, size_t size, int64_t at)
{
    const Stage *parent = trace->depth ? trace->spans[trace->depth - 1].stage : NULL;
    if (trace->depth == RUN_DEPTH)
        return false;
    const Stage *stage = orf_profile_stage(trace->meter->profile, parent, name, size);
    if (stage == parent || !time_of(trace, stage))
        return false;
    trace->spans[trace->depth++] = (Span){ stage, at };
    return true;
}

static void
end(OrfTrace *trace, int64_t at)
{
    Span span = trace->spans[--trace->depth];
    time_of(trace, span.stage)->us += MAX(at - span.begun, 0);
}

/* The first name of `path` and how long it is; the rest after ": ". */
static size_t
first_name(const char *path, const char **ret_rest)
{
    const char *colon = strstr(path, ": ");
    *ret_rest = colon ? colon + 2 : path + strlen(path);
    return colon ? (size_t)(colon - path) : strlen(path);
}

static bool
is_named(const Stage *stage, const char *name, size_t size)
{
    size = MIN(size, MAX_STAGE_NAME);
    return strncmp(stage->name, name, size) == 0 && stage->name[size] == 0;
}

void
orf_trace_step(OrfTrace *trace, const char *path)
{
    if (!trace || strcmp(trace->path->str, path) == 0)
        return;
    g_string_assign(trace->path, path);
    int64_t at = now(trace);
    size_t same = 1, size;
    const char *rest;
    for (; *path && same < trace->depth; path = rest, same++) {
        size = first_name(path, &rest);
        if (!is_named(trace->spans[same].stage, path, size))
            break;
    }
    while (trace->depth > same)
        end(trace, at);
    for (; *path; path = rest) {
        size = first_name(path, &rest);
        if (size && !begin(trace, path, size, at))
            break;
    }
}

OrfTrace *
orf_trace_new(OrfMeter *meter, const char *root)
{
    OrfTrace *trace = g_new0(OrfTrace, 1);
    trace->meter = meter;
    trace->path = g_string_new(NULL);
    begin(trace, root, strlen(root), now(trace));
    return trace;
}

void
orf_trace_free(OrfTrace *trace)
{
    if (!trace)
        return;
    int64_t at = now(trace);
    while (trace->depth)
        end(trace, at);
    orf_profile_add_run(trace->meter->profile, trace->times, trace->n_times);
    g_string_free(trace->path, TRUE);
    g_free(trace);
}
