/* dnnl.c - oneDNN primitives by shape: made once, run on the thread that calls.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * oneDNN would spread a primitive over OpenMP's threads; here the task's own threads split the
 * work, so that cancel, the task's cores and the memory budget hold. OpenMP's count is one in
 * every thread that comes here, and scratch memory is the thread's own. */
#include "tensor/cpu/cpu.h"

#include <string.h>

void omp_set_num_threads(int threads); /* of libgomp, which oneDNN stands on */

typedef struct {
    bool conv;
    union {
        OrfMatmul matmul;
        OrfConvShape conv;
    } u;
} Key;

typedef struct {
    dnnl_primitive_desc_t desc;
    dnnl_primitive_t primitive;
    const dnnl_memory_desc_t *x, *w, *bias, *y, *scratch;
    size_t scratch_size;
} Made;

typedef struct {
    void *data;
    size_t size;
} Scratch;

struct OrfBackendState {
    dnnl_engine_t engine;
    GMutex lock;
    GPtrArray *scratch; /* Scratch */
    GHashTable *made;   /* Key to Made */
};

static bool
refused(dnnl_status_t status, const char *what, GError **error)
{
    if (status == dnnl_success)
        return false;
    return !ORF_FALSE(error, BUG, "oneDNN: %s: status %d", what, (int)status);
}

static guint
key_hash(gconstpointer key)
{
    const uint8_t *bytes = key;
    guint hash = 2166136261u; /* FNV-1a */
    for (size_t i = 0; i < sizeof(Key); i++)
        hash = (hash ^ bytes[i]) * 16777619u;
    return hash;
}

static gboolean
key_equal(gconstpointer a, gconstpointer b)
{
    return memcmp(a, b, sizeof(Key)) == 0;
}

static void
made_free(void *data)
{
    Made *made = data;
    if (made->primitive)
        dnnl_primitive_destroy(made->primitive);
    if (made->desc)
        dnnl_primitive_desc_destroy(made->desc);
    g_free(made);
}

static void
scratch_free(void *data)
{
    Scratch *scratch = data;
    g_aligned_free(scratch->data);
    g_free(scratch);
}

bool
orf_cpu_open(OrfTask *task, OrfBackendState **ret, GError **error)
{
    (void)task;
    OrfBackendState *state = g_new0(OrfBackendState, 1);
    g_mutex_init(&state->lock);
    state->scratch = g_ptr_array_new_with_free_func(scratch_free);
    state->made = g_hash_table_new_full(key_hash, key_equal, g_free, made_free);
    if (refused(dnnl_engine_create(&state->engine, dnnl_cpu, 0), "no engine", error)) {
        orf_cpu_close(state);
        return false;
    }
    *ret = state;
    return true;
}

void
orf_cpu_close(OrfBackendState *state)
{
    if (!state)
        return;
    g_hash_table_unref(state->made);
    g_ptr_array_unref(state->scratch);
    if (state->engine)
        dnnl_engine_destroy(state->engine);
    g_mutex_clear(&state->lock);
    g_free(state);
}

bool
orf_cpu_sums_bytes(void)
{
    unsigned isa = dnnl_get_effective_cpu_isa();
    return (isa & dnnl_cpu_isa_avx512_core_vnni) == dnnl_cpu_isa_avx512_core_vnni ||
           (isa & dnnl_cpu_isa_avx2_vnni) == dnnl_cpu_isa_avx2_vnni;
}

bool
orf_cpu_has_bf16(void)
{
    return (dnnl_get_effective_cpu_isa() & dnnl_cpu_isa_avx512_core_bf16) ==
           dnnl_cpu_isa_avx512_core_bf16;
}

/* --- Making ------------------------------------------------------------------------------- */

static dnnl_status_t
strided(dnnl_memory_desc_t *desc, size_t rows, size_t columns, dnnl_data_type_t type,
        size_t row_step, size_t column_step)
{
    dnnl_dims_t dims = { (dnnl_dim_t)rows, (dnnl_dim_t)columns };
    dnnl_dims_t strides = { (dnnl_dim_t)row_step, (dnnl_dim_t)column_step };
    return dnnl_memory_desc_init_by_strides(desc, 2, dims, type, strides);
}

