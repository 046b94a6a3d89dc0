/* The part of the CUDA driver API and of NVRTC that hpck uses, declared here so that hpck builds without the CUDA toolkit.
 * Names and values are those of cuda.h and nvrtc.h (ctest cuda_api compares them where these are installed). */
#ifndef HPCK_BACKEND_CUDA_API_H
#define HPCK_BACKEND_CUDA_API_H

#include <hpck/hpck_cuda.h>

#include <stdbool.h>

#include "error.h"

/* ---- driver ---- */

typedef int cuda_result; /* CUresult, an enum */
typedef int cuda_device; /* CUdevice */
struct CUmod_st;
struct CUfunc_st;

enum cuda_code {
    CUDA_OK = 0,
    CUDA_INVALID_VALUE = 1,
    CUDA_OUT_OF_MEMORY = 2,
    CUDA_NOT_INITIALIZED = 3,
    CUDA_DEINITIALIZED = 4,
    CUDA_STUB_LIBRARY = 34,
    CUDA_CALL_REQUIRES_NEWER_DRIVER = 36,
    CUDA_DEVICE_UNAVAILABLE = 46,
    CUDA_NO_DEVICE = 100,
    CUDA_INVALID_DEVICE = 101,
    CUDA_INVALID_IMAGE = 200,
    CUDA_INVALID_CONTEXT = 201,
    CUDA_NO_BINARY_FOR_GPU = 209,
    CUDA_ECC_UNCORRECTABLE = 214,
    CUDA_INVALID_PTX = 218,
    CUDA_NVLINK_UNCORRECTABLE = 220,
    CUDA_JIT_COMPILER_NOT_FOUND = 221,
    CUDA_UNSUPPORTED_PTX_VERSION = 222,
    CUDA_JIT_COMPILATION_DISABLED = 223,
    CUDA_CONTAINED = 226,
    CUDA_INVALID_SOURCE = 300,
    CUDA_INVALID_HANDLE = 400,
    CUDA_NOT_FOUND = 500,
    CUDA_NOT_READY = 600,
    CUDA_ILLEGAL_ADDRESS = 700,
    CUDA_LAUNCH_OUT_OF_RESOURCES = 701,
    CUDA_LAUNCH_TIMEOUT = 702,
    CUDA_CONTEXT_IS_DESTROYED = 709,
    CUDA_ASSERT = 710,
    CUDA_HARDWARE_STACK_ERROR = 714,
    CUDA_ILLEGAL_INSTRUCTION = 715,
    CUDA_MISALIGNED_ADDRESS = 716,
    CUDA_INVALID_ADDRESS_SPACE = 717,
    CUDA_INVALID_PC = 718,
    CUDA_LAUNCH_FAILED = 719,
    CUDA_SYSTEM_DRIVER_MISMATCH = 803,
    CUDA_COMPAT_NOT_SUPPORTED_ON_DEVICE = 804,
    CUDA_STREAM_CAPTURE_UNSUPPORTED = 900,
    CUDA_STREAM_CAPTURE_INVALIDATED = 901,
    CUDA_STREAM_CAPTURE_IMPLICIT = 906,
};

enum cuda_device_attribute {
    CUDA_DEVICE_MAX_THREADS_PER_BLOCK = 1,
    CUDA_DEVICE_MAX_SHARED_MEMORY_PER_BLOCK = 8,
    CUDA_DEVICE_WARP_SIZE = 10,
    CUDA_DEVICE_MULTIPROCESSOR_COUNT = 16,
    CUDA_DEVICE_L2_CACHE_SIZE = 38,
    CUDA_DEVICE_COMPUTE_CAPABILITY_MAJOR = 75,
    CUDA_DEVICE_COMPUTE_CAPABILITY_MINOR = 76,
    CUDA_DEVICE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN = 97,
};
enum cuda_pointer_attribute {
    CUDA_POINTER_IS_MANAGED = 8,
    CUDA_POINTER_DEVICE_ORDINAL = 9,
    CUDA_POINTER_RANGE_START_ADDR = 11,
    CUDA_POINTER_RANGE_SIZE = 12,
};
enum cuda_function_attribute {
    CUDA_FUNC_MAX_THREADS_PER_BLOCK = 0,
    CUDA_FUNC_SHARED_SIZE_BYTES = 1,
    CUDA_FUNC_LOCAL_SIZE_BYTES = 3,
    CUDA_FUNC_NUM_REGS = 4,
    CUDA_FUNC_MAX_DYNAMIC_SHARED_SIZE_BYTES = 8,
};
enum cuda_jit_option { CUDA_JIT_ERROR_LOG_BUFFER = 5, CUDA_JIT_ERROR_LOG_BUFFER_SIZE_BYTES = 6 };
enum { CUDA_STREAM_NON_BLOCKING = 1, CUDA_EVENT_DEFAULT = 0, CUDA_EVENT_DISABLE_TIMING = 2 };
#define CUDA_STREAM_LEGACY     ((CUstream)1)
#define CUDA_STREAM_PER_THREAD ((CUstream)2)

