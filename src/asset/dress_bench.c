/* dress_bench.c - pictures onto balls. SPDX-License-Identifier: Apache-2.0 */
#include "asset/bodies_bench.h"

typedef struct {
    const char *name;
    unsigned rings;   /* of the ball */
    unsigned picture; /* side in pixels */
    unsigned n_views; /* 0: the front as it is */
    OrfDress options;
    OrfMesh *mesh;
    OrfImage *image;
} Case;

static void
dress(OrfTask *task, const void *data)
{
    const Case *what = data;
    OrfProjection views[8];
    unsigned n = MAX(what->n_views, 1);
    for (unsigned i = 0; i < n; i++) {
        views[i] = ball_projection(what->image, 40, 0.45f * (float)what->picture, 160);
        views[i].yaw = 360.0f * (float)i / (float)n;
    }
    g_autoptr(OrfAsset) asset =
        what->n_views ? orf_asset_dress_views(task, what->mesh, views, n, &what->options, NULL)
                      : orf_asset_dress_front(task, what->mesh, views, &what->options, NULL);
    g_assert_nonnull(asset);
}

static void
measure(const Case *given, unsigned repeats)
{
    Case what = *given;
    g_autoptr(OrfMesh) mesh = ball(2 * what.rings, what.rings, 40);
    g_autoptr(OrfImage) image =
        disc_picture(what.picture, 0.45f * (float)what.picture, paint_waves);
    what.mesh = mesh;
    what.image = image;
    g_autofree char *size =
        g_strdup_printf("%u px, %zu triangles", what.picture, orf_mesh_n_triangles(mesh));
    double pixels = (double)what.picture * what.picture * MAX(what.n_views, 1);
    BenchLine line = { what.name, size, "MP/s", pixels / 1e6, repeats };
    bench_line(&line, dress, &what);
}

int
main(int argc, char **argv)
{
    static const Case cases[] = {
        { "asset-dress-front-mirror", 50, 512, 0, { .back = ORF_BACK_MIRROR } },
        { "asset-dress-front-plain", 50, 512, 0, { .back = ORF_BACK_PLAIN } },
        { "asset-dress-front-mirror", 140, 1024, 0, { .back = ORF_BACK_MIRROR } },
        { "asset-dress-front-plain", 140, 1024, 0, { .side = 2048, .back = ORF_BACK_PLAIN } },
        { "asset-dress-front-delight", 140, 1024, 0, { .delight = 0.6f } },
        { "asset-dress-views-1", 100, 640, 1, { .back = ORF_BACK_PLAIN } },
        { "asset-dress-views-4", 100, 640, 4, { 0 } },
        { "asset-dress-views-8", 100, 640, 8, { 0 } },
    };
    unsigned repeats = argc > 1 && strcmp(argv[1], "--quick") == 0 ? 3 : 15;
    if (!orf_image_init(NULL))
        return 1;
    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++)
        measure(&cases[i], repeats);
    return 0;
}
