/* SPDX-License-Identifier: Apache-2.0 */
#include "image/cutout-priv.h"

#include <math.h>

enum { N = 3000 };

/* Two clouds of colours, told apart by the mask of the first. */
static void
two_clouds(float *lab, uint8_t *mask)
{
    g_autoptr(GRand) rand = g_rand_new_with_seed(11);
    for (int i = 0; i < N; i++) {
        mask[i] = (uint8_t)(i % 3 != 0);
        float centre[3] = { mask[i] ? 30.0f : 70.0f, mask[i] ? 20.0f : -10.0f, 5 };
        for (int c = 0; c < 3; c++)
            lab[3 * i + c] = centre[c] + (float)g_rand_double_range(rand, -6, 6);
    }
}

static void
likes_its_own_colours_best(void)
{
    static float lab[3 * N];
    static uint8_t mask[N];
    two_clouds(lab, mask);
    OrfCutoutWork work = { .width = N, .height = 1, .n = N, .lab = lab };
    OrfGmm in, out;
    orf_gmm_fit(&work, mask, 1, &in);
    for (int i = 0; i < N; i++)
        mask[i] = !mask[i];
    orf_gmm_fit(&work, mask, 1, &out);
    for (int i = 0; i < N; i++)
        g_assert_true((orf_gmm_log(&in, lab + 3 * i) > orf_gmm_log(&out, lab + 3 * i)) ==
                      !mask[i]);
}

static void
density_of_one_part_is_the_gaussian(void)
{
    float lab[3 * 8];
    uint8_t mask[8];
    for (int i = 0; i < 8; i++) {
        mask[i] = 1;
        lab[3 * i] = 50;
        lab[3 * i + 1] = lab[3 * i + 2] = 0;
    }
    OrfCutoutWork work = { .width = 8, .height = 1, .n = 8, .lab = lab };
    OrfGmm gmm;
    orf_gmm_fit(&work, mask, 1, &gmm);
    g_assert_cmpuint(gmm.n, ==, 1);
    /* variance 4 each way by regularisation; two standard deviations off in L */
    double want = -1.5 * log(2 * G_PI) - 0.5 * log(64) - 0.5 * 4;
    g_assert_cmpfloat_with_epsilon(orf_gmm_log(&gmm, (float[3]){ 54, 0, 0 }), want, 1e-4);
}

static void
empty_mask_gives_no_parts(void)
{
    float lab[6] = { 0 };
    uint8_t mask[2] = { 0 };
    OrfCutoutWork work = { .width = 2, .height = 1, .n = 2, .lab = lab };
    OrfGmm gmm;
    orf_gmm_fit(&work, mask, 1, &gmm);
    g_assert_cmpuint(gmm.n, ==, 0);
    g_assert_cmpfloat(orf_gmm_log(&gmm, lab), <, -1e8);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/image/gmm/likes-its-own-colours-best", likes_its_own_colours_best);
    g_test_add_func("/image/gmm/density-of-one-part-is-the-gaussian",
                    density_of_one_part_is_the_gaussian);
    g_test_add_func("/image/gmm/empty-mask-gives-no-parts", empty_mask_gives_no_parts);
    return g_test_run();
}
