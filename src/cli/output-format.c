/* output-format.c - the name of a file and its format have to agree.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "cli/output.h"

#include <string.h>
#include <sys/stat.h>

bool
orf_output_is_stream(const char *named)
{
    struct stat about;
    if (!named)
        return false;
    static const char *const open_files[] = { "/dev/", "/proc/self/fd/" };
    for (size_t i = 0; i < G_N_ELEMENTS(open_files); i++)
        if (g_str_has_prefix(named, open_files[i]) && !stat(named, &about) &&
            !S_ISDIR(about.st_mode))
            return true;
    return g_str_equal(named, "-") ||
           (!stat(named, &about) && !S_ISREG(about.st_mode) && !S_ISDIR(about.st_mode));
}

/* --- Name and format ---------------------------------------------------------------------- */

/* Endings that promise something else than a mesh. */
static bool
is_other_kind(const char *ending)
{
    static const char *const kinds[] = {
        "jpg",  "jpeg", "png",  "gif",   "webp", "tif",  "tiff", "bmp",   "svg", "avif",
        "heic", "mtl",  "bin",  "zip",   "json", "txt",  "pdf",  "html",  "csv", "md",
        "step", "stp",  "iges", "fbx",   "dae",  "usdz", "usd",  "blend", "amf", "off",
        "3ds",  "x3d",  "wrl",  "gcode", "dxf",  "dwg",  "psd",  "xcf",   NULL,
    };
    return g_strv_contains(kinds, ending);
}

static char *
ending_of(const char *path)
{
    g_autofree char *name = g_path_get_basename(path);
    const char *dot = strrchr(name, '.');
    return dot && dot != name ? g_ascii_strdown(dot + 1, -1) : g_strdup("");
}

const char *
orf_output_format(const char *named, const char *format, const char *otherwise, GError **error)
{
    if (named && (g_str_has_suffix(named, "/") || g_file_test(named, G_FILE_TEST_IS_DIR)))
        return ORF_FAIL(error, BAD_INPUT, "%s: is a folder; name a file in it", named);
    bool stream = orf_output_is_stream(named);
    const char *says = named ? orf_format_of_path(named) : NULL;
    g_autofree char *known = g_strjoinv(", ", (char **)orf_format_names());
    if (format && !g_strv_contains(orf_format_names(), format))
        return ORF_FAIL(error, BAD_INPUT, "format \"%s\" is not one of %s", format, known);
    g_autofree char *ending = ending_of(named ? named : "");
    if (format && ((says && !g_str_equal(says, format)) || (!says && is_other_kind(ending))))
        return ORF_FAIL(error, BAD_INPUT,
                        "%s: the name says %s, --format says %s; which of the two is meant? "
                        "Change the one or leave out the other",
                        named, says ? says : ending, format);
    if (format || says)
        return format ? g_intern_string(format) : says;
    if (stream || !named)
        return otherwise ? otherwise
                         : ORF_FAIL(error, BAD_INPUT,
                                    "%s: the name says no format; give --format, one of %s",
                                    named ? named : "-", known);
    return ORF_FAIL(error, BAD_INPUT,
                    "%s: the name says no format; end it in one of %s, or give --format", named,
                    known);
}

bool
orf_output_named_as(const char *named, const char *ending, GError **error)
{
    g_autofree char *says = ending_of(named);
    if (!*says || g_str_equal(says, ending + 1))
        return true;
    return ORF_FALSE(error, BAD_INPUT,
                     "%s: what is written is %s; end the name in %s, or leave the ending out",
                     named, ending + 1, ending);
}
