/* operation.c - the table of operations, and what it says of itself.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "engine/operation-priv.h"

#include "engine/describe-priv.h"

#define ROW(name) &orf_operation_##name,
static const OrfOperation *const table[] = { ORF_OPERATIONS(ROW) NULL };

const OrfOperation *const *
orf_operations(void)
{
    return table;
}

const OrfOperation *
orf_operation_by_name(const char *name)
{
    for (size_t i = 0; table[i]; i++)
        if (g_str_equal(table[i]->name, name))
            return table[i];
    return NULL;
}

const OrfParam *
orf_operation_param(const OrfOperation *operation, const char *name)
{
    for (size_t i = 0; i < operation->n_params; i++)
        if (g_str_equal(operation->params[i].name, name))
            return &operation->params[i];
    return NULL;
}

static void
add_operation(OrfJson *json, const OrfOperation *operation)
{
    static const char *const takes[] = { "nothing", "pictures", "assets" };
    static const char *const makes[] = { "asset", "files", "facts" };
    orf_json_begin_object(json, NULL);
    orf_json_add_text(json, "name", operation->name);
    orf_json_add_text(json, "title", operation->title);
    orf_json_add_text(json, "help", operation->help);
    orf_json_add_text(json, "command", operation->command);
    orf_json_add_text(json, "takes", takes[operation->takes]);
    orf_json_add_int(json, "least", operation->least);
    orf_json_add_int(json, "most", operation->most);
    orf_json_add_text(json, "makes", makes[operation->makes]);
    orf_json_add_bool(json, "stages", operation->recipe);
    orf_json_add_bool(json, "heavy", operation->heavy);
    orf_json_add_number(json, "seconds_per_mb", operation->effort);
    orf_describe_params(json, "parameters", operation->params, operation->n_params);
    orf_json_end(json);
}

char *
orf_operations_json(void)
{
    g_autoptr(OrfJson) json = orf_json_new();
    orf_json_begin_object(json, NULL);
    orf_json_begin_array(json, "operations");
    for (size_t i = 0; table[i]; i++)
        add_operation(json, table[i]);
    orf_json_end(json);
    orf_json_end(json);
    return orf_json_steal(json);
}
