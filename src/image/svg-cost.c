/* svg-cost.c - what an SVG would cost to draw, known before anything of it is drawn.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * librsvg cannot be stopped, and 200 bytes can keep it busy for years: octaves of noise, copies
 * of copies, paths whose every piece crosses every other, a picture of 12 000 pixels a side in
 * 200 kB. So the file is read once more, by expat, into a flat tree of what each element costs,
 * in nanoseconds of one core of 2024 as measured with librsvg 2.54; a reference costs what it
 * points to, as often as it is drawn. A figure is right within a factor of five or so, which is
 * enough: what is refused would take a minute and more.
 *
 * Not in the tree: that a filter works on a part of the picture only, and what plain shapes
 * cost, whose number is bounded. */
#include "image/svg-priv.h"

#include <expat.h>
#include <math.h>
#include <string.h>

#define MOST_NS 30e9
#define MOST_NODES 250000u
#define DEEPEST 200u    /* elements in elements, and copies of copies */
#define MOST_TEXT 8000u /* characters of one piece of text: laid out in its square */
#define MOST_STYLE (1u << 20)
#define MOST_MATCHES 2e8 /* rules by elements */
#define MOST_DASHES 200000.0
#define NODE_NS 5e3
#define LAYER_NS 3.0 /* a pixel: opacity; masks and filters work on layers too */
#define MASK_NS 9.0
#define BLUR_NS 130.0
#define SHADOW_NS 200.0
#define DECODE_NS 30.0 /* a pixel of an embedded picture */
#define MOST_SVGS 3u   /* SVG in SVG */

typedef struct {
    char *id;
    double times;
} Ref;

typedef struct {
    const char *name; /* of the element, static or in `names` */
    unsigned long line;
    size_t end;  /* one behind its last descendant */
    bool hidden; /* drawn only where something refers to it */
    double cost; /* its own, in ns */
    double points, length;
    double total; /* with children and references; < 0: not known, or in work */
    bool in_work;
    unsigned primitives;
    char *classes;
    GSList *refs;
} Node;

typedef struct {
    const char *name; /* of the file */
    double pixels;
    unsigned level; /* SVG in SVG */
    XML_Parser parser;
    GArray *nodes;   /* of Node */
    GArray *open;    /* of size_t */
    GHashTable *ids; /* id -> index + 1 */
    GStringChunk *names;
    GString *style;
    bool in_style;
    size_t text; /* of the piece that is being read */
    OrfSvgCost *cost;
    GError *error;
} Scan;

static void G_GNUC_PRINTF(2, 3) refuse(Scan *scan, const char *format, ...)
{
    va_list list;
    va_start(list, format);
    g_autofree char *what = g_strdup_vprintf(format, list);
    va_end(list);
    if (!scan->error)
        (void)ORF_FAIL(&scan->error, TOO_LARGE, "%s: the SVG, line %lu: %s", scan->name,
                       XML_GetCurrentLineNumber(scan->parser), what);
    XML_StopParser(scan->parser, XML_FALSE);
}

static Node *
node_at(Scan *scan, size_t i)
{
    return &g_array_index(scan->nodes, Node, i);
}

static const char *
local_name(const char *name)
{
    const char *colon = strrchr(name, ':');
    return colon ? colon + 1 : name;
}

static const char *
value_of(const char **attributes, const char *key)
{
    for (; *attributes; attributes += 2)
        if (strcmp(local_name(attributes[0]), key) == 0)
            return attributes[1];
    return NULL;
}

static double
number_of(const char **attributes, const char *key, double fallback)
{
    const char *text = value_of(attributes, key);
    double value = text ? g_ascii_strtod(text, NULL) : fallback;
    return isfinite(value) ? value : fallback;
}

/* --- Declarations: attributes, style="" and rules ----------------------------------------- */

static void
add_ref(Node *node, const char *id, size_t size, double times)
{
    Ref *ref = g_new(Ref, 1);
    *ref = (Ref){ g_strndup(id, size), times };
    node->refs = g_slist_prepend(node->refs, ref);
}

/* The sum of the numbers; 0: none, or not all can be read. */
static double
dash_period(const char *value)
{
    double sum = 0;
    while (*value && !strchr(";}\"'", *value)) {
        char *end;
        double number = g_ascii_strtod(value, &end);
        if (end == value) {
            value++;
            continue;
        }
        sum += fabs(number);
        value = end;
    }
    return sum;
}

static unsigned
count_of(const char *text, const char *word)
{
    unsigned n = 0;
    for (const char *at = text; (at = strstr(at, word)); at += strlen(word))
        n++;
    return n;
}

