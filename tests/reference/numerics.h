/* Storage formats and the rounding model that every oracle shares: how a value is read and stored, and when a device's
 * result counts as right. docs/numerics.md derives the bounds. */
#ifndef HPCK_REFERENCE_NUMERICS_H
#define HPCK_REFERENCE_NUMERICS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The first three = hpck_dtype; the integers are indices, exact up to 2^53. */
enum reference_dtype {
    REFERENCE_F32 = 0,
    REFERENCE_F16 = 1,
    REFERENCE_BF16 = 2,
    REFERENCE_I32 = 3,
    REFERENCE_I64 = 4
};

size_t reference_bytes(enum reference_dtype dtype); /* of one element in storage */

double reference_load(const void *data, enum reference_dtype dtype, int64_t index);
/* Rounds once, to nearest even, from the double; overflow gives infinity. */
void reference_store(void *data, enum reference_dtype dtype, int64_t index, double value);

/* Unit roundoff: half the distance from 1 to the next value. */
double reference_epsilon(enum reference_dtype dtype);
/* Half the distance between neighbours of the format around |value|: the error of one rounding, subnormals included. */
double reference_rounding(enum reference_dtype dtype, double value);

/* Higham's gamma_n = n u / (1 - n u) with u of fp32: n roundings in a row change a value by at most this factor. */
double reference_gamma(int64_t roundings);

/* act(x) in double, and in *bound what computing it in fp32 from an x that is off by up to x_bound may cost. */
double reference_activation(int activation /* = hpck_activation */, double x, double x_bound, double *bound);

/* Whether `got` may be what a device stored for `value`, whose error is at most `bound` (rounding included): NaN
 * matches only NaN, Inf only the same Inf; Inf also where a value inside the bound rounds to it. bound = INFINITY:
 * fp32 may overflow on the way, so anything goes. */
bool reference_matches(double got, double value, double bound, enum reference_dtype dtype);

#endif
