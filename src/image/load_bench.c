/* load_bench.c - 12 megapixels of every common format to a preview and to a final picture.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "image_bench.h"

#define WIDTH 4000
#define HEIGHT 3000

typedef struct {
    GBytes *bytes;
    OrfImageLoad options;
} Case;

static bool
load(OrfTask *task, void *data)
{
    const Case *what = data;
    g_autoptr(OrfImage) image =
        orf_image_load(task, what->bytes, "bench", &what->options, NULL);
    return image != NULL;
}

static size_t
resident_bytes(void)
{
    g_autofree char *text = NULL;
    if (!g_file_get_contents("/proc/self/status", &text, NULL, NULL))
        return 0;
    const char *line = strstr(text, "VmHWM:");
    return line ? (size_t)g_ascii_strtoull(line + 6, NULL, 10) * 1024 : 0;
}

static GBytes *
encode(VipsImage *photo, const char *suffix)
{
    void *data;
    size_t size;
    g_assert_cmpint(vips_image_write_to_buffer(photo, suffix, &data, &size, NULL), ==, 0);
    return g_bytes_new_take(data, size);
}

/* In a process of its own: `load_bench --once SUFFIX SIDE` tells its greatest resident set. */
static int
once(const char *path, unsigned side)
{
    char *data;
    size_t size;
    g_assert_true(g_file_get_contents(path, &data, &size, NULL));
    g_autoptr(GBytes) bytes = g_bytes_new_take(data, size);
    Case what = { bytes, { .max_side = side, .fast = side <= 512 } };
    g_assert_true(orf_image_init(NULL) && load(NULL, &what));
    printf("%zu\n", resident_bytes());
    return 0;
}

static void
bench_memory(const char *program, GBytes *bytes, const char *name, unsigned side)
{
    g_autofree char *path = NULL, *out = NULL;
    g_autofree char *side_text = g_strdup_printf("%u", side);
    int file = g_file_open_tmp("orfeas-bench-XXXXXX", &path, NULL);
    g_assert_true(file >= 0 && g_close(file, NULL));
    g_file_set_contents(path, g_bytes_get_data(bytes, NULL), (gssize)g_bytes_get_size(bytes),
                        NULL);
    char *argv[] = { (char *)program, (char *)"--once", path, side_text, NULL };
    g_assert_true(
        g_spawn_sync(NULL, argv, NULL, G_SPAWN_DEFAULT, NULL, NULL, &out, NULL, NULL, NULL));
    printf("image/load-%s-process-%u\t%u\t0\t0\t%s\t0 Mpx/s\n", name, side, WIDTH * HEIGHT,
           g_strchomp(out));
    g_remove(path);
}

int
main(int argc, char **argv)
{
    if (argc == 4 && strcmp(argv[1], "--once") == 0)
        return once(argv[2], (unsigned)atoi(argv[3]));
    g_assert_true(orf_image_init(NULL));
    static const struct {
        const char *name, *suffix;
    } formats[] = { { "jpeg", ".jpg[Q=85]" },
                    { "jpeg-progressive", ".jpg[Q=85,interlace]" },
                    { "png", ".png[compression=3]" },
                    { "webp", ".webp[Q=80,effort=0]" } };
    g_autoptr(OrfVips) photo = bench_photo(WIDTH, HEIGHT);
    for (size_t i = 0; i < G_N_ELEMENTS(formats); i++) {
        g_autoptr(GBytes) bytes = encode(photo, formats[i].suffix);
        fprintf(stderr, "%s: %zu bytes\n", formats[i].name, g_bytes_get_size(bytes));
        static const unsigned sides[] = { 160, 320, 2048 };
        for (size_t k = 0; k < G_N_ELEMENTS(sides); k++) {
            Case what = { bytes, { .max_side = sides[k], .fast = sides[k] <= 512 } };
            g_autofree char *name =
                g_strdup_printf("image/load-%s-to-%u", formats[i].name, sides[k]);
            bench_case(name, (size_t)WIDTH * HEIGHT, bench_rounds(argc, argv), load, &what);
        }
        bench_memory(argv[0], bytes, formats[i].name, 320);
        bench_memory(argv[0], bytes, formats[i].name, 2048);
    }
    return 0;
}
