/* format-priv.h - what the formats share: drafts of assets, text in and out, equal points.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ORF_FORMAT_PRIV_H
#define ORF_FORMAT_PRIV_H

#include "format/format.h"

/* A main file lists each file that it brings after this word: its name, its SHA-256. */
#define ORF_WROTE "orfeas-wrote "

#define ORF_DECLARE_FORMAT(name) extern const OrfFormat orf_format_##name;
ORF_FORMATS(ORF_DECLARE_FORMAT, ORF_DECLARE_FORMAT)

/* --- Axes: print formats have Z up. Swaps and signs only, so it is exact ------------------ */

static inline void
orf_to_z_up(const float p[3], float ret[3])
{
    float x = p[0], y = p[1], z = p[2];
    ret[0] = x, ret[1] = -z, ret[2] = y;
}

static inline void
orf_from_z_up(const float p[3], float ret[3])
{
    float x = p[0], y = p[1], z = p[2];
    ret[0] = x, ret[1] = z, ret[2] = -y;
}

static inline bool
orf_finite3(const float p[3])
{
    return p[0] - p[0] + (p[1] - p[1]) + (p[2] - p[2]) == 0;
}

/* --- Draft: an asset while it is read: draft.c. One thread at a time ---------------------- */

#define ORF_NO_UV UINT32_MAX

typedef enum {
    ORF_SEAMS_AS_IS,
    ORF_SEAMS_IF_CLOSES, /* equal points are joined only when that closes the mesh */
    ORF_SEAMS_JOIN,      /* equal points are joined unless the mesh is closed already */
} OrfSeams;

typedef struct {
    OrfTask *task;
    const OrfLoad *options; /* never NULL; its name neither */
    OrfVec positions;       /* float[3] */
    OrfVec colors;          /* uint8_t[4]; may be shorter than positions: the rest is white */
    OrfVec triangles;       /* uint32_t[3] */
    OrfVec uvs;             /* float[2] */
    OrfVec uv_triangles;    /* uint32_t[3], may hold ORF_NO_UV; may be shorter than triangles */
    OrfVec groups;          /* uint16_t; may be shorter than triangles: the rest is 0 */
    OrfVec sources;         /* uint32_t: vertex each is a copy of; ignored unless complete */
    GArray *materials;      /* OrfMaterial */
    bool metres, moved;     /* parts that were plain metres; parts that were something else */
} OrfAssetDraft;

void orf_asset_draft_init(OrfAssetDraft *draft, OrfTask *task, const OrfLoad *options);
void orf_asset_draft_clear(OrfAssetDraft *draft);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(OrfAssetDraft, orf_asset_draft_clear)

/* Each adds room for n and gives the first; NULL: over the budget. */
float *orf_asset_draft_positions(OrfAssetDraft *draft, size_t n, GError **error);
uint32_t *orf_asset_draft_triangles(OrfAssetDraft *draft, size_t n, GError **error);
float *orf_asset_draft_uvs(OrfAssetDraft *draft, size_t n, GError **error);
/* Fill what was left out so far: then the next entry belongs to the next vertex or triangle. */
uint8_t *orf_asset_draft_colors(OrfAssetDraft *draft, size_t n, GError **error);
uint32_t *orf_asset_draft_uv_triangles(OrfAssetDraft *draft, size_t n, GError **error);
bool orf_asset_draft_groups(OrfAssetDraft *draft, size_t n, size_t group, GError **error);

/* A polygon of n vertices with uv indices (or NULL) as triangles of `group`. */
bool orf_asset_draft_polygon(OrfAssetDraft *draft, const uint32_t *corners, const uint32_t *uvs,
                             size_t n, size_t group, GError **error);

/* Adds a plain material; borrowed until the next is added. At most 65535, else NULL. */
OrfMaterial *orf_asset_draft_material(OrfAssetDraft *draft, const char *name, GError **error);
/* Decodes a picture for `material`. One that cannot be read is left out with a note; false only
 * when the task is cancelled or its memory spent. */
