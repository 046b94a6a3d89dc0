/* oneDNN's convolutions on the CPU, twice: in the memory formats that it prefers for the problem (its operands are there
 * already, reordering is not timed), and with x and y in the problem's own layout (the filter as it prefers: in a plain
 * one most of its convolutions are its slow reference). Compiled where the headers of version 2 are; the
 * library is opened at run time. */
#include "reference.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "onednn_library.h"
#include "op_conv.h"

#ifdef HPCK_HAS_ONEDNN

enum { X, FILTER, Y, TENSORS }; /* in the roles of every direction */

struct onednn_state {
    const struct onednn *dnnl;
    struct workload *workload;
    int output; /* which of the tensors is computed */
    dnnl_primitive_t primitive;
    dnnl_memory_desc_t plain[TENSORS]; /* as the workload stores them */
    dnnl_memory_desc_t computed;       /* of the output */
    int args[TENSORS];                 /* DNNL_ARG_... of each tensor */
    dnnl_memory_t (*sets)[TENSORS];
    int set_count, next_set;
    char routine[160];
};

static void onednn_unload(void *opaque)
{
    struct onednn *dnnl = opaque;
    if (!dnnl) return;
    if (dnnl->stream) dnnl->stream_destroy(dnnl->stream);
    if (dnnl->engine) dnnl->engine_destroy(dnnl->engine);
    library_close(&dnnl->library);
    free(dnnl);
}

hpck_status onednn_check(dnnl_status_t status, const char *what, struct error *err)
{
    if (status == dnnl_success) return HPCK_OK;
    const bool is_refused = status == dnnl_unimplemented || status == dnnl_invalid_arguments;
    return error_set(err, is_refused ? HPCK_UNSUPPORTED : HPCK_INTERNAL, "oneDNN: %s failed with status %d%s", what,
                     (int)status, status == dnnl_unimplemented ? ": it has no such primitive" : "");
}

static hpck_status onednn_load(void **library, struct error *err)
{
    hpck_status st = HPCK_OK;
    struct onednn *dnnl = calloc(1, sizeof *dnnl);
    if (!dnnl) HPCK_FAIL(err, HPCK_OUT_OF_MEMORY, "no memory");
    HPCK_TRY(library_open(&dnnl->library, "HPCK_ONEDNN", "libdnnl.so.2", err));
#define LOOK_UP(name) HPCK_TRY(library_function(&dnnl->library, "dnnl_" #name, &dnnl->name, err));
    ONEDNN_FUNCTIONS(LOOK_UP)
    const dnnl_version_t *v = dnnl->version();
    snprintf(dnnl->version_text, sizeof dnnl->version_text, "%s: oneDNN %d.%d.%d", dnnl->library.file, v->major,
             v->minor, v->patch);
    if (v->major != DNNL_VERSION_MAJOR)
        HPCK_FAIL(err, HPCK_UNSUPPORTED, "oneDNN %d where version %d is needed", v->major, DNNL_VERSION_MAJOR);
    HPCK_TRY(onednn_check(dnnl->engine_create(&dnnl->engine, dnnl_cpu, 0), "creating an engine", err));
    HPCK_TRY(onednn_check(dnnl->stream_create(&dnnl->stream, dnnl->engine, dnnl_stream_default_flags),
                          "creating a stream", err));
    *library = dnnl;
    dnnl = NULL;
done:
    onednn_unload(dnnl);
    return st;
}

static const char *onednn_version(const void *library)
{
    return ((const struct onednn *)library)->version_text;
}

static void onednn_close(void *opaque)
{
    struct onednn_state *state = opaque;
    if (!state) return;
    for (int set = 0; state->sets && set < state->set_count; set++)
        for (int i = 0; i < TENSORS; i++)
            if (state->sets[set][i]) state->dnnl->memory_destroy(state->sets[set][i]);
    if (state->primitive) state->dnnl->primitive_destroy(state->primitive);
    free(state->sets);
    free(state);
}

/* ---- descriptions ------------------------------------------------------------------------------------------- */

dnnl_data_type_t onednn_type_of(hpck_dtype dtype)
{
    return dtype == HPCK_F32 ? dnnl_f32 : dtype == HPCK_F16 ? dnnl_f16 : dnnl_bf16;
}

enum { PLAIN, FILTER_FREE, ALL_FREE }; /* which formats are left to oneDNN */

