/* SPDX-License-Identifier: Apache-2.0 */
#include "base/base.h"

#include <string.h>

#define MIB ((size_t)1 << 20)

static OrfEngine *
engine_of(size_t memory, unsigned cores)
{
    return orf_engine_new_bare(&(OrfEngineOptions){ .memory = memory, .cores = cores });
}

static OrfTask *
task_of(OrfEngine *engine)
{
    return orf_task_new(&(OrfTaskOptions){ .engine = engine });
}

/* --- Budgets ------------------------------------------------------------------------------ */

static void
tasks_of_one_engine_share_its_memory(void)
{
    g_autoptr(OrfEngine) engine = engine_of(10 * MIB, 1);
    g_autoptr(OrfTask) one = task_of(engine);
    g_autoptr(OrfTask) second = task_of(engine);
    g_autoptr(GError) error = NULL;
    orf_autofree char *block = ORF_ALLOC(one, char, 7 * MIB, "grid", &error);
    g_assert_no_error(error);
    g_assert_null(ORF_ALLOC(second, char, 4 * MIB, "grid", &error));
    g_assert_error(error, ORF_ERROR, ORF_ERROR_BUSY); /* it would fit but for the first */
    g_clear_error(&error);
    g_assert_null(ORF_ALLOC(one, char, 4 * MIB, "grid", &error));
    g_assert_error(error, ORF_ERROR, ORF_ERROR_TOO_LARGE); /* no waiting would help */
    orf_free(g_steal_pointer(&block));
    g_clear_error(&error);
    orf_autofree char *now = ORF_ALLOC(second, char, 4 * MIB, "grid", &error);
    g_assert_no_error(error);
}

static void
a_block_outlives_its_task_and_its_engine(void)
{
    OrfEngine *engine = engine_of(10 * MIB, 1);
    OrfTask *task = task_of(engine);
    orf_autofree char *block = ORF_ALLOC(task, char, MIB, "grid", NULL);
    orf_task_unref(task);
    orf_engine_unref(engine);
    memset(block, 1, MIB);
}

static void
promises_are_kept_by_device(void)
{
    g_autoptr(OrfEngine) engine = engine_of(100, 1);
    unsigned gpu =
        orf_engine_add_device(engine, &(OrfEngineDevice){ .name = "gpu:0", .memory = 50 });
    g_assert_cmpuint(gpu, ==, 1);
    uint64_t a = orf_engine_reserve(engine, 0, 80), b = orf_engine_reserve(engine, gpu, 50);
    g_assert_true(a && b);
    g_assert_cmpuint(orf_engine_reserve(engine, 0, 21), ==, 0);
    g_assert_cmpuint(orf_engine_reserve(engine, gpu, 1), ==, 0);
    orf_engine_release(engine, a);
    orf_engine_release(engine, a); /* once is enough, twice no harm */
    g_assert_cmpuint(orf_engine_reserve(engine, 0, 1000), !=, 0); /* alone, anything */
    OrfEngineMemory memory;
    orf_engine_memory(engine, gpu, &memory);
    g_assert_cmpuint(memory.total, ==, 50);
    g_assert_cmpuint(memory.reserved, ==, 50);
    g_assert_cmpuint(memory.tickets, ==, 1);
}

static void
count_item(size_t item, void *data)
{
    ((unsigned *)data)[item]++;
}

static void
each_item_is_handled_once(void)
{
    g_autoptr(OrfEngine) engine = engine_of(0, 3);
    for (int with = 0; with < 2; with++) {
        unsigned counts[100] = { 0 };
        orf_engine_each(with ? engine : NULL, G_N_ELEMENTS(counts), count_item, counts);
        for (size_t i = 0; i < G_N_ELEMENTS(counts); i++)
            g_assert_cmpuint(counts[i], ==, 1);
    }
}

/* --- Residents ---------------------------------------------------------------------------- */

typedef struct {
    _Atomic int loads, unloads;
    bool fails;
} Shelf;

