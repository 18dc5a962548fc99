/* dress_test.c - SPDX-License-Identifier: Apache-2.0 */
#include "asset/bodies_test.h"

static const float eyes[][2] = { { 0, 0 },   { 45, 20 },  { 90, 0 },  { 135, -20 },
                                 { 180, 0 }, { 225, 35 }, { 270, 0 }, { 315, -35 },
                                 { 0, 90 },  { 0, -90 } };

/* Shares of pixels that show the picture's green background or are all but black, from
 * anywhere. */
static void
count_faults(const OrfAsset *asset, double *ret_green, double *ret_black)
{
    double green = 0, black = 0, n = 0;
    for (unsigned i = 0; i < G_N_ELEMENTS(eyes); i++) {
        OrfView view = { .width = 150,
                         .height = 150,
                         .yaw = eyes[i][0],
                         .pitch = eyes[i][1],
                         .unlit = true,
                         .transparent = true };
        g_autoptr(OrfImage) image = orf_asset_render(NULL, asset, &view, NULL);
        const uint8_t *p = orf_image_u8(image);
        for (size_t k = 0; k < 150 * 150; k++, p += 4) {
            if (p[3] < 255)
                continue;
            n++;
            green += p[1] > 135; /* waves have 120 at most */
            black += MAX(MAX(p[0], p[1]), p[2]) < 30;
        }
    }
    *ret_green = green / n;
    *ret_black = black / n;
}

/* The same bodies: positions and triangles byte for byte, so closedness is untouched. */
static void
assert_same_geometry(const OrfMesh *a, const OrfMesh *b)
{
    size_t vertices = orf_mesh_n_vertices(a), triangles = orf_mesh_n_triangles(a);
    g_assert_cmpuint(vertices, ==, orf_mesh_n_vertices(b));
    g_assert_cmpuint(triangles, ==, orf_mesh_n_triangles(b));
    g_assert_true(memcmp(orf_mesh_positions(a), orf_mesh_positions(b), vertices * 12) == 0);
    g_assert_true(memcmp(orf_mesh_triangles(a), orf_mesh_triangles(b), triangles * 12) == 0);
}

static void
assert_uvs_inside(const OrfMesh *mesh)
{
    const float *uvs = orf_mesh_uvs(mesh);
    g_assert_nonnull(uvs);
    for (size_t i = 0; i < 2 * orf_mesh_n_uvs(mesh); i++)
        g_assert_true(uvs[i] >= 0 && uvs[i] <= 1);
    const uint32_t *corners = orf_mesh_uv_triangles(mesh);
    for (size_t i = 0; i < 3 * orf_mesh_n_triangles(mesh); i++)
        g_assert_cmpuint(corners[i], <, orf_mesh_n_uvs(mesh));
}

/* --- Front -------------------------------------------------------------------------------- */

static void
front_looks_like_picture(void)
{
    static const struct {
        unsigned side;
        float radius, distance;
        OrfDress dress;
    } cases[] = {
        { 256, 110, 0, { .back = ORF_BACK_MIRROR } },
        { 256, 110, 160, { .back = ORF_BACK_PLAIN } },
        { 700, 300, 200, { .back = ORF_BACK_PLAIN } },
        { 700, 300, 0, { .side = 512, .back = ORF_BACK_PLAIN } },
    };
    g_autoptr(OrfMesh) mesh = ball(96, 64, 40);
    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(OrfImage) picture = disc_picture(cases[i].side, cases[i].radius, paint_waves);
        OrfProjection front = ball_projection(picture, 40, cases[i].radius, cases[i].distance);
        g_autoptr(GError) error = NULL;
        g_autoptr(OrfAsset) asset =
            orf_asset_dress_front(NULL, mesh, &front, &cases[i].dress, &error);
        g_assert_no_error(error);
        g_autoptr(OrfImage) again = orf_asset_render_like(NULL, asset, &front, NULL);
        double share, quality = psnr(picture, again, &share);
        g_test_message("case %u: %.1f dB, share %.4f", i, quality, share);
        g_assert_cmpfloat(quality, >=, 30);
        g_assert_cmpfloat(share, >=, 0.99);
        assert_same_geometry(mesh, orf_asset_mesh(asset));
        assert_uvs_inside(orf_asset_mesh(asset));
        double green, black;
        count_faults(asset, &green, &black);
        g_assert_cmpfloat(green, ==, 0);
        g_assert_cmpfloat(black, ==, 0);
    }
}

