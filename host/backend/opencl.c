/* The OpenCL backend: its table, and the functions too short for a file of their own. */
#include "opencl.h"

static const struct device_desc *describe(const struct backend_device *device)
{
    return &device->desc;
}

static const char *fingerprint(const struct backend_device *device)
{
    return device->fingerprint;
}

static void objects(const struct backend_device *device, void **context, void **device_id, void **queue)
{
    if (context != NULL) *context = device->context;
    if (device_id != NULL) *device_id = device->id;
    if (queue != NULL) *queue = device->queue;
}

const struct backend opencl_backend = {
    .name = "opencl",
    .dialect = DIALECT_OPENCL,
    .enumerate = opencl_enumerate,
    .open = opencl_open,
    .adopt = opencl_adopt,
    .close = opencl_close,
    .describe = describe,
    .set_queue = opencl_set_queue,
    .objects = objects,
    .fingerprint = fingerprint,
    .compile = opencl_compile,
    .save = opencl_save,
    .load = opencl_load_program,
    .unload = opencl_unload,
    .kernel_create = opencl_kernel_create,
    .kernel_free = opencl_kernel_free,
    .launch = opencl_launch,
    .rehearse = opencl_rehearse,
    .marker = opencl_marker,
    .allocate = opencl_allocate,
    .release = opencl_release,
    .upload = opencl_upload,
    .retire = opencl_retire,
    .write = opencl_write,
    .read = opencl_read,
    .map = opencl_map,
    .unmap = opencl_unmap,
    .check_memory = opencl_check_memory,
    .drain = opencl_drain,
    .finish = opencl_finish,
};
