/* CUDA memory: making, checking and copying it. A buffer is a device address, which may lie inside an allocation. */
#include "cuda_objects.h"

/* ---- life ---- */

hpck_status cuda_allocate(struct backend_device *device, size_t bytes, void **memory, struct error *err)
{
    CUdeviceptr address = 0;
    hpck_status st = cuda_enter_outside_capture(device, "allocating memory", err);
    if (st != HPCK_OK) return st;
    cuda_result code = device->cu.memory_alloc(&address, bytes);
    if (code != CUDA_OK) {
        st = cuda_error(device, err, HPCK_DEVICE_OUT_OF_MEMORY, code, "cuMemAlloc");
        error_append(err, ", for %zu bytes; the device has %lld", bytes,
                     (long long)device->desc.field.global_bytes);
        goto done;
    }
    *memory = (void *)(uintptr_t)address;
done:
    cuda_leave(device);
    return st;
}

/* CUDA does not promise that work in flight keeps what it uses. */
void cuda_release(struct backend_device *device, void *memory)
{
    struct error ignored = { 0 };
    if (memory == NULL) return;
    cuda_drain(device);
    if (cuda_enter(device, &ignored) == HPCK_OK) {
        device->cu.memory_free(cuda_address(memory));
        cuda_leave(device);
    }
    error_free(&ignored);
}

/* ---- copies ---- */

hpck_status cuda_write(struct backend_device *device, void *memory, size_t offset, const void *host, size_t bytes,
                       struct error *err)
{
    hpck_status st = cuda_enter_outside_capture(device, "a blocking copy", err);
    if (st != HPCK_OK) return st;
    HPCK_TRY(cuda_wait(device, NULL, err));
    CU_TRY(device, err, HPCK_LAUNCH_FAILED,
           device->cu.copy_to_device(cuda_address(memory) + offset, host, bytes, device->stream),
           "cuMemcpyHtoDAsync");
    CU_TRY(device, err, HPCK_LAUNCH_FAILED, device->cu.stream_synchronize(device->stream), "cuStreamSynchronize");
done:
    cuda_leave(device);
    return st;
}

hpck_status cuda_read(struct backend_device *device, void *host, const void *memory, size_t offset, size_t bytes,
                      struct error *err)
{
    hpck_status st = cuda_enter_outside_capture(device, "a blocking copy", err);
    if (st != HPCK_OK) return st;
    HPCK_TRY(cuda_wait(device, NULL, err));
    CU_TRY(device, err, HPCK_LAUNCH_FAILED,
           device->cu.copy_to_host(host, cuda_address(memory) + offset, bytes, device->stream),
           "cuMemcpyDtoHAsync");
    CU_TRY(device, err, HPCK_LAUNCH_FAILED, device->cu.stream_synchronize(device->stream), "cuStreamSynchronize");
done:
    cuda_leave(device);
    return st;
}

/* ---- facts ---- */

/* Memory that the driver moves between devices belongs to none of them. */
static bool is_managed(struct backend_device *device, const void *memory)
{
    int attribute = CUDA_POINTER_IS_MANAGED;
    unsigned value = 0;
    void *values[] = { &value };
    return device->cu.pointer_attributes(1, &attribute, values, cuda_address(memory)) == CUDA_OK && value != 0;
}

hpck_status cuda_check_memory(struct backend_device *device, const void *memory, const char *name,
                              struct memory_range *range, struct error *err)
{
    CUdeviceptr start = 0;
    size_t size = 0;
    int ordinal = -1;
    int attributes[] = { CUDA_POINTER_RANGE_START_ADDR, CUDA_POINTER_RANGE_SIZE, CUDA_POINTER_DEVICE_ORDINAL };
    void *values[] = { &start, &size, &ordinal };
    if (memory == NULL) return error_set(err, HPCK_INVALID_ARGUMENT, "%s: memory is NULL", name);
    hpck_status st = cuda_enter(device, err);
    if (st != HPCK_OK) return st;
    cuda_result code = device->cu.pointer_attributes(3, attributes, values, cuda_address(memory));
    if (code != CUDA_OK || size == 0)
        HPCK_FAIL(err, HPCK_INVALID_ARGUMENT, "%s: memory = %p is no address that CUDA allocated", name, memory);
    if (ordinal != device->id && !is_managed(device, memory))
        HPCK_FAIL(err, HPCK_INVALID_ARGUMENT, "%s: memory belongs to CUDA device %d, the handle to %d", name,
                  ordinal, device->id);
    range->root = (const void *)(uintptr_t)start;
    range->offset = (size_t)(cuda_address(memory) - start);
    range->bytes = size - range->offset;
    range->alignment = memory_alignment(cuda_address(memory));
done:
    cuda_leave(device);
    return st;
}
