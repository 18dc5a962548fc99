/* load.c - a net's parameters out of a checkpoint: each by name, with the shape the net needs.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "net/load.h"

#include <stdarg.h>
#include <string.h>

typedef struct {
    void *thing;
    GDestroyNotify free;
} Kept;

static void
kept_free(void *data)
{
    Kept *kept = data;
    kept->free(kept->thing);
    g_free(kept);
}

void
orf_load_init(OrfNetLoad *load, OrfCompute *c, const OrfCheckpoint *checkpoint,
              const char *prefix)
{
    *load = (OrfNetLoad){
        .c = c,
        .checkpoint = checkpoint,
        .prefix = g_strdup(prefix),
        .used = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL),
        .keep = g_ptr_array_new_with_free_func(kept_free),
    };
}

void
orf_load_clear(OrfNetLoad *load)
{
    g_clear_pointer(&load->prefix, g_free);
    g_clear_pointer(&load->used, g_hash_table_unref);
    g_clear_pointer(&load->keep, g_ptr_array_unref);
}

GPtrArray *
orf_load_steal_keep(OrfNetLoad *load)
{
    return g_steal_pointer(&load->keep);
}

static void
keep(OrfNetLoad *load, void *thing, GDestroyNotify free_)
{
    if (!thing)
        return;
    Kept *kept = g_new(Kept, 1);
    *kept = (Kept){ thing, free_ };
    g_ptr_array_add(load->keep, kept);
}

OrfWeight *
orf_load_keep_weight(OrfNetLoad *load, OrfWeight *weight)
{
    keep(load, weight, (GDestroyNotify)orf_weight_free);
    return weight;
}

OrfTensor *
orf_load_keep_tensor(OrfNetLoad *load, OrfTensor *tensor)
{
    keep(load, tensor, (GDestroyNotify)orf_tensor_unref);
    return tensor;
}

void
orf_load_fail(OrfNetLoad *load, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    g_autofree char *why = g_strdup_vprintf(format, args);
    va_end(args);
    orf_compute_take_error(load->c, g_error_new(ORF_ERROR, ORF_ERROR_BAD_INPUT, "%s: %s",
                                                orf_checkpoint_name(load->checkpoint), why));
}

#define NAME_OF(load, format)                                                                  \
    va_list args_;                                                                             \
    va_start(args_, format);                                                                   \
    g_autofree char *tail_ = g_strdup_vprintf(format, args_);                                  \
    va_end(args_);                                                                             \
    g_autofree char *name = g_strconcat((load)->prefix, tail_, NULL)

bool
orf_load_has(const OrfNetLoad *load, const char *format, ...)
{
    NAME_OF(load, format);
    return orf_checkpoint_find(load->checkpoint, name) != NULL;
}

size_t
orf_load_dim(const OrfNetLoad *load, unsigned i, const char *format, ...)
{
    NAME_OF(load, format);
    const OrfEntry *entry = orf_checkpoint_find(load->checkpoint, name);
    return entry && i < entry->rank ? entry->shape[i] : 0;
}

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
unsigned
orf_load_count(const OrfNetLoad *load, const char *format)
{
    for (unsigned i = 0; i < 4096; i++) {
        g_autofree char *tail = g_strdup_printf(format, i);
        if (!orf_load_has(load, "%s", tail))
            return i;
    }
    return 4096;
}
#pragma GCC diagnostic pop

static char *
shape_text(unsigned rank, const uint64_t *dims)
{
    g_autoptr(GString) text = g_string_new("[");
    for (unsigned i = 0; i < rank; i++)
        g_string_append_printf(text, "%s%" G_GUINT64_FORMAT, i ? ", " : "", dims[i]);
    g_string_append_c(text, ']');
    return g_strdup(text->str);
}

static const OrfEntry *
find_with_shape(OrfNetLoad *load, const char *name, const OrfShape *shape)
{
    if (!orf_compute_ok(load->c))
        return NULL;
    const OrfEntry *entry = orf_checkpoint_find(load->checkpoint, name);
    if (!entry) {
        orf_load_fail(load, "\"%s\" is missing; this is not the whole net", name);
        return NULL;
    }
    bool same = entry->rank == shape->rank;
    for (unsigned i = 0; i < shape->rank && same; i++)
        same = entry->shape[i] == shape->dim[i];
    if (!same) {
        uint64_t dims[ORF_MAX_RANK];
        for (unsigned i = 0; i < shape->rank; i++)
            dims[i] = shape->dim[i];
        g_autofree char *is = shape_text(entry->rank, entry->shape);
        g_autofree char *should = shape_text(shape->rank, dims);
        orf_load_fail(load, "\"%s\" is %s, should be %s", name, is, should);
        return NULL;
    }
    g_hash_table_add(load->used, g_strdup(name));
    return entry;
}

static bool
read_entry(OrfNetLoad *load, const OrfEntry *entry, float *out)
{
    GError *error = NULL;
    if (orf_entry_read(entry, out, &error))
        return true;
    orf_compute_take_error(load->c, error);
    return false;
}

static float *
new_values(OrfNetLoad *load, size_t n)
{
    GError *error = NULL;
    float *values =
        ORF_ALLOC(orf_compute_task(load->c), float, MAX(n, 1), "parameters", &error);
    if (!values)
        orf_compute_take_error(load->c, error);
    return values;
}

static float *
values_of(OrfNetLoad *load, OrfShape shape, const char *name)
{
    const OrfEntry *entry = find_with_shape(load, name, &shape);
    orf_autofree float *values = entry ? new_values(load, entry->count) : NULL;
    if (!values || !read_entry(load, entry, values))
        return NULL;
    return g_steal_pointer(&values);
}

float *
orf_load_values(OrfNetLoad *load, OrfShape shape, const char *format, ...)
{
    NAME_OF(load, format);
    return values_of(load, shape, name);
}

OrfTensor *
orf_load_tensor(OrfNetLoad *load, OrfShape shape, const char *format, ...)
{
    NAME_OF(load, format);
    orf_autofree float *values = values_of(load, shape, name);
    if (!values)
        return NULL;
    return orf_load_keep_tensor(load, orf_tensor_from(load->c, shape, values));
}

/* Matrices and biases of several names under each other. */
static OrfWeight *
stack(OrfNetLoad *load, size_t n_each, size_t n_in, bool bias, char *const *names, size_t n)
{
    orf_autofree float *all =
        orf_compute_ok(load->c) ? new_values(load, n * n_each * n_in) : NULL;
    orf_autofree float *all_bias = all && bias ? new_values(load, n * n_each) : NULL;
    for (size_t i = 0; i < n && all; i++) {
        g_autofree char *weight = g_strconcat(names[i], ".weight", NULL);
        g_autofree char *offset = g_strconcat(names[i], ".bias", NULL);
        OrfShape matrix = ORF_SHAPE(n_each, n_in), vector = ORF_SHAPE(n_each);
        const OrfEntry *w = find_with_shape(load, weight, &matrix);
        const OrfEntry *b = bias && w ? find_with_shape(load, offset, &vector) : NULL;
        if (!w || (bias && !b) || !read_entry(load, w, all + i * n_each * n_in) ||
            (bias && !read_entry(load, b, all_bias + i * n_each)))
            return NULL;
    }
    return orf_load_keep_weight(load, orf_weight_new(load->c, all, n * n_each, n_in, all_bias));
}

OrfWeight *
orf_load_linear(OrfNetLoad *load, size_t n_out, size_t n_in, bool bias, const char *format, ...)
{
    NAME_OF(load, format);
    return stack(load, n_out, n_in, bias, &name, 1);
}

OrfWeight *
orf_load_stack(OrfNetLoad *load, size_t n_each, size_t n_in, bool bias,
               const char *const *names, size_t n_names, const char *format, ...)
{
    enum { MOST = 4 };
    NAME_OF(load, format);
    char *full[MOST] = { NULL };
    g_assert(n_names <= MOST);
    for (size_t i = 0; i < n_names; i++)
        full[i] = g_strconcat(name, names[i], NULL);
    OrfWeight *weight = stack(load, n_each, n_in, bias, full, n_names);
    for (size_t i = 0; i < n_names; i++)
        g_free(full[i]);
    return weight;
}
