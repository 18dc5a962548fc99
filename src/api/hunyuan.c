/* hunyuan.c - the paths of the Hunyuan3D servers, so that their clients move by changing a URL.
 *
 *     POST /generate       blocks, answers with the file
 *     POST /send           answers {"uid": ...} at once
 *     GET  /status/{uid}   processing, completed with the file in base64, or failed
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Fields, defaults and the bodies of good answers are theirs; errors are told by status, as a
 * problem that also carries their members "text" and "error_code". What steers their network
 * (steps, guidance, chunks) is checked and has no effect here; other unknown fields pass, as
 * they do there. */
#include "api/endpoints.h"
#include "api/jobs-priv.h"
#include "api/wish.h"

#include <string.h>

#define PATIENCE_S 3600
#define UNITS                                                                                  \
    "2" /* longest side of the file's model, as there: their grid spans -1.01 to 1.01 */

/* --- Fields ------------------------------------------------------------------------------- */

static const OrfParam fields[] = {
    ORF_INT("seed", 0, 4294967295, "1234", "Same seed, same result."),
    ORF_INT("octree_resolution", 16, 512, "256",
            "Below 192: draft; to 320: standard; above: high."),
    ORF_INT("num_inference_steps", 1, 100, "5", "Without effect."),
    ORF_NUMBER("guidance_scale", 0, 20, "5", "Without effect."),
    ORF_INT("num_chunks", 1000, 5000000, "8000", "Without effect."),
    ORF_BOOL("texture", "false", "Put the picture's colours on it."),
    ORF_INT("face_count", 100, 1000000, "40000", "At most so many triangles, when given."),
    ORF_CHOICE("type", orf_engine_formats + 1, "glb", "Format of the file."),
    ORF_BOOL("remove_background", "true",
             "false keeps the picture's own transparency, or its whole frame."),
};

static bool
is_field(const char *name)
{
    for (size_t i = 0; i < G_N_ELEMENTS(fields); i++)
        if (g_str_equal(fields[i].name, name))
            return true;
    return false;
}

static void
read_field(OrfDraft *draft, OrfParams *params, const char *name, const json_t *value)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *pointer = orf_pointer("#", name);
    g_autofree char *text = orf_json_value_text(value);
    if (!text)
        orf_draft_fault(draft, ORF_PROBLEM_INVALID_PARAMS, pointer,
                        "%s is neither text, number nor boolean", name);
    else if (!orf_params_set(params, name, text, &error))
        orf_draft_fault_error(draft, pointer, error);
}

static void
read_fields(OrfDraft *draft, OrfParams *params, const json_t *body)
{
    const char *name;
    json_t *value;
    orf_params_add_table(params, fields, G_N_ELEMENTS(fields));
    json_object_foreach((json_t *)body, name, value) if (is_field(name) && !json_is_null(value))
        read_field(draft, params, name, value);
}

/* --- To a draft --------------------------------------------------------------------------- */

static const char *
quality_of(int64_t resolution)
{
    return resolution < 192 ? "draft" : resolution <= 320 ? "standard" : "high";
}

/* Without background removal a picture is taken by its own transparency, or whole. */
static const char *
cutout_of(OrfDraft *draft, OrfApi *api, const char *digest)
{
    OrfPictureInfo info = { 0 };
    g_autoptr(GBytes) bytes = orf_blob_get(api->options.store, digest, NULL);
    if (!bytes || !orf_engine_probe(bytes, "image", &info, NULL) || orf_draft_has_faults(draft))
        return "auto"; /* the draft's own check tells what is wrong */
    return info.has_alpha ? "alpha" : "none";
}

static bool
read_image(OrfDraft *draft, const json_t *body, char ret_digest[ORF_DIGEST_SIZE])
{
    const json_t *image = json_object_get(body, "image");
    if (!json_is_string(image)) {
        orf_draft_fault(draft, ORF_PROBLEM_INVALID_PARAMS, "#/image",
                        "no picture; send \"image\" in base64");
        return false;
    }
    if (!orf_draft_store_base64(draft, "#/image", json_string_value(image),
                                json_string_length(image), ret_digest))
        return false;
    orf_draft_add_picture(draft, "#/image", ret_digest, "image");
    return true;
}

