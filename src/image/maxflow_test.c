/* SPDX-License-Identifier: Apache-2.0 */
#include "image/cutout-priv.h"

enum { MOST = 40 }; /* pixels of a test grid */

/* The plain version: shortest augmenting paths in a full matrix (Edmonds and Karp 1972). Nodes
 * n and n + 1 are source and sink. */
typedef struct {
    int n;
    int64_t cap[MOST + 2][MOST + 2];
} Matrix;

static int64_t
push_shortest(Matrix *net)
{
    int from[MOST + 2], queue[MOST + 2], head = 0, tail = 0, s = net->n, t = net->n + 1;
    for (int i = 0; i < net->n + 2; i++)
        from[i] = -1;
    from[s] = s;
    queue[tail++] = s;
    while (head < tail && from[t] < 0) {
        int at = queue[head++];
        for (int to = 0; to < net->n + 2; to++) {
            if (from[to] >= 0 || !net->cap[at][to])
                continue;
            from[to] = at;
            queue[tail++] = to;
        }
    }
    if (from[t] < 0)
        return 0;
    int64_t least = INT64_MAX;
    for (int at = t; at != s; at = from[at])
        least = MIN(least, net->cap[from[at]][at]);
    for (int at = t; at != s; at = from[at]) {
        net->cap[from[at]][at] -= least;
        net->cap[at][from[at]] += least;
    }
    return least;
}

static int64_t
plain_flow(Matrix *net)
{
    int64_t flow = 0, more;
    while ((more = push_shortest(net)))
        flow += more;
    return flow;
}

typedef struct {
    unsigned width, height;
    int32_t node[MOST], edge[ORF_GRID_EDGES][MOST];
} Random;

static const int to_x[ORF_GRID_EDGES] = { 1, 0, 1, -1 }, to_y[ORF_GRID_EDGES] = { 0, 1, 1, 1 };

static void
randomise(GRand *rand, Random *random, int32_t most)
{
    random->width = (unsigned)g_rand_int_range(rand, 1, 8);
    random->height = (unsigned)g_rand_int_range(rand, 1, (int)(MOST / random->width) + 1);
    for (unsigned i = 0; i < random->width * random->height; i++) {
        random->node[i] = g_rand_int_range(rand, -most, most + 1);
        for (int d = 0; d < ORF_GRID_EDGES; d++)
            random->edge[d][i] = g_rand_boolean(rand) ? g_rand_int_range(rand, 0, most) : 0;
    }
}

static void
to_matrix(const Random *random, Matrix *net)
{
    memset(net, 0, sizeof *net);
    net->n = (int)(random->width * random->height);
    for (int i = 0; i < net->n; i++) {
        int x = i % (int)random->width, y = i / (int)random->width;
        net->cap[net->n][i] = MAX(0, random->node[i]);
        net->cap[i][net->n + 1] = MAX(0, -random->node[i]);
        for (int d = 0; d < ORF_GRID_EDGES; d++) {
            int ox = x + to_x[d], oy = y + to_y[d];
            if (ox < 0 || ox >= (int)random->width || oy >= (int)random->height)
                continue;
            int other = oy * (int)random->width + ox;
            net->cap[i][other] += random->edge[d][i];
            net->cap[other][i] += random->edge[d][i];
        }
    }
}

/* What the links cost that a side cuts through. */
static int64_t
cost_of(const Matrix *net, const uint8_t *side)
{
    int64_t cost = 0;
    for (int i = 0; i < net->n + 2; i++)
        for (int j = 0; j < net->n + 2; j++) {
            bool from = i == net->n || (i < net->n && side[i]);
            bool to = j == net->n || (j < net->n && side[j]);
            cost += from && !to ? net->cap[i][j] : 0;
        }
    return cost;
}

static void
flow_and_cut_equal_those_of_the_plain_version(void)
{
    g_autoptr(GRand) rand = g_rand_new_with_seed(20);
    for (int round = 0; round < 3000; round++) {
        Random random;
        Matrix net, used;
        uint8_t side[MOST];
        int64_t flow;
        randomise(rand, &random, round % 3 ? 12 : 100000);
        to_matrix(&random, &net);
        used = net;
        OrfGrid grid = { random.width,
                         random.height,
                         random.node,
                         { random.edge[0], random.edge[1], random.edge[2], random.edge[3] } };
        g_assert_true(orf_grid_cut(NULL, &grid, side, &flow, NULL));
        g_assert_cmpint(flow, ==, plain_flow(&used));
        g_assert_cmpint(flow, ==, cost_of(&net, side));
    }
}

static void
without_links_the_sign_decides(void)
{
    int32_t node[6] = { 5, -5, 0, 1, -1, 7 }, none[6] = { 0 };
    uint8_t side[6];
    OrfGrid grid = { 3, 2, node, { none, none, none, none } };
    g_assert_true(orf_grid_cut(NULL, &grid, side, NULL, NULL));
    g_assert_cmpmem(side, 6, ((uint8_t[]){ 1, 0, 0, 1, 0, 1 }), 6);
}

static void
cancel_stops_it(void)
{
    int32_t node[1] = { 1 }, none[1] = { 0 };
    uint8_t side[1];
    OrfGrid grid = { 1, 1, node, { none, none, none, none } };
    g_autoptr(OrfTask) task = orf_task_new(NULL);
    orf_task_cancel(task);
    g_autoptr(GError) error = NULL;
    g_assert_false(orf_grid_cut(task, &grid, side, NULL, &error));
    g_assert_error(error, ORF_ERROR, ORF_ERROR_CANCELLED);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/image/maxflow/flow-and-cut-equal-those-of-the-plain-version",
                    flow_and_cut_equal_those_of_the_plain_version);
    g_test_add_func("/image/maxflow/without-links-the-sign-decides",
                    without_links_the_sign_decides);
    g_test_add_func("/image/maxflow/cancel-stops-it", cancel_stops_it);
    return g_test_run();
}
