/* Initialisation, devices and contexts (CUDA Driver API, sections 6.3 to 6.8). */
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "driver.h"
#include "emulator.h"

static struct driver state; /* a driver has one state per process; the lock guards it */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
enum { STACK = 16 };
static _Thread_local struct { /* the thread's stack of current contexts; there is one context, or none at a level */
    bool is_set[STACK];
    int top;
} current;

#define CONTEXT ((void *)&state)

void *driver_context(struct driver *driver)
{
    return driver;
}

int driver_enter(struct driver **driver, enum driver_need need)
{
    pthread_mutex_lock(&lock);
    *driver = &state;
    if (need >= NEED_INIT && !state.initialised) return CUDA_ERROR_NOT_INITIALIZED;
    if (need == NEED_CONTEXT && (!current.is_set[current.top] || state.context_references == 0))
        return CUDA_ERROR_INVALID_CONTEXT;
    return need == NEED_CONTEXT ? state.sticky : CUDA_SUCCESS;
}

int driver_leave(int result)
{
    pthread_mutex_unlock(&lock);
    return result;
}

void driver_report(struct driver *driver, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(driver->report, sizeof driver->report, format, arguments);
    va_end(arguments);
    if (driver->verbose) fprintf(stderr, "hpck emulator: %s\n", driver->report);
}

static bool is_on(const char *variable)
{
    const char *value = getenv(variable);
    return value != NULL && strcmp(value, "0") != 0 && *value != '\0';
}

API cuInit(unsigned flags)
{
    struct driver *driver;
    driver_enter(&driver, NEED_NOTHING);
    if (flags != 0) return driver_leave(CUDA_ERROR_INVALID_VALUE);
    if (driver->initialised) return driver_leave(CUDA_SUCCESS);
    const char *name = getenv("HPCK_EMULATOR_DEVICE");
    driver->verbose = !is_on("HPCK_EMULATOR_QUIET");
    driver->device = device_profile(name != NULL && *name != '\0' ? name : "a100");
    if (driver->device == NULL) {
        driver_report(driver, "HPCK_EMULATOR_DEVICE=%s: there are %s", name, device_profile_names());
        return driver_leave(CUDA_ERROR_NO_DEVICE);
    }
    driver->check = is_on("HPCK_EMULATOR_CHECK");
    if (!memory_open(&driver->memory, driver->device->memory, driver->check))
        return driver_leave(CUDA_ERROR_OUT_OF_MEMORY);
    driver->initialised = true;
    return driver_leave(CUDA_SUCCESS);
}

API cuDriverGetVersion(int *version)
{
    if (version == NULL) return CUDA_ERROR_INVALID_VALUE;
    *version = DRIVER_VERSION;
    return CUDA_SUCCESS;
}

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

static int enter_device(struct driver **driver, int device, bool argument)
{
    int result = driver_enter(driver, NEED_INIT);
    if (result == CUDA_SUCCESS && device != 0) result = CUDA_ERROR_INVALID_DEVICE;
    if (result == CUDA_SUCCESS && !argument) result = CUDA_ERROR_INVALID_VALUE;
    return result;
}

API cuDeviceGetName(char *name, int length, int device)
{
    struct driver *driver;
    int result = enter_device(&driver, device, name != NULL && length > 0);
    if (result == CUDA_SUCCESS) snprintf(name, (size_t)length, "%s", driver->device->title);
    return driver_leave(result);
}

API cuDeviceTotalMem_v2(size_t *bytes, int device)
{
    struct driver *driver;
    int result = enter_device(&driver, device, bytes != NULL);
    if (result == CUDA_SUCCESS) *bytes = driver->device->memory;
    return driver_leave(result);
}

API cuDeviceGetUuid_v2(unsigned char *uuid, int device)
{
    struct driver *driver;
    int result = enter_device(&driver, device, uuid != NULL);
    if (result == CUDA_SUCCESS) snprintf((char *)memset(uuid, 0, 16), 16, "emu-%s", driver->device->name);
    return driver_leave(result);
}

API cuDeviceGetPCIBusId(char *id, int length, int device)
{
    struct driver *driver;
    int result = enter_device(&driver, device, id != NULL && length > 0);
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
    int result = enter_device(&driver, device, value != NULL && which > 0);
    if (result == CUDA_SUCCESS) *value = attribute(driver->device, which);
    return driver_leave(result);
}

