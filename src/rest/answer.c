/* answer.c - replies with the headers that every one carries, and what a client would like to
 * have.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "rest/rest-priv.h"

#include <gio/gio.h>
#include <string.h>

#define MAX_HEADERS 64
#define LEAST_PACKED 1400u /* what goes into one packet anyway */

/* --- Headers ------------------------------------------------------------------------------ */

typedef struct {
    const char *list[MAX_HEADERS + 1];
    size_t n;
    char traceparent[TRACEPARENT_SIZE], policy[96], limit[96];
} Headers;

static bool
has(const Headers *headers, const char *name)
{
    for (size_t i = 0; i < headers->n; i += 2)
        if (g_ascii_strcasecmp(headers->list[i], name) == 0)
            return true;
    return false;
}

static void
add(Headers *headers, const char *name, const char *value)
{
    g_assert(headers->n + 2 <= MAX_HEADERS);
    headers->list[headers->n++] = name;
    headers->list[headers->n++] = value;
}

/* draft-ietf-httpapi-ratelimit-headers-10: one member for each quota that applies. */
static void
add_limits(Headers *headers, const OrfCall *call)
{
    const struct {
        const char *name;
        const OrfLimitTold *told;
    } limits[] = { { "address", &call->of_address }, { "key", &call->of_key } };
    char *policy = headers->policy, *limit = headers->limit;
    const char *const policy_end = policy + sizeof headers->policy;
    const char *const limit_end = limit + sizeof headers->limit;
    for (size_t i = 0; i < G_N_ELEMENTS(limits); i++) {
        const OrfLimitTold *told = limits[i].told;
        const char *comma = policy > headers->policy ? ", " : "";
        if (!told->quota)
            continue;
        policy += g_snprintf(policy, (gulong)(policy_end - policy), "%s\"%s\";q=%u;w=60", comma,
                             limits[i].name, told->quota);
        limit += g_snprintf(limit, (gulong)(limit_end - limit), "%s\"%s\";r=%u;t=%u", comma,
                            limits[i].name, told->remaining, told->reset_s);
    }
    if (policy == headers->policy)
        return;
    add(headers, "RateLimit-Policy", headers->policy);
    add(headers, "RateLimit", headers->limit);
}

static void
add_origin(Headers *headers, const char *origin)
{
    add(headers, "Access-Control-Allow-Origin", origin);
    add(headers, "Access-Control-Expose-Headers",
        "Accept-Ranges, Content-Digest, Content-Disposition, Content-Location, "
        "Content-Range, Deprecation, ETag, Idempotency-Replayed, Link, Location, "
        "Preference-Applied, RateLimit, RateLimit-Policy, Retry-After, traceparent, "
        "X-Request-Id");
    add(headers, "Vary", "Origin");
}

static void
common_headers(const OrfCall *call, const char *const *given, Headers *headers)
{
    headers->n = 0;
    for (size_t i = 0; given && given[i]; i += 2)
        add(headers, given[i], given[i + 1]);
    for (size_t i = 0; call->added && i < call->added->len; i += 2)
        add(headers, call->added->pdata[i], call->added->pdata[i + 1]);
    add(headers, "X-Request-Id", call->trace_id);
    orf_traceparent_write(call->trace_id, &call->rest->seed, headers->traceparent);
    add(headers, "traceparent", headers->traceparent);
    add(headers, "X-Content-Type-Options", "nosniff");
    if (!has(headers, "Cache-Control"))
        add(headers, "Cache-Control", "no-store");
    add_limits(headers, call);
    if (call->endpoint && call->endpoint->deprecated)
        add(headers, "Deprecation", "@1767225600");
    const char *origin = orf_origin_listed(call->request, call->rest->options.origins);
    if (origin)
        add_origin(headers, origin);
    headers->list[headers->n] = NULL;
}

#define MAX_ADDED 16 /* names and values */

