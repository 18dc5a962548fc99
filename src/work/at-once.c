/* at-once.c - what somebody waits for: an order of no job, run where jobs run.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * A stranger's file is read in the runner process here, too: what crashes there costs this
 * order its result and nobody else anything but time. */
#include "work/work-priv.h"

#include <string.h>

typedef struct {
    OrfStore *store;
    bool keep;
    OrfMade *made;
} AtOnce;

void
orf_made_clear(OrfMade *made)
{
    g_free(made->measures);
    g_strfreev(made->notes);
    g_free(made->format);
    *made = (OrfMade){ 0 };
}

static bool
take_file(const OrfMessage *stage, GBytes *file, void *data, GError **error)
{
    AtOnce *it = data;
    OrfDerived *made = &it->made->file;
    if (!it->keep || !file)
        return true;
    g_strlcpy(made->type, stage->media ? stage->media : "", sizeof made->type);
    g_strlcpy(made->extension, stage->extension ? stage->extension : "",
              sizeof made->extension);
    return orf_blob_put(it->store, file, made->digest, error);
}

static void
ignore_progress(const char *step, double fraction, void *data)
{
    (void)step, (void)fraction, (void)data;
}

static void
ignore_log(const char *text, void *data)
{
    (void)text, (void)data;
}

static GBytes *
get_input(const char *digest, void *data, GError **error)
{
    return orf_blob_get(((AtOnce *)data)->store, digest, error);
}

static OrfMessage *
run_here(AtOnce *it, OrfTask *task, const OrfJobRequest *request, GError **error)
{
    const char *generator;
    OrfMakeHost host = { .input = get_input, .stage = take_file, .data = it };
    return orf_make(task, request, &host, &generator, error);
}

static OrfMessage *
run_elsewhere(AtOnce *it, OrfRunner *runner, OrfTask *task, const OrfJobRequest *request,
              uint64_t memory, GError **error)
{
    g_autoptr(OrfMessage) order = orf_runner_order(runner, request, error);
    if (!order)
        return NULL;
    order->cores = orf_task_cores(task);
    order->memory = memory;
    order->light = true;
    OrfRideHost host = {
        .progress = ignore_progress, .stage = take_file, .log = ignore_log, .data = it
    };
    return orf_supervisor_run(runner->supervisor, task, order, &host, NULL, error);
}

static void
take_result(OrfMade *made, OrfMessage *result)
{
    made->measures = g_steal_pointer(&result->measures);
    made->notes = g_steal_pointer(&result->notes);
    made->format = g_steal_pointer(&result->format);
    made->facts = (OrfAssetFacts){ .vertices = result->vertices,
                                   .triangles = result->triangles,
                                   .solid = result->solid,
                                   .format = made->format };
    memcpy(made->facts.size_mm, result->size_mm, sizeof result->size_mm);
    made->peak = result->peak;
}

bool
orf_runner_make(OrfRunner *runner, OrfTask *task, const OrfJobRequest *request, uint64_t memory,
                bool keep, OrfMade *ret, GError **error)
{
    g_auto(OrfMade) made = { 0 };
    AtOnce it = { runner->store, keep, &made };
    g_autoptr(OrfMessage) result =
        runner->supervisor ? run_elsewhere(&it, runner, task, request, memory, error)
                           : run_here(&it, task, request, error);
    if (!result)
        return false;
    if (keep && !*made.file.digest)
        return ORF_FALSE(error, BUG, "%s made nothing", request->operation);
    take_result(&made, result);
    *ret = made;
    made = (OrfMade){ 0 };
    return true;
}
