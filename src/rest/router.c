/* router.c - paths to endpoints: a tree of segments.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * A template's segment is a word, "{name}" (any one segment) or "{name*}" (last: all that is
 * left, GET only, and only where nothing else fits). Words win over names. Nothing is allocated
 * while looking. */
#include "rest/rest-priv.h"

#include <string.h>

#define MAX_SEGMENTS 12

typedef struct Node Node;
struct Node {
    const char *word; /* into the template; not terminated */
    size_t size;
    Node *next, *words, *name, *tail;
    int index[N_METHODS]; /* -1: none */
};

struct OrfRouter {
    Node *root;
};

static const char *const method_names[N_METHODS] = { "GET", "POST", "PUT", "DELETE" };

static int
method_of(const char *name)
{
    if (strcmp(name, "HEAD") == 0)
        return METHOD_GET;
    for (int i = 0; i < N_METHODS; i++)
        if (strcmp(name, method_names[i]) == 0)
            return i;
    return -1;
}

/* --- Making the tree ---------------------------------------------------------------------- */

static Node *
node_new(const char *word, size_t size)
{
    Node *node = g_new0(Node, 1);
    node->word = word;
    node->size = size;
    for (int i = 0; i < N_METHODS; i++)
        node->index[i] = -1;
    return node;
}

static void
node_free(Node *node)
{
    while (node) {
        Node *next = node->next;
        node_free(node->words);
        node_free(node->name);
        node_free(node->tail);
        g_free(node);
        node = next;
    }
}

static Node *
find_word(const Node *node, const char *word, size_t size)
{
    for (Node *child = node->words; child; child = child->next)
        if (child->size == size && memcmp(child->word, word, size) == 0)
            return child;
    return NULL;
}

static Node *
grow(Node *node, const char *word, size_t size)
{
    if (word[0] == '{') {
        Node **at = word[size - 2] == '*' ? &node->tail : &node->name;
        if (!*at)
            *at = node_new(word, size);
        return *at;
    }
    Node *child = find_word(node, word, size);
    if (!child) {
        child = node_new(word, size);
        child->next = node->words;
        node->words = child;
    }
    return child;
}

static void
add(OrfRouter *router, const OrfEndpoint *endpoint, int index)
{
    Node *node = router->root;
    const char *at = endpoint->path;
    while (*at == '/') {
        size_t size = strcspn(++at, "/");
        node = grow(node, at, size);
        at += size;
    }
    int method = method_of(endpoint->method);
    g_assert(method >= 0 && node->index[method] < 0);
    node->index[method] = index;
}

OrfRouter *
orf_router_new(const OrfEndpoint *const *table)
{
    OrfRouter *router = g_new0(OrfRouter, 1);
    router->root = node_new("", 0);
    for (int i = 0; table[i]; i++)
        add(router, table[i], i);
    return router;
}

void
orf_router_free(OrfRouter *router)
{
    if (!router)
        return;
    node_free(router->root);
    g_free(router);
}

/* --- Looking ------------------------------------------------------------------------------ */

typedef struct {
    const char *text;
    size_t size;
} Segment;

typedef struct {
    Segment segments[MAX_SEGMENTS];
    size_t n, n_values;
    const Segment *values[ORF_PATH_VALUES];
} Walk;

static unsigned
methods_of(const Node *node)
{
    unsigned methods = 0;
    for (int i = 0; i < N_METHODS; i++)
        methods |= node->index[i] >= 0 ? 1u << i : 0;
    return methods;
}

static const Node *
descend(const Node *node, Walk *walk, size_t at)
{
    if (at == walk->n)
        return methods_of(node) ? node : NULL;
    const Segment *segment = &walk->segments[at];
    const Node *child = find_word(node, segment->text, segment->size);
    const Node *found = child ? descend(child, walk, at + 1) : NULL;
    if (found || !node->name || !segment->size || walk->n_values == ORF_PATH_VALUES)
        return found;
    walk->values[walk->n_values++] = segment;
    found = descend(node->name, walk, at + 1);
    walk->n_values -= !found;
    return found;
}

/* The tail that holds the path, deepest first: only the root and its words are tried. */
static const Node *
find_tail(const Node *node, Walk *walk)
{
    const Node *found = NULL;
    for (size_t at = 0; node && at < walk->n; at++) {
        if (node->tail) {
            found = node->tail;
            walk->values[0] = &walk->segments[at];
            walk->n_values = 1;
        }
        node = find_word(node, walk->segments[at].text, walk->segments[at].size);
    }
    return found;
}

static bool
split(Walk *walk, const char *path)
{
    while (*path == '/') {
        if (walk->n == MAX_SEGMENTS)
            return false;
        size_t size = strcspn(++path, "/");
        walk->segments[walk->n++] = (Segment){ path, size };
        path += size;
    }
    return *path == '\0';
}

/* Copies the values one after the other; a tail's value goes to the end of the path. */
static void
copy_values(const Walk *walk, bool tail, char cut[ORF_PATH_ROOM], OrfRoute *route)
{
    char *to = cut;
    for (size_t i = 0; i < walk->n_values; i++) {
        const Segment *value = walk->values[i];
        size_t size = tail ? strlen(value->text) : value->size;
        memcpy(to, value->text, size);
        to[size] = '\0';
        route->values[i] = to;
        to += size + 1;
    }
}

OrfRoute
orf_router_find(const OrfRouter *router, const char *method, const char *path,
                char cut[ORF_PATH_ROOM])
{
    OrfRoute route = { .index = -1 };
    Walk walk = { 0 };
    int by = method_of(method);
    if (strlen(path) >= ORF_PATH_ROOM || !split(&walk, path))
        return route;
    const Node *node = descend(router->root, &walk, 0);
    bool tail = !node && by == METHOD_GET;
    if (tail)
        node = find_tail(router->root, &walk);
    if (!node)
        return route;
    route.methods = methods_of(node);
    route.index = by >= 0 ? node->index[by] : -1;
    copy_values(&walk, tail, cut, &route);
    return route;
}

char *
orf_router_allow(unsigned methods)
{
    GString *out = g_string_new(NULL);
    for (int i = 0; i < N_METHODS; i++)
        if (methods & 1u << i)
            g_string_append_printf(out, "%s, %s", method_names[i],
                                   i == METHOD_GET ? "HEAD, " : "");
    return g_string_free(g_string_append(out, "OPTIONS"), FALSE);
}
