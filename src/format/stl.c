/* stl.c - STL: triangles without indices, binary and ASCII.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Which of the two a file is: by size first (84 + 50 n), because many binary files begin with
 * the word "solid" too, and small round numbers look like text. Corners at exactly equal places
 * become one vertex; triangles that lose a corner that way are dropped. */
#include "format/format-priv.h"

#include <math.h>
#include <string.h>

#define HEADER 84
#define FACET 50
#define BATCH 4096 /* facets between looks at the task */

static uint32_t
read_u32(const uint8_t *at)
{
    return at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

static uint64_t
promised_size(const uint8_t *data)
{
    return HEADER + FACET * (uint64_t)read_u32(data + 80);
}

/* Writers that do not know how many will come leave 0 or all ones: then the size tells. */
static size_t
count_facets(const uint8_t *data, size_t size)
{
    size_t promised = read_u32(data + 80), held = (size - HEADER) / FACET;
    bool unknown = promised == 0 || promised == UINT32_MAX;
    return unknown ? held : promised;
}

/* Its count was left open, and whole facets follow. */
static bool
is_uncounted(const uint8_t *data, size_t size)
{
    uint32_t promised = read_u32(data + 80);
    return size > HEADER && (size - HEADER) % FACET == 0 &&
           (promised == 0 || promised == UINT32_MAX);
}

static bool
says_solid(const uint8_t *data, size_t size)
{
    OrfCursor cursor = { (const char *)data, (const char *)data + MIN(size, 4096) };
    orf_cursor_space(&cursor);
    return cursor.end - cursor.at > 5 && !g_ascii_strncasecmp(cursor.at, "solid", 5);
}

/* ASCII files reach their first facet, or the end, soon. */
static bool
reads_like_text(const uint8_t *data, size_t size)
{
    size_t n = MIN(size, 4096);
    return says_solid(data, size) && !memchr(data, 0, n) &&
           (g_strstr_len((const char *)data, (gssize)n, "facet") ||
            g_strstr_len((const char *)data, (gssize)n, "FACET") ||
            g_strstr_len((const char *)data, (gssize)n, "endsolid"));
}

static bool
is_binary(const uint8_t *data, size_t size)
{
    if (size >= HEADER && promised_size(data) == size)
        return true;
    return size >= HEADER && !reads_like_text(data, size);
}

static bool
sniff(const uint8_t *data, size_t size)
{
    return (size >= HEADER && (promised_size(data) == size || is_uncounted(data, size))) ||
           reads_like_text(data, size);
}

/* --- Load --------------------------------------------------------------------------------- */

/* `n` facets were read; those that lost a corner are not among the triangles any more. */
static OrfAsset *
finish(OrfAssetDraft *draft, OrfPoints *points, size_t n, GError **error)
{
    if (draft->triangles.n < n)
        orf_task_note(draft->task, "%s: %zu of %zu facets have no area and were left out",
                      draft->options->name, n - draft->triangles.n, n);
    draft->positions = points->found;
    points->found = (OrfVec){ 0 };
    return orf_asset_draft_finish(draft, ORF_SEAMS_AS_IS, error);
}

/* Corners, three a triangle, to indices; a triangle that collapses is left out. */
static bool
add_triangles(OrfAssetDraft *draft, OrfPoints *points, const float (*corners)[3], size_t n,
              GError **error)
{
    uint32_t *triangles = orf_asset_draft_triangles(draft, n, error);
    if (!triangles || !orf_points_add(points, corners, 3 * n, triangles, error))
        return false;
    size_t kept = 0;
    for (size_t i = 0; i < n; i++) {
        const uint32_t *t = triangles + 3 * i;
        if (t[0] != t[1] && t[1] != t[2] && t[2] != t[0])
            memmove(triangles + 3 * kept++, t, 3 * sizeof *t);
    }
    draft->triangles.n -= n - kept;
    return true;
}

/* Corners of `n` facets, without those that have a coordinate that is no finite number; how
 * many are left. */
static size_t
read_corners(const uint8_t *facet, size_t n, float (*ret)[3])
{
    size_t kept = 0;
    for (size_t i = 0; i < n; i++, facet += FACET) {
        bool finite = true;
        for (size_t k = 0; k < 3; k++) {
            float p[3];
            memcpy(p, facet + 12 + 12 * k, sizeof p);
            finite &= orf_finite3(p);
            orf_from_z_up(p, ret[3 * kept + k]);
        }
        kept += finite;
    }
    return kept;
}

static bool
tell_left_out(const OrfAssetDraft *draft, size_t left_out, size_t n, GError **error)
{
    if (left_out == n && n > 0)
        return ORF_FALSE(
            error, BAD_INPUT,
            "%s: no facet has coordinates that are finite numbers; export it again",
            draft->options->name);
    if (left_out > 0)
        orf_task_note(draft->task,
                      "%s: %zu of %zu facets have a coordinate that is not a finite number and "
                      "were left out",
                      draft->options->name, left_out, n);
    return true;
}

/* Two bytes after each facet: no meaning in the format, colours to some programs, in two ways
 * that contradict each other. */
static void
note_colors(OrfAssetDraft *draft, const uint8_t *data, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const uint8_t *after = data + HEADER + FACET * i + FACET - 2;
        if (after[0] || after[1]) {
            orf_task_note(draft->task,
                          "%s: has colours of facets in a private way; they were left out",
                          draft->options->name);
            return;
        }
    }
}

