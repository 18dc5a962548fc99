/* array.c - tensors: shape, memory and row distance; views share memory.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "tensor/backend.h"

#include <string.h>

size_t
orf_shape_size(const OrfShape *shape)
{
    size_t size = 1;
    for (unsigned i = 0; i < shape->rank; i++)
        size *= shape->dim[i];
    return size;
}

static size_t
last_of(const OrfShape *shape)
{
    return shape->rank ? shape->dim[shape->rank - 1] : 1;
}

/* Bytes of a shape; SIZE_MAX when nothing can hold them. */
static size_t
bytes_of(const OrfShape *shape)
{
    size_t bytes = sizeof(float);
    for (unsigned i = 0; i < shape->rank; i++)
        if (__builtin_mul_overflow(bytes, shape->dim[i], &bytes))
            return SIZE_MAX;
    return bytes;
}

/* A tensor over `block` (taken). */
static OrfTensor *
tensor_over(OrfBlock *block, float *data, OrfShape shape, size_t ld)
{
    OrfTensor *tensor = g_new0(OrfTensor, 1);
    g_atomic_ref_count_init(&tensor->refs);
    tensor->shape = shape;
    tensor->block = block;
    tensor->data = data;
    tensor->ld = ld;
    return tensor;
}

OrfTensor *
orf_tensor_new(OrfCompute *c, OrfShape shape)
{
    if (!orf_compute_go(c))
        return NULL;
    OrfBlock *block = orf_block_new(c, bytes_of(&shape));
    return block ? tensor_over(block, orf_block_data(block), shape, last_of(&shape)) : NULL;
}

OrfTensor *
orf_tensor_from(OrfCompute *c, OrfShape shape, const float *values)
{
    g_autoptr(OrfTensor) tensor = orf_tensor_new(c, shape);
    if (!orf_tensor_write(c, tensor, values))
        return NULL;
    return g_steal_pointer(&tensor);
}

OrfTensor *
orf_tensor_ref(OrfTensor *tensor)
{
    if (tensor)
        g_atomic_ref_count_inc(&tensor->refs);
    return tensor;
}

void
orf_tensor_unref(OrfTensor *tensor)
{
    if (!tensor || !g_atomic_ref_count_dec(&tensor->refs))
        return;
    orf_block_unref(tensor->block);
    g_free(tensor);
}

void
orf_tensor_set(OrfTensor **at, OrfTensor *tensor)
{
    orf_tensor_unref(*at);
    *at = tensor;
}

const OrfShape *
orf_tensor_shape(const OrfTensor *tensor)
{
    return &tensor->shape;
}

size_t
orf_tensor_dim(const OrfTensor *tensor, unsigned i)
{
    return tensor && i < tensor->shape.rank ? tensor->shape.dim[i] : 0;
}

size_t
orf_tensor_columns(const OrfTensor *tensor)
{
    return tensor ? last_of(&tensor->shape) : 0;
}

size_t
orf_tensor_rows(const OrfTensor *tensor)
{
    size_t rows = 1;
    for (unsigned i = 0; tensor && i + 1 < tensor->shape.rank; i++)
        rows *= tensor->shape.dim[i];
    return tensor ? rows : 0;
}

OrfMatrix
orf_tensor_matrix(const OrfTensor *tensor)
{
    return (OrfMatrix){ tensor->data, orf_tensor_rows(tensor), orf_tensor_columns(tensor),
                        tensor->ld };
}

bool
orf_tensor_is_dense(const OrfTensor *tensor)
{
    return tensor->ld == orf_tensor_columns(tensor) || orf_tensor_rows(tensor) == 1;
}

bool
orf_tensor_read(OrfCompute *c, const OrfTensor *tensor, float *out)
{
    return tensor && orf_compute_go(c) &&
           orf_compute_backend(c)->download(orf_compute_state(c), orf_tensor_matrix(tensor),
                                            out);
}

bool
orf_tensor_write(OrfCompute *c, OrfTensor *tensor, const float *values)
{
    return tensor && orf_compute_go(c) &&
           orf_compute_backend(c)->upload(orf_compute_state(c), orf_tensor_matrix(tensor),
                                          values);
}

/* --- Views and copies --------------------------------------------------------------------- */

static OrfTensor *
view(const OrfTensor *tensor, size_t offset, OrfShape shape, size_t ld)
{
    return tensor_over(orf_block_ref(tensor->block), tensor->data + offset, shape, ld);
}

static bool
copy_into(OrfCompute *c, OrfMatrix from, OrfMatrix to)
{
    return orf_compute_backend(c)->copy(orf_compute_task(c), from, to) || !orf_compute_go(c);
}

static OrfTensor *
dense_copy(OrfCompute *c, const OrfTensor *tensor)
{
    OrfTensor *copy = orf_tensor_new(c, tensor->shape);
    if (copy)
        copy_into(c, orf_tensor_matrix(tensor), orf_tensor_matrix(copy));
    return copy;
}

