/* noise_test.c - PyTorch's numbers, and what makes them noise.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "net/noise.h"

#include <math.h>
#include <string.h>

/* As torch prints them: four digits. */
static const struct {
    uint64_t seed;
    float first[8];
} recorded[] = {
    { 0, { -1.1258f, -1.1524f, -0.2506f, -0.4339f, 0.8487f, 0.6920f, -0.3160f, -2.1152f } },
    { 42, { 1.9269f, 1.4873f, 0.9007f, -2.1055f, 0.6784f, -1.2345f, -0.0431f, -1.6047f } },
};

static void
test_recorded(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(recorded); i++) {
        float have[16];
        orf_noise_normal(recorded[i].seed, have, 16);
        for (size_t k = 0; k < 8; k++)
            g_assert_cmpfloat_with_epsilon(have[k], recorded[i].first[k], 6e-5f);
    }
}

static void
test_normal(void)
{
    enum { MANY = 1 << 16 };
    g_autofree float *x = g_new(float, MANY);
    double sum = 0, squares = 0;
    orf_noise_normal(7, x, MANY);
    for (size_t i = 0; i < MANY; i++) {
        g_assert_true(isfinite(x[i]));
        sum += x[i];
        squares += (double)x[i] * x[i];
    }
    g_assert_cmpfloat(fabs(sum / MANY), <, 0.02);
    g_assert_cmpfloat(fabs(squares / MANY - 1), <, 0.03);
}

/* Whole groups do not depend on how many follow; a rest is drawn over the last 16 places. */
static void
test_lengths(void)
{
    float whole[32], odd[37];
    orf_noise_normal(3, whole, 32);
    orf_noise_normal(3, odd, 37);
    g_assert_cmpmem(whole, 21 * sizeof *whole, odd, 21 * sizeof *odd);
    g_assert_true(memcmp(whole + 21, odd + 21, 11 * sizeof *odd) != 0);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/net/noise/is-that-of-pytorch", test_recorded);
    g_test_add_func("/net/noise/is-normal", test_normal);
    g_test_add_func("/net/noise/keeps-whole-groups-at-any-length", test_lengths);
    return g_test_run();
}
