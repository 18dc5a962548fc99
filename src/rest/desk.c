/* desk.c - a few threads for what may block, and a line before them that does not grow without
 * end.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "rest/rest-priv.h"

typedef struct {
    void (*work)(void *data);
    void *data;
} Item;

struct OrfDesk {
    GThreadPool *pool;
    unsigned room;
};

static void
run(gpointer data, gpointer desk)
{
    (void)desk;
    Item item = *(Item *)data;
    g_free(data);
    item.work(item.data);
}

OrfDesk *
orf_desk_new(unsigned threads, unsigned room)
{
    OrfDesk *desk = g_new0(OrfDesk, 1);
    desk->room = room;
    /* Threads of its own: those of shared pools may have worked for a job, and be as gentle as
     * that. */
    desk->pool = g_thread_pool_new(run, desk, (int)threads, TRUE, NULL);
    return desk;
}

void
orf_desk_free(OrfDesk *desk)
{
    if (!desk)
        return;
    g_thread_pool_free(desk->pool, FALSE, TRUE);
    g_free(desk);
}

bool
orf_desk_add(OrfDesk *desk, void (*work)(void *data), void *data)
{
    if (g_thread_pool_unprocessed(desk->pool) >= desk->room)
        return false;
    Item *item = g_new(Item, 1);
    *item = (Item){ work, data };
    /* When no thread can be made now the item waits for one that is there. */
    g_thread_pool_push(desk->pool, item, NULL);
    return true;
}
