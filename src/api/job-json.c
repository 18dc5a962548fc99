/* job-json.c - jobs and their events as clients see them.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * The row's request and result are JSON that the runner wrote. What belongs to the contract is
 * copied from there; addresses are made here, because a job that shares the run of another one
 * has stages of its own. Clients ignore what they do not know. */
#include "api/jobs-priv.h"

#include <string.h>

#define JOBS "/api/v1/jobs/"

/* --- Members ------------------------------------------------------------------------------ */

static void
put_name(GString *out, const char *name)
{
    if (out->len && out->str[out->len - 1] != '{')
        g_string_append_c(out, ',');
    g_string_append_printf(out, "\"%s\":", name);
}

static void
put_text(GString *out, const char *name, const char *text)
{
    put_name(out, name);
    if (text)
        orf_json_string(out, text);
    else
        g_string_append(out, "null");
}

static void
put_bool(GString *out, const char *name, bool value)
{
    put_name(out, name);
    g_string_append(out, value ? "true" : "false");
}

static void
put_uint(GString *out, const char *name, uint64_t value)
{
    put_name(out, name);
    g_string_append_printf(out, "%" G_GUINT64_FORMAT, value);
}

/* A number of people: four digits say enough. */
static void
put_number(GString *out, const char *name, double value)
{
    char text[G_ASCII_DTOSTR_BUF_SIZE];
    put_name(out, name);
    orf_json_number(out,
                    g_ascii_strtod(g_ascii_formatd(text, sizeof text, "%.4g", value), NULL));
}

static void
put_time(GString *out, const char *name, int64_t time)
{
    char text[ORF_TIME_SIZE];
    if (time > 0)
        orf_time_text(time, text);
    put_text(out, name, time > 0 ? text : NULL);
}

/* What `from` has under that name, else `fallback` (JSON). */
static void
put_copy(GString *out, const char *name, const json_t *from, const char *fallback)
{
    const json_t *value = json_object_get(from, name);
    g_autofree char *text =
        value ? json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION(15))
              : NULL;
    put_name(out, name);
    g_string_append(out, text ? text : fallback);
}

static void
put_link(GString *out, const char *name, const char *id, const char *rest)
{
    put_name(out, name);
    g_string_append_printf(out, "\"" JOBS "%s%s\"", id, rest);
}

/* --- Stages ------------------------------------------------------------------------------- */

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

/* A stage with its own address; `stage` is changed. */
static void
address_stage(json_t *stage, const char *id)
{
    const char *name = json_string_value(json_object_get(stage, "name"));
    g_autofree char *url = g_strdup_printf(JOBS "%s/stages/%s", id, name ? name : "");
    json_object_set_new(stage, "url", json_string(url));
}

static json_t *
parse(const char *text, size_t flags)
{
    return text ? json_loads(text, flags | JSON_ALLOW_NUL, NULL) : NULL;
}

static void
put_stages(GString *out, const OrfJobView *view, const json_t *result)
{
    json_t *told = parse(view->stages, 0);
    json_t *stages = json_array_size(told) ? told : json_object_get(result, "stages");
    size_t i;
    json_t *stage;
    json_array_foreach(stages, i, stage) address_stage(stage, view->row.id);
    g_autofree char *text = json_is_array(stages)
                                ? json_dumps(stages, JSON_COMPACT | JSON_REAL_PRECISION(15))
                                : NULL;
    put_name(out, "stages");
    g_string_append(out, text ? text : "[]");
    json_decref(told);
}

/* --- The job ------------------------------------------------------------------------------ */

static const char *const priorities[] = { "interactive", "normal", "batch" };

static void
put_state(GString *out, const OrfJobView *view)
{
    const OrfJobRow *row = &view->row;
    bool over = orf_job_status_is_terminal(row->status);
    put_text(out, "id", row->id);
    put_text(out, "status", orf_job_status_name(row->status));
    put_text(out, "stage", over ? NULL : stage_of(view->stage));
    put_text(out, "step", over ? NULL : view->stage);
    put_number(out, "progress", row->status == ORF_JOB_SUCCEEDED ? 1 : row->progress);
    put_uint(out, "queue_position", view->position);
    put_name(out, "eta_s");
    if (!over && view->eta_p50 >= 0) {
        g_string_append_c(out, '{');
        put_number(out, "p50", view->eta_p50);
        put_number(out, "p90", MAX(view->eta_p90, view->eta_p50));
        g_string_append_c(out, '}');
    } else {
        g_string_append(out, "null");
    }
}

static void
put_history(GString *out, const OrfJobRow *row)
{
    put_text(out, "priority", priorities[CLAMP(row->priority, 0, 2)]);
    put_time(out, "created_at", row->created);
    put_time(out, "started_at", row->started);
    put_time(out, "finished_at", row->finished);
    put_time(out, "expires_at", row->expires);
    put_time(out, "deadline_at", row->deadline);
    put_uint(out, "attempt", (uint64_t)MAX(row->attempt, 0));
    put_bool(out, "cached", row->cached);
    put_bool(out, "coalesced", row->coalesced);
    put_text(out, "recipe", row->key);
}