static void
texture_is_small_jpeg(void)
{
    g_autoptr(OrfMesh) mesh = ball(32, 24, 40);
    g_autoptr(OrfImage) picture = disc_picture(600, 280, paint_waves);
    OrfProjection front = ball_projection(picture, 40, 280, 0);
    for (unsigned side = 128; side <= 1024; side *= 2) {
        OrfDress dress = { .side = side, .back = ORF_BACK_PLAIN };
        g_autoptr(OrfAsset) asset = orf_asset_dress_front(NULL, mesh, &front, &dress, NULL);
        const OrfMaterial *material = orf_asset_material(asset, 0);
        g_assert_cmpuint(orf_image_width(material->texture), <=, side);
        g_assert_cmpuint(orf_image_height(material->texture), <=, side);
        size_t size;
        const uint8_t *bytes = g_bytes_get_data(material->encoded, &size);
        g_assert_cmpuint(size, >, 500);
        g_assert_cmpuint(size, <, (size_t)side * side);
        g_assert_cmphex(bytes[0] << 8 | bytes[1], ==, 0xffd8);
    }
}

static void
paint_face(float u, float v, uint8_t rgb[3])
{
    bool face = u * u + v * v < 0.16f;
    memcpy(rgb, (const uint8_t[3]){ face ? 250 : 90, face ? 40 : 60, face ? 40 : 200 }, 3);
}

static const uint8_t *
middle_from(const OrfAsset *asset, float yaw, OrfImage **keep)
{
    OrfView view = { .width = 400, .height = 400, .yaw = yaw, .unlit = true };
    *keep = orf_asset_render(NULL, asset, &view, NULL);
    return orf_image_u8(*keep) + 4 * (200 * 400 + 200);
}

static void
back_mirrors_or_forgets(void)
{
    g_autoptr(OrfMesh) mesh = ball(96, 64, 40);
    g_autoptr(OrfImage) picture = disc_picture(300, 130, paint_face);
    OrfProjection front = ball_projection(picture, 40, 130, 0);
    for (int back = ORF_BACK_MIRROR; back <= ORF_BACK_PLAIN; back++) {
        OrfDress dress = { .back = back };
        g_autoptr(OrfAsset) asset = orf_asset_dress_front(NULL, mesh, &front, &dress, NULL);
        g_autoptr(OrfImage) before = NULL, behind = NULL;
        const uint8_t *p = middle_from(asset, 0, &before),
                      *q = middle_from(asset, 180, &behind);
        g_assert_cmpint(p[0], >, 230);
        if (back == ORF_BACK_MIRROR)
            g_assert_cmpint(q[0], >, 230);
        else
            g_assert_cmpint(q[0], <, 130);
    }
}

/* Across the outline from front to back colours change no faster than the picture does. */
static void
seam_is_not_seen(void)
{
    g_autoptr(OrfMesh) mesh = ball(128, 96, 40);
    g_autoptr(OrfImage) picture = disc_picture(400, 180, paint_face);
    OrfProjection front = ball_projection(picture, 40, 180, 0);
    OrfDress dress = { .back = ORF_BACK_PLAIN };
    g_autoptr(OrfAsset) asset = orf_asset_dress_front(NULL, mesh, &front, &dress, NULL);
    OrfView side = {
        .width = 200, .height = 200, .yaw = 90, .unlit = true, .transparent = true
    };
    g_autoptr(OrfImage) image = orf_asset_render(NULL, asset, &side, NULL);
    for (unsigned y = 40; y < 160; y++)
        for (unsigned x = 80; x < 120; x++) {
            const uint8_t *p = orf_image_u8(image) + 4 * (y * 200 + x);
            for (int k = 0; k < 3; k++)
                g_assert_cmpint(ABS(p[k] - p[4 + k]), <=, 6);
        }
}

