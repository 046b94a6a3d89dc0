/* CUDA kernels: arguments and launching. */
#include "cuda_objects.h"

#include <inttypes.h>
#include <stdlib.h>

/* A local array starts at a multiple of this in dynamic shared memory. */
enum { LOCAL_ALIGNMENT = 128, GRID_X_MAX = INT32_MAX, GRID_YZ_MAX = 65535 };
#define STATIC_LIMIT 49152 /* dynamic and static shared memory together, unless a kernel asks for more */

hpck_status cuda_kernel_create(struct backend_program *program, const char *name, struct backend_kernel **out,
                               struct error *err)
{
    struct backend_device *device = program->device;
    struct backend_kernel *kernel = NULL;
    int shared = 0;
    hpck_status st = cuda_enter_outside_capture(device, "making a plan", err);
    if (st != HPCK_OK) return st;
    kernel = calloc(1, sizeof *kernel);
    if (kernel == NULL) HPCK_FAIL(err, HPCK_OUT_OF_MEMORY, "cuda: out of memory for a kernel");
    kernel->device = device;
    cuda_result code = device->cu.module_function(&kernel->function, program->module, name);
    if (code != CUDA_OK) {
        st = cuda_error(device, err, HPCK_INTERNAL, code, "cuModuleGetFunction");
        error_append(err, " for \"%s\"", name);
        goto done;
    }
    CU_TRY(device, err, HPCK_INTERNAL,
           device->cu.function_attribute(&shared, CUDA_FUNC_SHARED_SIZE_BYTES, kernel->function),
           "cuFuncGetAttribute");
    kernel->dynamic_limit = STATIC_LIMIT - shared;
    *out = kernel;
    kernel = NULL;
done:
    free(kernel);
    cuda_leave(device);
    return st;
}

void cuda_kernel_free(struct backend_kernel *kernel)
{
    free(kernel);
}

hpck_status cuda_inspect(struct backend_kernel *kernel, struct kernel_facts *facts, struct error *err)
{
    struct backend_device *device = kernel->device;
    const struct {
        enum cuda_function_attribute attribute;
        int *value;
    } all[] = {
        { CUDA_FUNC_NUM_REGS, &facts->registers },
        { CUDA_FUNC_LOCAL_SIZE_BYTES, &facts->spill_bytes },
        { CUDA_FUNC_SHARED_SIZE_BYTES, &facts->local_bytes },
        { CUDA_FUNC_MAX_THREADS_PER_BLOCK, &facts->max_work_items },
    };
    hpck_status st = cuda_enter(device, err);
    if (st != HPCK_OK) return st;
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        CU_TRY(device, err, HPCK_INTERNAL,
               device->cu.function_attribute(all[i].value, (int)all[i].attribute, kernel->function),
               "cuFuncGetAttribute");
done:
    cuda_leave(device);
    return st;
}

/* ---- arguments ---- */

/* What cuLaunchKernel reads: a pointer to each value. */
struct params {
    union {
        CUdeviceptr address;
        int64_t integer;
        float scalar;
    } value[STEP_ARGS_MAX];
    void *pointer[STEP_ARGS_MAX];
    int64_t shared_bytes; /* dynamic */
};

/* A local array is passed as the offset where it starts, one after the other (codegen's local_arrays). */
static hpck_status fill(struct params *params, struct backend_kernel *kernel, const struct launch_arg *args,
                        int count, struct error *err)
{
    hpck_status st = HPCK_OK;
    struct cuda_tensor_slot *slot = kernel->tensors;
    params->shared_bytes = 0;
    for (int i = 0; i < count; i++) {
        params->pointer[i] = &params->value[i];
        switch (args[i].kind) {
        case ARG_BUFFER:
        case ARG_WORKSPACE:
            params->value[i].address = cuda_address(args[i].as.memory);
            break;
        case ARG_CALL:
        case ARG_VALUE:
            params->value[i].integer = args[i].as.integer;
            break;
        case ARG_SCALAR:
            params->value[i].scalar = args[i].as.scalar;
            break;
        case ARG_LOCAL:
            params->value[i].integer = params->shared_bytes;
            params->shared_bytes += (args[i].as.integer + LOCAL_ALIGNMENT - 1) / LOCAL_ALIGNMENT * LOCAL_ALIGNMENT;
            break;
        case ARG_TENSOR_MAP:
            HPCK_TRY(cuda_tensor_encode(kernel->device, args[i].as.tensor, slot, err));
            params->pointer[i] = (slot++)->map;
            break;
        }
    }
done:
    return st;
}

static hpck_status allow_shared(struct backend_kernel *kernel, int64_t bytes, struct error *err)
{
    struct backend_device *device = kernel->device;
    hpck_status st = HPCK_OK;
    if (bytes <= kernel->dynamic_limit) goto done;
    if (bytes > device->desc.field.local_bytes)
        HPCK_FAIL(err, HPCK_UNSUPPORTED,
                  "cuda: a kernel needs %" PRId64 " bytes of shared memory, the device has %" PRId64, bytes,
                  device->desc.field.local_bytes);
    CU_TRY(device, err, HPCK_LAUNCH_FAILED,
           device->cu.function_set_attribute(kernel->function, CUDA_FUNC_MAX_DYNAMIC_SHARED_SIZE_BYTES, (int)bytes),
           "cuFuncSetAttribute");
    kernel->dynamic_limit = bytes;
done:
    return st;
}

/* ---- launching ---- */

static hpck_status grid_of(const struct geometry *geometry, unsigned *grid, unsigned *block, struct error *err)
{
    hpck_status st = HPCK_OK;
    for (int i = 0; i < 3; i++) {
        int64_t count = geometry->global[i] / geometry->local[i];
        int64_t limit = i == 0 ? GRID_X_MAX : GRID_YZ_MAX;
        if (count > limit)
            HPCK_FAIL(err, HPCK_UNSUPPORTED,
                      "cuda: a kernel needs %" PRId64 " work-groups in dimension %d, CUDA launches %" PRId64
                      " at most",
                      count, i, limit);
        grid[i] = (unsigned)count;
        block[i] = (unsigned)geometry->local[i];
    }
done:
    return st;
}

hpck_status cuda_launch(struct backend_kernel *kernel, const struct launch_arg *args, int arg_count,
                        const struct geometry *geometry, const hpck_sync *sync, struct error *err)
{
    struct backend_device *device = kernel->device;
    struct params params;
    unsigned grid[3];
    unsigned block[3];
    hpck_status st = cuda_enter(device, err);
    if (st != HPCK_OK) return st;
    HPCK_TRY(fill(&params, kernel, args, arg_count, err));
    HPCK_TRY(grid_of(geometry, grid, block, err));
    HPCK_TRY(allow_shared(kernel, params.shared_bytes, err));
    HPCK_TRY(cuda_wait(device, sync, err));
    CU_TRY(device, err, HPCK_LAUNCH_FAILED,
           device->cu.launch(kernel->function, grid[0], grid[1], grid[2], block[0], block[1], block[2],
                             (unsigned)params.shared_bytes, device->stream, params.pointer, NULL),
           "cuLaunchKernel");
    HPCK_TRY(cuda_signal(device, sync, err));
done:
    cuda_leave(device);
    return st;
}
