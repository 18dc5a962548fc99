/* output-write.c - fills the files of a plan and writes all of them, or none.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * What is put stays in memory until the commit. That writes every file beside its place first
 * and then renames them all, so that what can fail (no room, no right) fails before the first
 * name changes; Ctrl-C waits for it. */
#include "cli/cli.h"
#include "cli/output-priv.h"

#include <errno.h>
#include <unistd.h>

/* --- Fill --------------------------------------------------------------------------------- */

static OrfOutputPlace *
place_at(const OrfResult *result, size_t i)
{
    return &g_array_index(result->places, OrfOutputPlace, i);
}

const char *
orf_result_stem(const OrfResult *result, size_t i)
{
    return place_at(result, i)->stem;
}

void
orf_result_put(OrfResult *result, size_t i, GBytes *bytes)
{
    OrfOutputPlace *place = place_at(result, i);
    g_clear_pointer(&place->bytes, g_bytes_unref);
    place->bytes = g_bytes_ref(bytes);
}

char *
orf_result_digest(const OrfResult *result, size_t i)
{
    return orf_digest_bytes(place_at(result, i)->bytes);
}

typedef struct {
    OrfResult *result;
    size_t place;
    bool first;
} Filling;

static bool
fill(const char *name, GBytes *bytes, void *data, GError **error)
{
    Filling *filling = data;
    OrfResult *result = filling->result;
    if (filling->first) {
        orf_result_put(result, filling->place, bytes);
        filling->first = false;
        return true;
    }
    if (result->stream)
        return orf_output_refuse_brought(place_at(result, 0)->path, error);
    if (!orf_output_goes_with(name, place_at(result, filling->place)->stem))
        return ORF_FALSE(error, BUG, "%s: no room was planned for this file", name);
    OrfSide side = { orf_result_path(result, name), g_bytes_ref(bytes) };
    g_array_append_val(result->sides, side);
    return true;
}

bool
orf_result_export(OrfResult *result, size_t i, OrfTask *task, OrfAsset *asset,
                  const char *format, const char *variant, GError **error)
{
    Filling filling = { result, i, true };
    return orf_asset_export(task, asset, format, orf_result_stem(result, i), variant, fill,
                            &filling, error);
}

bool
orf_result_take(OrfResult *result, size_t i, const OrfOutcome *outcome, GError **error)
{
    Filling filling = { result, i, true };
    return orf_outcome_files(outcome, fill, &filling, error);
}

/* --- Write -------------------------------------------------------------------------------- */

typedef struct {
    OrfWrite *write;
    char *path;
} Step;

static void
clear_step(gpointer data)
{
    Step *step = data;
    orf_write_free(step->write);
    g_free(step->path);
}

/* The name we wished for holds these very bytes already: the result of an earlier run. */
static bool
is_there_already(const OrfOutputPlace *place)
{
    struct stat about;
    if (!place->wish || lstat(place->wish, &about) || !S_ISREG(about.st_mode) ||
        (size_t)about.st_size != g_bytes_get_size(place->bytes))
        return false;
    g_autoptr(GBytes) there = orf_cli_read(place->wish, ORF_SIDE_MOST, NULL);
    return there && g_bytes_equal(there, place->bytes);
}

static bool
add_step(OrfResult *result, GArray *steps, const char *path, GBytes *bytes, bool over,
         GError **error)
{
    if (over && !result->stream) { /* it may have become one through a link since */
        struct stat about;
        if (!stat(path, &about) && orf_output_reads(result->output, &about))
            return ORF_FALSE(error, CONFLICT, "%s: this run reads this file; nothing written",
                             path);
    }
    Step step = { orf_write_prepare(path, bytes, over ? ORF_WRITE_OVER : ORF_WRITE_NEW, error),
                  g_strdup(path) };
    if (!step.write) {
        g_free(step.path);
        return false;
    }
    g_array_append_val(steps, step);
    return true;
}

static bool
prepare_all(OrfResult *result, GArray *steps, GError **error)
{
    bool over = result->output->overwrite;
    for (guint i = 0; i < result->places->len; i++) {
        OrfOutputPlace *place = place_at(result, i);
        if (place->bytes && is_there_already(place)) {
            g_free(place->path);
            place->path = g_steal_pointer(&place->wish);
            g_clear_pointer(&place->bytes, g_bytes_unref);
            g_ptr_array_insert(result->paths, (gint)result->paths->len - 1,
                               g_strdup(place->path));
        } else if (place->bytes && !add_step(result, steps, place->path, place->bytes,
                                             over || place->named, error)) {
            return false;
        }
    }
    for (guint i = 0; i < result->sides->len; i++) {
        const OrfSide *side = &g_array_index(result->sides, OrfSide, i);
        if (!add_step(result, steps, side->path, side->bytes,
                      over || g_hash_table_contains(result->ours, side->path), error))
            return false;
    }
    return true;
}

static bool
commit_all(OrfResult *result, GArray *steps, GError **error)
{
    for (guint i = 0; i < steps->len; i++) {
        Step *step = &g_array_index(steps, Step, i);
        bool created = false;
        if (!orf_write_commit(step->write, &created, error))
            return false;
        g_ptr_array_insert(result->paths, (gint)result->paths->len - 1, g_strdup(step->path));
        if (created)
            g_ptr_array_add(result->created, g_strdup(step->path));
    }
    return true;
}

static void
forget_bytes(OrfResult *result)
{
    for (guint i = 0; i < result->places->len; i++)
        g_clear_pointer(&place_at(result, i)->bytes, g_bytes_unref);
    g_array_set_size(result->sides, 0);
}

static bool
write_steps(OrfResult *result, GError **error)
{
    g_autoptr(GArray) steps = g_array_new(false, true, sizeof(Step));
    g_array_set_clear_func(steps, clear_step);
    if (!result->stream && g_mkdir_with_parents(result->folder, 0777)) {
        g_set_error(error, G_FILE_ERROR, (gint)g_file_error_from_errno(errno),
                    "%s: cannot make this folder: %s", result->folder, g_strerror(errno));
        return false;
    }
    return prepare_all(result, steps, error) && commit_all(result, steps, error);
}

bool
orf_result_commit(OrfResult *result, GError **error)
{
    bool lock = !result->stream; /* whoever reads a pipe may take for ever */
    if (lock)
        orf_run_lock_files();
    bool done = write_steps(result, error);
    forget_bytes(result);
    if (lock)
        orf_run_unlock_files();
    return done;
}

void
orf_result_undo(OrfResult *result)
{
    for (guint i = 0; i < result->created->len; i++)
        unlink(result->created->pdata[i]);
    g_ptr_array_set_size(result->created, 0);
}

char **
orf_result_paths(const OrfResult *result)
{
    return (char **)result->paths->pdata;
}

const char *
orf_result_main_path(const OrfResult *result)
{
    return place_at(result, 0)->path;
}
