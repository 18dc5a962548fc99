/* events.c - server-sent events (WHATWG HTML, section 9.2.6), for a reader that never
 * reconnects.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "load.h"

#include <string.h>

struct LoadEvents {
    LoadEventFn event;
    void *user;
    GString *line, *name, *id, *data;
    bool any; /* a data line came */
};

LoadEvents *
load_events_new(LoadEventFn event, void *data)
{
    LoadEvents *events = g_new(LoadEvents, 1);
    *events = (LoadEvents){ event,
                            data,
                            g_string_new(NULL),
                            g_string_new(NULL),
                            g_string_new(NULL),
                            g_string_new(NULL),
                            false };
    return events;
}

void
load_events_free(LoadEvents *events)
{
    if (!events)
        return;
    g_string_free(events->line, TRUE);
    g_string_free(events->name, TRUE);
    g_string_free(events->id, TRUE);
    g_string_free(events->data, TRUE);
    g_free(events);
}

static void
dispatch(LoadEvents *events)
{
    LoadEvent event = { events->name->len ? events->name->str : "message", events->id->str,
                        events->data->str };
    if (events->any)
        events->event(&event, events->user);
    g_string_truncate(events->name, 0);
    g_string_truncate(events->data, 0);
    events->any = false;
}

static void
read_field(LoadEvents *events, const char *name, size_t size, const char *value)
{
    if (size == 4 && memcmp(name, "data", 4) == 0) {
        if (events->any)
            g_string_append_c(events->data, '\n');
        g_string_append(events->data, value);
        events->any = true;
    } else if (size == 5 && memcmp(name, "event", 5) == 0) {
        g_string_assign(events->name, value);
    } else if (size == 2 && memcmp(name, "id", 2) == 0) {
        g_string_assign(events->id, value);
    }
}

static void
read_line(LoadEvents *events)
{
    GString *line = events->line;
    if (line->len && line->str[line->len - 1] == '\r')
        g_string_truncate(line, line->len - 1);
    if (!line->len) {
        dispatch(events);
        return;
    }
    size_t size = strcspn(line->str, ":");
    const char *value = line->str + size + (line->str[size] == ':');
    if (size)
        read_field(events, line->str, size, value + (*value == ' '));
}

void
load_events_feed(LoadEvents *events, const char *bytes, size_t size)
{
    while (size) {
        const char *end = memchr(bytes, '\n', size);
        size_t n = end ? (size_t)(end - bytes) : size;
        g_string_append_len(events->line, bytes, (gssize)n);
        if (end) {
            read_line(events);
            g_string_truncate(events->line, 0);
            n++;
        }
        bytes += n;
        size -= n;
    }
}

int64_t
load_event_time(const char *json)
{
    const char *name = strstr(json, "\"time\"");
    const char *begin = name ? strchr(name + 6, '"') : NULL;
    const char *end = begin ? strchr(begin + 1, '"') : NULL;
    if (!end)
        return 0;
    g_autofree char *text = g_strndup(begin + 1, (size_t)(end - begin - 1));
    g_autoptr(GDateTime) time = g_date_time_new_from_iso8601(text, NULL);
    return time ? g_date_time_to_unix(time) * G_USEC_PER_SEC + g_date_time_get_microsecond(time)
                : 0;
}
