/* Small inputs that a call brings along: device memory that is used again once the calls that read it have finished. */
#include "cuda_objects.h"

#include <stdlib.h>

struct cuda_block {
    struct cuda_block *next;
    CUdeviceptr address;
    size_t bytes;
    CUevent done;
    bool is_lent; /* between upload and retire */
};

enum { BLOCK_BYTES_MIN = 4096 };

static struct cuda_block *find_free(struct backend_device *device, size_t bytes)
{
    for (struct cuda_block *block = device->blocks; block != NULL; block = block->next)
        if (!block->is_lent && block->bytes >= bytes && device->cu.event_query(block->done) == CUDA_OK)
            return block;
    return NULL;
}

static hpck_status block_new(struct backend_device *device, size_t bytes, struct cuda_block **out,
                             struct error *err)
{
    hpck_status st = HPCK_OK;
    struct cuda_block *block = calloc(1, sizeof *block);
    if (block == NULL) HPCK_FAIL(err, HPCK_OUT_OF_MEMORY, "cuda: out of memory for an upload");
    block->bytes = BLOCK_BYTES_MIN;
    while (block->bytes < bytes)
        block->bytes *= 2;
    CU_TRY(device, err, HPCK_DEVICE_OUT_OF_MEMORY, device->cu.event_create(&block->done, CUDA_EVENT_DISABLE_TIMING),
           "cuEventCreate");
    CU_TRY(device, err, HPCK_DEVICE_OUT_OF_MEMORY, device->cu.memory_alloc(&block->address, block->bytes),
           "cuMemAlloc");
    block->next = device->blocks;
    device->blocks = block;
    *out = block;
    block = NULL;
done:
    if (block != NULL && block->done != NULL) device->cu.event_destroy(block->done);
    free(block);
    return st;
}

/* The driver has copied pageable host memory when the call returns. */
hpck_status cuda_upload(struct backend_device *device, const void *host, size_t bytes, void **memory,
                        struct error *err)
{
    hpck_status st = cuda_enter_outside_capture(device, "an upload", err);
    if (st != HPCK_OK) return st;
    struct cuda_block *block = find_free(device, bytes);
    if (block == NULL) HPCK_TRY(block_new(device, bytes, &block, err));
    HPCK_TRY(cuda_wait(device, NULL, err));
    CU_TRY(device, err, HPCK_LAUNCH_FAILED, device->cu.copy_to_device(block->address, host, bytes, device->stream),
           "cuMemcpyHtoDAsync");
    block->is_lent = true;
    *memory = (void *)(uintptr_t)block->address;
done:
    cuda_leave(device);
    return st;
}

hpck_status cuda_retire(struct backend_device *device, void *memory, struct error *err)
{
    hpck_status st = cuda_enter(device, err);
    struct cuda_block *block = device->blocks;
    if (st != HPCK_OK) return st;
    while (block != NULL && block->address != cuda_address(memory))
        block = block->next;
    if (block == NULL) HPCK_FAIL(err, HPCK_INTERNAL, "cuda: %p was not uploaded", memory);
    CU_TRY(device, err, HPCK_LAUNCH_FAILED, device->cu.event_record(block->done, device->stream), "cuEventRecord");
    block->is_lent = false;
done:
    cuda_leave(device);
    return st;
}

void cuda_free_blocks(struct backend_device *device)
{
    while (device->blocks != NULL) {
        struct cuda_block *block = device->blocks;
        device->blocks = block->next;
        device->cu.event_destroy(block->done);
        device->cu.memory_free(block->address);
        free(block);
    }
}