/* X(field, symbol, parameters): the symbol is the version of the function that has these parameters. */
#define CUDA_FUNCTIONS(X)                                                                                          \
    X(init, cuInit, (unsigned flags))                                                                              \
    X(driver_version, cuDriverGetVersion, (int *version))                                                          \
    X(error_name, cuGetErrorName, (cuda_result code, const char **name))                                           \
    X(error_string, cuGetErrorString, (cuda_result code, const char **text))                                       \
    X(device_count, cuDeviceGetCount, (int *count))                                                                \
    X(device_get, cuDeviceGet, (cuda_device * device, int ordinal))                                                \
    X(device_name, cuDeviceGetName, (char *name, int size, cuda_device device))                                    \
    X(device_attribute, cuDeviceGetAttribute, (int *value, int attribute, cuda_device device))                     \
    X(device_memory, cuDeviceTotalMem_v2, (size_t * bytes, cuda_device device))                                    \
    X(primary_retain, cuDevicePrimaryCtxRetain, (CUcontext * context, cuda_device device))                         \
    X(primary_release, cuDevicePrimaryCtxRelease_v2, (cuda_device device))                                         \
    X(context_push, cuCtxPushCurrent_v2, (CUcontext context))                                                      \
    X(context_pop, cuCtxPopCurrent_v2, (CUcontext * context))                                                      \
    X(context_current, cuCtxGetCurrent, (CUcontext * context))                                                     \
    X(context_device, cuCtxGetDevice, (cuda_device * device))                                                      \
    X(stream_create, cuStreamCreate, (CUstream * stream, unsigned flags))                                          \
    X(stream_destroy, cuStreamDestroy_v2, (CUstream stream))                                                       \
    X(stream_synchronize, cuStreamSynchronize, (CUstream stream))                                                  \
    X(stream_wait, cuStreamWaitEvent, (CUstream stream, CUevent event, unsigned flags))                            \
    X(stream_context, cuStreamGetCtx, (CUstream stream, CUcontext * context))                                      \
    X(stream_capturing, cuStreamIsCapturing, (CUstream stream, int *status))                                       \
    X(event_create, cuEventCreate, (CUevent * event, unsigned flags))                                              \
    X(event_record, cuEventRecord, (CUevent event, CUstream stream))                                               \
    X(event_query, cuEventQuery, (CUevent event))                                                                  \
    X(event_synchronize, cuEventSynchronize, (CUevent event))                                                      \
    X(event_elapsed, cuEventElapsedTime, (float *milliseconds, CUevent start, CUevent end))                        \
    X(event_destroy, cuEventDestroy_v2, (CUevent event))                                                           \
    X(memory_alloc, cuMemAlloc_v2, (CUdeviceptr * address, size_t bytes))                                          \
    X(memory_free, cuMemFree_v2, (CUdeviceptr address))                                                            \
    X(copy_to_device, cuMemcpyHtoDAsync_v2,                                                                        \
      (CUdeviceptr address, const void *host, size_t bytes, CUstream stream))                                      \
    X(copy_to_host, cuMemcpyDtoHAsync_v2, (void *host, CUdeviceptr address, size_t bytes, CUstream stream))        \
    X(pointer_attributes, cuPointerGetAttributes,                                                                  \
      (unsigned count, int *attributes, void **values, CUdeviceptr address))                                       \
    X(module_load, cuModuleLoadDataEx,                                                                             \
      (struct CUmod_st * *module, const void *image, unsigned count, int *options, void **values))                 \
    X(module_unload, cuModuleUnload, (struct CUmod_st * module))                                                   \
    X(module_function, cuModuleGetFunction,                                                                        \
      (struct CUfunc_st * *function, struct CUmod_st * module, const char *name))                                  \
    X(function_attribute, cuFuncGetAttribute, (int *value, int attribute, struct CUfunc_st *function))             \
    X(function_set_attribute, cuFuncSetAttribute, (struct CUfunc_st * function, int attribute, int value))         \
    X(launch, cuLaunchKernel,                                                                                      \
      (struct CUfunc_st * function, unsigned grid_x, unsigned grid_y, unsigned grid_z, unsigned block_x,           \
       unsigned block_y, unsigned block_z, unsigned shared_bytes, CUstream stream, void **params, void **extra))

