/* CLBlast's convgemm on the handle's own queue. It knows nchw, one group and forward; other layouts are converted once,
 * outside timing. */
#include <hpck/hpck_opencl.h>

#include "reference.h"

#include <stdlib.h>

#include "conv_tensors.h"
#include "device_sets.h"
#include "library.h"

enum { CROSS_CORRELATION = 151 }; /* the number of clblast_c.h */
enum { NO_HALF_PRECISION = -2045 };

typedef int convgemm_function(int mode, size_t channels, size_t height, size_t width, size_t kernel_h,
                              size_t kernel_w, size_t pad_h, size_t pad_w, size_t stride_h, size_t stride_w,
                              size_t dilation_h, size_t dilation_w, size_t kernels, size_t batch, cl_mem x,
                              size_t offset_x, cl_mem filter, size_t offset_filter, cl_mem y, size_t offset_y,
                              cl_command_queue *queue, cl_event *event);

struct clblast_conv {
    convgemm_function *convgemm;
    cl_command_queue queue;
    struct conv_tensors tensors;
    struct device_sets sets;
};

static hpck_status conv_run(void *opaque, struct error *err)
{
    struct clblast_conv *state = opaque;
    const struct conv_fields *f = &state->tensors.problem.field.conv;
    void *const *set = device_sets_next(&state->sets);
    int code = state->convgemm(
        CROSS_CORRELATION, (size_t)f->c, (size_t)f->h, (size_t)f->w, (size_t)f->r, (size_t)f->s, (size_t)f->pad_top,
        (size_t)f->pad_left, (size_t)f->stride_h, (size_t)f->stride_w, (size_t)f->dilation_h, (size_t)f->dilation_w,
        (size_t)f->k, (size_t)f->n, set[TENSOR_X], 0, set[TENSOR_FILTER], 0, set[TENSOR_Y], 0, &state->queue, NULL);
    if (code == NO_HALF_PRECISION)
        return error_set(err, HPCK_UNSUPPORTED, "the device has no 16-bit arithmetic (cl_khr_fp16)");
    if (code != 0) return error_set(err, HPCK_UNSUPPORTED, "CLBlast returned status %d", code);
    return HPCK_OK;
}

static hpck_status conv_finish(void *opaque, struct error *err)
{
    const struct clblast_conv *state = opaque;
    return device_sets_finish(&state->sets, err);
}

static void conv_close(void *opaque)
{
    struct clblast_conv *state = opaque;
    if (!state) return;
    device_sets_close(&state->sets);
    conv_tensors_close(&state->tensors);
    free(state);
}

static hpck_status check_problem(const struct problem *problem, struct error *err)
{
    const struct conv_fields *f = &problem->field.conv;
    if (problem->dtype_in == HPCK_BF16) return error_set(err, HPCK_UNSUPPORTED, "CLBlast has no bf16");
    if (f->direction != CONV_FORWARD)
        return error_set(err, HPCK_UNSUPPORTED, "CLBlast has forward convolution only");
    if (f->groups != 1) return error_set(err, HPCK_UNSUPPORTED, "CLBlast's convolution has no groups");
    if (f->pad_top != f->pad_bottom || f->pad_left != f->pad_right)
        return error_set(err, HPCK_UNSUPPORTED, "CLBlast pads both ends alike");
    return HPCK_OK;
}

/* library: what reference_clblast has loaded, a struct library first. */
static hpck_status conv_open(void *library, hpck_handle *handle, const struct problem *problem,
                             struct workload *workload, int copies, void **out, struct error *err)
{
    hpck_status st = HPCK_OK;
    const struct conv_form form = { false, false, problem->dtype_in };
    struct clblast_conv *state = calloc(1, sizeof *state);
    if (!state) HPCK_FAIL(err, HPCK_OUT_OF_MEMORY, "no memory");
    HPCK_TRY(check_problem(problem, err));
    HPCK_TRY(library_function(library, problem->dtype_in == HPCK_F32 ? "CLBlastSconvgemm" : "CLBlastHconvgemm",
                              &state->convgemm, err));
    if (hpck_opencl_get(handle, NULL, NULL, &state->queue) != HPCK_OK)
        HPCK_FAIL(err, HPCK_UNSUPPORTED, "not an OpenCL device");
    HPCK_TRY(conv_tensors_open(&state->tensors, workload, problem, form, err));
    HPCK_TRY(conv_tensors_upload(&state->tensors, handle, copies, &state->sets, err));
    HPCK_TRY(conv_run(state, err)); /* compiles its kernels, and tells whether it can */
    HPCK_TRY(conv_finish(state, err));
    *out = state;
    state = NULL;
done:
    conv_close(state);
    return st;
}

static const char *conv_routine(const void *opaque)
{
    const struct clblast_conv *state = opaque;
    const bool is_half = state->tensors.form.dtype != HPCK_F32;
    if (state->tensors.problem.field.conv.nhwc) return is_half ? "Hconvgemm in nchw" : "Sconvgemm in nchw";
    return is_half ? "Hconvgemm" : "Sconvgemm";
}

static hpck_status conv_verify(void *opaque, struct error *err)
{
    struct clblast_conv *state = opaque;
    return conv_tensors_verify(&state->tensors, &state->sets, conv_run, state, err);
}

const struct reference reference_clblast_conv = {
    .name = "clblast",
    .open = conv_open,
    .routine = conv_routine,
    .run = conv_run,
    .finish = conv_finish,
    .verify = conv_verify,
    .close = conv_close,
};
