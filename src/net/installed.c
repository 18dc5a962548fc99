/* installed.c - the nets that lie in the folders of an engine.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * A net folder holds checkpoints, or folders of them as they are published
 * ("hunyuan3d-2/hunyuan3d-dit-v2-0/model.fp16.safetensors"). Only tables of contents are read.
 */
#include "net/net.h"

#include <glib/gstdio.h>
#include <string.h>

enum { DEPTH = 3, MOST = 256 };

void
orf_net_installed_free(OrfNetInstalled *net)
{
    if (!net)
        return;
    g_free(net->name);
    g_free(net->path);
    g_free(net);
}

/* Parts of a sharded set are read by their index. */
static bool
may_be_net(const char *name)
{
    static const char *const endings[] = { ".safetensors", ".safetensors.index.json",
                                           ".onnx",        ".pth",
                                           ".pt",          ".ckpt",
                                           ".bin",         ".gguf" };
    bool part = g_str_has_suffix(name, ".safetensors") && strstr(name, "-of-");
    for (size_t i = 0; i < G_N_ELEMENTS(endings); i++)
        if (g_str_has_suffix(name, endings[i]))
            return !part;
    return false;
}

/* "isnet" of "isnet/model.onnx" and of "isnet.onnx". */
static char *
name_of(const char *below)
{
    g_autofree char *folder = g_path_get_dirname(below);
    if (!g_str_equal(folder, "."))
        return g_steal_pointer(&folder);
    const char *dot = strrchr(below, '.');
    return g_strndup(below, dot ? (size_t)(dot - below) : strlen(below));
}

static void
look_at(OrfTask *task, const char *path, const char *below, GPtrArray *found)
{
    GStatBuf about;
    OrfNetInfo info = { 0 };
    if (g_stat(path, &about) != 0 || !orf_net_inspect(task, path, &info, NULL))
        return;
    if (info.family) {
        OrfNetInstalled *net = g_new0(OrfNetInstalled, 1);
        *net = (OrfNetInstalled){ .name = name_of(below),
                                  .path = g_strdup(path),
                                  .family = info.family,
                                  .bytes = info.bytes,
                                  .parameters = info.parameters,
                                  .changed = (int64_t)about.st_mtime };
        g_ptr_array_add(found, net);
    }
    orf_net_info_clear(&info);
}

static void
look_in(OrfTask *task, const char *root, const char *below, unsigned depth, GPtrArray *found)
{
    g_autofree char *folder = g_build_filename(root, below, NULL);
    g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
    const char *name;
    while (dir && (name = g_dir_read_name(dir)) && found->len < MOST) {
        g_autofree char *deeper = *below ? g_build_filename(below, name, NULL) : g_strdup(name);
        g_autofree char *path = g_build_filename(folder, name, NULL);
        if (g_file_test(path, G_FILE_TEST_IS_DIR)) {
            if (depth > 1 && *name != '.')
                look_in(task, root, deeper, depth - 1, found);
        } else if (may_be_net(name)) {
            look_at(task, path, deeper, found);
        }
    }
}

static int
by_name(const void *a, const void *b)
{
    const OrfNetInstalled *x = *(OrfNetInstalled *const *)a, *y = *(OrfNetInstalled *const *)b;
    int order = strcmp(x->name, y->name);
    return order ? order : strcmp(x->path, y->path);
}

GPtrArray *
orf_net_installed(OrfTask *task, const char *const *folders)
{
    GPtrArray *found = g_ptr_array_new_with_free_func((GDestroyNotify)orf_net_installed_free);
    for (; folders && *folders; folders++)
        look_in(task, *folders, "", DEPTH, found);
    g_ptr_array_sort(found, by_name);
    return found;
}
