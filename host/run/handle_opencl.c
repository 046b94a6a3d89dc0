/* hpck_opencl.h: handles on the caller's OpenCL objects. */
#include <hpck/hpck_opencl.h>

#include "handle.h"

hpck_status hpck_opencl_create(hpck_handle **handle, cl_context context, cl_device_id device,
                               cl_command_queue queue, const hpck_options *options)
{
    return handle_adopt(handle, options, &opencl_backend, context, device, queue);
}

static hpck_status check_is_opencl(hpck_handle *handle)
{
    if (handle->backend == &opencl_backend) return HPCK_OK;
    return error_set(&handle->err, HPCK_INVALID_ARGUMENT, "opencl: the handle's device belongs to %s",
                     handle->backend->name);
}

hpck_status hpck_opencl_set_queue(hpck_handle *handle, cl_command_queue queue)
{
    hpck_status st = HPCK_OK;
    HPCK_TRY(handle_enter(handle));
    HPCK_TRY(check_is_opencl(handle));
    HPCK_TRY(handle->backend->set_queue(handle->device, queue, &handle->err));
done:
    return handle_leave(handle, st);
}

hpck_status hpck_opencl_get(const hpck_handle *const_handle, cl_context *context, cl_device_id *device,
                            cl_command_queue *queue)
{
    hpck_handle *handle = handle_mutable(const_handle);
    hpck_status st = HPCK_OK;
    void *objects[3];
    HPCK_TRY(handle_enter(handle));
    HPCK_TRY(check_is_opencl(handle));
    handle->backend->objects(handle->device, &objects[0], &objects[1], &objects[2]);
    if (context != NULL) *context = objects[0];
    if (device != NULL) *device = objects[1];
    if (queue != NULL) *queue = objects[2];
done:
    return handle_leave(handle, st);
}
