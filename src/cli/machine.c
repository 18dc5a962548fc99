/* machine.c - what this process may use of the machine: affinity and cgroups counted in.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "cli/cli.h"

#include <math.h>
#include <string.h>
#include <unistd.h>

/* One number of a cgroup file; 0 when there is none or it says "max". */
static double
cgroup_number(const char *path, double *ret_second)
{
    g_autofree char *text = NULL;
    if (!g_file_get_contents(path, &text, NULL, NULL) || g_str_has_prefix(text, "max"))
        return 0;
    char *end;
    double first = g_ascii_strtod(text, &end);
    if (ret_second)
        *ret_second = g_ascii_strtod(end, NULL);
    return first;
}

unsigned
orf_cli_cores(void)
{
    unsigned cores = g_get_num_processors(); /* knows the affinity mask */
    double period = 0, quota = cgroup_number("/sys/fs/cgroup/cpu.max", &period);
    if (quota > 0 && period > 0)
        cores = MIN(cores, (unsigned)MAX(1, ceil(quota / period)));
    return MAX(cores, 1);
}

size_t
orf_cli_memory(void)
{
    long pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);
    double bytes = pages > 0 && page > 0 ? (double)pages * (double)page : 4e9;
    static const char *const limits[] = { "/sys/fs/cgroup/memory.max",
                                          "/sys/fs/cgroup/memory/memory.limit_in_bytes" };
    for (size_t i = 0; i < G_N_ELEMENTS(limits); i++) {
        double limit = cgroup_number(limits[i], NULL);
        if (limit > 0)
            bytes = MIN(bytes, limit);
    }
    return (size_t)bytes;
}
