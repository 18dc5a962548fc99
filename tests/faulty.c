/* faulty.c - linked into orfeas-faulty, the program with whose runs tests do what no picture
 * should be able to do. The name of a picture says what goes wrong; files of who waits have no
 * names: of them ORFEAS_FAULTY_STEP is the step that cannot be survived.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void orf_faulty_hook(const char *picture, const char *step);

static bool
is_named(const char *picture, const char *fault)
{
    return strstr(picture, fault) != NULL;
}

void
orf_faulty_hook(const char *picture, const char *step)
{
    bool late = strstr(step, "final") != NULL;
    const char *fatal = getenv("ORFEAS_FAULTY_STEP");
    if (fatal && strcmp(picture, "model") == 0 && strcmp(step, fatal) == 0)
        raise(SIGSEGV);
    if (is_named(picture, "poison-early") || (late && is_named(picture, "poison-late")))
        raise(SIGSEGV);
    if (is_named(picture, "poison-abort"))
        abort();
    while (is_named(picture, "poison-deaf"))
        pause();
}
