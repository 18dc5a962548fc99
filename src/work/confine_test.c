/* Each sentence is tried in a process of its own: what is given up never comes back.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE /* memfd_create */
#include "work/confine.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define CONFINED "--confined"

/* --- Inside ------------------------------------------------------------------------------- */

static bool
cannot_open_for_writing(void)
{
    return open("/tmp/orfeas-confined", O_WRONLY | O_CREAT, 0600) < 0 &&
           open("/dev/null", O_RDWR) < 0;
}

static bool
cannot_talk(void)
{
    return socket(AF_INET, SOCK_STREAM, 0) < 0 && socket(AF_UNIX, SOCK_STREAM, 0) < 0;
}

static bool
cannot_start_a_program(void)
{
    char *argv[] = { "/bin/true", NULL };
    execv(argv[0], argv); /* returns only when it is refused */
    return fork() < 0;
}

static bool
cannot_signal_others(void)
{
    return kill(getppid(), 0) != 0 && kill(getpid(), 0) == 0;
}

static bool
sees_fonts_but_no_secrets(void)
{
    int fonts = open("/usr/share", O_RDONLY), secret = open("/etc/passwd", O_RDONLY);
    return fonts >= 0 && secret < 0;
}

static void *
answer(void *data)
{
    return data;
}

static bool
can_work(void)
{
    GThread *thread = g_thread_new("work", answer, GINT_TO_POINTER(7));
    int fd = memfd_create("test", MFD_CLOEXEC);
    void *memory = g_malloc0(64 << 20);
    bool good = GPOINTER_TO_INT(g_thread_join(thread)) == 7 && write(fd, "x", 1) == 1 &&
                setpriority(PRIO_PROCESS, 0, 10) == 0;
    g_free(memory);
    return good;
}

static bool
leaves_no_core(void)
{
    struct rlimit core;
    return getrlimit(RLIMIT_CORE, &core) == 0 && core.rlim_max == 0;
}

typedef struct {
    const char *name;
    bool (*holds)(void);
    bool seccomp, landlock; /* what it needs */
} Case;

static const Case cases[] = {
    { "a-confined-process-can-work", can_work, false, false },
    { "it-leaves-no-core", leaves_no_core, false, false },
    { "it-opens-nothing-for-writing", cannot_open_for_writing, true, false },
    { "it-has-no-network", cannot_talk, true, false },
    { "it-starts-no-program", cannot_start_a_program, true, false },
    { "it-signals-nobody-else", cannot_signal_others, true, false },
    { "it-sees-fonts-but-no-secrets", sees_fonts_but_no_secrets, false, true },
};

enum { HOLDS = 10, FAILS, MISSING };

static int
inside(const char *name)
{
    OrfConfinement confinement;
    orf_confine((uint64_t)4 << 30, NULL, &confinement);
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        const Case *one = &cases[i];
        if (strcmp(one->name, name) != 0)
            continue;
        if ((one->seccomp && !confinement.seccomp) || (one->landlock && !confinement.landlock))
            return MISSING;
        return one->holds() ? HOLDS : FAILS;
    }
    return FAILS;
}

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED true
#else
#define SANITIZED false
#endif

/* --- Outside ------------------------------------------------------------------------------ */

static void
holds(const void *data)
{
    const Case *one = data;
    const char *argv[] = { "/proc/self/exe", CONFINED, one->name, NULL };
    g_autoptr(GError) error = NULL;
    g_autofree char *self = g_file_read_link("/proc/self/exe", &error);
    int status = 0;
    argv[0] = self;
    g_spawn_sync(NULL, (char **)(void *)(uintptr_t)argv, NULL, G_SPAWN_DEFAULT, NULL, NULL,
                 NULL, NULL, &status, &error);
    g_assert_no_error(error);
    g_assert_true(WIFEXITED(status));
    if (WEXITSTATUS(status) == MISSING)
        g_test_skip("needs a kernel with seccomp and landlock, and no sanitizer");
    else
        g_assert_cmpint(WEXITSTATUS(status), ==, HOLDS);
}

static void
what_is_missing_is_told(void)
{
    OrfConfinement none = { .why = "landlock: switched off in this kernel" };
    OrfConfinement all = { .privileges = true, .limits = true, .seccomp = true, .landlock = 6 };
    g_autofree char *little = orf_confinement_text(&none), *much = orf_confinement_text(&all);
    g_assert_cmpstr(little, ==, "none (missing: landlock: switched off in this kernel)");
    g_assert_cmpstr(much, ==, "no new privileges, limits, landlock 6, seccomp");
}

int
main(int argc, char **argv)
{
    if (argc == 3 && strcmp(argv[1], CONFINED) == 0)
        return inside(argv[2]);
    g_test_init(&argc, &argv, NULL);
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        if (SANITIZED && (cases[i].seccomp || cases[i].landlock))
            continue; /* a sanitizer's own calls are refused, so nothing is confined */
        g_autofree char *path = g_strconcat("/work/confine/", cases[i].name, NULL);
        g_test_add_data_func(path, &cases[i], holds);
    }
    g_test_add_func("/work/confine/what-is-missing-is-told", what_is_missing_is_told);
    return g_test_run();
}