static void
refuse_others(OrfDraft *draft, const json_t *body)
{
    const json_t *text = json_object_get(body, "text"), *mesh = json_object_get(body, "mesh");
    if (text && !json_is_null(text) && !json_object_get(body, "image"))
        orf_draft_fault(draft, ORF_PROBLEM_INVALID_PARAMS, "#/text",
                        "no picture is made of a description here; send \"image\". For raised "
                        "letters use the generator text of /api/v1/generate-3d");
    if (mesh && !json_is_null(mesh))
        orf_draft_fault(draft, ORF_PROBLEM_INVALID_PARAMS, "#/mesh",
                        "a given mesh is not textured here; send \"image\" alone");
}

static void
set_parameters(OrfDraft *draft, const OrfParams *params, const char *cutout)
{
    g_autofree char *seed =
        g_strdup_printf("%" G_GINT64_FORMAT, orf_params_int(params, "seed"));
    orf_draft_set(draft, "#/seed", "seed", seed);
    orf_draft_set(draft, "#/octree_resolution", "quality",
                  quality_of(orf_params_int(params, "octree_resolution")));
    orf_draft_set(draft, "#/texture", "texture",
                  orf_params_bool(params, "texture") ? "true" : "false");
    if (cutout)
        orf_draft_set(draft, "#/remove_background", "cutout", cutout);
    bool fewer = orf_params_is_set(params, "face_count");
    orf_draft_set_file(draft, orf_params_text(params, "type"),
                       fewer ? orf_params_int(params, "face_count") : 0);
}

static OrfDraft *
read_body(OrfCall *call)
{
    json_t *body = orf_call_json_body(call);
    if (!body)
        return NULL;
    char digest[ORF_DIGEST_SIZE];
    OrfDraft *draft = orf_draft_new(call->api, call->who.tenant, "generate");
    g_autoptr(OrfParams) params = orf_params_new();
    read_fields(draft, params, body);
    refuse_others(draft, body);
    if (read_image(draft, body, digest) && !orf_draft_has_faults(draft)) {
        bool keep = !orf_params_bool(params, "remove_background");
        set_parameters(draft, params, keep ? cutout_of(draft, call->api, digest) : NULL);
    }
    json_decref(body);
    return draft;
}

/* The id of the job; NULL: it has replied. Caller owns. */
static char *
submit(OrfCall *call)
{
    g_autoptr(OrfDraft) draft = read_body(call);
    OrfAccepted accepted = { 0 };
    bool taken = draft && orf_draft_submit(draft, call, &accepted, NULL);
    return taken ? accepted.id : NULL;
}

/* --- The file ----------------------------------------------------------------------------- */

/* The last stage of a job that succeeded, and the form its client wants. */
typedef struct {
    char digest[ORF_DIGEST_SIZE];
    int64_t triangles; /* at most; 0: as they are */
    char *format;
} Wanted;

static void
wanted_clear(Wanted *wanted)
{
    g_free(wanted->format);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Wanted, wanted_clear)

static bool
find_file(const OrfJobView *view, Wanted *ret)
{
    const OrfJobRequest *request = view->row.request;
    const OrfStages *stages = view->row.stages;
    if (!request || !stages)
        return false;
    memcpy(ret->digest, stages->rows[stages->n - 1].digest, ORF_DIGEST_SIZE);
    ret->format = g_strdup(request->format ? request->format : "glb");
    ret->triangles = request->triangles;
    return true;
}

/* A format of several files has a plain form that names no others, or goes in a ZIP. */
static bool
find_format(const char *name, OrfFormatInfo *ret, bool *ret_plain)
{
    size_t i = 0;
    while (orf_engine_format(i, ret) && !g_str_equal(ret->name, name))
        i++;
    if (!orf_engine_format(i, ret))
        return false;
    *ret_plain = strcmp(ret->alone, ret->mime) != 0 && strstr(ret->variants, "plain");
    return true;
}

