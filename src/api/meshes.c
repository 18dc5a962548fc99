/* meshes.c - /api/v1/meshes/{id}: an uploaded model file, its measures, other formats, a
 * picture of it.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "api/meshes-priv.h"

#include "engine/engine.h"

#include <string.h>
#include <unistd.h>

/* Its bytes never change, but it may be deleted. */
#define CACHE "private, max-age=3600"

/* --- The row ------------------------------------------------------------------------------ */

/* NULL: it has replied. */
static OrfFileRow *
find_mesh(OrfCall *call)
{
    g_autoptr(GError) error = NULL;
    OrfFileRow *row = orf_file_row_get(call->api->options.store, call->who.tenant,
                                       call->path_values[0], g_get_real_time(), &error);
    if (row)
        return row;
    if (g_error_matches(error, ORF_ERROR, ORF_ERROR_NOT_FOUND))
        orf_call_problem(call, &(OrfProblem){ .code = ORF_PROBLEM_NOT_FOUND,
                                              .detail = "No mesh has this id.",
                                              .hint = "Meshes are kept for a day." });
    else
        orf_call_error(call, error);
    return NULL;
}

/* With what was measured of it. NULL: it has replied. */
static OrfFileRow *
find_model(OrfCall *call, OrfModelRow **ret_model)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(OrfFileRow) row = find_mesh(call);
    if (!row)
        return NULL;
    *ret_model = orf_model_row_get(call->api->options.store, row->digest, &error);
    if (*ret_model)
        return g_steal_pointer(&row);
    if (error)
        orf_call_error(call, error);
    else
        orf_call_problem(
            call, &(OrfProblem){ .code = ORF_PROBLEM_NOT_FOUND, .detail = "This is no mesh." });
    return NULL;
}

static void
add_time(OrfJson *json, const char *name, int64_t time)
{
    char text[ORF_TIME_SIZE];
    orf_time_text(time, text);
    orf_json_add_text(json, name, text);
}

static void
add_links(OrfJson *json, const char *id)
{
    static const struct {
        const char *name, *path;
    } links[] = { { "self", "" },
                  { "file", "/file" },
                  { "analysis", "/analysis" },
                  { "convert", "/convert" },
                  { "view", "/view" } };
    orf_json_begin_object(json, "links");
    for (size_t i = 0; i < G_N_ELEMENTS(links); i++) {
        g_autofree char *url = g_strdup_printf("/api/v1/meshes/%s%s", id, links[i].path);
        orf_json_add_text(json, links[i].name, url);
    }
    orf_json_end(json);
}

static void
add_warnings(OrfJson *json, char **warnings)
{
    orf_json_add_texts(json, "warnings", (const char *const *)warnings,
                       warnings ? g_strv_length(warnings) : 0);
}

char *
orf_mesh_row_json(const OrfFileRow *row, const OrfModelRow *model)
{
    g_autoptr(OrfJson) json = orf_json_new();
    orf_json_begin_object(json, NULL);
    orf_json_add_text(json, "id", row->id);
    orf_json_add_text(json, "sha256", row->digest);
    orf_json_add_text(json, "name", row->name);
    orf_json_add_text(json, "format", model->format);
    orf_json_add_int(json, "bytes", (int64_t)row->bytes);
    add_warnings(json, model->warnings);
    orf_json_add_int(json, "triangles", (int64_t)model->triangles);
    orf_json_add_int(json, "vertices", (int64_t)model->vertices);
    orf_json_begin_array(json, "size_mm");
    for (int i = 0; i < 3; i++)
        orf_json_add_rounded(json, NULL, model->size_mm[i], 6);
    orf_json_end(json);
    orf_json_add_bool(json, "solid", model->solid);
    add_time(json, "created_at", row->created);
    add_time(json, "expires_at", row->expires);
    add_links(json, row->id);
    orf_json_end(json);
    return orf_json_steal(json);
}

/* --- Files -------------------------------------------------------------------------------- */

/* What a download needs to know when the file has been made; the call's data. */
typedef struct {
    char *id, *stem, *format;
    const char *type, *extension, *how; /* static */
    bool link;                          /* answer with its address */
} Download;

static void
download_free(void *data)
{
    Download *download = data;
    g_free(download->id);
    g_free(download->stem);
    g_free(download->format);
    g_free(download);
}

