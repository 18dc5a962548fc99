/* hunyuan-time.c - the time grids of flow matching, 0 (noise) to 1 (data).
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "net/hunyuan.h"

#include <math.h>

enum { TRAINED = 1000, PHASES = 100 };

/* Index j of the trained grid: 0, 9, 19, ..., 989. */
static double
phase(unsigned k)
{
    return k ? (double)(k * (TRAINED / PHASES) - 1) / (TRAINED - 1) : 0;
}

void
orf_flow_sigmas(bool consistency, double shift, unsigned steps, double *ret_sigmas)
{
    for (unsigned i = 0; i < steps; i++) {
        double even = steps > 1 ? (double)i / (steps - 1) : 0;
        double sigma = consistency ? phase(PHASES * i / steps) : even;
        ret_sigmas[i] = shift * sigma / (1 + (shift - 1) * sigma);
    }
    ret_sigmas[steps] = 1;
}
