/* id.c - names of jobs: "job_" and a ULID.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * 48 bits of milliseconds, 80 of chance, in Crockford's base 32: sortable, not to be guessed.
 * Within one millisecond, and when the clock is turned back, chance counts on from the last id,
 * by a step that is itself chance. */
#include "job/job-priv.h"

#include <string.h>
#include <sys/random.h>

static void
fill(guint8 *bytes, size_t n)
{
    if (getrandom(bytes, n, 0) == (ssize_t)n)
        return;
    for (size_t i = 0; i < n; i++) /* no such call on this kernel */
        bytes[i] = (guint8)g_random_int();
}

/* Adds 1..2^32 to the 80 bits. */
static void
count_on(guint8 random[10])
{
    guint8 step[4];
    fill(step, sizeof step);
    unsigned carry = 1;
    for (int i = 9; i >= 0; i--) {
        unsigned sum = random[i] + carry + (i >= 6 ? step[i - 6] : 0);
        random[i] = (guint8)sum;
        carry = sum >> 8;
    }
}

char *
orf_queue_new_id(OrfQueue *queue)
{
    static const char letters[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
    int64_t now = orf_queue_wall(queue) / 1000;
    if (now > queue->id_ms) {
        queue->id_ms = now;
        fill(queue->id_random, sizeof queue->id_random);
        queue->id_random[0] &= 0x7f; /* room to count on */
    } else {
        count_on(queue->id_random);
    }
    char *id = g_malloc(4 + 26 + 1);
    memcpy(id, "job_", 4);
    for (int i = 9; i >= 0; i--)
        id[4 + i] = letters[(queue->id_ms >> (5 * (9 - i))) & 31];
    for (int i = 0; i < 16; i++) {
        int bit = i * 5, byte = bit / 8, shift = 11 - bit % 8;
        unsigned two = (unsigned)queue->id_random[byte] << 8 |
                       (byte < 9 ? queue->id_random[byte + 1] : 0u);
        id[14 + i] = letters[(two >> shift) & 31];
    }
    id[30] = 0;
    return id;
}
