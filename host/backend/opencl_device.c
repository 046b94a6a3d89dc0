/* An open OpenCL device: context and queue, our own or the caller's. */
#include "opencl.h"

#include <stdlib.h>

static hpck_status device_new(struct backend_device **device, struct error *err)
{
    *device = calloc(1, sizeof **device);
    if (*device == NULL) return error_set(err, HPCK_OUT_OF_MEMORY, "opencl: out of memory for a device");
    hpck_status st = opencl_load(&(*device)->cl, err);
    if (st != HPCK_OK) {
        free(*device);
        *device = NULL;
    }
    return st;
}

static hpck_status own_queue(struct backend_device *device, struct error *err)
{
    cl_int code = CL_SUCCESS;
    hpck_status st = HPCK_OK;
    device->queue = device->cl.clCreateCommandQueue(device->context, device->id, 0, &code);
    CL_TRY(err, HPCK_NO_DEVICE, code, "clCreateCommandQueue");
done:
    return st;
}

hpck_status opencl_open(const char *selector, struct backend_device **out, struct error *err)
{
    struct backend_device *device = NULL;
    hpck_status st = HPCK_OK;
    cl_int code = CL_SUCCESS;
    HPCK_TRY(device_new(&device, err));
    HPCK_TRY(opencl_find(&device->cl, selector, &device->id, err));
    opencl_describe(&device->cl, device->id, selector, &device->desc);
    HPCK_TRY(opencl_fingerprint(&device->cl, device->id, &device->fingerprint, err));
    device->cl.clRetainDevice(device->id);
    device->context = device->cl.clCreateContext(NULL, 1, &device->id, NULL, NULL, &code);
    CL_TRY(err, HPCK_NO_DEVICE, code, "clCreateContext");
    HPCK_TRY(own_queue(device, err));
    *out = device;
    device = NULL;
done:
    opencl_close(device);
    return st;
}

/* ---- the caller's objects ---- */

static hpck_status check_device_in_context(const struct opencl_api *cl, cl_context context, cl_device_id id,
                                           struct error *err)
{
    cl_device_id *ids = NULL;
    size_t bytes = 0;
    hpck_status st = HPCK_OK;
    CL_TRY(err, HPCK_INVALID_ARGUMENT, cl->clGetContextInfo(context, CL_CONTEXT_DEVICES, 0, NULL, &bytes),
           "context is not an OpenCL context");
    ids = malloc(bytes);
    if (ids == NULL) HPCK_FAIL(err, HPCK_OUT_OF_MEMORY, "opencl: out of memory for the context's devices");
    CL_TRY(err, HPCK_INVALID_ARGUMENT, cl->clGetContextInfo(context, CL_CONTEXT_DEVICES, bytes, ids, NULL),
           "context is not an OpenCL context");
    for (size_t i = 0; i < bytes / sizeof *ids; i++)
        if (ids[i] == id) goto done;
    HPCK_FAIL(err, HPCK_INVALID_ARGUMENT, "opencl: device does not belong to context");
done:
    free(ids);
    return st;
}

static hpck_status check_queue(const struct backend_device *device, cl_command_queue queue, bool *out_of_order,
                               struct error *err)
{
    const struct opencl_api *cl = &device->cl;
    cl_context context = NULL;
    cl_device_id id = NULL;
    cl_command_queue_properties properties = 0;
    hpck_status st = HPCK_OK;
    CL_TRY(err, HPCK_INVALID_ARGUMENT,
           cl->clGetCommandQueueInfo(queue, CL_QUEUE_CONTEXT, sizeof context, &context, NULL),
           "queue is not an OpenCL command queue");
    CL_TRY(err, HPCK_INVALID_ARGUMENT, cl->clGetCommandQueueInfo(queue, CL_QUEUE_DEVICE, sizeof id, &id, NULL),
           "queue is not an OpenCL command queue");
    CL_TRY(err, HPCK_INVALID_ARGUMENT,
           cl->clGetCommandQueueInfo(queue, CL_QUEUE_PROPERTIES, sizeof properties, &properties, NULL),
           "queue is not an OpenCL command queue");
    if (context != device->context)
        HPCK_FAIL(err, HPCK_INVALID_ARGUMENT, "opencl: queue belongs to another context");
    if (id != device->id) HPCK_FAIL(err, HPCK_INVALID_ARGUMENT, "opencl: queue belongs to another device");
    *out_of_order = (properties & CL_QUEUE_OUT_OF_ORDER_EXEC_MODE_ENABLE) != 0;
done:
    return st;
}

hpck_status opencl_adopt(void *context, void *device_id, void *queue, struct backend_device **out,
                         struct error *err)
{
    struct backend_device *device = NULL;
    hpck_status st = HPCK_OK;
    char selector[sizeof device->desc.selector];
    if (context == NULL) HPCK_FAIL(err, HPCK_INVALID_ARGUMENT, "opencl: context is NULL");
    if (device_id == NULL) HPCK_FAIL(err, HPCK_INVALID_ARGUMENT, "opencl: device is NULL");
    HPCK_TRY(device_new(&device, err));
    HPCK_TRY(check_device_in_context(&device->cl, context, device_id, err));
    device->cl.clRetainContext(context);
    device->context = context;
    device->cl.clRetainDevice(device_id);
    device->id = device_id;
    HPCK_TRY(opencl_selector(&device->cl, device->id, selector, sizeof selector, err));
    opencl_describe(&device->cl, device->id, selector, &device->desc);
    HPCK_TRY(opencl_fingerprint(&device->cl, device->id, &device->fingerprint, err));
    HPCK_TRY(queue == NULL ? own_queue(device, err) : opencl_set_queue(device, queue, err));
    *out = device;
    device = NULL;
done:
    opencl_close(device);
    return st;
}

hpck_status opencl_set_queue(struct backend_device *device, void *queue, struct error *err)
{
    hpck_status st = HPCK_OK;
    bool out_of_order = false;
    if (queue == NULL) HPCK_FAIL(err, HPCK_INVALID_ARGUMENT, "opencl: queue is NULL");
    if (queue == device->queue) goto done;
    HPCK_TRY(check_queue(device, queue, &out_of_order, err));
    CL_TRY(err, HPCK_INVALID_ARGUMENT, device->cl.clRetainCommandQueue(queue), "clRetainCommandQueue");
    if (device->queue != NULL) {
        /* Another queue may only wait for commands that their own queue has sent on. */
        if (device->last != NULL) device->cl.clFlush(device->queue);
        device->cl.clReleaseCommandQueue(device->queue);
    }
    device->queue = queue;
    device->out_of_order = out_of_order;
    device->last_is_elsewhere = device->last != NULL;
done:
    return st;
}

void opencl_close(struct backend_device *device)
{
    if (device == NULL) return;
    const struct opencl_api *cl = &device->cl;
    if (device->last != NULL) cl->clReleaseEvent(device->last);
    if (device->queue != NULL) cl->clReleaseCommandQueue(device->queue);
    if (device->context != NULL) cl->clReleaseContext(device->context);
    if (device->id != NULL) cl->clReleaseDevice(device->id);
    free(device->fingerprint);
    free(device);
}
