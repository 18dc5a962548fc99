/* batch.c - runs: one, or several together.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 *     check -> resolve (auto looks) -> sort by generator -> run each generator's share
 *
 * Items are independent up to their generator's own batch: they are looked at on several
 * threads, and the shares of different generators run at one time. What generators make stands
 * upright; "lie" turns it on its back on the way out. */
#include "generate/generate-priv.h"

/* --- One item ----------------------------------------------------------------------------- */

/* What an item has on its way, beside what its maker sees of it. */
typedef struct {
    OrfGenerateItem *item;
    OrfRan *ran;         /* told before the first stage */
    OrfTask *step;       /* of the item's task: all that follows the look */
    OrfRecipe *resolved; /* NULL: over already, with an error */
    OrfSeen seen;
    bool lie, taken;
    OrfAsset *last;
    GError *error; /* of laying it down */
} Way;

static void
way_clear(Way *way)
{
    orf_recipe_unref(way->resolved);
    orf_seen_clear(&way->seen);
    g_clear_pointer(&way->last, orf_asset_unref);
    g_clear_error(&way->error);
}

static OrfRecipe *
look(Way *way, GError **error)
{
    static const OrfStep steps[] = { { "look", 3 }, { "", 97 } };
    OrfGenerateItem *item = way->item;
    orf_task_plan(item->task, steps, G_N_ELEMENTS(steps));
    if (!orf_recipe_check(item->recipe, error))
        return NULL;
    OrfTask *step = orf_task_step(item->task);
    g_autoptr(OrfRecipe) resolved =
        orf_recipe_resolve(step, item->recipe, &way->seen, way->ran, error);
    if (!resolved || !orf_recipe_check(resolved, error) || !orf_task_check(item->task, error))
        return NULL;
    const char *missing = orf_generator_available(resolved->generator, orf_task_engine(step));
    if (missing)
        return ORF_FAIL(error, UNAVAILABLE, "%s: %s", resolved->generator->name, missing);
    way->step = orf_task_step(item->task);
    way->lie = g_str_equal(orf_params_text(resolved->params, "pose"), "lie");
    return g_steal_pointer(&resolved);
}

static void
look_at(size_t i, void *data)
{
    Way *way = &((Way *)data)[i];
    way->resolved = look(way, &way->item->error);
}

/* --- Pose --------------------------------------------------------------------------------- */

/* The front turned up, on the bed: (x, y, z) -> (x, z - lowest z, centre y - y). */
OrfAsset *
orf_lay_down(OrfTask *task, const OrfAsset *asset, GError **error)
{
    const OrfMesh *mesh = orf_asset_mesh(asset);
    size_t n = orf_mesh_n_vertices(mesh);
    const float *from = orf_mesh_positions(mesh);
    float *to = ORF_ALLOC(task, float, 3 * n, "positions", error);
    if (!to)
        return NULL;
    float low[3], high[3];
    orf_mesh_bounds(mesh, low, high);
    for (size_t i = 0; i < n; i++) {
        to[3 * i] = from[3 * i];
        to[3 * i + 1] = from[3 * i + 2] - low[2];
        to[3 * i + 2] = (low[1] + high[1]) / 2 - from[3 * i + 1];
    }
    g_autoptr(OrfMesh) lying = orf_mesh_with_positions_take(task, mesh, to, error);
    return lying ? orf_asset_with_mesh(asset, lying) : NULL;
}

static bool
let_out(OrfStage stage, OrfAsset *asset, void *data)
{
    Way *way = data;
    OrfAsset *out =
        way->lie ? orf_lay_down(way->step, asset, &way->error) : orf_asset_ref(asset);
    if (!out)
        return false;
    g_clear_pointer(&way->last, orf_asset_unref);
    way->last = out;
    return !way->item->stage || way->item->stage(stage, out, way->item->data);
}

/* --- Batches ------------------------------------------------------------------------------ */

typedef struct {
    OrfBatch *batch;
    OrfMakeFn make;
} EachItem;

