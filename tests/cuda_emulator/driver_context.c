/* Contexts (CUDA Driver API, sections 6.7 and 6.8): the primary one is the only one. */
#include "driver.h"

enum { STACK = 16 };
static _Thread_local struct { /* the thread's stack of current contexts; there is one context, or none at a level */
    bool is_set[STACK];
    int top;
} current;

bool driver_has_current(void)
{
    return current.is_set[current.top];
}

API cuDevicePrimaryCtxRetain(void **context, int device)
{
    struct driver *driver;
    int result = driver_enter_device(&driver, device, context != NULL);
    if (result == CUDA_SUCCESS) {
        driver->context_references++;
        *context = driver;
    }
    return driver_leave(result);
}

static void reset_context(struct driver *driver)
{
    driver_free_modules(driver);
    driver_free_queues(driver);
    bool track = driver->memory.defined != NULL;
    memory_close(&driver->memory);
    memory_open(&driver->memory, driver->device->memory, track);
    driver->sticky = CUDA_SUCCESS;
}

API cuDevicePrimaryCtxRelease_v2(int device)
{
    struct driver *driver;
    int result = driver_enter_device(&driver, device, true);
    if (result == CUDA_SUCCESS && driver->context_references == 0) result = CUDA_ERROR_INVALID_CONTEXT;
    if (result == CUDA_SUCCESS && --driver->context_references == 0) reset_context(driver);
    return driver_leave(result);
}

API cuDevicePrimaryCtxGetState(int device, unsigned *flags, int *active)
{
    struct driver *driver;
    int result = driver_enter_device(&driver, device, flags != NULL && active != NULL);
    if (result == CUDA_SUCCESS) {
        *flags = 0;
        *active = driver->context_references != 0;
    }
    return driver_leave(result);
}

API cuDevicePrimaryCtxReset_v2(int device)
{
    struct driver *driver;
    int result = driver_enter_device(&driver, device, true);
    if (result == CUDA_SUCCESS) reset_context(driver);
    return driver_leave(result);
}

API cuCtxSetCurrent(void *context)
{
    struct driver *driver;
    int result = driver_enter(&driver, NEED_INIT);
    if (result == CUDA_SUCCESS && context != NULL && context != driver) result = CUDA_ERROR_INVALID_CONTEXT;
    if (result == CUDA_SUCCESS) current.is_set[current.top] = context != NULL;
    return driver_leave(result);
}

API cuCtxGetCurrent(void **context)
{
    struct driver *driver;
    int result = driver_enter(&driver, NEED_INIT);
    if (result == CUDA_SUCCESS && context == NULL) result = CUDA_ERROR_INVALID_VALUE;
    if (result == CUDA_SUCCESS) *context = current.is_set[current.top] ? driver : NULL;
    return driver_leave(result);
}

API cuCtxPushCurrent_v2(void *context)
{
    struct driver *driver;
    int result = driver_enter(&driver, NEED_INIT);
    if (result == CUDA_SUCCESS && context != driver) result = CUDA_ERROR_INVALID_CONTEXT;
    if (result == CUDA_SUCCESS && current.top + 1 == STACK) result = CUDA_ERROR_INVALID_VALUE;
    if (result == CUDA_SUCCESS) current.is_set[++current.top] = true;
    return driver_leave(result);
}

API cuCtxPopCurrent_v2(void **context)
{
    struct driver *driver;
    int result = driver_enter(&driver, NEED_INIT);
    if (result == CUDA_SUCCESS && !current.is_set[current.top]) result = CUDA_ERROR_INVALID_CONTEXT;
    if (result == CUDA_SUCCESS) {
        if (context != NULL) *context = driver;
        current.is_set[current.top] = false;
        if (current.top != 0) current.top--;
    }
    return driver_leave(result);
}

API cuStreamGetCtx(void *stream, void **context)
{
    struct driver *driver;
    (void)stream; /* every stream belongs to the one context */
    int result = driver_enter(&driver, NEED_INIT);
    if (result == CUDA_SUCCESS && context == NULL) result = CUDA_ERROR_INVALID_VALUE;
    if (result == CUDA_SUCCESS) *context = driver;
    return driver_leave(result);
}

API cuCtxGetDevice(int *device)
{
    struct driver *driver;
    int result = driver_enter(&driver, NEED_CONTEXT);
    if (result == CUDA_SUCCESS && device == NULL) result = CUDA_ERROR_INVALID_VALUE;
    if (result == CUDA_SUCCESS) *device = 0;
    return driver_leave(result);
}

API cuCtxSynchronize(void)
{
    struct driver *driver;
    return driver_leave(driver_enter(&driver, NEED_CONTEXT));
}
