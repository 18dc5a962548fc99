/* draft-check.c - the draft judged as a whole, and handed to the queue.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Pictures are judged by their headers alone: nothing is decoded before a job runs. */
#include "api/draft-priv.h"

#include <math.h>
#include <string.h>
#include <unistd.h>

/* --- Settings ----------------------------------------------------------------------------- */

static OrfJobSetting *
find_setting(const OrfDraft *draft, const char *name)
{
    const GPtrArray *settings = draft->request->settings;
    for (guint i = 0; i < settings->len; i++) {
        OrfJobSetting *setting = settings->pdata[i];
        if (g_str_equal(setting->name, name))
            return setting;
    }
    return NULL;
}

static int
by_name(const void *a, const void *b)
{
    const OrfJobSetting *const *x = a, *const *y = b;
    return strcmp((*x)->name, (*y)->name);
}

/* The mode "preview" is the parameter upto=preview. */
static void
apply_mode(OrfDraft *draft)
{
    draft->request->mode = g_strdup(orf_draft_mode(draft));
    if (!g_str_equal(draft->request->mode, "preview"))
        return;
    const OrfJobSetting *upto = find_setting(draft, "upto");
    if (!upto)
        orf_draft_set(draft, "#/mode", "upto", "preview");
    else if (!g_str_equal(upto->text, "preview"))
        orf_draft_fault(draft, ORF_PROBLEM_INVALID_PARAMS, upto->pointer,
                        "upto=%s contradicts mode=preview; give one of them", upto->text);
}

/* "random" draws a seed; it is stored and told, so that the run can be repeated. */
static void
draw_seed(OrfDraft *draft)
{
    OrfJobSetting *seed = find_setting(draft, "seed");
    if (!seed || !g_str_equal(seed->text, "random"))
        return;
    draft->seed_said = seed->text;
    seed->text = g_strdup_printf("%u", g_random_int());
}

static void
on_setting_fault(const char *pointer, const GError *error, void *data)
{
    orf_draft_fault_error(data, pointer, error);
}

static char *
generator_names(void)
{
    GString *names = g_string_new(NULL);
    OrfGeneratorInfo info;
    for (size_t i = 0; orf_engine_generator(i, &info); i++)
        g_string_append_printf(names, "%s%s", i ? ", " : "", info.name);
    return g_string_free(names, FALSE);
}

static void
check_settings(OrfDraft *draft)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(OrfOrder) order =
        orf_request_order(draft->request, on_setting_fault, draft, &error);
    if (order) {
        orf_request_settle(draft->request, order);
        return;
    }
    g_autofree char *names = generator_names();
    orf_draft_fault(draft, ORF_PROBLEM_INVALID_PARAMS, orf_draft_pointer(draft, "generator"),
                    "no generator \"%s\"; there are %s", draft->request->generator, names);
}

/* --- Inputs ------------------------------------------------------------------------------- */

static OrfProblemCode
code_of(const GError *error)
{
    if (g_error_matches(error, ORF_ERROR, ORF_ERROR_TOO_LARGE))
        return ORF_PROBLEM_IMAGE_TOO_LARGE;
    if (g_error_matches(error, ORF_ERROR, ORF_ERROR_UNSUPPORTED))
        return ORF_PROBLEM_UNSUPPORTED_MEDIA_TYPE;
    return ORF_PROBLEM_IMAGE_UNDECODABLE;
}

static bool
check_size(OrfDraft *draft, const OrfJobInput *picture, const OrfPictureInfo *info)
{
    uint64_t pixels = (uint64_t)info->width * info->height;
    if (info->vector || pixels <= draft->api->options.max_pixels)
        return true;
    orf_draft_fault(draft, ORF_PROBLEM_IMAGE_TOO_LARGE, picture->pointer,
                    "%s: %u x %u are %.1f megapixels, at most %.1f are taken; make it smaller",
                    picture->name, info->width, info->height, (double)pixels / 1e6,
                    (double)draft->api->options.max_pixels / 1e6);
    return false;
}

static void
blame_missing(OrfDraft *draft, const OrfJobInput *input)
{
    orf_draft_fault(draft, ORF_PROBLEM_UPLOAD_UNKNOWN, input->pointer,
                    "%s: nothing is stored under %s; POST it to /api/v1/%s first", input->name,
                    input->digest,
                    draft->operation->takes == ORF_TAKES_PICTURES ? "uploads" : "meshes");
}