typedef struct {
    Shelf *shelf;
} Book;

static void *
load(OrfTask *task, void *data, GError **error)
{
    (void)task;
    Shelf *shelf = data;
    shelf->loads++;
    if (shelf->fails)
        return ORF_FAIL(error, BAD_INPUT, "torn");
    Book *book = g_new(Book, 1);
    book->shelf = shelf;
    return book;
}

static void
unload(void *value)
{
    Book *book = value;
    book->shelf->unloads++;
    g_free(book);
}

static OrfResident *
get(OrfTask *task, Shelf *shelf, const char *key, size_t bytes, GError **error)
{
    OrfResidentOptions options = {
        .key = key, .bytes = bytes, .load = load, .unload = unload, .data = shelf
    };
    return orf_resident_get(task, &options, error);
}

static void
a_resident_is_loaded_once(void)
{
    Shelf shelf = { 0 };
    g_autoptr(OrfEngine) engine = engine_of(100, 1);
    g_autoptr(OrfTask) task = task_of(engine);
    for (int i = 0; i < 3; i++) {
        g_autoptr(OrfResident) one = get(task, &shelf, "a", 10, NULL);
        g_autoptr(OrfResident) again = get(task, &shelf, "a", 10, NULL);
        g_assert_true(orf_resident_value(one) == orf_resident_value(again));
    }
    g_assert_cmpint(shelf.loads, ==, 1);
    g_autoptr(GArray) all = orf_engine_residents(engine);
    g_assert_cmpuint(all->len, ==, 1);
    g_assert_cmpuint(g_array_index(all, OrfResidentInfo, 0).users, ==, 0);
    g_assert_cmpuint(orf_engine_drop(engine, "b"), ==, 0);
    g_assert_cmpuint(orf_engine_drop(engine, "a"), ==, 1);
    g_assert_cmpint(shelf.unloads, ==, 1);
}

static void
the_one_that_idles_longest_makes_way(void)
{
    Shelf a = { 0 }, b = { 0 }, c = { 0 };
    g_autoptr(OrfEngine) engine = engine_of(100, 1);
    g_autoptr(OrfTask) task = task_of(engine);
    orf_resident_let_go(get(task, &a, "a", 40, NULL));
    orf_resident_let_go(get(task, &b, "b", 40, NULL));
    orf_resident_let_go(get(task, &a, "a", 40, NULL)); /* b is the older one now */
    orf_resident_let_go(get(task, &c, "c", 40, NULL));
    g_assert_cmpint(a.unloads, ==, 0);
    g_assert_cmpint(b.unloads, ==, 1);
    orf_autofree char *block = ORF_ALLOC(task, char, 90, "grid", NULL); /* so do blocks */
    g_assert_nonnull(block);
    g_assert_cmpint(a.unloads + c.unloads, ==, 2);
}

static void
a_resident_in_use_stays(void)
{
    Shelf a = { 0 }, b = { 0 };
    g_autoptr(OrfEngine) engine = engine_of(100, 1);
    g_autoptr(OrfTask) task = task_of(engine);
    g_autoptr(GError) error = NULL;
    g_autoptr(OrfResident) used = get(task, &a, "a", 60, &error);
    g_assert_null(get(task, &b, "b", 60, &error));
    g_assert_error(error, ORF_ERROR, ORF_ERROR_BUSY);
    g_assert_cmpuint(orf_engine_drop(engine, NULL), ==, 0);
    uint64_t ticket = orf_engine_reserve(engine, 0, 1);
    g_assert_cmpuint(orf_engine_reserve(engine, 0, 50), ==, 0); /* nor is it promised away */
    orf_engine_release(engine, ticket);
}

