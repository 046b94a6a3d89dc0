/* All backends, in order of preference: the one list to extend; and what they have in common. */
#include "backend.h"

const struct backend *const backends[] = { &cuda_backend, &opencl_backend };
const int backend_count = sizeof backends / sizeof backends[0];

hpck_status backend_check_memory(const struct backend *backend, struct backend_device *device, const void *memory,
                                 const char *name, size_t unit, struct memory_range *range, struct error *err)
{
    hpck_status st = backend->check_memory(device, memory, name, range, err);
    if (st == HPCK_OK && range->alignment % unit != 0)
        st = error_set(err, HPCK_INVALID_ARGUMENT, "%s: memory = %p must begin at a multiple of %zu bytes", name,
                       memory, unit);
    return st;
}
