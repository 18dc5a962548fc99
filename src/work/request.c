/* request.c - the wish as it is stored with its job: JSON, kind, cache key, recipe.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * The shape is told in api-priv.h. Names of pictures are for messages only: they belong to no
 * key. */
#include "work/work.h"

#include <jansson.h>
#include <math.h>
#include <string.h>

#define VERSION 1
#define KEY_SCHEME "orfeas-key-1"

void
orf_wish_picture_free(OrfWishPicture *picture)
{
    if (!picture)
        return;
    g_free(picture->digest);
    g_free(picture->name);
    g_free(picture->pointer);
    g_free(picture->format);
    g_free(picture);
}

static void
setting_free(void *data)
{
    OrfWishSetting *setting = data;
    g_free(setting->name);
    g_free(setting->text);
    g_free(setting->pointer);
    g_free(setting);
}

OrfWishRequest *
orf_wish_request_new(void)
{
    OrfWishRequest *request = g_new0(OrfWishRequest, 1);
    request->settings = g_ptr_array_new_with_free_func(setting_free);
    request->pictures = g_ptr_array_new_with_free_func((GDestroyNotify)orf_wish_picture_free);
    return request;
}

void
orf_wish_request_free(OrfWishRequest *request)
{
    if (!request)
        return;
    g_free(request->generator);
    g_free(request->mode);
    g_ptr_array_unref(request->settings);
    g_ptr_array_unref(request->pictures);
    orf_wish_picture_free(request->mask);
    g_free(request->parameters);
    g_free(request->format);
    g_free(request);
}

/* --- Recipe ------------------------------------------------------------------------------- */

OrfRecipe *
orf_wish_recipe(const OrfWishRequest *request, OrfWishFaultFn fault, void *data, GError **error)
{
    g_autoptr(OrfRecipe) recipe = orf_recipe_new(request->generator, error);
    if (!recipe)
        return NULL;
    for (guint i = 0; i < request->settings->len; i++) {
        const OrfWishSetting *setting = request->settings->pdata[i];
        g_autoptr(GError) why = NULL;
        if (orf_recipe_set(recipe, setting->name, setting->text, &why))
            continue;
        if (!fault) {
            g_propagate_error(error, g_steal_pointer(&why));
            return NULL;
        }
        fault(setting->pointer, why, data);
    }
    return g_steal_pointer(&recipe);
}

void
orf_wish_request_settle(OrfWishRequest *request, const OrfRecipe *recipe)
{
    g_free(request->parameters);
    request->parameters = orf_engine_parameters_json(recipe);
    json_t *parameters = json_loads(request->parameters, 0, NULL);
    request->seed = json_integer_value(json_object_get(parameters, "seed"));
    json_decref(parameters);
}

/* --- Writing ------------------------------------------------------------------------------ */

static void
append_member(GString *json, const char *name, const char *text)
{
    g_string_append_printf(json, ",\"%s\":", name);
    if (text)
        orf_json_string(json, text);
    else
        g_string_append(json, "null");
}

static void
append_picture(GString *json, const OrfWishPicture *picture)
{
    g_string_append_printf(json, "{\"sha256\":\"%s\"", picture->digest);
    append_member(json, "name", picture->name);
    append_member(json, "format", picture->format);
    g_string_append_printf(json, ",\"width\":%u,\"height\":%u,\"bytes\":%" G_GUINT64_FORMAT,
                           picture->width, picture->height, picture->bytes);
    g_string_append(json, ",\"yaw\":");
    orf_json_number(json, picture->yaw);
    g_string_append_c(json, '}');
}

static void
append_settings(GString *json, const GPtrArray *settings)
{
    g_string_append(json, ",\"settings\":[");
    for (guint i = 0; i < settings->len; i++) {
        const OrfWishSetting *setting = settings->pdata[i];
        g_string_append(json, i ? ",[" : "[");
        orf_json_string(json, setting->name);
        g_string_append_c(json, ',');
        orf_json_string(json, setting->text);
        g_string_append_c(json, ']');
    }
    g_string_append_c(json, ']');
}

char *
orf_wish_request_json(const OrfWishRequest *request)
{
    GString *json = g_string_new("{");
    g_string_append_printf(json, "\"v\":%d", VERSION);
    append_member(json, "generator", request->generator);
    append_member(json, "mode", request->mode);
    g_string_append_printf(json, ",\"seed\":%" G_GINT64_FORMAT ",\"parameters\":%s",
                           request->seed, request->parameters);
    append_settings(json, request->settings);
    g_string_append(json, ",\"pictures\":[");
    for (guint i = 0; i < request->pictures->len; i++) {
        if (i)
            g_string_append_c(json, ',');
        append_picture(json, request->pictures->pdata[i]);
    }
    g_string_append(json, "],\"mask\":");
    if (request->mask)
        append_picture(json, request->mask);
    else
        g_string_append(json, "null");
    append_member(json, "format", request->format);
    g_string_append_printf(json, ",\"triangles\":%" G_GINT64_FORMAT "}", request->triangles);
    return g_string_free(json, FALSE);
}

/* --- Reading ------------------------------------------------------------------------------ */

