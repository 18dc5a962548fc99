/* blob.c - bytes by the name of their SHA-256.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Two levels of folders keep each one small. A blob is written under another name, brought to
 * the disk, and renamed: whoever finds it finds all of it. The time of its last change is the
 * time somebody last wanted it kept. */
#include "store/store-priv.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

bool
orf_blob_is_name(const char *digest)
{
    return digest && strlen(digest) == ORF_DIGEST_SIZE - 1 &&
           strspn(digest, "0123456789abcdef") == ORF_DIGEST_SIZE - 1;
}

char *
orf_blob_path(const OrfStore *store, const char *digest)
{
    return g_strdup_printf("%s/%.2s/%.2s/%s", store->blob_dir, digest, digest + 2, digest);
}

static bool
fail_gone(GError **error)
{
    return ORF_FALSE(error, NOT_FOUND, "store: these bytes are not kept here (any more)");
}

bool
orf_blob_put(OrfStore *store, GBytes *bytes, char ret_digest[ORF_DIGEST_SIZE], GError **error)
{
    char digest[ORF_DIGEST_SIZE];
    size_t size;
    const void *data = g_bytes_get_data(bytes, &size);
    orf_digest(data, size, digest);
    if (!orf_blob_has(store, digest)) {
        g_autoptr(OrfBlobWriter) writer = orf_blob_writer_new(store, UINT64_MAX, error);
        if (!writer || !orf_blob_writer_add(writer, data, size, error) ||
            !orf_blob_writer_finish(writer, digest, error))
            return false;
    }
    memcpy(ret_digest, digest, ORF_DIGEST_SIZE);
    return true;
}

bool
orf_blob_has(OrfStore *store, const char *digest)
{
    if (!orf_blob_is_name(digest))
        return false;
    g_autofree char *path = orf_blob_path(store, digest);
    g_mutex_lock(&store->sweeping);
    bool has = utimensat(AT_FDCWD, path, NULL, 0) == 0;
    g_mutex_unlock(&store->sweeping);
    return has;
}

int
orf_blob_open(OrfStore *store, const char *digest, uint64_t *ret_size, GError **error)
{
    struct stat about;
    int fd = -1;
    if (orf_blob_is_name(digest)) {
        g_autofree char *path = orf_blob_path(store, digest);
        fd = open(path, O_RDONLY | O_CLOEXEC);
    }
    if (fd < 0 || fstat(fd, &about) != 0) {
        if (fd >= 0)
            close(fd);
        fail_gone(error);
        return -1;
    }
    *ret_size = (uint64_t)about.st_size;
    return fd;
}

/* --- Bytes in memory ---------------------------------------------------------------------- */

/* Memory of its own, which goes back to the system whole. */
typedef struct {
    void *data;
    size_t size;
} Pages;

static void
pages_free(void *data)
{
    Pages *pages = data;
    munmap(pages->data, pages->size);
    g_free(pages);
}

static bool
read_all(int fd, char *data, size_t size, GError **error)
{
    for (size_t at = 0; at < size;) {
        ssize_t n = read(fd, data + at, size - at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            orf_file_fail(error, "a blob cannot be read", n < 0 ? errno : EIO);
            return false;
        }
        at += (size_t)n;
    }
    return true;
}

/* The file itself is never mapped: when somebody cuts it short, or a disk fails, that would end
 * the process. */
static GBytes *
read_file(int fd, size_t size, GError **error)
{
    if (!size)
        return g_bytes_new(NULL, 0);
    void *data = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (data == MAP_FAILED)
        return ORF_FAIL(error, BUSY,
                        "store: no memory for a file of %zu bytes; try again later", size);
    Pages *pages = g_new(Pages, 1);
    *pages = (Pages){ data, size };
    if (read_all(fd, data, size, error))
        return g_bytes_new_with_free_func(data, size, pages_free, pages);
    pages_free(pages);
    return NULL;
}

GBytes *
orf_blob_get(OrfStore *store, const char *digest, GError **error)
{
    uint64_t size;
    int fd = orf_blob_open(store, digest, &size, error);
    if (fd < 0)
        return NULL;
    GBytes *bytes = read_file(fd, size, error);
    close(fd);
    return bytes;
}
