/* attention.c - softmax(q k' / sqrt(d)) v in tiles, with a running maximum and sum.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * A piece is one head of one batch and QUERIES queries. It goes over the keys in tiles of KEYS:
 * scores of the tile, their exponentials against the largest score so far, and their product
 * with the values added to what was gathered, which is scaled down when a larger score comes
 * (Milakov and Gimelshein 2018; Dao et al. 2022). The scores need QUERIES * KEYS numbers,
 * whatever the number of tokens. In bf16 the operands of both products are rounded, the rest is
 * f32. */
#include "tensor/cpu/cpu.h"

#include "tensor/cpu/vector.h"

enum { QUERIES = 128, KEYS = 512 };

typedef struct {
    OrfBackendState *state;
    const OrfAttentionCall *call;
    bool half;     /* bf16 operands */
    void *k, *v;   /* [batch * heads][m][dim], in the operands' format */
    float *rooms;  /* scratch of each piece in flight: see ROOM */
    size_t room;   /* floats of one */
    size_t blocks; /* of queries in one head */
    GMutex lock;
    guint64 used; /* which rooms are taken, one bit each */
    GError *error;
} Work;

static size_t
room_of(const OrfAttentionCall *call)
{
    size_t scores = (size_t)QUERIES * KEYS, rows = (size_t)QUERIES * call->dim;
    return scores + scores / 2 + 2 * rows + 2 * QUERIES + 64;
}

/* --- Gathering heads ---------------------------------------------------------------------- */

ORF_CLONES static void
scaled(const float *x, float *y, size_t n, float scale)
{
    for (size_t i = 0; i < n; i++)
        y[i] = x[i] * scale;
}

static void
put(bool half, const float *x, void *to, size_t at, size_t n)
{
    if (half)
        orf_cpu_to_bf16(x, (uint16_t *)to + at, n);
    else
        memcpy((float *)to + at, x, n * sizeof *x);
}

static void
gather_rows(size_t begin, size_t end, void *data)
{
    const Work *work = data;
    const OrfAttentionCall *call = work->call;
    for (size_t row = begin; row < end; row++) {
        size_t batch = row / call->m, key = row % call->m;
        for (size_t h = 0; h < call->heads; h++) {
            size_t at = ((batch * call->heads + h) * call->m + key) * call->dim;
            put(work->half, call->k.data + row * call->k.ld + h * call->k_stride, work->k, at,
                call->dim);
            put(work->half, call->v.data + row * call->v.ld + h * call->v_stride, work->v, at,
                call->dim);
        }
    }
}

/* --- One tile ----------------------------------------------------------------------------- */

ORF_CLONES static float
largest_of(const float *x, size_t n)
{
    float lanes[16], most = x[0];
    for (size_t l = 0; l < 16; l++)
        lanes[l] = x[0];
    size_t i = 0;
    for (; i + 16 <= n; i += 16)
        for (size_t l = 0; l < 16; l++)
            lanes[l] = x[i + l] > lanes[l] ? x[i + l] : lanes[l];
    for (; i < n; i++)
        most = x[i] > most ? x[i] : most;
    for (size_t l = 0; l < 16; l++)
        most = lanes[l] > most ? lanes[l] : most;
    return most;
}

/* In place; the sum of the exponentials. */
ORF_CLONES static float
exp_of(float *x, size_t n, float top)
{
    float lanes[16] = { 0 }, sum = 0;
    size_t i = 0;
    for (; i + 16 <= n; i += 16)
        for (size_t l = 0; l < 16; l++)
            lanes[l] += x[i + l] = vec_exp(x[i + l] - top);
    for (; i < n; i++)
        sum += x[i] = vec_exp(x[i] - top);
    for (size_t l = 0; l < 16; l++)
        sum += lanes[l];
    return sum;
}

typedef struct {
    float *scores, *q, *y, *top, *sum; /* parts of the room */
    void *p;                           /* scores as operand; f32: the scores themselves */
} Room;

static Room
parts_of(const Work *work, size_t which)
{
    float *at = work->rooms + which * work->room;
    size_t scores = (size_t)QUERIES * KEYS, rows = (size_t)QUERIES * work->call->dim;
    Room room = { .scores = at, .p = work->half ? at + scores : at };
    room.q = at + scores + scores / 2;
    room.y = room.q + rows;
    room.top = room.y + rows;
    room.sum = room.top + QUERIES;
    return room;
}

/* Scores become weights; what was gathered and summed so far shrinks when the top rises. */
static void
weigh_row(const Work *work, const Room *room, size_t i, size_t keys, bool first)
{
    float *scores = room->scores + i * keys;
    size_t dim = work->call->dim;
    if (first)
        scores[0] += work->call->first_key;
    float top = largest_of(scores, keys);
    if (top > room->top[i]) {
        float shrink = first ? 0 : vec_exp(room->top[i] - top);
        room->top[i] = top;
        room->sum[i] *= shrink;
        scaled(room->y + i * dim, room->y + i * dim, dim, shrink);
    }
    room->sum[i] += exp_of(scores, keys, room->top[i]);
    if (work->half)
        orf_cpu_to_bf16(scores, (uint16_t *)room->p + i * keys, keys);
}

