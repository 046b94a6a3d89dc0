/* oneDNN's reductions, softmax and layer normalisation on the CPU; the library is the one that onednn.c has opened. */
#include "reference.h"

#include <stdio.h>
#include <stdlib.h>

#include "onednn_library.h"

#ifdef HPCK_HAS_ONEDNN

#include "reduce_sets.h"
#include "op_reduce.h"

struct onednn_reduce {
    const struct onednn *dnnl;
    struct reduce_sets sets;
    dnnl_primitive_t primitive;
    dnnl_memory_t x, y;
    char routine[160];
};

static const struct {
    enum reduce_operation operation;
    dnnl_alg_kind_t algorithm;
    float p;
} algorithms[] = {
    { REDUCE_SUM, dnnl_reduction_sum, 0.0F },           { REDUCE_MEAN, dnnl_reduction_mean, 0.0F },
    { REDUCE_PROD, dnnl_reduction_mul, 0.0F },          { REDUCE_MIN, dnnl_reduction_min, 0.0F },
    { REDUCE_MAX, dnnl_reduction_max, 0.0F },           { REDUCE_NORM1, dnnl_reduction_norm_lp_sum, 1.0F },
    { REDUCE_NORM2, dnnl_reduction_norm_lp_sum, 2.0F }, { REDUCE_SUMSQ, dnnl_reduction_norm_lp_power_p_sum, 2.0F },
};

static void onednn_close(void *opaque)
{
    struct onednn_reduce *state = opaque;
    if (!state) return;
    if (state->x) state->dnnl->memory_destroy(state->x);
    if (state->y) state->dnnl->memory_destroy(state->y);
    if (state->primitive) state->dnnl->primitive_destroy(state->primitive);
    reduce_sets_close(&state->sets);
    free(state);
}

/* x as outer x segments x length x inner (in the order of memory), y with 1 for what is reduced. */
static hpck_status describe(struct onednn_reduce *state, dnnl_memory_desc_t *x, dnnl_memory_desc_t *y,
                            struct error *err)
{
    hpck_status st = HPCK_OK;
    const struct onednn *dnnl = state->dnnl;
    const struct reduce_shape *s = &state->sets.shape;
    const dnnl_data_type_t type_x = onednn_type_of(s->dtype_x), type_y = onednn_type_of(s->dtype_y);
    if (reduce_is_normalization(s->operation)) {
        const dnnl_dims_t dims = { s->outer, s->length }, steps = { s->length, 1 };
        if (type_x != type_y)
            HPCK_FAIL(err, HPCK_UNSUPPORTED, "oneDNN %d normalizes within one type", DNNL_VERSION_MAJOR);
        HPCK_TRY(onednn_check(dnnl->memory_desc_init_by_strides(x, 2, dims, type_x, steps), "describing x", err));
        *y = *x;
        goto done;
    }
    const dnnl_dims_t dims = { s->segments, s->outer, s->length, s->inner };
    const dnnl_dims_t kept = { 1, s->outer, 1, s->inner };
    const dnnl_dims_t steps = { s->segments > 1 ? s->segment_x : s->elements,
                                s->outer > 1 ? s->outer_x : s->elements, s->inner, 1 };
    const dnnl_dims_t kept_steps = { s->outputs, s->inner, s->inner, 1 };
    HPCK_TRY(onednn_check(dnnl->memory_desc_init_by_strides(x, 4, dims, type_x, steps), "describing x", err));
    HPCK_TRY(onednn_check(dnnl->memory_desc_init_by_strides(y, 4, kept, type_y, kept_steps), "describing y", err));
done:
    return st;
}