/* Whether it is a model the run will see. */
static void
check_model(OrfDraft *draft, OrfJobInput *model)
{
    int fd = orf_blob_open(draft->api->options.store, model->digest, &model->bytes, NULL);
    if (fd < 0)
        blame_missing(draft, model);
    else
        close(fd);
}

/* False with a fault. Many that come at one time are looked at one after the other: each is as
 * large as what was sent. */
static bool
probe(OrfDraft *draft, OrfJobInput *picture, OrfPictureInfo *ret_info)
{
    g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&draft->api->looking);
    (void)locker;
    g_autoptr(GError) error = NULL;
    g_autoptr(GBytes) bytes = orf_blob_get(draft->api->options.store, picture->digest, NULL);
    if (!bytes) {
        blame_missing(draft, picture);
        return false;
    }
    picture->bytes = g_bytes_get_size(bytes);
    if (orf_engine_probe(bytes, picture->name, ret_info, &error))
        return true;
    orf_draft_fault(draft, code_of(error), picture->pointer, "%s", error->message);
    return false;
}

static void
check_picture(OrfDraft *draft, OrfJobInput *picture)
{
    OrfPictureInfo info;
    if (!probe(draft, picture, &info) || !check_size(draft, picture, &info))
        return;
    g_free(picture->format);
    picture->format = g_strdup(info.format);
    picture->width = info.width;
    picture->height = info.height;
}

static void
check_inputs(OrfDraft *draft)
{
    OrfJobRequest *request = draft->request;
    bool pictures = draft->operation->takes == ORF_TAKES_PICTURES;
    for (guint i = 0; i < request->inputs->len; i++)
        (pictures ? check_picture : check_model)(draft, request->inputs->pdata[i]);
    if (request->mask)
        check_picture(draft, request->mask);
}

/* As the operation's row says. */
static void
check_count(OrfDraft *draft)
{
    g_autoptr(GError) error = NULL;
    if (draft->request->mask)
        orf_draft_fault(draft, ORF_PROBLEM_INVALID_PARAMS, "#/mask", "%s takes no mask",
                        draft->operation->name);
    g_autoptr(OrfOrder) order = orf_request_known(draft->request, NULL);
    if (order && !draft->lost_picture && !orf_order_check(order, &error))
        orf_draft_fault(draft, ORF_PROBLEM_INVALID_PARAMS, "#/inputs", "%s", error->message);
}

/* As the generator's row says. */
static void
check_pictures(OrfDraft *draft)
{
    const char *generator = draft->request->generator;
    unsigned n = draft->request->inputs->len, least, most;
    if (!orf_engine_pictures(generator, &least, &most, NULL))
        return; /* told by check_settings */
    if (n < least && !draft->lost_picture)
        orf_draft_fault(draft, ORF_PROBLEM_INVALID_PARAMS, "#/image",
                        n ? "%s needs at least %u pictures; send more"
                          : "%s needs a picture; send it as \"image\" (%u at least)",
                        generator, least);
    if (n > most)
        orf_draft_fault(draft, ORF_PROBLEM_INVALID_PARAMS, "#/images",
                        most ? "%s takes at most %u pictures; for several sides of one object "
                               "use the generator hull with views"
                             : "%s takes no picture (%u); leave it out",
                        generator, most);
    if (draft->request->mask && !n)
        orf_draft_fault(draft, ORF_PROBLEM_INVALID_PARAMS, "#/mask",
                        "a mask without a picture; send the picture");
}

static void
check_webhook(OrfDraft *draft)
{
    const char *url = orf_params_text(draft->fields, "webhook");
    if (*url && !g_str_has_prefix(url, "https://") && !g_str_has_prefix(url, "http://"))
        orf_draft_fault(draft, ORF_PROBLEM_INVALID_PARAMS, orf_draft_pointer(draft, "webhook"),
                        "webhook is no http or https URL");
}

