/* C(i,j) by its definition. */
#include "gemm.h"

#include <stddef.h>

#include "sum.h"

/* Two operands, each off by at most 2^-11 of itself, rounded to nearest: 2 * 2^-11 + 2^-22 of the product. What is beyond
 * the largest tf32 number may become Inf. */
static const double TF32_PRODUCT = 0x1.002p-10;
static const double TF32_OVERFLOW = 0x1.ffcp127;

double reference_gemm_value(const struct reference_gemm *gemm, int64_t i, int64_t j, double *bound)
{
    struct reference_sum sum = { 0 };
    double largest = 0.0; /* operand */
    for (int64_t p = 0; p < gemm->k; p++) {
        const double a =
            reference_load(gemm->a, gemm->dtype_in, gemm->a_offset + i * gemm->a_row + p * gemm->a_col);
        const double b =
            reference_load(gemm->b, gemm->dtype_in, gemm->b_offset + p * gemm->b_row + j * gemm->b_col);
        reference_sum_add(&sum, a, b);
        largest = fmax(largest, fmax(reference_size(a), reference_size(b)));
    }
    struct reference_finish finish = {
        .alpha = gemm->k > 0 ? gemm->alpha : 0.0, /* k == 0: no alpha, not even a NaN */
        .beta = gemm->beta,
        .activation = gemm->activation,
        .dtype = gemm->dtype_out,
    };
    if (gemm->tf32) finish.extra = largest >= TF32_OVERFLOW ? INFINITY : sum.magnitude * TF32_PRODUCT;
    if (gemm->beta != 0.0)
        finish.old =
            reference_load(gemm->c_in, gemm->dtype_out, gemm->c_offset + i * gemm->c_row + j * gemm->c_col);
    if (gemm->bias != NULL) finish.bias = reference_load(gemm->bias, gemm->dtype_out, gemm->bias_offset + j);
    return reference_sum_finish(&sum, &finish, bound);
}