static hpck_status create(struct onednn_reduce *state, const dnnl_memory_desc_t *x, const dnnl_memory_desc_t *y,
                          struct error *err)
{
    hpck_status st = HPCK_OK;
    const struct onednn *dnnl = state->dnnl;
    const int64_t operation = state->sets.shape.operation;
    dnnl_primitive_desc_t desc = NULL;
    dnnl_reduction_desc_t reduction;
    dnnl_softmax_desc_t softmax;
    dnnl_layer_normalization_desc_t layernorm;
    const void *chosen = NULL;
    const char *name = NULL;
    if (operation == REDUCE_SOFTMAX) {
        HPCK_TRY(
            onednn_check(dnnl->softmax_forward_desc_init(&softmax, dnnl_forward_inference, x, 1), "softmax", err));
        chosen = &softmax;
    } else if (operation == REDUCE_LOG_SOFTMAX) {
        HPCK_TRY(onednn_check(dnnl->logsoftmax_forward_desc_init(&softmax, dnnl_forward_inference, x, 1),
                              "logsoftmax", err));
        chosen = &softmax;
    } else if (operation == REDUCE_LAYERNORM) {
        HPCK_TRY(
            onednn_check(dnnl->layer_normalization_forward_desc_init(&layernorm, dnnl_forward_inference, x, NULL,
                                                                     1e-5F, dnnl_normalization_flags_none),
                         "layer normalisation", err));
        chosen = &layernorm;
    }
    for (size_t i = 0; i < sizeof algorithms / sizeof *algorithms; i++) {
        if ((int64_t)algorithms[i].operation != operation) continue;
        HPCK_TRY(onednn_check(
            dnnl->reduction_desc_init(&reduction, algorithms[i].algorithm, x, y, algorithms[i].p, 0.0F),
            "the reduction", err));
        chosen = &reduction;
    }
    if (!chosen) HPCK_FAIL(err, HPCK_UNSUPPORTED, "oneDNN has no such reduction");
    HPCK_TRY(onednn_check(dnnl->primitive_desc_create(&desc, chosen, NULL, dnnl->engine, NULL),
                          "choosing a primitive", err));
    dnnl->primitive_desc_query(desc, dnnl_query_impl_info_str, 0, (void *)&name);
    snprintf(state->routine, sizeof state->routine, "%s", name ? name : "");
    HPCK_TRY(onednn_check(dnnl->primitive_create(&state->primitive, desc), "creating the primitive", err));
done:
    if (desc) dnnl->primitive_desc_destroy(desc);
    return st;
}

static hpck_status onednn_open(void *library, hpck_handle *handle, const struct problem *problem,
                               struct workload *workload, int copies, void **out, struct error *err)
{
    (void)handle;
    hpck_status st = HPCK_OK;
    struct reduce_shape shape;
    dnnl_memory_desc_t x, y;
    const struct onednn *dnnl = library;
    struct onednn_reduce *state = calloc(1, sizeof *state);
    if (!state) HPCK_FAIL(err, HPCK_OUT_OF_MEMORY, "no memory");
    state->dnnl = dnnl;
    HPCK_TRY(reduce_shape_of(workload, problem, &shape, err));
    HPCK_TRY(reduce_sets_open(&shape, copies, &state->sets, err));
    HPCK_TRY(describe(state, &x, &y, err));
    HPCK_TRY(create(state, &x, &y, err));
    HPCK_TRY(
        onednn_check(dnnl->memory_create(&state->x, &x, dnnl->engine, state->sets.set[0].x), "wrapping x", err));
    HPCK_TRY(
        onednn_check(dnnl->memory_create(&state->y, &y, dnnl->engine, state->sets.set[0].y), "wrapping y", err));
    *out = state;
    state = NULL;
done:
    onednn_close(state);
    return st;
}

static hpck_status onednn_run(void *opaque, struct error *err)
{
    hpck_status st = HPCK_OK;
    struct onednn_reduce *state = opaque;
    const dnnl_exec_arg_t args[] = { { DNNL_ARG_SRC, state->x }, { DNNL_ARG_DST, state->y } };
    const struct reduce_set *set = reduce_sets_next(&state->sets);
    HPCK_TRY(onednn_check(state->dnnl->memory_set_data_handle(state->x, set->x), "x", err));
    HPCK_TRY(onednn_check(state->dnnl->memory_set_data_handle(state->y, set->y), "y", err));
    HPCK_TRY(onednn_check(state->dnnl->primitive_execute(state->primitive, state->dnnl->stream, 2, args),
                          "the reduction", err));
done:
    return st;
}

static hpck_status onednn_finish(void *opaque, struct error *err)
{
    struct onednn_reduce *state = opaque;
    return onednn_check(state->dnnl->stream_wait(state->dnnl->stream), "waiting", err);
}

static const char *onednn_routine(const void *state)
{
    return ((const struct onednn_reduce *)state)->routine;
}

static hpck_status onednn_verify(void *opaque, struct error *err)
{
    hpck_status st = HPCK_OK;
    struct onednn_reduce *state = opaque;
    reduce_sets_poison(&state->sets);
    HPCK_TRY(onednn_run(state, err));
    HPCK_TRY(onednn_finish(state, err));
    HPCK_TRY(reduce_sets_check(&state->sets, err));
done:
    return st;
}

const struct reference reference_onednn_reduce = {
    .name = "onednn",
    .open = onednn_open,
    .routine = onednn_routine,
    .run = onednn_run,
    .finish = onednn_finish,
    .verify = onednn_verify,
    .close = onednn_close,
};
#else
const struct reference reference_onednn_reduce = {
    .name = "onednn"
}; /* never opened: reference_onednn does not load */
#endif
