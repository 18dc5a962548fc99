/* operations.c - /api/v1/operations: everything that can be done, each by its row of the
 * engine's table.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * What takes seconds becomes a job; the rest is answered at once, from what was made before
 * when somebody asked for the same. */
#include "api/endpoints.h"
#include "api/file-rows.h"
#include "api/jobs-priv.h"
#include "api/wish.h"

#include <string.h>

#define MOST_INPUTS 64
#define KEEP "private, max-age=86400, immutable" /* it is named by what it was made of */

OrfDocument *
orf_operations_document(void)
{
    return orf_document_take(orf_operations_json(), "application/json");
}

static void
list(OrfCall *call)
{
    orf_call_reply_document(call, call->api->parts->operations, NULL);
}

/* --- Inputs ------------------------------------------------------------------------------- */

/* An order being read; the call's data. */
typedef struct {
    const OrfOperation *operation;
    GPtrArray *sources;  /* digests */
    GPtrArray *settings; /* name, value, ... */
    char *wrong;         /* what is wrong; NULL: nothing */
    char *pointer;       /* and where */
} Order;

static void
order_free(void *data)
{
    Order *order = data;
    g_ptr_array_unref(order->sources);
    g_ptr_array_unref(order->settings);
    g_free(order->wrong);
    g_free(order->pointer);
    g_free(order);
}

static void G_GNUC_PRINTF(3, 4) blame(Order *order, char *pointer, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    if (order->wrong) {
        g_free(pointer);
    } else {
        order->wrong = g_strdup_vprintf(format, arguments);
        order->pointer = pointer;
    }
    va_end(arguments);
}

static char *
file_digest(OrfCall *call, const char *id)
{
    g_autoptr(OrfFileRow) row = orf_file_row_get(call->api->options.store, call->who.tenant, id,
                                                 g_get_real_time(), NULL);
    return row ? g_strdup(row->digest) : NULL;
}

/* The named stage, or the last there is. */
static char *
stage_digest(OrfCall *call, const char *id, const char *name)
{
    g_autoptr(OrfShown) shown = orf_show_job(call->api, call->who.tenant, id, NULL);
    const OrfStages *stages = shown ? shown->stages : NULL;
    for (size_t i = stages ? stages->n : 0; i-- > 0;)
        if (!name || g_str_equal(stages->rows[i].name, name))
            return g_strdup(stages->rows[i].digest);
    return NULL;
}

static char *
input_digest(OrfCall *call, json_t *input)
{
    const char *job = json_string_value(json_object_get(input, "job"));
    const char *stage = json_string_value(json_object_get(input, "stage"));
    const char *mesh = json_string_value(json_object_get(input, "mesh"));
    const char *upload = json_string_value(json_object_get(input, "upload"));
    if (json_object_size(input) != (stage ? 2u : 1u) || (stage && !job))
        return NULL;
    return job ? stage_digest(call, job, stage)
               : file_digest(call, mesh     ? mesh
                                   : upload ? upload
                                            : "");
}

static void
read_inputs(OrfCall *call, Order *order, json_t *inputs)
{
    size_t i;
    json_t *input;
    if (!json_is_array(inputs) || json_array_size(inputs) > MOST_INPUTS)
        blame(order, g_strdup("#/inputs"), "inputs is a list of at most %d", MOST_INPUTS);
    json_array_foreach(inputs, i, input)
    {
        char *digest = order->wrong ? NULL : input_digest(call, input);
        if (digest)
            g_ptr_array_add(order->sources, digest);
        else
            blame(
                order, g_strdup_printf("#/inputs/%zu", i),
                "an input is {\"mesh\":ID}, {\"job\":ID,\"stage\":NAME} or {\"upload\":ID} of "
                "what is here");
    }
}

static void
read_parameters(Order *order, json_t *parameters)
{
    const char *name;
    json_t *value;
    json_object_foreach(parameters, name, value)
    {
        char *text = orf_json_value_text(value);
        if (!text) {
            blame(order, orf_pointer("#/parameters", name), "%s is no parameter's value", name);
            continue;
        }
        g_ptr_array_add(order->settings, g_strdup(name));
        g_ptr_array_add(order->settings, text);
    }
}

static void
check_members(Order *order, json_t *body)
{
    const char *name;
    json_t *value;
    json_object_foreach(body, name, value)
    {
        bool parameters = strcmp(name, "parameters") == 0;
        if (strcmp(name, "inputs") != 0 && !parameters)
            blame(order, orf_pointer("#", name), "there are inputs and parameters");
        else if (parameters && !json_is_object(value))
            blame(order, g_strdup("#/parameters"), "parameters is an object");
    }
}

/* NULL: it has replied. */
static Order *
read_order(OrfCall *call, json_t *body)
{
    const OrfOperation *operation = orf_operation_by_name(orf_call_text(call, "name"));
    if (!operation) {
        orf_call_problem(call, &(OrfProblem){ .code = ORF_PROBLEM_NOT_FOUND,
                                              .detail = "There is no such operation.",
                                              .hint = "GET /api/v1/operations lists them." });
        return NULL;
    }
    Order *order = g_new0(Order, 1);
    order->operation = operation;
    order->sources = g_ptr_array_new_with_free_func(g_free);
    order->settings = g_ptr_array_new_with_free_func(g_free);
    call->data = order;
    call->free_data = order_free;
    check_members(order, body);
    read_inputs(call, order, json_object_get(body, "inputs"));
    read_parameters(order, json_object_get(body, "parameters"));
    if (!order->wrong)
        return order;
    orf_call_problem(call, &(OrfProblem){ .code = ORF_PROBLEM_INVALID_PARAMS,
                                          .detail = order->wrong,
                                          .faults = &(OrfFault){ order->pointer, order->wrong },
                                          .n_faults = 1 });
    return NULL;
}

