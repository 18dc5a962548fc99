/* link.c - one connection: send a letter, read the answer, be free again.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "loop.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

const char *const load_fault_names[LOAD_FAULTS] = { "fine", "no connection", "cut", "malformed",
                                                    "timeout" };

/* --- Opening ------------------------------------------------------------------------------ */

/* One address has ports for 28 thousand connections, and servers count connections by address.
 */
static void
choose_source(LoadLoop *loop, int fd)
{
    int later = 1;
    if (!loop->sources)
        return;
    struct sockaddr_in from = { .sin_family = AF_INET };
    from.sin_addr.s_addr = htonl(INADDR_LOOPBACK + 1 + loop->opened % loop->sources);
    setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &later, sizeof later);
    (void)!bind(fd, (struct sockaddr *)&from, sizeof from); /* else the usual address */
}

static bool
watch(LoadLink *link, int how, bool writing)
{
    struct epoll_event event = { .events = EPOLLIN | (writing ? (uint32_t)EPOLLOUT : 0),
                                 .data.ptr = link };
    link->writing = writing;
    return epoll_ctl(link->loop->epoll, how, link->fd, &event) == 0;
}

LoadLink *
load_link_new(LoadLoop *loop)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return NULL;
    int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    choose_source(loop, fd);
    loop->opened++;
    loop->stats.connects++;
    LoadLink *link = g_new0(LoadLink, 1);
    link->loop = loop;
    link->fd = fd;
    link->parser = load_parser_new(NULL, NULL);
    if ((connect(fd, (struct sockaddr *)&loop->peer, sizeof loop->peer) == 0 ||
         errno == EINPROGRESS) &&
        watch(link, EPOLL_CTL_ADD, false))
        return link;
    load_link_free(link);
    return NULL;
}

void
load_link_free(LoadLink *link)
{
    if (link->fd >= 0)
        close(link->fd);
    load_parser_free(link->parser);
    load_letter_clear(&link->letter);
    g_free(link);
}

/* --- Sending ------------------------------------------------------------------------------ */

static void
advance(LoadLetter *letter, size_t n)
{
    for (size_t i = 0; i < G_N_ELEMENTS(letter->part); i++) {
        size_t here = MIN(n, letter->part[i].iov_len);
        letter->part[i].iov_base = (char *)letter->part[i].iov_base + here;
        letter->part[i].iov_len -= here;
        n -= here;
    }
}

static void
send_some(LoadLink *link)
{
    struct msghdr message = { .msg_iov = link->letter.part,
                              .msg_iovlen = G_N_ELEMENTS(link->letter.part) };
    ssize_t n = link->muted ? 0 : sendmsg(link->fd, &message, MSG_NOSIGNAL);
    if (n > 0) {
        link->unsent -= (size_t)n;
        advance(&link->letter, (size_t)n);
    } else if (n < 0 && errno != EAGAIN && errno != ENOTCONN) {
        link->muted = true;
    }
    bool writing = link->unsent && !link->muted;
    if (writing != link->writing)
        watch(link, EPOLL_CTL_MOD, writing);
}

void
load_link_start(LoadLink *link, LoadCall *call)
{
    link->call = call;
    call->link = link;
    call->sent_us = g_get_monotonic_time();
    load_letter_init(&link->letter, call->message, call->counter);
    link->unsent = 0;
    for (size_t i = 0; i < G_N_ELEMENTS(link->letter.part); i++)
        link->unsent += link->letter.part[i].iov_len;
    load_parser_reset(link->parser, call->piece, call->data);
    send_some(link);
}

/* --- Receiving ---------------------------------------------------------------------------- */

void
load_link_finish(LoadLink *link, LoadFault fault)
{
    LoadCall *call = g_steal_pointer(&link->call);
    LoadLoop *loop = link->loop;
    load_letter_clear(&link->letter);
    call->link = NULL;
    load_parser_mute(link->parser);
    call->response = *load_parser_response(link->parser);
    call->fault = fault;
    call->done_us = g_get_monotonic_time();
    bool usable = !fault && !call->left && !call->response.close && !link->unsent;
    link->kept = true;
    if (usable)
        load_loop_spare(loop, link);
    else
        load_loop_drop(loop, link);
    call->done(call);
    load_loop_next(loop);
}

/* The connection ended. One that was kept may have ended before it heard of this call. */
static void
ended(LoadLink *link)
{
    if (!link->call) {
        load_loop_drop(link->loop, link);
    } else if (link->kept && !load_parser_began(link->parser)) {
        LoadCall *call = g_steal_pointer(&link->call);
        load_loop_drop(link->loop, link);
        load_loop_retry(link->loop, call);
    } else {
        bool began = link->kept || load_parser_began(link->parser);
        LoadProgress progress = load_parser_end(link->parser);
        load_link_finish(link, progress == LOAD_WHOLE ? LOAD_FINE
                               : began                ? LOAD_CUT
                                                      : LOAD_NO_CONNECTION);
    }
}

static void
conclude(LoadLink *link, LoadProgress progress)
{
    if (progress != LOAD_MORE)
        load_link_finish(link, progress == LOAD_WHOLE ? LOAD_FINE : LOAD_MALFORMED);
}

/* The caller hears of the head before the body. */
static void
tell_head(LoadLink *link, LoadCall *call)
{
    call->response = *load_parser_response(link->parser);
    if (call->headed)
        call->headed(call);
}

static void
feed(LoadLink *link, size_t size)
{
    LoadCall *call = link->call;
    const char *bytes = link->loop->buffer;
    LoadProgress progress = LOAD_MORE;
    size_t used;
    for (; size && progress == LOAD_MORE && link->call == call; bytes += used, size -= used) {
        bool headed = load_parser_headed(link->parser);
        progress = load_parser_feed(link->parser, bytes, size, &used);
        if (!headed && load_parser_headed(link->parser))
            tell_head(link, call);
    }
    if (link->call == call) /* else a callback left */
        conclude(link, progress == LOAD_WHOLE && size ? LOAD_BROKEN : progress);
}

static void
receive(LoadLink *link)
{
    uint64_t skip = link->call ? load_parser_skippable(link->parser) : 0;
    size_t room = skip ? (size_t)MIN(skip, 8u << 20) : LOAD_BUFFER;
    ssize_t n = recv(link->fd, skip ? NULL : link->loop->buffer, room, skip ? MSG_TRUNC : 0);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0 || !link->call)
        ended(link); /* words that nobody asked for end it, too */
    else if (skip)
        conclude(link, load_parser_skip(link->parser, (uint64_t)n));
    else
        feed(link, (size_t)n);
}

void
load_link_event(LoadLink *link, uint32_t events)
{
    if (link->call && link->unsent && (events & EPOLLOUT))
        send_some(link);
    if (events & (EPOLLIN | EPOLLHUP | EPOLLERR))
        receive(link);
}
