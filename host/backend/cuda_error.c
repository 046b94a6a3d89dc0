/* CUDA's error codes: the hpck_status each stands for, and those after which a context is of no more use. */
#include "cuda_objects.h"

static const struct {
    cuda_result code;
    hpck_status status;
} statuses[] = {
    { CUDA_OUT_OF_MEMORY, HPCK_DEVICE_OUT_OF_MEMORY },
    { CUDA_NOT_INITIALIZED, HPCK_NO_DEVICE },
    { CUDA_DEINITIALIZED, HPCK_NO_DEVICE },
    { CUDA_STUB_LIBRARY, HPCK_NO_DEVICE },
    { CUDA_CALL_REQUIRES_NEWER_DRIVER, HPCK_UNSUPPORTED },
    { CUDA_DEVICE_UNAVAILABLE, HPCK_NO_DEVICE },
    { CUDA_NO_DEVICE, HPCK_NO_DEVICE },
    { CUDA_INVALID_DEVICE, HPCK_NO_DEVICE },
    { CUDA_INVALID_IMAGE, HPCK_COMPILE_FAILED },
    { CUDA_INVALID_CONTEXT, HPCK_INVALID_ARGUMENT },
    { CUDA_NO_BINARY_FOR_GPU, HPCK_COMPILE_FAILED },
    { CUDA_INVALID_PTX, HPCK_COMPILE_FAILED },
    { CUDA_JIT_COMPILER_NOT_FOUND, HPCK_COMPILE_FAILED },
    { CUDA_UNSUPPORTED_PTX_VERSION, HPCK_COMPILE_FAILED },
    { CUDA_JIT_COMPILATION_DISABLED, HPCK_COMPILE_FAILED },
    { CUDA_INVALID_SOURCE, HPCK_COMPILE_FAILED },
    { CUDA_INVALID_HANDLE, HPCK_INVALID_ARGUMENT },
    { CUDA_LAUNCH_OUT_OF_RESOURCES, HPCK_LAUNCH_FAILED },
    { CUDA_SYSTEM_DRIVER_MISMATCH, HPCK_NO_DEVICE },
    { CUDA_COMPAT_NOT_SUPPORTED_ON_DEVICE, HPCK_NO_DEVICE },
    { CUDA_STREAM_CAPTURE_UNSUPPORTED, HPCK_UNSUPPORTED },
    { CUDA_STREAM_CAPTURE_INVALIDATED, HPCK_INVALID_ARGUMENT },
    { CUDA_STREAM_CAPTURE_IMPLICIT, HPCK_UNSUPPORTED },
};

/* Every later call in the context returns the same code. */
static bool is_sticky(cuda_result code)
{
    switch (code) {
    case CUDA_ECC_UNCORRECTABLE:
    case CUDA_NVLINK_UNCORRECTABLE:
    case CUDA_CONTAINED:
    case CUDA_ILLEGAL_ADDRESS:
    case CUDA_LAUNCH_TIMEOUT:
    case CUDA_CONTEXT_IS_DESTROYED:
    case CUDA_ASSERT:
    case CUDA_HARDWARE_STACK_ERROR:
    case CUDA_ILLEGAL_INSTRUCTION:
    case CUDA_MISALIGNED_ADDRESS:
    case CUDA_INVALID_ADDRESS_SPACE:
    case CUDA_INVALID_PC:
    case CUDA_LAUNCH_FAILED:
        return true;
    default:
        return false;
    }
}

static const char *name_of(const struct cuda_api *cu, cuda_result code)
{
    const char *name = NULL;
    return cu->error_name(code, &name) == CUDA_OK && name != NULL ? name : "unknown error";
}

hpck_status cuda_error(struct backend_device *device, struct error *err, hpck_status fallback, cuda_result code,
                       const char *what)
{
    hpck_status status = fallback;
    const char *text = NULL;
    if (device->cu.error_string(code, &text) != CUDA_OK || text == NULL) text = "the driver says no more";
    for (size_t i = 0; i < sizeof statuses / sizeof statuses[0]; i++)
        if (statuses[i].code == code) status = statuses[i].status;
    if (!is_sticky(code))
        return error_set(err, status, "cuda: %s: %s (%d): %s", what, name_of(&device->cu, code), (int)code, text);
    device->fault = code;
    return error_set(
        err, HPCK_LAUNCH_FAILED,
        "cuda: %s: %s (%d): %s. The context is lost with all its memory: destroy the handle; a new one needs "
        "another context, or a new process",
        what, name_of(&device->cu, code), (int)code, text);
}

hpck_status cuda_enter(struct backend_device *device, struct error *err)
{
    hpck_status st = HPCK_OK;
    if (device->fault != CUDA_OK)
        HPCK_FAIL(
            err, HPCK_LAUNCH_FAILED,
            "cuda: the context was lost by an earlier fault, %s (%d): destroy the handle; a new one needs another "
            "context, or a new process",
            name_of(&device->cu, device->fault), (int)device->fault);
    CU_TRY(device, err, HPCK_INVALID_ARGUMENT, device->cu.context_push(device->context), "cuCtxPushCurrent");
done:
    return st;
}

hpck_status cuda_enter_outside_capture(struct backend_device *device, const char *what, struct error *err)
{
    hpck_status st = cuda_enter(device, err);
    if (st != HPCK_OK || !cuda_is_capturing(device)) return st;
    cuda_leave(device);
    return error_set(err, HPCK_UNSUPPORTED,
                     "cuda: %s is not possible while the stream is being captured: make the plan before "
                     "(hpck_gemm_plan), and capture calls without lists of offsets",
                     what);
}

void cuda_leave(struct backend_device *device)
{
    CUcontext own = NULL;
    device->cu.context_pop(&own);
}
