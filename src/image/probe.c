/* probe.c - which format is it, how large does it say it is, may we decode it?
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * One table of formats. We sniff ourselves and call the named loader, so no file ever reaches a
 * loader that is not listed; all others of libvips are blocked, those it does not trust among
 * them, and all limits are checked on the header alone. SVG has no loader here: it goes to
 * svg.c. */
#include "image-priv.h"

#include <string.h>

#define MOST_FRAMES 4096 /* libvips stops counting those of a GIF one later */
#define MOST_SVG_BYTES (16u << 20)

/* --- Sniffing ----------------------------------------------------------------------------- */

static bool
starts_with(const uint8_t *data, size_t size, const char *magic, size_t n)
{
    return size >= n && memcmp(data, magic, n) == 0;
}
#define STARTS(magic) starts_with(data, size, magic, sizeof magic - 1)

static bool
is_jpeg(const uint8_t *data, size_t size)
{
    return STARTS("\xff\xd8\xff");
}

static bool
is_png(const uint8_t *data, size_t size)
{
    return STARTS("\x89PNG\r\n\x1a\n");
}

static bool
is_webp(const uint8_t *data, size_t size)
{
    return STARTS("RIFF") && size >= 12 && memcmp(data + 8, "WEBP", 4) == 0;
}

static bool
is_tiff(const uint8_t *data, size_t size)
{
    return STARTS("II*\0") || STARTS("MM\0*") || STARTS("II+\0") || STARTS("MM\0+");
}

static bool
is_gif(const uint8_t *data, size_t size)
{
    return STARTS("GIF87a") || STARTS("GIF89a");
}

static bool
is_svg(const uint8_t *data, size_t size)
{
    if (STARTS("\xef\xbb\xbf")) {
        data += 3;
        size -= 3;
    }
    while (size && g_ascii_isspace(*data)) {
        data++;
        size--;
    }
    const char *text = (const char *)data;
    gssize most = (gssize)MIN(size, 8192);
    return size && *data == '<' &&
           (g_strstr_len(text, most, "<svg") || g_strstr_len(text, most, ":svg"));
}

static bool
is_heif(const uint8_t *data, size_t size)
{
    static const char brands[][5] = { "heic", "heix", "hevc", "heim", "heis",
                                      "mif1", "msf1", "avif", "avis" };
    if (size < 12 || memcmp(data + 4, "ftyp", 4) != 0)
        return false;
    for (size_t i = 0; i < G_N_ELEMENTS(brands); i++)
        if (memcmp(data + 8, brands[i], 4) == 0)
            return true;
    return false;
}

/* --- Opening: the header is read, pixels come later --------------------------------------- */

/* A decoder may work for seconds inside one call (all scans of a progressive JPEG), so JPEG and
 * PNG read through this: for a cancelled task, reading fails. */
typedef struct {
    const OrfTask *task;
    const uint8_t *data;
    int64_t size, at;
    const uint8_t *more; /* bytes that are read after those of the file */
    int64_t n_more;
} Reader;

static uint8_t
byte_at(const Reader *reader, int64_t at)
{
    return at < reader->size ? reader->data[at] : reader->more[at - reader->size];
}

static gint64
on_read(VipsSourceCustom *source, void *buffer, gint64 length, Reader *reader)
{
    (void)source;
    if (orf_task_cancelled(reader->task))
        return -1;
    int64_t whole = MIN(length, MAX(reader->size - reader->at, 0)), n = whole;
    memcpy(buffer, reader->data + MIN(reader->at, reader->size), (size_t)whole);
    for (; n < length && reader->at + n < reader->size + reader->n_more; n++)
        ((uint8_t *)buffer)[n] = byte_at(reader, reader->at + n);
    reader->at += n;
    return n;
}

static gint64
on_seek(VipsSourceCustom *source, gint64 offset, int whence, Reader *reader)
{
    (void)source;
    int64_t size = reader->size + reader->n_more;
    int64_t from = whence == SEEK_SET ? 0 : whence == SEEK_CUR ? reader->at : size;
    if (offset < -from || offset > size - from)
        return -1;
    return reader->at = from + offset;
}

static void
free_reader(gpointer reader, GClosure *closure)
{
    (void)closure;
    g_free(reader);
}

static VipsSource *
new_source(const void *data, size_t size, const void *more, size_t n_more, const OrfTask *task)
{
    Reader *reader = g_new0(Reader, 1);
    *reader = (Reader){ .task = task,
                        .data = data,
                        .size = (int64_t)size,
                        .more = more,
                        .n_more = (int64_t)n_more };
    VipsSourceCustom *source = vips_source_custom_new();
    g_signal_connect(source, "seek", G_CALLBACK(on_seek), reader);
    g_signal_connect_data(source, "read", G_CALLBACK(on_read), reader, free_reader, 0);
    return VIPS_SOURCE(source);
}

