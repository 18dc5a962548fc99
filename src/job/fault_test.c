/* SPDX-License-Identifier: Apache-2.0
 *
 * kill -9 at random moments, and the invariants: every accepted job ends in exactly one
 * terminal state (I1), with at most one result (I2); states and progress never go back (I4);
 * event numbers rise, and where some are missing a snapshot stands (I5); nothing is counted
 * twice or lost (I6). ORFEAS_FAULT_LIVES=200 kills 200 times, ORFEAS_FAULT_SEED=n repeats a
 * run. */
#include "job/fault-child_fixture.h"

#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>

/* What clients know of a job. */
typedef struct {
    char *id;
    int status; /* -1: never heard */
    double progress;
    int attempt;
    uint64_t seq;
    unsigned life;
    char *digest;
    bool cancelled;
} Known;

typedef struct {
    const char *program;
    char *dir;
    GHashTable *jobs;  /* id -> Known */
    GHashTable *onces; /* idempotency key -> id */
    unsigned life, accepted, kills, events;
    unsigned rows, live, counted; /* at the end */
} World;

static void
known_free(void *data)
{
    Known *known = data;
    g_free(known->id);
    g_free(known->digest);
    g_free(known);
}

static Known *
know(World *world, const char *id)
{
    Known *known = g_hash_table_lookup(world->jobs, id);
    if (known)
        return known;
    known = g_new0(Known, 1);
    known->id = g_strdup(id);
    known->status = -1;
    g_hash_table_insert(world->jobs, known->id, known);
    return known;
}

/* --- Lines -------------------------------------------------------------------------------- */

static void
take_accepted(World *world, char **words)
{
    know(world, words[1]);
    world->accepted++;
    if (g_str_equal(words[3], "-"))
        return;
    const char *id = g_hash_table_lookup(world->onces, words[3]);
    if (id)
        g_assert_cmpstr(id, ==, words[1]);
    g_hash_table_insert(world->onces, g_strdup(words[3]), g_strdup(words[1]));
}

static bool
is_terminal(int status)
{
    return status >= 0 && orf_job_status_is_terminal((OrfJobStatus)status);
}

/* Within a life without a gap; over a restart a snapshot, or the very next one; an end may be
 * told again. */
static void
check_number(const World *world, const Known *known, uint64_t seq, const char *type)
{
    if (known->status < 0 || (is_terminal(known->status) && seq == known->seq))
        return;
    g_assert_cmpuint(seq, >, known->seq);
    if (!g_str_equal(type, "snapshot") && known->life == world->life)
        g_assert_cmpuint(seq, ==, known->seq + 1);
}

static void
check_state(const Known *known, int status, double progress, int attempt, const char *digest)
{
    g_assert_cmpint(attempt, >=, known->attempt);
    g_assert_cmpfloat(progress, >=, known->progress);
    if (is_terminal(known->status)) {
        g_assert_cmpint(status, ==, known->status);
        if (known->digest && !g_str_equal(digest, "-"))
            g_assert_cmpstr(digest, ==, known->digest);
    }
    g_assert_cmpint(status, >=, known->status);
}

static void
take_event(World *world, char **words)
{
    Known *known = know(world, words[1]);
    uint64_t seq = g_ascii_strtoull(words[2], NULL, 10);
    int status = atoi(words[4]), attempt = atoi(words[6]);
    double progress = g_ascii_strtod(words[5], NULL);
    check_number(world, known, seq, words[3]);
    check_state(known, status, progress, attempt, words[7]);
    known->seq = seq;
    known->status = status;
    known->progress = progress;
    known->attempt = attempt;
    known->life = world->life;
    world->events++;
    if (!g_str_equal(words[7], "-") && !known->digest)
        known->digest = g_strdup(words[7]);
}

static void
take_line(World *world, const char *line)
{
    g_auto(GStrv) words = g_strsplit(line, " ", -1);
    switch (line[0]) {
    case 'A':
        take_accepted(world, words);
        break;
    case 'E':
        take_event(world, words);
        break;
    case 'C':
        know(world, words[1])->cancelled = true;
        break;
    case 'Q':
        world->rows = (unsigned)atoi(words[1]);
        world->live = (unsigned)atoi(words[2]);
        world->counted = (unsigned)atoi(words[3]);
        break;
    default:
        g_error("%s", line);
    }
}

