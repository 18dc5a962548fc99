/* version.c - who we are.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <orfeas.h>

const char *
orf_version(void)
{
    return ORF_VERSION;
}
