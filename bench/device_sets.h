/* Tensors on the handle's device, in as many sets as successive runs rotate through: what references that compute on the
 * device have in common. */
#ifndef HPCK_BENCH_DEVICE_SETS_H
#define HPCK_BENCH_DEVICE_SETS_H

#include "workload.h"

enum { DEVICE_TENSORS_MAX = 4 };

struct device_tensor {
    const void *host; /* its values; NULL: zeros */
    int64_t elements;
    hpck_dtype dtype;
};

struct device_sets {
    hpck_handle *handle;
    struct device_tensor tensor[DEVICE_TENSORS_MAX]; /* hosts are not looked at after the opening */
    int tensor_count, set_count, next_set;
    void *(*memory)[DEVICE_TENSORS_MAX]; /* of each set */
};

/* Closed by the caller, also after a failure. */
hpck_status device_sets_open(struct device_sets *sets, hpck_handle *handle, const struct device_tensor *tensors,
                             int tensor_count, int copies, struct error *err);
void device_sets_close(struct device_sets *sets);

void *const *device_sets_next(struct device_sets *sets); /* the tensors of this run */
hpck_status device_sets_finish(const struct device_sets *sets, struct error *err);

/* Fills tensor `output` of set 0 with NaN, runs once on that set, and reads the tensor into *values, which the caller frees. */
hpck_status device_sets_try(struct device_sets *sets, int output,
                            hpck_status (*run)(void *state, struct error *err), void *state, void **values,
                            struct error *err);

#endif
