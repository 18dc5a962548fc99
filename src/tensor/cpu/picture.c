/* picture.c - convolution in bands of rows, pooling, resizing.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Pictures lie with their channels together, so a band of rows is one run of memory: each core
 * convolves bands of its own, with the padding that its place asks for. */
#include "tensor/cpu/cpu.h"

#include <math.h>
#include <string.h>

/* --- Convolution -------------------------------------------------------------------------- */

static OrfConvShape
shape_of(const OrfWeight *weight)
{
    return (OrfConvShape){
        .type = dnnl_f32,
        .n_in = weight->n_in,
        .n_out = weight->n_out,
        .k = weight->k,
        .step = 1,
        .dilation = 1,
        .bias = weight->bias != NULL,
    };
}

/* Small formats are for matrices: with tiles, oneDNN wants bf16 weights in another form for
 * every width of picture, and is a thousand times slower with any but that. */
bool
orf_cpu_pack_conv(OrfTask *task, OrfBackendState *state, OrfWeight *weight, const float *values,
                  GError **error)
{
    weight->precision = ORF_PRECISION_F32;
    OrfConvShape shape = shape_of(weight);
    size_t size = orf_cpu_conv_packed_size(state, &shape, error);
    if (!size)
        return false;
    weight->packed = orf_task_alloc(task, size, 1, "weights", error);
    weight->bytes = size;
    return weight->packed && orf_cpu_conv_pack(state, &shape, values, weight->packed, error);
}

typedef struct {
    OrfBackendState *state;
    const OrfConvCall *call;
    const float *x;
    size_t bands, rows; /* of one picture; output rows in a band */
    GMutex lock;
    GError *error;
} Work;

static void
convolve_band(Work *work, size_t image, size_t band)
{
    const OrfConvCall *call = work->call;
    size_t first = band * work->rows, rows = MIN(work->rows, call->oh - first);
    int64_t top = (int64_t)(first * call->step) - (int64_t)call->pad;
    int64_t bottom =
        (int64_t)((first + rows - 1) * call->step + (call->k - 1) * call->dilation) -
        (int64_t)call->pad; /* the last source row, perhaps outside */
    size_t begin = (size_t)CLAMP(top, 0, (int64_t)call->h - 1);
    size_t end = (size_t)CLAMP(bottom, 0, (int64_t)call->h - 1) + 1;
    OrfConvShape shape = shape_of(call->weight);
    shape.h = end - begin;
    shape.w = call->w;
    shape.oh = rows;
    shape.ow = call->ow;
    shape.step = call->step;
    shape.dilation = call->dilation;
    shape.pad_top = (size_t)((int64_t)begin - top);
    shape.pad_bottom = (size_t)(bottom + 1 - (int64_t)end);
    shape.pad_left = call->pad;
    shape.pad_right =
        (call->ow - 1) * call->step + (call->k - 1) * call->dilation + 1 - call->pad - call->w;
    shape.relu = call->relu;
    const float *x = work->x + (image * call->h + begin) * call->w * call->n_in;
    GError *error = NULL;
    if (!orf_cpu_conv(work->state, &shape, x, call->weight->packed, call->weight->bias,
                      call->y + (image * call->oh + first) * call->ow * call->n_out, &error)) {
        g_mutex_lock(&work->lock);
        if (work->error)
            g_error_free(error);
        else
            work->error = error;
        g_mutex_unlock(&work->lock);
    }
}

static void
convolve(size_t begin, size_t end, void *data)
{
    Work *work = data;
    for (size_t i = begin; i < end; i++)
        convolve_band(work, i / work->bands, i % work->bands);
}

bool
orf_cpu_conv_call(OrfTask *task, OrfBackendState *state, const OrfConvCall *call,
                  GError **error)
{
    size_t cores = orf_task_cores(task), reach = (call->k - 1) * call->dilation;
    size_t wanted = cores > 1 ? 2 * cores : 1;
    size_t rows = MAX(MAX((call->oh + wanted - 1) / wanted, reach + 1), 4);
    Work work = { .state = state, .call = call, .x = call->x, .rows = MIN(rows, call->oh) };
    work.bands = (call->oh + work.rows - 1) / work.rows;
    g_mutex_init(&work.lock);
    orf_task_parallel(task, call->batch * work.bands, 1, convolve, &work);
    g_mutex_clear(&work.lock);
    if (!work.error)
        return orf_task_check(task, error);
    g_propagate_error(error, work.error);
    return false;
}

