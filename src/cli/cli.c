/* cli.c - the orfeas command: one table of commands.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/base.h"

int
main(void)
{
    g_print("orfeas %s\n", orf_version());
    return 0;
}
