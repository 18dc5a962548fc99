/* intake-json.c - a wish as JSON: pictures in base64 or by upload id, parameters as values.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "api/draft-priv.h"

#include <string.h>

#define PIECE ((size_t)48 << 10) /* of base64, a multiple of four */

/* --- Small things ------------------------------------------------------------------------- */

char *
orf_pointer(const char *parent, const char *name)
{
    g_autofree char *valid = g_utf8_make_valid(name, -1);
    g_autoptr(GString) escaped = g_string_new(valid);
    g_string_replace(escaped, "~", "~0", 0);
    g_string_replace(escaped, "/", "~1", 0);
    g_string_truncate(escaped, MIN(escaped->len, 200));
    g_autofree char *whole = g_strconcat(parent, "/", escaped->str, NULL);
    return g_utf8_make_valid(whole, -1);
}

static void
append_scalar(GString *text, const json_t *value)
{
    if (json_is_integer(value))
        g_string_append_printf(text, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
    else if (json_is_real(value))
        orf_json_number(text, json_real_value(value));
    else if (json_is_string(value))
        g_string_append(text, json_string_value(value));
    else
        g_string_append(text, json_is_true(value) ? "true" : "false");
}

/* A zero byte would cut the text short. */
static bool
is_scalar(const json_t *value)
{
    if (json_is_string(value))
        return strlen(json_string_value(value)) == json_string_length(value);
    return json_is_number(value) || json_is_boolean(value);
}

char *
orf_json_value_text(const json_t *value)
{
    g_autoptr(GString) text = g_string_new(NULL);
    if (is_scalar(value)) {
        append_scalar(text, value);
        return g_string_free(g_steal_pointer(&text), FALSE);
    }
    size_t n = json_array_size(value);
    if (!json_is_array(value) || n > MOST_SETTINGS)
        return NULL;
    for (size_t i = 0; i < n; i++) {
        if (!is_scalar(json_array_get(value, i)))
            return NULL;
        g_string_append(text, i ? "," : "");
        append_scalar(text, json_array_get(value, i));
    }
    return g_string_free(g_steal_pointer(&text), FALSE);
}

/* null is the same as not given. */
static void
set_value(OrfDraft *draft, const char *pointer, const char *name, const json_t *value)
{
    if (json_is_null(value))
        return;
    g_autofree char *text = orf_json_value_text(value);
    if (text)
        orf_draft_set(draft, pointer, name, text);
    else
        orf_draft_fault(draft, ORF_PROBLEM_INVALID_PARAMS, pointer,
                        "%s is neither text, number, boolean nor a list of them", name);
}

void
orf_intake_parameters(OrfDraft *draft, const char *parent, const json_t *object)
{
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)object, name, value)
    {
        g_autofree char *pointer = orf_pointer(parent, name);
        set_value(draft, pointer, name, value);
    }
}

void
orf_intake_refuse_url(OrfDraft *draft, const char *pointer)
{
    orf_draft_fault(draft, ORF_PROBLEM_INVALID_PARAMS, pointer,
                    "this server fetches nothing from the network; send the picture itself as "
                    "multipart \"image\" or as \"image_b64\", or POST it to /api/v1/uploads "
                    "and give its id as \"upload_id\"");
}

/* --- Base64 ------------------------------------------------------------------------------- */

/* Behind "data:image/png;base64,". NULL: another kind of data URI. */
static const char *
skip_prefix(const char *text, size_t size, size_t *ret_size)
{
    *ret_size = size;
    if (size < 5 || g_ascii_strncasecmp(text, "data:", 5) != 0)
        return text;
    const char *comma = memchr(text, ',', MIN(size, 256));
    if (!comma || comma - text < 12 || g_ascii_strncasecmp(comma - 7, ";base64", 7) != 0)
        return NULL;
    *ret_size = size - (size_t)(comma + 1 - text);
    return comma + 1;
}

/* The alphabet, blanks, and at the end up to two "=". */
static bool
is_base64(const char *text, size_t size)
{
    size_t digits = 0, pads = 0;
    for (size_t i = 0; i < size; i++) {
        char c = text[i];
        if (c == '\n' || c == '\r' || c == ' ' || c == '\t')
            continue;
        if (c == '=')
            pads++;
        else if (pads || !(g_ascii_isalnum(c) || c == '+' || c == '/'))
            return false;
        else
            digits++;
    }
    return digits && pads <= 2 && digits % 4 != 1 && (!pads || (digits + pads) % 4 == 0);
}

