/* message.c - one table of fields, one writer, one reader.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "work/message.h"

#include <math.h>
#include <string.h>
#include <unistd.h>

#define MAGIC 0x524f /* "OR" */
#define VERSION 2
#define MOST_TEXTS 256
#define NO_TEXT UINT32_MAX /* as a length: NULL */

/* --- The table ---------------------------------------------------------------------------- */

typedef enum { NUMBER, FLAG, REAL, ANGLES, TEXT, TEXTS } FieldKind;

typedef struct {
    FieldKind kind;
    size_t offset;
    uint32_t most; /* bytes of a text */
} Field;

#define AT(member) offsetof(OrfMessage, member)
#define SHORT 256
#define LINE 4096
#define SETTING (64u << 10)
#define LONG (1u << 20)

static const Field hello[] = { { TEXT, AT(version), SHORT }, { TEXT, AT(text), LINE } };
static const Field run[] = {
    { NUMBER, AT(run), 0 },           { TEXT, AT(id), SHORT },
    { TEXT, AT(kind), SHORT },        { NUMBER, AT(attempt), 0 },
    { NUMBER, AT(cores), 0 },         { NUMBER, AT(memory), 0 },
    { TEXT, AT(operation), SHORT },   { TEXT, AT(generator), SHORT },
    { TEXTS, AT(settings), SETTING }, { TEXTS, AT(inputs), SHORT },
    { TEXTS, AT(input_names), LINE }, { ANGLES, AT(yaws), 0 },
    { FLAG, AT(masked), 0 },          { FLAG, AT(light), 0 },
};
static const Field number[] = { { NUMBER, AT(run), 0 } };
static const Field progress[] = {
    { NUMBER, AT(run), 0 },
    { TEXT, AT(step), SHORT },
    { REAL, AT(fraction), 0 },
};
static const Field stage[] = {
    { NUMBER, AT(run), 0 },         { NUMBER, AT(stage), 0 },
    { FLAG, AT(same), 0 },          { NUMBER, AT(vertices), 0 },
    { NUMBER, AT(triangles), 0 },   { REAL, AT(took_s), 0 },
    { TEXT, AT(generator), SHORT }, { TEXT, AT(media), SHORT },
    { TEXT, AT(extension), SHORT },
};
static const Field result[] = {
    { NUMBER, AT(run), 0 },         { TEXT, AT(generator), SHORT },
    { TEXT, AT(reason), LINE },     { REAL, AT(confidence), 0 },
    { TEXT, AT(runner_up), SHORT }, { TEXT, AT(runner_up_reason), LINE },
    { TEXT, AT(measures), LONG },   { TEXTS, AT(notes), LINE },
    { REAL, AT(took_s), 0 },        { NUMBER, AT(peak), 0 },
    { TEXT, AT(facts), LONG },      { TEXT, AT(format), SHORT },
    { NUMBER, AT(vertices), 0 },    { NUMBER, AT(triangles), 0 },
    { REAL, AT(size_mm[0]), 0 },    { REAL, AT(size_mm[1]), 0 },
    { REAL, AT(size_mm[2]), 0 },    { FLAG, AT(solid), 0 },
};
static const Field failed[] = {
    { NUMBER, AT(run), 0 },         { NUMBER, AT(code), 0 }, { TEXT, AT(text), LINE },
    { TEXT, AT(generator), SHORT }, { NUMBER, AT(peak), 0 },
};

static const struct {
    const char *name;
    const Field *fields;
    size_t n;
} types[ORF_MESSAGE_N_TYPES] = {
    [ORF_MESSAGE_HELLO] = { "hello", hello, G_N_ELEMENTS(hello) },
    [ORF_MESSAGE_RUN] = { "run", run, G_N_ELEMENTS(run) },
    [ORF_MESSAGE_GO] = { "go", number, G_N_ELEMENTS(number) },
    [ORF_MESSAGE_CANCEL] = { "cancel", number, G_N_ELEMENTS(number) },
    [ORF_MESSAGE_BEAT] = { "beat", NULL, 0 },
    [ORF_MESSAGE_PROGRESS] = { "progress", progress, G_N_ELEMENTS(progress) },
    [ORF_MESSAGE_STAGE] = { "stage", stage, G_N_ELEMENTS(stage) },
    [ORF_MESSAGE_RESULT] = { "result", result, G_N_ELEMENTS(result) },
    [ORF_MESSAGE_FAILED] = { "failed", failed, G_N_ELEMENTS(failed) },
};

const char *
orf_message_type_name(OrfMessageType type)
{
    return type < ORF_MESSAGE_N_TYPES && types[type].name ? types[type].name : "unknown";
}

static void *
member(const OrfMessage *message, const Field *field)
{
    return (char *)(void *)(uintptr_t)message + field->offset;
}

