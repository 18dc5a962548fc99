/* request.c - what is to be done, as a struct and as it is stored.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * The text in the row is JSON, written and read here and nowhere else. Version 1 knew one
 * operation, whose inputs are pictures; they kept that name. */
#include "job/job.h"

#include <jansson.h>
#include <math.h>
#include <string.h>

#define VERSION 2

void
orf_job_input_free(OrfJobInput *input)
{
    if (!input)
        return;
    g_free(input->digest);
    g_free(input->name);
    g_free(input->pointer);
    g_free(input->format);
    g_free(input);
}

static void
setting_free(void *data)
{
    OrfJobSetting *setting = data;
    g_free(setting->name);
    g_free(setting->text);
    g_free(setting->pointer);
    g_free(setting);
}

OrfJobRequest *
orf_job_request_new(const char *operation)
{
    OrfJobRequest *request = g_new0(OrfJobRequest, 1);
    g_atomic_ref_count_init(&request->refs);
    request->operation = g_strdup(operation);
    request->settings = g_ptr_array_new_with_free_func(setting_free);
    request->inputs = g_ptr_array_new_with_free_func((GDestroyNotify)orf_job_input_free);
    return request;
}

OrfJobRequest *
orf_job_request_ref(OrfJobRequest *request)
{
    if (request)
        g_atomic_ref_count_inc(&request->refs);
    return request;
}

void
orf_job_request_unref(OrfJobRequest *request)
{
    if (!request || !g_atomic_ref_count_dec(&request->refs))
        return;
    g_free(request->operation);
    g_free(request->generator);
    g_free(request->mode);
    g_ptr_array_unref(request->settings);
    g_ptr_array_unref(request->inputs);
    orf_job_input_free(request->mask);
    g_free(request->parameters);
    g_free(request->format);
    g_free(request);
}

const char *
orf_job_request_setting(const OrfJobRequest *request, const char *name, const char *fallback)
{
    for (guint i = 0; i < request->settings->len; i++) {
        const OrfJobSetting *setting = request->settings->pdata[i];
        if (g_str_equal(setting->name, name))
            return setting->text;
    }
    return fallback;
}

/* --- Writing ------------------------------------------------------------------------------ */

static void
add_input(OrfJson *json, const char *key, const OrfJobInput *input)
{
    if (!input) {
        orf_json_add_null(json, key);
        return;
    }
    orf_json_begin_object(json, key);
    orf_json_add_text(json, "sha256", input->digest);
    orf_json_add_text(json, "name", input->name);
    orf_json_add_text(json, "format", input->format);
    orf_json_add_int(json, "width", input->width);
    orf_json_add_int(json, "height", input->height);
    orf_json_add_int(json, "bytes", (int64_t)input->bytes);
    orf_json_add_number(json, "yaw", input->yaw);
    orf_json_end(json);
}

char *
orf_job_request_json(const OrfJobRequest *request)
{
    g_autoptr(OrfJson) json = orf_json_new();
    orf_json_begin_object(json, NULL);
    orf_json_add_int(json, "v", VERSION);
    orf_json_add_text(json, "operation", request->operation);
    orf_json_add_text(json, "generator", request->generator);
    orf_json_add_text(json, "mode", request->mode);
    orf_json_add_int(json, "seed", request->seed);
    orf_json_add_raw(json, "parameters", request->parameters ? request->parameters : "{}");
    orf_json_begin_array(json, "settings");
    for (guint i = 0; i < request->settings->len; i++) {
        const OrfJobSetting *setting = request->settings->pdata[i];
        orf_json_add_texts(json, NULL, (const char *const[]){ setting->name, setting->text },
                           2);
    }
    orf_json_end(json);
    orf_json_begin_array(json, "pictures");
    for (guint i = 0; i < request->inputs->len; i++)
        add_input(json, NULL, request->inputs->pdata[i]);
    orf_json_end(json);
    add_input(json, "mask", request->mask);
    orf_json_add_text(json, "format", request->format);
    orf_json_add_int(json, "triangles", request->triangles);
    orf_json_end(json);
    return orf_json_steal(json);
}

/* --- Reading ------------------------------------------------------------------------------ */

static char *
take_text(const json_t *object, const char *name)
{
    return g_strdup(json_string_value(json_object_get(object, name)));
}

static int64_t
take_int(const json_t *object, const char *name)
{
    return json_integer_value(json_object_get(object, name));
}

static OrfJobInput *
read_input(const json_t *from)
{
    const char *digest = json_string_value(json_object_get(from, "sha256"));
    if (!digest || strlen(digest) != ORF_DIGEST_SIZE - 1)
        return NULL;
    OrfJobInput *input = g_new0(OrfJobInput, 1);
    const json_t *yaw = json_object_get(from, "yaw");
    *input = (OrfJobInput){
        .digest = g_strdup(digest),
        .name = take_text(from, "name"),
        .format = take_text(from, "format"),
        .yaw = json_is_number(yaw) ? json_number_value(yaw) : NAN,
        .width = (unsigned)take_int(from, "width"),
        .height = (unsigned)take_int(from, "height"),
        .bytes = (uint64_t)take_int(from, "bytes"),
    };
    return input;
}

static bool
read_inputs(const json_t *from, OrfJobRequest *request)
{
    size_t i;
    json_t *each;
    json_array_foreach(json_object_get(from, "pictures"), i, each)
    {
        OrfJobInput *input = read_input(each);
        if (!input)
            return false;
        g_ptr_array_add(request->inputs, input);
    }
    const json_t *mask = json_object_get(from, "mask");
    if (json_is_object(mask))
        request->mask = read_input(mask);
    return !json_is_object(mask) || request->mask;
}

static bool
read_settings(const json_t *from, OrfJobRequest *request)
{
    size_t i;
    json_t *each;
    json_array_foreach(json_object_get(from, "settings"), i, each)
    {
        const char *name = json_string_value(json_array_get(each, 0));
        const char *text = json_string_value(json_array_get(each, 1));
        if (!name || !text)
            return false;
        OrfJobSetting *setting = g_new0(OrfJobSetting, 1);
        *setting = (OrfJobSetting){ g_strdup(name), g_strdup(text), NULL };
        g_ptr_array_add(request->settings, setting);
    }
    return true;
}

static bool
read_request(const json_t *from, OrfJobRequest *request)
{
    int64_t version = take_int(from, "v");
    if (version < 1 || version > VERSION)
        return false;
    request->operation = version == 1 ? g_strdup("generate") : take_text(from, "operation");
    request->generator = take_text(from, "generator");
    request->mode = take_text(from, "mode");
    request->seed = take_int(from, "seed");
    request->format = take_text(from, "format");
    request->triangles = take_int(from, "triangles");
    const json_t *parameters = json_object_get(from, "parameters");
    if (!json_is_object(parameters) || !request->operation)
        return false;
    char *text =
        json_dumps(parameters, JSON_COMPACT | JSON_PRESERVE_ORDER | JSON_REAL_PRECISION(15));
    request->parameters = g_strdup(text);
    free(text);
    return read_settings(from, request) && read_inputs(from, request);
}

OrfJobRequest *
orf_job_request_parse(const char *text, GError **error)
{
    json_t *json = json_loads(text, 0, NULL);
    g_autoptr(OrfJobRequest) request = orf_job_request_new(NULL);
    bool ok = read_request(json, request);
    json_decref(json);
    if (!ok)
        return ORF_FAIL(error, BAD_INPUT,
                        "the stored request is of another version; send the wish again");
    return g_steal_pointer(&request);
}