static OrfAsset *
load_binary(OrfAssetDraft *draft, OrfPoints *points, const uint8_t *data, size_t size,
            GError **error)
{
    const char *name = draft->options->name;
    size_t n = count_facets(data, size), held = (size - HEADER) / FACET;
    if (n != read_u32(data + 80))
        orf_task_note(draft->task,
                      "%s: the header counts %u triangles, %zu are there and were read", name,
                      read_u32(data + 80), n);
    if (n > held)
        return ORF_FAIL(error, BAD_INPUT,
                        "%s: the header promises %zu triangles but the file holds %zu; "
                        "it is cut short or not STL, export it again",
                        name, n, held);
    if (HEADER + FACET * n < size)
        orf_task_note(draft->task, "%s: bytes after the last triangle were ignored", name);
    orf_autofree float(*corners)[3] =
        orf_task_alloc(draft->task, 3 * BATCH, (sizeof *corners), "corners", error);
    if (!corners)
        return NULL;
    size_t left_out = 0;
    for (size_t i = 0; i < n; i += BATCH) {
        size_t count = MIN(BATCH, n - i);
        if (!orf_task_check(draft->task, error))
            return NULL;
        size_t kept = read_corners(data + HEADER + FACET * i, count, corners);
        left_out += count - kept;
        if (kept && !add_triangles(draft, points, (const float(*)[3])corners, kept, error))
            return NULL;
        orf_task_progress(draft->task, (double)(i + count) / (double)n);
    }
    if (!tell_left_out(draft, left_out, n, error))
        return NULL;
    note_colors(draft, data, n);
    return finish(draft, points, n - left_out, error);
}

/* --- Load ASCII: only "vertex" and "endloop" matter, the other words are passed over ------ */

typedef struct {
    OrfAssetDraft *draft;
    OrfPoints *points;
    const char *text;
    float corners[BATCH * 3][3];
    size_t n;    /* corners gathered */
    size_t loop; /* corners of the open facet */
    size_t facets;
} Ascii;

static bool
fail_ascii(const Ascii *ascii, const char *at, const char *what, GError **error)
{
    return ORF_FALSE(error, BAD_INPUT, "%s: line %zu: %s; export it again",
                     ascii->draft->options->name, orf_line_number(ascii->text, at), what);
}

static bool
read_vertex(Ascii *ascii, OrfCursor *cursor, GError **error)
{
    double value[3];
    const char *at = cursor->at;
    if (ascii->loop == 3)
        return fail_ascii(ascii, at, "a facet with more than three corners", error);
    for (unsigned c = 0; c < 3; c++)
        if (!orf_cursor_number(cursor, &value[c]))
            return fail_ascii(ascii, at, "three numbers must follow 'vertex'", error);
    float p[3] = { (float)value[0], (float)value[1], (float)value[2] };
    if (!orf_finite3(p))
        return fail_ascii(ascii, at, "a coordinate is not a finite number", error);
    orf_from_z_up(p, ascii->corners[ascii->n + ascii->loop++]);
    return true;
}

