/* task.c - one run: cancel, progress through named weighted steps, notes.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * A task is a tree. The root owns the shared core (cancel flag, budget, threads, listener);
 * each step covers a share [low, high] of its parent's progress. Progress reported to the
 * listener is monotonic: a late thread can never move the bar back. */
#include "base-priv.h"

#define MAX_NOTES 64

static void
pool_run(void *item, void *unused)
{
    (void)unused;
    OrfPoolItem *head = item;
    OrfPoolFn run = head->run;
    run(item);
}

GThreadPool *
orf_pool_new(unsigned threads)
{
    return g_thread_pool_new(pool_run, NULL, (int)threads, FALSE, NULL);
}

static OrfTaskCore *
core_new(const OrfTaskOptions *options)
{
    OrfTaskCore *core = g_new0(OrfTaskCore, 1);
    core->cores = MAX(1, options->cores);
    core->progress = options->progress;
    core->progress_data = options->progress_data;
    core->engine = options->engine ? orf_engine_ref(options->engine) : NULL;
    core->budget = orf_budget_new(
        options->memory, core->engine ? orf_engine_held(core->engine, 0)->budget : NULL);
    core->notes = g_ptr_array_new_with_free_func(g_free);
    core->reported = -1;
    g_mutex_init(&core->lock);
    if (core->cores > 1)
        core->pool = core->engine ? core->engine->pool : orf_pool_new(core->cores - 1);
    return core;
}

static void
core_free(OrfTaskCore *core)
{
    if (core->pool && !core->engine)
        g_thread_pool_free(core->pool, FALSE, TRUE);
    orf_budget_unref(core->budget);
    orf_engine_unref(core->engine);
    g_ptr_array_unref(core->notes);
    g_mutex_clear(&core->lock);
    g_free(core);
}

OrfTask *
orf_task_new(const OrfTaskOptions *options)
{
    static const OrfTaskOptions none = { 0 };
    OrfTask *task = g_new0(OrfTask, 1);
    g_atomic_ref_count_init(&task->refs);
    task->core = core_new(options ? options : &none);
    task->high = 1;
    return task;
}

static void
task_free(OrfTask *task)
{
    if (task->children)
        g_ptr_array_unref(task->children);
    if (!task->parent)
        core_free(task->core);
    g_free(task);
}

static OrfTask *
root_of(OrfTask *task)
{
    while (task->parent)
        task = task->parent;
    return task;
}

OrfTask *
orf_task_ref(OrfTask *task)
{
    g_atomic_ref_count_inc(&root_of(task)->refs);
    return task;
}

void
orf_task_unref(OrfTask *task)
{
    if (!task)
        return;
    OrfTask *root = root_of(task);
    if (g_atomic_ref_count_dec(&root->refs))
        task_free(root);
}

void
orf_task_cancel(OrfTask *task)
{
    if (task)
        task->core->cancelled = true;
}

bool
orf_task_cancelled(const OrfTask *task)
{
    return task && task->core->cancelled;
}

bool
orf_task_check(const OrfTask *task, GError **error)
{
    if (!orf_task_cancelled(task))
        return true;
    return ORF_FALSE(error, CANCELLED, "cancelled");
}

OrfEngine *
orf_task_engine(const OrfTask *task)
{
    return task ? task->core->engine : NULL;
}

unsigned
orf_task_cores(const OrfTask *task)
{
    return task ? task->core->cores : 1;
}

size_t
orf_task_peak_memory(const OrfTask *task)
{
    return task ? task->core->budget->peak : 0;
}

void
orf_task_limit_cores(OrfTask *task, unsigned cores)
{
    if (task)
        task->core->cores = CLAMP(cores, 1, task->core->cores);
}

OrfBudget *
orf_task_budget(OrfTask *task)
{
    return task ? task->core->budget : NULL;
}

/* --- Progress ----------------------------------------------------------------------------- */

static void
append_path(const OrfTask *task, GString *path)
{
    if (!task->parent)
        return;
    append_path(task->parent, path);
    if (path->len && *task->name)
        g_string_append(path, ": ");
    g_string_append(path, task->name);
}

/* Advances the shared high-water mark; true when the listener should hear of it. */
static bool
advance(OrfTaskCore *core, double fraction, bool always, double *ret_fraction)
{
    g_mutex_lock(&core->lock);
    bool tell =
        always || fraction >= core->reported + 0.002 || (fraction >= 1 && core->reported < 1);
    core->reported = MAX(core->reported, fraction);
    *ret_fraction = core->reported;
    g_mutex_unlock(&core->lock);
    return tell;
}

static void
report(OrfTask *task, double fraction, bool always)
{
    OrfTaskCore *core = task->core;
    double told;
    if (!core->progress || !advance(core, fraction, always, &told))
        return;
    g_autoptr(GString) path = g_string_new(NULL);
    append_path(task, path);
    if (!path->len && task->parent)
        return; /* a step without a name: those within it will tell */
    core->progress(path->str, told, core->progress_data);
}

void
orf_task_plan(OrfTask *task, const OrfStep *steps, size_t n_steps)
{
    if (!task)
        return;
    task->steps = steps;
    task->n_steps = n_steps;
    task->next_step = 0;
    task->total_weight = task->done_weight = 0;
    for (size_t i = 0; i < n_steps; i++)
        task->total_weight += steps[i].weight;
    if (!task->children)
        task->children = g_ptr_array_new_with_free_func((GDestroyNotify)task_free);
}

OrfTask *
orf_task_step(OrfTask *task)
{
    if (!task)
        return NULL;
    g_assert(task->next_step < task->n_steps);
    const OrfStep *step = &task->steps[task->next_step++];
    double total = MAX(task->total_weight, 1), range = task->high - task->low;
    OrfTask *child = g_new0(OrfTask, 1);
    child->core = task->core;
    child->parent = task;
    child->name = step->name;
    child->low = task->low + range * task->done_weight / total;
    task->done_weight += step->weight;
    child->high = task->low + range * task->done_weight / total;
    g_ptr_array_add(task->children, child);
    report(child, child->low, true);
    return child;
}

void
orf_task_progress(OrfTask *task, double fraction)
{
    if (task)
        report(task, task->low + (task->high - task->low) * CLAMP(fraction, 0, 1), false);
}

/* --- Notes -------------------------------------------------------------------------------- */

static bool
already_noted(const GPtrArray *notes, const char *text)
{
    for (guint i = 0; i < notes->len; i++)
        if (g_str_equal(notes->pdata[i], text))
            return true;
    return false;
}

void
orf_task_note(OrfTask *task, const char *format, ...)
{
    if (!task)
        return;
    va_list args;
    va_start(args, format);
    g_autofree char *text = g_strdup_vprintf(format, args);
    va_end(args);
    OrfTaskCore *core = task->core;
    g_mutex_lock(&core->lock);
    if (core->notes->len < MAX_NOTES && !already_noted(core->notes, text))
        g_ptr_array_add(core->notes, g_steal_pointer(&text));
    g_mutex_unlock(&core->lock);
}

char **
orf_task_notes(OrfTask *task)
{
    GStrvBuilder *list = g_strv_builder_new();
    if (task) {
        g_mutex_lock(&task->core->lock);
        for (guint i = 0; i < task->core->notes->len; i++)
            g_strv_builder_add(list, task->core->notes->pdata[i]);
        g_mutex_unlock(&task->core->lock);
    }
    char **notes = g_strv_builder_end(list);
    g_strv_builder_unref(list);
    return notes;
}
