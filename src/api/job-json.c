/* job-json.c - jobs and their events as clients see them.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Addresses are made here, because a job that shares the run of another one has stages of its
 * own. Clients ignore what they do not know. */
#include "api/jobs-priv.h"

#include <string.h>

#define JOBS "/api/v1/jobs/"

/* --- Members ------------------------------------------------------------------------------ */

static void
add_time(OrfJson *json, const char *name, int64_t time)
{
    char text[ORF_TIME_SIZE];
    if (time > 0)
        orf_time_text(time, text);
    orf_json_add_text(json, name, time > 0 ? text : NULL);
}

/* A number of people: four digits say enough. */
static void
add_number(OrfJson *json, const char *name, double value)
{
    orf_json_add_rounded(json, name, value, 4);
}

static void
add_link(OrfJson *json, const char *name, const char *id, const char *rest)
{
    g_autofree char *url = rest ? g_strconcat(JOBS, id, rest, NULL) : NULL;
    orf_json_add_text(json, name, url);
}

/* The stage in the path of a step: "medium" of "make: medium: shape". Static. */
static const char *
stage_of(const char *step)
{
    g_auto(GStrv) words = g_strsplit(step ? step : "", ": ", 8);
    for (OrfStage stage = 0; stage < ORF_N_STAGES; stage++)
        if (g_strv_contains((const char *const *)words, orf_stage_name(stage)))
            return orf_stage_name(stage);
    return NULL;
}

/* Members of a stage with its own address; `name` is what its name is called. */
static void
add_stage(OrfJson *json, const OrfStageRow *stage, const char *name, const char *id)
{
    g_autofree char *rest = g_strconcat("/stages/", stage->name, NULL);
    orf_stage_json(json, stage, name);
    add_link(json, "url", id, rest);
}

/* --- The job ------------------------------------------------------------------------------ */

static const char *const priorities[] = { "interactive", "normal", "batch" };

static void
add_state(OrfJson *json, const OrfJobView *view)
{
    const OrfJobRow *row = &view->row;
    bool over = orf_job_status_is_terminal(row->status);
    orf_json_add_text(json, "id", row->id);
    orf_json_add_text(json, "status", orf_job_status_name(row->status));
    orf_json_add_text(json, "stage", over ? NULL : stage_of(view->step));
    orf_json_add_text(json, "step", over ? NULL : view->step);
    add_number(json, "progress", row->status == ORF_JOB_SUCCEEDED ? 1 : row->progress);
    orf_json_add_int(json, "queue_position", view->position);
    if (over || view->eta_p50 < 0) {
        orf_json_add_null(json, "eta_s");
        return;
    }
    orf_json_begin_object(json, "eta_s");
    add_number(json, "p50", view->eta_p50);
    add_number(json, "p90", MAX(view->eta_p90, view->eta_p50));
    orf_json_end(json);
}

static void
add_history(OrfJson *json, const OrfJobRow *row)
{
    orf_json_add_text(json, "priority", priorities[CLAMP(row->priority, 0, 2)]);
    add_time(json, "created_at", row->created);
    add_time(json, "started_at", row->started);
    add_time(json, "finished_at", row->finished);
    add_time(json, "expires_at", row->expires);
    add_time(json, "deadline_at", row->deadline);
    orf_json_add_int(json, "attempt", MAX(row->attempt, 0));
    orf_json_add_bool(json, "cached", row->cached);
    orf_json_add_bool(json, "coalesced", row->coalesced);
    orf_json_add_text(json, "recipe", row->key);
}

/* What auto would have taken next. */
static void
add_runner_up(OrfJson *json, const OrfJobResult *result)
{
    if (!result || !result->runner_up) {
        orf_json_add_null(json, "runner_up");
        return;
    }
    orf_json_begin_object(json, "runner_up");
    orf_json_add_text(json, "generator", result->runner_up);
    orf_json_add_text(json, "reason", result->runner_up_reason);
    orf_json_end(json);
}

/* Who made it: known from the result; before that only when the client named it. */
static void
add_made(OrfJson *json, const OrfJobRequest *request, const OrfJobResult *result)
{
    const char *asked = request ? request->generator : NULL;
    orf_json_add_text(json, "operation", request ? request->operation : NULL);
    if (g_strcmp0(asked, "auto") == 0)
        asked = NULL;
    orf_json_add_text(json, "generator", result ? result->generator : asked);
    orf_json_add_text(json, "reason", result ? result->reason : NULL);
    add_runner_up(json, result);
    if (result && result->generator)
        orf_json_add_number(json, "confidence", result->confidence);
    else
        orf_json_add_null(json, "confidence");
    if (result || request)
        orf_json_add_int(json, "seed", result ? result->seed : request->seed);
    else
        orf_json_add_null(json, "seed");
    const char *parameters = request ? request->parameters : NULL;
    orf_json_add_raw(json, "parameters", parameters ? parameters : "{}");
    char **warnings = result ? result->warnings : NULL;
    orf_json_add_texts(json, "warnings", (const char *const *)warnings,
                       warnings ? g_strv_length(warnings) : 0);
}

