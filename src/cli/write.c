/* write.c - how the bytes of one file reach the disk.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * A regular file is written under a temporary name beside it and renamed when complete, with
 * the mode and owner of the file it replaces. Symbolic links are followed to the file they
 * mean, existing or not. A file of several names (hard links), and one whose owner or folder
 * would not allow a twin, is written in place, after its room on the disk is reserved. Whatever
 * is no regular file (pipe, device, terminal) is opened and written as it is. */
#define _GNU_SOURCE /* renameat2 */

#include "cli/cli.h"
#include "cli/output.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LINKS_MOST 40 /* as the kernel */

typedef enum { RENAMED, IN_PLACE, STREAMED } Way;

struct OrfWrite {
    char *path;   /* as named, for messages */
    char *target; /* behind symbolic links */
    GBytes *bytes;
    Way way;
    OrfWriteKind kind;
    int stream;      /* file descriptor that the path names (/dev/stdout); -1: none */
    char *temporary; /* not renamed yet; or NULL */
    bool existed;
};

static bool
fail_errno(GError **error, const char *path, int code)
{
    g_set_error(error, G_FILE_ERROR, (gint)g_file_error_from_errno(code),
                "%s: cannot write: %s; nothing was left behind", path, g_strerror(code));
    return false;
}

/* --- Where it leads ----------------------------------------------------------------------- */

/* The open file that "/dev/stdout" and its like stand for; -1: an ordinary path. */
static int
open_file_of(const char *path)
{
    static const struct {
        const char *name;
        int fd;
    } known[] = { { "-", 1 }, { "/dev/stdout", 1 }, { "/dev/stderr", 2 } };
    for (size_t i = 0; i < G_N_ELEMENTS(known); i++)
        if (g_str_equal(path, known[i].name))
            return known[i].fd;
    static const char *const folders[] = { "/dev/fd/", "/proc/self/fd/" };
    for (size_t i = 0; i < G_N_ELEMENTS(folders); i++) {
        guint64 fd;
        if (g_str_has_prefix(path, folders[i]) &&
            g_ascii_string_to_unsigned(path + strlen(folders[i]), 10, 0, 1 << 20, &fd, NULL))
            return (int)fd;
    }
    return -1;
}

/* One step along a symbolic link; NULL: it is none. */
static char *
next_of(const char *path)
{
    g_autofree char *to = g_file_read_link(path, NULL);
    if (!to)
        return NULL;
    if (g_path_is_absolute(to))
        return g_steal_pointer(&to);
    g_autofree char *folder = g_path_get_dirname(path);
    return g_build_filename(folder, to, NULL);
}

static void
follow(OrfWrite *write)
{
    write->target = g_strdup(write->path);
    write->stream = open_file_of(write->target);
    for (int i = 0; write->stream < 0 && i < LINKS_MOST; i++) {
        char *next = next_of(write->target);
        if (!next)
            return;
        g_free(write->target);
        write->target = next;
        write->stream = open_file_of(next);
    }
}

/* --- Bytes -------------------------------------------------------------------------------- */

static int
put_all(int fd, GBytes *bytes)
{
    size_t left;
    const char *at = g_bytes_get_data(bytes, &left);
    while (left > 0) {
        ssize_t put = write(fd, at, left);
        if (put < 0 && errno != EINTR)
            return errno;
        at += MAX(put, 0);
        left -= (size_t)MAX(put, 0);
    }
    return 0;
}

/* A twin of the file it shall replace; the code of the failure, 0: done. */
static int
fill_temporary(int fd, GBytes *bytes, const struct stat *old)
{
    if (old && (fchown(fd, old->st_uid, old->st_gid) || fchmod(fd, old->st_mode & 07777)))
        return EPERM;
    int code = put_all(fd, bytes);
    return !code && old && fsync(fd) ? errno : code;
}

/* ret_code is EACCES or EPERM when the folder allows no twin. */
static bool
make_temporary(OrfWrite *write, const struct stat *old, int *ret_code)
{
    g_autofree char *folder = g_path_get_dirname(write->target);
    g_autofree char *name = g_build_filename(folder, ".orfeas-XXXXXX", NULL);
    int fd = g_mkstemp_full(name, O_RDWR | O_CLOEXEC, old ? 0600 : 0666);
    if (fd < 0) {
        *ret_code = errno;
        return false;
    }
    int code = fill_temporary(fd, write->bytes, old);
    if (close(fd) && !code)
        code = errno;
    if (code)
        unlink(name);
    else
        write->temporary = g_steal_pointer(&name);
    *ret_code = code;
    return code == 0;
}

