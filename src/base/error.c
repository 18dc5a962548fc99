/* error.c - the one table of errors: name, HTTP status, exit code; and whose errors they are.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/base.h"

static const OrfErrorInfo table[ORF_N_ERRORS] = {
    [ORF_ERROR_BAD_INPUT] = { "bad-input", 422, 2, "the input is wrong" },
    [ORF_ERROR_UNSUPPORTED] = { "unsupported", 415, 3, "this build cannot do it" },
    [ORF_ERROR_NOT_FOUND] = { "not-found", 404, 4, "no such file or name" },
    [ORF_ERROR_DENIED] = { "denied", 403, 5, "permission is missing" },
    [ORF_ERROR_CONFLICT] = { "conflict", 409, 6, "something changed meanwhile" },
    [ORF_ERROR_TOO_LARGE] = { "too-large", 413, 7, "over a limit or the memory budget" },
    [ORF_ERROR_BUSY] = { "busy", 503, 8, "try again later" },
    [ORF_ERROR_CANCELLED] = { "cancelled", 499, 130, "cancelled" },
    [ORF_ERROR_UNAVAILABLE] = { "unavailable", 503, 9,
                                "a device, disk or peer is missing or full" },
    [ORF_ERROR_BUG] = { "bug", 500, 70, "a mistake in the program: please report it" },
};

const char *
orf_version(void)
{
    return ORF_VERSION;
}

G_DEFINE_QUARK(orf - error - quark, orf_error)

const OrfErrorInfo *
orf_error_info(int code)
{
    if (code < 0 || code >= ORF_N_ERRORS)
        code = ORF_ERROR_BUG;
    return &table[code];
}

static OrfErrorCode
code_of_file_error(int code)
{
    switch (code) {
    case G_FILE_ERROR_NOENT:
    case G_FILE_ERROR_NOTDIR:
    case G_FILE_ERROR_ISDIR:
        return ORF_ERROR_NOT_FOUND;
    case G_FILE_ERROR_ACCES:
    case G_FILE_ERROR_PERM:
    case G_FILE_ERROR_ROFS:
        return ORF_ERROR_DENIED;
    default:
        return ORF_ERROR_UNAVAILABLE;
    }
}

int
orf_error_exit_code(const GError *error)
{
    if (!error)
        return 0;
    if (error->domain == ORF_ERROR)
        return orf_error_info(error->code)->exit_code;
    if (error->domain == G_FILE_ERROR)
        return orf_error_info((int)code_of_file_error(error->code))->exit_code;
    if (error->domain == G_OPTION_ERROR)
        return orf_error_info(ORF_ERROR_BAD_INPUT)->exit_code;
    return orf_error_info(ORF_ERROR_BUG)->exit_code;
}
