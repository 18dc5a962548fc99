/* net-pull.c - orfeas net pull: fetches the files of a published net, asked for and agreed to.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * The hub lists the files of a repository with size and digest; those a net needs go below a
 * ".part" name first, go on where an earlier try ended, are compared with size and digest, and
 * only then get their name. A mirror is not trusted any more than the hub: what it lists
 * decides names and sizes, so both are checked and bounded. */
#include "cli/cli.h"
#include "cli/net-pull.h"

#include <curl/curl.h>
#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <jansson.h>
#include <string.h>
#include <unistd.h>

#define HUB "https://huggingface.co"
enum { MOST_LISTING = 4 << 20, MOST_FILES = 64, SLOW_BYTES = 1024, SLOW_SECONDS = 30 };
static const uint64_t MOST_SIZE = (uint64_t)64 << 30; /* of a net */

/* --- What can be fetched ------------------------------------------------------------------ */

typedef struct {
    const char *name;    /* also of its folder */
    const char *repo;    /* on the hub */
    const char *folders; /* of the repository, with "|" between; "": its root */
    const char *files;   /* of each, with "|" between */
    const char *licence, *territory;
} Source;

#define TENCENT "Tencent Hunyuan community licence"
#define VOID "void in the European Union, the United Kingdom and South Korea"
#define BUNDLE "config.yaml|model.fp16.safetensors"

static const Source sources[] = {
    { "hunyuan3d-2", "tencent/Hunyuan3D-2", "hunyuan3d-dit-v2-0", BUNDLE, TENCENT, VOID },
    { "hunyuan3d-2-turbo", "tencent/Hunyuan3D-2", "hunyuan3d-dit-v2-0-turbo", BUNDLE, TENCENT,
      VOID },
    { "hunyuan3d-2mini", "tencent/Hunyuan3D-2mini", "hunyuan3d-dit-v2-mini", BUNDLE, TENCENT,
      VOID },
    { "hunyuan3d-2mini-turbo", "tencent/Hunyuan3D-2mini", "hunyuan3d-dit-v2-mini-turbo", BUNDLE,
      TENCENT, VOID },
    { "hunyuan3d-2mv", "tencent/Hunyuan3D-2mv", "hunyuan3d-dit-v2-mv", BUNDLE, TENCENT, VOID },
    { "hunyuan3d-2.1", "tencent/Hunyuan3D-2.1", "hunyuan3d-dit-v2-1|hunyuan3d-vae-v2-1",
      "config.yaml|model.fp16.ckpt", TENCENT, VOID },
    { "triposr", "stabilityai/TripoSR", "", "config.yaml|model.ckpt", "MIT", "" },
    { "triposg", "VAST-AI/TripoSG",
      "transformer|vae|image_encoder_dinov2|feature_extractor_dinov2|scheduler",
      "config.json|diffusion_pytorch_model.safetensors|model.safetensors|"
      "preprocessor_config.json|scheduler_config.json",
      "MIT", "" },
};

void
orf_net_pull_list(void)
{
    g_print("To be fetched with \"orfeas net pull NAME\":\n");
    for (size_t i = 0; i < G_N_ELEMENTS(sources); i++)
        g_print("  %-22s %s; %s%s%s\n", sources[i].name, sources[i].repo, sources[i].licence,
                *sources[i].territory ? "; " : "", sources[i].territory);
}

static const Source *
source_by_name(const char *name, GError **error)
{
    for (size_t i = 0; i < G_N_ELEMENTS(sources); i++)
        if (g_str_equal(sources[i].name, name))
            return &sources[i];
    return ORF_FAIL(error, NOT_FOUND, "no net \"%s\"; \"orfeas net list\" names them", name);
}

/* --- One answer of a server --------------------------------------------------------------- */

typedef struct {
    OrfTask *task;
    CURL *curl;
    const char *base;   /* URL without a slash at its end */
    uint64_t done, all; /* bytes of files that are there; of all files */
} Hub;

