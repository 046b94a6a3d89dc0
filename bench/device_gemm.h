/* A GEMM whose operands lie on the handle's device: what BLAS references there have in common. */
#ifndef HPCK_BENCH_DEVICE_GEMM_H
#define HPCK_BENCH_DEVICE_GEMM_H

#include "blas.h"
#include "device_sets.h"

enum { OPERAND_A, OPERAND_B, OPERAND_C, OPERAND_BIAS }; /* of a set; without a bias it has three */

struct device_gemm {
    struct blas_gemm gemm;
    struct device_sets sets;
};

/* UNSUPPORTED: the problem has offset lists. Closed by the caller, also after a failure. */
hpck_status device_gemm_open(struct device_gemm *device, hpck_handle *handle, struct workload *workload, int copies,
                             struct error *err);
void device_gemm_close(struct device_gemm *device);

/* Poisons the output of set 0, runs once, and compares with the oracle. */
hpck_status device_gemm_verify(struct device_gemm *device, hpck_status (*run)(void *state, struct error *err),
                               void *state, struct error *err);

#endif
