/* loop.h - what loop.c and link.c share.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef LOAD_LOOP_H
#define LOAD_LOOP_H

#include "load.h"

#include <netinet/in.h>

#define LOAD_BUFFER (256u << 10)

/* One connection. */
typedef struct LoadLink {
    LoadLoop *loop;
    int fd;         /* -1: closed, freed at the end of the round */
    LoadCall *call; /* NULL: idle */
    LoadLetter letter;
    size_t unsent;
    LoadParser *parser;
    bool kept;    /* it has carried a response before */
    bool muted;   /* the peer takes no more bytes; it may have answered */
    bool writing; /* epoll tells when it can be written */
} LoadLink;

struct LoadLoop {
    int epoll;
    struct sockaddr_in peer;
    char *host;
    unsigned most, sources, opened;
    GPtrArray *links, *idle, *dead;
    GQueue waiting; /* of LoadCall * */
    GArray *timers; /* heap */
    char *buffer;
    bool stop;
    LoadLoopStats stats;
};

/* link.c */
LoadLink *load_link_new(LoadLoop *loop); /* NULL: no socket to be had */
void load_link_free(LoadLink *link);
void load_link_start(LoadLink *link, LoadCall *call);
void load_link_event(LoadLink *link, uint32_t events);
void load_link_finish(LoadLink *link, LoadFault fault);

/* loop.c: a link is free again, or closed. */
void load_loop_spare(LoadLoop *loop, LoadLink *link);
void load_loop_drop(LoadLoop *loop, LoadLink *link);
void load_loop_retry(LoadLoop *loop, LoadCall *call);
void load_loop_next(LoadLoop *loop); /* starts what waits */

#endif
