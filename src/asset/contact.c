/* contact.c - four views in a row, with captions, so that a person can judge a result.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * All four share one scale, as in a drawing; sizes stand below each view. Front, side, top and
 * three-quarter; of a plate with relief, first the face that can be read, then how it looks lit
 * from behind or the other face, if there is something to see. */
#include "asset/asset-priv.h"

#include <math.h>
#include <string.h>

typedef struct {
    const char *name;
    float yaw, pitch;
    int axes[2]; /* of the mesh's bounds across and up; -1: all three and the triangles */
    bool lit;    /* from behind */
    bool relief; /* lit from the side */
} Side;

#define N_SIDES 4

/* Straight on, [axis][up]. */
static const Side straight[3][2] = {
    { { .name = "Left side", .yaw = -90, .axes = { 2, 1 } },
      { .name = "Side", .yaw = 90, .axes = { 2, 1 } } },
    { { .name = "Bottom", .pitch = -90, .axes = { 0, 2 } },
      { .name = "Top", .pitch = 90, .axes = { 0, 2 } } },
    { { .name = "Back", .yaw = 180, .axes = { 0, 1 } }, { .name = "Front", .axes = { 0, 1 } } },
};

/* From where the face of a plate is seen at an angle. */
static const Side slanted[3][2] = {
    { { .yaw = -58, .pitch = 22 }, { .yaw = 122, .pitch = 22 } },
    { { .yaw = 32, .pitch = -40 }, { .yaw = 32, .pitch = 40 } },
    { { .yaw = 212, .pitch = 22 }, { .yaw = 32, .pitch = 22 } },
};

static Side
seen(const OrfAssetPlate *plate, bool up, bool lit)
{
    Side side = plate->axis < 0 ? straight[2][1] : straight[plate->axis][up];
    side.relief = plate->axis >= 0 && plate->relief > 0 && !lit;
    side.lit = lit;
    if (lit)
        side.name = "Lit from behind";
    return side;
}

static void
choose_sides(const OrfAssetPlate *plate, Side ret_sides[N_SIDES])
{
    static const int order[3] = { 2, 0, 1 };
    bool readable = plate->axis >= 0 && plate->relief > 0;
    unsigned n = 0;
    if (readable || plate->lithophane)
        ret_sides[n++] = seen(plate, plate->up, false);
    if (plate->lithophane)
        ret_sides[n++] = seen(plate, plate->up, true);
    else if (readable && plate->both)
        ret_sides[n++] = seen(plate, !plate->up, false);
    int shown = n == 0 ? -1 : plate->axis < 0 ? 2 : plate->axis;
    for (unsigned i = 0; i < 3 && n < N_SIDES - 1; i++)
        if (order[i] != shown)
            ret_sides[n++] = straight[order[i]][1];
    ret_sides[n] = readable ? slanted[plate->axis][plate->up] : slanted[2][1];
    ret_sides[n].name = "Three-quarter";
    ret_sides[n].axes[0] = ret_sides[n].axes[1] = -1;
}

typedef struct {
    uint8_t *pixels; /* RGBA */
    unsigned width, height;
} Sheet;

static void
sheet_clear(Sheet *sheet)
{
    orf_free(sheet->pixels);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Sheet, sheet_clear)

/* --- Captions ----------------------------------------------------------------------------- */

/* "12 345" */
static void
append_grouped(GString *text, size_t number)
{
    g_autofree char *digits = g_strdup_printf("%zu", number);
    size_t n = strlen(digits);
    for (size_t i = 0; i < n; i++) {
        if (i && (n - i) % 3 == 0)
            g_string_append_c(text, ' ');
        g_string_append_c(text, digits[i]);
    }
}

static void
append_length(GString *text, float length)
{
    g_string_append_printf(text,
                           length < 9.95f    ? "%.2f"
                           : length < 999.5f ? "%.1f"
                                             : "%.0f",
                           (double)length);
}

static char *
caption(const Side *side, const OrfMesh *mesh)
{
    static const int all[3] = { 0, 1, 2 };
    float low[3], high[3];
    orf_mesh_bounds(mesh, low, high);
    GString *text = g_string_new(NULL);
    const int *axes = side->axes[0] < 0 ? all : side->axes;
    for (int i = 0; i < (side->axes[0] < 0 ? 3 : 2); i++) {
        g_string_append(text, i ? " × " : "");
        append_length(text, high[axes[i]] - low[axes[i]]);
    }
    g_string_append(text, " mm");
    if (side->axes[0] < 0) {
        g_string_append(text, ", ");
        append_grouped(text, orf_mesh_n_triangles(mesh));
        g_string_append(text, " triangles");
    }
    return g_string_free(text, FALSE);
}

static void
blend_text(Sheet *sheet, const OrfImage *text, int left, int top, uint8_t grey)
{
    const float *alpha = orf_image_f32(text);
    int width = (int)orf_image_width(text), height = (int)orf_image_height(text);
    for (int y = MAX(0, -top); y < height && top + y < (int)sheet->height; y++)
        for (int x = MAX(0, -left); x < width && left + x < (int)sheet->width; x++) {
            uint8_t *p =
                sheet->pixels + 4 * ((size_t)(top + y) * sheet->width + (size_t)(left + x));
            float a = CLAMP(alpha[(size_t)y * (size_t)width + (size_t)x], 0, 1);
            for (int k = 0; k < 3; k++)
                p[k] = (uint8_t)((float)p[k] + a * ((float)grey - (float)p[k]) + 0.5f);
        }
}

typedef struct {
    const char *text, *font;
    unsigned height, room; /* px; wider lines shrink to `room` */
    int middle, top;
    uint8_t grey;
} Line;

