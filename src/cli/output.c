/* output.c - the names of what a run writes, and writing all of it or nothing.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * A result has one file a line of its wish, and a base name for the files that some of them
 * bring (see goes_with). Free is a name that nobody has: no file, no other result of the run.
 * A result takes the first k for which "cup" (k = 1) or "cup-k" is free for all its names at
 * once, so that they stay together.
 *
 * A main file that we write over may have been ours: it then lists what it brought and the
 * digest of each ("orfeas-wrote cup.mtl 5f3a..."); those that still have that digest are this
 * result of an earlier run and may be replaced with it. */
#include "cli/cli.h"
#include "cli/output-priv.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define NUMBERS_MOST 100000
#define STEM_MOST                                                                              \
    180 /* bytes: with number and ending it stays under the 255 of file systems                \
         */
#define RECORD_MOST                                                                            \
    ((size_t)64 << 10) /* bytes of a main file that may list what it brought                   \
                        */
#define RECORD_WORD "orfeas-wrote "

/* --- A run -------------------------------------------------------------------------------- */

OrfOutput *
orf_output_new(bool overwrite)
{
    OrfOutput *output = g_new0(OrfOutput, 1);
    output->overwrite = overwrite;
    output->inputs = g_array_new(false, false, sizeof(OrfFileIdentity));
    output->taken = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    return output;
}

void
orf_output_free(OrfOutput *output)
{
    if (!output)
        return;
    g_array_unref(output->inputs);
    g_hash_table_unref(output->taken);
    g_free(output);
}

void
orf_output_protect(OrfOutput *output, const char *path)
{
    struct stat about;
    if (!path || g_str_equal(path, "-") || stat(path, &about) || !S_ISREG(about.st_mode))
        return;
    OrfFileIdentity identity = { about.st_dev, about.st_ino };
    g_array_append_val(output->inputs, identity);
}

void
orf_output_protect_all(OrfOutput *output, char **paths)
{
    for (; paths && *paths; paths++)
        orf_output_protect(output, *paths);
}

bool
orf_output_reads(const OrfOutput *output, const struct stat *about)
{
    for (guint i = 0; i < output->inputs->len; i++) {
        const OrfFileIdentity *input = &g_array_index(output->inputs, OrfFileIdentity, i);
        if (input->device == about->st_dev && input->inode == about->st_ino)
            return true;
    }
    return false;
}

/* The same text for the same place, however it was written. */
static char *
place_key(const char *path)
{
    g_autofree char *folder = g_path_get_dirname(path), *name = g_path_get_basename(path);
    g_autofree char *real = realpath(folder, NULL);
    g_autofree char *full = real ? NULL : g_canonicalize_filename(folder, NULL);
    return g_build_filename(real ? real : full, name, NULL);
}

/* Paths are shown as the user would write them: no "./" that nobody wrote. */
char *
orf_result_path(const OrfResult *result, const char *name)
{
    return result->here ? g_strdup(name) : g_build_filename(result->folder, name, NULL);
}

/* --- What belongs to a main file ---------------------------------------------------------- */

static bool
brings_files(const char *ending)
{
    return g_str_has_suffix(ending, ".obj") || g_str_has_suffix(ending, ".gltf");
}

/* The file `name` is called as what a main file named after `stem` may bring: format/mtl.c,
 * format/gltf.c. */
bool
orf_output_goes_with(const char *name, const char *stem)
{
    if (!g_str_has_prefix(name, stem))
        return false;
    const char *rest = name + strlen(stem);
    return g_ascii_strcasecmp(rest, ".mtl") == 0 || g_ascii_strcasecmp(rest, ".bin") == 0 ||
           g_str_has_prefix(rest, "-texture");
}

/* Files name others in words without blanks and marks. */
static char *
plain_name(const char *stem)
{
    char *plain = g_utf8_make_valid(stem, -1);
    for (char *c = plain; *c; c++)
        if (!g_ascii_isalnum(*c) && !strchr("-_.", *c) && !((unsigned char)*c & 128))
            *c = '_';
    return plain;
}

