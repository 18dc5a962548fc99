/* torch-zip.c - the zip archive around a PyTorch checkpoint: records that are stored, never
 * compressed.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * The central directory is the truth and the local headers must agree: names, sizes where they
 * tell any, no overlap, nothing before the first record, nothing after the end record. Because
 * only stored members are taken, no zip bomb can be built. */
#include "tensor/tensor-priv.h"

#include <stdlib.h>
#include <string.h>

enum { END_SIZE = 22, CENTRAL_SIZE = 46, LOCAL_SIZE = 30, LOCATOR_SIZE = 20, END64_SIZE = 56 };

typedef struct {
    uint64_t count, begin, end; /* central records, and where they lie */
} Directory;

typedef struct {
    uint64_t begin, end; /* local header to the last data byte */
} Span;

typedef struct {
    OrfReader *reader;
    GHashTable *records; /* name below the top folder to OrfRecord */
    char *top;           /* the one top folder */
    OrfVec spans;
} Archive;

/* --- The end of the file ------------------------------------------------------------------ */

static bool
magic_at(const OrfReader *reader, uint64_t at, uint64_t size, const char magic[4])
{
    return at <= reader->size && size <= reader->size - at &&
           memcmp(reader->bytes + at, magic, 4) == 0;
}

/* The end record whose comment reaches exactly the end of the file. */
static bool
find_end(const OrfReader *reader, uint64_t *ret_at, GError **error)
{
    for (uint64_t back = END_SIZE; back <= reader->size && back <= END_SIZE + 65535; back++) {
        uint64_t at = reader->size - back;
        if (magic_at(reader, at, END_SIZE, "PK\5\6") &&
            orf_le16(reader->bytes + at + 20) == back - END_SIZE) {
            *ret_at = at;
            return true;
        }
    }
    return ORF_REFUSE(reader, reader->size, error,
                      "a zip archive without its end; it is cut off, fetch it again");
}

static bool
read_end64(const OrfReader *reader, uint64_t locator, Directory *directory, GError **error)
{
    const uint8_t *at = reader->bytes + locator;
    uint64_t end64 = orf_le64(at + 8);
    if (orf_le32(at + 4) != 0 || orf_le32(at + 16) > 1 ||
        !magic_at(reader, end64, END64_SIZE, "PK\6\6") || end64 > locator - END64_SIZE)
        return ORF_REFUSE(reader, locator, error, "a ZIP64 locator that points nowhere");
    const uint8_t *end = reader->bytes + end64;
    if (orf_le64(end + 4) != locator - end64 - 12)
        return ORF_REFUSE(reader, end64, error, "a ZIP64 end record of a wrong size");
    uint64_t count = orf_le64(end + 32), size = orf_le64(end + 40), begin = orf_le64(end + 48);
    bool agrees = (directory->count == 0xffff || directory->count == count) &&
                  (directory->begin == 0xffffffff || directory->begin == begin) &&
                  (directory->end == 0xffffffff || directory->end == size);
    if (!agrees || orf_le64(end + 24) != count || orf_le32(end + 16) || orf_le32(end + 20))
        return ORF_REFUSE(reader, end64, error, "two end records that disagree");
    *directory = (Directory){ count, begin, end64 };
    if (begin > end64 || size != end64 - begin)
        return ORF_REFUSE(reader, end64, error, "a central directory of a wrong size");
    return true;
}

static bool
find_directory(const OrfReader *reader, Directory *ret, GError **error)
{
    uint64_t end;
    if (!find_end(reader, &end, error))
        return false;
    const uint8_t *at = reader->bytes + end;
    if (orf_le16(at + 4) || orf_le16(at + 6) || orf_le16(at + 8) != orf_le16(at + 10))
        return ORF_REFUSE(reader, end, error, "an archive of several disks");
    *ret = (Directory){ orf_le16(at + 10), orf_le32(at + 16), orf_le32(at + 12) };
    if (end >= LOCATOR_SIZE && magic_at(reader, end - LOCATOR_SIZE, LOCATOR_SIZE, "PK\6\7"))
        return read_end64(reader, end - LOCATOR_SIZE, ret, error);
    if (ret->begin > end || ret->end != end - ret->begin)
        return ORF_REFUSE(reader, end, error, "a central directory of a wrong size");
    ret->end = end;
    return true;
}

/* --- One record --------------------------------------------------------------------------- */

typedef struct {
    const uint8_t *at; /* its central record */
    uint64_t place, packed, size, local;
    const char *name;
    size_t name_length;
    uint32_t crc;
} Member;

/* Values that did not fit 32 bits, in the order size, packed, local. */
static bool
read_zip64(const uint8_t *extra, size_t length, Member *member)
{
    for (size_t i = 0; i + 4 <= length;) {
        size_t id = orf_le16(extra + i), size = orf_le16(extra + i + 2), at = i + 4;
        if (size > length - at)
            return false;
        i = at + size;
        if (id != 1)
            continue;
        uint64_t *fields[] = { &member->size, &member->packed, &member->local };
        for (int f = 0; f < 3; f++) {
            if (*fields[f] != 0xffffffff)
                continue;
            if (at + 8 > i)
                return false;
            *fields[f] = orf_le64(extra + at);
            at += 8;
        }
        return true;
    }
    return member->size != 0xffffffff && member->packed != 0xffffffff &&
           member->local != 0xffffffff;
}

