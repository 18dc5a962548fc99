/* confine.c - no new privileges, limits, Landlock, seccomp: in this order, since each needs
 * calls that the next forbids.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Landlock's rules bind a thread and what it starts, seccomp's likewise: hence before the first
 * library starts a thread. Calls that are not on the list fail with ENOSYS, as on an older
 * kernel: libraries know how to go on. */
#define _GNU_SOURCE /* O_PATH, O_TMPFILE */
#include "work/confine.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <seccomp.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#define MOST_FILES 4096           /* inputs come as descriptors */
#define SLACK ((uint64_t)8 << 30) /* bytes of address space for stacks and libraries */

#ifdef __has_feature /* clang's way to say it */
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define __SANITIZE_ADDRESS__ 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1 /* shadow memory is terabytes large, reports need more calls */
#else
#define SANITIZED 0
#endif

static void G_GNUC_PRINTF(2, 3) miss(OrfConfinement *c, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    size_t used = strlen(c->why);
    if (used && used + 3 < sizeof c->why)
        used = g_strlcat(c->why, "; ", sizeof c->why);
    if (used < sizeof c->why)
        g_vsnprintf(c->why + used, sizeof c->why - used, format, args);
    va_end(args);
}

/* --- Limits ------------------------------------------------------------------------------- */

static bool
limit(__rlimit_resource_t what, uint64_t most)
{
    struct rlimit now;
    if (getrlimit(what, &now) != 0)
        return false;
    rlim_t value = MIN((rlim_t)most, now.rlim_max);
    return setrlimit(what, &(struct rlimit){ value, value }) == 0;
}

/* The kernel rather ends this process than the server. May be refused; then it is as before. */
static void
offer_to_oom(void)
{
    int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return;
    ssize_t n = write(fd, "500", 3);
    (void)n;
    close(fd);
}

static void
set_limits(uint64_t memory, OrfConfinement *c)
{
    uint64_t bytes = memory ? 2 * memory + SLACK : UINT64_MAX;
    offer_to_oom();
    c->limits = limit(RLIMIT_CORE, 0) && limit(RLIMIT_NOFILE, MOST_FILES) &&
                limit(RLIMIT_FSIZE, memory ? memory : RLIM_INFINITY) &&
                (SANITIZED || limit(RLIMIT_DATA, bytes));
    if (!c->limits)
        miss(c, "limits: %s", g_strerror(errno));
}

/* --- Landlock ----------------------------------------------------------------------------- */

/* The kernel's interface; headers of the day may know only its first members. */
typedef struct {
    uint64_t files, net, scoped;
} Rules;

typedef struct {
    uint64_t allowed;
    int32_t parent;
} __attribute__((packed)) Beneath;

#define CREATE_RULESET 444
#define ADD_RULE 445
#define RESTRICT_SELF 446
#define READ_FILE (1u << 2)
#define READ_DIR (1u << 3)
#define BENEATH 1 /* the type of a rule */

/* Fonts, what draws them, and the libraries that are loaded when they are needed. */
static const char *const readable[] = {
    "/usr",
    "/lib",
    "/lib64",
    "/etc/fonts",
    "/etc/ld.so.cache",
    "/var/cache/fontconfig",
    "/proc/self",
    "/proc/cpuinfo",
    "/proc/meminfo",
    "/sys/devices/system/cpu",
    "/dev/null",
    "/dev/urandom",
};

static void
allow_reading(int rules, const char *path)
{
    int fd = open(path, O_PATH | O_CLOEXEC);
    if (fd < 0)
        return; /* not there: nothing to read */
    bool folder = faccessat(fd, ".", F_OK, 0) == 0;
    Beneath rule = { READ_FILE | (folder ? READ_DIR : 0), fd };
    syscall(ADD_RULE, rules, BENEATH, &rule, 0);
    close(fd);
}