static hpck_status describe(const struct onednn *dnnl, const struct problem *problem, int freedom,
                            dnnl_memory_desc_t *out, struct error *err)
{
    const struct conv_fields *f = &problem->field.conv;
    const int64_t g = f->groups;
    const dnnl_dims_t x = { f->n, f->c, f->h, f->w };
    const dnnl_dims_t y = { f->n, f->k, conv_rows(f), conv_columns(f) };
    const dnnl_dims_t filter = { f->k, f->c, f->r, f->s };
    const dnnl_dims_t grouped = { g, f->k / g, f->c / g, f->r, f->s };
    const dnnl_format_tag_t image = f->nhwc ? dnnl_nhwc : dnnl_nchw;
    const dnnl_format_tag_t kernel =
        g > 1 ? (f->krsc ? dnnl_gohwi : dnnl_goihw) : (f->krsc ? dnnl_ohwi : dnnl_oihw);
    const dnnl_data_type_t type = onednn_type_of(problem->dtype_in);
    hpck_status st = HPCK_OK;
    HPCK_TRY(onednn_check(
        dnnl->memory_desc_init_by_tag(&out[X], 4, x, type, freedom == ALL_FREE ? dnnl_format_tag_any : image),
        "describing x", err));
    HPCK_TRY(onednn_check(dnnl->memory_desc_init_by_tag(&out[FILTER], g > 1 ? 5 : 4, g > 1 ? grouped : filter, type,
                                                        freedom != PLAIN ? dnnl_format_tag_any : kernel),
                          "describing the filter", err));
    HPCK_TRY(onednn_check(
        dnnl->memory_desc_init_by_tag(&out[Y], 4, y, type, freedom == ALL_FREE ? dnnl_format_tag_any : image),
        "describing y", err));
done:
    return st;
}

static hpck_status init_desc(const struct onednn *dnnl, const struct conv_fields *f, int direction,
                             const dnnl_memory_desc_t *md, dnnl_convolution_desc_t *desc, struct error *err)
{
    const dnnl_dims_t strides = { f->stride_h, f->stride_w };
    const dnnl_dims_t dilates = { f->dilation_h - 1, f->dilation_w - 1 };
    const dnnl_dims_t before = { f->pad_top, f->pad_left };
    const dnnl_dims_t after = { f->pad_bottom, f->pad_right };
    const dnnl_alg_kind_t algorithm = dnnl_convolution_auto;
    dnnl_status_t status;
    if (direction == CONV_FORWARD)
        status =
            dnnl->dilated_convolution_forward_desc_init(desc, dnnl_forward_inference, algorithm, &md[X],
                                                        &md[FILTER], NULL, &md[Y], strides, dilates, before, after);
    else if (direction == CONV_BACKWARD_DATA)
        status = dnnl->dilated_convolution_backward_data_desc_init(desc, algorithm, &md[X], &md[FILTER], &md[Y],
                                                                   strides, dilates, before, after);
    else
        status = dnnl->dilated_convolution_backward_weights_desc_init(desc, algorithm, &md[X], &md[FILTER], NULL,
                                                                      &md[Y], strides, dilates, before, after);
    return onednn_check(status, "describing the convolution", err);
}

/* Backward ones want to know the forward one that they belong to. */
static hpck_status create_desc(const struct onednn *dnnl, const struct conv_fields *f, const dnnl_memory_desc_t *md,
                               dnnl_primitive_desc_t *out, struct error *err)
{
    hpck_status st = HPCK_OK;
    dnnl_convolution_desc_t forward, desc;
    dnnl_primitive_desc_t hint = NULL;
    HPCK_TRY(init_desc(dnnl, f, (int)f->direction, md, &desc, err));
    if (f->direction != CONV_FORWARD) {
        HPCK_TRY(init_desc(dnnl, f, CONV_FORWARD, md, &forward, err));
        forward.prop_kind = dnnl_forward_training;
        HPCK_TRY(onednn_check(dnnl->primitive_desc_create(&hint, &forward, NULL, dnnl->engine, NULL),
                              "choosing the forward convolution", err));
    }
    HPCK_TRY(onednn_check(dnnl->primitive_desc_create(out, &desc, NULL, dnnl->engine, hint),
                          "choosing a convolution", err));
done:
    if (hint) dnnl->primitive_desc_destroy(hint);
    return st;
}

/* ---- operands ------------------------------------------------------------------------------------------------- */

