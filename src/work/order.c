/* order.c - a request as the order to run it, and back.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * What only clients are shown (parameters as JSON, sizes of pictures) stays behind. The mask is
 * the last of the inputs. */
#include "work/make.h"

#include <math.h>

#define MOST_NAME 1000 /* bytes; names are for messages alone */

static void
set_input(OrfMessage *order, size_t at, const OrfJobInput *input)
{
    order->inputs[at] = g_strdup(input->digest);
    order->input_names[at] = g_strndup(input->name ? input->name : "", MOST_NAME);
    order->yaws[at] = input->yaw;
}

static char **
flat_settings(const GPtrArray *settings)
{
    char **flat = g_new0(char *, 2 * settings->len + 1);
    for (guint i = 0; i < settings->len; i++) {
        const OrfJobSetting *setting = settings->pdata[i];
        flat[2 * i] = g_strdup(setting->name);
        flat[2 * i + 1] = g_strdup(setting->text);
    }
    return flat;
}

OrfMessage *
orf_message_of_request(const OrfJobRequest *request, GError **error)
{
    size_t n = request->inputs->len, all = n + (request->mask != NULL);
    if (all > ORF_MESSAGE_FDS)
        return ORF_FAIL(error, TOO_LARGE, "%zu inputs, at most %d go into one run", all,
                        ORF_MESSAGE_FDS);
    OrfMessage *order = g_new0(OrfMessage, 1);
    *order = (OrfMessage){ .type = ORF_MESSAGE_RUN,
                           .operation = g_strdup(request->operation),
                           .generator = g_strdup(request->generator),
                           .settings = flat_settings(request->settings),
                           .inputs = g_new0(char *, all + 1),
                           .input_names = g_new0(char *, all + 1),
                           .masked = request->mask != NULL };
    for (size_t i = 0; i < n; i++)
        set_input(order, i, request->inputs->pdata[i]);
    if (request->mask)
        set_input(order, n, request->mask);
    return order;
}

static OrfJobInput *
input_of(const OrfMessage *order, size_t at)
{
    OrfJobInput *input = g_new0(OrfJobInput, 1);
    *input = (OrfJobInput){ .digest = g_strdup(order->inputs[at]),
                            .name = g_strdup(order->input_names[at]),
                            .yaw = order->yaws[at] };
    return input;
}

OrfJobRequest *
orf_message_request(const OrfMessage *order, GError **error)
{
    size_t n = order->inputs ? g_strv_length(order->inputs) : 0;
    size_t n_names = order->input_names ? g_strv_length(order->input_names) : 0;
    size_t n_settings = order->settings ? g_strv_length(order->settings) : 0;
    if (!order->operation || n > ORF_MESSAGE_FDS || n_names != n || n_settings % 2 ||
        (order->masked && !n))
        return ORF_FAIL(error, BUG, "an order does not hold what it must");
    OrfJobRequest *request = orf_job_request_new(order->operation);
    request->generator = g_strdup(order->generator);
    for (size_t i = 0; i < n_settings; i += 2) {
        OrfJobSetting *setting = g_new0(OrfJobSetting, 1);
        *setting = (OrfJobSetting){ .name = g_strdup(order->settings[i]),
                                    .text = g_strdup(order->settings[i + 1]) };
        g_ptr_array_add(request->settings, setting);
    }
    for (size_t i = 0; i + order->masked < n; i++)
        g_ptr_array_add(request->inputs, input_of(order, i));
    if (order->masked)
        request->mask = input_of(order, n - 1);
    return request;
}