/* The form of w that is fastest for a few hundred rows; other row counts take it too. */
static dnnl_status_t
packed_form(OrfBackendState *state, const OrfMatmul *shape, dnnl_memory_desc_t *ret)
{
    enum { ROWS = 256 };
    dnnl_memory_desc_t x, w, y;
    dnnl_dims_t dims = { (dnnl_dim_t)shape->k, (dnnl_dim_t)shape->n };
    dnnl_matmul_desc_t matmul;
    dnnl_primitive_desc_t desc;
    strided(&x, ROWS, shape->k, shape->type, shape->k, 1);
    strided(&y, ROWS, shape->n, dnnl_f32, shape->n, 1);
    dnnl_memory_desc_init_by_tag(&w, 2, dims, shape->type, dnnl_format_tag_any);
    dnnl_status_t status = dnnl_matmul_desc_init(&matmul, &x, &w, NULL, &y);
    if (status == dnnl_success)
        status = dnnl_primitive_desc_create(&desc, &matmul, NULL, state->engine, NULL);
    if (status != dnnl_success)
        return status;
    *ret = *dnnl_primitive_desc_query_md(desc, dnnl_query_weights_md, 0);
    return dnnl_primitive_desc_destroy(desc);
}

static dnnl_status_t
matmul_desc(OrfBackendState *state, const OrfMatmul *shape, dnnl_primitive_attr_t attr,
            dnnl_primitive_desc_t *ret)
{
    dnnl_memory_desc_t x, w, y;
    dnnl_matmul_desc_t matmul;
    dnnl_status_t status = dnnl_success;
    strided(&x, shape->m, shape->k, shape->type, shape->x_ld, 1);
    strided(&y, shape->m, shape->n, dnnl_f32, shape->y_ld, 1);
    if (!shape->w_ld)
        status = packed_form(state, shape, &w);
    else if (shape->w_rows_are_outputs)
        strided(&w, shape->k, shape->n, shape->type, 1, shape->w_ld);
    else
        strided(&w, shape->k, shape->n, shape->type, shape->w_ld, 1);
    if (status == dnnl_success)
        status = dnnl_matmul_desc_init(&matmul, &x, &w, NULL, &y);
    return status == dnnl_success
               ? dnnl_primitive_desc_create(ret, &matmul, attr, state->engine, NULL)
               : status;
}

static dnnl_status_t
conv_desc(OrfBackendState *state, const OrfConvShape *s, const dnnl_memory_desc_t *form,
          dnnl_primitive_attr_t attr, dnnl_primitive_desc_t *ret)
{
    dnnl_memory_desc_t x, w, bias, y;
    dnnl_convolution_desc_t conv;
#define DIM(v) ((dnnl_dim_t)(v))
    dnnl_dims_t xd = { 1, DIM(s->n_in), DIM(s->h), DIM(s->w) };
    dnnl_dims_t yd = { 1, DIM(s->n_out), DIM(s->oh), DIM(s->ow) };
    dnnl_dims_t wd = { DIM(s->n_out), DIM(s->n_in), DIM(s->k), DIM(s->k) };
    dnnl_dims_t bd = { DIM(s->n_out) };
    dnnl_dims_t step = { DIM(s->step), DIM(s->step) };
    dnnl_dims_t dilate = { DIM(s->dilation - 1), DIM(s->dilation - 1) };
    dnnl_dims_t low = { DIM(s->pad_top), DIM(s->pad_left) };
    dnnl_dims_t high = { DIM(s->pad_bottom), DIM(s->pad_right) };
#undef DIM
    dnnl_memory_desc_init_by_tag(&x, 4, xd, s->type, dnnl_nhwc);
    dnnl_memory_desc_init_by_tag(&y, 4, yd, dnnl_f32, dnnl_nhwc);
    dnnl_memory_desc_init_by_tag(&w, 4, wd, s->type, dnnl_format_tag_any);
    dnnl_memory_desc_init_by_tag(&bias, 1, bd, dnnl_f32, dnnl_a);
    dnnl_status_t status = dnnl_dilated_convolution_forward_desc_init(
        &conv, dnnl_forward_inference, dnnl_convolution_direct, &x, form ? form : &w,
        s->bias ? &bias : NULL, &y, step, dilate, low, high);
    return status == dnnl_success
               ? dnnl_primitive_desc_create(ret, &conv, attr, state->engine, NULL)
               : status;
}

