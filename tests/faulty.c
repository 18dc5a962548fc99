/* faulty.c - linked into orfeas-faulty, the program with whose runs tests do what no picture
 * should be able to do. The name of a picture says what goes wrong.
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
    if (is_named(picture, "poison-early") || (late && is_named(picture, "poison-late")))
        raise(SIGSEGV);
    if (is_named(picture, "poison-abort"))
        abort();
    while (is_named(picture, "poison-deaf"))
        pause();
}
