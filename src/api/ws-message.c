/* ws-message.c - what clients of the WebSocket say.
 *
 *     {"type":"subscribe","job":ID,"last_event_id":7}   {"type":"unsubscribe","job":ID}
 * {"type":"ping"}
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Pure. Members that are not known are errors here as they are in bodies: a misspelt one would
 * be missed in silence. */
#include "api/jobs-priv.h"

#include <string.h>

#define LARGEST 4096

static const struct {
    const char *name, *members;
    OrfWsType type;
    bool needs_job;
} kinds[] = {
    { "subscribe", "|type|job|last_event_id|", ORF_WS_SUBSCRIBE, true },
    { "unsubscribe", "|type|job|", ORF_WS_UNSUBSCRIBE, true },
    { "ping", "|type|", ORF_WS_PING, false },
};

/* A job's id: short, and nothing that must be escaped. */
static bool
is_id(const char *text)
{
    size_t size = text ? strlen(text) : 0;
    for (size_t i = 0; i < size; i++)
        if (!g_ascii_isalnum(text[i]) && text[i] != '_' && text[i] != '-')
            return false;
    return size > 0 && size < ORF_WS_ID_SIZE;
}

static const char *
check_members(json_t *message, const char *known)
{
    const char *name;
    json_t *value;
    json_object_foreach(message, name, value)
    {
        g_autofree char *marked = g_strdup_printf("|%s|", name);
        if (!strstr(known, marked))
            return "a member is not known; subscribe has job and last_event_id, unsubscribe "
                   "has "
                   "job";
    }
    return NULL;
}

static const char *
read_job(const json_t *message, OrfWsMessage *ret)
{
    const char *job = json_string_value(json_object_get(message, "job"));
    const json_t *after = json_object_get(message, "last_event_id");
    if (!is_id(job))
        return "job must be the id of a job";
    if (after && !json_is_null(after) &&
        (!json_is_integer(after) || json_integer_value(after) < 0))
        return "last_event_id must be the number of an event";
    g_strlcpy(ret->job, job, sizeof ret->job);
    ret->after = (uint64_t)json_integer_value(after);
    return NULL;
}

static const char *
read_object(json_t *message, OrfWsMessage *ret)
{
    const char *type = json_string_value(json_object_get(message, "type"));
    for (size_t i = 0; type && i < G_N_ELEMENTS(kinds); i++) {
        if (strcmp(type, kinds[i].name) != 0)
            continue;
        ret->type = kinds[i].type;
        const char *wrong = check_members(message, kinds[i].members);
        return wrong || !kinds[i].needs_job ? wrong : read_job(message, ret);
    }
    return "type must be subscribe, unsubscribe or ping";
}

const char *
orf_ws_message_read(const char *text, size_t size, OrfWsMessage *ret)
{
    *ret = (OrfWsMessage){ 0 };
    if (size > LARGEST)
        return "the message is longer than 4096 bytes";
    json_t *message = json_loadb(text, size, JSON_REJECT_DUPLICATES, NULL);
    const char *wrong =
        json_is_object(message) ? read_object(message, ret) : "the message is no JSON object";
    json_decref(message);
    return wrong;
}
