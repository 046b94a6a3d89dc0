/* Order and completion: what work waits for, events, and waiting for the end of the stream. */
#include "cuda_objects.h"

bool cuda_is_capturing(struct backend_device *device)
{
    int status = 0;
    /* Asked about the default stream, the driver refuses while another stream that waits for it is captured. */
    cuda_result code = device->cu.stream_capturing(device->stream, &status);
    return code == CUDA_STREAM_CAPTURE_IMPLICIT || (code == CUDA_OK && status != 0);
}

hpck_status cuda_wait(struct backend_device *device, const hpck_sync *sync, struct error *err)
{
    const struct cuda_api *cu = &device->cu;
    hpck_status st = HPCK_OK;
    device->is_used = true;
    /* A graph cannot wait for what is outside of it. */
    if (device->must_wait && !cuda_is_capturing(device)) {
        CU_TRY(device, err, HPCK_LAUNCH_FAILED, cu->stream_wait(device->stream, device->before, 0),
               "cuStreamWaitEvent");
        device->must_wait = false;
    }
    for (size_t i = 0; sync != NULL && i < sync->wait_count; i++) {
        cuda_result code = cu->stream_wait(device->stream, sync->wait_list[i], 0);
        if (code == CUDA_OK) continue;
        st = cuda_error(device, err, HPCK_INVALID_ARGUMENT, code, "cuStreamWaitEvent");
        error_append(err, ", for sync: wait_list[%zu]", i);
        goto done;
    }
done:
    return st;
}

hpck_status cuda_signal(struct backend_device *device, const hpck_sync *sync, struct error *err)
{
    hpck_status st = HPCK_OK;
    CUevent event = NULL;
    if (sync == NULL || sync->event == NULL) return HPCK_OK;
    CU_TRY(device, err, HPCK_LAUNCH_FAILED, device->cu.event_create(&event, CUDA_EVENT_DEFAULT), "cuEventCreate");
    CU_TRY(device, err, HPCK_LAUNCH_FAILED, device->cu.event_record(event, device->stream), "cuEventRecord");
    *sync->event = event;
    event = NULL;
done:
    if (event != NULL) device->cu.event_destroy(event);
    return st;
}

hpck_status cuda_marker(struct backend_device *device, const hpck_sync *sync, struct error *err)
{
    hpck_status st = cuda_enter(device, err);
    if (st != HPCK_OK) return st;
    HPCK_TRY(cuda_wait(device, sync, err));
    HPCK_TRY(cuda_signal(device, sync, err));
done:
    cuda_leave(device);
    return st;
}

/* Inside cuda_enter, outside a capture. */
static cuda_result synchronize(struct backend_device *device)
{
    if (device->must_wait) {
        cuda_result code = device->cu.event_synchronize(device->before);
        if (code != CUDA_OK) return code;
        device->must_wait = false;
    }
    return device->cu.stream_synchronize(device->stream);
}

void cuda_drain(struct backend_device *device)
{
    struct error ignored = { 0 };
    if (cuda_enter_outside_capture(device, "waiting", &ignored) == HPCK_OK) {
        if (device->is_used || device->must_wait) synchronize(device);
        cuda_leave(device);
    }
    error_free(&ignored);
}

hpck_status cuda_finish(struct backend_device *device, struct error *err)
{
    hpck_status st = cuda_enter_outside_capture(device, "waiting", err);
    if (st != HPCK_OK) return st;
    CU_TRY(device, err, HPCK_LAUNCH_FAILED, synchronize(device), "cuStreamSynchronize");
done:
    cuda_leave(device);
    return st;
}

hpck_status cuda_lap(struct backend_device *device, double *seconds, struct error *err)
{
    CUevent now = NULL;
    float milliseconds = 0.0F;
    hpck_status st = cuda_enter_outside_capture(device, "measuring", err);
    if (st != HPCK_OK) return st;
    CU_TRY(device, err, HPCK_INTERNAL, device->cu.event_create(&now, CUDA_EVENT_DEFAULT), "cuEventCreate");
    CU_TRY(device, err, HPCK_LAUNCH_FAILED, device->cu.event_record(now, device->stream), "cuEventRecord");
    CU_TRY(device, err, HPCK_LAUNCH_FAILED, device->cu.event_synchronize(now), "cuEventSynchronize");
    if (device->lap != NULL) {
        CU_TRY(device, err, HPCK_INTERNAL, device->cu.event_elapsed(&milliseconds, device->lap, now),
               "cuEventElapsedTime");
        device->cu.event_destroy(device->lap);
    }
    device->lap = now;
    now = NULL;
    *seconds = 1e-3 * (double)milliseconds;
done:
    if (now != NULL) device->cu.event_destroy(now);
    cuda_leave(device);
    return st;
}
