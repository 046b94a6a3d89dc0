/* hpck_cuda.h: handles on the caller's CUDA context and stream. */
#include <hpck/hpck_cuda.h>

#include "handle.h"

hpck_status hpck_cuda_create(hpck_handle **handle, CUcontext context, CUstream stream, const hpck_options *options)
{
    return handle_adopt(handle, options, &cuda_backend, context, NULL, stream);
}

static hpck_status check_is_cuda(hpck_handle *handle)
{
    if (handle->backend == &cuda_backend) return HPCK_OK;
    return error_set(&handle->err, HPCK_INVALID_ARGUMENT, "cuda: the handle's device belongs to %s",
                     handle->backend->name);
}

hpck_status hpck_cuda_set_stream(hpck_handle *handle, CUstream stream)
{
    hpck_status st = HPCK_OK;
    HPCK_TRY(handle_enter(handle));
    HPCK_TRY(check_is_cuda(handle));
    HPCK_TRY(handle->backend->set_queue(handle->device, stream, &handle->err));
done:
    return handle_leave(handle, st);
}

hpck_status hpck_cuda_get(const hpck_handle *const_handle, CUcontext *context, CUstream *stream)
{
    hpck_handle *handle = handle_mutable(const_handle);
    hpck_status st = HPCK_OK;
    void *objects[2];
    HPCK_TRY(handle_enter(handle));
    HPCK_TRY(check_is_cuda(handle));
    handle->backend->objects(handle->device, &objects[0], NULL, &objects[1]);
    if (context != NULL) *context = objects[0];
    if (stream != NULL) *stream = objects[1];
done:
    return handle_leave(handle, st);
}