API cuDevicePrimaryCtxRetain(void **context, int device)
{
    struct driver *driver;
    int result = enter_device(&driver, device, context != NULL);
    if (result == CUDA_SUCCESS) {
        driver->context_references++;
        *context = CONTEXT;
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
    int result = enter_device(&driver, device, true);
    if (result == CUDA_SUCCESS && driver->context_references == 0) result = CUDA_ERROR_INVALID_CONTEXT;
    if (result == CUDA_SUCCESS && --driver->context_references == 0) reset_context(driver);
    return driver_leave(result);
}

API cuDevicePrimaryCtxGetState(int device, unsigned *flags, int *active)
{
    struct driver *driver;
    int result = enter_device(&driver, device, flags != NULL && active != NULL);
    if (result == CUDA_SUCCESS) {
        *flags = 0;
        *active = driver->context_references != 0;
    }
    return driver_leave(result);
}

API cuDevicePrimaryCtxReset_v2(int device)
{
    struct driver *driver;
    int result = enter_device(&driver, device, true);
    if (result == CUDA_SUCCESS) reset_context(driver);
    return driver_leave(result);
}

API cuCtxSetCurrent(void *context)
{
    struct driver *driver;
    int result = driver_enter(&driver, NEED_INIT);
    if (result == CUDA_SUCCESS && context != NULL && context != CONTEXT) result = CUDA_ERROR_INVALID_CONTEXT;
    if (result == CUDA_SUCCESS) current.is_set[current.top] = context != NULL;
    return driver_leave(result);
}

API cuCtxGetCurrent(void **context)
{
    struct driver *driver;
    int result = driver_enter(&driver, NEED_INIT);
    if (result == CUDA_SUCCESS && context == NULL) result = CUDA_ERROR_INVALID_VALUE;
    if (result == CUDA_SUCCESS) *context = current.is_set[current.top] ? CONTEXT : NULL;
    return driver_leave(result);
}

API cuCtxPushCurrent_v2(void *context)
{
    struct driver *driver;
    int result = driver_enter(&driver, NEED_INIT);
    if (result == CUDA_SUCCESS && context != CONTEXT) result = CUDA_ERROR_INVALID_CONTEXT;
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
        if (context != NULL) *context = CONTEXT;
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
    if (result == CUDA_SUCCESS) *context = CONTEXT;
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

/* NVRTC asks for this when it finds a driver; refusing is fine. */
API cuGetExportTable(const void **table, const void *id)
{
    (void)id;
    if (table != NULL) *table = NULL;
    return CUDA_ERROR_NOT_FOUND;
}

static const struct {
    int code;
    const char *name, *text;
} errors[] = {
    { 0, "CUDA_SUCCESS", "no error" },
    { 1, "CUDA_ERROR_INVALID_VALUE", "invalid argument" },
    { 2, "CUDA_ERROR_OUT_OF_MEMORY", "out of memory" },
    { 3, "CUDA_ERROR_NOT_INITIALIZED", "initialization error" },
    { 100, "CUDA_ERROR_NO_DEVICE", "no CUDA-capable device is detected" },
    { 101, "CUDA_ERROR_INVALID_DEVICE", "invalid device ordinal" },
    { 201, "CUDA_ERROR_INVALID_CONTEXT", "invalid device context" },
    { 209, "CUDA_ERROR_NO_BINARY_FOR_GPU", "no kernel image is available for execution on the device" },
    { 218, "CUDA_ERROR_INVALID_PTX", "a PTX JIT compilation failed" },
    { 222, "CUDA_ERROR_UNSUPPORTED_PTX_VERSION", "the provided PTX was compiled with an unsupported toolchain." },
    { 400, "CUDA_ERROR_INVALID_HANDLE", "invalid resource handle" },
    { 500, "CUDA_ERROR_NOT_FOUND", "named symbol not found" },
    { 600, "CUDA_ERROR_NOT_READY", "device not ready" },
    { 700, "CUDA_ERROR_ILLEGAL_ADDRESS", "an illegal memory access was encountered" },
    { 701, "CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES", "too many resources requested for launch" },
    { 702, "CUDA_ERROR_LAUNCH_TIMEOUT", "the launch timed out and was terminated" },
    { 716, "CUDA_ERROR_MISALIGNED_ADDRESS", "misaligned address" },
    { 719, "CUDA_ERROR_LAUNCH_FAILED", "unspecified launch failure" },
    { 801, "CUDA_ERROR_NOT_SUPPORTED", "operation not supported" },
};

static int error_text(int code, const char **out, bool name)
{
    for (size_t i = 0; i < sizeof errors / sizeof *errors; i++)
        if (errors[i].code == code) {
            *out = name ? errors[i].name : errors[i].text;
            return CUDA_SUCCESS;
        }
    *out = NULL;
    return CUDA_ERROR_INVALID_VALUE;
}

API cuGetErrorName(int code, const char **name)
{
    return error_text(code, name, true);
}

API cuGetErrorString(int code, const char **text)
{
    return error_text(code, text, false);
}

__attribute__((visibility("default"))) const char *hpckemu_report(void)
{
    return state.report;
}

__attribute__((visibility("default"))) void hpckemu_set_check(int on)
{
    struct driver *driver;
    driver_enter(&driver, NEED_NOTHING);
    driver->check = on != 0;
    driver_leave(0);
}

__attribute__((visibility("default"))) void hpckemu_shutdown(void)
{
    struct driver *driver;
    driver_enter(&driver, NEED_NOTHING);
    driver_free_modules(driver);
    driver_free_queues(driver);
    memory_close(&driver->memory);
    *driver = (struct driver){ .initialised = false };
    driver_leave(0);
}

__attribute__((visibility("default"))) void hpckemu_reset_counters(void)
{
    struct driver *driver;
    driver_enter(&driver, NEED_NOTHING);
    driver->counters = (struct counters){ 0 };
    driver_leave(0);
}

__attribute__((visibility("default"))) int64_t hpckemu_counter(const char *name)
{
    struct driver *driver;
    driver_enter(&driver, NEED_NOTHING);
    int64_t value = -1;
    for (int class = 0; class < CLASS_COUNT; class ++)
        if (strcmp(name, op_class_names[class]) == 0) value = (int64_t)driver->counters.instructions[class];
    if (strcmp(name, "global_bytes") == 0) value = (int64_t)driver->counters.global_bytes;
    driver_leave(0);
    return value;
}
