/* agents.c - many clients that each do what users do: create, poll, stream, cancel, leave,
 * fetch, look around.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Each agent follows one script after another, with short pauses; the choices come from a seed.
 * When time is up they end what they began, then every job that was ever accepted is asked for
 * once more. */
#include "ledger.h"

#include <stdio.h>
#include <string.h>

#define BODY_MOST (1u << 20)
#define PAUSE_US 100000                   /* between scripts, at most */
#define POLL_US 100000                    /* between polls, at most */
#define CANCEL_US 400000                  /* before a cancel, at most */
#define PATIENCE_US (60 * G_USEC_PER_SEC) /* for jobs after the end */
#define SWEEPERS 8

typedef enum { POLL, STREAM, PROGRESSIVE, CANCEL, LEAVE, LOOK, SCRIPTS } Script;
static const unsigned script_weights[SCRIPTS] = { 35, 30, 12, 12, 6, 5 };

typedef struct Agent Agent;

typedef struct {
    const LoadOptions *options;
    LoadLoop *loop;
    LoadLedger *ledger;
    LoadWatch watch;
    GPtrArray *creates, *progressives; /* LoadMessage by picture */
    Agent *agents;
    GPtrArray *sweep; /* jobs still to be asked for */
    int64_t until_us, patience_us;
    unsigned busy;
    uint64_t counter;
} Crowd;

struct Agent {
    LoadCall call;
    Crowd *crowd;
    GRand *random;
    Script script;
    LoadDeed deed;
    LoadJob *job;
    LoadMessage *own; /* of the call under way */
    LoadEvents *events;
    GString *body;
    char etag[96];
    int64_t since_us;           /* wall clock: when it began to listen */
    void (*next)(Agent *agent); /* after a pause */
};

static void begin(Agent *agent);
static void poll(Agent *agent);

/* --- One call of an agent ----------------------------------------------------------------- */

static void
resume(void *data, int64_t now_us)
{
    (void)now_us;
    ((Agent *)data)->next(data);
}

static void
pause(Agent *agent, int64_t most_us, void (*next)(Agent *agent))
{
    agent->next = next;
    int64_t wait = (int64_t)(g_rand_double(agent->random) * (double)most_us);
    load_loop_at(agent->crowd->loop, g_get_monotonic_time() + wait, resume, agent);
}

static void
hear(const LoadEvent *event, void *data)
{
    Agent *agent = data;
    Crowd *crowd = agent->crowd;
    if (!agent->job) { /* a progressive answer names its job in each event */
        json_t *json = json_loads(event->data, 0, NULL);
        const json_t *id = json_object_get(json, "job");
        id = json_is_string(id) ? id : json_object_get(json_is_object(id) ? id : json, "id");
        if (json_is_string(id))
            agent->job = load_ledger_job(crowd->ledger, json_string_value(id));
        json_decref(json);
    }
    if (!agent->job)
        return;
    agent->job->since_us = agent->since_us;
    load_ledger_event(crowd->ledger, agent->job, event);
}

static void
take(const char *piece, size_t size, void *data)
{
    Agent *agent = data;
    if (agent->events && agent->call.response.status == 200) {
        load_events_feed(agent->events, piece, size);
        if (agent->script == LEAVE && agent->job && agent->job->stages)
            load_call_leave(agent->crowd->loop, &agent->call);
    } else if (agent->body->len + size <= BODY_MOST) {
        g_string_append_len(agent->body, piece, (gssize)size);
    }
}

static void
headed(LoadCall *call)
{
    Agent *agent = call->data;
    load_histogram_add(&agent->crowd->ledger->tallies[agent->deed].latency,
                       (uint64_t)(g_get_monotonic_time() - call->due_us));
}

static void
ask(Agent *agent, LoadDeed deed, const LoadMessage *message, uint64_t counter,
    void (*done)(LoadCall *call))
{
    agent->deed = deed;
    g_string_truncate(agent->body, 0);
    agent->call = (LoadCall){ .message = message,
                              .counter = counter,
                              .due_us = g_get_monotonic_time(),
                              .timeout_us = 180 * G_USEC_PER_SEC,
                              .piece = take,
                              .headed = headed,
                              .done = done,
                              .data = agent };
    load_loop_call(agent->crowd->loop, &agent->call);
}

