/* params.c - declared parameters and their values.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * A parameter is a row of a static table; a value is kept as checked, canonical text plus its
 * number. Names are unique over the tables added; the first declaration wins. */
#include "base/base.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#define MAX_LIST 64

typedef struct {
    const OrfParam *param;
    char *text;    /* canonical */
    double number; /* bool, int, number, length, angle */
    bool set;      /* by the user */
} Value;

struct OrfParams {
    GPtrArray *order;   /* of Value *, table order */
    GHashTable *values; /* name -> Value * */
};

static void
value_free(void *data)
{
    Value *value = data;
    g_free(value->text);
    g_free(value);
}

OrfParams *
orf_params_new(void)
{
    OrfParams *params = g_new0(OrfParams, 1);
    params->order = g_ptr_array_new();
    params->values = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, value_free);
    return params;
}

void
orf_params_free(OrfParams *params)
{
    if (!params)
        return;
    g_ptr_array_unref(params->order);
    g_hash_table_unref(params->values);
    g_free(params);
}

OrfParams *
orf_params_copy(const OrfParams *params)
{
    OrfParams *copy = orf_params_new();
    for (guint i = 0; i < params->order->len; i++) {
        const Value *from = params->order->pdata[i];
        Value *value = g_memdup2(from, sizeof *from);
        value->text = g_strdup(from->text);
        g_hash_table_insert(copy->values, (char *)value->param->name, value);
        g_ptr_array_add(copy->order, value);
    }
    return copy;
}

const char *
orf_param_type_name(OrfParamType type)
{
    static const char *const names[] = { "bool",  "int",    "number", "length",
                                         "angle", "choice", "text",   "list" };
    return names[type];
}

const char *
orf_param_unit(OrfParamType type)
{
    return type == ORF_PARAM_LENGTH ? "mm" : type == ORF_PARAM_ANGLE ? "degrees" : "";
}

/* --- Reading one value -------------------------------------------------------------------- */

static bool
read_bool(const char *text, double *ret)
{
    static const char *const yes[] = { "true", "yes", "on", "1", NULL };
    static const char *const no[] = { "false", "no", "off", "0", NULL };
    *ret = g_strv_contains(yes, text);
    return *ret != 0 || g_strv_contains(no, text);
}

/* Millimetres in one of the unit that follows a length; 0: unknown unit. */
static double
unit_scale(const char *unit)
{
    static const struct {
        const char *name;
        double mm;
    } units[] = { { "", 1 },      { "mm", 1 },    { "cm", 10 },  { "m", 1000 },
                  { "um", 1e-3 }, { "in", 25.4 }, { "\"", 25.4 } };
    for (size_t i = 0; i < G_N_ELEMENTS(units); i++)
        if (g_str_equal(unit, units[i].name))
            return units[i].mm;
    return 0;
}

static bool
read_number(const OrfParam *param, const char *text, double *ret)
{
    char *end;
    errno = 0;
    double value = g_ascii_strtod(text, &end);
    if (end == text || !isfinite(value))
        return false;
    while (*end == ' ')
        end++;
    if (param->type == ORF_PARAM_LENGTH) {
        double scale = unit_scale(end);
        *ret = value * scale;
        return scale != 0;
    }
    if (param->type == ORF_PARAM_ANGLE && (g_str_equal(end, "deg") || g_str_equal(end, "°")))
        end += strlen(end);
    *ret = value;
    return *end == '\0' && (param->type != ORF_PARAM_INT || value == floor(value));
}

static char *
number_text(double value)
{
    g_autoptr(GString) out = g_string_new(NULL);
    orf_json_number(out, value);
    return g_string_free(g_steal_pointer(&out), FALSE);
}

static char *
range_text(const OrfParam *param)
{
    g_autofree char *low = number_text(param->min), *high = number_text(param->max);
    const char *unit = orf_param_unit(param->type);
    return g_strdup_printf("%s to %s%s%s", low, high, *unit ? " " : "", unit);
}

static bool
fail_number(const OrfParam *param, const char *text, GError **error)
{
    g_autofree char *range = range_text(param);
    return ORF_FALSE(error, BAD_INPUT, "%s: \"%s\" is not %s; give one from %s", param->name,
                     text, param->type == ORF_PARAM_INT ? "a whole number" : "a number", range);
}