static bool
read_central(const OrfReader *reader, uint64_t *place, uint64_t end, Member *ret,
             GError **error)
{
    if (end - *place < CENTRAL_SIZE || !magic_at(reader, *place, CENTRAL_SIZE, "PK\1\2"))
        return ORF_REFUSE(reader, *place, error, "a central record expected");
    const uint8_t *at = reader->bytes + *place;
    size_t name = orf_le16(at + 28), extra = orf_le16(at + 30), comment = orf_le16(at + 32);
    if (name + extra + comment > end - *place - CENTRAL_SIZE)
        return ORF_REFUSE(reader, *place, error, "a central record that reaches too far");
    *ret = (Member){ .at = at,
                     .place = *place,
                     .packed = orf_le32(at + 20),
                     .size = orf_le32(at + 24),
                     .local = orf_le32(at + 42),
                     .crc = orf_le32(at + 16),
                     .name = (const char *)at + CENTRAL_SIZE,
                     .name_length = name };
    if (!read_zip64(at + CENTRAL_SIZE + name, extra, ret))
        return ORF_REFUSE(reader, *place, error, "sizes missing from the ZIP64 field");
    *place += CENTRAL_SIZE + name + extra + comment;
    return true;
}

static bool
check_plain(const OrfReader *reader, const Member *member, GError **error)
{
    unsigned flags = orf_le16(member->at + 8), method = orf_le16(member->at + 10);
    if (flags & 1)
        return ORF_REFUSE(reader, member->place, error, "an encrypted record");
    if (method != 0)
        return ORF_REFUSE(reader, member->place, error,
                          "a compressed record; re-save the file as safetensors");
    if (flags & ~0x0808u || member->packed != member->size || orf_le16(member->at + 34))
        return ORF_REFUSE(reader, member->place, error, "an unusual record");
    return true;
}

/* The local header agrees; tells where the data lies. */
static bool
check_local(const OrfReader *reader, const Member *member, uint64_t limit, uint64_t *ret_data,
            GError **error)
{
    uint64_t local = member->local;
    if (local >= limit || limit - local < LOCAL_SIZE ||
        !magic_at(reader, local, LOCAL_SIZE, "PK\3\4"))
        return ORF_REFUSE(reader, member->place, error, "a record whose header is not there");
    const uint8_t *at = reader->bytes + local;
    size_t name = orf_le16(at + 26), extra = orf_le16(at + 28);
    uint64_t data = local + LOCAL_SIZE + name + extra;
    if (data > limit || member->size > limit - data)
        return ORF_REFUSE(reader, local, error, "a record that reaches too far");
    if (name != member->name_length || memcmp(at + LOCAL_SIZE, member->name, name) != 0)
        return ORF_REFUSE(reader, local, error, "a record with two names");
    bool later = orf_le16(at + 6) & 8; /* sizes follow the data */
    uint32_t packed = orf_le32(at + 18), size = orf_le32(at + 22);
    bool told = packed != 0xffffffff && size != 0xffffffff && (!later || packed || size);
    if (orf_le16(at + 8) != 0 || (orf_le16(at + 6) & ~0x0808u) ||
        (told && (packed != member->size || size != member->size)))
        return ORF_REFUSE(reader, local, error, "two headers of a record that disagree");
    *ret_data = data;
    return true;
}

static uint32_t
crc32_of(const uint8_t *bytes, uint64_t size)
{
    uint32_t table[256], crc = 0xffffffff;
    for (uint32_t i = 0; i < 256; i++) {
        table[i] = i;
        for (int bit = 0; bit < 8; bit++)
            table[i] = table[i] >> 1 ^ (table[i] & 1 ? 0xedb88320 : 0);
    }
    for (uint64_t i = 0; i < size; i++)
        crc = crc >> 8 ^ table[(crc ^ bytes[i]) & 0xff];
    return ~crc;
}

/* "top/rest" with plain components; the same top for all. Tells rest. */
static bool
split_name(Archive *archive, const Member *member, char **ret_rest, GError **error)
{
    const OrfReader *reader = archive->reader;
    if (!orf_reader_name_ok(member->name, member->name_length) ||
        memchr(member->name, '\\', member->name_length))
        return ORF_REFUSE(reader, member->place, error, "a record whose name cannot be one");
    g_autofree char *name = g_strndup(member->name, member->name_length);
    g_auto(GStrv) parts = g_strsplit(name, "/", -1);
    for (size_t i = 0; parts[i]; i++)
        if (!*parts[i] || g_str_equal(parts[i], ".") || g_str_equal(parts[i], ".."))
            return ORF_REFUSE(reader, member->place, error, "a record whose name is a path");
    if (!parts[0] || !parts[1])
        return ORF_REFUSE(reader, member->place, error, "a record outside of the top folder");
    if (!archive->top)
        archive->top = g_strdup(parts[0]);
    if (!g_str_equal(archive->top, parts[0]))
        return ORF_REFUSE(reader, member->place, error, "two top folders");
    *ret_rest = g_strdup(name + strlen(parts[0]) + 1);
    return true;
}