const OrfJobRequest *
orf_draft_check(OrfDraft *draft)
{
    OrfJobRequest *request = draft->request;
    if (!draft->checked) {
        draft->checked = true;
        if (draft->operation->recipe) {
            g_free(request->generator);
            request->generator = g_strdup(orf_params_text(draft->fields, "generator"));
            apply_mode(draft);
        }
        draw_seed(draft);
        g_ptr_array_sort(request->settings, by_name);
        check_settings(draft);
        (draft->operation->recipe ? check_pictures : check_count)(draft);
        orf_draft_read_views(draft);
        check_webhook(draft);
        orf_draft_webhook_events(draft);
        orf_draft_deadline(draft, g_get_real_time());
        check_inputs(draft);
    }
    return orf_draft_has_faults(draft) ? NULL : request;
}

bool
orf_draft_is_heavy(const OrfDraft *draft)
{
    g_autoptr(OrfOrder) order = orf_request_known(draft->request, NULL);
    return orf_order_is_heavy(NULL, order);
}

/* --- As the queue takes it ---------------------------------------------------------------- */

void
orf_draft_wish(OrfDraft *draft, OrfWish *ret)
{
    g_autoptr(OrfOrder) order = orf_request_known(draft->request, NULL); /* it was checked */
    g_free(draft->kind);
    draft->kind = orf_order_kind(order);
    g_free(draft->key);
    draft->key = orf_order_digest(draft->api->options.engine, order);
    const char *webhook = orf_params_text(draft->fields, "webhook");
    *ret = (OrfWish){
        .tenant = draft->tenant,
        .kind = draft->kind,
        .key = draft->key,
        .request = draft->request,
        .priority = orf_draft_priority(draft),
        .deadline_us = orf_draft_deadline(draft, g_get_real_time()),
        .webhook_url = *webhook ? webhook : NULL,
        .webhook_events = *webhook ? orf_draft_webhook_events(draft) : 0,
        .no_cache = draft->no_cache,
    };
}

/* --- From a stored request ---------------------------------------------------------------- */

void
orf_draft_load(OrfDraft *draft, const OrfJobRequest *from)
{
    if (from->generator)
        orf_draft_set(draft, "#/generator", "generator", from->generator);
    if (from->mode)
        orf_draft_set(draft, "#/mode", "mode", from->mode);
    for (guint i = 0; i < from->settings->len; i++) {
        const OrfJobSetting *setting = from->settings->pdata[i];
        orf_draft_set(draft, "#/parameters", setting->name, setting->text);
    }
    for (guint i = 0; i < from->inputs->len; i++) {
        const OrfJobInput *picture = from->inputs->pdata[i];
        orf_draft_add_picture(draft, "#/images", picture->digest, picture->name);
        OrfJobInput *added = draft->request->inputs->pdata[i];
        added->yaw = picture->yaw;
    }
    if (from->mask)
        orf_draft_set_mask(draft, "#/mask", from->mask->digest, from->mask->name);
    orf_draft_set_file(draft, from->format, from->triangles);
}

/* --- Idempotency -------------------------------------------------------------------------- */

static void
add_picture_fields(OrfFields *fields, const OrfJobInput *picture)
{
    g_autoptr(GString) yaw = g_string_new(NULL);
    orf_json_number(yaw, picture->yaw);
    orf_fields_add(fields, picture->digest);
    orf_fields_add(fields, yaw->str);
}

void
orf_draft_fingerprint(const OrfDraft *draft, const char *route, char ret[ORF_DIGEST_SIZE])
{
    const OrfJobRequest *request = draft->request;
    OrfFields *fields = orf_fields_new("orfeas-wish-1");
    orf_fields_add(fields, route);
    g_autofree char *said = orf_params_canonical(draft->fields);
    orf_fields_add(fields, said);
    for (guint i = 0; i < request->settings->len; i++) {
        const OrfJobSetting *setting = request->settings->pdata[i];
        bool drawn = draft->seed_said && g_str_equal(setting->name, "seed");
        orf_fields_add(fields, setting->name);
        orf_fields_add(fields, drawn ? draft->seed_said : setting->text);
    }
    for (guint i = 0; i < request->inputs->len; i++)
        add_picture_fields(fields, request->inputs->pdata[i]);
    if (request->mask)
        add_picture_fields(fields, request->mask);
    orf_fields_add(fields, request->format);
    orf_fields_end(fields, ret);
}
