/* topic-message.c - what clients of the WebSocket say.
 *
 *     {"type":"subscribe","topic":"job/ID","last_event_id":7}
 *     {"type":"unsubscribe","topic":"job/ID"}   {"type":"ping"}
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Pure. "job":ID is short for "topic":"job/ID". Members that are not known are errors here as
 * they are in bodies: a misspelt one would be missed in silence. */
#include "rest/rest-priv.h"

#include <string.h>

#define LARGEST 4096

/* An id: short, and nothing that must be escaped. */
static bool
is_id(const char *text)
{
    size_t size = text ? strlen(text) : 0;
    for (size_t i = 0; i < size; i++)
        if (!g_ascii_isalnum(text[i]) && text[i] != '_' && text[i] != '-')
            return false;
    return size > 0 && size < ORF_TOPIC_ID;
}

static const OrfTopic *
find_topic(const OrfTopic *const *topics, const char *name, size_t size)
{
    for (; *topics; topics++)
        if (strlen((*topics)->name) == size && memcmp((*topics)->name, name, size) == 0)
            return *topics;
    return NULL;
}

/* What the message is about; NULL, or what is wrong. */
static const char *
read_topic(const OrfTopic *topic, const char *id, OrfTopicMessage *ret)
{
    if (ret->topic)
        return "a message is about one topic";
    if (!topic)
        return "there is no such topic";
    if (!is_id(id))
        return "an id has letters, digits, _ and -, at most 63";
    ret->topic = topic;
    g_strlcpy(ret->id, id, sizeof ret->id);
    return NULL;
}

static const char *
read_after(const json_t *value, OrfTopicMessage *ret)
{
    if (!json_is_null(value) && (!json_is_integer(value) || json_integer_value(value) < 0))
        return "last_event_id must be the number of an event";
    ret->after = (uint64_t)json_integer_value(value);
    return NULL;
}

static const char *
read_member(const char *name, const json_t *value, const OrfTopic *const *topics,
            OrfTopicMessage *ret)
{
    const char *text = json_string_value(value);
    const OrfTopic *topic = find_topic(topics, name, strlen(name));
    if (strcmp(name, "last_event_id") == 0 && ret->type == ORF_TOPIC_SUBSCRIBE)
        return read_after(value, ret);
    if (topic)
        return read_topic(topic, text, ret);
    const char *slash = text ? strchr(text, '/') : NULL;
    if (strcmp(name, "topic") == 0 && slash)
        return read_topic(find_topic(topics, text, (size_t)(slash - text)), slash + 1, ret);
    return "a member is not known; subscribe has topic and last_event_id, unsubscribe has topic";
}

static bool
read_type(const char *text, OrfTopicType *ret)
{
    static const char *const names[] = { "ping", "subscribe", "unsubscribe" };
    for (size_t i = 0; text && i < G_N_ELEMENTS(names); i++) {
        if (strcmp(text, names[i]) != 0)
            continue;
        *ret = (OrfTopicType)i;
        return true;
    }
    return false;
}

static const char *
read_object(json_t *message, const OrfTopic *const *topics, OrfTopicMessage *ret)
{
    const char *name, *wrong = NULL;
    json_t *value;
    if (!read_type(json_string_value(json_object_get(message, "type")), &ret->type))
        return "type must be subscribe, unsubscribe or ping";
    json_object_foreach(message, name, value)
    {
        if (!wrong && strcmp(name, "type") != 0)
            wrong = ret->type == ORF_TOPIC_PING ? "ping has no further member"
                                                : read_member(name, value, topics, ret);
    }
    bool lacks = ret->type != ORF_TOPIC_PING && !ret->topic;
    return wrong ? wrong : lacks ? "topic must say what, as \"job/ID\"" : NULL;
}

const char *
orf_topic_message_read(const char *text, size_t size, const OrfTopic *const *topics,
                       OrfTopicMessage *ret)
{
    *ret = (OrfTopicMessage){ 0 };
    if (size > LARGEST)
        return "the message is longer than 4096 bytes";
    json_t *message = json_loadb(text, size, JSON_REJECT_DUPLICATES, NULL);
    const char *wrong = json_is_object(message) ? read_object(message, topics, ret)
                                                : "the message is no JSON object";
    json_decref(message);
    return wrong;
}