/* --- Pooling ------------------------------------------------------------------------------ */

ORF_CLONES static void
largest_of_four(const float *a, const float *b, const float *c, const float *d, float *y,
                size_t n)
{
    for (size_t i = 0; i < n; i++) {
        float upper = a[i] > b[i] ? a[i] : b[i], lower = c[i] > d[i] ? c[i] : d[i];
        y[i] = upper > lower ? upper : lower;
    }
}

static void
pool_rows(size_t begin, size_t end, void *data)
{
    const OrfPoolCall *call = data;
    size_t n = call->channels, oh = (call->h + 1) / 2, ow = (call->w + 1) / 2;
    for (size_t row = begin; row < end; row++) {
        size_t image = row / oh, y = row % oh * 2;
        const float *upper = call->x + (image * call->h + y) * call->w * n;
        const float *lower = y + 1 < call->h ? upper + call->w * n : upper;
        for (size_t x = 0; x < ow; x++) {
            size_t left = 2 * x * n, right = 2 * x + 1 < call->w ? left + n : left;
            largest_of_four(upper + left, upper + right, lower + left, lower + right,
                            call->y + (row * ow + x) * n, n);
        }
    }
}

bool
orf_cpu_max_pool(OrfTask *task, const OrfPoolCall *call)
{
    return orf_task_parallel(task, call->batch * ((call->h + 1) / 2), 4, pool_rows,
                             (void *)call);
}

/* --- Resizing ----------------------------------------------------------------------------- */

typedef struct {
    const OrfResizeCall *call;
    OrfTask *task;
} Resize;

ORF_CLONES static void
add_scaled(float *y, const float *x, float weight, size_t n)
{
    for (size_t i = 0; i < n; i++)
        y[i] += weight * x[i];
}

static size_t
clamped(int64_t at, size_t n)
{
    return (size_t)CLAMP(at, 0, (int64_t)n - 1);
}

/* Source rows of one target row become one, then its samples are mixed. */
static void
resize_row(const OrfResizeCall *call, size_t row, float *line)
{
    const OrfTaps *down = &call->down, *across = &call->across;
    size_t image = row / down->n, y = row % down->n, n = call->channels;
    size_t width = across->n_source * n;
    memset(line, 0, width * sizeof *line);
    for (uint32_t i = down->first[y]; i < down->first[y + 1]; i++) {
        size_t from = clamped(down->from[y] + (int64_t)(i - down->first[y]), down->n_source);
        add_scaled(line, call->x + (image * down->n_source + from) * width, down->weights[i],
                   width);
    }
    float *out = call->y + row * across->n * n;
    memset(out, 0, across->n * n * sizeof *out);
    for (size_t x = 0; x < across->n; x++)
        for (uint32_t j = across->first[x]; j < across->first[x + 1]; j++) {
            size_t from =
                clamped(across->from[x] + (int64_t)(j - across->first[x]), across->n_source);
            add_scaled(out + x * n, line + from * n, across->weights[j], n);
        }
}

static void
resize_rows(size_t begin, size_t end, void *data)
{
    const Resize *resize = data;
    const OrfResizeCall *call = resize->call;
    orf_autofree float *line = ORF_ALLOC(NULL, float, call->across.n_source * call->channels,
                                         "one row of a picture", NULL);
    for (size_t row = begin; line && row < end; row++)
        resize_row(call, row, line);
}

bool
orf_cpu_resize(OrfTask *task, OrfBackendState *state, const OrfResizeCall *call, GError **error)
{
    (void)state;
    Resize resize = { call, task };
    return orf_task_parallel(task, call->batch * call->down.n, 16, resize_rows, &resize) ||
           orf_task_check(task, error);
}
