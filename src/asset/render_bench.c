/* render_bench.c - pictures of balls of many sizes. SPDX-License-Identifier: Apache-2.0 */
#include "asset/bodies_bench.h"

typedef struct {
    unsigned rings, side;
    bool sheet;
    OrfAsset *asset;
} Case;

static void
draw(OrfTask *task, const void *data)
{
    const Case *what = data;
    OrfView view = {
        .width = what->side, .height = what->side, .yaw = 30, .pitch = 20, .bed = true
    };
    g_autoptr(OrfImage) image =
        what->sheet ? orf_asset_contact_sheet(task, what->asset, what->side, NULL)
                    : orf_asset_render(task, what->asset, &view, NULL);
    g_assert_nonnull(image);
}

static void
measure(const Case *given, unsigned repeats)
{
    Case what = *given;
    g_autoptr(OrfMesh) mesh = ball(2 * what.rings, what.rings, 40);
    g_autoptr(OrfAsset) asset = orf_asset_new(mesh, NULL, 0);
    what.asset = asset;
    size_t n = orf_mesh_n_triangles(mesh);
    g_autofree char *size = g_strdup_printf("%zu triangles, %u px", n, what.side);
    BenchLine line = { what.sheet ? "asset-contact-sheet" : "asset-render", size,
                       "M triangles/s", (double)n / 1e6, repeats };
    bench_line(&line, draw, &what);
}

int
main(int argc, char **argv)
{
    static const Case cases[] = { { 50, 512, false },   { 158, 512, false },
                                  { 500, 512, false },  { 158, 1024, false },
                                  { 1000, 512, false }, { 158, 1600, true } };
    unsigned repeats = argc > 1 && strcmp(argv[1], "--quick") == 0 ? 3 : 15;
    if (!orf_image_init(NULL))
        return 1;
    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++)
        measure(&cases[i], repeats);
    return 0;
}
