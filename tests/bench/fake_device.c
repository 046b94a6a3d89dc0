/* See fake_device.h. */
#include "fake_device.h"

#include <dlfcn.h>
#include <stdlib.h>

bool fake_device_open(struct fake_device *device)
{
    int (*current)(void **context);
    void *context = NULL;
    const char *name = getenv("HPCK_CUDA_DRIVER");
    void *driver = name ? dlopen(name, RTLD_NOW) : NULL;
    if (!driver) return false;
    *(void **)&current = dlsym(driver, "cuCtxGetCurrent");
    *(void **)&device->read = dlsym(driver, "cuMemcpyDtoH_v2");
    *(void **)&device->write = dlsym(driver, "cuMemcpyHtoD_v2");
    return current(&context) == 0 && context != NULL;
}

void *fake_device_read(const struct fake_device *device, const void *from, int64_t elements,
                       enum reference_dtype dtype)
{
    const size_t bytes = (size_t)elements * reference_bytes(dtype);
    void *copy = malloc(bytes > 0 ? bytes : 1);
    if (copy && device->read(copy, (uint64_t)(uintptr_t)from, bytes) == 0) return copy;
    free(copy);
    return NULL;
}

bool fake_device_write(const struct fake_device *device, void *to, const void *from, int64_t elements,
                       enum reference_dtype dtype)
{
    return device->write((uint64_t)(uintptr_t)to, from, (size_t)elements * reference_bytes(dtype)) == 0;
}
