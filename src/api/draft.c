/* draft.c - a client's wish being read: what each field means, what is wrong with it.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Fields come in any order, from any kind of body. Each is kept with the pointer that names it
 * to the client; what can only be judged together (does the generator know this parameter, how
 * many pictures does it take) waits for orf_draft_check, which tells all faults at once. */
#include "api/draft-priv.h"

#include <math.h>
#include <string.h>

#define N_RECIPE_FIELDS 3 /* of operations with a recipe alone */

const OrfParam orf_wish_fields[] = {
    ORF_TEXT("generator", 0, 64, "auto",
             "How to make it; auto looks at the picture and chooses."),
    ORF_CHOICE("mode", "preview|standard|progressive", "standard",
               "preview stops after the first stage; progressive streams every stage."),
    ORF_TEXT(
        "views", 0, 200, "",
        "From where each picture was seen, in their order: front, right, back, left or degrees, "
        "joined by commas."),
    ORF_CHOICE("priority", "interactive|normal|batch", "normal",
               "Who waits for it: a person, a program, nobody."),
    ORF_TEXT("deadline", 0, 40, "",
             "Give up when it is not done by then: seconds from now, or an RFC 3339 time."),
    ORF_TEXT("webhook", 0, 2000, "",
             "URL that is told when the job is over; signed as Standard Webhooks says."),
    ORF_TEXT("webhook_events", 0, 60, "done",
             "What the webhook is told: started, stage, done, joined by commas."),
    ORF_CHOICE("client_gone", "cancel|keep", "cancel",
               "What happens to the job when the client leaves a stream or a wait early."),
};
const size_t orf_n_wish_fields = G_N_ELEMENTS(orf_wish_fields);

const OrfParam *
orf_fields_of(const OrfOperation *operation, size_t *ret_n)
{
    size_t skip = operation->recipe ? 0 : N_RECIPE_FIELDS;
    *ret_n = orf_n_wish_fields - skip;
    return orf_wish_fields + skip;
}

/* --- Make --------------------------------------------------------------------------------- */

static void
fault_clear(void *data)
{
    Fault *fault = data;
    g_free(fault->pointer);
    g_free(fault->detail);
}

OrfDraft *
orf_draft_new(OrfApi *api, const char *tenant, const char *operation)
{
    OrfDraft *draft = g_new0(OrfDraft, 1);
    draft->api = api;
    draft->tenant = g_strdup(tenant);
    draft->operation = orf_operation_by_name(operation);
    draft->request = orf_job_request_new(draft->operation->name);
    draft->fields = orf_params_new();
    orf_params_add_table(draft->fields, orf_wish_fields, orf_n_wish_fields);
    draft->pointers = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    draft->faults = g_array_new(FALSE, FALSE, sizeof(Fault));
    g_array_set_clear_func(draft->faults, fault_clear);
    draft->problem_faults = g_array_new(FALSE, FALSE, sizeof(OrfFault));
    return draft;
}

void
orf_draft_free(OrfDraft *draft)
{
    if (!draft)
        return;
    g_free(draft->tenant);
    g_free(draft->default_mode);
    g_free(draft->seed_said);
    g_free(draft->kind);
    g_free(draft->key);
    orf_job_request_unref(draft->request);
    orf_params_free(draft->fields);
    g_hash_table_unref(draft->pointers);
    g_array_unref(draft->faults);
    g_array_unref(draft->problem_faults);
    g_free(draft);
}

/* --- Faults ------------------------------------------------------------------------------- */

static bool
is_of_picture(const char *pointer)
{
    return g_str_has_prefix(pointer, "#/image") || g_str_equal(pointer, "#/upload_id");
}

static void
add_fault(OrfDraft *draft, OrfProblemCode code, const char *pointer, char *detail)
{
    draft->lost_picture |= pointer && is_of_picture(pointer);
    if (draft->faults->len >= MOST_FAULTS) {
        g_free(detail);
        return;
    }
    Fault fault = { code, g_strdup(pointer ? pointer : "#"), detail };
    g_array_append_val(draft->faults, fault);
}

