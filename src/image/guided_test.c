/* SPDX-License-Identifier: Apache-2.0 */
#include "image/cutout-priv.h"

#include <math.h>

enum { W = 13, H = 9, N = W * H, RADIUS = 2 };
static const float EPSILON = 1e-3f;

typedef struct {
    double a[3], b;
} Model;

static bool
in_window(int i, int x, int y)
{
    return ABS(i % W - x) <= RADIUS && ABS(i / W - y) <= RADIUS;
}

/* Solves m x = r by elimination with pivots. */
static void
eliminate(double m[3][3], double r[3])
{
    for (int k = 0; k < 3; k++) {
        for (int i = k + 1; i < 3; i++) {
            double f = m[i][k] / m[k][k];
            for (int j = k; j < 3; j++)
                m[i][j] -= f * m[k][j];
            r[i] -= f * r[k];
        }
    }
    for (int k = 2; k >= 0; k--) {
        for (int j = k + 1; j < 3; j++)
            r[k] -= m[k][j] * r[j];
        r[k] /= m[k][k];
    }
}

/* The plain version: ridge regression of the mask on colour in one window. */
static Model
regress(const float *lab, const float *mask, int x, int y)
{
    double mean[3] = { 0 }, alpha = 0, n = 0, m[3][3] = { 0 };
    Model model = { 0 };
    for (int i = 0; i < N; i++) {
        if (!in_window(i, x, y))
            continue;
        for (int c = 0; c < 3; c++)
            mean[c] += lab[3 * i + c] / 100;
        alpha += mask[i];
        n++;
    }
    for (int c = 0; c < 3; c++)
        mean[c] /= n;
    alpha /= n;
    for (int i = 0; i < N; i++) {
        for (int c = 0; c < 3 && in_window(i, x, y); c++) {
            double d = lab[3 * i + c] / 100 - mean[c];
            model.a[c] += d * (mask[i] - alpha) / n;
            for (int e = 0; e < 3; e++)
                m[c][e] += d * (lab[3 * i + e] / 100 - mean[e]) / n;
        }
    }
    for (int c = 0; c < 3; c++)
        m[c][c] += EPSILON;
    eliminate(m, model.a);
    model.b = alpha - model.a[0] * mean[0] - model.a[1] * mean[1] - model.a[2] * mean[2];
    return model;
}

static void
model_equals_the_mean_of_plain_regressions(void)
{
    float lab[3 * N], mask[N], model[4 * N];
    Model plain[N];
    g_autoptr(GRand) rand = g_rand_new_with_seed(4);
    for (int i = 0; i < 3 * N; i++)
        lab[i] = (float)g_rand_double_range(rand, 0, 100);
    for (int i = 0; i < N; i++)
        mask[i] = (float)g_rand_int_range(rand, 0, 2);
    OrfCutoutWork work = { .width = W, .height = H, .n = N, .lab = lab };
    g_assert_true(orf_guided_model(NULL, &work, mask, RADIUS, EPSILON, model, NULL));
    for (int i = 0; i < N; i++)
        plain[i] = regress(lab, mask, i % W, i / W);
    for (int i = 0; i < N; i++) {
        double sum[4] = { 0 }, n = 0;
        for (int k = 0; k < N; k++) {
            if (!in_window(k, i % W, i / W))
                continue;
            for (int c = 0; c < 3; c++)
                sum[c] += plain[k].a[c];
            sum[3] += plain[k].b;
            n++;
        }
        for (int c = 0; c < 4; c++)
            g_assert_cmpfloat_with_epsilon(model[4 * i + c], sum[c] / n, 2e-3);
    }
}

static void
even_mask_stays_even(void)
{
    float lab[3 * N], mask[N], model[4 * N];
    for (int i = 0; i < N; i++) {
        mask[i] = 1;
        for (int c = 0; c < 3; c++)
            lab[3 * i + c] = (float)((i * 37 + c * 11) % 100);
    }
    OrfCutoutWork work = { .width = W, .height = H, .n = N, .lab = lab };
    g_assert_true(orf_guided_model(NULL, &work, mask, RADIUS, EPSILON, model, NULL));
    for (int i = 0; i < N; i++) {
        const float *m = model + 4 * i, *p = lab + 3 * i;
        float alpha = (m[0] * p[0] + m[1] * p[1] + m[2] * p[2]) / 100 + m[3];
        g_assert_cmpfloat_with_epsilon(alpha, 1, 1e-3);
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/image/guided/model-equals-the-mean-of-plain-regressions",
                    model_equals_the_mean_of_plain_regressions);
    g_test_add_func("/image/guided/even-mask-stays-even", even_mask_stays_even);
    return g_test_run();
}
