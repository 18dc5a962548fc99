/* arguments.c - path, query and header arguments, checked by the endpoint's table.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Path arguments stand in the table in the order of the template. A query argument "*" in the
 * table lets any other pass. Values are checked as the command line's are. */
#include "rest/rest-priv.h"

#include <string.h>

/* The value as handlers read it; NULL: it is wrong. Texts and choices stay where they are. */
static const char *
check_value(OrfCall *call, const OrfParam *param, const char *text, GError **error)
{
    bool plain = param->type == ORF_PARAM_TEXT || param->type == ORF_PARAM_CHOICE;
    char *made = NULL;
    if (!orf_param_check(param, text, plain ? NULL : &made, error))
        return NULL;
    if (plain)
        return text;
    if (!call->made)
        call->made = g_ptr_array_new_with_free_func(g_free);
    g_ptr_array_add(call->made, made);
    return made;
}

/* --- All of a request --------------------------------------------------------------------- */

typedef struct {
    const OrfCall *call;
    GArray *faults;     /* OrfFault */
    GPtrArray *strings; /* their texts */
    const char *seen[ORF_MOST_ARGUMENTS];
    size_t n_seen;
} Reading;

static void
add_fault(Reading *reading, const char *name, char *detail)
{
    if (!reading->faults)
        reading->faults = g_array_new(FALSE, FALSE, sizeof(OrfFault));
    if (!reading->strings)
        reading->strings = g_ptr_array_new_with_free_func(g_free);
    OrfFault fault = { g_strdup(name), detail };
    g_ptr_array_add(reading->strings, (char *)fault.pointer);
    g_ptr_array_add(reading->strings, detail);
    if (reading->faults->len < 16)
        g_array_append_val(reading->faults, fault);
}

static const OrfArgument *
find_query(const OrfCall *call, const char *name)
{
    const OrfArgument *any = NULL;
    for (const OrfArgument *a = call->endpoint->arguments; a && a->param.name; a++) {
        if (a->in != ORF_IN_QUERY)
            continue;
        if (strcmp(a->param.name, name) == 0)
            return a;
        if (strcmp(a->param.name, "*") == 0)
            any = a;
    }
    return any;
}

static char *
known_names(const OrfCall *call)
{
    GString *out = g_string_new(NULL);
    for (const OrfArgument *a = call->endpoint->arguments; a && a->param.name; a++)
        if (a->in == ORF_IN_QUERY)
            g_string_append_printf(out, "%s%s", out->len ? ", " : "", a->param.name);
    return g_string_free(out, FALSE);
}

static void
see_query(const char *name, const char *value, void *data)
{
    (void)value;
    Reading *reading = data;
    const OrfArgument *argument = find_query(reading->call, name);
    if (!argument) {
        g_autofree char *known = known_names(reading->call);
        add_fault(reading, name,
                  *known ? g_strdup_printf("no such query argument; there are: %s", known)
                         : g_strdup("this takes no query arguments"));
        return;
    }
    for (size_t i = 0; i < reading->n_seen; i++)
        if (strcmp(reading->seen[i], name) == 0)
            add_fault(reading, name, g_strdup("given twice"));
    if (reading->n_seen < ORF_MOST_ARGUMENTS)
        reading->seen[reading->n_seen++] = name;
}

static const char *
given(const OrfCall *call, const OrfArgument *argument, size_t *n_path)
{
    switch (argument->in) {
    case ORF_IN_PATH:
        return call->path_values[(*n_path)++];
    case ORF_IN_QUERY:
        return orf_request_query(call->request, argument->param.name);
    default:
        return orf_request_header(call->request, argument->param.name);
    }
}

/* What is not where the path says, is not there. */
static bool
read_one(OrfCall *call, const OrfArgument *argument, size_t index, const char *text,
         Reading *reading)
{
    g_autoptr(GError) error = NULL;
    call->values[index] = check_value(call, &argument->param, text, &error);
    if (call->values[index])
        return true;
    if (argument->in == ORF_IN_PATH) {
        orf_call_problem(call, &(OrfProblem){ ORF_PROBLEM_NOT_FOUND, error->message });
        return false;
    }
    add_fault(reading, argument->param.name, g_strdup(error->message));
    return true;
}

static bool
finish(OrfCall *call, Reading *reading)
{
    if (!reading->faults)
        return true;
    const OrfFault *faults = (const OrfFault *)reading->faults->data;
    orf_call_problem(call, &(OrfProblem){ ORF_PROBLEM_INVALID_PARAMS, faults[0].detail,
                                          .hint = "GET /api/v1/openapi.json describes every "
                                                  "argument.",
                                          .faults = faults, .n_faults = reading->faults->len });
    return false;
}

bool
orf_call_read_arguments(OrfCall *call)
{
    Reading reading = { .call = call };
    orf_request_each_query(call->request, see_query, &reading);
    size_t n_path = 0, i = 0;
    bool ok = true;
    for (const OrfArgument *a = call->endpoint->arguments; ok && a && a->param.name; a++, i++) {
        const char *text = given(call, a, &n_path);
        if (text)
            ok = read_one(call, a, i, text, &reading);
    }
    ok = ok && finish(call, &reading);
    g_clear_pointer(&reading.faults, g_array_unref);
    g_clear_pointer(&reading.strings, g_ptr_array_unref);
    return ok;
}

/* --- Looking ------------------------------------------------------------------------------ */

const char *
orf_call_text(const OrfCall *call, const char *name)
{
    size_t i = 0;
    for (const OrfArgument *a = call->endpoint->arguments; a && a->param.name; a++, i++) {
        if (strcmp(a->param.name, name) != 0)
            continue;
        if (call->values[i])
            return call->values[i];
        return *a->param.fallback ? a->param.fallback : NULL;
    }
    g_critical("api: %s has no argument \"%s\"", call->endpoint->name, name);
    return NULL;
}

int64_t
orf_call_int(const OrfCall *call, const char *name)
{
    const char *text = orf_call_text(call, name);
    return text ? (int64_t)g_ascii_strtod(text, NULL) : 0;
}