/* `format` makes the request from the job's id. */
static void
ask_of_job(Agent *agent, LoadDeed deed, const char *method, const char *after,
           const char *const *headers, void (*done)(LoadCall *call))
{
    g_autofree char *request =
        g_strdup_printf("%s /api/v1/jobs/%s%s", method, agent->job->id, after);
    g_clear_pointer(&agent->own, load_message_free);
    agent->own = load_message_new(&(LoadWish){ .request = request,
                                               .headers = headers,
                                               .host = load_loop_host(agent->crowd->loop) },
                                  NULL);
    ask(agent, deed, agent->own, 0, done);
}

static void
script_over(Agent *agent)
{
    pause(agent, PAUSE_US, begin);
}

static bool
counted(Agent *agent, const int *fine, bool may_refuse)
{
    return load_ledger_count(agent->crowd->ledger, agent->deed, &agent->call, fine, may_refuse);
}

static const int ok[] = { 200, 0 };

/* --- Result, poll, cancel ----------------------------------------------------------------- */

static void
result_came(LoadCall *call)
{
    Agent *agent = call->data;
    if (counted(agent, ok, false) && !call->response.bytes)
        load_ledger_violation(agent->crowd->ledger, "%s: an empty result", agent->job->id);
    script_over(agent);
}

static void
job_over(Agent *agent)
{
    if (strcmp(agent->job->ended, "succeeded") == 0 && agent->script != LEAVE)
        ask_of_job(agent, LOAD_RESULT, "GET", "/result?format=glb", NULL, result_came);
    else
        script_over(agent);
}

/* Notes the job object of the last answer; true: the job is over. */
static bool
note_job(Agent *agent)
{
    json_t *json = json_loadb(agent->body->str, agent->body->len, 0, NULL);
    const char *status = json_string_value(json_object_get(json, "status"));
    bool over = load_ledger_status(agent->crowd->ledger, agent->job, status);
    json_decref(json);
    return over;
}

static void
poll_came(LoadCall *call)
{
    static const int fine[] = { 200, 304, 0 };
    Agent *agent = call->data;
    bool usable = counted(agent, fine, false);
    if (usable && call->response.status == 200) {
        g_strlcpy(agent->etag, call->response.etag, sizeof agent->etag);
        if (note_job(agent)) {
            job_over(agent);
            return;
        }
    }
    if (g_get_monotonic_time() < agent->crowd->patience_us) {
        pause(agent, POLL_US, poll);
        return;
    }
    load_ledger_violation(agent->crowd->ledger, "%s: no end after a long wait; last answer %d",
                          agent->job->id, call->response.status);
    script_over(agent);
}

static void
poll(Agent *agent)
{
    g_autofree char *match = g_strdup_printf("If-None-Match: %s", agent->etag);
    const char *const headers[] = { match, NULL };
    ask_of_job(agent, LOAD_POLL, "GET", "", *agent->etag ? headers : NULL, poll_came);
}

static void
cancel_came(LoadCall *call)
{
    static const int fine[] = { 200, 202, 0 };
    Agent *agent = call->data;
    counted(agent, fine, false);
    poll(agent);
}

static void
cancel(Agent *agent)
{
    ask_of_job(agent, LOAD_CANCEL, "POST", "/cancel", NULL, cancel_came);
}

/* --- Streams ------------------------------------------------------------------------------ */

static void
open_ears(Agent *agent)
{
    g_clear_pointer(&agent->events, load_events_free);
    agent->events = load_events_new(hear, agent);
    agent->since_us = g_get_real_time();
    if (agent->job)
        agent->job->last_seq = agent->job->stages = agent->job->endings = 0;
}

static void
stream_came(LoadCall *call)
{
    Agent *agent = call->data;
    g_clear_pointer(&agent->events, load_events_free);
    if (!counted(agent, ok, agent->deed == LOAD_PROGRESSIVE)) {
        script_over(agent);
    } else if (!agent->job) {
        load_ledger_violation(agent->crowd->ledger,
                              "a stream of %" G_GUINT64_FORMAT " bytes of %s that names no job",
                              call->response.bytes, call->response.type);
        script_over(agent);
    } else if (call->left) {
        poll(agent); /* our leaving cancels it */
    } else {
        load_ledger_stream_over(agent->crowd->ledger, agent->job, call->response.bytes);
        if (agent->job->ended)
            job_over(agent);
        else
            poll(agent);
    }
}

static void
stream(Agent *agent)
{
    static const char *const headers[] = { "Accept: text/event-stream", NULL };
    open_ears(agent);
    ask_of_job(agent, LOAD_STREAM, "GET", "/events", headers, stream_came);
}

/* --- Creating ----------------------------------------------------------------------------- */

