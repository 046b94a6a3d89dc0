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
           device->cl.clGetKernelInfo(kernel->kernel, CL_KERNEL_NUM_ARGS, sizeof kernel->slot_count,
                                      &kernel->slot_count, NULL),
           "clGetKernelInfo");
    kernel->slots = calloc(kernel->slot_count + 1, sizeof *kernel->slots);
    if (kernel->slots == NULL) HPCK_FAIL(err, HPCK_OUT_OF_MEMORY, "opencl: out of memory for a kernel");
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
    free(kernel->slots);
    free(kernel);
}

static bool is_memory(enum arg_kind kind)
{
    return kind == ARG_BUFFER || kind == ARG_WORKSPACE;
}

static bool is_current(const struct kernel_slot *slot, const struct launch_arg *arg)
{
    if (!slot->is_set || slot->arg.kind != arg->kind || is_memory(arg->kind)) return false;
    /* Bits, not values: 0.0 and -0.0 differ, a NaN equals itself. */
    if (arg->kind == ARG_SCALAR) return memcmp(&slot->arg.as.scalar, &arg->as.scalar, sizeof arg->as.scalar) == 0;
    return slot->arg.as.integer == arg->as.integer;
}

static cl_int set_arg(const struct backend_kernel *kernel, cl_uint index, const struct launch_arg *arg)
{
    const struct opencl_api *cl = &kernel->device->cl;
    switch (arg->kind) {
    case ARG_BUFFER:
    case ARG_WORKSPACE:
        return cl->clSetKernelArg(kernel->kernel, index, sizeof(cl_mem), &arg->as.memory);
    case ARG_CALL:
    case ARG_VALUE:
        return cl->clSetKernelArg(kernel->kernel, index, sizeof(cl_long), &arg->as.integer);
    case ARG_SCALAR:
        return cl->clSetKernelArg(kernel->kernel, index, sizeof(cl_float), &arg->as.scalar);
    case ARG_LOCAL:
        return cl->clSetKernelArg(kernel->kernel, index, (size_t)arg->as.integer, NULL);
    case ARG_TENSOR_MAP: /* CUDA only: codegen refuses it in an OpenCL text */
        break;
    }
    return CL_INVALID_VALUE;
}

static hpck_status set_args(struct backend_kernel *kernel, const struct launch_arg *args, int count,
                            struct error *err)
{
    hpck_status st = HPCK_OK;
    if ((cl_uint)count != kernel->slot_count)
        HPCK_FAIL(err, HPCK_INTERNAL, "opencl: a kernel takes %u arguments, its declaration has %d",
                  (unsigned)kernel->slot_count, count);
    for (int i = 0; i < count; i++) {
        struct kernel_slot *slot = &kernel->slots[i];
        if (is_current(slot, &args[i])) continue;
        slot->is_set = false;
        cl_int code = set_arg(kernel, (cl_uint)i, &args[i]);
        if (code != CL_SUCCESS) {
            st = opencl_error(err, HPCK_LAUNCH_FAILED, code, "clSetKernelArg");
            error_append(err, " for argument %d", i);
            goto done;
        }
        slot->arg = args[i];
        slot->is_set = true;
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
