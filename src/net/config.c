/* config.c - the small part of YAML that published configurations use, and JSON.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Everything becomes one table of dotted paths and scalars. A line of YAML is "key: value" or
 * "key:" with a deeper block below; the path is the stack of keys whose indent is smaller.
 * List items only occur where nobody looks, and are passed over. */
#include "net/config.h"

#include <string.h>

enum { MAX_DEPTH = 16, MAX_SIZE = 1 << 20 };

struct OrfConfig {
    GHashTable *values; /* path to text */
};

static OrfConfig *
config_new(void)
{
    OrfConfig *config = g_new0(OrfConfig, 1);
    config->values = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    return config;
}

void
orf_config_free(OrfConfig *config)
{
    if (!config)
        return;
    g_hash_table_unref(config->values);
    g_free(config);
}

/* --- YAML --------------------------------------------------------------------------------- */

typedef struct {
    size_t indent;
    char *path;
} Level;

typedef struct {
    OrfConfig *config;
    GHashTable *anchors;
    Level levels[MAX_DEPTH];
    size_t depth;
} Yaml;

/* Cuts a comment: a # at the start or after a space, outside of quotes. */
static void
cut_comment(char *line)
{
    char quote = 0;
    for (char *at = line; *at; at++) {
        if (quote)
            quote = *at == quote ? 0 : quote;
        else if (*at == '\'' || *at == '"')
            quote = *at;
        else if (*at == '#' && (at == line || at[-1] == ' ')) {
            *at = '\0';
            return;
        }
    }
}

static char *
unquoted(const char *text)
{
    size_t n = strlen(text);
    bool quoted = n >= 2 && (*text == '\'' || *text == '"') && text[n - 1] == *text;
    return quoted ? g_strndup(text + 1, n - 2) : g_strdup(text);
}

/* "&name value" remembers, "*name" recalls. */
static char *
scalar_of(Yaml *yaml, char *text)
{
    if (*text == '*') {
        const char *known = g_hash_table_lookup(yaml->anchors, text + 1);
        return g_strdup(known ? known : "");
    }
    if (*text != '&')
        return unquoted(text);
    char *space = strchr(text, ' ');
    if (!space)
        return g_strdup("");
    char *value = unquoted(g_strstrip(space + 1));
    *space = '\0';
    g_hash_table_insert(yaml->anchors, g_strdup(text + 1), g_strdup(value));
    return value;
}

static void
leave_levels(Yaml *yaml, size_t indent)
{
    while (yaml->depth && yaml->levels[yaml->depth - 1].indent >= indent)
        g_free(yaml->levels[--yaml->depth].path);
}

static bool
read_line(Yaml *yaml, char *line, const char *name, size_t number, GError **error)
{
    cut_comment(line);
    g_strchomp(line);
    size_t indent = strspn(line, " ");
    char *text = line + indent;
    if (!*text || *text == '-' || strchr("[]{}", *text))
        return true;
    char *colon = strstr(text, ": ");
    if (!colon && g_str_has_suffix(text, ":"))
        colon = text + strlen(text) - 1;
    if (!colon)
        return ORF_FALSE(error, BAD_INPUT, "%s: line %zu: \"key: value\" expected", name,
                         number);
    *colon = '\0';
    leave_levels(yaml, indent);
    const char *above = yaml->depth ? yaml->levels[yaml->depth - 1].path : NULL;
    g_autofree char *key = unquoted(text);
    g_autofree char *path = above ? g_strconcat(above, ".", key, NULL) : g_strdup(key);
    char *value = g_strstrip(colon + 1);
    if (*value) {
        g_hash_table_insert(yaml->config->values, g_steal_pointer(&path),
                            scalar_of(yaml, value));
        return true;
    }
    if (yaml->depth == MAX_DEPTH)
        return ORF_FALSE(error, BAD_INPUT, "%s: line %zu: nested too deep", name, number);
    yaml->levels[yaml->depth++] = (Level){ indent, g_steal_pointer(&path) };
    return true;
}

static bool
read_yaml(OrfConfig *config, const char *text, const char *name, GError **error)
{
    Yaml yaml = { .config = config,
                  .anchors = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free) };
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    bool good = true;
    for (size_t i = 0; lines[i] && good; i++)
        good = read_line(&yaml, lines[i], name, i + 1, error);
    leave_levels(&yaml, 0);
    g_hash_table_unref(yaml.anchors);
    return good;
}

/* --- JSON --------------------------------------------------------------------------------- */

typedef struct {
    OrfConfig *config;
    const char *at, *name;
} Json;

static bool
json_fail(const Json *json, GError **error)
{
    return ORF_FALSE(error, BAD_INPUT, "%s: not JSON at \"%.12s\"", json->name, json->at);
}