/* `name` is what the value stands under; "" when `text` holds declarations. */
static void
read_declarations(Scan *scan, Node *node, const char *name, const char *text)
{
    bool any = !*name;
    bool marks = strstr(any ? text : name, "marker") != NULL;
    for (const char *at = text; (at = strstr(at, "url("));) {
        at += 4 + strspn(at + 4, " \"'");
        const char *hash = at + strcspn(at, "#)\"' ");
        size_t size = *hash == '#' ? strcspn(hash + 1, ")\"' ") : 0;
        if (size)
            add_ref(node, hash + 1, size, marks ? MAX(node->points, 1) : 1);
    }
    bool masked = any ? strstr(text, "mask") != NULL : g_str_equal(name, "mask");
    bool filtered = any ? strstr(text, "filter") != NULL : g_str_equal(name, "filter");
    bool layered =
        any ? strstr(text, "opacity") || strstr(text, "mix-blend") || strstr(text, "isolation")
            : g_str_equal(name, "opacity") || g_str_equal(name, "mix-blend-mode");
    node->cost += scan->pixels * ((masked ? MASK_NS : 0) + (layered ? LAYER_NS : 0));
    if (filtered)
        node->cost += scan->pixels * (LAYER_NS + BLUR_NS * count_of(text, "blur(") +
                                      SHADOW_NS * count_of(text, "shadow("));
    const char *dashes = any ? strstr(text, "stroke-dasharray:") : NULL;
    const char *period = dashes                                  ? dashes + 17
                         : g_str_equal(name, "stroke-dasharray") ? text
                                                                 : NULL;
    double sum = period ? dash_period(period) : 0;
    if (sum > 0 && node->length / sum > MOST_DASHES)
        refuse(scan, "a line of %.0f dashes; make the dashes longer", node->length / sum);
}

/* --- Pictures inside ---------------------------------------------------------------------- */

static GBytes *
read_data_uri(const char *uri)
{
    const char *comma = strchr(uri, ',');
    if (!comma)
        return NULL;
    g_autofree char *head = g_ascii_strdown(uri, comma - uri);
    g_autofree char *text = g_uri_unescape_string(comma + 1, NULL);
    if (!text)
        text = g_strdup(comma + 1);
    size_t size = strlen(text);
    if (!strstr(head, ";base64"))
        return g_bytes_new_take(g_steal_pointer(&text), size);
    guchar *bytes = g_base64_decode(text, &size);
    return g_bytes_new_take(bytes, size);
}

static bool
is_xml(GBytes *bytes)
{
    size_t size, at = 0;
    const char *text = g_bytes_get_data(bytes, &size);
    while (at < size && (g_ascii_isspace(text[at]) || strchr("\xef\xbb\xbf", text[at])))
        at++;
    return at < size && text[at] == '<';
}

static void
read_picture(Scan *scan, Node *node, const char *uri)
{
    g_autoptr(GBytes) bytes = read_data_uri(uri);
    g_autofree char *name = g_strdup_printf("%s: a picture inside", scan->name);
    g_autoptr(GError) error = NULL;
    OrfImageInfo info;
    OrfSvgCost inner = *scan->cost;
    if (!bytes || !g_bytes_get_size(bytes))
        return;
    if (is_xml(bytes)) {
        if (scan->level >= MOST_SVGS)
            refuse(scan, "drawings in drawings in drawings; flatten it");
        else if (orf_svg_cost_inner(bytes, name, scan->pixels, scan->level + 1, &inner, &error))
            node->cost += inner.ns;
    } else if (orf_image_probe(bytes, name, &info, &error)) {
        double pixels = (double)info.width * info.height;
        inner.picture_pixels += pixels;
        node->cost += pixels * DECODE_NS;
    }
    if (error && !scan->error) {
        scan->error = g_steal_pointer(&error);
        XML_StopParser(scan->parser, XML_FALSE);
    }
    scan->cost->picture_pixels = inner.picture_pixels;
    if (scan->cost->picture_pixels > ORF_IMAGE_MAX_PIXELS)
        refuse(scan, "pictures of more than %u million pixels inside; make them smaller",
               ORF_IMAGE_MAX_PIXELS >> 20);
}

/* --- Filters ------------------------------------------------------------------------------ */