/* The form of w that is fastest for a middling picture; every size of picture takes it. */
static dnnl_status_t
conv_form(OrfBackendState *state, const OrfConvShape *shape, dnnl_memory_desc_t *ret)
{
    OrfConvShape middling = *shape;
    dnnl_primitive_desc_t desc;
    size_t pad = (shape->k - 1) / 2;
    middling.step = middling.dilation = 1; /* weights are packed before these are known */
    middling.h = middling.w = 64;
    middling.oh = middling.ow = 64 + 2 * pad - (shape->k - 1);
    middling.pad_top = middling.pad_bottom = middling.pad_left = middling.pad_right = pad;
    dnnl_status_t status = conv_desc(state, &middling, NULL, NULL, &desc);
    if (status != dnnl_success)
        return status;
    *ret = *dnnl_primitive_desc_query_md(desc, dnnl_query_weights_md, 0);
    return dnnl_primitive_desc_destroy(desc);
}

static dnnl_status_t
formed_conv_desc(OrfBackendState *state, const OrfConvShape *shape, dnnl_primitive_attr_t attr,
                 dnnl_primitive_desc_t *ret)
{
    dnnl_memory_desc_t form;
    dnnl_status_t status = conv_form(state, shape, &form);
    return status == dnnl_success ? conv_desc(state, shape, &form, attr, ret) : status;
}

static dnnl_status_t
make_attr(const Key *key, dnnl_primitive_attr_t *ret)
{
    dnnl_post_ops_t after;
    dnnl_status_t status = dnnl_primitive_attr_create(ret);
    if (status != dnnl_success)
        return status;
    dnnl_primitive_attr_set_scratchpad_mode(*ret, dnnl_scratchpad_mode_user);
    bool relu = key->conv && key->u.conv.relu, add = !key->conv && key->u.matmul.add;
    if (!relu && !add)
        return dnnl_success;
    status = dnnl_post_ops_create(&after);
    if (status != dnnl_success)
        return status;
    if (relu)
        dnnl_post_ops_append_eltwise(after, 1, dnnl_eltwise_relu, 0, 0);
    if (add)
        dnnl_post_ops_append_sum(after, 1);
    status = dnnl_primitive_attr_set_post_ops(*ret, after);
    dnnl_post_ops_destroy(after);
    return status;
}

static Made *
make(OrfBackendState *state, const Key *key, GError **error)
{
    dnnl_primitive_attr_t attr = NULL;
    Made *made = g_new0(Made, 1);
    dnnl_status_t status = make_attr(key, &attr);
    if (status == dnnl_success)
        status = key->conv ? formed_conv_desc(state, &key->u.conv, attr, &made->desc)
                           : matmul_desc(state, &key->u.matmul, attr, &made->desc);
    if (status == dnnl_success)
        status = dnnl_primitive_create(&made->primitive, made->desc);
    if (attr)
        dnnl_primitive_attr_destroy(attr);
    if (refused(status, "a kernel for these shapes", error)) {
        made_free(made);
        return NULL;
    }
    made->x = dnnl_primitive_desc_query_md(made->desc, dnnl_query_src_md, 0);
    made->w = dnnl_primitive_desc_query_md(made->desc, dnnl_query_weights_md, 0);
    made->bias = dnnl_primitive_desc_query_md(made->desc, dnnl_query_weights_md, 1);
    made->y = dnnl_primitive_desc_query_md(made->desc, dnnl_query_dst_md, 0);
    made->scratch = dnnl_primitive_desc_query_md(made->desc, dnnl_query_scratchpad_md, 0);
    made->scratch_size = dnnl_memory_desc_get_size(made->scratch);
    return made;
}

