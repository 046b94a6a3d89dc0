/* The oracle of reductions and normalisations in double precision, by the definitions in hpck_reduce.h. A leaf. */
#ifndef HPCK_REFERENCE_REDUCE_H
#define HPCK_REFERENCE_REDUCE_H

#include "numerics.h"

enum { REFERENCE_REDUCE_DIMS = 8 };

/* One output: the elements of x that it is computed from, counted row-major over the reduced dimensions. */
struct reference_reduce {
    int operation;   /* = enum reduce_operation */
    int compensated; /* bound of a compensated sum */
    int is_row;      /* added up as rows are, whose trees have the least depth; 0: in any order that is promised */
    double alpha, beta, correction, epsilon;
    enum reference_dtype dtype_in, dtype_out;
    const void *x, *x2, *y_in; /* x2: dot; y_in: y before the call, not read when beta == 0 */
    int64_t x_first, x2_first, y_index;
    int dims;
    int64_t extent[REFERENCE_REDUCE_DIMS], x_step[REFERENCE_REDUCE_DIMS], x2_step[REFERENCE_REDUCE_DIMS];
    /* normalisations: which of the row's elements; scale and shift may be NULL */
    int64_t column;
    const void *scale, *shift;
    int64_t scale_first, shift_first;
};

enum reference_reduce_output { REFERENCE_REDUCE_Y, REFERENCE_REDUCE_VARIANCE, REFERENCE_REDUCE_INDEX };

/* The value before rounding to dtype_out, and in *bound the largest error that an fp32 tree (docs/numerics.md) and one
 * rounding to dtype_out may have. Compare with reference_matches. */
double reference_reduce_value(const struct reference_reduce *reduce, enum reference_reduce_output output,
                              double *bound);

#endif
