/* OpenCL kernels: argument slots and launching. */
#include "opencl.h"

#include <stdlib.h>
#include <string.h>

hpck_status opencl_kernel_create(struct backend_program *program, const char *name, struct backend_kernel **out,
                                 struct error *err)
{
    struct backend_device *device = program->device;
    hpck_status st = HPCK_OK;
    cl_int code = CL_SUCCESS;
    struct backend_kernel *kernel = calloc(1, sizeof *kernel);
    if (kernel == NULL) HPCK_FAIL(err, HPCK_OUT_OF_MEMORY, "opencl: out of memory for a kernel");
    kernel->device = device;
    kernel->kernel = device->cl.clCreateKernel(program->program, name, &code);
    if (code != CL_SUCCESS) {
        kernel->kernel = NULL;
        st = opencl_error(err, HPCK_INTERNAL, code, "clCreateKernel");
        error_append(err, " for \"%s\"", name);
        goto done;
    }
    CL_TRY(err, HPCK_INTERNAL,
           device->cl.clGetKernelInfo(kernel->kernel, CL_KERNEL_NUM_ARGS, sizeof kernel->parameter_count,
                                      &kernel->parameter_count, NULL),
           "clGetKernelInfo");
    kernel->local_bytes = calloc(kernel->parameter_count + 1, sizeof *kernel->local_bytes);
    if (kernel->local_bytes == NULL) HPCK_FAIL(err, HPCK_OUT_OF_MEMORY, "opencl: out of memory for a kernel");
    *out = kernel;
    kernel = NULL;
done:
    opencl_kernel_free(kernel);
    return st;
}

void opencl_kernel_free(struct backend_kernel *kernel)
{
    if (kernel == NULL) return;
    if (kernel->kernel != NULL) kernel->device->cl.clReleaseKernel(kernel->kernel);
    free(kernel->local_bytes);
    free(kernel);
}

/* ---- arguments: the numbers are the first parameter, together; the others follow in their order ---- */

static bool is_number(enum arg_kind kind)
{
    return kind == ARG_CALL || kind == ARG_VALUE || kind == ARG_SCALAR;
}

/* As codegen declares the structure: the integers, then the floats. */
static void collect_numbers(const struct launch_arg *args, int count, struct kernel_numbers *out)
{
    int scalars = 0;
    memset(out, 0, sizeof *out);
    for (int i = 0; i < count; i++)
        if (args[i].kind == ARG_CALL || args[i].kind == ARG_VALUE)
            out->integer[out->integers++] = args[i].as.integer;
    char *scalar = (char *)&out->integer[out->integers];
    for (int i = 0; i < count; i++)
        if (args[i].kind == ARG_SCALAR)
            memcpy(scalar + sizeof(cl_float) * (size_t)scalars++, &args[i].as.scalar, sizeof(cl_float));
    out->bytes = sizeof(cl_long) * (size_t)out->integers + sizeof(cl_float) * (size_t)scalars;
    if (out->integers > 0) out->bytes = (out->bytes + sizeof(cl_long) - 1) / sizeof(cl_long) * sizeof(cl_long);
}

/* What has not changed since the last launch is not set again; memory always is. */
static cl_int set_numbers(struct backend_kernel *kernel, const struct launch_arg *args, int count)
{
    struct kernel_numbers numbers;
    collect_numbers(args, count, &numbers);
    /* Bits, not values: 0.0 and -0.0 differ, a NaN equals itself. */
    if (memcmp(&numbers, &kernel->numbers, sizeof numbers) == 0) return CL_SUCCESS;
    kernel->numbers.bytes = 0;
    cl_int code = kernel->device->cl.clSetKernelArg(kernel->kernel, 0, numbers.bytes, numbers.integer);
    if (code == CL_SUCCESS) kernel->numbers = numbers;
    return code;
}

static cl_int set_local(struct backend_kernel *kernel, cl_uint parameter, size_t bytes)
{
    if (kernel->local_bytes[parameter] == bytes) return CL_SUCCESS;
    kernel->local_bytes[parameter] = 0;
    cl_int code = kernel->device->cl.clSetKernelArg(kernel->kernel, parameter, bytes, NULL);
    if (code == CL_SUCCESS) kernel->local_bytes[parameter] = bytes;
    return code;
}

