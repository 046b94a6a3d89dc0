/* OpenCL buffers: making, checking and copying them. */
#include "opencl.h"

/* ---- life ---- */

static hpck_status create(struct backend_device *device, cl_mem_flags flags, const void *host, size_t bytes,
                          void **memory, struct error *err)
{
    cl_int code = CL_SUCCESS;
    void *source = (void *)(uintptr_t)host; /* OpenCL reads it, in spite of the type */
    cl_mem buffer = device->cl.clCreateBuffer(device->context, CL_MEM_READ_WRITE | flags, bytes, source, &code);
    if (code != CL_SUCCESS) {
        hpck_status st = opencl_error(err, HPCK_DEVICE_OUT_OF_MEMORY, code, "clCreateBuffer");
        error_append(err, " for %zu bytes; the device allows %lld in one buffer", bytes,
                     (long long)device->desc.field.max_alloc_bytes);
        return st;
    }
    *memory = buffer;
    return HPCK_OK;
}

hpck_status opencl_allocate(struct backend_device *device, size_t bytes, void **memory, struct error *err)
{
    return create(device, 0, NULL, bytes, memory, err);
}

/* Commands in flight keep what they use: the driver frees it after them. */
void opencl_release(struct backend_device *device, void *memory)
{
    if (memory != NULL) device->cl.clReleaseMemObject(memory);
}

hpck_status opencl_upload(struct backend_device *device, const void *host, size_t bytes, void **memory,
                          struct error *err)
{
    return create(device, CL_MEM_COPY_HOST_PTR, host, bytes, memory, err);
}

hpck_status opencl_retire(struct backend_device *device, void *memory, struct error *err)
{
    hpck_status st = HPCK_OK;
    CL_TRY(err, HPCK_INTERNAL, device->cl.clReleaseMemObject(memory), "clReleaseMemObject");
done:
    return st;
}

/* ---- copies ---- */

hpck_status opencl_write(struct backend_device *device, void *memory, size_t offset, const void *host, size_t bytes,
                         struct error *err)
{
    hpck_status st = HPCK_OK;
    struct wait_list wait = { 0 };
    HPCK_TRY(wait_list_make(device, NULL, &wait, err));
    CL_TRY(err, HPCK_LAUNCH_FAILED,
           device->cl.clEnqueueWriteBuffer(device->queue, memory, CL_TRUE, offset, bytes, host, wait.count,
                                           wait.events, NULL),
           "clEnqueueWriteBuffer");
done:
    wait_list_free(&wait);
    return st;
}

hpck_status opencl_read(struct backend_device *device, void *host, const void *memory, size_t offset, size_t bytes,
                        struct error *err)
{
    hpck_status st = HPCK_OK;
    struct wait_list wait = { 0 };
    cl_mem buffer = (cl_mem)(uintptr_t)memory;
    HPCK_TRY(wait_list_make(device, NULL, &wait, err));
    CL_TRY(err, HPCK_LAUNCH_FAILED,
           device->cl.clEnqueueReadBuffer(device->queue, buffer, CL_TRUE, offset, bytes, host, wait.count,
                                          wait.events, NULL),
           "clEnqueueReadBuffer");
done:
    wait_list_free(&wait);
    return st;
}

/* ---- reading in place ---- */

hpck_status opencl_map(struct backend_device *device, void *memory, size_t bytes, const void **host,
                       struct error *err)
{
    hpck_status st = HPCK_OK;
    struct wait_list wait = { 0 };
    cl_int code = CL_SUCCESS;
    if (!device->desc.field.is_cpu) HPCK_FAIL(err, HPCK_UNSUPPORTED, "%s has memory of its own", device->desc.name);
    HPCK_TRY(wait_list_make(device, NULL, &wait, err));
    *host = device->cl.clEnqueueMapBuffer(device->queue, memory, CL_TRUE, CL_MAP_READ, 0, bytes, wait.count,
                                          wait.events, NULL, &code);
    CL_TRY(err, HPCK_LAUNCH_FAILED, code, "clEnqueueMapBuffer");
done:
    wait_list_free(&wait);
    return st;
}

void opencl_unmap(struct backend_device *device, void *memory, const void *host)
{
    void *address = (void *)(uintptr_t)host; /* OpenCL only looks it up, in spite of the type */
    device->cl.clEnqueueUnmapMemObject(device->queue, memory, address, 0, NULL, NULL);
}

/* ---- facts ---- */

hpck_status opencl_check_memory(struct backend_device *device, const void *memory, const char *name,
                                struct memory_range *range, struct error *err)
{
    const struct opencl_api *cl = &device->cl;
    cl_mem buffer = (cl_mem)(uintptr_t)memory;
    hpck_status st = HPCK_OK;
    cl_mem_object_type type = 0;
    cl_context context = NULL;
    cl_mem parent = NULL;
    if (memory == NULL) HPCK_FAIL(err, HPCK_INVALID_ARGUMENT, "%s: memory is NULL", name);
    if (cl->clGetMemObjectInfo(buffer, CL_MEM_TYPE, sizeof type, &type, NULL) != CL_SUCCESS)
        HPCK_FAIL(err, HPCK_INVALID_ARGUMENT, "%s: memory is not a cl_mem", name);
    if (type != CL_MEM_OBJECT_BUFFER)
        HPCK_FAIL(err, HPCK_INVALID_ARGUMENT, "%s: memory is an image or a pipe, not a buffer", name);
    CL_TRY(err, HPCK_INVALID_ARGUMENT,
           cl->clGetMemObjectInfo(buffer, CL_MEM_CONTEXT, sizeof context, &context, NULL), "clGetMemObjectInfo");
    if (context != device->context)
        HPCK_FAIL(err, HPCK_INVALID_ARGUMENT, "%s: memory belongs to another context than the handle's", name);
    CL_TRY(err, HPCK_INVALID_ARGUMENT,
           cl->clGetMemObjectInfo(buffer, CL_MEM_SIZE, sizeof range->bytes, &range->bytes, NULL),
           "clGetMemObjectInfo");
    CL_TRY(err, HPCK_INVALID_ARGUMENT,
           cl->clGetMemObjectInfo(buffer, CL_MEM_ASSOCIATED_MEMOBJECT, sizeof parent, &parent, NULL),
           "clGetMemObjectInfo");
    range->root = memory;
    range->offset = 0;
    if (parent != NULL) {
        CL_TRY(err, HPCK_INVALID_ARGUMENT,
               cl->clGetMemObjectInfo(buffer, CL_MEM_OFFSET, sizeof range->offset, &range->offset, NULL),
               "clGetMemObjectInfo");
        range->root = parent;
    }
    range->alignment =
        memory_alignment(range->offset); /* a buffer starts at a multiple of the largest type's 128 bytes */
done:
    return st;
}