static bool
attend_tile(const Work *work, const Room *room, size_t head, size_t queries, size_t key,
            GError **error)
{
    const OrfAttentionCall *call = work->call;
    size_t keys = MIN(KEYS, call->m - key), at = (head * call->m + key) * call->dim;
    size_t bytes = work->half ? 2 : 4;
    OrfMatmul score = { .type = work->half ? dnnl_bf16 : dnnl_f32,
                        .m = queries,
                        .n = keys,
                        .k = call->dim,
                        .x_ld = call->dim,
                        .y_ld = keys,
                        .w_ld = call->dim,
                        .w_rows_are_outputs = true };
    OrfMatmul gather = { .type = score.type,
                         .m = queries,
                         .n = call->dim,
                         .k = keys,
                         .x_ld = keys,
                         .y_ld = call->dim,
                         .w_ld = call->dim,
                         .add = true };
    if (!orf_cpu_matmul(work->state, &score, room->q, (char *)work->k + at * bytes,
                        room->scores, error))
        return false;
    for (size_t i = 0; i < queries; i++)
        weigh_row(work, room, i, keys, key == 0);
    return orf_cpu_matmul(work->state, &gather, room->p, (char *)work->v + at * bytes, room->y,
                          error);
}

/* --- One piece ---------------------------------------------------------------------------- */

static void
load_queries(const Work *work, const Room *room, size_t head, size_t query, size_t queries)
{
    const OrfAttentionCall *call = work->call;
    float scale = (float)(1 / sqrt((double)call->dim));
    size_t batch = head / call->heads, h = head % call->heads;
    for (size_t i = 0; i < queries; i++) {
        const float *from =
            call->q.data + (batch * call->n + query + i) * call->q.ld + h * call->q_stride;
        scaled(from, room->y, call->dim, scale);
        put(work->half, room->y, room->q, i * call->dim, call->dim);
    }
    for (size_t i = 0; i < queries; i++)
        room->top[i] = -INFINITY;
    memset(room->sum, 0, queries * sizeof *room->sum);
    memset(room->y, 0, queries * call->dim * sizeof *room->y);
}

static void
store(const Work *work, const Room *room, size_t head, size_t query, size_t queries)
{
    const OrfAttentionCall *call = work->call;
    size_t batch = head / call->heads, h = head % call->heads;
    for (size_t i = 0; i < queries; i++)
        scaled(room->y + i * call->dim,
               call->y.data + (batch * call->n + query + i) * call->y.ld + h * call->dim,
               call->dim, 1 / room->sum[i]);
}

static size_t
take_room(Work *work)
{
    g_mutex_lock(&work->lock);
    size_t which = 0;
    while (work->used >> which & 1)
        which++;
    work->used |= (guint64)1 << which;
    g_mutex_unlock(&work->lock);
    return which;
}

static void
give_room(Work *work, size_t which, GError *error)
{
    g_mutex_lock(&work->lock);
    work->used &= ~((guint64)1 << which);
    if (!work->error)
        work->error = g_steal_pointer(&error);
    g_mutex_unlock(&work->lock);
    g_clear_error(&error);
}

static void
attend(size_t begin, size_t end, void *data)
{
    Work *work = data;
    const OrfAttentionCall *call = work->call;
    size_t which = take_room(work);
    Room room = parts_of(work, which);
    GError *error = NULL;
    for (size_t piece = begin; piece < end && !error; piece++) {
        size_t head = piece / work->blocks, query = piece % work->blocks * QUERIES;
        size_t queries = MIN(QUERIES, call->n - query);
        load_queries(work, &room, head, query, queries);
        for (size_t key = 0; key < call->m && !error; key += KEYS)
            attend_tile(work, &room, head, queries, key, &error);
        store(work, &room, head, query, queries);
    }
    give_room(work, which, error);
}

bool
orf_cpu_attention(OrfTask *task, OrfBackendState *state, const OrfAttentionCall *call,
                  GError **error)
{
    size_t heads = call->batch * call->heads, cores = MIN(orf_task_cores(task), 64);
    size_t count = heads * call->m * call->dim;
    Work work = { .state = state,
                  .call = call,
                  .half = call->precision != ORF_PRECISION_F32 && orf_cpu_has_bf16(),
                  .room = room_of(call),
                  .blocks = (call->n + QUERIES - 1) / QUERIES };
    size_t bytes = work.half ? 2 : 4;
    orf_autofree void *k = orf_task_alloc(task, count, bytes, "keys", error);
    orf_autofree void *v = k ? orf_task_alloc(task, count, bytes, "values", error) : NULL;
    orf_autofree float *rooms =
        v ? ORF_ALLOC(task, float, work.room *cores, "attention", error) : NULL;
    if (!rooms)
        return false;
    work.k = k;
    work.v = v;
    work.rooms = rooms;
    g_mutex_init(&work.lock);
    orf_task_parallel(task, call->batch * call->m, 64, gather_rows, &work);
    orf_task_parallel(task, heads * work.blocks, 1, attend, &work);
    g_mutex_clear(&work.lock);
    if (!work.error)
        return orf_task_check(task, error);
    g_propagate_error(error, work.error);
    return false;
}