static void
walls_take_the_rim(void)
{
    g_autoptr(OrfMesh) mesh = box(40, 40, 8);
    uint8_t *pixels = ORF_ALLOC(NULL, uint8_t, 4 * 200 * 200, "picture", NULL);
    for (unsigned i = 0; i < 200 * 200; i++) {
        bool in = i % 200 >= 20 && i % 200 < 180 && i / 200 >= 20 && i / 200 < 180;
        memcpy(pixels + 4 * i,
               in ? (uint8_t[4]){ 220, 60, 60, 255 } : (uint8_t[4]){ 0, 255, 0, 0 }, 4);
    }
    g_autoptr(OrfImage) picture = orf_image_new_take(200, 200, 4, ORF_U8, pixels);
    OrfProjection front = { .picture = picture, .center = { 100, 100 }, .scale = 2 };
    g_autoptr(OrfAsset) asset = orf_asset_dress_front(NULL, mesh, &front, NULL, NULL);
    for (unsigned i = 0; i < G_N_ELEMENTS(eyes); i++) {
        OrfView view = { .width = 80,
                         .height = 80,
                         .yaw = eyes[i][0],
                         .pitch = eyes[i][1],
                         .unlit = true,
                         .transparent = true };
        g_autoptr(OrfImage) image = orf_asset_render(NULL, asset, &view, NULL);
        for (size_t k = 0; k < 80 * 80; k++) {
            const uint8_t *p = orf_image_u8(image) + 4 * k;
            if (p[3])
                g_assert_true(ABS(p[0] - 220) <= 4 && ABS(p[1] - 60) <= 4 &&
                              ABS(p[2] - 60) <= 4);
        }
    }
}

/* --- Views -------------------------------------------------------------------------------- */

/* The picture of a painted ball of 40 mm (its radius is 130 of 300 px) from this side,
 * orthographic; paint depends on the place on the ball, so all sides agree. */
static OrfImage *
side_of_ball(float yaw)
{
    OrfImage *picture = disc_picture(300, 130, paint_waves);
    uint8_t *p = (uint8_t *)orf_image_u8(picture);
    OrfCamera camera = orf_camera_at(yaw, 0);
    for (unsigned i = 0; i < 300 * 300; i++, p += 4) {
        float u = ((float)(i % 300) - 149.5f) / 130, v = ((float)(i / 300) - 149.5f) / 130;
        float w = sqrtf(MAX(0, 1 - u * u - v * v)), at[3];
        for (int k = 0; k < 3; k++)
            at[k] = u * camera.right[k] + v * camera.down[k] + w * camera.back[k];
        if (p[3] == 255)
            paint_waves(at[0] + at[2], at[1] - at[2], p);
    }
    return picture;
}

static void
views_look_like_pictures(void)
{
    g_autoptr(OrfMesh) mesh = ball(64, 48, 40);
    static const unsigned counts[] = { 1, 3, 8 };
    for (unsigned c = 0; c < G_N_ELEMENTS(counts); c++) {
        unsigned n = counts[c];
        OrfProjection views[8];
        for (unsigned i = 0; i < n; i++) {
            float yaw = 360.0f * (float)i / (float)n;
            views[i] = ball_projection(side_of_ball(yaw), 40, 130, 0);
            views[i].yaw = yaw;
        }
        g_autoptr(GError) error = NULL;
        g_autoptr(OrfAsset) asset = orf_asset_dress_views(NULL, mesh, views, n, NULL, &error);
        g_assert_no_error(error);
        for (unsigned i = 0; i < n; i++) {
            double share;
            g_autoptr(OrfImage) again = orf_asset_render_like(NULL, asset, &views[i], NULL);
            double quality = psnr(views[i].picture, again, &share);
            g_test_message("%u of %u views: %.1f dB", i, n, quality);
            g_assert_cmpfloat(quality, >=, 28);
            g_assert_cmpfloat(share, >=, 0.99);
        }
        double green, black;
        count_faults(asset, &green, &black);
        g_assert_cmpfloat(green, ==, 0);
        g_assert_cmpfloat(black, ==, 0);
        assert_uvs_inside(orf_asset_mesh(asset));
        for (unsigned i = 0; i < n; i++)
            orf_image_unref(views[i].picture);
    }
}

