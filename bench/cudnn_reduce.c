/* cuDNN's reductions (cudnnReduceTensor) and softmax, with fp32 accumulation; its layer normalisation is not in this interface. */
#include "reference.h"

#include <limits.h>
#include <stdlib.h>

#include "cudnn_library.h"
#include "device_sets.h"
#include "op_reduce.h"
#include "reduce_sets.h"

enum { SET_X, SET_Y };

struct cudnn_reduction {
    const struct cudnn *dnn;
    cudnn_handle handle;
    struct reduce_shape shape;
    cudnn_tensor x, y;
    cudnn_reduce reduction; /* NULL: softmax */
    int softmax;
    void *workspace;
    size_t workspace_bytes;
    struct device_sets sets;
};

static const struct {
    enum reduce_operation operation;
    int code;
} operations[] = {
    { REDUCE_SUM, CUDNN_SUM },     { REDUCE_PROD, CUDNN_PRODUCT }, { REDUCE_MIN, CUDNN_MIN },
    { REDUCE_MAX, CUDNN_MAX },     { REDUCE_MEAN, CUDNN_MEAN },    { REDUCE_NORM1, CUDNN_NORM1 },
    { REDUCE_NORM2, CUDNN_NORM2 },
};

/* x as outer x segments x length x inner with its steps, y with 1 for what is reduced. */
static hpck_status describe(struct cudnn_reduction *state, struct error *err)
{
    hpck_status st = HPCK_OK;
    const struct cudnn *dnn = state->dnn;
    const struct reduce_shape *s = &state->shape;
    const int type_x = cudnn_type_of(s->dtype_x), type_y = cudnn_type_of(s->dtype_y);
    const int outer = (int)s->outer, length = (int)s->length, inner = (int)s->inner;
    if (s->elements > INT_MAX) HPCK_FAIL(err, HPCK_UNSUPPORTED, "cuDNN has 32-bit sizes");
    HPCK_TRY(cudnn_check(dnn->tensor_create(&state->x), "cudnnCreateTensorDescriptor", err));
    HPCK_TRY(cudnn_check(dnn->tensor_create(&state->y), "cudnnCreateTensorDescriptor", err));
    if (reduce_is_normalization(s->operation)) {
        HPCK_TRY(cudnn_check(dnn->tensor_set(state->x, CUDNN_NCHW, type_x, outer, length, 1, 1), "x", err));
        HPCK_TRY(cudnn_check(dnn->tensor_set(state->y, CUDNN_NCHW, type_y, outer, length, 1, 1), "y", err));
        goto done;
    }
    const int outer_step = (int)(s->outer > 1 ? s->outer_x : s->elements);
    const int segment_step = (int)(s->segments > 1 ? s->segment_x : s->elements);
    HPCK_TRY(cudnn_check(dnn->tensor_set_steps(state->x, type_x, outer, (int)s->segments, length, inner, outer_step,
                                               segment_step, inner, 1),
                         "x", err));
    HPCK_TRY(
        cudnn_check(dnn->tensor_set_steps(state->y, type_y, outer, 1, 1, inner, inner, inner, inner, 1), "y", err));
done:
    return st;
}

static hpck_status choose(struct cudnn_reduction *state, struct error *err)
{
    hpck_status st = HPCK_OK;
    const struct cudnn *dnn = state->dnn;
    const int64_t operation = state->shape.operation;
    if (operation == REDUCE_SOFTMAX || operation == REDUCE_LOG_SOFTMAX) {
        state->softmax = operation == REDUCE_SOFTMAX ? CUDNN_SOFTMAX_SAFE : CUDNN_SOFTMAX_LOGARITHM;
        goto done;
    }
    for (size_t i = 0; i < sizeof operations / sizeof *operations; i++) {
        if ((int64_t)operations[i].operation != operation) continue;
        HPCK_TRY(cudnn_check(dnn->reduce_create(&state->reduction), "cudnnCreateReduceTensorDescriptor", err));
        HPCK_TRY(cudnn_check(dnn->reduce_set(state->reduction, operations[i].code, CUDNN_F32, CUDNN_WITH_NANS,
                                             CUDNN_WITHOUT_INDICES, CUDNN_INDICES_32),
                             "cudnnSetReduceTensorDescriptor", err));
        HPCK_TRY(cudnn_check(
            dnn->reduce_workspace(state->handle, state->reduction, state->x, state->y, &state->workspace_bytes),
            "cudnnGetReductionWorkspaceSize", err));
        goto done;
    }
    HPCK_FAIL(err, HPCK_UNSUPPORTED, "cuDNN has no such reduction");
done:
    return st;
}