/* One file, whatever the format; `ready` may be called before it returns. */
static void
fetch_file(OrfCall *call, const Wanted *wanted, OrfDerivedFn ready)
{
    char triangles[24];
    OrfFormatInfo info;
    bool plain = false;
    g_snprintf(triangles, sizeof triangles, "%" G_GINT64_FORMAT, wanted->triangles);
    bool metres = g_str_equal(wanted->format, "glb") || g_str_equal(wanted->format, "gltf");
    const char *const settings[] = { "format",
                                     wanted->format,
                                     "triangles",
                                     triangles,
                                     "size",
                                     metres ? UNITS "m" : UNITS "mm",
                                     find_format(wanted->format, &info, &plain) && plain
                                         ? "variant"
                                         : NULL,
                                     "plain",
                                     NULL };
    orf_call_derive(call, wanted->digest, &(OrfDerivation){ "convert", settings }, ready);
}

static void
reply_failed(OrfCall *call, const OrfJobView *view)
{
    const char *message = view->row.error.message;
    orf_call_problem(call, &(OrfProblem){ .code = orf_problem_find(view->row.error.code),
                                          .detail = message ? message : "the job has failed" });
}

/* --- POST /generate ----------------------------------------------------------------------- */

/* Looks again: the call kept nothing but the job's id. */
static bool
look(OrfCall *call, const char *id, OrfJobView *ret_view)
{
    g_autoptr(GError) error = NULL;
    if (orf_queue_look(call->api->options.queue, call->who.tenant, id, ret_view, &error))
        return true;
    orf_call_error(call, error);
    return false;
}

static void
reply_file(OrfCall *call, const OrfDerived *made)
{
    g_autoptr(GError) error = NULL;
    g_auto(OrfJobView) view = { 0 };
    g_auto(Wanted) wanted = { 0 };
    if (!look(call, call->data, &view) || !find_file(&view, &wanted))
        return;
    OrfReply reply = { .status = 200 };
    OrfFormatInfo info;
    bool plain = false;
    bool known = find_format(wanted.format, &info, &plain);
    g_autofree char *name =
        g_strdup_printf("attachment; filename=\"%s.%s\"", view.row.id,
                        known && !plain ? info.alone_extension : wanted.format);
    reply.headers = (const char *[]){ "Content-Type",
                                      !known  ? "application/octet-stream"
                                      : plain ? info.mime
                                              : info.alone,
                                      "Content-Disposition", name, NULL };
    reply.fd = orf_blob_open(call->api->options.store, made->digest, &reply.length, &error);
    if (reply.fd > 0)
        orf_call_reply(call, &reply);
    else
        orf_call_error(call, error);
}

static void
reply_unfinished(OrfCall *call, const OrfJobView *view)
{
    bool draining = call->api->draining;
    g_autofree char *detail =
        g_strdup_printf("the job goes on: GET /status/%s brings the file", view->row.id);
    orf_call_problem(call, &(OrfProblem){ .code = draining ? ORF_PROBLEM_DRAINING
                                                           : ORF_PROBLEM_DEADLINE_EXCEEDED,
                                          .detail = detail,
                                          .retry_after = draining ? 5 : 0 });
}

static void
answer_with_file(OrfCall *call)
{
    g_auto(OrfJobView) view = { 0 };
    g_auto(Wanted) wanted = { 0 };
    orf_call_stop_waiting(call);
    if (!look(call, call->data, &view))
        return;
    if (!orf_job_status_is_terminal(view.row.status))
        reply_unfinished(call, &view);
    else if (view.row.status != ORF_JOB_SUCCEEDED)
        reply_failed(call, &view);
    else if (!find_file(&view, &wanted))
        orf_call_problem(call, &(OrfProblem){ .code = ORF_PROBLEM_JOB_EXPIRED,
                                              .detail = "the job's files are gone" });
    else
        fetch_file(call, &wanted, reply_file);
}

static void
on_over(OrfCall *call, const char *id)
{
    (void)id;
    orf_call_desk(call, answer_with_file);
}

static void
generate(OrfCall *call)
{
    call->data = submit(call);
    call->free_data = g_free;
    if (call->data)
        orf_call_when_done(call, call->data, PATIENCE_S, true, on_over);
}

/* --- POST /send, GET /status/{uid} -------------------------------------------------------- */