/* ns a pixel */
static double
primitive_cost(Scan *scan, const char *name, const char **attributes)
{
    if (g_str_equal(name, "feTurbulence")) {
        double octaves = number_of(attributes, "numOctaves", 1);
        if (octaves > 20)
            refuse(scan, "%.0f octaves of noise; more than 10 cannot be seen", octaves);
        return 30 + 33 * MAX(octaves, 0);
    }
    if (g_str_equal(name, "feConvolveMatrix")) {
        const char *text = value_of(attributes, "order");
        char *end = NULL;
        double x = text ? g_ascii_strtod(text, &end) : 3;
        double y = end && *end ? g_ascii_strtod(end + strspn(end, " ,"), NULL) : x;
        return 5 * fabs(x * (y ? y : x));
    }
    if (g_str_equal(name, "feMorphology"))
        return number_of(attributes, "radius", 0) > 0 ? 2500 : 5;
    if (g_str_equal(name, "feGaussianBlur"))
        return BLUR_NS;
    if (g_str_equal(name, "feDropShadow"))
        return SHADOW_NS;
    return g_str_has_suffix(name, "Lighting") ? 75 : 30;
}

static void
read_primitive(Scan *scan, Node *node, const char *name, const char **attributes)
{
    node->cost += primitive_cost(scan, name, attributes) * scan->pixels;
    Node *filter = scan->open->len
                       ? node_at(scan, g_array_index(scan->open, size_t, scan->open->len - 1))
                       : NULL;
    if (filter && g_str_equal(filter->name, "filter"))
        scan->cost->primitives = MAX(scan->cost->primitives, ++filter->primitives);
}

/* --- Elements ----------------------------------------------------------------------------- */

static bool
is_hidden(const char *name)
{
    static const char *const hidden[] = { "defs",           "symbol",         "clipPath",
                                          "mask",           "marker",         "pattern",
                                          "filter",         "linearGradient", "style",
                                          "radialGradient", "metadata",       NULL };
    return g_strv_contains(hidden, name);
}

static void
read_shape(Scan *scan, Node *node, const char **attributes)
{
    OrfSvgPath path = { 0 };
    const char *data = value_of(attributes, "d"), *points = value_of(attributes, "points");
    double width = number_of(attributes, "width", 0),
           height = number_of(attributes, "height", 0);
    double rx = number_of(attributes, "rx", 0), ry = number_of(attributes, "ry", 0);
    if (data || points)
        orf_svg_path_read(data ? data : points, !data, &path);
    path.length += 2 * (fabs(width) + fabs(height)) + 7 * (fabs(rx) + fabs(ry)) +
                   7 * fabs(number_of(attributes, "r", 0)) +
                   fabs(number_of(attributes, "x2", 0) - number_of(attributes, "x1", 0)) +
                   fabs(number_of(attributes, "y2", 0) - number_of(attributes, "y1", 0));
    node->points = path.points;
    node->length = path.length;
    node->cost += path.points * 300 + path.crossings * 2000;
    if (path.crossings * 2000 > MOST_NS / 4)
        refuse(scan,
               "a path of %.0f points that crosses itself %.0f million times; simplify it",
               path.points, path.crossings / 1e6);
}

static void
read_attributes(Scan *scan, Node *node, const char *name, const char **attributes)
{
    for (const char **at = attributes; *at; at += 2) {
        const char *key = local_name(at[0]), *value = at[1];
        if (g_str_equal(key, "href") && g_ascii_strncasecmp(value, "data:", 5) == 0) {
            if (g_str_equal(name, "image") || g_str_equal(name, "feImage"))
                read_picture(scan, node, value);
            else
                refuse(scan, "<%s> takes its content from a data: address; write it out", name);
        } else if (g_str_equal(key, "href") && value[0] == '#') {
            add_ref(node, value + 1, strlen(value + 1), 1);
        } else if (g_str_equal(key, "style")) {
            read_declarations(scan, node, "", value);
        } else {
            read_declarations(scan, node, key, value);
        }
    }
}

static void
on_begin(void *data, const char *qualified, const char **attributes)
{
    Scan *scan = data;
    const char *name = g_string_chunk_insert_const(scan->names, local_name(qualified));
    if (scan->nodes->len >= MOST_NODES) {
        refuse(scan, "more than %u elements; simplify it", MOST_NODES);
        return;
    }
    if (scan->open->len >= DEEPEST) {
        refuse(scan, "elements more than %u deep in each other; flatten it", DEEPEST);
        return;
    }
    Node node = { .name = name,
                  .line = XML_GetCurrentLineNumber(scan->parser),
                  .hidden = is_hidden(name),
                  .cost = NODE_NS,
                  .total = -1 };
    scan->text = 0;
    scan->in_style = g_str_equal(name, "style");
    read_shape(scan, &node, attributes);
    if (g_str_has_prefix(name, "fe"))
        read_primitive(scan, &node, name, attributes);
    read_attributes(scan, &node, name, attributes);
    node.classes = g_strdup(value_of(attributes, "class"));
    size_t index = scan->nodes->len;
    const char *id = value_of(attributes, "id");
    if (id)
        g_hash_table_insert(scan->ids, g_strdup(id), GSIZE_TO_POINTER(index + 1));
    g_array_append_val(scan->nodes, node);
    g_array_append_val(scan->open, index);
}

