/* rate.c - a mix of requests at a constant rate, or as fast as so many connections can.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Open loop: call i is due at start + i / rate, whatever became of the calls before it, and
 * waits for a connection if it must; its latency counts from when it was due. Closed loop:
 * every connection asks again as soon as it is answered, which finds the peak and hides stalls.
 */
#include "mix.h"

#include <stdio.h>
#include <string.h>

#define BODY_MOST 65536u
#define GRACE_US (20 * G_USEC_PER_SEC) /* for what is under way at the end */
#define FAULTS_IN_A_ROW 1000

typedef struct {
    const LoadOptions *options;
    LoadLoop *loop;
    LoadMix *mix;
    LoadWatch watch;
    GPtrArray *slots, *spare;
    FILE *ids;
    int64_t begin_us, from_us, until_us; /* calls due from..until are measured */
    uint64_t started, finished_in_time;
    unsigned faults_in_a_row;
    bool last; /* no call starts any more */
} Run;

/* A call and what its answer needs. */
typedef struct {
    LoadCall call;
    Run *run;
    LoadKind *kind;
    LoadEvents *events;
    int64_t marked_us, since_us; /* since_us: wall clock */
    GString *body;
} Slot;

static void
slot_free(void *data)
{
    Slot *slot = data;
    load_events_free(slot->events);
    g_string_free(slot->body, TRUE);
    g_free(slot);
}

/* --- The answer --------------------------------------------------------------------------- */

static void
hear(const LoadEvent *event, void *data)
{
    Slot *slot = data;
    int64_t at = load_event_time(event->data);
    if (at >= slot->since_us)
        load_histogram_add(&slot->kind->delivery, (uint64_t)MAX(g_get_real_time() - at, 0));
    if (!slot->marked_us && strcmp(event->name, slot->kind->until) == 0)
        slot->marked_us = g_get_monotonic_time();
}

static void
read_stream(const char *piece, size_t size, void *data)
{
    Slot *slot = data;
    load_events_feed(slot->events, piece, size);
    if (slot->marked_us && slot->kind->leave)
        load_call_leave(slot->run->loop, &slot->call);
}

static void
keep_body(const char *piece, size_t size, void *data)
{
    Slot *slot = data;
    if (slot->body->len + size <= BODY_MOST)
        g_string_append_len(slot->body, piece, (gssize)size);
}

static void
write_id(Slot *slot)
{
    g_autoptr(GError) error = NULL;
    json_t *body = json_loadb(slot->body->str, slot->body->len, 0, NULL);
    const char *id = json_string_value(json_object_get(body, "id"));
    if (id && slot->run->ids)
        fprintf(slot->run->ids, "%s\n", id);
    json_decref(body);
}

static void
count_status(LoadKind *kind, const LoadResponse *response, uint64_t latency)
{
    int status = CLAMP(response->status, 0, LOAD_STATUS_MOST - 1);
    if (!kind->by_status[status])
        kind->by_status[status] = g_new0(LoadHistogram, 1);
    load_histogram_add(kind->by_status[status], latency);
    if ((status == 429 || status == 503) && response->retry_after < 0)
        kind->without_retry_after++;
}

static void
count(Slot *slot)
{
    LoadKind *kind = slot->kind;
    const LoadCall *call = &slot->call;
    uint64_t whole = (uint64_t)MAX(call->done_us - call->due_us, 0);
    uint64_t latency = slot->marked_us ? (uint64_t)(slot->marked_us - call->due_us) : whole;
    kind->sent++;
    kind->bytes += call->response.bytes;
    kind->faults[call->fault]++;
    if (call->fault)
        return;
    count_status(kind, &call->response, latency);
    if (!load_kind_expects(kind, call->response.status))
        return;
    kind->expected++;
    slot->run->finished_in_time += call->done_us <= slot->run->until_us;
    if (kind->until && !slot->marked_us) {
        kind->unmarked++;
        return;
    }
    load_histogram_add(&kind->latency, latency);
    if (kind->until)
        load_histogram_add(&kind->whole, whole);
}

/* --- The calls ---------------------------------------------------------------------------- */

static void done(LoadCall *call);

static Slot *
slot_new(Run *run)
{
    if (run->spare->len)
        return g_ptr_array_steal_index_fast(run->spare, run->spare->len - 1);
    Slot *slot = g_new0(Slot, 1);
    slot->run = run;
    slot->body = g_string_new(NULL);
    g_ptr_array_add(run->slots, slot);
    return slot;
}

static void
start(Run *run, int64_t due_us)
{
    Slot *slot = slot_new(run);
    slot->kind = load_mix_choose(run->mix, run->started);
    slot->marked_us = 0;
    slot->since_us = g_get_real_time();
    g_string_truncate(slot->body, 0);
    g_clear_pointer(&slot->events, load_events_free);
    if (slot->kind->until)
        slot->events = load_events_new(hear, slot);
    uint64_t base = (uint64_t)run->options->seed * 1000000;
    slot->call = (LoadCall){
        .message = slot->kind->message,
        .counter = base + run->started++,
        .due_us = due_us,
        .timeout_us = 120 * G_USEC_PER_SEC,
        .piece = slot->kind->until ? read_stream
                 : slot->kind->ids ? keep_body
                                   : NULL,
        .done = done,
        .data = slot,
    };
    load_loop_call(run->loop, &slot->call);
}

