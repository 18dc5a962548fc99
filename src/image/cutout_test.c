/* SPDX-License-Identifier: Apache-2.0 */
#include "image/cutout-priv.h"
#include "image/scenes_test.h"

static double
overlap(const OrfImage *alpha, Shape shape)
{
    unsigned w = orf_image_width(alpha), h = orf_image_height(alpha);
    double both = 0, any = 0;
    for (unsigned y = 0; y < h; y++) {
        for (unsigned x = 0; x < w; x++) {
            bool in = orf_image_f32(alpha)[(size_t)y * w + x] > 0.5f;
            bool want = shape((x + 0.5) / w, (y + 0.5) / h);
            both += in && want;
            any += in || want;
        }
    }
    return both / any;
}

/* --- Methods ------------------------------------------------------------------------------ */

static void
each_ground_gives_its_method_and_a_tight_mask(void)
{
    static const struct {
        Shape shape;
        void (*ground)(double u, double v, double rgb[3]);
        OrfCutoutMethod method;
        double overlap, confidence;
    } cases[] = {
        { disc, even_ground, ORF_CUTOUT_FLAT, 0.98, 0.9 },
        { ring, even_ground, ORF_CUTOUT_FLAT, 0.97, 0.9 },
        { bar, even_ground, ORF_CUTOUT_FLAT, 0.95, 0.9 },
        { disc, table_and_wall, ORF_CUTOUT_SCENE, 0.97, 0.9 },
        { ring, table_and_wall, ORF_CUTOUT_SCENE, 0.96, 0.9 },
        { disc, checks, ORF_CUTOUT_GRABCUT, 0.95, 0.3 },
    };
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        for (unsigned side = 160; side <= 1000; side += 420) {
            OrfCutout how;
            g_autoptr(OrfImage) image = paint(side, cases[i].shape, cases[i].ground);
            g_autoptr(OrfImage) alpha = orf_image_cut_out(NULL, image, NULL, &how, NULL);
            g_test_message("case %zu at %u: %s %.2f, overlap %.4f, %s", i, side,
                           orf_cutout_method_name(how.method), how.confidence,
                           overlap(alpha, cases[i].shape), how.reason);
            g_assert_cmpint(how.method, ==, cases[i].method);
            g_assert_cmpfloat(overlap(alpha, cases[i].shape), >=, cases[i].overlap);
            g_assert_cmpfloat(how.confidence, >=, cases[i].confidence);
            g_assert_cmpuint(strlen(how.reason), >, 0);
        }
    }
}

/* An outline with a gap: what it fences in is the subject. */
static OrfImage *
draw_outline(double gap)
{
    static const double ink[3] = { 40, 40, 45 }, paper[3] = { 235, 235, 232 };
    Canvas canvas = canvas_new(400, 400, 3);
    for (unsigned y = 0; y < 400; y++) {
        for (unsigned x = 0; x < 400; x++) {
            double r = hypot(x - 200.0, y - 200.0), angle = atan2(y - 200.0, x - 200.0);
            bool line = fabs(r - 120) < 4 && fabs(angle) > gap;
            put(&canvas, x, y, line ? ink : paper, 6);
        }
    }
    return canvas_finish(&canvas);
}

static bool
drawn(double u, double v)
{
    return hypot(u - 0.5, v - 0.5) < 0.31;
}

static void
ink_fills_a_drawn_outline_and_bridges_a_gap(void)
{
    for (double gap = 0; gap <= 0.06; gap += 0.06) {
        OrfCutout how;
        g_autoptr(OrfImage) image = draw_outline(gap);
        g_autoptr(OrfImage) alpha = orf_image_cut_out(NULL, image, NULL, &how, NULL);
        g_assert_cmpint(how.method, ==, ORF_CUTOUT_INK);
        g_assert_cmpfloat(overlap(alpha, drawn), >=, 0.97);
        g_autoptr(OrfImage) lines = orf_image_cut_out(
            NULL, image, &(OrfCutoutOptions){ .force = ORF_CUTOUT_FLAT }, &how, NULL);
        g_assert_cmpint(how.method, ==, ORF_CUTOUT_FLAT);
        g_assert_cmpfloat(overlap(lines, drawn), <=, 0.2);
    }
}

/* A net that says: the left half, this surely. Counts how often it is asked. */
typedef struct {
    double confidence;
    unsigned asked;
} Net;