/* "https" stays so through every redirection; a mirror may be plain. */
static void
prepare(const Hub *hub, const char *url, char *why)
{
    bool safe = g_str_has_prefix(hub->base, "https:");
    curl_easy_reset(hub->curl);
    curl_easy_setopt(hub->curl, CURLOPT_URL, url);
    curl_easy_setopt(hub->curl, CURLOPT_PROTOCOLS_STR, safe ? "https" : "http,https");
    curl_easy_setopt(hub->curl, CURLOPT_REDIR_PROTOCOLS_STR, safe ? "https" : "http,https");
    curl_easy_setopt(hub->curl, CURLOPT_FOLLOWLOCATION, 1L);
    curl_easy_setopt(hub->curl, CURLOPT_MAXREDIRS, 5L);
    curl_easy_setopt(hub->curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(hub->curl, CURLOPT_CONNECTTIMEOUT, 20L);
    curl_easy_setopt(hub->curl, CURLOPT_LOW_SPEED_LIMIT, (long)SLOW_BYTES);
    curl_easy_setopt(hub->curl, CURLOPT_LOW_SPEED_TIME, (long)SLOW_SECONDS);
    curl_easy_setopt(hub->curl, CURLOPT_USERAGENT, "orfeas/" ORF_VERSION);
    curl_easy_setopt(hub->curl, CURLOPT_ERRORBUFFER, why);
    *why = '\0';
}

static bool
fail_status(long status, const char *url, GError **error)
{
    if (status == 401 || status == 403)
        return ORF_FALSE(error, DENIED,
                         "%s: the server wants you to agree to the licence on its page first "
                         "(status %ld); fetch the files there and put them into a net folder",
                         url, status);
    if (status == 404)
        return ORF_FALSE(error, NOT_FOUND, "%s: is not there", url);
    return ORF_FALSE(error, UNAVAILABLE, "%s: the server says %ld; try again later", url,
                     status);
}

static size_t
take_listing(char *data, size_t size, size_t n, void *user)
{
    GString *to = user;
    if (to->len + size * n > MOST_LISTING)
        return 0;
    g_string_append_len(to, data, (gssize)(size * n));
    return size * n;
}

static json_t *
fetch_listing(const Hub *hub, const Source *source, GError **error)
{
    char why[CURL_ERROR_SIZE];
    g_autofree char *url =
        g_strdup_printf("%s/api/models/%s/tree/main?recursive=1", hub->base, source->repo);
    g_autoptr(GString) text = g_string_new(NULL);
    prepare(hub, url, why);
    curl_easy_setopt(hub->curl, CURLOPT_WRITEFUNCTION, take_listing);
    curl_easy_setopt(hub->curl, CURLOPT_WRITEDATA, text);
    CURLcode code = curl_easy_perform(hub->curl);
    long status = 0;
    curl_easy_getinfo(hub->curl, CURLINFO_RESPONSE_CODE, &status);
    if (code != CURLE_OK)
        return ORF_FAIL(error, UNAVAILABLE, "%s: %s", url,
                        *why ? why : curl_easy_strerror(code));
    if (status != 200) {
        fail_status(status, url, error);
        return NULL;
    }
    json_t *list = json_loadb(text->str, text->len, JSON_REJECT_DUPLICATES, NULL);
    if (json_is_array(list))
        return list;
    json_decref(list);
    return ORF_FAIL(error, UNAVAILABLE, "%s: the answer is no list of files", url);
}

/* --- The files ---------------------------------------------------------------------------- */

typedef struct {
    char *path; /* in the repository: folders of known names and one file */
    uint64_t size;
    char sha256[ORF_DIGEST_SIZE]; /* "": the hub tells none of small files */
} File;

static void
file_free(void *data)
{
    File *file = data;
    g_free(file->path);
    g_free(file);
}

static bool
is_wanted(const Source *source, const char *path)
{
    g_auto(GStrv) folders = g_strsplit(source->folders, "|", -1);
    g_auto(GStrv) files = g_strsplit(source->files, "|", -1);
    g_autofree char *folder = g_path_get_dirname(path);
    g_autofree char *name = g_path_get_basename(path);
    bool root = !*source->folders && g_str_equal(folder, ".");
    return (root || g_strv_contains((const char *const *)folders, folder)) &&
           g_strv_contains((const char *const *)files, name);
}

static bool
is_digest(const char *text)
{
    return text && strlen(text) == ORF_DIGEST_SIZE - 1 &&
           strspn(text, "0123456789abcdef") == ORF_DIGEST_SIZE - 1;
}

static bool
add_file(const json_t *row, const char *path, GPtrArray *files, GError **error)
{
    const json_t *lfs = json_object_get(row, "lfs");
    const char *digest = json_string_value(json_object_get(lfs, "oid"));
    json_int_t size = json_integer_value(json_object_get(lfs ? lfs : row, "size"));
    if (size <= 0 || (uint64_t)size > MOST_SIZE || (lfs && !is_digest(digest)))
        return ORF_FALSE(error, UNAVAILABLE,
                         "%s: the list of files gives it no size, or no digest", path);
    File *file = g_new0(File, 1);
    file->path = g_strdup(path);
    file->size = (uint64_t)size;
    g_strlcpy(file->sha256, lfs ? digest : "", sizeof file->sha256);
    g_ptr_array_add(files, file);
    return true;
}

/* Of a listing; names are compared with those that are known, so none can lead elsewhere. */
static GPtrArray *
files_of(const json_t *list, const Source *source, GError **error)
{
    g_autoptr(GPtrArray) files = g_ptr_array_new_with_free_func(file_free);
    size_t i;
    json_t *row;
    json_array_foreach(list, i, row)
    {
        const char *path = json_string_value(json_object_get(row, "path"));
        if (path && is_wanted(source, path) && files->len < MOST_FILES &&
            !add_file(row, path, files, error))
            return NULL;
    }
    if (!files->len)
        return ORF_FAIL(error, NOT_FOUND, "%s has none of the files of %s", source->repo,
                        source->name);
    return g_steal_pointer(&files);
}

static uint64_t
total(const GPtrArray *files)
{
    uint64_t sum = 0;
    for (guint i = 0; i < files->len; i++)
        sum += ((const File *)files->pdata[i])->size;
    return sum;
}

/* --- One file ----------------------------------------------------------------------------- */

typedef struct {
    const Hub *hub;
    const File *file;
    int fd;
    uint64_t begin, at; /* where this answer was asked to begin; bytes on disk */
    bool refused;       /* more came than was listed */
    bool judged;        /* the status was looked at */
    long status;
    int disk; /* errno of a write that failed */
} Download;

/* A server without ranges answers from the start: what is there goes. */
static bool
judge(Download *down)
{
    curl_easy_getinfo(down->hub->curl, CURLINFO_RESPONSE_CODE, &down->status);
    down->judged = true;
    if (down->status == 200 && down->begin) {
        down->at = 0;
        if (ftruncate(down->fd, 0) != 0 || lseek(down->fd, 0, SEEK_SET) != 0)
            return false;
    }
    return down->status == 200 || down->status == 206;
}

static size_t
take_bytes(char *data, size_t size, size_t n, void *user)
{
    Download *down = user;
    size_t left = size * n;
    if (!down->judged && !judge(down))
        return 0;
    if (down->at + left > down->file->size) {
        down->refused = true;
        return 0;
    }
    while (left) {
        ssize_t done = write(down->fd, data, left);
        if (done < 0 && errno != EINTR) {
            down->disk = errno;
            return 0;
        }
        done = MAX(done, 0);
        data += done;
        left -= (size_t)done;
        down->at += (uint64_t)done;
    }
    return size * n;
}

static int
on_progress(void *user, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
    Download *down = user;
    (void)a, (void)b, (void)c, (void)d;
    const Hub *hub = down->hub;
    orf_task_progress(hub->task, (double)(hub->done + down->at) / (double)hub->all);
    return orf_task_cancelled(down->hub->task);
}

static bool
explain(const Download *down, CURLcode code, const char *url, const char *why, GError **error)
{
    if (orf_task_cancelled(down->hub->task))
        return orf_task_check(down->hub->task, error);
    if (down->disk)
        return ORF_FALSE(error, UNAVAILABLE, "%s cannot be written: %s", down->file->path,
                         g_strerror(down->disk));
    if (down->refused)
        return ORF_FALSE(error, UNAVAILABLE,
                         "%s: more bytes came than its list of files says; nothing was kept",
                         url);
    if (down->judged && down->status != 200 && down->status != 206)
        return fail_status(down->status, url, error);
    return ORF_FALSE(error, UNAVAILABLE,
                     "%s: %s after %" G_GUINT64_FORMAT " of %" G_GUINT64_FORMAT
                     " bytes; the same command goes on from there",
                     url, *why ? why : curl_easy_strerror(code), down->at, down->file->size);
}

static bool
receive(Download *down, const char *url, GError **error)
{
    char why[CURL_ERROR_SIZE];
    prepare(down->hub, url, why);
    CURL *curl = down->hub->curl;
    g_autofree char *range = g_strdup_printf("%" G_GUINT64_FORMAT "-", down->begin);
    if (down->begin)
        curl_easy_setopt(curl, CURLOPT_RANGE, range);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_bytes);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, down);
    curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, on_progress);
    curl_easy_setopt(curl, CURLOPT_XFERINFODATA, down);
    CURLcode code = curl_easy_perform(curl);
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &down->status);
    bool answered = down->status == 200 || down->status == 206;
    down->judged = down->judged || down->status >= 400;
    if (code == CURLE_OK && answered && down->at == down->file->size)
        return true;
    if (code == CURLE_OK && answered)
        code = CURLE_PARTIAL_FILE;
    return explain(down, code, url, why, error);
}