static bool
digest_agrees(const char *path, const char *digest)
{
    g_autoptr(GBytes) bytes = orf_cli_read(path, ORF_SIDE_MOST, NULL);
    g_autofree char *real = bytes ? orf_digest_bytes(bytes) : NULL;
    return real && g_str_has_prefix(digest, real);
}

/* Remembers what the main file at `path` brought when we wrote it. */
static void
read_record(OrfResult *result, const char *path)
{
    struct stat about;
    g_autofree char *text = g_new0(char, RECORD_MOST + 1);
    FILE *file = !stat(path, &about) && S_ISREG(about.st_mode) ? fopen(path, "re") : NULL;
    size_t size = file ? fread(text, 1, RECORD_MOST, file) : 0;
    if (file)
        fclose(file);
    for (const char *at = text; (at = g_strstr_len(at, text + size - at, RECORD_WORD));) {
        at += strlen(RECORD_WORD);
        const char *end = strchr(at, ' ');
        g_autofree char *name = end ? g_strndup(at, (size_t)(end - at)) : NULL;
        if (!name || strchr(name, '/'))
            continue;
        g_autofree char *side = orf_result_path(result, name);
        if (!g_file_test(side, G_FILE_TEST_IS_SYMLINK) && digest_agrees(side, end + 1))
            g_hash_table_add(result->ours, g_steal_pointer(&side));
    }
}

/* --- Free names --------------------------------------------------------------------------- */

static bool
is_taken(const OrfOutput *output, const char *path)
{
    g_autofree char *key = place_key(path);
    return g_hash_table_contains(output->taken, key);
}

/* A name of our own may be written here. */
static bool
is_free(const OrfResult *result, const char *path)
{
    struct stat about;
    if (is_taken(result->output, path))
        return false;
    if (lstat(path, &about))
        return true;
    if (!S_ISREG(about.st_mode) || orf_output_reads(result->output, &about))
        return false;
    return result->output->overwrite || g_hash_table_contains(result->ours, path);
}

/* What a main file named after `stem` may bring finds no file in its way. Stems are taken as
 * if they were the names of files ("cup.*.obj"): no two main files of a format share one. */
static bool
sides_are_free(const OrfResult *result, const char *stem, const char *format)
{
    g_autofree char *all = g_strconcat(stem, ".*", format, NULL);
    g_autofree char *mark = orf_result_path(result, all);
    if (is_taken(result->output, mark))
        return false;
    g_autoptr(GDir) folder = g_dir_open(result->folder, 0, NULL);
    for (const char *name; folder && (name = g_dir_read_name(folder));) {
        g_autofree char *path = orf_result_path(result, name);
        if (orf_output_goes_with(name, stem) && !is_free(result, path))
            return false;
    }
    return true;
}

static char *
numbered(const char *stem, unsigned number)
{
    return number > 1 ? g_strdup_printf("%s-%u", stem, number) : g_strdup(stem);
}

/* "cup" and ".preview.obj": what that file brings begins with "cup.preview". */
static char *
side_stem(const char *stem, const char *ending)
{
    const char *dot = strrchr(ending, '.');
    g_autofree char *whole =
        g_strdup_printf("%s%.*s", stem, dot ? (int)(dot - ending) : 0, ending);
    return brings_files(ending) ? plain_name(whole) : g_steal_pointer(&whole);
}

static bool
number_is_free(const OrfResult *result, const OrfResultWish *wish, const char *stem)
{
    for (size_t i = wish->named ? 1 : 0; wish->endings[i]; i++) {
        g_autofree char *name = g_strconcat(stem, wish->endings[i], NULL);
        g_autofree char *path = orf_result_path(result, name);
        if (!is_free(result, path))
            return false;
    }
    return true;
}

static void
take(OrfOutput *output, const char *path)
{
    g_hash_table_add(output->taken, place_key(path));
}

