/* message.h - what server and runner say to each other: typed, bounded, versioned messages.
 * Private to the room.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 *     server                          runner
 *        <------------- HELLO            it is confined and ready
 *     RUN ------------->                 with the descriptors of its inputs
 *        <---------- PROGRESS
 *        <------------- STAGE            with the descriptor of a sealed file
 *     GO -------------->                 the stage is kept, and the job has a place
 *        <------------- RESULT, or FAILED
 *     CANCEL ---------->                 at any time
 *        <-------------- BEAT            twice a second while something runs
 *
 * A message is a head of 12 bytes and its fields in the order of one table (message.c); numbers
 * are little-endian, texts UTF-8 preceded by their length. It says the same over any transport;
 * descriptors travel beside it, and where none can travel the digests name the bytes. */
#ifndef ORF_WORK_MESSAGE_H
#define ORF_WORK_MESSAGE_H

#include "base/base.h"

#define ORF_MESSAGE_HEAD 12
#define ORF_MESSAGE_MOST (4u << 20) /* bytes, head included */
#define ORF_MESSAGE_FDS 66          /* as many inputs as an operation takes, and more */

typedef enum {
    ORF_MESSAGE_HELLO = 1,
    ORF_MESSAGE_RUN,
    ORF_MESSAGE_GO,
    ORF_MESSAGE_CANCEL,
    ORF_MESSAGE_BEAT,
    ORF_MESSAGE_PROGRESS,
    ORF_MESSAGE_STAGE,
    ORF_MESSAGE_RESULT,
    ORF_MESSAGE_FAILED,
    ORF_MESSAGE_N_TYPES
} OrfMessageType;
const char *orf_message_type_name(OrfMessageType type); /* "run" */

/* One struct for all; message.c says which members a type carries, the others stay zero. */
typedef struct {
    OrfMessageType type;
    uint64_t run; /* the server's number of this run, never used twice in a runner */

    char *id, *kind, *operation;     /* RUN */
    uint64_t attempt, cores, memory; /* RUN: memory in bytes, 0: no limit */
    char **settings;                 /* RUN: name, text, name, text, ... */
    char **inputs, **input_names;    /* RUN: digest and name of each descriptor */
    double yaws[ORF_MESSAGE_FDS];    /* RUN: degrees; NAN: not a view */
    bool masked;                     /* RUN: the last input is the mask of the first */
    bool light;                      /* RUN: somebody waits for it */

    char *step; /* PROGRESS: path of the running step */
    double fraction;

    uint64_t stage, vertices, triangles; /* STAGE */
    bool same; /* STAGE: the asset is the one of the stage before; no descriptor */
    char *media, *extension; /* STAGE: of the file */
    double took_s;           /* STAGE, RESULT */

    char *generator; /* RUN: who is to; STAGE, RESULT, FAILED: who ran; or NULL */
    char *reason, *runner_up, *runner_up_reason, *measures;
    double confidence;
    char **notes;
    char *facts;       /* RESULT: JSON of what was found out */
    char *format;      /* RESULT: of the model that was looked at; its counts are above */
    double size_mm[3]; /* and its size */
    bool solid;        /* and whether it is a printable solid */
    uint64_t peak;     /* RESULT, FAILED: bytes the task drew at most */

    uint64_t code; /* FAILED: an OrfErrorCode */
    char *text;    /* FAILED: what went wrong; HELLO: the confinement in force */
    char *version; /* HELLO */

    /* Beside the message. Borrowed by who sends, owned by who has received. */
    int fds[ORF_MESSAGE_FDS];
    size_t n_fds;
} OrfMessage;

/* Frees what is in it, and closes its descriptors. */
void orf_message_free(OrfMessage *message);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(OrfMessage, orf_message_free)

/* Head and fields. Texts that are no UTF-8 are made whole. Errors: TOO_LARGE: one is longer
 * than its field allows. */
GBytes *orf_message_encode(const OrfMessage *message, GError **error);
/* What is said by a head: bytes that follow it, and descriptors that came with it. Errors:
 * BAD_INPUT. */
bool orf_message_read_head(const uint8_t head[ORF_MESSAGE_HEAD], OrfMessageType *ret_type,
                           size_t *ret_size, size_t *ret_n_fds, GError **error);
/* The whole message, head included; without descriptors. Only what encode would have written is
 * taken. Errors: BAD_INPUT. */
OrfMessage *orf_message_decode(const void *data, size_t size, GError **error);

/* --- Channel: a socket of them (channel.c) ------------------------------------------------ */

typedef struct OrfChannel OrfChannel;
/* Two ends, each close-on-exec. */
bool orf_channel_pair(int ret_fds[2], GError **error);
OrfChannel *orf_channel_new(int fd); /* takes it */
/* From any thread; waits while the other side does not read. Errors: UNAVAILABLE: it is gone;
 * TOO_LARGE. */
bool orf_channel_send(OrfChannel *channel, const OrfMessage *message, GError **error);
/* One thread at a time; waits. NULL without error: the other side has closed. Errors:
 * BAD_INPUT: it talks nonsense; UNAVAILABLE. */
OrfMessage *orf_channel_receive(OrfChannel *channel, GError **error);
void orf_channel_shut(OrfChannel *channel); /* who waits in it returns */
void orf_channel_free(OrfChannel *channel);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(OrfChannel, orf_channel_free)

/* --- Bytes as a descriptor (channel.c) ---------------------------------------------------- */

/* A file in memory that nobody can change any more; -1 sets UNAVAILABLE. */
int orf_sealed_new(GBytes *bytes, GError **error);
/* Maps what a descriptor holds, read-only; it may be closed then. `sealed`: only a file in
 * memory, which is sealed first, so that the other side can neither change nor cut it. Errors:
 * BAD_INPUT (not such a file), UNAVAILABLE. */
GBytes *orf_descriptor_map(int fd, bool sealed, GError **error);

#endif
