/* The CUDA backend: its table, and the functions too short for a file of their own. */
#include "cuda_objects.h"

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
    if (device_id != NULL) *device_id = (void *)(intptr_t)device->id;
    if (queue != NULL) *queue = device->stream;
}

const struct backend cuda_backend = {
    .name = "cuda",
    .dialect = DIALECT_CUDA,
    .enumerate = cuda_enumerate,
    .open = cuda_open,
    .adopt = cuda_adopt,
    .close = cuda_close,
    .describe = describe,
    .set_queue = cuda_set_queue,
    .objects = objects,
    .fingerprint = fingerprint,
    .compile = cuda_compile,
    .save = cuda_save,
    .load = cuda_load_program,
    .describe_absent = cuda_describe_absent,
    .compile_absent = cuda_compile_absent,
    .unload = cuda_unload,
    .kernel_create = cuda_kernel_create,
    .kernel_free = cuda_kernel_free,
    .inspect = cuda_inspect,
    .launch = cuda_launch,
    .lap = cuda_lap,
    .marker = cuda_marker,
    .allocate = cuda_allocate,
    .release = cuda_release,
    .upload = cuda_upload,
    .retire = cuda_retire,
    .write = cuda_write,
    .read = cuda_read,
    .check_memory = cuda_check_memory,
    .drain = cuda_drain,
    .finish = cuda_finish,
};
