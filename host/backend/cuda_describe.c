/* Which CUDA devices there are and what is known about them. */
#include "cuda_objects.h"

#include <stdio.h>
#include <string.h>

static int64_t attribute(const struct backend_device *device, cuda_device id, enum cuda_device_attribute what)
{
    int value = 0;
    return device->cu.device_attribute(&value, (int)what, id) == CUDA_OK ? value : 0;
}

hpck_status cuda_describe(struct backend_device *device, int ordinal, struct device_desc *desc, struct error *err)
{
    const struct cuda_api *cu = &device->cu;
    hpck_status st = HPCK_OK;
    cuda_device id = 0;
    size_t memory = 0;
    int version = 0;
    *desc = (struct device_desc){ .backend = "cuda", .vendor = "NVIDIA Corporation" };
    desc->is_emulated = cu->is_emulated;
    CU_TRY(device, err, HPCK_NO_DEVICE, cu->device_get(&id, ordinal), "cuDeviceGet");
    CU_TRY(device, err, HPCK_NO_DEVICE, cu->device_name(desc->name, (int)sizeof desc->name, id), "cuDeviceGetName");
    CU_TRY(device, err, HPCK_NO_DEVICE, cu->device_memory(&memory, id), "cuDeviceTotalMem");
    CU_TRY(device, err, HPCK_NO_DEVICE, cu->driver_version(&version), "cuDriverGetVersion");

    int64_t sm = 10 * attribute(device, id, CUDA_DEVICE_COMPUTE_CAPABILITY_MAJOR) +
                 attribute(device, id, CUDA_DEVICE_COMPUTE_CAPABILITY_MINOR);
    int64_t shared = attribute(device, id, CUDA_DEVICE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN);
    if (shared == 0) shared = attribute(device, id, CUDA_DEVICE_MAX_SHARED_MEMORY_PER_BLOCK);
    desc->name[sizeof desc->name - 1] = '\0';
    snprintf(desc->architecture, sizeof desc->architecture, "sm_%d", (int)sm);
    snprintf(desc->driver, sizeof desc->driver, "CUDA %d.%d", version / 1000, version % 1000 / 10);
    snprintf(desc->selector, sizeof desc->selector, "cuda:%d", ordinal);
    desc->field = (struct device_fields){
        .is_gpu = 1,
        .compute_units = attribute(device, id, CUDA_DEVICE_MULTIPROCESSOR_COUNT),
        .max_work_items = attribute(device, id, CUDA_DEVICE_MAX_THREADS_PER_BLOCK),
        .local_bytes = shared,
        .cache_bytes = attribute(device, id, CUDA_DEVICE_L2_CACHE_SIZE),
        .global_bytes = (int64_t)memory,
        .max_alloc_bytes = (int64_t)memory,
        .vector_width = 1,
        .sub_group = attribute(device, id, CUDA_DEVICE_WARP_SIZE),
        .cuda_sm = sm,
        .has_tensor_maps = sm >= 90 && cu->tensor_encode != NULL,
    };
done:
    return st;
}

/* Loads and starts the driver; NO_DEVICE when there is none, or none that works. */
hpck_status cuda_start(struct backend_device *device, int *count, struct error *err)
{
    hpck_status st = HPCK_OK;
    *count = 0;
    HPCK_TRY(cuda_load(&device->cu, err));
    CU_TRY(device, err, HPCK_NO_DEVICE, device->cu.init(0), "cuInit");
    CU_TRY(device, err, HPCK_NO_DEVICE, device->cu.device_count(count), "cuDeviceGetCount");
done:
    return st;
}

hpck_status cuda_enumerate(struct device_desc *devices, int capacity, int *count, struct error *err)
{
    hpck_status st = HPCK_OK;
    struct backend_device probe = { 0 };
    HPCK_TRY(cuda_start(&probe, count, err));
    for (int i = 0; i < *count && i < capacity; i++)
        HPCK_TRY(cuda_describe(&probe, i, &devices[i], err));
done:
    if (st != HPCK_OK) *count = 0;
    return st;
}

hpck_status cuda_find(struct backend_device *device, const char *selector, int *ordinal, struct error *err)
{
    hpck_status st = HPCK_OK;
    int count = 0;
    HPCK_TRY(cuda_start(device, &count, err));
    for (int i = 0; i < count; i++) {
        char text[32];
        snprintf(text, sizeof text, "cuda:%d", i);
        if (strcmp(text, selector) != 0) continue;
        *ordinal = i;
        goto done;
    }
    HPCK_FAIL(err, HPCK_NO_DEVICE, "device = \"%s\": there is no such CUDA device", selector);
done:
    return st;
}
