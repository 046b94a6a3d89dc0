/* A GEMM whose operands lie on the handle's device, as many sets of them as successive runs rotate through: what references
 * that compute on the device have in common. */
#ifndef HPCK_BENCH_DEVICE_GEMM_H
#define HPCK_BENCH_DEVICE_GEMM_H

#include "blas.h"

struct operand_set {
    void *a, *b, *c; /* device memory */
};

struct device_gemm {
    hpck_handle *handle;
    struct blas_gemm gemm;
    struct operand_set *sets;
    int set_count, next_set;
};

/* UNSUPPORTED: BLAS has no such problem. Closed by the caller, also after a failure. */
hpck_status device_gemm_open(struct device_gemm *device, hpck_handle *handle, struct workload *workload, int copies,
                             struct error *err);
void device_gemm_close(struct device_gemm *device);

const struct operand_set *device_gemm_next(struct device_gemm *device);
hpck_status device_gemm_finish(const struct device_gemm *device, struct error *err);

/* Poisons the output of set 0, runs once, and compares with the oracle. */
hpck_status device_gemm_verify(struct device_gemm *device, hpck_status (*run)(void *state, struct error *err),
                               void *state, struct error *err);

#endif
