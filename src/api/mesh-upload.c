/* mesh-upload.c - POST /api/v1/meshes: a model file comes in.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * While the body arrives it is hashed and handed to the page cache; the desk waits for the
 * disk; a maker reads and measures the file. What cannot be read is refused, and the next sweep
 * takes its bytes. */
#include "api/meshes-priv.h"

#include <string.h>

#define KEEP_US ((int64_t)24 * 3600 * G_USEC_PER_SEC)
#define NAME_MOST 160

typedef struct {
    const OrfApi *api;
    OrfBlobWriter *writer;
    OrfMultipart *parser; /* NULL: the body is the file */
    char *name;           /* as the client calls it; NULL: it said none */
    uint64_t size;
    bool had, skip, storage; /* had: the file's part has begun; storage: a failure is ours */
    char digest[ORF_DIGEST_SIZE];
} Upload;

static void
upload_free(void *data)
{
    Upload *upload = data;
    orf_blob_writer_free(upload->writer);
    orf_multipart_free(upload->parser);
    g_free(upload->name);
    g_free(upload);
}

/* --- Parts -------------------------------------------------------------------------------- */

static void
take_name(Upload *upload, const char *name)
{
    const char *slash = name ? strrchr(name, '/') : NULL;
    if (!name || !*name)
        return;
    g_free(upload->name);
    upload->name = g_utf8_make_valid(slash ? slash + 1 : name, -1);
    if (g_utf8_strlen(upload->name, -1) > NAME_MOST)
        *g_utf8_offset_to_pointer(upload->name, NAME_MOST) = '\0';
}

static bool
on_part(const char *name, const char *filename, const char *type, void *data, GError **error)
{
    (void)type;
    Upload *upload = data;
    if (strcmp(name, "mesh") != 0 && strcmp(name, "file") != 0)
        return ORF_FALSE(error, BAD_INPUT,
                         "the field \"%.40s\" is not known; send the file as "
                         "\"mesh\"",
                         name);
    if (upload->had)
        return ORF_FALSE(error, BAD_INPUT, "more than one file; send one at a time");
    upload->had = true;
    take_name(upload, filename);
    return true;
}

static bool
on_bytes(const void *piece, size_t size, void *data, GError **error)
{
    Upload *upload = data;
    upload->size += size;
    upload->storage = true;
    if (orf_api_low_on_disk(upload->api))
        return ORF_FALSE(error, UNAVAILABLE, "the disk is almost full; send it again later");
    bool ok = orf_blob_writer_add(upload->writer, piece, size, error);
    upload->storage = !ok;
    return ok;
}

static bool
on_end(void *data, GError **error)
{
    (void)data, (void)error;
    return true;
}

/* --- The body ----------------------------------------------------------------------------- */

static void
refuse(OrfCall *call, const Upload *upload, const GError *error)
{
    if (upload->storage || !g_error_matches(error, ORF_ERROR, ORF_ERROR_BAD_INPUT))
        orf_call_error(call, error);
    else
        orf_call_problem(call, &(OrfProblem){ .code = ORF_PROBLEM_INVALID_MULTIPART,
                                              .detail = error->message });
}

static bool
sink(OrfRequest *request, const void *piece, size_t size, void *data)
{
    (void)request;
    OrfCall *call = data;
    Upload *upload = call->data;
    g_autoptr(GError) error = NULL;
    bool taken = upload->parser ? orf_multipart_feed(upload->parser, piece, size, &error)
                                : on_bytes(piece, size, upload, &error);
    if (!taken)
        refuse(call, upload, error);
    return taken;
}

static bool
is_multipart(const OrfCall *call)
{
    const char *type = orf_request_header(call->request, "Content-Type");
    return type && g_ascii_strncasecmp(type, "multipart/", 10) == 0;
}

static void
begin(OrfCall *call)
{
    g_autoptr(GError) error = NULL;
    const OrfApiOptions *options = &call->api->options;
    Upload *upload = g_new0(Upload, 1);
    upload->api = call->api;
    call->data = upload;
    call->free_data = upload_free;
    take_name(upload, orf_call_text(call, "name"));
    upload->storage = true;
    upload->writer = orf_blob_writer_new(options->store, options->max_upload, &error);
    upload->storage = !upload->writer;
    if (upload->writer && is_multipart(call))
        upload->parser =
            orf_multipart_new(orf_request_header(call->request, "Content-Type"),
                              &(OrfPartApp){ on_part, on_bytes, on_end, upload }, &error);
    if (error)
        refuse(call, upload, error);
    else
        orf_request_set_sink(call->request, sink, call);
}

