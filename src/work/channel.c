/* channel.c - messages over a stream socket, descriptors beside them, and bytes as descriptors.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * A message is written in one piece under a lock; its descriptors travel with its first byte,
 * and are counted in its head. Who receives other than what the head says hangs up. */
#define _GNU_SOURCE /* memfd_create */
#include "work/message.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

struct OrfChannel {
    int fd;
    GMutex sending;
};

#define SEALS (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

bool
orf_channel_pair(int ret_fds[2], GError **error)
{
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ret_fds) == 0)
        return true;
    return ORF_FALSE(error, UNAVAILABLE, "no socket for a runner: %s", g_strerror(errno));
}

OrfChannel *
orf_channel_new(int fd)
{
    OrfChannel *channel = g_new0(OrfChannel, 1);
    channel->fd = fd;
    g_mutex_init(&channel->sending);
    return channel;
}

void
orf_channel_shut(OrfChannel *channel)
{
    shutdown(channel->fd, SHUT_RDWR);
}

void
orf_channel_free(OrfChannel *channel)
{
    if (!channel)
        return;
    close(channel->fd);
    g_mutex_clear(&channel->sending);
    g_free(channel);
}

/* --- Sending ------------------------------------------------------------------------------ */

typedef union {
    struct cmsghdr head; /* aligns it */
    char bytes[CMSG_SPACE(sizeof(int) * ORF_MESSAGE_FDS)];
} Beside;

static void
attach(struct msghdr *out, Beside *beside, const int *fds, size_t n)
{
    size_t size = n * sizeof *fds;
    out->msg_control = beside->bytes;
    out->msg_controllen = CMSG_SPACE(size);
    memset(beside, 0, sizeof *beside);
    struct cmsghdr *head = CMSG_FIRSTHDR(out);
    head->cmsg_level = SOL_SOCKET;
    head->cmsg_type = SCM_RIGHTS;
    head->cmsg_len = CMSG_LEN(size);
    memcpy(CMSG_DATA(head), fds, size);
}