static bool
decode_into(OrfBlobWriter *writer, const char *text, size_t size, GError **error)
{
    int state = 0;
    guint save = 0;
    g_autofree guchar *bytes = g_malloc(PIECE / 4 * 3 + 3);
    for (size_t at = 0; at < size; at += PIECE) {
        size_t n = g_base64_decode_step(text + at, MIN(PIECE, size - at), bytes, &state, &save);
        if (n && !orf_blob_writer_add(writer, bytes, n, error))
            return false;
    }
    /* What comes without padding still holds one or two bytes. */
    size_t n =
        state ? g_base64_decode_step("==", 4 - (size_t)ABS(state), bytes, &state, &save) : 0;
    return !n || orf_blob_writer_add(writer, bytes, n, error);
}

bool
orf_draft_store_base64(OrfDraft *draft, const char *pointer, const char *text, size_t size,
                       char ret_digest[ORF_DIGEST_SIZE])
{
    g_autoptr(GError) error = NULL;
    const char *data = skip_prefix(text, size, &size);
    if (!data || !is_base64(data, size)) {
        orf_draft_fault(draft, ORF_PROBLEM_IMAGE_UNDECODABLE, pointer,
                        "not base64; encode the whole file (RFC 4648, with or without "
                        "\"data:image/...;base64,\")");
        return false;
    }
    const OrfApiOptions *options = &draft->api->options;
    if (!options->store || orf_api_low_on_disk(draft->api)) {
        orf_draft_fault(draft, ORF_PROBLEM_STORAGE_UNAVAILABLE, pointer, "%s",
                        options->store ? "the disk is almost full; send it again later"
                                       : "nothing can be stored now");
        return false;
    }
    g_autoptr(OrfBlobWriter) writer =
        orf_blob_writer_new(options->store, options->max_upload, &error);
    if (writer && decode_into(writer, data, size, &error) &&
        orf_blob_writer_finish(writer, ret_digest, &error))
        return true;
    bool large = g_error_matches(error, ORF_ERROR, ORF_ERROR_TOO_LARGE);
    orf_draft_fault(draft,
                    large ? ORF_PROBLEM_IMAGE_TOO_LARGE : ORF_PROBLEM_STORAGE_UNAVAILABLE,
                    pointer, "%s", error->message);
    return false;
}

/* --- Pictures ----------------------------------------------------------------------------- */

/* A picture being described: by its bytes or by an upload's id. */
typedef struct {
    const json_t *base64, *upload;
    const char *name;
    const json_t *view;
} Described;

/* What it turned out to be. */
typedef struct {
    char digest[ORF_DIGEST_SIZE];
    char *name; /* as it was uploaded; or NULL */
} Found;

static void
found_clear(Found *found)
{
    g_free(found->name);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Found, found_clear)

static bool
is_digest(const char *text)
{
    return text && strlen(text) == ORF_DIGEST_SIZE - 1 &&
           strspn(text, "0123456789abcdef") == ORF_DIGEST_SIZE - 1;
}

/* Only what this tenant uploaded, though blobs are shared. */
static bool
find_upload(OrfDraft *draft, const char *pointer, const char *id, Found *ret)
{
    OrfStore *store = draft->api->options.store;
    g_autoptr(OrfFileRow) row =
        store && is_digest(id)
            ? orf_file_row_get(store, draft->tenant, id, g_get_real_time(), NULL)
            : NULL;
    if (row && is_digest(row->digest)) {
        ret->name = g_strdup(row->name);
        return memcpy(ret->digest, row->digest, ORF_DIGEST_SIZE);
    }
    orf_draft_fault(draft, ORF_PROBLEM_UPLOAD_UNKNOWN, pointer,
                    "no upload has this id, or it has expired; POST the picture to "
                    "/api/v1/uploads");
    return false;
}

static bool
find_picture(OrfDraft *draft, const char *pointer, const Described *it, Found *ret)
{
    if (!it->upload == !it->base64)
        orf_draft_fault(draft, ORF_PROBLEM_INVALID_PARAMS, pointer,
                        "give either the picture's bytes (image_b64) or an upload_id");
    else if (it->upload)
        return find_upload(draft, pointer, json_string_value(it->upload), ret);
    else if (!json_is_string(it->base64))
        orf_draft_fault(draft, ORF_PROBLEM_INVALID_PARAMS, pointer,
                        "the picture is no base64 text");
    else
        return orf_draft_store_base64(draft, pointer, json_string_value(it->base64),
                                      json_string_length(it->base64), ret->digest);
    return false;
}