/* --- The file is here --------------------------------------------------------------------- */

static OrfFileRow *
make_row(OrfCall *call, const Upload *upload, const OrfModelRow *model)
{
    OrfFileRow *row = g_new0(OrfFileRow, 1);
    row->id = g_strdup_printf("mesh_%.32s", upload->digest);
    row->tenant = g_strdup(call->who.tenant);
    row->digest = g_strdup(upload->digest);
    row->name = g_strdup(upload->name);
    row->bytes = upload->size;
    row->format = g_strdup(model->format);
    row->created = g_get_real_time();
    row->expires = row->created + KEEP_US;
    return row;
}

static void
register_mesh(OrfCall *call, const OrfDerived *made)
{
    g_autoptr(GError) error = NULL;
    OrfStore *store = call->api->options.store;
    g_autoptr(OrfModelRow) model = orf_model_row_get(store, made->digest, &error);
    if (!model && !error)
        (void)ORF_FAIL(&error, UNAVAILABLE, "the file was erased meanwhile; send it again");
    g_autoptr(OrfFileRow) row = model ? make_row(call, call->data, model) : NULL;
    if (!row || !orf_file_row_put(store, row, &error)) {
        orf_call_error(call, error);
        return;
    }
    g_autofree char *location = g_strdup_printf("/api/v1/meshes/%s", row->id);
    const char *const headers[] = { "Location", location, NULL };
    orf_call_reply_json(call, 201, headers, orf_mesh_row_json(row, model));
}

static void
finish(OrfCall *call)
{
    Upload *upload = call->data;
    g_autoptr(GError) error = NULL;
    if (upload->parser && !orf_multipart_finish(upload->parser, &error)) {
        refuse(call, upload, error);
    } else if (!upload->size) {
        const OrfFault fault = { "#/mesh", "no file, or an empty one" };
        orf_call_problem(call,
                         &(OrfProblem){ .code = ORF_PROBLEM_MESH_UNREADABLE,
                                        .detail = "There is no file in the body.",
                                        .hint = "Send the file's bytes, or a form with the "
                                                "field \"mesh\".",
                                        .faults = &fault,
                                        .n_faults = 1 });
    } else if (!orf_blob_writer_finish(upload->writer, upload->digest, &error)) {
        orf_call_error(call, error);
    } else {
        orf_call_learn(call, upload->digest, register_mesh);
    }
}

const OrfEndpoint orf_endpoint_meshes_post = {
    .method = "POST",
    .path = "/api/v1/meshes",
    .name = "uploadMesh",
    .group = "meshes",
    .summary = "Upload a model file",
    .help = "STL, OBJ, GLB, PLY or 3MF, known by its content; raw, or in a form as `mesh`. It "
            "is read and measured at "
            "once: what is damaged, or unpacks to far more than it should, is refused and the "
            "answer says what is "
            "wrong. Kept for a day. The same bytes have the same id.",
    .permit = ORF_PERMIT_CREATE,
    .cost = 1,
    .desk = true,
    .arguments =
        (const OrfArgument[]){
            { ORF_IN_QUERY,
              ORF_TEXT("name", 0, 160, "",
                       "The file's name, for downloads; a form brings its own.") },
            { 0 },
        },
    .bodies =
        (const OrfBodyKind[]){
            { "multipart/form-data", "MeshForm" },
            { "application/octet-stream", NULL, .also = true },
            { "model/*", NULL, .also = true },
            { 0 },
        },
    .answers =
        (const OrfAnswer[]){
            { 201, "application/json", "Mesh", "What it is" },
            { 413, "application/problem+json", "Problem", "Too large, or a bomb" },
            { 422, "application/problem+json", "Problem", "mesh_unreadable" },
            { 0 },
        },
    .begin = begin,
    .handle = finish,
};
