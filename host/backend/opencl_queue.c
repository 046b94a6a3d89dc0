/* Order and completion: what a command waits for, markers, and waiting for the end of the queue. */
#include "opencl.h"

#include <sched.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* ---- what a command waits for ---- */

static bool has_failed(const struct backend_device *device, cl_event event)
{
    cl_int state = CL_COMPLETE;
    device->cl.clGetEventInfo(event, CL_EVENT_COMMAND_EXECUTION_STATUS, sizeof state, &state, NULL);
    return state < 0;
}

/* Not every driver looks: an event of another context, or one that has failed (PoCL 3.1), would be waited for, or worse. */
static hpck_status check_events(const struct backend_device *device, const hpck_event *events, size_t count,
                                struct error *err)
{
    for (size_t i = 0; i < count; i++) {
        cl_context context = NULL;
        if (device->cl.clGetEventInfo(events[i], CL_EVENT_CONTEXT, sizeof context, &context, NULL) != CL_SUCCESS)
            return error_set(err, HPCK_INVALID_ARGUMENT, "sync: wait_list[%zu] is not a cl_event", i);
        if (context != device->context)
            return error_set(err, HPCK_INVALID_ARGUMENT,
                             "sync: wait_list[%zu] belongs to another context than the handle's", i);
        if (has_failed(device, events[i]))
            return error_set(err, HPCK_INVALID_ARGUMENT,
                             "sync: wait_list[%zu] stands for a command that has failed", i);
    }
    return HPCK_OK;
}

hpck_status wait_list_make(struct backend_device *device, const hpck_sync *sync, struct wait_list *list,
                           struct error *err)
{
    hpck_status st = HPCK_OK;
    size_t callers = sync != NULL ? sync->wait_count : 0;
    bool needs_last = device->last != NULL && (device->out_of_order || device->last_is_elsewhere);
    *list = (struct wait_list){ 0 };
    if (callers > UINT32_MAX - 1)
        HPCK_FAIL(err, HPCK_INVALID_ARGUMENT, "sync: wait_count = %zu is more than OpenCL allows", callers);
    if (needs_last && has_failed(device, device->last))
        HPCK_FAIL(err, HPCK_LAUNCH_FAILED,
                  "an earlier call failed on the device; hpck_synchronize ends its effect");
    if (callers == 0 && !needs_last) goto done;
    if (callers > 0) HPCK_TRY(check_events(device, sync->wait_list, callers, err));
    if (!needs_last) {
        list->events = (const cl_event *)(const void *)sync->wait_list;
    } else if (callers == 0) {
        list->events = &device->last;
    } else {
        list->owned = malloc((callers + 1) * sizeof *list->owned);
        if (list->owned == NULL) HPCK_FAIL(err, HPCK_OUT_OF_MEMORY, "sync: out of memory for %zu events", callers);
        memcpy(list->owned, sync->wait_list, callers * sizeof *list->owned);
        list->owned[callers] = device->last;
        list->events = list->owned;
    }
    list->count = (cl_uint)(callers + (needs_last ? 1 : 0));
done:
    return st;
}

void wait_list_free(struct wait_list *list)
{
    free(list->owned);
}

void opencl_enqueued(struct backend_device *device, cl_event event, const hpck_sync *sync)
{
    if (device->last != NULL) device->cl.clReleaseEvent(device->last);
    device->last = event;
    device->last_is_elsewhere = false;
    if (sync != NULL && sync->event != NULL) {
        device->cl.clRetainEvent(event);
        *sync->event = event;
    }
}

hpck_status opencl_marker(struct backend_device *device, const hpck_sync *sync, struct error *err)
{
    hpck_status st = HPCK_OK;
    struct wait_list wait = { 0 };
    cl_event event = NULL;
    HPCK_TRY(wait_list_make(device, sync, &wait, err));
    CL_TRY(err, HPCK_LAUNCH_FAILED,
           device->cl.clEnqueueMarkerWithWaitList(device->queue, wait.count, wait.events, &event),
           "clEnqueueMarkerWithWaitList");
    opencl_enqueued(device, event, sync);
done:
    wait_list_free(&wait);
    return st;
}

/* ---- completion ---- */

void opencl_drain(struct backend_device *device)
{
    if (device->last != NULL) device->cl.clWaitForEvents(1, &device->last);
}

/* A short kernel is over before a blocked thread could be woken: look at its event for a while first. Yielding leaves
 * the core to a CPU driver's workers. Over 7 ways in one process on PoCL, n = 128: 89 us instead of 107 (median). */
static void poll_last(struct backend_device *device)
{
    enum { POLL_NS = 100 * 1000 };
    struct timespec start;
    struct timespec now;
    cl_int state = CL_QUEUED;
    device->cl.clFlush(device->queue);
    clock_gettime(CLOCK_MONOTONIC, &start);
    do {
        if (device->cl.clGetEventInfo(device->last, CL_EVENT_COMMAND_EXECUTION_STATUS, sizeof state, &state,
                                      NULL) != CL_SUCCESS ||
            state <= CL_COMPLETE)
            return;
        sched_yield();
        clock_gettime(CLOCK_MONOTONIC, &now);
    } while ((now.tv_sec - start.tv_sec) * 1000000000L + (now.tv_nsec - start.tv_nsec) < POLL_NS);
}

hpck_status opencl_finish(struct backend_device *device, struct error *err)
{
    const struct opencl_api *cl = &device->cl;
    hpck_status st = HPCK_OK;
    if (device->last != NULL && !device->last_is_elsewhere) poll_last(device);
    CL_TRY(err, HPCK_LAUNCH_FAILED, cl->clFinish(device->queue), "clFinish");
    if (device->last == NULL) goto done;

    cl_int state = CL_COMPLETE;
    cl->clGetEventInfo(device->last, CL_EVENT_COMMAND_EXECUTION_STATUS, sizeof state, &state, NULL);
    if (state < 0) { /* reported once: what comes now waits for it no longer */
        cl->clReleaseEvent(device->last);
        device->last = NULL;
        HPCK_FAIL(err, HPCK_LAUNCH_FAILED, "an earlier call failed on the device (status %d of its event)", state);
    }
done:
    return st;
}