static OrfImage *
left_half(OrfTask *task, const OrfImage *image, OrfCutout *how, void *data, GError **error)
{
    (void)image;
    Net *net = data;
    net->asked++;
    float *alpha = ORF_ALLOC(task, float, 20 * 10, "alpha", error);
    for (size_t i = 0; i < 20 * 10; i++)
        alpha[i] = i % 20 < 10;
    how->confidence = net->confidence;
    return orf_image_new_take(20, 10, 1, ORF_F32, alpha);
}

static OrfCutoutMethod
method_with(Net *net, Shape shape, void (*ground)(double u, double v, double rgb[3]),
            OrfCutoutMethod force)
{
    OrfCutout how;
    OrfCutoutOptions options = { .force = force, .net = left_half, .net_data = net };
    g_autoptr(OrfImage) image = paint(200, shape, ground);
    g_autoptr(OrfImage) alpha = orf_image_cut_out(NULL, image, &options, &how, NULL);
    g_assert_cmpuint(orf_image_width(alpha), ==, orf_image_width(image));
    bool left = how.coverage > 0.49 && how.coverage < 0.51;
    g_assert_cmpint(left, ==, how.method == ORF_CUTOUT_NET);
    return how.method;
}

static void
a_net_is_asked_where_the_background_is_busy(void)
{
    Net sure = { 0.9, 0 }, unsure = { 0.1, 0 };
    g_assert_cmpint(method_with(&sure, disc, checks, 0), ==, ORF_CUTOUT_NET);
    g_assert_cmpuint(sure.asked, ==, 1);
    g_assert_cmpint(method_with(&sure, disc, even_ground, 0), ==, ORF_CUTOUT_FLAT);
    g_assert_cmpint(method_with(&sure, disc, checks, ORF_CUTOUT_GRABCUT), ==,
                    ORF_CUTOUT_GRABCUT);
    g_assert_cmpuint(sure.asked, ==, 1); /* not where there is no need, nor against the wish */
    g_assert_cmpint(method_with(&unsure, disc, checks, 0), ==, ORF_CUTOUT_GRABCUT);
    g_assert_cmpuint(unsure.asked, ==, 1);
    g_assert_cmpint(method_with(&unsure, disc, even_ground, ORF_CUTOUT_NET), ==,
                    ORF_CUTOUT_NET); /* asked for by name it decides alone */
}

static void
noise_has_no_confident_subject(void)
{
    Canvas canvas = canvas_new(300, 200, 3);
    for (unsigned y = 0; y < 200; y++)
        for (unsigned x = 0; x < 300; x++)
            put(&canvas, x, y, (double[3]){ 128, 128, 128 }, 255);
    OrfCutout how;
    g_autoptr(OrfImage) image = canvas_finish(&canvas);
    g_autoptr(OrfImage) alpha = orf_image_cut_out(NULL, image, NULL, &how, NULL);
    g_assert_nonnull(alpha);
    g_assert_cmpfloat(how.confidence, <, 0.3);
}

static void
a_box_keeps_the_subject_inside(void)
{
    OrfCutout how;
    const float box[4] = { 0, 0, 0.5f, 1 };
    g_autoptr(OrfImage) image = paint(320, disc, even_ground);
    g_autoptr(OrfImage) alpha =
        orf_image_cut_out(NULL, image, &(OrfCutoutOptions){ .box = box }, &how, NULL);
    const float *row = orf_image_f32(alpha) + 132 * 320;
    g_assert_cmpfloat(row[100], >, 0.9);
    g_assert_cmpfloat(row[200], <, 0.1);
}

/* --- Given -------------------------------------------------------------------------------- */

static OrfImage *
with_alpha(unsigned side, Shape shape)
{
    Canvas canvas = canvas_new(side, side, 4);
    for (unsigned y = 0; y < side; y++) {
        for (unsigned x = 0; x < side; x++) {
            put(&canvas, x, y, (double[3]){ 90, 90, 90 }, 0);
            bool in = shape((x + 0.5) / side, (y + 0.5) / side);
            canvas.pixels[((size_t)y * side + x) * 4 + 3] = in ? 255 : 0;
        }
    }
    return canvas_finish(&canvas);
}

