/* SPDX-License-Identifier: Apache-2.0 */
#include "base/base.h"

#include <string.h>

typedef struct {
    double last;
    bool fell;
    unsigned calls;
    char step[128];
} Heard;

static void
listen(const char *step, double fraction, void *data)
{
    Heard *heard = data;
    heard->fell |= fraction < heard->last;
    heard->last = fraction;
    heard->calls++;
    g_strlcpy(heard->step, step, sizeof heard->step);
}

static void
progress_follows_weights(void)
{
    static const OrfStep outer[] = { { "load", 1 }, { "build", 3 } };
    static const OrfStep inner[] = { { "mesh", 1 }, { "dress", 1 } };
    Heard heard = { 0 };
    g_autoptr(OrfTask) task =
        orf_task_new(&(OrfTaskOptions){ .progress = listen, .progress_data = &heard });
    orf_task_plan(task, outer, 2);
    orf_task_progress(orf_task_step(task), 0.5);
    g_assert_cmpfloat_with_epsilon(heard.last, 0.125, 1e-9);
    OrfTask *build = orf_task_step(task);
    g_assert_cmpfloat_with_epsilon(heard.last, 0.25, 1e-9);
    orf_task_plan(build, inner, 2);
    orf_task_step(build);
    orf_task_progress(orf_task_step(build), 1);
    g_assert_cmpfloat_with_epsilon(heard.last, 1, 1e-9);
    g_assert_cmpstr(heard.step, ==, "build: dress");
    g_assert_false(heard.fell);
}

static void
nameless_steps_are_not_in_the_path(void)
{
    static const OrfStep outer[] = { { "look", 1 }, { "", 1 } }, inner[] = { { "mesh", 1 } };
    Heard heard = { 0 };
    g_autoptr(OrfTask) task =
        orf_task_new(&(OrfTaskOptions){ .progress = listen, .progress_data = &heard });
    orf_task_plan(task, outer, 2);
    orf_task_step(task);
    OrfTask *rest = orf_task_step(task);
    g_assert_cmpstr(heard.step, ==, "look");
    orf_task_plan(rest, inner, 1);
    orf_task_progress(orf_task_step(rest), 0.5);
    g_assert_cmpstr(heard.step, ==, "mesh");
    g_assert_cmpfloat_with_epsilon(heard.last, 0.75, 1e-9);
}

static void
cancel_reaches_every_step(void)
{
    static const OrfStep steps[] = { { "only", 1 } };
    g_autoptr(OrfTask) task = orf_task_new(NULL);
    orf_task_plan(task, steps, 1);
    OrfTask *step = orf_task_step(task);
    g_assert_true(orf_task_check(step, NULL));
    orf_task_cancel(task);
    g_autoptr(GError) error = NULL;
    g_assert_false(orf_task_check(step, &error));
    g_assert_error(error, ORF_ERROR, ORF_ERROR_CANCELLED);
    g_assert_cmpint(orf_error_exit_code(error), ==, 130);
}

static void
budget_refuses_politely_and_gets_bytes_back(void)
{
    g_autoptr(OrfTask) task = orf_task_new(&(OrfTaskOptions){ .memory = 1000 });
    g_autoptr(GError) error = NULL;
    orf_autofree char *first = ORF_ALLOC(task, char, 600, "first", &error);
    g_assert_no_error(error);
    g_assert_null(ORF_ALLOC(task, char, 600, "second", &error));
    g_assert_error(error, ORF_ERROR, ORF_ERROR_TOO_LARGE);
    g_assert_nonnull(strstr(error->message, "second"));
    orf_free(g_steal_pointer(&first));
    orf_autofree char *third = ORF_ALLOC(task, char, 1000, "third", NULL);
    g_assert_nonnull(third);
    g_assert_cmpuint(orf_task_peak_memory(task), ==, 1000);
}

static void
overflowing_sizes_are_refused(void)
{
    g_autoptr(GError) error = NULL;
    g_assert_null(orf_task_alloc(NULL, SIZE_MAX / 2, 4, "grid", &error));
    g_assert_error(error, ORF_ERROR, ORF_ERROR_TOO_LARGE);
}

