/* What stand-ins for CUDA libraries need of the driver: a current context, and copies from and to device memory. */
#ifndef HPCK_TESTS_FAKE_DEVICE_H
#define HPCK_TESTS_FAKE_DEVICE_H

#include <stdbool.h>
#include <stdint.h>

#include "reference/numerics.h"

#define FAKE_API __attribute__((visibility("default")))

struct fake_device {
    int (*read)(void *to, uint64_t from, size_t bytes);
    int (*write)(uint64_t to, const void *from, size_t bytes);
};

/* false: there is no driver, or no context is current. */
bool fake_device_open(struct fake_device *device);

/* A copy that the caller frees; NULL: the copy failed. */
void *fake_device_read(const struct fake_device *device, const void *from, int64_t elements,
                       enum reference_dtype dtype);
bool fake_device_write(const struct fake_device *device, void *to, const void *from, int64_t elements,
                       enum reference_dtype dtype);

#endif
