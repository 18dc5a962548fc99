/* image_fuzz.c - any bytes through probe and load at 64 pixels, with little memory.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * What loads must have the promised shape; what does not must say why. */
#include "image/image.h"

#include <string.h>

#define MEMORY ((size_t)256 << 20)
#define SIDE 64

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc, (void)argv;
    g_assert_true(orf_image_init(NULL));
    return 0;
}

static void
check_info(const OrfImageInfo *info)
{
    g_assert_true(info->width >= 1 && info->height >= 1);
    g_assert_true(info->channels >= 1 && info->channels <= 4);
    g_assert_true(info->bits == 8 || info->bits == 16 || info->bits == 32);
    g_assert_nonnull(info->format);
}

static void
load(GBytes *bytes, const OrfImageLoad *options)
{
    g_autoptr(OrfTask) task = orf_task_new(&(OrfTaskOptions){ .memory = MEMORY });
    g_autoptr(GError) error = NULL;
    g_autoptr(OrfImage) image = orf_image_load(task, bytes, "fuzz", options, &error);
    g_assert_true((image != NULL) != (error != NULL));
    if (!image)
        g_assert_true(error->domain == ORF_ERROR && strchr(error->message, ';'));
    else if (MAX(orf_image_width(image), orf_image_height(image)) > SIDE)
        g_error("longer than asked for");
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autoptr(GBytes) bytes = g_bytes_new_static(data, size);
    g_autoptr(GError) error = NULL;
    OrfImageInfo info;
    if (!orf_image_probe(bytes, "fuzz", &info, &error)) {
        g_assert_nonnull(error);
        return 0;
    }
    check_info(&info);
    load(bytes, &(OrfImageLoad){ .max_side = SIDE, .fast = true });
    load(bytes, &(OrfImageLoad){ .max_side = SIDE, .keep_16 = true, .keep_grey = true });
    return 0;
}
