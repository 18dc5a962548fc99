/* process.c - what every Prometheus client tells of its process, from /proc/self.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "meter/meter-priv.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

static const OrfMetricInfo families[] = {
    { "process_cpu_seconds_total", ORF_COUNTER, "CPU time of this process, user and system." },
    { "process_resident_memory_bytes", ORF_GAUGE, "Memory of this process that is in RAM." },
    { "process_virtual_memory_bytes", ORF_GAUGE, "Address space of this process." },
    { "process_threads", ORF_GAUGE, "Threads of this process." },
    { "process_open_fds", ORF_GAUGE, "Open file descriptors." },
    { "process_max_fds", ORF_GAUGE, "File descriptors that may be open." },
    { "process_start_time_seconds", ORF_GAUGE, "When this process began, since 1970." },
};

/* Fields of /proc/self/stat, counted from 1 as in proc(5). The second, in brackets, may hold
 * spaces: the third follows the last bracket. */
typedef struct {
    double cpu, threads, started; /* seconds, count, seconds since boot */
    double virtual_bytes, resident_bytes;
} ProcessStat;

static bool
read_stat(ProcessStat *ret)
{
    g_autofree char *text = NULL;
    if (!g_file_get_contents("/proc/self/stat", &text, NULL, NULL))
        return false;
    const char *after = strrchr(text, ')');
    g_auto(GStrv) fields = g_strsplit(after && after[1] ? after + 2 : "", " ", -1);
    if (g_strv_length(fields) < 22)
        return false;
    double tick = (double)sysconf(_SC_CLK_TCK), page = (double)sysconf(_SC_PAGESIZE);
    double value[25] = { 0 };
    for (size_t i = 3; i < G_N_ELEMENTS(value); i++)
        value[i] = g_ascii_strtod(fields[i - 3], NULL);
    *ret = (ProcessStat){
        .cpu = (value[14] + value[15]) / tick,
        .threads = value[20],
        .started = value[22] / tick,
        .virtual_bytes = value[23],
        .resident_bytes = value[24] * page,
    };
    return true;
}

/* When the machine started, in seconds since 1970; 0: not known. */
static double
boot_time(void)
{
    g_autofree char *text = NULL;
    if (!g_file_get_contents("/proc/stat", &text, NULL, NULL))
        return 0;
    const char *line = strstr(text, "\nbtime ");
    return line ? g_ascii_strtod(line + strlen("\nbtime "), NULL) : 0;
}

static double
open_files(void)
{
    DIR *folder = opendir("/proc/self/fd");
    double n = -3; /* itself, . and .. */
    while (folder && readdir(folder))
        n++;
    if (folder)
        closedir(folder);
    return MAX(n, 0);
}

static void
refresh(OrfMeter *meter, void *data)
{
    (void)data;
    struct rlimit files = { 0 };
    ProcessStat stat = { 0 };
    if (getrlimit(RLIMIT_NOFILE, &files) != 0 || !read_stat(&stat))
        return;
    const double values[G_N_ELEMENTS(families)] = {
        stat.cpu,     stat.resident_bytes,    stat.virtual_bytes,         stat.threads,
        open_files(), (double)files.rlim_cur, boot_time() + stat.started,
    };
    for (size_t i = 0; i < G_N_ELEMENTS(families); i++)
        orf_series_set(orf_series(orf_metric(meter, &families[i]), NULL), values[i]);
}

void
orf_meter_add_process(OrfMeter *meter)
{
    for (size_t i = 0; i < G_N_ELEMENTS(families); i++)
        orf_metric(meter, &families[i]);
    orf_meter_on_scrape(meter, refresh, NULL);
}