static void
own_alpha_wins(void)
{
    OrfCutout how;
    g_autoptr(OrfImage) image = with_alpha(200, ring);
    g_autoptr(OrfImage) alpha = orf_image_cut_out(NULL, image, NULL, &how, NULL);
    g_assert_cmpint(how.method, ==, ORF_CUTOUT_ALPHA);
    g_assert_cmpfloat(overlap(alpha, ring), ==, 1);
    g_assert_cmpfloat(how.confidence, ==, 1);
    g_assert_cmpfloat_with_epsilon(how.coverage, G_PI * (0.28 * 0.28 - 0.13 * 0.13), 0.01);
}

static void
given_mask_wins_at_any_size_and_kind(void)
{
    g_autoptr(OrfImage) image = paint(400, disc, checks);
    g_autoptr(OrfImage) alpha_mask = with_alpha(100, ring);
    g_autoptr(OrfImage) grey_mask = plain(1, 1, 1, 255);
    OrfImage *masks[] = { alpha_mask, grey_mask };
    const double covered[] = { 0.193, 1 };
    for (size_t i = 0; i < G_N_ELEMENTS(masks); i++) {
        OrfCutout how;
        g_autoptr(OrfImage) alpha =
            orf_image_cut_out(NULL, image, &(OrfCutoutOptions){ .mask = masks[i] }, &how, NULL);
        g_assert_cmpint(how.method, ==, ORF_CUTOUT_GIVEN);
        g_assert_cmpuint(orf_image_width(alpha), ==, 400);
        g_assert_cmpfloat_with_epsilon(how.coverage, covered[i], 0.01);
    }
}

/* --- Refusals ----------------------------------------------------------------------------- */

static void
nothing_to_cut_is_said_so(void)
{
    g_autoptr(OrfImage) clear = plain(50, 50, 4, 0);
    g_autoptr(OrfImage) white = plain(50, 50, 3, 255);
    g_autoptr(OrfImage) black = plain(20, 20, 1, 0);
    const struct {
        OrfImage *image, *mask;
        OrfCutoutMethod force;
    } cases[] = {
        { clear, NULL, ORF_CUTOUT_NONE },  { clear, NULL, ORF_CUTOUT_ALPHA },
        { clear, NULL, ORF_CUTOUT_FLAT },  { white, NULL, ORF_CUTOUT_FLAT },
        { white, NULL, ORF_CUTOUT_SCENE }, { white, NULL, ORF_CUTOUT_GRABCUT },
        { white, NULL, ORF_CUTOUT_INK },   { white, NULL, ORF_CUTOUT_ALPHA },
        { white, NULL, ORF_CUTOUT_GIVEN }, { white, black, ORF_CUTOUT_NONE },
    };
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GError) error = NULL;
        OrfCutoutOptions options = { .force = cases[i].force, .mask = cases[i].mask };
        g_assert_null(orf_image_cut_out(NULL, cases[i].image, &options, NULL, &error));
        g_assert_error(error, ORF_ERROR, ORF_ERROR_BAD_INPUT);
        g_assert_nonnull(strstr(error->message, "; "));
    }
}

static void
one_colour_is_the_whole_frame_without_confidence(void)
{
    OrfCutout how;
    g_autoptr(OrfImage) image = plain(60, 40, 3, 90);
    g_autoptr(OrfImage) alpha = orf_image_cut_out(NULL, image, NULL, &how, NULL);
    g_assert_cmpint(how.method, ==, ORF_CUTOUT_NONE);
    g_assert_cmpfloat(how.confidence, ==, 0);
    g_assert_cmpfloat(how.coverage, ==, 1);
    g_assert_nonnull(strstr(how.reason, "one colour"));
}

