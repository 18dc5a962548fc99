/* params.c - declared parameters and their values.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * A parameter is a row of a static table; a value is kept as checked, canonical text plus its
 * number. Names are unique over the tables added; the first declaration wins. */
#include "base/base.h"

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
    } units[] = {
        { "", 1 },         { "mm", 1 },          { "millimeter", 1 },  { "millimetre", 1 },
        { "cm", 10 },      { "centimeter", 10 }, { "centimetre", 10 }, { "m", 1000 },
        { "meter", 1000 }, { "metre", 1000 },    { "um", 1e-3 },       { "µm", 1e-3 },
        { "in", 25.4 },    { "inch", 25.4 },     { "inche", 25.4 },    { "\"", 25.4 },
        { "″", 25.4 },     { "''", 25.4 },       { "ft", 304.8 },      { "foot", 304.8 },
        { "feet", 304.8 },
    };
    g_autofree char *plain = g_strstrip(g_ascii_strdown(unit, -1));
    size_t n = strlen(plain);
    if (n > 1 && plain[n - 1] == '.')
        plain[--n] = '\0';
    if (n > 3 && plain[n - 1] == 's') /* "inches" */
        plain[n - 1] = '\0';
    for (size_t i = 0; i < G_N_ELEMENTS(units); i++)
        if (g_str_equal(plain, units[i].name))
            return units[i].mm;
    return 0;
}

/* "100,5" as many write it; "1,000" may mean a thousand and is left to be refused. */
static char *
with_decimal_point(const char *text)
{
    char *copy = g_strstrip(g_strdup(text)), *comma = strchr(copy, ',');
    size_t digits = comma ? strspn(comma + 1, "0123456789") : 0;
    bool thousands = digits == 3 && copy[0] != '0';
    if (comma && digits && !thousands && !strchr(copy, '.') && !strchr(comma + 1, ','))
        *comma = '.';
    return copy;
}

bool
orf_read_number(const char *text, const char **ret_end, double *ret)
{
    char *end;
    double value = g_ascii_strtod(text, &end);
    size_t size = (size_t)(end - text);
    if (!size || !isfinite(value) || memchr(text, 'x', size) || memchr(text, 'X', size))
        return false;
    *ret = value;
    *ret_end = end;
    return true;
}

