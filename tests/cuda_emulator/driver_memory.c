/* Memory calls of the driver API (section 6.13). Everything is done at once: the emulated device never lags behind. */
#include <stdlib.h>
#include <string.h>

#include "driver.h"

API cuMemAlloc_v2(uint64_t *address, size_t size)
{
    struct driver *driver;
    int result = driver_enter(&driver, NEED_CONTEXT);
    if (result == CUDA_SUCCESS && (address == NULL || size == 0)) result = CUDA_ERROR_INVALID_VALUE;
    if (result == CUDA_SUCCESS) {
        *address = memory_alloc(&driver->memory, size);
        if (*address == 0) result = CUDA_ERROR_OUT_OF_MEMORY;
    }
    return driver_leave(result);
}

API cuMemFree_v2(uint64_t address)
{
    struct driver *driver;
    int result = driver_enter(&driver, NEED_CONTEXT);
    if (result == CUDA_SUCCESS && address != 0 && !memory_free(&driver->memory, address))
        result = CUDA_ERROR_INVALID_VALUE;
    return driver_leave(result);
}

API cuMemAllocAsync(uint64_t *address, size_t size, void *stream)
{
    (void)stream;
    return cuMemAlloc_v2(address, size);
}

API cuMemFreeAsync(uint64_t address, void *stream)
{
    (void)stream;
    return cuMemFree_v2(address);
}

API cuMemAllocHost_v2(void **pointer, size_t size)
{
    struct driver *driver;
    int result = driver_enter(&driver, NEED_CONTEXT);
    if (result == CUDA_SUCCESS && (pointer == NULL || size == 0)) result = CUDA_ERROR_INVALID_VALUE;
    if (result == CUDA_SUCCESS && (*pointer = malloc(size)) == NULL) result = CUDA_ERROR_OUT_OF_MEMORY;
    return driver_leave(result);
}

API cuMemHostAlloc(void **pointer, size_t size, unsigned flags)
{
    (void)flags;
    return cuMemAllocHost_v2(pointer, size);
}

API cuMemFreeHost(void *pointer)
{
    free(pointer);
    return CUDA_SUCCESS;
}

API cuMemGetInfo_v2(size_t *available, size_t *total)
{
    struct driver *driver;
    int result = driver_enter(&driver, NEED_CONTEXT);
    if (result == CUDA_SUCCESS && (available == NULL || total == NULL)) result = CUDA_ERROR_INVALID_VALUE;
    if (result == CUDA_SUCCESS) {
        *available = driver->memory.capacity - driver->memory.used;
        *total = driver->memory.capacity;
    }
    return driver_leave(result);
}

API cuMemGetAddressRange_v2(uint64_t *base, size_t *size, uint64_t address)
{
    struct driver *driver;
    int result = driver_enter(&driver, NEED_CONTEXT);
    if (result == CUDA_SUCCESS) {
        const struct allocation *found = memory_find(&driver->memory, address);
        if (found == NULL || address - found->address >= found->size) {
            result = CUDA_ERROR_NOT_FOUND;
        } else {
            if (base != NULL) *base = found->address;
            if (size != NULL) *size = found->size;
        }
    }
    return driver_leave(result);
}

