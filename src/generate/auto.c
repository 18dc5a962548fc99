/* auto.c - chooses the generator a person would pick, and says why.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "generate/generate-priv.h"

const OrfGenerator orf_generator_auto = {
    .name = "auto",
    .title = "choose for me",
    .help = "Looks at the picture, picks a generator and says why.",
    .min_pictures = 1,
    .max_pictures = 8,
};
