/* uploads.c - pictures ahead of their jobs: POST, GET and HEAD /api/v1/uploads.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * An upload's id is the SHA-256 of its bytes, so that a client can ask with HEAD whether it
 * needs to send them. */
#include "api/endpoints.h"
#include "api/wish.h"

#include <string.h>

#define KEEP_US ((int64_t)24 * 3600 * G_USEC_PER_SEC)

/* --- A raw body --------------------------------------------------------------------------- */

typedef struct {
    OrfCall *call;
    OrfBlobWriter *writer;
    bool begun;
} Raw;

static void
raw_free(void *data)
{
    Raw *raw = data;
    orf_blob_writer_free(raw->writer);
    g_free(raw);
}

static bool
take_piece(OrfRequest *request, const void *data, size_t size, void *sink_data)
{
    (void)request;
    Raw *raw = sink_data;
    g_autoptr(GError) error = NULL;
    if (!raw->begun && !orf_engine_probe_head(data, size, "body", &error)) {
        orf_call_problem(raw->call, &(OrfProblem){ .code = ORF_PROBLEM_UNSUPPORTED_MEDIA_TYPE,
                                                   .detail = error->message });
        return false;
    }
    raw->begun = true;
    if (orf_api_low_on_disk(raw->call->api))
        (void)ORF_FALSE(&error, UNAVAILABLE, "the disk is almost full; send it again later");
    else if (orf_blob_writer_add(raw->writer, data, size, &error))
        return true;
    orf_call_error(raw->call, error);
    return false;
}

static void
begin(OrfCall *call)
{
    if (orf_call_is(call, "multipart/form-data")) {
        orf_intake_begin(call);
        return;
    }
    g_autoptr(GError) error = NULL;
    Raw *raw = g_new0(Raw, 1);
    raw->call = call;
    raw->writer =
        orf_blob_writer_new(call->api->options.store, call->api->options.max_upload, &error);
    call->data = raw;
    call->free_data = raw_free;
    if (raw->writer)
        orf_request_set_sink(call->request, take_piece, raw);
    else
        orf_call_error(call, error);
}

/* --- Keeping it --------------------------------------------------------------------------- */

static char *
upload_json(const OrfFileRow *row)
{
    char expires[ORF_TIME_SIZE];
    orf_time_text(row->expires, expires);
    g_autoptr(OrfJson) json = orf_json_new();
    orf_json_begin_object(json, NULL);
    orf_json_add_text(json, "id", row->id);
    orf_json_add_text(json, "expires_at", expires);
    orf_json_add_text(json, "name", row->name);
    orf_json_add_int(json, "bytes", (int64_t)row->bytes);
    orf_json_add_text(json, "format", row->format);
    orf_json_add_int(json, "width", row->width);
    orf_json_add_int(json, "height", row->height);
    orf_json_end(json);
    return orf_json_steal(json);
}

static void
keep(OrfCall *call, const OrfJobInput *picture)
{
    g_autoptr(GError) error = NULL;
    int64_t now = g_get_real_time();
    OrfFileRow row = { .id = picture->digest,
                       .tenant = (char *)call->who.tenant,
                       .digest = picture->digest,
                       .name = picture->name,
                       .bytes = picture->bytes,
                       .format = picture->format,
                       .width = picture->width,
                       .height = picture->height,
                       .created = now,
                       .expires = now + KEEP_US };
    if (!orf_file_row_put(call->api->options.store, &row, &error)) {
        orf_call_error(call, error);
        return;
    }
    g_autofree char *location = g_strconcat("/api/v1/uploads/", row.id, NULL);
    orf_call_reply_json(call, 201, (const char *[]){ "Location", location, NULL },
                        upload_json(&row));
}

static OrfDraft *
draft_of_raw(OrfCall *call)
{
    Raw *raw = call->data;
    char digest[ORF_DIGEST_SIZE];
    g_autoptr(GError) error = NULL;
    if (!orf_blob_writer_finish(raw->writer, digest, &error)) {
        orf_call_error(call, error);
        return NULL;
    }
    OrfDraft *draft = orf_draft_new(call->api, call->who.tenant, "generate");
    orf_draft_add_picture(draft, "#", digest, NULL);
    return draft;
}

static void
upload(OrfCall *call)
{
    bool form = orf_call_is(call, "multipart/form-data");
    g_autoptr(OrfDraft) draft = form ? orf_intake_finish(call, NULL) : draft_of_raw(call);
    if (!draft)
        return;
    if (orf_draft_n_pictures(draft) != 1)
        orf_draft_fault(draft, ORF_PROBLEM_INVALID_PARAMS, "#",
                        "send one picture, as \"image\" or as the body");
    const OrfJobRequest *request = orf_draft_check(draft);
    if (request) {
        keep(call, request->inputs->pdata[0]);
        return;
    }
    OrfProblem problem = orf_draft_problem(draft);
    orf_call_problem(call, &problem);
}

const OrfEndpoint orf_endpoint_upload = {
    .method = "POST",
    .path = "/api/v1/uploads",
    .name = "upload",
    .group = "generate",
    .summary = "Send a picture ahead of its job",
    .help =
        "The answer's id is the SHA-256 of the file: HEAD /api/v1/uploads/{id} tells whether "
        "it is there already. It is kept for a day; jobs keep what they use.",
    .permit = ORF_PERMIT_CREATE,
    .cost = 1,
    .desk = true,
    .bodies = (const OrfBodyKind[]){ { "multipart/form-data", "UploadForm" },
                                     { "image/*", NULL, .also = true },
                                     { "application/octet-stream", NULL, .also = true },
                                     { 0 } },
    .answers =
        (const OrfAnswer[]){ { 201, "application/json", "Upload", "it is stored" }, { 0 } },
    .begin = begin,
    .handle = upload,
};

/* --- Is it there? ------------------------------------------------------------------------- */

static void
show(OrfCall *call)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(OrfFileRow) row =
        orf_file_row_get(call->api->options.store, call->who.tenant, orf_call_text(call, "id"),
                         g_get_real_time(), &error);
    if (row)
        orf_call_reply_json(call, 200, NULL, upload_json(row));
    else
        orf_call_error(call, error);
}

const OrfEndpoint orf_endpoint_get_upload = {
    .method = "GET",
    .path = "/api/v1/uploads/{id}",
    .name = "getUpload",
    .group = "generate",
    .summary = "Is this picture here already?",
    .help = "404 when it is not, or not any more.",
    .permit = ORF_PERMIT_READ,
    .desk = true,
    .arguments =
        (const OrfArgument[]){
            { ORF_IN_PATH, ORF_TEXT("id", 64, 64, "", "SHA-256 of the file, in hex.") },
            { 0 },
        },
    .answers =
        (const OrfAnswer[]){ { 200, "application/json", "Upload", "it is here" }, { 0 } },
    .handle = show,
};