static void
make_one(size_t i, void *data)
{
    const EachItem *each = data;
    OrfBatchItem *item = &each->batch->items[i];
    item->asset = each->make(item, &item->error);
}

void
orf_batch_each(OrfBatch *batch, OrfMakeFn make)
{
    EachItem each = { batch, make };
    orf_engine_each(batch->engine, batch->n, make_one, &each);
}

/* What the maker left in an item becomes the run's end. */
static void
settle(Way *way, OrfBatchItem *made)
{
    OrfGenerateItem *item = way->item;
    if (way->error)
        item->error = g_steal_pointer(&way->error);
    else if (made->asset)
        item->asset = g_steal_pointer(&way->last);
    else
        item->error = g_steal_pointer(&made->error);
    g_clear_pointer(&made->asset, orf_asset_unref);
    g_clear_error(&made->error);
}

/* The ways of one generator. */
typedef struct {
    OrfEngine *engine;
    GPtrArray *ways;
} Share;

static void
run_share(size_t i, void *data)
{
    const Share *share = ((GPtrArray *)data)->pdata[i];
    guint n = share->ways->len;
    g_autofree OrfBatchItem *items = g_new0(OrfBatchItem, n);
    for (guint k = 0; k < n; k++) {
        Way *way = share->ways->pdata[k];
        items[k] = (OrfBatchItem){ .task = way->step,
                                   .recipe = way->resolved,
                                   .seen = way->seen,
                                   .emit = let_out,
                                   .data = way };
    }
    OrfBatch batch = { share->engine, items, n };
    ((Way *)share->ways->pdata[0])->resolved->generator->run(&batch);
    for (guint k = 0; k < n; k++)
        settle(share->ways->pdata[k], &items[k]);
}

static void
share_free(void *data)
{
    Share *share = data;
    g_ptr_array_unref(share->ways);
    g_free(share);
}

static GPtrArray *
sort_by_generator(OrfEngine *engine, Way *ways, size_t n)
{
    GPtrArray *shares = g_ptr_array_new_with_free_func(share_free);
    for (size_t i = 0; i < n; i++) {
        if (!ways[i].resolved || ways[i].taken)
            continue;
        Share *share = g_new0(Share, 1);
        *share = (Share){ engine, g_ptr_array_new() };
        for (size_t k = i; k < n; k++)
            if (ways[k].resolved &&
                ways[k].resolved->generator == ways[i].resolved->generator) {
                ways[k].taken = true;
                g_ptr_array_add(share->ways, &ways[k]);
            }
        g_ptr_array_add(shares, share);
    }
    return shares;
}

static void
run_ways(OrfEngine *engine, Way *ways, size_t n)
{
    orf_engine_each(engine, n, look_at, ways);
    g_autoptr(GPtrArray) shares = sort_by_generator(engine, ways, n);
    orf_engine_each(engine, shares->len, run_share, shares);
    for (size_t i = 0; i < n; i++)
        way_clear(&ways[i]);
}

void
orf_recipe_run_batch(OrfEngine *engine, OrfGenerateItem *items, size_t n)
{
    g_autofree Way *ways = g_new0(Way, n);
    for (size_t i = 0; i < n; i++) {
        ways[i].item = &items[i];
        ways[i].ran = &items[i].ran;
        orf_task_limit_cores(items[i].task, orf_task_cores(items[i].task) / (unsigned)n);
    }
    run_ways(engine, ways, n);
}

OrfAsset *
orf_recipe_run(OrfTask *task, const OrfRecipe *recipe, OrfStageFn emit, void *data,
               OrfRan *ret_ran, GError **error)
{
    OrfGenerateItem item = { .task = task, .recipe = recipe, .stage = emit, .data = data };
    Way way = { .item = &item, .ran = ret_ran ? ret_ran : &item.ran };
    run_ways(orf_task_engine(task), &way, 1);
    if (item.error)
        g_propagate_error(error, item.error);
    return item.asset;
}
