/* ledger.c - the books of a run with agents, and the rules they are checked against.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Rules: a terminal state never changes; numbers of events rise; a stream that ends by itself
 * had exactly one ending; every accepted job ends. */
#include "ledger.h"

#include <stdlib.h>
#include <string.h>

#define VIOLATIONS_KEPT 20

static const char *const deed_names[LOAD_DEEDS] = {
    "create", "poll", "result", "stream", "progressive", "cancel", "look", "sweep"
};

static void
job_free(void *data)
{
    LoadJob *job = data;
    g_free(job->id);
    g_free(job);
}

LoadLedger *
load_ledger_new(void)
{
    LoadLedger *ledger = g_new0(LoadLedger, 1);
    ledger->jobs = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, job_free);
    ledger->violations = g_ptr_array_new_with_free_func(g_free);
    return ledger;
}

void
load_ledger_free(LoadLedger *ledger)
{
    g_hash_table_unref(ledger->jobs);
    g_ptr_array_unref(ledger->violations);
    g_free(ledger);
}

void
load_ledger_violation(LoadLedger *ledger, const char *format, ...)
{
    ledger->n_violations++;
    if (ledger->violations->len >= VIOLATIONS_KEPT)
        return;
    va_list args;
    va_start(args, format);
    g_ptr_array_add(ledger->violations, g_strdup_vprintf(format, args));
    va_end(args);
}

static bool
is_fine(int status, const int *fine)
{
    for (; *fine; fine++)
        if (*fine == status)
            return true;
    return false;
}

bool
load_ledger_count(LoadLedger *ledger, LoadDeed deed, const LoadCall *call, const int *fine,
                  bool may_refuse)
{
    LoadTally *tally = &ledger->tallies[deed];
    int status = call->response.status;
    bool refused = may_refuse && !call->fault && (status == 429 || status == 503) &&
                   call->response.retry_after >= 0;
    bool specified = refused || (!call->fault && is_fine(status, fine));
    tally->n++;
    tally->refused += refused;
    tally->specified += specified;
    if (!specified)
        load_ledger_violation(ledger, "%s: status %d, %s", deed_names[deed], status,
                              load_fault_names[call->fault]);
    return specified && !refused;
}

LoadJob *
load_ledger_job(LoadLedger *ledger, const char *id)
{
    LoadJob *job = g_hash_table_lookup(ledger->jobs, id);
    if (!job) {
        job = g_new0(LoadJob, 1);
        job->id = g_strdup(id);
        g_hash_table_insert(ledger->jobs, job->id, job);
    }
    return job;
}

bool
load_ledger_status(LoadLedger *ledger, LoadJob *job, const char *status)
{
    static const char *const terminal[] = { "succeeded", "failed", "canceled", "expired" };
    const char *ended = NULL;
    for (size_t i = 0; status && i < G_N_ELEMENTS(terminal); i++)
        if (strcmp(status, terminal[i]) == 0)
            ended = terminal[i];
    if (job->ended && job->ended != ended)
        load_ledger_violation(ledger, "%s: was %s, is %s", job->id, job->ended,
                              status ? status : "nothing");
    if (ended)
        job->ended = ended;
    return ended != NULL;
}

static void
note_ending(LoadLedger *ledger, LoadJob *job, const char *json)
{
    json_t *data = json_loads(json, 0, NULL);
    const json_t *status = json_object_get(data, "status");
    status = status ? status : json_object_get(json_object_get(data, "job"), "status");
    if (job->endings++)
        load_ledger_violation(ledger, "%s: a second ending in one stream", job->id);
    if (!load_ledger_status(ledger, job, json_string_value(status)))
        load_ledger_violation(ledger, "%s: ended as %s", job->id,
                              status ? json_string_value(status) : "nothing");
    json_decref(data);
}

bool
load_ledger_event(LoadLedger *ledger, LoadJob *job, const LoadEvent *event)
{
    uint64_t seq = g_ascii_strtoull(event->id, NULL, 10);
    if (*event->id && seq <= job->last_seq)
        load_ledger_violation(ledger, "%s: event %s after %" G_GUINT64_FORMAT, job->id,
                              event->id, job->last_seq);
    job->last_seq = MAX(job->last_seq, seq);
    if (strcmp(event->name, "stage") == 0) {
        int64_t at = load_event_time(event->data);
        job->stages++;
        if (at >= job->since_us)
            load_histogram_add(&ledger->delivery, (uint64_t)MAX(g_get_real_time() - at, 0));
    }
    bool last = strcmp(event->name, "done") == 0 || strcmp(event->name, "error") == 0;
    if (last)
        note_ending(ledger, job, event->data);
    return last;
}

void
load_ledger_stream_over(LoadLedger *ledger, LoadJob *job, uint64_t bytes)
{
    if (job->endings != 1)
        load_ledger_violation(
            ledger, "%s: %u endings and %u stages in its stream of %" G_GUINT64_FORMAT " bytes",
            job->id, job->endings, job->stages, bytes);
}

/* --- Report ------------------------------------------------------------------------------- */

static json_t *
report_jobs(const LoadLedger *ledger)
{
    json_t *report = json_object();
    GHashTableIter jobs;
    void *value;
    g_hash_table_iter_init(&jobs, ledger->jobs);
    while (g_hash_table_iter_next(&jobs, NULL, &value)) {
        const char *ended = ((LoadJob *)value)->ended;
        ended = ended ? ended : "not ended";
        json_int_t n = json_integer_value(json_object_get(report, ended));
        json_object_set_new(report, ended, json_integer(n + 1));
    }
    return report;
}

json_t *
load_ledger_report(const LoadLedger *ledger)
{
    json_t *report = json_object(), *deeds = json_object(), *violations = json_array();
    uint64_t n = 0, specified = 0;
    for (size_t i = 0; i < LOAD_DEEDS; i++) {
        const LoadTally *tally = &ledger->tallies[i];
        n += tally->n;
        specified += tally->specified;
        json_t *deed = load_report_histogram(&tally->latency);
        json_object_set_new(deed, "n", json_integer((json_int_t)tally->n));
        json_object_set_new(deed, "specified", json_integer((json_int_t)tally->specified));
        json_object_set_new(deed, "refused", json_integer((json_int_t)tally->refused));
        json_object_set_new(deeds, deed_names[i], deed);
    }
    for (size_t i = 0; i < ledger->violations->len; i++)
        json_array_append_new(violations, json_string(ledger->violations->pdata[i]));
    json_object_set_new(report, "requests", json_integer((json_int_t)n));
    json_object_set_new(report, "specified_percent",
                        json_real(n ? 100.0 * (double)specified / (double)n : 0));
    json_object_set_new(report, "accepted", json_integer(g_hash_table_size(ledger->jobs)));
    json_object_set_new(report, "ended", report_jobs(ledger));
    json_object_set_new(report, "violations", json_integer((json_int_t)ledger->n_violations));
    json_object_set_new(report, "violation", violations);
    json_object_set_new(report, "delivery_ms", load_report_histogram(&ledger->delivery));
    json_object_set_new(report, "deeds", deeds);
    return report;
}
