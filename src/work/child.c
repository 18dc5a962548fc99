/* child.c - a process started, watched at its end, and its death read.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Whom to blame for a death: a fault of the processor and an abort are the runner's own; a
 * signal that another process sent is not. SIGKILL leaves no last words: it is the kernel's for
 * want of memory when the machine's count of such ends has risen meanwhile, else somebody's. */
#define _GNU_SOURCE /* memfd_create, sigabbrev_np */
#include "work/child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

#define PATIENCE_US G_USEC_PER_SEC
#define LOOK_US 2000

/* --- In the runner ------------------------------------------------------------------------ */

/* A signal handler is given nothing: what it writes to has to be found at a fixed place. */
static OrfLastWords *last_words(void);

static void
note_death(int signal, siginfo_t *info, void *context)
{
    (void)context;
    OrfLastWords *words = last_words();
    if (words)
        *words = (OrfLastWords){ signal, info->si_code, info->si_pid };
    if (info->si_code <= 0)
        raise(signal); /* a fault comes again by itself when the handler returns */
}

static OrfLastWords *
last_words(void)
{
    /* The descriptor is mapped where orf_child_watch_signals has put it: the same page again.
     */
    return mmap(NULL, sizeof(OrfLastWords), PROT_READ | PROT_WRITE, MAP_SHARED, ORF_CHILD_NOTE,
                0);
}

void
orf_child_watch_signals(void)
{
    static const int ours[] = { SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGTRAP, SIGSYS };
    static const int others[] = { SIGINT, SIGTERM, SIGHUP, SIGPIPE, SIGQUIT, SIGUSR1, SIGUSR2 };
    struct sigaction note = { .sa_sigaction = note_death,
                              .sa_flags = SA_SIGINFO | SA_RESETHAND | SA_NODEFER };
    for (size_t i = 0; i < G_N_ELEMENTS(ours); i++)
        sigaction(ours[i], &note, NULL);
    for (size_t i = 0; i < G_N_ELEMENTS(others); i++)
        signal(others[i], SIG_IGN);
}

/* --- Starting ----------------------------------------------------------------------------- */

/* How many processes this machine's kernel has ended for want of memory; 0: it does not tell.
 */
static uint64_t
count_ooms(void)
{
    g_autofree char *text = NULL;
    if (!g_file_get_contents("/proc/vmstat", &text, NULL, NULL))
        return 0;
    const char *at = strstr(text, "oom_kill ");
    return at ? g_ascii_strtoull(at + strlen("oom_kill "), NULL, 10) : 0;
}

static int
note_page(OrfLastWords **ret)
{
    int fd = memfd_create("orfeas-last-words", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    void *page = MAP_FAILED;
    if (fd >= 0 && ftruncate(fd, sizeof(OrfLastWords)) == 0 &&
        fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK) ==
            0) /* cut by it, it would take the reader down */
        page = mmap(NULL, sizeof(OrfLastWords), PROT_READ, MAP_SHARED, fd, 0);
    *ret = page == MAP_FAILED ? NULL : page;
    return fd;
}

/* The same descriptor under a number that is in nobody's way. */
static int
set_aside(int fd)
{
    int high = fcntl(fd, F_DUPFD_CLOEXEC, 10);
    close(fd);
    return high;
}

static int
spawn(const char *const *argv, int socket, int note, pid_t *ret_pid)
{
    posix_spawn_file_actions_t files;
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&files, 1, "/dev/null", O_WRONLY, 0);
    posix_spawn_file_actions_adddup2(&files, socket, ORF_CHILD_SOCKET);
    posix_spawn_file_actions_adddup2(&files, note, ORF_CHILD_NOTE);
    int code = posix_spawn(ret_pid, argv[0], &files, NULL, (char **)(uintptr_t)argv, environ);
    posix_spawn_file_actions_destroy(&files);
    return code;
}

bool
orf_child_start(const char *const *argv, OrfChildProcess *ret, int *ret_socket, GError **error)
{
    int fds[2];
    if (!orf_channel_pair(fds, error))
        return false;
    *ret = (OrfChildProcess){ .ooms = count_ooms() };
    int theirs = set_aside(fds[1]), note = set_aside(note_page(&ret->words));
    int code = theirs < 0 || note < 0 ? EMFILE : spawn(argv, theirs, note, &ret->pid);
    close(theirs);
    close(note);
    *ret_socket = fds[0];
    if (!code)
        return true;
    close(fds[0]);
    if (ret->words)
        munmap(ret->words, sizeof *ret->words);
    return ORF_FALSE(error, UNAVAILABLE, "a runner cannot be started: %s: %s", argv[0],
                     g_strerror(code));
}

/* --- The end ------------------------------------------------------------------------------ */

static bool
sent_from_outside(const OrfChildProcess *process, int signal)
{
    const OrfLastWords *words = process->words;
    return words && words->signal == signal && words->code <= 0 && words->pid != process->pid;
}

static void
read_death(const OrfChildProcess *process, int status, OrfDeath *ret)
{
    *ret = (OrfDeath){ .kind = ORF_DEATH_OWN };
    if (!WIFSIGNALED(status)) {
        g_snprintf(ret->how, sizeof ret->how, "exit code %d", WEXITSTATUS(status));
        return;
    }
    int signal = WTERMSIG(status);
    const char *name = sigabbrev_np(signal);
    g_snprintf(ret->how, sizeof ret->how, "SIG%s", name ? name : "?");
    if (signal == SIGKILL && count_ooms() > process->ooms)
        ret->memory = true;
    else if (signal == SIGKILL || sent_from_outside(process, signal))
        ret->kind = ORF_DEATH_OUTSIDE;
}

void
orf_child_reap(OrfChildProcess *process, OrfDeath *ret)
{
    int status = 0;
    int64_t until = g_get_monotonic_time() + PATIENCE_US;
    pid_t got;
    while ((got = waitpid(process->pid, &status, WNOHANG)) == 0) {
        if (g_get_monotonic_time() > until)
            kill(process->pid, SIGKILL);
        g_usleep(LOOK_US);
    }
    if (got < 0)
        *ret = (OrfDeath){ .kind = ORF_DEATH_OUTSIDE, .how = "nobody knows how" };
    else
        read_death(process, status, ret);
    if (process->words)
        munmap(process->words, sizeof *process->words);
    process->words = NULL;
}