#define ACCESS "access", VIPS_ACCESS_SEQUENTIAL
#define STRICT "fail_on", VIPS_FAIL_ON_TRUNCATED

/* After the last scan begins, FF D9 is the end marker and nothing else. */
static bool
has_end(const uint8_t *data, size_t size)
{
    for (size_t i = size; i >= 2; i--)
        if (data[i - 2] == 0xff && (data[i - 1] == 0xd9 || data[i - 1] == 0xda))
            return data[i - 1] == 0xd9;
    return false;
}

/* Some writers forget the last two bytes. They are added, and then any complaint of the decoder
 * counts: pixels that are missing must not become grey. */
static int
open_jpeg(void *data, size_t size, VipsImage **ret_image, const OrfImageOpen *how)
{
    static const uint8_t end[] = { 0xff, 0xd9 };
    bool whole = has_end(data, size);
    size_t half = size && ((const uint8_t *)data)[size - 1] == 0xff; /* one byte is there */
    g_autoptr(OrfVipsSource) source =
        new_source(data, size, end + half, whole ? 0 : 2 - half, how->task);
    VipsFailOn fail = whole ? VIPS_FAIL_ON_TRUNCATED : VIPS_FAIL_ON_WARNING;
    return vips_jpegload_source(source, ret_image, "shrink", (int)how->shrink, ACCESS,
                                "fail_on", fail, NULL);
}

static int
open_png(void *data, size_t size, VipsImage **ret_image, const OrfImageOpen *how)
{
    g_autoptr(OrfVipsSource) source = new_source(data, size, NULL, 0, how->task);
    return vips_pngload_source(source, ret_image, ACCESS, STRICT, NULL);
}

static int
open_webp(void *data, size_t size, VipsImage **ret_image, const OrfImageOpen *how)
{
    return vips_webpload_buffer(data, size, ret_image, "scale", 1 / how->shrink, "page",
                                (int)how->frame, ACCESS, STRICT, NULL);
}

static int
open_tiff(void *data, size_t size, VipsImage **ret_image, const OrfImageOpen *how)
{
    (void)how;
    return vips_tiffload_buffer(data, size, ret_image, ACCESS, STRICT, NULL);
}

static int
open_gif(void *data, size_t size, VipsImage **ret_image, const OrfImageOpen *how)
{
    return vips_gifload_buffer(data, size, ret_image, "page", (int)how->frame, ACCESS, STRICT,
                               NULL);
}

static int
open_heif(void *data, size_t size, VipsImage **ret_image, const OrfImageOpen *how)
{
    (void)how;
    return vips_heifload_buffer(data, size, ret_image, ACCESS, STRICT, NULL);
}

static const OrfImageFormat formats[] = {
    { "jpeg", "JPEG", "jpegload_source", "VipsForeignLoadJpeg", is_jpeg, open_jpeg, false, 0 },
    { "png", "PNG", "pngload_source", "VipsForeignLoadPng", is_png, open_png, false, 0 },
    { "webp", "WebP", "webpload_buffer", "VipsForeignLoadWebp", is_webp, open_webp, true, 0 },
    { "tiff", "TIFF", "tiffload_buffer", "VipsForeignLoadTiff", is_tiff, open_tiff, false, 0 },
    { "gif", "GIF", "gifload_buffer", "VipsForeignLoadNsgif", is_gif, open_gif, false, 0 },
    { "svg", "SVG", NULL, NULL, is_svg, NULL, true, MOST_SVG_BYTES },
    { "heif", "HEIC or AVIF", "heifload_buffer", "VipsForeignLoadHeif", is_heif, open_heif,
      false, 0 },
};

/* What people hand in by mistake: a message that names it helps more than "unknown format". */
static const struct {
    const char *magic, *title, *remedy;
} others[] = {
    { "BM", "a BMP picture", "save it as PNG" },
    { "%PDF", "a PDF document", "export the page as PNG or SVG" },
    { "8BPS", "a Photoshop document", "export it as PNG" },
    { "\x1f\x8b", "a gzip file", "unpack it first" },
    { "PK\x03\x04", "a ZIP container", "unpack it first" },
    { "glTF", "a 3D model", "give a picture, or use `orfeas mesh`" },
    { "solid", "a 3D model", "give a picture, or use `orfeas mesh`" },
    { "ply\n", "a 3D model", "give a picture, or use `orfeas mesh`" },
    { "\xff\x0a", "a JPEG XL picture", "save it as PNG" },
    { "qoif", "a QOI picture", "save it as PNG" },
};

