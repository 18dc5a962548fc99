/* base-priv.h - the shared state of a task tree.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ORF_BASE_PRIV_H
#define ORF_BASE_PRIV_H

#include "base/base.h"

/* Memory ledger; outlives the task while blocks drawn from it live. */
typedef struct OrfBudget {
    gatomicrefcount refs;
    struct OrfBudget *parent; /* of the device; NULL: none. What is drawn here counts there */
    _Atomic size_t limit;     /* 0: none */
    _Atomic size_t used;      /* bytes */
    _Atomic size_t peak;
} OrfBudget;

OrfBudget *orf_budget_new(size_t limit, OrfBudget *parent);
OrfBudget *orf_budget_ref(OrfBudget *budget);
void orf_budget_unref(OrfBudget *budget);
/* Of this ledger alone; false: over its limit. */
bool orf_budget_draw(OrfBudget *budget, size_t size);

/* --- The engine --------------------------------------------------------------------------- */

typedef struct {
    OrfEngineDevice is; /* its name is ours */
    OrfBudget *budget;
    uint64_t reserved; /* under the lock, as all below */
    unsigned tickets;
    uint64_t resident, pinned; /* bytes of residents; of those in use */
} OrfHeldDevice;

struct OrfEngine {
    gatomicrefcount refs;
    unsigned cores;
    char **nets;
    GHashTable *offers; /* name to table, both static; fixed once the engine is shared */
    GThreadPool *pool;  /* helpers of all tasks */
    GMutex lock;
    GCond loaded;         /* a resident is there, or could not be loaded */
    GArray *devices;      /* of OrfHeldDevice; fixed once the engine is shared */
    GHashTable *promises; /* ticket to Promise */
    uint64_t next_ticket;
    GQueue residents; /* of OrfResident; those let go last at the tail */
};

OrfHeldDevice *orf_engine_held(const OrfEngine *engine, unsigned device);
/* TOO_LARGE, or BUSY when it would fit but for others; `own`: bytes the asker holds itself. */
bool orf_engine_fail_short(const OrfEngine *engine, unsigned device, size_t bytes, size_t own,
                           const char *what, GError **error);
/* Unloads the resident of a device that idles longest; false: none does. */
bool orf_engine_evict_one(OrfEngine *engine, unsigned device);
void orf_engine_unload_all(OrfEngine *engine);

/* One per root task, shared by all its steps. */
typedef struct {
    _Atomic bool cancelled;
    unsigned cores;
    OrfBudget *budget;
    OrfEngine *engine; /* NULL: none */
    GThreadPool *pool; /* the engine's, or cores - 1 helpers of its own; NULL with one core */
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

GThreadPool *orf_pool_new(unsigned threads);

OrfBudget *orf_task_budget(OrfTask *task); /* NULL without a task */

#endif