/* --- Light: answered at once -------------------------------------------------------------- */

static const char *
setting_of(const Order *order, const char *name)
{
    for (guint i = 0; i + 1 < order->settings->len; i += 2)
        if (order->settings->pdata[i] && g_str_equal(order->settings->pdata[i], name))
            return order->settings->pdata[i + 1];
    for (size_t i = 0; i < order->operation->n_params; i++)
        if (g_str_equal(order->operation->params[i].name, name))
            return order->operation->params[i].fallback;
    return NULL;
}

/* Of the file that it makes. */
static const char *
type_of(const Order *order, const char **ret_extension)
{
    const char *format = setting_of(order, "format");
    const char *suffix = order->operation->suffix;
    *ret_extension = suffix ? strrchr(suffix, '.') + 1 : "json";
    if (order->operation->makes == ORF_MAKES_FACTS)
        return "application/json";
    return suffix && !format ? "image/png"
                             : orf_engine_file_type(format ? format : "glb", ret_extension);
}

static void
reply_made(OrfCall *call, const char *digest)
{
    const Order *order = call->data;
    OrfBlobAnswer answer = { .digest = digest, .stem = order->operation->name, .cache = KEEP };
    answer.type = type_of(order, &answer.extension);
    answer.how = order->operation->makes == ORF_MAKES_FACTS ? "inline" : "attachment";
    orf_call_reply_blob(call, &answer, ORF_PROBLEM_NOT_FOUND);
}

static void
make_now(OrfCall *call, Order *order)
{
    if (!order->sources->len) {
        orf_call_problem(call, &(OrfProblem){ .code = ORF_PROBLEM_INVALID_PARAMS,
                                              .detail = "It needs an input.",
                                              .faults = &(OrfFault){ "#/inputs", "empty" },
                                              .n_faults = 1 });
        return;
    }
    g_ptr_array_add(order->sources, NULL);
    g_ptr_array_add(order->settings, NULL);
    const char *const *sources = (const char *const *)order->sources->pdata;
    OrfDerivation how = { .operation = order->operation->name,
                          .settings = (const char *const *)order->settings->pdata };
    orf_call_derive_all(call, sources, &how, reply_made);
}

/* --- Heavy: a job ------------------------------------------------------------------------- */

static void
make_later(OrfCall *call, const Order *order)
{
    g_autoptr(OrfDraft) draft = orf_draft_new(call->api, call->who.tenant);
    for (guint i = 0; i < order->sources->len; i++) {
        g_autofree char *pointer = g_strdup_printf("#/inputs/%u", i);
        orf_draft_add_picture(draft, pointer, order->sources->pdata[i], NULL);
    }
    for (guint i = 0; i + 1 < order->settings->len; i += 2) {
        g_autofree char *pointer = orf_pointer("#/parameters", order->settings->pdata[i]);
        orf_draft_set(draft, pointer, order->settings->pdata[i], order->settings->pdata[i + 1]);
    }
    OrfAccepted accepted = { 0 };
    if (orf_call_charge(call, 1) && orf_draft_submit(draft, call, &accepted, NULL))
        orf_call_reply_job(call, accepted.id, true);
    g_free(accepted.id);
}

static void
operate(OrfCall *call)
{
    json_t *body = orf_call_json_body(call);
    if (!body)
        return;
    Order *order = read_order(call, body);
    json_decref(body);
    if (order && order->operation->heavy)
        make_later(call, order);
    else if (order)
        make_now(call, order);
}

/* --- The endpoints ------------------------------------------------------------------------ */

const OrfEndpoint orf_endpoint_operations = {
    .method = "GET",
    .path = "/api/v1/operations",
    .name = "listOperations",
    .group = "tools",
    .summary = "Everything that can be done",
    .help = "Each with its parameters, what it takes and what it makes.",
    .safe = true,
    .permit = ORF_PERMIT_READ,
    .answers =
        (const OrfAnswer[]){
            { 200, "application/json", "Operations", "The table" },
            { 304, NULL, NULL, "The client has it" },
            { 0 },
        },
    .handle = list,
};

const OrfEndpoint orf_endpoint_operate = {
    .method = "POST",
    .path = "/api/v1/operations/{name}",
    .name = "operate",
    .group = "tools",
    .summary = "Do one of them",
    .help = "`{\"inputs\":[{\"mesh\":ID}],\"parameters\":{...}}`; inputs are meshes, stages of "
            "jobs or uploaded pictures. What is heavy becomes a job; the rest is answered at "
            "once with the file, or with what was found out as JSON. The same order gives the "
            "same file, made once.",
    .permit = ORF_PERMIT_CREATE,
    .desk = true,
    .arguments =
        (const OrfArgument[]){
            { ORF_IN_PATH, ORF_TEXT("name", 1, 64, "", "Its name in the table.") },
            { 0 },
        },
    .bodies = (const OrfBodyKind[]){ { "application/json", "OperationOrder" }, { 0 } },
    .answers =
        (const OrfAnswer[]){
            { 200, "application/json", "OperationFacts", "What was found out" },
            { 200, "model/*", NULL, "The file, under its own media type" },
            { 200, "image/png", NULL, "The picture" },
            { 200, "application/zip", NULL, "An obj with its materials and pictures" },
            { 202, "application/json", "Job", "The job is queued" },
            { 404, "application/problem+json", "Problem", "There is no such operation" },
            { 422, "application/problem+json", "Problem", "invalid_params, mesh_unreadable" },
            { 0 },
        },
    .handle = operate,
};
