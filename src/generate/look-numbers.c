/* look-numbers.c - prints what look.c measures of pictures, for tools/fit-auto: one line a
 * picture.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <stdio.h>

#include "generate/generate-priv.h"

static bool
print_numbers(const char *path, GError **error)
{
    char *data;
    gsize size;
    if (!g_file_get_contents(path, &data, &size, error))
        return false;
    g_autoptr(GBytes) bytes = g_bytes_new_take(data, size);
    g_autoptr(OrfTask) task = orf_task_new(NULL);
    g_autoptr(OrfRecipe) recipe = orf_recipe_new("auto", error);
    g_autofree char *name = g_path_get_basename(path);
    if (!recipe || !orf_recipe_add_picture(recipe, bytes, name, NAN, error))
        return false;
    g_auto(OrfLook) look = { 0 };
    if (!orf_look_init(task, recipe, &look, error))
        return false;
    double numbers[ORF_LOOK_NUMBERS];
    orf_look_numbers(&look, numbers);
    printf("%s", name);
    for (size_t i = 0; i < ORF_LOOK_NUMBERS; i++)
        printf("\t%.9g", numbers[i]);
    printf("\n");
    return true;
}

int
main(int argc, char **argv)
{
    printf("file");
    for (size_t i = 0; i < ORF_LOOK_NUMBERS; i++)
        printf("\t%s", orf_look_number_name(i));
    printf("\n");
    int failed = 0;
    for (int i = 1; i < argc; i++) {
        g_autoptr(GError) error = NULL;
        if (!print_numbers(argv[i], &error)) {
            fprintf(stderr, "%s: %s\n", argv[i], error->message);
            failed = 1;
        }
    }
    return failed;
}
