/* machine.c - what this process may use of the machine: affinity and cgroups counted in.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * A process sits in a group, the group in others; each may have a limit, and the tightest one
 * counts. The path in /proc/self/cgroup is walked upwards below the mount. In a container the
 * path may be that of the host, which is not there; then the walk ends at the mount itself,
 * which is the container's own group. */
#include "base/base.h"

#include <math.h>
#include <string.h>
#include <unistd.h>

#define NO_LIMIT G_MAXUINT64
#define MAX_CPUS 4096

/* --- Files -------------------------------------------------------------------------------- */

static char *
read_text(const char *folder, const char *name)
{
    g_autofree char *path = g_build_filename(folder, name, NULL);
    char *text = NULL;
    return g_file_get_contents(path, &text, NULL, NULL) ? text : NULL;
}

/* `fallback` when there is no such file or it says "max", or -1 as version 1 does. */
static uint64_t
read_number(const char *folder, const char *name, uint64_t fallback)
{
    g_autofree char *text = read_text(folder, name);
    return text && g_ascii_isdigit(*text) ? g_ascii_strtoull(text, NULL, 10) : fallback;
}

/* The number behind `word` at the start of a line; 0 when there is none. */
static uint64_t
number_behind(const char *text, const char *word)
{
    size_t size = strlen(word);
    for (const char *line = text; line; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (strncmp(line, word, size) == 0 && line[size] && strchr(" \t:", line[size]))
            return g_ascii_strtoull(line + size + strspn(line + size, " \t:"), NULL, 10);
    }
    return 0;
}

/* --- Groups ------------------------------------------------------------------------------- */

/* The group of this process under a controller of version 1, or ("") of version 2; NULL: none.
 */
static char *
group_path(const char *root, const char *controller)
{
    g_autofree char *text = read_text(root, "proc/self/cgroup");
    g_auto(GStrv) lines = g_strsplit(text ? text : "", "\n", -1);
    for (char **line = lines; *line; line++) {
        g_auto(GStrv) parts = g_strsplit(*line, ":", 3);
        if (g_strv_length(parts) != 3)
            continue;
        g_auto(GStrv) controllers = g_strsplit(parts[1], ",", -1);
        bool ours = *controller ? g_strv_contains((const char *const *)controllers, controller)
                                : !*parts[1];
        if (ours)
            return g_strdup(strstr(parts[2], "..") ? "/" : parts[2]);
    }
    return NULL;
}

typedef void (*LevelFn)(const char *folder, OrfMachine *ret);

/* Calls `level` for the folder of the group and of each around it. */
static void
each_level(const char *root, const char *mount, const char *controller, LevelFn level,
           OrfMachine *ret)
{
    g_autofree char *path = group_path(root, controller);
    while (path) {
        g_autofree char *folder = g_build_filename(root, mount, path, NULL);
        level(folder, ret);
        char *slash = strrchr(path, '/');
        if (!slash || !slash[1])
            break;
        slash[slash == path] = 0;
    }
}

/* --- Memory ------------------------------------------------------------------------------- */

static void
limit_memory(OrfMachine *ret, uint64_t limit, uint64_t current, uint64_t droppable)
{
    if (limit == NO_LIMIT || !limit)
        return;
    uint64_t used = current - MIN(current, droppable);
    ret->memory_free = MIN(ret->memory_free, limit - MIN(limit, used));
    if (limit >= ret->memory_total)
        return;
    ret->memory_limited = true;
    ret->memory_total = limit;
    ret->memory_used = MIN(used, limit);
}

static void
memory_v2(const char *folder, OrfMachine *ret)
{
    g_autofree char *stat = read_text(folder, "memory.stat");
    limit_memory(ret, read_number(folder, "memory.max", NO_LIMIT),
                 read_number(folder, "memory.current", 0),
                 number_behind(stat, "inactive_file"));
}

static void
memory_v1(const char *folder, OrfMachine *ret)
{
    g_autofree char *stat = read_text(folder, "memory.stat");
    limit_memory(ret, read_number(folder, "memory.limit_in_bytes", NO_LIMIT),
                 read_number(folder, "memory.usage_in_bytes", 0),
                 number_behind(stat, "total_inactive_file"));
}

static void
machine_memory(const char *root, OrfMachine *ret)
{
    g_autofree char *text = read_text(root, "proc/meminfo");
    ret->memory_total = number_behind(text, "MemTotal") * 1024;
    ret->memory_free = number_behind(text, "MemAvailable") * 1024;
    if (!ret->memory_free) /* before Linux 3.14 */
        ret->memory_free =
            (number_behind(text, "MemFree") + number_behind(text, "Cached")) * 1024;
    ret->swap_total = number_behind(text, "SwapTotal") * 1024;
    ret->swap_used =
        ret->swap_total - MIN(ret->swap_total, number_behind(text, "SwapFree") * 1024);
    if (!ret->memory_total) {
        long pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);
        ret->memory_total =
            pages > 0 && page > 0 ? (uint64_t)pages * (uint64_t)page : 4000000000;
        ret->memory_free = ret->memory_total;
    }
    ret->memory_free = MIN(ret->memory_free, ret->memory_total);
    ret->memory_used = ret->memory_total - ret->memory_free;
}

