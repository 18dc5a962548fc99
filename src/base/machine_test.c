/* SPDX-License-Identifier: Apache-2.0 */
#include "base/base.h"

#include <glib/gstdio.h>
#include <string.h>

#define MEMINFO                                                                                \
    "MemTotal:       8000000 kB\nMemFree:        1000000 kB\nMemAvailable:   6000000 kB\n"     \
    "Cached:         3000000 kB\nSwapTotal:      1000000 kB\nSwapFree:        900000 kB\n"
#define STATUS "Name:\ttest\nCpus_allowed_list:\t0-3,8\nMems_allowed_list:\t0\n"
#define STAT                                                                                   \
    "cpu  900 0 0 0 0 0 0 0 0 0\ncpu0 100 20 30 999 999 10 20 20 0 0\ncpu1 100 0 0 5 0 0 0 "   \
    "0\n"                                                                                      \
    "cpu7 700 0 0 5 0 0 0 0\nintr 12\n"

typedef struct {
    const char *name, *text;
} File;

/* A folder that looks like "/". */
static char *
root_with(const File *files, size_t n)
{
    char *root = g_dir_make_tmp("machine-XXXXXX", NULL);
    for (size_t i = 0; i < n; i++) {
        g_autofree char *path = g_build_filename(root, files[i].name, NULL);
        g_autofree char *folder = g_path_get_dirname(path);
        g_assert_cmpint(g_mkdir_with_parents(folder, 0755), ==, 0);
        g_assert_true(g_file_set_contents(path, files[i].text, -1, NULL));
    }
    return root;
}

static void
remove_all(const char *path)
{
    GDir *folder = g_dir_open(path, 0, NULL);
    for (const char *name; folder && (name = g_dir_read_name(folder));) {
        g_autofree char *inner = g_build_filename(path, name, NULL);
        remove_all(inner);
    }
    g_clear_pointer(&folder, g_dir_close);
    g_remove(path);
}

static OrfMachine
read_files(const File *files, size_t n)
{
    OrfMachine machine;
    g_autofree char *root = root_with(files, n);
    orf_machine_read(root, &machine);
    remove_all(root);
    return machine;
}
#define READ(...)                                                                              \
    read_files((const File[]){ __VA_ARGS__ }, G_N_ELEMENTS(((const File[]){ __VA_ARGS__ })))

static void
a_plain_machine_has_what_it_has(void)
{
    OrfMachine machine = READ({ "proc/meminfo", MEMINFO }, { "proc/self/status", STATUS },
                              { "proc/stat", STAT });
    g_assert_cmpuint(machine.cores, ==, 5);
    g_assert_cmpfloat(machine.quota, ==, 5);
    g_assert_false(machine.memory_limited);
    g_assert_cmpuint(machine.memory_total, ==, 8192000000);
    g_assert_cmpuint(machine.memory_free, ==, 6144000000);
    g_assert_cmpuint(machine.memory_used, ==, 2048000000);
    g_assert_cmpuint(machine.swap_used, ==, 102400000);
    g_assert_cmpfloat(machine.busy_cores, ==, 2); /* 7 is not ours */
    g_assert_cmpfloat(machine.busy_s, ==, 3);
}

static void
nothing_to_read_gives_a_guess(void)
{
    OrfMachine machine = READ({ "proc/nothing", "" });
    g_assert_cmpuint(machine.cores, >=, 1);
    g_assert_cmpuint(machine.memory_total, >, 0);
    g_assert_cmpuint(machine.memory_free, ==, machine.memory_total);
    g_autofree char *name = orf_machine_cpu_name("/nowhere");
    g_assert_cmpstr(name, ==, "unknown processor");
}

static void
version_2_counts_the_tightest_group(void)
{
    OrfMachine machine =
        READ({ "proc/meminfo", MEMINFO }, { "proc/self/status", STATUS }, { "proc/stat", STAT },
             { "proc/self/cgroup", "0::/outer/inner\n" },
             { "sys/fs/cgroup/outer/memory.max", "2000000000\n" },
             { "sys/fs/cgroup/outer/memory.current", "1900000000\n" },
             { "sys/fs/cgroup/outer/memory.stat", "anon 5\ninactive_file 100000000\n" },
             { "sys/fs/cgroup/outer/cpu.max", "250000 100000\n" },
             { "sys/fs/cgroup/outer/cpu.stat", "usage_usec 7500000\nuser_usec 1\n" },
             { "sys/fs/cgroup/outer/inner/memory.max", "max\n" },
             { "sys/fs/cgroup/outer/inner/memory.current", "5\n" },
             { "sys/fs/cgroup/outer/inner/cpu.max", "max 100000\n" });
    g_assert_true(machine.memory_limited);
    g_assert_cmpuint(machine.memory_total, ==, 2000000000);
    g_assert_cmpuint(machine.memory_used, ==, 1800000000);
    g_assert_cmpuint(machine.memory_free, ==, 200000000);
    g_assert_cmpuint(machine.cores, ==, 3);
    g_assert_cmpfloat(machine.quota, ==, 2.5);
    g_assert_cmpfloat(machine.busy_cores, ==, 2.5);
    g_assert_cmpfloat(machine.busy_s, ==, 7.5);
}