static void
any_size_and_content_gives_alpha_between_0_and_1(void)
{
    static const unsigned sizes[][2] = { { 1, 1 }, { 1, 300 }, { 300, 1 },  { 2, 2 },  { 7, 9 },
                                         { 8, 8 }, { 9, 40 },  { 600, 12 }, { 33, 57 } };
    g_autoptr(GRand) rand = g_rand_new_with_seed(3);
    for (size_t i = 0; i < G_N_ELEMENTS(sizes); i++) {
        for (unsigned channels = 3; channels <= 4; channels++) {
            Canvas canvas = canvas_new(sizes[i][0], sizes[i][1], channels);
            size_t n = (size_t)canvas.width * canvas.height;
            for (size_t k = 0; k < n * channels; k++)
                canvas.pixels[k] = (uint8_t)g_rand_int(rand);
            g_autoptr(OrfImage) image = canvas_finish(&canvas);
            for (OrfCutoutMethod m = ORF_CUTOUT_NONE; m <= ORF_CUTOUT_GRABCUT; m++) {
                OrfCutoutOptions options = { .force = m };
                g_autoptr(OrfImage) alpha =
                    orf_image_cut_out(NULL, image, &options, NULL, NULL);
                for (size_t k = 0; alpha && k < n; k++)
                    g_assert_true(orf_image_f32(alpha)[k] >= 0 && orf_image_f32(alpha)[k] <= 1);
            }
        }
    }
}

/* --- Task --------------------------------------------------------------------------------- */

static void
same_seed_same_alpha_on_any_number_of_cores(void)
{
    g_autoptr(OrfImage) image = paint(500, disc, checks);
    OrfCutoutOptions options = { .seed = 5, .force = ORF_CUTOUT_GRABCUT };
    g_autoptr(OrfImage) first = orf_image_cut_out(NULL, image, &options, NULL, NULL);
    g_autoptr(OrfTask) task = orf_task_new(&(OrfTaskOptions){ .cores = 3 });
    g_autoptr(OrfImage) second = orf_image_cut_out(task, image, &options, NULL, NULL);
    int bytes = 500 * 375 * (int)sizeof(float);
    g_assert_cmpmem(orf_image_f32(first), bytes, orf_image_f32(second), bytes);
}

static void
cancel_and_small_budgets_fail_politely(void)
{
    g_autoptr(OrfImage) image = paint(300, disc, checks);
    g_autoptr(OrfTask) cancelled = orf_task_new(NULL);
    orf_task_cancel(cancelled);
    g_autoptr(GError) error = NULL;
    g_assert_null(orf_image_cut_out(cancelled, image, NULL, NULL, &error));
    g_assert_error(error, ORF_ERROR, ORF_ERROR_CANCELLED);
    bool done = false;
    for (size_t memory = 50000; !done && memory < 64u << 20; memory += memory / 8) {
        g_autoptr(OrfTask) task = orf_task_new(&(OrfTaskOptions){ .memory = memory });
        g_autoptr(GError) refused = NULL;
        g_autoptr(OrfImage) alpha = orf_image_cut_out(task, image, NULL, NULL, &refused);
        done = alpha;
        if (!done)
            g_assert_error(refused, ORF_ERROR, ORF_ERROR_TOO_LARGE);
    }
    g_assert_true(done);
}

int
main(int argc, char **argv)
{
    static const struct {
        const char *sentence;
        void (*proof)(void);
    } tests[] = {
        { "each-ground-gives-its-method-and-a-tight-mask",
          each_ground_gives_its_method_and_a_tight_mask },
        { "ink-fills-a-drawn-outline-and-bridges-a-gap",
          ink_fills_a_drawn_outline_and_bridges_a_gap },
        { "a-net-is-asked-where-the-background-is-busy",
          a_net_is_asked_where_the_background_is_busy },
        { "noise-has-no-confident-subject", noise_has_no_confident_subject },
        { "a-box-keeps-the-subject-inside", a_box_keeps_the_subject_inside },
        { "own-alpha-wins", own_alpha_wins },
        { "given-mask-wins-at-any-size-and-kind", given_mask_wins_at_any_size_and_kind },
        { "nothing-to-cut-is-said-so", nothing_to_cut_is_said_so },
        { "one-colour-is-the-whole-frame-without-confidence",
          one_colour_is_the_whole_frame_without_confidence },
        { "any-size-and-content-gives-alpha-between-0-and-1",
          any_size_and_content_gives_alpha_between_0_and_1 },
        { "same-seed-same-alpha-on-any-number-of-cores",
          same_seed_same_alpha_on_any_number_of_cores },
        { "cancel-and-small-budgets-fail-politely", cancel_and_small_budgets_fail_politely },
    };
    g_test_init(&argc, &argv, NULL);
    for (size_t i = 0; i < G_N_ELEMENTS(tests); i++) {
        g_autofree char *path = g_strconcat("/image/cutout/", tests[i].sentence, NULL);
        g_test_add_func(path, tests[i].proof);
    }
    return g_test_run();
}
