/* noise.c - normal numbers as PyTorch draws them on a CPU, so that runs can be compared.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * MT19937 (Matsumoto and Nishimura 1998) gives 32 bits at a time; the low 24 become a uniform
 * number. All of them are drawn first; then each 16 turn into normal ones by Box and Muller
 * (1958), the first eight with the second eight. A rest that is no whole 16 is covered by the
 * last 16 places, drawn anew. */
#include "net/noise.h"

#include <math.h>

enum { N = 624, M = 397, GROUP = 16 };

typedef struct {
    uint32_t state[N];
    unsigned next;
} Twister;

static void
twister_seed(Twister *it, uint32_t seed)
{
    it->state[0] = seed;
    for (uint32_t i = 1; i < N; i++)
        it->state[i] = 1812433253u * (it->state[i - 1] ^ it->state[i - 1] >> 30) + i;
    it->next = N;
}

static void
twister_turn(Twister *it)
{
    uint32_t *s = it->state;
    for (unsigned i = 0; i < N; i++) {
        uint32_t y = (s[i] & 0x80000000u) | (s[(i + 1) % N] & 0x7fffffffu);
        s[i] = s[(i + M) % N] ^ y >> 1 ^ (y & 1 ? 0x9908b0dfu : 0);
    }
    it->next = 0;
}

static uint32_t
twister_bits(Twister *it)
{
    if (it->next == N)
        twister_turn(it);
    uint32_t y = it->state[it->next++];
    y ^= y >> 11;
    y ^= y << 7 & 0x9d2c5680u;
    y ^= y << 15 & 0xefc60000u;
    return y ^ y >> 18;
}

static void
draw_uniform(Twister *it, float *out, size_t n)
{
    for (size_t i = 0; i < n; i++)
        out[i] = (float)(twister_bits(it) & 0xffffffu) * 0x1p-24f;
}

static void
turn_normal(float group[GROUP])
{
    for (unsigned i = 0; i < GROUP / 2; i++) {
        double radius = sqrt(-2 * log(1 - (double)group[i]));
        double angle = 2 * G_PI * (double)group[i + GROUP / 2];
        group[i] = (float)(radius * cos(angle));
        group[i + GROUP / 2] = (float)(radius * sin(angle));
    }
}

void
orf_noise_normal(uint64_t seed, float *out, size_t n)
{
    g_assert(n >= GROUP);
    Twister twister;
    twister_seed(&twister, (uint32_t)seed);
    draw_uniform(&twister, out, n);
    for (size_t i = 0; i + GROUP <= n; i += GROUP)
        turn_normal(out + i);
    if (n % GROUP) {
        draw_uniform(&twister, out + n - GROUP, GROUP);
        turn_normal(out + n - GROUP);
    }
}