static void
on_end(void *data, const char *name)
{
    (void)name;
    Scan *scan = data;
    if (!scan->open->len)
        return;
    size_t index = g_array_index(scan->open, size_t, scan->open->len - 1);
    g_array_set_size(scan->open, scan->open->len - 1);
    node_at(scan, index)->end = scan->nodes->len;
    scan->text = 0;
    scan->in_style = false;
}

static void
on_text(void *data, const char *text, int size)
{
    Scan *scan = data;
    if (scan->in_style) {
        g_string_append_len(scan->style, text, size);
        if (scan->style->len > MOST_STYLE)
            refuse(scan, "more than a megabyte of style sheets; simplify it");
        return;
    }
    const char *name =
        scan->open->len
            ? node_at(scan, g_array_index(scan->open, size_t, scan->open->len - 1))->name
            : "";
    static const char *const texts[] = { "text", "tspan", "tref", "a", NULL };
    if (!g_strv_contains(texts, name))
        return;
    scan->text += (size_t)size;
    if (scan->text > MOST_TEXT)
        refuse(scan, "more than %u letters in one piece of text; turn it into paths",
               MOST_TEXT);
}

static void
on_instruction(void *data, const char *target, const char *text)
{
    if (g_str_equal(target, "xml-stylesheet") && strstr(text, "data:"))
        refuse(data, "a style sheet in a data: address; write it into <style>");
}

/* Encodings of one byte that expat does not know: what letters they mean is of no matter here.
 */
static int
on_encoding(void *data, const XML_Char *name, XML_Encoding *info)
{
    (void)data, (void)name;
    *info = (XML_Encoding){ .data = NULL };
    for (int i = 0; i < 256; i++)
        info->map[i] = i;
    return XML_STATUS_OK;
}

/* --- Rules -------------------------------------------------------------------------------- */

static bool
is_of_class(const Node *node, const char *selector)
{
    const char *dot = strrchr(selector, '.');
    if (!dot)
        return true; /* of an element or an id: taken for all */
    size_t size = strcspn(dot + 1, " \t\r\n,:>+~[.#");
    for (const char *at = node->classes; at && *at;) {
        at += strspn(at, " \t\r\n");
        size_t n = strcspn(at, " \t\r\n");
        if (n == size && strncmp(at, dot + 1, n) == 0)
            return true;
        at += n;
    }
    return false;
}

static bool
is_dear(const char *body)
{
    return strstr(body, "url(") || strstr(body, "opacity") || strstr(body, "filter") ||
           strstr(body, "mask") || strstr(body, "dasharray") || strstr(body, "mix-blend");
}

static void
apply_rules(Scan *scan)
{
    if (strstr(scan->style->str, "@import")) {
        refuse(scan, "@import in a style sheet; write the rules out");
        return;
    }
    g_auto(GStrv) rules = g_strsplit(scan->style->str, "}", -1);
    if ((double)g_strv_length(rules) * scan->nodes->len > MOST_MATCHES)
        refuse(scan, "%u rules for %u elements; simplify it", g_strv_length(rules),
               scan->nodes->len);
    for (char **rule = rules; *rule && !scan->error; rule++) {
        char *body = strchr(*rule, '{');
        if (!body || !is_dear(body))
            continue;
        *body = '\0';
        for (size_t i = 0; i < scan->nodes->len; i++)
            if (is_of_class(node_at(scan, i), *rule))
                read_declarations(scan, node_at(scan, i), "", body + 1);
    }
}

/* --- Totals ------------------------------------------------------------------------------- */

static double total_of(Scan *scan, size_t index, unsigned depth);

static double
total_of_refs(Scan *scan, size_t index, unsigned depth)
{
    double total = 0;
    for (GSList *at = node_at(scan, index)->refs; at; at = at->next) {
        const Ref *ref = at->data;
        size_t target = GPOINTER_TO_SIZE(g_hash_table_lookup(scan->ids, ref->id));
        if (target)
            total += ref->times * total_of(scan, target - 1, depth + 1);
    }
    return total;
}

