/* Buffers and the workspace. */
#include "handle.h"

#include <stdlib.h>

/* ---- buffers ---------------------------------------------------------------------------------------------- */

static hpck_status make_room(hpck_handle *handle)
{
    if (handle->allocation_count < handle->allocation_capacity) return HPCK_OK;
    size_t capacity = handle->allocation_capacity == 0 ? 16 : 2 * handle->allocation_capacity;
    void **grown = realloc(handle->allocations, capacity * sizeof *grown);
    if (grown == NULL) return error_set(&handle->err, HPCK_OUT_OF_MEMORY, "malloc: out of host memory");
    handle->allocations = grown;
    handle->allocation_capacity = capacity;
    return HPCK_OK;
}

hpck_status hpck_malloc(hpck_handle *handle, size_t bytes, void **memory)
{
    hpck_status st = HPCK_OK;
    HPCK_TRY(handle_enter(handle));
    if (memory == NULL) HPCK_FAIL(&handle->err, HPCK_INVALID_ARGUMENT, "malloc: memory is NULL");
    if (bytes == 0) HPCK_FAIL(&handle->err, HPCK_INVALID_ARGUMENT, "malloc: bytes is 0");
    HPCK_TRY(make_room(handle));
    HPCK_TRY(handle->backend->allocate(handle->device, bytes, memory, &handle->err));
    handle->allocations[handle->allocation_count++] = *memory;
done:
    return handle_leave(handle, st);
}

hpck_status hpck_free(hpck_handle *handle, void *memory)
{
    hpck_status st = HPCK_OK;
    size_t i = 0;
    HPCK_TRY(handle_enter(handle));
    if (memory == NULL) goto done;
    while (i < handle->allocation_count && handle->allocations[i] != memory)
        i++;
    if (i == handle->allocation_count)
        HPCK_FAIL(&handle->err, HPCK_INVALID_ARGUMENT,
                  "free: memory = %p was not allocated by hpck_malloc on this handle, or is freed already", memory);
    handle->allocations[i] = handle->allocations[--handle->allocation_count];
    handle->backend->release(handle->device, memory);
done:
    return handle_leave(handle, st);
}

static hpck_status check_copy(hpck_handle *handle, const char *call, const void *memory, size_t byte_offset,
                              const void *host, size_t bytes)
{
    hpck_status st = HPCK_OK;
    struct memory_range range;
    HPCK_TRY(handle->backend->check_memory(handle->device, memory, call, &range, &handle->err));
    if (host == NULL && bytes > 0) HPCK_FAIL(&handle->err, HPCK_INVALID_ARGUMENT, "%s: host is NULL", call);
    if (byte_offset > range.bytes || bytes > range.bytes - byte_offset)
        HPCK_FAIL(&handle->err, HPCK_INVALID_ARGUMENT,
                  "%s: byte_offset = %zu plus bytes = %zu exceeds the buffer's %zu bytes", call, byte_offset, bytes,
                  range.bytes);
done:
    return st;
}

hpck_status hpck_write(hpck_handle *handle, void *memory, size_t byte_offset, const void *host, size_t bytes)
{
    hpck_status st = HPCK_OK;
    HPCK_TRY(handle_enter(handle));
    HPCK_TRY(check_copy(handle, "write", memory, byte_offset, host, bytes));
    if (bytes > 0) HPCK_TRY(handle->backend->write(handle->device, memory, byte_offset, host, bytes, &handle->err));
done:
    return handle_leave(handle, st);
}

hpck_status hpck_read(hpck_handle *handle, void *host, const void *memory, size_t byte_offset, size_t bytes)
{
    hpck_status st = HPCK_OK;
    HPCK_TRY(handle_enter(handle));
    HPCK_TRY(check_copy(handle, "read", memory, byte_offset, host, bytes));
    if (bytes > 0) HPCK_TRY(handle->backend->read(handle->device, host, memory, byte_offset, bytes, &handle->err));
done:
    return handle_leave(handle, st);
}

/* ---- workspace -------------------------------------------------------------------------------------------- */

int64_t handle_workspace_cap(const hpck_handle *handle)
{
    const int64_t bytes = handle->workspace_is_callers
                              ? (int64_t)handle->workspace_bytes
                              : handle->backend->describe(handle->device)->field.max_alloc_bytes;
    return (size_t)bytes < handle->workspace_limit ? bytes : (int64_t)handle->workspace_limit;
}

hpck_status handle_need_workspace(hpck_handle *handle, size_t bytes)
{
    hpck_status st = HPCK_OK;
    void *memory = NULL;
    if (bytes <= handle->workspace_bytes) goto done;
    if (handle->workspace_is_callers)
        HPCK_FAIL(&handle->err, HPCK_DEVICE_OUT_OF_MEMORY,
                  "workspace: the plan needs %zu bytes, hpck_set_workspace gave %zu", bytes,
                  handle->workspace_bytes);
    HPCK_TRY(handle->backend->allocate(handle->device, bytes, &memory, &handle->err));
    handle->backend->release(handle->device, handle->workspace);
    handle->workspace = memory;
    handle->workspace_bytes = bytes;
    handle->workspace_needed = bytes;
done:
    return st;
}

enum { WORKSPACE_ALIGNMENT = 16 }; /* the widest access of a kernel's own states */

hpck_status hpck_set_workspace(hpck_handle *handle, void *memory, size_t bytes)
{
    hpck_status st = HPCK_OK;
    HPCK_TRY(handle_enter(handle));
    if (memory != NULL) {
        struct memory_range range;
        HPCK_TRY(backend_check_memory(handle->backend, handle->device, memory, "workspace", WORKSPACE_ALIGNMENT,
                                      &range, &handle->err));
        if (bytes > range.bytes)
            HPCK_FAIL(&handle->err, HPCK_INVALID_ARGUMENT, "workspace: bytes = %zu exceeds the buffer's %zu bytes",
                      bytes, range.bytes);
    }
    if (!handle->workspace_is_callers) handle->backend->release(handle->device, handle->workspace);
    handle->workspace = memory;
    handle->workspace_bytes = memory != NULL ? bytes : 0;
    handle->workspace_is_callers = memory != NULL;
    if (memory == NULL) HPCK_TRY(handle_need_workspace(handle, handle->workspace_needed));
done:
    return handle_leave(handle, st);
}

hpck_status hpck_set_workspace_limit(hpck_handle *handle, size_t bytes)
{
    hpck_status st = HPCK_OK;
    HPCK_TRY(handle_enter(handle));
    handle->workspace_limit = bytes;
done:
    return handle_leave(handle, st);
}
