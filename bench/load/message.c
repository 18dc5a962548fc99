/* message.c - requests built once and sent often.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * A message is a lead (head, fields, the first bytes of the file), the rest of the file, which
 * stays mapped and shared, and a tail. Only a lead with counters is copied for each sending. */
#define _GNU_SOURCE
#include "load.h"

#include <stdio.h>
#include <string.h>

#define BOUNDARY "----orfeas-load-8d1c6f"
#define MARK "{counter}"
#define MARK_SIZE (sizeof MARK - 1)
#define MARKED_BYTES 4096u /* of a file */
#define COUNTER_BASE 100000000u

struct LoadMessage {
    GString *lead, *tail;
    GMappedFile *file;
    GArray *marks; /* offsets into the lead */
};

void
load_message_free(LoadMessage *message)
{
    if (!message)
        return;
    g_string_free(message->lead, TRUE);
    g_string_free(message->tail, TRUE);
    g_array_unref(message->marks);
    if (message->file)
        g_mapped_file_unref(message->file);
    g_free(message);
}

static const char *
type_of(const char *file)
{
    return g_str_has_suffix(file, ".png")    ? "image/png"
           : g_str_has_suffix(file, ".svg")  ? "image/svg+xml"
           : g_str_has_suffix(file, ".webp") ? "image/webp"
                                             : "image/jpeg";
}

/* The parts before the file's bytes. */
static void
add_parts(GString *body, const LoadWish *wish)
{
    for (size_t i = 0; wish->fields && wish->fields[i]; i++) {
        const char *equals = strchrnul(wish->fields[i], '=');
        g_string_append_printf(
            body,
            "--" BOUNDARY "\r\nContent-Disposition: form-data; name=\"%.*s\"\r\n\r\n%s\r\n",
            (int)(equals - wish->fields[i]), wish->fields[i], *equals ? equals + 1 : "");
    }
    if (!wish->file)
        return;
    g_autofree char *base = g_path_get_basename(wish->file);
    g_string_append_printf(body,
                           "--" BOUNDARY "\r\nContent-Disposition: form-data; name=\"image\"; "
                           "filename=\"%s\"\r\nContent-Type: %s\r\n\r\n",
                           base, type_of(base));
}

static void
add_head(GString *lead, const LoadWish *wish, const char *type, size_t body_size)
{
    g_string_append_printf(lead, "%s HTTP/1.1\r\nHost: %s\r\n", wish->request, wish->host);
    for (size_t i = 0; wish->headers && wish->headers[i]; i++)
        g_string_append_printf(lead, "%s\r\n", wish->headers[i]);
    if (type)
        g_string_append_printf(lead, "Content-Type: %s\r\n", type);
    if (body_size || !g_str_has_prefix(wish->request, "GET "))
        g_string_append_printf(lead, "Content-Length: %zu\r\n", body_size);
    g_string_append(lead, "\r\n");
}

static void
find_marks(LoadMessage *message)
{
    const char *from = message->lead->str, *at;
    size_t left = message->lead->len;
    while ((at = memmem(from, left, MARK, MARK_SIZE))) {
        size_t offset = (size_t)(at - message->lead->str);
        g_array_append_val(message->marks, offset);
        from = at + MARK_SIZE;
        left = message->lead->len - offset - MARK_SIZE;
    }
}

LoadMessage *
load_message_new(const LoadWish *wish, GError **error)
{
    g_autoptr(LoadMessage) message = g_new0(LoadMessage, 1);
    message->lead = g_string_new(NULL);
    message->tail = g_string_new(NULL);
    message->marks = g_array_new(FALSE, FALSE, sizeof(size_t));
    const char *path = wish->file ? wish->file : wish->body;
    message->file = path ? g_mapped_file_new(path, FALSE, error) : NULL;
    if (path && !message->file)
        return NULL;
    bool multipart = wish->file || wish->fields;
    g_autoptr(GString) parts = g_string_new(wish->text);
    if (multipart) {
        add_parts(parts, wish);
        g_string_append(message->tail,
                        wish->file ? "\r\n--" BOUNDARY "--\r\n" : "--" BOUNDARY "--\r\n");
    }
    size_t file_size = path ? g_mapped_file_get_length(message->file) : 0;
    add_head(message->lead, wish, multipart ? "multipart/form-data; boundary=" BOUNDARY : NULL,
             parts->len + file_size + message->tail->len);
    g_string_append_len(message->lead, parts->str, (gssize)parts->len);
    if (path)
        g_string_append_len(message->lead, g_mapped_file_get_contents(message->file),
                            (gssize)MIN(file_size, MARKED_BYTES));
    find_marks(message);
    return g_steal_pointer(&message);
}

/* --- Sending ------------------------------------------------------------------------------ */

static char *
marked_lead(const LoadMessage *message, uint64_t counter)
{
    char digits[16];
    char *lead = g_memdup2(message->lead->str, message->lead->len);
    snprintf(digits, sizeof digits, "%09u",
             (unsigned)(COUNTER_BASE + counter % (9u * COUNTER_BASE)));
    for (size_t i = 0; i < message->marks->len; i++)
        memcpy(lead + g_array_index(message->marks, size_t, i), digits, MARK_SIZE);
    return lead;
}

void
load_letter_init(LoadLetter *letter, const LoadMessage *message, uint64_t counter)
{
    letter->own = message->marks->len ? marked_lead(message, counter) : NULL;
    letter->part[0] =
        (struct iovec){ letter->own ? letter->own : message->lead->str, message->lead->len };
    letter->part[1] = (struct iovec){ NULL, 0 };
    size_t size = message->file ? g_mapped_file_get_length(message->file) : 0;
    if (size > MARKED_BYTES)
        letter->part[1] =
            (struct iovec){ g_mapped_file_get_contents(message->file) + MARKED_BYTES,
                            size - MARKED_BYTES };
    letter->part[2] = (struct iovec){ message->tail->str, message->tail->len };
}

void
load_letter_clear(LoadLetter *letter)
{
    g_clear_pointer(&letter->own, g_free);
}