static Made *
find_or_make(OrfBackendState *state, const Key *key, GError **error)
{
    omp_set_num_threads(1);
    g_mutex_lock(&state->lock);
    Made *made = g_hash_table_lookup(state->made, key);
    if (!made) {
        made = make(state, key, error);
        if (made)
            g_hash_table_insert(state->made, g_memdup2(key, sizeof *key), made);
    }
    g_mutex_unlock(&state->lock);
    return made;
}

/* --- Running ------------------------------------------------------------------------------ */

/* Scratch memory that no call uses just now; as many blocks as threads ever met here. */
static Scratch *
take_scratch(OrfBackendState *state, size_t size)
{
    g_mutex_lock(&state->lock);
    Scratch *scratch =
        state->scratch->len
            ? g_ptr_array_steal_index_fast(state->scratch, state->scratch->len - 1)
            : g_new0(Scratch, 1);
    g_mutex_unlock(&state->lock);
    if (scratch->size < size) {
        g_aligned_free(scratch->data);
        scratch->data = g_aligned_alloc(1, size, 64);
        scratch->size = size;
    }
    return scratch;
}

static void
give_scratch(OrfBackendState *state, Scratch *scratch)
{
    g_mutex_lock(&state->lock);
    g_ptr_array_add(state->scratch, scratch);
    g_mutex_unlock(&state->lock);
}

static bool
run(OrfBackendState *state, const Made *made, const void *x, const void *w, const void *bias,
    void *y, GError **error)
{
    dnnl_stream_t stream;
    if (refused(dnnl_stream_create(&stream, state->engine, dnnl_stream_default_flags),
                "no stream", error))
        return false;
    const dnnl_memory_desc_t *descs[] = { made->x, made->w, made->y, made->scratch,
                                          made->bias };
    const int args[] = { DNNL_ARG_SRC, DNNL_ARG_WEIGHTS, DNNL_ARG_DST, DNNL_ARG_SCRATCHPAD,
                         DNNL_ARG_BIAS };
    Scratch *scratch = take_scratch(state, made->scratch_size);
    void *data[] = { (void *)x, (void *)w, y, scratch->data, (void *)bias };
    dnnl_exec_arg_t list[5];
    int n = bias ? 5 : 4, ready = 0;
    dnnl_status_t status = dnnl_success;
    for (; ready < n && status == dnnl_success; ready++) {
        list[ready].arg = args[ready];
        status =
            dnnl_memory_create(&list[ready].memory, descs[ready], state->engine, data[ready]);
    }
    if (status == dnnl_success)
        status = dnnl_primitive_execute(made->primitive, stream, n, list);
    for (int i = 0; i < ready; i++)
        dnnl_memory_destroy(list[i].memory);
    dnnl_stream_destroy(stream);
    give_scratch(state, scratch);
    return !refused(status, "a kernel failed", error);
}

static bool
reorder(OrfBackendState *state, const dnnl_memory_desc_t *from, const void *in,
        const dnnl_memory_desc_t *to, void *out, GError **error)
{
    dnnl_primitive_desc_t desc = NULL;
    dnnl_primitive_t primitive = NULL;
    dnnl_stream_t stream = NULL;
    dnnl_memory_t a = NULL, b = NULL;
    dnnl_status_t status =
        dnnl_reorder_primitive_desc_create(&desc, from, state->engine, to, state->engine, NULL);
    if (status == dnnl_success)
        status = dnnl_primitive_create(&primitive, desc);
    if (status == dnnl_success)
        status = dnnl_stream_create(&stream, state->engine, dnnl_stream_default_flags);
    if (status == dnnl_success)
        status = dnnl_memory_create(&a, from, state->engine, (void *)in);
    if (status == dnnl_success)
        status = dnnl_memory_create(&b, to, state->engine, out);
    if (status == dnnl_success) {
        dnnl_exec_arg_t args[] = { { DNNL_ARG_FROM, a }, { DNNL_ARG_TO, b } };
        status = dnnl_primitive_execute(primitive, stream, 2, args);
    }
    dnnl_memory_destroy(a);
    dnnl_memory_destroy(b);
    dnnl_stream_destroy(stream);
    dnnl_primitive_destroy(primitive);
    dnnl_primitive_desc_destroy(desc);
    return !refused(status, "weights cannot be packed", error);
}