void
orf_call_add_header(OrfCall *call, const char *name, const char *value)
{
    if (!call->added)
        call->added = g_ptr_array_new_with_free_func(g_free);
    g_assert(call->added->len < MAX_ADDED);
    g_ptr_array_add(call->added, g_strdup(name));
    g_ptr_array_add(call->added, g_strdup(value));
}

/* --- Replies ------------------------------------------------------------------------------ */

void
orf_call_count(OrfCall *call, int status)
{
    if (atomic_exchange_explicit(&call->counted, true, memory_order_relaxed))
        return;
    double seconds = (double)(g_get_monotonic_time() - call->began_us) / 1e6;
    orf_tallies_count(call->rest->tallies, call->index, status, seconds, call->trace_id);
}

static const char *
value_of(const Headers *headers, const char *name)
{
    for (size_t i = 0; i < headers->n; i += 2)
        if (g_ascii_strcasecmp(headers->list[i], name) == 0)
            return headers->list[i + 1];
    return "";
}

/* Lists of jobs shrink to a tenth. A strong ETag names the very bytes: such a body stays. */
static bool
is_worth_packing(const OrfCall *call, const OrfReply *reply, const Headers *headers)
{
    const char *etag = value_of(headers, "ETag");
    return reply->body && g_bytes_get_size(reply->body) >= LEAST_PACKED &&
           g_str_equal(value_of(headers, "Content-Type"), "application/json") &&
           !has(headers, "Content-Encoding") && (!*etag || g_str_has_prefix(etag, "W/")) &&
           orf_call_takes_gzip(call);
}

/* NULL: it stays as it is. */
static GBytes *
packed(GBytes *body)
{
    g_autoptr(GZlibCompressor) zip = g_zlib_compressor_new(G_ZLIB_COMPRESSOR_FORMAT_GZIP, 1);
    size_t size, read, written;
    const void *bytes = g_bytes_get_data(body, &size);
    g_autofree char *out = g_malloc(size);
    if (g_converter_convert(G_CONVERTER(zip), bytes, size, out, size, G_CONVERTER_INPUT_AT_END,
                            &read, &written, NULL) != G_CONVERTER_FINISHED)
        return NULL;
    return g_bytes_new_take(g_realloc(g_steal_pointer(&out), written), written);
}

void
orf_call_reply(OrfCall *call, const OrfReply *reply)
{
    Headers headers;
    common_headers(call, reply->headers, &headers);
    OrfReply whole = *reply;
    g_autoptr(GBytes) small =
        is_worth_packing(call, reply, &headers) ? packed(reply->body) : NULL;
    if (small) {
        add(&headers, "Content-Encoding", "gzip");
        add(&headers, "Vary", "Accept-Encoding");
        headers.list[headers.n] = NULL;
        whole.body = small;
    }
    whole.headers = headers.list;
    orf_call_count(call, reply->status);
    orf_request_reply(call->request, &whole);
}

void
orf_call_reply_json(OrfCall *call, int status, const char *const *headers, char *json)
{
    const char *all[MAX_HEADERS] = { "Content-Type", "application/json" };
    size_t n = 2;
    for (; headers && headers[n - 2]; n += 2) {
        g_assert(n + 2 < MAX_HEADERS);
        all[n] = headers[n - 2];
        all[n + 1] = headers[n - 1];
    }
    g_autoptr(GBytes) body = g_bytes_new_take(json, strlen(json));
    orf_call_reply(call, &(OrfReply){ status, all, body });
}

void
orf_call_reply_object(OrfCall *call, int status, OrfJson *json)
{
    orf_json_end(json);
    orf_call_reply_json(call, status, NULL, orf_json_steal(json));
}

OrfStream *
orf_call_stream(OrfCall *call, const char *const *given, size_t backlog)
{
    Headers headers;
    common_headers(call, given, &headers);
    orf_call_count(call, 200);
    return orf_request_stream(call->request, 200, headers.list, backlog);
}

