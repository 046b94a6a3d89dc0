/* Convolution as the one sgemm per group that a BLAS library makes of it, on a matrix of patches that lies ready: gathering it
 * (im2col) is not timed. Everything is nhwc and krsc in f32, converted once: the pixels of all images are the rows of one tall
 * matrix, row (n, p, q) holding [group][r][s][channel] of what the filter meets there. Backward data gathers from y. */
#include "reference.h"

#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cblas.h"
#include "conv_tensors.h"
#include "library.h"

enum { ALIGNMENT = 64 };

struct matrix {
    int64_t elements;
    int trans, ld;
    int64_t group_step; /* elements from one group's matrix to the next one's */
    float **set;
};

struct blas_conv {
    sgemm_function *sgemm;
    struct conv_tensors tensors;
    int groups, m, n, k;
    struct matrix a, b, c;
    int set_count, next_set;
    char routine[96];
};

/* ---- patches --------------------------------------------------------------------------------------------------- */

/* What a position of the filter meets: along one dimension, from output to input and back. */
static int64_t met_forward(int64_t out, int64_t tap, int64_t stride, int64_t dilation, int64_t pad, int64_t extent)
{
    const int64_t in = out * stride + tap * dilation - pad;
    return in >= 0 && in < extent ? in : -1;
}

static int64_t met_backward(int64_t in, int64_t tap, int64_t stride, int64_t dilation, int64_t pad, int64_t extent)
{
    const int64_t out = in + pad - tap * dilation;
    return out >= 0 && out % stride == 0 && out / stride < extent ? out / stride : -1;
}

/* patches[n, row, column][group][r][s][channel] of `image`, nhwc with `channels`; 0 in the padding. */
static void gather(const struct conv_fields *f, const float *image, float *patches)
{
    const bool from_y = f->direction == CONV_BACKWARD_DATA;
    const int64_t rows = from_y ? f->h : conv_rows(f), columns = from_y ? f->w : conv_columns(f);
    const int64_t height = from_y ? conv_rows(f) : f->h, width = from_y ? conv_columns(f) : f->w;
    const int64_t channels = from_y ? f->k : f->c, per_group = channels / f->groups;
    int64_t (*met)(int64_t, int64_t, int64_t, int64_t, int64_t, int64_t) = from_y ? met_backward : met_forward;
    for (int64_t n = 0; n < f->n; n++)
        for (int64_t row = 0; row < rows; row++)
            for (int64_t column = 0; column < columns; column++)
                for (int64_t g = 0; g < f->groups; g++)
                    for (int64_t r = 0; r < f->r; r++)
                        for (int64_t s = 0; s < f->s; s++, patches += per_group) {
                            const int64_t y = met(row, r, f->stride_h, f->dilation_h, f->pad_top, height);
                            const int64_t x = met(column, s, f->stride_w, f->dilation_w, f->pad_left, width);
                            const float *pixel = image + ((n * height + y) * width + x) * channels + g * per_group;
                            if (y < 0 || x < 0)
                                memset(patches, 0, (size_t)per_group * sizeof *patches);
                            else
                                memcpy(patches, pixel, (size_t)per_group * sizeof *patches);
                        }
}

/* filter[k][r][s][c] as [group][r][s][k][c], which backward data multiplies with. */
static void exchange_filter(const struct conv_fields *f, const float *filter, float *to)
{
    const int64_t outputs = f->k / f->groups, inputs = f->c / f->groups, taps = f->r * f->s;
    for (int64_t g = 0; g < f->groups; g++)
        for (int64_t tap = 0; tap < taps; tap++)
            for (int64_t k = 0; k < outputs; k++, to += inputs)
                memcpy(to, filter + ((g * outputs + k) * taps + tap) * inputs, (size_t)inputs * sizeof *to);
}

/* ---- the product ------------------------------------------------------------------------------------------------- */

