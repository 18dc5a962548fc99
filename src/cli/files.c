/* files.c - reading with a limit.
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

char *
orf_cli_stem(const char *path)
{
    char *stem = g_str_equal(path, "-") ? g_strdup("stdin") : g_path_get_basename(path);
    char *dot = strrchr(stem, '.');
    if (dot && dot != stem)
        *dot = '\0';
    return stem;
}
