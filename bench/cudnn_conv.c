/* cuDNN's convolutions: the fastest algorithm that its own search finds, in the problem's layout with fp32 accumulation. One
 * whose result is beyond the error bound (a large Winograd tile, a Fourier transform) is passed over when results are checked. */
#include "reference.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include "conv_tensors.h"
#include "cudnn_library.h"
#include "device_sets.h"

enum { LIST_MAX = 16 };
static const size_t WORKSPACE_BYTES = (size_t)256 << 20;

struct cudnn_convolution {
    const struct cudnn *dnn;
    cudnn_handle handle;
    cudnn_tensor x, y;
    cudnn_filter filter;
    cudnn_conv conv;
    struct cudnn_choice list[LIST_MAX]; /* fastest first */
    int list_count, chosen;
    void *workspace;
    struct conv_tensors tensors;
    struct device_sets sets;
    char routine[96];
};

/* Which tensors a direction reads, in the order of its functions' parameters. */
static const struct {
    int first, second;
    const char *name;
} roles[] = {
    [CONV_FORWARD] = { TENSOR_X, TENSOR_FILTER, "ConvolutionForward" },
    [CONV_BACKWARD_DATA] = { TENSOR_FILTER, TENSOR_Y, "ConvolutionBackwardData" },
    [CONV_BACKWARD_FILTER] = { TENSOR_X, TENSOR_Y, "ConvolutionBackwardFilter" },
};

static int64_t direction_of(const struct cudnn_convolution *state)
{
    return state->tensors.problem.field.conv.direction;
}

static const void *description(const struct cudnn_convolution *state, int tensor)
{
    return tensor == TENSOR_X   ? (const void *)state->x
           : tensor == TENSOR_Y ? (const void *)state->y
                                : state->filter;
}

/* f32 must not be rounded to tf32: multiplied with FMA, whatever the search says that an algorithm would do by itself. */
static bool multiplies_exactly(const struct cudnn_convolution *state)
{
    return state->tensors.form.dtype == HPCK_F32;
}

static hpck_status check_problem(const struct problem *problem, struct error *err)
{
    const struct conv_fields *f = &problem->field.conv;
    const int64_t sizes[] = { f->n, f->c, f->h, f->w, f->k, f->r, f->s, conv_rows(f), conv_columns(f) };
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        if (sizes[i] > INT_MAX) return error_set(err, HPCK_UNSUPPORTED, "cuDNN has 32-bit sizes");
    if (f->pad_top != f->pad_bottom || f->pad_left != f->pad_right)
        return error_set(err, HPCK_UNSUPPORTED, "cuDNN pads both ends alike");
    return HPCK_OK;
}

static hpck_status describe(struct cudnn_convolution *state, struct error *err)
{
    hpck_status st = HPCK_OK;
    const struct cudnn *dnn = state->dnn;
    const struct conv_fields *f = &state->tensors.problem.field.conv;
    const int type = cudnn_type_of(state->tensors.form.dtype);
    const int format = state->tensors.form.channels_last ? CUDNN_NHWC : CUDNN_NCHW;
    HPCK_TRY(cudnn_check(dnn->tensor_create(&state->x), "cudnnCreateTensorDescriptor", err));
    HPCK_TRY(cudnn_check(dnn->tensor_create(&state->y), "cudnnCreateTensorDescriptor", err));
    HPCK_TRY(cudnn_check(dnn->filter_create(&state->filter), "cudnnCreateFilterDescriptor", err));
    HPCK_TRY(cudnn_check(dnn->conv_create(&state->conv), "cudnnCreateConvolutionDescriptor", err));
    HPCK_TRY(
        cudnn_check(dnn->tensor_set(state->x, format, type, (int)f->n, (int)f->c, (int)f->h, (int)f->w), "x", err));
    HPCK_TRY(cudnn_check(
        dnn->tensor_set(state->y, format, type, (int)f->n, (int)f->k, (int)conv_rows(f), (int)conv_columns(f)), "y",
        err));
    HPCK_TRY(cudnn_check(
        dnn->filter_set(state->filter, type, format, (int)f->k, (int)(f->c / f->groups), (int)f->r, (int)f->s),
        "the filter", err));
    HPCK_TRY(cudnn_check(dnn->conv_set(state->conv, (int)f->pad_top, (int)f->pad_left, (int)f->stride_h,
                                       (int)f->stride_w, (int)f->dilation_h, (int)f->dilation_w, CUDNN_CORRELATION,
                                       CUDNN_F32),
                         "cudnnSetConvolution2dDescriptor", err));
    HPCK_TRY(cudnn_check(dnn->conv_set_groups(state->conv, (int)f->groups), "the groups", err));
    HPCK_TRY(cudnn_check(
        dnn->conv_set_math(state->conv, multiplies_exactly(state) ? CUDNN_WITH_FMA : CUDNN_WITH_TENSOR_CORES),
        "the kind of arithmetic", err));
done:
    return st;
}