bool orf_asset_draft_picture(OrfAssetDraft *draft, OrfMaterial *material, GBytes *bytes,
                             const char *name, GError **error);
/* The file that ours names, or NULL with a note; names that leave the folder are not looked up.
 */
GBytes *orf_asset_draft_sibling(OrfAssetDraft *draft, const char *name);

/* Gives vertices that were split for normals and uvs one index again: seams.c. */
bool orf_asset_draft_join_seams(OrfAssetDraft *draft, OrfSeams seams, GError **error);
/* Every edge is used an even number of times (by a 64-bit checksum). */
bool orf_edges_even(const uint32_t *triangles, size_t n_triangles);

/* Empties the draft. Errors: BAD_INPUT: nothing in it, bad index, not finite. */
OrfAsset *orf_asset_draft_finish(OrfAssetDraft *draft, OrfSeams seams, GError **error);

/* --- Text in: text.c ---------------------------------------------------------------------- */

#define ORF_UTF8_MARK "\xef\xbb\xbf"

/* The text with one kind of line end: the lone carriage returns of old Macs become line feeds,
 * and a byte-order mark is left out. A reference, or a copy where something changed. */
GBytes *orf_text_lines(OrfTask *task, GBytes *bytes, GError **error);

/* A place in text of known length. */
typedef struct {
    const char *at, *end;
} OrfCursor;

static inline void
orf_cursor_blanks(OrfCursor *cursor) /* within the line */
{
    while (cursor->at < cursor->end &&
           (*cursor->at == ' ' || *cursor->at == '\t' || *cursor->at == '\r'))
        cursor->at++;
}
void orf_cursor_space(OrfCursor *cursor); /* line ends too */
void orf_cursor_next_line(OrfCursor *cursor);
/* The next word, without blanks; length 0 at the end of the line. Borrowed from the text. */
OrfCursor orf_cursor_word(OrfCursor *cursor);
/* The rest of the line without blanks at both ends. Caller owns. */
char *orf_cursor_rest(OrfCursor *cursor);
bool orf_word_is(OrfCursor word, const char *text);
/* Blanks, then a decimal number ("nan", "inf" too), correctly rounded; false: there is none. */
bool orf_cursor_number(OrfCursor *cursor, double *ret);
bool orf_cursor_integer(OrfCursor *cursor, int64_t *ret);
/* For messages, 1 is first. */
size_t orf_line_number(const char *text, const char *at);

/* --- Text out: text.c --------------------------------------------------------------------- */

#define ORF_FLOAT_TEXT 16

/* The shortest text that reads back as the same float; returns its end. At most ORF_FLOAT_TEXT
 * bytes, no NUL. */
char *orf_put_float(char *at, float value);
char *orf_put_uint(char *at, uint32_t value); /* at most 10 bytes */
char *orf_put_text(char *at, const char *text);

typedef struct {
    OrfTask *task;
    OrfVec bytes; /* char */
} OrfText;

void orf_text_init(OrfText *text, OrfTask *task);
void orf_text_clear(OrfText *text);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(OrfText, orf_text_clear)
/* Room for n bytes; write there, then say with orf_text_end where it ends. */
char *orf_text_room(OrfText *text, size_t n, GError **error);
void orf_text_end(OrfText *text, const char *end);
bool orf_text_add(OrfText *text, GError **error, const char *format, ...) G_GNUC_PRINTF(3, 4);
GBytes *orf_text_steal(OrfText *text);

/* A stem for files that are named inside others, where readers split at blanks. Caller owns. */
char *orf_plain_stem(const char *stem);

/* --- Bytes out: format.c ------------------------------------------------------------------ */

/* The block (from orf_task_alloc) as bytes; taken. */
GBytes *orf_bytes_take(void *block, size_t size);
/* The picture of a material as PNG or JPEG bytes (WebP too when `webp`): as given when it can
 * be. */
GBytes *
orf_picture_bytes(OrfTask *task, const OrfMaterial *material, bool webp, GError **error);
/* "png", "jpg" or "webp" by content; NULL: none of them. Static. */
const char *orf_picture_type(GBytes *bytes);

#endif