static void
paint_red(float u, float v, uint8_t rgb[3])
{
    (void)u, (void)v;
    memcpy(rgb, (const uint8_t[3]){ 230, 40, 40 }, 3);
}

static void
paint_blue(float u, float v, uint8_t rgb[3])
{
    (void)u, (void)v;
    memcpy(rgb, (const uint8_t[3]){ 40, 40, 230 }, 3);
}

/* Red in front and behind, blue from the sides: each side is its own picture's; mixtures only
 * in narrow bands between. */
static void
views_do_not_ghost(void)
{
    g_autoptr(OrfMesh) mesh = ball(96, 64, 40);
    g_autoptr(OrfImage) red = disc_picture(300, 130, paint_red);
    g_autoptr(OrfImage) blue = disc_picture(300, 130, paint_blue);
    OrfProjection views[4];
    for (unsigned i = 0; i < 4; i++) {
        views[i] = ball_projection(i % 2 ? blue : red, 40, 130, 0);
        views[i].yaw = 90 * (float)i;
    }
    g_autoptr(OrfAsset) asset = orf_asset_dress_views(NULL, mesh, views, 4, NULL, NULL);
    OrfView diagonal = {
        .width = 200, .height = 200, .yaw = 45, .unlit = true, .transparent = true
    };
    g_autoptr(OrfImage) image = orf_asset_render(NULL, asset, &diagonal, NULL);
    unsigned mixed = 0;
    for (unsigned x = 20; x < 180; x++) {
        const uint8_t *p = orf_image_u8(image) + 4 * (100 * 200 + x);
        mixed += p[0] > 70 && p[0] < 200;
    }
    g_assert_cmpuint(mixed, <, 32); /* of 160 */
    for (unsigned i = 0; i < 4; i++) {
        g_autoptr(OrfImage) keep = NULL;
        const uint8_t *p = middle_from(asset, 90 * (float)i, &keep);
        g_assert_cmpint(p[i % 2 ? 2 : 0], >, 200);
    }
}

/* A small ball hides part of a larger one: its colour must not land on what it hides. */
static void
views_know_what_is_hidden(void)
{
    g_autoptr(OrfMesh) large = ball(64, 48, 40), small = ball(32, 24, 8);
    g_autoptr(OrfMesh) moved =
        orf_mesh_scale_move(NULL, small, (float[3]){ 1, 1, 1 }, (float[3]){ 0, 0, 60 }, NULL);
    g_autoptr(OrfMesh) both =
        orf_mesh_join(NULL, (OrfMesh *[]){ large, moved }, 2, false, NULL);
    uint8_t *pixels = ORF_ALLOC(NULL, uint8_t, 4 * 300 * 300, "picture", NULL);
    for (unsigned i = 0; i < 300 * 300; i++) {
        float x = (float)(i % 300) - 149.5f, y = (float)(i / 300) - 149.5f;
        float r = sqrtf(x * x + y * y) / 3;
        memcpy(pixels + 4 * i,
               r < 8 ? (uint8_t[4]){ 240, 40, 40, 255 }
                     : (uint8_t[4]){ 40, 60, 220, r < 40 ? 255 : 0 },
               4);
    }
    g_autoptr(OrfImage) picture = orf_image_new_take(300, 300, 4, ORF_U8, pixels);
    OrfProjection view = { .picture = picture, .center = { 150, 150 }, .scale = 3 };
    OrfDress dress = { .back = ORF_BACK_PLAIN };
    g_autoptr(OrfAsset) asset = orf_asset_dress_views(NULL, both, &view, 1, &dress, NULL);
    /* From above the small ball is clear of the large one. */
    OrfView above = {
        .width = 200, .height = 200, .yaw = 90, .unlit = true, .transparent = true
    };
    g_autoptr(OrfImage) image = orf_asset_render(NULL, asset, &above, NULL);
    unsigned wrong = 0, seen = 0;
    for (unsigned i = 0; i < 200 * 200; i++) {
        const uint8_t *p = orf_image_u8(image) + 4 * i;
        if (p[3] < 255 || i % 200 < 60) /* the small ball is on the left, towards +Z */
            continue;
        seen++;
        wrong += p[0] > p[2];
    }
    g_assert_cmpuint(seen, >, 8000);
    g_assert_cmpuint(wrong, <, seen / 100);
}

