/* See recording_driver.h. Memory is host memory, work is over before the call returns. */
#include "recording_driver.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cuda_api.h"

#define API __attribute__((visibility("default"))) cuda_result

enum { ALLOCATIONS = 4096 };

static struct recorder the = { .device_count = 1, .sm = 80, .local_bytes = 101376 };
static struct {
    CUdeviceptr start;
    size_t bytes;
} allocation[ALLOCATIONS];
static int objects[4]; /* their addresses are contexts */

__attribute__((visibility("default"))) struct recorder *recorder(void)
{
    return &the;
}

/* Notes the call; what it has to return. */
static cuda_result enter(const char *name)
{
    size_t used = strlen(the.log);
    snprintf(the.log + used, sizeof the.log - used, "%s ", name);
    if (the.failing == NULL || strncmp(the.failing, name, strlen(the.failing)) != 0) return CUDA_OK;
    if (the.fail_after > 0) {
        the.fail_after--;
        return CUDA_OK;
    }
    if (the.fail_times > 0 && --the.fail_times == 0) the.failing = NULL;
    return the.fail_code;
}
#define ENTER()                                                                                                    \
    do {                                                                                                           \
        cuda_result code = enter(__func__);                                                                        \
        if (code != CUDA_OK) return code;                                                                          \
    } while (0)

/* ---- driver and devices ---- */

API cuInit(unsigned flags)
{
    (void)flags;
    ENTER();
    return CUDA_OK;
}

API cuDriverGetVersion(int *version)
{
    *version = 12040;
    return CUDA_OK;
}

API cuGetErrorName(cuda_result code, const char **name)
{
    *name = code == CUDA_ILLEGAL_ADDRESS ? "CUDA_ERROR_ILLEGAL_ADDRESS" : "CUDA_ERROR_OTHER";
    return CUDA_OK;
}

API cuGetErrorString(cuda_result code, const char **text)
{
    (void)code;
    *text = "recorded";
    return CUDA_OK;
}

API cuDeviceGetCount(int *count)
{
    ENTER();
    *count = the.device_count;
    return CUDA_OK;
}

API cuDeviceGet(cuda_device *device, int ordinal)
{
    ENTER();
    *device = ordinal;
    return ordinal < the.device_count ? CUDA_OK : CUDA_INVALID_DEVICE;
}

API cuDeviceGetName(char *name, int size, cuda_device device)
{
    ENTER();
    snprintf(name, (size_t)size, "recorder %d", device);
    return CUDA_OK;
}

API cuDeviceGetAttribute(int *value, int attribute, cuda_device device)
{
    (void)device;
    switch (attribute) {
    case CUDA_DEVICE_MAX_THREADS_PER_BLOCK:
        *value = 1024;
        break;
    case CUDA_DEVICE_MAX_SHARED_MEMORY_PER_BLOCK:
        *value = 49152;
        break;
    case CUDA_DEVICE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN:
        *value = the.local_bytes;
        break;
    case CUDA_DEVICE_WARP_SIZE:
        *value = 32;
        break;
    case CUDA_DEVICE_MULTIPROCESSOR_COUNT:
        *value = 58;
        break;
    case CUDA_DEVICE_L2_CACHE_SIZE:
        *value = 48 << 20;
        break;
    case CUDA_DEVICE_COMPUTE_CAPABILITY_MAJOR:
        *value = the.sm / 10;
        break;
    case CUDA_DEVICE_COMPUTE_CAPABILITY_MINOR:
        *value = the.sm % 10;
        break;
    default:
        return CUDA_INVALID_VALUE;
    }
    return CUDA_OK;
}

API cuDeviceTotalMem_v2(size_t *bytes, cuda_device device)
{
    (void)device;
    ENTER();
    *bytes = (size_t)24 << 30;
    return CUDA_OK;
}

/* ---- contexts ---- */

static CUcontext context_of(cuda_device device)
{
    return (CUcontext)(void *)&objects[device];
}

API cuDevicePrimaryCtxRetain(CUcontext *context, cuda_device device)
{
    ENTER();
    the.retained++;
    *context = context_of(device);
    return CUDA_OK;
}

/* A loaded image. What a lost context still holds goes with its last owner. */
struct CUmod_st {
    struct CUmod_st *next;
    char *text;
};
static struct CUmod_st *modules;

static void module_free(struct CUmod_st *module)
{
    struct CUmod_st **link = &modules;
    while (*link != module)
        link = &(*link)->next;
    *link = module->next;
    free(module->text);
    free(module);
}

API cuDevicePrimaryCtxRelease_v2(cuda_device device)
{
    (void)device;
    ENTER();
    the.retained--;
    while (the.retained == 0 && modules != NULL)
        module_free(modules);
    return CUDA_OK;
}

static CUcontext stack[16];

API cuCtxPushCurrent_v2(CUcontext context)
{
    ENTER();
    if (the.pushed == 16) return CUDA_INVALID_CONTEXT;
    stack[the.pushed++] = context;
    return CUDA_OK;
}

