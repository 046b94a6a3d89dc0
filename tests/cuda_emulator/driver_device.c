/* Devices and their attributes (CUDA Driver API, sections 6.3 and 6.5). */
#include <stdio.h>
#include <string.h>

#include "driver.h"

API cuDeviceGetCount(int *count)
{
    struct driver *driver;
    int result = driver_enter(&driver, NEED_INIT);
    if (result == CUDA_SUCCESS && count == NULL) result = CUDA_ERROR_INVALID_VALUE;
    if (result == CUDA_SUCCESS) *count = 1;
    return driver_leave(result);
}

API cuDeviceGet(int *device, int ordinal)
{
    struct driver *driver;
    int result = driver_enter(&driver, NEED_INIT);
    if (result == CUDA_SUCCESS && device == NULL) result = CUDA_ERROR_INVALID_VALUE;
    if (result == CUDA_SUCCESS && ordinal != 0) result = CUDA_ERROR_INVALID_DEVICE;
    if (result == CUDA_SUCCESS) *device = 0;
    return driver_leave(result);
}

int driver_enter_device(struct driver **driver, int device, bool argument)
{
    int result = driver_enter(driver, NEED_INIT);
    if (result == CUDA_SUCCESS && device != 0) result = CUDA_ERROR_INVALID_DEVICE;
    if (result == CUDA_SUCCESS && !argument) result = CUDA_ERROR_INVALID_VALUE;
    return result;
}

API cuDeviceGetName(char *name, int length, int device)
{
    struct driver *driver;
    int result = driver_enter_device(&driver, device, name != NULL && length > 0);
    if (result == CUDA_SUCCESS) snprintf(name, (size_t)length, "%s", driver->device->title);
    return driver_leave(result);
}

API cuDeviceTotalMem_v2(size_t *bytes, int device)
{
    struct driver *driver;
    int result = driver_enter_device(&driver, device, bytes != NULL);
    if (result == CUDA_SUCCESS) *bytes = driver->device->memory;
    return driver_leave(result);
}

API cuDeviceGetUuid_v2(unsigned char *uuid, int device)
{
    struct driver *driver;
    int result = driver_enter_device(&driver, device, uuid != NULL);
    if (result == CUDA_SUCCESS) snprintf((char *)memset(uuid, 0, 16), 16, "emu-%s", driver->device->name);
    return driver_leave(result);
}

API cuDeviceGetPCIBusId(char *id, int length, int device)
{
    struct driver *driver;
    int result = driver_enter_device(&driver, device, id != NULL && length > 0);
    if (result == CUDA_SUCCESS) snprintf(id, (size_t)length, "0000:00:00.0");
    return driver_leave(result);
}

/* CUdevice_attribute. What is not here is 0: "not supported" for flags; limits are all here. */
static int attribute(const struct device_profile *device, int which)
{
    switch (which) {
    case 1:
        return 1024; /* MAX_THREADS_PER_BLOCK */
    case 2:
        return 1024; /* MAX_BLOCK_DIM_X */
    case 3:
        return 1024; /* MAX_BLOCK_DIM_Y */
    case 4:
        return 64; /* MAX_BLOCK_DIM_Z */
    case 5:
        return 2147483647; /* MAX_GRID_DIM_X */
    case 6:
        return 65535; /* MAX_GRID_DIM_Y */
    case 7:
        return 65535; /* MAX_GRID_DIM_Z */
    case 8:
        return SHARED_WITHOUT_OPT_IN; /* MAX_SHARED_MEMORY_PER_BLOCK */
    case 9:
        return 65536; /* TOTAL_CONSTANT_MEMORY */
    case 10:
        return LANES; /* WARP_SIZE */
    case 11:
        return 2147483647; /* MAX_PITCH */
    case 12:
        return 65536; /* MAX_REGISTERS_PER_BLOCK */
    case 13:
        return device->clock_khz; /* CLOCK_RATE */
    case 14:
        return 512; /* TEXTURE_ALIGNMENT */
    case 15:
        return 1; /* GPU_OVERLAP */
    case 16:
        return device->multiprocessors; /* MULTIPROCESSOR_COUNT */
    case 31:
        return 1; /* CONCURRENT_KERNELS */
    case 36:
        return device->memory_clock_khz; /* MEMORY_CLOCK_RATE */
    case 37:
        return device->bus_bits; /* GLOBAL_MEMORY_BUS_WIDTH */
    case 38:
        return device->l2_bytes; /* L2_CACHE_SIZE */
    case 39:
        return device->threads_per_multiprocessor; /* MAX_THREADS_PER_MULTIPROCESSOR */
    case 41:
        return 1; /* UNIFIED_ADDRESSING */
    case 75:
        return device->sm / 10; /* COMPUTE_CAPABILITY_MAJOR */
    case 76:
        return device->sm % 10; /* COMPUTE_CAPABILITY_MINOR */
    case 78:
        return 1; /* STREAM_PRIORITIES_SUPPORTED */
    case 81:
        return device->shared_per_multiprocessor; /* MAX_SHARED_MEMORY_PER_MULTIPROCESSOR */
    case 82:
        return 65536; /* MAX_REGISTERS_PER_MULTIPROCESSOR */
    case 95:
        return 1; /* COOPERATIVE_LAUNCH */
    case 97:
        return device->shared_per_block_optin; /* MAX_SHARED_MEMORY_PER_BLOCK_OPTIN */
    case 106:
        return device->blocks_per_multiprocessor; /* MAX_BLOCKS_PER_MULTIPROCESSOR */
    case 111:
        return device->sm >= 80 ? 1024 : 0; /* RESERVED_SHARED_MEMORY_PER_BLOCK */
    case 120:
        return device->sm >= 90; /* CLUSTER_LAUNCH */
    case 127:
        return device->sm >= 90; /* TENSOR_MAP_ACCESS_SUPPORTED */
    default:
        return 0;
    }
}

API cuDeviceGetAttribute(int *value, int which, int device)
{
    struct driver *driver;
    int result = driver_enter_device(&driver, device, value != NULL && which > 0);
    if (result == CUDA_SUCCESS) *value = attribute(driver->device, which);
    return driver_leave(result);
}
