/* A workload's GEMM in the terms that BLAS libraries share: every distance resolved. */
#ifndef HPCK_BENCH_BLAS_H
#define HPCK_BENCH_BLAS_H

#include "workload.h"

struct blas_gemm {
    hpck_dtype dtype, dtype_c;
    bool column_major, trans_a, trans_b;
    int64_t m, n, k, batch;
    int64_t lda, ldb, ldc;
    int64_t stride_a, stride_b, stride_c;
    int64_t elements_a, elements_b, elements_c; /* from the first to behind the last one, all batch entries */
    float alpha, beta;
    const void *a, *b, *bias; /* host memory of the workload; bias NULL: none */
    hpck_activation activation;
    bool tf32; /* f32 operands may be rounded to it */
};

/* UNSUPPORTED: the problem has offset lists. */
hpck_status blas_gemm_of(struct workload *workload, struct blas_gemm *gemm, struct error *err);
/* UNSUPPORTED: the problem has an epilogue, which BLAS proper has not. */
hpck_status blas_gemm_check_plain(const struct blas_gemm *gemm, struct error *err);

/* Compares a result in host memory with the oracle: corners, edges and a random sample. The bound is that of fp32
 * accumulation and one rounding to dtype_c. INTERNAL names the first wrong element. */
hpck_status blas_gemm_check(const struct blas_gemm *gemm, const void *c, hpck_dtype dtype_c, struct error *err);

#endif
