/* mix.c - kinds of request from a key file, and their reports.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "mix.h"

#include <stdlib.h>

static void
kind_free(void *data)
{
    LoadKind *kind = data;
    for (size_t i = 0; i < LOAD_STATUS_MOST; i++)
        g_free(kind->by_status[i]);
    load_message_free(kind->message);
    g_free(kind->until);
    g_free(kind->name);
    g_free(kind);
}

void
load_mix_free(LoadMix *mix)
{
    if (!mix)
        return;
    g_ptr_array_unref(mix->kinds);
    g_free(mix);
}

static LoadMix *
mix_new(void)
{
    LoadMix *mix = g_new0(LoadMix, 1);
    mix->kinds = g_ptr_array_new_with_free_func(kind_free);
    return mix;
}

/* --- Reading ------------------------------------------------------------------------------ */

/* Keys that begin with a capital letter are headers. */
static char **
read_headers(GKeyFile *file, const char *group)
{
    g_autoptr(GStrvBuilder) headers = g_strv_builder_new();
    g_auto(GStrv) keys = g_key_file_get_keys(file, group, NULL, NULL);
    for (size_t i = 0; keys[i]; i++) {
        if (!g_ascii_isupper(keys[i][0]))
            continue;
        g_autofree char *value = g_key_file_get_string(file, group, keys[i], NULL);
        g_autofree char *header = g_strdup_printf("%s: %s", keys[i], value);
        g_strv_builder_add(headers, header);
    }
    return g_strv_builder_end(headers);
}

static void
read_expected(LoadKind *kind, GKeyFile *file, const char *group)
{
    size_t n = 0;
    g_autofree int *expect = g_key_file_get_integer_list(file, group, "expect", &n, NULL);
    kind->expect[0] = 200;
    for (size_t i = 0; i < MIN(n, LOAD_EXPECT_MOST - 1); i++)
        kind->expect[i] = expect[i];
}

static LoadMessage *
read_message(GKeyFile *file, const char *group, const char *host, GError **error)
{
    g_autofree char *request = g_key_file_get_string(file, group, "request", error);
    if (!request)
        return NULL;
    g_auto(GStrv) headers = read_headers(file, group);
    g_auto(GStrv) fields = g_key_file_get_string_list(file, group, "fields", NULL, NULL);
    g_autofree char *picture = g_key_file_get_string(file, group, "file", NULL);
    g_autofree char *body = g_key_file_get_string(file, group, "body", NULL);
    g_autofree char *text = g_key_file_get_string(file, group, "text", NULL);
    LoadWish wish = {
        request, host, (const char *const *)headers, (const char *const *)fields, picture,
        body,    text
    };
    return load_message_new(&wish, error);
}

static LoadKind *
read_kind(GKeyFile *file, const char *group, const char *host, GError **error)
{
    LoadMessage *message = read_message(file, group, host, error);
    if (!message)
        return NULL;
    LoadKind *kind = g_new0(LoadKind, 1);
    kind->name = g_strdup(group);
    kind->message = message;
    int weight = g_key_file_get_integer(file, group, "weight", NULL);
    kind->weight = (unsigned)MAX(weight, 1);
    kind->until = g_key_file_get_string(file, group, "until", NULL);
    kind->leave = g_key_file_get_boolean(file, group, "leave", NULL);
    kind->ids = g_key_file_get_boolean(file, group, "ids", NULL);
    read_expected(kind, file, group);
    return kind;
}

static LoadMix *
read_mix(GKeyFile *file, const char *host, GError **error)
{
    g_autoptr(LoadMix) mix = mix_new();
    g_auto(GStrv) groups = g_key_file_get_groups(file, NULL);
    for (size_t i = 0; groups[i]; i++) {
        LoadKind *kind = read_kind(file, groups[i], host, error);
        if (!kind)
            return NULL;
        g_ptr_array_add(mix->kinds, kind);
        mix->weights += kind->weight;
    }
    return g_steal_pointer(&mix);
}

static void
describe_get(GKeyFile *file, const LoadOptions *options)
{
    g_autofree char *request = g_strdup_printf("GET %s", options->get);
    g_key_file_set_string(file, "get", "request", request);
    for (size_t i = 0; options->headers && options->headers[i]; i++) {
        g_auto(GStrv) parts = g_strsplit(options->headers[i], ": ", 2);
        g_key_file_set_string(file, "get", parts[0], parts[0] && parts[1] ? parts[1] : "");
    }
    g_autofree char *expect = g_strdup("200;304");
    g_key_file_set_value(file, "get", "expect", expect);
}

LoadMix *
load_mix_new(const LoadOptions *options, const char *host, GError **error)
{
    g_autoptr(GKeyFile) file = g_key_file_new();
    if (options->get)
        describe_get(file, options);
    else if (!g_key_file_load_from_file(file, options->mix, G_KEY_FILE_NONE, error))
        return NULL;
    return read_mix(file, host, error);
}

/* --- Choosing ----------------------------------------------------------------------------- */

/* Steps through the weights by the golden ratio: every stretch of calls has its proportion. */
LoadKind *
load_mix_choose(const LoadMix *mix, uint64_t i)
{
    double turn = (double)(i % 1000000) * 0.61803398874989;
    unsigned at = (unsigned)((turn - (double)(uint64_t)turn) * mix->weights);
    for (size_t k = 0; k < mix->kinds->len; k++) {
        LoadKind *kind = mix->kinds->pdata[k];
        if (at < kind->weight)
            return kind;
        at -= kind->weight;
    }
    return mix->kinds->pdata[0];
}

bool
load_kind_expects(const LoadKind *kind, int status)
{
    for (size_t i = 0; kind->expect[i]; i++)
        if (kind->expect[i] == status)
            return true;
    return false;
}

/* --- Reporting ---------------------------------------------------------------------------- */

static void
report_statuses(json_t *report, const LoadKind *kind)
{
    json_t *statuses = json_object();
    for (int i = 0; i < LOAD_STATUS_MOST; i++) {
        char key[16];
        g_snprintf(key, sizeof key, "%d", i);
        if (kind->by_status[i])
            json_object_set_new(statuses, key, load_report_histogram(kind->by_status[i]));
    }
    json_object_set_new(report, "by_status_ms", statuses);
}

static void
report_faults(json_t *report, const LoadKind *kind)
{
    json_t *faults = json_object();
    for (int i = LOAD_FINE + 1; i < LOAD_FAULTS; i++)
        if (kind->faults[i])
            json_object_set_new(faults, load_fault_names[i],
                                json_integer((json_int_t)kind->faults[i]));
    json_object_set_new(report, "faults", faults);
}

json_t *
load_kind_report(const LoadKind *kind)
{
    json_t *report =
        json_pack("{s:I, s:I, s:I, s:I}", "sent", (json_int_t)kind->sent, "expected",
                  (json_int_t)kind->expected, "bytes", (json_int_t)kind->bytes,
                  "without_retry_after", (json_int_t)kind->without_retry_after);
    report_faults(report, kind);
    json_object_set_new(report, "latency_ms", load_report_histogram(&kind->latency));
    report_statuses(report, kind);
    if (!kind->until)
        return report;
    json_object_set_new(report, "unmarked", json_integer((json_int_t)kind->unmarked));
    json_object_set_new(report, "whole_ms", load_report_histogram(&kind->whole));
    json_object_set_new(report, "delivery_ms", load_report_histogram(&kind->delivery));
    return report;
}