static char *
stem_of(const OrfFileRow *row)
{
    char *stem = g_strdup(row->name && *row->name ? row->name : "mesh");
    char *dot = strrchr(stem, '.');
    if (dot && dot > stem)
        *dot = '\0';
    return stem;
}

static Download *
set_download(OrfCall *call, const OrfFileRow *row, const char *format)
{
    Download *download = g_new0(Download, 1);
    download->id = g_strdup(row->id);
    download->stem = stem_of(row);
    download->format = g_strdup(format);
    download->how = "attachment";
    download->type = orf_engine_file_type(format, &download->extension);
    call->data = download;
    call->free_data = download_free;
    return download;
}

static void
reply_link(OrfCall *call, const Download *download, const char *digest)
{
    g_autoptr(GString) out = g_string_new(NULL);
    uint64_t size = 0;
    int fd = orf_blob_open(call->api->options.store, digest, &size, NULL);
    if (fd >= 0)
        close(fd);
    g_string_append_printf(
        out,
        "{\"mesh\":\"%s\",\"format\":\"%s\",\"type\":\"%s\",\"sha256\":\"%s\","
        "\"bytes\":%" G_GUINT64_FORMAT ",\"url\":\"/api/v1/meshes/%s/file?format=%s\"}",
        download->id, download->format, download->type, digest, size, download->id,
        download->format);
    orf_call_reply_json(call, 200, NULL, g_string_free(g_steal_pointer(&out), FALSE));
}

static void
reply_download(OrfCall *call, const OrfDerived *made)
{
    const Download *download = call->data;
    if (download->link) {
        reply_link(call, download, made->digest);
        return;
    }
    OrfBlobAnswer answer = { .digest = made->digest,
                             .type = download->type,
                             .how = download->how,
                             .stem = download->stem,
                             .extension = download->extension,
                             .cache = CACHE };
    orf_call_reply_blob(call, &answer, ORF_PROBLEM_NOT_FOUND);
}

/* The file as it came, when that is its format. Only an OBJ would come back as another thing
 * than it was. */
static void
send_as(OrfCall *call, const OrfFileRow *row, const char *format, bool link)
{
    const char *own = row->format;
    bool as_is = own && (!format || !*format || strcmp(format, own) == 0);
    Download *download = set_download(call, row, as_is ? own : format);
    download->link = link;
    if (as_is && strcmp(own, "obj") == 0) {
        download->type = "model/obj";
        download->extension = "obj";
    }
    OrfDerived file = { 0 };
    g_strlcpy(file.digest, row->digest, sizeof file.digest);
    if (as_is)
        reply_download(call, &file);
    else
        orf_call_derive_as(call, row->digest, download->format, reply_download);
}

/* --- Reading ------------------------------------------------------------------------------ */

static void
get_mesh(OrfCall *call)
{
    g_autoptr(OrfModelRow) model = NULL;
    g_autoptr(OrfFileRow) row = find_model(call, &model);
    if (row)
        orf_call_reply_json(call, 200, NULL, orf_mesh_row_json(row, model));
}

static void
get_file(OrfCall *call)
{
    g_autoptr(OrfFileRow) row = find_mesh(call);
    if (row)
        send_as(call, row, orf_call_text(call, "format"), false);
}

static void
delete_mesh(OrfCall *call)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(OrfFileRow) row = find_mesh(call);
    if (!row)
        return;
    OrfStore *store = call->api->options.store;
    if (!orf_file_row_delete(store, call->who.tenant, row->id, &error)) {
        orf_call_error(call, error);
        return;
    }
    orf_blob_drop(store, (const char *const *)&row->digest, 1, row->created);
    orf_call_reply(call, &(OrfReply){ .status = 204 });
}

static void
get_view(OrfCall *call)
{
    g_autoptr(OrfFileRow) row = find_mesh(call);
    if (!row)
        return;
    Download *download = set_download(call, row, "png");
    download->type = "image/png";
    download->extension = "png";
    download->how = "inline";
    orf_call_derive_view(call, row->digest, reply_download);
}

/* --- Measures ----------------------------------------------------------------------------- */