API cuCtxPopCurrent_v2(CUcontext *context)
{
    ENTER();
    if (the.pushed == 0) return CUDA_INVALID_CONTEXT;
    *context = stack[--the.pushed];
    return CUDA_OK;
}

API cuCtxGetCurrent(CUcontext *context)
{
    ENTER();
    *context = the.pushed > 0 ? stack[the.pushed - 1] : NULL;
    return CUDA_OK;
}

API cuCtxGetDevice(cuda_device *device)
{
    ENTER();
    if (the.pushed == 0) return CUDA_INVALID_CONTEXT;
    *device = (cuda_device)((int *)(void *)stack[the.pushed - 1] - objects);
    return CUDA_OK;
}

/* ---- streams and events: each is a place that names its context. No place is freed: a lost context takes its objects
 * with it without a call. ---- */

enum { PLACES = 4096 };
static CUcontext places[PLACES];
static unsigned places_used;

static void *object_new(void)
{
    CUcontext *object = &places[places_used++ % PLACES];
    *object = stack[the.pushed - 1];
    the.alive++;
    return object;
}

static cuda_result object_free(void *object)
{
    *(CUcontext *)object = NULL;
    the.alive--;
    return CUDA_OK;
}

static cuda_result block_free(void *block)
{
    free(block);
    the.alive--;
    return CUDA_OK;
}

API cuStreamCreate(CUstream *stream, unsigned flags)
{
    (void)flags;
    ENTER();
    *stream = object_new();
    return CUDA_OK;
}

API cuStreamDestroy_v2(CUstream stream)
{
    ENTER();
    return object_free(stream);
}

API cuStreamSynchronize(CUstream stream)
{
    (void)stream;
    ENTER();
    return CUDA_OK;
}

API cuStreamWaitEvent(CUstream stream, CUevent event, unsigned flags)
{
    (void)stream;
    (void)flags;
    ENTER();
    return event != NULL ? CUDA_OK : CUDA_INVALID_HANDLE;
}

API cuStreamGetCtx(CUstream stream, CUcontext *context)
{
    ENTER();
    *context = *(CUcontext *)(void *)stream;
    return CUDA_OK;
}

API cuStreamIsCapturing(CUstream stream, int *status)
{
    (void)stream;
    *status = the.is_capturing;
    return CUDA_OK;
}

API cuEventCreate(CUevent *event, unsigned flags)
{
    (void)flags;
    ENTER();
    *event = object_new();
    return CUDA_OK;
}

API cuEventRecord(CUevent event, CUstream stream)
{
    (void)event;
    (void)stream;
    ENTER();
    return CUDA_OK;
}

API cuEventQuery(CUevent event)
{
    (void)event;
    ENTER();
    return CUDA_OK;
}

API cuEventSynchronize(CUevent event)
{
    (void)event;
    ENTER();
    return CUDA_OK;
}

API cuEventElapsedTime(float *milliseconds, CUevent start, CUevent end)
{
    (void)start;
    (void)end;
    ENTER();
    *milliseconds = 0.25F;
    return CUDA_OK;
}

API cuEventDestroy_v2(CUevent event)
{
    ENTER();
    return object_free(event);
}

/* ---- memory ---- */

API cuMemAlloc_v2(CUdeviceptr *address, size_t bytes)
{
    ENTER();
    int i = 0;
    while (i < ALLOCATIONS && allocation[i].bytes != 0)
        i++;
    void *memory = i < ALLOCATIONS ? calloc(bytes, 1) : NULL;
    if (memory == NULL) return CUDA_OUT_OF_MEMORY;
    allocation[i].start = (CUdeviceptr)(uintptr_t)memory;
    allocation[i].bytes = bytes;
    *address = allocation[i].start;
    the.alive++;
    return CUDA_OK;
}

API cuMemFree_v2(CUdeviceptr address)
{
    ENTER();
    for (int i = 0; i < ALLOCATIONS; i++) {
        if (allocation[i].bytes == 0 || allocation[i].start != address) continue;
        allocation[i].bytes = 0;
        return block_free((void *)(uintptr_t)address);
    }
    return CUDA_INVALID_VALUE;
}

API cuMemcpyHtoDAsync_v2(CUdeviceptr address, const void *host, size_t bytes, CUstream stream)
{
    (void)stream;
    ENTER();
    memcpy((void *)(uintptr_t)address, host, bytes);
    return CUDA_OK;
}

API cuMemcpyDtoHAsync_v2(void *host, CUdeviceptr address, size_t bytes, CUstream stream)
{
    (void)stream;
    ENTER();
    memcpy(host, (const void *)(uintptr_t)address, bytes);
    return CUDA_OK;
}