static hpck_status reduce_run(void *opaque, struct error *err)
{
    static const float one = 1.0F, zero = 0.0F;
    struct cudnn_reduction *state = opaque;
    const struct cudnn *dnn = state->dnn;
    void *const *set = device_sets_next(&state->sets);
    if (!state->reduction)
        return cudnn_check(dnn->softmax(state->handle, state->softmax, CUDNN_SOFTMAX_OF_IMAGE, &one, state->x,
                                        set[SET_X], &zero, state->y, set[SET_Y]),
                           "cudnnSoftmaxForward", err);
    return cudnn_check(dnn->reduce(state->handle, state->reduction, NULL, 0, state->workspace,
                                   state->workspace_bytes, &one, state->x, set[SET_X], &zero, state->y, set[SET_Y]),
                       "cudnnReduceTensor", err);
}

static hpck_status reduce_finish(void *opaque, struct error *err)
{
    const struct cudnn_reduction *state = opaque;
    return device_sets_finish(&state->sets, err);
}

static void reduce_close(void *opaque)
{
    struct cudnn_reduction *state = opaque;
    if (!state) return;
    const struct cudnn *dnn = state->dnn;
    if (state->x) dnn->tensor_destroy(state->x);
    if (state->y) dnn->tensor_destroy(state->y);
    if (state->reduction) dnn->reduce_destroy(state->reduction);
    if (state->handle) dnn->destroy(state->handle);
    if (state->workspace) hpck_free(state->sets.handle, state->workspace);
    device_sets_close(&state->sets);
    free(state);
}

static hpck_status reduce_open(void *library, hpck_handle *handle, const struct problem *problem,
                               struct workload *workload, int copies, void **out, struct error *err)
{
    hpck_status st = HPCK_OK;
    struct cudnn_reduction *state = calloc(1, sizeof *state);
    if (!state) HPCK_FAIL(err, HPCK_OUT_OF_MEMORY, "no memory");
    state->dnn = library;
    const struct reduce_shape *s = &state->shape;
    HPCK_TRY(cudnn_open(state->dnn, handle, &state->handle, err));
    HPCK_TRY(reduce_shape_of(workload, problem, &state->shape, err));
    HPCK_TRY(describe(state, err));
    HPCK_TRY(choose(state, err));
    const struct device_tensor tensors[] = {
        [SET_X] = { s->operands.x, s->elements, s->dtype_x },
        [SET_Y] = { NULL, s->outputs, s->dtype_y },
    };
    HPCK_TRY(device_sets_open(&state->sets, handle, tensors, 2, copies, err));
    if (state->workspace_bytes > 0) st = hpck_malloc(handle, state->workspace_bytes, &state->workspace);
    if (st != HPCK_OK) HPCK_FAIL(err, st, "%s", hpck_error_message(handle));
    HPCK_TRY(reduce_run(state, err));
    HPCK_TRY(reduce_finish(state, err));
    *out = state;
    state = NULL;
done:
    reduce_close(state);
    return st;
}

static const char *reduce_routine(const void *opaque)
{
    const struct cudnn_reduction *state = opaque;
    return state->reduction ? "ReduceTensor" : "SoftmaxForward";
}

static hpck_status reduce_verify(void *opaque, struct error *err)
{
    hpck_status st = HPCK_OK;
    struct cudnn_reduction *state = opaque;
    void *y = NULL;
    HPCK_TRY(device_sets_try(&state->sets, SET_Y, reduce_run, state, &y, err));
    HPCK_TRY(workload_check_values(state->shape.workload, y, err));
done:
    free(y);
    return st;
}

const struct reference reference_cudnn_reduce = {
    .name = "cudnn",
    .open = reduce_open,
    .routine = reduce_routine,
    .run = reduce_run,
    .finish = reduce_finish,
    .verify = reduce_verify,
    .close = reduce_close,
};