/* `measures` is JSON. */
static void
reply_measures(OrfCall *call, const OrfModelRow *model, const char *measures)
{
    g_autoptr(OrfJson) json = orf_json_new();
    orf_json_begin_object(json, NULL);
    orf_json_add_text(json, "mesh", call->path_values[0]);
    orf_json_add_text(json, "format", model->format);
    orf_json_add_raw(json, "measures", measures);
    add_warnings(json, model->warnings);
    orf_json_end(json);
    orf_call_reply_json(call, 200, NULL, orf_json_steal(json));
}

static void
reply_crossings(OrfCall *call, const OrfDerived *made)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(OrfModelRow) model = NULL;
    g_autoptr(GBytes) bytes = orf_blob_get(call->api->options.store, made->digest, &error);
    g_autoptr(OrfFileRow) row = bytes ? find_model(call, &model) : NULL;
    if (!bytes)
        orf_call_error(call, error);
    if (!row)
        return;
    size_t size;
    const char *text = g_bytes_get_data(bytes, &size);
    g_autofree char *measures = g_strndup(text, size);
    reply_measures(call, model, measures);
}

static void
get_analysis(OrfCall *call)
{
    g_autoptr(OrfModelRow) model = NULL;
    g_autoptr(OrfFileRow) row = find_model(call, &model);
    if (!row)
        return;
    const char *crossings = orf_call_text(call, "crossings");
    if (crossings && (strcmp(crossings, "true") == 0 || strcmp(crossings, "1") == 0))
        orf_call_derive(call, row->digest, &(OrfDerivation){ "measure", NULL },
                        reply_crossings);
    else
        reply_measures(call, model, model->measures);
}

/* --- Converting --------------------------------------------------------------------------- */

/* The member "format"; NULL: it has replied. Borrowed from the body. */
static const char *
read_format(OrfCall *call, json_t *body)
{
    const char *format = json_string_value(json_object_get(body, "format"));
    bool known = format && orf_engine_file_type(format, NULL);
    if (known && json_object_size(body) == 1)
        return format;
    g_autofree char *names = g_strjoinv(", ", (char **)orf_format_names());
    g_autofree char *one = g_strdup_printf("one of %s", names);
    const OrfFault fault = { known ? "#" : "#/format",
                             known ? "\"format\" is the only member" : one };
    orf_call_problem(call, &(OrfProblem){ .code = ORF_PROBLEM_INVALID_PARAMS,
                                          .detail = "The wish cannot be understood.",
                                          .hint = "Send {\"format\":\"stl\"}.",
                                          .faults = &fault,
                                          .n_faults = 1 });
    return NULL;
}

static bool
wants_link(OrfCall *call, const char *format)
{
    const char *types[] = { orf_engine_file_type(format, NULL), "application/octet-stream",
                            "application/json", NULL };
    return orf_call_accepts(call, types) == 2;
}

static void
convert(OrfCall *call)
{
    json_t *body = orf_call_json_body(call);
    if (!body)
        return;
    const char *format = read_format(call, body);
    g_autoptr(OrfFileRow) row = format ? find_mesh(call) : NULL;
    if (row)
        send_as(call, row, format, wants_link(call, format));
    json_decref(body);
}

/* --- The endpoints ------------------------------------------------------------------------ */

#define ID                                                                                     \
    {                                                                                          \
        ORF_IN_PATH, ORF_TEXT("id", 0, 64, "", "The mesh.")                                    \
    }

static const OrfArgument id_arguments[] = { ID, { 0 } };

static const OrfAnswer file_answers[] = {
    { 200, "model/*", NULL, "The file, under its own media type" },
    { 200, "application/zip", NULL, "An obj with its materials and pictures" },
    { 206, "model/*", NULL, "The part of it that Range asks for" },
    { 206, "application/zip", NULL, "The same of an obj" },
    { 304, NULL, NULL, "The client has it" },
    { 404, "application/problem+json", "Problem", "No mesh has this id" },
    { 0 },
};

const OrfEndpoint orf_endpoint_mesh = {
    .method = "GET",
    .path = "/api/v1/meshes/{id}",
    .name = "getMesh",
    .group = "meshes",
    .summary = "What an uploaded file is",
    .help = "Its format, size and counts.",
    .permit = ORF_PERMIT_READ,
    .desk = true,
    .arguments = id_arguments,
    .answers =
        (const OrfAnswer[]){
            { 200, "application/json", "Mesh", "The mesh" },
            { 404, "application/problem+json", "Problem", "No mesh has this id" },
            { 0 },
        },
    .handle = get_mesh,
};

