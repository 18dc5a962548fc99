/* intake.c - bodies to drafts: multipart into blobs while it arrives, or JSON.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * On the transport's thread pieces are hashed and handed to the page cache, nothing more: a
 * body is never whole in memory. What waits for the disk (fsync, renaming) or reads headers of
 * pictures is left to the desk. */
#include "api/wish.h"

#include <string.h>

#define MOST_FIELD ((size_t)64 << 10)
#define MOST_PARAMS ((size_t)256 << 10)

typedef enum { PART_SKIP, PART_FIELD, PART_PARAMS, PART_PICTURE, PART_MASK } Kind;

typedef struct {
    Kind kind;
    OrfBlobWriter *writer;
    char *name; /* of the client's file; or NULL */
    const char *view;
    uint64_t size;
} File;

typedef struct {
    OrfCall *call;
    OrfDraft *draft;
    OrfMultipart *parser;
    GPtrArray *files; /* of File */
    Kind kind;        /* of the part that is coming in */
    char *name;
    GString *text;
    bool storage;    /* a failure is ours, not the client's */
    bool no_picture; /* a file is of another kind */
} Intake;

static void
file_free(void *data)
{
    File *file = data;
    orf_blob_writer_free(file->writer);
    g_free(file->name);
    g_free(file);
}

static void
intake_free(void *data)
{
    Intake *intake = data;
    orf_draft_free(intake->draft);
    orf_multipart_free(intake->parser);
    g_ptr_array_unref(intake->files);
    g_free(intake->name);
    g_string_free(intake->text, TRUE);
    g_free(intake);
}

/* --- Parts -------------------------------------------------------------------------------- */

/* Pictures may come under the side they show. */
static const char *
view_of(const char *name)
{
    static const char *const views[] = { "front", "right", "back", "left" };
    for (size_t i = 0; i < G_N_ELEMENTS(views); i++)
        if (g_str_equal(views[i], name))
            return views[i];
    return NULL;
}

static Kind
kind_of(const char *name, bool is_file)
{
    static const char *const pictures[] = { "image", "images", "image[]", "images[]", NULL };
    if (g_strv_contains(pictures, name) || (is_file && view_of(name)))
        return PART_PICTURE;
    if (g_str_equal(name, "mask"))
        return PART_MASK;
    if (g_str_equal(name, "params") || g_str_equal(name, "parameters"))
        return PART_PARAMS;
    return is_file ? PART_SKIP : PART_FIELD;
}

static bool
begin_file(Intake *intake, const char *name, const char *filename, GError **error)
{
    const OrfApiOptions *options = &intake->call->api->options;
    if (intake->files->len > ORF_MOST_PICTURES)
        return ORF_FALSE(error, BAD_INPUT, "more than %d pictures and a mask",
                         ORF_MOST_PICTURES);
    File *file = g_new0(File, 1);
    *file = (File){ .kind = intake->kind, .name = g_strdup(filename), .view = view_of(name) };
    g_ptr_array_add(intake->files, file);
    intake->storage = true;
    file->writer = orf_blob_writer_new(options->store, options->max_upload, error);
    intake->storage = !file->writer;
    return file->writer;
}

static bool
on_part(const char *name, const char *filename, const char *type, void *data, GError **error)
{
    (void)type;
    Intake *intake = data;
    g_free(intake->name);
    intake->name = g_strdup(name);
    intake->kind = kind_of(name, filename != NULL);
    g_string_truncate(intake->text, 0);
    if (intake->kind == PART_PICTURE || intake->kind == PART_MASK)
        return begin_file(intake, name, filename, error);
    g_autofree char *pointer = orf_pointer("#", name);
    if (intake->kind == PART_SKIP)
        orf_draft_fault(intake->draft, ORF_PROBLEM_INVALID_PARAMS, pointer,
                        "a file named \"%s\" is not expected; send a picture as \"image\"",
                        name);
    return true;
}

static bool
add_text(Intake *intake, const void *piece, size_t size, GError **error)
{
    size_t most = intake->kind == PART_PARAMS ? MOST_PARAMS : MOST_FIELD;
    if (size > most - intake->text->len)
        return ORF_FALSE(error, BAD_INPUT, "the field %s exceeds %zu bytes", intake->name,
                         most);
    g_string_append_len(intake->text, piece, (gssize)size);
    return true;
}

static bool
on_bytes(const void *piece, size_t size, void *data, GError **error)
{
    Intake *intake = data;
    if (intake->kind == PART_SKIP)
        return true;
    if (intake->kind == PART_FIELD || intake->kind == PART_PARAMS)
        return add_text(intake, piece, size, error);
    File *file = intake->files->pdata[intake->files->len - 1];
    const char *name = file->name ? file->name : intake->name;
    if (!file->size && !orf_engine_probe_head(piece, size, name, error)) {
        intake->no_picture = true; /* the rest need not come */
        return false;
    }
    file->size += size;
    intake->storage = true;
    if (orf_api_low_on_disk(intake->call->api))
        return ORF_FALSE(error, UNAVAILABLE, "the disk is almost full; send it again later");
    bool ok = orf_blob_writer_add(file->writer, piece, size, error);
    intake->storage = !ok;
    return ok;
}

static void
end_params(Intake *intake)
{
    g_autofree char *why = NULL;
    json_t *json = orf_json_read_object(intake->text->str, intake->text->len, &why);
    g_autofree char *parent = orf_pointer("#", intake->name);
    if (!json)
        orf_draft_fault(intake->draft, ORF_PROBLEM_INVALID_PARAMS, parent,
                        "%s is no JSON object: %s", intake->name, why);
    else
        orf_intake_parameters(intake->draft, parent, json);
    json_decref(json);
}

