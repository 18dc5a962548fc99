/* multipart-head.c - the headers of a part and the parameters in them (RFC 7578, RFC 2045
 * section 5.1).
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "http/multipart-priv.h"

#include <string.h>

static const char *
skip_blank(const char *text)
{
    return text + strspn(text, " \t");
}

/* Browsers escape a quote as %22 or \"; a backslash before anything else is a path of old ones.
 */
static char *
read_quoted(const char **text)
{
    GString *out = g_string_new(NULL);
    const char *c = *text + 1;
    for (; *c && *c != '"'; c++) {
        if (c[0] == '\\' && (c[1] == '"' || c[1] == '\\'))
            c++;
        g_string_append_c(out, *c);
    }
    if (*c != '"') {
        g_string_free(out, TRUE);
        return NULL;
    }
    *text = c + 1;
    return g_string_free(out, FALSE);
}

static char *
read_token(const char **text)
{
    size_t size = strcspn(*text, " \t;\"");
    char *token = size ? g_strndup(*text, size) : NULL;
    *text += size;
    return token;
}

bool
orf_multipart_param(const char *value, const char *name, char **ret)
{
    g_autofree char *found = NULL;
    const char *c = value + strcspn(value, ";");
    while (*c == ';') {
        c = skip_blank(c + 1);
        size_t size = strcspn(c, "=; \t");
        const char *key = c;
        c += size;
        if (*c != '=')
            return false;
        c++;
        g_autofree char *text = *c == '"' ? read_quoted(&c) : read_token(&c);
        c = skip_blank(c);
        if (!text || (*c && *c != ';'))
            return false;
        if (size != strlen(name) || g_ascii_strncasecmp(key, name, size) != 0)
            continue;
        if (found)
            return false;
        found = g_steal_pointer(&text);
    }
    *ret = g_steal_pointer(&found);
    return true;
}

char *
orf_multipart_boundary(const char *content_type, GError **error)
{
    static const char type[] = "multipart/form-data";
    g_autofree char *boundary = NULL;
    size_t size = content_type ? strcspn(content_type, "; \t") : 0;
    if (size != strlen(type) || g_ascii_strncasecmp(content_type, type, size) != 0)
        return ORF_FAIL(error, UNSUPPORTED, "multipart: Content-Type is not %s", type);
    if (!orf_multipart_param(content_type, "boundary", &boundary) || !boundary)
        return ORF_FAIL(
            error, BAD_INPUT,
            "multipart: Content-Type names no boundary; let the HTTP client set it");
    size_t length = strlen(boundary);
    for (size_t i = 0; i < length; i++)
        if (!g_ascii_isalnum(boundary[i]) && !strchr("'()+_,-./:=? ", boundary[i]))
            return ORF_FAIL(error, BAD_INPUT, "multipart: the boundary holds a forbidden byte");
    if (!length || length > 70 || boundary[length - 1] == ' ')
        return ORF_FAIL(error, BAD_INPUT, "multipart: a boundary has 1 to 70 bytes, not %zu",
                        length);
    return g_steal_pointer(&boundary);
}

static bool
is_text(const char *text, size_t max)
{
    for (const char *c = text; *c; c++)
        if ((unsigned char)*c < 0x20 || *c == 0x7f)
            return false;
    return strlen(text) <= max && g_utf8_validate(text, -1, NULL);
}

static bool
read_disposition(const char *value, OrfPartHead *head, GError **error)
{
    size_t size = strcspn(value, "; \t");
    if (head->name)
        return ORF_FALSE(error, BAD_INPUT, "multipart: a part has two Content-Dispositions");
    if (size != 9 || g_ascii_strncasecmp(value, "form-data", 9) != 0 ||
        !orf_multipart_param(value, "name", &head->name) ||
        !orf_multipart_param(value, "filename", &head->filename) || !head->name)
        return ORF_FALSE(
            error, BAD_INPUT,
            "multipart: a part's Content-Disposition is not form-data; name=\"...\"");
    if (!is_text(head->name, 255) || (head->filename && !is_text(head->filename, 1023)))
        return ORF_FALSE(error, BAD_INPUT,
                         "multipart: a part's name is too long, or not plain UTF-8");
    return true;
}

static bool
read_line(char *line, OrfPartHead *head, GError **error)
{
    char *colon = strchr(line, ':');
    if (!colon || !orf_is_token(line, (size_t)(colon - line)))
        return ORF_FALSE(error, BAD_INPUT, "multipart: a part header is not \"Name: value\"");
    *colon = '\0';
    const char *value = g_strstrip(colon + 1);
    if (g_ascii_strcasecmp(line, "Content-Disposition") == 0)
        return read_disposition(value, head, error);
    if (g_ascii_strcasecmp(line, "Content-Type") == 0) {
        if (head->type || !is_text(value, 255))
            return ORF_FALSE(error, BAD_INPUT, "multipart: a part's Content-Type is malformed");
        head->type = g_strdup(value);
    } else if (g_ascii_strcasecmp(line, "Content-Transfer-Encoding") == 0 &&
               (g_ascii_strcasecmp(value, "base64") == 0 ||
                g_ascii_strcasecmp(value, "quoted-printable") == 0)) {
        return ORF_FALSE(error, BAD_INPUT,
                         "multipart: part encoding %s is of mail; send the bytes as they are",
                         value);
    }
    return true;
}

void
orf_part_head_clear(OrfPartHead *head)
{
    g_clear_pointer(&head->name, g_free);
    g_clear_pointer(&head->filename, g_free);
    g_clear_pointer(&head->type, g_free);
}

bool
orf_part_head_read(const char *bytes, size_t size, OrfPartHead *ret, GError **error)
{
    if (memchr(bytes, '\0', size))
        return ORF_FALSE(error, BAD_INPUT, "multipart: a part header holds a zero byte");
    g_autofree char *text = g_strndup(bytes, size);
    g_auto(GStrv) lines = g_strsplit(text, "\r\n", -1);
    g_auto(OrfPartHead) head = { 0 };
    for (size_t i = 0; lines[i]; i++)
        if (lines[i][0] && !read_line(lines[i], &head, error))
            return false;
    if (!head.name)
        return ORF_FALSE(error, BAD_INPUT,
                         "multipart: a part has no Content-Disposition with a name");
    *ret = head;
    head = (OrfPartHead){ 0 };
    return true;
}