static hpck_status reorder(const struct onednn *dnnl, dnnl_memory_t from, const dnnl_memory_desc_t *from_desc,
                           dnnl_memory_t to, const dnnl_memory_desc_t *to_desc, struct error *err)
{
    hpck_status st = HPCK_OK;
    dnnl_primitive_desc_t desc = NULL;
    dnnl_primitive_t primitive = NULL;
    const dnnl_exec_arg_t args[] = { { DNNL_ARG_FROM, from }, { DNNL_ARG_TO, to } };
    HPCK_TRY(onednn_check(
        dnnl->reorder_primitive_desc_create(&desc, from_desc, dnnl->engine, to_desc, dnnl->engine, NULL),
        "choosing a reorder", err));
    HPCK_TRY(onednn_check(dnnl->primitive_create(&primitive, desc), "creating a reorder", err));
    HPCK_TRY(onednn_check(dnnl->primitive_execute(primitive, dnnl->stream, 2, args), "reordering", err));
    HPCK_TRY(onednn_check(dnnl->stream_wait(dnnl->stream), "waiting", err));
done:
    if (primitive) dnnl->primitive_destroy(primitive);
    if (desc) dnnl->primitive_desc_destroy(desc);
    return st;
}

static hpck_status fill_sets(struct onednn_state *state, const struct workload_conv_operands *host,
                             const dnnl_memory_desc_t *const *wanted, struct error *err)
{
    hpck_status st = HPCK_OK;
    const struct onednn *dnnl = state->dnnl;
    const void *data[TENSORS] = { host->x, host->filter, host->y };
    for (int set = 0; set < state->set_count; set++) {
        for (int i = 0; i < TENSORS; i++) {
            dnnl_memory_t plain = NULL;
            HPCK_TRY(onednn_check(
                dnnl->memory_create(&state->sets[set][i], wanted[i], dnnl->engine, DNNL_MEMORY_ALLOCATE),
                "allocating", err));
            if (i == state->output) continue;
            HPCK_TRY(onednn_check(dnnl->memory_create(&plain, &state->plain[i], dnnl->engine, (void *)data[i]),
                                  "wrapping an operand", err));
            st = reorder(dnnl, plain, &state->plain[i], state->sets[set][i], wanted[i], err);
            dnnl->memory_destroy(plain);
            HPCK_TRY(st);
        }
    }
done:
    return st;
}

static hpck_status open_as(void *library, const struct problem *problem, struct workload *workload, int copies,
                           int freedom, void **out, struct error *err)
{
    static const dnnl_query_t queries[][TENSORS] = {
        [CONV_FORWARD] = { dnnl_query_src_md, dnnl_query_weights_md, dnnl_query_dst_md },
        [CONV_BACKWARD_DATA] = { dnnl_query_diff_src_md, dnnl_query_weights_md, dnnl_query_diff_dst_md },
        [CONV_BACKWARD_FILTER] = { dnnl_query_src_md, dnnl_query_diff_weights_md, dnnl_query_diff_dst_md },
    };
    static const int args[][TENSORS] = {
        [CONV_FORWARD] = { DNNL_ARG_SRC, DNNL_ARG_WEIGHTS, DNNL_ARG_DST },
        [CONV_BACKWARD_DATA] = { DNNL_ARG_DIFF_SRC, DNNL_ARG_WEIGHTS, DNNL_ARG_DIFF_DST },
        [CONV_BACKWARD_FILTER] = { DNNL_ARG_SRC, DNNL_ARG_DIFF_WEIGHTS, DNNL_ARG_DIFF_DST },
    };
    static const int outputs[] = { [CONV_FORWARD] = Y, [CONV_BACKWARD_DATA] = X, [CONV_BACKWARD_FILTER] = FILTER };
    hpck_status st = HPCK_OK;
    const struct onednn *dnnl = library;
    struct workload_conv_operands host;
    dnnl_memory_desc_t md[TENSORS];
    dnnl_primitive_desc_t desc = NULL;
    struct onednn_state *state = calloc(1, sizeof *state);
    if (!state) HPCK_FAIL(err, HPCK_OUT_OF_MEMORY, "no memory");
    state->dnnl = dnnl;
    state->workload = workload;
    HPCK_TRY(workload_conv_operands(workload, &host, err));
    const struct conv_fields *f = &problem->field.conv;
    if (f->bias || f->residual || f->activation)
        HPCK_FAIL(err, HPCK_UNSUPPORTED, "it is compared without bias, residual and activation");
    state->output = outputs[f->direction];
    memcpy(state->args, args[f->direction], sizeof state->args);
    HPCK_TRY(describe(dnnl, problem, PLAIN, state->plain, err));
    HPCK_TRY(describe(dnnl, problem, freedom, md, err));
    HPCK_TRY(create_desc(dnnl, f, md, &desc, err));
    const dnnl_memory_desc_t *wanted[TENSORS];
    for (int i = 0; i < TENSORS; i++)
        wanted[i] = dnnl->primitive_desc_query_md(desc, queries[f->direction][i], 0);
    state->computed = *wanted[state->output];
    const char *name = NULL;
    dnnl->primitive_desc_query(desc, dnnl_query_impl_info_str, 0, &name);
    snprintf(state->routine, sizeof state->routine, "%s", name ? name : "");
    HPCK_TRY(onednn_check(dnnl->primitive_create(&state->primitive, desc), "creating the convolution", err));
    state->set_count = copies;
    state->sets = calloc((size_t)copies, sizeof *state->sets);
    if (!state->sets) HPCK_FAIL(err, HPCK_OUT_OF_MEMORY, "no memory");
    HPCK_TRY(fill_sets(state, &host, wanted, err));
    *out = state;
    state = NULL;
done:
    if (desc) dnnl->primitive_desc_destroy(desc);
    onednn_close(state);
    return st;
}