void
orf_message_free(OrfMessage *message)
{
    if (!message)
        return;
    for (size_t i = 0; i < types[message->type].n; i++) {
        const Field *field = &types[message->type].fields[i];
        if (field->kind == TEXT)
            g_free(*(char **)member(message, field));
        else if (field->kind == TEXTS)
            g_strfreev(*(char ***)member(message, field));
    }
    for (size_t i = 0; i < message->n_fds; i++)
        close(message->fds[i]);
    g_free(message);
}

/* --- Writing ------------------------------------------------------------------------------ */

static void
put32(GByteArray *out, uint32_t value)
{
    uint32_t bytes = GUINT32_TO_LE(value);
    g_byte_array_append(out, (const guint8 *)&bytes, sizeof bytes);
}

static void
put64(GByteArray *out, uint64_t value)
{
    uint64_t bytes = GUINT64_TO_LE(value);
    g_byte_array_append(out, (const guint8 *)&bytes, sizeof bytes);
}

/* False: it is too long. */
static bool
put_text(GByteArray *out, const char *text, uint32_t most)
{
    g_autofree char *whole =
        text && !g_utf8_validate(text, -1, NULL) ? g_utf8_make_valid(text, -1) : NULL;
    const char *put = whole ? whole : text;
    size_t size = put ? strlen(put) : 0;
    if (size > most)
        return false;
    put32(out, put ? (uint32_t)size : NO_TEXT);
    if (put)
        g_byte_array_append(out, (const guint8 *)put, (guint)size);
    return true;
}

/* As many as there may be inputs. */
static void
put_angles(GByteArray *out, const double *angles)
{
    for (size_t i = 0; i < ORF_MESSAGE_FDS; i++) {
        uint64_t bits;
        memcpy(&bits, &angles[i], sizeof bits);
        put64(out, bits);
    }
}

static bool
put_texts(GByteArray *out, char **texts, uint32_t most)
{
    uint32_t n = texts ? g_strv_length(texts) : 0;
    put32(out, n);
    bool fits = n <= MOST_TEXTS;
    for (uint32_t i = 0; fits && i < n; i++)
        fits = put_text(out, texts[i], most);
    return fits;
}

static bool
put_field(GByteArray *out, const Field *field, const void *at)
{
    uint64_t bits;
    switch (field->kind) {
    case NUMBER:
        put64(out, *(const uint64_t *)at);
        return true;
    case FLAG:
        put64(out, *(const bool *)at);
        return true;
    case REAL:
        memcpy(&bits, at, sizeof bits);
        put64(out, bits);
        return true;
    case ANGLES:
        put_angles(out, at);
        return true;
    case TEXT:
        return put_text(out, *(char *const *)at, field->most);
    case TEXTS:
        return put_texts(out, *(char **const *)at, field->most);
    }
    return false;
}

static void
write_head(GByteArray *out, const OrfMessage *message)
{
    uint8_t *head = out->data;
    uint16_t magic = GUINT16_TO_LE(MAGIC);
    uint32_t fds = GUINT32_TO_LE((uint32_t)message->n_fds);
    uint32_t size = GUINT32_TO_LE(out->len - ORF_MESSAGE_HEAD);
    memcpy(head, &magic, 2);
    head[2] = VERSION;
    head[3] = (uint8_t)message->type;
    memcpy(head + 4, &fds, 4);
    memcpy(head + 8, &size, 4);
}

GBytes *
orf_message_encode(const OrfMessage *message, GError **error)
{
    g_assert(message->n_fds <= ORF_MESSAGE_FDS);
    g_autoptr(GByteArray) out = g_byte_array_new();
    g_byte_array_set_size(out, ORF_MESSAGE_HEAD);
    bool fits = true;
    for (size_t i = 0; fits && i < types[message->type].n; i++)
        fits = put_field(out, &types[message->type].fields[i],
                         member(message, &types[message->type].fields[i]));
    if (!fits || out->len > ORF_MESSAGE_MOST)
        return ORF_FAIL(error, TOO_LARGE, "a message \"%s\" holds a text that is too long",
                        types[message->type].name);
    write_head(out, message);
    return g_byte_array_free_to_bytes(g_steal_pointer(&out));
}

/* --- Reading ------------------------------------------------------------------------------ */

typedef struct {
    const uint8_t *at;
    size_t left;
} Reader;

static bool
take32(Reader *in, uint32_t *ret)
{
    if (in->left < sizeof *ret)
        return false;
    memcpy(ret, in->at, sizeof *ret);
    *ret = GUINT32_FROM_LE(*ret);
    in->at += sizeof *ret;
    in->left -= sizeof *ret;
    return true;
}