static bool
flush(Ascii *ascii, GError **error)
{
    size_t n = ascii->n / 3;
    ascii->n = 0;
    return orf_task_check(ascii->draft->task, error) &&
           add_triangles(ascii->draft, ascii->points, (const float(*)[3])ascii->corners, n,
                         error);
}

static bool
end_loop(Ascii *ascii, const char *at, GError **error)
{
    if (ascii->loop != 3)
        return fail_ascii(ascii, at, "a facet with fewer than three corners", error);
    ascii->n += 3;
    ascii->facets++;
    ascii->loop = 0;
    return ascii->n < BATCH * 3 || flush(ascii, error);
}

static bool
read_ascii(Ascii *ascii, OrfCursor cursor, GError **error)
{
    while (orf_cursor_space(&cursor), cursor.at < cursor.end) {
        OrfCursor word = orf_cursor_word(&cursor);
        size_t n = (size_t)(word.end - word.at);
        char first = (char)(*word.at | 0x20);
        if (n == 6 && first == 'v' && !g_ascii_strncasecmp(word.at, "vertex", 6)) {
            if (!read_vertex(ascii, &cursor, error))
                return false;
        } else if (n == 7 && first == 'e' && !g_ascii_strncasecmp(word.at, "endloop", 7)) {
            if (!end_loop(ascii, word.at, error))
                return false;
        } else if (first == 's' || first == 'f' || (first == 'e' && n == 8)) {
            orf_cursor_next_line(&cursor); /* names and normals */
        } else if (first != 'o' && first != 'l' && first != 'e') {
            return fail_ascii(ascii, word.at, "unknown word in ASCII STL", error);
        }
    }
    if (ascii->loop)
        return fail_ascii(ascii, cursor.end, "the file ends within a facet", error);
    return flush(ascii, error);
}

static OrfAsset *
load_ascii(OrfAssetDraft *draft, OrfPoints *points, GBytes *bytes, GError **error)
{
    size_t size;
    g_autoptr(GBytes) lines = orf_text_lines(draft->task, bytes, error);
    if (!lines)
        return NULL;
    const char *text = g_bytes_get_data(lines, &size);
    orf_autofree Ascii *ascii = ORF_ALLOC(draft->task, Ascii, 1, "corners", error);
    if (!ascii)
        return NULL;
    ascii->draft = draft;
    ascii->points = points;
    ascii->text = text;
    if (!read_ascii(ascii, (OrfCursor){ text, text + size }, error))
        return NULL;
    return finish(draft, points, ascii->facets, error);
}

static OrfAsset *
load(OrfTask *task, GBytes *bytes, const OrfLoad *options, GError **error)
{
    size_t size;
    const uint8_t *data = g_bytes_get_data(bytes, &size);
    g_auto(OrfAssetDraft) draft;
    g_auto(OrfPoints) points;
    orf_asset_draft_init(&draft, task, options);
    orf_points_init(&points, task);
    if (is_binary(data, size))
        return load_binary(&draft, &points, data, size, error);
    if (says_solid(data, size))
        return load_ascii(&draft, &points, bytes, error);
    return ORF_FAIL(error, BAD_INPUT,
                    "%s: %zu bytes are too few for an STL file; export it again", options->name,
                    size);
}

/* --- Save --------------------------------------------------------------------------------- */

typedef struct {
    const float *positions;
    const uint32_t *triangles;
    uint8_t *facets;
} Save;

/* Corners with Z up and the unit normal (0 when the triangle has no area). */
static void
facet_of(const Save *save, size_t i, float ret[4][3])
{
    for (unsigned k = 0; k < 3; k++)
        orf_to_z_up(save->positions + 3 * (size_t)save->triangles[3 * i + k], ret[1 + k]);
    double u[3], v[3];
    for (unsigned c = 0; c < 3; c++) {
        u[c] = (double)ret[2][c] - (double)ret[1][c];
        v[c] = (double)ret[3][c] - (double)ret[1][c];
    }
    double n[] = { u[1] * v[2] - u[2] * v[1], u[2] * v[0] - u[0] * v[2],
                   u[0] * v[1] - u[1] * v[0] };
    double length = sqrt(n[0] * n[0] + n[1] * n[1] + n[2] * n[2]);
    for (unsigned c = 0; c < 3; c++)
        ret[0][c] = length > 0 ? (float)(n[c] / length) : 0;
}