static void
a_fuller_group_further_up_leaves_less(void)
{
    OrfMachine machine = READ({ "proc/meminfo", MEMINFO }, { "proc/self/cgroup", "0::/a/b\n" },
                              { "sys/fs/cgroup/a/memory.max", "4000000000" },
                              { "sys/fs/cgroup/a/memory.current", "3900000000" },
                              { "sys/fs/cgroup/a/b/memory.max", "1000000000" },
                              { "sys/fs/cgroup/a/b/memory.current", "300000000" });
    g_assert_cmpuint(machine.memory_total, ==, 1000000000);
    g_assert_cmpuint(machine.memory_used, ==, 300000000);
    g_assert_cmpuint(machine.memory_free, ==, 100000000);
}

static void
version_1_counts_too(void)
{
    OrfMachine machine =
        READ({ "proc/meminfo", MEMINFO }, { "proc/self/status", STATUS },
             { "proc/self/cgroup", "4:cpu,cpuacct:/box\n3:memory:/box\n0::/\n" },
             { "sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n" },
             { "sys/fs/cgroup/memory/box/memory.limit_in_bytes", "1000000000\n" },
             { "sys/fs/cgroup/memory/box/memory.usage_in_bytes", "600000000\n" },
             { "sys/fs/cgroup/memory/box/memory.stat",
               "inactive_file 1\ntotal_inactive_file 200000000\n" },
             { "sys/fs/cgroup/cpu/cpu.cfs_quota_us", "-1\n" },
             { "sys/fs/cgroup/cpu/box/cpu.cfs_quota_us", "50000\n" },
             { "sys/fs/cgroup/cpu/box/cpu.cfs_period_us", "100000\n" },
             { "sys/fs/cgroup/cpu/box/cpuacct.usage", "2500000000\n" });
    g_assert_cmpuint(machine.memory_total, ==, 1000000000);
    g_assert_cmpuint(machine.memory_used, ==, 400000000);
    g_assert_cmpuint(machine.memory_free, ==, 600000000);
    g_assert_cmpuint(machine.cores, ==, 1);
    g_assert_cmpfloat(machine.quota, ==, 0.5);
    g_assert_cmpfloat(machine.busy_s, ==, 2.5);
}

/* The path is the host's; what is mounted is the container's own group. */
static void
a_container_finds_its_group_at_the_mount(void)
{
    static const char *const groups[] = { "3:memory:/docker/0123\n",
                                          "3:memory:/../somewhere\n" };
    for (size_t i = 0; i < G_N_ELEMENTS(groups); i++) {
        OrfMachine machine =
            READ({ "proc/meminfo", MEMINFO }, { "proc/self/cgroup", groups[i] },
                 { "sys/fs/cgroup/memory/memory.limit_in_bytes", "500000000" },
                 { "sys/fs/cgroup/memory/memory.usage_in_bytes", "100000000" });
        g_assert_cmpuint(machine.memory_total, ==, 500000000);
        g_assert_cmpuint(machine.memory_free, ==, 400000000);
    }
}

static void
a_limit_above_the_machine_is_none(void)
{
    OrfMachine machine = READ({ "proc/meminfo", MEMINFO }, { "proc/self/cgroup", "0::/\n" },
                              { "sys/fs/cgroup/memory.max", "99000000000\n" },
                              { "sys/fs/cgroup/memory.current", "1000\n" });
    g_assert_false(machine.memory_limited);
    g_assert_cmpuint(machine.memory_total, ==, 8192000000);
}

static void
odd_files_do_no_harm(void)
{
    static const char *const odd[] = {
        "",          "max",   "-5",   "garbage", "99999999999999999999999",
        "0-9999999", "3-1,,", "\n\n", ":::",     "0::"
    };
    for (size_t i = 0; i < G_N_ELEMENTS(odd); i++) {
        g_autofree char *status = g_strconcat("\nCpus_allowed_list:\t", odd[i], NULL);
        OrfMachine machine =
            READ({ "proc/meminfo", odd[i] }, { "proc/self/cgroup", odd[i] },
                 { "proc/self/status", status }, { "proc/stat", odd[i] },
                 { "sys/fs/cgroup/memory.max", odd[i] }, { "sys/fs/cgroup/cpu.max", odd[i] });
        g_assert_cmpuint(machine.cores, >=, 1);
        g_assert_cmpuint(machine.memory_free, <=, machine.memory_total);
    }
}

static void
the_processor_has_a_name(void)
{
    static const File files[] = {
        { "proc/cpuinfo", "processor\t: 0\nmodel name\t: Fast CPU 9000\nflags: x\n" }
    };
    g_autofree char *root = root_with(files, 1);
    g_autofree char *name = orf_machine_cpu_name(root);
    g_assert_cmpstr(name, ==, "Fast CPU 9000");
    remove_all(root);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define TEST(name, function) g_test_add_func("/base/machine/" name, function)
    TEST("a-plain-machine-has-what-it-has", a_plain_machine_has_what_it_has);
    TEST("nothing-to-read-gives-a-guess", nothing_to_read_gives_a_guess);
    TEST("version-2-counts-the-tightest-group", version_2_counts_the_tightest_group);
    TEST("a-fuller-group-further-up-leaves-less", a_fuller_group_further_up_leaves_less);
    TEST("version-1-counts-too", version_1_counts_too);
    TEST("a-container-finds-its-group-at-the-mount", a_container_finds_its_group_at_the_mount);
    TEST("a-limit-above-the-machine-is-none", a_limit_above_the_machine_is_none);
    TEST("odd-files-do-no-harm", odd_files_do_no_harm);
    TEST("the-processor-has-a-name", the_processor_has_a_name);
    return g_test_run();
}