static bool
take64(Reader *in, uint64_t *ret)
{
    if (in->left < sizeof *ret)
        return false;
    memcpy(ret, in->at, sizeof *ret);
    *ret = GUINT64_FROM_LE(*ret);
    in->at += sizeof *ret;
    in->left -= sizeof *ret;
    return true;
}

static bool
take_flag(Reader *in, bool *ret)
{
    uint64_t value;
    if (!take64(in, &value) || value > 1)
        return false;
    *ret = value;
    return true;
}

static bool
take_real(Reader *in, double *ret)
{
    uint64_t bits;
    if (!take64(in, &bits))
        return false;
    memcpy(ret, &bits, sizeof bits);
    return isfinite(*ret);
}

/* NaN is fine: not a view. */
static bool
take_angles(Reader *in, double *ret)
{
    bool good = true;
    for (size_t i = 0; good && i < ORF_MESSAGE_FDS; i++) {
        uint64_t bits = 0;
        good = take64(in, &bits);
        memcpy(&ret[i], &bits, sizeof bits);
        good = good && !isinf(ret[i]);
    }
    return good;
}

static bool
take_text(Reader *in, uint32_t most, char **ret)
{
    uint32_t size;
    if (!take32(in, &size))
        return false;
    if (size == NO_TEXT)
        return true;
    if (size > most || size > in->left ||
        !g_utf8_validate_len((const char *)in->at, size, NULL))
        return false;
    *ret = g_strndup((const char *)in->at, size);
    in->at += size;
    in->left -= size;
    return true;
}

static bool
take_texts(Reader *in, uint32_t most, char ***ret)
{
    uint32_t n;
    if (!take32(in, &n) || n > MOST_TEXTS || n > in->left / sizeof n)
        return false;
    *ret = g_new0(char *, n + 1);
    for (uint32_t i = 0; i < n; i++)
        if (!take_text(in, most, &(*ret)[i]) || !(*ret)[i])
            return false;
    return true;
}

static bool
take_field(Reader *in, const Field *field, void *at)
{
    switch (field->kind) {
    case NUMBER:
        return take64(in, at);
    case FLAG:
        return take_flag(in, at);
    case REAL:
        return take_real(in, at);
    case ANGLES:
        return take_angles(in, at);
    case TEXT:
        return take_text(in, field->most, at);
    case TEXTS:
        return take_texts(in, field->most, at);
    }
    return false;
}

bool
orf_message_read_head(const uint8_t head[ORF_MESSAGE_HEAD], OrfMessageType *ret_type,
                      size_t *ret_size, size_t *ret_n_fds, GError **error)
{
    uint16_t magic;
    uint32_t fds, size;
    memcpy(&magic, head, 2);
    memcpy(&fds, head + 4, 4);
    memcpy(&size, head + 8, 4);
    fds = GUINT32_FROM_LE(fds);
    size = GUINT32_FROM_LE(size);
    if (GUINT16_FROM_LE(magic) != MAGIC)
        return ORF_FALSE(error, BAD_INPUT, "a message begins with other bytes than it must");
    if (head[2] != VERSION)
        return ORF_FALSE(error, BAD_INPUT, "a message of version %u, where %d is spoken",
                         head[2], VERSION);
    if (head[3] >= ORF_MESSAGE_N_TYPES || !types[head[3]].name)
        return ORF_FALSE(error, BAD_INPUT, "a message of the unknown type %u", head[3]);
    if (size > ORF_MESSAGE_MOST - ORF_MESSAGE_HEAD || fds > ORF_MESSAGE_FDS)
        return ORF_FALSE(error, BAD_INPUT,
                         "a message \"%s\" claims %u bytes and %u descriptors, more than is "
                         "allowed",
                         types[head[3]].name, size, fds);
    *ret_type = head[3];
    *ret_size = size;
    *ret_n_fds = fds;
    return true;
}

OrfMessage *
orf_message_decode(const void *data, size_t size, GError **error)
{
    OrfMessageType type;
    size_t body, n_fds;
    if (size < ORF_MESSAGE_HEAD)
        return ORF_FAIL(error, BAD_INPUT, "a message is cut off in its head");
    if (!orf_message_read_head(data, &type, &body, &n_fds, error))
        return NULL;
    Reader in = { (const uint8_t *)data + ORF_MESSAGE_HEAD, size - ORF_MESSAGE_HEAD };
    g_autoptr(OrfMessage) message = g_new0(OrfMessage, 1);
    message->type = type;
    bool good = body == in.left;
    for (size_t i = 0; good && i < types[type].n; i++)
        good = take_field(&in, &types[type].fields[i], member(message, &types[type].fields[i]));
    if (!good || in.left)
        return ORF_FAIL(error, BAD_INPUT, "a message \"%s\" does not hold what it must",
                        types[type].name);
    return g_steal_pointer(&message);
}
