/* oneDNN's reductions, softmax and layer normalisation on the CPU; the library is the one that onednn.c has opened. */
#include "reference.h"

#include <stdio.h>
#include <stdlib.h>

#if __has_include(<oneapi/dnnl/dnnl.h>)
#include <oneapi/dnnl/dnnl.h>
#endif

#if defined(DNNL_VERSION_MAJOR) && DNNL_VERSION_MAJOR == 2

#include "library.h"
#include "reduce_sets.h"
#include "op_reduce.h"

/* The functions that are used, by their names without "dnnl_". */
#define FUNCTIONS(X)                                                                                               \
    X(engine_create)                                                                                               \
    X(engine_destroy)                                                                                              \
    X(stream_create)                                                                                               \
    X(stream_destroy)                                                                                              \
    X(stream_wait)                                                                                                 \
    X(memory_desc_init_by_strides)                                                                                 \
    X(reduction_desc_init)                                                                                         \
    X(softmax_forward_desc_init)                                                                                   \
    X(logsoftmax_forward_desc_init)                                                                                \
    X(layer_normalization_forward_desc_init)                                                                       \
    X(primitive_desc_create)                                                                                       \
    X(primitive_desc_destroy)                                                                                      \
    X(primitive_desc_query)                                                                                        \
    X(primitive_create)                                                                                            \
    X(primitive_destroy)                                                                                           \
    X(primitive_execute)                                                                                           \
    X(memory_create)                                                                                               \
    X(memory_destroy)                                                                                              \
    X(memory_set_data_handle)

struct onednn_reduce {
#define MEMBER(name) __typeof__(&dnnl_##name) name;
    FUNCTIONS(MEMBER)
    struct reduce_sets sets;
    dnnl_engine_t engine;
    dnnl_stream_t stream;
    dnnl_primitive_t primitive;
    dnnl_memory_t x, y;
    char routine[160];
};

static hpck_status check(dnnl_status_t status, const char *what, struct error *err)
{
    if (status == dnnl_success) return HPCK_OK;
    return error_set(err, status == dnnl_unimplemented ? HPCK_UNSUPPORTED : HPCK_INTERNAL,
                     "oneDNN: %s failed with status %d%s", what, (int)status,
                     status == dnnl_unimplemented ? ": it has no such primitive" : "");
}

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
    if (state->x) state->memory_destroy(state->x);
    if (state->y) state->memory_destroy(state->y);
    if (state->primitive) state->primitive_destroy(state->primitive);
    if (state->stream) state->stream_destroy(state->stream);
    if (state->engine) state->engine_destroy(state->engine);
    reduce_sets_close(&state->sets);
    free(state);
}

/* x as outer x segments x length x inner (in the order of memory), y with 1 for what is reduced. */
static hpck_status describe(struct onednn_reduce *state, dnnl_memory_desc_t *x, dnnl_memory_desc_t *y,
                            struct error *err)
{
    hpck_status st = HPCK_OK;
    const struct reduce_sets *s = &state->sets;
    bool is_normalization = reduce_is_normalization(s->operation);
    if (is_normalization) {
        const dnnl_dims_t dims = { s->outer, s->length }, steps = { s->length, 1 };
        HPCK_TRY(check(state->memory_desc_init_by_strides(x, 2, dims, dnnl_f32, steps), "describing x", err));
        *y = *x;
        goto done;
    }
    const dnnl_dims_t dims = { s->segments, s->outer, s->length, s->inner };
    const dnnl_dims_t kept = { 1, s->outer, 1, s->inner };
    const dnnl_dims_t steps = { s->segments > 1 ? s->segment_x : s->elements,
                                s->outer > 1 ? s->outer_x : s->elements, s->inner, 1 };
    const dnnl_dims_t kept_steps = { s->outputs, s->inner, s->inner, 1 };
    HPCK_TRY(check(state->memory_desc_init_by_strides(x, 4, dims, dnnl_f32, steps), "describing x", err));
    HPCK_TRY(check(state->memory_desc_init_by_strides(y, 4, kept, dnnl_f32, kept_steps), "describing y", err));
done:
    return st;
}