static bool
may_start(const Run *run, int64_t due_us)
{
    bool counted = run->options->count > 0;
    return !run->last && run->faults_in_a_row < FAULTS_IN_A_ROW &&
           (counted ? run->started < (uint64_t)run->options->count : due_us < run->until_us);
}

static void
end(Run *run)
{
    run->last = true;
    if (run->spare->len == run->slots->len)
        load_loop_stop(run->loop);
}

static void
done(LoadCall *call)
{
    Slot *slot = call->data;
    Run *run = slot->run;
    run->faults_in_a_row = call->fault ? run->faults_in_a_row + 1 : 0;
    if (call->due_us >= run->from_us)
        count(slot);
    if (slot->kind->ids && !call->fault && call->response.status / 100 == 2)
        write_id(slot);
    g_ptr_array_add(run->spare, slot);
    int64_t now = g_get_monotonic_time();
    if (run->options->rate <= 0 && may_start(run, now))
        start(run, now);
    else if (run->options->rate <= 0 || run->last)
        end(run);
}

static void
arrivals(void *data, int64_t now_us)
{
    Run *run = data;
    double period = 1e6 / run->options->rate;
    int64_t due = run->begin_us + (int64_t)((double)run->started * period);
    for (; due <= now_us && may_start(run, due);
         due = run->begin_us + (int64_t)((double)run->started * period))
        start(run, due);
    if (may_start(run, due))
        load_loop_at(run->loop, due, arrivals, run);
    else
        end(run);
}

static void
close_up(void *data, int64_t now_us)
{
    (void)now_us;
    load_loop_stop(((Run *)data)->loop);
}

static void
first_calls(Run *run)
{
    if (run->options->rate > 0) {
        arrivals(run, run->begin_us);
        return;
    }
    for (int i = 0; i < run->options->connections && may_start(run, run->begin_us); i++)
        start(run, g_get_monotonic_time());
}

/* --- The run ------------------------------------------------------------------------------ */

static void
run_all(Run *run)
{
    const LoadOptions *o = run->options;
    run->begin_us = g_get_monotonic_time();
    run->from_us = run->begin_us + (int64_t)(o->warmup * 1e6);
    run->until_us = run->from_us + (int64_t)(o->seconds * 1e6);
    load_watch_start(&run->watch, run->loop, o->pid);
    int64_t longest = o->count > 0 ? (int64_t)3600 * G_USEC_PER_SEC : GRACE_US;
    load_loop_at(run->loop, run->until_us + longest, close_up, run);
    first_calls(run);
    load_loop_run(run->loop);
}

static json_t *
report_of(Run *run)
{
    const LoadOptions *o = run->options;
    double ran = (double)(g_get_monotonic_time() - run->begin_us) / 1e6;
    double seconds = o->count > 0 ? ran : o->seconds;
    json_t *report = json_object(), *kinds = json_object();
    uint64_t bytes = 0, sent = 0;
    for (size_t i = 0; i < run->mix->kinds->len; i++) {
        const LoadKind *kind = run->mix->kinds->pdata[i];
        json_object_set_new(kinds, kind->name, load_kind_report(kind));
        bytes += kind->bytes;
        sent += kind->sent;
    }
    uint64_t n = o->count > 0 ? sent : run->finished_in_time;
    const LoadKind *first = run->mix->kinds->pdata[0];
    json_object_set_new(report, "line_ms", load_report_histogram(&first->latency));
    json_object_set_new(report, "size", json_integer(o->connections));
    json_object_set_new(report, "seconds", json_real(ran));
    json_object_set_new(report, "sent", json_integer((json_int_t)sent));
    json_object_set_new(report, "unanswered",
                        json_integer((json_int_t)(run->slots->len - run->spare->len)));
    json_object_set_new(report, "rate_per_s", json_real((double)n / seconds));
    json_object_set_new(report, "mb_per_s", json_real((double)bytes / seconds / 1e6));
    const LoadLoopStats *stats = load_loop_stats(run->loop);
    json_object_set_new(report, "connects", json_integer((json_int_t)stats->connects));
    json_object_set_new(report, "reconnects", json_integer((json_int_t)stats->reconnects));
    json_object_set_new(report, "lag_ms", load_report_histogram(&stats->lag));
    json_object_set_new(report, "kinds", kinds);
    json_t *server = load_watch_report(&run->watch, ran);
    if (server)
        json_object_set_new(report, "server", server);
    return report;
}

json_t *
load_rate(const LoadOptions *options, GError **error)
{
    g_autoptr(LoadLoop) loop = load_loop_new(options->url, (unsigned)options->connections,
                                             (unsigned)options->sources, error);
    g_autoptr(LoadMix) mix = loop ? load_mix_new(options, load_loop_host(loop), error) : NULL;
    if (!mix)
        return NULL;
    Run *run = g_new0(Run, 1);
    *run = (Run){ .options = options, .loop = loop, .mix = mix };
    run->slots = g_ptr_array_new_with_free_func(slot_free);
    run->spare = g_ptr_array_new();
    run->ids = options->ids ? fopen(options->ids, "w") : NULL;
    run_all(run);
    json_t *report = report_of(run);
    if (run->ids)
        fclose(run->ids);
    g_ptr_array_unref(run->spare);
    g_ptr_array_unref(run->slots);
    g_free(run);
    return report;
}