/* The first stem from `number` on whose files find nothing in their way. */
static char *
take_side_stem(OrfResult *result, const char *stem, const char *ending, unsigned number)
{
    const char *format = strrchr(ending, '.');
    for (;; number++) {
        g_autofree char *own = numbered(stem, number);
        char *side = side_stem(own, ending);
        if (!sides_are_free(result, side, format)) {
            g_free(side);
            continue;
        }
        g_autofree char *all = g_strconcat(side, ".*", format, NULL);
        g_autofree char *mark = orf_result_path(result, all);
        take(result->output, mark);
        return side;
    }
}

static void
add_place(OrfResult *result, const OrfResultWish *wish, size_t i, const char *stem,
          unsigned number)
{
    const char *ending = wish->endings[i];
    g_autofree char *own = numbered(stem, number);
    g_autofree char *name = g_strconcat(own, ending, NULL);
    OrfOutputPlace place = { .named = i == 0 && wish->named };
    place.path = place.named ? g_strdup(wish->named) : orf_result_path(result, name);
    if (number > 1 && !place.named) {
        g_autofree char *first = g_strconcat(stem, ending, NULL);
        g_autofree char *wish_path = orf_result_path(result, first);
        if (!is_taken(result->output, wish_path))
            place.wish = g_steal_pointer(&wish_path);
    }
    place.stem = brings_files(ending) && !result->stream
                     ? take_side_stem(result, stem, ending, number)
                     : side_stem(stem, ending);
    take(result->output, place.path);
    g_array_append_val(result->places, place);
}

static bool
choose_names(OrfResult *result, const OrfResultWish *wish, const char *stem, GError **error)
{
    unsigned number = 1;
    for (; number < NUMBERS_MOST; number++) {
        g_autofree char *own = numbered(stem, number);
        if (number_is_free(result, wish, own))
            break;
    }
    if (number == NUMBERS_MOST)
        return ORF_FALSE(error, CONFLICT,
                         "%s%s: every name up to %s-%u is taken; choose another folder", stem,
                         wish->endings[0], stem, number);
    for (size_t i = 0; wish->endings[i]; i++)
        add_place(result, wish, i, stem, number);
    return true;
}

/* --- Checks before any work --------------------------------------------------------------- */

bool
orf_output_refuse_brought(const char *named, GError **error)
{
    return ORF_FALSE(error, BAD_INPUT,
                     "%s takes one file, and this format brings materials and pictures in "
                     "files of their own; choose glb, 3mf, ply or stl, or name a file",
                     g_str_equal(named, "-") ? "standard output" : named);
}

static bool
check_stream(const OrfResultWish *wish, GError **error)
{
    if (wish->endings[1])
        return ORF_FALSE(error, BAD_INPUT,
                         "%s takes one file, and this run makes several; name a file, or "
                         "ask for one format and nothing beside it",
                         g_str_equal(wish->named, "-") ? "standard output" : wish->named);
    return wish->one_file || !brings_files(wish->endings[0]) ||
           orf_output_refuse_brought(wish->named, error);
}

static bool
check_named(const OrfOutput *output, const char *named, GError **error)
{
    struct stat about;
    if (g_str_has_suffix(named, "/") || g_file_test(named, G_FILE_TEST_IS_DIR))
        return ORF_FALSE(error, BAD_INPUT, "%s: is a folder; name a file in it", named);
    if (is_taken(output, named))
        return ORF_FALSE(error, BAD_INPUT, "%s: two results of this run would be this file",
                         named);
    if (stat(named, &about))
        return true;
    if (orf_output_reads(output, &about))
        return ORF_FALSE(error, BAD_INPUT,
                         "%s: this run reads this file, and nothing is written over what is "
                         "read; choose another name",
                         named);
    if (access(named, W_OK) == 0)
        return true;
    g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_ACCES, "%s: may not be written: %s", named,
                g_strerror(errno));
    return false;
}

