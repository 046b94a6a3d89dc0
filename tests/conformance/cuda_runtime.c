/* The part of the CUDA runtime that nvcc-built programs need, over the driver API of libhpckemu.so: it takes the PTX out of the
 * fat binaries that the program registers, loads a module when the first of its kernels is used, and launches. Results of the
 * driver have the numbers of cudaError_t. The programs are built with nvcc --no-compress. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cuda_runtime_api.h>
#include <fatbinary_section.h>

#include "driver_api.h"

enum { MOST_KERNELS = 1024, MOST_SYMBOLS = 1024, MOST_BINARIES = 64, PTX_ENTRY = 1 };

struct binary {
    const __fatBinC_Wrapper_t *wrapper;
    void *module; /* NULL: not loaded yet */
};

struct registered {   /* a kernel */
    const void *host; /* the address of its stub */
    const char *name;
    struct binary *binary;
    void *function; /* NULL: not looked up yet */
};

struct symbol {       /* a __device__ or __constant__ variable */
    const void *host; /* the address of its shadow in the program */
    const char *name;
    struct binary *binary;
};

/* One program, one thread: a CUDA runtime has its state per process. */
static struct binary binaries[MOST_BINARIES];
static struct registered kernels[MOST_KERNELS];
static struct symbol symbols[MOST_SYMBOLS];
static size_t binary_count, kernel_count, symbol_count;
static cudaError_t last_error;

static cudaError_t result(int code)
{
    if (code != 0) last_error = (cudaError_t)code;
    return (cudaError_t)code;
}

static _Noreturn void give_up(const char *what, const char *which)
{
    fprintf(stderr, "cuda_runtime: %s: %s\n", what, which);
    exit(2);
}

static void start(void)
{
    static bool started;
    void *context = NULL;
    if (started) return;
    started = true;
    if (cuInit(0) != 0 || cuDevicePrimaryCtxRetain(&context, 0) != 0 || cuCtxSetCurrent(context) != 0)
        give_up("no device", "cuInit");
}

/* ---- fat binaries: a header {magic, version, header size, size}, then entries of the same kind --------------------------- */

struct fat_header {
    uint32_t magic;
    uint16_t version, header_size;
    uint64_t size;
};

struct fat_entry {
    uint16_t kind, version;
    uint32_t header_size;
    uint64_t size;
};

static char *find_ptx(const __fatBinC_Wrapper_t *wrapper)
{
    const char *at = (const char *)wrapper->data;
    struct fat_header header;
    memcpy(&header, at, sizeof header);
    const char *end = at + header.header_size + header.size;
    for (at += header.header_size; at < end;) {
        struct fat_entry entry;
        memcpy(&entry, at, sizeof entry);
        if (entry.kind == PTX_ENTRY) {
            char *text = calloc(entry.size + 1, 1);
            if (text == NULL) give_up("out of memory", "PTX");
            return memcpy(text, at + entry.header_size, entry.size);
        }
        at += entry.header_size + entry.size;
    }
    give_up("no PTX in a fat binary", "compile with -gencode arch=compute_80,code=compute_80 or the like");
}

static void *module_of(struct binary *binary)
{
    if (binary->module != NULL) return binary->module;
    char log[4096] = "";
    int options[] = { 5, 6 }; /* CU_JIT_ERROR_LOG_BUFFER, its size */
    void *values[] = { log, (void *)(uintptr_t)sizeof log };
    char *ptx = find_ptx(binary->wrapper);
    start();
    int code = cuModuleLoadDataEx(&binary->module, ptx, 2, options, values);
    free(ptx);
    if (code != 0) give_up("the driver does not take the PTX", log);
    return binary->module;
}

void **__cudaRegisterFatBinary(void *wrapper)
{
    if (binary_count == MOST_BINARIES) give_up("too many fat binaries", "raise MOST_BINARIES");
    binaries[binary_count].wrapper = wrapper;
    return (void **)&binaries[binary_count++];
}

void __cudaRegisterFatBinaryEnd(void **handle)
{
    (void)handle;
}

void __cudaUnregisterFatBinary(void **handle)
{
    (void)handle;
}

char __cudaInitModule(void **handle)
{
    (void)handle;
    return 0;
}