static void
created(LoadCall *call)
{
    static const int fine[] = { 202, 200, 0 };
    Agent *agent = call->data;
    LoadLedger *ledger = agent->crowd->ledger;
    if (!counted(agent, fine, true)) {
        pause(agent, G_USEC_PER_SEC, begin); /* patient, as Retry-After asks */
        return;
    }
    json_t *json = json_loadb(agent->body->str, agent->body->len, 0, NULL);
    const char *id = json_string_value(json_object_get(json, "id"));
    agent->job = id ? load_ledger_job(ledger, id) : NULL;
    json_decref(json);
    if (!agent->job) {
        load_ledger_violation(ledger, "accepted without an id");
        script_over(agent);
    } else if (agent->script == POLL) {
        poll(agent);
    } else if (agent->script == STREAM) {
        stream(agent);
    } else {
        pause(agent, CANCEL_US, cancel);
    }
}

/* Three in ten wishes were made before: hits of the cache, twins of running jobs. */
static void
create(Agent *agent, LoadDeed deed, const GPtrArray *messages, void (*done)(LoadCall *call))
{
    Crowd *crowd = agent->crowd;
    bool known = g_rand_double(agent->random) < 0.3;
    uint64_t base = (uint64_t)crowd->options->seed * 1000000;
    uint64_t counter =
        known ? (uint64_t)g_rand_int_range(agent->random, 0, 4) : base + 10 + crowd->counter++;
    guint which = (guint)g_rand_int_range(agent->random, 0, (gint32)messages->len);
    ask(agent, deed, messages->pdata[which], counter, done);
}

static void
look_came(LoadCall *call)
{
    Agent *agent = call->data;
    counted(agent, ok, false);
    script_over(agent);
}

static void
look(Agent *agent)
{
    static const char *const requests[] = { "GET /api/v1/jobs", "GET /health", "GET /metrics",
                                            "GET /api/v1/generators",
                                            "GET /api/v1/cache/stats" };
    gint32 which = g_rand_int_range(agent->random, 0, G_N_ELEMENTS(requests));
    g_clear_pointer(&agent->own, load_message_free);
    agent->own = load_message_new(
        &(LoadWish){ .request = requests[which], .host = load_loop_host(agent->crowd->loop) },
        NULL);
    ask(agent, LOAD_LOOK, agent->own, 0, look_came);
}

/* --- Scripts ------------------------------------------------------------------------------ */

static void sweep(Agent *agent);

static Script
choose_script(Agent *agent)
{
    gint32 at = g_rand_int_range(agent->random, 0, 100);
    for (unsigned i = 0; i < SCRIPTS; i++) {
        if (at < (gint32)script_weights[i])
            return (Script)i;
        at -= (gint32)script_weights[i];
    }
    return POLL;
}

static void
begin_sweep(Crowd *crowd)
{
    crowd->sweep = g_ptr_array_new();
    g_autoptr(GList) jobs = g_hash_table_get_values(crowd->ledger->jobs);
    for (GList *job = jobs; job; job = job->next)
        g_ptr_array_add(crowd->sweep, job->data);
    crowd->busy = MIN(SWEEPERS, (unsigned)crowd->options->agents);
    for (unsigned i = crowd->busy; i-- > 0;)
        sweep(&crowd->agents[i]);
}

static void
begin(Agent *agent)
{
    Crowd *crowd = agent->crowd;
    if (g_get_monotonic_time() >= crowd->until_us) {
        if (--crowd->busy == 0)
            begin_sweep(crowd);
        return;
    }
    agent->job = NULL;
    agent->etag[0] = '\0';
    agent->script = choose_script(agent);
    if (agent->script == LOOK) {
        look(agent);
    } else if (agent->script == PROGRESSIVE || agent->script == LEAVE) {
        open_ears(agent);
        create(agent, LOAD_PROGRESSIVE, crowd->progressives, stream_came);
    } else {
        create(agent, LOAD_CREATE, crowd->creates, created);
    }
}

/* --- The last question -------------------------------------------------------------------- */

static void
swept(LoadCall *call)
{
    Agent *agent = call->data;
    Crowd *crowd = agent->crowd;
    if (!counted(agent, ok, false) || note_job(agent) ||
        g_get_monotonic_time() > crowd->patience_us) {
        sweep(agent);
        return;
    }
    g_ptr_array_insert(crowd->sweep, 0, agent->job); /* not over yet: once more, last of all */
    pause(agent, POLL_US, sweep);
}