static bool
on_end(void *data, GError **error)
{
    (void)error;
    Intake *intake = data;
    g_autofree char *pointer = orf_pointer("#", intake->name);
    if (intake->kind == PART_PARAMS)
        end_params(intake);
    else if (intake->kind != PART_FIELD)
        return true;
    else if (g_str_equal(intake->name, "image_url"))
        orf_intake_refuse_url(intake->draft, pointer);
    else if (strlen(intake->text->str) != intake->text->len)
        orf_draft_fault(intake->draft, ORF_PROBLEM_INVALID_PARAMS, pointer,
                        "the field holds a zero byte");
    else
        orf_draft_set(intake->draft, pointer, intake->name, intake->text->str);
    return true;
}

/* --- The body arrives --------------------------------------------------------------------- */

static void
reply_broken(Intake *intake, const GError *error)
{
    bool ours = intake->storage && !g_error_matches(error, ORF_ERROR, ORF_ERROR_TOO_LARGE);
    if (ours) {
        orf_call_error(intake->call, error);
        return;
    }
    OrfProblemCode code = intake->no_picture ? ORF_PROBLEM_UNSUPPORTED_MEDIA_TYPE
                          : intake->storage  ? ORF_PROBLEM_IMAGE_TOO_LARGE
                                             : ORF_PROBLEM_INVALID_MULTIPART;
    orf_call_problem(intake->call, &(OrfProblem){ .code = code, .detail = error->message });
}

static bool
take_piece(OrfRequest *request, const void *data, size_t size, void *sink_data)
{
    (void)request;
    Intake *intake = sink_data;
    g_autoptr(GError) error = NULL;
    if (orf_multipart_feed(intake->parser, data, size, &error))
        return true;
    reply_broken(intake, error);
    return false;
}

static void
begin_multipart(OrfCall *call, const char *type)
{
    g_autoptr(GError) error = NULL;
    Intake *intake = g_new0(Intake, 1);
    intake->call = call;
    intake->draft = orf_draft_new(call->api, call->who.tenant, "generate");
    intake->files = g_ptr_array_new_with_free_func(file_free);
    intake->text = g_string_new(NULL);
    call->data = intake;
    call->free_data = intake_free;
    OrfPartApp app = { on_part, on_bytes, on_end, intake };
    intake->parser = orf_multipart_new(type, &app, &error);
    if (intake->parser)
        orf_request_set_sink(call->request, take_piece, intake);
    else
        reply_broken(intake, error);
}

bool
orf_call_is(const OrfCall *call, const char *type)
{
    const char *header = orf_request_header(call->request, "Content-Type");
    size_t size = strlen(type);
    return header && g_ascii_strncasecmp(header, type, size) == 0 &&
           strchr("; \t", header[size]);
}

void
orf_intake_begin(OrfCall *call)
{
    if (orf_call_is(call, "multipart/form-data"))
        begin_multipart(call, orf_request_header(call->request, "Content-Type"));
    else if (!orf_call_is(call, "application/json"))
        orf_call_problem(call,
                         &(OrfProblem){ .code = ORF_PROBLEM_UNSUPPORTED_MEDIA_TYPE,
                                        .detail = "the body is neither multipart/form-data nor "
                                                  "application/json",
                                        .hint = "curl -F image=@cup.jpg sends it right." });
}

/* --- The body is complete ----------------------------------------------------------------- */

static bool
finish_file(Intake *intake, File *file, const char *pointer, GError **error)
{
    char digest[ORF_DIGEST_SIZE];
    if (!file->size) {
        orf_draft_fault(intake->draft, ORF_PROBLEM_IMAGE_UNDECODABLE, pointer,
                        "the file is empty; give a picture");
        return true;
    }
    if (!orf_blob_writer_finish(file->writer, digest, error))
        return false;
    if (file->kind == PART_MASK) {
        orf_draft_set_mask(intake->draft, pointer, digest, file->name);
        return true;
    }
    orf_draft_add_picture(intake->draft, pointer, digest, file->name);
    if (file->view)
        orf_draft_set_view(intake->draft, pointer, file->view);
    return true;
}

static bool
finish_files(Intake *intake, GError **error)
{
    for (guint i = 0; i < intake->files->len; i++) {
        File *file = intake->files->pdata[i];
        g_autofree char *pointer = file->kind == PART_MASK ? g_strdup("#/mask")
                                   : intake->files->len == 1
                                       ? g_strdup("#/image")
                                       : g_strdup_printf("#/images/%u", i);
        if (!finish_file(intake, file, pointer, error))
            return false;
    }
    return true;
}

static OrfDraft *
finish_multipart(Intake *intake)
{
    g_autoptr(GError) error = NULL;
    intake->storage = false;
    bool whole = orf_multipart_finish(intake->parser, &error);
    intake->storage = whole;
    if (whole && finish_files(intake, &error))
        return g_steal_pointer(&intake->draft);
    reply_broken(intake, error);
    return NULL;
}

OrfDraft *
orf_intake_finish(OrfCall *call, const char *mode)
{
    OrfDraft *draft = NULL;
    if (call->data) {
        draft = finish_multipart(call->data);
    } else {
        json_t *body = orf_call_json_body(call);
        if (body) {
            draft = orf_draft_new(call->api, call->who.tenant, "generate");
            orf_intake_json(draft, body);
        }
        json_decref(body);
    }
    if (draft && mode)
        orf_draft_set_mode(draft, mode);
    return draft;
}
