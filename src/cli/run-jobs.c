/* run-jobs.c - orfeas run-jobs: the process in which "orfeas serve" runs its jobs. Not for
 * people, hence in no list; docs/guide/server.md says what it is.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "cli/cli.h"

#include "daemon/daemon.h"

#include <malloc.h>
#include <string.h>

#ifdef ORF_FAULTY /* the program that tests build beside this one: its runs go wrong on demand \
                   */
void orf_faulty_hook(const char *picture, const char *step);
#define HOOK orf_faulty_hook
#else
#define HOOK NULL
#endif

/* What one run leaves behind the next finds only when the allocator has few places. */
static void
keep_memory_together(void)
{
    mallopt(M_ARENA_MAX, MAX(2, (int)g_get_num_processors()));
}

static int
run(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "--confinement") == 0) {
        g_autofree char *text = orf_daemon_confinement();
        g_print("%s\n", text);
        return 0;
    }
    uint64_t memory = 0;
    if (argc == 3 && strcmp(argv[1], "--memory") == 0)
        memory = g_ascii_strtoull(argv[2], NULL, 10);
    keep_memory_together();
    g_auto(GStrv) nets = orf_cli_net_folders();
    /* What is not there when the process is confined can never be read by it. */
    g_mkdir_with_parents(nets[0], 0700);
    return orf_daemon_run_jobs(memory, (const char *const *)nets, HOOK);
}

const OrfCommand orf_command_run_jobs = {
    .name = "run-jobs",
    .hidden = true,
    .summary = "runs jobs for a server; started by it",
    .run = run,
};