void __cudaRegisterFunction(void **handle, const char *host, char *device, const char *name, int limit, uint3 *tid,
                            uint3 *bid, dim3 *block, dim3 *grid, int *warp)
{
    (void)device, (void)limit, (void)tid, (void)bid, (void)block, (void)grid, (void)warp;
    if (kernel_count == MOST_KERNELS) give_up("too many kernels", "raise MOST_KERNELS");
    kernels[kernel_count++] =
        (struct registered){ .host = host, .name = name, .binary = (struct binary *)(void *)handle };
}

void __cudaRegisterVar(void **handle, char *host, char *device, const char *name, int external, size_t size,
                       int constant, int global)
{
    (void)device, (void)external, (void)size, (void)constant, (void)global;
    if (symbol_count == MOST_SYMBOLS) give_up("too many variables", "raise MOST_SYMBOLS");
    symbols[symbol_count++] =
        (struct symbol){ .host = host, .name = name, .binary = (struct binary *)(void *)handle };
}

/* By the stub's address, or by what __cudaGetKernel gave. */
static void *function_of(const void *kernel)
{
    struct registered *found = NULL;
    for (size_t i = 0; i < kernel_count; i++)
        if (kernels[i].host == kernel || kernel == &kernels[i]) found = &kernels[i];
    if (found == NULL) give_up("unknown kernel", "not registered");
    if (found->function == NULL &&
        cuModuleGetFunction(&found->function, module_of(found->binary), found->name) != 0)
        give_up("not in its PTX", found->name);
    return found->function;
}

/* ---- launches ------------------------------------------------------------------------------------------------------------- */

static struct {
    dim3 grid, block;
    size_t shared;
    cudaStream_t stream;
} configuration;

unsigned __cudaPushCallConfiguration(dim3 grid, dim3 block, size_t shared, struct CUstream_st *stream)
{
    configuration.grid = grid;
    configuration.block = block;
    configuration.shared = shared;
    configuration.stream = stream;
    return 0;
}

cudaError_t __cudaPopCallConfiguration(dim3 *grid, dim3 *block, size_t *shared, void *stream)
{
    *grid = configuration.grid;
    *block = configuration.block;
    *shared = configuration.shared;
    *(cudaStream_t *)stream = configuration.stream;
    return cudaSuccess;
}

cudaError_t __cudaGetKernel(cudaKernel_t *kernel, const void *host)
{
    for (size_t i = 0; i < kernel_count; i++)
        if (kernels[i].host == host) *kernel = (cudaKernel_t)(void *)&kernels[i];
    return cudaSuccess;
}

cudaError_t cudaLaunchKernel(const void *kernel, dim3 grid, dim3 block, void **params, size_t shared,
                             cudaStream_t stream)
{
    return result(cuLaunchKernel(function_of(kernel), grid.x, grid.y, grid.z, block.x, block.y, block.z,
                                 (unsigned)shared, stream, params, NULL));
}

cudaError_t __cudaLaunchKernel(cudaKernel_t kernel, dim3 grid, dim3 block, void **params, size_t shared,
                               cudaStream_t stream)
{
    return cudaLaunchKernel((const void *)kernel, grid, block, params, shared, stream);
}

struct driver_config { /* CUlaunchConfig */
    unsigned grid[3], block[3], shared;
    void *stream;
    const cudaLaunchAttribute *attributes; /* as CUlaunchAttribute */
    unsigned count;
};

cudaError_t cudaLaunchKernelExC(const cudaLaunchConfig_t *config, const void *kernel, void **params)
{
    struct driver_config driver = { .grid = { config->gridDim.x, config->gridDim.y, config->gridDim.z },
                                    .block = { config->blockDim.x, config->blockDim.y, config->blockDim.z },
                                    .shared = (unsigned)config->dynamicSmemBytes,
                                    .stream = config->stream,
                                    .attributes = config->attrs,
                                    .count = config->numAttrs };
    int (*launch)(const struct driver_config *, void *, void **, void **) = NULL;
    void *symbol = dlsym(RTLD_DEFAULT, "cuLaunchKernelEx");
    if (symbol == NULL) give_up("the driver has no cuLaunchKernelEx", "launch with attributes");
    memcpy(&launch, &symbol, sizeof launch);
    return result(launch(&driver, function_of(kernel), params, NULL));
}