static void
allow_home(int rules)
{
    const char *const folders[] = { g_get_user_data_dir(), g_get_user_cache_dir(),
                                    g_get_user_config_dir() };
    const char *const names[] = { "fonts", "fontconfig", "fontconfig" };
    for (size_t i = 0; i < G_N_ELEMENTS(folders); i++) {
        g_autofree char *path = g_build_filename(folders[i], names[i], NULL);
        allow_reading(rules, path);
    }
    g_autofree char *old = g_build_filename(g_get_home_dir(), ".fonts", NULL);
    allow_reading(rules, old);
}

static void
set_landlock(const char *const *folders, OrfConfinement *c)
{
    long version = syscall(CREATE_RULESET, NULL, 0, 1);
    if (version < 1) {
        miss(c, "landlock: %s",
             errno == EOPNOTSUPP ? "switched off in this kernel" : g_strerror(errno));
        return;
    }
    /* Everything there is in this version is handled, hence refused where no rule allows it. */
    Rules all = { .files = ((uint64_t)1 << (version >= 5   ? 16
                                            : version >= 3 ? 15
                                            : version == 2 ? 14
                                                           : 13)) -
                           1,
                  .net = version >= 4 ? 3 : 0,
                  .scoped = version >= 6 ? 3 : 0 };
    int rules = (int)syscall(CREATE_RULESET, &all, sizeof all, 0);
    if (rules >= 0) {
        for (size_t i = 0; i < G_N_ELEMENTS(readable); i++)
            allow_reading(rules, readable[i]);
        for (; folders && *folders; folders++)
            allow_reading(rules, *folders);
        allow_home(rules);
        if (syscall(RESTRICT_SELF, rules, 0) == 0)
            c->landlock = (int)version;
    }
    if (!c->landlock)
        miss(c, "landlock: %s", g_strerror(errno));
    if (rules >= 0)
        close(rules);
}

/* --- seccomp ------------------------------------------------------------------------------ */

static const char *const allowed[] = {
    /* bytes of descriptors it has */
    "read",
    "write",
    "readv",
    "writev",
    "pread64",
    "pwrite64",
    "preadv",
    "pwritev",
    "close",
    "lseek",
    "_llseek",
    "fcntl",
    "fcntl64",
    "dup",
    "dup3",
    "ftruncate",
    "ftruncate64",
    "poll",
    "ppoll",
    "ppoll_time64",
    "select",
    "_newselect",
    "pselect6",
    "pselect6_time64",
    "epoll_create1",
    "epoll_ctl",
    "epoll_wait",
    "epoll_pwait",
    "eventfd2",
    "pipe2",
    "pipe",
    "sendmsg",
    "recvmsg",
    "shutdown",
    "memfd_create",
    /* looking at files */
    "stat",
    "stat64",
    "lstat",
    "lstat64",
    "fstat",
    "fstat64",
    "newfstatat",
    "fstatat64",
    "statx",
    "statfs",
    "statfs64",
    "fstatfs",
    "fstatfs64",
    "access",
    "faccessat",
    "faccessat2",
    "readlink",
    "readlinkat",
    "getdents",
    "getdents64",
    "getcwd",
    "fadvise64",
    /* memory */
    "mmap",
    "mmap2",
    "mprotect",
    "munmap",
    "mremap",
    "madvise",
    "brk",
    "mincore",
    "membarrier",
    /* threads */
    "exit",
    "exit_group",
    "futex",
    "futex_time64",
    "futex_waitv",
    "set_robust_list",
    "get_robust_list",
    "rseq",
    "set_tid_address",
    "arch_prctl",
    "sched_yield",
    "sched_getaffinity",
    "sched_getparam",
    "sched_getscheduler",
    "sched_getattr",
    "sched_setattr",
    "sched_get_priority_max",
    "sched_get_priority_min",
    "getpriority",
    "setpriority",
    "gettid",
    "getpid",
    "getppid",
    "getcpu",
    "restart_syscall",
    /* signals of its own */
    "rt_sigaction",
    "rt_sigprocmask",
    "rt_sigreturn",
    "sigreturn",
    "sigaltstack",
    "rt_sigtimedwait",
    "rt_sigsuspend",
    /* the time, the machine, who it is */
    "clock_gettime",
    "clock_gettime64",
    "clock_getres",
    "clock_nanosleep",
    "clock_nanosleep_time64",
    "nanosleep",
    "gettimeofday",
    "time",
    "times",
    "getrusage",
    "sysinfo",
    "uname",
    "getrandom",
    "getrlimit",
    "ugetrlimit",
    "getuid",
    "geteuid",
    "getgid",
    "getegid",
    "getresuid",
    "getresgid",
    "getgroups",
};

