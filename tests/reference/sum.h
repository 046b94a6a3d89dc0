/* A sum of products and what becomes of it, with the terms of the error bound collected along the way: what the oracles
 * of GEMM and convolution share. docs/numerics.md derives the bound. */
#ifndef HPCK_REFERENCE_SUM_H
#define HPCK_REFERENCE_SUM_H

#include <float.h>
#include <math.h>

#include "numerics.h"

struct reference_sum {
    int64_t terms;    /* products that are not 0: adding a 0 rounds nothing */
    double sum;       /* of the products */
    double magnitude; /* of the absolute values of the finite ones */
    double flushed;   /* of those with an fp32-subnormal factor, which a device may read as 0 */
};

static inline double reference_size(double value) /* |value|, 0 where it is not finite */
{
    return isfinite(value) ? fabs(value) : 0.0;
}

static inline void reference_sum_add(struct reference_sum *s, double a, double b)
{
    const double product = a * b;
    s->sum += product;
    s->terms += product != 0.0;
    s->magnitude += reference_size(product);
    if (fabs(a) < FLT_MIN || fabs(b) < FLT_MIN) s->flushed += reference_size(product);
}

/* activation(alpha * sum + beta * old + bias + residual), rounded to dtype. */
struct reference_finish {
    double alpha, beta;
    double old;            /* 0 where beta is 0 */
    double bias, residual; /* 0: none */
    double extra;   /* error that the sum itself may have beyond that of adding its products, alpha left out */
    int activation; /* = hpck_activation */
    enum reference_dtype dtype;
};

/* The value before rounding, and in *bound the largest error of computing it in fp32 and rounding it. */
double reference_sum_finish(const struct reference_sum *sum, const struct reference_finish *finish, double *bound);

#endif
