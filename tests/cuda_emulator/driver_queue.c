/* Streams and events (CUDA Driver API, sections 6.18 and 6.19): they do not run ahead, and events read the virtual clock. */
#include <stdlib.h>

#include "driver.h"

API cuStreamCreate(void **stream, unsigned flags)
{
    struct driver *driver;
    int result = driver_enter(&driver, NEED_CONTEXT);
    if (result == CUDA_SUCCESS && (stream == NULL || flags > 1)) result = CUDA_ERROR_INVALID_VALUE;
    struct stream *created = result == CUDA_SUCCESS ? calloc(1, sizeof *created) : NULL;
    if (result == CUDA_SUCCESS && created == NULL) result = CUDA_ERROR_OUT_OF_MEMORY;
    if (created != NULL) {
        created->next = driver->streams;
        driver->streams = created;
        *stream = created;
    }
    return driver_leave(result);
}

API cuStreamCreateWithPriority(void **stream, unsigned flags, int priority)
{
    (void)priority;
    return cuStreamCreate(stream, flags);
}

/* NULL, 1 and 2 are the default streams. */
static bool is_stream(const struct driver *driver, const void *handle)
{
    if ((uintptr_t)handle <= 2) return true;
    for (const struct stream *stream = driver->streams; stream != NULL; stream = stream->next)
        if (stream == handle) return true;
    return false;
}

API cuStreamDestroy_v2(void *handle)
{
    struct driver *driver;
    int result = driver_enter(&driver, NEED_CONTEXT);
    struct stream **link = &driver->streams;
    while (*link != NULL && *link != handle)
        link = &(*link)->next;
    if (result == CUDA_SUCCESS && *link == NULL) result = CUDA_ERROR_INVALID_HANDLE;
    if (result == CUDA_SUCCESS) {
        struct stream *stream = *link;
        *link = stream->next;
        free(stream);
    }
    return driver_leave(result);
}

API cuStreamSynchronize(void *stream)
{
    struct driver *driver;
    int result = driver_enter(&driver, NEED_CONTEXT);
    if (result == CUDA_SUCCESS && !is_stream(driver, stream)) result = CUDA_ERROR_INVALID_HANDLE;
    return driver_leave(result);
}

API cuStreamQuery(void *stream)
{
    return cuStreamSynchronize(stream);
}

API cuStreamIsCapturing(void *stream, int *status)
{
    if (status != NULL) *status = 0;
    return cuStreamSynchronize(stream);
}

static struct event **find_event(struct driver *driver, const void *handle)
{
    struct event **link = &driver->events;
    while (*link != NULL && *link != handle)
        link = &(*link)->next;
    return link;
}

API cuEventCreate(void **event, unsigned flags)
{
    struct driver *driver;
    int result = driver_enter(&driver, NEED_CONTEXT);
    if (result == CUDA_SUCCESS && (event == NULL || flags > 7)) result = CUDA_ERROR_INVALID_VALUE;
    struct event *created = result == CUDA_SUCCESS ? calloc(1, sizeof *created) : NULL;
    if (result == CUDA_SUCCESS && created == NULL) result = CUDA_ERROR_OUT_OF_MEMORY;
    if (created != NULL) {
        created->time = -1;
        created->next = driver->events;
        driver->events = created;
        *event = created;
    }
    return driver_leave(result);
}

API cuEventDestroy_v2(void *handle)
{
    struct driver *driver;
    int result = driver_enter(&driver, NEED_CONTEXT);
    struct event **link = find_event(driver, handle);
    if (result == CUDA_SUCCESS && *link == NULL) result = CUDA_ERROR_INVALID_HANDLE;
    if (result == CUDA_SUCCESS) {
        struct event *event = *link;
        *link = event->next;
        free(event);
    }
    return driver_leave(result);
}

API cuEventRecord(void *handle, void *stream)
{
    struct driver *driver;
    int result = driver_enter(&driver, NEED_CONTEXT);
    struct event *event = *find_event(driver, handle);
    if (result == CUDA_SUCCESS && (event == NULL || !is_stream(driver, stream))) result = CUDA_ERROR_INVALID_HANDLE;
    if (result == CUDA_SUCCESS) event->time = driver->now;
    return driver_leave(result);
}

API cuEventSynchronize(void *handle)
{
    struct driver *driver;
    int result = driver_enter(&driver, NEED_CONTEXT);
    if (result == CUDA_SUCCESS && *find_event(driver, handle) == NULL) result = CUDA_ERROR_INVALID_HANDLE;
    return driver_leave(result);
}

API cuEventQuery(void *handle)
{
    return cuEventSynchronize(handle);
}

API cuStreamWaitEvent(void *stream, void *event, unsigned flags)
{
    (void)flags;
    int result = cuStreamSynchronize(stream);
    return result == CUDA_SUCCESS ? cuEventSynchronize(event) : result;
}

API cuEventElapsedTime(float *milliseconds, void *start, void *end)
{
    struct driver *driver;
    int result = driver_enter(&driver, NEED_CONTEXT);
    const struct event *first = *find_event(driver, start), *second = *find_event(driver, end);
    if (result == CUDA_SUCCESS && milliseconds == NULL) result = CUDA_ERROR_INVALID_VALUE;
    if (result == CUDA_SUCCESS && (first == NULL || second == NULL || first->time < 0 || second->time < 0))
        result = CUDA_ERROR_INVALID_HANDLE;
    if (result == CUDA_SUCCESS) *milliseconds = (float)((second->time - first->time) * 1e-6);
    return driver_leave(result);
}

void driver_free_queues(struct driver *driver)
{
    while (driver->streams != NULL) {
        struct stream *next = driver->streams->next;
        free(driver->streams);
        driver->streams = next;
    }
    while (driver->events != NULL) {
        struct event *next = driver->events->next;
        free(driver->events);
        driver->events = next;
    }
}
