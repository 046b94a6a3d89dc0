/* Uploading, rotating, waiting and checking. */
#include "device_gemm.h"

#include <math.h>
#include <stdlib.h>

#include "reference/numerics.h"

static hpck_status device_error(const struct device_gemm *device, hpck_status st, struct error *err)
{
    return st == HPCK_OK ? st : error_set(err, st, "%s", hpck_error_message(device->handle));
}

void device_gemm_close(struct device_gemm *device)
{
    for (int i = 0; device->sets && i < device->set_count; i++) {
        void *const memory[] = { device->sets[i].a, device->sets[i].b, device->sets[i].c };
        for (int j = 0; j < 3; j++)
            if (memory[j]) hpck_free(device->handle, memory[j]);
    }
    free(device->sets);
    device->sets = NULL;
}

/* Device memory of `elements`, filled from `host`; NULL: with zeros, so that no timed run is the first to touch it. */
static hpck_status operand(hpck_handle *handle, const void *host, int64_t elements, hpck_dtype dtype, void **memory,
                           struct error *err)
{
    hpck_status st = HPCK_OK;
    size_t bytes = (size_t)(elements > 0 ? elements : 1) * dtype_bytes(dtype);
    bool is_given = host && elements > 0;
    void *zeros = is_given ? NULL : calloc(1, bytes);
    if (!is_given && !zeros) HPCK_FAIL(err, HPCK_OUT_OF_MEMORY, "no memory");
    st = hpck_malloc(handle, bytes, memory);
    if (st == HPCK_OK) st = hpck_write(handle, *memory, 0, is_given ? host : zeros, bytes);
    if (st != HPCK_OK) HPCK_FAIL(err, st, "%s", hpck_error_message(handle));
done:
    free(zeros);
    return st;
}

hpck_status device_gemm_open(struct device_gemm *device, hpck_handle *handle, struct workload *workload, int copies,
                             struct error *err)
{
    hpck_status st = HPCK_OK;
    struct blas_gemm *g = &device->gemm;
    *device = (struct device_gemm){ .handle = handle };
    HPCK_TRY(blas_gemm_of(workload, g, err));
    device->sets = calloc((size_t)copies, sizeof *device->sets);
    if (!device->sets) HPCK_FAIL(err, HPCK_OUT_OF_MEMORY, "no memory");
    device->set_count = copies;
    for (int i = 0; i < copies; i++) {
        struct operand_set *set = &device->sets[i];
        HPCK_TRY(operand(handle, g->a, g->elements_a, g->dtype, &set->a, err));
        HPCK_TRY(operand(handle, g->b, g->elements_b, g->dtype, &set->b, err));
        HPCK_TRY(operand(handle, NULL, g->elements_c, g->dtype_c, &set->c, err));
    }
done:
    return st;
}

const struct operand_set *device_gemm_next(struct device_gemm *device)
{
    const struct operand_set *set = &device->sets[device->next_set];
    device->next_set = (device->next_set + 1) % device->set_count;
    return set;
}

hpck_status device_gemm_finish(const struct device_gemm *device, struct error *err)
{
    return device_error(device, hpck_synchronize(device->handle), err);
}

hpck_status device_gemm_verify(struct device_gemm *device, hpck_status (*run)(void *state, struct error *err),
                               void *state, struct error *err)
{
    hpck_status st = HPCK_OK;
    const struct blas_gemm *g = &device->gemm;
    size_t bytes = (size_t)g->elements_c * dtype_bytes(g->dtype_c);
    void *c = malloc(bytes > 0 ? bytes : 1);
    if (!c) HPCK_FAIL(err, HPCK_OUT_OF_MEMORY, "no memory");

    device->next_set = 0;
    for (int64_t i = 0; i < g->elements_c; i++)
        reference_store(c, (enum reference_dtype)g->dtype_c, i, (double)NAN);
    HPCK_TRY(device_error(device, hpck_write(device->handle, device->sets[0].c, 0, c, bytes), err));
    HPCK_TRY(run(state, err));
    HPCK_TRY(device_error(device, hpck_read(device->handle, c, device->sets[0].c, 0, bytes), err));
    HPCK_TRY(blas_gemm_check(g, c, g->dtype_c, err));
done:
    free(c);
    return st;
}
