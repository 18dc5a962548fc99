/* cli.h - what the commands share: the table, reading and writing files, interruption,
 * progress.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ORF_CLI_H
#define ORF_CLI_H

#include "engine/engine.h"

#include "base/base.h"

/* --- Commands: one file and one word of this list each ------------------------------------ */

typedef struct {
    const char *name;    /* "generate" */
    bool hidden;         /* for programs, in no list */
    const char *summary; /* one line for the list */
    /* argv[0] is the command's name. Returns the exit code; has reported its errors. */
    int (*run)(int argc, char **argv);
} OrfCommand;

/* In the order in which they are listed: a file and a word here each. */
#define ORF_COMMANDS(each)                                                                     \
    each(generate) each(serve) each(net) each(generators) each(doctor) each(completion)        \
        each(run_jobs)

#define ORF_DECLARE_COMMAND(name) extern const OrfCommand orf_command_##name;
ORF_COMMANDS(ORF_DECLARE_COMMAND)

const OrfCommand *const *orf_commands(void); /* NULL-terminated */

/* Prints "orfeas: message" and yields the exit code of the table in base/error.c. */
int orf_cli_fail(const GError *error);
/* Prints one object, complete, as a line of standard output. */
void orf_cli_print(OrfJson *json);
/* Parses options; false with `ret_code` set when the command is over (bad option, --help). The
 * help text comes from `entries`, `usage` ("PICTURE... [-o FILE]") and `about` (paragraphs
 * below). */
bool orf_cli_parse(const char *command, int *argc, char ***argv, const GOptionEntry *entries,
                   const char *usage, const char *about, int *ret_code);

/* --- Operations as commands: cli/operate.c ------------------------------------------------ */

/* Those that share a first word: "mesh info", "mesh view". */
typedef struct {
    const char *name, *summary;
} OrfCliGroup;
const OrfCliGroup *orf_cli_groups(void); /* ends with a NULL name */
/* The verbs of a group, appended with blanks between. */
void orf_cli_verbs(const char *group, GString *out);
int orf_cli_run_group(const char *group, int argc, char **argv);
const OrfOperation *orf_cli_operation(const char *command); /* NULL: none is called so */
int orf_cli_run_operation(const OrfOperation *operation, int argc, char **argv);
/* "--output --width ...": all options of an operation. Caller owns. */
char *orf_cli_options(const OrfOperation *operation);
/* "glb, stl or obj" for " or "; caller owns. */
char *orf_cli_formats(const char *last);
/* "512M". Errors: BAD_INPUT. */
bool orf_cli_memory(const char *text, size_t *ret, GError **error);

/* --- Files: cli/files.c; what is written: cli/output.h ------------------------------------ */

/* The whole file, at most `limit` bytes; "-" is standard input. */
GBytes *orf_cli_read(const char *path, size_t limit, GError **error);
/* The file that the one at `path` names: beside it, the case of letters does not count where
 * nothing is called exactly so. Caller owns; NULL: none. */
char *orf_cli_beside(const char *path, const char *name);
/* File name without folder and extension; caller owns. */
char *orf_cli_stem(const char *path);

/* --- A running task: cli/run.c ------------------------------------------------------------ */

typedef enum { ORF_SHOW_NOTHING, ORF_SHOW_LINES, ORF_SHOW_BAR, ORF_SHOW_JSON } OrfShow;

/* A task with progress shown and Ctrl-C heard: the first one cancels, and ends the program
 * after 80 ms if the work has not stopped by itself; never while a file is being written. */
typedef struct OrfRun OrfRun;
OrfRun *
orf_run_new(OrfShow show, unsigned cores, size_t memory); /* 0: all cores, 3/4 of memory */
OrfTask *orf_run_task(OrfRun *run);
double orf_run_seconds(const OrfRun *run); /* since orf_run_new */
void orf_run_say(OrfRun *run, const char *format, ...) G_GNUC_PRINTF(2, 3); /* a plain line */
void orf_run_free(OrfRun *run);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(OrfRun, orf_run_free)
/* Where nets are looked for: ORFEAS_NETS, folders with ":" between, or "orfeas/nets" in the
 * user's data folder. Caller owns. */
char **orf_cli_net_folders(void);
/* Held while a file is written. */
void orf_run_lock_files(void);
void orf_run_unlock_files(void);
/* Blocks the signals that OrfRun listens for; call first in main. */
void orf_run_block_signals(void);

#endif
