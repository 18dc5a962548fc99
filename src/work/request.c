/* request.c - a stored request as an order of the engine; what it may need.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Names of inputs are for messages only: they belong to no key. */
#include "work/work.h"

#include <string.h>

#define MIB ((uint64_t)1 << 20)

/* --- Order -------------------------------------------------------------------------------- */

OrfOrder *
orf_request_order(const OrfJobRequest *request, OrfRequestFaultFn fault, void *data,
                  GError **error)
{
    g_autoptr(OrfOrder) order = orf_order_new(request->operation, error);
    /* First, since which settings there are depends on it. */
    if (!order ||
        (request->generator && !orf_order_set(order, "generator", request->generator, error)))
        return NULL;
    for (guint i = 0; i < request->settings->len; i++) {
        const OrfJobSetting *setting = request->settings->pdata[i];
        g_autoptr(GError) why = NULL;
        if (orf_order_set(order, setting->name, setting->text, &why))
            continue;
        if (!fault) {
            g_propagate_error(error, g_steal_pointer(&why));
            return NULL;
        }
        fault(setting->pointer, why, data);
    }
    return g_steal_pointer(&order);
}

static bool
add_known(OrfOrder *order, const OrfJobInput *from, bool mask, GError **error)
{
    OrfInput input = { .name = from->name,
                       .digest = from->digest,
                       .yaw = from->yaw,
                       .mask = mask,
                       .width = from->width,
                       .height = from->height,
                       .size = from->bytes };
    return orf_order_add(order, &input, error);
}

OrfOrder *
orf_request_known(const OrfJobRequest *request, GError **error)
{
    g_autoptr(OrfOrder) order = orf_request_order(request, NULL, NULL, error);
    if (!order)
        return NULL;
    for (guint i = 0; i < request->inputs->len; i++)
        if (!add_known(order, request->inputs->pdata[i], false, error))
            return NULL;
    if (request->mask && !add_known(order, request->mask, true, error))
        return NULL;
    return g_steal_pointer(&order);
}

void
orf_request_settle(OrfJobRequest *request, const OrfOrder *order)
{
    g_free(request->parameters);
    request->parameters = orf_order_parameters(order);
    request->seed = g_ascii_strtoll(orf_job_request_setting(request, "seed", "0"), NULL, 10);
}

uint64_t
orf_runner_guess(const OrfJobRequest *request)
{
    g_autoptr(OrfOrder) order = request ? orf_request_known(request, NULL) : NULL;
    return order ? orf_order_estimate(NULL, order).bytes : 64 * MIB;
}

/* --- Fields into a digest ----------------------------------------------------------------- */

struct OrfFields {
    OrfDigester *digester;
};

OrfFields *
orf_fields_new(const char *scheme)
{
    OrfFields *fields = g_new(OrfFields, 1);
    fields->digester = orf_digester_new();
    orf_fields_add(fields, scheme);
    return fields;
}

void
orf_fields_add(OrfFields *fields, const char *text)
{
    uint64_t length = text ? strlen(text) : UINT64_MAX;
    uint64_t prefix = GUINT64_TO_BE(length);
    orf_digester_add(fields->digester, &prefix, sizeof prefix);
    if (text)
        orf_digester_add(fields->digester, text, length);
}

void
orf_fields_end(OrfFields *fields, char ret[ORF_DIGEST_SIZE])
{
    orf_digester_end(fields->digester, ret);
    orf_digester_free(fields->digester);
    g_free(fields);
}