static void
send_off(OrfCall *call)
{
    g_autofree char *id = submit(call);
    if (id)
        orf_call_reply_json(call, 200, NULL, g_strdup_printf("{\"uid\":\"%s\"}", id));
}

static void
reply_base64(OrfCall *call, const OrfDerived *made)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GBytes) bytes = orf_blob_get(call->api->options.store, made->digest, &error);
    if (!bytes) {
        orf_call_error(call, error);
        return;
    }
    size_t size;
    const guchar *data = g_bytes_get_data(bytes, &size);
    g_autofree char *text = g_base64_encode(data, size);
    orf_call_reply_json(
        call, 200, NULL,
        g_strconcat("{\"status\":\"completed\",\"model_base64\":\"", text, "\"}", NULL));
}

static char *
failed_json(const OrfJobView *view)
{
    const char *message = view->row.error.message;
    GString *json = g_string_new("{\"status\":\"failed\",\"error\":");
    orf_json_string(json, message ? message : orf_job_status_name(view->row.status));
    return g_string_free(g_string_append_c(json, '}'), FALSE);
}

static void
status(OrfCall *call)
{
    g_auto(OrfJobView) view = { 0 };
    g_auto(Wanted) wanted = { 0 };
    if (!look(call, orf_call_text(call, "uid"), &view))
        return;
    if (!orf_job_status_is_terminal(view.row.status))
        orf_call_reply_json(call, 200, NULL, g_strdup("{\"status\":\"processing\"}"));
    else if (view.row.status != ORF_JOB_SUCCEEDED || !find_file(&view, &wanted))
        orf_call_reply_json(call, 200, NULL, failed_json(&view));
    else
        fetch_file(call, &wanted, reply_base64);
}

/* --- The endpoints ------------------------------------------------------------------------ */

static void
add_members(OrfJson *json, const OrfProblem *problem)
{
    orf_json_add_text(json, "text", problem->detail);
    orf_json_add_int(json, "error_code", 1);
}

static const OrfBodyKind bodies[] = { { "application/json", "HunyuanWish" }, { 0 } };

const OrfEndpoint orf_endpoint_hunyuan_generate = {
    .method = "POST",
    .path = "/generate",
    .name = "hunyuanGenerate",
    .group = "hunyuan3d",
    .summary = "Make a model and wait for the file",
    .help = "For clients of Hunyuan3D servers. Errors carry text and error_code beside the "
            "problem's members.",
    .permit = ORF_PERMIT_CREATE,
    .cost = 1,
    .desk = true,
    .bodies = bodies,
    .answers = (const OrfAnswer[]){ { 200, "model/*", NULL, "the file, by `type`" }, { 0 } },
    .begin = orf_wish_begin,
    .handle = generate,
    .problem = add_members,
};

const OrfEndpoint orf_endpoint_hunyuan_send = {
    .method = "POST",
    .path = "/send",
    .name = "hunyuanSend",
    .group = "hunyuan3d",
    .summary = "Make a model, ask for it later",
    .help = "For clients of Hunyuan3D servers. The uid is the id of a job, good for "
            "/api/v1/jobs/{id}, too.",
    .permit = ORF_PERMIT_CREATE,
    .cost = 1,
    .desk = true,
    .bodies = bodies,
    .answers =
        (const OrfAnswer[]){ { 200, "application/json", "HunyuanSent", "the uid" }, { 0 } },
    .begin = orf_wish_begin,
    .handle = send_off,
    .problem = add_members,
};

const OrfEndpoint orf_endpoint_hunyuan_status = {
    .method = "GET",
    .path = "/status/{uid}",
    .name = "hunyuanStatus",
    .group = "hunyuan3d",
    .summary = "Processing, completed with the file, or failed",
    .help = "For clients of Hunyuan3D servers. The file is in base64, in the `type` that was "
            "asked for.",
    .permit = ORF_PERMIT_READ,
    .desk = true,
    .arguments =
        (const OrfArgument[]){
            { ORF_IN_PATH, ORF_TEXT("uid", 1, 64, "", "As /send told it.") },
            { 0 },
        },
    .answers =
        (const OrfAnswer[]){ { 200, "application/json", "HunyuanStatus", "how it stands" },
                             { 0 } },
    .handle = status,
    .problem = add_members,
};