/* Allowed with one argument as it must be. */
typedef struct {
    const char *call;
    struct scmp_arg_cmp arg;
} Condition;

#define WRITES (O_ACCMODE | O_CREAT | O_TRUNC | O_APPEND)

static int
add_rule(scmp_filter_ctx filter, const char *call, unsigned n, const struct scmp_arg_cmp *args)
{
    int number = seccomp_syscall_resolve_name(call);
    if (number == __NR_SCMP_ERROR) /* this library has never heard of it */
        return 0;
    return seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, number, n, args);
}

static int
add_conditions(scmp_filter_ctx filter)
{
    uint64_t self = (uint64_t)getpid();
    const Condition conditions[] = {
        { "open", SCMP_A1(SCMP_CMP_MASKED_EQ, WRITES, O_RDONLY) },
        { "openat", SCMP_A2(SCMP_CMP_MASKED_EQ, WRITES, O_RDONLY) },
        { "clone", SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, CLONE_THREAD) },
        { "tgkill", SCMP_A0(SCMP_CMP_EQ, self) },
        { "kill", SCMP_A0(SCMP_CMP_EQ, self) },
        { "prlimit64", SCMP_A2(SCMP_CMP_EQ, 0) }, /* asks, does not set */
        { "prctl", SCMP_A0(SCMP_CMP_EQ, PR_SET_NAME) },
        { "prctl", SCMP_A0(SCMP_CMP_EQ, PR_GET_NAME) },
    };
    int code = 0;
    for (size_t i = 0; !code && i < G_N_ELEMENTS(conditions); i++)
        code = add_rule(filter, conditions[i].call, 1, &conditions[i].arg);
    return code;
}

static void
set_seccomp(OrfConfinement *c)
{
    if (SANITIZED) {
        miss(c, "seccomp: not in a build with a sanitizer");
        return;
    }
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(ENOSYS));
    int code = filter ? 0 : -ENOMEM;
    for (size_t i = 0; !code && i < G_N_ELEMENTS(allowed); i++)
        code = add_rule(filter, allowed[i], 0, NULL);
    if (!code)
        code = add_conditions(filter);
    if (!code)
        code = seccomp_load(filter);
    c->seccomp = code == 0;
    if (code)
        miss(c, "seccomp: %s", g_strerror(-code));
    seccomp_release(filter);
}

/* --- All of it ---------------------------------------------------------------------------- */

void
orf_confine(uint64_t memory, const char *const *folders, OrfConfinement *ret)
{
    *ret = (OrfConfinement){ 0 };
    set_limits(memory, ret);
    ret->privileges = prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0;
    if (!ret->privileges)
        miss(ret, "no new privileges: %s", g_strerror(errno));
    set_landlock(folders, ret);
    set_seccomp(ret);
}

char *
orf_confinement_text(const OrfConfinement *c)
{
    GString *text = g_string_new(NULL);
    if (c->privileges)
        g_string_append(text, ", no new privileges");
    if (c->limits)
        g_string_append(text, ", limits");
    if (c->landlock)
        g_string_append_printf(text, ", landlock %d", c->landlock);
    if (c->seccomp)
        g_string_append(text, ", seccomp");
    if (text->len)
        g_string_erase(text, 0, 2);
    else
        g_string_append(text, "none");
    if (*c->why)
        g_string_append_printf(text, " (missing: %s)", c->why);
    return g_string_free(text, FALSE);
}