static char *
take_text(const json_t *object, const char *name)
{
    return g_strdup(json_string_value(json_object_get(object, name)));
}

static OrfWishPicture *
read_picture(const json_t *from)
{
    const char *digest = json_string_value(json_object_get(from, "sha256"));
    if (!digest || strlen(digest) != ORF_DIGEST_SIZE - 1)
        return NULL;
    OrfWishPicture *picture = g_new0(OrfWishPicture, 1);
    const json_t *yaw = json_object_get(from, "yaw");
    *picture = (OrfWishPicture){
        .digest = g_strdup(digest),
        .name = take_text(from, "name"),
        .format = take_text(from, "format"),
        .yaw = json_is_number(yaw) ? json_number_value(yaw) : NAN,
        .width = (unsigned)json_integer_value(json_object_get(from, "width")),
        .height = (unsigned)json_integer_value(json_object_get(from, "height")),
        .bytes = (uint64_t)json_integer_value(json_object_get(from, "bytes")),
    };
    return picture;
}

static bool
read_pictures(const json_t *from, OrfWishRequest *request)
{
    size_t i;
    json_t *each;
    json_array_foreach(json_object_get(from, "pictures"), i, each)
    {
        OrfWishPicture *picture = read_picture(each);
        if (!picture)
            return false;
        g_ptr_array_add(request->pictures, picture);
    }
    const json_t *mask = json_object_get(from, "mask");
    if (json_is_object(mask))
        request->mask = read_picture(mask);
    return !json_is_object(mask) || request->mask;
}

static bool
read_settings(const json_t *from, OrfWishRequest *request)
{
    size_t i;
    json_t *each;
    json_array_foreach(json_object_get(from, "settings"), i, each)
    {
        const char *name = json_string_value(json_array_get(each, 0));
        const char *text = json_string_value(json_array_get(each, 1));
        if (!name || !text)
            return false;
        OrfWishSetting *setting = g_new0(OrfWishSetting, 1);
        *setting = (OrfWishSetting){ g_strdup(name), g_strdup(text), NULL };
        g_ptr_array_add(request->settings, setting);
    }
    return true;
}

static bool
read_request(const json_t *from, OrfWishRequest *request)
{
    if (json_integer_value(json_object_get(from, "v")) != VERSION)
        return false;
    request->generator = take_text(from, "generator");
    request->mode = take_text(from, "mode");
    request->seed = json_integer_value(json_object_get(from, "seed"));
    request->format = take_text(from, "format");
    request->triangles = json_integer_value(json_object_get(from, "triangles"));
    const json_t *parameters = json_object_get(from, "parameters");
    if (!json_is_object(parameters) || !request->generator)
        return false;
    char *text =
        json_dumps(parameters, JSON_COMPACT | JSON_PRESERVE_ORDER | JSON_REAL_PRECISION(15));
    request->parameters = g_strdup(text);
    free(text);
    return read_settings(from, request) && read_pictures(from, request);
}

OrfWishRequest *
orf_wish_request_parse(const char *text, GError **error)
{
    json_t *json = json_loads(text, 0, NULL);
    g_autoptr(OrfWishRequest) request = orf_wish_request_new();
    bool ok = read_request(json, request);
    json_decref(json);
    if (!ok)
        return ORF_FAIL(error, BAD_INPUT,
                        "the stored request is of another version; send the wish again");
    return g_steal_pointer(&request);
}

/* --- Kind and key ------------------------------------------------------------------------- */

static const char *
setting_text(const OrfWishRequest *request, const char *name, const char *fallback)
{
    for (guint i = 0; i < request->settings->len; i++) {
        const OrfWishSetting *setting = request->settings->pdata[i];
        if (g_str_equal(setting->name, name))
            return setting->text;
    }
    return fallback;
}

char *
orf_wish_kind(const OrfWishRequest *request)
{
    const char *quality = setting_text(request, "quality", "standard");
    const char *upto = setting_text(request, "upto", "finished");
    bool plain = g_str_equal(quality, "standard"), whole = g_str_equal(upto, "finished");
    return g_strconcat("generate/", request->generator, plain ? "" : "/", plain ? "" : quality,
                       whole ? "" : "/", whole ? "" : upto, NULL);
}

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

void
orf_wish_key(const OrfWishRequest *request, const char *tenant, char ret[ORF_DIGEST_SIZE])
{
    OrfFields *fields = orf_fields_new(KEY_SCHEME);
    orf_fields_add(fields, tenant);
    orf_fields_add(fields, request->generator);
    orf_fields_add(fields, orf_version());
    orf_fields_add(fields, request->parameters);
    for (guint i = 0; i < request->pictures->len; i++) {
        const OrfWishPicture *picture = request->pictures->pdata[i];
        g_autoptr(GString) yaw = g_string_new(NULL);
        orf_json_number(yaw, picture->yaw);
        orf_fields_add(fields, picture->digest);
        orf_fields_add(fields, yaw->str);
    }
    orf_fields_add(fields, NULL); /* the end of the pictures */
    orf_fields_add(fields, request->mask ? request->mask->digest : NULL);
    orf_fields_end(fields, ret);
}