/* A folder that is not there yet is made with the first file, when the names are our own. */
static bool
check_folder(const char *folder, const char *named, int access_mode, GError **error)
{
    g_autofree char *at = g_strdup(folder);
    struct stat about;
    while (!named && stat(at, &about) && errno == ENOENT) {
        char *up = g_path_get_dirname(at);
        g_free(at);
        at = up;
    }
    int code = 0;
    if (stat(at, &about) || access(at, access_mode))
        code = errno;
    else if (!S_ISDIR(about.st_mode))
        code = ENOTDIR;
    if (!code)
        return true;
    g_set_error(error, G_FILE_ERROR, (gint)g_file_error_from_errno(code),
                "%s: cannot write into the folder %s: %s", named ? named : folder, folder,
                g_strerror(code));
    return false;
}

/* The file itself may be written where its folder may not, but not made there. */
static bool
check_places(const OrfResult *result, const OrfResultWish *wish, GError **error)
{
    const char *named = wish->named;
    bool there = named && g_file_test(named, G_FILE_TEST_EXISTS);
    return check_folder(result->folder, named, there ? X_OK : W_OK | X_OK, error) &&
           (!named || check_named(result->output, named, error));
}

/* --- Plan --------------------------------------------------------------------------------- */

static void
clear_place(gpointer data)
{
    OrfOutputPlace *place = data;
    g_free(place->path);
    g_free(place->wish);
    g_free(place->stem);
    g_clear_pointer(&place->bytes, g_bytes_unref);
}

static void
clear_side(gpointer data)
{
    OrfSide *side = data;
    g_free(side->path);
    g_bytes_unref(side->bytes);
}

static OrfResult *
result_new(OrfOutput *output)
{
    OrfResult *result = g_new0(OrfResult, 1);
    result->output = output;
    result->places = g_array_new(false, true, sizeof(OrfOutputPlace));
    g_array_set_clear_func(result->places, clear_place);
    result->sides = g_array_new(false, true, sizeof(OrfSide));
    g_array_set_clear_func(result->sides, clear_side);
    result->ours = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    result->paths = g_ptr_array_new_with_free_func(g_free);
    g_ptr_array_add(result->paths, NULL);
    result->created = g_ptr_array_new_with_free_func(g_free);
    return result;
}

/* Short enough for a file name, cut between characters. */
static char *
short_stem(const char *stem)
{
    size_t size = strlen(stem);
    if (size <= STEM_MOST)
        return g_strdup(stem);
    size = STEM_MOST;
    while (size && ((unsigned char)stem[size] & 0xC0) == 0x80)
        size--;
    return g_strndup(stem, size);
}

OrfResult *
orf_output_plan(OrfOutput *output, const OrfResultWish *wish, GError **error)
{
    g_autoptr(OrfResult) result = result_new(output);
    const char *named = wish->named;
    result->stream = orf_output_is_stream(named);
    result->folder = named && !result->stream ? g_path_get_dirname(named)
                                              : g_strdup(wish->folder ? wish->folder : ".");
    result->here = !wish->folder && g_str_equal(result->folder, ".") &&
                   !(named && g_str_has_prefix(named, "./"));
    g_autofree char *of_named = named ? orf_cli_stem(named) : NULL;
    g_autofree char *stem =
        short_stem(named && (!result->stream || !wish->stem) ? of_named : wish->stem);
    if (result->stream) {
        if (!check_stream(wish, error))
            return NULL;
        add_place(result, wish, 0, stem, 1);
        return g_steal_pointer(&result);
    }
    if (!check_places(result, wish, error))
        return NULL;
    if (named && brings_files(wish->endings[0]))
        read_record(result, named);
    return choose_names(result, wish, stem, error) ? g_steal_pointer(&result) : NULL;
}

void
orf_result_free(OrfResult *result)
{
    if (!result)
        return;
    g_free(result->folder);
    g_array_unref(result->places);
    g_array_unref(result->sides);
    g_hash_table_unref(result->ours);
    g_ptr_array_unref(result->paths);
    g_ptr_array_unref(result->created);
    g_free(result);
}