void
orf_draft_fault(OrfDraft *draft, OrfProblemCode code, const char *pointer, const char *format,
                ...)
{
    va_list arguments;
    va_start(arguments, format);
    add_fault(draft, code, pointer, g_strdup_vprintf(format, arguments));
    va_end(arguments);
}

/* The engine knows no address: where names are listed is added here. */
void
orf_draft_fault_error(OrfDraft *draft, const char *pointer, const GError *error)
{
    bool unknown = g_error_matches(error, ORF_ERROR, ORF_ERROR_NOT_FOUND);
    const char *list = draft->operation->recipe ? "generators" : "operations";
    add_fault(draft, ORF_PROBLEM_INVALID_PARAMS, pointer,
              unknown ? g_strdup_printf("%s; GET /api/v1/%s lists them", error->message, list)
                      : g_strdup(error->message));
}

const OrfOperation *
orf_draft_operation(const OrfDraft *draft)
{
    return draft->operation;
}

bool
orf_draft_has_faults(const OrfDraft *draft)
{
    return draft->faults->len > 0;
}

OrfProblem
orf_draft_problem(const OrfDraft *draft)
{
    const Fault *first = &g_array_index(draft->faults, Fault, 0);
    g_array_set_size(draft->problem_faults, 0);
    for (guint i = 0; i < draft->faults->len; i++) {
        const Fault *fault = &g_array_index(draft->faults, Fault, i);
        OrfFault told = { fault->pointer, fault->detail };
        g_array_append_val(draft->problem_faults, told);
    }
    return (OrfProblem){
        .code = first->code,
        .detail = first->detail,
        .hint = draft->faults->len > 1 ? "Several fields are wrong: see \"errors\"." : NULL,
        .faults = (const OrfFault *)draft->problem_faults->data,
        .n_faults = draft->problem_faults->len,
    };
}

/* --- Fields ------------------------------------------------------------------------------- */

/* A parameter of the operation goes before a field of its name; of recipes the fields do. */
static bool
is_field(const OrfDraft *draft, const char *name)
{
    size_t n;
    const OrfParam *fields = orf_fields_of(draft->operation, &n);
    if (!draft->operation->recipe && orf_operation_param(draft->operation, name))
        return false;
    for (size_t i = 0; i < n; i++)
        if (g_str_equal(fields[i].name, name))
            return true;
    return false;
}

static bool
is_text(const char *text)
{
    return g_utf8_validate(text, -1, NULL) && strlen(text) <= MOST_TEXT;
}

void
orf_draft_set(OrfDraft *draft, const char *pointer, const char *name, const char *text)
{
    g_autoptr(GError) error = NULL;
    if (strlen(name) > MOST_NAME || !is_text(name) || !is_text(text)) {
        orf_draft_fault(draft, ORF_PROBLEM_INVALID_PARAMS, pointer,
                        "the field is too long, or is not UTF-8");
    } else if (g_hash_table_contains(draft->pointers, name)) {
        orf_draft_fault(draft, ORF_PROBLEM_INVALID_PARAMS, pointer, "%s is given twice", name);
    } else if (is_field(draft, name)) {
        if (!orf_params_set(draft->fields, name, text, &error))
            orf_draft_fault_error(draft, pointer, error);
    } else if (draft->request->settings->len < MOST_SETTINGS) {
        OrfJobSetting *setting = g_new(OrfJobSetting, 1);
        *setting = (OrfJobSetting){ g_strdup(name), g_strdup(text), g_strdup(pointer) };
        g_ptr_array_add(draft->request->settings, setting);
    } else {
        orf_draft_fault(draft, ORF_PROBLEM_INVALID_PARAMS, pointer, "more than %d parameters",
                        MOST_SETTINGS);
    }
    g_hash_table_insert(draft->pointers, g_strdup(name), g_strdup(pointer));
}