static double
total_of(Scan *scan, size_t index, unsigned depth)
{
    Node *node = node_at(scan, index);
    if (node->in_work)
        return 0; /* a circle: librsvg sees it and draws none of it */
    if (node->total >= 0)
        return node->total;
    if (depth > 2 * DEEPEST) {
        refuse(scan, "copies more than %u deep in each other; flatten it", DEEPEST);
        return 0;
    }
    node->in_work = true;
    double total = node->cost + total_of_refs(scan, index, depth);
    for (size_t child = index + 1; child < node->end; child = node_at(scan, child)->end)
        if (!node_at(scan, child)->hidden)
            total += total_of(scan, child, depth + 1);
    node->in_work = false;
    node->total = total;
    return total;
}

static const Node *
dearest(Scan *scan)
{
    const Node *most = node_at(scan, 0);
    for (size_t i = 1; i < scan->nodes->len; i++)
        if (node_at(scan, i)->cost > most->cost)
            most = node_at(scan, i);
    return most;
}

static void
judge(Scan *scan)
{
    if (!scan->nodes->len)
        return;
    scan->cost->ns = total_of(scan, 0, 0);
    if (scan->error || scan->cost->ns <= MOST_NS)
        return;
    const Node *most = dearest(scan);
    const char *how = most->cost > scan->cost->ns / 4 ? "" : ", and is drawn many times over";
    (void)ORF_FAIL(&scan->error, TOO_LARGE,
                   "%s: the SVG would take minutes to draw; what costs most is <%s> in line "
                   "%lu%s; simplify it or export it as PNG",
                   scan->name, most->name, most->line, how);
}

/* --- Reading ------------------------------------------------------------------------------ */

static void
ref_free(void *data)
{
    g_free(((Ref *)data)->id);
    g_free(data);
}

static void
node_clear(void *data)
{
    Node *node = data;
    g_free(node->classes);
    g_slist_free_full(node->refs, ref_free);
}

static void
read_bytes(Scan *scan, GBytes *bytes)
{
    size_t size;
    const char *text = g_bytes_get_data(bytes, &size);
    XML_SetUserData(scan->parser, scan);
    XML_SetElementHandler(scan->parser, on_begin, on_end);
    XML_SetCharacterDataHandler(scan->parser, on_text);
    XML_SetProcessingInstructionHandler(scan->parser, on_instruction);
    XML_SetUnknownEncodingHandler(scan->parser, on_encoding, NULL);
    if (XML_Parse(scan->parser, text, (int)MIN(size, G_MAXINT), 1) == XML_STATUS_OK)
        apply_rules(scan);
    else if (!scan->error)
        (void)ORF_FAIL(&scan->error, BAD_INPUT,
                       "%s: the SVG, line %lu: %s; the file is damaged or cut short, export it "
                       "again",
                       scan->name, XML_GetCurrentLineNumber(scan->parser),
                       XML_ErrorString(XML_GetErrorCode(scan->parser)));
}

bool
orf_svg_cost_inner(GBytes *bytes, const char *name, double pixels, unsigned level,
                   OrfSvgCost *ret_cost, GError **error)
{
    Scan scan = { .name = name,
                  .pixels = pixels,
                  .level = level,
                  .parser = XML_ParserCreate(NULL),
                  .nodes = g_array_new(FALSE, FALSE, sizeof(Node)),
                  .open = g_array_new(FALSE, FALSE, sizeof(size_t)),
                  .ids = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL),
                  .names = g_string_chunk_new(1024),
                  .style = g_string_new(NULL),
                  .cost = ret_cost };
    g_array_set_clear_func(scan.nodes, node_clear);
    read_bytes(&scan, bytes);
    if (!scan.error)
        judge(&scan);
    XML_ParserFree(scan.parser);
    g_array_unref(scan.nodes);
    g_array_unref(scan.open);
    g_hash_table_unref(scan.ids);
    g_string_chunk_free(scan.names);
    g_string_free(scan.style, TRUE);
    if (!scan.error)
        return true;
    g_propagate_error(error, scan.error);
    return false;
}

bool
orf_svg_cost(GBytes *bytes, const char *name, double pixels, OrfSvgCost *ret_cost,
             GError **error)
{
    *ret_cost = (OrfSvgCost){ 0 };
    return orf_svg_cost_inner(bytes, name, pixels, 0, ret_cost, error);
}
