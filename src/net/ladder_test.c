/* Every recorded case of tests/data/nets: each rung within its limit.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "net/net.h"

typedef struct {
    unsigned rungs, bad;
} Tally;

static void
count(const OrfRung *rung, void *data)
{
    Tally *tally = data;
    tally->rungs++;
    tally->bad += !rung->good;
    g_test_message("%-34s %.2e of %.0e%s", rung->name, rung->error, rung->limit,
                   rung->good ? "" : "  WRONG");
}

static void
climb(const char *name, const OrfComputeOptions *options)
{
    g_autofree char *folder =
        g_build_filename(g_getenv("G_TEST_SRCDIR"), "tests", "data", "nets", name, NULL);
    g_autoptr(OrfTask) task =
        orf_task_new(&(OrfTaskOptions){ .cores = 2, .memory = (size_t)1 << 30 });
    g_autoptr(GError) error = NULL;
    Tally tally = { 0 };
    g_test_message("%s", name);
    bool good = orf_net_verify(task, folder, options, count, &tally, &error);
    g_assert_no_error(error);
    g_assert_true(good);
    g_assert_cmpuint(tally.rungs, >, 0);
    g_assert_cmpuint(tally.bad, ==, 0);
}

static void
case_holds(const void *data)
{
    climb(data, NULL);
}

static void
case_holds_in_bf16(const void *data)
{
    climb(data, &(OrfComputeOptions){ .precision = ORF_PRECISION_BF16 });
}

int
main(int argc, char **argv)
{
    static const char *const cases[] = {
        "hunyuan-2.0-dit",    "hunyuan-2.0-dit-guidance",
        "hunyuan-2.1-dit",    "hunyuan-encoder-giant",
        "hunyuan-vae",        "hunyuan-schedulers",
        "matting-u2netp",     "matting-isnet",
        "triposr-encoder",    "triposr-tiny",
        "hunyuan-tiny-2.0",   "hunyuan-2.1-tiny",
        "hunyuan-preprocess", "hunyuan-volume-decode",
        "triposg-dit",
    };
    static const char *const small[] = { "hunyuan-2.0-dit", "hunyuan-vae" };
    g_test_init(&argc, &argv, NULL);
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *path = g_strdup_printf("/net/ladder/%s-holds", cases[i]);
        g_test_add_data_func(path, cases[i], case_holds);
    }
    for (size_t i = 0; i < G_N_ELEMENTS(small); i++) {
        g_autofree char *path = g_strdup_printf("/net/ladder/%s-holds-in-bf16", small[i]);
        g_test_add_data_func(path, small[i], case_holds_in_bf16);
    }
    return g_test_run();
}