static void
sweep(Agent *agent)
{
    Crowd *crowd = agent->crowd;
    if (!crowd->sweep->len) {
        if (--crowd->busy == 0)
            load_loop_stop(crowd->loop);
        return;
    }
    agent->job = g_ptr_array_steal_index(crowd->sweep, crowd->sweep->len - 1);
    ask_of_job(agent, LOAD_SWEEP, "GET", "", NULL, swept);
}

/* --- The crowd ---------------------------------------------------------------------------- */

static bool
write_message(GPtrArray *messages, const LoadWish *wish, GError **error)
{
    LoadMessage *message = load_message_new(wish, error);
    if (message)
        g_ptr_array_add(messages, message);
    return message;
}

/* Three wishes of four end with their preview, so that there is more to see in the time. */
static bool
write_messages(Crowd *crowd, GError **error)
{
    static const char *const whole[] = { "generator=inflate", "quality=draft", "seed={counter}",
                                         NULL };
    static const char *const preview[] = { "generator=inflate", "upto=preview",
                                           "seed={counter}", NULL };
    static const char *const accept[] = { "Accept: text/event-stream", NULL };
    unsigned n = 0;
    for (char **file = crowd->options->pictures; file && *file; file++)
        for (unsigned i = 0; i < 4; i++, n++) {
            LoadWish wish = { .request = "POST /api/v1/generate-3d",
                              .host = load_loop_host(crowd->loop),
                              .fields = i ? preview : whole,
                              .file = *file };
            LoadWish progressive = wish;
            progressive.request = "POST /api/v1/generate-progressive";
            progressive.headers = accept;
            if (!write_message(crowd->creates, &wish, error) ||
                !write_message(crowd->progressives, &progressive, error))
                return false;
        }
    if (n)
        return true;
    g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE, "agents need --picture FILE");
    return false;
}

static void
agent_init(Agent *agent, Crowd *crowd, unsigned i)
{
    agent->crowd = crowd;
    agent->random = g_rand_new_with_seed((guint32)crowd->options->seed * 7919 + i);
    agent->body = g_string_new(NULL);
    pause(agent, PAUSE_US * 5, begin);
}

static void
agent_clear(Agent *agent)
{
    g_rand_free(agent->random);
    g_string_free(agent->body, TRUE);
    load_message_free(agent->own);
    load_events_free(agent->events);
}

static json_t *
run_crowd(Crowd *crowd)
{
    const LoadOptions *o = crowd->options;
    crowd->agents = g_new0(Agent, (size_t)o->agents);
    crowd->busy = (unsigned)o->agents;
    int64_t begun = g_get_monotonic_time();
    crowd->until_us = begun + (int64_t)(o->seconds * 1e6);
    crowd->patience_us = crowd->until_us + PATIENCE_US;
    load_watch_start(&crowd->watch, crowd->loop, o->pid);
    for (unsigned i = 0; i < crowd->busy; i++)
        agent_init(&crowd->agents[i], crowd, i);
    load_loop_run(crowd->loop);

    double ran = (double)(g_get_monotonic_time() - begun) / 1e6;
    json_t *report = load_ledger_report(crowd->ledger);
    json_object_set_new(report, "seconds", json_real(ran));
    json_object_set_new(report, "size", json_integer(o->agents));
    json_object_set_new(
        report, "rate_per_s",
        json_real(json_number_value(json_object_get(report, "requests")) / ran));
    json_object_set_new(report, "line_ms", load_report_histogram(&crowd->ledger->delivery));
    json_t *server = load_watch_report(&crowd->watch, ran);
    if (server)
        json_object_set_new(report, "server", server);
    for (int i = 0; i < o->agents; i++)
        agent_clear(&crowd->agents[i]);
    g_free(crowd->agents);
    return report;
}

json_t *
load_agents(const LoadOptions *options, GError **error)
{
    g_autoptr(LoadLoop) loop = load_loop_new(options->url, (unsigned)options->agents,
                                             (unsigned)options->sources, error);
    if (!loop)
        return NULL;
    Crowd crowd = { .options = options, .loop = loop, .ledger = load_ledger_new() };
    crowd.creates = g_ptr_array_new_with_free_func((GDestroyNotify)load_message_free);
    crowd.progressives = g_ptr_array_new_with_free_func((GDestroyNotify)load_message_free);
    json_t *report = write_messages(&crowd, error) ? run_crowd(&crowd) : NULL;
    g_clear_pointer(&crowd.sweep, g_ptr_array_unref);
    g_ptr_array_unref(crowd.creates);
    g_ptr_array_unref(crowd.progressives);
    load_ledger_free(crowd.ledger);
    return report;
}