static cl_uint count_parameters(const struct launch_arg *args, int count)
{
    cl_uint parameters = 0;
    bool has_numbers = false;
    for (int i = 0; i < count; i++) {
        if (is_number(args[i].kind))
            has_numbers = true;
        else
            parameters++;
    }
    return parameters + (has_numbers ? 1 : 0);
}

static hpck_status set_args(struct backend_kernel *kernel, const struct launch_arg *args, int count,
                            struct error *err)
{
    hpck_status st = HPCK_OK;
    const struct opencl_api *cl = &kernel->device->cl;
    const cl_uint parameters = count_parameters(args, count);
    if (parameters != kernel->parameter_count)
        HPCK_FAIL(err, HPCK_INTERNAL, "opencl: a kernel takes %u parameters, its declaration has %u",
                  (unsigned)kernel->parameter_count, (unsigned)parameters);
    cl_uint parameter = 0;
    cl_int code = set_numbers(kernel, args, count);
    if (kernel->numbers.bytes > 0) parameter++;
    for (int i = 0; i < count && code == CL_SUCCESS; i++) {
        if (is_number(args[i].kind)) continue;
        if (args[i].kind == ARG_LOCAL)
            code = set_local(kernel, parameter, (size_t)args[i].as.integer);
        else /* tensor maps are CUDA's: codegen refuses them in an OpenCL text */
            code = cl->clSetKernelArg(kernel->kernel, parameter, sizeof(cl_mem), &args[i].as.memory);
        if (code == CL_SUCCESS) parameter++;
    }
    if (code != CL_SUCCESS) {
        st = opencl_error(err, HPCK_LAUNCH_FAILED, code, "clSetKernelArg");
        error_append(err, " for parameter %u", (unsigned)parameter);
    }
done:
    return st;
}

static cl_int enqueue(const struct backend_kernel *kernel, cl_command_queue queue, const struct geometry *geometry,
                      const struct wait_list *wait, cl_event *event)
{
    size_t global[3];
    size_t local[3];
    for (int i = 0; i < 3; i++) {
        global[i] = (size_t)geometry->global[i];
        local[i] = (size_t)geometry->local[i];
    }
    return kernel->device->cl.clEnqueueNDRangeKernel(queue, kernel->kernel, 3, NULL, global, local, wait->count,
                                                     wait->events, event);
}

hpck_status opencl_launch(struct backend_kernel *kernel, const struct launch_arg *args, int arg_count,
                          const struct geometry *geometry, const hpck_sync *sync, struct error *err)
{
    struct backend_device *device = kernel->device;
    hpck_status st = HPCK_OK;
    struct wait_list wait = { 0 };
    cl_event event = NULL;
    HPCK_TRY(set_args(kernel, args, arg_count, err));
    HPCK_TRY(wait_list_make(device, sync, &wait, err));
    CL_TRY(err, HPCK_LAUNCH_FAILED, enqueue(kernel, device->queue, geometry, &wait, &event),
           "clEnqueueNDRangeKernel");
    opencl_enqueued(device, event, sync);
done:
    wait_list_free(&wait);
    return st;
}

hpck_status opencl_rehearse(struct backend_kernel *kernel, const struct launch_arg *args, int arg_count,
                            const struct geometry *geometry, struct error *err)
{
    struct backend_device *device = kernel->device;
    hpck_status st = HPCK_OK;
    cl_int code = CL_SUCCESS;
    cl_command_queue queue = device->cl.clCreateCommandQueue(device->context, device->id, 0, &code);
    if (code != CL_SUCCESS) return opencl_error(err, HPCK_LAUNCH_FAILED, code, "clCreateCommandQueue");
    HPCK_TRY(set_args(kernel, args, arg_count, err));
    CL_TRY(err, HPCK_LAUNCH_FAILED, enqueue(kernel, queue, geometry, &(struct wait_list){ 0 }, NULL),
           "clEnqueueNDRangeKernel");
    CL_TRY(err, HPCK_LAUNCH_FAILED, device->cl.clFinish(queue), "clFinish");
done:
    device->cl.clReleaseCommandQueue(queue);
    return st;
}