static void
add_stages(OrfJson *json, const OrfJobRow *row)
{
    orf_json_begin_array(json, "stages");
    for (size_t i = 0; i < orf_stages_n(row->stages); i++) {
        orf_json_begin_object(json, NULL);
        add_stage(json, &row->stages->rows[i], "name", row->id);
        orf_json_end(json);
    }
    orf_json_end(json);
    const char *measures = row->result ? row->result->measures : NULL;
    orf_json_add_raw(json, "measures", measures ? measures : "null");
    const char *facts = row->result ? row->result->facts : NULL;
    orf_json_add_raw(json, "facts", facts ? facts : "null");
}

static void
add_links(OrfJson *json, const OrfJobRow *row)
{
    bool over = orf_job_status_is_terminal(row->status);
    orf_json_begin_object(json, "links");
    add_link(json, "self", row->id, "");
    add_link(json, "events", row->id, "/events");
    add_link(json, "cancel", row->id, over ? NULL : "/cancel");
    add_link(json, "result", row->id, row->status == ORF_JOB_SUCCEEDED ? "/result" : NULL);
    orf_json_end(json);
}

static void
add_error(OrfJson *json, const OrfJobError *error)
{
    if (!error->code) {
        orf_json_add_null(json, "error");
        return;
    }
    orf_json_begin_object(json, "error");
    orf_json_add_text(json, "code", error->code);
    orf_json_add_text(json, "message", error->message);
    orf_json_add_bool(json, "retryable", error->retryable);
    orf_json_end(json);
}

void
orf_job_json(GString *out, const OrfJobView *view)
{
    const OrfJobRow *row = &view->row;
    g_autoptr(OrfJson) json = orf_json_onto(out);
    orf_json_begin_object(json, NULL);
    g_autofree char *name = orf_job_stem(view);
    orf_json_add_text(json, "name", name);
    add_state(json, view);
    add_history(json, row);
    add_made(json, row->request, row->result);
    add_stages(json, row);
    add_links(json, row);
    add_error(json, &row->error);
    orf_json_end(json);
}

void
orf_api_describe_error(const GError *error, OrfJobError *ret, void *data)
{
    (void)data;
    OrfProblemCode code;
    ret->message = orf_problem_job_message(error, &code);
    ret->code = g_strdup(orf_problem_kind(code)->name);
    ret->retryable = orf_problem_kind(code)->retryable;
}

/* --- Names of files ----------------------------------------------------------------------- */

static char *
clean_stem(const char *name)
{
    const char *slash = strrchr(name, '/');
    g_autofree char *stem = g_utf8_make_valid(slash ? slash + 1 : name, -1);
    char *dot = strrchr(stem, '.');
    if (dot && dot > stem)
        *dot = '\0';
    for (char *at = stem; *at; at = g_utf8_next_char(at))
        if ((unsigned char)*at < ' ' || *at == 0x7f || strchr("\"\\/:*?<>|", *at))
            *at = '_';
    if (g_utf8_strlen(stem, -1) > 80)
        *g_utf8_offset_to_pointer(stem, 80) = '\0';
    return *stem ? g_steal_pointer(&stem) : NULL;
}

/* Of the first picture's name as the client gave it. */
char *
orf_job_stem(const OrfJobView *view)
{
    const OrfJobRequest *request = view->row.request;
    const OrfJobInput *first =
        request && request->inputs->len ? request->inputs->pdata[0] : NULL;
    char *stem = first && first->name ? clean_stem(first->name) : NULL;
    if (stem)
        return stem;
    size_t size = strlen(view->row.id);
    return g_strdup_printf("orfeas-%s", view->row.id + (size > 8 ? size - 8 : 0));
}

/* --- Events ------------------------------------------------------------------------------- */

/* What the event itself says; the stage's name is under "stage", its seconds under "seconds".
 */
static void
add_news(OrfJson *json, const char *id, const OrfJobEvent *event)
{
    if (event->stage) {
        add_stage(json, event->stage, "stage", id);
        orf_json_add_number(json, "seconds", event->stage->took_s);
    } else if (strcmp(event->type, "progress") == 0) {
        orf_json_add_text(json, "stage", stage_of(event->text));
        orf_json_add_text(json, "step", event->text);
        add_number(json, "progress", event->progress);
    } else if (event->text) {
        orf_json_add_text(json, "message", event->text);
    }
}

/* The members of an object, into the object that `out` ends with. */
static void
splice(GString *out, const char *object)
{
    g_string_truncate(out, out->len - 1);
    g_string_append_c(out, ',');
    g_string_append(out, object + 1);
}

void
orf_event_json(GString *out, const char *id, const OrfJobEvent *event, const char *job,
               bool named)
{
    g_autoptr(OrfJson) json = orf_json_onto(out);
    orf_json_begin_object(json, NULL);
    if (named)
        orf_json_add_text(json, "event", event->type);
    orf_json_add_text(json, "job", id);
    orf_json_add_int(json, "seq", (int64_t)event->seq);
    add_time(json, "time", event->time);
    if (!job)
        add_news(json, id, event);
    orf_json_end(json);
    if (job)
        splice(out, job);
}
