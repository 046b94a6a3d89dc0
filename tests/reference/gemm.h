/* The oracle of GEMM in double precision, by the definition in hpck.h. A leaf: it knows no other room. */
#ifndef HPCK_REFERENCE_GEMM_H
#define HPCK_REFERENCE_GEMM_H

#include "numerics.h"

/* One product, row-major; strides cover both layouts and transposes: A(i,p) = a[a_offset + i*a_row + p*a_col]. */
struct reference_gemm {
    int64_t m, n, k;
    double alpha, beta;
    enum reference_dtype dtype_in, dtype_out;
    const void *a, *b, *c_in; /* c_in: C before the call; not read when beta == 0 */
    int64_t a_offset, a_row, a_col;
    int64_t b_offset, b_row, b_col;
    int64_t c_offset, c_row, c_col;
    const void *bias; /* NULL: none; dtype_out, indexed by column j (row-major) */
    int64_t bias_offset;
    int activation; /* = hpck_activation */
    bool tf32;      /* f32 operands may be rounded to tf32 */
};

/* The value of C(i,j) before rounding to dtype_out, and in *bound the largest error that fp32 accumulation in any
 * order plus one rounding to dtype_out may have (docs/numerics.md). Compare with reference_matches. */
double reference_gemm_value(const struct reference_gemm *gemm, int64_t i, int64_t j, double *bound);

#endif