static void
write_facets(size_t begin, size_t end, void *data)
{
    const Save *save = data;
    for (size_t i = begin; i < end; i++) {
        float facet[4][3];
        facet_of(save, i, facet);
        memcpy(save->facets + FACET * i, facet, sizeof facet);
    }
}

static GBytes *
save_binary(OrfTask *task, const OrfMesh *mesh, GError **error)
{
    size_t n = orf_mesh_n_triangles(mesh);
    orf_autofree uint8_t *file =
        ORF_ALLOC(task, uint8_t, HEADER + FACET * n, "STL file", error);
    if (!file)
        return NULL;
    g_snprintf((char *)file, 80, "ORFEAS " ORF_VERSION ", binary STL, millimetres, Z up");
    uint32_t count = (uint32_t)n;
    memcpy(file + 80, &count, sizeof count);
    Save save = { orf_mesh_positions(mesh), orf_mesh_triangles(mesh), file + HEADER };
    if (!orf_task_parallel(task, n, BATCH, write_facets, &save)) {
        orf_task_check(task, error);
        return NULL;
    }
    return orf_bytes_take(g_steal_pointer(&file), HEADER + FACET * n);
}

static char *
put_vector(char *at, const char *word, const float p[3])
{
    at = orf_put_text(at, word);
    for (unsigned c = 0; c < 3; c++) {
        *at++ = ' ';
        at = orf_put_float(at, p[c]);
    }
    *at++ = '\n';
    return at;
}

#define ASCII_FACET (12 * (ORF_FLOAT_TEXT + 1) + 128)

static char *
put_facet(char *at, const float facet[4][3])
{
    at = put_vector(at, "facet normal", facet[0]);
    at = orf_put_text(at, " outer loop\n");
    for (unsigned k = 1; k <= 3; k++)
        at = put_vector(at, "  vertex", facet[k]);
    return orf_put_text(at, " endloop\nendfacet\n");
}

static GBytes *
save_ascii(OrfTask *task, const OrfMesh *mesh, GError **error)
{
    g_auto(OrfText) text;
    orf_text_init(&text, task);
    Save save = { orf_mesh_positions(mesh), orf_mesh_triangles(mesh), NULL };
    if (!orf_text_add(&text, error, "solid ORFEAS\n"))
        return NULL;
    for (size_t i = 0; i < orf_mesh_n_triangles(mesh); i++) {
        char *at = orf_text_room(&text, ASCII_FACET, error);
        if (!at || (i % BATCH == 0 && !orf_task_check(task, error)))
            return NULL;
        float facet[4][3];
        facet_of(&save, i, facet);
        orf_text_end(&text, put_facet(at, (const float(*)[3])facet));
    }
    if (!orf_text_add(&text, error, "endsolid ORFEAS\n"))
        return NULL;
    return orf_text_steal(&text);
}

/* One plain colour is that of the plastic: nothing is lost with it. */
static bool
has_colors(const OrfAsset *asset)
{
    bool any = orf_mesh_colors(orf_asset_mesh(asset));
    const float *first = orf_asset_material(asset, 0)->base_color;
    for (size_t i = 0; i < orf_asset_n_materials(asset) && !any; i++) {
        const OrfMaterial *material = orf_asset_material(asset, i);
        any = material->texture || memcmp(material->base_color, first, 3 * sizeof *first) != 0;
    }
    return any;
}

static GPtrArray *
save(OrfTask *task, const OrfAsset *asset, const OrfSave *options, GError **error)
{
    const OrfMesh *mesh = orf_asset_mesh(asset);
    if (has_colors(asset))
        orf_task_note(task, "stl: it keeps no colours; 3mf, glb and obj do");
    GBytes *bytes =
        options->text ? save_ascii(task, mesh, error) : save_binary(task, mesh, error);
    if (!bytes)
        return NULL;
    GPtrArray *files = orf_files_new();
    orf_files_add_take(files, g_strconcat(options->stem, ".stl", NULL), bytes);
    return files;
}

const OrfFormat orf_format_stl = {
    .name = "stl",
    .title = "STL, binary or ASCII",
    .use = "any slicer",
    .mime = "model/stl",
    .extensions = "stl",
    .variants = "text",
    .sniff = sniff,
    .load = load,
    .save = save,
};