static hpck_status translate(struct blas_conv *state, struct error *err)
{
    const struct conv_fields *f = &state->tensors.problem.field.conv;
    const int64_t outputs = f->k / f->groups, inputs = f->c / f->groups, taps = f->r * f->s;
    const int64_t pixels_x = f->n * f->h * f->w, pixels_y = f->n * conv_rows(f) * conv_columns(f);
    const int64_t from_x = taps * inputs, from_y = taps * outputs; /* a patch of one group */
    const int64_t *const elements = state->tensors.elements;
    const int64_t sizes[] = { pixels_x, pixels_y, f->groups * from_x, f->groups * from_y };
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        if (sizes[i] > INT_MAX)
            return error_set(err, HPCK_UNSUPPORTED, "a size is beyond the 32 bits of this BLAS");
    const struct matrix patches_x = { pixels_y * f->groups * from_x, NO_TRANS, (int)(f->groups * from_x), from_x,
                                      NULL };
    const struct matrix patches_y = { pixels_x * f->groups * from_y, NO_TRANS, (int)(f->groups * from_y), from_y,
                                      NULL };
    const struct matrix x = { elements[TENSOR_X], NO_TRANS, (int)f->c, inputs, NULL };
    const struct matrix y = { elements[TENSOR_Y], NO_TRANS, (int)f->k, outputs, NULL };
    const struct matrix filter = { elements[TENSOR_FILTER], NO_TRANS, (int)from_x, outputs * from_x, NULL };
    const struct matrix exchanged = { elements[TENSOR_FILTER], NO_TRANS, (int)inputs, from_y * inputs, NULL };
    state->groups = (int)f->groups;
    switch ((enum conv_direction)f->direction) {
    case CONV_FORWARD: /* y = patches filter^T */
        state->m = (int)pixels_y, state->n = (int)outputs, state->k = (int)from_x;
        state->a = patches_x, state->b = filter, state->c = y;
        state->b.trans = TRANS;
        break;
    case CONV_BACKWARD_DATA: /* x = patches filter */
        state->m = (int)pixels_x, state->n = (int)inputs, state->k = (int)from_y;
        state->a = patches_y, state->b = exchanged, state->c = x;
        break;
    case CONV_BACKWARD_FILTER: /* filter = y^T patches */
        state->m = (int)outputs, state->n = (int)from_x, state->k = (int)pixels_y;
        state->a = y, state->b = patches_x, state->c = filter;
        state->a.trans = TRANS;
        break;
    }
    return HPCK_OK;
}

static hpck_status blas_run(void *opaque, struct error *err)
{
    (void)err;
    struct blas_conv *state = opaque;
    const struct matrix *a = &state->a, *b = &state->b, *c = &state->c;
    const int set = state->next_set;
    state->next_set = (set + 1) % state->set_count;
    for (int64_t g = 0; g < state->groups; g++)
        state->sgemm(ROW_MAJOR, a->trans, b->trans, state->m, state->n, state->k, 1.0F,
                     a->set[set] + g * a->group_step, a->ld, b->set[set] + g * b->group_step, b->ld, 0.0F,
                     c->set[set] + g * c->group_step, c->ld);
    return HPCK_OK;
}

static void free_sets(struct matrix *matrix, int count)
{
    for (int i = 0; matrix->set && i < count; i++)
        free(matrix->set[i]);
    free(matrix->set);
}

static void blas_close(void *opaque)
{
    struct blas_conv *state = opaque;
    if (!state) return;
    free_sets(&state->a, state->set_count);
    free_sets(&state->b, state->set_count);
    free_sets(&state->c, state->set_count);
    conv_tensors_close(&state->tensors);
    free(state);
}

