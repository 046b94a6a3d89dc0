/* See conv_tensors.h. */
#include "conv_tensors.h"

#include <stdlib.h>
#include <string.h>

#include "reference/numerics.h"

struct shape4 {
    int64_t outer, channels, rows, columns;
};

static struct shape4 shape_of(const struct conv_fields *f, int tensor)
{
    switch (tensor) {
    case TENSOR_X:
        return (struct shape4){ f->n, f->c, f->h, f->w };
    case TENSOR_FILTER:
        return (struct shape4){ f->k, f->c / f->groups, f->r, f->s };
    default:
        return (struct shape4){ f->n, f->k, conv_rows(f), conv_columns(f) };
    }
}

struct stored {
    void *data;
    hpck_dtype dtype;
    bool channels_last;
};

static void convert(struct shape4 shape, struct stored from, struct stored to)
{
    const int64_t pixels = shape.rows * shape.columns, elements = shape.outer * shape.channels * pixels;
    if (from.dtype == to.dtype && from.channels_last == to.channels_last) {
        memcpy(to.data, from.data, (size_t)elements * dtype_bytes(from.dtype));
        return;
    }
    for (int64_t o = 0; o < shape.outer; o++)
        for (int64_t c = 0; c < shape.channels; c++)
            for (int64_t i = 0; i < pixels; i++) {
                const int64_t planes = (o * shape.channels + c) * pixels + i;
                const int64_t interleaved = (o * pixels + i) * shape.channels + c;
                const double value = reference_load(from.data, (enum reference_dtype)from.dtype,
                                                    from.channels_last ? interleaved : planes);
                reference_store(to.data, (enum reference_dtype)to.dtype, to.channels_last ? interleaved : planes,
                                value);
            }
}

/* As the problem stores it, and as the library wants it. */
static void both_forms(const struct conv_tensors *t, int tensor, struct stored *problems, struct stored *librarys)
{
    const struct conv_fields *f = &t->problem.field.conv;
    bool is_filter = tensor == TENSOR_FILTER;
    problems->dtype = t->problem.dtype_in;
    problems->channels_last = is_filter ? f->krsc != 0 : f->nhwc != 0;
    librarys->dtype = t->form.dtype;
    librarys->channels_last = is_filter ? t->form.filter_channels_last : t->form.channels_last;
}

void conv_tensors_close(struct conv_tensors *tensors)
{
    for (int i = 0; i < TENSORS; i++)
        free(tensors->host[i]);
    *tensors = (struct conv_tensors){ 0 };
}

hpck_status conv_tensors_open(struct conv_tensors *tensors, struct workload *workload,
                              const struct problem *problem, struct conv_form form, struct error *err)
{
    static const int outputs[] = {
        [CONV_FORWARD] = TENSOR_Y,
        [CONV_BACKWARD_DATA] = TENSOR_X,
        [CONV_BACKWARD_FILTER] = TENSOR_FILTER,
    };
    hpck_status st = HPCK_OK;
    struct workload_conv_operands operands;
    const struct conv_fields *f = &problem->field.conv;
    *tensors = (struct conv_tensors){ .workload = workload, .problem = *problem, .form = form };
    HPCK_TRY(workload_conv_operands(workload, &operands, err));
    if (f->bias || f->residual || f->activation)
        HPCK_FAIL(err, HPCK_UNSUPPORTED, "it is compared without bias, residual and activation");
    tensors->output = outputs[f->direction];
    const void *const given[TENSORS] = { operands.x, operands.filter, operands.y };
    for (int i = 0; i < TENSORS; i++) {
        const struct shape4 shape = shape_of(f, i);
        struct stored from, to;
        tensors->elements[i] = shape.outer * shape.channels * shape.rows * shape.columns;
        if (i == tensors->output) continue;
        both_forms(tensors, i, &from, &to);
        from.data = (void *)given[i];
        to.data = malloc((size_t)(tensors->elements[i] + 1) * dtype_bytes(to.dtype));
        if (!to.data) HPCK_FAIL(err, HPCK_OUT_OF_MEMORY, "no memory for an operand");
        tensors->host[i] = to.data;
        convert(shape, from, to);
    }
done:
    return st;
}

hpck_status conv_tensors_upload(const struct conv_tensors *tensors, hpck_handle *handle, int copies,
                                struct device_sets *sets, struct error *err)
{
    struct device_tensor all[TENSORS];
    for (int i = 0; i < TENSORS; i++)
        all[i] = (struct device_tensor){ tensors->host[i], tensors->elements[i], tensors->form.dtype };
    return device_sets_open(sets, handle, all, TENSORS, copies, err);
}

hpck_status conv_tensors_check(const struct conv_tensors *tensors, const void *output, struct error *err)
{
    hpck_status st = HPCK_OK;
    const int tensor = tensors->output;
    struct stored from, to;
    both_forms(tensors, tensor, &to, &from);
    from.data = (void *)output;
    to.data = malloc((size_t)(tensors->elements[tensor] + 1) * dtype_bytes(to.dtype));
    if (!to.data) HPCK_FAIL(err, HPCK_OUT_OF_MEMORY, "no memory for the result");
    convert(shape_of(&tensors->problem.field.conv, tensor), from, to);
    HPCK_TRY(workload_check_values(tensors->workload, to.data, err));
done:
    free(to.data);
    return st;
}

hpck_status conv_tensors_verify(const struct conv_tensors *tensors, struct device_sets *sets,
                                hpck_status (*run)(void *state, struct error *err), void *state, struct error *err)
{
    hpck_status st = HPCK_OK;
    void *output = NULL;
    HPCK_TRY(device_sets_try(sets, tensors->output, run, state, &output, err));
    HPCK_TRY(conv_tensors_check(tensors, output, err));
done:
    free(output);
    return st;
}
