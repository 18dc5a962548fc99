/* files.c - reading with a limit; sizes and formats in words.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "cli/cli.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static GBytes *
fail_errno(GError **error, const char *path, const char *verb, int code)
{
    g_set_error(error, G_FILE_ERROR, (gint)g_file_error_from_errno(code), "%s: cannot %s: %s",
                path, verb, g_strerror(code));
    return NULL;
}

/* Reads to the end; a regular file's size is only a hint. */
static GBytes *
read_all(int fd, const char *path, size_t hint, size_t limit, GError **error)
{
    g_autoptr(GByteArray) data = g_byte_array_sized_new((guint)MIN(hint + 1, limit));
    size_t n = 0, room = MAX(hint + 1, (size_t)1 << 16);
    for (;;) {
        g_byte_array_set_size(data, (guint)MIN(n + room, G_MAXUINT - 1));
        ssize_t got = read(fd, data->data + n, data->len - n);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return fail_errno(error, path, "read", errno);
        n += (size_t)got;
        if (n > limit)
            return ORF_FAIL(error, TOO_LARGE, "%s: more than %zu MiB; that is over the limit",
                            path, limit >> 20);
        if (got == 0)
            break;
        room = (size_t)1 << 20;
    }
    g_byte_array_set_size(data, (guint)n);
    return g_byte_array_free_to_bytes(g_steal_pointer(&data));
}

GBytes *
orf_cli_read(const char *path, size_t limit, GError **error)
{
    limit = MIN(limit, (size_t)G_MAXUINT - ((size_t)2 << 20));
    if (g_str_equal(path, "-"))
        return read_all(STDIN_FILENO, "standard input", 0, limit, error);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return fail_errno(error, path, "open", errno);
    struct stat about;
    if (fstat(fd, &about) == 0 && S_ISDIR(about.st_mode)) {
        close(fd);
        return fail_errno(error, path, "read", EISDIR);
    }
    size_t size = S_ISREG(about.st_mode) ? (size_t)about.st_size : 0;
    GBytes *bytes =
        size > limit ? ORF_FAIL(error, TOO_LARGE, "%s: %zu MiB are over the limit of %zu MiB",
                                path, size >> 20, limit >> 20)
                     : read_all(fd, path, size, limit, error);
    close(fd);
    return bytes;
}

/* The entry of `folder` that is called `name` but for the case of letters; NULL: none. */
static char *
match_entry(const char *folder, const char *name)
{
    g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
    g_autofree char *wanted = g_utf8_casefold(name, -1);
    char *found = NULL;
    for (const char *entry; dir && (entry = g_dir_read_name(dir));) {
        g_autofree char *folded =
            g_utf8_validate(entry, -1, NULL) ? g_utf8_casefold(entry, -1) : NULL;
        bool better = folded && g_str_equal(folded, wanted) &&
                      (!found || strcmp(entry, found) < 0); /* the same one every time */
        if (better) {
            g_free(found);
            found = g_strdup(entry);
        }
    }
    return found;
}

char *
orf_cli_beside(const char *path, const char *name)
{
    g_autofree char *folder = g_path_get_dirname(path);
    char *at = g_build_filename(folder, name, NULL);
    if (g_file_test(at, G_FILE_TEST_EXISTS) || !g_utf8_validate(name, -1, NULL))
        return at;
    g_clear_pointer(&at, g_free);
    at = g_steal_pointer(&folder);
    g_auto(GStrv) parts = g_strsplit(name, "/", -1);
    for (char **part = parts; at && *part; part++) {
        g_autofree char *entry = **part ? match_entry(at, *part) : g_strdup(".");
        char *next = entry ? g_build_filename(at, entry, NULL) : NULL;
        g_free(at);
        at = next;
    }
    return at;
}

char *
orf_cli_stem(const char *path)
{
    char *stem = g_str_equal(path, "-") ? g_strdup("stdin") : g_path_get_basename(path);
    char *dot = strrchr(stem, '.');
    if (dot && dot != stem)
        *dot = '\0';
    return stem;
}

char *
orf_cli_formats(const char *last)
{
    GString *out = g_string_new(NULL);
    for (const char *const *name = orf_format_names(); *name; name++)
        g_string_append_printf(out, "%s%s", !out->len ? "" : name[1] ? ", " : last, *name);
    return g_string_free(out, FALSE);
}

bool
orf_cli_memory(const char *text, size_t *ret, GError **error)
{
    const char *end = "";
    double value = 0;
    bool number = orf_read_number(text, &end, &value);
    double scale = *end == 'G' || *end == 'g'   ? 1024.0 * 1024 * 1024
                   : *end == 'M' || *end == 'm' ? 1024.0 * 1024
                   : *end == 'K' || *end == 'k' ? 1024.0
                                                : 1;
    if (!number || (*end && (scale == 1 || end[1])) || !(value * scale >= 1 << 20) ||
        value * scale > 1e15)
        return ORF_FALSE(error, BAD_INPUT,
                         "--memory %s: give a size such as 512M or 2G, at least 1M", text);
    *ret = (size_t)(value * scale);
    return true;
}
