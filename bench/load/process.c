/* process.c - memory and processor time of the server, from /proc.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "load.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define LOOK_US 20000

static unsigned
count_files(int pid)
{
    g_autofree char *path = g_strdup_printf("/proc/%d/fd", pid);
    g_autoptr(GDir) folder = g_dir_open(path, 0, NULL);
    unsigned n = 0;
    while (folder && g_dir_read_name(folder))
        n++;
    return n;
}

static bool
look(int pid, LoadProcess *ret)
{
    g_autofree char *path = g_strdup_printf("/proc/%d/stat", pid);
    g_autofree char *text = NULL;
    if (!g_file_get_contents(path, &text, NULL, NULL))
        return false;
    const char *after = strrchr(text, ')'); /* the name may hold anything */
    unsigned long user = 0, system = 0, threads = 0;
    long pages = 0;
    if (!after || sscanf(after + 1,
                         " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu %*d %*d %*d "
                         "%*d %lu %*d %*u %*u %ld",
                         &user, &system, &threads, &pages) != 4)
        return false;
    *ret = (LoadProcess){
        .resident = (uint64_t)pages * (uint64_t)sysconf(_SC_PAGESIZE),
        .cpu_s = (double)(user + system) / (double)sysconf(_SC_CLK_TCK),
        .threads = (unsigned)threads,
    };
    return true;
}

bool
load_process_look(int pid, LoadProcess *ret)
{
    if (!look(pid, ret))
        return false;
    ret->files = count_files(pid);
    return true;
}

static void
look_again(void *data, int64_t now_us)
{
    LoadWatch *watch = data;
    LoadProcess now;
    if (!look(watch->pid, &now))
        return;
    watch->most = MAX(watch->most, now.resident);
    load_loop_at(watch->loop, now_us + LOOK_US, look_again, watch);
}

void
load_watch_start(LoadWatch *watch, LoadLoop *loop, int pid)
{
    *watch = (LoadWatch){ .pid = pid, .loop = loop };
    if (!pid || !load_process_look(pid, &watch->first))
        return;
    watch->most = watch->first.resident;
    load_loop_at(loop, g_get_monotonic_time() + LOOK_US, look_again, watch);
}

json_t *
load_watch_report(LoadWatch *watch, double seconds)
{
    if (!watch->pid || !load_process_look(watch->pid, &watch->last))
        return NULL;
    const LoadProcess *a = &watch->first, *b = &watch->last;
    double cpu = b->cpu_s - a->cpu_s;
    return json_pack(
        "{s:I, s:I, s:I, s:I, s:f, s:f, s:i, s:i}", "rss_before", (json_int_t)a->resident,
        "rss_after", (json_int_t)b->resident, "rss_most", (json_int_t)watch->most, "rss_growth",
        (json_int_t)watch->most - (json_int_t)a->resident, "cpu_s", cpu, "cpu_share",
        seconds > 0 ? cpu / seconds : 0, "threads", (int)b->threads, "files", (int)b->files);
}