static bool
check_range(const OrfParam *param, double number, GError **error)
{
    if (number >= param->min && number <= param->max)
        return true;
    g_autofree char *range = range_text(param), *given = number_text(number);
    return ORF_FALSE(error, BAD_INPUT, "%s: %s is out of range; give %s", param->name, given,
                     range);
}

static bool
set_number(Value *value, const char *text, GError **error)
{
    double number;
    if (!read_number(value->param, text, &number))
        return fail_number(value->param, text, error);
    if (!check_range(value->param, number, error))
        return false;
    value->number = number;
    g_free(value->text);
    value->text = number_text(number);
    return true;
}

static bool
set_bool(Value *value, const char *text, GError **error)
{
    double number;
    if (!read_bool(text, &number))
        return ORF_FALSE(error, BAD_INPUT, "%s: \"%s\" is neither true nor false",
                         value->param->name, text);
    value->number = number;
    g_free(value->text);
    value->text = g_strdup(number != 0 ? "true" : "false");
    return true;
}

static bool
set_choice(Value *value, const char *text, GError **error)
{
    g_auto(GStrv) choices = g_strsplit(value->param->choices, "|", -1);
    if (!g_strv_contains((const char *const *)choices, text)) {
        g_autofree char *list = g_strjoinv(", ", choices);
        return ORF_FALSE(error, BAD_INPUT, "%s: \"%s\" is not one of %s", value->param->name,
                         text, list);
    }
    g_free(value->text);
    value->text = g_strdup(text);
    return true;
}

static bool
set_text(Value *value, const char *text, GError **error)
{
    if (!g_utf8_validate(text, -1, NULL))
        return ORF_FALSE(error, BAD_INPUT, "%s: the text is not UTF-8", value->param->name);
    if ((double)strlen(text) > value->param->max)
        return ORF_FALSE(error, BAD_INPUT, "%s: the text has %zu bytes, at most %.0f fit",
                         value->param->name, strlen(text), value->param->max);
    g_free(value->text);
    value->text = g_strdup(text);
    return true;
}

static bool
set_list(Value *value, const char *text, GError **error)
{
    g_auto(GStrv) parts = g_strsplit(text, ",", MAX_LIST + 1);
    if (g_strv_length(parts) > MAX_LIST)
        return ORF_FALSE(error, BAD_INPUT, "%s: more than %d numbers", value->param->name,
                         MAX_LIST);
    g_autoptr(GString) canonical = g_string_new(NULL);
    for (char **part = parts; *part; part++) {
        double number;
        if (!read_number(value->param, g_strstrip(*part), &number))
            return fail_number(value->param, *part, error);
        if (!check_range(value->param, number, error))
            return false;
        if (canonical->len)
            g_string_append_c(canonical, ',');
        orf_json_number(canonical, number);
    }
    g_free(value->text);
    value->text = g_string_free(g_steal_pointer(&canonical), FALSE);
    return true;
}

static bool
set_value(Value *value, const char *text, GError **error)
{
    switch (value->param->type) {
    case ORF_PARAM_BOOL:
        return set_bool(value, text, error);
    case ORF_PARAM_CHOICE:
        return set_choice(value, text, error);
    case ORF_PARAM_TEXT:
        return set_text(value, text, error);
    case ORF_PARAM_LIST:
        return set_list(value, text, error);
    default:
        return set_number(value, text, error);
    }
}

/* --- Tables and names --------------------------------------------------------------------- */

void
orf_params_add_table(OrfParams *params, const OrfParam *table, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (g_hash_table_contains(params->values, table[i].name))
            continue;
        Value *value = g_new0(Value, 1);
        value->param = &table[i];
        g_autoptr(GError) error = NULL;
        if (!set_value(value, table[i].fallback, &error))
            g_error("parameter table: %s", error->message);
        g_hash_table_insert(params->values, (char *)table[i].name, value);
        g_ptr_array_add(params->order, value);
    }
}