static bool
send_all(int fd, const uint8_t *data, size_t size, const OrfMessage *message)
{
    bool attached = message->n_fds == 0;
    while (size) {
        struct iovec piece = { (void *)(uintptr_t)data, size };
        struct msghdr out = { .msg_iov = &piece, .msg_iovlen = 1 };
        Beside beside;
        if (!attached)
            attach(&out, &beside, message->fds, message->n_fds);
        ssize_t n = sendmsg(fd, &out, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        attached = true;
        data += n;
        size -= (size_t)n;
    }
    return true;
}

bool
orf_channel_send(OrfChannel *channel, const OrfMessage *message, GError **error)
{
    g_autoptr(GBytes) bytes = orf_message_encode(message, error);
    if (!bytes)
        return false;
    size_t size;
    const uint8_t *data = g_bytes_get_data(bytes, &size);
    g_mutex_lock(&channel->sending);
    bool sent = send_all(channel->fd, data, size, message);
    g_mutex_unlock(&channel->sending);
    return sent || ORF_FALSE(error, UNAVAILABLE, "the other side of a channel is gone");
}

/* --- Receiving ---------------------------------------------------------------------------- */

/* What came so far of one message. */
typedef struct {
    int fds[ORF_MESSAGE_FDS];
    size_t n_fds;
    bool too_many;
} Coming;

static void
detach(struct msghdr *in, Coming *coming)
{
    for (struct cmsghdr *head = CMSG_FIRSTHDR(in); head; head = CMSG_NXTHDR(in, head)) {
        if (head->cmsg_level != SOL_SOCKET || head->cmsg_type != SCM_RIGHTS)
            continue;
        size_t n = (head->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (size_t i = 0; i < n; i++) {
            int fd;
            memcpy(&fd, CMSG_DATA(head) + i * sizeof fd, sizeof fd);
            if (coming->n_fds < ORF_MESSAGE_FDS)
                coming->fds[coming->n_fds++] = fd;
            else
                close(fd);
            coming->too_many |= coming->n_fds == ORF_MESSAGE_FDS && i + 1 < n;
        }
    }
    coming->too_many |= (in->msg_flags & MSG_CTRUNC) != 0;
}

/* 1: all of it; 0: the other side closed before its first byte; -1: it broke. */
static int
receive_all(int fd, uint8_t *data, size_t size, Coming *coming)
{
    for (size_t at = 0; at < size;) {
        struct iovec piece = { data + at, size - at };
        Beside beside;
        struct msghdr in = { .msg_iov = &piece,
                             .msg_iovlen = 1,
                             .msg_control = beside.bytes,
                             .msg_controllen = sizeof beside.bytes };
        ssize_t n = recvmsg(fd, &in, MSG_CMSG_CLOEXEC);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n == 0 && at == 0 ? 0 : -1;
        detach(&in, coming);
        at += (size_t)n;
    }
    return 1;
}

static OrfMessage *
receive_body(OrfChannel *channel, const uint8_t *head, Coming *coming, GError **error)
{
    OrfMessageType type;
    size_t size, n_fds;
    if (!orf_message_read_head(head, &type, &size, &n_fds, error))
        return NULL;
    g_autofree uint8_t *all = g_malloc(ORF_MESSAGE_HEAD + size);
    memcpy(all, head, ORF_MESSAGE_HEAD);
    if (size && receive_all(channel->fd, all + ORF_MESSAGE_HEAD, size, coming) != 1)
        return ORF_FAIL(error, UNAVAILABLE, "a message \"%s\" is cut off",
                        orf_message_type_name(type));
    if (coming->n_fds != n_fds || coming->too_many)
        return ORF_FAIL(error, BAD_INPUT, "a message \"%s\" of %zu descriptors came with %zu",
                        orf_message_type_name(type), n_fds, coming->n_fds);
    OrfMessage *message = orf_message_decode(all, ORF_MESSAGE_HEAD + size, error);
    if (message) {
        memcpy(message->fds, coming->fds, sizeof coming->fds);
        message->n_fds = coming->n_fds;
    }
    return message;
}

OrfMessage *
orf_channel_receive(OrfChannel *channel, GError **error)
{
    uint8_t head[ORF_MESSAGE_HEAD];
    Coming coming = { .n_fds = 0 };
    OrfMessage *message = NULL;
    int got = receive_all(channel->fd, head, sizeof head, &coming);
    if (got > 0)
        message = receive_body(channel, head, &coming, error);
    else if (got < 0)
        g_set_error(error, ORF_ERROR, ORF_ERROR_UNAVAILABLE, "a channel broke: %s",
                    g_strerror(errno));
    for (size_t i = 0; !message && i < coming.n_fds; i++)
        close(coming.fds[i]);
    return message;
}

/* --- Bytes as a descriptor ---------------------------------------------------------------- */

static bool
write_all(int fd, const uint8_t *data, size_t size)
{
    while (size) {
        ssize_t n = write(fd, data, size);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        data += n;
        size -= (size_t)n;
    }
    return true;
}

int
orf_sealed_new(GBytes *bytes, GError **error)
{
    size_t size;
    const uint8_t *data = g_bytes_get_data(bytes, &size);
    int fd = memfd_create("orfeas", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd >= 0 && write_all(fd, data, size) && fcntl(fd, F_ADD_SEALS, SEALS) == 0)
        return fd;
    g_set_error(error, ORF_ERROR, ORF_ERROR_UNAVAILABLE, "%zu bytes cannot be handed on: %s",
                size, g_strerror(errno));
    if (fd >= 0)
        close(fd);
    return -1;
}

typedef struct {
    void *data;
    size_t size;
} Mapped;

static void
unmap(void *data)
{
    Mapped *mapped = data;
    munmap(mapped->data, mapped->size);
    g_free(mapped);
}

GBytes *
orf_descriptor_map(int fd, bool sealed, GError **error)
{
    struct stat about;
    if (sealed && fcntl(fd, F_ADD_SEALS, SEALS) != 0 &&
        (fcntl(fd, F_GET_SEALS) & SEALS) != SEALS)
        return ORF_FAIL(error, BAD_INPUT, "a file that was handed on can still be changed");
    if (fstat(fd, &about) != 0 || !S_ISREG(about.st_mode))
        return ORF_FAIL(error, BAD_INPUT, "what was handed on is no file");
    size_t size = (size_t)about.st_size;
    if (!size)
        return g_bytes_new(NULL, 0);
    void *data = mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (data == MAP_FAILED)
        return ORF_FAIL(error, UNAVAILABLE, "%zu bytes cannot be mapped: %s", size,
                        g_strerror(errno));
    Mapped *mapped = g_new(Mapped, 1);
    *mapped = (Mapped){ data, size };
    return g_bytes_new_with_free_func(data, size, unmap, mapped);
}