static void
json_space(Json *json)
{
    json->at += strspn(json->at, " \t\r\n");
}

static char *
json_word(Json *json)
{
    if (*json->at == '"') {
        const char *begin = ++json->at;
        while (*json->at && *json->at != '"')
            json->at += json->at[0] == '\\' && json->at[1] ? 2 : 1;
        char *word = g_strndup(begin, (gsize)(json->at - begin));
        json->at += *json->at == '"';
        return word;
    }
    size_t n = strcspn(json->at, ",]} \t\r\n");
    char *word = g_strndup(json->at, n);
    json->at += n;
    return word;
}

static bool json_value(Json *json, const char *path, unsigned depth, GError **error);

static bool
json_member(Json *json, const char *path, bool named, unsigned depth, GError **error)
{
    g_autofree char *key = NULL;
    json_space(json);
    if (named) {
        if (*json->at != '"')
            return json_fail(json, error);
        key = json_word(json);
        json_space(json);
        if (*json->at++ != ':')
            return json_fail(json, error);
    }
    g_autofree char *below = !named  ? NULL
                             : *path ? g_strconcat(path, ".", key, NULL)
                                     : g_strdup(key);
    return json_value(json, below, depth - 1, error);
}

static bool
json_list(Json *json, const char *path, unsigned depth, GError **error)
{
    bool named = *json->at++ == '{';
    char close = named ? '}' : ']';
    json_space(json);
    if (*json->at == close) {
        json->at++;
        return true;
    }
    for (;;) {
        if (!json_member(json, path, named && path, depth, error))
            return false;
        json_space(json);
        char next = *json->at;
        json->at += next != '\0';
        if (next == close)
            return true;
        if (next != ',')
            return json_fail(json, error);
    }
}

/* `path` is NULL inside of lists, where nobody looks. */
static bool
json_value(Json *json, const char *path, unsigned depth, GError **error)
{
    json_space(json);
    if (!depth)
        return json_fail(json, error);
    if (*json->at == '{' && !path)
        return json_list(json, "", depth, error);
    if (*json->at == '{' || *json->at == '[')
        return json_list(json, *json->at == '{' ? path : NULL, depth, error);
    const char *begin = json->at;
    g_autofree char *word = json_word(json);
    if (json->at == begin)
        return json_fail(json, error);
    if (path && !g_str_equal(word, "null"))
        g_hash_table_insert(json->config->values, g_strdup(path), g_steal_pointer(&word));
    return true;
}

/* --- Both --------------------------------------------------------------------------------- */

OrfConfig *
orf_config_parse(const char *text, size_t size, const char *name, GError **error)
{
    if (size > MAX_SIZE || memchr(text, 0, size) || !g_utf8_validate_len(text, size, NULL))
        return ORF_FAIL(error, BAD_INPUT, "%s: not a configuration", name);
    g_autofree char *copy = g_strndup(text, size);
    g_autoptr(OrfConfig) config = config_new();
    Json json = { config, copy, name };
    json_space(&json);
    bool good = *json.at == '{' ? json_value(&json, "", MAX_DEPTH, error)
                                : read_yaml(config, copy, name, error);
    return good ? g_steal_pointer(&config) : NULL;
}

OrfConfig *
orf_config_load(const char *path, GError **error)
{
    g_autoptr(GError) why = NULL;
    GMappedFile *map = g_mapped_file_new(path, FALSE, &why);
    if (!map)
        return ORF_FAIL(error, NOT_FOUND, "%s", why->message);
    const char *text = g_mapped_file_get_contents(map);
    OrfConfig *config =
        orf_config_parse(text ? text : "", g_mapped_file_get_length(map), path, error);
    g_mapped_file_unref(map);
    return config;
}

const char *
orf_config_text(const OrfConfig *config, const char *path)
{
    const char *value = config ? g_hash_table_lookup(config->values, path) : NULL;
    if (!value || !g_str_has_prefix(value, "${") || !g_str_has_suffix(value, "}"))
        return value;
    g_autofree char *other = g_strndup(value + 2, strlen(value) - 3);
    return g_hash_table_lookup(config->values, other);
}

double
orf_config_number(const OrfConfig *config, const char *path, double otherwise)
{
    const char *text = orf_config_text(config, path);
    char *end = NULL;
    double value = text ? g_ascii_strtod(text, &end) : otherwise;
    return text && (end == text || *end) ? otherwise : value;
}

bool
orf_config_bool(const OrfConfig *config, const char *path, bool otherwise)
{
    const char *text = orf_config_text(config, path);
    return text ? g_ascii_strcasecmp(text, "true") == 0 : otherwise;
}