static void
add_described(OrfDraft *draft, const char *pointer, const Described *it)
{
    g_auto(Found) found = { "", NULL };
    size_t before = orf_draft_n_pictures(draft);
    if (before < ORF_MOST_PICTURES && !find_picture(draft, pointer, it, &found))
        return;
    orf_draft_add_picture(draft, pointer, found.digest, it->name ? it->name : found.name);
    if (!it->view || orf_draft_n_pictures(draft) == before)
        return;
    g_autofree char *view = orf_json_value_text(it->view);
    orf_draft_set_view(draft, pointer, view ? view : "");
}

/* {"image_b64"|"upload_id", "name", "view"}; what else is in it is a fault. */
static Described
describe(OrfDraft *draft, const char *pointer, const json_t *object)
{
    Described it = { 0 };
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)object, name, value)
    {
        if (g_str_equal(name, "image_b64"))
            it.base64 = value;
        else if (g_str_equal(name, "upload_id"))
            it.upload = value;
        else if (g_str_equal(name, "name"))
            it.name = json_string_value(value);
        else if (g_str_equal(name, "view") || g_str_equal(name, "yaw"))
            it.view = value;
        else
            orf_draft_fault(draft, ORF_PROBLEM_INVALID_PARAMS, pointer,
                            "\"%.40s\" is none of image_b64, upload_id, name, view", name);
    }
    return it;
}

static void
read_images(OrfDraft *draft, const json_t *images)
{
    if (!json_is_array(images)) {
        orf_draft_fault(draft, ORF_PROBLEM_INVALID_PARAMS, "#/images", "images is no list");
        return;
    }
    for (size_t i = 0; i < json_array_size(images) && i <= ORF_MOST_PICTURES; i++) {
        const json_t *each = json_array_get(images, i);
        g_autofree char *pointer = g_strdup_printf("#/images/%zu", i);
        Described it = { .base64 = each };
        if (json_is_object(each))
            it = describe(draft, pointer, each);
        add_described(draft, pointer, &it);
    }
}

static void
read_mask(OrfDraft *draft, const json_t *mask)
{
    g_auto(Found) found = { "", NULL };
    Described it = { .base64 = mask };
    if (json_is_object(mask))
        it = describe(draft, "#/mask", mask);
    if (find_picture(draft, "#/mask", &it, &found))
        orf_draft_set_mask(draft, "#/mask", found.digest, it.name ? it.name : found.name);
}

/* --- The body ----------------------------------------------------------------------------- */

static void
read_webhook(OrfDraft *draft, const json_t *webhook)
{
    if (!json_is_object(webhook)) {
        set_value(draft, "#/webhook", "webhook", webhook);
        return;
    }
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)webhook, name, value)
    {
        g_autofree char *pointer = orf_pointer("#/webhook", name);
        if (g_str_equal(name, "url"))
            set_value(draft, pointer, "webhook", value);
        else if (g_str_equal(name, "events"))
            set_value(draft, pointer, "webhook_events", value);
        else
            orf_draft_fault(draft, ORF_PROBLEM_INVALID_PARAMS, pointer,
                            "\"%.40s\" is neither url nor events", name);
    }
}

static void
read_parameters(OrfDraft *draft, const char *pointer, const json_t *value)
{
    if (json_is_object(value))
        orf_intake_parameters(draft, pointer, value);
    else
        orf_draft_fault(draft, ORF_PROBLEM_INVALID_PARAMS, pointer,
                        "the parameters are no JSON object");
}

static void
read_member(OrfDraft *draft, const char *name, const json_t *value)
{
    g_autofree char *pointer = orf_pointer("#", name);
    if (json_is_null(value))
        return;
    if (g_str_equal(name, "image_b64") || g_str_equal(name, "image"))
        add_described(draft, pointer, &(Described){ .base64 = value });
    else if (g_str_equal(name, "upload_id"))
        add_described(draft, pointer, &(Described){ .upload = value });
    else if (g_str_equal(name, "images"))
        read_images(draft, value);
    else if (g_str_equal(name, "mask") || g_str_equal(name, "mask_b64"))
        read_mask(draft, value);
    else if (g_str_equal(name, "image_url"))
        orf_intake_refuse_url(draft, pointer);
    else if (g_str_equal(name, "webhook"))
        read_webhook(draft, value);
    else if (g_str_equal(name, "parameters") || g_str_equal(name, "params"))
        read_parameters(draft, pointer, value);
    else
        set_value(draft, pointer, name, value);
}

void
orf_intake_json(OrfDraft *draft, const json_t *body)
{
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)body, name, value) read_member(draft, name, value);
}