const OrfEndpoint orf_endpoint_mesh_file = {
    .method = "GET",
    .path = "/api/v1/meshes/{id}/file",
    .name = "getMeshFile",
    .group = "meshes",
    .summary = "Download it",
    .help = "As it came, or converted. A format that it does not have yet is made when it is "
            "first asked for.",
    .permit = ORF_PERMIT_READ,
    .desk = true,
    .arguments =
        (const OrfArgument[]){
            ID,
            { ORF_IN_QUERY, ORF_CHOICE("format", orf_engine_formats, "", "None: as it came.") },
            { 0 },
        },
    .answers = file_answers,
    .handle = get_file,
};

const OrfEndpoint orf_endpoint_mesh_view = {
    .method = "GET",
    .path = "/api/v1/meshes/{id}/view",
    .name = "viewMesh",
    .group = "meshes",
    .summary = "See it",
    .help =
        "A picture from the front, the side, above and three quarters, drawn by the server.",
    .permit = ORF_PERMIT_READ,
    .desk = true,
    .arguments =
        (const OrfArgument[]){
            ID,
            { ORF_IN_QUERY, ORF_VIEW_WIDTH },
            { 0 },
        },
    .answers =
        (const OrfAnswer[]){
            { 200, "image/png", NULL, "The picture" },
            { 304, NULL, NULL, "The client has it" },
            { 0 },
        },
    .handle = get_view,
};

const OrfEndpoint orf_endpoint_mesh_analysis = {
    .method = "GET",
    .path = "/api/v1/meshes/{id}/analysis",
    .name = "analyseMesh",
    .group = "meshes",
    .summary = "Measure it",
    .help = "Counts, size, volume, area, and whether it is closed, manifold, oriented: a "
            "printable solid.",
    .permit = ORF_PERMIT_READ,
    .desk = true,
    .arguments =
        (const OrfArgument[]){
            ID,
            { ORF_IN_QUERY,
              ORF_BOOL("crossings", "false",
                       "Count faces that cross each other, too; that takes longer than all the "
                       "rest.") },
            { 0 },
        },
    .answers =
        (const OrfAnswer[]){
            { 200, "application/json", "MeshAnalysis", "The measures" },
            { 404, "application/problem+json", "Problem", "No mesh has this id" },
            { 0 },
        },
    .handle = get_analysis,
};

const OrfEndpoint orf_endpoint_mesh_convert = {
    .method = "POST",
    .path = "/api/v1/meshes/{id}/convert",
    .name = "convertMesh",
    .group = "meshes",
    .summary = "Convert it",
    .help = "Answers with the file; with `Accept: application/json` with its address, size and "
            "digest.",
    .permit = ORF_PERMIT_CREATE,
    .desk = true,
    .arguments = id_arguments,
    .bodies =
        (const OrfBodyKind[]){
            { "application/json", "MeshConversion" },
            { 0 },
        },
    .answers =
        (const OrfAnswer[]){
            { 200, "model/*", NULL, "The file, under its own media type" },
            { 200, "application/zip", NULL, "An obj with its materials and pictures" },
            { 200, "application/json", "MeshFile", "Where it is" },
            { 404, "application/problem+json", "Problem", "No mesh has this id" },
            { 422, "application/problem+json", "Problem", "invalid_params" },
            { 0 },
        },
    .handle = convert,
};

const OrfEndpoint orf_endpoint_mesh_delete = {
    .method = "DELETE",
    .path = "/api/v1/meshes/{id}",
    .name = "deleteMesh",
    .group = "meshes",
    .summary = "Erase it",
    .help = "And what was made of it.",
    .permit = ORF_PERMIT_CREATE,
    .desk = true,
    .arguments = id_arguments,
    .answers =
        (const OrfAnswer[]){
            { 204, NULL, NULL, "It is gone" },
            { 404, "application/problem+json", "Problem", "No mesh has this id" },
            { 0 },
        },
    .handle = delete_mesh,
};
