/* C(i,j) by its definition, with the terms of the error bound summed along the way. */
#include "gemm.h"

#include <float.h>
#include <math.h>
#include <stddef.h>

static double finite_size(double value)
{
    return isfinite(value) ? fabs(value) : 0.0;
}

/* The exact sum x of terms of total size `total` where fp32 may overflow in some order of addition: x becomes Inf
 * where every order must overflow; returns the error that is left. */
static double overflow(double *x, double total, double gamma, double error)
{
    const double size = fabs(*x);
    if (isnan(*x)) return error;
    if (isinf(*x) || size < total * (1.0 - 1e-9)) return INFINITY; /* terms of both signs: NaN is possible too */
    if (size * (1.0 - gamma) <= FLT_MAX) return INFINITY;
    *x = copysign(INFINITY, *x);
    return error;
}

/* Two operands, each off by at most 2^-11 of itself, rounded to nearest: 2 * 2^-11 + 2^-22 of the product. What is beyond
 * the largest tf32 number may become Inf. */
static const double TF32_PRODUCT = 0x1.002p-10;
static const double TF32_OVERFLOW = 0x1.ffcp127;

double reference_gemm_value(const struct reference_gemm *gemm, int64_t i, int64_t j, double *bound)
{
    int64_t terms = 0;      /* products that are not 0: adding a 0 rounds nothing */
    double sum = 0.0;       /* of the products */
    double magnitude = 0.0; /* of the absolute values of the finite ones */
    double flushed = 0.0;   /* of those with an fp32-subnormal factor, which a device may read as 0 */
    double largest = 0.0;   /* operand */
    for (int64_t p = 0; p < gemm->k; p++) {
        const double a =
            reference_load(gemm->a, gemm->dtype_in, gemm->a_offset + i * gemm->a_row + p * gemm->a_col);
        const double b =
            reference_load(gemm->b, gemm->dtype_in, gemm->b_offset + p * gemm->b_row + j * gemm->b_col);
        const double product = a * b;
        sum += product;
        terms += product != 0.0;
        magnitude += finite_size(product);
        largest = fmax(largest, fmax(finite_size(a), finite_size(b)));
        if (fabs(a) < FLT_MIN || fabs(b) < FLT_MIN) flushed += finite_size(product);
    }

    double scaled = gemm->k > 0 ? gemm->alpha * sum : 0.0; /* k == 0: no alpha, not even a NaN */
    double old = 0.0, bias = 0.0;
    if (gemm->beta != 0.0) {
        old = gemm->beta *
              reference_load(gemm->c_in, gemm->dtype_out, gemm->c_offset + i * gemm->c_row + j * gemm->c_col);
    }
    if (gemm->bias != NULL) bias = reference_load(gemm->bias, gemm->dtype_out, gemm->bias_offset + j);
    double x = scaled + old + bias;

    const double alpha = finite_size(gemm->alpha), beta = finite_size(gemm->beta);
    const double gamma = reference_gamma(terms + 3);
    const double total = alpha * magnitude + finite_size(old) + finite_size(bias);
    const double steps = 2.0 * (double)terms + 5.0; /* operations whose result may be flushed to 0 */
    double error = alpha * flushed + FLT_MIN * (steps * (1.0 + alpha) + beta);
    if (total > 0.0) error += (gamma + (double)terms * DBL_EPSILON) * total;
    if (gemm->tf32) error += alpha * magnitude * TF32_PRODUCT;
    if (gemm->tf32 && largest >= TF32_OVERFLOW) error = INFINITY;
    const double peak = fmax(magnitude, total);
    if (peak > 0.0 && peak * (1.0 + gamma) > FLT_MAX) error = overflow(&x, total, gamma, error);
    if (isinf(gemm->alpha) && fabs(sum) <= gamma * magnitude) error = INFINITY; /* Inf times a 0 or a non-0 */

    const double y = reference_activation(gemm->activation, x, error, &error);
    if (gemm->dtype_out != REFERENCE_F32) error += reference_rounding(gemm->dtype_out, fabs(y) + error);
    *bound = error;
    return y;
}
