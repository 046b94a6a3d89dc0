/* An open CUDA device: context and stream, our own or the caller's. */
#include "cuda_objects.h"

#include <stdio.h>
#include <stdlib.h>

static hpck_status device_new(struct backend_device **device, struct error *err)
{
    *device = calloc(1, sizeof **device);
    return *device != NULL ? HPCK_OK : error_set(err, HPCK_OUT_OF_MEMORY, "cuda: out of memory for a device");
}

/* The text that is cached is PTX for the newest target that the device runs, whichever NVRTC wrote it: a machine without
 * NVRTC finds what another one compiled. */
static hpck_status describe(struct backend_device *device, int ordinal, struct error *err)
{
    hpck_status st = HPCK_OK;
    HPCK_TRY(cuda_describe(device, ordinal, &device->desc, err));
    cuda_fingerprint(&device->desc, device->fingerprint, sizeof device->fingerprint);
done:
    return st;
}

hpck_status cuda_open(const char *selector, struct backend_device **out, struct error *err)
{
    struct backend_device *device = NULL;
    hpck_status st = HPCK_OK;
    bool is_entered = false;
    int ordinal = 0;
    HPCK_TRY(device_new(&device, err));
    HPCK_TRY(cuda_find(device, selector, &ordinal, err));
    HPCK_TRY(describe(device, ordinal, err));
    CU_TRY(device, err, HPCK_NO_DEVICE, device->cu.device_get(&device->id, ordinal), "cuDeviceGet");
    CU_TRY(device, err, HPCK_NO_DEVICE, device->cu.primary_retain(&device->context, device->id),
           "cuDevicePrimaryCtxRetain");
    device->owns_context = true;
    HPCK_TRY(cuda_enter(device, err));
    is_entered = true;
    CU_TRY(device, err, HPCK_NO_DEVICE, device->cu.stream_create(&device->stream, CUDA_STREAM_NON_BLOCKING),
           "cuStreamCreate");
    device->owns_stream = true;
    CU_TRY(device, err, HPCK_NO_DEVICE, device->cu.event_create(&device->before, CUDA_EVENT_DISABLE_TIMING),
           "cuEventCreate");
    *out = device;
done:
    if (is_entered) cuda_leave(device);
    if (st != HPCK_OK) cuda_close(device);
    return st;
}

/* ---- the caller's objects ---- */

static bool is_special(CUstream stream)
{
    return stream == NULL || stream == CUDA_STREAM_LEGACY || stream == CUDA_STREAM_PER_THREAD;
}

static hpck_status check_stream(struct backend_device *device, CUstream stream, struct error *err)
{
    hpck_status st = HPCK_OK;
    CUcontext context = NULL;
    if (is_special(stream)) goto done;
    CU_TRY(device, err, HPCK_INVALID_ARGUMENT, device->cu.stream_context(stream, &context),
           "stream is not a CUDA stream");
    if (context != device->context)
        HPCK_FAIL(err, HPCK_INVALID_ARGUMENT, "cuda: stream belongs to another context than the handle's");
done:
    return st;
}

hpck_status cuda_adopt(void *context, void *device_id, void *queue, struct backend_device **out, struct error *err)
{
    struct backend_device *device = NULL;
    hpck_status st = HPCK_OK;
    bool is_entered = false;
    int count = 0;
    (void)device_id; /* the context says which */
    HPCK_TRY(device_new(&device, err));
    HPCK_TRY(cuda_start(device, &count, err));
    device->context = context;
    if (context == NULL)
        CU_TRY(device, err, HPCK_INVALID_ARGUMENT, device->cu.context_current(&device->context), "cuCtxGetCurrent");
    if (device->context == NULL)
        HPCK_FAIL(err, HPCK_INVALID_ARGUMENT, "cuda: context is NULL, and no context is current in this thread");
    HPCK_TRY(cuda_enter(device, err));
    is_entered = true;
    CU_TRY(device, err, HPCK_INVALID_ARGUMENT, device->cu.context_device(&device->id), "cuCtxGetDevice");
    HPCK_TRY(describe(device, device->id, err)); /* a CUdevice is its ordinal */
    HPCK_TRY(check_stream(device, queue, err));
    device->stream = queue;
    CU_TRY(device, err, HPCK_NO_DEVICE, device->cu.event_create(&device->before, CUDA_EVENT_DISABLE_TIMING),
           "cuEventCreate");
    *out = device;
done:
    if (is_entered) cuda_leave(device);
    if (st != HPCK_OK) cuda_close(device);
    return st;
}

hpck_status cuda_set_queue(struct backend_device *device, void *queue, struct error *err)
{
    hpck_status st = HPCK_OK;
    if (queue == device->stream) return HPCK_OK;
    st = cuda_enter(device, err);
    if (st != HPCK_OK) return st;
    HPCK_TRY(check_stream(device, queue, err));
    /* What went into a capture runs when its graph does; only the rest can be waited for. */
    if (device->is_used && !cuda_is_capturing(device)) {
        CU_TRY(device, err, HPCK_LAUNCH_FAILED, device->cu.event_record(device->before, device->stream),
               "cuEventRecord");
        device->must_wait = true;
    }
    if (device->owns_stream) device->cu.stream_destroy(device->stream); /* finishes its work first */
    device->owns_stream = false;
    device->stream = queue;
    device->is_used = false;
done:
    cuda_leave(device);
    return st;
}

void cuda_close(struct backend_device *device)
{
    struct error ignored = { 0 };
    if (device == NULL) return;
    /* The objects of a lost or destroyed context went with it. */
    if (device->context != NULL && cuda_enter(device, &ignored) == HPCK_OK) {
        cuda_free_blocks(device);
        if (device->before != NULL) device->cu.event_destroy(device->before);
        if (device->lap != NULL) device->cu.event_destroy(device->lap);
        if (device->owns_stream) device->cu.stream_destroy(device->stream);
        cuda_leave(device);
    }
    if (device->owns_context) device->cu.primary_release(device->id);
    error_free(&ignored);
    free(device);
}
