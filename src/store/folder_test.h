/* folder_test.h - a data folder of a test's own.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ORF_STORE_FOLDER_TEST_H
#define ORF_STORE_FOLDER_TEST_H

#include <glib/gstdio.h>
#include <stdbool.h>
#include <string.h>

static inline char *
folder_new(void)
{
    char *dir = g_dir_make_tmp("orfeas-test-XXXXXX", NULL);
    g_assert_nonnull(dir);
    return dir;
}

static inline void
folder_remove(const char *path)
{
    GDir *dir = g_dir_open(path, 0, NULL);
    const char *name;
    while (dir && (name = g_dir_read_name(dir))) {
        g_autofree char *child = g_build_filename(path, name, NULL);
        folder_remove(child);
    }
    if (dir)
        g_dir_close(dir);
    g_remove(path);
}

static inline void
folder_free(char *path)
{
    folder_remove(path);
    g_free(path);
}

typedef char Folder;
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Folder, folder_free)

#endif