static void *
fail_unknown(const uint8_t *data, size_t size, const char *name, GError **error)
{
    for (size_t i = 0; i < G_N_ELEMENTS(others); i++)
        if (starts_with(data, size, others[i].magic, strlen(others[i].magic)))
            return ORF_FAIL(error, UNSUPPORTED, "%s: this is %s; %s", name, others[i].title,
                            others[i].remedy);
    return ORF_FAIL(error, UNSUPPORTED,
                    "%s: not a picture format that is known here; "
                    "give a JPEG, PNG, WebP, TIFF, GIF, SVG, HEIC or AVIF",
                    name);
}

static bool
check_bytes(const OrfImageFormat *format, size_t size, const char *name, GError **error)
{
    size_t most = format->most_bytes ? format->most_bytes : ORF_IMAGE_MAX_BYTES;
    if (size > most)
        return ORF_FALSE(error, TOO_LARGE,
                         "%s: the %s has %zu bytes, at most %zu are read; make it smaller",
                         name, format->title, size, most);
    if (format->open && !vips_type_find("VipsOperation", format->operation))
        return ORF_FALSE(error, UNSUPPORTED,
                         "%s: libvips on this machine cannot read %s; save it as PNG or JPEG",
                         name, format->title);
    return true;
}

const OrfImageFormat *
orf_image_sniff(GBytes *bytes, const char *name, GError **error)
{
    size_t size;
    const uint8_t *data = g_bytes_get_data(bytes, &size);
    if (!size)
        return ORF_FAIL(error, BAD_INPUT, "%s: the file is empty; give a picture", name);
    for (size_t i = 0; i < G_N_ELEMENTS(formats); i++)
        if (formats[i].sniff(data, size))
            return check_bytes(&formats[i], size, name, error) ? &formats[i] : NULL;
    return fail_unknown(data, size, name, error);
}

/* --- libvips ------------------------------------------------------------------------------ */

/* What goes wrong comes back as an error; its chatter is dropped. */
static void
drop(const char *domain, GLogLevelFlags level, const char *text, void *unused)
{
    (void)domain, (void)level, (void)text, (void)unused;
}

static bool
start_vips(GError **error)
{
    g_log_set_handler(
        "VIPS", G_LOG_LEVEL_WARNING | G_LOG_LEVEL_MESSAGE | G_LOG_LEVEL_INFO | G_LOG_FLAG_FATAL,
        drop, NULL);
    if (vips_init("orfeas") != 0)
        return ORF_FAIL(error, UNAVAILABLE, "libvips does not start: %s; reinstall libvips42",
                        vips_error_buffer());
    vips_cache_set_max(0);
    vips_cache_set_max_mem(0);
    vips_concurrency_set(1);
    vips_block_untrusted_set(TRUE);
    vips_operation_block_set("VipsForeignLoad", TRUE);
    for (size_t i = 0; i < G_N_ELEMENTS(formats); i++)
        if (formats[i].open)
            vips_operation_block_set(formats[i].loader, FALSE);
    return true;
}

bool
orf_image_init(GError **error)
{
    static gsize started; /* guards libvips' own process-wide start */
    if (g_once_init_enter(&started)) {
        bool ok = start_vips(error);
        g_once_init_leave(&started, ok ? 1 : 2);
        return ok;
    }
    if (started == 1)
        return true;
    return ORF_FALSE(error, UNAVAILABLE, "libvips did not start; reinstall libvips42");
}

void *
orf_image_fail_vips(const char *name, const char *title, GError **error)
{
    vips_error_clear();
    return ORF_FAIL(error, BAD_INPUT, "%s: the %s is damaged or cut short; export it again",
                    name, title);
}

/* --- Limits and facts --------------------------------------------------------------------- */

/* libvips' own getter takes 10000 and more for a mistake and says 1. */
int
orf_image_frames(VipsImage *header)
{
    int frames = 1;
    if (!vips_image_get_typeof(header, VIPS_META_N_PAGES) ||
        vips_image_get_int(header, VIPS_META_N_PAGES, &frames) != 0)
        return 1;
    return frames;
}

static bool
check_header(const OrfImageFormat *format, VipsImage *image, const char *name, GError **error)
{
    int64_t width = vips_image_get_width(image), height = vips_image_get_height(image);
    if (width < 1 || height < 1)
        return ORF_FALSE(error, BAD_INPUT, "%s: the %s has no pixels; export it again", name,
                         format->title);
    if (vips_band_format_iscomplex(vips_image_get_format(image)))
        return ORF_FALSE(error, UNSUPPORTED,
                         "%s: complex numbers are no picture; save it as PNG", name);
    if (orf_image_frames(image) > MOST_FRAMES)
        return ORF_FALSE(error, TOO_LARGE, "%s: more than %d frames; save one of them as PNG",
                         name, MOST_FRAMES);
    if ((width > ORF_IMAGE_MAX_SIDE || height > ORF_IMAGE_MAX_SIDE ||
         width * height > ORF_IMAGE_MAX_PIXELS))
        return ORF_FALSE(
            error, TOO_LARGE,
            "%s: %" G_GINT64_FORMAT " x %" G_GINT64_FORMAT
            " pixels, at most 64 megapixels and %u a side are read; make it smaller",
            name, width, height, ORF_IMAGE_MAX_SIDE);
    return true;
}

