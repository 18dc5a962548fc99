/* linear.c - matrix products with everything that follows them, in panels.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * The matrix is packed in panels of at most PANEL outputs. A piece of work is BLOCK rows times
 * one panel: its result stays in the second-level cache while scales, bias, activation, gate
 * and residual are applied, and one row spreads over all cores when there is only one.
 *
 * bf16: x is rounded per block. int8: weights have a scale per output, x one per row, found
 * anew for every row (dynamic quantisation); sums are exact. */
#include "tensor/cpu/cpu.h"

#include <math.h>
#include <string.h>

enum { PANEL = 1024, BLOCK = 256 };

typedef struct {
    size_t n_panels;
    float *scales; /* [n_out], int8 only */
    void *panels[];
} Packed;

static size_t
panel_width(const OrfWeight *weight, size_t panel)
{
    return MIN(PANEL, weight->n_out - panel * PANEL);
}

static dnnl_data_type_t
type_of(OrfPrecision precision)
{
    return precision == ORF_PRECISION_F32    ? dnnl_f32
           : precision == ORF_PRECISION_BF16 ? dnnl_bf16
                                             : dnnl_s8;
}

static size_t
bytes_of(OrfPrecision precision)
{
    return precision == ORF_PRECISION_F32 ? 4 : precision == ORF_PRECISION_BF16 ? 2 : 1;
}

/* --- Packing ------------------------------------------------------------------------------ */

ORF_CLONES static float
quantise(const float *x, int8_t *q, size_t n)
{
    float most = 0;
    for (size_t i = 0; i < n; i++) {
        float a = fabsf(x[i]);
        most = a > most ? a : most;
    }
    float scale = most > 0 ? 127.0f / most : 0;
    for (size_t i = 0; i < n; i++) {
        float shifted = x[i] * scale + 12582912.0f; /* rounds to nearest even */
        int32_t bits;
        memcpy(&bits, &shifted, sizeof bits);
        q[i] = (int8_t)(bits - 0x4b400000);
    }
    return most / 127.0f;
}

/* The panel's rows in the weight's number format. */
static void
convert_panel(const OrfWeight *weight, const float *values, size_t rows, void *out,
              float *scales)
{
    size_t k = weight->n_in;
    if (weight->precision == ORF_PRECISION_BF16)
        orf_dtype_f32_to_bf16(values, out, rows * k);
    for (size_t r = 0; r < rows && weight->precision == ORF_PRECISION_INT8; r++)
        scales[r] = quantise(values + r * k, (int8_t *)out + r * k, k);
}

static bool
pack_panel(OrfTask *task, OrfBackendState *state, OrfWeight *weight, size_t panel,
           const float *values, GError **error)
{
    Packed *packed = weight->packed;
    size_t n = panel_width(weight, panel), k = weight->n_in;
    OrfMatmul shape = { .type = type_of(weight->precision), .n = n, .k = k };
    size_t size = orf_cpu_packed_size(state, &shape, error);
    if (!size)
        return false;
    packed->panels[panel] = orf_task_alloc(task, size, 1, "weights", error);
    if (!packed->panels[panel])
        return false;
    weight->bytes += size;
    const float *rows = values + panel * PANEL * k;
    if (weight->precision == ORF_PRECISION_F32)
        return orf_cpu_pack(state, &shape, rows, packed->panels[panel], error);
    orf_autofree void *small =
        orf_task_alloc(task, n * k, bytes_of(weight->precision), "weights", error);
    if (!small)
        return false;
    convert_panel(weight, rows, n, small,
                  packed->scales ? packed->scales + panel * PANEL : NULL);
    return orf_cpu_pack(state, &shape, small, packed->panels[panel], error);
}

/* Without the instructions for it a small format is no faster, and older products of bytes
 * saturate: f32 then. */
static OrfPrecision
usable(OrfPrecision precision)
{
    if ((precision == ORF_PRECISION_BF16 && !orf_cpu_has_bf16()) ||
        (precision == ORF_PRECISION_INT8 && !orf_cpu_sums_bytes()))
        return ORF_PRECISION_F32;
    return precision;
}