/* Who made it: known from the result; before that only when the client named it. */
static void
put_generator(GString *out, const json_t *request, const json_t *result)
{
    const char *asked = json_string_value(json_object_get(request, "generator"));
    const char *ran = json_string_value(json_object_get(result, "generator"));
    put_text(out, "generator", ran ? ran : asked && strcmp(asked, "auto") != 0 ? asked : NULL);
    put_copy(out, "reason", result, "null");
    put_copy(out, "confidence", result, "null");
    put_copy(out, "seed", json_object_get(result, "seed") ? result : request, "null");
}

static void
put_links(GString *out, const OrfJobRow *row)
{
    bool over = orf_job_status_is_terminal(row->status);
    put_name(out, "links");
    g_string_append_c(out, '{');
    put_link(out, "self", row->id, "");
    put_link(out, "events", row->id, "/events");
    if (over)
        put_text(out, "cancel", NULL);
    else
        put_link(out, "cancel", row->id, "/cancel");
    if (row->status == ORF_JOB_SUCCEEDED)
        put_link(out, "result", row->id, "/result");
    else
        put_text(out, "result", NULL);
    g_string_append_c(out, '}');
}

void
orf_job_json(GString *out, const OrfJobView *view)
{
    const OrfJobRow *row = &view->row;
    json_t *request = parse(row->request, 0), *result = parse(row->result, 0);
    g_string_append_c(out, '{');
    put_state(out, view);
    put_history(out, row);
    put_generator(out, request, result);
    put_copy(out, "parameters", json_object_get(result, "parameters") ? result : request, "{}");
    put_copy(out, "warnings", result, "[]");
    put_stages(out, view, result);
    put_copy(out, "measures", result, "null");
    put_links(out, row);
    put_name(out, "error");
    g_string_append(out, row->error ? row->error : "null");
    g_string_append_c(out, '}');
    json_decref(request);
    json_decref(result);
}

/* --- Names of files ----------------------------------------------------------------------- */

/* The first picture's name as the client gave it. */
static const char *
picture_name(const json_t *request)
{
    static const char *const lists[] = { "pictures", "images", "inputs" };
    for (size_t i = 0; i < G_N_ELEMENTS(lists); i++) {
        const json_t *first = json_array_get(json_object_get(request, lists[i]), 0);
        const char *name = json_string_value(json_object_get(first, "name"));
        if (name)
            return name;
    }
    return NULL;
}

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

char *
orf_job_stem(const OrfJobView *view)
{
    json_t *request = parse(view->row.request, 0);
    const char *name = picture_name(request);
    char *stem = name ? clean_stem(name) : NULL;
    json_decref(request);
    if (stem)
        return stem;
    size_t size = strlen(view->row.id);
    return g_strdup_printf("orfeas-%s", view->row.id + (size > 8 ? size - 8 : 0));
}

/* --- Events ------------------------------------------------------------------------------- */

/* The stage as an event says it: its name under "stage", its seconds under "seconds". */
static char *
stage_event(const char *json, const char *id)
{
    json_t *stage = parse(json, 0);
    if (!json_is_object(stage)) {
        json_decref(stage);
        return NULL;
    }
    address_stage(stage, id);
    json_object_set(stage, "stage", json_object_get(stage, "name"));
    json_object_del(stage, "name");
    json_t *took = json_object_get(stage, "took_s");
    if (took)
        json_object_set(stage, "seconds", took);
    char *text = json_dumps(stage, JSON_COMPACT | JSON_REAL_PRECISION(15));
    json_decref(stage);
    return text;
}

/* The queue tells the running step; clients hear the stage, too. */
static char *
progress_event(const char *json)
{
    json_t *told = parse(json, 0);
    const char *step = json_string_value(json_object_get(told, "stage"));
    GString *out = g_string_new("{");
    put_text(out, "stage", stage_of(step));
    put_text(out, "step", step);
    put_number(out, "progress", json_number_value(json_object_get(told, "progress")));
    g_string_append_c(out, '}');
    json_decref(told);
    return g_string_free(out, FALSE);
}

/* The members of an object without its braces, after a comma. */
static void
put_members(GString *out, const char *object)
{
    size_t size = object ? strlen(object) : 0;
    if (size > 2 && object[0] == '{' && object[size - 1] == '}') {
        g_string_append_c(out, ',');
        g_string_append_len(out, object + 1, (gssize)size - 2);
    }
}

void
orf_event_json(GString *out, const char *id, const OrfJobEvent *event, const char *job,
               bool named)
{
    g_autofree char *changed = strcmp(event->type, "stage") == 0 ? stage_event(event->json, id)
                               : strcmp(event->type, "progress") == 0
                                   ? progress_event(event->json)
                                   : NULL;
    g_string_append_c(out, '{');
    if (named)
        g_string_append_printf(out, "\"event\":\"%s\",", event->type);
    g_string_append_printf(out, "\"job\":\"%s\",\"seq\":%" G_GUINT64_FORMAT, id, event->seq);
    put_time(out, "time", event->time);
    put_members(out, job ? job : changed ? changed : event->json);
    g_string_append_c(out, '}');
}