/* CUpointer_attribute: what hpck asks for. Of a pointer that is no device memory every value is 0, which is no error. */
API cuPointerGetAttributes(unsigned count, int *attributes, void **values, uint64_t address)
{
    struct driver *driver;
    int result = driver_enter(&driver, NEED_CONTEXT);
    if (result == CUDA_SUCCESS && (attributes == NULL || values == NULL)) result = CUDA_ERROR_INVALID_VALUE;
    const struct allocation *found = result == CUDA_SUCCESS ? memory_find(&driver->memory, address) : NULL;
    if (found != NULL && address - found->address >= found->size) found = NULL;
    for (unsigned i = 0; result == CUDA_SUCCESS && i < count; i++) {
        switch (attributes[i]) {
        case 1:
            *(void **)values[i] = found != NULL ? driver : NULL;
            break; /* CONTEXT */
        case 2:
            *(unsigned *)values[i] = found != NULL ? 2 : 0;
            break; /* MEMORY_TYPE: device */
        case 3:
            *(uint64_t *)values[i] = found != NULL ? address : 0;
            break; /* DEVICE_POINTER */
        case 9:
            *(int *)values[i] = 0;
            break; /* DEVICE_ORDINAL */
        case 11:
            *(uint64_t *)values[i] = found != NULL ? found->address : 0;
            break; /* RANGE_START_ADDR */
        case 12:
            *(size_t *)values[i] = found != NULL ? found->size : 0;
            break; /* RANGE_SIZE */
        default:
            result = CUDA_ERROR_NOT_SUPPORTED;
            break;
        }
    }
    return driver_leave(result);
}

/* Both ends of a copy; NULL stands for host memory that the caller vouches for. */
static int copy(uint64_t to, void *host_to, uint64_t from, const void *host_from, size_t size)
{
    struct driver *driver;
    int result = driver_enter(&driver, NEED_CONTEXT);
    if (result == CUDA_SUCCESS && size != 0) {
        uint8_t *target = to != 0 ? memory_host(&driver->memory, to, size) : host_to;
        const uint8_t *source = from != 0 ? memory_host(&driver->memory, from, size) : host_from;
        if (target == NULL || source == NULL) {
            result = CUDA_ERROR_INVALID_VALUE;
        } else {
            memmove(target, source, size);
            if (to != 0) memory_define(&driver->memory, to, size);
        }
    }
    return driver_leave(result);
}

API cuMemcpyHtoD_v2(uint64_t to, const void *from, size_t size)
{
    return copy(to, NULL, 0, from, size);
}

API cuMemcpyDtoH_v2(void *to, uint64_t from, size_t size)
{
    return copy(0, to, from, NULL, size);
}

API cuMemcpyDtoD_v2(uint64_t to, uint64_t from, size_t size)
{
    return copy(to, NULL, from, NULL, size);
}

API cuMemcpyHtoDAsync_v2(uint64_t to, const void *from, size_t size, void *stream)
{
    (void)stream;
    return copy(to, NULL, 0, from, size);
}

API cuMemcpyDtoHAsync_v2(void *to, uint64_t from, size_t size, void *stream)
{
    (void)stream;
    return copy(0, to, from, NULL, size);
}

API cuMemcpyDtoDAsync_v2(uint64_t to, uint64_t from, size_t size, void *stream)
{
    (void)stream;
    return copy(to, NULL, from, NULL, size);
}

static int fill(uint64_t to, uint32_t value, uint32_t width, size_t count)
{
    struct driver *driver;
    int result = driver_enter(&driver, NEED_CONTEXT);
    if (result == CUDA_SUCCESS && count != 0) {
        uint8_t *target = memory_host(&driver->memory, to, count * width);
        if (target == NULL || to % width != 0) {
            result = CUDA_ERROR_INVALID_VALUE;
        } else {
            if (width == 1) memset(target, (int)value, count);
            for (size_t i = 0; width != 1 && i < count; i++)
                memcpy(target + i * width, &value, width);
            memory_define(&driver->memory, to, count * width);
        }
    }
    return driver_leave(result);
}

API cuMemsetD8_v2(uint64_t to, unsigned char value, size_t count)
{
    return fill(to, value, 1, count);
}

API cuMemsetD8Async(uint64_t to, unsigned char value, size_t count, void *stream)
{
    (void)stream;
    return fill(to, value, 1, count);
}

API cuMemsetD32_v2(uint64_t to, unsigned value, size_t count)
{
    return fill(to, value, 4, count);
}

API cuMemsetD32Async(uint64_t to, unsigned value, size_t count, void *stream)
{
    (void)stream;
    return fill(to, value, 4, count);
}