const char *
orf_draft_pointer(const OrfDraft *draft, const char *name)
{
    const char *pointer = g_hash_table_lookup(draft->pointers, name);
    return pointer ? pointer : "#";
}

void
orf_draft_set_mode(OrfDraft *draft, const char *mode)
{
    g_free(draft->default_mode);
    draft->default_mode = g_strdup(mode);
}

const char *
orf_draft_mode(const OrfDraft *draft)
{
    bool said = orf_params_is_set(draft->fields, "mode");
    return said || !draft->default_mode ? orf_params_text(draft->fields, "mode")
                                        : draft->default_mode;
}

void
orf_draft_set_no_cache(OrfDraft *draft)
{
    draft->no_cache = true;
}

void
orf_draft_set_file(OrfDraft *draft, const char *format, int64_t triangles)
{
    g_free(draft->request->format);
    draft->request->format = g_strdup(format);
    draft->request->triangles = triangles;
}

/* --- Pictures ----------------------------------------------------------------------------- */

/* What a client calls its file, for messages: no folders, no controls, not long. */
static char *
plain_name(const char *name, const char *fallback)
{
    g_autofree char *valid = g_utf8_make_valid(name ? name : "", -1);
    const char *base = valid;
    for (const char *at = valid; *at; at++)
        if (*at == '/' || *at == '\\')
            base = at + 1;
    g_autoptr(GString) plain = g_string_new(NULL);
    for (const char *at = base; *at && plain->len < 100; at = g_utf8_next_char(at))
        if (g_unichar_isprint(g_utf8_get_char(at)))
            g_string_append_unichar(plain, g_utf8_get_char(at));
    return g_strdup(plain->len ? plain->str : fallback);
}

static OrfJobInput *
picture_new(const char *pointer, const char *digest, const char *name, const char *fallback)
{
    OrfJobInput *picture = g_new0(OrfJobInput, 1);
    picture->pointer = g_strdup(pointer);
    picture->digest = g_strdup(digest);
    picture->name = plain_name(name, fallback);
    picture->yaw = NAN;
    return picture;
}

void
orf_draft_add_picture(OrfDraft *draft, const char *pointer, const char *digest,
                      const char *name)
{
    GPtrArray *pictures = draft->request->inputs;
    bool are_pictures = draft->operation->takes == ORF_TAKES_PICTURES;
    guint most = MAX(draft->operation->most, ORF_MOST_PICTURES);
    if (pictures->len >= most) {
        orf_draft_fault(draft, ORF_PROBLEM_INVALID_PARAMS, pointer, "more than %u %s", most,
                        are_pictures ? "pictures" : "files");
        return;
    }
    g_autofree char *fallback =
        g_strdup_printf("%s %u", are_pictures ? "picture" : "model", pictures->len + 1);
    g_ptr_array_add(pictures, picture_new(pointer, digest, name, fallback));
}

void
orf_draft_set_mask(OrfDraft *draft, const char *pointer, const char *digest, const char *name)
{
    if (draft->request->mask)
        orf_draft_fault(draft, ORF_PROBLEM_INVALID_PARAMS, pointer,
                        "a second mask; give one, of the first picture");
    else
        draft->request->mask = picture_new(pointer, digest, name, "mask");
}

size_t
orf_draft_n_pictures(const OrfDraft *draft)
{
    return draft->request->inputs->len;
}

static bool
read_view(const char *text, double *ret_yaw)
{
    static const char *const names[] = { "front", "right", "back", "left" };
    for (size_t i = 0; i < G_N_ELEMENTS(names); i++)
        if (g_ascii_strcasecmp(names[i], text) == 0) {
            *ret_yaw = 90.0 * (double)i;
            return true;
        }
    const char *end;
    return orf_read_number(text, &end, ret_yaw) && !*end && fabs(*ret_yaw) <= 360;
}