static void
blocks_outlive_their_task(void)
{
    OrfTask *task = orf_task_new(&(OrfTaskOptions){ .memory = 4096 });
    orf_autofree uint64_t *block = ORF_ALLOC(task, uint64_t, 16, "block", NULL);
    orf_task_unref(task);
    g_assert_cmpuint((uintptr_t)block % 64, ==, 0);
    g_assert_cmpuint(block[15], ==, 0);
    g_assert_cmpuint(orf_block_size(block), ==, 128);
}

typedef struct {
    OrfTask *task;
    uint8_t *hits;
} Sweep;

static void
mark(size_t begin, size_t end, void *data)
{
    Sweep *sweep = data;
    for (size_t i = begin; i < end; i++)
        sweep->hits[i]++;
}

static void
parallel_handles_each_item_once(void)
{
    static const size_t sizes[] = { 0, 1, 2, 63, 1000, 100003 };
    for (unsigned cores = 1; cores <= 4; cores++)
        for (size_t s = 0; s < G_N_ELEMENTS(sizes); s++) {
            g_autoptr(OrfTask) task = orf_task_new(&(OrfTaskOptions){ .cores = cores });
            g_autofree uint8_t *hits = g_malloc0(sizes[s] + 1);
            g_assert_true(orf_task_parallel(task, sizes[s], 7, mark, &(Sweep){ task, hits }));
            for (size_t i = 0; i < sizes[s]; i++)
                g_assert_cmpuint(hits[i], ==, 1);
        }
}

static void
mark_nested(size_t begin, size_t end, void *data)
{
    Sweep *sweep = data;
    for (size_t i = begin; i < end; i++)
        orf_task_parallel(sweep->task, 100, 3, mark,
                          &(Sweep){ sweep->task, sweep->hits + 100 * i });
}

static void
parallel_nests_without_deadlock(void)
{
    g_autoptr(OrfTask) task = orf_task_new(&(OrfTaskOptions){ .cores = 3 });
    g_autofree uint8_t *hits = g_malloc0(10000);
    g_assert_true(orf_task_parallel(task, 100, 1, mark_nested, &(Sweep){ task, hits }));
    for (size_t i = 0; i < 10000; i++)
        g_assert_cmpuint(hits[i], ==, 1);
}

static void
notes_are_kept_once(void)
{
    g_autoptr(OrfTask) task = orf_task_new(NULL);
    orf_task_note(task, "filled %d holes", 2);
    orf_task_note(task, "filled %d holes", 2);
    g_auto(GStrv) notes = orf_task_notes(task);
    g_assert_cmpuint(g_strv_length(notes), ==, 1);
    g_assert_cmpstr(notes[0], ==, "filled 2 holes");
}

static void
a_missing_task_is_fine(void)
{
    orf_task_plan(NULL, NULL, 0);
    g_assert_null(orf_task_step(NULL));
    orf_task_progress(NULL, 0.5);
    g_assert_true(orf_task_check(NULL, NULL));
    g_assert_cmpuint(orf_task_cores(NULL), ==, 1);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/base/task/progress-follows-weights", progress_follows_weights);
    g_test_add_func("/base/task/nameless-steps-are-not-in-the-path",
                    nameless_steps_are_not_in_the_path);
    g_test_add_func("/base/task/cancel-reaches-every-step", cancel_reaches_every_step);
    g_test_add_func("/base/task/notes-are-kept-once", notes_are_kept_once);
    g_test_add_func("/base/task/a-missing-task-is-fine", a_missing_task_is_fine);
    g_test_add_func("/base/memory/budget-refuses-politely-and-gets-bytes-back",
                    budget_refuses_politely_and_gets_bytes_back);
    g_test_add_func("/base/memory/overflowing-sizes-are-refused",
                    overflowing_sizes_are_refused);
    g_test_add_func("/base/memory/blocks-outlive-their-task", blocks_outlive_their_task);
    g_test_add_func("/base/parallel/handles-each-item-once", parallel_handles_each_item_once);
    g_test_add_func("/base/parallel/nests-without-deadlock", parallel_nests_without_deadlock);
    return g_test_run();
}
