/* trace_bench.c - outlines, distances, colours of masks; potrace beside them where it is
 * installed.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "image_bench.h"

typedef struct {
    OrfImage *mask, *rgb;
    OrfTraceOptions options;
    size_t points;
    char *pbm; /* file for potrace */
} Case;

/* Blobs with thin necks and holes, soft edges: some 25 outlines at any size. */
static OrfImage *
blobs(unsigned side)
{
    OrfImage *mask = orf_image_blank(NULL, side, side, 1, ORF_F32, "bench", NULL);
    float *value = mask->pixels;
    for (unsigned y = 0; y < side; y++)
        for (unsigned x = 0; x < side; x++) {
            double u = 26.0 * x / side, v = 26.0 * y / side;
            double wave = sin(u) * cos(v * 1.1) + 0.5 * sin(2.7 * u + v) * cos(1.9 * v - u);
            *value++ = (float)CLAMP(0.5 + wave * side / 60, 0, 1);
        }
    return mask;
}

static bool
trace(OrfTask *task, void *data)
{
    Case *what = data;
    g_autoptr(OrfOutline) outline = orf_image_trace(task, what->mask, &what->options, NULL);
    what->points = outline ? outline->n_points : 0;
    return outline != NULL;
}

static bool
distance(OrfTask *task, void *data)
{
    g_autoptr(OrfImage) image = orf_image_distance(task, ((Case *)data)->mask, NULL);
    return image != NULL;
}

static bool
palette(OrfTask *task, void *data)
{
    uint8_t colors[16][3];
    unsigned n;
    g_autoptr(OrfImage) labels =
        orf_image_palette(task, ((Case *)data)->rgb, 0, 1, colors, &n, NULL);
    return labels != NULL;
}

static bool
resize(OrfTask *task, void *data)
{
    const OrfImage *mask = ((Case *)data)->mask;
    g_autoptr(OrfImage) image = orf_image_resize(task, mask, orf_image_width(mask) / 3,
                                                 orf_image_height(mask) / 3, NULL);
    return image != NULL;
}

/* potrace as a program: its start and the reading of the file are in the time. */
static bool
potrace(OrfTask *task, void *data)
{
    (void)task;
    const Case *what = data;
    char *argv[] = {
        (char *)"potrace", (char *)"-b", (char *)"geojson", (char *)"-o", (char *)"/dev/null",
        what->pbm,         NULL
    };
    int status = 0;
    return g_spawn_sync(NULL, argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, NULL, NULL, &status,
                        NULL) &&
           status == 0;
}

static char *
write_pbm(const OrfImage *mask)
{
    unsigned side = mask->width;
    size_t stride = (side + 7) / 8;
    GByteArray *file = g_byte_array_new();
    g_autofree char *header = g_strdup_printf("P4\n%u %u\n", side, side);
    g_autofree uint8_t *row = g_malloc(stride);
    g_byte_array_append(file, (const guint8 *)header, (guint)strlen(header));
    for (unsigned y = 0; y < side; y++) {
        memset(row, 0, stride);
        for (unsigned x = 0; x < side; x++)
            if (orf_image_f32(mask)[(size_t)y * side + x] >= 0.5f)
                row[x / 8] |= (uint8_t)(128 >> x % 8);
        g_byte_array_append(file, row, (guint)stride);
    }
    char *path = NULL;
    int handle = g_file_open_tmp("orfeas-bench-XXXXXX.pbm", &path, NULL);
    g_assert_true(handle >= 0 && g_close(handle, NULL));
    g_file_set_contents(path, (const char *)file->data, file->len, NULL);
    g_byte_array_unref(file);
    return path;
}

static OrfImage *
paint(const OrfImage *mask)
{
    OrfImage *rgb = orf_image_blank(NULL, mask->width, mask->height, 3, ORF_U8, "bench", NULL);
    uint8_t *out = rgb->pixels;
    for (size_t i = 0; i < (size_t)mask->width * mask->height; i++) {
        float share = orf_image_f32(mask)[i];
        bool left = i % mask->width < mask->width / 2;
        for (int c = 0; c < 3; c++)
            *out++ = (uint8_t)(share * (left ? 40.f : 220.f - 60.f * (float)c) +
                               (1 - share) * (250.f - 5.f * (float)c));
    }
    return rgb;
}

static void
bench_side(unsigned side, unsigned rounds)
{
    g_autoptr(OrfImage) mask = blobs(side);
    g_autoptr(OrfImage) rgb = paint(mask);
    Case what = { .mask = mask, .rgb = rgb };
    size_t pixels = (size_t)side * side;
    bench_case("image/trace-crossings", pixels, rounds, trace, &what);
    size_t all = what.points;
    what.options = (OrfTraceOptions){ .tolerance = 0.2f };
    bench_case("image/trace-simplified", pixels, rounds, trace, &what);
    fprintf(stderr, "%zu crossings, %zu points kept\n", all, what.points);
    what.options.smooth = 10;
    bench_case("image/trace-smoothed", pixels, rounds, trace, &what);
    bench_case("image/distance", pixels, rounds, distance, &what);
    bench_case("image/palette", pixels, rounds, palette, &what);
    bench_case("image/resize-to-a-third", pixels, rounds, resize, &what);
    g_autofree char *program = g_find_program_in_path("potrace");
    if (!program)
        return;
    what.pbm = write_pbm(mask);
    bench_case("peer/potrace", pixels, rounds, potrace, &what);
    g_remove(what.pbm);
    g_free(what.pbm);
}

int
main(int argc, char **argv)
{
    static const unsigned sides[] = { 160, 320, 640, 1000, 2000, 4000 };
    for (size_t i = 0; i < G_N_ELEMENTS(sides); i++)
        bench_side(sides[i], bench_rounds(argc, argv));
    return 0;
}