/* Succeeds for any address and says 0 of what is none of its own, like the driver. */
API cuPointerGetAttributes(unsigned count, int *attributes, void **values, CUdeviceptr address)
{
    ENTER();
    int found = -1;
    for (int i = 0; i < ALLOCATIONS && found < 0; i++)
        if (allocation[i].bytes > 0 && address >= allocation[i].start &&
            address - allocation[i].start < allocation[i].bytes)
            found = i;
    for (unsigned i = 0; i < count; i++) {
        if (attributes[i] == CUDA_POINTER_RANGE_START_ADDR)
            *(CUdeviceptr *)values[i] = found < 0 ? 0 : allocation[found].start;
        else if (attributes[i] == CUDA_POINTER_RANGE_SIZE)
            *(size_t *)values[i] = found < 0 ? 0 : allocation[found].bytes;
        else if (attributes[i] == CUDA_POINTER_DEVICE_ORDINAL)
            *(int *)values[i] = found < 0 ? -2 : 0;
        else if (attributes[i] == CUDA_POINTER_IS_MANAGED)
            *(unsigned *)values[i] = 0;
        else
            return CUDA_INVALID_VALUE;
    }
    return CUDA_OK;
}

/* ---- modules ---- */

API cuModuleLoadDataEx(struct CUmod_st **module, const void *image, unsigned count, int *options, void **values)
{
    const bool is_elf = memcmp(image, "\177ELF", 4) == 0;
    snprintf(the.image, sizeof the.image, "%s", (const char *)image);
    the.target[0] = '\0';
    const char *target = is_elf ? NULL : strstr(image, "\n.target ");
    if (target != NULL)
        snprintf(the.target, sizeof the.target, "%.*s", (int)strcspn(target + 9, ",\n"), target + 9);
    cuda_result code = enter(is_elf ? "cuModuleLoadDataEx(cubin)" : "cuModuleLoadDataEx(ptx)");
    if (code == CUDA_OK && !is_elf && target == NULL) code = CUDA_INVALID_PTX;
    if (code != CUDA_OK) {
        for (unsigned i = 0; i < count; i++)
            if (options[i] == CUDA_JIT_ERROR_LOG_BUFFER && the.jit_log != NULL) strcpy(values[i], the.jit_log);
        return code;
    }
    *module = malloc(sizeof **module);
    (*module)->next = modules;
    (*module)->text = is_elf ? NULL : strdup(image);
    modules = *module;
    the.alive++;
    return CUDA_OK;
}

API cuModuleUnload(struct CUmod_st *module)
{
    ENTER();
    module_free(module);
    the.alive--;
    return CUDA_OK;
}

API cuModuleGetFunction(struct CUfunc_st **function, struct CUmod_st *module, const char *name)
{
    ENTER();
    char entry[128];
    snprintf(entry, sizeof entry, ".entry %s(", name);
    if (module->text != NULL && strstr(module->text, entry) == NULL) return CUDA_NOT_FOUND;
    *function = (struct CUfunc_st *)(void *)module;
    return CUDA_OK;
}

API cuFuncGetAttribute(int *value, int attribute, struct CUfunc_st *function)
{
    (void)attribute;
    (void)function;
    ENTER();
    *value = 1024;
    return CUDA_OK;
}

API cuFuncSetAttribute(struct CUfunc_st *function, int attribute, int value)
{
    (void)function;
    ENTER();
    return attribute == CUDA_FUNC_MAX_DYNAMIC_SHARED_SIZE_BYTES && value <= the.local_bytes - 1024
               ? CUDA_OK
               : CUDA_INVALID_VALUE;
}

/* Writes a map that can be told from others: its number. */
API cuTensorMapEncodeTiled(struct cuda_tensor_map *map, int type, uint32_t rank, void *address,
                           const uint64_t *sizes, const uint64_t *strides, const uint32_t *box,
                           const uint32_t *element_strides, int interleave, int swizzle, int l2_promotion, int fill)
{
    ENTER();
    struct recorded_tensor *tensor = &the.tensor[the.tensor_count % RECORDER_TENSORS];
    *tensor = (struct recorded_tensor){ .type = type, .rank = rank, .address = address, .swizzle = swizzle };
    for (uint32_t i = 0; i < rank && i < 5; i++) {
        tensor->size[i] = sizes[i];
        tensor->box[i] = box[i];
        if (i > 0) tensor->stride[i] = strides[i - 1];
        if (element_strides[i] != 1) return CUDA_INVALID_VALUE;
    }
    map->opaque[0] = (uint64_t)++the.tensor_count;
    return interleave == 0 && l2_promotion == 2 && fill == 0 && (uintptr_t)map % 64 == 0 ? CUDA_OK
                                                                                         : CUDA_INVALID_VALUE;
}

API cuLaunchKernel(struct CUfunc_st *function, unsigned grid_x, unsigned grid_y, unsigned grid_z, unsigned block_x,
                   unsigned block_y, unsigned block_z, unsigned shared_bytes, CUstream stream, void **params,
                   void **extra)
{
    (void)function;
    (void)extra;
    ENTER();
    const unsigned grid[3] = { grid_x, grid_y, grid_z };
    const unsigned block[3] = { block_x, block_y, block_z };
    memcpy(the.grid, grid, sizeof grid);
    memcpy(the.block, block, sizeof block);
    the.shared_bytes = shared_bytes;
    the.stream = stream;
    for (int i = 0; i < the.param_count && i < RECORDER_PARAMS; i++)
        memcpy(&the.param[i], params[i], sizeof the.param[i]);
    return CUDA_OK;
}