/* --- Matrices ----------------------------------------------------------------------------- */

static void
matmul_key(const OrfMatmul *shape, Key *ret)
{
    memset(ret, 0, sizeof *ret); /* padding too: keys are compared byte by byte */
    OrfMatmul *to = &ret->u.matmul;
    to->type = shape->type;
    to->m = shape->m;
    to->n = shape->n;
    to->k = shape->k;
    to->x_ld = shape->x_ld;
    to->y_ld = shape->y_ld;
    to->w_ld = shape->w_ld;
    to->w_rows_are_outputs = shape->w_rows_are_outputs;
    to->add = shape->add;
}

bool
orf_cpu_matmul(OrfBackendState *state, const OrfMatmul *shape, const void *x, const void *w,
               float *y, GError **error)
{
    Key key;
    matmul_key(shape, &key);
    const Made *made = find_or_make(state, &key, error);
    return made && run(state, made, x, w, NULL, y, error);
}

size_t
orf_cpu_packed_size(OrfBackendState *state, const OrfMatmul *shape, GError **error)
{
    dnnl_memory_desc_t w;
    omp_set_num_threads(1);
    if (refused(packed_form(state, shape, &w), "a packed form", error))
        return 0;
    return dnnl_memory_desc_get_size(&w);
}

bool
orf_cpu_pack(OrfBackendState *state, const OrfMatmul *shape, const void *w, void *packed,
             GError **error)
{
    dnnl_memory_desc_t to, from;
    omp_set_num_threads(1);
    if (refused(packed_form(state, shape, &to), "a packed form", error))
        return false;
    strided(&from, shape->k, shape->n, shape->type, 1, shape->k);
    return reorder(state, &from, w, &to, packed, error);
}

/* --- Convolutions ------------------------------------------------------------------------- */

static void
conv_key(const OrfConvShape *s, Key *ret)
{
    memset(ret, 0, sizeof *ret);
    ret->conv = true;
    OrfConvShape *to = &ret->u.conv;
    to->type = s->type;
    to->h = s->h, to->w = s->w, to->n_in = s->n_in, to->n_out = s->n_out;
    to->oh = s->oh, to->ow = s->ow, to->k = s->k, to->step = s->step;
    to->dilation = s->dilation;
    to->pad_top = s->pad_top, to->pad_bottom = s->pad_bottom;
    to->pad_left = s->pad_left, to->pad_right = s->pad_right;
    to->relu = s->relu, to->bias = s->bias;
}

bool
orf_cpu_conv(OrfBackendState *state, const OrfConvShape *shape, const void *x, const void *w,
             const float *bias, float *y, GError **error)
{
    Key key;
    conv_key(shape, &key);
    const Made *made = find_or_make(state, &key, error);
    return made && run(state, made, x, w, bias, y, error);
}

size_t
orf_cpu_conv_packed_size(OrfBackendState *state, const OrfConvShape *shape, GError **error)
{
    dnnl_memory_desc_t form;
    omp_set_num_threads(1);
    if (refused(conv_form(state, shape, &form), "a packed form", error))
        return 0;
    return dnnl_memory_desc_get_size(&form);
}

bool
orf_cpu_conv_pack(OrfBackendState *state, const OrfConvShape *shape, const float *w,
                  void *packed, GError **error)
{
    dnnl_memory_desc_t from, form;
    dnnl_dims_t dims = { (dnnl_dim_t)shape->n_out, (dnnl_dim_t)shape->n_in,
                         (dnnl_dim_t)shape->k, (dnnl_dim_t)shape->k };
    omp_set_num_threads(1);
    if (refused(conv_form(state, shape, &form), "a packed form", error))
        return false;
    dnnl_memory_desc_init_by_tag(&from, 4, dims, dnnl_f32, dnnl_oihw);
    return reorder(state, &from, w, &form, packed, error);
}
