/* Launches, streams and events (CUDA Driver API, sections 6.18, 6.19 and 6.22). A launch runs before the call returns, but a
 * fault in it appears as on a device: the launch succeeds, later calls on the context fail. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "driver.h"

static int bad(struct driver *driver, const char *rule)
{
    driver_report(driver, "launch refused: %s", rule);
    return CUDA_ERROR_INVALID_VALUE;
}

static int check_launch(struct driver *driver, const struct function *function, const struct launch *launch)
{
    const struct ptx_kernel *ptx = function->kernel.ptx;
    const uint32_t *grid = launch->grid, *threads = launch->threads;
    uint64_t total = (uint64_t)threads[0] * threads[1] * threads[2];
    if (grid[0] == 0 || grid[1] == 0 || grid[2] == 0 || total == 0) return bad(driver, "an empty grid or block");
    if (grid[0] > 2147483647u || grid[1] > 65535 || grid[2] > 65535) return bad(driver, "the grid is too large");
    if (threads[0] > 1024 || threads[1] > 1024 || threads[2] > 64 || total > 1024)
        return bad(driver, "the block is too large");
    if (ptx->required[0] != 0 && memcmp(ptx->required, threads, sizeof ptx->required) != 0)
        return bad(driver, "the block is not the .reqntid of the kernel");
    if (ptx->max_threads != 0 && total > ptx->max_threads)
        return bad(driver, "more threads than the kernel's .maxntid");
    if (launch->dynamic_shared > function->max_dynamic_shared)
        return bad(driver, "more dynamic shared memory than cuFuncSetAttribute allowed");
    if (ptx->cluster[0] > 1 || ptx->cluster[1] > 1 || ptx->cluster[2] > 1)
        return bad(driver, "clusters are not emulated");
    return CUDA_SUCCESS;
}

static int gather_params(const struct ptx_kernel *ptx, uint8_t *bank, void **params)
{
    for (uint32_t i = 0; i < ptx->param_count; i++) {
        if (params == NULL || params[i] == NULL) return CUDA_ERROR_INVALID_VALUE;
        memcpy(bank + ptx->params[i]->offset, params[i], ptx->params[i]->size);
    }
    return CUDA_SUCCESS;
}

static void add_counters(struct counters *sum, const struct counters *counters)
{
    for (int class = 0; class < CLASS_COUNT; class ++)
        sum->instructions[class] += counters->instructions[class];
    sum->global_bytes += counters->global_bytes;
}

static int run(struct driver *driver, struct function *function, struct launch *launch, void **params)
{
    const struct ptx_kernel *ptx = function->kernel.ptx;
    char report[1024] = "";
    launch->kernel = &function->kernel;
    launch->memory = &driver->memory;
    launch->device = driver->device;
    launch->check = driver->check;
    launch->report = report;
    launch->report_size = sizeof report;
    uint32_t align = ptx->shared_align;
    launch->shared_end = ((SHARED_BASE + ptx->shared_size + align - 1) & ~(align - 1)) + launch->dynamic_shared;
    launch->params = aligned_alloc(128, (ptx->param_size + 128u) / 128u * 128u);
    if (launch->params == NULL) return CUDA_ERROR_OUT_OF_MEMORY;
    int result = gather_params(ptx, launch->params, params);
    if (result == CUDA_SUCCESS) {
        driver->sticky = launch_run(launch);
        if (driver->sticky != CUDA_SUCCESS) driver_report(driver, "%s", report);
        driver->now += clock_of_launch(launch);
        add_counters(&driver->counters, &launch->counters);
    }
    free(launch->params);
    return result;
}

API cuLaunchKernel(void *handle, unsigned grid_x, unsigned grid_y, unsigned grid_z, unsigned block_x,
                   unsigned block_y, unsigned block_z, unsigned shared, void *stream, void **params, void **extra)
{
    (void)stream;
    struct driver *driver;
    int result = driver_enter(&driver, NEED_CONTEXT);
    if (result == CUDA_SUCCESS && handle == NULL) result = CUDA_ERROR_INVALID_HANDLE;
    if (result == CUDA_SUCCESS && extra != NULL) result = CUDA_ERROR_NOT_SUPPORTED;
    struct launch *launch = result == CUDA_SUCCESS ? calloc(1, sizeof *launch) : NULL;
    if (result == CUDA_SUCCESS && launch == NULL) result = CUDA_ERROR_OUT_OF_MEMORY;
    if (result == CUDA_SUCCESS) {
        *launch = (struct launch){ .grid = { grid_x, grid_y, grid_z },
                                   .threads = { block_x, block_y, block_z },
                                   .cluster = { 1, 1, 1 },
                                   .dynamic_shared = shared };
        result = check_launch(driver, handle, launch);
        if (result == CUDA_SUCCESS) result = run(driver, handle, launch, params);
    }
    free(launch);
    return driver_leave(result);
}

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