OrfTensor *
orf_tensor_reshape(OrfCompute *c, const OrfTensor *tensor, OrfShape shape)
{
    if (!tensor || !orf_compute_go(c))
        return NULL;
    g_assert(orf_shape_size(&shape) == orf_shape_size(&tensor->shape));
    if (orf_tensor_is_dense(tensor))
        return view(tensor, 0, shape, last_of(&shape));
    if (last_of(&shape) == orf_tensor_columns(tensor))
        return view(tensor, 0, shape, tensor->ld);
    g_autoptr(OrfTensor) dense = dense_copy(c, tensor);
    return dense ? view(dense, 0, shape, last_of(&shape)) : NULL;
}

/* Rows and row length of the matrix in which one step along `axis` is `inner` elements. */
static size_t
product(const OrfShape *shape, unsigned from, unsigned to)
{
    size_t size = 1;
    for (unsigned i = from; i < to; i++)
        size *= shape->dim[i];
    return size;
}

OrfTensor *
orf_tensor_slice(OrfCompute *c, const OrfTensor *tensor, unsigned axis, size_t begin, size_t n)
{
    if (!tensor || !orf_compute_go(c))
        return NULL;
    OrfShape shape = tensor->shape;
    g_assert(axis < shape.rank && begin + n <= shape.dim[axis]);
    shape.dim[axis] = n;
    if (axis == shape.rank - 1)
        return view(tensor, begin, shape, tensor->ld);
    size_t outer = product(&shape, 0, axis), inner = product(&shape, axis + 1, shape.rank - 1);
    if (outer == 1)
        return view(tensor, begin * inner * tensor->ld, shape, tensor->ld);
    OrfTensor *part = orf_tensor_new(c, shape);
    OrfMatrix from = orf_tensor_matrix(tensor);
    for (size_t o = 0; part && o < outer; o++) {
        OrfMatrix to = orf_tensor_matrix(part);
        to.rows = n * inner;
        to.data += o * n * inner * to.ld;
        from.data = tensor->data + (o * tensor->shape.dim[axis] + begin) * inner * tensor->ld;
        copy_into(c, from, to);
    }
    return part;
}

static OrfTensor *
new_for_concat(OrfCompute *c, unsigned axis, const OrfTensor *const *parts, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!parts[i])
            return NULL;
    OrfShape shape = parts[0]->shape;
    for (size_t i = 1; i < n; i++)
        shape.dim[axis] += parts[i]->shape.dim[axis];
    return orf_tensor_new(c, shape);
}

OrfTensor *
orf_tensor_concat(OrfCompute *c, unsigned axis, const OrfTensor *const *parts, size_t n)
{
    OrfTensor *all = new_for_concat(c, axis, parts, n);
    if (!all)
        return NULL;
    const OrfShape *shape = &all->shape;
    bool last = axis == shape->rank - 1;
    size_t outer = last ? 1 : product(shape, 0, axis), done = 0;
    size_t inner = last ? 1 : product(shape, axis + 1, shape->rank - 1);
    for (size_t i = 0; i < n; i++) {
        OrfMatrix from = orf_tensor_matrix(parts[i]);
        size_t rows = last ? from.rows : parts[i]->shape.dim[axis] * inner;
        for (size_t o = 0; o < outer; o++) {
            size_t row = last ? 0 : (o * shape->dim[axis] + done) * inner;
            OrfMatrix to = { all->data + row * all->ld + (last ? done : 0), rows, from.columns,
                             all->ld };
            OrfMatrix part = { from.data + o * rows * from.ld, rows, from.columns, from.ld };
            copy_into(c, part, to);
        }
        done += parts[i]->shape.dim[axis];
    }
    return all;
}

OrfTensor *
orf_tensor_transpose(OrfCompute *c, const OrfTensor *tensor)
{
    if (!tensor)
        return NULL;
    OrfShape shape = tensor->shape;
    unsigned r = shape.rank;
    g_assert(r >= 2);
    size_t rows = shape.dim[r - 2], columns = shape.dim[r - 1],
           outer = product(&shape, 0, r - 2);
    shape.dim[r - 2] = columns;
    shape.dim[r - 1] = rows;
    OrfTensor *turned = orf_tensor_new(c, shape);
    for (size_t o = 0; turned && o < outer; o++) {
        OrfMatrix from = { tensor->data + o * rows * tensor->ld, rows, columns, tensor->ld };
        OrfMatrix to = { turned->data + o * rows * columns, columns, rows, rows };
        orf_compute_backend(c)->transpose(orf_compute_task(c), from, to);
    }
    return turned;
}

OrfTensor *
orf_tensor_repeat(OrfCompute *c, const OrfTensor *tensor, size_t n)
{
    if (!tensor)
        return NULL;
    OrfShape shape = { .rank = tensor->shape.rank + 1, .dim = { n } };
    g_assert(shape.rank <= ORF_MAX_RANK);
    for (unsigned i = 1; i < shape.rank; i++)
        shape.dim[i] = tensor->shape.dim[i - 1];
    OrfTensor *all = orf_tensor_new(c, shape);
    OrfMatrix from = orf_tensor_matrix(tensor);
    for (size_t i = 0; all && i < n; i++) {
        OrfMatrix to = { all->data + i * from.rows * all->ld, from.rows, from.columns,
                         all->ld };
        copy_into(c, from, to);
    }
    return all;
}