/* --- Prepare ------------------------------------------------------------------------------ */

static bool
prepare_regular(OrfWrite *write, const struct stat *old, GError **error)
{
    int code = 0;
    write->existed = old != NULL;
    if (old && write->kind == ORF_WRITE_NEW)
        return ORF_FALSE(error, CONFLICT,
                         "%s: came to be there while the work was going on; nothing was "
                         "written, run it again",
                         write->path);
    write->way = old && old->st_nlink > 1 ? IN_PLACE : RENAMED;
    if (write->way == IN_PLACE || make_temporary(write, old, &code))
        return true;
    if (!old || (code != EACCES && code != EPERM) || access(write->target, W_OK))
        return fail_errno(error, write->path, code);
    write->way = IN_PLACE;
    return true;
}

static bool
prepare(OrfWrite *write, GError **error)
{
    follow(write);
    struct stat about;
    write->way = STREAMED;
    if (write->stream >= 0)
        return true;
    if (lstat(write->target, &about))
        return errno == ENOENT ? prepare_regular(write, NULL, error)
                               : fail_errno(error, write->path, errno);
    if (S_ISDIR(about.st_mode))
        return fail_errno(error, write->path, EISDIR);
    if (S_ISLNK(about.st_mode))
        return fail_errno(error, write->path, ELOOP);
    return S_ISREG(about.st_mode) ? prepare_regular(write, &about, error) : true;
}

OrfWrite *
orf_write_prepare(const char *path, GBytes *bytes, OrfWriteKind kind, GError **error)
{
    g_autoptr(OrfWrite) write = g_new0(OrfWrite, 1);
    write->path = g_strdup(path);
    write->bytes = g_bytes_ref(bytes);
    write->kind = kind;
    return prepare(write, error) ? g_steal_pointer(&write) : NULL;
}

/* --- Commit ------------------------------------------------------------------------------- */

/* Never over something: a link can be made only where nothing is. File systems without hard
 * links rename without replacing, or copy to a file that they create. */
static int
rename_to_new(const OrfWrite *write)
{
    if (!renameat2(AT_FDCWD, write->temporary, AT_FDCWD, write->target, RENAME_NOREPLACE))
        return 0;
    if (errno != EINVAL && errno != ENOSYS)
        return errno;
    if (link(write->temporary, write->target))
        return errno;
    unlink(write->temporary);
    return 0;
}

static bool
commit_renamed(OrfWrite *write, GError **error)
{
    bool over = write->kind == ORF_WRITE_OVER;
    int code = !over                                     ? rename_to_new(write)
               : rename(write->temporary, write->target) ? errno
                                                         : 0;
    if (code == EEXIST)
        return ORF_FALSE(error, CONFLICT,
                         "%s: came to be there while the work was going on; run it again",
                         write->path);
    if (code)
        return fail_errno(error, write->path, code);
    g_clear_pointer(&write->temporary, g_free);
    return true;
}

/* Room first: a full disk must not cost the old bytes. */
static int
overwrite(int fd, GBytes *bytes)
{
    struct stat about;
    size_t size = g_bytes_get_size(bytes);
    if (fstat(fd, &about))
        return errno;
    if ((off_t)size > about.st_size) {
        int code = posix_fallocate(fd, 0, (off_t)size);
        if (code) {
            (void)!ftruncate(fd, about.st_size);
            return code;
        }
    }
    int code = put_all(fd, bytes);
    return !code && ftruncate(fd, (off_t)size) ? errno : code;
}

static bool
commit_open(OrfWrite *write, GError **error)
{
    int fd = write->stream >= 0 ? fcntl(write->stream, F_DUPFD_CLOEXEC, 3)
                                : open(write->target, O_WRONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0)
        return fail_errno(error, write->path, errno);
    int code = write->way == IN_PLACE ? overwrite(fd, write->bytes) : put_all(fd, write->bytes);
    if (close(fd) && !code)
        code = errno;
    return !code || fail_errno(error, write->path, code);
}

bool
orf_write_commit(OrfWrite *write, bool *ret_created, GError **error)
{
    *ret_created = false;
    if (write->way != RENAMED)
        return commit_open(write, error);
    if (!commit_renamed(write, error))
        return false;
    *ret_created = !write->existed;
    return true;
}

void
orf_write_free(OrfWrite *write)
{
    if (!write)
        return;
    if (write->temporary)
        unlink(write->temporary);
    g_free(write->temporary);
    g_free(write->path);
    g_free(write->target);
    g_bytes_unref(write->bytes);
    g_free(write);
}