/* --- Processors --------------------------------------------------------------------------- */

/* Marks the processors of a list such as "0-3,8"; yields how many. */
static unsigned
read_list(const char *text, bool allowed[MAX_CPUS])
{
    unsigned n = 0;
    while (g_ascii_isdigit(*text)) {
        char *end;
        uint64_t first = g_ascii_strtoull(text, &end, 10), last = first;
        if (*end == '-')
            last = g_ascii_strtoull(end + 1, &end, 10);
        for (uint64_t i = first; i <= last && i < MAX_CPUS; i++) {
            n += !allowed[i];
            allowed[i] = true;
        }
        text = end + (*end == ',');
    }
    return n;
}

static unsigned
allowed_cpus(const char *root, bool allowed[MAX_CPUS])
{
    static const char word[] = "\nCpus_allowed_list:";
    g_autofree char *text = read_text(root, "proc/self/status");
    const char *line = text ? strstr(text, word) : NULL;
    if (line) {
        line += strlen(word);
        unsigned n = read_list(line + strspn(line, " \t"), allowed);
        if (n)
            return n;
    }
    memset(allowed, true, MAX_CPUS * sizeof *allowed);
    return MAX(g_get_num_processors(), 1);
}

/* Seconds that one line of /proc/stat has been busy: user nice system (idle iowait) irq softirq
 * steal. */
static double
busy_of(const char *numbers)
{
    double ticks = 0;
    for (unsigned i = 0; i < 8; i++) {
        char *end;
        double value = g_ascii_strtod(numbers, &end);
        ticks += i == 3 || i == 4 ? 0 : value;
        numbers = end;
    }
    return ticks / (double)sysconf(_SC_CLK_TCK);
}

static void
machine_cpu(const char *root, const bool allowed[MAX_CPUS], OrfMachine *ret)
{
    g_autofree char *text = read_text(root, "proc/stat");
    const char *line = text ? strstr(text, "\ncpu") : NULL;
    for (; line; line = strstr(line, "\ncpu")) {
        char *end;
        line += strlen("\ncpu");
        uint64_t cpu = g_ascii_strtoull(line, &end, 10);
        if (end == line || cpu >= MAX_CPUS || !allowed[cpu])
            continue;
        ret->busy_s += busy_of(end);
        ret->busy_cores++;
    }
}

static void
limit_cpu(OrfMachine *ret, double quota, double period, double used_s)
{
    if (quota <= 0 || period <= 0 || quota / period >= ret->quota)
        return;
    ret->quota = ret->busy_cores = quota / period;
    ret->busy_s = used_s;
}

static void
cpu_v2(const char *folder, OrfMachine *ret)
{
    g_autofree char *max = read_text(folder, "cpu.max"), *stat = read_text(folder, "cpu.stat");
    char *end;
    double quota = max ? g_ascii_strtod(max, &end) : 0; /* "max" reads as 0 */
    if (quota > 0)
        limit_cpu(ret, quota, g_ascii_strtod(end, NULL),
                  (double)number_behind(stat, "usage_usec") / 1e6);
}

static void
cpu_v1(const char *folder, OrfMachine *ret)
{
    uint64_t quota = read_number(folder, "cpu.cfs_quota_us", 0);
    limit_cpu(ret, (double)quota, (double)read_number(folder, "cpu.cfs_period_us", 100000),
              (double)read_number(folder, "cpuacct.usage", 0) / 1e9);
}

/* --- All ---------------------------------------------------------------------------------- */

void
orf_machine_read(const char *root, OrfMachine *ret)
{
    static const struct {
        const char *mount, *controller; /* "": version 2 */
        LevelFn level;
    } controllers[] = {
        { "sys/fs/cgroup", "", memory_v2 },
        { "sys/fs/cgroup/unified", "", memory_v2 },
        { "sys/fs/cgroup/memory", "memory", memory_v1 },
        { "sys/fs/cgroup", "", cpu_v2 },
        { "sys/fs/cgroup/unified", "", cpu_v2 },
        { "sys/fs/cgroup/cpu", "cpu", cpu_v1 },
    };
    root = root ? root : "/";
    *ret = (OrfMachine){ 0 };
    bool allowed[MAX_CPUS] = { 0 };
    unsigned cpus = allowed_cpus(root, allowed);
    ret->quota = cpus;
    machine_memory(root, ret);
    machine_cpu(root, allowed, ret);
    for (size_t i = 0; i < G_N_ELEMENTS(controllers); i++)
        each_level(root, controllers[i].mount, controllers[i].controller, controllers[i].level,
                   ret);
    ret->cores = MAX(MIN(cpus, (unsigned)ceil(ret->quota)), 1);
    ret->memory_free = MIN(ret->memory_free, ret->memory_total);
}

char *
orf_machine_cpu_name(const char *root)
{
    g_autofree char *text = read_text(root ? root : "/", "proc/cpuinfo");
    const char *line = text ? strstr(text, "model name") : NULL;
    const char *colon = line ? strchr(line, ':') : NULL;
    if (!colon)
        return g_strdup("unknown processor");
    colon += 1 + strspn(colon + 1, " ");
    return g_strndup(colon, strcspn(colon, "\n"));
}
