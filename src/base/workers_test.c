/* SPDX-License-Identifier: Apache-2.0 */
#include "base/base.h"

/* What the pools under test do: it counts, and holds threads until the gate opens. */
typedef struct {
    GMutex lock;
    GCond changed;
    unsigned begun, ended;
    bool open;
    GString *order;
    OrfWorkers *workers;
} Gate;

static Gate *
gate_new(void)
{
    Gate *gate = g_new0(Gate, 1);
    g_mutex_init(&gate->lock);
    g_cond_init(&gate->changed);
    gate->order = g_string_new(NULL);
    return gate;
}

static void
gate_free(Gate *gate)
{
    g_string_free(gate->order, TRUE);
    g_cond_clear(&gate->changed);
    g_mutex_clear(&gate->lock);
    g_free(gate);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Gate, gate_free)

static void
pass(void *data)
{
    Gate *gate = data;
    g_mutex_lock(&gate->lock);
    gate->begun++;
    g_cond_broadcast(&gate->changed);
    while (!gate->open)
        g_cond_wait(&gate->changed, &gate->lock);
    gate->ended++;
    g_cond_broadcast(&gate->changed);
    g_mutex_unlock(&gate->lock);
}

static void
wait_for(Gate *gate, const unsigned *count, unsigned n)
{
    g_mutex_lock(&gate->lock);
    while (*count < n)
        g_cond_wait(&gate->changed, &gate->lock);
    g_mutex_unlock(&gate->lock);
}

static void
open_gate(Gate *gate)
{
    g_mutex_lock(&gate->lock);
    gate->open = true;
    g_cond_broadcast(&gate->changed);
    g_mutex_unlock(&gate->lock);
}

static void
works_at_once(void)
{
    g_autoptr(Gate) gate = gate_new();
    OrfWorkers *workers = orf_workers_new("test", 3, 2);
    for (unsigned i = 0; i < 3; i++) {
        g_assert_true(orf_workers_add(workers, pass, gate));
        wait_for(gate, &gate->begun, i + 1);
    }
    g_assert_true(orf_workers_add(workers, pass, gate));
    g_assert_true(orf_workers_add(workers, pass, gate));
    g_assert_false(orf_workers_add(workers, pass, gate)); /* three run, two wait */
    g_assert_cmpuint(gate->begun, ==, 3);
    open_gate(gate);
    orf_workers_free(workers);
    g_assert_cmpuint(gate->ended, ==, 5);
}

static void
add_another(void *data)
{
    Gate *gate = data;
    g_assert_true(orf_workers_add(gate->workers, pass, gate));
}

static void
ends_what_waits(void)
{
    g_autoptr(Gate) gate = gate_new();
    gate->open = true;
    gate->workers = orf_workers_new("test", 2, 0);
    for (unsigned i = 0; i < 100; i++)
        g_assert_true(orf_workers_add(gate->workers, add_another, gate));
    orf_workers_free(gate->workers);
    g_assert_cmpuint(gate->ended, ==, 100);
}

static void
note(Gate *gate, char letter)
{
    g_mutex_lock(&gate->lock);
    g_string_append_c(gate->order, letter);
    gate->ended++;
    g_cond_broadcast(&gate->changed);
    g_mutex_unlock(&gate->lock);
}

static void
note_a(void *gate)
{
    note(gate, 'a');
}

static void
note_b(void *gate)
{
    note(gate, 'b');
}

static void
note_c(void *gate)
{
    note(gate, 'c');
}

#define HOUR_US ((int64_t)3600 * G_USEC_PER_SEC)

static void
keeps_time(void)
{
    g_autoptr(Gate) gate = gate_new();
    OrfWorkers *workers = orf_workers_new("test", 1, 0);
    g_assert_true(orf_workers_add(workers, pass, gate)); /* nothing runs before all are in */
    wait_for(gate, &gate->begun, 1);
    uint64_t never = orf_workers_after(workers, 2000, note_c, gate);
    orf_workers_after(workers, HOUR_US, note_c, gate);
    orf_workers_after(workers, 3000, note_b, gate);
    uint64_t first = orf_workers_after(workers, 1000, note_a, gate);
    g_assert_true(orf_workers_cancel(workers, never));
    g_assert_false(orf_workers_cancel(workers, never));
    open_gate(gate);
    wait_for(gate, &gate->ended, 3);
    g_assert_cmpstr(gate->order->str, ==, "ab");
    g_assert_false(orf_workers_cancel(workers, first));
    orf_workers_free(workers); /* and not in an hour */
    g_assert_cmpstr(gate->order->str, ==, "ab");
}

/* A thread that waits for the far one hears of the near one. */
static void
hears_of_earlier(void)
{
    g_autoptr(Gate) gate = gate_new();
    g_autoptr(OrfWorkers) workers = orf_workers_new("test", 1, 0);
    orf_workers_after(workers, HOUR_US, note_b, gate);
    orf_workers_after(workers, 0, note_a, gate);
    wait_for(gate, &gate->ended, 1);
    g_assert_cmpstr(gate->order->str, ==, "a");
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/base/workers/as-many-at-once-as-agreed-and-no-longer-line",
                    works_at_once);
    g_test_add_func("/base/workers/what-waits-runs-before-the-end", ends_what_waits);
    g_test_add_func("/base/workers/calls-come-when-due-unless-cancelled", keeps_time);
    g_test_add_func("/base/workers/an-earlier-call-is-not-overslept", hears_of_earlier);
    return g_test_run();
}