/* Levenshtein distance; names are short. */
static unsigned
edit_distance(const char *a, const char *b)
{
    size_t n = MIN(strlen(b), 63);
    unsigned row[64];
    for (size_t j = 0; j <= n; j++)
        row[j] = (unsigned)j;
    for (unsigned i = 1; *a; a++, i++) {
        unsigned diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= n; j++) {
            unsigned above = row[j];
            row[j] = MIN(MIN(row[j], row[j - 1]) + 1, diagonal + (*a != b[j - 1]));
            diagonal = above;
        }
    }
    return row[n];
}

static const char *
nearest_name(const OrfParams *params, const char *name)
{
    const char *best = NULL;
    unsigned least = 4;
    for (guint i = 0; i < params->order->len; i++) {
        const Value *value = params->order->pdata[i];
        unsigned distance = edit_distance(name, value->param->name);
        if (distance < least) {
            least = distance;
            best = value->param->name;
        }
    }
    return best;
}

bool
orf_params_set(OrfParams *params, const char *name, const char *text, GError **error)
{
    Value *value = g_hash_table_lookup(params->values, name);
    if (!value) {
        const char *near = nearest_name(params, name);
        if (near)
            return ORF_FALSE(error, BAD_INPUT, "no parameter \"%s\"; did you mean \"%s\"?",
                             name, near);
        return ORF_FALSE(error, BAD_INPUT, "no parameter \"%s\"; see \"orfeas generators\"",
                         name);
    }
    if (!set_value(value, text, error))
        return false;
    value->set = true;
    return true;
}

/* --- Looking up --------------------------------------------------------------------------- */

static const Value *
find(const OrfParams *params, const char *name)
{
    const Value *value = g_hash_table_lookup(params->values, name);
    if (!value)
        g_error("parameter \"%s\" is not declared", name);
    return value;
}

bool
orf_params_is_set(const OrfParams *params, const char *name)
{
    const Value *value = g_hash_table_lookup(params->values, name);
    return value && value->set;
}

bool
orf_params_bool(const OrfParams *params, const char *name)
{
    return find(params, name)->number != 0;
}

int64_t
orf_params_int(const OrfParams *params, const char *name)
{
    return (int64_t)find(params, name)->number;
}

double
orf_params_number(const OrfParams *params, const char *name)
{
    return find(params, name)->number;
}

const char *
orf_params_text(const OrfParams *params, const char *name)
{
    return find(params, name)->text;
}

size_t
orf_params_list(const OrfParams *params, const char *name, double *ret_values, size_t room)
{
    const char *text = find(params, name)->text;
    size_t n = 0;
    while (*text) {
        char *end;
        double number = g_ascii_strtod(text, &end);
        if (n < room)
            ret_values[n] = number;
        n++;
        text = *end == ',' ? end + 1 : end;
    }
    return n;
}

void
orf_params_each(const OrfParams *params, void (*each)(const OrfParam *param, void *data),
                void *data)
{
    for (guint i = 0; i < params->order->len; i++)
        each(((const Value *)params->order->pdata[i])->param, data);
}

/* --- Canonical JSON ----------------------------------------------------------------------- */

static int
by_name(const void *a, const void *b)
{
    const Value *const *x = a, *const *y = b;
    return strcmp((*x)->param->name, (*y)->param->name);
}

static void
append_value(GString *out, const Value *value)
{
    switch (value->param->type) {
    case ORF_PARAM_CHOICE:
    case ORF_PARAM_TEXT:
        orf_json_string(out, value->text);
        break;
    case ORF_PARAM_LIST:
        g_string_append_printf(out, "[%s]", value->text);
        break;
    default:
        g_string_append(out, value->text);
    }
}

char *
orf_params_canonical(const OrfParams *params)
{
    g_autoptr(GPtrArray) sorted = g_ptr_array_copy(params->order, NULL, NULL);
    g_ptr_array_sort(sorted, by_name);
    GString *out = g_string_new("{");
    for (guint i = 0; i < sorted->len; i++) {
        const Value *value = sorted->pdata[i];
        if (i)
            g_string_append_c(out, ',');
        orf_json_string(out, value->param->name);
        g_string_append_c(out, ':');
        append_value(out, value);
    }
    g_string_append_c(out, '}');
    return g_string_free(out, FALSE);
}