static void
what_cannot_be_loaded_leaves_nothing(void)
{
    Shelf shelf = { .fails = true };
    g_autoptr(OrfEngine) engine = engine_of(100, 1);
    g_autoptr(OrfTask) task = task_of(engine);
    g_autoptr(GError) error = NULL;
    g_assert_null(get(task, &shelf, "a", 10, &error));
    g_assert_error(error, ORF_ERROR, ORF_ERROR_BAD_INPUT);
    OrfEngineMemory memory;
    orf_engine_memory(engine, 0, &memory);
    g_assert_cmpuint(memory.held + memory.resident, ==, 0);
    shelf.fails = false;
    g_autoptr(OrfResident) now = get(task, &shelf, "a", 10, NULL);
    g_assert_nonnull(now);
}

static void
idle_ones_go_after_their_time(void)
{
    Shelf a = { 0 };
    g_autoptr(OrfEngine) engine = engine_of(0, 1);
    g_autoptr(OrfTask) task = task_of(engine);
    orf_resident_let_go(get(task, &a, "a", 10, NULL));
    g_assert_cmpuint(orf_engine_expire(engine, 1000, 500), ==, 0);
    g_assert_cmpuint(orf_engine_expire(engine, 1400, 500), ==, 0);
    orf_resident_let_go(get(task, &a, "a", 10, NULL)); /* used: its time begins again */
    g_assert_cmpuint(orf_engine_expire(engine, 1600, 500), ==, 0);
    g_assert_cmpuint(orf_engine_expire(engine, 2100, 500), ==, 1);
}

static void
without_an_engine_it_is_the_callers_alone(void)
{
    Shelf a = { 0 };
    OrfResident *one = get(NULL, &a, "a", 10, NULL), *other = get(NULL, &a, "a", 10, NULL);
    g_assert_cmpint(a.loads, ==, 2);
    orf_resident_let_go(one);
    orf_resident_let_go(other);
    g_assert_cmpint(a.unloads, ==, 2);
}

typedef struct {
    OrfEngine *engine;
    Shelf *shelf;
} Crowd;

static void
read_one(size_t item, void *data)
{
    const Crowd *crowd = data;
    g_autoptr(OrfTask) task = task_of(crowd->engine);
    g_autofree char *key = g_strdup_printf("%zu", item % 3);
    g_autoptr(OrfResident) resident = get(task, crowd->shelf, key, 40, NULL);
    if (resident) /* three of 40 do not fit into 100 when all are in use */
        g_assert_true(((Book *)orf_resident_value(resident))->shelf == crowd->shelf);
}

static void
many_runs_share_residents(void)
{
    Shelf shelf = { 0 };
    OrfEngine *engine = engine_of(100, 4);
    Crowd crowd = { engine, &shelf };
    orf_engine_each(engine, 2000, read_one, &crowd);
    orf_engine_unref(engine);
    g_assert_cmpint(shelf.loads, ==, shelf.unloads);
}

int
main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*run)(void);
    } tests[] = {
        { "tasks-of-one-engine-share-its-memory", tasks_of_one_engine_share_its_memory },
        { "a-block-outlives-its-task-and-its-engine",
          a_block_outlives_its_task_and_its_engine },
        { "promises-are-kept-by-device", promises_are_kept_by_device },
        { "each-item-is-handled-once", each_item_is_handled_once },
        { "a-resident-is-loaded-once", a_resident_is_loaded_once },
        { "the-one-that-idles-longest-makes-way", the_one_that_idles_longest_makes_way },
        { "a-resident-in-use-stays", a_resident_in_use_stays },
        { "what-cannot-be-loaded-leaves-nothing", what_cannot_be_loaded_leaves_nothing },
        { "idle-ones-go-after-their-time", idle_ones_go_after_their_time },
        { "without-an-engine-it-is-the-callers-alone",
          without_an_engine_it_is_the_callers_alone },
        { "many-runs-share-residents", many_runs_share_residents },
    };
    g_test_init(&argc, &argv, NULL);
    for (size_t i = 0; i < G_N_ELEMENTS(tests); i++) {
        g_autofree char *path = g_strconcat("/base/engine/", tests[i].name, NULL);
        g_test_add_func(path, tests[i].run);
    }
    return g_test_run();
}