cudaError_t cudaLaunchCooperativeKernel(const void *kernel, dim3 grid, dim3 block, void **params, size_t shared,
                                        cudaStream_t stream)
{
    cudaLaunchAttribute attribute = { .id = cudaLaunchAttributeCooperative, .val = { .cooperative = 1 } };
    const cudaLaunchConfig_t config = { .gridDim = grid,
                                        .blockDim = block,
                                        .dynamicSmemBytes = shared,
                                        .stream = stream,
                                        .attrs = &attribute,
                                        .numAttrs = 1 };
    return cudaLaunchKernelExC(&config, kernel, params);
}

/* ---- kernels' attributes -------------------------------------------------------------------------------------------------- */

cudaError_t cudaFuncSetAttribute(const void *kernel, enum cudaFuncAttribute attribute, int value)
{
    return result(cuFuncSetAttribute(function_of(kernel), (int)attribute,
                                     value)); /* CUfunction_attribute has the same numbers */
}

cudaError_t cudaFuncGetAttributes(struct cudaFuncAttributes *out, const void *kernel)
{
    enum { MAX_THREADS, SHARED, CONST, LOCAL, REGISTERS, PTX, BINARY, COUNT }; /* CUfunction_attribute */
    int value[COUNT] = { 0 }, code = 0;
    for (int i = 0; i < COUNT && code == 0; i++)
        code = cuFuncGetAttribute(&value[i], i, function_of(kernel));
    memset(out, 0, sizeof *out);
    out->maxThreadsPerBlock = value[MAX_THREADS];
    out->sharedSizeBytes = (size_t)value[SHARED];
    out->localSizeBytes = (size_t)value[LOCAL];
    out->numRegs = value[REGISTERS];
    out->ptxVersion = value[PTX];
    out->binaryVersion = value[BINARY];
    return result(code);
}

cudaError_t cudaOccupancyMaxActiveBlocksPerMultiprocessorWithFlags(int *blocks, const void *kernel, int threads,
                                                                   size_t shared, unsigned flags)
{
    (void)flags;
    return result(cuOccupancyMaxActiveBlocksPerMultiprocessor(blocks, function_of(kernel), threads, shared));
}

cudaError_t cudaOccupancyMaxActiveBlocksPerMultiprocessor(int *blocks, const void *kernel, int threads,
                                                          size_t shared)
{
    return cudaOccupancyMaxActiveBlocksPerMultiprocessorWithFlags(blocks, kernel, threads, shared, 0);
}

/* ---- memory --------------------------------------------------------------------------------------------------------------- */

cudaError_t cudaMalloc(void **memory, size_t size)
{
    uint64_t address = 0;
    start();
    int code = cuMemAlloc_v2(&address, size != 0 ? size : 1);
    *memory = (void *)(uintptr_t)address;
    return result(code);
}

cudaError_t cudaFree(void *memory)
{
    return result(cuMemFree_v2((uint64_t)(uintptr_t)memory));
}

cudaError_t cudaMemcpy(void *to, const void *from, size_t size, enum cudaMemcpyKind kind)
{
    start();
    switch (kind) {
    case cudaMemcpyHostToDevice:
        return result(cuMemcpyHtoD_v2((uint64_t)(uintptr_t)to, from, size));
    case cudaMemcpyDeviceToHost:
        return result(cuMemcpyDtoH_v2(to, (uint64_t)(uintptr_t)from, size));
    case cudaMemcpyDeviceToDevice:
        return result(cuMemcpyDtoD_v2((uint64_t)(uintptr_t)to, (uint64_t)(uintptr_t)from, size));
    default:
        give_up("cudaMemcpy", "a kind that is not written here");
    }
}

cudaError_t cudaMemcpyAsync(void *to, const void *from, size_t size, enum cudaMemcpyKind kind, cudaStream_t stream)
{
    (void)stream;
    return cudaMemcpy(to, from, size, kind);
}

cudaError_t cudaMemset(void *to, int value, size_t size)
{
    start();
    return result(cuMemsetD8_v2((uint64_t)(uintptr_t)to, (unsigned char)value, size));
}

cudaError_t cudaMemsetAsync(void *to, int value, size_t size, cudaStream_t stream)
{
    (void)stream;
    return cudaMemset(to, value, size);
}

cudaError_t cudaGetSymbolAddress(void **address, const void *symbol)
{
    const struct symbol *found = NULL;
    uint64_t place = 0;
    for (size_t i = 0; i < symbol_count; i++)
        if (symbols[i].host == symbol) found = &symbols[i];
    if (found == NULL) return result(cudaErrorInvalidSymbol);
    int code = cuModuleGetGlobal_v2(&place, NULL, module_of(found->binary), found->name);
    *address = (void *)(uintptr_t)place;
    return result(code);
}