static bool
read_number(const OrfParam *param, const char *given, double *ret)
{
    g_autofree char *text = with_decimal_point(given);
    const char *end;
    double value;
    if (!orf_read_number(text, &end, &value))
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
    const char *kind = param->type == ORF_PARAM_INT      ? "a whole number"
                       : param->type == ORF_PARAM_LENGTH ? "a number of mm, cm, m, in or ft"
                                                         : "a number";
    return ORF_FALSE(error, BAD_INPUT, "%s: \"%s\" is not %s; give one from %s", param->name,
                     text, kind, range);
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

/* What a text means for a parameter. */
typedef struct {
    char *text;    /* canonical */
    double number; /* bool, int, number, length, angle */
} Meaning;

static bool
check_number(const OrfParam *param, const char *text, Meaning *ret, GError **error)
{
    if (!read_number(param, text, &ret->number))
        return fail_number(param, text, error);
    if (!check_range(param, ret->number, error))
        return false;
    ret->text = number_text(ret->number);
    return true;
}

static bool
check_bool(const OrfParam *param, const char *text, Meaning *ret, GError **error)
{
    if (!read_bool(text, &ret->number))
        return ORF_FALSE(error, BAD_INPUT, "%s: \"%s\" is neither true nor false", param->name,
                         text);
    ret->text = g_strdup(ret->number != 0 ? "true" : "false");
    return true;
}

static bool
is_choice(const char *choices, const char *text)
{
    size_t size = strlen(text);
    for (const char *at = choices;; at++) {
        size_t word = strcspn(at, "|");
        if (word == size && memcmp(at, text, size) == 0)
            return true;
        at += word;
        if (!*at)
            return false;
    }
}

static bool
check_choice(const OrfParam *param, const char *text, Meaning *ret, GError **error)
{
    if (!is_choice(param->choices, text)) {
        g_auto(GStrv) choices = g_strsplit(param->choices, "|", -1);
        g_autofree char *list = g_strjoinv(", ", choices);
        return ORF_FALSE(error, BAD_INPUT, "%s: \"%s\" is not one of %s", param->name, text,
                         list);
    }
    ret->text = g_strdup(text);
    return true;
}

static bool
check_text(const OrfParam *param, const char *text, Meaning *ret, GError **error)
{
    size_t size = strlen(text);
    if (!g_utf8_validate(text, (gssize)size, NULL))
        return ORF_FALSE(error, BAD_INPUT, "%s: the text is not UTF-8", param->name);
    if (param->max > 0 && (double)size > param->max)
        return ORF_FALSE(error, BAD_INPUT, "%s: the text has %zu bytes, at most %.0f fit",
                         param->name, size, param->max);
    if ((double)size < param->min)
        return ORF_FALSE(error, BAD_INPUT, "%s: the text has %zu bytes, give at least %.0f",
                         param->name, size, param->min);
    ret->text = g_strdup(text);
    return true;
}

static bool
check_list(const OrfParam *param, const char *text, Meaning *ret, GError **error)
{
    g_auto(GStrv) parts = g_strsplit(text, ",", MAX_LIST + 1);
    if (g_strv_length(parts) > MAX_LIST)
        return ORF_FALSE(error, BAD_INPUT, "%s: more than %d numbers", param->name, MAX_LIST);
    g_autoptr(GString) canonical = g_string_new(NULL);
    for (char **part = parts; *part; part++) {
        double number;
        if (!read_number(param, g_strstrip(*part), &number))
            return fail_number(param, *part, error);
        if (!check_range(param, number, error))
            return false;
        if (canonical->len)
            g_string_append_c(canonical, ',');
        orf_json_number(canonical, number);
    }
    ret->text = g_string_free(g_steal_pointer(&canonical), FALSE);
    return true;
}

static bool
check(const OrfParam *param, const char *text, Meaning *ret, GError **error)
{
    switch (param->type) {
    case ORF_PARAM_BOOL:
        return check_bool(param, text, ret, error);
    case ORF_PARAM_CHOICE:
        return check_choice(param, text, ret, error);
    case ORF_PARAM_TEXT:
        return check_text(param, text, ret, error);
    case ORF_PARAM_LIST:
        return check_list(param, text, ret, error);
    default:
        return check_number(param, text, ret, error);
    }
}

bool
orf_param_check(const OrfParam *param, const char *text, char **ret_canonical, GError **error)
{
    Meaning meaning = { 0 };
    if (!check(param, text, &meaning, error))
        return false;
    if (ret_canonical)
        *ret_canonical = g_steal_pointer(&meaning.text);
    g_free(meaning.text);
    return true;
}

static bool
set_value(Value *value, const char *text, GError **error)
{
    Meaning meaning = { 0 };
    if (!check(value->param, text, &meaning, error))
        return false;
    g_free(value->text);
    value->text = meaning.text;
    value->number = meaning.number;
    return true;
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

static bool
fail_name(const OrfParams *params, const char *name, GError **error)
{
    const char *near = nearest_name(params, name);
    if (near)
        return ORF_FALSE(error, NOT_FOUND, "no parameter \"%s\" (did you mean \"%s\"?)", name,
                         near);
    return ORF_FALSE(error, NOT_FOUND, "no parameter \"%s\"", name);
}

bool
orf_params_set(OrfParams *params, const char *name, const char *text, GError **error)
{
    Value *value = g_hash_table_lookup(params->values, name);
    if (!value)
        return fail_name(params, name, error);
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

const OrfParam *
orf_params_declared(const OrfParams *params, const char *name)
{
    const Value *value = g_hash_table_lookup(params->values, name);
    return value ? value->param : NULL;
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

/* --- Canonical JSON ----------------------------------------------------------------------- */

static int
by_name(const void *a, const void *b)
{
    const Value *const *x = a, *const *y = b;
    return strcmp((*x)->param->name, (*y)->param->name);
}

static void
add_value(OrfJson *json, const Value *value)
{
    const char *name = value->param->name;
    g_autofree char *list = NULL;
    switch (value->param->type) {
    case ORF_PARAM_CHOICE:
    case ORF_PARAM_TEXT:
        orf_json_add_text(json, name, value->text);
        break;
    case ORF_PARAM_LIST:
        list = g_strdup_printf("[%s]", value->text);
        orf_json_add_raw(json, name, list);
        break;
    default:
        orf_json_add_raw(json, name, value->text);
    }
}

char *
orf_params_canonical(const OrfParams *params)
{
    g_autoptr(GPtrArray) sorted = g_ptr_array_copy(params->order, NULL, NULL);
    g_ptr_array_sort(sorted, by_name);
    g_autoptr(OrfJson) json = orf_json_new();
    orf_json_begin_object(json, NULL);
    for (guint i = 0; i < sorted->len; i++)
        add_value(json, sorted->pdata[i]);
    orf_json_end(json);
    return orf_json_steal(json);
}