VipsImage *
orf_image_open(const OrfImageFormat *format, GBytes *bytes, const char *name,
               const OrfImageOpen *how, GError **error)
{
    size_t size;
    void *data = (void *)g_bytes_get_data(bytes, &size); /* libvips only reads it */
    g_autoptr(OrfVips) image = NULL;
    vips_error_clear(); /* what earlier files left */
    if (format->open(data, size, &image, how) != 0)
        return orf_task_check(how->task, error)
                   ? orf_image_fail_vips(name, format->title, error)
                   : NULL;
    if (!check_header(format, image, name, error))
        return NULL;
    return g_steal_pointer(&image);
}

static bool
has_text(VipsImage *image, const char *field)
{
    const char *text;
    return vips_image_get_typeof(image, field) &&
           vips_image_get_string(image, field, &text) == 0 && *text &&
           !g_str_has_prefix(text, " (");
}

/* EXIF numbers come as text: "35 (35, Short, 1 components, 2 bytes)". */
static double
exif_number(VipsImage *image, const char *field)
{
    const char *text;
    if (!vips_image_get_typeof(image, field) || vips_image_get_string(image, field, &text) != 0)
        return 0;
    double value = g_ascii_strtod(text, NULL);
    return value > 0 && value < 1e5 ? value : 0;
}

static bool
is_grey(VipsImage *image)
{
    VipsInterpretation meaning = vips_image_guess_interpretation(image);
    return meaning == VIPS_INTERPRETATION_B_W || meaning == VIPS_INTERPRETATION_GREY16 ||
           vips_image_get_bands(image) < 3;
}

bool
orf_image_is_data(VipsImage *header)
{
    VipsBandFormat format = vips_image_get_format(header);
    if (format == VIPS_FORMAT_UCHAR || format == VIPS_FORMAT_USHORT)
        return false;
    VipsInterpretation space = vips_image_get_interpretation(header);
    return space != VIPS_INTERPRETATION_LAB && space != VIPS_INTERPRETATION_LABS &&
           space != VIPS_INTERPRETATION_XYZ;
}

void
orf_image_describe(const OrfImageFormat *format, VipsImage *header, OrfImageInfo *ret_info)
{
    int orientation = vips_image_get_orientation(header);
    unsigned width = (unsigned)vips_image_get_width(header);
    unsigned height = (unsigned)vips_image_get_height(header);
    size_t bytes = vips_format_sizeof(vips_image_get_format(header));
    bool alpha = vips_image_hasalpha(header) && !orf_image_is_data(header);
    *ret_info = (OrfImageInfo){
        .width = orientation >= 5 ? height : width,
        .height = orientation >= 5 ? width : height,
        .channels = (is_grey(header) ? 1 : 3) + alpha,
        .bits = bytes == 1   ? 8
                : bytes == 2 ? 16
                             : 32,
        .has_alpha = alpha,
        .camera = has_text(header, "exif-ifd0-Make") || has_text(header, "exif-ifd0-Model"),
        .focal_35mm = exif_number(header, "exif-ifd2-FocalLengthIn35mmFilm"),
        .format = format->name,
    };
}

#define ENOUGH 12 /* bytes that every format shows itself in, save SVG */

bool
orf_image_probe_head(const void *head, size_t size, const char *name, GError **error)
{
    const uint8_t *data = head;
    if (size < ENOUGH || *data == '<' || g_ascii_isspace(*data) || STARTS("\xef\xbb\xbf"))
        return true;
    for (size_t i = 0; i < G_N_ELEMENTS(formats); i++)
        if (formats[i].sniff(data, size))
            return true;
    return fail_unknown(data, size, name, error);
}

bool
orf_image_probe(GBytes *bytes, const char *name, OrfImageInfo *ret_info, GError **error)
{
    if (!orf_image_init(error))
        return false;
    const OrfImageFormat *format = orf_image_sniff(bytes, name, error);
    if (!format)
        return false;
    if (!format->open)
        return orf_image_probe_svg(bytes, name, ret_info, error);
    OrfImageOpen how = { .shrink = 1 };
    g_autoptr(OrfVips) header = orf_image_open(format, bytes, name, &how, error);
    if (!header)
        return false;
    orf_image_describe(format, header, ret_info);
    return true;
}