enum cuda_tensor_type { CUDA_TENSOR_F16 = 6, CUDA_TENSOR_F32 = 7, CUDA_TENSOR_BF16 = 9 };
enum { CUDA_TENSOR_NO_INTERLEAVE = 0, CUDA_TENSOR_L2_128B = 2, CUDA_TENSOR_FILL_ZEROS = 0 };
enum cuda_tensor_swizzle {
    CUDA_TENSOR_SWIZZLE_NONE = 0,
    CUDA_TENSOR_SWIZZLE_32B = 1,
    CUDA_TENSOR_SWIZZLE_64B = 2,
    CUDA_TENSOR_SWIZZLE_128B = 3
};
struct
    cuda_tensor_map { /* CUtensorMap: what the driver makes of a tensor; aligned as in CUDA 13, before it 64 were enough */
    _Alignas(128) uint64_t opaque[16];
};

/* Of later drivers; NULL where they are missing. */
#define CUDA_LATER_FUNCTIONS(X)                                                                                    \
    X(tensor_encode, cuTensorMapEncodeTiled,                                                                       \
      (struct cuda_tensor_map * map, int type, uint32_t rank, void *address, const uint64_t *sizes,                \
       const uint64_t *strides, const uint32_t *box, const uint32_t *element_strides, int interleave, int swizzle, \
       int l2_promotion, int fill))

struct cuda_api {
#define X(field, symbol, parameters) cuda_result(*field) parameters;
    CUDA_FUNCTIONS(X)
    CUDA_LATER_FUNCTIONS(X)
#undef X
    bool is_emulated; /* the library is a driver that emulates its devices (tests/cuda_emulator) */
};

/* ---- NVRTC ---- */

struct _nvrtcProgram;

#define NVRTC_FUNCTIONS(X)                                                                                         \
    X(version, nvrtcVersion, (int *major, int *minor))                                                             \
    X(arch_count, nvrtcGetNumSupportedArchs, (int *count))                                                         \
    X(archs, nvrtcGetSupportedArchs, (int *archs))                                                                 \
    X(create, nvrtcCreateProgram,                                                                                  \
      (struct _nvrtcProgram * *program, const char *source, const char *name, int header_count,                    \
       const char *const *headers, const char *const *header_names))                                               \
    X(destroy, nvrtcDestroyProgram, (struct _nvrtcProgram * *program))                                             \
    X(compile, nvrtcCompileProgram,                                                                                \
      (struct _nvrtcProgram * program, int option_count, const char *const *options))                              \
    X(ptx_size, nvrtcGetPTXSize, (struct _nvrtcProgram * program, size_t * size))                                  \
    X(ptx, nvrtcGetPTX, (struct _nvrtcProgram * program, char *ptx))                                               \
    X(cubin_size, nvrtcGetCUBINSize, (struct _nvrtcProgram * program, size_t * size))                              \
    X(cubin, nvrtcGetCUBIN, (struct _nvrtcProgram * program, char *cubin))                                         \
    X(log_size, nvrtcGetProgramLogSize, (struct _nvrtcProgram * program, size_t * size))                           \
    X(log, nvrtcGetProgramLog, (struct _nvrtcProgram * program, char *log))

struct nvrtc_api {
#define X(field, symbol, parameters) int(*field) parameters;
    NVRTC_FUNCTIONS(X)
#undef X
    const char *(*error_text)(int result);
};

/* Both stay loaded until the process ends. NO_DEVICE: no driver; the message says what is missing. */
hpck_status cuda_load(struct cuda_api *api, struct error *err);
/* COMPILE_FAILED: no NVRTC. */
hpck_status nvrtc_load(struct nvrtc_api *api, struct error *err);

#endif
