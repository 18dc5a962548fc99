/* blob-writer.c - a blob in the making, hashed while it arrives.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "store/store-priv.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

struct OrfBlobWriter {
    OrfStore *store;
    OrfDigester *digester;
    char *path; /* while it is unfinished */
    int fd;
    uint64_t size, limit;
};

OrfBlobWriter *
orf_blob_writer_new(OrfStore *store, uint64_t limit, GError **error)
{
    g_autoptr(OrfBlobWriter) writer = g_new0(OrfBlobWriter, 1);
    writer->store = store;
    writer->limit = limit;
    writer->digester = orf_digester_new();
    g_autofree char *path = g_build_filename(store->blob_dir, "new", "XXXXXX", NULL);
    writer->fd = g_mkstemp_full(path, O_WRONLY | O_CLOEXEC, 0600);
    if (writer->fd < 0) {
        orf_file_fail(error, "no new blob can be made", errno);
        return NULL;
    }
    writer->path = g_steal_pointer(&path);
    return g_steal_pointer(&writer);
}

static bool
write_all(int fd, const char *data, size_t size, GError **error)
{
    while (size) {
        ssize_t n = write(fd, data, size);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return orf_file_fail(error, "a blob cannot be written", n < 0 ? errno : ENOSPC);
        data += n;
        size -= (size_t)n;
    }
    return true;
}

bool
orf_blob_writer_add(OrfBlobWriter *writer, const void *data, size_t size, GError **error)
{
    if (size > writer->limit - writer->size)
        return ORF_FALSE(error, TOO_LARGE,
                         "store: more than the %" G_GUINT64_FORMAT " bytes that are allowed; "
                         "send a smaller file",
                         writer->limit);
    orf_digester_add(writer->digester, data, size);
    writer->size += size;
    return write_all(writer->fd, data, size, error);
}

/* A name in its folder must survive a power cut, too. */
bool
orf_folder_sync(const char *folder, GError **error)
{
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool ok = fd >= 0 && fsync(fd) == 0;
    int code = errno;
    if (fd >= 0)
        close(fd);
    return ok || orf_file_fail(error, "a blob cannot be kept", code);
}

/* Makes the folder, and brings its own name to the disk when it is new. */
static bool
make_folder(const char *folder, GError **error)
{
    if (g_mkdir(folder, 0700) != 0)
        return errno == EEXIST || orf_file_fail(error, "a blob cannot be kept", errno);
    g_autofree char *above = g_path_get_dirname(folder);
    return orf_folder_sync(above, error);
}

static bool
rename_to(OrfBlobWriter *writer, const char *path, GError **error)
{
    g_autofree char *folder = g_path_get_dirname(path), *above = g_path_get_dirname(folder);
    if (!make_folder(above, error) || !make_folder(folder, error))
        return false;
    g_mutex_lock(&writer->store->sweeping);
    bool ok = g_rename(writer->path, path) == 0;
    int code = errno;
    g_mutex_unlock(&writer->store->sweeping);
    if (!ok)
        return orf_file_fail(error, "a blob cannot be kept", code);
    g_clear_pointer(&writer->path, g_free);
    return orf_folder_sync(folder, error);
}

bool
orf_blob_writer_finish(OrfBlobWriter *writer, char ret_digest[ORF_DIGEST_SIZE], GError **error)
{
    char digest[ORF_DIGEST_SIZE];
    orf_digester_end(writer->digester, digest);
    if (!orf_blob_has(writer->store, digest)) {
        if (fsync(writer->fd) != 0)
            return orf_file_fail(error, "a blob cannot be kept", errno);
        g_autofree char *path = orf_blob_path(writer->store, digest);
        if (!rename_to(writer, path, error))
            return false;
    }
    memcpy(ret_digest, digest, ORF_DIGEST_SIZE);
    return true;
}

void
orf_blob_writer_free(OrfBlobWriter *writer)
{
    if (!writer)
        return;
    if (writer->fd >= 0)
        close(writer->fd);
    if (writer->path)
        g_unlink(writer->path);
    orf_digester_free(writer->digester);
    g_free(writer->path);
    g_free(writer);
}
