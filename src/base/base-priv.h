/* base-priv.h - the shared state of a task tree.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ORF_BASE_PRIV_H
#define ORF_BASE_PRIV_H

#include "base/base.h"

/* Memory ledger; outlives the task while blocks drawn from it live. */
typedef struct {
    gatomicrefcount refs;
    size_t limit;        /* 0: none */
    _Atomic size_t used; /* bytes */
    _Atomic size_t peak;
} OrfBudget;

void orf_budget_unref(OrfBudget *budget);

/* One per root task, shared by all its steps. */
typedef struct {
    volatile int cancelled;
    unsigned cores;
    OrfBudget *budget;
    GThreadPool *pool; /* cores - 1 helpers; NULL with one core */
    OrfProgressFn progress;
    void *progress_data;
    GMutex lock; /* guards notes and reported */
    GPtrArray *notes;
    double reported; /* greatest fraction told so far */
} OrfTaskCore;

struct OrfTask {
    gatomicrefcount refs; /* of the root; steps live as long as their parent */
    OrfTaskCore *core;
    OrfTask *parent; /* NULL: root; not owned */
    const char *name;
    double low, high; /* share of the root's 0..1 */
    const OrfStep *steps;
    size_t n_steps, next_step;
    double total_weight, done_weight;
    GPtrArray *children; /* owned steps */
};

/* What the pool's threads are given; first member of a larger one. `run` is stored last: who
 * reads it sees everything that was written before. */
typedef void (*OrfPoolFn)(void *item);
typedef struct {
    _Atomic(OrfPoolFn) run;
} OrfPoolItem;

OrfBudget *orf_task_budget(OrfTask *task); /* NULL without a task */

#endif