/* --- Light -------------------------------------------------------------------------------- */

static void
paint_lit(float u, float v, uint8_t rgb[3])
{
    float z = sqrtf(MAX(0, 1 - u * u - v * v));
    float light = MAX(0.05f, 0.35f + 0.45f * (-0.5f * u - 0.6f * v + 0.62f * z));
    rgb[0] = rgb[1] = rgb[2] = (uint8_t)(255 * powf(light, 1 / 2.2f));
}

static double
unevenness(const OrfMesh *mesh, const OrfProjection *front, float delight)
{
    OrfDress dress = { .delight = delight };
    g_autoptr(OrfAsset) asset =
        orf_asset_dress_front(NULL, (OrfMesh *)mesh, front, &dress, NULL);
    g_autoptr(OrfImage) image = orf_asset_render_like(NULL, asset, front, NULL);
    double sum = 0, squares = 0, n = 0;
    for (unsigned y = 40; y < 200; y++)
        for (unsigned x = 40; x < 200; x++) {
            double value = orf_image_u8(image)[4 * (y * 240 + x)];
            sum += value;
            squares += value * value;
            n++;
        }
    return sqrt(squares / n - sum / n * (sum / n)) / (sum / n);
}

static void
delight_evens_out(void)
{
    g_autoptr(OrfMesh) mesh = ball(96, 64, 40);
    g_autoptr(OrfImage) picture = disc_picture(240, 110, paint_lit);
    OrfProjection front = ball_projection(picture, 40, 110, 0);
    double before = unevenness(mesh, &front, 0), half = unevenness(mesh, &front, 0.5f);
    double after = unevenness(mesh, &front, 1);
    g_test_message("deviation over mean: %.3f, half %.3f, full %.3f", before, half, after);
    g_assert_cmpfloat(half, <, 0.8 * before);
    g_assert_cmpfloat(after, <, 0.35 * before);
}

/* --- What goes wrong ---------------------------------------------------------------------- */

static void
same_on_cores(void)
{
    g_autoptr(OrfTask) three = orf_task_new(&(OrfTaskOptions){ .cores = 3 });
    g_autoptr(OrfMesh) mesh = ball(48, 32, 40);
    g_autoptr(OrfImage) picture = disc_picture(200, 90, paint_waves);
    OrfProjection views[2] = { ball_projection(picture, 40, 90, 150),
                               ball_projection(picture, 40, 90, 150) };
    views[1].yaw = 120;
    OrfDress dress = { .side = 256, .back = ORF_BACK_PLAIN, .delight = 0.6f };
    for (int way = 0; way < 2; way++) {
        g_autoptr(OrfAsset) a = way ? orf_asset_dress_views(NULL, mesh, views, 2, &dress, NULL)
                                    : orf_asset_dress_front(NULL, mesh, views, &dress, NULL);
        g_autoptr(OrfAsset) b = way ? orf_asset_dress_views(three, mesh, views, 2, &dress, NULL)
                                    : orf_asset_dress_front(three, mesh, views, &dress, NULL);
        const OrfImage *p = orf_asset_material(a, 0)->texture;
        const OrfImage *q = orf_asset_material(b, 0)->texture;
        size_t bytes = 3 * (size_t)orf_image_width(p) * orf_image_height(p);
        g_assert_true(memcmp(orf_image_u8(p), orf_image_u8(q), bytes) == 0);
    }
}

static void
paint_nothing(float u, float v, uint8_t rgb[3])
{
    (void)u, (void)v;
    memset(rgb, 0, 3);
}

static void
refusals(void)
{
    g_autoptr(OrfMesh) mesh = ball(16, 12, 40);
    g_autoptr(OrfImage) empty = disc_picture(64, 1e-3f, paint_nothing);
    OrfProjection blank = ball_projection(empty, 40, 20, 0);
    g_autoptr(GError) error = NULL;
    g_assert_null(orf_asset_dress_front(NULL, mesh, &blank, NULL, &error));
    g_assert_error(error, ORF_ERROR, ORF_ERROR_BAD_INPUT);
    for (unsigned n = 0; n < 10; n += 9) {
        g_clear_error(&error);
        g_assert_null(orf_asset_dress_views(NULL, mesh, &blank, n, NULL, &error));
        g_assert_error(error, ORF_ERROR, ORF_ERROR_BAD_INPUT);
    }
}