cudaError_t cudaMemcpyToSymbol(const void *symbol, const void *from, size_t size, size_t offset,
                               enum cudaMemcpyKind kind)
{
    void *address = NULL;
    cudaError_t error = cudaGetSymbolAddress(&address, symbol);
    return error != cudaSuccess ? error : cudaMemcpy((char *)address + offset, from, size, kind);
}

cudaError_t cudaMemcpyFromSymbol(void *to, const void *symbol, size_t size, size_t offset, enum cudaMemcpyKind kind)
{
    void *address = NULL;
    cudaError_t error = cudaGetSymbolAddress(&address, symbol);
    return error != cudaSuccess ? error : cudaMemcpy(to, (char *)address + offset, size, kind);
}

/* ---- the device, and waiting ---------------------------------------------------------------------------------------------- */

cudaError_t cudaGetDeviceCount(int *count)
{
    start();
    return result(cuDeviceGetCount(count));
}

cudaError_t cudaGetDevice(int *device)
{
    *device = 0;
    return cudaSuccess;
}

cudaError_t cudaSetDevice(int device)
{
    return result(device == 0 ? 0 : cudaErrorInvalidDevice);
}

cudaError_t cudaDeviceGetAttribute(int *value, enum cudaDeviceAttr which, int device)
{
    start();
    return result(cuDeviceGetAttribute(value, (int)which, device)); /* CUdevice_attribute has the same numbers */
}

cudaError_t cudaDriverGetVersion(int *version)
{
    *version = 13020; /* for an older one CUTLASS edits encoded tensor maps, whose form is the driver's own */
    return cudaSuccess;
}

cudaError_t cudaDeviceSynchronize(void)
{
    start();
    return result(cuCtxSynchronize());
}

cudaError_t cudaStreamSynchronize(cudaStream_t stream)
{
    (void)stream;
    return cudaDeviceSynchronize();
}

/* Streams do not run ahead: they are all the same. Events have the times of the virtual clock. */
cudaError_t cudaStreamCreate(cudaStream_t *stream)
{
    start();
    *stream = NULL;
    return cudaSuccess;
}

cudaError_t cudaStreamDestroy(cudaStream_t stream)
{
    (void)stream;
    return cudaSuccess;
}

cudaError_t cudaEventCreate(cudaEvent_t *event)
{
    start();
    return result(cuEventCreate((void **)event, 0));
}

cudaError_t cudaEventDestroy(cudaEvent_t event)
{
    return result(cuEventDestroy_v2(event));
}

cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream)
{
    return result(cuEventRecord(event, stream));
}

cudaError_t cudaEventSynchronize(cudaEvent_t event)
{
    (void)event;
    return cudaDeviceSynchronize();
}

cudaError_t cudaEventElapsedTime(float *milliseconds, cudaEvent_t begin, cudaEvent_t end)
{
    return result(cuEventElapsedTime(milliseconds, begin, end));
}

cudaError_t cudaStreamIsCapturing(cudaStream_t stream, enum cudaStreamCaptureStatus *status)
{
    (void)stream;
    *status = cudaStreamCaptureStatusNone;
    return cudaSuccess;
}

cudaError_t cudaGetLastError(void)
{
    cudaError_t error = last_error;
    last_error = cudaSuccess;
    return error;
}

cudaError_t cudaPeekAtLastError(void)
{
    return last_error;
}

const char *cudaGetErrorName(cudaError_t error)
{
    return error == cudaSuccess ? "cudaSuccess" : "cudaError";
}

const char *cudaGetErrorString(cudaError_t error)
{
    static char text[64];
    snprintf(text, sizeof text, "error %d", (int)error);
    return text;
}

cudaError_t cudaGetDriverEntryPointByVersion(const char *name, void **function, unsigned version,
                                             unsigned long long flags, enum cudaDriverEntryPointQueryResult *status)
{
    (void)version, (void)flags;
    *function = dlsym(RTLD_DEFAULT, name);
    if (status != NULL)
        *status = *function != NULL ? cudaDriverEntryPointSuccess : cudaDriverEntryPointSymbolNotFound;
    return cudaSuccess;
}