static hpck_status create(struct onednn_reduce *state, const dnnl_memory_desc_t *x, const dnnl_memory_desc_t *y,
                          struct error *err)
{
    hpck_status st = HPCK_OK;
    int64_t operation = state->sets.operation;
    dnnl_primitive_desc_t desc = NULL;
    dnnl_reduction_desc_t reduction;
    dnnl_softmax_desc_t softmax;
    dnnl_layer_normalization_desc_t layernorm;
    const void *chosen = NULL;
    const char *name = NULL;
    if (operation == REDUCE_SOFTMAX) {
        HPCK_TRY(check(state->softmax_forward_desc_init(&softmax, dnnl_forward_inference, x, 1), "softmax", err));
        chosen = &softmax;
    } else if (operation == REDUCE_LOG_SOFTMAX) {
        HPCK_TRY(
            check(state->logsoftmax_forward_desc_init(&softmax, dnnl_forward_inference, x, 1), "logsoftmax", err));
        chosen = &softmax;
    } else if (operation == REDUCE_LAYERNORM) {
        HPCK_TRY(check(state->layer_normalization_forward_desc_init(&layernorm, dnnl_forward_inference, x, NULL,
                                                                    1e-5F, dnnl_normalization_flags_none),
                       "layer normalisation", err));
        chosen = &layernorm;
    }
    for (size_t i = 0; i < sizeof algorithms / sizeof *algorithms; i++) {
        if ((int64_t)algorithms[i].operation != operation) continue;
        HPCK_TRY(check(state->reduction_desc_init(&reduction, algorithms[i].algorithm, x, y, algorithms[i].p, 0.0F),
                       "the reduction", err));
        chosen = &reduction;
    }
    if (!chosen) HPCK_FAIL(err, HPCK_UNSUPPORTED, "oneDNN has no such reduction");
    HPCK_TRY(
        check(state->primitive_desc_create(&desc, chosen, NULL, state->engine, NULL), "choosing a primitive", err));
    state->primitive_desc_query(desc, dnnl_query_impl_info_str, 0, (void *)&name);
    snprintf(state->routine, sizeof state->routine, "%s", name ? name : "");
    HPCK_TRY(check(state->primitive_create(&state->primitive, desc), "creating the primitive", err));
done:
    if (desc) state->primitive_desc_destroy(desc);
    return st;
}

/* library: what reference_onednn has loaded, a struct library first. */
static hpck_status onednn_open(void *library, hpck_handle *handle, const struct problem *problem,
                               struct workload *workload, int copies, void **out, struct error *err)
{
    (void)handle;
    hpck_status st = HPCK_OK;
    dnnl_memory_desc_t x, y;
    struct onednn_reduce *state = calloc(1, sizeof *state);
    if (!state) HPCK_FAIL(err, HPCK_OUT_OF_MEMORY, "no memory");
#define LOOK_UP(name) HPCK_TRY(library_function(library, "dnnl_" #name, &state->name, err));
    FUNCTIONS(LOOK_UP)
    HPCK_TRY(reduce_sets_open(workload, problem, copies, &state->sets, err));
    HPCK_TRY(check(state->engine_create(&state->engine, dnnl_cpu, 0), "creating an engine", err));
    HPCK_TRY(check(state->stream_create(&state->stream, state->engine, dnnl_stream_default_flags),
                   "creating a stream", err));
    HPCK_TRY(describe(state, &x, &y, err));
    HPCK_TRY(create(state, &x, &y, err));
    HPCK_TRY(check(state->memory_create(&state->x, &x, state->engine, state->sets.set[0].x), "wrapping x", err));
    HPCK_TRY(check(state->memory_create(&state->y, &y, state->engine, state->sets.set[0].y), "wrapping y", err));
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
    HPCK_TRY(check(state->memory_set_data_handle(state->x, set->x), "x", err));
    HPCK_TRY(check(state->memory_set_data_handle(state->y, set->y), "y", err));
    HPCK_TRY(check(state->primitive_execute(state->primitive, state->stream, 2, args), "the reduction", err));
done:
    return st;
}

static hpck_status onednn_finish(void *opaque, struct error *err)
{
    struct onednn_reduce *state = opaque;
    return check(state->stream_wait(state->stream), "waiting", err);
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