static void
cancelled_or_poor(void)
{
    g_autoptr(OrfTask) stopped = orf_task_new(NULL);
    orf_task_cancel(stopped);
    g_autoptr(OrfMesh) mesh = ball(64, 48, 40);
    g_autoptr(OrfImage) picture = disc_picture(256, 110, paint_waves);
    OrfProjection view = ball_projection(picture, 40, 110, 0);
    OrfDress dress = { .side = 256, .back = ORF_BACK_PLAIN, .delight = 0.5f };
    for (size_t budget = 0; budget < 3000000; budget += budget ? 193000 : 1000) {
        g_autoptr(OrfTask) poor = orf_task_new(&(OrfTaskOptions){ .memory = budget });
        for (int views = 0; views < 2; views++) {
            OrfTask *task = budget ? poor : stopped;
            g_autoptr(GError) error = NULL;
            g_autoptr(OrfAsset) asset =
                views ? orf_asset_dress_views(task, mesh, &view, 1, &dress, &error)
                      : orf_asset_dress_front(task, mesh, &view, &dress, &error);
            OrfErrorCode code = budget ? ORF_ERROR_TOO_LARGE : ORF_ERROR_CANCELLED;
            if (!asset)
                g_assert_error(error, ORF_ERROR, (int)code);
            g_assert_true(!asset == (error != NULL));
            g_assert_true(asset == NULL || budget > 600000);
        }
    }
}

/* A picture without any room around the subject, and a mesh larger than the picture shows. */
static void
subject_touches_frame(void)
{
    g_autoptr(OrfMesh) mesh = ball(64, 48, 60);
    g_autoptr(OrfImage) picture = disc_picture(100, 90, paint_waves); /* fills the frame */
    OrfProjection front = { .picture = picture, .center = { 50, 50 }, .scale = 1 };
    for (int back = ORF_BACK_MIRROR; back <= ORF_BACK_PLAIN; back++) {
        OrfDress dress = { .back = back };
        g_autoptr(OrfAsset) asset = orf_asset_dress_front(NULL, mesh, &front, &dress, NULL);
        assert_uvs_inside(orf_asset_mesh(asset));
        double green, black;
        count_faults(asset, &green, &black);
        g_assert_cmpfloat(green, ==, 0);
        g_assert_cmpfloat(black, ==, 0);
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    if (!orf_image_init(NULL))
        return 1;
    g_test_add_func("/asset/dress/front-looks-like-its-picture", front_looks_like_picture);
    g_test_add_func("/asset/dress/texture-is-a-jpeg-within-the-side-asked",
                    texture_is_small_jpeg);
    g_test_add_func("/asset/dress/back-mirrors-or-forgets-the-middle", back_mirrors_or_forgets);
    g_test_add_func("/asset/dress/seam-along-the-outline-is-not-seen", seam_is_not_seen);
    g_test_add_func("/asset/dress/walls-take-the-colour-of-the-rim", walls_take_the_rim);
    g_test_add_func("/asset/dress/subject-may-touch-the-frame", subject_touches_frame);
    g_test_add_func("/asset/dress/delight-evens-out-shading", delight_evens_out);
    g_test_add_func("/asset/bake/views-look-like-their-pictures", views_look_like_pictures);
    g_test_add_func("/asset/bake/views-do-not-ghost", views_do_not_ghost);
    g_test_add_func("/asset/bake/views-know-what-is-hidden", views_know_what_is_hidden);
    g_test_add_func("/asset/bake/is-the-same-on-any-number-of-cores", same_on_cores);
    g_test_add_func("/asset/bake/refuses-nothing-to-show", refusals);
    g_test_add_func("/asset/bake/stops-when-cancelled-or-out-of-memory", cancelled_or_poor);
    return g_test_run();
}