static hpck_status allocate(struct matrix *matrix, int count, struct error *err)
{
    hpck_status st = HPCK_OK;
    const size_t bytes = (size_t)(matrix->elements + 1) * sizeof **matrix->set;
    matrix->set = calloc((size_t)count, sizeof *matrix->set);
    if (!matrix->set) HPCK_FAIL(err, HPCK_OUT_OF_MEMORY, "no memory");
    for (int i = 0; i < count; i++) {
        void *memory = NULL;
        if (posix_memalign(&memory, ALIGNMENT, bytes) != 0)
            HPCK_FAIL(err, HPCK_OUT_OF_MEMORY, "no memory for a matrix of %zu bytes", bytes);
        memset(memory, 0, bytes); /* no timed run is the first to touch it */
        matrix->set[i] = memory;
    }
done:
    return st;
}

static void fill(const struct blas_conv *state, int set)
{
    const struct conv_fields *f = &state->tensors.problem.field.conv;
    void *const *host = state->tensors.host;
    switch ((enum conv_direction)f->direction) {
    case CONV_FORWARD:
        gather(f, host[TENSOR_X], state->a.set[set]);
        memcpy(state->b.set[set], host[TENSOR_FILTER], (size_t)state->b.elements * sizeof(float));
        break;
    case CONV_BACKWARD_DATA:
        gather(f, host[TENSOR_Y], state->a.set[set]);
        exchange_filter(f, host[TENSOR_FILTER], state->b.set[set]);
        break;
    case CONV_BACKWARD_FILTER:
        memcpy(state->a.set[set], host[TENSOR_Y], (size_t)state->a.elements * sizeof(float));
        gather(f, host[TENSOR_X], state->b.set[set]);
        break;
    }
}

/* As many as are as large together as `copies` of the problem's own operands, which have no patches. */
static int sets_for(const struct blas_conv *state, int copies)
{
    const double bytes = (double)(state->a.elements + state->b.elements + state->c.elements) * sizeof(float);
    const double wanted = ceil(copies * problem_bytes(&state->tensors.problem) / fmax(bytes, 1.0));
    return copies == 1 ? 1 : (int)fmin(fmax(wanted, 2.0), copies);
}

/* library: what reference_openblas has loaded, a struct library first. */
static hpck_status blas_open(void *library, hpck_handle *handle, const struct problem *problem,
                             struct workload *workload, int copies, void **out, struct error *err)
{
    (void)handle;
    hpck_status st = HPCK_OK;
    const struct conv_form form = { true, true, HPCK_F32 };
    struct blas_conv *state = calloc(1, sizeof *state);
    if (!state) HPCK_FAIL(err, HPCK_OUT_OF_MEMORY, "no memory");
    HPCK_TRY(library_function(library, "cblas_sgemm", &state->sgemm, err));
    HPCK_TRY(conv_tensors_open(&state->tensors, workload, problem, form, err));
    HPCK_TRY(translate(state, err));
    state->set_count = sets_for(state, copies);
    HPCK_TRY(allocate(&state->a, state->set_count, err));
    HPCK_TRY(allocate(&state->b, state->set_count, err));
    HPCK_TRY(allocate(&state->c, state->set_count, err));
    for (int set = 0; set < state->set_count; set++)
        fill(state, set);
    snprintf(state->routine, sizeof state->routine, "sgemm on ready patches%s%s",
             state->groups > 1 ? ", one for each group" : "",
             problem->dtype_in == HPCK_F32 ? "" : ", operands converted to f32");
    *out = state;
    state = NULL;
done:
    blas_close(state);
    return st;
}

static const char *blas_routine(const void *state)
{
    return ((const struct blas_conv *)state)->routine;
}

static hpck_status blas_verify(void *opaque, struct error *err)
{
    struct blas_conv *state = opaque;
    state->next_set = 0;
    for (int64_t i = 0; i < state->c.elements; i++)
        state->c.set[0][i] = NAN;
    blas_run(state, err);
    return conv_tensors_check(&state->tensors, state->c.set[0], err);
}

const struct reference reference_openblas_conv = {
    .name = "openblas",
    .open = blas_open,
    .routine = blas_routine,
    .run = blas_run,
    .verify = blas_verify,
    .close = blas_close,
};