static bool
digest_of(const char *path, char ret_hex[ORF_DIGEST_SIZE])
{
    enum { PIECE = 1 << 20 };
    g_autofree char *piece = g_malloc(PIECE);
    g_autoptr(OrfDigester) digester = orf_digester_new();
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : 0;
    while (fd >= 0 && (n = read(fd, piece, PIECE)) > 0)
        orf_digester_add(digester, piece, (size_t)n);
    if (fd >= 0)
        close(fd);
    orf_digester_end(digester, ret_hex);
    return n == 0;
}

/* Size and digest are right, or the file goes. */
static bool
verify(const File *file, const char *part, GError **error)
{
    char hex[ORF_DIGEST_SIZE];
    if (!*file->sha256)
        return true;
    if (!digest_of(part, hex))
        return ORF_FALSE(error, UNAVAILABLE, "%s cannot be read again: %s", part,
                         g_strerror(errno));
    if (g_str_equal(hex, file->sha256))
        return true;
    g_unlink(part);
    return ORF_FALSE(
        error, UNAVAILABLE,
        "%s: its digest is %.12s…, the list of files says %.12s…: the bytes are not "
        "those that were published, nothing was kept; try another server",
        file->path, hex, file->sha256);
}

static bool
download(const Hub *hub, const Source *source, const File *file, const char *part,
         GError **error)
{
    g_autofree char *url =
        g_strdup_printf("%s/%s/resolve/main/%s", hub->base, source->repo, file->path);
    int fd = open(part, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    if (fd < 0)
        return ORF_FALSE(error, UNAVAILABLE, "%s cannot be written: %s", part,
                         g_strerror(errno));
    off_t there = lseek(fd, 0, SEEK_END);
    if (there < 0 || (uint64_t)there > file->size) {
        there = ftruncate(fd, 0);
        lseek(fd, 0, SEEK_SET);
    }
    Download down = { .hub = hub, .file = file, .fd = fd };
    down.begin = down.at = (uint64_t)MAX(there, 0);
    bool good = down.at == file->size || receive(&down, url, error);
    if (good && fsync(fd) != 0)
        good = ORF_FALSE(error, UNAVAILABLE, "%s: %s", part, g_strerror(errno));
    close(fd);
    if (down.refused)
        g_unlink(part);
    return good;
}

static bool
is_there(const File *file, const char *path)
{
    GStatBuf about;
    char hex[ORF_DIGEST_SIZE];
    if (g_stat(path, &about) != 0 || (uint64_t)about.st_size != file->size)
        return false;
    return !*file->sha256 || (digest_of(path, hex) && g_str_equal(hex, file->sha256));
}

static bool
pull_file(const Hub *hub, const Source *source, const File *file, const char *folder,
          GError **error)
{
    g_autofree char *path = g_build_filename(folder, file->path, NULL);
    g_autofree char *part = g_strconcat(path, ".part", NULL);
    g_autofree char *parent = g_path_get_dirname(path);
    if (is_there(file, path))
        return true;
    if (g_mkdir_with_parents(parent, 0755) != 0)
        return ORF_FALSE(error, UNAVAILABLE, "%s cannot be made: %s", parent,
                         g_strerror(errno));
    if (!download(hub, source, file, part, error) || !verify(file, part, error))
        return false;
    if (g_rename(part, path) != 0)
        return ORF_FALSE(error, UNAVAILABLE, "%s: %s", path, g_strerror(errno));
    return true;
}

/* --- The whole ---------------------------------------------------------------------------- */

/* Only a person at a terminal can say yes without --yes. */
static bool
agreed(const Source *source, const GPtrArray *files, const OrfNetPull *how, GError **error)
{
    g_printerr("%s, from %s/%s: %u files, %.2f GB\n", source->name, how->from, source->repo,
               files->len, (double)total(files) / 1e9);
    g_printerr("licence: %s%s%s\n", source->licence, *source->territory ? "; " : "",
               source->territory);
    if (how->yes)
        return true;
    char answer[8] = "";
    if (!isatty(STDIN_FILENO))
        return ORF_FALSE(error, DENIED, "say that you agree to that licence: add --yes");
    g_printerr("Fetch it under that licence? [y/N] ");
    if (fgets(answer, sizeof answer, stdin) && g_ascii_tolower(answer[0]) == 'y')
        return true;
    return ORF_FALSE(error, CANCELLED, "nothing was fetched");
}

static bool
pull_all(Hub *hub, const Source *source, const GPtrArray *files, const char *folder,
         GError **error)
{
    hub->all = total(files);
    for (guint i = 0; i < files->len; i++) {
        const File *file = files->pdata[i];
        if (!pull_file(hub, source, file, folder, error))
            return false;
        hub->done += file->size;
    }
    return true;
}

bool
orf_net_pull(OrfTask *task, const char *name, const OrfNetPull *how, GError **error)
{
    const Source *source = source_by_name(name, error);
    if (!source)
        return false;
    const char *slash = how->from ? how->from + strlen(how->from) : NULL;
    while (slash && slash > how->from && slash[-1] == '/')
        slash--;
    g_autofree char *base =
        how->from ? g_strndup(how->from, (size_t)(slash - how->from)) : g_strdup(HUB);
    if (!g_str_has_prefix(base, "https://") && !g_str_has_prefix(base, "http://"))
        return ORF_FALSE(error, BAD_INPUT, "--from %s: give a URL that begins with https://",
                         base);
    Hub hub = { .task = task, .curl = curl_easy_init(), .base = base };
    json_t *list = hub.curl ? fetch_listing(&hub, source, error) : NULL;
    g_autoptr(GPtrArray) files = list ? files_of(list, source, error) : NULL;
    json_decref(list);
    OrfNetPull told = { .from = base, .yes = how->yes, .folder = how->folder };
    g_autofree char *folder = g_build_filename(how->folder, source->name, NULL);
    bool good = files && agreed(source, files, &told, error) &&
                pull_all(&hub, source, files, folder, error);
    if (good)
        g_print("%s\n", folder);
    curl_easy_cleanup(hub.curl);
    return good;
}