static bool
add_record(Archive *archive, const Member *member, uint64_t limit, GError **error)
{
    OrfReader *reader = archive->reader;
    uint64_t data;
    g_autofree char *rest = NULL;
    if (!check_plain(reader, member, error) ||
        !check_local(reader, member, limit, &data, error) ||
        !split_name(archive, member, &rest, error))
        return false;
    if (g_hash_table_contains(archive->records, rest))
        return ORF_REFUSE(reader, member->place, error, "two records of one name");
    if (reader->options->check && crc32_of(reader->bytes + data, member->size) != member->crc)
        return ORF_REFUSE(
            reader, data, error,
            "a record with a wrong checksum; the file is damaged, fetch it again");
    Span *span = orf_vec_add(reader->task, &archive->spans, 1, "table of records", error);
    if (!span)
        return false;
    *span = (Span){ member->local, data + member->size };
    OrfRecord *record = g_new(OrfRecord, 1);
    *record = (OrfRecord){ data, member->size, -1, 0 };
    g_hash_table_insert(archive->records, g_steal_pointer(&rest), record);
    return true;
}

/* --- The whole archive -------------------------------------------------------------------- */

static int
by_begin(const void *a, const void *b)
{
    const Span *x = a, *y = b;
    return (x->begin > y->begin) - (x->begin < y->begin);
}

static bool
check_spans(Archive *archive, GError **error)
{
    Span *spans = archive->spans.data;
    size_t n = archive->spans.n;
    if (!n)
        return ORF_REFUSE(archive->reader, 0, error, "an empty archive");
    qsort(spans, n, sizeof *spans, by_begin);
    if (spans[0].begin != 0)
        return ORF_REFUSE(archive->reader, 0, error, "something before the first record");
    for (size_t i = 1; i < n; i++)
        if (spans[i].begin < spans[i - 1].end)
            return ORF_REFUSE(archive->reader, spans[i].begin, error, "records that overlap");
    return true;
}

static bool
read_records(Archive *archive, GError **error)
{
    Directory directory;
    if (!find_directory(archive->reader, &directory, error))
        return false;
    if (directory.count > ORF_MAX_TENSORS + 16)
        return ORF_REFUSE(archive->reader, directory.begin, error, "too many records");
    uint64_t place = directory.begin;
    for (uint64_t i = 0; i < directory.count; i++) {
        Member member;
        if (!read_central(archive->reader, &place, directory.end, &member, error) ||
            !add_record(archive, &member, directory.begin, error))
            return false;
    }
    if (place != directory.end)
        return ORF_REFUSE(archive->reader, place, error, "more central records than counted");
    return check_spans(archive, error);
}

/* A small record holds exactly this text, white space at its end aside. */
static bool
record_is(const Archive *archive, const char *name, const char *text, bool required,
          GError **error)
{
    const OrfRecord *record = g_hash_table_lookup(archive->records, name);
    if (!record && !required)
        return true;
    if (record && record->size <= 32) {
        g_autofree char *is =
            g_strndup((const char *)archive->reader->bytes + record->begin, record->size);
        if (g_str_equal(g_strchomp(is), text))
            return true;
    }
    return ORF_REFUSE(archive->reader, record ? record->begin : 0, error,
                      "record \"%s\" should say \"%s\"", name, text);
}

static OrfRecord *
find_data(const char *key, void *data)
{
    const Archive *archive = data;
    g_autofree char *name = g_strconcat("data/", key, NULL);
    return g_hash_table_lookup(archive->records, name);
}

static bool
read_archive(Archive *archive, GError **error)
{
    if (!read_records(archive, error) || !record_is(archive, "version", "3", true, error) ||
        !record_is(archive, "byteorder", "little", false, error))
        return false;
    const OrfRecord *pickle = g_hash_table_lookup(archive->records, "data.pkl");
    if (!pickle)
        return ORF_REFUSE(archive->reader, 0, error,
                          "a zip archive, but no PyTorch checkpoint: data.pkl is missing");
    return orf_read_pickle(archive->reader, pickle->begin, pickle->size, find_data, archive,
                           error);
}

bool
orf_read_torch(OrfReader *reader, GError **error)
{
    Archive archive = {
        .reader = reader,
        .records = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free),
        .spans = { .item = sizeof(Span) },
    };
    bool good = read_archive(&archive, error);
    g_hash_table_unref(archive.records);
    orf_vec_clear(&archive.spans);
    g_free(archive.top);
    return good;
}