/* --- Lives -------------------------------------------------------------------------------- */

/* Where each listener stands, for the next life. */
static void
write_told(World *world)
{
    g_autoptr(GString) text = g_string_new(NULL);
    g_autofree char *path = g_build_filename(world->dir, FAULT_TOLD, NULL);
    GHashTableIter iter;
    void *item;
    g_hash_table_iter_init(&iter, world->jobs);
    while (g_hash_table_iter_next(&iter, NULL, &item)) {
        const Known *known = item;
        g_string_append_printf(text, "%s %" G_GUINT64_FORMAT "\n", known->id, known->seq);
    }
    g_assert_true(g_file_set_contents(path, text->str, -1, NULL));
}

/* `lines`: how many until it is killed; 0: it ends by itself. */
static void
live(World *world, unsigned seed, unsigned lines)
{
    g_autofree char *number = g_strdup_printf("%u", seed);
    const char *mode = lines ? FAULT_MIX : FAULT_FINISH;
    char *argv[] = { (char *)(uintptr_t)world->program,
                     (char[]){ "--child" },
                     world->dir,
                     number,
                     (char *)(uintptr_t)mode,
                     NULL };
    GPid pid;
    int out, status;
    write_told(world);
    world->life++;
    g_assert_true(g_spawn_async_with_pipes(NULL, argv, NULL, G_SPAWN_DO_NOT_REAP_CHILD, NULL,
                                           NULL, &pid, NULL, &out, NULL, NULL));
    FILE *told = fdopen(out, "r");
    char line[512];
    for (unsigned n = 1; fgets(line, sizeof line, told); n++) {
        g_strchomp(line);
        take_line(world, line);
        if (n == lines)
            kill(pid, SIGKILL); /* what is still in the pipe was told, too */
    }
    fclose(told);
    g_assert_cmpint(waitpid(pid, &status, 0), ==, pid);
    world->kills += WIFSIGNALED(status);
    g_assert_true(lines ? WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL
                        : (WIFEXITED(status) && WEXITSTATUS(status) == 0) ||
                              (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL));
}

static void
check_ends(World *world)
{
    GHashTableIter iter;
    void *item;
    g_hash_table_iter_init(&iter, world->jobs);
    while (g_hash_table_iter_next(&iter, NULL, &item)) {
        const Known *known = item;
        g_assert_true(is_terminal(known->status));
    }
    g_assert_cmpuint(world->live, ==, 0);
    g_assert_cmpuint(world->counted, ==, 0);
    g_assert_cmpuint(world->rows, ==, g_hash_table_size(world->jobs));
}

static unsigned
setting(const char *name, unsigned fallback)
{
    const char *text = g_getenv(name);
    return text ? (unsigned)atoi(text) : fallback;
}

static void
nothing_is_lost_or_told_twice_when_the_process_is_killed(const void *program)
{
    unsigned seed = setting("ORFEAS_FAULT_SEED", (unsigned)g_test_rand_int());
    unsigned lives = setting("ORFEAS_FAULT_LIVES", 12);
    g_autoptr(GRand) chance = g_rand_new_with_seed(seed);
    World world = { .program = program, .dir = folder_new() };
    world.jobs = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, known_free);
    world.onces = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    g_test_message("ORFEAS_FAULT_SEED=%u", seed);
    for (unsigned i = 0; i < lives; i++)
        live(&world, seed + i, (unsigned)g_rand_int_range(chance, 1, 1500));
    do /* the last life goes on until all has ended */
        live(&world, seed, 0);
    while (world.rows == 0);
    check_ends(&world);
    g_test_message("%u jobs, %u answers, %u events, %u kills", world.rows, world.accepted,
                   world.events, world.kills);
    g_hash_table_unref(world.jobs);
    g_hash_table_unref(world.onces);
    folder_free(world.dir);
}

int
main(int argc, char **argv)
{
    if (argc == 5 && g_str_equal(argv[1], "--child"))
        return fault_child(argv[2], (unsigned)g_ascii_strtoull(argv[3], NULL, 10), argv[4]);
    g_test_init(&argc, &argv, NULL);
    g_test_add_data_func("/job/fault/nothing-is-lost-or-told-twice-when-the-process-is-killed",
                         argv[0], nothing_is_lost_or_told_twice_when_the_process_is_killed);
    return g_test_run();
}