bool
orf_cpu_pack_weight(OrfTask *task, OrfBackendState *state, OrfWeight *weight,
                    const float *values, GError **error)
{
    if (weight->k)
        return orf_cpu_pack_conv(task, state, weight, values, error);
    weight->precision = usable(weight->precision);
    size_t n = (weight->n_out + PANEL - 1) / PANEL;
    Packed *packed = g_malloc0(sizeof *packed + n * sizeof(void *));
    packed->n_panels = n;
    weight->packed = packed;
    if (weight->precision == ORF_PRECISION_INT8) {
        packed->scales = ORF_ALLOC(task, float, weight->n_out, "weights", error);
        if (!packed->scales)
            return false;
        weight->bytes += weight->n_out * sizeof(float);
    }
    for (size_t i = 0; i < n; i++)
        if (!pack_panel(task, state, weight, i, values, error))
            return false;
    return true;
}

void
orf_cpu_unpack_weight(OrfWeight *weight)
{
    if (weight->k) {
        orf_free(weight->packed);
        return;
    }
    Packed *packed = weight->packed;
    for (size_t i = 0; i < packed->n_panels; i++)
        orf_free(packed->panels[i]);
    orf_free(packed->scales);
    g_free(packed);
}

/* --- What follows the product ------------------------------------------------------------- */

ORF_CLONES static void
scale_and_bias(float *y, size_t n, float row_scale, const float *scales, const float *bias)
{
    if (scales)
        for (size_t i = 0; i < n; i++)
            y[i] *= row_scale * scales[i];
    if (bias)
        for (size_t i = 0; i < n; i++)
            y[i] += bias[i];
}

ORF_CLONES static void
gate_and_add(float *y, size_t n, const float *gate, const float *add)
{
    if (gate)
        for (size_t i = 0; i < n; i++)
            y[i] *= gate[i];
    if (add)
        for (size_t i = 0; i < n; i++)
            y[i] += add[i];
}

void
orf_cpu_epilogue(const OrfEpilogue *how, float *y, size_t n)
{
    scale_and_bias(y, n, how->row_scale, how->scales, how->bias);
    orf_cpu_act(how->act, y, y, n);
    gate_and_add(y, n, how->gate, how->add);
}

/* --- Multiplying -------------------------------------------------------------------------- */

typedef struct {
    OrfBackendState *state;
    const OrfLinearCall *call;
    size_t n_blocks;
    const void *x; /* in the weight's number format, x_ld apart */
    size_t x_ld;
    const float *row_scales;
    float *rooms; /* BLOCK * PANEL each: oneDNN is fast only where rows follow one another */
    GMutex lock;
    guint64 used;  /* which rooms are taken, one bit each */
    GError *error; /* of the first piece that failed */
} Work;

static size_t
take_room(Work *work)
{
    g_mutex_lock(&work->lock);
    size_t which = 0;
    while (work->used >> which & 1)
        which++;
    work->used |= (guint64)1 << which;
    g_mutex_unlock(&work->lock);
    return which;
}

static void
give_room(Work *work, size_t which)
{
    g_mutex_lock(&work->lock);
    work->used &= ~((guint64)1 << which);
    g_mutex_unlock(&work->lock);
}

static void
keep_error(Work *work, GError *error)
{
    g_mutex_lock(&work->lock);
    if (!work->error)
        work->error = g_steal_pointer(&error);
    g_mutex_unlock(&work->lock);
    g_clear_error(&error);
}

static void
finish_row(const Work *work, const float *sums, size_t row, size_t first, size_t n)
{
    const OrfLinearCall *call = work->call;
    const OrfWeight *weight = call->weight;
    const Packed *packed = weight->packed;
    OrfEpilogue how = { .act = call->act,
                        .row_scale = work->row_scales ? work->row_scales[row] : 1,
                        .scales = packed->scales ? packed->scales + first : NULL,
                        .bias = weight->bias ? weight->bias + first : NULL };
    if (call->gate)
        how.gate = call->gate + row / call->gate_rows * call->gate_ld + first;
    if (call->add)
        how.add = call->add + row * call->add_ld + first;
    float *y = call->y.data + row * call->y.ld + first;
    if (sums != y)
        memcpy(y, sums, n * sizeof *y);
    orf_cpu_epilogue(&how, y, n);
}