static void
set_yaw(OrfDraft *draft, OrfJobInput *picture, const char *pointer, const char *text)
{
    double yaw;
    if (!read_view(text, &yaw))
        orf_draft_fault(draft, ORF_PROBLEM_INVALID_PARAMS, pointer,
                        "view \"%s\" is none of front, right, back, left, and no angle in "
                        "degrees from -360 to 360",
                        text);
    else
        picture->yaw = yaw;
}

void
orf_draft_set_view(OrfDraft *draft, const char *pointer, const char *view)
{
    GPtrArray *pictures = draft->request->inputs;
    if (pictures->len)
        set_yaw(draft, pictures->pdata[pictures->len - 1], pointer, view);
}

void
orf_draft_read_views(OrfDraft *draft)
{
    const char *text = orf_params_text(draft->fields, "views");
    if (!*text)
        return;
    const char *pointer = orf_draft_pointer(draft, "views");
    GPtrArray *pictures = draft->request->inputs;
    g_auto(GStrv) views = g_strsplit(text, ",", -1);
    if (g_strv_length(views) != pictures->len) {
        orf_draft_fault(draft, ORF_PROBLEM_INVALID_PARAMS, pointer,
                        "views names %u angles for %u pictures; give one each",
                        g_strv_length(views), pictures->len);
        return;
    }
    for (guint i = 0; i < pictures->len; i++)
        set_yaw(draft, pictures->pdata[i], pointer, g_strstrip(views[i]));
}

/* --- Parts of the wish that the queue takes ----------------------------------------------- */

int
orf_draft_priority(const OrfDraft *draft)
{
    const char *priority = orf_params_text(draft->fields, "priority");
    return g_str_equal(priority, "interactive") ? 0 : g_str_equal(priority, "normal") ? 1 : 2;
}

bool
orf_draft_cancels_when_gone(const OrfDraft *draft)
{
    return g_str_equal(orf_params_text(draft->fields, "client_gone"), "cancel");
}

static int64_t
moment(const char *text, int64_t now_us)
{
    const char *end;
    double seconds;
    if (orf_read_number(text, &end, &seconds) && !*end)
        return seconds >= 1 && seconds <= MOST_DEADLINE_S
                   ? now_us + (int64_t)(seconds * G_USEC_PER_SEC)
                   : 0;
    g_autoptr(GTimeZone) utc = g_time_zone_new_utc();
    g_autoptr(GDateTime) time = g_date_time_new_from_iso8601(text, utc);
    int64_t then = time ? g_date_time_to_unix(time) * G_USEC_PER_SEC : 0;
    return then > now_us && then < now_us + (int64_t)MOST_DEADLINE_S * G_USEC_PER_SEC ? then
                                                                                      : 0;
}

int64_t
orf_draft_deadline(OrfDraft *draft, int64_t now_us)
{
    const char *text = orf_params_text(draft->fields, "deadline");
    int64_t then = *text ? moment(text, now_us) : 0;
    if (*text && !then)
        orf_draft_fault(draft, ORF_PROBLEM_INVALID_PARAMS, orf_draft_pointer(draft, "deadline"),
                        "deadline \"%s\" is neither seconds from 1 to %d nor an RFC 3339 time "
                        "within a week from now",
                        text, MOST_DEADLINE_S);
    return then;
}

unsigned
orf_draft_webhook_events(OrfDraft *draft)
{
    static const char *const names[] = { "started", "stage", "done" };
    g_auto(GStrv) words = g_strsplit(orf_params_text(draft->fields, "webhook_events"), ",", -1);
    unsigned events = 0;
    for (char **word = words; *word; word++) {
        unsigned bit = 0;
        for (unsigned i = 0; i < G_N_ELEMENTS(names); i++)
            bit |= g_str_equal(names[i], g_strstrip(*word)) ? 1u << i : 0;
        if (!bit)
            orf_draft_fault(draft, ORF_PROBLEM_INVALID_PARAMS,
                            orf_draft_pointer(draft, "webhook_events"),
                            "\"%s\" is none of started, stage, done", *word);
        events |= bit;
    }
    return events;
}