/* Without a task: a stand-in for a font is no remark about the result. NULL without any font.
 */
static OrfImage *
draw_line(const Line *line, unsigned height)
{
    return orf_image_text(NULL, line->text, line->font, height, "center", NULL);
}

static void
write_line(Sheet *sheet, const Line *line)
{
    g_autoptr(OrfImage) drawn = draw_line(line, line->height);
    if (drawn && orf_image_width(drawn) > line->room) {
        unsigned height = MAX(6, line->height * line->room / orf_image_width(drawn));
        g_clear_pointer(&drawn, orf_image_unref);
        drawn = draw_line(line, height);
    }
    if (drawn) /* without a font the views still say most of it */
        blend_text(sheet, drawn, line->middle - (int)orf_image_width(drawn) / 2, line->top,
                   line->grey);
}

/* Two lines in the strip under the cell that begins at `left`. */
static void
write_caption(Sheet *sheet, const Side *side, const OrfMesh *mesh, unsigned left, unsigned cell)
{
    g_autofree char *sizes = caption(side, mesh);
    unsigned strip = sheet->height - cell, height = strip * 2 / 5;
    Line line = { side->name,
                  "DejaVu Sans Bold",
                  height,
                  cell - cell / 16,
                  (int)(left + cell / 2),
                  (int)(cell + strip / 12),
                  58 };
    write_line(sheet, &line);
    line.text = sizes;
    line.font = "DejaVu Sans";
    line.top += (int)height;
    line.height = height * 7 / 8;
    line.grey = 104;
    write_line(sheet, &line);
}

/* --- Views -------------------------------------------------------------------------------- */

/* The scale at which every view fits its cell. */
static bool
common_scale(OrfTask *task, const OrfMesh *mesh, const Side sides[N_SIDES], const float size[2],
             OrfCamera cameras[N_SIDES], GError **error)
{
    float scale = INFINITY;
    for (size_t i = 0; i < N_SIDES; i++) {
        cameras[i] = orf_camera_at(sides[i].yaw, sides[i].pitch);
        if (!orf_camera_fit(task, &cameras[i], mesh, 0, size, 0.09f, error))
            return false;
        scale = MIN(scale, cameras[i].scale);
    }
    for (size_t i = 0; i < N_SIDES; i++) {
        float ratio = scale / cameras[i].scale;
        for (int k = 0; k < 2; k++)
            cameras[i].center[k] = size[k] / 2 + ratio * (cameras[i].center[k] - size[k] / 2);
        cameras[i].scale = scale;
    }
    return true;
}

static void
paste(Sheet *sheet, const OrfImage *view, unsigned left)
{
    const uint8_t *from = orf_image_u8(view);
    size_t row = 4 * (size_t)orf_image_width(view);
    for (unsigned y = 0; y < orf_image_height(view); y++)
        memcpy(sheet->pixels + 4 * ((size_t)y * sheet->width + left), from + y * row, row);
}

/* The strip under the views goes on from their lowest row; hairlines part the cells. */
static void
finish_paper(Sheet *sheet, unsigned cell, unsigned view_height)
{
    size_t row = 4 * (size_t)sheet->width;
    for (unsigned y = view_height; y < sheet->height; y++)
        memset(sheet->pixels + y * row, 0xfa, row);
    for (unsigned y = 0; y < sheet->height; y++)
        for (unsigned x = 0; x < sheet->width; x++) {
            uint8_t *p = sheet->pixels + y * row + 4 * (size_t)x;
            bool line = (x % cell == 0 && x && x + cell <= sheet->width) || y == view_height;
            for (int k = 0; line && k < 3; k++)
                p[k] = 214;
            p[3] = 255;
        }
}

OrfImage *
orf_asset_contact_sheet(OrfTask *task, const OrfAsset *asset, unsigned width, GError **error)
{
    if (width < 256 || width > 16384)
        return ORF_FAIL(error, BAD_INPUT, "contact sheet: %u pixels wide; give 256 to 16384",
                        width);
    unsigned cell = width / N_SIDES, strip = CLAMP(cell / 7, 20, 120);
    g_auto(Sheet) sheet = { NULL, width, cell + strip };
    sheet.pixels = ORF_ALLOC(task, uint8_t, (size_t)width * sheet.height * 4, "sheet", error);
    if (!sheet.pixels)
        return NULL;
    OrfMesh *mesh = orf_asset_mesh(asset);
    OrfAssetPlate plate;
    orf_asset_plate_look(asset, &plate);
    Side sides[N_SIDES];
    choose_sides(&plate, sides);
    OrfCamera cameras[N_SIDES];
    if (!common_scale(task, mesh, sides, (float[2]){ (float)cell, (float)cell }, cameras,
                      error))
        return NULL;
    for (size_t i = 0; i < N_SIDES; i++) {
        OrfShot shot = { cameras[i], i + 1 < N_SIDES ? cell : width - 3 * cell, cell,
                         .bed = true, .relief = sides[i].relief ? plate.relief : 0 };
        g_autoptr(OrfImage) view =
            (sides[i].lit ? orf_asset_shoot_lit : orf_asset_shoot)(task, asset, &shot, error);
        if (!view)
            return NULL;
        paste(&sheet, view, (unsigned)i * cell);
    }
    finish_paper(&sheet, cell, cell);
    for (size_t i = 0; i < N_SIDES; i++)
        write_caption(&sheet, &sides[i], mesh, (unsigned)i * cell, cell);
    return orf_image_new_take(width, sheet.height, 4, ORF_U8, g_steal_pointer(&sheet.pixels));
}