static void
multiply_piece(Work *work, size_t piece, float *room)
{
    const OrfLinearCall *call = work->call;
    const OrfWeight *weight = call->weight;
    const Packed *packed = weight->packed;
    size_t panel = piece / work->n_blocks, row = piece % work->n_blocks * BLOCK;
    size_t rows = MIN(BLOCK, call->y.rows - row), n = panel_width(weight, panel);
    float *y = room ? room : call->y.data + row * call->y.ld;
    OrfMatmul shape = { .type = type_of(weight->precision),
                        .m = rows,
                        .n = n,
                        .k = weight->n_in,
                        .x_ld = work->x_ld,
                        .y_ld = n };
    GError *error = NULL;
    const char *x = (const char *)work->x + row * work->x_ld * bytes_of(weight->precision);
    if (!orf_cpu_matmul(work->state, &shape, x, packed->panels[panel], y, &error)) {
        keep_error(work, error);
        return;
    }
    bool nothing =
        !room && !weight->bias && !packed->scales && !call->act && !call->gate && !call->add;
    for (size_t r = 0; r < rows && !nothing; r++)
        finish_row(work, y + r * n, row + r, panel * PANEL, n);
}

static void
multiply(size_t begin, size_t end, void *data)
{
    Work *work = data;
    size_t which = take_room(work);
    float *room = work->rooms ? work->rooms + which * BLOCK * PANEL : NULL;
    for (size_t piece = begin; piece < end; piece++)
        multiply_piece(work, piece, room);
    give_room(work, which);
}

typedef struct {
    const OrfLinearCall *call;
    void *out;
    float *row_scales;
} Convert;

static void
copy_row(const Convert *convert, size_t r)
{
    const OrfMatrix *x = &convert->call->x;
    const float *from = x->data + r * x->ld;
    if (convert->call->weight->precision == ORF_PRECISION_BF16)
        orf_cpu_to_bf16(from, (uint16_t *)convert->out + r * x->columns, x->columns);
    else
        memcpy((float *)convert->out + r * x->columns, from, x->columns * sizeof *from);
}

static void
convert_rows(size_t begin, size_t end, void *data)
{
    const Convert *convert = data;
    const OrfMatrix *x = &convert->call->x;
    for (size_t r = begin; r < end; r++)
        if (convert->row_scales)
            convert->row_scales[r] = quantise(
                x->data + r * x->ld, (int8_t *)convert->out + r * x->columns, x->columns);
        else
            copy_row(convert, r);
}

static bool
run(OrfTask *task, Work *work, GError **error)
{
    const OrfLinearCall *call = work->call;
    const Packed *packed = call->weight->packed;
    bool dense = packed->n_panels == 1 && call->y.ld == call->weight->n_out;
    size_t rooms = dense ? 0 : MIN(orf_task_cores(task), 64) * BLOCK * PANEL;
    work->n_blocks = (call->y.rows + BLOCK - 1) / BLOCK;
    orf_autofree float *room = rooms ? ORF_ALLOC(task, float, rooms, "sums", error) : NULL;
    if (rooms && !room)
        return false;
    work->rooms = room;
    g_mutex_init(&work->lock);
    orf_task_parallel(task, work->n_blocks * packed->n_panels, 1, multiply, work);
    g_mutex_clear(&work->lock);
    if (!work->error)
        return orf_task_check(task, error);
    g_propagate_error(error, work->error);
    return false;
}

bool
orf_cpu_linear(OrfTask *task, OrfBackendState *state, const OrfLinearCall *call, GError **error)
{
    const OrfWeight *weight = call->weight;
    Work work = { .state = state, .call = call, .x = call->x.data, .x_ld = weight->n_in };
    bool dense = call->x.ld == call->x.columns || call->x.rows == 1;
    if (!call->y.rows || (weight->precision == ORF_PRECISION_F32 && dense))
        return !call->y.rows || run(task, &work, error);
    size_t rows = call->x.rows;
    bool int8 = weight->precision == ORF_PRECISION_INT8;
    orf_autofree void *x = orf_task_alloc(task, rows * weight->n_in,
                                          bytes_of(weight->precision), "activations", error);
    orf_autofree float *row_scales =
        int8 ? ORF_ALLOC(task, float, rows, "activations", error) : NULL;
    if (!x || (int8 && !row_scales))
        return false;
    Convert convert = { call, x, row_scales };
    orf_task_parallel(task, rows, 64, convert_rows, &convert);
    work.x = x;
    work.row_scales = row_scales;
    return run(task, &work, error);
}