/* The search runs every algorithm on the first set. */
static hpck_status search(struct cudnn_convolution *state, struct error *err)
{
    hpck_status st = HPCK_OK;
    const struct cudnn *dnn = state->dnn;
    int(*const functions[]) CUDNN_SEARCH = { [CONV_FORWARD] = dnn->search_forward,
                                             [CONV_BACKWARD_DATA] = dnn->search_data,
                                             [CONV_BACKWARD_FILTER] = dnn->search_filter };
    const int64_t direction = direction_of(state);
    const int first = roles[direction].first, second = roles[direction].second, output = state->tensors.output;
    const bool is_exact = multiplies_exactly(state);
    void *const *set = state->sets.memory[0];
    int found = 0;
    HPCK_TRY(cudnn_check(functions[direction](state->handle, description(state, first), set[first],
                                              description(state, second), set[second], state->conv,
                                              description(state, output), set[output], LIST_MAX, &found,
                                              state->list, state->workspace, WORKSPACE_BYTES),
                         "the search for an algorithm", err));
    for (int i = 0; i < found; i++) {
        const struct cudnn_choice *choice = &state->list[i];
        if (choice->status != CUDNN_OK || choice->workspace_bytes > WORKSPACE_BYTES) continue;
        if (is_exact && (choice->math == CUDNN_WITH_TENSOR_CORES || choice->math == CUDNN_WITH_CONVERSION))
            continue;
        state->list[state->list_count++] = *choice;
    }
    if (state->list_count == 0) HPCK_FAIL(err, HPCK_UNSUPPORTED, "cuDNN has no algorithm for it");
done:
    return st;
}

static hpck_status choose(struct cudnn_convolution *state, int index, struct error *err)
{
    const struct cudnn_choice *choice = &state->list[index];
    state->chosen = index;
    snprintf(state->routine, sizeof state->routine, "%s algorithm %d, the fastest%s of %d",
             roles[direction_of(state)].name, choice->algorithm, index == 0 ? "" : " exact enough",
             state->list_count);
    return cudnn_check(
        state->dnn->conv_set_math(state->conv, multiplies_exactly(state) ? CUDNN_WITH_FMA : choice->math),
        "the kind of arithmetic", err);
}

static hpck_status conv_run(void *opaque, struct error *err)
{
    struct cudnn_convolution *state = opaque;
    const struct cudnn *dnn = state->dnn;
    int(*const functions[]) CUDNN_CONVOLVE = { [CONV_FORWARD] = dnn->forward,
                                               [CONV_BACKWARD_DATA] = dnn->backward_data,
                                               [CONV_BACKWARD_FILTER] = dnn->backward_filter };
    static const float one = 1.0F, zero = 0.0F;
    const int64_t direction = direction_of(state);
    const int first = roles[direction].first, second = roles[direction].second, output = state->tensors.output;
    const struct cudnn_choice *choice = &state->list[state->chosen];
    void *const *set = device_sets_next(&state->sets);
    return cudnn_check(functions[direction](state->handle, &one, description(state, first), set[first],
                                            description(state, second), set[second], state->conv, choice->algorithm,
                                            state->workspace, choice->workspace_bytes, &zero,
                                            description(state, output), set[output]),
                       roles[direction].name, err);
}

static hpck_status conv_finish(void *opaque, struct error *err)
{
    const struct cudnn_convolution *state = opaque;
    return device_sets_finish(&state->sets, err);
}

static void conv_close(void *opaque)
{
    struct cudnn_convolution *state = opaque;
    if (!state) return;
    const struct cudnn *dnn = state->dnn;
    if (state->x) dnn->tensor_destroy(state->x);
    if (state->y) dnn->tensor_destroy(state->y);
    if (state->filter) dnn->filter_destroy(state->filter);
    if (state->conv) dnn->conv_destroy(state->conv);
    if (state->handle) dnn->destroy(state->handle);
    if (state->workspace) hpck_free(state->sets.handle, state->workspace);
    device_sets_close(&state->sets);
    conv_tensors_close(&state->tensors);
    free(state);
}

static hpck_status conv_open(void *library, hpck_handle *handle, const struct problem *problem,
                             struct workload *workload, int copies, void **out, struct error *err)
{
    hpck_status st = HPCK_OK;
    const bool channels_last = problem->field.conv.nhwc != 0;
    const struct conv_form form = { channels_last, channels_last, problem->dtype_in };
    struct cudnn_convolution *state = calloc(1, sizeof *state);
    if (!state) HPCK_FAIL(err, HPCK_OUT_OF_MEMORY, "no memory");
    state->dnn = library;
    HPCK_TRY(check_problem(problem, err));
    HPCK_TRY(cudnn_open(state->dnn, handle, &state->handle, err));
    HPCK_TRY(conv_tensors_open(&state->tensors, workload, problem, form, err));
    HPCK_TRY(conv_tensors_upload(&state->tensors, handle, copies, &state->sets, err));
    st = hpck_malloc(handle, WORKSPACE_BYTES, &state->workspace);
    if (st != HPCK_OK) HPCK_FAIL(err, st, "%s", hpck_error_message(handle));
    HPCK_TRY(describe(state, err));
    HPCK_TRY(search(state, err));
    HPCK_TRY(choose(state, 0, err));
    HPCK_TRY(conv_run(state, err));
    HPCK_TRY(conv_finish(state, err));
    *out = state;
    state = NULL;
done:
    conv_close(state);
    return st;
}

static const char *conv_routine(const void *state)
{
    return ((const struct cudnn_convolution *)state)->routine;
}

static hpck_status conv_verify(void *opaque, struct error *err)
{
    hpck_status st = HPCK_INTERNAL;
    struct cudnn_convolution *state = opaque;
    for (int i = state->chosen; i < state->list_count && st == HPCK_INTERNAL; i++) {
        HPCK_TRY(choose(state, i, err));
        st = conv_tensors_verify(&state->tensors, &state->sets, conv_run, state, err);
    }
done:
    return st;
}

const struct reference reference_cudnn_conv = {
    .name = "cudnn",
    .open = conv_open,
    .routine = conv_routine,
    .run = conv_run,
    .finish = conv_finish,
    .verify = conv_verify,
    .close = conv_close,
};