/* The transport's own words would lack what every answer carries. */
static void
refuse_upgrade(OrfCall *call, int status, const char *why)
{
    if (status == 426) {
        orf_call_add_header(call, "Upgrade", "websocket");
        orf_call_add_header(call, "Sec-WebSocket-Version", "13");
    }
    OrfProblemCode code = status == 426   ? ORF_PROBLEM_UPGRADE_REQUIRED
                          : status == 403 ? ORF_PROBLEM_ORIGIN_NOT_ALLOWED
                                          : ORF_PROBLEM_REQUEST_REFUSED;
    orf_call_problem(call, &(OrfProblem){ code, why });
}

bool
orf_call_upgrade(OrfCall *call, const OrfSocketApp *app)
{
    const char *why;
    int refusal = orf_request_upgrade_refusal(call->request, call->rest->options.origins, &why);
    if (refusal) {
        refuse_upgrade(call, refusal, why);
        return false;
    }
    bool done = orf_request_upgrade(call->request, app, call->rest->options.origins);
    orf_call_count(call, done ? 101 : 400);
    return done;
}

/* --- What the client would like ----------------------------------------------------------- */

/* q of one member of Accept, in thousandths; `size` is where its parameters begin. */
static int
quality(const char *member, size_t size, size_t end)
{
    for (size_t i = size; i + 2 < end; i++) {
        if (member[i] != ';')
            continue;
        i += 1 + strspn(member + i + 1, " \t");
        if (i + 2 < end && (member[i] == 'q' || member[i] == 'Q') && member[i + 1] == '=')
            return (int)(CLAMP(g_ascii_strtod(member + i + 2, NULL), 0, 1) * 1000);
        i--;
    }
    return 1000;
}

/* How exactly a member names the type: 0 not at all, 1 everything, 2 its family, 3 itself. */
static int
fit(const char *member, size_t size, const char *type)
{
    if (size == 3 && strncmp(member, "*/*", 3) == 0)
        return 1;
    size_t wanted = strcspn(type, ";");
    if (size == wanted && g_ascii_strncasecmp(member, type, size) == 0)
        return 3;
    bool family = size > 2 && member[size - 1] == '*' && member[size - 2] == '/';
    return family && g_ascii_strncasecmp(member, type, size - 1) == 0 ? 2 : 0;
}

static int
liking(const char *accept, const char *type)
{
    int best = 0, q = 0;
    while (*accept) {
        accept += strspn(accept, " \t,");
        size_t end = strcspn(accept, ",");
        size_t size = MIN(end, strcspn(accept, "; \t"));
        int exact = size ? fit(accept, size, type) : 0;
        if (exact > best) {
            best = exact;
            q = quality(accept, size, end);
        }
        accept += end;
    }
    return q;
}

int
orf_call_accepts(const OrfCall *call, const char *const *types)
{
    const char *accept = orf_request_header(call->request, "Accept");
    if (!accept || !*accept)
        return 0;
    int best = 0, chosen = -1;
    for (int i = 0; types[i]; i++) {
        int q = liking(accept, types[i]);
        if (q > best) {
            best = q;
            chosen = i;
        }
    }
    return chosen;
}

bool
orf_call_takes_gzip(const OrfCall *call)
{
    const char *accept = orf_request_header(call->request, "Accept-Encoding");
    return accept && liking(accept, "gzip") > 0;
}

/* RFC 7240: "respond-async, wait=10" waits first. */
int
orf_call_prefer_wait(const OrfCall *call)
{
    const char *prefer = orf_request_header(call->request, "Prefer");
    if (!prefer)
        return -1;
    int told = -1;
    g_auto(GStrv) parts = g_strsplit_set(prefer, ",;", 32);
    for (char **part = parts; *part; part++) {
        char *text = g_strstrip(*part);
        if (g_ascii_strncasecmp(text, "wait=", 5) == 0 && g_ascii_isdigit(text[5]))
            return (int)MIN(g_ascii_strtoull(text + 5, NULL, 10), 60);
        if (g_ascii_strcasecmp(text, "respond-async") == 0)
            told = 0;
    }
    return told;
}