static hpck_status onednn_open(void *library, hpck_handle *handle, const struct problem *problem,
                               struct workload *workload, int copies, void **state, struct error *err)
{
    (void)handle;
    return open_as(library, problem, workload, copies, ALL_FREE, state, err);
}

static hpck_status onednn_open_plain(void *library, hpck_handle *handle, const struct problem *problem,
                                     struct workload *workload, int copies, void **state, struct error *err)
{
    (void)handle;
    return open_as(library, problem, workload, copies, FILTER_FREE, state, err);
}

static const char *onednn_routine(const void *state)
{
    return ((const struct onednn_state *)state)->routine;
}

static hpck_status onednn_run(void *opaque, struct error *err)
{
    struct onednn_state *state = opaque;
    const dnnl_memory_t *set = state->sets[state->next_set];
    const dnnl_exec_arg_t args[] = { { state->args[X], set[X] },
                                     { state->args[FILTER], set[FILTER] },
                                     { state->args[Y], set[Y] } };
    state->next_set = (state->next_set + 1) % state->set_count;
    return onednn_check(state->dnnl->primitive_execute(state->primitive, state->dnnl->stream, TENSORS, args),
                        "the convolution", err);
}

static hpck_status onednn_finish(void *opaque, struct error *err)
{
    struct onednn_state *state = opaque;
    return onednn_check(state->dnnl->stream_wait(state->dnnl->stream), "waiting", err);
}

static hpck_status onednn_verify(void *opaque, struct error *err)
{
    hpck_status st = HPCK_OK;
    struct onednn_state *state = opaque;
    const struct onednn *dnnl = state->dnnl;
    dnnl_memory_t plain = NULL;
    void *values = NULL;
    state->next_set = 0;
    HPCK_TRY(onednn_run(state, err));
    HPCK_TRY(onednn_finish(state, err));
    HPCK_TRY(
        onednn_check(dnnl->memory_create(&plain, &state->plain[state->output], dnnl->engine, DNNL_MEMORY_ALLOCATE),
                     "allocating", err));
    HPCK_TRY(onednn_check(dnnl->memory_get_data_handle(plain, &values), "reading the result", err));
    HPCK_TRY(
        reorder(dnnl, state->sets[0][state->output], &state->computed, plain, &state->plain[state->output], err));
    HPCK_TRY(workload_check_values(state->workload, values, err));
done:
    if (plain) dnnl->memory_destroy(plain);
    return st;
}

#define FUNCTIONS_OF(open_function)                                                                                \
    .unload = onednn_unload, .version = onednn_version, .open = open_function, .routine = onednn_routine,          \
    .run = onednn_run, .finish = onednn_finish, .verify = onednn_verify, .close = onednn_close,                    \
    .part[OP_REDUCE] = &reference_onednn_reduce

#else
#define FUNCTIONS_OF(open_function) .unload = NULL

static hpck_status onednn_load(void **library, struct error *err)
{
    *library = NULL;
    return error_set(err, HPCK_UNSUPPORTED, "hpck-bench was built without the headers of oneDNN 2");
}

#endif

const struct reference reference_onednn = {
    .name = "onednn",
    .doc = "oneDNN 2 (HPCK_ONEDNN), operands in the formats it prefers",
    .load = onednn_load,
    FUNCTIONS_OF(onednn_open),
};

const struct reference reference_onednn_plain = {
    .name = "onednn-plain",
    .doc = "oneDNN 2 (HPCK_ONEDNN), x and y as the problem stores them",
    .on_request = true,
    .load = onednn_load,
    FUNCTIONS_OF(onednn_open_plain),
};
