/* thickness-numbers.c - what the thickness of a round body is guessed from, for
 * tools/fit-thickness: thickness-numbers FOLDER PICTURE...
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Prints one line a picture: the numbers of shape.c. Writes FOLDER/NAME.round, the two fields
 * of round.c as the preview has them: width, height (uint32), then width * height floats of the
 * body and as many of the rows, both squared half widths in px; in this machine's byte order.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "generate/generate-priv.h"

#define SIDE 160 /* px of the longer side of the subject */

static const struct {
    const char *name;
    size_t offset;
} columns[] = {
#define COLUMN(name)                                                                           \
    {                                                                                          \
#name, offsetof(OrfSubjectShape, name)                                                 \
    }
    COLUMN(area),   COLUMN(aspect),   COLUMN(solidity), COLUMN(elongation),
    COLUMN(mirror), COLUMN(lathe),    COLUMN(runs),     COLUMN(split),
    COLUMN(girth),  COLUMN(straight), COLUMN(level),    COLUMN(shade),
    COLUMN(even),   COLUMN(axis),     COLUMN(banded),   COLUMN(ring),
};

static bool
write_fields(const OrfRound *round, const char *path, GError **error)
{
    g_autoptr(GByteArray) out = g_byte_array_new();
    uint32_t size[2] = { round->width, round->height };
    size_t n = (size_t)round->width * round->height * sizeof(float);
    g_byte_array_append(out, (const guint8 *)size, sizeof size);
    g_byte_array_append(out, (const guint8 *)round->body, (guint)n);
    g_byte_array_append(out, (const guint8 *)round->turned, (guint)n);
    return g_file_set_contents(path, (const char *)out->data, out->len, error);
}

static bool
load_subject(OrfTask *task, const char *path, OrfSubject *ret_subject, GError **error)
{
    char *data;
    gsize size;
    if (!g_file_get_contents(path, &data, &size, error))
        return false;
    g_autoptr(GBytes) bytes = g_bytes_new_take(data, size);
    g_autoptr(OrfRecipe) recipe = orf_recipe_new("inflate", error);
    if (!recipe || !orf_recipe_add_picture(recipe, bytes, path, NAN, error))
        return false;
    OrfBatchItem item = { .task = task, .recipe = recipe };
    return orf_subject_init(task, &item, 0, SIDE, ret_subject, error);
}

static bool
print_numbers(const char *folder, const char *path, GError **error)
{
    g_autoptr(OrfTask) task = orf_task_new(NULL);
    g_auto(OrfSubject) subject = { 0 };
    OrfSubjectShape shape;
    g_auto(OrfRound) round = { 0 };
    g_autofree char *name = g_path_get_basename(path);
    g_autofree char *file = g_strdup_printf("%s/%s.round", folder, name);
    if (!load_subject(task, path, &subject, error) ||
        !orf_shape_init(task, subject.picture, subject.alpha, &shape, error) ||
        !orf_round_init(task, subject.alpha, &(OrfThickness){ .rows = 1 }, &round, error) ||
        !write_fields(&round, file, error))
        return false;
    printf("%s", name);
    for (size_t i = 0; i < G_N_ELEMENTS(columns); i++) {
        double value;
        memcpy(&value, (const char *)&shape + columns[i].offset, sizeof value);
        printf("\t%.9g", value);
    }
    printf("\t%u\n", shape.holes);
    return true;
}

int
main(int argc, char **argv)
{
    printf("file");
    for (size_t i = 0; i < G_N_ELEMENTS(columns); i++)
        printf("\t%s", columns[i].name);
    printf("\tholes\n");
    int failed = argc < 3;
    for (int i = 2; i < argc; i++) {
        g_autoptr(GError) error = NULL;
        if (!print_numbers(argv[1], argv[i], &error)) {
            fprintf(stderr, "%s: %s\n", argv[i], error->message);
            failed = 1;
        }
    }
    return failed;
}
